"""A network with numbers at every unit, as rows that a template prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..calculus.graph_terms import decimal
from ..drawings import network_picture, network_svg, network_tikz
from ..networks.agreement import TOLERANCE, Difference, code_numbers, computed_otherwise, shown_otherwise
from ..networks.example import Example
from ..networks.network import Network
from ..networks.written import Chain as Paths
from ..networks.written import Written
from ..report import Author, Formula
from ..verification import Row
from .page import Chain, Picture


@dataclass(frozen=True)
class Numbers:
    """given: x, y, weights and biases. units: z and a of every unit, layer by layer. output: δ of the output along its paths, and written: the gradients of some weights;
    each a name and its rows. errors, gradients: of all units, all weights and biases. penalised: those of the cost, where there is a
    penalty. steps: every parameter after the step. before, after: the cost, that of the loss with the penalty."""

    given: tuple[Formula, ...]
    units: tuple[tuple[Chain, ...], ...]
    loss: Chain
    output: tuple[tuple[Chain, ...], ...]
    written: tuple[tuple[Formula, tuple[Chain, ...]], ...]
    errors: tuple[Chain, ...]
    gradients: tuple[Chain, ...]
    penalised: tuple[Chain, ...]
    steps: tuple[Chain, ...]
    rate: Formula
    before: Formula
    after: Formula


def numbers(example: Example, author: Author) -> Numbers:
    depth = example.network.depth
    backward = example.backward
    return Numbers(
        tuple(author.formula(row.equation) for row in example.given),
        tuple(
            tuple(_chain(row, author) for row in example.forward if row.key[:2] in (("z", layer), ("a", layer)))
            for layer in range(1, depth + 1)
        ),
        _chain(example.find("loss"), author),
        tuple(_broken(each, author) for each in example.output),
        tuple((author.formula(each.left), _broken(each, author)) for each in example.weights),
        tuple(_chain(row, author) for row in backward if row.key[0] == "delta"),
        tuple(_chain(row, author) for row in backward if row.key[0] in ("dW", "db")),
        tuple(_chain(row, author) for row in example.penalised),
        tuple(_chain(row, author) for row in example.steps),
        _number(example.rate, author),
        _number(example.cost, author),
        _number(example.cost_after, author),
    )


def _chain(row: Written, author: Author) -> Chain:
    return author.formula(row.left), tuple(map(author.formula, row.rights))


def _broken(found: Paths, author: Author) -> tuple[Chain, ...]:
    """Each equality on a row of its own."""
    first, *others = map(author.formula, found.rights)
    return ((author.formula(found.left), (first,)), *((None, (other,)) for other in others))


def _number(value: float, author: Author) -> Formula:
    return author.formula(decimal(value))


def drawing(name: str, network: Network, example: Example | None) -> Picture:
    """The network as a picture, with the numbers of the example if there is one."""
    return Picture(name, lambda: network_svg(network, example), tikz=network_tikz(network, example))


def compared(example: Example) -> Mapping[str, Row]:
    """The numbers that are printed against those of the generated code, to the last digits of a double, and against those in the drawing, as they are shown."""
    picture = network_picture(example.network, example)
    return {
        "its numbers, as printed and by the generated code": _row(
            computed_otherwise(example), len(code_numbers(example))
        ),
        "its numbers, as printed and in the drawing": _row(
            shown_otherwise(example, picture.numbers), len(picture.numbers)
        ),
    }


def _row(differences: Sequence[Difference], count: int) -> Row:
    message = "; ".join(f"{d.key}: {d.found}, expected {d.expected!r}" for d in differences)
    return Row("agreement", None, count, float(len(differences)), not differences, message, TOLERANCE)
