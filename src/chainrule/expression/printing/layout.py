"""From the tree to boxes: all that is known of precedence, parentheses, signs and dots.

``ROWS`` says how each kind of node is laid out, ``LEVELS`` how tightly what it gives holds together, ``SLOTS`` how
tightly the occupant of a place has to, or else be fenced, ``DOTS`` when two factors take a dot between them. To lay
out a new kind of node, add a row to ``ROWS`` and to ``LEVELS``.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum
from itertools import pairwise
from typing import Any

from ...errors import RenderError
from .. import tree
from ..tree import Node
from . import glyphs
from .boxes import (
    Aligned,
    Apply,
    BigSum,
    Bold,
    Box,
    CaseRows,
    Colour,
    Digits,
    Fence,
    Fraction,
    Letter,
    Matrix,
    Operator,
    Root,
    Row,
    Script,
    Sign,
    Words,
    opening,
    plain,
    script,
    tall,
)
from .glyphs import PREFIX, WORDS, listed, spell

SHOWN_DIGITS = 4
"""Significant digits of a computed number."""


class Level(IntEnum):
    """How tightly the printed form of a node holds together, loosest first."""

    CONDITION = 0
    CASES = 1
    SUM = 2
    ELEMENTWISE = 3
    PRODUCT = 4
    CHAIN = 5
    QUOTIENT = 6
    FACTOR = 7
    ATOM = 8


@dataclass(frozen=True, slots=True)
class Context:
    """words: of the reader's language. closed: another factor follows, so log x must be written log(x). script: inside
    an exponent, where x/2 is easier to read than a small fraction."""

    words: Mapping[str, str]
    closed: bool = False
    script: bool = False

    @property
    def inner(self) -> "Context":
        """The context inside something that delimits its contents."""
        return replace(self, closed=False)

    @property
    def fresh(self) -> "Context":
        """The context on a line of its own: not closed, not an exponent."""
        return replace(self, closed=False, script=False)


def layout(node: Node, words: Mapping[str, str] = WORDS) -> Box:
    """The boxes of a formula. Raises ``RenderError`` for a name that cannot be written."""
    node = _with_clear_indices(node)
    return _side(tree.transform(tree.transform(node, _without_one), _coefficient_first), Context(words))


def _with_clear_indices(node: Node) -> Node:
    """Σ_l z_l^l as Σ_p z_p^l: a bound index shares its letter neither with the number of a layer nor with a dimension, nor with an index that is free."""
    parts = [p for _, p in tree.walk(node)]
    names = {p.base for p in parts if isinstance(p, tree.Component) and "__" in p.base}
    letters = frozenset(piece for name in names for piece in name.split("__")[1].split("_"))
    letters |= {p.dimension for p in parts if isinstance(p, tree.Binder)}
    letters |= {p.name for p in parts if isinstance(p, tree.Dimension)} | tree.free_indices(node)
    if not any(isinstance(p, tree.Binder) and p.index in letters for p in parts):
        return node

    def renamed(n: Node) -> Node | None:
        if not isinstance(n, tree.Binder) or n.index not in letters:
            return None
        other = tree.fresh_index(letters, tree.free_indices(n.body), tree.bound_indices(node))
        return type(n)(tree.rename_index(n.body, n.index, other), other, n.dimension)

    return tree.transform(node, renamed)


def _coefficient_first(node: Node) -> Node | None:
    """(Σ a)/K as 1/K Σ a, and (a - b/K)/s as 1/s (a - b/K): a tall numerator stands beside its coefficient, which is a small fraction."""
    match node:
        case tree.Frac(top, bottom) if not _has_fraction(bottom):
            parts = top.factors if isinstance(top, tree.Mul) else (top,)
            if _is_sum(parts[-1]) or (_of_fractions(parts[-1]) and not isinstance(bottom, tree.Power)):
                return tree.mul(tree.Frac(tree.mul(*parts[:-1]), bottom), parts[-1])
    return None


def _is_sum(node: Node) -> bool:
    return isinstance(node, tree.Sum) or (isinstance(node, tree.Marked) and _is_sum(node.argument))


def _of_fractions(node: Node) -> bool:
    """Whether a sum has a term that is a fraction."""
    if not isinstance(node, tree.Add):
        return False
    return any(isinstance(x.argument if isinstance(x, tree.Neg) else x, tree.Frac) for x in node.terms)


def chain(left: Node, rights: Sequence[Node], words: Mapping[str, str] = WORDS) -> Box:
    """``left = right`` and below it ``= right`` for every further one, aligned at the sign."""
    first = [layout(left, words), *(Row(()) for _ in rights[1:])]
    return Aligned(tuple((a, Sign("equals"), layout(b, words)) for a, b in zip(first, rights, strict=True)))


def matrix(rows: Sequence[Sequence[Node]], words: Mapping[str, str] = WORDS) -> Box:
    return Matrix(tuple(tuple(layout(entry, words) for entry in row) for row in rows))


def decimal(value: float | str, digits: int | None = None) -> Box:
    """A measured number: 4.585, and 3.7·10⁻¹³ for 3.7e-13. digits: how many significant ones, default all."""
    number = Decimal(value) if isinstance(value, str) else Decimal(repr(float(value)))
    if number.is_nan():
        raise RenderError(f"{value!r} is not a number, so it cannot be printed as one")
    if number.is_infinite():
        body: Box = Sign("infinity")
    else:
        body = _digits(abs(number), digits)
    return Row((Sign("negative"), body), tight=True) if number < 0 else body


def _digits(number: Decimal, digits: int | None) -> Box:
    if digits is not None:
        number = Decimal(f"{number:.{digits - 1}e}")
    exponent = number.adjusted()
    if not number or -4 <= exponent < 6:
        return Digits(_stripped(number))
    power = Row((Sign("negative"), Digits(str(-exponent))), tight=True) if exponent < 0 else Digits(str(exponent))
    ten = Script(Digits("10"), sup=power)
    mantissa = _stripped(number.scaleb(-exponent))
    return ten if mantissa == "1" else Row((Digits(mantissa), Sign("times"), ten))


def _stripped(number: Decimal) -> str:
    digits = f"{number:f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _without_one(node: Node) -> Node | None:
    """1 x is written x."""
    return tree.mul(*node.factors[1:]) if isinstance(node, tree.Mul) and node.factors[0] == tree.ONE else None


def _lay(node: Node, context: Context) -> Box:
    return ROWS[type(node)](node, context)


def _free(node: Node, context: Context) -> Box:
    """A node in a place that takes anything. There a first factor's minus is the product's: -a b for (-a) b."""
    if isinstance(node, tree.Mul) and _begins_negative(node):
        first, *others = node.factors
        node = tree.Neg(tree.Mul((first.children[0], *others)))
    return _lay(node, context)


def _side(node: Node, context: Context) -> Box:
    """A node that is a side of an equation: an indicator alone is written by cases."""
    if isinstance(node, tree.Marked):
        return Colour(_side(node.argument, context))
    if isinstance(node, tree.Indicator) and not _is_array(node):
        rows = (tree.Branch(tree.ONE, node.condition), tree.Branch(tree.ZERO, tree.Otherwise()))
        return _lay(tree.Cases(rows), context)
    return _free(node, context)


def _begins_negative(node: Node) -> bool:
    first = node.factors[0] if isinstance(node, tree.Mul) else node
    return isinstance(first, tree.Neg) and not isinstance(first.argument, tree.Neg | tree.Add)


def _unmarked(node: Node) -> Node:
    return _unmarked(node.argument) if isinstance(node, tree.Marked) else node


# Levels


def _level(node: Node) -> Level:
    level = LEVELS[type(node)]
    return level if isinstance(level, Level) else level(node)


def _call_level(node: tree.Call) -> Level:
    if node.function == "exp" and _is_array(node):
        return Level.ATOM
    return Level.FACTOR if node.function in PREFIX or node.function in LOOSE_CALLS else Level.ATOM


LOOSE_CALLS = ("exp", "sqrt", "det", "logdet", "inv")
"""Functions beside those of ``PREFIX`` whose printed form a script would take apart."""


def _inside_fraction(node: tree.Derivative) -> bool:
    """A name goes into the fraction, dL/dx; anything else follows it, d/dx σ(x)."""
    return isinstance(_unmarked(node.operand), tree.Symbol | tree.Component | tree.Vector | tree.Matrix)


LEVELS: dict[type[Node], Level | Callable[[Any], Level]] = {
    tree.Equation: Level.CONDITION,
    tree.Compare: Level.CONDITION,
    tree.And: Level.CONDITION,
    tree.Otherwise: Level.CONDITION,
    tree.Branch: Level.CONDITION,
    tree.Cases: Level.CASES,
    tree.Add: Level.SUM,
    tree.Neg: Level.SUM,
    tree.Hadamard: Level.ELEMENTWISE,
    tree.Mul: Level.PRODUCT,
    tree.Sum: Level.PRODUCT,
    tree.MaxOver: Level.PRODUCT,
    tree.ArgMax: Level.PRODUCT,
    tree.Outer: Level.PRODUCT,
    tree.Dot: Level.PRODUCT,
    tree.MatMul: Level.CHAIN,
    tree.Derivative: lambda node: Level.QUOTIENT if _inside_fraction(node) else Level.PRODUCT,
    tree.Frac: Level.QUOTIENT,
    tree.Number: lambda node: Level.ATOM if node.value.denominator == 1 else Level.QUOTIENT,
    tree.Decimal: lambda node: Level.ATOM if isinstance(decimal(node.value, SHOWN_DIGITS), Digits) else Level.PRODUCT,
    tree.Power: Level.FACTOR,
    tree.Transpose: Level.FACTOR,
    tree.Call: _call_level,
    tree.Constant: Level.ATOM,
    tree.Symbol: lambda node: Level.FACTOR if "__" in node.name else Level.ATOM,
    tree.Vector: lambda node: Level.FACTOR if "__" in node.name else Level.ATOM,
    tree.Matrix: lambda node: Level.FACTOR if "__" in node.name else Level.ATOM,
    tree.Component: lambda node: Level.FACTOR if "__" in node.base and not _inverted(node.base) else Level.ATOM,
    tree.Dimension: Level.ATOM,
    tree.Delta: Level.ATOM,
    tree.Index: Level.ATOM,
    tree.Indicator: Level.ATOM,
    tree.Diag: Level.ATOM,
    tree.Identity: Level.ATOM,
    tree.Ones: Level.ATOM,
    tree.Unit: Level.ATOM,
    tree.Marked: lambda node: _level(node.argument),
}

# Places, and the fence around an occupant that does not hold together well enough

SLOTS: dict[str, tuple[Level, str]] = {
    "term": (Level.ELEMENTWISE, "round"),
    "negated": (Level.ELEMENTWISE, "round"),
    "elementwise factor": (Level.PRODUCT, "round"),
    "factor": (Level.PRODUCT, "round"),
    "summed": (Level.PRODUCT, "round"),
    "before slash": (Level.PRODUCT, "round"),
    "after slash": (Level.FACTOR, "round"),
    "operand": (Level.FACTOR, "square"),
    "argument": (Level.ATOM, "round"),
    "base": (Level.ATOM, "round"),
    "matrix factor": (Level.QUOTIENT, "round"),
    "beside a transpose": (Level.CHAIN, "round"),
    "transposed": (Level.ATOM, "round"),
}

BIG = (tree.Sum, tree.MaxOver, tree.ArgMax)
OPEN = (*BIG, tree.Outer, tree.Dot, tree.MatMul)
"""Nodes whose printed form would swallow a factor that follows."""
CLOSING = ("elementwise factor", "beside a transpose")
"""Places whose own sign, or whose like on either side, keeps a product of matrices from swallowing what follows."""


def _put(node: Node, slot: str, context: Context) -> Box:
    """A node in its place, fenced where the place asks for it. Colour goes around the fence."""
    if isinstance(node, tree.Marked):
        return Colour(_put(node.argument, slot, context))
    least, kind = SLOTS[slot]
    loose = _level(node) < least
    if isinstance(node, OPEN):
        swallows = context.closed and (isinstance(node, BIG) or slot not in CLOSING)
        chained = isinstance(node, tree.Outer) and slot == "matrix factor"  # A (a bᵀ) B is A a bᵀ B
        loose = not chained and (
            swallows or (loose and not (isinstance(node, BIG) and slot in ("operand", "argument")))
        )
    return Fence(_free(node, context.inner), kind) if loose else _lay(node, context)


# Atoms


def _number(node: tree.Number, context: Context) -> Box:
    value = node.value
    top, bottom = Digits(str(value.numerator)), Digits(str(value.denominator))
    if value.denominator == 1:
        return top
    return Row((top, Sign("slash"), bottom), tight=True) if context.script else Fraction(top, bottom)


CONSTANTS: dict[str, Box] = {"pi": Letter("pi"), "e": Letter("e"), "oo": Sign("infinity")}


def _component(node: tree.Component, context: Context) -> Box:
    matrix = _inverted(node.base)
    base = Fence(script(_put(tree.Symbol(matrix), "base", context.inner), sup=INVERSE)) if matrix else spell(node.base)
    return script(base, sub=_indices(node.indices))


INVERSE = Row((Sign("negative"), Digits("1")), tight=True)


def _inverted(base: str) -> str:
    """The A of the base ``inv(A)``, whose components are those of the inverse of A; of another base nothing."""
    match = re.fullmatch(r"inv\((.+)\)", base)
    return match[1] if match else ""


def _indices(names: tuple[str, ...]) -> Box:
    """ij, but 1, 2 and i_0, j: with commas where letters alone would run together."""
    boxes = tuple(Digits(name) if name.isdigit() else spell(name) for name in names)
    return Row(boxes, tight=True) if len(boxes) > 1 and all(isinstance(box, Letter) for box in boxes) else listed(boxes)


# Sums and products


def _neg(node: tree.Neg, context: Context) -> Box:
    return Row((Sign("negative"), _put(node.argument, "negated", context)), tight=True)


def _add(node: tree.Add, context: Context) -> Box:
    context = context.inner
    first, *others = node.terms
    negative = isinstance(_unmarked(first), tree.Neg) or _begins_negative(first)
    items = [_free(first, context) if negative else _put(first, "term", context)]
    for term in others:
        items += _signed(term, context)
    return Row(tuple(items))


def _signed(term: Node, context: Context) -> list[Box]:
    """A term after the first, with its sign. The minus of a coloured term is coloured, the plus is the sum's."""
    if isinstance(term, tree.Neg):
        return [Sign("minus"), _put(term.argument, "negated", context)]
    if isinstance(term, tree.Marked) and isinstance(_unmarked(term), tree.Neg):
        return [Colour(Row(tuple(_signed(term.argument, context))))]
    return [Sign("plus"), _put(term, "term", context)]


