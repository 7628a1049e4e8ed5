"""How accurate the functions of vectors are: within 4 ulp of the largest component of each row, 16 ulp component by component; and the tool that says so."""

import math
import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import mpmath
import numpy as np
import pytest
from click.testing import CliRunner
from flint import arb

import chainrule
from chainrule.catalogue import entries, load, project
from chainrule.certification import certify, samples, vectors
from chainrule.certification.arrays import Run
from chainrule.certification.subject import Home
from chainrule.certification.vectors import VectorSubject, measure, row_errors
from chainrule.cli import main
from chainrule.codegen.numpy_source import load as load_source
from chainrule.functions import (
    layer_norm,
    log_softmax,
    logsumexp,
    scaled_dot_product_attention,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_index,
)
from chainrule.runtime import certificate as certificates
from chainrule.runtime import reductions, vector
from chainrule.runtime.certificate import ENTRY_LIMIT, LIMIT, Certificate
from chainrule.runtime.vector import VectorFunction

FLOAT64 = (np.dtype(np.float64),)
FEW = {1: 1, 2: 6, 3: 6, 10: 3}
NAMES = (
    "kl_divergence",
    "softmax",
    "softmin",
    "log_softmax",
    "logsumexp",
    "softmax_cross_entropy",
    "softmax_cross_entropy_index",
    "softmax_cross_entropy_general",
    "label_smoothing_cross_entropy",
)


def subject(name: str, source: str = "") -> VectorSubject:
    where = project()
    definition = load(entries(where.folders)[name], where)
    home = Home(name)
    function = load_source(source, name) if source else getattr(home.module(), name)
    assert isinstance(function, VectorFunction)
    return VectorSubject(home, function, definition)


@lru_cache
def certificate(name: str) -> Certificate:
    return measure(subject(name), FLOAT64, FEW, 0)


@pytest.mark.parametrize("name", NAMES)
def test_rows_and_components_are_within_the_limits(name: str) -> None:
    found = certificate(name)
    assert found.faults() == ()
    for m in found.measurements:
        if not m.what.startswith("second"):
            assert m.worst <= LIMIT, f"{m.what}: {m.worst} ulp at {m.rows}"
        if m.what.startswith(("value", "gradient", "Jacobian")):
            assert m.entries <= ENTRY_LIMIT, f"{m.what}: {m.entries} ulp at {m.rows}"


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "softmax_cross_entropy_index"])
def test_what_is_done_for_many_rows_is_within_the_limits_too(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector, "MANY", 1)
    monkeypatch.setattr(reductions, "TINY", 0)
    found = measure(subject(name), FLOAT64, {1: 1, 2: 6, 3: 6, 10: 24}, 0)
    assert found.faults() == ()
    assert all(m.worst <= LIMIT for m in found.measurements)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_a_hundred_thousand_components_keep_the_limit(scale: float) -> None:
    z = np.random.default_rng(3).normal(0, scale, (1, 100_000))
    with mpmath.workdps(40):
        e = [mpmath.exp(mpmath.mpf(x) - mpmath.mpf(z.max())) for x in z[0]]
        exact = np.array([float(x) for x in e], dtype=np.longdouble) / float(mpmath.fsum(e))
        value = mpmath.log(mpmath.fsum(e)) + mpmath.mpf(z.max())
    got = softmax(z)[0]
    assert np.max(np.abs(got - exact)) <= LIMIT * np.spacing(float(exact.max()))
    normal = exact > np.finfo(np.float64).tiny
    assert np.max(np.abs(got - exact)[normal] / np.spacing(exact[normal].astype(np.float64))) <= ENTRY_LIMIT
    assert abs(logsumexp(z[0]) - value) <= LIMIT * np.spacing(float(value))


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_within_the_limits(name: str) -> None:
    assert measure(subject(name), (np.dtype(np.float32),), {2: 6, 3: 6, 10: 3}, 0).faults() == ()


