"""Formulas in index notation as products: factors above and below a fraction bar, and a sign."""

from fractions import Fraction

from ..expression import tree as t


def taken_apart(node: t.Node) -> tuple[bool, list[t.Node], list[t.Node]]:
    """A product as its sign, the factors above and those below the fraction bar."""
    match node:
        case t.Neg(argument):
            negative, above, below = taken_apart(argument)
            return not negative, above, below
        case t.Mul(factors):
            sign, top, bottom = False, [], []
            for factor in factors:
                negative, above, below = taken_apart(factor)
                sign ^= negative
                top += above
                bottom += below
            return sign, top, bottom
        case t.Frac(a, b):
            minus, above, below = taken_apart(a)
            other, over, under = taken_apart(b)
            return minus ^ other, [*(f for f in above if f != t.ONE), *under], [*below, *over]
    return False, [node], []


def coefficient(node: t.Node) -> tuple[Fraction, tuple[t.Node, ...]]:
    """The number that a product is a multiple of, with its sign, and its other factors."""
    negative, above, below = taken_apart(node)
    value = Fraction(-1 if negative else 1)
    others = []
    for factor in above:
        if isinstance(factor, t.Number):
            value *= factor.value
        else:
            others.append(factor)
    return value, (*others, *(t.Frac(t.ONE, f) for f in below))


def factors_of(node: t.Node) -> tuple[t.Node, ...]:
    _, above, below = taken_apart(node)
    return (*above, *(t.Frac(t.ONE, f) for f in below))


def is_symbolic(exponent: t.Node) -> bool:
    """Whether an exponent holds a parameter, by which it may be negative or no whole number."""
    return any(isinstance(part, t.Symbol) for _, part in t.walk(exponent))


def is_named(node: t.Node) -> bool:
    """Whether a formula without indices is an array all the same, for it names a quantity of each batch element."""
    return any(isinstance(p, t.Symbol | t.Component | t.Matrix) for _, p in t.walk(node))


def distributed(factors: list[t.Node]) -> list[list[t.Node]] | None:
    """The terms of a product with a sum such as V_up - Σ_k P_ik V_kp in it, which has more axes than either of its terms; None where there is none."""
    for position, factor in enumerate(factors):
        if isinstance(factor, t.Add) and len(factors) > 1:
            axes = t.free_indices(factor)
            if all(t.free_indices(x) < axes for x in factor.terms):
                return [[*factors[:position], x, *factors[position + 1 :]] for x in factor.terms]
    return None


def unsigned(node: t.Node) -> tuple[bool, t.Node]:
    """A product with its sign taken out."""
    negative, above, below = taken_apart(node)
    return negative, t.mul(*above, *(t.Frac(t.ONE, f) for f in below))


def negated(node: t.Node, negative: bool) -> t.Node:
    return t.Neg(node) if negative else node


def resummed(body: t.Node, bound: dict[str, str]) -> t.Node:
    for k, size in reversed(bound.items()):
        body = t.Sum(body, k, size)
    return body
