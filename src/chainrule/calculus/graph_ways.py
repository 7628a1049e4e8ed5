"""The three ways through a graph to the derivative of its output: by paths, forward, in reverse; on any numbers, and counted.

What is counted are the multiplications and additions of numbers that are executed on the way from the local derivatives to the derivative
of the output. A multiplication by a local derivative that is 1 counts. The derivative of a quantity by itself is 1 and nothing is multiplied
by it. The values of the nodes and the local derivatives themselves are needed by all three ways alike and are not counted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from .graph import Graph

Places: TypeAlias = tuple[int, ...]
Table: TypeAlias = Mapping[tuple[Places, Places], Any]
"""The derivative of each component of one quantity by each component of another, by their places; a scalar has the place ()."""
Weights: TypeAlias = Mapping[tuple[str, str], Table]
"""The local derivative on every edge, by (source, target)."""


@dataclass(frozen=True)
class Count:
    """What was executed: multiplications and additions of numbers."""

    multiplications: int
    additions: int

    def __add__(self, other: "Count") -> "Count":
        return Count(self.multiplications + other.multiplications, self.additions + other.additions)


class Tally:
    """Arithmetic on tables of numbers that counts what it does."""

    def __init__(self) -> None:
        self.multiplications = self.additions = 0

    @property
    def count(self) -> Count:
        return Count(self.multiplications, self.additions)

    def times(self, left: Table | None, right: Table | None) -> Table | None:
        """The product of two Jacobians; None is that of a quantity by itself, by which nothing is multiplied."""
        if left is None or right is None:
            return left if right is None else right
        found: dict[tuple[Places, Places], Any] = {}
        columns = dict.fromkeys(column for _, column in right)
        for row, middle in left:
            for column in columns:
                self.multiplications += 1
                term = left[row, middle] * right[middle, column]
                if (row, column) in found:
                    self.additions += 1
                    term = found[row, column] + term
                found[row, column] = term
        return found

    def plus(self, left: Table | None, right: Table | None) -> Table | None:
        if left is None or right is None:
            raise AssertionError("a quantity is not its own successor")
        self.additions += len(left)
        return {key: left[key] + right[key] for key in left}

    def total(self, terms: Iterable[Table | None]) -> Table | None:
        first, *others = terms
        for other in others:
            first = self.plus(first, other)
        return first


def by_paths(graph: "Graph", source: str, weights: Weights, tally: Tally) -> Table | None:
    total: Table | None = None
    for number, path in enumerate(graph.paths(source)):
        term: Table | None = None
        for key in zip(path[-2::-1], path[:0:-1], strict=True):
            term = tally.times(term, weights[key])
        total = tally.plus(total, term) if number else term
    return total


def forward(graph: "Graph", source: str, weights: Weights, tally: Tally) -> dict[str, Table | None]:
    tangents: dict[str, Table | None] = {source: None}
    for node in graph.nodes:
        edges = [edge for edge in graph.into[node.name] if edge.source in tangents]
        if edges and node.name != source:
            tangents[node.name] = tally.total(tally.times(weights[e.key], tangents[e.source]) for e in edges)
    return tangents


def reverse(graph: "Graph", weights: Weights, tally: Tally) -> dict[str, Table | None]:
    adjoints: dict[str, Table | None] = {graph.output.name: None}
    for node in reversed(graph.nodes):
        edges = graph.out_of[node.name]
        if edges:
            adjoints[node.name] = tally.total(tally.times(adjoints[e.target], weights[e.key]) for e in edges)
    return adjoints
