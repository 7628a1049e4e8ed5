"""The backward pass through a vector: from g = ∂L/∂s, the gradient of any scalar L that is computed from s, to ∂L/∂z.

It is the chain rule over every component, so a derivation like any other: L is given the value Σ_i g_i s_i, whose gradient by s is g and whose
gradient by z is the product of g with the Jacobian, from the left. Code needs this product and never the Jacobian itself. Where every path
from z to s leads through a named vector, the gradient with respect to that vector comes first, under a name of its own (h for the first),
unless it divides by components: so attention is passed back through its weights, and layer normalisation through the normalised vector."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..expression import tree as t
from ..expression.scope import NamedVector, Scope
from .dependence import depends
from .derivation import Derivation
from .derive import apart, axes, lemma, steps_of
from .differentiation import variable_indices, variable_name

GRADIENTS, MATRICES, LOSSES = ("g", "h", "u", "r", "q"), ("G", "H", "U", "R", "F"), ("L", "E", "J", "C")
"""The names of gradients from above, of vectors and of matrices, and of the scalar they belong to: those that the definition leaves free."""


def backward_all(derivations: Iterable[Derivation]) -> tuple[Derivation, ...]:
    """The backward pass by each variable of a vector function, in the order of its first derivatives; empty for a scalar function, whose
    gradient needs no such product."""
    firsts = [d for d in derivations if d.order == 1 and not d.route and isinstance(_own(d), t.Component)]
    if not firsts:
        return ()
    names = _names(firsts)
    known: dict[tuple[str, str], list[Derivation]] = {}
    return tuple(_backward(d, names, known) for d in firsts)


@dataclass(frozen=True)
class _Names:
    """loss: the scalar. gradients: the name of its gradient with respect to each vector, by base."""

    loss: str
    gradients: Mapping[str, str]


def _own(derivation: Derivation) -> t.Node:
    assert isinstance(derivation.goal, t.Derivative)
    return derivation.goal.operand


def _names(firsts: list[Derivation]) -> _Names:
    own = _own(firsts[0])
    assert isinstance(own, t.Component)
    wanted = {own.base: own.indices}
    for derivation in firsts:
        wanted |= {v.base: v.indices for v in _gates(own, derivation.variable, derivation.scope)}
    order = [
        own.base,
        *(base for base in reversed(tuple(firsts[0].scope.vectors)) if base in wanted and base != own.base),
    ]
    taken = set().union(*(_taken(d.scope) for d in firsts))
    given = {str(getattr(of, "label", of)): str(name) for of, name in firsts[0].definition.adjoints.items()}
    gradients: dict[str, str] = {}
    for position, base in enumerate(order):
        if base in given:
            gradients[base] = given[base]
            continue
        options = (MATRICES if len(wanted[base]) > 1 else GRADIENTS)[position:]
        gradients[base] = _free((*options, f"{options[0]}_bar"), taken | set(gradients.values()))
    return _Names(_free(LOSSES, taken), gradients)


def _taken(scope: Scope) -> set[str]:
    """The names that something in the scope has."""
    bodies = [*scope.scalars.values(), *(v.body for v in scope.vectors.values())]
    plain = {
        p.name for b in bodies for _, p in t.walk(b) if isinstance(p, t.Symbol | t.Vector | t.Matrix | t.Dimension)
    }
    return {*scope.shapes, *scope.scalars, *scope.vectors, *scope.functions, *scope.domains, *plain}


def _free(names: Iterable[str], taken: set[str]) -> str:
    every = (*names, *(f"g_{n}" for n in range(1, 100)))
    return next(name for name in every if name not in taken)


def _gates(own: t.Component, variable: t.Node, scope: Scope) -> tuple[t.Component, ...]:
    """The named vectors through which every path from the variable to the function leads, the one nearest to the function first."""
    found = []
    for base, vector in scope.vectors.items():
        name = t.Component(base, vector.indices)
        without = replace(scope, vectors={k: v for k, v in scope.vectors.items() if k != base})
        if base != own.base and depends(name, variable, scope) and not depends(own, variable, without):
            found.append(name)
    return tuple(reversed(found))


def _backward(derivation: Derivation, names: _Names, shared: dict[tuple[str, str], list[Derivation]]) -> Derivation:
    """shared: what was found on the way to other variables, by the bases of the two vectors it leads between."""
    own, variable, scope = _own(derivation), derivation.variable, derivation.scope
    assert isinstance(own, t.Component)
    g = names.gradients[own.base]
    body: t.Node = t.Mul((t.Component(g, own.indices), own))
    for i in reversed(own.indices):
        body = t.Sum(body, i, scope.indices.get(i, "K"))
    sizes = tuple(scope.indices.get(i, "K") for i in own.indices)
    known = {
        (own.base, variable_name(variable)): (own.indices, variable_indices(variable), derivation.final),
        (names.loss, own.base): ((), own.indices, t.Component(g, own.indices)),
    }
    scope = scope.extended(shapes={g: sizes, own.base: sizes}, scalars={names.loss: body}, jacobians=known)
    scope, lemmas, above = replace(scope, own=names.loss), [], own
    for gate in _gates(own, variable, scope):
        found = shared.setdefault((above.base, gate.base), []) or _through(derivation, above, gate, scope, names)
        shared[above.base, gate.base] = found
        if _divides(found[-1].final):
            break
        scope = _knowing(scope, found, above, gate, names)
        lemmas += found
        above = gate
    start = t.Derivative(t.Symbol(names.loss), variable, 1, True)
    steps = tuple(steps_of(start, scope, _without_formulas(scope, own, names)))
    return Derivation(
        derivation.definition,
        scope,
        variable,
        1,
        start,
        start,
        steps,
        tuple(lemmas),
        gradient_of=t.Equation(t.Component(g, own.indices), t.Derivative(t.Symbol(names.loss), own, 1, True)),
    )


def _through(
    derivation: Derivation, above: t.Component, gate: t.Component, scope: Scope, names: _Names
) -> list[Derivation]:
    """The Jacobian of a vector by one that it is computed from, and the gradient with respect to the second from that by the first."""
    by = t.Component(gate.base, apart(gate.indices, above.indices))
    scope = scope.extended(indices=axes(by, scope))
    jacobian = lemma(derivation.definition, above, by, scope, True)
    scope = replace(_with_jacobian(scope, jacobian), own=names.loss)
    start = t.Derivative(t.Symbol(names.loss), gate, 1, True)
    steps = tuple(steps_of(start, scope, _without_formulas(scope, above, names)))
    name = t.Component(names.gradients[gate.base], gate.indices)
    equation = t.Equation(name, start)
    return [jacobian, Derivation(derivation.definition, scope, gate, 1, start, start, steps, gradient_of=equation)]


def _divides(gradient: t.Node) -> bool:
    """Whether a gradient divides by components: one by a probability, say, is far larger than what is left of it in the end."""
    below = [p.denominator for _, p in t.walk(gradient) if isinstance(p, t.Frac)]
    return any(isinstance(p, t.Component) for d in below for _, p in t.walk(d))


def _with_jacobian(scope: Scope, jacobian: Derivation) -> Scope:
    above, by = _own(jacobian), jacobian.variable
    assert isinstance(above, t.Component)
    assert isinstance(by, t.Component)
    return scope.extended(jacobians={(above.base, by.base): (above.indices, by.indices, jacobian.final)})


def _knowing(scope: Scope, found: list[Derivation], above: t.Component, gate: t.Component, names: _Names) -> Scope:
    """The scope in which the gradient with respect to a named vector has a name and is known."""
    jacobian, gradient = found
    name = t.Component(names.gradients[gate.base], gate.indices)
    scope = _with_jacobian(scope.extended(indices=jacobian.scope.indices), jacobian)
    return scope.extended(
        vectors={name.base: NamedVector(name.base, gate.indices, gradient.final)},
        shapes={name.base: tuple(scope.indices.get(i, "K") for i in gate.indices)},
        jacobians={(names.loss, gate.base): ((), gate.indices, name)},
    )


def _without_formulas(scope: Scope, own: t.Component, names: _Names) -> Scope:
    """L stands for any scalar, so its formula must not be recognised; what has a name keeps it and is not written out again."""
    hidden = {own.base, *names.gradients.values()}
    scalars = {name: body for name, body in scope.scalars.items() if name != names.loss}
    return replace(scope, scalars=scalars, vectors={name: v for name, v in scope.vectors.items() if name not in hidden})
