"""The value of an expression at a point, with as many bits as are asked for. An expression is made a program once, a function for each of its parts, because it is
evaluated at thousands of points."""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import mpmath
import sympy
from sympy import Expr, Symbol

from chainrule.codegen.vocabulary import (
    BY_FUNCTION,
    Undefined,
    angle,
    defined,
    erfc,
    expm1,
    exponential,
    finite_angle,
    fraction,
    log1p,
    parity,
    refined,
    remainder,
    turn,
)
from chainrule.errors import UnsupportedExpression

CONTEXT = mpmath.MPContext()
EXACT_BITS = 20_000  # a product of several float64 and a sum of such, without rounding
SPARE = 100  # bits
ENDS: dict[Any, tuple[int, float | None, float | None]] = {
    sympy.exp: (1, 0.0, None),
    expm1: (1, -1.0, None),
    sympy.cosh: (1, None, None),
    sympy.sinh: (1, None, None),
    sympy.erfc: (2, 2.0, 0.0),
    erfc: (2, 2.0, 0.0),
}
"""Of functions that an exponential of a power of the argument is in: that power, and what they are far below and above 0, None where they grow. A product of what grows
and what decays may be anything, and digits that the exponent has lost must not decide it."""
EXACT = (sympy.Add, sympy.Mul, sympy.Symbol, sympy.Rational, sympy.Abs, sympy.Max, sympy.Min)
Known: TypeAlias = list[Any]
"""What is known at a point: the errors that steps are given, in turn, or nothing; what is known without them, by which conditions are decided; and the value of
each part, by its place, or None."""
Part: TypeAlias = Callable[[Known], Any]
ERRORS, PLAIN, FIRST = 0, 1, 2


def evaluate(expr: Expr, symbols: Sequence[Symbol], point: Sequence[Any], bits: int, off: int = 0) -> Any:
    """The value of an expression at a point with that many bits. off: 1 makes every step that is not exact a little wrong, -1 as much the
    other way. Raises Undefined, and UnsupportedExpression for a function without a row."""
    program = _program(expr, tuple(symbols))
    CONTEXT.prec = bits
    return program.result(program.known(numbers(point), _errors(bits, off) if off else ()))


def holds(condition: Any, symbols: Sequence[Symbol], point: Sequence[Any], bits: int) -> bool:
    """Whether a condition holds at a point. Raises Undefined."""
    program = _program(condition, tuple(symbols))
    CONTEXT.prec = bits
    return bool(program.result(program.known(numbers(point))))


def numbers(point: Sequence[Any]) -> tuple[Any, ...]:
    """The numbers of the context, of which those of a point that is evaluated several times can be made once."""
    return tuple([x if isinstance(x, CONTEXT.mpf) else CONTEXT.mpf(x) for x in point])


