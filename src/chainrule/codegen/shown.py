"""The way to a stable form as a derivation to read: every line an equal formula, without what only code has a word for, and beside it what the
code does that no formula shows.

To show a rule of the search, add a row to SHOWN; how it reads is a sentence of the templates, by the row's key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sympy
from sympy import Abs, Expr, Function, Piecewise, Symbol, exp, sqrt

from chainrule.calculus.derivation import Derivation, Step
from chainrule.calculus.views import Line, marked
from chainrule.codegen import vocabulary as word
from chainrule.codegen.mends import TAIL
from chainrule.codegen.regions import STOP
from chainrule.codegen.stable import Stable
from chainrule.expression import tree as t
from chainrule.expression.convert import from_sympy
from chainrule.expression.scope import Scope

erfc, erfcx = Function("erfc", real=True), Function("erfcx", real=True)
a, b, c, u, v, w, x = sympy.symbols("a b c u v w x", real=True)


@dataclass(frozen=True)
class Shown:
    """A rule of the search as a reader sees it. start: how its name begins there. key: of its sentence. name: on the page. laws: pairs of equal
    expressions."""

    start: str
    key: str
    name: str
    laws: tuple[tuple[Any, Any], ...] = ()


SHOWN: tuple[Shown, ...] = (
    Shown("one exponential, exp(min", "growing", "one growing exponential", ((1 / (1 + exp(-u)), exp(u) / (1 + exp(u))),)),
    Shown("one exponential, exp(-|u|)", "decaying", "one decaying exponential"),
    Shown("1 - σ and one exponential", "decaying", "one decaying exponential"),
    Shown("erfc(a)", "gaussian", "scaled error function", ((1 - sympy.erf(u), exp(-(u**2)) * erfcx(u)),)),
    Shown("1/x where", "reciprocal", "reciprocal"),
    Shown("conjugate", "conjugate", "conjugate", ((sqrt(a) - b, (a - b**2) / (sqrt(a) + b)),)),
    Shown("common terms outside", "arranged", "common terms outside"),
    Shown("factors of a polynomial", "roots", "factors of a polynomial", ((x**2 - a**2, (x - a) * (x + a)),)),
    Shown("difference of squares", "of_squares", "difference of squares", ((a**2 - b**2, (a - b) * (a + b)),)),
    Shown("square of a sum", "squared", "square of a sum", (((1 + exp(u)) ** 2, 1 + exp(u) * (2 + exp(u))),)),
    Shown("a power of an exponential anew", "anew", "a power of an exponential"),
    Shown("factors", "arranged", "factored"),
    Shown("terms", "arranged", "expanded"),
    Shown("partial fractions", "arranged", "partial fractions"),
    Shown("one fraction", "arranged", "one fraction"),
    Shown("one number, the difference", "difference", "one number, the difference"),
    Shown("one number, the size", "size", "one number, the size"),
    Shown("expm1", "expm1", "expm1", ((exp(u) - 1, word.expm1(u)),)),
    Shown("log of a cosh", "log_cosh", "logarithm of a cosh", ((sympy.log(sympy.cosh(u)), Abs(u) + word.log1p(exp(-2 * Abs(u))) - sympy.log(2)),)),
    Shown("log of a sum of exponentials", "log_sum", "logarithm of a sum", ((sympy.log(exp(u) + exp(v)), sympy.Max(u, v) + word.log1p(exp(-Abs(u - v)))),)),
    Shown("log of multiples of exponentials", "log_sum", "logarithm of a sum", ((sympy.log(a * exp(u) + b * exp(v)), u + sympy.log(a) + word.log1p(b * exp(v - u) / a)),)),
    Shown("a quotient apart", "apart", "a quotient apart"),
    Shown("a quotient near 1", "near", "a quotient near 1", ((sympy.log(a / b), word.log1p((a - b) / b)),)),
    Shown("a square with an exponential", "joined", "a square with an exponential", ((a**2 * exp(u), word.group(a * exp(u / 2)) ** 2),)),
    Shown("log of a reciprocal", "log_reciprocal", "logarithm of a reciprocal", ((sympy.log(1 + c / w), sympy.log(w + c) - sympy.log(w)),)),
    Shown("log of a complement", "log_complement", "logarithm of a difference from 1", ((sympy.log(1 - exp(-w)), word.log1p(-exp(-w))),)),
    Shown("log of a sinh", "log_sinh", "logarithm of a sinh", ((sympy.log(sympy.sinh(u)), u + word.log1p(-exp(-2 * u)) - sympy.log(2)),)),
    Shown("log1p", "log1p", "log1p", ((sympy.log(1 + w), word.log1p(w)),)),
    Shown("log of a shifted sum", "log1p", "log1p", ((sympy.log(c + w), sympy.log(c) + word.log1p(w / c)),)),
    Shown("complementary error function", "erfc", "complementary error function", ((1 - sympy.erf(u), erfc(u)),)),
    Shown("any power less 1", "power_small", "a power less 1", ((x**a - 1, word.expm1(a * sympy.log(x))),)),
    Shown("a power less 1", "power_less", "a power less 1", (((1 + w) ** a - 1, word.expm1(a * word.log1p(w))),)),
    Shown("hypotenuse", "hypot", "hypotenuse"),
    Shown("area of a hyperbola", "asinh", "inverse hyperbolic sine", ((sympy.log(u + sqrt(u**2 + 1)), sympy.asinh(u)),)),
    Shown("double angle", "double_angle", "double angle", ((sympy.sin(u) * sympy.cos(u), sympy.sin(2 * u) / 2),)),
    Shown("half the angle of a sine", "half_angle", "half the angle", ((1 + sympy.sin(u), 2 * sympy.sin(u / 2 + sympy.pi / 4) ** 2),)),
    Shown("half the angle", "half_angle", "half the angle", ((1 - sympy.cos(u), 2 * sympy.sin(u / 2) ** 2), (1 + sympy.cos(u), 2 * sympy.cos(u / 2) ** 2))),
    Shown("tanh of half", "tanh", "tanh of half", (((exp(v) - 1) / (exp(v) + 1), sympy.tanh(v / 2)),)),
    Shown("tanh", "tanh", "tanh", ((sympy.sinh(u) / sympy.cosh(u), sympy.tanh(u)),)),
    Shown("common factor", "factor", "common factor", ((word.group(2 * a - 2 * b), 2 * word.group(a - b)),)),
    Shown("error function of a scaled argument", "scaled", "error function of a scaled argument"),
    Shown("exponential of a square", "square", "exponential of a square"),
    Shown("sinh and cosh", "hyperbolic", "sinh and cosh", ((exp(u) - exp(-u), 2 * sympy.sinh(u)), (exp(u) + exp(-u), 2 * sympy.cosh(u)))),
    Shown("1 - σ", "complement", "1 - σ", ((1 - 1 / (1 + exp(v)), 1 / (1 + exp(-v))),)),
    Shown("odd function", "odd", "odd function"),
    Shown("the quotient first", "quotient", "the quotient first"),
    Shown("an argument stops", "stops", "an argument stops"),
    Shown("a vanishing term stops", "vanishing", "a vanishing term stops"),
    Shown("the head of an exponential apart", "head", "the head of an exponential apart"),
    Shown("an exponential in two halves", "halves", "an exponential in two halves", ((a * exp(u), word.group(a * exp(u / 2)) * word.group(exp(u / 2))),)),
    Shown("the tail of an exponential apart", "tail", "the tail of an exponential apart"),
    Shown("the tail of a function of an exponential apart", "tail", "the tail of an exponential apart"),
    Shown("a constant first", "arranged", "a constant first"),
    Shown("a function of an exponential that has faded", "faded", "an exponential that has faded"),
    Shown("a term that has overflowed", "overflowed", "a term that has overflowed"),
    Shown("an expansion in 1/x", "far", "expansion in 1/x"),
    Shown("a polynomial on an interval", "interval", "polynomial on an interval"),
    Shown("expansion about a root", "expansion", "expansion about a root"),
    Shown("rounding of a sum", "lost", "rounding of a sum"),
    Shown("rounding of a difference", "lost", "rounding of a difference"),
    Shown("rounding of an exponent", "exponent", "rounding of an exponent"),
    Shown("rounding of an angle", "angle", "rounding of an angle"),
    Shown("an angle in half turns", "half_turns", "an angle in half turns"),
    Shown("0 · ∞ = 0", "guards", "0 · ∞ = 0"),
    Shown("0/0 at the end of a domain", "ends", "the end of a domain"),
    Shown("the end of a domain", "ends", "the end of a domain"),
    Shown("more digits", "digits", "more digits"),
    Shown("a zero without sign", "zero", "a zero without sign"),
    Shown("a case of its own", "cases", "a case of its own"),
)  # fmt: skip


OTHER = "other"
"""The key of a rule without a row."""


def shown(rule: str) -> Shown:
    """The row of a rule of the search; one by its own name where it has none."""
    return next((each for each in SHOWN if rule.startswith(each.start)), Shown(rule, OTHER, rule))


def statements(rule: str) -> tuple[t.Node, ...]:
    """What a rule states, as equations."""
    return tuple(t.Equation(formula(left), formula(right)) for left, right in shown(rule).laws)


@dataclass(frozen=True)
class Reason:
    """Why a rule was applied, by the key of a sentence. values: what the sentence names, SymPy expressions and whole numbers. of_part: whether it
    is said of each part, although it has none."""

    key: str
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    of_part: bool = False


# ---------------------------------------------------------------- lines


@dataclass(frozen=True)
class Way:
    """From the formula as it was derived to its stable form. rules: for each step of the derivation, the names and statements of what was applied."""

    derivation: Derivation
    rules: tuple[tuple[tuple[str, t.Node | None], ...], ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of a page."""
        d = self.derivation
        found = [Line(d.goal, d.start, ((AS_DERIVED, None),))]
        for step, rules in zip(d.steps, self.rules, strict=True):
            found.append(Line(None, marked(step.before, step.after), rules))
        return tuple(found)


