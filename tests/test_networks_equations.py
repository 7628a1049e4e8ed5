"""The equations of a network: those of the textbook, each with the derivations that it comes from, in linear time."""

import numpy as np
import pytest

from chainrule.expression.printing import latex, text, typst
from chainrule.networks import equations, mlp
from chainrule.networks.units import Sample, units
from chainrule.verification import verify

PAIRS = (
    ("sigmoid", "binary_cross_entropy"),
    ("sigmoid", "squared_error"),
    ("sigmoid", "cross_entropy"),
    ("softmax", "categorical_cross_entropy"),
    ("softmax", "sparse_categorical_cross_entropy"),
    ("softmax", "squared_error"),
)


def backward(network, key, layer, matrix=True, in_batch=False):
    line = equations(network, in_batch).line(key, layer, backward=True)
    return text((line.matrix if matrix else line.components).right)


# ---------------------------------------------------------------- the output


@pytest.mark.parametrize(
    ("output", "loss", "delta"),
    [
        ("sigmoid", "binary_cross_entropy", "a² - y"),
        ("softmax", "categorical_cross_entropy", "a² - y"),
        ("softmax", "sparse_categorical_cross_entropy", "a² - e_c"),
        ("identity", "squared_error", "2 (a² - y)"),
    ],
)
def test_the_delta_is_short_where_output_and_loss_match(output, loss, delta):
    assert backward(mlp([2, 3, 2], "tanh", output, loss), "delta", 2) == delta


@pytest.mark.parametrize(
    ("output", "loss", "delta"),
    [
        ("sigmoid", "squared_error", "2 ((a² - y) ⊙ a² ⊙ (1 - a²))"),
        ("tanh", "absolute_error", "sgn(a² - y) ⊙ (1 - a² ⊙ a²)"),
        ("tanh", "squared_error", "2 ((a² - y) ⊙ (1 - a² ⊙ a²))"),
        ("sigmoid", "cross_entropy", "-y ⊙ (1 - a²)"),
        ("relu", "squared_error", "2 ((a² - y) ⊙ 1[z² > 0])"),
    ],
)
def test_the_delta_is_long_elsewhere(output, loss, delta):
    assert backward(mlp([2, 3, 2], "tanh", output, loss), "delta", 2) == delta


def test_a_short_delta_needs_the_partner():
    """Neither squared error after softmax nor after sigmoid loses the derivative of the output."""
    for output in ("sigmoid", "softmax"):
        network = mlp([2, 3, 2], "tanh", output, "squared_error")
        found = units(network)
        a, y = found.forward["a", 2], found.sample.y
        assert not np.allclose(found.backward["delta", 2], 2 * (a - y), atol=1e-3)


# ---------------------------------------------------------------- four equations


def test_the_four_equations_of_backpropagation_for_a_sample():
    network = mlp([2, 3, 2], "sigmoid", "softmax", "cross_entropy")
    one = equations(network)
    assert [text(line.matrix) for line in one.forward if line.matrix is not None] == [
        "z¹ = W¹ x + b¹",
        "a¹ = σ(z¹)",
        "z² = W² a¹ + b²",
        "a² = exp(z²)/(1ᵀ exp(z²))",
    ]
    assert backward(network, "W", 2) == "δ² (a¹)ᵀ"
    assert backward(network, "b", 2) == "δ²"
    assert backward(network, "a", 1) == "(W²)ᵀ δ²"
    assert backward(network, "delta", 1, matrix=False) == "(Σₗ δₗ² Wₗⱼ²) · aⱼ¹ (1 - aⱼ¹)"
    assert backward(network, "W", 1) == "δ¹ xᵀ"
    assert backward(network, "b", 1) == "δ¹"


def test_a_delta_that_was_multiplied_out_has_its_common_factor_in_front():
    """1 - a² times the sum, not the sum less a² times the sum."""
    network = mlp([2, 3, 2], "tanh")
    assert backward(network, "delta", 1) == "(1 - a¹ ⊙ a¹) ⊙ (W²)ᵀ δ²"
    assert backward(network, "delta", 1, in_batch=True) == "(1 1ᵀ - A¹ ⊙ A¹) ⊙ Δ² W²"


def test_a_gradient_of_weights_is_an_outer_product_before_it_is_a_matrix():
    assert backward(mlp([2, 3, 2], "sigmoid"), "W", 2, matrix=False) == "a_q¹ δₚ²"


