"""Kinks: where a function changes its formula, what it does there, and that a wrong statement about it is caught."""

from dataclasses import fields, replace

import pytest
from sympy import (
    Abs,
    And,
    Eq,
    Expr,
    FiniteSet,
    Heaviside,
    Integer,
    Interval,
    Max,
    Min,
    Ne,
    Piecewise,
    Rational,
    S,
    Symbol,
    cos,
    exp,
    floor,
    log,
    nan,
    oo,
    pi,
    sign,
    sin,
    sqrt,
    symbols,
)  # fmt: skip

from chainrule.calculus.checks import Domain
from chainrule.calculus.kinks import Kink, check_kinks, find_kinks
from chainrule.errors import UnsupportedExpression

x, y, a, b, c, alpha, delta = symbols("x y a b c alpha delta")
positive = Interval.open(0, oo)

Case = tuple[Expr, Expr, Domain]

CASES: dict[str, Case] = {
    "relu": (Piecewise((x, x > 0), (0, True)), Piecewise((1, x > 0), (0, True)), {}),
    "leaky": (Piecewise((x, x > 0), (x / 100, True)), Piecewise((1, x > 0), (Rational(1, 100), True)), {}),
    "prelu": (Piecewise((x, x > 0), (a * x, True)), Piecewise((1, x > 0), (a, True)), {}),
    "elu": (
        Piecewise((x, x > 0), (alpha * (exp(x) - 1), True)),
        Piecewise((1, x > 0), (alpha * exp(x), True)),
        {alpha: positive},
    ),
    "huber": (
        Piecewise(((x - y) ** 2 / 2, Abs(x - y) <= delta), (delta * (Abs(x - y) - delta / 2), True)),
        Piecewise((x - y, Abs(x - y) <= delta), (delta * sign(x - y), True)),
        {delta: positive},
    ),
    "mae": (Abs(x - y), sign(x - y), {}),
    "hinge": (Max(0, 1 - y * x), Piecewise((-y, 1 - y * x > 0), (0, True)), {y: FiniteSet(-1, 1)}),
    "jump": (Piecewise((x, x > 0), (x + c, True)), Integer(1), {}),
    "shifted line": (Piecewise((x, x > c), (alpha * x + b, True)), Piecewise((1, x > c), (alpha, True)), {}),
    "masked |x|": (Max(0, Abs(x) - 1), Heaviside(Abs(x) - 1, 0) * sign(x), {}),
    "relu(relu(x) - 1)": (Max(0, Max(0, x) - 1), Heaviside(x - 1, 0), {}),
    "relu squared": (Max(0, x) ** 2, 2 * Max(0, x), {}),
    "sign(1/x)": (sign(1 / x), Integer(0), {}),
    "sqrt|x|": (sqrt(Abs(x)), sign(x) / (2 * sqrt(Abs(x))), {}),
    "sinc": (
        Piecewise((1, Eq(x, 0)), (sin(x) / x, True)),
        Piecewise((0, Eq(x, 0)), (cos(x) / x - sin(x) / x**2, True)),
        {},
    ),
    "||x| - b|": (Abs(Abs(x) - b), sign(Abs(x) - b) * sign(x), {b: positive}),
    "hard sigmoid": (Min(1, Max(0, (x + 3) / 6)), Piecewise((Rational(1, 6), And(x > -3, x < 3)), (0, True)), {}),
    "cubic": (Abs(x**3 - x - 1), sign(x**3 - x - 1) * (3 * x**2 - 1), {}),
    "max of three": (Max(x, -x, 1), Piecewise((sign(x), Abs(x) > 1), (0, True)), {}),
    "|sin x| on [-4, 4]": (Abs(sin(x)), sign(sin(x)) * cos(x), {x: Interval(-4, 4)}),
    "piecewise in piecewise": (
        Piecewise((Piecewise((x, x > 1), (x**2, True)), x > 0), (-x, True)),
        Piecewise((Piecewise((1, x > 1), (2 * x, True)), x > 0), (-1, True)),
        {},
    ),
    "relu inside": (
        exp(-Max(0, 1 / (1 + exp(-x)) - Rational(1, 2))),
        Piecewise((-exp(Rational(1, 2) - 1 / (1 + exp(-x))) * exp(-x) / (1 + exp(-x)) ** 2, x > 0), (0, True)),
        {},
    ),
    "max(x, ax), 0 < a < 1": (Max(x, a * x), Piecewise((1, x > 0), (a, True)), {a: Interval.open(0, 1)}),
    "log|x| has a pole": (log(Abs(x)), 1 / x, {}),
    "Ne": (Piecewise((x, Ne(x, 2)), (5, True)), Integer(1), {}),
    "smooth": (1 / (1 + exp(-x)), exp(-x) / (1 + exp(-x)) ** 2, {}),
}

