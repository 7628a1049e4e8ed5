"""What generated code computes along the last axis: exponentials of scores, logarithms of their sums, sums that keep their digits.
NumPy only; every function takes batches."""

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np

from .arrays import Array
from .digits import Digits, twice_sum
from .extended import Twice
from .special import upper_half

LOW = 800.0
"""exp(-LOW) is 0 in float64, and far from the smallest number that is not."""
FAR = 2.0**63
"""Numbers beyond this are more than LOW apart, if they are not equal."""
HIGH = 150.0
"""Exponentials of numbers up to this one, as many as there may be, add up to a number, and so do products of four such sums; and no
probability that is normal comes from an exponential that is not, if the largest score is between 0 and this."""
HIGH_SINGLE = 40.0
"""The same in float32, of scores between -HIGH_SINGLE and HIGH_SINGLE."""
LAST = 5
"""So many sums of pairs are added up one after the other."""
TINY = 160
"""Numbers up to which Python adds them up faster, row by row."""
FEW = 1024
"""Numbers up to which one sum of squares may tell that they are all small."""
SHORT = 16
"""Rows up to this long are worked through column by column, where there are many."""
CANCELLED = 0.5
"""A sum smaller than this, relative to its larger term, is computed again in more digits."""
CANCELLED_SINGLE = 2.0**-16
"""The same for a sum in float64 of numbers in float32."""
NEAR = 0.5
"""Softmaxes are near each other where their exponents differ by less, but for a number that all have in common."""
TERMS = 14
"""Of the series of exp that count for such a number."""
VERY_NEAR = 2.0**-10
"""And one smaller than this in twice the digits."""


def exponentials(z: Array, times: Any = None, over: Any = None) -> Array:
    """exp u for u = z · times / over, divided by something that a row has in common; times and over are 1 unless given, and have one value
    for each row, an axis of length 1, or for all.

    However large u is, each is right to a few ulp. Where the largest of a row is of a size that lets them, they are exp u itself: nothing is
    rounded before. Else they are exp(u - max u), and the rounding errors of the difference, of the product and of the
    quotient, which an exponential would multiply by the size of u, are put back to first order. Infinite scores count as their limit.
    Scores in float32 that are not all small have exponentials in float64."""
    if isinstance(z, Digits):
        return z.exponentials(times, over)
    if times is not None or over is not None:
        return _scaled(
            z.astype(np.float64, copy=False),
            *(np.asarray(1.0 if each is None else each, dtype=np.float64) for each in (times, over)),
        )
    if _all_small(z):
        return np.asarray(np.exp(z))
    z = z.astype(np.float64, copy=False)
    largest = np.max(z, axis=-1, keepdims=True)
    plain = (largest >= 0.0) & (largest <= HIGH)
    plain |= (largest >= -HIGH) & (largest < 0.0) & (np.min(z, axis=-1, keepdims=True) >= -HIGH)
    if not np.any(plain):
        return _from_largest(z, largest)
    found = np.asarray(np.exp(z))
    others = ~plain[..., 0]
    found[others] = _from_largest(z[others], largest[others])
    return found


def _all_small(z: Array) -> bool:
    """Whether no score needs to be shifted, whatever row it is in."""
    high = HIGH if z.dtype == np.float64 else HIGH_SINGLE
    if z.size <= FEW:
        flat = z.reshape(-1)
        if flat.dot(flat) <= high * high:
            return True
    return bool(np.maximum.reduce(z, axis=None) <= high and np.minimum.reduce(z, axis=None) >= -high)


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
    """Σ e for exponentials of `exponentials`, to an ulp or two, however one of them exceeds the others: in short rows they are added in pairs,
    in long rows the largest is added at the end, in float32 all in float64."""
    if isinstance(e, Digits):
        return e.sum()
    if e.dtype == np.float32:
        return _wide_sum(e)
    if e.shape[-1] > SHORT:
        largest, others = _apart(e)
        return largest + others
    return pairwise_sum(e)


def _few(terms: Array) -> Array | None:
    """Sums of few terms, rounded once; None where one is not finite."""
    try:
        found = [math.fsum(row) for row in terms.reshape(-1, terms.shape[-1]).tolist()]
    except (OverflowError, ValueError):
        return None
    return np.array(found, terms.dtype).reshape(terms.shape[:-1])


