"""The functions that a stable form is made of: how each is evaluated with mpmath and how it is written in NumPy.

To add a word, add a row to WORDS. A word that SymPy lacks is an undefined function, so that SymPy leaves it as it
stands.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy
from sympy import Function

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
defined = Function("defined", real=True)  # (a, b): a, and b where that is 0/0
except_at = Function("except_at")  # (x, special, value, otherwise): a limit stated as a case of its own


class Undefined(Exception):
    """No number at this point at this precision: 0 * inf, log of 0, a sum that cancelled entirely."""


def exponential(m: Any, a: Any) -> Any:
    """exp, without an attempt at exponents of more than 20,000 bits."""
    if m.isinf(a) or m.mag(a) > 20000:
        return m.inf if a > 0 else m.zero
    if m.mag(a) < 60:
        return m.exp(a)
    precision = m.prec  # mpmath takes whole numbers to the power, in seconds; reduce the argument instead
    m.prec = precision + m.mag(a) + 20
    turns = int(m.floor(a / m.ln2))
    rest = a - turns * m.ln2
    m.prec = precision
    return m.ldexp(m.exp(rest), turns)


def _log(m: Any, a: Any) -> Any:
    if a <= 0:
        raise Undefined
    return m.log(a)


def _log1p(m: Any, a: Any) -> Any:
    if a <= -1:
        raise Undefined
    return m.log1p(a) if not m.isinf(a) else a


def _expm1(m: Any, a: Any) -> Any:
    return exponential(m, a) - 1 if m.mag(a) > 20 else m.expm1(a)


def _cosh(m: Any, a: Any) -> Any:
    return exponential(m, abs(a)) / 2 if m.mag(a) > 20 else m.cosh(a)


def _sinh(m: Any, a: Any) -> Any:
    return m.sign(a) * exponential(m, abs(a)) / 2 if m.mag(a) > 20 else m.sinh(a)


def _tanh(m: Any, a: Any) -> Any:
    """Beyond 10⁶ the distance from 1 is lost, and so is whatever depends on it: as if it had cancelled."""
    return m.sign(a) if m.mag(a) > 60 else m.tanh(a)


FAR = 14
"""Binary digits before the point of an argument from which an error function is taken by its asymptotic series."""


def _erfc(m: Any, a: Any) -> Any:
    """Far out, too, where it vanishes beside any power but not beside an exponential of a square."""
    if m.mag(a) <= FAR:
        return m.erfc(a)
    if a < 0:
        return m.mpf(2)
    precision = m.prec
    m.prec = precision + 2 * m.mag(a) + 20
    decay = exponential(m, -a * a)
    m.prec = precision
    return decay * _erfcx_far(m, a)


def _erfcx_far(m: Any, a: Any) -> Any:
    """Each term of the series is less than 2**-28 of the one before, as far as any precision goes."""
    if m.isinf(a):
        return m.zero
    step, term, total, k = -1 / (2 * a * a), m.one, m.one, 0
    while m.mag(term) > -m.prec:
        k += 1
        term *= (2 * k - 1) * step
        total += term
    return total / (a * m.sqrt(m.pi))


def _erf(m: Any, a: Any) -> Any:
    return m.sign(a) if m.mag(a) > FAR else m.erf(a)


def _product(m: Any, a: Any, b: Any) -> Any:
    return m.zero if a == 0 or b == 0 else a * b


def _quotient(m: Any, a: Any, b: Any) -> Any:
    if b == 0 and a != 0:
        raise Undefined
    return m.zero if a == 0 else a / b


def _heaviside(m: Any, a: Any, at_zero: Any) -> Any:
    return at_zero if a == 0 else m.mpf(a > 0)


def _copysign(m: Any, a: Any, b: Any) -> Any:
    return abs(a) if b >= 0 else -abs(a)


def _erfcx(m: Any, a: Any) -> Any:
    return _erfcx_far(m, a) if m.mag(a) > FAR else m.exp(a * a) * m.erfc(a)


def _over(m: Any, a: Any, b: Any) -> Any:
    if b == 0:
        raise Undefined
    return a / b


@dataclass(frozen=True)
class Word:
    """One function: its SymPy class, its value in an mpmath context, and its NumPy text with a place per argument."""

    function: Any
    value: Callable[..., Any]
    numpy: str
    runtime: str = ""  # the name to import from the runtime


WORDS: tuple[Word, ...] = (
    Word(sympy.exp, exponential, "np.exp({})"),
    Word(sympy.log, _log, "np.log({})"),
    Word(sympy.sin, lambda m, a: m.sin(a), "np.sin({})"),
    Word(sympy.cos, lambda m, a: m.cos(a), "np.cos({})"),
    Word(sympy.tan, lambda m, a: m.tan(a), "np.tan({})"),
    Word(sympy.atan, lambda m, a: m.atan(a), "np.arctan({})"),
    Word(sympy.asinh, lambda m, a: m.asinh(a), "np.arcsinh({})"),
    Word(sympy.tanh, _tanh, "np.tanh({})"),
    Word(sympy.cosh, _cosh, "np.cosh({})"),
    Word(sympy.sinh, _sinh, "np.sinh({})"),
    Word(sympy.erf, _erf, "erf({})", "erf"),
    Word(sympy.erfc, _erfc, "erfc({})", "erfc"),
    Word(sympy.Abs, lambda m, a: abs(a), "np.abs({})"),
    Word(sympy.sign, lambda m, a: m.sign(a), "np.sign({})"),
    Word(sympy.Heaviside, _heaviside, "np.heaviside({}, {})"),
    Word(sympy.floor, lambda m, a: m.floor(a), "np.floor({})"),
    Word(log1p, _log1p, "np.log1p({})"),
    Word(expm1, _expm1, "np.expm1({})"),
    Word(erfc, _erfc, "erfc({})", "erfc"),
    Word(erfc_times, lambda m, a, high, low, exact: _erfc(m, a * exact), "erfc_times({}, {}, {})", "erfc_times"),
    Word(exp_square, lambda m, a, c: exponential(m, c * a * a), "exp_square({}, {})", "exp_square"),
    Word(hypot, lambda m, a, b: m.sqrt(a * a + b * b), "np.hypot({}, {})"),
    Word(product, _product, "product({}, {})", "product"),
    Word(quotient, _quotient, "quotient({}, {})", "quotient"),
    Word(group, lambda m, a: a, "({})"),
    Word(except_at, lambda m, a, special, value, rest: value if a == special else rest, "np.where({} == {}, {}, {})"),
    Word(over, _over, "{} / {}"),
    Word(times, lambda m, a, b: a * b, "{} * {}"),
    Word(power, lambda m, a, n: a**n, ""),
    Word(plus, lambda m, a, b: a + b, "{} + {}"),
    Word(away, lambda m, x, high, low, exact: x - exact, "{} - {} - {}"),
    Word(copysign, _copysign, "np.copysign({}, {})"),
    Word(size, lambda m, a: abs(a), "np.abs({})"),
    Word(at_least, lambda m, a, b: max(a, b), "np.maximum({}, {})"),
    Word(at_most, lambda m, a, b: min(a, b), "np.minimum({}, {})"),
    Word(erfcx, _erfcx, "erfcx({})", "erfcx"),
    Word(normal_tail, lambda m, a: _erfcx(m, a / m.sqrt(2)), "normal_tail({})", "normal_tail"),
    Word(polynomial, lambda m, x, *c: reduce(lambda total, each: total * x + each, reversed(c)), ""),
    Word(
        times_exp_square,
        lambda m, a, x, c: a * exponential(m, c * x * x),
        "times_exp_square({}, {}, {})",
        "times_exp_square",
    ),
    Word(refined, lambda m, a, *rest: a, "", "refined"),
    Word(defined, lambda m, a, b: a, "defined({}, {})", "defined"),
    Word(remainder, lambda m, a, *rest: m.zero, "", "remainder"),
    Word(angle, lambda m, a, *rest: a, "", "angle"),
    Word(finite_angle, lambda m, a, *rest: a, "", "finite_angle"),
    Word(turn, lambda m, a, *rest: m.zero, "", "turn"),
    Word(fraction, lambda m, a, *rest: a - m.nint(a), "", "fraction"),
    Word(parity, lambda m, a, *rest: 1 - 2 * m.mpf(int(m.nint(a)) % 2), "", "parity"),
    Word(lost, lambda m, a, b: m.zero, "lost({}, {})", "lost"),
)
WITH_FORMULA = {remainder: "two_parts", **dict.fromkeys((angle, finite_angle, turn, fraction, parity), "half_turn")}
"""Words that are called with a formula, and what its first parameter is."""
BY_FUNCTION = {word.function: word for word in WORDS}
assert len(BY_FUNCTION) == len(WORDS)
