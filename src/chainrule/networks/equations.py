"""The equations of a network, forward and backward, each with the derivations that it comes from.

For one sample in vectors, or for a batch with a sample in each row: Z = A Wᵀ + 1 bᵀ, Δ^l = Δ^{l+1} W^{l+1} ⊙ f'(Z^l), ∂J/∂W = Δᵀ A + λ/m W. Every
layer like another shares its derivation, so the time grows linearly with the depth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from ..calculus.derivation import Derivation
from ..calculus.matrix_reading import read
from ..calculus.products import common_factors
from ..calculus.recognise import multiplied_out
from ..calculus.renaming import renamed, renamed_tree
from ..calculus.tidy import tidy
from ..expression import tree as t
from ..expression.scope import Scope
from . import templates
from .network import Network
from .parts import Activation, Loss

ROW = "h"
"""The index of a sample in a batch, as the templates name it; it comes before those of the units, as a row does."""


@dataclass(frozen=True)
class Line:
    """One equation. key: what it gives: ``z``, ``a``, ``loss``, ``penalty``, ``cost`` forward; ``delta``, ``W``, ``b``, and ``a`` for ∂L/∂a^l backward. layer: 1 to M,
    0 for the whole network. components: in index notation. matrix: in matrix notation, None where there is none. derivations: those it rests on;
    empty for what is given. scope: what its names mean."""

    key: str
    layer: int
    components: t.Equation
    matrix: t.Equation | None
    derivations: tuple[Derivation, ...] = ()
    scope: Scope = field(default=Scope(), repr=False)


@dataclass(frozen=True)
class Equations:
    """forward, backward: in the order in which they are evaluated. activations: the derivation of each activation in the catalogue, by name."""

    forward: tuple[Line, ...]
    backward: tuple[Line, ...]
    activations: Mapping[str, Derivation]

    def line(self, key: str, layer: int = 0, backward: bool = False) -> Line:
        """The equation of that kind. Raises KeyError where there is none."""
        found = [x for x in (self.backward if backward else self.forward) if (x.key, x.layer) == (key, layer)]
        if not found:
            raise KeyError((key, layer))
        return found[0]


def equations(network: Network, batch: bool = False) -> Equations:
    """The equations of a network for one sample, or for a batch of m samples in rows, whose cost J is the mean loss and the penalty."""
    functions = network.functions
    known = {f.name: f.derivation for f in functions}
    layers = tuple(_layer(before, place, batch) for place, before in enumerate((None, *functions[:-1]), 1))
    last = _output(functions[-1], network.target, network.depth)
    return Equations(
        tuple(_forward(network, layers, last, batch)),
        tuple(_backward(network, layers, last, batch)),
        {name: derivation for name, derivation in known.items() if derivation is not None},
    )


def _layer(before: Activation | None, place: int, batch: bool) -> templates.Layer:
    """The derivations of one layer, under its own names; before: the activation of the layer below."""
    found = templates.layer(before, batch)
    name, inner = (str.upper, f"H__{place - 1}") if batch else (str, f"h__{place - 1}")
    names = {
        name("a__1"): name(f"a__{place - 1}") if place > 1 else name("x"),
        name("z__1"): name(f"z__{place - 1}"),
        name("z__2"): name(f"z__{place}"),
        "W__2": f"W__{place}",
        "b__2": f"b__{place}",
        "n_1": f"n_{place - 1}",
        "n_2": f"n_{place}",
        found.above: _delta(place, batch),
        **({found.inner: inner} if found.inner else {}),
        **({"L": "J"} if batch else {}),
    }
    one = partial(renamed, names=names)
    return templates.Layer(
        one(found.by_W),
        one(found.by_b),
        None if found.by_z is None else one(found.by_z),
        None if found.by_a is None else one(found.by_a),
        _delta(place, batch),
        inner,
    )


def _delta(place: int | str, batch: bool) -> str:
    return f"Delta__{place}" if batch else f"delta__{place}"


def output_error(activation: Activation, loss: Loss, place: str = "M") -> Line:
    """δ of an output layer with that activation before that loss, for one sample. place: the layer's number, or a letter for it."""
    return _last_delta(_output(activation, loss, place), place)


