"""The section 'In floating point': its lines are true, its errors are those that are measured, and every kind of document has it."""

import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sympy
from mpmath import mp

from chainrule.catalogue import load
from chainrule.codegen.along import Along, Look
from chainrule.codegen.floating import Part, agreement, stretches
from chainrule.codegen.mends import MENDS
from chainrule.codegen.rewrites import ALL
from chainrule.codegen.shown import OTHER, QUIET, SHOWN, VALUES, Way, formula, shown, statements
from chainrule.codegen.stable import PROPOSALS
from chainrule.codegen.vocabulary import at_least, at_most, expm1, instead, plus, polynomial, size, times
from chainrule.drawings.accuracy import accuracy_chart
from chainrule.drawings.charts import Stack, draw_chart
from chainrule.errors import VerificationError
from chainrule.expression import tree as t
from chainrule.expression.printing import text
from chainrule.expression.scope import Scope
from chainrule.expression.value import Point, evaluate
from chainrule.plots import plotted_data, same_picture
from chainrule.produce import FORMS, material, pictures, raise_if_failed
from chainrule.rendering import render
from chainrule.report import Material, make_report
from chainrule.runtime.certificate import Certificate, Measurement
from chainrule.verification import check_stable

x = sympy.Symbol("x", real=True)
TEMPLATES = Path(__file__).parents[1] / "templates"


@cache
def made(name: str) -> Material:
    return material(load(name))


@cache
def document(name: str, form: str) -> str:
    template, notation = FORMS[form]
    return render(make_report(made(name), notation), template, figures="figures", width=88)


def part(name: str, role: str) -> Part:
    return next(p for p in made(name).floating if p.role == role)


# ---------------------------------------------------------------- rules


def names_of_proposals() -> set[str]:
    expressions = (1 / (1 + sympy.exp(-x)), sympy.tanh(x), sympy.erf(x), 1 / (1 + x**2) + x, sympy.sqrt(1 + x**2) - 1)
    return {name for propose in PROPOSALS for e in expressions for name, _ in propose(e, (x,)) if name}


@pytest.mark.parametrize("rule", sorted({row.name for row in (*ALL, *MENDS)} | names_of_proposals()))
def test_every_rule_of_the_search_can_be_shown(rule: str) -> None:
    if not rule.endswith("by exponentials"):  # a means of the search, no form of its own
        assert shown(rule).key != OTHER, f"{rule!r} has no row in SHOWN"


def test_conditions_are_shown_without_words_of_code() -> None:
    """A domain that begins at 0 makes code take the size of x, in what it chooses by as well."""
    found = formula(sympy.Piecewise((size(x) + 1, size(x) < 2), (times(x, x), True)))
    assert found == formula(sympy.Piecewise((x + 1, x < 2), (x * x, True)))


def test_every_reason_has_a_sentence() -> None:
    words = (TEMPLATES / "sentences.j2").read_text()
    for key in {row.key for row in SHOWN}:
        assert f'"{key}": ' in words, f"sentences.j2: no reason for {key!r}"


LAWS = [(row.start, law) for row in SHOWN for law in statements(row.start)]


@pytest.mark.parametrize(("rule", "law"), LAWS, ids=[rule for rule, _ in LAWS])
def test_what_a_rule_states_is_true(rule: str, law: Any) -> None:
    for k in range(6):
        at = Point({name: mp.mpf(0.3 + 0.37 * k + 0.11 * n) for n, name in enumerate("abcuvwx")})
        left, right = (evaluate(side, at, Scope()) for side in (law.left, law.right))
        assert abs(left - right) <= 1e-35 * max(abs(left), abs(right)), f"{rule}: {text(law)} at {at}"


# ---------------------------------------------------------------- lines


def test_the_lines_lead_from_the_formula_as_derived_to_the_stable_form() -> None:
    assert [text(line.right) for line in part("softplus", "value").way.lines] == [
        "log(1 + eˣ)", "log(1 + e^(-|x|)) + max(0, x)", "log1p(e^(-|x|)) + max(0, x)",
    ]  # fmt: skip
    lines = part("sigmoid", "main").way.lines
    assert text(lines[0].right) == "σ(x) (1 - σ(x))"
    assert text(lines[-2].right) == "e^(-|x|)/(1 + e^(-|x|))²"
    assert text(lines[-1].right) == "e^(-|x|)/(1 + e^(-|x|) (2 + e^(-|x|)))"


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_every_line_is_checked_and_holds(name: str) -> None:
    rows = check_stable(made(name).floating)
    assert {row.key for row in rows} == {"stable", "computed"}
    for row in rows:
        assert row.passed, row.message
        assert row.points >= 3


