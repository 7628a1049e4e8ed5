"""Kernels of rows as loops around one call of np.exp: a few rows at a time go through all that a kernel computes of them while they are in the
nearest cache.

For rows of which every score is small enough to be exponentiated as it is; where one is not, nothing is computed. The results are those of
`chainrule.runtime.reductions`, to the last bit as long as NumPy adds neighbours in the order of `row_functions`."""

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..reductions import HIGH, HIGH_SINGLE, SHORT, TINY, refined_log_sum_exp
from . import row_functions
from .compiler import compiled_text
from .row_terms import AT_ONCE, WITHIN, Term, terms_of

Array = npt.NDArray[Any]
TILE = 512
"""Numbers of an array that are worked through at a time; longer rows one by one."""
INDENT = "    "


def compiled_rows(kernel: Callable[..., Any], wide: tuple[bool, ...], size: int, dtype: Any) -> "Rows | None":
    """The loops of a kernel whose inputs are rows of `size` components (wide) or class indices; None where it computes what no loop is made for."""
    return _compiled(kernel, wide, size if size <= SHORT else 0 if size <= TILE // 4 else -1, dtype == np.float32)


@lru_cache(maxsize=1024)
def _compiled(kernel: Callable[..., Any], wide: tuple[bool, ...], size: int, single: bool) -> "Rows | None":
    results = terms_of(kernel, wide, single)
    return None if results is None or _source(results) is None else Rows(results, size, single)


def _every(results: Sequence[Term]) -> list[Term]:
    """All terms, each after those that it is made of."""
    found: dict[Term, None] = {}

    def visit(term: Term) -> None:
        if term not in found:
            for one in term.of:
                visit(one)
            found[term] = None

    for each in results:
        visit(each)
    return list(found)


def _source(results: Sequence[Term]) -> Term | None:
    """The exponentials, if they are those of one input."""
    found = [term for term in _every(results) if term.op == "exp"]
    if len(found) != 1:
        return None
    (z,) = found[0].of
    return found[0] if not z.of or (z.op == "-" and len(z.of) == 1 and not z.of[0].of) else None


class Rows:
    """Some kernel's loops: one before the first function of `AT_ONCE`, if there is any, one after."""

    def __init__(self, results: Sequence[Term], size: int, single: bool) -> None:
        self.results = tuple(results)
        self.every = _every(results)
        self.single = single
        self.exponentials = _source(results)
        high = HIGH_SINGLE if single else HIGH
        near = 2.0**-20 if single else 2.0**-48  # less than what exp changes by from a score to the next, more than it may be off by
        self.bounds = (math.exp(-high) * (1.0 - near), math.exp(high) * (1.0 + near))
        self.stage: dict[Term, int] = {}
        for term in self.every:
            self.stage[term] = max((self.stage[one] + (one.op in AT_ONCE) for one in term.of), default=0)
        self.steps = [_step(self, stage, size) for stage in range(1 + max(self.stage.values()))]

    def __call__(self, arrays: Sequence[Array], outs: Sequence[Array]) -> bool:
        """Compute the results of contiguous rows; whether these are such that it can be done."""
        rows = next(a for a in arrays if a.ndim == 2)
        if rows.size <= TINY:
            return False
        dtype = np.float32 if self.single else np.float64
        known: dict[Term, Array] = {}
        for term in self.every:
            if term.op.startswith("input"):
                known[term] = arrays[int(term.op.split()[1])]
        known.update(zip(self.results, outs, strict=True))
        assert self.exponentials
        (z,) = self.exponentials.of
        e = np.negative(known[z.of[0]]) if z.of else np.exp(known[z])
        known[self.exponentials] = np.exp(e, out=e) if z.of else e
        low, high = map(dtype, self.bounds)
        for stage, step in enumerate(self.steps):
            if step is not None:
                given = [
                    known[term] if term in known else known.setdefault(term, np.empty(len(rows), dtype))
                    for term in step.arrays
                ]
                flat = [_read_only(a) if not term.of else a.reshape(-1) for term, a in zip(step.arrays, given, strict=True)]
                if step.loop(*rows.shape, low, high, *flat):
                    return False
            for term in self.every:
                if term.op in AT_ONCE and self.stage[term] == stage:
                    found = NUMPY[term.op](*(known[one] for one in term.of))
                    if term in known:
                        known[term][...] = found
                    else:
                        known[term] = found
        return True


NUMPY: dict[str, Callable[..., Array]] = {"log1p": np.log1p, "log_sum_exp": refined_log_sum_exp}


def _read_only(array: Array) -> Array:
    found = array.reshape(-1).view()
    found.flags.writeable = False
    return found


@dataclass(frozen=True)
class _Step:
    """A loop over rows. arrays: what it takes after the numbers of rows and components and the bounds of exponentials."""

    loop: Callable[..., Any]
    arrays: tuple[Term, ...]


def _step(rows: Rows, stage: int, size: int) -> _Step | None:
    writer = _Writer(rows, stage, size)
    lines = list(writer.lines())
    if not lines:
        return None
    text = "\n".join([_HEAD.format(digest=_digest()), *lines, ""])
    return _Step(compiled_text(text), tuple(writer.arrays))


_HEAD = """from chainrule.runtime.loops import row_functions as f
import numpy as np

# functions: {digest}
"""


@lru_cache(maxsize=1)
def _digest() -> str:
    """Of the functions that the loops call, for Numba does not see when they change."""
    return hashlib.sha256(Path(row_functions.__file__).read_bytes()).hexdigest()


class _Writer:
    """The text of the loop of one stage. size: of the rows, if they are short; 0: they are of any size, several are worked through at a time; -1: one."""

    def __init__(self, rows: Rows, stage: int, size: int) -> None:
        self.rows, self.size = rows, size
        self.stage, self.several = stage, size >= 0
        every = rows.every
        later = {
            one
            for term in every
            for one in term.of
            if rows.stage[one] == stage and not one.wide and (rows.stage[term] > stage or term.op in AT_ONCE)
        }
        self.wanted = [
            term
            for term in every
            if rows.stage[term] == stage and term.of and term.op not in AT_ONCE and (term in later or term in rows.results)
        ]
        self.here: list[Term] = []
        for term in self.wanted:
            self._need(term)
        self.uses = [one for term in self.here for one in term.of]
        self.arrays: list[Term] = []

    def _need(self, term: Term) -> None:
        """Numbers of an earlier stage are known, what has the size of rows is computed again."""
        if term in self.here or self._given(term):
            return
        for one in term.of:
            self._need(one)
        self.here.append(term)

    def _given(self, term: Term) -> bool:
        return not term.of or term.op in ("exp", *AT_ONCE) or (not term.wide and self.rows.stage[term] < self.stage)

    def name(self, term: Term) -> str:
        return f"x{self.rows.every.index(term)}"

    def lines(self) -> Iterator[str]:
        """The lines of the function `loop`."""
        if not self.wanted:
            return
        exponentials = self.rows.exponentials
        given = [term for term in self.rows.every if self._given(term) and (term in self.uses or (term == exponentials and not self.stage))]
        kept = [term for term in self.here if not term.wide and (self.several or term in self.wanted)]
        outs = [term for term in self.here if term.wide and term in self.rows.results]
        self.arrays = [*given, *kept, *outs]
        body = [line for term in self.here for line in self._computed(term)]
        spread = [term for term in (*given, *kept) if not term.wide and f"s{self.name(term)}[" in "\n".join(body)]
        own = [term for term in self.here if term.wide and term not in outs and self._stored(term)]
        yield f"def loop(n, size, low, high, {', '.join('a' + self.name(term) for term in self.arrays)}):"
        if self.size > 0:
            yield f"{INDENT}size = {self.size}"
        dtype = "np.float32" if self.rows.single else "np.float64"
        yield f"{INDENT}count = {TILE} // size" if self.several else f"{INDENT}count = 1"
        yield f"{INDENT}w = np.empty(4 * size, {dtype})"
        for prefix, terms in (("", own), ("s", spread)):
            for term in terms:
                yield f"{INDENT}{prefix}{self.name(term)} = np.empty(count * size, {dtype})"
        if self.several:
            for term in (*self.arrays, *own):
                if term.wide:
                    whole = term in self.arrays
                    yield f"{INDENT}r{self.name(term)} = {'a' * whole}{self.name(term)}.reshape({'n' if whole else 'count'}, size)"
        yield f"{INDENT}bad = 0"
        yield f"{INDENT}for first in range(0, n, count):"
        inner: list[str] = ["m = min(count, n - first)", "start, stop = first * size, (first + m) * size"]
        for term in (*given, *outs):
            if term.wide:
                inner.append(f"{self.name(term)} = a{self.name(term)}[start:stop]")
            elif not self.several:
                inner.append(f"{self.name(term)} = a{self.name(term)}[first]")
        if not self.stage:
            inner += ["for j in range(m * size):", f"{INDENT}bad |= 0 if (low <= {self.name(exponentials)}[j]) & ({self.name(exponentials)}[j] <= high) else 1"]
        for term in spread:
            if term in given:
                inner += ["for i in range(m):", *self._spread(term, f"a{self.name(term)}[first + i]")]
        for line in (*inner, *body):
            yield INDENT * 2 + line
        yield f"{INDENT}return bad"

    def _stored(self, term: Term) -> bool:
        """Whether what has the size of rows is put into an array, and not computed where it is used."""
        return (
            term in self.rows.results
            or term.op in WITHIN
            or self.uses.count(term) > 1
            or any(term in other.of and other.op not in _SIGNS for other in self.here)
        )

    def _computed(self, term: Term) -> Iterator[str]:
        name = self.name(term)
        if not term.wide:
            yield from self._numbers(term)
        elif term.op in WITHIN:
            first, *others = term.of
            yield "for j in range(m * size):"
            yield f"{INDENT}{name}[j] = {self._at(first)}"
            if self.several:
                yield "for i in range(m):"
                yield INDENT + self._call(term, list(map(self._row, (term, *others))))
            else:
                yield self._call(term, list(map(self._row, (term, *others))))
        elif self._stored(term):
            yield "for j in range(m * size):"
            yield f"{INDENT}{name}[j] = {self._at(term, True)}"

    def _numbers(self, term: Term) -> Iterator[str]:
        """A number of each row."""
        name = self.name(term)
        if term.op in _SIGNS:
            value = _written(term, [self._row(one) for one in term.of])
        else:
            value = self._call(term, [self._row(one) for one in term.of])
        if not self.several:
            yield f"{name} = {value}"
            if term in self.wanted:
                yield f"a{name}[first] = {name}"
            return
        yield "for i in range(m):"
        yield f"{INDENT}value = {value}"
        yield f"{INDENT}a{name}[first + i] = value"
        if any(other.wide and term in other.of for other in self.here):
            yield from self._spread(term, "value")

    def _spread(self, term: Term, value: str) -> list[str]:
        return [f"{INDENT}for k in range(size):", f"{INDENT * 2}s{self.name(term)}[i * size + k] = {value}"]

    def _call(self, term: Term, arguments: Sequence[str]) -> str:
        function = term.op + ("_single" if self.rows.single and hasattr(row_functions, f"{term.op}_single") else "")
        return f"f.{function}({', '.join(arguments)}, size, w)"

    def _row(self, term: Term) -> str:
        """A term as an argument: the array of several rows, or the number of this row."""
        name = self.name(term)
        if not self.several:
            return name
        whole = term in self.arrays
        return f"{'r' if term.wide else 'a'}{name}[{'first + ' * whole}i]"

    def _at(self, term: Term, now: bool = False) -> str:
        """A term where a loop over numbers stands."""
        name = self.name(term)
        if not term.wide:
            return f"s{name}[j]" if self.several else name
        if not now and (self._given(term) or self._stored(term)):
            return f"{name}[j]"
        return _written(term, [self._at(one) for one in term.of])


_SIGNS = ("+", "-", "*", "/")


def _written(term: Term, of: Sequence[str]) -> str:
    return f"(-{of[0]})" if len(of) == 1 else f"({of[0]} {term.op} {of[1]})"
