"""What `chainrule.runtime.reductions` computes of a row, as compiled functions: the same operations in the same order, so the same numbers.

A row is the `size` numbers of an array with one axis that start at `o`; all are finite, and weights and exponentials are positive. w: room for
a row. Sums in pairs have the order of `pairwise_sum`. Where NumPy adds neighbours in an order of its own, `_neighbours` has that of NumPy 2:
eight sums side by side, of up to 128 numbers each time, and halves above that; the error of either grows with the logarithm of the size."""

from typing import Any

import numba
import numpy as np

from .compiler import HOW

SHORT = 16
LAST = 5
LEAF = 128
_row = numba.njit(**HOW)


@_row
def pairwise_sum(t: Any, o: Any, size: Any, w: Any) -> Any:
    if size <= SHORT:
        return _few_pairs(t, o, size)
    half = size // 2
    for k in range(half):
        w[k] = t[o + k] + t[o + half + k]
    if size % 2:
        w[0] += t[o + size - 1]
    while half > LAST:
        size, half = half, half // 2
        last = w[size - 1]
        for k in range(half):
            w[k] = w[k] + w[half + k]
        if size % 2:
            w[0] += last
    found = w[0]
    for k in range(1, half):
        found += w[k]
    return found


@_row
def _few_pairs(t: Any, o: Any, size: Any) -> Any:
    """Up to 16 numbers: in memory nothing is left of the halves."""
    if size <= LAST:
        found = t[o]
        for k in range(1, size):
            found += t[o + k]
        return found
    half = size // 2
    first = t[o] + t[o + half]
    if size % 2:
        first += t[o + size - 1]
    if half <= LAST:
        for k in range(1, half):
            first += t[o + k] + t[o + half + k]
        return first
    quarter = half // 2
    first += t[o + quarter] + t[o + half + quarter]
    if half % 2:
        first += t[o + half - 1] + t[o + 2 * half - 1]
    for k in range(1, quarter):
        first += (t[o + k] + t[o + half + k]) + (t[o + quarter + k] + t[o + half + quarter + k])
    return first


@_row
def _leaf(t: Any, o: Any, size: Any) -> Any:
    """Up to 128 numbers."""
    if size < 8:
        found = t[o]
        for k in range(1, size):
            found += t[o + k]
        return found
    a, b, c, d = t[o], t[o + 1], t[o + 2], t[o + 3]
    e, f, g, h = t[o + 4], t[o + 5], t[o + 6], t[o + 7]
    whole = size - size % 8
    for k in range(o + 8, o + whole, 8):
        a += t[k]
        b += t[k + 1]
        c += t[k + 2]
        d += t[k + 3]
        e += t[k + 4]
        f += t[k + 5]
        g += t[k + 6]
        h += t[k + 7]
    found = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for k in range(o + whole, o + size):
        found += t[k]
    return found


@_row
def _neighbours(t: Any, o: Any, size: Any) -> Any:
    if size <= LEAF:
        return _leaf(t, o, size)
    half = size // 2
    half -= half % 8
    return _neighbours(t, o, half) + _neighbours(t, o + half, size - half)


@_row
def sum(t: Any, o: Any, size: Any, w: Any) -> Any:
    return _few_pairs(t, o, size) if size <= SHORT else _neighbours(t, o, size)


@_row
def _wide_sum(t: Any, o: Any, size: Any, w: Any) -> Any:
    """A sum of numbers in float32: in float64, rounded once."""
    if size <= SHORT:
        found = np.float64(t[o])
        for k in range(1, size):
            found += np.float64(t[o + k])
        return np.float32(found)
    wide = w.view(np.float64)
    for k in range(size):
        wide[k] = t[o + k]
    return np.float32(_neighbours(wide, 0, size))


