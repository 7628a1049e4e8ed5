"""The engine: from a definition, or any SymPy expression, to its derivative, one recorded step at a time."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sympy

from ..definition import Definition, formula
from ..errors import DefinitionError, UnsupportedExpression
from ..expression import tree as t
from ..expression.printing import text
from ..expression.scope import Scope
from .dependence import depends
from .derivation import Derivation, Rule, Step
from .differentiation import ATTAINED_ONCE, RULES, attained_once, variable_indices, variable_name
from .finishing import AGREE, FINISHING, RECOGNISE, SOLVE, SUBSTITUTE
from .recognise import best_form
from .rewriting import inside, rewritten
from .scopes import own_name, scope_of, variable_node
from .sums import SIFT, SUMS, WRITE_OUT
from .tidy import spread, tidy

STEP_LIMIT = 400
NAMED_VECTOR = "derivative of a named vector"
SPREADING = ("multiply out", "common denominator")
"""Moves that are not made inside a sum: there they would undo what the rules for sums do."""


def derive(source: Any, wrt: Any = None, order: int = 1, **definition: Any) -> Derivation:
    """Derive the derivative of a definition, or of a SymPy expression that a user brings.

    source: a ``Definition`` or a SymPy expression. wrt: the variable (default: the definition's first; of an expression, its only
    free symbol). order: 1 or 2. Further keywords are those of ``Definition`` (domain, parameters, where, uses, ...).
    Raises UnsupportedExpression, naming the sub-expression, where no rule applies; DefinitionError where ``wrt`` is unclear."""
    if order not in (1, 2):
        raise DefinitionError(f"order is {order}: first and second derivatives are derived, order=1 or order=2")
    if not isinstance(source, Definition):
        expression = formula(source)
        if wrt is None:
            free = _variables(expression)
            if len(free) != 1:
                raise DefinitionError(
                    f"say which variable: wrt= one of {', '.join(map(str, free)) or '(there is none)'}"
                )
            wrt = free[0]
        if isinstance(wrt, tuple):
            raise DefinitionError(
                f"wrt={wrt}: one variable at a time; derive_all(Definition(..., wrt={wrt})) takes several"
            )
        source = Definition(expression, wrt=wrt, **{"symbol": "f", "name": "f", **definition})
    elif wrt is not None and wrt not in source.wrt:
        source.named(wrt=wrt)  # raises where that is no variable of the function
    variable = source.wrt[0] if wrt is None else wrt
    return _derivation(source, variable, order)


def _variables(expression: Any) -> list[Any]:
    """What an expression may be differentiated by: real scalars, whole vectors and matrices."""
    arrays = expression.atoms(sympy.IndexedBase, sympy.MatrixSymbol)
    names = {str(getattr(a, "label", a)) for a in arrays}
    scalars = {s for s in expression.free_symbols if s.is_Symbol and not s.is_integer and str(s) not in names}
    return sorted(arrays | scalars, key=str)


@lru_cache(maxsize=512)
def derive_all(definition: Definition) -> tuple[Derivation, ...]:
    """Every derivation of a definition's document: the first derivative with respect to each variable, the main one first, the second
    derivative with respect to the main one, and the first derivative by every other route."""
    first = tuple(_derivation(definition, variable, 1) for variable in definition.wrt)
    second = (_derivation(definition, definition.wrt[0], 2),) if _has_second(definition) else ()
    routes = tuple(_by_route(definition, name, other) for name, other in definition.routes.items())
    return (*first, *second, *routes)


def _has_second(definition: Definition) -> bool:
    """A second derivative is derived for a scalar variable, and the Hessian of a scalar loss by a vector."""
    own = own_name(definition)
    variable = variable_node(definition.wrt[0], own, definition)
    if isinstance(own, t.Component):
        return False
    return isinstance(variable, t.Symbol) or (isinstance(own, t.Symbol) and len(variable_indices(variable)) == 1)


def _by_route(definition: Definition, name: str, way: Any) -> Derivation:
    """The first derivative from another expression of the same function, or after the function was rewritten by a table of rows."""
    if isinstance(way, str):
        return replace(_derivation(definition, definition.wrt[0], 1, way), route=name)
    other = definition.named(expression=way, routes={}, wrt=definition.wrt[:1])
    return replace(_derivation(other, other.wrt[0], 1), route=name)


@lru_cache(maxsize=512)
def _derivation(definition: Definition, variable: Any, order: int, rewriting: str = "") -> Derivation:
    scope = scope_of(definition, variable, lambda used: _derivation(used, used.wrt[0], 1))
    lemmas: list[Derivation] = []
    own = own_name(definition)
    node = variable_node(variable, own, definition)
    scope = scope.extended(indices=axes(own, scope) | axes(node, scope))
    partial = (
        isinstance(node, t.Component) or len(definition.wrt) > 1 or (isinstance(own, t.Call) and bool(own.parameters))
    )
    goal = t.Derivative(own, node, order, partial)
    if order == 1:
        scope = _with_adjoints(definition, variable, scope, own)
        body = _body_of(own, scope)
        if rewriting:
            return _after_rewriting(definition, variable, scope, t.Derivative(body, node, 1, partial), rewriting)
        scope = _with_lemmas(definition, variable, scope, scope, lemmas)
        start: t.Node = t.Derivative(body, node, 1, partial)
        if isinstance(own, t.Symbol) and _chain_applies(own, node, partial, scope):
            start = t.Derivative(own, node, 1, partial)
        elif isinstance(own, t.Call):
            scope = _without_own_derivative(scope, own.function)
    else:
        first = _derivation(definition, variable, 1)
        if isinstance(node, t.Component) or isinstance(own, t.Component):
            return _hessian(definition, first)
        scope = _knowing(replace(first.scope, own=scope.own), own, node, first)
        simplest = _branchwise(first, own)
        scope = _with_lemmas(definition, variable, scope, scope.extended(scalars={"": simplest}), lemmas)
        start = t.Derivative(simplest, node, 1, partial)
    steps = tuple(steps_of(start, scope))
    return Derivation(definition, scope, node, order, goal, start, steps, tuple(lemmas))


def _after_rewriting(
    definition: Definition, variable: Any, scope: Scope, start: t.Derivative, table: str
) -> Derivation:
    """The derivation that first rewrites what is to be differentiated, line by line."""
    before = tuple(rewritten(start.operand, table, scope))
    if not before:
        raise DefinitionError(f"`{table}` changes nothing in `{text(start.operand)}`: leave the route out")
    lemmas: list[Derivation] = []
    scope = _renamed_body(scope, own_name(definition), before[-1].after)
    scope = _with_lemmas(definition, variable, scope, scope, lemmas)
    pending = replace(start, operand=before[-1].after)
    steps = (*(inside(step, start) for step in before), *steps_of(pending, scope))
    goal = replace(start, operand=own_name(definition))
    return Derivation(definition, scope, start.variable, 1, goal, start, steps, tuple(lemmas))


def _renamed_body(scope: Scope, own: t.Node, body: t.Node) -> Scope:
    """The scope in which the function's name stands for another formula of it."""
    match own:
        case t.Call(name, _, _):
            return scope.extended(functions={name: replace(scope.functions[name], body=body)})
        case t.Component(base, _):
            return scope.extended(vectors={base: replace(scope.vectors[base], body=body)})
        case t.Symbol(name):
            return scope.extended(scalars={name: body})
    raise AssertionError(own)