def _mul(node: tree.Mul, context: Context) -> Box:
    context = replace(context, script=False)
    last = len(node.factors) - 1
    if isinstance(_unmarked(node.factors[-1]), tree.Dot | tree.MatMul) and any(map(_is_array, node.factors[:-1])):
        last += 1  # A (aᵀ b): not the product of the matrix with the row
    boxes = [
        _put(factor, "factor", context if position == last else replace(context, closed=True))
        for position, factor in enumerate(node.factors)
    ]
    items, dotted = [boxes[0]], list[bool]()
    for left, right in pairwise(Factor(_unmarked(a), plain(b)) for a, b in zip(node.factors, boxes, strict=True)):
        dotted.append(any(needed(left, right) for needed in DOTS.values()))
    for dot, box in zip(dotted, boxes[1:], strict=True):
        items += [Sign("dot"), box] if dot else [box]
    return Row(tuple(items))


@dataclass(frozen=True, slots=True)
class Factor:
    node: Node
    box: Box


def _is_negative(box: Box) -> bool:
    return isinstance(box, Fence) and opening(box.body) == Sign("negative")


def _is_tall(box: Box) -> bool:
    return isinstance(box, Fence) and tall(box)


BOLD_ONE = Bold(Digits("1"))


def _coefficient(node: Node) -> bool:
    parts = (node.numerator, node.denominator) if isinstance(node, tree.Frac) else (node,)
    return all(isinstance(_unmarked(part), tree.Number) for part in parts)


