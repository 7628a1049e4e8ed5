"""Properties: the true ones are found, what no method decides is left out, and a wrong one is caught."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import sympy
from sympy import (
    Abs,
    And,
    Expr,
    FiniteSet,
    Float,
    Heaviside,
    Integer,
    Interval,
    LambertW,
    Max,
    Min,
    Piecewise,
    Rational,
    Set,
    Symbol,
    atan,
    cos,
    cosh,
    diff,
    erf,
    exp,
    log,
    oo,
    pi,
    sign,
    sin,
    sqrt,
    symbols,
    tanh,
)  # fmt: skip

from chainrule.calculus.checks import Domain, evaluate
from chainrule.calculus.properties import FINDERS, Property, find_properties
from chainrule.calculus.property_checks import CHECKS, check_properties
from chainrule.calculus.signs import edge

x, y, a, alpha, delta, z, p = symbols("x y a alpha delta z p")
positive, unit, line = Interval.open(0, oo), Interval.open(0, 1), Interval(-oo, oo)
E = (exp(x) - exp(-x)) / (exp(x) + exp(-x))

Case = tuple[Expr, Expr, Symbol, Domain]


def smooth(f: Expr) -> Case:
    return (f, diff(f, x), x, {})


SILU, GELU = x / (1 + exp(-x)), x * (1 + erf(x / sqrt(2))) / 2

CASES: dict[str, Case] = {
    "sigmoid": (1 / (1 + exp(-x)), exp(-x) / (1 + exp(-x)) ** 2, x, {}),
    "tanh": (E, 1 - E**2, x, {}),
    "relu": (Piecewise((x, x > 0), (0, True)), Piecewise((1, x > 0), (0, True)), x, {}),
    "leaky": (Piecewise((x, x > 0), (x / 100, True)), Piecewise((1, x > 0), (Rational(1, 100), True)), x, {}),
    "prelu": (Piecewise((x, x > 0), (a * x, True)), Piecewise((1, x > 0), (a, True)), x, {}),
    "prelu, 0 < a < 1": (Piecewise((x, x > 0), (a * x, True)), Piecewise((1, x > 0), (a, True)), x, {a: unit}),
    "elu": (
        Piecewise((x, x > 0), (alpha * (exp(x) - 1), True)),
        Piecewise((1, x > 0), (alpha * exp(x), True)),
        x,
        {alpha: positive},
    ),
    "softplus": (log(1 + exp(x)), exp(x) / (1 + exp(x)), x, {}),
    "silu": smooth(SILU),
    "gelu": smooth(GELU),
    "mse": ((x - y) ** 2, 2 * (x - y), x, {}),
    "mae": (Abs(x - y), sign(x - y), x, {}),
    "huber": (
        Piecewise(((x - y) ** 2 / 2, Abs(x - y) <= delta), (delta * (Abs(x - y) - delta / 2), True)),
        Piecewise((x - y, Abs(x - y) <= delta), (delta * sign(x - y), True)),
        x,
        {delta: positive},
    ),
    "log cosh": (log(cosh(x - y)), tanh(x - y), x, {}),
    "hinge": (Max(0, 1 - y * x), Piecewise((-y, 1 - y * x > 0), (0, True)), x, {y: FiniteSet(-1, 1)}),
    "bce": (-y * log(p) - (1 - y) * log(1 - p), (p - y) / (p * (1 - p)), p, {p: unit, y: Interval(0, 1)}),
    "bce, 0 < y < 1": (-y * log(p) - (1 - y) * log(1 - p), (p - y) / (p * (1 - p)), p, {p: unit, y: unit}),
    "bce of logits": (log(1 + exp(z)) - z * y, exp(z) / (1 + exp(z)) - y, z, {y: Interval(0, 1)}),
    # odd compositions
    "mish": smooth(x * tanh(log(1 + exp(x)))),
    "softsign": (x / (1 + Abs(x)), 1 / (1 + Abs(x)) ** 2, x, {}),
    "step": (Heaviside(x), Integer(0), x, {}),
    "bell": smooth(exp(-(x**2))),
    "hard tanh": (Max(-1, Min(1, x)), Piecewise((1, And(x > -1, x < 1)), (0, True)), x, {}),
    "hard swish": (
        x * Min(1, Max(0, (x + 3) / 6)),
        Piecewise((0, x < -3), (1, x > 3), ((2 * x + 3) / 6, True)),
        x,
        {},
    ),
    "arctangent": smooth(atan(x)),
    "sine": (sin(x), cos(x), x, {}),
    "tanh shrink": (x - tanh(x), tanh(x) ** 2, x, {}),
    "constant": (Integer(3), Integer(0), x, {}),
    "two-class softmax": (exp(x) / (exp(x) + exp(y)), exp(x) * exp(y) / (exp(x) + exp(y)) ** 2, x, {}),
}

LEFT = object()
"""Left out: no method decides."""

TRUTH: dict[str, dict[str, Any]] = {
    "sigmoid": {
        "range": {"set": unit}, "limit_minus": {"value": 0, "at": -oo}, "limit_plus": {"value": 1, "at": oo},
        "value_at_zero": {"value": Rational(1, 2)}, "parity": {"function": "neither", "slope": "even"},
        "symmetry": {"kind": "point", "constant": 1, "centre": 0}, "monotonicity": {"kind": "strictly increasing"},
        "convexity": {"kind": "neither", "inflections": (0,)}, "min_value": LEFT, "max_value": LEFT,
        "max_slope": {"value": Rational(1, 4), "attained": True, "where": (0,)},
        "saturation": {"left": True, "right": True}, "zero_centred": {"holds": False},
        "vanishing": {"left": -4.58486333912233, "right": 4.58486333912233, "threshold": Rational(1, 100)},
    },
    "tanh": {
        "range": {"set": Interval.open(-1, 1)}, "parity": {"function": "odd", "slope": "even"}, "symmetry": LEFT,
        "max_slope": {"value": 1, "attained": True, "where": (0,)}, "zero_centred": {"holds": True},
        "vanishing": {"left": -2.99322284612638, "right": 2.99322284612638, "threshold": Rational(1, 100)},
    },
    "relu": {
        "range": {"set": Interval(0, oo)}, "min_value": {"value": 0, "where": (Interval(-oo, 0),)},
        "monotonicity": {"kind": "nondecreasing"}, "convexity": {"kind": "convex"},
        "max_slope": {"value": 1, "attained": True, "where": (positive,)}, "zero_centred": {"holds": False},
        "saturation": {"left": True, "right": False},
        "vanishing": {"left": 0, "right": "never", "threshold": Rational(1, 100)},
    },
    "leaky": {
        "range": {"set": line}, "monotonicity": {"kind": "strictly increasing"}, "convexity": {"kind": "convex"},
        "vanishing": {"left": "never", "right": "never", "threshold": Rational(1, 100)},
    },
    "prelu": {
        "range": LEFT, "parity": LEFT, "zero_centred": LEFT, "monotonicity": LEFT,
        "max_slope": LEFT, "limit_plus": {"value": oo, "at": oo},
    },
    "prelu, 0 < a < 1": {"range": {"set": line}, "monotonicity": {"kind": "strictly increasing"}},
    "elu": {
        "range": {"set": Interval.open(-alpha, oo)}, "limit_minus": {"value": -alpha, "at": -oo},
        "monotonicity": {"kind": "strictly increasing"}, "saturation": {"left": True, "right": False},
        "convexity": LEFT, "max_slope": LEFT, "zero_centred": {"holds": False},
        "parity": {"function": "neither", "slope": "neither"},
    },
    "softplus": {
        "range": {"set": positive}, "value_at_zero": {"value": log(2)}, "convexity": {"kind": "strictly convex"},
        "symmetry": {"kind": "linear", "coefficient": 1}, "max_slope": {"value": 1, "attained": False, "where": ()},
    },
    "silu": {
        "range": {"set": Interval(-LambertW(exp(-1)), oo)},
        "min_value": {"value": -LambertW(exp(-1)), "where": (-1 - LambertW(exp(-1)),)},
        "monotonicity": {"kind": "not monotone", "turning": (-1 - LambertW(exp(-1)),)},
        "convexity": {"kind": "neither", "inflections": (-2.39935728051547, 2.39935728051547)},
        "max_slope": {"value": 1.09983932012887, "attained": True, "where": (2.39935728051547,)},
        "symmetry": {"kind": "linear", "coefficient": 1},
    },
    "gelu": {
        "min_value": {"value": -0.169971207479904, "where": (-0.751791524693564,)},
        "convexity": {"kind": "neither", "inflections": (-sqrt(2), sqrt(2))},
        "max_slope": {"value": exp(-1) / sqrt(pi) + erf(1) / 2 + Rational(1, 2), "attained": True, "where": (sqrt(2),)},
        "saturation": {"left": True, "right": False},
    },
    "mse": {
        "range": {"set": Interval(0, oo)}, "min_value": {"value": 0, "where": (y,)},
        "convexity": {"kind": "strictly convex"}, "symmetry": {"kind": "axis", "centre": y},
        "max_slope": {"value": oo, "attained": False, "where": ()}, "value_at_zero": {"value": y**2},
    },
    "mae": {
        "min_value": {"value": 0, "where": (y,)}, "convexity": {"kind": "convex"},
        "max_slope": {"value": 1, "attained": True, "where": (Interval.open(-oo, y), Interval.open(y, oo))},
    },
    "huber": {
        "range": {"set": Interval(0, oo)}, "min_value": {"value": 0, "where": (y,)}, "convexity": {"kind": "convex"},
        "max_slope": {
            "value": delta, "attained": True, "where": (Interval(-oo, y - delta), Interval(y + delta, oo)),
        },
    },
    "log cosh": {
        "min_value": {"value": 0, "where": (y,)}, "convexity": {"kind": "strictly convex"},
        "max_slope": {"value": 1, "attained": False, "where": ()},
    },
    "hinge": {
        "range": {"set": Interval(0, oo)}, "min_value": {"value": 0}, "convexity": {"kind": "convex"},
        "max_slope": {"value": 1, "attained": True}, "monotonicity": LEFT,
    },
    "bce": {"convexity": {"kind": "strictly convex"}, "min_value": LEFT, "range": LEFT},
    "bce, 0 < y < 1": {
        "min_value": {"value": -y * log(y) - (1 - y) * log(1 - y), "where": (y,)},
        "monotonicity": {"kind": "not monotone", "turning": (y,)},
    },
    "bce of logits": {
        "parity": LEFT,  # even for y = 1/2
        "symmetry": {"kind": "linear", "coefficient": 1 - 2 * y}, "convexity": {"kind": "strictly convex"},
        "value_at_zero": {"value": log(2)}, "max_slope": LEFT,
    },
    "mish": {"min_value": {"value": -0.308843413017250, "where": (-1.19243121451550,)}},
    "softsign": {"range": {"set": Interval.open(-1, 1)}, "parity": {"function": "odd", "slope": "even"}},
    "step": {"range": LEFT, "monotonicity": {"kind": "nondecreasing"}, "convexity": LEFT},
    "bell": {
        "range": {"set": Interval.Lopen(0, 1)}, "max_value": {"value": 1, "where": (0,)},
        "max_slope": {"value": sqrt(2) * exp(-Rational(1, 2)), "attained": True, "where": (-sqrt(2) / 2, sqrt(2) / 2)},
    },
    "hard tanh": {"range": {"set": Interval(-1, 1)}, "zero_centred": {"holds": True}},
    "hard swish": {
        "min_value": {"value": -Rational(3, 8), "where": (-Rational(3, 2),)},
        "max_slope": {"value": Rational(3, 2), "attained": False, "where": ()},
    },
    "arctangent": {"range": {"set": Interval.open(-pi / 2, pi / 2)}},
    "sine": {"range": LEFT, "limit_plus": LEFT, "monotonicity": LEFT, "parity": {"function": "odd", "slope": "even"}},
    "tanh shrink": {"range": {"set": line}, "max_slope": {"value": 1, "attained": False, "where": ()}},
    "constant": {"range": {"set": FiniteSet(3)}, "monotonicity": {"kind": "constant"}, "convexity": {"kind": "affine"}},
    "two-class softmax": {
        "range": {"set": unit}, "max_slope": {"value": Rational(1, 4), "attained": True, "where": (y,)},
    },
}  # fmt: skip


@cache
def found_of(name: str) -> Mapping[str, Property]:
    """The properties of a case, by their keys."""
    return {q.key: q for q in find_properties(*CASES[name])}


def _same(found: Any, true: Any) -> bool:
    if isinstance(true, tuple):
        return len(found) == len(true) and all(map(_same, found, true))
    if isinstance(true, float):
        return abs(float(found) - true) < 1e-13
    return bool(found == true)


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, row in TRUTH.items() for key in row])
def test_the_true_property_is_found_and_no_other(name: str, key: str) -> None:
    true, found = TRUTH[name][key], found_of(name).get(key)
    if true is LEFT or found is None:
        assert true is LEFT and found is None, found
        return
    assert set(found.values) == set(true)
    assert all(_same(found.values[entry], value) for entry, value in true.items()), found


@pytest.mark.parametrize("name", CASES)
def test_properties_pass_their_check(name: str) -> None:
    rows = check_properties(tuple(found_of(name).values()), *CASES[name])
    assert rows and not [row for row in rows if not row.passed]


def test_results_come_back_in_the_order_of_the_table() -> None:
    for name in CASES:
        found = found_of(name)
        assert list(found) == [key for key in FINDERS if key in found]


def test_second_derivative_may_be_given() -> None:
    f, slope, _, _ = CASES["softplus"]
    given = find_properties(f, slope, x, {}, exp(x) / (1 + exp(x)) ** 2)
    assert given == tuple(found_of("softplus").values())


OTHER_WORDS: Mapping[str, str] = {
    "strictly increasing": "strictly decreasing", "nondecreasing": "strictly increasing",
    "not monotone": "nondecreasing", "constant": "strictly increasing", "strictly convex": "convex",
    "convex": "strictly convex", "neither": "odd", "affine": "convex", "odd": "even", "even": "odd",
    "never": "everywhere", "everywhere": "never", "point": "axis", "axis": "point",
}  # fmt: skip


def _wrong_set(s: Set) -> list[Set]:
    if isinstance(s, FiniteSet):
        return [FiniteSet(4)]
    shifted = [Interval(s.start - 1, s.end, s.left_open, s.right_open)] if s.start.is_finite else []
    shifted += [Interval(s.start, s.end + 1, s.left_open, s.right_open)] if s.end.is_finite else []
    shifted += [Interval(s.start, s.end, not s.left_open, s.right_open)] if s.start.is_finite else []
    shifted += [Interval(s.start, s.end, s.left_open, not s.right_open)] if s.end.is_finite else []
    return shifted or [Interval(0, oo)]


def _wrong(value: Any) -> list[Any]:
    """Values that are near the right one and wrong."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, str):
        return [OTHER_WORDS[value]] if value in OTHER_WORDS else []
    if isinstance(value, Set):
        return _wrong_set(value)
    if isinstance(value, tuple):
        return [tuple(v + Rational(1, 9) for v in value)] if value and not isinstance(value[0], Set) else []
    return [-value] if value in (oo, -oo) else [value + Rational(1, 1000), value - Rational(1, 1000)]