def _hessian(definition: Definition, first: Derivation) -> Derivation:
    """The derivative of the j-th component of the gradient with respect to the k-th component of the same vector."""
    gradient = first.variable
    if (
        not isinstance(gradient, t.Component)
        or len(gradient.indices) != 1
        or not isinstance(first.goal, t.Derivative)
        or not isinstance(first.goal.operand, t.Symbol)
    ):
        raise DefinitionError(
            "a second derivative is derived by a scalar, or of a scalar function by a vector: its Hessian"
        )
    ready = [s.after for s in first.steps if not _pending(s.after)] or [first.final]
    body = min(reversed(ready), key=lambda line: cost(line, first.variable, first.scope))
    other = t.Component(
        gradient.base, (t.fresh_index(frozenset(gradient.indices), t.free_indices(body), frozenset("i")),)
    )
    lemmas: list[Derivation] = []
    scope = _renamed_body(first.scope, own_name(definition), body)
    scope = _with_lemmas(definition, definition.wrt[0], scope, scope, lemmas)
    scope = replace(scope, scalars=first.scope.scalars).extended(indices=axes(other, first.scope))
    start = t.Derivative(body, other, 1, True)
    goal = t.Derivative(first.goal, other, 1, True)
    return Derivation(definition, scope, other, 2, goal, start, tuple(steps_of(start, scope)), tuple(lemmas))