DOTS: dict[str, Callable[[Factor, Factor], bool]] = {
    "before a number": lambda a, b: isinstance(opening(b.box), Digits),
    "after a computed number": lambda a, b: isinstance(a.node, tree.Decimal),
    "between a number and a fraction of numbers": lambda a, b: _coefficient(a.node) and _coefficient(b.node),
    "between fractions": lambda a, b: isinstance(a.box, Fraction) and isinstance(b.box, Fraction),
    "before a negative in parentheses": lambda a, b: _is_negative(b.box),
    "after a negative in parentheses": lambda a, b: _is_negative(a.box),
    "between a number and a vector of ones": lambda a, b: _coefficient(a.node) and opening(b.box) == BOLD_ONE,
    "around a pending derivative": lambda a, b: tree.Derivative in (type(a.node), type(b.node)),
    "around a product within a product": lambda a, b: tree.Mul in (type(a.node), type(b.node)),
    "after tall parentheses": lambda a, b: _is_tall(a.box),
    "between a fraction and tall parentheses": lambda a, b: (
        isinstance(a.box, Fraction) and not _coefficient(a.node) and _is_tall(b.box)
    ),
}
"""When two factors take a dot between them, by reason."""


def _frac(node: tree.Frac, context: Context) -> Box:
    if context.script and not any(_has_fraction(part) for part in node.children):
        top = _put(node.numerator, "before slash", replace(context, closed=True))
        return Row((top, Sign("slash"), _put(node.denominator, "after slash", context)), tight=True)
    return Fraction(_free(node.numerator, context.fresh), _free(node.denominator, context.fresh))


