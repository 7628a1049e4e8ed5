"""Losses in which 1 - p stands for a probability p, logarithms of means of exponentials, and gradients by a temperature: right for confident rows and large scores."""

from typing import Any

import mpmath
import numpy as np
import pytest
from shared import failed_checks, function, loss, source, ulps
from sympy import Interval, Sum, exp, log, oo

from chainrule.calculus.derive import derive_all
from chainrule.calculus.forms import by_cases
from chainrule.codegen import vector_checking
from chainrule.codegen.modules import check_module, module_source
from chainrule.codegen.vector_names import RUNTIME
from chainrule.notation import dimension, index, matrix, one_hot, scalar, vector
from chainrule.runtime import reductions

pytestmark = pytest.mark.xdist_group("test_probabilities")  # modules are made once

K = dimension("K")
i, j, k, l, c = (index(letter, K) for letter in "ijklc")
z, s, y, w, p, t = (vector(letter, K) for letter in "zsywpt")
hot = one_hot("y", K)
T, omega, gamma, q = scalar("T"), scalar("omega"), scalar("gamma"), scalar("q")
SOFTMAX = {s[i]: exp(z[i]) / Sum(exp(z[l]), l)}
POSITIVE = Interval.open(0, oo)
WARM: dict[str, Any] = {"parameters": {T: 1.0}, "domain": {T: POSITIVE}}
FOCAL = loss("focal", -((1 - s[c]) ** 2) * log(s[c]), z[j], where=SOFTMAX, arguments={"logits": z, "label": c})
SOFT_FOCAL = loss(
    "soft_focal",
    -Sum(y[k] * (1 - s[k]) ** 2 * log(s[k]), k),
    z[j],
    where=SOFTMAX,
    arguments={"logits": z, "target": y},
    facts={y: "sums_to_one"},
    domain={y: Interval(0, 1)},
)
FOCAL_BY_GAMMA = loss(
    "focal_by_gamma",
    -((1 - s[c]) ** gamma) * log(s[c]),
    z[j],
    where=SOFTMAX,
    arguments={"logits": z, "label": c},
    parameters={gamma: 2.0},
    domain={gamma: Interval(0, oo)},
)
GENERALISED = loss(
    "generalised",
    (1 - s[c] ** q) / q,
    z[j],
    where=SOFTMAX,
    arguments={"logits": z, "label": c},
    parameters={q: 0.7},
    domain={q: Interval.Lopen(0, 1)},
)
BRIER = loss("brier", Sum((s[k] - hot[k]) ** 2, k), z[j], where=SOFTMAX, arguments={"logits": z, "target": hot})
UNLIKELIHOOD = loss("unlikelihood", -log(1 - s[c]), z[j], where=SOFTMAX, arguments={"logits": z, "label": c})
ODDS = loss("odds", -log(s[c] / (1 - s[c])), z[j], where=SOFTMAX, arguments={"logits": z, "label": c})
WARM_UNLIKELIHOOD = loss(
    "warm_unlikelihood",
    -log(1 - s[c]),
    (z[j], T),
    where={s[i]: exp(-z[i] / T) / Sum(exp(-z[l] / T), l)},
    arguments={"energies": z, "label": c},
    **WARM,
)
GINI = loss("gini", Sum(s[k] * (1 - s[k]), k), z[j], where=SOFTMAX, arguments={"logits": z})
SMOOTH_MAX = loss("smooth_max", T * log(Sum(exp(z[k] / T), k)), (z[j], T), arguments={"z": z}, **WARM)
SMOOTH_MIN = loss("smooth_min", -T * log(Sum(exp(-z[k] / T), k)), (z[j], T), arguments={"z": z}, **WARM)
MELLOWMAX = loss(
    "mellowmax",
    log(Sum(exp(omega * z[k]), k) / K) / omega,
    z[j],
    arguments={"z": z},
    parameters={omega: 1.0},
    domain={omega: POSITIVE},
)
WEIGHTED = loss(
    "log_weighted",
    log(Sum(w[k] * exp(z[k]), k)),
    (z[j], w[j]),
    arguments={"z": z, "weights": w},
    domain={w: POSITIVE},
)
DISTILLATION = loss(
    "distillation_kl",
    T**2 * Sum(p[k] * log(p[k] / s[k]), k),
    z[j],
    where={
        s[i]: exp(z[i] / T) / Sum(exp(z[k] / T), k),
        p[i]: exp(t[i] / T) / Sum(exp(t[k] / T), k),
    },
    arguments={"student": z, "teacher": t},
    **WARM,
)
PAIR: dict[str, Any] = {
    "where": {s[i]: exp(z[i]) / Sum(exp(z[k]), k), p[i]: exp(t[i]) / Sum(exp(t[k]), k)},
    "arguments": {"student": z, "teacher": t},
}
BY_LOGARITHMS = loss("by_logarithms", Sum(p[k] * (log(p[k]) - log(s[k])), k), z[j], **PAIR)
BACKWARDS = loss("backwards", -Sum(p[k] * log(s[k] / p[k]), k), z[j], **PAIR)
WEIGHED_TWICE = loss("weighed_twice", Sum(p[k] ** 2 * log(p[k] / s[k]), k), z[j], **PAIR)
ENTROPY = loss(
    "entropy", -Sum(p[k] * log(p[k]), k), t[j], where={p[i]: exp(t[i]) / Sum(exp(t[k]), k)}, arguments={"scores": t}
)
N = dimension("N")
n = index("n", N)
Z, S, Y, P = (matrix(letter, N, K) for letter in "ZSYP")
OF_ROWS = loss(
    "of_rows",
    2 * Sum(P[n, k] * log(P[n, k] / S[n, k]), k, n),
    Z[n, j],
    where={S[n, k]: exp(Z[n, k]) / Sum(exp(Z[n, l]), l), P[n, k]: exp(Y[n, k]) / Sum(exp(Y[n, l]), l)},
    arguments={"student": Z, "teacher": Y},
)
EVERY = [
    DISTILLATION,
    BY_LOGARITHMS,
    BACKWARDS,
    OF_ROWS,
    FOCAL,
    FOCAL_BY_GAMMA,
    SOFT_FOCAL,
    GINI,
    SMOOTH_MAX,
    SMOOTH_MIN,
    MELLOWMAX,
    WEIGHTED,
]
LEADS = [0.0, 1.0, 5.0, 20.0, 35.0, 60.0]


