"""Kinks and jumps: where an expression changes its formula, and what it and its derivative do there.

A *switch* is an expression u at whose zeros a function of the tables below changes its formula: the argument of an
absolute value, the difference of two arguments of a maximum, the two sides of the condition of a branch. A kink is
found by solving u = 0, by resolving every switch a little to the left and a little to the right (numerically, at random
admissible values of the parameters, which must agree), and by comparing the two formulas that remain.

To teach it another function, add a row to each of `SWITCHES`, `BRANCHES` and `CHOICES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from itertools import combinations, pairwise, product
from types import MappingProxyType
from typing import Any, TypeAlias

import mpmath
import sympy
from sympy import Abs, Expr, Heaviside, Max, Min, Piecewise, Symbol, sign
from sympy.core.relational import Relational
from sympy.functions.elementary.trigonometric import TrigonometricFunction
from sympy.logic.boolalg import Boolean

from chainrule.calculus.checks import CheckRow, Domain, Point, assumed, domain_of, evaluate, number, samples
from chainrule.errors import UnsupportedExpression

Decision: TypeAlias = bool | Boolean
SignOf = Callable[[Expr], int]

SAMPLES = 6
GRID = tuple(sympy.Rational(n, 7) + sympy.Rational(1, 1013) for n in (-9001, -997, *range(-84, 85, 3), 997, 9001))
PRECISION = 120
OFFSET = sympy.Rational(1, 10**12)
MOST_OPERATIONS = 80
MOST_BRANCHES = 64
NOTHING: Domain = MappingProxyType({})


@dataclass(frozen=True)
class Kink:
    """A place where a function changes its formula, and its one-sided behaviour there.

    `left_slope` and `right_slope` are the limits of the derivative from either side (they may be infinite);
    `code_value` is what the derivative evaluates to at the place itself. `continuous` and `differentiable` are True,
    False, or the condition on the parameters under which they hold. With a parameter of finitely many values, an entry
    may be a `Piecewise` in it.
    """

    location: Expr
    left_value: Expr
    right_value: Expr
    value: Expr
    left_slope: Expr
    right_slope: Expr
    code_value: Expr
    continuous: Decision
    differentiable: Decision

    @property
    def kind(self) -> str:
        """ "jump", "kink" or "smooth joint", for general values of the parameters."""
        if self.continuous is not True:
            return "jump"
        return "smooth joint" if self.differentiable is True else "kink"


def _boundaries(node: Expr) -> tuple[Expr, ...]:
    relations = {r for _, condition in node.args for r in condition.atoms(Relational)}
    return tuple(r.lhs - r.rhs for r in sorted(relations, key=sympy.default_sort_key))


def _differences(node: Expr) -> tuple[Expr, ...]:
    return tuple(a - b for a, b in combinations(sorted(node.args, key=sympy.default_sort_key), 2))


SWITCHES: Mapping[type, Callable[[Expr], tuple[Expr, ...]]] = {
    Abs: lambda e: (e.args[0],),
    sign: lambda e: (e.args[0],),
    Heaviside: lambda e: (e.args[0],),
    Max: _differences,
    Min: _differences,
    Piecewise: _boundaries,
}
"""The expressions at whose zeros a function switches."""

BRANCHES: Mapping[type, Callable[[Expr], tuple[Expr, ...]]] = {
    Abs: lambda e: (e.args[0], -e.args[0]),
    sign: lambda e: (sympy.S.One, sympy.S.NegativeOne),
    Heaviside: lambda e: (sympy.S.One, sympy.S.Zero),
    Max: lambda e: e.args,
    Min: lambda e: e.args,
    Piecewise: lambda e: tuple(branch for branch, _ in e.args),
}
"""The formulas between which it switches."""

CHOICES: Mapping[type, Callable[[Expr, SignOf], Expr]] = {
    Abs: lambda e, s: (-e.args[0], e.args[0], e.args[0])[s(e.args[0]) + 1],
    sign: lambda e, s: sympy.Integer(s(e.args[0])),
    Heaviside: lambda e, s: (sympy.S.Zero, e.args[1], sympy.S.One)[s(e.args[0]) + 1],
    Max: lambda e, s: _extreme(e, s, 1),
    Min: lambda e, s: _extreme(e, s, -1),
    Piecewise: lambda e, s: next((branch for branch, condition in e.args if _truth(condition, s)), sympy.nan),
}
"""The formula in force, from the signs of the switches."""

RELATIONS: Mapping[type, Callable[[int], bool]] = {
    sympy.Gt: lambda s: s > 0,
    sympy.Ge: lambda s: s >= 0,
    sympy.Lt: lambda s: s < 0,
    sympy.Le: lambda s: s <= 0,
    sympy.Eq: lambda s: s == 0,
    sympy.Ne: lambda s: s != 0,
}

JUNCTORS: Mapping[type, Callable[..., bool]] = {
    sympy.And: lambda *held: all(held),
    sympy.Or: lambda *held: any(held),
    sympy.Not: lambda held: not held,
}

UNLOCATED = (sympy.floor, sympy.ceiling, sympy.Mod, sympy.frac)
"""Functions that jump again and again."""

SWITCHING = tuple(SWITCHES)
assert set(SWITCHES) == set(BRANCHES) == set(CHOICES)


def _extreme(node: Expr, sign_of: SignOf, direction: int) -> Expr:
    best, *others = sorted(node.args, key=sympy.default_sort_key)
    for other in others:
        best = other if sign_of(other - best) == direction else best
    return best


def _truth(condition: Any, sign_of: SignOf) -> bool:
    if condition in (True, False):
        return bool(condition)
    if type(condition) in RELATIONS:
        return RELATIONS[type(condition)](sign_of(condition.lhs - condition.rhs))
    if type(condition) in JUNCTORS:
        return JUNCTORS[type(condition)](*(_truth(part, sign_of) for part in condition.args))
    raise UnsupportedExpression(f"{condition}: cannot decide this condition; use <, <=, >, >=, Eq, Ne, And, Or, Not")


def _signs(point: Point) -> SignOf:
    """The sign of an expression at a point, where what is 0 to a hundred digits counts as 0."""

    def sign_of(switch: Expr) -> int:
        value = evaluate(switch, point, PRECISION)
        if mpmath.isnan(value):
            raise UnsupportedExpression(f"{switch}: no real value at {_show(point)}; narrow the domain")
        return 0 if abs(value) < mpmath.mpf(10) ** (20 - PRECISION) else int(mpmath.sign(value))

    return sign_of


def resolve(expression: Expr, point: Point) -> Expr:
    """The formula that is in force at a point: the expression without any switch."""
    return _resolve(expression, _signs(point))


def _resolve(node: Any, sign_of: SignOf) -> Any:
    if not node.has(*SWITCHING):
        return node
    if type(node) in CHOICES:
        return _resolve(CHOICES[type(node)](node, sign_of), sign_of)
    return node.func(*(_resolve(argument, sign_of) for argument in node.args))


# --- where: the zeros of the switches


def _switches(expression: Expr, x: Symbol) -> tuple[tuple[Expr, Expr], ...]:
    """Every switch that depends on x, with the node that it belongs to."""
    found: dict[Expr, Expr] = {}
    for node in sympy.preorder_traversal(expression):
        if isinstance(node, UNLOCATED) and node.has(x):
            raise _unlocated(node, f"it jumps at infinitely many {x}")
        for switch in SWITCHES[type(node)](node) if type(node) in SWITCHES else ():
            if switch.has(x):
                found.setdefault(switch, node)
    return tuple(found.items())


def _unlocated(node: Any, why: str) -> UnsupportedExpression:
    return UnsupportedExpression(
        f"{node}: its kinks could not be located, because {why}; declare narrower domains for the variable and the "
        "parameters, or write it as a Piecewise whose conditions compare the variable with a number or a parameter"
    )


def _formulas(expression: Expr, node: Expr) -> tuple[Expr, ...]:
    """Every formula that an expression can resolve to, whatever its switches do."""
    if not expression.has(*SWITCHING):
        return (expression,)
    if type(expression) in BRANCHES:
        found = [f for branch in BRANCHES[type(expression)](expression) for f in _formulas(branch, node)]
    else:
        found = [expression.func(*a) for a in product(*(_formulas(a, node) for a in expression.args))]
    if len(found) > MOST_BRANCHES:
        raise _unlocated(node, f"its switches combine in more than {MOST_BRANCHES} ways")
    return tuple(dict.fromkeys(found))


def _polynomial_zeros(g: Expr, x: Symbol, node: Expr) -> tuple[Expr, ...]:
    if g.free_symbols == {x}:
        return tuple(dict.fromkeys(sympy.real_roots(sympy.Poly(sympy.nsimplify(g, rational=True), x))))
    found: list[Expr] = []
    for factor, _ in sympy.factor_list(g, x)[1]:
        if sympy.degree(factor, x) > 2:
            raise _unlocated(node, f"{factor} = 0 has degree {sympy.degree(factor, x)} in {x} and parameters")
        found += sympy.roots(factor, x)
    return tuple(found)


def zeros(g: Expr, x: Symbol, values: sympy.Set, node: Expr) -> tuple[Expr, ...]:
    """Every real solution of g = 0, of a g without switches; symbolic where there are parameters.

    Raises `UnsupportedExpression`, naming `node`, where they are infinitely many or none can be found by a formula.
    """
    if not g.has(x):
        return ()
    if g.is_polynomial(x):
        return _polynomial_zeros(g, x, node)
    if g.count_ops() > MOST_OPERATIONS:
        raise _unlocated(node, f"{g} = 0 has more than {MOST_OPERATIONS} operations")
    try:
        if not any(f.has(x) for f in g.atoms(TrigonometricFunction)):
            return tuple(sympy.solve(g, x))
        found = sympy.solveset(g, x, values)
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError) as problem:
        raise _unlocated(node, f"{g} = 0 could not be solved for {x}") from problem
    if isinstance(found, sympy.FiniteSet) or found is sympy.S.EmptySet:
        return tuple(found)
    raise _unlocated(node, f"{g} = 0 has infinitely many solutions in {x}, or none that SymPy can list")


def _candidates(expression: Expr, x: Symbol, values: sympy.Set) -> tuple[tuple[Expr, Expr], ...]:
    """Every place where a switch may change its sign: a zero or a pole of one of its formulas."""
    found: dict[Expr, Expr] = {}
    for switch, node in _switches(expression, x):
        for formula in _formulas(switch, node):
            for part in sympy.fraction(sympy.together(formula)):
                for place in zeros(part, x, values, node):
                    found.setdefault(place, node)
    return tuple(found.items())


def _require_complete(expression: Expr, x: Symbol, places: list[Any], values: sympy.Set, parameters: Point) -> None:
    """Raise if a switch changes its sign on the grid where no solution was found: `solve` may have missed one."""
    grid = [p for p in GRID if values.contains(p) == sympy.true]
    for switch, node in _switches(expression, x):
        heights = [(number(p), evaluate(switch, {**parameters, x: p}, 30)) for p in grid]
        for (a, low), (b, high) in pairwise(heights):
            if low * high < 0 and not any(a <= place <= b for place in places):
                raise _unlocated(node, f"{switch} changes its sign between {mpmath.nstr(a, 4)} and {mpmath.nstr(b, 4)}")


# --- what happens there


@dataclass(frozen=True)
class Case:
    """A part of the parameters' domain: the condition that names it, the values that it fixes, and points of it."""

    condition: Any
    fixed: Mapping[Symbol, Expr]
    points: tuple[dict[Symbol, Expr], ...]


