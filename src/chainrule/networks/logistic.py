"""Logistic regression in six steps: data, model, loss, derived gradient, descent, decision boundary. The gradient is the generated code of the network n-1."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .data import load, standardised
from .network import Network, mlp
from .training import train


@dataclass(frozen=True, eq=False)
class Logistic:
    """What the six steps give, as plain arrays.

    network, X, y: the model; the samples, standardised, and their labels, 0 or 1. columns: of X. classes: their names. parameters: [(w, b)]. losses: the cost
    after each epoch. accuracy: the share of samples on the right side. grid_x, grid_y, probability: σ(w·x + b) over the plane, (rows, columns).
    boundary: two points (2, 2) of the line where it is 1/2."""

    network: Network
    X: Any
    y: Any
    columns: tuple[str, ...]
    classes: tuple[str, str]
    parameters: Any
    losses: tuple[float, ...]
    accuracy: float
    grid_x: Any
    grid_y: Any
    probability: Any
    boundary: Any


def logistic_regression(rate: float = 1.0, epochs: int = 300, l2: float = 0.0, points: int = 101) -> Logistic:
    """Versicolor or virginica, told apart by the length and the width of their petals: two classes that overlap."""
    # 1: the data
    iris = load("iris")
    chosen, columns = iris.y > 0, [2, 3]
    raw = iris.X[chosen][:, columns]
    X, y = standardised(raw, raw), (iris.y[chosen] == 2).astype(float)[:, None]
    # 2 and 3: the model σ(w·x + b) and the loss of its output
    network = mlp([2, 1], output="sigmoid", loss="binary_cross_entropy", l2=l2)
    # 4: the gradient, derived
    code = network.compile()
    # 5: the descent, from 0
    start = [(np.zeros((1, 2)), np.zeros(1))]
    history = train(network, start, X, y, rate=rate, epochs=epochs)
    # 6: what was learned
    reach = np.linspace(-2.5, 2.5, points)
    grid_x, grid_y = np.meshgrid(reach, reach)
    plane = np.column_stack([grid_x.ravel(), grid_y.ravel()])
    probability = code.forward(history.parameters, plane).reshape(grid_x.shape)
    right = (code.forward(history.parameters, X) > 0.5) == (y > 0.5)
    return Logistic(
        network,
        X,
        y[:, 0],
        tuple(iris.columns[c] for c in columns),
        (iris.source.classes[1], iris.source.classes[2]),
        history.parameters,
        history.losses,
        float(np.mean(right)),
        grid_x,
        grid_y,
        probability,
        _boundary(history.parameters, reach[[0, -1]]),
    )


def _boundary(parameters: Any, ends: Any) -> Any:
    """w₁ x₁ + w₂ x₂ + b = 0 at two values of x₁."""
    [(weights, bias)] = parameters
    first, second = weights[0]
    return np.column_stack([ends, -(first * ends + bias[0]) / second])
