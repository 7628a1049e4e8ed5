"""A network with numbers at every unit: each equation at each unit with letters, with the numbers put in, and its value.

Whatever is written is an equation of the engine at given places: the forward and the backward equations of ``equations``, and for some weights the product
of the local derivatives of the computational graph along every path to the loss."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..errors import DefinitionError
from .at_sample import AtSample
from .network import Network
from .units import Sample, sample_of
from .written import Chain, Key, Step, Written

Place = tuple[int, int, int]
"""A weight: its layer, the unit it leads to, the unit it comes from, all counted from 1."""

RATE = 0.5
MOST_PATHS = 4
"""A derivative along more paths is written out only where it is asked for."""


@dataclass(frozen=True, eq=False)
class Example:
    """A network at one sample.

    given: x, y and the parameters, each with its value. forward: every z, every a, the loss. backward: every δ, every gradient, layer by layer from the
    last. output: δ of the last layer along its paths. weights: the gradients that are written out in full. penalised: the derivative of J = L + λ/2 Σ W² by
    every weight, where there is a penalty. steps: every parameter after one step of length ``rate`` against its gradient. after: the forward
    pass with the new parameters, the loss last. cost, cost_after: J before and after the step, L where there is no penalty."""

    network: Network
    sample: Sample = field(repr=False)
    rate: float
    given: tuple[Written, ...]
    forward: tuple[Written, ...]
    backward: tuple[Written, ...]
    output: tuple[Chain, ...]
    weights: tuple[Chain, ...]
    penalised: tuple[Written, ...]
    steps: tuple[Step, ...]
    after: tuple[Written, ...]
    cost: float
    cost_after: float

    @cached_property
    def numbers(self) -> Mapping[Key, float]:
        """Every number by what it is."""
        return {row.key: row.value for row in self._rows}

    @property
    def _rows(self) -> tuple[Written, ...]:
        return (*self.given, *self.forward, *self.backward, *self.penalised, *self.steps)

    @property
    def loss(self) -> float:
        return self.numbers["loss", 0, ()]

    @property
    def loss_after(self) -> float:
        return self.after[-1].value

    def find(self, key: str, layer: int = 0, place: tuple[int, ...] = ()) -> Written:
        """One quantity. Raises KeyError where there is none."""
        found = [row for row in self._rows if row.key == (key, layer, place)]
        if not found:
            raise KeyError((key, layer, place))
        return found[0]


def example(
    network: Network, sample: Sample | None = None, rate: float = RATE, weights: Sequence[Place] | None = None
) -> Example:
    """A network with numbers at every unit and one step of gradient descent.

    sample: x, y and the parameters; default: that of ``sample_of``. rate: η. weights: those whose gradients are written out along every path;
    default: one of the last layer and one of the first, as far as they have at most ``MOST_PATHS`` paths.
    Raises DefinitionError for a weight that the network lacks."""
    given = sample or sample_of(network)
    chosen = _default_weights(network) if weights is None else tuple(weights)
    for layer, to, by in chosen:
        if not (0 < layer <= network.depth and 0 < to <= network.widths[layer] and 0 < by <= network.widths[layer - 1]):
            raise DefinitionError(f"the network {network} has no weight {layer, to, by}: layer, to, from, from 1")
    here = AtSample(network, given)
    forward = tuple(here.forward())
    backward = tuple(here.backward())
    output = tuple(
        here.along(("z", network.depth, (j,)), through_output=True) for j in range(1, network.widths[-1] + 1)
    )
    chains = tuple(here.along(("W", layer, (to, by))) for layer, to, by in chosen)
    penalised = tuple(here.penalised())
    steps = tuple(here.steps(rate, {row.key: row for row in (*backward, *penalised)}))
    there = AtSample(network, _moved(given, steps))
    after = tuple(there.forward())
    costs = (here.cost(), there.cost())
    return Example(
        network, given, rate, tuple(here.given()), forward, backward, output, chains, penalised, steps, after, *costs
    )


def _default_weights(network: Network) -> tuple[Place, ...]:
    depth, widths = network.depth, network.widths
    last = (depth, 1, min(2, widths[-2]))
    first = (1, min(2, widths[1]), 1)
    return tuple(w for w in dict.fromkeys((last, first)) if _paths(network, w) <= MOST_PATHS)


def _paths(network: Network, weight: Place) -> int:
    """How many paths lead from a weight to the loss."""
    count = 1
    for width in network.widths[weight[0] + 1 :]:
        count *= width
    return count


def _moved(sample: Sample, steps: Sequence[Step]) -> Sample:
    new = {step.key: step.value for step in steps}
    pairs = []
    for layer, (W, b) in enumerate(sample.parameters, 1):
        rows = [[new["W_new", layer, (j + 1, i + 1)] for i in range(np.shape(W)[1])] for j in range(np.shape(W)[0])]
        pairs.append((np.array(rows), np.array([new["b_new", layer, (j + 1,)] for j in range(len(b))])))
    return replace(sample, parameters=pairs)
