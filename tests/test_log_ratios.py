"""Logarithms of quotients are right to a few ulp, near 1 and where the quotient is no normal number."""

import mpmath
import numpy as np
import pytest

from chainrule.functions import kl_divergence
from chainrule.runtime.log_ratios import log_ratio, log_ratio_sum

RNG = np.random.default_rng(3)
M = mpmath.MPContext()
M.dps = 50


def exactly(above, below):
    return [M.log(M.mpf(float(a)) / M.mpf(float(b))) for a, b in zip(above, below, strict=True)]


def ulp(found, exact):
    unit = np.spacing(np.abs(np.array([float(each) for each in exact], found.dtype))).astype(float)
    return [float(abs(M.mpf(float(f)) - each)) / u for f, each, u in zip(found, exact, unit, strict=True)]


def pairs(dtype, near):
    """Numbers from the smallest to the largest, or such that their quotient is near 1."""
    kind = np.finfo(dtype)
    low, high = np.log2(float(kind.smallest_subnormal)), np.log2(float(kind.max)) - 1
    above, below = (2.0 ** RNG.uniform(low, high, (2, 2000))).astype(dtype)
    if near:
        above = (1 + RNG.normal(0, 0.2, 2000)).astype(dtype)
        below = (above * (1 + RNG.choice([1e-7, 1e-3, 0.3], 2000) * RNG.normal(size=2000))).astype(dtype)
    held = (above > 0) & (below > 0) & (above != below)
    return above[held], below[held]


@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_it_is_right_to_two_ulp(dtype, near):
    above, below = pairs(dtype, near)
    with np.errstate(all="ignore"):
        found = log_ratio(above, below)
    assert found.dtype == dtype and max(ulp(found, exactly(above, below))) <= 2


@pytest.mark.parametrize(
    ("above", "below", "found"),
    [
        (0.0, 0.0, -np.inf),
        (0.0, 1.0, -np.inf),
        (1.0, 0.0, np.inf),
        (np.inf, 1.0, np.inf),
        (1.0, np.inf, -np.inf),
        (-1e-300, -1e300, np.log(1e-300) - np.log(1e300)),
        (-1e-300, 1e300, np.nan),
        (1e300, -1e-300, np.nan),
        (np.nan, 1.0, np.nan),
        (2.0, 2.0, 0.0),
    ],
)
def test_ends_and_signs(above, below, found):
    with np.errstate(all="ignore"):
        np.testing.assert_equal(log_ratio(above, below), found)


@pytest.mark.parametrize("left", [0.3, 1e-3, 1e-9])
def test_a_sum_that_cancels_keeps_its_digits_where_a_quotient_overflows(left):
    above = np.array([2.0**-12, 0.25])
    below = np.array([3e-312, 0.0])
    below[1] = 0.25 * np.exp((1 - left) * above[0] * np.log(2.0**-12 / 1e-300 / 3e-12) / 0.25)
    exact = M.fdot([M.mpf(float(a)) for a in above], exactly(above, below))
    assert abs(exact) < 2 * left
    found = log_ratio_sum(above, above, below)
    assert ulp(found[None], [exact])[0] <= 4


def test_a_divergence_is_finite_where_a_quotient_overflows():
    q, p = np.array([1e-310, 0.5, 5e-324]), np.array([0.5, 0.25, 0.25])
    exact = exactly(p, q)
    value, gradient = kl_divergence(q, p), kl_divergence.grad(q, p, wrt="target")
    assert ulp(value[None], [M.fdot([M.mpf(float(each)) for each in p], exact)])[0] <= 4
    assert max(ulp(gradient, [each + 1 for each in exact])) <= 4
