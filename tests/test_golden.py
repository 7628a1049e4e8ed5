"""The derivations an expert would write: the lines of the normal view, as text, for the functions everybody knows."""

import pytest

from chainrule import derive_all, load
from chainrule.calculus.derivation import Derivation
from chainrule.calculus.views import lines
from chainrule.expression.printing import text
from chainrule.expression.tree import Marked, Node, transform


def plain(node: Node) -> str:
    return text(transform(node, lambda n: n.argument if isinstance(n, Marked) else None))


def written(derivation: Derivation) -> list[str]:
    return [plain(line.right) for line in lines(derivation)]


GOLDEN = {
    ("sigmoid", 0): [
        "d/dx [1/(1 + e⁻ˣ)]",
        "-1/(1 + e⁻ˣ)² · d/dx [1 + e⁻ˣ]",
        "-1/(1 + e⁻ˣ)² · (-e⁻ˣ)",
        "e⁻ˣ/(1 + e⁻ˣ)²",
        "1/(1 + e⁻ˣ) · (1 - 1/(1 + e⁻ˣ))",
        "σ(x) (1 - σ(x))",
    ],
    ("tanh", 0): [
        "d/dx [(eˣ - e⁻ˣ)/(eˣ + e⁻ˣ)]",
        "(d/dx [eˣ - e⁻ˣ] · (eˣ + e⁻ˣ) - (eˣ - e⁻ˣ) · d/dx [eˣ + e⁻ˣ])/(eˣ + e⁻ˣ)²",
        "((eˣ + e⁻ˣ) (eˣ + e⁻ˣ) - (eˣ - e⁻ˣ) (eˣ - e⁻ˣ))/(eˣ + e⁻ˣ)²",
        "((eˣ + e⁻ˣ)² - (eˣ - e⁻ˣ)²)/(eˣ + e⁻ˣ)²",
        "1 - ((eˣ - e⁻ˣ)/(eˣ + e⁻ˣ))²",
        "1 - tanh² x",
    ],
    ("tanh", 2): [
        "d/dx [2 σ(2 x) - 1]",
        "2 σ(2 x) (1 - σ(2 x)) · 2",
        "4 σ(2 x) (1 - σ(2 x))",
        "4 · 1/2 · (1 + tanh x) (1 - 1/2 · (1 + tanh x))",
        "(1 + tanh x) (1 - tanh x)",
        "1 - tanh² x",
    ],
    ("prelu", 0): ["∂/∂x [{ x if x > 0; a x otherwise }]", "{ 1 if x > 0; a if x < 0 }"],
    ("prelu", 1): ["∂/∂a [{ x if x > 0; a x otherwise }]", "{ 0 if x > 0; x if x < 0 }"],
    ("elu", 0): [
        "∂/∂x [{ x if x > 0; α (eˣ - 1) otherwise }]",
        "{ 1 if x > 0; α eˣ if x < 0 }",
        "{ 1 if x > 0; α (eˣ - 1) + α if x < 0 }",
        "{ 1 if x > 0; ELU(x; α) + α if x < 0 }",
    ],
    ("softplus", 0): [
        "d/dx log(1 + eˣ)",
        "1/(1 + eˣ) · d/dx [1 + eˣ]",
        "1/(1 + eˣ) · eˣ",
        "eˣ/(1 + eˣ)",
        "1/(1 + e⁻ˣ)",
        "σ(x)",
    ],
    ("softplus", 1): ["d/dx σ(x)", "σ(x) (1 - σ(x))"],
    ("gelu", 0): ["d/dx [x Φ(x)]", "dx/dx · Φ(x) + x · d/dx Φ(x)", "Φ(x) + x φ(x)"],
    ("softmax", 0): [
        "∂/∂zⱼ [e^zᵢ/(Σₖ e^zₖ)]",
        "(∂/∂zⱼ e^zᵢ · Σₖ e^zₖ - e^zᵢ · ∂/∂zⱼ Σₖ e^zₖ)/(Σₖ e^zₖ)²",
        "(e^zᵢ δᵢⱼ Σₖ e^zₖ - e^zᵢ e^zⱼ)/(Σₖ e^zₖ)²",
        "e^zᵢ/(Σₖ e^zₖ) · δᵢⱼ - e^zᵢ/(Σₖ e^zₖ) · e^zⱼ/(Σₖ e^zₖ)",
        "sᵢ δᵢⱼ - sᵢ sⱼ",
        "sᵢ (δᵢⱼ - sⱼ)",
    ],
    ("softmax_cross_entropy", 0): [
        "Σₖ ∂L/∂sₖ · ∂sₖ/∂zⱼ",
        "Σₖ (-yₖ/sₖ · sₖ (δₖⱼ - sⱼ))",
        "-Σₖ yₖ (δₖⱼ - sⱼ)",
        "-yⱼ + sⱼ Σₖ yₖ",
        "sⱼ - yⱼ",
    ],
    ("sigmoid_binary_cross_entropy", 0): [
        "dL/dŷ · dŷ/dz",
        "(-y/ŷ + (1 - y)/(1 - ŷ)) · ŷ (1 - ŷ)",
        "-y (1 - ŷ) + ŷ (1 - y)",
        "ŷ - y",
    ],
    ("sigmoid_binary_cross_entropy", 1): ["d/dz [ŷ - y]", "ŷ (1 - ŷ)"],
    ("sigmoid_squared_error", 0): ["∂L/∂ŷ · ∂ŷ/∂z", "1/2 · 2 (ŷ - y) ŷ (1 - ŷ)", "ŷ (ŷ - y) (1 - ŷ)"],
    ("sigmoid_squared_error", 1): ["∂L/∂z · ∂z/∂wᵢ", "δ xᵢ"],
    ("sigmoid_squared_error", 2): ["∂L/∂z · ∂z/∂b", "δ"],
}

