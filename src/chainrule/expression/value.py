"""The value of a tree at a point, to many digits, by means that share nothing with the rules of differentiation.

A name that the point does not give is looked up in the scope. A pending derivative is the central difference of its
operand at a precision so high that the quotient is right to the digits asked for. To admit another kind of node, add a
row to ``VALUES``, ``CONDITIONS`` or ``ARRAYS``; another elementary function, a row in ``ELEMENTARY``; another function of
a whole vector or matrix, a row in ``WHOLE``.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, reduce
from itertools import pairwise, product
from math import comb
from threading import RLock
from types import MappingProxyType
from typing import Any, TypeAlias

from mpmath import mp

from ..errors import ChainruleError, UnsupportedExpression
from . import tree as t
from .scope import NamedFunction, Scope

Number: TypeAlias = Any
"""An mpmath ``mpf``: mpmath is untyped."""
Array: TypeAlias = Any
"""A number, or a tuple of arrays of one shape."""

DIGITS = 40
_LOCK = RLock()
"""mpmath keeps the working precision in one global context."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Undefined(ChainruleError):
    """The formula has no finite real value at the point."""


class UnknownValue(ChainruleError):
    """Neither the point nor the scope says what a name stands for."""


@dataclass(frozen=True)
class Point:
    """Values of names. indices: the position that each free index stands at, counted from 0."""

    scalars: Mapping[str, Number] = field(default_factory=dict)
    vectors: Mapping[str, Array] = field(default_factory=dict)
    dimensions: Mapping[str, int] = field(default_factory=dict)
    indices: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{name} = {_show(value)}" for name, value in self.scalars.items()]
        parts += [f"{name} = {value}" for name, value in self.dimensions.items()]
        parts += [f"{name} = {value + 1}" for name, value in self.indices.items()]
        parts += [f"{name} = {_show(value)}" for name, value in self.vectors.items()]
        return ", ".join(parts)


def _show(value: Array) -> str:
    return f"({', '.join(map(_show, value))})" if isinstance(value, tuple) else str(mp.nstr(value, 6))


@dataclass
class Trace:
    """What an evaluation met. margin: how near the nearest boundary between two branches was. taken: the branch chosen
    in each ``Cases`` node."""

    margin: Number = field(default_factory=lambda: mp.inf)
    taken: set[tuple[t.Node, int]] = field(default_factory=set)


def evaluate(node: t.Node, point: Point, scope: Scope, digits: int = DIGITS) -> Number:
    """The value of a scalar formula. Raises Undefined where it has none, UnknownValue for a name without a value."""
    return Evaluation(point, scope, digits).value(node)


def evaluate_array(node: t.Node, point: Point, scope: Scope, digits: int = DIGITS) -> Array:
    """The value of matrix notation: nested tuples, rows first. Raises UnsupportedExpression where shapes do not fit."""
    return Evaluation(point, scope, digits).array(node)


def terms_scale(node: t.Node, point: Point, scope: Scope, digits: int = DIGITS) -> Number:
    """The magnitude of the largest term of a line: what rounding errors, and so tolerances, are relative to."""
    return Evaluation(point, scope, digits).scale(node)


class Evaluation:
    """Values of many formulas at one point: named equations, sums and pending derivatives are evaluated once."""

    def __init__(self, point: Point, scope: Scope, digits: int = DIGITS) -> None:
        self.trace = Trace()
        self._bits = int(digits * 3.33) + 16
        self._frame = _Frame(_World(point, self.trace, _links(scope)), _NOTHING, point.indices)

    def value(self, node: t.Node) -> Number:
        with self._precision():
            result = _value(node, self._frame)
        if not mp.isfinite(result):
            raise Undefined("the value is not finite")
        return result

    def array(self, node: t.Node) -> Array:
        with self._precision():
            return _array(node, self._frame)

    def scale(self, node: t.Node) -> Number:
        with self._precision():
            return _scale(node, self._frame)

    def holds(self, condition: t.Node) -> bool:
        with self._precision():
            return _holds(condition, self._frame)

    @contextmanager
    def _precision(self) -> Iterator[None]:
        with _LOCK, mp.workprec(self._bits):
            try:
                yield
            except (ZeroDivisionError, ValueError, OverflowError) as error:
                raise Undefined(str(error)) from error


@dataclass(frozen=True, slots=True)
class _Link:
    """What a node refers to. number: the same for all nodes that are equal. free: its free indices, in order. names: all that its value may depend on."""

    node: t.Node
    number: int
    free: tuple[str, ...]
    names: frozenset[str]


