"""Kernels of rows as loops that compute what can be computed of several rows, or of several components of a row, at once.

Short rows: one loop over some rows, which lie in columns, with all that a kernel computes of a row as straight-line code. Long rows: loops over lanes
of components, one until sums of the row are needed, the next until those are that are made of them. For rows of which every score is small enough to
be exponentiated as it is; where one is not, nothing is computed. Sums are in pairs of pairs, so their error grows with the logarithm of the size."""

import hashlib
import inspect
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..reductions import HIGH, HIGH_SINGLE, SHORT, refined_log_sum_exp
from . import elementary, row_functions
from .compiler import compiled_text, plain
from .row_functions import LANES
from .row_terms import FOLDS, POSITION, Term, terms_of

Array = npt.NDArray[Any]
ROWS = 64
"""Short rows that are worked through at a time."""
ACROSS = 4
"""Components of a long row that a lane has in a block."""
MOST = 1 << 24
"""Components that are counted in float32."""
BEYOND, BEYOND_SINGLE = 700.0, 87.0
"""Scores of this size and less than 0 stand after the end of a row: what their exponentials add to a sum is less than its rounding."""


def compiled_rows(kernel: Callable[..., Any], wide: tuple[bool, ...], size: int, dtype: Any) -> "Rows | None":
    """The loops of a kernel whose inputs are rows of `size` components (wide) or class indices; None where it computes what no loop is made for."""
    if size > MOST:
        return None
    across = size if size <= SHORT else min(ACROSS, 1 << max(1, ((size - 1) // LANES).bit_length()))
    return _compiled(kernel, wide, across, size > SHORT, dtype == np.float32)


@lru_cache(maxsize=1024)
def _compiled(
    kernel: Callable[..., Any], wide: tuple[bool, ...], across: int, long: bool, single: bool
) -> "Rows | None":
    results = terms_of(kernel, wide, single)
    if results is None:
        return None
    text = text_of(results, len(wide), across, long, single)
    return Rows(results, compiled_text(text), single) if text else None


class Rows:
    """Some kernel's loops."""

    def __init__(self, results: Sequence[Term], loop: Callable[..., Any], single: bool) -> None:
        self.loop = loop
        self.kind = np.float32 if single else np.float64
        self.refined = [k for k, one in enumerate(results) if one.op == "log_sum_exp"]

    def __call__(self, rows: int, arrays: Sequence[Array], outs: Sequence[Array]) -> bool:
        """Compute the results of contiguous rows; whether these are such that it can be done."""
        if not rows:
            return False
        given = [plain(each).reshape(-1) for each in arrays]
        found = [each.reshape(-1) for each in outs] + [np.empty(rows, self.kind) for _ in self.refined]
        size = arrays[0].shape[-1]
        if self.loop(rows, size, *given, *found):
            return False
        for k, rest in zip(self.refined, found[len(outs) :], strict=True):
            found[k][:] = refined_log_sum_exp(given[0].reshape(rows, size), found[k], rest)
        return True


HEAD = """import numpy as np

from chainrule.runtime.loops import row_functions as f
from chainrule.runtime.loops.elementary import {KIND} as elementary
from chainrule.runtime.loops.elementary import fma

# functions: {digest}
KIND = np.{kind}
ZERO, ONE, HUGE = KIND(0.0), KIND(1.0), KIND({huge!r})
LINE = 64 // KIND(0.0).itemsize
prefetch, select, exp, log1p = f.prefetch, f.select, f.{KIND}, elementary["log1p"]


"""


@lru_cache(maxsize=1)
def _digest() -> str:
    """Of the functions that the loops call, for Numba does not see when they change."""
    texts = "".join(map(inspect.getsource, (elementary, row_functions)))
    return hashlib.sha256(texts.encode()).hexdigest()[:16]


def text_of(results: Sequence[Term], inputs: int, across: int, long: bool, single: bool) -> str:
    """The text of the loops; empty where there is not one input of which the exponentials are taken."""
    writer = _Writer(results, inputs, across, long)
    scores = {one.of[0] for one in writer.every if one.op == "exp({})"}
    read = {one.of[0] if one.op == "(-{})" else one for one in scores}
    if len(scores) != 1 or {one.op for one in read} != {"input"}:
        return ""
    (score,), (given,) = scores, read
    kind = "float32" if single else "float64"
    head = HEAD.format(kind=kind, KIND=kind.upper(), digest=_digest(), huge=float(np.finfo(kind).max) / 8.0)
    high, beyond = (HIGH_SINGLE, BEYOND_SINGLE) if single else (HIGH, BEYOND)
    lines = writer.lines(given, high, beyond if score.op == "(-{})" else -beyond)
    return head + "\n".join(lines) + "\n"


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
    return [term for term in found if term.of or term is POSITION]


class _Writer:
    """The text of the loops. across: components of which a lane is straight-line code; all, if the rows are short.

    What is kept lies in w, in a block for each `across` times as many components as there are lanes: every term has its place in a block."""

    def __init__(self, results: Sequence[Term], inputs: int, across: int, long: bool) -> None:
        self.across, self.long, self.inputs = across, long, inputs
        self.lanes = LANES if long else ROWS
        self.results = [one.of[0] if one.op == "log_sum_exp" else one for one in results]
        self.results += [one.of[1] for one in results if one.op == "log_sum_exp"]
        self.every = _every(self.results)
        self.number = {one: k for k, one in enumerate(self.every)}
        self.stage: dict[Term, int] = {}
        for one in self.every:
            self.stage[one] = self._stage(one)
        self.places: dict[Term, int] = {}
        self.size = 0
        for one in filter(self._is_kept, self.every):
            self.places[one] = self.size
            self.size += self.lanes * (across if one.wide else 1)
        self.folds = {one: 2 * LANES * k for k, one in enumerate(each for each in self.every if each.op in FOLDS)}

    def _stage(self, one: Term) -> int:
        """The number of the loop in which it is computed, or before which, if it is a number of a long row."""
        if not self.long or one.op in OUTSIDE:
            return 0
        later = not one.wide and any(each.wide for each in one.of)
        return max(self.stage[each] + (later and each.wide) for each in one.of)

    def _loop_of(self, one: Term) -> int:
        """The number of the loop that reads what it is made of."""
        return self.stage[one] - (self.long and one.op in FOLDS)

    def _is_kept(self, one: Term) -> bool:
        if not self.long:
            return one.op in ("input", "entry") or one in self.results
        users = [each for each in self.every if one in each.of]
        return one.wide and (
            one.op in OUTSIDE
            or one in self.results
            or any(each.op == "at" or self._loop_of(each) > self.stage[one] for each in users)
        )

    def lines(self, scores: Term, high: float, beyond: float) -> Iterator[str]:
        """The lines of the function `loop`; scores: the input that has to be between -high and high."""
        arrays = [f"a{k}" for k in range(self.inputs)] + [f"out{k}" for k in range(len(self.results))]
        block = self.across * self.lanes
        yield f"def loop(n, size, {', '.join(arrays)}):"
        yield f"    count = {f'(size + {block - 1}) // {block}' if self.long else 1}"
        yield f"    w = np.zeros(count * {self.size}, KIND)"
        if self.long:
            yield f"    v = np.zeros(count * {2 * LANES * len(self.folds)}, np.float64)"
            yield "    for b in range(count):"
            yield f"        for k in range({block}):"
            yield f"            w[b * {self.size} + {self.places[scores]} + k] = KIND({beyond})"
            if POSITION in self.places:
                yield f"            w[b * {self.size} + {self.places[POSITION]} + k] = KIND(b * {block} + k)"
        else:  # a table, or the compiler takes one instruction for numbers that lie apart, which takes longer
            yield f"    places = np.empty({self.across}, np.uint64)"
            yield f"    for k in range({self.across}):"
            yield f"        places[k] = k * {ROWS}"
        yield "    bad = 0"
        yield f"    for first in range(0, n, {1 if self.long else ROWS}):"
        for line in (*self._test(scores, high), *(self._long() if self.long else self._short())):
            yield " " * 8 + line
        yield "    return bad"

    def _test(self, scores: Term, high: float) -> Iterator[str]:
        yield f"m = min({1 if self.long else ROWS}, n - first)"
        yield f"z = {_array(scores)}[first * size : (first + m) * size]"
        yield "for k in range(z.size):"
        yield f"    bad |= 0 if abs(z[k]) <= KIND({high}) else 1"
        yield "if bad:"
        yield "    return bad"

    def _short(self) -> Iterator[str]:
        k = self.across
        given = [one for one in self.every if one.op in ("input", "entry")]
        for one in given:
            place = self.places[one]
            if one.wide:
                yield f"z = {_array(one)}[first * {k} : (first + m) * {k}]"
            yield "for i in range(m):"
            if one.wide:
                yield f"    for j in range({k}):"
                yield f"        w[places[j] + np.uint64({place} + i)] = z[i * {k} + j]"
            elif one.op == "input":
                yield f"    w[{place} + i] = KIND({_array(one)}[first + i])"
            else:
                array, index = map(_array, one.of)
                yield f"    w[{place} + i] = {array}[(first + i) * {k} + {index}[first + i]]"
        yield f"for i in range({ROWS}):"
        for one in given:
            yield from _indented(self._loaded(one))
        for one in self.every:
            yield from _indented(self._computed(one))
            if one in self.results:
                yield from _indented(self._stored(one))
        for number, one in enumerate(self.results):
            place = self.places[one]
            if one.wide:
                yield f"z = out{number}[first * {k} : (first + m) * {k}]"
            yield "for i in range(m):"
            if one.wide:
                yield f"    for j in range({k}):"
                yield f"        z[i * {k} + j] = w[places[j] + np.uint64({place} + i)]"
            else:
                yield f"    out{number}[first + i] = w[{place} + i]"

    def _long(self) -> Iterator[str]:
        for one in self.every:
            if one.op == "input" and one.wide:
                yield from self._copied(one, _array(one), True)
            elif one.op == "input":
                yield f"{self.name(one)} = KIND({_array(one)}[first])"
            elif one.op == "entry":
                array, index = map(_array, one.of)
                yield f"{self.name(one)} = {array}[first * size + {index}[first]]"
        for stage in range(1 + max(self.stage.values())):
            here = [one for one in self.every if self.stage[one] == stage and one.op not in OUTSIDE]
            for one in here:
                if not one.wide:
                    yield self._of_row(one)
            lanes = [one for one in here if one.wide]
            lanes += [one for one in self.every if one.op in FOLDS and self._loop_of(one) == stage]
            if not lanes:
                continue
            yield "for b in range(count):"
            yield f"    u = w[b * {self.size} : (b + 1) * {self.size}]"
            yield f"    s = v[b * {2 * LANES * len(self.folds)} : (b + 1) * {2 * LANES * len(self.folds)}]"
            if not stage:
                block = self.across * LANES
                yield f"    for k in range(0, {block}, LINE):"
                for one in self.every:
                    if one.op == "input" and one.wide:
                        yield f"        prefetch({_array(one)}, (first + 1) * size + b * {block} + k)"
            yield f"    for i in range({LANES}):"
            for one in self.every:
                if one.wide and one not in lanes and any(one in each.of for each in lanes):
                    yield from _indented(_indented(self._loaded(one)))
            for one in lanes:
                yield from _indented(_indented(self._computed(one)))
                if one in self.places:
                    yield from _indented(_indented(self._stored(one)))
        for number, one in enumerate(self.results):
            if one.wide:
                yield from self._copied(one, f"out{number}", False)
            else:
                yield f"out{number}[first] = {self.name(one)}"

    def _copied(self, one: Term, array: str, read: bool) -> Iterator[str]:
        block = self.across * self.lanes
        yield "for b in range(count):"
        yield f"    u = w[b * {self.size} + {self.places[one]} : (b + 1) * {self.size}]"
        yield f"    z = {array}[first * size + b * {block} : first * size + min((b + 1) * {block}, size)]"
        yield "    for k in range(z.size):"
        yield f"        {'u[k] = z[k]' if read else 'z[k] = u[k]'}"

    def name(self, one: Term, j: int = 0) -> str:
        if one is POSITION and not self.long:
            return f"KIND({j})"
        return f"x{self.number[one]}_{j}" if one.wide else f"x{self.number[one]}"

    def _names(self, one: Term) -> list[str]:
        return [self.name(one, j) for j in range(self.across if one.wide else 1)]

    def _kept(self, one: Term) -> list[tuple[str, str]]:
        """The names of components of a lane, and where they are kept."""
        array, place = "u" if self.long else "w", self.places[one]
        return [(name, f"{array}[{place + j * self.lanes} + i]") for j, name in enumerate(self._names(one))]

    def _loaded(self, one: Term) -> Iterator[str]:
        for name, place in self._kept(one):
            yield f"{name} = {place}"

    def _stored(self, one: Term) -> Iterator[str]:
        for name, place in self._kept(one):
            yield f"{place} = {name}"

    def _computed(self, one: Term) -> Iterator[str]:
        """Of a lane."""
        if one.op in OUTSIDE:
            return
        name = self.name(one)
        if one.op == "at":
            components, place = one.of
            yield f"{name} = {self.name(components)}"
            for j in range(1, self.across):
                yield f"{name} = select({self.name(place)} == KIND({j}), {self.name(components, j)}, {name})"
        elif one.op in FOLDS:
            found = yield from self._folded(one, self._names(one.of[0]), name)
            for k, each in enumerate(found if self.long else ()):
                yield f"s[{self.folds[one] + LANES * k} + i] = {each}"
        else:
            for j, each in enumerate(self._names(one)):
                yield f"{each} = {one.op.format(*[self.name(of, j) for of in one.of])}"

    def _folded(self, one: Term, of: Sequence[str], name: str) -> Generator[str, None, list[str]]:
        """Of the components of a lane; returns what has to be known for those of all lanes to be put together."""
        if one.op in ("sum", "wide_sum"):
            terms = [f"np.float64({each})" for each in of] if one.op == "wide_sum" else list(of)
            yield f"{name} = {_in_pairs(terms)}" if self.long else f"{name} = KIND({_in_pairs(terms)})"
            return [name]
        top = f"t{name}" if one.op != "largest" else name
        rest = []
        yield f"{top} = {of[0]}"
        if one.op == "place":
            yield f"{name} = {self.name(POSITION)}"
        for j, each in enumerate(of[1:], 1):
            yield f"more = {each} > {top}"
            if one.op == "place":
                yield f"{name} = select(more, {self.name(POSITION, j)}, {name})"
            if one.op == "others":
                rest.append(f"{name}_{j}")
                yield f"{name}_{j} = select(more, {top}, {each})"
            yield f"{top} = select(more, {each}, {top})"
        if one.op == "others":
            yield f"{name} = {_in_pairs(rest) if rest else 'ZERO'}"
        return [top] if one.op == "largest" else [top, name]

    def _of_row(self, one: Term) -> str:
        if one.op in FOLDS:
            found = f"KIND(f.{one.op}(v, {self.folds[one]}, {2 * LANES * len(self.folds)}, count))"
        elif one.op == "at":
            place, block = f"np.int64({self.name(one.of[1])})", self.across * LANES
            found = f"w[{place} // {block} * {self.size} + {self.places[one.of[0]]} + {place} % {block}]"
        else:
            found = one.op.format(*map(self.name, one.of))
        return f"{self.name(one)} = {found}"


OUTSIDE = ("input", "position", "entry")
"""What is there before anything is computed."""


def _array(one: Term) -> str:
    return f"a{one.of[0].op}"


def _in_pairs(terms: Sequence[str]) -> str:
    half = len(terms) // 2
    return f"({_in_pairs(terms[:half])} + {_in_pairs(terms[half:])})" if half else terms[0]


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (" " * 4 + line for line in lines)