def _output(function: Activation, loss: Loss, depth: int | str) -> Derivation:
    names = {"z__1": f"z__{depth}", "a__1": f"a__{depth}", "n_1": f"n_{depth}"}
    return renamed(templates.output(function, loss), names)


# ---------------------------------------------------------------- forward


def _forward(network: Network, layers: tuple[templates.Layer, ...], last: Derivation, batch: bool) -> Iterator[Line]:
    for place, each in enumerate(layers, 1):
        yield _named(("z", place), each.by_W.scope, ("Z" if batch else "z") + f"__{place}")
        after = layers[place].by_W.scope if place < network.depth else last.scope
        if place < network.depth:
            yield _named(("a", place), after, ("A" if batch else "a") + f"__{place}")
        else:
            yield (
                _lifted_line(_named(("a", place), after, f"a__{place}"), after)
                if batch
                else _named(("a", place), after, f"a__{place}")
            )
    loss = t.Equation(t.Symbol("L"), last.scope.scalars["L"])
    if not batch:
        yield Line("loss", 0, loss, None, (), last.scope)
        return
    yield Line("loss", 0, _lifted(t.Equation(t.Component("L", ()), loss.right), last.scope), None)
    yield Line("cost", 0, _cost(network), None)


def _named(key: tuple[str, int], scope: Scope, base: str) -> Line:
    vector = scope.vectors[base]
    row = {"g": ROW} if vector.indices[0] == "g" else {}
    left = t.Component(base, tuple(row.get(i, i) for i in vector.indices))
    return _line(key, left, t.rename_indices(vector.body, row), scope.extended(indices={ROW: "m"} if row else {}), ())


def _line(key: tuple[str, int], left: t.Component, right: t.Node, scope: Scope, used: tuple[Derivation, ...]) -> Line:
    """An equation in both notations."""
    whole = _read(right, left.indices, scope)
    matrix = None if whole is None else t.Equation(_whole(left), whole)
    return Line(*key, t.Equation(left, right), matrix, used, scope)


def _read(node: t.Node, indices: tuple[str, ...], scope: Scope) -> t.Node | None:
    return read(node, indices, scope) or read(multiplied_out(node), indices, scope)


def _whole(node: t.Node) -> t.Node:
    match node:
        case t.Component(base, (_,)):
            return t.Vector(base)
        case t.Component(base, (_, _)):
            return t.Matrix(base)
        case t.Derivative(operand, variable, order, _):
            return t.Derivative(operand, _whole(variable), order, True)
    return node


def _cost(network: Network) -> t.Equation:
    """J, the mean loss and the penalty of every layer."""
    mean = templates.mean().scope.scalars["J"]
    if not network.l2:
        return t.Equation(t.Symbol("J"), mean)
    each = (penalty_of(place) for place in range(1, network.depth + 1))
    return t.Equation(t.Symbol("J"), t.Add((mean, *each)))


def penalty_of(place: int) -> t.Node:
    """The penalty of one layer, λ/(2m) Σ W²."""
    return renamed_tree(templates.penalty().scope.scalars["R"], _weights(place))


def _weights(place: int) -> dict[str, str]:
    return {"W__2": f"W__{place}", "n_1": f"n_{place - 1}", "n_2": f"n_{place}"}


# ---------------------------------------------------------------- backward


def _backward(network: Network, layers: tuple[templates.Layer, ...], last: Derivation, batch: bool) -> Iterator[Line]:
    depth = network.depth
    yield _last_delta_of_a_batch(last, depth) if batch else _last_delta(last, depth)
    for place in range(depth, 0, -1):
        each = layers[place - 1]
        yield _weight_line(network, each, place, batch)
        yield _gradient("b", place, each.by_b)
        if each.by_z is not None and each.by_a is not None:
            yield _gradient("a", place - 1, each.by_a)
            yield _delta_line(each.by_z, each.by_a, each.inner, place - 1, batch)


