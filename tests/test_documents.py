"""Every formula of every document, printed as LaTeX, reads back as what was meant; and the README says what is true."""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from latex_reader import read
from test_printing import survives

from chainrule import derive_all, load
from chainrule.calculus.derivation import Derivation
from chainrule.calculus.forms import forms
from chainrule.calculus.views import lines
from chainrule.catalogue import builtin, entries
from chainrule.expression.convert import from_sympy
from chainrule.expression.printing import latex
from chainrule.expression.tree import Constant, Node, Symbol, contains, substitute

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(entries((builtin(),)))


def formulas(derivation: Derivation) -> Iterator[Node]:
    """Every formula that a document prints of a derivation, at every level of detail."""
    for lemma in derivation.lemmas:
        yield from formulas(lemma)
    yield derivation.equation
    for detail in ("brief", "normal", "full"):
        for line in lines(derivation, detail):  # type: ignore[arg-type]
            yield line.right
            yield from line.notes
            yield from (statement for _, statement in line.rules if statement is not None)
    yield from (form for _, form in forms(derivation))
    for kink in derivation.kinks:
        yield from (from_sympy(e) for e in (kink.location, kink.left_slope, kink.right_slope, kink.code_value))


def _unmistakable(node: Node) -> Node:
    """A variable named e looks like Euler's number: it is read back under another name where that number does not occur."""
    return substitute(node, {Symbol("e"): Symbol("E")}) if not contains(node, Constant("e")) else node


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_reads_back(name: str) -> None:
    shown = {_unmistakable(n): None for derivation in derive_all(load(name)) for n in formulas(derivation)}
    lost = [latex(node) for node in shown if not survives(node)]
    assert lost == []
    assert len(shown) > 3


def test_the_reader_is_not_blind() -> None:
    assert read(r"a - b") != read(r"b - a")


def test_the_readme_is_true() -> None:
    text = "\n\n".join(re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL))
    examples = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
    found = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(examples)
    assert found.attempted > 8
    assert found.failed == 0


def test_links_in_the_readme_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert target.startswith("http") or (ROOT / target).exists(), target