CORRUPTED = [
    ("kl_divergence", "log_ratio_sum(target, target, prediction)", "np.sum(target * np.log(target / prediction), axis=-1)"),
    ("softmax", "exponentials(z)", "np.exp(z - np.max(z, axis=-1, keepdims=True))"),
    ("softmax", "s * less_mean(g, s)", "s * (g - np.sum(g * s, axis=-1, keepdims=True))"),
    ("softmax", "e / exponential_total(e)[..., None]", "e / np.add.accumulate(e, axis=-1)[..., -1:]"),
    ("softmax", "return balanced(-s[..., :, None] * s[..., None, :])", "return np.eye(s.shape[-1]) * s[..., None] - s[..., :, None] * s[..., None, :]"),
    ("log_softmax", "log_sum(e)", "np.log(np.sum(e, axis=-1))"),
    ("logsumexp", "return log_sum_exp(z, exponentials(z))", "return np.max(z, axis=-1) + log_sum_exp(z - np.max(z, axis=-1, keepdims=True))"),
    ("softmax_cross_entropy_index", "balanced_at(less_one_hot(s, label), s, s)", "less_one_hot(s, label)"),
    ("softmax_cross_entropy", "log_sum(e)", "np.log(np.sum(e, axis=-1))"),
    ("label_smoothing_cross_entropy", "return s - y_tilde", "return s - y_tilde * (1.0 + 1e-15)"),
    ("label_smoothing_cross_entropy", "(1.0 - epsilon[..., None])", "(1.0000000000000033 - epsilon[..., None])"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new"), CORRUPTED)
def test_another_form_breaks_the_limits(name: str, old: str, new: str) -> None:
    source = getattr(Home(name).module(), name).source
    assert old in source
    found = measure(subject(name, source.replace(old, new)), FLOAT64, FEW, 0)
    assert found.faults() != ()


CONSTANTS = {"STEP": (reductions.STEP[0] * 1.0000001, *reductions.STEP[1:]), "HIGH": 1e5, "LOW": 30.0}


@pytest.mark.parametrize("constant", CONSTANTS)
def test_another_constant_of_the_runtime_breaks_the_limits(constant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reductions, constant, CONSTANTS[constant])
    name = "logsumexp" if constant == "STEP" else "softmax"
    assert measure(subject(name), FLOAT64, {2: 24, 3: 24}, 0).faults() != ()


@pytest.mark.parametrize("high", [0.7, 300.0, 8000.0, -400.0])
def test_a_confident_prediction_has_a_gradient_and_a_jacobian_of_few_ulp(high: float) -> None:
    rng = np.random.default_rng(7)
    for _ in range(200):
        top = high * (1 + rng.uniform(0, 0.1))
        z = np.array([top, top - rng.uniform(4, 16)])
        with mpmath.workdps(40):
            e = mpmath.exp(mpmath.mpf(z[1]) - mpmath.mpf(z[0]))
            other = e / (1 + e)
            for got, exact in (
                (softmax_cross_entropy_index.grad(z, 0)[1], other),
                (-softmax_cross_entropy_index.grad(z, 0)[0], other),
                (softmax.jacobian(z)[0, 0], other * (1 - other)),
            ):
                assert abs(mpmath.mpf(float(got)) - exact) <= LIMIT * np.spacing(float(exact)), z


@pytest.mark.parametrize("size", [*range(1, 19), 1000, 99_999])
def test_sums_are_off_by_an_ulp_or_two(size: int) -> None:
    terms = np.exp(np.random.default_rng(8).normal(0, 2, (30, size)))
    terms[0], terms[1, 0] = 0.37, np.exp(40.0)
    terms[2:10] = np.arange(1, 9)[:, None] / 7.3
    exact = np.array([math.fsum(row) for row in terms])
    for sum_, limit in (
        (reductions.pairwise_sum, 2),
        (reductions.exponential_sum, 2),
        (reductions.exponential_total, 0),
        (reductions.signed_sum, 2),
        (reductions.total, 0),
    ):
        found = sum_(terms)
        assert np.max(np.abs(found - exact) / np.spacing(exact)) <= limit
        assert np.array_equal(sum_(np.asfortranarray(terms)), found)
        assert np.array_equal([sum_(row) for row in terms], found)
    with np.errstate(all="ignore"):
        assert reductions.pairwise_sum(np.full(size + 1, 1e308)) == np.inf


# ---------------------------------------------------------------- single promises


@pytest.mark.parametrize("name", ["layer_norm", "scaled_dot_product_attention"])
def test_nothing_is_infinite_or_nan_that_is_a_number(name: str) -> None:
    for m in measure(subject(name), FLOAT64, {2: 3, 3: 6}, 0).measurements:
        assert m.mismatches == 0, f"{m.what}: {m.mismatches} results that are no numbers"


def test_a_layer_of_equal_or_of_huge_numbers_is_normalised() -> None:
    one, zero = np.ones(3), np.zeros(3)
    assert np.array_equal(layer_norm(np.full(3, 0.1), one, zero), zero)
    x = np.array([1.0, -2.0, 0.5])
    wide = layer_norm(x * 2.0**700, one, zero)
    assert np.allclose(wide, layer_norm(x * 2.0**80, one, zero), rtol=4 * 2.0**-52, atol=0)
    assert abs(np.sum(wide**2) - 3) < 1e-14


def test_a_saturated_attention_has_the_derivative_of_its_tail() -> None:
    """P = (1 - p, p) with p = exp(-60): the derivative by the query is p times differences of keys and values."""
    query, keys = np.array([[60.0]]), np.array([[1.0], [0.0]])
    values = np.array([[2.0], [3.0]])
    got = scaled_dot_product_attention.vjp(query, keys, values, np.array([[1.0]]))
    assert got[0, 0] == pytest.approx(-math.exp(-60.0), rel=1e-14, abs=0)


def test_where_the_largest_and_the_rest_cancel_a_log_sum_exp_keeps_its_digits() -> None:
    rng = np.random.default_rng(4)
    for near in (1e-2, 1e-6, 1e-12):
        z = rng.normal(0, 1, (20, 5))
        z = z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True)) + near
        with mpmath.workdps(60):
            exact = [mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(x)) for x in row)) for row in z]
            worst = max(
                abs(mpmath.mpf(a) - b) / np.spacing(abs(float(b))) for a, b in zip(logsumexp(z), exact, strict=True)
            )
        assert worst <= LIMIT, f"{near}: {worst}"