OF_THE_OTHERS = [UNLIKELIHOOD, ODDS, WARM_UNLIKELIHOOD]


@pytest.mark.parametrize("definition", EVERY, ids=lambda each: each.name)
def test_all_checks_pass(definition: Any) -> None:
    assert failed_checks(definition) == []


@pytest.mark.parametrize("definition", OF_THE_OTHERS, ids=lambda each: each.name)
def test_all_checks_pass_but_those_of_second_derivatives(definition: Any) -> None:
    derivations = derive_all(definition)
    rows = check_module(module_source(definition, derivations), definition, derivations)
    assert all("essian" in row.name or "hessian" in row.detail for row in rows if not row.passed)


def test_the_reference_of_a_check_has_the_digits_that_a_temperature_takes() -> None:
    drawn = vector_checking._Draw({"z": (-30.0, 30.0), "c": 0, "T": 0.0625}, {"K": 2}, 30.0, "")
    with mpmath.workdps(drawn.digits):
        p = mpmath.exp(-60 / mpmath.mpf(0.0625))
        assert abs(-mpmath.log(1 - p) / p - 1) < vector_checking.TOLERANCE / 100


@pytest.mark.parametrize("lead", [-2000.0, -60.0, 0.0, 1.0, 60.0, 800.0, 2000.0])
@pytest.mark.parametrize("label", [0, 2])
def test_logarithms_of_what_a_probability_leaves(lead: float, label: int) -> None:
    """log(1 - p) and its gradient, of the softmax of the other scores, where 1 - p is no float any more."""
    scores = np.array([lead, 0.25, -0.5, 0.125])
    for definition, temperature, sign in ((UNLIKELIHOOD, 1.0, 1), (ODDS, 1.0, 1), (WARM_UNLIKELIHOOD, 0.5, -1)):
        words = {"T": temperature} if definition is WARM_UNLIKELIHOOD else {}
        with mpmath.workdps(5000):
            powers = [mpmath.exp(x / temperature) for x in scores.tolist()]
            others = mpmath.fsum(x for k, x in enumerate(powers) if k != label)
            p = powers[label] / (powers[label] + others)
            r = [0 if k == label else x / others for k, x in enumerate(powers)]
            value, times = (-mpmath.log(p / (1 - p)), -1) if definition is ODDS else (-mpmath.log(1 - p), p)
            exact = [times * ((k == label) - x) / temperature * sign for k, x in enumerate(r)]
            mean = mpmath.fsum(x * y for x, y in zip(r, scores.tolist(), strict=True))
            by_temperature = times * (mean - scores[label]) / temperature**2
        f = function(definition)
        assert ulps(f(sign * scores, label, **words), [value]) <= 8.0
        assert ulps(f.grad(sign * scores, label, **words), exact) <= 16.0
        if words:  # a difference of scores, which are up to so large
            found, size = f.grad(sign * scores, label, wrt="T", **words), abs(times) * max(abs(scores)) / temperature**2
            assert abs(found - by_temperature) <= 8.0 * 2.0**-53 * size + 1e-300


