"""How the number of operations grows with the depth of a graph: measured, for the three ways through it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..definition import Definition
from ..notation import scalar
from .accumulation import count
from .graph import Graph, graph
from .graph_ways import Count

MOST_PATHS = 10_000
"""A sum over more paths than this is not executed."""


@dataclass(frozen=True)
class Measured:
    """What each way to all derivatives of one graph executed; by_paths is None where there are too many paths to walk."""

    depth: int
    edges: int
    paths: int
    by_paths: Count | None
    forward: Count
    reverse: Count


@lru_cache(maxsize=64)
def deepened(depth: int) -> Definition:
    """The textbook's graph, its output fed back as its b, ``depth`` times: c = a + b, d = b + 1, and c d is the next b.

    The number of paths from the first b to the output doubles at every level."""
    a, b = scalar("a"), scalar("b")
    last, equations = b, dict[Any, Any]()
    for level in range(1, depth + 1):
        c, d, product = (scalar(f"{name}_{level}") for name in "cdb")
        equations |= {c: a + last, d: last + 1, product: c * d}
        last = product
    del equations[last]
    return Definition(c * d, wrt=(a, b), symbol=f"b_{depth}", where=equations, name=f"deepened_{depth}")


def measured(depths: Iterable[int]) -> tuple[Measured, ...]:
    """The operations executed for the derivatives of the output by both inputs, at each depth."""
    return tuple(_measured(depth, graph(deepened(depth))) for depth in depths)


def _measured(depth: int, made: Graph) -> Measured:
    inputs = [node.name for node in made.nodes if node.role == "input"]
    paths = sum(number_of_paths(made, name) for name in inputs)
    walked = [count(made, "paths", name) for name in inputs] if paths <= MOST_PATHS else None
    return Measured(
        depth,
        len(made.active),
        paths,
        None if walked is None else _sum(walked),
        _sum([count(made, "forward", name) for name in inputs]),
        count(made, "reverse"),
    )


def _sum(counts: list[Count]) -> Count:
    return Count(sum(c.multiplications for c in counts), sum(c.additions for c in counts))


def number_of_paths(made: Graph, source: str) -> int:
    """How many paths lead from a node to the output, found without walking them: as many as lead on from its successors together."""
    found = {made.output.name: 1}
    for node in reversed(made.nodes[:-1]):
        found[node.name] = sum(found[edge.target] for edge in made.out_of[node.name])
    return found[made.differentiable(source).name]