def _has_fraction(node: Node) -> bool:
    return any(
        isinstance(part, tree.Frac | tree.Derivative | tree.Sum | tree.Cases)
        or (isinstance(part, tree.Number) and part.value.denominator > 1)
        for _, part in tree.walk(node)
    )


def _sum(node: tree.Sum, context: Context) -> Box:
    return BigSum(spell(node.index), spell(node.dimension), _put(node.body, "summed", context.fresh))


def _extremum(node: tree.MaxOver | tree.ArgMax, context: Context) -> Box:
    name = "max" if isinstance(node, tree.MaxOver) else "argmax"
    return Apply(script(Operator(name), sub=spell(node.index)), _put(node.body, "summed", context.fresh))


def _indicator(node: tree.Indicator, context: Context) -> Box:
    return Row((BOLD_ONE, Fence(_lay(node.condition, context.fresh), "square")), tight=True)


# Powers and calls


def _power(node: tree.Power, context: Context) -> Box:
    exponent = _exponent(node.exponent, context)
    base = node.base
    whole = isinstance(node.exponent, tree.Number) and node.exponent.value.denominator == 1 and node.exponent.value > 1
    if whole and isinstance(base, tree.Call) and base.function in PREFIX and _plain_call(base):
        return Apply(Script(Operator(base.function), sup=exponent), _argument(base.arguments[0], context))
    if _is_array(base):
        exponent = Row((Sign("odot"), exponent), tight=True)
    return script(_put(base, "base", context.inner), sup=exponent)


