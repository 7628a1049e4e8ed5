"""A definition in index notation, evaluated over arrays of balls, and differentiated by running back through the operations.

No rule, derivation or stable form of ours takes part: a sum is a sum, a quotient a quotient, and the precision makes up for
what cancels. The elements may be balls or series of balls up to first order, so that the same run gives directional
derivatives. To teach it a function, add a row to ``SLOPES``; a condition, to ``HOLDS``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_series
from sympy.core.function import AppliedUndef

from ..balls import CONSTANTS
from ..definition import Definition
from ..errors import UnsupportedExpression

Balls = Any
"""An object array of balls, or of series."""
Pull = Callable[[Balls], Balls]

SLOPES: Mapping[Any, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    sympy.exp: (lambda u: u.exp(), lambda u, v: v),
    sympy.log: (lambda u: u.log(), lambda u, v: 1 / u),
    sympy.sin: (lambda u: u.sin(), lambda u, v: u.cos()),
    sympy.cos: (lambda u: u.cos(), lambda u, v: -u.sin()),
    sympy.tanh: (
        lambda u: ((2 * u).exp() - 1) / ((2 * u).exp() + 1),
        lambda u, v: 4 * (2 * u).exp() / ((2 * u).exp() + 1) ** 2,
    ),
    sympy.erf: (lambda u: u.erf(), lambda u, v: (-u * u).exp() * 2 / arb.pi().sqrt()),
}
"""Functions of one number: value, and derivative from the argument and the value."""
HOLDS: Mapping[Any, Callable[[Any], Any]] = {
    sympy.StrictGreaterThan: lambda signs: signs > 0,
    sympy.GreaterThan: lambda signs: signs >= 0,
    sympy.StrictLessThan: lambda signs: signs < 0,
    sympy.LessThan: lambda signs: signs <= 0,
    sympy.Equality: lambda signs: signs == 0,
    sympy.Unequality: lambda signs: signs != 0,
}
"""Conditions, of the sign of the difference between their two sides."""


@dataclass(eq=False)
class Quantity:
    """An array with one axis for each named index, and how its cotangent reaches what it was made of."""

    axes: tuple[str, ...]
    data: Balls
    parents: tuple[tuple["Quantity", Pull], ...] = ()
    number: int = 0


@dataclass
class Run:
    """One evaluation. inputs: arrays of balls by base; classes: the place of each class index; sizes: by dimension."""

    definition: Definition
    inputs: Mapping[str, Balls]
    classes: Mapping[str, int]
    sizes: Mapping[str, int]
    quantities: list[Quantity] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._equations: dict[str, tuple[tuple[Any, ...], Any]] = {}
        self._calls: dict[str, tuple[tuple[Any, ...], Any]] = {}
        _collect(self.definition, self._equations, self._calls)
        self.given = {name: self._made((), data) for name, data in self.inputs.items()}
        self._named: dict[str, Quantity] = {}

    # ------------------------------------------------------------ what is asked

    def value(self) -> Quantity:
        """The definition, with the axes of its value."""
        index = self.definition.index
        own = () if index is None else index if isinstance(index, tuple) else (index,)
        return self._turned(self.evaluate(self.definition.expression), tuple(map(str, own)))

    def pulled(self, result: Quantity, cotangent: Balls, base: str) -> Balls:
        """The cotangent of an input for a cotangent of the result, by running backwards."""
        waiting: dict[int, Balls] = {result.number: cotangent}
        target = self.given[base]
        for quantity in reversed(self.quantities[: result.number + 1]):
            found = waiting.pop(quantity.number, None)
            if found is None:
                continue
            if quantity is target:
                return found
            for parent, pull in quantity.parents:
                share = pull(found)
                before = waiting.get(parent.number)
                waiting[parent.number] = share if before is None else _array(before + share)
        return np.full(np.shape(target.data), arb(0), dtype=object)

    # ------------------------------------------------------------ formulas

    def evaluate(self, node: Any) -> Quantity:
        """A formula as an array over its free indices."""
        if isinstance(node, sympy.Add | sympy.Mul):
            first, *rest = (self.evaluate(each) for each in node.args)
            combine = self._sum_of if isinstance(node, sympy.Add) else self._product_of
            for other in rest:
                first = combine(first, other)
            return first
        if isinstance(node, sympy.Pow):
            return self._power(self.evaluate(node.base), node.exp)
        if isinstance(node, sympy.Sum):
            return self._total(node)
        if isinstance(node, sympy.Indexed):
            return self._component(node)
        if isinstance(node, sympy.KroneckerDelta):
            return self._delta(*node.args)
        if isinstance(node, sympy.Rational | sympy.Float):
            exact = sympy.Rational(node)
            return self._made((), np.array(arb(int(exact.p)) / int(exact.q), dtype=object))
        if isinstance(node, sympy.Symbol):
            return self._symbol(node)
        if node in CONSTANTS:
            return self._made((), _array(CONSTANTS[node]()))
        if node.func in (sympy.Max, sympy.Min):
            return self._furthest([self.evaluate(each) for each in node.args], 1 if node.func is sympy.Max else -1)
        if node.func is sympy.Abs:
            inner = self.evaluate(node.args[0])
            return self._furthest([inner, self._product_of(self._made((), _array(arb(-1))), inner)], 1)
        if isinstance(node, sympy.Piecewise):
            return self._cases(node)
        if node.func in SLOPES:
            return self._of_one(node.func, self.evaluate(node.args[0]))
        if isinstance(node, AppliedUndef) and node.func.__name__ in self._calls:
            variables, body = self._calls[node.func.__name__]
            return self.evaluate(body.xreplace(dict(zip(variables, node.args, strict=True))))
        raise UnsupportedExpression(f"{node}: {node.func} has no row in chainrule.certification.arrays")

    def _made(self, axes: tuple[str, ...], data: Balls, *parents: tuple[Quantity, Pull]) -> Quantity:
        made = Quantity(axes, data, parents, len(self.quantities))
        self.quantities.append(made)
        return made

    def _symbol(self, node: sympy.Symbol) -> Quantity:
        name = str(node)
        if name in self.given:
            return self.given[name]
        if name in self.sizes:
            return self._made((), np.array(arb(self.sizes[name]), dtype=object))
        return self._equation(name)

    def _equation(self, name: str) -> Quantity:
        if name not in self._equations:
            raise UnsupportedExpression(f"{self.definition.name}: no formula for {name}")
        if name not in self._named:
            indices, body = self._equations[name]
            self._named[name] = self._turned(self.evaluate(body), tuple(map(str, indices)))
        return self._named[name]

    def _component(self, node: sympy.Indexed) -> Quantity:
        name = str(node.base.label)
        whole = self.given[name] if name in self.given else self._equation(name)
        places = tuple(map(str, node.indices))
        for position, place in enumerate(places):
            if place in self.classes:
                if len(places) > 1:
                    raise UnsupportedExpression(f"{node}: a class index of a matrix")
                return self._entry(whole, self.classes[place])
            if place in places[:position]:
                return self._diagonal(whole, place)
        return self._made(places, whole.data, (whole, lambda g: g))

    def _entry(self, whole: Quantity, place: int) -> Quantity:
        def put(g: Balls) -> Balls:
            spread = np.full(np.shape(whole.data), arb(0), dtype=object)
            spread[place] = g[()]
            return spread

        return self._made((), _array(whole.data[place]), (whole, put))

    def _diagonal(self, whole: Quantity, index: str) -> Quantity:
        def put(g: Balls) -> Balls:
            spread = np.full(np.shape(whole.data), arb(0), dtype=object)
            np.fill_diagonal(spread, g)
            return spread

        return self._made((index,), np.diagonal(whole.data).copy(), (whole, put))

    def _furthest(self, several: list[Quantity], sign: int) -> Quantity:
        """The largest (sign 1) or the least (-1) of several. Where two are equal it has a value, but no derivative."""
        first, *rest = several
        for other in rest:
            axes, x, _, y, _ = self._both(first, other)
            signs = sign * _signs(_array(x - y))
            own = np.where(signs == 0, np.nan, np.where(np.isnan(signs), np.nan, signs > 0))
            found = _array(np.where(signs >= 0, x, np.where(signs < 0, y, arb("nan"))))
            first = self._chosen(axes, found, [(first, own), (other, 1 - own)])
        return first

    def _cases(self, node: sympy.Piecewise) -> Quantity:
        """The value of the first branch whose condition holds; NaN where that can not be told."""
        values = [self.evaluate(value) for value, _ in node.args]
        truths = [self._truth(condition) for _, condition in node.args]
        axes = tuple(dict.fromkeys(a for each in (*values, *truths) for a in each.axes))
        left: Any = 1.0
        found: Any = arb("nan")
        branches = []
        for value, truth in zip(values, truths, strict=True):
            own = left * self._aligned(truth, axes)[0]
            left = left * (1 - self._aligned(truth, axes)[0])
            found = np.where(own == 1, self._aligned(value, axes)[0], found)
            branches.append((value, own))
        return self._chosen(axes, _array(np.where(np.isnan(left), arb("nan"), found)), branches)

    def _truth(self, condition: Any) -> Quantity:
        """A condition as 1 or 0, and NaN where it can not be told."""
        if condition in (sympy.true, sympy.false):
            return self._made((), np.array(float(condition == sympy.true)))
        if isinstance(condition, sympy.And):
            return reduce(self._both_hold, map(self._truth, condition.args))
        if type(condition) not in HOLDS:
            raise UnsupportedExpression(f"{condition}: {type(condition)} has no row in chainrule.certification.arrays")
        difference = self.evaluate(condition.lhs - condition.rhs)
        signs = _signs(difference.data)
        return self._made(difference.axes, np.where(np.isnan(signs), np.nan, HOLDS[type(condition)](signs)))

    def _both_hold(self, a: Quantity, b: Quantity) -> Quantity:
        axes, x, _, y, _ = self._both(a, b)
        return self._made(axes, np.asarray(x * y))

    def _chosen(self, axes: tuple[str, ...], found: Balls, branches: Sequence[tuple[Quantity, Any]]) -> Quantity:
        """What stands in one of several branches at each place, by their weights there: 1, 0, or NaN where there is no derivative."""
        return self._made(axes, found, *((one, self._weighing(one, axes, weight)) for one, weight in branches))

    def _weighing(self, one: Quantity, axes: tuple[str, ...], weight: Any) -> Pull:
        _, back = self._aligned(one, axes)
        balls = _balls(weight)
        return lambda g: back(_array(g * balls))

    def _delta(self, *indices: Any) -> Quantity:
        names, sizes = [], []
        for each in indices:
            if str(each) in self.classes:
                continue
            names.append(str(each))
            sizes.append(self.sizes[str(each.upper + 1)])
        places = [self.classes[str(each)] for each in indices if str(each) in self.classes]
        if len(names) == 1:
            return self._made(tuple(names), _balls(np.arange(sizes[0]) == places[0]))
        return self._made(tuple(names), _balls(np.eye(sizes[0])))

    def _aligned(self, one: Quantity, axes: tuple[str, ...]) -> tuple[Balls, Pull]:
        """The data with one axis for each of ``axes``, and the way back."""
        order = [one.axes.index(a) for a in axes if a in one.axes]
        missing = tuple(k for k, a in enumerate(axes) if a not in one.axes)
        turned = np.transpose(one.data, order)
        back = np.argsort(order)

        def pull(g: Balls) -> Balls:
            summed = g
            for place in reversed(missing):
                summed = _array(np.add.reduce(summed, axis=place))
            return np.transpose(summed, back)

        return np.expand_dims(turned, missing), pull

    def _turned(self, one: Quantity, axes: tuple[str, ...]) -> Quantity:
        if one.axes == axes:
            return one
        if set(one.axes) - set(axes):
            raise UnsupportedExpression(f"{self.definition.name}: free indices {one.axes}, not {axes}")
        data, pull = self._aligned(one, axes)
        return self._made(axes, data, (one, pull))

    def _both(self, a: Quantity, b: Quantity) -> tuple[tuple[str, ...], Balls, Pull, Balls, Pull]:
        axes = tuple(dict.fromkeys((*a.axes, *b.axes)))
        return axes, *self._aligned(a, axes), *self._aligned(b, axes)

    def _sum_of(self, a: Quantity, b: Quantity) -> Quantity:
        axes, x, back_x, y, back_y = self._both(a, b)
        return self._made(axes, _array(x + y), (a, back_x), (b, back_y))

    def _product_of(self, a: Quantity, b: Quantity) -> Quantity:
        axes, x, back_x, y, back_y = self._both(a, b)
        return self._made(
            axes, _array(x * y), (a, lambda g: back_x(_array(g * y))), (b, lambda g: back_y(_array(g * x)))
        )

    def _power(self, root: Quantity, exponent: Any) -> Quantity:
        u = root.data
        if exponent == sympy.S.Half or exponent == -sympy.S.Half:
            r = np.frompyfunc(lambda x: x.sqrt(), 1, 1)(u)
            r = _array(r)
            made = self._made(root.axes, r, (root, lambda g: _array(g / _array(2 * r))))
            return made if exponent.is_positive else self._power(made, sympy.Integer(-1))
        if not exponent.is_Integer:
            raise UnsupportedExpression(f"a power with the exponent {exponent}")
        n = int(exponent)
        if n == -1:
            inverse = _array(1 / u)
            return self._made(root.axes, inverse, (root, lambda g: _array(g * _array(-_array(inverse * inverse)))))
        return self._made(root.axes, _array(u**n), (root, lambda g: _array(g * _array(n * _array(u ** (n - 1))))))

    def _of_one(self, function: Any, argument: Quantity) -> Quantity:
        value, slope = SLOPES[function]
        found = _array(np.frompyfunc(value, 1, 1)(argument.data))
        slopes = np.frompyfunc(slope, 2, 1)
        return self._made(argument.axes, found, (argument, lambda g: _array(g * _array(slopes(argument.data, found)))))

    def _total(self, node: sympy.Sum) -> Quantity:
        inner = self.evaluate(node.function)
        for index, low, high in node.limits:
            name, size = str(index), self.sizes[str(high - low + 1)]
            if name not in inner.axes:
                inner = self._product_of(inner, self._made((name,), _balls(np.ones(size))))
            inner = self._summed(inner, inner.axes.index(name), size)
        return inner

    def _summed(self, inner: Quantity, place: int, size: int) -> Quantity:
        def spread(g: Balls) -> Balls:
            return np.repeat(np.expand_dims(g, place), size, axis=place)

        left = inner.axes[:place] + inner.axes[place + 1 :]
        return self._made(left, _array(np.add.reduce(inner.data, axis=place)), (inner, spread))


def _signs(differences: Balls) -> Any:
    """1, 0 or -1 for numbers of which that is certain, else NaN; of series, those of the number where they start."""

    def sign(x: Any) -> float:
        ball = x[0] if isinstance(x, arb_series) else x
        return 1.0 if ball > 0 else -1.0 if ball < 0 else 0.0 if ball == 0 else np.nan

    return np.asarray(np.frompyfunc(sign, 1, 1)(differences), dtype=np.float64)


def _array(found: Any) -> Balls:
    """An object array, of no axes too, where NumPy would hand out the ball itself."""
    if isinstance(found, np.ndarray):
        return found
    made = np.empty((), dtype=object)
    made[()] = found
    return made


def _balls(values: Any) -> Balls:
    return _array(np.frompyfunc(lambda x: arb(float(x)), 1, 1)(np.asarray(values, dtype=np.float64)))


def _collect(definition: Definition, equations: dict[str, Any], calls: dict[str, Any]) -> None:
    for left, right in definition.where.items():
        body = sympy.sympify(right)
        if isinstance(left, AppliedUndef):
            calls.setdefault(left.func.__name__, (left.args, body))
        elif isinstance(left, sympy.Indexed):
            equations.setdefault(str(left.base.label), (left.indices, body))
        else:
            equations.setdefault(str(left), ((), body))
    for used in definition.uses:
        _collect(used, equations, calls)
        if used.index is None:
            calls.setdefault(used.symbol, (used.variables, used.expression))


def unit_vectors(shape: Sequence[int]) -> Iterator[tuple[tuple[int, ...], Balls]]:
    """Every place of an array with the array that is 1 there and 0 elsewhere."""
    for place in np.ndindex(*shape):
        one = np.zeros(shape)
        one[place] = 1.0
        yield place, _balls(one)
