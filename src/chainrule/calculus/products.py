"""Collecting a product into one fraction and a sum into its like terms, by structure: what is written stays recognisable."""

from fractions import Fraction

from ..expression import tree as t
from .tidy import is_plain, tidy


class Product:
    """A product taken apart: sign, rational coefficient, and an integer exponent for each other factor, in order of appearance."""

    def __init__(self, node: t.Node) -> None:
        self.coefficient = Fraction(1)
        self.powers: dict[t.Node, int] = {}
        self._take(node, 1)

    def _take(self, node: t.Node, exponent: int) -> None:
        match node:
            case t.Number(value):
                if value == 0 and exponent < 0:
                    self.powers[node] = self.powers.get(node, 0) + exponent
                else:
                    self.coefficient *= value**exponent
            case t.Neg(argument):
                self.coefficient *= Fraction(-1) ** exponent
                self._take(argument, exponent)
            case t.Mul(factors):
                for factor in factors:
                    self._take(factor, exponent)
            case t.Frac(numerator, denominator):
                self._take(numerator, exponent)
                self._take(denominator, -exponent)
            case t.Power(base, t.Number(value)) if value.denominator == 1:
                self._take(base, exponent * int(value))
            case t.Power(base, t.Neg(t.Number(value))) if value.denominator == 1:
                self._take(base, -exponent * int(value))
            case t.Call("sqrt", (t.Mul(factors),)) if all(_constant(f) for f in factors):
                for factor in factors:
                    self._take(t.Call("sqrt", (factor,)), exponent)
            case _:
                self.powers[node] = self.powers.get(node, 0) + exponent
        for base in [b for b, e in self.powers.items() if e == 0]:
            del self.powers[base]

    def rebuild(self) -> t.Node:
        """One fraction: coefficient, symbols, functions, sums; roots of constants under one root."""
        coefficient = self.coefficient
        roots: dict[int, list[t.Node]] = {1: [], -1: []}
        parts: dict[int, list[t.Node]] = {1: [], -1: []}
        for base, exponent in self.powers.items():
            side = 1 if exponent > 0 else -1
            count = abs(exponent)
            if isinstance(base, t.Call) and base.function == "sqrt" and _constant(base.arguments[0]):
                inner = base.arguments[0]
                whole, left = divmod(count, 2)
                if isinstance(inner, t.Number):
                    coefficient *= (inner.value**whole) ** side
                elif whole:
                    parts[side].append(_power(inner, whole))
                if left:
                    roots[side].insert(0 if isinstance(inner, t.Number) else len(roots[side]), inner)
            else:
                parts[side].append(_power(base, count))
        for side, radicands in roots.items():
            if radicands:
                parts[side].append(t.Call("sqrt", (t.mul(*radicands),)))
        above = sorted(parts[1], key=_rank)
        below = sorted(parts[-1], key=_rank)
        p, q = abs(coefficient).numerator, coefficient.denominator
        if q != 1 and not below and above and any(_rank(f) > 2 and not isinstance(f, t.Component) for f in above):
            node = t.mul(t.Frac(t.Number(Fraction(p)), t.Number(Fraction(q))), *above)
        else:
            above = [t.Number(Fraction(p)), *above] if p != 1 or not above else above
            below = [t.Number(Fraction(q)), *below] if q != 1 else below
            node = t.Frac(t.mul(*above), t.mul(*below)) if below else t.mul(*above)
        return t.Neg(node) if coefficient < 0 else node


def _constant(node: t.Node) -> bool:
    return isinstance(node, t.Number | t.Constant)


def _power(base: t.Node, exponent: int) -> t.Node:
    return base if exponent == 1 else t.Power(base, t.Number(Fraction(exponent)))


_RANKS: tuple[tuple[type[t.Node], int], ...] = (
    (t.Number, 0),
    (t.Constant, 1),
    (t.Symbol, 2),
    (t.Dimension, 2),
    (t.Delta, 3),
    (t.Indicator, 3),
    (t.Component, 3),
    (t.Call, 4),
    (t.Sum, 5),
    (t.MaxOver, 5),
    (t.Add, 6),
)


