"""The value of a tree, against mpmath and against derivatives known in closed form."""

from fractions import Fraction

import pytest
from mpmath import mp, mpf

from chainrule.errors import UnsupportedExpression
from chainrule.expression import tree as t
from chainrule.expression import value
from chainrule.expression.scope import NamedFunction, NamedVector, Scope
from chainrule.expression.value import Point, Undefined, UnknownValue, evaluate, evaluate_array, terms_scale

X, Z, A = t.Symbol("x"), t.Symbol("z"), t.Symbol("alpha")
HALF = t.Frac(t.ONE, t.Number(Fraction(2)))
SIGMA = NamedFunction("sigma", ("x",), t.Frac(t.ONE, t.Add((t.ONE, t.Call("exp", (t.Neg(X),))))))
SOFTMAX = NamedVector(
    "s",
    "i",
    t.Frac(t.Call("exp", (t.Component("z", ("i",)),)), t.Sum(t.Call("exp", (t.Component("z", ("k",)),)), "k", "K")),
)
LOSS = t.Neg(t.Sum(t.Mul((t.Component("y", ("k",)), t.Call("log", (t.Component("s", ("k",)),)))), "k", "K"))
SCOPE = Scope(
    functions={"sigma": SIGMA},
    scalars={"y_hat": t.Call("sigma", (Z,)), "L": LOSS},
    vectors={"s": SOFTMAX},
    indices={"i": "K", "j": "K", "k": "K"},
    shapes={"z": ("K",), "y": ("K",), "s": ("K",)},
)
POINT = Point(
    {"x": mpf("0.75"), "z": mpf("-1.25")},
    {"z": (mpf("0.5"), mpf(-1), mpf(2)), "y": (mpf("0.25"), mpf("0.25"), mpf("0.5"))},
    {"K": 3},
    {"i": 0, "j": 2},
)
OUTSIDE_ARITHMETIC = {t.Node, t.Branch, t.Equation}


def at(node: t.Node, **scalars: object) -> mpf:
    return evaluate(node, Point({**POINT.scalars, **{k: mpf(v) for k, v in scalars.items()}}, *_rest()), SCOPE)


def _rest() -> tuple[object, ...]:
    return POINT.vectors, POINT.dimensions, POINT.indices


def near(left: mpf, right: mpf, digits: int = 35) -> bool:
    with mp.workdps(60):
        return bool(abs(left - right) <= mpf(10) ** -digits * max(abs(left), abs(right)))


def test_every_kind_of_node_has_a_row() -> None:
    kinds = {k for k in vars(t).values() if isinstance(k, type) and issubclass(k, t.Node)}
    assert kinds - OUTSIDE_ARITHMETIC == {*value.VALUES, *value.CONDITIONS, *value.ARRAYS}


ARGUMENTS = {
    "acosh": (1.5,),
    "polygamma": (1, 0.5),
    "beta": (1, 0.5),
    "atan2": (1, 0.5),
    "max": (1, 0.5),
    "min": (1, 0.5),
}


@pytest.mark.parametrize("name", sorted(value.ELEMENTARY))
def test_every_elementary_function_has_a_value(name: str) -> None:
    arguments = tuple(t.Number(Fraction(a)) for a in ARGUMENTS.get(name, (0.5,)))
    assert mp.isfinite(at(t.Call(name, arguments)))


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (t.Number(Fraction(3, 7)), "3/7"),
        (t.Neg(X), "-0.75"),
        (t.Add((X, t.ONE, t.Neg(X))), "1"),
        (t.Mul((X, X)), "0.5625"),
        (t.Power(X, t.Neg(t.Number(Fraction(2)))), "16/9"),
        (t.Power(t.Number(Fraction(4)), HALF), "2"),
        (t.Delta("i", "j"), "0"),
        (t.Delta("i", "i"), "1"),
        (t.Dimension("K"), "3"),
        (t.Component("z", ("j",)), "2"),
        (t.Sum(t.Component("z", ("k",)), "k", "K"), "1.5"),
        (t.Sum(t.Delta("k", "j"), "k", "K"), "1"),
        (t.Call("max", (X, t.ONE)), "1"),
        (t.Marked(X), "0.75"),
    ],
)
def test_arithmetic(node: t.Node, expected: str) -> None:
    assert near(evaluate(node, POINT, SCOPE), _fraction(expected))


