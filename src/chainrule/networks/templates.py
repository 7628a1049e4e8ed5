"""The derivations that every network is put together from, each made once: a layer behind an activation, the first layer, the loss after the
output, the mean over a batch, the penalty. Layers are numbered 1 and 2 here; ``equations`` gives them their numbers.

For a batch the samples stand in the rows, so vectors become matrices with capital names and one more index in front."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from sympy import Sum

from ..calculus.backward import backward_all
from ..calculus.derivation import Derivation
from ..calculus.derive import derive_all
from ..definition import Definition
from ..expression import tree as t
from ..notation import dimension, index, matrix, scalar, vector
from .composition import composition
from .parts import Activation, Loss

SAMPLES = dimension("m")


@dataclass(frozen=True)
class Layer:
    """Derivations of z² = W² a¹ + b², a¹ = f(z¹), from δ² = ∂L/∂z², which has the name ``above``: by W², b² and, through ``by_a`` under the name ``inner``, by z¹.
    The first layer, whose a⁰ is the input, has the first two only."""

    by_W: Derivation
    by_b: Derivation
    by_z: Derivation | None = None
    by_a: Derivation | None = None
    above: str = ""
    inner: str = ""


@lru_cache(maxsize=256)
def layer(before: Activation | None, batch: bool) -> Layer:
    """before: the activation of the layer below; None where there is none, for the first."""
    n, p = dimension("n_1"), dimension("n_2")
    # names of indices in the order of the alphabet, the row of a sample first: a matrix is read in that order
    rows = (index("g", SAMPLES), index("h", SAMPLES)) if batch else ()
    a, i = index("p", p), index("i", p)
    b, j, k = index("q", n), index("j", n), index("k", n)
    W, bias = matrix("W__2", p, n), vector("b__2", p)
    outputs, inputs = _values("a__1", n, batch), _values("z__1", n, batch)
    row, other = rows or (None, None)
    product = outputs[row, k] * W[i, k] if batch else W[i, k] * outputs[k]
    by_input = inputs[other, j] if batch else inputs[j]
    above: tuple[Any, Any] = (outputs[row, k], inputs[row, k]) if batch else (outputs[k], inputs[k])
    f = before.definition if before is not None else None
    definition = Definition(
        Sum(product, k) + bias[i],
        wrt=(W[a, b], bias[a], *(() if before is None else (by_input,))),
        symbol="Z__2" if batch else "z__2",
        index=(row, i) if batch else i,
        where={} if before is None else {above[0]: above[1] if f is None else f(above[1])},
        uses=() if f is None else (f,),
        parameters={} if f is None else f.parameters,
        domain={} if f is None else {p: f.domain[p] for p in f.parameters if p in f.domain},
        name="layer",
    )
    by_W, by_b, *by_z = backward_all(derive_all(definition))
    if not by_z:
        return Layer(by_W, by_b, above=_name(by_W))
    by_a = next(d for d in by_z[0].lemmas if d.gradient_of is not None)
    return Layer(by_W, by_b, by_z[0], by_a, _name(by_W), _name(by_a))


def _values(name: str, size: Any, batch: bool) -> Any:
    """The vector of a layer, or the matrix of a batch, its name a capital."""
    return matrix(name.capitalize(), SAMPLES, size) if batch else vector(name, size)


def _name(derivation: Derivation) -> str:
    """The name that a backward pass gives to a gradient: that from above, in a lemma the one that is derived."""
    assert derivation.gradient_of is not None
    assert isinstance(derivation.gradient_of.left, t.Component)
    return derivation.gradient_of.left.base


@lru_cache(maxsize=256)
def output(last: Activation, loss: Loss) -> Derivation:
    """∂L/∂z of the loss after the output activation, for one sample."""
    definition = composition(last, loss, "z__1", "a__1", "n_1")
    return next(d for d in derive_all(definition) if d.order == 1)


@lru_cache(maxsize=1)
def mean() -> Derivation:
    """∂J/∂L_i of the mean over the m samples of a batch."""
    m = SAMPLES
    i, j = index("i", m), index("j", m)
    each = vector("L", m)
    return derive_all(Definition(Sum(each[i], i) / m, wrt=each[j], symbol="J", name="mean"))[0]


@lru_cache(maxsize=1)
def penalty() -> Derivation:
    """∂R/∂W of the penalty of one layer, λ/(2m) Σ W²."""
    m, n, p = SAMPLES, dimension("n_1"), dimension("n_2")
    i, a, k, b = index("i", p), index("p", p), index("k", n), index("q", n)
    W, decay = matrix("W__2", p, n), scalar("lambda")
    expression = decay / (2 * m) * Sum(Sum(W[i, k] ** 2, k), i)
    return derive_all(
        Definition(expression, wrt=W[a, b], symbol="R", domain={decay: sympy.Interval(0, sympy.oo)}, name="penalty")
    )[0]
