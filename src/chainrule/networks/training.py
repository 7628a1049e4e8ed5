"""Parameters to start from, and gradient descent: NumPy, with random numbers from a seed of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from ..errors import DefinitionError
from .arrays import floating, inputs_of, parameters_of, targets_of
from .network import Network

Pairs = list[tuple[Any, Any]]


@dataclass(frozen=True)
class History:
    """parameters: after the last step. losses: the cost after each epoch, the mean over its batches, each before its own step."""

    parameters: Pairs
    losses: tuple[float, ...]


def initial(network: Network, seed: int, dtype: Any = "float64") -> Pairs:
    """Weights drawn uniformly from ±√(6/(n_{l-1} + n_l)), Glorot and Bengio, 2010 (eq. 16); from ±√(6/n_{l-1}) where the activation is unbounded
    above and the identity or nearly so there, as a ReLU, He, Zhang, Ren and Sun, 2015 (eq. 10). Biases of 0. Raises TypeError for a dtype that is neither
    float32 nor float64."""
    dtype = floating("initial parameters", dtype)
    random = np.random.default_rng(seed)
    pairs = []
    for function, ((n, before), _) in zip(network.functions, network.shapes, strict=True):
        rectifier = (
            function.definition is not None
            and function.range.sup.is_infinite is True
            and function.range.inf.is_finite is True
        )
        bound = np.sqrt(6.0 / (before if rectifier else before + n))
        pairs.append((random.uniform(-bound, bound, (n, before)).astype(dtype), np.zeros(n, dtype)))
    return pairs


def train(
    network: Network,
    parameters: Sequence[tuple[Any, Any]],
    X: Any,
    Y: Any,
    *,
    rate: float,
    epochs: int,
    batch: int | None = None,
    seed: int = 0,
) -> History:
    """Gradient descent, θ ← θ - η ∂J/∂θ; the parameters given stay as they are.

    rate: η. batch: samples in a step, drawn anew every epoch without replacement; None: all of them. seed: of the order of the samples.
    The penalty of a mini-batch of m samples is λ/(2m) Σ W², with the m of that batch.
    Raises ValueError and TypeError as ``loss_and_gradients`` does, DefinitionError for a rate or numbers that make no sense, and for a descent that leaves
    the finite numbers."""
    if isinstance(rate, bool) or not isinstance(rate, Real) or not rate > 0 or not np.isfinite(rate):
        raise DefinitionError(f"rate is {rate!r}: a step has a positive, finite length")
    _whole("epochs", epochs, 0, "give a whole number, 0 or more")
    if batch is not None:
        _whole("batch", batch, 1, "give a whole number of samples, 1 or more, or None for all")
    code = network.compile()
    pairs = [(W.copy(), b.copy()) for W, b in parameters_of(network, parameters)]
    samples = inputs_of(network, X, pairs[0][0].dtype)
    targets = targets_of(network, Y, len(samples), samples.dtype)
    random = np.random.default_rng(seed)
    losses = []
    for epoch in range(1, epochs + 1):
        total = 0.0
        for rows in _batches(len(samples), batch, random):
            loss, gradients = code.step(pairs, samples[rows], targets[rows])
            total += loss * (len(rows) if not isinstance(rows, slice) else len(samples))
            _descend(pairs, gradients, rate)
        losses.append(total / len(samples))
        if not np.isfinite(total) or not all(np.isfinite(value).all() for pair in pairs for value in pair):
            raise DefinitionError(
                f"rate is {rate!r}: the descent leaves the finite numbers in epoch {epoch}; choose a smaller rate"
            )
    return History(pairs, tuple(losses))


def _descend(pairs: Pairs, gradients: Pairs, rate: float) -> None:
    """A step down, in place; an overflow is found afterwards."""
    with np.errstate(over="ignore", invalid="ignore"):
        for pair, steps in zip(pairs, gradients, strict=True):
            for value, step in zip(pair, steps, strict=True):
                step *= rate
                value -= step


def _whole(name: str, value: Any, least: int, wanted: str) -> None:
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise DefinitionError(f"{name} is {value!r}: {wanted}")


def _batches(count: int, size: int | None, random: np.random.Generator) -> Iterator[Any]:
    if size is None or size >= count:
        yield slice(None)
        return
    order = random.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]
