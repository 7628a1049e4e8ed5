"""Of which degree a function of vectors is in its inputs: by which power of a number it is multiplied where these are multiplied by powers of that number.

Found as the units of a formula in physics are: terms of a sum have one degree, arguments of an exponential have degree 0, and what is left open is a group of
inputs that may be scaled together: both x and ε of x/√(mean(x²) + ε), the second twice."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from ..expression import tree as t
from .vector_spec import InputSpec, VectorSpec
from .vector_stable import prepared
from .vector_writer import scores_of

Form = tuple[Fraction, ...]
"""A degree as a sum of those of the inputs, with these factors."""
ALIKE = ("abs", "max", "min")
"""Functions whose value is of the degree of their arguments."""
OPAQUE = ("det", "logdet")


@dataclass(frozen=True)
class Scaling:
    """Inputs that are multiplied by the given powers of a number, by name, which multiplies the value by a power of it."""

    inputs: Mapping[str, int]
    value: int


class _Unknown(Exception):
    """No degree can be told."""


def scalings(spec: VectorSpec) -> tuple[Scaling, ...]:
    """The groups of inputs whose size makes intermediate results overflow or underflow where the value or a derivative does not."""
    try:
        degrees = _Degrees(spec)
        trees = list(degrees.constrain())
    except _Unknown:
        return ()
    return tuple(
        made
        for weights in degrees.groups()
        if any(_grows(tree, degrees, weights) for tree in trees) and (made := degrees.scaling(weights)) is not None
    )


def _grows(tree: t.Node, degrees: "_Degrees", weights: Form) -> bool:
    """Whether a part of a formula, beside its inputs, is of a higher degree than what it computes."""
    least = min(w for w in weights if w)
    whole = degrees.of(tree)
    most = max(least, abs(_dot(whole, weights)) if whole else 0)
    apart = {p.denominator for _, p in t.walk(tree) if isinstance(p, t.Frac) and degrees.is_power(p.denominator)}
    parts = {p for _, p in t.walk(tree) if p not in apart and not degrees.is_input(p)}
    forms = map(degrees.found.get, parts)
    return any(form is not None and abs(_dot(form, weights)) > most for form in forms)


def _dot(form: Form, weights: Form) -> Fraction:
    return sum((a * b for a, b in zip(form, weights, strict=True)), Fraction(0))


class _Degrees:
    """The degrees of formulas of a function, and what these have to satisfy."""

    def __init__(self, spec: VectorSpec) -> None:
        self.spec = spec
        self.inputs = [one for one in spec.inputs if not one.index_of]
        self.none: Form = (Fraction(0),) * len(self.inputs)
        self.units = {
            one.base: tuple(Fraction(int(k == n)) for n in range(len(self.inputs))) for k, one in enumerate(self.inputs)
        }
        self.value = prepared(spec.value, spec)
        self.named = {v.base: prepared(v.body, spec) for v in spec.vectors}
        self.named |= {name: prepared(body, spec) for name, body in spec.scalars.items()}
        self.found: dict[t.Node, Form | None] = {}
        scores = scores_of(spec)  # these are shifted, and not scaled
        self.zero: list[Form] = [self.units[one.base] for one in self.inputs if _is_fixed(one) or one.base in scores]

    def constrain(self) -> Iterator[t.Node]:
        """Every formula that is computed, after its degree has been told."""
        value = self.of(self.value)
        yield from (self.value, *self.named.values())
        for each in self.spec.derivatives:
            unit = self.units[next(one.base for one in self.inputs if one.name == each.name)]
            second = each.hessian
            every = [(each.tree, 1), *((p.tree, 1) for p in (each.vjp, each.jvp) if p is not None)]
            if second is not None:
                every += [(second.tree, 2), *([(second.product.tree, 2)] if second.product is not None else [])]
            for tree, order in every:
                formula = prepared(tree, self.spec)
                if value is not None:
                    self._equal([self.of(formula), tuple(a - order * b for a, b in zip(value, unit, strict=True))])
                yield formula

    def groups(self) -> list[Form]:
        """Degrees of the inputs that are consistent, none of them negative."""
        equations = sp.Matrix([[sp.Rational(x) for x in row] for row in self.zero or [self.none]])
        found = [tuple(Fraction(int(x.p), int(x.q)) for x in each) for each in equations.nullspace()]
        return [each for each in found if all(x >= 0 for x in each)]

    def scaling(self, weights: Form) -> Scaling | None:
        """Such degrees as whole numbers; None where the value is 0."""
        value = self.of(self.value)
        if value is None:
            return None
        whole = _dot(value, weights)
        size = math.lcm(whole.denominator, *(w.denominator for w in weights))
        named = {one.name: int(w * size) for one, w in zip(self.inputs, weights, strict=True) if w}
        return Scaling(named, int(whole * size))

    def is_input(self, node: t.Node) -> bool:
        """Whether a part is a component of an input."""
        return isinstance(node, t.Component | t.Symbol) and _name(node) in self.units

    def is_power(self, node: t.Node) -> bool:
        """Whether a part is a power of such, by which the code divides as often as that says."""
        return isinstance(node, t.Power) and self.is_input(node.base)

    def of(self, node: t.Node) -> Form | None:
        """The degree of a formula; None for 0, which has any. Raises _Unknown."""
        if node not in self.found:
            self.found[node] = self._of(node)
        return self.found[node]

    def _of(self, node: t.Node) -> Form | None:
        match node:
            case t.Number(value):
                return self.none if value else None
            case t.Component() | t.Symbol():
                name = _name(node)
                if name.startswith("inv("):
                    raise _Unknown
                if name in self.named:
                    return self.of(self.named[name])
                return self.units.get(name, self.none)
            case t.Neg(argument) | t.Sum(argument) | t.MaxOver(argument):
                return self.of(argument)
            case t.Add(terms):
                return self._equal([self.of(each) for each in terms])
            case t.Mul(factors):
                return self._product([(self.of(each), Fraction(1)) for each in factors])
            case t.Frac(above, below):
                return self._product([(self.of(above), Fraction(1)), (self.of(below), Fraction(-1))])
            case t.Power(base, t.Number() | t.Frac(t.Number(), t.Number()) as exponent):
                return self._product([(self.of(base), _value(exponent))])
            case t.Call("sqrt", (argument,)):
                return self._product([(self.of(argument), Fraction(1, 2))])
            case t.Call(function, arguments, ()) if function in ALIKE:
                return self._equal([self.of(each) for each in arguments])
            case t.Call("sign", (argument,)):
                self.of(argument)
                return self.none
            case t.Cases(branches):
                for each in branches:
                    if isinstance(each, t.Branch):
                        self.of(each.condition)
                return self._equal([self.of(each.value) for each in branches if isinstance(each, t.Branch)])
            case t.Compare(_, left, right):
                self._equal([self.of(left), self.of(right)])
                return self.none
            case t.Call(function) if function in OPAQUE:
                raise _Unknown
            case t.Matrix() | t.Vector() | t.MatMul():
                raise _Unknown
        for child in node.children:
            self._equal([self.of(child), self.none])
        return self.none

    def _equal(self, forms: list[Form | None]) -> Form | None:
        known = [form for form in forms if form is not None]
        self.zero += [tuple(a - b for a, b in zip(known[0], other, strict=True)) for other in known[1:]]
        return known[0] if known else None

    def _product(self, factors: list[tuple[Form | None, Fraction]]) -> Form | None:
        found = self.none
        for form, power in factors:
            if form is None:
                return None
            found = tuple(a + power * b for a, b in zip(found, form, strict=True))
        return found


def _name(node: t.Component | t.Symbol) -> str:
    return node.base if isinstance(node, t.Component) else node.name


def _value(number: t.Number | t.Frac) -> Fraction:
    if isinstance(number, t.Number):
        return number.value
    assert isinstance(number.numerator, t.Number) and isinstance(number.denominator, t.Number)
    return number.numerator.value / number.denominator.value


def _is_fixed(one: InputSpec) -> bool:
    """Whether the size of an input is given by what it is: probabilities, a number from an interval."""
    return one.sums_to_one or one.domain.lower not in (0.0, -math.inf) or one.domain.upper not in (0.0, math.inf)
