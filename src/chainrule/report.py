"""What a document says, as plain values: formulas are strings in one notation, the rest words, numbers and lists.

A ``Material`` holds what was derived, checked and drawn, once. ``make_report`` prints it in one notation; templates see
nothing but the ``Report``. No sentence stands here: templates choose their words by the keys that the values carry.
"""

import ast
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import sympy
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from .calculus.derivation import Derivation
from .calculus.forms import forms
from .calculus.matrix_facts import facts
from .calculus.views import Line as LineOfView
from .calculus.views import lines
from .codegen.floating import Part, stretches
from .codegen.modules import Missing
from .codegen.stable import Measured
from .definition import Definition
from .errors import UnsupportedExpression
from .expression import printing
from .expression import tree as t
from .expression.convert import condition, from_sympy
from .expression.printing.boxes import Box, Row, Sign
from .expression.printing.layout import layout as boxes_of
from .runtime.certificate import Certificate, Measurement
from .verification import Row as Check
from .verification import Verification

SHOWN_DIGITS = 4
"""Significant digits of a measured value: 4.595, not the thirty that were computed."""

NOTHING = 0.01
"""An error, in ulp, that is not worth a place."""

NotationName = Literal["latex", "typst", "text"]
Detail = Literal["brief", "normal", "full"]


# Pictures, as data: what is drawn, not how. The `plots` module samples and draws them.


@dataclass(frozen=True)
class Curve:
    """A sampled curve; None in ``y`` breaks it. role: function, derivative, log or stage. label: mathtext."""

    role: str
    label: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]


@dataclass(frozen=True)
class Dot:
    """An end of a curve at a kink: closed where the value is taken, open where it is not."""

    role: str
    x: float
    y: float
    closed: bool


@dataclass(frozen=True)
class Panel:
    """One pair of axes. shaded: intervals of x in which the derivative is nearly 0."""

    curves: tuple[Curve, ...]
    dots: tuple[Dot, ...] = ()
    shaded: tuple[tuple[float, float], ...] = ()
    x_label: str = ""
    title: str = ""
    logarithmic: bool = False


@dataclass(frozen=True)
class Figure:
    """A picture. key: function, construction, or the name of a companion; name: the stem of its file."""

    name: str
    key: str
    panels: tuple[Panel, ...]


# The report.


@dataclass(frozen=True)
class Formula:
    """A formula in the notation of the report, and the same as a line of Unicode text, for a screen reader."""

    source: str
    text: str

    def __str__(self) -> str:
        return self.source


@dataclass(frozen=True)
class Quantity:
    """A variable or parameter. role: variable, vector, matrix, class, function or parameter; domain: a condition, or None for all reals."""

    symbol: Formula
    role: str
    default: Formula | None
    domain: Formula


@dataclass(frozen=True)
class RuleUse:
    """A rule by its name, with its statement where the name does not say it all."""

    name: str
    statement: Formula | None


@dataclass(frozen=True)
class Line:
    """One line of a derivation: ``left = right``; the left side is empty where it repeats."""

    number: int
    left: Formula | None
    right: Formula
    rules: tuple[RuleUse, ...]
    notes: tuple[Formula, ...]

    @property
    def reasons(self) -> tuple[Formula, ...]:
        """The equations that say why: what was used, or else what the rules state."""
        return self.notes or tuple(rule.statement for rule in self.rules if rule.statement)


@dataclass(frozen=True)
class DerivationText:
    """A derivation, line by line. role: main, other (variable), second, route, backward, lemma, gradient (a lemma of a backward pass).
    ``result`` is an equation, ``forms`` the same as another equation, by key (cases, matrix); ``facts`` what is known of the matrix, by key.
    named: in a backward pass, the equation that names the gradient from above; in its lemmas, the gradient that is derived. gives: the
    equation that names the gradient that a backward pass ends in, where the definition has a name for it."""

    role: str
    goal: Formula
    variable: Formula
    route: str
    lines: tuple[Line, ...]
    lemmas: tuple["DerivationText", ...]
    result: Formula
    forms: tuple[tuple[str, Formula], ...]
    facts: tuple[str, ...]
    named: Formula | None = None
    gives: Formula | None = None


@dataclass(frozen=True)
class KinkText:
    """A place where the formula changes. ``continuous`` and ``differentiable``: yes, no or when (on a condition)."""

    place: Formula
    kind: str
    continuous: str
    continuous_when: Formula | None
    left_value: Formula
    right_value: Formula
    left_slope: Formula
    right_slope: Formula
    value: Formula
    code_value: Formula
    differentiable: str
    differentiable_when: Formula | None


