"""The worked example of a network: text, drawing and code show the same numbers, and they are those of NumPy written by hand."""

import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest

from chainrule.drawings import network_picture
from chainrule.errors import DefinitionError
from chainrule.expression.printing import latex, text, typst
from chainrule.networks import mlp
from chainrule.networks.agreement import computed_otherwise, in_text, shown_otherwise
from chainrule.networks.algorithm import algorithm
from chainrule.networks.example import Example, example
from chainrule.networks.gradient_descent import agreements, rule, rules
from chainrule.networks.units import Sample

TEXTBOOK = mlp([2, 2, 1], "sigmoid", "sigmoid", "binary_cross_entropy")
NETWORKS = (
    TEXTBOOK,
    mlp([2, 2, 2], "relu", "softmax", "sparse_categorical_cross_entropy", l2=0.1),
    mlp([2, 3, 1], "elu"),
    mlp([2, 1, 2, 2], "gelu", "softmax", "categorical_cross_entropy"),
    mlp([2, 1], "tanh", "identity", "hinge"),
    mlp([2, 2, 2], "prelu", "tanh", "mean_squared_error", l2=0.3),
)
GIVEN = Sample(
    [
        (np.array([[0.15, 0.2], [0.25, 0.3]]), np.array([0.35, -0.35])),
        (np.array([[0.4, 0.45], [-0.5, 0.55]]), np.array([0.6, 0.1])),
    ],
    np.array([0.05, 0.1]),
    np.array([0.0, 1.0]),
)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.exp(z).sum()


BY_HAND = {
    ("sigmoid", "binary_cross_entropy"): (
        sigmoid,
        sigmoid,
        lambda a, y: -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum(),
    ),
    ("tanh", "squared_error"): (np.tanh, lambda z: z, lambda a, y: ((a - y) ** 2).sum()),
    ("tanh", "categorical_cross_entropy"): (np.tanh, softmax, lambda a, y: -(y * np.log(a)).sum()),
}


def loss_by_hand(network, parameters, x, y):
    hidden, output, loss = BY_HAND[network.activations[0], network.loss]
    a = x
    for layer, (W, b) in enumerate(parameters, 1):
        a = (output if layer == network.depth else hidden)(W @ a + b)
    return loss(a, y)


def slope_by_hand(network, sample, layer, which, place, h=1e-5):
    """∂L/∂W or ∂L/∂b by a central difference."""
    values = []
    for sign in (h, -h):
        moved = [[W.copy(), b.copy()] for W, b in sample.parameters]
        moved[layer - 1][which][place] += sign
        values.append(loss_by_hand(network, moved, sample.x, sample.y))
    return (values[0] - values[1]) / (2 * h)


@lru_cache
def example_of(network) -> Example:
    return example(network)


@pytest.fixture
def made() -> Example:
    return example_of(TEXTBOOK)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_text_drawing_and_code_show_the_same_numbers(network):
    found = example_of(network)
    rows = [
        *found.given,
        *found.forward,
        *found.backward,
        *found.output,
        *found.weights,
        *found.penalised,
        *found.steps,
    ]
    assert computed_otherwise(found) == ()
    assert shown_otherwise(found, in_text(rows)) == ()
    drawn = network_picture(network, found).numbers
    assert shown_otherwise(found, drawn) == ()
    units = sum(network.widths[1:])
    wires = sum(n * m + m for n, m in pairwise(network.widths))
    targets = 0 if network.target.of_class else network.widths[-1]
    assert len(drawn) == network.widths[0] + 2 * units + 2 * wires + 1 + targets


