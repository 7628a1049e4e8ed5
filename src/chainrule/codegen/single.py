"""Formulas that are right to 4 ulp in float32 as they stand, so that arrays of float32 need no float64; and some for float64, which no search would find.

To add a row: a function of one number u, and of one parameter p where it has one, its NumPy formula in float32, and the bounds between which that holds;
elements outside are computed in float64. double: its formula in float64, for every number, if it is to take the place of the form that the search finds. A part of a definition that is that function, of an argument or of the difference of two, gets the code. The proof
is the sweep over every float32 (``chainrule verify --exhaustive NAME``), beside the function in float64. Of a difference: its rounding, half an ulp, comes
on top, which the function may magnify by |u f'/f|, at most 2 for the rows with an error of half an ulp or less and at most 1 for the others there.

Rows that are the definition itself, but for choices that arithmetic makes, serve arrays of float64 as well (`exact`) where they give the same numbers
as the stable form.

REFUSED  silu': any form with np.exp or np.cosh of float32, which are off by up to 2.4 ulp, 4.5 ulp at -0.0447
REFUSED  silu': (1 + exp(u))² by its root, which doubles the rounding of that sum, 4.6 ulp in float64 at -1.2785
REFUSED  log(cosh(u)): log1p(2 sinh(u/2)**2), 4.1 ulp at 0.696"""

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import sympy
from sympy import Expr, Heaviside, Max, Min, Piecewise, Symbol

from chainrule.balls import Undefined
from chainrule.codegen.evaluation import evaluate
from chainrule.codegen.fits import M, parts

U, P = Symbol("u", real=True), Symbol("p", real=True)
Bounds = tuple[tuple[float, float] | None, ...]


@dataclass(frozen=True)
class Row:
    """A function, its statements in float32, and the bounds for u and for p. exact: whether they serve float64 as well. double: its statements in
    float64, right for every u, where no form that is found is as good."""

    value: Expr
    lines: tuple[str, ...]
    low: float = -math.inf
    high: float = math.inf
    parameter: tuple[float, float] = (2.0**-20, 2.0**20)
    exact: bool = False
    double: tuple[str, ...] = ()


EXP = sympy.exp(U)
SILU_ROOT = -1 - sympy.LambertW(sympy.exp(-1))
"""Where 1 + u + exp(u), a factor of the derivative of u/(1 + exp(-u)), is 0. About it the sum is d + exp(root) expm1(d), two numbers of one sign."""
HIGH, LOW = parts("root", M.mpf(SILU_ROOT.evalf(60))).coefficients
RISE = sympy.exp(SILU_ROOT)
"""The sum grows 1 + RISE times as fast as u there, so much does it lack where LOW is left out of d, which then is exact."""
REST = float(LOW * (1 + RISE))

ROWS = (
    Row(1 / (1 + 1 / EXP), ("e = np.exp(u)", "return e / (1.0 + e)"), high=80.0),
    Row(EXP / (1 + EXP) ** 2, ("return 0.5 / (1.0 + np.cosh(u))",), -88.0, 88.0),
    Row(sympy.tanh(U), ("return np.tanh(u)",)),
    Row(1 - sympy.tanh(U) ** 2, ("return 2.0 / (1.0 + np.cosh(u + u))",), -44.0, 44.0),
    Row(sympy.log(1 + EXP), ("return np.log1p(np.exp(-np.abs(u))) + np.maximum(u, 0.0)",)),
    Row(U / (1 + 1 / EXP), ("return u / (1.0 + np.exp(-u))",), low=-85.0),
    Row(
        sympy.diff(U / (1 + 1 / EXP), U),
        ("return logistic_gate_slope(u)",),
        -(2.0**100),
        2.0**100,
        double=(
            "t = np.maximum(-np.abs(u), -800.0)",
            "w = np.exp(-np.maximum(t, -600.0))",
            "e = 1.0 / w",
            f"d = t + {-HIGH!r}",
            f"n = np.where(np.abs(d) < 0.65, d + ({float(RISE)!r} * np.expm1(d) + {-REST!r}), 1.0 + t + e)",
            "s = n / (w + (2.0 + e)) * np.exp(np.minimum(t + 600.0, 0.0))",
            "return np.where(u < 0.0, s, 1.0 - s)",
        ),
    ),
    Row(
        Piecewise((U, U > 0), (P * (EXP - 1), True)),
        ("return np.maximum(u, p * np.expm1(np.minimum(u, 0.0)))",),
        parameter=(2.0**-20, 1.0),
        exact=True,
    ),
    Row(
        Piecewise((1, U > 0), (P * EXP, True)),
        ("return np.maximum(p * np.exp(np.minimum(u, 0.0)), np.where(u > 0.0, 1.0, 0.0))",),
        low=-87.0,  # below, exp(u) is subnormal and its error is multiplied by p
        parameter=(2.0**-20, 1.0),
    ),
    Row(Piecewise((0, U > 0), (EXP - 1, True)), ("return np.expm1(np.minimum(u, 0.0))",), exact=True),
    Row(Max(U, 0), ("return np.maximum(u, 0.0)",), exact=True),
    Row(Heaviside(U), ("return np.where(u > 0.0, 1.0, 0.0)",)),
    Row(Piecewise((U, U > 0), (P * U, True)), ("return np.maximum(u, p * u)",), parameter=(2.0**-20, 1.0), exact=True),
    Row(
        Piecewise((1, U > 0), (P, True)),
        ("return np.maximum(np.where(u > 0.0, 1.0, 0.0), p)",),
        parameter=(2.0**-20, 1.0),
        exact=True,
    ),
    Row(Min(U, 0), ("return np.minimum(u, 0.0)",), exact=True),
    Row(U**2, ("return u * u",)),
    Row(U**2 / 2, ("return 0.5 * u * u",)),
    Row(2 * U, ("return u + u",)),
    Row(U, ("return u",)),
    Row(abs(U), ("return np.abs(u)",)),
    Row(sympy.sign(U), ("return np.sign(u)",)),
    Row(
        Piecewise((U**2 / 2, abs(U) <= P), (P * (abs(U) - P / 2), True)),
        ("c = clipped(u, p)", "return c * (u - 0.5 * c)"),
        parameter=(1.0, 2.0**20),  # below 1, u may overflow where the result does not
        exact=True,
    ),
    Row(
        U * (1 + sympy.erf(U / sympy.sqrt(2))) / 2,
        ("return normal_gate(u)",),
        double=("return normal_gate(u)",),
    ),
    Row(
        sympy.diff(U * (1 + sympy.erf(U / sympy.sqrt(2))) / 2, U),
        ("return normal_gate_slope(u)",),
        double=("return normal_gate_slope(u)",),
    ),
    Row(Max(-P, Min(U, P)), ("return clipped(u, p)",), exact=True),
)
EXACT = (
    *(row for row in ROWS if row.exact),
    Row(
        Piecewise((1, U > 0), (P * EXP, True)),
        ("e = np.exp(0.5 * np.minimum(u, 0.0))", "return np.maximum(p * e * e, np.where(u > 0.0, 1.0, 0.0))"),
        parameter=(2.0**-20, 1.0),
    ),
)
"""Rows for float64."""
PROBES = (-9.5, -3.25, -0.75, 0.375, 1.875, 6.5)
PARAMETERS = (0.375, 1.75)
SECONDS = (0.625, -1.375)
"""Values of what is subtracted."""
BITS = 400
EQUAL = 1e-25


