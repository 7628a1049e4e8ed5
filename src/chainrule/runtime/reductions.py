"""What generated code computes along the last axis: exponentials of scores, logarithms of their sums, sums that keep their digits.
NumPy only; every function takes batches."""

import math
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .extended import Twice
from .special import upper_half

Array = npt.NDArray[np.float64]
LOW = 800.0
"""exp(-LOW) is 0 in float64, and far from the smallest number that is not."""
FAR = 2.0**63
"""Numbers beyond this are more than LOW apart, if they are not equal."""
HIGH = 150.0
"""Exponentials of numbers up to this one, as many as there may be, add up to a number, and so do products of four such sums; and no
probability that is normal comes from an exponential that is not, if the largest score is between 0 and this."""
SHORT = 16
"""Rows up to this long are worked through column by column."""
FINAL = 7
"""So many sums are added up at the end with care."""
CANCELLED = 0.5
"""A sum smaller than this, relative to its larger term, is computed again in more digits."""
VERY_NEAR = 2.0**-10
"""And one smaller than this in twice the digits."""


def exponentials(z: Array, times: Any = None, over: Any = None) -> Array:
    """exp u for u = z · times / over, divided by something that a row has in common; times and over are 1 unless given, and have one value
    for each row, an axis of length 1, or for all.

    However large u is, each is right to a few ulp. Where the largest of a row is of a size that lets them, they are exp u itself: nothing is
    rounded before. Else they are exp(u - max u), and the rounding errors of the difference, of the product and of the
    quotient, which an exponential would multiply by the size of u, are put back to first order. Infinite scores count as their limit."""
    if times is not None or over is not None:
        return _scaled(z, *(np.asarray(1.0 if each is None else each, dtype=np.float64) for each in (times, over)))
    largest = np.max(z, axis=-1, keepdims=True)
    plain = (largest >= 0.0) & (largest <= HIGH)
    if not np.all(plain):
        plain |= (largest >= -HIGH) & (largest < 0.0) & (np.min(z, axis=-1, keepdims=True) >= -HIGH)
    if np.all(plain):
        return np.asarray(np.exp(z))
    if not np.any(plain):
        return _from_largest(z, largest)
    found = np.asarray(np.exp(z))
    others = ~plain[..., 0]
    found[others] = _from_largest(z[others], largest[others])
    return found


def _from_largest(z: Array, largest: Array) -> Array:
    """exp(z - largest), the rounding of the difference put back."""
    if not np.all(np.abs(largest) < FAR):
        far = np.abs(largest) >= FAR
        z = np.where(far, np.where(z == largest, 0.0, -LOW), z)
        largest = np.where(far, 0.0, largest)
    z = np.maximum(z, largest - LOW)
    found = z - largest
    rest = _difference_error(z, largest, found)
    np.exp(found, out=found)
    rest *= found
    found += rest
    return np.asarray(found)


def _difference_error(a: Array, b: Array, difference: Array) -> Array:
    """a - b - difference exactly, by Knuth's two-sum."""
    back = difference - a
    rest = difference - back
    np.subtract(a, rest, out=rest)
    back += b
    rest -= back
    return np.asarray(rest)


def _scaled(z: Array, times: Any, over: Any) -> Array:
    """exp u / max exp u for u = z · times / over."""
    z = z * (np.sign(times) * np.sign(over))
    times, over = np.abs(times), np.abs(over)
    largest = np.max(z, axis=-1, keepdims=True)
    if not np.all(np.isfinite(largest)):
        z = np.where(np.isinf(largest), np.where(z == largest, 0.0, -np.inf), z)
        largest = np.where(np.isinf(largest), 0.0, largest)
    found = z - largest
    product = found * times
    quotient = np.maximum(product / over, -LOW)
    rest = _difference_error(z, largest, found) * times + _product_error(found, times, product)
    back = quotient * over
    rest = ((product - back) - _product_error(quotient, over, back) + rest) / over
    result = np.exp(quotient)
    result += result * np.clip(np.where(quotient > -LOW, rest, 0.0), -1.0, 1.0)
    return np.asarray(result)


def _product_error(a: Any, b: Any, product: Any) -> Any:
    """a b - product exactly, by Dekker's splitting."""
    a_high, b_high = upper_half(a), upper_half(b)
    a_low, b_low = a - a_high, b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def exponential_sum(e: Array) -> Array:
    """Σ e for exponentials of `exponentials`, hardly more than rounded once: in short rows the last few sums are added up with what they lose, in
    long rows the largest is added at the end."""
    if e.shape[-1] > SHORT:
        largest, others = _apart(e)
        return largest + others
    terms = _halved(e, FINAL)
    if (size := terms.shape[-1]) <= 2:
        return pairwise_sum(terms)
    found, rest = terms[..., 0], 0.0 * terms[..., 0]
    for k in range(1, size):
        term = terms[..., k]
        before, found = found, found + term
        back = found - before
        rest = rest + ((before - (found - back)) + (term - back))  # Knuth's two-sum
    return np.asarray(found + rest)