@pytest.mark.parametrize(
    ("network", "sample"),
    [
        (TEXTBOOK, None),
        (mlp([2, 2, 2], "sigmoid", "sigmoid", "binary_cross_entropy"), GIVEN),
        (mlp([2, 3, 1], "tanh"), None),
        (mlp([3, 4, 2], "tanh", "softmax", "categorical_cross_entropy"), None),
        (mlp([2, 2, 3, 1], "tanh"), None),
    ],
    ids=str,
)
def test_every_gradient_is_that_of_central_differences_of_a_loss_written_by_hand(network, sample):
    found = example(network, sample)
    given = found.sample
    assert found.loss == pytest.approx(loss_by_hand(network, given.parameters, given.x, given.y), rel=1e-13)
    for layer, (W, b) in enumerate(given.parameters, 1):
        for which, letter, array in ((0, "dW", W), (1, "db", b)):
            for place in np.ndindex(array.shape):
                key = (letter, layer, tuple(n + 1 for n in place))
                expected = slope_by_hand(network, given, layer, which, place)
                assert found.numbers[key] == pytest.approx(expected, abs=1e-9), key
    after = [
        tuple(
            np.array([found.numbers[f"{k}_new", layer, tuple(n + 1 for n in p)] for p in np.ndindex(a.shape)]).reshape(
                a.shape
            )
            for k, a in zip("Wb", pair, strict=True)
        )
        for layer, pair in enumerate(given.parameters, 1)
    ]
    assert found.loss_after == pytest.approx(loss_by_hand(network, after, given.x, given.y), rel=1e-13)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_what_is_written_along_paths_is_the_gradient_of_backpropagation(network):
    found = example_of(network)
    assert found.weights
    for chain in (*found.weights, *found.output):
        assert chain.value == pytest.approx(found.numbers[chain.key], abs=1e-15)
        total = sum(np.prod([factor.value for factor in path]) for path in chain.paths)
        assert total == pytest.approx(chain.value, abs=1e-15)
        for path in chain.paths:
            ends = [(factor.name.operand, factor.name.variable) for factor in path]
            assert all(last == first for (_, last), (first, _) in pairwise(ends))


def test_a_weight_of_the_first_matrix_sums_over_every_path():
    found = example(mlp([2, 2, 3, 2], "tanh"), weights=[(1, 2, 1), (2, 3, 1)])
    assert [len(chain.paths) for chain in found.weights] == [6, 2]


def test_the_lines_of_the_textbook_network(made):
    written = {row.key: text(row.equation) for row in (*made.forward, *made.backward)}
    assert written["z", 1, (1,)] == "z₁¹ = W₁,₁¹ x₁ + W₁,₂¹ x₂ + b₁¹ = 0.3 · 1 + (-0.6) · (-0.5) + 0.1 = 0.7"
    assert written["a", 1, (1,)] == "a₁¹ = σ(z₁¹) = σ(0.7) = 0.6682"
    assert written["delta", 2, (1,)] == "δ₁² = a₁² - y₁ = 0.7655 - 1 = -0.2345"
    last, first = made.weights
    assert [text(n) for n in last.rights] == [
        "∂L/∂a₁² · ∂a₁²/∂z₁² · ∂z₁²/∂W₁,₂²",
        "(a₁² - y₁)/(a₁² (1 - a₁²)) · a₁² (1 - a₁²) · a₂¹",
        "(0.7655 - 1)/(0.7655 · (1 - 0.7655)) · 0.7655 · (1 - 0.7655) · 0.4013",
        "-1.306 · 0.1795 · 0.4013",
        "-0.09412",
    ]
    assert text(first.names) == "∂L/∂a₁² · ∂a₁²/∂z₁² · ∂z₁²/∂a₂¹ · ∂a₂¹/∂z₂¹ · ∂z₂¹/∂W₂,₁¹"
    assert text(made.find("W_new", 2, (1, 2)).letters) == "W₁,₂² - η · ∂L/∂W₁,₂²"
    assert made.loss_after < made.loss


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_every_line_prints_in_every_notation(network):
    found = example_of(network)
    rows = (*found.given, *found.forward, *found.backward, *found.output, *found.weights, *found.steps)
    assert all(show(row.equation) for row in rows for show in (text, latex, typst))


def test_terms_that_cancel_leave_zero_and_no_rounding():
    """Two outputs with opposite deltas, reached by the same weight: in binary their sum would be 10⁻³⁵."""
    found = example(mlp([3, 4, 2], "tanh", "softmax", "categorical_cross_entropy"))
    assert found.numbers["W", 2, (1, 1)] == found.numbers["W", 2, (2, 1)]
    assert found.numbers["delta", 1, (1,)] == 0.0


def test_a_weight_that_is_not_there_is_refused():
    with pytest.raises(DefinitionError, match=re.escape("the network 2-2-1 has no weight (2, 2, 1)")):
        example(TEXTBOOK, weights=[(2, 2, 1)])


# --- mutations


def test_a_number_that_differs_is_found(made):
    shown = in_text(made.backward)
    key = ("dW", 1, (2, 1))
    assert [d.key for d in shown_otherwise(made, {**shown, key: shown[key].lstrip("-")})] == [key]
    rows = tuple(replace(r, value=r.value * (1 + 1e-9)) if r.key == key else r for r in made.backward)
    assert [d.key for d in computed_otherwise(replace(made, backward=rows))] == [key]


