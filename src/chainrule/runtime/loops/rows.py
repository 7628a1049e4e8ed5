"""Kernels of rows as loops around one call of np.exp: a few rows at a time go through all that a kernel computes of them while they are in the
nearest cache.

For rows of which every score is small enough to be exponentiated as it is; where one is not, nothing is computed. The results are those of
`chainrule.runtime.reductions`, to the last bit as long as NumPy adds neighbours in the order of `row_functions`."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
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
        source = _source(results)
        assert source
        self.exponentials: Term = source
        high = HIGH_SINGLE if single else HIGH
        near = (
            2.0**-20 if single else 2.0**-48
        )  # less than what exp changes by from a score to the next, more than it may be off by
        kind = np.float32 if single else np.float64
        self.bounds = (kind(math.exp(-high) * (1.0 - near)), kind(math.exp(high) * (1.0 + near)))
        self.stage: dict[Term, int] = {}
        for term in self.every:
            self.stage[term] = max((self.stage[one] + (one.op in AT_ONCE) for one in term.of), default=0)
        place = {term: k for k, term in enumerate(self.every)}
        inputs = [(k, int(term.op.split()[1])) for k, term in enumerate(self.every) if not term.of]
        (z,) = self.exponentials.of
        self._steps: list[Callable[[list[Any], int, int], bool]] = []
        for stage in range(1 + max(self.stage.values())):
            step = _step(self, stage, size)
            if step is not None:
                self._steps.append(self._loop(step.loop, [(place[term], not term.of) for term in step.arrays]))
            for term in self.every:
                if term.op in AT_ONCE and self.stage[term] == stage:
                    self._steps.append(_at_once(NUMPY[term.op], place[term], [place[one] for one in term.of]))
        self._inputs = inputs
        self._results = [place[term] for term in results]
        self._scores = place[z.of[0] if z.of else z], bool(z.of), place[self.exponentials]

    def _loop(
        self, loop: Callable[..., Any], given: Sequence[tuple[int, bool]]
    ) -> Callable[[list[Any], int, int], bool]:
        kind = np.float32 if self.single else np.float64

        def step(known: list[Any], rows: int, size: int) -> bool:
            flat = []
            for k, read in given:
                if known[k] is None:
                    known[k] = np.empty(rows, kind)
                flat.append(_read_only(known[k]) if read else known[k].reshape(-1))
            return not loop(rows, size, *self.bounds, *flat)

        return step

    def __call__(self, arrays: Sequence[Array], outs: Sequence[Array]) -> bool:
        """Compute the results of contiguous rows; whether these are such that it can be done."""
        known: list[Any] = [None] * len(self.every)
        for k, place in self._inputs:
            known[k] = arrays[place]
        for k, out in zip(self._results, outs, strict=True):
            known[k] = out
        scores, negated, place = self._scores
        z = known[scores]
        if z.size <= TINY:
            return False
        if negated:
            known[place] = np.negative(z)
            np.exp(known[place], out=known[place])
        else:
            known[place] = np.exp(z)
        return all(step(known, *z.shape) for step in self._steps)


def _at_once(function: Callable[..., Array], result: int, of: Sequence[int]) -> Callable[[list[Any], int, int], bool]:
    def step(known: list[Any], rows: int, size: int) -> bool:
        found = function(*(known[k] for k in of))
        if known[result] is None:
            known[result] = found
        else:
            known[result][...] = found
        return True

    return step


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
        later = {one for term in every if term.op in AT_ONCE for one in term.of if not one.wide}
        self.wanted = [
            term
            for term in every
            if rows.stage[term] == stage
            and term.of
            and term.op not in AT_ONCE
            and (term in later or term in rows.results)
        ]
        self.here: list[Term] = []
        for term in self.wanted:
            self._need(term)
        self.uses = [one for term in self.here for one in term.of]
        self.arrays: list[Term] = []
        self.known: set[Term] = set()

    def _need(self, term: Term) -> None:
        """What an earlier stage has computed is computed again where it is not what a function of `AT_ONCE` gave."""
        if term in self.here or self._given(term):
            return
        for one in term.of:
            self._need(one)
        self.here.append(term)

    def _given(self, term: Term) -> bool:
        return not term.of or term.op in ("exp", *AT_ONCE)

    def name(self, term: Term) -> str:
        return f"x{self.rows.every.index(term)}"

    def lines(self) -> Iterator[str]:
        """The lines of the function `loop`."""
        if not self.wanted:
            return
        every, exponentials = self.rows.every, self.rows.exponentials
        given = [
            one for one in every if self._given(one) and (one in self.uses or (one == exponentials and not self.stage))
        ]
        kept = [one for one in self.here if not one.wide and (self.several or one in self.wanted)]
        outs = [one for one in self.here if one.wide and one in self.rows.results]
        self.arrays = [*given, *kept, *outs]
        self.spread = (
            {one for term in self.here if self._flat(term) for one in self._leaves(term) if not one.wide}
            if self.several
            else set()
        )
        own = [one for one in self.here if one.wide and one not in outs and self._stored(one)]
        wide = [one for one in (*given, *outs) if one.wide]
        dtype = "np.float32" if self.rows.single else "np.float64"
        yield f"def loop(n, size, low, high, {', '.join('a' + self.name(one) for one in self.arrays)}):"
        if self.size > 0:
            yield f"{INDENT}size = {self.size}"
        yield f"{INDENT}count = {TILE} // size" if self.several else f"{INDENT}count = 1"
        yield f"{INDENT}w = np.empty((3, size), {dtype})"
        if self.rows.single:
            yield f"{INDENT}v = np.empty((1, size), np.float64)"
        for one in own:
            yield f"{INDENT}{self.name(one)} = np.empty(count * size, {dtype})"
        for one in every:
            if one in self.spread:
                yield f"{INDENT}s{self.name(one)} = np.empty(count * size, {dtype})"
        for one in (*wide, *own):
            whole = one in wide
            yield f"{INDENT}r{self.name(one)} = {'a' * whole}{self.name(one)}.reshape({'n' if whole else 'count'}, size)"
        yield f"{INDENT}bad = 0"
        yield f"{INDENT}for first in range(0, n, count):"
        inner = ["m = min(count, n - first)", "start, stop = first * size, (first + m) * size"]
        inner += [f"{self.name(one)} = a{self.name(one)}[start:stop]" for one in wide]
        if not self.several:
            inner += [f"{self.name(one)} = a{self.name(one)}[first]" for one in given if not one.wide]
        if not self.stage:
            e = self.name(exponentials)
            inner += [
                "for j in range(m * size):",
                f"{INDENT}bad |= 0 if (low <= {e}[j]) & ({e}[j] <= high) else 1",
                "if bad:",
                f"{INDENT}return bad",
            ]
        for one in given:
            if one in self.spread:
                inner += ["for i in range(m):", *_indented(self._spread(one))]
        for line in (*inner, *self._body()):
            yield INDENT * 2 + line
        yield f"{INDENT}return bad"

    def _body(self) -> Iterator[str]:
        """What is computed, that of one row after the other in one loop as far as it goes."""
        going = False
        for term in self.here:
            if term.wide and not self._stored(term):
                continue
            if self._flat(term):
                source = term.of[0] if term.op in WITHIN else term
                yield "for j in range(m * size):"
                yield f"{INDENT}{self.name(term)}[j] = {self._at(source, source is term)}"
                self.known.clear()
                going = False
            lines = list(self._of_row(term))
            if not lines:
                continue
            if not self.several:
                yield from lines
                continue
            if not going:
                yield "for i in range(m):"
            going = True
            yield from _indented(lines)

    def _of_row(self, term: Term) -> Iterator[str]:
        name = self.name(term)
        if not term.wide:
            yield f"{name} = {_written(term, [self._number(one) for one in term.of]) if term.op in _SIGNS else self._call(term, term.of)}"
            if self.several or term in self.wanted:
                yield f"a{name}[{'first + i' if self.several else 'first'}] = {name}"
            self.known.add(term)
            if term in self.spread:
                yield from self._spread(term)
            return
        if not self._flat(term):
            source = term.of[0] if term.op in WITHIN else term
            yield "for k in range(size):"
            yield f"{INDENT}r{self._place(term)}, k] = {self._at(source, source is term, True)}"
        if term.op in WITHIN:
            yield self._call(term, (term, *term.of[1:]))

    def _stored(self, term: Term) -> bool:
        """Whether what has the size of rows is put into an array, and not computed where it is used."""
        return (
            term in self.rows.results
            or term.op in WITHIN
            or self.uses.count(term) > 1
            or any(term in other.of[other.op in WITHIN :] and other.op not in _SIGNS for other in self.here)
        )

    def _flat(self, term: Term) -> bool:
        """Whether what has the size of rows is computed of several rows at once, as if they were one: short rows only where there is a quotient, which
        takes long."""
        if not term.wide or not self._stored(term):
            return False
        return self.size <= 0 or "/" in self._operations(
            term.of[0] if term.op in WITHIN else term, term.op not in WITHIN
        )

    def _operations(self, term: Term, now: bool = True) -> set[str]:
        if not term.wide or self._given(term) or (self._stored(term) and not now):
            return set()
        return {term.op}.union(*(self._operations(one, False) for one in term.of))

    def _leaves(self, term: Term, now: bool = True) -> set[Term]:
        """What a term is made of where it is computed."""
        if term.op in WITHIN:
            return self._leaves(term.of[0], False)
        if not term.wide or self._given(term) or (self._stored(term) and not now):
            return {term}
        return set().union(*(self._leaves(one, False) for one in term.of))

    def _spread(self, term: Term) -> list[str]:
        return ["for k in range(size):", f"{INDENT}s{self.name(term)}[i * size + k] = {self._number(term)}"]

    def _call(self, term: Term, of: Sequence[Term]) -> str:
        single = self.rows.single and hasattr(row_functions, f"{term.op}_single")
        given = [f"r{self._place(one)}]".replace("[", ", ")[:-1] if one.wide else self._number(one) for one in of]
        return f"f.{term.op}{'_single' * single}({', '.join(given)}, size, {'v' if single else 'w'})"

    def _place(self, term: Term) -> str:
        """The beginning of a reference to a row."""
        row = ("first + i" if self.several else "first") if term in self.arrays else ("i" if self.several else "0")
        return f"{self.name(term)}[{row}"

    def _number(self, term: Term) -> str:
        """A number of a row."""
        return self.name(term) if not self.several or term in self.known else f"a{self.name(term)}[first + i]"

    def _at(self, term: Term, now: bool = False, of_row: bool = False) -> str:
        """A term where a loop over numbers stands: of several rows, or of one (of_row)."""
        if not term.wide:
            return self._number(term) if of_row or not self.several else f"s{self.name(term)}[j]"
        if not now and (self._given(term) or self._stored(term)):
            return f"r{self._place(term)}, k]" if of_row else f"{self.name(term)}[j]"
        return _written(term, [self._at(one, False, of_row) for one in term.of])


_SIGNS = ("+", "-", "*", "/")


def _written(term: Term, of: Sequence[str]) -> str:
    return f"(-{of[0]})" if len(of) == 1 else f"({of[0]} {term.op} {of[1]})"


def _indented(lines: Iterable[str]) -> list[str]:
    return [INDENT + line for line in lines]
