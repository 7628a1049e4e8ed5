"""What `chainrule.runtime.reductions` computes of a row, as compiled functions: the same operations in the same order, so the same numbers.

A row is the i-th of an array with two axes, of `size` numbers; all are finite, weights and exponentials are not negative. w: three rows of room, the
first of them for sums. Every sum is in pairs, in the order of `reductions.pairwise_sum`, also in rows of more than SHORT numbers, of which NumPy adds
neighbours in an order of its own: the error of either grows with the logarithm of the size, and here with a smaller factor.

Where `size` is a constant, up to SHORT, the compiler leaves no loop of a row; it vectorises others whose only index is the variable of the loop."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from .compiler import HOW

SHORT = 16
LAST = 5
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
_row: Decorator = numba.njit(forceinline=True, **HOW)
_called: Decorator = numba.njit(**HOW)
_compiled_as: Callable[[Callable[..., Any]], Decorator] = numba.extending.overload


@_row
def pairwise_sum(t: Any, i: Any, size: Any, w: Any) -> Any:
    return _few_pairs(t, i, size) if size <= SHORT else _many_pairs(t, i, size, w)


def _like(x: Any, array: Any) -> Any:
    """A number as one of those of an array."""
    return array.dtype.type(x)


@_compiled_as(_like)
def _of_kind(x: Any, array: Any) -> Any:
    kind = np.float32 if array.dtype.bitwidth == 32 else np.float64

    def like(x: Any, array: Any) -> Any:
        return kind(x)

    return like


@_called
def _many_pairs(t: Any, i: Any, size: Any, w: Any) -> Any:
    """Of numbers that are as wide as those of w, or less."""
    half = size // 2
    for k in range(half):
        w[0, k] = _like(t[i, k], w) + _like(t[i, half + k], w)
    if size % 2:
        w[0, 0] += t[i, size - 1]
    while half > LAST:
        size, half = half, half // 2
        last = w[0, size - 1]
        for k in range(half):
            w[0, k] = w[0, k] + w[0, half + k]
        if size % 2:
            w[0, 0] += last
    found = w[0, 0]
    for k in range(1, half):
        found += w[0, k]
    return found


@_row
def _few_pairs(t: Any, i: Any, size: Any) -> Any:
    """Up to 16 numbers: in memory nothing is left of the halves."""
    if size <= LAST:
        found = t[i, 0]
        for k in range(1, size):
            found += t[i, k]
        return found
    half = size // 2
    found = t[i, 0] + t[i, half]
    if size % 2:
        found += t[i, size - 1]
    if half <= LAST:
        for k in range(1, half):
            found += t[i, k] + t[i, half + k]
        return found
    quarter = half // 2
    found += t[i, quarter] + t[i, half + quarter]
    if half % 2:
        found += t[i, half - 1] + t[i, 2 * half - 1]
    for k in range(1, quarter):
        found += (t[i, k] + t[i, half + k]) + (t[i, quarter + k] + t[i, half + quarter + k])
    return found


@_row
def wide_sum(t: Any, i: Any, size: Any, w: Any) -> Any:
    """A sum of numbers in float32: in float64, as w is, rounded once; short rows one after the other."""
    if size > SHORT:
        return np.float32(_many_pairs(t, i, size, w))
    found = np.float64(t[i, 0])
    for k in range(1, size):
        found += np.float64(t[i, k])
    return np.float32(found)


@_row
def largest(t: Any, i: Any, size: Any, w: Any) -> Any:
    if size > SHORT:
        return _largest_of_many(t, i, size)
    found = t[i, 0]
    for k in range(1, size):
        found = t[i, k] if t[i, k] > found else found
    return found


def _bits(t: Any) -> Any:
    """The bits of numbers as whole numbers, of which the compiler compares many at a time."""
    return t.view(np.int32 if t.itemsize == 4 else np.int64)


@_compiled_as(_bits)
def _bits_of(t: Any) -> Any:
    kind = np.int32 if t.dtype.bitwidth == 32 else np.int64

    def bits(t: Any) -> Any:
        return t.view(kind)

    return bits


@_called
def _largest_of_many(t: Any, i: Any, size: Any) -> Any:
    """Bits are in the order of the numbers after those of negative ones are turned, but for the sign."""
    bits = _bits(t)
    shift = 8 * bits.itemsize - 1
    found = bits[i, 0] ^ ((bits[i, 0] >> shift) & ~(-1 << shift))
    for k in range(size):
        found = max(found, bits[i, k] ^ ((bits[i, k] >> shift) & ~(-1 << shift)))
    place = size - 1
    for k in range(size):
        place = min(place, k if bits[i, k] ^ ((bits[i, k] >> shift) & ~(-1 << shift)) == found else size)
    return t[i, place]


@_called
def _top_of_many(t: Any, i: Any, size: Any) -> Any:
    bits = _bits(t)
    found = bits[i, 0]
    for k in range(size):
        found = max(found, bits[i, k])
    place = size
    for k in range(size):
        place = min(place, k if bits[i, k] == found else size)
    return place


@_row
def _top(t: Any, i: Any, size: Any) -> Any:
    """Where the largest of numbers that are not negative stands, of several the first."""
    if size > SHORT:
        return _top_of_many(t, i, size)
    found, place = t[i, 0], 0
    for k in range(1, size):
        place = k if t[i, k] > found else place
        found = t[i, k] if t[i, k] > found else found
    return place


@_row
def at_largest(t: Any, i: Any, weights: Any, j: Any, size: Any, w: Any) -> Any:
    return t[i, _top(weights, j, size)]


@_row
def entry(t: Any, i: Any, index: Any, size: Any, w: Any) -> Any:
    return t[i, index]


@_row
def _largest_and_others(e: Any, i: Any, size: Any, w: Any) -> Any:
    """The largest and the sum of the others; in short rows what is added is the smaller of each component and the largest before it."""
    if size == 1:
        return e[i, 0], e[i, 0] - e[i, 0]
    if size <= SHORT:
        top = e[i, 0]
        for k in range(1, size):
            x = e[i, k]
            w[1, k - 1] = x if x < top else top
            top = x if x > top else top
        return top, _few_pairs(w, 1, size - 1)
    place = _top_of_many(e, i, size)
    top = e[i, place]
    e[i, place] = 0.0
    others = _many_pairs(e, i, size, w)
    e[i, place] = top  # as it was
    return top, others


@_row
def others_ratio(e: Any, i: Any, size: Any, w: Any) -> Any:
    top, others = _largest_and_others(e, i, size, w)
    return others / top


@_row
def exponential_sum(e: Any, i: Any, size: Any, w: Any) -> Any:
    if size <= SHORT:
        return _few_pairs(e, i, size)
    top, others = _largest_and_others(e, i, size, w)
    return top + others


@_row
def signed_sum(t: Any, i: Any, size: Any, w: Any) -> Any:
    negative = 0
    for k in range(size):
        negative |= 1 if t[i, k] < 0.0 else 0
    return _cancelling_sum(t, i, size, w) if negative else pairwise_sum(t, i, size, w)


@_row
def _cancelling_sum(t: Any, i: Any, size: Any, w: Any) -> Any:
    """`reductions.total`."""
    for k in range(size):
        w[1, k] = abs(t[i, k])
    grid = 4.0 * pairwise_sum(w, 1, size, w)
    if not np.isfinite(grid):
        return pairwise_sum(t, i, size, w)
    for k in range(size):
        w[1, k] = (t[i, k] + grid) - grid
    for k in range(size):
        w[2, k] = t[i, k] - w[1, k]
    return pairwise_sum(w, 1, size, w) + pairwise_sum(w, 2, size, w)


exponential_sum_single = signed_sum_single = wide_sum


@_row
def less_one_at(t: Any, i: Any, index: Any, size: Any, w: Any) -> None:
    """A number of the row less 1, in place."""
    t[i, index] -= np.float32(1.0)


@_row
def balance(t: Any, i: Any, weights: Any, j: Any, term: Any, k: Any, size: Any, w: Any) -> None:
    """`reductions.balanced_at`, in place."""
    top = _top(weights, j, size)
    reach = abs(term[k, top])
    if abs(t[i, top]) < reach and pairwise_sum(weights, j, size, w) < np.float32(2.0) * weights[j, top]:
        _balance_near(t, i, top, reach, size, w)


@_called
def _balance_near(t: Any, i: Any, top: Any, reach: Any, size: Any, w: Any) -> None:
    own = t[i, top]
    t[i, top] = 0.0
    for k in range(size):
        w[1, k] = abs(t[i, k])
    t[i, top] = -pairwise_sum(t, i, size, w) if pairwise_sum(w, 1, size, w) < reach else own