def log_sum(e: Array) -> Array:
    """log(Σ e / max e); the largest is left out of the sum, so that log1p keeps the digits of the others."""
    largest, others = _apart(e)
    return np.asarray(np.log1p(others / largest))


def _apart(e: Array) -> tuple[Array, Array]:
    """The largest of each row and the sum of the others."""
    if e.shape[-1] <= SHORT:
        largest, others = np.array(e[..., 0]), e[..., 0] * 0.0
        for k in range(1, e.shape[-1]):
            others = others + np.minimum(largest, e[..., k])
            largest = np.maximum(largest, e[..., k])
        return largest, np.asarray(others)
    rows = e.reshape(-1, e.shape[-1])
    every, top = np.arange(len(rows)), np.argmax(rows, axis=-1)
    largest = rows[every, top]
    rows[every, top] = 0.0
    others = pairwise_sum(rows)
    rows[every, top] = largest  # as it was
    return largest.reshape(e.shape[:-1]), others.reshape(e.shape[:-1])


def log_sum_exp(z: Array, e: Array | None = None) -> Array:
    """log Σ exp z, in more digits where the largest z and the logarithm of the rest cancel. e: the exponentials of z, if they are known."""
    largest = np.max(z, axis=-1)
    found = np.asarray(largest + log_sum(exponentials(z) if e is None else e))
    near = np.abs(found) < CANCELLED * np.abs(largest)
    if np.any(near):
        found = np.array(found)
        found[near] = _finer_log_sum_exp(z[near])
        near &= np.abs(found) < VERY_NEAR * np.abs(largest)
        if np.any(near):
            found[near] = _twice_log_sum_exp(z[near])
    return found


def _finer_log_sum_exp(z: Array) -> Array:
    """With exponentials of 66 bits; the sum of their upper parts is exact, and the logarithm corrected by one step of Newton's method."""
    largest = np.max(z, axis=-1, keepdims=True)
    z = np.maximum(z, largest - LOW)
    high = z - largest
    high, low = _exp(high, _difference_error(z, largest, high))
    upper = (high + (grid := 2.0 ** math.ceil(math.log2(z.shape[-1] + 2)))) - grid
    total = np.sum(upper, axis=-1)
    rest = np.sum(high - upper, axis=-1) + np.sum(low, axis=-1)
    start = np.log(total + rest)
    inverse, inverse_low = _exp(-start, 0.0 * start)
    product = total * inverse
    off = (product - 1.0) + (_product_error(total, inverse, product) + (total * inverse_low + rest * inverse))
    top = largest[..., 0]
    sum_ = top + start
    return np.asarray(sum_ + (off - _difference_error(sum_, top, start)))


def _exp(u: Array, low: Array) -> tuple[Array, Array]:
    """exp(u + low) to 66 bits for |u| up to LOW, as a number and what is left of it: exp(j/64) from a table times 1 + t + t²/2 + …"""
    table, table_low = _powers()
    j = np.rint(u * (64.0 / math.log(2)))
    t = (u - j * STEP[0]) - j * STEP[1]
    t_low = ((u - j * STEP[0]) - t) - j * STEP[1] + (low - j * STEP[2])
    tail = t * t * (0.5 + t * (1 / 6 + t * (1 / 24 + t * (1 / 120 + t / 720)))) + t * t_low
    whole = np.floor(j / 64.0)
    place = (j - 64.0 * whole).astype(np.intp)
    a, a_low = table[place], table_low[place]
    growth = t + (tail + t_low)
    growth_low = (t - growth) + (tail + t_low)
    product = a * growth
    error = _product_error(a, growth, product) + (a * growth_low + a_low * (1.0 + growth))
    high = a + product
    left = ((a - high) + product) + error
    scale = whole.astype(np.int64)
    return np.ldexp(high, scale), np.ldexp(left, scale)


STEP = tuple(map(float.fromhex, ("0x1.62e42fef80000p-7", "0x1.1cf79abc80000p-42", "0x1.e3b39803f2f6bp-78")))
"""log 2/64, in parts whose products with whole numbers up to 2¹⁷ are exact but for the last."""


@lru_cache(maxsize=1)
def _powers() -> tuple[Array, Array]:
    """2^(j/64) for j = 0, …, 63 to 106 bits."""
    with localcontext() as context:
        context.prec = 50
        exact = [Decimal(2) ** (Decimal(j) / 64) for j in range(64)]
        high = [float(x) for x in exact]
        low = [float(x - Decimal(h)) for x, h in zip(exact, high, strict=True)]
    return np.array(high), np.array(low)


def _twice_log_sum_exp(z: Array) -> Array:
    largest = np.max(z, axis=-1)
    terms = (Twice(np.maximum(z, largest[..., None] - LOW)) - Twice(largest[..., None])).exp()
    high, low = terms.high, terms.low
    while high.shape[-1] > 1:
        odd = high.shape[-1] % 2
        pair = Twice(high[..., odd::2], low[..., odd::2]) + Twice(high[..., odd + 1 :: 2], low[..., odd + 1 :: 2])
        high = np.concatenate([high[..., :odd], pair.high], axis=-1)
        low = np.concatenate([low[..., :odd], pair.low], axis=-1)
    total = Twice(high[..., 0], low[..., 0]).ln() + Twice(largest)
    return np.asarray(total.high + total.low)


