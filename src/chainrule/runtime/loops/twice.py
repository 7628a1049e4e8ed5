"""`chainrule.runtime.twice` in loops: the same operations on single numbers, in one pass for each function of a formula."""

import inspect
import math
import sys
from functools import lru_cache
from hashlib import sha256
from types import FunctionType
from typing import Any

import numba
import numpy as np

from .. import special, twice
from .compiler import HOW, compiled_text


def power_of_2(k: float) -> float:
    return math.ldexp(1.0, int(k))


def unless_lost(total: float, term: float) -> float:
    return math.nan if abs(total) < twice.LEFT * abs(term) else total


NAMES: dict[str, Any] = vars(twice) | {
    each.__name__: numba.njit(**HOW)(each) for each in (power_of_2, unless_lost, special.upper_half)
}
"""What the functions see: those of single numbers that stand for the ones of arrays, and each other."""
for name in (
    "two_sum",
    "fast_two_sum",
    "two_product",
    "total",
    "total_unless_lost",
    "product",
    "less",
    "quotient",
    "exponential",
    "logarithm",
    "root",
):
    NAMES[name] = numba.njit(**HOW)(FunctionType(vars(twice)[name].__code__, NAMES))


TEXT = """# {digest}
from chainrule.runtime.loops.twice import NAMES

function = NAMES[{name!r}]


def loop({arrays}, out):
    for i in range(a0.size):
        out[0, i], out[1, i] = function({parts})
"""


@lru_cache
def loop(name: str, count: int) -> Any:
    """A function of so many numbers, of their rows."""
    arrays = ", ".join(f"a{k}" for k in range(2 * count))
    parts = ", ".join(f"(a{k}[i], a{k + 1}[i])" for k in range(0, 2 * count, 2))
    return compiled_text(TEXT.format(digest=_digest(), name=name, arrays=arrays, parts=parts))


@lru_cache(maxsize=1)
def _digest() -> str:
    """Of all that a loop is made of, so that what is kept of it is not older."""
    made_of: tuple[Any, ...] = (twice, special.upper_half, sys.modules[__name__])
    return sha256("".join(map(inspect.getsource, made_of)).encode()).hexdigest()


class Twice(twice.Twice):
    """Of contiguous rows of float64, all of one length."""

    def applied(self, function: Any, *others: Any) -> "Twice":
        out = np.empty((2, self.high.size))
        parts = [each for x in (self, *map(self.of, others)) for each in (x.high, x.low)]
        given = [each if isinstance(each, np.ndarray) else np.full(self.high.size, float(each)) for each in parts]
        loop(function.__name__, 1 + len(others))(*given, out)
        return Twice(*out)
