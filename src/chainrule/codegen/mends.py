"""What to do about the points at which a form still fails: each row turns a form into forms that may fail at fewer.

To add one, add a row to MENDS: a name, a statement, and a function of a `Patient` that yields equal expressions. Whether one helps is measured.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from typing import Any

import sympy
from sympy import Abs, Expr, Mul, Piecewise, Symbol, exp
from sympy.core.symbol import Str

from chainrule.codegen.expansion import RADII, expanded, far_out, patched, roots
from chainrule.codegen.reference import Reference
from chainrule.codegen.rewrites import SIGMOID, rewrite
from chainrule.codegen.templates import angle_template, exponent_template, in_two_parts, template
from chainrule.codegen.vocabulary import (
    angle,
    at_least,
    at_most,
    away,
    copysign,
    defined,
    except_at,
    expm1,
    finite_angle,
    fraction,
    group,
    instead,
    is_reciprocal,
    known,
    log1p,
    lost,
    over,
    parity,
    plus,
    power,
    product,
    quotient,
    refined,
    remainder,
    size,
    times,
    times_exp_square,
    turn,
)

Point = tuple[float, ...]
TAIL = 600
MOST_SUMS = 6
MOST_NEAR = 0.2
LIMITS = (40, 100, 400, 800, 1500)  # beyond which an argument may be taken for this number
GROWTHS = (1, 3, 100, 10**6)
SHARES = (-10.0, -0.9, -0.01, 0.01, 0.3, 0.9, 10.0)
MOST_RESTS = 4
"""Numbers beyond a limit, by what part of it the others may be, and at how many points that fail: where it has to hold that an argument may stop."""
BEYOND = (2, 4, 8)  # where an expansion in 1/x may begin
EXPANSION = "expansion about a root"
VANISHING = 1e-280
MODERATE = sympy.Rational(1, 2**1000)  # of quotients, of which smaller ones may be subnormal
AS_THEIR_ARGUMENT = (log1p, expm1, sympy.erf, sympy.tanh, sympy.sinh, sympy.asinh, sympy.atan, sympy.sin)
"""Functions that are a constant times their argument where that is tiny."""
TURNED = (angle, finite_angle, fraction)
SPECIAL = {0.0, 1.0, math.inf, -math.inf}  # where a limit may be stated as a case of its own


@dataclass(frozen=True)
class Patient:
    """A form, the symbols it depends on, and the points with true values, some of which it fails."""

    expr: Expr
    variables: tuple[Symbol, ...]
    symbols: tuple[Symbol, ...]
    points: tuple[Point, ...]
    truth: tuple[float, ...]
    failing: tuple[int, ...]
    reference: Reference
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mend:
    """One way to mend a form: `apply` yields equal expressions, none where it does not apply. is_dear: it costs so much that it is for what nothing else
    brings within the limit."""

    name: str
    statement: str
    apply: Callable[[Patient], Iterator[Expr]]
    is_dear: bool = False


def _limits(patient: Patient) -> Iterator[Expr]:
    """Where the function has reached its limit, in float64, the argument may stop."""
    changed = patient.expr
    for k, symbol in enumerate(patient.symbols):
        if symbol not in patient.variables or not any(abs(patient.points[i][k]) > LIMITS[0] for i in patient.failing):
            continue
        for side, word in ((-1, at_least), (1, at_most)):
            if not any(side * patient.points[i][k] > LIMITS[0] for i in patient.failing):
                continue
            stop = _settled(patient, k, side)
            if stop is not None:
                changed = _in_terms(changed, symbol, word(symbol, side * stop))
    if changed is not patient.expr:
        yield changed


def _in_terms(expr: Expr, symbol: Symbol, bounded: Expr) -> Expr:
    """With the symbol bounded outside of conditions and of expansions, and where it is bounded already."""
    if expr.func in (at_least, at_most) and symbol in expr.args:
        return expr.func(bounded, expr.args[1])
    if expr == symbol:
        return bounded
    if not expr.args or expr.func == away or isinstance(expr, sympy.logic.boolalg.Boolean):
        return expr
    return expr.func(*(_in_terms(arg, symbol, bounded) for arg in expr.args))


def _settled(patient: Patient, k: int, side: int) -> int | None:
    """The first limit beyond which the value no longer depends on one argument."""
    others = [j for j, symbol in enumerate(patient.symbols) if j != k and symbol in patient.variables]
    decided = [
        (side * point[k], tuple(point[j] for j in others), value)
        for point, value in zip(patient.points, patient.truth, strict=True)
        if side * point[k] >= LIMITS[0] and value == value
    ]
    for stop in LIMITS:
        beyond: dict[Point, set[float]] = {}
        count = 0
        for x, rest, value in decided:
            if x >= stop:
                beyond.setdefault(rest, set()).add(value)
                count += 1
        if count > 2 * len(beyond) and all(len(each) == 1 for each in beyond.values()):
            rests = tuple(dict.fromkeys(patient.points[i] for i in patient.failing))[:MOST_RESTS]
            return stop if _is_settled(patient.reference, k, side * stop, rests) else None
    return None


@lru_cache(maxsize=1024)
def _is_settled(reference: Reference, k: int, stop: int, points: tuple[Point, ...]) -> bool:
    """Whether that is so whatever the other arguments are: as at some points, and in proportion to where it stops."""
    low, high = reference.domains[k]
    beyond = [float(stop * growth) for growth in GROWTHS if low <= stop * growth <= high]
    scaled = [tuple(share * abs(stop) for _ in reference.symbols) for share in SHARES]
    for point in (*points, *scaled):
        rest = (*point[:k], 0.0, *point[k + 1 :])
        others = zip(rest, reference.domains, strict=True)
        if not all(j == k or lower <= x <= upper for j, (x, (lower, upper)) in enumerate(others)):
            continue
        values = {reference.value((*rest[:k], x, *rest[k + 1 :])) for x in beyond} - {None}
        if len(values) > 1:
            return False
    return True


def _halves(patient: Patient) -> Iterator[Expr]:
    """An exponential that may have too few digits, or be too large, before it is multiplied."""
    extreme = [i for i in patient.failing if not VANISHING < abs(patient.truth[i]) < 1 / VANISHING]
    if not extreme or patient.expr.has(product, quotient):
        return
    large = any(abs(patient.truth[i]) >= 1 / VANISHING for i in extreme)
    for expr in dict.fromkeys((patient.expr, _spread(patient.expr) if large else patient.expr)):
        for argument in _exponents(expr):
            if argument.free_symbols:
                more = _put_back(expr, argument)
                yield _halved(expr, _times(exp(argument), more), _times(exp(argument / 2), more / 2))


def _spread(expr: Expr) -> Expr:
    """What is multiplied with a choice in each of its branches."""
    if not expr.args or expr.is_number or isinstance(expr, sympy.logic.boolalg.Boolean):
        return expr
    args = [_spread(arg) for arg in expr.args]
    choices = [arg for arg in args if isinstance(arg, Piecewise)]
    if not expr.is_Mul or len(choices) != 1:
        return expr.func(*args)
    rest = Mul(*(arg for arg in args if arg != choices[0]))
    return Piecewise(*((branch * rest, condition) for branch, condition in choices[0].args))


def _tails(patient: Patient) -> Iterator[Expr]:
    """As `_halves`, with no rounding where the exponential is a normal number."""
    if not any(abs(patient.truth[i]) < VANISHING for i in patient.failing):
        return
    for argument in _exponents(patient.expr):
        if argument.free_symbols:
            more = _put_back(patient.expr, argument)
            main, tail = exp(at_least(argument, -TAIL)), exp(at_most(plus(argument, TAIL), 0))
            yield _with_tail(patient.expr, _times(exp(argument), more), _times(main, more), tail)


def _thin(patient: Patient) -> Iterator[Expr]:
    """As `_tails`, of what is as small as the exponential in it: its digits are those that this has left."""
    if not any(abs(patient.truth[i]) < VANISHING for i in patient.failing) or patient.expr.has(product, quotient):
        return
    for expr in dict.fromkeys((patient.expr, _spread(patient.expr))):
        found = {
            node: _exponential_of(node) for node in sympy.preorder_traversal(expr) if node.func in AS_THEIR_ARGUMENT
        }
        inner = {node for whole in found for node in sympy.preorder_traversal(whole) if node != whole}
        for whole, exponential in found.items():
            if exponential is not None and whole not in inner:
                argument = exponential.args[0]
                main = whole.xreplace({exponential: exp(at_least(argument, -TAIL))})
                yield _with_tail(expr, whole, main, exp(at_most(plus(argument, TAIL), 0)))


def _exponential_of(node: Expr) -> Expr | None:
    """The exponential that a function, or a multiple of one, is as small as."""
    while node.func in AS_THEIR_ARGUMENT or node.is_Mul:
        _, node = node.as_coeff_Mul()
        if node.is_Mul:
            return None
        if node.func in AS_THEIR_ARGUMENT:
            (node,) = node.args
    return node if isinstance(node, exp) and node.free_symbols else None


def _faded(patient: Patient) -> Iterator[Expr]:
    """A function of an exponential that is a constant times it where that is tiny: there by its argument, whose root or logarithm has all digits."""
    if not any(abs(x) > LIMITS[0] for i in patient.failing for x in patient.points[i]):
        return
    for whole in sorted(patient.expr.atoms(log1p, expm1), key=str):
        (exponential,) = whole.args
        if isinstance(exponential, exp):
            there = instead(patient.expr.xreplace({whole: exponential}))
            yield Piecewise((there, exponential.args[0] < -LIMITS[0]), (patient.expr, True))


def _heads(patient: Patient) -> Iterator[Expr]:
    """An exponential less 1 that is too large before it is divided. Where it is cut in two, the 1 is nothing beside it."""
    if not any(abs(patient.truth[i]) > 1 / VANISHING for i in patient.failing):
        return
    for node in sorted(patient.expr.atoms(expm1), key=str):
        (u,) = node.args
        yield _with_head(patient.expr, node, expm1(at_most(u, TAIL)), exp(at_least(plus(u, -TAIL), 0)))


def _with_head(expr: Expr, whole: Expr, main: Expr, head: Expr) -> Expr:
    if expr == whole:
        return times(main, head)
    if not expr.args or expr.is_number:
        return expr
    if expr.is_Mul and whole in expr.args:
        rest = (_with_head(arg, whole, main, head) for arg in expr.args if arg != whole)
        return times(Mul(main, *rest), head)
    return expr.func(*(_with_head(arg, whole, main, head) for arg in expr.args))


def _put_back(expr: Expr, argument: Expr) -> Expr:
    """What rounding took from an exponent, where the exponential is multiplied by 1 + that; else 0."""
    found = (node for node in expr.atoms(remainder) if node.args[0] == argument)
    return next(found, sympy.S.Zero)


def _times(exponential: Expr, more: Expr) -> Expr:
    return times(exponential, plus(1, more)) if more != 0 else exponential


def _exponents(expr: Expr) -> list[Expr]:
    """Of the exponentials that come most often, two at most: the others are powers of these."""
    nodes = [node.args[0] for node in sympy.preorder_traversal(expr) if isinstance(node, exp)]
    return sorted(set(nodes), key=lambda each: (-nodes.count(each), each.count_ops(), str(each)))[:2]


def _with_tail(expr: Expr, whole: Expr, main: Expr, tail: Expr) -> Expr:
    if not expr.args or expr.is_number:
        return expr
    if expr == whole:
        return main
    for factor in _factors_of(expr, whole):
        branches = [b for b, _ in factor.args] if isinstance(factor, Piecewise) else [factor]
        if whole in branches and all(branch in (whole, 1) for branch in branches):
            rest = _with_tail(_without(expr, factor, whole), whole, main, tail)
            join = product if expr.func == product else times
            if factor == whole:
                return join(join(rest, main), tail)
            both = (Piecewise(*((e if b == whole else b, c) for b, c in factor.args)) for e in (main, tail))
            return reduce(join, both, rest)
    return expr.func(*(_with_tail(arg, whole, main, tail) for arg in expr.args))


def _factors_of(expr: Expr, whole: Expr) -> tuple[Expr, ...]:
    """The factors of a product, one of which, `whole`, may be a product itself."""
    if expr.func in (times, product) and expr != whole:
        return tuple(factor for arg in expr.args for factor in _factors_of(arg, whole))
    return expr.args if expr.is_Mul else (expr,)


def _without(expr: Expr, factor: Expr, whole: Expr) -> Expr:
    """A product without one of its factors, in the same order."""
    if expr == factor:
        return sympy.S.One
    if expr.func in (times, product):
        found = (factor in _factors_of(arg, whole) for arg in expr.args)
        first, second = (
            _without(arg, factor, whole) if here else arg for arg, here in zip(expr.args, found, strict=True)
        )
        return second if first == 1 else first if second == 1 else expr.func(first, second)
    return Mul(*(arg for arg in expr.args if arg != factor)) if expr.is_Mul else sympy.S.One


def _vanishing(patient: Patient) -> Iterator[Expr]:
    """A term that decays stops where it has vanished, while the others go on."""
    if not any(max(map(abs, patient.points[i])) > LIMITS[0] for i in patient.failing) or patient.expr.has(
        product, quotient
    ):
        return
    for symbol in patient.variables:
        for stop in LIMITS[::3]:
            swaps = {}
            for node in sympy.preorder_traversal(patient.expr):
                for term in node.args if node.is_Add else ():
                    decays = any(f.func == times_exp_square or isinstance(f, exp) for f in Mul.make_args(term))
                    if decays and term.has(Abs(symbol)):
                        swaps[term] = term.xreplace({Abs(symbol): at_most(Abs(symbol), stop)})
            if swaps:
                yield patient.expr.xreplace(swaps)


def _factors(patient: Patient) -> Iterator[Expr]:
    """A polynomial of degree 2 in its variable, x² - c, by its roots."""
    swaps = {}
    for node in patient.expr.atoms(sympy.Add):
        if len(node.free_symbols) != 1 or not node.is_polynomial():
            continue
        symbol = next(iter(node.free_symbols))
        found = sympy.roots(node, symbol)
        if (
            sympy.degree(node, symbol) != 2
            or len(found) != 2
            or not all(r.is_real and not r.is_rational for r in found)
        ):
            continue
        first, second = sorted(found, key=float)
        swaps[node] = times(sympy.LC(node, symbol) * _away(symbol, first), _away(symbol, second))
    if swaps:
        yield patient.expr.xreplace(swaps)


def _differences_of_squares(patient: Patient) -> Iterator[Expr]:
    """a² - b² of two arguments, or a quotient of that such as 1 - a²/b², by the difference of the arguments, which is rounded once."""
    swaps = {}
    for node in patient.expr.atoms(sympy.Add):
        above, below = sympy.fraction(sympy.together(node))
        match [factor.as_coeff_Mul() for factor in sympy.Add.make_args(above)]:
            case [(first, first_square), (second, second_square)] if first == -second and all(
                each.is_Pow and each.exp == 2 and each.base.is_Symbol for each in (first_square, second_square)
            ):
                p, q = first_square.base, second_square.base
                root = sympy.Mul(*(each.base ** (each.exp / 2) for each in map(_as_power, Mul.make_args(below))))
                if root**2 == below:
                    swaps[node] = times(first * (p - q) / root, (p + q) / root)
                else:
                    swaps[node] = first * (p - q) * (p + q) / below
    if swaps:
        yield patient.expr.xreplace(swaps)


def _as_power(factor: Expr) -> Any:
    return factor if factor.is_Pow else sympy.Pow(factor, 1, evaluate=False)


def _squares(patient: Patient) -> Iterator[Expr]:
    """A square of 1 and an exponential: what is added to 1 is rounded often, but small where that counts."""
    swaps = {}
    for node in patient.expr.atoms(sympy.Pow):
        one, rest = node.base.as_coeff_Add()
        if one == 1 and isinstance(rest, exp) and node.exp.is_even:
            swaps[node] = (1 + rest * (2 + rest)) ** (node.exp / 2)
    if swaps:
        yield patient.expr.xreplace(swaps)


def _powers(patient: Patient) -> Iterator[Expr]:
    """The square of an exponential, which is there as well, as one of its own; and its fourth power, for other multiples of an exponent are rounded."""
    arguments = {node.args[0] for node in patient.expr.atoms(exp)}
    swaps = {
        exp(multiple * each): exp(group(multiple * each))
        for each in arguments
        for multiple in (2, 4)
        if multiple * each in arguments
    }
    if swaps:
        yield patient.expr.xreplace(swaps)


def _away(symbol: Symbol, root: Expr) -> Expr:
    high, low = in_two_parts(root)
    return away(symbol, sympy.Float(high, 17), sympy.Float(low, 17), root)


def _ends(patient: Patient) -> Iterator[Expr]:
    """At the ends of the domain of one argument, the expression as it is there."""
    changed = patient.expr
    for k, symbol in enumerate(patient.symbols):
        ends = [x for x in patient.reference.domains[k] if math.isfinite(x)]
        if symbol not in patient.variables or len(patient.variables) < 2:
            continue
        for end in ends:
            if any(patient.points[i][k] == end for i in patient.failing):
                there = sympy.cancel(patient.reference.expr.xreplace({symbol: _number(end)}))
                if not there.has(sympy.zoo, sympy.nan, sympy.oo):
                    there = _upright(there, patient)
                    changed = except_at(symbol, _number(end), there, changed)
    if changed is not patient.expr:
        yield changed


def _indefinite(patient: Patient) -> Iterator[Expr]:
    """A fraction that is 0/0 at the ends of a domain: there alone the expression as it is there."""
    numerator, denominator = sympy.fraction(patient.expr)
    if patient.expr.has(defined) or not denominator.free_symbols:
        return
    sign, denominator = sympy.fraction(_upright(1 / denominator, patient))
    value = over(numerator * sign, denominator)
    for elsewhere in _ends(replace(patient, expr=value)):
        yield defined(value, elsewhere)


def _ratios(patient: Patient) -> Iterator[Expr]:
    """A product of an argument with a quotient: the quotient first, which may be near 1 where the argument is huge; x²/2 as (x/2) x."""
    if not any(max(*map(abs, patient.points[i]), abs(patient.truth[i])) > 1 / VANISHING for i in patient.failing):
        return
    changed = _with_ratios(patient.expr)
    if changed != patient.expr:
        yield changed


def _with_ratios(expr: Expr) -> Expr:
    if not expr.args or expr.is_number or isinstance(expr, sympy.logic.boolalg.Boolean):
        return expr
    args = [_with_ratios(arg) for arg in expr.args]
    if expr.is_Mul and any(is_reciprocal(arg) for arg in args):
        plain = [arg for arg in args if arg.is_Symbol or arg.func in (at_least, at_most)]
        if plain and len(plain) < len(args):
            return times(Mul(*(arg for arg in args if arg not in plain)), Mul(*plain))
    if expr.is_Mul and any(arg.is_Rational and abs(arg) < 1 for arg in args):
        for power in (arg for arg in args if arg.is_Pow and arg.base.is_Symbol and arg.exp.is_Integer and arg.exp > 1):
            rest = [arg for arg in args if arg is not power]
            return times(Mul(*rest, power.base), power.base ** (power.exp - 1))
    return expr.func(*args)


def _logarithms_of_quotients(expr: Expr) -> Iterator[tuple[Expr, Expr, Expr]]:
    """The logarithms of quotients of what varies, each with its numerator and denominator."""
    for node in expr.atoms(sympy.log):
        above, below = sympy.fraction(node.args[0])
        if below.free_symbols and above.free_symbols:
            yield node, above, below


def _quotients_apart(patient: Patient) -> Iterator[Expr]:
    """The logarithm of a quotient that may overflow or underflow."""
    if not any(0 < abs(x) < VANISHING or abs(x) > 1 / VANISHING for i in patient.failing for x in patient.points[i]):
        return
    swaps = {}
    for node, above, below in _logarithms_of_quotients(patient.expr):
        (whole,) = node.args
        apart = sympy.log(Abs(above)) - sympy.log(Abs(below))
        swaps[node] = Piecewise((node, sympy.And(whole > MODERATE, whole < 1 / MODERATE)), (instead(apart), True))
    if swaps:
        yield patient.expr.xreplace(swaps)


def _quotients_near_1(patient: Patient) -> Iterator[Expr]:
    """The logarithm of a quotient of arguments, whose difference is exact where they are near one another."""
    swaps = {}
    for node, above, below in _logarithms_of_quotients(patient.expr):
        if above.is_Symbol and below.is_Symbol:
            (whole,) = node.args
            near = log1p(over(above - below, below))
            swaps[node] = Piecewise((near, sympy.And(whole > sympy.S.Half, whole < 2)), (node, True))
    if swaps:
        yield patient.expr.xreplace(swaps)


def _overflowed(patient: Patient) -> Iterator[Expr]:
    """A sum of which one term, with an exponential, has overflowed while others may be as infinite."""
    if not any(math.isinf(patient.truth[i]) for i in patient.failing):
        return
    swaps = {}
    for node in patient.expr.atoms(sympy.Add):
        growing = [term for term in node.args if term.has(exp)]
        if len(growing) == 1 and node.free_symbols and not growing[0].has(Piecewise):
            swaps[node] = Piecewise((instead(growing[0]), Abs(growing[0]) > 1 / MODERATE), (node, True))
    if swaps:
        yield patient.expr.xreplace(swaps)


def _even_powers(patient: Patient) -> Iterator[Expr]:
    """A square that underflows before an exponential makes it large, or overflows before one makes it small."""
    if patient.expr.has(product, quotient):
        return
    swaps = {}
    for node in patient.expr.atoms(Mul):
        squares = [each for each in node.args if each.is_Pow and each.exp == 2 and each.base.free_symbols]
        growths = [each for each in node.args if isinstance(each, exp)]
        if len(squares) == 1 == len(growths):
            root = squares[0].base * exp(growths[0].args[0] / 2)
            number, rest = (node / squares[0] / growths[0]).as_coeff_Mul()
            square = (
                times(number * root, root) if abs(number) < 1 else number * power(root, 2)
            )  # which overflows no sooner
            swaps[node] = rest * square
    if swaps and any(abs(x) > LIMITS[0] for i in patient.failing for x in patient.points[i]):
        yield patient.expr.xreplace(swaps)


def _upright(expr: Expr, patient: Patient) -> Expr:
    """With denominators that are positive inside the domain, so that they reach 0 from above."""
    inside, swaps = {}, {}
    for symbol, (low, high) in zip(patient.symbols, patient.reference.domains, strict=True):
        inside[symbol] = sympy.Float((max(low, -1e3) + min(high, 1e3)) / 2 if high > low else low)
        if low == 0:
            swaps[symbol] = size(symbol)
    for node in expr.atoms(sympy.Pow):
        if is_reciprocal(node) and node.base.is_Add and node.exp.is_Integer and node.base.xreplace(inside).is_negative:
            expr = expr.xreplace({node: sympy.Integer(-1) ** node.exp * group(-node.base) ** node.exp})
    return expr.xreplace(swaps)


def _more_digits(patient: Patient, share: int = 1) -> Iterator[Expr]:
    """Where a sum cancels, the given expression in more digits. share: how many times as large a sum may be."""
    if (
        len(patient.variables) < 2
        or patient.expr.has(refined)
        or (share == 1 and len(patient.failing) > MOST_NEAR * len(patient.points))
    ):
        return
    formula = template(rewrite(patient.reference.expr, SIGMOID), patient.variables)
    if formula is None:
        return
    variables = set(patient.variables)
    sums = [
        total
        for node in sympy.preorder_traversal(patient.expr)
        for total in (_sum_in(node, variables) if isinstance(node, Piecewise) else node,)
        if total.free_symbols >= variables and _terms(total)
    ]
    parts = {branch for node in sums if isinstance(node, Piecewise) for branch, _ in node.args}
    whole = dict.fromkeys(node for node in sums if node not in parts)
    for total in sorted(whole, key=lambda each: (each.count_ops(), str(each)))[:MOST_SUMS]:
        size: Any = _terms(total)
        yield refined(patient.expr, total, share * size, Str(formula), *patient.variables)


def _as_found(patient: Patient) -> Iterator[Expr]:
    """Where the formula in more digits overflows, what was found without it."""
    swaps = {node: known(node, node.args[0]) for node in patient.expr.atoms(refined)}
    if swaps and not patient.expr.has(known):
        yield patient.expr.xreplace(swaps)


def _sum_in(choice: Piecewise, variables: set[Symbol]) -> Expr:
    """A choice between sums for one between expressions that have sums as parts."""
    found = [
        next((n for n in sympy.preorder_traversal(e) if n.is_Add and n.free_symbols >= variables and _terms(n)), e)
        for e, _ in choice.args
    ]
    return Piecewise(*zip(found, (condition for _, condition in choice.args), strict=True))


def _terms(node: Any) -> Expr | None:
    """The sum of the sizes of the terms, None of what is no sum; of a choice between sums, a choice."""
    if isinstance(node, Piecewise):
        sizes = [_terms(branch) for branch, _ in node.args]
        if any(size is None for size in sizes):
            return None
        return Piecewise(*zip(sizes, (condition for _, condition in node.args), strict=True))
    exact = all(factor.is_Symbol or factor.is_number for term in node.args for factor in Mul.make_args(term))
    return sympy.Add(*(_size(term) for term in node.args)) if node.is_Add and not exact else None


def _size(term: Expr) -> Expr:
    return Mul(*(_size_of_factor(factor) for factor in Mul.make_args(term)))


def _size_of_factor(factor: Expr) -> Expr:
    """Of a choice between numbers of one size, that size."""
    if isinstance(factor, Piecewise) and all(branch.is_number for branch, _ in factor.args):
        sizes = {Abs(branch) for branch, _ in factor.args}
        if len(sizes) == 1:
            return sizes.pop()
    return factor if factor.is_nonnegative else Abs(factor)


def _guard_products(expr: Expr) -> Expr:
    """Every product and quotient with 0 * inf = 0 and 0 / 0 = 0: the limit, where the zero is identical or wins."""
    if not expr.args or isinstance(expr, sympy.logic.boolalg.Boolean) or expr.is_number:
        return expr
    if expr.func == times:  # a constant last: with the first factor it might overflow before the second makes it small
        first, second = map(_guard_products, expr.args)
        number, rest = first.as_coeff_Mul()
        return number * (second if rest == 1 else times(rest, second)) if abs(number) > 1 else times(first, second)
    if not expr.is_Mul and not is_reciprocal(expr):
        return expr.func(*(_guard_products(arg) for arg in expr.args))
    constant, rest = expr.as_independent(*expr.free_symbols, as_Add=False)
    above, below = [], []
    for factor in sympy.Mul.make_args(rest):
        base, power = factor.as_base_exp() if factor.is_Pow else (factor, sympy.S.One)
        if is_reciprocal(factor):
            whole = power.is_Integer and power >= -4
            below += [_guard_products(base)] * -int(power) if whole else [_guard_products(base) ** -power]
        else:
            above.append(_guard_products(factor))
    if constant.is_negative and above:
        constant, above[0] = -constant, -above[0]
    if (abs(constant) < 1) == True and above:  # noqa: E712 - unknown for a word; before the product, which might overflow
        constant, above[0] = sympy.S.One, constant * above[0]
    start = reduce(product, above) if above else sympy.S.One
    return constant * reduce(quotient, below, start) if below else constant * start


def _guards(patient: Patient) -> Iterator[Expr]:
    yield _guard_products(patient.expr)


def _halved(expr: Expr, whole: Expr, half: Expr) -> Expr:
    if expr == whole:
        return power(half, 2)
    if not expr.args or expr.is_number:
        return expr
    for factor in _factors_of(expr, whole):
        root = _root_of(factor, whole, half)
        if root is not None:
            rest = _without(expr, factor, whole)
            return times(root, root) if rest == 1 else times(times(_halved(rest, whole, half), root), root)
    return expr.func(*(_halved(arg, whole, half) for arg in expr.args))


def _root_of(factor: Expr, whole: Expr, half: Expr) -> Expr | None:
    """The square root of an exponential, or of a choice between it and 1."""
    if factor == whole:
        return half
    if isinstance(factor, Piecewise) and all(branch in (whole, 1) for branch, _ in factor.args):
        return Piecewise(*((half if branch == whole else branch, condition) for branch, condition in factor.args))
    return None


def _expansions(patient: Patient) -> Iterator[Expr]:
    """About each root near which the form fails."""
    if not _is_of_one(patient) or EXPANSION in patient.rules:
        return
    symbol = patient.variables[0]
    line = sorted(
        {point[0]: patient.truth[i] for i, point in enumerate(patient.points) if math.isfinite(point[0])}.items()
    )
    known = [(x, value) for x, value in line if value == value]
    failing = [patient.points[i][0] for i in patient.failing]
    for radius in RADII:
        result: Expr | None = patient.expr
        for root in roots(
            patient.reference.expr, symbol, tuple(x for x, _ in known), tuple(value for _, value in known)
        ):
            place, reach = float(root.place), float(radius)
            if result is not None and any(abs(x - place) < reach for x in failing):
                result = expanded(patient.reference, symbol, root, radius, result)
        if result is not None and result is not patient.expr:
            yield result


def _patches(patient: Patient) -> Iterator[Expr]:
    """On each short interval on which the form fails."""
    failing = [patient.points[i] for i in patient.failing]
    if _is_of_one(patient) and failing and all(abs(point[0]) <= LIMITS[0] for point in failing):
        yield from patched(patient.reference, patient.variables[0], [x for (x,) in failing], patient.expr)


def _far_out(patient: Patient) -> Iterator[Expr]:
    """On each side on which the form fails far out."""
    if not _is_of_one(patient):
        return
    for beyond in BEYOND:
        result: Expr | None = patient.expr
        for side in (1, -1):
            if result is not None and any(side * patient.points[i][0] > beyond for i in patient.failing):
                result = far_out(patient.reference, patient.variables[0], side, beyond, result)
        if result is not None and result is not patient.expr:
            yield result


def _is_of_one(patient: Patient) -> bool:
    return len(patient.variables) == 1 == len(patient.reference.symbols)


def _constants(patient: Patient) -> Iterator[Expr]:
    """A constant with the one term of a sum that it nearly cancels, which is exact where they are within a factor of two."""
    for node in sorted(patient.expr.atoms(sympy.Add), key=str):
        constant, rest = node.as_coeff_Add() if node.args[0].is_Number else node.as_independent(*node.free_symbols)
        if not constant.is_number or constant == 0 or len(rest.args) < 2 or not rest.is_Add:
            continue
        for term in sorted(rest.args, key=str)[:3]:
            if not term.has(exp) and term.is_nonnegative is constant.is_negative:
                yield patient.expr.xreplace({node: plus(rest - term, plus(term, constant))})


def _roundings(patient: Patient) -> Iterator[Expr]:
    """A sum of arguments, of twice them and of small whole numbers, with what each addition rounds away; twice x is added as x and x again, which
    overflows only where the sum does."""
    swaps = {}
    for node in patient.expr.atoms(sympy.Add):
        pairs = [term.as_coeff_Mul() if term.free_symbols else (sympy.S.One, term) for term in node.args]
        if len(pairs) < 3 or not all(abs(c) in (1, 2) and (rest.is_Symbol or rest.is_Integer) for c, rest in pairs):
            continue
        once = [sympy.sign(c) * rest for c, rest in pairs]
        total, *terms = [*once, *(term for term, (c, _) in zip(once, pairs, strict=True) if abs(c) == 2)]
        gone: Expr = sympy.S.Zero
        for term in terms:
            total, gone = plus(total, term), gone + lost(total, -term)
        swaps[node] = plus(total, gone)
    if swaps:
        yield patient.expr.xreplace(swaps)


def _differences(patient: Patient) -> Iterator[Expr]:
    """What rounding takes from x - y, magnified by an exponential, is put back to first order."""
    swaps = {}
    for node in patient.expr.atoms(exp):
        for inner in sorted(node.atoms(sympy.Add), key=str):
            if len(inner.args) == 2 and all(arg.is_Symbol or (-arg).is_Symbol for arg in inner.args):
                slot = sympy.Dummy("d", real=True)
                outer = node.args[0].xreplace({Abs(inner): slot, inner: slot})
                rate = sympy.diff(outer, slot)
                if rate.is_number and not (outer.free_symbols - {slot}):
                    first, second = inner.args if not inner.args[0].could_extract_minus_sign() else inner.args[::-1]
                    gone = lost(first, -second)
                    if node.args[0].has(Abs(inner)):
                        rate = sympy.sign(rate) * copysign(abs(rate), inner)
                    swaps[node] = times(node, plus(1, rate * gone))
    if swaps:
        yield patient.expr.xreplace(swaps)


def _exponents_rounded(patient: Patient) -> Iterator[Expr]:
    """What rounding takes from an exponent, or the size of one, magnified by the exponential, is put back to first order."""
    swaps = {}
    for node in sorted(patient.expr.atoms(exp), key=str):
        argument = node.args[0]
        formula = exponent_template(argument.replace(Abs, lambda inner: inner), patient.variables)
        if formula is not None:
            swaps[node] = _times(node, remainder(argument, Str(formula), *patient.variables))
    if swaps:
        yield patient.expr.xreplace(swaps)


def _angles(patient: Patient) -> Iterator[Expr]:
    """What rounding takes from the angle of a wave, which it turns by that, is put back to first order; an angle that rounding takes nothing from may overflow."""
    if patient.expr.has(*TURNED):
        return

    def wave(function: Any, u: Expr) -> Expr | None:
        formula = angle_template(u, patient.variables)
        if formula is None:
            return None
        given = (u, Str(formula), *patient.variables)
        if _is_exact(u):
            return function(finite_angle(*given))
        slope = sympy.cos(angle(*given)) if function is sympy.sin else -sympy.sin(angle(*given))
        return plus(function(angle(*given)), times(slope, turn(*given)))

    yield from _with_waves(patient, wave)


def _half_turns(patient: Patient) -> Iterator[Expr]:
    """Of a multiple of π what the nearest whole number of half turns leaves, which is exact where the wave has a root."""
    if patient.expr.has(*TURNED):
        return

    def wave(function: Any, u: Expr) -> Expr | None:
        v = u / sympy.pi
        formula = None if v.has(sympy.pi) or not v.free_symbols else template(v, patient.variables)
        if formula is None:
            return None
        given = (v, Str(formula), *patient.variables)
        part = fraction(*given) if function is sympy.sin else plus(sympy.S.Half, -Abs(fraction(*given)))
        return times(parity(*given), sympy.sin(times(sympy.pi, part)))

    yield from _with_waves(patient, wave)


def _with_waves(patient: Patient, wave: Callable[[Any, Expr], Expr | None]) -> Iterator[Expr]:
    """With another form of every sine and cosine that has one, and of tangents as their quotients."""
    swaps: dict[Expr, Expr] = {}
    for node in sorted(patient.expr.atoms(sympy.sin, sympy.cos, sympy.tan), key=str):
        functions = (sympy.sin, sympy.cos) if isinstance(node, sympy.tan) else (node.func,)
        found = [form for form in (wave(function, node.args[0]) for function in functions) if form is not None]
        if found:
            swaps[node] = reduce(over, found)
    if swaps:
        yield patient.expr.xreplace(swaps)


def _is_exact(u: Expr) -> bool:
    """A number times a power of 2."""
    factor, rest = u.as_coeff_Mul()
    return bool(
        rest.is_Symbol and factor.is_Rational and abs(factor.p) & (abs(factor.p) - 1) == 0 == factor.q & (factor.q - 1)
    )


def _sizes(patient: Patient) -> Iterator[Expr]:
    """An argument that is not negative by its domain, without the sign of a zero."""
    for k, symbol in enumerate(patient.symbols):
        if patient.reference.domains[k][0] == 0 and any(
            patient.points[i][k] == 0 and math.copysign(1, patient.points[i][k]) < 0 for i in patient.failing
        ):
            yield patient.expr.xreplace({symbol: size(symbol)})


def _cases(patient: Patient) -> Iterator[Expr]:
    """State the limit as a case of its own, where a form fails at single values of one variable only, and is constant there."""
    if not patient.failing or len(patient.failing) > 0.2 * len(patient.points):
        return
    patched = patient.expr
    left = set(patient.failing)
    for k, symbol in enumerate(patient.symbols):
        if symbol not in patient.variables:
            continue
        for special in sorted({patient.points[i][k] for i in left} & SPECIAL):
            here = [
                i
                for i, point in enumerate(patient.points)
                if point[k] == special and patient.truth[i] == patient.truth[i]
            ]
            values = {patient.truth[i] for i in here}
            if len(values) == 1:
                patched = except_at(symbol, _number(special), _number(values.pop()), patched)
                left -= set(here)
    if patched is not patient.expr:
        yield patched


def _number(value: float) -> Any:
    return sympy.oo * int(math.copysign(1, value)) if math.isinf(value) else sympy.nsimplify(value, rational=True)


MENDS: tuple[Mend, ...] = (
    Mend("an argument stops", "f(x) = f(min(x, c)) where f has reached its limit in float64", _limits),
    Mend("a vanishing term stops", "f(|x|) = f(min(|x|, c)) in a term that has vanished at c", _vanishing),
    Mend("an exponential in two halves", "a exp(u) = (a exp(u/2)) exp(u/2)", _halves),
    Mend("the quotient first", "x (a/b), not (x a)/b, where x is huge", _ratios),
    Mend("a quotient apart", "log(a/b) = log|a| - log|b| where a/b has overflowed or underflowed", _quotients_apart),
    Mend("a quotient near 1", "log(a/b) = log1p((a - b)/b) where a is near b", _quotients_near_1),
    Mend("a square with an exponential", "a² exp(u) = (a exp(u/2))²", _even_powers),
    Mend("the tail of an exponential apart", f"exp(u) = exp(max(u, -{TAIL})) exp(min(u + {TAIL}, 0))", _tails),
    Mend(
        "the tail of a function of an exponential apart",
        f"log(1 + exp(u)) = log(1 + exp(max(u, -{TAIL}))) exp(min(u + {TAIL}, 0))",
        _thin,
    ),
    Mend("a function of an exponential that has faded", "log(1 + exp(u)) = exp(u) where u is below -40", _faded),
    Mend("a term that has overflowed", "a + exp(u) = exp(u) where it has overflowed", _overflowed),
    Mend("the head of an exponential apart", f"exp(u) - 1 = (exp(min(u, {TAIL})) - 1) exp(max(u - {TAIL}, 0))", _heads),
    Mend("factors of a polynomial", "x² - r² = (x - r)(x + r), r in two parts", _factors),
    Mend(
        "difference of squares", "a² - b² = (a - b)(a + b), 1 - a²/b² = ((b - a)/b)((b + a)/b)", _differences_of_squares
    ),
    Mend("square of a sum", "(1 + e)² = 1 + e (2 + e), for the rounding of a square counts twice", _squares),
    Mend("a power of an exponential anew", "(exp u)² = exp(2u), which is rounded once", _powers),
    Mend(EXPANSION, "f(x) = (x - r)ᵐ p(x - r) where |x - r| is small", _expansions),
    Mend("an expansion in 1/x", "f(x) = p(1/x)/xᵐ where x is large", _far_out, True),
    Mend("a polynomial on an interval", "f(x) = p(x - c) where |x - c| is small", _patches, True),
    Mend("a constant first", "a + b + c = (a + c) + b, where a nearly cancels c", _constants),
    Mend("rounding of a sum", "a + b = fl(a + b) + δ, δ = a + b - fl(a + b)", _roundings),
    Mend("rounding of a difference", "exp(x - y) = exp(d)(1 + δ), d = fl(x - y), δ = x - y - d", _differences),
    Mend("rounding of an exponent", "exp(u) = exp(fl(u))(1 + δ), δ = u - fl(u)", _exponents_rounded),
    Mend("an angle in half turns", "sin(π v) = (-1)ⁿ sin(π (v - n)), n the whole number nearest to v", _half_turns),
    Mend("rounding of an angle", "sin(u) = sin(fl(u)) + cos(fl(u)) δ, δ = u - fl(u)", _angles),
    Mend("0 · ∞ = 0", "a b = 0 where one is 0 and the other has overflowed", _guards),
    Mend("0/0 at the end of a domain", "f(x, y) = f(x, c) at y = c, where n(x, y)/d(x, y) is 0/0", _indefinite),
    Mend("the end of a domain", "f(x, y) = f(x, c) at y = c, simplified there", _ends),
    Mend("more digits", "where a sum cancels, the expression as given in more digits", _more_digits),
    Mend(
        "more digits everywhere",
        "the expression as given in more digits",
        lambda patient: _more_digits(patient, 4),
        True,
    ),
    Mend("more digits or as found", "a, where the formula in more digits overflows", _as_found, True),
    Mend("a zero without sign", "x = |x| for x >= 0", _sizes),
    Mend("a case of its own", "f(x) is its limit where the form has no value", _cases),
)
assert len({mend.name for mend in MENDS}) == len(MENDS)
