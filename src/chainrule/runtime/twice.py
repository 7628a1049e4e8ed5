"""Numbers in twice the digits of float64, element by element.

Knuth's two-sum and Dekker's product; a formula is written with the four operations and the methods `exp`, `ln` and `sqrt`."""

import math
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


class Twice:
    """Real numbers as unevaluated sums of two float64, element by element: about 100 bits. NaN where a sum cancels too much for that."""

    __array_ufunc__ = None  # arrays leave the operation to this class

    def __init__(self, high: Any, low: Any = 0.0) -> None:
        self.high, self.low = high, low

    def plus(self, other: "Twice | float") -> "Twice":
        """The sum, however much it cancels."""
        b = _twice(other)
        s, e = two_sum(self.high, b.high)
        t, f = two_sum(self.low, b.low)
        s, e = fast_two_sum(s, e + t)
        return Twice(*fast_two_sum(s, e + f))

    def __add__(self, other: "Twice | float") -> "Twice":
        result = self.plus(other)
        result.high = _unless_lost(result.high, self.high)
        return result

    __radd__ = __add__

    def __neg__(self) -> "Twice":
        return Twice(-self.high, -self.low)

    def __sub__(self, other: "Twice | float") -> "Twice":
        return self + -_twice(other)

    def __rsub__(self, other: float) -> "Twice":
        return -self + other

    def __mul__(self, other: "Twice | float") -> "Twice":
        b = _twice(other)
        p, e = _two_product(self.high, b.high)
        return Twice(*fast_two_sum(p, e + (self.high * b.low + self.low * b.high)))

    __rmul__ = __mul__

    def __truediv__(self, other: "Twice | float") -> "Twice":
        b = _twice(other)
        first = self.high / b.high
        rest = self.plus(-b * first)
        second = rest.high / b.high
        rest = rest.plus(-b * second)
        result: Twice = Twice(*fast_two_sum(first, second)).plus(rest.high / b.high)
        return result

    def __rtruediv__(self, other: float) -> "Twice":
        return Twice(other + 0.0 * self.high) / self

    def exp(self) -> "Twice":
        """By a Taylor series of the argument less a multiple of log 2, divided by 2⁹; then squared nine times."""
        k = np.rint(self.high / math.log(2))
        r = self.plus(-k * LOG2[0]).plus(-k * LOG2[1]).plus(-Twice(*_two_product(k, LOG2[2])))
        r = r * 2.0**-HALVINGS
        series = r * 0.0
        for n in range(TERMS, 0, -1):
            series = r * series.plus(1.0) / float(n)
        for _ in range(HALVINGS):
            series = (series * 2.0).plus(series * series)
        result = series.plus(1.0)
        half = np.trunc(k / 2)
        low, high = np.ldexp(1.0, half.astype(np.int64)), np.ldexp(1.0, (k - half).astype(np.int64))
        return Twice(result.high * low * high, result.low * low * high)

    def ln(self) -> "Twice":
        """By one step of Newton's method from the logarithm in float64."""
        start = np.log(self.high)
        rest = (self * (-Twice(start)).exp()).plus(-1.0)
        return Twice(start).plus(rest.plus(rest * rest * -0.5))

    def sqrt(self) -> "Twice":
        """By one step of Newton's method from the root in float64."""
        start = np.sqrt(self.high)
        result: Twice = Twice(start).plus(self.plus(-Twice(*_two_product(start, start))) / (2.0 * start))
        return result


def _unless_lost(total: Any, term: Any) -> Any:
    lost = np.abs(total) < LEFT * np.abs(term)
    return np.where(lost, math.nan, total) if lost.any() else total


def _twice(x: Any) -> Twice:
    return x if isinstance(x, Twice) else Twice(x)


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


def _two_product(a: Any, b: Any) -> tuple[Any, Any]:
    p = a * b
    a_high, b_high = upper_half(a), upper_half(b)
    a_low, b_low = a - a_high, b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low
