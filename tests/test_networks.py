"""The code of a network: gradients that agree with a cost written by hand for any architecture, in both dtypes, for any finite input; and what it takes
to see a wrong one."""

import ast
import inspect
import os
import subprocess
import sys
import traceback
from collections import Counter
from dataclasses import replace
from functools import cache

import network_reference as reference
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from network_reference import ELEMENTWISE, FITS, JOINT, sample

from chainrule.catalogue import entries, project
from chainrule.errors import ChainruleError, DefinitionError
from chainrule.networks import kernels, mlp, templates, writer
from chainrule.networks.in_place import _Writer, in_place
from chainrule.networks.kernels import Kernel, Slope, loss_kernels, slope_of
from chainrule.networks.parts import activation, loss_of
from chainrule.networks.units import Sample, units
from chainrule.networks.writer import source_of
from chainrule.numeric import numerical_gradient

CLOSE = 1e-11
"""Far above rounding, far below any mistake: the reference is exact but for rounding."""


@st.composite
def networks(draw, widest=6, deepest=4, targets=tuple(FITS)):
    """Any depth, any widths, any activation in each layer, any output and loss that fit."""
    loss = draw(st.sampled_from(targets))
    output = draw(st.sampled_from(FITS[loss]))
    depth = draw(st.integers(1, deepest))
    widths = [draw(st.integers(1, widest)) for _ in range(depth)] + [draw(st.integers(1 + (output in JOINT), widest))]
    hidden = [draw(st.sampled_from(ELEMENTWISE)) for _ in range(depth - 1)]
    return mlp(widths, hidden, output, loss, draw(st.sampled_from((0.0, 0.3))))


anything_goes = settings(deadline=None, suppress_health_check=list(HealthCheck))


# ---------------------------------------------------------------- gradients


@settings(anything_goes, max_examples=2)
@given(networks(), st.integers(1, 5), st.integers(0, 1000))
def test_cost_and_gradients_are_those_of_a_cost_written_by_hand(network, samples, seed):
    given = sample(network, samples, seed)
    run = network.compile().loss_and_gradients
    expected = reference.cost(network.activations, network.loss, network.l2, *given).real
    assert run(*given)[0] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert reference.worst(network, run, *given, seed) < CLOSE
    outputs = reference.forward(network.activations, *given[:2]).real
    assert np.allclose(network.compile().forward(*given[:2]), outputs, rtol=1e-12, atol=1e-13)


TARGETS = (
    ("identity", "squared_error"),
    ("softplus", "mean_squared_error"),
    ("relu", "absolute_error"),
    ("tanh", "log_cosh"),
    ("softmax", "huber"),
    ("elu", "hinge"),
    ("sigmoid", "binary_cross_entropy"),
    ("sigmoid", "categorical_cross_entropy"),
    ("softmax", "categorical_cross_entropy"),
    ("softmax", "kl_divergence"),
    ("softmin", "sparse_categorical_cross_entropy"),
    ("sigmoid", "squared_error"),
)
assert {loss for _, loss in TARGETS} == set(FITS)


@pytest.mark.parametrize(("output", "loss"), TARGETS)
def test_every_loss_has_the_gradients_of_the_cost_written_by_hand(output, loss):
    """On every run, where the cases above are drawn."""
    network = mlp([2, 3, 3], "gelu", output, loss, l2=0.1)
    given = sample(network, 5, 0)
    run = network.compile().loss_and_gradients
    assert run(*given)[0] == pytest.approx(reference.cost(network.activations, loss, 0.1, *given).real, rel=1e-12)
    assert reference.worst(network, run, *given) < CLOSE


@settings(anything_goes, max_examples=2)
@given(networks(widest=3, deepest=3, targets=("squared_error", "binary_cross_entropy", "categorical_cross_entropy")))
def test_the_equations_evaluated_as_they_stand_give_what_the_code_gives(network):
    network = replace(network, l2=0.0)  # the equations of one sample have no penalty
    parameters, X, Y = sample(network, 1, 0)
    found = units(network, Sample(parameters, X[0], Y[0]))
    loss, gradients = network.compile().loss_and_gradients(parameters, X, Y)
    assert found.forward["loss", 0] == pytest.approx(loss, rel=1e-12, abs=1e-14)
    for layer, pair in enumerate(gradients, 1):
        for key, gradient in zip("Wb", pair, strict=True):
            assert np.allclose(found.backward[key, layer], gradient, rtol=1e-11, atol=1e-14), (key, layer)