AS_DERIVED, WRITTEN_OUT = "as derived", "written out"


QUIET = (
    "anew",
    "difference",
    "size",
    "guards",
    "square",
    "scaled",
    "stops",
    "vanishing",
    "halves",
    "tail",
    "head",
    "lost",
    "exponent",
    "angle",
    "half_turns",
    "digits",
    "zero",
    "cases",
    "ends",
    "expansion",
    "apart",
    "overflowed",
    "faded",
    "far",
    "interval",
)
"""The keys of rules that change code and not the formula, but for its order."""


def way(stable: Stable, of: Derivation, goal: t.Node, start: t.Node) -> Way:
    """The named functions written out, then a step for each rule that changes the formula."""
    line, steps, names = start, list[Step](), list[str]()
    rules = list[tuple[tuple[str, t.Node | None], ...]]()
    given = sympy.piecewise_fold(stable.problem.expr) if stable.problem.expr.has(Piecewise) else stable.problem.expr
    calls = any(_is_named(node, of.scope) for _, node in t.walk(start))
    for applied, expr in (*((((), given),) if calls else ()), *((step.rules, step.expr) for step in stable.steps)):
        names += applied
        after = formula(expr)
        if after == line or (names and all(shown(rule).key in QUIET for rule in names)):
            continue
        every = {name: law for rule in names for name, law in _named(rule)} if names else {WRITTEN_OUT: None}
        rules.append(tuple(every.items()))
        steps.append(Step(", ".join(every), next(iter(every.values())), line, after))
        line, names = after, []
    if line == start:
        steps, rules = [], []
    return Way(Derivation(of.definition, of.scope, of.variable, 0, goal, start, tuple(steps)), tuple(rules))


