"""A network as running code: the generated source, with its arguments checked."""

import itertools
import linecache
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .arrays import inputs_of, parameters_of, targets_of
from .network import Network
from .writer import source_of

Pairs = Sequence[tuple[Any, Any]]


@dataclass(frozen=True)
class Compiled:
    """The forward and the backward pass of a network in NumPy.

    source: the text of the module that runs. The dtype of the parameters, float32 or float64, is that of every result; X and Y are brought to it."""

    network: Network
    source: str
    _forward: Callable[..., Any]
    _backward: Callable[..., Any]

    def forward(self, parameters: Pairs, X: Any) -> Any:
        """The outputs of a batch. parameters: pairs (W^l, b^l) of shapes (n_l, n_{l-1}) and (n_l,). X: (m, n_0). Returns (m, n_M).

        Raises ValueError for shapes that do not match and for numbers that are not finite, TypeError for dtypes."""
        pairs = parameters_of(self.network, parameters)
        samples = inputs_of(self.network, X, pairs[0][0].dtype)
        with np.errstate(all="ignore"):
            return self._forward(pairs, samples)

    def loss_and_gradients(self, parameters: Pairs, X: Any, Y: Any) -> tuple[float, list[tuple[Any, Any]]]:
        """The cost of a batch, the mean loss and the penalty, and its gradients, pairs (∂J/∂W^l, ∂J/∂b^l).

        parameters, X: as for ``forward``. Y: (m, n_M), or (m,) of class numbers from 0 where the loss takes them. Raises as ``forward`` does, and ValueError
        for targets outside the domain of the loss."""
        pairs = parameters_of(self.network, parameters)
        samples = inputs_of(self.network, X, pairs[0][0].dtype)
        targets = targets_of(self.network, Y, len(samples), samples.dtype)
        return self.step(pairs, samples, targets)

    def step(self, parameters: Pairs, X: Any, Y: Any) -> tuple[float, list[tuple[Any, Any]]]:
        """``loss_and_gradients`` of arguments that have been checked: for loops."""
        with np.errstate(all="ignore"):
            loss, gradients = self._backward(parameters, X, Y)
        return float(loss), gradients


_NUMBERS = itertools.count(1)


@lru_cache(maxsize=64)
def compiled(network: Network) -> Compiled:
    """The code of a network, generated from its derivation."""
    source = source_of(network)
    path = f"<generated network {network} {next(_NUMBERS)}>"
    module = types.ModuleType("chainrule_generated_network")
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    exec(compile(source, path, "exec"), module.__dict__)
    return Compiled(network, source, module.__dict__["forward"], module.__dict__["loss_and_gradients"])