@dataclass(frozen=True)
class PropertyText:
    """A property by its key; a sentence of the templates uses the values. rounded: one of them is no exact value."""

    key: str
    values: Mapping[str, Any]
    rounded: bool = False


@dataclass(frozen=True)
class CheckText:
    """One row of the verification table: what was checked, how many of them, at how many points, to which tolerance."""

    key: str
    count: int
    points: int
    tolerance: Formula
    passed: bool


@dataclass(frozen=True)
class FigureText:
    """A picture of the document. shaded, dotted, logarithmic: what a caption has to explain; fixed: the values at which
    other variables and parameters are held."""

    name: str
    key: str
    shaded: bool
    dotted: bool
    logarithmic: bool
    stages: tuple[Formula, ...] = ()
    fixed: tuple[Formula, ...] = ()


@dataclass(frozen=True)
class ReasonText:
    """Why a rule of the search was applied, by the key of a sentence, which uses the values."""

    key: str
    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class ErrorText:
    """The worst error of a form, in ulp; key: exact, ulp, nan, infinite, lost. at: where, conditions."""

    key: str
    ulp: Formula
    at: tuple[Formula, ...]


@dataclass(frozen=True)
class TroubleText:
    """What goes wrong in the formula as derived, by key (nan, infinite, lost, digits), and under which conditions: everywhere there, or at some numbers."""

    key: str
    places: tuple[Formula, ...]
    digits: int
    everywhere: bool


@dataclass(frozen=True)
class FormText:
    """A part of the function in floating point. role: value, main, other or second. lines: from the formula as derived to its stable form;
    changed: whether they differ, in the formula or in the code. naive, stable: their worst errors along the first argument, for value and
    gradient; everywhere: at all the points of the search, where there are other arguments."""

    role: str
    goal: Formula
    lines: tuple[Line, ...]
    result: Formula
    changed: bool
    reasons: tuple[ReasonText, ...]
    troubles: tuple[TroubleText, ...]
    naive: ErrorText | None
    stable: ErrorText | None
    everywhere: tuple[ErrorText, ErrorText] | None = None

    @property
    def lemmas(self) -> tuple[DerivationText, ...]:
        """None: so that its lines are set as those of a derivation."""
        return ()


@dataclass(frozen=True)
class MeasuredText:
    """A row of the certificate: what was measured, in which precision, how (sampled, exhaustive), at how many points; the worst error and where it is,
    if that is known; whether it is within the limit."""

    what: str
    dtype: str
    how: str
    points: str
    worst: Formula
    at: tuple[Formula, ...]
    passed: bool


@dataclass(frozen=True)
class FloatingText:
    """The function in floating point. picture: the stem of its file, empty where there is none; fixed: the values at which other arguments are held;
    library: the version of NumPy that was measured."""

    forms: tuple[FormText, ...]
    picture: str
    fixed: tuple[Formula, ...]
    certificate: tuple[MeasuredText, ...]
    library: str

    @property
    def main(self) -> tuple[FormText, ...]:
        """Value and gradient, shown line by line."""
        return tuple(f for f in self.forms if f.stable is not None)

    @property
    def others(self) -> tuple[FormText, ...]:
        """The other derivatives whose stable form is another formula."""
        return tuple(f for f in self.forms if f.stable is None and len(f.lines) > 1)


@dataclass(frozen=True)
class Report:
    """Everything a template may say about one function."""

    name: str
    notation: str
    title: str
    kind: str
    summary: str
    context: str
    strengths: tuple[str, ...]
    limits: tuple[str, ...]
    aliases: tuple[str, ...]
    source: str
    function: Formula
    equations: tuple[Formula, ...]
    where: tuple[Formula, ...]
    quantities: tuple[Quantity, ...]
    main: DerivationText
    others: tuple[DerivationText, ...]
    seconds: tuple[DerivationText, ...]
    routes: tuple[DerivationText, ...]
    backward: tuple[DerivationText, ...]
    kinks: tuple[KinkText, ...]
    at_kink: tuple[tuple[str, str], ...]
    properties: tuple[PropertyText, ...]
    figures: tuple[FigureText, ...]
    checks: tuple[CheckText, ...]
    steps_checked: int
    passed: bool
    code: str
    excerpt: bool
    safe: bool
    missing: tuple[Formula, ...]
    module: str
    floating: FloatingText | None = None

    @property
    def derivations(self) -> tuple[DerivationText, ...]:
        """All derivations in the order of the document."""
        return (self.main, *self.others, *self.seconds, *self.routes, *self.backward)

    @property
    def gradients(self) -> tuple[DerivationText, ...]:
        """The results of the backward passes, each after those that it uses."""
        return tuple(each for d in self.backward for each in (*(x for x in d.lemmas if x.role == "gradient"), d))

    @property
    def parameters(self) -> tuple[Quantity, ...]:
        """The quantities that are parameters."""
        return tuple(q for q in self.quantities if q.role == "parameter")

    @property
    def results(self) -> tuple[DerivationText, ...]:
        """The derivations whose results are the answer: every variable, and the second derivative."""
        return (self.main, *self.others, *self.seconds)

    @property
    def exceptions(self) -> tuple[KinkText, ...]:
        """Where one of the results does not hold: a second derivative may miss where the first one exists."""
        return tuple(k for k in self.kinks if self.seconds or k.differentiable != "yes")

    def figure(self, key: str) -> FigureText | None:
        """The picture of that key, or None."""
        return next((f for f in self.figures if f.key == key), None)

    @property
    def companions(self) -> tuple[FigureText, ...]:
        """The pictures that a definition adds to its own."""
        return tuple(f for f in self.figures if f.key not in ("function", "construction"))