TRUTH: dict[str, list[tuple[object, ...]]] = {
    # place, left value, right value, value, left slope, right slope, slope in code, continuous, differentiable
    "relu": [(0, 0, 0, 0, 0, 1, 0, True, False)],
    "leaky": [(0, 0, 0, 0, Rational(1, 100), 1, Rational(1, 100), True, False)],
    "prelu": [(0, 0, 0, 0, a, 1, a, True, Eq(a, 1))],
    "elu": [(0, 0, 0, 0, alpha, 1, alpha, True, Eq(alpha, 1))],
    "huber": [
        (y - delta, *3 * (delta**2 / 2,), *3 * (-delta,), True, True),
        (y + delta, *3 * (delta**2 / 2,), *3 * (delta,), True, True),
    ],
    "mae": [(y, 0, 0, 0, -1, 1, 0, True, False)],
    "hinge": [
        (1 / y, 0, 0, 0, Piecewise((0, Eq(y, -1)), (-1, True)), Piecewise((1, Eq(y, -1)), (0, True)), 0, True, False)
    ],
    "jump": [(0, c, 0, c, 1, 1, 1, Eq(c, 0), Eq(c, 0))],
    "shifted line": [
        (
            c,
            alpha * c + b,
            c,
            alpha * c + b,
            alpha,
            1,
            alpha,
            Eq(b, c * (1 - alpha)),
            Eq(alpha, 1) & Eq(b, c * (1 - alpha)),
        )
    ],
    "masked |x|": [(-1, 0, 0, 0, -1, 0, 0, True, False), (1, 0, 0, 0, 0, 1, 0, True, False)],
    "relu(relu(x) - 1)": [(1, 0, 0, 0, 0, 1, 0, True, False)],
    "relu squared": [(0, 0, 0, 0, 0, 0, 0, True, True)],
    "sign(1/x)": [(0, -1, 1, nan, 0, 0, 0, False, False)],
    "sqrt|x|": [(0, 0, 0, 0, -oo, oo, nan, True, False)],
    "sinc": [(0, 1, 1, 1, 0, 0, 0, True, True)],
    "||x| - b|": [
        (-b, 0, 0, 0, -1, 1, 0, True, False),
        (0, b, b, b, 1, -1, 0, True, False),
        (b, 0, 0, 0, -1, 1, 0, True, False),
    ],
    "hard sigmoid": [
        (-3, 0, 0, 0, 0, Rational(1, 6), 0, True, False),
        (3, 1, 1, 1, Rational(1, 6), 0, 0, True, False),
    ],
    "max of three": [(-1, 1, 1, 1, -1, 0, 0, True, False), (1, 1, 1, 1, 0, 1, 0, True, False)],
    "|sin x| on [-4, 4]": [(place, 0, 0, 0, -1, 1, 0, True, False) for place in (-pi, 0, pi)],
    "piecewise in piecewise": [(0, 0, 0, 0, -1, 0, -1, True, False), (1, 1, 1, 1, 2, 1, 2, True, False)],
    "relu inside": [(0, 1, 1, 1, 0, Rational(-1, 4), 0, True, False)],
    "max(x, ax), 0 < a < 1": [(0, 0, 0, 0, a, 1, a, True, False)],
    "log|x| has a pole": [],
    "Ne": [(2, 2, 2, 5, 1, 1, 1, False, False)],
    "smooth": [],
}

KINDS = {"relu": "kink", "elu": "kink", "huber": "smooth joint", "relu squared": "smooth joint", "jump": "jump"}


@pytest.mark.parametrize("name", TRUTH)
def test_kinks_are_those_that_an_expert_would_state(name: str) -> None:
    found = find_kinks(CASES[name][0], CASES[name][1], x, CASES[name][2])
    assert [tuple(getattr(k, f.name) for f in fields(k)) for k in found] == TRUTH[name]


