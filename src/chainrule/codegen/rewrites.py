"""Local rewrites towards forms that neither cancel nor overflow. Each is an identity over the reals; measurement
decides which to use.

To add one, add a row to REWRITES: a name, a statement, a function of one node that returns an equal one or None, and
an example on
which it applies. The row is tested by itself: equality at 50 digits on its example, and that a corrupted row is caught.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import sympy
from sympy import Expr, Mul, Piecewise, S, asinh, cos, cosh, erf, exp, log, pi, sin, sinh, sqrt, tanh

from chainrule.codegen.vocabulary import (
    copysign,
    erfc,
    erfc_times,
    expm1,
    group,
    hypot,
    log1p,
    over,
    plus,
    times_exp_square,
)

x, y = sympy.symbols("x y", real=True)


@dataclass(frozen=True)
class Rewrite:
    """One identity: `apply` returns an equal expression, or None where the row does not apply."""

    name: str
    statement: str
    apply: Callable[[Expr], Expr | None]
    example: Expr


def rewrite(expr: Expr, rows: tuple[Rewrite, ...]) -> Expr:
    """Apply the rows bottom-up, once at every node, the first row that applies; what a row returns is not visited
    again."""
    if not expr.args or isinstance(expr, sympy.logic.boolalg.Boolean):
        return expr
    args = tuple(rewrite(arg, rows) for arg in expr.args)
    node = expr if args == expr.args else expr.func(*args)
    for row in rows:
        changed = row.apply(node)
        if changed is not None:
            return changed
    return node


def rewritten(expr: Expr, rows: tuple[Rewrite, ...]) -> tuple[Expr, tuple[str, ...]]:
    """As `rewrite`, and the names of the rows that applied."""
    names: dict[str, None] = {}

    def noted(row: Rewrite) -> Rewrite:
        def apply(node: Expr) -> Expr | None:
            changed = row.apply(node)
            if changed is not None:
                names[row.name] = None
            return changed

        return replace(row, apply=apply)

    return rewrite(expr, tuple(map(noted, rows))), tuple(names)


def _pairs(node: Expr, function: Any) -> Iterator[tuple[Expr, Expr, Expr]]:
    """For every term c f(u) of a sum: c, u and the remaining terms."""
    for term in node.args if node.is_Add else ():
        for factor in sympy.Mul.make_args(term):
            if isinstance(factor, function):
                yield term / factor, factor.args[0], node - term


def _part(rest: Expr, wanted: Expr) -> Expr | None:
    """What remains of a sum without one of its terms, None if it is not among them."""
    terms = list(sympy.Add.make_args(rest))
    if wanted not in terms:
        return None
    terms.remove(wanted)
    return sympy.Add(*terms)


def _expm1(node: Expr) -> Expr | None:
    for c, u, rest in _pairs(node, exp):
        left = _part(rest, -c)
        if left is not None:
            return c * expm1(u) + left
    return None


def _log1p(node: Expr) -> Expr | None:
    if not isinstance(node, log) or not node.args[0].is_Add:
        return None
    constant, rest = node.args[0].as_coeff_Add()
    return log1p(rest) if constant == 1 else None


def _log_scaled(node: Expr) -> Expr | None:
    if not isinstance(node, log) or not node.args[0].is_Add:
        return None
    constant, rest = node.args[0].as_coeff_Add()
    return log(constant) + log1p(rest / constant) if constant.is_positive and constant != 1 else None


def _log_cosh(node: Expr) -> Expr | None:
    if not isinstance(node, log) or not isinstance(node.args[0], cosh):
        return None
    u = node.args[0].args[0]
    far = sympy.Abs(u) + (log1p(exp(-2 * sympy.Abs(u))) - log(2))
    return Piecewise((log1p(2 * sinh(over(u, 2)) ** 2), sympy.Abs(u) < 1), (far, True))


def _log_complement(node: Expr) -> Expr | None:
    """The difference may have become an expm1."""
    if not isinstance(node, log):
        return None
    c, e = (-node.args[0]).as_coeff_Mul()
    (u,) = e.args if e.func == expm1 else (None,)
    if c != 1 or u is None or not u.free_symbols:
        return None
    return Piecewise((log(-expm1(u)), u > -S(7) / 10), (log1p(-exp(u)), True))


def _log_sum(node: Expr) -> Expr | None:
    if not isinstance(node, log) or not node.args[0].is_Add or len(node.args[0].args) != 2:
        return None
    first, second = node.args[0].args
    if not (isinstance(first, exp) and isinstance(second, exp)):
        return None
    u, v = first.args[0], second.args[0]
    return sympy.Max(u, v) + log1p(exp(-sympy.Abs(u - v)))


def _log_multiples(node: Expr) -> Expr | None:
    if not isinstance(node, log) or not node.args[0].is_Add or len(node.args[0].args) != 2:
        return None
    (a, first), (b, second) = (term.as_coeff_Mul() for term in node.args[0].args)
    u, v = (each.args[0] if isinstance(each, exp) else S.Zero if each == 1 else None for each in (first, second))
    if u is None or v is None or a == b or not (a.is_positive and b.is_positive):
        return None
    if (u - v).is_nonnegative or (u - v).is_nonpositive:  # where there is no choice log1p will do
        return None
    ratio = b / a * exp(v - u)
    return Piecewise((_beside(u + log(a), log1p(ratio)), ratio < 1), (_beside(v + log(b), log1p(1 / ratio)), True))


def _beside(first: Expr, second: Expr) -> Expr:
    """A sum of which the first part, where it is one itself, is worked out by itself."""
    return plus(first, second) if first.is_Add else first + second


def _log_reciprocal(node: Expr) -> Expr | None:
    if not isinstance(node, log) or not node.args[0].is_Add:
        return None
    one, rest = node.args[0].as_coeff_Add()
    c, w = rest.as_coeff_Mul()
    if one != 1 or not c.is_positive or not (w.is_Pow and w.exp == -1 and w.base.is_Symbol):
        return None
    u = w.base
    return Piecewise((log1p(rest), sympy.Abs(u) > 1), (log(u + c) - log(u), True))


def _log_sinh(node: Expr) -> Expr | None:
    if not isinstance(node, log):
        return None
    for factor in sympy.Mul.make_args(node.args[0]):
        if isinstance(factor, sinh):
            u, rest = factor.args[0], node.args[0] / factor
            size = sympy.Abs(u)
            far = size + (log1p(-exp(-2 * size)) + log(sympy.Abs(rest) / 2))
            return Piecewise((node, size < 1), (far, True))
    return None


def _power_less(node: Expr) -> Expr | None:
    """The root of the base may have become a hypotenuse."""
    for term in node.args if node.is_Add else ():
        for factor in sympy.Mul.make_args(term):
            if not factor.is_Pow or not factor.exp.is_number or factor.exp.is_Integer or factor.exp.is_negative:
                continue
            base, exponent = factor.base, factor.exp
            if base.func == hypot:
                base, exponent = sum(side**2 for side in base.args), exponent / 2
            one, w = base.as_coeff_Add()
            left = _part(node - term, -term / factor)
            if left is not None and one == 1 and w.free_symbols:
                less = term / factor * expm1(exponent * log1p(w))
                return Piecewise((less, sympy.Abs(w) < 1), (term - term / factor, True)) + left
    return None


def _any_power_less(node: Expr) -> Expr | None:
    """A power of an argument whose exponent is another: by its logarithm only where that is small, for a large one magnifies its rounding."""
    for term in node.args if node.is_Add else ():
        for factor in sympy.Mul.make_args(term):
            if factor.is_Pow and factor.base.is_Symbol and not factor.exp.is_number:
                left = _part(node - term, -term / factor)
                if left is not None:
                    exponent = factor.exp * log(factor.base)
                    less = term / factor * expm1(exponent)
                    return Piecewise((less, sympy.Abs(exponent) < 1), (term - term / factor, True)) + left
    return None


def _erfc(node: Expr) -> Expr | None:
    for c, u, rest in _pairs(node, erf):
        for sign in (1, -1):
            left = _part(rest, sign * c)
            if left is not None:
                return sign * c * erfc(-sign * u) + left
    return None


def _erfc_times(node: Expr) -> Expr | None:
    if node.func not in (erfc, sympy.erfc):
        return None
    constant, rest = node.args[0].as_independent(*node.free_symbols, as_Add=False)
    if constant.is_rational or not rest.free_symbols:
        return None
    high = float(constant.evalf(60))
    low = float((constant.evalf(60) - sympy.Float(high, 60)).evalf(40))
    return erfc_times(rest, sympy.Float(high, 17), sympy.Float(low, 17), constant)


def _exp_square(node: Expr) -> Expr | None:
    """With the factors that the exponential has."""
    for factor in sympy.Mul.make_args(node):
        if factor.func == times_exp_square and factor != node:
            inner, *same = factor.args
            outside = node / factor * inner
            minus = outside.could_extract_minus_sign()
            return -times_exp_square(-outside, *same) if minus else times_exp_square(outside, *same)
        if not isinstance(factor, exp):
            continue
        constant, rest = factor.args[0].as_independent(*node.free_symbols, as_Add=False)
        if rest.is_Pow and rest.exp == 2 and constant.is_negative and constant.is_Rational:
            outside = node / factor
            minus = outside.could_extract_minus_sign()  # so that both signs share the rest
            return (
                -times_exp_square(-outside, rest.base, constant)
                if minus
                else times_exp_square(outside, rest.base, constant)
            )
    return None


def _hypot(node: Expr) -> Expr | None:
    if not (
        node.is_Pow
        and (4 * node.exp).is_Integer
        and not node.exp.is_Integer
        and node.base.is_Add
        and len(node.base.args) == 2
    ):
        return None
    roots = [sqrt(term) for term in node.base.args]
    if any(root.has(sqrt) or root.is_real is False for root in roots) or any(
        root.is_Pow and root.exp == S.Half for root in roots
    ):
        return None
    return hypot(*roots) ** (2 * node.exp)


def _asinh(node: Expr) -> Expr | None:
    """The root may have become a hypotenuse."""
    if not isinstance(node, log) or not node.args[0].is_Add or len(node.args[0].args) != 2:
        return None
    for u, root in permutations(node.args[0].args):
        square = sum(side**2 for side in root.args) if root.func == hypot else root**2
        if sympy.expand(square - u**2) == 1:
            return asinh(u)
    return None


def _half_angle(node: Expr) -> Expr | None:
    for c, u, rest in _pairs(node, cos):
        for sign, half in ((1, cos), (-1, sin)):
            left = _part(rest, sign * c)
            if left is not None:
                return 2 * sign * c * half(over(u, 2) if u.is_Symbol else u / 2) ** 2 + left
    return None


def _half_angle_of_sine(node: Expr) -> Expr | None:
    for c, u, rest in _pairs(node, sin):
        for sign in (1, -1):
            left = _part(rest, sign * c)
            if left is not None:
                return 2 * sign * c * sin(u / 2 + sign * pi / 4) ** 2 + left
    return None


def _double_angle(node: Expr) -> Expr | None:
    if node.is_Mul:
        for factor in node.args:
            if isinstance(factor, sin) and cos(factor.args[0]) in node.args:
                pair = (factor, cos(factor.args[0]))
                return sin(2 * factor.args[0]) / 2 * Mul(*(each for each in node.args if each not in pair))
    return None


def _conjugate(node: Expr) -> Expr | None:
    """For a difference of a root and a number, sqrt(a) - b = (a - b²)/(sqrt(a) + b), and of two roots that differ by a number."""
    if not node.is_Add:
        return None
    if len(node.args) == 2:
        for first, second in permutations(node.args):
            both = (first**2, second**2)
            number = sympy.expand(both[0] - both[1])
            if all(each.is_Pow and each.exp == S.Half for each in (first, -second)) and number.is_number:
                return over(number, first - second)
    for term in node.args:
        rest = -(node - term)
        if term.is_Pow and term.exp == S.Half and rest.is_number and rest.is_positive:
            difference = sympy.expand(term.base - rest**2)
            if difference.is_Pow and difference.exp == 2:
                return difference.base * over(difference.base, term + rest)
            return over(difference, term + rest)
    return None


def _content(node: Expr) -> Expr | None:
    if not node.is_Add:
        return None
    content, primitive = node.as_content_primitive()
    return (
        content * group(primitive) if content.is_Integer and content != 1 else None
    )  # a fraction would make them larger


def _tanh(node: Expr) -> Expr | None:
    """sinh(u)/cosh(u) inside a product."""
    if not node.is_Mul:
        return None
    for factor in node.args:
        if isinstance(factor, sinh) and (1 / cosh(factor.args[0])) in node.args:
            return node / factor * cosh(factor.args[0]) * tanh(factor.args[0])
    return None


REWRITES: tuple[Rewrite, ...] = (
    Rewrite("expm1", "c exp(u) - c = c expm1(u)", _expm1, y * exp(x) - y + 2),
    Rewrite(
        "log of a cosh", "log cosh u = |u| + log1p(exp(-2|u|)) - log 2 = log1p(2 sinh²(u/2))", _log_cosh, log(cosh(x))
    ),
    Rewrite(
        "log of a sum of exponentials",
        "log(exp(u) + exp(v)) = max(u, v) + log1p(exp(-|u - v|))",
        _log_sum,
        log(exp(x) + exp(y)),
    ),
    Rewrite(
        "log of multiples of exponentials",
        "log(a exp(u) + b exp(v)) = u + log a + log1p(b exp(v - u)/a), the larger term outside",
        _log_multiples,
        log(exp(x) / 3 + 2 * exp(y)),
    ),
    Rewrite(
        "log of a reciprocal",
        "log(1 + c/u) = log(u + c) - log u, where c/u is large",
        _log_reciprocal,
        log(1 + 2 / x),
    ),
    Rewrite("log1p", "log(1 + w) = log1p(w)", _log1p, log(1 + exp(x))),
    Rewrite(
        "log of a complement",
        "log(1 - exp(u)) = log(-expm1(u)) near 0 and log1p(-exp(u)) far from it",
        _log_complement,
        log(-expm1(-sympy.Abs(x))),
    ),
    Rewrite(
        "log of a sinh", "log(a sinh u) = |u| + log1p(-exp(-2|u|)) + log(|a|/2)", _log_sinh, log(y**2 * sinh(x**2))
    ),
    Rewrite("log of a shifted sum", "log(c + w) = log c + log1p(w/c)", _log_scaled, log(2 + exp(x))),
    Rewrite(
        "complementary error function", "1 + erf(u) = erfc(-u), 1 - erf(u) = erfc(u)", _erfc, x / 2 + x * erf(x) / 2 + 3
    ),
    Rewrite("area of a hyperbola", "log(u + sqrt(u² + 1)) = asinh(u)", _asinh, log(x + sqrt(x**2 + 1))),
    Rewrite("any power less 1", "xᵖ - 1 = expm1(p log(x))", _any_power_less, 3 * x**y / y - 3 / y),
    Rewrite("a power less 1", "(1 + w)ᵖ - 1 = expm1(p log1p(w))", _power_less, 3 * (1 + x**2) ** (S(3) / 4) - 3 + y),
    Rewrite("hypotenuse", "sqrt(a² + b²) = hypot(a, b)", _hypot, sqrt(x**2 + 4)),
    Rewrite("double angle", "sin u cos u = sin(2u)/2", _double_angle, 2 * y * sin(x) * cos(x)),
    Rewrite("half the angle", "1 - cos u = 2 sin²(u/2), 1 + cos u = 2 cos²(u/2)", _half_angle, y * cos(x) - y + 2),
    Rewrite("half the angle of a sine", "1 ± sin u = 2 sin²(u/2 ± π/4)", _half_angle_of_sine, 2 - y * sin(2 * x) + y),
    Rewrite("tanh", "sinh(u)/cosh(u) = tanh(u)", _tanh, y * sinh(x) / cosh(x)),
    Rewrite("common factor", "2 a - 2 b = 2 (a - b), whose parts do not overflow", _content, 2 * x - 2 * y),
)
# REFUSED log(a) - log(b) -> log(a/b): the quotient overflows at a = 1e200, b = 1e-200
# REFUSED log(x**2) -> 2*log(x): wrong at x = -1

LAST: tuple[Rewrite, ...] = (
    Rewrite("error function of a scaled argument", "erfc(c u), c in two parts", _erfc_times, erfc(x / sqrt(2))),
    Rewrite("exponential of a square", "a exp(c u²) with u² in two parts", _exp_square, y * exp(-(x**2) / 2)),
)


def _exponential(term: Expr) -> Expr | None:
    return next((factor for factor in sympy.Mul.make_args(term) if isinstance(factor, exp)), None)


def _hyperbolic(node: Expr) -> Expr | None:
    if not node.is_Add or len(node.args) != 2:
        return None
    first, second = (_exponential(term) for term in node.args)
    if first is None or second is None or first.args[0] != -second.args[0]:
        return None
    c, d = node.args[0] / first, node.args[1] / second
    if first.args[0].could_extract_minus_sign():
        first, c, d = second, d, c
    return 2 * c * cosh(first.args[0]) if c == d else 2 * c * sinh(first.args[0]) if c == -d else None


def _complement(node: Expr) -> Expr | None:
    """A constant less a multiple of 1/(1 + exp(v))."""
    if not node.is_Add:
        return None
    for term in node.args:
        for factor in sympy.Mul.make_args(term):
            if not (factor.is_Pow and factor.exp == -1 and isinstance(factor.base - 1, exp)):
                continue
            c, v = -term / factor, (factor.base - 1).args[0]
            left = _part(node - term, c)
            if left is not None:
                return c / (1 + exp(-v)) + left
            left = _part(node - term, c / 2)
            if left is not None:
                return c / 2 * tanh(v / 2) + left
    return None


def _tanh_of_half(node: Expr) -> Expr | None:
    """(exp(v) - 1)/(1 + exp(v)) inside a product."""
    if not node.is_Mul:
        return None
    for factor in node.args:
        argument = factor.args[0] if factor.func == expm1 else None
        if argument is not None:
            for other in node.args:
                if other.is_Pow and other.base == 1 + exp(argument) and other.exp.is_Integer and other.exp < 0:
                    return node / factor / other * other.base ** (other.exp + 1) * tanh(argument / 2)
    return None


def _odd(node: Expr) -> Expr | None:
    """A product with a factor that is -1 below and 1 above."""
    if not node.is_Mul:
        return None
    for sign in node.args:
        u = _sign_of(sign)
        if u is None:
            continue
        scale = 1 if sign.args[0][0].is_negative else -1
        size = abs(sign.args[0][0])
        rest = Mul(*(each for each in node.args if each is not sign))
        for factor in sympy.Mul.make_args(rest):
            if isinstance(factor, tanh | sinh) and factor.args[0].has(sympy.Abs(u)):
                inner = factor.args[0].xreplace({sympy.Abs(u): u})
                return scale * size * rest / factor * factor.func(inner)
        for factor in sympy.Mul.make_args(rest):
            if factor.func == expm1 and (factor.args[0] / sympy.Abs(u)).is_negative:
                return -scale * size * rest / factor * copysign(factor, u)
    return None


def _sign_of(factor: Expr) -> Expr | None:
    """u where a factor is c for u < 0, and else -c."""
    if not isinstance(factor, Piecewise) or len(factor.args) != 2:
        return None
    (low, condition), (high, otherwise) = factor.args
    if low.is_number and low == -high and otherwise == sympy.true and isinstance(condition, sympy.StrictLessThan):
        return condition.lhs if condition.rhs == 0 else None
    return None


CURVED: tuple[Rewrite, ...] = (
    Rewrite("sinh and cosh", "exp(u) - exp(-u) = 2 sinh u, exp(u) + exp(-u) = 2 cosh u", _hyperbolic, exp(x) - exp(-x)),
    Rewrite("tanh of hyperbolic functions", "sinh(u)/cosh(u) = tanh u", _tanh, y * sinh(x) / cosh(x)),
    Rewrite("tanh of half", "(exp(v) - 1)/(exp(v) + 1) = tanh(v/2)", _tanh_of_half, y * expm1(x) / (1 + exp(x)) ** 3),
)
SIGMOID: tuple[Rewrite, ...] = (
    Rewrite(
        "1 - σ",
        "1 - 1/(1 + exp(v)) = 1/(1 + exp(-v)), 1 - 2/(1 + exp(v)) = tanh(v/2)",
        _complement,
        1 - 2 / (1 + exp(x)),
    ),
)
ODD: tuple[Rewrite, ...] = (
    Rewrite(
        "odd function",
        "a function that is -f(|u|) below 0 and f(|u|) above takes the sign of u",
        _odd,
        y * Piecewise((-1, x < 0), (1, True)) * tanh(sympy.Abs(x)),
    ),
)
CONJUGATE: tuple[Rewrite, ...] = (
    Rewrite("conjugate", "sqrt(a) - b = (a - b²)/(sqrt(a) + b)", _conjugate, sqrt(x**2 + 1) - 1),
)
HYPERBOLIC: tuple[Rewrite, ...] = (
    Rewrite(
        "tanh by exponentials",
        "tanh u = (exp(2u) - 1)/(exp(2u) + 1)",
        lambda n: (exp(2 * n.args[0]) - 1) / (exp(2 * n.args[0]) + 1) if isinstance(n, tanh) else None,
        tanh(x),
    ),
    Rewrite(
        "cosh by exponentials",
        "cosh u = (exp(u) + exp(-u))/2",
        lambda n: (exp(n.args[0]) + exp(-n.args[0])) / 2 if isinstance(n, cosh) else None,
        cosh(x),
    ),
    Rewrite(
        "sinh by exponentials",
        "sinh u = (exp(u) - exp(-u))/2",
        lambda n: (exp(n.args[0]) - exp(-n.args[0])) / 2 if isinstance(n, sinh) else None,
        sinh(x),
    ),
)
ALL = REWRITES + LAST + CURVED + SIGMOID + ODD + CONJUGATE + HYPERBOLIC
assert len({row.name for row in ALL}) == len(ALL)
