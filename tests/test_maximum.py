"""Maxima over an index: derivatives in components and in matrix notation, what they assume at a tie, the code's choice there, and refusals."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp

import chainrule
from chainrule import argmax, argmin, dimension, index, matrix, maximum, minimum, one_hot, scalar, vector, verify
from chainrule.calculus.derivation import Derivation
from chainrule.calculus.derive import derive, derive_all
from chainrule.calculus.forms import axes_of, forms
from chainrule.calculus.matrix_facts import facts
from chainrule.calculus.matrix_reading import indicated
from chainrule.codegen.modules import check_module, module_source
from chainrule.codegen.numpy_source import load
from chainrule.codegen.specs import spec_of
from chainrule.definition import Definition
from chainrule.errors import UnsupportedExpression
from chainrule.expression import tree as t
from chainrule.expression.convert import from_sympy, to_sympy
from chainrule.expression.printing import latex, text, typst
from chainrule.expression.value import Point, evaluate
from chainrule.runtime.vector import VectorFunction
from chainrule.verification import check_matrix_form

K, D, N = dimension("K"), dimension("D"), dimension("N")
i, j, k, l, c = (index(name, K) for name in "ijklc")
g, a, r, u = index("g", D), index("a", D), index("r", N), index("u", N)
z, y, s, hot, b = vector("z", K), vector("y", K), vector("s", K), one_hot("y", K), vector("b", K)
W, x, X, Z = matrix("W", K, D), vector("x", D), matrix("X", N, D), matrix("Z", N, K)
w, targets, m, beta = vector("w", D), vector("y", N), scalar("m"), scalar("beta")
linear = sp.Sum(W[k, g] * x[g], g) + b[k]
softmax = {s[i]: sp.exp(z[i]) / sp.Sum(sp.exp(z[k]), k)}
ONE_HINGE = sp.Sum(sp.Max(0, 1 - targets[r] * sp.Sum(w[g] * X[r, g], g)), r)


class Case(NamedTuple):
    expression: Any
    wrt: Any
    components: str
    form: str
    more: dict[str, Any] = {}  # noqa: RUF012  never changed


CASES = {
    "maximum": Case(maximum(z[k], k), z, "{ 1 if j = argmaxₖ zₖ; 0 otherwise }", "1[z = max(z)]"),
    "minimum": Case(minimum(z[k], k), z, "{ 1 if j = argmaxₖ(-zₖ); 0 otherwise }", "1[-z = max(-z)]"),
    "linear maps by W": Case(
        maximum(linear, k), W, "1[i = argmaxₖ(Σₗ Wₖₗ xₗ + bₖ)] xⱼ", "1[W x + b = max(W x + b)] xᵀ"
    ),
    "linear maps by x": Case(
        maximum(linear, k), x, "Σₚ 1[p = argmaxₖ(Σₗ Wₖₗ xₗ + bₖ)] Wₚⱼ", "Wᵀ 1[W x + b = max(W x + b)]"
    ),
    "linear maps by b": Case(
        maximum(linear, k), b, "{ 1 if j = argmaxₖ(Σₗ Wₖₗ xₗ + bₖ); 0 otherwise }", "1[W x + b = max(W x + b)]"
    ),
    "margin": Case(maximum(z[k], k) - z[c], z, "1[j = argmaxₖ zₖ] - δ_cj", "1[z = max(z)] - e_c"),
    "Crammer and Singer": Case(
        maximum(1 - hot[k] + z[k], k) - sp.Sum(hot[k] * z[k], k),
        z,
        "1[j = argmaxₖ(1 + zₖ - yₖ)] - yⱼ",
        "1[1 + z - y = max(1 + z - y)] - y",
    ),
    "Crammer and Singer, class index": Case(
        maximum(1 - sp.KroneckerDelta(k, c) + z[k] - z[c], k),
        z,
        "1[j = argmaxₖ(1 + zₖ - z_c - δ_ck)] - δ_cj",
        "1[1 + z - z_c 1 - e_c = max(1 + z - z_c 1 - e_c)] - e_c",
    ),
    "square": Case(maximum(z[k], k) ** 2, z, "2 (maxₖ zₖ) 1[j = argmaxₖ zₖ]", "2 max(z) 1[z = max(z)]"),
    "largest absolute value": Case(
        maximum(sp.Abs(z[k]), k), z, "1[j = argmaxₖ|zₖ|] sgn(zⱼ)", "1[abs(z) = max(abs(z))] ⊙ sgn(z)"
    ),
    "by a scalar": Case(maximum(beta * z[k], k), beta, "Σₗ 1[l = argmaxₖ β zₖ] zₗ", ""),
    "by the index it runs over": Case(maximum(z[k], k), z[k], "{ 1 if k = argmaxₗ zₗ; 0 otherwise }", ""),
    "of every row": Case(sp.Sum(maximum(Z[r, k], k), r), Z, "{ 1 if j = argmaxₗ Zᵢₗ; 0 otherwise }", ""),
    "of maxima": Case(maximum(maximum(Z[r, k], k), r), Z, "1[i = argmaxₖ maxₗ Zₖₗ] 1[j = argmaxₗ Zᵢₗ]", ""),
    "of a named vector": Case(
        maximum(s[k], k),
        z,
        "sⱼ (1[j = argmaxₖ sₖ] - Σₖ 1[k = argmaxₗ sₗ] sₖ)",
        "s ⊙ (1[s = max(s)] - (1[s = max(s)]ᵀ s) 1)",
        {"where": softmax},
    ),
    "distance from the maximum": Case(
        z[i] - maximum(z[k], k), z[j], "δᵢⱼ - 1[j = argmaxₖ zₖ]", "I - 1 1[z = max(z)]ᵀ", {"index": i}
    ),
    "softmax shifted by the maximum": Case(
        sp.exp(z[i] - m) / sp.Sum(sp.exp(z[k] - m), k),
        z[j],
        "fᵢ (δᵢⱼ - fⱼ)",
        "diag(f) - f fᵀ",
        {"index": i, "where": {m: maximum(z[k], k)}},
    ),
}


@lru_cache
def derived(name: str, order: int = 1) -> Derivation:
    case = CASES[name]
    return derive(case.expression, wrt=case.wrt, order=order, **case.more)


@pytest.mark.parametrize("name", CASES)
def test_the_derivative_is_that_of_the_largest_term(name: str) -> None:
    derivation = derived(name)
    verify(derivation).raise_if_failed()
    assert text(derivation.final) == CASES[name].components


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.form])
def test_its_matrix_form_marks_the_largest_entries(name: str) -> None:
    derivation = derived(name)
    form = dict(forms(derivation))["matrix"]
    assert isinstance(form, t.Equation)
    assert text(form.right) == CASES[name].form
    found = check_matrix_form(derivation.final, form.right, axes_of(derivation), derivation.scope)
    assert found.passed, found.detail


def test_a_line_says_what_it_assumes() -> None:
    step = next(step for step in derived("maximum").steps if step.rule == "maximum over an index")
    assert step.note is not None and text(step.note) == "Σₖ 1[zₖ = maxₗ zₗ] = 1"
    assert step.statement is not None
    assert text(step.statement) == "d/dx maxₖ uₖ = Σₖ 1[k = argmaxₗ uₗ] · duₖ/dx"
    rows = next(step for step in derived("of every row").steps if step.rule == "maximum over an index")
    assert rows.note is not None and text(rows.note) == "Σₖ Σₗ 1[Zₖₗ = maxₚ Zₖₚ] = N"


@pytest.mark.parametrize("name", CASES)
def test_every_result_says_what_holds_at_a_tie(name: str) -> None:
    assert "attained_once" in facts(derived(name))


def test_every_document_says_what_holds_at_a_tie() -> None:
    for form in ("text", "md", "tex", "typ"):
        document = chainrule.render(derived("margin"), form=form)
        assert "at a tie there is no derivative, and the code takes the first" in " ".join(document.split())


def test_without_a_maximum_nothing_is_said_of_ties() -> None:
    assert "attained_once" not in facts(derive(sp.Sum(z[k] ** 2, k), wrt=z))


def test_second_derivatives_keep_the_place_of_the_maximum() -> None:
    straight, bent = derived("margin", 2), derived("square", 2)
    for derivation in (straight, bent):
        verify(derivation).raise_if_failed()
    assert straight.final == t.ZERO
    assert text(bent.final) == "2 · 1[k = argmaxₗ zₗ] 1[j = argmaxₚ zₚ]"


def test_the_step_of_a_place_is_zero_and_says_why() -> None:
    chosen = sp.Sum(sp.KroneckerDelta(k, argmax(z[l], l)) * y[k], k)
    by_place, by_value = derive(chosen, wrt=z), derive(chosen, wrt=y)
    for derivation in (by_place, by_value):
        verify(derivation).raise_if_failed()
    assert by_place.final == t.ZERO and facts(by_place) == ("attained_once",)
    assert text(by_value.final) == "{ 1 if j = argmaxₗ zₗ; 0 otherwise }"
    assert facts(by_value) == ()


def test_printing_in_every_notation() -> None:
    whole = derived("linear maps by W").equation
    assert text(whole) == "f = maxₖ(Σₗ Wₖₗ xₗ + bₖ)"
    assert latex(whole.right) == r"\max_{k}\left( \sum_{l=1}^{D} W_{kl} x_{l} + b_{k} \right)"
    assert typst(whole.right) == "max_(k) (sum_(l = 1)^(D) W_(k l) x_(l) + b_(k))"
    assert latex(derived("maximum").final) == (
        r"\begin{cases} 1 & \text{if }j = \operatorname*{argmax}_{k} z_{k} \\ 0 & \text{otherwise} \end{cases}"
    )


@pytest.mark.parametrize(
    "expression",
    [maximum(z[k], k), minimum(z[k], k), maximum(linear, k), sp.KroneckerDelta(j, argmax(z[k], k)), sp.Max(0, maximum(z[k], k))],
    ids=str,
)  # fmt: skip
def test_sympy_and_back(expression: Any) -> None:
    scope = derived("linear maps by W").scope
    assert to_sympy(from_sympy(expression), scope) == expression
    assert expression.free_symbols.isdisjoint({k})


def test_a_condition_may_ask_for_the_place() -> None:
    found = from_sympy(sp.Piecewise((z[j], sp.Eq(j, argmin(z[k], k))), (0, True)))
    assert text(found) == "{ zⱼ if j = argmaxₖ(-zₖ); 0 otherwise }"


def test_the_first_place_counts_where_several_are_largest() -> None:
    point = Point(vectors={"z": (1, 3, 3)}, dimensions={"K": 3})
    scope = derived("maximum").scope
    marks = [
        evaluate(t.Indicator(t.Compare("=", t.Index(str(n)), t.ArgMax(t.Component("z", ("k",)), "k", "K"))), point, scope)
        for n in (1, 2, 3)
    ]  # fmt: skip
    assert marks == [0, 1, 0]


def test_an_index_is_never_captured() -> None:
    place = from_sympy(sp.KroneckerDelta(j, argmax(z[k] - z[l], k)))
    assert text(t.rename_index(place, "l", "k")) == "{ 1 if j = argmax_p(z_p - zₖ); 0 otherwise }".replace("_p", "ₚ")
    assert t.free_indices(place) == {"j", "l"}
    assert t.same_bound_names(from_sympy(maximum(z[i], i))) == t.same_bound_names(from_sympy(maximum(z[k], k)))


REFUSED = {
    "a place as an index": (z[argmax(z[k], k)], "cannot be an index: write y"),
    "a place as a number": (argmax(z[k], k) * z[c], "is a place and no number: use it in KroneckerDelta"),
    "nothing to choose between": (maximum(z[c], k), "k is not in it"),
    "a part of the range": (maximum(z[k], (k, 0, K - 2)), "does not run through a whole dimension"),
    "a place among pairs": (sp.KroneckerDelta(c, argmax(Z[r, k], k, r)), "binds several indices"),
    "a place of another dimension": (z[c] + sp.KroneckerDelta(c, argmax(x[g], g)), "runs through K, the place through D"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_meaning_is_refused_by_name(name: str) -> None:
    expression, message = REFUSED[name]
    with pytest.raises(UnsupportedExpression, match=message):
        from_sympy(expression)


# Code


def defined(expression: Any, wrt: Any, **words: Any) -> Definition:
    return Definition(expression, wrt=wrt, **{"symbol": "L", "name": "f", "title": "A test", "source": "test", **words})


DEFINITIONS = {
    "maximum": defined(maximum(z[k], k), z[j]),
    "minimum": defined(minimum(z[k], k), z[j]),
    "margin": defined(maximum(z[k], k) - z[c], z[j], kind="loss"),
    "Crammer and Singer": defined(maximum(1 - sp.KroneckerDelta(k, c) + z[k] - z[c], k), z[j], kind="loss"),
    "maxout": defined(maximum(linear, k), (W[l, a], x[index("v", D)], b[j])),
    "rows": defined(maximum(Z[r, k], k), Z[u, j], symbol="f", index=r),
    "columns": defined(sp.Sum(maximum(Z[r, k], r) ** 2, k), Z[u, j]),
    "of softmax": defined(maximum(s[k], k), z[j], where=softmax),
    "right or wrong": defined(z[c] * sp.KroneckerDelta(c, argmax(z[l], l)), z[j], arguments={"z": z, "label": c}),
}


@lru_cache
def function(name: str) -> VectorFunction:
    found = load(module_source(DEFINITIONS[name], derive_all(DEFINITIONS[name])), "f")
    assert isinstance(found, VectorFunction)
    return found


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_check_of_the_generated_function_passes(name: str) -> None:
    derivations = derive_all(DEFINITIONS[name])
    rows = check_module(module_source(DEFINITIONS[name], derivations), DEFINITIONS[name], derivations)
    assert not [row for row in rows if not row.passed]
    assert spec_of(DEFINITIONS[name], derivations).name == "f"


def test_the_code_takes_the_first_of_several() -> None:
    scores = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]
    assert np.array_equal(function("maximum")(scores), [3, 2])
    assert np.array_equal(function("maximum").grad(scores), [[0, 1, 0], [1, 0, 0]])
    assert np.array_equal(function("margin").grad(scores, [2, 0]), [[0, 1, -1], [0, 0, 0]])
    assert "attained more than once there is no derivative; the first place is taken" in (
        function("maximum").__doc__ or ""
    )


def test_the_multiclass_hinge_is_zero_beyond_the_margin() -> None:
    f = function("Crammer and Singer")
    assert f([3.0, 1.5, 1.0], 0) == 0 and not np.any(f.grad([3.0, 1.5, 1.0], 0))
    assert f([3.0, 2.5, 1.0], 0) == 0.5 and np.array_equal(f.grad([3.0, 2.5, 1.0], 0), [-1, 1, 0])


# Steps entry by entry in matrix notation


STEPS = {
    "hinge losses": (ONE_HINGE, w, "-Xᵀ (y ⊙ 1[y ⊙ X w < 1])"),
    "squared shortfall": (
        sp.Sum(sp.Max(0, sp.Sum(w[g] * X[r, g], g) - targets[r]) ** 2, r),
        w,
        "2 Xᵀ (max(0, X w - y) ⊙ 1[y < X w])",
    ),
    "ReLU layer": (sp.Sum(sp.Max(0, sp.Sum(W[k, g] * x[g], g)), k), W, "1[W x > 0] xᵀ"),
}


@pytest.mark.parametrize("name", STEPS)
def test_branches_are_read_as_indicators_entry_by_entry(name: str) -> None:
    expression, variable, expected = STEPS[name]
    derivation = derive(expression, wrt=variable)
    verify(derivation).raise_if_failed()
    form = dict(forms(derivation))["matrix"]
    assert isinstance(form, t.Equation)
    assert text(form.right) == expected
    assert check_matrix_form(derivation.final, form.right, axes_of(derivation), derivation.scope).passed


def test_an_indicator_of_the_other_side_is_caught() -> None:
    derivation = derive(ONE_HINGE, wrt=w)
    form = dict(forms(derivation))["matrix"]
    assert isinstance(form, t.Equation)
    wrong = t.transform(form.right, lambda n: t.Compare(">", n.left, n.right) if isinstance(n, t.Compare) else None)
    assert not check_matrix_form(derivation.final, wrong, axes_of(derivation), derivation.scope).passed


def test_two_branches_become_terms() -> None:
    positive = t.Compare(">", t.Symbol("x"), t.ZERO)
    p, q = t.Branch(t.Symbol("p"), positive), t.Branch(t.Symbol("q"), t.Otherwise())
    assert text(indicated(t.Cases((p, q)))) == "(p - q) 1[x > 0] + q"
