"""The text of a loop: a function of arrays and numbers that Numba compiles."""

import hashlib
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from . import elementary
from .elements import ELEMENTARY, OF_ARRAYS, row
from .plan import Loop
from .statements import Value

TEXT = """import math

import numpy as np
{functions}
KIND = np.{kind}
ZERO, ONE, INF, NAN = KIND(0.0), KIND(1.0), KIND(math.inf), KIND(math.nan)
{constants}

def loop({names}):
{numbers}    bits = 0
    for n in range({size}.size):
{lines}
    return bits
"""


@dataclass(frozen=True)
class Test:
    """The condition, in an input x, under which a bit is set. It is tested in what is computed in."""

    number: int
    condition: str
    bit: int


@dataclass(frozen=True)
class Text:
    """The text of a function and what it takes, in order; it returns the bits of the tests that hold for an element."""

    text: str
    names: tuple[str, ...]


def text_of(values: Sequence[Value], loop: Loop, numbers: Sequence[bool], kind: str, tests: Sequence[Test] = ()) -> Text:
    """A loop in which everything is of one kind, float32 or float64, arrays of others are converted. numbers: of each input whether it is one."""
    writer = _Writer(values, loop, numbers)
    written = {k: writer.name(k) for k in loop.writes}
    for test in tests:
        condition = test.condition.replace("x", writer.load(f"i{test.number}"))
        writer.lines.append(f"bits |= {test.bit} if {condition} else 0")
    stores = [f"{array}[n] = {written[k]}" for k, arrays in loop.writes.items() for array in arrays]
    names = sorted({*writer.taken, *(each for arrays in loop.writes.values() for each in arrays)})
    single = [each for each in names if each[0] == "i" and numbers[int(each[1:])]]
    text = TEXT.format(
        kind=kind,
        functions=_imports(writer.functions, kind),
        constants="".join(f"{name} = {text}\n" for text, name in writer.constants.items()),
        names=", ".join(names),
        numbers="".join(f"    {each} = KIND({each})\n" for each in single),
        size=next(each for each in reversed(names) if each not in single),
        lines="\n".join(f"        {line}" for line in (*writer.lines, *stores)),
    )
    return Text(text, tuple(names))


class _Writer:
    """lines: what is computed for an element. taken: the arrays and numbers that are read. constants: their names, by their texts."""

    def __init__(self, values: Sequence[Value], loop: Loop, numbers: Sequence[bool]) -> None:
        self.values, self.loop, self.numbers = values, loop, numbers
        self.lines: list[str] = []
        self.constants: dict[str, str] = {}
        self.taken: dict[str, str] = {}
        self.known: set[int] = set()
        self.functions: set[str] = set()

    def name(self, k: int) -> str:
        """The name of a value, after lines that compute it."""
        value = self.values[k]
        if value.function == "constant":
            return self.constants.setdefault(number(value.told), f"C{len(self.constants)}")
        if k in self.loop.reads:
            return self.load(self.loop.reads[k])
        if k not in self.known:
            text = row(self.function(value)).format(*map(self.name, value.operands), r=f"v{k}")
            self.lines += text.split("\n") if "\n" in text else [f"v{k} = {text}"]
            self.known.add(k)
        return f"v{k}"

    def function(self, value: Value) -> str:
        """That of a value, as it is of arrays where the last operand is one."""
        if value.function in ELEMENTARY:
            self.functions.add(value.function.removeprefix("np."))
        last = self.values[value.operands[-1]]
        single = last.function == "constant" or (last.function == "input" and self.numbers[last.told])
        return value.function if single else OF_ARRAYS.get(value.function, value.function)

    def load(self, array: str) -> str:
        """The name of what an array holds, or of a number, after a line that reads it."""
        if array not in self.taken:
            single = array[0] == "i" and self.numbers[int(array[1:])]
            self.taken[array] = array if single else f"{array}_n"
            if not single:
                self.lines.append(f"{array}_n = KIND({array}[n])")
        return self.taken[array]


def _imports(functions: set[str], kind: str) -> str:
    """The lines that bring elementary functions of a kind; with the text of their module, so that what is kept of a loop is not older than they."""
    if not functions:
        return ""
    lines = [f"{name} = {kind.upper()}[{name!r}]" for name in sorted(functions)]
    return "\n".join([f"from {elementary.__name__} import {kind.upper()}  # {elementary_digest()}", "", *lines])


@lru_cache(maxsize=1)
def elementary_digest() -> str:
    return hashlib.sha256(inspect.getsource(elementary).encode()).hexdigest()[:16]


def number(x: float) -> str:
    """A constant in the text of a loop."""
    if x != x or abs(x) == math.inf:
        return "NAN" if x != x else "INF" if x > 0 else "-INF"
    return f"KIND({x!r})"
