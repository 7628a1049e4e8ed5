"""From a definition to the scope of its derivations: what each name stands for, and what is known about it."""

from collections.abc import Callable
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..definition import Definition
from ..errors import DefinitionError
from ..expression import tree as t
from ..expression.convert import from_sympy
from ..expression.matrices import dimension_name, entry
from ..expression.scope import NamedFunction, NamedVector, Scope
from ..notation import VectorBase
from .derivation import Derivation

EVEN = ("abs", "cosh", "cos")
FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def own_name(definition: Definition) -> t.Node:
    """How the function itself is written: σ(x), ELU(x; α), L, or s_i."""
    symbol = definition.symbol or "f"
    if definition.index is not None:
        places = definition.index if isinstance(definition.index, tuple) else (definition.index,)
        return t.Component(symbol, tuple(str(i.label) for i in places))
    if isinstance(definition.expression, sympy.MatrixExpr) and definition.expression.shape != (1, 1):
        axes = zip(("i", "j"), definition.expression.shape, strict=True)
        return t.Component(symbol, tuple(name for name, size in axes if size != 1))
    every = [definition.expression, *map(sympy.sympify, definition.where.values())]
    arrays = any(e.has(sympy.Indexed, sympy.MatrixSymbol) for e in every)
    if definition.kind == "loss" or arrays or len(definition.variables) != 1:
        return t.Symbol(symbol)
    main = t.Symbol(str(definition.variables[0]))
    return t.Call(symbol, (main,), tuple(t.Symbol(str(p)) for p in definition.parameters))


def scope_of(definition: Definition, variable: Any, derived: Callable[[Definition], Derivation]) -> Scope:
    """Everything the names in a definition stand for. With respect to a scalar or vector that ``where`` names, that one is free.

    derived: gives the first derivation of a function that the definition uses."""
    scope = Scope(own=definition.symbol or "f")
    for used in definition.uses:
        argument = str(used.variables[0])
        first = derived(used)
        if used.opaque:
            scope = scope.extended(functions=_opaque(used.symbol, argument, first))
            continue
        scope = scope.extended(functions=first.scope.functions)
        if used.symbol in scope.functions:
            named = scope.functions[used.symbol]
            known = NamedFunction(named.symbol, (argument,), named.body, named.parameters, first.final)
            scope = scope.extended(functions={used.symbol: known})
    expressions = [definition.expression, *definition.where.values(), *definition.where]
    scope = _with_vectors(expressions, definition, scope)
    for left, right in definition.where.items():
        body = t.same_bound_names(oriented_for(from_sympy(right), definition))
        if left == variable or _base(left) == _base(variable) is not None:
            continue
        if isinstance(left, sympy.Indexed):
            base = str(left.base.label)
            scope = scope.extended(vectors={base: NamedVector(base, tuple(str(i.label) for i in left.indices), body)})
        elif isinstance(left, AppliedUndef):
            name = left.func.__name__
            scope = scope.extended(functions={name: NamedFunction(name, tuple(str(a) for a in left.args), body)})
        else:
            scope = scope.extended(scalars={str(left): body})
    own = own_name(definition)
    _check_own_name(definition, scope)
    body = t.same_bound_names(oriented_for(_body(definition, own), definition))
    match own:
        case t.Component(base, indices):
            scope = scope.extended(vectors={base: NamedVector(base, indices, body)})
        case t.Call(name, arguments, parameters):
            names = tuple(a.name for a in arguments if isinstance(a, t.Symbol))
            extra = tuple(p.name for p in parameters if isinstance(p, t.Symbol))
            scope = scope.extended(functions={name: NamedFunction(name, names, body, extra)})
        case t.Symbol(name):
            scope = scope.extended(scalars={name: body})
    domains = {str(k): v for k, v in definition.domain.items()}
    return scope.extended(domains=domains)


def _opaque(symbol: str, argument: str, first: Derivation) -> dict[str, NamedFunction]:
    """Any function f and its derivative, f′, which stay names; what stands in for them is for numbers only."""
    prime = f"{symbol}_prime"
    call = t.Call(prime, (t.Symbol(argument),))
    body = first.scope.functions[symbol].body
    plain = t.transform(first.final, lambda n: body if n == t.Call(symbol, (t.Symbol(argument),)) else None)
    return {
        symbol: NamedFunction(symbol, (argument,), body, derivative=call, opaque=True),
        prime: NamedFunction(prime, (argument,), plain, opaque=True),
    }


