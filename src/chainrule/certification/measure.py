"""The accuracy of a function at sampled points, searched where errors are largest."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..codegen.floats import between
from ..runtime.certificate import Certificate, Measurement, code_digest
from . import sampling
from .environment import environment
from .paths import paths
from .reference import Reference
from .rounding import Truth, ulps, wrong_zeros
from .sampling import Points
from .subject import Part, Subject
from .switches import switches

REFERENCE = "the definition, differentiated by SymPy and evaluated in ball arithmetic (Arb)"
DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
EVENTS = 16  # roots, thresholds and switches of a line that are looked at closely
WORST = 8  # points around which the search goes on
NEXT, ROUNDS = 2, 8  # times that the search goes on: next to them, and in all
SUSPICIOUS = 2.0  # ulp above which a point may lie on the edge of a jump
EDGE = 2.0**-49
Progress = Callable[[int, int, str], None]


def measure(
    subject: Subject, dtypes: tuple[np.dtype[Any], ...] = DTYPES, progress: Progress = lambda done, total, what: None
) -> Certificate:
    """Measure the value and every derivative of a function. Deterministic, up to the environment that it states."""
    tasks = [
        (dtype, part, reference)
        for dtype in dtypes
        for part, reference in zip(subject.parts, subject.references, strict=True)
    ]
    found, total, heard = [], len(tasks), 0
    samples = {dtype: _sample(subject, dtype) for dtype in dtypes}
    for done, (dtype, part, reference) in enumerate(tasks):
        progress(done, total, f"{subject.home.name}: {part.what}, {dtype}")
        row, warned = _measure(subject, part, reference, samples[dtype])
        found.append(row)
        heard += warned
    progress(total, total, subject.home.name)
    return Certificate(
        function=subject.home.name,
        code=code_digest(subject.home.module()),
        reference=REFERENCE,
        measurements=tuple(found),
        warnings=heard,
        lost_nans=tuple(dict.fromkeys(part.what for part in subject.parts if _loses_nan(subject, part))),
        environment=environment(),
    )


@dataclass
class _Run:
    """Points with their exact values and the errors found there."""

    points: Points
    truth: Truth
    got: Points
    errors: npt.NDArray[np.float64]
    warnings: int


def margins(subject: Subject, dtype: np.dtype[Any]) -> Mapping[str, float]:
    """By part, what the float64 function is off by at numbers of a narrower dtype, in ulp of float64."""
    blocks = _sample(subject, dtype)
    pairs = zip(subject.parts, subject.references, strict=True)
    return {part.what: _measure(subject, part, reference, blocks, wide=True)[0].worst for part, reference in pairs}


def _sample(subject: Subject, dtype: np.dtype[Any]) -> tuple[Points, ...]:
    """Lines, in order, of the first variable, one for each setting of the others; then other points."""
    chosen = sampling.settings(subject)
    lines = [
        sampling.inside(
            subject, sampling.rows_of(sampling.line(dtype, 1 if len(chosen) == 1 else 4 if n == 0 else 20), each)
        )
        for n, each in enumerate(chosen)
    ]
    return (*lines, sampling.inside(subject, sampling.spread(subject, dtype)))


def _measure(
    subject: Subject, part: Part, reference: Reference, blocks: tuple[Points, ...], wide: bool = False
) -> tuple[Measurement, int]:
    """wide: the points as float64, whatever their dtype."""

    def run_at(points: Points) -> _Run:
        return _run(subject, part, reference, points, wide)

    lines = [run_at(points) for points in blocks[:-1] if len(points)]
    runs = [*lines, *(run_at(points) for points in blocks[-1:] if len(points))]
    for run in lines:
        events = _events(subject, part, reference, run)
        if len(events):
            runs.append(run_at(_near(subject, run, events)))
    for turn in range(ROUNDS):
        runs.append(run_at(_near_worst(subject, runs, turn)))
    on_edge = sum(_excused(reference, run) for run in runs)
    return _summary(subject, part, runs, on_edge), sum(run.warnings for run in runs)


def _run(subject: Subject, part: Part, reference: Reference, points: Points, wide: bool) -> _Run:
    truth = reference.at(points)
    given = points.astype(np.float64) if wide else points
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        called = subject.call(part, given)
    warned = sum(issubclass(each.category, RuntimeWarning) for each in heard)
    every = [called]
    if given.dtype == np.float64:  # narrower numbers go the same ways
        every += [subject.call(path.part, given, path.function) for path in paths(subject.function, part)][1:]
    got, errors = worst_of(every, truth)
    return _Run(points, truth, got, errors, warned)


def worst_of(every: Sequence[Points], truth: Truth) -> tuple[Points, npt.NDArray[np.float64]]:
    """Of several results at each point the one that is further off, and by how much."""
    errors = np.array([ulps(got, truth) for got in every])
    chosen = np.argmax(np.where(np.isnan(errors), -1.0, errors), axis=0)
    places = np.arange(errors.shape[1])
    return np.array(every)[chosen, places], errors[chosen, places]


def _events(subject: Subject, part: Part, reference: Reference, run: _Run) -> Points:
    """Where along a line the exact value changes sign, overflows or underflows, and where the code takes another
    branch: for each, the first number on the far side."""
    xs, rest = run.points[:-1, 0], run.points[0, 1:]  # the last is -0, out of order
    if len(xs) < 2:
        return xs[:0]
    dtype = xs.dtype

    def kinds(values: Points) -> npt.NDArray[np.int64]:
        return _kind(reference.at(sampling.rows_of(values, rest)), dtype)

    here = _kind(run.truth, dtype)[:-1]
    change = np.flatnonzero(here[1:] != here[:-1])
    change = change[
        np.argsort(np.abs(np.log2(np.maximum(np.abs(xs[change].astype(np.float64)), 1e-300))), kind="stable")
    ]
    change = np.sort(change[:EVENTS])
    low, high = xs[change], xs[change + 1]
    first = kinds(low)
    found = between(low, high, lambda middle: kinds(middle) == first)
    return np.unique(np.concatenate([found, switches(subject, part, run.points[:-1])[:EVENTS]]))


def _kind(truth: Truth, dtype: np.dtype[Any]) -> npt.NDArray[np.int64]:
    """Sign and class of exact values: undecided, zero, subnormal, normal, infinite."""
    info = np.finfo(dtype)
    size = np.abs(truth.near)
    edges = [float(info.smallest_subnormal) / 2, float(info.smallest_normal), float(info.max)]
    return np.where(np.isnan(size), -100, (1 + np.digitize(size, edges)) * np.where(truth.near < 0, -1, 1))


def _near(subject: Subject, run: _Run, centres: Points) -> Points:
    return sampling.inside(subject, sampling.rows_of(sampling.around(centres), run.points[0, 1:]))


def _near_worst(subject: Subject, runs: list[_Run], turn: int) -> Points:
    """The neighbourhood of the worst points, the worst of each run first: at the first turns what is next to them, then what is farther, too."""
    chosen = []
    for run in runs:
        finite = np.where(np.isfinite(run.errors), run.errors, -1.0)
        for k in np.argsort(-finite, kind="stable")[:WORST]:
            chosen.append((float(finite[k]), run.points[k]))
    chosen.sort(key=lambda each: -each[0])
    blocks = []
    for _, point in chosen[: 2 * WORST]:
        for k in range(subject.arguments):
            centre = point[k : k + 1]
            moved = sampling.around(centre) if turn < NEXT else sampling.scattered(centre, turn)
            block = np.repeat(point[None, :], len(moved), axis=0)
            block[:, k] = moved
            blocks.append(block)
    return sampling.inside(subject, np.concatenate(blocks))


def _excused(reference: Reference, run: _Run) -> int:
    """Points so near a jump that rounding the difference of two arguments crosses it: either side counts as right."""
    if run.points.shape[1] < 2:
        return 0
    count = 0
    for k in np.flatnonzero(run.errors > SUSPICIOUS):
        sides = reference.near_jump(run.points[k].tolist(), EDGE)
        if sides:
            count += 1
            truth = Truth(run.truth.near[k : k + 1], run.truth.rest[k : k + 1], run.truth.sign[k : k + 1], {0: sides})
            run.errors[k] = ulps(run.got[k : k + 1], truth)[0]
    return count


def _summary(subject: Subject, part: Part, runs: list[_Run], on_edge: int) -> Measurement:
    points = np.concatenate([run.points for run in runs])
    errors = np.concatenate([run.errors for run in runs])
    got = np.concatenate([run.got for run in runs])
    worst = int(np.argmax(np.where(np.isnan(errors), -1.0, errors)))
    return Measurement(
        what=part.what,
        dtype=str(points.dtype),
        how="sampled",
        points=len(points),
        worst=round_up(float(errors[worst])),
        at={name: float(x) for name, x in zip(subject.names, points[worst], strict=True)},
        got=float(got[worst]),
        inexact=int((errors > 0.5).sum()),
        mismatches=int(np.isinf(errors).sum()),
        wrong_zeros=sum(int(wrong_zeros(run.got, run.truth).sum()) for run in runs),
        undecided=int(np.isnan(errors).sum()),
        on_edge=on_edge,
    )


def round_up(error: float) -> float:
    """Three decimals, never less than the error."""
    return error if not np.isfinite(error) else float(np.ceil(error * 1000) / 1000)


def _loses_nan(subject: Subject, part: Part) -> bool:
    """Whether a NaN argument comes out as a number."""
    typical = np.array([[0.5, *sampling.settings(subject)[0]]])
    for k in range(subject.arguments):
        point = typical.copy()
        point[0, k] = np.nan
        if not np.isnan(subject.call(part, point)).all():
            return True
    return False
