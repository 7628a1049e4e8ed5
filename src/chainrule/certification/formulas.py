"""A definition as one formula, and what its derivatives are by calculus alone."""

from collections.abc import Collection
from typing import Any

import sympy
from sympy import Expr, Symbol
from sympy.core.function import AppliedUndef

from ..definition import Definition
from ..errors import UnsupportedExpression

MOST_ROUNDS = 50


def formula(definition: Definition, keep: Collection[Symbol]) -> Expr:
    """The expression of a definition with every call of a named function and every named quantity written out.

    keep: the arguments of the generated function, which stand for themselves even where the definition names them.
    Raises UnsupportedExpression where something remains that is neither.
    """
    calls: dict[str, tuple[tuple[Any, ...], Any]] = {}
    names: dict[Any, Any] = {}
    _collect(definition, calls, names, set(keep))
    found = definition.expression
    for _ in range(MOST_ROUNDS):
        before = found
        found = found.xreplace(names)
        found = found.replace(lambda node: _is_call(node, calls), lambda node: _written_out(node, calls))
        if found == before:
            break
    unknown = {*found.atoms(AppliedUndef), *(found.free_symbols - set(keep))}
    if unknown:
        raise UnsupportedExpression(f"{definition.name}: no formula for {', '.join(sorted(map(str, unknown)))}")
    return found


def _collect(definition: Definition, calls: dict[str, Any], names: dict[Any, Any], keep: set[Symbol]) -> None:
    for left, right in definition.where.items():
        if isinstance(left, AppliedUndef):
            calls.setdefault(left.func.__name__, (left.args, sympy.sympify(right)))
        elif left not in keep:
            names.setdefault(left, sympy.sympify(right))
    for used in definition.uses:
        inner: dict[Any, Any] = {}
        _collect(used, calls, inner, set())
        calls.setdefault(used.symbol, (used.variables, used.expression.xreplace(inner)))


def _is_call(node: Any, calls: dict[str, Any]) -> bool:
    return isinstance(node, AppliedUndef) and node.func.__name__ in calls


def _written_out(node: Any, calls: dict[str, Any]) -> Any:
    variables, body = calls[node.func.__name__]
    return body.xreplace(dict(zip(variables, node.args, strict=True)))


def fractions(expr: Expr) -> Expr:
    """The same with sums of fractions put over one denominator, where 1 - 1/(1 + u) becomes u/(1 + u)."""
    return sympy.together(expr, deep=True)


def derivative(expr: Expr, symbol: Symbol, order: int) -> Expr:
    """The derivative between kinks and jumps; on them it is the caller who decides."""
    found = sympy.diff(expr, symbol, order)
    found = found.replace(lambda node: isinstance(node, sympy.DiracDelta), lambda node: sympy.S.Zero)
    if found.has(sympy.Derivative, sympy.Subs):
        raise UnsupportedExpression(f"{expr}: SymPy has no derivative by {symbol}")
    return found
