"""Scaled dot-product attention of n queries to m keys: derivatives by queries, keys and values, through the scores and the weights, never expanded."""

import pytest
from sympy import Sum, exp, sqrt

from chainrule.calculus.derivation import Derivation
from chainrule.calculus.derive import derive_all
from chainrule.calculus.forms import forms
from chainrule.definition import Definition
from chainrule.expression import tree
from chainrule.expression.printing import text
from chainrule.expression.tree import Node
from chainrule.notation import dimension, index, matrix, vector
from chainrule.verification import verify

n, m, d, p = (dimension(name) for name in "nmdp")
t, x = index("t", n), index("x", n)
u, w, y = index("u", m), index("w", m), index("y", m)
a, c, b, e = index("a", d), index("c", d), index("b", p), index("e", p)
Q, K, V, S, P = matrix("Q", n, d), matrix("K", m, d), matrix("V", m, p), matrix("S", n, m), matrix("P", n, m)
q, s, r = vector("q", d), vector("s", m), vector("p", m)

ATTENTION = Definition(
    Sum(P[t, u] * V[u, b], u),
    wrt=(Q[x, c], K[y, c], V[y, e]),
    symbol="O",
    index=(t, b),
    where={S[t, u]: Sum(Q[t, a] * K[u, a], a) / sqrt(d), P[t, u]: exp(S[t, u]) / Sum(exp(S[t, w]), w)},
)
ONE_QUERY = Definition(
    Sum(r[u] * V[u, b], u),
    wrt=(q[c], K[y, c], V[y, e]),
    symbol="o",
    index=b,
    where={s[u]: Sum(q[a] * K[u, a], a) / sqrt(d), r[u]: exp(s[u]) / Sum(exp(s[w]), w)},
)

RESULTS = {
    "Q": (ATTENTION, 0, "(δₜₓ Σₖ V_kb Pₜₖ (K_kc - Σₗ K_lc Pₜₗ))/√d"),
    "K": (ATTENTION, 1, "P_ty Q_tc (V_yb - O_tb)/√d"),
    "V": (ATTENTION, 2, "P_ty δ_be"),
    "q": (ONE_QUERY, 0, "(Σₖ V_kb pₖ (K_kc - Σₗ pₗ K_lc))/√d"),
    "K of one query": (ONE_QUERY, 1, "p_y q_c (V_yb - o_b)/√d"),
    "V of one query": (ONE_QUERY, 2, "p_y δ_be"),
}
LEMMAS = {
    "Q": ["K_uc δₜₓ/√d", "(δₗᵤ - Pₜₗ) Pₜᵤ δₖₜ", "Pₜᵤ δₜₓ (K_uc - Σₖ K_kc Pₜₖ)/√d"],
    "K": ["δ_uy Q_tc/√d", "(δₗᵤ - Pₜₗ) Pₜᵤ δₖₜ", "Pₜᵤ Q_tc (δ_uy - P_ty)/√d"],
    "V": [],
}


def _letters(formula: str) -> list[str]:
    """The names in a formula in a fixed order: factors and bars of fractions may change places, values are verified."""
    return sorted(mark for mark in formula if mark.isalpha() or mark in "√Σ")


def derived(name: str) -> Derivation:
    definition, position, _ = RESULTS[name]
    return derive_all(definition)[position]


@pytest.mark.parametrize("name", RESULTS)
def test_every_line_holds_and_the_result_is_that_of_an_expert(name: str) -> None:
    derivation = derived(name)
    verify(derivation).raise_if_failed()
    assert _letters(text(derivation.final)) == _letters(RESULTS[name][2])


@pytest.mark.parametrize("name", LEMMAS)
def test_scores_and_weights_are_lemmas(name: str) -> None:
    assert [_letters(text(lemma.final)) for lemma in derived(name).lemmas] == [_letters(x) for x in LEMMAS[name]]


def test_the_weights_are_never_written_out_in_a_result() -> None:
    assert not any("e^" in text(d.final) for name in RESULTS for d in (derived(name), *derived(name).lemmas))


def test_one_query_reads_as_matrices() -> None:
    found = dict(forms(derived("q")))
    assert text(found["matrix"]) == "∂o/∂q = Vᵀ diag(p) (K - 1 (Kᵀ p)ᵀ)/√d"


def test_no_line_uses_one_index_for_two_sums_of_which_one_is_inside_the_other() -> None:
    def nested(node: Node, bound: frozenset[str] = frozenset()) -> bool:
        if isinstance(node, tree.Sum):
            if node.index in bound:
                return True
            bound |= {node.index}
        return any(nested(child, bound) for child in node.children)

    for name in RESULTS:
        for derivation in (derived(name), *derived(name).lemmas):
            assert not [text(step.after) for step in derivation.steps if nested(step.after)]
