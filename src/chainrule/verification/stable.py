"""What must hold for the way to a stable form: every line equals the one before it, and the code computes the last one."""

from collections.abc import Iterable

from ..codegen.floating import SAME, Part, agreement
from ..expression.printing import text
from .checks import Row, Subject, check_chain, check_steps


def check_stable(parts: Iterable[Part]) -> tuple[Row, ...]:
    """The lines of every part as ``stable``, the code against the formula as ``computed``."""
    return tuple(row for part in parts for row in (*_lines(part), _computed(part)))


def _lines(part: Part) -> Iterable[Row]:
    derivation = part.way.derivation
    subject = Subject(derivation)
    for row in (*check_steps(subject), *check_chain(subject)):
        message = row.message and f"{text(derivation.goal)} in floating point: {row.message}"
        yield Row("stable", row.subject, row.points, row.error, row.passed, message, row.tolerance)


def _computed(part: Part) -> Row:
    found, points = agreement(part)
    message = "" if found.passed else f"{found.name}, off by {found.error:.0e}: {found.detail}"
    return Row("computed", part.goal, points, found.error, found.passed, message, SAME)