def _base(variable: Any) -> str | None:
    """The vector that a component, or a whole vector, belongs to."""
    base = variable.base if isinstance(variable, sympy.Indexed) else variable
    return str(base.label) if isinstance(base, sympy.IndexedBase) else None


def _check_own_name(definition: Definition, scope: Scope) -> None:
    others = {
        *map(str, definition.variables),
        *map(str, definition.parameters),
        *scope.shapes,
        *scope.scalars,
        *scope.vectors,
        *scope.functions,
    }
    if scope.own in others:
        raise DefinitionError(
            f"{scope.own} is the name of the function itself and of something in it: give the function another, symbol='F'"
        )


def _body(definition: Definition, own: t.Node) -> t.Node:
    """The formula of the function: an entry of it where it is a vector or a matrix."""
    e = definition.expression
    if isinstance(e, sympy.MatrixExpr) and isinstance(own, t.Component):
        i, j = (
            (own.indices[0], own.indices[-1])
            if len(own.indices) == 2
            else (own.indices[0], None)
            if e.shape[1] == 1
            else (None, own.indices[0])
        )
        return entry(e, i, j)
    return from_sympy(e)


def variable_node(variable: Any, own: t.Node, definition: Definition) -> t.Node:
    """The tree of what is differentiated with respect to: a whole vector or matrix is one of its components."""
    rank = None
    if isinstance(variable, sympy.MatrixSymbol):
        name, rank = str(variable.name), sum(size != 1 for size in variable.shape)
    elif isinstance(variable, sympy.IndexedBase):
        name, rank = str(variable.label), len(variable.shape or (1,))
    if rank is None:
        return from_sympy(variable)
    if rank == 0:
        return t.Symbol(name)
    taken = t.free_indices(_body(definition, own)) | (
        frozenset(own.indices) if isinstance(own, t.Component) else frozenset()
    )
    free = [i for i in ("j", "i", "p", "q", *t.FRESH) if i not in taken]
    return t.Component(name, ((free[0],) if rank == 1 else tuple(sorted(free[:2]))))


def _with_vectors(expressions: list[Any], definition: Definition, scope: Scope) -> Scope:
    components = {c for e in (*expressions, *definition.wrt) for c in sympy.sympify(e).atoms(sympy.Indexed)}
    for component in sorted(components, key=str):
        base = component.base
        sizes = tuple(str(s) for s in base.shape or ())
        facts = base.facts if isinstance(base, VectorBase) else ()
        scope = scope.extended(shapes={str(base.label): sizes}, facts={str(base.label): facts} if facts else {})
    indices = {i for e in (*expressions, *definition.wrt) for i in sympy.sympify(e).atoms(sympy.Idx)}
    for i in sorted(indices, key=lambda i: (str(i), str(i.upper))):
        scope = scope.extended(indices={str(i.label): str(i.upper - i.lower + 1)})
    for e in expressions:
        for symbol in sorted(sympy.sympify(e).atoms(sympy.MatrixSymbol), key=str):
            sizes = tuple(dimension_name(size) for size in symbol.shape if size != 1)
            scope = scope.extended(shapes={str(symbol.name): sizes})
    for owner, known in definition.facts.items():
        name = str(getattr(owner, "label", None) or getattr(owner, "name", owner))
        scope = scope.extended(facts={name: known if isinstance(known, tuple) else (known,)})
    return scope


def oriented_for(node: t.Node, definition: Definition) -> t.Node:
    """|y - ŷ| as |ŷ - y|: SymPy turns the argument of an even function as it likes; the main variable reads best first."""
    main = {t.Symbol(str(v)) for v in definition.wrt if isinstance(v, sympy.Symbol)}
    bases = {str(v.base.label) for v in definition.wrt if isinstance(v, sympy.Indexed)}
    bases |= {str(v.label) for v in definition.wrt if isinstance(v, sympy.IndexedBase)}

    def is_main(part: t.Node) -> bool:
        return part in main or (isinstance(part, t.Component) and part.base in bases)

    def has_main(part: t.Node) -> bool:
        return any(is_main(p) for _, p in t.walk(part))

    def turn(n: t.Node) -> t.Node | None:
        match n:
            case t.Call(function, (t.Add((first, t.Neg(second))),)) if (
                function in EVEN and is_main(second) and not is_main(first)
            ):
                return t.Call(function, (t.Add((second, t.Neg(first))),))
            case t.Compare(operator, left, right) if operator in FLIPPED and has_main(right) and not has_main(left):
                return t.Compare(FLIPPED[operator], right, left)
        return None

    return t.transform(node, turn)
