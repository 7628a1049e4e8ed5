"""The picture of a graph as TikZ, for LaTeX: the same places, the labels set by LaTeX itself. It needs tikz, amsmath and xcolor."""

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
    lines = [
        *(rf"\definecolor{{graph-{name}}}{{HTML}}{{{value[1:].upper()}}}" for name, value in NAMES.items()),
        r"\begin{tikzpicture}[x=1pt, y=-1pt, inner sep=0pt, line width=0.8pt]",
        rf"\useasboundingbox (0,0) rectangle ({short(made.width)},{short(made.height)});",
        *map(_wire, made.wires),
        *map(_frame, made.frames),
        *map(_text, made.texts),
        r"\end{tikzpicture}",
    ]
    return "\n".join(lines) + "\n"


def tikz_document(graph: Graph, values: Values | None = None) -> str:
    """A LaTeX document that holds nothing but the picture, on a page of its size."""
    made = picture(graph, values)
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage{amsmath,xcolor,tikz}",
            rf"\usepackage[paperwidth={short(made.width)}pt,paperheight={short(made.height + 2)}pt,margin=0pt]{{geometry}}",
            r"\pagestyle{empty}\parindent0pt\topskip0pt",
            r"\begin{document}",
            tikz(graph, values).rstrip(),
            r"\end{document}",
            "",
        ]
    )


def _at(x: float, y: float) -> str:
    return f"({short(x)},{short(y)})"


def _wire(wire: Wire) -> str:
    (x, y), *others = wire.points
    path = _at(x, y)
    for number, (to_x, to_y) in enumerate(others):
        middle = (x + to_x) / 2
        end = to_x - (ARROW if number == len(others) - 1 else 0.0)
        bend = f" .. controls {_at(middle, y)} and {_at(middle, to_y)} .. {_at(to_x, to_y)}"
        path += bend if number % 2 else f" -- {_at(end, to_y)}"
        x, y = to_x, to_y
    colour = "graph-faint" if wire.fixed else "graph-line"
    head = f"{_at(x, y)} -- {_at(x - ARROW, y - ARROW / 2)} -- {_at(x - ARROW, y + ARROW / 2)} -- cycle"
    return rf"\draw[{colour}{', dashed' if wire.fixed else ''}] {path};\fill[{colour}] {head};"


def _frame(frame: Frame) -> str:
    style = f"graph-line, fill=graph-{frame.role}, rounded corners={RADIUS:g}pt"
    style += {"output": ", line width=1.4pt", "parameter": ", dashed"}.get(frame.role, "")
    return rf"\draw[{style}] {_at(frame.x, frame.y)} rectangle {_at(frame.x + frame.width, frame.y + frame.height)};"


def _text(text: Text) -> str:
    size = rf"\fontsize{{{NARROWER * text.size:.2f}pt}}{{{text.size:g}pt}}\selectfont"
    return rf"\node[anchor=base, text=graph-{text.colour}] at {_at(text.x, text.y)} {{{size}$\displaystyle {text.latex}$}};"