def _cases(domain: Domain, parameters: set[Symbol]) -> tuple[Case, ...]:
    """The domain split by the values of the finite parameters and by the sign of those that have none."""
    splits: list[list[tuple[Any, Symbol, sympy.Set]]] = []
    for p in sorted(parameters, key=str):
        values = domain_of(p, domain)
        if isinstance(values, sympy.FiniteSet):
            splits.append([(sympy.Eq(p, v), p, sympy.FiniteSet(v)) for v in sorted(values, key=sympy.default_sort_key)])
        elif values.inf < 0 < values.sup:
            halves = (p < 0, sympy.Interval.open(-sympy.oo, 0)), (p > 0, sympy.Interval.open(0, sympy.oo))
            splits.append([(condition, p, values.intersect(half)) for condition, half in halves])
    found = []
    for choice in product(*splits):
        part = {**domain, **{p: values for _, p, values in choice}}
        fixed = {p: values.args[0] for _, p, values in choice if isinstance(values, sympy.FiniteSet)}
        found.append(Case(sympy.And(*(condition for condition, _, _ in choice)), fixed, samples(parameters, part, 24)))
    return tuple(found)


def _admissible(
    place: Expr, values: sympy.Set, points: tuple[dict[Symbol, Expr], ...]
) -> tuple[dict[Symbol, Expr], ...]:
    """The points at which a place is real and inside the domain of the variable."""
    kept = []
    for point in points:
        at = evaluate(place, point)
        low, high = number(values.inf), number(values.sup)
        if mpmath.isfinite(at) and low < at < high:
            kept.append(point)
    return tuple(kept[:SAMPLES])


