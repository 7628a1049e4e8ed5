"""Writes docs/formulas.md: the formulas of tests/formulas.py, each with its derivative as it is printed.

python docs/write_formulas.py
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from formulas import CASES, REFUSED, Case  # noqa: E402  it lies with the tests, which check every row

import chainrule  # noqa: E402
from chainrule.calculus.derivation import Derivation  # noqa: E402
from chainrule.calculus.forms import forms  # noqa: E402
from chainrule.calculus.matrix_reading import read, with_symmetry  # noqa: E402
from chainrule.errors import UnsupportedExpression  # noqa: E402
from chainrule.expression import tree as t  # noqa: E402
from chainrule.expression.printing import latex, markdown  # noqa: E402

HEAD = """\
# Formulas of vectors and matrices

What `chainrule.derive` makes of the formulas below, which are stated in [tests/formulas.py](../tests/formulas.py) and written here by
`python docs/write_formulas.py`. Every line of every derivation, and every matrix form, is checked numerically by the tests. Sizes are symbols, so
a result holds for every size. The gradient by a matrix has the shape of the matrix; $f$ in a result is the value of the function itself;
$\\odot$ and a fraction of vectors work element by element.

| formula | by | derivative |
|---|---|---|
"""
REFUSALS = """
## Refused

Where there is no rule, an error says what and where. No derivative is silently wrong or 0.

| formula | answer |
|---|---|
"""


def derived(case: Case) -> Derivation:
    return chainrule.derive(case.expression, wrt=case.wrt, order=case.order, **case.more)


def whole(left: t.Node, right: t.Node, derivation: Derivation) -> t.Equation:
    """A named equation in matrix notation where there is such, in components otherwise."""
    indices = left.indices if isinstance(left, t.Component) else ()
    matrix = read(right, indices, derivation.scope)
    if matrix is None:
        return t.Equation(left, right)
    return t.Equation(bold(left), with_symmetry(matrix, derivation.scope))


def bold(node: t.Node) -> t.Node:
    if not isinstance(node, t.Component):
        return node
    return (t.Vector if len(node.indices) == 1 else t.Matrix)(node.base)


def named(derivation: Derivation) -> Iterator[t.Equation]:
    """The function and the equations that it refers to by name."""
    own, scope = derivation.equation, derivation.scope
    yield whole(own.left, own.right, derivation)
    for left in map(str, (getattr(e, "base", e) for e in derivation.definition.where)):
        if left in scope.scalars:
            yield whole(t.Symbol(left), scope.scalars[left], derivation)
        else:
            vector = scope.vectors[left]
            yield whole(t.Component(left, vector.indices), vector.body, derivation)


def row(case: Case) -> tuple[str, str, str]:
    """Formula, variable, derivative."""
    derivation = derived(case)
    form = dict(forms(derivation)).get("matrix", t.Equation(derivation.goal, derivation.final))
    assert isinstance(form, t.Equation)
    facts = (f"{maths(t.Matrix(str(owner)))} {fact}" for owner, fact in derivation.definition.facts.items())
    formula = ", ".join([*map(maths, named(derivation)), *facts])
    variable = maths(bold(derivation.variable))
    return formula, variable + ", Hessian" * (case.order - 1), maths(form.right)


def maths(node: t.Node) -> str:
    return f"${markdown(latex(node))}$"


def document() -> str:
    """The table; a formula that has several derivatives is written at the first of them."""
    rows, last = [], ""
    for case in CASES.values():
        formula, *rest = row(case)
        rows.append(f"| {' | '.join((formula if formula != last else '', *rest))} |")
        last = formula
    refused = [f"| {name} | {refusal(e, variable)} |" for name, (e, variable, _) in REFUSED.items()]
    return HEAD + "\n".join(rows) + "\n" + REFUSALS + "\n".join(refused) + "\n"


def refusal(expression: Any, variable: Any) -> str:
    try:
        chainrule.derive(expression, wrt=variable)
    except UnsupportedExpression as error:
        return str(error)
    raise AssertionError("derived, and not refused any more")


if __name__ == "__main__":
    (ROOT / "docs" / "formulas.md").write_text(document(), encoding="utf-8")
