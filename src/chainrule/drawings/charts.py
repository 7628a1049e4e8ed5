"""Charts: curves and points over two axes, either of them logarithmic, and strips of small images. What is drawn is data; words in it are part of the data.

An SVG carries its data as every plot does, decimal logarithms along a logarithmic axis, so that ``same_picture`` compares small numbers and large ones alike."""

import io
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import RenderError
from ..plots import BLUE, GREY, INK, RED, SETTINGS, UNDATED, with_data
from ..report import Curve, Dot, Figure, Panel

DPI = 200
"""Of a PNG, and of images in an SVG or a PDF."""
Form = Literal["svg", "pdf", "png"]
OCHRE = "#a8741a"
COLOURS = {"blue": BLUE, "red": RED, "ochre": OCHRE, "grey": "#6b7280", "faint": GREY}
"""Beside their colours, curves differ in their marks, so that they are told apart in grey too."""
DASHES: dict[str, Any] = {"solid": "-", "dashed": (0, (5, 3)), "dotted": (0, (1.2, 2.2)), "none": "none"}
MARKS = {"": "", "dot": "o", "ring": "o", "square": "s", "triangle": "^", "cross": "x", "diamond": "D"}
OPEN = ("ring", "diamond", "cross")
"""Marks that are not filled."""
BOTH = ("#e9effa", "#f9ece9")
"""Where a field is small, and where it is large."""
SIDES: dict[str, tuple[float, float, str, str]] = {
    "right": (7, 0, "left", "center"), "left": (-7, 0, "right", "center"),
    "above": (0, 7, "center", "bottom"), "below": (0, -7, "center", "top"),
    "middle": (0, 0, "center", "center"), "above right": (5, 5, "left", "bottom"), "above left": (-5, 5, "right", "bottom"),
    "below right": (5, -5, "left", "top"), "below left": (-5, -5, "right", "top"),
}  # fmt: skip
"""Where a label stands beside its point: its distance in points, and its end that is nearest."""


@dataclass(frozen=True)
class Series:
    """Points, joined or alone; None in ``y`` breaks the line.

    key: what the data are called in an SVG. colour, line, mark: a row of COLOURS, DASHES and MARKS. label: its name, written on one side (a row of SIDES) of the point
    number ``at``."""

    key: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    label: str = ""
    colour: str = "blue"
    line: str = "solid"
    mark: str = ""
    at: int = -1
    side: str = "right"
    width: float = 1.8
    size: float = 4.0


@dataclass(frozen=True)
class Field:
    """A function of both axes, shaded: z[i][j] at (x[j], y[i]). levels: rising; the contours at them are drawn. named: those of them that
    are named, in per cent where ``percent``."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    z: tuple[tuple[float, ...], ...]
    levels: tuple[float, ...]
    named: tuple[float, ...] = ()
    percent: bool = False


@dataclass(frozen=True)
class Chart:
    """One pair of axes. name: the stem of its file. square: a unit is as long along both axes. size: in inches. x_ticks, y_ticks: places with
    their words, in place of numbers. title: above the axes, on the left."""

    name: str
    series: tuple[Series, ...]
    x_title: str = ""
    y_title: str = ""
    x_log: bool = False
    y_log: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    field: Field | None = None
    square: bool = False
    size: tuple[float, float] = (6.2, 3.5)
    x_ticks: tuple[tuple[float, str], ...] = ()
    y_ticks: tuple[tuple[float, str], ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Stack:
    """Charts below each other, with one axis of x."""

    name: str
    charts: tuple[Chart, ...]
    size: tuple[float, float] = (6.2, 4.6)


def room(values: Iterable[float], below: float, above: float) -> tuple[float, float]:
    """A logarithmic range that reaches beyond the values by two factors."""
    found = tuple(values)
    return min(found) / below, max(found) * above


@dataclass(frozen=True)
class Image:
    """A small image in shades of grey, from 0 to 1, in rows; caption: below it; marked: in red."""

    rows: tuple[tuple[float, ...], ...]
    caption: str
    marked: bool = False


@dataclass(frozen=True)
class Strip:
    """Images side by side. columns: in a row."""

    name: str
    images: tuple[Image, ...]
    columns: int = 12


def draw_chart(chart: Chart | Strip | Stack, form: Form = "svg") -> bytes:
    """A chart, a strip or a stack as a file: SVG for Markdown and Typst, PDF for LaTeX. The same bytes every time on one machine.

    Raises RenderError without Matplotlib."""
    made = drawn(chart, form)
    return with_data(made, figure_of(chart)) if form == "svg" else made


def drawn(chart: Chart | Strip | Stack, form: Form) -> bytes:
    """The file as Matplotlib writes it, without data."""
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise RenderError("plots need the package `matplotlib`: pip install 'chainrule[book]'") from error
    with matplotlib.rc_context(SETTINGS):
        canvas = Canvas(figsize=_size(chart), layout="constrained")
        FigureCanvasAgg(canvas)
        if isinstance(chart, Chart):
            _draw(canvas.subplots(), chart)
        elif isinstance(chart, Stack):
            every = canvas.subplots(len(chart.charts), 1, sharex=True, squeeze=False)[:, 0]
            for ax, one in zip(every, chart.charts, strict=True):
                _draw(ax, one)
        else:
            _draw_strip(canvas, chart)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format=form, metadata=UNDATED.get(form), dpi=DPI)
    return buffer.getvalue()


def _size(chart: Chart | Strip | Stack) -> tuple[float, float]:
    if not isinstance(chart, Strip):
        return chart.size
    return 6.2, 0.82 * math.ceil(len(chart.images) / chart.columns)


# ---------------------------------------------------------------- drawing


def _draw(ax: Any, chart: Chart) -> None:
    if chart.x_log:
        ax.set_xscale("log")
    if chart.y_log:
        ax.set_yscale("log")
    if chart.field is not None:
        _shade(ax, chart.field)
    for number, series in enumerate(chart.series):
        _plot(ax, series, 3 + number / 100)
    _dress(ax, chart)
    for series in chart.series:
        if series.label:
            _name(ax, series)


def _plot(ax: Any, series: Series, order: float) -> None:
    colour = COLOURS[series.colour]
    y = [math.nan if v is None else v for v in series.y]
    ax.plot(
        series.x,
        y,
        color=colour,
        linestyle=DASHES[series.line],
        linewidth=series.width,
        marker=MARKS[series.mark],
        markersize=series.size,
        markerfacecolor="white" if series.mark in OPEN else colour,
        markeredgecolor=colour if series.mark in OPEN else "white",
        markeredgewidth=1.2 if series.mark in OPEN else 0.4,
        solid_capstyle="butt",
        zorder=order,
    )


def _name(ax: Any, series: Series) -> None:
    points = [(x, y) for x, y in zip(series.x, series.y, strict=True) if y is not None]
    dx, dy, horizontal, vertical = SIDES[series.side]
    ax.annotate(series.label, points[series.at], xytext=(dx, dy), textcoords="offset points", fontsize=11.5,
                color=COLOURS[series.colour], ha=horizontal, va=vertical, zorder=7)  # fmt: skip


def _shade(ax: Any, field: Field) -> None:
    """Lighter towards the middle level; the other contours are thin lines with their values."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("both", [BOTH[0], "#ffffff", BOTH[1]])
    low, high = min(map(min, field.z)), max(map(max, field.z))
    ax.contourf(field.x, field.y, field.z, levels=[min(low, 0), *field.levels, max(high, 1)], cmap=colours, zorder=0)
    lines = ax.contour(field.x, field.y, field.z, levels=field.levels, colors=GREY, linewidths=0.7, zorder=1)
    written: Callable[[float], str] = (lambda v: f"{100 * v:.0f} %") if field.percent else (lambda v: f"{v:g}")
    ax.clabel(lines, field.named, fmt=written, fontsize=8, inline_spacing=2)


