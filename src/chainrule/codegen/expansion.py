"""A function of one variable where a form of it cancels, as a power times a polynomial. Around a root, and around a point where it has a limit only:
(x - r)ᵐ p(x - r). On a short interval: p(x - c). Far out: p(1/x)/xᵐ.

No difference remains that could cancel: x - r is right to half an ulp, for r is known in two parts, and the polynomial stays away from 0.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from typing import Any

import sympy
from sympy import Abs, Expr, Piecewise, Symbol

from chainrule.balls import Undecided, Undefined
from chainrule.codegen.evaluation import CONTEXT, evaluate
from chainrule.codegen.fits import interpolate
from chainrule.codegen.reference import Reference
from chainrule.codegen.vocabulary import away, over, plus, polynomial, times

BITS = 900
LADDER = (520,)
STEP = -160  # power of two: how far from a root its multiplicity is read off
MOST_ROOTS = 4
WHOLE = (-1, 0, 1)
TERMS = (8, 11, 14, 18, 22, 27, 33, 40)
RADII = tuple(sympy.Rational(k, 8) for k in (1, 2, 4, 6, 8))
PRECISION = -59  # power of two: the relative error of the polynomial
NEGLIGIBLE = -64
FEWEST = 6  # numbers of an interval: where fewer fail, it is roundings that meet and no cancellation
GAP = 0.5  # numbers no further apart than this belong to one interval
WIDEST = 3.0  # of an interval that polynomials are for
STEPS = 64  # centres and radii of intervals are multiples of 1/64
MARGINS = (16, 4)  # how much further than the numbers an interval reaches, in these
PIECES = (1, 2, 3)
MOST_TERMS = 100  # of all polynomials of a form, with which intervals have to make do: each takes two lines of code
FAR = 20  # power of two: where the power of x is read off that a function is like far out
LOW = 0.9999  # of both neighbours at most: less is rounding
TOUCH = sympy.Rational(1, 2**300)  # between the numbers of a difference whose root is that of a slope


@dataclass(frozen=True)
class Root:
    """A place where a function is 0: to 900 bits, and how often; 0 times where it has a limit that is another number."""

    place: Any
    times: int


@lru_cache(maxsize=64)
def roots(expr: Expr, symbol: Symbol, xs: tuple[float, ...], values: tuple[float, ...]) -> tuple[Root, ...]:
    """The roots between numbers in rising order at which the function has those values, and at those numbers. Ends of intervals on which it is 0 are none, and
    roots between numbers only where they are few."""
    found: list[Root] = []
    line = list(zip(xs, values, strict=True))
    changes = [(a, b) for (a, fa), (b, fb) in pairwise(line) if fa != 0 and fb != 0 and (fa < 0) != (fb < 0)]
    for a, b in changes if len(changes) <= MOST_ROOTS else []:  # of a wave none of those
        place = _between(expr, symbol, a, b)
        if place is not None:
            found += _root(expr, symbol, place)
    lows = [  # where it may touch 0
        (a, b)
        for (a, fa), (_, f), (b, fb) in zip(line, line[1:], line[2:], strict=False)
        if 0 < abs(f) < min(abs(fa), abs(fb)) * LOW and (f < 0) == (fa < 0) == (fb < 0)
    ]
    for a, b in lows if len(lows) <= MOST_ROOTS else []:
        slope = expr.xreplace({symbol: symbol + TOUCH}) - expr.xreplace({symbol: symbol - TOUCH})
        place = _between(slope, symbol, a, b)
        if place is not None:
            found += _root(expr, symbol, place, (2, 4))
    for k in range(len(xs)):
        alone = 0 < k < len(xs) - 1 and values[k - 1] != 0 and values[k + 1] != 0
        if values[k] == 0 and (alone or xs[k] == 0):  # around 0 it may have underflowed
            found += _root(expr, symbol, CONTEXT.mpf(xs[k]))
    for place in _without_value(expr, symbol):
        found += _root(expr, symbol, place, (0,))
    return tuple(found) if len(found) <= MOST_ROOTS else ()


def _without_value(expr: Expr, symbol: Symbol) -> list[Any]:
    """Where a denominator is 0: a polynomial at any root that has a formula, others at a whole number that is small."""
    places: set[Expr] = set()
    for below in {power.base for power in expr.atoms(sympy.Pow) if power.exp.is_negative and power.base.has(symbol)}:
        if below.is_polynomial(symbol):
            places |= {root for root in sympy.roots(below, symbol) if root.is_real}
        else:
            places |= {each for each in map(sympy.Integer, WHOLE) if below.xreplace({symbol: each}).is_zero}
    CONTEXT.prec = BITS
    return [CONTEXT.mpf(str(sympy.N(place, BITS * 3 // 10))) for place in sorted(places)]


def _between(expr: Expr, symbol: Symbol, a: float, b: float) -> Any:
    CONTEXT.prec = BITS
    low, high = CONTEXT.mpf(a), CONTEXT.mpf(b)
    try:
        at_low, at_high = (evaluate(expr, (symbol,), (x,), BITS) for x in (low, high))
        if (at_low < 0) == (at_high < 0):
            return None
        for turn in range(2 * BITS):
            middle = (low + high) / 2
            if turn % 3 == 2 and at_high != at_low:  # a secant now and then
                middle = low - at_low * (high - low) / (at_high - at_low)
                middle = min(max(middle, low + (high - low) / 2**40), high - (high - low) / 2**40)
            try:
                here = evaluate(expr, (symbol,), (middle,), BITS)
            except Undecided:  # so near that nothing is left
                return middle
            if here == 0 or high - low < abs(high) * CONTEXT.ldexp(1, -BITS // 2):
                return middle
            if (here < 0) == (at_low < 0):
                low, at_low = middle, here
            else:
                high, at_high = middle, here
    except Undefined:
        return None
    return None


def _root(expr: Expr, symbol: Symbol, place: Any, orders: Sequence[int] = (1, 2, 3, 4)) -> Iterator[Root]:
    """The root with its multiplicity, 0 for a limit; nothing where the function jumps or is not smooth."""
    CONTEXT.prec = BITS
    h = CONTEXT.ldexp(1, STEP)
    try:
        near = [evaluate(expr, (symbol,), (place + n * h,), BITS) for n in (-2, -1, 1, 2)]
    except Undefined:
        return
    if not all(near):
        return
    ratios = [abs(near[0] / near[1]), abs(near[3] / near[2])]
    for k in orders:
        same = (near[1] < 0) == (near[2] < 0)
        if all(abs(ratio - 2**k) < 0.01 for ratio in ratios) and same == (k % 2 == 0):
            if abs(abs(near[1] / near[2]) - 1) < 0.01:
                yield Root(place, k)
            return


def expanded(reference: Reference, symbol: Symbol, root: Root, radius: Any, otherwise: Expr) -> Expr | None:
    """The expression `otherwise`, and around a root the expansion; None where no short polynomial will do."""
    CONTEXT.prec = BITS
    place = root.place
    if abs(place) < CONTEXT.ldexp(1, -BITS // 3):
        place = CONTEXT.zero
    high = float(place)
    low = float(place - CONTEXT.mpf(high))
    radius = sympy.Rational(radius)
    reach = CONTEXT.mpf(radius.p) / radius.q
    centre = sympy.Rational(round(high / float(radius) * 4), 4) * radius if low else sympy.Rational(high)
    fit = reach + abs(CONTEXT.mpf(centre.p) / centre.q - place) + CONTEXT.ldexp(1, -40)
    coefficients = _coefficients(reference, place, root.times, fit)
    if coefficients is None:
        return None
    d: Expr = symbol
    if place and not low:
        d = plus(symbol, -centre)
    elif place:
        exact = sympy.Rational(int(CONTEXT.ldexp(place, 600)), 2**600)
        d = away(symbol, sympy.Float(high, 17), sympy.Float(low, 17), exact)
    series = _written(coefficients, d, fit)
    for power in ([d] if root.times % 2 else []) + [times(d, d)] * (root.times // 2):
        series = times(power, series)
    inside = Abs(symbol - centre) < radius if centre else Abs(symbol) < radius
    return Piecewise((series, inside), (otherwise, True))


def patched(reference: Reference, symbol: Symbol, failing: Sequence[float], otherwise: Expr) -> Iterator[Expr]:
    """The expression `otherwise`, and on each of the few short intervals that hold the numbers at which it fails, polynomials; several ways to cut them, none
    where the numbers lie far apart, or alone."""
    xs = sorted(failing)
    cuts = [k for k in range(1, len(xs)) if xs[k] - xs[k - 1] > GAP]
    runs = [xs[a:b] for a, b in pairwise([0, *cuts, len(xs)])]
    intervals = [(run[0], run[-1]) for run in runs]
    if len(runs) > MOST_ROOTS or min(map(len, runs)) < FEWEST or any(b - a > WIDEST for a, b in intervals):
        return
    for margin, pieces in product(MARGINS, PIECES):
        result = otherwise
        for a, b in intervals:
            low, high = math.floor(STEPS * a) - margin, math.ceil(STEPS * b) + margin
            half = (high - low) / (2 * pieces)
            radius = sympy.Rational(math.ceil(half) + 1, STEPS)
            for k in range(pieces):
                centre = CONTEXT.mpf(round(low + (2 * k + 1) * half)) / STEPS
                result = expanded(reference, symbol, Root(centre, 0), radius, result) or result
        if result is not otherwise and _terms(result) <= MOST_TERMS:
            yield result


def _terms(expr: Expr) -> int:
    return sum(len(each.args) - 1 for each in expr.atoms(polynomial))


def far_out(reference: Reference, symbol: Symbol, side: int, beyond: int, otherwise: Expr) -> Expr | None:
    """The expression `otherwise`, and beyond a number on one side, 1 or -1, an expansion in 1/x; None where no short polynomial will do."""
    m = CONTEXT
    order = _order_far_out(reference, side)
    if order is None:
        return None
    for step in (2, 1):

        def scaled(u: Any, step: int = step) -> Any:
            x = 1 / (m.sqrt(u) if step == 2 else u)
            value = reference.decide(reference.expr, (side * x,), LADDER)
            return None if value is None else value * x**order

        m.prec = BITS
        reach = m.mpf(1) / beyond**step
        coefficients = _fitted(scaled, m.zero, reach)
        if coefficients is not None:
            size, t = side * symbol, over(1, side * symbol)
            series = _written(coefficients, times(t, t) if step == 2 else t, reach)
            for _ in range(abs(order)):
                series = over(series, size) if order > 0 else times(series, size)
            return Piecewise((series, size > beyond), (otherwise, True))
    return None


def _order_far_out(reference: Reference, side: int) -> int | None:
    """m of a function that is like x⁻ᵐ far out on one side; None of another."""
    CONTEXT.prec = BITS
    xs = [CONTEXT.ldexp(side, FAR + k) / 3 for k in range(3)]
    values = [reference.decide(reference.expr, (x,), LADDER) for x in xs]
    if not all(values):  # None, or 0
        return None
    orders = [CONTEXT.log(abs(a / b), 2) for a, b in pairwise(values)]
    nearest = round(float(orders[0]))
    return nearest if all(abs(each - nearest) < 0.01 for each in orders) else None


@lru_cache(maxsize=64)
def _coefficients(reference: Reference, place: Any, multiplicity: int, reach: Any) -> list[Any] | None:
    """Of the polynomial p of f(place + d) = dᵐ p(d), |d| <= reach."""

    def scaled(d: Any) -> Any:
        value = reference.decide(reference.expr, (place + d,), LADDER)
        return None if value is None else value / d**multiplicity

    return _fitted(scaled, -reach, reach)


def _fitted(function: Callable[[Any], Any], low: Any, high: Any) -> list[Any] | None:
    """Of a polynomial between two numbers, by rising powers: the shortest that is good enough at points between those of its making."""
    m = CONTEXT
    m.prec = BITS
    middle, reach = (low + high) / 2, (high - low) / 2
    for count in TERMS:
        m.prec = BITS
        ds = [middle - reach * m.cos(m.pi * (2 * k + 1) / (2 * count)) for k in range(count)]
        ds = [d if abs(d) > m.ldexp(1, -100) else reach * m.ldexp(1, -30) for d in ds]
        tests = [middle + reach * m.mpf(2 * k - 12) / 13 for k in range(13) if k != 6]
        found = [function(d) for d in (*ds, *tests)]
        if any(value is None for value in found):
            return None
        m.prec = BITS
        coefficients = interpolate(ds, found[:count], m)
        off = [abs(_value(coefficients, d) / value - 1) for d, value in zip(tests, found[count:], strict=True)]
        if max(off) < m.ldexp(1, PRECISION):
            return coefficients
    return None


def _value(coefficients: Sequence[Any], d: Any) -> Any:
    total = CONTEXT.zero
    for c in reversed(coefficients):
        total = total * d + c
    return total


def _written(coefficients: Sequence[Any], d: Expr, reach: Any) -> Expr:
    """By Horner's rule; in d² where all odd powers are negligible."""
    m = CONTEXT
    small = abs(coefficients[0]) * m.ldexp(1, NEGLIGIBLE)
    kept = [c if abs(c) * reach**k > small else m.zero for k, c in enumerate(coefficients)]
    while kept[-1] == 0:
        kept.pop()
    step = 2 if not any(kept[1::2]) else 1
    variable = times(d, d) if step == 2 else d
    return polynomial(variable, *(sympy.Float(float(c), 17) for c in kept[::step]))
