"""Rows of very large and very small numbers: computed in long double where squares, products or quotients leave the range of float64."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from shared import failed_checks, function, loss, source
from sympy import Interval, Max, Rational, Sum, exp, log, oo, sqrt

from chainrule.calculus.derive import derive_all
from chainrule.codegen.modules import check_module, module_of, module_source
from chainrule.errors import DefinitionError
from chainrule.functions import layer_norm
from chainrule.notation import dimension, index, scalar, vector
from chainrule.runtime.far_rows import FAR, HAS_RANGE, FarRows
from chainrule.runtime.vector import VectorFunction

pytestmark = [
    pytest.mark.xdist_group("test_far_rows"),  # modules are made once
    pytest.mark.skipif(not HAS_RANGE, reason="long double has the range of float64 here"),
]

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
a, b, x, g = vector("a", K), vector("b", K), vector("x", K), vector("g", K)
r, epsilon, m = scalar("r"), scalar("epsilon"), scalar("m")
POSITIVE = Interval.open(0, oo)
NORM = sqrt(Sum(a[k] ** 2, k))


DEFINITIONS = {
    each.name: each
    for each in (
        loss(
            "cosine",
            Sum(a[k] * b[k], k) / (NORM * sqrt(Sum(b[k] ** 2, k))),
            a[j],
            arguments={"first": a, "second": b},
        ),
        loss("unit", a[i] / NORM, a[j], symbol="n", index=i, arguments={"a": a}),
        loss(
            "rms",
            g[i] * x[i] / r,
            (x[j], g[j]),
            symbol="y",
            index=i,
            where={r: sqrt(Sum(x[k] ** 2, k) / K + epsilon)},
            arguments={"x": x, "gain": g},
            parameters={epsilon: 1e-6},
            domain={epsilon: POSITIVE},
        ),
        loss("length", NORM, a[j], arguments={"a": a}),
        loss("cubes", Sum(a[k] ** 2 * sqrt(a[k] ** 2), k) ** Rational(1, 3), a[j], arguments={"a": a}),
        loss(
            "distance",
            sqrt(Sum((a[k] - b[k]) ** 2, k) + epsilon),
            a[j],
            arguments={"a": a, "b": b},
            parameters={epsilon: 1e-6},
            domain={epsilon: POSITIVE},
        ),
        loss("margin", Max(0, m - Sum((a[k] - b[k]) ** 2, k)), a[j], arguments={"a": a, "b": b, "m": m}),
        loss("smooth", sqrt(1 + Sum(a[k] ** 2, k)), a[j], arguments={"a": a}),
        loss("student", log(1 + Sum(a[k] ** 2, k)), a[j], arguments={"a": a}),
        loss("squares", Sum((a[k] - b[k]) ** 2, k), a[j], arguments={"a": a, "b": b}),
        loss("gauss", exp(-Sum(a[k] ** 2, k)), a[j], arguments={"a": a}),
    )
}


@pytest.mark.parametrize("name", ["cosine", "unit", "rms", "length", "cubes", "distance", "smooth", "student"])
def test_inputs_of_any_size_are_checked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(function(DEFINITIONS[name])._value, FarRows)
    assert failed_checks(DEFINITIONS[name]) == []
    monkeypatch.setattr(FarRows, "__call__", lambda self, *arrays: self.kernel(*arrays))
    assert failed_checks(DEFINITIONS[name]) == ["any size"]


@pytest.mark.parametrize("name", ["squares", "gauss"])
def test_what_does_not_leave_the_range_before_its_result_is_left_alone(name: str) -> None:
    assert "far_rows" not in source(DEFINITIONS[name])


ROWS = np.array([[3.0, -4.0, 0.5], [1.0, 2.0, -2.0], [0.25, 0.0, 1.0]])
SIZES = np.array([2.0**600, 1.0, 2.0**-600])[:, None]


@pytest.mark.parametrize("method", [VectorFunction.jacobian, lambda f, x: f.vjp(x, ROWS), lambda f, x: f.jvp(x, ROWS)])
def test_rows_stand_for_themselves(method: Callable[..., Any]) -> None:
    unit = function(DEFINITIONS["unit"])
    with np.errstate(all="raise"):
        found, plain = method(unit, ROWS * SIZES), method(unit, ROWS)
    assert np.allclose(found * SIZES.reshape(3, *[1] * (found.ndim - 1)), plain, rtol=1e-15, atol=1e-16)
    assert np.array_equal(found[1], plain[1])  # no bit of an ordinary row depends on its neighbours


def test_ordinary_rows_are_computed_once() -> None:
    kernel = function(DEFINITIONS["unit"])._value
    assert isinstance(kernel, FarRows)
    given: list[Any] = []

    def counted(array: Any) -> Any:
        given.append(array.dtype)
        return before(array)

    before, kernel.kernel = kernel.kernel, counted
    try:
        for size in (2.0 ** (FAR - 3), 1.0, 2.0 ** -(FAR - 3)):
            kernel(ROWS * size)
        assert given == [np.float64] * 3
        kernel(ROWS * 2.0**FAR)
        assert given[3:] == [np.float64, np.longdouble]
    finally:
        kernel.kernel = before


def test_zeros_infinities_and_nan() -> None:
    length = function(DEFINITIONS["length"])
    assert length(np.zeros(3)) == 0
    assert length([np.inf, 1e300, 0.0]) == np.inf
    assert np.isnan(length([np.nan, 1e300, 0.0]))
    assert np.array_equal(length([[0.0, 0.0], [3 * 2.0**700, 2.0**702], [np.inf, 1.0]]), [0, 5 * 2.0**700, np.inf])
    assert length([5e-324, 0.0]) == 5e-324
    assert length(np.full(4, 1.7e308)) == np.inf  # the length itself is no number


def test_value_and_gradient_together() -> None:
    cosine = function(DEFINITIONS["cosine"])
    value, gradient = cosine.value_and_grad(ROWS * SIZES, ROWS[::-1])
    assert np.allclose(value, cosine(ROWS, ROWS[::-1]), rtol=1e-15, atol=0)
    assert np.allclose(gradient * SIZES, cosine.grad(ROWS, ROWS[::-1]), rtol=1e-14, atol=1e-16)


def test_what_is_small_beside_what_is_large_keeps_its_say() -> None:
    same = np.full(3, 1e200)
    assert function(DEFINITIONS["distance"])(same, same) == pytest.approx(1e-3)
    assert np.array_equal(function(DEFINITIONS["distance"]).grad(same, same), [0, 0, 0])
    assert function(DEFINITIONS["margin"])(same, same, 1.0) == 1.0
    assert function(DEFINITIONS["rms"])([1e30, 3.3e-290], [1.0, 1e300])[1] == pytest.approx(
        3.3e-20 * np.sqrt(2), rel=1e-14
    )
    assert function(DEFINITIONS["smooth"])([1e-200, 0.0]) == 1.0
    assert function(DEFINITIONS["student"])([1e200, 0.0]) == pytest.approx(2 * np.log(1e200))


def test_parameters_of_each_row_and_shared_inputs() -> None:
    rms = function(DEFINITIONS["rms"])
    assert np.allclose(rms(ROWS * 1e-300, np.ones(3), epsilon=1e-6), ROWS * 1e-297, rtol=1e-15, atol=0)
    assert np.array_equal(rms(ROWS * SIZES, np.ones(3), epsilon=[1e-6] * 3), rms(ROWS * SIZES, np.ones(3)))
    many = np.tile(ROWS * SIZES, (200, 1))
    assert np.array_equal(rms(many, np.ones(3)), np.tile(rms(ROWS * SIZES, np.ones(3)), (200, 1)))


def test_layer_norm_of_the_largest_numbers() -> None:
    given = np.array([1.7e308, -1.7e308, 1.6e308, 0.0])
    ones, zeros = np.ones(4), np.zeros(4)
    assert np.allclose(
        layer_norm(given, ones, zeros), layer_norm(given / 2.0**900, ones, zeros, epsilon=1e-300), rtol=1e-14
    )
    assert np.all(np.isfinite(layer_norm.jacobian(given, ones, zeros)))
    for large in (1e155, 1e200, 1e308):
        assert np.array_equal(layer_norm(np.full(4, large), ones, zeros), zeros)
        even = layer_norm.jacobian(np.full(4, large), ones, zeros)
        assert np.allclose(even, layer_norm.jacobian(np.zeros(4), ones, zeros), rtol=1e-14)


def test_terms_that_cancel_beyond_long_double_refuse_no_function() -> None:
    nearer = Max(0, Sum((a[k] - b[k]) ** 2, k) - Sum((a[k] - x[k]) ** 2, k) + m)
    definition = loss("triplet", nearer, a[j], arguments={"a": a, "b": b, "x": x, "m": m})
    derivations = derive_all(definition)
    module = module_of(definition, derivations, derivations[0].goal)
    assert all(row.passed for row in module.checks)
    assert "any size" in [row.name for row in check_module(module.source, definition, derivations) if not row.passed]


def test_a_function_of_the_name_of_a_routine_is_refused_where_it_is_called() -> None:
    for name, message in (("far_rows", "calls a routine of that name"), ("np", "choose another for the function")):
        definition = loss(name, NORM, a[j], arguments={"a": a})
        with pytest.raises(DefinitionError, match=message):
            module_source(definition, derive_all(definition))
    assert function(loss("weighted", NORM, a[j], arguments={"a": a}))([3.0, 4.0]) == 5.0
