"""Whether the numbers of an example are those that the generated code gives, and those that a text or a drawing shows."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.graph_terms import decimal
from ..expression import tree as t
from ..expression.printing import text
from .example import Example
from .training import train
from .written import Chain, Key, Written

TOLERANCE = 1e-12
"""Rounding in double precision, relative to numbers of size 1 and more."""


@dataclass(frozen=True)
class Difference:
    """A number of the example, and what stands for it elsewhere."""

    key: Key
    expected: float
    found: str


def in_text(rows: Iterable[Written | Chain], show: Callable[[t.Node], str] = text) -> dict[Key, str]:
    """The value at the end of each printed line, by what it is."""
    return {row.key: show(row.equation).rsplit(" = ", 1)[-1] for row in rows}


def shown_otherwise(
    example: Example, shown: Mapping[Key, str], show: Callable[[t.Node], str] = text
) -> tuple[Difference, ...]:
    """The numbers that something shows, by what they are, and that are not those of the example to the digits that are shown."""
    numbers = example.numbers
    return tuple(
        Difference(key, numbers[key], found) for key, found in shown.items() if found != show(decimal(numbers[key]))
    )


def code_numbers(example: Example) -> dict[Key, float]:
    """What the generated code gives for the sample: outputs, cost, gradients, and the parameters after one step of ``train``."""
    network, sample = example.network, example.sample
    code = network.compile()
    X, Y = np.asarray(sample.x, float)[None], _target(example)
    cost, gradients = code.loss_and_gradients(sample.parameters, X, Y)
    after = train(network, sample.parameters, X, Y, rate=example.rate, epochs=1).parameters
    found: dict[Key, float] = {("cost", 0, ()): cost}
    found["cost_after", 0, ()], _ = code.loss_and_gradients(after, X, Y)
    found |= _table("a", network.depth, code.forward(sample.parameters, X)[0])
    weights = "dJ" if network.l2 else "dW"
    for layer, ((dW, db), (W, b)) in enumerate(zip(gradients, after, strict=True), 1):
        found |= _table(weights, layer, dW) | _table("db", layer, db)
        found |= _table("W_new", layer, W) | _table("b_new", layer, b)
    return found


def computed_otherwise(example: Example) -> tuple[Difference, ...]:
    """The numbers in which code and example differ by more than rounding."""
    numbers = {**example.numbers, ("cost", 0, ()): example.cost, ("cost_after", 0, ()): example.cost_after}
    return tuple(
        Difference(key, numbers[key], repr(value))
        for key, value in code_numbers(example).items()
        if not abs(value - numbers[key]) <= TOLERANCE * max(1.0, abs(numbers[key]))
    )


def _target(example: Example) -> Any:
    given = np.asarray(example.sample.y)
    return given[None] if given.ndim else np.asarray([given])


def _table(key: str, layer: int, values: Any) -> dict[Key, float]:
    return dict(_entries(key, layer, np.asarray(values)))


def _entries(key: str, layer: int, values: Any) -> Iterator[tuple[Key, float]]:
    for place, value in np.ndenumerate(values):
        yield (key, layer, tuple(n + 1 for n in place)), float(value)