def log_sum(e: Array) -> Array:
    """log(Σ e / max e); the largest is left out of the sum, so that log1p keeps the digits of the others."""
    largest, others = _apart(e)
    others /= largest
    return np.asarray(np.log1p(others))


def _apart(e: Array) -> tuple[Array, Array]:
    """The largest of each row and the sum of the others."""
    if 1 < e.shape[-1] <= SHORT:  # what is added is the smaller of each component and the largest before it
        largest = _running_largest(e)
        return largest[..., -1], pairwise_sum(np.minimum(largest[..., :-1], e[..., 1:]))
    e = _whole(e)
    place, flat = _places(e), _flat(e)
    largest = flat[place]
    flat[place] = 0.0
    others = _sum(e)
    flat[place] = largest  # as it was
    return largest.reshape(others.shape), others


def _running_largest(e: Array) -> Array:
    """The largest of the components so far, along the last axis."""
    if e.flags.c_contiguous or e.ndim != 2:
        return np.asarray(np.maximum.accumulate(e, axis=-1))
    found = np.empty_like(e)
    columns, so_far = e.T, found.T  # which NumPy goes through row by row, if it is asked for all at once
    so_far[0] = columns[0]
    for k in range(1, len(columns)):
        np.maximum(so_far[k - 1], columns[k], out=so_far[k])
    return found


def _whole(array: Array) -> Array:
    """An array whose rows, or whose columns, lie side by side in memory."""
    return array if array.flags.c_contiguous or (array.flags.f_contiguous and array.ndim == 2) else array.copy()


def _flat(array: Array) -> Array:
    """The same numbers with one axis, in the order of memory."""
    return array.reshape(-1) if array.flags.c_contiguous else array.T.reshape(-1)


def _places(weights: Array) -> Any:
    """Where in memory the largest of each row lies, of several the first."""
    size = weights.shape[-1]
    if weights.flags.c_contiguous:
        top = weights.argmax(axis=-1).reshape(-1)
        return top + np.arange(0, weights.size, size)
    columns = weights.T
    count = np.arange(size, 0, -1, dtype=np.min_scalar_type(size))[:, None]
    left = np.maximum.reduce((columns == np.maximum.reduce(columns, axis=0)).view(np.uint8) * count, axis=0)
    top = np.arange(size, -1, -1)
    top[0] = size - 1  # with NaN no component is the largest
    return (top * len(weights))[left] + np.arange(len(weights))


def log_sum_exp(z: Array, e: Array | None = None) -> Array:
    """log Σ exp z, in more digits where the largest z and the logarithm of the rest cancel. e: the exponentials of z, if they are known."""
    return refined_log_sum_exp(z, np.maximum.reduce(z, axis=-1), log_sum(exponentials(z) if e is None else e))


def refined_log_sum_exp(z: Array, largest: Array, rest: Array) -> Array:
    """The sum of the largest z and the logarithm of the rest, computed again in more digits where they cancel."""
    found = np.asarray(largest + rest)
    if z.dtype == np.float32:
        _again(lambda rows: _log_sum_exp(rows.astype(np.float64), CANCELLED_SINGLE), largest < 0.0, z, found)
        return found
    return _repaired(found, largest, z, CANCELLED)


def _log_sum_exp(z: Array, cancelled: float) -> Array:
    largest = np.maximum.reduce(z, axis=-1)
    return _repaired(np.asarray(largest + log_sum(exponentials(z))), largest, z, cancelled)


def _repaired(found: Array, largest: Array, z: Array, cancelled: float) -> Array:
    """The sums of the largest and the logarithm of the rest, those computed again that are small beside their terms."""
    size = np.abs(largest)
    if _again(_finer_log_sum_exp, np.abs(found) < cancelled * size, z, found):
        _again(_twice_log_sum_exp, np.abs(found) < min(cancelled, VERY_NEAR) * size, z, found)
    return found


def _again(compute: Callable[[Array], Array], where: Any, z: Array, found: Array) -> bool:
    """Compute some of the results again, from rows of z; returns whether there were any."""
    if not where.any():
        return False
    found[where] = compute(z[where])
    return True


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
    terms = Twice(np.maximum(z, largest[..., None] - LOW)).plus(-Twice(largest[..., None])).exp()
    found = twice_sum(terms).ln().plus(Twice(largest))
    return np.asarray(found.high + found.low)


