"""What must hold for the lines and the result of a derivation: one function a check, ``(Subject) -> rows``."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import comb
from typing import Any

from mpmath import mp

from ..calculus.derivation import Derivation, Step
from ..errors import ChainruleError, UnsupportedExpression
from ..expression import tree as t
from ..expression.printing import text
from ..expression.scope import Scope
from ..expression.value import Evaluation, Number, Point, Undefined, UnknownValue, shape
from . import exact, sampling
from .lines import DIGITS, NOTHING, POINTS, TELLING, TOLERANCE, Outcome, Sample, Samples, draw_samples

MORE_POINTS = 6 * POINTS
"""Points for a line that is 0 nearly everywhere."""


@dataclass(frozen=True)
class Row:
    """One check of one derivation. key: which check. subject: what it is about. points: how many values it rests on.
    error: the worst, relative to the largest term. message: what failed where, empty if nothing did."""

    key: str
    subject: t.Node | None
    points: int
    error: float
    passed: bool
    message: str = ""
    tolerance: float = TOLERANCE


@dataclass(frozen=True)
class StepCheck:
    """One step: its two lines at random points. points: those that are telling. left, right: both values at ``worst``,
    the point with the largest error. proved: equal by exact arithmetic too (False: that decides nothing)."""

    line: int
    rule: str
    points: int
    error: float
    passed: bool
    worst: Point | None = None
    left: Number = None
    right: Number = None
    proved: bool = False
    why: str = ""

    @property
    def message(self) -> str:
        """What failed: the line, the rule, the point and both values."""
        return "" if self.passed else f"line {self.line}, {self.rule}: {self.why}"


class Subject:
    """A derivation under check, with the points that its checks share."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation

    @property
    def scope(self) -> Scope:
        return self.derivation.scope

    @property
    def seed(self) -> tuple[str, ...]:
        d = self.derivation
        return (d.definition.name or d.definition.symbol, text(d.goal), d.route)

    @property
    def lines(self) -> tuple[t.Node, ...]:
        steps = self.derivation.steps
        return (self.derivation.start, *(line for step in steps for line in (step.before, step.after)))

    @cached_property
    def samples(self) -> Samples:
        notes = [step.note for step in self.derivation.steps if step.note is not None]
        return draw_samples(self.lines, self.scope, *self.seed, notes=notes)

    @cached_property
    def steps(self) -> tuple[StepCheck, ...]:
        steps = self.derivation.steps
        return tuple(check_step(step, self.scope, self.samples, n) for n, step in enumerate(steps, 1))

    @cached_property
    def function(self) -> t.Node:
        """What is differentiated: by its name if the scope knows it, otherwise the operand of the first line."""
        goal, start = self.derivation.goal, self.derivation.start
        node = goal if isinstance(goal, t.Derivative) and _known(goal.operand, self.scope) else start
        return node.operand if isinstance(node, t.Derivative) else node


def _known(node: t.Node, scope: Scope) -> bool:
    match node:
        case t.Call(name, _, _):
            return name in scope.functions
        case t.Component(base, _):
            return base in scope.vectors
        case t.Symbol(name):
            return name in scope.scalars
    return False


# --- steps


def check_step(step: Step, scope: Scope, samples: Samples | None = None, line: int = 1) -> StepCheck:
    """Compare the two lines of a step at random points, and by exact arithmetic where that decides.

    samples: points that cover the lines; drawn here if not given. A point at which both lines are 0 is not counted,
    except that lines which are 0 at every point, K = 1 aside, are equal."""
    if samples is None:
        samples = draw_samples((step.before, step.after), scope, step.rule)
    found = _compared(step, samples)
    if 0 < sum(outcome.telling for _, outcome in found) < TELLING and samples.samples:
        more = draw_samples((step.before, step.after), scope, step.rule, str(line), least=MORE_POINTS)
        found += _compared(step, more)
    return _judged(step, scope, samples, found, line)


def _compared(step: Step, samples: Samples) -> list[tuple[Sample, Outcome]]:
    outcomes = ((sample, sample.compare(step.before, step.after)) for sample in samples.samples)
    return [(sample, outcome) for sample, outcome in outcomes if outcome is not None]


