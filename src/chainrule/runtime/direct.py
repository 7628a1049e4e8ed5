"""The shortest way from a call to the code of a kernel, for the most frequent calls: one small contiguous array for each argument."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .blocks import BLOCK, CONTEXTS, F32, F64, Check, Kernel, inside, mended, scratch, unflagged
from .compiling import DIRECT, is_compiled, loops

Direct = Callable[[tuple[Any, ...], Any], Any]
"""From the arguments of a call and the array for its result, or None, to the result; None where another way is to be taken."""
KEPT = 2048
"""Elements of the largest scratch arrays that are kept for the next call."""
THREADS = 4
"""How many calls at once find scratch arrays that were kept."""


def direct(kernel: Kernel, few: int, defaults: tuple[float, ...], checks: tuple[Check, ...]) -> Direct:
    """A call of the kernel for `few` arrays of one shape, all of float64 or of float32, not larger than a block, with all parameters at their
    defaults. What it does is what `once` does, in a fifth of the time: what is known before the call is looked up before it."""
    block, guarded, moderate, single, narrow = (
        kernel.block,
        kernel.guarded,
        kernel.moderate,
        kernel.single,
        kernel.narrow,
    )
    alone, bare = few == 1, not kernel.scratch and not kernel.masks
    spare: list[tuple[Any, Any, Any]] = []  # scratch arrays that no call uses; pop and append need no lock
    if single is not None and not single.holds_of_numbers((None,) * few + defaults):
        single = None
    if narrow is not None and not narrow.holds_of_numbers((None,) * few + defaults):
        narrow = None

    def call(args: tuple[Any, ...], out: Any) -> Any:
        if is_compiled():
            by_loops = DIRECT.get(call) or loops().directly(call, kernel, few, defaults, checks)
            return by_loops(args, out)
        if len(args) != few:
            return None
        first = args[0]
        if type(first) is not np.ndarray:
            return None
        kind, shape = first.dtype, first.shape
        if not shape or not 0 < first.size <= BLOCK or not first.flags.c_contiguous:
            return None
        if not alone:
            for x in args[1:]:
                if type(x) is not np.ndarray or x.dtype is not kind or x.shape != shape or not x.flags.c_contiguous:
                    return None
        inputs = args + defaults
        if kind is not F64 and kind is not F32:
            return None
        own: np.dtype[Any] = F64
        within, twin = moderate, guarded
        if kind is F32 and single is not None:
            within, own, twin = single, F32, None
        elif kind is F32 and narrow is not None:
            within, twin = narrow, None
        flags = within is not None and within.flags and own is kind
        code = block
        if within is not None and (flags or within.holds(inputs)):
            code = within.block
        elif within is not moderate:
            return None
        if out is None:
            out = np.empty(shape, kind)
        elif not fits((out,), shape, kind, args):
            return None
        room: Any = ()
        if not bare:
            try:
                held = spare.pop()
                room = held[2] if held[1] == shape and held[0] is own else scratch(kernel, shape, own)
            except IndexError:
                room = scratch(kernel, shape, own)
        try:
            if flags and unflagged(code, *inputs, out, *room):
                pass
            elif flags and own is F32:
                return None
            elif own is not kind:
                CONTEXTS.quiet.run(through_float64, code, twin, inputs, out, room)
            elif twin is None:
                CONTEXTS.quiet.run(block if flags else code, *inputs, out, *room)
            else:
                try:
                    CONTEXTS.strict.run(block if flags else code, *inputs, out, *room)
                except FloatingPointError:
                    CONTEXTS.quiet.run(twin, *inputs, out, *room)
            if checks and not inside(checks, inputs):
                CONTEXTS.quiet.run(mended, checks, inputs, (out,))
        except (RuntimeError, AttributeError):  # a context that is entered already, or none
            return None
        if not bare and first.size <= KEPT and len(spare) < THREADS:
            spare.append((own, shape, room))
        return out

    return call


def through_float64(code: Any, guarded: Any, inputs: Sequence[Any], out: Any, room: Sequence[Any]) -> None:
    """The code of arrays of float64 for those of float32."""
    wide = [x if type(x) is float else x.astype(F64) for x in inputs]
    found = np.empty(out.shape)
    if guarded is None:
        code(*wide, found, *room)
    else:
        try:
            with np.errstate(invalid="raise"):
                code(*wide, found, *room)
        except FloatingPointError:
            guarded(*wide, found, *room)
    np.copyto(out, found, casting="same_kind")


def fits(outs: Sequence[Any], shape: tuple[int, ...], kind: np.dtype[Any], inputs: Sequence[Any]) -> bool:
    """Whether results can be written into arrays as they are: none of them shares memory with another or with an input."""
    others = [x for x in inputs if type(x) is np.ndarray]
    for out in outs:
        if out is None:
            continue
        if type(out) is not np.ndarray or out.dtype is not kind or out.shape != shape:
            return False
        flags = out.flags
        if not flags.carray:
            return False
        for x in others:
            if (out is x or not flags.owndata or not x.flags.owndata) and np.may_share_memory(out, x):
                return False
        others.append(out)
    return True


def never(args: tuple[Any, ...], out: Any) -> Any:
    """What stands for a kernel that is not there."""
    return None
