"""A formula in more digits at the elements where a difference has cancelled: in about 75 bits where it has lost a few of them, in twice the
digits or in sixty and more where it has lost nearly all.

A formula is written with the four operations and the methods `exp`, `ln` and `sqrt`, which `decimal.Decimal` has too.
"""

import math
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .special import upper_half

Array = npt.NDArray[np.float64]
NEAR = 0.5  # a sum smaller than this, against its terms, is computed again
LEFT = 2.0**-16  # less than this of a term, and a sum of pairs is computed again in twice the digits
LEFT_OF_TWICE = 2.0**-40  # and less than this, in decimal numbers
PART = 4096  # elements that are computed again at once: what that needs in between fits into memory at hand
FEW = 12  # as many elements are quicker in decimal numbers at once
DIGITS = (60, 80, 160, 400, 800)
ENOUGH = Decimal("1e-20")
LOG2 = tuple(
    map(float.fromhex, ("0x1.62e42fefa3800p-1", "0x1.ef35793c76000p-45", "0x1.cc01f97b57a08p-87"))
)  # products with whole numbers up to 2**11 are exact but for the last
HALVINGS = 9
TERMS = 9
PARTS = 2048  # into which the exponential of `Pair` divides log 2
STEP = tuple(
    map(float.fromhex, ("0x1.62e42fecp-12", "0x1.d1cf79abc9e3bp-43"))
)  # log(2)/2048: products of the first with whole numbers up to 2**21 are exact
FARTHEST = 600.0 * PARTS / math.log(2)
UPPER = -(1 << 27)  # a mask for the upper 26 bits of a number
SERIES = (1 / 120, 1 / 24, 1 / 6, 1 / 2)


class Pair:
    """Real numbers as sums of two float64, element by element: about 75 bits at a tenth of the price of `Twice`. NaN where a sum cancels
    too much for that.

    low: at most 2⁻²⁴ of high, None for 0. Where high is cut to 26 bits, products of such parts are exact."""

    __array_ufunc__ = None  # arrays leave the operation to this class
    __slots__ = ("high", "low")

    def __init__(self, high: Any, low: Any = None) -> None:
        self.high, self.low = high, low

    def plus(self, other: "Pair | float") -> "Pair":
        """The sum, however much it cancels."""
        b = _pair(other)
        s, e = _two_sum(self.high, b.high)
        return Pair(*_fast_two_sum(s, _plus(e, _plus(self.low, b.low))))

    def __add__(self, other: "Pair | float") -> "Pair":
        result = self.plus(other)
        result.high = _unless_lost(result.high, self.high, LEFT)
        return result

    __radd__ = __add__

    def __neg__(self) -> "Pair":
        return Pair(-self.high, None if self.low is None else -self.low)

    def __sub__(self, other: "Pair | float") -> "Pair":
        return self + -_pair(other)

    def __rsub__(self, other: float) -> "Pair":
        return -self + other

    def __mul__(self, other: "Pair | float") -> "Pair":
        b = _pair(other)
        first, second = _upper(self.high), _upper(b.high)
        rest = first * (b.high - second) + (self.high - first) * b.high
        return Pair(
            first * second, _plus(rest, _plus(_times(self.high, b.low), _times(_plus(b.high, b.low), self.low)))
        )

    __rmul__ = __mul__

    def __truediv__(self, other: "Pair | float") -> "Pair":
        b = _pair(other)
        first, divisor = _upper(self.high / b.high), _upper(b.high)
        rest = (self.high - first * divisor) - first * (b.high - divisor)
        rest = _plus(_plus(rest, _times(-first, b.low)), self.low)
        return Pair(first, rest / _plus(b.high, b.low))

    def __rtruediv__(self, other: float) -> "Pair":
        return _pair(other) / self

    def exp(self) -> "Pair":
        """2ᵐ 2^(j/2048) exp(r): two factors by tables, the last by a series in |r| < 2⁻¹²; NaN where it is very large or small."""
        high, low = (self.high, None) if self.low is None else _fast_two_sum(self.high, self.low)
        k = np.rint(high * (PARTS / math.log(2)))
        high = high - k * STEP[0]
        first = _upper(high)
        low = _plus((high - first) - k * STEP[1], low)
        r = first + low
        series = r * SERIES[0]
        for coefficient in SERIES[1:]:
            series += coefficient
            series *= r
        series *= r
        series += low
        whole = k.astype(np.int64)
        near, far = (table[whole & (PARTS - 1)] for table in _powers())
        high, error = _fast_two_sum(near, near * first)
        low = error + (near * series + (far + far * (first + series)))
        scale = (((whole >> 11) + 1023) << 52).view(np.float64)
        if not np.abs(k).max() <= FARTHEST:
            scale[~(np.abs(k) <= FARTHEST)] = math.nan
        return Pair(high * scale, low * scale)

    def ln(self) -> "Pair":
        """By one step of Newton's method from the logarithm in float64."""
        start = np.log(self.high)
        rest = (self * Pair(-start).exp()).plus(-1.0)
        return Pair(start).plus(rest.plus(rest * rest * -0.5))

    def sqrt(self) -> "Pair":
        """By one step of Newton's method from the root in float64."""
        start = np.sqrt(self.high)
        result: Pair = Pair(start).plus(self.plus(-(Pair(start) * Pair(start))) / (2.0 * start))
        return result


