"""Rows in which a difference has cancelled, computed again in more digits: by the same formula, of which the arrays are replaced by numbers that have them."""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np

from .arrays import Array, Truths
from .extended import DIGITS, context
from .pairs import LEFT as LEFT_OF_PAIRS
from .pairs import Pair
from .twice import LEFT as LEFT_OF_TWICE
from .twice import Twice, fast_two_sum

NEAR = 0.75
"""A row is computed again if its largest component is smaller than this, against the largest term."""
LEFT_OF_FLOATS = 2.0**-24
"""Of float64, if the result is in float32: what has to be left of the terms of a row."""
BITS, PLACES = 192, 8
ONE = 1 << BITS
LEFT_OF_FIXED = 2.0**-100
"""Bits after the point of `Fixed`, of the places in its table, and what has to be left of terms of about 1."""
LOWEST = -600.0
"""Exponentials of less, beside those of 0, count as this one: `Pair` has no smaller ones."""
NOTHING = 2.0**-840
"""Terms of less than this part of the largest, whose exponentials may lie below that, stay as they are; in decimal numbers nothing does."""
ENOUGH = Decimal("1e-20")
PART = 4096
"""Numbers of which more digits are computed at once: what is needed in between stays in the cache."""

Formula = Callable[..., Any]
"""What a kernel computes, in the operations and the sums that `Digits` has."""


def refined_rows(
    found: Array, less: Array, formula: Formula, wide: Sequence[Any], numbers: Sequence[Any] = ()
) -> Array:
    """`found`, and what the formula gives in more digits in the rows that have cancelled.

    found: differences, along the last axis, that sum to 0, balanced by `reductions.balanced_at`. less: what was taken away. wide, numbers: what the formula is computed of, rows and
    single numbers of each row."""
    rows = cancelled_rows(found, less)
    if not rows.any():
        return found
    result = found.copy(order="K")
    refine(result, less, rows, formula, wide, numbers)
    return result


def refine(
    found: Array, less: Array, rows: Truths, formula: Formula, wide: Sequence[Any], numbers: Sequence[Any] = ()
) -> None:
    """Replace some of the rows found by what the formula gives in more digits."""
    here = np.nonzero(rows) if found.ndim > 1 else (None,)
    before, away, *given = (
        np.broadcast_to(each, found.shape)[here].astype(np.float64) for each in (found, less, *wide)
    )
    given += [np.broadcast_to(each, found.shape[:-1])[here].astype(np.float64) for each in numbers]
    sizes = np.maximum(np.abs(before + away), np.abs(away))
    found[here] = _in_digits(formula, given, before, sizes, found.dtype == np.float32)


def cancelled_rows(found: Array, less: Array) -> Truths:
    """Which rows have lost digits, by what is left of their terms: those that are taken away, and these with what was found.

    Where only one is taken away, its component is either not small, or balances the others, which have kept theirs."""
    soft = np.asarray(np.add.reduce(np.not_equal(less, 0.0), axis=-1, dtype=np.intp) > 1)
    if not soft.any():
        return soft
    sizes = np.maximum(_largest(found + less), _largest(less))
    return np.asarray(soft & (_largest(found) < NEAR * sizes))


def _largest(rows: Array) -> Array:
    """The size of the largest component of each row."""
    return np.asarray(np.maximum(np.maximum.reduce(rows, axis=-1), -np.minimum.reduce(rows, axis=-1)))