def _formulas_at(expression: Expr, x: Symbol, place: Expr, side: int, points: tuple[Point, ...]) -> set[Expr]:
    found = set()
    for point in points:
        with mpmath.workdps(PRECISION):
            at = evaluate(place, point, PRECISION) + side * number(OFFSET, PRECISION)
        try:
            found.add(resolve(expression, {**point, x: at}))
        except UnsupportedExpression:
            if side:
                raise
            found.add(sympy.nan)  # no value at the place itself, as of sign(1/x) at 0
    return found


def _limit(formula: Expr, x: Symbol, place: Expr, direction: str) -> Expr:
    value = formula.subs(x, place)
    if value.is_finite is not False and not value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
        return value
    try:
        if formula.count_ops() > MOST_OPERATIONS:
            raise NotImplementedError
        value = sympy.limit(formula, x, place, direction)
    except (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError) as problem:
        raise UnsupportedExpression(f"{formula}: no limit found at {x} = {place}, side {direction}") from problem
    if isinstance(value, (sympy.Limit, sympy.AccumBounds)) or value is sympy.nan:
        raise UnsupportedExpression(f"{formula}: no limit at {x} = {place}, side {direction}")
    return value


def _vanishes(e: Expr, points: tuple[Point, ...]) -> bool:
    return e == 0 or all(abs(evaluate(e, p)) < mpmath.mpf(10) ** -40 for p in points)


