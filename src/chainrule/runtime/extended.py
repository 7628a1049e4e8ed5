"""A formula in twice the digits, or in sixty and more, at the few elements where a difference has cancelled.

A formula is written with the four operations and the methods `exp`, `ln` and `sqrt`, which `decimal.Decimal` has too.
"""

import math
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from .special import upper_half

Array = npt.NDArray[np.float64]
NEAR = 0.5  # a sum smaller than this, against its terms, is computed again
VERY_NEAR = 2.0**-40  # and one smaller than this in decimal numbers
DIGITS = (60, 80, 160, 400, 800)
ENOUGH = Decimal("1e-20")
LOG2 = tuple(
    map(float.fromhex, ("0x1.62e42fefa3800p-1", "0x1.ef35793c76000p-45", "0x1.cc01f97b57a08p-87"))
)  # products with whole numbers up to 2**11 are exact but for the last
HALVINGS = 9
TERMS = 9


class Twice:
    """Real numbers as unevaluated sums of two float64, element by element: about 100 bits."""

    __array_ufunc__ = None  # arrays leave the operation to this class

    def __init__(self, high: Any, low: Any = 0.0) -> None:
        self.high, self.low = high, low

    def __add__(self, other: "Twice | float") -> "Twice":
        b = _twice(other)
        s, e = _two_sum(self.high, b.high)
        t, f = _two_sum(self.low, b.low)
        s, e = _fast_two_sum(s, e + t)
        return Twice(*_fast_two_sum(s, e + f))

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
        rest = self - b * first
        second = rest.high / b.high
        rest = rest - b * second
        result: Twice = Twice(*_fast_two_sum(first, second)) + rest.high / b.high
        return result

    def __rtruediv__(self, other: float) -> "Twice":
        return Twice(other + 0.0 * self.high) / self

    def exp(self) -> "Twice":
        """By a Taylor series of the argument less a multiple of log 2, divided by 2⁹; then squared nine times."""
        k = np.rint(self.high / math.log(2))
        r = self - k * LOG2[0] - k * LOG2[1] - Twice(*_two_product(k, LOG2[2]))
        r = r * 2.0**-HALVINGS
        series = r * 0.0
        for n in range(TERMS, 0, -1):
            series = r * (series + 1.0) / float(n)
        for _ in range(HALVINGS):
            series = series * 2.0 + series * series
        result = series + 1.0
        half = np.trunc(k / 2)
        low, high = np.ldexp(1.0, half.astype(np.int64)), np.ldexp(1.0, (k - half).astype(np.int64))
        return Twice(result.high * low * high, result.low * low * high)

    def ln(self) -> "Twice":
        """By one step of Newton's method from the logarithm in float64."""
        start = np.log(self.high)
        rest = self * (-Twice(start)).exp() - 1.0
        return Twice(start) + (rest - rest * rest * 0.5)

    def sqrt(self) -> "Twice":
        """By one step of Newton's method from the root in float64."""
        start = np.sqrt(self.high)
        result: Twice = Twice(start) + (self - Twice(*_two_product(start, start))) / (2.0 * start)
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
        shape = np.shape(found)
        near = np.abs(total) < NEAR * size
        if not np.any(near):
            return found
        near = np.broadcast_to(near, shape)
        result = np.array(found, dtype=np.float64)
        chosen = [np.broadcast_to(each, shape)[near].astype(np.float64) for each in arguments]
        again = formula(*map(Twice, chosen))
        values = again.high + again.low
        very = np.broadcast_to(np.abs(total) < VERY_NEAR * size, shape)[near] | ~np.isfinite(values)
        for k in np.flatnonzero(very & np.isfinite(sum(chosen))):
            values[k] = _decimally(formula, [float(each[k]) for each in chosen], values[k])
        result[near] = values
    return result


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
