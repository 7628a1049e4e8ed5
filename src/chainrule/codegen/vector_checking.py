"""Does a generated function of vectors do what its definition says? Values against the definition at 60 digits, derivatives by numerical differentiation of it,
never by our own; products with random vectors (a vector of ones hides errors: a softmax Jacobian is singular); then batches, axes, reductions, extremes."""

import itertools
import math
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import mpmath
import numpy as np
import sympy

from ..calculus.checks import CheckRow, draw
from ..expression import tree as t
from ..expression.scope import Scope
from ..expression.value import Evaluation, Point, Undefined
from ..runtime.far_rows import HAS_RANGE, FarRows
from ..runtime.vector import VectorFunction
from .vector_scores import bounded, scores_of
from .vector_spec import DerivativeSpec, VectorSpec
from .vector_stable import DELICATE

DIGITS = 60  # beyond those that a gap of scores between the largest and the smallest exponential takes
MOST_TIMES = 20.0
"""By so much scores are multiplied or divided at most, as far as digits are counted."""
TOLERANCE = 1e-13
SAME = 1e-12
"""How far two ways to compute the same thing in float64 may differ, relative to the largest component."""
SIZES = (1, 2, 3, 7)
SEVERAL = (2, 3, 1, 4)
"""Several dimensions: these in turn, so that they differ."""
SPREADS = (1.0, 30.0, 900.0)
STEP = 18
"""Digits of the step of a difference quotient."""
TRIES = 40
BEYOND = mpmath.mpf(2) ** 1024
FARTHEST = 520
"""The power of 2 at which inputs are tried whose squares are then beyond all numbers."""
SMALLEST = mpmath.mpf(2) ** -1022
"""The smallest number that has all its digits."""
ANY_SIZE = "any size"
"""The name of the check of such inputs, which functions with rows in long double have."""
EXTREMES = "extremes"
"""The name of the check of extreme scores, which functions of scores alone have."""

Exact = Any
"""An object array of mpmath numbers."""


@dataclass(frozen=True)
class _Draw:
    """Values of all inputs by base: nested tuples of floats, numbers, places of class indices; sizes of the dimensions. powers: of 2, which inputs were
    multiplied by."""

    values: Mapping[str, Any]
    sizes: Mapping[str, int]
    spread: float
    where: str
    powers: Mapping[str, int] = field(default_factory=dict)

    @property
    def digits(self) -> int:
        apart = max(map(abs, self.powers.values()), default=0)  # of four factors, 1 and one that was moved may be added
        numbers = [abs(value) for value in self.values.values() if isinstance(value, float) and value]
        times = min(max((max(x, 1.0 / x) for x in numbers), default=1.0), MOST_TIMES)
        return DIGITS + int(self.spread * max(2.0, times)) + int(4 * apart * math.log10(2))

    @property
    def width(self) -> float:
        """How many times TOLERANCE is allowed: e^(x - max) is off by the rounding of the difference, which reaches thousands."""
        return max(1.0, self.spread / 100)

    def unit(self, base: str) -> Any:
        """The size of an input."""
        return mpmath.mpf(2) ** self.powers.get(base, 0)

    def scaled(self, powers: Mapping[str, int]) -> "_Draw":
        """The same with inputs, by base, multiplied by powers of 2."""
        values = {base: _times(v, 2.0 ** powers.get(base, 0)) for base, v in self.values.items()}
        what = ", ".join(f"{base} times 2**{power}" for base, power in powers.items())
        return replace(self, values=values, powers=powers, where=f"{self.where}, {what}")

    def arrays(self, spec: VectorSpec) -> dict[str, Any]:
        return {one.name: np.array(self.values[one.base]) for one in spec.inputs}


