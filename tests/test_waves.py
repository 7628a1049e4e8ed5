"""Angles of waves in more digits than float64 has: of moderate size, large, and larger than any float64."""

import math

import mpmath
import numpy as np
import pytest
import sympy

from chainrule.codegen.reference import Reference
from chainrule.codegen.templates import angle_template
from chainrule.runtime import waves

RNG = np.random.default_rng(5)
M = mpmath.MPContext()
M.prec = 1400
x = sympy.Symbol("x", real=True)
FORMULAS = {
    "30 x": lambda pi, x: 30 * x,
    "pi x + 1": lambda pi, x: 1 + pi * x,
    "x / 3": lambda pi, x: x / 3,
    "x²": lambda pi, x: x * x,
}
SIZES = {"moderate": (-6, 3), "large": (4, 9), "larger": (13, 30), "largest": (300, 308)}


def numbers(size, count=40):
    low, high = SIZES[size]
    return RNG.uniform(1, 1.7, count) * RNG.choice((-1.0, 1.0), count) * 10 ** RNG.uniform(low, high - 0.1, count)


def in_float64(formula, given):
    with np.errstate(over="ignore"):
        return formula(np.pi, given)


def off(formula, given):
    """How far sine and cosine of angle + turn, to first order, are from the true ones, in units of 2⁻⁵³ of 1."""
    found = in_float64(formula, given)
    angles, turns = waves.angle(found, formula, given), waves.turn(found, formula, given)
    assert np.isfinite(angles).all() and np.isfinite(turns).all()
    worst = 0.0
    for u, v, w in zip(given.tolist(), angles.tolist(), turns.tolist(), strict=True):
        exact = formula(M.pi, M.mpf(u))
        sine, cosine = M.sin(M.mpf(v)) + M.cos(M.mpf(v)) * w, M.cos(M.mpf(v)) - M.sin(M.mpf(v)) * w
        worst = max(worst, abs(float(sine - M.sin(exact))), abs(float(cosine - M.cos(exact))))
    return worst * 2.0**53


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FORMULAS)
def test_an_angle_and_what_is_missing_in_it_are_right_beside_1(name, size):
    assert off(FORMULAS[name], numbers(size)) < 0.2


@pytest.mark.parametrize("size", SIZES)
def test_an_angle_alone_is_not(size):
    given = numbers(size)
    found = in_float64(FORMULAS["30 x"], given)
    wrong = [
        abs(math.sin(v) - float(M.sin(30 * M.mpf(u))))
        for u, v in zip(given, np.clip(found, -1e308, 1e308), strict=True)
    ]
    assert max(wrong) * 2.0**53 > (4 if size == "moderate" else 1e6)


@pytest.mark.parametrize(
    ("constant", "other", "size"),
    [
        ("PI", (np.float64(math.pi), np.float64(0.0)), "moderate"),
        ("NEAR", 2.0**40, "large"),
        ("FAR", 2.0**60, "larger"),
        ("TURN", (*waves.TURN[:1], 0.0, 0.0), "large"),
        ("SPARE", 12, "largest"),
    ],
)
def test_another_constant_is_noticed(monkeypatch, constant, other, size):
    monkeypatch.setattr(waves, constant, other)
    waves._program.cache_clear()
    waves._in_decimals_of.cache_clear()
    assert off(FORMULAS["30 x" if size == "largest" else "pi x + 1"], numbers(size)) > 0.5
    monkeypatch.undo()
    waves._program.cache_clear()
    waves._in_decimals_of.cache_clear()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["30 x", "x / 3", "x²"])
def test_what_the_nearest_whole_number_leaves_has_all_its_digits(name, size):
    given = np.concatenate([numbers(size), np.rint(numbers(size)), 3 * np.rint(numbers(size) / 3)])
    found = in_float64(FORMULAS[name], given)
    parts, signs = waves.fraction(found, FORMULAS[name], given), waves.parity(found, FORMULAS[name], given)
    for u, part, sign in zip(given.tolist(), parts.tolist(), signs.tolist(), strict=True):
        exact = FORMULAS[name](M.pi, M.mpf(u))
        whole = M.nint(exact)
        assert abs(part - (exact - whole)) <= 2.0**-52 * abs(exact - whole)
        assert sign == (-1 if int(whole) % 2 else 1)


def test_an_angle_that_has_overflowed():
    given = np.array([1.7e308, -1e308, 3.0, math.inf, math.nan])
    found = waves.finite_angle(in_float64(lambda pi, x: 4 * x, given), lambda pi, x: 4 * x, given)
    for v, u in zip(found[:3], given, strict=False):
        assert abs(float(M.sin(M.mpf(float(v))) - M.sin(4 * M.mpf(float(u))))) < 2.0**-52
    assert not np.isfinite(found[3:]).any()


@pytest.mark.parametrize("function", [waves.angle, waves.turn, waves.finite_angle, waves.fraction, waves.parity])
def test_shapes_and_what_is_no_number(function):
    given = np.array([[1.0, 1e5], [math.nan, -math.inf]])
    found = function(3 * given, lambda pi, x: 3 * x, given)
    assert found.shape == (2, 2) and np.isfinite(found[0]).all()
    with np.errstate(invalid="ignore"):
        assert function is waves.turn or not np.isfinite(np.sin(found[1])).any()
    assert function(np.zeros(0), lambda pi, x: 3 * x, np.zeros(0)).shape == (0,)
    assert function(np.array(6.0), lambda pi, x, y: x * y, np.array(2.0), 3.0).shape == ()


def test_digits_of_pi():
    for digits in (20, 400):
        with mpmath.workdps(digits + 10):
            assert abs(mpmath.mpf(str(waves._pi(digits))) - mpmath.pi) < mpmath.mpf(10) ** (1 - digits)


def test_which_angles_have_a_formula():
    assert angle_template(30 * x + sympy.pi / 2, (x,)) == "((half_turn / 2) + (30 * {0}))"
    assert angle_template(-x, (x,)) is angle_template(x, (x,)) is None  # nothing is rounded


def test_a_variable_may_be_called_pi():
    pi = sympy.Symbol("pi", real=True)
    text = angle_template(sympy.pi * pi + pi**2, (pi,))
    assert eval(f"lambda half_turn, pi: {text.format('pi')}")(2, 3) == 2 * 3 + 3 * 3


@pytest.mark.parametrize("period", [1, 2, sympy.Rational(1, 5), 3, sympy.pi])
def test_a_wave_has_no_limit(period):
    wave = Reference(sympy.cos(2 * sympy.pi * x / period), (x,), ((-math.inf, math.inf),))
    assert wave.value((math.inf,)) is None
    assert Reference(sympy.cos(1 / x), (x,), ((-math.inf, math.inf),)).value((math.inf,)) == 1
