"""Code in float64 for results that are rounded to float32: cheaper than the stable form, and nothing of it shows."""

import importlib
import pkgutil
from itertools import product

import numpy as np
import pytest
import sympy as sp

import chainrule.functions
from chainrule.codegen.narrow import narrow
from chainrule.codegen.stable import problem, stabilise
from chainrule.functions import sigmoid_binary_cross_entropy, sigmoid_squared_error
from chainrule.runtime.narrow import LEFT, refined_of_single
from chainrule.runtime.scalar import ScalarFunction

X = sp.Symbol("x", real=True)
POINTS = tuple((x,) for x in (1e-30, 1e-9, 1e-3, 0.3, 1.0, 7.0, 40.0, 1e10))


def narrowed(expr):
    found = stabilise(problem(expr, (X,), POINTS, ((0.0, float("inf")),)), {X: "x"})
    return narrow(found, {X: "x"}, 1)


def test_a_form_that_loses_what_a_float32_shows_is_not_taken(monkeypatch):
    """log(1 + x) is 0 for a small x, which float32 has as well."""
    monkeypatch.setattr("chainrule.codegen.narrow.WORTH", 10.0)
    lines, _ = narrowed(sp.log(1 + X))
    assert lines == ("return np.log1p(x)",)


def test_a_form_that_loses_less_is_taken():
    """Squares of numbers of float32 do not overflow in float64."""
    lines, bounds = narrowed(sp.sqrt(1 + X**2))
    assert "hypot" not in "".join(lines) and bounds == (None,)


def with_narrow_code(bounded=False):
    for module in pkgutil.iter_modules(chainrule.functions.__path__):
        function = getattr(importlib.import_module(f"chainrule.functions.{module.name}"), module.name)
        if isinstance(function, ScalarFunction):
            for what, kernel in function.kernels.items():
                if kernel.narrow is None or (bounded and not kernel.narrow.tests):
                    continue
                if what.split()[0] in ("value", "grad", "second") and "and" not in what:
                    yield pytest.param(function, what, id=f"{module.name} {what}")


@pytest.mark.parametrize(("function", "what"), list(with_narrow_code()))
def test_results_are_those_of_float64_rounded(function, what):
    rng = np.random.default_rng(5)
    ordinary = [
        rng.normal(size=50_000) * 4,
        rng.uniform(-60, 60, 50_000),
        10.0 ** rng.uniform(-40, 1, 50_000),
        -(10.0 ** rng.uniform(-40, 1, 50_000)),
    ]
    columns = [np.concatenate(ordinary).astype(np.float32) for _ in function.arguments]
    for column in columns[1:]:
        rng.shuffle(column)
    arrays = []
    for name, column in zip(function.arguments, columns, strict=True):
        domain = function.ranges.get(name)
        arrays.append(column if domain is None else np.clip(column, max(domain.lower, 1e-30), min(domain.upper, 3e38)))
    method, _, wrt = what.partition(" ")
    call = function if method == "value" else getattr(function, method)
    more = {"wrt": wrt} if wrt else {}
    got = call(*arrays, **more)
    assert got.dtype == np.float32
    wanted = call(*(each.astype(np.float64) for each in arrays), **more)
    unit = np.spacing(np.abs(wanted).astype(np.float32)).astype(np.float64)
    known = np.isfinite(wanted)
    assert known.sum() > 100_000
    off = np.abs(got.astype(np.float64) - wanted)[known] / unit[known]
    assert off.max() <= 0.76


@pytest.mark.parametrize(("function", "what"), list(with_narrow_code(bounded=True)))
def test_a_result_depends_on_its_own_inputs_alone(function, what):
    """An element beyond the bounds is computed apart, in a small array and in a large one."""
    method, _, wrt = what.partition(" ")
    call = function if method == "value" else getattr(function, method)
    more = {"wrt": wrt} if wrt else {}
    for size, extreme in product((50, 100_000), (1e30, -1e30, -np.inf, np.inf)):
        rng = np.random.default_rng(size)
        arrays = [rng.uniform(0.05, 0.95, size).astype(np.float32) for _ in function.arguments]
        before = call(*arrays, **more)
        alone = arrays[0].copy()
        alone[7] = extreme
        after = call(alone, *arrays[1:], **more)
        others = np.arange(size) != 7
        np.testing.assert_array_equal(after[others], before[others])
        at = call(alone[7:8].astype(np.float64), *(a[7:8].astype(np.float64) for a in arrays[1:]), **more)
        np.testing.assert_array_equal(after[7:8], at.astype(np.float32))


@pytest.mark.parametrize("call", [sigmoid_squared_error, sigmoid_squared_error.grad, sigmoid_binary_cross_entropy.grad])
def test_a_target_next_to_the_prediction_leaves_all_digits(call):
    rng = np.random.default_rng(8)
    logit = rng.uniform(-30, 30, 3000).astype(np.float32)
    next_to = rng.integers(-3, 4, logit.size) * 2.0**-23
    target = np.minimum((1 + next_to) / (1 + np.exp(-logit.astype(np.float64))), 1).astype(np.float32)
    got, wanted = call(logit, target), call(logit.astype(np.float64), target.astype(np.float64))
    assert np.all(np.abs(got - wanted) <= 0.76 * np.spacing(np.abs(wanted).astype(np.float32)))


@pytest.mark.parametrize("function", [sigmoid_squared_error, sigmoid_binary_cross_entropy])
@pytest.mark.parametrize("method", ["__call__", "grad", "value_and_grad"])
def test_a_confident_prediction_is_not_computed_again(function, method, monkeypatch):
    """A sigmoid less 1 cancels, but for a form that has the rest of 1 as it is."""

    def again(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr("chainrule.runtime.narrow.refined", again)
    monkeypatch.setattr(importlib.import_module(function.__module__), "refined", again)
    logit = np.linspace(17, 79, 1000, dtype=np.float32)
    for sign, label in ((1, 1), (-1, 0), (1, 0), (-1, 1)):
        getattr(function, method)(sign * logit, np.full_like(logit, label))


def test_more_digits_where_a_float32_shows_it():
    x = np.array([0.5, 1.0, 1.0, 2.0])
    y = np.array([0.25, 1.0, 1.0 - 2.0**-30, 1.0])
    found = refined_of_single(x - y + 1e-9, x - y, x + y, lambda a, b: a + -b, x, y)
    near = np.abs(x - y) < LEFT * (x + y)
    assert near.tolist() == [False, True, True, False]
    np.testing.assert_array_equal(found[near], (x - y)[near])
    np.testing.assert_array_equal(found[~near], (x - y + 1e-9)[~near])