def _with_adjoints(definition: Definition, variable: Any, scope: Scope, own: t.Node) -> Scope:
    """What earlier derivations of the same definition found with respect to the scalars it names: δ = dL/dz."""
    if not isinstance(own, t.Symbol):
        return scope
    for earlier in definition.wrt[: definition.wrt.index(variable)] if variable in definition.wrt else ():
        if earlier not in definition.where:
            continue
        found = _derivation(definition, earlier, 1).final
        name = definition.adjoints.get(earlier)
        if name is not None:
            scope = scope.extended(scalars={str(name): found})
            found = t.Symbol(str(name))
        scope = scope.extended(derivatives={(own.name, t.Symbol(str(earlier))): found})
    return scope


def axes(node: t.Node, scope: Scope) -> dict[str, str]:
    """The dimension each index of a component runs through, by the shape of its base."""
    if not isinstance(node, t.Component):
        return {}
    known = scope.shapes.get(node.base) or _shape_of_body(node, scope)
    return dict(zip(node.indices, known, strict=False))


def _shape_of_body(node: t.Component, scope: Scope) -> tuple[str, ...]:
    """The dimensions of a named vector, from the components that its formula holds at its own indices."""
    found: dict[str, str] = {}
    for _, part in t.walk(_body_of(node, scope)):
        if isinstance(part, t.Component) and part.base.removeprefix("inv(").removesuffix(")") in scope.shapes:
            shape = scope.shapes[part.base.removeprefix("inv(").removesuffix(")")]
            found |= dict(zip(part.indices, shape, strict=False))
    return tuple(found.get(i, scope.indices.get(i, "K")) for i in node.indices)


def _body_of(own: t.Node, scope: Scope) -> t.Node:
    match own:
        case t.Call(name, _, _):
            return scope.functions[name].body
        case t.Component(base, indices):
            return scope.vectors[base].at(indices)
        case t.Symbol(name):
            return scope.scalars[name]
    raise AssertionError(own)


def _without_own_derivative(scope: Scope, own: str) -> Scope:
    return scope.extended(functions={own: replace(scope.functions[own], derivative=None)})


def _chain_applies(own: t.Symbol | t.Component, variable: t.Node, partial: bool, scope: Scope) -> bool:
    chain = next(rule for rule in RULES if rule.name == "chain rule")
    name = variable_name(own)
    if (name, variable) in scope.derivatives or (name, variable_name(variable)) in scope.jacobians:
        return False
    return chain.apply(t.Derivative(own, variable, 1, partial), scope) is not None


def _knowing(scope: Scope, own: t.Node, variable: t.Node, first: Derivation) -> Scope:
    """The scope of a second derivation: the first derivative of the function is known."""
    match own, variable:
        case t.Call(name, _, _), t.Symbol(v) if scope.functions[name].arguments == (v,) and not isinstance(
            first.final, t.Cases
        ):
            return scope.extended(functions={name: replace(scope.functions[name], derivative=first.final)})
    return scope


def _branchwise(first: Derivation, own: t.Node) -> t.Node:
    """The first derivative as the start of the second: inside a branch the function's own name is written out again, since there it
    stands for that branch alone."""
    final = first.final
    if not isinstance(final, t.Cases):
        ready = [s.after for s in first.steps if not _pending(s.after)]
        return min(reversed(ready), key=lambda line: cost(line, first.variable, first.scope)) if ready else final
    if not isinstance(own, t.Call):
        return final
    lines = [s.before for s in first.steps if isinstance(s.before, t.Cases)] + [final]
    values = []
    for position, branch in enumerate(final.branches):
        options = [
            at.branches[position].value
            for at in lines
            if isinstance(at, t.Cases) and len(at.branches) == len(final.branches)
        ]
        plain = [v for v in options if not t.contains(v, own) and not _pending(v)]
        values.append(
            t.Branch(branch.value if not t.contains(branch.value, own) else min(plain, key=t.size), branch.condition)
        )
    return t.Cases(tuple(values))