def _tidy(e: Expr, points: tuple[Point, ...]) -> Expr:
    return sympy.S.Zero if _vanishes(e, points) else e


def _when_zero(e: Expr, domain: Domain, points: tuple[Point, ...]) -> Decision:
    """True, False, or the condition on the parameters under which an expression is 0."""
    if e.has(sympy.oo, -sympy.oo, sympy.zoo, sympy.nan):
        return False
    if _vanishes(e, points):
        return True
    ways: list[Any] = []
    for factor, _ in sympy.factor_list(sympy.fraction(sympy.together(e))[0])[1]:
        if factor.is_nonzero is not True and factor.free_symbols:
            ways += _solved(factor, domain, points)
    return _plain(sympy.Or(*ways))


def _solved(factor: Expr, domain: Domain, points: tuple[Point, ...]) -> tuple[Any, ...]:
    """The parameter that a factor = 0 fixes most simply, and its values inside its domain."""
    ways = []
    for p in sorted(factor.free_symbols, key=str):
        try:
            solutions = sympy.solve(factor, p) if factor.count_ops() <= MOST_OPERATIONS else None
        except NotImplementedError:
            solutions = None
        if solutions is not None:
            divided = any(sympy.fraction(s)[1].free_symbols for s in solutions)
            ways.append((divided, sum(s.count_ops() for s in solutions), p, solutions))
    if not ways:
        return (sympy.Eq(factor, 0),)
    _, _, p, solutions = min(ways, key=lambda way: way[:2])
    values = domain_of(p, domain)
    inside = [s for s in solutions if any(_contains(values, evaluate(s, point)) for point in points)]
    return tuple(sympy.Eq(p, s) for s in inside)


