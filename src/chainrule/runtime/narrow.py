"""What code uses whose results are rounded to float32."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import Array
from .extended import refined

LEFT = 2.0**-26
"""As much of a sum of numbers of float64 has digits enough for a float32."""


def refined_of_single(found: Array, total: Array, size: Array, formula: Callable[..., Any], *arguments: Array) -> Array:
    """`refined` where a sum has cancelled so far that a float32 shows it."""
    with np.errstate(all="ignore"):
        lost = np.abs(total) < LEFT * size
    if not np.count_nonzero(lost):
        return found
    result = np.array(found)
    again = [np.broadcast_to(each, result.shape)[lost] for each in (found, total, size)]
    given = [np.broadcast_to(each, result.shape)[lost] for each in arguments]
    result[lost] = refined(again[0], again[1], again[2], formula, *given)
    return result
