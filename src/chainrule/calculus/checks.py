"""Numerical checking: admissible random points, values at high precision, and the rows that report a check.

Everything here is deterministic: generators are seeded, points are exact rationals, precision is counted in digits.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

import mpmath
import sympy
from sympy import Expr, FiniteSet, Interval, Rational, Symbol

from chainrule.errors import UnsupportedExpression

DIGITS = 60

Point = Mapping[Symbol, Any]
Domain = Mapping[Symbol, sympy.Set]


@dataclass(frozen=True)
class CheckRow:
    """One numerical check: what was checked, whether it held, by how much it missed (infinite: not a number), where."""

    name: str
    passed: bool
    error: float
    detail: str


def domain_of(symbol: Symbol, domain: Domain) -> sympy.Set:
    """The declared set of a symbol; without one, the set that its assumptions name, and the real line otherwise."""
    if symbol in domain:
        return domain[symbol]
    known: tuple[tuple[bool | None, sympy.Set], ...] = (
        (symbol.is_integer, sympy.S.Naturals if symbol.is_positive else sympy.S.Integers),
        (symbol.is_positive, Interval.open(0, sympy.oo)),
        (symbol.is_negative, Interval.open(-sympy.oo, 0)),
        (symbol.is_nonnegative, Interval(0, sympy.oo)),
        (symbol.is_nonpositive, Interval(-sympy.oo, 0)),
    )
    return next((values for holds, values in known if holds), sympy.S.Reals)


def assumed(symbols: set[Symbol], domain: Domain) -> dict[Symbol, Symbol]:
    """Each symbol, and a symbol of the same name that carries what its domain says about its sign."""
    return {symbol: Symbol(symbol.name, **_assumptions(domain_of(symbol, domain))) for symbol in symbols}


def _assumptions(values: sympy.Set) -> dict[str, bool]:
    low, high, zero = values.inf, values.sup, values.contains(sympy.S.Zero) != sympy.false
    rows = (("positive", low >= 0 and not zero), ("negative", high <= 0 and not zero), ("nonnegative", low >= 0),
            ("nonpositive", high <= 0), ("nonzero", not zero),
            ("integer", values in (sympy.S.Integers, sympy.S.Naturals, sympy.S.Naturals0)))  # fmt: skip
    return {"real": True} | {name: True for name, holds in rows if holds == True}  # noqa: E712  (a SymPy Boolean)


def draw(values: sympy.Set, rng: Random) -> Expr:
    """A random exact number of a set: an element of a finite one, an interior rational of an interval.

    Raises `UnsupportedExpression` for a set that is neither, nor a union of such.
    """
    step = Rational(rng.randint(1, 1008), 1009)
    if isinstance(values, FiniteSet):
        return rng.choice(sorted(values.args, key=sympy.default_sort_key))
    if isinstance(values, sympy.Union):
        return draw(rng.choice(sorted(values.args, key=sympy.default_sort_key)), rng)
    if isinstance(values, Interval):
        low, high = values.start, values.end
        if low.is_finite and high.is_finite:
            return low + (high - low) * step
        far = 4 * step * rng.choice((Rational(1, 8), Rational(1, 2), Rational(1)))
        if low.is_finite:
            return low + far
        return high - far if high.is_finite else 8 * step - 4
    if values in (sympy.S.Integers, sympy.S.Naturals, sympy.S.Naturals0):
        return sympy.Integer(rng.randint(max(-5, values.inf), 5))
    raise UnsupportedExpression(f"{values}: cannot draw a number from this set; give an interval or a finite set")


def samples(symbols: set[Symbol], domain: Domain, count: int, seed: int = 1) -> tuple[dict[Symbol, Expr], ...]:
    """`count` random points of the domain, in a fixed order; a single empty point when there is no symbol."""
    rng = Random(seed)
    ordered = sorted(symbols, key=str)
    return tuple({s: draw(domain_of(s, domain), rng) for s in ordered} for _ in range(count if ordered else 1))


def number(value: Any, digits: int = DIGITS) -> Any:
    """An mpmath number from a SymPy or Python one."""
    with mpmath.workdps(digits):
        if isinstance(value, Expr):
            exact = mpmath.mpf(value.p) / value.q if value.is_Rational else None
            return value.n(digits)._to_mpmath(mpmath.mp.prec) if exact is None else exact
        return mpmath.mpf(value)


@lru_cache(maxsize=4096)
def _compiled(expression: Expr, names: tuple[Symbol, ...], digits: int) -> Callable[..., Any] | None:
    """A function of the names in alphabetical order; None where the expression has no value anywhere."""
    if expression.has(sympy.zoo, sympy.nan):
        return None
    roots = expression.atoms(sympy.CRootOf)
    expression = expression.xreplace({root: root.n(digits) for root in roots}) if roots else expression
    function: Callable[..., Any] = sympy.lambdify(names, expression, modules="mpmath")
    return function


@lru_cache(maxsize=1024)
def _ordered(names: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    return tuple(sorted(names, key=str))


def evaluate(expression: Expr, point: Point, digits: int = DIGITS) -> Any:
    """The real value of an expression at a point, an mpmath number; `nan` where there is none."""
    names = _ordered(tuple(point))
    with mpmath.workdps(digits):
        try:
            function = _compiled(expression, names, digits)
            if function is None:
                return mpmath.nan
            value = mpmath.mpmathify(function(*(number(point[s], digits) for s in names)))
            if not isinstance(value, mpmath.mpc):
                return value
            return value.real if abs(value.imag) <= mpmath.mpf(10) ** (-digits // 2) * (1 + abs(value)) else mpmath.nan
        except (ZeroDivisionError, ValueError, TypeError, OverflowError, NameError, NotImplementedError):
            return mpmath.nan
