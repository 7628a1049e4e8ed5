"""Every rule of every table, on its own example: right at random points, and caught by name once it is corrupted.

A new rule needs no new test."""

from collections.abc import Callable

import pytest

from chainrule.calculus.derivation import Rule, Step
from chainrule.calculus.products import Product
from chainrule.calculus.rules import ALL_RULES
from chainrule.expression import tree as t
from chainrule.verification import StepCheck, check_step

IDS = [rule.name for rule in ALL_RULES]


def checked(rule: Rule, apply: Callable[[t.Node], t.Node | None]) -> StepCheck:
    after = apply(rule.example)
    assert after is not None, f"{rule.name}: does not apply to its own example"
    return check_step(Step(rule.name, rule.statement, rule.example, after), rule.example_scope)


def test_names_are_unique() -> None:
    assert len(set(IDS)) == len(IDS)


@pytest.mark.parametrize("rule", ALL_RULES, ids=IDS)
def test_a_rule_holds_on_its_example(rule: Rule) -> None:
    found = checked(rule, lambda node: rule.apply(node, rule.example_scope))
    assert found.passed, found.message


@pytest.mark.parametrize("rule", ALL_RULES, ids=IDS)
def test_a_rule_changes_its_example(rule: Rule) -> None:
    assert rule.apply(rule.example, rule.example_scope) not in (None, rule.example)


def doubled(node: t.Node) -> t.Node:
    return t.Mul((t.number(2), node))


def raised(node: t.Node) -> t.Node:
    return t.Add((node, t.ONE))


def turned(node: t.Node) -> t.Node:
    return t.Neg(node)


def misplaced(node: t.Node) -> t.Node:
    """The values of the branches turned round, or else a tiny term too many."""
    if isinstance(node, t.Cases):
        values = [branch.value for branch in node.branches][::-1]
        return t.Cases(tuple(t.Branch(v, b.condition) for v, b in zip(values, node.branches, strict=True)))
    return t.Add((node, t.Power(t.number(10), t.number(-12))))


def test_a_minus_below_a_fraction_bar_stands_before_the_fraction() -> None:
    a, b = t.Symbol("a"), t.Symbol("b")
    assert Product(t.Frac(a, t.Neg(b))).rebuild() == t.Neg(t.Frac(a, b))


@pytest.mark.parametrize("corrupt", [doubled, raised, turned, misplaced])
@pytest.mark.parametrize("rule", ALL_RULES, ids=IDS)
def test_a_corrupted_rule_is_caught_by_name(rule: Rule, corrupt: Callable[[t.Node], t.Node]) -> None:
    after = rule.apply(rule.example, rule.example_scope)
    assert after is not None
    if after == t.ZERO and corrupt in (doubled, turned):
        pytest.skip("0 doubled or turned is 0")
    found = checked(rule, lambda node: corrupt(after))
    assert not found.passed
    assert rule.name in found.message
