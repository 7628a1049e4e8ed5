"""`chainrule.runtime.pairs` in loops: there one operation more tells what a product or a quotient leaves, so that no number is split for it, and what
nothing reads is not computed."""

import operator
from functools import reduce
from typing import Any

import numpy as np

from .. import pairs
from ..pairs import ADDED, HIGHER, LAST, LEFT, MOST, PARTS, PER_STEP, PLACES, STEP, WHOLE
from ..programs import step
from ..twice import fast_two_sum, two_sum

HIGHEST, HIGH, MIDDLE, LOW, LOWEST = pairs.SERIES


def fma(a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once."""
    return step(product_plus, a, b, c)


def product_plus(a: Any, b: Any, c: Any, out: Any) -> None:
    raise NotImplementedError


def greater(a: Any, b: Any, out: Any) -> None:
    """The greater of two numbers, or the second one."""
    raise NotImplementedError


def less(a: Any, b: Any, out: Any) -> None:
    """The other one of the two."""
    raise NotImplementedError


class Pair:
    """Rows of a program as sums of two float64, as in `pairs.Pair`.

    whole: the sum; rounded: what has gone through that many roundings, at most `MOST`. inverse: its reciprocal, where that is known.
    factors: of a product, last what may cancel, for which the others need not wait."""

    def __init__(self, high: Any, low: Any = None, sign: int = 0) -> None:
        self.high, self.low, self.sign = high, low, sign
        self.whole = self.rounded = high if low is None else high + low
        self.roundings = int(low is not None)
        self.inverse: Pair | None = None
        self.factors = [self]

    def near(self, rounded: Any, roundings: int) -> "Pair":
        """These numbers, in float64 computed from others that are rounded."""
        self.rounded, self.roundings = rounded, roundings
        return self

    def __add__(self, other: "Pair | float") -> "Pair":
        b = _pair(other)
        if self.sign * b.sign > 0:
            return self._sum_of_one_sign(b)
        high, low = two_sum(self.high, b.high)
        low = _plus(_plus(low, b.low), self.low)
        total = high + low
        term = self.high if self.sign > 0 else abs(self.high)
        total = step(pairs._unless_less, total, abs(total), term * LEFT)
        return Pair(total, low - (total - high)).near(total, 1)

    __radd__ = __add__

    def _sum_of_one_sign(self, b: "Pair") -> "Pair":
        greatest, least = step(greater, self.high, b.high), step(less, self.high, b.high)
        high, low = fast_two_sum(*((greatest, least) if self.sign > 0 else (least, greatest)))
        result = Pair(high, _plus(_plus(low, self.low), b.low), self.sign)
        for one, quotient in ((self, b), (b, self)):
            if quotient.inverse and isinstance(one.high, float) and one.high == 1.0:
                result.inverse = quotient.inverse * (1.0 / (quotient.inverse + 1.0))
        return result

    def __neg__(self) -> "Pair":
        return self._scaled(-1.0)

    def __sub__(self, other: "Pair | float") -> "Pair":
        return self + -_pair(other)

    def __rsub__(self, other: float) -> "Pair":
        return -self + other

    def __mul__(self, other: "Pair | float") -> "Pair":
        if pairs._is_power_of_2(other):
            return self._scaled(other)
        b = _pair(other)
        while self.roundings + b.roundings + 1 > MOST:
            more = max(self, b, key=lambda each: each.roundings)
            more.near(more.whole, 1)
        high = self.high * b.high
        low = fma(self.high, b.high, -high)
        low = low if b.low is None else fma(self.high, b.low, low)
        low = low if self.low is None else fma(self.low, b.whole, low)
        result = Pair(high, low, self.sign * b.sign)
        result.factors = sorted((self, b), key=lambda each: not each.sign)
        return result.near(self.rounded * b.rounded, self.roundings + b.roundings + 1)

    __rmul__ = __mul__

    def _scaled(self, power: Any) -> "Pair":
        low = None if self.low is None else self.low * power
        sign = self.sign if power > 0 else -self.sign
        return Pair(self.high * power, low, sign).near(self.rounded * power, self.roundings)

    def __truediv__(self, other: "Pair | float") -> "Pair":
        if pairs._is_power_of_2(other):
            return self._scaled(1.0 / other)
        b = _pair(other)
        if b.inverse:
            return reduce(operator.mul, self.factors, b.inverse)
        reciprocal = 1.0 / b.whole
        high = self.whole * reciprocal
        rest = fma(-high, b.high, self.high)
        rest = rest if b.low is None else fma(-high, b.low, rest)
        result = Pair(high, _plus(rest, self.low) * reciprocal, self.sign * b.sign)
        if isinstance(self.high, float) and self.high == 1.0:
            result.inverse = b
        return result

    def __rtruediv__(self, other: float) -> "Pair":
        return _pair(other) / self

    def exp(self) -> "Pair":
        """T (1 + r + …), as in `pairs.Pair`, of which what T + T r leaves is known."""
        x, low = (self.high, None) if self.low is None else fast_two_sum(self.high, self.low)
        shifted = fma(x, PER_STEP, WHOLE)  # k in its last bits
        k = shifted - WHOLE
        j = step(LAST, shifted, PARTS - 1)
        r = fma(k, -STEP[0], x)
        rest = fma(k, STEP[1], step(pairs._logarithm, j))
        if low is not None:
            rest = rest - low
        near = r - rest
        square = near * near
        series = fma(square, fma(near, fma(near, HIGHEST, HIGH), MIDDLE), fma(near, LOW, LOWEST))
        factor = step(ADDED, step(pairs._power, j), step(HIGHER, shifted, 52 - PLACES))
        factor = step(pairs._within, factor, k)
        high = fma(factor, r, factor)
        return Pair(high, fma(factor, fma(series, square, -rest), fma(factor, r, factor - high)), 1)

    def sqrt(self) -> "Pair":
        """By one step of Newton's method from the root in float64."""
        start = np.sqrt(self.whole)
        rest = _plus(fma(-start, start, self.high), self.low)
        return Pair(start, rest / (start + start), 1)


def _pair(x: Any) -> Pair:
    return x if isinstance(x, Pair) else Pair(float(x), None, (x > 0) - (x < 0))


def _plus(a: Any, b: Any) -> Any:
    return a if b is None else a + b
