"""A report is made of plain values, says the same in every notation, and puts things in the order of the document."""

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import sympy
from sympy import Interval, Max, Piecewise, exp

from chainrule.calculus.derive import derive_all
from chainrule.calculus.kinks import find_kinks
from chainrule.calculus.properties import Property
from chainrule.definition import Definition
from chainrule.notation import dimension, index, scalar, vector
from chainrule.report import Material, Report, make_report

x, alpha = scalar("x"), scalar("alpha")
SIGMOID = Definition(1 / (1 + exp(-x)), wrt=x, symbol="sigma", name="sigmoid", title="Sigmoid", kind="activation")
ELU = Definition(
    Piecewise((x, x > 0), (alpha * (exp(x) - 1), True)), wrt=(x, alpha), symbol="ELU", name="elu", kind="activation",
    parameters={alpha: 1.0}, domain={alpha: Interval.open(0, sympy.oo)},
)  # fmt: skip
RELU = Definition(Max(x, 0), wrt=x, symbol="ReLU", name="relu", kind="activation", at_kink={"pytorch": "0"})


def softmax() -> Definition:
    K = dimension("K")
    i, j, k = index("i", K), index("j", K), index("k", K)
    z = vector("z", K)
    return Definition(
        exp(z[i]) / sympy.Sum(exp(z[k]), k), wrt=z[j], symbol="s", index=i, name="softmax", kind="activation"
    )


def material(definition: Definition, *properties: Property) -> Material:
    derivations = derive_all(definition)
    kinks = (
        find_kinks(definition.expression, derivations[0].result, x, definition.domain)
        if definition.index is None
        else ()
    )
    return Material(definition, derivations, tuple(kinks), properties)


def leaves(value: Any) -> Iterator[Any]:
    if is_dataclass(value) and not isinstance(value, type):
        for f in fields(value):
            yield from leaves(getattr(value, f.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


@pytest.mark.parametrize("notation", ["latex", "typst", "text"])
@pytest.mark.parametrize("definition", [SIGMOID, ELU, RELU, softmax()], ids=lambda d: d.name)
def test_a_report_holds_nothing_but_plain_values(definition: Definition, notation: Any) -> None:
    report = make_report(material(definition), notation)
    assert {type(leaf) for leaf in leaves(report)} <= {str, int, float, bool, type(None)}
    assert pickle.loads(pickle.dumps(report)) == report


def shape(report: Report) -> Any:
    """The report without what differs between notations."""
    return [
        (
            d.role,
            d.goal.text,
            [(line.number, line.right.text, [r.name for r in line.rules]) for line in d.lines],
            d.result.text,
        )
        for d in report.derivations
    ]


def test_every_notation_says_the_same() -> None:
    made = material(ELU)
    latex, typst, text = (make_report(made, notation) for notation in ("latex", "typst", "text"))
    assert shape(latex) == shape(typst) == shape(text)
    assert latex.equations != typst.equations


def test_the_main_derivation_comes_first_then_parameters_then_the_second() -> None:
    report = make_report(material(ELU), "text")
    assert [d.role for d in report.derivations] == ["main", "other", "second"]
    assert [d.variable.source for d in report.results] == ["x", "α", "x"]


def test_a_result_is_the_last_line() -> None:
    report = make_report(material(SIGMOID), "text")
    assert report.main.result.source == f"{report.main.goal.source} = {report.main.lines[-1].right.source}"
    assert report.main.lines[0].left == report.main.goal
    assert [line.left for line in report.main.lines[1:]] == [None] * (len(report.main.lines) - 1)


def test_a_line_gives_one_kind_of_reason_what_was_used_or_else_the_rule() -> None:
    for line in make_report(material(SIGMOID), "text").main.lines:
        assert line.reasons == (line.notes or tuple(r.statement for r in line.rules if r.statement))
        assert line.rules, f"line {line.number} names no rule"


def test_a_condition_on_parameters_stays_a_condition() -> None:
    (kink,) = make_report(material(ELU), "text").kinks
    assert (kink.continuous, kink.differentiable) == ("yes", "when")
    assert kink.place.source == "x = 0"
    assert kink.differentiable_when is not None and kink.differentiable_when.source == "α = 1"


def test_parameters_carry_their_default_and_their_range() -> None:
    report = make_report(material(ELU), "text")
    assert [(q.symbol.source, q.role, q.domain.source) for q in report.quantities] == [
        ("x", "variable", "x ∈ ℝ"), ("α", "parameter", "α > 0"),
    ]  # fmt: skip
    assert [str(q.default) for q in report.parameters] == ["1"]


def test_a_vector_is_named_as_a_whole_and_its_jacobian_as_a_matrix() -> None:
    report = make_report(material(softmax()), "latex")
    assert [(q.symbol.source, q.role) for q in report.quantities] == [(r"\mathbf{z}", "vector")]
    assert {"cases", "matrix"} <= {key for key, _ in report.main.forms}


def test_brief_is_not_longer_than_normal_and_normal_not_longer_than_full() -> None:
    made = material(SIGMOID)
    lengths = [len(make_report(made, "text", detail).main.lines) for detail in ("brief", "normal", "full")]
    assert lengths == sorted(lengths)


PROPERTIES = [
    (Property("range", {"set": Interval.open(0, 1)}), "set", "(0, 1)"),
    (Property("range", {"set": Interval(0, sympy.oo)}), "set", "[0, ∞)"),
    (
        Property("symmetry", {"kind": "point", "centre": sympy.S.Zero, "constant": sympy.S.One}),
        "equation",
        "σ(-x) = 1 - σ(x)",
    ),
    (Property("parity", {"function": "odd"}), "equation", "σ(-x) = -σ(x)"),
    (Property("value_at_zero", {"value": sympy.S.Half}), "value", "1/2"),
]


@pytest.mark.parametrize(("found", "name", "text"), PROPERTIES)
def test_values_of_properties_become_formulas(found: Property, name: str, text: str) -> None:
    (written,) = make_report(material(SIGMOID, found), "text").properties
    assert written.values[name].source == text


def test_places_are_conditions_and_measured_ones_have_four_digits() -> None:
    at = sympy.Float("4.584863339122354", 30)
    inside = Property("max_slope", {"value": sympy.Rational(1, 4), "attained": True, "where": (sympy.S.Zero, at)})
    beyond = Property("vanishing", {"threshold": sympy.Rational(1, 100), "left": -at, "right": at})
    one_side = Property("vanishing", {"threshold": sympy.Rational(1, 100), "left": -at, "right": "never"})
    written = [p.values for p in make_report(material(SIGMOID, inside, beyond, one_side), "text").properties]
    assert [f.source for f in written[0]["where"]] == ["x = 0", "x = 4.585"]
    assert [f.source for f in written[1]["sides"]] == ["|x| > 4.585"]
    assert [f.source for f in written[2]["sides"]] == ["x < -4.585"]
