"""Generated functions of vectors and matrices: each against its definition, products against numerical derivatives with random vectors, reductions,
axes, batches, errors; and every check catches a function that was tampered with."""

import math
from functools import lru_cache
from typing import Any

import mpmath
import numpy as np
import pytest
from sympy import Determinant, Interval, KroneckerDelta, MatrixSymbol, Sum, Symbol, exp, gamma, log, oo, sqrt, tanh

import chainrule
from chainrule.calculus.derive import derive_all
from chainrule.catalogue import use
from chainrule.codegen import vector_checking, vector_writer
from chainrule.codegen.modules import check_module, module_source
from chainrule.codegen.numpy_source import load
from chainrule.codegen.printing import body
from chainrule.codegen.specs import spec_of
from chainrule.codegen.vector_spec import VectorSpec
from chainrule.codegen.vector_stable import LETTERS
from chainrule.definition import Definition
from chainrule.errors import DefinitionError, UnsupportedExpression
from chainrule.expression.printing import text
from chainrule.functions import softmax, softmax_cross_entropy
from chainrule.notation import dimension, index, matrix, one_hot, scalar, vector
from chainrule.runtime.vector import VectorFunction
from chainrule.verification import verify_all

K, M, N, D = dimension("K"), dimension("m"), dimension("N"), dimension("n")
i, j, k, c = (index(name, K) for name in "ijkc")
z, p, q, s, y = vector("z", K), vector("p", K), vector("q", K), vector("s", K), one_hot("y", K)
r, a, o, g, h = index("r", N), index("a", D), index("o", M), index("g", D), index("h", M)
X, w, target = matrix("X", N, D), vector("w", D), vector("y", N)
W, b, x = matrix("W", M, D), vector("b", M), vector("x", D)
T, decay, smoothing = scalar("T"), scalar("lambda"), scalar("alpha")
mu, var, scale, eps = scalar("mu"), scalar("v"), scalar("s"), scalar("epsilon")
hat, gain, shift = vector("xhat", K), vector("gamma", K), vector("beta", K)
A = MatrixSymbol("A", *(Symbol("n", integer=True, positive=True),) * 2)
SOFTMAX = {s[i]: exp(z[i]) / Sum(exp(z[k]), k)}
NORMALISED = {
    mu: Sum(z[k], k) / K,
    var: Sum((z[k] - mu) ** 2, k) / K,
    scale: sqrt(var + eps),
    hat[i]: (z[i] - mu) / scale,
}
POSITIVE = Interval.open(0, oo)


def defined(expression: Any, **words: Any) -> Definition:
    words = {"symbol": "L", "name": "f", "title": "A test", "source": "test", **words}
    return Definition(expression, **words)


def loss(expression: Any, **words: Any) -> Definition:
    return defined(expression, kind="loss", **words)


def layer(expression: Any, **words: Any) -> Definition:
    return defined(expression, **{"symbol": "f", "index": i, **words})


