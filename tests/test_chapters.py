"""Chapters: pages of any content, built, listed, shown and verified like the page of a function; nothing wrong is written."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from shared import chapter

from chainrule import chapters
from chainrule.build import build
from chainrule.catalogue import project
from chainrule.chapters.agreement import agreement
from chainrule.chapters.networks import differences, graphs, vanishing
from chainrule.chapters.page import Chain, Page, produce_page, written
from chainrule.cli import main
from chainrule.errors import RenderError, VerificationError
from chainrule.networks.training import train
from chainrule.rendering import render_page
from chainrule.report import Formula


@pytest.fixture(scope="module")
def networks() -> Page:
    return chapter("networks")


def test_every_check_of_the_chapter_passes(networks):
    networks.raise_if_failed()
    assert all(row.passed for row in networks.verdicts)
    assert len(networks.checks) > 15
    assert sum(row.steps for row in networks.verdicts) > 200


@pytest.mark.parametrize("form", ["text", "md", "tex", "typ"])
def test_every_part_of_the_chapter_is_in_every_format(networks, form):
    made = written(networks, form, project()).lower()
    for words in (
        "a computation is a graph",
        "reverse accumulation",
        "(bp1)",
        "(bp2)",
        "(bp3, bp4)",
        "a worked example",
        "def loss_and_gradients",
        "gradient descent",
        "logistic regression in six steps",
        "a network that reads digits",
        "why gradients vanish",
        "central difference",
    ):
        assert words in made.replace("\\_", "_"), words


def test_the_code_on_the_page_runs_and_descends_as_train_does(networks):
    blocks = re.findall(r"```python\n(.*?)```", written(networks, "md", project()), re.DOTALL)
    (loop,) = (block for block in blocks if block.startswith("from chainrule.networks import mlp"))
    random = np.random.default_rng(0)
    X, Y = random.normal(size=(8, 2)), random.integers(0, 2, size=(8, 1)).astype(float)
    space = {"X": X, "Y": Y, "rate": 0.3, "epochs": 20}
    exec(loop, space)
    network = space["network"]
    expected = train(network, network.initial(seed=0), X, Y, rate=0.3, epochs=20)
    for pair, other in zip(space["parameters"], expected.parameters, strict=True):
        for value, wanted in zip(pair, other, strict=True):
            assert np.array_equal(value, wanted)


def test_a_failed_check_stops_the_page(networks):
    broken = replace(networks, checks={"a sum": agreement([("a sum", 1.0, 2.0)], 1e-9)})
    with pytest.raises(
        VerificationError, match=r"networks, a sum: a sum: 1.0, expected 2.0, off by 5.0e-01, allowed 1e-09"
    ):
        produce_page(broken, ("md",), "typst", project())


def test_numbers_agree_relative_to_what_is_expected():
    assert agreement([("large", 1e6 + 1e-4, 1e6), ("small", 1e-12, 0.0)], 1e-9).passed
    assert not agreement([("large", 1e6 + 1e-2, 1e6)], 1e-9).passed
    assert not agreement([("undefined", float("nan"), 1.0)], 1e-9).passed


def test_a_wrong_way_through_the_graph_is_found(monkeypatch):
    right = graphs._of_the_output
    monkeypatch.setattr(
        graphs, "_of_the_output", lambda found: {k: v + (found.kind == "forward") for k, v in right(found).items()}
    )
    (row,) = graphs.checks().values()
    assert not row.passed
    assert row.message.startswith("forward, by")


def test_a_wrong_line_of_the_bound_is_found(monkeypatch):
    made = vanishing.bound("sigmoid")
    smaller = made.slope[3]
    wrong = replace(made, slope=(replace(smaller, right=vanishing.t.Frac(vanishing.t.ONE, vanishing.t.number(5))),))
    monkeypatch.setattr(vanishing, "bound", lambda name: wrong)
    row = vanishing._row("sigmoid")
    assert not row.passed
    assert "the line 'slope' is off by" in row.message


def test_errors_that_theory_does_not_expect_are_found(monkeypatch):
    found = differences.example_errors()
    worse = tuple(replace(each, errors=tuple(100 * e for e in each.errors)) for each in found)
    monkeypatch.setattr(differences, "example_errors", lambda: worse)
    (row,) = differences.checks().values()
    assert not row.passed
    assert "the error of the central difference" in row.message


def test_chapters_are_listed_shown_and_verified_by_name(monkeypatch):
    monkeypatch.setattr(chapters, "load", chapter)
    listed = CliRunner().invoke(main, ["list", "--kind", "chapter"])
    assert "networks" in listed.output
    assert "Networks" in listed.output
    shown = CliRunner().invoke(main, ["show", "networks"])
    assert shown.exit_code == 0
    assert "A COMPUTATION IS A GRAPH" in shown.output


def test_a_project_of_ones_own_builds_its_derivations_only(tmp_path, monkeypatch):
    (tmp_path / "derivations").mkdir()
    shutil.copy(Path(__file__).parents[1] / "derivations" / "activations" / "relu.py", tmp_path / "derivations")
    monkeypatch.chdir(tmp_path)
    assert "networks" in chapters.known(project())
    assert build((), ("md",), project(), jobs=1).made == ("relu",)


def test_equations_stand_below_each_other_in_every_format():
    a, b, c = (Formula(name, name) for name in "abc")
    rows = (Chain(a, (b, c)), Chain(None, (c,)), Chain(None, (b,), "+"))
    template = "<< rows | aligned >>"
    made = {form: _inline(template, form, rows=rows) for form in ("md", "typ", "txt")}
    assert made["md"] == r"\begin{aligned} a &= b = c \\   &= c \\   &\quad {}+ b \end{aligned}"
    assert made["typ"] == "a &= b = c \\   &= c \\   &quad + b"
    assert made["txt"] == "a = b = c\n  = c\n    + b"


def _inline(source: str, form: str, **values: object) -> str:
    from chainrule.catalogue import shipped
    from chainrule.rendering import _environment

    return _environment(form, (shipped("templates"),)).from_string(source).render(**values)


def test_a_format_that_no_page_has_is_named():
    with pytest.raises(RenderError, match="format 'rtf': it is one of md, tex, typ, txt"):
        render_page("networks.j2", "rtf")