def deviations(x: Array) -> Array:
    """x less its mean, to an ulp or two where that is large, however near the components are to each other."""
    mean = pairwise_sum(x)[..., None] / x.shape[-1]
    found = x - mean
    rest = _difference_error(x, mean, found)
    off = total(np.concatenate([found, rest], axis=-1))[..., None] / x.shape[-1]
    if not np.isfinite(off).all():
        return np.asarray(np.where(np.isfinite(off), (found - off) + rest, found))
    return np.asarray((found - off) + rest)


def less_mean(x: Array, weights: Array) -> Array:
    """x less its mean with weights that sum to 1; where one of them is nearly 1, what it stands at is taken away before."""
    x = centred(x, weights)
    return np.asarray(x - _sum(x * weights)[..., None])


def shifted(z: Array) -> Array:
    """z less its largest component, so that no exponential of it overflows; infinite largest components become 0."""
    largest = np.maximum.reduce(z, axis=-1, keepdims=True)
    found = np.subtract(z, largest)
    if not math.isfinite(np.add.reduce(largest, axis=None)) and not np.all(np.isfinite(largest)):
        found = np.where(z == largest, 0.0, found)
    return np.asarray(found)


def complement(p: Array) -> Array:
    """1 - p for probabilities along the last axis, which sum to 1: for the largest of them, where a difference would lose digits, the sum of the others."""
    largest, others = _apart(p)
    return np.asarray(np.where(p == largest[..., None], others[..., None], 1.0 - p))


def log_odds(z: Array) -> Array:
    """log(p/(1 - p)) for p the softmax of scores along the last axis: what a score exceeds the logarithm of the sum of the other exponentials by."""
    z = shifted(z)
    e = np.exp(z)
    is_largest = _is_largest(z)
    others = np.maximum(_apart(e)[1][..., None] - e, 0.0)
    return np.asarray(np.where(is_largest, -_of_others(z, is_largest), z - np.log1p(others)))


def log_rest(z: Array) -> Array:
    """log(1 - p) for p the softmax of scores along the last axis, also where 1 - p is smaller than any float."""
    e = exponentials(z)
    p = e / exponential_sum(e)[..., None]
    z = shifted(z)
    is_largest = _is_largest(z)
    odds = -_of_others(z, is_largest)
    leads = is_largest & (odds > 0.0)
    return np.asarray(np.where(leads, -(odds + np.log1p(np.exp(-np.abs(odds)))), np.log1p(-np.where(leads, 0.0, p))))


def _is_largest(z: Array) -> Any:
    """The largest of each row, of several the first."""
    return np.asarray(np.arange(z.shape[-1]) == z.argmax(axis=-1)[..., None])


def _of_others(z: Array, but: Any) -> Array:
    """log Σ exp z, for each row without one of its components."""
    return log_sum_exp(np.where(but, -np.inf, z))[..., None]


def without(z: Array, index: Any) -> Array:
    """The softmax of scores along the last axis without the one at the class index, where it is 0."""
    left_out = np.arange(z.shape[-1]) == np.asarray(index)[..., None]
    e = np.where(left_out, 0.0, exponentials(np.where(left_out, -np.inf, z)))
    whole = exponential_sum(e)[..., None]
    return np.asarray(e / np.where(whole == 0.0, 1.0, whole))


def less_target(p: Array, y: Array) -> Array:
    """p - y for probabilities along the last axis, which sum to 1: as 1 - y less 1 - p where y is nearer to 1, as it is of the right class."""
    return np.asarray(np.where(y > 0.5, (1.0 - y) - complement(p), p - y))


def less_probability(p: Array, s: Array, apart: Array) -> Array:
    """p - s for softmaxes along the last axis. apart: the exponents of p less those of s, in which they are still known to be different where p and s hardly
    are."""
    found = np.asarray(p - s)
    near, p, u = _near(p, apart)
    if near.any():
        ratio = u - np.log1p(pairwise_sum(p * np.expm1(u)))[..., None]  # log(s/p)
        found[near] = -p * np.expm1(ratio)
    return found


