"""A network small enough to be computed by hand: one sample, forward, backward, one step; and the code that does the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ...networks import mlp
from ...networks.example import Example, example
from ...report import Author
from ...verification import Row, Verification
from ..numbers import Numbers, compared, drawing, numbers
from ..page import Picture
from ..pseudocode import Step, steps


@dataclass(frozen=True)
class Values:
    """name: of the network, its widths. steps: of the algorithm, for any depth. source: the NumPy code that is generated for the example."""

    name: str
    numbers: Numbers
    steps: tuple[Step, ...]
    source: str


@lru_cache(maxsize=1)
def _example() -> Example:
    return example(mlp([2, 2, 1], "sigmoid", "sigmoid", "binary_cross_entropy"))


def values(author: Author) -> Values:
    made = _example()
    deep = mlp([2, 2, 2, 1], "sigmoid", "sigmoid", "binary_cross_entropy")
    return Values(
        str(made.network), numbers(made, author), steps(deep, author, batch=True), made.network.compile().source
    )


def pictures() -> Mapping[str, Picture]:
    made = _example()
    return {"example": drawing("networks-example", made.network, made)}


def verifications() -> tuple[Verification, ...]:
    return ()


def checks() -> Mapping[str, Row]:
    return {f"the worked example: {about}": row for about, row in compared(_example()).items()}
