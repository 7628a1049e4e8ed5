"""Formulas of so few roundings that arrays of float32 need no float64."""

import math

import numpy as np
import pytest
import sympy as sp

from chainrule.codegen.brief import MOST, brief, roundings
from chainrule.codegen.stable import problem, stabilise
from chainrule.functions import binary_cross_entropy

X, Y = sp.symbols("x y", real=True)
NAMES = {X: "x", Y: "y"}
POINTS = tuple((x, y) for x in (-3.7, -1e-9, 1e-30, 0.3, 1.1, 7.0, 1e10) for y in (-2.3, 1e-35, 0.7, 5.0))


def of(expr):
    return brief(stabilise(problem(expr, (X, Y), POINTS, ((-math.inf, math.inf),) * 2), NAMES), NAMES)


@pytest.mark.parametrize(
    ("expr", "count"),
    [
        (X, 0),
        (-2 * X, 0),
        (3 * X, 1),
        (X - Y, 1),
        ((X - Y) ** 2, 3),
        (1 / X, 1),
        (X / (1 + abs(X)), 2),
        ((X - Y) / (X * (1 - X)), 4),
        (X + Y + 1, None),
        (X * Y - 1, None),
        (X / 10, None),
        (sp.exp(X), None),
    ],
)
def test_roundings_are_counted(expr, count):
    assert roundings(expr) == count


def test_as_many_roundings_are_within_as_many_ulp():
    rng = np.random.default_rng(3)
    x, y = rng.random((2, 400_000)).astype(np.float32)
    wide = x.astype(np.float64), y.astype(np.float64)
    for got, wanted, most in (
        (binary_cross_entropy.grad(x, y), binary_cross_entropy.grad(*wide), MOST),
        (x / (1 + np.abs(x)), wide[0] / (1 + np.abs(wide[0])), roundings(X / (1 + abs(X)))),
    ):
        assert got.dtype == np.float32
        off = np.abs(got - wanted) / np.spacing(np.abs(wanted).astype(np.float32))
        assert 0.5 < off.max() <= most


def test_a_formula_of_few_roundings_is_taken():
    lines, bounds = of(X / (1 + abs(X)))
    assert lines == ("return x / (1.0 + np.abs(x))",)
    assert bounds == (None, None)


def test_a_sum_of_what_is_rounded_is_left_to_float64():
    assert of(X * Y + 1) is None


def test_a_result_in_range_by_way_of_one_out_of_range_is_left_to_float64():
    """The square of 1e-30 is 0 in float32."""
    assert roundings(X**2 / Y) == 2
    assert of(X**2 / Y) is None


def test_the_ends_of_a_domain_are_those_of_the_function():
    ends = np.array([0, 0, 1, 1, 1e-30, 0.5], np.float32), np.array([0, 1, 0, 1, 1, 0.5], np.float32)
    np.testing.assert_array_equal(
        binary_cross_entropy.grad(*ends),
        np.float32(binary_cross_entropy.grad(*(each.astype(np.float64) for each in ends))),
    )
