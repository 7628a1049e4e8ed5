"""Formulas of vectors and matrices that users bring, and the derivative that is expected of each, as it is printed.

The tests derive and check every row; ``docs/write_formulas.py`` writes the table ``docs/formulas.md`` from them. To add a formula, add a row."""

from typing import Any, NamedTuple

import sympy as sp

import chainrule
from chainrule.notation import dimension, index, matrix, one_hot, scalar, vector

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
mahalanobis = ((x - mu).T * S.I * (x - mu))[0, 0]
gaussian = -sp.log(sp.Determinant(S)) / 2 - mahalanobis / 2 - n * sp.log(2 * sp.pi) / 2
SYMMETRIC = {"facts": {S: "symmetric"}}
ONCE = {"where": network, "uses": (sigmoid,)}
design, slopes, bias = matrix("A", K, D), matrix("W", K, D), vector("b", K)
affine = {k: sp.Sum(slopes[k, g] * entry[g], g) + bias[k] for k in (i, l)}
classifier = {s[i]: sp.exp(affine[i]) / sp.Sum(sp.exp(affine[l]), l)}
ratings, P, C, edge = (
    sp.MatrixSymbol("R", m, n),
    sp.MatrixSymbol("U", m, p),
    sp.MatrixSymbol("C", n, n),
    scalar("delta"),
)
weights, rows, logits = matrix("W", D, K), matrix("Y", N, K), matrix("Z", N, K)
shares = matrix("S", N, K)
regression = {
    logits[r, k]: sp.Sum(data[r, g] * weights[g, k], g),
    shares[r, k]: sp.exp(logits[r, k]) / sp.Sum(sp.exp(logits[r, l]), l),
}


def square(e: Any) -> Any:
    return sp.Trace(e.T * e)


class Case(NamedTuple):
    """A formula, the variable, the derivative in matrix notation as text ("" where there is none), what else ``derive`` is told."""

    expression: Any
    wrt: Any
    form: str
    more: dict[str, Any] = {}  # noqa: RUF012  never changed
    order: int = 1


