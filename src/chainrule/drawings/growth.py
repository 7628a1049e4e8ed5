"""How the number of multiplications grows with the depth of a graph, as a plot with a logarithmic axis."""

from collections.abc import Sequence
from typing import Literal

from ..calculus.growth import Measured
from ..plots import with_data
from ..report import Curve, Figure, Panel
from .charts import Chart, Series, drawn, room

COLOURS = {"by_paths": "red", "forward": "grey", "reverse": "blue"}
ROLES = tuple(COLOURS)


def growth_figure(rows: Sequence[Measured], name: str = "computational_graph-growth") -> Figure:
    """The multiplications that each way executed, by depth, as data; a way that was not walked at a depth leaves a gap."""
    depths = tuple(float(row.depth) for row in rows)
    curves = tuple(
        Curve(role, role.replace("_", " "), depths, tuple(_multiplications(row, role) for row in rows))
        for role in ROLES
    )
    return Figure(name, "growth", (Panel(curves, x_label="depth", logarithmic=True),))


def _multiplications(row: Measured, role: str) -> float | None:
    count = getattr(row, role)
    return None if count is None else float(count.multiplications)


def draw_growth(
    figure: Figure,
    form: Literal["svg", "pdf", "png"] = "svg",
    labels: Sequence[str] = ("sum over paths", "forward accumulation", "reverse accumulation"),
    axes: tuple[str, str] = ("depth", "multiplications"),
) -> bytes:
    """The plot as a file. labels and axes: the words in it, in the reader's language."""
    (panel,) = figure.panels
    places = {"reverse": (len(panel.curves[0].x) // 2, "below right")}
    series = tuple(
        Series(c.role, c.x, c.y, label, COLOURS[c.role], "solid", "dot", *places.get(c.role, (-1, "above left")))
        for c, label in zip(panel.curves, labels, strict=True)
    )
    every = [y for curve in panel.curves for y in curve.y if y is not None]
    made = drawn(Chart(figure.name, series, *axes, y_log=True, y_range=room(every, 2.2, 4)), form)
    return with_data(made, figure) if form == "svg" else made
