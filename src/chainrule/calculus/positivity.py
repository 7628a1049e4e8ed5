"""What is positive whatever its variables are: exponentials, and what is made of them."""

from ..expression import tree as t
from ..expression.scope import Scope


def positive(node: t.Node, scope: Scope) -> bool:
    """Whether a formula can be seen to be positive at every point of its domain."""
    match node:
        case t.Number(value):
            return value > 0
        case t.Dimension() | t.Call("exp", _):
            return True
        case t.Symbol(name) | t.Component(name, _) if name in scope.domains:
            low = scope.domains[name].inf
            return bool(low > 0 or (low == 0 and low not in scope.domains[name]))
        case t.Mul(parts) | t.Add(parts):
            return all(positive(p, scope) for p in parts)
        case t.Frac(a, b):
            return positive(a, scope) and positive(b, scope)
        case t.Power(base, _):
            return positive(base, scope)
        case t.Sum(body, _, _):
            return positive(body, scope)
        case t.Component(base, indices) if base in scope.vectors:
            return positive(scope.vectors[base].at(indices), scope)
    return False
