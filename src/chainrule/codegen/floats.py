"""Floats of any precision in their order, neighbours counted as integers are."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[Any]
INTEGERS: dict[Any, Any] = {
    np.dtype(np.float64): np.int64,
    np.dtype(np.float32): np.int32,
    np.dtype(np.float16): np.int16,
}


def order(x: Points) -> Points:
    """Floats as integers in the same order, so that neighbours differ by 1; both zeros are 0."""
    kind = INTEGERS[x.dtype]
    bits = x.view(kind)
    ordered: Points = np.where(bits < 0, np.iinfo(kind).min - bits, bits).astype(np.int64)
    return ordered


def unorder(n: npt.NDArray[np.int64], dtype: np.dtype[Any]) -> Points:
    """The inverse of `order`; beyond infinity, infinity."""
    kind = INTEGERS[dtype]
    top = order(np.array([np.inf], dtype))[0]
    clipped = np.clip(n, -top, top)
    return np.where(clipped < 0, np.iinfo(kind).min - clipped, clipped).astype(kind).view(dtype)


def between(low: Points, high: Points, same_as_low: Callable[[Points], npt.NDArray[np.bool_]]) -> Points:
    """The first numbers after `low` that are unlike it, by bisection; `same_as_low` of one number for each pair."""
    dtype = low.dtype
    a, b = order(low), order(high)
    while (b - a > 1).any():
        middle = a + (b - a) // 2
        same = same_as_low(unorder(middle, dtype)) | (b - a <= 1)
        a, b = np.where(same & (b - a > 1), middle, a), np.where(same, b, middle)
    return unorder(b, dtype)