def _gradient(key: str, place: int, derivation: Derivation) -> Line:
    indices = derivation.variable.indices  # type: ignore[attr-defined]
    whole = _read(derivation.final, indices, derivation.scope)
    left = derivation.goal
    matrix = None if whole is None else t.Equation(_whole(left), whole)
    return Line(key, place, t.Equation(left, derivation.final), matrix, (derivation,), derivation.scope)


def _last_delta(last: Derivation, place: int | str) -> Line:
    """δ of the output layer."""
    variable = last.variable
    assert isinstance(variable, t.Component)
    left = t.Component(_delta(place, False), variable.indices)
    return _line(("delta", place if isinstance(place, int) else 0), left, last.final, last.scope, (last,))


def _last_delta_of_a_batch(last: Derivation, depth: int) -> Line:
    """The same in every row, with the 1/m of the mean."""
    variable = last.variable
    assert isinstance(variable, t.Component)
    mean = templates.mean()
    right = tidy(t.Mul((mean.final, _lifted(t.Equation(variable, last.final), last.scope).right)))
    left = t.Component(_delta(depth, True), (ROW, *variable.indices))
    return _line(("delta", depth), left, right, _lifted_scope(last.scope), (last, mean))


def _delta_line(by_z: Derivation, by_a: Derivation, inner: str, place: int, batch: bool) -> Line:
    """δ^l with ∂L/∂a^l written out: the sum over every path from the unit into the next layer."""
    variable, through = by_z.variable, by_a.variable
    assert isinstance(variable, t.Component)
    assert isinstance(through, t.Component)
    body = t.rename_indices(by_a.final, dict(zip(through.indices, variable.indices, strict=True)))
    right = t.substitute(common_factors(by_z.final) or by_z.final, {t.Component(inner, variable.indices): body})
    left = t.Component(_delta(place, batch), variable.indices)
    return _line(("delta", place), left, tidy(right), by_z.scope, (by_z,))


def _weight_line(network: Network, layer: templates.Layer, place: int, batch: bool) -> Line:
    line = _gradient("W", place, layer.by_W)
    if not (batch and network.l2):
        return line
    penalty = renamed(templates.penalty(), _weights(place))
    assert penalty.variable == layer.by_W.variable
    total = t.Add((layer.by_W.final, penalty.final))
    scope = layer.by_W.scope.extended(shapes=penalty.scope.shapes)
    left = layer.by_W.goal
    whole = _read(total, layer.by_W.variable.indices, scope)  # type: ignore[attr-defined]
    matrix = None if whole is None else t.Equation(_whole(left), whole)
    return Line("W", place, t.Equation(left, total), matrix, (layer.by_W, penalty), scope)


# ---------------------------------------------------------------- one sample, in a row of a batch


def _lifted_line(line: Line, scope: Scope) -> Line:
    new = _lifted(line.components, scope)
    assert isinstance(new.left, t.Component)
    return _line((line.key, line.layer), new.left, new.right, _lifted_scope(scope), line.derivations)


def _lifted(equation: t.Equation, scope: Scope) -> t.Equation:
    """An equation between vectors of one sample as one between the rows of a batch; the class c of a sample becomes its row of Y, δ_cj = Y_hj,
    where p_c δ_cj = p_j δ_cj."""
    classes = frozenset(i for i in t.free_indices(equation.right) if i not in t.free_indices(equation.left))
    unit = next(iter(t.free_indices(equation.left)), "")

    def one(n: t.Node) -> t.Node | None:
        match n:
            case t.Component("L", ()):
                return t.Component("L", (ROW,))
            case t.Component(base, (place,)) if place in classes and not unit:
                return None  # the class of the sample itself: it has no other name
            case t.Component(base, (place,)):
                return t.Component(base[0].upper() + base[1:], (ROW, unit if place in classes else place))
            case t.Delta(left, right) if {left, right} & classes:
                return t.Component("Y", (ROW, unit))
        return None

    new = t.transform(equation, one)
    assert isinstance(new, t.Equation)
    return new


def _lifted_scope(scope: Scope) -> Scope:
    shapes = {base[0].upper() + base[1:]: ("m", *sizes) for base, sizes in scope.shapes.items() if len(sizes) == 1}
    return scope.extended(shapes=shapes, indices={ROW: "m"})
