"""What is positive, or not negative, whatever its variables are: exponentials, squares, and what is made of them."""

from fractions import Fraction

from ..expression import tree as t
from ..expression.scope import Scope
from .recognise import over_one_denominator


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


def nonnegative(node: t.Node, scope: Scope) -> bool:
    """Whether a number, or every entry of a vector, can be seen to be nowhere negative: a square, say, or a sum of squares over a positive
    number."""
    if positive(node, scope):
        return True
    match node:
        case t.Number(value):
            return value >= 0
        case t.Call("abs" | "sqrt" | "norm", _):
            return True
        case t.Symbol(name) | t.Vector(name) if name in scope.domains:
            return bool(scope.domains[name].inf >= 0)
        case t.Vector(name) if name in scope.vectors:
            return positive(scope.vectors[name].body, scope)
        case t.Power(_, t.Number(exponent)) if exponent.denominator == 1 and exponent.numerator % 2 == 0:
            return True
        case t.Hadamard(parts) | t.Mul(parts):
            return all(
                nonnegative(p, scope) for p in parts if parts.count(p) % 2
            )  # a ⊙ a is not negative, whatever a is
        case t.Add((t.Ones() | t.Number(Fraction(numerator=1, denominator=1)), t.Neg(t.Call(name)))) if (
            name in scope.functions
        ):
            return positive(over_one_denominator(t.Add((t.ONE, t.Neg(scope.functions[name].body)))), scope)
        case t.Add(parts):
            return all(nonnegative(p, scope) for p in parts)
        case t.Frac(a, b):
            return nonnegative(a, scope) and nonnegative(b, scope)
        case t.Call(name) if name in scope.functions:
            return positive(scope.functions[name].body, scope)
        case t.Power(base, _) | t.Sum(base, _, _):
            return nonnegative(base, scope)
    return False
