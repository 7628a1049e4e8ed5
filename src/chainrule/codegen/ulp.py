"""Errors in units in the last place of the exact value."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from mpmath.libmp import from_float, mpf_shift, mpf_sub
from mpmath.libmp import to_float as to_float_of

from chainrule.codegen.evaluation import CONTEXT
from chainrule.codegen.reference import HUGE, to_float

Floats = npt.NDArray[np.float64]
DIGITS, SMALLEST, LARGEST = 53, -1074, 971  # bits of a float64, exponents of its smallest and largest unit
FORGIVEN = 4.0  # an infinity counts as 2**1024, if the exact value is that near; else it is wrong


@dataclass(frozen=True)
class Truth:
    """Exact values: the nearest float64 (NaN where unknown, ±inf from overflow on) and the remainder in its ulp."""

    near: Floats
    rest: Floats

    @staticmethod
    def of(values: Sequence[Any]) -> "Truth":
        """From mpmath numbers; None where unknown."""
        pairs = [(math.nan, 0.0) if value is None else _pair(value) for value in values]
        return Truth(np.array([near for near, _ in pairs]), np.array([rest for _, rest in pairs]))

    def part(self, chosen: Any) -> "Truth":
        """The values at some of the points."""
        return Truth(self.near[chosen], self.rest[chosen])


def _pair(value: Any) -> tuple[float, float]:
    near = to_float(value)
    if near == 0 or (math.isinf(near) and (CONTEXT.isinf(value) or CONTEXT.mag(value) > HUGE)):
        vanishing = near == 0 and CONTEXT.mag(value) > -HUGE
        return near, float(CONTEXT.ldexp(value, -SMALLEST)) if vanishing else 0.0 if near == 0 else near
    if math.isinf(near):
        CONTEXT.prec = 400
        top = CONTEXT.sign(value) * CONTEXT.mpf(2) ** 1024
        return near, float(CONTEXT.ldexp(value - top, -LARGEST))
    return near, rest(value, near)


def rest(value: Any, near: float) -> float:
    """What a finite number, not 0, lacks of the exact value, in its ulp."""
    unit = math.frexp(math.ulp(near))[1] - 1
    return float(to_float_of(mpf_shift(mpf_sub(value._mpf_, from_float(near)), -unit)))


def ulps(got: Floats, truth: Truth) -> Floats:
    """|got - exact| in ulp of the exact value (of the smallest subnormal below the normal numbers); inf for a NaN or a
    wrong infinity; NaN where the exact value is unknown."""
    near, lacking = truth.near, truth.rest
    with np.errstate(all="ignore"):
        mantissa, exponent = np.frexp(near)
        exponent = np.where(np.isinf(near), 1025, np.where(near == 0, SMALLEST, exponent))
        own = np.clip(exponent - DIGITS, SMALLEST, LARGEST)  # the unit of the rounded value, and of the exact one:
        below = (np.abs(mantissa) == 0.5) & (np.sign(lacking) == -np.sign(near))
        unit = np.clip(exponent - DIGITS - below, SMALLEST, LARGEST)
        found: Floats = np.abs((_scaled(got, unit) - _scaled(near, unit)) - np.ldexp(lacking, own - unit))
        overflow = np.isinf(near)
        found[np.isinf(got) & overflow & (np.signbit(got) == np.signbit(near))] = 0.0
        found[(np.isinf(got) != overflow) & ~(found <= FORGIVEN)] = np.inf
    found[np.isnan(got)] = np.inf
    found[np.isnan(near)] = np.nan
    return found


def _scaled(x: Floats, unit: Any) -> Floats:
    """In units of 2**unit; an infinity as 2**1024."""
    scaled: Floats = np.where(np.isinf(x), np.ldexp(np.sign(x), 1024 - unit), np.ldexp(x, -unit))
    return scaled
