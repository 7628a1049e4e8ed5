"""What rounding takes from an exponent: an exponential magnifies it, by the exponent itself.

A formula is written with the four operations and the methods `exp`, `ln` and `sqrt`; it takes `two_parts`, which makes a constant of two floats, and the
variables."""

from collections.abc import Callable
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from . import extended, programs
from .arrays import Array
from .pairs import Pair

LARGEST = 4096.0
"""The exponential of more, and of the half of it, is 0 or infinite; what rounding takes from it may be large itself."""


def two_parts(high: float, low: float) -> Pair:
    """A constant that no float64 holds, as the sum of two."""
    return Pair(np.float64(high), np.float64(low))


def remainder(found: Array, formula: Callable[..., Any], *arguments: Any) -> Array:
    """What is missing in `found`, a value in float64 of the formula or of its negative; 0 where that is not finite, or so large that nothing depends on it.
    The formula is an expression in its arguments alone."""
    with np.errstate(all="ignore"):
        given = [extended.flat(each, found) for each in (found, *arguments)]
        rest = np.empty(given[0].size)
        _program(formula.__code__, len(given)).run(given, rest)
        rest[~(np.isfinite(rest) & (np.abs(given[0]) <= LARGEST))] = 0.0
    return rest.reshape(found.shape)


@lru_cache(maxsize=256)
def _program(code: CodeType, count: int) -> programs.Program:
    formula = FunctionType(code, {})

    def missing(found: Any, *variables: Any) -> Any:
        exact = formula(two_parts, *map(Pair, variables))
        turned = np.copysign(1.0, found * exact.high)
        rest = turned * exact.high - found
        return rest if exact.low is None else rest + turned * exact.low

    return programs.Program(missing, count)
