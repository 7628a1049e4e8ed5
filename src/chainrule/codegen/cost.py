"""What a form costs: about the nanoseconds that NumPy takes for a float64, each different part counted once."""

from collections.abc import Mapping
from typing import Any

import sympy
from sympy import Expr

from chainrule.codegen import vocabulary as v

ARITHMETIC = 0.5
DIVISION = 1.0
CALLS: Mapping[Any, float] = {
    sympy.exp: 2.5,
    sympy.log: 3.0,
    sympy.sin: 6.0,
    sympy.cos: 6.0,
    sympy.tan: 12.0,
    sympy.atan: 8.0,
    sympy.asinh: 15.0,
    sympy.asin: 8.0,
    sympy.acos: 8.0,
    sympy.acosh: 15.0,
    sympy.atanh: 15.0,
    sympy.tanh: 3.0,
    sympy.cosh: 8.0,
    sympy.sinh: 8.0,
    sympy.erf: 40.0,
    v.erfc: 30.0,
    v.erfc_times: 40.0,
    v.erfcx: 16.0,
    v.exp_square: 12.0,
    v.normal_tail: 16.0,
    v.times_exp_square: 12.0,
    v.log1p: 4.0,
    v.expm1: 4.0,
    v.hypot: 6.0,
    v.lost: 5.0,
    v.refined: 3.0,
    v.remainder: 15.0,
    v.angle: 15.0,
    v.turn: 15.0,
    v.fraction: 15.0,
    v.parity: 15.0,
    v.finite_angle: 1.0,
    v.product: 0.7,
    v.quotient: 1.2,
    v.over: DIVISION,
    v.group: 0.0,
    v.instead: 0.0,
    v.away: 2 * ARITHMETIC,
    v.except_at: 3.0,
}
CHOICE = 3.0  # of two values by a condition, beside the condition
ROOT = 3.0
AGAIN = 50.0  # of an element that is computed again in more digits


def cost(expr: Expr) -> float:
    """The cost of all different parts of an expression."""
    total, seen, waiting = 0.0, set(), [expr]
    while waiting:
        node = waiting.pop()
        if node in seen or not node.args or node.is_number:
            continue
        seen.add(node)
        total += _own(node)
        waiting += node.args[:1] if node.func in (v.defined, v.known) else node.args
    return round(total, 3)


def _own(node: Any) -> float:
    if node.is_Add or node.is_Mul:
        below = sum(1 for factor in node.args if factor.is_Pow and factor.exp.is_number and factor.exp.is_negative)
        return (len(node.args) - 1) * ARITHMETIC + (DIVISION - ARITHMETIC if node.is_Mul and below else 0.0)
    if node.is_Pow:
        if abs(node.exp) == sympy.S.Half:
            return ROOT
        whole = abs(node.exp) if node.exp.is_Integer else None
        return 40.0 if whole is None else float(whole - 1) * ARITHMETIC
    if node.func == v.polynomial:
        return (2 * len(node.args) - 4) * ARITHMETIC
    if isinstance(node, sympy.Piecewise):
        return (len(node.args) - 1) * CHOICE
    return CALLS.get(node.func, ARITHMETIC)
