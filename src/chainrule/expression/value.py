"""The value of a tree at a point, to many digits, by means that share nothing with the rules of differentiation.

A name that the point does not give is looked up in the scope. A pending derivative is the central difference of its
operand at a precision so high that the quotient is right to the digits asked for. To admit another kind of node, add a
row to ``VALUES``, ``CONDITIONS`` or ``ARRAYS``; another elementary function, a row in ``ELEMENTARY``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
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
    in each ``Cases`` node, by the node's ``id``."""

    margin: Number = field(default_factory=lambda: mp.inf)
    taken: set[tuple[int, int]] = field(default_factory=set)


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
        self._frame = _Frame(_World(scope, point, self.trace), _NOTHING, point.indices)

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


class _World:
    """A point with everything already worked out there. ``free``, shared by all worlds: the free indices of nodes, by
    id, and the node itself, so that the id stays its own."""

    def __init__(
        self, scope: Scope, point: Point, trace: Trace, free: dict[int, tuple[t.Node, Any]] | None = None
    ) -> None:
        self.scope, self.point, self.trace = scope, point, trace
        self.free = {} if free is None else free
        self.known: dict[Any, Number] = {}

    def at(self, point: Point) -> "_World":
        return _World(self.scope, point, self.trace, self.free)

    def key(self, node: t.Node, indices: Mapping[str, int]) -> tuple[Any, ...]:
        if id(node) not in self.free:
            self.free[id(node)] = (node, tuple(sorted(t.free_indices(node))))
        return (id(node), *(indices.get(i) for i in self.free[id(node)][1]))


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


def _once(key: Any, frame: _Frame, work: Callable[[], Number]) -> Number:
    known = frame.world.known
    if key not in known:
        known[key] = work()
    return known[key]


# --- names


def _symbol(node: t.Symbol, frame: _Frame) -> Number:
    name, world = node.name, frame.world
    if name in frame.names:
        return frame.names[name]
    if name in world.point.scalars:
        return world.point.scalars[name]
    if name in world.scope.scalars:
        return _once(name, frame, lambda: _value(world.scope.scalars[name], frame.outside))
    if name in frame.indices:
        return mp.mpf(frame.indices[name])
    if name in world.point.dimensions:
        return mp.mpf(world.point.dimensions[name])
    raise UnknownValue(f"the symbol {name} has no value: give it in Point.scalars or by a named equation")


def _component(node: t.Component, frame: _Frame) -> Number:
    return _entry(node.base, tuple(frame.position(i) for i in node.indices), frame)


def _entry(base: str, places: tuple[int, ...], frame: _Frame) -> Number:
    point, vectors = frame.world.point, frame.world.scope.vectors
    if base in point.vectors:
        found = point.vectors[base]
        for place in places:
            if not isinstance(found, tuple) or place >= len(found):
                raise UnsupportedExpression(f"{base} has no component {tuple(p + 1 for p in places)}")
            found = found[place]
        return found
    if base in vectors and len(places) == 1:
        named = vectors[base]
        inner = replace(frame.outside, indices={**point.indices, named.index: places[0]})
        return _once((base, places[0]), frame, lambda: _value(named.body, inner))
    raise UnknownValue(f"the vector {base} has no value: give it in Point.vectors or by a named equation")


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
    def work() -> Number:
        places = range(frame.size(node.dimension))
        return mp.fsum(_value(node.body, replace(frame, indices={**frame.indices, node.index: p})) for p in places)

    return work() if frame.names else _once(frame.world.key(node, frame.indices), frame, work)


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
    name, world = node.function, frame.world
    arguments = [_value(a, frame) for a in node.arguments]
    named = world.scope.functions.get(name)
    if named is not None and not (frame.inside == name and name in ELEMENTARY):
        return _body(named, arguments, [_value(p, frame) for p in node.parameters], frame)
    if name not in ELEMENTARY:
        raise UnknownValue(f"the function {name} is unknown: name it in Scope.functions or add it to value.ELEMENTARY")
    if name in _SWITCHES:
        world.trace.margin = min(world.trace.margin, _SWITCHES[name](*arguments))
    return ELEMENTARY[name](*arguments, *(_value(p, frame) for p in node.parameters))


