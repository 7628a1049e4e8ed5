"""The ending an expert writes: solve a definition for its generator, substitute, and keep the best form found.

Best: first a polynomial in the function's own value (σ(1-σ), 1-tanh², ELU+α), then fewest unnamed transcendentals, then size,
then a fixed order. The search is bounded by the size of expressions and the number of names, never by time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, groupby, product
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


@dataclass(frozen=True)
class _Candidate:
    """A rational function equal to the line, what was solved for to reach it, and trees of it that are known already.

    rank: the part of the key of a form that the value decides alone."""

    value: Any
    solved: tuple[Solved, ...]
    field: Field
    ready: tuple[t.Node, ...] = ()

    @property
    def rank(self) -> tuple[bool, int]:
        own = {g for n, g in self.field.atoms.items() if _is_own(n, self.field.scope)}
        present = self.value.free_symbols
        polynomial = bool(present & own) and not _together(self.value)[1].free_symbols
        return not polynomial, sum(self.field.is_transcendental(g) for g in present)

    def forms(self) -> Iterator[Form]:
        for node in self.ready:
            yield self.rated(node, None)
        factored_value, flat_value = _factored(self.value), _flat(self.value)
        flat, factored = self.field.leave(flat_value), self.field.leave(factored_value)
        nested, divided = _nested(factored_value, self.field), _divided(factored_value, self.field)
        for value in (*nested, *divided, *_squares(factored_value)):
            node = self.field.leave(value)
            yield self.rated(node, flat if flat != node else None)
        yield self.rated(factored, flat if flat != factored else None)
        yield self.rated(flat, None, 1)

    def rated(self, node: t.Node, flat: t.Node | None, order: int = 0) -> Form:
        return Form(node, flat, self.solved, (*self.rank, weight(node) + _backwards(node), len(self.solved), order))


@lru_cache(maxsize=1024)
def best_form(line: t.Node, scope: Scope) -> Form | None:
    """The best form of a line without pending derivatives; None where the line is beyond the search (too large, or not a
    rational function of its parts). Trees are written for the candidates of the best rank only."""
    if t.size(line) > SIZE_LIMIT:
        return None
    candidates: list[_Candidate] = []
    for hyperbolic in (False, True):
        try:
            candidates += _candidates(line, scope, hyperbolic)
        except (UnsupportedExpression, sp.PolynomialError):
            continue
    for _, equals in groupby(sorted(candidates, key=lambda c: c.rank), key=lambda c: c.rank):
        found: list[Form] = []
        for candidate in equals:
            try:
                found += candidate.forms()
            except (UnsupportedExpression, sp.PolynomialError):
                continue
        if found:
            return min(found, key=lambda f: f.key)
    return None


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
        if len(named.arguments) != 1 or named.opaque:
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


def _candidates(line: t.Node, scope: Scope, hyperbolic: bool) -> Iterator[_Candidate]:
    """The line as it is, and with the names of one group or of two put in: all components of a vector, a function at every argument."""
    named = [(name, body) for name, body in instances(line, scope) if not isinstance(body, t.Cases)]
    formulas = [line, *(body for _, body in named)]
    field = Field(scope, hyperbolic)
    if hyperbolic and not any(field.is_hyperbolic(part) for formula in formulas for _, part in t.walk(formula)):
        return
    field.prepare(formulas)
    value = field.enter(line)
    if len(value.free_symbols) > GENERATOR_LIMIT:
        return
    if not hyperbolic:
        shared = common_factors(line)
        yield _Candidate(value, (), field, (line,) if shared is None else (line, shared))
    groups: dict[str, list[tuple[t.Node, t.Node]]] = {}
    for name, body in named:
        groups.setdefault(_group(name), []).append((name, body))
    names = list(groups)
    one = [(position, *_put_in(value, (), groups[name], field)) for position, name in enumerate(names)]
    one = [(position, new, solved) for position, new, solved in one if solved]
    two = [
        (*_put_in(new, solved, groups[other], field), len(solved))
        for position, new, solved in one
        for other in names[position + 1 :]
    ]
    reached = [(new, solved) for _, new, solved in one] + [(n, s) for n, s, before in two if len(s) > before]
    for new, solved in reached:
        if _own_is_polynomial(new, solved, field) and not _new_denominators(value, new):
            yield _Candidate(new, solved, field)


def _put_in(
    value: Any, solved: tuple[Solved, ...], group: list[tuple[t.Node, t.Node]], field: Field
) -> tuple[Any, tuple[Solved, ...]]:
    for name, body in group:
        step = _eliminate(value, name, body, field)
        if step is not None:
            value, solved = step[0], (*solved, step[1])
    return value, solved


@lru_cache(maxsize=4096)
def _together(value: Any) -> tuple[Any, Any]:
    """Numerator and denominator over one denominator, nothing cancelled."""
    above, below = sp.fraction(sp.together(value))
    return above, below


@lru_cache(maxsize=4096)
def _ratio(value: Any) -> tuple[Any, Any]:
    """Numerator and denominator without common factors."""
    above, below = sp.fraction(sp.cancel(sp.together(value)))
    return above, below


def _factored(value: Any) -> Any:
    return oriented(sp.factor(value))


def _flat(value: Any) -> Any:
    """Multiplied out above one factored denominator; without a denominator, multiplied out."""
    above, below = _ratio(value)
    return sp.expand(above) / sp.factor(below) if below.free_symbols else sp.expand(above / below)


def _own_is_polynomial(value: Any, solved: tuple[Solved, ...], field: Field) -> bool:
    """A function's own value is worth writing where the result is a polynomial in it, or where it stands for a part as it is."""
    own = {field.atom(s.name) for s in solved if _is_own(s.name, field.scope) and s.generator != s.body}
    return not own & _together(value)[1].free_symbols


