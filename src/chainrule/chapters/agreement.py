"""The check that numbers found in two ways are the same."""

from collections.abc import Iterable

from ..verification import Row


def agreement(pairs: Iterable[tuple[str, float, float]], tolerance: float) -> Row:
    """what, found and expected: the error is relative to the expected number, or absolute where that is below 1."""
    rows = [(abs(found - expected) / max(1.0, abs(expected)), what, found, expected) for what, found, expected in pairs]
    error, what, found, expected = max(rows)
    passed = all(each <= tolerance for each, *_ in rows)
    message = "" if passed else f"{what}: {found!r}, expected {expected!r}, off by {error:.1e}, allowed {tolerance:.0e}"
    return Row("agreement", None, len(rows), error, passed, message, tolerance)
