"""The bound on the gradients of deep networks holds line by line, and in networks; what is measured is the same on every machine."""

import os
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy

from chainrule.calculus.derivation import Step
from chainrule.errors import DefinitionError, UnknownName
from chainrule.expression import tree as t
from chainrule.expression.printing import latex, text, typst
from chainrule.networks import mlp
from chainrule.networks.vanishing import REASONS, Bound, bound, check_bound, completed_square, decay
from chainrule.verification import check_step

CONSTANTS = {"sigmoid": Fraction(1, 4), "tanh": Fraction(1), "relu": Fraction(1)}
ACTIVATIONS = (*CONSTANTS, "softplus", "gelu", "silu")


@pytest.mark.parametrize(("name", "constant"), CONSTANTS.items())
def test_the_constant_is_the_one_the_engine_found(name: str, constant: Fraction) -> None:
    found = bound(name)
    (known,) = (p for p in found.derivation.properties if p.key == "max_slope")
    assert found.constant == known.values["value"] == sympy.Rational(constant.numerator, constant.denominator)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_line_holds_and_every_inequality_is_nearly_attained(name: str) -> None:
    for row in check_bound(bound(name)):
        shown = (
            f"{name}, {row.claim.key}: {text(row.claim.formula)}: off by {row.error:.1e}, {row.nearest} of the bound"
        )
        assert row.passed and row.points >= 24, shown
        assert row.nearest > 0.9 or row.claim.key == "increasing", shown


def with_constant(found: Bound, factor: Fraction) -> Bound:
    """The same argument with another number in the place of c."""
    c = t.Number(Fraction(str(found.constant)))
    wrong = t.number(c.value * factor)
    claims = {
        part: tuple(
            replace(claim, right=t.substitute(claim.right, {t.Frac(t.ONE, t.Number(1 / c.value)): wrong}))
            for claim in getattr(found, part)
        )
        for part in ("slope", "layer", "network")
    }
    return replace(found, **claims)


def test_a_smaller_constant_fails_in_every_line_that_it_stands_in() -> None:
    rows = check_bound(with_constant(bound("sigmoid"), Fraction(99, 100)))
    failed = {row.claim.key for row in rows if not row.passed}
    assert failed >= {"square", "slope", "attained", "slope bound", "triangle", "norms", "singular value", "layers"}


def test_a_backward_line_without_its_slope_fails() -> None:
    found = bound("tanh")
    first, *rest = found.layer
    assert isinstance(first.right, t.Mul)
    broken = replace(found, layer=(replace(first, right=first.right.factors[0]), *rest))
    assert not next(row for row in check_bound(broken) if row.claim.key == "backward").passed


def test_the_square_is_completed_by_a_step_that_the_verification_accepts() -> None:
    claims = {claim.key: claim for claim in bound("sigmoid").slope}
    square = claims["square"]
    assert text(square.right) == "1/4 - (σ(x) - 1/2)²"
    check = check_step(Step("complete the square", None, square.left, square.right), square.scope)
    assert check.passed and check.points >= 8, check.message


@pytest.mark.parametrize(
    ("coefficients", "expected"),
    [((-1, 0, 1), "1 - u²"), ((-2, 4, 1), "3 - 2 (u - 1)²"), ((-1, -1, 0), "1/4 - (u + 1/2)²"),
     ((1, 0, 0), None), ((0, 1, 0), None)],
)  # fmt: skip
def test_a_quadratic_polynomial_is_its_top_less_a_square(coefficients: tuple[int, ...], expected: str | None) -> None:
    u = t.Symbol("u")
    a, b, c = map(t.number, coefficients)
    found = completed_square(t.Add((t.Mul((a, t.Power(u, t.Number(Fraction(2))))), t.Mul((b, u)), c)), u)
    assert (found and text(found)) == expected


def test_every_line_prints_and_has_a_reason_that_is_known() -> None:
    for name in ACTIVATIONS:
        for claim in bound(name).claims:
            assert claim.key in REASONS
            assert all(show(claim.formula) for show in (text, latex, typst))


def test_an_activation_without_a_bound_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(DefinitionError, match="no bound on the derivative is known"):
        bound("identity")
    with pytest.raises(UnknownName, match="sigmoid"):
        bound("sigmoyd")


@pytest.mark.parametrize("name", CONSTANTS)
@pytest.mark.parametrize("seed", range(3))
def test_no_layer_of_a_network_exceeds_the_bound(name: str, seed: int) -> None:
    network = mlp([4, 6, 5, 6, 1], name)
    parameters = [(4 * W, b) for W, b in network.initial(seed)]
    x = np.random.default_rng(seed).standard_normal((1, 4))
    _, gradients = network.compile().loss_and_gradients(parameters, x, np.array([[2.0]]))
    deltas = [np.linalg.norm(b) for _, b in gradients]
    for below, above, (W, _) in zip(deltas, deltas[1:], parameters[1:], strict=False):
        assert below <= float(CONSTANTS[name]) * np.linalg.norm(W, 2) * above * (1 + 1e-12)


def test_the_gradient_of_sigmoids_vanishes_below_its_bound_and_those_of_others_do_not() -> None:
    sigmoid, tanh, relu = map(decay, CONSTANTS)
    assert all(norm <= limit for norm, limit in zip(sigmoid.norms, sigmoid.bound, strict=True))
    assert sigmoid.norms[0] < 1e-11 and 0.15 < sigmoid.factor < 0.25
    assert min(tanh.norms) > 0.1 and min(relu.norms) > 0.1
    assert all(found.norms[-1] == found.bound[-1] == 1.0 and found.layers[-1] == 21 for found in (sigmoid, tanh, relu))


def test_the_bound_of_a_network_is_the_product_of_the_bounds_of_its_layers() -> None:
    found = decay("sigmoid", hidden=3, width=8, seeds=1, samples=2)
    weights = [W for W, _ in mlp([8, 8, 8, 8, 1], "sigmoid").initial(0)]
    for layer, limit in zip(found.layers, found.bound, strict=True):
        assert limit == pytest.approx(np.prod([np.linalg.svd(W)[1][0] / 4 for W in weights[layer:]]), rel=1e-3)


MEASURE = "from chainrule.networks.vanishing import decay; print(decay('tanh', 6, 64, 3, 4))"


def test_what_is_measured_does_not_depend_on_the_threads() -> None:
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True, env=alone)
    assert done.stdout.strip() == str(decay("tanh", 6, 64, 3, 4))


def test_rounding_elsewhere_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs and weights that differ in the last digits give the same digits that are shown."""
    from chainrule.networks import training

    plain = decay("sigmoid")
    initial = training.initial

    def disturbed(network: object, seed: int, dtype: object = "float64") -> object:
        rng = np.random.default_rng(99)
        return [(W * (1 + 1e-14 * rng.standard_normal(W.shape)), b) for W, b in initial(network, seed, dtype)]  # type: ignore[arg-type]

    monkeypatch.setattr(training, "initial", disturbed)
    decay.cache_clear()
    assert decay("sigmoid") == plain
    decay.cache_clear()