def _body(named: NamedFunction, arguments: list[Number], parameters: list[Number], frame: _Frame) -> Number:
    if len(arguments) != len(named.arguments) or len(parameters) not in (0, len(named.parameters)):
        raise UnsupportedExpression(f"{named.symbol} takes {len(named.arguments)} argument(s), not {len(arguments)}")
    names = dict(zip((*named.arguments, *named.parameters), (*arguments, *parameters), strict=False))
    return _value(named.body, replace(frame.outside, names=names, inside=named.symbol))


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
            frame.world.trace.taken.add((id(node), number))
            return branch.value
    raise Undefined("no branch holds")


# --- pending derivatives

_STEP = 0.6
"""The digits of a difference quotient's step, as a part of the digits asked for: the error is of second order, so that
1.2 times as many come out right."""


def _derivative(node: t.Derivative, frame: _Frame) -> Number:
    if frame.names:
        return _quotient(node, frame)
    return _once(frame.world.key(node, frame.indices), frame, lambda: _quotient(node, frame))


def _quotient(node: t.Derivative, frame: _Frame) -> Number:
    """The central difference of the order asked for. A variable that the scope names is varied by itself; what it is
    made of stays as it is, and whatever is made of it follows."""
    order, variable = node.order, node.variable
    centre = _value(variable, frame)
    small = -mp.mag(centre) if centre != 0 and abs(centre) < 1 else 0
    step = int(mp.prec * _STEP) + small
    with mp.workprec(mp.prec + order * step + 20):
        steady = replace(frame, world=frame.world.at(frame.world.point))
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
            return replace(frame, names={**frame.names, name: value}, world=frame.world.at(frame.world.point))
        case t.Symbol(name):
            point = replace(frame.world.point, scalars={**frame.world.point.scalars, name: value})
            return replace(frame, world=frame.world.at(point))
        case t.Component(base, indices):
            places = tuple(frame.position(i) for i in indices)
            whole = _put(_whole(base, frame), places, value)
            point = replace(frame.world.point, vectors={**frame.world.point.vectors, base: whole})
            return replace(frame, world=frame.world.at(point))
    raise UnsupportedExpression(f"cannot differentiate with respect to a {type(variable).__name__}")


def _whole(base: str, frame: _Frame) -> Array:
    """All components of a vector, those of a named one at their present values."""
    if base in frame.world.point.vectors:
        return frame.world.point.vectors[base]
    named = frame.world.scope.vectors.get(base)
    if named is None:
        raise UnknownValue(f"the vector {base} has no value: give it in Point.vectors or by a named equation")
    size = frame.size(_dimension(base, named.index, frame.world.scope))
    return tuple(_entry(base, (place,), frame) for place in range(size))


def _dimension(base: str, index: str, scope: Scope) -> str:
    if scope.shapes.get(base):
        return scope.shapes[base][0]
    if index in scope.indices:
        return scope.indices[index]
    raise UnknownValue(f"the vector {base} has no shape: give it in Scope.shapes or its index in Scope.indices")


def _put(array: Array, places: tuple[int, ...], value: Number) -> Array:
    first, *rest = places
    new = _put(array[first], tuple(rest), value) if rest else value
    return (*array[:first], new, *array[first + 1 :])