def _in_digits(formula: Formula, given: list[Array], before: Array, sizes: Array, single: bool) -> Array:
    """Rows in as many digits as leave some of their terms, of these sizes."""
    largest = _largest(sizes)
    seen = sizes > NOTHING * largest[:, None]
    values, rest = np.empty(sizes.shape), np.arange(len(sizes))
    step = max(1, PART // sizes.shape[-1])
    for kind, left in LEFT[not single :]:
        for k in range(0, len(rest), step):
            part = rest[k : k + step]
            again = _of_kind(kind, formula, [each[part] for each in given])
            values[part] = np.where(seen[part], again, before[part])
        terms = np.maximum(largest[rest], 1.0) if kind is Fixed else largest[rest]
        rest = rest[~(_largest(values[rest]) >= left * terms)]
        if not rest.size:
            return values
    whole = np.concatenate([each[rest].reshape(len(rest), -1) for each in given], axis=-1)
    _, first, alike = np.unique(whole.view(np.int64), axis=0, return_index=True, return_inverse=True)
    exact = np.stack([_decimally(formula, [each[[k]] for each in given], values[k], largest[k]) for k in rest[first]])
    values[rest] = exact[alike.reshape(-1)]
    return values


def _of_kind(kind: Any, formula: Formula, given: list[Array]) -> Array:
    if kind is None:
        return np.asarray(formula(*given))
    try:
        result: Digits = formula(*(Digits(KINDS[kind](each)) for each in given))
    except ArithmeticError:  # of whole numbers
        return np.full(given[0].shape, math.nan)
    return result.rounded


def _decimally(formula: Formula, given: list[Array], otherwise: Array, largest: float) -> Array:
    """A row with more and more digits until it no longer changes, and some of its terms, the largest of which is so large, is left."""
    before = None
    for digits in DIGITS:
        with localcontext(context(digits)):
            try:
                found = formula(*(Digits(KINDS[Decimals](each)) for each in given)).numbers.values[0]
            except ArithmeticError:
                return otherwise
            size = max(map(abs, found))
            change = None if before is None else max(map(abs, found - before))
            left = size * ENOUGH > Decimal(largest).scaleb(-digits)
            if change is not None and change <= size * ENOUGH and (left or digits == DIGITS[-1]):
                break
            before = found
    return np.array(found, dtype=np.float64)


class Fixed:
    """Rows of numbers with so many bits after the point, as whole numbers of Python: a tenth of the time of decimal numbers."""

    low = None

    def __init__(self, values: Any) -> None:
        self.values = values

    @property
    def high(self) -> Any:
        return self.values

    def plus(self, other: "Fixed") -> "Fixed":
        return Fixed(self.values + other.values)

    def __neg__(self) -> "Fixed":
        return Fixed(-self.values)

    def __mul__(self, other: "Fixed") -> "Fixed":
        return Fixed((self.values * other.values) >> BITS)

    def __truediv__(self, other: "Fixed") -> "Fixed":
        return Fixed((self.values << BITS) // other.values)

    def exp(self) -> "Fixed":
        return Fixed(FIXED_EXPONENTIAL(self.values))


def _fixed(x: float) -> int:
    """A number of so many bits after the point."""
    mantissa, exponent = math.frexp(x)
    shift = exponent - 53 + BITS
    whole = int(math.ldexp(mantissa, 53))
    return whole << shift if shift >= 0 else whole >> -shift


def _fixed_exponential(u: int) -> int:
    """2ᵏ 2^(j/256) exp(r), by a table and a series in |r| < log 2/256."""
    log2, powers = _fixed_powers()
    k, r = divmod(u << PLACES, log2)
    r >>= PLACES
    series = term = ONE
    n = 1
    while term:
        term = (term * r >> BITS) // n
        series += term
        n += 1
    j, whole = k & (1 << PLACES) - 1, k >> PLACES
    found = powers[j] * series >> BITS
    return found << whole if whole >= 0 else found >> min(-whole, 2 * BITS)


@lru_cache(maxsize=1)
def _fixed_powers() -> tuple[int, tuple[int, ...]]:
    """log 2, and 2^(j/256)."""
    with localcontext(context(BITS)):
        log2 = Decimal(2).ln()
        powers = tuple(int((log2 * j / (1 << PLACES)).exp() * ONE) for j in range(1 << PLACES))
        return int(log2 * ONE), powers


class Decimals:
    """Rows of decimal numbers."""

    low = None

    def __init__(self, values: Any) -> None:
        self.values = values

    @property
    def high(self) -> Any:
        return self.values

    def plus(self, other: "Decimals") -> "Decimals":
        return Decimals(self.values + other.values)

    def __neg__(self) -> "Decimals":
        return Decimals(-self.values)

    def __mul__(self, other: "Decimals") -> "Decimals":
        return Decimals(self.values * other.values)

    def __truediv__(self, other: "Decimals") -> "Decimals":
        return Decimals(self.values / other.values)

    def exp(self) -> "Decimals":
        return Decimals(EXPONENTIAL(self.values))


FIXED, FIXED_EXPONENTIAL = np.frompyfunc(_fixed, 1, 1), np.frompyfunc(_fixed_exponential, 1, 1)
DECIMAL = np.frompyfunc(Decimal, 1, 1)
EXPONENTIAL = np.frompyfunc(Decimal.exp, 1, 1)
Numbers = Any
"""`Pair`, `Twice`, `Fixed` or `Decimals`."""


class Digits:
    """Rows of numbers of a kind that has more digits than float64: for the arrays of a kernel."""

    __array_ufunc__ = None  # arrays leave the operation to this class

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.numbers.high.shape
        return shape

    @property
    def rounded(self) -> Array:
        """In float64."""
        return _rounded(self.numbers)

    def __getitem__(self, key: Any) -> "Digits":
        return Digits(_each(self.numbers, lambda part: part[key]))

    def __add__(self, other: Any) -> "Digits":
        return Digits(self.numbers.plus(self._number(other)))

    __radd__ = __add__

    def __neg__(self) -> "Digits":
        return Digits(-self.numbers)

    def __sub__(self, other: Any) -> "Digits":
        return self + -Digits(self._number(other))

    def __rsub__(self, other: Any) -> "Digits":
        result: Digits = -self + other
        return result

    def __mul__(self, other: Any) -> "Digits":
        return Digits(self.numbers * self._number(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Digits":
        return Digits(self.numbers / self._number(other))

    def __rtruediv__(self, other: Any) -> "Digits":
        return Digits(self._number(other) / self.numbers)

    def _number(self, other: Any) -> Numbers:
        """Another operand in numbers of the same kind."""
        if isinstance(other, Digits):
            return other.numbers
        return KINDS[type(self.numbers)](np.asarray(float(other)))

    def exponentials(self, times: Any = None, over: Any = None) -> "Digits":
        """`reductions.exponentials`, divided by the largest of a row."""
        scores = self.numbers
        factors = [None if each is None else self._number(each) for each in (times, over)]
        for k, factor in enumerate(factors):
            if factor is not None:
                sign = np.sign(_rounded(factor)).astype(np.int64)
                scores, factors[k] = _each(scores, sign.__mul__), _each(factor, sign.__mul__)
        high = _rounded(scores)
        place = high.argmax(axis=-1)[..., None]
        top = np.take_along_axis(high, place, axis=-1)
        if (far := np.isinf(top)).any():
            scores = _replaced(_replaced(scores, far & (high != top), LOWEST), far & (high == top), 0.0)
        u = scores.plus(-_each(scores, lambda part: np.take_along_axis(part, place, axis=-1)))
        u = u if factors[0] is None else u * factors[0]
        u = u if factors[1] is None else u / factors[1]
        if isinstance(u, Pair | Twice):
            u = _replaced(u, ~(_rounded(u) >= LOWEST), LOWEST)
        powers = u.exp()
        return Digits(_replaced(powers, far & (high != top), 0.0) if far.any() else powers)

    def sum(self) -> "Digits":
        """`reductions.pairwise_sum`."""
        return Digits(SUMS[type(self.numbers)](self.numbers))


KINDS: dict[Any, Callable[[Array], Numbers]] = {
    Pair: Pair,
    Twice: lambda x: Twice(x, np.zeros_like(x)),
    Fixed: lambda x: Fixed(np.asarray(FIXED(np.nan_to_num(x)), dtype=object)),
    Decimals: lambda x: Decimals(np.asarray(DECIMAL(x), dtype=object)),
}
"""Numbers of each kind, of those of an array."""


def _each(numbers: Numbers, change: Callable[[Any], Any]) -> Numbers:
    """Numbers of which each part is changed in the same way."""
    if numbers.low is None:
        return type(numbers)(change(numbers.high))
    return type(numbers)(change(numbers.high), change(numbers.low))


def _replaced(numbers: Numbers, where: Truths, value: float) -> Numbers:
    if isinstance(numbers, Fixed | Decimals):
        kind = type(numbers)
        return kind(np.where(where, KINDS[kind](np.asarray(value)).values, numbers.values))
    low = None if numbers.low is None else np.where(where, 0.0, numbers.low)
    return type(numbers)(np.where(where, value, numbers.high), low)


def _rounded(numbers: Numbers) -> Array:
    if isinstance(numbers, Fixed):
        return np.asarray(numbers.values / ONE, dtype=np.float64)  # a quotient of whole numbers is rounded once
    if isinstance(numbers, Decimals):
        return np.asarray(numbers.values, dtype=np.float64)
    return np.asarray(numbers.high if numbers.low is None else numbers.high + numbers.low)


def _sum_of_pairs(terms: Pair) -> Pair:
    """What they have on a grid adds up exactly, and what is left is tiny."""
    size = np.max(np.abs(terms.high), axis=-1, keepdims=True)
    grid = np.exp2(np.ceil(np.log2(size)) + math.ceil(math.log2(terms.high.shape[-1] + 2)))
    upper = (terms.high + grid) - grid
    rest = terms.high - upper
    if terms.low is not None:
        rest = rest + terms.low
    return Pair(*fast_two_sum(np.sum(upper, axis=-1), np.sum(rest, axis=-1)))


def twice_sum(terms: Twice) -> Twice:
    """The sum of numbers of twice the digits along the last axis, in pairs of pairs."""
    high, low = terms.high, terms.low
    while high.shape[-1] > 1:
        odd = high.shape[-1] % 2
        pair = Twice(high[..., odd::2], low[..., odd::2]).plus(Twice(high[..., odd + 1 :: 2], low[..., odd + 1 :: 2]))
        high = np.concatenate([high[..., :odd], pair.high], axis=-1)
        low = np.concatenate([low[..., :odd], pair.low], axis=-1)
    return Twice(high[..., 0], low[..., 0])


SUMS: dict[Any, Callable[[Numbers], Numbers]] = {
    Pair: _sum_of_pairs,
    Twice: twice_sum,
    Fixed: lambda terms: Fixed(np.add.reduce(terms.values, axis=-1)),
    Decimals: lambda terms: Decimals(np.add.reduce(terms.values, axis=-1)),
}
LEFT: tuple[tuple[Any, float], ...] = (
    (None, LEFT_OF_FLOATS),
    (Pair, LEFT_OF_PAIRS),
    (Twice, LEFT_OF_TWICE),
    (Fixed, LEFT_OF_FIXED),
)
"""Kinds of numbers, float64 first, and what has to be left of the terms of a row."""
