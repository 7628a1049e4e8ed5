"""The sign of an expression along a line: its roots there, and the signs between them; limits at the ends.

Roots are found exactly for what is linear or polynomial in x or in e^(cx); of the rest, a root is bracketed between two
consecutive zeros of the derivative, so that it is the only one there. Where no method decides, the answer is None.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import mpmath
import sympy
from sympy import Expr, Float, Rational, Symbol, oo

from chainrule.calculus.checks import DIGITS, Point, evaluate, number, samples
from chainrule.errors import UnsupportedExpression

MOST_OPERATIONS = 150
MOST_TO_SOLVE = 12
MOST_DERIVATIVES = 8
MOST_TO_FACTOR = 80
TINY = mpmath.mpf(10) ** -30

FAILURES = (NotImplementedError, ValueError, TypeError, AttributeError, RecursionError, ZeroDivisionError,
            UnsupportedExpression, sympy.PolynomialError)  # fmt: skip


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


def factors_of(g: Expr, x: Symbol) -> Factors | None:
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
        split = factors_of(candidate, x)
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


def between(low: Any, high: Any) -> Any:
    if mpmath.isfinite(low) and mpmath.isfinite(high):
        return (low + high) / 2
    return low + 1 if mpmath.isfinite(low) else high - 1 if mpmath.isfinite(high) else mpmath.mpf(0)


def _signs_between(h: Expr, roots: tuple[Expr, ...], line: Line) -> Chart:
    knots = [evaluate(e, {}) for e in (line.low, *roots, line.high)]
    heights = (evaluate(h, {line.x: between(a, b)}) for a, b in pairwise(knots))
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


def bisect(h: Expr, x: Symbol, low: Any, high: Any, first: int) -> Expr | None:
    """The root of h between two places, from the sign `first` to the other one; infinite ends are moved in first."""
    with mpmath.workdps(DIGITS):
        start = between(low, high)
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
            root = bisect(h, line.x, a, b, first)
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
    split = factors_of(g, line.x)
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
    split = factors_of(g, x)
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