@lru_cache(maxsize=64)
def _errors(bits: int, off: int) -> tuple[Any, ...]:
    return tuple(CONTEXT.ldexp(off * k, 1 - bits) for k in (1, -3, 2, -1, 3, -2))


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

    def known(self, point: Iterable[Any], errors: tuple[Any, ...] = ()) -> Known:
        """At first only the point."""
        return [errors, None, *point, *[None] * (len(self.places) - len(self.symbols))]

    def again(self, known: Known) -> Known:
        return self.known(known[FIRST : FIRST + len(self.symbols)])

    def plain(self, known: Known) -> Known:
        if not known[ERRORS]:
            return known
        plain: Known = known[PLAIN] or self.again(known)
        known[PLAIN] = plain
        return plain

    def _place(self, node: Any) -> int:
        return self.places.setdefault(node, FIRST + len(self.places))

    def part(self, node: Any) -> Part:
        if node not in self.parts:
            self.parts[node] = self._part(node)
        return self.parts[node]

    def _part(self, node: Any) -> Part:
        if node in self.places:  # a symbol
            given = self.places[node]
            return lambda known: known[given]
        work, is_exact = self._work(node), _is_exact(node)
        place = self._place(node)

        def value(known: Known) -> Any:
            result = known[place]
            if result is None:
                result = work(known)
                if CONTEXT.isnan(result):
                    raise Undefined
                errors = known[ERRORS]
                if errors and not is_exact:
                    result += result * errors[place % len(errors)]
                known[place] = result
            return result

        return value

    def _work(self, node: Any) -> Part:
        """What a part is worked out by."""
        if node.is_Add:
            return self._sum(node)
        if node.is_Mul:
            return _product([self.part(factor) for factor in node.args])
        if node.is_Pow:
            return self._power(node)
        if node.is_Rational:
            return _constant(lambda: CONTEXT.mpf(node.p) / node.q)
        if node.is_Piecewise:
            return _first([(self.part(branch), self.condition(condition)) for branch, condition in node.args])
        if isinstance(node, sympy.Max | sympy.Min):
            pick: Callable[..., Any] = max if isinstance(node, sympy.Max) else min
            parts = [self.part(arg) for arg in node.args]
            return lambda known: pick([part(known) for part in parts])
        if node.func in (refined, angle, finite_angle):
            return self.part(node.args[0])
        if node.func in (remainder, turn):
            return lambda known: CONTEXT.zero
        if node.func in (fraction, parity):
            work, argument = BY_FUNCTION[node.func].value, self.part(node.args[0])
            return lambda known: work(CONTEXT, argument(known))
        if node.func == defined:
            return _defined(*map(self.part, node.args))
        if isinstance(node, sympy.log):
            return self._logarithm(node.args[0])
        if node.is_number and not node.has(sympy.Function):
            if not node.is_finite:
                return _constant(lambda: CONTEXT.mpf(str(node).replace("oo", "inf")))
            return _constant(lambda: CONTEXT.mpf(node._to_mpmath(CONTEXT.prec)))
        return self._call(node)

    def _call(self, node: Any) -> Part:
        word = BY_FUNCTION.get(node.func)
        if word is None:
            return _unsupported(f"{node}: {node.func} has no row in chainrule.codegen.vocabulary.WORDS.")
        function, parts = word.value, [self.part(arg) for arg in node.args]
        if node.func in ENDS:
            guarded, argument = _unless_lost(function, *ENDS[node.func]), parts[0]
            return lambda known: guarded(argument(known))
        return lambda known: function(CONTEXT, *[part(known) for part in parts])

    def _sum(self, node: Any) -> Part:
        """The sum, refused when it lost all but a few bits to cancellation, unless its terms are exact."""
        parts, is_exact = [self.part(arg) for arg in node.args], _is_exact(node)

        def value(known: Known) -> Any:
            m = CONTEXT
            terms = [part(known) for part in parts]
            total = sum(terms[1:], terms[0])
            largest = max([m.mag(term) if term and not m.isinf(term) else -math.inf for term in terms])
            if largest == -math.inf or m.isinf(total) or m.isnan(total):
                return total
            if total != 0 and largest - m.mag(total) <= m.prec - SPARE:
                return total
            if not is_exact:
                raise Undefined
            return total if m.prec >= EXACT_BITS else _exactly(parts, self.again(known))

        return value

    def _logarithm(self, node: Any) -> Part:
        """log(1 + w) by log1p; elsewhere refused where the argument has been rounded to nearly 1, for then its digits are gone."""
        constant, rest = node.as_coeff_Add()
        if constant == 1:
            small, near = self.part(rest), BY_FUNCTION[log1p].value
            return lambda known: near(CONTEXT, small(known))
        part, is_exact, logarithm = self.part(node), _is_exact(node), BY_FUNCTION[sympy.log].value

        def value(known: Known) -> Any:
            argument = part(known)
            if not is_exact and (argument == 1 or CONTEXT.mag(argument - 1) < SPARE - CONTEXT.prec):
                raise Undefined
            return logarithm(CONTEXT, argument)

        return value

    def _power(self, node: Any) -> Part:
        base, exponent = self.part(node.base), node.exp
        if exponent.is_Integer:
            return _whole_power(base, int(exponent))
        part, is_root = self.part(exponent), exponent == sympy.S.Half
        exponential_of = _unless_lost(exponential, *ENDS[sympy.exp])

        def value(known: Known) -> Any:
            m, number = CONTEXT, base(known)
            if is_root and number >= 0:
                return m.sqrt(number)
            power = part(known)
            if number > 0:
                return exponential_of(power * m.log(number))
            if number == 0 and power > 0:
                return m.zero
            if number == 0 and power == 0:
                return m.one
            raise Undefined

        return value

    def condition(self, node: Any) -> Part:
        """Whether a condition holds."""
        if node in (True, sympy.true):
            return lambda known: True
        if node in (False, sympy.false):
            return lambda known: False
        join = JOINED.get(node.func)
        if join is not None:
            parts = [self.condition(arg) for arg in node.args]
            return lambda known: join([part(known) for part in parts])
        compare = RELATIONS.get(node.func)
        if compare is None:
            return _unsupported(f"{node}: conditions are comparisons joined by and, or, not.")
        left, right = self.part(node.lhs), self.part(node.rhs)

        def value(known: Known) -> bool:
            plain = self.plain(known)
            return bool(compare(left(plain), right(plain)))

        return value


