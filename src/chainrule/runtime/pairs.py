"""Numbers in a few more digits than float64 has, element by element, at a tenth of the price of twice the digits.

A formula is written with the four operations and the methods `exp`, `ln` and `sqrt`. The numbers are arrays, or rows of a program that is recorded."""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from .programs import OfBits, step
from .twice import LOG2, Twice, fast_two_sum, two_difference, two_sum

Bits = np.ndarray[Any, np.dtype[np.int64]]
Parts = tuple[Any, Any]
LEFT = 2.0**-16
"""Of a sum of which less than this part of a term is left there is no value."""
MOST = 5
"""Roundings of a product or quotient."""
PLACES = 8
PARTS = 1 << PLACES
"""Into which the exponential divides log 2: few, so that its tables stay in the cache that is nearest to the processor."""
PER_STEP = PARTS / math.log(2)
STEP = tuple(
    map(float.fromhex, ("0x1.62e42fecp-9", "0x1.d1cf79abc9e3bp-40"))
)  # log(2)/256: products of the first with whole numbers up to 2**22 are exact
FARTHEST = 600.0 * PER_STEP
WHOLE = 1.5 * 2.0**52  # added to a number, it leaves a whole number in the last bits
UPPER_PART = 1.5 * 2.0**26  # and this a multiple of 2⁻²⁶
UPPER = -(1 << 27)  # a mask for the upper 26 bits of a number
LAST, ADDED, HIGHER = map(OfBits, (np.bitwise_and, np.add, np.left_shift))
SERIES = (1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2)


