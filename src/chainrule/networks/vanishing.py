"""Why gradients vanish: a bound for every layer, derived and checked, and what happens in deep networks, measured.

The bound starts from two lines of the engine: the derivative of an activation, with its largest absolute value among the properties found there,
and the backward pass δ¹ = (W²)ᵀδ² ⊙ f'(z¹) of a network. Layers 1 and 2 stand for any two neighbours."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from random import Random
from typing import Any

import numpy as np
import sympy
from mpmath import mp

from ..calculus.derivation import Derivation
from ..errors import DefinitionError
from ..expression import tree as t
from ..expression.convert import from_sympy, to_sympy
from ..expression.scope import NamedVector, Scope
from ..expression.value import Point, Undefined, evaluate
from .equations import Line, equations
from .network import Network, mlp

DIGITS = 40
TOLERANCE = 1e-30
SHOWN = 4
"""Significant digits of a measured norm: sums are rounded differently on other machines, but in the last of 16 digits."""
LAYERS = 3
"""The depth of the network that the lines are written for: the bound of one layer is used twice."""
REASONS = ("derivative", "square", "increasing", "slope", "attained", "backward", "slope bound", "triangle", "norms", "singular value",
           "layers", "depth")  # fmt: skip
"""The keys of the reasons, in the order in which an argument may give them."""


# ---------------------------------------------------------------- the bound


@dataclass(frozen=True)
class Claim:
    """One line of the argument. key: its reason, one of REASONS. relation: "=" or "<=". scope: what its names mean."""

    key: str
    left: t.Node
    relation: str
    right: t.Node
    scope: Scope = field(default=Scope(), repr=False)

    @property
    def formula(self) -> t.Node:
        """The line as a node to print."""
        if self.relation == "=":
            return t.Equation(self.left, self.right)
        return t.Compare(self.relation, self.left, self.right)


@dataclass(frozen=True)
class Bound:
    """activation: its name. derivation: of its derivative. constant: sup |f'|, as SymPy has it. where: places at which it is attained; none where it is not.
    slope: the lines that lead to |f'(x)| ≤ c. layer: those from δ² to δ¹. network: those from the output of a network to its first layer.

    s_l is the largest singular value of W^l, s the largest of all s_l."""

    activation: str
    derivation: Derivation
    constant: Any
    where: tuple[Any, ...]
    slope: tuple[Claim, ...]
    layer: tuple[Claim, ...]
    network: tuple[Claim, ...]

    @property
    def claims(self) -> tuple[Claim, ...]:
        return (*self.slope, *self.layer, *self.network)


@lru_cache(maxsize=32)
def bound(activation: str = "sigmoid") -> Bound:
    """The bound on the gradients of a network with one activation in all hidden layers.

    Raises UnknownName for a name that the catalogue lacks, DefinitionError for an activation whose derivative has no largest absolute value known."""
    network = mlp([2, *(2,) * (LAYERS - 1), 1], activation)
    derivation = network.functions[0].derivation
    found = None if derivation is None else next((p for p in derivation.properties if p.key == "max_slope"), None)
    if derivation is None or found is None or not found.values["value"].is_finite:
        raise DefinitionError(f"{activation}: no bound on the derivative is known, so none on the gradients")
    constant, where = found.values["value"], tuple(found.values.get("where", ()))
    c, backward = _shown_bound(constant), equations(network)
    scope = _chained(backward.line("delta", place, backward=True) for place in range(LAYERS - 1, 0, -1))
    return Bound(
        network.activations[0],
        derivation,
        constant,
        where,
        tuple(_slope(derivation, c, where)),
        tuple(_layer(backward.line("delta", 1, backward=True), c, scope)),
        tuple(_network(c, scope)),
    )


def _shown_bound(constant: Any) -> t.Node:
    """The constant where it is known exactly; one that is computed is rounded up, so that it is a bound still."""
    if not constant.has(sympy.Float):
        return from_sympy(constant)
    unit = Fraction(10) ** (math.floor(math.log10(constant)) + 1 - SHOWN)
    return t.Decimal(float(math.ceil(Fraction(str(constant)) / unit) * unit))


def _slope(derivation: Derivation, c: t.Node, where: Sequence[Any]) -> Iterator[Claim]:
    """|f'(x)| ≤ c: where f' is a quadratic polynomial of f, by completing the square."""
    goal, final = derivation.goal, derivation.final
    at = derivation.scope
    yield Claim("derivative", goal, "=", final, at)
    square = completed_square(final, goal.operand if isinstance(goal, t.Derivative) else goal)
    if square is not None:
        if square != final:
            yield Claim("square", final, "=", square, at)
        yield Claim("increasing", t.ZERO, "<=", goal, at)
    yield Claim("slope", _abs(goal), "<=", c, at)
    for place in where:
        if isinstance(place, sympy.Expr) and not place.has(sympy.Float):
            yield Claim("attained", t.substitute(final, {derivation.variable: from_sympy(place)}), "=", c, at)


def completed_square(node: t.Node, u: t.Node) -> t.Node | None:
    """c - a(u - h)², a > 0, for a quadratic polynomial in u; None for anything else."""
    rest = t.substitute(node, {u: t.Symbol("u")})
    if any(isinstance(found, t.Cases | t.Call) for _, found in t.walk(rest)):
        return None
    expression = to_sympy(rest, Scope())
    letters = expression.free_symbols
    if len(letters) != 1 or not expression.is_polynomial(*letters):
        return None
    coefficients = sympy.Poly(expression, *letters).all_coeffs()
    if len(coefficients) != 3 or not coefficients[0].is_negative:
        return None
    a, b, constant = -coefficients[0], coefficients[1], coefficients[2]
    centre, top = b / (2 * a), constant + b**2 / (4 * a)
    moved = u if centre == 0 else t.add(u, *_negated(centre))
    power = t.Power(moved, t.Number(Fraction(2)))
    return t.Add((from_sympy(top), t.Neg(power if a == 1 else t.Mul((from_sympy(a), power)))))


def _negated(value: Any) -> tuple[t.Node, ...]:
    return (t.Neg(from_sympy(value)),) if value > 0 else (from_sympy(-value),)


def _layer(line: Line, c: t.Node, scope: Scope) -> Iterator[Claim]:
    """From δ¹ = (W²)ᵀδ² ⊙ f'(z¹), entry by entry and then as a whole."""
    left, right = line.components.left, line.components.right
    total = next(found for _, found in t.walk(right) if isinstance(found, t.Sum))
    assert line.matrix is not None and isinstance(total.body, t.Mul)
    product = next(found for _, found in t.walk(line.matrix.right) if isinstance(found, t.MatMul))
    inside = t.Sum(t.Mul(tuple(_abs(f) for f in total.body.factors)), total.index, total.dimension)
    one, two = _norm("1"), _norm("2")
    yield Claim("backward", left, "=", right, _pending(line))
    yield Claim("slope bound", _abs(left), "<=", _times(c, _abs(total)), scope)
    yield Claim("triangle", _abs(left), "<=", _times(c, inside), scope)
    yield Claim("norms", one, "<=", _times(c, t.Call("norm", (product,))), scope)
    yield Claim("singular value", one, "<=", _times(c, t.Symbol("s_2"), two), scope)