def _contains(values: sympy.Set, at: Any) -> bool:
    if not mpmath.isfinite(at):
        return False
    return bool(values.contains(sympy.nsimplify(sympy.Float(at, 40), rational=True)) == sympy.true)


def _plain(condition: Any) -> Decision:
    return bool(condition) if condition in (True, False) else condition


def _and(*conditions: Decision) -> Decision:
    return _plain(sympy.And(*conditions))


def _undefined(expression: Expr, x: Symbol, place: Expr) -> bool:
    """Whether plain substitution gives no number, as in 0/0, which a resolved formula may have lost."""
    try:
        return bool(expression.subs(x, place).has(sympy.nan, sympy.zoo))
    except TypeError:
        return True  # a comparison with a value that is not real


def _at_place(expression: Expr, formula: Expr, x: Symbol, place: Expr, points: tuple[Point, ...]) -> Expr:
    return sympy.nan if _undefined(expression, x, place) else _tidy(formula.subs(x, place), points)


@dataclass(frozen=True)
class _Setting:
    """What every step of the search needs: the function, its derivative, the variable and the domain."""

    expression: Expr
    derivative: Expr
    x: Symbol
    domain: Domain


def _kink_in(setting: _Setting, place: Expr, case: Case, node: Expr) -> Kink | str | None:
    """The kink at a place in one case; None where nothing changes; a reason where the points of the case disagree."""
    s = setting
    points = _admissible(place, domain_of(s.x, s.domain), case.points)
    if not points:
        return None
    left, right = (_formulas_at(s.expression, s.x, place, side, points) for side in (-1, 1))
    here = _formulas_at(s.expression, s.x, place, 0, points)
    code = _formulas_at(s.derivative, s.x, place, 0, points)
    if max(map(len, (left, right, here, code))) > 1:
        return f"which formula holds near {s.x} = {place} depends on the parameters"
    (before,), (after,), (at,), (slope,) = left, right, here, code
    place = place.subs(case.fixed)
    before, after, at, slope = (f.subs(case.fixed) for f in (before, after, at, slope))
    sides = ((before, "-"), (after, "+"))
    values = tuple(_tidy(_limit(f, s.x, place, d), points) for f, d in sides)
    if not any(v.is_finite is not False for v in values):
        return None  # a pole: the function has no value there, so it has no kink
    value = _at_place(s.expression, at, s.x, place, points)
    slopes = tuple(_tidy(_limit(sympy.diff(f, s.x), s.x, place, d), points) for f, d in sides)
    same = before == after if isinstance(node, Piecewise) else sympy.expand(before - after) == 0
    if same and not (isinstance(node, Piecewise) and at != before) and _vanishes(value - values[0], points):
        return None
    continuous = _and(*(_when_zero(v - value, s.domain, points) for v in values))
    smooth = _and(continuous, _when_zero(slopes[1] - slopes[0], s.domain, points)) if _finite(slopes) else False
    return Kink(
        place,
        values[0],
        values[1],
        value,
        slopes[0],
        slopes[1],
        _at_place(s.derivative, slope, s.x, place, points),
        continuous,
        smooth,
    )


def _finite(values: tuple[Expr, ...]) -> bool:
    return all(not v.has(sympy.oo, -sympy.oo, sympy.zoo, sympy.nan) for v in values)


EXPRESSIONS = tuple(f.name for f in fields(Kink))[:7]


def _joined(place: Expr, found: list[tuple[Case, Kink]]) -> Kink:
    """One kink out of those of the cases, each entry a Piecewise in the parameter where the cases differ."""

    def entry(name: str) -> Expr:
        values = [getattr(kink, name) for _, kink in found]
        conditions = [case.condition for case, _ in found[:-1]] + [True]
        return values[0] if len(set(values)) == 1 else Piecewise(*zip(values, conditions, strict=True))

    def decision(name: str) -> Decision:
        values = [getattr(kink, name) for _, kink in found]
        if len(set(values)) == 1:
            return _plain(values[0])
        return _plain(sympy.Or(*(sympy.And(case.condition, getattr(kink, name)) for case, kink in found)))

    entries = {name: entry(name) for name in EXPRESSIONS}
    decisions = {name: decision(name) for name in ("continuous", "differentiable")}
    return Kink(**{**entries, "location": place}, **decisions)


