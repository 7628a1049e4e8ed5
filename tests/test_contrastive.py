"""Contrastive losses: scores of pairs in a matrix, each row with its own shift, and gradients by the temperature."""

from typing import Any

import mpmath
import numpy as np
import pytest
from shared import failed_checks, function, ulps
from sympy import Interval, Sum, exp, log, oo

from chainrule.definition import Definition
from chainrule.notation import dimension, index, matrix, scalar, vector

n, K, tau = dimension("n"), dimension("K"), scalar("tau")
r, i, j, k, l_ = (index(letter, n) for letter in "rijkl")
S, z = matrix("S", n, n), vector("z", K)
c, l, m = index("c", K), index("l", K), index("m", K)
LIMIT = 4.0
WARM = {"parameters": {tau: 0.07}, "domain": {tau: Interval.open(0, oo)}, "kind": "loss", "source": "test"}
CLIP = Definition(
    -Sum(S[r, r] / tau - log(Sum(exp(S[r, k] / tau), k)), r) / n,
    wrt=S[i, j],
    name="clip",
    arguments={"similarities": S},
    **WARM,
)
BOTH_WAYS = Definition(
    (CLIP.expression - Sum(S[r, r] / tau - log(Sum(exp(S[k, r] / tau), k)), r) / n) / 2,
    wrt=S[i, j],
    name="both_ways",
    arguments={"similarities": S},
    **WARM,
)
P, Y = matrix("P", n, n), matrix("Y", n, n)
SOFT = Definition(
    -Sum(Sum(Y[r, k] * log(P[r, k]), k), r) / n,
    wrt=S[i, j],
    where={P[r, k]: exp(S[r, k]) / Sum(exp(S[r, l_]), l_)},
    facts={Y: "sums_to_one"},
    name="soft",
    kind="loss",
    source="test",
    arguments={"scores": S, "target": Y},
)
INFO_NCE = Definition(
    -z[c] / tau + log(Sum(exp(z[l] / tau), l)),
    wrt=(z[m], tau),
    name="info_nce",
    arguments={"similarities": z, "positive": c},
    **WARM,
)


@pytest.mark.parametrize("definition", [CLIP, BOTH_WAYS, INFO_NCE], ids=["clip", "both_ways", "info_nce"])
def test_all_checks_pass(definition: Definition) -> None:
    assert failed_checks(definition) == []


def confident(scale: float) -> Any:
    return scale * np.eye(4) + 0.1 * np.random.default_rng(7).normal(size=(4, 4))


@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0, 9.0])
def test_rows_that_are_told_apart_keep_their_digits(scale: float) -> None:
    scores = confident(scale)
    with mpmath.workdps(80):
        warm = mpmath.mpf(0.07)
        table = [[mpmath.mpf(x) / warm for x in row] for row in scores.tolist()]
        sums = [mpmath.fsum(mpmath.exp(x - row[k]) for x in row) for k, row in enumerate(table)]
        value = mpmath.fsum(map(mpmath.log, sums)) / 4
        assert ulps([function(CLIP)(scores)], [value]) <= LIMIT
        for k, (row, slopes) in enumerate(zip(table, function(CLIP).grad(scores), strict=True)):
            exact = [(mpmath.exp(x - row[k]) / sums[k] - (place == k)) / warm / 4 for place, x in enumerate(row)]
            assert ulps(slopes, exact) <= LIMIT


def test_both_ways_are_shifted() -> None:
    for scale in (1.0, 50.0, 1e4):
        scores = np.random.default_rng(0).normal(size=(4, 4)) * scale
        turned = (function(CLIP)(scores) + function(CLIP)(scores.T)) / 2
        slopes = (function(CLIP).grad(scores) + function(CLIP).grad(scores.T).T) / 2
        assert function(BOTH_WAYS)(scores) == pytest.approx(turned, rel=1e-14)
        assert np.allclose(function(BOTH_WAYS).grad(scores), slopes, rtol=1e-13, atol=1e-300)


def test_soft_targets_of_a_row_of_a_matrix() -> None:
    scores = np.array([[1.0, 2, 3], [0, 0, 1], [3, 1, 0]])
    powers = np.exp(scores)
    near = powers / powers.sum(axis=-1, keepdims=True)
    targets = np.array([[1.0, 0, 0], near[1] + [1e-3, -1e-3, 0], [0, 1, 0]])
    assert np.allclose(function(SOFT).grad(scores, targets), (near - targets) / 3, rtol=1e-12, atol=1e-16)


def test_a_batch_of_matrices() -> None:
    several = np.stack([confident(scale) for scale in (0.0, 2.0, 5.0)])
    for turned in (several, np.asfortranarray(several), several[::-1]):
        slopes = function(CLIP).grad(turned)
        for one, slope in zip(turned, slopes, strict=True):
            assert np.array_equal(slope, function(CLIP).grad(np.ascontiguousarray(one)))


@pytest.mark.parametrize("lead", [1.0, 3.0, 10.0])
@pytest.mark.parametrize("far", [0.0, 1e6])
def test_the_gradient_by_the_temperature_of_a_confident_row(lead: float, far: float) -> None:
    scores = np.array([lead, 0.25, -0.5, 0.125]) + far
    with mpmath.workdps(600):
        warm = mpmath.mpf(0.07)
        powers = [mpmath.exp((mpmath.mpf(x) - mpmath.mpf(scores[0])) / warm) for x in scores.tolist()]
        mean = mpmath.fsum(
            p * (mpmath.mpf(x) - mpmath.mpf(scores[0])) for p, x in zip(powers, scores.tolist(), strict=True)
        )
        exact = -mean / mpmath.fsum(powers) / warm**2
        assert ulps([function(INFO_NCE).grad(scores, 0, wrt="tau")], [exact]) <= 2 * LIMIT
