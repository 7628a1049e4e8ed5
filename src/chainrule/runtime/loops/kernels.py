"""Kernels as loops and calls: what `chainrule.runtime.blocks` runs in place of their code where code is compiled."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
from itertools import groupby
from operator import itemgetter
from typing import Any

import numba
import numpy as np

from ..blocks import (
    BLOCK,
    F32,
    F64,
    Check,
    Kernel,
    Mend,
    Within,
    mended,
    once,
    rounding,
    scratch,
)
from ..compiling import DIRECT, is_single_in_loops
from ..direct import Direct, fits
from .compiler import compiled_text
from .contraction import contracted
from .domains import Test
from .elements import HEAVY, HIDE_NAN, LOST, OUTSIDE, UNDEFINED
from .plan import Call, Kinds, Loop, Plan, plan
from .ranges import EVERY, eased, not_nan
from .sharing import share
from .statements import Unreadable, Values, values_of
from .texts import text_of

MOST = 4096
"""Kernels that are remembered, for each kind of their arrays."""
PART = 32768
"""Elements between two calls: what they read and write stays in the cache."""


Dtypes = tuple[np.dtype[Any] | None, ...]
"""Of arrays; None for a number."""
Step = tuple[Callable[..., Any], Callable[[Any], Any], int | None]
"""What is called, what takes its arguments from all arrays, and for a function of NumPy the place of the array that it writes into."""


class Compiled:
    """The code of a block, compiled for some kinds of inputs and results, with the tests of its inputs."""

    def __init__(
        self,
        made: Plan,
        kind: np.dtype[Any],
        numbers: Sequence[bool],
        results: int,
        tests: Sequence[Test] = (),
        nan: Sequence[Check] = (),
        narrow: Sequence[bool] = (),
    ) -> None:
        self.kind, self.buffers = kind, made.buffers
        self.nan = tuple(nan)
        """The checks of inputs whose NaN the code does not pass on by itself."""
        own = [f"{letter}{k}" for letter, count in (("i", len(numbers)), ("o", results)) for k in range(count)]
        places = [*own, *(f"b{k}" for k in range(made.buffers))]
        self.steps: list[Step] = []
        only = all(isinstance(step, Loop) for step in made.steps)
        last = max((k for k, step in enumerate(made.steps) if isinstance(step, Loop)), default=-1)
        if tests and last < 0:
            raise Unreadable("no loop that could look at the inputs")
        for are_loops, group in groupby(made.steps, lambda step: isinstance(step, Loop)):
            if are_loops:
                loops = [step for step in group if isinstance(step, Loop)]
                mine = tests if loops[-1] is made.steps[last] else ()
                text = text_of(made.values, loops, numbers, kind.name, mine, only, narrow)
                self.steps.append((compiled_text(text.text), _picked(text.names, places), None))
            else:
                self.steps += [self._call(step, places) for step in group if isinstance(step, Call)]
        self.is_loop = only
        """Whether it is nothing but loops, which need no arrays besides and call nothing."""

    @staticmethod
    def _call(step: Call, places: Sequence[str]) -> Step:
        assert step.value.call
        return step.value.call, _picked(step.reads, places), places.index(step.write)

    def run(self, inputs: Sequence[Any], outs: Sequence[Any]) -> int:
        """Fill `outs` from inputs: arrays of one dimension and one length, and numbers. Returns the bits of the tests that hold for an element; results that
        are lost are NaN."""
        if self.is_loop:
            code, arguments, _ = self.steps[0]
            bits: int = code(*arguments((*inputs, *outs)))
            return bits
        size = outs[0].size
        part = min(size, PART)
        room: Any = np.empty((self.buffers, part), self.kind) if self.buffers else ()
        if part == size:
            return self._once((*inputs, *outs, *room))
        bits = 0
        for start in range(0, size, part):
            piece = slice(start, start + part)
            left = min(part, size - start)
            read = [x if type(x) is float else x[piece] for x in inputs]
            bits |= self._once((*read, *[out[piece] for out in outs], *[each[:left] for each in room]))
        return bits

    def _once(self, arrays: tuple[Any, ...]) -> int:
        bits = 0
        for code, arguments, write in self.steps:
            if write is None:
                bits |= code(*arguments(arrays))
            else:
                code(*arguments(arrays), out=arrays[write])
        return bits


def _picked(names: Sequence[str], places: Sequence[str]) -> Callable[[Any], Any]:
    """What takes the arrays of these names from all."""
    if len(names) == 1:
        (place,) = map(places.index, names)
        return lambda arrays: (arrays[place],)
    return itemgetter(*map(places.index, names))


def in_slices(
    kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], mend: Mend | None, extra: int, kind: np.dtype[Any]
) -> bool:
    """As `blocks.in_slices`, of arrays of one dimension; whether it could be done. Arrays of another kind are converted by the loops."""
    code = None if extra else compiled(kernel, inputs, outs, kind, _checks(mend))
    if code is None:
        return False

    def work(pieces: Iterable[tuple[int, int]]) -> None:
        with np.errstate(all="ignore"):
            for start, stop in pieces:
                piece = slice(start, stop)
                read = [x if type(x) is float else x[piece] for x in inputs]
                block(kernel, read, [out[piece] for out in outs], mend, extra, kind)

    share(work, outs[0].size, outs[0].size)
    return True


def block(
    kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], mend: Mend | None, extra: int, kind: np.dtype[Any]
) -> bool:
    """As `blocks.once`, of contiguous arrays; whether it could be done."""
    given = inputs[: len(inputs) - extra]
    checks = _checks(mend)
    code = compiled(kernel, given, outs, kind, checks)
    if code is None:
        return False
    flat = [x if type(x) is float else x.reshape(-1) for x in given]
    with np.errstate(all="ignore"):
        bits = code.run(flat, [out.reshape(-1) for out in outs])
        lost = _lost(flat, outs) if bits & LOST else None
        if bits & UNDEFINED:
            mended(code.nan, inputs, outs)
        if mend is not None and (checks is None or bits & UNDEFINED):
            mend(inputs, outs)
        if bits & OUTSIDE:
            _again_outside(kernel, inputs, outs, mend, extra, kind)
        if lost is not None:
            _again_lost(lost, kernel, inputs, outs, mend, extra, kind)
    return True


def quickly(kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], mend: Mend | None) -> Sequence[Any] | None:
    """As a call of a function of numbers, of contiguous arrays of float32 and of one shape, and of floats: the results, in `outs` where these are arrays; None
    where another way is to be taken."""
    given = [x for x in inputs if type(x) is not float]
    shape, size = given[0].shape, given[0].size
    if not (outs[0] is None is outs[-1] or fits(outs, shape, F32, given)):
        return None
    results = [np.empty(shape, F32) if out is None else out for out in outs]
    code, kind = (kernel, F32) if is_single(kernel, inputs) else (rounding(kernel, inputs), F64)
    if size <= BLOCK:
        return results if block(code, inputs, results, mend, 0, kind) else None
    flat = [x if type(x) is float else x.reshape(-1) for x in inputs]
    return results if in_slices(code, flat, [out.reshape(-1) for out in results], mend, 0, kind) else None


def is_single(kernel: Kernel, inputs: Sequence[Any]) -> bool:
    """As `blocks.is_single`, and of loops' own: code for all numbers that is right in float32, too."""
    if kernel.single is not None:
        return kernel.single.holds_of_numbers(inputs)
    return is_single_in_loops(kernel) and _is_readable(kernel, len(inputs))


