"""At which arrays a function of vectors is measured: rows of scores at many scales, ties, one that dominates, masked and infinite
ones; targets that are one-hot or soft; cotangents at random, since one of ones hides errors. Deterministic."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from ..definition import Definition
from ..notation import OneHot
from ..runtime.vector import Input, VectorFunction

Floats = npt.NDArray[Any]
Generator = np.random.Generator
SEED = 20250102
SCALES = (1e-3, 0.1, 1.0, 30.0, 1e3, 1e4)
COUNTS = {1: 2, 2: 24, 3: 24, 10: 10, 1000: 1}
"""Rows of each kind by number of components."""
LONG = 100_000
LONG_KINDS = ("normal 1", "far 10000", "normal 10000", "one leads by 40")
SOFT_UNITS = (
    1 << 22,
    1 << 40,
)  # soft targets are multiples of one over this, in short and long rows: they sum to 1 exactly
SHAPES = ((2, 3, 4, 5), (3, 2, 5, 4), (1, 4, 2, 3), (8, 16, 32, 24))


def _normal(scale: float) -> Callable[[Generator, int, int], Floats]:
    return lambda rng, n, size: rng.normal(0, scale, (n, size))


def _far(centre: float) -> Callable[[Generator, int, int], Floats]:
    """All within reach of the largest, and far from 0: the difference from the largest is rounded."""
    return lambda rng, n, size: rng.choice([-1.0, 1.0], (n, 1)) * centre + rng.uniform(-700, 0, (n, size))


def _near_ties(rng: Generator, n: int, size: int) -> Floats:
    apart = 2.0 ** -rng.integers(30, 53, (n, 1)).astype(np.float64)
    return np.asarray(rng.normal(0, 10, (n, 1)) * (1 + rng.integers(-3, 4, (n, size)) * apart))


def _leading(lead: float) -> Callable[[Generator, int, int], Floats]:
    def rows(rng: Generator, n: int, size: int) -> Floats:
        found = rng.normal(0, 3, (n, size))
        found[np.arange(n), rng.integers(0, size, n)] += lead
        return found

    return rows


def _leading_by(rng: Generator, n: int, size: int, lead: Floats) -> Floats:
    found = rng.uniform(0, 1, (n, size)) - lead
    found[np.arange(n), rng.integers(0, size, n)] = 2.0
    return found


def _huge(rng: Generator, n: int, size: int) -> Floats:
    return rng.choice([-1.0, 1.0], (n, size)) * 10.0 ** rng.uniform(-320, 37, (n, size))


def _holding(value: float) -> Callable[[Generator, int, int], Floats]:
    """Infinite entries, one at least, not all of them unless there is one only."""

    def rows(rng: Generator, n: int, size: int) -> Floats:
        found = rng.normal(0, 3, (n, size))
        chosen = rng.uniform(size=(n, size)) < 0.3
        chosen[np.arange(n), rng.integers(0, size, n)] = True
        chosen[np.arange(n), rng.integers(0, size, n)] = size == 1
        found[chosen] = value
        return found

    return rows


SCORES: Mapping[str, Callable[[Generator, int, int], Floats]] = {
    **{f"normal {scale:g}": _normal(scale) for scale in SCALES},
    "far 1000": _far(1e3),
    "far 10000": _far(1e4),
    "small and far apart": lambda rng, n, size: rng.uniform(-700, 30, (n, size)),
    "one leads by up to 16": lambda rng, n, size: _leading_by(rng, n, size, rng.uniform(0, 16, (n, 1))),
    "one leads by up to 16, below 0": lambda rng, n, size: (
        _leading_by(rng, n, size, rng.uniform(0, 16, (n, 1))) - rng.uniform(0, 800, (n, 1))
    ),
    "far 10000, one leads by up to 16": lambda rng, n, size: (
        _leading_by(rng, n, size, rng.uniform(0, 16, (n, 1))) + rng.choice([-1e4, 1e4], (n, 1))
    ),
    "ties": lambda rng, n, size: rng.choice([-1.0, 0.0, 2.0], (n, size)),
    "all equal": lambda rng, n, size: np.repeat(rng.normal(0, 10, (n, 1)), size, axis=1),
    "nearly ties": _near_ties,
    "one leads by 40": _leading(40.0),
    "one leads by 700": _leading(700.0),
    "huge": _huge,
    "masked": _holding(-np.inf),
    "infinite": _holding(np.inf),
    "all masked": lambda rng, n, size: np.full((n, size), -np.inf),
}
"""Rows of scores, by kind."""
LIMITS = ("masked", "infinite", "all masked")
"""Kinds with infinite scores, which count as their limit under exponentials, and have none elsewhere."""
PROBABILITIES: Mapping[str, Callable[[Generator, int, int], Floats]] = {
    "uniform": lambda rng, n, size: rng.uniform(0.01, 1, (n, size)),
    "tiny": lambda rng, n, size: 2.0 ** -rng.uniform(0, 100, (n, size)),
    "near 1": lambda rng, n, size: 1 - 2.0 ** -rng.uniform(2, 50, (n, size)),
    "down to the smallest": lambda rng, n, size: 2.0 ** -rng.uniform(0, 1074, (n, size)),
}


@dataclass(frozen=True)
class Case:
    """Rows of one kind: every input with one batch axis, class indices as integers; sizes by dimension.

    soft: the rows with a soft target, from which components of a gradient differ by little and lose digits one by one."""

    kind: str
    inputs: Mapping[str, Any]
    sizes: Mapping[str, int]
    count: int
    soft: frozenset[int] = frozenset()


def cases(
    definition: Definition, function: VectorFunction, dtype: Any, sizes: Mapping[int, int] = COUNTS, long: int = LONG
) -> Iterator[Case]:
    """Every case for a function. sizes: rows of each kind by number of components; long: a number of components for a few rows more."""
    names = list(dict.fromkeys(d for one in function.given.values() for d in (*one.axes, one.index_of) if d))
    if len(names) > 1 or any(len(one.axes) > 1 for one in function.given.values()):
        for turn, shape in enumerate(SHAPES):
            here = {name: shape[k % 4] for k, name in enumerate(names)}
            for scale in (1.0, 1e-3, 30.0):
                rng = np.random.default_rng([SEED, turn, int(scale)])
                yield _case(f"normal {scale:g}", _normal(scale), definition, function, here, 2, dtype, rng)
        return
    kinds = SCORES if _domain(definition, function, _main(function)) is None else PROBABILITIES
    for number, (kind, draw) in enumerate(kinds.items()):
        if kind in LIMITS and not _of_scores(definition, function):
            continue
        for size, count in sizes.items():
            rng = np.random.default_rng([SEED, number, size])
            yield _case(kind, draw, definition, function, {names[0]: size}, count, dtype, rng)
        if long and (kind in LONG_KINDS or kinds is PROBABILITIES):
            rng = np.random.default_rng([SEED, number, long])
            yield _case(kind, draw, definition, function, {names[0]: long}, 1, dtype, rng)


def _of_scores(definition: Definition, function: VectorFunction) -> bool:
    """Whether the components of the first input stand in exponents, and not with others in one."""
    label = str(getattr(_base(definition, _main(function)), "label", _main(function)))
    bodies = (definition.expression, *definition.where.values())
    exponents = (e.args[0] for body in bodies for e in sympy.sympify(body).atoms(sympy.exp))
    bases = [{str(b.label) for b in u.atoms(sympy.IndexedBase)} for u in exponents]
    return {label} in bases


def _main(function: VectorFunction) -> str:
    return next(iter(function.given))


def _case(
    kind: str,
    draw: Callable[[Generator, int, int], Floats],
    definition: Definition,
    function: VectorFunction,
    sizes: Mapping[str, int],
    count: int,
    dtype: Any,
    rng: Generator,
) -> Case:
    inputs: dict[str, Any] = {}
    main, soft = _main(function), set[int]()
    for name, one in function.given.items():
        shape = tuple(sizes[a] for a in one.axes)
        flat = int(np.prod(shape))
        if one.index_of:
            inputs[name] = _classes(inputs[main], rng)
            continue
        if name == main:
            found = draw(rng, count, flat)
        elif one.default is not None:
            found = np.clip(one.default * rng.uniform(0.5, 2, (count, flat)), one.domain.lower, one.domain.upper)
        elif one.sums_to_one or isinstance(_base(definition, name), OneHot):
            found = _targets(inputs[main], rng)
        elif function.loss and one.axes == function.given[main].axes and len(one.axes) == 1:
            found = rng.uniform(0.01, 1, (count, flat))
        else:
            found = _normal(1.0)(rng, count, flat)
        with np.errstate(all="ignore"):
            inputs[name] = found.reshape((count, *shape)).astype(dtype)
        if _domain(definition, function, name) is not None:  # what underflows is outside
            lost = (inputs[name] == 0) & (found.reshape(inputs[name].shape) > 0)
            inputs[name][lost] = np.finfo(dtype).smallest_subnormal
        if function.loss and name != main and one.axes and one.default is None:
            soft |= {k for k in range(count) if set(np.unique(inputs[name][k])) - {0.0, 1.0}}
    if any(one.default is not None and function.loss for one in function.given.values()):
        soft = set(range(count))
    return Case(kind, inputs, sizes, count, frozenset(soft))


def _classes(scores: Floats, rng: Generator) -> npt.NDArray[np.intp]:
    """The class of the largest score in every second row, else any; never one of score -inf, whose loss has no gradient."""
    chosen = rng.integers(0, scores.shape[-1], len(scores))
    chosen[::2] = np.argmax(scores, axis=-1)[::2]
    wrong = np.isneginf(scores[np.arange(len(scores)), chosen])
    return np.where(wrong, np.argmax(scores, axis=-1), chosen)


def _targets(scores: Floats, rng: Generator) -> Floats:
    """In turn: one-hot at the largest score, soft, one-hot anywhere. The soft ones sum to 1 exactly, and to 0 over what is masked."""
    count, size = scores.shape
    whole = SOFT_UNITS[size > 1000]
    found = np.zeros((count, size))
    found[np.arange(count), _classes(scores, rng)] = 1.0
    for row in range(1, count, 3):
        free = np.flatnonzero(~np.isneginf(scores[row])) if np.isfinite(scores[row]).any() else np.arange(size)
        parts = rng.integers(1, 1 << 12, len(free)).astype(object)
        units = [int(p) * whole // int(sum(parts)) for p in parts]
        units[0] += whole - sum(units)
        found[row] = 0.0
        found[row, free] = np.array([u / whole for u in units])
    return found


def _base(definition: Definition, name: str) -> Any:
    """What an input is called in the definition."""
    return definition.arguments.get(name) or next(
        (b for e in (definition.expression, *definition.where.values()) for b in sympy.sympify(e).atoms(sympy.IndexedBase) if str(b.label) == name),
        name,
    )  # fmt: skip


def _domain(definition: Definition, function: VectorFunction, name: str) -> Any:
    """The domain of an input that has a lower end, else None."""
    label = str(getattr(_base(definition, name), "label", name))
    for symbol, values in definition.domain.items():
        if str(getattr(symbol, "label", symbol)) == label and values.inf != -sympy.oo:
            return values
    return None


def one_of(inputs: Mapping[str, Input]) -> Mapping[str, Input]:
    """The inputs that are arrays of numbers."""
    return {name: one for name, one in inputs.items() if not one.index_of}