def _exponent(node: Node, context: Context) -> Box:
    if isinstance(node, tree.Frac) and isinstance(node.numerator, tree.Neg):
        node = tree.Neg(tree.Frac(node.numerator.argument, node.denominator))
    return _free(node, replace(context, closed=False, script=True))


def _plain_call(node: tree.Call) -> bool:
    return len(node.arguments) == 1 and not node.parameters


def _call(node: tree.Call, context: Context) -> Box:
    if _plain_call(node):
        if node.function in CALLS:
            return CALLS[node.function](node.arguments[0], context)
        if node.function in PREFIX:
            return Apply(Operator(node.function), _argument(node.arguments[0], context))
    arguments = tuple(_free(argument, context.inner) for argument in node.arguments)
    parameters = tuple(_free(parameter, context.inner) for parameter in node.parameters)
    inside = Row((listed(arguments), Sign("semicolon"), listed(parameters))) if parameters else listed(arguments)
    return Apply(_function(node.function), Fence(inside))


def _function(name: str) -> Box:
    return Operator(name) if name in glyphs.OPERATORS else spell(glyphs.BY_NAME.get(name, name))


def _argument(node: Node, context: Context) -> Box:
    """The argument of log, sin, ...: in parentheses unless it is simple and nothing follows it."""
    return Fence(_free(node, context.inner)) if context.closed else _put(node, "argument", context)