def _fraction(text: str) -> mpf:
    exact = Fraction(text)
    with mp.workdps(60):
        return mpf(exact.numerator) / exact.denominator


def test_the_first_branch_that_holds_counts() -> None:
    cases = t.Cases(
        (
            t.Branch(t.ONE, t.Compare(">", X, t.ONE)),
            t.Branch(X, t.And((t.Compare(">", X, t.ZERO), t.Compare("<=", X, t.ONE)))),
            t.Branch(t.ZERO, t.Compare("<", X, t.Neg(t.ONE))),
        )
    )
    assert at(cases, x=2) == 1
    assert at(cases, x="0.5") == mpf("0.5")
    assert at(cases, x=-2) == 0
    with pytest.raises(Undefined, match="no branch holds"):
        at(cases, x="-0.5")


@pytest.mark.parametrize(
    "node",
    [
        t.Call("log", (t.Neg(X),)),
        t.Call("sqrt", (t.Neg(X),)),
        t.Call("asin", (t.Number(Fraction(2)),)),
        t.Frac(X, t.ZERO),
        t.Power(t.ZERO, t.Neg(t.ONE)),
        t.Power(t.Neg(X), HALF),
        t.Call("log", (t.ZERO,)),
        t.Constant("oo"),
    ],
)
def test_what_has_no_real_value_is_undefined(node: t.Node) -> None:
    with pytest.raises(Undefined):
        evaluate(node, POINT, SCOPE)


def test_a_name_without_a_value_is_an_error_that_says_so() -> None:
    with pytest.raises(UnknownValue, match="symbol q has no value"):
        evaluate(t.Symbol("q"), POINT, SCOPE)
    with pytest.raises(UnknownValue, match="function q is unknown"):
        evaluate(t.Call("q", (X,)), POINT, SCOPE)
    with pytest.raises(UnsupportedExpression, match="Equation is not a number"):
        evaluate(t.Equation(X, X), POINT, SCOPE)


def _s(x: mpf) -> mpf:
    return 1 / (1 + mp.exp(-x))


def test_pending_derivatives_are_right_to_more_than_25_digits() -> None:
    with mp.workdps(60):
        x, z = mpf("0.75"), mpf("-1.25")
        s = _s(x)
        first = t.Derivative(t.Call("sigma", (X,)), X)
        assert near(evaluate(first, POINT, SCOPE), s * (1 - s))
        assert near(evaluate(t.Derivative(t.Call("sigma", (X,)), X, 2), POINT, SCOPE), s * (1 - s) * (1 - 2 * s))
        assert near(evaluate(t.Derivative(first, X), POINT, SCOPE), s * (1 - s) * (1 - 2 * s))
        squared = t.Power(t.Symbol("y_hat"), t.Number(Fraction(2)))
        y = _s(z)
        assert near(evaluate(t.Derivative(squared, Z), POINT, SCOPE), 2 * y * y * (1 - y))
        assert near(evaluate(t.Derivative(squared, t.Symbol("y_hat")), POINT, SCOPE), 2 * y)
        assert evaluate(t.Derivative(t.Symbol("y_hat"), X), POINT, SCOPE) == 0


@pytest.mark.parametrize("x", ["1e-9", "0", "-11.5", "300"])
def test_pending_derivatives_at_small_and_large_arguments(x: str) -> None:
    cubed = t.Derivative(t.Power(X, t.Number(Fraction(3))), X)
    with mp.workdps(60):
        found, expected = at(cubed, x=x), 3 * mpf(x) ** 2
        assert near(found, expected) or abs(found - expected) < mpf(10) ** -40


def test_a_component_is_varied_alone_and_what_is_made_of_it_follows() -> None:
    with mp.workdps(60):
        e = [mp.exp(v) for v in POINT.vectors["z"]]
        s = [v / sum(e) for v in e]
        y = POINT.vectors["y"]
        jacobian = t.Derivative(t.Component("s", ("i",)), t.Component("z", ("j",)))
        assert near(evaluate(jacobian, POINT, SCOPE), -s[0] * s[2])
        by_output = t.Derivative(t.Symbol("L"), t.Component("s", ("j",)))
        assert near(evaluate(by_output, POINT, SCOPE), -y[2] / s[2])
        by_logit = t.Derivative(t.Symbol("L"), t.Component("z", ("j",)))
        assert near(evaluate(by_logit, POINT, SCOPE), s[2] - y[2])
        k = ("k",)
        chain = t.Sum(
            t.Mul(
                (
                    t.Derivative(t.Symbol("L"), t.Component("s", k)),
                    t.Derivative(t.Component("s", k), t.Component("z", ("j",))),
                )
            ),
            "k",
            "K",
        )
        assert near(evaluate(chain, POINT, SCOPE), s[2] - y[2])


