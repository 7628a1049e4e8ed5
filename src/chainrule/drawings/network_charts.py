"""The charts of networks: how gradients vanish, what numerical derivatives are worth and cost, what a network learns. The words in them are arguments."""

from collections.abc import Mapping, Sequence

from ..networks.differences import Best, Cost, Errors
from ..networks.digits import Digits
from ..networks.logistic import Logistic
from ..networks.vanishing import Decay
from .charts import Chart, Field, Picture, Series, Strip

STYLES = (("blue", "dot"), ("ochre", "square"), ("red", "triangle"))
"""The colour and the mark of the first, the second and the third curve."""


def vanishing_chart(
    decays: Sequence[Decay],
    labels: Mapping[str, str] | None = None,
    bound_label: str = "bound for sigmoid",
    axes: tuple[str, str] = (r"layer $l$", r"$\Vert\,\delta^{\,l}\,\Vert\;/\;\Vert\,\delta^{\,M}\,\Vert$"),
    name: str = "networks-vanishing",
) -> Chart:
    """The gradient by layer, a curve for each activation, and the bound of the first of them as a dashed line. labels: of the curves, by activation."""
    named = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU", **(labels or {})}
    places = {"sigmoid": (9, "below right"), "tanh": (2, "below right"), "relu": (1, "above right")}
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
    return Chart(name, (limit, *curves), *axes, y_log=True)


def errors_chart(
    found: Sequence[Errors],
    best: Sequence[Best] = (),
    labels: Mapping[str, str] | None = None,
    best_label: str = "",
    axes: tuple[str, str] = (r"step $h$", "relative error"),
    name: str = "networks-differences",
) -> Chart:
    """The error against the step, a curve for each method, and a diamond where theory expects the least error. Steps below 10⁻¹⁶ are left out."""
    named = {
        "forward": "forward difference",
        "central": "central difference",
        "complex": "complex step",
        **(labels or {}),
    }
    places = {"forward": (8, "above right"), "central": (7, "below right"), "complex": (24, "above")}
    curves = []
    for each, (colour, mark) in zip(found, (STYLES[2], STYLES[0], STYLES[1]), strict=True):
        kept = [(h, e) for h, e in zip(each.steps, each.errors, strict=True) if h >= 1e-16]
        x, y = (tuple(column) for column in zip(*kept, strict=True))
        curves.append(
            Series(each.method, x, y, named[each.method], colour, "solid", mark, *places[each.method], width=1.4)
        )
    expected = [
        Series(
            f"best {b.method}",
            (b.step,),
            (b.error,),
            best_label,
            "grey",
            "none",
            "diamond",
            side="below left",
            size=6.5,
        )
        for b in best
    ]
    return Chart(name, (*curves, *expected), *axes, x_log=True, y_log=True)


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
            "differences", *_times(done), labels[2] if not rest else "", "red", "solid", "triangle", side="above left"
        )
    ]
    if rest:
        differences += [
            Series("beyond", *_times([*done[-1:], *rest]), "", "red", "dashed"),
            Series(
                "extrapolated", *_times(rest), labels[2], "red", "none", "ring", at=len(rest) // 2, side="above left"
            ),
        ]
    return Chart(
        name,
        (
            Series("loss", n, tuple(c.loss for c in found), labels[0], "grey", "dotted", "square", side="below left"),
            Series(
                "backward", n, tuple(c.backward for c in found), labels[1], "blue", "solid", "dot", side="above left"
            ),
            *differences,
        ),
        *axes,
        x_log=True,
        y_log=True,
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
    boundary_label: str = r"$\sigma = \frac{1}{2}$",
    name: str = "networks-boundary",
) -> Chart:
    """The samples of both classes, the probability of the second in light colours, and the line where it is 1/2."""
    names = labels or learned.classes
    titles = axes or (learned.columns[0], learned.columns[1])
    grid = tuple(float(v) for v in learned.grid_x[0])
    probability = tuple(tuple(float(f"{v:.5g}") for v in row) for row in learned.probability)
    low, high = grid[0], grid[-1]
    (x0, x1), (y0, y1) = learned.boundary[:, 0], learned.boundary[:, 1]
    line = Series("boundary", (float(x0), float(x1)), (float(y0), float(y1)), width=2.0, colour="grey")
    classes = [
        Series(names[k], *_samples(learned, k), colour=colour, line="none", mark=mark, size=5.5)
        for k, (colour, mark) in enumerate((("blue", "dot"), ("red", "triangle")))
    ]
    return Chart(name, (line, *classes), *titles, x_range=(low, high), y_range=(low, high),
                 field=Field(grid, grid, probability, (0.1, 0.25, 0.5, 0.75, 0.9), percent=True), square=True, size=(4.4, 4.2))  # fmt: skip


def _samples(learned: Logistic, label: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    chosen = learned.X[learned.y == label]
    return tuple(float(f"{v:.6g}") for v in chosen[:, 0]), tuple(float(f"{v:.6g}") for v in chosen[:, 1])


def digits_strip(
    read: Digits,
    count: int = 9,
    wrong: int = 3,
    caption: str = "{read}",
    mistake: str = "{read}, not {true}",
    name: str = "networks-digits",
) -> Strip:
    """The first test images, each above the digit that was read, then the first of those that were misread. caption, mistake: with {read} and {true}."""
    misread = [int(i) for i in (read.predicted != read.expected).nonzero()[0]]
    chosen = [*range(count), *[i for i in misread if i >= count][:wrong]]
    return Strip(
        name, tuple(_picture(read, i, mistake if i in misread else caption, i in misread) for i in chosen), len(chosen)
    )


def _picture(read: Digits, i: int, caption: str, marked: bool) -> Picture:
    rows = tuple(tuple(round(float(v), 4) for v in row) for row in read.images[i])
    return Picture(rows, caption.format(read=int(read.predicted[i]), true=int(read.expected[i])), marked)
