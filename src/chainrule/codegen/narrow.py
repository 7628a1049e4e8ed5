"""Code in float64 for results that are rounded to float32: of the forms on the way to a stable one, the cheapest whose error such results do not show.

A float64 has 29 bits more than a float32. An expansion about a root, or a tail that is computed apart because it would be subnormal, is
seldom needed then, and where a sum cancels, more digits only where it all but vanishes."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sympy import Expr, Mul

from chainrule.codegen import model
from chainrule.codegen.cost import cost
from chainrule.codegen.floats import between, order, unorder
from chainrule.codegen.points import closer
from chainrule.codegen.printing import Body, body
from chainrule.codegen.stable import Stable, runnable
from chainrule.codegen.vocabulary import over, product, quotient, refined
from chainrule.runtime.blocks import Bounds
from chainrule.runtime.narrow import refined_of_single

Array = npt.NDArray[np.float64]
UNSEEN = 2.0**-26  # a quarter of an ulp of float32 at most
TINIEST = 2.0**-152  # an eighth of the smallest float32
WORTH = 0.8  # of the cost of the stable form
REACH = 80.0  # where a form is right only for ordinary numbers, these are
RUNTIME: Mapping[str, Any] = {**model.RUNTIME, "refined_of_single": refined_of_single}
STEPS = (0, 1, 2, 3, 5, *(3 << k for k in range(1, 24, 2)))


def narrow(found: Stable, names: Mapping[Any, str], arguments: int) -> tuple[tuple[str, ...], Bounds] | None:
    """The statements, and the bounds of each input between which they hold; None where no form is cheaper than the stable one.
    arguments: how many of the inputs are arguments, the first ones; the others are parameters."""
    points = _points(found, names)
    if not len(points):
        return None
    wanted = _at(points, _runnable(found.body, names))
    wide = tuple(None for _ in names)
    ordinary = tuple((-REACH, REACH) if k < arguments else None for k in range(len(names)))
    most = math.inf if found.expr.has(refined) else WORTH * cost(found.expr)
    for form in sorted((each for each in _forms(found) if cost(each) < most), key=cost):
        code = _seldom(body(form, names))
        got = _at(points, _runnable(code, names))
        for bounds in (wide, ordinary):
            if _unseen(points, got, wanted, bounds):
                return code.lines, bounds
    return None


def _forms(found: Stable) -> Iterator[Expr]:
    """The expression as given and what became of it, without care for 0 * inf."""
    for each in dict.fromkeys((found.problem.expr, *(step.expr for step in found.steps))):
        yield each.replace(product, Mul).replace(quotient, over)


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


def _at(points: Array, function: Callable[..., Any]) -> Array:
    with np.errstate(all="ignore"):
        found: Array = np.array(np.broadcast_to(function(*points.T.copy()), len(points)), dtype=np.float64)
    return found


def _points(found: Stable, names: Mapping[Any, str]) -> Array:
    """Numbers of float32: those the form was found with, lines through them, and the numbers about each change of sign along these."""
    stated = found.problem
    used = [k for k, symbol in enumerate(stated.symbols) if symbol in stated.expr.free_symbols]
    some = [*stated.points, *closer(stated.points, stated.reference.domains, used)]
    every = _as_single(np.array(some, dtype=np.float64), stated.reference.domains)
    function = _runnable(found.body, names)
    about = [_roots(every, function, k) for k in used[:2]]
    return _as_single(np.concatenate([every, *about]), stated.reference.domains)


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
    values = _at(ordered, function)
    same = (ordered[1:, others] == ordered[:-1, others]).all(axis=1)
    change = np.flatnonzero(same & (np.sign(values[1:]) * np.sign(values[:-1]) < 0))
    line, first = ordered[change], np.sign(values[change])

    def moved(to: npt.NDArray[Any]) -> Array:
        rows = line.copy()
        rows[:, k] = to
        return rows

    low, high = (ordered[change + n, k].astype(np.float32) for n in (0, 1))
    at = order(between(low, high, lambda middle: np.sign(_at(moved(middle), function)) == first))
    near = [moved(unorder(at + step, low.dtype)) for each in STEPS for step in (each, -each)]
    return np.concatenate(near)