def _kink_at(setting: _Setting, place: Expr, node: Expr) -> Kink | None:
    parameters = (setting.expression.free_symbols | setting.derivative.free_symbols) - {setting.x}
    whole = Case(sympy.true, {}, samples(parameters, setting.domain, 24))
    kink = _kink_in(setting, place, whole, node)
    if not isinstance(kink, str):
        return kink
    cases = _cases(setting.domain, parameters)
    found = [(case, _kink_in(setting, place, case, node)) for case in cases]
    reasons = [k for _, k in found if isinstance(k, str)]
    if reasons or not all(isinstance(k, Kink) or not _occurs(setting, place, c) for c, k in found):
        raise _unlocated(node, kink)
    kinks = [(case, k) for case, k in found if isinstance(k, Kink)]
    return _joined(place, kinks) if kinks else None


def _occurs(setting: _Setting, place: Expr, case: Case) -> bool:
    return bool(_admissible(place, domain_of(setting.x, setting.domain), case.points))


def find_kinks(expression: Expr, derivative: Expr, x: Symbol, domain: Domain = NOTHING) -> tuple[Kink, ...]:
    """Every place inside the domain of x where an expression changes its formula, in their order on the line.

    expression, derivative: may hold `Piecewise`, `Abs`, `sign`, `Max`, `Min` and `Heaviside`, nested and composed; what
        the derivative evaluates to at such a place is the convention of the generated code.
    domain: the set of the variable and of each parameter; the reals where none is given.

    A boundary of a `Piecewise` counts even if both sides meet smoothly; one that changes nothing (a kink of |x| under a
    maximum that hides it) does not. Poles and ends of the domain are not kinks. Raises `UnsupportedExpression` where a
    switch cannot be solved for x, has infinitely many zeros, or is decided by the parameters in a way that their
    domains leave open.
    """
    renamed = assumed(expression.free_symbols | derivative.free_symbols | {x}, domain)
    back = {new: old for old, new in renamed.items()}
    setting = _Setting(expression.xreplace(renamed), derivative.xreplace(renamed), renamed[x],
                       {renamed[s]: values for s, values in domain.items() if s in renamed})  # fmt: skip
    return tuple(_renamed(kink, back) for kink in _find(setting))


def _renamed(kink: Kink, names: Mapping[Symbol, Symbol]) -> Kink:
    entries = {f.name: getattr(kink, f.name) for f in fields(kink)}
    return Kink(**{name: e if isinstance(e, bool) else e.xreplace(names) for name, e in entries.items()})


def _find(setting: _Setting) -> tuple[Kink, ...]:
    s = setting
    values = domain_of(s.x, s.domain)
    points = samples((s.expression.free_symbols | s.derivative.free_symbols) - {s.x}, s.domain, SAMPLES, seed=3)
    candidates = _candidates(s.expression, s.x, values)
    for point in points[:2]:
        _require_complete(s.expression, s.x, [evaluate(p, point, 30) for p, _ in candidates], values, point)
    distinct: dict[Any, tuple[Expr, Expr]] = {}
    for place, node in candidates:
        key = tuple(mpmath.nstr(evaluate(place, point), 30) for point in points)
        if key not in distinct or isinstance(node, Piecewise):
            distinct[key] = (distinct.get(key, (place,))[0], node)
    kinks = [k for place, node in distinct.values() if (k := _kink_at(s, place, node)) is not None]
    return tuple(_in_order(kinks, points))


def _in_order(kinks: list[Kink], points: tuple[Point, ...]) -> list[Kink]:
    """From left to right where every point agrees on the order, and by name otherwise."""
    orders = {tuple(sorted(range(len(kinks)), key=lambda i: evaluate(kinks[i].location, p))) for p in points}
    by_name = sorted(kinks, key=lambda k: str(k.location))
    return [kinks[i] for i in orders.pop()] if len(orders) == 1 else by_name


