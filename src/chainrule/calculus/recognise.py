"""The ending an expert writes: solve a definition for its generator, substitute, and keep the best form found.

Best: first a polynomial in the function's own value (σ(1-σ), 1-tanh², ELU+α), then fewest unnamed transcendentals, then size,
then a fixed order. The search is bounded by the size of expressions and the number of names, never by time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import Any

import sympy as sp

from ..errors import UnsupportedExpression
from ..expression import tree as t
from ..expression.scope import Scope
from .field import Field, oriented
from .products import common_factors

SIZE_LIMIT = 400
GENERATOR_LIMIT = 12


@dataclass(frozen=True)
class Solved:
    """A named quantity, the body its name stands for, the part of the body it was solved for, and the solution."""

    name: t.Node
    body: t.Node
    generator: t.Node
    solution: t.Node


@dataclass(frozen=True)
class Form:
    """A form of a line. flat: the same, multiplied out, or None where that is the form itself. solved: what it relies on."""

    node: t.Node
    flat: t.Node | None
    solved: tuple[Solved, ...]
    key: tuple[Any, ...]

    def written_out(self, node: t.Node) -> t.Node:
        """``node`` with each solved name replaced by its body."""
        return t.substitute(node, {s.name: s.body for s in self.solved})


@lru_cache(maxsize=1024)
def best_form(line: t.Node, scope: Scope) -> Form | None:
    """The best form of a line without pending derivatives; None where the line is beyond the search (too large, or not a
    rational function of its parts)."""
    if t.size(line) > SIZE_LIMIT:
        return None
    found: list[Form] = []
    for hyperbolic in (False, True):
        try:
            found += _forms(line, scope, hyperbolic)
        except (UnsupportedExpression, sp.PolynomialError):
            continue
    return min(found, key=lambda f: f.key) if found else None


def multiplied_out(line: t.Node) -> t.Node:
    """A line as a plain sum of products; as it is where it is not a rational function of its parts."""
    return _through_field(line, sp.expand)


def over_one_denominator(line: t.Node) -> t.Node:
    """A sum of fractions as one fraction, factored; as it is where it is not a rational function of its parts."""
    return _through_field(line, lambda value: oriented(sp.factor(sp.together(value))))


def _through_field(line: t.Node, change: Callable[[Any], Any]) -> t.Node:
    field = Field(Scope())
    try:
        field.prepare([line])
        return field.leave(change(field.enter(line)))
    except (UnsupportedExpression, sp.PolynomialError):
        return line


def instances(line: t.Node, scope: Scope) -> list[tuple[t.Node, t.Node]]:
    """Every named quantity that may occur in a line, with its body: functions at the arguments met in the line, scalars, and
    the components of vectors at the indices met. The function being derived stands first."""
    arguments: dict[t.Node, None] = {}
    for _, part in t.walk(line):
        if isinstance(part, t.Call) and len(part.arguments) == 1:
            inner = part.arguments[0]
            while isinstance(inner, t.Neg):
                inner = inner.argument
            arguments[inner] = None
        elif isinstance(part, t.Symbol):
            arguments[part] = None
    found: list[tuple[t.Node, t.Node]] = []
    for name, named in scope.functions.items():
        if len(named.arguments) != 1:
            continue
        own = t.Symbol(named.arguments[0])
        places = [own] if name == scope.own else list(arguments)
        for place in places:
            parameters = tuple(t.Symbol(p) for p in named.parameters)
            found.append((t.Call(name, (place,), parameters), t.substitute(named.body, {own: place})))
    for name, body in scope.scalars.items():
        found.append((t.Symbol(name), body))
    for base, vector in scope.vectors.items():
        for at in product(sorted(t.free_indices(line)), repeat=len(vector.indices)):
            found.append((t.Component(base, at), vector.at(at)))
    return found


def _forms(line: t.Node, scope: Scope, hyperbolic: bool) -> Iterator[Form]:
    named = instances(line, scope)
    named = [(n, b) for n, b in named if not isinstance(b, t.Cases)]
    field = Field(scope, hyperbolic)
    field.prepare([line, *(body for _, body in named)])
    value = field.enter(line)
    if len(value.free_symbols) > GENERATOR_LIMIT:
        return
    if not hyperbolic:
        yield _rate(line, None, (), field, value)
        shared = common_factors(line)
        if shared is not None:
            yield _rate(shared, None, (), field, value)
        yield from _shapes(value, (), field)
    groups: dict[str, list[tuple[t.Node, t.Node]]] = {}
    for name, body in named:
        groups.setdefault(_group(name), []).append((name, body))
    for count in (1, 2):
        for chosen in combinations(groups.values(), count):
            current, solved = value, []
            for name, body in (pair for group in chosen for pair in group):
                step = _eliminate(current, name, body, field)
                if step is not None:
                    current, record = step
                    solved.append(record)
            if not _own_is_polynomial(current, solved, field):
                continue
            if solved and len({_group(s.name) for s in solved}) == count and not _new_denominators(value, current):
                yield from _shapes(current, tuple(solved), field)


def _own_is_polynomial(value: Any, solved: list[Solved], field: Field) -> bool:
    """A function's own value is worth writing where the result is a polynomial in it, or where it stands for a part as it is."""
    own = {field.atom(s.name) for s in solved if _is_own(s.name, field.scope) and s.generator != s.body}
    return not own & sp.denom(sp.together(value)).free_symbols