def test_what_the_others_are_has_its_limits() -> None:
    z = np.array([[0.0, np.inf, 3.0], [-np.inf, 1.0, 2.0], [-np.inf, -np.inf, 5.0], [np.nan, 0.0, 1.0]])
    with np.errstate(all="ignore"):
        rest, odds = reductions.log_rest(z), reductions.log_odds(z)
    assert np.array_equal(rest[0], [0, -np.inf, 0]) and np.array_equal(odds[0], [-np.inf, np.inf, -np.inf])
    assert rest[1, 0] == 0 and odds[1, 0] == -np.inf and rest[2, 2] == -np.inf
    assert np.isnan(rest[3]).all() and np.isnan(odds[3]).all()
    assert np.array_equal(reductions.without(z[1:3], np.array([2, 2])), [[0, 1, 0], [0.5, 0.5, 0]])


def confident(lead: float) -> tuple[Any, list[Any], list[Any]]:
    """Scores, their probabilities, and 1 less each of these."""
    scores = np.array([lead, 0.25, -0.5, 0.125])
    powers = [mpmath.exp(x) for x in scores.tolist()]
    total = mpmath.fsum(powers)
    return scores, [p / total for p in powers], [mpmath.fsum(powers[:n] + powers[n + 1 :]) / total for n in range(4)]


def slopes_of_focal(p: list[Any], rest: list[Any], targets: list[float]) -> list[Any]:
    """By the definition, in the digits of mpmath: dL/dp_k = y_k (2 (1 - p_k) log p_k - (1 - p_k)²/p_k), and dp_k/dz_j = p_k (δ_kj - p_j)."""
    by_p = [t * (2 * r * mpmath.log(q) - r * r / q) for t, r, q in zip(targets, rest, p, strict=True)]
    return [
        mpmath.fsum(d * q * (rest[n] if n == m else -p[m]) for n, (d, q) in enumerate(zip(by_p, p, strict=True)))
        for m in range(len(p))
    ]


@pytest.mark.parametrize("lead", LEADS)
def test_focal_losses_of_confident_rows(lead: float) -> None:
    with mpmath.workdps(80):
        scores, p, rest = confident(lead)
        value = -(rest[0] ** 2) * mpmath.log(p[0])
        assert ulps(function(FOCAL)(scores, 0), [value]) <= 8.0
        assert ulps(function(FOCAL).grad(scores, 0), slopes_of_focal(p, rest, [1.0, 0, 0, 0])) <= 8.0
        assert ulps(function(SOFT_FOCAL)(scores, [1.0, 0, 0, 0]), [value]) <= 8.0
        for targets in ([1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.5, 0.25, 0.25, 0.0]):
            exact = slopes_of_focal(p, rest, targets)
            assert ulps(function(SOFT_FOCAL).grad(scores, targets), exact) <= 16.0
        assert ulps(function(GINI)(scores), [mpmath.fsum(a * b for a, b in zip(p, rest, strict=True))]) <= 4.0


