"""The page of a network of one's own: its equations forward and backward, its numbers if they are wanted, its code."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from ..calculus.derivation import Derivation
from ..errors import DefinitionError
from ..expression import tree as t
from ..networks.equations import Equations, Line, equations
from ..networks.example import Example, example
from ..networks.network import Network
from ..report import Author, DerivationText, Formula
from ..verification import Row, verify_all
from .numbers import Numbers, compared, drawing, numbers
from .page import Chain, Page
from .pseudocode import Step, steps

MOST_PARAMETERS = 100
"""A network with more has no page that a reader would follow with numbers."""


@dataclass(frozen=True)
class Equation:
    """key, layer: as in ``Line``. row: its sides, in matrix notation where there is one. components: in index notation."""

    key: str
    layer: int
    row: Chain
    components: Formula


@dataclass(frozen=True)
class Values:
    """constant: whether its output is 1 whatever its input. activations: of each layer. output: the error of the last layer, line by line. local: the derivative of each
    hidden activation, by its name. numbers: None if none are wanted."""

    widths: str
    constant: bool
    activations: tuple[str, ...]
    loss: str
    l2: float
    forward: tuple[Equation, ...]
    output: DerivationText
    local: Mapping[str, Formula]
    backward: tuple[Equation, ...]
    batch_forward: tuple[Equation, ...]
    batch_backward: tuple[Equation, ...]
    numbers: Numbers | None
    steps: tuple[Step, ...]
    source: str


def page(network: Network, with_numbers: bool = False) -> Page:
    """The page, derived and checked. Its numbers are those of a small sample that is the same every time.

    Raises DefinitionError where they are wanted of a network with more than ``MOST_PARAMETERS`` parameters."""
    parameters = sum((n + 1) * m for n, m in pairwise(network.widths))
    if with_numbers and parameters > MOST_PARAMETERS:
        raise DefinitionError(
            f"the network {network} has {parameters} parameters: numbers at every unit can be read for up to {MOST_PARAMETERS}; leave them out"
        )
    one, batch = equations(network), equations(network, batch=True)
    made = example(network) if with_numbers else None
    checks: Mapping[str, Row] = {} if made is None else compared(made)
    derivations = {id(d): d for line in (*one.backward, *batch.backward) for d in line.derivations}
    derivations |= {id(d): d for d in one.activations.values()}
    name = f"network-{network}"
    return Page(
        name,
        f"A network of widths {network}",
        "Its derivation, forward and backward, and the code that computes it.",
        "network.j2",
        partial(_values, network, one, batch, made),
        {"network": drawing(name, network, made)},
        verify_all(tuple(derivations.values())),
        checks,
    )


def _values(
    network: Network, one: Equations, batch: Equations, made: Example | None, author: Author
) -> Mapping[str, Any]:
    hidden = tuple(f.name for f in network.functions[:-1])
    (last,) = one.line("delta", network.depth, backward=True).derivations
    return {
        "network": Values(
            str(network),
            network.teaches_nothing,
            network.activations,
            network.loss,
            network.l2,
            _equations(one.forward, author),
            author.derivation(last, "other"),
            {name: _local(d, author) for name, d in one.activations.items() if name in hidden},
            _equations(one.backward, author),
            _equations(batch.forward, author),
            _equations(batch.backward, author),
            None if made is None else numbers(made, author),
            steps(network, author, batch=True),
            network.compile().source,
        )
    }


def _equations(lines: tuple[Line, ...], author: Author) -> tuple[Equation, ...]:
    return tuple(
        Equation(x.key, x.layer, _row(x.matrix or x.components, author), author.formula(x.components)) for x in lines
    )


def _row(equation: t.Equation, author: Author) -> Chain:
    return Chain(author.formula(equation.left), (author.formula(equation.right),))


def _local(derivation: Derivation, author: Author) -> Formula:
    return author.formula(t.Equation(derivation.goal, derivation.final))