def single(
    value: Expr,
    arguments: Sequence[tuple[str, Symbol]],
    parameters: Sequence[tuple[str, Symbol]],
    rows: Sequence[Row] = ROWS,
) -> tuple[tuple[str, ...], Bounds] | None:
    """The statements of a function in float32 and the bounds of its arguments and parameters; None where no row has it."""
    found = _found(value, tuple(arguments), tuple(parameters), tuple(rows))
    if found is None:
        return None
    row, first, second, p = found
    between = (row.low, row.high) if (row.low, row.high) != (-math.inf, math.inf) else None
    bounds: dict[str, tuple[float, float] | None] = {p: row.parameter} if p else {}
    if between is not None and second:
        return None
    bounds[first] = between
    return _renamed(row.lines, first, second, p), tuple(bounds.get(name) for name, _ in (*arguments, *parameters))


def double(
    value: Expr, arguments: Sequence[tuple[str, Symbol]], parameters: Sequence[tuple[str, Symbol]]
) -> tuple[str, ...] | None:
    """The statements of a function in float64; None where no row has any."""
    found = _found(value, tuple(arguments), tuple(parameters))
    return _renamed(found[0].double, *found[1:]) if found is not None and found[0].double else None


@lru_cache(maxsize=256)
def _found(
    value: Expr,
    arguments: tuple[tuple[str, Symbol], ...],
    parameters: tuple[tuple[str, Symbol], ...],
    rows: tuple[Row, ...] = ROWS,
) -> tuple[Row, str, str, str] | None:
    """The row of a function, and the names of its u, of what is subtracted from it and of its p, empty where there is none."""
    used = [(name, symbol) for name, symbol in arguments if symbol in value.free_symbols]
    given = [(name, symbol) for name, symbol in parameters if symbol in value.free_symbols]
    if len(given) > 1 or not 1 <= len(used) <= 2:
        return None
    for first, *rest in itertools.permutations(used):
        symbols = [symbol for _, symbol in (first, *rest, *given)]
        for row in rows:
            if _equal(value, symbols, row, bool(rest), bool(given)):
                return row, first[0], rest[0][0] if rest else "", given[0][0] if given else ""
    return None


def _equal(value: Expr, symbols: Sequence[Symbol], row: Row, difference: bool, parameter: bool) -> bool:
    if (P in row.value.free_symbols) != parameter:
        return False
    try:
        for u in PROBES:
            for p in PARAMETERS if parameter else PARAMETERS[:1]:
                wanted = _at(row.value, (U, P), (u, p))
                for y in SECONDS if difference else SECONDS[:1]:
                    point = (u + y, y) if difference else (u,)
                    got = _at(value, tuple(symbols), (*point, p)[: len(symbols)])
                    if abs(got - wanted) > EQUAL * abs(wanted):
                        return False
    except Undefined:
        return False
    return True


@lru_cache(maxsize=4096)
def _at(value: Expr, symbols: tuple[Symbol, ...], point: tuple[float, ...]):  # type: ignore[no-untyped-def]
    return evaluate(value, symbols, point, BITS)


def _renamed(lines: tuple[str, ...], first: str, second: str, p: str) -> tuple[str, ...]:
    """The statements of a row in the names of a function."""
    texts = [re.sub(r"\bp\b(?!\.)", p, line) for line in lines]
    if second:
        return (f"u = {first} - {second}", *texts)
    return tuple(re.sub(r"\bu\b", first, text) for text in texts)
