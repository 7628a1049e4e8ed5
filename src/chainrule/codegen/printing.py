"""A stable form as straight-line NumPy: repeated parts named, powers multiplied out, no line too long."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

import sympy
from sympy import Expr, Symbol

from chainrule.codegen.vocabulary import (
    BY_FUNCTION,
    WITH_FORMULA,
    away,
    group,
    is_reciprocal,
    plus,
    polynomial,
    power,
    refined,
)
from chainrule.errors import UnsupportedExpression

ATOM, PRODUCT, SUM, COMPARISON = 4, 3, 2, 1  # how tightly a piece of text binds
OPERATORS = {  # how tightly the operands must bind, and how tightly the whole does
    "{} / {}": ((PRODUCT, ATOM), PRODUCT),
    "{} * {}": ((PRODUCT, ATOM), PRODUCT),
    "{} + {}": ((SUM, PRODUCT), SUM),
}
WIDTHS = (76, 60, 48, 36, 24)  # the longest operand that stays in its line; tried until every line fits
LINE = 112
MAX_POWER = 16


@dataclass(frozen=True)
class Body:
    """The statements of a function and the runtime names that they use."""

    lines: tuple[str, ...]
    imports: frozenset[str]


def body(expr: Expr, names: Mapping[Symbol, str], shown: Callable[[tuple[str, ...]], tuple[str, ...]] = tuple) -> Body:
    """The statements that compute an expression, the last `return`. `names`: each symbol's name in the code. `shown`: the lines as they
    will stand on the page, where that is not as they are here; it decides how much goes into one line, not what is computed."""
    symbols = sympy.numbered_symbols("_t", cls=sympy.Dummy)
    shared, (result,) = sympy.cse([_powers_of_one(expr)], symbols=symbols, order="canonical", list=True)
    for width in WIDTHS:
        written = _body(shared, result, names, width)
        if all(len(line) <= LINE for line in shown(written.lines)):
            break
    return written


def _body(shared: Any, result: Any, names: Mapping[Symbol, str], width: int) -> Body:
    writer = _Writer(dict(names), width)
    for symbol, part in shared:
        negated = part.is_Mul and part.args[0] == -1 and len(part.args) == 2 and part.args[1].is_Atom
        if part.is_number or negated or isinstance(part, sympy.logic.boolalg.Boolean):
            writer.inline[symbol] = part.xreplace(writer.inline)
        else:
            text, _ = writer.write(part.xreplace(writer.inline))
            writer.names[symbol] = writer.assign(text, part)
    result = result.xreplace(writer.inline)
    if result.is_number:
        writer.lines.append(f"return np.full(np.shape({next(iter(names.values()))}), {writer.number(result)})")
    else:
        writer.lines.append(f"return {writer.write(result)[0]}")
    return Body(_used(writer.lines), frozenset(writer.imports))


def _used(lines: list[str]) -> tuple[str, ...]:
    """Without names that no later line reads."""
    kept: list[str] = []
    read: set[str] = set()
    for line in reversed(lines):
        if line.startswith("return ") or line.split(" = ")[0] in read:
            kept.append(line)
            read.update(re.findall(r"\w+", line))
    return tuple(reversed(kept))


def _powers_of_one(expr: Expr) -> Expr:
    """exp(-2u) as the square of exp(-u) where that occurs too."""
    arguments = sorted((node.args[0] for node in expr.atoms(sympy.exp)), key=lambda arg: (arg.count_ops(), str(arg)))
    for first in arguments:
        swaps = {}
        for other in arguments:
            ratio = sympy.cancel(other / first) if other != first else sympy.S.One
            if ratio.is_Integer and 1 < ratio <= 4:
                swaps[sympy.exp(other)] = power(sympy.exp(first), ratio)
        if swaps:
            return expr.xreplace(swaps)
    return expr


@dataclass
class _Writer:
    names: dict[Any, str]
    width: int
    lines: list[str] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    inline: dict[Any, Any] = field(default_factory=dict)

    def assign(self, text: str, part: Any) -> str:
        """Name a piece of text; e is an exponential, t1, t2 the rest."""
        stem = "e" if isinstance(part, sympy.exp) else "t"
        taken = set(self.names.values())
        numbered = (f"{stem}{n}" for n in count(1))
        name = next(each for each in chain([stem] if stem == "e" else [], numbered) if each not in taken)
        self.names[sympy.Dummy()] = name
        self.lines.append(f"{name} = {text}")
        return name

    def operand(self, node: Any, level: int) -> str:
        text, own = self.write(node)
        if len(text) > self.width:
            text, own = self.assign(text, node), ATOM
        return text if own >= level else f"({text})"

    def write(self, node: Any) -> tuple[str, int]:
        if node in self.names:
            return self.names[node], ATOM
        if node.is_number and not node.has(sympy.Piecewise):
            text = self.number(node)
            return text, SUM if text.startswith("-") else ATOM
        if node.is_Add:
            return self.add(node)
        if node.is_Mul:
            return self.mul(node)
        if node.is_Pow:
            return self.power(node.base, node.exp)
        if node.is_Piecewise:
            return self.where(node.args)
        if isinstance(node, sympy.Max | sympy.Min):
            name = "np.maximum" if isinstance(node, sympy.Max) else "np.minimum"
            text = self.operand(node.args[0], COMPARISON)
            for arg in node.args[1:]:
                text = f"{name}({text}, {self.operand(arg, COMPARISON)})"
            return text, ATOM
        if node.func == group:
            return self.write(node.args[0])
        if node.func == power:
            return self.power(*node.args)
        if node.func == refined:
            return self.refinement(*node.args)
        if node.func in WITH_FORMULA:
            return self.with_formula(node.func, *node.args)
        if node.func == polynomial:
            return self.horner(*node.args)
        if node.func == plus and node.args[1].is_number and node.args[1].is_negative:
            return f"{self.operand(node.args[0], SUM)} - {self.number(-node.args[1])}", SUM
        return self.call(node)

    def call(self, node: Any) -> tuple[str, int]:
        word = BY_FUNCTION.get(node.func)
        if word is None:
            raise UnsupportedExpression(f"{node}: {node.func} has no row in chainrule.codegen.vocabulary.WORDS.")
        if word.runtime:
            self.imports.add(word.runtime)
        if node.func == away:
            x, high, low, _ = node.args
            signs = ["-" if part.is_positive else "+" for part in (high, low)]
            return f"{self.operand(x, SUM)} {signs[0]} {self.number(abs(high))} {signs[1]} {self.number(abs(low))}", SUM
        if word.numpy.startswith("{} "):
            levels, own = OPERATORS[word.numpy]
            return word.numpy.format(
                *(self.operand(arg, level) for arg, level in zip(node.args, levels, strict=False))
            ), own
        return word.numpy.format(*(self.operand(arg, COMPARISON) for arg in node.args)), ATOM

    def number(self, node: Any) -> str:
        if node.is_infinite:
            return "np.inf" if node.is_extended_positive else "-np.inf"
        if node.is_Integer and abs(node) < 10**15:
            return f"{int(node)}.0"
        rounded = float(node.evalf(40))
        return f"{'-' * (rounded < 0)}np.inf" if math.isinf(rounded) else repr(rounded)

    def add(self, node: Any) -> tuple[str, int]:
        """Positive terms first, numbers first among them."""
        terms = sorted(
            node.args, key=lambda term: (term.could_extract_minus_sign(), not term.is_number, term.sort_key())
        )
        text = self.operand(terms[0], SUM)
        for term in terms[1:]:
            minus = term.could_extract_minus_sign()
            operand = self.operand(-term if minus else term, PRODUCT)
            operand = f"({operand})" if operand.startswith("-") else operand
            text += f" - {operand}" if minus else f" + {operand}"
        return text, SUM

    def mul(self, node: Any) -> tuple[str, int]:
        constants = [factor for factor in node.args if factor.is_number]
        constant = sympy.Mul(*constants)
        rest = [factor for factor in node.args if not factor.is_number]
        above = [factor for factor in rest if not is_reciprocal(factor)]
        below = [1 / factor for factor in rest if is_reciprocal(factor)]
        if constant.is_Rational and abs(constant.p) == 1 and constant.q not in (1, 2, 4, 8, 16):
            below = [sympy.Integer(constant.q), *below]
            constant = sympy.Integer(constant.p)
        minus = constant.is_negative
        if constant not in (1, -1):
            above = [abs(constant), *above]
        text = " * ".join(self.operand(factor, PRODUCT if k == 0 else ATOM) for k, factor in enumerate(above)) or "1.0"
        if below:
            under = " * ".join(self.operand(factor, ATOM) for factor in below)
            text += f" / {under}" if len(below) == 1 and " " not in _outside_parentheses(under) else f" / ({under})"
        return (f"-{text}", PRODUCT) if minus else (text, PRODUCT)

    def power(self, base: Any, exponent: Any) -> tuple[str, int]:
        if exponent.is_number and exponent.is_negative:
            return f"1.0 / {self.operand(base**-exponent, ATOM)}", PRODUCT
        if exponent == sympy.S.Half:
            return f"np.sqrt({self.operand(base, COMPARISON)})", ATOM
        if exponent.is_Integer and exponent <= MAX_POWER:
            text, _ = self.write(base)
            if not text.isidentifier():
                text = self.assign(text, base)
            return self.multiplied(text, int(exponent)), PRODUCT
        return f"np.power({self.operand(base, COMPARISON)}, {self.operand(exponent, COMPARISON)})", ATOM

    def multiplied(self, name: str, exponent: int) -> str:
        """x⁵ as (x² x²) x: squares named, so the number of products grows with the logarithm."""
        if exponent <= 3:
            return " * ".join([name] * exponent)
        half = self.assign(self.multiplied(name, exponent // 2), None)
        return f"{half} * {half}" + (f" * {name}" if exponent % 2 else "")

    def refinement(self, found: Any, total: Any, size: Any, formula: Any, *symbols: Any) -> tuple[str, int]:
        inputs = [self.names[symbol] for symbol in symbols]
        texts = [self.operand(each, COMPARISON) for each in (found, total, size)]
        self.imports.add("refined")
        return (
            f"refined({', '.join(texts)}, lambda {', '.join(inputs)}: {formula.name.format(*inputs)}, {', '.join(inputs)})",
            ATOM,
        )

    def with_formula(self, word: Any, value: Any, formula: Any, *variables: Any) -> tuple[str, int]:
        texts = [self.write(each)[0] for each in (value, *variables)]
        first, *inputs = (each if each.isidentifier() else self.assign(each, None) for each in texts)
        name, given = BY_FUNCTION[word].runtime, ", ".join(inputs)
        self.imports.add(name)
        return f"{name}({first}, lambda {WITH_FORMULA[word]}, {given}: {formula.name.format(*inputs)}, {given})", ATOM

    def horner(self, x: Any, *coefficients: Any) -> tuple[str, int]:
        """((c3 x + c2) x + c1) x + c0, a few terms a line."""
        name, _ = self.write(x)
        if not name.isidentifier():
            name = self.assign(name, x)
        *rest, last = coefficients
        text = self.number(last)
        for k, c in enumerate(reversed(rest)):
            if len(text) > self.width and k:
                text = self.assign(text, None)
            text = f"({text}) * {name}" if k and not text.isidentifier() else f"{text} * {name}"
            text += "" if c == 0 else f" - {self.number(-c)}" if c.is_negative else f" + {self.number(c)}"
        return text, SUM

    def where(self, pieces: Any) -> tuple[str, int]:
        (value, condition), *rest = pieces
        if condition in (True, sympy.true):
            return self.write(value)
        otherwise = self.operand(sympy.Piecewise(*rest, evaluate=False), COMPARISON) if rest else "np.nan"
        return f"np.where({self.condition(condition)}, {self.operand(value, COMPARISON)}, {otherwise})", ATOM

    def condition(self, node: Any) -> str:
        joined = {sympy.And: " & ", sympy.Or: " | "}
        if node.func in joined:
            return joined[node.func].join(f"({self.condition(arg)})" for arg in node.args)
        if isinstance(node, sympy.Not):
            return f"~({self.condition(node.args[0])})"
        symbol = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}[node.rel_op]
        return f"{self.operand(node.lhs, SUM)} {symbol} {self.operand(node.rhs, SUM)}"


def _outside_parentheses(text: str) -> str:
    depth, kept = 0, []
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if not depth:
            kept.append(character)
    return "".join(kept)
