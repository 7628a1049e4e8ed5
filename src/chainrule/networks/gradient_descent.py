"""Gradient descent for one layer, ΔW = -η δ xᵀ, and the same rule as other texts write it; every form is checked at numbers.

The layer is z = W x + b, ŷ = σ(z) with the loss ½ Σ (ŷ - y)². Some texts call (y - ŷ) σ'(z) the error and index weights with the input first, some put the bias
into a matrix Θ as its first column, beside an input that is always 1. To add a form, add a row in ``rules`` and say in ``agreements`` what it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from mpmath import mp
from sympy import Rational, Sum

from ..calculus.backward import backward_all
from ..calculus.derivation import Derivation
from ..calculus.derive import derive_all
from ..calculus.matrix_reading import read
from ..calculus.tidy import minus_inside
from ..definition import Definition
from ..expression import tree as t
from ..expression.printing.boxes import Box, Letter, Row, Sign
from ..expression.printing.layout import layout as boxes_of
from ..expression.value import Point, evaluate, evaluate_array
from ..notation import dimension, index, matrix, vector
from .parts import activation

ETA = t.Symbol("eta")


@dataclass(frozen=True)
class Rule:
    """A form of the rule. key: what it gives. left: a name, or Δ and a name. rights: what it equals, in turn. derivation: where the gradient comes from; None for
    what only gives a name."""

    key: str
    left: t.Node | Box
    rights: tuple[t.Node, ...]
    derivation: Derivation | None = None

    @property
    def formula(self) -> Box:
        """left = the first = the second, for any printer."""
        boxes = [self.left if isinstance(self.left, Box) else boxes_of(self.left), *map(boxes_of, self.rights)]
        return Row(tuple(part for box in boxes for part in (Sign("equals"), box))[1:])


@dataclass(frozen=True)
class Agreement:
    """error: the largest difference between a form and the gradient found by differences of the loss, both as changes of the same parameter."""

    key: str
    error: float


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """``delta``, ``weights``, ``bias``, the last two again in matrix notation, then the forms of other texts: ``error`` and ``weights_by_error``; ``theta``,
    the layer with its bias in Θ, and its step; the same with the input first."""
    by_z, (by_W, by_b) = _delta(), _layer()
    theta, transposed = _theta(transposed=False), _theta(transposed=True)
    W, b, x = t.Component("W", ("j", "i")), t.Component("b", ("j",)), t.Component("x", ("i",))
    z, delta, error = (t.Component(name, ("j",)) for name in ("z", "delta", "epsilon"))
    return (
        Rule("delta", delta, (_by(z), by_z.final), by_z),
        Rule("weights", changed(W), (_step(_by(W)), _step(_placed(by_W, "j", "i"))), by_W),
        Rule("bias", changed(b), (_step(_by(b)), _step(_placed(by_b, "j"))), by_b),
        Rule("weights_matrix", changed(t.Matrix("W")), (_step(_whole(by_W)),), by_W),
        Rule("bias_matrix", changed(t.Vector("b")), (_step(_whole(by_b)),), by_b),
        Rule("error", error, (t.Neg(delta), _turned(by_z.final)), by_z),
        Rule("weights_by_error", changed(t.Component("w", ("i", "j"))), (t.Mul((ETA, error, x)),), by_W),
        Rule("theta", t.Vector("z"), (_product(theta),), theta),
        Rule("theta_step", changed(t.Matrix("Theta")), (_step(_whole(theta)),), theta),
        Rule("theta_transposed", t.Vector("z"), (_product(transposed),), transposed),
        Rule("theta_transposed_step", changed(t.Matrix("Theta")), (_step(_whole(transposed)),), transposed),
    )


def rule(key: str) -> Rule:
    """One of ``rules``. Raises KeyError."""
    return {each.key: each for each in rules()}[key]


# ---------------------------------------------------------------- what the engine derives

_N, _P = dimension("n"), dimension("p")


def _layer() -> tuple[Derivation, ...]:
    """∂L/∂W and ∂L/∂b of z = W x + b, from δ = ∂L/∂z."""
    i, r, q, k = index("i", _P), index("r", _P), index("q", _N), index("k", _N)
    W, b, x, z = matrix("W", _P, _N), vector("b", _P), vector("x", _N), vector("z", _P)
    definition = Definition(
        Sum(W[i, k] * x[k], k) + b[i], wrt=(W[r, q], b[r]), symbol="z", index=i, adjoints={z: "delta"}, name="layer"
    )
    return backward_all(derive_all(definition))


def _theta(transposed: bool) -> Derivation:
    """∂L/∂Θ of z = Θ x̃, or of z = Θᵀ x̃; x̃ begins with 1, so that the bias stands in Θ."""
    size = dimension("n_1")
    i, r, q, k = index("i", _P), index("r", _P), index("q", size), index("k", size)
    theta = matrix("Theta", size, _P) if transposed else matrix("Theta", _P, size)
    x, z = vector("x_tilde", size), vector("z", _P)
    weight, variable = (theta[k, i], theta[q, r]) if transposed else (theta[i, k], theta[r, q])
    definition = Definition(
        Sum(weight * x[k], k), wrt=variable, symbol="z", index=i, adjoints={z: "delta"}, name="layer"
    )
    return backward_all(derive_all(definition))[0]


@lru_cache(maxsize=1)
def _delta() -> Derivation:
    """∂L/∂z of ½ Σ (ŷ - y)² after a sigmoid."""
    sigmoid = activation("sigmoid").definition
    assert sigmoid is not None
    i, j, k = index("i", _P), index("j", _P), index("k", _P)
    z, y, output = vector("z", _P), vector("y", _P), vector("y_hat", _P)
    definition = Definition(
        Sum((output[k] - y[k]) ** 2, k) * Rational(1, 2),
        wrt=z[j],
        where={output[i]: sigmoid(z[i])},
        uses=(sigmoid,),
        symbol="L",
        kind="loss",
        name="delta_rule",
    )
    return derive_all(definition)[0]


# ---------------------------------------------------------------- how it is written


def changed(name: t.Node) -> Box:
    """ΔW: the change of what has a name."""
    return Row((Letter("Delta"), boxes_of(name)), tight=True)


def _by(variable: t.Node) -> t.Derivative:
    return t.Derivative(t.Symbol("L"), variable, 1, True)


def _step(gradient: t.Node) -> t.Node:
    """-η times a gradient."""
    factors = gradient.factors if isinstance(gradient, t.Mul) else (gradient,)
    return t.Neg(t.Mul((ETA, *factors)))


def _indices(derivation: Derivation) -> tuple[str, ...]:
    assert isinstance(derivation.variable, t.Component)
    return derivation.variable.indices


def _placed(derivation: Derivation, *indices: str) -> t.Node:
    """A gradient at other indices, δ before the input."""
    names = dict(zip(_indices(derivation), indices, strict=True))
    final = t.rename_indices(derivation.final, names)
    if isinstance(final, t.Mul):
        return t.Mul(tuple(sorted(final.factors, key=lambda f: not (isinstance(f, t.Component) and f.base == "delta"))))
    return final


def _whole(derivation: Derivation) -> t.Node:
    """A gradient in matrix notation."""
    found = read(derivation.final, _indices(derivation), derivation.scope)
    assert found is not None
    return found


def _product(derivation: Derivation) -> t.Node:
    """z in matrix notation."""
    named = derivation.scope.vectors["z"]
    found = read(named.body, named.indices, derivation.scope)
    assert found is not None
    return found


def _turned(delta: t.Node) -> t.Node:
    """-δ, the minus sign put into its difference: (ŷ - y) … becomes (y - ŷ) …."""
    return minus_inside(t.Neg(delta)) or t.Neg(delta)


# ---------------------------------------------------------------- whether it is the same


INPUTS, OUTPUTS = 3, 2
POINT: Mapping[str, Any] = {
    "W": ((0.4, -1.2, 0.7), (-0.3, 0.9, 1.1)),
    "b": (0.2, -0.6),
    "x": (1.3, -0.5, 0.8),
    "y": (1.0, 0.0),
}
RATE = 0.1


def agreements() -> tuple[Agreement, ...]:
    """Each form of the rule against the difference quotients of the loss ½ Σ (ŷ - y)² at a point, brought to W and b."""
    scope = _loss().scope
    point = Point(
        {"eta": mp.mpf(RATE)}, {name: _exact(value) for name, value in POINT.items()}, {"n": INPUTS, "p": OUTPUTS}
    )
    rows, columns = range(OUTPUTS), range(INPUTS)

    def slope(name: str, *places: int) -> Any:
        """A derivative of the loss, as a difference quotient."""
        variable = t.Component(name, tuple(str(place + 1) for place in places))
        return evaluate(_by(variable), point, scope)

    by_W = [[slope("W", j, i) for i in columns] for j in rows]
    by_b = [slope("b", j) for j in rows]
    z, output = ([evaluate(t.Component(name, (str(j + 1),)), point, scope) for j in rows] for name in ("z", "y_hat"))
    delta = tuple(
        evaluate(
            _delta().final, replace(point, vectors={**point.vectors, "y_hat": tuple(output)}, indices={"j": j}), scope
        )
        for j in rows
    )
    padded = (mp.mpf(1), *point.vectors["x"])
    theta = tuple((b, *row) for b, row in zip(point.vectors["b"], point.vectors["W"], strict=True))
    known = {
        **point.vectors, "z": tuple(z), "y_hat": tuple(output), "delta": delta, "epsilon": tuple(-d for d in delta),
        "x_tilde": padded,
    }  # fmt: skip
    by_theta = [[-RATE * g for g in (b, *row)] for b, row in zip(by_b, by_W, strict=True)]
    expected: Mapping[str, Any] = {
        "delta": by_b,
        "weights": [[-RATE * g for g in row] for row in by_W],
        "bias": [-RATE * g for g in by_b],
        "weights_matrix": [[-RATE * g for g in row] for row in by_W],
        "bias_matrix": [-RATE * g for g in by_b],
        "error": [-g for g in by_b],
        "weights_by_error": [[-RATE * g for g in row] for row in by_W],
        "theta": z,
        "theta_step": by_theta,
        "theta_transposed": z,
        "theta_transposed_step": list(zip(*by_theta, strict=True)),
    }

    def worked_out(each: Rule) -> Any:
        form = each.rights[-1]
        turned = tuple(zip(*theta, strict=True)) if "transposed" in each.key else theta
        here = replace(point, vectors={**known, "Theta": turned})
        if not t.free_indices(form):
            return evaluate_array(form, here, scope)
        places = [{"j": j, "i": i} for j in rows for i in (columns if "i" in t.free_indices(form) else (0,))]
        values = [evaluate(form, replace(here, indices=at), scope) for at in places]
        wide = len(values) // OUTPUTS
        return values if wide == 1 else [values[j * wide : (j + 1) * wide] for j in rows]

    return tuple(Agreement(each.key, _apart(worked_out(each), expected[each.key])) for each in rules())


@lru_cache(maxsize=1)
def _loss() -> Derivation:
    """The loss as a function of W and b: for its scope, in which its value and its difference quotients are found."""
    sigmoid = activation("sigmoid").definition
    assert sigmoid is not None
    i, j, k, m = index("i", _P), index("j", _P), index("k", _N), index("l", _P)
    r, q = index("r", _P), index("q", _N)
    W, b, x, z, y, output = (
        matrix("W", _P, _N), vector("b", _P), vector("x", _N), vector("z", _P), vector("y", _P), vector("y_hat", _P),
    )  # fmt: skip
    definition = Definition(
        Sum((output[m] - y[m]) ** 2, m) * Rational(1, 2),
        wrt=(W[r, q], b[r]),
        where={z[i]: Sum(W[i, k] * x[k], k) + b[i], output[j]: sigmoid(z[j])},
        uses=(sigmoid,),
        symbol="L",
        kind="loss",
        name="delta_rule",
    )
    return derive_all(definition)[0]


def _exact(value: Any) -> Any:
    return tuple(map(_exact, value)) if isinstance(value, tuple) else mp.mpf(value)


def _apart(left: Any, right: Any) -> float:
    """The largest difference of two tables of one shape."""
    if isinstance(left, list | tuple):
        return max(_apart(a, b) for a, b in zip(left, right, strict=True))
    return float(abs(left - right))
