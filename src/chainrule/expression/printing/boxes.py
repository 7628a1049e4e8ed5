"""What a formula looks like, in about twenty shapes that every notation has: rows, fractions, scripts, fences, ...

``layout`` turns a tree into boxes and holds all knowledge of precedence; an emitter (``latex``, ``typst``, ``text``)
turns boxes into a string and holds none. To add a kind of box, add a class here and a row in the table of each
emitter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Box:
    """A piece of a formula as it looks. Parts are the fields that hold boxes or (nested) tuples of boxes."""

    @property
    def parts(self) -> tuple["Box", ...]:
        return tuple(found for f in fields(self) for found in _boxes(getattr(self, f.name)))


def _boxes(value: object) -> Iterator[Box]:
    if isinstance(value, Box):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _boxes(item)


@dataclass(frozen=True, slots=True)
class Letter(Box):
    """A single letter, Latin or Greek, spelled: ``x``, ``alpha``, ``Phi``. Set in italics."""

    name: str


@dataclass(frozen=True, slots=True)
class Digits(Box):
    """A number without a sign: ``12``, ``4.585``."""

    digits: str


@dataclass(frozen=True, slots=True)
class Operator(Box):
    """A function's name of several letters, upright: ``log``, ``ELU``."""

    name: str


@dataclass(frozen=True, slots=True)
class Upright(Box):
    """A word in a subscript: W with the subscript ``out``."""

    name: str


@dataclass(frozen=True, slots=True)
class Words(Box):
    """Words of the reader's language inside a formula: ``if``, ``otherwise``."""

    words: str


@dataclass(frozen=True, slots=True)
class Sign(Box):
    """An operator, a relation or a punctuation mark: a key of ``glyphs.SIGNS``."""

    name: str


@dataclass(frozen=True, slots=True)
class Row(Box):
    """Boxes side by side. Neighbours with no sign between them are a product, unless ``tight``: then one thing, as
    in dx, ij, -x."""

    items: tuple[Box, ...]
    tight: bool = False


@dataclass(frozen=True, slots=True)
class Apply(Box):
    """A function or an operator in front of what it acts on, a fence or not: σ(x), log x, d/dx [x sin x]."""

    function: Box
    argument: Box


@dataclass(frozen=True, slots=True)
class Fraction(Box):
    numerator: Box
    denominator: Box


@dataclass(frozen=True, slots=True)
class Script(Box):
    """A base with a subscript, a superscript or both."""

    base: Box
    sub: Box | None = None
    sup: Box | None = None


@dataclass(frozen=True, slots=True)
class Accent(Box):
    """A letter under a hat, a bar, ...: ``kind`` is a key of ``glyphs.ACCENTS``."""

    kind: str
    base: Box


@dataclass(frozen=True, slots=True)
class Bold(Box):
    base: Box


@dataclass(frozen=True, slots=True)
class Root(Box):
    radicand: Box


@dataclass(frozen=True, slots=True)
class Fence(Box):
    """``kind`` is a key of ``glyphs.FENCES``: round, square, bar, norm, floor, ceiling."""

    body: Box
    kind: str = "round"


@dataclass(frozen=True, slots=True)
class BigSum(Box):
    """Σ over an index from 1 to a dimension, and what is summed."""

    index: Box
    upper: Box
    body: Box


@dataclass(frozen=True, slots=True)
class CaseRows(Box):
    """Pairs (value, condition) behind a brace."""

    rows: tuple[tuple[Box, Box], ...]


@dataclass(frozen=True, slots=True)
class Matrix(Box):
    rows: tuple[tuple[Box, ...], ...]


@dataclass(frozen=True, slots=True)
class Aligned(Box):
    """Lines (left, relation, right) one below the other, the relations in one column; left may be an empty row."""

    lines: tuple[tuple[Box, Box, Box], ...]


@dataclass(frozen=True, slots=True)
class Colour(Box):
    """The part that a step changed."""

    body: Box


KINDS: tuple[type[Box], ...] = tuple(
    kind for kind in globals().values() if isinstance(kind, type) and issubclass(kind, Box) and kind is not Box
)


def plain(box: Box) -> Box:
    """The box without the colour around it."""
    return plain(box.body) if isinstance(box, Colour) else box


def tall(box: Box) -> bool:
    """Is the box higher than a line, so that a fence around it has to grow?"""
    if isinstance(box, Fraction | BigSum | CaseRows | Matrix | Aligned):
        return True
    if isinstance(box, Script):
        return tall(box.base)
    return any(tall(part) for part in box.parts)


def opening(box: Box) -> Box:
    """The leftmost thing the eye meets."""
    if isinstance(box, Row) and box.items:
        return opening(box.items[0])
    if isinstance(box, Script):
        return opening(box.base)
    if isinstance(box, Colour):
        return opening(box.body)
    return box


def script(base: Box, sub: Box | None = None, sup: Box | None = None) -> Box:
    """A script on a base that may already carry one: x₁ with index i is x with 1, i below; z_i squared is one
    script, not two."""
    if isinstance(base, Script) and (sup is None or base.sup is None):
        both = base.sub if sub is None else sub if base.sub is None else Row((base.sub, Sign("comma"), sub))
        return Script(base.base, both, base.sup if sup is None else sup)
    return Script(base, sub, sup)
