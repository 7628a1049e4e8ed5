"""A network with numbers at every unit, as rows that a template prints."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..calculus.graph_terms import decimal
from ..drawings import network_svg, network_tikz
from ..networks.example import Example
from ..networks.network import Network
from ..networks.written import Chain as Paths
from ..networks.written import Written
from ..report import Author, Formula
from ..verification import Row
from .agreement import agreement
from .page import Chain, Picture

TOLERANCE = 1e-12
"""Relative: the code computes in double precision."""


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


def compared(example: Example) -> Row:
    """The numbers that are printed against those of the generated code: cost, outputs, and every gradient, before and after the step."""
    return agreement(tuple(_pairs(example)), TOLERANCE)


def _pairs(example: Example) -> Iterator[tuple[str, float, float]]:
    network, sample = example.network, example.sample
    code = network.compile()
    X, Y = np.asarray(sample.x)[None], np.atleast_1d(sample.y)
    Y = Y if network.target.of_class else Y[None]
    cost, gradients = code.loss_and_gradients(sample.parameters, X, Y)
    yield "the cost", example.cost, cost
    for j, value in enumerate(code.forward(sample.parameters, X)[0], 1):
        yield f"output {j}", example.numbers["a", network.depth, (j,)], float(value)
    moved = []
    for layer, ((W, b), (dW, db)) in enumerate(zip(sample.parameters, gradients, strict=True), 1):
        for (j, i), value in np.ndenumerate(dW):
            yield f"weight {layer, j + 1, i + 1}", _slope(example, layer, (j + 1, i + 1)), float(value)
        for (j,), value in np.ndenumerate(db):
            yield f"bias {layer, j + 1}", example.numbers["db", layer, (j + 1,)], float(value)
        moved.append((W - example.rate * dW, b - example.rate * db))
    after, _ = code.loss_and_gradients(moved, X, Y)
    yield "the cost after the step", example.cost_after, after


def _slope(example: Example, layer: int, place: tuple[int, int]) -> float:
    return example.numbers["dJ" if example.network.l2 else "dW", layer, place]
