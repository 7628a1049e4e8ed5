"""The value of an expression at a point, with as many bits as are asked for, by balls (see `chainrule.balls`): what cannot be told with those bits is not told.
An expression is made a program once, a function for each of its parts, because it is evaluated at thousands of points."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import add, eq, ge, gt, le, lt, mul, ne
from typing import Any, NoReturn, TypeAlias

import mpmath
import sympy
from flint import arb, ctx
from mpmath.libmp import from_man_exp
from sympy import Expr, Symbol

from chainrule.balls import CONSTANTS, Ball, Undecided, Undefined, all_of, any_of, opposite, whole_power
from chainrule.codegen.vocabulary import BY_FUNCTION, defined, known, log1p
from chainrule.errors import UnsupportedExpression

CONTEXT = mpmath.MPContext()
EXACT_BITS = 20_000  # a product of several float64 and a sum of such, without rounding
ENOUGH = 85  # bits of a value that are certain
NOTHING = arb((1, -20_000))
"""What is less than this is 0 as far as any float64 goes."""
EXACT = (sympy.Add, sympy.Mul, sympy.Symbol, sympy.Rational, sympy.Abs, sympy.Max, sympy.Min)
Known: TypeAlias = list[Ball | None]
"""What is known at a point: the value of each part, by its place, or None."""
Part: TypeAlias = Callable[[Known], Ball]
Condition: TypeAlias = Callable[[Known], bool | None]
"""Whether it holds; None where that cannot be told."""


def evaluate(expr: Expr, symbols: Sequence[Symbol], point: Sequence[Any], bits: int) -> Any:
    """The value of an expression at a point, computed with that many bits, of which `ENOUGH` are right. Raises Undefined, and UnsupportedExpression for a function without a row."""
    return certain(_program(expr, tuple(symbols)).at(point, bits))


def holds(condition: Any, symbols: Sequence[Symbol], point: Sequence[Any], bits: int) -> bool:
    """Whether a condition holds at a point. Raises Undefined."""
    return _told(_program(condition, tuple(symbols)).at(point, bits))


def numbers(point: Sequence[Any]) -> tuple[Ball, ...]:
    """The exact numbers of a point, which are made once where it is evaluated several times."""
    return tuple([x if isinstance(x, arb) else _exact(x) if hasattr(x, "_mpf_") else arb(x) for x in point])


def _exact(x: Any) -> Ball:
    negative, mantissa, exponent, _ = x._mpf_
    return arb((-int(mantissa) if negative else int(mantissa), exponent))


def certain(ball: Ball) -> Any:
    """The middle of a ball of which `ENOUGH` bits are right. Raises Undecided."""
    if ball.is_exact() or ball.rel_accuracy_bits() >= ENOUGH:
        return number(ball)
    if abs(ball) < NOTHING:
        return CONTEXT.zero
    raise Undecided


def number(ball: Ball) -> Any:
    """The middle of a ball, as mpmath has it. Raises Undecided where that is no number."""
    if not ball.is_finite():
        raise Undecided
    mantissa, exponent = ball.mid().man_exp()
    return CONTEXT.make_mpf(from_man_exp(int(mantissa), int(exponent)))


def _told(truth: bool | None) -> bool:
    if truth is None:
        raise Undecided
    return truth


@lru_cache(maxsize=1024)
def _program(expr: Any, symbols: tuple[Symbol, ...]) -> "_Program":
    return _Program(expr, symbols)


class _Program:
    """The parts of an expression or a condition, each a function of what is known. Parts that are alike are one, and worked out once."""

    def __init__(self, expr: Any, symbols: tuple[Symbol, ...]) -> None:
        self.symbols = symbols
        self.places: dict[Any, int] = {}
        self.parts: dict[Any, Part] = {}
        for symbol in symbols:
            self._place(symbol)
        self.result = self.part(expr) if isinstance(expr, Expr) else self.condition(expr)

    def at(self, point: Sequence[Any], bits: int) -> Any:
        CONTEXT.prec = ctx.prec = bits
        return self.result(self._known(numbers(point)))

    def _known(self, point: Sequence[Ball]) -> Known:
        """At first only the point."""
        return [*point, *[None] * (len(self.places) - len(self.symbols))]

    def _place(self, node: Any) -> int:
        return self.places.setdefault(node, len(self.places))

    def part(self, node: Any) -> Part:
        if node not in self.parts:
            self.parts[node] = self._part(node)
        return self.parts[node]

    def _part(self, node: Any) -> Part:
        if node in self.places:  # a symbol
            given = self.places[node]
            return lambda known: known[given]
        work = self._work(node)
        place = self._place(node)

        def value(known: Known) -> Ball:
            result = known[place]
            if result is None:
                result = work(known)
                if result.is_nan():
                    raise Undecided
                known[place] = result
            return result

        return value

    def _work(self, node: Any) -> Part:
        """What a part is worked out by."""
        if node.is_Add:
            return self._sum(node)
        if node.is_Mul:
            return _folded(mul, [self.part(factor) for factor in node.args])
        if node.is_Pow:
            return self._power(node)
        if node.is_Rational:
            return _constant(lambda: arb(int(node.p)) / int(node.q))
        if node.is_Piecewise:
            return _first([(self.part(branch), self.condition(condition)) for branch, condition in node.args])
        if node.func in (defined, known):
            return _defined(*map(self.part, node.args))
        if isinstance(node, sympy.log) and node.args[0].as_coeff_Add()[0] == 1:
            return self._call(log1p(node.args[0] - 1))  # which needs fewer bits
        if node.is_number and not node.has(sympy.Function):
            return _constant(lambda: _constant_number(node))
        return self._call(node)

    def _call(self, node: Any) -> Part:
        word = BY_FUNCTION.get(node.func)
        if word is None:
            return _unsupported(f"{node}: {node.func} has no row in chainrule.codegen.vocabulary.WORDS.")
        function, parts = word.value, [self.part(arg) for arg in node.args[: word.arguments]]
        if len(parts) == 1:
            (only,) = parts
            return lambda known: function(only(known))
        return lambda known: function(*[part(known) for part in parts])

    def _sum(self, node: Any) -> Part:
        total = _folded(add, [self.part(term) for term in node.args])
        return self._exactly(total) if _is_exact(node) else total

    def _exactly(self, total: Part) -> Part:
        """A sum of exact terms, one of which may be smaller than the others by more than the precision."""

        def value(known: Known) -> Ball:
            found = total(known)
            if found.is_exact() or found.rel_accuracy_bits() >= ENOUGH or ctx.prec >= EXACT_BITS:
                return found
            precision = ctx.prec
            ctx.prec = EXACT_BITS
            try:
                return total(self._known(known[: len(self.symbols)]))
            finally:
                ctx.prec = precision

        return value

    def _power(self, node: Any) -> Part:
        base, exponent = self.part(node.base), node.exp
        if exponent.is_Integer:
            return _whole_power(base, int(exponent))
        if exponent == sympy.S.Half:
            return lambda known: base(known).sqrt()
        part = self.part(exponent)

        def value(known: Known) -> Ball:
            number, power = base(known), part(known)
            if number > 0:
                return number**power
            if number == 0 and power >= 0:
                return arb(0) if power > 0 else arb(1)
            raise Undefined if number < 0 or (number == 0 and power < 0) else Undecided

        return value

    def condition(self, node: Any) -> Condition:
        """Whether a condition holds."""
        if node in (True, sympy.true, False, sympy.false):
            truth = bool(node)
            return lambda known: truth
        join = JOINED.get(node.func)
        if join is not None:
            parts = [self.condition(arg) for arg in node.args]
            return lambda known: join(*[part(known) for part in parts])
        compare = RELATIONS.get(node.func)
        if compare is None:
            return _unsupported(f"{node}: conditions are comparisons joined by and, or, not.")
        left, right = self.part(node.lhs), self.part(node.rhs)
        return lambda known: compare(left(known), right(known))


def _unsupported(message: str) -> Callable[[Known], NoReturn]:
    def refuse(known: Known) -> NoReturn:
        raise UnsupportedExpression(message)

    return refuse


def _constant(make: Callable[[], Ball]) -> Part:
    """A number, made once for each precision."""
    made: dict[int, Ball] = {}

    def value(known: Known) -> Ball:
        bits = ctx.prec
        if bits not in made:
            made[bits] = make()
        return made[bits]

    return value


def _constant_number(node: Any) -> Ball:
    if node in CONSTANTS:
        return CONSTANTS[node]()
    if not node.is_finite:
        return arb(str(node).replace("oo", "inf"))
    if node.is_Float:
        exact = sympy.Rational(node)
        return arb(int(exact.p)) / int(exact.q)
    near = _exact(CONTEXT.mpf(node._to_mpmath(ctx.prec)))
    return arb(near, abs(near) * arb((1, 2 - ctx.prec)))


def _folded(join: Callable[[Ball, Ball], Ball], parts: list[Part]) -> Part:
    """A sum or a product, from the left."""
    first, *others = parts

    def value(known: Known) -> Ball:
        result = first(known)
        for part in others:
            result = join(result, part(known))
        return result

    return value


def _first(branches: list[tuple[Part, Condition]]) -> Part:
    def value(known: Known) -> Ball:
        for part, holds in branches:
            if _told(holds(known)):
                return part(known)
        raise Undefined

    return value


def _defined(part: Part, otherwise: Part) -> Part:
    def value(known: Known) -> Ball:
        try:
            return part(known)
        except Undecided:
            raise
        except Undefined:
            return otherwise(known)

    return value


def _whole_power(base: Part, exponent: int) -> Part:
    def value(known: Known) -> Ball:
        number = base(known)
        if exponent < 0 and number == 0:
            raise Undefined
        return whole_power(number, exponent)

    return value


@lru_cache(maxsize=4096)
def _is_exact(node: Any) -> bool:
    return all(
        isinstance(part, EXACT) or (part.is_Pow and part.exp.is_Integer and part.exp > 0)
        for part in sympy.preorder_traversal(node)
    )


def _relation(
    holds: Callable[[Any, Any], bool], fails: Callable[[Any, Any], bool]
) -> Callable[[Ball, Ball], bool | None]:
    """Of balls, of which a comparison is true only where it is certain."""
    return lambda a, b: True if holds(a, b) else False if fails(a, b) else None


JOINED: dict[Any, Callable[..., bool | None]] = {sympy.And: all_of, sympy.Or: any_of, sympy.Not: opposite}
RELATIONS: dict[Any, Callable[[Ball, Ball], bool | None]] = {
    sympy.StrictGreaterThan: _relation(gt, le),
    sympy.GreaterThan: _relation(ge, lt),
    sympy.StrictLessThan: _relation(lt, ge),
    sympy.LessThan: _relation(le, gt),
    sympy.Equality: _relation(eq, ne),
    sympy.Unequality: _relation(ne, eq),
}