CORRUPTED = ("sigmoid", "relu", "elu", "silu", "gelu", "tanh", "mse", "huber", "bell", "hard swish", "constant")


def _corruptions(name: str) -> Iterator[tuple[str, str, Any]]:
    """Every property of a case with one entry that is wrong: its key, the entry, the wrong value."""
    for key, found in found_of(name).items():
        for entry, value in found.values.items():
            if (name, key, entry) != ("constant", "parity", "slope"):  # 0 is odd as well as even
                for wrong in _wrong(value):
                    yield key, entry, wrong


def test_every_key_is_corrupted() -> None:
    assert {key for name in CORRUPTED for key, _, _ in _corruptions(name)} == set(CHECKS)


@pytest.mark.parametrize("name", CORRUPTED)
def test_a_corrupted_property_is_caught(name: str) -> None:
    wrong = list(_corruptions(name))
    corrupted = [Property(key, {**found_of(name)[key].values, entry: value}) for key, entry, value in wrong]
    _, *rows = check_properties(tuple(corrupted), *CASES[name])
    for (key, entry, value), row in zip(wrong, rows, strict=True):
        assert row.name == key and not row.passed, f"{key}, {entry}: {value}"


def test_a_wrong_derivative_is_caught() -> None:
    f, slope, _, _ = CASES["sigmoid"]
    assert not check_properties((), f, slope * (1 + Float("1e-9")), x, {})[0].passed


