"""Whether the measurement of a function of vectors notices it when a number in its generated code, or a constant of the sums it stands on, is wrong.

Each is changed a little, then more, until the change matters: until a part that was within the limit is off by more than twice that, or one that
was not by more than twice as much as before, at any of many rows. The measurement must notice it, at rows of its own. A number that no measured part reaches counts as harmless: those of Hessians whose
products with vectors are measured instead."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import numpy as np

from ..codegen.numpy_source import load
from ..runtime import reductions
from ..runtime.certificate import LIMIT
from ..runtime.vector import VectorFunction
from . import samples
from .corruption import CHANGES, Literal, Outcome, literals
from .vectors import Known, VectorSubject, measure

MANY = {2: 36, 3: 36, 10: 12}
"""Rows at which changes are looked for, by number of components; others than those of the measurement."""
FLOAT64 = (np.dtype(np.float64),)


@dataclass(frozen=True)
class Verdict(Outcome):
    """What became of a number of the code, or of a constant of the sums."""

    where: str
    value: float


Changed = Callable[[float], AbstractContextManager[VectorSubject]]
"""The function with a number changed by a factor of 1 + so much, for a while."""


def trial(subject: VectorSubject) -> Iterator[Verdict]:
    """What becomes of every number of a function, and of every constant of its sums."""
    many, few = _look(subject, MANY), _look(subject, samples.COUNTS)
    for where, value, changed in (*_in_code(subject), *_in_runtime(subject)):
        yield _verdict(Verdict(where, value), changed, many, few)


@dataclass(frozen=True)
class _Look:
    """Rows with their exact answers, and how far off each part is with the unchanged code."""

    sizes: Mapping[int, int]
    known: Known
    before: Mapping[str, float]

    def error(self, subject: VectorSubject) -> float:
        """The largest error now; of a part that was beyond the limit, in units in which it was at the limit."""
        now = _worst(subject, self.sizes, self.known)
        unit = {what: max(1.0, before / LIMIT) for what, before in self.before.items()}
        return max((error / unit[what] for what, error in now.items() if math.isfinite(unit[what])), default=0.0)


def _look(subject: VectorSubject, sizes: Mapping[int, int]) -> _Look:
    known: Known = {}
    return _Look(sizes, known, _worst(subject, sizes, known))


def _verdict(verdict: Verdict, changed: Changed, many: _Look, few: _Look) -> Verdict:
    for by in CHANGES:
        with changed(by) as subject:
            error = many.error(subject)
            if error > 2 * LIMIT:
                return replace(verdict, by=by, error=error, found=few.error(subject))
    return verdict


def _worst(subject: VectorSubject, sizes: Mapping[int, int], known: Known) -> Mapping[str, float]:
    return {m.what: m.worst for m in measure(subject, FLOAT64, sizes, 0, known).measurements}


def _in_code(subject: VectorSubject) -> Iterator[tuple[str, float, Changed]]:
    source, name = subject.function.source, subject.home.name
    for literal in literals(source):

        @contextmanager
        def changed(by: float, literal: Literal = literal) -> Iterator[VectorSubject]:
            function = load(literal.changed(source, by), name)
            assert isinstance(function, VectorFunction)
            yield replace(subject, function=function)

        yield f"{literal.function}, line {literal.line}", literal.value, changed


def _in_runtime(subject: VectorSubject) -> Iterator[tuple[str, float, Changed]]:
    for name, value in list(vars(reductions).items()):
        if not (name.isupper() and isinstance(value, float)):
            continue

        @contextmanager
        def changed(by: float, name: str = name, value: float = value) -> Iterator[VectorSubject]:
            setattr(reductions, name, value * (1 + by))
            try:
                yield subject
            finally:
                setattr(reductions, name, value)

        yield f"runtime.reductions.{name}", value, changed