def test_infinite_scores_are_exact() -> None:
    inf = np.inf
    z = np.array([[-inf, 3.0, -inf, 1e4], [inf, 0.0, inf, -inf], [-inf] * 4])
    assert np.array_equal(softmax(z), [[0, 0, 0, 1], [0.5, 0, 0.5, 0], [0.25] * 4])
    assert np.array_equal(log_softmax(z)[0], [-inf, 3.0 - 1e4, -inf, 0.0])
    assert np.array_equal(logsumexp(z), [1e4, inf, -inf])
    assert softmax_cross_entropy([0.0, -inf], [1.0, 0.0]) == 0.0
    assert np.array_equal(softmax_cross_entropy_index.grad([0.0, -inf], 0), [0.0, 0.0])


@pytest.mark.parametrize("size", [10, 17, 1000])
def test_blocks_and_axes_change_nothing_that_counts(size: int) -> None:
    z = np.random.default_rng(5).normal(0, 30, (100_000 // size, size))
    whole = softmax(z)
    few = np.concatenate([softmax(z[k : k + 1]) for k in range(40)])
    assert np.max(np.abs(whole[:40] / few - 1)[few > 1e-300]) <= 1e-14
    assert np.max(np.abs(softmax(np.asfortranarray(z.T), axis=0).T - whole)) <= 4 * 2.0**-53


@pytest.mark.parametrize("size", [2, 5, 300])
def test_a_temperature_rounds_once(size: int) -> None:
    z = np.random.default_rng(6).normal(0, 1e3, (1, size))
    z -= z.max()
    z = z / 10 + 7e3
    got = reductions.exponentials(z, over=np.array(0.3))
    with mpmath.workdps(40):
        top, over = mpmath.mpf(z.max()), mpmath.mpf(0.3)
        exact = [mpmath.exp((mpmath.mpf(x) - top) / over) for x in z[0]]
        errors = [
            abs(mpmath.mpf(a) / b - 1) * 2**53 for a, b in zip(got[0], exact, strict=True) if b > mpmath.mpf(2) ** -1022
        ]
    assert max(errors) <= ENTRY_LIMIT


# ---------------------------------------------------------------- the tool


def test_the_reference_is_the_definition_and_its_numerical_derivative() -> None:
    about = subject("softmax_cross_entropy")
    z, y = np.array([0.3, -1.2, 2.5]), np.array([0.25, 0.5, 0.25])
    run = Run(about.definition, {"z": vectors._balls(z), "y": vectors._balls(y)}, {}, {"K": 3})
    with mpmath.workdps(50):

        def value(*scores: mpmath.mpf) -> mpmath.mpf:
            total = mpmath.fsum(mpmath.exp(x) for x in scores)
            return -mpmath.fsum(w * mpmath.log(mpmath.exp(x) / total) for w, x in zip(y, scores, strict=True))

        exact = value(*map(mpmath.mpf, z))
        slopes = [mpmath.diff(value, tuple(map(mpmath.mpf, z)), tuple(int(k == j) for k in range(3))) for j in range(3)]
    result = run.value()
    one = np.empty((), dtype=object)
    one[()] = arb(1)
    assert abs(float(result.data[()]) - float(exact)) < 1e-15
    assert np.allclose([float(x) for x in run.pulled(result, one, "z")], [float(s) for s in slopes], rtol=1e-14, atol=0)


def test_errors_of_a_row_are_relative_to_its_largest_component() -> None:
    about = subject("softmax")
    case = next(iter(samples.cases(about.definition, about.function, FLOAT64[0], {3: 1}, 0)))
    parts = vectors._parts(about, case.sizes)[:1]
    truth = vectors._truths(about, case, parts, {"g": np.ones((1, 3)), "v z": np.ones((1, 3))}, 0)[0]
    moved = truth.near.copy()
    moved[0] += 8 * np.spacing(truth.near.max())
    assert row_errors(moved, truth)[0] == pytest.approx(8, abs=1)
    moved[1] = np.nan
    assert row_errors(moved, truth)[1] == np.inf


def test_a_certificate_of_vectors_goes_to_json_and_back() -> None:
    found = certificate("softmax")
    assert Certificate.from_json(found.to_json()) == found


def test_the_command_measures_functions_of_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certify.vectors, "measure", lambda about: measure(about, FLOAT64, {3: 2}, 0))
    result = CliRunner().invoke(main, ["verify", "--accuracy", "softmax"])
    assert result.exit_code == 0, result.output
    assert "Jacobian" in result.output


def test_a_recorded_certificate_belongs_to_the_code_that_was_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Through its file, written by the command; gone when a line of the function or of the sums below it is another."""
    monkeypatch.setattr(certify.vectors, "measure", lambda about: measure(about, FLOAT64, {3: 2}, 0))
    file = tmp_path / "softmax.json"
    for module in (certify, certificates):
        monkeypatch.setattr(module, "place", lambda *_: file)
    result = CliRunner().invoke(main, ["verify", "--accuracy", "softmax", "--record"])
    assert result.exit_code == 0, result.output
    found = softmax.certificate
    assert found is not None
    assert {m.what for m in found.measurements} == {"value", "Jacobian by z", "vjp by z", "jvp by z"}
    file.write_text(file.read_text().replace(found.code, "0" * 16))
    assert softmax.certificate is None


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [
        ("functions/softmax.py", "s * less_mean(g", "-s * less_mean(g"),
        ("runtime/reductions.py", "halves[..., 0] += ", "halves[..., 0] -= "),
        ("runtime/reductions.py", "\nHIGH = 150.0", "\nHIGH = 151.0"),
        ("runtime/vector.py", "turned[...] = rows.T", "turned[...] = rows.T[::-1]"),
    ],
)
def test_the_digest_of_the_code_reaches_all_arithmetic(tmp_path: Path, part: str, old: str, new: str) -> None:
    package = tmp_path / "chainrule"
    shutil.copytree(Path(chainrule.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    code = "from chainrule.runtime.certificate import code_digest as d; import chainrule.functions.softmax, sys; print(d(sys.modules['chainrule.functions.softmax']))"

    def digest() -> str:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        ).stdout

    before = digest()
    text = (package / part).read_text(encoding="utf-8")
    assert old in text
    (package / part).write_text(text.replace(old, new), encoding="utf-8")
    assert digest() != before


def test_rows_that_no_precision_tells_are_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    """As 0/0 of a vector of zeros."""

    def lost(run: Run) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Run, "value", lost)
    found = measure(subject("softmax"), FLOAT64, {3: 2}, 0)
    assert found.measurements and all(m.undecided == m.points > 0 for m in found.measurements)
