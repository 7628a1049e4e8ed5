"""Does a generated function of vectors do what its definition says? Values and derivatives against the definition at 60 digits, the derivatives by
numerical differentiation of it, never by our own; then shapes, dtypes, extremes and warnings."""

import itertools
import random
import warnings
from collections.abc import Iterator

import mpmath
import numpy as np

from ..calculus.checks import CheckRow
from ..expression.scope import Scope
from ..expression.value import Point, evaluate
from ..runtime.vector import VectorFunction
from .vector import VectorSpec

DIGITS = 60  # beyond those that a gap of scores between the largest and the smallest exponential takes
TOLERANCE = 1e-13
SIZES = (1, 2, 3, 7)
SPREADS = (1.0, 30.0, 900.0)


def check_vector_function(function: VectorFunction, spec: VectorSpec, scope: Scope) -> tuple[CheckRow, ...]:
    """Every check of a generated function of vectors, one row each. Errors are relative to the largest component of the exact answer."""
    return (*_accuracy(function, spec, scope), _extremes(function, spec))


def _accuracy(function: VectorFunction, spec: VectorSpec, scope: Scope) -> Iterator[CheckRow]:
    rng = random.Random(spec.name)
    worst = {"value": (0.0, ""), "derivative": (0.0, "")}
    for size, spread in itertools.product(SIZES, SPREADS):
        inputs = {base: _draw(base, size, spread, scope, rng) for _, base in spec.inputs}
        digits = DIGITS + int(spread)
        where = f"K = {size}, scores to ±{spread:g}"
        arrays = [np.array(inputs[base]) for _, base in spec.inputs]
        pairs = {
            "value": (function(*arrays), _exact(spec, scope, inputs, size, digits)),
            "derivative": (
                function.jacobian(*arrays) if spec.value_index else function.grad(*arrays),
                _slopes(spec, scope, inputs, size, digits),
            ),
        }
        for key, (found, exact) in pairs.items():
            error = _error(found, exact)
            if error > worst[key][0] or not worst[key][1]:
                worst[key] = (error, where)
    for key, (error, where) in worst.items():
        yield CheckRow(key, error <= TOLERANCE, error, where)


def _draw(base: str, size: int, spread: float, scope: Scope, rng: random.Random) -> list[float]:
    if "sums_to_one" not in scope.facts.get(base, ()):
        return [rng.uniform(-spread, spread) for _ in range(size)]
    weights = [2.0 ** rng.randint(0, 3) for _ in range(size)]
    weights = [w / 64 for w in weights]
    weights[0] = 1.0 - sum(weights[1:])  # exact: all are multiples of 1/64
    return weights


def _exact(
    spec: VectorSpec,
    scope: Scope,
    inputs: dict[str, list[float]],
    size: int,
    digits: int,
    moved: tuple[int, mpmath.mpf] | None = None,
) -> list[mpmath.mpf]:
    with mpmath.workdps(digits):
        vectors = {base: tuple(mpmath.mpf(v) for v in values) for base, values in inputs.items()}
        if moved is not None:
            first = list(vectors[spec.inputs[0][1]])
            first[moved[0]] += moved[1]
            vectors[spec.inputs[0][1]] = tuple(first)
        places = range(size) if spec.value_index else (0,)
        found = []
        for place in places:
            indices = dict.fromkeys(spec.value_index, place)
            dimensions = {d: size for shape in scope.shapes.values() for d in shape}
            found.append(evaluate(spec.value, Point({}, vectors, dimensions, indices), scope, digits))
        return found


def _slopes(
    spec: VectorSpec, scope: Scope, inputs: dict[str, list[float]], size: int, digits: int
) -> list[list[mpmath.mpf]] | list[mpmath.mpf]:
    """∂ value_i/∂ input_j by central differences with 60 digits: off by less than 1e-35 of the third derivative."""
    with mpmath.workdps(digits):
        h = mpmath.mpf(10) ** -18
        columns = []
        for j in range(size):
            up, down = (_exact(spec, scope, inputs, size, digits, (j, s * h)) for s in (1, -1))
            columns.append([(a - b) / (2 * h) for a, b in zip(up, down, strict=True)])
        if spec.value_index:
            return [[columns[j][i] for j in range(size)] for i in range(size)]
        return [column[0] for column in columns]


def _error(found: object, exact: object) -> float:
    a = np.asarray(found, dtype=np.float64).ravel()
    b = [mpmath.mpf(v) for v in np.asarray(exact, dtype=object).ravel()]
    if len(a) != len(b) or not np.all(np.isfinite(a)):
        return float("inf")
    scale = max((abs(v) for v in b), default=mpmath.mpf(0))
    off = max((abs(mpmath.mpf(float(x)) - y) for x, y in zip(a, b, strict=True)), default=mpmath.mpf(0))
    return float(off / scale) if scale > mpmath.mpf(10) ** -300 else float(off)


def _extremes(function: VectorFunction, spec: VectorSpec) -> CheckRow:
    """Finite, without a warning, for every combination of three extreme scores; the dtype kept; NaN passed on."""
    trouble = ""
    scores = (-np.inf, -1e308, -1000.0, -5e-324, 0.0, 1000.0, 1e308)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in itertools.product(scores, repeat=3):
            if row[0] == row[1] == row[2] == -np.inf:
                continue
            for target in ([1.0, 0.0, 0.0], [0.25, 0.25, 0.5]) if len(spec.inputs) > 1 else (None,):
                arrays = [np.array(row)] + ([np.array(target)] if target is not None else [])
                derivative = function.jacobian(*arrays) if spec.value_index else function.grad(*arrays)
                value = function(*arrays)
                if not np.all(np.isfinite(derivative)) or np.any(np.isnan(value)):
                    trouble = trouble or f"scores {row}, target {target}: value {value}, derivative {derivative}"
        for dtype in (np.float16, np.float32, np.float64):
            arrays = [np.array([0.5, 0.5], dtype=dtype) for _ in spec.inputs]
            if np.asarray(function(*arrays)).dtype != dtype:
                trouble = trouble or f"{np.dtype(dtype)} is not kept"
        arrays = [np.array([np.nan, 1.0]), *(np.array([0.5, 0.5]) for _ in spec.inputs[1:])]
        if not np.any(np.isnan(function(*arrays))):
            trouble = trouble or "NaN is not passed on"
    return CheckRow("extremes", not trouble, float("inf") if trouble else 0.0, trouble)