def test_every_activation_and_loss_of_the_catalogue_is_taken_or_refused_as_the_reference_says():
    """What is new in the catalogue and not in the reference is checked by the differences below."""
    refused = {
        (output, loss): error
        for loss, outputs in FITS.items()
        for output in reference.ACTIVATIONS
        if output not in outputs and (error := refusal(output, loss)) is None
    }
    assert not refused
    assert not [(o, loss) for loss, outputs in FITS.items() for o in outputs if refusal(o, loss)]


def refusal(output, loss):
    try:
        mlp([2, 2], output=output, loss=loss)
    except DefinitionError as error:
        return error
    return None


def unknown(kind, find, known):
    for entry in entries(project().folders).values():
        if entry.kind == kind and entry.name not in known:
            try:
                yield find(entry.name)
            except ChainruleError:
                continue


def test_what_is_new_in_the_catalogue_has_the_gradients_that_its_own_costs_have():
    new = [mlp([2, 3, 2], f.name) for f in unknown("activation", activation, reference.ACTIVATIONS) if not f.joint]
    new += [
        mlp([2, 3, 2], "tanh", loss=f.name) for f in unknown("loss", loss_of, FITS) if not refusal("identity", f.name)
    ]
    for network in (*new, mlp([2, 3, 2], "gelu", loss="huber")):
        parameters, X, Y = sample(network, 3, 0)
        run = network.compile().loss_and_gradients
        for which in range(2):

            def cost(value, which=which, run=run, parameters=parameters, X=X, Y=Y):
                moved = [list(parameters[0]), parameters[1]]
                moved[0][which] = value
                return run(moved, X, Y)[0]

            numerical = numerical_gradient(cost, parameters[0][which], "central")
            assert np.allclose(numerical, run(parameters, X, Y)[1][0][which], atol=1e-6), network


# ---------------------------------------------------------------- mistakes are seen


@cache
def example():
    """Equal widths, so that no wrong index betrays itself by a shape, but for the samples."""
    network = mlp([3, 3, 3, 3], "tanh", "sigmoid", "binary_cross_entropy", l2=0.5)
    return network, source_of(network)


def run_of(source):
    space = {}
    exec(source, space)
    return space["loss_and_gradients"]


def seen(source):
    network, _ = example()
    return reference.worst(network, run_of(source), *sample(network, 3, 0))


CORRUPTIONS = {
    "a forgotten path": ("D1 = D2 @ W2", "D1 = D2[:, :1] @ W2[:1]"),
    "a forgotten transpose": ("D1 = D2 @ W2", "D1 = D2 @ W2.T"),
    "a transpose too many": ("dW1 = D1.T @ X", "dW1 = (D1.T @ X).T"),
    "samples in columns": ("dW1 = D1.T @ X", "dW1 = D1 @ X"),
    "the delta of another layer": ("D1 = D2 @ W2", "D1 = D3 @ W2"),
    "the weights of another layer": ("D1 = D2 @ W2", "D1 = D2 @ W1"),
    "the inputs of another layer": ("dW2 = D2.T @ A1", "dW2 = D2.T @ A2"),
    "the outputs of another layer": ("D1 *= tanh_slope(A1", "D1 *= tanh_slope(A2"),
    "the penalty of a bias": ("db1 = np.sum(D1, axis=0)", "db1 = np.sum(D1, axis=0) + 0.5 * b1 / m"),
    "half a penalty": ("dW2 += 0.5 * W2 / m", "dW2 += 0.25 * W2 / m"),
    "no penalty": ("dW2 += 0.5 * W2 / m", "pass"),
    "1/m twice": ("D3 /= m", "D3 /= m * m"),
    "no 1/m": ("D3 /= m", "pass"),
    "a bias of the wrong axis": ("db1 = np.sum(D1, axis=0)", "db1 = np.sum(D1, axis=1)"),
    "no slope": ("D1 *= tanh_slope(A1, out=np.empty_like(A1))", "pass"),
    "a slope with the wrong factor": ("    t1 = 1.0 + a\n", "    t1 = 2.0 + a\n"),
    "the target with the other sign": ("np.subtract(a, y, out=out)", "np.add(a, y, out=out)"),
}


def test_the_example_that_is_corrupted_is_right():
    assert seen(example()[1]) < 1e-14


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_the_comparison_sees_a_wrong_gradient(what):
    _, source = example()
    right, wrong = CORRUPTIONS[what]
    assert source.count(right) == 1, source
    assert seen(source.replace(right, wrong)) > 1e-3


