"""Plots: what is drawn is sampled here, as data; Matplotlib is met in `draw` and imported only when it is called.

A figure is the same on every machine up to the last digits of its data, which an SVG carries along: ``plotted_data``
reads them back, so that figures are compared by what they show and not by their bytes.
"""

import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import sympy

from .calculus.derivation import Derivation
from .errors import RenderError
from .expression import printing
from .expression import tree as t
from .expression.convert import from_sympy, to_sympy
from .report import Curve, Dot, Figure, Material, Panel

BLUE, RED, GREY, INK, SHADE = "#1f5fa8", "#c0392b", "#8a919c", "#3b4048", "#f1e9e4"
COLOURS = {"function": BLUE, "derivative": RED, "log": RED, "stage": BLUE}
SAMPLES = 161
SEEN = 0.004  # of the height of a plot
HALVINGS = 3
THRESHOLD = 0.01
"""Where the derivative is smaller than this the plot is shaded."""
TALLEST = 12.0
"""A curve that grows beyond this is cut off."""
DATA_MARK = "chainrule data: "
SETTINGS = {
    "font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 11.0, "axes.unicode_minus": True,
    "svg.fonttype": "path", "svg.hashsalt": "chainrule", "pdf.fonttype": 42, "path.simplify": True,
    "axes.edgecolor": GREY, "xtick.color": INK, "ytick.color": INK, "axes.linewidth": 0.8,
}  # fmt: skip
"""What Matplotlib is told, so that a plot is the same on every machine."""
UNDATED: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}
"""The metadata of a file, without dates and versions."""

Function = Callable[[float], float]


def figures(material: Material) -> tuple[Figure, ...]:
    """The pictures of a definition: the function with its derivative, the stages of its construction, its companions.

    None for a function of vectors."""
    definition, main = material.definition, material.derivations[0]
    x = definition.wrt[0]
    if not isinstance(x, sympy.Symbol) or definition.index is not None:
        return ()
    made = [_function_figure(material, main, x)]
    if definition.construction:
        made.append(_construction(material, x))
    for name, expression in definition.companions.items():
        made.append(_companion(material, name, expression, x))
    return tuple(f for f in made if f is not None)


def _function_figure(material: Material, main: Derivation, x: Any) -> Figure | None:
    d = material.definition
    fixed = _fixed(material, x)
    operand = main.start.operand if isinstance(main.start, t.Derivative) else from_sympy(d.expression)
    try:
        f = _callable(to_sympy(operand, main.scope, expand=True), x, fixed)
        slope = _callable(main.result, x, fixed)
    except _Free:
        return None
    low, high = _window(d, x)
    joints = _joints(material, x, fixed, low, high)
    places = [at for at, _ in joints]
    name = mathtext(printing.latex(_operand(main.goal)))
    curves = (
        _curve("function", name, f, low, high, places),
        _curve("derivative", _slope_label(main), slope, low, high, places),
    )
    shaded = _saturated(curves[1]) if d.kind == "activation" else ()
    panel = Panel(curves, tuple(dot for _, dots in joints for dot in dots), shaded, _label(main.variable))
    panels: tuple[Panel, ...] = (panel,)
    if shaded and _saturates(material):
        y = tuple(_rounded(math.log10(abs(v))) if v else None for v in curves[1].y)
        log = Curve("log", rf"$\log_{{10}}\,$|{_slope_label(main)}|", curves[1].x, y)
        panels = (panel, Panel((log,), (), shaded, _label(main.variable), logarithmic=True))
    return Figure(d.name, "function", panels)


def _saturates(material: Material) -> bool:
    found = [p.values for p in material.properties if p.key == "saturation"]
    return any(values.get("left") and values.get("right") for values in found)


def _construction(material: Material, x: Any) -> Figure:
    d, fixed = material.definition, _fixed(material, x)
    low, high = max(d.plot_range[0], -4.0), min(d.plot_range[1], 4.0)
    panels = []
    for stage in d.construction:
        label = _label(from_sympy(stage))
        panels.append(
            Panel(
                (_curve("stage", label, _callable(stage, x, fixed), low, high, ()),),
                (),
                (),
                _label(from_sympy(x)),
                label,
            )
        )
    return Figure(f"{d.name}-construction", "construction", tuple(panels))