DEFINITIONS = {
    "softmax": layer(exp(z[i]) / Sum(exp(z[k]), k), wrt=z[j], symbol="s"),
    "softmin": layer(exp(-z[i]) / Sum(exp(-z[k]), k), wrt=z[j], symbol="s"),
    "log-softmax": layer(z[i] - log(Sum(exp(z[k]), k)), wrt=z[j]),
    "log of softmax": layer(log(s[i]), wrt=z[j], where=SOFTMAX),
    "logsumexp": defined(log(Sum(exp(z[k]), k)), wrt=z[j]),
    "temperature": layer(exp(z[i] / T) / Sum(exp(z[k] / T), k), wrt=(z[j], T), symbol="s", parameters={T: 1.0}, domain={T: POSITIVE}),
    "cross-entropy, one-hot": loss(-Sum(y[k] * log(s[k]), k), wrt=z[j], where=SOFTMAX),
    "cross-entropy, class index": loss(-log(s[c]), wrt=z[j], where=SOFTMAX, arguments={"logits": z, "label": c}),
    "cross-entropy, delta": loss(-Sum(KroneckerDelta(k, c) * log(s[k]), k), wrt=z[j], where=SOFTMAX),
    "cross-entropy with decay": loss(-log(s[c]) + decay * Sum(z[k] ** 2, k) / 2, wrt=z[j], where=SOFTMAX, arguments={"weight": decay}, parameters={decay: 0.1}),
    "label smoothing": loss(
        -Sum(((1 - smoothing) * y[k] + smoothing / K) * log(s[k]), k), wrt=z[j], where=SOFTMAX, parameters={smoothing: 0.1}, domain={smoothing: Interval(0, 1)}
    ),
    "cross-entropy of probabilities": loss(-Sum(y[k] * log(p[k]), k), wrt=p[j]),
    "KL divergence": loss(Sum(p[k] * log(p[k] / q[k]), k), wrt=(q[j], p[j])),
    "mean squared error": loss(Sum((p[k] - q[k]) ** 2, k) / K, wrt=(p[j], q[j])),
    "ridge": loss(
        Sum((Sum(X[r, g] * w[g], g) - target[r]) ** 2, r) / N + decay * Sum(w[g] ** 2, g) / 2,
        wrt=w[a], arguments={"w": w, "X": X, "y": target, "weight": decay}, parameters={decay: 0.1},
    ),
    "logistic regression": loss(Sum(log(1 + exp(-target[r] * Sum(X[r, g] * w[g], g))), r), wrt=w[a]),
    "binary cross-entropies": loss(-Sum(p[k] * log(1 / (1 + exp(-z[k]))) + (1 - p[k]) * log(1 - 1 / (1 + exp(-z[k]))), k) / K, wrt=z[j], domain={p: Interval(0, 1)}),
    "linear": layer(Sum(W[h, g] * x[g], g) + b[h], wrt=(W[o, a], b[index("j", M)], x[index("l", D)]), symbol="z", index=h),
    "linear, batch as a matrix": layer(Sum(X[r, g] * W[h, g], g) + b[h], wrt=(W[o, a], b[index("j", M)], X[index("u", N), a]), symbol="Z", index=(r, h)),
    "layer norm": layer(gain[i] * hat[i] + shift[i], wrt=(z[j], gain[j], shift[j]), where=NORMALISED, symbol="y", parameters={eps: 1e-5}),
    "softmax of rows": layer(exp(X[r, g]) / Sum(exp(X[r, a]), a), wrt=X[index("u", N), index("t", D)], symbol="P", index=(r, g)),
    "sigmoid": layer(1 / (1 + exp(-z[i])), wrt=z[j], symbol="sigma"),
    "tanh": layer(tanh(z[i]), wrt=z[j], symbol="t"),
    "softplus": layer(log(1 + exp(z[i])), wrt=z[j]),
    "norm": layer(z[i] / sqrt(Sum(z[k] ** 2, k)), wrt=z[j]),
    "log det": defined(log(Determinant(A)), wrt=A),
}  # fmt: skip


@lru_cache
def made(name: str) -> tuple[str, VectorSpec]:
    definition = DEFINITIONS[name]
    derivations = derive_all(definition)
    spec = spec_of(definition, derivations)
    assert isinstance(spec, VectorSpec)
    return module_source(definition, derivations), spec


@lru_cache
def function(name: str) -> VectorFunction:
    found = load(made(name)[0], "f")
    assert isinstance(found, VectorFunction)
    return found


def failing(name: str, source: str) -> list[str]:
    definition = DEFINITIONS[name]
    try:
        rows = check_module(source, definition, derive_all(definition))
    except (ValueError, TypeError) as error:
        return [str(error)]
    return [row.name for row in rows if not row.passed]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_check_of_every_function_passes(name: str) -> None:
    definition = DEFINITIONS[name]
    for row in check_module(made(name)[0], definition, derive_all(definition)):
        assert row.passed, f"{row.name}: off by {row.error:.1e}; {row.detail}"


