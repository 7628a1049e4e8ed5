"""The value of a tree, against mpmath and against derivatives known in closed form."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from mpmath import mp, mpf

from chainrule.errors import UnsupportedExpression
from chainrule.expression import tree as t
from chainrule.expression import value
from chainrule.expression.printing import text
from chainrule.expression.scope import NamedFunction, NamedVector, Scope
from chainrule.expression.value import Point, Undefined, UnknownValue, evaluate, evaluate_array, terms_scale

X, Z, A = t.Symbol("x"), t.Symbol("z"), t.Symbol("alpha")
HALF = t.Frac(t.ONE, t.Number(Fraction(2)))
SIGMA = NamedFunction("sigma", ("x",), t.Frac(t.ONE, t.Add((t.ONE, t.Call("exp", (t.Neg(X),))))))
SOFTMAX = NamedVector(
    "s",
    ("i",),
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
        t.Add((t.Vector("z"), t.Diag(t.Vector("z")))),
        t.Add((t.Vector("z"), t.Vector("w"))),
        t.Mul((t.Vector("z"), t.Vector("z"))),
        t.Diag(t.ONE),
        t.Outer(t.Diag(t.Vector("z")), t.Vector("z")),
        t.Dot(t.Vector("z"), t.Vector("w")),
        t.Frac(t.Vector("z"), t.Vector("w")),
        t.Frac(t.Matrix("W"), t.Vector("z")),
        t.Power(t.Vector("z"), t.Vector("w")),
        t.Call("max", (t.Vector("z"), t.Vector("w"))),
        t.Transpose(t.ONE),
        t.MatMul((t.Matrix("W"), t.Vector("w"))),
        t.MatMul((t.Vector("z"), t.Vector("z"))),
        t.MatMul((t.Matrix("W"), t.Matrix("W"))),
        t.MatMul((t.Number(Fraction(2)), t.Matrix("W"))),
        t.Hadamard((t.Vector("z"), t.Vector("w"))),
        t.Hadamard((t.ONE, t.ONE)),
        t.Hadamard((t.Matrix("W"), t.Vector("z"))),
        *(t.Call(name, (t.Matrix("W"),)) for name in ("tr", "det", "logdet", "inv", "diagonal")),
        *(t.Call(name, (t.Vector("z"),)) for name in ("tr", "det", "logdet", "inv", "diagonal")),
        *(t.Call(name, (t.ONE,)) for name in value.WHOLE),
    ],
)
def test_shapes_that_do_not_fit_raise_and_name_the_node(node: t.Node) -> None:
    w = ((mpf(1), mpf(2), mpf(3)), (mpf(4), mpf(5), mpf(6)))
    point = Point(POINT.scalars, {**POINT.vectors, "w": (mpf(1),), "W": w}, POINT.dimensions)
    with pytest.raises(
        UnsupportedExpression, match=rf"^(the parts of this )?{type(node).__name__} (takes|differ in shape)"
    ):
        evaluate_array(node, point, SCOPE)


def test_a_name_with_one_index_is_no_matrix_and_an_array_no_number() -> None:
    with pytest.raises(UnsupportedExpression, match="Matrix takes a name with two indices"):
        evaluate_array(t.Matrix("z"), POINT, SCOPE)
    with pytest.raises(UnsupportedExpression, match="not a number but an array of shape"):
        evaluate(t.MatMul((t.Diag(t.Vector("z")), t.Vector("z"))), POINT, SCOPE)


# Matrices, against mpmath

ROWS_A = ((2, Fraction(1, 2), -1), (1, 3, Fraction(1, 4)), (0, -1, Fraction(3, 2)))
ROWS_B = ((1, 2, 0), (-1, Fraction(1, 2), 4), (3, 1, 2))


def _array(rows: tuple[tuple[Any, ...], ...]) -> tuple[tuple[mpf, ...], ...]:
    return tuple(tuple(_fraction(str(v)) for v in row) for row in rows)


AT = Point(
    {"x": mpf("0.75")},
    {"A": _array(ROWS_A), "B": _array(ROWS_B), "W": _array(ROWS_A[:2]), "z": POINT.vectors["z"]},
    {"K": 3, "n": 2},
    {"a": 0, "b": 1, "i": 2, "j": 0},
)
AB = Scope(
    functions={"sigma": SIGMA},
    vectors={
        "C": NamedVector(
            "C",
            ("i", "j"),
            t.Sum(t.Mul((t.Component("A", ("i", "k")), t.Component("B", ("k", "j")))), "k", "K"),
        )
    },
    indices={"i": "K", "j": "K", "k": "K"},
)
MA, MB, MC, VZ = t.Matrix("A"), t.Matrix("B"), t.Matrix("C"), t.Vector("z")


def as_mpmath(array: Any) -> Any:
    rows = array if isinstance(array[0], tuple) else tuple((v,) for v in array)
    return mp.matrix([list(row) for row in rows])


def close(found: Any, expected: Any) -> bool:
    with mp.workdps(60):
        if not isinstance(found, tuple):
            return near(found, expected)
        left = as_mpmath(found)
        return (left.rows, left.cols) == (expected.rows, expected.cols) and bool(
            mp.norm(left - expected) < mpf(10) ** -35
        )


def _sigma(m: Any) -> Any:
    return m.apply(_s)


_a, _b, _z = (as_mpmath(AT.vectors[name]) for name in "ABz")
TWO = t.Number(Fraction(2))
MATRICES: tuple[tuple[t.Node, Callable[[], Any]], ...] = (
    (MA, lambda: _a),
    (t.Identity("K"), lambda: mp.eye(3)),
    (t.Ones("n"), lambda: mp.ones(2, 1)),
    (t.Transpose(MA), lambda: _a.T),
    (t.Transpose(VZ), lambda: _z.T),
    (t.Transpose(t.Transpose(VZ)), lambda: _z),
    (t.Transpose(t.Matrix("W")), lambda: as_mpmath(AT.vectors["W"]).T),
    (t.MatMul((MA, MB)), lambda: _a * _b),
    (t.MatMul((MA, MB, VZ)), lambda: _a * _b * _z),
    (t.MatMul((t.Matrix("W"), VZ)), lambda: as_mpmath(AT.vectors["W"]) * _z),
    (t.MatMul((t.Transpose(VZ), MA)), lambda: _z.T * _a),
    (t.MatMul((t.Transpose(VZ), MA, VZ)), lambda: (_z.T * _a * _z)[0]),
    (t.MatMul((t.MatMul((t.Transpose(VZ), MA)), VZ)), lambda: (_z.T * _a * _z)[0]),
    (t.MatMul((VZ, t.Transpose(VZ))), lambda: _z * _z.T),
    (t.MatMul((t.Transpose(t.MatMul((MA, VZ))), VZ)), lambda: (_z.T * _a.T * _z)[0]),
    (t.Hadamard((MA, MB, MA)), lambda: mp.matrix([[_a[i, j] ** 2 * _b[i, j] for j in range(3)] for i in range(3)])),
    (t.Hadamard((VZ, VZ)), lambda: _z.apply(lambda v: v * v)),
    (t.Outer(VZ, t.MatMul((MA, VZ))), lambda: _z * (_a * _z).T),
    (t.Mul((TWO, X, MA)), lambda: mpf("1.5") * _a),
    (t.Add((MA, t.Neg(t.Transpose(MA)))), lambda: _a - _a.T),
    (t.Add((t.ONE, t.Neg(VZ))), lambda: _z.apply(lambda v: 1 - v)),
    (t.Frac(t.ONE, VZ), lambda: _z.apply(lambda v: 1 / v)),
    (t.Frac(VZ, t.Mul((TWO, VZ))), lambda: mp.ones(3, 1) / 2),
    (t.Power(VZ, TWO), lambda: _z.apply(lambda v: v * v)),
    (t.Power(MA, TWO), lambda: _a.apply(lambda v: v * v)),
    (t.Power(TWO, VZ), lambda: _z.apply(lambda v: mpf(2) ** v)),
    (t.Call("exp", (VZ,)), lambda: _z.apply(mp.exp)),
    (t.Call("sigma", (t.MatMul((MA, VZ)),)), lambda: _sigma(_a * _z)),
    (t.Call("max", (t.ZERO, MA)), lambda: _a.apply(lambda v: max(v, mpf(0)))),
    (t.Call("inv", (MA,)), lambda: _a**-1),
    (t.Call("inv", (t.MatMul((MA, MB)),)), lambda: _b**-1 * _a**-1),
    (t.MatMul((t.Call("inv", (MA,)), MA)), lambda: mp.eye(3)),
    (t.Call("diagonal", (MA,)), lambda: mp.matrix([2, 3, mpf("1.5")])),
    (t.Diag(t.Call("diagonal", (MA,))), lambda: mp.diag([2, 3, mpf("1.5")])),
    (t.Call("largest", (VZ,)), lambda: max(_z)),
    (t.Call("largest", (MA,)), lambda: max(_a)),
    (
        t.Indicator(t.Compare("<", MA, MB)),
        lambda: mp.matrix([[_a[i, j] < _b[i, j] for j in range(3)] for i in range(3)]),
    ),
    (t.Call("tr", (MA,)), lambda: mpf("6.5")),
    (t.Call("tr", (t.MatMul((MA, MB)),)), lambda: sum((_a * _b)[i, i] for i in range(3))),
    (t.Call("det", (MB,)), lambda: mp.det(_b)),
    (t.Call("logdet", (MA,)), lambda: mp.ln(mp.det(_a))),
    (t.Call("norm", (VZ,)), lambda: mp.sqrt(mpf("5.25"))),
    (t.Call("norm", (t.Add((MA, t.Neg(MB))),)), lambda: mp.mnorm(_a - _b, "F")),
    (MC, lambda: _a * _b),
    (t.Call("inv", (MC,)), lambda: _b**-1 * _a**-1),
    (t.Component("A", ("a", "b")), lambda: _a[0, 1]),
    (t.Component("C", ("a", "b")), lambda: (_a * _b)[0, 1]),
    (t.Component("inv(A)", ("a", "b")), lambda: (_a**-1)[0, 1]),
    (t.Component("inv(C)", ("i", "1")), lambda: (_b**-1 * _a**-1)[2, 0]),
    (t.Marked(t.Transpose(MA)), lambda: _a.T),
)


@pytest.mark.parametrize(("node", "expected"), MATRICES, ids=[text(node) for node, _ in MATRICES])
def test_matrices(node: t.Node, expected: Callable[[], Any]) -> None:
    with mp.workdps(60):
        exact = expected()
    found = evaluate_array(node, AT, AB)
    assert close(found, exact), found
    if not isinstance(found, tuple):
        assert evaluate(node, AT, AB) == found


def test_every_function_of_a_whole_array_is_tried() -> None:
    assert {part.function for node, _ in MATRICES for _, part in t.walk(node) if isinstance(part, t.Call)} >= {
        *value.WHOLE
    }


def test_numbers_made_of_arrays_stand_in_scalar_formulas() -> None:
    with mp.workdps(60):
        square = t.Power(t.Call("norm", (VZ,)), TWO)
        assert near(evaluate(t.Add((t.Mul((HALF, square)), t.Dot(VZ, VZ), X)), AT, AB), mpf("8.625"))
        assert near(evaluate(t.Call("exp", (t.Call("logdet", (MA,)),)), AT, AB), mp.det(_a))


def test_what_has_no_inverse_and_no_logarithm_is_undefined() -> None:
    def at_matrix(rows: tuple[tuple[Any, ...], ...]) -> Point:
        return Point({}, {"A": _array(rows)}, {}, {"a": 0, "b": 1})

    singular, negative = at_matrix(((1, 2), (2, 4))), at_matrix(((0, 1), (1, 0)))
    for node in (t.Component("inv(A)", ("a", "b")), t.Call("logdet", (MA,))):
        with pytest.raises(Undefined):
            evaluate(node, singular, AB)
    with pytest.raises(Undefined):
        evaluate_array(t.Call("inv", (MA,)), singular, AB)
    with pytest.raises(Undefined):
        evaluate(t.Call("logdet", (MA,)), negative, AB)
    assert evaluate(t.Call("det", (MA,)), singular, AB) == 0
    with pytest.raises(UnknownValue, match="the vector Q has no value"):
        evaluate(t.Component("inv(Q)", ("a", "b")), singular, AB)


def test_the_inverse_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    count = []
    inverse = mp.inverse
    monkeypatch.setattr(mp, "inverse", lambda m: (count.append(1), inverse(m))[1])
    everywhere = t.Sum(t.Component("inv(A)", ("k", "k")), "k", "K")
    here = value.Evaluation(AT, AB)
    assert near(here.value(everywhere), here.value(t.Call("tr", (t.Call("inv", (MA,)),))))
    assert len(count) == 1


A_AB, A_IJ = t.Component("A", ("a", "b")), t.Component("A", ("i", "j"))


def _entry(m: Any, i: str, j: str) -> Any:
    return m[AT.indices[i], AT.indices[j]]


BY_AN_ENTRY: tuple[tuple[t.Node, Callable[[], Any]], ...] = (
    (t.Call("logdet", (MA,)), lambda: _entry(_a**-1, "b", "a")),
    (t.Call("det", (MA,)), lambda: mp.det(_a) * _entry(_a**-1, "b", "a")),
    (t.Call("tr", (t.MatMul((MA, MB)),)), lambda: _entry(_b, "b", "a")),
    (t.Power(t.Call("norm", (MA,)), TWO), lambda: 2 * _entry(_a, "a", "b")),
    (t.MatMul((t.Transpose(VZ), MA, VZ)), lambda: _z[0] * _z[1]),
    (t.Dot(VZ, t.MatMul((MA, VZ))), lambda: _z[0] * _z[1]),
    (t.Component("inv(A)", ("i", "j")), lambda: -_entry(_a**-1, "i", "a") * _entry(_a**-1, "b", "j")),
    (t.Component("C", ("a", "j")), lambda: _entry(_b, "b", "j")),
    (t.Component("C", ("i", "j")), lambda: mpf(0)),
    (t.Call("logdet", (MC,)), lambda: _entry(_a**-1, "b", "a")),
    (A_IJ, lambda: mpf(0)),
    (A_AB, lambda: mpf(1)),
)


@pytest.mark.parametrize(("node", "expected"), BY_AN_ENTRY, ids=[text(node) for node, _ in BY_AN_ENTRY])
def test_derivatives_by_one_entry_of_a_matrix(node: t.Node, expected: Callable[[], Any]) -> None:
    with mp.workdps(60):
        exact = expected()
    found = evaluate(t.Derivative(node, A_AB, 1, True), AT, AB)
    assert near(found, exact, 30) if exact else found == 0


def test_a_named_matrix_and_an_inverse_are_varied_by_themselves() -> None:
    by_c = t.Derivative(t.Call("tr", (t.MatMul((MC, MC)),)), t.Component("C", ("a", "b")), 1, True)
    by_inverse = t.Derivative(t.Call("tr", (t.Call("inv", (MA,)),)), t.Component("inv(A)", ("b", "b")), 1, True)
    with mp.workdps(60):
        assert near(evaluate(by_c, AT, AB), 2 * _entry(_a * _b, "b", "a"))
        assert near(evaluate(by_inverse, AT, AB), mpf(1))


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
