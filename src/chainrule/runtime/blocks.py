"""Kernels run over arrays: at once where they are small, else in blocks that stay in the cache, and those shared between threads.

A kernel is straight-line code that writes into arrays it is given. It sees contiguous arrays of one shape, whatever the arrays of the call are; what
has to be converted is converted a block at a time. They are of float64, or of float32 where a kernel has code that is right in it and all arrays of the
call are of float32."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from typing import Any

import numpy as np

from .arrays import Array
from .compiling import is_compiled, loops
from .threads import get_threads

BLOCK = 65536
"""Elements of a block: few enough for a cache, many enough that the calls are paid for and threads do not wait for each other."""
SHARED = 131072
"""Elements from which threads may be worth their start."""
SHARED_BLOCK = 1 << 20
"""Bytes of an array of a block where threads share the work: longer calls, for which they seldom wait for each other."""
WORTH = 3e-4
"""Seconds of work for which a thread is worth its start."""
F64 = np.dtype(np.float64)
F32 = np.dtype(np.float32)
Bounds = tuple[tuple[float, float] | None, ...]


class Within:
    """A block that is meant for inputs between bounds, the least and the greatest value of each; None where any value will do. flags: wherever
    else its results are not right, it raises the flag of an overflow or of an invalid operation, so that no input has to be looked at before."""

    __slots__ = ("block", "bounds", "flags", "tests")

    def __init__(self, block: Callable[..., None], bounds: Bounds, flags: bool = False) -> None:
        self.block = block
        self.bounds = bounds
        self.flags = flags
        self.tests = tuple((k, *pair) for k, pair in enumerate(bounds) if pair is not None)
        """The places of the inputs that are bounded, with their bounds."""

    def holds(self, inputs: Sequence[Any]) -> bool:
        """Whether every number in every input, floats and contiguous arrays, lies between the bounds; NaN, which argmin and argmax find, does not."""
        for k, low, high in self.tests:
            values = inputs[k]
            if type(values) is float:
                if not low <= values <= high:
                    return False
            elif (high != inf and not values.item(values.argmax()) <= high) or (
                low != -inf and not values.item(values.argmin()) >= low
            ):
                return False
        return True

    def holds_of_numbers(self, inputs: Sequence[Any]) -> bool:
        """Whether those of the inputs that are Python floats lie between their bounds."""
        return all(low <= inputs[k] <= high for k, low, high in self.tests if type(inputs[k]) is float)

    def outside(self, inputs: Sequence[Any]) -> Any:
        """Where an input lies outside its bounds, or is NaN."""
        found: Any = False
        for k, low, high in self.tests:
            if type(inputs[k]) is not float:
                found = found | ~((inputs[k] >= low) & (inputs[k] <= high))
        return found


class Kernel:
    """The code of one result, or of two that share work.

    block: takes the inputs, then an array for each result, `scratch` arrays of numbers and `masks` of truth values, and returns
    nothing. guarded: the same with care for 0 * inf and 0 / 0, for blocks in which `block` raised the flag of an invalid operation.
    moderate: the same where no limit that `block` puts on a number is reached, so the same results, to the last bit, for less. single: for arrays of
    float32, with results right in it; what lies outside its bounds is computed in float64. narrow: for arrays of float32 likewise, converted to float64,
    with results of which a rounding to float32 leaves what is right; `rounded` is the kernel that uses it.
    number: of Python floats, returns the result; OverflowError, ValueError and ZeroDivisionError mean that the arrays' code is needed.
    nan: the inputs whose NaN the code does not pass on by itself."""

    PARTS = ("block", "guarded", "number", "results", "scratch", "masks", "nan", "moderate", "single", "narrow")
    __slots__ = (*PARTS, "rounded", "tables", "whole")

    def __init__(
        self,
        block: Callable[..., None],
        guarded: Callable[..., None] | None = None,
        number: Callable[..., float] | None = None,
        results: int = 1,
        scratch: int = 0,
        masks: int = 0,
        nan: tuple[str, ...] = (),
        moderate: Within | None = None,
        single: Within | None = None,
        narrow: Within | None = None,
        whole: "Kernel | None" = None,
    ) -> None:
        self.block, self.guarded, self.number = block, guarded, number
        self.results, self.scratch, self.masks, self.nan = results, scratch, masks, nan
        self.moderate, self.single, self.narrow, self.whole = moderate, single, narrow, whole
        self.rounded = None if narrow is None or whole is not None else self.but(whole=self)
        self.tables: dict[Any, Any] = {}
        """Results for every float16, by the values of the other inputs; filled when they are first needed."""

    def but(self, **changes: Any) -> "Kernel":
        """The same with other parts."""
        return Kernel(**{name: getattr(self, name) for name in self.PARTS} | changes)


Mend = Callable[[Sequence[Any], Sequence[Array]], None]
"""What is done to a block after the kernel: from its inputs, to its results."""


def run(kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], mend: Mend | None = None, extra: int = 0) -> None:
    """Fill `outs`, arrays of one shape and of any floating dtype, from `inputs`: Python floats, and arrays that broadcast to that
    shape. `mend` sees the blocks afterwards. No output may share memory with an input. extra: how many of the
    last inputs are for `mend` alone. Results do not depend on the blocks."""
    shape, size = outs[0].shape, outs[0].size
    if not size:
        return
    kind: np.dtype[Any] = F64
    if not extra and is_of_single(inputs, outs):
        if is_single(kernel, inputs):
            kind = F32
        else:
            kernel = rounding(kernel, inputs)
    if size <= BLOCK:
        _converted(kernel, inputs, outs, mend, shape, extra, kind)
        return
    arrays = [each for each in inputs if not isinstance(each, float)]
    if not arrays:
        first = [np.empty(()) for _ in outs]
        _converted(kernel, inputs, first, mend, (), extra, F64)
        for out, found in zip(outs, first, strict=True):
            np.copyto(out, found)
    elif all(x.flags.c_contiguous and x.shape == shape for x in (*arrays, *outs)):
        in_slices(kernel, inputs, outs, mend, extra, kind)
    else:
        share(
            lambda pieces: _ranges(kernel, inputs, arrays, outs, mend, pieces, extra, kind),
            size,
            BLOCK,
            size,
        )


def in_slices(
    kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], mend: Mend | None, extra: int, kind: np.dtype[Any]
) -> None:
    """As `run`, of contiguous arrays of one shape with more elements than a block. Those of another dtype than the code's are converted a
    block at a time."""
    given: list[Any] = [x if type(x) is float else x.reshape(-1) for x in inputs]
    flat = [out.reshape(-1) for out in outs]
    converted = any(x.dtype is not kind for x in (*given, *flat) if type(x) is not float)
    if is_compiled() and loops().in_slices(kernel, given, flat, mend, extra, kind):
        return

    most = flat[0].size
    size = min(most, BLOCK if get_threads() == 1 else SHARED_BLOCK // kind.itemsize)

    def work(pieces: Iterable[tuple[int, int]]) -> None:
        whole = scratch(kernel, (size,), kind)
        wide = [None if type(x) is float or x.dtype is kind else np.empty(size, kind) for x in (*given, *flat)]
        for k, n in blocks_of(pieces, size):
            piece = slice(k, k + n)
            room = whole if n == size else [each[:n] for each in whole]
            own = wide if n == size else [each if each is None else each[:n] for each in wide]
            read = [x if type(x) is float else x[piece] for x in given]
            write = [out[piece] for out in flat]
            if converted:
                _through(own, kernel, read, write, room, mend, extra, kind)
            else:
                _block(kernel, read, write, room, mend, extra, kind)

    share(lambda pieces: _quiet(work, pieces), most, size, most)


def blocks_of(pieces: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Where each block of the pieces starts, and its number of elements."""
    for start, stop in pieces:
        for k in range(start, stop, size):
            yield k, min(size, stop - k)


