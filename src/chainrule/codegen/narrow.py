"""Code in float64 for results that are rounded to float32: of the forms that the search proposes, the cheapest whose error such results do not show.

A float64 has 29 bits more than a float32. An expansion about a root, or a tail that is computed apart because it would be subnormal, is
seldom needed then, and where a sum cancels, more digits only where it all but vanishes. Its terms are equal there, to all the digits of
a float32, so that one of them tells the size of both."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from sympy import Abs, Expr, Mul

from chainrule.codegen import model
from chainrule.codegen.cost import cost
from chainrule.codegen.floats import between, order, unorder
from chainrule.codegen.mends import MENDS, Patient
from chainrule.codegen.points import closer
from chainrule.codegen.printing import Body, body
from chainrule.codegen.rewrites import rewrite
from chainrule.codegen.stable import Stable, forms, runnable
from chainrule.codegen.undivided import UNDIVIDED
from chainrule.codegen.vocabulary import at_least, at_most, over, product, quotient, refined
from chainrule.runtime.blocks import Bounds
from chainrule.runtime.narrow import LEFT, refined_of_single

Array = npt.NDArray[np.float64]
UNSEEN = 2.0**-26  # a quarter of an ulp of float32 at most
TINIEST = 2.0**-152  # an eighth of the smallest float32
WORTH = 0.8  # of the cost of the stable form
REACH = 80.0  # where a form is right only for ordinary numbers, these are
LIMIT = 1.0  # the cost of the least and the greatest of an input
AGAIN = 1000.0  # the cost of an element that is computed again, of which next to nothing is left
TERMS = 8.0  # times one of two terms is what a sum is held against: as a multiple of both as `MORE_DIGITS` has
MORE_DIGITS = next(mend for mend in MENDS if mend.name == "more digits everywhere")
RUNTIME: Mapping[str, Any] = {**model.RUNTIME, "refined_of_single": refined_of_single}
STEPS = (0, 1, 2, 3, 5, *(3 << k for k in range(1, 24, 2)))


def narrow(found: Stable, names: Mapping[Any, str], arguments: int) -> tuple[tuple[str, ...], Bounds] | None:
    """The statements, and the bounds of each input between which they hold; None where no form is cheaper than the stable one.
    arguments: how many of the inputs are arguments, the first ones; the others are parameters."""
    points = closely(found, names)
    if not len(points):
        return None
    wanted = values_at(points, _runnable(found.body, names))
    domains = found.problem.reference.domains
    wide: Bounds = (None,) * len(names)
    ordinary = tuple(
        (-REACH, REACH) if k < arguments and max(map(abs, domain)) > REACH else None for k, domain in enumerate(domains)
    )
    most = math.inf if found.expr.has(refined) else WORTH * cost(found.expr)
    given = _as_single(np.array(found.problem.points, dtype=np.float64), domains)
    price = {form: _price(form, given, names) for form in dict.fromkeys(_forms(found))}
    tests = LIMIT * sum(pair is not None for pair in ordinary)
    choices = [
        (price[form] + more, form, bounds) for form in price for more, bounds in ((0.0, wide), (tests, ordinary))
    ]
    for paid, form, bounds in sorted(choices, key=lambda choice: choice[0]):
        code = _seldom(body(form, names))
        if paid < most and _unseen(points, values_at(points, _runnable(code, names)), wanted, bounds):
            return code.lines, bounds
    return None


def _forms(found: Stable) -> Iterator[Expr]:
    """What became of the expression on the way to the stable form, and what else the search proposes, the latter also with more digits where a
    sum cancels; without care for 0 * inf, and without limits."""
    stated = found.problem
    variables = tuple(symbol for symbol in stated.symbols if symbol in stated.expr.free_symbols)
    positive = {symbol for symbol, (low, _) in zip(stated.symbols, stated.reference.domains, strict=True) if low >= 0}
    for each in (stated.expr, *(step.expr for step in found.steps)):
        yield from _plain(each)
    for form in forms(stated.expr, variables):
        *_, plain = _plain(form.expr.replace(at_most, _unlimited).replace(at_least, _unlimited))
        yield plain
        patient = Patient(plain, variables, stated.symbols, stated.points, stated.truth, (), stated.reference)
        for more in MORE_DIGITS.apply(patient):
            yield more.replace(refined, partial(_of_one_term, positive=positive))


def unguarded(expr: Expr) -> Expr:
    """Without care for 0 * inf and 0 / 0."""
    return expr.replace(product, Mul).replace(quotient, over)


def _plain(expr: Expr) -> Iterator[Expr]:
    """Without that care, and then without choices."""
    plain = unguarded(expr)
    yield plain
    yield rewrite(plain, UNDIVIDED)


def _unlimited(expr: Expr, limit: Expr) -> Expr:
    return expr


def _of_one_term(value: Expr, total: Expr, size: Expr, *rest: Any, positive: Set[Any]) -> Expr:
    """With the size of a sum of two terms by the simpler one."""
    if total.is_Add and len(total.args) == 2:
        simple = min(total.args, key=lambda term: (cost(term), str(term)))
        term = -simple if simple.could_extract_minus_sign() else simple
        size = TERMS * (term if term in positive else Abs(term))
    return refined(value, total, size, *rest)


def _price(form: Expr, points: Array, names: Mapping[Any, str]) -> float:
    """The cost, and that of more digits, at as many of the points as need them."""
    again = 0.0
    for node in form.atoms(refined):
        left, size = (values_at(points, _runnable(body(part, names), names)) for part in node.args[1:3])
        with np.errstate(all="ignore"):
            again += float(np.mean(np.abs(left) < LEFT * size))
    return cost(form) + AGAIN * again


def _seldom(code: Body) -> Body:
    """More digits only where a float32 shows it."""
    lines = tuple(re.sub(r"\brefined\(", "refined_of_single(", line) for line in code.lines)
    return Body(lines, code.imports | ({"refined_of_single"} if lines != code.lines else set()))


def _runnable(code: Body, names: Mapping[Any, str]) -> Callable[..., Any]:
    return runnable(code, tuple(names.values()), model.NUMPY, RUNTIME)


def _unseen(points: Array, got: Array, wanted: Array, bounds: Bounds) -> bool:
    inside = np.ones(len(points), bool)
    for column, pair in zip(points.T, bounds, strict=True):
        if pair is not None:
            inside &= (column >= pair[0]) & (column <= pair[1])
    with np.errstate(all="ignore"):
        off = np.abs(got - wanted)
        good = (got == wanted) | (off <= UNSEEN * np.abs(wanted)) | (off <= TINIEST) | np.isnan(wanted)
        largest = float(np.finfo(np.float32).max)
        good |= (np.abs(wanted) > 2 * largest) & (np.abs(got) > 2 * largest) & (np.sign(got) == np.sign(wanted))
    return bool(np.all(good[inside]))


def values_at(points: Array, function: Callable[..., Any], kind: type[np.floating[Any]] = np.float64) -> Any:
    """What a function gives at points, computed in a dtype."""
    columns = np.array(points.T, dtype=kind, order="C")
    with np.errstate(all="ignore"):
        return np.array(np.broadcast_to(function(*columns), len(points)), dtype=kind)


def closely(found: Stable, names: Mapping[Any, str]) -> Array:
    """The numbers of float32 on lines, and those about each change of sign along these."""
    every = on_lines(found)
    function = _runnable(found.body, names)
    about = [_roots(every, function, k) for k in _used(found)[:2]]
    return _as_single(np.concatenate([every, *about]), found.problem.reference.domains)


def on_lines(found: Stable) -> Array:
    """Numbers of float32: those the form was found with, and lines through them."""
    stated = found.problem
    domains = stated.reference.domains
    some = [*stated.points, *closer(stated.points, domains, _used(found))]
    return _as_single(np.array(some, dtype=np.float64), domains)


def _used(found: Stable) -> list[int]:
    """The places of the symbols that the expression depends on."""
    stated = found.problem
    return [k for k, symbol in enumerate(stated.symbols) if symbol in stated.expr.free_symbols]


def _as_single(points: Array, domains: Sequence[tuple[float, float]]) -> Array:
    with np.errstate(over="ignore"):
        rounded = np.unique(points.astype(np.float32).astype(np.float64), axis=0)
    inside = [(column >= low) & (column <= high) for column, (low, high) in zip(rounded.T, domains, strict=True)]
    kept: Array = rounded[np.logical_and.reduce(inside)]
    return kept


def _roots(points: Array, function: Callable[..., Any], k: int) -> Array:
    """The numbers next to each change of sign along coordinate k, and some further ones."""
    others = [j for j in range(points.shape[1]) if j != k]
    ordered = points[np.lexsort([points[:, k], *(points[:, j] for j in others)])]
    ordered = ordered[np.isfinite(ordered).all(axis=1)]
    values = values_at(ordered, function)
    same = (ordered[1:, others] == ordered[:-1, others]).all(axis=1)
    change = np.flatnonzero(same & (np.sign(values[1:]) * np.sign(values[:-1]) < 0))
    line, first = ordered[change], np.sign(values[change])

    def moved(to: npt.NDArray[Any]) -> Array:
        rows = line.copy()
        rows[:, k] = to
        return rows

    low, high = (ordered[change + n, k].astype(np.float32) for n in (0, 1))
    at = order(between(low, high, lambda middle: np.sign(values_at(moved(middle), function)) == first))
    near = [moved(unorder(at + step, low.dtype)) for each in STEPS for step in (each, -each)]
    return np.concatenate(near)