def corrupted(p: Part, number: int) -> Part:
    """With another constant in the line of one step, and in what follows from it."""
    d = p.way.derivation
    wrong = t.Mul((t.number(sympy.Rational(1000001, 1000000)), d.steps[number].after))
    steps = list(d.steps)
    steps[number] = replace(steps[number], after=wrong)
    if number + 1 < len(steps):
        steps[number + 1] = replace(steps[number + 1], before=wrong)
    return replace(p, way=replace(p.way, derivation=replace(d, steps=tuple(steps))))


@pytest.mark.parametrize("number", [0, 1])
def test_a_corrupted_line_is_caught(number: int) -> None:
    rows = check_stable([corrupted(part("softplus", "value"), number)])
    assert [row.passed for row in rows if row.key == "stable"] == [False]


def test_a_line_that_does_not_follow_from_the_one_before_it_is_caught() -> None:
    p = part("softplus", "value")
    d = p.way.derivation
    alone = replace(p, way=Way(replace(d, steps=d.steps[1:]), p.way.rules[1:]))
    assert not all(row.passed for row in check_stable([alone]))


def test_code_that_computes_another_form_is_caught() -> None:
    p = part("softplus", "value")
    other = replace(p, stable=replace(p.stable, expr=p.stable.expr * (1 + sympy.Float(2, 20) ** -48)))
    assert agreement(p)[0].passed
    assert not agreement(other)[0].passed


def test_nothing_unchecked_is_written() -> None:
    whole = made("softplus")
    wrong = replace(whole, checks=check_stable([corrupted(part("softplus", "value"), 0)]))
    with pytest.raises(VerificationError, match="in floating point"):
        raise_if_failed(wrong)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_the_picture_shows_what_the_search_measured(name: str) -> None:
    for p in made(name).floating:
        if p.along is None:
            continue
        drawn = max(b.stable for b in p.along.bins)
        assert p.stable.measured.ulp <= max(look.stable for look in p.along.looks) <= 4.0
        assert drawn <= max(look.stable for look in p.along.looks)
        assert max(look.error for look in p.along.looks) >= p.stable.naive.ulp


@pytest.mark.parametrize("name", ["sigmoid", "softplus"])
def test_the_real_function_is_about_as_accurate_as_the_picture_says(name: str) -> None:
    from importlib import import_module

    function = getattr(import_module(f"chainrule.functions.{name}"), name)
    for p, call in zip(made(name).floating, (function, function.grad), strict=False):
        assert p.along is not None
        for look in p.along.looks[::40]:
            if math.isfinite(look.x) and abs(look.wanted) > 1e-300:
                got = float(call(look.x))
                assert abs(got - look.wanted) <= 5 * math.ulp(look.wanted), look


def test_the_errors_do_not_depend_on_the_library_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    from chainrule.codegen import model
    from chainrule.codegen.along import along

    p = part("softplus", "value")
    assert p.along is not None
    for name in ("exp", "log", "log1p"):
        worse = getattr(np, name)
        monkeypatch.setattr(np, name, lambda v, worse=worse: np.nextafter(worse(v), 1.0))
    model._KNOWN["exp"].clear()
    names = {p.along.symbol: "x"}
    assert along(p.stable, names, p.along.symbol, {}) == p.along


def test_stretches_say_where_the_formula_as_derived_fails() -> None:
    value = part("softplus", "value").along
    assert value is not None
    found = stretches(value)
    assert [(s.key, s.digits) for s in found] == [("infinite", 16), ("lost", 16)]
    assert found[0].low == pytest.approx(709.8, abs=0.6) and found[0].high == math.inf
    assert found[1].high == pytest.approx(-37.4, abs=0.7)
    assert found[1].low == pytest.approx(-708, abs=2)


def test_a_stretch_of_nan_reaches_to_infinity() -> None:
    gradient = part("tanh", "main").along
    assert gradient is not None
    nan = [s for s in stretches(gradient) if s.key == "nan"]
    assert [(s.low, s.high) for s in nan] == [(-math.inf, -356.0), (356.0, math.inf)]


def test_the_roots_of_a_wave_are_no_list() -> None:
    """A number that is not 0 at a root has no digit right, but is no infinity."""
    looks = [
        Look(0.25 * k, 0.0, 1e-17, math.inf, 0.0) if k % 20 == 1 else Look(0.25 * k, 1.0, 1.0, 0.0, 0.0)
        for k in range(1, 200)
    ]
    few, many = (stretches(Along(sympy.Symbol("x"), {}, (), tuple(looks[:count]))) for count in (70, 199))
    assert [(s.key, s.low, s.everywhere) for s in few] == [("lost", x, True) for x in (0.0, 5.25, 10.25, 15.25)]
    assert [(s.key, s.low, s.high, s.everywhere) for s in many] == [("lost", 0.0, 45.25, False)]


# ---------------------------------------------------------------- picture


def chart(name: str) -> Stack:
    parts = [("$f$", p.along) for p in made(name).floating if p.along is not None]
    return accuracy_chart(name, parts, "$x$")


