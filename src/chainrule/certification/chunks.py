"""One chunk of a sweep over every float32 or float16: what a worker does.

The exact value is taken to be that of the float64 function, value and derivative computed together. In every chunk a few points are compared
with the independent reference as well, so that a region where the float64 function is wrong cannot pass for exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..catalogue import entries, load, project
from ..runtime.certificate import code_digest
from ..runtime.compiling import is_compiled, set_compiled
from .environment import environment
from .reference import Reference
from .rounding import BITS, OVERFLOW, SMALLEST, ulps
from .subject import Home, Part, Subject, subject

BLOCK = 1 << 15  # numbers at once; stays in the cache
ANCHORS = 64  # points of a chunk compared with the independent reference
WORDS = {np.dtype(np.float32): np.uint32, np.dtype(np.float16): np.uint16}
EXPONENT = 0x7FF0000000000000
PATTERNS = {np.dtype(np.float32): 1 << 32, np.dtype(np.float16): 1 << 16}


@dataclass(frozen=True)
class Task:
    """The bit patterns start, …, start + count - 1 of a dtype, for one function; derivations: the folder of its
    definition; compiled: whether its compiled code is meant."""

    home: Home
    derivations: str
    dtype: str
    start: int
    count: int
    anchors: int = ANCHORS
    compiled: bool = field(default_factory=is_compiled)


@dataclass
class Tally:
    """What was found for one part. worst: in ulp against the float64 function, at a bit pattern; half an ulp at none where every result is the
    nearest number. anchor: the worst error of the float64 function at the anchors, in ulp of float64, at a bit pattern. inexact: results that
    are not the nearest number."""

    points: int = 0
    worst: float = 0.0
    at: int = -1
    inexact: int = 0
    mismatches: int = 0
    anchors: int = 0
    anchor: float = 0.0
    anchor_at: int = -1

    def add(self, other: "Tally") -> None:
        """Take in another tally; the order does not matter."""
        self.points += other.points
        self.inexact += other.inexact
        self.mismatches += other.mismatches
        self.anchors += other.anchors
        self.worst, self.at = _worse((self.worst, self.at), (other.worst, other.at))
        self.anchor, self.anchor_at = _worse((self.anchor, self.anchor_at), (other.anchor, other.anchor_at))


def _worse(a: tuple[float, int], b: tuple[float, int]) -> tuple[float, int]:
    """The larger error; of equal ones the smaller pattern, and any pattern before none."""
    return max(a, b, key=lambda each: (each[0], each[1] >= 0, -each[1]))


@dataclass(frozen=True)
class Done:
    """The result of a task, part by part, and which code gave it where."""

    start: int
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    code: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)


def swept(about: Subject) -> tuple[tuple[Part, Reference], ...]:
    """The parts that a sweep is about: the value and the first derivatives."""
    pairs = zip(about.parts, about.references, strict=True)
    return tuple((part, reference) for part, reference in pairs if part.method != "second")


def run(task: Task) -> Done:
    """Work through a chunk. Sent to workers, so it needs nothing but its argument."""
    if task.compiled != is_compiled():
        set_compiled(task.compiled)
    about = _subject(task.home, task.derivations)
    dtype = np.dtype(task.dtype)
    parts = swept(about)
    tallies = {part.what: Tally() for part, _ in parts}
    end = task.start + task.count
    with np.errstate(all="ignore"):
        for low in range(task.start, end, BLOCK):
            patterns = np.arange(low, min(low + BLOCK, end), dtype=np.uint64).astype(WORDS[dtype])
            numbers = patterns.view(dtype)
            near = exact(about, numbers.astype(np.float64))
            for part, _ in parts:
                _compare(part.of(about.function)(numbers), near[part.what], patterns, tallies[part.what])
    chosen = _anchors(task, dtype)
    for part, reference in parts:
        _anchor(about, part, reference, chosen, tallies[part.what])
    return Done(task.start, tallies, _digest(task.home, task.compiled), environment())


def exact(about: Subject, numbers: npt.NDArray[np.float64]) -> Mapping[str, Any]:
    """By part, the results of the float64 function: value and first derivative from the code that computes them together."""
    value, *others = (part for part, _ in swept(about))
    found = {part.what: part.of(about.function)(numbers) for part in others[1:]}
    if not others:
        return {value.what: about.function(numbers)}
    together = about.function.value_and_grad(numbers, wrt=others[0].wrt)
    return found | dict(zip((value.what, others[0].what), together, strict=True))


@lru_cache(maxsize=8)
def _digest(home: Home, compiled: bool) -> str:
    return code_digest(home.module(), compiled)


@lru_cache(maxsize=8)
def _subject(home: Home, derivations: str) -> Subject:
    where = project(derivations)
    return subject(load(entries(where.folders)[home.name], where), home)


def _compare(got: npt.NDArray[Any], near: npt.NDArray[np.float64], patterns: npt.NDArray[Any], tally: Tally) -> None:
    """One block against the float64 function."""
    dtype = got.dtype
    tally.points += len(got)
    nearest = near.astype(dtype)
    if np.array_equal(got.view(WORDS[dtype]), nearest.view(WORDS[dtype])):
        if tally.worst < 0.5 and (nearest.astype(np.float64).view(np.int64) != near.view(np.int64)).any():
            tally.worst, tally.at = 0.5, -1
        return
    errors = got.astype(np.float64)
    np.subtract(errors, near, out=errors)
    np.abs(errors, out=errors)
    unit = (near.view(np.int64) & EXPONENT).view(np.float64)
    np.multiply(unit, 2.0 ** (1 - BITS[dtype]), out=unit)
    np.maximum(unit, 2.0 ** SMALLEST[dtype], out=unit)
    np.divide(errors, unit, out=errors)
    k = int(np.argmax(errors))  # the first NaN, if there is one
    if not np.isfinite(errors[k]):
        errors = _with_infinities(errors, got.astype(np.float64), near, OVERFLOW[dtype])
        k = int(np.argmax(errors))
    worst = float(errors[k])
    found = (worst, int(patterns[k])) if worst > 0.5 else (0.5 if worst else 0.0, -1)
    tally.worst, tally.at = _worse((tally.worst, tally.at), found)
    if worst > 0.5:
        tally.inexact += int(np.count_nonzero(errors > 0.5))
        tally.mismatches += int(np.count_nonzero(np.isinf(errors)))


def _with_infinities(errors: Any, got: Any, near: Any, overflow: float) -> Any:
    """0 where both are NaN or the same infinity, inf where only one is."""
    overflows = np.abs(near) >= overflow
    strange = ~np.isfinite(got) | overflows | np.isnan(near)
    same = (np.isnan(got) & np.isnan(near)) | ((got == np.copysign(np.inf, near)) & overflows)
    return np.where(strange, np.where(same, 0.0, np.inf), errors)


def _anchors(task: Task, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Bit patterns spread over a chunk, at odd distances."""
    if not task.anchors:
        return np.empty(0, WORDS[dtype])
    golden = 0.6180339887498949
    places = (np.arange(1, task.anchors + 1) * golden + task.start / PATTERNS[dtype]) % 1
    patterns = task.start + (places * task.count).astype(np.uint64)
    kept = patterns[~np.isnan(patterns.astype(WORDS[dtype]).view(dtype))]
    return np.unique(kept).astype(WORDS[dtype])


def _anchor(about: Subject, part: Part, reference: Reference, patterns: npt.NDArray[Any], tally: Tally) -> None:
    if not len(patterns):
        return
    numbers = patterns.view({2: np.float16, 4: np.float32}[patterns.itemsize]).astype(np.float64)
    parameters = [about.function.parameters[name] for name in about.names[1:]]
    points = np.column_stack([numbers, *(np.full(len(numbers), x) for x in parameters)])
    kept = np.asarray(about.ranges[0].inside(numbers))
    if not kept.any():
        return
    errors = ulps(exact(about, numbers[kept])[part.what], reference.at(points[kept]))
    errors = np.where(np.isnan(errors), np.inf, errors)
    k = int(np.argmax(errors))
    tally.anchors += int(kept.sum())
    tally.anchor, tally.anchor_at = _worse((tally.anchor, tally.anchor_at), (float(errors[k]), int(patterns[kept][k])))
