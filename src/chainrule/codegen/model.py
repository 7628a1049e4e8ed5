"""NumPy on a model machine: the four operations and the square root as IEEE 754 has them, every other function wrong by up to 1.1 ulp in
a fixed pattern.

Forms are compared here, so that the choice is the same on every machine, and holds for any library whose functions are right to 1.1 ulp.
"""

import math
import struct
import types
from collections.abc import Callable
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from flint import arb, ctx

from chainrule.balls import Ball, Undecided, Undefined
from chainrule.codegen.evaluation import certain, number
from chainrule.codegen.ulp import SMALLEST, Floats, rest
from chainrule.codegen.vocabulary import BY_FUNCTION, expm1, hypot, log1p, power
from chainrule.runtime import exponents, extended, scalar, special, waves
from chainrule.runtime.compiling import is_compiled

BITS = 100
MOVED = 0.6  # of an ulp, beside the half of rounding
MOVED_LESS = 0.15
BETTER = ("exp", "log")  # within 0.65 ulp in every library that NumPy is built on
NEARLY_EXACT = (
    2.0**-20
)  # of an ulp: such results are right in every library, and so are those that round to ±1, a bound of many functions
EXACT: dict[str, Callable[..., Ball]] = {
    name: BY_FUNCTION[word].value
    for name, word in {
        "exp": sympy.exp,
        "expm1": expm1,
        "log": sympy.log,
        "log1p": log1p,
        "tanh": sympy.tanh,
        "sinh": sympy.sinh,
        "cosh": sympy.cosh,
        "sin": sympy.sin,
        "cos": sympy.cos,
        "tan": sympy.tan,
        "arctan": sympy.atan,
        "arcsinh": sympy.asinh,
        "arcsin": sympy.asin,
        "arccos": sympy.acos,
        "arccosh": sympy.acosh,
        "arctanh": sympy.atanh,
        "hypot": hypot,
        "power": power,
    }.items()
}
OF_BALLS = {"ln": "log"}
"""Methods that are called otherwise where decimals have them."""
VANISHED = arb((1, -1100))
FIRST_TRY = extended.context(extended.DIGITS[0])
LADDER = tuple(round(digits / math.log10(2)) for digits in extended.DIGITS)  # bits
_KNOWN: dict[str, dict[Any, float]] = {name: {} for name in EXACT}
MOST_KNOWN = 200_000


def _moved(name: str, given: tuple[float, ...], otherwise: float) -> float:
    """otherwise: what NumPy has found, which stands where there is no number or one that no number of the model machine comes near."""
    ctx.prec = BITS
    try:
        value = number(EXACT[name](*map(arb, given)))
        near = float(value)
    except (Undefined, OverflowError):
        return otherwise
    if near == 0 or not math.isfinite(near):
        return near
    unit, lacking = math.ulp(near), rest(value, near)
    if abs(lacking) < NEARLY_EXACT or near in (1, -1) or unit <= 2.0**SMALLEST:
        return near
    return float(near + (lacking + _pattern(given) * (MOVED_LESS if name in BETTER else MOVED)) * unit)


def _pattern(given: tuple[float, ...]) -> float:
    """Between -1 and 1, from the bits of the arguments."""
    bits = 0
    for x in given:
        bits = (bits ^ struct.unpack("<Q", struct.pack("<d", x))[0]) * 0x9E3779B97F4A7C15 % 2**64
        bits ^= bits >> 29
    return bits * 0xBF58476D1CE4E5B9 % 2**64 / 2.0**63 - 1


def _function(name: str) -> Callable[..., Any]:
    known, plain = _KNOWN[name], getattr(np, name)

    def apply(*arrays: Any) -> Floats:
        with np.errstate(all="ignore"):
            start = np.asarray(plain(*arrays), dtype=np.float64)
        columns = [np.broadcast_to(np.asarray(each, dtype=np.float64), start.shape).ravel() for each in arrays]
        result = start.ravel().copy()
        doubtful = np.isfinite(result) | np.isinf(result)
        for column in columns:
            doubtful &= np.isfinite(column) & (column != 0)
        if len(known) > MOST_KNOWN:
            known.clear()
        places = np.flatnonzero(doubtful)
        for k, given in zip(
            places.tolist(), zip(*(column[places].tolist() for column in columns), strict=True), strict=True
        ):
            found = known.get(given)
            if found is None:
                found = known[given] = _moved(name, given, float(result[k]))
            result[k] = found
        return result.reshape(start.shape)

    return apply


class _Model(types.SimpleNamespace):
    """Stands for the module `numpy`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


NUMPY: Any = _Model(**{name: _function(name) for name in EXACT})


def _on_model(module: types.ModuleType) -> dict[str, Any]:
    """The functions of a module, computing with those of the model, which are not compiled."""
    space: dict[str, Any] = {**vars(module), "np": NUMPY, "is_compiled": lambda: False}
    for name, each in vars(module).items():
        if isinstance(each, types.FunctionType) and each is not is_compiled:
            space[name] = types.FunctionType(each.__code__, space, name, each.__defaults__, each.__closure__)
    return space


@lru_cache(maxsize=MOST_KNOWN)
def _in_digits(code: types.CodeType, given: tuple[float, ...], otherwise: float) -> float:
    """What `extended` computes in decimals, by balls, which say sooner how many digits are enough; nothing where a decimal would overflow."""
    try:
        with localcontext(FIRST_TRY):
            types.FunctionType(code, {})(*map(Decimal, given))
    except ArithmeticError:
        return otherwise
    formula = types.FunctionType(code.replace(co_names=tuple(OF_BALLS.get(name, name) for name in code.co_names)), {})
    for bits in LADDER:
        ctx.prec = bits
        ball = formula(*map(arb, given))
        if abs(ball) < VANISHED:
            return 0.0
        try:
            return float(certain(ball))
        except Undecided:
            continue
    return otherwise


RUNTIME: dict[str, Any] = {
    **vars(scalar),
    **_on_model(special),
    **_on_model(extended),
    **_on_model(exponents),
    **_on_model(waves),
}
RUNTIME["refined"].__globals__["_decimally"] = lambda formula, given, otherwise: _in_digits(
    formula.__code__, tuple(given), otherwise
)
