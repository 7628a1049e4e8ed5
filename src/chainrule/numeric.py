"""Gradients by finite differences, for arrays of any shape, and a check of your own gradient against them.

To add a method, add a row to METHODS: its name, its order, its cost, its step, and the quotient along one element.
"""

import difflib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Scalar = Callable[[Any], complex]
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Method:
    """One way of differentiating numerically along a single element.

    `order`: the error falls as step**order, until rounding takes over. `cost(n)`: evaluations of f for n elements.
    `step` is relative to max(1, |x|). `quotient(along, base, h)` returns the derivative, where `along(t)` is f with
    the element
    moved by t, and `base` is f(x), or None where it is not needed.
    """

    name: str
    order: int
    evaluations: int
    needs_base: bool
    step: float
    quotient: Callable[[Scalar, complex, float], float]

    def cost(self, elements: int) -> int:
        """Evaluations of f for an array of that many elements."""
        return self.evaluations * elements + self.needs_base


def _forward(along: Scalar, base: complex, h: float) -> float:
    return (along(h).real - base.real) / h


def _central(along: Scalar, base: complex, h: float) -> float:
    return (along(h).real - along(-h).real) / (2 * h)


def _complex(along: Scalar, base: complex, h: float) -> float:
    return along(1j * h).imag / h


def _richardson(along: Scalar, base: complex, h: float) -> float:
    """Central differences at h and h/2 and h/4; each column of the tableau removes one even power of the error."""
    first = [_central(along, base, h / 2**k) for k in range(3)]
    second = [(4 * b - a) / 3 for a, b in pairwise(first)]
    return (16 * second[1] - second[0]) / 15


METHODS = (
    Method("forward", 1, 1, True, EPS ** (1 / 2), _forward),
    Method("central", 2, 2, False, EPS ** (1 / 3), _central),
    Method("complex", 2, 1, False, 1e-30, _complex),  # no subtraction, so the step may be tiny: exact to rounding
    Method("richardson", 6, 6, False, EPS ** (1 / 7), _richardson),
)
BY_NAME = {method.name: method for method in METHODS}
assert len(BY_NAME) == len(METHODS)


def numerical_gradient(
    f: Callable[[Any], Any], x: npt.ArrayLike, method: str = "central", *, step: float | None = None
) -> Array:
    """Gradient of a scalar function of an array, by finite differences.

    f takes an array of x's shape and returns one real number (any array with one element will do). x: real, any shape.
    Returns float64 of x's shape. Every element is moved by h = step * max(1, |element|), rounded so that x + h is
    exact.

    | method       | error        | evaluations of f for n elements | default step |
    |--------------|--------------|---------------------------------|--------------|
    | "forward"    | O(h)         | n + 1                           | eps^(1/2)    |
    | "central"    | O(h²)        | 2n                              | eps^(1/3)    |
    | "complex"    | O(h²)        | n                               | 1e-30        |
    | "richardson" | O(h⁶)        | 6n                              | eps^(1/7)    |

    "complex" reads the derivative off Im f(x + ih)/h: accurate to rounding, but f must be analytic and pass complex
    numbers through (no abs, no comparison, no cast to real).

    Raises TypeError if x is not real, or f does not return one real number, or drops the imaginary part of a complex
    step; ValueError for an unknown method or a step that is not positive.
    """
    row = BY_NAME.get(method)
    if row is None:
        near = difflib.get_close_matches(str(method), BY_NAME, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"numerical_gradient: unknown method {method!r}{hint} Choose one of {', '.join(map(repr, BY_NAME))}."
        )
    relative = row.step if step is None else float(step)
    if not relative > 0 or not np.isfinite(relative):
        raise ValueError(f"numerical_gradient: step must be positive and finite, got {step!r}.")
    point = _real(x)
    base = _number(f(point.copy())) if row.needs_base else 0.0
    gradient = np.empty_like(point)
    for index in np.ndindex(point.shape):
        h = relative * max(1.0, abs(float(point[index])))
        if row.name != "complex":
            h = float((point[index] + h) - point[index])  # the step that is really taken
        gradient[index] = row.quotient(_along(f, point, index, complex_step=row.name == "complex"), base, h)
    return gradient


