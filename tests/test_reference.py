"""The reference that functions of vectors are measured against, where a definition has cases: the largest of two, absolute values, branches, a diagonal."""

from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb, arb_series
from sympy import Abs, Max, Min, Piecewise, Sum

from chainrule.certification.arrays import Run
from chainrule.definition import Definition
from chainrule.notation import dimension, index, matrix, scalar, vector

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
x, y, S = vector("x", K), vector("y", K), matrix("S", K, K)
beta = scalar("beta")


def made(value: Any) -> Definition:
    by = x[j] if value.has(x) else S[i, j]
    return Definition(value, wrt=by, name="made", kind="loss", source="test")


def balls(values: Any) -> Any:
    return np.frompyfunc(lambda v: arb(float(v)), 1, 1)(np.asarray(values, dtype=np.float64))


def run(value: Any, **inputs: Any) -> Run:
    given = {name: balls(v) if np.ndim(v) else np.array(arb(v), dtype=object) for name, v in inputs.items()}
    return Run(made(value), given, {}, {"K": 3})


def slopes(made_run: Run, by: str) -> list[float]:
    one = np.empty((), dtype=object)
    one[()] = arb(1)
    return [float(g) for g in np.ravel(made_run.pulled(made_run.value(), one, by))]


X, Y = np.array([0.5, -2.0, 3.0]), np.array([1.0, -1.0, 0.25])
HUBER = Piecewise(((x[k] - y[k]) ** 2 / (2 * beta), Abs(x[k] - y[k]) < beta), (Abs(x[k] - y[k]) - beta / 2, True))


@pytest.mark.parametrize(
    ("value", "number", "derivative"),
    [
        (Sum(Max(x[k], y[k]), k), 1.0 - 1.0 + 3.0, [0, 0, 1]),
        (Sum(Min(x[k], y[k], 0), k), -2.0, [0, 1, 0]),
        (Sum(Abs(x[k]) * y[k], k), 0.5 - 2.0 + 0.75, [1, 1, 0.25]),
        (Sum(HUBER, k), 0.125 + 0.5 + 2.25, [-0.5, -1, 1]),
        (Max(0, Sum(x[k] ** 2, k) - 10), 3.25, [1, -4, 6]),
        (Max(0, Sum(x[k] ** 2, k) - 20), 0.0, [0, 0, 0]),
        (Sum(Piecewise((x[k], (x[k] > 0) & (x[k] < 1)), (y[k], True)), k), 0.5 - 1 + 0.25, [1, 0, 0]),
        (Sum(Piecewise((x[k] ** 3, x[k] >= y[k]), (x[k], x[k] > -1), (2 * x[k], True)), k), 0.5 - 4 + 27, [1, 2, 27]),
    ],
)
def test_cases_have_the_value_and_the_derivative_of_their_branch(
    value: Any, number: float, derivative: list[float]
) -> None:
    given = run(value, x=X, y=Y, beta=1.0)
    assert float(given.value().data[()]) == pytest.approx(number, abs=1e-15)
    assert slopes(run(value, x=X, y=Y, beta=1.0), "x") == pytest.approx(derivative, abs=1e-15)


def test_a_tie_has_a_value_and_no_derivative() -> None:
    given = run(Sum(Max(x[k], 0), k), x=[1.0, 0.0, -1.0])
    assert float(given.value().data[()]) == 1.0
    found = slopes(run(Sum(Max(x[k], 0), k), x=[1.0, 0.0, -1.0]), "x")
    assert found[0] == 1 and mpmath.isnan(found[1]) and found[2] == 0


def test_what_a_ball_does_not_tell_is_left_open() -> None:
    given = run(Sum(Max(x[k], 0), k), x=X)
    given.given["x"].data[0] = arb(0, 1e-3)
    assert not given.value().data[()].is_finite()


def test_directional_derivatives_follow_the_branch() -> None:
    given = run(Sum(Max(x[k], y[k]), k), x=X, y=Y)
    given.given["x"].data = np.frompyfunc(lambda v: arb_series([v, arb(1)], prec=2), 1, 1)(balls(X))
    assert float(given.value().data[()][1]) == 1.0


def test_a_diagonal() -> None:
    table = np.arange(9.0).reshape(3, 3)
    value = Sum(S[k, k] ** 2, k)
    assert float(run(value, S=table).value().data[()]) == 0 + 16 + 64
    assert slopes(run(value, S=table), "S") == [0, 0, 0, 0, 8, 0, 0, 0, 16]
