"""A computational graph at numbers: the value of every node, the local derivative on every edge, the derivatives of the output."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from mpmath import mp

from ..errors import UnknownName
from ..expression import tree as t
from ..expression.value import Point, Undefined, UnknownValue, evaluate
from . import graph_ways as ways
from .graph_terms import indices_of
from .graph_ways import Places, Table, Weights

if TYPE_CHECKING:
    from .graph import Edge, Graph, Node

Plain: TypeAlias = Any
"""A float, or for a vector a tuple of them, for a matrix a tuple of rows."""


@dataclass(frozen=True)
class Values:
    """A graph at a point. numbers: the value of every node. local: the local derivative on every edge that has one, by (source, target).
    adjoints: the derivative of the output by every node that it is differentiated through, found by reverse accumulation. Derivatives by a
    vector are tuples; of a vector, the axes of what is differentiated come first."""

    graph: "Graph"
    numbers: Mapping[str, Plain]
    local: Mapping[tuple[str, str], Plain]
    adjoints: Mapping[str, Plain]
    point: Point
    tables: Weights

    def tangents(self, source: str) -> dict[str, Plain]:
        """The derivative by ``source`` of every node that depends on it, found by forward accumulation."""
        found = ways.forward(self.graph, self.graph.differentiable(source).name, self.tables, ways.Tally())
        return {name: plain(whole(self.graph, name, table, self.point)) for name, table in found.items()}


def at(graph: "Graph", numbers: Mapping[Any, Any]) -> Values:
    """Values and derivatives at numbers for everything that is given: a number, or nested lists for a vector or a matrix.

    Raises UnknownName for a number that the graph has no place for, UnknownValue for one that is missing or of another shape, and
    Undefined where a value or a derivative is not finite."""
    given = {str(getattr(key, "label", key)): value for key, value in numbers.items()}
    leaves = [node for node in graph.nodes if node.formula is None]
    for name in given:
        if graph.node(name).formula is not None:
            raise UnknownName(f"{name} is computed: give numbers for {_listed(n.name for n in leaves)}")
    scalars, vectors, dimensions = dict[str, Any](), dict[str, Any](), dict[str, int]()
    missing = [n.name for n in leaves if n.name not in given and n.default is None]
    if missing:
        raise UnknownValue(f"no number for {_listed(missing)}: at({{{missing[0]!r}: 1.0, ...}})")
    for node in leaves:
        value = _exact(node.name, given.get(node.name, node.default))
        (vectors if node.dimensions else scalars)[node.name] = value
        _measure(node, value, dimensions)
    point = Point(scalars, vectors, dimensions)
    for node in graph.nodes:
        if node.formula is not None:
            made = _entries(node, node.formula, point)
            (vectors if node.dimensions else scalars)[node.name] = made
            point = Point(scalars, vectors, dimensions)
    tables = {edge.key: _jacobian(graph, edge, point) for edge in graph.active}
    adjoints = ways.reverse(graph, tables, ways.Tally())
    return Values(
        graph,
        {node.name: _floats((vectors if node.dimensions else scalars)[node.name]) for node in graph.nodes},
        {key: plain(table) for key, table in tables.items()},
        {name: plain(whole(graph, name, table, point)) for name, table in adjoints.items()},
        point,
        tables,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _exact(name: str, value: Any) -> Any:
    """A number, or nested lists of numbers, as mpmath has them."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        return tuple(_exact(name, part) for part in value)
    try:
        found = mp.mpf(float(value))
    except (TypeError, ValueError) as error:
        raise UnknownValue(f"{name} = {value!r}: give a number") from error
    if not mp.isfinite(found):
        raise Undefined(f"{name} = {value} is not finite")
    return found


def _measure(node: "Node", value: Any, dimensions: dict[str, int]) -> None:
    """The sizes of the axes, which have to agree with those of other vectors."""
    level = [value]
    for dimension in node.dimensions:
        lengths = {len(part) if isinstance(part, tuple) else -1 for part in level}
        size = dimensions.setdefault(dimension, max(lengths))
        if lengths != {size} or size < 1 or (dimension.isdecimal() and size != int(dimension)):
            shown = " × ".join(node.dimensions)
            raise UnknownValue(f"{node.name} has size {shown}, with {dimension} = {size}: its numbers do not fit")
        level = [entry for part in level for entry in part]
    if any(isinstance(part, tuple) for part in level):
        raise UnknownValue(f"{node.name} has {len(node.dimensions)} axes: its numbers have more")


def _places(node: "Node", point: Point) -> list[Places]:
    return list(product(*(range(_size(d, point)) for d in node.dimensions)))


def _size(dimension: str, point: Point) -> int:
    return int(dimension) if dimension.isdecimal() else point.dimensions[dimension]


def _entries(node: "Node", formula: t.Node, point: Point, done: Places = ()) -> Any:
    """The value of a node, or of a vector the tuple of its components."""
    if len(done) < len(node.dimensions):
        size = _size(node.dimensions[len(done)], point)
        return tuple(_entries(node, formula, point, (*done, place)) for place in range(size))
    here = Point(point.scalars, point.vectors, point.dimensions, dict(zip(node.indices, done, strict=True)))
    return _finite(lambda: evaluate(formula, here, node.scope), node.name)


def _finite(work: Callable[[], Any], name: str) -> Any:
    try:
        return work()
    except Undefined as error:
        raise Undefined(f"{name} has no finite value at these numbers: {error}") from error


def _jacobian(graph: "Graph", edge: "Edge", point: Point) -> Table:
    assert edge.derivation is not None
    symbol = edge.symbol
    assert symbol is not None
    rows, columns = indices_of(symbol.operand), indices_of(symbol.variable)
    found = {}
    for row in _places(graph.node(edge.target), point):
        for column in _places(graph.node(edge.source), point):
            indices = dict(zip((*rows, *columns), (*row, *column), strict=True))
            here = Point(point.scalars, point.vectors, point.dimensions, indices)
            formula, scope = edge.derivation.final, edge.derivation.scope
            value = _finite(lambda f=formula, h=here, s=scope: evaluate(f, h, s), f"∂{edge.target}/∂{edge.source}")  # type: ignore[misc]
            found[row, column] = value
    return found


def _floats(value: Any) -> Plain:
    return tuple(map(_floats, value)) if isinstance(value, tuple) else float(value)


def plain(table: Table) -> Plain:
    """A table as a float or nested tuples, what is differentiated first."""

    def part(entries: dict[Places, Any]) -> Plain:
        if list(entries) == [()]:
            return float(entries[()])
        groups: dict[int, dict[Places, Any]] = {}
        for places, value in entries.items():
            groups.setdefault(places[0], {})[places[1:]] = value
        return tuple(part(groups[place]) for place in sorted(groups))

    return part({(*row, *column): value for (row, column), value in table.items()})


def whole(graph: "Graph", name: str, table: Table | None, point: Point) -> Table:
    """A table; the identity for a quantity by itself."""
    if table is not None:
        return table
    places = _places(graph.node(name), point)
    return {(row, column): mp.mpf(row == column) for row in places for column in places}