@dataclass(frozen=True)
class Material:
    """What all documents of one function are made from: derived, checked and sampled once.

    derivations: the main one first. verifications: of each derivation. checks: rows of further checks, such as those of
    the properties and of the NumPy function.
    code: NumPy source, to be imported from ``module``. floating: the parts of that code with their stable forms; missing: the derivatives that it lacks; safe: whether it was checked at extreme
    inputs. certificate: what was measured of it."""

    definition: Definition
    derivations: tuple[Derivation, ...]
    kinks: tuple[Any, ...] = ()
    properties: tuple[Any, ...] = ()
    verifications: tuple[Verification, ...] = ()
    checks: tuple[Check, ...] = ()
    code: str = ""
    module: str = "chainrule.functions"
    figures: tuple[Figure, ...] = ()
    floating: tuple[Part, ...] = ()
    missing: tuple[Missing, ...] = ()
    safe: bool = False
    certificate: Certificate | None = None

    @property
    def accuracy_picture(self) -> str:
        """The stem of the picture of rounding; empty where the formula is computed as it stands."""
        drawn = any(part.pictured for part in self.floating)
        return f"{self.definition.name}-floating-point" if drawn else ""


@dataclass(frozen=True)
class _Notation:
    """How one notation writes what is not a tree: numbers and sets."""

    node: Callable[[t.Node | Box], str]
    reals: str
    integers: str
    member: str
    brackets: Mapping[str, str]
    braces: tuple[str, str]
    union: str
    power: str
    dots: str
    to: str


_BRACKETS = {"(": "(", "[": "[", ")": ")", "]": "]"}
_NOTATIONS: dict[str, _Notation] = {
    "latex": _Notation(
        printing.latex, r"\mathbb{R}", r"\mathbb{Z}", r" \in ",
        _BRACKETS, (r"\{", r"\}"), r" \cup ", "^{{{}}}", r"\ldots", r"\to",
    ),
    "typst": _Notation(
        printing.typst, "RR", "ZZ", " in ",
        {c: f"\\{c}" for c in _BRACKETS}, ("{", "}"), " union ", "^({})", "dots", "->",
    ),
    "text": _Notation(
        printing.text, "ℝ", "ℤ", " ∈ ", _BRACKETS, ("{", "}"), " ∪ ", "^({})", "…", "→",
    ),
}  # fmt: skip


def make_report(material: Material, notation: NotationName = "latex", detail: Detail = "normal") -> Report:
    """The report of a material in one notation, at one level of detail."""
    return Author(notation, detail).report(material)


