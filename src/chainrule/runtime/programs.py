"""Straight-line programs: what a formula does to arrays is recorded once, and run over arrays that are kept, of which it needs few.

Fresh arrays for everything in between would be asked of the system again and again, at several times the cost of the operations.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import Array as Array
from .compiling import is_compiled

if TYPE_CHECKING:
    from .loops.programs import Loops

PART = 16384
"""Elements that a program sees at once: what it needs in between stays in the cache."""
FEW = 32
"""As few elements are not worth that a program is compiled for them."""
KEPT = 4
"""Sets of arrays that are kept, for as many calls at once."""
_spare: list[Array] = []  # pop and append need no lock


def borrowed(size: int) -> Array:
    """Memory for so many numbers, to be given back."""
    try:
        kept = _spare.pop()
    except IndexError:
        kept = np.empty(0)
    return kept if kept.size >= size else np.empty(size)


def give_back(kept: Array) -> None:
    if len(_spare) < KEPT:
        _spare.append(kept)


class Row(np.lib.mixins.NDArrayOperatorsMixin):
    """Stands for an array while a program is recorded: operators and functions of NumPy are steps of it."""

    def __init__(self, steps: list[Any], place: int) -> None:
        self.steps, self.place = steps, place

    def __array_ufunc__(self, function: Any, method: str, *operands: Any) -> Any:
        return step(function, *operands)


def step(function: Callable[..., Any], *operands: Any) -> Any:
    """What the function gives for the operands: a step of the program where one of them is a `Row`. It writes into its last argument, which may be
    an operand as well."""
    read: list[Any] = [each if isinstance(each, Row) else np.asarray(each) for each in operands]
    for each in read:
        if isinstance(each, Row):
            each.steps.append((function, read))
            return Row(each.steps, len(each.steps) - 1)
    out = np.empty(np.broadcast_shapes(*(each.shape for each in read)))
    function(*read, out)
    return out


Step = tuple[Any, Sequence[Any]]
"""A function and its operands, rows and constants; no function for an argument."""


class OfBits:
    """A function of whole numbers, as which it takes the bits of float64."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arrays: Any) -> None:
        self.function(*(each.view(np.int64) for each in arrays))


class Program:
    """What a formula does to so many arrays of float64, element by element."""

    def __init__(self, formula: Callable[..., Any], count: int) -> None:
        steps: list[Step] = [(None, ())] * count
        found = formula(*(Row(steps, k) for k in range(count)))
        result = (found if found.place >= count else +found).place
        self.recorded = steps, count, result
        last = {each.place: k for k, (_, operands) in enumerate(steps) for each in operands if isinstance(each, Row)}
        self.constants: list[Any] = []
        self.rows = 0
        self.places: dict[tuple[str, int, bool], int] = {}
        """Of what the steps read and write: the kind of array, its number, and whether its bits are meant."""
        self.steps: list[tuple[Callable[..., Any], Any]] = []
        where: dict[int, tuple[str, int]] = {k: ("given", k + 1) for k in range(count)}
        free: list[tuple[str, int]] = []
        for k, (function, operands) in enumerate(steps[count:], count):
            read = [where[x.place] if isinstance(x, Row) else self._constant(x) for x in operands]
            done = {where[x.place] for x in reversed(operands) if isinstance(x, Row) and last[x.place] == k}
            free += sorted((each for each in done if each[0] == "row"), key=read.index, reverse=True)
            if k == result:
                where[k] = ("given", 0)
            elif free:
                where[k] = free.pop()
            else:
                where[k] = ("row", self.rows)
                self.rows += 1
            bits = isinstance(function, OfBits)
            used = [self.places.setdefault((*each, bits), len(self.places)) for each in (*read, where[k])]
            self.steps.append((function.function if bits else function, itemgetter(*used)))

    @cached_property
    def loops(self) -> "Loops":
        from .loops.programs import Loops

        return Loops(*self.recorded)

    def _constant(self, value: Any) -> tuple[str, int]:
        self.constants.append(value)
        return "constant", len(self.constants) - 1

    def run(self, arguments: Sequence[Array], out: Array) -> int:
        """Of contiguous arrays of one length, none of which shares memory with `out`; gives how many results are not finite."""
        if is_compiled() and (out.size > FEW or "loops" in vars(self)):
            return self.loops.run(arguments, out)
        kept = borrowed(self.rows * min(PART, out.size))
        for k in range(0, out.size, PART):
            piece = slice(k, k + PART)
            size = min(PART, out.size - k)
            arrays: dict[str, Any] = {
                "given": [out[piece], *(each[piece] for each in arguments)],
                "row": kept[: self.rows * size].reshape(self.rows, size),
                "constant": self.constants,
            }
            space = [arrays[kind][n].view(np.int64) if bits else arrays[kind][n] for kind, n, bits in self.places]
            for function, operands in self.steps:
                function(*operands(space))
        give_back(kept)
        return out.size - int(np.count_nonzero(np.isfinite(out)))