def _new_denominators(before: Any, after: Any) -> bool:
    """Whether a form divides by what the line did not: ELU/α in place of e^x - 1 would fail at α = 0."""
    old, new = (sp.denom(sp.cancel(sp.together(v))).free_symbols for v in (before, after))
    return bool(new - old)


def _group(name: t.Node) -> str:
    match name:
        case t.Component(base, _):
            return base
        case t.Call(function, _, _):
            return function
        case t.Symbol(symbol):
            return symbol
    raise AssertionError(name)


def _eliminate(value: Any, name: t.Node, body: t.Node, field: Field) -> tuple[Any, Solved] | None:
    """Solve name = body for a generator that occurs in ``value`` and substitute; None where that is not possible."""
    try:
        definition = field.known(body)
    except UnsupportedExpression:
        return None
    shared = [g for g in definition.free_symbols & value.free_symbols if _solvable(g, field, name)]
    if not shared:
        return None
    symbol = field.atom(name)
    numerator, denominator = sp.fraction(sp.together(definition))
    relation = sp.expand(numerator - symbol * denominator)
    for generator in sorted(shared, key=_simple_first(field)):
        poly = sp.Poly(relation, generator)
        powers = [m[0] for m in poly.monoms()]
        if len(powers) != 2 or min(powers) != 0:
            continue
        degree = max(powers)
        solution = sp.cancel(-poly.coeff_monomial(1) / poly.coeff_monomial(generator**degree))
        above, below = (sp.Poly(p, generator) for p in sp.fraction(sp.cancel(sp.together(value))))
        if any(m[0] % degree for p in (above, below) for m in p.monoms()):
            continue

        def put(p: Any, s: Any = solution, n: int = degree) -> Any:
            return sum(c * s ** (m[0] // n) for m, c in p.terms())

        new = sp.cancel(sp.together(put(above) / put(below)))
        if generator in new.free_symbols:
            continue
        return new, Solved(name, body, field.leave(generator**degree), field.leave(oriented(sp.factor(solution))))
    return None


def _solvable(generator: Any, field: Field, name: t.Node) -> bool:
    """An exponential, or a function call; a sum for a named scalar (a mean), a component for a named vector (a normalised one)."""
    if any(generator == g for g in field.exponentials.values()):
        return True
    node = next(n for n, g in field.atoms.items() if g == generator)
    by_scalar = isinstance(name, t.Symbol) and isinstance(node, t.Sum)
    by_vector = isinstance(name, t.Component) and isinstance(node, t.Component) and node.base not in field.scope.vectors
    return isinstance(node, t.Call) or by_scalar or by_vector


def _simple_first(field: Field) -> Any:
    exponentials = list(field.exponentials.values())
    return lambda g: (g not in exponentials, str(g))


def _shapes(value: Any, solved: tuple[Solved, ...], field: Field) -> Iterator[Form]:
    """A rational function factored and multiplied out."""
    numerator, denominator = sp.fraction(sp.cancel(sp.together(value)))
    flat_value = (
        sp.expand(numerator) / sp.factor(denominator)
        if denominator.free_symbols
        else sp.expand(numerator / denominator)
    )
    flat = field.leave(flat_value)
    factored = field.leave(oriented(sp.factor(value)))
    for nested in _nested(oriented(sp.factor(value)), field):
        node = field.leave(nested)
        yield _rate(node, flat if flat != node else None, solved, field, value)
    yield _rate(factored, flat if flat != factored else None, solved, field, value)
    yield _rate(flat, None, solved, field, value, 1)


def _nested(expression: Any, field: Field) -> Iterator[Any]:
    """1 + x - xσ as 1 + x(1 - σ): a variable taken out of the terms of a factor that share it."""
    for factor in sp.Mul.make_args(expression):
        if not (factor.is_Add and len(factor.args) > 2):
            continue
        for symbol in sorted(factor.free_symbols, key=lambda g: (field.is_named(g), str(g))):
            inside = [x for x in factor.args if sp.degree(x, symbol) == 1]
            if 1 < len(inside) < len(factor.args):
                shared = oriented(sp.factor(sp.Add(*inside)))
                yield expression.xreplace({factor: sp.Add(shared, *(x for x in factor.args if x not in inside))})


def _rate(
    node: t.Node, flat: t.Node | None, solved: tuple[Solved, ...], field: Field, value: Any, order: int = 0
) -> Form:
    own = {g for n, g in field.atoms.items() if _is_own(n, field.scope)}
    polynomial = bool(value.free_symbols & own) and not sp.denom(sp.together(value)).free_symbols
    unnamed = sum(field.is_transcendental(g) for g in value.free_symbols)
    return Form(node, flat, solved, (not polynomial, unnamed, weight(node) + _backwards(node), len(solved), order))


def weight(node: t.Node) -> int:
    """Leaves plus operations: a sum of three terms has two, a minus sign costs nothing."""
    match node:
        case t.Add(parts) | t.Mul(parts):
            return sum(weight(x) for x in parts) + len(parts) - 1
        case t.Neg(argument):
            return weight(argument)
    return 1 + sum(weight(child) for child in node.children)


def _backwards(node: t.Node) -> int:
    """How many sums start with a subtracted term although an added one could stand first."""
    return sum(
        isinstance(part, t.Add)
        and isinstance(part.terms[0], t.Neg)
        and not all(isinstance(x, t.Neg) for x in part.terms)
        for _, part in t.walk(node)
    )


def _is_own(node: t.Node, scope: Scope) -> bool:
    match node:
        case t.Call(name, _, _) | t.Symbol(name) | t.Component(name, _):
            return name == scope.own
    return False
