"""Numbers in twice the digits of float64, element by element.

Knuth's two-sum and Dekker's product; a formula is written with the four operations and the methods `exp`, `ln` and `sqrt`."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .special import upper_half

LEFT = 2.0**-40
"""Of a sum of which less than this part of a term is left there is no value."""
LOG2 = tuple(
    map(float.fromhex, ("0x1.62e42fefa3800p-1", "0x1.ef35793c76000p-45", "0x1.cc01f97b57a08p-87"))
)  # products with whole numbers up to 2**11 are exact but for the last
HALVINGS = 9
TERMS = 9
Parts = tuple[Any, Any]
"""The high and the low part of numbers: arrays or, where code is compiled, single ones."""


class Twice:
    """Real numbers as unevaluated sums of two float64, element by element: about 100 bits. NaN where a sum cancels too much for that."""

    __array_ufunc__ = None  # arrays leave the operation to this class

    def __init__(self, high: Any, low: Any = 0.0) -> None:
        self.high, self.low = high, low

    def applied(self, function: Callable[..., Parts], *others: "Twice | float") -> "Twice":
        """A function of parts."""
        return Twice(*function(*((each.high, each.low) for each in (self, *map(self.of, others)))))

    @classmethod
    def of(cls, x: "Twice | float") -> "Twice":
        return x if isinstance(x, Twice) else cls(x)

    def plus(self, other: "Twice | float") -> "Twice":
        """The sum, however much it cancels."""
        return self.applied(total, other)

    def __add__(self, other: "Twice | float") -> "Twice":
        return self.applied(total_unless_lost, other)

    __radd__ = __add__

    def __neg__(self) -> "Twice":
        return type(self)(-self.high, -self.low)

    def __sub__(self, other: "Twice | float") -> "Twice":
        return self + -self.of(other)

    def __rsub__(self, other: float) -> "Twice":
        return -self + other

    def __mul__(self, other: "Twice | float") -> "Twice":
        return self.applied(product, other)

    __rmul__ = __mul__

    def __truediv__(self, other: "Twice | float") -> "Twice":
        return self.applied(quotient, other)

    def __rtruediv__(self, other: float) -> "Twice":
        return type(self)(other + 0.0 * self.high) / self

    def exp(self) -> "Twice":
        return self.applied(exponential)

    def ln(self) -> "Twice":
        return self.applied(logarithm)

    def sqrt(self) -> "Twice":
        return self.applied(root)


def total(a: Parts, b: Parts) -> Parts:
    s, e = two_sum(a[0], b[0])
    t, f = two_sum(a[1], b[1])
    s, e = fast_two_sum(s, e + t)
    return fast_two_sum(s, e + f)


def total_unless_lost(a: Parts, b: Parts) -> Parts:
    s, e = total(a, b)
    return unless_lost(s, a[0]), e


def product(a: Parts, b: Parts) -> Parts:
    p, e = two_product(a[0], b[0])
    return fast_two_sum(p, e + (a[0] * b[1] + a[1] * b[0]))


def quotient(a: Parts, b: Parts) -> Parts:
    first = a[0] / b[0]
    rest = less(a, product(b, (first, 0.0)))
    second = rest[0] / b[0]
    rest = less(rest, product(b, (second, 0.0)))
    return total(fast_two_sum(first, second), (rest[0] / b[0], 0.0))


def less(a: Parts, b: Parts) -> Parts:
    return total(a, (-b[0], -b[1]))


def exponential(a: Parts) -> Parts:
    """By a Taylor series of the argument less a multiple of log 2, divided by 2⁹; then squared nine times."""
    k = np.rint(a[0] / math.log(2))
    r = less(less(less(a, (k * LOG2[0], 0.0)), (k * LOG2[1], 0.0)), two_product(k, LOG2[2]))
    r = product(r, (2.0**-HALVINGS, 0.0))
    series = product(r, (0.0, 0.0))
    for n in range(TERMS, 0, -1):
        series = quotient(product(r, total(series, (1.0, 0.0))), (float(n), 0.0))
    for _ in range(HALVINGS):
        series = total(product(series, (2.0, 0.0)), product(series, series))
    high, low = total(series, (1.0, 0.0))
    half = np.trunc(k / 2)
    first, second = power_of_2(half), power_of_2(k - half)
    return high * first * second, low * first * second


def logarithm(a: Parts) -> Parts:
    """By one step of Newton's method from the logarithm in float64. NaN as for a sum where the number is so near 1 that little is left of it, unless it is a
    float64 and so was not rounded."""
    start = unless_lost(np.log(a[0]), 1.0 * (a[1] != 0))
    rest = less(product(a, exponential((-start, -0.0))), (1.0, 0.0))
    return total((start, 0.0), total(rest, product(product(rest, rest), (-0.5, 0.0))))


def root(a: Parts) -> Parts:
    """By one step of Newton's method from the root in float64."""
    start = np.sqrt(a[0])
    return total((start, 0.0), quotient(less(a, two_product(start, start)), (2.0 * start, 0.0)))


def unless_lost(total: Any, term: Any) -> Any:
    lost = np.abs(total) < LEFT * np.abs(term)
    return np.where(lost, math.nan, total) if np.any(lost) else total


def power_of_2(k: Any) -> Any:
    return np.ldexp(1.0, k.astype(np.int64))


def two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    s = a + b
    back = s - a
    return s, (a - (s - back)) + (b - back)


def two_difference(a: Any, b: Any) -> tuple[Any, Any]:
    s = a - b
    back = s - a
    return s, (a - (s - back)) - (b + back)


def fast_two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    s = a + b
    return s, b - (s - a)


def two_product(a: Any, b: Any) -> tuple[Any, Any]:
    p = a * b
    a_high, b_high = upper_half(a), upper_half(b)
    a_low, b_low = a - a_high, b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low
