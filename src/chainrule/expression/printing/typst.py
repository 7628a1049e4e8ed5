"""Boxes to Typst mathematics. A coloured part is ``changed(...)``; a document defines it with ``PREAMBLE``.

To add a box, add a row to ``ROWS``.
"""

from collections.abc import Callable
from typing import Any

from . import boxes
from .boxes import Box, Row, Script, Sign
from .glyphs import ACCENTS, FENCES, LETTERS, OPERATORS, SIGNS

PREAMBLE = '#let changed(body) = text(fill: rgb("#B3261E"), body)'


def emit(box: Box) -> str:
    return ROWS[type(box)](box)


def _join(left: str, right: str) -> str:
    return f"{left} {right}" if left and right and right[0] not in ",;" else left + right


def _row(box: Row) -> str:
    string = ""
    for item in box.items:
        string = _join(string, emit(item))
    if box.items and box.items[0] == Sign("negative"):
        return "-" + string.removeprefix("- ")
    # A leading binary sign (in a coloured term) needs something on its left to keep its space.
    return f'"" {string}' if box.items and box.items[0] in (Sign("plus"), Sign("minus")) else string


def _script(box: Script) -> str:
    below = "" if box.sub is None else f"_({emit(box.sub)})"
    return emit(box.base) + below + ("" if box.sup is None else f"^({emit(box.sup)})")


def _fence(box: boxes.Fence) -> str:
    left, right = FENCES[box.kind]
    return f"{left.typst}{emit(box.body)}{right.typst}"


def _apply(box: boxes.Apply) -> str:
    function, argument = emit(box.function), emit(box.argument)
    glued = isinstance(box.argument, boxes.Fence) and isinstance(box.function, boxes.Letter)
    return function + argument if glued else f"{function} {argument}"


def _string(words: str) -> str:
    escaped = words.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _case(value: Box, condition: Box) -> str:
    return f"{emit(value)} & quad {emit(condition)}"


ROWS: dict[type[Box], Callable[[Any], str]] = {
    boxes.Letter: lambda box: LETTERS[box.name].typst if box.name in LETTERS else box.name,
    boxes.Digits: lambda box: box.digits,
    boxes.Operator: lambda box: OPERATORS[box.name].typst if box.name in OPERATORS else f'op("{box.name}")',
    boxes.Upright: lambda box: f'upright("{box.name}")',
    boxes.Words: lambda box: _string(box.words.strip()),
    boxes.Sign: lambda box: SIGNS[box.name].typst,
    boxes.Row: _row,
    boxes.Apply: _apply,
    boxes.Fraction: lambda box: f"frac({emit(box.numerator)}, {emit(box.denominator)})",
    boxes.Script: _script,
    boxes.Accent: lambda box: ACCENTS[box.kind].typst % emit(box.base),
    boxes.Bold: lambda box: f"upright(bold({emit(box.base)}))",
    boxes.Root: lambda box: f"sqrt({emit(box.radicand)})",
    boxes.Fence: _fence,
    boxes.BigSum: lambda box: f"sum_({emit(box.index)} = 1)^({emit(box.upper)}) {emit(box.body)}",
    boxes.CaseRows: lambda box: f"cases({', '.join(_case(*row) for row in box.rows)})",
    boxes.Matrix: lambda box: f"mat({'; '.join(', '.join(emit(cell) for cell in row) for row in box.rows)})",
    boxes.Aligned: lambda box: r" \ ".join(
        f"{emit(left)} &{emit(sign)} {emit(right)}".strip() for left, sign, right in box.lines
    ),
    boxes.Colour: lambda box: f"changed({emit(box.body)})",
}