def _is_named(node: t.Node, scope: Scope) -> bool:
    match node:
        case t.Call(name, _, _):
            return name in scope.functions
        case t.Symbol(name):
            return name in scope.scalars
    return False


def _named(rule: str) -> Iterator[tuple[str, t.Node | None]]:
    name, laws = shown(rule).name, statements(rule)
    yield name, laws[0] if laws else None


def formula(expr: Any) -> t.Node:
    """The tree of an expression without the words of code: no bound on an argument, no order of products, no polynomial in place of a function."""
    groups: dict[t.Node, t.Node] = {}
    node = from_sympy(_bare(expr, groups))
    return t.substitute(node, groups) if groups else node


def _bare(expr: Any, groups: dict[t.Node, t.Node]) -> Any:
    if not expr.args or (isinstance(expr, sympy.logic.boolalg.Boolean) and not expr.has(*PLAIN)):
        return expr
    if isinstance(expr, Piecewise):
        kept = [(_bare(e, groups), _bare(condition, groups)) for e, condition in expr.args if not _is_of_code(e)]
        if _is_of_code(expr.args[-1][0]):
            kept[-1] = (kept[-1][0], True)
        return Piecewise(*kept)
    row = PLAIN.get(expr.func)
    if expr.is_Mul:
        expr = _without_reciprocals(expr)
    if row is None:
        return expr.func(*(_bare(arg, groups) for arg in expr.args))
    if expr.func == word.group:
        inside = _bare(expr.args[0], groups)
        if not inside.is_Add:
            return inside
        name = f"group{len(groups)}"
        groups[t.Symbol(name)] = t.substitute(from_sympy(inside), groups) if groups else from_sympy(inside)
        return Symbol(name, real=True)
    if (
        expr.func in (word.at_most, word.at_least) and expr.args[0].func == word.plus
    ):  # of an exponential, a tail or a head
        return sympy.S.Zero
    return row(*(_bare(arg, groups) for arg in expr.args))


