"""Vectors and matrices of any size that users bring: what is derived, in components and in matrix notation, each line and each form checked numerically."""

import pytest
import sympy as sp
from formulas import CASES, REFUSED, A, Case, R, U, V, Y, k, square, z

from chainrule.calculus.derivation import Derivation
from chainrule.calculus.derive import derive
from chainrule.calculus.forms import axes_of, forms
from chainrule.errors import UnsupportedExpression
from chainrule.expression import tree as t
from chainrule.expression.printing import text
from chainrule.verification import check_matrix_form, verify


def derived(case: Case) -> Derivation:
    return derive(case.expression, wrt=case.wrt, order=case.order, **case.more)


@pytest.mark.parametrize("name", CASES)
def test_every_line_holds_and_the_matrix_form_is_that_of_the_components(name: str) -> None:
    case = CASES[name]
    derivation = derived(case)
    verify(derivation).raise_if_failed()
    matrix_forms = [form for key, form in forms(derivation) if key == "matrix"]
    for form in matrix_forms:
        assert isinstance(form, t.Equation)
        found = check_matrix_form(derivation.final, form.right, axes_of(derivation), derivation.scope)
        assert found.passed, found.detail
        if case.form:
            assert text(form.right) == case.form
    assert bool(matrix_forms) or not case.form


def test_a_transposed_matrix_form_is_caught() -> None:
    derivation = derived(CASES["yᵀWx by W"])
    wrong = t.Outer(t.Vector("x"), t.Vector("y"))
    assert not check_matrix_form(derivation.final, wrong, axes_of(derivation), derivation.scope).passed


SILENT_ZEROS = {
    "ridge loss": (square(R * U - Y) + sp.Trace(U.T * U), U),
    "Tr(EᵀE) + 1": (square(R - R * V * V.T) + 1, V),
    "log det A": (sp.log(sp.Determinant(A)), A),
    "logsumexp": (sp.log(sp.Sum(sp.exp(z[k]), k)), z),
}


@pytest.mark.parametrize("name", SILENT_ZEROS)
def test_what_sympy_silently_makes_zero_is_not_zero_here(name: str) -> None:
    expression, variable = SILENT_ZEROS[name]
    derivation = derive(expression, wrt=variable)
    assert derivation.final != t.ZERO
    verify(derivation).raise_if_failed()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused_by_name(name: str) -> None:
    expression, variable, message = REFUSED[name]
    with pytest.raises(UnsupportedExpression, match=message):
        derive(expression, wrt=variable)