def _through(
    own: Sequence[Any],
    kernel: Kernel,
    inputs: Sequence[Any],
    outs: Sequence[Any],
    room: Sequence[Any],
    mend: Mend | None,
    extra: int,
    kind: np.dtype[Any],
) -> None:
    """One block, by way of other arrays for those inputs and outputs for which there is one."""
    for x, wide in zip(inputs, own, strict=False):
        if wide is not None:
            np.copyto(wide, x, casting="unsafe")
    given = [x if wide is None else wide for x, wide in zip(inputs, own, strict=False)]
    found = [x if wide is None else wide for x, wide in zip(outs, own[len(given) :], strict=True)]
    _block(kernel, given, found, room, mend, extra, kind)
    for x, wide in zip(outs, found, strict=True):
        if x is not wide:
            np.copyto(x, wide, casting="same_kind")


def scratch(kernel: Kernel, shape: tuple[int, ...], kind: np.dtype[Any]) -> list[Any]:
    """The arrays that the code of a kernel needs besides those of its inputs and results."""
    room = [np.empty(shape, kind) for _ in range(kernel.scratch)]
    if kernel.masks:
        room += [np.empty(shape, np.bool_) for _ in range(kernel.masks)]
    return room


def is_of_single(inputs: Sequence[Any], outs: Sequence[Any]) -> bool:
    """Whether everything is of float32: there are arrays, and these are, in any byte order, while numbers adapt."""
    return (
        all(out.dtype == F32 for out in outs)
        and all(type(x) is float or x.dtype.newbyteorder("=") == F32 for x in inputs)
        and not all(type(x) is float for x in inputs)
    )


