"""Kernels run over arrays: at once where they are small, else in blocks that stay in the cache, and those shared between threads.

A kernel is straight-line code that writes into arrays it is given. It sees float64, contiguous, of one shape, whatever the
arrays of the call are; what has to be converted is converted a block at a time."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from .threads import get_threads

Array = npt.NDArray[np.float64]
BLOCK = 32768
"""Elements of a block: few enough for a cache, many enough that the calls are paid for and threads do not wait for each other."""
SHARED = 131072
"""Elements from which threads are worth their start."""
F64 = np.dtype(np.float64)


@dataclass(frozen=True)
class Kernel:
    """The code of one result, or of two that share work.

    block: takes the inputs, then an array for each result, `scratch` arrays of numbers and `masks` of truth values, and returns
    nothing. guarded: the same with care for 0 * inf and 0 / 0, for blocks in which `block` raised the flag of an invalid operation.
    number: of Python floats, returns the result; OverflowError, ValueError and ZeroDivisionError mean that the arrays' code is needed.
    nan: the inputs whose NaN the code does not pass on by itself."""

    block: Callable[..., None]
    guarded: Callable[..., None] | None = None
    number: Callable[..., Any] | None = None
    results: int = 1
    scratch: int = 0
    masks: int = 0
    nan: tuple[str, ...] = ()
    tables: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """Results for every float16, by the values of the other inputs; filled when they are first needed."""


Mend = Callable[[Sequence[Any], Sequence[Array]], None]
"""What is done to a block after the kernel: from its inputs, to its results."""


def run(kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], mend: Mend | None = None, extra: int = 0) -> None:
    """Fill `outs`, arrays of one shape and of any floating dtype, from `inputs`: Python floats, and arrays that broadcast to that
    shape. `mend` sees the blocks afterwards. No output may share memory with an input. extra: how many of the
    last inputs are for `mend` alone. Results do not depend on the blocks."""
    shape, size = outs[0].shape, outs[0].size
    if not size:
        return
    if size <= BLOCK:
        _converted(kernel, inputs, outs, mend, shape, extra)
        return
    arrays = [each for each in inputs if not isinstance(each, float)]
    if not arrays:
        first = [np.empty(()) for _ in outs]
        _converted(kernel, inputs, first, mend, (), extra)
        for out, found in zip(outs, first, strict=True):
            out[...] = found
        return
    share(lambda start, stop: _range(kernel, inputs, arrays, outs, mend, (start, stop), extra), size, BLOCK, size)


def share(work: Callable[[int, int], None], count: int, step: int, size: int) -> None:
    """Let threads do the work from a start to a stop, up to `count` in steps of `step`; `size` elements in all decide how many."""
    threads = min(get_threads(), size // BLOCK) if size >= SHARED else 1
    if threads == 1:
        work(0, count)
        return
    pieces = _pieces(count, step, threads)
    failures: list[BaseException] = []

    def take() -> None:
        try:
            for start, stop in pieces:
                work(start, stop)
        except BaseException as error:
            failures.append(error)

    others = [threading.Thread(target=take, daemon=True) for _ in range(threads - 1)]
    for other in others:
        other.start()
    take()
    for other in others:
        other.join()
    if failures:
        raise failures[0]


def _pieces(count: int, step: int, threads: int) -> "_Shared":
    """Pieces of several blocks each, so that a thread which is held up leaves its share to the others."""
    step *= max(1, min(16, -(-count // step) // (threads * 4)))
    return _Shared((k, min(k + step, count)) for k in range(0, count, step))


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
    outs: Sequence[Array],
    mend: Mend | None = None,
    extra: int = 0,
    wide: bool = True,
) -> None:
    """Everything as one block, of contiguous arrays of one shape. wide: they are of float64 already."""
    shape = outs[0].shape
    if not wide:
        with np.errstate(invalid="ignore"):  # a signalling NaN
            inputs = [each if type(each) is float else each.astype(F64) for each in inputs]
    given = inputs[: len(inputs) - extra] if extra else inputs
    room = [np.empty(shape) for _ in range(kernel.scratch)]
    room += [np.empty(shape, np.bool_) for _ in range(kernel.masks)]
    with np.errstate(all="ignore") if kernel.guarded is None else np.errstate(all="ignore", invalid="raise"):
        try:
            kernel.block(*given, *outs, *room)
        except FloatingPointError:
            with np.errstate(invalid="ignore"):
                kernel.guarded(*given, *outs, *room)  # type: ignore[misc]
    if mend is not None:
        with np.errstate(all="ignore"):
            mend(inputs, outs)


def _converted(
    kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], mend: Mend | None, shape: tuple[int, ...], extra: int
) -> None:
    with np.errstate(all="ignore"):
        given = [each if isinstance(each, float) else _plain(each, shape) for each in inputs]
        own = [out if out.dtype is F64 and out.flags.c_contiguous else np.empty(shape) for out in outs]
        once(kernel, given, own, mend, extra)
        for out, found in zip(outs, own, strict=True):
            if out is not found:
                np.copyto(out, found, casting="same_kind")


def _plain(array: Any, shape: tuple[int, ...]) -> Array:
    if array.shape != shape:
        array = np.broadcast_to(array, shape)
    return np.asarray(array, dtype=F64, order="C")


def _range(
    kernel: Kernel,
    inputs: Sequence[Any],
    arrays: Sequence[Any],
    outs: Sequence[Any],
    mend: Mend | None,
    piece: tuple[int, int],
    extra: int,
) -> None:
    """The blocks of a piece of the arrays, one after the other."""
    few = len(arrays)
    exact = all(a.dtype.kind == "f" for a in arrays)
    scratch = [np.empty(BLOCK) for _ in range(kernel.scratch)]
    masks = [np.empty(BLOCK, np.bool_) for _ in range(kernel.masks)]
    with (
        np.errstate(all="ignore"),
        np.nditer(  # type: ignore[call-overload]
            [*arrays, *outs],
            flags=["external_loop", "buffered", "ranged", "delay_bufalloc"],
            op_flags=[["readonly", "contig"]] * few + [["writeonly", "contig", "no_broadcast"]] * len(outs),
            op_dtypes=[F64] * (few + len(outs)),
            order="K",
            casting="same_kind" if exact else "unsafe",
            buffersize=BLOCK,
        ) as iterator,
    ):
        iterator.iterrange = piece  # once: a second range would write the buffers of the first one again
        for block in iterator:
            taken = iter(block)
            given = [each if isinstance(each, float) else next(taken) for each in inputs]
            n = len(block[0])
            _block(kernel, given, list(taken), [s[:n] for s in scratch], [m[:n] for m in masks], mend, extra)


def _block(
    kernel: Kernel,
    inputs: Sequence[Any],
    outs: Sequence[Array],
    scratch: Sequence[Array],
    masks: Sequence[Any],
    mend: Mend | None,
    extra: int,
) -> None:
    given = inputs[: len(inputs) - extra]
    if kernel.guarded is None:
        kernel.block(*given, *outs, *scratch, *masks)
    else:
        try:
            with np.errstate(invalid="raise"):
                kernel.block(*given, *outs, *scratch, *masks)
        except FloatingPointError:
            kernel.guarded(*given, *outs, *scratch, *masks)
    if mend is not None:
        mend(inputs, outs)


def not_inside(lower: float, upper: float, open_lower: bool, open_upper: bool, values: Any) -> Any:
    """None if all values lie in the interval, else where they do not; NaN lies outside."""
    low, high = float(np.minimum.reduce(values, axis=None)), float(np.maximum.reduce(values, axis=None))
    if (low > lower or (low == lower and not open_lower)) and (high < upper or (high == upper and not open_upper)):
        return None
    above = values > lower if open_lower else values >= lower
    below = values < upper if open_upper else values <= upper
    return ~(above & below)
