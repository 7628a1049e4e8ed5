"""Formulas of so few operations that they are right in float32 as they stand: each of the four operations is off by half an ulp at most, which is
2⁻²⁴ of its result, and where no sum has operands that are rounded already, these add up."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sympy
from sympy import Abs, Expr

from chainrule.codegen.narrow import on_lines, unguarded, values_at
from chainrule.codegen.printing import body
from chainrule.codegen.stable import LIMIT, Stable, runnable
from chainrule.codegen.vocabulary import defined, group, known, over, size
from chainrule.runtime.blocks import Bounds

MOST = 4  # roundings: as many are within 4 ulp
NEAREST = 2.0**-64  # to the end of a domain at which a denominator is 0
SIGNS = (Abs, size, group)


def brief(found: Stable, names: Mapping[Any, str]) -> tuple[tuple[str, ...], Bounds] | None:
    """The statements, and the bounds of each input between which they hold; None where no form has as few roundings."""
    domains = dict(zip(names, found.problem.reference.domains, strict=True))
    for form in _forms(found):
        if not 0 < (roundings(form) or 0) <= MOST:
            continue
        below = {symbol for part in _denominators(form) for symbol in part.free_symbols}
        bounds = tuple(_inside(domains[symbol]) if symbol in below else None for symbol in names)
        code = body(form, names)
        if not code.imports and _right(found, runnable(code, tuple(names.values())), names, bounds):
            return code.lines, bounds
    return None


def roundings(expr: Expr) -> int | None:
    """How many operations of a formula are rounded, at most, on the way from an input to the result; None where a sum may magnify what is rounded
    already, and of what is not made of the four operations."""
    if expr.is_Symbol or (expr.is_number and expr.is_Rational and float(np.float32(float(expr))) == float(expr)):
        return 0
    if expr.func in SIGNS:
        return roundings(expr.args[0])
    if expr.is_Add:
        return 1 if len(expr.args) == 2 and all(roundings(term) == 0 for term in expr.args) else None
    if expr.is_Mul or expr.func == over:
        parts = [part for part in expr.args if not _is_exact(part)]
    elif expr.is_Pow and expr.exp.is_Integer:
        parts = [expr.base] * abs(int(expr.exp)) + [sympy.S.One] * (int(expr.exp) < 0)
    else:
        return None
    counts = [roundings(1 / part if part.is_Pow and part.exp == -1 else part) for part in parts]
    return None if None in counts else sum(filter(None, counts)) + max(len(parts) - 1, 0)


def _is_exact(factor: Expr) -> bool:
    """Whether a product with a factor is not rounded: a power of two."""
    return bool(factor.is_Rational) and abs(math.frexp(float(factor))[0]) == 0.5


def _forms(found: Stable) -> Iterator[Expr]:
    for each in (found.problem.expr, *(step.expr for step in found.steps), found.expr):
        yield unguarded(each).replace(lambda node: node.func in (defined, known), lambda node: node.args[0])


def _denominators(expr: Expr) -> Iterator[Expr]:
    for node in sympy.preorder_traversal(expr):
        if node.func == over:
            yield node.args[1]
        elif node.is_Pow and node.exp.is_negative:
            yield node.base


def _inside(domain: tuple[float, float]) -> tuple[float, float] | None:
    """A domain without its ends."""
    if not any(map(math.isfinite, domain)):
        return None
    low, high = (float(np.nextafter(np.float32(end), np.float32(other))) for end, other in (domain, domain[::-1]))
    return max(low, NEAREST) if low > 0 else low, high


def _right(found: Stable, function: Any, names: Mapping[Any, str], bounds: Bounds) -> bool:
    """Whether the statements in float32 are within the limit of those in float64, at numbers of float32."""
    points = on_lines(found)
    inside = [(column >= pair[0]) & (column <= pair[1]) for column, pair in zip(points.T, bounds, strict=True) if pair]
    points = points[np.logical_and.reduce(inside)] if inside else points
    wanted = values_at(points, runnable(found.body, tuple(names.values())))
    return bool(len(points)) and bool(np.all(right(values_at(points, function, np.float32), wanted, LIMIT)))


def right(got: Any, wanted: Any, limit: float) -> Any:
    """Where results in float32 are within so many ulp of those in float64, or there is none."""
    with np.errstate(all="ignore"):
        rounded = wanted.astype(np.float32)
        unit = np.spacing(np.abs(rounded)).astype(np.float64)
        return (got == rounded) | (np.abs(got - wanted) <= limit * unit) | np.isnan(wanted)