def test_the_picture_is_the_same_twice_and_carries_its_data() -> None:
    one = draw_chart(chart("softplus"))
    assert one == draw_chart(chart("softplus"))
    curves = plotted_data(one)[0]["curves"]
    assert {c["role"] for c in curves} >= {"naive", "stable", "promised"}
    naive = next(c["y"] for c in curves if c["role"] == "naive")
    stable = next(c["y"] for c in curves if c["role"] == "stable")
    assert max(v for v in naive if v is not None) > 18
    assert max(v for v in stable if v is not None) < math.log10(4)


def test_another_error_is_another_picture() -> None:
    p = part("softplus", "value")
    assert p.along is not None
    worse = replace(p.along, bins=tuple(replace(b, stable=2 * b.stable) for b in p.along.bins))
    two = draw_chart(accuracy_chart("softplus", [("$f$", worse)], "$x$"))
    assert not same_picture(draw_chart(accuracy_chart("softplus", [("$f$", p.along)], "$x$")), two)


def test_labels_keep_off_the_curve_of_the_formula_as_derived() -> None:
    for drawn in chart("softplus").charts:
        labels = [s for s in drawn.series if s.key.startswith("label")]
        assert {s.label for s in labels} == {"as derived", "stable form"}


def test_a_function_that_is_computed_as_derived_has_no_picture() -> None:
    assert "relu-floating-point.svg" not in pictures(made("relu"), "svg")
    assert "is computed as it was derived" in document("relu", "text")
    assert "softplus-floating-point.svg" in pictures(made("softplus"), "svg")


# ---------------------------------------------------------------- documents


@pytest.mark.parametrize("form", FORMS)
def test_every_document_has_the_section(form: str) -> None:
    written = document("softplus", form)
    section = written[re.search("in floating point", written, re.I).start() :]  # type: ignore[union-attr]
    for words in (
        "One decaying exponential",
        "log1p",
        "a wrong infinity for",
        "no digit is right for",
        "of the stable form",
    ):
        assert words in " ".join(section.split()), words
    assert ("softplus-floating-point" in section) == (form != "text")


def test_what_was_measured_is_in_the_document() -> None:
    rows = (
        Measurement("value", "float64", "sampled", 12345, 1.2345, {"x": 0.75}, 0.6),
        Measurement("value", "float32", "exhaustive", 2**32, 0.5),
    )
    known = Certificate("softplus", "", "", rows, environment={"numpy": "2.4.6"})
    measured = replace(made("softplus"), certificate=known)
    for form, (template, notation) in FORMS.items():
        written = render(make_report(measured, notation), template, figures="", width=88)
        assert "12,345" in written and "4,294,967,296" in written and "every number" in written, form
        assert "NumPy 2.4.6" in " ".join(written.split()) and written.count("1.24") >= 1 and "0.75" in written, form
    assert "12,345" not in document("softplus", "md")


def test_exponentials_that_are_together_one_are_not_shown() -> None:
    y, z = sympy.symbols("y z", real=True)
    product = sympy.exp(2 * z - 2 * y) * sympy.exp(2 * y - 2 * z) * sympy.tanh(y - z)
    assert product.has(sympy.exp)
    assert formula(product) == formula(sympy.tanh(y - z))
    assert formula(sympy.exp(2 * y) * sympy.exp(-z)) != formula(sympy.S.One)


@pytest.mark.parametrize(
    ("series", "is_limit"), [(polynomial(x, 0.5, 0.25), True), (times(x, polynomial(x, 0.5, 0.25)), False)]
)
def test_a_place_where_there_is_only_a_limit_is_not_called_a_root(series, is_limit):
    (told,) = VALUES["expansion"](sympy.Piecewise((series, abs(x) < 1), (sympy.sin(x) / x, True)))
    assert told["is_limit"] is is_limit and told["root"] == 0 and told["degree"] == 1


@pytest.mark.parametrize("other", [1 / x, sympy.Piecewise((1 / x, x > 0), (-1 / x, True))])
def test_what_only_code_has_a_use_for_is_not_shown(other):
    """Beyond 2⁶⁴, say, where no line of a page can be checked."""
    inner = sympy.Piecewise((sympy.sin(x), sympy.Abs(x) <= 2**64), (instead(other), True))
    faded = sympy.Piecewise((instead(sympy.exp(x)), x < -40), (inner, True))
    assert formula(inner) == formula(faded) == formula(sympy.sin(x))
    outer = sympy.Piecewise((sympy.cos(x), x < 2), (faded, True))
    assert formula(outer) == formula(sympy.Piecewise((sympy.cos(x), x < 2), (sympy.sin(x), True)))


def test_the_head_of_an_exponential_is_not_shown():
    apart = times(expm1(at_most(x, 600)) / x, sympy.exp(at_least(plus(x, -600), 0)))
    assert formula(apart) == formula(expm1(x) / x)
    assert shown("the head of an exponential apart").key in QUIET
