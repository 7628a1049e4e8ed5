"""From the derivations of a definition to what the code generators need."""

import sympy

from ..calculus.derivation import Derivation
from ..definition import Definition
from ..expression import tree as t
from ..expression.convert import to_sympy
from ..expression.printing import text
from ..expression.scope import NamedVector
from .spec import FunctionSpec
from .vector import VectorSpec


def spec_of(definition: Definition, derivations: tuple[Derivation, ...]) -> FunctionSpec | VectorSpec:
    """What to generate for a definition, from its derivations as ``derive_all`` gives them."""
    if isinstance(definition.wrt[0], sympy.Indexed):
        return _vector_spec(definition, derivations)
    return _scalar_spec(definition, derivations)


def _scalar_spec(definition: Definition, derivations: tuple[Derivation, ...]) -> FunctionSpec:
    main = derivations[0]
    value = main.value
    named = {symbol: name for name, symbol in definition.arguments.items()}
    free = sorted(
        (s for s in value.free_symbols if s not in definition.parameters),
        key=lambda s: (s != definition.wrt[0], str(s)),
    )
    order = [s for s in named if s in free] + [s for s in free if s not in named]
    arguments = tuple((named.get(s, str(s)), s) for s in order)
    parameters = tuple((named.get(s, str(s)), s, float(default)) for s, default in definition.parameters.items())
    names = {s: n for n, s in arguments} | {s: n for n, s, _ in parameters}
    gradients = {
        names[v]: d.total
        for v, d in zip(definition.wrt, derivations, strict=False)
        if v in names and d.order == 1 and not d.route
    }
    seconds = {names[definition.wrt[0]]: d.total for d in derivations if d.order == 2}
    goal = main.goal
    assert isinstance(goal, t.Derivative)
    body = (
        main.start.operand
        if isinstance(main.start, t.Derivative) and main.start != main.goal
        else main.scope.scalars.get(_name(goal.operand))
    )
    formula = text(t.Equation(goal.operand, body)) if body is not None else text(goal.operand)
    return FunctionSpec(
        name=definition.name,
        arguments=arguments,
        parameters=parameters,
        value=value,
        gradients=gradients,
        seconds=seconds,
        domain=dict(definition.domain),
        summary=f"{definition.title}: {definition.summary}" if definition.summary else definition.title,
        formula=formula,
        kink_note="",
        source=definition.source,
    )


def _name(node: t.Node) -> str:
    return node.name if isinstance(node, t.Symbol) else ""


def _vector_spec(definition: Definition, derivations: tuple[Derivation, ...]) -> VectorSpec:
    main = derivations[0]
    scope = main.scope
    own = main.goal.operand if isinstance(main.goal, t.Derivative) else main.goal
    assert isinstance(main.variable, t.Component)
    vectors = dict(scope.vectors)
    if isinstance(own, t.Component):
        value: t.Node = own
        index = own.indices
    else:
        value = scope.scalars[_name(own)]
        index = ()
    bases = [b for b in scope.shapes if b not in vectors]
    bases.sort(key=lambda b: b != main.variable.base)  # type: ignore[union-attr]
    names = {str(symbol): name for name, symbol in definition.arguments.items()}
    return VectorSpec(
        name=definition.name,
        inputs=tuple((names.get(b, b), b) for b in bases),
        vectors=tuple(_plain(v) for v in vectors.values()),
        value=value,
        value_index=index,
        derivative=main.final,
        derivative_index=(*index, *main.variable.indices),
        summary=f"{definition.title}: {definition.summary}" if definition.summary else definition.title,
        formula=text(t.Equation(own, vectors[own.base].body if isinstance(own, t.Component) else value)),
        source=definition.source,
    )


def _plain(vector: NamedVector) -> NamedVector:
    return vector


__all__ = ["spec_of", "to_sympy"]