def is_single(kernel: Kernel, inputs: Sequence[Any]) -> bool:
    """Whether there is code in float32, and numbers lie between its bounds."""
    if is_compiled():
        return bool(loops().is_single(kernel, inputs))
    return kernel.single is not None and kernel.single.holds_of_numbers(inputs)


def rounding(kernel: Kernel, inputs: Sequence[Any]) -> Kernel:
    """The kernel for results that are rounded to float32, where there is one and numbers lie between its bounds."""
    found = kernel.rounded
    within = kernel.narrow
    return kernel if found is None or within is None or not within.holds_of_numbers(inputs) else found


def share(work: Callable[[Iterable[tuple[int, int]]], None], count: int, step: int, size: int) -> None:
    """Let threads do the work, which takes pieces from a start to a stop, up to `count` in steps of `step`. size: elements in all. The caller does the
    first step, and others join where what is left takes so long that their start is worth it."""
    threads = get_threads() if size >= SHARED else 1
    if threads == 1 or count <= step:
        work([(0, count)])
        return
    pieces = _Shared(_pieces(count, step, threads))
    others: list[threading.Thread] = []
    failures: list[BaseException] = []

    def take(mine: Iterable[tuple[int, int]]) -> None:
        try:
            work(mine)
        except BaseException as error:
            failures.append(error)

    def callers() -> Iterator[tuple[int, int]]:
        began = time.perf_counter()
        yield next(pieces)
        left = (time.perf_counter() - began) * (count / step - 1)
        for _ in range(min(threads, -(-count // step), int(left / WORTH)) - 1):
            others.append(threading.Thread(target=take, args=(pieces,), daemon=True))
            others[-1].start()
        yield from pieces

    take(callers())
    for other in others:
        other.join()
    if failures:
        raise failures[0]


def _pieces(count: int, step: int, threads: int) -> Iterator[tuple[int, int]]:
    """One step, then pieces of several, so that a thread which is held up leaves its share to the others."""
    yield 0, step
    several = step * max(1, min(16, count // step // (threads * 4)))
    for start in range(step, count, several):
        yield start, min(start + several, count)


class _Shared:
    """An iterator that several threads may take from."""

    def __init__(self, each: Any) -> None:
        self.each = iter(each)
        self.lock = threading.Lock()

    def __iter__(self) -> "_Shared":
        return self

    def __next__(self) -> Any:
        with self.lock:
            return next(self.each)


def once(
    kernel: Kernel,
    inputs: Sequence[Any],
    outs: Sequence[Any],
    mend: Mend | None = None,
    extra: int = 0,
    kind: np.dtype[Any] = F64,
) -> None:
    """Everything as one block, of contiguous arrays of one shape, all of float64 or, for the code in it, of float32."""
    if is_compiled() and loops().block(kernel, inputs, outs, mend, extra, kind):
        return
    room = scratch(kernel, outs[0].shape, kind) if kernel.scratch or kernel.masks else ()
    simple = kernel.guarded is None and kernel.moderate is None and kernel.whole is None
    if mend is None and not extra and kind is F64 and simple:
        _quiet(kernel.block, *inputs, *outs, *room)  # as in `_block`, in fewer steps
    else:
        _quiet(_block, kernel, inputs, outs, room, mend, extra, kind)


class _Contexts(threading.local):
    """Contexts for each thread: `quiet`, in which floating-point flags are ignored, `strict`, in which an invalid operation raises
    FloatingPointError, and `alert`, in which an overflow does so, too. None where NumPy (before 2.0) keeps such settings elsewhere."""

    def __init__(self) -> None:
        before = np.geterr()
        self.quiet: Any = contextvars.Context()
        self.quiet.run(np.seterr, all="ignore")
        self.strict: Any = contextvars.Context()
        self.strict.run(np.seterr, all="ignore", invalid="raise")
        self.alert: Any = contextvars.Context()
        self.alert.run(np.seterr, all="ignore", invalid="raise", over="raise")
        if np.geterr() != before:
            np.seterr(**before)
            self.quiet = self.strict = self.alert = None


CONTEXTS = _Contexts()


def _quiet(call: Callable[..., None], *arguments: Any) -> None:
    """As under ``np.errstate(all="ignore")``, for a fifth of its time."""
    quiet = CONTEXTS.quiet
    if quiet is not None:
        try:
            quiet.run(call, *arguments)
            return
        except RuntimeError:  # it is entered already, by a call that a signal interrupted
            pass
    with np.errstate(all="ignore"):
        call(*arguments)


def unflagged(code: Callable[..., None], *arrays: Any) -> bool:
    """Whether the code has run and neither an overflow nor an invalid operation has come up; False also where that cannot be told."""
    try:
        CONTEXTS.alert.run(code, *arrays)
    except (FloatingPointError, RuntimeError, AttributeError):  # a flag; a context that is entered already, or none
        return False
    return True


def _converted(
    kernel: Kernel,
    inputs: Sequence[Any],
    outs: Sequence[Any],
    mend: Mend | None,
    shape: tuple[int, ...],
    extra: int,
    kind: np.dtype[Any],
) -> None:
    with np.errstate(all="ignore"):
        given = [each if isinstance(each, float) else _plain(each, shape, kind) for each in inputs]
        own = [out if out.dtype is kind and out.flags.c_contiguous else np.empty(shape, kind) for out in outs]
        once(kernel, given, own, mend, extra, kind)
        for out, found in zip(outs, own, strict=True):
            if out is not found:
                np.copyto(out, found, casting="same_kind")


def _plain(array: Any, shape: tuple[int, ...], kind: np.dtype[Any]) -> Any:
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    return np.asarray(array, dtype=kind, order="C")


def _ranges(
    kernel: Kernel,
    inputs: Sequence[Any],
    arrays: Sequence[Any],
    outs: Sequence[Any],
    mend: Mend | None,
    pieces: Iterable[tuple[int, int]],
    extra: int,
    kind: np.dtype[Any],
) -> None:
    """The blocks of pieces of the arrays, one after the other."""
    few = len(arrays)
    exact = all(a.dtype.kind == "f" for a in arrays)
    room = scratch(kernel, (BLOCK,), kind)
    with np.errstate(all="ignore"):
        for piece in pieces:
            with np.nditer(  # type: ignore[call-overload]
                [*arrays, *outs],
                flags=["external_loop", "buffered", "ranged", "delay_bufalloc"],
                op_flags=[["readonly", "contig"]] * few + [["writeonly", "contig", "no_broadcast"]] * len(outs),
                op_dtypes=[kind] * (few + len(outs)),
                order="K",
                casting="same_kind" if exact else "unsafe",
                buffersize=BLOCK,
            ) as iterator:
                iterator.iterrange = piece  # once: a second range would write the buffers of the first one again
                for block in iterator:
                    taken = iter(block)
                    given = [each if isinstance(each, float) else next(taken) for each in inputs]
                    n = len(block[0])
                    _block(kernel, given, list(taken), room if n == BLOCK else [r[:n] for r in room], mend, extra, kind)


def _block(
    kernel: Kernel,
    inputs: Sequence[Any],
    outs: Sequence[Any],
    room: Sequence[Any],
    mend: Mend | None,
    extra: int,
    kind: np.dtype[Any],
) -> None:
    """One block, by whichever code of the kernel suits it; floating-point flags are ignored by the caller."""
    if is_compiled() and loops().block(kernel, inputs, outs, mend, extra, kind):
        return
    if kind is F32 or kernel.whole is not None:
        _of_single(kernel, inputs, outs, room, mend)
        return
    given = inputs[: len(inputs) - extra] if extra else inputs
    moderate = kernel.moderate
    code = kernel.block
    if moderate is not None and moderate.flags and unflagged(moderate.block, *given, *outs, *room):
        code = _nothing
    elif moderate is not None and moderate.holds(given):
        code = moderate.block
    if kernel.guarded is None:
        code(*given, *outs, *room)
    else:
        try:
            with np.errstate(invalid="raise"):
                code(*given, *outs, *room)
        except FloatingPointError:
            kernel.guarded(*given, *outs, *room)
    if mend is not None:
        mend(inputs, outs)


def _nothing(*arrays: Any) -> None:
    """What is left to do when all is done."""


def _of_single(
    kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], room: Sequence[Any], mend: Mend | None
) -> None:
    """By the code for results of float32, and by that for all numbers the elements for which it is not good enough: each result depends on its own
    inputs alone."""
    single = kernel.narrow if kernel.whole is not None else kernel.single
    assert single is not None
    done = single.flags and unflagged(single.block, *inputs, *outs, *room)
    if not done:
        single.block(*inputs, *outs, *room)
    if mend is not None:
        mend(inputs, outs)
    if not done and not single.holds(inputs):
        places = np.flatnonzero(single.outside(inputs))
        chosen = [x if isinstance(x, float) else x.reshape(-1)[places].astype(F64) for x in inputs]
        found = [np.empty(places.size) for _ in outs]
        once(kernel.whole or kernel, chosen, found, mend)
        for out, values in zip(outs, found, strict=True):
            out.reshape(-1)[places] = values


Check = tuple[int, float, float, bool, bool]
"""The place of an input, and its domain: the ends, and whether each is left out."""


def inside(checks: Sequence[Check], inputs: Sequence[Any]) -> bool:
    """Whether all inputs, floats or contiguous arrays, lie in their domains; NaN, which argmin and argmax find, does not. Floats are checked already."""
    for k, lower, upper, open_lower, open_upper in checks:
        values = inputs[k]
        if type(values) is float:
            continue
        high = values.item(values.argmax())
        if not (high < upper or (high == upper and not open_upper)):
            return False
        if lower != -inf or open_lower:
            low = values.item(values.argmin())
            if not (low > lower or (low == lower and not open_lower)):
                return False
    return True


def mended(checks: Sequence[Check], inputs: Sequence[Any], outs: Sequence[Any]) -> None:
    """NaN in place of the results for which an input does not lie in its domain, or is NaN."""
    if inside(checks, inputs):
        return
    for k, lower, upper, open_lower, open_upper in checks:
        values = inputs[k]
        if type(values) is not float:
            above = values > lower if open_lower else values >= lower
            below = values < upper if open_upper else values <= upper
            for out in outs:
                np.copyto(out, np.nan, where=~(above & below))