def shifted(z: Array) -> Array:
    """z less its largest component, so that no exponential of it overflows; infinite largest components become 0."""
    largest = np.max(z, axis=-1, keepdims=True)
    found = np.subtract(z, largest)
    if not np.all(np.isfinite(largest)):
        found = np.where(z == largest, 0.0, found)
    return np.asarray(found)


def dot(a: Array, b: Array) -> Array:
    """Σ a b, summed in pairs, so that the error hardly grows with the number of components."""
    return pairwise_sum(a * b)


def pairwise_sum(terms: Array) -> Array:
    """Their sum along the last axis, halves or quarters of a row added to each other, so that the error hardly grows with their number, and
    equal terms have hardly any. Rows get the same bits wherever they stand in memory."""
    if terms.shape[-1] <= SHORT:
        return np.asarray(_halved(terms, 1)[..., 0])
    while (size := terms.shape[-1]) > SHORT:
        part = size // 4
        quarters = terms[..., : 4 * part].reshape(*terms.shape[:-1], 4, part)
        sums = np.add.reduce(quarters, axis=-2)
        sums[..., : size - 4 * part] += terms[..., 4 * part :]
        terms = sums
    return np.asarray(np.sum(np.ascontiguousarray(terms), axis=-1))


def _halved(terms: Array, few: int) -> Array:
    """As few sums of the terms of each row or fewer."""
    while (size := terms.shape[-1]) > few:
        half = size // 2
        halves = terms[..., :half] + terms[..., half : 2 * half]
        if size % 2:
            halves[..., 0] += terms[..., -1]
        terms = halves
    return terms


def weighted(weight: Array, value: Array) -> Array:
    """weight times value, and 0 where the weight is 0, however large the value; NaN stays NaN."""
    found = np.asarray(weight * value)
    if not np.all(np.isfinite(found)):
        found = np.where(np.equal(weight, 0) & ~np.isnan(value), 0.0, found)
    return found


def balanced(matrix: Array) -> Array:
    """The matrix with each diagonal entry replaced by minus the sum of the others in its row."""
    size = matrix.shape[-1]
    off = np.where(np.eye(size, dtype=bool), 0.0, matrix)
    return np.asarray(off - np.eye(size) * total(off)[..., None])


def total(terms: Array) -> Array:
    """Their sum as if rounded once, however it cancels: what they have on a grid adds up exactly, and what is left is tiny (Rump, Ogita and Oishi, 2008)."""
    many = math.ceil(math.log2(terms.shape[-1] + 2))
    largest = np.max(np.abs(terms), axis=-1, keepdims=True)
    far = ~(largest < FAR)
    grid = np.ldexp(1.0, np.frexp(np.where(far, 1.0, largest))[1] + many)
    upper = terms + grid
    upper -= grid
    exact = np.sum(upper, axis=-1)
    np.subtract(terms, upper, out=upper)
    found = np.asarray(exact + np.sum(upper, axis=-1))
    return np.where(far[..., 0], np.sum(terms, axis=-1), found) if np.any(far) else found


def balanced_at(vector: Array, weights: Array, term: Array) -> Array:
    """A vector that sums to 0, with its component at the largest weight replaced by minus the sum of the others where these are small.

    term: one of the two whose difference the vector is. A component whose term exceeds all the others taken together has lost digits
    to cancellation, which the others have kept."""
    shape = np.broadcast_shapes(vector.shape, weights.shape, term.shape)
    result = np.array(np.broadcast_to(vector, shape), order="K")
    rows, weights, term = (_rows(each, shape) for each in (result, weights, term))
    every, top = np.arange(len(rows)), np.argmax(weights, axis=-1)
    reach = np.abs(term[every, top])
    (near,) = np.nonzero(np.abs(rows[every, top]) < reach)
    if len(near):
        others, top = rows[near], top[near]
        others[every[: len(near)], top] = 0.0
        chosen = pairwise_sum(np.abs(others)) < reach[near]
        rows[near[chosen], top[chosen]] = -pairwise_sum(others[chosen])
    return rows.reshape(shape)


def centred(g: Array, weights: Array) -> Array:
    """g less its component at the largest weight: for a product that does not change when one number is added to all of g."""
    shape = np.broadcast_shapes(g.shape, weights.shape)
    rows = _rows(g, shape)
    top = rows[np.arange(len(rows)), np.argmax(_rows(weights, shape), axis=-1)]
    return np.asarray(g - top.reshape(shape[:-1])[..., None])


def _rows(array: Array, shape: tuple[int, ...]) -> Array:
    """An array of some shape with one batch axis."""
    array = np.broadcast_to(array, shape) if array.shape != shape else array
    return array if array.ndim == 2 else array.reshape(-1, shape[-1])