class Author:
    """Prints every formula twice: in one notation, and as text. What it has shown once, a lemma, it does not show again."""

    def __init__(self, notation: NotationName = "latex", detail: Detail = "normal") -> None:
        self.notation, self.name, self.detail = _NOTATIONS[notation], notation, detail
        self.shown: set[str] = set()

    def report(self, material: Material) -> Report:
        d = material.definition
        main = material.derivations[0]
        written = [(x, self.derivation(x, _role(x, main))) for x in material.derivations]
        by_role = {role: tuple(text for _, text in written if text.role == role) for role in _ROLES}
        rows = (*(row for v in material.verifications for row in _every_row(v)), *material.checks)
        return Report(
            name=d.name,
            notation=self.name,
            title=d.title or d.name,
            kind=d.kind,
            summary=d.summary,
            context=d.context,
            strengths=tuple(d.strengths),
            limits=tuple(d.limits),
            aliases=tuple(d.aliases),
            source=d.source,
            function=self.formula(_operand(main.goal)),
            equations=(self.formula(t.Equation(_operand(main.goal), body(main))),),
            where=(
                *(self.equation(left, right) for left, right in d.where.items()),
                *(self.adjoint(main, of, name) for of, name in d.adjoints.items() if isinstance(of, sympy.Symbol)),
            ),
            quantities=self.quantities(d),
            main=by_role["main"][0],
            others=by_role["other"],
            seconds=by_role["second"],
            routes=by_role["route"],
            backward=by_role["backward"],
            kinks=tuple(self.kink(k, main.variable) for k in material.kinks),
            at_kink=tuple(d.at_kink.items()),
            properties=tuple(self.property(p, main) for p in material.properties),
            figures=tuple(self.figure(f, d) for f in material.figures),
            checks=tuple(self.check(key, rows) for key in dict.fromkeys(row.key for row in rows)),
            steps_checked=sum(v.steps_checked for v in material.verifications),
            passed=bool(rows) and all(row.passed for row in rows),
            code=_read(material.code),
            excerpt="ScalarFunction(" in material.code,
            safe=material.safe,
            missing=tuple(self.formula(each.goal) for each in material.missing),
            module=material.module,
            floating=self.floating(material) if material.floating else None,
        )

    def floating(self, material: Material) -> FloatingText:
        """Every part in floating point; a reason is given once."""
        given: set[str] = set()
        forms = tuple(self.form(part, given) for part in material.floating)
        held = next((part.along.fixed for part in material.floating if part.along and part.along.fixed), {})
        certificate = material.certificate
        return FloatingText(
            forms=forms,
            picture=material.accuracy_picture,
            fixed=tuple(self.formula(_relation("equals", from_sympy(s), v)) for s, v in held.items()),
            certificate=()
            if certificate is None
            else tuple(self.measured(m, certificate.is_good(m)) for m in certificate.measurements),
            library="" if certificate is None else str(certificate.environment.get("numpy", "")),
        )

    def form(self, part: Part, given: set[str]) -> FormText:
        named = t.Symbol(str(part.along.symbol)) if part.along else t.ONE
        naive, stable = part.worst
        reasons = tuple(r for r in part.reasons if part.along and (r.values or r.of_part or r.key not in given))
        given |= {r.key for r in reasons}
        return FormText(
            role=part.role,
            goal=self.formula(part.goal),
            lines=tuple(self.line(i, line) for i, line in enumerate(part.way.lines, start=1)),
            result=self.formula(part.way.derivation.final),
            changed=part.changed,
            reasons=tuple(
                ReasonText(r.key, r.name, {n: v if n == "degree" else self.value(v) for n, v in r.values.items()})
                for r in reasons
            ),
            troubles=self.troubles(part, named),
            everywhere=(self.found(part, part.stable.naive), self.found(part, part.stable.measured))
            if part.along and part.along.fixed
            else None,
            naive=None if naive is None else self.error(naive.error, naive.got, naive.x, named),
            stable=None if stable is None else self.error(stable.stable, 0.0, stable.x, named),
        )

    def error(self, ulp: float, got: float, x: float, named: t.Node) -> ErrorText:
        wrong = "infinite" if math.isinf(got) else "lost"
        key = "nan" if math.isnan(got) else wrong if math.isinf(ulp) else "ulp" if ulp > NOTHING else "exact"
        return ErrorText(key, self.formula(_ulp(ulp)), (self.formula(_relation("equals", named, _extended(x))),))

    def found(self, part: Part, m: Measured) -> ErrorText:
        """What the search measured, at its place."""
        problem = part.stable.problem
        at = [(s, x) for s, x in zip(problem.symbols, m.at or (), strict=False) if s in problem.expr.free_symbols]
        places = tuple(self.formula(_relation("equals", from_sympy(s), _extended(x))) for s, x in at)
        return replace(self.error(m.ulp, m.got, 0.0, t.ZERO), at=places)

    def troubles(self, part: Part, named: t.Node) -> tuple[TroubleText, ...]:
        """What goes wrong along the first argument; of a pair of stretches that mirror each other one, by |x|."""
        every = stretches(part.along) if part.along and part.changed else ()
        found: dict[tuple[str, bool], list[Formula]] = {}
        digits: dict[tuple[str, bool], int] = {}
        for s in every:
            kind = (s.key, s.everywhere)
            mirrored = [o for o in every if o.key == s.key and (o.low, o.high) == (-s.high, -s.low)]
            digits[kind] = max(digits.get(kind, 0), s.digits)
            if mirrored and s.high <= 0:
                continue
            name = t.Call("abs", (named,)) if mirrored else named
            found.setdefault(kind, []).append(self.formula(_between(name, s.low, s.high)))
        return tuple(TroubleText(kind[0], tuple(places), digits[kind], kind[1]) for kind, places in found.items())

    def measured(self, m: Measurement, good: bool) -> MeasuredText:
        worst = (
            _ulp(m.worst) if math.isinf(m.worst) else printing.decimal(math.ceil(m.worst * 100) / 100, 3)
        )  # never less
        at = {name: float(f"{x:.6g}") for name, x in m.at.items()} if m.worst > 0.5 else {}
        places = tuple(self.formula(_relation("equals", t.Symbol(name), x)) for name, x in at.items())
        return MeasuredText(m.what, m.dtype, m.how, f"{m.points:,}", self.formula(worst), places, good)

    def formula(self, node: t.Node | Box) -> Formula:
        return Formula(self.notation.node(node), printing.text(node))

    def equation(self, left: Any, right: Any) -> Formula:
        return self.formula(t.Equation(from_sympy(left), from_sympy(right)))

    def derivation(self, derivation: Derivation, role: str) -> DerivationText:
        name = (
            derivation.gradient_of.left if role == "gradient" and derivation.gradient_of else _gradient_name(derivation)
        )
        return DerivationText(
            role=role,
            goal=self.formula(derivation.goal),
            variable=self.formula(derivation.variable),
            route=derivation.route,
            lines=tuple(self.line(i, line) for i, line in enumerate(lines(derivation, detail=self.detail), start=1)),
            lemmas=tuple(
                self.derivation(lemma, "gradient" if lemma.gradient_of else "lemma")
                for lemma in derivation.lemmas
                if self.first(lemma)
            ),
            result=self.formula(t.Equation(name or derivation.goal, derivation.final)),
            forms=tuple((key, self.formula(node)) for key, node in forms(derivation, name)),
            facts=tuple(facts(derivation)),
            named=None if derivation.gradient_of is None else self.formula(derivation.gradient_of),
            gives=None if role != "backward" or name is None else self.formula(t.Equation(name, derivation.goal)),
        )

    def first(self, lemma: Derivation) -> bool:
        """Whether a lemma has not been shown yet: a document shows each once, before its first use."""
        goal = printing.text(lemma.goal)
        known = goal in self.shown
        self.shown.add(goal)
        return not known

    def line(self, number: int, line: LineOfView) -> Line:
        return Line(
            number=number,
            left=None if line.left is None else self.formula(line.left),
            right=self.formula(line.right),
            rules=tuple(
                RuleUse(name, None if statement is None else self.formula(statement)) for name, statement in line.rules
            ),
            notes=tuple(self.formula(note) for note in line.notes),
        )

    def adjoint(self, main: Derivation, variable: Any, name: Any) -> Formula:
        """The equation that names a derivative: δ = ∂L/∂z."""
        pending = t.Derivative(_operand(main.goal), from_sympy(variable), partial=True)
        return self.formula(t.Equation(from_sympy(name), pending))

    def quantities(self, d: Definition) -> tuple[Quantity, ...]:
        """Everything that the function is a function of: variables, vectors, parameters."""
        scalars = [v for v in d.variables if v not in d.where]
        rows = [
            *((v, "variable") for v in scalars),
            *((base, "matrix" if len(base.shape) > 1 else "vector") for base in _vectors(d)),
            *((c, "class") for c in d.arguments.values() if isinstance(c, sympy.Idx)),
            *((used, "function") for used in d.uses if used.opaque),
            *((p, "parameter") for p in d.parameters),
        ]
        return tuple(
            Quantity(
                symbol=self.formula(_name(symbol)),
                role=role,
                default=self.value(d.parameters[symbol]) if role == "parameter" else None,
                domain=self.membership(symbol, d.domain.get(symbol, sympy.S.Reals)),
            )
            for symbol, role in rows
        )

    def membership(self, symbol: Any, values: Any) -> Formula:
        """That a symbol is taken from a set: an inequality where that is an interval, and what is known of a vector."""
        if isinstance(symbol, sympy.IndexedBase):
            return self.vector_domain(symbol, values)
        if isinstance(symbol, sympy.Idx):
            return self.index_domain(symbol)
        if isinstance(symbol, Definition):
            name, n = self.formula(_name(symbol)), self.notation
            return Formula(f"{name.source}: {n.reals} {n.to} {n.reals}", f"{name.text}: ℝ → ℝ")
        if isinstance(values, sympy.Interval) and values != sympy.S.Reals:
            return self.formula(_within(from_sympy(symbol), values))
        name, inner = self.formula(_name(symbol)), self.set(values)
        return Formula(f"{name.source}{self.notation.member}{inner.source}", f"{name.text} ∈ {inner.text}")

    def index_domain(self, index: Any) -> Formula:
        """That an index is a number of a class: c ∈ {1, …, K}."""
        name, last = self.formula(t.Index(str(index.label))), self.formula(t.Dimension(str(index.upper + 1)))
        n, plain = self.notation, _NOTATIONS["text"]
        source = f"{name.source}{n.member}{n.braces[0]}1, {n.dots}, {last.source}{n.braces[1]}"
        return Formula(
            source, f"{name.text}{plain.member}{plain.braces[0]}1, {plain.dots}, {last.text}{plain.braces[1]}"
        )

    def vector_domain(self, base: Any, values: Any) -> Formula:
        name, size = self.formula(_name(base)), self.formula(_by(base.shape))
        power, plain = (n.power if len(base.shape) > 1 else "^{}" for n in (self.notation, _NOTATIONS["text"]))
        source = f"{name.source}{self.notation.member}{self.notation.reals}{power.format(size.source)}"
        text = f"{name.text} ∈ ℝ{plain.format(size.text)}"
        if "sums_to_one" in getattr(base, "facts", ()):
            body = t.Component(str(base.label), ("k",))
            whole = self.formula(t.Equation(t.Sum(body, "k", str(base.shape[0])), t.ONE))
            source, text = f"{source}, {whole.source}", f"{text}, {whole.text}"
        if isinstance(values, sympy.Interval) and values != sympy.S.Reals:
            inside = self.formula(_within(t.Component(str(base.label), ("k", "l")[: len(base.shape)]), values))
            source, text = f"{source}, {inside.source}", f"{text}, {inside.text}"
        return Formula(source, text)

    def value(self, value: Any) -> Any:
        """Any value of a property: formulas for mathematics, the rest unchanged."""
        if isinstance(value, bool | str | type(None)):
            return value
        if value is sympy.true or value is sympy.false:
            return bool(value)
        if isinstance(value, int):
            return self.formula(t.number(value))
        if isinstance(value, float | sympy.Float):
            return self.formula(_number(value))
        if isinstance(value, t.Node | Box):
            return self.formula(value)
        if isinstance(value, sympy.Set):
            return self.set(value)
        if isinstance(value, list | tuple):
            return tuple(self.value(v) for v in value)
        if isinstance(value, Relational | BooleanFunction):
            return self.formula(condition(value))
        return self.formula(_number(value))

    def set(self, values: Any) -> Formula:
        source, text = (self._set(values, n) for n in (self.notation, _NOTATIONS["text"]))
        return Formula(source, text)

    def _set(self, values: Any, n: _Notation) -> str:
        def write(e: Any) -> str:
            return n.node(_number(e))

        if values == sympy.S.Reals:
            return n.reals
        if values == sympy.S.Integers:
            return n.integers
        if isinstance(values, sympy.Interval):
            left, right = ("(" if values.left_open else "["), (")" if values.right_open else "]")
            return f"{n.brackets[left]}{write(values.start)}, {write(values.end)}{n.brackets[right]}"
        if isinstance(values, sympy.FiniteSet):
            return n.braces[0] + ", ".join(write(e) for e in sorted(values, key=sympy.default_sort_key)) + n.braces[1]
        if isinstance(values, sympy.Union):
            return n.union.join(self._set(part, n) for part in values.args)
        raise TypeError(f"no notation for the set {values}: add it to chainrule/report.py")

    def kink(self, kink: Any, x: t.Node) -> KinkText:
        continuous, continuous_when = self.decision(kink.continuous)
        differentiable, differentiable_when = self.decision(kink.differentiable)
        return KinkText(
            place=self.formula(_relation("equals", x, kink.location)),
            kind=kink.kind,
            continuous=continuous,
            continuous_when=continuous_when,
            differentiable=differentiable,
            differentiable_when=differentiable_when,
            **{name: self.value(getattr(kink, name)) for name in _KINK_VALUES},
        )

    def property(self, found: Any, main: Derivation) -> PropertyText:
        """A property whose places are conditions on the variable, and whose symmetry is an equation."""
        values = dict(found.values)
        x, f = main.variable, _operand(main.goal)
        mirrored = t.substitute(f, {x: t.Neg(x)})
        if "where" in values:
            values["spread"] = any(isinstance(at, sympy.Set) for at in values["where"])
        for name in ("where", "turning", "inflections"):
            if name in values:
                values[name] = tuple(_place(x, at) for at in values[name])
        if found.key == "symmetry" and mirrored != f:
            values["equation"] = t.Equation(mirrored, _mirror_image(f, x, found.values))
        if found.key == "parity" and mirrored != f and values.get("function") in ("even", "odd"):
            values["equation"] = t.Equation(mirrored, f if values["function"] == "even" else t.Neg(f))
        if found.key == "vanishing":
            values = {"threshold": values["threshold"], "sides": _beyond(x, values.get("left"), values.get("right"))}
        printed = {name: self.value(value) for name, value in values.items()}
        return PropertyText(found.key, printed, _rounded(printed))

    def decision(self, held: Any) -> tuple[str, Formula | None]:
        if held in (True, sympy.true):
            return "yes", None
        if held in (False, sympy.false):
            return "no", None
        return "when", self.value(held)

    def figure(self, figure: Figure, d: Definition) -> FigureText:
        stages = d.construction if figure.key == "construction" else ()
        held = {**d.parameters, **d.plot_at} if figure.key == "function" else {}
        return FigureText(
            name=figure.name,
            key=figure.key,
            shaded=any(p.shaded for p in figure.panels),
            dotted=any(p.dots for p in figure.panels),
            logarithmic=any(p.logarithmic for p in figure.panels),
            stages=tuple(self.formula(from_sympy(stage)) for stage in stages),
            fixed=tuple(self.formula(_relation("equals", from_sympy(s), v)) for s, v in held.items()),
        )

    def check(self, key: str, rows: Iterable[Check]) -> CheckText:
        """All checks of one kind as one row."""
        same = [row for row in rows if row.key == key]
        return CheckText(
            key=key,
            count=len(same),
            points=sum(row.points for row in same),
            tolerance=self.formula(printing.decimal(max(row.tolerance for row in same))),
            passed=all(row.passed for row in same),
        )