def _with_lemmas(definition: Definition, variable: Any, scope: Scope, seen: Scope, lemmas: list[Derivation]) -> Scope:
    """Derive the named quantities that the function reaches the variable through, each before those that need it.

    seen: a scope whose bodies say which functions are called."""
    own = own_name(definition)
    node = variable_node(variable, own, definition)
    body = _body_of(own, scope)
    for name, named in list(scope.functions.items()):
        if name == scope.own or named.derivative is not None or not _reachable(name, seen):
            continue
        found = lemma(
            definition,
            t.Call(name, tuple(t.Symbol(a) for a in named.arguments)),
            t.Symbol(named.arguments[0]),
            scope,
            False,
        )
        lemmas.append(found)
        scope = scope.extended(functions={name: replace(named, derivative=found.final)})
    for left in definition.where:
        if isinstance(left, sympy.Indexed) and str(left.base.label) in scope.vectors:
            scope = _with_vector_lemma(definition, str(left.base.label), node, body, scope, lemmas)
        elif isinstance(left, sympy.Symbol):
            scope = _with_scalar_lemma(definition, str(left), node, body, scope, lemmas)
    return scope


def _with_scalar_lemma(
    definition: Definition, name: str, node: t.Node, body: t.Node, scope: Scope, lemmas: list[Derivation]
) -> Scope:
    known = (name, node) in scope.derivatives or name not in scope.scalars
    if known or _bypassed(name, node, scope):
        return scope
    if not (depends(body, t.Symbol(name), scope) and depends(t.Symbol(name), node, scope)):
        return scope
    found = lemma(definition, t.Symbol(name), node, scope, isinstance(node, t.Component))
    lemmas.append(found)
    return scope.extended(derivatives={(name, node): found.final})


def _with_vector_lemma(
    definition: Definition, base: str, node: t.Node, body: t.Node, scope: Scope, lemmas: list[Derivation]
) -> Scope:
    indices = scope.vectors[base].indices
    taken = frozenset(variable_indices(node))
    for index in indices:
        if index in taken:
            indices = tuple(t.fresh_index(taken, frozenset(indices)) if i == index else i for i in indices)
    name = t.Component(base, indices)
    if (base, variable_name(node)) in scope.jacobians:
        return scope
    if not (depends(body, name, scope) and depends(name, node, scope)):
        return scope
    scope = scope.extended(indices=axes(name, scope))
    gate = _gate(name, node, scope)
    if gate is not None:
        scope = scope.extended(indices=axes(gate, scope))
        nearer = lemma(definition, name, gate, scope, True)
        lemmas.append(nearer)
        scope = scope.extended(jacobians={(base, gate.base): (indices, gate.indices, nearer.final)})
    found = lemma(definition, name, node, scope, True)
    lemmas.append(found)
    return scope.extended(jacobians={(base, variable_name(node)): (indices, variable_indices(node), found.final)})


def _gate(name: t.Component, variable: t.Node, scope: Scope) -> t.Component | None:
    """A named vector in the formula of another through which every path from the variable leads: derivatives go through it."""
    for base, vector in scope.vectors.items():
        without = replace(scope, vectors={k: v for k, v in scope.vectors.items() if k != base})
        direct = any(isinstance(p, t.Component) and p.base == base for _, p in t.walk(scope.vectors[name.base].body))
        inner = t.Component(base, apart(vector.indices, (*name.indices, *variable_indices(variable))))
        if base != name.base and direct and depends(inner, variable, scope) and not depends(name, variable, without):
            return inner
    return None


def apart(indices: tuple[str, ...], taken: tuple[str, ...]) -> tuple[str, ...]:
    """Indices that differ from those taken."""
    found: tuple[str, ...] = ()
    for i in indices:
        clash = i in taken or i in found
        found = (*found, t.fresh_index(frozenset(taken), frozenset(indices), frozenset(found)) if clash else i)
    return found