def _network(c: t.Node, scope: Scope) -> Iterator[Claim]:
    """The bound of a layer again and again: of three layers, and of M."""
    each = t.ONE if c == t.ONE else t.Power(c, t.Number(Fraction(LAYERS - 1)))
    largest = (t.Symbol(f"s_{place}") for place in range(2, LAYERS + 1))
    yield Claim("layers", _norm("1"), "<=", _times(each, *largest, _norm(str(LAYERS))), scope)
    s, power = t.Symbol("s"), t.Add((t.Symbol("M"), t.Neg(t.ONE)))
    yield Claim("depth", _norm("1"), "<=", t.Mul((t.Power(_rate(c, s), power), _norm("M"))), scope)


def _pending(line: Line) -> Scope:
    """The names of a backward line, δ being the pending derivative that it stands for."""
    left = line.components.left
    assert isinstance(left, t.Component)
    variable = t.Component(left.base.replace("delta", "z"), left.indices)
    pending = NamedVector(left.base, left.indices, t.Derivative(t.Symbol(line.scope.own), variable))
    return line.scope.extended(vectors={left.base: pending}, shapes={left.base: line.scope.shapes[variable.base]})


def _rate(c: t.Node, s: t.Node) -> t.Node:
    match c:
        case t.Frac(t.Number(one), below) if one == 1:
            return t.Frac(s, below)
    return _times(c, s)


