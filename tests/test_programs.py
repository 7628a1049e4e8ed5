"""Straight-line programs that are recorded once and run over few arrays, and what of a formula they compute in pairs."""

import math
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import numpy as np
import pytest

from chainrule.runtime import extended, programs
from chainrule.runtime.extended import Pair, refined
from chainrule.runtime.programs import OfBits, Program, step

RNG = np.random.default_rng(7)


def sign_bit(x, out):
    np.bitwise_and(x, np.int64(-(2**63)), out=out)


def winding(x, y):
    """What is used again late, twice at once and in different orders."""
    a = x * y - 3.0
    b = np.sqrt(np.abs(a)) + a * a
    c = step(OfBits(np.bitwise_or), np.abs(b - 7.0), step(OfBits(sign_bit), a))
    return (b - a) / (np.exp(-b) + 2.0) - c * x + (y - b) * b


@pytest.mark.parametrize("size", [1, 100, programs.PART - 1, programs.PART, 2 * programs.PART + 3])
def test_a_program_does_what_the_formula_does(size):
    program = Program(winding, 2)
    assert program.rows < len(program.steps) / 3
    x, y = RNG.normal(size=(2, size))
    before = x.copy(), y.copy()
    out = np.empty(size)
    program.run((x, y), out)
    assert np.array_equal(out, winding(x, y))
    assert np.array_equal(x, before[0]) and np.array_equal(y, before[1])


def test_a_program_may_give_an_argument():
    out = np.empty(3)
    Program(lambda x, y: y, 2).run((np.ones(3), np.arange(3.0)), out)
    assert out.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "formula",
    [
        lambda x, y: 1 / (1 + (-x).exp()) - y,
        lambda x, y: (x.exp() * y - x.exp().sqrt() / 3) * y.exp() / (1 + 1 / x.exp()),
        lambda x, y: (y * y + 1).ln() - x * x * x / 4 - (x + 0.5 * y),
    ],
)
def test_pairs_of_arrays_are_those_of_a_program(formula):
    x, y = 5 * RNG.normal(size=(2, 5000))
    x[::500] = math.nan, math.inf, -math.inf, 700.0, -700.0, 0.0, -0.0, 5e-324, 1e300, 1e-300
    out = np.empty(5000)
    with np.errstate(all="ignore"):
        Program(lambda *rows: formula(*map(Pair, rows)).rounded, 2).run((x, y), out)
        assert np.array_equal(out, formula(Pair(x), Pair(y)).rounded, equal_nan=True)


def test_threads_share_no_rows():
    program = Program(winding, 2)
    given = RNG.normal(size=(40, 2, 30_000))

    def found(pair):
        out = np.empty(pair.shape[1])
        program.run(tuple(pair), out)
        return out

    with ThreadPoolExecutor(8) as pool:
        for pair, out in zip(given, pool.map(found, given), strict=True):
            assert np.array_equal(out, winding(*pair))


def names(formula, count):
    return [getattr(f, "__name__", "") for f, _ in Program(lambda *x: formula(*map(Pair, x)).rounded, count).steps]


def test_what_does_not_cancel_is_computed_in_float64():
    difference = names(lambda x, y: x - y, 2)
    assert names(lambda x, y: (x - y) * x / 4, 2) == [*difference, "multiply", "multiply"]
    assert len(names(lambda x, y: (x - y) * x - y, 2)) > 2 * len(difference)
    positive = names(lambda x: 1 + 1 / x.exp(), 1)
    assert positive[-3:] == ["divide", "_unless_infinite", "add"]


def test_roundings_are_few():
    """A product of as many factors as one likes is right to a few ulp."""
    x = 1 + RNG.random((16, 3000))
    product = Pair(x[0])
    for each in x[1:]:
        product = product * Pair(each)
    assert product.roundings <= 5
    exact = [math.prod(map(Decimal, column)) for column in x.T.tolist()]
    off = [abs(Decimal(f) - e) / Decimal(math.ulp(f)) for f, e in zip(product.rounded.tolist(), exact, strict=True)]
    assert max(off) < 4
    assert max(abs(np.prod(x, axis=0) - product.rounded) / np.spacing(product.rounded)) > 4


def test_an_overflow_in_between_is_left_to_more_digits():
    x, y = np.array([1e200, 3.0]), np.array([1e300, 5.0])
    zero = np.zeros(2)
    got = refined(zero, zero, zero + 1, lambda a, b: b / (a * a) * (a - 1), x, y)
    assert got == pytest.approx(y / x / x * (x - 1), rel=1e-15)
    assert got[0] > 0


def test_powers_of_two_cost_one_operation():
    one = names(lambda x: x * 2, 1)
    assert names(lambda x: x / 8, 1) == names(lambda x: 0.5 * x, 1) == one == ["multiply"]
    given = Pair(np.array([0.1, -3.0])).exp() * -0.25
    plain = Pair(np.array([0.1, -3.0])).exp()
    assert np.array_equal(given.high, plain.high * -0.25) and np.array_equal(given.low, plain.low * -0.25)
    assert given.sign == -1


def test_elements_that_are_alike_are_computed_once(monkeypatch):
    """Where a sum vanishes no number of digits is enough, and decimals take long."""
    asked = []
    exactly = extended._decimally
    monkeypatch.setattr(
        extended,
        "_decimally",
        lambda formula, point, otherwise: asked.append(point) or exactly(formula, point, otherwise),
    )
    x, y = np.zeros(1000), np.full(1000, 0.5)
    x[::2] = -0.0
    found = refined(x - x, x - x, 1 + y, lambda x, y: 1 / (1 + (-x).exp()) + -y, x, y)
    assert found.tolist() == [0.0] * 1000
    assert len(asked) == 2  # 0 has a sign
