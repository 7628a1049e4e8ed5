"""The backward pass of vector functions: derived line by line, every line checked, in the form that code uses; every corruption is caught."""

from dataclasses import replace

import pytest

import chainrule
from chainrule.calculus.backward import backward_all
from chainrule.calculus.derivation import Derivation
from chainrule.calculus.derive import derive_all
from chainrule.calculus.forms import forms
from chainrule.expression import tree as t
from chainrule.expression.printing import text

RESULTS = {
    "softmax": {"z": ("sⱼ (gⱼ - Σₖ gₖ sₖ)", "s ⊙ (g - (gᵀ s) 1)")},
    "log_softmax": {"z": ("gⱼ - sⱼ Σₖ gₖ", "g - (1ᵀ g) s")},
    "elementwise_sigmoid": {"z": ("gⱼ aⱼ (1 - aⱼ)", "g ⊙ a ⊙ (1 - a)")},
    "linear": {"W": ("x_b gₐ", "g xᵀ"), "b": ("gₐ", "g"), "x": ("Σₖ gₖ W_kb", "Wᵀ g")},
    "linear_batch": {"W": ("Σₖ Gₖₐ X_kb", "Gᵀ X"), "b": ("Σₖ Gₖₐ", "Gᵀ 1"), "X": ("Σₖ Gₜₖ W_kb", "G W")},
    "layer_norm": {
        "x": ("(hⱼ - x̂ⱼ/K · Σₖ hₖ x̂ₖ - 1/K · Σₖ hₖ)/s", "1/s · (h - (hᵀ x̂) x̂/K - (1ᵀ h) 1/K)"),
        "γ": ("gⱼ x̂ⱼ", "g ⊙ x̂"),
        "β": ("gⱼ", "g"),
    },
    "scaled_dot_product_attention": {
        "Q": ("1/√d · Σₖ Uₓₖ K_kc", "U K/√d"),
        "K": ("1/√d · Σₖ Q_kc U_ky", "Uᵀ Q/√d"),
        "V": ("Σₖ P_ky Gₖₑ", "Pᵀ G"),
    },
}


def passes(name: str) -> tuple[Derivation, ...]:
    return backward_all(derive_all(chainrule.load(name)))


def matrix(derivation: Derivation) -> str:
    form = dict(forms(derivation))["matrix"]
    assert isinstance(form, t.Equation)
    return text(form.right)


def letters(formula: str) -> list[str]:
    """The marks of a formula in a fixed order: factors may change places."""
    return sorted(formula.replace(" ", ""))


@pytest.mark.parametrize("name", RESULTS)
def test_every_line_holds_and_the_results_are_those_of_an_expert(name: str) -> None:
    found = passes(name)
    assert [text(d.variable)[0] for d in found] == list(RESULTS[name])
    for derivation, (components, whole) in zip(found, RESULTS[name].values(), strict=True):
        chainrule.verify(derivation).raise_if_failed()
        assert letters(text(derivation.final)) == letters(components)
        assert letters(matrix(derivation)) == letters(whole)


def test_attention_is_passed_back_through_its_weights_and_its_scores() -> None:
    by_queries = passes("scaled_dot_product_attention")[0]
    named = {text(d.gradient_of): matrix(d) for d in by_queries.lemmas if d.gradient_of is not None}
    assert named == {
        "Hₜᵤ = ∂L/∂Pₜᵤ": "G Vᵀ",
        "Uₜᵤ = ∂L/∂Sₜᵤ": "H ⊙ P - diag((H ⊙ P) 1) P",
    }


def test_a_scalar_function_has_a_gradient_and_no_backward_pass() -> None:
    assert passes("softmax_cross_entropy") == ()
    assert passes("sigmoid") == ()


def test_a_name_that_is_taken_is_not_given_to_a_gradient() -> None:
    n, g = chainrule.dimension("n"), None
    i, j = chainrule.index("i", n), chainrule.index("j", n)
    g, x = chainrule.vector("g", n), chainrule.vector("x", n)
    definition = chainrule.Definition(g[i] * x[i] ** 2, wrt=x[j], index=i, symbol="L")
    (found,) = backward_all(derive_all(definition))
    assert text(found.goal) == "∂E/∂xⱼ"
    assert letters(text(found.final)) == letters("2 hⱼ gⱼ xⱼ")
    chainrule.verify(found).raise_if_failed()


@pytest.mark.parametrize("name", ["softmax", "layer_norm", "scaled_dot_product_attention"])
def test_a_wrong_jacobian_is_caught(name: str) -> None:
    found = passes(name)[0]
    last = found.steps[-1]
    wrong = replace(found, steps=(*found.steps[:-1], replace(last, after=t.Mul((t.number(2), last.after)))))
    assert not chainrule.verify(wrong).passed
