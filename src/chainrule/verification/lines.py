"""Every line of a derivation at the same random points, and the comparison of two lines there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from random import Random

from mpmath import mp

from ..expression import tree as t
from ..expression.scope import Scope
from ..expression.value import Evaluation, Number, Point, Undefined
from . import sampling
from .reach import unreachable

DIGITS = 45
TOLERANCE = 1e-20
NOTHING = 1e-35
"""Numbers smaller than this are what rounding leaves of 0: two of them prove nothing."""
MARGIN = 1e-6
"""How near a boundary between two branches a point may be."""
POINTS = 8
TELLING = 3
"""The fewest points, not counting those at which everything is 0, at which a step must hold."""
PER_BRANCH = 3
ATTEMPTS = 60
"""Points tried for each one wanted: some lie outside the domain, on a boundary, or in a branch that is well covered."""


@dataclass(frozen=True)
class Outcome:
    """Two values compared. error: relative to the larger of them, or to the largest term of the lines where terms
    cancel. telling: not both are 0."""

    left: Number
    right: Number
    error: float
    telling: bool


@dataclass
class Sample:
    """A point and the values of lines there, each worked out once; None where a line has no value."""

    point: Point
    scope: Scope
    evaluation: Evaluation
    _values: dict[int, tuple[t.Node, Number | None]] = field(default_factory=dict)

    def value(self, line: t.Node) -> Number | None:
        if id(line) not in self._values:
            try:
                found = self.evaluation.value(line)
            except Undefined:
                found = None
            self._values[id(line)] = (line, found)
        return self._values[id(line)][1]

    @cached_property
    def finer(self) -> "Sample":
        """The same point at four times the digits: a difference of nearly equal numbers may need them."""
        return Sample(self.point, self.scope, Evaluation(self.point, self.scope, 4 * DIGITS))

    def constant(self, slope: Number) -> bool:
        """Whether the function is constant only because a dimension is 1 here, as a standard deviation is: its derivative at every other
        size, (z - μ)/‖z - μ‖, has no value there."""
        return 1 in self.point.dimensions.values() and abs(slope) < NOTHING

    def compare(self, before: t.Node, after: t.Node) -> Outcome | None:
        """None: the line before has no value here. A line after it that has none is infinitely wrong."""
        left, right = self.value(before), self.value(after)
        if left is None:
            return None
        if right is None and (right := self.finer.value(after)) is None:
            if self.constant(left):
                return None
            return Outcome(left, mp.nan, float("inf"), True)
        gap, size = abs(left - right), max(abs(left), abs(right))
        if size < NOTHING:
            return Outcome(left, right, 0.0, False)
        if gap <= TOLERANCE * size:
            return Outcome(left, right, float(gap / size) if size else 0.0, size > 0)
        scale = max(self.evaluation.scale(before), self.evaluation.scale(after))
        error = float(gap / scale) if scale else float("inf")
        return Outcome(left, right, error, size > TOLERANCE * scale)


@dataclass(frozen=True)
class Samples:
    """uncovered: the branches that no point reaches, as ``Cases`` node and number. rejected: points of no use."""

    samples: tuple[Sample, ...]
    uncovered: tuple[tuple[t.Node, int], ...] = ()
    rejected: int = 0


def draw_samples(
    lines: Sequence[t.Node], scope: Scope, *words: str, notes: Iterable[t.Node] = (), least: int = POINTS
) -> Samples:
    """Points at which the first line has a value and no line is on a boundary, in every branch of every line.

    words: what the random numbers are seeded with. notes: formulas that need values at the points, but no coverage.
    least: how many points, if not more sizes and patterns of indices have to have their turn."""
    wanted = sampling.needs((*lines, *notes), scope)
    stream = sampling.candidates(wanted, scope, sampling.seed_of(*words))
    count = max(least, sampling.rounds(wanted))
    lines = tuple({id(line): line for line in lines}.values())
    branches = _branches(lines, wanted)
    samples: list[Sample] = []
    taken: dict[tuple[t.Node, int], int] = {}
    rejected = 0

    def accept(sample: Sample) -> None:
        samples.append(sample)
        for branch in sample.evaluation.trace.taken:
            taken[branch] = taken.get(branch, 0) + 1

    def missing() -> list[tuple[t.Cases, int]]:
        return [branch for branch in branches if taken.get(branch, 0) < PER_BRANCH]

    for point in islice(stream, count * ATTEMPTS):
        if len(samples) >= count:
            break
        if (sample := _admissible(point, lines, scope)) is None:
            rejected += 1
        else:
            accept(sample)
    short = missing() if samples else []
    for point in islice(stream, ATTEMPTS * PER_BRANCH * len(short)):
        sample = _admissible(point, lines, scope)
        if sample and not sample.evaluation.trace.taken.isdisjoint(short):
            accept(sample)
            if not (short := missing()):
                break
    uncovered = tuple(
        (node, n)
        for node, n in short
        if not taken.get((node, n))
        and not _single_point(node, n, wanted, scope, samples)
        and not unreachable(node, n, scope)
    )
    return Samples(tuple(samples), uncovered, rejected)


def _admissible(point: Point, lines: Sequence[t.Node], scope: Scope) -> Sample | None:
    sample = Sample(point, scope, Evaluation(point, scope, DIGITS))
    if not lines or sample.value(lines[0]) is None:
        return None
    for line in lines[1:]:
        sample.value(line)
    return sample if sample.evaluation.trace.margin >= MARGIN else None


def _branches(lines: Sequence[t.Node], wanted: sampling.Needs) -> list[tuple[t.Cases, int]]:
    found: dict[tuple[t.Cases, int], None] = {}
    for line in lines:
        for _, node in t.walk(line):
            if isinstance(node, t.Cases):
                for n, branch in enumerate(node.branches):
                    if not _isolated(branch.condition, wanted):
                        found[node, n] = None
    return list(found)


def _isolated(condition: t.Node, wanted: sampling.Needs) -> bool:
    """Whether a condition asks for a real variable to be equal to something: no random point does."""
    equalities = (c for _, c in t.walk(condition) if isinstance(c, t.Compare) and c.operator == "=")
    return any(isinstance(s, t.Symbol) and s.name in wanted.scalars for c in equalities for _, s in t.walk(c))


def _single_point(node: t.Cases, number: int, wanted: sampling.Needs, scope: Scope, samples: list[Sample]) -> bool:
    """Whether a branch that random points miss is the value at a boundary and nowhere else."""
    rng = Random(number)
    for sample in samples[:POINTS] if wanted.conditions else ():
        for _ in range(4):
            point = sampling.near_boundary(sample.point, wanted, scope, rng, exactly=True)
            evaluation = Evaluation(point, scope, DIGITS)
            if next((n for n, b in enumerate(node.branches) if evaluation.holds(b.condition)), None) == number:
                return True
    return False
