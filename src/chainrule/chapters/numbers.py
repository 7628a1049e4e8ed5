"""A network with numbers at every unit, as rows that a template prints."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..calculus.graph_terms import decimal
from ..drawings import network_picture, network_svg, network_tikz
from ..expression import tree as t
from ..networks.agreement import TOLERANCE, Difference, code_numbers, computed_otherwise, shown_otherwise
from ..networks.example import Example
from ..networks.network import Network
from ..networks.written import Chain as Paths
from ..networks.written import Written
from ..report import Author, Formula
from ..verification import Row
from .page import Chain, Picture

WIDEST = 92
"""Characters of a row, as text: what is wider is broken."""


@dataclass(frozen=True)
class Numbers:
    """given: x, y, weights and biases. units: z and a of every unit, layer by layer. output: δ of the output along its paths, and written: the gradients of some weights;
    each a name and its rows. paths: the most of them that one of these gradients has. errors, gradients: of all units, all weights and biases. penalised: those of the cost, where there is a
    penalty. steps: every parameter after the step. before, after: the cost, that of the loss with the penalty."""

    given: tuple[Formula, ...]
    units: tuple[tuple[Chain, ...], ...]
    loss: tuple[Chain, ...]
    output: tuple[tuple[Chain, ...], ...]
    written: tuple[tuple[Formula, tuple[Chain, ...]], ...]
    errors: tuple[Chain, ...]
    gradients: tuple[Chain, ...]
    penalised: tuple[Chain, ...]
    paths: int
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
            _chains((row for row in example.forward if row.key[:2] in (("z", layer), ("a", layer))), author)
            for layer in range(1, depth + 1)
        ),
        tuple(_rows(example.find("loss"), author)),
        tuple(_paths(each, author) for each in example.output),
        tuple((author.formula(each.left), _paths(each, author)) for each in example.weights),
        _chains((row for row in backward if row.key[0] == "delta"), author),
        _chains((row for row in backward if row.key[0] in ("dW", "db")), author),
        _chains(example.penalised, author),
        max((len(each.paths) for each in example.weights), default=0),
        _chains(example.steps, author, "to"),
        _number(example.rate, author),
        _number(example.cost, author),
        _number(example.cost_after, author),
    )


def _chains(rows: Iterable[Written], author: Author, sign: str = "=") -> tuple[Chain, ...]:
    return tuple(chain for row in rows for chain in _rows(row, author, sign))


def _rows(row: Written, author: Author, sign: str = "=") -> Iterator[Chain]:
    """One row, or where that is too wide each equality on a row of its own."""
    left, rights = author.formula(row.left), tuple(map(author.formula, row.rights))
    if len(left.text) + sum(len(right.text) + 3 for right in rights) <= WIDEST:
        yield Chain(left, rights, sign)
    else:
        yield from _broken(left, row.rights, author, sign)


def _broken(left: Formula, rights: Sequence[t.Node], author: Author, sign: str = "=") -> Iterator[Chain]:
    """Each equality on a row of its own, and of a sum that is too wide each term."""
    first: Formula | None = left
    for right in rights:
        whole = author.formula(right)
        wide = len(left.text) + len(whole.text) > WIDEST and isinstance(right, t.Add)
        parts = right.terms if wide and isinstance(right, t.Add) else (right,)
        for n, part in enumerate(parts):
            made = author.formula(part)
            yield Chain(first, (made,), sign if n == 0 else "" if made.text.startswith("-") else "+")
            first = None
        sign = "="


def _paths(found: Paths, author: Author) -> tuple[Chain, ...]:
    return tuple(_broken(author.formula(found.left), found.rights, author))


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
