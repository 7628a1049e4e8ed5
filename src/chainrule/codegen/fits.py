"""The coefficients in `chainrule.runtime.special`, `chainrule.runtime.gates`, `chainrule.runtime.loops.elementary` and `chainrule.runtime.loops.single_gates`,
computed anew: ``python -m chainrule.codegen.fits`` prints them with their errors."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import mpmath
import sympy

from chainrule.codegen.evaluation import evaluate
from chainrule.runtime.gates import COLUMNS, COLUMNS_SINGLE, FAR, FAR_SINGLE, MIDDLES, SCALE, SCALE_SINGLE, WEIGHT

M = mpmath.MPContext()
M.dps = 60
U = sympy.Symbol("u", real=True)
SLOPE = sympy.diff(U * (1 + sympy.erf(U / sympy.sqrt(2))) / 2, U)
LOGISTIC_SLOPE = sympy.diff(U / (1 + sympy.exp(-U)), U)
BITS = 2600
LINES = 1 << 14
Coefficients = tuple[float, ...]


@dataclass(frozen=True)
class Fit:
    """A polynomial by rising powers, and its largest relative error before its coefficients are rounded."""

    name: str
    coefficients: Coefficients
    error: float


def scaled_erfc(x: Any) -> Any:
    """exp(x²) erfc(x)."""
    if x < 100:
        return M.exp(x * x) * M.erfc(x)
    term, total, k = M.one, M.one, 0
    while abs(term) > M.eps:
        k += 1
        term *= -M.mpf(2 * k - 1) / (2 * x * x)
        total += term
    return total / (x * M.sqrt(M.pi))


def half_line(
    name: str,
    f: Callable[[Any], Any],
    degree: int,
    middle: Any,
    weight: Any,
    top: Any = M.inf,
    tests: int = 400,
    known: int = 0,
) -> Fit:
    """A polynomial of that degree in t = (x - middle)/(x + middle), equal to (1 + weight x) f(x) at its Chebyshev
    points for 0 <= x <= top; known: a part of its constant term that is left out."""
    last = M.one if M.isinf(top) else (top - middle) / (top + middle)
    ts = [(last - 1) / 2 - (last + 1) / 2 * M.cos(M.pi * (2 * k + 1) / (2 * degree + 2)) for k in range(degree + 1)]

    def wanted(t: Any) -> Any:
        x = middle * (1 + t) / (1 - t)
        return (1 + weight * x) * f(x)

    found = interpolate(ts, [wanted(t) for t in ts], M)
    points = [(last + 1) * M.mpf(k) / tests - 1 for k in range(1, tests)]
    error = max(abs(_value(found, t) / wanted(t) - 1) for t in points)
    found[0] -= known
    return Fit(name, tuple(map(float, found)), float(error))


def normal_tail(x: Any) -> Any:
    """exp(x²/2) times the probability that a standard normal variable exceeds x."""
    return scaled_erfc(x / M.sqrt(2)) / 2


def _weighted_tail(x: Any) -> Any:
    return WEIGHT * normal_tail(x)


def raised(name: str, f: Callable[[Any], Any], weight: Any, single: bool = False) -> tuple[Fit, Fit]:
    """A number and a polynomial p with exp(number - x²/2)/scale (1 + p) = exp(-x²/2) (1 + weight x) f(x), so that the
    constant term of p is only what is left by the number, which has few bits."""
    columns, scale, top = (2 * COLUMNS_SINGLE, SCALE_SINGLE, FAR_SINGLE) if single else (4 * COLUMNS, SCALE, FAR)
    middle = M.mpf(MIDDLES[name])
    number = M.nint(M.log((1 + weight * middle) * f(middle) * scale) * 2**24) / 2**24
    factor = scale * M.exp(-number)
    found = half_line(name, lambda x: factor * f(x), columns - 1, middle, weight, M.mpf(top), 60, known=1)
    return Fit(f"{name}_RAISED", (float(number),), 0.0), found


def _slope_tail(x: Any) -> Any:
    """What `normal_tail` becomes in the derivative of x Φ(x) at -x, which SymPy finds."""
    return M.exp(x * x / 2) * M.mpf(evaluate(SLOPE, (U,), (-x,), BITS))


@lru_cache(maxsize=1)
def _slope_root() -> Any:
    return M.findroot(_slope_tail, 0.75)


def _slope_over_root(x: Any) -> Any:
    root = _slope_root()
    return _slope_tail(x) / (root - x)


def _logistic_factor(x: Any) -> Any:
    """What exp(-x)/(1 + exp(-x))² becomes the derivative of x/(1 + exp(-x)) by, at -x."""
    e = M.exp(-x)
    return M.mpf(evaluate(LOGISTIC_SLOPE, (U,), (-x,), BITS)) * (1 + e) ** 2 / e


@lru_cache(maxsize=1)
def _logistic_root() -> Any:
    return M.findroot(_logistic_factor, 1.28)


@lru_cache
def line(name: str, root: Any, near: float) -> Fit:
    """A number c of float32, not much above `near`, and c times a root in two parts: of many numbers that for which the second part is least."""
    first = struct.unpack("i", struct.pack("f", near))[0]
    numbers = [struct.unpack("f", struct.pack("i", first + k))[0] for k in range(LINES)]
    c = min(numbers, key=lambda each: abs(parts(name, each * root, "f").coefficients[1]))
    return Fit(name, (c, *parts(name, c * root, "f").coefficients), 0.0)


def single_gates() -> Iterator[Fit]:
    """Those of gates that are computed in float32."""
    yield half_line("TAIL_SINGLE", lambda x: 2 * normal_tail(x), 10, M.mpf(3.5), M.one, M.mpf(15), 60, known=1)
    yield (slope := line("SLOPE_LINE_SINGLE", _slope_root(), 0.58))
    yield half_line(
        "SLOPE_TAIL_SINGLE",
        lambda x: _slope_over_root(x) / slope.coefficients[0],
        8,
        M.mpf(4.5),
        M.zero,
        M.mpf(15),
        60,
        known=1,
    )
    root = _logistic_root()
    yield (logistic := line("LOGISTIC_LINE_SINGLE", root, 1.278))
    yield around_zero(
        "LOGISTIC_SINGLE", lambda d: _logistic_factor(root - d) / d / logistic.coefficients[0], 5, M.mpf(0.45), known=1
    )


def parts(name: str, number: Any, kind: str = "d") -> Fit:
    """A number as the sum of two of float64, or of float32 (kind "f")."""
    high = struct.unpack(kind, struct.pack(kind, float(number)))[0]
    return Fit(name, (high, float(number - high)), 0.0)


def square(name: str, f: Callable[[Any], Any], degree: int, top: Any) -> Fit:
    """A polynomial of that degree in t = x², 0 <= t <= top, equal to f at its Chebyshev points."""
    ts = [top * (1 - M.cos(M.pi * (2 * k + 1) / (2 * degree + 2))) / 2 for k in range(degree + 1)]
    found = interpolate(ts, [f(M.sqrt(t)) for t in ts], M)
    tests = [top * M.mpf(k) / 400 for k in range(1, 401)]
    error = max(abs(_value(found, t) / f(M.sqrt(t)) - 1) for t in tests)
    return Fit(name, tuple(map(float, found)), float(error))


def around_zero(name: str, f: Callable[[Any], Any], degree: int, top: Any, known: int = 0) -> Fit:
    """A polynomial of that degree, equal to f at its Chebyshev points for -top <= x <= top; known: a part of its constant term that is left out."""
    xs = [top * M.cos(M.pi * (2 * k + 1) / (2 * degree + 2)) for k in range(degree + 1)]
    found = interpolate(xs, [f(x) for x in xs], M)
    tests = [top * (M.mpf(2 * k + 1) / 400 - 1) for k in range(400)]
    error = max(abs(_value(found, x) / f(x) - 1) for x in tests)
    found[0] -= known
    return Fit(name, tuple(map(float, found)), float(error))


def exponential_rest(r: Any) -> Any:
    """(exp(r) - 1 - r)/r², in digits enough for small r."""
    with M.workdps(3 * M.dps):
        return (M.exp(r) - 1 - r) / (r * r)


def logarithm_rest(s: Any) -> Any:
    """(log((1 + s)/(1 - s))/s - 2)/s², likewise."""
    with M.workdps(3 * M.dps):
        return (M.log((1 + s) / (1 - s)) / s - 2) / (s * s)


def interpolate(xs: list[Any], ys: list[Any], m: Any) -> list[Any]:
    """The polynomial through the points, by rising powers (Newton's divided differences)."""
    table = list(ys)
    for k in range(1, len(xs)):
        for i in range(len(xs) - 1, k - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (xs[i] - xs[i - k])
    found = [m.zero]
    for x, c in zip(reversed(xs), reversed(table), strict=True):
        found = [a - x * b for a, b in zip([m.zero, *found], [*found, m.zero], strict=True)]
        found[0] += c
    return found[: len(xs)]


def _value(coefficients: Any, x: Any) -> Any:
    total = M.zero
    for c in reversed(coefficients):
        total = total * x + c
    return total


def fits() -> tuple[Fit, ...]:
    """Every table."""
    return (
        half_line("ERFCX", scaled_erfc, 24, M.mpf(4), M.one),
        half_line("NORMAL_TAIL", lambda x: scaled_erfc(x / M.sqrt(2)), 24, M.mpf(13) / 2, M.mpf(3) / 4),
        *raised("GATE", _weighted_tail, 1 / M.mpf(WEIGHT)),
        *raised("GATE_SINGLE", _weighted_tail, 1 / M.mpf(WEIGHT), single=True),
        *raised("SLOPE", _slope_over_root, M.zero),
        *raised("SLOPE_SINGLE", _slope_over_root, M.zero, single=True),
        parts("SLOPE_ROOT", _slope_root()),
        parts("SLOPE_ROOT_SINGLE", _slope_root(), "f"),
        *single_gates(),
        square("ERF", lambda x: M.erf(x) / x, 11, M.one),
        *(
            around_zero(name, exponential_rest, degree, M.log(2) / 2 * M.mpf("1.0001"))
            for name, degree in (("EXP", 10), ("EXP_SINGLE", 5))
        ),
        *(
            square(name, logarithm_rest, degree, (M.sqrt(2) - 1) ** 4 * M.mpf("1.001"))
            for name, degree in (("LOG", 6), ("LOG_SINGLE", 3))
        ),
    )


if __name__ == "__main__":
    for fit in fits():
        print(f"# {fit.name}: relative error {fit.error:.1e}")
        print(f"{fit.name} = {fit.coefficients}")
