"""What rounding takes from an exponent: an exponential magnifies it, by the exponent itself.

A formula is written with sums and products; it takes `two_parts`, which makes a constant of two floats, and the variables."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .extended import Array, Pair


def two_parts(high: float, low: float) -> Pair:
    """A constant that no float64 holds, as the sum of two."""
    return Pair(np.float64(high), np.float64(low))


def remainder(found: Array, formula: Callable[..., Any], *arguments: Any) -> Array:
    """What is missing in `found`, a value in float64 of the formula or of its negative; 0 where that is not finite."""
    with np.errstate(all="ignore"):
        exact = formula(two_parts, *map(Pair, arguments))
        high, low = exact.high, 0.0 if exact.low is None else exact.low
        turned = np.copysign(1.0, found) * np.copysign(1.0, high)
        rest = (turned * high - found) + turned * low
        return np.where(np.isfinite(rest), rest, 0.0)
