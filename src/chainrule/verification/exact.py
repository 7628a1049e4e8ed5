"""Proof that two lines are equal as rational functions of their parts: exact, in a bounded amount of work.

A part that is not rational (a call, a component, a sum, a pending derivative) counts as an independent variable, the
same for parts of the same structure; an exponential of a sum is the product of exponentials. So a difference of 0
proves the two lines equal, and any other outcome says nothing.
"""

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import TypeAlias

from ..expression import tree as t
from ..expression.scope import Scope

MOST_TERMS = 400
MOST_EXPONENT = 12
MOST_DEPTH = 12
OPAQUE = (t.Sum, t.MaxOver, t.ArgMax, t.Derivative, t.Cases)
"""Nodes into which an argument must not be put: they bind a name."""

Monomial: TypeAlias = frozenset[tuple[int, int]]
Polynomial: TypeAlias = Mapping[Monomial, Fraction]
Quotient: TypeAlias = tuple[Polynomial, Polynomial]
UNIT: Polynomial = MappingProxyType({frozenset(): Fraction(1)})


class _Undecided(Exception):
    """The work would grow beyond its bound."""


def equal(left: t.Node, right: t.Node, scope: Scope) -> bool:
    """True: proved. False: not decided."""
    match left, right:
        case t.Cases(mine), t.Cases(yours) if [b.condition for b in mine] == [b.condition for b in yours]:
            return all(equal(a.value, b.value, scope) for a, b in zip(mine, yours, strict=True))
    parts = _Parts(scope)
    try:
        (a, b), (c, d) = parts.quotient(left), parts.quotient(right)
        return not _minus(_times(a, d), _times(c, b))
    except (_Undecided, ZeroDivisionError):
        return False


def _plus(a: Polynomial, b: Polynomial, sign: int = 1) -> Polynomial:
    total = dict(a)
    for monomial, coefficient in b.items():
        total[monomial] = total.get(monomial, Fraction(0)) + sign * coefficient
    return {m: c for m, c in total.items() if c}


def _minus(a: Polynomial, b: Polynomial) -> Polynomial:
    return _plus(a, b, -1)


def _times(a: Polynomial, b: Polynomial) -> Polynomial:
    if a is UNIT or b is UNIT:
        return b if a is UNIT else a
    if len(a) * len(b) > MOST_TERMS**2 // 4:
        raise _Undecided
    total: dict[Monomial, Fraction] = {}
    for m, c in a.items():
        for n, e in b.items():
            both = _joined(m, n)
            total[both] = total.get(both, Fraction(0)) + c * e
    if len(total) > MOST_TERMS:
        raise _Undecided
    return {m: c for m, c in total.items() if c}


def _joined(m: Monomial, n: Monomial) -> Monomial:
    if not m or not n:
        return m or n
    powers = dict(m)
    for generator, exponent in n:
        powers[generator] = powers.get(generator, 0) + exponent
    return frozenset((g, e) for g, e in powers.items() if e)


def _inverse(q: Quotient) -> Quotient:
    if not q[0]:
        raise ZeroDivisionError
    return q[1], q[0]


def _power(q: Quotient, exponent: int) -> Quotient:
    if abs(exponent) > MOST_EXPONENT:
        raise _Undecided
    base = q if exponent >= 0 else _inverse(q)
    above, below = UNIT, UNIT
    for _ in range(abs(exponent)):
        above, below = _times(above, base[0]), _times(below, base[1])
    return above, below


class _Parts:
    """The independent parts met so far, numbered by structure."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.numbers: dict[object, int] = {}
        self.depth = 0

    def part(self, key: object, exponent: int = 1) -> Quotient:
        number = self.numbers.setdefault(key, len(self.numbers))
        return {frozenset({(number, exponent)}): Fraction(1)}, UNIT

    def quotient(self, node: t.Node) -> Quotient:
        match node:
            case t.Number(value):
                return ({frozenset(): value} if value else {}), UNIT
            case t.Neg(argument):
                above, below = self.quotient(argument)
                return _minus({}, above), below
            case t.Marked(argument):
                return self.quotient(argument)
            case t.Add(terms):
                return self.sum([self.quotient(term) for term in terms])
            case t.Mul(factors):
                return self.product([self.quotient(factor) for factor in factors])
            case t.Frac(numerator, denominator):
                return self.product([self.quotient(numerator), _inverse(self.quotient(denominator))])
            case t.Power(base, t.Number(value)) if value.denominator == 1:
                return _power(self.quotient(base), int(value))
            case t.Power(base, t.Neg(t.Number(value))) if value.denominator == 1:
                return _power(self.quotient(base), -int(value))
            case t.Power(t.Constant("e"), exponent):
                return self.exponential(exponent)
            case t.Call("exp", (argument,)) if "exp" not in self.scope.functions:
                return self.exponential(argument)
            case t.Call(function, arguments, parameters) if function in self.scope.functions:
                return self.named(function, arguments, parameters)
            case t.Symbol(name) if name in self.scope.scalars:
                return self.deeper(self.scope.scalars[name])
        return self.part(node)

    def sum(self, terms: list[Quotient]) -> Quotient:
        above, below = terms[0]
        for a, b in terms[1:]:
            above, below = (
                (_plus(above, a), below)
                if b == below
                else (_plus(_times(above, b), _times(a, below)), _times(below, b))
            )
        return above, below

    def product(self, factors: list[Quotient]) -> Quotient:
        above, below = factors[0]
        for a, b in factors[1:]:
            above, below = _times(above, a), _times(below, b)
        return above, below

    def exponential(self, argument: t.Node) -> Quotient:
        """e^(2x - y) is (e^x)² / e^y; a fractional coefficient makes a part of its own."""
        above, below = self.quotient(argument)
        if below is not UNIT:
            if set(below) != {frozenset()}:
                return self.part(("exp", argument))
            above = {m: c / below[frozenset()] for m, c in above.items()}
        factors: list[Quotient] = [(UNIT, UNIT)]
        for monomial, coefficient in above.items():
            whole = int(coefficient) if coefficient.denominator == 1 else 1
            if abs(whole) > MOST_EXPONENT:
                raise _Undecided
            rest = Fraction(1) if coefficient.denominator == 1 else coefficient
            factors.append(_power(self.part(("exp", monomial, rest)), whole))
        return self.product(factors)

    def named(self, function: str, arguments: tuple[t.Node, ...], parameters: tuple[t.Node, ...]) -> Quotient:
        named = self.scope.functions[function]
        if len(arguments) != len(named.arguments) or len(parameters) not in (0, len(named.parameters)):
            raise _Undecided
        if any(isinstance(part, OPAQUE) for _, part in t.walk(named.body)):
            return self.part(t.Call(function, arguments, parameters))
        names = (*named.arguments, *named.parameters)
        mapping: dict[t.Node, t.Node] = dict(zip(map(t.Symbol, names), (*arguments, *parameters), strict=False))
        return self.deeper(t.substitute(named.body, mapping))

    def deeper(self, node: t.Node) -> Quotient:
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise _Undecided
        try:
            return self.quotient(node)
        finally:
            self.depth -= 1