def changed_penalty(monkeypatch):
    """λ/2 ΣW² where the cost has λ/(2m) ΣW²."""
    whole = templates.penalty()
    definition = whole.definition.named(expression=templates.SAMPLES * whole.definition.expression)
    derivation = templates.derive_all(definition)[0]
    monkeypatch.setattr(templates, "penalty", lambda: derivation)


def with_kernel(**changes):
    def patch(monkeypatch):
        whole = kernels.loss_kernels
        monkeypatch.setattr(kernels, "loss_kernels", lambda *given: replace(whole(*given), **changes))

    return patch


def slope_as(formula):
    return lambda monkeypatch: monkeypatch.setattr(
        kernels, "slope_of", lambda _: Slope(Kernel(("a",), (f"return {formula}",)), "a")
    )


def without_transposes(monkeypatch):
    whole = writer._product
    monkeypatch.setattr(writer, "_product", lambda node, l2: whole(node, l2).replace("W2.T", "W2"))


def buffers_never_spared(monkeypatch):
    monkeypatch.setattr(_Writer, "free", lambda self, texts: next((x for x in texts if x in self.owned), None))
    monkeypatch.setattr(
        kernels, "slope_of", lambda _: Slope(Kernel(("a",), ("s = 1.0 + a", "return s * (s - 2.0 * a) * (s / s)")), "a")
    )


GENERATORS = {
    "the slope of the sigmoid for tanh": slope_as("a * (1.0 - a)"),
    "a slope with a forgotten factor": slope_as("1.0 - a"),
    "delta with the other sign": with_kernel(delta=Kernel(("a", "y"), ("return y - a",))),
    "delta of the squared error": with_kernel(delta=Kernel(("a", "y"), ("return (a - y) * a * (1.0 - a)",))),
    "a mean over the outputs": with_kernel(mean=True),
    "a product without its transpose": without_transposes,
    "a penalty without 1/m": changed_penalty,
    "a buffer that is still read": buffers_never_spared,
}


@pytest.mark.parametrize("what", GENERATORS)
def test_the_comparison_sees_a_generator_that_is_broken(what, monkeypatch):
    network, source = example()
    GENERATORS[what](monkeypatch)
    broken = source_of(network)
    assert broken != source
    assert seen(broken) > 1e-3


# ---------------------------------------------------------------- float32, extremes, arguments


def intermediates(code, *arguments):
    """The dtypes of all floating arrays that the functions of the generated module name, by function and name."""
    found = {}

    def look(frame, event, _):
        if event == "return" and frame.f_code.co_filename == code._backward.__code__.co_filename:
            for name, value in frame.f_locals.items():
                if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                    found[frame.f_code.co_name, name] = value.dtype.name

    sys.setprofile(look)
    try:
        code.loss_and_gradients(*arguments)
    finally:
        sys.setprofile(None)
    return found


@pytest.mark.parametrize(("output", "loss"), TARGETS)
def test_float32_stays_float32(output, loss):
    network = mlp([4, 5, 3], "silu", output, loss, 0.1)
    parameters, X, Y = sample(network, 4, 1, "float32")
    code = network.compile()
    cost, gradients = code.loss_and_gradients(parameters, X, Y)
    assert code.forward(parameters, X).dtype == np.float32
    assert {g.dtype.name for pair in gradients for g in pair} == {"float32"}
    names = intermediates(code, parameters, X, Y)
    assert ("loss_and_gradients", "D1") in names
    again = (
        {"_difference_z", "_s"} if ("_difference_z", "z") in names else set()
    )  # rows that have cancelled, in float64
    assert {d for name, d in names.items() if name[0] not in again} == {"float32"}
    wide = [(W.astype(float), b.astype(float)) for W, b in parameters]
    expected, exact = code.loss_and_gradients(wide, X.astype(float), Y if Y.dtype.kind == "i" else Y.astype(float))
    assert cost == pytest.approx(expected, rel=1e-5)
    for pair, wanted in zip(gradients, exact, strict=True):
        for got, right in zip(pair, wanted, strict=True):
            assert np.allclose(got, right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("hidden", ELEMENTWISE)
def test_every_hidden_activation_keeps_float32(hidden):
    network = mlp([4, 5, 3], hidden)
    parameters, X, Y = sample(network, 4, 1, "float32")
    gradients = network.compile().loss_and_gradients(parameters, X, Y)[1]
    assert {g.dtype.name for pair in gradients for g in pair} == {"float32"}
    assert reference.worst(network, lambda *_: (0, gradients), *(sample(network, 4, 1))) < 1e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("output", "loss"), TARGETS)
