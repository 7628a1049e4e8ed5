"""Boxes to LaTeX that pdflatex with amsmath, KaTeX and MathJax all accept.

A coloured part is ``\\textcolor{changed}{...}``; a document defines the colour with ``PREAMBLE``. To add a box, add a
row to ``ROWS``.
"""

import re
from collections.abc import Callable
from typing import Any

from ...errors import RenderError
from . import boxes, glyphs
from .boxes import Box, Row, Script, Sign, tall
from .glyphs import ACCENTS, FENCES, LETTERS, OPERATORS, SIGNS

PREAMBLE = r"""\usepackage{amsmath,xcolor}
\definecolor{changed}{HTML}{B3261E}"""


def emit(box: Box) -> str:
    return ROWS[type(box)](box)


def _ascii(string: str) -> str:
    """pdflatex turns some characters beyond ASCII into others without a word, so none may pass unmapped."""
    if not string.isascii():
        raise RenderError(f"{string!r} has no LaTeX: add a row for it to a table in {glyphs.__name__}")
    return string


def _join(left: str, right: str, tight: bool = False) -> str:
    if not left or not right:
        return left + right
    apart = re.search(r"\\[A-Za-z]+$", left) and right[0].isalnum() if tight else right[0] not in ",;"
    return f"{left} {right}" if apart else left + right


def _row(box: Row) -> str:
    string = ""
    for item in box.items:
        string = _join(string, emit(item), box.tight)
    # A leading binary sign (in a coloured term) needs something on its left to keep its space.
    return f"{{}} {string}" if box.items and box.items[0] in (Sign("plus"), Sign("minus")) else string


def _script(box: Script) -> str:
    below = "" if box.sub is None else f"_{{{emit(box.sub)}}}"
    return emit(box.base) + below + ("" if box.sup is None else f"^{{{emit(box.sup)}}}")


def _fence(box: boxes.Fence) -> str:
    (left, right), body = FENCES[box.kind], emit(box.body)
    if tall(box.body):
        return rf"\left{left.latex} {body} \right{right.latex}"
    return _join(_join(left.latex, body, tight=len(left.latex) == 1), right.latex, tight=len(right.latex) == 1)


def _apply(box: boxes.Apply) -> str:
    glued = isinstance(box.argument, boxes.Fence) and not isinstance(box.function, boxes.Fraction)
    return _join(emit(box.function), emit(box.argument), tight=glued)


def _letter(box: boxes.Letter) -> str:
    return LETTERS[box.name].latex if box.name in LETTERS else _ascii(box.name)


def _operator(box: boxes.Operator) -> str:
    return OPERATORS[box.name].latex if box.name in OPERATORS else rf"\operatorname{{{_ascii(box.name)}}}"


def _bold(box: boxes.Bold) -> str:
    command = r"\boldsymbol" if isinstance(box.base, boxes.Letter) and box.base.name in LETTERS else r"\mathbf"
    return f"{command}{{{emit(box.base)}}}"


def _words(box: boxes.Words) -> str:
    escaped = re.sub(r"([#$%&_{}])", r"\\\1", box.words)
    return rf"\text{{{escaped}}}"  # prose in any language: xelatex sets what is not ASCII


def _aligned(box: boxes.Aligned) -> str:
    lines = r" \\ ".join(f"{emit(left)} &{emit(sign)} {emit(right)}".strip() for left, sign, right in box.lines)
    return rf"\begin{{aligned}} {lines} \end{{aligned}}"


def _grid(kind: str, rows: tuple[tuple[Box, ...], ...]) -> str:
    lines = r" \\ ".join(" & ".join(emit(cell) for cell in row) for row in rows)
    return rf"\begin{{{kind}}} {lines} \end{{{kind}}}"


ROWS: dict[type[Box], Callable[[Any], str]] = {
    boxes.Letter: _letter,
    boxes.Digits: lambda box: _ascii(box.digits),
    boxes.Operator: _operator,
    boxes.Upright: lambda box: rf"\mathrm{{{_ascii(box.name)}}}",
    boxes.Words: _words,
    boxes.Sign: lambda box: SIGNS[box.name].latex,
    boxes.Row: _row,
    boxes.Apply: _apply,
    boxes.Fraction: lambda box: rf"\frac{{{emit(box.numerator)}}}{{{emit(box.denominator)}}}",
    boxes.Script: _script,
    boxes.Accent: lambda box: ACCENTS[box.kind].latex % emit(box.base),
    boxes.Bold: _bold,
    boxes.Root: lambda box: rf"\sqrt{{{emit(box.radicand)}}}",
    boxes.Fence: _fence,
    boxes.BigSum: lambda box: rf"\sum_{{{emit(box.index)}=1}}^{{{emit(box.upper)}}} {emit(box.body)}",
    boxes.CaseRows: lambda box: _grid("cases", box.rows),
    boxes.Matrix: lambda box: _grid("pmatrix", box.rows),
    boxes.Aligned: _aligned,
    boxes.Colour: lambda box: rf"\textcolor{{changed}}{{{emit(box.body)}}}",
}

PORTABLE: tuple[tuple[str, str], ...] = (
    (r"\\textcolor\{changed\}", r"\\textcolor{red}"),  # the one reddish name that KaTeX, MathJax and xcolor all know
    (r"\\\\", r"\\cr "),
    (r"\\\{", r"\\lbrace "),
    (r"\\\}", r"\\rbrace "),
    (r"\\\|", r"\\Vert "),
    (r"\\,", r"\\thinspace "),
    (r"\\:", r"\\medspace "),
    (r"\\;", r"\\thickspace "),
    (r"\\!", r"\\negthinspace "),
    (r"\*", r"\\ast "),
    (r"\|", r"\\vert "),
    (r"<", r"\\lt "),
    (r">", r"\\gt "),
    (r"\\_", r"\\textunderscore "),
    (r"_(?! )", r"_ "),
)


def markdown(latex: str) -> str:
    """LaTeX for between dollars in Markdown: every pattern that some parser takes for its own markup is spelled out.

    Survives GitHub, VS Code, Jupyter, nbconvert, pandoc and MkDocs. Leave no blank between $ and the formula, and do
    not start a line of a display with it where it may begin with a minus: that is a list."""
    for pattern, portable in PORTABLE:
        latex = re.sub(pattern, portable, latex)
    return re.sub(r" {2,}", " ", latex).strip()
