"""A computation as a graph: the textbook's example by paths, forward and in reverse, and how the three grow."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ...calculus.accumulation import Accumulation
from ...calculus.derivation import Derivation
from ...calculus.graph import Graph, graph
from ...calculus.graph_ways import Count
from ...calculus.growth import Measured, measured
from ...catalogue import load
from ...drawings import draw_growth, growth_figure, svg, tikz
from ...expression import tree as t
from ...report import Author, Formula
from ...verification import Row, Verification, verify_all
from ..agreement import agreement
from ..page import Chain, Picture

EXAMPLE = "computational_graph"
NUMBERS = {"a": 2, "b": 1}
DEPTHS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32)
TOLERANCE = 1e-12


@dataclass(frozen=True)
class Way:
    """One way to the derivatives. kind: paths, forward or reverse; source: what it is by, if one only. lines: what is equal, in rows."""

    kind: str
    source: Formula | None
    lines: tuple[Chain, ...]
    count: Count


@dataclass(frozen=True)
class Values:
    """given: the numbers. equations: the definition, one node each. local: the derivative on every edge. totals: what both derivatives need, by kind."""

    given: tuple[Formula, ...]
    equations: tuple[Chain, ...]
    local: tuple[Formula, ...]
    ways: tuple[Way, ...]
    totals: Mapping[str, Count]
    growth: tuple[Measured, ...]


@lru_cache(maxsize=1)
def _graph() -> Graph:
    return graph(load(EXAMPLE))


@lru_cache(maxsize=1)
def _growth() -> tuple[Measured, ...]:
    return measured(DEPTHS)


def _accumulations() -> tuple[Accumulation, ...]:
    made = _graph()
    inputs = tuple(NUMBERS)
    return (
        *(made.by_paths(name, NUMBERS) for name in inputs),
        *(made.forward(name, NUMBERS) for name in inputs),
        made.reverse(NUMBERS),
    )


def values(author: Author) -> Values:
    made, found = _graph(), _accumulations()
    totals: dict[str, Count] = {}
    for each in found:
        totals[each.kind] = totals.get(each.kind, Count(0, 0)) + each.count
    return Values(
        tuple(author.formula(t.Equation(t.Symbol(name), t.number(value))) for name, value in NUMBERS.items()),
        tuple(
            Chain(author.formula(n.symbol), (author.formula(n.formula),)) for n in made.nodes if n.formula is not None
        ),
        tuple(
            author.formula(t.Equation(edge.symbol, edge.derivative))
            for edge in made.active
            if edge.symbol is not None and edge.derivative is not None
        ),
        tuple(_way(each, author) for each in found),
        totals,
        _growth(),
    )


def _way(found: Accumulation, author: Author) -> Way:
    return Way(
        found.kind,
        None if found.source is None else author.formula(t.Symbol(found.source)),
        tuple(Chain(author.formula(line.left), tuple(map(author.formula, line.rights))) for line in found.lines),
        found.count,
    )


def pictures() -> Mapping[str, Picture]:
    made = _graph()
    numbers = made.at(NUMBERS)
    growth = growth_figure(_growth(), "networks-growth")
    return {
        "graph": Picture("networks-graph", lambda: svg(made, numbers), tikz=tikz(made, numbers)),
        "growth": Picture("networks-growth", lambda: draw_growth(growth, "svg"), lambda: draw_growth(growth, "pdf")),
    }


def _derivations() -> tuple[Derivation, ...]:
    return tuple(edge.derivation for edge in _graph().active if edge.derivation is not None)


def verifications() -> tuple[Verification, ...]:
    return verify_all(_derivations())


def checks() -> Mapping[str, Row]:
    """The three ways against difference quotients of the values."""
    quotients = {name: _quotient(name) for name in NUMBERS}
    found = [
        (f"{each.kind}, by {name}", derivative, quotients[name])
        for each in _accumulations()
        for name, derivative in _of_the_output(each).items()
    ]
    return {"the derivatives of the graph, by paths, forward and in reverse": agreement(found, TOLERANCE)}


def _of_the_output(found: Accumulation) -> Mapping[str, float]:
    """The derivatives of the output by the inputs, whichever way."""
    if found.kind == "forward":
        assert found.source is not None
        return {found.source: found.derivatives[_graph().output.name]}
    return {name: found.derivatives[name] for name in NUMBERS if name in found.derivatives}


def _quotient(name: str) -> float:
    """The central difference quotient of the output: exact but for rounding, as the output is of degree 2."""
    made = _graph()
    above, below = ({**NUMBERS, name: NUMBERS[name] + step} for step in (0.5, -0.5))
    return float(made.at(above).numbers[made.output.name] - made.at(below).numbers[made.output.name])
