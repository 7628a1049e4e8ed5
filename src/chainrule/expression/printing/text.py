"""Boxes to one line of Unicode text for a terminal: σ(x)², e⁻ˣ/(1 + e⁻ˣ), Σₖ yₖ log sₖ, ∂sᵢ/∂zⱼ.

A range of a sum is left out, as is colour. To add a box, add a row to ``ROWS``.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from . import boxes
from .boxes import Box, Row, Sign, plain
from .glyphs import ACCENTS, FENCES, LETTERS, OPERATORS, SIGNS

SUPERSCRIPTS = dict(
    zip(
        "0123456789+-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχᵀ",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡᵀ",
        strict=True,
    )
)
SUBSCRIPTS = dict(zip("0123456789+-=()aehijklmnoprstuvxβγρφχ,", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ,", strict=True))


def emit(box: Box) -> str:
    return ROWS[type(box)](box)


def _shifted(string: str, characters: dict[str, str], mark: str) -> str:
    """A string above or below the line where every character exists there, else after ^ or _."""
    compact = re.sub(r" ?([+-]|,) ?", r"\1", string)
    if compact and all(character in characters for character in compact):
        return "".join(characters[character] for character in compact)
    return mark + (string if string.isalnum() else f"({string})")


def _script(box: boxes.Script) -> str:
    below = "" if box.sub is None else _shifted(emit(box.sub), SUBSCRIPTS, "_")
    return emit(box.base) + below + ("" if box.sup is None else _shifted(emit(box.sup), SUPERSCRIPTS, "^"))


def _row(box: Row) -> str:
    string = ""
    item: Box
    previous: Box = Row(())
    for item in map(plain, box.items):
        spaced = " " if string and not box.tight and item not in (Sign("comma"), Sign("semicolon")) else ""
        juxtaposed = string and not isinstance(previous, Sign) and not isinstance(item, Sign)
        slashed = isinstance(previous, boxes.Fraction) or isinstance(item, boxes.Fraction)
        string += spaced + ("· " if juxtaposed and slashed else "") + emit(item)
        previous = item
    return string


def _apply(box: boxes.Apply) -> str:
    glued = isinstance(plain(box.argument), boxes.Fence) and not isinstance(box.function, boxes.Fraction)
    return emit(box.function) + ("" if glued else " ") + emit(box.argument)


def _single(box: Box) -> bool:
    """Does the text read as one thing, whatever stands next to it?"""
    box = plain(box)
    if isinstance(box, Row):
        return box.tight and not any(item in (Sign("negative"), Sign("slash")) for item in box.items)
    if isinstance(box, boxes.Apply):
        return isinstance(plain(box.argument), boxes.Fence) and not isinstance(box.function, boxes.Fraction)
    return not isinstance(box, boxes.Fraction | boxes.BigSum | boxes.Aligned)


def _product(box: Box) -> bool:
    """One thing, or several multiplied, perhaps with a minus in front: what may stand unfenced over a slash."""
    box = plain(box)
    if isinstance(box, Row) and box.items:
        rest = box.items[1:] if box.items[0] == Sign("negative") else box.items
        return all(item == Sign("dot") if isinstance(item, Sign) else _product(item) for item in rest)
    return _single(box)


def _fraction(box: boxes.Fraction) -> str:
    top, bottom = emit(box.numerator), emit(box.denominator)
    differential = isinstance(box.numerator, Row) and box.numerator.tight
    top = top if _product(box.numerator) or differential else f"({top})"
    return f"{top}/{bottom if _single(box.denominator) else f'({bottom})'}"


def _root(box: boxes.Root) -> str:
    radicand = emit(box.radicand)
    return f"√{radicand}" if isinstance(plain(box.radicand), boxes.Letter | boxes.Digits) else f"√({radicand})"


def _grid(rows: tuple[tuple[Box, ...], ...]) -> str:
    return "[" + "; ".join(", ".join(emit(cell) for cell in row) for row in rows) + "]"


def _aligned(box: boxes.Aligned) -> str:
    width = max((len(emit(left)) for left, _, _ in box.lines), default=0)
    return "\n".join(f"{emit(left):<{width}} {emit(sign)} {emit(right)}" for left, sign, right in box.lines)


ROWS: dict[type[Box], Callable[[Any], str]] = {
    boxes.Letter: lambda box: LETTERS[box.name].text if box.name in LETTERS else box.name,
    boxes.Digits: lambda box: box.digits,
    boxes.Operator: lambda box: OPERATORS[box.name].text if box.name in OPERATORS else box.name,
    boxes.Upright: lambda box: box.name,
    boxes.Words: lambda box: box.words,
    boxes.Sign: lambda box: SIGNS[box.name].text,
    boxes.Row: _row,
    boxes.Apply: _apply,
    boxes.Fraction: _fraction,
    boxes.Script: _script,
    boxes.Accent: lambda box: unicodedata.normalize("NFC", ACCENTS[box.kind].text % emit(box.base)),
    boxes.Bold: lambda box: emit(box.base),
    boxes.Root: _root,
    boxes.Fence: lambda box: f"{FENCES[box.kind][0].text}{emit(box.body)}{FENCES[box.kind][1].text}",
    boxes.BigSum: lambda box: f"Σ{_shifted(emit(box.index), SUBSCRIPTS, '_')} {emit(box.body)}",
    boxes.CaseRows: lambda box: f"{{ {'; '.join(f'{emit(a)} {emit(b)}' for a, b in box.rows)} }}",
    boxes.Matrix: lambda box: _grid(box.rows),
    boxes.Aligned: _aligned,
    boxes.Colour: lambda box: emit(box.body),
}
