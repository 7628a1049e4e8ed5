"""What `chainrule.runtime.reductions` computes of a row, as compiled functions: the same operations in the same order, so the same numbers.

A row is an array with one axis, of `size` numbers; all are finite, weights and exponentials are not negative. w: room for some rows. Sums in pairs
have the order of `reductions.pairwise_sum`. Where NumPy adds neighbours in an order of its own, `_neighbours` has that of NumPy 2: eight sums side by
side, of up to 128 numbers each time, and halves above that; the error of either grows with the logarithm of the size.

Where `size` is a constant, up to SHORT, the compiler leaves no loop of a row; it vectorises others whose only index is the variable of the loop."""

from typing import Any

import numba
import numpy as np

from .compiler import HOW

SHORT = 16
LAST = 5
LEAF = 128
_row = numba.njit(forceinline=True, **HOW)
_called = numba.njit(**HOW)


@_row
def pairwise_sum(t: Any, size: Any, w: Any) -> Any:
    return _few_pairs(t, size) if size <= SHORT else _many_pairs(t, size, w)


@_called
def _many_pairs(t: Any, size: Any, w: Any) -> Any:
    half = size // 2
    second = t[half:]
    for k in range(half):
        w[k] = t[k] + second[k]
    if size % 2:
        w[0] += t[size - 1]
    while half > LAST:
        size, half = half, half // 2
        last = w[size - 1]
        second = w[half:]
        for k in range(half):
            w[k] = w[k] + second[k]
        if size % 2:
            w[0] += last
    found = w[0]
    for k in range(1, half):
        found += w[k]
    return found


@_row
def _few_pairs(t: Any, size: Any) -> Any:
    """Up to 16 numbers: in memory nothing is left of the halves."""
    if size <= LAST:
        found = t[0]
        for k in range(1, size):
            found += t[k]
        return found
    half = size // 2
    found = t[0] + t[half]
    if size % 2:
        found += t[size - 1]
    if half <= LAST:
        for k in range(1, half):
            found += t[k] + t[half + k]
        return found
    quarter = half // 2
    found += t[quarter] + t[half + quarter]
    if half % 2:
        found += t[half - 1] + t[2 * half - 1]
    for k in range(1, quarter):
        found += (t[k] + t[half + k]) + (t[quarter + k] + t[half + quarter + k])
    return found


@_called
def _neighbours(t: Any) -> Any:
    size = t.size
    if size < 8:
        found = t[0]
        for k in range(1, size):
            found += t[k]
        return found
    if size > LEAF:
        half = size // 2
        half -= half % 8
        return _neighbours(t[:half]) + _neighbours(t[half:])
    a, b, c, d, e, f, g, h = t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]
    whole = size - size % 8
    for k in range(8, whole, 8):
        a += t[k]
        b += t[k + 1]
        c += t[k + 2]
        d += t[k + 3]
        e += t[k + 4]
        f += t[k + 5]
        g += t[k + 6]
        h += t[k + 7]
    found = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for k in range(whole, size):
        found += t[k]
    return found


@_row
def sum(t: Any, size: Any, w: Any) -> Any:
    return _few_pairs(t, size) if size <= SHORT else _neighbours(t)


@_row
def wide_sum(t: Any, size: Any, w: Any) -> Any:
    """A sum of numbers in float32: in float64, rounded once."""
    if size > SHORT:
        return _many_wide(t, w)
    found = np.float64(t[0])
    for k in range(1, size):
        found += np.float64(t[k])
    return np.float32(found)


@_called
def _many_wide(t: Any, w: Any) -> Any:
    wide = w.view(np.float64)[: t.size]
    for k in range(t.size):
        wide[k] = t[k]
    return np.float32(_neighbours(wide))


@_row
def largest(t: Any, size: Any, w: Any) -> Any:
    if size > SHORT:
        return _largest_of_many(t)
    found = t[0]
    for k in range(1, size):
        found = t[k] if t[k] > found else found
    return found


def _bits(t: Any) -> Any:
    """The bits of numbers as whole numbers, of which the compiler compares many at a time."""
    raise NotImplementedError("in compiled code only")


@numba.extending.overload(_bits)
def _bits_of(t: Any) -> Any:
    kind = np.int32 if t.dtype.bitwidth == 32 else np.int64

    def bits(t: Any) -> Any:
        return t.view(kind)

    return bits


