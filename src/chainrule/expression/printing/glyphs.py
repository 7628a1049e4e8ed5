"""How each name and each sign is written in LaTeX, Typst and text.

Names are spelled as in SymPy: ``alpha``; ``x1`` and ``x_1`` for x with the subscript 1; ``y_hat`` for ŷ; ``z_prime``
for z′; ``W__2`` for W with the superscript 2 (a layer, not a power), ``W__l_plus_1`` for l + 1; ``W_out``. Several letters that are neither
Greek nor an accent are the name of a function: ``ELU``. To add a letter, a sign, an accent or a function with a sign
of its own, add a row.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from ...errors import RenderError
from .boxes import Accent, Bold, Box, Digits, Letter, Operator, Row, Sign, Upright, script


@dataclass(frozen=True, slots=True)
class Glyph:
    latex: str
    typst: str
    text: str


_GREEK = """
    alpha beta gamma delta zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon chi psi omega
    Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
"""
_PREFIX = """
    log sin cos tan sec csc cot sinh cosh tanh coth sech csch asin acos atan asinh acosh atanh
"""
_KNOWN = """
    log sin cos tan sec csc cot sinh cosh tanh coth max min exp det
"""

# Typst and text show the open forms of epsilon and phi; LaTeX calls these \varepsilon and \varphi.
LETTERS: dict[str, Glyph] = {
    **{
        name: Glyph("\\" + name, name, character)
        for name, character in zip(
            _GREEK.split(),
            "αβγδζηθικλμνξπρστυχψωΓΔΘΛΞΠΣΥΦΨΩ",
            strict=True,
        )
    },
    "epsilon": Glyph(r"\varepsilon", "epsilon", "ε"),
    "phi": Glyph(r"\varphi", "phi", "φ"),
    "lamda": Glyph(r"\lambda", "lambda", "λ"),  # SymPy's spelling, for `lambda` is a keyword
    "ell": Glyph(r"\ell", "ell", "ℓ"),
}

SIGNS: dict[str, Glyph] = {
    "plus": Glyph("+", "+", "+"),
    "minus": Glyph("-", "-", "-"),
    "negative": Glyph("-", "-", "-"),
    "dot": Glyph(r"\cdot", "dot", "·"),
    "times": Glyph(r"\times", "times", "×"),
    "slash": Glyph("/", r"\/", "/"),
    "equals": Glyph("=", "=", "="),
    "gets": Glyph(r"\leftarrow", "arrow.l", "←"),
    "<": Glyph("<", "<", "<"),
    "<=": Glyph(r"\leq", "<=", "≤"),
    ">": Glyph(">", ">", ">"),
    ">=": Glyph(r"\geq", ">=", "≥"),
    "=": Glyph("=", "=", "="),
    "!=": Glyph(r"\neq", "!=", "≠"),
    "comma": Glyph(",", ",", ","),
    "semicolon": Glyph(";", ";", ";"),
    "d": Glyph("d", "d", "d"),
    "partial": Glyph(r"\partial", "partial", "∂"),
    "infinity": Glyph(r"\infty", "infinity", "∞"),
    "transpose": Glyph(r"\top", "top", "ᵀ"),
    "odot": Glyph(r"\odot", "dot.o", "⊙"),
}

OPERATORS: dict[str, Glyph] = {
    **{name: Glyph("\\" + name, name, name) for name in _KNOWN.split()},
    **{f"a{f}": Glyph(rf"\arc{f}", f"arc{f}", f"arc{f}") for f in ("sin", "cos", "tan")},
    **{f"a{f}": Glyph(rf"\operatorname{{ar{f}}}", f'op("ar{f}")', f"ar{f}") for f in ("sinh", "cosh", "tanh")},
    "argmax": Glyph(r"\operatorname*{argmax}", 'op("argmax", limits: #true)', "argmax"),
    "sign": Glyph(r"\operatorname{sgn}", 'op("sgn")', "sgn"),
    "log1p": Glyph(r"\operatorname{log1p}", 'op("log1p")', "log1p"),
}
"""Functions that LaTeX or Typst knows, or that are written under another name; others are written as spelled."""

BY_NAME: dict[str, str] = {"heaviside": "H"}
"""Functions written with another name's letters."""

PREFIX = frozenset(_PREFIX.split())
"""Functions that a simple argument follows without parentheses, log x, and whose powers stand on the name, tanh² x."""