# --- the check

TOLERANCE = 1e-8
STEP = sympy.Rational(1, 10**24)
LARGE = 1e6


@dataclass(frozen=True)
class _Measured:
    """What a kink is at one point of the parameters, by evaluation of the function alone."""

    left_value: Any
    right_value: Any
    value: Any
    left_slope: Any
    right_slope: Any
    code_value: Any


def _measure(setting: _Setting, place: Expr, point: Point) -> _Measured:
    at = evaluate(place, point, PRECISION)
    h = number(STEP, PRECISION)

    def f(steps: int, expression: Expr = setting.expression) -> Any:
        where = {**point, setting.x: at + steps * h}
        if steps == 0 and _undefined(expression, setting.x, place):
            return mpmath.nan
        try:
            return evaluate(resolve(expression, where), where, PRECISION)
        except UnsupportedExpression:
            return mpmath.nan

    with mpmath.workdps(PRECISION):
        return _Measured(2 * f(-1) - f(-2), 2 * f(1) - f(2), f(0), (f(-1) - f(-2)) / h, (f(2) - f(1)) / h,
                         f(0, setting.derivative))  # fmt: skip


def _distance(claimed: Any, measured: Any) -> float:
    if mpmath.isnan(claimed) or mpmath.isnan(measured):
        return 0.0 if mpmath.isnan(claimed) and mpmath.isnan(measured) else float("inf")
    if mpmath.isinf(claimed):
        return 0.0 if abs(measured) > LARGE and mpmath.sign(measured) == mpmath.sign(claimed) else float("inf")
    return float(abs(claimed - measured) / (1 + abs(claimed)))


def _show(point: Point) -> str:
    shown = {str(s): v if isinstance(v, Expr) else mpmath.nstr(v, 6) for s, v in point.items()}
    return ", ".join(f"{name} = {value}" for name, value in sorted(shown.items()))


def _forced(kink: Kink, points: tuple[Point, ...], domain: Domain) -> tuple[Point, ...]:
    """Each point, moved to where the kink says, or its own values imply, that it closes or becomes smooth."""
    steps = (kink.right_slope - kink.left_slope, kink.value - kink.left_value, kink.right_value - kink.value)
    expected = tuple(_when_zero(step, domain, points) for step in steps if not step.has(Piecewise))
    conditions = (kink.continuous, kink.differentiable, *expected)
    atoms = {e for c in conditions if not isinstance(c, bool) for e in c.atoms(sympy.Eq)}
    solved = sorted((e for e in atoms if e.lhs.is_Symbol), key=str)
    moved: list[Point] = [{**p, e.lhs: e.rhs.subs(p)} for p in points for e in solved]
    for point in points if len(solved) > 1 else ():
        for e in solved * 2:  # twice: one condition may use what another one fixes
            point = {**point, e.lhs: e.rhs.subs(point)}
        moved.append(point)
    return tuple(m for m in moved if all(domain_of(s, domain).contains(v) == sympy.true for s, v in m.items()))


def _check_one(kink: Kink, setting: _Setting) -> tuple[CheckRow, ...]:
    parameters = (setting.expression.free_symbols | setting.derivative.free_symbols) - {setting.x}
    drawn = samples(parameters, setting.domain, 24, seed=7)
    random = _admissible(kink.location, domain_of(setting.x, setting.domain), drawn)
    points = random + _forced(kink, random, setting.domain)
    where = f"{setting.x} = {kink.location}"
    if not points:
        return (CheckRow("kink location", False, float("inf"), where),)
    measured = [_measure(setting, kink.location, p) for p in points]
    rows = []
    for name in (f.name for f in fields(_Measured)):
        claims = [evaluate(resolve(getattr(kink, name), p), p) for p in points]
        errors = [_distance(c, getattr(m, name)) for c, m in zip(claims, measured, strict=True)]
        worst = max(range(len(errors)), key=errors.__getitem__)
        detail = f"{where}; {_show(points[worst])}"
        rows.append(CheckRow(f"kink {name}", errors[worst] < TOLERANCE, errors[worst], detail))
    return (*rows, *_check_decisions(kink, points, measured, where))


