"""A small network that learns to read digits, trained with generated code alone."""

import csv
from dataclasses import dataclass
from typing import Any

import numpy as np

from .data import FOLDER, load, split
from .network import Network, mlp
from .training import History, train

TEST = 0.2
"""The share of samples that the network does not see before the test."""


@dataclass(frozen=True, eq=False)
class Digits:
    """accuracy: on the samples that were set apart. predicted, expected: their digits. images: (k, 8, 8)."""

    network: Network
    history: History
    accuracy: float
    predicted: Any
    expected: Any
    images: Any


@dataclass(frozen=True)
class Comparison:
    """Shares of the unseen digits that are read correctly, means over ``seeds`` splits and starts: by this network, and by the same architecture in another
    ``library``, trained likewise."""

    library: str
    seeds: int
    ours: float
    theirs: float


def comparison() -> Comparison:
    """As it was measured, in the file of data."""
    lines = (FOLDER / "digits_accuracy.csv").read_text(encoding="utf-8").splitlines()
    header, *rows = csv.reader(line for line in lines if not line.startswith("#"))
    ours, theirs = (float(np.mean([float(row[column]) for row in rows])) for column in (1, 2))
    return Comparison(header[2], len(rows), ours, theirs)


def digits_network(hidden: int = 32, l2: float = 1e-3) -> Network:
    """64 pixels, one hidden layer of rectified units, ten classes."""
    return mlp([64, hidden, 10], "relu", "softmax", "categorical_cross_entropy", l2)


def digits_data(seed: int) -> tuple[Any, Any, Any, Any]:
    """X and y to train with, X and y to test with; pixels from 0 to 1."""
    digits = load("digits")
    known, unseen = split(len(digits.y), TEST, seed)
    X = digits.X / 16.0
    return X[known], digits.y[known], X[unseen], digits.y[unseen]


def read_digits(seed: int = 0, epochs: int = 60, rate: float = 0.2, batch: int = 32) -> Digits:
    """Train with mini-batches; seed: of the split, the parameters and the order of the samples."""
    network = digits_network()
    X, y, unseen, expected = digits_data(seed)
    history = train(network, network.initial(seed), X, np.eye(10)[y], rate=rate, epochs=epochs, batch=batch, seed=seed)
    predicted = np.argmax(network.compile().forward(history.parameters, unseen), axis=1)
    accuracy = float(np.mean(predicted == expected))
    return Digits(network, history, accuracy, predicted, expected, unseen.reshape(-1, 8, 8))
