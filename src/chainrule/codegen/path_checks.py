"""Do all paths of a function lead to the same numbers? The code of blocks, its guarded twin, those for moderate numbers, for float32, of loops and of NumPy, and for results of float32, that of Python
floats, and value and gradient together.

Which of them runs depends on the size and the values of the arrays, so none is left to a check of results alone."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..calculus.checks import CheckRow
from ..runtime.blocks import Kernel, Within
from ..runtime.compiling import is_single_in_loops
from ..runtime.scalar import FAILED, ScalarFunction
from .in_loops import on_model
from .points import Point, sample
from .spec import FunctionSpec

CLOSE = 1e-13
"""Relative: libraries of Python and of NumPy round the last digit of an exponential differently, and near a root that shows."""
ULP_OF_SINGLE = 4.0
"""In float32."""
ULP_OF_ROUNDED = 0.76
"""In float64, rounded: half an ulp, and a quarter that the code may be off."""
TINY = 1e-300
"""Absolute: subnormal numbers have few digits."""


def check_paths(function: ScalarFunction, spec: FunctionSpec) -> tuple[CheckRow, ...]:
    """A row for each path of each result; all points of ``sample(spec)`` are taken one at a time."""
    points = tuple(p for p in sample(spec) if not any(map(math.isnan, p)))
    found: dict[str, tuple[Any, ...]] = {}
    rows: list[CheckRow] = []
    for name, kernel in function.kernels.items():
        careful = tuple(_block(kernel, p, guarded=True) for p in points)
        found[name] = careful
        if kernel.guarded is not None:
            rows.append(_row(f"{name}: the fast code and its guarded twin", points, _twins(kernel, points, careful)))
        if kernel.moderate is not None:
            rows.append(_row(f"{name}: the code without limits", points, _without_limits(kernel, points, careful)))
        for words, within, kind, limit in (
            ("the code of float32", kernel.single, np.float32, ULP_OF_SINGLE),
            ("the code for results of float32", kernel.narrow, np.float64, ULP_OF_ROUNDED),
        ):
            if within is not None:
                rows.append(_row(f"{name}: {words}", points, _singles(kernel, within, kind, limit, points)))
        if is_single_in_loops(kernel):
            within = Within(on_model(kernel.guarded or kernel.block), (None,) * len(spec.names))
            wrong = _singles(kernel, within, np.float32, ULP_OF_SINGLE, points)
            rows.append(_row(f"{name}: the code of loops in float32", points, wrong))
        if kernel.number is not None:
            rows.append(_row(f"{name}: the code of Python floats", points, _numbers(kernel, points, careful)))
        if kernel.results == 2:
            wrt = name.rsplit(" ", 1)[1]
            apart = zip(found["value"], found[f"grad {wrt}"], strict=True)
            wrong = ((k, both, (*v, *g)) for k, (both, (v, g)) in enumerate(zip(careful, apart, strict=True)))
            rows.append(
                _row(f"{name}: as computed apart", points, ((k, a, b) for k, a, b in wrong if not _identical(a, b)))
            )
    return tuple(rows)


def _block(kernel: Kernel, point: Point, guarded: bool) -> tuple[float, ...]:
    """The results for one point; none where the fast code raises the flag that calls for its twin."""
    inputs = [np.array([x]) for x in point]
    outs = [np.zeros(1) for _ in range(kernel.results)]
    room = [np.zeros(1) for _ in range(kernel.scratch)] + [np.zeros(1, np.bool_) for _ in range(kernel.masks)]
    code = kernel.guarded if guarded and kernel.guarded is not None else kernel.block
    raised = kernel.guarded is not None and not guarded
    with np.errstate(all="ignore", invalid="raise" if raised else "ignore"):
        try:
            code(*inputs, *outs, *room)
        except FloatingPointError:
            return ()
    return tuple(float(out[0]) for out in outs)


def _within(kernel: Kernel, within: Within, point: Point, kind: Any) -> tuple[float, ...]:
    """The results for one point by the code that is meant for inputs between bounds; none where it lies outside, or where in float64 the
    flag is raised that calls for the guarded twin."""
    raised = kernel.guarded is not None and kind is np.float64
    with np.errstate(all="ignore", invalid="raise" if raised else "ignore"):
        inputs = [np.array([x], kind) for x in point]
        outs = [np.zeros(1, kind) for _ in range(kernel.results)]
        room = [np.zeros(1, kind) for _ in range(kernel.scratch)] + [np.zeros(1, np.bool_) for _ in range(kernel.masks)]
        if np.any(within.outside(inputs)):
            return ()
        try:
            within.block(*inputs, *outs, *room)
        except FloatingPointError:
            return ()
    return tuple(float(out[0]) for out in outs)


Wrong = tuple[int, Any, Any]


def _twins(kernel: Kernel, points: tuple[Point, ...], careful: tuple[Any, ...]) -> Iterator[Wrong]:
    for k, point in enumerate(points):
        fast = _block(kernel, point, guarded=False)
        if fast and not _identical(fast, careful[k]):
            yield k, fast, careful[k]


def _without_limits(kernel: Kernel, points: tuple[Point, ...], careful: tuple[Any, ...]) -> Iterator[Wrong]:
    assert kernel.moderate is not None
    for k, point in enumerate(points):
        found = _within(kernel, kernel.moderate, point, np.float64)
        if found and not _identical(found, careful[k]):
            yield k, found, careful[k]


def _singles(kernel: Kernel, within: Within, kind: Any, limit: float, points: tuple[Point, ...]) -> Iterator[Wrong]:
    """Rounded to float32, beside the code of float64 at the nearest float32."""
    with np.errstate(all="ignore"):
        near = [tuple(float(np.float32(x)) for x in point) for point in points]
    for k, point in enumerate(near):
        found = _within(kernel.but(guarded=None), within, point, kind)
        wanted = _block(kernel, point, guarded=True) if found else ()
        with np.errstate(all="ignore"):
            rounded = tuple(float(np.float32(x)) for x in found)
        if not all(_in_ulp(got, each) <= limit for got, each in zip(rounded, wanted, strict=True)):
            yield k, rounded, wanted


def _in_ulp(got: float, wanted: float) -> float:
    """How far a float32 is from a number, in units of its last place."""
    with np.errstate(all="ignore"):
        if got == np.float32(wanted) or (got != got and wanted != wanted):
            return 0.0
    exponent = max(math.frexp(wanted)[1] - 24, -149) if math.isfinite(wanted) else 0
    return abs(got - wanted) / 2.0**exponent


def _numbers(kernel: Kernel, points: tuple[Point, ...], careful: tuple[Any, ...]) -> Iterator[Wrong]:
    assert kernel.number is not None
    for k, point in enumerate(points):
        try:
            got = kernel.number(*point)
        except FAILED:
            continue
        wanted = careful[k][0]
        if not (got == wanted or abs(got - wanted) <= CLOSE * abs(wanted) + TINY or (got != got and wanted != wanted)):
            yield k, got, wanted


def _identical(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return all(a == b or (a != a and b != b) for a, b in zip(first, second, strict=True))


def _row(name: str, points: tuple[Point, ...], wrong: Iterator[Wrong]) -> CheckRow:
    for k, got, wanted in wrong:
        return CheckRow(name, False, math.inf, f"at {points[k]}: got {got!r}, expected {wanted!r}")
    return CheckRow(name, True, 0.0, "")