def check_vector_function(function: VectorFunction, spec: VectorSpec, scope: Scope) -> tuple[CheckRow, ...]:
    """Every check of a generated function of vectors, one row each. Errors are relative to the largest component of the exact answer,
    or, where terms of the formula cancel, to the largest of these."""
    scope = _with_domains(spec, scope)
    return (
        *_accuracy(function, spec, scope),
        *([_any_size(function, spec, scope)] if HAS_RANGE and isinstance(function._value, FarRows) else []),
        _batches(function, spec, scope),
        *([_axes(function, spec, scope)] if function.one_axis else []),
        *([_reductions(function, spec, scope)] if spec.loss else []),
        *(
            [_extremes(function, spec)]
            if function.one_axis and scores_of(spec) and bounded(spec, scores_of(spec)[0])
            else []
        ),
        _dtypes(function, spec, scope),
    )


# ---------------------------------------------------------------- against the definition


def _accuracy(function: VectorFunction, spec: VectorSpec, scope: Scope) -> Iterator[CheckRow]:
    rng = random.Random(spec.name)
    worst: dict[str, tuple[float, str]] = {}
    for sizes, spread in _cases(spec):
        drawn = _drawn(spec, scope, sizes, spread, rng)
        if drawn is None:
            continue
        for key, error in _compared(function, spec, scope, drawn, rng):
            if key not in worst or error > worst[key][0]:
                worst[key] = (error, drawn.where)
    if not worst:
        yield CheckRow(
            "value", False, float("inf"), f"no point of the domain found in {TRIES} tries: give `domain` of each vector"
        )
    for key, (error, where) in worst.items():
        yield CheckRow(key, error <= TOLERANCE, error, where)


def _any_size(function: VectorFunction, spec: VectorSpec, scope: Scope) -> CheckRow:
    """Inputs so large and so small that their squares are no numbers, one after another and all together; then rows of one number."""
    rng = random.Random(f"{spec.name} sizes")
    every = [one.base for one in spec.inputs if one.dimensions and not one.sums_to_one and one.values is None]
    groups = list(dict.fromkeys([*((base,) for base in every), tuple(every)]))
    worst, place = 0.0, ""
    for (sizes, spread), bases, power in itertools.product(_cases(spec), groups, (FARTHEST, -FARTHEST)):
        drawn = _drawn(spec, scope, sizes, spread, rng) if spread == SPREADS[0] else None
        if drawn is None:
            continue
        moved = drawn.scaled(dict.fromkeys(bases, power))
        even = replace(moved, values={**moved.values, **{base: _even(moved.values[base]) for base in bases}})
        found = [*_compared(function, spec, scope, moved, rng), *_value_of(function, spec, scope, even)]
        for key, error in found:
            if not error <= worst:
                worst, place = error, f"{key}, {moved.where}"
    return CheckRow(ANY_SIZE, worst <= TOLERANCE, worst, place)


def _even(value: Any) -> Any:
    """The same number everywhere."""
    if isinstance(value[0], tuple):
        return tuple(_even(value[0]) for _ in value)
    return (value[0],) * len(value)


def _value_of(function: VectorFunction, spec: VectorSpec, scope: Scope, drawn: _Draw) -> Iterator[tuple[str, float]]:
    try:
        exact = _exact(spec, scope, drawn)
    except Undefined:
        return
    floor = _terms(spec.value, spec.value_index, spec.sizes, spec, scope, drawn) if not spec.value_index else 0
    yield "value of equal components", _error(function(**drawn.arrays(spec)), exact, drawn, floor)


def _cases(spec: VectorSpec) -> list[tuple[dict[str, int], float]]:
    names = list(dict.fromkeys(d for one in spec.inputs for d in (*one.dimensions, *filter(None, [one.index_of]))))
    if len(names) == 1:
        sizes = [{names[0]: size} for size in SIZES]
    else:
        sizes = [{n: SEVERAL[(k + turn) % 4] for k, n in enumerate(names)} for turn in range(4)]
    spreads = SPREADS if scores_of(spec, DELICATE) and len(names) == 1 else (1.0, 3.0)
    return list(itertools.product(sizes, spreads))