def _exp(argument: Node, context: Context) -> Box:
    if _is_tall_exponent(argument) or _is_array(argument):  # e to a matrix would be another function
        return Apply(Operator("exp"), Fence(_free(argument, context.fresh)))
    return Script(Letter("e"), sup=_exponent(argument, context))


def _is_tall_exponent(node: Node) -> bool:
    for _, part in tree.walk(node):
        if isinstance(part, tree.Cases | tree.Sum | tree.Derivative):
            return True
        if isinstance(part, tree.Frac) and any(_has_fraction(child) for child in part.children):
            return True
    return False


def _abs(argument: Node, context: Context) -> Box:
    body = _free(argument, context.inner)
    return Apply(Operator("abs"), Fence(body)) if _is_array(argument) else Fence(body, "bar")  # |x| is a length or det


def _norm(argument: Node, context: Context) -> Box:
    fence = Fence(_free(argument, context.inner), "norm")
    return Script(fence, sub=Letter("F")) if all(_axes(argument)) else fence


CALLS: dict[str, Callable[[Node, Context], Box]] = {
    "exp": _exp,
    "sqrt": lambda argument, context: Root(_free(argument, context.inner)),
    "abs": _abs,
    "floor": lambda argument, context: Fence(_free(argument, context.inner), "floor"),
    "ceiling": lambda argument, context: Fence(_free(argument, context.inner), "ceiling"),
    "norm": _norm,
    "largest": lambda argument, context: Apply(Operator("max"), Fence(_free(argument, context.inner))),
    "inv": lambda argument, context: script(_put(argument, "base", context.inner), sup=INVERSE),
    "det": lambda argument, context: Apply(Operator("det"), _argument(argument, context)),
    "logdet": lambda argument, context: Apply(Operator("log"), Apply(Operator("det"), _argument(argument, context))),
    "diagonal": lambda argument, context: Apply(Operator("diag"), Fence(_free(argument, context.inner))),
}
"""Functions of one argument that have a shape of their own."""


# Derivatives


