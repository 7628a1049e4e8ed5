"""From the derivations of a definition to what the code generators need."""

from collections.abc import Iterator

import sympy

from ..calculus.backward import backward_all
from ..calculus.dependence import matrix_of
from ..calculus.derivation import Derivation
from ..calculus.kinks import Kink
from ..calculus.sums import SUMS
from ..definition import Definition
from ..errors import DefinitionError
from ..expression import tree as t
from ..expression.convert import from_sympy, to_sympy
from ..expression.printing import text
from ..expression.scope import Scope
from ..runtime.scalar import Range
from .points import interval
from .spec import FunctionSpec
from .vector_products import product, sums_to_one, sums_to_zero
from .vector_spec import DerivativeSpec, HessianSpec, InputSpec, Product, VectorSpec


def spec_of(definition: Definition, derivations: tuple[Derivation, ...]) -> FunctionSpec | VectorSpec:
    """What to generate for a definition, from its derivations as ``derive_all`` gives them."""
    main = definition.wrt[0]
    named = isinstance(main, sympy.Symbol) and main in definition.where
    if derivations[0].scope.shapes and not named:  # by a quantity that it names, a function is one of that number
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
        values={s: tuple(map(float, v)) for s, v in definition.domain.items() if isinstance(v, sympy.FiniteSet)},
        summary=f"{definition.title}: {definition.summary}" if definition.summary else definition.title,
        formula=f"{definition.name}({call}) = {value}",
        kink_note="; ".join(_convention(main, kink) for kink in main.kinks if kink.kind != "smooth joint"),
        source=definition.source,
        loss=definition.kind == "loss",
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


def _values(known: sympy.Set | None) -> sympy.Set | None:
    return None if known is None else _closed(known, False)


def _convention(derivation: Derivation, kink: Kink) -> str:
    variable, place, value = (
        text(n) for n in (derivation.variable, from_sympy(kink.location), from_sympy(kink.code_value))
    )
    return f"at {variable} = {place} the gradient returned is {value}"


def _vector_spec(definition: Definition, derivations: tuple[Derivation, ...]) -> VectorSpec:
    main = derivations[0]
    own, value, index = _own(main)
    scope = _whole_scope(derivations, own)
    sizes = dict(scope.indices)
    shapes = {**scope.shapes, **{b: tuple(sizes.get(i, "K") for i in v.indices) for b, v in scope.vectors.items()}}
    scope = scope.extended(
        facts={b: ("sums_to_one",) for b, v in scope.vectors.items() if sums_to_one(v, shapes[b][-1], scope)}
    )
    firsts = [d for d in derivations if d.order == 1 and not d.route and _is_input(d, scope)]
    seconds = [d for d in derivations if d.order == 2 and not d.route and isinstance(d.variable, t.Component)]
    used = set(_used(value, scope)).union(*(_used(d.final, scope) for d in (*firsts, *seconds)))
    inputs = _inputs(definition, main, firsts, scope, value, index, used)
    names = {one.base: one.name for one in inputs}
    back = backward_all(firsts)
    for b in back:
        named = {base: v for base, v in b.scope.vectors.items() if base not in scope.vectors}
        scope = scope.extended(vectors=named, indices={**b.scope.indices, **scope.indices})
        shapes |= {base: b.scope.shapes[base] for base in named}
    cotangent = t.base_of(back[0].gradient_of.left) if back and back[0].gradient_of else ""
    passes = {t.base_of(b.variable): b for b in back}
    derivatives = tuple(_derivative(d, names, index, seconds, scope, own, passes) for d in firsts)
    if not derivatives:
        raise DefinitionError(f"{definition.name}: no derivative by an input was derived; name one in `wrt`")
    return VectorSpec(
        name=definition.name,
        inputs=inputs,
        value=value,
        value_index=index,
        output=tuple(sizes.get(i, "K") for i in index),
        derivatives=derivatives,
        summary=f"{definition.title}: {definition.summary}" if definition.summary else definition.title,
        formula=f"{to_sympy(own, scope)} = {to_sympy(main.equation.right, scope)}",
        source=definition.source,
        vectors=tuple(scope.vectors.values()),
        cotangent=cotangent,
        scalars=scope.scalars,
        functions=scope.functions,
        sizes=sizes,
        shapes=shapes,
        facts=scope.facts,
        loss=definition.kind == "loss" and not index,
    )


def _own(main: Derivation) -> tuple[t.Node, t.Node, tuple[str, ...]]:
    """How the function is written, the tree of its value, the indices of that."""
    own: t.Node = main.goal
    while isinstance(own, t.Derivative):
        own = own.operand
    if isinstance(own, t.Component):
        return own, own, own.indices
    return own, main.scope.scalars[t.base_of(own)], ()


def _whole_scope(derivations: tuple[Derivation, ...], own: t.Node) -> Scope:
    """What the results of all derivations may name; a derivation by a named scalar holds it as a variable, the others as a name."""
    scope = derivations[0].scope
    for d in derivations[1:]:
        if not d.route:
            scope = scope.extended(
                functions=d.scope.functions,
                scalars=d.scope.scalars,
                vectors=d.scope.vectors,
                indices={**d.scope.indices, **scope.indices},
                shapes=d.scope.shapes,
            )
    return scope