def _with_domains(spec: VectorSpec, scope: Scope) -> Scope:
    """Positive inputs where the function has no value at some point of either sign: logarithms, roots."""
    rng = random.Random(f"{spec.name} domain")
    sizes = {d: 2 for one in spec.inputs for d in (*one.dimensions, *filter(None, [one.index_of]))}
    if all(_drawn(spec, scope, sizes, 1.0, rng, 1) is not None for _ in range(TRIES)):
        return scope
    free = [one.base for one in spec.inputs if one.dimensions and one.base not in scope.domains]
    return scope.extended(domains={base: sympy.Interval.open(0, 2) for base in free if not scope.facts.get(base)})


def _drawn(
    spec: VectorSpec, scope: Scope, sizes: dict[str, int], spread: float, rng: random.Random, tries: int = TRIES
) -> _Draw | None:
    """Random inputs at which the function has a value."""
    where = ", ".join([*(f"{n} = {size}" for n, size in sizes.items()), f"components to ±{spread:g}"])
    for _ in range(tries):
        values = {
            one.base: _draw_one(one.base, one.index_of, one.dimensions, one.default, sizes, spread, scope, rng)
            for one in spec.inputs
        }
        if spread == SPREADS[1]:
            values = _confident(values, spec, scope)
        found = _Draw(values, sizes, spread, where)
        try:
            _exact(spec, scope, found)
        except Undefined:
            continue
        return found
    return None


def _confident(values: dict[str, Any], spec: VectorSpec, scope: Scope) -> dict[str, Any]:
    """The target where the largest score is: the loss and its gradient are tiny, and shall have all their digits."""
    score = next(
        (values[b] for b in scores_of(spec) if isinstance(values[b], tuple) and not isinstance(values[b][0], tuple)),
        None,
    )
    if score is None:
        return values
    top = score.index(max(score))
    hot = tuple(float(k == top) for k in range(len(score)))
    targets = {one.base: top for one in spec.inputs if one.index_of}
    targets |= {
        one.base: hot
        for one in spec.inputs
        if "sums_to_one" in scope.facts.get(one.base, ()) and len(values[one.base]) == len(hot)
    }
    return {**values, **targets}


def _draw_one(
    base: str,
    index_of: str,
    dimensions: tuple[str, ...],
    default: float | None,
    sizes: Mapping[str, int],
    spread: float,
    scope: Scope,
    rng: random.Random,
) -> Any:
    if index_of:
        return rng.randrange(sizes[index_of])
    if "sums_to_one" in scope.facts.get(base, ()):
        weights = [2.0 ** rng.randint(0, 3) / 64 for _ in range(sizes[dimensions[-1]])]
        weights[0] = 1.0 - sum(weights[1:])  # exact: all are multiples of 1/64
        return tuple(weights)
    known = scope.domains.get(base)

    def number() -> float:
        if known is not None and known != sympy.S.Reals:
            return float(draw(known, rng))
        if default is not None:
            return default * rng.uniform(0.5, 2.0)
        return rng.uniform(-spread, spread)

    def table(axes: tuple[str, ...]) -> Any:
        return tuple(table(axes[1:]) for _ in range(sizes[axes[0]])) if axes else number()

    if "symmetric" in scope.facts.get(base, ()):
        return _symmetric(sizes[dimensions[0]], spread, rng)
    return table(dimensions)


def _symmetric(size: int, spread: float, rng: random.Random) -> Any:
    """A symmetric matrix whose diagonal dominates, so that it is positive definite."""
    half = [[rng.uniform(-spread, spread) for _ in range(size)] for _ in range(size)]
    return tuple(
        tuple(half[min(i, j)][max(i, j)] + (2 * size * spread if i == j else 0.0) for j in range(size))
        for i in range(size)
    )


def _exact(
    spec: VectorSpec, scope: Scope, drawn: _Draw, moved: tuple[str, tuple[int, ...], Any] | None = None
) -> Exact:
    """The value of the definition. moved: an input, the place of a component of it, and what is added to it."""
    with mpmath.workdps(drawn.digits):
        values = {base: _number(v) for base, v in drawn.values.items()}
        if moved is not None:
            base, place, step = moved
            values[base] = _put(values[base], place, step)
        found = Evaluation(_point(spec, drawn, values), scope, drawn.digits)
        if not spec.value_index:
            return np.array(found.value(spec.value), dtype=object)
        assert isinstance(spec.value, t.Component)
        return np.array(found.array(t.Vector(spec.value.base)), dtype=object)


