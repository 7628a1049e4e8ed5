"""A line as a rational function: every transcendental part becomes one generator, so that SymPy's polynomial tools apply.

Exponentials whose exponents are rational multiples of each other are powers of one generator, e^{-x} and e^{2x} of e^{x}. The way back
writes generators out as the functions they stand for."""

from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache
from math import gcd
from typing import Any

import sympy as sp

from ..errors import UnsupportedExpression
from ..expression import tree as t
from ..expression.convert import from_sympy, to_sympy
from ..expression.scope import Scope

HYPERBOLIC: dict[str, Any] = {
    "sinh": lambda e: (e - 1 / e) / 2,
    "cosh": lambda e: (e + 1 / e) / 2,
    "tanh": lambda e: (e**2 - 1) / (e**2 + 1),
    "coth": lambda e: (e**2 + 1) / (e**2 - 1),
    "sech": lambda e: 2 * e / (e**2 + 1),
    "csch": lambda e: 2 * e / (e**2 - 1),
}


class Field:
    """The generators met so far. ``hyperbolic``: write sinh, cosh, ... through exponentials."""

    def __init__(self, scope: Scope, hyperbolic: bool = False) -> None:
        self.scope = scope
        self.hyperbolic = hyperbolic
        self.atoms: dict[t.Node, Any] = {}
        self.nodes: dict[Any, t.Node] = {}
        self.units: dict[Any, Fraction] = {}
        self.exponentials: dict[Any, Any] = {}
        self.bodies: dict[t.Node, Any] = {}
        self.trees: dict[Any, t.Node] = {}
        self.meanings: dict[Any, Any] = {}

    def prepare(self, nodes: Iterable[t.Node]) -> None:
        """Look through all formulas that will be compared, so that e^{x/2} and e^{x} share a generator, with the sign met first."""
        for node in nodes:
            for _, part in t.walk(node):
                match part:
                    case t.Call("exp", (argument,)):
                        self._measure(argument)
                    case t.Call(_, (argument,)) if self.hyperbolic and self.is_hyperbolic(part):
                        self._measure(argument)

    def is_hyperbolic(self, node: t.Node) -> bool:
        """Whether a node is a function that exponentials can be written for."""
        return isinstance(node, t.Call) and node.function in HYPERBOLIC and node.function not in self.scope.functions

    def _measure(self, exponent: t.Node) -> None:
        for monomial, coefficient in self._exponent(exponent):
            old = self.units.get(monomial)
            sign = -1 if (coefficient if old is None else old) < 0 else 1
            self.units[monomial] = coefficient if old is None else sign * _gcd(abs(old), abs(coefficient))

    def _exponent(self, node: t.Node) -> list[tuple[Any, Fraction]]:
        coefficient, monomial = sp.expand(self.enter(node)).as_content_primitive()
        if -monomial in self.units:
            coefficient, monomial = -coefficient, -monomial
        if monomial.is_Mul and monomial.as_coeff_Mul()[0] == -1:
            coefficient, monomial = -coefficient, -monomial
        if not coefficient.is_Rational:
            coefficient, monomial = sp.S.One, coefficient * monomial
        return [(monomial, Fraction(int(coefficient.p), int(coefficient.q)))]

    def known(self, body: t.Node) -> Any:
        """``enter``, remembered: for the bodies of names, which are met again and again."""
        if body not in self.bodies:
            self.bodies[body] = self.enter(body)
        return self.bodies[body]

    def enter(self, node: t.Node) -> Any:
        """The rational function of a tree."""
        match node:
            case t.Number(value):
                return sp.Rational(value.numerator, value.denominator)
            case t.Constant(name) if name in ("pi", "e"):
                return sp.pi if name == "pi" else sp.E
            case t.Neg(argument):
                return -self.enter(argument)
            case t.Add(terms):
                return sp.Add(*(self.enter(x) for x in terms))
            case t.Mul(factors):
                return sp.Mul(*(self.enter(x) for x in factors))
            case t.Frac(numerator, denominator):
                below = self.enter(denominator)
                if below == 0:
                    raise UnsupportedExpression("a denominator is identically 0")
                return self.enter(numerator) / below
            case t.Power(base, t.Number(value)) if value.denominator == 1:
                return self.enter(base) ** int(value)
            case t.Power(base, t.Neg(t.Number(value))) if value.denominator == 1:
                return self.enter(base) ** -int(value)
            case t.Call("sqrt", (argument,)) if not any(
                isinstance(p, t.Symbol | t.Component) for _, p in t.walk(argument)
            ):
                return sp.sqrt(self.enter(argument))
            case t.Call("exp", (argument,)):
                return self._exponential(argument)
            case t.Call(name, (argument,)) if self.hyperbolic and self.is_hyperbolic(node):
                return HYPERBOLIC[name](self._exponential(argument))
            case (
                t.Symbol()
                | t.Component()
                | t.Dimension()
                | t.Delta()
                | t.Call()
                | t.Sum()
                | t.Power()
                | t.MaxOver()
                | t.Indicator()
            ):
                return self.atom(node)
        raise UnsupportedExpression(f"a {type(node).__name__} is not part of a rational function")

    def atom(self, node: t.Node) -> Any:
        """The generator of a part that is taken no further apart: one for Σ_k a_k b_k and Σ_l b_l a_l, written as the first was."""
        key = _normal(node)
        if key not in self.atoms:
            symbol = sp.Symbol(f"g{len(self.atoms)}")
            self.atoms[key], self.nodes[symbol] = symbol, node
        return self.atoms[key]

    def _exponential(self, argument: t.Node) -> Any:
        product = sp.S.One
        for monomial, coefficient in self._exponent(argument):
            unit = self.units.setdefault(monomial, coefficient)
            generator = self.exponentials.setdefault(
                (monomial, unit), sp.Symbol(f"e{len(self.exponentials)}", positive=True)
            )
            power = coefficient / unit
            if power.denominator != 1:
                raise UnsupportedExpression("exponents without a common unit")
            product *= generator ** int(power)
        return product

    def _meaning(self, symbol: Any) -> Any:
        """What a generator stands for, in SymPy."""
        if symbol not in self.meanings:
            if symbol in self.nodes:
                found = to_sympy(self.nodes[symbol], self.scope)
            else:
                monomial, unit = next(key for key, generator in self.exponentials.items() if generator == symbol)
                inner = {g: self._meaning(g) for g in monomial.free_symbols}
                found = sp.exp(sp.Rational(unit.numerator, unit.denominator) * monomial.xreplace(inner))
            self.meanings[symbol] = found
        return self.meanings[symbol]

    def leave(self, expression: Any) -> t.Node:
        """The tree of a rational function, generators written out."""
        if expression not in self.trees:
            written = expression.xreplace({g: self._meaning(g) for g in expression.free_symbols})
            self.trees[expression] = _restore_parameters(from_sympy(written), self.scope)
        return self.trees[expression]

    def is_named(self, symbol: Any) -> bool:
        """Whether a generator stands for a function call or an exponential rather than a variable."""
        return not isinstance(self.nodes.get(symbol), t.Symbol | t.Component)

    def is_transcendental(self, symbol: Any) -> bool:
        """Whether a generator is an unnamed function (an exponential, a sum, a logarithm), not a variable or a named quantity."""
        node = self.nodes.get(symbol)
        return (
            node is None
            or isinstance(node, t.Sum)
            or (
                isinstance(node, t.Call)
                and node.function not in self.scope.functions
                and node.function not in ("abs", "sign")
            )
        )


