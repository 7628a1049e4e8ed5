"""The exact value of a formula at points: balls at rising precision until they are narrow enough (Ziv, 1991), limits
where the formula has no value, and the documented choice at kinks."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb, ctx
from sympy import Expr, Symbol

from ..balls import Ball, Undecided
from ..runtime.scalar import Range
from .rounding import Exact, Truth, exact
from .tape import Tape

LADDER = (128, 448, 1280, 2560, 5120, 12000)  # bits; 2200 hold any sum of two float64
FAR = (1500, 3000, 6000)  # powers of two on the way to a limit
WIDE = 8000  # bits on that way
NUDGE = 4000
AGREEMENTS = 8
Point = Sequence[float]


@dataclass(frozen=True)
class Choice:
    """What the code is documented to return at a kink: the place along the variable, and the value there."""

    place: Expr
    value: Expr


class Reference:
    """Exact values of a formula; along: the number of the variable of a derivative, None for the function itself."""

    def __init__(
        self,
        expr: Expr,
        symbols: Sequence[Symbol],
        ranges: Sequence[Range],
        along: int | None = None,
        choices: Iterable[Choice] = (),
    ) -> None:
        self.tape = Tape(expr, symbols)
        self._symbols = tuple(symbols)
        self.ranges = tuple(ranges)
        self._along = along
        self._choices = tuple((Tape(each.place, symbols), Tape(each.value, symbols)) for each in choices)
        self._others: list[Tape] = []
        self._rung = 0

    def teach(self, expr: Expr, points: Iterable[Point]) -> bool:
        """Accept an equal formula for points where the first one cancels beyond all precision (1 - σ at 10⁶ would take
        a million bits), if both agree wherever both decide, in at least `AGREEMENTS` points."""
        other, agreed = Tape(expr, list(self._symbols)), 0
        for point in points:
            start = [arb(x) for x in point]
            (mine, _), (theirs, _) = self._value(self.tape, start), self._value(other, start)
            if mine is None or theirs is None:
                continue
            if mine.near != theirs.near or abs(mine.rest - theirs.rest) > 1e-6:
                return False
            agreed += 1
        if agreed >= AGREEMENTS:
            self._others.append(other)
        return agreed >= AGREEMENTS

    def at(self, points: Iterable[Point]) -> Truth:
        """Exact values, at points in any order; neighbours in value are best neighbours in order too."""
        return Truth.of([self.accepted([float(x) for x in point]) for point in points])

    def accepted(self, point: Point) -> tuple[Exact | None, tuple[Exact, ...]]:
        """The value, and others that count as right: at a kink without a documented choice, those on either side."""
        if not all(map(math.isfinite, point)):
            return self._limit(point), ()
        start = [arb(x) for x in point]
        value, at_switch = self._value(self.tape, start)
        if at_switch and self._along is not None:
            chosen = self._chosen(start)
            if chosen is not None:
                return chosen, ()
            return value, tuple(side for side in self.sides(start) if side is not None)
        for other in self._others if value is None else ():
            value, _ = self._value(other, start)
            if value is not None:
                break
        if value is None:
            return self._limit(point), ()
        if value.near == 0 and value.sign == 0 and any(x == 0 for x in point):
            return self._signed(value, point), ()
        return value, ()

    def sides(self, start: Sequence[Ball], apart: float = 0.0) -> tuple[Exact | None, ...]:
        """The values just before and just after a point along the variable, `apart` from it or as good as nothing."""
        assert self._along is not None
        ctx.prec = LADDER[-1]
        step = arb(apart) if apart else arb(2) ** -NUDGE
        found = []
        for side in (-1, 1):
            moved = list(start)
            moved[self._along] = start[self._along] + side * step
            found.append(self._value(self.tape, moved, LADDER[-1:])[0])
        return tuple(found)

    def near_jump(self, point: Point, apart: float) -> tuple[Exact, ...]:
        """The values on either side, if a condition changes within `apart` of the largest argument; else none."""
        if self._along is None or not self.tape.conditions or not all(map(math.isfinite, point)):
            return ()
        start = [arb(x) for x in point]
        reach = apart * max(map(abs, point))
        before, at, after = (self._conditions(start, side * reach) for side in (-1, 0, 1))
        if before == at == after:
            return ()
        return tuple(side for side in self.sides(start, reach) if side is not None)

    def _conditions(self, start: Sequence[Ball], moved: float) -> tuple[int, ...]:
        assert self._along is not None
        ctx.prec = LADDER[-1]
        point = list(start)
        point[self._along] = start[self._along] + arb(moved)
        self.tape(point)
        return tuple(self.tape.taken)

    def _value(self, tape: Tape, start: Sequence[Ball], ladder: Sequence[int] = LADDER) -> tuple[Exact | None, bool]:
        """Climbs from a rung below the one that the point before needed."""
        first = max(0, min(self._rung, len(ladder)) - 1)
        for rung in range(first, len(ladder)):
            ctx.prec = ladder[rung]
            try:
                ball, at_switch = tape(start)
            except Undecided:
                continue
            found = exact(ball)
            if found is not None:
                self._rung = rung if ladder is LADDER else self._rung
                return found, at_switch
            if at_switch and rung == len(ladder) - 1:
                return None, True
        return None, False

    def _chosen(self, start: Sequence[Ball]) -> Exact | None:
        assert self._along is not None
        for place, value in self._choices:
            ctx.prec = LADDER[3]
            found, _ = place(start)
            if (found - start[self._along]).contains(0):
                return self._value(value, start)[0]
        return None

    def _signed(self, value: Exact, point: Point) -> Exact:
        """An exact zero has the sign of the function next to it, on the side of a signed zero."""
        ctx.prec = LADDER[-1]
        nudged = [arb(x) if x else arb(2) ** -NUDGE * math.copysign(1, x) for x in point]
        try:
            ball, _ = self.tape(nudged)
        except Undecided:
            return value
        return Exact(value.near, value.rest, 1 if ball > 0 else -1 if ball < 0 else 0)

    def _limit(self, point: Point) -> Exact | None:
        infinite = [k for k, x in enumerate(point) if math.isinf(x)]
        if len(infinite) > 1 or any(map(math.isnan, point)):
            return None
        for k in infinite or range(len(point)):
            sides = [1] if infinite else [side for side in (-1, 1) if self._inside(k, point[k], side)]
            found = [self._approach(point, k, side) for side in sides]
            known = [each for each in found if each is not None]
            if known and len(known) == len(found) and len({each.near for each in known}) == 1:
                return known[0] if len({each.sign for each in known}) == 1 else Exact(known[0].near, 0.0, 0)
        return None

    def _inside(self, k: int, x: float, side: int) -> bool:
        return x < self.ranges[k].upper if side > 0 else x > self.ranges[k].lower

    def _approach(self, point: Point, k: int, side: int) -> Exact | None:
        ctx.prec = WIDE
        values = []
        for far in FAR:
            moved: list[Any] = [arb(0) if math.isinf(x) else arb(x) for x in point]
            moved[k] = arb(2) ** far * math.copysign(1, point[k]) if math.isinf(point[k]) else (
                moved[k] + side * arb(2) ** -far
            )  # fmt: skip
            values.append(next((value for tape in (self.tape, *self._others) if (value := _try(tape, moved))), None))
        return _limit_of(values)


def _try(tape: Tape, point: Sequence[Ball]) -> Exact | None:
    try:
        return exact(tape(point)[0])
    except Undecided:
        return None


def _limit_of(values: Sequence[Exact | None]) -> Exact | None:
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    first, second, third = known
    if first.near == second.near == third.near:
        return Exact(third.near, third.rest if math.isinf(third.near) else round(third.rest, 6) + 0.0, third.sign)
    rising = abs(first.near) < abs(second.near) and first.sign == second.sign == third.sign
    if rising and (
        math.isinf(third.near) or abs(third.near) - abs(second.near) > 1.5 * (abs(second.near) - abs(first.near))
    ):
        return Exact(math.copysign(math.inf, third.near), math.copysign(math.inf, third.near), third.sign)
    return None
