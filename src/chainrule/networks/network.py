"""A network as a value: widths, activations, loss, penalty. Everything about it is derived from this."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from ..errors import DefinitionError
from .parts import IDENTITY, Activation, Loss, activation, check_fit, loss_of

if TYPE_CHECKING:
    from .compiled import Compiled


@dataclass(frozen=True)
class Network:
    """Dense layers, one after another: a⁰ = x, z^l = W^l a^{l-1} + b^l, a^l = f_l(z^l), with W^l of shape (n_l, n_{l-1}).

    widths: n_0 to n_M. activations: f_1 to f_M, names of the catalogue or "identity". loss: a name of the catalogue; that of a sample is the sum
    over the outputs where the loss is one of single numbers, that of a batch the mean over its samples. l2: λ of the penalty
    λ/(2m) Σ W², which leaves the biases out; m is the number of samples."""

    widths: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    l2: float = 0.0

    @property
    def depth(self) -> int:
        """M, the number of layers with weights."""
        return len(self.activations)

    @cached_property
    def functions(self) -> tuple[Activation, ...]:
        """f_1 to f_M, as the catalogue states them."""
        known = {name: activation(name) for name in dict.fromkeys(self.activations)}
        return tuple(known[name] for name in self.activations)

    @cached_property
    def target(self) -> Loss:
        """The loss, as the catalogue states it."""
        return loss_of(self.loss)

    @property
    def shapes(self) -> tuple[tuple[tuple[int, int], tuple[int]], ...]:
        """The shapes of (W^l, b^l), layer by layer."""
        return tuple(((n, before), (n,)) for before, n in zip(self.widths, self.widths[1:], strict=False))

    def initial(self, seed: int, dtype: Any = "float64") -> list[tuple[Any, Any]]:
        """Parameters to start from, as ``training.initial`` draws them."""
        from .training import initial

        return initial(self, seed, dtype)

    def compile(self) -> "Compiled":
        """NumPy code of the forward and the backward pass, generated from the derivations."""
        from .compiled import compiled

        return compiled(self)

    @property
    def teaches_nothing(self) -> bool:
        """Whether the output is 1 whatever its input: a softmax of one number."""
        return self.functions[-1].sums_to_one and self.widths[-1] == 1

    def __str__(self) -> str:
        return "-".join(map(str, self.widths))


def mlp(
    widths: Sequence[int],
    hidden: str | Sequence[str] = "sigmoid",
    output: str = "identity",
    loss: str = "squared_error",
    l2: float = 0.0,
) -> Network:
    """A network of dense layers.

    widths: of the input, of each hidden layer, of the output: ``[2, 3, 1]``. hidden: an element-wise activation, for all hidden layers or one for
    each. output: an element-wise activation, one of vectors (softmax), or "identity". loss: of a prediction and a target. l2: λ ≥ 0.
    Raises UnknownName, with near names, for a name that the catalogue lacks; DefinitionError for widths, activations and losses that do not
    fit each other."""
    sizes = _widths(widths)
    layers = len(sizes) - 2
    names = (
        (hidden,) * layers if isinstance(hidden, str) else _sequence("hidden", hidden, "an activation, or one for each")
    )
    if len(names) != layers:
        raise DefinitionError(
            f"hidden= names {len(names)} activations for {layers} hidden layers: name one for all of them, or one for each"
        )
    if isinstance(hidden, str) and not layers:
        activation(hidden)  # a name that is none is refused even where nothing would use it
    known = {name: activation(name) for name in dict.fromkeys(names)}
    inner = tuple(known[name] for name in names)
    for each in inner:
        if each.joint:
            raise DefinitionError(
                f"{each.name} is a function of a whole vector: a hidden layer takes an element-wise activation; give it as output="
            )
    last, wanted = activation(output), loss_of(loss)
    check_fit(last, wanted)
    if isinstance(l2, bool) or not isinstance(l2, Real) or not math.isfinite(l2) or l2 < 0:
        raise DefinitionError(f"l2 is {l2!r}: the weight of the penalty is a finite number, 0 or more")
    return Network(sizes, (*(each.name for each in inner), last.name), wanted.name, float(l2))


def _widths(widths: Sequence[int]) -> tuple[int, ...]:
    sizes = _sequence("widths", widths, "a list of whole numbers, as [2, 3, 1]")
    if len(sizes) < 2:
        raise DefinitionError(
            f"widths are {list(sizes)}: give those of the input and of the output at least, as in [2, 1]"
        )
    for place, size in enumerate(sizes):
        if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
            raise DefinitionError(f"widths[{place}] is {size!r}: a layer has a whole number of units, 1 or more")
    return tuple(map(int, sizes))


def _sequence(name: str, given: Any, wanted: str) -> tuple[Any, ...]:
    try:
        return tuple(given)
    except TypeError:
        raise DefinitionError(f"{name} is {given!r}: give {wanted}") from None


def widths_of(text: str) -> tuple[int, ...]:
    """Widths as a command line gives them: ``2-3-1``. Raises DefinitionError for anything else."""
    if not re.fullmatch(r"[0-9]+(-[0-9]+)+", text):
        raise DefinitionError(f"{text!r} is no list of widths: write it as 2-3-1, input first")
    return _widths([int(part) for part in text.split("-")])


__all__ = ["IDENTITY", "Network", "mlp", "widths_of"]
