"""Rows in which ŷ - y cancels are computed again in more digits: in float64 where results are in float32, in pairs, in twice the digits, in decimal numbers."""

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from sympy import Interval, Sum, exp, log, oo

import chainrule
from chainrule.calculus.derive import derive_all
from chainrule.codegen.modules import module_source
from chainrule.codegen.numpy_source import load
from chainrule.definition import Definition
from chainrule.functions import (
    label_smoothing_cross_entropy,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_general,
)
from chainrule.notation import dimension, index, one_hot, scalar, vector
from chainrule.runtime import digits
from chainrule.runtime.digits import KINDS, Decimals, Digits, Fixed, refined_rows
from chainrule.runtime.pairs import Pair
from chainrule.runtime.reductions import exponential_sum, exponentials, pairwise_sum
from chainrule.runtime.twice import Twice

LIMIT = 4.0
ENOUGH = 700  # digits


@pytest.fixture(params=[False, True], ids=["NumPy", "compiled"])
def _code(request: pytest.FixtureRequest) -> Iterator[None]:
    before = chainrule.set_compiled(request.param)
    yield
    chainrule.set_compiled(before)


def probabilities(z: Any) -> list[Any]:
    top = max(z)
    powers = [mpmath.exp(mpmath.mpf(float(x)) - mpmath.mpf(float(top))) for x in z]
    return [e / mpmath.fsum(powers) for e in powers]


def weighted(z: Any, y: Any, decimals: int) -> list[list[Any]]:
    """s Σy - y of each row."""
    exact = []
    with mpmath.workdps(decimals):
        for a, b in zip(z, y, strict=True):
            weights = [mpmath.mpf(float(t)) for t in b]
            exact.append([p * mpmath.fsum(weights) - t for p, t in zip(probabilities(a), weights, strict=True)])
    return exact


def worst(found: Any, exact: list[list[Any]]) -> float:
    """The largest error in ulp of the largest exact component of its row."""
    errors = []
    for row, true in zip(found, exact, strict=True):
        ulp = float(np.spacing(row.dtype.type(float(max(map(abs, true))))))
        errors += [abs(float((mpmath.mpf(float(a)) - b) / mpmath.mpf(ulp))) for a, b in zip(row, true, strict=True)]
    return max(errors)


def drawn(size: int, near: float, dtype: Any) -> tuple[Any, Any]:
    """Scores, and targets that differ from their softmax by so much."""
    rng = np.random.default_rng([size, int(-np.log2(near))])
    z = (3 * rng.normal(size=(30, size))).astype(dtype)
    powers = np.exp(z.astype(np.float64))
    y = powers / powers.sum(axis=-1, keepdims=True) * (1 + near * rng.normal(size=z.shape))
    return z, (y / y.sum(axis=-1, keepdims=True)).astype(dtype)


@pytest.mark.usefixtures("_code")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("near", [0.3, 1e-3, 1e-8, 1e-13, 2.0**-60])
@pytest.mark.parametrize("size", [2, 3, 10, 40])
def test_predictions_near_soft_targets(size: int, near: float, dtype: Any) -> None:
    z, y = drawn(size, near, dtype)
    with mpmath.workdps(60):
        exact = [
            [p - mpmath.mpf(float(t)) for p, t in zip(probabilities(a), b, strict=True)]
            for a, b in zip(z, y, strict=True)
        ]
    assert worst(softmax_cross_entropy.grad(z, y), exact) <= LIMIT
    assert worst(softmax_cross_entropy.value_and_grad(z, y)[1], exact) <= LIMIT
    assert worst(softmax_cross_entropy.grad(z[0], y[0])[None], exact[:1]) <= LIMIT


@pytest.mark.usefixtures("_code")
def test_weights_that_do_not_sum_to_one() -> None:
    z, y = drawn(5, 1e-9, np.float64)
    y = y * 3.7
    assert worst(softmax_cross_entropy_general.grad(z, y), weighted(z, y, 60)) <= LIMIT


@pytest.mark.usefixtures("_code")
def test_smoothed_targets_with_a_parameter_of_each_row() -> None:
    z, _ = drawn(4, 0.5, np.float64)
    y, epsilon = np.eye(4)[np.argmax(z, axis=-1)], np.linspace(0.01, 0.9, len(z))
    smooth = y * (1 - epsilon[:, None]) + epsilon[:, None] / 4
    z = np.log(smooth) + 1e-9 * z
    with mpmath.workdps(60):
        exact = []
        for a, b, e in zip(z, y, epsilon, strict=True):
            share = mpmath.mpf(float(e))
            exact.append([p - ((1 - share) * int(t) + share / 4) for p, t in zip(probabilities(a), b, strict=True)])
    assert worst(label_smoothing_cross_entropy.grad(z, y, epsilon=epsilon), exact) <= LIMIT


@pytest.mark.usefixtures("_code")
def test_limits() -> None:
    inf = np.inf
    z = [[inf, 0.0], [0.0, -inf], [-inf, -inf], [1e308, -1e308], [0.0, 0.0]]
    y = [[0.75, 0.25], [0.75, 0.25], [0.75, 0.25], [0.75, 0.25], [0.5, 0.5]]
    expected = [[0.25, -0.25], [0.25, -0.25], [-0.25, 0.25], [0.25, -0.25], [0.0, 0.0]]
    assert softmax_cross_entropy.grad(z, y).tolist() == expected
    assert softmax_cross_entropy.grad([inf, inf, 2.0], [0.5, 0.5, 0.0]).tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(softmax_cross_entropy.grad([np.nan, 0.0], [0.5, 0.5])).any()