def test_arguments_shadow_names_and_bodies_do_not_see_them() -> None:
    named = NamedFunction("f", ("u",), t.Add((t.Symbol("u"), t.Symbol("w"))))
    scope = Scope(functions={"f": named}, scalars={"w": t.Mul((t.Symbol("u"), t.Symbol("u")))})
    point = Point({"u": mpf(3), "x": mpf(10)})
    assert evaluate(t.Call("f", (X,)), point, scope) == 19


def test_a_function_may_be_named_as_the_elementary_one_that_its_body_calls() -> None:
    own = NamedFunction("tanh", ("x",), t.Call("tanh", (X,)))
    assert evaluate(t.Call("tanh", (X,)), POINT, Scope(functions={"tanh": own})) == at(t.Call("tanh", (X,)))


def test_parameters_after_the_semicolon() -> None:
    scope = Scope(functions={"f": NamedFunction("f", ("x",), t.Mul((A, X)), ("alpha",))})
    point = Point({"x": mpf(2), "alpha": mpf(5)})
    assert evaluate(t.Call("f", (X,), (A,)), point, scope) == 10
    assert evaluate(t.Call("f", (X,), (t.Number(Fraction(3)),)), point, scope) == 6


def test_matrix_notation() -> None:
    z, y = t.Vector("z"), t.Vector("y")
    two = t.Number(Fraction(2))
    assert evaluate_array(t.Add((z, t.Neg(y))), POINT, SCOPE) == (mpf("0.25"), mpf("-1.25"), mpf("1.5"))
    assert evaluate_array(t.Mul((two, z)), POINT, SCOPE) == (1, -2, 4)
    assert evaluate_array(t.Diag(z), POINT, SCOPE)[1] == (0, -1, 0)
    assert evaluate_array(t.Outer(z, y), POINT, SCOPE)[2] == (mpf("0.5"), mpf("0.5"), 1)
    assert evaluate_array(t.Dot(z, y), POINT, SCOPE) == evaluate(t.Dot(z, y), POINT, SCOPE) == mpf("0.875")
    assert evaluate_array(t.Frac(z, two), POINT, SCOPE)[2] == 1
    assert len(evaluate_array(t.Vector("s"), POINT, SCOPE)) == 3


@pytest.mark.parametrize(
    "node",
    [
        t.Add((t.Vector("z"), t.ONE)),
        t.Add((t.Vector("z"), t.Diag(t.Vector("z")))),
        t.Mul((t.Vector("z"), t.Vector("z"))),
        t.Diag(t.ONE),
        t.Outer(t.Diag(t.Vector("z")), t.Vector("z")),
        t.Dot(t.Vector("z"), t.Vector("w")),
        t.Frac(t.ONE, t.Vector("z")),
    ],
)
def test_shapes_that_do_not_fit_raise(node: t.Node) -> None:
    point = Point(POINT.scalars, {**POINT.vectors, "w": (mpf(1),)}, POINT.dimensions)
    with pytest.raises(UnsupportedExpression):
        evaluate_array(node, point, SCOPE)


def test_the_scale_of_a_line_is_its_largest_term() -> None:
    def scale(node: t.Node) -> float:
        return float(terms_scale(node, POINT, SCOPE))

    big = t.Number(Fraction(1000))
    cancelling = t.Add((big, X, t.Neg(big)))
    assert scale(cancelling) == 1000
    assert scale(t.Neg(cancelling)) == 1000
    assert scale(t.Mul((t.Number(Fraction(2)), cancelling))) == 2000
    assert scale(t.Frac(cancelling, t.Number(Fraction(4)))) == 250
    assert scale(X) == 0.75


def test_digits_are_those_asked_for() -> None:
    with mp.workdps(120):
        exact = mp.exp(mpf("0.75"))
        node = t.Derivative(t.Call("exp", (X,)), X)
        assert near(evaluate(node, POINT, SCOPE, digits=80), exact, 75)
        assert not near(evaluate(node, POINT, SCOPE, digits=30), exact, 75)