@_called
def _largest_of_many(t: Any) -> Any:
    """Bits are in the order of the numbers after those of negative ones are turned, but for the sign."""
    bits = _bits(t)
    shift = 8 * bits.itemsize - 1
    found = bits[0] ^ ((bits[0] >> shift) & ~(-1 << shift))
    for k in range(t.size):
        found = max(found, bits[k] ^ ((bits[k] >> shift) & ~(-1 << shift)))
    place = t.size - 1
    for k in range(t.size):
        place = min(place, k if bits[k] ^ ((bits[k] >> shift) & ~(-1 << shift)) == found else t.size)
    return t[place]


@_called
def _top_of_many(t: Any) -> Any:
    bits = _bits(t)
    found = bits[0]
    for k in range(t.size):
        found = max(found, bits[k])
    place = t.size
    for k in range(t.size):
        place = min(place, k if bits[k] == found else t.size)
    return place


@_row
def _top(t: Any, size: Any) -> Any:
    """Where the largest of numbers that are not negative stands, of several the first."""
    if size > SHORT:
        return _top_of_many(t)
    found, place = t[0], 0
    for k in range(1, size):
        place = k if t[k] > found else place
        found = t[k] if t[k] > found else found
    return place


@_row
def at_largest(t: Any, weights: Any, size: Any, w: Any) -> Any:
    return t[_top(weights, size)]


@_row
def entry(t: Any, index: Any, size: Any, w: Any) -> Any:
    return t[index]


@_row
def _largest_and_others(e: Any, size: Any, w: Any) -> Any:
    """The largest and the sum of the others; in short rows what is added is the smaller of each component and the largest before it."""
    if size == 1:
        return e[0], e[0] - e[0]
    if size <= SHORT:
        top = e[0]
        for k in range(1, size):
            x = e[k]
            w[k - 1] = x if x < top else top
            top = x if x > top else top
        return top, _few_pairs(w, size - 1)
    place = _top_of_many(e)
    top = e[place]
    e[place] = 0.0
    others = _neighbours(e)
    e[place] = top  # as it was
    return top, others


@_row
def others_ratio(e: Any, size: Any, w: Any) -> Any:
    top, others = _largest_and_others(e, size, w)
    return others / top


@_row
def exponential_sum(e: Any, size: Any, w: Any) -> Any:
    if size <= SHORT:
        return _few_pairs(e, size)
    top, others = _largest_and_others(e, size, w)
    return top + others


@_row
def signed_sum(t: Any, size: Any, w: Any) -> Any:
    negative = 0
    for k in range(size):
        negative |= 1 if t[k] < 0.0 else 0
    return _cancelling_sum(t, size, w) if negative else sum(t, size, w)


@_called
def _cancelling_sum(t: Any, size: Any, w: Any) -> Any:
    """`reductions.total`."""
    w = w[:size]
    for k in range(size):
        w[k] = abs(t[k])
    grid = 4.0 * sum(w, size, w)
    if not np.isfinite(grid):
        return sum(t, size, w)
    for k in range(size):
        w[k] = (t[k] + grid) - grid
    exact = sum(w, size, w)
    for k in range(size):
        w[k] = t[k] - ((t[k] + grid) - grid)
    return exact + sum(w, size, w)


exponential_sum_single = signed_sum_single = wide_sum


@_row
def less_one_at(t: Any, index: Any, size: Any, w: Any) -> None:
    """A number of the row less 1, in place."""
    t[index] -= np.float32(1.0)


@_row
def balance(t: Any, weights: Any, term: Any, size: Any, w: Any) -> None:
    """`reductions.balanced_at`, in place."""
    top = _top(weights, size)
    reach = abs(term[top])
    if abs(t[top]) < reach and pairwise_sum(weights, size, w) < np.float32(2.0) * weights[top]:
        _balance_near(t, top, reach, size, w)


@_called
def _balance_near(t: Any, top: Any, reach: Any, size: Any, w: Any) -> None:
    own = t[top]
    t[top] = 0.0
    sizes = w[size:]
    for k in range(size):
        sizes[k] = abs(t[k])
    t[top] = -pairwise_sum(t, size, w) if pairwise_sum(sizes, size, w) < reach else own
