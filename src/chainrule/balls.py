"""Real functions of balls: numbers with a radius that holds every rounding error, by Arb (Johansson, 2017). Certificates and the search for stable forms take
true values from them.

To teach them a function, add a row to FUNCTIONS.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import sympy
from flint import arb

Ball = Any  # flint has no types


class Undefined(Exception):
    """There is no number at this point: a quotient by 0, the logarithm of 0."""


class Undecided(Undefined):
    """At this precision nothing can be told: a sum that cancelled entirely, a number that may be on either side of a condition."""


def sign(u: Ball) -> int:
    if u > 0:
        return 1
    if u < 0:
        return -1
    if u == 0:
        return 0
    raise Undecided


def whole_power(u: Ball, exponent: int) -> Ball:
    """By multiplications: the power of flint gives NaN for a ball around 0."""
    if exponent < 0:
        return 1 / whole_power(u, -exponent)
    result, square = arb(1), u
    while exponent:
        if exponent & 1:
            result = result * square
        square, exponent = square * square, exponent >> 1
    return result


def nearest(u: Ball) -> Any:
    """The nearest whole number, of two as near the even one."""
    above = (u + 0.5).floor()
    whole = above.unique_fmpz()
    if whole is None:
        raise Undecided
    return whole - 1 if whole % 2 and u + 0.5 == above else whole


SCALED = 4
"""Beyond, exp(x²) erfc(x) by Tricomi's function, whose digits a large exponent does not take."""


def scaled_erfc(u: Ball) -> Ball:
    """exp(u²) erfc(u)."""
    if u > SCALED:
        return (u * u).hypgeom_u(arb(0.5), arb(0.5)) / arb.const_sqrt_pi()
    return (u * u).exp() * u.erfc()


def maximum(*values: Ball) -> Ball:
    return reduce(lambda a, b: a.max(b), values)


def minimum(*values: Ball) -> Ball:
    return reduce(lambda a, b: a.min(b), values)


def all_of(*truths: bool | None) -> bool | None:
    """None is what cannot be told."""
    return False if False in truths else None if None in truths else True


def any_of(*truths: bool | None) -> bool | None:
    return True if True in truths else None if None in truths else False


def opposite(truth: bool | None) -> bool | None:
    return None if truth is None else not truth


FUNCTIONS: Mapping[Any, Callable[..., Ball]] = {
    sympy.exp: lambda u: u.exp(),
    sympy.log: lambda u: u.log(),
    sympy.sin: lambda u: u.sin(),
    sympy.cos: lambda u: u.cos(),
    sympy.tan: lambda u: u.tan(),
    sympy.asin: lambda u: u.asin(),
    sympy.acos: lambda u: u.acos(),
    sympy.atan: lambda u: u.atan(),
    sympy.sinh: lambda u: u.sinh(),
    sympy.cosh: lambda u: u.cosh(),
    sympy.tanh: lambda u: u.tanh(),
    sympy.coth: lambda u: u.coth(),
    sympy.sech: lambda u: u.sech(),
    sympy.asinh: lambda u: u.asinh(),
    sympy.acosh: lambda u: u.acosh(),
    sympy.atanh: lambda u: u.atanh(),
    sympy.erf: lambda u: u.erf(),
    sympy.erfc: lambda u: u.erfc(),
    sympy.erfi: lambda u: u.erfi(),
    sympy.gamma: lambda u: u.gamma(),
    sympy.loggamma: lambda u: u.lgamma(),
    sympy.digamma: lambda u: u.digamma(),
    sympy.Abs: lambda u: abs(u),
    sympy.Max: maximum,
    sympy.Min: minimum,
    sympy.Pow: lambda u, v: u**v,
}
CONSTANTS: Mapping[Any, Callable[[], Ball]] = {
    sympy.pi: lambda: arb.pi(),
    sympy.E: lambda: arb(1).exp(),
    sympy.EulerGamma: lambda: arb.const_euler(),
    sympy.Catalan: lambda: arb.const_catalan(),
    sympy.GoldenRatio: lambda: (1 + arb(5).sqrt()) / 2,
}
