"""The charts of networks: how gradients vanish, what numerical derivatives are worth and cost, what a network learns. The words in them are arguments."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..networks.differences import Best, Cost, Errors
from ..networks.digits import Digits
from ..networks.logistic import Logistic
from ..networks.vanishing import Decay
from .charts import Chart, Field, Image, Series, Strip, room

STYLES = (("blue", "dot"), ("ochre", "square"), ("red", "triangle"))
"""The colour and the mark of the first, the second and the third curve."""


LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
LEAST = 1e-16
"""Smaller steps are left out."""


def vanishing_chart(
    decays: Sequence[Decay],
    labels: Mapping[str, str] | None = None,
    bound_label: str = "bound for sigmoid",
    axes: tuple[str, str] = (r"layer $l$", r"$\Vert\,\delta^{\,l}\,\Vert\;/\;\Vert\,\delta^{\,M}\,\Vert$"),
    name: str = "networks-vanishing",
) -> Chart:
    """The gradient by layer, a curve for each activation, and the bound of the first of them as a dashed line. labels: of the curves, by activation."""
    named = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU", **(labels or {})}
    places = {"sigmoid": (9, "below right"), "tanh": (1, "below right"), "relu": (1, "above right")}
    first = decays[0]
    x = tuple(map(float, first.layers))
    curves = [
        Series(
            d.activation,
            x,
            d.norms,
            named[d.activation],
            colour,
            "solid",
            mark,
            *places.get(d.activation, (0, "right")),
        )
        for d, (colour, mark) in zip(decays, STYLES, strict=False)
    ]
    limit = Series("bound", x, first.bound, bound_label, "grey", "dashed", at=9, side="above left", width=1.5)
    return Chart(name, (limit, *curves), *axes, y_log=True, y_range=room([v for d in decays for v in d.norms], 5, 40))


def errors_chart(
    found: Sequence[Errors],
    best: Sequence[Best] = (),
    labels: Mapping[str, str] | None = None,
    best_label: str = "expected",
    axes: tuple[str, str] = (r"step $h$", "relative error"),
    name: str = "networks-differences",
) -> Chart:
    """The error against the step, a curve for each method, and a diamond where theory expects the least error. The complex step lies under the central difference, wide, where both
    make the same error."""
    named = {
        "forward": "forward difference",
        "central": "central difference",
        "complex": "complex step",
        **(labels or {}),
    }
    places = {"forward": (5, "above left"), "central": (9, "left"), "complex": (23, "above")}
    curves = [
        Series(
            e.method, *_ordinary(e), named[e.method], colour, "solid", mark, *places[e.method], width=wide, size=size
        )
        for e, (colour, mark), (wide, size) in zip(
            found, (STYLES[2], STYLES[0], STYLES[1]), ((1.4, 4.0), (1.4, 3.4), (2.6, 5.6)), strict=True
        )
    ]
    expected = [
        Series(
            f"best {b.method}",
            (b.step,),
            (b.error,),
            best_label if number else "",
            "grey",
            "none",
            "diamond",
            side="below right",
            size=6.5,
        )
        for number, b in enumerate(best)
    ]
    return Chart(name, (*curves[::-1], *expected), *axes, x_log=True, y_log=True)


def _ordinary(found: Errors) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The steps that every method can take, and their errors."""
    kept = [(h, e) for h, e in zip(found.steps, found.errors, strict=True) if h >= LEAST]
    return tuple(h for h, _ in kept), tuple(e for _, e in kept)


def costs_chart(
    found: Sequence[Cost],
    labels: tuple[str, str, str] = ("one loss", "backward pass", r"$2n$ losses"),
    axes: tuple[str, str] = (r"parameters $n$", "seconds"),
    name: str = "networks-cost",
) -> Chart:
    """The time for a gradient against the number of parameters. Times that were worked out, and not measured, are rings joined by a dashed line."""
    n = tuple(float(c.parameters) for c in found)
    done = [c for c in found if c.measured]
    rest = [c for c in found if not c.measured]
    differences = [
        Series(
            "differences", *_times(done), labels[2], "red", "solid", "triangle", at=len(done) // 2, side="above left"
        ),
        Series("beyond", *_times([*done[-1:], *rest]), "", "red", "dashed"),
        Series("extrapolated", *_times(rest), "", "red", "none", "ring"),
    ]
    return Chart(
        name,
        (
            Series(
                "loss", n, tuple(c.loss for c in found), labels[0], "grey", "dotted", "square", at=0, side="below right"
            ),
            Series(
                "backward", n, tuple(c.backward for c in found), labels[1], "blue", "solid", "dot", side="above left"
            ),
            *(each for each in differences if each.x),
        ),
        *axes,
        x_log=True,
        y_log=True,
        y_range=room([v for c in found for v in (c.loss, c.differences)], 8, 3),
    )


