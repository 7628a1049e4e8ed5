"""Whether a formula has parts that grow faster than what it computes: Σ a² in the length of a vector, which overflows at 1e160, or underflows, where the length does not."""

from collections.abc import Mapping
from fractions import Fraction

from ..expression import tree as t

SATURATING = ("exp", "tanh", "sinh", "cosh", "erf", "erfc", "atan", "sign")
"""Functions whose value is right where their argument is infinite."""
ALIKE = ("abs", "max", "min")
"""Functions that grow as their arguments do."""


def grows(tree: t.Node, named: Mapping[str, t.Node], inputs: frozenset[str]) -> bool:
    """Whether that holds of a formula, or of a named quantity in it. named: the formulas of these; inputs: the names of what may be large or small."""
    bodies, todo = dict[t.Node, None](), [tree]
    while todo:
        body = todo.pop()
        if body not in bodies:
            bodies[body] = None
            todo += [named[name] for _, part in t.walk(body) if (name := t.base_of(part)) in named]
    degrees = _Degrees(named, inputs)
    return any(degrees.highest(body) > max(Fraction(1), abs(degrees.of(body))) for body in bodies)


class _Degrees:
    """By which power of its inputs a formula grows."""

    def __init__(self, named: Mapping[str, t.Node], inputs: frozenset[str]) -> None:
        self.named, self.inputs = named, inputs
        self.found: dict[t.Node, Fraction] = {}

    def highest(self, node: t.Node) -> Fraction:
        """The degree of the part of a formula that grows fastest."""
        if isinstance(node, t.Call) and node.function in SATURATING:
            return Fraction(0)
        return max([abs(self.of(node)), *map(self.highest, node.children)])

    def of(self, node: t.Node) -> Fraction:
        """The degree of a formula: that of a sum is the largest of its terms."""
        if node not in self.found:
            self.found[node] = self._of(node)
        return self.found[node]

    def _of(self, node: t.Node) -> Fraction:
        match node:
            case t.Component() | t.Symbol():
                name = t.base_of(node)
                return self.of(self.named[name]) if name in self.named else Fraction(int(name in self.inputs))
            case t.Neg(argument) | t.Sum(argument) | t.MaxOver(argument):
                return self.of(argument)
            case t.Add(terms):
                return max(map(self.of, terms))
            case t.Mul(factors):
                return sum(map(self.of, factors), Fraction(0))
            case t.Frac(above, below):
                return self.of(above) - self.of(below)
            case t.Power(base, exponent):
                return self.of(base) * _value(exponent)
            case t.Call("sqrt", (argument,)):
                return self.of(argument) / 2
            case t.Call(function, arguments) if function in ALIKE:
                return max(map(self.of, arguments))
            case t.Cases(branches):
                return max(self.of(each.value) for each in branches if isinstance(each, t.Branch))
        return Fraction(0)


def _value(exponent: t.Node) -> Fraction:
    """An exponent that is a number; 1 for any other."""
    match exponent:
        case t.Number(value):
            return value
        case t.Neg(argument):
            return -_value(argument)
        case t.Frac(t.Number(p), t.Number(q)):
            return p / q
    return Fraction(1)