def _point(spec: VectorSpec, drawn: _Draw, values: Mapping[str, Any]) -> Point:
    kinds = {one.base: one for one in spec.inputs}
    return Point(
        {b: v for b, v in values.items() if not kinds[b].dimensions and not kinds[b].index_of},
        {b: v for b, v in values.items() if kinds[b].dimensions},
        drawn.sizes,
        {b: int(drawn.values[b]) for b in values if kinds[b].index_of},
    )


def _number(value: Any) -> Any:
    return tuple(_number(v) for v in value) if isinstance(value, tuple) else mpmath.mpf(value)


def _times(value: Any, factor: float) -> Any:
    if isinstance(value, tuple):
        return tuple(_times(v, factor) for v in value)
    return value if factor == 1 else value * factor


def _put(value: Any, place: tuple[int, ...], step: Any) -> Any:
    if not place:
        return value + step
    return (*value[: place[0]], _put(value[place[0]], place[1:], step), *value[place[0] + 1 :])


def _slopes(
    spec: VectorSpec, scope: Scope, drawn: _Draw, base: str, also: tuple[tuple[int, ...], Any] | None = None
) -> Exact:
    """∂ value/∂ input by central differences: axes of the value, then those of the input. also: a component moved beforehand."""
    with mpmath.workdps(drawn.digits):
        if also is not None:
            drawn = replace(drawn, values={**drawn.values, base: _put(_number(drawn.values[base]), *also)})
        h = drawn.unit(base) * mpmath.mpf(10) ** -STEP
        shape = np.shape(np.array(drawn.values[base], dtype=object))
        columns = []
        for place in np.ndindex(*shape):
            up, down = (_exact(spec, scope, drawn, (base, place, sign * h)) for sign in (1, -1))
            columns.append((up - down) / (2 * h))
        return np.moveaxis(np.array(columns, dtype=object), 0, -1).reshape((*np.shape(columns[0]), *shape))


def _bent(spec: VectorSpec, scope: Scope, drawn: _Draw, base: str) -> Exact:
    """The Hessian of a scalar function by one vector, by differences of differences."""
    with mpmath.workdps(drawn.digits):
        h = drawn.unit(base) * mpmath.mpf(10) ** -STEP
        rows = []
        for place in range(len(drawn.values[base])):
            up, down = (_slopes(spec, scope, drawn, base, ((place,), sign * h)) for sign in (1, -1))
            rows.append((up - down) / (2 * h))
        return np.array(rows, dtype=object)


def _compared(
    function: VectorFunction, spec: VectorSpec, scope: Scope, drawn: _Draw, rng: random.Random
) -> Iterator[tuple[str, float]]:
    given = drawn.arrays(spec)
    exact = _exact(spec, scope, drawn)
    floor = _terms(spec.value, spec.value_index, spec.sizes, spec, scope, drawn) if not spec.value_index else 0
    size = _largest(exact) if drawn.powers else 1
    yield "value", _error(function(**given), exact, drawn, floor)
    for each in spec.derivatives:
        base = next(one.base for one in spec.inputs if one.name == each.name)
        slopes = _slopes(spec, scope, drawn, base)
        unit, curved = size / drawn.unit(base) or 1, size / drawn.unit(base) ** 2 or 1
        strict = (each.rows_sum_to_zero or each.columns_sum_to_zero) and _plain(each.tree)
        terms = 0 if strict else _terms(each.tree, each.indices, each.sizes, spec, scope, drawn)
        full = (function.jacobian if spec.value_index else function.grad)(**given, wrt=each.name)
        yield f"derivative by {each.name}", _error(full, slopes, drawn, terms, unit)
        yield from _products(function, each, given, exact, slopes, terms, drawn, rng, unit)
        if each.hessian is not None and (max(drawn.sizes.values()) < 3 or drawn.spread == 1):
            bent = _bent(spec, scope, drawn, base)
            terms = (
                0
                if each.hessian.rows_sum_to_zero and _plain(each.hessian.tree)
                else _terms(each.hessian.tree, each.hessian.indices, each.hessian.sizes, spec, scope, drawn)
            )
            yield (
                f"Hessian by {each.name}",
                _error(function.hessian(**given, wrt=each.name), bent, drawn, terms, curved),
            )
            v = _random(np.shape(bent)[:1], rng)
            found = (
                function.hvp(**given, v=v, wrt=each.name)
                if "v" not in given
                else function.hvp(*given.values(), v, wrt=each.name)
            )
            yield (
                f"Hessian by {each.name} times a vector",
                _error(found, np.dot(bent, _wide(v)), drawn, _largest(bent * _wide(v)) + terms, curved),
            )


