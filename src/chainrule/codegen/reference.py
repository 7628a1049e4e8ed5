"""The true value of an expression at a point: balls at rising precision until they are narrow enough (Ziv, 1991), limits where the formula has no value, or an
honest None.

Where the given expression cannot be decided so (1 - sigma at 10⁶ would take 400,000 digits), an equal form may decide; see `Reference.teach`.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from sympy import Expr, Symbol

from chainrule.balls import Undecided, Undefined
from chainrule.codegen.evaluation import CONTEXT, evaluate, numbers
from chainrule.errors import UnsupportedExpression

LADDER = (180, 1000, 4200)  # bits
DIGITS = (400, 407, 420, 440, 460, 900)  # a limit is approached in powers of ten
HUGE = 1200  # |log2| beyond which a value has over- or underflowed for certain
Point = tuple[float, ...]


class Reference:
    """High-precision values of one expression in the given symbols."""

    def __init__(self, expr: Expr, symbols: Sequence[Symbol], domains: Sequence[tuple[float, float]]) -> None:
        self.expr = expr
        self.symbols = tuple(symbols)
        self.domains = tuple(domains)
        self._others: tuple[Expr, ...] = ()
        unknown = expr.free_symbols - set(symbols)
        if unknown:
            raise UnsupportedExpression(f"{expr}: {sorted(map(str, unknown))} are neither arguments nor parameters.")

    def teach(self, other: Expr, points: Sequence[Point]) -> bool:
        """Accept an equal form as a second opinion if it agrees with the expression to 24 digits at the points that
        both decide."""
        agreed = 0
        for point in points:
            mine, theirs = self.decide(self.expr, point), self.decide(other, point)
            if mine is None or theirs is None:
                continue
            if not _close(mine, theirs, 80):
                return False
            agreed += 1
        if not agreed:
            return False
        self._others = (*self._others, other)
        return True

    def value(self, point: Point) -> float | None:
        """The correctly rounded value, ±inf where it overflows or diverges, None where there is none."""
        exact = self.exact(point)
        return None if exact is None else to_float(exact)

    def exact(self, point: Point) -> Any:
        """The value as an mpf, or None."""
        if all(map(math.isfinite, point)):
            for expr, ladder in (
                (self.expr, LADDER[:2]),
                *((other, LADDER[:2]) for other in self._others),
                (self.expr, LADDER[2:]),
            ):
                found = self.decide(expr, point, ladder)
                if found is not None:
                    return found
        return self._limit(point)

    def decide(self, expr: Expr, point: Sequence[Any], ladder: Sequence[int] = LADDER) -> Any:
        """The value of an expression, None where no precision of the ladder tells it."""
        exact = numbers(point)
        for bits in ladder:
            try:
                return evaluate(expr, self.symbols, exact, bits)
            except Undecided:
                continue
            except Undefined:
                return None
        return None

    def _limit(self, point: Point) -> Any:
        """The limit along the first coordinate that is infinite, an end of its domain, or moves the value at all."""
        infinite = [i for i, x in enumerate(point) if math.isinf(x)]
        if len(infinite) > 1:
            return None
        for i in infinite or range(len(point)):
            found = [self._one_sided(point, i, side) for side in ((1,) if infinite else (-1, 1))]
            inside = [value for value in found if value is not _OUTSIDE]
            if inside and all(value is not None and _close(inside[0], value, 60) for value in inside):
                return inside[0]
        return None

    def _one_sided(self, point: Point, i: int, side: int) -> Any:
        sequence = []
        for digits in DIGITS:
            CONTEXT.prec = _bits(digits)
            moved: list[Any] = list(point)
            if math.isinf(point[i]):
                moved[i] = (CONTEXT.mpf(10) ** digits + CONTEXT.mpf(1) / 3) * (
                    1 if point[i] > 0 else -1
                )  # mpmath is slow at whole numbers
            else:
                moved[i] = CONTEXT.mpf(point[i]) + side * CONTEXT.mpf(10) ** -digits
            if not all(lower <= x <= upper for x, (lower, upper) in zip(moved, self.domains, strict=True)):
                return _OUTSIDE
            for expr in (self.expr, *self._others):
                value = self.decide_wide(expr, moved, _bits(digits))
                if value is not None:
                    break
            else:
                return None
            sequence.append(value)
        return _limit_of(sequence) if not math.isinf(point[i]) or self._steady(point, i, sequence[0]) else None

    def _steady(self, point: Point, i: int, first: Any) -> bool:
        """Whether a little more, at 10⁴⁰⁰, leaves the value as it is; a sine would move, of whatever period that is no multiple of a root."""
        bits = _bits(DIGITS[0])
        for step in (1, 2, 3):
            CONTEXT.prec = bits
            moved: list[Any] = list(point)
            more = CONTEXT.mpf(1) / 3 + step * CONTEXT.sqrt(2)
            moved[i] = (CONTEXT.mpf(10) ** DIGITS[0] + more) * (1 if point[i] > 0 else -1)
            values = (self.decide_wide(expr, moved, bits) for expr in (self.expr, *self._others))
            value = next((value for value in values if value is not None), None)
            if value is None or not _close(first, value, 20):
                return False
        return True

    def decide_wide(self, expr: Expr, point: Sequence[Any], bits: int) -> Any:
        """As `decide`, for points with 400 and more digits: most values are known with less than those bits, and an exponential takes a third of the time."""
        return self.decide(expr, point, (bits // 3, bits))


def _bits(digits: int) -> int:
    """Enough for a number with that many digits squared, next to 1."""
    return 14 * digits + 600


_OUTSIDE = object()


def _limit_of(sequence: list[Any]) -> Any:
    second, third = sequence[-2:]
    if all(map(CONTEXT.isinf, sequence)):
        return third if len({CONTEXT.sign(value) for value in sequence}) == 1 else None
    if any(map(CONTEXT.isinf, sequence)):
        return None
    if _close(second, third, 60):
        return third
    falling = all(abs(a) >= abs(b) for a, b in pairwise(sequence))
    if falling and CONTEXT.mag(third) < -HUGE:
        return CONTEXT.zero
    rising = all(abs(a) < abs(b) for a, b in pairwise(sequence))
    if rising and len({CONTEXT.sign(value) for value in sequence}) == 1 and abs(third) > 1.8 * abs(sequence[0]):
        return CONTEXT.inf * CONTEXT.sign(third)
    return None


def _close(a: Any, b: Any, bits: int) -> bool:
    m = CONTEXT
    if a == b:
        return True
    if m.isinf(a) or m.isinf(b):
        return bool(
            m.sign(a) == m.sign(b)
            and min(m.mag(a) if not m.isinf(a) else HUGE + 1, m.mag(b) if not m.isinf(b) else HUGE + 1) > HUGE
        )
    smaller, larger = sorted((m.mag(a), m.mag(b)))
    if larger < -HUGE or (smaller > HUGE and m.sign(a) == m.sign(b)):
        return True
    return bool(m.mag(a - b) <= larger - bits)


def to_float(value: Any) -> float:
    """Rounded to float64: 0 below the smallest subnormal, ±inf above the largest number."""
    if CONTEXT.isinf(value) or CONTEXT.mag(value) > HUGE:
        return math.copysign(math.inf, CONTEXT.sign(value))
    if value == 0 or CONTEXT.mag(value) < -HUGE:
        return 0.0
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, CONTEXT.sign(value))
