"""Rows of very large and very small numbers: scaled where a formula is of one degree in some of its inputs."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from sympy import Interval, Max, Sum, exp, oo, sqrt

from chainrule.calculus.derive import derive_all
from chainrule.codegen.degrees import scalings
from chainrule.codegen.modules import check_module, module_source
from chainrule.codegen.numpy_source import load
from chainrule.codegen.specs import spec_of
from chainrule.codegen.vector_spec import VectorSpec
from chainrule.definition import Definition
from chainrule.functions import layer_norm
from chainrule.notation import dimension, index, matrix, scalar, vector
from chainrule.runtime.scaling import FAR
from chainrule.runtime.vector import VectorFunction

pytestmark = pytest.mark.xdist_group("scaling")  # forms and modules are made once

K = dimension("K")
i, j, k = index("i", K), index("j", K), index("k", K)
a, b, x, g = vector("a", K), vector("b", K), vector("x", K), vector("g", K)
r, epsilon, m = scalar("r"), scalar("epsilon"), scalar("m")
POSITIVE = Interval.open(0, oo)
NORM = sqrt(Sum(a[k] ** 2, k))


def made(name: str, value: Any, by: Any, **words: Any) -> Definition:
    return Definition(value, wrt=by, name=name, kind="loss", source="test", **words)


DEFINITIONS = {
    each.name: each
    for each in (
        made(
            "cosine",
            Sum(a[k] * b[k], k) / (NORM * sqrt(Sum(b[k] ** 2, k))),
            a[j],
            arguments={"first": a, "second": b},
        ),
        made("unit", a[i] / NORM, a[j], symbol="n", index=i, arguments={"a": a}),
        made(
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
        made("length", NORM, a[j], arguments={"a": a}),
        made("root", sqrt(NORM), a[j], arguments={"a": a}),
        made("margin", Max(0, m - Sum((a[k] - b[k]) ** 2, k)), a[j], arguments={"a": a, "b": b, "m": m}),
        made("squares", Sum((a[k] - b[k]) ** 2, k), a[j], arguments={"a": a, "b": b}),
        made("smooth", sqrt(1 + Sum(a[k] ** 2, k)), a[j], arguments={"a": a}),
        made("gauss", exp(-Sum(a[k] ** 2, k)), a[j], arguments={"a": a}),
    )
}


def spec(name: str) -> VectorSpec:
    found = spec_of(DEFINITIONS[name], derive_all(DEFINITIONS[name]))
    assert isinstance(found, VectorSpec)
    return found


@cache
def function(name: str) -> VectorFunction:
    found = load(module_source(DEFINITIONS[name], derive_all(DEFINITIONS[name])), name)
    assert isinstance(found, VectorFunction)
    return found


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cosine", [({"first": 1}, 0), ({"second": 1}, 0)]),
        ("unit", [({"a": 1}, 0)]),
        ("rms", [({"x": 1, "epsilon": 2}, 0)]),
        ("length", [({"a": 1}, 1)]),
        ("root", [({"a": 2}, 1)]),  # a is multiplied by a square, so that no root of a power of 2 is needed
        ("margin", [({"a": 1, "b": 1, "m": 2}, 2)]),
        ("squares", []),  # nothing overflows that does not have to
        ("smooth", []),  # the 1 fixes the size
        ("gauss", []),
    ],
)
def test_what_may_be_scaled_is_found(name: str, expected: list[Any]) -> None:
    assert [(dict(each.inputs), each.value) for each in scalings(spec(name))] == expected


def test_matrices_have_a_degree_of_their_own() -> None:
    A = matrix("A", K, K)
    quotient = made(
        "rayleigh", Sum(Sum(a[j] * A[j, k] * a[k], k), j) / Sum(a[k] ** 2, k), a[i], arguments={"a": a, "A": A}
    )
    found = spec_of(quotient, derive_all(quotient))
    assert isinstance(found, VectorSpec)
    assert [dict(each.inputs) for each in scalings(found)] == [{"a": 1}]


@pytest.mark.parametrize("name", ["cosine", "unit", "rms", "length", "root"])
def test_inputs_of_any_size_are_checked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = DEFINITIONS[name]
    derivations = derive_all(definition)
    source = module_source(definition, derivations)
    assert all(row.passed for row in check_module(source, definition, derivations))
    monkeypatch.setattr("chainrule.runtime.scaling.Scaled.__call__", lambda self, *arrays: self.kernel(*arrays))
    failed = [row.name for row in check_module(source, definition, derivations) if not row.passed]
    assert failed == ["any size"]


def test_a_wrong_degree_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    definition = DEFINITIONS["length"]
    derivations = derive_all(definition)
    source = module_source(definition, derivations)
    wrong = source.replace("@scaled(_SCALES_1, (0, (", "@scaled(_SCALES_1, (1, (")
    assert wrong != source
    (row,) = [row for row in check_module(wrong, definition, derivations) if row.name == "any size"]
    assert not row.passed


ROWS = np.array([[3.0, -4.0, 0.5], [1.0, 2.0, -2.0], [0.25, 0.0, 1.0]])
SIZES = np.array([2.0**600, 1.0, 2.0**-600])[:, None]


@pytest.mark.parametrize("method", [VectorFunction.jacobian, lambda f, x: f.vjp(x, ROWS), lambda f, x: f.jvp(x, ROWS)])
def test_each_row_has_its_own_scale(method: Callable[..., Any]) -> None:
    unit = function("unit")
    assert np.array_equal(unit(ROWS * SIZES), unit(ROWS))
    with np.errstate(all="raise"):
        found, plain = method(unit, ROWS * SIZES), method(unit, ROWS)
    assert np.array_equal(found * SIZES.reshape(3, *[1] * (found.ndim - 1)), plain)


def test_rows_of_ordinary_numbers_are_untouched() -> None:
    kernel = function("unit")._value
    given: list[Any] = []
    kernel.kernel, before = (lambda x: given.append(x) or before(x)), kernel.kernel  # type: ignore[attr-defined, func-returns-value]
    try:
        for size in (2.0 ** (FAR - 3), 1.0, 2.0 ** -(FAR - 3)):
            x = ROWS * size
            kernel(x)
            assert given.pop() is x
        kernel(ROWS * 2.0 ** (FAR + 1))
        assert np.max(np.abs(given.pop())) <= 1
    finally:
        kernel.kernel = before  # type: ignore[attr-defined]


def test_zeros_infinities_and_nan_are_as_before() -> None:
    length = function("length")
    assert length(np.zeros(3)) == 0
    assert length([np.inf, 1e300, 0.0]) == np.inf
    assert np.isnan(length([np.nan, 1e300, 0.0]))
    assert np.array_equal(length([[0.0, 0.0], [3 * 2.0**700, 2.0**702], [np.inf, 1.0]]), [0, 5 * 2.0**700, np.inf])
    assert length([5e-324, 0.0]) == 5e-324


def test_value_and_gradient_together() -> None:
    cosine = function("cosine")
    value, gradient = cosine.value_and_grad(ROWS * SIZES, ROWS[::-1])
    assert np.array_equal(value, cosine(ROWS, ROWS[::-1]))
    assert np.array_equal(gradient * SIZES, cosine.grad(ROWS, ROWS[::-1]))


def test_parameters_are_scaled_with_their_inputs() -> None:
    rms = function("rms")
    small = rms(ROWS * 1e-300, np.ones(3), epsilon=1e-6)
    assert np.allclose(small, ROWS * 1e-297, rtol=1e-15, atol=0)
    assert np.array_equal(
        rms(ROWS * 2.0**600, np.ones(3), epsilon=1e-6), rms(ROWS * 2.0**500, np.ones(3), epsilon=1e-6)
    )
    assert np.array_equal(rms(ROWS * SIZES, np.ones(3), epsilon=[1e-6, 1e-6, 1e-6]), rms(ROWS * SIZES, np.ones(3)))


def test_layer_norm_of_the_largest_numbers() -> None:
    given = np.array([1.7e308, -1.7e308, 1.6e308, 0.0])
    ones, zeros = np.ones(4), np.zeros(4)
    found = layer_norm(given, ones, zeros)
    assert np.allclose(found, layer_norm(given / 2.0**900, ones, zeros, epsilon=1e-300), rtol=1e-15)
    assert np.all(np.isfinite(layer_norm.jacobian(given, ones, zeros)))
