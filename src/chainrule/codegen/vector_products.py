"""Products of a derivative with a vector, worked out by the rules of index calculus, so that code never forms the matrix; and what sums to what."""

from dataclasses import replace

from ..calculus.derive import finish
from ..errors import UnsupportedExpression
from ..expression import tree as t
from ..expression.scope import NamedVector, Scope
from .vector_spec import Product

SIZE_LIMIT = 160
"""Trees larger than this are contracted in the code and not by rules."""


def product(
    tree: t.Node, over: tuple[str, ...], left: tuple[str, ...], base: str, sizes: dict[str, str], scope: Scope, own: str
) -> Product | None:
    """Σ over the indices ``over`` of ``tree`` times the component of ``base`` at them, simplified; the result has the indices ``left``.

    own: the name of the function, which stays a name here. None where the tree is too large."""
    if t.size(tree) > SIZE_LIMIT:
        return None
    scope = scope.extended(shapes={base: tuple(sizes[i] for i in over)})
    factor = t.Component(base, over) if over else t.Symbol(base)
    start = _contracted(tree, factor, over, sizes)
    return Product(simplified(start, scope, own), base, left)


def _contracted(tree: t.Node, factor: t.Node, over: tuple[str, ...], sizes: dict[str, str]) -> t.Node:
    """Σ factor · tree over ``over``, the sum brought inside other sums: Σ_k v_k Σ_l X_lj X_lk as Σ_l X_lj Σ_k X_lk v_k."""
    match tree:
        case t.Sum(body, index, size) if index not in over and set(over) & t.free_indices(body):
            return t.Sum(_contracted(body, factor, over, sizes), index, size)
        case t.Neg(argument):
            return t.Neg(_contracted(argument, factor, over, sizes))
        case t.Frac(numerator, denominator) if not set(over) & t.free_indices(denominator):
            return t.Frac(_contracted(numerator, factor, over, sizes), denominator)
        case t.Mul(factors):
            inside = [f for f in factors if set(over) & t.free_indices(f)]
            if len(inside) == 1 and isinstance(inside[0], t.Sum):
                return t.mul(*(_contracted(f, factor, over, sizes) if f is inside[0] else f for f in factors))
        case t.Add(terms) if any(isinstance(p, t.Sum) and set(over) & t.free_indices(p.body) for _, p in t.walk(tree)):
            return t.Add(tuple(_contracted(x, factor, over, sizes) for x in terms))
    start: t.Node = t.Mul((factor, tree))
    for i in reversed(over):
        start = t.Sum(start, i, sizes[i])
    return start


def simplified(node: t.Node, scope: Scope, own: str = "") -> t.Node:
    """A sum worked out by the rules of index calculus; the formula of ``own`` is kept out, so that its name is not written out or brought in."""
    others = {base: vector for base, vector in scope.vectors.items() if base != own}
    try:
        steps = tuple(finish(node, replace(scope, vectors=others)))
    except UnsupportedExpression:
        return node
    return steps[-1].after if steps else node


def sums_to_one(vector: NamedVector, size: str, scope: Scope) -> bool:
    """Whether the components of a named vector (of each row of a named matrix) sum to 1, shown by the rules for sums."""
    total = t.Sum(vector.body, vector.indices[-1], size)
    return t.size(total) < SIZE_LIMIT and simplified(total, replace(scope, vectors={}), "") == t.ONE


def sums_to_zero(tree: t.Node, index: str, size: str, scope: Scope, own: str) -> bool:
    """Whether the sum of a tree over one of its indices is 0, shown by the rules for sums."""
    if t.size(tree) > SIZE_LIMIT:
        return False
    total = simplified(t.Sum(tree, index, size), scope, own)
    return total == t.ZERO or simplified(_spread(total), scope, own) == t.ZERO


def _spread(node: t.Node) -> t.Node:
    """Σ (a + b) c as Σ a c + Σ b c, wherever such a sum is."""

    def one(n: t.Node) -> t.Node:
        match n:
            case t.Sum(t.Neg(argument), index, size):
                return t.Neg(one(t.Sum(argument, index, size)))
            case t.Sum(t.Add(terms), index, size):
                return t.Add(tuple(one(t.Sum(x, index, size)) for x in terms))
            case t.Sum(t.Mul(factors), index, size):
                for k, factor in enumerate(factors):
                    if isinstance(factor, t.Add):
                        products = (t.mul(*factors[:k], x, *factors[k + 1 :]) for x in factor.terms)
                        return one(t.Sum(t.Add(tuple(products)), index, size))
        return n

    return t.transform(node, one)
