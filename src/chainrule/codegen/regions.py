"""Two regions, one small number: write an expression through e = exp(-|u|), or t = 1/|x|, so that every term decays.

In each region the expression becomes a polynomial or rational function of that one number, is cancelled and factored,
and logarithms
of products are taken apart. sigma becomes e/(1 + e) below zero and 1/(1 + e) above; log(1 + exp u) becomes log(1 + e)
+ max(u, 0).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Abs, Dummy, Expr, Max, Mul, Piecewise, S, Symbol, exp, log

from chainrule.codegen.rewrites import HYPERBOLIC, rewrite
from chainrule.codegen.vocabulary import at_most, erfcx, group, instead, normal_tail, over, plus

MAX_OPERATIONS = 400  # expressions larger than this are not taken apart
MAX_POWER = 12


@dataclass(frozen=True)
class Normal:
    """How a rational function is written down in a region: its name and the function that arranges a polynomial
    factor."""

    name: str
    arrange: Callable[[Expr, Symbol], Expr]


def _collected(factor: Expr, small: Symbol) -> Expr:
    """By powers of the small number, each coefficient kept together."""
    return sympy.Add(*(_grouped(sympy.factor(c)) * small**n for (n,), c in sympy.Poly(factor, small).terms()))


def _grouped(expr: Expr) -> Expr:
    return group(expr) if expr.is_Add else expr


FORMS: tuple[Normal, ...] = (Normal("factored", lambda factor, small: factor), Normal("collected", _collected))


def exponential_split(
    expr: Expr, arrange: Callable[[Expr, Symbol], Expr], keep: bool = False, joint: bool = False
) -> Expr | None:
    """The expression through exp(-|u|), where every exponential is a power of exp(u). None if there is no such u. keep: leave a tanh as it is. joint: take
    u outside an exponential together with the u that is left of a logarithm; None if there are not both."""
    plain = expr if keep else rewrite(expr, HYPERBOLIC)
    generator = _generator(plain)
    if generator is None or plain.count_ops() > MAX_OPERATIONS:
        return None
    e, u = Dummy("e", positive=True), Dummy("u", real=True)
    powers = {node: _exponent(node, generator) for node in plain.atoms(exp)}
    common = _common_power(plain.xreplace({node: constant * e**power for node, (power, constant) in powers.items()}), e)
    if common > 1:  # (exp u - exp -u)/(exp u + exp -u) is a function of exp 2u
        generator, plain = (
            generator * common,
            sympy.cancel(plain.xreplace({node: c * e**power for node, (power, c) in powers.items()})),
        )
        powers = {e**power: (power // common, sympy.S.One) for power in range(common, 200, common)}
    regions = []
    for sign in (1, -1):  # below zero exp(u) is e, above it is 1/e
        replaced = plain.xreplace({node: constant * e ** (sign * power) for node, (power, constant) in powers.items()})
        if joint:
            if not (generator.is_Symbol and replaced.has(generator) and replaced.has(log)):
                return None
            replaced = replaced.xreplace({generator: u})
        regions.append(_normal(replaced, e, sign * u, arrange))
    below, above = regions
    if below is None or above is None:
        return None
    content, primitive = generator.as_content_primitive()
    magnitude = generator if generator.is_nonnegative else content * Abs(primitive)
    joined = above if generator.is_nonnegative else _join(below, above, primitive < 0, u)
    return joined.xreplace({e: exp(-magnitude), u: generator})


def limits_apart(expr: Expr) -> Expr | None:
    """A rational function of exp(u) through exp(-|u|): in each region its limit, which exp(u) has no part in, plus a rest that decays. None if
    it is none, or has no finite limits."""
    plain = rewrite(expr, HYPERBOLIC)
    generator = _generator(plain)
    if generator is None or plain.count_ops() > MAX_OPERATIONS or generator.is_nonnegative or plain.has(Piecewise, Abs):
        return None
    e = Dummy("e", positive=True)
    powers = {node: _exponent(node, generator) for node in plain.atoms(exp)}
    limits, rests = [], []
    for sign in (1, -1):
        region = plain.xreplace({node: constant * e ** (sign * power) for node, (power, constant) in powers.items()})
        if not region.is_rational_function(e):
            return None
        region = sympy.cancel(region)
        limit = region.subs(e, 0)
        if limit.has(sympy.zoo, sympy.nan):
            return None
        limits.append(_grouped(limit))
        rests.append(sympy.factor(region - limit))
    below = generator < 0
    joined = _join(limits[0], limits[1], below, generator) + _join(rests[0], rests[1], below, generator)
    return joined.xreplace({e: exp(-Abs(generator))})


STOP = 40  # exp(-40) vanishes beside 1


def clamped(expr: Expr, arrange: Callable[[Expr, Symbol], Expr]) -> Expr | None:
    """A rational function of exp(u), u stopped at 40: for what does not change beyond. None if there is no such u."""
    plain = rewrite(expr, HYPERBOLIC)
    generator = _generator(plain)
    if generator is None or plain.count_ops() > MAX_OPERATIONS or generator.is_nonnegative or plain.has(Piecewise, Abs):
        return None
    e, u = Dummy("e", positive=True), Dummy("u", real=True)
    powers = {node: _exponent(node, generator) for node in plain.atoms(exp)}
    replaced = plain.xreplace({node: constant * e**power for node, (power, constant) in powers.items()})
    form = _normal(replaced, e, u, arrange)
    return None if form is None else form.xreplace({e: exp(at_most(generator, STOP)), u: generator})


def error_function_split(expr: Expr) -> Iterator[tuple[str, Expr]]:
    """Below and above the zero of an error function, by its decay: 1 - erf(a) = exp(-a²) erfcx(a) for a >= 0."""
    nodes = sorted(expr.atoms(sympy.erf, sympy.erfc), key=str)
    symbols = expr.free_symbols
    if not nodes or len(symbols) != 1 or expr.count_ops() > MAX_OPERATIONS:
        return
    x, s = next(iter(symbols)), Dummy("s", positive=True)
    sides = []
    for sign in (-1, 1):
        swaps = {}
        for node in nodes:
            a = node.args[0].xreplace({x: sign * s})
            if not (a / s).is_number:
                return
            square = sympy.expand(a**2)
            scaled = normal_tail(s) if square == s**2 / 2 else erfcx(sympy.Abs(a / s) * s)
            upper = exp(-square) * scaled
            erf_value = (1 - upper) * sympy.sign(a / s)
            swaps[node] = erf_value if isinstance(node, sympy.erf) else 1 - erf_value
        kept = {node: Dummy("n") for node in nodes}
        side = expr.xreplace(kept).xreplace({x: sign * s}).xreplace({kept[node]: swaps[node] for node in nodes})
        side = sympy.expand(side)
        for decay in sorted(side.atoms(exp), key=str):
            side = sympy.collect(side, decay)
        sides.append(side)
    below, above = sides
    for name, first, second in (("", below, above), (", common terms outside", _outside(below), _outside(above))):
        joined = _join(first, second, x < 0, s)
        yield f"erfc(a) = exp(-a²) erfcx(a){name}", joined.xreplace({sympy.Max(s, 0): Max(x, 0), s: Abs(x)})
    if any(node.is_Pow and node.exp.is_negative and node.has(*nodes) for node in sympy.preorder_traversal(expr)):
        first, second = (_outside(side).xreplace({s: Abs(x)}) for side in sides)
        yield "erfc(a) = exp(-a²) erfcx(a) below 0", Piecewise((first, x < 0), (expr, True))
        yield "erfc(a) = exp(-a²) erfcx(a) above 0", Piecewise((expr, x < 0), (second, True))


def _outside(expr: Expr) -> Expr:
    return sympy.Add(*(sympy.factor_terms(term) for term in sympy.Add.make_args(expr)))


def reciprocal_split(
    expr: Expr, variable: Symbol, arrange: Callable[[Expr, Symbol], Expr], beyond: int = 1
) -> Expr | None:
    """The expression through 1/x where |x| > beyond, so that powers do not overflow. None if it has no denominator or
    logarithm in x, and is no sum of powers of it."""
    if not _is_sum_of_powers(expr, variable) and not any(
        ((node.is_Pow and node.exp.is_negative) or isinstance(node, log)) and node.has(variable)
        for node in sympy.preorder_traversal(expr)
    ):
        return None
    if expr.has(exp) or expr.count_ops() > MAX_OPERATIONS:
        return None
    t, size = Dummy("t", positive=True), Dummy("size", real=True)
    regions = []
    for sign in (1, -1):
        far = _normal(expr.xreplace({variable: sign / t}), t, -size, arrange)
        if far is None:
            return None
        regions.append(far.xreplace({t: sign / variable, size: log(sign * variable)}))
    above, below = regions
    if above != below:
        above = Piecewise((above, variable > 0), (below, True))
    return Piecewise((expr, Abs(variable) <= beyond), (above if beyond == 1 else instead(above), True))


def _is_sum_of_powers(expr: Expr, variable: Symbol) -> bool:
    """A polynomial that may become the difference of two infinities."""
    return bool(expr.is_Add and expr.is_polynomial(variable) and sympy.degree(expr, variable) > 1)


def conjugate_split(expr: Expr) -> Expr | None:
    """Where a root and a term that is not a number have different signs, their sum through the difference of their squares, which does not cancel;
    elsewhere the expression as it is. None if there is no such sum."""
    whole = sympy.factor_terms(sympy.together(expr))
    for node in sorted(whole.atoms(sympy.Add), key=str):
        roots = [term for term in node.args if term.as_coeff_Mul()[1].is_Pow and term.as_coeff_Mul()[1].exp == S.Half]
        rest = node - sympy.Add(*roots)
        if len(roots) != 1 or rest.is_number:
            continue
        constant, root = roots[0].as_coeff_Mul()
        squares = sympy.expand(rest**2 - constant**2 * root.base)
        through = over(squares / 2, plus(rest / 2, -roots[0] / 2))  # the sum itself may overflow
        return Piecewise((whole.xreplace({node: through}), rest < 0 if constant > 0 else rest > 0), (expr, True))
    return None


def _generator(expr: Expr) -> Expr | None:
    """u such that every exponential is exp(k u + c) with whole k."""
    arguments = []
    for node in sorted(expr.atoms(exp), key=str):
        arguments.append(node.args[0].as_independent(*expr.free_symbols, as_Add=True)[1])
    arguments = [argument for argument in arguments if argument != 0]
    if not arguments:
        return None
    first = arguments[0]
    ratios = [sympy.cancel(argument / first) for argument in arguments]
    if not all(ratio.is_Rational for ratio in ratios):
        return None
    scale = math.lcm(*(int(ratio.q) for ratio in ratios))
    step = sympy.expand(first * sympy.Rational(math.gcd(*(int(ratio * scale) for ratio in ratios)), scale))
    return -step if step.could_extract_minus_sign() and not (-step).could_extract_minus_sign() else step


def _common_power(expr: Expr, e: Symbol) -> int:
    if not expr.is_rational_function(e) or expr.count_ops() > 100:
        return 1
    exponents = [n for part in sympy.fraction(sympy.cancel(expr)) for (n,) in sympy.Poly(part, e).monoms()]
    return math.gcd(*exponents)


def _exponent(node: Expr, generator: Expr) -> tuple[Expr, Expr]:
    constant, rest = node.args[0].as_independent(*generator.free_symbols, as_Add=True)
    return sympy.cancel(rest / generator), exp(constant)


def _normal(expr: Expr, small: Symbol, log_small: Expr, arrange: Callable[[Expr, Symbol], Expr]) -> Expr | None:
    """Cancelled, factored, logarithms apart; `log_small` stands for the logarithm of the small number."""
    names: dict[Expr, Dummy] = {}
    flat = _flatten(expr, small, log_small, arrange, names)
    if flat is None:
        return None
    dummies = tuple(dummy for dummy in names.values() if flat.has(dummy))
    logs = dummies + (
        (next(iter(log_small.free_symbols)),) if log_small.free_symbols and flat.has(*log_small.free_symbols) else ()
    )
    numerator, denominator = sympy.fraction(sympy.together(flat))
    back = {dummy: node for node, dummy in names.items()}
    if logs and not denominator.has(*logs) and numerator.is_polynomial(*logs):
        parts = [
            (_rational(coefficient / denominator, small, arrange), Mul(*map(sympy.Pow, logs, powers)))
            for powers, coefficient in sympy.Poly(numerator, *logs).terms()
        ]
        numbers = frozenset(dummy for dummy in dummies if back[dummy].is_number)
        return sympy.Add(*(_grouped(factor) * whole for factor, whole in _joined(parts, numbers))).xreplace(back)
    return _rational(flat, small, arrange).xreplace(back)


def _joined(parts: list[tuple[Expr, Expr]], numbers: frozenset[Expr]) -> list[tuple[Expr, Expr]]:
    """Coefficients and logarithms, that of a number beside another that has the same coefficient: where this is infinite, so would both terms be."""
    found = [part for part in parts if part[1] not in numbers]
    for factor, number in (part for part in parts if part[1] in numbers):
        for k, (other, whole) in enumerate(found):
            sign = next((s for s in (1, -1) if sympy.expand(factor - s * other) == 0), 0)
            if sign and factor.free_symbols and whole != 1:
                found[k] = other, whole + sign * number
                break
        else:
            found.append((factor, number))
    return found


def _rational(expr: Expr, small: Symbol, arrange: Callable[[Expr, Symbol], Expr]) -> Expr:
    numerator, denominator = sympy.fraction(sympy.factor(expr))
    return _arranged(numerator, small, arrange) / _arranged(denominator, small, arrange)


def _arranged(expr: Expr, small: Symbol, arrange: Callable[[Expr, Symbol], Expr]) -> Expr:
    factors = []
    for factor in Mul.make_args(expr):
        base, power = factor.as_base_exp() if factor.is_Pow else (factor, sympy.S.One)
        if base.is_Add and base.has(small) and base.is_polynomial(small):
            factors.append(arrange(base, small) ** power)
        else:
            factors.append(factor)
    return Mul(*factors)


def _flatten(
    expr: Expr, small: Symbol, log_small: Expr, arrange: Callable[[Expr, Symbol], Expr], names: dict[Expr, Dummy]
) -> Expr | None:
    """The expression as a rational function of symbols: whatever is not rational gets a name."""
    if expr.is_Symbol or expr.is_Rational:
        return expr
    if expr.is_Add or expr.is_Mul or (expr.is_Pow and expr.exp.is_Integer):
        args = [_flatten(arg, small, log_small, arrange, names) for arg in expr.args]
        return None if any(arg is None for arg in args) else expr.func(*args)
    if not expr.has(small):
        return names.setdefault(expr, Dummy("n", real=True))
    if isinstance(expr, log):
        inner = _flatten(expr.args[0], small, log_small, arrange, names)
        return None if inner is None else _log(inner, small, log_small, arrange, names)
    if isinstance(expr, Piecewise) or not expr.args:
        return None
    inner_args = []
    for arg in expr.args:
        done = _normal(arg, small, log_small, arrange)
        if done is None:
            return None
        inner_args.append(done)
    return names.setdefault(expr.func(*inner_args), Dummy("n", real=True))


def _log(
    expr: Expr, small: Symbol, log_small: Expr, arrange: Callable[[Expr, Symbol], Expr], names: dict[Expr, Dummy]
) -> Expr | None:
    """The logarithm of a product as a sum; its factors must be positive, which measurement confirms."""
    back = {dummy: node for node, dummy in names.items()}
    total: Any = sympy.S.Zero
    sign = 1
    for factor in Mul.make_args(sympy.factor(expr)):
        base, power = factor.as_base_exp() if factor.is_Pow and factor.exp.is_Integer else (factor, sympy.S.One)
        if base == small:
            total += power * log_small
        elif base.is_number and base.is_negative:
            sign = -sign
            total += power * log(-base) if base != -1 else 0
        elif base != 1:
            positive = base
            if base.has(small) and base.is_polynomial(small):
                least = base.xreplace({small: S.Zero})
                if least.is_Rational and least.is_positive and least != 1:
                    total += power * names.setdefault(log(least), Dummy("n", real=True))
                    base /= least
                positive = arrange(sympy.expand(base), small)
            total += power * names.setdefault(log(positive.xreplace(back)), Dummy("n", real=True))
    return total if sign > 0 else None


def _join(below: Expr, above: Expr, condition: Any, u: Symbol) -> Expr:
    """One expression for both regions, its common terms and factors outside."""
    if below == above:
        return below
    for make, args in ((sympy.Add, sympy.Add.make_args), (Mul, Mul.make_args)):
        left, right = list(args(below)), list(args(above))
        common = [each for each in left if each in right]
        if common:
            only_left = make(*(each for each in left if each not in common))
            only_right = make(*(each for each in right if each not in common))
            return make(*common, _choice(only_left, only_right, condition, u))
    return _choice(below, above, condition, u)


def _choice(below: Expr, above: Expr, condition: Any, u: Symbol) -> Expr:
    if below == 0 and above == u:
        return sympy.Max(condition.lhs if u.is_positive else u, 0)
    if below == -u and above == u:
        return Abs(u)
    return Piecewise((below, condition), (above, True))