def _plain(tree: t.Node) -> bool:
    """Whether nothing cancels in a formula beside what the code balances: no logarithm, no power of a sum such as (1 - s)²."""
    return not any(
        (isinstance(p, t.Call) and p.function == "log") or (isinstance(p, t.Power) and isinstance(p.base, t.Add))
        for _, p in t.walk(tree)
    )


def _products(
    function: VectorFunction,
    each: DerivativeSpec,
    given: Mapping[str, Any],
    exact: Exact,
    slopes: Exact,
    terms: Any,
    drawn: _Draw,
    rng: random.Random,
    unit: Any,
) -> Iterator[tuple[str, float]]:
    wide = np.ndim(exact)
    g, v = _random(np.shape(exact), rng), _random(np.shape(slopes)[wide:], rng)
    with mpmath.workdps(drawn.digits):
        rows = _wide(g).reshape((*np.shape(g), *[1] * np.ndim(v))) * slopes
        columns = slopes * _wide(v)
        left = np.sum(rows, axis=tuple(range(wide))) if wide else rows
        right = np.sum(columns, axis=tuple(range(wide, np.ndim(slopes)))) if np.ndim(v) else columns
    word: dict[str, Any] = {"wrt": each.name}
    found = function.vjp(**given, g=g, **word) if "g" not in given else function.vjp(*given.values(), g, **word)
    yield f"vector times derivative by {each.name}", _error(found, left, drawn, _largest(rows) + terms, unit)
    found = function.jvp(**given, v=v, **word) if "v" not in given else function.jvp(*given.values(), v, **word)
    yield f"derivative by {each.name} times vector", _error(found, right, drawn, _largest(columns) + terms, unit)


def _random(shape: tuple[int, ...], rng: random.Random) -> Any:
    return np.array([rng.uniform(-1, 1) for _ in range(int(np.prod(shape)))]).reshape(shape)


def _wide(array: Any) -> Exact:
    return np.array([mpmath.mpf(float(x)) for x in np.ravel(array)], dtype=object).reshape(np.shape(array))


def _largest(array: Exact) -> Any:
    return max((abs(x) for x in np.ravel(array)), default=mpmath.mpf(0))


def _terms(
    tree: t.Node, indices: tuple[str, ...], sizes: Mapping[str, str], spec: VectorSpec, scope: Scope, drawn: _Draw
) -> Any:
    """The size of the largest term of a formula, over all its components."""
    with mpmath.workdps(drawn.digits):
        values = {base: _number(v) for base, v in drawn.values.items()}
        point = _point(spec, drawn, values)
        full = scope.extended(scalars=spec.scalars, vectors={v.base: v for v in spec.vectors}, functions=spec.functions)
        largest = mpmath.mpf(0)
        for places in itertools.product(*(range(drawn.sizes[sizes[i]]) for i in indices)):
            there = replace(point, indices={**point.indices, **dict(zip(indices, places, strict=True))})
            try:
                largest = max(largest, Evaluation(there, full, drawn.digits).scale(tree))
            except Undefined:
                continue
        return largest


