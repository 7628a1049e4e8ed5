"""The document of a network, and the numbers at its units: equations and code agree."""

from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

from chainrule.catalogue import project
from chainrule.chapters import numbers
from chainrule.chapters.own_network import page
from chainrule.chapters.page import written
from chainrule.cli import main
from chainrule.errors import VerificationError
from chainrule.networks import mlp
from chainrule.networks.units import units

NETWORKS = (
    mlp([2, 3, 1], "sigmoid", "sigmoid", "binary_cross_entropy"),
    mlp([2, 3, 3], "elu", "softmax", "sparse_categorical_cross_entropy"),
    mlp([3, 4, 2, 2], ["gelu", "tanh"], "softmax", "categorical_cross_entropy"),
    mlp([2, 2, 2], "relu", "identity", "hinge"),
    mlp([2, 2, 2], "prelu", "tanh", "mean_squared_error"),
)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_the_equations_evaluated_as_they_stand_give_what_the_code_gives(network):
    found = units(network)
    sample = found.sample
    target = np.asarray([sample.y]) if np.ndim(sample.y) == 0 else sample.y[None]
    code = network.compile()
    loss, gradients = code.loss_and_gradients(sample.parameters, sample.x[None], target)
    assert found.forward["loss", 0] == pytest.approx(loss, rel=1e-12)
    assert np.allclose(found.forward["a", network.depth], code.forward(sample.parameters, sample.x[None])[0])
    for layer, (dW, db) in enumerate(gradients, 1):
        assert np.allclose(found.backward["W", layer], dW, atol=1e-14)
        assert np.allclose(found.backward["b", layer], db, atol=1e-14)


def test_the_sample_is_the_same_every_time():
    first, second = units(NETWORKS[0]), units(NETWORKS[0])
    assert first.backward["delta", 1].tolist() == second.backward["delta", 1].tolist()
    assert first.sample.x.tolist() == [1.0, -0.5]


@cache
def page_of(network):
    return page(network, with_numbers=True)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_every_check_of_its_page_passes(network):
    made = page_of(network)
    made.raise_if_failed()
    assert len(made.verdicts) > 5


@pytest.mark.parametrize("form", ["text", "md", "tex", "typ"])
def test_its_page_in_every_format(form):
    made = written(page_of(NETWORKS[2]), form, project()).lower()
    for words in ("one sample", "with numbers", "in numpy", "def loss_and_gradients"):
        assert words in made.replace("\\_", "_")


@pytest.fixture
def unverified(monkeypatch):
    """Derivations of a page are not verified, as those of other tests here are."""
    monkeypatch.setattr("chainrule.chapters.own_network.verify_all", lambda derivations: ())


def test_a_page_whose_numbers_are_wrong_is_not_written(monkeypatch, unverified):
    right = numbers.code_numbers

    def wrong(example):
        return {key: value + (key == ("dW", 1, (1, 2))) for key, value in right(example).items()}

    monkeypatch.setattr("chainrule.networks.agreement.code_numbers", wrong)
    message = r"network-2-3-1, its numbers, as printed and by the generated code: \('dW', 1, \(1, 2\)\): "
    with pytest.raises(VerificationError, match=message):
        page(NETWORKS[0], with_numbers=True).raise_if_failed()


def run(*arguments):
    return CliRunner().invoke(main, ["network", *arguments])


def test_the_command_prints_forward_deltas_and_gradients(unverified):
    found = run("2-3-2", "--output", "softmax", "--loss", "cross_entropy", "--l2", "0.01", "--values")
    assert found.exit_code == 0, found.output
    for line in (
        "z¹ = W¹ x + b¹",
        "δ² = a² - y",
        "∂L/∂W² = δ² (a¹)ᵀ",
        "∂J/∂W¹ = (Δ¹)ᵀ X + λ W¹/m",
        "d/dx σ(x) = σ(x) (1 - σ(x))",
        "x₁ = 1, x₂ = -0.5",
    ):
        assert line in found.output


def test_the_command_writes_documents_with_the_drawing(tmp_path):
    found = run("2-2-1", "--to", "md,tex,pdf", "--values", "--output-dir", str(tmp_path))
    assert found.exit_code == 0, found.output
    written = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    name = "network-2-2-1"
    assert written == [f"figures/{name}.svg", f"latex/{name}.tex", f"markdown/{name}.md", f"pdf/{name}.pdf"]
    assert f"(../figures/{name}.svg)" in (tmp_path / "markdown" / f"{name}.md").read_text()


def test_hidden_layers_take_one_activation_each(unverified):
    found = run("2-3-3-1", "--hidden", "tanh,relu")
    assert "a¹ = tanh(z¹)" in found.output
    assert "a² = ReLU(z²)" in found.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2-0",), "widths[1] is 0"),
        (("2,3",), "'2,3' is no list of widths: write it as 2-3-1, input first"),
        (("2-1", "--loss", "hubert"), "did you mean huber?"),
        (("2-2", "--output", "softmax", "--loss", "bce"), "sum to 1"),
    ],
)
def test_what_does_not_fit_is_one_line_on_stderr(arguments, message):
    found = run(*arguments)
    assert found.exit_code == 1
    assert message in found.output
    assert len(found.output.strip().splitlines()) == 1