CASES = {
    "aᵀx": Case(a.T * x, x, "a"),
    "xᵀx": Case(x.T * x, x, "2 x"),
    "xᵀAx": Case(x.T * A * x, x, "(A + Aᵀ) x"),
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
    "tr XᵀAX": Case(sp.Trace(X.T * A * X), X, "(A + Aᵀ) X"),
    "tr X²": Case(sp.Trace(X * X), X, "2 Xᵀ"),
    "aᵀXb": Case(a.T * X * b, X, "a bᵀ"),
    "aᵀXᵀb": Case(a.T * X.T * b, X, "b aᵀ"),
    "‖X‖": Case(sp.sqrt(sp.Trace(X.T * X)), X, "X/‖X‖_F"),
    "‖XW - Y‖² by X": Case(square(R * U - Y), R, "2 (X W - Y) Wᵀ"),
    "‖XW - Y‖² by W": Case(square(R * U - Y), U, "2 Xᵀ (X W - Y)"),
    "‖XW - Y‖² by Y": Case(square(R * U - Y), Y, "2 (Y - X W)"),
    "ridge": Case(sp.Sum((score - targets[r]) ** 2, r) + lam * sp.Sum(w[g] ** 2, g), w, "2 (Xᵀ (X w - y) + λ w)"),
    "‖X - XVVᵀ‖²": Case(square(R - R * V * V.T), V, "-2 ((Xᵀ - V Vᵀ Xᵀ) X + Xᵀ (X - X V Vᵀ)) V"),
    "log det X": Case(sp.log(sp.Determinant(X)), X, "X⁻ᵀ"),
    "det X": Case(sp.Determinant(X), X, "f X⁻ᵀ"),
    "aᵀX⁻¹b": Case(a.T * X.I * b, X, "-X⁻ᵀ a bᵀ X⁻ᵀ"),
    "Mahalanobis by x": Case((x - mu).T * S.I * (x - mu), x, "2 Σ⁻¹ (x - μ)", SYMMETRIC),
    "Mahalanobis by μ": Case((x - mu).T * S.I * (x - mu), mu, "2 Σ⁻¹ (μ - x)", SYMMETRIC),
    "Mahalanobis by Σ": Case((x - mu).T * S.I * (x - mu), S, "-Σ⁻¹ (x - μ) (x - μ)ᵀ Σ⁻¹", SYMMETRIC),
    "Mahalanobis distance by x": Case(sp.sqrt(mahalanobis), x, "Σ⁻¹ (x - μ)/√((x - μ)ᵀ Σ⁻¹ (x - μ))", SYMMETRIC),
    "Mahalanobis distance by μ": Case(sp.sqrt(mahalanobis), mu, "Σ⁻¹ (μ - x)/√((x - μ)ᵀ Σ⁻¹ (x - μ))", SYMMETRIC),
    "Mahalanobis distance by Σ": Case(
        sp.sqrt(mahalanobis), S, "-Σ⁻¹ (x - μ) (x - μ)ᵀ Σ⁻¹/(2 √((x - μ)ᵀ Σ⁻¹ (x - μ)))", SYMMETRIC
    ),
    "Gaussian log-likelihood by μ": Case(gaussian, mu, "Σ⁻¹ (x - μ)", SYMMETRIC),
    "Gaussian log-likelihood by Σ": Case(gaussian, S, "(Σ⁻¹ (x - μ) (x - μ)ᵀ Σ⁻¹ - Σ⁻¹)/2", SYMMETRIC),
    "logistic regression": Case(
        sp.Sum(sp.log(1 + sp.exp(-targets[r] * score)), r), w, "-Xᵀ (y ⊙ (1 - σ(y ⊙ X w)))", {"uses": (sigmoid,)}
    ),
    "logistic regression, Hessian": Case(
        sp.Sum(sp.log(1 + sp.exp(-targets[r] * score)), r),
        w,
        "Xᵀ diag(y ⊙ y ⊙ σ(y ⊙ X w) ⊙ (1 - σ(y ⊙ X w))) X",
        {"uses": (sigmoid,)},
        order=2,
    ),
    "logistic losses of a matrix": Case(
        sp.Sum(sp.log(1 + sp.exp(-rows[r, k] * sp.Sum(data[r, g] * weights[g, k], g))), k, r),
        weights,
        "-Xᵀ (Y ⊙ (1 1ᵀ - σ(Y ⊙ X W)))",
        {"uses": (sigmoid,)},
    ),
    "Poisson regression": Case(sp.Sum(sp.exp(score) - targets[r] * score, r), w, "Xᵀ (exp(X w) - y)"),
    "softmax regression": Case(
        -sp.Sum(sp.Sum(rows[r, k] * sp.log(shares[r, k]), k), r),
        weights,
        "Xᵀ (diag(Y 1) S - Y)",
        {"where": regression},
    ),
    "logsumexp of Ax + b": Case(
        sp.log(sp.Sum(sp.exp(sp.Sum(design[k, g] * entry[g], g) + bias[k]), k)),
        entry,
        "Aᵀ exp(A x + b)/(1ᵀ exp(A x + b))",
    ),
    "‖σ(Wx) - y‖² by W": Case(
        sp.Sum((sigmoid(sp.Sum(slopes[k, g] * entry[g], g)) - truth[k]) ** 2, k),
        slopes,
        "2 ((σ(W x) - y) ⊙ σ(W x) ⊙ (1 - σ(W x))) xᵀ",
        {"uses": (sigmoid,)},
    ),
    "temperature by z": Case(
        sp.exp(z[i] / T) / sp.Sum(sp.exp(z[k] / T), k),
        z[j],
        "(diag(f) - f fᵀ)/T",
        {"index": i, "domain": {T: sp.Interval.open(0, sp.oo)}},
    ),
    "temperature by T": Case(
        sp.exp(z[i] / T) / sp.Sum(sp.exp(z[k] / T), k),
        T,
        "(f ⊙ ((fᵀ z) 1 - z))/T²",
        {"index": i, "domain": {T: sp.Interval.open(0, sp.oo)}},
    ),
    "entropy of softmax": Case(-sp.Sum(s[k] * sp.log(s[k]), k), z, "s ⊙ ((sᵀ log s) 1 - log s)", {"where": softmax}),
    "KL of softmax": Case(
        sp.Sum(s[k] * sp.log(s[k] / q[k]), k), z, "s ⊙ (log(s/q) - (sᵀ log(s/q)) · 1)", {"where": softmax}
    ),
    "variance": Case(sp.Sum((z[k] - mean) ** 2, k) / K, z, "2 (z - μ 1)/K", {"where": {mean: sp.Sum(z[k], k) / K}}),
    "standard deviation": Case(
        sp.sqrt(sp.Sum((z[k] - mean) ** 2, k) / K),
        z,
        "(z - μ 1)/(√K ‖z - μ 1‖)",
        {"where": {mean: sp.Sum(z[k], k) / K}},
    ),
    "Huber losses": Case(
        sp.Sum(
            sp.Piecewise(
                ((z[k] - c[k]) ** 2 / 2, sp.Abs(z[k] - c[k]) <= edge),
                (edge * (sp.Abs(z[k] - c[k]) - edge / 2), True),
            ),
            k,
        ),
        z,
        "(z - c) ⊙ 1[abs(z - c) < δ] + δ (sgn(z - c) ⊙ 1[abs(z - c) > δ])",
        {"domain": {edge: sp.Interval.open(0, sp.oo)}},
    ),
    "cross-entropy of softmax(Wx + b) by x": Case(
        -sp.Sum(labels[k] * sp.log(s[k]), k), entry, "Wᵀ (s - y)", {"where": classifier}
    ),
    "cross-entropy of softmax(Wx + b) by W": Case(
        -sp.Sum(labels[k] * sp.log(s[k]), k), slopes, "(s - y) xᵀ", {"where": classifier}
    ),
    "cross-entropy of softmax(Wx + b) by b": Case(
        -sp.Sum(labels[k] * sp.log(s[k]), k), bias, "s - y", {"where": classifier}
    ),
    "‖R - UVᵀ‖² by U": Case(square(ratings - P * V.T), P, "2 (U Vᵀ - R) V"),
    "‖R - UVᵀ‖² by V": Case(square(ratings - P * V.T), V, "2 (V Uᵀ - Rᵀ) U"),
    "‖AXB - C‖² by X": Case(square(A * X * B - C), X, "2 Aᵀ (A X B - C) Bᵀ"),
    "Rayleigh quotient": Case(
        (x.T * A * x)[0, 0] / (x.T * x)[0, 0], x, "2 (‖x‖² A x - (xᵀ A x) x)/‖x‖⁴", {"facts": {A: "symmetric"}}
    ),
    "‖x‖⁴": Case((x.T * x)[0, 0] ** 2, x, "4 ‖x‖² x"),
    "InfoNCE": Case(
        sp.log(sp.Sum(sp.exp(sp.Sum(entry[g] * data[r, g], g) / T), r)) - sp.Sum(w[g] * entry[g], g) / T,
        entry,
        "Xᵀ exp(X x/T)/(T 1ᵀ exp(X x/T)) - w/T",
        {"domain": {T: sp.Interval.open(0, sp.oo)}},
    ),
    "hinge losses": Case(sp.Sum(sp.Max(0, 1 - targets[r] * score), r), w, "-Xᵀ (y ⊙ 1[y ⊙ X w < 1])"),
    "network by W₁": Case(error, W1, "(h ⊙ (1 - h) ⊙ W₂ᵀ (W₂ h + b₂ - y)) xᵀ", ONCE),
    "network by b₁": Case(error, b1, "h ⊙ (1 - h) ⊙ W₂ᵀ (W₂ h + b₂ - y)", ONCE),
    "network by W₂": Case(error, W2, "(W₂ h + b₂ - y) hᵀ", ONCE),
    "network by b₂": Case(error, b2, "W₂ h + b₂ - y", ONCE),
    "network by x": Case(error, entry, "W₁ᵀ (h ⊙ (1 - h) ⊙ W₂ᵀ (W₂ h + b₂ - y))", ONCE),
    "bilinear attention by Q": Case((Q * u).T * (G * v), Q, "G v uᵀ"),
    "bilinear attention by G": Case((Q * u).T * (G * v), G, "Q u vᵀ"),
    "elementwise sigmoid": Case(sigmoid(z[i]), z[j], "diag(f ⊙ (1 - f))", {"index": i, "uses": (sigmoid,)}),
}

REFUSED: dict[str, tuple[Any, Any, str]] = {
    # formula: the expression, the variable, a word of the error
    "tr (XᵀX)⁻¹ by X": (sp.Trace((X.T * X).I), X, "needs a name"),
    "tr C by C, where C has 3 rows": (sp.Trace(sp.MatrixSymbol("C", 3, 3)), sp.MatrixSymbol("C", 3, 3), "not a symbol"),
    "tr X^(1/2) by X": (sp.Trace(sp.MatPow(X, sp.Rational(1, 2))), X, "power"),
}