def _unsupported(message: str) -> Part:
    def refuse(known: Known) -> Any:
        raise UnsupportedExpression(message)

    return refuse


def _constant(make: Callable[[], Any]) -> Part:
    """A number, made once for each precision."""
    made: dict[int, Any] = {}

    def value(known: Known) -> Any:
        bits = CONTEXT.prec
        if bits not in made:
            made[bits] = make()
        return made[bits]

    return value


def _unless_lost(
    function: Callable[..., Any], power: int, below: float | None, above: float | None
) -> Callable[[Any], Any]:
    """A function of one number, or its end where an exponential of that power of the number keeps no digit of it."""

    def value(a: Any) -> Any:
        m = CONTEXT
        if power * m.mag(a) <= m.prec - SPARE:
            return function(m, a)
        end = below if a < 0 else above
        if end is None:
            raise Undefined
        return m.mpf(end)

    return value


def _product(parts: list[Part]) -> Part:
    first, *others = parts

    def value(known: Known) -> Any:
        result = first(known)
        for part in others:
            result = result * part(known)
        return result

    return value


def _first(branches: list[tuple[Part, Part]]) -> Part:
    def value(known: Known) -> Any:
        for part, holds in branches:
            if holds(known):
                return part(known)
        raise Undefined

    return value


def _defined(part: Part, otherwise: Part) -> Part:
    def value(known: Known) -> Any:
        try:
            return part(known)
        except Undefined:
            return otherwise(known)

    return value


def _whole_power(base: Part, exponent: int) -> Part:
    def value(known: Known) -> Any:
        m, number = CONTEXT, base(known)
        if m.isinf(number):
            return m.zero if exponent < 0 else number if exponent % 2 else m.inf
        if exponent < 0 and number == 0:
            raise Undefined
        return m.power(number, exponent)

    return value


def _exactly(parts: list[Part], known: Known) -> Any:
    """A sum of exact terms, one of which may be smaller than the others by more than the precision."""
    precision = CONTEXT.prec
    CONTEXT.prec = EXACT_BITS
    try:
        return sum([part(known) for part in parts])
    finally:
        CONTEXT.prec = precision


@lru_cache(maxsize=4096)
def _is_exact(node: Any) -> bool:
    return all(
        isinstance(part, EXACT) or (part.is_Pow and part.exp.is_Integer and part.exp > 0)
        for part in sympy.preorder_traversal(node)
    )


JOINED: dict[Any, Callable[[list[bool]], bool]] = {sympy.And: all, sympy.Or: any, sympy.Not: lambda parts: not parts[0]}
RELATIONS: dict[Any, Callable[[Any, Any], Any]] = {
    sympy.StrictGreaterThan: lambda a, b: a > b,
    sympy.GreaterThan: lambda a, b: a >= b,
    sympy.StrictLessThan: lambda a, b: a < b,
    sympy.LessThan: lambda a, b: a <= b,
    sympy.Equality: lambda a, b: a == b,
    sympy.Unequality: lambda a, b: a != b,
}
