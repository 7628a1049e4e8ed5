"""Properties of a scalar function that a reader asks for: range, limits, symmetry, monotonicity, convexity, slopes.

Each is decided by one of a short list of methods, or left out: limits, the substitution x -> -x, the signs of the
factors of a derivative, and a root that is bracketed between two consecutive zeros of the next derivative, so that it
is the only one there. Nothing is read off a plot.

To add a property, add a row to `FINDERS`, and one to `CHECKS` in `property_checks`; a test corrupts every row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import Any

import mpmath
import sympy
from sympy import Expr, Float, Interval, Rational, Symbol, oo

from chainrule.calculus.checks import DIGITS, Domain, Point, assumed, domain_of, evaluate, number, samples
from chainrule.calculus.kinks import NOTHING, Kink, find_kinks, resolve
from chainrule.calculus.signs import (
    TINY,
    Chart,
    Line,
    between,
    bisect,
    edge,
    factors_of,
    identically_zero,
    proved_sign,
    signs,
)
from chainrule.errors import UnsupportedExpression

THRESHOLD = Rational(1, 100)
SHOWN_DIGITS = 30
MOST_CORNERS = 9


@dataclass(frozen=True)
class Property:
    """One decided property: its key, a row of `FINDERS`, and its values (SymPy objects, truth values, words).

    A place where something holds (`where`, `turning`, `inflections`) is a tuple of expressions and open intervals.
    """

    key: str
    values: Mapping[str, Any]


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
            middle = between(evaluate(low, point), evaluate(high, point))
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
    split = None if root.has(Float) or not root.has(sympy.LambertW) else factors_of(vanishing, x)
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
    places = [w for h in best for w in h.where if not isinstance(w, sympy.Set)]
    flat = [w for h in best for w in h.where if isinstance(w, sympy.Set)]
    flat = [Interval(i.start, i.end, i.start not in places, i.end not in places) for i in flat]
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
        middles = [between(a, b) for a, b in pairwise([*joints, mpmath.inf]) if b - a > TINY]
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
    if top is None:
        return None
    where = top.where if top.value.is_finite is not False else ()  # an infinite slope, of a root at 0, is none
    return {"value": top.value, "attained": bool(where), "where": where}


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
    found = bisect(height, x, min(ends), max(ends), -1 if ends[0] < ends[1] else 1)
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
    return tuple(Property(key, renamed(found[key], back)) for key in FINDERS if key in found)


def renamed(values: dict[str, Any], names: Mapping[Symbol, Symbol]) -> dict[str, Any]:
    def one(v: Any) -> Any:
        return tuple(map(one, v)) if isinstance(v, tuple) else v.xreplace(names) if isinstance(v, sympy.Basic) else v

    return {name: one(v) for name, v in values.items()}


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


def _find_at(
    values: Mapping[Symbol, Expr], f: Expr, slope: Expr, x: Symbol, domain: Domain, second: Expr | None
) -> dict[str, dict[str, Any]]:
    return _find(f.subs(values), slope.subs(values), x, domain, second.subs(values) if second is not None else None)