def _rank(node: t.Node) -> int:
    base = node.base if isinstance(node, t.Power) else node
    if isinstance(base, t.Call) and base.function == "sqrt" and _constant(base.arguments[0]):
        return 1
    if isinstance(base, t.Add) and is_plain(base):
        return 3
    return next((rank for kind, rank in _RANKS if isinstance(base, kind)), 7)


def collect(node: t.Node) -> t.Node:
    """Every product as one fraction with common factors cancelled, every sum with like terms put together.

    A product whose factors would only change places is left as it is."""
    return tidy(t.transform(node, _collect_one))


def _collect_one(node: t.Node) -> t.Node | None:
    if isinstance(node, t.Add):
        return _like_terms(node)
    if isinstance(node, t.Mul | t.Frac | t.Neg | t.Power):
        if isinstance(node, t.Power) and not isinstance(node.base, t.Frac | t.Power | t.Mul | t.Neg | t.Call):
            return None
        new = Product(node).rebuild()
        moved = type(new.argument if isinstance(new, t.Neg) else new) is not type(
            node.argument if isinstance(node, t.Neg) else node
        )
        return new if moved or _buried_minus(node) or _ingredients(new) != _ingredients(node) else None
    return None


def _buried_minus(node: t.Node) -> bool:
    """A minus sign, or a number behind a letter, inside a product: -2 stands in front."""
    if not isinstance(node, t.Mul):
        return False
    return any(isinstance(f, t.Neg) for f in node.factors) or any(isinstance(f, t.Number) for f in node.factors[1:])


def _ingredients(node: t.Node) -> list[str]:
    """The parts of a product regardless of order: where they agree, only the order differs."""
    return sorted(repr(part) for _, part in t.walk(node) if not part.children) + sorted(
        type(part).__name__ for _, part in t.walk(node)
    )


def _like_terms(node: t.Add) -> t.Node | None:
    found: dict[frozenset[tuple[t.Node, int]], Fraction] = {}
    shown: dict[frozenset[tuple[t.Node, int]], t.Node] = {}
    for term in node.terms:
        product = Product(term)
        key = frozenset(product.powers.items())
        found[key] = found.get(key, Fraction(0)) + product.coefficient
        shown.setdefault(key, term)
    if len(found) == len(node.terms):
        return None
    terms: list[t.Node] = []
    for key, coefficient in found.items():
        if coefficient == 0:
            continue
        product = Product(shown[key])
        if product.coefficient != coefficient:
            product.coefficient = coefficient
            terms.append(product.rebuild())
        else:
            terms.append(shown[key])
    return t.add(*terms)


def common_factors(node: t.Node) -> t.Node | None:
    """ab + ac as a(b + c), what remains of each term left as it is; None where the terms share no factor."""
    if not isinstance(node, t.Add):
        return None
    terms = [Product(x) for x in node.terms]
    shared = {
        base: min(term.powers[base] for term in terms)
        for base in terms[0].powers
        if all(term.powers.get(base, 0) > 0 for term in terms)
    }
    if not shared:
        return None
    for term in terms:
        for base, exponent in shared.items():
            term.powers[base] -= exponent
            if term.powers[base] == 0:
                del term.powers[base]
    outside = Product(t.ONE)
    outside.powers = dict(shared)
    inside = t.Add(tuple(term.rebuild() for term in terms))
    return tidy(t.Mul(tuple(sorted((outside.rebuild(), inside), key=_rank))))


def multiply_out(node: t.Node) -> t.Node | None:
    """(a/p + b/q)·pq as aq + bp: distribute a product over a sum of fractions whose denominators it cancels, wherever one is.

    None where no such product occurs, or where a denominator would stay."""

    def one(n: t.Node) -> t.Node | None:
        if not isinstance(n, t.Mul):
            return None
        for position, factor in enumerate(n.factors):
            if isinstance(factor, t.Add) and any(_is_fraction(x) for x in factor.terms):
                rest = (*n.factors[:position], *n.factors[position + 1 :])
                terms = [collect(t.mul(term, *rest)) for term in factor.terms]
                if not any(_is_fraction(x) for x in terms):
                    return t.Add(tuple(terms))
        return None

    new = tidy(t.transform(node, one))
    return new if new != tidy(node) else None


def _is_fraction(node: t.Node) -> bool:
    return _is_fraction(node.argument) if isinstance(node, t.Neg) else isinstance(node, t.Frac)
