"""The four equations of backpropagation: for one generic layer and the output, for a sample and for a batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from ...catalogue import load
from ...expression import tree as t
from ...networks import parts
from ...networks.equations import Line, output_error
from ...produce import material
from ...report import Author, DerivationText, Formula, make_report
from ...verification import Row, Verification, verify_all
from ..page import Chain, Picture

SAMPLE = ("backpropagation_output", "backpropagation", "backpropagation_weights")
BATCH = ("backpropagation_output_batch", "backpropagation_batch", "backpropagation_weights_batch")
OUTPUTS = (
    ("sigmoid", "binary_cross_entropy"),
    ("softmax", "categorical_cross_entropy"),
    ("identity", "squared_error"),
    ("sigmoid", "squared_error"),
    ("sigmoid", "categorical_cross_entropy"),
)
"""Activations of the output with losses: those that match, and those that do not."""


@dataclass(frozen=True)
class Equation:
    """One page of the catalogue: how the layer is stated, how its derivatives are found, and the gradients of a backward pass."""

    name: str
    title: str
    equations: tuple[Formula, ...]
    derivations: tuple[DerivationText, ...]
    backward: tuple[DerivationText, ...]
    gradients: tuple[DerivationText, ...]


@dataclass(frozen=True)
class Output:
    """The error of an output layer: names of its activation and its loss, and δ."""

    activation: str
    loss: str
    delta: Formula


@dataclass(frozen=True)
class Values:
    """sample, batch: the equations by the name of their page. outputs: δ for activations of the output with losses. names: of quantities, by key. layer: what a generic layer computes."""

    sample: Mapping[str, Equation]
    batch: Mapping[str, Equation]
    outputs: tuple[Output, ...]
    names: Mapping[str, Formula]
    layer: tuple[Chain, ...]


L, M, m, l = (t.Symbol(name) for name in "LMml")
WEIGHT = t.Component("W__l", ("k", "p"))
SQUARES = t.Sum(t.Sum(t.Power(WEIGHT, t.number(2)), "p", "n_l_minus_1"), "k", "n_l")
NAMES: Mapping[str, t.Node] = {
    "l": l,
    "M": M,
    "m": m,
    "width": t.Dimension("n_l"),
    "input": t.Equation(t.Vector("a__0"), t.Vector("x")),
    "W": t.Matrix("W__l"),
    "loss": t.Symbol("ell"),
    "delta": t.Equation(t.Vector("delta__l"), t.Derivative(L, t.Vector("z__l"), 1, True)),
    "kronecker": t.Delta("i", "j"),
    "gradient": t.Equation(t.Vector("g"), t.Derivative(L, t.Vector("a__M"), 1, True)),
    "general": t.Equation(
        t.Vector("delta__M"),
        t.MatMul((t.Transpose(t.Derivative(t.Vector("a__M"), t.Vector("z__M"), 1, True)), t.Vector("g"))),
    ),
    "cost": t.Equation(t.Symbol("J"), t.Mul((t.Frac(t.ONE, m), t.Sum(t.Component("L", ("h",)), "h", "m")))),
    "penalty": t.Mul((t.Frac(t.Symbol("lambda"), t.Mul((t.number(2), m))), SQUARES)),
    "Delta": t.Equation(t.Matrix("Delta__l"), t.Derivative(t.Symbol("J"), t.Matrix("Z__l"), 1, True)),
    "mth": t.Frac(t.ONE, m),
    "G": t.Matrix("G"),
}
"""What the text names, and the equations at the ends of a network; everything else is derived."""
LAYER: Mapping[t.Node, t.Node] = {
    t.Vector("z__l"): t.Add((t.MatMul((t.Matrix("W__l"), t.Vector("a__l_minus_1"))), t.Vector("b__l"))),
    t.Vector("a__l"): t.Call("f_l", (t.Vector("z__l"),)),
    L: t.Call("ell", (t.Vector("a__M"), t.Vector("y"))),
}


def values(author: Author) -> Values:
    return Values(
        {name: _equation(name, author) for name in SAMPLE},
        {name: _equation(name, author) for name in BATCH},
        tuple(_output(each, author) for each in OUTPUTS),
        {name: author.formula(node) for name, node in NAMES.items()},
        tuple(Chain(author.formula(left), (author.formula(right),)) for left, right in LAYER.items()),
    )


def _equation(name: str, author: Author) -> Equation:
    made = make_report(material(load(name)), author.name, author.detail)
    return Equation(
        name, made.title, (*made.equations, *made.where), (made.main, *made.others), made.backward, made.gradients
    )


@lru_cache(maxsize=8)
def _line(names: tuple[str, str]) -> Line:
    activation, loss = names
    return output_error(parts.activation(activation), parts.loss_of(loss))


def _output(names: tuple[str, str], author: Author) -> Output:
    line = _line(names)
    return Output(*names, author.formula(line.matrix or line.components))


def pictures() -> Mapping[str, Picture]:
    return {}


def verifications() -> tuple[Verification, ...]:
    """Of the errors of the outputs; the equations of the generic layer have been checked with their own pages."""
    pages = tuple(v for name in (*SAMPLE, *BATCH) for v in material(load(name)).verifications)
    return (*pages, *verify_all(tuple(d for names in OUTPUTS for d in _line(names).derivations)))


def checks() -> Mapping[str, Row]:
    return {}
