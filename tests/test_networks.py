"""Networks: what is derived, what is refused, and gradients that agree with numerical ones for any architecture."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.catalogue import entries, project
from chainrule.errors import DefinitionError, UnknownName
from chainrule.expression.printing import latex, text, typst
from chainrule.networks import equations, mlp
from chainrule.networks.in_place import in_place
from chainrule.networks.kernels import loss_kernels, slope_of
from chainrule.networks.parts import activation, loss_of
from chainrule.networks.writer import source_of
from chainrule.numeric import numerical_gradient
from chainrule.verification import verify

HIDDEN = ("identity", "sigmoid", "tanh", "softplus", "silu", "elu", "relu", "leaky_relu", "prelu")
PAIRS = (
    ("sigmoid", "binary_cross_entropy"),
    ("sigmoid", "squared_error"),
    ("sigmoid", "cross_entropy"),
    ("softmax", "categorical_cross_entropy"),
    ("softmax", "sparse_categorical_cross_entropy"),
    ("softmax", "squared_error"),
    ("softmin", "cross_entropy"),
    ("identity", "mse"),
    ("identity", "mean_squared_error"),
    ("tanh", "log_cosh"),
    ("softplus", "huber"),
    ("identity", "absolute_error"),
    ("identity", "hinge"),
)


# ---------------------------------------------------------------- gradients


@st.composite
def networks(draw):
    depth = draw(st.integers(1, 4))
    output, loss = draw(st.sampled_from(PAIRS))
    widths = [draw(st.integers(1, 4)) for _ in range(depth)] + [draw(st.integers(2, 4))]
    hidden = [draw(st.sampled_from(HIDDEN)) for _ in range(depth - 1)]
    return mlp(widths, hidden, output, loss, draw(st.sampled_from((0.0, 0.3))))


def batch(network, samples, seed, dtype="float64"):
    random = np.random.default_rng(seed)
    parameters = [(W.astype(dtype), (b + random.normal(size=b.shape)).astype(dtype)) for W, b in network.initial(seed)]
    X = random.normal(size=(samples, network.widths[0])).astype(dtype)
    classes = random.integers(0, network.widths[-1], samples)
    if network.target.of_class:
        return parameters, X, classes
    Y = np.eye(network.widths[-1])[classes]
    return parameters, X, 2 * Y - 1 if network.loss == "hinge" else Y


def worst(network, run, parameters, X, Y):
    """The largest difference between the gradients of ``run`` and numerical ones, over the smooth side of every kink."""
    _, gradients = run(parameters, X, Y)
    found = 0.0
    for layer in range(network.depth):
        for which in range(2):

            def cost(value, layer=layer, which=which):
                moved = [list(pair) for pair in parameters]
                moved[layer][which] = value
                return run(moved, X, Y)[0]

            numerical = numerical_gradient(cost, parameters[layer][which], "central", step=1e-6)
            found = max(found, float(np.max(np.abs(numerical - gradients[layer][which]))))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), st.integers(1, 5), st.integers(0, 1000))
def test_gradients_are_the_numerical_ones_for_any_architecture(network, samples, seed):
    parameters, X, Y = batch(network, samples, seed)
    assert worst(network, network.compile().loss_and_gradients, parameters, X, Y) < 1e-6


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), st.integers(0, 1000))
def test_float32_stays_float32(network, seed):
    parameters, X, Y = batch(network, 4, seed, "float32")
    code = network.compile()
    _, gradients = code.loss_and_gradients(parameters, X, Y)
    assert code.forward(parameters, X).dtype == np.float32
    assert {g.dtype for pair in gradients for g in pair} == {np.dtype(np.float32)}
    exact = code.loss_and_gradients([(W.astype(float), b.astype(float)) for W, b in parameters], X.astype(float), Y)[1]
    for pair, reference in zip(gradients, exact, strict=True):
        for got, wanted in zip(pair, reference, strict=True):
            assert np.allclose(got, wanted, atol=1e-4)


@cache
def example():
    network = mlp([2, 3, 2], "tanh", "sigmoid", "binary_cross_entropy", l2=0.5)
    return network, source_of(network)


def run_of(source):
    space = {}
    exec(source, space)
    return space["loss_and_gradients"]


CORRUPTIONS = {
    "a forgotten path": ("D1 = D2 @ W2", "D1 = D2[:, :1] @ W2[:1]"),
    "a wrong transpose": ("dW1 = D1.T @ X", "dW1 = (X.T @ D1).reshape(W1.shape)"),
    "the penalty of a bias": ("db1 = np.sum(D1, axis=0)", "db1 = np.sum(D1, axis=0) + 0.5 * b1 / m"),
    "1/m twice": ("D2 /= m", "D2 /= m * m"),
    "no 1/m": ("D2 /= m", "pass"),
    "no penalty": ("dW2 += 0.5 * W2 / m", "pass"),
    "no slope": ("D1 *= tanh_slope(A1, out=np.empty_like(A1))", "pass"),
}


def test_the_example_that_is_corrupted_is_right():
    network, source = example()
    assert worst(network, run_of(source), *batch(network, 3, 0)) < 1e-7


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_the_comparison_sees_a_wrong_gradient(what):
    network, source = example()
    right, wrong = CORRUPTIONS[what]
    assert source.count(right) == 1, source
    assert worst(network, run_of(source.replace(right, wrong)), *batch(network, 3, 0)) > 1e-3


@pytest.mark.parametrize(("output", "loss"), PAIRS)
@pytest.mark.parametrize("size", [1e4, 1e8])
def test_extreme_inputs_give_finite_costs_and_gradients(output, loss, size):
    network = mlp([3, 4, 3], "sigmoid", output, loss)
    parameters, X, Y = batch(network, 5, 1)
    big = [(W * size, b) for W, b in parameters]
    cost, gradients = network.compile().loss_and_gradients(big, X, Y)
    assert np.isfinite(cost)
    assert all(np.isfinite(g).all() for pair in gradients for g in pair)


def test_cross_entropy_keeps_its_digits_at_logits_of_ten_thousand():
    code = mlp([1, 2], output="softmax", loss="cross_entropy").compile()
    parameters = [(np.array([[1e4], [-1e4]]), np.zeros(2))]
    cost, gradients = code.loss_and_gradients(parameters, [[1.0]], [[0.0, 1.0]])
    assert cost == 2e4
    assert gradients[0][1].tolist() == [1.0, -1.0]


# ---------------------------------------------------------------- equations


def backward(network, key, layer, matrix=True, in_batch=False):
    line = equations(network, in_batch).line(key, layer, backward=True)
    return text((line.matrix if matrix else line.components).right)


@pytest.mark.parametrize(
    ("output", "loss", "delta"),
    [
        ("sigmoid", "binary_cross_entropy", "a² - y"),
        ("softmax", "categorical_cross_entropy", "a² - y"),
        ("softmax", "sparse_categorical_cross_entropy", "a² - e_c"),
        ("identity", "squared_error", "2 (a² - y)"),
        ("sigmoid", "squared_error", "2 ((a² - y) ⊙ a² ⊙ (1 - a²))"),
    ],
)
def test_the_output_has_the_delta_that_an_expert_writes(output, loss, delta):
    assert backward(mlp([2, 3, 2], "tanh", output, loss), "delta", 2) == delta


def test_the_four_equations_of_backpropagation():
    network = mlp([2, 3, 2], "sigmoid", "softmax", "cross_entropy")
    assert backward(network, "W", 2) == "δ² (a¹)ᵀ"
    assert backward(network, "b", 2) == "δ²"
    assert backward(network, "a", 1) == "(W²)ᵀ δ²"
    assert backward(network, "delta", 1, matrix=False) == "(Σₗ δₗ² Wₗⱼ²) · aⱼ¹ (1 - aⱼ¹)"
    assert backward(network, "W", 1) == "δ¹ xᵀ"


def test_a_batch_has_its_samples_in_rows():
    network = mlp([2, 3, 2], "relu", "softmax", "cross_entropy", l2=0.1)
    assert text(equations(network, batch=True).line("z", 1).matrix) == "Z¹ = X (W¹)ᵀ + 1 (b¹)ᵀ"
    assert backward(network, "delta", 2, in_batch=True) == "(A² - Y)/m"
    assert backward(network, "W", 2, in_batch=True) == "(Δ²)ᵀ A¹ + λ W²/m"
    assert backward(network, "b", 2, in_batch=True) == "(Δ²)ᵀ 1"
    assert backward(network, "delta", 1, in_batch=True) == "1[Z¹ > 0] ⊙ Δ² W²"


@pytest.mark.parametrize("in_batch", [False, True])
@pytest.mark.parametrize(("output", "loss"), PAIRS[:6])
def test_every_derivation_behind_an_equation_is_verified(output, loss, in_batch):
    found = equations(mlp([2, 3, 4, 2], ["tanh", "relu"], output, loss, l2=0.1), in_batch)
    for line in (*found.forward, *found.backward):
        for derivation in line.derivations:
            verify(derivation).raise_if_failed()


def test_every_gradient_has_its_derivation_and_every_activation_that_of_the_catalogue():
    found = equations(mlp([2, 3, 2], "tanh", "sigmoid", "bce"))
    assert all(line.derivations for line in found.backward)
    assert set(found.activations) == {"tanh", "sigmoid"}


def test_equations_print_in_every_notation_with_the_layer_on_top():
    line = equations(mlp([2, 3, 2], "tanh", "sigmoid", "bce")).line("delta", 1, backward=True)
    assert latex(line.matrix.left) == r"\boldsymbol{\delta}^{1}"
    assert typst(line.components).startswith("delta_(j)^(1)")


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


# ---------------------------------------------------------------- what is refused

REFUSED = {
    "widths[1] is 0": lambda: mlp([2, 0, 1]),
    "give those of the input and of the output": lambda: mlp([2]),
    "2 hidden layers need 2 activations, hidden= names 1": lambda: mlp([2, 3, 3, 1], ["tanh"]),
    "a hidden layer takes an element-wise activation": lambda: mlp([2, 3, 1], "softmax"),
    "squared_error is a loss: give an activation": lambda: mlp([2, 3, 1], "squared_error"),
    "makes one number of a vector": lambda: mlp([2, 3, 1], "logsumexp"),
    "tanh is no loss of a prediction and a target": lambda: mlp([2, 1], loss="tanh"),
    "l2_penalty is no loss of a prediction": lambda: mlp([2, 1], loss="l2_penalty"),
    "is stated of a whole batch": lambda: mlp([2, 1], loss="mean_squared_error_batch"),
    "holds an activation of its own": lambda: mlp([2, 1], loss="sigmoid_binary_cross_entropy"),
    "takes every prediction for a probability of its own": lambda: mlp([2, 2], output="softmax", loss="bce"),
    "takes predictions in (0, 1), but tanh gives values in (-1, 1)": lambda: mlp([2, 1], output="tanh", loss="bce"),
    "takes predictions in (0, 1], but identity gives": lambda: mlp([2, 2], output="identity", loss="cross_entropy"),
    "but relu gives values in [0, ∞)": lambda: mlp([2, 2], output="relu", loss="bce"),
    "softmax of a single output is 1": lambda: mlp([2, 1], output="softmax", loss="cross_entropy"),
    "takes the number of one class": lambda: mlp([2, 2], output="sigmoid", loss="sparse_categorical_cross_entropy"),
    "l2 is -1": lambda: mlp([2, 1], l2=-1),
    "l2 is nan": lambda: mlp([2, 1], l2=float("nan")),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused_in_words(message):
    with pytest.raises(DefinitionError) as error:
        REFUSED[message]()
    assert message in str(error.value)


def test_unknown_names_come_with_near_ones():
    with pytest.raises(UnknownName, match="did you mean sigmoid"):
        mlp([2, 3, 1], "sigmoyd")
    with pytest.raises(UnknownName, match="huber"):
        mlp([2, 3, 1], loss="hubert")


def test_aliases_are_resolved():
    assert mlp([2, 1], output="logistic", loss="log_loss") == mlp([2, 1], output="sigmoid", loss="binary_cross_entropy")
    assert mlp([2, 2], output="softmax", loss="cross_entropy").loss == "categorical_cross_entropy"


def test_every_elementwise_activation_of_the_catalogue_may_stand_in_a_hidden_layer():
    for entry in entries(project().folders).values():
        if entry.kind == "activation":
            try:
                found = activation(entry.name)
            except DefinitionError:
                continue
            if not found.joint:
                slope_of(found)


FAULTS = {
    r"X: shape \(m, 2\) is expected, a sample in each of m ≥ 1 rows, got \(3, 4\)": {"X": np.zeros((3, 4))},
    r"X: shape \(m, 2\) is expected, .* got \(0, 2\)": {"X": np.zeros((0, 2))},
    r"X: finite numbers are expected, got nan at \(1, 0\)": {"X": np.array([[0, 0], [np.nan, 0], [0, 0]])},
    r"Y: shape \(3, 1\) is expected, got \(3,\)": {"Y": np.zeros(3)},
    r"Y: binary_cross_entropy takes targets in \[0, 1\], got 2": {"Y": np.full((3, 1), 2.0)},
    r"X: float32, float64 or integers are expected, got dtype complex128": {"X": np.zeros((3, 2), complex)},
    r"W1: shape \(3, 2\) is expected, got \(2, 3\)": {"W1": np.zeros((2, 3))},
    r"W1: float32 or float64 is expected, got dtype int64": {"W1": np.zeros((3, 2), np.int64)},
    r"W1: finite numbers are expected, got inf at \(0, 1\)": {"W1": np.array([[0, np.inf], [0, 0], [0, 0]])},
    r"parameters: one dtype is expected, got float32, float64": {"W1": np.zeros((3, 2), np.float32)},
}


@pytest.mark.parametrize("message", FAULTS)
def test_arrays_that_do_not_fit_are_named(message):
    network = mlp([2, 3, 1], "tanh", "sigmoid", "bce")
    parameters, X, Y = batch(network, 3, 0)
    fault = FAULTS[message]
    parameters[0] = (fault.get("W1", parameters[0][0]), parameters[0][1])
    with pytest.raises((ValueError, TypeError), match=message):
        network.compile().loss_and_gradients(parameters, fault.get("X", X), fault.get("Y", Y))


def test_targets_of_classifiers_are_checked():
    one_hot = mlp([2, 3], output="softmax", loss="cross_entropy").compile()
    parameters, X, Y = batch(one_hot.network, 3, 0)
    with pytest.raises(ValueError, match="targets that sum to 1 in every row"):
        one_hot.loss_and_gradients(parameters, X, 2 * Y)
    by_class = mlp([2, 3], output="softmax", loss="sparse_categorical_cross_entropy").compile()
    with pytest.raises(ValueError, match="class 3 is none of 0 to 2"):
        by_class.loss_and_gradients(parameters, X, [0, 1, 3])
    with pytest.raises(TypeError, match="integers are expected"):
        by_class.loss_and_gradients(parameters, X, [0.0, 1.0, 2.0])


def test_parameters_are_counted():
    network = mlp([2, 3, 1])
    with pytest.raises(ValueError, match=r"2 pairs \(W, b\) are expected, one for each layer, got 1"):
        network.compile().forward(network.initial(0)[:1], np.zeros((1, 2)))


# ---------------------------------------------------------------- code


def test_what_is_read_is_not_written_over():
    """e is read again after 1 + e; its buffer must not be taken before."""
    space = {"np": np}
    lines = in_place(("e = np.exp(-x)", "u = np.where(x > 0.0, e, -e)", "return u / (1.0 + e) + e"), "out")
    exec("def f(x, out):\n" + "".join(f"    {line}\n" for line in lines) + "    return out", space)
    x = np.array([-1.5, 0.5, 2.0])
    e = np.exp(-x)
    wanted = np.where(x > 0, e, -e) / (1 + e) + e
    assert np.allclose(space["f"](x.copy(), np.empty(3)), wanted, rtol=1e-15)
    alone = x.copy()
    assert np.allclose(space["f"](alone, alone), wanted, rtol=1e-15)


def test_arguments_stay_as_they_are():
    for output, loss in PAIRS:
        network = mlp([2, 3, 2], "elu", output, loss, l2=0.1)
        parameters, X, Y = batch(network, 3, 0)
        before = [a.copy() for a in (*(a for pair in parameters for a in pair), X, Y)]
        network.compile().loss_and_gradients(parameters, X, Y)
        after = (*(a for pair in parameters for a in pair), X, Y)
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_derivative_that_is_a_polynomial_of_the_value_is_computed_from_it():
    assert slope_of(activation("sigmoid")).of == slope_of(activation("tanh")).of == "a"
    assert slope_of(activation("relu")).of == "z"
    assert loss_kernels(activation("sigmoid"), loss_of("bce")).delta_of == "a"


def test_a_network_is_a_value():
    network = mlp([2, 3, 1])
    assert network == mlp((2, 3, 1))
    assert replace(network, l2=0.5) != network
    assert network.compile() is mlp([2, 3, 1]).compile()