def test_logits_of_ten_thousand_give_finite_costs_and_gradients(output, loss, dtype):
    network = mlp([3, 4, 3], "sigmoid", output, loss)
    parameters, X, Y = sample(network, 5, 1, dtype)
    code = network.compile()
    for size in (1e4, -1e4):
        given = [(W * np.array(size, dtype), b) for W, b in parameters]
        cost, gradients = code.loss_and_gradients(given, X, Y)
        assert np.isfinite(cost)
        assert all(np.isfinite(g).all() for pair in gradients for g in pair)
        assert np.isfinite(code.forward(given, X)).all()


@pytest.mark.parametrize("hidden", ELEMENTWISE)
def test_every_hidden_activation_takes_inputs_of_ten_thousand(hidden):
    network = mlp([2, 3, 1], hidden, l2=0.1)
    parameters, X, Y = sample(network, 4, 0)
    for x in (1e4 * X, 0 * X):
        cost, gradients = network.compile().loss_and_gradients(parameters, x, Y)
        assert np.isfinite(cost)
        assert all(np.isfinite(g).all() for pair in gradients for g in pair)


def test_cross_entropies_keep_their_digits_at_logits_of_ten_thousand():
    softmax = mlp([1, 2], output="softmax", loss="cross_entropy").compile()
    cost, gradients = softmax.loss_and_gradients([(np.array([[1e4], [-1e4]]), np.zeros(2))], [[1.0]], [[0.0, 1.0]])
    assert cost == 2e4
    assert gradients[0][1].tolist() == [1.0, -1.0]
    sigmoid = mlp([1, 2], output="sigmoid", loss="binary_cross_entropy").compile()
    cost, gradients = sigmoid.loss_and_gradients([(np.array([[1e4], [-1e4]]), np.zeros(2))], [[1.0]], [[0.0, 1.0]])
    assert cost == 2e4
    assert gradients[0][1].tolist() == [1.0, -1.0]


def test_arguments_stay_as_they_are():
    for output, loss in TARGETS:
        network = mlp([2, 3, 2], "elu", output, loss, l2=0.1)
        parameters, X, Y = sample(network, 3, 0)
        before = [a.copy() for a in (*(a for pair in parameters for a in pair), X, Y)]
        network.compile().loss_and_gradients(parameters, X, Y)
        network.compile().forward(parameters, X)
        after = (*(a for pair in parameters for a in pair), X, Y)
        assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_results_share_no_memory_with_arguments_or_each_other():
    network = mlp([3, 3, 3], "identity", "identity", "squared_error")
    parameters, X, Y = sample(network, 3, 0)
    arrays = [a for pair in network.compile().loss_and_gradients(parameters, X, Y)[1] for a in pair]
    everything = [*arrays, *(a for pair in parameters for a in pair), X, Y]
    assert not any(np.shares_memory(a, b) for a in arrays for b in everything if a is not b)
    assert not any(np.shares_memory(network.compile().forward(parameters, X), b) for b in everything)


def test_memory_may_lie_in_any_order():
    network = mlp([3, 4, 2], "tanh", "softmax", "cross_entropy")
    parameters, X, Y = sample(network, 5, 0)
    code = network.compile()
    plain_cost, plain = code.loss_and_gradients(parameters, X, Y)
    for order in (np.asfortranarray, lambda a: np.repeat(a, 2, axis=0)[::2], lambda a: a[::-1].copy()[::-1]):
        moved = [(order(W), order(b)) for W, b in parameters]
        cost, gradients = code.loss_and_gradients(moved, order(X), order(Y))
        assert cost == pytest.approx(plain_cost, rel=1e-14)
        assert all(
            np.allclose(a, b, rtol=1e-13, atol=1e-16)
            for p, q in zip(plain, gradients, strict=True)
            for a, b in zip(p, q, strict=True)
        )


def test_a_batch_is_the_mean_of_its_samples():
    network = mlp([3, 4, 2], "tanh", "softmax", "cross_entropy")
    parameters, X, Y = sample(network, 4, 0)
    run = network.compile().loss_and_gradients
    cost, gradients = run(parameters, X, Y)
    alone = [run(parameters, X[[k]], Y[[k]]) for k in range(4)]
    assert cost == pytest.approx(np.mean([loss for loss, _ in alone]))
    for layer, pair in enumerate(gradients):
        for which, gradient in enumerate(pair):
            assert np.allclose(gradient, np.mean([g[layer][which] for _, g in alone], axis=0), atol=1e-15)