def _companion(material: Material, name: str, expression: Any, x: Any) -> Figure | None:
    d, main = material.definition, material.derivations[0]
    written = from_sympy(expression)
    try:
        f = _callable(to_sympy(written, main.scope, expand=True), x, _fixed(material, x))
    except _Free:
        return None
    low, high = _window(d, x)
    curve = _curve("function", _label(written), f, low, high, ())
    return Figure(
        f"{d.name}-{name.replace(' ', '-').replace('_', '-')}", name, (Panel((curve,), (), (), _label(main.variable)),)
    )


# ---------------------------------------------------------------- sampling


class _Free(Exception):
    """A name is left that has no value: there is nothing to draw."""


def _fixed(material: Material, x: Any) -> dict[str, float]:
    d = material.definition
    values = {**d.parameters, **d.plot_at}
    return {str(symbol): float(value) for symbol, value in values.items() if str(symbol) != str(x)}


def _window(definition: Any, x: Any) -> tuple[float, float]:
    """The range of the plot, a little inside the domain where its end is open."""
    low, high = definition.plot_range
    values = definition.domain.get(x, sympy.S.Reals)
    if isinstance(values, sympy.Interval):
        margin = 1e-3 * (high - low)
        low = max(low, float(values.start) + margin * bool(values.left_open)) if values.start.is_finite else low
        high = min(high, float(values.end) - margin * bool(values.right_open)) if values.end.is_finite else high
    return float(low), float(high)


def _callable(expression: Any, x: Any, fixed: Mapping[str, float]) -> Function:
    """A SymPy expression as a function of one float, evaluated by mpmath: the same digits on every machine."""
    import mpmath

    expression = sympy.sympify(expression)
    expression = expression.subs({s: fixed[str(s)] for s in expression.free_symbols if str(s) in fixed})
    variable = next((s for s in expression.free_symbols if str(s) == str(x)), x)
    if expression.free_symbols - {variable}:
        raise _Free
    compiled = sympy.lambdify(variable, expression, modules=["mpmath"])

    def at(value: float) -> float:
        try:
            found = mpmath.mpmathify(compiled(mpmath.mpf(value)))
        except (ZeroDivisionError, ValueError):
            return math.nan
        return float(found) if isinstance(found, mpmath.mpf) else math.nan

    return at


def _curve(role: str, label: str, f: Function, low: float, high: float, breaks: Sequence[float]) -> Curve:
    """A curve sampled evenly between its breaks, and as close to each break as a plot can show; more densely where it bends, as waves do."""
    xs: list[float] = []
    ys: list[float | None] = []
    ends = [low, *sorted(breaks), high]
    for i, (a, b) in enumerate(pairwise(ends)):
        count = max(8, round(SAMPLES * (b - a) / (high - low)))
        nudge = 1e-9 * (high - low)
        left, right = (a + nudge if i else a), (b - nudge if i < len(ends) - 2 else b)
        if i:
            xs.append(_rounded(a))
            ys.append(None)
        even = [left + (right - left) * k / count for k in range(count + 1)]
        for at, y in _refined(f, [(at, f(at)) for at in even]):
            xs.append(_rounded(at))
            ys.append(_rounded(y) if math.isfinite(y) else None)
    return Curve(role, label, tuple(xs), tuple(ys))