RESULTS = {
    "sigmoid": ["σ(x) (1 - σ(x))", "σ(x) (1 - σ(x)) (1 - 2 σ(x))"],
    "tanh": ["1 - tanh² x", "-2 tanh(x) (1 - tanh² x)", "1 - tanh² x"],
    "gelu": ["Φ(x) + x φ(x)", "(2 - x²) φ(x)"],
    "silu": ["σ(x) (1 + x (1 - σ(x)))", "σ(x) (1 - σ(x)) (2 + x (1 - 2 σ(x)))"],
    "huber": ["{ ŷ - y if |ŷ - y| < δ; δ sgn(ŷ - y) if |ŷ - y| > δ }", "{ 1 if |ŷ - y| < δ; 0 if |ŷ - y| > δ }"],
    "log_cosh": ["tanh(ŷ - y)", "1 - tanh²(ŷ - y)"],
    "binary_cross_entropy": ["(ŷ - y)/(ŷ (1 - ŷ))", "y/ŷ² + (1 - y)/(1 - ŷ)²"],
}


@pytest.mark.parametrize(("name", "position"), GOLDEN)
def test_the_lines_are_those_of_an_expert(name: str, position: int) -> None:
    assert written(derive_all(load(name))[position]) == GOLDEN[name, position]


@pytest.mark.parametrize("name", RESULTS)
def test_the_results_end_in_the_form_of_an_expert(name: str) -> None:
    assert [plain(d.final) for d in derive_all(load(name))] == RESULTS[name]


def test_gelu_derives_that_the_density_is_the_derivative_of_the_distribution() -> None:
    first, second = derive_all(load("gelu"))
    assert [plain(lemma.final) for lemma in first.lemmas] == ["φ(x)"]
    assert [plain(lemma.final) for lemma in second.lemmas] == ["-x φ(x)"]


def test_the_sum_of_the_targets_stays_where_nothing_is_known_of_it() -> None:
    from chainrule import dimension, vector

    definition = load("softmax_cross_entropy")
    K = dimension("K")
    known, unknown = definition.arguments["target"], vector("y", K)
    general = definition.named(expression=definition.expression.subs(known, unknown))
    result = plain(derive_all(general)[0].final)
    assert result == "sⱼ Σₖ yₖ - yⱼ"
    assert any("sum to 1" in s.rule for s in derive_all(definition)[0].steps)
    assert not any("sum to 1" in s.rule for s in derive_all(general)[0].steps)
