"""Rules that are wrong: each is put into the engine, and ``verify`` of a whole derivation fails by the name of the rule.

``test_rules`` corrupts every row on its own example; here the mistakes are those that people make, and what fails is what a user runs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
import sympy as sp

from chainrule.calculus import derive as engine
from chainrule.calculus import forms
from chainrule.calculus.backward import backward_all
from chainrule.calculus.derivation import Derivation
from chainrule.calculus.derive import derive
from chainrule.calculus.rules import ALL_RULES
from chainrule.expression import tree as t
from chainrule.expression.scope import Scope
from chainrule.notation import dimension, index, matrix, one_hot, scalar, vector
from chainrule.verification import verify

K, M = dimension("K"), dimension("m")
i, j, k, l = (index(name, K) for name in "ijkl")
a, b = index("a", M), index("b", M)
z, w, s, y = vector("z", K), vector("w", K), vector("s", K), one_hot("y", K)
W, V = matrix("W", M, K), matrix("V", K, K)
x, u, v = scalar("x"), scalar("u"), scalar("v")


@contextmanager
def mistaken(name: str, wrong: Callable[[t.Node, t.Node], t.Node]) -> Iterator[None]:
    """The engine with one row of its tables replaced: (the node it is tried on, what it should give) -> what it gives."""
    (rule,) = (rule for rule in ALL_RULES if rule.name == name)
    right = rule.apply

    def apply(node: Any, scope: Scope) -> t.Node | None:
        found = right(node, scope)
        return None if found is None else wrong(node, found)

    object.__setattr__(rule, "apply", apply)
    forget()
    try:
        yield
    finally:
        object.__setattr__(rule, "apply", right)
        forget()


def forget() -> None:
    """Derivations are remembered; those made with a wrong rule must not be."""
    engine._derivation.cache_clear()
    engine.derive_all.cache_clear()


# --- derivations that use the rules


def softmax() -> Derivation:
    return derive(sp.exp(z[i]) / sp.Sum(sp.exp(z[k]), k), wrt=z[j], index=i)


def cross_entropy() -> Derivation:
    where = {s[i]: sp.exp(z[i]) / sp.Sum(sp.exp(z[k]), k)}
    return derive(-sp.Sum(y[k] * sp.log(s[k]), k), wrt=z[j], where=where)


def least_squares() -> Derivation:
    return derive(sp.Sum((z[k] - w[k]) ** 2, k), wrt=z[j])


def bilinear() -> Derivation:
    return derive(sp.Sum(sp.Sum(w[k] * V[k, l] * z[l], k), l), wrt=V[i, j])


def two_paths() -> Derivation:
    return derive(u * v, wrt=x, where={u: x**2, v: sp.exp(x)})


def product() -> Derivation:
    return derive(sp.sin(x) * sp.exp(x**2), wrt=x)


def variance() -> Derivation:
    return derive(sp.Sum((z[k] - u) ** 2, k) / K, wrt=z[j], where={u: sp.Sum(z[k], k) / K})


# --- mistakes


def bare(node: t.Node) -> t.Node:
    """Without its deltas."""
    return t.transform(node, lambda n: t.ONE if isinstance(n, t.Delta) else None)


def kept(node: t.Node, found: t.Node) -> t.Node:
    """Σ_k a_k δ_kj = Σ_k a_k: the delta has kept every term."""
    return bare(node)


def elsewhere(node: t.Node, found: t.Node) -> t.Node:
    """Σ_k a_k δ_kj = a_i: the term of another index."""
    return t.rename_index(found, "j", "i")


def nothing(node: t.Node, found: t.Node) -> t.Node:
    return t.ZERO


def dropped(node: t.Node, found: t.Node) -> t.Node:
    """∂z_i/∂z_j = 1."""
    return t.ONE


def half_dropped(node: t.Node, found: t.Node) -> t.Node:
    """∂V_kl/∂V_ij = δ_ki: one delta of two."""
    assert isinstance(found, t.Mul)
    return found.factors[0]


def crossed(node: t.Node, found: t.Node) -> t.Node:
    """∂V_kl/∂V_ij = δ_kj δ_li: the entry of the transposed matrix."""
    return t.rename_indices(found, {"i": "j", "j": "i"})


def first_path(node: t.Node, found: t.Node) -> t.Node:
    """dL/dx = ∂L/∂u du/dx, the path through v forgotten; and one component of a vector in place of all."""
    if isinstance(found, t.Add):
        return found.terms[0]
    return t.rename_index(found.body, found.index, "j") if isinstance(found, t.Sum) else found


def without_inner(node: t.Node, found: t.Node) -> t.Node:
    """dL/dx = ∂L/∂u: the inner derivative forgotten."""
    return t.transform(found, lambda n: n.factors[0] if isinstance(n, t.Mul) else None)


def unsummed(node: t.Node, found: t.Node) -> t.Node:
    """∂/∂z_j Σ_k a_k = ∂a_i/∂z_j: one term for the sum."""
    assert isinstance(found, t.Sum)
    return t.rename_index(found.body, found.index, "i")


def second_sign(node: t.Node, found: t.Node) -> t.Node:
    """(u/v)' = (u'v + uv')/v²."""
    return t.transform(found, lambda n: n.argument if isinstance(n, t.Neg) else None)


