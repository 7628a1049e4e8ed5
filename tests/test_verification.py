"""Derivations written by hand pass; corrupted in any one step, they fail by the name of its rule."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy

from chainrule import Definition, scalar
from chainrule.calculus.derivation import Derivation, Step
from chainrule.calculus.kinks import find_kinks
from chainrule.errors import UnsupportedExpression, VerificationError
from chainrule.expression import tree as t
from chainrule.expression.scope import NamedFunction, NamedVector, Scope
from chainrule.verification import (
    Row,
    Subject,
    check_matrix_form,
    check_step,
    exact,
    sampling,
    verification,
    verify,
    verify_all,
    verify_facts,
)
from chainrule.verification.lines import MARGIN, POINTS, draw_samples
from chainrule.verification.reach import unreachable

X, Z, Y, YHAT, A = (t.Symbol(name) for name in ("x", "z", "y", "y_hat", "alpha"))
ONE, ZERO, TWO = t.ONE, t.ZERO, t.Number(Fraction(2))
COLUMN = t.Component("z", ("j",))


def neg(a: t.Node) -> t.Node:
    return t.Neg(a)


def plus(*terms: t.Node) -> t.Node:
    return t.Add(terms)


def times(*factors: t.Node) -> t.Node:
    return t.Mul(factors)


def over(a: t.Node, b: t.Node) -> t.Node:
    return t.Frac(a, b)


def exp(a: t.Node) -> t.Node:
    return t.Call("exp", (a,))


def log(a: t.Node) -> t.Node:
    return t.Call("log", (a,))


def squared(a: t.Node) -> t.Node:
    return t.Power(a, TWO)


def when(*rows: tuple[t.Node, t.Node]) -> t.Cases:
    return t.Cases(tuple(t.Branch(value, condition) for value, condition in rows))


def entry(base: str, *indices: str) -> t.Node:
    return t.Component(base, indices)


def total(body: t.Node, index: str = "k") -> t.Node:
    return t.Sum(body, index, "K")


def derivation(
    name: str, scope: Scope, goal: t.Node, *lines: tuple[str, t.Node], notes: dict[str, t.Node] | None = None
) -> Derivation:
    """A derivation from its lines; the first has no rule. The definition beside it only lends its name."""
    x = scalar("x")
    (_, start), *rest = lines
    steps, before = [], start
    for rule, after in rest:
        steps.append(Step(rule, None, before, after, note=(notes or {}).get(rule)))
        before = after
    assert isinstance(goal, t.Derivative)
    return Derivation(Definition(x, wrt=x, name=name), scope, goal.variable, goal.order, goal, start, tuple(steps))


def sigmoid() -> Derivation:
    below = plus(ONE, exp(neg(X)))
    body = over(ONE, below)
    sigma = t.Call("sigma", (X,))
    scope = Scope(functions={"sigma": NamedFunction("sigma", ("x",), body)})
    return derivation(
        "sigmoid",
        scope,
        t.Derivative(sigma, X),
        ("", t.Derivative(body, X)),
        ("reciprocal rule", times(neg(over(ONE, squared(below))), t.Derivative(below, X))),
        ("exponential rule", times(neg(over(ONE, squared(below))), neg(exp(neg(X))))),
        ("collect", over(exp(neg(X)), squared(below))),
        ("substitute", times(body, plus(ONE, neg(body)))),
        ("recognise", times(sigma, plus(ONE, neg(sigma)))),
        notes={"substitute": t.Equation(over(exp(neg(X)), below), plus(ONE, neg(sigma)))},
    )


SOFTMAX = NamedVector("s", ("i",), over(exp(entry("z", "i")), total(exp(entry("z", "k")))))
VECTORS = Scope(
    vectors={"s": SOFTMAX},
    indices={"i": "K", "j": "K", "k": "K"},
    shapes={"z": ("K",), "y": ("K",), "s": ("K",)},
    facts={"y": ("sums_to_one",)},
)


def softmax() -> Derivation:
    top, other, sum_ = exp(entry("z", "i")), exp(entry("z", "j")), total(exp(entry("z", "k")))
    s_i, s_j, same = entry("s", "i"), entry("s", "j"), t.Delta("i", "j")
    quotient = plus(times(t.Derivative(top, COLUMN), sum_), neg(times(top, t.Derivative(sum_, COLUMN))))
    return derivation(
        "softmax",
        VECTORS,
        t.Derivative(s_i, COLUMN, partial=True),
        ("", t.Derivative(over(top, sum_), COLUMN)),
        ("quotient rule", over(quotient, squared(sum_))),
        ("component rule", over(plus(times(same, top, sum_), neg(times(top, other))), squared(sum_))),
        ("split and recognise", plus(times(s_i, same), neg(times(s_i, s_j)))),
        ("factor out", times(s_i, plus(same, neg(s_j)))),
    )


def cross_entropy(scope: Scope = VECTORS) -> Derivation:
    y_k, s_k, y_j, s_j = entry("y", "k"), entry("s", "k"), entry("y", "j"), entry("s", "j")
    loss = neg(total(times(y_k, log(s_k))))
    jacobian = times(s_k, plus(t.Delta("k", "j"), neg(s_j)))
    scope = scope.extended(scalars={"L": loss})
    chain = total(times(t.Derivative(t.Symbol("L"), s_k), t.Derivative(s_k, COLUMN)))
    return derivation(
        "cross_entropy",
        scope,
        t.Derivative(t.Symbol("L"), COLUMN, partial=True),
        ("", t.Derivative(t.Symbol("L"), COLUMN)),
        ("chain rule", chain),
        ("insert the parts", total(times(neg(over(y_k, s_k)), jacobian))),
        ("cancel", neg(total(times(y_k, plus(t.Delta("k", "j"), neg(s_j)))))),
        ("the delta keeps one term", plus(neg(y_j), times(s_j, total(y_k)))),
        ("the targets sum to 1", plus(s_j, neg(y_j))),
        notes={"the targets sum to 1": t.Equation(total(y_k), ONE)},
    )


def binary_cross_entropy() -> Derivation:
    loss = plus(neg(times(Y, log(YHAT))), neg(times(plus(ONE, neg(Y)), log(plus(ONE, neg(YHAT))))))
    slope = times(YHAT, plus(ONE, neg(YHAT)))
    scope = Scope(scalars={"y_hat": over(ONE, plus(ONE, exp(neg(Z)))), "L": loss}, domains={"y": sympy.Interval(0, 1)})
    outer = plus(neg(over(Y, YHAT)), over(plus(ONE, neg(Y)), plus(ONE, neg(YHAT))))
    chain = times(t.Derivative(t.Symbol("L"), YHAT), t.Derivative(YHAT, Z))
    return derivation(
        "binary_cross_entropy",
        scope,
        t.Derivative(t.Symbol("L"), Z),
        ("", t.Derivative(loss, Z)),
        ("chain rule", chain),
        ("insert the parts", times(outer, slope)),
        ("multiply out", plus(neg(times(Y, plus(ONE, neg(YHAT)))), times(plus(ONE, neg(Y)), YHAT))),
        ("collect", plus(YHAT, neg(Y))),
    )


def elu() -> Derivation:
    positive = t.Compare(">", X, ZERO)
    body = when((X, positive), (times(A, plus(exp(X), neg(ONE))), t.Otherwise()))
    named = t.Call("ELU", (X,), (A,))
    scope = Scope(
        functions={"ELU": NamedFunction("ELU", ("x",), body, ("alpha",))},
        domains={"alpha": sympy.Interval.open(0, sympy.oo)},
    )
    inner = times(A, exp(X))
    return derivation(
        "elu",
        scope,
        t.Derivative(named, X, partial=True),
        ("", t.Derivative(body, X)),
        (
            "branch by branch",
            when((ONE, positive), (t.Derivative(times(A, plus(exp(X), neg(ONE))), X), t.Otherwise())),
        ),
        ("constant multiple", when((ONE, positive), (inner, t.Otherwise()))),
        ("recognise", when((ONE, positive), (plus(named, A), t.Otherwise()))),
    )


ALL: tuple[Callable[[], Derivation], ...] = (sigmoid, softmax, cross_entropy, binary_cross_entropy, elu)


@pytest.mark.parametrize("make", ALL)
def test_a_right_derivation_passes(make: Callable[[], Derivation]) -> None:
    found = verify(make())
    assert found.passed, found.messages
    assert found.steps_checked == len(make().steps)
    assert found.worst_step_error < 1e-35
    assert found.worst_result_error < 1e-35
    assert all(step.points >= 3 for step in found.steps)
    found.raise_if_failed()


# --- corruption


def first_term_dropped(node: t.Node) -> t.Node | None:
    return t.add(*node.terms[1:]) if isinstance(node, t.Add) else None


def another_index(node: t.Node) -> t.Node | None:
    return (
        t.Component(node.base, ("j",)) if isinstance(node, t.Component) and node.indices in (("i",), ("k",)) else None
    )


def exponent_changed(node: t.Node) -> t.Node | None:
    return t.Power(node.base, t.Number(Fraction(3))) if isinstance(node, t.Power) else None


def branches_swapped(node: t.Node) -> t.Node | None:
    if not isinstance(node, t.Cases):
        return None
    values = [branch.value for branch in node.branches]
    return t.Cases(tuple(replace(b, value=v) for b, v in zip(node.branches, (*values[1:], values[0]), strict=True)))


def fraction_turned(node: t.Node) -> t.Node | None:
    return t.Frac(node.denominator, node.numerator) if isinstance(node, t.Frac) else None


def delta_lost(node: t.Node) -> t.Node | None:
    return ONE if isinstance(node, t.Delta) else None


def inner_sign(node: t.Node) -> t.Node | None:
    return node.argument if isinstance(node, t.Neg) else None


def once(change: Callable[[t.Node], t.Node | None], place: int = 0) -> Callable[[t.Node], t.Node | None]:
    """The corruption at the first place, or the last, where it changes anything outside a pending derivative."""

    def corrupt(line: t.Node) -> t.Node | None:
        open_paths = [
            p for p, _ in t.walk(line) if not any(isinstance(t.at(line, p[:n]), t.Derivative) for n in range(len(p)))
        ]
        changed = [(path, new) for path in open_paths if (new := change(t.at(line, path))) is not None]
        return t.replace_at(line, *changed[place]) if changed else None

    return corrupt


CORRUPTIONS: dict[str, Callable[[t.Node], t.Node | None]] = {
    "sign": lambda line: t.Neg(line),
    "factor": lambda line: t.Mul((TWO, line)),
    "term": lambda line: t.Add((line, t.Number(Fraction(1, 10**9)))),
    "dropped": once(first_term_dropped),
    "index": once(another_index, -1),  # the first stands beside a delta, which makes it right
    "exponent": once(exponent_changed),
    "branches": once(branches_swapped),
    "fraction": once(fraction_turned),
    "delta": once(delta_lost),
    "inner sign": once(inner_sign),
}


def corrupted() -> list[tuple[str, str, Derivation, int]]:
    found = []
    for make in ALL:
        right = make()
        for number, step in enumerate(right.steps):
            for name, corrupt in CORRUPTIONS.items():
                wrong = corrupt(step.after)
                if wrong is not None and wrong != step.after:
                    steps = (*right.steps[:number], replace(step, after=wrong), *right.steps[number + 1 :])
                    found.append(
                        (f"{right.definition.name}-{number + 1}-{name}", step.rule, replace(right, steps=steps), number)
                    )
    return found


CORRUPTED = corrupted()


@pytest.mark.parametrize(("rule", "wrong", "number"), [c[1:] for c in CORRUPTED], ids=[c[0] for c in CORRUPTED])
def test_a_corrupted_step_is_caught_by_the_name_of_its_rule(
    rule: str, wrong: Derivation, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "verify_facts", lambda _: ())  # kinks and properties are no lines
    found = verify(wrong)
    assert not found.passed
    step = found.steps[number]
    assert not step.passed
    assert step.rule == rule
    assert not step.proved
    assert f"line {number + 1}, {rule}: at " in step.message


def test_many_corruptions_are_tried() -> None:
    assert len(CORRUPTED) > 80
    assert {name.rsplit("-", 1)[1] for name, *_ in CORRUPTED} == set(CORRUPTIONS)


def test_a_failure_stops_the_build_and_says_what_where_and_by_how_much() -> None:
    right = sigmoid()
    steps = (*right.steps[:2], replace(right.steps[2], after=t.Neg(right.steps[2].after)), *right.steps[3:])
    with pytest.raises(VerificationError, match=r"^sigmoid: line 3, collect: at x = -?[\d.]+, left ") as caught:
        verify(replace(right, steps=steps)).raise_if_failed()
    assert "(off by 2e+00, allowed 1e-20)" in str(caught.value)


def test_a_step_that_does_not_start_where_the_last_ended_is_caught() -> None:
    right = sigmoid()
    found = verify(replace(right, steps=(*right.steps[:1], *right.steps[2:])))
    assert any("line 2, collect: does not start from the line before it" in message for message in found.messages)


def test_a_wrong_start_is_caught_by_the_result() -> None:
    right = sigmoid()
    wrong = replace(right, goal=t.Derivative(t.Call("sigma", (X,)), X, 2), order=2)
    found = verify(wrong)
    assert all(step.passed for step in found.steps)
    assert [row.key for row in found.rows if not row.passed] == ["result"]


def test_a_wrong_reason_is_caught() -> None:
    right = sigmoid()
    note = t.Equation(exp(neg(X)), plus(ONE, neg(t.Call("sigma", (X,)))))
    steps = tuple(replace(s, note=note) if s.note else s for s in right.steps)
    found = verify(replace(right, steps=steps))
    assert [row.key for row in found.rows if not row.passed] == ["notes"]
    assert "line 4, substitute: the reason" in found.messages[0]


def test_a_reason_is_checked_in_its_own_branch_only() -> None:
    right = elu()
    named = t.Call("ELU", (X,), (A,))
    note = t.Equation(named, times(A, plus(exp(X), neg(ONE))))
    there = replace(right.steps[2], note=note, focus=(1, 0))
    assert verify(replace(right, steps=(*right.steps[:2], there))).passed
    elsewhere = replace(there, focus=(0, 0))
    assert not verify(replace(right, steps=(*right.steps[:2], elsewhere))).passed


# --- points that prove something


def test_the_fact_that_targets_sum_to_one_is_needed() -> None:
    assert verify(cross_entropy()).passed
    found = verify(cross_entropy(replace(VECTORS, facts={})))
    assert [step.rule for step in found.steps if not step.passed] == ["the targets sum to 1"]


def test_points_at_which_everything_is_0_are_not_counted() -> None:
    step = softmax().steps[-1]
    found = check_step(step, VECTORS)
    samples = draw_samples((step.before, step.after), VECTORS, step.rule)
    sizes = [sample.point.dimensions["K"] for sample in samples.samples]
    assert 1 in sizes
    assert found.passed
    assert found.points == sum(size != 1 for size in sizes)


def test_a_line_that_is_0_everywhere_is_0_for_more_than_one_class() -> None:
    zero = Step("rows sum to 0", None, t.Derivative(total(entry("s", "i"), "i"), COLUMN), ZERO)
    assert check_step(zero, VECTORS).passed
    wrong = Step("", None, times(entry("z", "i"), plus(ONE, neg(t.Delta("i", "j")))), ZERO)
    assert not check_step(wrong, VECTORS).passed


def test_a_single_class_alone_proves_nothing() -> None:
    scope = Scope(shapes={"z": ("1",)}, indices={"i": "1", "j": "1"})
    alone = times(entry("z", "i"), plus(ONE, neg(t.Delta("i", "j"))))
    found = check_step(Step("", None, alone, ZERO), scope)
    assert found.points == 0
    assert not found.passed


def test_every_size_and_every_pattern_of_indices_has_its_turn() -> None:
    samples = draw_samples((softmax().start,), VECTORS, "softmax").samples
    seen = {(s.point.dimensions["K"], s.point.indices["i"] == s.point.indices["j"]) for s in samples}
    assert seen == {(1, True), *((size, same) for size in (2, 3, 7) for same in (True, False))}


def test_targets_are_drawn_one_hot_and_soft() -> None:
    samples = draw_samples((cross_entropy().final,), VECTORS, "y", least=30).samples
    one_hot = [set(map(int, s.point.vectors["y"])) <= {0, 1} and max(s.point.vectors["y"]) == 1 for s in samples]
    assert any(one_hot)
    assert not all(one_hot)
    assert all(abs(sum(s.point.vectors["y"]) - 1) < 1e-15 for s in samples)


def test_points_are_the_same_each_time_and_differ_by_name() -> None:
    first, again, other = (draw_samples((sigmoid().start,), Scope(), name).samples for name in ("a", "a", "b"))
    assert [s.point for s in first] == [s.point for s in again]
    assert first[0].point != other[0].point
    assert len(first) == POINTS


def test_a_branch_that_no_point_reaches_is_reported() -> None:
    never = t.Compare(">", t.Call("cos", (X,)), TWO)
    before = when((X, t.Compare(">", X, ZERO)), (neg(X), never), (ZERO, t.Otherwise()))
    found = check_step(Step("branch by branch", None, before, before), Scope())
    assert not found.passed
    assert "branch 2 of" in found.message
    assert "reached by no point of the domain" in found.message


@pytest.mark.parametrize(
    ("condition", "scope"),
    [
        (t.Compare("<", squared(X), ZERO), Scope()),
        (t.Compare("<", t.Call("max", (X, squared(X))), ZERO), Scope()),
        (t.Compare(">", X, plus(ONE, squared(X))), Scope()),
        (t.Compare("<", X, A), Scope(domains={"x": sympy.Interval.open(0, 1), "alpha": sympy.Interval.open(-1, 0)})),
        (t.Compare("<", X, ONE), Scope(domains={"x": sympy.Interval(2, 3)})),
    ],
)
def test_a_branch_that_is_proved_to_be_empty_needs_no_point(condition: t.Compare, scope: Scope) -> None:
    before = when((X, condition), (ONE, t.Otherwise()))
    assert check_step(Step("", None, before, before), scope).passed
    wrong = t.replace_at(before, (1, 0), TWO)
    assert not check_step(Step("", None, before, wrong), scope).passed


@pytest.mark.parametrize(
    "condition",
    [
        t.Compare("<", squared(X), ONE),
        t.Compare(">", X, A),
        t.Compare("<=", squared(X), ZERO),
        t.Compare("<", X, squared(X)),
    ],
)
def test_what_can_be_reached_is_never_proved_empty(condition: t.Compare) -> None:
    assert not unreachable(when((X, condition), (ONE, t.Otherwise())), 0, Scope())
    assert not unreachable(when((X, condition), (ONE, t.Otherwise())), 1, Scope())


def test_narrow_and_far_branches_are_reached() -> None:
    far, narrow = t.Number(Fraction(50)), t.Number(Fraction(1, 10))
    before = when(
        (ONE, t.Compare(">", X, far)),
        (X, t.And((t.Compare("<", X, narrow), t.Compare(">", X, ZERO)))),
        (neg(X), t.Compare("<=", X, neg(A))),
        (ZERO, t.Otherwise()),
    )
    scope = Scope(domains={"alpha": sympy.Interval.open(20, 30)})
    assert check_step(Step("", None, before, before), scope).passed
    wrong = t.replace_at(before, (0, 0), TWO)
    assert not check_step(Step("", None, before, wrong), scope).passed


def test_the_value_at_a_single_point_needs_no_sample() -> None:
    sign = when((ONE, t.Compare(">", X, ZERO)), (neg(ONE), t.Compare("<", X, ZERO)), (ZERO, t.Otherwise()))
    assert check_step(Step("", None, sign, sign), Scope()).passed
    at_zero = when((ZERO, t.Compare("=", X, ZERO)), (ONE, t.Otherwise()))
    assert check_step(Step("", None, at_zero, at_zero), Scope()).passed


def test_no_point_lies_on_a_boundary() -> None:
    lines = (when((X, t.Compare(">", X, ZERO)), (ZERO, t.Otherwise())), t.Call("abs", (X,)))
    samples = draw_samples(lines, Scope(), "kink", least=60).samples
    assert all(abs(s.point.scalars["x"]) >= MARGIN for s in samples)


def test_a_line_may_not_lose_a_part_of_the_domain() -> None:
    found = check_step(Step("", None, X, exp(log(X))), Scope())
    assert not found.passed
    assert "right nan" in found.message
    assert check_step(Step("", None, exp(log(X)), X), Scope()).passed


def test_a_step_without_a_value_anywhere_fails() -> None:
    nowhere = log(neg(squared(X)))
    assert "no point of the domain" in check_step(Step("", None, nowhere, nowhere), Scope()).message


def test_terms_that_cancel_are_compared_with_the_largest() -> None:
    huge = exp(times(t.Number(Fraction(20)), plus(ONE, squared(X))))
    before = plus(huge, X, neg(huge))
    assert check_step(Step("cancel", None, before, X), Scope(domains={"x": sympy.Interval(1, 2)})).passed


@pytest.mark.parametrize(
    ("domain", "inside"),
    [
        (sympy.Interval.open(0, 1), lambda v: 0 < v < 1),
        (sympy.Interval(2, sympy.oo), lambda v: v > 2),
        (sympy.Interval.Ropen(-sympy.oo, -3), lambda v: v < -3),
        (sympy.FiniteSet(0, 1), lambda v: v in (0, 1)),
        (sympy.Union(sympy.Interval(-2, -1), sympy.Interval(1, 2)), lambda v: 1 < abs(v) < 2),
        (sympy.Complement(sympy.S.Reals, sympy.FiniteSet(0)), lambda v: v != 0),
        (sympy.S.Naturals, lambda v: v >= 1 and v == int(v)),
        (sympy.Range(2, 5), lambda v: v in (2, 3, 4)),
        (sympy.S.Reals, lambda v: True),
    ],
)
def test_points_lie_in_the_declared_domain(domain: sympy.Set, inside: Callable[[object], bool]) -> None:
    samples = draw_samples((X,), Scope(domains={"x": domain}), "domain", least=40).samples
    values = [s.point.scalars["x"] for s in samples]
    assert all(map(inside, values))
    assert len(set(values)) > 1


def test_a_domain_of_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(UnsupportedExpression, match="cannot draw from the domain"):
        sampling.ranges(sympy.S.Complexes)


# --- proofs


@pytest.mark.parametrize(
    ("left", "right", "proved"),
    [
        (over(exp(neg(X)), plus(ONE, exp(neg(X)))), over(ONE, plus(exp(X), ONE)), True),
        (exp(plus(X, X)), squared(exp(X)), True),
        (over(squared(plus(X, ONE)), plus(X, ONE)), plus(X, ONE), True),
        (times(log(X), X), times(X, log(X)), True),
        (t.Derivative(exp(X), X), exp(X), False),
        (plus(X, ONE), X, False),
        (over(X, plus(X, neg(X))), X, False),
        (t.Power(plus(X, A, Y, Z, ONE), t.Number(Fraction(300))), X, False),
    ],
)
def test_what_exact_arithmetic_proves(left: t.Node, right: t.Node, proved: bool) -> None:
    assert exact.equal(left, right, Scope()) is proved


def test_steps_are_proved_where_that_is_possible() -> None:
    found = verify(sigmoid())
    assert [step.proved for step in found.steps] == [False, False, True, True, True]
    assert found.steps_proved == 3


# --- several derivations


def test_two_routes_must_agree() -> None:
    first = sigmoid()
    quick = replace(first, steps=(replace(first.steps[0], after=first.final, rule="at once"),), route="quick")
    assert all(v.passed for v in verify_all((first, quick)))
    slow = replace(quick, start=t.Neg(quick.start), goal=first.goal, steps=(), route="wrong")
    rows = [row for row in verify_all((first, slow))[1].rows if row.key == "routes"]
    assert not rows[0].passed
    assert "route wrong" in rows[0].message


def test_a_wrong_lemma_fails_the_derivation() -> None:
    right = sigmoid()
    wrong = replace(right, steps=(replace(right.steps[0], after=t.Neg(right.steps[0].after)),))
    found = verify(replace(binary_cross_entropy(), lemmas=(wrong,)))
    assert not found.passed
    assert found.messages[0].startswith("binary_cross_entropy, ")


def test_a_check_of_ones_own() -> None:
    def refuse(subject: Subject) -> tuple[Row, ...]:
        return (Row("double", None, 1, 1.0, False, "NumPy disagrees"),)

    assert verify(sigmoid(), (refuse,)).messages == ("sigmoid: NumPy disagrees",)


def test_matrix_notation_is_checked_against_components() -> None:
    s = t.Vector("s")
    jacobian = times(entry("s", "i"), plus(t.Delta("i", "j"), neg(entry("s", "j"))))
    assert check_matrix_form(jacobian, plus(t.Diag(s), neg(t.Outer(s, s))), ("i", "j"), VECTORS).passed
    assert not check_matrix_form(jacobian, plus(t.Diag(s), t.Outer(s, s)), ("i", "j"), VECTORS).passed
    gradient = plus(entry("s", "j"), neg(entry("y", "j")))
    assert check_matrix_form(gradient, plus(s, neg(t.Vector("y"))), ("j",), VECTORS).passed
    transposed = times(entry("y", "i"), entry("s", "j"))
    assert not check_matrix_form(transposed, t.Outer(s, t.Vector("y")), ("i", "j"), VECTORS).passed
    with pytest.raises(UnsupportedExpression, match="differ in shape"):
        check_matrix_form(jacobian, plus(t.Diag(s), neg(s)), ("i", "j"), VECTORS)


def test_kinks_are_checked_too() -> None:
    x = scalar("x")
    positive = t.Compare(">", X, ZERO)
    body = when((X, positive), (ZERO, t.Otherwise()))
    scope = Scope(functions={"ReLU": NamedFunction("ReLU", ("x",), body)})
    goal = t.Derivative(t.Call("ReLU", (X,)), X)
    relu = derivation(
        "relu", scope, goal, ("", t.Derivative(body, X)), ("", when((ONE, positive), (ZERO, t.Otherwise())))
    )
    kinks = find_kinks(sympy.Piecewise((x, x > 0), (0, True)), relu.result, x)
    assert [row.passed for row in verify_facts(relu, kinks)] == [True, True]
    wrong = tuple(replace(kink, left_slope=sympy.Integer(1)) for kink in kinks)
    (row, _) = verify_facts(relu, wrong)
    assert row.key == "kinks"
    assert not row.passed
