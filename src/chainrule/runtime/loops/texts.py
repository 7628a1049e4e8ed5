"""The text of loops: a function of arrays and numbers that Numba compiles."""

import hashlib
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from .. import gates as tables
from . import elementary, exponential, gates, programs, single_gates
from .domains import COMPUTED, READ, Test, Type
from .elements import HEAVY, LOST, OF_ARRAYS, OF_CONSTANTS, bare, number, row
from .plan import Loop
from .statements import Value

TEXT = """import math
from math import inf, nan

import numpy as np
{functions}
{types}
ZERO, ONE, INF, NAN = KIND(0.0), KIND(1.0), KIND(math.inf), KIND(math.nan)


def loop({names}):
{first}{loops}    return {bits}
"""
FMA = f"from {elementary.__name__} import fma"
ALONE = """    for n in range({size}.size):
{lines}
"""
IN_TURN = """    for start in range(0, {size}.size, {part}):
        count = min({part}, {size}.size - start)
{loops}"""
ONE_OF_THEM = """        for n in range(count):
{lines}
"""
PART = 1024
"""Elements that several loops go through in turn: what they leave to each other stays in the cache that is nearest to the processor."""


@dataclass(frozen=True)
class Text:
    """The text of a function and what it takes, in order; it returns the bits of the tests that hold for an element."""

    text: str
    names: tuple[str, ...]


def text_of(
    values: Sequence[Value],
    loops: Sequence[Loop],
    numbers: Sequence[bool],
    kind: str,
    tests: Sequence[Test] = (),
    whole: bool = False,
    narrow: Sequence[bool] = (),
) -> Text:
    """A function of one loop, or of several that take turns, in which everything is of one kind, float32 or float64; arrays of others are converted.
    numbers: of each input whether it is one. tests: of inputs, made where these are read, and in the last loop if they are nowhere. whole: there is
    nothing else that reads the arrays between the loops. narrow: of each input whether it is an array of float32 that is converted; where there are several
    loops one more makes its tests, of twice as many elements at once."""
    writers = [_Writer(values, loop, numbers) for loop in loops]
    apart = [test.of_single() for test in tests if len(loops) > 1 and narrow and narrow[test.number]]
    left = [test for test in tests if not (apart and narrow[test.number])]
    lost = [LOST] * any(writer.loses for writer in writers)
    flags = [(bit, COMPUTED) for bit in sorted({*lost, *(test.bit for test in left)})]
    flags += [(bit, READ) for bit in sorted({test.bit for test in apart})]
    for writer in writers:
        for test in [each for each in left if f"i{each.number}" in writer.read or writer is writers[-1]]:
            left.remove(test)
            writer.test(test)
    arrays = sorted({f"i{test.number}" for test in apart}.union(*(writer.arrays for writer in writers)))
    singles = sorted(set().union(*(writer.singles for writer in writers)))
    own = [each for each in arrays if each[0] == "b" and whole]
    taken = [each for each in arrays if each not in own]
    bodies = [_tests(apart)] * bool(apart) + [writer.lines for writer in writers]
    if len(bodies) == 1:
        text = ALONE.format(size=taken[-1], lines=_indented(8, bodies[0]))
    else:
        slices = [f"{each}_part = {each}[start : start + count]" for each in taken]
        inner = "".join(ONE_OF_THEM.format(lines=_indented(12, lines)) for lines in bodies)
        text = IN_TURN.format(size=taken[-1], part=PART, loops=f"{_indented(8, slices)}\n{inner}")
        for each in taken:
            text = text.replace(f"{each}[n]", f"{each}_part[n]")
    names = (*taken, *singles)
    first = [f"{each} = KIND({each})" for each in singles] + [f"{each} = np.empty({PART}, KIND)" for each in own]
    first += [f"{_flag(bit, type_)} = {type_.whole}(0)" for bit, type_ in flags]
    functions = set().union(*(writer.functions for writer in writers))
    whole_text = TEXT.format(
        types="\n".join([COMPUTED.text(kind)] + [READ.text("float32")] * bool(apart)),
        functions="\n".join([_imports(functions, kind), FMA if "fma(" in text else "", programs.tables(text)]),
        names=", ".join(names),
        first="".join(f"    {line}\n" for line in first),
        loops=text,
        bits=" | ".join(f"({bit} if {_flag(bit, type_)} < 0 else 0)" for bit, type_ in flags) or "0",
    )
    return Text(whole_text, names)