@lru_cache(maxsize=MOST)
def _is_readable(kernel: Kernel, inputs: int) -> bool:
    try:
        return bool(values_of(kernel.guarded or kernel.block, inputs, kernel.results).values)
    except Unreadable:
        return False


def directly(asked: Direct, kernel: Kernel, few: int, defaults: tuple[float, ...], checks: tuple[Check, ...]) -> Direct:
    """What computes the calls of `asked`, which `chainrule.runtime.direct.direct` has made of the same; it is in `DIRECT` from now on."""
    if len(DIRECT) >= MOST:
        DIRECT.clear()
    found = DIRECT[asked] = direct(kernel, few, defaults, checks)
    return found


def direct(kernel: Kernel, few: int, defaults: tuple[float, ...], checks: tuple[Check, ...]) -> Direct:
    """As `chainrule.runtime.direct.direct`, by loops. Of a call for few elements a loop is the smallest part: for one or two arrays of one dimension nothing is
    done here that is not needed."""
    codes: dict[bool, Looped] = {}
    two, array, empty = few == 2, np.ndarray, np.empty
    wide: Alone | None = None
    narrow: Alone | None = None

    def quickest(args: tuple[Any, ...], out: Any) -> Any:
        if out is not None or len(args) != few:
            return call(args, out)
        first = args[0]
        if type(first) is not array:
            return None
        kind, shape = first.dtype, first.shape
        known = wide if kind is F64 else narrow if kind is F32 else None
        if known is None or len(shape) != 1 or shape[0] > BLOCK or not first.flags.carray:
            return call(args, None)
        loop, rest, own_checks = known
        if two:
            x = args[1]
            if type(x) is not array or x.dtype is not kind or x.shape != shape or not x.flags.carray:
                return call(args, None)
            bits = loop(first, x, out := empty(shape, kind), *rest)
        else:
            bits = loop(first, out := empty(shape, kind), *rest)
        return finished(bits, args, out, own_checks) if bits else out

    def call(args: tuple[Any, ...], out: Any) -> Any:
        nonlocal wide, narrow
        first = args[0] if len(args) == few else None
        if type(first) is not array or not first.shape or not 0 < first.size <= BLOCK:
            return None
        kind, shape = first.dtype, first.shape
        if kind is not F64 and kind is not F32:
            return None
        for x in args:
            if type(x) is not array or x.dtype is not kind or x.shape != shape:
                return None
            if not (x.flags.c_contiguous and x.flags.aligned):
                return None
        code = codes.get(kind is F32)
        if code is None:
            code = codes[kind is F32] = _looped(kernel, few, defaults, kind, checks)
            wide, narrow = (code.alone, narrow) if kind is F64 else (wide, code.alone)
        if code.run is None:
            return None
        if out is None:
            out = empty(shape, kind)
        elif not fits((out,), shape, kind, args):
            return None
        return finished(code.run(*(x.reshape(-1) for x in (*args, out))), args, out, code.checks)

    def finished(bits: int, args: tuple[Any, ...], out: Any, own_checks: tuple[Check, ...]) -> Any:
        if bits & (OUTSIDE | LOST):
            return None
        if bits:
            with np.errstate(all="ignore"):
                mended(own_checks, args + defaults, (out,))
        return out

    return call if few > 2 else quickest


