"""What is said of a result as a whole: its matrix notation, its cases, and facts about the matrix, each against the components."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from mpmath import mp

from ..calculus.checks import CheckRow
from ..calculus.derivation import Derivation
from ..calculus.forms import axes_of, forms
from ..calculus.matrix_facts import facts
from ..errors import ChainruleError
from ..expression import tree as t
from ..expression.printing import text
from ..expression.scope import Scope
from ..expression.value import Evaluation, Point, Undefined, UnknownValue
from . import sampling
from .checks import Row, Subject, array_error, entries
from .lines import NOTHING, POINTS, TELLING, TOLERANCE


def check_matrix(subject: Subject) -> tuple[Row, ...]:
    """The result in matrix notation, where it has one, is that of its components."""
    derivation = subject.derivation
    found = (form for key, form in forms(derivation) if key == "matrix")
    return tuple(_matrix_row(form, derivation) for form in found if isinstance(form, t.Equation))


def _matrix_row(form: t.Equation, derivation: Derivation) -> Row:
    try:
        row = check_matrix_form(derivation.final, form.right, axes_of(derivation), derivation.scope)
        error, detail = row.error, row.detail
    except ChainruleError as problem:
        error, detail = float("inf"), str(problem)
    message = f"the matrix form `{text(form)}`: {detail}" if detail else ""
    return Row("matrix", form.right, 1, error, not detail, message)


def check_cases(subject: Subject) -> tuple[Row, ...]:
    """The result by cases, i = j and i ≠ j, is the result."""
    derivation = subject.derivation
    found = (form for key, form in forms(derivation) if key == "cases")
    return tuple(_cases_row(form, derivation) for form in found if isinstance(form, t.Equation))


def _cases_row(form: t.Equation, derivation: Derivation) -> Row:
    worst, detail, seen = 0.0, "", set()
    for point, wanted in _points(derivation, (derivation.final, form.right), 2 * POINTS):
        for there in _places(axes_of(derivation), wanted, point):
            try:
                here = Evaluation(there, derivation.scope, MATRIX_DIGITS)
                off = array_error(here.value(derivation.final), here.value(form.right))
            except Undefined:
                continue
            seen.add(len({there.indices[i] for i in axes_of(derivation)}))
            if off > worst:
                worst, detail = off, f"at {there}: off by {off:.0e}, allowed {TOLERANCE:.0e}"
    if len(seen) < 2:
        worst, detail = float("inf"), "one of the cases was met at no point"
    failed = worst > TOLERANCE
    return Row("cases", form.right, 1, worst, not failed, f"the cases `{text(form)}`: {detail}" if failed else "")


def check_facts(subject: Subject) -> tuple[Row, ...]:
    """What is said of a matrix holds for its entries: symmetric, diagonal, rows sum to 0, no negative eigenvalue."""
    derivation = subject.derivation
    said = [name for name in facts(derivation) if name in FACTS]
    worst = dict.fromkeys(said, 0.0)
    seen = False
    for point, wanted in _points(derivation, (derivation.final,), POINTS) if said else ():
        try:
            table = _table(derivation.final, list(axes_of(derivation)), wanted, point, derivation.scope)
        except Undefined:
            continue
        size = max((abs(entry) for entry in entries(table)), default=0)
        if 0 < size < LEAST:
            continue
        seen = True
        for name in said:
            worst[name] = max(worst[name], float(FACTS[name](table) / (size or 1)))
    if not seen:
        worst = dict.fromkeys(said, float("inf"))
    return tuple(_fact_row(name, off, derivation) for name, off in worst.items())


def _fact_row(name: str, off: float, derivation: Derivation) -> Row:
    failed = off > TOLERANCE
    message = f"`{text(derivation.goal)}` is said to be {name.replace('_', ' ')}: off by {off:.0e}" if failed else ""
    return Row("facts", derivation.goal, 1, off, not failed, message)


def _asymmetry(table: Any) -> Any:
    return max(abs(table[i][j] - table[j][i]) for i in range(len(table)) for j in range(len(table)))


def _off_diagonal(table: Any) -> Any:
    return max((abs(entry) for i, row in enumerate(table) for j, entry in enumerate(row) if i != j), default=0)


def _row_sums(table: Any) -> Any:
    return max(abs(mp.fsum(row)) for row in table)


def _negative_eigenvalue(table: Any) -> Any:
    with mp.workdps(MATRIX_DIGITS):
        return max(0, -min(mp.eigsy(mp.matrix([list(row) for row in table]), eigvals_only=True)))


FACTS: Mapping[str, Callable[[Any], Any]] = {
    "symmetric": _asymmetry,
    "diagonal": _off_diagonal,
    "rows_sum_to_zero": _row_sums,
    "positive_semidefinite": _negative_eigenvalue,
}
"""By how much a matrix of numbers misses what is said of it."""


def _points(derivation: Derivation, nodes: tuple[t.Node, ...], count: int) -> Iterator[tuple[Point, sampling.Needs]]:
    wanted = _needs(nodes, axes_of(derivation), derivation.scope)
    stream = sampling.candidates(wanted, derivation.scope, sampling.seed_of(text(nodes[-1])))
    return ((next(stream), wanted) for _ in range(max(count, sampling.rounds(wanted))))


def _places(indices: Sequence[str], wanted: sampling.Needs, point: Point) -> Iterator[Point]:
    """A point with every pair of values of the axes in turn."""
    for places in product(*(range(point.dimensions[wanted.indices[i]]) for i in indices)):
        yield replace(point, indices={**point.indices, **dict(zip(indices, places, strict=True))})


def _needs(nodes: tuple[t.Node, ...], indices: Sequence[str], scope: Scope) -> sampling.Needs:
    wanted = sampling.needs(nodes, scope)
    return replace(wanted, indices={**{i: _axis(i, wanted, scope) for i in indices}, **wanted.indices})


MATRIX_DIGITS = 120
"""A matrix is compared entry by entry with its largest, which may itself be what cancellation leaves."""
LEAST = 1e-60
"""Entries all of which are smaller have too few of these digits, where they are what large terms leave, to tell anything."""


def check_matrix_form(component: t.Node, matrix: t.Node, indices: Sequence[str], scope: Scope) -> CheckRow:
    """Matrix notation against the formula of its component: indices are those of the axes, the row first.

    Raises UnsupportedExpression where the shapes inside the matrix notation do not fit."""
    wanted = _needs((component, matrix), indices, scope)
    stream = sampling.candidates(wanted, scope, sampling.seed_of(text(component)))
    worst, telling, detail = 0.0, 0, ""
    least = max(POINTS, 2 * sampling.rounds(wanted))
    for turn in range(6 * least):
        if turn >= least and telling >= TELLING:
            break
        point = next(stream)
        try:
            right = Evaluation(point, scope, MATRIX_DIGITS).array(matrix)
            left = _table(component, list(indices), wanted, point, scope)
        except Undefined:
            continue
        off = array_error(left, right)
        telling += any(abs(entry) > NOTHING for entry in entries(left))
        if off > worst:
            worst, detail = off, f"at {point}: off by {off:.0e}, allowed {TOLERANCE:.0e}"
    if telling < TELLING:
        worst, detail = float("inf"), f"only {telling} points prove anything"
    return CheckRow("matrix form", worst <= TOLERANCE, worst, detail if worst > TOLERANCE else "")


def _axis(index: str, wanted: sampling.Needs, scope: Scope) -> str:
    if index in wanted.indices or index in scope.indices:
        return wanted.indices.get(index) or scope.indices[index]
    if len(wanted.dimensions) == 1:
        return wanted.dimensions[0]
    raise UnknownValue(f"the index {index} runs through no known dimension: give it in Scope.indices")


def _table(component: t.Node, indices: list[str], wanted: sampling.Needs, point: Point, scope: Scope) -> Any:
    sizes = [point.dimensions[wanted.indices[i]] for i in indices]
    values = {}
    for places in product(*map(range, sizes)):
        there = replace(point, indices={**point.indices, **dict(zip(indices, places, strict=True))})
        values[places] = Evaluation(there, scope, MATRIX_DIGITS).value(component)

    def nested(places: tuple[int, ...]) -> Any:
        if len(places) == len(sizes):
            return values[places]
        return tuple(nested((*places, n)) for n in range(sizes[len(places)]))

    return nested(())
