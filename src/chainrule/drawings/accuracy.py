"""The picture of rounding: how many digits the formula as derived loses and its stable form keeps, along both halves of the real line."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ..codegen.along import LOST, Along, Bin
from .charts import Chart, Series, Stack

FLOOR, NOTHING_LEFT, WRONG = 0.1, 1e16, 10**18.7
"""Errors below and above are drawn at these, in ulp; a NaN or a wrong infinity stands above them all."""
PROMISED = 4.0
BOTTOM, TOP = 10**-1.5, 10**19.8
FAR, NEAR, NEAREST = 1e4, 1e-4, 1e-20
"""The largest argument drawn, and the smallest: the second where something is to be seen below the first."""
GAP = 0.045
"""Between the smallest argument drawn and 0, as a share of the axis."""
WIDTH, HEIGHT = 0.145, 2.3
"""The room of a label: a share of the axis, and decades."""
Y_TICKS = (
    (1.0, "1"),
    (1e4, "$10^{4}$"),
    (1e8, "$10^{8}$"),
    (1e12, "$10^{12}$"),
    (NOTHING_LEFT, "all lost"),
    (WRONG, "NaN, ∞"),
)


def accuracy_chart(name: str, parts: Sequence[tuple[str, Along]], x: str) -> Stack:
    """A chart for each part, from its title and its errors. x: the argument. All words are mathtext."""
    below = (max(b.naive, b.stable) for _, errors in parts for b in errors.bins if _middle(b) < NEAR)
    nearest = NEAR if max(below, default=0.0) <= PROMISED else NEAREST
    first, *others = (_chart(title, _Axis.of(errors, nearest), errors) for title, errors in parts)
    others = others or [first]
    others[-1] = replace(others[-1], x_title=x)
    charts = (first, *others) if len(parts) > 1 else tuple(others)
    return Stack(name, charts, (6.2, 0.45 + 2.05 * len(charts)))


class _Axis:
    """Both halves of the real line, each by its logarithm, with 0 between them; one half where the domain has one."""

    def __init__(self, nearest: float, far: float, signs: tuple[int, ...]) -> None:
        self.nearest, self.far, self.signs = nearest, far, signs
        decades = math.log10(far / nearest)
        self.gap = GAP * decades * len(signs)
        self.low, self.high = (-self.gap - decades if -1 in signs else 0.0), (self.gap + decades if 1 in signs else 0.0)

    @staticmethod
    def of(errors: Along, nearest: float) -> "_Axis":
        found = {1 if b.high > 0 else -1 for b in errors.bins}
        return _Axis(nearest, min(FAR, max(map(_outer, errors.bins))), tuple(sorted(found)))

    def place(self, x: float) -> float:
        return math.copysign(math.log10(abs(x) / self.nearest) + self.gap, x)

    def ticks(self) -> Iterator[tuple[float, str]]:
        powers = (-2, 0, 2, 4) if self.nearest == NEAR else (-15, -10, -5, 0, 4)
        for sign in self.signs:
            for d in (d for d in powers if 10.0**d <= self.far):
                size = "1" if d == 0 else f"10^{{{d}}}"
                yield self.place(sign * 10.0**d), f"${'-' if sign < 0 else ''}{size}$"
        yield 0.0, "0"


def _chart(title: str, axis: _Axis, errors: Along) -> Chart:
    naive, stable = (_series(key, colour, axis, errors) for key, colour in (("naive", "red"), ("stable", "blue")))
    promised = Series("promised", (axis.low, axis.high), (PROMISED, PROMISED), "4 ulp", "faint", "dashed", width=0.9)
    labels = _labels(axis, naive, stable)
    return Chart(
        "", (promised, naive, stable, *labels), y_title="error in ulp", y_log=True, y_range=(BOTTOM, TOP), y_ticks=Y_TICKS,
        x_range=(axis.low, axis.high), x_ticks=tuple(sorted(axis.ticks())), title=title,
    )  # fmt: skip


def _series(key: str, colour: str, axis: _Axis, errors: Along) -> Series:
    """The worst error of each bin at its middle, and at the ends of the axis."""
    points: list[tuple[float, float | None]] = []
    for sign in axis.signs:
        own = [
            b
            for b in errors.bins
            if b.low * sign >= 0 <= b.high * sign and axis.nearest < _outer(b) and _inner(b) < axis.far
        ]
        middles = [
            (axis.place(sign * min(max(_middle(b), axis.nearest), axis.far)), _height(getattr(b, key))) for b in own
        ]
        if not middles:
            continue
        ends = [axis.place(sign * size) for size in (axis.nearest, axis.far)][::sign]
        points += [(0.0, None)] if points else []
        points += [(ends[0], middles[0][1]), *middles]
        points += [(ends[1], middles[-1][1])] if _outer(own[-1 if sign > 0 else 0]) >= axis.far or sign < 0 else []
    return Series(key, tuple(x for x, _ in points), tuple(y for _, y in points), colour=colour, width=1.7)


def _inner(b: Bin) -> float:
    return min(abs(b.low), abs(b.high))


def _outer(b: Bin) -> float:
    return max(abs(b.low), abs(b.high))


def _middle(b: Bin) -> float:
    return math.sqrt(b.low * b.high)


def _height(error: float) -> float:
    if math.isinf(error):
        return WRONG
    return NOTHING_LEFT if error >= LOST else max(error, FLOOR)


# ---------------------------------------------------------------- labels


def _labels(axis: _Axis, naive: Series, stable: Series) -> Iterator[Series]:
    """The names of both curves: the first beside a steep or a high part, the second above the curve where the first is not in its way."""
    reach = axis.high - axis.low
    track = list(_track(naive, reach))
    w = WIDTH * reach

    def free(x: float, y: float) -> bool:
        inside = axis.low + 0.6 * w < x < axis.high - 0.6 * w and math.log10(BOTTOM) + 0.5 < y < math.log10(TOP) - 0.8
        return inside and all(abs(a - x) > 0.56 * w or abs(b - y) > HEIGHT / 2 for a, b in track)

    steep = [(a, b) for a, b in track if b > 4]
    beside = [
        (abs(b - 9) + 0.05 * abs(a) + 6 * far, a + side * far * w, b)
        for a, b in steep
        for side in (1, -1)
        for far in (0.62, 0.75, 0.9)
        if b < 15
    ]
    below = [(4 + abs(a) / reach, a, b - 1.5) for a, b in steep if b > 15]
    above = [(8 + abs(a - 0.5 * axis.high) / reach, a, b + 2.6) for a, b in track]
    first = next(((x, y) for _, x, y in sorted((*beside, *below, *above)) if free(x, y)), None)
    yield from _label("as derived", "red", first)
    over = [(abs(a - 0.3 * axis.high) / reach, a, 1.9) for a, _ in _track(stable, reach)]
    apart = (p for p in sorted(over) if first is None or abs(p[1] - first[0]) > 1.1 * w or first[1] - 1.9 > HEIGHT)
    yield from _label("stable form", "blue", next(((x, y) for _, x, y in apart if free(x, y)), None))


def _label(words: str, colour: str, place: tuple[float, float] | None) -> Iterator[Series]:
    if place is not None:
        yield Series(f"label {words}", (place[0],), (10.0 ** place[1],), words, colour, "none", side="middle")


def _track(series: Series, reach: float) -> Iterator[tuple[float, float]]:
    """The curve as points that are close to each other, with decimal logarithms of the errors."""
    points = [(x, None if y is None else math.log10(y)) for x, y in zip(series.x, series.y, strict=True)]
    for (a, fa), (b, fb) in pairwise(points):
        if fa is None or fb is None:
            continue
        count = 1 + int(max(abs(fb - fa) / 0.8, abs(b - a) / (0.02 * reach)))
        for k in range(count):
            yield a + (b - a) * k / count, fa + (fb - fa) * k / count