def _pair(x: Any) -> Pair:
    return x if isinstance(x, Pair) else Pair(np.float64(x) if isinstance(x, int | float) else x)


def _unless_lost(total: Any, term: Any, left: float) -> Any:
    """NaN where less than this part of a term is left of a sum."""
    lost = np.abs(total) < left * np.abs(term)
    return np.where(lost, math.nan, total) if lost.any() else total


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _times(a: Any, b: Any) -> Any:
    return None if b is None else a * b


def _upper(x: Any) -> Any:
    """The upper 26 bits, so that products of two such numbers are exact."""
    return (x.view(np.int64) & UPPER).view(np.float64)


@lru_cache(maxsize=1)
def _powers() -> tuple[Array, Array]:
    """2^(j/2048): the upper 26 bits, and the rest."""
    j: Any = np.arange(PARTS, dtype=np.float64)
    exact = ((Twice(j * LOG2[0]) + j * LOG2[1] + j * LOG2[2]) * (1 / PARTS)).exp()
    high = _upper(exact.high)
    return high, (exact.high - high) + exact.low


class Twice:
    """Real numbers as unevaluated sums of two float64, element by element: about 100 bits. NaN where a sum cancels too much for that."""

    __array_ufunc__ = None  # arrays leave the operation to this class

    def __init__(self, high: Any, low: Any = 0.0) -> None:
        self.high, self.low = high, low

    def plus(self, other: "Twice | float") -> "Twice":
        """The sum, however much it cancels."""
        b = _twice(other)
        s, e = _two_sum(self.high, b.high)
        t, f = _two_sum(self.low, b.low)
        s, e = _fast_two_sum(s, e + t)
        return Twice(*_fast_two_sum(s, e + f))

    def __add__(self, other: "Twice | float") -> "Twice":
        result = self.plus(other)
        result.high = _unless_lost(result.high, self.high, LEFT_OF_TWICE)
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
        return Twice(*_fast_two_sum(p, e + (self.high * b.low + self.low * b.high)))

    __rmul__ = __mul__

    def __truediv__(self, other: "Twice | float") -> "Twice":
        b = _twice(other)
        first = self.high / b.high
        rest = self.plus(-b * first)
        second = rest.high / b.high
        rest = rest.plus(-b * second)
        result: Twice = Twice(*_fast_two_sum(first, second)).plus(rest.high / b.high)
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


def _twice(x: Any) -> Twice:
    return x if isinstance(x, Twice) else Twice(x)


def _two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    s = a + b
    back = s - a
    return s, (a - (s - back)) + (b - back)


def _fast_two_sum(a: Any, b: Any) -> tuple[Any, Any]:
    s = a + b
    return s, b - (s - a)


def _two_product(a: Any, b: Any) -> tuple[Any, Any]:
    p = a * b
    a_high, b_high = upper_half(a), upper_half(b)
    a_low, b_low = a - a_high, b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


def refined(found: Array, total: Array, size: Array, formula: Callable[..., Any], *arguments: Array) -> Array:
    """`found`, and the formula in more digits where `total`, a sum of terms of this `size`, has cancelled."""
    with np.errstate(all="ignore"):
        places = np.flatnonzero(np.abs(total) < NEAR * size)
        if not places.size:
            return found
        result = np.array(found, dtype=np.float64, order="C")
        given = [_flat(each, result) for each in arguments]
        for k in range(0, places.size, PART):
            part = places[k : k + PART] if places.size < result.size else slice(k, k + PART)
            result.reshape(-1)[part] = _again(formula, [each[part] for each in given])
    return result


def _flat(array: Any, like: Array) -> Array:
    if not isinstance(array, np.ndarray) or array.shape != like.shape:
        array = np.broadcast_to(array, like.shape)
    each: Array = array.reshape(-1).astype(np.float64, copy=False)
    return each


def _again(formula: Callable[..., Any], given: list[Array]) -> Array:
    """By `Pair`, and where that has no value by `Twice`, and where that has none in decimal numbers."""
    again = formula(*map(Pair, given))
    values: Array = _plus(again.high, again.low)
    left = np.flatnonzero(~np.isfinite(values))
    if left.size > FEW:
        again = formula(*map(Twice, [each[left] for each in given]))
        values[left] = again.high + again.low
        left = left[~np.isfinite(values[left])]
    for k in left.tolist():
        point = [float(each[k]) for each in given]
        if all(map(math.isfinite, point)):
            values[k] = _decimally(formula, point, values[k])
    return values


def _decimally(formula: Callable[..., Any], given: list[float], otherwise: float) -> float:
    """With more and more digits until the result no longer changes."""
    before = None
    for digits in DIGITS:
        with localcontext(
            Context(prec=digits, Emin=-99999, Emax=99999, traps=[DivisionByZero, InvalidOperation, Overflow])
        ):
            try:
                result = formula(*map(Decimal, given))
            except ArithmeticError:
                return otherwise
            if before is not None and abs(result - before) <= abs(result) * ENOUGH and (result or digits == DIGITS[-1]):
                return float(result)
            before = result
    return otherwise