def _times(*factors: t.Node) -> t.Node:
    return t.mul(*(f for f in factors if f != t.ONE))


def _abs(node: t.Node) -> t.Node:
    return t.Call("abs", (node,))


def _norm(place: str) -> t.Node:
    return t.Call("norm", (t.Vector(f"delta__{place}"),))


def _chained(lines: Iterator[Line]) -> Scope:
    """What the names of several layers mean together, each δ but the last by the one above."""
    scope = Scope()
    for line in lines:
        left = line.components.left
        assert isinstance(left, t.Component)
        own = line.scope
        scope = scope.extended(
            functions=own.functions,
            indices=own.indices,
            shapes=own.shapes,
            domains=own.domains,
            vectors={
                **{name: v for name, v in own.vectors.items() if name.startswith("a__")},
                left.base: NamedVector(left.base, left.indices, line.components.right),
            },
        )
    return replace(scope, shapes={**scope.shapes, "delta__1": ("n_1",), "z__1": ("n_1",)})


# ---------------------------------------------------------------- its checks


@dataclass(frozen=True)
class Checked:
    """One line at random points. points: values compared. error: the worst of an equation, relative; how far an inequality is missed, 0 if it never is.
    nearest: the largest left : right of an inequality, 1 where it is attained."""

    claim: Claim
    points: int
    error: float
    nearest: float
    passed: bool


POINTS = 24
"""Random networks and random x that each line is checked at; for every other network all widths are 1 and f' is at its largest."""


def check_bound(found: Bound, points: int = POINTS) -> tuple[Checked, ...]:
    """Every line of the argument at random points, to 40 digits: random numbers x, networks of random widths, weights and gradients from above."""
    rng = Random(f"bound {found.activation}")
    at = [Point({str(found.derivation.variable.name): x}) for x in _places(found, rng, points)]  # type: ignore[attr-defined]
    networks = [_random_network(found, rng, alone=bool(number % 2)) for number in range(points)]
    return tuple(
        _checked(claim, at if claim in found.slope else networks, found.derivation.variable) for claim in found.claims
    )


def _places(found: Bound, rng: Random, count: int) -> list[Any]:
    """Random numbers, and where the bound is attained."""
    top = [mp.mpf(sympy.Rational(place).p) / sympy.Rational(place).q for place in found.where if place.is_Rational]
    return [*top, *(mp.mpf(rng.randint(-6000, 6000)) / 1009 for _ in range(count))]


def _random_network(found: Bound, rng: Random, alone: bool) -> Point:
    """The numbers that the lines take, W^l, b^l, z^l and δ^l, of which each uses those that its scope does not name; alone: one unit a layer, f' largest at each."""
    sizes = [1 if alone else rng.randint(1, 4) for _ in range(LAYERS)]

    def vector(size: int) -> tuple[Any, ...]:
        return tuple(mp.mpf(rng.randint(-3000, 3000)) / 1009 for _ in range(size))

    top = _place(found)
    vectors: dict[str, Any] = {}
    scalars: dict[str, Any] = {"M": mp.mpf(LAYERS)}
    for place, size in enumerate(sizes, 1):
        vectors[f"z__{place}"] = tuple(top for _ in range(size)) if alone else vector(size)
        vectors[f"b__{place}"], vectors[f"delta__{place}"] = vector(size), vector(size)
        if place > 1:
            W = tuple(vector(sizes[place - 2]) for _ in range(size))
            vectors[f"W__{place}"] = W
            scalars[f"s_{place}"] = _largest_singular_value(W)
    if alone:  # the same factor in all layers, so that the largest is each of them
        vectors[f"W__{LAYERS}"] = vectors["W__2"]
        scalars[f"s_{LAYERS}"] = scalars["s_2"]
    scalars["s"] = max(scalars[f"s_{place}"] for place in range(2, LAYERS + 1))
    vectors["delta__M"] = vectors[f"delta__{LAYERS}"]
    return Point(scalars, vectors, {f"n_{place}": size for place, size in enumerate(sizes, 1)})


def _place(found: Bound) -> Any:
    """A number at which |f'| is as large as it gets, or nearly so: far to the right where it only tends to its bound."""
    for where in found.where:
        return mp.mpf(1) if isinstance(where, sympy.Interval) else mp.mpf(str(where.evalf(DIGITS)))
    return mp.mpf(20)