def divergence(p: Array, logarithms: Array, apart: Array) -> Array:
    """Σ p log(p/s) along the last axis for softmaxes p and s, whose terms cancel where these are near each other: there it is log Σ p e^u for u, what the
    exponents of s exceed those of p by, less its mean. logarithms: of p/s; apart: the exponents of p less those of s."""
    found = np.asarray(pairwise_sum(counted(p, logarithms)))
    near, p, u = _near(p, apart)
    if near.any():
        found[near] = np.log1p(pairwise_sum(p * _exp_less_line(u)))
    return found


def _near(p: Array, apart: Array) -> tuple[Any, Array, Array]:
    """The rows in which two softmaxes are near each other; of these p, and -apart less its mean with the weights p."""
    p = np.broadcast_to(p, apart.shape)
    u = -np.where((p == 0) & np.isnan(apart), 0.0, apart)
    with np.errstate(invalid="ignore"):
        u = u - pairwise_sum(p * u)[..., None]
    near = np.asarray((np.abs(u) < NEAR).all(axis=-1))
    p, u = p[near], u[near]
    return near, p, u - pairwise_sum(p * u)[..., None]


def _exp_less_line(u: Array) -> Array:
    """e^u - 1 - u for |u| up to `NEAR` and a little more, by its series."""
    series = np.full_like(u, 1.0 / math.factorial(TERMS + 1))
    for k in range(TERMS, 1, -1):
        series = series * u + 1.0 / math.factorial(k)
    return np.asarray(u * u * series)


def less_one_hot(array: Array, index: Any) -> Array:
    """An array less 1 at the class index, along the last axis."""
    index = np.asarray(index)
    if array.shape[:-1] != index.shape:
        array = np.broadcast_to(array, (*np.broadcast_shapes(array.shape[:-1], index.shape), array.shape[-1]))
        index = np.broadcast_to(index, array.shape[:-1])
    result = _whole(array).copy(order="K")
    _flat(result)[_place(result, np.arange(index.size), index.reshape(-1))] -= 1.0
    return result


def dot(a: Array, b: Array) -> Array:
    """Σ a b, summed in pairs, so that the error hardly grows with the number of components."""
    return pairwise_sum(a * b)


def pairwise_sum(terms: Array) -> Array:
    """Their sum along the last axis, in pairs of pairs, so that the error hardly grows with their number. Rows get the same bits wherever they
    stand in memory, and however many they are."""
    if isinstance(terms, Digits):
        return terms.sum()
    if terms.shape[-1] > SHORT:
        terms = np.ascontiguousarray(terms)
    while (size := terms.shape[-1]) > LAST:
        half = size // 2
        halves = terms[..., :half] + terms[..., half : 2 * half]
        if size % 2:
            halves[..., 0] += terms[..., -1]
        terms = halves
    if terms.flags.c_contiguous:
        return np.asarray(np.add.accumulate(terms, axis=-1)[..., -1])
    return np.asarray(np.add.reduce(terms, axis=-1))  # column by column, so in the same order


def _sum(terms: Array) -> Array:
    """Their sum along the last axis, in long rows as NumPy adds neighbours: for sums of which a few ulp do not count."""
    if terms.shape[-1] <= SHORT:
        return pairwise_sum(terms)
    return np.asarray(np.add.reduce(np.ascontiguousarray(terms), axis=-1))


def _wide_sum(terms: Array) -> Array:
    """Their sum along the last axis in float64, rounded to float32."""
    return np.asarray(np.add.reduce(terms, axis=-1, dtype=np.float64).astype(np.float32))


def weighted(weight: Array, value: Array) -> Array:
    """weight times value, and 0 where the weight is 0, however large the value; NaN stays NaN."""
    found = np.asarray(weight * value)
    if not np.all(np.isfinite(found)):
        found = np.where(np.equal(weight, 0) & ~np.isnan(value), 0.0, found)
    return found


def counted(weight: Array, value: Array) -> Array:
    """weight times value, and 0 where the weight is 0, whatever the value."""
    return np.asarray(np.where(np.equal(weight, 0), 0.0, weight * value))


def balanced(matrix: Array) -> Array:
    """The matrix with each diagonal entry replaced by minus the sum of the others in its row."""
    size = matrix.shape[-1]
    off = np.where(np.eye(size, dtype=bool), 0.0, matrix)
    return np.asarray(off - np.eye(size) * total(off)[..., None])