def _check_decisions(
    kink: Kink, points: tuple[Point, ...], measured: list[_Measured], where: str
) -> tuple[CheckRow, ...]:
    rows = []
    for name in ("continuous", "differentiable"):
        claim = getattr(kink, name)
        held = [_truth(claim, _signs(p)) if not isinstance(claim, bool) else claim for p in points]
        seen = [_smooth(m) if name == "differentiable" else _continuous(m) for m in measured]
        wrong = [p for p, a, b in zip(points, held, seen, strict=True) if a != b]
        vacuous = not isinstance(claim, bool) and len(set(held)) == 1
        detail = f"{where}; {_show(wrong[0])}" if wrong else where
        rows.append(CheckRow(f"kink {name}", not wrong and not vacuous, float(len(wrong)), detail))
    return tuple(rows)


def _continuous(m: _Measured) -> bool:
    return _distance(m.value, m.left_value) < TOLERANCE and _distance(m.value, m.right_value) < TOLERANCE


def _smooth(m: _Measured) -> bool:
    bounded = max(abs(m.left_slope), abs(m.right_slope)) < LARGE
    return _continuous(m) and bool(bounded) and _distance(m.left_slope, m.right_slope) < TOLERANCE


def _check_missing(kinks: tuple[Kink, ...], setting: _Setting) -> CheckRow:
    """No formula changes between two points of a grid, by a jump or a kink, without a listed place between them."""
    x, values = setting.x, domain_of(setting.x, setting.domain)
    parameters = (setting.expression.free_symbols | setting.derivative.free_symbols) - {x}
    for point in samples(parameters, setting.domain, 3, seed=11):
        known = [evaluate(k.location, point) for k in kinks]
        grid = [number(p) for p in GRID if values.contains(p) == sympy.true]
        for a, b in pairwise(grid):
            if any(a <= k <= b for k in known):
                continue
            found = _change(setting, point, a, b)
            if found is not None:
                return CheckRow("no other kink", False, float("inf"), f"{x} = {mpmath.nstr(found, 8)}; {_show(point)}")
    return CheckRow("no other kink", True, 0.0, f"{len(kinks)}")


def _change(setting: _Setting, point: Point, a: Any, b: Any) -> Any:
    def formula(at: Any) -> Expr:
        return resolve(setting.expression, {**point, setting.x: at})

    first, last = formula(a), formula(b)
    if first == last:
        return None
    with mpmath.workdps(PRECISION):
        ends = []
        for _ in range(2):
            for _ in range(70):
                middle = (a + b) / 2
                a, b = (middle, b) if formula(middle) == first else (a, middle)
            ends.append(evaluate(first, {**point, setting.x: a}, PRECISION))
    if not abs(ends[1] - ends[0]) < 1:
        return None  # a pole
    last = formula(b)
    low, high = ({**point, setting.x: at} for at in (a, b))
    gap = _distance(ends[1], evaluate(last, high, PRECISION))
    slopes = (evaluate(sympy.diff(f, setting.x), p, PRECISION) for f, p in ((first, low), (last, high)))
    return b if max(gap, _distance(*slopes)) > TOLERANCE else None


def check_kinks(
    kinks: tuple[Kink, ...], expression: Expr, derivative: Expr, x: Symbol, domain: Domain = NOTHING
) -> tuple[CheckRow, ...]:
    """Check every entry of every kink by one-sided difference quotients, at random admissible parameters.

    The conditions `continuous` and `differentiable` are checked at the values that they name and at values that they
    exclude. The last row says whether a kink or jump was left out.
    """
    names = assumed(expression.free_symbols | derivative.free_symbols | {x}, domain)
    setting = _Setting(expression.xreplace(names), derivative.xreplace(names), names[x],
                       {names[s]: values for s, values in domain.items() if s in names})  # fmt: skip
    renamed = tuple(_renamed(kink, names) for kink in kinks)
    return (*(row for kink in renamed for row in _check_one(kink, setting)), _check_missing(renamed, setting))