@pytest.mark.parametrize("lead", LEADS)
@pytest.mark.parametrize("power", [0.5, 1.0, 2.0, 3.5])
def test_focal_losses_with_any_exponent(lead: float, power: float) -> None:
    with mpmath.workdps(80):
        scores, p, rest = confident(lead)
        power_ = mpmath.mpf(power)
        value = -(rest[0] ** power_) * mpmath.log(p[0])
        by_p = power_ * rest[0] ** (power_ - 1) * mpmath.log(p[0]) - rest[0] ** power_ / p[0]
        exact = [by_p * p[0] * (rest[0] if m == 0 else -p[m]) for m in range(4)]
        assert ulps(function(FOCAL_BY_GAMMA)(scores, 0, gamma=power), [value]) <= 8.0
        assert ulps(function(FOCAL_BY_GAMMA).grad(scores, 0, gamma=power), exact) <= 16.0


def test_a_long_second_derivative_is_not_told_by_cases() -> None:
    (second,) = (d for d in derive_all(FOCAL_BY_GAMMA) if d.order == 2)
    assert by_cases(second) is None
    (second,) = (d for d in derive_all(DISTILLATION) if d.order == 2)
    assert by_cases(second) is not None


def test_a_focal_loss_where_nothing_is_left() -> None:
    for power in (0.0, 0.5, 1.0, 2.0):
        for scores in ([1.0], [0.0, 800.0], [0.0, np.inf]):
            label = len(scores) - 1
            assert function(FOCAL_BY_GAMMA)(scores, label, gamma=power) == 0.0
            assert not np.any(function(FOCAL_BY_GAMMA).grad(scores, label, gamma=power))


@pytest.mark.parametrize("lead", [*LEADS, -900.0])
@pytest.mark.parametrize("power", [0.01, 0.7, 1.0])
def test_generalised_cross_entropy(lead: float, power: float) -> None:
    """(1 - p^q)/q, of Zhang and Sabuncu, 2018: p^q where p has underflowed, and its complement where p is nearly 1."""
    with mpmath.workdps(80):
        scores, p, rest = confident(lead)
        raised = p[0] ** mpmath.mpf(power)
        logarithm = mpmath.log1p(-rest[0]) if lead > 0 else mpmath.log(p[0])
        value = -mpmath.expm1(mpmath.mpf(power) * logarithm) / mpmath.mpf(power)
        assert ulps(function(GENERALISED)(scores, 0, q=power), [value]) <= 8.0
        exact = [raised * (-rest[0] if m == 0 else p[m]) for m in range(4)]
        rounded = abs(power * logarithm)  # what rounding its exponent costs an exponential, in ulp
        assert ulps(function(GENERALISED).grad(scores, 0, q=power), exact) <= 16.0 + rounded


@pytest.mark.parametrize("lead", LEADS)
def test_brier_scores_of_confident_rows(lead: float) -> None:
    with mpmath.workdps(80):
        scores, p, rest = confident(lead)
        for label in (0, 1):
            target = [float(n == label) for n in range(4)]
            off = [-rest[n] if n == label else p[n] for n in range(4)]
            mean = mpmath.fsum(a * b for a, b in zip(p, off, strict=True))
            exact = [2 * a * (b - mean) for a, b in zip(p, off, strict=True)]
            assert ulps(function(BRIER)(scores, target), [mpmath.fsum(x * x for x in off)]) <= 8.0
            assert ulps(function(BRIER).grad(scores, target), exact) <= 16.0


def test_a_difference_from_a_target_keeps_the_digits_of_both() -> None:
    p = np.array([1.0 - 2.0**-53, 1e-17, 2.0**-53])
    assert reductions.less_target(p, np.array([1.0, 0.0, 0.0])).tolist() == [-(1e-17 + 2.0**-53), 1e-17, 2.0**-53]
    assert reductions.less_target(np.array([0.5, 0.5]), np.array([0.75, 0.25])).tolist() == [-0.25, 0.25]


@pytest.mark.parametrize("size", [1.0, 30.0, 200.0, 700.0])
def test_a_divergence_of_confident_rows_from_each_other(size: float) -> None:
    rng = np.random.default_rng(3)
    with mpmath.workdps(1000):
        for _ in range(10):
            student, teacher = rng.uniform(-size, size, (2, 3))
            powers = [[mpmath.exp(mpmath.mpf(x) / 2) for x in row.tolist()] for row in (teacher, student)]
            of, by = ([e / mpmath.fsum(row) for e in row] for row in powers)
            terms = [4 * a * mpmath.log(a / b) for a, b in zip(of, by, strict=True)]  # which may cancel
            off = abs(mpmath.mpf(float(function(DISTILLATION)(student, teacher, T=2.0))) - mpmath.fsum(terms))
            assert off <= 8.0 * np.spacing(1.0 if size == 1.0 else float(max(map(abs, terms))))
    assert function(DISTILLATION)(teacher, teacher) == 0.0
    assert function(DISTILLATION)([0.0, -np.inf], [0.0, 0.0]) == np.inf
    assert function(DISTILLATION)([0.0, -np.inf], [0.0, -np.inf]) == 0.0


