"""The terms of an accumulation as formulas: products of derivatives, summed over the components of a vector on the way."""

from typing import TYPE_CHECKING, TypeAlias

from ..expression import tree as t

if TYPE_CHECKING:
    from .graph import Edge, Graph, Node

Term: TypeAlias = tuple[t.Node, t.Node]
"""A term of a line in symbols, and with local derivatives put in."""


def indices_of(node: t.Node) -> tuple[str, ...]:
    return node.indices if isinstance(node, t.Component) else ()


def decimal(value: float) -> t.Node:
    """A computed number of either sign as a tree."""
    return t.Neg(t.Decimal(-value)) if value < 0 else t.Decimal(value + 0.0)


def _at(node: "Node", taken: tuple[str, ...]) -> t.Symbol | t.Component:
    """A node as it is written beside others, its indices unlike theirs."""
    if not node.dimensions:
        return t.Symbol(node.name)
    free = [index for index in (*node.indices, "i", "j", *t.FRESH) if index not in taken]
    return t.Component(node.name, tuple(dict.fromkeys(free))[: len(node.dimensions)])


def derivative(graph: "Graph", node: "Node", source: "Node") -> t.Derivative:
    """The derivative of a node by another along every path."""
    name = _at(node, ())
    return t.Derivative(name, _at(source, indices_of(name)), 1, not graph.has_shortcuts)


def total(graph: "Graph", node: "Node") -> t.Derivative:
    return derivative(graph, graph.output, node)


def _formula(edge: "Edge", target: t.Node, source: t.Node) -> t.Node:
    """The local derivative with the indices that a line gives its two quantities."""
    symbol, formula = edge.symbol, edge.derivative
    assert symbol is not None and formula is not None
    old = (*indices_of(symbol.operand), *indices_of(symbol.variable))
    return t.rename_indices(formula, dict(zip(old, (*indices_of(target), *indices_of(source)), strict=True)))


def _summed(body: t.Node, over: t.Node, node: "Node") -> t.Node:
    for index, dimension in reversed(tuple(zip(indices_of(over), node.dimensions, strict=True))):
        body = t.Sum(body, index, dimension)
    return t.same_bound_names(body)


def outward(graph: "Graph", edge: "Edge") -> Term:
    """The term of a line of reverse accumulation: ∂e/∂c · ∂c/∂b."""
    goal = total(graph, graph.node(edge.source))
    source, target = goal.variable, graph.node(edge.target)
    if target is graph.output:
        return t.Derivative(goal.operand, source, 1, True), _formula(edge, goal.operand, source)
    middle = _at(target, (*indices_of(goal.operand), *indices_of(source)))
    outer = t.Derivative(goal.operand, middle, 1, goal.partial)
    local = t.Derivative(middle, source, 1, True)
    forms = (t.Mul((outer, factor)) for factor in (local, _formula(edge, middle, source)))
    first, second = (_summed(form, middle, target) for form in forms)
    return first, second


def inward(graph: "Graph", edge: "Edge", seed: "Node") -> Term:
    """The term of a line of forward accumulation: ∂e/∂c · ∂c/∂b."""
    goal = derivative(graph, graph.node(edge.target), seed)
    source = graph.node(edge.source)
    if source is seed:
        return t.Derivative(goal.operand, goal.variable, 1, True), _formula(edge, goal.operand, goal.variable)
    middle = _at(source, (*indices_of(goal.operand), *indices_of(goal.variable)))
    inner = t.Derivative(middle, goal.variable, 1, goal.partial)
    local = t.Derivative(goal.operand, middle, 1, True)
    forms = (t.Mul((factor, inner)) for factor in (local, _formula(edge, goal.operand, middle)))
    first, second = (_summed(form, middle, source) for form in forms)
    return first, second


def edges_along(path: tuple[str, ...]) -> list[tuple[str, str]]:
    """The edges of a path, that into the output first."""
    return list(zip(path[-2::-1], path[:0:-1], strict=True))


def along(graph: "Graph", path: tuple[str, ...]) -> Term:
    """The product of the local derivatives along a path, that of the output first."""
    edges = {edge.key: edge for edge in graph.active}
    names: list[t.Symbol | t.Component] = []
    goal = total(graph, graph.node(path[0]))
    taken: tuple[str, ...] = (*indices_of(goal.operand), *indices_of(goal.variable))
    for name in reversed(path[1:-1]):
        names.append(_at(graph.node(name), taken))
        taken = (*taken, *indices_of(names[-1]))
    places: list[t.Node] = [goal.operand, *names, goal.variable] if len(path) > 1 else [goal.operand]
    symbols, formulas = [], []
    for position, key in enumerate(edges_along(path)):
        target, source = places[position], places[position + 1]
        symbols.append(t.Derivative(target, source, 1, True))
        formulas.append(_formula(edges[key], target, source))
    forms = [t.mul(*symbols), t.mul(*formulas)]
    for middle in reversed(names):
        forms = [_summed(form, middle, graph.node(t.base_of(middle))) for form in forms]
    return forms[0], forms[1]