def test_one_target_serves_all_rows_and_class_indices_as_numbers_are_not_computed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    z, y = drawn(6, 1e-6, np.float64)
    assert (softmax_cross_entropy.grad(z, y[3])[3] == softmax_cross_entropy.grad(z[3], y[3])).all()
    monkeypatch.setattr(digits, "refine", None)
    hot = np.eye(6)[np.argmax(z, axis=-1)]
    softmax_cross_entropy.grad(30 * z, hot)
    with pytest.raises(TypeError, match="NoneType"):
        softmax_cross_entropy.grad(z, y)


@pytest.mark.parametrize("near", [1e-290, 1e-300])
def test_what_is_left_may_be_hundreds_of_digits_behind(near: float) -> None:
    z, y = np.array([[0.0, float(np.log(near)) + 1e-5]]), np.array([[1.0, near]])
    with mpmath.workdps(ENOUGH):
        exact = [[p - mpmath.mpf(float(t)) for p, t in zip(probabilities(z[0]), y[0], strict=True)]]
    assert worst(softmax_cross_entropy.grad(z, y), exact) <= LIMIT


@pytest.mark.parametrize("weight", [1.0, 1e-40, 1e-70, 1e40])
def test_targets_that_are_the_rounded_predictions(weight: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step of a student that starts as its teacher: in whole numbers, unless the targets are tiny."""
    z, _ = drawn(7, 0.5, np.float64)
    y = softmax(z) * weight
    if weight == 1.0:
        monkeypatch.setattr(digits, "_decimally", None)
    assert worst(softmax_cross_entropy_general.grad(z, y), weighted(z, y, 120)) <= LIMIT


def test_nothing_is_left_of_equal_scores_and_equal_targets() -> None:
    assert not softmax_cross_entropy.grad(np.full((3, 8), 7.25), np.full((3, 8), 0.125)).any()


def distillation() -> Any:
    """Cross-entropy of softmax(z/T) with a target, generated."""
    K = dimension("K")
    i, j, k = index("i", K), index("j", K), index("k", K)
    z, y, s, T = vector("z", K), one_hot("y", K), vector("s", K), scalar("T")
    loss = Definition(
        -Sum(y[k] * log(s[k]), k),
        wrt=z[j],
        where={s[i]: exp(z[i] / T) / Sum(exp(z[k] / T), k)},
        parameters={T: 2.0},
        domain={T: Interval.open(0, oo)},
        name="distillation",
    )
    return load(module_source(loss, derive_all(loss)), "distillation")


@pytest.mark.parametrize("temperature", [0.01, 0.5, 20.0])
def test_distillation_with_a_temperature(temperature: float) -> None:
    grad, exact = distillation().grad, []
    z, y = drawn(5, 1e-9, np.float64)
    hot = np.eye(5)[np.argmax(z, axis=-1)]
    for target in (y, hot):
        scores = temperature * z if target is y else 20 * temperature * z
        found = grad(scores, target, T=temperature)
        with mpmath.workdps(200):
            t = mpmath.mpf(temperature)
            exact = []
            for a, b in zip(scores, target, strict=True):
                powers = [mpmath.exp((mpmath.mpf(float(x)) - float(max(a))) / t) for x in a]
                share = [e / mpmath.fsum(powers) for e in powers]
                exact.append([(p - mpmath.mpf(float(w))) / t for p, w in zip(share, b, strict=True)])
        assert worst(found, exact) <= LIMIT


KERNELS: dict[str, Callable[..., Any]] = {
    "times": lambda z, t: exponentials(z, times=t[..., None]),
    "negative times": lambda z, t: exponentials(z, times=-t[..., None]),
    "over": lambda z, t: exponentials(z, over=t[..., None]),
    "both": lambda z, t: exponentials(z, times=2.0, over=t[..., None]),
}
FACTORS = {"times": lambda t: t, "negative times": lambda t: -t, "over": lambda t: 1 / t, "both": lambda t: 2 / t}


@pytest.mark.parametrize("kind", [Pair, Twice, Fixed, Decimals])
@pytest.mark.parametrize("name", KERNELS)
def test_scores_with_a_temperature(name: str, kind: Any) -> None:
    def formula(z: Any, y: Any, t: Any) -> Any:
        e = KERNELS[name](z, t)
        return (
            1.0
            - (1.0 - e / exponential_sum(e)[..., None] / 1)
            - y * pairwise_sum(y)[..., None] * (1 / (0.5 + 0.5 * y / y))
        )

    z, y = drawn(5, 0.5, np.float64)
    t = np.linspace(0.3, 2.0, len(z))
    with np.errstate(all="ignore"):
        found = formula(*(Digits(KINDS[kind](each)) for each in (z, y, t))).rounded
    with mpmath.workdps(50):
        for row, a, b, c in zip(found, z, y, t, strict=True):
            factor, weights = FACTORS[name](mpmath.mpf(float(c))), [mpmath.mpf(float(x)) for x in b]
            powers = [mpmath.exp(mpmath.mpf(float(x)) * factor) for x in a]
            exact = [e / mpmath.fsum(powers) - w * mpmath.fsum(weights) for e, w in zip(powers, weights, strict=True)]
            assert max(abs(float(x - e)) for x, e in zip(row, exact, strict=True)) <= 2.0**-53


def test_rows_that_have_kept_their_digits_are_given_back() -> None:
    found, less = np.array([[0.75, -0.75]]), np.array([[0.125, 0.875]])
    assert refined_rows(found, less, lambda *_: None, (found,)) is found