def total(terms: Array) -> Array:
    """Their sum as if rounded once, however it cancels: what they have on a grid adds up exactly, and what is left is tiny (Rump, Ogita and Oishi, 2008)."""
    if terms.dtype == np.float32:
        return _wide_sum(terms)
    if terms.size <= TINY and (found := _few(terms)) is not None:
        return found
    return _exactly(terms, 4.0 * _sum(np.abs(terms)))


def signed_sum(terms: Array) -> Array:
    """Their sum: to an ulp or two in rows of which no component is negative, else as if rounded once."""
    if terms.dtype == np.float32:
        return total(terms)
    cancels = np.minimum.reduce(terms, axis=-1) < 0.0
    if not np.any(cancels):
        return _sum(terms)
    return np.asarray(total(terms) if np.all(cancels) else np.where(cancels, total(terms), _sum(terms)))


def exponential_total(e: Array) -> Array:
    """Σ e for exponentials of `exponentials`, as if rounded once."""
    if e.dtype == np.float32:
        return exponential_sum(e)
    if e.size <= TINY and (found := _few(e)) is not None:
        return found
    return _exactly(e, 4.0 * _sum(e))


def _exactly(terms: Array, size: Array) -> Array:
    """Their sum; size: 4 times that of their magnitudes, or more."""
    grid = size[..., None]
    upper = terms + grid
    upper -= grid
    exact = _sum(upper)
    np.subtract(terms, upper, out=upper)
    exact += _sum(upper)
    if not (finite := np.isfinite(size)).all():
        exact = np.where(finite, exact, _sum(terms))
    return exact


def balanced_at(vector: Array, weights: Array, term: Array) -> Array:
    """A vector that sums to 0, with its component at the largest weight replaced by minus the sum of the others where these are small.

    term: one of the two whose difference the vector is. A component whose term exceeds all the others taken together has lost digits
    to cancellation, which the others have kept."""
    result, weights, term = _alike(vector, weights, term)
    if result is weights or result is term:
        result = result.copy(order="K")
    place, flat = _places(weights), _flat(result)
    reach = np.abs(_flat(term)[place])
    near = np.flatnonzero(np.abs(flat[place]) < reach)
    if not len(near):
        return result
    size = result.shape[-1]
    others, weights, place, reach = _rows_of(result, near), _rows_of(weights, near), place[near], reach[near]
    top = place - size * near if result.flags.c_contiguous else place // len(result)
    every = np.arange(len(near))
    others[every, top] = 0.0
    leads = pairwise_sum(weights) < 2.0 * weights[every, top]  # else what the weights are off by adds up in the others
    chosen = leads & (pairwise_sum(np.abs(others)) < reach)
    flat[place[chosen]] = -pairwise_sum(others)[chosen]
    return result


def _place(array: Array, row: Any, column: Any) -> Any:
    """Where in memory a component lies."""
    return row * array.shape[-1] + column if array.flags.c_contiguous else column * len(array) + row


def _rows_of(array: Array, rows: Any) -> Array:
    """Some of the rows, which lie in memory as all do."""
    if not array.flags.c_contiguous and array.ndim == 2:
        return np.asarray(array.T.take(rows, axis=1).T)
    found = array.reshape(-1, array.shape[-1])[rows] if array.ndim != 2 else array[rows]
    return np.ascontiguousarray(found)


def centred(g: Array, weights: Array) -> Array:
    """g less its component at the largest weight: for a product that does not change when one number is added to all of g."""
    (g, weights) = _alike(g, weights)
    top = _flat(g)[_places(weights)]
    return np.asarray(g - top.reshape(g.shape[:-1])[..., None])


def _alike(first: Array, *others: Array) -> tuple[Array, ...]:
    """Arrays of one shape that lie in memory alike."""
    every = (first, *others)
    if any(each.shape != first.shape for each in others):
        shape = np.broadcast_shapes(*(each.shape for each in every))
        every = tuple(np.array(np.broadcast_to(each, shape), order="C") for each in every)
    elif not all(each.flags.c_contiguous for each in every) and not (
        first.ndim == 2 and all(each.flags.f_contiguous for each in every)
    ):
        every = tuple(map(np.ascontiguousarray, every))
    return every