def _tests(tests: Sequence[Test]) -> list[str]:
    """What tests numbers of float32, for an element."""
    lines = [f"i{k}_n = READ(i{k}[n])" for k in sorted({test.number for test in tests})]
    return lines + [_found(test.bit, test.terms(f"i{test.number}_n", READ), READ) for test in tests]


def _found(bit: int, terms: Sequence[str], type_: Type = COMPUTED) -> str:
    flag = _flag(bit, type_)
    return f"{flag} = {type_.whole}({flag} | {' | '.join(f'{type_.whole}({each})' for each in terms)})"


def _flag(bit: int, type_: Type = COMPUTED) -> str:
    """The whole number that is negative if there was an element with a bit."""
    return f"{'flag' if type_ is COMPUTED else 'flag_read'}_{bit}"


def _indented(spaces: int, lines: Sequence[str]) -> str:
    return "\n".join(" " * spaces + line for line in lines)


class _Writer:
    """lines: what a loop computes for an element, and stores. read: the arrays that were read for that; arrays: all of them; singles: the numbers."""

    def __init__(self, values: Sequence[Value], loop: Loop, numbers: Sequence[bool]) -> None:
        self.values, self.reads, self.numbers = values, loop.reads, numbers
        self.lines: list[str] = []
        self.read: set[str] = set()
        self.singles: set[str] = set()
        self.functions: set[str] = set()
        self.known: set[int] = set()
        self.stored: set[str] = set()
        self.loses = False
        written = [(self.name(k), array) for k, arrays in loop.writes.items() for array in arrays]
        self.lines += [f"{array}[n] = {name}" for name, array in written]
        self.stored |= {array for _, array in written}

    @property
    def arrays(self) -> set[str]:
        return self.read | self.stored

    def test(self, test: Test) -> None:
        self.lines.append(_found(test.bit, test.terms(self.load(f"i{test.number}"))))

    def name(self, k: int) -> str:
        """The name of a value, after lines that compute it."""
        value = self.values[k]
        if value.function == "constant":
            return number(value.told)
        if k in self.reads:
            return self.load(self.reads[k])
        if k not in self.known:
            text = (value.told or row(self.function(value))).format(*map(self.name, value.operands), r=f"v{k}")
            self.lines += text.split("\n") if "\n" in text else [f"v{k} = {text}"]
            if value.is_formula:
                self.loses = True
                self.lines.append(f"v{k} = NAN if v{k}_lost < ZERO else v{k}")
                self.lines.append(_found(LOST, [f"KIND(v{k}_lost).view(WHOLE)"]))
            self.known.add(k)
        return f"v{k}"

    def function(self, value: Value) -> str:
        """That of a value, as it is of arrays where the last operand is one."""
        if value.function in HEAVY:
            self.functions.add(value.function)
        last = self.values[value.operands[-1]]
        if last.function == "constant":
            return OF_CONSTANTS.get(value.function, value.function)
        single = last.function == "input" and self.numbers[last.told]
        return value.function if single else OF_ARRAYS.get(value.function, value.function)

    def load(self, array: str) -> str:
        """The name of what an array holds, or of a number, after a line that reads it."""
        if array[0] == "i" and self.numbers[int(array[1:])]:
            self.singles.add(array)
            return array
        if array not in self.read:
            self.read.add(array)
            self.lines.append(f"{array}_n = KIND({array}[n])")
        return f"{array}_n"


def _imports(functions: set[str], kind: str) -> str:
    """The lines that bring functions of a kind; with a digest of their modules, so that what is kept of a loop is not older than they."""
    lines = [f"# {_digest()}"] * bool(functions)
    for module in sorted({HEAVY[each] for each in functions}):
        lines.append(f"from {__package__}.{module} import {kind.upper()} as {module}")
    lines += [f"{bare(each)} = {HEAVY[each]}[{bare(each)!r}]" for each in sorted(functions)]
    return "\n".join(lines)


@lru_cache(maxsize=1)
def _digest() -> str:
    texts = "".join(inspect.getsource(module) for module in (elementary, exponential, gates, single_gates, tables))
    return hashlib.sha256(texts.encode()).hexdigest()[:16]
