"""Every way through the code of a function of numbers: blocks, those for moderate numbers, their guarded twin, single numbers, value and derivative
together; for float32 what code there is for it.

A call takes one of them, by size and values of its arguments; each is to be right by itself."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..runtime.blocks import Kernel
from ..runtime.compiling import is_compiled
from ..runtime.scalar import FAILED, ScalarFunction
from .subject import Part

Change = Callable[[Kernel], Kernel | None]
"""What a kernel becomes where all is to go one way; None where there is no such way."""


@dataclass(frozen=True)
class Path:
    """A function that goes one way only, asked for a part. code: the name of the function in the module where that way begins."""

    what: str
    function: ScalarFunction
    part: Part
    code: str


def paths(function: ScalarFunction, part: Part) -> Iterator[Path]:
    """The ways on which a part is computed; the first is that of a call."""
    for asked, name in (part, _kernel(part)), *_together(function, part):
        kernel = function.kernels[name]
        yield Path("as called" if asked is part else f"as called, {name}", function, asked, kernel.block.__name__)
        if is_compiled():
            continue  # one code for all numbers
        for what, change, code in (
            ("blocks", _unguarded, kernel.block),
            ("guarded", _guarded, kernel.guarded),
            ("moderate", _moderate, None if kernel.moderate is None else kernel.moderate.block),
            ("numbers", _of_numbers, kernel.number),
        ):
            changed = change(kernel)
            if what == "blocks" and kernel.guarded is None is kernel.moderate and kernel.single is None:
                continue  # that is what a call does
            if changed is not None and code is not None:
                yield Path(
                    what if asked is part else f"{what}, {name}", _with(function, name, changed), asked, code.__name__
                )


def paths_of_single(function: ScalarFunction, part: Part) -> Iterator[Path]:
    """The ways on which a part is computed for arguments of float32, where there is code for that: a call takes it for every number between its bounds."""
    for asked, name in (part, _kernel(part)), *_together(function, part):
        kernel = function.kernels[name]
        within = kernel.single or kernel.narrow
        if within is not None:
            yield Path(f"float32, {name}", function, asked, within.block.__name__)


def _kernel(part: Part) -> str:
    return "value" if part.along is None else f"{part.method} {part.wrt}"


def _together(function: ScalarFunction, part: Part) -> Iterator[tuple[Part, str]]:
    for name in function.kernels:
        wrt = name.removeprefix("value and grad ")
        if wrt != name and (part.along is None or _kernel(part) == f"grad {wrt}"):
            yield replace(part, method="value_and_grad", wrt=wrt, result=int(part.along is not None)), name


def _with(function: ScalarFunction, name: str, kernel: Kernel) -> ScalarFunction:
    """The same function but for one kernel."""
    kernels = {**function.kernels, name: kernel}

    def table(word: str) -> dict[str, Kernel]:
        return {n.removeprefix(word): k for n, k in kernels.items() if n.startswith(word)}

    return ScalarFunction(
        function.__name__,
        value=kernels["value"],
        gradients=table("grad "),
        seconds=table("second "),
        values_and_gradients=table("value and grad "),
        arguments=function.arguments,
        parameters=function.parameters,
        ranges=function.ranges,
        loss=function.loss,
        module=function.__module__,
    )


def _unguarded(kernel: Kernel) -> Kernel | None:
    """The blocks alone wherever they raise no flag: a guarded twin would take over the whole block for one element."""
    guarded = kernel.guarded
    if guarded is None:
        return kernel.but(number=None, moderate=None, single=None)

    def block(*arrays: Any) -> None:
        size = max(np.size(each) for each in arrays)
        try:
            with np.errstate(invalid="raise"):
                kernel.block(*arrays)
        except FloatingPointError:
            if size == 1:
                with np.errstate(invalid="ignore"):
                    guarded(*arrays)
                return
            for half in (slice(None, size // 2), slice(size // 2, None)):
                block(*(each if isinstance(each, float) else each.reshape(-1)[half] for each in arrays))

    return kernel.but(block=block, guarded=None, number=None, moderate=None, single=None)


def _moderate(kernel: Kernel) -> Kernel | None:
    """The code for moderate numbers wherever all of an element are: a call takes it for a whole block of them."""
    within = kernel.moderate
    alone = within and _unguarded(kernel.but(block=within.block))
    if within is None or alone is None:
        return None
    careful = kernel.guarded or kernel.block

    def block(*arrays: Any) -> None:
        with np.errstate(invalid="ignore"):
            careful(*arrays)
        count = len(arrays) - kernel.results - kernel.scratch - kernel.masks
        inputs, outs = arrays[:count], arrays[count : count + kernel.results]
        inside = np.full(outs[0].size, within.holds_of_numbers(inputs)) & ~np.asarray(within.outside(inputs)).reshape(
            -1
        )
        chosen = [each if isinstance(each, float) else each.reshape(-1)[inside] for each in arrays]
        alone.block(*chosen)
        for out, found in zip(outs, chosen[count:], strict=False):
            out.reshape(-1)[inside] = found

    return kernel.but(block=block, guarded=None, number=None, moderate=None, single=None, narrow=None)


def _guarded(kernel: Kernel) -> Kernel | None:
    return (
        None
        if kernel.guarded is None
        else kernel.but(block=kernel.guarded, guarded=None, moderate=None, single=None, narrow=None)
    )


def _of_numbers(kernel: Kernel) -> Kernel | None:
    number = kernel.number
    if number is None:
        return None

    def block(*arrays: Any) -> None:
        rest = kernel.scratch + kernel.masks
        *inputs, out = arrays[: len(arrays) - rest]
        lists = [[each] * out.size if isinstance(each, float) else each.tolist() for each in inputs]
        for k, given in enumerate(zip(*lists, strict=True)):
            try:
                found = None if any(x != x for x in given) else number(*given)
            except FAILED:
                found = None
            if found is None:  # the call takes the code of arrays then
                one = [each if isinstance(each, float) else each[k : k + 1] for each in arrays]
                try:
                    with np.errstate(invalid="ignore" if kernel.guarded is None else "raise"):
                        kernel.block(*one)
                except FloatingPointError:
                    with np.errstate(invalid="ignore"):
                        kernel.guarded(*one)  # type: ignore[misc]
            else:
                out[k] = found

    return kernel.but(block=block, guarded=None, number=None, moderate=None, single=None, narrow=None)