def _is_input(derivation: Derivation, scope: Scope) -> bool:
    """Derivatives by named quantities are steps on the way to those by inputs."""
    return t.base_of(derivation.variable) not in {*scope.vectors, *scope.scalars}


def _used(node: t.Node, scope: Scope) -> Iterator[str]:
    """The bases, symbols and indices that the code of a formula needs, through the named equations."""
    seen: set[str] = set()
    todo = [node]
    while todo:
        here = todo.pop()
        for _, part in t.walk(here):
            name = (
                matrix_of(part.base)
                if isinstance(part, t.Component)
                else part.name
                if isinstance(part, t.Symbol | t.Matrix | t.Vector)
                else ""
            )
            if name and name not in seen:
                seen.add(name)
                if name in scope.vectors:
                    todo.append(scope.vectors[name].body)
                elif name in scope.scalars:
                    todo.append(scope.scalars[name])
    yield from seen


def _inputs(
    definition: Definition,
    main: Derivation,
    firsts: list[Derivation],
    scope: Scope,
    value: t.Node,
    index: tuple[str, ...],
    used: set[str],
) -> tuple[InputSpec, ...]:
    """The variables in the order of ``arguments``, else those differentiated by first; then class indices, then parameters."""
    names = {str(getattr(symbol, "label", symbol)): name for name, symbol in definition.arguments.items()}
    parameters = {str(p): float(default) for p, default in definition.parameters.items()}
    named = {*scope.vectors, *scope.scalars}
    order = [*names, *(t.base_of(d.variable) for d in firsts), *scope.shapes, *sorted(used)]
    bases = [b for b in dict.fromkeys(order) if b in used and b not in named and b not in parameters]
    needed = {b for b in bases if "sums_to_one" in scope.facts.get(b, ()) and any(_relies_on(d) for d in firsts)}
    found = [
        InputSpec(
            names.get(b, b),
            b,
            scope.shapes.get(b, ()),
            sums_to_one=b in needed,
            symmetric="symmetric" in scope.facts.get(b, ()),
            values=_values(scope.domains.get(b)),
        )
        for b in bases
    ]
    classes = sorted(t.free_indices(value) - set(index))
    for one in (i for i in classes if i not in scope.shapes):
        place = next((k for k, b in enumerate(names) if b == one), len(found))
        found.insert(place, InputSpec(names.get(one, one), one, (), index_of=scope.indices.get(one, "K")))
    domains = {str(s): interval(values, s) for s, values in definition.domain.items() if s in definition.parameters}
    extra = (
        InputSpec(names.get(p, p), p, default=default, domain=domains.get(p, Range()), values=scope.domains.get(p))
        for p, default in parameters.items()
        if p in used
    )
    return (*found, *extra)


def _relies_on(derivation: Derivation) -> bool:
    """Whether a derivation used the fact that the components of a target sum to 1."""
    return any(step.rule == ONE for d in (derivation, *derivation.lemmas) for step in d.steps)


ONE = next(rule.name for rule in SUMS if "sum to 1" in rule.name)


def _derivative(
    d: Derivation,
    names: dict[str, str],
    index: tuple[str, ...],
    seconds: list[Derivation],
    whole: Scope,
    own: t.Node,
    passes: dict[str, Derivation],
) -> DerivativeSpec:
    variable = d.variable.indices if isinstance(d.variable, t.Component) else ()
    scope = d.scope.extended(facts=whole.facts)
    sizes = {
        **whole.indices,
        **d.scope.indices,
        **dict(zip(variable, whole.shapes.get(t.base_of(d.variable), ()), strict=False)),
    }
    taken = {*whole.shapes, *whole.vectors, *whole.scalars, *names}
    v = next(b for b in ("v", "v_") if b not in taken)
    base = t.base_of(own)
    back = passes.get(t.base_of(d.variable))
    square = len(index) == len(variable) == 1 and sizes[index[0]] == sizes[variable[0]]
    hessian = next(
        (_hessian(s, variable, v, whole) for s in seconds if t.base_of(s.variable) == t.base_of(d.variable)), None
    )
    return DerivativeSpec(
        name=names[t.base_of(d.variable)],
        tree=d.final,
        indices=(*index, *variable),
        sizes=sizes,
        vjp=None
        if back is None or back.gradient_of is None
        else Product(back.final, t.base_of(back.gradient_of.left), variable),
        jvp=product(d.final, variable, index, v, sizes, scope, base) if index and variable else None,
        hessian=hessian,
        rows_sum_to_zero=(square or not index)
        and bool(variable)
        and sums_to_zero(d.final, variable[-1], sizes[variable[-1]], scope, base),
        columns_sum_to_zero=square and sums_to_zero(d.final, index[0], sizes[index[0]], scope, base),
    )


def _hessian(d: Derivation, first: tuple[str, ...], v: str, whole: Scope) -> HessianSpec:
    assert isinstance(d.variable, t.Component)
    indices = (*first, *d.variable.indices)
    size = whole.shapes[d.variable.base][0]
    sizes = dict.fromkeys(indices, size)
    scope = d.scope.extended(facts=whole.facts)
    return HessianSpec(
        tree=d.final,
        indices=indices,
        sizes=sizes,
        product=product(d.final, indices[1:], indices[:1], v, sizes, scope, scope.own),
        rows_sum_to_zero=sums_to_zero(d.final, indices[1], size, scope, scope.own),
    )
