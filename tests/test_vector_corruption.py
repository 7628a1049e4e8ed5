"""Numbers in generated functions of vectors that are wrong are noticed."""

import numpy as np
import pytest

from chainrule.catalogue import entries, load, project
from chainrule.certification import Home, samples, vector_corruption, vectors
from chainrule.certification.vectors import VectorSubject
from chainrule.runtime import reductions


def subject(name: str) -> VectorSubject:
    where, home = project(), Home(name)
    return VectorSubject(home, getattr(home.module(), name), load(entries(where.folders)[name], where))


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_corruption, "MANY", {3: 6})
    monkeypatch.setattr(samples, "COUNTS", {2: 4, 3: 4})


def test_every_number_in_the_code_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_corruption, "_in_runtime", lambda _: ())
    verdicts = list(vector_corruption.trial(subject("mean_squared_error")))
    measured = [v for v in verdicts if not v.where.startswith("_hessian")]  # whose products with vectors are measured
    assert len(measured) > 1
    assert all(v.noticed for v in measured), measured


def test_a_number_is_noticed_in_a_part_that_is_beyond_the_limit_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_corruption, "_in_runtime", lambda _: ())
    about = subject("backpropagation_weights_batch")
    worst = vector_corruption._worst
    monkeypatch.setattr(vector_corruption, "_worst", lambda *given: {k: 3 * v + 12 for k, v in worst(*given).items()})
    assert all(v.noticed for v in vector_corruption.trial(about))


def test_a_constant_of_the_runtime_is_changed_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_corruption, "CHANGES", (-0.96,))
    monkeypatch.setattr(vector_corruption, "_in_code", lambda _: ())
    before = reductions.LOW
    found = {v.where: v for v in vector_corruption.trial(subject("logsumexp"))}
    assert found["runtime.reductions.LOW"].noticed
    assert found["runtime.reductions.FAR"].harmless
    assert before == reductions.LOW


def test_what_the_measurement_does_not_look_at_is_not_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_corruption, "_in_runtime", lambda _: ())
    look = vector_corruption._look

    def blind(about: VectorSubject, sizes: dict[int, int]) -> object:
        made = look(about, sizes)
        return made if sizes is vector_corruption.MANY else vector_corruption._Look({}, {}, made.before)

    monkeypatch.setattr(vector_corruption, "_look", blind)
    (first, *_) = vector_corruption.trial(subject("mean_squared_error"))
    assert not first.harmless
    assert not first.noticed


def test_exact_answers_are_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known: vectors.Known = {}
    about = subject("softmax")
    float64 = (np.dtype(np.float64),)
    first = vectors.measure(about, float64, {2: 1}, 0, known)
    monkeypatch.setattr(vectors, "_truths", None)
    assert vectors.measure(about, float64, {2: 1}, 0, known).measurements == first.measurements
