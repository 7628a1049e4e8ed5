"""What generated code computes along the last axis: exponentials of scores, logarithms of their sums, sums that keep their digits.
NumPy only; every function takes batches."""

import math
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
CANCELLED = 0.5
"""A sum smaller than this, relative to its larger term, is computed again in twice the digits."""


def exponentials(z: Array, times: Any = None, over: Any = None) -> Array:
    """exp u / max exp u for u = z · times / over; both are 1 unless given, and have one value for each row, an axis of length 1, or for all.

    Each is right to about 2 ulp however large u is: the rounding errors of the difference from the largest, of the product and of the
    quotient, which an exponential would multiply by the size of u, are put back to first order. Infinite scores count as their limit."""
    scaled = times is not None or over is not None
    if scaled:
        times, over = (np.asarray(1.0 if each is None else each, dtype=np.float64) for each in (times, over))
        z = z * (np.sign(times) * np.sign(over))
    largest = np.max(z, axis=-1, keepdims=True)
    if not np.all(np.abs(largest) < FAR):
        far = np.abs(largest) >= FAR
        z = np.where(far, np.where(z == largest, 0.0, (z - largest) if scaled else -LOW), z)
        largest = np.where(far, 0.0, largest)
    z = np.maximum(z, np.finfo(np.float64).min if scaled else largest - LOW)
    found = z - largest
    back = found - z
    rest = found - back  # the error of the difference by Knuth's two-sum: (z - (found - back)) - (largest + back)
    np.subtract(z, rest, out=rest)
    back += largest
    rest -= back
    if scaled:
        found, rest = _scaled(found, rest, np.abs(times), np.abs(over))
    np.exp(found, out=found)
    rest *= found
    found += rest
    return np.asarray(found)


def _scaled(found: Array, rest: Array, times: Any, over: Any) -> tuple[Array, Array]:
    """(found + rest) times and over positive numbers, with what is left of it."""
    product = found * times
    rest = rest * times + _product_error(found, times, product)
    quotient = np.maximum(product / over, -LOW)
    rest = ((product - quotient * over) - _product_error(quotient, over, quotient * over) + rest) / over
    return quotient, np.clip(np.where(quotient > -LOW, rest, 0.0), -1.0, 1.0)


def _product_error(a: Any, b: Any, product: Any) -> Any:
    """a b - product exactly, by Dekker's splitting."""
    a_high, b_high = upper_half(a), upper_half(b)
    a_low, b_low = a - a_high, b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def log_sum(e: Array) -> Array:
    """log Σ e for exponentials whose largest is 1; that one is left out of the sum, so that log1p keeps the digits of the others."""
    ones = e == 1.0
    others = e - ones
    return np.asarray(np.log1p(np.sum(others, axis=-1) + (np.sum(ones, axis=-1, dtype=np.float64) - 1.0)))


def log_sum_exp(z: Array) -> Array:
    """log Σ exp z, in twice the digits where the largest z and the logarithm of the rest cancel."""
    largest = np.max(z, axis=-1)
    found = np.asarray(largest + log_sum(exponentials(z)))
    near = np.abs(found) < CANCELLED * np.abs(largest)
    if np.any(near):
        found = np.array(found)
        found[near] = _twice_log_sum_exp(z[near])
    return found


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
    found = z - largest
    if not np.all(np.isfinite(largest)):
        found = np.where(z == largest, 0.0, found)
    return np.asarray(found)


def dot(a: Array, b: Array) -> Array:
    """Σ a b, summed in pairs, so that the error hardly grows with the number of components."""
    return np.asarray(np.sum(a * b, axis=-1))


def weighted(weight: Array, value: Array) -> Array:
    """weight times value, and 0 where the weight is 0, however large the value."""
    found = np.asarray(weight * value)
    if not np.all(np.isfinite(found)):
        found = np.where(np.equal(weight, 0), 0.0, found)
    return found


def balanced(matrix: Array) -> Array:
    """The matrix with each diagonal entry replaced by minus the sum of the others in its row."""
    size = matrix.shape[-1]
    off = np.where(np.eye(size, dtype=bool), 0.0, matrix)
    return np.asarray(off - np.eye(size) * _total(off)[..., None])


def _total(terms: Array) -> Array:
    """Their sum as if rounded once: what the terms have on a grid adds up exactly, and what is left of them is tiny (Rump, Ogita and Oishi, 2008)."""
    largest = np.max(np.abs(terms), axis=-1, keepdims=True)
    if not np.all(largest < FAR):
        return np.asarray(np.sum(terms, axis=-1))
    exponent = np.frexp(largest)[1] + math.ceil(math.log2(terms.shape[-1] + 2))
    grid = np.ldexp(1.0, exponent)
    upper = (terms + grid) - grid
    return np.asarray(np.sum(upper, axis=-1) + np.sum(terms - upper, axis=-1))


def balanced_at(vector: Array, weights: Array, term: Array) -> Array:
    """A vector that sums to 0, with its component at the largest weight replaced by minus the sum of the others where these are small.

    term: one of the two whose difference the vector is. A component whose terms exceed all the others taken together has lost digits
    to cancellation, which the others have kept."""
    top = weights == np.max(weights, axis=-1, keepdims=True)
    others = vector * ~top
    size = np.sum(np.abs(others), axis=-1, keepdims=True)
    alone = np.sum(top, axis=-1, keepdims=True) == 1
    chosen = top & (size < np.abs(term)) & alone
    if not np.any(chosen):
        return vector
    rest = np.sum(others, axis=-1, keepdims=True)
    return np.asarray(np.where(chosen, -rest, vector))


def centred(g: Array, weights: Array) -> Array:
    """g less its component at the largest weight, the mean of them at several: for a product that does not change when one number is added
    to all of g."""
    top = weights == np.max(weights, axis=-1, keepdims=True)
    count = np.sum(top, axis=-1, keepdims=True, dtype=np.float64)
    return np.asarray(g - np.sum(g * top, axis=-1, keepdims=True) / count)
