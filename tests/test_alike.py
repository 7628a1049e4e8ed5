"""Equations that differ in names alone share one derivation, and read as if each had been derived by itself."""

import pytest

from chainrule import Definition, scalar, use, verify
from chainrule.calculus import alike
from chainrule.calculus.derive import derive
from chainrule.calculus.graph import graph
from chainrule.expression import tree as t
from chainrule.expression.printing import text


def chain(length):
    """σ(w_L σ(… σ(w₁ x)))."""
    sigmoid, x = use("sigmoid"), scalar("x")
    names = [(scalar(f"w_{k}"), scalar(f"a_{k}")) for k in range(1, length + 1)]
    where, before = {}, x
    for w, a in names:
        where[a], before = sigmoid(w * before), a
    return Definition(before, wrt=names[0][0], where=where, uses=(sigmoid,), symbol="L", kind="loss")


def test_a_shared_derivation_has_the_lines_of_one_made_for_it():
    for edge in graph(chain(12)).active:
        own = derive(edge.local[0], wrt=edge.local[1])
        shared = edge.derivation
        assert text(shared.goal) == text(own.goal)
        assert [text(step.after) for step in shared.steps] == [text(step.after) for step in own.steps]
        assert shared.definition is edge.local[0]
        verify(shared).raise_if_failed()


@pytest.mark.parametrize("length", [32, 256])
def test_a_long_chain_takes_as_many_derivations_as_it_has_kinds_of_equation(length):
    before = alike._derived.cache_info().misses
    found = [edge.derivation.final for edge in graph(chain(length)).active]
    assert alike._derived.cache_info().misses - before <= 4
    assert sum(map(t.size, found)) == 7 * length + 1


def test_what_says_more_than_an_equation_between_scalars_is_derived_by_itself():
    a, x = scalar("a"), scalar("x")
    definition = Definition(a * x**2, wrt=x, parameters={a: 2.0}, symbol="f", kind="loss")
    before = alike._derived.cache_info().misses
    assert text(alike.derive_alike(definition, x).final) == "2 x a"
    assert alike._derived.cache_info().misses == before
