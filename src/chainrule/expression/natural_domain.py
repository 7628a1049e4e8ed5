"""Where a formula has real values, for variables whose domain nobody gave: log u asks for u > 0, √u for u ≥ 0, u^v for u > 0.

To admit another function, add a row to ``NEEDS``. A condition that holds several variables, or is no polynomial, is left to the user."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sympy
from sympy.core.relational import Relational

from ..errors import DefinitionError

ASSUMED: tuple[tuple[str, sympy.Set], ...] = (
    ("is_integer", sympy.S.Integers),
    ("is_positive", sympy.Interval.open(0, sympy.oo)),
    ("is_negative", sympy.Interval.open(-sympy.oo, 0)),
    ("is_nonnegative", sympy.Interval(0, sympy.oo)),
    ("is_nonpositive", sympy.Interval(-sympy.oo, 0)),
)


def _of_power(e: Any) -> Any:
    base, exponent = e.as_base_exp()
    if exponent.is_integer or base.is_number:
        return None
    return base >= 0 if exponent.is_Rational and exponent > 0 else base > 0


NEEDS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (sympy.log, lambda e: e.args[0] > 0),
    (sympy.loggamma, lambda e: e.args[0] > 0),
    (sympy.asin, lambda e: e.args[0] ** 2 <= 1),
    (sympy.acos, lambda e: e.args[0] ** 2 <= 1),
    (sympy.atanh, lambda e: e.args[0] ** 2 < 1),
    (sympy.acosh, lambda e: e.args[0] >= 1),
    (sympy.Pow, _of_power),
)


def natural_domain(formulas: Iterable[Any], given: Mapping[Any, Any], named: Iterable[Any]) -> dict[Any, Any]:
    """The domain of each scalar in some formulas that is neither given nor named by an equation, where it is not all reals.

    Raises DefinitionError where no real number is left."""
    formulas = [f for f in formulas if isinstance(f, sympy.Expr) and not isinstance(f, sympy.MatrixExpr)]
    labels = {str(b.label) for f in formulas for b in f.atoms(sympy.IndexedBase)}
    parts = [(need, part) for f in formulas for kind, need in NEEDS for part in sorted(f.atoms(kind), key=str)]
    named, found = set(named), {}
    for x in sorted(set[Any]().union(*(f.free_symbols for f in formulas)), key=str):
        if isinstance(x, sympy.Symbol) and x not in given and x not in named and str(x) not in labels:
            values = _values(x, [(need, part) for need, part in parts if x in part.free_symbols])
            if values is sympy.S.EmptySet:
                raise DefinitionError(f"the function has a real value for no {x}: a logarithm or a root leaves none")
            if values != sympy.S.Reals and isinstance(values, sympy.Interval | type(sympy.S.Integers)):
                found[x] = values
    return found


def _values(x: Any, parts: Iterable[tuple[Callable[[Any], Any], Any]]) -> Any:
    """parts: the logarithms, roots and powers that hold it, each with what it needs."""
    if x.is_integer and x.is_positive:  # a dimension
        return sympy.S.Reals
    values = next((values for name, values in ASSUMED if getattr(x, name)), sympy.S.Reals)
    real = sympy.Symbol(x.name, real=True)
    for need, part in parts:
        condition = need(part.xreplace({x: real}))
        alone = isinstance(condition, Relational) and condition.free_symbols == {real}
        if alone and (condition.lhs - condition.rhs).is_polynomial(real):
            values = values.intersect(condition.as_set())
    return values
