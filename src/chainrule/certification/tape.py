"""A formula as a straight line of operations on balls: numbers with a radius that holds every rounding error."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from flint import arb
from sympy import Expr, Symbol

from ..balls import CONSTANTS, FUNCTIONS, Ball, Undecided, all_of, any_of, opposite, sign, whole_power
from ..errors import UnsupportedExpression

RELATIONS: Mapping[Any, Callable[[int], bool]] = {
    sympy.StrictGreaterThan: lambda s: s > 0,
    sympy.GreaterThan: lambda s: s >= 0,
    sympy.StrictLessThan: lambda s: s < 0,
    sympy.LessThan: lambda s: s <= 0,
    sympy.Equality: lambda s: s == 0,
    sympy.Unequality: lambda s: s != 0,
}


class Tape:
    """A compiled formula. Each operation is a function and the places of its operands; the last one is the value."""

    def __init__(self, expr: Expr, symbols: Sequence[Symbol]) -> None:
        self._places: dict[Any, int] = {symbol: k for k, symbol in enumerate(symbols)}
        self._inputs = len(symbols)
        self._operations: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        self.conditions = 0
        self.taken: list[int] = []  # the sides of the conditions in the last evaluation
        self._result = self._compile(sympy.sympify(expr))

    def __call__(self, point: Sequence[Ball]) -> tuple[Ball, bool]:
        """The value, and whether a condition met its boundary exactly. Raises Undecided where the precision in force
        cannot tell on which side of a condition the point lies."""
        self.taken = []
        values = list(point)
        for operation, operands in self._operations:
            values.append(operation(*[values[k] for k in operands]))
        return values[self._result], 0 in self.taken

    def __len__(self) -> int:
        return len(self._operations)

    def _switch(self, u: Ball) -> int:
        side = sign(u)
        self.taken.append(side)
        return side

    def _compile(self, node: Any) -> int:
        if node not in self._places:
            operation, operands = self._operation(node)
            self._operations.append((operation, operands))
            self._places[node] = self._inputs + len(self._operations) - 1
        return self._places[node]

    def _operation(self, node: Any) -> tuple[Callable[..., Any], tuple[int, ...]]:
        if isinstance(node, sympy.Add | sympy.Mul):
            *first, last = node.args
            rest = node.func(*first, evaluate=False) if len(first) > 1 else first[0]
            pair = (self._compile(rest), self._compile(last))
            return (lambda a, b: a + b) if isinstance(node, sympy.Add) else (lambda a, b: a * b), pair
        if isinstance(node, sympy.Rational | sympy.Float):
            exact = sympy.Rational(node)
            numerator, denominator = int(exact.p), int(exact.q)
            return (lambda: arb(numerator) / denominator), ()
        if node in CONSTANTS:
            return CONSTANTS[node], ()
        if isinstance(node, sympy.Pow) and node.exp.is_Integer:
            exponent = int(node.exp)
            return (lambda u: whole_power(u, exponent)), (self._compile(node.base),)
        if isinstance(node, sympy.Pow) and node.exp == sympy.S.Half:
            return (lambda u: u.sqrt()), (self._compile(node.base),)
        if isinstance(node, sympy.sign):
            self.conditions += 1
            return (lambda u: arb(self._switch(u))), (self._compile(node.args[0]),)
        if isinstance(node, sympy.Heaviside):
            self.conditions += 1
            return (lambda u, at: (arb(0), at, arb(1))[self._switch(u) + 1]), self._all(node.args)
        if isinstance(node, sympy.Piecewise):
            flat = [part for branch, condition in node.args for part in (condition, branch)]
            return _first_true, self._all(flat)
        return self._word_or_condition(node)

    def _word_or_condition(self, node: Any) -> tuple[Callable[..., Any], tuple[int, ...]]:
        if node in (sympy.true, sympy.false):
            truth = bool(node)
            return (lambda: truth), ()
        if node.func in RELATIONS:
            holds = RELATIONS[node.func]
            self.conditions += 1
            return (lambda u: _settled(lambda: holds(self._switch(u)))), (self._compile(node.lhs - node.rhs),)
        if isinstance(node, sympy.And | sympy.Or):
            decide = all_of if isinstance(node, sympy.And) else any_of
            return decide, self._all(node.args)
        if isinstance(node, sympy.Not):
            return opposite, self._all(node.args)
        if node.func not in FUNCTIONS:
            raise UnsupportedExpression(f"{node}: {node.func} has no row in chainrule.balls.FUNCTIONS")
        return FUNCTIONS[node.func], self._all(node.args)

    def _all(self, nodes: Sequence[Any]) -> tuple[int, ...]:
        return tuple(self._compile(node) for node in nodes)


def _settled(decide: Callable[[], bool]) -> bool | None:
    """None where undecided: another branch may still be chosen."""
    try:
        return decide()
    except Undecided:
        return None


def _first_true(*parts: Any) -> Ball:
    for condition, branch in zip(parts[::2], parts[1::2], strict=True):
        if condition is None:
            raise Undecided
        if condition:
            return branch
    return arb("nan")
