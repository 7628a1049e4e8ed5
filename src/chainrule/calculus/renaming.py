"""A derivation under other names: what was derived for one layer holds for every layer like it, so it is derived once."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..expression import tree as t
from ..expression.scope import NamedVector, Scope
from .derivation import Derivation, Step

NAMES: dict[type[t.Node], tuple[str, ...]] = {
    t.Symbol: ("name",),
    t.Vector: ("name",),
    t.Matrix: ("name",),
    t.Component: ("base",),
    t.Dimension: ("name",),
    t.Sum: ("dimension",),
    t.MaxOver: ("dimension",),
    t.ArgMax: ("dimension",),
    t.Identity: ("dimension",),
    t.Ones: ("dimension",),
    t.Unit: ("dimension",),
}
"""The fields of a node that hold the name of a scalar, a vector, a matrix or a dimension."""


def renamed_tree(node: t.Node, names: Mapping[str, str]) -> t.Node:
    """The same formula of other things, all names replaced at once."""

    def one(n: t.Node) -> t.Node | None:
        fields = NAMES.get(type(n), ())
        new = {f: names[getattr(n, f)] for f in fields if getattr(n, f) in names}
        return replace(n, **new) if new else None

    return t.transform(node, one)


def renamed(derivation: Derivation, names: Mapping[str, str]) -> Derivation:
    """The same derivation about other things; its definition stays that of the layer for which it was made."""
    tree = partial(renamed_tree, names=names)
    gradient = derivation.gradient_of
    return replace(
        derivation,
        scope=_scope(derivation.scope, names),
        variable=tree(derivation.variable),
        goal=tree(derivation.goal),
        start=tree(derivation.start),
        steps=tuple(_step(step, names) for step in derivation.steps),
        lemmas=tuple(renamed(lemma, names) for lemma in derivation.lemmas),
        gradient_of=None if gradient is None else t.Equation(tree(gradient.left), tree(gradient.right)),
    )


def _step(step: Step, names: Mapping[str, str]) -> Step:
    note = None if step.note is None else renamed_tree(step.note, names)
    return replace(step, before=renamed_tree(step.before, names), after=renamed_tree(step.after, names), note=note)


def _scope(scope: Scope, names: Mapping[str, str]) -> Scope:
    def word(name: str) -> str:
        return names.get(name, name)

    def keys(table: Mapping[str, Any]) -> dict[str, Any]:
        return {word(key): value for key, value in table.items()}

    tree = partial(renamed_tree, names=names)
    return replace(
        scope,
        scalars={word(k): tree(body) for k, body in scope.scalars.items()},
        vectors={word(k): NamedVector(word(k), v.indices, tree(v.body)) for k, v in scope.vectors.items()},
        indices={i: word(size) for i, size in scope.indices.items()},
        shapes={word(k): tuple(map(word, sizes)) for k, sizes in scope.shapes.items()},
        domains=keys(scope.domains),
        facts=keys(scope.facts),
        derivatives={(word(k), tree(v)): tree(body) for (k, v), body in scope.derivatives.items()},
        jacobians={(word(a), word(b)): (i, j, tree(body)) for (a, b), (i, j, body) in scope.jacobians.items()},
        own=word(scope.own),
    )
