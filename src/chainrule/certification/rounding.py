"""What a ball says about floating-point numbers, and errors in units in the last place."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb

from ..balls import Ball

Floats = npt.NDArray[np.float64]
ENOUGH = 85  # bits: the remainder is known to 2**-30 ulp
TINY = arb(2) ** -1100
BITS = {np.dtype(np.float64): 53, np.dtype(np.float32): 24, np.dtype(np.float16): 11}
TOP = {np.dtype(np.float64): 1024, np.dtype(np.float32): 128, np.dtype(np.float16): 16}
OVERFLOW = {np.dtype(np.float64): math.inf, np.dtype(np.float32): 2.0**128 - 2.0**103, np.dtype(np.float16): 65520.0}
FORGIVEN = 4.0  # ulp
SMALLEST = {np.dtype(np.float64): -1074, np.dtype(np.float32): -149, np.dtype(np.float16): -24}


@dataclass(frozen=True)
class Exact:
    """A real number as the nearest float64 and the remainder in ulp of it, beyond the largest the excess over ±2**1024;
    sign: that of the number, 0 if unknown or if the number is 0."""

    near: float
    rest: float
    sign: int


def exact(ball: Ball) -> Exact | None:
    """None where the ball is too wide to say."""
    if not ball.is_finite():
        return None
    if not ball.is_exact() and ball.rel_accuracy_bits() < ENOUGH:
        if not ball.abs_upper() < TINY:
            return None
        return Exact(0.0, 0.0, 1 if ball > 0 else -1 if ball < 0 else 0)
    middle = ball.mid()
    near = float(middle)
    sign = 1 if middle > 0 else -1 if middle < 0 else 0
    if math.isinf(near):
        return Exact(near, float((middle - sign * arb(2) ** 1024) / arb(2) ** 971), sign)
    return Exact(near, float((middle - arb(near)) / arb(math.ulp(near))), sign)


@dataclass(frozen=True)
class Truth:
    """Exact values at some points: nearest float64 (NaN where undecided), remainders, signs. others: further values
    that count as right, by the number of the point: the two sides of a jump."""

    near: Floats
    rest: Floats
    sign: npt.NDArray[np.int8]
    others: dict[int, tuple[Exact, ...]]

    @staticmethod
    def of(values: "list[tuple[Exact | None, tuple[Exact, ...]]]") -> "Truth":
        blank = Exact(math.nan, 0.0, 0)
        firsts = [value or blank for value, _ in values]
        return Truth(
            np.array([each.near for each in firsts]),
            np.array([each.rest for each in firsts]),
            np.array([each.sign for each in firsts], np.int8),
            {k: others for k, (_, others) in enumerate(values) if others},
        )


def ulps(got: npt.NDArray[Any], truth: Truth) -> Floats:
    """|got - exact| in ulp of the exact value, in the precision of `got`: units of the smallest subnormal below the
    normal numbers, inf for a NaN or a wrong infinity, NaN where the exact value is undecided.

    An infinity counts as the power of two that follows the largest number, and as wrong where that is further than
    `FORGIVEN` ulp from the exact value.
    """
    found = _ulps(got, truth.near, truth.rest)
    for k, others in truth.others.items():
        here = np.repeat(got[k : k + 1], len(others))
        each = _ulps(here, np.array([o.near for o in others]), np.array([o.rest for o in others]))
        found[k] = np.nanmin([found[k], *each])
    return found


def _ulps(got: npt.NDArray[Any], near: Floats, rest: Floats) -> Floats:
    bits, smallest, top = BITS[got.dtype], SMALLEST[got.dtype], TOP[got.dtype]
    with np.errstate(all="ignore"):
        wide = got.astype(np.float64)
        mantissa, exponent = np.frexp(near)
        exponent = np.where(np.isinf(near), 1025, np.where(near == 0, -1074, exponent))
        below = (np.abs(mantissa) == 0.5) & (np.sign(rest) == -np.sign(near))
        unit = np.minimum(np.maximum(exponent - below - bits, smallest), top - bits)
        ours = _scaled(wide, top, unit)
        beyond = np.ldexp(rest, np.clip(exponent - 53, -1074, 971) - unit)
        found: Floats = np.abs((ours - _scaled(near, 1024, unit)) - beyond)  # the first difference is exact
    overflows = np.abs(near) >= OVERFLOW[got.dtype]
    found[np.isinf(wide) & overflows & (np.signbit(wide) == np.signbit(near))] = 0.0
    found[(np.isinf(wide) | overflows) & (found > FORGIVEN)] = np.inf
    found[np.isnan(wide)] = np.inf
    found[np.isnan(near)] = np.nan
    return found


def _scaled(x: Floats, top: int, unit: npt.NDArray[np.int64]) -> Floats:
    """In units of 2**unit; an infinity as 2**top."""
    ahead = np.ldexp(np.sign(x), top - unit)
    return np.where(np.isinf(x), ahead, np.ldexp(x, -unit))


def wrong_zeros(got: npt.NDArray[Any], truth: Truth) -> npt.NDArray[np.bool_]:
    """Where the exact value rounds to 0, and the zero has the sign that this value, or its neighbourhood, has not."""
    rounds_to_zero = np.abs(truth.near) <= 2.0 ** (SMALLEST[got.dtype] - 1)
    found: npt.NDArray[np.bool_] = (
        (got == 0) & rounds_to_zero & (truth.sign != 0) & (np.signbit(got) != (truth.sign < 0))
    )
    return found