def test_a_step_in_the_wrong_direction_is_found(made):
    steps = tuple(replace(s, value=s.before + made.rate * s.gradient) for s in made.steps)
    assert len(computed_otherwise(replace(made, steps=steps))) == len(steps)


# --- gradient descent


def test_every_form_of_the_rule_is_the_same_step():
    assert {a.key for a in agreements()} == {r.key for r in rules()}
    for agreement in agreements():
        assert agreement.error < 1e-16, agreement


def test_the_rule_as_it_is_written():
    assert text(rule("weights").formula) == "ΔWⱼᵢ = -η · ∂L/∂Wⱼᵢ = -η δⱼ xᵢ"
    assert text(rule("weights_matrix").formula) == "ΔW = -η δ xᵀ"
    assert text(rule("error").formula) == "εⱼ = -δⱼ = (yⱼ - ŷⱼ) ŷⱼ (1 - ŷⱼ)"
    assert text(rule("weights_by_error").formula) == "Δwᵢⱼ = η εⱼ xᵢ"
    assert text(rule("theta_step").formula) == "ΔΘ = -η δ x̃ᵀ"


@pytest.mark.parametrize("key", [r.key for r in rules()])
def test_a_rule_with_another_sign_is_found(key, monkeypatch):
    from chainrule.expression import tree as t
    from chainrule.networks import gradient_descent

    turned = tuple(
        replace(
            r,
            rights=(
                *r.rights[:-1],
                t.Mul((t.number(-1), r.rights[-1]))
                if "theta" not in key and "matrix" not in key
                else t.Neg(r.rights[-1]),
            ),
        )
        if r.key == key
        else r
        for r in rules()
    )
    monkeypatch.setattr(gradient_descent, "rules", lambda: turned)
    assert {a.key for a in agreements() if a.error > 1e-3} == {key}


# --- the algorithm


def written(statements):
    return [
        f"{'  ' * s.indent}for l = {text(s.start)}, …, {text(s.stop)}"
        if s.kind == "for"
        else "  " * s.indent + text(s.formula)
        for s in statements
    ]


def test_the_algorithm_of_any_depth():
    assert written(algorithm(mlp([2, 3, 3, 1], "sigmoid", "sigmoid", "binary_cross_entropy"))) == [
        "a⁰ ← x",
        "for l = 1, …, M",
        "  zˡ ← Wˡ aˡ⁻¹ + bˡ",
        "  aˡ ← σ(zˡ)",
        "L ← Σₖ (-yₖ log(aₖᴹ) - (1 - yₖ) log(1 - aₖᴹ))",
        "δᴹ ← aᴹ - y",
        "for l = M - 1, …, 1",
        "  δˡ ← aˡ ⊙ (1 - aˡ) ⊙ (Wˡ⁺¹)ᵀ δˡ⁺¹",
        "for l = 1, …, M",
        "  ∂L/∂Wˡ ← δˡ (aˡ⁻¹)ᵀ",
        "  ∂L/∂bˡ ← δˡ",
        "  Wˡ ← Wˡ - η · ∂L/∂Wˡ",
        "  bˡ ← bˡ - η · ∂L/∂bˡ",
    ]


def test_the_algorithm_of_a_batch_with_a_penalty_and_another_output():
    lines = written(algorithm(mlp([2, 3, 3, 2], "relu", "softmax", "categorical_cross_entropy", l2=0.1), batch=True))
    for line in (
        "for l = 1, …, M - 1",
        "Δᴹ ← (Aᴹ - Y)/m",
        "  ∂J/∂Wˡ ← (Δˡ)ᵀ Aˡ⁻¹ + λ Wˡ/m",
        "  J ← J + λ/(2 m) · Σₖ Σₚ (Wₖₚˡ)²",
    ):
        assert line in lines


def test_layers_that_differ_are_written_one_by_one():
    network = mlp([2, 3, 3, 1], ["tanh", "relu"])
    assert "a² ← ReLU(z²)" in written(algorithm(network))
    with pytest.raises(DefinitionError, match="no hidden layers that are alike"):
        algorithm(network, generic=True)


def test_every_delta_is_found_before_a_weight_changes():
    keys = [s.key for s in algorithm(mlp([2, 3, 3, 1]), generic=False)]
    assert max(n for n, key in enumerate(keys) if key == "delta") < keys.index("W_new")