@lru_cache(maxsize=4096)
def _normal(node: t.Node) -> t.Node:
    """Bound indices by the same names, terms and factors in a fixed order."""

    def ordered(n: t.Node) -> t.Node | None:
        if isinstance(n, t.Add | t.Mul):
            return n.with_children(tuple(sorted(n.children, key=repr)))
        return None

    return t.transform(t.same_bound_names(node), ordered)


def _gcd(a: Fraction, b: Fraction) -> Fraction:
    return Fraction(gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator)


def _restore_parameters(node: t.Node, scope: Scope) -> t.Node:
    """SymPy knows no semicolon: ELU(x, α) becomes ELU(x; α) again."""

    def restore(n: t.Node) -> t.Node | None:
        if isinstance(n, t.Call) and n.function in scope.functions and not n.parameters:
            count = len(scope.functions[n.function].arguments)
            if len(n.arguments) > count:
                return t.Call(n.function, n.arguments[:count], n.arguments[count:])
        return None

    return t.transform(node, restore)


def oriented(expression: Any) -> Any:
    """A factored expression with the sign of each factor turned as an author would: 1 - a rather than a - 1, a - b rather than
    -(b - a) where a minus sign in front can be absorbed."""
    if expression.is_Add or not expression.is_Mul:
        return expression
    sign = 1
    factors: list[Any] = []
    free: list[int] = []
    for factor in expression.args:
        base, exponent = factor.as_base_exp()
        if not (base.is_Add and exponent.is_Integer):
            if factor.is_Number and factor < 0:
                sign, factor = -sign, -factor
            factors.append(factor)
            continue
        constant = base.as_coeff_Add()[0]
        if constant.is_negative or (constant == 0 and all(x.could_extract_minus_sign() for x in base.args)):
            base = -base
            sign = -sign if exponent % 2 else sign
        elif constant == 0 and exponent % 2:
            free.append(len(factors))
        factors.append(base**exponent)
    if sign < 0 and free:
        base, exponent = factors[free[0]].as_base_exp()
        factors[free[0]] = (-base) ** exponent
        sign = 1
    return sp.Mul(sign, *factors)