def first_term(node: t.Node, found: t.Node) -> t.Node:
    assert isinstance(found, t.Add)
    return found.terms[0]


def inside_out(node: t.Node, found: t.Node) -> t.Node:
    """Σ_k c a_k = c: the sum is lost with what varies in it."""
    return t.transform(found, lambda n: t.ONE if isinstance(n, t.Sum) else None)


class Mistake(NamedTuple):
    rule: str
    wrong: Callable[[t.Node, t.Node], t.Node]
    make: Callable[[], Derivation]


MISTAKES = (
    Mistake("the delta keeps one term", kept, softmax),
    Mistake("the delta keeps one term", elsewhere, softmax),
    Mistake("the delta keeps one term", nothing, softmax),
    Mistake("the delta keeps one term", kept, cross_entropy),
    Mistake("the delta keeps one term", elsewhere, cross_entropy),
    Mistake("the delta keeps one term", nothing, least_squares),
    Mistake("the delta keeps one term", kept, bilinear),
    Mistake("components are independent", dropped, softmax),
    Mistake("components are independent", nothing, softmax),
    Mistake("components are independent", dropped, least_squares),
    Mistake("components are independent", half_dropped, bilinear),
    Mistake("components are independent", crossed, bilinear),
    Mistake("chain rule", first_path, two_paths),
    Mistake("chain rule", without_inner, two_paths),
    Mistake("chain rule", first_path, cross_entropy),
    Mistake("chain rule", without_inner, cross_entropy),
    Mistake("linearity under the sum", unsummed, softmax),
    Mistake("linearity under the sum", unsummed, variance),
    Mistake("quotient rule", second_sign, softmax),
    Mistake("product rule", first_term, product),
    Mistake("take constants out of the sum", inside_out, variance),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.rule}: {m.wrong.__name__}, {m.make.__name__}")
def test_a_mistaken_rule_is_caught_by_its_name(mistake: Mistake) -> None:
    with mistaken(mistake.rule, mistake.wrong):
        found = verify(mistake.make())
    assert not found.passed
    assert any(f", {mistake.rule}: " in message for message in found.messages), found.messages


@pytest.mark.parametrize("make", list(dict.fromkeys(m.make for m in MISTAKES)), ids=lambda make: make.__name__)
def test_the_same_derivation_passes_with_the_right_rules(make: Callable[[], Derivation]) -> None:
    forget()
    found = verify(make())
    assert found.passed, found.messages


def test_a_fact_that_does_not_hold_is_caught_by_the_rule_that_uses_it() -> None:
    """Σ_k w_k = 1 for any w."""
    (rule,) = (rule for rule in ALL_RULES if rule.name == "since the components sum to 1")
    right = rule.apply
    try:
        object.__setattr__(
            rule, "apply", lambda node, scope: right(node, scope.extended(facts={"w": ("sums_to_one",)}))
        )
        found = verify(derive(sp.Sum(w[k], k) * sp.Sum(z[k], k), wrt=z[j]))
    finally:
        object.__setattr__(rule, "apply", right)
    assert any(", since the components sum to 1: " in message for message in found.messages), found.messages


# --- matrix notation


n = dimension("n")
c, d, X, Y = (
    sp.MatrixSymbol("c", n, 1),
    sp.MatrixSymbol("d", n, 1),
    sp.MatrixSymbol("X", n, n),
    sp.MatrixSymbol("Y", M, n),
)
e = sp.MatrixSymbol("e", M, 1)


@pytest.mark.parametrize(
    ("expression", "variable"),
    [(c.T * X * d, X), (sp.Trace(X.T * X * X), X), (e.T * Y * d, Y)],
    ids=["square", "trace", "oblong"],
)
def test_a_transposed_matrix_form_fails_verify(expression: Any, variable: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    derivation = derive(expression, wrt=variable)
    verify(derivation).raise_if_failed()
    right = forms.read

    def transposed(*given: Any, **words: Any) -> t.Node | None:
        found = right(*given, **words)
        return None if found is None else t.Transpose(found)

    monkeypatch.setattr(forms, "read", transposed)
    found = verify(derivation)
    assert [row.key for row in found.rows if not row.passed] == ["matrix"]
    assert "the matrix form `" in found.messages[0]


def test_every_verification_checks_the_matrix_form() -> None:
    assert "matrix" in {row.key for row in verify(softmax()).rows}
    assert "matrix" not in {row.key for row in verify(two_paths()).rows}


def test_a_transposed_jacobian_in_the_backward_pass_is_caught() -> None:
    """Σ_i g_i ∂f_j/∂z_i in place of Σ_i g_i ∂f_i/∂z_j."""
    square = derive(sp.Sum(V[i, k] * z[k], k), wrt=z[j], index=i)
    for right in backward_all((square,)):
        verify(right).raise_if_failed()
    swapped = {"i": "j", "j": "i"}
    last = square.steps[-1]
    wrong = replace(square, steps=(*square.steps[:-1], replace(last, after=t.rename_indices(last.after, swapped))))
    assert not any(verify(found).passed for found in backward_all((wrong,)))
