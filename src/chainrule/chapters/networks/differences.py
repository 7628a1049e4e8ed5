"""Numerical differentiation as the alternative: its error against the step, and its cost against the number of parameters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import log10

from ...calculus.graph_terms import decimal
from ...drawings.charts import draw_chart
from ...drawings.network_charts import costs_chart, errors_chart
from ...expression import printing
from ...expression import tree as t
from ...networks.differences import Cost as Measured
from ...networks.differences import best_steps, costs, example, example_errors
from ...report import Author, Formula
from ...verification import Row, Verification, verify
from ..page import Picture


@dataclass(frozen=True)
class Method:
    """formula: of the estimate. step, error: the step with the least error that was measured, and that error, relative; expected_step, expected_error: by theory, if it has any.
    losses: how many of them a gradient takes, for n parameters."""

    key: str
    formula: Formula
    step: Formula
    error: Formula
    expected_step: Formula | None
    expected_error: Formula | None
    losses: Formula


@dataclass(frozen=True)
class Cost:
    """For a number of parameters: milliseconds for a loss and for a backward pass, seconds for the differences. ratio: of the differences to the backward pass. measured: whether the differences were."""

    parameters: int
    loss: Formula
    backward: Formula
    differences: Formula
    ratio: Formula
    measured: bool


@dataclass(frozen=True)
class Values:
    """loss: the loss in one weight that the errors are measured for, at ``place``, and its derivative there."""

    loss: Formula
    place: Formula
    derivative: Formula
    methods: tuple[Method, ...]
    costs: tuple[Cost, ...]
    names: Mapping[str, Formula]


def _at(*terms: t.Node) -> t.Node:
    return t.Call("f", (t.Add(terms) if len(terms) > 1 else terms[0],))


X, H, N, I = (t.Symbol(name) for name in "xhni")
FORMULAS: Mapping[str, t.Node] = {
    "forward": t.Frac(t.Add((_at(X, H), t.Neg(_at(X)))), H),
    "central": t.Frac(t.Add((_at(X, H), t.Neg(_at(X, t.Neg(H))))), t.Mul((t.number(2), H))),
    "complex": t.Frac(t.Call("Im", (_at(X, t.Mul((I, H))),)), H),
}
LOSSES: Mapping[str, t.Node] = {"forward": t.Add((N, t.ONE)), "central": t.Mul((t.number(2), N)), "complex": N}
NAMES: Mapping[str, t.Node] = {"n": N, "2n": LOSSES["central"], "h": H, "f": t.Call("f", (X,)), "i": I}


def values(author: Author) -> Values:
    made = example()
    goal, start = made.derivation.goal, made.derivation.start
    assert isinstance(goal, t.Derivative) and isinstance(start, t.Derivative)
    return Values(
        author.formula(t.Equation(goal.operand, start.operand)),
        author.formula(t.Equation(made.derivation.variable, decimal(made.x))),
        author.formula(t.Equation(goal, decimal(float(made.derivative)))),
        tuple(_methods(author)),
        tuple(_cost(each, author) for each in costs()),
        {name: author.formula(node) for name, node in NAMES.items()},
    )


def _methods(author: Author) -> Iterator[Method]:
    made = example()
    expected = {best.method: best for best in best_steps(made.f, made.x)}
    for found in example_errors():
        best = expected.get(found.method)
        yield Method(
            found.method,
            author.formula(FORMULAS[found.method]),
            _number(found.best, author),
            _number(found.least, author),
            None if best is None else _number(best.step, author),
            None if best is None else _number(best.error, author),
            author.formula(LOSSES[found.method]),
        )


def _cost(found: Measured, author: Author) -> Cost:
    return Cost(
        found.parameters,
        _number(1e3 * found.loss, author),
        _number(1e3 * found.backward, author),
        _number(found.differences, author),
        _number(found.differences / found.backward, author),
        found.measured,
    )


def _number(value: float, author: Author) -> Formula:
    return author.formula(printing.decimal(value, 2))


def pictures() -> Mapping[str, Picture]:
    made = example()
    errors = errors_chart(example_errors(), best_steps(made.f, made.x), name="networks-differences")
    spent = costs_chart(costs(), name="networks-cost")
    return {
        chart.name.partition("-")[2]: Picture(
            chart.name, partial(draw_chart, chart, "svg"), partial(draw_chart, chart, "pdf")
        )
        for chart in (errors, spent)
    }


def verifications() -> tuple[Verification, ...]:
    return (verify(example().derivation),)


def checks() -> Mapping[str, Row]:
    """The least error that was measured is within a power of ten of what theory expects, as is its step."""
    made = example()
    measured = {each.method: each for each in example_errors()}
    pairs = [
        pair
        for best in best_steps(made.f, made.x)
        for pair in (
            (f"the step of the {best.method} difference", log10(measured[best.method].best), log10(best.step)),
            (f"the error of the {best.method} difference", log10(measured[best.method].least), log10(best.error)),
        )
    ]
    error = max(abs(found - expected) for _, found, expected in pairs)
    message = (
        "" if error <= 1 else "; ".join(f"{what}: 1e{found:.1f}, expected 1e{to:.1f}" for what, found, to in pairs)
    )
    return {"numerical derivatives against theory": Row("theory", None, len(pairs), error, error <= 1, message, 1.0)}