def _judged(step: Step, scope: Scope, samples: Samples, found: list[tuple[Sample, Outcome]], line: int) -> StepCheck:
    telling = sum(outcome.telling for _, outcome in found)
    plain = sum(1 not in sample.point.dimensions.values() for sample, _ in found)
    if not found:
        return StepCheck(line, step.rule, 0, float("inf"), False, why="it has a value at no point of the domain")
    sample, worst = max(found, key=lambda pair: pair[1].error)
    result = StepCheck(line, step.rule, telling, worst.error, True, sample.point, worst.left, worst.right)
    if worst.error > TOLERANCE:
        return replace(result, passed=False, why=_difference(sample.point, worst))
    if telling < TELLING and (telling or plain < TELLING):
        return replace(
            result, passed=False, why=f"only {telling} points prove anything; both sides are 0 at the others"
        )
    mine = {id(node) for side in (step.before, step.after) for _, node in t.walk(side)}
    missed = next((branch for branch in samples.uncovered if id(branch[0]) in mine), None)
    if missed is not None:
        return replace(result, passed=False, why=_unreached(*missed))
    return replace(result, proved=exact.equal(step.before, step.after, scope))


def _difference(point: Point, outcome: Outcome) -> str:
    left, right = (mp.nstr(value, 8) for value in (outcome.left, outcome.right))
    return f"at {point}, left {left}, right {right} (off by {outcome.error:.0e}, allowed {TOLERANCE:.0e})"


def _unreached(node: t.Node, number: int) -> str:
    assert isinstance(node, t.Cases)
    return f"branch {number + 1} of `{text(node)}` is reached by no point of the domain"


def check_steps(subject: Subject) -> tuple[Row, ...]:
    """Every line equals the one before it."""
    steps = subject.steps
    failed = next((step.message for step in steps if not step.passed), "")
    error = max((step.error for step in steps), default=0.0)
    points = sum(step.points for step in steps)
    return (Row("steps", subject.derivation.goal, points, error, not failed, failed),) if steps else ()


def check_chain(subject: Subject) -> tuple[Row, ...]:
    """Every step starts from the line that the one before it ended in, the first from the start."""
    line = subject.derivation.start
    for number, step in enumerate(subject.derivation.steps, 1):
        if step.before != line:
            message = f"line {number}, {step.rule}: does not start from the line before it"
            return (Row("chain", subject.derivation.goal, number, float("inf"), False, message),)
        line = step.after
    return ()


# --- the equations beside the lines


def check_notes(subject: Subject) -> tuple[Row, ...]:
    """Every equation given as a reason holds where it makes sense: in the branch that the step changes."""
    rows = []
    for number, step in enumerate(subject.derivation.steps, 1):
        if step.note is not None:
            error, points, message = _check_note(step, step.note, subject.samples)
            where = f"line {number}, {step.rule}: the reason `{text(step.note)}` "
            rows.append(Row("notes", step.note, points, error, not message, message and where + message))
    return tuple(rows)


def _check_note(step: Step, note: t.Node, samples: Samples) -> tuple[float, int, str]:
    worst, points = 0.0, 0
    for sample in samples.samples:
        try:
            if not _reached(step, sample):
                continue
            error = _note_error(note, sample)
        except Undefined:
            continue
        except ChainruleError as problem:
            return float("inf"), points, f"cannot be checked: {problem}"
        points += 1
        worst = max(worst, error)
        if error > TOLERANCE:
            return error, points, f"fails at {sample.point} (off by {error:.0e})"
    return worst, points, "" if points else "has a value at no point of the domain"


def _reached(step: Step, sample: Sample) -> bool:
    """Whether the point is in the branches that the changed part stands in."""
    node = step.before
    for position in step.focus:
        if isinstance(node, t.Cases):
            conditions = [branch.condition for branch in node.branches]
            try:
                chosen = next((n for n, c in enumerate(conditions) if sample.evaluation.holds(c)), None)
            except UnknownValue:
                return True  # the condition holds an index that a sum binds: some of its values reach the branch
            if chosen != position:
                return False
        if position >= len(node.children):
            break
        node = node.children[position]
    return True


def _note_error(note: t.Node, sample: Sample) -> float:
    if not isinstance(note, t.Equation):
        return 0.0 if sample.evaluation.holds(note) else float("inf")
    left, right = (sample.evaluation.array(side) for side in (note.left, note.right))
    if shape(left) or shape(right):
        return array_error(left, right)
    outcome = sample.compare(note.left, note.right)
    if outcome is None:
        raise Undefined("the left side has no value")
    return outcome.error


def array_error(left: Any, right: Any) -> float:
    """The largest difference of entries, relative to the largest entry; infinite where the shapes differ."""
    if shape(left) != shape(right):
        return float("inf")
    pairs = list(zip(entries(left), entries(right), strict=True))
    size = max(max(abs(a), abs(b)) for a, b in pairs)
    if size < NOTHING:
        return 0.0
    return float(max(abs(a - b) for a, b in pairs) / size) if size else 0.0


def entries(array: Any) -> Iterable[Number]:
    return (entry for part in array for entry in entries(part)) if isinstance(array, tuple) else (array,)


# --- the result


