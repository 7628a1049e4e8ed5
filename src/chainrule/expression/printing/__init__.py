"""A formula as LaTeX, Typst or text.

Each printer takes a node of the tree, or boxes from ``chain``, ``matrix`` or ``decimal``. ``words`` are the words
inside formulas (if, and, otherwise) in the reader's language.
"""

from collections.abc import Mapping

from ..tree import Node
from . import latex as _latex
from . import text as _text
from . import typst as _typst
from .boxes import Box as Box
from .glyphs import WORDS as WORDS
from .latex import markdown as markdown
from .layout import chain as chain
from .layout import decimal as decimal
from .layout import layout as boxes_of
from .layout import matrix as matrix

LATEX_PREAMBLE = _latex.PREAMBLE
TYPST_PREAMBLE = _typst.PREAMBLE
"""What a document has to hold so that coloured parts can be set."""


def _boxes(formula: Node | Box, words: Mapping[str, str]) -> Box:
    return formula if isinstance(formula, Box) else boxes_of(formula, words)


def latex(formula: Node | Box, words: Mapping[str, str] = WORDS) -> str:
    """LaTeX for mathematics mode, without dollars; needs amsmath and, for marks, ``LATEX_PREAMBLE``.

    Raises ``RenderError`` for a name that has no LaTeX."""
    return _latex.emit(_boxes(formula, words))


def typst(formula: Node | Box, words: Mapping[str, str] = WORDS) -> str:
    """Typst for mathematics mode, without dollars; for marks it needs ``TYPST_PREAMBLE``."""
    return _typst.emit(_boxes(formula, words))


def text(formula: Node | Box, words: Mapping[str, str] = WORDS) -> str:
    """One line of Unicode text for a terminal (several for ``chain``)."""
    return _text.emit(_boxes(formula, words))


def latex_decimal(value: float | str, digits: int | None = None) -> str:
    """A measured number in LaTeX: 4.585, 3.7 \\times 10^{-13}. digits: how many significant ones, default all."""
    return latex(decimal(value, digits))


def typst_decimal(value: float | str, digits: int | None = None) -> str:
    """A measured number in Typst."""
    return typst(decimal(value, digits))


def text_decimal(value: float | str, digits: int | None = None) -> str:
    """A measured number in text: 3.7 × 10⁻¹³."""
    return text(decimal(value, digits))