VALUES: Mapping[type[t.Node], Callable[[Any, _Frame], Number]] = {
    t.Number: lambda n, f: mp.mpf(n.value.numerator) / n.value.denominator,
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
    t.Cases: lambda n, f: _value(_chosen(n, f), f),
    t.Derivative: _derivative,
    t.Dot: lambda n, f: _dot(n, f),
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


def _scale_of_sum(node: t.Sum, frame: _Frame) -> Number:
    places = range(frame.size(node.dimension))
    return max(_scale(node.body, replace(frame, indices={**frame.indices, node.index: p})) for p in places)


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
    t.Cases: lambda n, f: _scale(_chosen(n, f), f),
    t.Derivative: _scale_of_derivative,
    t.Marked: lambda n, f: _scale(n.argument, f),
}


# --- matrix notation


def _array(node: t.Node, frame: _Frame) -> Array:
    row = ARRAYS.get(type(node))
    return _value(node, frame) if row is None else row(node, frame)


def shape(array: Array) -> tuple[int, ...]:
    """The length along each axis; a number has none."""
    return (len(array), *shape(array[0])) if isinstance(array, tuple) else ()


def _each(function: Callable[..., Number], *arrays: Array) -> Array:
    """A function of the entries of arrays of one shape."""
    if isinstance(arrays[0], tuple):
        return tuple(_each(function, *parts) for parts in zip(*arrays, strict=True))
    return function(*arrays)


def _vector_of(node: t.Node, frame: _Frame) -> tuple[Number, ...]:
    found = _array(node, frame)
    if len(shape(found)) != 1:
        raise UnsupportedExpression(f"expected a vector, found an array with {len(shape(found))} axes: {node}")
    return tuple(found)


def _sum_of_arrays(node: t.Add, frame: _Frame) -> Array:
    arrays = [_array(term, frame) for term in node.terms]
    if len({shape(a) for a in arrays}) > 1:
        raise UnsupportedExpression(f"the terms of a sum differ in shape: {', '.join(str(shape(a)) for a in arrays)}")
    return _each(lambda *entries: sum(entries[1:], entries[0]), *arrays)


def _product_of_arrays(node: t.Mul, frame: _Frame) -> Array:
    arrays = [_array(factor, frame) for factor in node.factors]
    large = [a for a in arrays if shape(a)]
    if len(large) > 1:
        raise UnsupportedExpression(f"a product of {len(large)} arrays: only numbers can multiply a vector or matrix")
    factor = mp.fprod(a for a in arrays if not shape(a))
    return _each(lambda entry: factor * entry, large[0]) if large else factor


def _quotient_of_arrays(node: t.Frac, frame: _Frame) -> Array:
    below = _array(node.denominator, frame)
    if shape(below):
        raise UnsupportedExpression("a vector or matrix below a fraction bar")
    return _each(lambda entry: entry / below, _array(node.numerator, frame))


def _diag(node: t.Diag, frame: _Frame) -> Array:
    entries = _vector_of(node.vector, frame)
    return tuple(tuple(v if i == j else mp.mpf(0) for j in range(len(entries))) for i, v in enumerate(entries))


def _outer(node: t.Outer, frame: _Frame) -> Array:
    left, right = _vector_of(node.left, frame), _vector_of(node.right, frame)
    return tuple(tuple(a * b for b in right) for a in left)


def _dot(node: t.Dot, frame: _Frame) -> Number:
    left, right = _vector_of(node.left, frame), _vector_of(node.right, frame)
    if len(left) != len(right):
        raise UnsupportedExpression(f"the scalar product of vectors of {len(left)} and {len(right)} components")
    return mp.fdot(left, right)


ARRAYS: Mapping[type[t.Node], Callable[[Any, _Frame], Array]] = {
    t.Vector: lambda n, f: _whole(n.name, f),
    t.Diag: _diag,
    t.Outer: _outer,
    t.Dot: _dot,
    t.Neg: lambda n, f: _each(lambda entry: -entry, _array(n.argument, f)),
    t.Add: _sum_of_arrays,
    t.Mul: _product_of_arrays,
    t.Frac: _quotient_of_arrays,
    t.Marked: lambda n, f: _array(n.argument, f),
}
"""The array of each kind of node that can be one; any other node is a number."""
