"""Templates: the shipped ones speak every format, a user's come first, and a mistake is reported with its place."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_report import ELU, RELU, SIGMOID, material, softmax

from chainrule.calculus.properties import FINDERS, OPTIONAL, find_properties
from chainrule.catalogue import shipped
from chainrule.errors import RenderError
from chainrule.rendering import (
    FORMATS,
    _environment,
    _fold,
    _tex_prose,
    _wrap,
    index_row,
    notation_of,
    render,
    render_index,
)
from chainrule.report import Material, Report, make_report
from chainrule.verification import Row as Check

TEMPLATES = ["derivation.md.j2", "derivation.tex.j2", "derivation.typ.j2", "derivation.txt.j2"]
NAMES = ["sigmoid", "elu", "relu", "softmax"]


def complete(definition: Any) -> Material:
    made = material(definition)
    if definition.index is not None:
        return made
    x = definition.wrt[0]
    found = find_properties(definition.expression, made.derivations[0].result, x, definition.domain)
    return Material(made.definition, made.derivations, made.kinks, tuple(found), code="def f(x):\n    return x")


@pytest.fixture(scope="module")
def materials() -> dict[str, Material]:
    return {d.name: complete(d) for d in (SIGMOID, ELU, RELU, softmax())}


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("name", NAMES)
def test_every_template_renders_every_report(materials: dict[str, Material], name: str, template: str) -> None:
    text = render(make_report(materials[name], notation_of(template)), template)
    assert text.strip()
    assert "<<" not in text and "<%" not in text


@pytest.fixture
def report(materials: dict[str, Material]) -> Report:
    return make_report(materials["sigmoid"], "latex")


def test_a_users_template_comes_before_the_shipped_one(report: Report, tmp_path: Path) -> None:
    (tmp_path / "derivation.md.j2").write_text("mine: << report.name >>")
    assert render(report, "derivation.md.j2", tmp_path) == "mine: sigmoid"
    assert render(report, "derivation.md.j2").startswith("# Sigmoid")


def test_a_user_can_replace_a_part_and_keep_the_rest(report: Report, tmp_path: Path) -> None:
    sentences = (shipped("templates") / "sentences.j2").read_text()
    (tmp_path / "sentences.j2").write_text(sentences.replace('"Properties"', '"What it does"'))
    assert "## What it does" in render(report, "derivation.md.j2", tmp_path)


def test_an_undefined_name_is_reported_with_template_line_and_name(report: Report, tmp_path: Path) -> None:
    (tmp_path / "page.md.j2").write_text("one\n<< report.colour >>")
    with pytest.raises(RenderError, match=r"page\.md\.j2, line 2: .*has no attribute 'colour'"):
        render(report, "page.md.j2", tmp_path)
    (tmp_path / "page.md.j2").write_text("<< nothing >>")
    with pytest.raises(RenderError, match=r"page\.md\.j2, line 1: 'nothing' is undefined"):
        render(report, "page.md.j2", tmp_path)


def test_a_broken_template_is_reported_with_its_line(report: Report, tmp_path: Path) -> None:
    (tmp_path / "page.md.j2").write_text("one\ntwo\n<% if %>")
    with pytest.raises(RenderError, match=r"page\.md\.j2, line 3: Expected an expression"):
        render(report, "page.md.j2", tmp_path)


def test_a_missing_template_says_where_it_was_looked_for(report: Report, tmp_path: Path) -> None:
    with pytest.raises(
        RenderError, match=rf"template 'page\.md\.j2' not found; searched in {re.escape(str(tmp_path))}, "
    ):
        render(report, "page.md.j2", tmp_path)


def test_the_format_must_be_in_the_name(report: Report) -> None:
    with pytest.raises(RenderError, match=r"must end in one of \.md\.j2, \.tex\.j2, \.typ\.j2, \.txt\.j2"):
        render(report, "page.j2")


def test_a_report_in_another_notation_is_refused(report: Report) -> None:
    with pytest.raises(RenderError, match=r"needs a report in typst notation, got one in latex"):
        render(report, "derivation.typ.j2")


def test_every_property_has_a_sentence() -> None:
    module: Any = _environment("md", (shipped("templates"),)).get_template("sentences.j2").module
    assert set(FINDERS) == set(module.by_key)


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_of_the_markdown_are_whole(materials: dict[str, Material], name: str) -> None:
    """A bare | in a formula would split a cell; a double backslash or a starred formula would be eaten by Markdown."""
    text = render(make_report(materials[name], "latex"), "derivation.md.j2")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} <= {3, 5, 6}
    for block in re.findall(r"^\|.*\n(?:\|.*\n)+", text, flags=re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block
    for formula in re.findall(r"\$\$?(.+?)\$\$?", text, flags=re.DOTALL):
        assert "\\\\" not in formula and "*" not in formula and "<" not in formula, formula


def test_plain_words_are_escaped_in_every_format() -> None:
    words = "50% of a_b & c # {d} $5 *e* [f] <g>"
    rendered = {name: form.prose(words) for name, form in FORMATS.items()}
    assert rendered["txt"] == words
    assert rendered["tex"].startswith(r"50\% of a\_b \& c \# \{d\} \$5 *e* [f] \ensuremath{<}g")
    assert r"a\_b" in rendered["md"] and r"\*e\*" in rendered["md"] and r"\<g" in rendered["md"]
    assert r"\#" in rendered["typ"] and r"\$5" in rendered["typ"]


def test_latex_maps_the_letters_of_mathematics_and_refuses_the_unknown() -> None:
    assert _tex_prose("σ(x) ≤ ŷ − α²") == (
        r"\ensuremath{\sigma}(x) \ensuremath{\le} \ensuremath{\hat{y}} \ensuremath{-} "
        r"\ensuremath{\alpha}\ensuremath{{}^{2}}"
    )
    assert _tex_prose("Schrödinger, café") == "Schrödinger, café"
    with pytest.raises(RenderError, match=r"no row for the character '☃' \(U\+2603\)"):
        _tex_prose("☃")


def test_the_index_links_every_document(materials: dict[str, Material]) -> None:
    rows = [index_row(make_report(materials[name], "latex")) for name in NAMES]
    index = render_index(rows, links={"sigmoid": "activations/sigmoid.md"})
    assert "[Sigmoid](activations/sigmoid.md)" in index
    assert "[elu](elu.md)" in index
    assert "$x = 0$ (none when $\\alpha = 1$)" in index
    for block in re.findall(r"^\|.*\n(?:\|.*\n)+", index, flags=re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block


def test_a_failed_check_is_said_aloud(materials: dict[str, Material]) -> None:
    failed = Check("steps", None, 8, 1.0, False)
    good = replace(materials["sigmoid"], checks=(replace(failed, passed=True),))
    bad = replace(materials["sigmoid"], checks=(failed, *good.checks))
    for template in TEMPLATES:
        assert "NOT EVERY CHECK" in render(make_report(bad, notation_of(template)), template)
        assert "NOT EVERY CHECK" not in render(make_report(good, notation_of(template)), template)


def test_sentences_stay_clear_of_markup() -> None:
    """The shared sentences are read by four formats, so their words are plain ASCII."""
    source = (shipped("templates") / "sentences.j2").read_text()
    words = re.sub(r"<#.*?#>|<%.*?%>|<<.*?>>", "", source, flags=re.DOTALL)
    assert words.isascii()
    assert not re.search(r"[*_#$%&{}\\`~^|@]", words), re.findall(r".*[*_#$%&{}\\`~^|@].*", words)


@pytest.mark.parametrize("width", [40, 72, 100])
@pytest.mark.parametrize("name", NAMES)
def test_plain_text_keeps_to_the_width_of_the_terminal(materials: dict[str, Material], name: str, width: int) -> None:
    report = make_report(materials[name], "text")
    text = render(report, "derivation.txt.j2", width=width)
    short = [line for line in text.splitlines() if len(line) <= width]
    assert len(short) == len(text.splitlines()) or width < 60
    assert "\n\n\n" not in text
    assert text.split() == render(report, "derivation.txt.j2", width=10**6).split()


def test_headings_of_plain_text_leave_formulas_alone(materials: dict[str, Material]) -> None:
    text = render(make_report(materials["elu"], "text"), "derivation.txt.j2")
    assert "\nWITH RESPECT TO α\n" in text


def test_a_formula_is_broken_outside_brackets_and_before_an_operator() -> None:
    assert _fold("y = f(a + b, c + d) + g(e + f) · h(x)", 24, 4) == "y = f(a + b, c + d)\n    + g(e + f) · h(x)"
    assert _fold("{ x if x > 0; a x otherwise }", 20, 2) == "{ x if x > 0;\n  a x otherwise }"
    assert _fold("no_space_at_all", 5) == "no_space_at_all"


def test_words_are_broken_around_formulas() -> None:
    assert _wrap("It is differentiable there exactly when x = 1.", 42) == (
        "It is differentiable there exactly when\nx = 1."
    )
    assert _wrap("", 10) == "" and _wrap("one", 2, 4) == "one"


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_result_says_where_it_does_not_hold(materials: dict[str, Material], template: str) -> None:
    assert "see kinks and jumps" in render(make_report(materials["relu"], notation_of(template)), template)
    assert "see kinks and jumps" not in render(make_report(materials["sigmoid"], notation_of(template)), template)


@pytest.mark.parametrize("template", TEMPLATES)
def test_properties_that_are_not_worth_saying_have_no_heading(materials: dict[str, Material], template: str) -> None:
    report = make_report(materials["sigmoid"], notation_of(template))
    point = replace(report, properties=tuple(p for p in report.properties if p.key == "symmetry"))
    assert point.properties and "properties" in render(point, template).lower()
    assert "properties" not in render(replace(point, kind="loss"), template).lower()


def test_every_entry_that_a_property_may_lack_may_be_lacking(materials: dict[str, Material]) -> None:
    """A function of pieces may be neither convex nor concave though its curvature changes its sign at no place."""
    report = make_report(materials["elu"], "latex")
    for found in report.properties:
        for entry in OPTIONAL & set(found.values):
            less = replace(found, values={k: v for k, v in found.values.items() if k != entry})
            render(replace(report, properties=(less,)), "derivation.md.j2")
    for key, kind in {"monotonicity": "not monotone", "convexity": "neither"}.items():
        lacking = replace(report.properties[0], key=key, values={"kind": kind})
        assert kind.split()[0] in render(replace(report, properties=(lacking,)), "derivation.md.j2").lower()
