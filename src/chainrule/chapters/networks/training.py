"""Networks that learn with derived gradients alone: logistic regression on flowers, a small network on handwritten digits."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from ...calculus.graph_terms import decimal
from ...drawings.charts import Chart, Strip, draw_chart
from ...drawings.network_charts import boundary_chart, digits_strip, loss_chart
from ...expression import tree as t
from ...networks import equations
from ...networks.data import load
from ...networks.digits import Digits, comparison, read_digits
from ...networks.logistic import Logistic, logistic_regression
from ...report import Author, Formula
from ...verification import Row, Verification, verify_all
from ..agreement import agreement
from ..page import Picture

RATE, EPOCHS = 1.0, 300
DIGIT_EPOCHS, DIGIT_RATE, DIGIT_BATCH = 60, 0.2, 32


@dataclass(frozen=True)
class Regression:
    """equations: of the batch, by key. loss, last: the cost at the start and at the end."""

    samples: int
    classes: tuple[str, str]
    columns: tuple[str, ...]
    equations: Mapping[str, Formula]
    rate: Formula
    epochs: int
    first: Formula
    last: Formula
    weights: tuple[Formula, ...]
    right: int


@dataclass(frozen=True)
class Reading:
    """A network that reads digits. right: how many of the unseen images. first, last: the mean cost of an epoch. ours, theirs: per cent of the unseen images, on
    average over some seeds, by this network and by the same architecture in a ``library``."""

    widths: str
    parameters: int
    known: int
    unseen: int
    right: int
    epochs: int
    rate: Formula
    batch: int
    penalty: Formula
    first: Formula
    last: Formula
    library: str
    seeds: int
    ours: str
    theirs: str


@dataclass(frozen=True)
class Values:
    regression: Regression
    reading: Reading


@lru_cache(maxsize=1)
def _logistic() -> Logistic:
    return logistic_regression(RATE, EPOCHS)


@lru_cache(maxsize=1)
def _digits() -> Digits:
    return read_digits(0, DIGIT_EPOCHS, DIGIT_RATE, DIGIT_BATCH)


def values(author: Author) -> Values:
    return Values(_regression(author), _reading(author))


def _regression(author: Author) -> Regression:
    found = _logistic()
    one = equations(found.network, batch=True)
    lines = {line.key: line for line in (*one.forward, *one.backward)}
    [(weights, bias)] = found.parameters
    names = (*(t.Component("W__1", ("1", str(i))) for i in (1, 2)), t.Component("b__1", ("1",)))
    learned = (*map(float, weights[0]), float(bias[0]))
    return Regression(
        len(found.y),
        found.classes,
        tuple(column.replace("_", " ") for column in found.columns),
        {key: author.formula(line.matrix or line.components) for key, line in lines.items()},
        author.formula(decimal(RATE)),
        EPOCHS,
        author.formula(decimal(found.losses[0])),
        author.formula(decimal(_cost_of(found))),
        tuple(author.formula(t.Equation(name, decimal(value))) for name, value in zip(names, learned, strict=True)),
        round(found.accuracy * len(found.y)),
    )


def _cost_of(found: Logistic) -> float:
    """With the parameters after the last step."""
    cost, _ = found.network.compile().loss_and_gradients(found.parameters, found.X, found.y[:, None])
    return float(cost)


def _reading(author: Author) -> Reading:
    found, both = _digits(), comparison()
    unseen = len(found.expected)
    return Reading(
        str(found.network),
        sum(W[0] * W[1] + b[0] for W, b in found.network.shapes),
        len(load("digits").y) - unseen,
        unseen,
        int(np.sum(found.predicted == found.expected)),
        DIGIT_EPOCHS,
        author.formula(decimal(DIGIT_RATE)),
        DIGIT_BATCH,
        author.formula(t.Equation(t.Symbol("lambda"), decimal(found.network.l2))),
        author.formula(decimal(found.history.losses[0])),
        author.formula(decimal(found.history.losses[-1])),
        both.library,
        both.seeds,
        f"{100 * both.ours:.1f}",
        f"{100 * both.theirs:.1f}",
    )


def pictures() -> Mapping[str, Picture]:
    logistic, digits = _logistic(), _digits()
    drawn: Mapping[str, Chart | Strip] = {
        "loss": loss_chart(logistic.losses, "networks-loss"),
        "boundary": boundary_chart(logistic, name="networks-boundary"),
        "digits_loss": loss_chart(digits.history.losses, "networks-digits-loss", logarithmic=True),
        "digits": digits_strip(digits, name="networks-digits"),
    }
    return {
        key: Picture(chart.name, partial(draw_chart, chart, "svg"), partial(draw_chart, chart, "pdf"))
        for key, chart in drawn.items()
    }


def verifications() -> tuple[Verification, ...]:
    made = equations(_logistic().network, batch=True)
    derivations = {id(d): d for line in made.backward for d in line.derivations}
    return verify_all(tuple(derivations.values()))


def checks() -> Mapping[str, Row]:
    """What was learned is where the gradient is nearly 0, and the boundary is where both classes are as likely."""
    found = _logistic()
    code = found.network.compile()
    ends = code.forward(found.parameters, found.boundary).ravel()
    return {
        "the decision boundary of the logistic regression": agreement(
            [(f"probability at the end {i}", float(p), 0.5) for i, p in enumerate(ends, 1)], 1e-9
        )
    }