def _without_reciprocals(product: Any) -> Any:
    """A product without exponentials that are together 1, which SymPy does not see in e^(u - v) e^(v - u)."""
    found = [factor for factor in product.args if isinstance(factor, exp)]
    together = sympy.expand(sum(factor.args[0] for factor in found))
    return product.func(*(each for each in product.args if each not in found)) if found and together == 0 else product


def _is_of_code(branch: Any) -> bool:
    """Whether a branch is not for readers."""
    hidden = branch.func == word.instead or (branch.has(word.instead) and not branch.has(Piecewise))
    return _is_series(branch) or bool(hidden)


def _is_series(branch: Any) -> bool:
    """Whether it is a polynomial in place of the formula."""
    return bool(branch.has(word.polynomial) and not branch.has(Piecewise))


PLAIN: Mapping[Any, Any] = {
    word.group: lambda e: e,
    word.times: lambda e, f: e * f,
    word.product: lambda e, f: e * f,
    word.plus: lambda e, f: e + f,
    word.over: lambda e, f: e / f,
    word.quotient: lambda e, f: e / f,
    word.power: lambda e, n: e**n,
    word.size: lambda e: e,
    word.at_least: lambda e, bound: e,
    word.at_most: lambda e, bound: e,
    word.away: lambda e, high, low, root: e - root,
    word.copysign: lambda e, f: Abs(e) * sympy.sign(f),
    word.except_at: lambda e, special, value, otherwise: otherwise,
    word.refined: lambda e, *rest: e,
    word.defined: lambda e, otherwise: e,
    word.known: lambda e, otherwise: e,
    word.lost: lambda e, f: sympy.S.Zero,
    word.remainder: lambda e, *rest: sympy.S.Zero,
    word.angle: lambda e, *rest: e,
    word.finite_angle: lambda e, *rest: e,
    word.turn: lambda e, *rest: sympy.S.Zero,
    word.fraction: lambda e, *rest: e,
    word.parity: lambda e, *rest: sympy.S.One,
    word.exp_square: lambda e, k: exp(k * e**2),
    word.times_exp_square: lambda e, f, k: e * exp(k * f**2),
    word.erfc: lambda e: erfc(e),
    word.erfc_times: lambda e, high, low, exact: erfc(e * exact),
    word.erfcx: lambda e: erfcx(e),
    word.normal_tail: lambda e: erfcx(e / sqrt(2)),
    word.hypot: lambda e, f: sqrt(e**2 + f**2),
}
"""What the words that only code has a use for mean in a formula."""