def _along(f: Callable[[Any], Any], point: Array, index: tuple[int, ...], *, complex_step: bool) -> Scalar:
    def moved(t: complex) -> complex:
        if not complex_step:
            there = point.copy()
            there[index] += t.real
            return _number(f(there))
        shifted = point.astype(np.complex128)
        shifted[index] += t
        return _number(_complex_value(f, shifted), keep_imaginary=True)

    return moved


def _complex_value(f: Callable[[Any], Any], shifted: npt.NDArray[np.complex128]) -> Any:
    advice = (
        "The complex step needs an analytic f that passes complex numbers through: no abs, comparison, float(), .real; "
        "use method='central'."
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            value = f(shifted)
    except (TypeError, np.exceptions.ComplexWarning) as error:
        raise TypeError(f"numerical_gradient: f refused a complex array ({error}). {advice}") from error
    if not np.iscomplexobj(value):
        raise TypeError(f"numerical_gradient: f dropped the imaginary part of its argument. {advice}")
    return value


def _real(x: npt.ArrayLike) -> Array:
    array = np.asarray(x)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"numerical_gradient: x must be real (float, int or bool), got dtype {array.dtype}.")
    return np.array(array, dtype=np.float64)


def _number(value: Any, *, keep_imaginary: bool = False) -> complex:
    array = np.asarray(value)
    if array.size != 1:
        raise TypeError(
            f"numerical_gradient: f must return one number, it returned shape {array.shape}; "
            "sum it, or differentiate one output at a time."
        )
    if array.dtype.kind not in ("fiubc" if keep_imaginary else "fiub"):
        raise TypeError(f"numerical_gradient: f must return a real number, it returned dtype {array.dtype}.")
    return complex(array.reshape(()).item())


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found; true when the gradient passed.

    `error` is the largest |analytic - numeric| / (atol + rtol * max(|analytic|, |numeric|)): passed means error <= 1.
    `worst` is the index of that element, `analytic` and `numeric` the two values there.
    """

    passed: bool
    error: float
    worst: tuple[int, ...]
    analytic: float
    numeric: float

    def __bool__(self) -> bool:
        return self.passed


def check_gradient(
    f: Callable[[Any], Any],
    grad: Callable[[Any], Any] | npt.ArrayLike,
    x: npt.ArrayLike,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    method: str = "richardson",
) -> GradientCheck:
    """Compare a gradient of the scalar function f at x with finite differences.

    grad: a function of x, or its value at x; of x's shape. An element passes if it is within atol + rtol * the larger
    of the two
    values. NaN never passes. An empty x passes with error 0. Raises TypeError and ValueError as `numerical_gradient`,
    and ValueError
    if grad has another shape than x.
    """
    point = _real(x)
    analytic = np.asarray(grad(point.copy()) if callable(grad) else grad)
    if analytic.dtype.kind not in "fiub":
        raise TypeError(f"check_gradient: grad must be real, got dtype {analytic.dtype}.")
    if analytic.shape != point.shape:
        raise ValueError(
            f"check_gradient: grad has shape {analytic.shape}, x has shape {point.shape}; they must be equal."
        )
    numeric = numerical_gradient(f, point, method)
    if not point.size:
        return GradientCheck(True, 0.0, (), 0.0, 0.0)
    analytic = analytic.astype(np.float64)
    with np.errstate(all="ignore"):
        error = np.abs(analytic - numeric) / (atol + rtol * np.maximum(np.abs(analytic), np.abs(numeric)))
    error = np.where(np.isnan(error), np.inf, error)
    worst = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), point.shape))
    largest = float(error[worst])
    return GradientCheck(largest <= 1, largest, worst, float(analytic[worst]), float(numeric[worst]))