class _Links:
    """What the nodes and names of a scope refer to, each found once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._numbers: dict[t.Node, int] = {}
        self._nodes: dict[int, _Link] = {}
        self._names: dict[str, frozenset[str]] = {}

    def of(self, node: t.Node) -> _Link:
        """By the node's id, which stays its own because the node is kept: to compare whole trees each time would be slow."""
        found = self._nodes.get(id(node))
        if found is None:
            number = self._numbers.setdefault(node, len(self._numbers))
            names = frozenset[str]().union(*map(self.names, t.names(node)))
            found = self._nodes[id(node)] = _Link(node, number, tuple(sorted(t.free_indices(node))), names)
        return found

    def names(self, name: str) -> frozenset[str]:
        """All names that the value of a name may depend on."""
        if name not in self._names:
            found, waiting = {name}, [name]
            while waiting:
                new = self._mentioned(waiting.pop()) - found
                found |= new
                waiting += new
            self._names[name] = frozenset(found)
        return self._names[name]

    def _mentioned(self, name: str) -> frozenset[str]:
        """The names in what a name stands for."""
        inverted = INVERSE.fullmatch(name)
        if inverted:
            return frozenset((inverted[1],))
        scope = self.scope
        meanings = (scope.functions.get(name), scope.vectors.get(name))
        bodies = [*(meaning.body for meaning in meanings if meaning), *filter(None, (scope.scalars.get(name),))]
        return frozenset[str]().union(*map(t.names, bodies))


@lru_cache(maxsize=64)
def _links(scope: Scope) -> _Links:
    """A scope has many points."""
    return _Links(scope)


