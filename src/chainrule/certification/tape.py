"""A formula as a straight line of operations on balls: numbers with a radius that holds every rounding error.

To teach it a function, add a row to WORDS.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from flint import arb
from sympy import Expr, Symbol

from ..errors import UnsupportedExpression

Ball = Any  # flint has no types


class Undecided(Exception):
    """At this precision a condition is neither certainly true nor certainly false."""


def _sign(u: Ball) -> int:
    if u > 0:
        return 1
    if u < 0:
        return -1
    if u == 0:
        return 0
    raise Undecided


def _power(u: Ball, v: Ball) -> Ball:
    return u**v


def _whole_power(u: Ball, exponent: int) -> Ball:
    """By multiplications: the power of flint gives NaN for a ball around 0."""
    if exponent < 0:
        return 1 / _whole_power(u, -exponent)
    result, square = arb(1), u
    while exponent:
        if exponent & 1:
            result = result * square
        square, exponent = square * square, exponent >> 1
    return result


def _maximum(*values: Ball) -> Ball:
    best = values[0]
    for value in values[1:]:
        best = best.max(value)
    return best


def _minimum(*values: Ball) -> Ball:
    best = values[0]
    for value in values[1:]:
        best = best.min(value)
    return best


WORDS: Mapping[Any, Callable[..., Ball]] = {
    sympy.exp: lambda u: u.exp(),
    sympy.log: lambda u: u.log(),
    sympy.sin: lambda u: u.sin(),
    sympy.cos: lambda u: u.cos(),
    sympy.tan: lambda u: u.tan(),
    sympy.asin: lambda u: u.asin(),
    sympy.acos: lambda u: u.acos(),
    sympy.atan: lambda u: u.atan(),
    sympy.sinh: lambda u: u.sinh(),
    sympy.cosh: lambda u: u.cosh(),
    sympy.tanh: lambda u: u.tanh(),
    sympy.coth: lambda u: u.coth(),
    sympy.sech: lambda u: u.sech(),
    sympy.asinh: lambda u: u.asinh(),
    sympy.acosh: lambda u: u.acosh(),
    sympy.atanh: lambda u: u.atanh(),
    sympy.erf: lambda u: u.erf(),
    sympy.erfc: lambda u: u.erfc(),
    sympy.erfi: lambda u: u.erfi(),
    sympy.gamma: lambda u: u.gamma(),
    sympy.loggamma: lambda u: u.lgamma(),
    sympy.digamma: lambda u: u.digamma(),
    sympy.Abs: lambda u: abs(u),
    sympy.Max: _maximum,
    sympy.Min: _minimum,
    sympy.Pow: _power,
}
CONSTANTS: Mapping[Any, Callable[[], Ball]] = {
    sympy.pi: lambda: arb.pi(),
    sympy.E: lambda: arb(1).exp(),
    sympy.EulerGamma: lambda: arb.const_euler(),
    sympy.Catalan: lambda: arb.const_catalan(),
}
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
        side = _sign(u)
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
            return (lambda u: _whole_power(u, exponent)), (self._compile(node.base),)
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
            decide = _all_of if isinstance(node, sympy.And) else _any_of
            return decide, self._all(node.args)
        if isinstance(node, sympy.Not):
            return (lambda truth: None if truth is None else not truth), self._all(node.args)
        if node.func not in WORDS:
            raise UnsupportedExpression(f"{node}: {node.func} has no row in chainrule.certification.tape.WORDS")
        return WORDS[node.func], self._all(node.args)

    def _all(self, nodes: Sequence[Any]) -> tuple[int, ...]:
        return tuple(self._compile(node) for node in nodes)


def _settled(decide: Callable[[], bool]) -> bool | None:
    """None where undecided: another branch may still be chosen."""
    try:
        return decide()
    except Undecided:
        return None


def _all_of(*truths: bool | None) -> bool | None:
    return False if False in truths else None if None in truths else True


def _any_of(*truths: bool | None) -> bool | None:
    return True if True in truths else None if None in truths else False


def _first_true(*parts: Any) -> Ball:
    for condition, branch in zip(parts[::2], parts[1::2], strict=True):
        if condition is None:
            raise Undecided
        if condition:
            return branch
    return arb("nan")
