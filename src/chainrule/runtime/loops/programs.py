"""Recorded programs (`chainrule.runtime.programs`) as loops: one for all steps between two functions that stay calls of NumPy. What the steps compute on
the way stays in registers. The same operations on the same numbers, so the same results, to the last bit."""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import groupby
from typing import Any

import numpy as np

from .. import extended, pairs
from ..programs import Array, OfBits, Row, Step, borrowed, give_back
from .compiler import compiled_text, plain
from .pairs import greater, less, product_plus

PART = 8192
"""Elements at a time, where there is more than one loop: what is kept from one to the next stays in the cache."""
OF_NUMBERS: dict[Any, str] = {
    np.add: "{} + {}",
    np.subtract: "{} - {}",
    np.multiply: "{} * {}",
    np.divide: "{} / {}",
    np.negative: "-{}",
    np.positive: "{}",
    np.absolute: "abs({})",
    np.sqrt: "np.sqrt({})",
    np.copysign: "np.copysign({}, {})",
    pairs._within: f"{{0}} if abs({{1}}) <= {pairs.FARTHEST!r} else nan",
    pairs._unless_less: "nan if {1} < {2} else {0}",
    pairs._unless_infinite: "nan if abs({1}) == inf else {0}",
    product_plus: "fma({}, {}, {})",
    greater: "{0} if {0} > {1} else {1}",
    less: "{1} if {0} > {1} else {0}",
    extended.where_cancelled: f"{{0}} if abs({{2}}) < {{3}} * {extended.NEAR!r} else {{1}}",
}
OF_BITS: dict[Any, str] = {
    np.add: "{} + {}",
    np.bitwise_and: "{} & {}",
    np.left_shift: "{} << {}",
    pairs._power.function: "powers[{}]",
    pairs._logarithm.function: "logarithms[{}]",
}
"""Of the bits of float64 as whole numbers."""
LOOP = """from math import inf, nan

import numpy as np
{tables}

def loop({arrays}):
    lost = 0
    for i in range({first}.size):
        {lines}
    return lost
"""


TABLES = """from chainrule.runtime.pairs import _powers

powers, logarithms = _powers()  # {}
"""
"""Arrays that are constants of a loop, which then need not be read again for fear that it has written into them."""


class Loops:
    """What a program does to arrays: loops and calls of NumPy, one after the other.

    steps: what is recorded, first the arguments, `count` of them. result: the step whose values are wanted."""

    def __init__(self, steps: Sequence[Step], count: int, result: int) -> None:
        if not _text(steps[result]):
            steps, result = [*steps, (np.positive, [Row([], result)])], len(steps)
        self.stages: list[tuple[Any, list[int]]] = []
        """What is called, and the places of the arrays that it reads and writes: the arguments, the result, and what is kept in between."""
        stages = [list(run) for _, run in groupby(range(count, len(steps)), lambda k: -1 if _text(steps[k]) else k)]
        place = {k: k for k in range(count)} | {result: count}
        for k, stage in enumerate(stages):
            later = {n for each in stages[k + 1 :] for n in _read(steps, each)} | {result}
            kept = [n for n in stage if n in later]
            for n in kept:
                place.setdefault(n, len(place))
            read = [n for n in _read(steps, stage) if n not in stage]
            call = _loop(steps, stage, read, kept, result) if _text(steps[stage[0]]) else _call(*steps[stage[0]])
            self.stages.append((call, [place[n] for n in (*read, *kept)]))
        self.rows = len(place) - count - 1

    def run(self, arguments: Sequence[Array], out: Array) -> int:
        """Of contiguous arrays of one length, none of which shares memory with `out`; gives how many results are not finite."""
        lost = 0
        part = PART if len(self.stages) > 1 else out.size
        room = borrowed(self.rows * min(part, out.size))
        for k in range(0, out.size, part):
            piece = slice(k, k + part)
            given = [*(plain(each[piece]) for each in arguments), out[piece]]
            size = given[-1].size
            arrays = [*given, *room[: self.rows * size].reshape(self.rows, size)]
            for call, places in self.stages:
                lost += call(*(arrays[n] for n in places))
        give_back(room)
        return lost


def _text(step: Step) -> str:
    """What stands for the step in a loop; nothing for a call of NumPy."""
    function, operands = step
    if not all(isinstance(each, Row) or each.ndim == 0 for each in operands):
        return ""
    return OF_BITS.get(function.function, "") if isinstance(function, OfBits) else OF_NUMBERS.get(function, "")


def _read(steps: Sequence[Step], numbers: Sequence[int]) -> list[int]:
    """The steps whose values these steps take, each once."""
    return list(dict.fromkeys(each.place for n in numbers for each in steps[n][1] if isinstance(each, Row)))


def _loop(steps: Sequence[Step], stage: list[int], read: list[int], kept: list[int], result: int) -> Any:
    """The steps of a stage; gives how many results are not finite, if they are among them."""
    lines = [f"v{n} = a{n}[i]" for n in read]
    for n in stage:
        lines.append(_line(steps[n], n, "v"))
        lines += [f"a{n}[i] = v{n}"] * (n in kept) + [f"lost += not abs(v{n}) < inf"] * (n == result)
    arrays = [f"a{n}" for n in (*read, *kept)]
    body = "\n        ".join(lines)
    return compiled_text(LOOP.format(arrays=", ".join(arrays), first=arrays[0], lines=body, tables=tables(body)))


def text_of(steps: Sequence[Step], count: int, result: int, prefix: str) -> str:
    """A program as lines of a loop that know its arguments and give its result by the prefix and their numbers, the result by the prefix and `result`:
    of the steps that it takes."""
    needed = {result}
    for k in range(result, count - 1, -1):
        needed |= set(_read(steps, [k])) if k in needed else set()
    own = sorted(k for k in needed if k >= count)
    return "\n".join([*(_line(steps[k], k, prefix) for k in own), f"{prefix}result = {prefix}{result}"])


def is_text(steps: Sequence[Step], count: int) -> bool:
    """Whether no function of a program stays a call of NumPy."""
    return all(map(_text, steps[count:]))


def tables(body: str) -> str:
    """Lines that bring the tables that the lines of a loop read."""
    return TABLES.format(_digest()) if "powers[" in body or "logarithms[" in body else ""


def _line(step: Step, number: int, prefix: str) -> str:
    """What gives the value of a step; those of others have their numbers after the prefix as names."""
    function, operands = step
    bits = isinstance(function, OfBits)
    text = _text(step).format(*(_operand(each, bits, prefix) for each in operands))
    return f"{prefix}{number} = " + (f"np.int64({text}).view(np.float64)" if bits else text)


@lru_cache(maxsize=1)
def _digest() -> str:
    """By which loops with other tables are told from these."""
    return sha256(b"".join(each.tobytes() for each in pairs._powers())).hexdigest()


def _operand(each: Any, bits: bool, prefix: str) -> str:
    if isinstance(each, Row):
        return f"np.float64({prefix}{each.place}).view(np.int64)" if bits else f"{prefix}{each.place}"
    return repr(int(each) if bits else float(each))


def _call(function: Any, operands: Sequence[Any]) -> Any:
    """A call of NumPy as a function of the arrays that it reads, each once, and of the one that it writes."""
    names = list(dict.fromkeys(each.place for each in operands if isinstance(each, Row)))

    def call(*arrays: Any) -> int:
        by_name = dict(zip(names, arrays, strict=False))
        function(*(by_name[each.place] if isinstance(each, Row) else each for each in operands), arrays[-1])
        return 0

    return call
