"""The picture of a graph as SVG: formulas are outlines, so that it looks the same with any font, and in Typst."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from ..calculus.graph import Graph
from ..calculus.graph_values import Values
from .layout import ARROW, Frame, Text, Wire, picture
from .mathematics import outline, short

COLOURS = {"ink": "#22262c", "value": "#1f5fa8", "derivative": "#c0392b"}
FILLS = {"input": "#eef3f9", "parameter": "#f4f5f7", "named": "#ffffff", "output": "#faf1ea"}
LINE, FAINT = "#6b7280", "#b3b9c2"
RADIUS = 6.0


def svg(graph: Graph, values: Values | None = None) -> bytes:
    """The graph as SVG, from left to right: in each box a quantity, its value in blue and the derivative of the output by it in red; on each
    edge the value that goes along it above, the local derivative below. Without values, the formulas alone."""
    made = picture(graph, values)
    letters, names = letters_of(made.texts)
    body = [*map(_wire, made.wires), *map(_frame, made.frames), *(text_of(text, names) for text in made.texts)]
    return document(made.width, made.height, made.title, made.description, [*letters, *body])


def document(wide: float, high: float, title: str, description: str, body: Sequence[str]) -> bytes:
    """A picture of that size, in points, on white."""
    width, height = short(wide), short(high)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}pt" height="{height}pt" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(description)}</desc>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        *body,
        "</svg>",
    ]
    return ("\n".join(lines) + "\n").encode()


def letters_of(texts: Iterable[Text]) -> tuple[list[str], dict[str, str]]:
    """The definition of every letter that texts need, and its name in the picture; a space has none."""
    shapes: dict[str, str] = {}
    for text in texts:
        shapes |= outline(text.latex, text.size).shapes
    names = {key: f"g{number}" for number, key in enumerate(shapes)}
    letters = [f'<path id="{names[key]}" d="{path}"/>' for key, path in shapes.items() if path]
    return ["<defs>", *letters, "</defs>"], {key: names[key] for key, path in shapes.items() if path}


def _wire(wire: Wire) -> str:
    *_, (x, y) = wire.points
    colour = FAINT if wire.fixed else LINE
    dashes = ' stroke-dasharray="4 3"' if wire.fixed else ""
    head = f"M{short(x)} {short(y)}l{-ARROW} {-ARROW / 2}v{ARROW}z"
    path = f'<path d="{_path(wire)}" fill="none" stroke="{colour}" stroke-width="1.2"{dashes}/>'
    return f'{path}<path d="{head}" fill="{colour}"/>'


def _path(wire: Wire) -> str:
    (x, y), *others = wire.points
    path = f"M{short(x)} {short(y)}"
    for number, (to_x, to_y) in enumerate(others):
        middle = short((x + to_x) / 2)
        end = to_x - (ARROW if number == len(others) - 1 else 0.0)
        bend = f"C{middle} {short(y)} {middle} {short(to_y)} {short(to_x)} {short(to_y)}"
        path += bend if number % 2 else f"H{short(end)}"
        x, y = to_x, to_y
    return path


def _frame(frame: Frame) -> str:
    stroke = ' stroke-dasharray="4 3"' if frame.role == "parameter" else ""
    return (
        f'<rect x="{short(frame.x)}" y="{short(frame.y)}" width="{short(frame.width)}" height="{short(frame.height)}" '
        f'rx="{RADIUS:g}" fill="{FILLS[frame.role]}" stroke="{LINE}" stroke-width="{1.8 if frame.role == "output" else 1:g}"{stroke}/>'
    )


def text_of(text: Text, names: Mapping[str, str]) -> str:
    """A formula at its place, of letters with those names."""
    made = outline(text.latex, text.size)
    parts = [
        f'<use href="#{names[g.key]}" transform="translate({short(g.x)} {short(g.y)}) scale({g.scale:.4f})"/>'
        for g in made.glyphs
        if g.key in names
    ]
    parts += [
        f'<rect x="{short(x)}" y="{short(y)}" width="{short(width)}" height="{short(height)}"/>'
        for x, y, width, height in made.bars
    ]
    half = text.extent.width / 2
    place = f"translate({short(text.x - half)} {short(text.y)})"
    if text.angle:
        place = f"translate({short(text.x)} {short(text.y)}) rotate({short(text.angle)}) translate({short(-half)} 0)"
    return f'<g fill="{COLOURS[text.colour]}" transform="{place}">{"".join(parts)}</g>'
