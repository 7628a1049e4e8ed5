"""Does a function object do what its definition says? Independent of how its code was made.

Values are compared with the definition in arbitrary precision, derivatives with numerical differentiation of the
definition, not with
the symbolic derivative; then limits, NaN, dtypes, shapes and warnings.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Symbol

from chainrule.balls import Undefined
from chainrule.calculus.checks import CheckRow
from chainrule.codegen.evaluation import CONTEXT, evaluate
from chainrule.codegen.points import Point, margins_of, on_edge, ranges, sample
from chainrule.codegen.reference import to_float
from chainrule.codegen.spec import FunctionSpec
from chainrule.codegen.stable import TOLERANCES, Measured, Problem, measure, problem
from chainrule.runtime.scalar import ScalarFunction

BITS = 900
STEP = -80  # power of two, relative; six points leave an error of 2**-480
WEIGHTS = {1: ((1, 3, 4), (2, -3, 20), (3, 1, 60)), 2: ((1, 3, 2), (2, -3, 20), (3, 1, 90))}
CENTRE = (-49, 18)  # of the second derivative
MAX_POINTS = 100
LARGEST = 250.0  # 1 - sigma has lost a third of the bits there


def check_function(function: ScalarFunction, spec: FunctionSpec) -> tuple[CheckRow, ...]:
    """Every check of a generated function against its definition, one row each; all passed means verified.

    `error` is the largest relative error, inf for a wrong infinity, sign, NaN, dtype or shape; `detail` names the
    point and both values.
    """
    return tuple(row for check in CHECKS for row in check(function, spec))


def _value(function: ScalarFunction, spec: FunctionSpec) -> Iterator[CheckRow]:
    points = sample(spec)
    stated = problem(
        spec.value, spec.symbols, points, tuple((each.lower, each.upper) for each in ranges(spec).values())
    )
    yield _row("value", spec, measure(stated, _called(function, spec), lenient=True))


def _first(function: ScalarFunction, spec: FunctionSpec) -> Iterator[CheckRow]:
    for name in spec.gradients:
        yield _derivative(spec, name, 1, _called(function.grad, spec, wrt=name))


def _second(function: ScalarFunction, spec: FunctionSpec) -> Iterator[CheckRow]:
    for name in spec.seconds:
        yield _derivative(spec, name, 2, _called(function.second, spec, wrt=name))


def _derivative(spec: FunctionSpec, name: str, order: int, compiled: Callable[..., Any]) -> CheckRow:
    k = spec.names.index(name)
    domains = tuple((each.lower, each.upper) for each in ranges(spec).values())
    margins = tuple(sorted(margins_of([spec.value]), key=str))
    points, truth, resolutions = [], [], []
    candidates = [point for point in sample(spec) if all(x == 0 or 1e-30 < abs(x) < LARGEST for x in point)]
    for point in candidates[:: max(1, len(candidates) // MAX_POINTS)]:
        if on_edge(margins, spec.symbols, point) or _at_joint(margins, spec, point) or point[k] in domains[k]:
            continue
        value = numerical(spec.value, spec.symbols, point, k, order)
        if value is not None:
            points.append(point)
            truth.append(value[0])
            resolutions.append(value[1])
    expr = spec.gradients[name] if order == 1 else spec.seconds[name]
    stated = problem(expr, spec.symbols, (), domains)
    if not points:
        found = Measured(math.inf, None, math.nan, math.nan, ())
    else:
        got = np.broadcast_to(compiled(*map(np.array, zip(*points, strict=True))), len(points))
        unresolved = (np.abs(truth) <= resolutions) & (np.abs(got) <= resolutions)
        known = tuple(float(each) for each in np.where(unresolved, got, truth))
        found = measure(
            Problem(stated.expr, stated.symbols, tuple(points), known, stated.reference), compiled, lenient=True
        )
    return _row(f"{'first' if order == 1 else 'second'} derivative by {name}", spec, found)


def _at_joint(margins: tuple[Expr, ...], spec: FunctionSpec, point: Point) -> bool:
    at = {symbol: sympy.Rational(x) for symbol, x in zip(spec.symbols, point, strict=True)}
    return any(margin.xreplace(at) == 0 for margin in margins)


def numerical(expr: Expr, symbols: tuple[Symbol, ...], point: Point, k: int, order: int) -> tuple[float, float] | None:
    """The first or second derivative by the k-th symbol, from six or seven values of the expression around the point.

    With it, the size below which this method sees only 0. None where the expression has no value nearby.
    """
    CONTEXT.prec = BITS
    x = CONTEXT.mpf(point[k])
    h = CONTEXT.ldexp(max(abs(x), CONTEXT.mpf(2) ** -40), STEP)

    def at(turns: int) -> Any:
        return evaluate(expr, symbols, (*point[:k], x + turns * h, *point[k + 1 :]), BITS)

    try:
        here = at(0)
        total = here * CENTRE[0] / CENTRE[1] if order == 2 else CONTEXT.zero
        for turns, numerator, denominator in WEIGHTS[order]:
            ahead, behind = at(turns), at(-turns)
            total += (ahead + behind if order == 2 else ahead - behind) * numerator / denominator
    except Undefined:
        return None
    scale = CONTEXT.ldexp(1 + abs(here), 3 * STEP) / max(abs(x), CONTEXT.mpf(2) ** -40) ** order
    return to_float(total / h**order), to_float(scale)


def _stated(function: ScalarFunction, spec: FunctionSpec) -> Iterator[CheckRow]:
    """The stated derivatives over every scale and at infinity, where no difference quotient reaches."""
    domains = tuple((each.lower, each.upper) for each in ranges(spec).values())
    tables = ((function.grad, spec.gradients, "first"), (function.second, spec.seconds, "second"))
    for method, table, order in tables:
        for name, expr in table.items():
            stated = problem(expr, spec.symbols, sample(spec), domains)
            found = measure(stated, _called(method, spec, wrt=name), lenient=True)
            yield _row(f"{order} derivative by {name} as stated, over every scale", spec, found)


def _extremes(function: ScalarFunction, spec: FunctionSpec) -> Iterator[CheckRow]:
    """No warning, NaN in gives NaN out, and every dtype is kept, over all points at once."""
    columns = [np.array(column) for column in zip(*sample(spec), strict=True)]
    calls: list[Callable[..., Any]] = [
        function,
        *(_by(function.grad, name) for name in spec.gradients),
        *(_by(function.second, name) for name in spec.seconds),
    ]
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn"):
        warnings.simplefilter("always")
        for call in calls:
            call(**_keywords(spec, columns))
    yield CheckRow("no warnings", not caught, math.inf if caught else 0.0, str(caught[0].message) if caught else "")
    wrong = []
    for dtype in (np.float16, np.float32, np.float64):
        narrow = [np.full(3, default, dtype) for default in _typical(spec)]
        for call in calls:
            result = call(**_keywords(spec, narrow))
            if result.dtype != dtype or result.shape != (3,):
                wrong.append(f"{np.dtype(dtype)} gave {result.dtype} of shape {result.shape}")
    yield CheckRow("dtypes and shapes", not wrong, math.inf if wrong else 0.0, "; ".join(wrong[:3]))
    lost = []
    for k, name in enumerate(spec.names):
        columns = [np.array([math.nan if j == k else default]) for j, default in enumerate(_typical(spec))]
        lost += [name for call in calls if not np.isnan(call(**_keywords(spec, columns))).all()]
    yield CheckRow("NaN passed on", not lost, math.inf if lost else 0.0, ", ".join(lost))


def _typical(spec: FunctionSpec) -> tuple[float, ...]:
    finite = [point for point in sample(spec) if all(math.isfinite(x) for x in point)]
    return min(finite, key=lambda point: sum(abs(x - 0.6) for x in point))


def _by(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    return lambda **given: method(wrt=name, **given)


def _keywords(spec: FunctionSpec, columns: list[Any]) -> dict[str, Any]:
    return dict(zip(spec.names, columns, strict=True))


def _called(method: Callable[..., Any], spec: FunctionSpec, **extra: Any) -> Callable[..., Any]:
    return lambda *columns: method(**_keywords(spec, list(columns)), **extra)


def _row(name: str, spec: FunctionSpec, found: Measured) -> CheckRow:
    at = ", ".join(f"{each} = {x!r}" for each, x in zip(spec.names, found.at or (), strict=False))
    passed = found.error <= TOLERANCES[-1]
    return CheckRow(
        name, passed, found.error, "" if passed else f"at {at}: got {found.got!r}, expected {found.wanted!r}"
    )


CHECKS: tuple[Callable[[ScalarFunction, FunctionSpec], Iterator[CheckRow]], ...] = (
    _value,
    _first,
    _second,
    _stated,
    _extremes,
)
