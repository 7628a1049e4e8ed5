"""Random points of the declared domain: the same on every machine, to many digits, and telling.

A plan walks through sizes of every dimension and through every way in which free indices can coincide; scalars are
drawn small, moderate and large, and near the places where a formula changes. To admit another kind of SymPy set, add a
row to ``SETS``.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import Any, TypeAlias

import sympy
from mpmath import mp

from ..calculus.dependence import matrix_of
from ..errors import UnsupportedExpression
from ..expression import tree as t
from ..expression.scope import Scope
from ..expression.value import Evaluation, Number, Point, Undefined, UnknownValue

SIZES = (2, 3, 1, 7)
BITS = 180
ONE_HOT = 0.35
"""The part of the points at which weights that sum to 1 are one 1 and otherwise 0."""


@dataclass(frozen=True)
class Range:
    """The real numbers between two bounds (None: unbounded); or, where ``values`` is not empty, just those."""

    low: Number = None
    high: Number = None
    values: tuple[Number, ...] = ()
    holes: tuple[Number, ...] = ()

    def __contains__(self, number: Number) -> bool:
        if self.values:
            return number in self.values
        return (self.low is None or number > self.low) and (self.high is None or number < self.high)


def _number(value: Any) -> Number:
    if not value.is_number:
        raise UnsupportedExpression(f"the bound {value} of a domain is not a number: give the domain in numbers")
    with mp.workprec(BITS):
        return mp.mpf(sympy.Float(value, 50)._mpf_)


def _interval(values: Any) -> tuple[Range, ...]:
    low, high = values.start, values.end
    return (Range(None if low.is_infinite else _number(low), None if high.is_infinite else _number(high)),)


def _difference(values: Any) -> tuple[Range, ...]:
    whole, without = values.args
    if not isinstance(without, sympy.FiniteSet):
        raise UnsupportedExpression(f"{values}: only single points can be taken out of a domain")
    return tuple(replace(part, holes=tuple(map(_number, without.args))) for part in ranges(whole))


def _integers(values: Any) -> tuple[Range, ...]:
    low = -4 if values.inf.is_infinite else int(values.inf)
    high = low + 8 if values.sup.is_infinite else int(values.sup)
    return (Range(values=tuple(mp.mpf(n) for n in range(low, min(high, low + 8) + 1))),)


SETS: tuple[tuple[Any, Callable[[Any], tuple[Range, ...]]], ...] = (
    (sympy.FiniteSet, lambda s: (Range(values=tuple(sorted(map(_number, s.args)))),)),
    (sympy.Interval, _interval),
    (sympy.Union, lambda s: tuple(part for a in sorted(s.args, key=str) for part in ranges(a))),
    (sympy.Complement, _difference),
    ((type(sympy.S.Integers), type(sympy.S.Naturals), type(sympy.S.Naturals0), sympy.Range), _integers),
)


def ranges(values: Any) -> tuple[Range, ...]:
    """The parts of a SymPy set. Raises UnsupportedExpression for a set of another kind."""
    if values is None or values == sympy.S.Reals:
        return (Range(),)
    for kind, read in SETS:
        if isinstance(values, kind):
            return read(values)
    raise UnsupportedExpression(
        f"cannot draw from the domain {values}: give an interval, a finite set or a union of such"
    )


def _unit(rng: Random) -> Number:
    with mp.workprec(BITS):
        return mp.mpf(rng.getrandbits(BITS - 20) | 1) / 2 ** (BITS - 20)


def _between(rng: Random, low: float, high: float) -> Number:
    with mp.workprec(BITS):
        return low + (high - low) * _unit(rng)


def _magnitude(rng: Random) -> Number:
    """Moderate half of the time; otherwise small or large."""
    kind = rng.randrange(6)
    if kind == 0:
        return _between(rng, 0.001, 0.1)
    return _between(rng, 3, 12) if kind == 1 else _between(rng, 0.1, 3)


def draw(parts: tuple[Range, ...], rng: Random) -> Number:
    """A random number of a domain, never an end point of an interval."""
    part = rng.choice(parts)
    if part.values:
        return rng.choice(part.values)
    with mp.workprec(BITS):
        if part.low is not None and part.high is not None:
            return part.low + (part.high - part.low) * _unit(rng)
        if part.low is not None:
            return part.low + _magnitude(rng)
        if part.high is not None:
            return part.high - _magnitude(rng)
        return _magnitude(rng) * rng.choice((1, -1))


# --- what the lines need


@dataclass(frozen=True)
class Needs:
    """The names that lines are made of, down through the named equations, and the conditions that they branch on."""

    scalars: tuple[str, ...]
    vectors: tuple[str, ...]
    dimensions: tuple[str, ...]
    indices: Mapping[str, str]
    conditions: tuple[t.Compare, ...]
    inverted: tuple[str, ...] = ()


class _Collector:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.scalars: set[str] = set()
        self.vectors: set[str] = set()
        self.dimensions: set[str] = set()
        self.axes: dict[str, str] = dict(scope.indices)
        self.equal: list[tuple[str, str]] = []
        self.conditions: list[t.Compare] = []
        self.seen: set[tuple[str, str]] = set()
        self.inverted: set[str] = set()

    def visit(self, node: t.Node, names: frozenset[str] = frozenset()) -> None:
        match node:
            case t.Symbol(name) if name in self.scope.scalars and name not in names:
                self.once(("scalar", name), self.scope.scalars[name])
            case t.Symbol(name) | t.Vector(name) if name in names:
                pass
            case t.Symbol(name) if name not in self.scope.indices or name in self.scope.domains:
                self.scalars.add(name)
            case t.Vector(name) | t.Matrix(name):
                self.visit(t.Component(name, ()), names)
            case t.Identity(dimension) | t.Ones(dimension):
                self.dimensions.add(dimension)
            case t.Unit(index, dimension):
                self.dimensions.add(dimension)
                self.axes.setdefault(index, dimension)
            case t.Component(base, indices) if matrix_of(base) != base:
                self.inverted.add(matrix_of(base))
                self.visit(t.Component(matrix_of(base), indices), names)
            case t.Component(base, indices):
                sizes = self.scope.shapes.get(base, ())
                self.dimensions.update(sizes)
                self.axes.update({i: size for i, size in zip(indices, sizes, strict=False) if i not in self.axes})
                if base in self.scope.vectors:
                    self.once(("vector", base), self.scope.vectors[base].body)
                else:
                    self.vectors.add(base)
            case t.Dimension(name):
                self.dimensions.add(name)
            case t.Delta(left, right):
                self.equal += [(left, right), (right, left)]
            case t.Sum(_, index, dimension) | t.MaxOver(_, index, dimension) | t.ArgMax(_, index, dimension):
                self.dimensions.add(dimension)
                self.axes.setdefault(index, dimension)
            case t.Indicator(condition):  # no branch to be reached: its conditions are not sought
                known = len(self.conditions)
                self.visit(condition, names)
                del self.conditions[known:]
                return
            case t.Compare(_, t.Index(name), t.ArgMax(_, _, dimension)):
                self.axes.setdefault(name, dimension)
            case t.Compare():
                self.conditions.append(node)
            case t.Call(function, _, given) if function in self.scope.functions:
                named = self.scope.functions[function]
                parameters = named.parameters if given else ()  # not given, they are names like any other
                self.once(("function", function), named.body, frozenset((*named.arguments, *parameters)))
        if isinstance(node, t.Call) and node.function in ("logdet", "det", "inv"):
            self.inverted.update(part.name for _, part in t.walk(node) if isinstance(part, t.Matrix))
        for child in node.children:
            self.visit(child, names)

    def once(self, key: tuple[str, str], body: t.Node, names: frozenset[str] = frozenset()) -> None:
        if key not in self.seen:
            self.seen.add(key)
            self.visit(body, names)


def needs(lines: Iterable[t.Node], scope: Scope) -> Needs:
    """What a point must give so that the lines have values.

    Raises UnsupportedExpression for an index that runs through no known dimension."""
    lines = tuple(lines)
    found = _Collector(scope)
    for line in lines:
        found.visit(line)
    free = sorted(frozenset[str]().union(*(t.free_indices(line) for line in lines)) | _free_in_bodies(scope, found))
    placed = {i: size for line in reversed(lines) for i, size in _placed(line, scope)}
    axes: dict[str, str] = {}
    for index in (i for i in free if not i.isdecimal()):
        relatives = [found.axes[other] for this, other in found.equal if this == index and other in found.axes]
        known = [names[index] for names in (placed, found.axes) if index in names]
        options = [*known, *relatives, *sorted(found.dimensions)]
        if not options:
            raise UnsupportedExpression(f"the index {index} runs through no known dimension: give it in Scope.indices")
        axes[index] = options[0]
    sizes = sorted(found.dimensions | set(axes.values()))
    conditions = tuple(dict.fromkeys(found.conditions))
    return Needs(
        tuple(sorted(found.scalars)),
        tuple(sorted(found.vectors)),
        tuple(sizes),
        axes,
        conditions,
        tuple(sorted(found.inverted)),
    )


def _placed(node: t.Node, scope: Scope, bound: frozenset[str] = frozenset()) -> Iterator[tuple[str, str]]:
    """The dimension of each free index by the axis of a vector that it stands at: a bound index elsewhere may have the same name."""
    if isinstance(node, t.Component):
        sizes = scope.shapes.get(matrix_of(node.base), ())
        yield from ((i, size) for i, size in zip(node.indices, sizes, strict=False) if i not in bound)
    if isinstance(node, t.Binder):
        bound |= {node.index}
    for child in node.children:
        yield from _placed(child, scope, bound)


def _free_in_bodies(scope: Scope, found: _Collector) -> frozenset[str]:
    """A class index c in L = -log s_c is free in the body of L, and in no line."""
    free: frozenset[str] = frozenset()
    for kind, name in found.seen:
        if kind == "scalar":
            free |= t.free_indices(scope.scalars[name])
        elif kind == "vector":
            free |= t.free_indices(scope.vectors[name].body) - set(scope.vectors[name].indices)
    return free


# --- the plan


Layout: TypeAlias = tuple[dict[str, int], dict[str, int]]


def _patterns(length: int) -> list[tuple[int, ...]]:
    """Every way in which that many indices can coincide: (0, 0) and (0, 1) for two."""
    found: list[tuple[int, ...]] = [()]
    for _ in range(length):
        found = [(*p, block) for p in found for block in range(max(p, default=-1) + 2)]
    return found


def _layouts(wanted: Needs) -> list[list[tuple[int, tuple[int, ...]]]]:
    """For each dimension the sizes and patterns to go through."""
    plans = []
    for dimension in wanted.dimensions:
        length = sum(axis == dimension for axis in wanted.indices.values())
        patterns = _patterns(min(length, 4))
        sizes = (int(dimension),) if dimension.isdecimal() else SIZES
        plans.append([(size, p) for size in sizes for p in patterns if max(p, default=0) < size])
    return plans


def rounds(wanted: Needs) -> int:
    """The number of points after which every size and every pattern has had its turn."""
    return max((len(plan) for plan in _layouts(wanted)), default=1)


def _layout(wanted: Needs, plans: list[list[tuple[int, tuple[int, ...]]]], turn: int, rng: Random) -> Layout:
    sizes: dict[str, int] = {}
    places: dict[str, int] = {}
    for shift, (dimension, plan) in enumerate(zip(wanted.dimensions, plans, strict=True)):
        size, pattern = plan[(turn + shift) % len(plan)]
        sizes[dimension] = size
        blocks = rng.sample(range(size), max(pattern, default=-1) + 1)
        mine = [i for i, axis in wanted.indices.items() if axis == dimension]
        for position, index in enumerate(mine):
            places[index] = blocks[pattern[position]] if position < len(pattern) else rng.randrange(size)
    return sizes, places


def _vector(base: str, sizes: Sequence[int], scope: Scope, rng: Random) -> Any:
    if "sums_to_one" in scope.facts.get(base, ()) and len(sizes) == 1:
        if rng.random() < ONE_HOT:
            hot = rng.randrange(sizes[0])
            return tuple(mp.mpf(place == hot) for place in range(sizes[0]))
        with mp.workprec(BITS):
            weights = [_between(rng, 0.05, 1) for _ in range(sizes[0])]
            return tuple(weight / mp.fsum(weights) for weight in weights)
    if not sizes:
        return draw(ranges(scope.domains.get(base)), rng)
    return tuple(_vector(base, sizes[1:], scope, rng) for _ in range(sizes[0]))


def _matrix(base: str, sizes: Sequence[int], scope: Scope, rng: Random, inverted: bool) -> Any:
    """A matrix with the properties that the facts claim, well away from singular where its inverse is wanted."""
    drawn = _vector(base, sizes, scope, rng)
    symmetric = "symmetric" in scope.facts.get(base, ())
    if len(sizes) != 2 or sizes[0] != sizes[1] or not (symmetric or inverted):
        return drawn
    n = range(sizes[0])
    with mp.workprec(BITS):
        if symmetric:
            drawn = tuple(tuple((drawn[i][j] + drawn[j][i]) / 2 for j in n) for i in n)
        if inverted:  # the diagonal outweighs its row, so the determinant is positive
            weight = 1 + mp.fsum(abs(entry) for row in drawn for entry in row)
            drawn = tuple(tuple(drawn[i][j] + (weight if i == j else 0) for j in n) for i in n)
    return drawn


def _positive(array: Any) -> Any:
    with mp.workprec(BITS):
        return tuple(_positive(part) for part in array) if isinstance(array, tuple) else abs(array)


def seed_of(*words: str) -> int:
    """A number that depends on the words alone, on every machine."""
    return int.from_bytes(hashlib.sha256("\0".join(words).encode()).digest()[:8], "big")


def candidates(wanted: Needs, scope: Scope, seed: int) -> Iterator[Point]:
    """Points without end, in a fixed order. One of them may be undefined, or lie on a boundary: the caller tells."""
    rng = Random(seed)
    plans = _layouts(wanted)
    domains = {name: ranges(scope.domains.get(name)) for name in wanted.scalars}
    for turn in count():
        sizes, places = _layout(wanted, plans, turn, rng)
        scalars = {name: draw(parts, rng) for name, parts in domains.items()}
        vectors = {
            base: _matrix(base, _lengths(base, sizes, scope), scope, rng, base in wanted.inverted)
            for base in wanted.vectors
        }
        if turn // rounds(wanted) % 2:  # every other round inside the domain of logarithms and roots
            vectors = {base: _positive(array) for base, array in vectors.items()}
        point = Point(scalars, vectors, sizes, places)
        yield near_boundary(point, wanted, scope, rng) if wanted.conditions and turn % 3 else point


def _lengths(base: str, sizes: Mapping[str, int], scope: Scope) -> tuple[int, ...]:
    shape = scope.shapes.get(base, ())
    if not shape and len(sizes) != 1:
        raise UnsupportedExpression(f"the vector {base} has no shape: give it in Scope.shapes")
    return tuple(sizes[d] for d in shape) if shape else tuple(sizes.values())


def near_boundary(point: Point, wanted: Needs, scope: Scope, rng: Random, *, exactly: bool = False) -> Point:
    """The point with one variable moved to just beside (or exactly onto) a place where a condition changes."""
    condition = rng.choice(wanted.conditions)
    sides = (condition.left, condition.right)
    variable, bound = sides if isinstance(condition.left, t.Symbol | t.Component) else sides[::-1]
    offset = mp.mpf(0) if exactly else _between(rng, *rng.choice(((0.01, 0.3), (0.3, 4)))) * rng.choice((1, -1))
    try:
        target = Evaluation(point, scope).value(bound) + offset
        match variable:
            case t.Symbol(name) if name in point.scalars:
                inside = any(target in part for part in ranges(scope.domains.get(name)))
                return replace(point, scalars={**point.scalars, name: target}) if inside else point
            case t.Component(base, (index,)) if base in point.vectors and index in point.indices:
                entries = list(point.vectors[base])
                entries[point.indices[index]] = target
                return replace(point, vectors={**point.vectors, base: tuple(entries)})
    except (Undefined, UnknownValue):
        pass  # the bound holds an argument of a named function, or has no value here: the point stays as drawn
    return point


def joined(first: Needs, second: Needs) -> Needs:
    """What both need."""
    return Needs(
        tuple(sorted({*first.scalars, *second.scalars})),
        tuple(sorted({*first.vectors, *second.vectors})),
        tuple(sorted({*first.dimensions, *second.dimensions})),
        {**first.indices, **second.indices},
        (*first.conditions, *second.conditions),
        tuple(sorted({*first.inverted, *second.inverted})),
    )
