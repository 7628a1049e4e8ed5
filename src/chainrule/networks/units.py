"""The numbers at every unit of a network for one sample: each equation evaluated as it stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import sympy

from ..expression import tree as t
from ..expression.scope import Scope
from ..expression.value import Point, evaluate
from .equations import Equations, Line, equations
from .network import Network

CLASS = 0
"""The class of the sample, where the target is one."""


@dataclass(frozen=True, eq=False)
class Sample:
    """x, y and the parameters, pairs (W^l, b^l)."""

    parameters: Sequence[tuple[Any, Any]]
    x: Any
    y: Any


@dataclass(frozen=True, eq=False)
class Units:
    """forward, backward: the values of each equation, by the key and the layer of its line; a number for the loss."""

    sample: Sample
    forward: Mapping[tuple[str, int], Any] = field(default_factory=dict)
    backward: Mapping[tuple[str, int], Any] = field(default_factory=dict)


def sample_of(network: Network) -> Sample:
    """A small sample that is the same every time: weights from seed 0, to one decimal, biases of 0.1, inputs 1, -1/2, 1/4, …, and a target in the domain of the
    loss: the first class, or 1 for every output."""
    parameters = [(np.round(W, 1), np.full(b.shape, 0.1)) for W, b in network.initial(0)]
    x = (-0.5) ** np.arange(network.widths[0])
    loss, outputs = network.target, network.widths[-1]
    if loss.of_class:
        return Sample(parameters, x, CLASS)
    if loss.sums_to_one:
        return Sample(parameters, x, np.eye(outputs)[CLASS])
    return Sample(parameters, x, np.full(outputs, float(sympy.Min(1, loss.values.sup))))


def units(network: Network, sample: Sample | None = None) -> Units:
    """The values of all equations of one sample, forward and backward; sample: default, that of ``sample_of``."""
    given = sample or sample_of(network)
    found = equations(network)
    vectors: dict[str, Any] = {"x": _plain(given.x)}
    if not network.target.of_class:
        vectors["y"] = _plain(given.y)
    for place, (W, b) in enumerate(given.parameters, 1):
        vectors |= {f"W__{place}": _plain(W), f"b__{place}": _plain(b)}
    dimensions = {f"n_{place}": width for place, width in enumerate(network.widths)}
    defaults = {str(p): v for f in (*_definitions(network),) for p, v in f.parameters.items()}
    point = Point(
        defaults,
        vectors,
        dimensions,
        {str(network.target.target.label): int(given.y)} if network.target.of_class else {},
    )
    scope = _functions(found)
    forward, backward = {}, {}
    for line in found.forward:
        forward[line.key, line.layer] = value = _value(line, point, scope)
        point = _known(line, value, point)
    for line in found.backward:
        backward[line.key, line.layer] = value = _value(line, point, scope)
        point = _known(line, value, point)
    return Units(given, forward, backward)


def _definitions(network: Network) -> list[Any]:
    return [*(f.definition for f in network.functions if f.definition is not None), network.target.definition]


def _functions(found: Equations) -> Scope:
    """The functions that the equations call; every other name is in the point."""
    functions = {name: f for line in (*found.forward, *found.backward) for name, f in line.scope.functions.items()}
    return Scope(functions=functions)


def _value(line: Line, point: Point, scope: Scope) -> Any:
    left = line.components.left
    place = left.variable if isinstance(left, t.Derivative) else left
    indices = place.indices if isinstance(place, t.Component) else ()
    sizes = [point.dimensions[line.scope.indices[i]] for i in indices]
    scope = replace(scope, indices=line.scope.indices, shapes=line.scope.shapes)
    values = np.empty(sizes)
    for at in product(*map(range, sizes)):
        here = replace(point, indices={**point.indices, **dict(zip(indices, at, strict=True))})
        values[at] = float(evaluate(line.components.right, here, scope, digits=20))
    return values if indices else float(values)


def _known(line: Line, value: Any, point: Point) -> Point:
    left = line.components.left
    return (
        replace(point, vectors={**point.vectors, left.base: _plain(value)}) if isinstance(left, t.Component) else point
    )


def _plain(array: Any) -> Any:
    """Nested tuples."""
    values = np.asarray(array).tolist()
    return tuple(tuple(row) if isinstance(row, list) else row for row in values)
