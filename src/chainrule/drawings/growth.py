"""How the number of multiplications grows with the depth of a graph, as a plot with a logarithmic axis."""

import io
from collections.abc import Sequence
from typing import Any, Literal

from ..calculus.growth import Measured
from ..errors import RenderError
from ..plots import BLUE, GREY, INK, RED, SETTINGS, UNDATED, with_data
from ..report import Curve, Figure, Panel

COLOURS = {"by_paths": RED, "forward": GREY, "reverse": BLUE}
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
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise RenderError("plots need the package `matplotlib`: pip install 'chainrule[book]'") from error
    (panel,) = figure.panels
    with matplotlib.rc_context(SETTINGS):
        canvas = Canvas(figsize=(6.2, 3.5), layout="constrained")
        FigureCanvasAgg(canvas)
        ax = canvas.subplots()
        for curve, label in zip(panel.curves, labels, strict=True):
            _draw(ax, curve, label)
        _dress(ax, panel, axes)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format=form, metadata=UNDATED.get(form))
    return with_data(buffer.getvalue(), figure) if form == "svg" else buffer.getvalue()


def _draw(ax: Any, curve: Curve, label: str) -> None:
    points = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if y is not None]
    colour = COLOURS[curve.role]
    ax.plot(*zip(*points, strict=True), "o-", color=colour, linewidth=1.8, markersize=3.6, zorder=3)
    x, y = points[-1]
    below = curve.role == "reverse"
    ax.annotate(label, (x, y), xytext=(4, -12 if below else 8), textcoords="offset points", color=colour, fontsize=11,
                ha="right", va="top" if below else "bottom")  # fmt: skip


def _dress(ax: Any, panel: Panel, names: tuple[str, str]) -> None:
    from matplotlib.ticker import MaxNLocator

    every = [y for curve in panel.curves for y in curve.y if y is not None]
    ax.set_yscale("log")
    ax.set_ylim(min(every) / 2.2, max(every) * 4)
    ax.grid(True, color="#e4e7ec", linewidth=0.7)
    ax.set_axisbelow(True)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(which="both", length=0, labelsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(names[0], fontsize=11, color=INK)
    ax.set_ylabel(names[1], fontsize=11, color=INK)
