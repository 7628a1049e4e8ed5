"""Formulas written out for more digits: text with places for its variables, of operations that every kind of number with more digits has
(`chainrule.runtime.pairs`, `twice`, `waves`)."""

from collections.abc import Sequence
from typing import Any

import sympy
from sympy import Expr, Mul, Symbol, exp

from chainrule.codegen.rewrites import HYPERBOLIC, rewrite
from chainrule.codegen.vocabulary import is_reciprocal

METHODS = {exp: "exp", sympy.log: "ln"}


def in_two_parts(number: Expr) -> tuple[float, float]:
    """The nearest float64, and the rest."""
    exact = number.evalf(60)
    high = float(exact)
    return high, float(exact - sympy.Float(high, 60))


def template(expr: Expr, variables: Sequence[Symbol]) -> str | None:
    """A formula of the four operations and the methods `exp`, `ln` and `sqrt`, with places for its variables; None where it has other
    functions."""
    places = {symbol: f"{{{k}}}" for k, symbol in enumerate(variables)}
    plain = rewrite(expr, HYPERBOLIC)
    pairs: list[tuple[Symbol, Expr]] = []
    for node in sorted(plain.atoms(exp), key=str):
        if 1 / node in plain.atoms(exp):
            pairs.append((Symbol(f"exp_{len(pairs)}"), node))
            plain = plain.xreplace({node: pairs[-1][0], 1 / node: 1 / pairs[-1][0]})
    parts, (whole,) = sympy.cse(plain, sympy.numbered_symbols("part_"))
    parts = [*pairs, *parts]
    places |= {name: f"{name}_" for name, _ in parts}
    try:
        text = _text(whole, places)
        for name, part in reversed(parts):  # where it is read for the first time
            text = text.replace(places[name], f"({places[name]} := {_text(part, places)})", 1)
    except KeyError:
        return None
    return text


def angle_template(u: Expr, variables: Sequence[Symbol]) -> str | None:
    """A formula of π, by the name of `half_turn`, and the variables; None for what has none or is a variable itself, of which rounding takes nothing."""
    if not u.free_symbols or u.is_Symbol or (-u).is_Symbol:
        return None
    pi = Symbol("half_turn")
    text = template(u.xreplace({sympy.pi: pi}), (*variables, pi))
    return None if text is None else text.replace(f"{{{len(variables)}}}", pi.name)


def exponent_template(argument: Expr, variables: Sequence[Symbol]) -> str | None:
    """A polynomial as a formula of sums and products, its constants in two parts, and what is no polynomial by the functions that a template has; None for what is
    neither, or a float64 already, as -2x is, or for a difference x - y, for which there is a row of its own."""
    if not argument.free_symbols:
        return None
    if not argument.is_polynomial(*variables):
        return template(argument, variables)
    terms = sympy.Poly(argument, *variables).terms()
    if all(sum(powers) == 1 and abs(c) in (1, 2) for powers, c in terms):
        return None
    constants = [Symbol(f"constant_{k}") for k in range(len(terms))]
    whole = sum(
        c * Mul(*(x**n for x, n in zip(variables, powers, strict=True)))
        for c, (powers, _) in zip(constants, terms, strict=True)
    )
    places = {x: f"{{{k}}}" for k, x in enumerate(variables)}
    for name, (_, value) in zip(constants, terms, strict=True):
        high, low = in_two_parts(value)
        places[name] = f"two_parts({high!r}, {low!r})"
    return _text(sympy.horner(whole, wrt=variables[0]), places)


def _text(node: Any, places: dict[Any, str]) -> str:
    """In parentheses unless it is a name or a whole number. Fractions are quotients of what is not a float, which a Decimal would refuse."""
    if node.is_Integer and node >= 0:
        return str(node)
    if node.is_Integer:
        return f"({node})"
    if node.is_Add:
        constant, rest = node.as_coeff_Add()
        if not constant.is_Rational:
            raise KeyError(constant)
        terms = " + ".join(_text(term, places) for term in sympy.Add.make_args(rest))
        if constant.q != 1:
            return f"((({terms}) * {constant.q} + {constant.p}) / {constant.q})"
        return f"({constant} + {terms})" if constant else f"({terms})"
    if node.is_Mul:
        coefficient, rest = node.as_coeff_Mul()
        if not coefficient.is_Rational:
            raise KeyError(coefficient)
        factors = sympy.Mul.make_args(rest)
        above = [_text(factor, places) for factor in factors if not is_reciprocal(factor)]
        below = [_text(1 / factor, places) for factor in factors if is_reciprocal(factor)]
        number = abs(coefficient.p)
        above = [str(number), *above] if number != 1 or not above else above
        below = [*below, str(coefficient.q)] if coefficient.q != 1 else below
        return f"({'-' if coefficient < 0 else ''}{' * '.join(above)}{''.join(' / ' + each for each in below)})"
    if node.is_Pow and node.exp.is_Integer:
        if node.exp < 0:
            return f"(1 / {_text(1 / node, places)})"
        base, again = _text(node.base, places), _text(node.base, places)
        if not node.base.is_Symbol:
            again = f"base_{len(places)}_"
            base = f"({again} := {base})"
            places[node] = again
        return f"({' * '.join([base] + [again] * (int(node.exp) - 1))})"
    if node.is_Pow and node.exp == sympy.S.Half:
        return f"{_text(node.base, places)}.sqrt()"
    if node.func in METHODS:
        return f"{_text(node.args[0], places)}.{METHODS[node.func]}()"
    return places[node]