def _error(found: object, exact: Exact, drawn: _Draw, floor: Any = 0, unit: Any = 1) -> float:
    """How far a result is off, relative to the largest component or term; what is 0 but for the last digits of the exact answer counts as 0, and what lies beyond the
    largest number has to be infinite. unit: of the result, in which such digits are."""
    a = np.asarray(found, dtype=np.float64)
    if a.shape != np.shape(exact):
        return float("inf")
    pairs = [(float(x), mpmath.mpf(y)) for x, y in zip(a.ravel(), np.ravel(exact), strict=True)]
    finite = [(x, y) for x, y in pairs if abs(y) < BEYOND]
    if not all(math.isfinite(x) for x, _ in finite) or any(
        x != mpmath.inf * mpmath.sign(y) for x, y in pairs if abs(y) >= BEYOND
    ):
        return float("inf")
    scale = max([abs(y) for _, y in finite] + [mpmath.mpf(floor)], default=mpmath.mpf(0))
    off = max((abs(mpmath.mpf(x) - y) for x, y in finite), default=mpmath.mpf(0))
    noise = mpmath.mpf(10) ** -min(300, drawn.digits - 2 * STEP - 6)
    return float(off / max(scale, SMALLEST)) / drawn.width if scale > noise * unit else float(off / unit)


# ---------------------------------------------------------------- batches, axes, reductions

BATCH = (2, 3)