def _derivative(node: tree.Derivative, context: Context) -> Box:
    sign = Sign("partial" if node.partial else "d")
    order = Digits(str(node.order)) if node.order > 1 else None
    top = Script(sign, sup=order) if order else sign
    variable = _lay(node.variable, context.fresh)
    bottom = Row((sign, script(variable, sup=order) if order else variable), tight=True)
    if _inside_fraction(node):
        return Fraction(Row((top, _lay(node.operand, context.fresh)), tight=True), bottom)
    return Apply(Fraction(top, bottom), _put(node.operand, "operand", replace(context, script=False)))


# Cases, conditions, equations


def _compare(node: tree.Compare, context: Context) -> Box:
    context = context.fresh
    return Row((_free(node.left, context), Sign(node.operator), _free(node.right, context)))


def _and(node: tree.And, context: Context) -> Box:
    if _is_chain(node.conditions):
        first, *others = node.conditions
        items = list(_lay(first, context).parts)
        for condition in others:
            items += _lay(condition, context).parts[1:]
        return Row(tuple(items))
    word = Words(f" {context.words['and']} ")
    return Row(
        tuple(item for condition in node.conditions for item in (word, _lay(condition, context)))[1:], tight=True
    )


def _is_chain(conditions: Sequence[Node]) -> bool:
    """0 < x and x < 1, all the same way round: written 0 < x < 1."""
    compared = [c for c in conditions if isinstance(c, tree.Compare)]
    directions = {c.operator[0] for c in compared}
    linked = all(a.right == b.left for a, b in pairwise(compared))
    return len(compared) == len(conditions) and linked and directions in ({"<"}, {">"})


def _otherwise(node: tree.Otherwise, context: Context) -> Box:
    return Words(context.words["otherwise"])


def _branch(node: tree.Branch, context: Context) -> Row:
    context = context.fresh
    value, condition = _free(node.value, context), _lay(node.condition, context)
    if not isinstance(_unmarked(node.condition), tree.Otherwise):
        condition = Row((Words(f"{context.words['if']} "), condition), tight=True)
    return Row((value, condition))


def _cases(node: tree.Cases, context: Context) -> Box:
    rows: list[tuple[Box, Box]] = []
    for branch in node.branches:
        value, condition = _branch(_unmarked(branch), context).items  # type: ignore[arg-type]  # a mark hides the Branch
        rows.append((value, condition) if isinstance(branch, tree.Branch) else (Colour(value), Colour(condition)))
    return CaseRows(tuple(rows))


def _equation(node: tree.Equation, context: Context) -> Box:
    return Row((_side(node.left, context.fresh), Sign("equals"), _side(node.right, context.fresh)))


# Matrix notation

Axes = tuple[bool, bool]
"""Does a node have several rows, several columns? A number has neither, a vector rows, a transposed one columns."""
NUMBER, VECTOR, MATRIX = (False, False), (True, False), (True, True)


def _axes(node: Node) -> Axes:
    row = AXES.get(type(node))
    if row is None:  # a number unless what it is made of, entry by entry, is none
        return _widest(node.children)
    return row(node) if callable(row) else row


def _widest(nodes: Sequence[Node]) -> Axes:
    found = [_axes(node) for node in nodes]
    return any(rows for rows, _ in found), any(columns for _, columns in found)


def _is_array(node: Node) -> bool:
    return any(_axes(node))


def _axes_of_derivative(node: tree.Derivative) -> Axes:
    """A number by an array has the array's axes, a vector by a vector both."""
    operand, variable = _is_array(node.operand), _axes(node.variable)
    return MATRIX if operand and any(variable) else _axes(node.operand) if operand else variable