ACCENTS: dict[str, Glyph] = {
    "hat": Glyph(r"\hat{%s}", "hat(%s)", "%s\N{COMBINING CIRCUMFLEX ACCENT}"),
    "bar": Glyph(r"\bar{%s}", "macron(%s)", "%s\N{COMBINING MACRON}"),
    "tilde": Glyph(r"\tilde{%s}", "tilde(%s)", "%s\N{COMBINING TILDE}"),
    "dot": Glyph(r"\dot{%s}", "dot(%s)", "%s\N{COMBINING DOT ABOVE}"),
    "prime": Glyph("%s'", "%s'", "%s′"),
}

FENCES: dict[str, tuple[Glyph, Glyph]] = {
    "round": (Glyph("(", "(", "("), Glyph(")", ")", ")")),
    "square": (Glyph("[", "[", "["), Glyph("]", "]", "]")),
    "bar": (Glyph(r"\lvert", "abs(", "|"), Glyph(r"\rvert", ")", "|")),
    "norm": (Glyph(r"\lVert", "norm(", "‖"), Glyph(r"\rVert", ")", "‖")),
    "floor": (Glyph(r"\lfloor", "floor(", "⌊"), Glyph(r"\rfloor", ")", "⌋")),
    "ceiling": (Glyph(r"\lceil", "ceil(", "⌈"), Glyph(r"\rceil", ")", "⌉")),
}

WORDS: Mapping[str, str] = {"if": "if", "and": "and", "otherwise": "otherwise"}
"""The words that formulas contain, in English. Pass another table to a printer to translate them."""

assert all(glyph.latex.isascii() for table in (LETTERS, SIGNS, OPERATORS, ACCENTS) for glyph in table.values())

_BY_CHARACTER = {glyph.text: name for name, glyph in LETTERS.items() if name != "lamda"}
_NAME = re.compile(
    r"(?P<core>[A-Za-z]+[0-9]*)(?P<below>(_[A-Za-z0-9]+)*)(?P<above>__[A-Za-z0-9]+(_(plus|minus)_[A-Za-z0-9]+)?)?"
)
_NUMBERED = re.compile(r"([A-Za-z]|" + "|".join(LETTERS) + r")([0-9]+)")


@cache
def spell(name: str, bold: bool = False) -> Box:
    """The box of a spelled name. Raises ``RenderError`` for a name with characters that no notation has a row for."""
    match = _NAME.fullmatch(_BY_CHARACTER.get(name, name))
    if match is None:
        raise RenderError(
            f"the name {name!r} cannot be written: spell it with Latin letters and digits, as in 'alpha', 'y_hat', "
            f"'x_1', 'ELU', or add a row to LETTERS in {__name__}"
        )
    core, below = match["core"], [piece for piece in match["below"].split("_") if piece]
    numbered = _NUMBERED.fullmatch(core)
    if numbered:
        core, below = numbered[1], [numbered[2], *below]
    box: Box = Letter(core) if len(core) == 1 or core in LETTERS else Operator(core)
    if bold:
        box = Bold(box)
    for piece in below:
        if piece in ACCENTS:
            box = Accent(piece, box)
    subscripts = tuple(_subscripts([piece for piece in below if piece not in ACCENTS]))
    if subscripts:
        box = script(box, sub=listed(subscripts))
    if match["above"]:
        box = script(box, sup=Row(tuple(_above(match["above"][2:])), tight=True))
    return box


def _subscripts(pieces: list[str]) -> Iterator[Box]:
    """What stands below a name, of n_l_minus_1 the l - 1."""
    while pieces:
        count = 3 if len(pieces) > 2 and pieces[1] in ("plus", "minus") else 1
        first, pieces = pieces[:count], pieces[count:]
        yield _piece(first[0]) if count == 1 else Row(tuple(_above("_".join(first))), tight=True)


def _above(name: str) -> Iterator[Box]:
    """What stands above a name: a number, a letter, or a letter and a number with a sign between them."""
    for piece in name.split("_"):
        yield Sign(piece) if piece in ("plus", "minus") else _piece(piece)


def _piece(piece: str) -> Box:
    """A piece of a name below or above the line."""
    if piece.isdigit():
        return Digits(piece)
    return Letter(piece) if len(piece) == 1 or piece in LETTERS else Upright(piece)


def listed(boxes: tuple[Box, ...]) -> Box:
    """Boxes with commas between them."""
    if len(boxes) == 1:
        return boxes[0]
    return Row(tuple(item for box in boxes for item in (Sign("comma"), box))[1:])