def _largest_singular_value(matrix: Any) -> Any:
    """The largest factor by which a matrix lengthens a vector, to 40 digits."""
    with mp.workdps(DIGITS + 10):
        return max(mp.svd_r(mp.matrix([list(row) for row in matrix]), compute_uv=False))


def _checked(claim: Claim, points: Sequence[Point], variable: t.Node) -> Checked:
    pairs = [pair for point in points for pair in _sides(claim, point)]
    if claim.relation == "=":
        errors = [abs(a - b) / max(abs(a), abs(b), mp.mpf(1)) for a, b in pairs]
        worst = float(max(errors, default=mp.inf))
        return Checked(claim, len(pairs), worst, 1.0, worst <= TOLERANCE)
    over = float(max(((a - b) / max(abs(b), mp.mpf(1)) for a, b in pairs), default=mp.inf))
    nearest = float(max((a / b for a, b in pairs if b > 0), default=mp.mpf(0)))
    return Checked(claim, len(pairs), max(over, 0.0), nearest, over <= TOLERANCE)


def _sides(claim: Claim, point: Point) -> Iterator[tuple[Any, Any]]:
    """Both sides of a line at a point: a pair for each value of its free index."""
    vectors = {name: v for name, v in point.vectors.items() if name not in claim.scope.vectors}
    index = sorted(t.free_indices(claim.left) | t.free_indices(claim.right))
    sizes = [point.dimensions[claim.scope.indices[name]] for name in index]
    for at in np.ndindex(*sizes):
        here = replace(point, vectors=vectors, indices=dict(zip(index, map(int, at), strict=True)))
        try:
            yield evaluate(claim.left, here, claim.scope, DIGITS), evaluate(claim.right, here, claim.scope, DIGITS)
        except Undefined:
            continue


# ---------------------------------------------------------------- measured


HIDDEN, WIDTH, SEEDS, SAMPLES = 20, 32, 10, 8


@dataclass(frozen=True)
class Decay:
    """How long the gradient is at each layer of a deep network, relative to the last, ‖δ^l‖ / ‖δ^M‖.

    layers: 1 to M. norms: geometric means over the networks and samples. bound: of c^{M-l} s_{l+1} ⋯ s_M, likewise, over the same networks. factor: by which the
    norm is multiplied on the way down through one hidden layer, on average."""

    activation: str
    layers: tuple[int, ...]
    norms: tuple[float, ...]
    bound: tuple[float, ...]
    factor: float


@lru_cache(maxsize=16)
def decay(
    activation: str = "sigmoid", hidden: int = HIDDEN, width: int = WIDTH, seeds: int = SEEDS, samples: int = SAMPLES
) -> Decay:
    """Measure it with the compiled gradients of networks as they are before any training, ``Network.initial``; the samples are the same for all networks.

    The gradient of the loss of one sample by the biases b^l is δ^l. With one output the ratio does not depend on the target."""
    network = mlp([width, *[width] * hidden, 1], activation)
    constant = float(bound(activation).constant)
    inputs = np.random.default_rng(0).standard_normal((samples, width))
    found = [_lengths(network, seed, inputs) for seed in range(seeds)]
    norms = np.mean([logs for logs, _ in found], axis=0)
    largest = np.mean([values for _, values in found], axis=0) + np.log(constant)
    above = np.append(np.cumsum(largest[::-1])[::-1], 0.0)
    return Decay(
        network.activations[0],
        tuple(range(1, network.depth + 1)),
        tuple(map(_shown, np.exp(norms))),
        tuple(map(_shown, np.exp(above))),
        _shown(np.exp((norms[0] - norms[-2]) / (hidden - 1))) if hidden > 1 else 1.0,
    )


def _lengths(network: Network, seed: int, inputs: Any) -> tuple[Any, Any]:
    """The logarithms of ‖δ^l‖ / ‖δ^M‖, the mean over the samples, and of s_2 to s_M."""
    parameters = network.initial(seed)
    code = network.compile()
    rows = []
    for x in inputs:
        _, gradients = code.loss_and_gradients(parameters, x[None, :], np.full((1, 1), 100.0))
        lengths = np.log([np.linalg.norm(b) for _, b in gradients])
        rows.append(lengths - lengths[-1])
    return np.mean(rows, axis=0), np.log([np.linalg.norm(W, 2) for W, _ in parameters[1:]])


def _shown(value: Any) -> float:
    return float(f"{value:.{SHOWN}g}")
