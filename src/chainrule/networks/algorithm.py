"""Backpropagation and gradient descent as the lines of an algorithm, taken from the equations of a network: for a generic layer l where its layers are alike.

Order matters: every δ^l is found with the weights of the forward pass, before any of them changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from ..calculus.renaming import NAMES, renamed_tree
from ..errors import DefinitionError
from ..expression import tree as t
from ..expression.printing.boxes import Box, Row, Sign
from ..expression.printing.layout import layout as boxes_of
from .equations import Equations, Line, equations, penalty_of
from .network import Network

Phase = Literal["forward", "backward", "update"]
Kind = Literal["set", "for"]

DEEP, MIDDLE = 5, 3
"""A network of so many layers, and the layer of it that is written as layer l: there is one like it below and above."""


@dataclass(frozen=True)
class Statement:
    """A line. kind: ``set``, left ← right; or ``for``, a loop over the layers from ``start`` to ``stop``, up or down by 1, around the lines below it that are
    indented further. key: that of the equation, as in ``Line``, with "dW" and "db" for gradients; ``W_new``, ``b_new`` of an update; ``input`` for a⁰; ``layers``
    of a loop."""

    indent: int
    kind: Kind
    phase: Phase
    key: str
    left: t.Node
    right: t.Node | None = None
    start: t.Node | None = None
    stop: t.Node | None = None

    @property
    def formula(self) -> Box:
        """left ← right, for any printer; of a loop its variable alone."""
        if self.right is None:
            return boxes_of(self.left)
        return Row((boxes_of(self.left), Sign("gets"), boxes_of(self.right)))


def algorithm(network: Network, batch: bool = False, generic: bool | None = None) -> tuple[Statement, ...]:
    """One step of gradient descent, line by line: for one sample, or for a batch with a sample in each row.

    generic: with loops over layers, for any depth M; default: where there are at least two hidden layers, all alike.
    Raises DefinitionError where loops are asked for and hidden layers differ, or there are none."""
    alike = len(set(network.activations[:-1])) == 1
    if generic and not alike:
        raise DefinitionError(f"the network {network} has no hidden layers that are alike: leave out generic=True")
    if generic is None:
        generic = alike and network.depth > 2
    found = _generic(network, batch) if generic else _unrolled(network, equations(network, batch), batch)
    return tuple(found)


# ---------------------------------------------------------------- layer by layer


def _unrolled(network: Network, found: Equations, batch: bool) -> Iterator[Statement]:
    for line in found.forward:
        if line.key != "cost" or not network.l2:
            yield _set(0, "forward", line)
    if batch and network.l2:
        yield _cost(network, found)
        for layer in range(1, network.depth + 1):
            yield _penalty(0, layer)
    for layer in range(network.depth, 0, -1):
        yield _set(0, "backward", found.line("delta", layer, backward=True))
    for layer in range(1, network.depth + 1):
        yield from _gradients_and_updates(0, found, layer)


def _set(indent: int, phase: Phase, line: Line, key: str = "") -> Statement:
    equation = line.matrix or line.components
    return Statement(indent, "set", phase, key or line.key, equation.left, equation.right)


def _gradients_and_updates(indent: int, found: Equations, layer: int) -> Iterator[Statement]:
    for key in ("W", "b"):
        yield _set(indent, "update", found.line(key, layer, backward=True), f"d{key}")
    for key in ("W", "b"):
        line = found.line(key, layer, backward=True)
        assert line.matrix is not None and isinstance(line.matrix.left, t.Derivative)
        gradient = line.matrix.left
        step = t.Neg(t.Mul((t.Symbol("eta"), gradient)))
        yield Statement(indent, "set", "update", f"{key}_new", gradient.variable, t.Add((gradient.variable, step)))


def _cost(network: Network, found: Equations) -> Statement:
    """The mean of the losses: what is in front of the penalties."""
    cost = found.line("cost").components
    assert isinstance(cost.right, t.Add)
    return Statement(0, "set", "forward", "cost", cost.left, t.add(*cost.right.terms[: -network.depth]))


def _penalty(indent: int, layer: int) -> Statement:
    cost = t.Symbol("J")
    return Statement(indent, "set", "forward", "penalty", cost, t.Add((cost, penalty_of(layer))))


# ---------------------------------------------------------------- a layer l of M


def _generic(network: Network, batch: bool) -> Iterator[Statement]:
    hidden = network.activations[0]
    deep = replace(
        network,
        widths=(network.widths[0], *(network.widths[-1],) * DEEP),
        activations=(*(hidden,) * (DEEP - 1), network.activations[-1]),
    )
    found = equations(deep, batch)
    inner, last = partial(_numbered, layer=MIDDLE, letter="l"), partial(_numbered, layer=DEEP, letter="M")
    top = t.Symbol("M")
    below_top = t.Add((top, t.Neg(t.ONE)))
    given = t.Matrix("A__0") if batch else t.Vector("a__0")
    yield Statement(0, "set", "forward", "input", given, t.Matrix("X") if batch else t.Vector("x"))
    same = hidden == network.activations[-1]
    yield _loop("forward", t.ONE, top if same else below_top)
    for key in ("z", "a"):
        yield inner(_set(1, "forward", _alike(found, key)))
    if not same:
        for key in ("z", "a"):
            yield last(_set(0, "forward", found.line(key, DEEP)))
    yield last(_set(0, "forward", found.line("loss")))
    if batch and network.l2:
        yield _cost(deep, found)
        yield _loop("forward", t.ONE, top)
        yield inner(_penalty(1, MIDDLE))
    elif batch:
        yield _set(0, "forward", found.line("cost"))
    yield last(_set(0, "backward", found.line("delta", DEEP, backward=True)))
    yield _loop("backward", below_top, t.ONE)
    yield inner(_set(1, "backward", _alike(found, "delta", backward=True)))
    yield _loop("update", t.ONE, top)
    for key in ("W", "b"):
        _alike(found, key, backward=True)
    yield from map(inner, _gradients_and_updates(1, found, MIDDLE))


def _loop(phase: Phase, start: t.Node, stop: t.Node) -> Statement:
    return Statement(0, "for", phase, "layers", t.Symbol("l"), None, start, stop)


def _alike(found: Equations, key: str, backward: bool = False) -> Line:
    """The equation of the middle layer, once it is seen to be that of the layers around it but for numbers; that of the first layer has x for a⁰."""
    lines = {line.layer: line for line in (found.backward if backward else found.forward) if line.key == key}
    line = lines[MIDDLE]
    hidden = [place for place in lines if place < DEEP or key in ("W", "b")]
    forms = {_numbered(_set(0, "update", lines[place]), place, "l") for place in hidden}
    assert len(forms) == 1, f"{key}: layers are not alike"
    return line


def _numbered(statement: Statement, layer: int, letter: str) -> Statement:
    """A statement about one layer as one about layer l: W³ becomes W^l, a² becomes a^{l - 1}."""
    tree = partial(_renumbered, layer=layer, letter=letter)
    right = None if statement.right is None else tree(statement.right)
    return replace(statement, left=tree(statement.left), right=right)


def _renumbered(node: t.Node, layer: int, letter: str) -> t.Node:
    names = {getattr(part, f) for _, part in t.walk(node) for f in NAMES.get(type(part), ())}
    found: Mapping[str, str] = {name: _renamed(name, layer, letter) for name in names}
    return renamed_tree(node, found)


def _renamed(name: str, layer: int, letter: str) -> str:
    """x and X are a⁰ and A⁰; n_3 is n_l."""
    name = {"x": "a__0", "X": "A__0"}.get(name, name)
    for mark in ("__", "_"):
        base, found, number = name.rpartition(mark)
        if found and number.isdecimal():
            above = int(number) - layer
            sign = "" if not above else f"_plus_{above}" if above > 0 else f"_minus_{-above}"
            return f"{base}{mark}{letter}{sign}"
    return name
