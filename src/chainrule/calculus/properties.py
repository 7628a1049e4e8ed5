"""Properties of a scalar function that a reader asks for: range, limits, symmetry, monotonicity, convexity, slopes.

Each is decided by one of a short list of methods, or left out: limits, the substitution x -> -x, the signs of the
factors of a derivative, and a root that is bracketed between two consecutive zeros of the next derivative, so that it
is the only one there. Nothing is read off a plot.

`FINDERS` and `CHECKS` are the two tables. To add a property, add a row to each; a test corrupts every row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise, product
from typing import Any, TypeAlias

import mpmath
import sympy
from sympy import Expr, Float, Interval, Rational, Symbol, oo

from chainrule.calculus.checks import DIGITS, CheckRow, Domain, Point, assumed, domain_of, evaluate, number, samples
from chainrule.calculus.kinks import NOTHING, Kink, find_kinks, resolve
from chainrule.errors import UnsupportedExpression

MOST_OPERATIONS = 150
MOST_TO_SOLVE = 12
MOST_DERIVATIVES = 8
MOST_TO_FACTOR = 80
THRESHOLD = Rational(1, 100)
TINY = mpmath.mpf(10) ** -30
SHOWN_DIGITS = 30

FAILURES = (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError, ZeroDivisionError,
            UnsupportedExpression, sympy.PolynomialError)  # fmt: skip


@dataclass(frozen=True)
class Property:
    """One decided property: its key, a row of `FINDERS`, and its values (SymPy objects, truth values, words).

    A place where something holds (`where`, `turning`, `inflections`) is a tuple of expressions and open intervals.
    """

    key: str
    values: Mapping[str, Any]


# --- signs


@dataclass(frozen=True)
class Chart:
    """The sign of an expression on an open interval: its roots there from left to right, and the signs between them."""

    roots: tuple[Expr, ...]
    signs: tuple[int, ...]


@dataclass(frozen=True)
class Line:
    """An open interval of the variable, and admissible points of the parameters."""

    x: Symbol
    low: Expr
    high: Expr
    points: tuple[Point, ...]
    bounded: tuple[tuple[Symbol, Expr], ...] = ()


def _exponentials(g: Expr, x: Symbol) -> tuple[Expr, Expr, Expr]:
    """An expression with e^(cx) replaced by a positive w, w itself, and c."""
    g = sympy.expand_power_exp(g.rewrite(sympy.exp) if g.has(sympy.sinh, sympy.cosh, sympy.tanh) else g)
    w = sympy.Dummy("w", positive=True)
    rates = {(e.args[0] / x) for e in g.atoms(sympy.exp) if e.has(x)}
    rates = {r for r in rates if r.is_Rational}
    if not rates:
        return g, w, sympy.S.Zero
    c = Rational(sympy.igcd(*(r.p for r in rates)) if len(rates) > 1 else abs(next(iter(rates)).p),
                 sympy.ilcm(1, 1, *(r.q for r in rates)))  # fmt: skip
    return g.xreplace({sympy.exp(r * x): w ** (r / c) for r in rates}), w, c


Factors: TypeAlias = tuple[tuple[tuple[Expr, Expr], ...], Expr, Expr]
"""Bases with exponents, the w that stands for e^(cx) in them, and c."""


def _factors(g: Expr, x: Symbol) -> Factors | None:
    if g.count_ops() > MOST_OPERATIONS:
        return None
    rational, w, c = _exponentials(g, x)
    try:
        whole = sympy.together(rational)
        if whole.count_ops() > MOST_TO_FACTOR:
            return None
        found = sympy.factor(whole)
    except FAILURES:
        return None
    powers = (f.args if f.is_Pow and f.exp.is_number else (f, sympy.S.One) for f in sympy.Mul.make_args(found))
    return tuple(powers), w, c


def identically_zero(e: Expr, x: Symbol, at: Expr = sympy.S.Zero) -> bool:
    """Whether an expression is 0 for all x: its normal form is, or its slope and its value at a place."""
    for candidate, constant in ((e, True), (sympy.diff(e, x), False)):
        split = _factors(candidate, x)
        if split is not None and any(base == 0 for base, _ in split[0]):
            return constant or e.subs(x, at) == 0 or (e.free_symbols == {x} and bool(abs(evaluate(e, {x: at})) < TINY))
    return False


def _factored(e: Expr) -> Expr:
    whole = sympy.together(e) if e.count_ops() <= MOST_TO_FACTOR else e
    return sympy.factor(whole) if whole.count_ops() <= MOST_TO_FACTOR else e


def proved_sign(e: Expr, bounded: tuple[tuple[Symbol, Expr], ...] = ()) -> int | None:
    """The sign of an expression for all values that its symbols admit; None where their assumptions leave it open."""
    if not e.free_symbols:
        value = evaluate(e, {})
        return None if mpmath.isnan(value) else int(mpmath.sign(value)) if abs(value) > TINY else 0
    e = e.subs(bounded)
    for form in (e, _factored(e)):
        rows = ((form.is_extended_positive, 1), (form.is_extended_negative, -1), (form.is_zero, 0))
        for holds, found in rows:
            if holds:
                return found
    return None


def _assumed_sign(h: Expr, line: Line) -> int | None:
    """The proved sign, once the variable is written by a positive t as low + t, high - t, or a mean of both ends."""
    t, low, high = sympy.Dummy("t", positive=True), line.low, line.high
    if low.is_finite and high.is_finite:
        place = (low + high * t) / (1 + t)
    else:
        place = low + t if low.is_finite else high - t if high.is_finite else line.x
    h = h.subs(line.x, place).subs(line.bounded)
    return proved_sign(h)


def _side(place: Expr, line: Line) -> int | None:
    """-1 left of the interval, 0 inside, 1 right of it, where every point of the parameters agrees."""
    if not all(mpmath.isfinite(evaluate(place, point)) for point in line.points):
        return None
    after, before = proved_sign(place - line.low, line.bounded), proved_sign(line.high - place, line.bounded)
    rows = ((-1, after in (-1, 0)), (1, before in (-1, 0)), (0, after == before == 1))
    return next((side for side, holds in rows if holds), None)


def _linear(h: Expr, v: Symbol, line: Line, back: Callable[[Expr], Expr]) -> Chart | None:
    """The chart of a v + b, whose a has a known sign."""
    a, b = h.coeff(v, 1), h.coeff(v, 0)
    slope = _assumed_sign(a, line)
    root = back(sympy.factor(-b / a)) if slope else None
    side = _side(root, line) if root is not None and root.is_real is not False else None
    if slope is None or side is None:
        return None
    return Chart((root,), (-slope, slope)) if side == 0 else Chart((), (-side * slope,))


def _polynomial(h: Expr, v: Symbol, line: Line, back: Callable[[Expr], Expr], least: Expr) -> Chart | None:
    if h.free_symbols != {v}:
        return _linear(sympy.expand(h), v, line, back) if sympy.degree(h, v) == 1 else None
    roots = [r for r in sympy.real_roots(sympy.Poly(sympy.nsimplify(h, rational=True), v)) if r > least]
    inside = sorted({back(r) for r in roots if _side(back(r), line) == 0}, key=lambda r: evaluate(r, {}))
    return _signs_between(h.subs(v, _forward(v, line.x, back)), tuple(inside), line)


def _forward(v: Symbol, x: Symbol, back: Callable[[Expr], Expr]) -> Expr:
    return x if back(v) == v else sympy.exp(x * (sympy.log(v) / back(v)))


def _between(low: Any, high: Any) -> Any:
    if mpmath.isfinite(low) and mpmath.isfinite(high):
        return (low + high) / 2
    return low + 1 if mpmath.isfinite(low) else high - 1 if mpmath.isfinite(high) else mpmath.mpf(0)


def _signs_between(h: Expr, roots: tuple[Expr, ...], line: Line) -> Chart:
    knots = [evaluate(e, {}) for e in (line.low, *roots, line.high)]
    heights = (evaluate(h, {line.x: _between(a, b)}) for a, b in pairwise(knots))
    return Chart(roots, tuple(int(mpmath.sign(v)) for v in heights))


def edge(formula: Expr, x: Symbol, at: Expr, direction: str) -> Expr | None:
    """The one-sided limit of a formula without switches; None where there is none or none is found."""
    if at.is_finite:
        value = formula.subs(x, at)
        if not value.has(oo, -oo, sympy.zoo, sympy.nan):
            return value
    if formula.count_ops() > MOST_OPERATIONS:
        return None
    for form in (lambda f: f, sympy.together, sympy.cancel):
        try:
            value = sympy.limit(form(formula), x, at, direction)
        except FAILURES:
            continue
        if isinstance(value, (sympy.Limit, sympy.AccumBounds)) or value.is_extended_real is False:
            continue
        if not value.has(x, sympy.nan, sympy.zoo, sympy.sign) and _approached(formula, x, at, direction, value):
            return value
    return None


def _approached(formula: Expr, x: Symbol, at: Expr, direction: str, value: Expr) -> bool:
    """Whether a formula comes nearer to a claimed limit: SymPy 1.14 gives 0 for that of (x(1 - s) + 1)s, s = 1/(1 + e^{-x}), at oo."""
    for point in samples((formula.free_symbols | value.free_symbols) - {x}, {}, 2, seed=5):
        side = 1 if direction == "+" else -1
        steps = [mpmath.mpf(10) ** k for k in (1, 2, 4)]
        places = (
            [s if at is oo else -s for s in steps]
            if not at.is_finite
            else [evaluate(at, point) + side / s for s in steps]
        )
        heights = [evaluate(formula, {**point, x: place}) for place in places]
        if not all(mpmath.isfinite(h) for h in heights):
            return False
        if not value.is_finite:
            towards = 1 if evaluate(value, point) > 0 else -1
            if not towards * heights[0] < towards * heights[1] < towards * heights[2]:
                return False
            continue
        gaps = [abs(h - evaluate(value, point)) for h in heights]
        if not (gaps[2] < mpmath.mpf(10) ** -12 or 4 * gaps[2] <= 3 * gaps[1]):
            return False
    return True


def _bisect(h: Expr, x: Symbol, low: Any, high: Any, first: int) -> Expr | None:
    """The root of h between two places, from the sign `first` to the other one; infinite ends are moved in first."""
    with mpmath.workdps(DIGITS):
        start = _between(low, high)
        a = low if mpmath.isfinite(low) else start - 1
        b = high if mpmath.isfinite(high) else start + 1
        for _ in range(60):
            a = a if mpmath.isfinite(low) or evaluate(h, {x: a}) * first > 0 else 3 * a - 2 * start
            b = b if mpmath.isfinite(high) or evaluate(h, {x: b}) * first < 0 else 3 * b - 2 * start
        if b - a > mpmath.mpf(10) ** 20:
            return None
        for _ in range(240):
            middle = (a + b) / 2
            a, b = (middle, b) if evaluate(h, {x: middle}) * first > 0 else (a, middle)
        return Float(a, 45)


def _transcendental(h: Expr, line: Line, depth: int) -> Chart | None:
    """The chart of a formula of x alone: between two zeros of its derivative it has one zero at most."""
    if depth == 0:
        return None
    slopes = signs(sympy.diff(h, line.x), line, depth - 1)
    ends = tuple(edge(h, line.x, at, d) for at, d in ((line.low, "+"), (line.high, "-")))
    if slopes is None or None in ends:
        return None
    knots = [evaluate(e, {}) for e in (line.low, *slopes.roots, line.high)]
    heights = [evaluate(ends[0], {}), *(evaluate(h, {line.x: at}) for at in knots[1:-1]), evaluate(ends[1], {})]
    if any(abs(v) < TINY for v in heights[1:-1]):
        return None  # a double zero, to numerical precision: not decided
    roots: list[Expr] = []
    found: list[int] = []
    for (a, b), (low, high), direction in zip(pairwise(knots), pairwise(heights), slopes.signs, strict=True):
        first = int(mpmath.sign(low)) if abs(low) > TINY else direction
        last = int(mpmath.sign(high)) if abs(high) > TINY else -direction
        found += [first] if not found else []
        if first != last:
            root = _bisect(h, line.x, a, b, first)
            if root is None:
                return None
            roots.append(_exact(h, line.x, root))
            found.append(last)
    return Chart(tuple(roots), tuple(found))


def _exact(h: Expr, x: Symbol, root: Expr) -> Expr:
    """A closed form of a numerical root, where `solve` has one for so short an equation."""
    try:
        solutions = sympy.solve(h, x) if h.count_ops() <= MOST_TO_SOLVE else []
    except FAILURES:
        solutions = []
    return next((s for s in solutions if abs(evaluate(s, {}) - number(root)) < TINY), root)


def signs(g: Expr, line: Line, depth: int = MOST_DERIVATIVES) -> Chart | None:
    """The chart of an expression without switches on an interval; None where no method decides."""
    split = _factors(g, line.x)
    if split is None:
        return None
    charts = []
    for base, exponent in split[0]:
        chart = _factor_signs(base, split, line, depth)
        if chart is None or (exponent < 0 and chart.roots):
            return None  # undecided, or a pole
        if exponent.is_Integer:
            charts.append(Chart(chart.roots, tuple(s ** abs(int(exponent)) for s in chart.signs)))
        elif chart.signs != (1,):
            return None
    return _product(charts, line)


def _factor_signs(base: Expr, split: Factors, line: Line, depth: int) -> Chart | None:
    x, (factors, w, c) = line.x, split
    h = base.subs(w, sympy.exp(c * x))
    known = _assumed_sign(h, line)
    if known is not None:
        return Chart((), (known,))
    try:
        if not base.has(w) and base.is_polynomial(x) and base.has(x):
            return _polynomial(base, x, line, lambda r: r, -oo)
        if base.has(w) and not base.has(x) and base.is_polynomial(w):
            return _polynomial(base, w, line, lambda r: sympy.log(r) / c, sympy.S.Zero)
    except FAILURES:
        return None
    if not base.has(x, w) or h.free_symbols != {x}:
        return None
    weight = sympy.Mul(*(b**e for b, e in factors if b != base and b.has(sympy.exp) and _assumed_sign(b, line) == 1))
    return _transcendental(min((h, sympy.expand(h * weight)), key=lambda g: _cost(sympy.diff(g, x), x)), line, depth)


def _cost(g: Expr, x: Symbol) -> int:
    """How much of an expression is left when its factors are looked at one by one."""
    split = _factors(g, x)
    return sum(b.count_ops() for b, _ in split[0] if b.has(x, split[1])) if split is not None else 10**6


def _product(charts: list[Chart], line: Line) -> Chart | None:
    roots = list(dict.fromkeys(r for chart in charts for r in chart.roots))
    orders = {tuple(sorted(range(len(roots)), key=lambda i: evaluate(roots[i], p))) for p in line.points}
    if len(orders) != 1:
        return None
    roots = [roots[i] for i in orders.pop()]
    if any(proved_sign(b - a, line.bounded) != 1 for a, b in pairwise(roots)):
        return None
    found = [1] * (len(roots) + 1)
    for chart in charts:
        for i in range(len(found)):
            found[i] *= chart.signs[sum(r in chart.roots for r in roots[:i])]
    return Chart(tuple(roots), tuple(found))


# --- what is known of a function


@dataclass(frozen=True)
class Piece:
    """An open interval on which the function has one formula."""

    line: Line
    function: Expr
    slope: Expr
    curvature: Expr

    @cached_property
    def rise(self) -> Chart | None:
        return signs(self.slope, self.line)

    @cached_property
    def bend(self) -> Chart | None:
        return signs(self.curvature, self.line)

    @cached_property
    def ends(self) -> tuple[Expr | None, Expr | None]:
        return self.limits(self.function)

    @cached_property
    def slopes(self) -> tuple[Expr | None, Expr | None]:
        return self.limits(self.slope)

    def limits(self, formula: Expr) -> tuple[Expr | None, Expr | None]:
        return (edge(formula, self.line.x, self.line.low, "+"), edge(formula, self.line.x, self.line.high, "-"))


@dataclass(frozen=True)
class Facts:
    """What the finders work on: the function in pieces, with the kinks between them."""

    expression: Expr
    derivative: Expr
    x: Symbol
    domain: Domain
    points: tuple[Point, ...]
    kinks: tuple[Kink, ...]
    pieces: tuple[Piece, ...]

    @property
    def continuous(self) -> bool:
        return all(kink.continuous is True for kink in self.kinks)

    def rank(self, values: list[Expr]) -> set[int] | None:
        """The places of the largest among some values, where every point of the parameters agrees."""
        found = set()
        for point in self.points:
            heights = [evaluate(v, point) for v in values]
            top = max(heights)
            found.add(frozenset(i for i, h in enumerate(heights) if h == top or abs(h - top) < TINY))
        if len(found) != 1:
            return None
        best = set(found.pop())
        top = values[min(best)]
        return best if all(i in best or proved_sign(top - v) == 1 for i, v in enumerate(values)) else None


def _facts(expression: Expr, derivative: Expr, x: Symbol, domain: Domain, second: Expr | None) -> Facts | None:
    parameters = (expression.free_symbols | derivative.free_symbols) - {x}
    points = samples(parameters, domain, 12, seed=5)
    kinks = find_kinks(expression, derivative, x, domain)
    values = domain_of(x, domain)
    bounded = []
    for p in sorted(parameters, key=str):
        low, high = domain_of(p, domain).inf, domain_of(p, domain).sup
        if low.is_finite and high.is_finite:
            t = sympy.Dummy("t", positive=True)
            bounded.append((p, (low + high * t) / (1 + t)))
    pieces = []
    for low, high in pairwise((values.inf, *(k.location for k in kinks), values.sup)):
        formulas: list[set[Expr]] = [set(), set()]
        for point in points:
            middle = _between(evaluate(low, point), evaluate(high, point))
            for found, e in zip(formulas, (expression, derivative), strict=True):
                found.add(resolve(e, {**point, x: middle}))
        if any(len(found) > 1 for found in formulas):
            return None
        function, slope = (found.pop() for found in formulas)
        curvature = sympy.diff(slope, x) if second is None or second.has(sympy.Piecewise) else second
        pieces.append(Piece(Line(x, low, high, points, tuple(bounded)), function, slope, curvature))
    return Facts(expression, derivative, x, domain, points, kinks, tuple(pieces))


def _shown(e: Expr) -> Expr:
    """An exact value as it is, a numerical one to thirty digits."""
    return e.n(SHOWN_DIGITS) if e.has(Float) and not e.free_symbols else e


# --- finders


@dataclass(frozen=True)
class _Height:
    """A value that a function reaches (at `where`) or comes near to (`where` is empty)."""

    value: Expr
    where: tuple[Any, ...]


def _value_at(formula: Expr, vanishing: Expr, x: Symbol, root: Expr) -> Expr:
    """The value at a root, shorter where the equation of the root lets e^x be eliminated."""
    value = formula.subs(x, root)
    split = None if root.has(Float) or not root.has(sympy.LambertW) else _factors(vanishing, x)
    if split is None:
        return value
    factors, w, c = split
    for base, _ in factors:
        if base.has(w) and base.is_polynomial(w) and sympy.degree(base, w) == 1:
            poly = sympy.Poly(base, w)
            rational = formula.subs(sympy.exp(-c * x), 1 / w).subs(sympy.exp(c * x), w)
            short = sympy.factor(sympy.together(rational.subs(w, -poly.nth(0) / poly.nth(1)))).subs(x, root)
            if not short.free_symbols and abs(evaluate(short - value, {})) < TINY:
                value = min(value, short, key=lambda e: e.count_ops())
    return value


def _heights(facts: Facts, slope: bool) -> list[_Height] | None:
    """Every value that may be the least or the largest, of the function or of its derivative."""
    found = []
    for piece in facts.pieces:
        chart, ends = (piece.bend, piece.slopes) if slope else (piece.rise, piece.ends)
        if chart is None or None in ends:
            return None
        line = piece.line
        formula, source = (piece.slope, piece.curvature) if slope else (piece.function, piece.slope)
        knots = (line.low, *chart.roots, line.high)
        flat = tuple(Interval.open(a, b) for (a, b), s in zip(pairwise(knots), chart.signs, strict=True) if s == 0)
        found += [_Height(end, flat if not chart.roots else ()) for end in ends]
        found += [_Height(_value_at(formula, source, line.x, root), (root,)) for root in chart.roots]
    smooth = [k for k in facts.kinks if k.differentiable is True or not slope]
    found += [_Height(k.left_slope if slope else k.value, (k.location,)) for k in smooth]
    values = domain_of(facts.x, facts.domain)
    for piece, i, at in ((facts.pieces[0], 0, values.inf), (facts.pieces[-1], 1, values.sup)):
        if at.is_finite and values.contains(at) == sympy.true:
            end = (piece.slopes if slope else piece.ends)[i]
            found.append(_Height(end if end is not None else sympy.nan, (at,)))
    return found


def _top(facts: Facts, heights: list[_Height], change: Callable[[Expr], Expr]) -> _Height | None:
    ranked = facts.rank([change(h.value) for h in heights])
    if ranked is None:
        return None
    best = [heights[i] for i in sorted(ranked)]
    value = min((change(h.value) for h in best), key=lambda v: (v.has(Float), v.count_ops(), sympy.default_sort_key(v)))
    flat = [w for h in best for w in h.where if isinstance(w, sympy.Set)]
    places = [w for h in best for w in h.where if not isinstance(w, sympy.Set)]
    places = [p for p in places if not any(p in (i.start, i.end) for i in flat)]
    where = tuple(sorted(dict.fromkeys([*flat, *map(_shown, places)]), key=lambda w: str(w)))
    return _Height(_shown(value), where)


def _bounds(facts: Facts) -> tuple[_Height, _Height] | None:
    heights = _heights(facts, slope=False) if facts.continuous else None
    low = _top(facts, heights, lambda v: -v) if heights else None
    high = _top(facts, heights, lambda v: v) if heights else None
    return (_Height(-low.value, low.where), high) if low and high else None


def _range(facts: Facts) -> Mapping[str, Any] | None:
    bounds = _bounds(facts)
    if bounds is None:
        return None
    low, high = bounds
    return {"set": Interval(low.value, high.value, not low.where, not high.where)}


def _extreme_value(index: int) -> Callable[[Facts], Mapping[str, Any] | None]:
    def find(facts: Facts) -> Mapping[str, Any] | None:
        bounds = _bounds(facts)
        found = bounds[index] if bounds else None
        if bounds is None:
            return _turning_value(facts, (-1, 1)[index])
        return {"value": found.value, "where": found.where} if found and found.where else None

    return find


def _turning_value(facts: Facts, direction: int) -> Mapping[str, Any] | None:
    """The extreme value of a function that falls and then rises (or the other way round), whatever its limits are."""
    runs = _runs(facts, slope=False) if facts.continuous else None
    if runs is None or 0 in runs[1]:
        return None
    knots, found = runs
    turns = [i for i, (a, b) in enumerate(pairwise(found)) if a != b]
    if len(turns) != 1 or found[0] != direction:
        return None
    value = facts.expression.subs(facts.x, knots[turns[0]])
    return {"value": _shown(value), "where": (_shown(knots[turns[0]]),)}


def _limit(index: int) -> Callable[[Facts], Mapping[str, Any] | None]:
    def find(facts: Facts) -> Mapping[str, Any] | None:
        piece = facts.pieces[-index]
        value, at = piece.ends[index], (piece.line.low, piece.line.high)[index]
        return {"value": value, "at": at} if value is not None else None

    return find


def _value_at_zero(facts: Facts) -> Mapping[str, Any] | None:
    if domain_of(facts.x, facts.domain).contains(sympy.S.Zero) != sympy.true:
        return None
    value = facts.expression.subs(facts.x, 0)
    simple = value.is_finite is not False and not value.has(sympy.nan, sympy.zoo, oo, -oo)
    return {"value": value} if simple else None


def _mirrored(facts: Facts, e: Expr) -> list[tuple[Expr, Expr]] | None:
    """The pairs of formulas of e(x) and e(-x) for positive x, interval by interval; None where parameters decide."""
    values = domain_of(facts.x, facts.domain)
    if values.inf != -values.sup:
        return None
    pairs: list[set[tuple[Expr, Expr]]] = []
    for point in facts.points:
        joints = sorted({abs(evaluate(k.location, point)) for k in facts.kinks} | {mpmath.mpf(0)})
        middles = [_between(a, b) for a, b in pairwise([*joints, mpmath.inf]) if b - a > TINY]
        pairs = pairs or [set() for _ in middles]
        if len(pairs) != len(middles):
            return None
        for found, m in zip(pairs, middles, strict=True):
            left, right = (resolve(e, {**point, facts.x: at}) for at in (-m, m))
            found.add((right, left.subs(facts.x, -facts.x)))
    return [found.pop() for found in pairs] if all(len(found) == 1 for found in pairs) else None


def _holds(facts: Facts, e: Expr, relation: Callable[[Expr, Expr], Expr]) -> bool | None:
    """Whether relation(e(x), e(-x)) is 0 for all x: proved, refuted for all values of the parameters, or None."""
    values = domain_of(facts.x, facts.domain)
    if values.inf != -values.sup:
        return None
    for n, point in enumerate(facts.points * 3):
        at = Rational(1 + 7 * n, 13)
        right, left = (evaluate(e, {**point, facts.x: v}) for v in (at, -at))
        gap = evaluate(relation(sympy.Float(right, 50), sympy.Float(left, 50)).subs(facts.x, at), point)
        if mpmath.isfinite(gap) and abs(gap) > TINY * (1 + abs(right)):
            return False if not point or _refuted(facts, e, relation) else None
    pairs = _mirrored(facts, e)
    return True if pairs and all(identically_zero(relation(r, left), facts.x) for r, left in pairs) else None


def _refuted(facts: Facts, e: Expr, relation: Callable[[Expr, Expr], Expr]) -> bool:
    """Whether relation(e(x), e(-x)) fails for all values of the parameters: at one place, or at its ends."""
    slope = e == facts.derivative
    ends = [(p.slopes if slope else p.ends)[i] for p, i in ((facts.pieces[-1], 1), (facts.pieces[0], 0))]
    gaps = [relation(*ends)] if None not in ends else []
    for at in map(sympy.Integer, range(3)):
        sides = [{resolve(e, {**point, facts.x: v}) for point in facts.points} for v in (at, -at)]
        if all(len(side) == 1 for side in sides):
            right, left = (side.pop().subs(facts.x, v) for side, v in zip(sides, (at, -at), strict=True))
            gaps.append(relation(right, left).subs(facts.x, at))
    return any(proved_sign(gap) in (-1, 1) for gap in gaps if not gap.has(facts.x, sympy.nan))


def _parity_of(facts: Facts, e: Expr) -> str | None:
    even, odd = _holds(facts, e, lambda r, left: r - left), _holds(facts, e, lambda r, left: r + left)
    rows = (("even", even is True), ("odd", odd is True), ("neither", even is False and odd is False))
    return next((name for name, holds in rows if holds), None)


def _parity(facts: Facts) -> Mapping[str, Any] | None:
    found = {"function": _parity_of(facts, facts.expression), "slope": _parity_of(facts, facts.derivative)}
    return {name: word for name, word in found.items() if word is not None} or None


def _symmetry(facts: Facts) -> Mapping[str, Any] | None:
    """f(-x) = c - f(x), or f(x) - f(-x) = k x, where the function is neither odd nor even."""
    if _parity_of(facts, facts.expression) in ("odd", "even"):
        return None
    x, (value, slope) = facts.x, (edge(e, facts.x, sympy.S.Zero, "+") for e in (facts.expression, facts.derivative))
    if value is not None and _holds(facts, facts.expression, lambda r, left: r + left - 2 * value):
        return {"kind": "point", "constant": 2 * value, "centre": sympy.S.Zero}
    if slope is not None and _holds(facts, facts.expression, lambda r, left: r - left - 2 * slope * x):
        return {"kind": "linear", "coefficient": 2 * slope}
    return None


def _runs(facts: Facts, slope: bool) -> tuple[list[Expr], list[int]] | None:
    """The signs of the derivative (of the second one) along the whole domain, and the places between them."""
    knots: list[Expr] = []
    found: list[int] = []
    for i, piece in enumerate(facts.pieces):
        chart = piece.bend if slope else piece.rise
        if chart is None:
            return None
        knots += [facts.kinks[i - 1].location] if i else []
        knots += chart.roots
        found += chart.signs
    return knots, found


WAYS: tuple[tuple[frozenset[int], str, str], ...] = (
    (frozenset({1}), "strictly increasing", "strictly convex"),
    (frozenset({-1}), "strictly decreasing", "strictly concave"),
    (frozenset({0}), "constant", "affine"),
    (frozenset({0, 1}), "nondecreasing", "convex"),
    (frozenset({0, -1}), "nonincreasing", "concave"),
)


def _jumps(facts: Facts, slope: bool) -> set[int] | None:
    """The signs of the jumps at the kinks, of the function or of its derivative, where they are not 0."""
    found: set[int] = set()
    for k in facts.kinks:
        steps = (k.right_slope - k.left_slope,) if slope else (k.value - k.left_value, k.right_value - k.value)
        for step in steps:
            here = proved_sign(step)
            if here is None:
                return None
            found.add(here)
    return found - {0}


def _turns(knots: list[Expr], found: list[int]) -> tuple[Expr, ...]:
    return tuple(_shown(at) for at, (a, b) in zip(knots, pairwise(found), strict=True) if a * b == -1)


def _monotonicity(facts: Facts) -> Mapping[str, Any] | None:
    runs, jumps = _runs(facts, slope=False), _jumps(facts, slope=False)
    if runs is None or jumps is None:
        return None
    word = next((word for seen, word, _ in WAYS if set(runs[1]) | jumps == seen), None)
    if word is not None:
        return {"kind": word}
    if not {1, -1} <= set(runs[1]) | jumps:
        return None
    turning = _turns(*runs)
    return {"kind": "not monotone", **({"turning": turning} if turning else {})}


def _convexity(facts: Facts) -> Mapping[str, Any] | None:
    runs, jumps = _runs(facts, slope=True), _jumps(facts, slope=True)
    if runs is None or jumps is None or not facts.continuous:
        return None
    inside = set(runs[1])
    word = next((word for seen, _, word in WAYS if inside == seen and jumps <= seen), None)
    word = word or next((word for seen, _, word in WAYS if inside | jumps | {0} == seen), None)
    if word is not None:
        return {"kind": word}
    turns = _turns(*runs)
    mixed = {1, -1} <= inside | jumps
    return {"kind": "neither", **({"inflections": turns} if turns else {})} if mixed else None


def _max_slope(facts: Facts) -> Mapping[str, Any] | None:
    heights = _heights(facts, slope=True)
    top = _top(facts, heights, sympy.Abs) if heights else None
    return {"value": top.value, "attained": bool(top.where), "where": top.where} if top else None


def _unbounded(facts: Facts) -> bool:
    values = domain_of(facts.x, facts.domain)
    return bool(values.inf == -oo and values.sup == oo)


def _saturation(facts: Facts) -> Mapping[str, Any] | None:
    """On which side the derivative tends to 0."""
    ends = (facts.pieces[0].slopes[0], facts.pieces[-1].slopes[1])
    if not _unbounded(facts) or any(e is None or (e.is_zero is None and not e.is_infinite) for e in ends):
        return None
    return {name: bool(e.is_zero) for name, e in zip(("left", "right"), ends, strict=True) if e is not None}


def _vanishing_side(facts: Facts, side: int) -> Expr | str | None:
    """The place beyond which |f'| stays below the threshold: inwards over the intervals on which f' is monotone."""
    x = facts.x
    for piece in facts.pieces[::side]:
        chart, ends = piece.bend, piece.slopes
        if chart is None or None in ends:
            return None
        knots = [piece.line.low, *chart.roots, piece.line.high]
        heights = [ends[0], *(piece.slope.subs(x, r) for r in chart.roots), ends[1]]
        ladder = list(zip(knots, heights, strict=True))[::side]
        for (outer, first), (inner, last) in pairwise(ladder):
            found = _crossing(piece.slope, x, (outer, first), (inner, last))
            if found is not None:
                return found
    return "everywhere"


def _crossing(slope: Expr, x: Symbol, outer: tuple[Expr, Expr], inner: tuple[Expr, Expr]) -> Expr | str | None:
    first, last = (abs(evaluate(height, {})) for _, height in (outer, inner))
    limit = number(THRESHOLD)
    if first >= limit - TINY:
        return _shown(outer[0]) if outer[0].is_finite else "never"
    if last <= limit:
        return None
    ends = evaluate(outer[0], {}), evaluate(inner[0], {})
    height = sympy.sign(inner[1]) * slope - THRESHOLD
    found = _bisect(height, x, min(ends), max(ends), -1 if ends[0] < ends[1] else 1)
    return _shown(found) if found is not None else None


def _vanishing(facts: Facts) -> Mapping[str, Any] | None:
    if not _unbounded(facts) or (facts.expression.free_symbols | facts.derivative.free_symbols) - {facts.x}:
        return None
    sides = {"left": _vanishing_side(facts, 1), "right": _vanishing_side(facts, -1)}
    found = {name: value for name, value in sides.items() if value is not None}
    return {**found, "threshold": THRESHOLD} if found else None


def _zero_centred(facts: Facts) -> Mapping[str, Any] | None:
    """Zero-centred: odd and not 0 everywhere, so that inputs spread evenly about 0 give outputs of mean 0."""
    odd = _holds(facts, facts.expression, lambda r, left: r + left)
    return None if odd is None else {"holds": odd and facts.expression != 0}


FINDERS: Mapping[str, Callable[[Facts], Mapping[str, Any] | None]] = {
    "range": _range,
    "min_value": _extreme_value(0),
    "max_value": _extreme_value(1),
    "limit_minus": _limit(0),
    "limit_plus": _limit(1),
    "value_at_zero": _value_at_zero,
    "parity": _parity,
    "symmetry": _symmetry,
    "monotonicity": _monotonicity,
    "convexity": _convexity,
    "max_slope": _max_slope,
    "saturation": _saturation,
    "vanishing": _vanishing,
    "zero_centred": _zero_centred,
}


# --- the search


def _find(
    expression: Expr, derivative: Expr, x: Symbol, domain: Domain, second: Expr | None
) -> dict[str, dict[str, Any]]:
    facts = _facts(expression, derivative, x, domain, second)
    found = {key: _decided(find, facts) for key, find in FINDERS.items()} if facts is not None else {}
    return {key: dict(values) for key, values in found.items() if values is not None}


def _decided(find: Callable[[Facts], Mapping[str, Any] | None], facts: Facts) -> Mapping[str, Any] | None:
    try:
        return find(facts)
    except UnsupportedExpression:
        return None  # a value that is not real, say: left out


def _moved(value: Any, shift: Expr) -> Any:
    """A place, or a tuple of places and intervals, moved along the line."""
    if isinstance(value, tuple):
        return tuple(_moved(v, shift) for v in value)
    if isinstance(value, Interval):
        return Interval(value.start + shift, value.end + shift, value.left_open, value.right_open)
    return value + shift


PLACES = ("where", "turning", "inflections", "centre")
AT_ZERO = ("value_at_zero", "parity", "symmetry", "zero_centred")


def _shift(expression: Expr, derivative: Expr, second: Expr | None, x: Symbol, domain: Domain) -> Symbol | None:
    """A real parameter q on which everything depends through x - q alone."""
    free = expression.free_symbols - {x}
    real = [q for q in sorted(free, key=str) if domain_of(q, domain) == domain_of(x, domain) == sympy.S.Reals]
    given = [e for e in (expression, derivative, second) if e is not None]
    return next((q for q in real if not any(e.subs(x, x + q).has(q) for e in given)), None)


def _find_shifted(
    q: Symbol, expression: Expr, derivative: Expr, x: Symbol, domain: Domain, second: Expr | None
) -> dict[str, dict[str, Any]]:
    """The properties of f(x - q) from those of f."""
    moved = [e.subs(x, x + q) if e is not None else None for e in (expression, derivative, second)]
    plain = _find(moved[0], moved[1], x, domain, moved[2])
    words = {"odd": {"kind": "point", "constant": sympy.S.Zero}, "even": {"kind": "axis"}}
    mirror = words.get(plain.get("parity", {}).get("function", ""))
    point = plain.get("symmetry", {})
    found = {
        k: {n: _moved(v, q) if n in PLACES else v for n, v in p.items()} for k, p in plain.items() if k not in AT_ZERO
    }
    value = expression.subs(x, 0)
    found |= {"value_at_zero": {"value": value}} if not value.has(sympy.nan, sympy.zoo, oo) else {}
    found |= {"symmetry": {**mirror, "centre": q}} if mirror else {}
    found |= {"symmetry": {**point, "centre": q}} if point.get("kind") == "point" else {}
    return found


OPTIONAL = {"where", "turning", "inflections", "function", "slope", "left", "right"}
"""Entries without which a property still says something."""


def _corners(parameters: set[Symbol], domain: Domain) -> tuple[dict[Symbol, Expr], ...]:
    """The exceptional values of the parameters: the elements of finite sets, the ends that closed intervals include."""
    choices: list[list[tuple[Symbol, Expr | None]]] = []
    for p in sorted(parameters, key=str):
        values = domain_of(p, domain)
        if isinstance(values, sympy.FiniteSet):
            choices.append([(p, v) for v in sorted(values, key=sympy.default_sort_key)])
        else:
            ends = [e for e in (values.inf, values.sup) if e.is_finite and values.contains(e) == sympy.true]
            choices.append([(p, None), *((p, e) for e in ends)])
    return tuple({p: v for p, v in choice if v is not None} for choice in product(*choices))


def _common(general: dict[str, Any], special: dict[str, Any], values: Mapping[Symbol, Expr]) -> dict[str, Any]:
    """The entries that hold in a special case too; nothing if one that the property cannot do without does not."""

    def fixed(v: Any) -> Any:
        return tuple(map(fixed, v)) if isinstance(v, tuple) else v.subs(values) if isinstance(v, sympy.Basic) else v

    kept = {name: v for name, v in general.items() if name in special and fixed(v) == special[name]}
    return kept if set(general) - set(kept) <= OPTIONAL and set(kept) - {"threshold"} else {}


def find_properties(
    expression: Expr, derivative: Expr, x: Symbol, domain: Domain = NOTHING, second: Expr | None = None
) -> tuple[Property, ...]:
    """The properties of a scalar function that its formula decides, in the order of `FINDERS`; the rest is left out.

    expression, derivative: as for `find_kinks`, whose `UnsupportedExpression` is passed on.
    domain: the set of the variable and of each parameter; the reals where none is given.
    second: the second derivative, if it is at hand.

    A property is given only where it holds for every admissible value of the parameters. Definitions: saturated on a
    side, f' tends to 0 there; vanishing, the place beyond which |f'| < 1/100; zero-centred, odd and not 0 everywhere;
    the largest slope is the supremum of |f'| over the places where f is differentiable, and `attained` says whether it
    is a maximum.
    """
    given = [e for e in (expression, derivative, second) if e is not None]
    names = assumed(set().union(*(e.free_symbols for e in given), {x}), domain)
    back = {new: old for old, new in names.items()}
    f, slope, bend = (e.xreplace(names) if e is not None else None for e in (expression, derivative, second))
    sets = {names[s]: values for s, values in domain.items() if s in names}
    with mpmath.workdps(DIGITS):
        found = _find_everywhere(f, slope, names[x], sets, bend)
    return tuple(Property(key, _renamed(found[key], back)) for key in FINDERS if key in found)


def _renamed(values: dict[str, Any], names: Mapping[Symbol, Symbol]) -> dict[str, Any]:
    def renamed(v: Any) -> Any:
        return (
            tuple(map(renamed, v)) if isinstance(v, tuple) else v.xreplace(names) if isinstance(v, sympy.Basic) else v
        )

    return {name: renamed(v) for name, v in values.items()}


def _find_everywhere(f: Expr, slope: Expr, x: Symbol, domain: Domain, second: Expr | None) -> dict[str, dict[str, Any]]:
    q = _shift(f, slope, second, x, domain)
    if q is not None:
        return _find_shifted(q, f, slope, x, domain, second)
    corners = _corners((f.free_symbols | slope.free_symbols) - {x}, domain)
    if len(corners) > MOST_CORNERS:
        return {}
    first, *others = corners
    found = _find_at(first, f, slope, x, domain, second)
    for corner in others:
        special = _find_at(corner, f, slope, x, domain, second)
        found = {key: _common(v, special[key], corner) for key, v in found.items() if v and key in special}
    return {key: values for key, values in found.items() if values}


MOST_CORNERS = 9


def _find_at(
    values: Mapping[Symbol, Expr], f: Expr, slope: Expr, x: Symbol, domain: Domain, second: Expr | None
) -> dict[str, dict[str, Any]]:
    return _find(f.subs(values), slope.subs(values), x, domain, second.subs(values) if second is not None else None)


# --- the checks

STEP = Rational(1, 10**15)
NEAR = 1e-12
EXACT = 1e-27
NEARBY = 7
FAR = tuple(Rational(10) ** k for k in (2, 3, 4, 5, 6))


@dataclass(frozen=True)
class Probe:
    """A function at one point of its parameters, for numerical checks: values, and slopes by central differences."""

    expression: Expr
    x: Symbol
    values: sympy.Set
    point: Point

    def at(self, place: Any) -> Any:
        where = {**self.point, self.x: place}
        return evaluate(resolve(self.expression, where), where)

    def slope(self, place: Any) -> Any:
        h = number(STEP)
        with mpmath.workdps(60):
            place = number(place)
            return (self.at(place + h) - self.at(place - h)) / (2 * h)

    def side(self, place: Any, direction: int) -> Any:
        """The slope a little to the left or to the right of a place."""
        with mpmath.workdps(60):
            return self.slope(number(place) + direction * 4 * number(STEP))

    def number(self, value: Any) -> Any:
        return evaluate(value, self.point)

    @cached_property
    def ends(self) -> tuple[Any, Any]:
        return number(self.values.inf), number(self.values.sup)

    @cached_property
    def grid(self) -> tuple[Any, ...]:
        """Places all over the domain: evenly near 0 and at each end, coarser far away."""
        low, high = self.ends
        with mpmath.workdps(60):
            if mpmath.isfinite(low) and mpmath.isfinite(high):
                return tuple(low + (high - low) * mpmath.mpf(2 * n + 1) / 122 for n in range(61))
            start = mpmath.mpf(1) / 1013
            far = [start + s * mpmath.mpf(10) ** k for k in (1.5, 2, 3, 4, 6) for s in (-1, 1)]
            near = [start + mpmath.mpf(n) / 7 for n in range(-57, 58)]
            return tuple(p for p in sorted(near + far) if low < p < high)

    @cached_property
    def heights(self) -> tuple[Any, ...]:
        return tuple(self.at(p) for p in self.grid)

    @cached_property
    def steepness(self) -> tuple[Any, ...]:
        return tuple(abs(self.slope(p)) for p in self.grid)

    def towards(self, end: Any) -> tuple[Any, ...]:
        """Places that approach an end of the domain."""
        with mpmath.workdps(60):
            if mpmath.isinf(end):
                return tuple(mpmath.sign(end) * number(k) for k in FAR)
            inside = 1 if end == self.ends[0] else -1
            return tuple(end + inside / number(k) ** 3 for k in FAR)


Verdict = tuple[bool, float]


def _off(claimed: Any, measured: Any) -> float:
    if mpmath.isnan(claimed) or mpmath.isnan(measured):
        return float("inf")
    if mpmath.isinf(claimed) or mpmath.isinf(measured):
        return 0.0 if claimed == measured else float("inf")
    return float(abs(claimed - measured) / (1 + abs(claimed)))


def _close(claimed: Any, measured: Any, tolerance: float = NEAR) -> Verdict:
    error = _off(claimed, measured)
    return error <= tolerance, error


def _tends(values: list[Any], claimed: Any) -> Verdict:
    """Whether a sequence is on its way to a claimed limit: nearer at each step, or larger and larger."""
    if mpmath.isinf(claimed):
        s = mpmath.sign(claimed)
        grows = all(s * b > s * a for a, b in pairwise(values)) and s * values[-1] > 5
        return bool(grows), 0.0 if grows else float("inf")
    gaps = [_off(claimed, v) for v in values]
    return gaps[-1] < 1e-4 and gaps[-1] <= gaps[0], gaps[-1]


def _all(*verdicts: Verdict) -> Verdict:
    return all(held for held, _ in verdicts), max((error for _, error in verdicts), default=0.0)


def _yes(held: Any) -> Verdict:
    return bool(held), 0.0 if held else float("inf")


def _places(values: tuple[Any, ...], p: Probe) -> list[Any]:
    """A number for every place: the place itself, or one inside an interval."""
    ends = [(v.start, v.end) if isinstance(v, sympy.Set) else (v, v) for v in values]
    return [p.number(a) if a == b else _between(p.number(a), p.number(b)) for a, b in ends]


def _polished(f: Callable[[Any], Any], grid: tuple[Any, ...], heights: tuple[Any, ...]) -> Any:
    """The largest value near the highest point of the grid, by golden section."""
    top = max(range(len(grid)), key=lambda i: heights[i])
    with mpmath.workdps(60):
        a, b = grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)]
        ratio = (mpmath.sqrt(5) - 1) / 2
        for _ in range(150):
            c, d = b - ratio * (b - a), a + ratio * (b - a)
            a, b = (a, d) if f(c) > f(d) else (c, b)
        return max(f((a + b) / 2), heights[top])


def _bound(p: Probe, claimed: Expr, closed: bool, direction: int) -> Verdict:
    """That no value passes a bound, that values come near it, and that one reaches it if and only if it is closed."""
    bound = direction * p.number(claimed)
    heights = tuple(direction * v for v in p.heights)
    near = [(at, v) for at, v in zip(p.grid, heights, strict=True) if abs(at) < NEARBY]
    beyond = max([*heights, *(direction * p.at(at) for end in p.ends for at in p.towards(end))])
    reaches = _tends([direction * p.at(at) for at in p.towards(p.ends[0])], bound)[0]
    reaches = reaches or _tends([direction * p.at(at) for at in p.towards(p.ends[1])], bound)[0]
    if mpmath.isinf(bound):
        return _yes(reaches and not closed)
    within = beyond <= bound + NEAR * (1 + abs(bound))
    if closed:
        best = _polished(lambda at: direction * p.at(at), *zip(*near, strict=True))
        return _all(_yes(within), _close(bound, max(best, *_ended(p, direction)), EXACT))
    return _yes(within and reaches and max(v for _, v in near) < bound)


def _ended(p: Probe, direction: int) -> list[Any]:
    """The values at the ends that belong to the domain."""
    ends = [e for e in (p.values.inf, p.values.sup) if e.is_finite and p.values.contains(e) == sympy.true]
    return [direction * p.at(e) for e in ends] or [-mpmath.inf, -mpmath.inf]


def _check_range(p: Probe, v: Mapping[str, Any]) -> Verdict:
    s = v["set"]
    if isinstance(s, sympy.FiniteSet):
        return _all(*(_close(p.number(s.args[0]), h) for h in p.heights))
    return _all(_bound(p, s.inf, not s.left_open, -1), _bound(p, s.sup, not s.right_open, 1))


def _highest(p: Probe, direction: int, claimed: Any) -> Verdict:
    heights = tuple(direction * v for v in p.heights)
    return _close(direction * claimed, _polished(lambda at: direction * p.at(at), p.grid, heights), EXACT)


def _check_extreme(direction: int) -> Callable[[Probe, Mapping[str, Any]], Verdict]:
    def check(p: Probe, v: Mapping[str, Any]) -> Verdict:
        claimed = p.number(v["value"])
        there = (
            [_close(claimed, p.at(at)) for at in _places(v["where"], p)]
            if "where" in v
            else [_highest(p, direction, claimed)]
        )
        passed = max(direction * (h - claimed) for h in p.heights) <= NEAR
        return _all(_yes(passed and there), *there)

    return check


def _check_limit(index: int) -> Callable[[Probe, Mapping[str, Any]], Verdict]:
    def check(p: Probe, v: Mapping[str, Any]) -> Verdict:
        values = [p.at(at) for at in p.towards(p.ends[index])]
        return _all(_yes(p.number(v["at"]) == p.ends[index]), _tends(values, p.number(v["value"])))

    return check


def _check_parity(p: Probe, v: Mapping[str, Any]) -> Verdict:
    verdicts = []
    for name, word in v.items():
        f = p.at if name == "function" else p.slope
        pairs = [(f(at), f(-at)) for at in p.grid if abs(at) < 9]
        even, odd = (max(_off(r, s * left) for r, left in pairs) for s in (1, -1))
        verdicts.append(_yes({"even": even < NEAR, "odd": odd < NEAR, "neither": min(even, odd) > NEAR}.get(word)))
    return _all(*verdicts)


REFLECTIONS: Mapping[str, Callable[[Probe, Mapping[str, Any], Any], tuple[Any, Any]]] = {
    "point": lambda p, v, t: (
        p.number(v["constant"]) - p.at(p.number(v["centre"]) + t),
        p.at(p.number(v["centre"]) - t),
    ),
    "axis": lambda p, v, t: (p.at(p.number(v["centre"]) + t), p.at(p.number(v["centre"]) - t)),
    "linear": lambda p, v, t: (p.at(t) - p.number(v["coefficient"]) * t, p.at(-t)),
}
"""Two sides that are equal for every t."""


def _check_symmetry(p: Probe, v: Mapping[str, Any]) -> Verdict:
    with mpmath.workdps(60):
        return _all(*(_close(*REFLECTIONS[v["kind"]](p, v, mpmath.mpf(n) / 13)) for n in range(1, 70, 4)))


def _changes(p: Probe, values: tuple[Any, ...]) -> set[int]:
    steps = [b - a for (a, b), at in zip(pairwise(values), p.grid, strict=False) if abs(at) < 9]
    return {int(mpmath.sign(s)) if abs(s) > mpmath.mpf(10) ** -40 else 0 for s in steps}


def _turned(f: Callable[[Any, int], Any], places: tuple[Any, ...], p: Probe) -> bool:
    return bool(places) and all(f(p.number(at), -1) * f(p.number(at), 1) < 0 for at in places)


def _check_monotonicity(p: Probe, v: Mapping[str, Any]) -> Verdict:
    seen = _changes(p, p.heights)
    if v["kind"] != "not monotone":
        return _yes(any(seen == allowed and word == v["kind"] for allowed, word, _ in WAYS))
    turned = "turning" not in v or _turned(lambda at, d: p.slope(at + d * mpmath.mpf("1e-4")), v["turning"], p)
    return _yes({1, -1} <= seen and turned)


def _check_convexity(p: Probe, v: Mapping[str, Any]) -> Verdict:
    grid = [at for at in p.grid if abs(at) < 9]
    with mpmath.workdps(60):
        bends = tuple(p.at(a) + p.at(b) - 2 * p.at((a + b) / 2) for a, b in zip(grid, grid[2:], strict=False))
    seen = {int(mpmath.sign(b)) if abs(b) > mpmath.mpf(10) ** -40 else 0 for b in bends}
    if v["kind"] != "neither":
        return _yes(any(seen == allowed and word == v["kind"] for allowed, _, word in WAYS))

    def bend(at: Any, direction: int) -> Any:
        h = mpmath.mpf("1e-4")
        return p.slope(at + 2 * direction * h) - p.slope(at + direction * h) if direction > 0 else (
            p.slope(at - h) - p.slope(at - 2 * h))  # fmt: skip

    return _yes({1, -1} <= seen and ("inflections" not in v or _turned(bend, v["inflections"], p)))


def _check_max_slope(p: Probe, v: Mapping[str, Any]) -> Verdict:
    claimed = p.number(v["value"])
    tails = [[abs(p.slope(at)) for at in p.towards(end)] for end in p.ends]
    if mpmath.isinf(claimed):
        return _yes(not v["attained"] and any(_tends(t, claimed)[0] for t in tails))
    within = max([*p.steepness, *(t for tail in tails for t in tail)]) <= claimed + NEAR * (1 + claimed)
    there = [_close(claimed, abs(p.slope(at))) for at in _places(v.get("where", ()), p)]
    there = there if "where" in v else [_close(claimed, max(p.steepness))]
    if v["attained"]:
        return _all(_yes(within and there), *there)
    near = max(s for at, s in zip(p.grid, p.steepness, strict=True) if abs(at) < NEARBY)
    best = _polished(lambda at: abs(p.slope(at)), p.grid, p.steepness)
    return _yes(
        within
        and not v.get("where")
        and near < claimed
        and (any(_tends(t, claimed)[0] for t in tails) or _close(claimed, best)[0])
    )


def _check_saturation(p: Probe, v: Mapping[str, Any]) -> Verdict:
    flat = {name: _tends([abs(p.slope(at)) for at in p.towards(end)], mpmath.mpf(0))[0]
            for name, end in zip(("left", "right"), p.ends, strict=True)}  # fmt: skip
    return _yes(all(flat[name] == claimed for name, claimed in v.items()))


def _check_vanishing(p: Probe, v: Mapping[str, Any]) -> Verdict:
    verdicts = [_yes(v["threshold"] == THRESHOLD)]
    limit = number(v["threshold"])
    for name, direction, end in (("left", -1, p.ends[0]), ("right", 1, p.ends[1])):
        claimed = v.get(name)
        if claimed is None:
            continue
        tail = [abs(p.slope(at)) for at in p.towards(end)]
        if isinstance(claimed, str):
            small = max((*p.steepness, *tail)) < limit
            verdicts.append(_yes(small if claimed == "everywhere" else tail[-1] >= limit * (1 - NEAR)))
            continue
        at = p.number(claimed)
        beyond = [s for g, s in zip(p.grid, p.steepness, strict=True) if direction * (g - at) > 0]
        outer, inner = abs(p.side(at, direction)), abs(p.side(at, -direction))
        verdicts.append(_yes(max([*beyond, *tail]) < limit and outer < limit <= inner))
    return _all(*verdicts)


def _check_zero_centred(p: Probe, v: Mapping[str, Any]) -> Verdict:
    near = [at for at in p.grid if abs(at) < 9]
    odd = max(_off(p.at(at), -p.at(-at)) for at in near) < NEAR and any(p.at(at) != 0 for at in near)
    return _yes(odd == v["holds"])


CHECKS: Mapping[str, Callable[[Probe, Mapping[str, Any]], Verdict]] = {
    "range": _check_range,
    "min_value": _check_extreme(-1),
    "max_value": _check_extreme(1),
    "limit_minus": _check_limit(0),
    "limit_plus": _check_limit(1),
    "value_at_zero": lambda p, v: _close(p.number(v["value"]), p.at(sympy.S.Zero)),
    "parity": _check_parity,
    "symmetry": _check_symmetry,
    "monotonicity": _check_monotonicity,
    "convexity": _check_convexity,
    "max_slope": _check_max_slope,
    "saturation": _check_saturation,
    "vanishing": _check_vanishing,
    "zero_centred": _check_zero_centred,
}

assert tuple(CHECKS) == tuple(FINDERS)


def check_properties(
    properties: tuple[Property, ...], expression: Expr, derivative: Expr, x: Symbol, domain: Domain = NOTHING
) -> tuple[CheckRow, ...]:
    """Check every property by evaluation of the function alone, at random admissible values of the parameters.

    Slopes are central differences of the function; a first row compares the derivative with them. One row a property,
    with the key as its name, the largest error, and the parameters at which it arose.
    """
    names = assumed(expression.free_symbols | derivative.free_symbols | {x}, domain)
    f, slope, v = expression.xreplace(names), derivative.xreplace(names), names[x]
    sets = {names[s]: values for s, values in domain.items() if s in names}
    points = samples((f.free_symbols | slope.free_symbols) - {v}, sets, 3, seed=13)
    probes = [Probe(f, v, domain_of(v, sets), point) for point in points]
    rows = [_row("slope", probes, lambda p: _check_slope(p, slope))]
    for item in properties:
        rows.append(_row(item.key, probes, partial(_check_item, item.key, _renamed(dict(item.values), names))))
    return tuple(rows)


def _check_item(key: str, values: Mapping[str, Any], p: Probe) -> Verdict:
    try:
        return CHECKS[key](p, values)
    except KeyError:
        return False, float("inf")  # an entry that the property cannot do without is missing


def _check_slope(p: Probe, derivative: Expr) -> Verdict:
    given = Probe(derivative, p.x, p.values, p.point)
    return _all(*(_close(p.slope(at), given.at(at)) for at in p.grid if abs(at) < 30))


def _row(name: str, probes: list[Probe], check: Callable[[Probe], Verdict]) -> CheckRow:
    with mpmath.workdps(DIGITS):
        verdicts = [check(p) for p in probes]
    held, error = _all(*verdicts)
    worst = next((p for p, verdict in zip(probes, verdicts, strict=True) if not verdict[0]), probes[0])
    return CheckRow(name, held, error, ", ".join(f"{s} = {value}" for s, value in worst.point.items()))
