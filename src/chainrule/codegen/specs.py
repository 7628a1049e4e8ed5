"""From the derivations of a definition to what the code generators need."""

import sympy

from ..calculus.derivation import Derivation
from ..calculus.forms import facts
from ..calculus.kinks import Kink
from ..definition import Definition
from ..expression import tree as t
from ..expression.convert import from_sympy, to_sympy
from ..expression.printing import text
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
    main_name = names[definition.wrt[0]]
    second = next((d for d in derivations if d.order == 2), None)
    call = ", ".join([*(str(symbol) for _, symbol in arguments), *(str(symbol) for _, symbol, _ in parameters)])
    return FunctionSpec(
        name=definition.name,
        arguments=arguments,
        parameters=parameters,
        value=value,
        gradients=gradients,
        seconds={} if second is None else {main_name: second.total},
        alternatives={
            **{f"_grad_{names[v]}": _ready(d) for v, d in zip(definition.wrt, derivations, strict=False) if v in names},
            f"_second_{main_name}": () if second is None else _ready(second),
        },
        domain={s: _closed(values, s in definition.parameters) for s, values in definition.domain.items()},
        summary=f"{definition.title}: {definition.summary}" if definition.summary else definition.title,
        formula=f"{definition.name}({call}) = {value}",
        kink_note="; ".join(_convention(main, kink) for kink in main.kinks if kink.kind != "smooth joint"),
        source=definition.source,
    )


def _ready(derivation: Derivation) -> tuple[sympy.Expr, ...]:
    """The lines of a derivation without pending derivatives, as SymPy expressions: equal forms of the result."""
    lines = [
        s.after for s in derivation.steps if not any(isinstance(n, t.Derivative | t.Cases) for _, n in t.walk(s.after))
    ]
    return tuple(dict.fromkeys(derivation.written(line) for line in reversed(lines[:-1])))


def _closed(values: sympy.Set, parameter: bool) -> sympy.Set:
    """Arguments may lie on the boundary, where the function is its limit: a probability of exactly 0 or 1."""
    return values if parameter else sympy.Interval(values.inf, values.sup)


def _convention(derivation: Derivation, kink: Kink) -> str:
    variable, place, value = (
        text(n) for n in (derivation.variable, from_sympy(kink.location), from_sympy(kink.code_value))
    )
    return f"at {variable} = {place} the gradient returned is {value}"


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
    first = main.variable.base
    bases.sort(key=lambda b: b != first)
    names = {str(symbol): name for name, symbol in definition.arguments.items()}
    return VectorSpec(
        name=definition.name,
        inputs=tuple((names.get(b, b), b) for b in bases),
        vectors=tuple(vectors.values()),
        value=value,
        value_index=index,
        derivative=main.final,
        derivative_index=(*index, *main.variable.indices),
        rows_sum_to_zero="rows_sum_to_zero" in facts(main),
        summary=f"{definition.title}: {definition.summary}" if definition.summary else definition.title,
        formula=f"{to_sympy(own, scope)} = {to_sympy(main.equation.right, scope)}",
        source=definition.source,
    )
