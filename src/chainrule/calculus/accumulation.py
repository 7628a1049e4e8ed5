"""The derivative of the output of a graph, accumulated line by line: by paths, forward, in reverse. What is counted, ``graph_ways`` says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ..expression import tree as t
from ..expression.value import UnknownValue
from . import graph_ways as ways
from .graph_terms import Term, along, decimal, derivative, edges_along, inward, outward, total
from .graph_values import Plain, Values, at, plain, whole
from .graph_ways import Count, Table, Tally, Weights

if TYPE_CHECKING:
    from .graph import Graph

Kind = Literal["paths", "forward", "reverse"]
SHOWN_PATHS = 64
"""A sum over more paths than this is counted and computed, and not written out."""


@dataclass(frozen=True)
class Line:
    """``left`` = each of ``rights`` in turn: the chain rule in symbols, with the local derivatives put in, with numbers, the result."""

    left: t.Node
    rights: tuple[t.Node, ...]

    @property
    def equation(self) -> t.Equation:
        """The whole line as one tree: left = (right = ...)."""
        *others, last = (self.left, *self.rights)
        for node in reversed(others):
            last = t.Equation(node, last)
        assert isinstance(last, t.Equation)
        return last


@dataclass(frozen=True)
class Accumulation:
    """One way to the derivative of the output. source: what it is by; None for reverse accumulation, which finds all at once.
    derivatives: what was found, by node; of forward accumulation, those of every node by the source. Empty where no numbers were given."""

    kind: Kind
    source: str | None
    lines: tuple[Line, ...]
    count: Count
    derivatives: Mapping[str, Plain]


def _weights(graph: "Graph", numbers: Mapping[Any, Any] | None) -> tuple[Weights, Values | None]:
    """The local derivatives at numbers; without numbers, as many ones: a count does not depend on them."""
    if numbers is not None:
        values = at(graph, numbers)
        return values.tables, values
    if any(node.dimensions for node in graph.nodes):
        raise UnknownValue("the operations on vectors can be counted at numbers only: their sizes are unknown")
    return {edge.key: {((), ()): 1} for edge in graph.active}, None


def count(graph: "Graph", kind: Kind, source: str | None = None, numbers: Mapping[Any, Any] | None = None) -> Count:
    """The operations that one way executes, without its lines; source: for paths and forward accumulation."""
    weights, _ = _weights(graph, numbers)
    tally = Tally()
    if kind == "reverse":
        ways.reverse(graph, weights, tally)
    else:
        name = graph.differentiable(source or "").name
        (ways.by_paths if kind == "paths" else ways.forward)(graph, name, weights, tally)
    return tally.count


def by_paths(graph: "Graph", source: str, numbers: Mapping[Any, Any] | None = None) -> Accumulation:
    """The derivative of the output by one quantity: the sum, over every path, of the product of the local derivatives along it."""
    node = graph.differentiable(source)
    weights, values = _weights(graph, numbers)
    tally = Tally()
    found = ways.by_paths(graph, source, weights, tally)
    paths = list(graph.paths(source))
    lines: tuple[Line, ...] = ()
    if len(paths) <= SHOWN_PATHS:
        terms = [along(graph, path) for path in paths]
        digits = [tuple(_digits(values, key) for key in edges_along(path)) for path in paths]
        lines = (_line(total(graph, node), terms, digits, _float(found, values)),)
    return Accumulation("paths", source, lines, tally.count, _results(graph, {source: found}, values))


def forward(graph: "Graph", source: str, numbers: Mapping[Any, Any] | None = None) -> Accumulation:
    """The derivative of every node by one quantity, in the order of computation: each local derivative times the derivative before it."""
    seed = graph.differentiable(source)
    weights, values = _weights(graph, numbers)
    tally = Tally()
    found = ways.forward(graph, source, weights, tally)
    lines = [Line(derivative(graph, seed, seed), (t.ONE,))] if not seed.dimensions else []
    for node in graph.nodes:
        if node.name == source or node.name not in found:
            continue
        edges = [edge for edge in graph.into[node.name] if edge.source in found]
        terms = [inward(graph, edge, seed) for edge in edges]
        digits = [
            (_digits(values, e.key), *(() if e.source == source else (_float(found[e.source], values),))) for e in edges
        ]
        lines.append(_line(derivative(graph, node, seed), terms, digits, _float(found[node.name], values)))
    return Accumulation("forward", source, tuple(lines), tally.count, _results(graph, found, values))


def reverse(graph: "Graph", numbers: Mapping[Any, Any] | None = None) -> Accumulation:
    """The derivative of the output by every node, from the last to the first: the derivative by what comes after times each local one."""
    weights, values = _weights(graph, numbers)
    tally = Tally()
    found = ways.reverse(graph, weights, tally)
    out = graph.output
    lines = [Line(derivative(graph, out, out), (t.ONE,))] if not out.dimensions else []
    for node in reversed(graph.nodes):
        edges = graph.out_of[node.name]
        if not edges:
            continue
        terms = [outward(graph, edge) for edge in edges]
        digits = [
            (*(() if e.target == out.name else (_float(found[e.target], values),)), _digits(values, e.key))
            for e in edges
        ]
        lines.append(_line(total(graph, node), terms, digits, _float(found[node.name], values)))
    return Accumulation("reverse", None, tuple(lines), tally.count, _results(graph, found, values))


def _results(graph: "Graph", found: Mapping[str, Table | None], values: Values | None) -> dict[str, Plain]:
    if values is None:
        return {}
    return {name: plain(whole(graph, name, table, values.point)) for name, table in found.items()}


def _float(table: Table | None, values: Values | None) -> float | None:
    """A derivative of a scalar by a scalar as a number."""
    if table is None or values is None or list(table) != [((), ())]:
        return 1.0 if table is None and values is not None else None
    return float(table[(), ()])


def _digits(values: Values | None, key: tuple[str, str]) -> float | None:
    return None if values is None else _float(values.tables[key], values)


def _line(left: t.Node, terms: list[Term], digits: list[tuple[float | None, ...]], result: float | None) -> Line:
    rights = [t.add(*(term[form] for term in terms)) for form in (0, 1)]
    known = [[decimal(d) for d in row if d is not None] for row in digits]
    complete = [len(row) for row in known] == [len(row) for row in digits]
    if result is not None and complete and not isinstance(rights[1], t.Number):
        products = [t.mul(*row) for row in known]
        rights += [t.add(*products), decimal(result)]
    alone = rights[0] == left  # a derivative on one edge only: what is said is its formula
    return Line(left, tuple(dict.fromkeys(rights[1:] if alone else rights)))
