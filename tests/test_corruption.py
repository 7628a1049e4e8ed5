"""A wrong number in the generated code makes the accuracy measurement fail. Here a few numbers of each function; `benchmarks/corruption.py` takes all."""

import importlib
import pkgutil

import numpy as np
import pytest

import chainrule.functions
from chainrule.catalogue import load, project
from chainrule.certification import corruption
from chainrule.certification.corruption import Trial, literals, trial
from chainrule.certification.subject import Home, subject
from chainrule.runtime import gates
from chainrule.runtime.certificate import LIMIT
from chainrule.runtime.scalar import ScalarFunction

FEW = 4  # numbers of each function


def scalars():
    for module in pkgutil.iter_modules(chainrule.functions.__path__):
        function = getattr(importlib.import_module(f"chainrule.functions.{module.name}"), module.name)
        if isinstance(function, ScalarFunction):
            yield module.name


def about(name):
    return subject(load(name, project()), Home(name))


@pytest.mark.parametrize("name", list(scalars()))
def test_a_corrupted_number_is_noticed_or_harmless(name):
    found = about(name)
    if "refined" in found.function.source:
        pytest.skip("computes with many digits where it cancels, which takes minutes; benchmarks/corruption.py does it")
    every = max(1, len(list(literals(found.function.source))) // FEW)
    verdicts = list(trial(found, every, every // 2))
    assert verdicts
    missed = [v for v in verdicts if not v.harmless and not v.noticed]
    assert not missed, missed


@pytest.mark.parametrize(("name", "code"), [("tanh", "_moderate"), ("tanh", "_single"), ("tanh", "_narrow")])
def test_numbers_of_code_for_moderate_numbers_and_for_float32_matter(name, code):
    found = about(name)
    made = Trial(found)
    chosen = [each for each in literals(found.function.source) if each.function.endswith(code)]
    assert chosen and all(made.verdict(each).noticed for each in chosen)


@pytest.mark.parametrize("kind", [gates.DOUBLE, gates.SINGLE], ids=str)
@pytest.mark.parametrize(("table", "what"), [(gates.GATES, "value"), (gates.SLOPES, "first derivative")])
def test_a_wrong_coefficient_in_the_tables_of_gelu_is_noticed(table, what, kind):
    found, matrix = about("gelu"), table[kind].matrix
    asked = next(each for each in Trial(found).asked if each.dtype == kind and each.part.what == what)
    path = next(corruption.WAYS[kind](found.function, asked.part))
    matters = 0
    for place, right in np.ndenumerate(matrix.copy()):
        for by in corruption.CHANGES:
            matrix[place] = right * (1 + by)
            if asked.many.errors(found, path).max() > 2 * LIMIT:
                matters += 1
                assert asked.measured.errors(found, path).max() > LIMIT, f"{right} changed by {by}"
                break
        matrix[place] = right
    assert matters >= matrix.size - 2  # an eighth of the smallest in float32 does not show


def test_both_kinds_occur():
    verdicts = list(trial(about("gelu"), 5))
    assert any(v.harmless for v in verdicts) and any(v.noticed for v in verdicts)


def test_a_measurement_that_looks_at_one_side_only_does_not_notice(monkeypatch):
    sample = corruption._sample
    monkeypatch.setattr(corruption, "_sample", lambda *given: (p := sample(*given))[p[:, 0] > 1])
    monkeypatch.setattr(corruption, "_near_switches", lambda found, *_: corruption._dense(found)[:0])
    found = about("elu")
    made = Trial(found)
    verdicts = [made.verdict(each) for each in literals(found.function.source)]
    assert any(not v.harmless and not v.noticed for v in verdicts)


def test_numbers_are_found_in_every_private_function_and_changed_in_place():
    source = "def _value(x):\n    return 2.0 * x - 0.5  # 3.0\n\n\ndef public(x):\n    return 4.0\n\n\n_x_near = 5.0\n"
    found = list(literals(source))
    assert [each.value for each in found] == [2.0, 0.5]
    assert found[1].changed(source, 1.0) == source.replace("0.5", "(1.0)")
    assert found[0].changed(source, 0.0) == source.replace("2.0", "(2.0)")