def check_result(subject: Subject) -> tuple[Row, ...]:
    """The last line equals difference quotients of the function itself, at points of its own."""
    derivation = subject.derivation
    names_it = subject.function is not getattr(derivation.start, "operand", None)
    order = derivation.order if names_it else getattr(derivation.start, "order", 1)
    lines = (subject.function, derivation.final, derivation.variable)
    samples = draw_samples(lines, subject.scope, *subject.seed, "result")
    worst, points, message = 0.0, 0, ""
    for sample in samples.samples:
        slope = difference_quotient(subject.function, derivation.variable, order, sample.point, subject.scope)
        outcome = _against(sample, derivation.final, slope)
        points += outcome.telling
        if not outcome.error <= worst:
            worst, message = outcome.error, f"the result: {_difference(sample.point, outcome)}"
    if not samples.samples:
        worst, message = float("inf"), "the result: it has a value at no point of the domain"
    passed = worst <= TOLERANCE
    return (Row("result", derivation.goal, points, worst, passed, "" if passed else message),)


def _against(sample: Sample, line: t.Node, slope: Number) -> Outcome:
    value = sample.value(line)
    if value is None:
        known = sample.constant(slope)
        return Outcome(slope, mp.nan, 0.0 if known else float("inf"), not known)
    gap, size = abs(value - slope), max(abs(value), abs(slope))
    if size < NOTHING:
        return Outcome(slope, value, 0.0, False)
    if gap > TOLERANCE * size:
        scale = max(size, sample.evaluation.scale(line))
        return Outcome(slope, value, float(gap / scale), bool(size > TOLERANCE * scale))
    return Outcome(slope, value, float(gap / size) if size else 0.0, bool(size > 0))


def difference_quotient(function: t.Node, variable: t.Node, order: int, point: Point, scope: Scope) -> Number:
    """A central difference of the function's values, right to more digits than a check allows to be wrong.

    Written apart from the pending derivatives of ``expression.value``: the step and the digits are others."""
    digits = 2 * DIGITS + 30 * order
    with mp.workdps(digits):
        here = Evaluation(point, scope, digits)
        h = mp.mpf(10) ** -30 * min(1, abs(here.value(variable)) or 1)
        total = mp.mpf(0)
        for k in range(order + 1):
            moved = _moved(variable, here, point, (order - 2 * k) * h)
            total += (-1) ** k * comb(order, k) * Evaluation(moved, scope, digits).value(function)
        return total / (2 * h) ** order


def _moved(variable: t.Node, here: Evaluation, point: Point, by: Number) -> Point:
    match variable:
        case t.Symbol(name):
            return replace(point, scalars={**point.scalars, name: here.value(variable) + by})
        case t.Component(base, indices):
            whole = point.vectors[base] if base in point.vectors else here.array(t.Vector(base))
            places = [point.indices[i] if i in point.indices else int(i) - 1 for i in indices]
            return replace(point, vectors={**point.vectors, base: _shifted(whole, places, by)})
    raise UnsupportedExpression(f"cannot differentiate with respect to `{text(variable)}`")


def _shifted(array: Any, places: Sequence[int], by: Number) -> Any:
    if not places:
        return array + by
    first, *rest = places
    return tuple(_shifted(part, rest, by) if n == first else part for n, part in enumerate(array))


Check = Callable[[Subject], tuple[Row, ...]]


# --- several derivations


def check_routes(first: Derivation, other: Derivation) -> Row:
    """Two derivations of the same derivative end in the same values."""
    scope = first.scope.extended(
        domains=other.scope.domains, shapes=other.scope.shapes, facts=other.scope.facts, indices=other.scope.indices
    )
    mine, yours = (sampling.needs((d.final, d.start, d.variable), d.scope) for d in (first, other))
    wanted = sampling.joined(mine, yours)
    stream = sampling.candidates(wanted, scope, sampling.seed_of(*Subject(other).seed, "routes"))
    worst, telling, message = 0.0, 0, ""
    for _ in range(max(POINTS, sampling.rounds(wanted)) * 4):
        point = next(stream)
        try:
            values = [Evaluation(point, d.scope, DIGITS).value(d.final) for d in (first, other)]
        except Undefined:
            continue
        outcome = _against(Sample(point, first.scope, Evaluation(point, first.scope, DIGITS)), first.final, values[1])
        telling += outcome.telling
        if outcome.error > worst:
            worst, message = outcome.error, f"route {other.route or 'two'}: {_difference(point, outcome)}"
    if not telling:
        worst, message = float("inf"), f"route {other.route or 'two'}: no point proves anything"
    passed = worst <= TOLERANCE
    return Row("routes", other.goal, telling, worst, passed, "" if passed else message)