def _times(found: Sequence[Cost]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(float(c.parameters) for c in found), tuple(c.differences for c in found)


def loss_chart(
    losses: Sequence[float],
    name: str = "networks-loss",
    axes: tuple[str, str] = ("epoch", "mean loss"),
    logarithmic: bool = False,
) -> Chart:
    """The loss after each epoch, to six digits."""
    x = tuple(float(epoch) for epoch in range(1, len(losses) + 1))
    y = tuple(float(f"{loss:.6g}") for loss in losses)
    limits = None if logarithmic else (0.0, 1.06 * max(y))
    return Chart(name, (Series("loss", x, y, width=2.0),), *axes, y_log=logarithmic, y_range=limits, size=(6.2, 2.9))


def boundary_chart(
    learned: Logistic,
    labels: tuple[str, str] | None = None,
    axes: tuple[str, str] | None = None,
    boundary_label: str = r"$\sigma = 1/2$",
    name: str = "networks-boundary",
) -> Chart:
    """The samples of both classes, the probability of the second in light colours, and the line where it is 1/2."""
    names = labels or learned.classes
    across, up = axes or (f"{column.replace('_', ' ')}, standardised" for column in learned.columns)
    grid = tuple(float(v) for v in learned.grid_x[0])
    probability = tuple(tuple(float(f"{v:.5g}") for v in row) for row in learned.probability)
    low, high = grid[0], grid[-1]
    line = Series("boundary", *_within(learned.boundary, low, high), boundary_label, "grey", width=2.0)
    classes = [
        Series(learned.classes[k], *_samples(learned, k), "", colour, "none", mark, size=size)
        for k, (colour, mark, size) in enumerate((("blue", "dot", 6.0), ("red", "triangle", 5.5)))
    ]
    corners = [
        Series(f"name {k}", (at,), (at,), names[k], colour, "none", side=side)
        for k, (colour, at, side) in enumerate((("blue", low, "above right"), ("red", high, "below left")))
    ]
    return Chart(name, (line, *classes, *corners), across, up, x_range=(low, high), y_range=(low, high),
                 field=Field(grid, grid, probability, LEVELS, (*LEVELS[:2], *LEVELS[3:]), percent=True), square=True, size=(4.4, 4.2))  # fmt: skip


def _within(ends: Any, low: float, high: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The part of the line through two points that lies in the square."""
    (x, y), (dx, dy) = ends[0], ends[1] - ends[0]
    spans = [sorted(((low - a) / d, (high - a) / d)) for a, d in ((x, dx), (y, dy)) if d]
    first, last = max(span[0] for span in spans), min(span[1] for span in spans)
    return tuple(float(x + at * dx) for at in (first, last)), tuple(float(y + at * dy) for at in (first, last))


def _samples(learned: Logistic, label: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    chosen = learned.X[learned.y == label]
    return tuple(float(f"{v:.6g}") for v in chosen[:, 0]), tuple(float(f"{v:.6g}") for v in chosen[:, 1])


def digits_strip(
    read: Digits,
    wrong: int = 2,
    caption: str = "{read}",
    mistake: str = "{read} ({true})",
    name: str = "networks-digits",
) -> Strip:
    """The first test image of each digit above what was read, then the first of those that were misread, marked. caption, mistake: with {read} and {true}."""
    first = [int((read.expected == digit).argmax()) for digit in range(10)]
    misread = [int(i) for i in (read.predicted != read.expected).nonzero()[0]]
    chosen = [*first, *[i for i in misread if i not in first][:wrong]]
    images = (_image(read, i, mistake if i in misread else caption, i in misread) for i in chosen)
    return Strip(name, tuple(images), len(chosen))


def _image(read: Digits, i: int, caption: str, marked: bool) -> Image:
    rows = tuple(tuple(round(float(v), 4) for v in row) for row in read.images[i])
    return Image(rows, caption.format(read=int(read.predicted[i]), true=int(read.expected[i])), marked)