PRODUCTS = {
    "softmax": ("sⱼ (gⱼ - Σₖ gₖ sₖ)", "sᵢ (vᵢ - Σₖ sₖ vₖ)"),
    "log of softmax": ("gⱼ - sⱼ Σₖ gₖ", "vᵢ - Σₖ sₖ vₖ"),
    "sigmoid": ("gⱼ σⱼ (1 - σⱼ)", "vᵢ σᵢ (1 - σᵢ)"),
    "linear": ("xₐ gₒ", "Σₖ vₕₖ xₖ"),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_with_a_vector_are_derived_and_need_no_matrix(name: str) -> None:
    first = made(name)[1].first
    assert first.vjp is not None
    assert first.jvp is not None
    assert _letters(text(first.vjp.tree)) == _letters(PRODUCTS[name][0])
    assert _letters(text(first.jvp.tree)) == _letters(PRODUCTS[name][1])


def _letters(formula: str) -> list[str]:
    """The marks of a formula in a fixed order: factors may change places."""
    return sorted(formula.replace(" ", ""))


def test_a_product_is_computed_where_the_matrix_would_not_fit_into_memory() -> None:
    many = np.random.default_rng(1).normal(size=300_000)
    assert softmax.vjp(many, many).shape == many.shape
    assert softmax.jvp(many, many).shape == many.shape
    assert softmax_cross_entropy.hvp(many, np.eye(1, len(many))[0], many).shape == many.shape


def numerical(f: Any, at: np.ndarray[Any, Any], step: float = 1e-6) -> np.ndarray[Any, Any]:
    """The derivative of a function of one array by central differences in float64: axes of the value, then those of the array."""
    columns = []
    for place in np.ndindex(*at.shape):
        up, down = at.copy(), at.copy()
        up[place] += step
        down[place] -= step
        columns.append((np.asarray(f(up)) - np.asarray(f(down))) / (2 * step))
    return np.moveaxis(np.array(columns), 0, -1).reshape((*np.shape(columns[0]), *at.shape))


@pytest.mark.parametrize(
    "name",
    [
        "softmax",
        "log-softmax",
        "softmin",
        "temperature",
        "layer norm",
        "sigmoid",
        "norm",
        "linear",
        "linear, batch as a matrix",
    ],
)
def test_products_agree_with_numerical_derivatives_for_random_vectors(name: str) -> None:
    f, rng = function(name), np.random.default_rng(7)
    sizes = {"K": 4, "m": 3, "N": 2, "n": 5}
    given = {each: rng.normal(size=[sizes[a] for a in axes]) for each, axes in f.axes.items() if axes}
    value = np.asarray(f(**given))
    for each in given:
        whole = numerical(lambda at, each=each: f(**{**given, each: at}), given[each])
        gg, v = rng.normal(size=value.shape), rng.normal(size=given[each].shape)
        assert np.allclose(f.jacobian(**given, wrt=each), whole, atol=1e-8)
        assert np.allclose(f.vjp(*given.values(), gg, wrt=each), np.tensordot(gg, whole, value.ndim), atol=1e-8)
        assert np.allclose(f.jvp(*given.values(), v, wrt=each), np.tensordot(whole, v, v.ndim), atol=1e-8)


@pytest.mark.parametrize(
    "name",
    [
        "logsumexp",
        "cross-entropy, class index",
        "label smoothing",
        "ridge",
        "logistic regression",
        "mean squared error",
        "KL divergence",
    ],
)
def test_gradients_and_hessians_agree_with_numerical_derivatives(name: str) -> None:
    f, rng = function(name), np.random.default_rng(8)
    sizes = {"K": 4, "m": 3, "N": 6, "n": 3}
    given: dict[str, Any] = {
        each: rng.uniform(0.2, 1, size=[sizes[a] for a in axes]) for each, axes in f.axes.items() if axes
    }
    if name == "label smoothing":
        given["y"] = np.array([0.1, 0.2, 0.3, 0.4])
    if "label" in f.inputs:
        given["label"] = 2
    main = next(n for n in given if f.axes[n])
    gradient = numerical(lambda at: f(**{**given, main: at}), given[main])
    assert np.allclose(f.grad(**given), gradient, atol=1e-7)
    curvature = numerical(lambda at: f.grad(**{**given, main: at}), given[main])
    v = rng.normal(size=given[main].shape)
    assert np.allclose(f.hessian(**given), curvature, atol=1e-7)
    assert np.allclose(f.hvp(**given, v=v), curvature @ v, atol=1e-7)


def test_a_product_from_the_left_is_the_adjoint_of_that_from_the_right() -> None:
    f, rng = function("linear"), np.random.default_rng(9)
    weights, bias, inputs = rng.normal(size=(3, 5)), rng.normal(size=3), rng.normal(size=(4, 2, 5))
    gg, v = rng.normal(size=(4, 2, 3)), rng.normal(size=(3, 5))
    assert f(weights, bias, inputs).shape == (4, 2, 3)
    assert f.vjp(weights, bias, inputs, gg).shape == (3, 5)  # summed over the batch, which shares W
    assert np.isclose(np.sum(f.vjp(weights, bias, inputs, gg) * v), np.sum(gg * f.jvp(weights, bias, inputs, v)))
    assert np.allclose(f.vjp(weights, bias, inputs, gg), np.einsum("abi,abj->ij", gg, inputs))
    assert np.allclose(f.vjp(weights, bias, inputs, gg, wrt="b"), gg.sum(axis=(0, 1)))
    assert np.allclose(f.vjp(weights, bias, inputs, gg, wrt="x"), gg @ weights)


# ---------------------------------------------------------------- reductions and axes


def test_reductions_are_those_of_pytorch() -> None:
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(size=(4, 3, 5)), rng.dirichlet(np.ones(5), size=(4, 3))
    each = softmax_cross_entropy(logits, labels)
    assert each.shape == (4, 3)
    assert np.isclose(softmax_cross_entropy(logits, labels, reduction="sum"), each.sum())
    assert np.isclose(softmax_cross_entropy(logits, labels, reduction="mean"), each.mean())
    gradient = softmax_cross_entropy.grad(logits, labels)
    value, mean = softmax_cross_entropy.value_and_grad(logits, labels, reduction="mean")
    assert np.isclose(value, each.mean())
    assert np.allclose(mean, gradient / 12)
    assert np.allclose(softmax_cross_entropy.grad(logits, labels, reduction="sum"), gradient)
    assert np.allclose(
        mean, numerical(lambda at: softmax_cross_entropy(at, labels, reduction="mean"), logits), atol=1e-9
    )
    v = rng.normal(size=logits.shape)
    assert np.allclose(
        softmax_cross_entropy.hvp(logits, labels, v, reduction="mean"),
        softmax_cross_entropy.hvp(logits, labels, v) / 12,
    )
    assert np.allclose(
        softmax_cross_entropy.hessian(logits, labels, reduction="mean"),
        softmax_cross_entropy.hessian(logits, labels) / 12,
    )


def test_the_reduced_gradient_of_a_shared_input_is_summed() -> None:
    f, rng = function("ridge"), np.random.default_rng(3)
    weights, data, values = rng.normal(size=3), rng.normal(size=(7, 4, 3)), rng.normal(size=(7, 4))
    assert f.grad(weights, data, values).shape == (7, 3)
    for reduction in ("sum", "mean"):
        whole = f.grad(weights, data, values, reduction=reduction)
        assert whole.shape == (3,)
        assert np.allclose(
            whole, numerical(lambda at, how=reduction: f(at, data, values, reduction=how), weights), atol=1e-7
        )


def test_an_empty_batch_has_sum_0_and_mean_nan() -> None:
    nothing = np.zeros((0, 3))
    assert softmax_cross_entropy(nothing, nothing).shape == (0,)
    assert softmax_cross_entropy(nothing, nothing, reduction="sum") == 0.0
    assert math.isnan(softmax_cross_entropy(nothing, nothing, reduction="mean"))
    assert softmax_cross_entropy.grad(nothing, nothing, reduction="mean").shape == (0, 3)


def test_class_indices_stand_beside_an_axis_anywhere() -> None:
    f, rng = function("cross-entropy, class index"), np.random.default_rng(4)
    logits, labels = rng.normal(size=(2, 5, 3)), rng.integers(0, 5, size=(2, 3))  # classes on axis 1, as in PyTorch
    hot = np.moveaxis(np.eye(5)[labels], -1, 1)
    assert np.allclose(f(logits, labels, axis=1), softmax_cross_entropy(logits, hot, axis=1))
    assert np.allclose(f.grad(logits, labels, axis=1), softmax_cross_entropy.grad(logits, hot, axis=1))
    assert f.grad([0.0, 1.0], 1).shape == (2,)


def test_parameters_broadcast_over_the_batch() -> None:
    f = function("temperature")
    scores = np.random.default_rng(5).normal(size=(3, 4))
    warmth = np.array([0.5, 1.0, 2.0])
    assert np.allclose(f(scores, T=warmth)[1], f(scores[1]))
    assert f.jacobian(scores, wrt="T", T=warmth).shape == (3, 4)
    assert f.vjp(scores, scores, wrt="T", T=warmth).shape == (3,)
    assert np.ndim(f.vjp(scores, scores, wrt="T")) == 0  # one temperature for all: the sum


# ---------------------------------------------------------------- accuracy at the extremes


def test_a_confident_prediction_keeps_the_digits_of_its_error() -> None:
    tiny = math.exp(-50.0)
    assert np.allclose(softmax_cross_entropy.grad([50.0, 0.0], [1.0, 0.0]), [-tiny, tiny], rtol=1e-15, atol=0)
    assert np.isclose(softmax_cross_entropy([50.0, 0.0], [1.0, 0.0]), tiny, rtol=1e-15, atol=0)
    assert np.allclose(softmax.vjp([50.0, 0.0], [1.0, 3.0]), [-2 * tiny, 2 * tiny], rtol=1e-14, atol=0)
    assert np.allclose(function("log-softmax")([50.0, 0.0])[0], -tiny, rtol=1e-15, atol=0)


def test_masked_scores_count_as_their_limit_and_an_all_masked_row_as_equal_scores() -> None:
    inf = math.inf
    assert np.array_equal(softmax([-inf, 0.0, 0.0]), [0.0, 0.5, 0.5])
    assert np.array_equal(softmax([-inf, -inf]), [0.5, 0.5])
    assert np.array_equal(softmax.vjp([-inf, 0.0, 0.0], [5.0, 1.0, 2.0]), [0.0, -0.25, 0.25])
    assert softmax_cross_entropy([-inf, 0.0], [0.0, 1.0]) == 0.0
    assert np.array_equal(function("temperature").jacobian([-inf, 0.0, 0.0], wrt="T"), [0.0, 0.0, 0.0])
    assert "nothing but -inf" in str(softmax.__doc__)


def test_a_probability_of_0_with_target_0_costs_and_teaches_nothing() -> None:
    f = function("cross-entropy of probabilities")
    assert f([0.0, 1.0], [0.0, 1.0]) == 0.0
    assert np.array_equal(f.grad([0.0, 1.0], [0.0, 1.0]), [0.0, -1.0])
    assert np.array_equal(function("KL divergence").grad([0.0, 1.0], [0.0, 1.0]), [0.0, -1.0])


# ---------------------------------------------------------------- errors


ERRORS = [
    (lambda: softmax_cross_entropy([0.0, 1.0], [0.0, 1.0], reduction="avg"), ValueError, "'none', 'sum', 'mean'"),
    (lambda: softmax([0.0, 1.0], reduction="sum"), TypeError, "no loss"),
    (lambda: softmax.vjp([0.0, 1.0], [1.0]), ValueError, r"g has shape \(1,\), but the value has shape \(2,\)"),
    (lambda: softmax.jvp(np.zeros((3, 2)), [1.0, 0.0]), ValueError, r"v has shape \(2,\), but z has shape \(3, 2\)"),
    (lambda: softmax.vjp([0.0, 1.0]), TypeError, r"missing g, the last argument: softmax.vjp\(z, g\)"),
    (lambda: softmax.jacobian([0.0, 1.0], wrt="x"), ValueError, "no derivative by 'x'; wrt is one of 'z'"),
    (lambda: softmax.hessian([0.0, 1.0]), TypeError, "no Hessian"),
    (lambda: softmax_cross_entropy.hvp([0.0, 1.0], [0.0, 1.0], [1.0]), ValueError, "v has shape"),
    (lambda: softmax_cross_entropy.grad([0.0, 1.0], [1.0, 1.0]), ValueError, "sum to 2; its derivatives are derived for targets that sum to 1"),
    (lambda: softmax_cross_entropy(np.zeros((2, 3)), np.zeros((4, 3))), ValueError, "do not broadcast"),
    (lambda: softmax_cross_entropy(np.zeros((2, 3)), np.zeros(3), axis=0), ValueError, "numbers of components differ"),
    (lambda: softmax_cross_entropy(np.zeros((3, 3)), np.zeros(3), axis=0), ValueError, "ambiguous"),
    (lambda: function("cross-entropy, class index")([0.0, 1.0], 2), ValueError, "label holds 2, but there are 2 components"),
    (lambda: function("cross-entropy, class index")([0.0, 1.0], 0.5), TypeError, "integers are needed"),
    (lambda: function("linear")(np.zeros((3, 2)), np.zeros(3), np.zeros(4)), ValueError, r"n is 2 in W \(3, 2\), 4 in x \(4,\)"),
    (lambda: function("linear")(np.zeros((3, 2)), np.zeros(3), np.zeros(2), axis=0), TypeError, "several axes"),
    (lambda: function("log det")(np.zeros((3, 2))), ValueError, "both axes are n"),
    (lambda: function("temperature")([0.0, 1.0], T=-1.0), ValueError, "T > 0 is required"),
    (lambda: function("temperature")([0.0, 1.0], 2.0), TypeError, "unexpected 2.0"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_what_does_not_fit_is_said(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_a_matrix_that_is_not_symmetric_is_refused_where_symmetry_was_used() -> None:
    v = MatrixSymbol("x", A.shape[0], 1)
    definition = defined(v.T * A * v, wrt=v, facts={A: "symmetric"})
    f = load(module_source(definition, derive_all(definition)), "f")
    assert np.allclose(f.grad([1.0, 2.0], [[1.0, 3.0], [3.0, 1.0]]), [14.0, 10.0])
    with pytest.raises(ValueError, match="A is not symmetric"):
        f.grad([1.0, 2.0], [[1.0, 3.0], [0.0, 1.0]])


REFUSED = {
    "a special function": (
        loss(Sum(gamma(X[r, g]), r, g), wrt=X[index("u", N), a]),
        UnsupportedExpression,
        "no NumPy form for the function",
    ),
    "a class index of a matrix": (
        loss(-Sum(X[r, g] * w[g], g), wrt=w[a]),
        UnsupportedExpression,
        "a class index of a matrix",
    ),
    "a keyword": (loss(decay * Sum(z[k] ** 2, k), wrt=z[j]), DefinitionError, "'lambda' cannot be a name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_refused(name: str) -> None:
    definition, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        module_source(definition, derive_all(definition))


# ---------------------------------------------------------------- mutations

MUTATIONS = [
    ("softmax", "s * less_mean(g, s)", "-s * less_mean(g, s)"),
    ("softmax", "return balanced(-s", "return (-s"),
    ("softmax", "less_mean(v, s)", "less_mean(2 * v, s)"),
    ("softmax", "less_mean(g, s)", "(g - np.sum(g * s, axis=-1, keepdims=True))"),
    ("softmax", "exponentials(z)", "np.exp(z)"),
    ("log of softmax", "signed_sum(g)", "np.mean(g, axis=-1)"),
    ("cross-entropy, class index", "log_sum(e)", "np.log(np.sum(e, axis=-1))"),
    ("cross-entropy, one-hot", "weighted(y, ", "np.multiply(y, "),
    ("cross-entropy, one-hot", "balanced_at(s - y, s, s)", "s + y"),
    ("cross-entropy, class index", "shifted_entry(", "0 * shifted_entry("),
    ("temperature", "/ (T ** 2)", "/ T"),
    ("linear", '"...k,...kl->...l", g, W', '"...k,...lk->...l", g, W'),
    ("linear, batch as a matrix", "np.sum(g, axis=-2)", "np.sum(g, axis=-2) / g.shape[-2]"),
    ("layer norm", "return g * gamma", "return g"),
    ("ridge", "2.0 * ", "1.0 * "),
    ("sigmoid", "(2.0 + e)", "(1.0 + e)"),
    ("KL divergence", "quotient(quotient(p * v, q), q)", "quotient(p * v, q)"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new"), MUTATIONS)
def test_a_function_that_was_tampered_with_is_caught(name: str, old: str, new: str) -> None:
    source, _ = made(name)
    assert old in source
    assert failing(name, source.replace(old, new)) != []


def test_a_jacobian_with_its_axes_exchanged_is_caught() -> None:
    source, _ = made("log of softmax")
    assert (
        failing(
            "log of softmax",
            source.replace(
                "return balanced(-s[..., None, :])", "return np.swapaxes(balanced(-s[..., None, :]), -1, -2)"
            ),
        )
        != []
    )


def test_the_text_is_the_same_every_time_and_names_its_source() -> None:
    definition = chainrule.load("softmax_cross_entropy")
    source = module_source(definition, derive_all(definition))
    assert source == module_source(definition, derive_all(definition)) == softmax_cross_entropy.source
    assert "Bridle" in source


# ---------------------------------------------------------------- losses of first users


def focal() -> Definition:
    """With a class index, by which the Hessian has deltas of its own beside that of its diagonal."""
    K = dimension("K")
    c, i, j, k = index("c", K), index("i", K), index("j", K), index("k", K)
    z, s = vector("z", K), vector("s", K)
    return Definition(
        -(1 - s[c]) * log(s[c]),
        wrt=z[j],
        where={s[i]: exp(z[i]) / Sum(exp(z[k]), k)},
        arguments={"logits": z, "label": c},
        name="focal",
    )


def smooth_maximum() -> Definition:
    """At a small temperature all entries of its Hessian but for rounding are too small to tell what they sum to."""
    K, T = dimension("K"), scalar("T")
    j, k = index("j", K), index("k", K)
    z = vector("z", K)
    value = T * log(Sum(exp(z[k] / T), k))
    return Definition(
        value, wrt=(z[j], T), parameters={T: 1.0}, domain={T: Interval.open(0, oo)}, name="smooth_maximum"
    )


def poisson() -> Definition:
    """Whose value and slope are beyond the largest number from 710 on."""
    K = dimension("K")
    j, k = index("j", K), index("k", K)
    z, y = vector("z", K), vector("y", K)
    return Definition(Sum(exp(z[k]) - y[k] * z[k], k), wrt=z[j], arguments={"z": z, "y": y}, name="poisson")


@pytest.mark.parametrize("definition", [focal(), smooth_maximum(), poisson()], ids=lambda d: d.name)
def test_functions_that_were_refused(definition: Definition) -> None:
    derivations = derive_all(definition)
    rows = check_module(module_source(definition, derivations), definition, derivations)
    assert [row for row in rows if not row.passed] == []
    assert [v.messages for v in verify_all(derivations) if not v.passed] == []


def test_a_hessian_keeps_the_deltas_of_a_class_index() -> None:
    source = module_source(focal(), derive_all(focal()))
    (hessian,) = (part for part in source.split("def ") if part.startswith("_hessian_logits"))
    assert "one_hot(label, K)" in hessian


@pytest.mark.parametrize(
    ("found", "exact", "right"),
    [
        (math.inf, "1e400", True),
        (-math.inf, "1e400", False),
        (1e308, "1e400", False),
        (math.inf, "1e300", False),
        (math.nan, "1e400", False),
    ],
)
def test_what_lies_beyond_the_largest_number_has_to_be_infinite(found: float, exact: str, right: bool) -> None:
    drawn = vector_checking._Draw({}, {}, 1.0, "")
    error = vector_checking._error([found, 1.0], np.array([mpmath.mpf(exact), mpmath.mpf(1)], dtype=object), drawn)
    assert error == (0.0 if right else math.inf)


def test_factors_are_not_multiplied_in_and_taken_out_again_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The focal loss of detectors, summed over classes: its Hessian has sums of products of functions of one number. Their forms, for which a search takes long, do
    not matter here."""
    letters = {scalar(letter): letter for letter in LETTERS}
    monkeypatch.setattr(vector_writer, "stable_code", lambda function, inputs=(None,): body(function, letters))
    K, sigmoid = dimension("K"), use("sigmoid")
    i, j, k = index("i", K), index("j", K), index("k", K)
    z, y, p = vector("z", K), vector("y", K), vector("p", K)
    definition = Definition(
        -Sum(y[k] * (1 - p[k]) ** 2 * log(p[k]) + (1 - y[k]) * p[k] ** 2 * log(1 - p[k]), k),
        wrt=z[j],
        where={p[i]: sigmoid(z[i])},
        uses=(sigmoid,),
        arguments={"logits": z, "target": y},
        domain={y: Interval(0, 1)},
        name="focal_of_sigmoid",
    )
    f = load(module_source(definition, derive_all(definition)), definition.name)
    assert f([0.0], [1.0]) == pytest.approx(math.log(2) / 4)
    assert f.grad([0.0], [1.0]) == pytest.approx([-math.log(2) / 4 - 1 / 8])
