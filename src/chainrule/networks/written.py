"""A quantity of a network written out at one unit: with letters, with the numbers put in, and its value."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..calculus.derivation import Derivation
from ..calculus.graph_terms import decimal
from ..expression import tree as t
from ..expression.printing import text

Key = tuple[str, int, tuple[int, ...]]
"""What a number is: the key and the layer of its equation, and its place, counted from 1: ("a", 1, (2,)) is a_2 of layer 1. Of a derivative of L the key
is "dW", "db", "da"; of J, the loss with the penalty, "dJ"; of a parameter after the step "W_new", "b_new"."""


def once(*nodes: t.Node) -> tuple[t.Node, ...]:
    return tuple(dict.fromkeys(nodes))


def chained(left: t.Node, rights: Sequence[t.Node]) -> t.Equation:
    *others, last = (left, *rights)
    for node in reversed(others):
        last = t.Equation(node, last)
    assert isinstance(last, t.Equation)
    return last


@dataclass(frozen=True)
class Written:
    """One quantity: left = letters = numbers = value. letters: its formula at its place. numbers: the formula with the numbers put in."""

    key: Key
    left: t.Node
    letters: t.Node
    numbers: t.Node
    value: float

    @property
    def rights(self) -> tuple[t.Node, ...]:
        """What stands behind each sign of equality, nothing twice."""
        return once(self.letters, self.numbers, decimal(self.value))

    @property
    def equation(self) -> t.Equation:
        """The whole line as one tree: left = (letters = (numbers = value))."""
        return chained(self.left, self.rights)

    @property
    def shown(self) -> str:
        """The value as text prints it."""
        return text(decimal(self.value))


@dataclass(frozen=True)
class Factor:
    """A local derivative on a path. name: ∂a/∂z. formula: as the engine derives it, at its place. numbers: with the numbers put in. derivation: how it
    was found, for every place at once."""

    name: t.Derivative
    formula: t.Node
    numbers: t.Node
    value: float
    derivation: Derivation = field(repr=False)


def _shown_one(factor: t.Node) -> t.Node:
    """A factor 1 is shown as a number among the others: · 1 ·."""
    return t.Decimal(1.0) if factor == t.ONE else factor


@dataclass(frozen=True)
class Chain:
    """A derivative of the loss as the sum over every path of the product of the local derivatives along it, that of the loss first. After an output that is
    a function of a whole vector, as softmax is, paths end at ∂L/∂z of the output layer."""

    key: Key
    left: t.Node
    paths: tuple[tuple[Factor, ...], ...]
    value: float

    @property
    def names(self) -> t.Node:
        """∂L/∂a · ∂a/∂z · ∂z/∂w, summed."""
        return self._sum("name")

    @property
    def formulas(self) -> t.Node:
        """The same with every local derivative put in."""
        return self._sum("formula")

    @property
    def numbers(self) -> t.Node:
        """The formulas with the numbers put in."""
        return self._sum("numbers")

    @property
    def values(self) -> t.Node:
        """The value of every factor."""
        return t.add(*(t.mul(*(decimal(f.value) for f in path)) for path in self.paths))

    def _sum(self, part: str) -> t.Node:
        return t.add(*(t.mul(*(_shown_one(getattr(f, part)) for f in path)) for path in self.paths))

    @property
    def rights(self) -> tuple[t.Node, ...]:
        return once(self.names, self.formulas, self.numbers, self.values, decimal(self.value))

    @property
    def equation(self) -> t.Equation:
        return chained(self.left, self.rights)

    @property
    def shown(self) -> str:
        return text(decimal(self.value))


@dataclass(frozen=True)
class Step(Written):
    """A parameter after the step, left ← letters = numbers = value. before: its value so far. gradient: the derivative of the cost by it."""

    before: float = 0.0
    gradient: float = 0.0
