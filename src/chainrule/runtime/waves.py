"""Angles of sines and cosines that no float64 holds: of 30 x, rounding takes what a wave depends on.

An angle is given as its value in float64 and as a formula, which is written with the four operations and the methods `exp`, `ln` and `sqrt` and takes π and the
variables."""

import math
from collections.abc import Callable
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from . import programs
from .arrays import Array, Places
from .extended import flat
from .pairs import Pair
from .twice import Twice

NEAR = 2.0**15
"""Angles up to this are right to 2⁻⁵⁶ in pairs."""
FAR = 2.0**40
"""And up to this in twice the digits."""
PI = (np.float64(math.pi), np.float64(float.fromhex("0x1.1a62633145c07p-53")))
TURN = tuple(map(float.fromhex, ("0x1.921fb54442d18p+2", "0x1.1a62633145c07p-52", "-0x1.f1976b7ed8fbcp-108")))
"""2π in three parts."""
SPARE = 60
"""Decimal places behind the point, so that an angle near a multiple of π has digits."""
MOST = 4000
"""Digits before the point of the largest angle."""

NOTHING = (math.nan, math.nan, math.nan)

Formula = Callable[..., Any]


def angle(found: Array, formula: Formula, *arguments: Any) -> Array:
    """The angle, less a multiple of 2π where it is large, in float64."""
    return _parts(found, formula, arguments)[0].reshape(found.shape)


def turn(found: Array, formula: Formula, *arguments: Any) -> Array:
    """What is missing in the `angle` of the same."""
    return _parts(found, formula, arguments)[1].reshape(found.shape)


def finite_angle(found: Array, formula: Formula, *arguments: Any) -> Array:
    """`found`, an angle that is right as far as it is finite; the angle less a multiple of 2π where it has overflowed."""
    given = [flat(each, found) for each in arguments]
    result = flat(found, found)
    if not np.isfinite(result).all():
        result = result.copy()
        for k in np.flatnonzero(~np.isfinite(result)).tolist():
            result[k], _, _ = _in_decimals(formula, tuple(float(each[k]) for each in given))
    return result.reshape(found.shape)


def fraction(found: Array, formula: Formula, *arguments: Any) -> Array:
    """The number less the nearest whole one: right to its last digit however small it is."""
    return _wholes(found, formula, arguments)[0].reshape(found.shape)


def parity(found: Array, formula: Formula, *arguments: Any) -> Array:
    """1 where the whole number nearest to the number is even, -1 where it is odd."""
    return _wholes(found, formula, arguments)[1].reshape(found.shape)


def _wholes(found: Array, formula: Formula, arguments: tuple[Any, ...]) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        given, near, rest, left = _missing(found, formula, arguments)
        whole = np.rint(near)
        part, odd = (near - whole) + rest, np.abs(np.fmod(whole, 2.0))
        if left.size:
            some = [each[left] for each in given]
            exact = formula(Twice(*PI), *map(Twice, some))
            whole = np.rint(exact.high)
            part[left], odd[left] = (exact.high - whole) + exact.low, np.abs(np.fmod(whole, 2.0))
            for k in _beyond(near[left], exact).tolist():
                here = left[k]
                part[here], _, odd[here] = _in_decimals(
                    formula, tuple(float(each[k]) for each in some), half_turns=True
                )
    return part, 1.0 - 2.0 * odd


def _missing(found: Array, formula: Formula, arguments: tuple[Any, ...]) -> tuple[list[Array], Array, Array, Places]:
    """The variables and the numbers as rows, what is missing in the numbers, and the places at which that is not known."""
    given, near, rest = [flat(each, found) for each in arguments], flat(found, found), np.zeros(found.size)
    if found.size:
        _program(formula.__code__, 1 + len(given)).run([near, *given], rest)
    return given, near, rest, np.flatnonzero(~((np.abs(near) <= NEAR) & np.isfinite(rest)))


def _beyond(found: Array, exact: Twice) -> Places:
    """The places at which twice the digits are too few."""
    return np.flatnonzero(np.broadcast_to(~((np.abs(found) <= FAR) & np.isfinite(exact.high + exact.low)), found.shape))


def _parts(found: Array, formula: Formula, arguments: tuple[Any, ...]) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        given, angles, rest, left = _missing(found, formula, arguments)
        if left.size:
            angles = angles.copy()
            angles[left], rest[left] = _reduced(formula, angles[left], [each[left] for each in given])
    return angles, rest


@lru_cache(maxsize=256)
def _program(code: CodeType, count: int) -> programs.Program:
    formula = FunctionType(code, {})
    pi = Pair(PI[0], PI[1])

    def missing(found: Any, *variables: Any) -> Any:
        exact = formula(pi, *map(Pair, variables))
        rest = exact.high - found
        return rest if exact.low is None else rest + exact.low

    return programs.Program(missing, count)


def _reduced(formula: Formula, found: Array, given: list[Array]) -> tuple[Array, Array]:
    """Less a multiple of 2π, in two parts."""
    exact = formula(Twice(*PI), *map(Twice, given))
    turns = Twice(np.rint(exact.high / TURN[0]))
    for part in TURN:
        exact = exact.plus(-(turns * part))
    high, low = (np.array(np.broadcast_to(each, found.shape)) for each in (exact.high, exact.low))
    for k in _beyond(found, exact).tolist():
        high[k], low[k], _ = _in_decimals(formula, tuple(float(each[k]) for each in given))
    return high, low


def _in_decimals(formula: Formula, point: tuple[float, ...], half_turns: bool = False) -> tuple[float, float, float]:
    """The formula less the nearest multiple of 2π, or the nearest whole number, in two parts, and whether the multiple is odd; NaN where it has no value."""
    return _in_decimals_of(formula.__code__, point, half_turns)


@lru_cache(maxsize=4096)
def _in_decimals_of(code: CodeType, point: tuple[float, ...], half_turns: bool) -> tuple[float, float, float]:
    formula = FunctionType(code, {})

    def exactly(digits: int) -> Decimal:
        value: Decimal = formula(_pi(digits), *map(Decimal, point))
        return value

    context = Context(prec=SPARE, Emin=-99999, Emax=99999, traps=[DivisionByZero, InvalidOperation, Overflow])
    try:
        with localcontext(context):
            size = max(0, exactly(SPARE).adjusted())
        if size > MOST:
            return NOTHING
        context.prec = SPARE + size
        with localcontext(context):
            value, unit = exactly(context.prec), Decimal(1) if half_turns else 2 * _pi(context.prec)
            count = (value / unit).to_integral_value()
            value -= count * unit
            high = float(value)
            return high, float(value - Decimal(high)), float(abs(count) % 2)
    except (ArithmeticError, ValueError):
        return NOTHING


@lru_cache(maxsize=16)
def _pi(digits: int) -> Decimal:
    """By Gauss's and Legendre's means, each step of which doubles the digits."""
    with localcontext(Context(prec=digits + 10)):
        a, b, t, p = Decimal(1), 1 / Decimal(2).sqrt(), Decimal("0.25"), 1
        while abs(a - b) > Decimal(10) ** -(digits // 2 + 5):
            mean = (a + b) / 2
            a, b, t, p = mean, (a * b).sqrt(), t - p * (a - mean) ** 2, 2 * p
        value = (a + b) ** 2 / (4 * t)
    with localcontext(Context(prec=digits)):
        return +value