@_row
def largest(t: Any, o: Any, size: Any, w: Any) -> Any:
    if size <= SHORT:
        found = t[o]
        for k in range(1, size):
            found = t[o + k] if t[o + k] > found else found
        return found
    a, b, c, d = t[o], t[o + 1], t[o + 2], t[o + 3]
    for k in range(o + 4, o + size - 3, 4):
        a = t[k] if t[k] > a else a
        b = t[k + 1] if t[k + 1] > b else b
        c = t[k + 2] if t[k + 2] > c else c
        d = t[k + 3] if t[k + 3] > d else d
    for k in range(o + size - size % 4, o + size):
        a = t[k] if t[k] > a else a
    a, c = b if b > a else a, d if d > c else c
    return c if c > a else a


@_row
def _top(t: Any, o: Any, size: Any) -> Any:
    """Where the largest stands, of several the first."""
    if size <= SHORT:
        found, place = t[o], 0
        for k in range(1, size):
            place = k if t[o + k] > found else place
            found = t[o + k] if t[o + k] > found else found
        return o + place
    found = largest(t, o, size, t)
    k = o
    while k < o + size - 1 and t[k] != found:
        k += 1
    return k


@_row
def at_largest(t: Any, weights: Any, o: Any, size: Any, w: Any) -> Any:
    return t[_top(weights, o, size)]


@_row
def entry(t: Any, index: Any, o: Any, size: Any, w: Any) -> Any:
    return t[o + index]


@_row
def _largest_and_others(e: Any, o: Any, size: Any, w: Any) -> Any:
    """The largest and the sum of the others; in short rows what is added is the smaller of each component and the largest before it."""
    if size == 1:
        return e[o], e[o] - e[o]
    if size <= SHORT:
        top = e[o]
        for k in range(1, size):
            x = e[o + k]
            w[k - 1] = x if x < top else top
            top = x if x > top else top
        return top, _few_pairs(w, 0, size - 1)
    place = _top(e, o, size)
    for k in range(size):
        w[k] = e[o + k]
    w[place - o] = 0.0
    return e[place], _neighbours(w, 0, size)


@_row
def others_ratio(e: Any, o: Any, size: Any, w: Any) -> Any:
    top, others = _largest_and_others(e, o, size, w)
    return others / top


@_row
def exponential_sum(e: Any, o: Any, size: Any, w: Any) -> Any:
    if size <= SHORT:
        return _few_pairs(e, o, size)
    top, others = _largest_and_others(e, o, size, w)
    return top + others


@_row
def _exactly(t: Any, o: Any, size: Any, grid: Any, w: Any) -> Any:
    for k in range(size):
        w[k] = (t[o + k] + grid) - grid
    exact = sum(w, 0, size, w)
    for k in range(size):
        w[k] = t[o + k] - ((t[o + k] + grid) - grid)
    return exact + sum(w, 0, size, w)


@_row
def exponential_total(e: Any, o: Any, size: Any, w: Any) -> Any:
    return _exactly(e, o, size, 4.0 * sum(e, o, size, w), w)


@_row
def signed_sum(t: Any, o: Any, size: Any, w: Any) -> Any:
    negative = 0
    for k in range(size):
        negative |= 1 if t[o + k] < 0.0 else 0
    if negative:
        for k in range(size):
            w[k] = abs(t[o + k])
        grid = 4.0 * sum(w, 0, size, w)
        if np.isfinite(grid):
            return _exactly(t, o, size, grid, w)
    return sum(t, o, size, w)


exponential_sum_single = exponential_total_single = signed_sum_single = _wide_sum


@_row
def less_one_at(t: Any, index: Any, o: Any, size: Any, w: Any) -> None:
    """A number of the row less 1, in place."""
    t[o + index] -= np.float32(1.0)


@_row
def balance(t: Any, weights: Any, term: Any, o: Any, size: Any, w: Any) -> None:
    """`balanced_at`, in place."""
    top = _top(weights, o, size)
    reach, own = abs(term[top]), t[top]
    if not abs(own) < reach or not pairwise_sum(weights, o, size, w) < np.float32(2.0) * weights[top]:
        return
    t[top] = 0.0
    for k in range(size):
        w[size + k] = abs(t[o + k])
    t[top] = -pairwise_sum(t, o, size, w) if pairwise_sum(w, size, size, w) < reach else own