@pytest.mark.parametrize("name", CASES)
def test_kinks_pass_their_check(name: str) -> None:
    f, slope, domain = CASES[name]
    rows = check_kinks(find_kinks(f, slope, x, domain), f, slope, x, domain)
    assert rows and not [row for row in rows if not row.passed]


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_kind(name: str, kind: str) -> None:
    assert {k.kind for k in find_kinks(CASES[name][0], CASES[name][1], x, CASES[name][2])} == {kind}


def test_irrational_root_is_found_and_its_values_are_exactly_zero() -> None:
    (kink,) = find_kinks(CASES["cubic"][0], CASES["cubic"][1], x)
    assert abs(kink.location.n(20) - 1.3247179572447460260) < 1e-15
    assert (kink.left_value, kink.right_value, kink.value) == (0, 0, 0)


REFUSED: dict[str, tuple[Expr, Domain, str]] = {
    "infinitely many": (Abs(sin(x)), {}, r"Abs\(sin\(x\)\): its kinks could not be located"),
    "no formula": (Abs(x - cos(x)), {}, r"Abs\(x - cos\(x\)\): its kinks could not be located"),
    "open parameter": (Max(x, a * x), {}, r"Max\(x, a\*x\): .* depends on the parameters; declare narrower domains"),
    "place depends on the sign of b": (Max(0, Abs(x) - b), {}, r"depends on the parameters"),
    "floor": (floor(x) * x, {}, r"floor\(x\): its kinks could not be located"),
    "quintic with a parameter": (Abs(x**5 + a * x + 1), {}, r"degree 5"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_located_is_refused_by_name(name: str) -> None:
    f, domain, message = REFUSED[name]
    with pytest.raises(UnsupportedExpression, match=message):
        find_kinks(f, Integer(1), x, domain)


def test_domain_limits_the_search() -> None:
    f, slope, _ = CASES["masked |x|"]
    assert [k.location for k in find_kinks(f, slope, x, {x: positive})] == [1]
    assert find_kinks(f, slope, x, {x: Interval(1, oo)}) == ()


def test_same_result_twice_and_for_other_assumptions() -> None:
    t = Symbol("t", real=True)
    assert find_kinks(Abs(t), sign(t), t) == find_kinks(Abs(t), sign(t), t)
    assert find_kinks(Abs(t), sign(t), t)[0].location == 0


def _corrupted(kink: Kink) -> list[Kink]:
    expressions = [f.name for f in fields(kink)][:7]
    wrong = [replace(kink, **{name: getattr(kink, name) + Rational(1, 7)}) for name in expressions]
    flip: list[object] = [not d if isinstance(d, bool) else True for d in (kink.continuous, kink.differentiable)]
    return [*wrong, replace(kink, continuous=flip[0]), replace(kink, differentiable=flip[1])]


@pytest.mark.parametrize("name", ["relu", "prelu", "elu", "mae", "huber", "hinge", "jump", "masked |x|", "cubic"])
def test_every_corrupted_entry_is_caught(name: str) -> None:
    f, slope, domain = CASES[name]
    kink, *others = find_kinks(f, slope, x, domain)
    for wrong in _corrupted(kink):
        rows = check_kinks((wrong, *others), f, slope, x, domain)
        assert any(not row.passed for row in rows), wrong


@pytest.mark.parametrize("wrong", [Eq(a, 2), Eq(a, -1), False, S.true])
def test_wrong_condition_is_caught(wrong: object) -> None:
    f, slope, domain = CASES["prelu"]
    (kink,) = find_kinks(f, slope, x, domain)
    rows = check_kinks((replace(kink, differentiable=wrong),), f, slope, x, domain)
    assert [row.name for row in rows if not row.passed] == ["kink differentiable"]


@pytest.mark.parametrize("name", ["relu", "mae", "masked |x|", "||x| - b|", "jump"])
def test_missing_kink_is_caught(name: str) -> None:
    f, slope, domain = CASES[name]
    _, *rest = find_kinks(f, slope, x, domain)
    assert not check_kinks(tuple(rest), f, slope, x, domain)[-1].passed
