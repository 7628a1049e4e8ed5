"""One step of gradient descent as an algorithm, as rows that a template prints."""

from dataclasses import dataclass

from ..networks.algorithm import Statement, algorithm
from ..networks.network import Network
from ..report import Author, Formula


@dataclass(frozen=True)
class Step:
    """depth: of the loops around it. kind, phase: as in ``Statement``. formula: what is set, or the variable of a loop from ``start`` to ``stop``; down: backwards."""

    depth: int
    kind: str
    phase: str
    formula: Formula
    start: Formula | None = None
    stop: Formula | None = None
    down: bool = False


def steps(network: Network, author: Author, batch: bool = False) -> tuple[Step, ...]:
    """The lines of ``algorithm``."""
    return tuple(_step(statement, author) for statement in algorithm(network, batch))


def _step(found: Statement, author: Author) -> Step:
    made = author.formula(found.formula)
    if found.start is None or found.stop is None:
        return Step(found.indent, found.kind, found.phase, made)
    ends = (author.formula(found.start), author.formula(found.stop))
    return Step(found.indent, found.kind, found.phase, made, *ends, found.phase == "backward")