# ---------------------------------------------------------------- reasons


def reasons(stable: Stable) -> tuple[Reason, ...]:
    """Why each rule was applied, with what the code makes of it: one for each key, in the order of the search."""
    found: dict[str, Reason] = {}
    for rule in stable.rules:
        row = shown(rule)
        for values in VALUES.get(row.key, _nothing)(stable.expr):
            key = row.key if not values or row.key not in found else f"{row.key} {len(found)}"
            found.setdefault(key, Reason(row.key, row.name, values))
    return tuple(found.values())


def _nothing(expr: Expr) -> Iterator[Mapping[str, Any]]:
    yield {}


def _bounds(expr: Expr) -> Iterator[Mapping[str, Any]]:
    """Each argument that stops, with the ends between which it is taken as it is."""
    ends: dict[Symbol, dict[str, Any]] = {}
    nodes = sympy.preorder_traversal(expr)
    for node in nodes:
        if isinstance(node, exp):
            nodes.skip()
        name = {word.at_least: "low", word.at_most: "high"}.get(node.func)
        inner = node
        while inner.func in (word.at_least, word.at_most):
            inner = inner.args[0]
        if name and inner.is_Symbol:
            known = ends.setdefault(inner, {"variable": inner})
            pick = sympy.Min if name == "low" else sympy.Max
            known[name] = pick(known.get(name, node.args[1]), node.args[1])
    yield from ends.values()


def _kind(variable: Expr) -> str:
    """The key of a polynomial, by what it is one of: x - c, 1/x or the distance from a root."""
    return "interval" if variable.func == word.plus else "far" if variable.has(word.over) else "expansion"


def _series(key: str, expr: Expr) -> Iterator[Mapping[str, Any]]:
    """Each polynomial of a kind, with the numbers for which it stands, and the root or the place of a limit about which it is."""
    for node in sympy.preorder_traversal(expr):
        for branch, condition in node.args if isinstance(node, Piecewise) else ():
            if not _is_series(branch):
                continue
            series = next(iter(branch.atoms(word.polynomial)))
            if key == _kind(series.args[0]):
                roots = sorted((each.args[1] for each in branch.atoms(word.away)), key=str)
                even = series.args[0].func == word.times
                yield {
                    "condition": condition,
                    "root": float(roots[0]) if roots else sympy.S.Zero,
                    "is_limit": branch.func == word.polynomial,
                    "degree": (len(series.args) - 2) * (2 if even else 1),
                }


def _cases(expr: Expr) -> Iterator[Mapping[str, Any]]:
    for node in sympy.preorder_traversal(expr):
        if node.func == word.except_at:
            yield {"place": sympy.Eq(node.args[0], node.args[1], evaluate=False), "value": formula(node.args[2])}


VALUES: Mapping[str, Any] = {
    "stops": _bounds,
    "vanishing": _nothing,
    **{key: partial(_series, key) for key in ("expansion", "far", "interval")},
    "cases": _cases,
    "growing": lambda expr: iter([{"stop": sympy.Integer(STOP)}]),
    "tail": lambda expr: iter([{"tail": sympy.Integer(-TAIL)}]),
}