def _refined(f: Function, points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """With points between two, as long as the curve is seen to leave the line through them."""
    heights = [max(-TALLEST, min(y, TALLEST)) for _, y in points if math.isfinite(y)]
    visible = SEEN * (max(heights) - min(heights)) if heights else 0.0

    def between(left: tuple[float, float], right: tuple[float, float], halvings: int) -> Iterator[tuple[float, float]]:
        if not halvings:
            return
        at = (left[0] + right[0]) / 2
        y = f(at)
        if abs(y - (left[1] + right[1]) / 2) > visible and abs(y) < TALLEST:
            yield from between(left, (at, y), halvings - 1)
            yield at, y
            yield from between((at, y), right, halvings - 1)

    for left, right in pairwise(points):
        yield left
        yield from between(left, right, HALVINGS)
    yield points[-1]


def _rounded(value: float) -> float:
    return float(f"{value:.6g}") + 0.0


def _joints(
    material: Material, x: Any, fixed: Mapping[str, float], low: float, high: float
) -> list[tuple[float, tuple[Dot, ...]]]:
    """Each kink of the plot with the dots that are drawn there."""
    found = []
    for kink in material.kinks:
        try:
            at, left, right, code = (_callable(v, x, fixed)(0.0) for v in
                                     (kink.location, kink.left_slope, kink.right_slope, kink.code_value))  # fmt: skip
            before, after, value = (
                _callable(v, x, fixed)(0.0) for v in (kink.left_value, kink.right_value, kink.value)
            )
        except _Free:
            continue
        if low < at < high:
            found.append(
                (at, (*_dots("derivative", at, left, right, code), *_dots("function", at, before, after, value)))
            )
    return found


def _dots(role: str, at: float, left: float, right: float, value: float) -> Iterator[Dot]:
    if math.isclose(left, right, abs_tol=1e-9):
        return
    for end in (left, right):
        if math.isfinite(end) and not math.isclose(end, value, abs_tol=1e-9):
            yield Dot(role, _rounded(at), _rounded(end), False)
    if math.isfinite(value):
        yield Dot(role, _rounded(at), _rounded(value), True)


def _saturated(slope: Curve) -> tuple[tuple[float, float], ...]:
    """The ends of the plot in which the derivative stays below the threshold."""
    inside = [i for i, y in enumerate(slope.y) if y is not None and abs(y) >= THRESHOLD]
    if not inside:
        return ()
    first, last = slope.x[inside[0]], slope.x[inside[-1]]
    low, high = slope.x[0], slope.x[-1]
    ends = ((low, first), (last, high))
    return tuple((a, b) for a, b in ends if b - a > 0.02 * (high - low))


# ---------------------------------------------------------------- labels


def _operand(node: t.Node) -> t.Node:
    return node.operand if isinstance(node, t.Derivative) else node


def _label(node: t.Node) -> str:
    return mathtext(printing.latex(node)).replace(r"\frac", r"\dfrac")


def labels(main: Derivation) -> tuple[str, str, str]:
    """The function, its derivative and its variable, as mathtext."""
    return _label(_operand(main.goal)), _slope_label(main), _label(main.variable)


def _slope_label(main: Derivation) -> str:
    """σ′(x) for a function of its variable, dL/dx otherwise."""
    operand = _operand(main.goal)
    if isinstance(operand, t.Call) and operand.arguments == (main.variable,):
        name = printing.latex(replace(operand, parameters=()))
        head, _, rest = name.partition("(")
        return mathtext(rf"{head}'({rest}") if rest else mathtext(printing.latex(main.goal))
    letter = r"\partial" if isinstance(main.goal, t.Derivative) and main.goal.partial else "d"
    head = printing.latex(operand).partition("(")[0]
    return mathtext(rf"{letter} {head} / {letter} {printing.latex(main.variable)}")


_DIALECT = (
    (r"\operatorname", r"\mathrm"),
    (r"\dfrac", r"\frac"),
    (r"\tfrac", r"\frac"),
    (r"\lvert", "|"),
    (r"\rvert", "|"),
    (r"\bigl", ""),
    (r"\bigr", ""),
    (r"\mathopen{}", ""),
    (r"\mathclose{}", ""),
)


def mathtext(latex: str) -> str:
    """LaTeX that the small dialect of Matplotlib understands."""
    for old, new in _DIALECT:
        latex = latex.replace(old, new)
    return f"${latex}$"


# ---------------------------------------------------------------- drawing


def draw(figure: Figure, form: Literal["svg", "pdf", "png"] = "svg") -> bytes:
    """A figure as a file: SVG for Markdown and Typst, PDF for LaTeX. An SVG carries its data, see ``plotted_data``."""
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise RenderError("plots need the package `matplotlib`: pip install 'chainrule[book]'") from error
    with matplotlib.rc_context(SETTINGS):
        canvas = Canvas(figsize=_size(figure), layout="constrained")
        FigureCanvasAgg(canvas)
        heights = [1.0 if p.logarithmic else 2.4 for p in figure.panels]
        stacked = any(p.logarithmic for p in figure.panels)
        if stacked:
            axes = canvas.subplots(len(figure.panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        else:
            axes = canvas.subplots(1, len(figure.panels), squeeze=False)[0, :]
        for panel, ax in zip(figure.panels, axes, strict=True):
            _draw_panel(ax, panel, last=panel is figure.panels[-1] or not stacked)
        canvas.draw_without_rendering()
        for panel, ax in zip(figure.panels, axes, strict=True):
            _place_labels(ax, panel)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format=form, metadata=UNDATED.get(form))
    return with_data(buffer.getvalue(), figure) if form == "svg" else buffer.getvalue()


def _size(figure: Figure) -> tuple[float, float]:
    if figure.key == "construction":
        return 2.35 * len(figure.panels), 2.2
    return 6.2, 4.5 if len(figure.panels) > 1 else 3.5


def _draw_panel(ax: Any, panel: Panel, last: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = panel.curves[0].x[0], panel.curves[0].x[-1]
    bottom, top = _height(panel)
    for a, b in panel.shaded:
        ax.axvspan(a, b, color=SHADE, linewidth=0, zorder=0)
    ax.set_xlim(low, high)
    ax.set_ylim(bottom, top)
    ax.grid(True, color="#e4e7ec", linewidth=0.7)
    ax.set_axisbelow(True)
    for spine in ("top", "right", "left", "bottom"):
        ax.spines[spine].set_visible(False)
    if bottom < 0 < top and not panel.logarithmic:
        ax.axhline(0, color=GREY, linewidth=0.9, zorder=1)
    if low < 0 < high:
        ax.axvline(0, color=GREY, linewidth=0.9, zorder=1)
    ax.tick_params(length=0, labelsize=9)
    ax.xaxis.set_major_locator(MaxNLocator(4 if panel.title else 7, integer=high - low > 3, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_locator(MaxNLocator(4 if panel.title or panel.logarithmic else 6, steps=[1, 2, 2.5, 5, 10]))
    for curve in panel.curves:
        y = [
            math.nan if v is None or not bottom - 9 * (top - bottom) <= v <= top + 9 * (top - bottom) else v
            for v in curve.y
        ]
        ax.plot(curve.x, y, color=COLOURS[curve.role], linewidth=2.0, solid_capstyle="butt", zorder=3)
    for dot in panel.dots:
        colour = COLOURS[dot.role]
        ax.plot([dot.x], [dot.y], "o", markersize=5.5, markeredgewidth=1.4, markeredgecolor=colour, clip_on=False,
                markerfacecolor=colour if dot.closed else "white", zorder=6 if dot.closed else 5)  # fmt: skip
    if panel.title:
        ax.set_title(panel.title, fontsize=12, color=BLUE, pad=10)
    if last:
        ax.set_xlabel(panel.x_label, fontsize=11, color=INK, labelpad=2)


def _height(panel: Panel) -> tuple[float, float]:
    """From the least to the largest value worth showing, with a margin."""
    values = [y for curve in panel.curves for y in curve.y if y is not None] + [dot.y for dot in panel.dots]
    if not panel.logarithmic:
        values = [y for y in values if abs(y) <= TALLEST] or values
        values.append(0.0)
    low, high = min(values), max(values)
    margin = 0.07 * (high - low or 1.0)
    return low - margin, high + margin


def _place_labels(ax: Any, panel: Panel) -> None:
    """Each curve is named beside itself, where the name is far from every curve and near its own."""
    if panel.title:
        return
    inverse = ax.transAxes.inverted()
    tracks = []
    for curve in panel.curves:
        points = [(x, y) for x, y in zip(curve.x, curve.y, strict=True) if y is not None]
        tracks.append([tuple(p) for p in inverse.transform(ax.transData.transform(_dense(points)))])
    box = ax.get_window_extent()
    taken: list[tuple[float, float, float, float]] = []
    for curve, own in zip(panel.curves, tracks, strict=True):
        label = ax.text(0.5, 0.5, curve.label, transform=ax.transAxes, color=COLOURS[curve.role], fontsize=12.5,
                        ha="center", va="center", zorder=7)  # fmt: skip
        extent = label.get_window_extent()
        w, h = extent.width / box.width, extent.height / box.height
        x, y = _best_place(own, [p for track in tracks for p in track], taken, w, h)
        label.set_position((_rounded(x), _rounded(y)))
        if any(_goes_through(track, x, y, w, h) for track in tracks):
            label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5})
        taken.append((x, y, w, h))


def _dense(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points and those half way between neighbours: steep parts have few samples."""
    if len(points) < 2:
        return list(points)
    halves = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairwise(points)]
    return [p for pair in zip(points, halves, strict=False) for p in pair]


def _goes_through(track: Sequence[tuple[float, float]], x: float, y: float, w: float, h: float) -> bool:
    """Whether the line through points meets a box, looked at finely: a steep one may jump over it."""
    places = np.linspace(0, len(track) - 1, 20 * len(track))
    xs, ys = (np.interp(places, np.arange(len(track)), each) for each in np.array(track).T)
    return bool(np.any((np.abs(xs - x) < w / 2) & (np.abs(ys - y) < h / 2)))


def _best_place(
    own: Iterable[tuple[float, float]],
    every: Sequence[tuple[float, float]],
    taken: Sequence[tuple[float, float, float, float]],
    w: float,
    h: float,
) -> tuple[float, float]:
    """Among the places above and below the curve, the one whose box has most room, the right half preferred."""
    best, chosen = -math.inf, (0.85, 0.5)
    qx, qy = np.array(every).T
    candidates = [(x, y) for i, (x, y) in enumerate(own) if i % 6 == 0 and 0.0 <= y <= 1.0]
    for px, py in candidates:
        beside = w * 0.5 + 0.02
        for dx, dy in (
            (0.0, h * 0.5 + 0.03),
            (0.0, -h * 0.5 - 0.03),
            *((a * beside, b * h * 0.25) for a in (1, -1) for b in (1, -1)),
        ):
            x, y = px + dx, py + dy
            if not (w / 2 + 0.01 < x < 0.99 - w / 2 and h / 2 + 0.01 < y < 0.99 - h / 2):
                continue
            room = float(np.maximum(np.abs(qx - x) - w / 2, 1.6 * (np.abs(qy - y) - h / 2)).min())
            for tx, ty, tw, th in taken:
                room = min(room, max(abs(tx - x) - (w + tw) / 2, abs(ty - y) - (h + th) / 2))
            axis = max(abs(x - 0.5) - w / 2, 0.0)
            score = min(room, 0.03) + 0.004 * min(axis, 0.02) * 50 + 0.012 * (x > 0.5) - 0.01 * abs(x - 0.72)
            if score > best:
                best, chosen = score, (x, y)
    return chosen


# ---------------------------------------------------------------- data


def with_data(svg: bytes, figure: Figure) -> bytes:
    """The SVG with its data in a comment, and without the lines that name the program and its version."""
    data = [
        {
            "curves": [{"role": c.role, "span": [c.x[0], c.x[-1]], "y": _thin(c.y)} for c in panel.curves],
            "dots": [[d.role, d.x, d.y, d.closed] for d in panel.dots],
            "shaded": [list(s) for s in panel.shaded],
        }
        for panel in figure.panels
    ]
    comment = f"<!-- {DATA_MARK}{json.dumps(data, separators=(',', ':'))} -->\n".encode()
    start = svg.index(b"<svg")
    head = svg[:start]
    body = svg[start:]
    first, last = body.find(b"<metadata>"), body.find(b"</metadata>")
    if first >= 0:
        body = body[:first].rstrip() + b"\n" + body[last + len(b"</metadata>") :].lstrip()
    return head + comment + _PLACES.sub(_shorter, body)


_PLACES = re.compile(rb'\b(?:d|x|y)="[^"]*"|translate\([^)]*\)')
_LONG = re.compile(rb"-?\d+\.\d{3,}")


def _shorter(place: re.Match[bytes]) -> bytes:
    """Coordinates to a hundredth of a point."""
    return _LONG.sub(lambda n: f"{float(n[0]):.2f}".rstrip("0").rstrip(".").encode(), b" ".join(place[0].split()))


def _thin(values: Sequence[float | None]) -> list[float | None]:
    """Every fourth value, and those beside a break: enough to tell one curve from another."""
    beside = {j for i, v in enumerate(values) if v is None for j in (i - 1, i, i + 1)} | {0, len(values) - 1}
    return [v for i, v in enumerate(values) if i % 4 == 0 or i in beside]


def plotted_data(svg: bytes) -> list[dict[str, Any]]:
    """What an SVG of ``draw`` shows, panel by panel: curves, dots and shaded intervals, as numbers of six digits."""
    text = svg.decode()
    start = text.find(DATA_MARK)
    if start < 0:
        raise RenderError("this SVG was not drawn by chainrule: it carries no data")
    found: list[dict[str, Any]] = json.loads(text[start + len(DATA_MARK) : text.index(" -->", start)])
    return found


def same_picture(one: bytes, other: bytes, tolerance: float = 1e-5) -> bool:
    """Whether two SVGs show the same data, to a tolerance relative to the larger of 1 and the value."""
    return _close(plotted_data(one), plotted_data(other), tolerance)


def _close(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_close(a[k], b[k], tolerance) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_close(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, float | int) and isinstance(b, float | int):
        return abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))
    return bool(a == b)