@pytest.mark.parametrize("definition", [DISTILLATION, BY_LOGARITHMS, BACKWARDS], ids=lambda each: each.name)
@pytest.mark.parametrize("far", [0.0, 64.0])
@pytest.mark.parametrize("size", [1e-1, 1e-3, 1e-6, 1e-11])
def test_a_divergence_of_softmaxes_that_are_near_each_other(definition: Any, size: float, far: float) -> None:
    """They may be near though scores are not, which all are shifted by some number."""
    rng = np.random.default_rng(4)
    warm = {"T": 2.0} if definition.parameters else {}
    with mpmath.workdps(60):
        for _ in range(10):
            teacher, off = (
                np.round(each * 2.0**40) / 2.0**40 for each in rng.uniform([[-8.0], [-size]], [[8.0], [size]], (2, 4))
            )
            student = teacher + off + far  # exactly
            temperature = mpmath.mpf(warm.get("T", 1.0))
            powers = [[mpmath.exp(mpmath.mpf(x) / temperature) for x in row.tolist()] for row in (teacher, student)]
            of, by = ([e / mpmath.fsum(row) for e in row] for row in powers)
            value = temperature**2 * mpmath.fsum(a * mpmath.log(a / b) for a, b in zip(of, by, strict=True))
            slope = [temperature * (b - a) for a, b in zip(of, by, strict=True)]
            assert ulps(function(definition)(student, teacher, **warm), [value]) <= 8.0
            assert ulps(function(definition).grad(student, teacher, **warm), slope) <= 8.0


def test_softmaxes_are_compared_row_by_row() -> None:
    """Near rows, far ones, equal ones, with a component that neither has or one of them lacks, and what is no number."""
    inf, nan, tiny = np.inf, np.nan, 2.0**-30
    u = np.array(
        [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0], [0.0, 1.0, -inf], [0.0, 1.0, 2.0], [0.0, 1.0, nan]]
    )
    v = u + np.array(
        [[tiny, 0.0, 0.0], [3.0, 0.0, 0.0], [5.0, 5.0, 5.0], [0.0, tiny, 0.0], [0.0, 0.0, -inf], [0, 0, 0]]
    )
    p, s = (np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True) for x in (u, v))
    with np.errstate(all="ignore"):
        found = reductions.divergence(p, np.log(p / s), u - v)
        slope = reductions.less_probability(p, s, u - v)
        plain = np.sum(np.where(p == 0, 0.0, p * np.log(p / s)), axis=-1)
    exact = [tiny**2 / 2 * (q - q * q) for q in (p[0, 0], p[3, 1])]  # to first order
    np.testing.assert_allclose(found[[0, 3]], exact, rtol=1e-8)
    np.testing.assert_allclose(
        slope[[0, 3]], [tiny * p[0, 0] * (p[0] - [1, 0, 0]), tiny * p[3, 1] * (p[3] - [0, 1, 0])], rtol=1e-8
    )
    assert found[1] == plain[1]
    assert found[2] == 0.0 and not slope[2].any()
    assert found[4] == inf and np.isnan(found[5])
    np.testing.assert_array_equal(slope[[1, 4]], (p - s)[[1, 4]])
    assert np.isnan(slope[5]).all()


def test_divergences_of_rows_are_added_up() -> None:
    rng = np.random.default_rng(5)
    teacher = rng.normal(size=(5, 4))
    student = teacher + rng.choice([2.0**-20, 1.0], (5, 1)) * rng.normal(size=(5, 4))
    rows = function(BY_LOGARITHMS)(student, teacher, reduction="none")
    assert rows.shape == (5,)
    np.testing.assert_allclose(function(OF_ROWS)(student, teacher), 2.0 * rows.sum(), rtol=1e-15)
    slopes = function(BY_LOGARITHMS).grad(student, teacher, reduction="none")
    np.testing.assert_allclose(function(OF_ROWS).grad(student, teacher), 2.0 * slopes, rtol=1e-14)