def _new_denominators(before: Any, after: Any) -> bool:
    """Whether a form divides by what the line did not: ELU/α in place of e^x - 1 would fail at α = 0."""
    return bool(_ratio(after)[1].free_symbols - _ratio(before)[1].free_symbols)


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
    relation = _relation(definition, symbol)
    above, below = _ratio(value)
    for generator in sorted(shared, key=_simple_first(field)):
        solution, degree = _solution(relation, generator)
        if solution is None or any(m[0] % degree for p in (above, below) for m in sp.Poly(p, generator).monoms()):
            continue
        new = _replaced(above, below, generator, degree, solution)
        if generator in new.free_symbols:
            continue
        return new, Solved(name, body, field.leave(generator**degree), field.leave(oriented(sp.factor(solution))))
    return None


@lru_cache(maxsize=4096)
def _relation(definition: Any, symbol: Any) -> Any:
    """The polynomial that is 0 where a name stands for its definition."""
    above, below = _together(definition)
    return sp.expand(above - symbol * below)


@lru_cache(maxsize=4096)
def _solution(relation: Any, generator: Any) -> tuple[Any, int]:
    """What a power of a generator equals, and the power, where the relation holds no other power; None and 0 where it does."""
    poly = sp.Poly(relation, generator)
    powers = [m[0] for m in poly.monoms()]
    if len(powers) != 2 or min(powers) != 0:
        return None, 0
    degree = max(powers)
    return sp.cancel(-poly.coeff_monomial(1) / poly.coeff_monomial(generator**degree)), degree


@lru_cache(maxsize=4096)
def _replaced(above: Any, below: Any, generator: Any, degree: int, solution: Any) -> Any:
    """A fraction with the solution in place of a power of the generator."""

    def put(p: Any) -> Any:
        return sum(c * solution ** (m[0] // degree) for m, c in sp.Poly(p, generator).terms())

    return sp.cancel(sp.together(put(above) / put(below)))


def _solvable(generator: Any, field: Field, name: t.Node) -> bool:
    """An exponential, or a function call; a sum for a named scalar (a mean; not the function itself, whose value its derivative seldom
    needs) and for a component that stands for just that sum; a component for a named vector (a normalised one)."""
    node = field.nodes.get(generator)
    match name, node:
        case _, None | t.Call():
            return True
        case t.Symbol(), t.Sum():
            return not _is_own(name, field.scope)
        case t.Component(base, indices), t.Sum():
            return bool(generator == field.known(field.scope.vectors[base].at(indices)))
        case t.Component(), t.Component(base, _):
            return base not in field.scope.vectors
    return False


def _simple_first(field: Field) -> Any:
    exponentials = list(field.exponentials.values())
    return lambda g: (g not in exponentials, str(g))


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


def _squares(expression: Any) -> Iterator[Any]:
    """(1 - a)(1 + a)d as (1 - a²)d: a difference of squares stays one."""
    sums = [factor for factor in sp.Mul.make_args(expression) if factor.is_Add and len(factor.args) == 2]
    for one, other in combinations(sums, 2):
        difference = sp.expand(one * other)
        if difference.is_Add and len(difference.args) == 2:
            yield sp.Mul(expression / one / other, oriented(difference))


def _divided(expression: Any, field: Field) -> Iterator[Any]:
    """(1 - Kδ)/(Ks) as (1/K - δ)/s: what is a mean stays one, its dimension under the terms that lack it."""
    above, below = sp.fraction(expression)
    for divisor in sp.Mul.make_args(below):
        for factor in sp.Mul.make_args(above) if isinstance(field.nodes.get(divisor), t.Dimension) else ():
            if below != divisor and factor.is_Add and any(divisor in x.free_symbols for x in factor.args):
                terms = sp.Add(*(x / divisor for x in factor.args))
                yield oriented(sp.Mul(above / factor, terms, divisor / below))


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
