"""Why gradients vanish: the bound through the layers, derived, and the gradients of deep networks, measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from ...drawings.charts import draw_chart
from ...drawings.network_charts import vanishing_chart
from ...expression import tree as t
from ...expression.convert import from_sympy
from ...networks.vanishing import HIDDEN, SAMPLES, SEEDS, TOLERANCE, WIDTH, Claim, bound, check_bound, decay
from ...report import Author, Formula
from ...verification import Row, Verification, verify_all
from ..page import Picture

ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU"}
"""By the name of the page, as the text writes them."""
ASIDE = ("triangle",)
"""Lines that the argument can do without."""


@dataclass(frozen=True)
class Line:
    """One line of the argument and the key of its reason."""

    key: str
    formula: Formula


@dataclass(frozen=True)
class Measured:
    """slope: the largest absolute value of the derivative. factor: by which the error shrinks from one hidden layer to the one below, on average."""

    name: str
    slope: Formula
    factor: float


@dataclass(frozen=True)
class Values:
    """The three parts of the argument for the sigmoid, and what was measured: hidden layers of a width, networks and samples."""

    slope: tuple[Line, ...]
    layer: tuple[Line, ...]
    network: tuple[Line, ...]
    measured: tuple[Measured, ...]
    hidden: int
    width: int
    networks: int
    samples: int
    names: Mapping[str, Formula]


NAMES: Mapping[str, t.Node] = {
    "s": t.Symbol("s"),
    "s_l": t.Symbol("s_l"),
    "W": t.Matrix("W__l"),
    "M": t.Symbol("M"),
    "l": t.Symbol("l"),
    "slope": t.Derivative(t.Call("sigma", (t.Symbol("x"),)), t.Symbol("x")),
    "error": t.Vector("delta__l"),
    "four": t.number(4),
    "one": t.Equation(t.Symbol("s"), t.ONE),
}


def values(author: Author) -> Values:
    made = bound(next(iter(ACTIVATIONS)))

    def lines(claims: tuple[Claim, ...]) -> tuple[Line, ...]:
        return tuple(
            Line(claim.key, author.formula(t.same_bound_names(claim.formula)))
            for claim in claims
            if claim.key not in ASIDE
        )

    return Values(
        lines(made.slope),
        lines(made.layer),
        lines(made.network),
        tuple(
            Measured(shown, author.formula(from_sympy(bound(name).constant)), decay(name).factor)
            for name, shown in ACTIVATIONS.items()
        ),
        HIDDEN,
        WIDTH,
        SEEDS,
        SAMPLES,
        {name: author.formula(node) for name, node in NAMES.items()},
    )


def pictures() -> Mapping[str, Picture]:
    chart = vanishing_chart([decay(name) for name in ACTIVATIONS], name="networks-vanishing")
    return {
        "vanishing": Picture(chart.name, partial(draw_chart, chart, "svg"), partial(draw_chart, chart, "pdf")),
    }


def verifications() -> tuple[Verification, ...]:
    return verify_all(tuple(bound(name).derivation for name in ACTIVATIONS))


def checks() -> Mapping[str, Row]:
    """Every line of the argument, for each of the activations, on random networks."""
    return {f"the bound on the gradients with {name}": _row(name) for name in ACTIVATIONS}


def _row(name: str) -> Row:
    checked = check_bound(bound(name))
    failed = [each for each in checked if not each.passed]
    message = ", ".join(f"the line {each.claim.key!r} is off by {each.error:.1e}" for each in failed)
    points = sum(each.points for each in checked)
    return Row("bound", None, points, max(each.error for each in checked), not failed, message, TOLERANCE)
