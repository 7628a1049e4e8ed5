"""Which names a formula depends on, through the named equations."""

from ..expression import tree as t
from ..expression.scope import Scope


def depends(node: t.Node, variable: t.Node, scope: Scope) -> bool:
    """Whether the value of ``node`` changes with ``variable``, directly or through a named equation.

    A component z_k may be z_j, so it depends on it."""
    return any(_touches(part, variable, scope) for _, part in t.walk(node))


def _touches(part: t.Node, variable: t.Node, scope: Scope) -> bool:
    if part == variable:
        return True
    match part, variable:
        case t.Component(base, _), t.Component(other, _) if matrix_of(base) == other:
            return True
        case t.Matrix(name) | t.Vector(name), t.Component(other, _) if name == other:
            return True
        case t.Matrix(name) | t.Vector(name), _ if name in scope.vectors:
            return depends(scope.vectors[name].body, variable, scope)
        case t.Symbol(name), _ if name in scope.scalars:
            return depends(scope.scalars[name], variable, scope)
        case t.Component(base, _), _ if matrix_of(base) in scope.vectors:
            return depends(scope.vectors[matrix_of(base)].body, variable, scope)
    return False


def matrix_of(base: str) -> str:
    """The matrix that a base belongs to: A for A and for ``inv(A)``, whose components are those of the inverse."""
    return base[4:-1] if base.startswith("inv(") else base


def intermediates(node: t.Node, variable: t.Node, scope: Scope) -> tuple[t.Node, ...]:
    """The named quantities inside ``node`` through which it depends on ``variable``; the variable itself if it occurs bare."""
    found = {
        part: None
        for _, part in t.walk(node)
        if isinstance(part, t.Symbol | t.Component) and _touches(part, variable, scope)
    }
    return tuple(found)