# ---------------------------------------------------------------- the text of the code


def test_the_source_is_what_runs():
    for output, loss in TARGETS:
        network = mlp([2, 3, 2], "gelu", output, loss, l2=0.1)
        code, given = network.compile(), sample(network, 3, 0)
        with np.errstate(all="ignore"):  # log 0, times a target of 0
            cost, gradients = run_of(code.source)(*given)
        same_cost, same = code.loss_and_gradients(*given)
        assert cost == same_cost
        assert all(
            np.array_equal(a, b) for p, q in zip(gradients, same, strict=True) for a, b in zip(p, q, strict=True)
        )
        assert inspect.getsource(code._backward) in code.source


def test_a_traceback_shows_the_generated_line():
    code = mlp([2, 1]).compile()
    try:
        code.step([(np.ones((1, 3)), np.ones(1))], np.ones((1, 2)), np.ones((1, 1)))
    except ValueError as error:
        assert "Z1 = X @ W1.T" in "".join(traceback.format_exception(error))


def test_the_source_is_straight_line_numpy_under_its_equations():
    network = mlp([2, 3, 4, 2], ["relu", "elu"], "softmax", "cross_entropy", l2=0.1)
    source = network.compile().source
    functions = {n.name: n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    kinds = Counter(type(n).__name__ for n in ast.walk(functions["loss_and_gradients"]) if isinstance(n, ast.stmt))
    assert set(kinds) == {"FunctionDef", "Assign", "AugAssign", "Return"}
    lines = source.splitlines()
    for statement in ("Z2 = A1 @ W2.T", "D2 = D3 @ W3", "dW1 = D1.T @ X", "db3 = np.sum(D3, axis=0)"):
        assert lines[
            lines.index(f"    {statement}", lines.index("def loss_and_gradients(parameters, X, Y):")) - 1
        ].startswith("    # ")
    assert max(map(len, lines)) < 160


def test_the_source_is_the_same_in_every_process():
    """Whatever the seed of Python's hashes."""
    made = "from chainrule.networks import mlp; print(mlp([2, 3, 2], 'elu', 'sigmoid', 'bce', 0.1).compile().source, end='')"
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    other = subprocess.run(
        [sys.executable, "-c", made], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert other == source_of(mlp([2, 3, 2], "elu", "sigmoid", "bce", 0.1))


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


def test_a_formula_that_is_handed_on_keeps_the_names_of_its_own():
    statements = ("e = x + 1.0", "u = e * e", "return applied(u, lambda e, u: e - 2.0 * u, x)")
    space = {"np": np, "applied": lambda value, formula, x: value + formula(x, value)}
    exec(
        "def f(x, out):\n" + "".join(f"    {line}\n" for line in in_place(statements, "out")) + "    return out", space
    )
    x = np.array([1.0, 3.0])
    wanted = (x + 1) ** 2
    assert space["f"](x, np.empty(2)).tolist() == (wanted + (x - 2 * wanted)).tolist()


def test_a_derivative_that_is_a_polynomial_of_the_value_is_computed_from_it():
    assert slope_of(activation("sigmoid")).of == slope_of(activation("tanh")).of == "a"
    assert slope_of(activation("relu")).of == "z"
    assert loss_kernels(activation("sigmoid"), loss_of("bce")).delta_of == "a"


def test_an_activation_that_numpy_has_is_computed_by_numpy():
    assert kernels.value_of(activation("tanh").definition).statements == ("return np.tanh(x)",)
    assert "np.tanh" not in "".join(kernels.value_of(activation("sigmoid").definition).statements)


def test_a_network_is_a_value():
    network = mlp([2, 3, 1])
    assert network == mlp((2, 3, 1)) == mlp(np.array([2, 3, 1]))
    assert replace(network, l2=0.5) != network
    assert network.compile() is mlp([2, 3, 1]).compile()


def test_helpers_that_are_alike_but_for_their_names_are_written_once():
    source = mlp([2, 3, 2], "sigmoid", "softmax", "categorical_cross_entropy").compile().source
    bodies = [part.partition("(")[2] for part in source.split("\n\n\n") if part.startswith("def ")]
    assert len(set(bodies)) == len(bodies)
    assert source.count("return e / exponential_sum(e)") == 1
