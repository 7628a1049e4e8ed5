"""The derivative of every elementary function, one row each.

To add a row, write the function's name (as in ``expression.convert.FUNCTIONS``), the words a textbook uses for the rule, and
its derivative in u. It is tested by itself: each row is compared with a numerical derivative, and corrupting it must be caught.
"""

from typing import Any, NamedTuple

import sympy as sp

u = sp.Symbol("u", real=True)


class Elementary(NamedTuple):
    name: str
    rule: str
    derivative: Any
    at: float = 0.4


ELEMENTARY: tuple[Elementary, ...] = (
    Elementary("exp", "exponential rule", sp.exp(u)),
    Elementary("log", "logarithm rule", 1 / u),
    Elementary("sqrt", "square root rule", 1 / (2 * sp.sqrt(u))),
    Elementary("sin", "sine rule", sp.cos(u)),
    Elementary("cos", "cosine rule", -sp.sin(u)),
    Elementary("tan", "tangent rule", 1 + sp.tan(u) ** 2),
    Elementary("cot", "cotangent rule", -1 - sp.cot(u) ** 2),
    Elementary("sec", "secant rule", sp.sec(u) * sp.tan(u)),
    Elementary("csc", "cosecant rule", -sp.csc(u) * sp.cot(u)),
    Elementary("asin", "arcsine rule", 1 / sp.sqrt(1 - u**2)),
    Elementary("acos", "arccosine rule", -1 / sp.sqrt(1 - u**2)),
    Elementary("atan", "arctangent rule", 1 / (1 + u**2)),
    Elementary("sinh", "hyperbolic sine rule", sp.cosh(u)),
    Elementary("cosh", "hyperbolic cosine rule", sp.sinh(u)),
    Elementary("tanh", "hyperbolic tangent rule", 1 - sp.tanh(u) ** 2),
    Elementary("coth", "hyperbolic cotangent rule", 1 - sp.coth(u) ** 2),
    Elementary("sech", "hyperbolic secant rule", -sp.sech(u) * sp.tanh(u)),
    Elementary("csch", "hyperbolic cosecant rule", -sp.csch(u) * sp.coth(u)),
    Elementary("asinh", "inverse hyperbolic sine rule", 1 / sp.sqrt(1 + u**2)),
    Elementary("acosh", "inverse hyperbolic cosine rule", 1 / (sp.sqrt(u - 1) * sp.sqrt(u + 1)), 1.7),
    Elementary("atanh", "inverse hyperbolic tangent rule", 1 / (1 - u**2)),
    Elementary("erf", "error function rule", 2 * sp.exp(-(u**2)) / sp.sqrt(sp.pi)),
    Elementary("erfc", "complementary error function rule", -2 * sp.exp(-(u**2)) / sp.sqrt(sp.pi)),
    Elementary("abs", "absolute value rule", sp.sign(u)),
    Elementary("sign", "sign rule: constant on each side of the jump", sp.S.Zero),
    Elementary("heaviside", "step rule: constant on each side of the jump", sp.S.Zero),
    Elementary("gamma", "gamma function rule", sp.gamma(u) * sp.digamma(u)),
    Elementary("loggamma", "log-gamma rule", sp.digamma(u)),
)
assert len({row.name for row in ELEMENTARY}) == len(ELEMENTARY)
