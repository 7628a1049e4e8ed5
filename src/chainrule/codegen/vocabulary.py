"""The functions that a stable form is made of: how each is evaluated by balls and how it is written in NumPy.

To add a word, add a row to WORDS. A word that SymPy lacks is an undefined function, so that SymPy leaves it as it
stands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy
from flint import arb
from sympy import Expr, Function

from chainrule.balls import FUNCTIONS, Ball, Undefined, maximum, minimum, nearest, scaled_erfc, sign

log1p = Function("log1p", real=True)
expm1 = Function("expm1", real=True)
erfc = Function("erfc_", real=True)  # SymPy's own turns erfc(-x) into 2 - erfc(x)
erfc_times = Function("erfc_times", real=True)  # (x, high, low, exact): erfc(exact x)
exp_square = Function("exp_square", real=True)  # (x, c): exp(c x²)
hypot = Function("hypot", real=True)
product = Function("product", real=True)  # 0 * inf = 0
quotient = Function("quotient", real=True)  # 0 / 0 = 0
group = Function("group", real=True)  # parentheses that SymPy does not remove
power = Function("power", real=True)  # a power of an exponential, which SymPy would merge into it
instead = Function("instead", real=True)  # e, in place of a formula where only code has a use for it
over = Function("over", real=True)  # a / b, kept as one operation
times = Function("times", real=True)  # a b, in this order
plus = Function("plus", real=True)  # a + b, in this order
away = Function("away", real=True)  # (x, high, low, r): x - r for a number r = high + low that no float64 holds
copysign = Function("copysign", real=True)  # |a| with the sign of b
size = Function("size", real=True)  # |a|, kept where SymPy knows that a is not negative
at_least = Function("at_least", real=True)  # max(a, b), which SymPy does not touch
at_most = Function("at_most", real=True)  # min(a, b), likewise
erfcx = Function("erfcx", real=True)  # exp(x²) erfc(x) for x >= 0
normal_tail = Function("normal_tail", real=True)  # exp(x²/2) erfc(x/sqrt(2)) for x >= 0
polynomial = Function("polynomial", real=True)  # (x, c0, c1, ...): by Horner's rule
times_exp_square = Function("times_exp_square", real=True)  # (a, x, c): a exp(c x²)
refined = Function(
    "refined", real=True
)  # (a, total, size, formula, x, ...): a; where the total has cancelled, by the formula in more digits
remainder = Function(
    "remainder", real=True
)  # (u, formula, x, ...): what rounding took from u, which the formula, or its negative, gives; 0 for real numbers
angle = Function("angle", real=True)  # (u, formula, x, ...): u, less a multiple of 2π where it is large
turn = Function("turn", real=True)  # of the same: what rounding took from that; 0 for real numbers
finite_angle = Function("finite_angle", real=True)  # of the same: u, less a multiple of 2π where it has overflowed
fraction = Function("fraction", real=True)  # (v, formula, x, ...): v less the nearest whole number
parity = Function("parity", real=True)  # of the same: 1 where that whole number is even, -1 where it is odd
lost = Function("lost", real=True)  # (a, b): what rounding took from a - b; 0 for real numbers
defined = Function("defined", real=True)  # (a, b): a, and b where that is 0/0, which raises a flag
known = Function("known", real=True)  # (a, b): a, and b where that is NaN and nothing says so
except_at = Function("except_at")  # (x, special, value, otherwise): a limit stated as a case of its own


def _except(outside: Callable[[Ball], bool], function: Callable[[Ball], Ball]) -> Callable[[Ball], Ball]:
    """A function that has no real value for a number of which that is certain."""

    def value(u: Ball) -> Ball:
        if outside(u):
            raise Undefined
        return function(u)

    return value


def _product(a: Ball, b: Ball) -> Ball:
    return arb(0) if a == 0 or b == 0 else a * b


def _quotient(a: Ball, b: Ball) -> Ball:
    return arb(0) if a == 0 else _over(a, b)


def _over(a: Ball, b: Ball) -> Ball:
    if b == 0:
        raise Undefined
    return a / b


def _heaviside(u: Ball, at_zero: Ball) -> Ball:
    return (arb(0), at_zero, arb(1))[sign(u) + 1]


def _copysign(a: Ball, b: Ball) -> Ball:
    return -abs(a) if sign(b) < 0 else abs(a)


@dataclass(frozen=True)
class Word:
    """One function: its SymPy class, its value by balls, and its NumPy text with a place per argument."""

    function: Any
    value: Callable[..., Ball]
    numpy: str
    runtime: str = ""  # the name to import from the runtime
    arguments: int | None = None  # that its value depends on, the first of them; all


WORDS: tuple[Word, ...] = (
    Word(sympy.exp, FUNCTIONS[sympy.exp], "np.exp({})"),
    Word(sympy.log, _except(lambda u: u <= 0, FUNCTIONS[sympy.log]), "np.log({})"),
    Word(sympy.sin, FUNCTIONS[sympy.sin], "np.sin({})"),
    Word(sympy.cos, FUNCTIONS[sympy.cos], "np.cos({})"),
    Word(sympy.tan, FUNCTIONS[sympy.tan], "np.tan({})"),
    Word(sympy.atan, FUNCTIONS[sympy.atan], "np.arctan({})"),
    Word(sympy.asinh, FUNCTIONS[sympy.asinh], "np.arcsinh({})"),
    Word(sympy.asin, _except(lambda u: abs(u) > 1, FUNCTIONS[sympy.asin]), "np.arcsin({})"),
    Word(sympy.acos, _except(lambda u: abs(u) > 1, FUNCTIONS[sympy.acos]), "np.arccos({})"),
    Word(sympy.acosh, _except(lambda u: u < 1, FUNCTIONS[sympy.acosh]), "np.arccosh({})"),
    Word(sympy.atanh, _except(lambda u: abs(u) >= 1, FUNCTIONS[sympy.atanh]), "np.arctanh({})"),
    Word(sympy.tanh, FUNCTIONS[sympy.tanh], "np.tanh({})"),
    Word(sympy.cosh, FUNCTIONS[sympy.cosh], "np.cosh({})"),
    Word(sympy.sinh, FUNCTIONS[sympy.sinh], "np.sinh({})"),
    Word(sympy.erf, FUNCTIONS[sympy.erf], "erf({})", "erf"),
    Word(sympy.erfc, FUNCTIONS[sympy.erfc], "erfc({})", "erfc"),
    Word(sympy.Abs, abs, "np.abs({})"),
    Word(sympy.Max, maximum, ""),
    Word(sympy.Min, minimum, ""),
    Word(sympy.sign, lambda u: arb(sign(u)), "np.sign({})"),
    Word(sympy.Heaviside, _heaviside, "np.heaviside({}, {})"),
    Word(sympy.floor, lambda u: u.floor(), "np.floor({})"),
    Word(log1p, _except(lambda u: u <= -1, lambda u: u.log1p()), "np.log1p({})"),
    Word(expm1, lambda u: u.expm1(), "np.expm1({})"),
    Word(erfc, FUNCTIONS[sympy.erfc], "erfc({})", "erfc"),
    Word(erfc_times, lambda u, high, low, exact: (u * exact).erfc(), "erfc_times({}, {}, {})", "erfc_times"),
    Word(exp_square, lambda u, c: (c * u * u).exp(), "exp_square({}, {})", "exp_square"),
    Word(hypot, lambda a, b: (a * a + b * b).sqrt(), "np.hypot({}, {})"),
    Word(product, _product, "product({}, {})", "product"),
    Word(quotient, _quotient, "quotient({}, {})", "quotient"),
    Word(group, lambda u: u, "({})"),
    Word(instead, lambda u: u, "{}"),
    Word(except_at, lambda u, special, value, rest: value if u == special else rest, "np.where({} == {}, {}, {})"),
    Word(over, _over, "{} / {}"),
    Word(times, lambda a, b: a * b, "{} * {}"),
    Word(power, FUNCTIONS[sympy.Pow], ""),
    Word(plus, lambda a, b: a + b, "{} + {}"),
    Word(away, lambda u, high, low, exact: u - exact, "{} - {} - {}"),
    Word(copysign, _copysign, "np.copysign({}, {})"),
    Word(size, abs, "np.abs({})"),
    Word(at_least, maximum, "np.maximum({}, {})"),
    Word(at_most, minimum, "np.minimum({}, {})"),
    Word(erfcx, scaled_erfc, "erfcx({})", "erfcx"),
    Word(normal_tail, lambda u: scaled_erfc(u / arb(2).sqrt()), "normal_tail({})", "normal_tail"),
    Word(polynomial, lambda u, *c: reduce(lambda total, each: total * u + each, reversed(c)), ""),
    Word(
        times_exp_square,
        lambda a, u, c: a * (c * u * u).exp(),
        "times_exp_square({}, {}, {})",
        "times_exp_square",
    ),
    Word(refined, lambda u: u, "", "refined", arguments=1),
    Word(defined, lambda a: a, "defined({}, {})", "defined", arguments=1),
    Word(known, lambda a: a, "known({}, {})", "known", arguments=1),
    Word(remainder, lambda: arb(0), "", "remainder", arguments=0),
    Word(angle, lambda u: u, "", "angle", arguments=1),
    Word(finite_angle, lambda u: u, "", "finite_angle", arguments=1),
    Word(turn, lambda: arb(0), "", "turn", arguments=0),
    Word(fraction, lambda u: u - nearest(u), "", "fraction", arguments=1),
    Word(parity, lambda u: arb(-1 if nearest(u) % 2 else 1), "", "parity", arguments=1),
    Word(lost, lambda: arb(0), "lost({}, {})", "lost", arguments=0),
)
WITH_FORMULA = {remainder: "two_parts", **dict.fromkeys((angle, finite_angle, turn, fraction, parity), "half_turn")}
"""Words that are called with a formula, and what its first parameter is."""
BY_FUNCTION = {word.function: word for word in WORDS}
assert len(BY_FUNCTION) == len(WORDS)


def is_reciprocal(expr: Expr) -> bool:
    """A power of which the exponent is a negative number."""
    return bool(expr.is_Pow and expr.exp.is_number and expr.exp.is_negative)