@pytest.mark.parametrize("definition", [DISTILLATION, BY_LOGARITHMS, BACKWARDS], ids=lambda each: each.name)
def test_a_divergence_is_known_by_its_weight(definition: Any) -> None:
    assert "divergence(" in source(definition)
    assert "less_probability(" in source(definition)
    assert "divergence(" not in source(ENTROPY)
    assert "divergence(" not in source(WEIGHED_TWICE)


def test_a_complement_is_the_sum_of_the_others_where_that_is_small() -> None:
    p = np.array([[1.0 - 1e-17, 1e-17, 3e-30], [0.5, 0.5, 0.0], [0.25, 0.25, 0.5], [np.nan, 0.5, 0.5]])
    found = reductions.complement(p)
    assert found[0].tolist() == [1e-17 + 3e-30, 1.0, 1.0]
    assert found[1:3].tolist() == [[0.5, 0.5, 1.0], [0.75, 0.75, 0.5]]
    assert np.isnan(found[3, 0])
    assert "complement" in RUNTIME


@pytest.mark.parametrize("far", [0.0, 1e3, -1e3, 1e6])
@pytest.mark.parametrize("lead", LEADS)
def test_gradients_by_a_temperature_do_not_depend_on_where_the_scores_are(far: float, lead: float) -> None:
    """That of T log Σ exp(z/T) is the entropy of the softmax of z/T."""
    scores = np.array([lead, 0.25, -0.5, 0.125]) + far
    with mpmath.workdps(60):
        exponents = [mpmath.mpf(x - far) / 2 for x in scores.tolist()]
        total = mpmath.fsum(map(mpmath.exp, exponents))
        p = [mpmath.exp(x) / total for x in exponents]
        rest = mpmath.fsum(p[1:]) if lead > 1 else 1 - p[0]
        logarithms = [mpmath.log1p(-rest) if lead > 1 else mpmath.log(p[0]), *map(mpmath.log, p[1:])]
        entropy = -mpmath.fsum(q * log_q for q, log_q in zip(p, logarithms, strict=True))
        assert ulps(function(SMOOTH_MAX).grad(scores, T=2.0, wrt="T"), [entropy]) <= 8.0
        assert ulps(function(SMOOTH_MIN).grad(-scores, T=2.0, wrt="T"), [-entropy]) <= 8.0


@pytest.mark.parametrize("far", [0.0, 800.0, -800.0, 1e4])
def test_logarithms_of_means_and_of_weighted_sums_of_exponentials_do_not_overflow(far: float) -> None:
    scores, weights = np.array([1.5, 0.25, -0.5]) + far, [0.5, 2.0, 3.0]
    with mpmath.workdps(60):
        powers = [mpmath.exp(mpmath.mpf(x)) for x in scores.tolist()]
        assert ulps(function(MELLOWMAX)(scores), [mpmath.log(mpmath.fsum(powers) / 3)]) <= 4.0
        total = mpmath.fsum(a * b for a, b in zip(weights, powers, strict=True))
        assert ulps(function(WEIGHTED)(scores, weights), [mpmath.log(total)]) <= 4.0
        assert ulps(function(WEIGHTED).grad(scores, weights), [a * b / total for a, b in zip(weights, powers, strict=True)]) <= 4.0  # fmt: skip
        assert ulps(function(WEIGHTED).grad(scores, weights, wrt="weights"), [b / total for b in powers]) <= 4.0
    assert function(MELLOWMAX)([-np.inf, 0.0]) == -np.log(2.0)
    assert function(MELLOWMAX)([-np.inf, -np.inf]) == -np.inf


def test_a_factor_of_scores_may_be_0() -> None:
    definition = loss("mean_less_one", log(Sum(exp(omega * z[k]), k)) - omega * z[c], (z[j], omega), arguments={"z": z, "label": c, "omega": omega})  # fmt: skip
    assert function(definition).grad([1.0, 2.0, 6.0], 0, 0.0, wrt="omega") == 2.0


def test_a_logarithm_of_a_plain_sum_keeps_its_routine() -> None:
    assert "log_sum_exp(" in source(SMOOTH_MAX)
    assert "np.max(" not in source(SMOOTH_MAX)
