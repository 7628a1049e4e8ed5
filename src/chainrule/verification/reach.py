"""Which branches no point of the domain reaches: proved from the signs that a difference can have, never from a lack of samples."""

from typing import Any

import sympy

from ..calculus.checks import assumed, domain_of
from ..errors import ChainruleError
from ..expression import tree as t
from ..expression.convert import to_sympy
from ..expression.scope import Scope

HOLDS: dict[str, frozenset[int]] = {
    "<": frozenset({-1}),
    "<=": frozenset({-1, 0}),
    ">": frozenset({1}),
    ">=": frozenset({0, 1}),
    "=": frozenset({0}),
    "!=": frozenset({-1, 1}),
}
"""The signs of left - right for which a comparison holds."""
EVERY = frozenset({-1, 0, 1})


def unreachable(node: t.Cases, number: int, scope: Scope) -> bool:
    """Whether the condition of a branch never holds, or one before it always does."""
    before = [branch.condition for branch in node.branches[:number]]
    return _never(node.branches[number].condition, scope) or any(_always(c, scope) for c in before)


def _never(condition: t.Node, scope: Scope) -> bool:
    match condition:
        case t.And(parts):
            return any(_never(part, scope) for part in parts)
        case t.Compare(operator, left, right):
            return not HOLDS[operator] & signs_of(left, right, scope)
    return False


def _always(condition: t.Node, scope: Scope) -> bool:
    match condition:
        case t.And(parts):
            return all(_always(part, scope) for part in parts)
        case t.Compare(operator, left, right):
            return signs_of(left, right, scope) <= HOLDS[operator]
    return False


def signs_of(left: t.Node, right: t.Node, scope: Scope) -> frozenset[int]:
    """Signs that left - right may have: by what SymPy knows of its parts, or by the real roots of a polynomial of one variable."""
    try:
        difference = to_sympy(left, scope, expand=True) - to_sympy(right, scope, expand=True)
    except ChainruleError:
        return EVERY
    declared = {s: scope.domains[s.name] for s in difference.free_symbols if s.is_Symbol and s.name in scope.domains}
    known = difference.xreplace(assumed({s for s in difference.free_symbols if s.is_Symbol}, declared))
    possible = {-1: known.is_nonnegative, 0: known.is_nonzero, 1: known.is_nonpositive}
    return frozenset(sign for sign, excluded in possible.items() if not excluded) & _by_roots(difference, declared)


def _by_roots(difference: Any, declared: dict[Any, Any]) -> frozenset[int]:
    if not difference.is_polynomial() or len(difference.free_symbols) != 1:
        return EVERY
    (x,) = difference.free_symbols
    polynomial, values = sympy.Poly(difference, x), domain_of(x, declared)
    if not polynomial.domain.is_QQ and not polynomial.domain.is_ZZ:
        return EVERY
    low, high = (end if end.is_Rational else None for end in (values.inf, values.sup))
    odd = sympy.prod((f for f, power in polynomial.factor_list()[1] if power % 2), start=sympy.Poly(1, x))
    if odd.count_roots(low, high):
        return EVERY
    middle = low + 1 if high is None and low is not None else high - 1 if high is not None and low is None else None
    place = middle if middle is not None else sympy.S.Zero if low is None else (low + high) / 2
    sign = int(sympy.sign(polynomial.eval(place)) or sympy.sign(polynomial.eval(place + sympy.Rational(1, 7))))
    return frozenset({sign, 0}) if polynomial.count_roots(low, high) else frozenset({sign})
