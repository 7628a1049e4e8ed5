"""The equations of a network at one sample, unit by unit, as rows that can be printed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from mpmath import mp

from ..calculus.derivation import Derivation
from ..calculus.graph import Graph
from ..calculus.graph_terms import decimal, indices_of
from ..expression import tree as t
from ..expression.scope import Scope
from ..expression.value import Evaluation, Point
from .equations import Equations, Line, equations, penalty_of
from .network import Network
from .placed import placed, with_numbers
from .units import Sample
from .whole import graph_of
from .written import Chain, Factor, Key, Step, Written

DIGITS = 30
GRADIENTS = {"W": "dW", "b": "db", "a": "da"}


class AtSample:
    """The equations of a network at one sample: what has been worked out so far is in ``vectors`` and ``scalars``."""

    def __init__(self, network: Network, sample: Sample) -> None:
        self.network, self.sample = network, sample
        self.graph: Graph = graph_of(network)
        self.equations: Equations = equations(network)
        self.sizes = {f"n_{place}": width for place, width in enumerate(network.widths)} | {"m": 1}
        self.places: dict[str, int] = {}
        self.through_output = False
        self.vectors: dict[str, Any] = {"x": _exact(sample.x)}
        definition = self.graph.definition
        self.scalars: dict[str, Any] = {str(p): mp.mpf(float(v)) for p, v in definition.parameters.items()}
        if network.l2:
            self.scalars["lambda"] = mp.mpf(network.l2)
        if network.target.of_class:
            self.places[str(network.target.target.label)] = int(sample.y) + 1
        else:
            self.vectors["y"] = _exact(np.atleast_1d(sample.y))
        for layer, (W, b) in enumerate(sample.parameters, 1):
            self.vectors |= {f"W__{layer}": _exact(W), f"b__{layer}": _exact(b)}
        every = (*self.equations.forward, *self.equations.backward)
        functions = {name: f for line in every for name, f in line.scope.functions.items()}
        for edge in self.graph.active:
            assert edge.derivation is not None
            functions |= edge.derivation.scope.functions
        self.scope = Scope(functions=functions)

    # --- numbers

    def at(self) -> Evaluation:
        return Evaluation(Point(self.scalars, self.vectors, self.sizes), self.scope, DIGITS)

    def known(self) -> dict[t.Node, t.Node]:
        """A number for every name that has one."""
        found: dict[t.Node, t.Node] = {t.Symbol(name): decimal(float(value)) for name, value in self.scalars.items()}
        for base, array in self.vectors.items():
            for places, value in _entries(array):
                found[t.Component(base, tuple(str(p) for p in places))] = decimal(float(value))
        return found

    def value(self, letters: t.Node) -> Any:
        """The value of a formula; what is left of terms that cancel is 0."""
        here = self.at()
        found = here.value(letters)
        return found if abs(found) > mp.mpf(10) ** -(2 * DIGITS // 3) * here.scale(letters) else mp.mpf(0)

    def put_in(self, letters: t.Node) -> t.Node:
        return with_numbers(letters, self.known(), self.at())

    def formula(self, node: t.Node, places: Mapping[str, int]) -> t.Node:
        return placed(node, {**self.places, **places}, self.sizes)

    # --- what is given

    def given(self) -> Iterator[Written]:
        names = ["x", *(["y"] if "y" in self.vectors else ())]
        names += [f"{name}__{layer}" for layer in range(1, self.network.depth + 1) for name in ("W", "b")]
        for base in names:
            letter, _, layer = base.partition("__")
            for places, value in _entries(self.vectors[base]):
                left = t.Component(base, tuple(map(str, places)))
                yield _given((letter, int(layer or 0), places), left, float(value))

    # --- the equations at every unit

    def forward(self) -> Iterator[Written]:
        for line in self.equations.forward:
            yield from self.line(line, line.key)

    def backward(self) -> Iterator[Written]:
        for line in self.equations.backward:
            yield from self.line(line, GRADIENTS.get(line.key, line.key))

    def line(self, line: Line, key: str) -> Iterator[Written]:
        """An equation at every place, and from then on its values are known."""
        left = line.components.left
        indices = indices_of(left.variable if isinstance(left, t.Derivative) else left)
        sizes = [self.sizes[line.scope.indices[i]] for i in indices]
        values: dict[tuple[int, ...], Any] = {}
        for places in product(*(range(1, size + 1) for size in sizes)):
            letters = self.formula(line.components.right, dict(zip(indices, places, strict=True)))
            values[places] = self.value(letters)
            goal = t.rename_indices(left, dict(zip(indices, map(str, places), strict=True)))
            yield Written((key, line.layer, places), goal, letters, self.put_in(letters), float(values[places]))
        if isinstance(left, t.Component):
            self.vectors[left.base] = _nested(values, sizes)
        elif isinstance(left, t.Symbol):
            self.scalars[left.name] = values[()]

    # --- along the paths

    def along(self, start: Key, through_output: bool = False) -> Chain:
        """The derivative of the loss by a weight or a unit, along every path that carries one."""
        self.through_output = through_output
        letter, layer, places = start
        source = t.Component(f"{letter}__{layer}", tuple(map(str, places)))
        paths = tuple(self.paths(f"{letter}__{layer}", places))
        value = mp.fsum(mp.fprod(self.value(f.formula) for f in path) for path in paths)
        left: t.Node = t.Derivative(t.Symbol("L"), source, 1, True)
        key = "delta" if letter == "z" else GRADIENTS[letter]
        return Chain((key, layer, places), left, paths, float(value))

    def paths(self, name: str, places: tuple[int, ...]) -> Iterator[tuple[Factor, ...]]:
        if name == self.graph.output.name:
            yield ()
            return
        if name == f"z__{self.network.depth}" and self.network.functions[-1].joint and not self.through_output:
            (derivation,) = self.equations.line("delta", self.network.depth, backward=True).derivations
            factor = self.local(derivation, t.Derivative(t.Symbol("L"), derivation.variable, 1, True), places)
            yield () if factor is None else (factor,)
            return
        for edge in self.graph.out_of[name]:
            target = self.graph.node(edge.target)
            assert edge.symbol is not None and edge.derivation is not None
            for there in product(*(range(1, self.sizes[d] + 1) for d in target.dimensions)):
                factor = self.local(edge.derivation, edge.symbol, (*there, *places))
                if factor is not None:
                    yield from ((*rest, factor) for rest in self.paths(edge.target, there))

    def local(self, derivation: Derivation, symbol: t.Derivative, places: tuple[int, ...]) -> Factor | None:
        """A local derivative at its places; None where it is 0 whatever the numbers."""
        indices = (*indices_of(symbol.operand), *indices_of(symbol.variable))
        at = dict(zip(indices, places, strict=True))
        formula = self.formula(derivation.final, at)
        if formula == t.ZERO:
            return None
        name = t.rename_indices(symbol, {index: str(place) for index, place in at.items()})
        assert isinstance(name, t.Derivative)
        return Factor(name, formula, self.put_in(formula), float(self.value(formula)), derivation)

    # --- one step

    def penalised(self) -> Iterator[Written]:
        """∂J/∂W = ∂L/∂W + λ/m W for every weight, with m = 1."""
        if not self.network.l2:
            return
        for layer in range(1, self.network.depth + 1):
            line = equations(self.network, batch=True).line("W", layer, backward=True)
            loss = self.equations.line("W", layer, backward=True)
            assert isinstance(line.components.left, t.Derivative) and isinstance(loss.components.left, t.Derivative)
            penalty = line.derivations[-1]
            indices = indices_of(line.components.left.variable)
            for places, _ in _entries(self.vectors[f"W__{layer}"]):
                at = dict(zip(indices, places, strict=True))
                names = {index: str(place) for index, place in at.items()}
                data = t.rename_indices(loss.components.left, names)
                weight = self.formula(penalty.final, at)
                slope = self.value(self.formula(loss.components.right, at))
                numbers = t.Add((decimal(float(slope)), self.put_in(weight)))
                value = float(slope + self.value(weight))
                goal = t.rename_indices(line.components.left, names)
                yield Written(("dJ", layer, places), goal, t.Add((data, weight)), numbers, value)

    def cost(self) -> float:
        """L and the penalty."""
        total = self.scalars["L"]
        for layer in range(1, self.network.depth + 1) if self.network.l2 else ():
            total += self.value(self.formula(penalty_of(layer), {}))
        return float(total)

    def steps(self, rate: float, gradients: Mapping[Key, Written]) -> Iterator[Step]:
        eta = t.Symbol("eta")
        for layer in range(1, self.network.depth + 1):
            for letter in ("W", "b"):
                for places, old in _entries(self.vectors[f"{letter}__{layer}"]):
                    left = t.Component(f"{letter}__{layer}", tuple(map(str, places)))
                    data = gradients[f"d{letter}", layer, places]
                    slope = gradients.get(("dJ", layer, places), data) if letter == "W" else data
                    goal = slope.left if self.network.l2 == 0 or letter == "W" else _of_cost(slope.left)
                    letters = t.Add((left, t.Neg(t.Mul((eta, goal)))))
                    numbers = t.Add((decimal(float(old)), t.Neg(t.Mul((decimal(rate), decimal(slope.value))))))
                    new = float(old) - rate * slope.value
                    yield Step((f"{letter}_new", layer, places), left, letters, numbers, new, float(old), slope.value)


def _of_cost(derivative: t.Node) -> t.Node:
    """The derivative of J by a bias, which is that of L."""
    assert isinstance(derivative, t.Derivative)
    return replace(derivative, operand=t.Symbol("J"))


def _given(key: Key, left: t.Node, value: float) -> Written:
    return Written(key, left, decimal(value), decimal(value), value)


def _exact(array: Any) -> Any:
    """Nested tuples of numbers as mpmath has them."""
    return tuple(map(_exact, array)) if np.ndim(array) else mp.mpf(float(array))


def _entries(array: Any, places: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    if isinstance(array, tuple):
        for place, part in enumerate(array, 1):
            yield from _entries(part, (*places, place))
    else:
        yield places, array


def _nested(values: Mapping[tuple[int, ...], Any], sizes: Sequence[int], done: tuple[int, ...] = ()) -> Any:
    if len(done) == len(sizes):
        return values[done]
    return tuple(_nested(values, sizes, (*done, place)) for place in range(1, sizes[len(done)] + 1))
