"""Losses summed over components that are formulas in several numbers of each: they get the stable form that a function of these numbers has."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest
from shared import failed_checks, function, loss, source, ulps
from sympy import Interval, Sum, exp, log, oo

from chainrule.calculus.derive import derive_all
from chainrule.codegen import vector_writer
from chainrule.codegen.modules import module_source
from chainrule.codegen.numpy_source import load
from chainrule.codegen.specs import spec_of
from chainrule.codegen.vector import generate_vector
from chainrule.codegen.vector_spec import VectorSpec
from chainrule.codegen.vector_stable import of_several_numbers
from chainrule.errors import DefinitionError
from chainrule.expression import tree as t
from chainrule.notation import dimension, index, scalar, vector
from chainrule.runtime.vector import VectorFunction

pytestmark = pytest.mark.xdist_group("test_several_numbers")  # forms and modules are made once

K = dimension("K")
j, k = index("j", K), index("k", K)
z, y, p, q = vector("z", K), vector("y", K), vector("p", K), vector("q", K)
a = scalar("a")
UNIT = Interval(0, 1)
POSITIVE = Interval.open(0, oo)
RIGHT = 8.0  # ulp of a sum of a few terms of 4


DEFINITIONS = {
    each.name: each
    for each in (
        loss(
            "multi_label",
            Sum(log(1 + exp(z[k])) - y[k] * z[k], k),
            z[j],
            arguments={"logits": z, "target": y},
            domain={y: UNIT},
        ),
        loss(
            "jensen_shannon",
            Sum(p[k] * log(2 * p[k] / (p[k] + q[k])) + q[k] * log(2 * q[k] / (p[k] + q[k])), k) / 2,
            q[j],
            arguments={"prediction": q, "target": p},
            domain={p: Interval.Lopen(0, 1), q: Interval.Lopen(0, 1)},
        ),
        loss(
            "poisson",
            Sum(exp(z[k]) - a * z[k], k),
            z[j],
            arguments={"angle": z},
            parameters={a: 3.0},
            domain={a: POSITIVE},
        ),
    )
}


def spec(name: str) -> VectorSpec:
    found = spec_of(DEFINITIONS[name], derive_all(DEFINITIONS[name]))
    assert isinstance(found, VectorSpec)
    return found


@pytest.mark.parametrize("name", DEFINITIONS)
def test_all_checks_pass(name: str) -> None:
    assert failed_checks(DEFINITIONS[name]) == []


LOGITS = np.array([40.0, -45.0, 60.0])
LABELS = np.array([1.0, 0.0, 1.0])


def test_confident_labels_keep_their_digits() -> None:
    labelled = function(DEFINITIONS["multi_label"])
    with mpmath.workdps(60):
        exact = sum(mpmath.log1p(mpmath.exp(-abs(x))) for x in map(mpmath.mpf, LOGITS))
        slopes = [1 / (1 + mpmath.exp(-x)) - label for x, label in zip(map(mpmath.mpf, LOGITS), LABELS, strict=True)]
        assert ulps(labelled(LOGITS, LABELS), [exact]) <= RIGHT
        assert ulps(labelled.grad(LOGITS, LABELS), slopes) <= RIGHT


def test_without_the_form_they_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_writer, "of_several_numbers", lambda node, spec: None)
    plain = load(generate_vector(spec("multi_label")), "multi_label")
    assert isinstance(plain, VectorFunction)
    assert plain(LOGITS, LABELS) < function(DEFINITIONS["multi_label"])(LOGITS, LABELS) / 100


def test_a_formula_without_a_form_is_written_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = vector_writer.stable_code
    monkeypatch.setattr(vector_writer, "stable_code", lambda f, inputs=(None,): kept(f) if inputs == (None,) else None)
    plain = load(generate_vector(spec("multi_label")), "multi_label")
    assert isinstance(plain, VectorFunction)
    assert abs(plain([0.5, -1.0], [1.0, 0.25]) - function(DEFINITIONS["multi_label"])([0.5, -1.0], [1.0, 0.25])) < 1e-15


def test_near_distributions() -> None:
    target = np.array([0.2, 0.3, 0.5])
    near = target * np.array([1 + 1e-9, 1 - 1e-9, 1 + 2e-10])
    with mpmath.workdps(60):
        exact = mpmath.mpf(0)
        for one, other in zip(map(mpmath.mpf, target), map(mpmath.mpf, near), strict=True):
            exact += one * mpmath.log(2 * one / (one + other)) / 2 + other * mpmath.log(2 * other / (one + other)) / 2
        assert ulps(function(DEFINITIONS["jensen_shannon"])(near, target), [exact]) <= RIGHT


def test_batches_shared_targets_and_parameters() -> None:
    poisson, labelled = function(DEFINITIONS["poisson"]), function(DEFINITIONS["multi_label"])
    rates, counts = np.array([[0.0, 700.0, -3.0], [1.0, 2.0, 3.0]]), [2.0, 5.0]
    for row, count, value in zip(rates, counts, poisson(rates, a=counts), strict=True):
        assert value == poisson(row, a=count)
    for row, slope in zip(rates, labelled.grad(rates, LABELS), strict=True):
        assert np.array_equal(slope, labelled.grad(row, LABELS))


def test_names_of_routines_may_be_those_of_inputs_but_not_of_a_function() -> None:
    assert "def _value(angle: Array" in source(DEFINITIONS["poisson"])
    assert "refined(" in source(DEFINITIONS["poisson"])
    same = replace(DEFINITIONS["poisson"], name="refined")
    with pytest.raises(DefinitionError, match="refined: the generated code calls a routine of that name"):
        module_source(same, derive_all(same))


def test_a_quantity_may_have_the_name_that_a_form_would_have() -> None:
    h1 = scalar("h1")
    definition = loss(
        "penalised",
        Sum(log(1 + exp(z[k])) - y[k] * z[k], k) + h1,
        z[j],
        where={h1: Sum(z[k] ** 2, k) / 2},
        arguments={"logits": z, "target": y},
        domain={y: UNIT},
    )
    penalised = load(module_source(definition, derive_all(definition)), "penalised")
    assert penalised(LOGITS, LABELS) == pytest.approx(np.sum(LOGITS**2) / 2)
    assert penalised.grad([0.5, 1.0], [1.0, 0.0]) == pytest.approx(
        np.array([0.5, 1.0]) + function(DEFINITIONS["multi_label"]).grad([0.5, 1.0], [1.0, 0.0])
    )


Z, Y = t.Component("z", ("k",)), t.Component("y", ("k",))
LOG = t.Call("log", (t.Add((t.ONE, t.Call("exp", (Z,)))),))


@pytest.mark.parametrize(
    ("node", "arguments"),
    [
        (t.Add((LOG, t.Neg(t.Mul((Y, Z))))), (Z, Y)),
        (t.Mul((Y, t.Add((LOG, Y)))), (Y, Z)),
        (t.Add((LOG, Z)), None),  # one number
        (t.Mul((Y, LOG)), None),  # nothing cancels
        (t.Add((Y, Z)), None),  # no function
        (t.Call("exp", (t.Add((Y, t.Neg(Z))),)), None),  # of a difference
        (t.Add((LOG, t.Component("y", ("j",)))), None),  # of different places
        (t.Add((LOG, t.Component("v", ("k",)))), None),  # no input
        (t.Add((t.Sum(LOG, "k", "K"), Y)), None),
    ],
)
def test_what_is_found(node: t.Node, arguments: tuple[t.Node, ...] | None) -> None:
    found = of_several_numbers(node, spec("multi_label"))
    assert (found and found.arguments) == arguments
