"""The backward pass through a vector: from g = ∂L/∂s, the gradient of any scalar L that is computed from s, to ∂L/∂z.

It is the chain rule over every component of s, so a derivation like any other: L is given the value Σ_i g_i s_i, whose gradient by s is g
and whose gradient by z is the product of g with the Jacobian, from the left. Code needs this product and never the Jacobian itself."""

from collections.abc import Iterable
from dataclasses import replace

from ..expression import tree as t
from ..expression.scope import Scope
from .derivation import Derivation
from .derive import steps_of
from .differentiation import variable_indices, variable_name

COTANGENTS, LOSSES = ("g", "h", "u", "r"), ("L", "E", "J", "C")
"""The names of the gradient from above and of the scalar it belongs to: the first that the definition leaves free."""


def backward(derivation: Derivation) -> Derivation | None:
    """The backward pass of a first derivative of a vector or matrix; None for a scalar function, whose gradient needs no such product."""
    goal = derivation.goal
    if not isinstance(goal, t.Derivative) or not isinstance(goal.operand, t.Component) or derivation.order != 1:
        return None
    scope, own = derivation.scope, goal.operand
    g, loss = free_name(COTANGENTS, scope), free_name(LOSSES, scope)
    body: t.Node = t.Mul((t.Component(g, own.indices), own))
    for i in reversed(own.indices):
        body = t.Sum(body, i, scope.indices.get(i, "K"))
    known = {
        (own.base, variable_name(goal.variable)): (own.indices, variable_indices(goal.variable), derivation.final),
        (loss, own.base): ((), own.indices, t.Component(g, own.indices)),
    }
    sizes = tuple(scope.indices.get(i, "K") for i in own.indices)
    inner = replace(scope.extended(shapes={g: sizes, own.base: sizes}, scalars={loss: body}, jacobians=known), own=loss)
    start = t.Derivative(t.Symbol(loss), goal.variable, 1, True)
    steps = steps_of(start, inner, _without_formulas(inner, loss, own.base))
    return Derivation(derivation.definition, inner, goal.variable, 1, start, start, tuple(steps), backward=g)


def _without_formulas(scope: Scope, loss: str, own: str) -> Scope:
    """L stands for any scalar, so its formula must not be recognised; that of the function is not written out again."""
    scalars = {name: body for name, body in scope.scalars.items() if name != loss}
    return replace(scope, scalars=scalars, vectors={name: v for name, v in scope.vectors.items() if name != own})


def backward_all(derivations: Iterable[Derivation]) -> tuple[Derivation, ...]:
    """The backward pass by each variable of a vector function."""
    found = (backward(d) for d in derivations if not d.route)
    return tuple(d for d in found if d is not None)


def free_name(names: tuple[str, ...], scope: Scope) -> str:
    """The first name that nothing else in the scope has."""
    taken = {*scope.shapes, *scope.scalars, *scope.vectors, *scope.functions, *scope.indices, *scope.domains}
    bodies = [*scope.scalars.values(), *(v.body for v in scope.vectors.values())]
    taken |= {p.name for b in bodies for _, p in t.walk(b) if isinstance(p, t.Symbol | t.Vector | t.Matrix)}
    return next(name for name in (*names, *(f"{names[0]}_{n}" for n in range(100))) if name not in taken)
