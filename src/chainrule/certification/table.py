"""Certificates as rows of a table."""

from collections.abc import Iterable, Iterator

from ..runtime.certificate import Certificate, Measurement

COLUMNS = ("function", "what", "dtype", "how", "points", "worst ulp", "at", "notes")
COUNTED = {
    "mismatches": "wrong infinities or NaN",
    "wrong_zeros": "zeros of the wrong sign",
    "undecided": "undecided",
    "on_edge": "on the edge of a jump",
}


def rows(certificates: Iterable[Certificate]) -> Iterator[tuple[tuple[str, ...], bool]]:
    """The cells of each row, as in COLUMNS, and whether it is within the limit."""
    for certificate in certificates:
        for m in certificate.measurements:
            cells = (certificate.function, m.what, m.dtype, m.how, f"{m.points:,}", _ulp(m), _where(m), _notes(m))
            yield cells, certificate.is_good(m)


def _ulp(m: Measurement) -> str:
    return f"{m.worst:.3f}" if m.worst < 1e4 else f"{m.worst:.1e}"


def _where(m: Measurement) -> str:
    return ", ".join(f"{name} = {x!r}" for name, x in m.at.items())


def _notes(m: Measurement) -> str:
    notes = [f"{getattr(m, name):,} {words}" for name, words in COUNTED.items() if getattr(m, name)]
    if m.per == "row":
        size = f"{m.entries:.3f}" if m.entries < 1e4 else f"{m.entries:.1e}"
        notes = [f"ulp of the largest of the row; a component: {size}", m.rows, *notes]
    return "; ".join(filter(None, notes))