def test_a_batch_has_its_samples_in_rows():
    network = mlp([2, 3, 2], "relu", "softmax", "cross_entropy", l2=0.1)
    assert text(equations(network, batch=True).line("z", 1).matrix) == "Z¹ = X (W¹)ᵀ + 1 (b¹)ᵀ"
    assert backward(network, "delta", 2, in_batch=True) == "(A² - Y)/m"
    assert backward(network, "W", 2, in_batch=True) == "(Δ²)ᵀ A¹ + λ W²/m"
    assert backward(network, "b", 2, in_batch=True) == "(Δ²)ᵀ 1"
    assert backward(network, "a", 1, in_batch=True) == "Δ² W²"
    assert backward(network, "delta", 1, in_batch=True) == "1[Z¹ > 0] ⊙ Δ² W²"
    assert backward(network, "W", 1, in_batch=True) == "(Δ¹)ᵀ X + λ W¹/m"
    assert backward(network, "b", 1, in_batch=True) == "(Δ¹)ᵀ 1"


def test_the_mean_over_the_batch_is_taken_once_and_the_penalty_leaves_biases_out():
    found = equations(mlp([2, 3, 2, 1], "tanh", l2=0.1), batch=True)
    lines = {(line.key, line.layer): text(line.matrix or line.components) for line in found.backward}
    cost = text(found.line("cost").components)
    assert cost.count("λ") == 3
    assert "b" not in cost
    assert [key for key, line in lines.items() if "/m" in line] == [("delta", 3), ("W", 3), ("W", 2), ("W", 1)]
    assert all("λ" not in line for (key, _), line in lines.items() if key != "W")
    plain = equations(mlp([2, 3, 2, 1], "tanh"), batch=True)
    assert all("λ" not in text(line.components) for line in (*plain.forward, *plain.backward))


def test_a_batch_of_one_has_the_gradients_of_its_sample():
    network = mlp([2, 3, 2], "tanh", "sigmoid", "squared_error")
    random = np.random.default_rng(0)
    sample = Sample(network.initial(0), random.normal(size=2), random.normal(size=2))
    found = units(network, sample)
    _, gradients = network.compile().loss_and_gradients(sample.parameters, sample.x[None], sample.y[None])
    for layer, (dW, db) in enumerate(gradients, 1):
        assert np.allclose(found.backward["W", layer], dW, atol=1e-15)
        assert np.allclose(found.backward["b", layer], db, atol=1e-15)


# ---------------------------------------------------------------- where they come from


@pytest.mark.parametrize("in_batch", [False, True])
def test_every_derivation_behind_the_layers_is_verified(in_batch):
    found = equations(mlp([2, 3, 4, 2], ["tanh", "relu"], l2=0.1), in_batch)
    for line in (*found.forward, *found.backward):
        for derivation in line.derivations:
            verify(derivation).raise_if_failed()


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_derivation_behind_the_output_is_verified(output, loss):
    line = equations(mlp([2, 2], output=output, loss=loss)).line("delta", 1, backward=True)
    assert len(line.derivations) == 1
    verify(line.derivations[0]).raise_if_failed()


def test_every_gradient_has_its_derivation_and_every_activation_that_of_the_catalogue():
    found = equations(mlp([2, 3, 2], "tanh", "sigmoid", "bce"))
    assert all(line.derivations for line in found.backward)
    assert set(found.activations) == {"tanh", "sigmoid"}


def test_equations_print_in_every_notation_with_the_layer_on_top():
    line = equations(mlp([2, 3, 2], "tanh", "sigmoid", "bce")).line("delta", 1, backward=True)
    assert latex(line.matrix.left) == r"\boldsymbol{\delta}^{1}"
    assert typst(line.components).startswith("delta_(j)^(1)")


def test_a_line_that_is_not_there_is_named():
    with pytest.raises(KeyError, match=r"\('delta', 3\)"):
        equations(mlp([2, 3, 2])).line("delta", 3, backward=True)


def test_the_time_of_a_deep_network_grows_with_its_depth_alone(monkeypatch):
    """Counted in derivations, not seconds: a layer like another is not derived again."""
    from chainrule.networks import templates

    derived = []
    whole = templates.derive_all
    monkeypatch.setattr(templates, "derive_all", lambda d: derived.append(d) or whole(d))
    templates.layer.cache_clear()
    found = equations(mlp([2] * 60 + [1], "tanh", "sigmoid", "bce"))
    assert len(derived) <= 3
    assert len(found.backward) == 60 * 4 - 1