class Pair:
    """Real numbers as sums of two float64, element by element: about 71 bits at a tenth of the price of `Twice`. NaN where a sum cancels
    too much for that.

    What cannot cancel, a product, a quotient or a sum of one sign, is computed in pairs if a sum that can cancel needs it, else in float64.
    sign: 1 or -1 where the numbers are known to have it, else 0. roundings: what they have gone through in float64, at most `MOST`."""

    __array_ufunc__ = None  # arrays leave the operation to this class
    __slots__ = ("_exactly", "_halved", "_halves", "_near", "_parts", "_rounded", "negated", "roundings", "sign")

    def __init__(self, high: Any, low: Any = None, sign: int = 0) -> None:
        """low: at most 2⁻²⁰ of high, None for 0."""
        self._parts: Parts | None = (high, low)
        self._rounded = high if low is None else None
        self._halved = False
        self._halves: Parts | None = None
        self._exactly: Callable[[], Parts] | None = None
        self._near: Callable[[], Any] | None = None
        self.negated: Pair | None = None
        self.sign, self.roundings = sign, int(low is not None)

    @classmethod
    def later(
        cls,
        exactly: Callable[[], Parts],
        near: Callable[[], Any],
        sign: int = 0,
        roundings: int = 1,
        halved: bool = False,
    ) -> "Pair":
        """Numbers by the two ways to compute them: in pairs, of which the high part has 26 bits if they are `halved`, and in float64."""
        self = cls(None, None, sign)
        self._exactly, self._near, self._parts, self.roundings, self._halved = exactly, near, None, roundings, halved
        return self

    @property
    def parts(self) -> Parts:
        """The high and the low part."""
        if self._parts is None:
            assert self._exactly
            self._parts = self._exactly()
        return self._parts

    @property
    def high(self) -> Any:
        return self.parts[0]

    @property
    def low(self) -> Any:
        return self.parts[1]

    @property
    def halves(self) -> Parts:
        """The upper 26 bits and the rest."""
        if self._halved:
            return self.parts
        if self._halves is None:
            upper = _upper(self.high)
            self._halves = upper, _plus(self.high - upper, self.low)
        return self._halves

    @property
    def rounded(self) -> Any:
        """In float64."""
        if self._rounded is None:
            self._rounded = self._near() if self._near and self._parts is None else _plus(*self.parts)
        return self._rounded

    def rounded_once(self) -> None:
        """Let the numbers be computed in pairs before they are rounded."""
        self._near, self.roundings = None, 1

    def plus(self, other: "Pair | float") -> "Pair":
        """The sum, however much it cancels."""
        return self._total(_pair(other), 0.0)

    def __add__(self, other: "Pair | float") -> "Pair":
        b = _pair(other)
        if self.sign * b.sign <= 0:
            return self._total(b, LEFT)
        roundings = 1 + max(self.roundings, b.roundings)
        return Pair.later(
            lambda: _sum_of_one_sign(self, b), lambda: self.rounded + b.rounded, self.sign, roundings, halved=True
        )

    __radd__ = __add__

    def _total(self, b: "Pair", left: float) -> "Pair":
        if b.negated is None:
            high, low = two_sum(self.high, b.high)
            low = _plus(low, b.low)
        else:
            high, low = two_difference(self.high, b.negated.high)
            low = low if b.negated.low is None else low - b.negated.low
        low = _plus(low, self.low)
        total = high + low
        if left:
            term = self.high if self.sign > 0 else np.abs(self.high)
            total = step(_unless_less, total, np.abs(total), term * left)
        return Pair.later(lambda: (total, low - (total - high)), lambda: total)

    def __neg__(self) -> "Pair":
        result = Pair.later(
            lambda: (-self.high, None if self.low is None else -self.low),
            lambda: -self.rounded,
            -self.sign,
            self.roundings,
        )
        result.negated = self
        return result

    def __sub__(self, other: "Pair | float") -> "Pair":
        return self + -_pair(other)

    def __rsub__(self, other: float) -> "Pair":
        return -self + other

    def __mul__(self, other: "Pair | float") -> "Pair":
        if _is_power_of_2(other):
            return self._scaled(other)
        b = _pair(other)
        roundings = _roundings(self, b)
        return Pair.later(lambda: _product(self, b), lambda: self.rounded * b.rounded, self.sign * b.sign, roundings)

    __rmul__ = __mul__

    def _scaled(self, power: Any) -> "Pair":
        return Pair.later(
            lambda: (self.high * power, None if self.low is None else self.low * power),
            lambda: self.rounded * power,
            self.sign if power > 0 else -self.sign,
            self.roundings,
        )

    def __truediv__(self, other: "Pair | float") -> "Pair":
        if _is_power_of_2(other):
            return self._scaled(1.0 / other)
        b = _pair(other)
        roundings = _roundings(self, b)
        return Pair.later(
            lambda: _quotient(self, b), lambda: _ratio(self, b), self.sign * b.sign, roundings, halved=True
        )

    def __rtruediv__(self, other: float) -> "Pair":
        return _pair(other) / self

    def exp(self) -> "Pair":
        """2ᵐ T exp(r), T from a table, of 26 bits and next to 2^(j/256), and exp(r) by a series in |r| < 2⁻⁹; NaN where it is very large or
        small."""
        x, low = self.parts if self.low is None else fast_two_sum(*self.parts)
        shifted = x * PER_STEP + WHOLE  # k in its last bits
        k = shifted - WHOLE
        j = step(LAST, shifted, PARTS - 1)
        r = x - k * STEP[0]
        rest = step(_logarithm, j) + k * STEP[1]
        if low is not None:
            rest = rest - low
        near = r - rest
        series = near * SERIES[0]
        for coefficient in SERIES[1:]:
            series = (series + coefficient) * near
        first = (r + UPPER_PART) - UPPER_PART
        series = (series * near - rest) + (r - first)  # exp is T (1 + first + series)
        factor = step(ADDED, step(_power, j), step(HIGHER, shifted, 52 - PLACES))
        factor = step(_within, factor, k)
        return Pair((first + 1.0) * factor, series * factor, 1)

    def ln(self) -> "Pair":
        """By one step of Newton's method from the logarithm in float64. NaN where the number was rounded and is so near 1 that little is left of it."""
        start = np.log(self.rounded)
        if self.low is not None:
            start = step(_unless_less, start, np.abs(start), LEFT)
        rest = (self * Pair(-start).exp()).plus(-1.0)
        return Pair(start).plus(rest.plus(rest * rest * -0.5))

    def sqrt(self) -> "Pair":
        """By one step of Newton's method from the root in float64."""
        start = Pair(np.sqrt(self.rounded))
        result = start.plus(self.plus(-(start * start)) / (start * 2.0))
        result.sign = 1
        return result


