"""What a network is made of, as the catalogue states it: activations and losses, and which of them fit each other.

Whether they fit is decided from their definitions: the range of the output has to lie in the domain of the prediction, and a loss that takes
each prediction for a probability of its own does not take those of a vector that sums to 1."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from sympy import Interval, Reals

from ..calculus.derivation import Derivation
from ..calculus.derive import derive
from ..calculus.positivity import positive
from ..catalogue import entries, load, project, resolve
from ..codegen.vector_products import sums_to_one
from ..definition import Definition
from ..errors import DefinitionError

IDENTITY = "identity"


@dataclass(frozen=True)
class Activation:
    """definition: None for the identity. joint: a function of a whole vector, as softmax is. range: where its values lie."""

    name: str
    definition: Definition | None
    joint: bool = False
    range: Any = Reals
    sums_to_one: bool = False

    @property
    def derivation(self) -> Derivation | None:
        """Its derivative, as the catalogue derives it; None for the identity."""
        return None if self.definition is None else derive(self.definition)


@dataclass(frozen=True)
class Loss:
    """A loss of a prediction and a target.

    prediction, target: its symbols, vectors, or the index of a class. joint: it is stated of whole vectors. domain, values: where prediction and
    target may lie."""

    name: str
    definition: Definition
    prediction: Any
    target: Any
    joint: bool
    domain: Any = Reals
    values: Any = Reals

    @property
    def of_class(self) -> bool:
        """Whether the target is the number of a class."""
        return isinstance(self.target, sympy.Idx)

    @property
    def sums_to_one(self) -> bool:
        """Whether its derivation may rely on targets that sum to 1."""
        return "sums_to_one" in getattr(self.target, "facts", ())


def activation(name: str) -> Activation:
    """An activation of the catalogue, by name or alias. Raises UnknownName, or DefinitionError for what is none."""
    return Activation(IDENTITY, None) if name == IDENTITY else _activation(_loaded(name, "an activation"))


def loss_of(name: str) -> Loss:
    """A loss of the catalogue, by name or alias. Raises UnknownName, or DefinitionError for what is none."""
    return _loss(_loaded(name, "a loss"))


def _loaded(name: str, kind: str) -> Definition:
    if not isinstance(name, str):
        raise DefinitionError(f"{name!r} is no name of {kind}: give one of the catalogue as a string")
    return load(resolve(name, entries(project().folders)))


@lru_cache(maxsize=256)
def _activation(definition: Definition) -> Activation:
    name = definition.name
    if definition.kind != "activation":
        raise DefinitionError(f"{name} is a {definition.kind or 'function'}: give an activation, or {IDENTITY!r}")
    if definition.index is None:
        if definition.expression.has(sympy.Indexed):
            raise DefinitionError(f"{name} makes one number of a vector: an activation gives one for each unit")
        return Activation(name, definition, range=_range(derive(definition)))
    if definition.where or isinstance(definition.index, tuple):
        raise DefinitionError(
            f"{name} names further quantities, which an output layer cannot take over yet: use softmax"
        )
    scope = derive(definition).scope
    vector = scope.vectors[definition.symbol]
    one = sums_to_one(vector, scope.indices.get(vector.indices[0], "K"), scope)
    share = one and positive(vector.body, scope)
    return Activation(name, definition, True, Interval.open(0, 1) if share else Reals, one)


def _range(derivation: Derivation) -> Any:
    """Where the values lie, as far as the engine finds it, at the defaults of the parameters."""
    defaults = {p: sympy.nsimplify(value) for p, value in derivation.definition.parameters.items()}
    found = next((p.values["set"] for p in derivation.properties if p.key == "range"), Reals)
    return found.subs(defaults) if isinstance(found, sympy.Set) else Reals


@lru_cache(maxsize=256)
def _loss(definition: Definition) -> Loss:
    name = definition.name
    given = [symbol for symbol in definition.arguments.values() if symbol not in definition.parameters]
    if definition.kind != "loss" or len(given) != 2:
        raise DefinitionError(
            f"{name} is no loss of a prediction and a target: give one such as squared_error or cross_entropy"
        )
    if definition.where:
        inner = ", ".join(f"{left} = {right}" for left, right in definition.where.items())
        raise DefinitionError(
            f"{name} holds an activation of its own ({inner}): give the activation as output= and the loss without it"
        )
    prediction, target = given
    ranks = [len(getattr(each, "shape", None) or ()) for each in given]
    if max(ranks) > 1:
        raise DefinitionError(
            f"{name} is stated of a whole batch: give the loss of one sample, the mean over samples is added"
        )
    domains = definition.domain
    return Loss(
        name, definition, prediction, target, ranks[0] == 1, domains.get(prediction, Reals), domains.get(target, Reals)
    )


def check_fit(output: Activation, loss: Loss) -> None:
    """Raises DefinitionError where a loss cannot take the values of an output layer."""
    if loss.of_class and not output.joint:
        raise DefinitionError(
            f"{loss.name} takes the number of one class, so the outputs have to share it: use softmax, or "
            f"categorical_cross_entropy with {output.name}"
        )
    if output.range.is_subset(loss.domain) is not True:
        raise DefinitionError(
            f"{loss.name} takes predictions in {written(loss.domain)}, but {output.name} gives values in {written(output.range)}: "
            f"choose an output activation whose values lie there, or another loss"
        )
    if output.sums_to_one and not loss.joint and loss.domain != Reals:
        raise DefinitionError(
            f"{loss.name} takes every prediction for a probability of its own, but those of {output.name} sum to 1: "
            f"use sigmoid with {loss.name}, or {output.name} with categorical_cross_entropy"
        )


def written(values: Any) -> str:
    """A set as a message names it: (0, 1], or {-1, 1}."""
    if isinstance(values, sympy.FiniteSet):
        return "{" + ", ".join(map(str, sorted(values))) + "}"
    if isinstance(values, Interval):
        left, right = "(" if values.left_open else "[", ")" if values.right_open else "]"
        return f"{left}{_end(values.inf)}, {_end(values.sup)}{right}"
    return "(-∞, ∞)" if values == Reals else str(values)


def _end(value: Any) -> str:
    exact = value.is_Rational or value.is_infinite
    return str(value).replace("oo", "∞") if exact else f"{float(value):.4g}"