def _every_row(verification: Verification) -> Iterable[Check]:
    """The rows of a verification and of its lemmas."""
    yield from verification.rows
    for lemma in verification.lemmas:
        yield from _every_row(lemma)


_ROLES = ("main", "other", "second", "route", "backward")
_KINK_VALUES = ("left_value", "right_value", "left_slope", "right_slope", "value", "code_value")


def _read(code: str) -> str:
    """The code to read: the formulas for one number, else those for arrays; of a function of vectors, all but what the page says anyway."""
    body = ast.parse(code).body if code else []
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    lines = code.splitlines()
    for chosen in (r"_(value|grad_\w+?)_of_number", r"_(value|grad_[a-z]+)"):
        found = [node for node in functions if re.fullmatch(chosen, node.name)]
        if len(found) > 1 and "ScalarFunction(" in code:
            return "\n\n\n".join("\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in found)
    first = body[0].end_lineno if body else 0
    return "\n".join(lines[first or 0 :]).strip("\n")


def _role(derivation: Derivation, main: Derivation) -> str:
    if derivation is main:
        return "main"
    if derivation.gradient_of is not None:
        return "backward"
    if derivation.route:
        return "route"
    return "second" if derivation.order > 1 else "other"


def _gradient_name(derivation: Derivation) -> t.Node | None:
    """The name that the definition has for what a backward pass ends in: δ_j for ∂L/∂z_j."""
    variable = derivation.variable
    if derivation.gradient_of is None or not isinstance(variable, t.Component):
        return None
    names = {str(getattr(of, "label", of)): str(name) for of, name in derivation.definition.adjoints.items()}
    return t.Component(names[variable.base], variable.indices) if variable.base in names else None


def _operand(node: t.Node) -> t.Node:
    """What a pending derivative is a derivative of."""
    return node.operand if isinstance(node, t.Derivative) else node


def body(main: Derivation) -> t.Node:
    """The right-hand side of the definition."""
    body = _operand(main.start)
    return from_sympy(main.definition.expression) if body == _operand(main.goal) else body


def _name(symbol: Any) -> t.Node:
    if isinstance(symbol, Definition):
        return t.Symbol(symbol.symbol)
    if isinstance(symbol, sympy.Idx):
        return t.Index(str(symbol.label))
    if isinstance(symbol, sympy.IndexedBase):
        return (t.Vector if len(symbol.shape) < 2 else t.Matrix)(str(symbol.label))
    return from_sympy(symbol)


def _by(sizes: Iterable[Any]) -> Box:
    """The sizes of an array: n × d."""
    return Row(tuple(box for size in sizes for box in (Sign("times"), boxes_of(from_sympy(size))))[1:])


def _vectors(d: Definition) -> tuple[Any, ...]:
    """The vectors that the function is a function of: those it is differentiated by first, no named ones."""
    named = {left.base.label for left in d.where if isinstance(left, sympy.Indexed)}
    first = [v.base for v in d.wrt if isinstance(v, sympy.Indexed)]
    found = {base for e in (d.expression, *d.where.values()) for base in sympy.sympify(e).atoms(sympy.IndexedBase)}
    every = [*first, *sorted(found - set(first), key=str)]
    return tuple(base for base in every if base.label not in named)


def _within(name: t.Node, values: Any) -> Box:
    """An interval as a condition on a name, with the ends that are finite."""
    low, high = values.start.is_finite is not False, values.end.is_finite is not False
    below, above = "<" if values.left_open else "<=", "<" if values.right_open else "<="
    if low and high:
        inside = (_number(values.start), Sign(below), boxes_of(name), Sign(above), _number(values.end))
        return Row(inside)
    return _relation(above, name, values.end) if high else _relation(below.replace("<", ">"), name, values.start)


def _place(x: t.Node, at: Any) -> t.Node | Box:
    """Where something holds, as a condition: x = 0, or an interval."""
    return _within(x, at) if isinstance(at, sympy.Set) else _relation("equals", x, at)


def _relation(operator: str, left: t.Node, right: Any) -> Box:
    """``left operator right`` as boxes: a measured number on the right is no node of the tree."""
    return Row((boxes_of(left), Sign(operator), _number(right)))


def _between(name: t.Node, low: float, high: float) -> Box:
    """Where a stretch is, as a condition, its ends rounded to three digits."""
    low, high = (x if math.isinf(x) else float(f"{x:.3g}") for x in (low, high))
    if low == high:
        return _relation("equals", name, _extended(low))
    if math.isinf(high):
        return _relation(">=", name, low)
    if math.isinf(low):
        return _relation("<=", name, high)
    signs = ("<" if low == 0 else "<=", "<" if high == 0 else "<=")
    ends = tuple(_number(x) if x else boxes_of(t.ZERO) for x in (low, high))
    if low == 0 and isinstance(name, t.Call):
        return _relation(signs[1], name, high)
    return Row((ends[0], Sign(signs[0]), boxes_of(name), Sign(signs[1]), ends[1]))


def _extended(x: float) -> Any:
    return sympy.oo * int(math.copysign(1, x)) if math.isinf(x) else float(x)


def _ulp(error: float) -> Box:
    """An error to two digits; infinite for a NaN."""
    return boxes_of(t.Constant("oo")) if math.isinf(error) else printing.decimal(error, 2)


def _rounded(values: Mapping[str, Any]) -> bool:
    """Whether one of the printed values is a decimal number."""
    flat = [v for value in values.values() for v in (value if isinstance(value, tuple) else (value,))]
    return any(isinstance(v, Formula) and re.search(r"\d\.\d", v.text) is not None for v in flat)


def _number(value: Any) -> Box:
    """An exact value as it is, a measured one to the digits that a reader wants."""
    if isinstance(value, float | sympy.Float):
        return printing.decimal(float(value), SHOWN_DIGITS)
    try:
        return boxes_of(from_sympy(value))
    except UnsupportedExpression:  # exact, but in functions that our readers' texts do not use
        if not value.is_number:
            raise
        return printing.decimal(float(value), SHOWN_DIGITS)


def _beyond(x: t.Node, left: Any, right: Any) -> tuple[Box, ...] | str | None:
    """Where the derivative has nearly vanished, as conditions; everywhere or never as words."""
    words = [side for side in (left, right) if isinstance(side, str)]
    if "everywhere" in words:
        return "everywhere"
    places = {"<": left, ">": right}
    found = {sign: place for sign, place in places.items() if place is not None and not isinstance(place, str)}
    if len(found) == 2 and abs(float(left + right)) < 1e-12:
        return (_relation(">", t.Call("abs", (x,)), right),)
    return tuple(_relation(sign, x, place) for sign, place in found.items()) or (words[0] if words else None)


def _mirror_image(f: t.Node, x: t.Node, values: Mapping[str, Any]) -> t.Node:
    """What f(-x) is by a symmetry: c - f(x), or f(x) - k x."""
    if values["kind"] == "point":
        return t.Add((from_sympy(values["constant"]), t.Neg(f)))
    k = values["coefficient"]
    return t.Add((f, t.Neg(x if k == 1 else t.Mul((from_sympy(k), x)))))


def with_figures(material: Material, figures: Iterable[Figure]) -> Material:
    """The same material with its pictures."""
    return replace(material, figures=tuple(figures))
