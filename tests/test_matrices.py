"""Vectors and matrices of any size that users bring: what is derived, in components and in matrix notation, each line and each form checked numerically."""

from typing import Any, NamedTuple

import pytest
import sympy as sp

import chainrule
from chainrule.calculus.derivation import Derivation
from chainrule.calculus.derive import derive
from chainrule.calculus.forms import axes_of, facts, forms
from chainrule.errors import UnsupportedExpression
from chainrule.expression import tree as t
from chainrule.expression.printing import text
from chainrule.notation import dimension, index, matrix, one_hot, scalar, vector
from chainrule.verification import check_matrix_form, verify

m, n, p = (sp.Symbol(name, integer=True, positive=True) for name in "mnp")
A, B, X, S = (sp.MatrixSymbol(name, n, n) for name in ("A", "B", "X", "Sigma"))
a, b, x, mu = (sp.MatrixSymbol(name, n, 1) for name in ("a", "b", "x", "mu"))
W, y = sp.MatrixSymbol("W", m, n), sp.MatrixSymbol("y", m, 1)
R, U, Y, V = (
    sp.MatrixSymbol("X", m, n),
    sp.MatrixSymbol("W", n, p),
    sp.MatrixSymbol("Y", m, p),
    sp.MatrixSymbol("V", n, p),
)
Q, G, u, v = (
    sp.MatrixSymbol("Q", n, m),
    sp.MatrixSymbol("G", n, m),
    sp.MatrixSymbol("u", m, 1),
    sp.MatrixSymbol("v", m, 1),
)
K, N, D, H = dimension("K"), dimension("N"), dimension("d"), dimension("H")
i, j, k, l = (index(name, K) for name in "ijkl")
r, g, h = index("r", N), index("g", D), index("h", H)
z, q, c = vector("z", K), vector("q", K), vector("c", K)
labels, s = one_hot("y", K), vector("s", K)
data, targets, w = matrix("X", N, D), vector("y", N), vector("w", D)
T, lam, mean = scalar("T"), scalar("lambda"), scalar("mu")
sigmoid = chainrule.load("sigmoid")
softmax = {s[i]: sp.exp(z[i]) / sp.Sum(sp.exp(z[k]), k)}
score = sp.Sum(w[g] * data[r, g], g)
W1, b1, W2, b2 = matrix("W_1", H, D), vector("b_1", H), matrix("W_2", K, H), vector("b_2", K)
hidden, entry, truth = vector("h", H), vector("x", D), vector("y", K)
network = {hidden[h]: sigmoid(sp.Sum(W1[h, g] * entry[g], g) + b1[h])}
error = sp.Sum((sp.Sum(W2[k, h] * hidden[h], h) + b2[k] - truth[k]) ** 2, k) / 2
gaussian = sp.log(sp.Determinant(S)) / 2 + ((x - mu).T * S.I * (x - mu))[0, 0] / 2
SYMMETRIC = {"facts": {S: "symmetric"}}
ONCE = {"where": network, "uses": (sigmoid,)}
weights, rows, logits = matrix("W", D, K), matrix("Y", N, K), matrix("Z", N, K)
shares = matrix("S", N, K)
regression = {
    logits[r, k]: sp.Sum(data[r, g] * weights[g, k], g),
    shares[r, k]: sp.exp(logits[r, k]) / sp.Sum(sp.exp(logits[r, l]), l),
}


def square(e: Any) -> Any:
    return sp.Trace(e.T * e)


class Case(NamedTuple):
    expression: Any
    wrt: Any
    form: str
    more: dict[str, Any] = {}  # noqa: RUF012  never changed