def _bypassed(name: str, variable: t.Node, scope: Scope) -> bool:
    """Whether a named scalar is not needed, since the derivative with respect to one nearer to the variable is known."""
    nearer = [
        v.name
        for (own, v) in scope.derivatives
        if own == scope.own and isinstance(v, t.Symbol) and v.name in scope.scalars
    ]
    return any(
        name != near and depends(t.Symbol(name), t.Symbol(near), scope) and depends(t.Symbol(near), variable, scope)
        for near in nearer
    )


def _reachable(name: str, scope: Scope) -> bool:
    """Whether a named function's derivative will be wanted: it is called somewhere."""
    bodies = [f.body for f in scope.functions.values()] + list(scope.scalars.values())
    return any(isinstance(p, t.Call) and p.function == name for b in bodies for _, p in t.walk(b))


def lemma(definition: Definition, name: t.Node, variable: t.Node, scope: Scope, partial: bool) -> Derivation:
    own = name.function if isinstance(name, t.Call) else name.base if isinstance(name, t.Component) else name.name  # type: ignore[attr-defined]
    inner = replace(scope, own=own)
    start = t.Derivative(_body_of(name, inner), variable, 1, partial)
    if isinstance(name, t.Component) and _chain_applies(name, variable, partial, inner):
        start = t.Derivative(name, variable, 1, partial)
    return Derivation(
        definition, inner, variable, 1, t.Derivative(name, variable, 1, partial), start, tuple(steps_of(start, inner))
    )


def _pending(node: t.Node) -> list[tuple[t.Path, t.Derivative]]:
    """Pending derivatives, outermost only, from left to right."""
    if isinstance(node, t.Derivative):
        return [((), node)]
    found = []
    for position, child in enumerate(node.children):
        found += [((position, *path), inner) for path, inner in _pending(child)]
    return found


def cost(node: t.Node, variable: t.Node, scope: Scope) -> int:
    """How many rules with an idea of their own the derivative of ``node`` takes, along its heaviest term."""
    if not depends(node, variable, scope):
        return 0
    match node:
        case t.Symbol(name):
            return (
                0
                if t.Symbol(name) == variable or (name, variable) in scope.derivatives
                else cost(scope.scalars[name], variable, scope)
            )
        case t.Component():
            return 0
        case t.Neg(argument) | t.Sum(argument, _, _):
            return cost(argument, variable, scope)
        case t.Add(terms):
            return max(cost(x, variable, scope) for x in terms)
        case t.Cases(branches):
            return max(cost(b.value, variable, scope) for b in branches)
        case t.Frac(numerator, denominator) if not depends(denominator, variable, scope):
            return cost(numerator, variable, scope)
        case t.Mul(factors) if sum(depends(f, variable, scope) for f in factors) == 1:
            return max(cost(f, variable, scope) for f in factors)
        case t.Derivative():
            return 9
    return 1 + sum(cost(child, variable, scope) for child in node.children)


def steps_of(start: t.Node, scope: Scope, ending: Scope | None = None) -> Iterator[Step]:
    """Differentiate until nothing is pending, then bring the line to its best form; ending: the names that the form may use, if others."""
    line = start
    count = 0
    while pending := _pending(line):
        fixed = [(p, d) for p, d in pending if not depends(d.operand, d.variable, scope)]
        hard = [
            (p, d)
            for p, d in pending
            if cost(d.operand, d.variable, scope) > 1
            or (isinstance(d.operand, t.Symbol | t.Component) and d.operand != d.variable and _is_chain(d, scope))
        ]
        chosen = fixed if hard and fixed else hard
        batch = [_differentiate(line, *chosen[0], scope)] if hard else [*_resolve(line, scope)]
        count += len(batch)
        if count > STEP_LIMIT:
            raise UnsupportedExpression(
                f"gave up after {STEP_LIMIT} steps: the expression is too large to derive line by line"
            )
        yield from batch
        line = batch[-1].after
    yield from _finish(line, ending or scope)


def _is_chain(pending: t.Derivative, scope: Scope) -> bool:
    assert isinstance(pending.operand, t.Symbol | t.Component)
    return _chain_applies(pending.operand, pending.variable, pending.partial, scope)


