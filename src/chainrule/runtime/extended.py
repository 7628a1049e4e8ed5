"""A formula in more digits at the elements where a difference has cancelled: in about 71 bits where it has lost a few of them, in twice the
digits or in sixty and more where it has lost nearly all.

A formula is written with the four operations and the methods `exp`, `ln` and `sqrt`, which `decimal.Decimal` has too.
"""

import math
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from . import programs
from .arrays import Array, Truths
from .compiling import is_compiled
from .pairs import Pair as Pair
from .twice import Twice as Twice

NEAR = 0.5
"""A sum smaller than this, against its terms, is computed again."""
MANY = 0.2
"""The part of the elements from which compiled code computes all of them, rather than collect those that need it."""
SAMPLE = 256
"""The first elements, which are looked at to find that out."""
FEW = 12
"""As many elements are quicker in decimal numbers at once than in twice the digits."""
DIGITS = (60, 80, 160, 400, 800)
ENOUGH = Decimal("1e-20")
VANISHED = Decimal("1e-330")
"""What rounds to 0."""


def refined(found: Array, total: Array, size: Array, formula: Callable[..., Any], *arguments: Array) -> Array:
    """`found`, and the formula in more digits where `total`, a sum of terms of this `size`, has cancelled: within an ulp of the exact number, and an
    ulp for each of the few roundings after the sum. The formula is an expression in its arguments alone."""
    with np.errstate(all="ignore"):
        terms = flat(total, total), flat(size, total)
        if is_compiled() and _are_many(*terms):
            given = [flat(each, total) for each in arguments]
            return _chosen(flat(found, total), *terms, formula, given).reshape(total.shape)
        near = _cancelled(*terms)
        count = np.count_nonzero(near)
        if not count:
            return found
        given = [flat(each, total) for each in arguments]
        if count == near.size:
            return _again(formula, given).reshape(total.shape)
        result = np.array(found, dtype=np.float64, order="C")
        places = np.flatnonzero(near)
        result.reshape(-1)[places] = _again(formula, [each.take(places) for each in given])
    return result


def _are_many(total: Array, size: Array) -> bool:
    """Whether a sum seems to have cancelled at many elements."""
    sample = np.abs(total[:SAMPLE]) < size[:SAMPLE] * NEAR
    return bool(total.size > programs.FEW and np.count_nonzero(sample) > MANY * sample.size)


def _cancelled(total: Array, size: Array) -> Truths:
    near = np.empty(total.size, np.bool_)
    if is_compiled():
        from .loops.extended import fill_cancelled

        fill_cancelled(total, size, NEAR, near)
        return near
    kept = programs.borrowed(2 * min(programs.PART, near.size))
    for k in range(0, near.size, programs.PART):
        part = slice(k, min(k + programs.PART, near.size))
        left, least = kept[: 2 * near[part].size].reshape(2, -1)
        np.less(np.abs(total[part], out=left), np.multiply(size[part], NEAR, out=least), out=near[part])
    programs.give_back(kept)
    return near


def flat(array: Any, like: Array) -> Array:
    """The elements of an array, or a number, in float64 and in one row, as many as another has."""
    if not isinstance(array, np.ndarray) or array.shape != like.shape:
        array = np.broadcast_to(array, like.shape)
    each: Array = array.reshape(-1).astype(np.float64, copy=False)
    return each


def _again(formula: Callable[..., Any], given: list[Array]) -> Array:
    """By `Pair`, and where that has no value by `Twice`, and where that has none in decimal numbers."""
    values = np.empty(given[0].size)
    if program(formula.__code__, len(given)).run(given, values):
        _complete(formula, given, values, np.flatnonzero(~np.isfinite(values)))
    return values


def _chosen(found: Array, total: Array, size: Array, formula: Callable[..., Any], given: list[Array]) -> Array:
    """`found`, and the formula where the sum has cancelled, computed everywhere: in compiled code quicker than to collect the elements, where they are
    many."""
    values = np.empty(total.size)
    if _choosing_program(formula.__code__, len(given)).run([found, total, size, *given], values):
        _complete(formula, given, values, np.flatnonzero(~np.isfinite(values) & _cancelled(total, size)))
    return values


def _complete(formula: Callable[..., Any], given: list[Array], values: Array, left: Any) -> None:
    """The values that are left."""
    if left.size > (0 if is_compiled() else FEW):
        again = formula(*map(_twice(), [each[left] for each in given]))
        values[left] = again.high + again.low
        left = left[~np.isfinite(values[left])]
    if not left.size:
        return
    rows = np.stack([each[left] for each in given], axis=1)
    _, first, alike = np.unique(rows.view(np.int64), axis=0, return_index=True, return_inverse=True)
    exact = values[left[first]]
    for k, point in enumerate(rows[first].tolist()):
        if all(map(math.isfinite, point)):
            exact[k] = _decimally(formula, point, exact[k])
    values[left] = exact[alike.reshape(-1)]


def _twice() -> type[Twice]:
    if is_compiled():
        from .loops import twice

        return twice.Twice
    return Twice


@lru_cache(maxsize=256)
def program(code: CodeType, count: int) -> programs.Program:
    formula = FunctionType(code, {})
    return programs.Program(lambda *rows: formula(*map(Pair, rows)).rounded, count)


@lru_cache(maxsize=256)
def _choosing_program(code: CodeType, count: int) -> programs.Program:
    formula = FunctionType(code, {})

    def chosen(found: Any, total: Any, size: Any, *rows: Any) -> Any:
        return programs.step(where_cancelled, formula(*map(Pair, rows)).rounded, found, total, size)

    return programs.Program(chosen, 3 + count)


def where_cancelled(value: Any, found: Any, total: Any, size: Any, out: Any) -> None:
    """The value where a sum has cancelled, what was found elsewhere."""
    np.copyto(out, np.where(np.abs(total) < size * NEAR, value, found))


def context(digits: int) -> Context:
    """That of decimals with so many digits, which raise an ArithmeticError where they overflow."""
    return Context(prec=digits, Emin=-99999, Emax=99999, traps=[DivisionByZero, InvalidOperation, Overflow])


def _decimally(formula: Callable[..., Any], given: list[float], otherwise: float) -> float:
    """With more and more digits until the result no longer changes."""
    before = None
    for digits in DIGITS:
        with localcontext(context(digits)):
            try:
                result = formula(*map(Decimal, given))
            except ArithmeticError:
                return otherwise
            if (
                0 < abs(result) < VANISHED
            ):  # so small a step of the last sum: its other digits are right to less than that
                return float(result)
            if before is not None and abs(result - before) <= abs(result) * ENOUGH and (result or digits == DIGITS[-1]):
                return float(result)
            before = result
    return otherwise