CASES = {
    "aᵀx": Case(a.T * x, x, "a"),
    "xᵀx": Case(x.T * x, x, "2 x"),
    "xᵀAx": Case(x.T * A * x, x, "A x + Aᵀ x"),
    "xᵀAx, A symmetric": Case(x.T * A * x, x, "2 A x", {"facts": {A: "symmetric"}}),
    "‖x‖": Case(sp.sqrt((x.T * x)[0, 0]), x, "x/‖x‖"),
    "‖x - a‖": Case(sp.sqrt(((x - a).T * (x - a))[0, 0]), x, "(x - a)/‖x - a‖"),
    "x/‖x‖": Case(z[i] / sp.sqrt(sp.Sum(z[k] ** 2, k)), z[j], "I/‖z‖ - z zᵀ/‖z‖³", {"index": i}),
    "cosine": Case(
        sp.Sum(z[k] * c[k], k) / sp.sqrt(sp.Sum(z[k] ** 2, k)) / sp.sqrt(sp.Sum(c[k] ** 2, k)),
        z,
        "(‖z‖² c - (cᵀ z) z)/(‖c‖ ‖z‖³)",
    ),
    "yᵀWx by x": Case(y.T * W * x, x, "Wᵀ y"),
    "yᵀWx by W": Case(y.T * W * x, W, "y xᵀ"),
    "yᵀWx by y": Case(y.T * W * x, y, "W x"),
    "tr X": Case(sp.Trace(X), X, "I"),
    "tr AX": Case(sp.Trace(A * X), X, "Aᵀ"),
    "tr AXB": Case(sp.Trace(A * X * B), X, "Aᵀ Bᵀ"),
    "tr AXᵀ": Case(sp.Trace(A * X.T), X, "A"),
    "tr XᵀX": Case(sp.Trace(X.T * X), X, "2 X"),
    "tr XᵀAX": Case(sp.Trace(X.T * A * X), X, "A X + Aᵀ X"),
    "tr X²": Case(sp.Trace(X * X), X, "2 Xᵀ"),
    "aᵀXb": Case(a.T * X * b, X, "a bᵀ"),
    "aᵀXᵀb": Case(a.T * X.T * b, X, "b aᵀ"),
    "‖X‖": Case(sp.sqrt(sp.Trace(X.T * X)), X, "X/‖X‖_F"),
    "‖XW - Y‖² by X": Case(square(R * U - Y), R, "2 (X W - Y) Wᵀ"),
    "‖XW - Y‖² by W": Case(square(R * U - Y), U, "2 Xᵀ (X W - Y)"),
    "‖XW - Y‖² by Y": Case(square(R * U - Y), Y, "2 Y - 2 X W"),
    "ridge": Case(sp.Sum((score - targets[r]) ** 2, r) + lam * sp.Sum(w[g] ** 2, g), w, "2 · λ w + 2 Xᵀ (X w - y)"),
    "‖X - XVVᵀ‖²": Case(square(R - R * V * V.T), V, "-2 (Xᵀ - V Vᵀ Xᵀ) X V - 2 Xᵀ (X - X V Vᵀ) V"),
    "log det X": Case(sp.log(sp.Determinant(X)), X, "(X⁻¹)ᵀ"),
    "det X": Case(sp.Determinant(X), X, "f (X⁻¹)ᵀ"),
    "aᵀX⁻¹b": Case(a.T * X.I * b, X, "-(X⁻¹)ᵀ a (X⁻¹ b)ᵀ"),
    "Mahalanobis by x": Case((x - mu).T * S.I * (x - mu), x, "2 Σ⁻¹ (x - μ)", SYMMETRIC),
    "Mahalanobis by μ": Case((x - mu).T * S.I * (x - mu), mu, "-2 Σ⁻¹ (x - μ)", SYMMETRIC),
    "Mahalanobis by Σ": Case((x - mu).T * S.I * (x - mu), S, "-Σ⁻¹ (x - μ) (Σ⁻¹ (x - μ))ᵀ", SYMMETRIC),
    "Gaussian by μ": Case(gaussian, mu, "-Σ⁻¹ (x - μ)", SYMMETRIC),
    "Gaussian by Σ": Case(gaussian, S, "(Σ⁻¹ - Σ⁻¹ (x - μ) (Σ⁻¹ (x - μ))ᵀ)/2", SYMMETRIC),
    "logistic regression": Case(
        sp.Sum(sp.log(1 + sp.exp(-targets[r] * score)), r), w, "-Xᵀ (y ⊙ (1 - σ(y ⊙ X w)))", {"uses": (sigmoid,)}
    ),
    "Poisson regression": Case(sp.Sum(sp.exp(score) - targets[r] * score, r), w, "Xᵀ (exp(X w) - y)"),
    "softmax regression": Case(
        -sp.Sum(sp.Sum(rows[r, k] * sp.log(shares[r, k]), k), r),
        weights,
        "-Xᵀ (Y - diag(Y 1) S)",
        {"where": regression},
    ),
    "logsumexp of Wx + b": Case(
        sp.log(sp.Sum(sp.exp(sp.Sum(weights[g, k] * entry[g], g) + c[k]), k)),
        entry,
        "W exp(c + Wᵀ x)/(1ᵀ exp(c + Wᵀ x))",
    ),
    "temperature by z": Case(
        sp.exp(z[i] / T) / sp.Sum(sp.exp(z[k] / T), k),
        z[j],
        "",
        {"index": i, "domain": {T: sp.Interval.open(0, sp.oo)}},
    ),
    "temperature by T": Case(
        sp.exp(z[i] / T) / sp.Sum(sp.exp(z[k] / T), k), T, "", {"index": i, "domain": {T: sp.Interval.open(0, sp.oo)}}
    ),
    "entropy of softmax": Case(
        -sp.Sum(s[k] * sp.log(s[k]), k), z, "-s ⊙ (1 + log s - (sᵀ (1 + log s)) 1)", {"where": softmax}
    ),
    "KL of softmax": Case(sp.Sum(s[k] * sp.log(s[k] / q[k]), k), z, "", {"where": softmax}),
    "variance": Case(sp.Sum((z[k] - mean) ** 2, k) / K, z, "2 (z - μ 1)/K", {"where": {mean: sp.Sum(z[k], k) / K}}),
    "hinge losses": Case(sp.Sum(sp.Max(0, 1 - targets[r] * score), r), w, ""),
    "network by W₁": Case(error, W1, "(h ⊙ (1 - h) ⊙ W₂ᵀ (b₂ + W₂ h - y)) xᵀ", ONCE),
    "network by b₁": Case(error, b1, "h ⊙ (1 - h) ⊙ W₂ᵀ (b₂ + W₂ h - y)", ONCE),
    "network by W₂": Case(error, W2, "(b₂ + W₂ h - y) hᵀ", ONCE),
    "network by b₂": Case(error, b2, "b₂ + W₂ h - y", ONCE),
    "network by x": Case(error, entry, "W₁ᵀ (h ⊙ (1 - h) ⊙ W₂ᵀ (b₂ + W₂ h - y))", ONCE),
    "bilinear attention by Q": Case((Q * u).T * (G * v), Q, "G v uᵀ"),
    "bilinear attention by G": Case((Q * u).T * (G * v), G, "Q u vᵀ"),
    "elementwise sigmoid": Case(sigmoid(z[i]), z[j], "diag(f ⊙ (1 - f))", {"index": i, "uses": (sigmoid,)}),
}