def _dress(ax: Any, chart: Chart) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    for limits, set_limits in ((chart.x_range, ax.set_xlim), (chart.y_range, ax.set_ylim)):
        if limits is not None:
            set_limits(*limits)
    for axis, logarithmic, most in ((ax.xaxis, chart.x_log, 9), (ax.yaxis, chart.y_log, 6)):
        low, high = axis.get_view_interval()
        even = MaxNLocator(most, integer=high - low > 3, steps=[1, 2, 2.5, 5, 10])
        axis.set_major_locator(LogLocator(numticks=most) if logarithmic else even)
        axis.set_minor_locator(NullLocator())
    for axis, ticks in ((ax.xaxis, chart.x_ticks), (ax.yaxis, chart.y_ticks)):
        if ticks:
            axis.set_ticks([place for place, _ in ticks], labels=[words for _, words in ticks])
    if chart.title:
        ax.set_title(chart.title, loc="left", fontsize=12.5, color=INK, pad=7)
    if chart.square:
        ax.set_aspect("equal")
    if chart.field is None:
        ax.grid(True, color="#e4e7ec", linewidth=0.7)
        ax.set_axisbelow(True)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(which="both", length=0, labelsize=9)
    ax.set_xlabel(chart.x_title, fontsize=11, color=INK)
    ax.set_ylabel(chart.y_title, fontsize=11, color=INK)


def _draw_strip(canvas: Any, strip: Strip) -> None:
    rows = math.ceil(len(strip.images) / strip.columns)
    axes = canvas.subplots(rows, strip.columns, squeeze=False).ravel()
    for ax in axes:
        ax.axis("off")
    for ax, image in zip(axes, strip.images, strict=False):
        ax.imshow(image.rows, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
        ax.text(0.5, -0.1, image.caption, transform=ax.transAxes, fontsize=11, ha="center", va="top",
                color=RED if image.marked else INK)  # fmt: skip


# ---------------------------------------------------------------- data


def figure_of(chart: Chart | Strip | Stack) -> Figure:
    """The data of a chart as an SVG carries them: lines as curves, marks as dots, images as curves of grey along their rows, with their captions."""
    if isinstance(chart, Strip):
        return Figure(chart.name, "strip", tuple(map(_panel_of, chart.images)))
    charts = chart.charts if isinstance(chart, Stack) else (chart,)
    return Figure(chart.name, "chart", tuple(map(_axes_of, charts)))


def _axes_of(chart: Chart) -> Panel:
    curves, dots = [], []
    for series in chart.series:
        x = tuple(_along(v, chart.x_log) for v in series.x)
        y = tuple(None if v is None else _along(v, chart.y_log) for v in series.y)
        if series.mark:
            filled = series.mark not in OPEN
            dots += [Dot(series.key, a, b, filled) for a, b in zip(x, y, strict=True) if b is not None]
        else:
            curves.append(Curve(series.key, series.label, x, y))
    if chart.field is not None:
        step = max(1, len(chart.field.z) // 8)
        curves += [Curve("field", "", chart.field.x, row) for row in chart.field.z[::step]]
    return Panel(tuple(curves), tuple(dots))


def _panel_of(image: Image) -> Panel:
    grey = tuple(value for row in image.rows for value in row)
    return Panel((Curve(image.caption, image.caption, tuple(map(float, range(len(grey)))), grey),))


def _along(value: float, logarithmic: bool) -> float:
    return float(f"{math.log10(value) if logarithmic else value:.7g}")