Alone = tuple[Callable[..., int], tuple[float, ...], tuple[Check, ...]]
"""A loop that is called with the arguments and the array for the result, arrays of one dimension, and with these numbers; checks of domains."""


@dataclass(frozen=True)
class Looped:
    """One loop over arrays of one kind, with the parameters at their defaults, which gives bits as `Compiled.run` does; none if it takes more than one.

    run: a function of the arguments and of the array for the result, in one dimension. alone: what it calls, for arguments of these types only, if nothing else
    is to be done. checks: of domains."""

    run: Callable[..., int] | None = None
    alone: Alone | None = None
    checks: tuple[Check, ...] = ()


def _looped(
    kernel: Kernel, few: int, defaults: tuple[float, ...], kind: np.dtype[Any], checks: tuple[Check, ...]
) -> Looped:
    """The code for arrays and defaults. Types are looked at here, once."""
    arrays = [np.empty(1, kind) for _ in range(few + 1)]
    inputs, out = (*arrays[:few], *defaults), arrays[few]
    computed = kind
    if kind is F32 and not is_single(kernel, inputs):
        kernel, computed = rounding(kernel, inputs), F64
    made = compiled(kernel, inputs, (out,), computed, checks)
    if made is None or not made.is_loop:
        return Looped()
    code, arguments, _ = made.steps[0]
    order = arguments((*inputs, out))
    types = tuple(map(numba.typeof, order))
    code.compile(types)  # type: ignore[attr-defined]
    loop: Callable[..., int] = code.get_overload(types)  # type: ignore[attr-defined]
    checks = (*checks, *made.nan)
    if [*map(id, order[: few + 1])] == [*map(id, arrays)]:
        rest = order[few + 1 :]
        return Looped(lambda *given: loop(*given, *rest), (loop, rest, checks), checks)

    def run(*given: Any) -> int:
        return loop(*arguments((*given[:-1], *defaults, given[-1])))

    return Looped(run, None, checks)


def _again_outside(
    kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], mend: Mend | None, extra: int, kind: np.dtype[Any]
) -> None:
    """The elements outside the bounds of the code that was taken, by that for all numbers."""
    within = _within(kernel, kind)
    assert within is not None
    careful = kernel.whole or (kernel if kind is F32 else _unbounded(kernel))
    _again(
        np.flatnonzero(within.outside(inputs)),
        lambda some, found: once(careful, some, found, mend, extra),
        inputs,
        outs,
    )


def _lost(inputs: Sequence[Any], outs: Sequence[Any]) -> Any:
    """The places of results that are NaN though no input is."""
    places = reduce(np.union1d, [np.flatnonzero(np.isnan(out.reshape(-1))) for out in outs])
    for x in inputs:
        if type(x) is not float:
            places = places[~np.isnan(x[places])]
    return places


def _again_lost(
    places: Any,
    kernel: Kernel,
    inputs: Sequence[Any],
    outs: Sequence[Any],
    mend: Mend | None,
    extra: int,
    kind: np.dtype[Any],
) -> None:
    """The elements for which a formula had no value: of results for float32 by the code for all numbers, of that by its calls of NumPy."""
    if kind is F32 or kernel.whole is not None:
        careful = kernel.whole or kernel
        _again(places, lambda some, found: once(careful, some, found, mend, extra), inputs, outs)
        return

    def by_calls(some: list[Any], found: list[Any]) -> None:
        (kernel.guarded or kernel.block)(*some[: len(some) - extra], *found, *scratch(kernel, found[0].shape, F64))
        if mend is not None:
            mend(some, found)

    _again(places, by_calls, inputs, outs)