def derived(case: Case, order: int = 1) -> Derivation:
    return derive(case.expression, wrt=case.wrt, order=order, **case.more)


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


def test_the_hessian_of_logistic_regression_is_a_weighted_gram_matrix() -> None:
    derivation = derived(CASES["logistic regression"], order=2)
    verify(derivation).raise_if_failed()
    form = dict(forms(derivation))["matrix"]
    assert isinstance(form, t.Equation)
    assert text(form.right) == "Xᵀ diag(y ⊙ y ⊙ σ(y ⊙ X w) ⊙ (1 - σ(y ⊙ X w))) X"


def test_the_vector_jacobian_product_of_softmax_is_derived() -> None:
    derivation = chainrule.derive_all(chainrule.load("softmax"))[0]
    found = dict(forms(derivation))
    assert text(found["vjp"]) == "Σᵢ gᵢ · ∂sᵢ/∂zⱼ = sⱼ (gⱼ - Σₖ gₖ sₖ)"
    assert text(found["vjp_matrix"]).endswith("= s ⊙ (g - (gᵀ s) 1)")
    assert facts(derivation) == ("symmetric", "rows_sum_to_zero", "positive_semidefinite")


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


REFUSED = {
    "inverse of a product": (sp.Trace((X.T * X).I), X, "needs a name"),
    "a dimension that is a number": (sp.Trace(sp.MatrixSymbol("C", 3, 3)), sp.MatrixSymbol("C", 3, 3), "not a symbol"),
    "a power that is no whole number": (sp.Trace(sp.MatPow(X, sp.Rational(1, 2))), X, "power"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused_by_name(name: str) -> None:
    expression, variable, message = REFUSED[name]
    with pytest.raises(UnsupportedExpression, match=message):
        derive(expression, wrt=variable)