def _batch(spec: VectorSpec, scope: Scope, rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Inputs for a batch, as arrays with and without batch axes for those that all elements share: every second input."""
    names = dict.fromkeys(d for one in spec.inputs for d in (*one.dimensions, *filter(None, [one.index_of])))
    sizes = {n: (3, 4, 2, 5)[k % 4] for k, n in enumerate(names)}
    drawn = [_drawn(spec, scope, sizes, 1.0, rng) for _ in range(int(np.prod(BATCH)))]
    if any(d is None for d in drawn):
        return None
    every = [d.arrays(spec) for d in drawn if d is not None]
    full = {name: np.array([e[name] for e in every]).reshape((*BATCH, *np.shape(every[0][name]))) for name in every[0]}
    return full, {name: (a[0, 0] if k % 2 else a) for k, (name, a) in enumerate(full.items())}


def _close(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= SAME * max(1.0, float(np.max(np.abs(b), initial=0.0)))))


Trouble = list[str]


def _row(name: str, trouble: Trouble) -> CheckRow:
    return CheckRow(name, not trouble, float("inf") if trouble else 0.0, trouble[0] if trouble else "")


def _methods(function: VectorFunction, spec: VectorSpec) -> dict[str, tuple[Callable[..., Any], DerivativeSpec, str]]:
    """Every derivative by its name, with what vector it takes: none, one like the value or one like the input."""
    found: dict[str, tuple[Callable[..., Any], DerivativeSpec, str]] = {}
    for each in spec.derivatives:
        found[f"{'jacobian' if spec.value_index else 'grad'} by {each.name}"] = (
            function.jacobian if spec.value_index else function.grad,
            each,
            "",
        )
        found[f"vjp by {each.name}"] = (function.vjp, each, "value")
        found[f"jvp by {each.name}"] = (function.jvp, each, "input")
        if each.hessian is not None:
            found[f"hessian by {each.name}"] = (function.hessian, each, "")
            found[f"hvp by {each.name}"] = (function.hvp, each, "input")
    return found


def _called(
    method: Callable[..., Any],
    given: Mapping[str, Any],
    each: DerivativeSpec,
    vector: Any,
    spec: VectorSpec,
    **words: Any,
) -> Any:
    required = [given[one.name] for one in spec.inputs if one.default is None]
    keywords = {one.name: given[one.name] for one in spec.inputs if one.default is not None}
    return method(*required, *([] if vector is None else [vector]), wrt=each.name, **keywords, **words)


def _batches(function: VectorFunction, spec: VectorSpec, scope: Scope) -> CheckRow:
    """A batch is a loop; an input that the elements share gets the sum of what each of them gives in a product from the left."""
    rng, trouble = random.Random(f"{spec.name} batches"), Trouble()
    made = _batch(spec, scope, rng)
    if made is None:
        return _row("batches", ["no point of the domain found"])
    full, _ = made
    places = list(np.ndindex(*BATCH))
    for given in made:
        one_by_one = [{n: (a[p] if a.shape == full[n].shape else a) for n, a in given.items()} for p in places]
        batch = BATCH if any(a.shape == full[n].shape for n, a in given.items()) else ()
        values = np.array([function(**one) for one in one_by_one])
        value = function(**given)
        if batch and not _close(value, values.reshape((*BATCH, *values.shape[1:]))):
            trouble.append(f"value: {value} for a batch, {values} one by one")
        for name, (method, each, kind) in _methods(function, spec).items():
            own = given[each.name]
            vector = None if not kind else _random(np.shape(value) if kind == "value" else np.shape(own), rng)
            found = _called(method, given, each, vector, spec)
            common = own.shape != full[each.name].shape
            parts = []
            for p, one in zip(places, one_by_one, strict=True):
                mine = None if vector is None else vector if kind == "input" and common else vector[p]
                parts.append(_called(method, one, each, mine, spec))
            expected = np.array(parts).reshape((*BATCH, *np.shape(parts[0])))
            if kind == "value" and common:
                expected = expected.sum(axis=(0, 1))
            if batch and not _close(found, expected):
                trouble.append(f"{name}: {found} for a batch, {expected} one by one")
    return _row("batches", trouble)


def _axes(function: VectorFunction, spec: VectorSpec, scope: Scope) -> CheckRow:
    """The axis of the components may stand anywhere."""
    rng, trouble = random.Random(f"{spec.name} axes"), Trouble()
    made = _batch(spec, scope, rng)
    if made is None:
        return _row("axis", ["no point of the domain found"])
    given = made[0]
    for axis in (0, 1, -2):
        moved = {
            one.name: np.moveaxis(given[one.name], -1, axis) if one.dimensions else given[one.name]
            for one in spec.inputs
        }
        value = function(**given)
        expected = np.moveaxis(value, -1, axis) if spec.value_index else value
        if not _close(function(**moved, axis=axis), expected):
            trouble.append(f"value along axis {axis}")
        for name, (method, each, kind) in _methods(function, spec).items():
            vector = (
                None if not kind else _random(np.shape(value) if kind == "value" else np.shape(given[each.name]), rng)
            )
            long = {"value": bool(spec.value_index), "input": len(np.shape(given[each.name])) > len(BATCH), "": False}[
                kind
            ]
            turned = np.moveaxis(vector, -1, axis) if vector is not None and long else vector
            plain = _called(method, given, each, vector, spec)
            result = _called(method, moved, each, turned, spec, axis=axis)
            like_value = name.startswith("jvp")
            turn = (
                bool(spec.value_index)
                if like_value
                else len(np.shape(given[each.name])) > len(BATCH) and not name.startswith(("jacobian", "hessian"))
            )
            if not _close(result, np.moveaxis(plain, -1, axis) if turn else plain):
                trouble.append(f"{name} along axis {axis}")
    return _row("axis", trouble)


def _reductions(function: VectorFunction, spec: VectorSpec, scope: Scope) -> CheckRow:
    """sum and mean over all batch elements, of the value and of everything derived from it."""
    rng, trouble = random.Random(f"{spec.name} reductions"), Trouble()
    made = _batch(spec, scope, rng)
    if made is None:
        return _row("reduction", ["no point of the domain found"])
    full, _ = made
    for given in made:
        each_value = np.asarray(function(**given))
        count = each_value.size
        for reduction, factor in (("sum", 1.0), ("mean", 1.0 / count)):
            if not _close(function(**given, reduction=reduction), each_value.sum() * factor):
                trouble.append(f"value, {reduction}")
            for each in spec.derivatives:
                own = given[each.name]
                single = _called(function.grad, given, each, None, spec)
                expected = (_summed(single, own.shape, np.shape(full[each.name]), each_value.shape)) * factor
                found = _called(function.grad, given, each, None, spec, reduction=reduction)
                if not _close(found, expected):
                    trouble.append(f"gradient by {each.name}, {reduction}: {found}, not {expected}")
                if each.hessian is not None:
                    v = _random(own.shape, rng)
                    single = _called(function.hvp, given, each, v, spec)
                    expected = _summed(single, own.shape, np.shape(full[each.name]), each_value.shape) * factor
                    if not _close(_called(function.hvp, given, each, v, spec, reduction=reduction), expected):
                        trouble.append(f"Hessian times a vector, by {each.name}, {reduction}")
    return _row("reduction", trouble)


def _summed(single: Any, own: tuple[int, ...], full: tuple[int, ...], batch: tuple[int, ...]) -> Any:
    """Per-element derivatives summed over the batch where the elements share the input."""
    single = np.asarray(single)
    return single.sum(axis=tuple(range(len(batch)))) if own != full and batch else single


# ---------------------------------------------------------------- extremes


def _extremes(function: VectorFunction, spec: VectorSpec) -> CheckRow:
    """Finite, without a warning, for every combination of three extreme scores; NaN passed on."""
    trouble = Trouble()
    main = scores_of(spec)[0]
    ends = (-np.inf, -1e308, -1000.0, -5e-324, 0.0, 1000.0, 1e308)
    others: dict[str, Any] = {
        one.name: 1 if one.index_of else np.array([0.25, 0.25, 0.5]) if one.dimensions else one.default or 1.0
        for one in spec.inputs
    }
    name = next(one.name for one in spec.inputs if one.base == main)
    sharp = [one.name for one in spec.inputs if one.sums_to_one]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for row in itertools.product(ends, repeat=3):
            if row[0] == row[1] == row[2] == -np.inf:
                continue
            for target in ([1.0, 0.0, 0.0], [0.25, 0.25, 0.5]) if sharp else (None,):
                given: dict[str, Any] = {**others, name: np.array(row), **({n: np.array(target) for n in sharp})}
                value = function(**given)
                where = f"scores {row}" if target is None else f"scores {row}, target {target}"
                if np.any(np.isnan(value)):
                    trouble.append(f"{where}: value {_in_a_line(value)}")
                for what, (method, each, kind) in _methods(function, spec).items():
                    vector = None if not kind else np.array([0.5, -0.25, 0.125])
                    if kind == "value" and not spec.value_index:
                        vector = np.array(0.5)
                    if kind == "input" and np.ndim(given[each.name]) == 0:
                        vector = np.array(0.5)
                    found = _called(method, given, each, vector, spec)
                    if each.name == name and not np.all(np.isfinite(found)):
                        trouble.append(f"{where}: {what} {_in_a_line(found)}")
        given = {**others, name: np.array([np.nan, 1.0, 0.0])}
        if not np.any(np.isnan(function(**given))):
            trouble.append("NaN is not passed on")
    return _row(EXTREMES, trouble)


def _in_a_line(array: Any) -> str:
    return " ".join(str(array).split())


def _dtypes(function: VectorFunction, spec: VectorSpec, scope: Scope) -> CheckRow:
    """float16, float32 and float64 are kept."""
    trouble = Trouble()
    made = _batch(spec, scope, random.Random(f"{spec.name} dtypes"))
    for dtype in (np.float16, np.float32, np.float64):
        if made is None:
            break
        given: dict[str, Any] = {
            one.name: made[0][one.name] if one.index_of else made[0][one.name].astype(dtype) for one in spec.inputs
        }
        if np.asarray(function(**given)).dtype != dtype:
            trouble.append(f"{np.dtype(dtype)} is not kept by the value")
        for name, (method, each, kind) in _methods(function, spec).items():
            if not kind and np.asarray(_called(method, given, each, None, spec)).dtype != dtype:
                trouble.append(f"{np.dtype(dtype)} is not kept by {name}")
    return _row("dtypes", trouble)