def test_a_wrong_limit_of_sympy_is_not_believed() -> None:
    x = sympy.Symbol("x", real=True)
    s = 1 / (1 + sympy.exp(-x))
    assert edge((x * (1 - s) + 1) * s, x, sympy.oo, "-") == 1


@pytest.mark.parametrize("nothing", [sympy.AccumBounds(-1, 1), sympy.zoo, sympy.nan, log(x)])
def test_what_is_no_real_number_has_no_value(nothing: Expr) -> None:
    """A wave far out, for one."""
    assert evaluate(nothing, {x: sympy.Integer(-1)}) != evaluate(nothing, {x: sympy.Integer(-1)})


def test_a_domain_that_is_too_wide_is_reported_with_a_place() -> None:
    (row,) = check_properties((), log(x), 1 / x, x)
    assert not row.passed
    assert row.detail.startswith("no real value at x = -") and row.detail.endswith("narrow the domain of x")


@pytest.mark.parametrize(
    ("f", "grows"),
    [(log(1 + x**2) / 40, True), (abs(x) / 10**9, True), (20 * atan(x), False), (9 - 1 / (1 + x**2), False)],
)
def test_what_grows_slowly_is_told_from_what_tends_to_a_number(f: Expr, grows: bool) -> None:
    claim = Property("limit_plus", {"value": oo, "at": oo})
    assert check_properties((claim,), f, diff(f, x), x)[1].passed == grows
