"""Rewrites that do without a choice between regions, at the price of an ulp more or of an overflow in the midst, neither of which shows where results
are rounded to float32.

To add one, add a row to UNDIVIDED, as in rewrites.py; it is tested in the same way."""

import sympy
from sympy import Expr, Piecewise, S, cosh, log, sinh

from chainrule.codegen.rewrites import Rewrite, x, y
from chainrule.codegen.vocabulary import group, log1p, times


def _log_cosh(node: Expr) -> Expr | None:
    if not isinstance(node, log) or not isinstance(node.args[0], cosh):
        return None
    return log1p(2 * sinh(times(S.Half, node.args[0].args[0])) ** 2)


def _choice_by_sign(node: Expr) -> Expr | None:
    """A value below 0 and that value and a multiple of u above."""
    if not isinstance(node, Piecewise) or len(node.args) != 2:
        return None
    (below, condition), (above, otherwise) = node.args
    if otherwise != sympy.true or not isinstance(condition, sympy.StrictLessThan) or condition.rhs != 0:
        return None
    u = condition.lhs
    slope = sympy.cancel((above - below).replace(group, lambda inner: inner) / u)
    return group(below + slope * sympy.Max(u, 0)) if slope.is_number and slope != 0 else None


UNDIVIDED: tuple[Rewrite, ...] = (
    Rewrite("log of a cosh as a whole", "log cosh u = log1p(2 sinh²(u/2))", _log_cosh, log(cosh(x))),
    Rewrite(
        "choice by sign",
        "f for u < 0 and f + c u for u >= 0 is f + c max(u, 0)",
        _choice_by_sign,
        Piecewise((-x * y, x < 0), (x * group(1 - y), True)),
    ),
)
