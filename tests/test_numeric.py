"""Numerical gradients: they converge as stated, refuse what they cannot do, and expose wrong gradients."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from chainrule.numeric import METHODS, check_gradient, numerical_gradient

NAMES = [method.name for method in METHODS]
REACH = {"forward": 1e-6, "central": 1e-9, "complex": 1e-14, "richardson": 1e-11}


def bowl(x):
    return np.sum(np.exp(x) * x)


def slope(x):
    return np.exp(x) * (x + 1)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(x=arrays(np.float64, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3), elements=st.floats(-2, 2)))
def test_every_method_on_every_shape(name, x):
    got = numerical_gradient(bowl, x, name)
    assert got.shape == x.shape
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, slope(x), rtol=10 * REACH[name], atol=10 * REACH[name])


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_error_falls_with_the_stated_order(method):
    steps = (0.2, 0.1)
    errors = [abs(numerical_gradient(lambda x: np.exp(x), 0.3, method.name, step=h) - math.exp(0.3)) for h in steps]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(method.order, abs=0.3)


@pytest.mark.parametrize("method", METHODS, ids=NAMES)
def test_cost_is_as_stated(method):
    calls = []
    numerical_gradient(lambda x: (calls.append(1), bowl(x))[1], np.ones((2, 3)), method.name)
    assert len(calls) == method.cost(6)


def test_the_step_grows_with_the_argument():
    assert numerical_gradient(lambda x: x**2, 1e8) == pytest.approx(2e8, rel=1e-9)


def test_the_widely_copied_wrong_central_difference_is_exposed():
    def wrong(f, x, h=1e-5):
        return (f(x + h) + f(x - h)) / (2 * h)

    def f(x):
        return float(x) ** 2

    assert not check_gradient(f, wrong(f, 3.0), 3.0)
    assert abs(numerical_gradient(f, 3.0) - 6) < 1e-8
    assert abs(wrong(f, 3.0) - 6) > 1e5


def test_check_gradient_says_where_and_by_how_much():
    x = np.array([[0.5, 1.0], [-1.0, 2.0]])
    bad = slope(x)
    bad[1, 0] += 0.25
    found = check_gradient(bowl, bad, x)
    assert not found
    assert found.worst == (1, 0)
    assert found.analytic - found.numeric == pytest.approx(0.25)
    assert found.error > 1
    assert check_gradient(bowl, slope, x)
    assert check_gradient(bowl, slope, x).error <= 1


def test_nan_never_passes_and_empty_does():
    assert not check_gradient(bowl, [math.nan], [1.0])
    assert check_gradient(bowl, slope, np.zeros((0, 3)))


def test_integers_become_floats_and_the_input_is_left_alone():
    x = np.arange(3)
    np.testing.assert_allclose(numerical_gradient(lambda v: np.sum(v**2), x), [0, 2, 4], atol=1e-9)

    def greedy(v):
        v *= 0
        return 0.0

    y = np.ones(2)
    numerical_gradient(greedy, y)
    assert (y == 1).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: numerical_gradient(bowl, 1.0, "centrall"), ValueError, "did you mean 'central'"),
        (lambda: numerical_gradient(bowl, 1.0, step=0), ValueError, "positive"),
        (lambda: numerical_gradient(lambda x: x, [1.0, 2.0]), TypeError, "must return one number"),
        (lambda: numerical_gradient(lambda x: "a", 1.0), TypeError, "real number"),
        (lambda: numerical_gradient(lambda x: 1j * x, 1.0), TypeError, "real number"),
        (lambda: numerical_gradient(bowl, [1j]), TypeError, "must be real"),
        (lambda: numerical_gradient(bowl, ["a"]), TypeError, "must be real"),
        (lambda: numerical_gradient(lambda x: x.real**2, 1.0, "complex"), TypeError, "dropped the imaginary part"),
        (lambda: numerical_gradient(np.abs, 1.0, "complex"), TypeError, "dropped the imaginary part"),
        (lambda: numerical_gradient(lambda x: math.exp(x[()]), 1.0, "complex"), TypeError, "analytic"),
        (lambda: check_gradient(bowl, [1.0, 2.0], 1.0), ValueError, "shape"),
    ],
)
def test_errors_say_what_to_do(call, error, words):
    with pytest.raises(error, match=words):
        call()