class _World:
    """A point with everything already worked out there: numbers, inverse matrices. moved: the name that has another value than in
    the world ``around``; what does not depend on it is worked out there."""

    def __init__(
        self, point: Point, trace: Trace, links: _Links, around: "_World | None" = None, moved: str = ""
    ) -> None:
        self.point, self.trace, self.links, self.scope = point, trace, links, links.scope
        self.around, self.moved = around, moved
        self.known: dict[Any, Array] = {}
        self.finer: dict[int, _World] = {}

    def steady(self) -> "_World":
        """The same point for work at the present precision: what is worked out there serves every difference quotient of that precision."""
        if mp.prec not in self.finer:
            around = self.around and self.around.steady()
            self.finer[mp.prec] = _World(self.point, self.trace, self.links, around, self.moved)
        return self.finer[mp.prec]

    def with_moved(self, name: str, **values: Any) -> "_World":
        """The same but for a name. values: those of the point that are others."""
        return _World(replace(self.point, **values), self.trace, self.links, self, name)

    def outermost(self, names: frozenset[str]) -> "_World":
        """The outermost world in which what depends on these names alone has the value that it has here."""
        world = self
        while world.around is not None and world.moved not in names:
            world = world.around
        return world


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a node stands. names: the arguments of the named function whose body it is in; inside: that function."""

    world: _World
    names: Mapping[str, Number]
    indices: Mapping[str, int]
    inside: str = ""

    @property
    def outside(self) -> "_Frame":
        """Where the bodies of named equations stand: no argument and no bound index is seen there."""
        return _Frame(self.world, _NOTHING, self.world.point.indices)

    def at(self, index: str, place: int) -> "_Frame":
        """The same, with an index at a place."""
        return _Frame(self.world, self.names, {**self.indices, index: place}, self.inside)

    def within(self, world: _World) -> "_Frame":
        return _Frame(world, self.names, self.indices, self.inside)

    def position(self, index: str) -> int:
        if index in self.indices:
            return self.indices[index]
        if index.isdecimal():
            return int(index) - 1
        raise UnknownValue(f"the index {index} has no value here: give it in Point.indices")

    def size(self, dimension: str) -> int:
        if dimension.isdecimal():
            return int(dimension)
        if dimension in self.world.point.dimensions:
            return self.world.point.dimensions[dimension]
        raise UnknownValue(f"the dimension {dimension} has no value: give it in Point.dimensions")


def _value(node: t.Node, frame: _Frame) -> Number:
    try:
        row = VALUES[type(node)]
    except KeyError:
        raise UnsupportedExpression(f"a {type(node).__name__} is not a number: {node}") from None
    return row(node, frame)


def _once(name: str, key: Any, frame: _Frame, work: Callable[[_Frame], Array]) -> Array:
    """What a name stands for, or one of its entries."""
    return _kept(frame.world.links.names(name), key, frame, work)


def _once_here(node: t.Node, frame: _Frame, work: Callable[[_Frame], Array]) -> Array:
    """What belongs to a node: once for each place of its indices, but in the body of a function, whose arguments are others each time."""
    if frame.names:
        return work(frame)
    link = frame.world.links.of(node)
    return _kept(link.names, (link.number, *map(frame.indices.get, link.free)), frame, work)


def _kept(names: frozenset[str], key: Any, frame: _Frame, work: Callable[[_Frame], Array]) -> Array:
    world = frame.world.outermost(names)
    if key not in world.known:
        world.known[key] = work(frame.within(world))
    return world.known[key]


# --- names


def _symbol(node: t.Symbol, frame: _Frame) -> Number:
    name, world = node.name, frame.world
    if name in frame.names:
        return frame.names[name]
    if name in world.point.scalars:
        return world.point.scalars[name]
    if name in world.scope.scalars:
        return _once(name, name, frame, lambda f: _value(world.scope.scalars[name], f.outside))
    if name in frame.indices:
        return mp.mpf(frame.indices[name])
    if name in world.point.dimensions:
        return mp.mpf(world.point.dimensions[name])
    raise UnknownValue(f"the symbol {name} has no value: give it in Point.scalars or by a named equation")


def _component(node: t.Component, frame: _Frame) -> Number:
    return _entry(node.base, tuple([frame.position(i) for i in node.indices]), frame)


def _entry(base: str, places: tuple[int, ...], frame: _Frame) -> Number:
    point, vectors = frame.world.point, frame.world.scope.vectors
    if base in point.vectors:
        return _in_array(point.vectors[base], places, base)
    if base not in vectors and INVERSE.fullmatch(base):
        return _in_array(_whole(base, frame), places, base)
    if base in vectors and len(places) == len(vectors[base].indices):

        def work(frame: _Frame) -> Number:
            named = vectors[base]
            indices = {**point.indices, **dict(zip(named.indices, places, strict=True))}
            return _value(named.body, _Frame(frame.world, _NOTHING, indices))

        return _once(base, (base, places), frame, work)
    raise UnknownValue(f"the vector {base} has no value: give it in Point.vectors or by a named equation")


def _in_array(array: Array, places: tuple[int, ...], base: str) -> Number:
    try:
        for place in places:
            array = array[place]
    except (IndexError, TypeError):
        raise UnsupportedExpression(f"{base} has no component {tuple(p + 1 for p in places)}") from None
    return array


# --- arithmetic


def _mul(node: t.Mul, frame: _Frame) -> Number:
    result = _value(node.factors[0], frame)
    for factor in node.factors[1:]:
        result = result * _value(factor, frame)
    return result


def _add(node: t.Add, frame: _Frame) -> Number:
    result = _value(node.terms[0], frame)
    for term in node.terms[1:]:
        result = result + _value(term, frame)
    return result


def _power(node: t.Power, frame: _Frame) -> Number:
    return _raise(_value(node.base, frame), _value(node.exponent, frame))


def _raise(base: Number, exponent: Number) -> Number:
    if base == 0 and exponent < 0:
        raise Undefined("a negative power of 0")
    if base < 0 and exponent != int(exponent):
        raise Undefined("a fractional power of a negative number")
    return base ** (int(exponent) if exponent == int(exponent) and abs(exponent) < 2**20 else exponent)


def _sum(node: t.Sum, frame: _Frame) -> Number:
    def work(frame: _Frame) -> Number:
        places = range(frame.size(node.dimension))
        return mp.fsum(_value(node.body, frame.at(node.index, p)) for p in places)

    return _once_here(node, frame, work)


def _over(node: t.MaxOver | t.ArgMax, frame: _Frame) -> tuple[Number, ...]:
    """What the body is at each place of the index. How far the largest is from the next one is a margin."""

    def work(frame: _Frame) -> tuple[Number, ...]:
        places = range(frame.size(node.dimension))
        return tuple(_value(node.body, frame.at(node.index, p)) for p in places)

    values = _once_here(node, frame, work)
    frame.world.trace.margin = min(frame.world.trace.margin, _gap(sorted(values, reverse=True)))
    return tuple(values)


def _argmax(node: t.ArgMax, frame: _Frame) -> Number:
    """The first place, counted from 0 as every index here."""
    values = _over(node, frame)
    return mp.mpf(values.index(max(values)))


# --- functions


def _real(function: Callable[..., Number]) -> Callable[..., Number]:
    def checked(*arguments: Number) -> Number:
        result = function(*arguments)
        if isinstance(result, mp.mpc):
            raise Undefined(f"{function.__name__} of {_show(arguments)} is not real")
        return result

    return checked


def _positive(function: Callable[..., Number]) -> Callable[..., Number]:
    def checked(argument: Number) -> Number:
        if argument <= 0:
            raise Undefined(f"{function.__name__} of a number that is not positive")
        return function(argument)

    return checked


ELEMENTARY: Mapping[str, Callable[..., Number]] = {
    "exp": mp.exp,
    "log": _positive(mp.ln),
    "ln": _positive(mp.ln),
    "log1p": lambda u: _positive(mp.ln)(1 + u),
    "expm1": mp.expm1,
    "log2": lambda u: _positive(mp.ln)(u) / mp.ln2,
    "log10": lambda u: _positive(mp.ln)(u) / mp.ln10,
    "sqrt": _real(mp.sqrt),
    "cbrt": lambda u: mp.sign(u) * mp.cbrt(abs(u)),
    "sin": mp.sin,
    "cos": mp.cos,
    "tan": mp.tan,
    "cot": mp.cot,
    "sec": mp.sec,
    "csc": mp.csc,
    "asin": _real(mp.asin),
    "acos": _real(mp.acos),
    "atan": mp.atan,
    "acot": _real(mp.acot),
    "atan2": mp.atan2,
    "sinh": mp.sinh,
    "cosh": mp.cosh,
    "tanh": mp.tanh,
    "coth": mp.coth,
    "sech": mp.sech,
    "csch": mp.csch,
    "asinh": mp.asinh,
    "acosh": _real(mp.acosh),
    "atanh": _real(mp.atanh),
    "erf": mp.erf,
    "erfc": mp.erfc,
    "erfcx": lambda u: mp.exp(u * u) * mp.erfc(u),
    "abs": abs,
    "sign": mp.sign,
    "heaviside": lambda u, at=0.5: mp.mpf(1) if u > 0 else mp.mpf(0) if u < 0 else mp.mpf(at),
    "max": max,
    "min": min,
    "floor": mp.floor,
    "ceiling": mp.ceil,
    "gamma": mp.gamma,
    "loggamma": _positive(mp.loggamma),
    "digamma": _real(mp.digamma),
    "trigamma": lambda u: _real(mp.psi)(1, u),
    "polygamma": lambda n, u: _real(mp.psi)(int(n), u),
    "beta": _real(mp.beta),
    "sinc": mp.sinc,
    "lambertw": _real(mp.lambertw),
}
"""Elementary functions, spelled as in ``convert``; a function that the scope names is looked up there first."""

_SWITCHES: Mapping[str, Callable[..., Number]] = {
    "abs": abs,
    "sign": abs,
    "heaviside": lambda u, at=0: abs(u),
    "max": lambda *u: _gap(sorted(u, reverse=True)),
    "min": lambda *u: _gap(sorted(u)),
    "floor": lambda u: abs(u - mp.nint(u)),
    "ceiling": lambda u: abs(u - mp.nint(u)),
}
"""How far the arguments are from the place where a function changes its formula."""


def _gap(ordered: list[Number]) -> Number:
    return abs(ordered[0] - ordered[1]) if len(ordered) > 1 else mp.inf


def _call(node: t.Call, frame: _Frame) -> Number:
    if _is_whole(node, frame):
        return _number_of(node, frame)
    arguments = [_value(a, frame) for a in node.arguments]
    return _applied(node.function, arguments, [_value(p, frame) for p in node.parameters], frame)


def _applied(name: str, arguments: list[Number], parameters: list[Number], frame: _Frame) -> Number:
    world = frame.world
    named = world.scope.functions.get(name)
    if named is not None and not (frame.inside == name and name in ELEMENTARY):
        return _body(named, arguments, parameters, frame)
    if name not in ELEMENTARY:
        raise UnknownValue(f"the function {name} is unknown: name it in Scope.functions or add it to value.ELEMENTARY")
    if name in _SWITCHES:
        world.trace.margin = min(world.trace.margin, _SWITCHES[name](*arguments))
    return ELEMENTARY[name](*arguments, *parameters)


def _body(named: NamedFunction, arguments: list[Number], parameters: list[Number], frame: _Frame) -> Number:
    if len(arguments) != len(named.arguments) or len(parameters) not in (0, len(named.parameters)):
        raise UnsupportedExpression(f"{named.symbol} takes {len(named.arguments)} argument(s), not {len(arguments)}")
    names = dict(zip((*named.arguments, *named.parameters), (*arguments, *parameters), strict=False))
    return _value(named.body, _Frame(frame.world, names, frame.world.point.indices, named.symbol))


# --- branches

_COMPARE: Mapping[str, Callable[[Number, Number], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
    "=": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
}


def _compare(node: t.Compare, frame: _Frame) -> bool:
    left, right = _value(node.left, frame), _value(node.right, frame)
    if node.operator not in ("=", "!="):
        frame.world.trace.margin = min(frame.world.trace.margin, abs(left - right))
    return _COMPARE[node.operator](left, right)


CONDITIONS: Mapping[type[t.Node], Callable[[Any, _Frame], bool]] = {
    t.Compare: _compare,
    t.And: lambda n, f: all(_holds(c, f) for c in n.conditions),
    t.Otherwise: lambda n, f: True,
}


def _holds(node: t.Node, frame: _Frame) -> bool:
    if type(node) not in CONDITIONS:
        raise UnsupportedExpression(f"a {type(node).__name__} is not a condition: {node}")
    return CONDITIONS[type(node)](node, frame)


def _chosen(node: t.Cases, frame: _Frame) -> t.Node:
    for number, branch in enumerate(node.branches):
        if _holds(branch.condition, frame):
            frame.world.trace.taken.add((node, number))
            return branch.value
    raise Undefined("no branch holds")


# --- pending derivatives

_STEP = 0.6
"""The digits of a difference quotient's step, as a part of the digits asked for: the error is of second order, so that
1.2 times as many come out right."""


_SHARED = 64
"""Precisions of difference quotients are rounded up to multiples of so many bits, so that they can share what they work out."""


def _derivative(node: t.Derivative, frame: _Frame) -> Number:
    return _once_here(node, frame, lambda f: _quotient(node, f))


def _quotient(node: t.Derivative, frame: _Frame) -> Number:
    """The central difference of the order asked for. A variable that the scope names is varied by itself; what it is
    made of stays as it is, and whatever is made of it follows."""
    order, variable = node.order, node.variable
    centre = _value(variable, frame)
    small = -mp.mag(centre) if centre != 0 and abs(centre) < 1 else 0
    step = int(mp.prec * _STEP) + small
    with mp.workprec(mp.prec + order * (step + -small % _SHARED) + 20):
        steady = frame.within(frame.world.steady())
        centre = _value(variable, steady)
        h = mp.ldexp(mp.mpf(1), -step)
        total = mp.mpf(0)
        for k in range(order + 1):
            moved = _moved(variable, centre + (mp.mpf(order) / 2 - k) * h, steady)
            total += (-1) ** k * comb(order, k) * _value(node.operand, moved)
        return total / h**order


def _moved(variable: t.Node, value: Number, frame: _Frame) -> _Frame:
    match variable:
        case t.Symbol(name) if name in frame.names:
            names = {**frame.names, name: value}
            return _Frame(frame.world, names, frame.indices, frame.inside)
        case t.Symbol(name):
            return frame.within(frame.world.with_moved(name, scalars={**frame.world.point.scalars, name: value}))
        case t.Component(base, indices):
            places = tuple(frame.position(i) for i in indices)
            whole = _put(_whole(base, frame), places, value)
            return frame.within(frame.world.with_moved(base, vectors={**frame.world.point.vectors, base: whole}))
    raise UnsupportedExpression(f"cannot differentiate with respect to a {type(variable).__name__}")


INVERSE = re.compile(r"inv\((.+)\)")
"""The base of the components of an inverse matrix: (A⁻¹)_ij has the base ``inv(A)``."""


def _whole(base: str, frame: _Frame) -> Array:
    """All components of a vector or a matrix, those of a named one at their present values."""
    if base in frame.world.point.vectors:
        return frame.world.point.vectors[base]
    inverted = INVERSE.fullmatch(base)
    if inverted:
        return _once(base, base, frame, lambda f: _inverse_of(inverted[1], f))
    named = frame.world.scope.vectors.get(base)
    if named is None:
        raise UnknownValue(f"the vector {base} has no value: give it in Point.vectors or by a named equation")
    sizes = [frame.size(_dimension(base, axis, index, frame.world.scope)) for axis, index in enumerate(named.indices)]

    def work(frame: _Frame) -> Array:
        return _table({places: _entry(base, places, frame) for places in product(*map(range, sizes))}, sizes)

    return _once(base, ("whole", base), frame, work)


def _table(entries: Mapping[tuple[int, ...], Number], sizes: Sequence[int], places: tuple[int, ...] = ()) -> Array:
    """Nested tuples from the entry at each tuple of places."""
    if len(places) == len(sizes):
        return entries[places]
    return tuple(_table(entries, sizes, (*places, place)) for place in range(sizes[len(places)]))


def _dimension(base: str, axis: int, index: str, scope: Scope) -> str:
    if len(scope.shapes.get(base, ())) > axis:
        return scope.shapes[base][axis]
    if index in scope.indices:
        return scope.indices[index]
    raise UnknownValue(f"the vector {base} has no shape: give it in Scope.shapes or its index in Scope.indices")


def _put(array: Array, places: tuple[int, ...], value: Number) -> Array:
    first, *rest = places
    new = _put(array[first], tuple(rest), value) if rest else value
    return (*array[:first], new, *array[first + 1 :])


VALUES: Mapping[type[t.Node], Callable[[Any, _Frame], Number]] = {
    t.Number: lambda n, f: mp.mpf(n.value.numerator) / n.value.denominator,
    t.Decimal: lambda n, f: mp.mpf(n.value),
    t.Constant: lambda n, f: +{"pi": mp.pi, "e": mp.e, "oo": mp.inf}[n.name],
    t.Symbol: _symbol,
    t.Component: _component,
    t.Dimension: lambda n, f: mp.mpf(f.size(n.name)),
    t.Delta: lambda n, f: mp.mpf(f.position(n.left) == f.position(n.right)),
    t.Neg: lambda n, f: -_value(n.argument, f),
    t.Add: _add,
    t.Mul: _mul,
    t.Frac: lambda n, f: _value(n.numerator, f) / _value(n.denominator, f),
    t.Power: _power,
    t.Call: _call,
    t.Sum: _sum,
    t.MaxOver: lambda n, f: max(_over(n, f)),
    t.ArgMax: _argmax,
    t.Index: lambda n, f: mp.mpf(f.position(n.name)),
    t.Indicator: lambda n, f: mp.mpf(_holds(n.condition, f)),
    t.Cases: lambda n, f: _value(_chosen(n, f), f),
    t.Derivative: _derivative,
    t.Dot: lambda n, f: _dot(n, f),
    t.MatMul: lambda n, f: _number_of(n, f),
    t.Marked: lambda n, f: _value(n.argument, f),
}
"""The value of each kind of arithmetic node."""


# --- the size of the largest term


def _scale(node: t.Node, frame: _Frame) -> Number:
    row = _SCALES.get(type(node))
    return abs(_value(node, frame)) if row is None else row(node, frame)


def _scale_of_fraction(node: t.Frac, frame: _Frame) -> Number:
    below = _value(node.denominator, frame)
    return _scale(node.numerator, frame) * _scale(node.denominator, frame) / below**2


def _scale_of_power(node: t.Power, frame: _Frame) -> Number:
    base, exponent = _value(node.base, frame), _value(node.exponent, frame)
    if base == 0:
        return abs(_raise(base, exponent))
    return abs(_raise(base, exponent)) * max(1, abs(exponent)) * _scale(node.base, frame) / abs(base)


def _scale_of_sum(node: t.Sum | t.MaxOver, frame: _Frame) -> Number:
    places = range(frame.size(node.dimension))
    return max(_scale(node.body, frame.at(node.index, p)) for p in places)


_NOISE = mp.mpf(2) ** -32
"""The part of its operand's size that counts as a term of a pending derivative: where the derivative is 0, rounding
leaves much less than that times any tolerance, and where it is not, it is larger."""


def _scale_of_derivative(node: t.Derivative, frame: _Frame) -> Number:
    return max(abs(_value(node, frame)), abs(_value(node.operand, frame)) * _NOISE)


_SCALES: Mapping[type[t.Node], Callable[[Any, _Frame], Number]] = {
    t.Neg: lambda n, f: _scale(n.argument, f),
    t.Add: lambda n, f: max(_scale(term, f) for term in n.terms),
    t.Mul: lambda n, f: reduce(lambda a, b: a * b, (_scale(factor, f) for factor in n.factors)),
    t.Frac: _scale_of_fraction,
    t.Power: _scale_of_power,
    t.Sum: _scale_of_sum,
    t.MaxOver: _scale_of_sum,
    t.Cases: lambda n, f: _scale(_chosen(n, f), f),
    t.Derivative: _scale_of_derivative,
    t.Marked: lambda n, f: _scale(n.argument, f),
}


# --- matrix notation


def _array(node: t.Node, frame: _Frame) -> Array:
    row = ARRAYS.get(type(node))
    return _value(node, frame) if row is None else row(node, frame)


def _number_of(node: t.Node, frame: _Frame) -> Number:
    """The value of matrix notation that has to be a number."""
    found = _array(node, frame)
    if shape(found):
        raise UnsupportedExpression(f"not a number but an array of shape {shape(found)}: {node}")
    return found


def shape(array: Array) -> tuple[int, ...]:
    """The length along each axis; a number has none."""
    return (len(array), *shape(array[0])) if isinstance(array, tuple) else ()


def _misfit(node: t.Node, wanted: str, *arrays: Array) -> UnsupportedExpression:
    found = " and ".join(str(shape(a)) if shape(a) else "a number" for a in arrays)
    return UnsupportedExpression(f"{type(node).__name__} takes {wanted}, not {found}: {node}")


def _each(node: t.Node, function: Callable[..., Number], *arrays: Array) -> Array:
    """A function of the entries of arrays of one shape; a number goes with every entry."""
    if len({shape(a) for a in arrays if shape(a)}) > 1:
        shapes = " and ".join(str(shape(a)) for a in arrays)
        raise UnsupportedExpression(f"the parts of this {type(node).__name__} differ in shape, {shapes}: {node}")

    def entries(*parts: Array) -> Array:
        size = next((len(part) for part in parts if isinstance(part, tuple)), None)
        if size is None:
            return function(*parts)
        return tuple(entries(*(p[i] if isinstance(p, tuple) else p for p in parts)) for i in range(size))

    return entries(*arrays)


def _vector_of(node: t.Node, part: t.Node, frame: _Frame) -> tuple[Number, ...]:
    found = _array(part, frame)
    if len(shape(found)) != 1:
        raise _misfit(node, "vectors", found)
    return tuple(found)


def _matrix(node: t.Matrix, frame: _Frame) -> Array:
    found = _whole(node.name, frame)
    if len(shape(found)) != 2:
        raise _misfit(node, "a name with two indices", found)
    return found


def _sum_of_arrays(node: t.Add, frame: _Frame) -> Array:
    arrays = [_array(term, frame) for term in node.terms]
    return _each(node, lambda *entries: sum(entries[1:], entries[0]), *arrays)


def _product_of_arrays(node: t.Mul, frame: _Frame) -> Array:
    arrays = [_array(factor, frame) for factor in node.factors]
    if sum(bool(shape(a)) for a in arrays) > 1:
        raise _misfit(node, "numbers and at most one array (write Hadamard or MatMul)", *arrays)
    return _each(node, lambda *entries: reduce(lambda a, b: a * b, entries), *arrays)


def _hadamard(node: t.Hadamard, frame: _Frame) -> Array:
    arrays = [_array(factor, frame) for factor in node.factors]
    if len({shape(a) for a in arrays}) > 1 or not shape(arrays[0]):
        raise _misfit(node, "arrays of one shape", *arrays)
    return _each(node, lambda *entries: mp.fprod(entries), *arrays)


def _identity(size: int) -> Array:
    return _diagonal_matrix((mp.mpf(1),) * size)


def _diagonal_matrix(entries: tuple[Number, ...]) -> Array:
    return tuple(tuple(v if i == j else mp.mpf(0) for j in range(len(entries))) for i, v in enumerate(entries))


def _outer(node: t.Outer, frame: _Frame) -> Array:
    left, right = _vector_of(node, node.left, frame), _vector_of(node, node.right, frame)
    return tuple(tuple(a * b for b in right) for a in left)


def _dot(node: t.Dot, frame: _Frame) -> Number:
    left, right = _vector_of(node, node.left, frame), _vector_of(node, node.right, frame)
    if len(left) != len(right):
        raise _misfit(node, "vectors of one length", left, right)
    return mp.fdot(left, right)


def _transpose(node: t.Transpose, frame: _Frame) -> Array:
    """Of a vector the matrix of one row; that of such a row made by Transpose is the vector again."""
    found = _array(node.argument, frame)
    if not shape(found):
        raise _misfit(node, "a vector or a matrix", found)
    if len(shape(found)) == 1:
        return (found,)
    return found[0] if _is_row(node.argument, frame) else tuple(zip(*found, strict=True))


def _is_row(node: t.Node, frame: _Frame) -> bool:
    """Is the array with one row, that a node gives, a transposed vector?"""
    match node:
        case t.Transpose(argument):
            return len(shape(_array(argument, frame))) == 1
        case t.MatMul(factors):
            return _is_row(factors[0], frame)
        case t.Add() | t.Hadamard() | t.Mul() | t.Neg() | t.Frac() | t.Marked():
            return any(_is_row(child, frame) for child in node.children)
    return False


def _matmul(node: t.MatMul, frame: _Frame) -> Array:
    """A vector counts as a column; a row by a column is a number."""
    arrays = [_array(factor, frame) for factor in node.factors]
    if not all(map(shape, arrays)):
        raise _misfit(node, "vectors and matrices", *arrays)
    column = len(shape(arrays[-1])) == 1
    tables = [a if len(shape(a)) == 2 else tuple((entry,) for entry in a) for a in arrays]
    if any(shape(left)[1] != shape(right)[0] for left, right in pairwise(tables)):
        raise _misfit(node, "arrays of which each has as many columns as the next has rows", *arrays)
    result = reduce(_times, tables)
    if not column:
        return result
    return result[0][0] if _is_row(node.factors[0], frame) else tuple(row[0] for row in result)


def _times(left: Array, right: Array) -> Array:
    columns = tuple(zip(*right, strict=True))
    return tuple(tuple(mp.fdot(row, column) for column in columns) for row in left)


# --- functions of a whole vector or matrix; any other is applied entry by entry


def _square(node: t.Node, array: Array) -> Array:
    if len(shape(array)) != 2 or len(set(shape(array))) != 1:
        raise _misfit(node, "a square matrix", array)
    return array


def _diagonal(node: t.Node, array: Array) -> Array:
    return tuple(row[place] for place, row in enumerate(_square(node, array)))


def _inverse_of(name: str, frame: _Frame) -> Array:
    return _inverse(t.Call("inv", (t.Matrix(name),)), _whole(name, frame))


def _inverse(node: t.Node, array: Array) -> Array:
    table = mp.matrix([list(row) for row in _square(node, array)])
    inverse = mp.inverse(table)
    if mp.mnorm(table, 1) * mp.mnorm(inverse, 1) > mp.mpf(10) ** (mp.dps // 2):
        raise Undefined("a matrix is singular to half of the digits: its inverse has no value there")
    return tuple(tuple(inverse[i, j] for j in range(len(array))) for i in range(len(array)))


def _determinant(node: t.Node, array: Array) -> Number:
    return mp.det(mp.matrix([list(row) for row in _square(node, array)]))


def _norm(node: t.Node, array: Array) -> Number:
    """Euclidean of a vector, Frobenius of a matrix."""
    if not shape(array):
        raise _misfit(node, "a vector or a matrix", array)
    rows = array if len(shape(array)) == 2 else (array,)
    return mp.sqrt(mp.fsum((entry for row in rows for entry in row), squared=True))


def _largest(node: t.Node, array: Array) -> Number:
    if not shape(array):
        raise _misfit(node, "a vector or a matrix", array)
    return max(_largest(node, part) if isinstance(part, tuple) else part for part in array)


WHOLE: Mapping[str, Callable[[t.Node, Array], Array]] = {
    "largest": _largest,
    "norm": _norm,
    "tr": lambda n, a: mp.fsum(_diagonal(n, a)),
    "det": _determinant,
    "logdet": lambda n, a: _positive(mp.ln)(_determinant(n, a)),
    "inv": _inverse,
    "diagonal": _diagonal,
}
"""Functions of a whole vector or matrix: they get the node, for messages, and the array of its argument. A function that
the scope names is looked up there first."""


def _is_whole(node: t.Call, frame: _Frame) -> bool:
    return node.function in WHOLE and node.function not in frame.world.scope.functions and len(node.arguments) == 1


def _call_of_arrays(node: t.Call, frame: _Frame) -> Array:
    if _is_whole(node, frame):
        return _of_whole(node, frame)
    arrays = [_array(part, frame) for part in (*node.arguments, *node.parameters)]
    split = len(node.arguments)
    return _each(node, lambda *e: _applied(node.function, [*e[:split]], [*e[split:]], frame), *arrays)


def _of_whole(node: t.Call, frame: _Frame) -> Array:
    argument = node.arguments[0]
    if node.function == "inv" and isinstance(argument, t.Matrix):
        return _whole(f"inv({argument.name})", frame)  # shared with its components

    return _once_here(node, frame, lambda f: WHOLE[node.function](node, _array(argument, f)))


def _indicator(node: t.Indicator, frame: _Frame) -> Array:
    match node.condition:
        case t.Compare(operator, left, right):
            return _each(node, lambda a, b: mp.mpf(_COMPARE[operator](a, b)), _array(left, frame), _array(right, frame))
    return _value(node, frame)


ARRAYS: Mapping[type[t.Node], Callable[[Any, _Frame], Array]] = {
    t.Vector: lambda n, f: _whole(n.name, f),
    t.Matrix: _matrix,
    t.Identity: lambda n, f: _identity(f.size(n.dimension)),
    t.Ones: lambda n, f: (mp.mpf(1),) * f.size(n.dimension),
    t.Unit: lambda n, f: tuple(mp.mpf(place == f.position(n.index)) for place in range(f.size(n.dimension))),
    t.Diag: lambda n, f: _diagonal_matrix(_vector_of(n, n.vector, f)),
    t.Outer: _outer,
    t.Dot: _dot,
    t.Transpose: _transpose,
    t.MatMul: _matmul,
    t.Hadamard: _hadamard,
    t.Neg: lambda n, f: _each(n, lambda entry: -entry, _array(n.argument, f)),
    t.Add: _sum_of_arrays,
    t.Mul: _product_of_arrays,
    t.Frac: lambda n, f: _each(n, lambda a, b: a / b, _array(n.numerator, f), _array(n.denominator, f)),
    t.Power: lambda n, f: _each(n, _raise, _array(n.base, f), _array(n.exponent, f)),
    t.Call: _call_of_arrays,
    t.Indicator: _indicator,
    t.Marked: lambda n, f: _array(n.argument, f),
}
"""The array of each kind of node that can be one, entry by entry unless it says otherwise; any other node is a number."""
