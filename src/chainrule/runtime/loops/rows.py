"""Kernels of rows as loops that compute what can be computed of several rows, or of several components of a row, at once.

Short rows: one loop over some rows, which lie in columns, with all that a kernel computes of a row as straight-line code. Long rows: loops over lanes
of components, one until sums of the row are needed, the next until those are that are made of them. For rows of which every score is small enough to
be exponentiated as it is; where one is not, nothing is computed."""

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..digits import NEAR, Formula, refine
from ..reductions import HIGH, HIGH_SINGLE, SHORT, refined_log_sum_exp
from . import elementary, row_functions
from .compiler import compiled, compiled_text, plain
from .long_rows import LongRows
from .row_functions import LANES
from .row_terms import REFINED, Term, cancels, every_of, terms_of
from .short_rows import ShortRows

Array = npt.NDArray[Any]
ACROSS = 4
"""Components of a long row that a lane has in a block."""
DONE, AGAIN, BAD = 0, 1, 2
"""What loops say: that they computed all results, that some need more digits, that one of the scores has to be shifted."""
BEYOND, BEYOND_SINGLE = 700.0, 87.0
"""Scores of this size and less than 0 stand after the end of a row: what their exponentials add to a sum is less than its rounding."""


def compiled_rows(kernel: Callable[..., Any], wide: tuple[bool, ...], size: int, dtype: Any) -> "Rows | None":
    """The loops of a kernel whose inputs are rows of `size` components (wide) or class indices; None where it computes what no loop is made for."""
    across = size if size <= SHORT else min(ACROSS, 1 << max(1, ((size - 1) // LANES).bit_length()))
    return _compiled(kernel, wide, across, size > SHORT, dtype == np.float32)


@lru_cache(maxsize=1024)
def _compiled(
    kernel: Callable[..., Any], wide: tuple[bool, ...], across: int, long: bool, single: bool
) -> "Rows | None":
    results = terms_of(kernel, wide, single, long)
    if results is None:
        return None
    differences = {k: _Difference.of(one, kernel) for k, one in enumerate(results) if one.op == REFINED}
    bare = [one.of[0] if one.op == REFINED else one for one in results]
    text = text_of(bare, wide, across, long, single)
    return Rows(bare, compiled_text(text), single, differences) if text else None


@dataclass(frozen=True)
class _Difference:
    """What `digits.refined_rows` is given, inputs by their numbers."""

    less: int
    formula: Formula
    inputs: tuple[int, ...]

    @staticmethod
    def of(one: Term, kernel: Callable[..., Any]) -> "_Difference":
        _, less, formula, *inputs = one.of
        return _Difference(
            int(less.of[0].op), kernel.__globals__[formula.op], tuple(int(each.of[0].op) for each in inputs)
        )


class Rows:
    """Some kernel's loops. differences: by the numbers of the results that are such."""

    def __init__(
        self,
        results: Sequence[Term],
        loop: Callable[..., Any],
        single: bool,
        differences: Mapping[int, _Difference],
    ) -> None:
        self.loop = loop
        self.kind = np.float32 if single else np.float64
        self.refined = [k for k, one in enumerate(results) if one.op == "log_sum_exp"]
        self.differences = differences

    @property
    def is_loop_alone(self) -> bool:
        """Whether nothing is left to be done after the loop."""
        return not self.refined and not self.differences

    def __call__(self, rows: int, arrays: Sequence[Array], outs: Sequence[Array]) -> bool:
        """Compute the results of contiguous rows; whether these are such that it can be done."""
        if not rows:
            return False
        given = [plain(each).reshape(-1) for each in arrays]
        found = [each.reshape(-1) for each in outs]
        found += [np.empty(rows, self.kind) for _ in self.refined]
        said = self.loop(rows, arrays[0].shape[-1], *given, *found)
        for k, rest in zip(self.refined, found[len(outs) :], strict=True):
            if said == AGAIN:
                with np.errstate(all="ignore"):
                    found[k][:] = refined_log_sum_exp(given[0].reshape(rows, -1), found[k], rest)
            elif said == DONE:
                np.add(found[k], rest, out=found[k])
        if said != BAD:
            for k, one in self.differences.items():
                self._refine(found[k].reshape(rows, -1), one, [each.reshape(rows, -1) for each in given])
        return bool(said != BAD)

    def _refine(self, found: Array, one: _Difference, given: Sequence[Array]) -> None:
        """Compute the rows again that have cancelled."""
        marks = np.empty(len(found), np.bool_)
        if mark_cancelled(found, given[one.less], NEAR, marks):
            with np.errstate(all="ignore"):
                refine(found, given[one.less], marks, one.formula, [given[k] for k in one.inputs])


HEAD = """import numpy as np

from chainrule.runtime.loops import row_functions as f
from chainrule.runtime.loops.elementary import {KIND} as elementary
from chainrule.runtime.loops.elementary import fma

# functions: {digest}
KIND = np.{kind}
ZERO, ONE, HUGE = KIND(0.0), KIND(1.0), KIND({huge!r})
LINE = 64 // KIND(0.0).itemsize
WHOLE = np.int{bits}
DONE, AGAIN, BAD = 0, 1, 2
prefetch, read, write, select, exp, log1p = f.prefetch, f.read, f.write, f.select, f.{KIND}, elementary["log1p"]


"""


@lru_cache(maxsize=1)
def _digest() -> str:
    """Of the functions that the loops call, for Numba does not see when they change."""
    texts = "".join(map(inspect.getsource, (elementary, row_functions)))
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def text_of(results: Sequence[Term], wide: Sequence[bool], across: int, long: bool, single: bool) -> str:
    """The text of the loops; empty where there is not one input of which the exponentials are taken."""
    scores = {one.of[0] for one in every_of(results) if one.op == "exp({})" and one.wide}
    read = {one.of[0] if one.op == "(-{})" else one for one in scores}
    if len(scores) != 1 or {one.op for one in read} != {"input"}:
        return ""
    (score,), (given,) = scores, read
    kind = "float32" if single else "float64"
    head = HEAD.format(
        bits=32 if single else 64, kind=kind, KIND=kind.upper(), digest=_digest(), huge=float(np.finfo(kind).max) / 8.0
    )
    high, beyond = (HIGH_SINGLE, BEYOND_SINGLE) if single else (HIGH, BEYOND)
    refined = [one for one in results if one.op == "log_sum_exp"]
    found = [*(one.of[0] if one in refined else one for one in results), *(one.of[1] for one in refined)]
    tested = [cancels(one, single) for one in refined]
    if long:
        beyond = beyond if score.op == "(-{})" else -beyond
        lines = LongRows(found, wide, across, given, high, beyond, tested).lines()
    else:
        lines = ShortRows(found, wide, across, given, high, tested).lines()
    text = "\n".join(lines)
    return f"{head}{text}\n" if text else ""


@compiled
def mark_cancelled(found: Any, less: Any, near: Any, marks: Any) -> Any:
    """`digits.cancelled_rows`, into marks; whether there are any."""
    every = False
    for row in range(marks.size):
        left, terms, away, count = found[row, 0] * 0, found[row, 0] * 0, found[row, 0] * 0, 0
        for k in range(found.shape[1]):
            y = less[row, k]
            left = max(left, abs(found[row, k]))
            terms = max(terms, abs(found[row, k] + y))
            away = max(away, abs(y))
            count += y != 0
        marks[row] = count > 1 and left < near * max(terms, away)
        every |= marks[row]
    return every