AXES: dict[type[Node], Axes | Callable[[Any], Axes]] = {
    tree.Vector: VECTOR,
    tree.Ones: VECTOR,
    tree.Unit: VECTOR,
    tree.Matrix: MATRIX,
    tree.Identity: MATRIX,
    tree.Diag: MATRIX,
    tree.Outer: MATRIX,
    tree.Dot: NUMBER,
    tree.Transpose: lambda node: _axes(node.argument)[::-1],
    tree.MatMul: lambda node: (_axes(node.factors[0])[0], _axes(node.factors[-1])[1]),
    tree.Call: lambda node: AXES_OF_CALLS.get(node.function) or _widest(node.children),
    tree.Derivative: _axes_of_derivative,
}
AXES_OF_CALLS: dict[str, Axes] = {
    "largest": NUMBER,
    "tr": NUMBER,
    "norm": NUMBER,
    "det": NUMBER,
    "logdet": NUMBER,
    "inv": MATRIX,
    "diagonal": VECTOR,
}
"""The functions of a whole vector or matrix; every other is applied entry by entry."""


def _matmul(node: tree.MatMul, context: Context) -> Box:
    return Row(_several(node.factors, "matrix factor", context))


def _hadamard(node: tree.Hadamard, context: Context) -> Box:
    boxes = _several(node.factors, "elementwise factor", context)
    return Row(tuple(item for box in boxes for item in (Sign("odot"), box))[1:])


def _several(factors: Sequence[Node], slot: str, context: Context) -> tuple[Box, ...]:
    context = replace(context, script=False)
    closed = replace(context, closed=True)
    return (*(_put(factor, slot, closed) for factor in factors[:-1]), _put(factors[-1], slot, context))


def _transposed(node: Node, context: Context) -> Box:
    if isinstance(node, tree.Call) and node.function == "inv":
        both = Row((Sign("negative"), Sign("transpose")), tight=True)
        return script(_put(node.arguments[0], "base", context.inner), sup=both)
    return script(_put(node, "transposed", context.inner), sup=Sign("transpose"))


def _outer(node: tree.Outer, context: Context) -> Box:
    left = _put(node.left, "beside a transpose", replace(context, closed=True))
    return Row((left, _transposed(node.right, context)))


def _dot(node: tree.Dot, context: Context) -> Box:
    return Row((_transposed(node.left, context), _put(node.right, "beside a transpose", context)))


ROWS: dict[type[Node], Callable[[Any, Context], Box]] = {
    tree.Number: _number,
    tree.Decimal: lambda node, context: decimal(node.value, SHOWN_DIGITS),
    tree.Constant: lambda node, context: CONSTANTS[node.name],
    tree.Symbol: lambda node, context: spell(node.name),
    tree.Vector: lambda node, context: spell(node.name, bold=True),
    tree.Matrix: lambda node, context: spell(node.name, bold=True),
    tree.Identity: lambda node, context: Bold(Letter("I")),
    tree.Ones: lambda node, context: BOLD_ONE,
    tree.Unit: lambda node, context: script(Bold(Letter("e")), sub=_indices((node.index,))),
    tree.Component: _component,
    tree.Dimension: lambda node, context: spell(node.name),
    tree.Delta: lambda node, context: script(Letter("delta"), sub=_indices((node.left, node.right))),
    tree.Neg: _neg,
    tree.Add: _add,
    tree.Mul: _mul,
    tree.Frac: _frac,
    tree.Power: _power,
    tree.Call: _call,
    tree.Sum: _sum,
    tree.MaxOver: _extremum,
    tree.ArgMax: _extremum,
    tree.Index: lambda node, context: spell(node.name),
    tree.Indicator: _indicator,
    tree.Compare: _compare,
    tree.And: _and,
    tree.Otherwise: _otherwise,
    tree.Branch: _branch,
    tree.Cases: _cases,
    tree.Derivative: _derivative,
    tree.Diag: lambda node, context: Apply(Operator("diag"), Fence(_free(node.vector, context.inner))),
    tree.Outer: _outer,
    tree.Dot: _dot,
    tree.Transpose: lambda node, context: _transposed(node.argument, context),
    tree.MatMul: _matmul,
    tree.Hadamard: _hadamard,
    tree.Equation: _equation,
    tree.Marked: lambda node, context: Colour(_free(node.argument, context)),
}