def _pair(x: Any) -> Pair:
    return x if isinstance(x, Pair) else _constant(x) if isinstance(x, int | float) else Pair(x)


@lru_cache(maxsize=256)
def _constant(x: float) -> Pair:
    return Pair(np.asarray(float(x)), None, (x > 0) - (x < 0))


def _sum_of_one_sign(a: Pair, b: Pair) -> Parts:
    """With a high part of 26 bits; what it leaves of either term is found as in Knuth's two-sum."""
    high = _upper(a.high + b.high)
    back = high - a.high
    rest = (a.high - (high - back)) + (b.high - back)
    return high, _plus(_plus(rest, a.low), b.low)


def _roundings(a: Pair, b: Pair) -> int:
    """Of a product or a quotient; where they would be too many, the operand with more of them is to be computed in pairs."""
    while a.roundings + b.roundings + 1 > MOST:
        max(a, b, key=lambda each: each.roundings).rounded_once()
    return a.roundings + b.roundings + 1


def _product(a: Pair, b: Pair) -> Parts:
    (first, rest), (second, more) = a.halves, b.halves
    return first * second, first * more + rest * b.rounded


def _quotient(a: Pair, b: Pair) -> Parts:
    """26 bits, and what they leave of the dividend, divided in float64."""
    (high, low), (divisor, more) = a.parts, b.halves
    first = _upper(a.rounded / b.rounded)
    return first, _plus((high - first * divisor) - first * more, low) / b.rounded


def _ratio(a: Pair, b: Pair) -> Any:
    """In float64, NaN where b is infinite, which may be an overflow."""
    return step(_unless_infinite, a.rounded / b.rounded, b.rounded)


def _is_power_of_2(x: Any) -> bool:
    return isinstance(x, int | float) and abs(math.frexp(x)[0]) == 0.5


def _within(factor: Any, k: Any, out: Any) -> None:
    """NaN where there are too many steps."""
    if k.item(k.argmax()) <= FARTHEST and k.item(k.argmin()) >= -FARTHEST:
        _become(out, factor)
    else:
        np.copyto(out, np.where(np.abs(k) <= FARTHEST, factor, math.nan))


def _become(out: Any, found: Any, lost: Any = None) -> None:
    """What was found, in `out`, which may hold it already; NaN where it is lost."""
    if out is not found:
        np.copyto(out, found)
    if lost is not None and np.count_nonzero(lost):
        out[lost] = math.nan


@OfBits
def _power(j: Any, out: Any) -> None:
    _powers()[0].take(j, None, out, "clip")


@OfBits
def _logarithm(j: Any, out: Any) -> None:
    _powers()[1].take(j, None, out, "clip")


def _unless_infinite(found: Any, divisor: Any, out: Any) -> None:
    _become(out, found, np.isinf(divisor))


def _unless_less(total: Any, size: Any, least: Any, out: Any) -> None:
    """NaN where the size is less than the least."""
    _become(out, total, np.less(size, least))


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _upper(x: Any) -> Any:
    """The upper 26 bits, so that products of two such numbers are exact."""
    return step(LAST, x, UPPER)


@lru_cache(maxsize=1)
def _powers() -> tuple[Bits, Bits]:
    """Of 2^(j/256): the upper 26 bits, rounded, and the logarithm of their quotient, upper bits by power. In the bits of the former those are left
    out that k, shifted to the exponent's, brings along."""
    j: Any = np.arange(PARTS)
    exact = ((Twice(j) * LOG2[0] + Twice(j) * LOG2[1] + j * LOG2[2]) * (1 / PARTS)).exp()
    high = _upper(exact.high * (1 + 2.0**-27))
    logarithm = np.log1p(-((exact.high - high) + exact.low) / exact.high)
    return high.view(np.int64) - (j << 52 - PLACES), logarithm.view(np.int64)