def _differentiate(line: t.Node, path: t.Path, derivative: t.Derivative, scope: Scope) -> Step:
    for rule in RULES:
        new = rule.apply(derivative, scope)
        if new is not None:
            after = tidy(t.replace_at(line, path, tidy(new)))
            return Step(
                rule.name,
                rule.statement,
                line,
                after,
                path,
                _found(rule, derivative, scope) or _assumed(rule, line, path),
                line=not rule.minor,
            )
    raise UnsupportedExpression(
        f"no rule differentiates `{text(derivative.operand)}` with respect to {text(derivative.variable)}: "
        "a function of one argument needs a row in ELEMENTARY (calculus/elementary.py), anything else one in RULES (calculus/rules.py)"
    )


def _found(rule: Rule, pending: t.Derivative, scope: Scope) -> t.Node | None:
    """The earlier result that a rule about named quantities uses, as an equation."""
    match rule.name, pending.operand:
        case "derivative of a named function", t.Call(name, _, _):
            named = scope.functions[name]
            variable = t.Symbol(named.arguments[0])
            call = t.Call(name, (variable,), tuple(t.Symbol(p) for p in named.parameters))
            return t.Equation(t.Derivative(call, variable), named.derivative or t.ZERO)
        case "derivative found above", t.Symbol(name):
            base = variable_name(pending.variable)
            if (name, base) in scope.jacobians:
                _, column, body = scope.jacobians[name, base]
                return t.Equation(t.Derivative(pending.operand, t.Component(base, column), 1, True), body)
            return t.Equation(pending, scope.derivatives[name, pending.variable])
        case "derivative of a named vector", t.Component(base, _) if isinstance(pending.variable, t.Component):
            known = scope.jacobians.get((base, pending.variable.base))
            if known is not None:
                row, column, body = known
                whole = t.Derivative(t.Component(base, row), t.Component(pending.variable.base, column), 1, True)
                return t.Equation(whole, body)
    return None


def _assumed(rule: Rule, line: t.Node, path: t.Path) -> t.Node | None:
    """What a rule assumes of the operand at ``path``, as an equation; inside a sum, of all its terms together."""
    operand = t.at(line, path).children[0]
    note = attained_once(operand) if rule.assumes == ATTAINED_ONCE else None
    for depth in reversed(range(len(path))):
        around = t.at(line, path[:depth])
        if note is not None and isinstance(around, t.Sum) and around.index in t.free_indices(note):
            total = t.Sum(note.left, around.index, around.dimension)
            note = t.Equation(total, tidy(t.Mul((t.Dimension(around.dimension), note.right))))
    return note


def _resolve(line: t.Node, scope: Scope) -> Iterator[Step]:
    """Every pending derivative that takes one idea at most, and the deltas they leave under sums: one line at the normal level, two where an
    earlier result is used."""
    batch: list[Step] = []
    while pending := _pending(line):
        path, derivative = pending[0]
        batch.append(replace(_differentiate(line, path, derivative, scope), line=False))
        line = batch[-1].after
    outer = _sums_around_pending(batch[0].before) if any(step.rule == NAMED_VECTOR for step in batch) else frozenset()
    while (found := _first(line, (SIFT,), scope, outer)) is not None:
        path, rule, new = found
        after = tidy(t.replace_at(line, path, new))
        batch.append(Step(rule.name, rule.statement, line, after, path, line=False))
        line = after
    batch[-1] = replace(batch[-1], line=True)
    yield from batch


def _sums_around_pending(line: t.Node) -> frozenset[str]:
    """The indices of the sums that a chain rule over every component has opened: they stay until the next line."""
    return frozenset(
        node.index
        for _, node in t.walk(line)
        if isinstance(node, t.Sum) and not isinstance(node.body, t.Derivative) and _pending(node.body)
    )


def _first(
    line: t.Node, rules: tuple[Rule, ...], scope: Scope, kept: frozenset[str] = frozenset()
) -> tuple[t.Path, Rule, t.Node] | None:
    """The first rule that applies to a sum somewhere in the line, outermost sums first; not to those over a kept index."""
    sums = [(path, node) for path, node in t.walk(line) if isinstance(node, t.Sum) and node.index not in kept]
    for rule in rules:
        for path, node in sums:
            new = rule.apply(node, scope)
            if new is not None and tidy(new) != node:
                return path, rule, new
    return None