def _again(
    places: Any, compute: Callable[[list[Any], list[Any]], None], inputs: Sequence[Any], outs: Sequence[Any]
) -> None:
    """Some of the results from their inputs in float64."""
    chosen = [x if type(x) is float else x.reshape(-1)[places].astype(F64) for x in inputs]
    found = [np.empty(places.size) for _ in outs]
    compute(chosen, found)
    for out, values in zip(outs, found, strict=True):
        out.reshape(-1)[places] = values


def _within(kernel: Kernel, kind: np.dtype[Any]) -> Within | None:
    """The code of a kernel for numbers between bounds, where all is computed in such a kind of numbers."""
    return kernel.single if kind is F32 else kernel.narrow if kernel.whole is not None else kernel.moderate


@lru_cache(maxsize=MOST)
def _unbounded(kernel: Kernel) -> Kernel:
    """A kernel without the code for moderate numbers."""
    return kernel.but(moderate=None)


def compiled(
    kernel: Kernel,
    inputs: Sequence[Any],
    outs: Sequence[Any],
    kind: np.dtype[Any],
    checks: tuple[Check, ...] | None = None,
) -> Compiled | None:
    """The code of a kernel that is for these inputs and results, computed in float64 or, by `kind`, float32; None where it cannot be compiled. checks: of the
    domains of inputs, for which it tells whether there is an element outside."""
    given = tuple([None if type(x) is float else x.dtype for x in inputs])
    return _compiled(kernel, given, tuple([x.dtype for x in outs]), kind, checks or ())


@lru_cache(maxsize=MOST)
def _compiled(
    kernel: Kernel, inputs: Dtypes, results: Dtypes, kind: np.dtype[Any], checks: tuple[Check, ...]
) -> Compiled | None:
    if not any(inputs) or not all(each in (None, F32, F64) for each in (*inputs, *results)):
        return None
    numbers = [each is None for each in inputs]
    try:
        within, values = _code(kernel, kind, numbers, len(results))
        bounds = {k: (low, high) for k, low, high in (within.tests if within else ()) if not numbers[k]}
        checks = tuple(check for check in checks if not numbers[check[0]])
        tests = [Test(k, *ends, False, False, OUTSIDE) for k, ends in bounds.items()]
        for k, low, high, *_ in checks:
            bounds.setdefault(k, (low, high))
        others = [k for k, is_number in enumerate(numbers) if not is_number and k not in bounds]
        nan: list[Check] = [(k, *EVERY, False, False) for k in not_nan(values, bounds, kind.name, others)]
        right = all(each == kind for each in results)
        values = eased(values, bounds | {k: EVERY for k, *_ in nan}, kind.name, right)
        if kind is F32 and kernel.single is None:  # the code for all numbers, of which bounds are known that this keeps
            values = contracted(values)
        if _is_hidden(values):
            raise Unreadable("a result that may not show that a formula has no value")
        tests += [Test(*check, UNDEFINED) for check in (*checks, *nan)]
        narrow = [kind is F64 and each is F32 for each in inputs]
        kinds = Kinds(tuple(each == kind for each in inputs), tuple(each == kind for each in results))
        return Compiled(plan(values, kinds), kind, numbers, len(results), tests, nan, narrow)
    except Unreadable:
        return None


def _is_hidden(values: Values) -> bool:
    """Whether a result may be a number though a formula that it is computed by has no value, which is NaN."""
    may_be_nan: list[bool] = []
    for value in values.values:
        reached = any(may_be_nan[k] for k in value.operands)
        if reached and (value.call or value.function in HIDE_NAN):
            return True
        may_be_nan.append(reached or value.is_formula)
    return False


def _checks(mend: Mend | None) -> tuple[Check, ...] | None:
    """The checks of inputs that a mend consists of, none if there is no mend; None where it does something else."""
    if mend is None:
        return ()
    return mend.args[0] if isinstance(mend, partial) and mend.func is mended else None


def _code(kernel: Kernel, kind: np.dtype[Any], numbers: Sequence[bool], results: int) -> tuple[Within | None, Values]:
    """What is computed, and for which numbers only: the code for moderate numbers where that saves a function of many operations, for a limit that is put
    on a number costs a loop next to nothing. Of inputs that are numbers the caller has seen that they suit code for float32."""
    careful = values_of(kernel.guarded or kernel.block, len(numbers), results)
    within = _within(kernel, kind)
    if within is None:
        return None, careful
    values = values_of(within.block, len(numbers), results)
    if within is kernel.moderate and (_heavy(values) == _heavy(careful) or any(numbers[k] for k, *_ in within.tests)):
        return None, careful
    return within, values


def _heavy(values: Values) -> int:
    return sum(value.function in HEAVY for value in values.values)
