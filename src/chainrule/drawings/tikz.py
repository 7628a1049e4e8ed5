"""The picture of a graph as TikZ, for LaTeX: the same places, the labels set by LaTeX itself. It needs tikz, amsmath and xcolor."""

from collections.abc import Sequence

from ..calculus.graph import Graph
from ..calculus.graph_values import Values
from .layout import ARROW, Frame, Text, Wire, picture
from .mathematics import short
from .svg import COLOURS, FAINT, FILLS, LINE, RADIUS

NAMES = {**COLOURS, **FILLS, "line": LINE, "faint": FAINT}
"""The colours of the picture, by the name that follows ``graph-``."""
NARROWER = 0.88
"""The letters of LaTeX run wider than those that the places were measured with."""


def tikz(graph: Graph, values: Values | None = None) -> str:
    """The graph as a ``tikzpicture``."""
    made = picture(graph, values)
    body = [*map(_wire, made.wires), *map(_frame, made.frames), *map(text_of, made.texts)]
    return environment(made.width, made.height, body)


def environment(width: float, height: float, body: Sequence[str]) -> str:
    """A ``tikzpicture`` of that size, in points, y downwards, with the colours of the pictures."""
    lines = [
        *(rf"\definecolor{{graph-{name}}}{{HTML}}{{{value[1:].upper()}}}" for name, value in NAMES.items()),
        r"\begin{tikzpicture}[x=1pt, y=-1pt, inner sep=0pt, line width=0.8pt]",
        rf"\useasboundingbox (0,0) rectangle ({short(width)},{short(height)});",
        *body,
        r"\end{tikzpicture}",
    ]
    return "\n".join(lines) + "\n"


def tikz_document(graph: Graph, values: Values | None = None) -> str:
    """A LaTeX document that holds nothing but the picture, on a page of its size."""
    made = picture(graph, values)
    return document(made.width, made.height, tikz(graph, values))


def document(width: float, height: float, picture: str) -> str:
    """A LaTeX document of one page of that size."""
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage{amsmath,xcolor,tikz}",
            rf"\usepackage[paperwidth={short(width)}pt,paperheight={short(height + 2)}pt,margin=0pt]{{geometry}}",
            r"\pagestyle{empty}\parindent0pt\topskip0pt",
            r"\begin{document}",
            picture.rstrip(),
            r"\end{document}",
            "",
        ]
    )


def at(x: float, y: float) -> str:
    """A place."""
    return f"({short(x)},{short(y)})"


def _wire(wire: Wire) -> str:
    (x, y), *others = wire.points
    path = at(x, y)
    for number, (to_x, to_y) in enumerate(others):
        middle = (x + to_x) / 2
        end = to_x - (ARROW if number == len(others) - 1 else 0.0)
        bend = f" .. controls {at(middle, y)} and {at(middle, to_y)} .. {at(to_x, to_y)}"
        path += bend if number % 2 else f" -- {at(end, to_y)}"
        x, y = to_x, to_y
    colour = "graph-faint" if wire.fixed else "graph-line"
    head = f"{at(x, y)} -- {at(x - ARROW, y - ARROW / 2)} -- {at(x - ARROW, y + ARROW / 2)} -- cycle"
    return rf"\draw[{colour}{', dashed' if wire.fixed else ''}] {path};\fill[{colour}] {head};"


def _frame(frame: Frame) -> str:
    style = f"graph-line, fill=graph-{frame.role}, rounded corners={RADIUS:g}pt"
    style += {"output": ", line width=1.4pt", "parameter": ", dashed"}.get(frame.role, "")
    return rf"\draw[{style}] {at(frame.x, frame.y)} rectangle {at(frame.x + frame.width, frame.y + frame.height)};"


def text_of(text: Text) -> str:
    """A formula at its place."""
    size = rf"\fontsize{{{NARROWER * text.size:.2f}pt}}{{{text.size:g}pt}}\selectfont"
    turned = f", rotate={short(-text.angle)}" if text.angle else ""
    content = rf"{{{size}$\displaystyle {text.latex}$}}"
    return rf"\node[anchor=base{turned}, text=graph-{text.colour}] at {at(text.x, text.y)} {content};"