def _finish(line: t.Node, scope: Scope) -> Iterator[Step]:
    if isinstance(line, t.Cases):
        for position, _ in enumerate(line.branches):
            path = (position, 0)
            inner = _inside_branch(scope, position)
            for step in finish(t.at(line, path), inner):
                after = t.replace_at(line, path, step.after)
                yield replace(step, before=line, after=after, focus=(*path, *step.focus))
                line = after
        same = AGREE.apply(line, scope)
        if same is not None:
            yield Step(AGREE.name, AGREE.statement, line, same)
    else:
        yield from finish(line, scope)


def _inside_branch(scope: Scope, position: int) -> Scope:
    """Inside a branch the function stands for the value of that branch."""
    named = scope.functions.get(scope.own)
    if named is not None and isinstance(named.body, t.Cases):
        return scope.extended(functions={scope.own: replace(named, body=named.body.branches[position].value)})
    return scope


def finish(line: t.Node, scope: Scope) -> Iterator[Step]:
    """The steps from a line without pending derivatives to its best form."""
    seen = {line}
    for _ in range(STEP_LIMIT):
        step = _move(line, scope)
        if step is None or step.after in seen:
            return
        yield step
        line = step.after
        seen.add(line)


def _move(line: t.Node, scope: Scope) -> Step | None:
    found = _first(line, SUMS, scope)
    if found is not None:
        path, rule, new = found
        after = spread(t.same_bound_names(tidy(t.replace_at(line, path, new))))
        written = t.at(line, path) if rule.name == WRITE_OUT else None
        note = _definition_of(written.body, scope) if isinstance(written, t.Sum) else None
        return Step(rule.name, rule.statement, line, after, path, note, line=not rule.minor)
    for rule in FINISHING:
        better = rule.apply(line, scope)
        if better is not None:
            return Step(rule.name, rule.statement, line, better, (), _note(rule.name, line, scope), line=not rule.minor)
    for path, part in t.walk(line):
        if isinstance(part, t.Sum):
            for rule in FINISHING:
                better = rule.apply(part.body, scope) if rule.name not in SPREADING else None
                if better is not None and t.size(better) < t.size(part.body) + 12 and not _circular(part, better):
                    after = t.same_bound_names(tidy(t.replace_at(line, (*path, 0), better)))
                    note = _note(rule.name, part.body, scope, t.free_indices(line))
                    return Step(rule.name, rule.statement, line, after, (*path, 0), note, line=not rule.minor)
    return None


def _definition_of(name: t.Node, scope: Scope) -> t.Node | None:
    assert isinstance(name, t.Component)
    return t.same_bound_names(t.Equation(name, scope.vectors[name.base].at(name.indices)))


def _note(rule: str, line: t.Node, scope: Scope, free: frozenset[str] | None = None) -> t.Node | None:
    """The equation that a finishing move relies on: the definition solved for its generator, or the name that is recognised.

    free: the free indices of the whole line, where ``line`` is the inside of a sum."""
    if rule not in (RECOGNISE, SOLVE, SUBSTITUTE):
        return None
    form = best_form(line, scope)
    if form is None or not form.solved:
        return None
    solved = form.solved[0]
    left, right = (solved.name, solved.body) if rule == RECOGNISE else (solved.generator, solved.solution)
    match solved.name:
        case t.Component(base, indices) if free is not None and not free.issuperset(indices):
            names = dict(zip(indices, scope.vectors[base].indices, strict=True))
            left, right = t.rename_indices(left, names), t.rename_indices(right, names)
    return t.Equation(left, right)


def _circular(whole: t.Sum, better: t.Node) -> bool:
    """Whether a sum would be written in terms of itself: e^{z_k} as s_k Σ_l e^{z_l} under Σ_k e^{z_k}."""
    same = t.same_bound_names(whole)
    return any(isinstance(part, t.Sum) and t.same_bound_names(part) == same for _, part in t.walk(better))
