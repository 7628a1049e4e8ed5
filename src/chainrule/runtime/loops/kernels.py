"""Kernels as loops and calls: what `chainrule.runtime.blocks` runs in place of their code where code is compiled."""

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from ..blocks import F32, F64, OUTSIDE, Kernel, Within
from .compiler import compiled_text
from .plan import LEAVES, Call, Kinds, Loop, Plan, plan
from .statements import Unreadable, values_of
from .texts import Test, number, text_of

PART = 32768
"""Elements between two calls: what they read and write stays in the cache."""


Step = tuple[Callable[..., Any], Callable[[Any], Any], int | None]
"""What is called, what takes its arguments from all arrays, and for a function of NumPy the place of the array that it writes into."""


class Compiled:
    """The code of a block, compiled for some kinds of inputs and results, with the tests of its inputs."""

    def __init__(
        self, made: Plan, kind: np.dtype[Any], numbers: Sequence[bool], results: int, tests: Sequence[Test]
    ) -> None:
        self.kind, self.buffers = kind, made.buffers
        own = [f"{letter}{k}" for letter, count in (("i", len(numbers)), ("o", results)) for k in range(count)]
        places = [*own, "lost", *(f"b{k}" for k in range(made.buffers))]
        self.steps: list[Step] = []
        only = all(isinstance(step, Loop) for step in made.steps)
        for are_loops, group in groupby(made.steps, lambda step: isinstance(step, Loop)):
            if are_loops:
                loops = [step for step in group if isinstance(step, Loop)]
                mine = tests if loops[-1] is made.steps[-1] else ()
                text = text_of(made.values, loops, numbers, kind.name, mine, whole=only)
                self.steps.append((compiled_text(text.text), _picked(text.names, places), None))
            else:
                self.steps += [self._call(step, places) for step in group if isinstance(step, Call)]
        if tests and not isinstance(made.steps[-1], Loop):
            raise Unreadable("no loop at the end that could look at the inputs")
        self.is_loop = only
        """Whether it is nothing but loops, which need no arrays besides and call nothing."""
        self.loses = any(value.told and value.call is None for value in made.values if value.function not in LEAVES)
        """Whether there may be elements for which a formula has no value here."""

    @staticmethod
    def _call(step: Call, places: Sequence[str]) -> Step:
        assert step.value.call
        return step.value.call, _picked(step.reads, places), places.index(step.write)

    def run(self, inputs: Sequence[Any], outs: Sequence[Any], lost: Any = None) -> int:
        """Fill `outs` from inputs: arrays of one dimension and one length, and numbers. Returns the bits of the tests that hold for an element. lost: an
        array of truth values, in which those become true that have the bit LOST."""
        size = outs[0].size
        if self.loses and lost is None:
            lost = np.zeros(size, np.bool_)
        if self.is_loop:
            code, arguments, _ = self.steps[0]
            bits: int = code(*arguments((*inputs, *outs, lost)))
            return bits
        part = min(size, PART)
        room: Any = np.empty((self.buffers, part), self.kind) if self.buffers else ()
        if part == size:
            return self._once((*inputs, *outs, lost, *room))
        bits = 0
        for start in range(0, size, part):
            piece = slice(start, start + part)
            left = min(part, size - start)
            read = [x if type(x) is float else x[piece] for x in inputs]
            flags = None if lost is None else lost[piece]
            bits |= self._once((*read, *[out[piece] for out in outs], flags, *[each[:left] for each in room]))
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


def compiled(kernel: Kernel, inputs: Sequence[Any], outs: Sequence[Any], kind: np.dtype[Any]) -> Compiled | None:
    """The code of a kernel that is for these inputs and results, of float64 or, by `kind`, float32, compiled; None where it cannot be."""
    numbers = tuple(type(x) is float for x in inputs)
    dtypes = tuple(None if type(x) is float else x.dtype for x in inputs), tuple(x.dtype for x in outs)
    key = (kind, numbers, dtypes)
    if key not in kernel.loops:
        kernel.loops[key] = _compiled(kernel, numbers, dtypes, kind)
    found: Compiled | None = kernel.loops[key]
    return found


def _compiled(kernel: Kernel, numbers: tuple[bool, ...], dtypes: Any, kind: np.dtype[Any]) -> Compiled | None:
    inputs, results = dtypes
    if all(numbers) or not all(each in (None, F32, F64) for each in (*inputs, *results)):
        return None
    within: Within | None = kernel.single if kind is F32 else kernel.narrow if kernel.whole is not None else None
    code = within.block if within else kernel.guarded or kernel.block
    tests = [
        Test(k, f"not ((x >= {number(low)}) & (x <= {number(high)}))", OUTSIDE)
        for k, low, high in (within.tests if within else ())
        if not numbers[k]
    ]
    try:
        values = values_of(code, len(numbers), len(results))
        kinds = Kinds(tuple(each == kind for each in inputs), tuple(each == kind for each in results))
        return Compiled(plan(values, kinds), kind, numbers, len(results), tests)
    except Unreadable:
        return None
