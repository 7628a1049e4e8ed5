"""A formula in index notation at given places, every sum written out: Σ_k W_ik x_k + b_i at i = 1 is W_11 x_1 + W_12 x_2 + b_1."""

from collections.abc import Mapping

from ..calculus.tidy import tidy
from ..expression import tree as t
from ..expression.value import Evaluation


def placed(node: t.Node, places: Mapping[str, int], sizes: Mapping[str, int]) -> t.Node:
    """places: of the free indices, counted from 1. sizes: of the dimensions."""
    at = {name: str(place) for name, place in places.items()}
    return tidy(_written_out(t.rename_indices(node, at), sizes))


def _written_out(node: t.Node, sizes: Mapping[str, int]) -> t.Node:
    match node:
        case t.Sum(body, index, dimension):
            return t.add(*_each(body, index, dimension, sizes))
        case t.MaxOver(body, index, dimension):
            terms = _each(body, index, dimension, sizes)
            return terms[0] if len(terms) == 1 else t.Call("max", terms)
        case t.Delta(left, right) if left.isdecimal() and right.isdecimal():
            return t.ONE if left == right else t.ZERO
        case t.Dimension(name) if name in sizes:
            return t.number(sizes[name])
        case t.Index(name) if name.isdecimal():
            return t.number(int(name))
    children = tuple(_written_out(child, sizes) for child in node.children)
    return node.with_children(children) if children else node


def _each(body: t.Node, index: str, dimension: str, sizes: Mapping[str, int]) -> tuple[t.Node, ...]:
    """What a sum is over, place by place."""
    return tuple(
        _written_out(t.rename_indices(body, {index: str(place)}), sizes) for place in range(1, sizes[dimension] + 1)
    )


def with_numbers(node: t.Node, numbers: Mapping[t.Node, t.Node], at: Evaluation) -> t.Node:
    """The formula with a number for every name, and of cases the one that holds."""

    def chosen(n: t.Node) -> t.Node:
        if isinstance(n, t.Cases):
            return chosen(
                next(b.value for b in n.branches if isinstance(b.condition, t.Otherwise) or at.holds(b.condition))
            )
        children = tuple(map(chosen, n.children))
        return n.with_children(children) if children else n

    return t.substitute(chosen(node), dict(numbers))
