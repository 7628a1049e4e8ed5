"""What is said of a matrix of derivatives beside its form: cases and facts, shown where they hold, checked, and caught where they do not."""

import pytest
import sympy as sp

import chainrule
from chainrule.calculus.derivation import Derivation
from chainrule.calculus.derive import derive, derive_all
from chainrule.calculus.matrix_facts import facts
from chainrule.expression import tree as t
from chainrule.expression.printing import text
from chainrule.notation import dimension, index, matrix, scalar, vector
from chainrule.verification import matrices, verify

K, N = dimension("K"), dimension("N")
i, j, k, r = index("i", K), index("j", K), index("k", K), index("r", N)
z, a, X, y = vector("z", K), vector("a", K), matrix("X", N, K), vector("y", N)
lam = scalar("lambda")
least_squares = sp.Sum((sp.Sum(X[r, k] * z[k], k) - y[r]) ** 2, r)
sigmoid = chainrule.load("sigmoid")
logistic = sp.Sum(sp.log(1 + sp.exp(-sp.Sum(X[r, k] * z[k], k))), r)


def hessian(expression: sp.Expr, **more: object) -> Derivation:
    return derive(expression, wrt=z[j], order=2, **more)


CASES = {
    "softmax": (lambda: derive_all(chainrule.load("softmax"))[0], ("symmetric", "rows_sum_to_zero", "positive_semidefinite")),
    "softmin": (lambda: derive_all(chainrule.load("softmin"))[0], ("symmetric", "rows_sum_to_zero")),
    "log-softmax": (lambda: derive_all(chainrule.load("log_softmax"))[0], ("rows_sum_to_zero",)),
    "element-wise": (lambda: derive_all(chainrule.load("elementwise_tanh"))[0], ("diagonal",)),
    "least squares": (lambda: hessian(least_squares), ("symmetric", "positive_semidefinite")),
    "logistic": (lambda: hessian(logistic, uses=(sigmoid,)), ("symmetric", "positive_semidefinite")),
    "penalty": (lambda: hessian(lam * sp.Sum(z[k] ** 2, k), domain={lam: sp.Interval(0, sp.oo)}), ("diagonal", "positive_semidefinite")),
    "penalty of any sign": (lambda: hessian(lam * sp.Sum(z[k] ** 2, k)), ("diagonal",)),
    "a square": (lambda: hessian(sp.Sum(a[k] * z[k], k) ** 2), ("symmetric", "positive_semidefinite")),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_facts_that_follow_are_shown_and_hold(name: str) -> None:
    make, expected = CASES[name]
    derivation = make()
    assert facts(derivation) == expected
    verify(derivation).raise_if_failed()


@pytest.mark.parametrize("claim", matrices.FACTS)
def test_a_false_fact_is_caught(claim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = derive(z[i] * sp.Sum(a[k] * z[k], k), wrt=z[j], index=i)
    assert facts(derivation) == ()
    monkeypatch.setattr(matrices, "facts", lambda _: (claim,))
    verification = verify(derivation)
    assert not verification.passed
    assert claim.replace("_", " ") in verification.messages[0]


def test_a_delta_of_a_class_is_no_case() -> None:
    second = derive_all(chainrule.load("sparse_categorical_cross_entropy"))[1]
    verify(second).raise_if_failed()
    assert text(second.final) == "δ_cj δ_ck/p_c²"
    assert [key for key, _ in matrices.forms(second)] == ["matrix"]


def test_wrong_cases_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = derive_all(chainrule.load("softmax"))[0]
    right = matrices.forms(derivation)
    (key, form), *others = right
    assert key == "cases" and isinstance(form, t.Equation) and isinstance(form.right, t.Cases)
    first, second = form.right.branches
    wrong = t.Equation(form.left, t.Cases((first, t.Branch(t.Neg(second.value), second.condition))))
    monkeypatch.setattr(matrices, "forms", lambda _: ((key, wrong), *others))
    assert any("the cases" in message for message in verify(derivation).messages)
