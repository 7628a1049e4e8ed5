"""Index notation read back as matrix notation: Σ_k A_jk x_k as Ax, δ_a x_b as δxᵀ, f(z_j) as f(z), Σ_ij X_ij² as ‖X‖²_F.

A product under sums is a graph: each index is a node, a matrix an edge between its two indices, a vector sits on its index. A bound index is
eliminated when it has at most two neighbours: between two it makes a product of matrices, with one a matrix-vector product, with none a scalar.
What is left on the free indices is the result. Where an index has three neighbours or a part depends on its index in another way than element by
element, there is no matrix notation and the component form stands alone."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import prod

from ..expression import tree as t
from ..expression.scope import Scope
from .dependence import matrix_of
from .differentiation import complement
from .tidy import tidy

TWO = t.Number(Fraction(2))


class Unreadable(Exception):
    """The formula has no matrix notation that this module knows."""


def read(node: t.Node, free: tuple[str, ...], scope: Scope) -> t.Node | None:
    """The matrix notation of a formula: a scalar, a vector or a matrix for no, one or two free indices (rows first); None where there is none, and for 0.
    Any other index that is not bound is fixed, as the number of a class is: p_c is a scalar, δ_cj the unit vector e_c."""
    if node == t.ZERO:
        return None
    try:
        return _Reader(scope, t.free_indices(node) - set(free)).read(node, free)
    except Unreadable:
        return None


@dataclass
class _Graph:
    """A product: scalars above and below, the bound indices with their dimensions, vectors on indices, matrices between them."""

    sign: int = 1
    above: list[t.Node] = field(default_factory=list)
    below: list[t.Node] = field(default_factory=list)
    bound: dict[str, str] = field(default_factory=dict)
    vectors: dict[str, list[t.Node]] = field(default_factory=dict)
    matrices: list[tuple[str, str, t.Node]] = field(default_factory=list)

    def neighbours(self, k: str) -> set[str]:
        return {b if a == k else a for a, b, _ in self.matrices if k in (a, b)}

    def take_between(self, i: str, k: str) -> list[t.Node]:
        """The matrices between two indices, turned so that ``i`` is the row, taken out of the graph."""
        found = [m if (a, b) == (i, k) else transposed(m) for a, b, m in self.matrices if {a, b} == {i, k}]
        self.matrices = [edge for edge in self.matrices if {edge[0], edge[1]} != {i, k}]
        return found


class _Reader:
    def __init__(self, scope: Scope, fixed: frozenset[str] = frozenset()) -> None:
        self.scope = scope
        self.fixed = fixed
        self.sizes = dict(scope.indices)

    def open(self, node: t.Node) -> frozenset[str]:
        """The indices of a part that run, bound outside it or free in the result."""
        return t.free_indices(node) - self.fixed

    def read(self, node: t.Node, free: tuple[str, ...]) -> t.Node:
        match node:
            case t.Neg(argument):
                return t.Neg(self.read(argument, free))
            case t.Add(terms):
                return collected([self.read(x, free) for x in terms])
            case t.Sum(t.Add(terms), k, size):
                return self.read(t.Add(tuple(t.Sum(x, k, size) for x in terms)), free)
            case t.Sum(t.Neg(argument), k, size):
                return t.Neg(self.read(t.Sum(argument, k, size), free))
        if not self.open(node) and not any(isinstance(p, t.Sum) for _, p in t.walk(node)) and not free:
            return node
        graph = _Graph()
        self.flatten(node, graph, frozenset(free), False)
        return self.closed(graph, free)

    def flatten(self, node: t.Node, graph: _Graph, taken: frozenset[str], inverse: bool) -> None:
        """Put a product into the graph."""
        match node:
            case t.Neg(argument):
                graph.sign = -graph.sign
                self.flatten(argument, graph, taken, inverse)
            case t.Mul(factors):
                for factor in factors:
                    self.flatten(factor, graph, taken, inverse)
            case t.Frac(a, b):
                self.flatten(a, graph, taken, inverse)
                self.flatten(b, graph, taken, not inverse)
            case t.Sum(body, k, size) if not inverse and self.open(node):
                name = k
                if k in taken or k in graph.bound:
                    name = t.fresh_index(taken, frozenset(graph.bound), t.free_indices(body), _bound(body))
                    body = t.rename_index(body, k, name)
                graph.bound[name] = self.sizes[name] = size
                self.flatten(body, graph, taken, inverse)
            case t.Cases() if not inverse:
                self.flatten(indicated(node), graph, taken, inverse)
            case t.Power(base, t.Number(value)) if value == 2 and not inverse and self.open(base):
                self.flatten(base, graph, taken, inverse)
                self.flatten(base, graph, taken, inverse)
            case _:
                self.place(node, graph, inverse)

    def place(self, node: t.Node, graph: _Graph, inverse: bool) -> None:
        free = tuple(sorted(self.open(node)))
        if not free:
            whole = self.scalar(node)
            (graph.below if inverse else graph.above).append(whole)
            return
        if len(free) > 2:
            raise Unreadable
        match node:
            case t.Component(base, (i, j)) if not inverse:
                if i == j:
                    graph.vectors.setdefault(i, []).append(t.Call("diagonal", (self.matrix(base),)))
                else:
                    graph.matrices.append((i, j, self.matrix(base)))
                return
            case t.Delta(i, j) if not inverse and {i, j} & self.fixed:
                place, number = (j, i) if i in self.fixed else (i, j)
                graph.vectors.setdefault(place, []).append(t.Unit(number, self.dimension(place)))
                return
            case t.Delta(i, j) if not inverse:
                graph.matrices.append((i, j, t.Identity(self.dimension(i))))
                return
        whole = self.elementwise(node, free)
        if inverse:
            whole = t.Frac(t.ONE, whole)
        elif isinstance(whole, t.Neg | t.Mul):  # 2 (Y - XW) inside a product: the number goes in front of the whole
            count, whole = _number_of(whole)
            graph.sign *= 1 if count > 0 else -1
            graph.above.append(t.Number(abs(count)))
        if len(free) == 1:
            graph.vectors.setdefault(free[0], []).append(whole)
        else:
            graph.matrices.append((free[0], free[1], whole))

    def matrix(self, base: str) -> t.Node:
        name = matrix_of(base)
        return t.Call("inv", (t.Matrix(name),)) if name != base else t.Matrix(base)

    def dimension(self, index: str) -> str:
        return self.sizes.get(index, "K")

    def scalar(self, node: t.Node) -> t.Node:
        """A part without free indices, its sums read as norms, traces and inner products."""
        match node:
            case t.Sum():
                graph = _Graph()
                body: t.Node = node
                while isinstance(body, t.Sum):
                    graph.bound[body.index] = self.sizes[body.index] = body.dimension
                    body = body.body
                if isinstance(body, t.Add):
                    return collected([self.scalar(_resummed(x, graph.bound)) for x in body.terms])
                self.flatten(body, graph, frozenset(), False)
                return self.closed(graph, ())
            case t.MaxOver(body, k, size):
                self.sizes[k] = size
                return t.Call("largest", (self.read(body, (k,)),))
            case t.Call("sqrt", (argument,)):
                inner = self.scalar(argument)
                match inner:
                    case t.Power(t.Call("norm", _) as norm, t.Number(value)) if value == 2:
                        return norm
                return t.Call("sqrt", (inner,))
        if not node.children or (isinstance(node, t.Call) and node.function in ("logdet", "det")):
            return node
        whole = node.with_children(tuple(self.scalar(c) for c in node.children))
        match whole:
            case t.Power(t.Power(t.Call("norm", _) as norm, t.Number(value)), t.Frac(t.Number(a), t.Number(b))) if (
                value == 2 and b == 2
            ):
                return t.Power(norm, t.Number(a))
            case t.Power(t.Power(t.Call("norm", _) as norm, t.Number(value)), t.Number(a)):
                return t.Power(norm, t.Number(value * a))
        return whole

    def elementwise(self, node: t.Node, free: tuple[str, ...]) -> t.Node:
        """A formula in one or two indices, as the same formula of whole vectors or matrices."""
        match node:
            case t.Component(base, (_,)):
                return t.Vector(base)
            case t.Call(function, arguments, parameters):
                return t.Call(
                    function,
                    tuple(self.read(a, free) if self.open(a) else self.scalar(a) for a in arguments),
                    parameters,
                )
            case t.Indicator(t.Compare("=", t.Index(i), t.ArgMax(body, k, _) as place)) if (i,) == free:
                if self.open(place):
                    raise Unreadable
                whole = self.read(t.rename_index(body, k, i), free)
                return t.Indicator(t.Compare("=", whole, t.Call("largest", (whole,))))
            case t.Indicator(t.Compare(operator, left, right)) if not isinstance(left, t.Index):
                sides = (self.read(x, free) if self.open(x) else self.scalar(x) for x in (left, right))
                return t.Indicator(t.Compare(operator, *sides))
            case t.Power(base, exponent) if not self.open(exponent):
                return t.Power(self.read(base, free), exponent)
            case t.Add() | t.Sum() | t.Mul() | t.Frac() | t.Neg():
                return self.read(node, free)
        raise Unreadable

    def closed(self, graph: _Graph, free: tuple[str, ...]) -> t.Node:
        """Eliminate the bound indices and assemble what is left."""
        while graph.bound:
            k = min(graph.bound, key=lambda name: (len(graph.neighbours(name) - {name}), name))
            self.eliminate(k, graph)
        if any(index not in free for index in graph.vectors) or any({a, b} - set(free) for a, b, _ in graph.matrices):
            raise Unreadable
        if not free:
            core: t.Node | None = None
        elif len(free) == 1:
            core = self.on(graph, free[0])
        elif len(free) == 2:
            core = self.between(graph, free)
        else:
            raise Unreadable
        return assembled(graph, core)

    def on(self, graph: _Graph, index: str) -> t.Node:
        vectors = graph.vectors.pop(index, [])
        return hadamard(vectors) if vectors else t.Ones(self.dimension(index))

    def between(self, graph: _Graph, free: tuple[str, ...]) -> t.Node:
        i, j = free
        matrices = graph.take_between(i, j)
        plain = [m for m in matrices if not isinstance(m, t.Identity)]
        if len(plain) < len(matrices):
            diagonal = [
                *graph.vectors.pop(i, []),
                *graph.vectors.pop(j, []),
                *(t.Call("diagonal", (m,)) for m in plain),
            ]
            return t.Diag(hadamard(diagonal)) if diagonal else t.Identity(self.dimension(i))
        if not plain:
            return outer(self.on(graph, i), self.on(graph, j))
        left, right = graph.vectors.pop(i, []), graph.vectors.pop(j, [])
        return matmul(
            [
                *([t.Diag(hadamard(left))] if left else []),
                hadamard(plain),
                *([t.Diag(hadamard(right))] if right else []),
            ]
        )

    def eliminate(self, k: str, graph: _Graph) -> None:
        size = graph.bound.pop(k)
        near = sorted(graph.neighbours(k) - {k})
        vectors = graph.vectors.pop(k, [])
        if not near:
            graph.above.append(_total(vectors, size))
        elif len(near) == 1:
            self.towards(near[0], k, size, vectors, graph)
        elif len(near) == 2:
            i, j = near
            left, right = hadamard(graph.take_between(i, k)), hadamard(graph.take_between(k, j))
            graph.matrices.append((i, j, matmul([left, *([t.Diag(hadamard(vectors))] if vectors else []), right])))
        else:
            raise Unreadable

    def towards(self, j: str, k: str, size: str, vectors: list[t.Node], graph: _Graph) -> None:
        matrices = graph.take_between(j, k)
        if len(matrices) > 1 and j in graph.bound and not graph.neighbours(j):
            first, rest = matrices[0], hadamard(matrices[1:])
            rows = graph.vectors.pop(j, [])
            del graph.bound[j]
            if rows or vectors:
                rest = matmul(
                    [
                        *([t.Diag(hadamard(rows))] if rows else []),
                        rest,
                        *([t.Diag(hadamard(vectors))] if vectors else []),
                    ]
                )
            elif first == rest:
                graph.above.append(t.Power(t.Call("norm", (first,)), TWO))
                return
            graph.above.append(trace(matmul([transposed(first), rest])))
            return
        operand = hadamard(vectors) if vectors else t.Ones(size)
        graph.vectors.setdefault(j, []).append(matmul([hadamard(matrices), operand]))


def indicated(node: t.Cases) -> t.Node:
    """Two branches as terms: {a if c; 0 otherwise} as a 1[c]."""
    match node.branches:
        case (t.Branch(a, c), t.Branch(b, t.Otherwise())):
            return tidy(t.Add((t.Mul((t.add(a, t.Neg(b)), t.Indicator(c))), b)))
        case (t.Branch(a, c), t.Branch(b, other)) if other == complement(c):
            return tidy(t.Add((t.Mul((a, t.Indicator(c))), t.Mul((b, t.Indicator(other))))))
    raise Unreadable


def _bound(node: t.Node) -> frozenset[str]:
    return frozenset(part.index for _, part in t.walk(node) if isinstance(part, t.Sum))


def _resummed(body: t.Node, bound: dict[str, str]) -> t.Node:
    for k, size in reversed(bound.items()):
        body = t.Sum(body, k, size)
    return body


def _total(vectors: list[t.Node], size: str) -> t.Node:
    """Σ_k of a product of vectors: the dimension, 1ᵀa, aᵀb, ‖a‖²."""
    if not vectors:
        return t.Dimension(size)
    if len(vectors) == 1:
        match vectors[0]:
            case t.Call("diagonal", (matrix,)):
                return trace(matrix)
        return t.Dot(t.Ones(size), vectors[0])
    if len(vectors) == 2 and vectors[0] == vectors[1]:
        return t.Power(t.Call("norm", (vectors[0],)), TWO)
    return inner(vectors[0], hadamard(vectors[1:]))


def outer(left: t.Node, right: t.Node) -> t.Node:
    """a bᵀ; A a (B b)ᵀ as A a bᵀ Bᵀ."""
    if not isinstance(right, t.MatMul):
        return t.Outer(left, right)
    *before, a = left.factors if isinstance(left, t.MatMul) else (left,)
    *after, b = right.factors
    return matmul([*before, t.Outer(a, b), *(transposed(f) for f in reversed(after))])


def inner(left: t.Node, right: t.Node) -> t.Node:
    """aᵀMb, or the same number as bᵀMᵀa where that has fewer transposes."""
    match right:
        case t.MatMul((*factors, last)) if not isinstance(left, t.MatMul):
            other = t.Dot(last, matmul([*(transposed(f) for f in reversed(factors)), left]))
            return min(t.Dot(left, right), other, key=_transposes)
    return t.Dot(left, right)


def trace(matrix: t.Node) -> t.Node:
    """The trace of a product, which may be turned over and around: with the fewest transposes, one of them in front, as in tr XᵀAX."""
    products = [list(m.factors) if isinstance(m, t.MatMul) else [m] for m in (matrix, transposed(matrix))]
    turned = [matmul([*p[n:], *p[:n]]) for p in products for n in range(len(p))]
    return t.Call("tr", (min(turned, key=lambda m: (_transposes(m), not _begins_transposed(m), repr(m))),))


def _transposes(node: t.Node) -> int:
    return sum(isinstance(part, t.Transpose) for _, part in t.walk(node))


def _begins_transposed(node: t.Node) -> bool:
    return isinstance(node, t.MatMul) and isinstance(node.factors[0], t.Transpose)


def assembled(graph: _Graph, core: t.Node | None) -> t.Node:
    """Sign, scalars and the whole: -2Ax/‖x‖."""
    number = prod((x.value for x in graph.above if isinstance(x, t.Number)), start=Fraction(1))
    above = [*([t.Number(number)] if number != 1 else []), *(x for x in graph.above if not isinstance(x, t.Number))]
    node = t.mul(*above, *([core] if core is not None else []))
    if graph.below:
        node = t.Frac(node, t.mul(*graph.below))
    return t.Neg(node) if graph.sign < 0 else node


def collected(terms: list[t.Node]) -> t.Node:
    """A sum with equal terms counted, Ax + Ax as 2Ax, and what all terms share in front of it, after it or below it:
    2 (Y - XW), (A + Aᵀ) x, (diag(s) - ssᵀ)/T."""
    counts: dict[t.Node, Fraction] = {}
    for term in terms:
        count, rest = _number_of(term)
        counts[rest] = counts.get(rest, Fraction(0)) + count
    left = sorted(((rest, count) for rest, count in counts.items() if count), key=lambda pair: pair[1] < 0)
    below = {rest.denominator if isinstance(rest, t.Frac) else None for rest, _ in left}
    if len(left) > 1 and len(below) == 1 and (denominator := below.pop()) is not None:
        return t.Frac(collected([_scaled(count, rest.children[0]) for rest, count in left]), denominator)
    sizes = {abs(count) for _, count in left}
    if len(left) > 1 and len(sizes) == 1 and (common := sizes.pop()) != 1:
        common = common if left[0][1] > 0 else -common  # the negative terms come last
        return _scaled(common, t.add(*(_scaled(count / common, rest) for rest, count in left)))
    products = [(rest.factors, count) for rest, count in left if isinstance(rest, t.MatMul)]
    if len(left) == len(products) > 1:
        if len({factors[0] for factors, _ in products}) == 1:
            inside = collected([_scaled(count, matmul(list(factors[1:]))) for factors, count in products])
            return matmul([products[0][0][0], inside])
        if len({factors[-1] for factors, _ in products}) == 1:
            inside = collected([_scaled(count, matmul(list(factors[:-1]))) for factors, count in products])
            return matmul([inside, products[0][0][-1]])
    return t.add(*(_scaled(count, rest) for rest, count in left))


def _number_of(term: t.Node) -> tuple[Fraction, t.Node]:
    """The number that a term begins with, and what is left of it."""
    sign, rest = (-1, term.argument) if isinstance(term, t.Neg) else (1, term)
    if isinstance(rest, t.Mul) and isinstance(rest.factors[0], t.Number):
        return sign * rest.factors[0].value, t.mul(*rest.factors[1:])
    return Fraction(sign), rest


def _scaled(count: Fraction, node: t.Node) -> t.Node:
    scale = [t.Number(abs(count))] if abs(count) != 1 else []
    whole = t.mul(*scale, *(node.factors if isinstance(node, t.Mul) else (node,)))
    return t.Neg(whole) if count < 0 else whole


def hadamard(parts: list[t.Node]) -> t.Node:
    """The element-wise product; a fraction 1/b among the parts divides."""
    below = [p.denominator for p in parts if isinstance(p, t.Frac) and p.numerator == t.ONE]
    above = [p for p in parts if not (isinstance(p, t.Frac) and p.numerator == t.ONE)]
    flat = [q for p in above for q in (p.factors if isinstance(p, t.Hadamard) else (p,))]
    whole = t.Hadamard(tuple(flat)) if len(flat) > 1 else flat[0] if flat else t.ONE
    if below:
        return t.Frac(whole, hadamard(below))
    return whole


def matmul(parts: list[t.Node]) -> t.Node:
    flat = [q for p in parts for q in (p.factors if isinstance(p, t.MatMul) else (p,))]
    flat = [p for p in flat if not isinstance(p, t.Identity)] or flat[:1]
    return t.MatMul(tuple(flat)) if len(flat) > 1 else flat[0]


def transposed(node: t.Node) -> t.Node:
    """The transpose, moved inside as far as it goes."""
    match node:
        case t.Transpose(argument):
            return argument
        case t.Diag() | t.Identity():
            return node
        case t.MatMul(factors):
            return t.MatMul(tuple(transposed(f) for f in reversed(factors)))
        case t.Hadamard(factors):
            return t.Hadamard(tuple(transposed(f) for f in factors))
        case t.Outer(a, b):
            return t.Outer(b, a)
        case t.Add(terms):
            return t.Add(tuple(transposed(x) for x in terms))
        case t.Neg(argument):
            return t.Neg(transposed(argument))
        case t.Frac(a, b):
            return t.Frac(transposed(a), transposed(b))
        case t.Power(base, exponent):
            return t.Power(transposed(base), exponent)
        case t.Mul(factors):
            return t.Mul((*factors[:-1], transposed(factors[-1])))
        case t.Number() | t.Symbol() | t.Dimension():
            return node
        case t.Call(function, arguments, parameters) if function not in ("inv", "diagonal", "tr", "norm"):
            return t.Call(function, tuple(transposed(a) for a in arguments), parameters)
    return t.Transpose(node)


def with_symmetry(node: t.Node, scope: Scope) -> t.Node:
    """Aᵀ as A where A is known to be symmetric, its inverse too; equal terms that this brings together are counted."""

    def one(n: t.Node) -> t.Node | None:
        match n:
            case t.Transpose((t.Matrix(name) | t.Call("inv", (t.Matrix(name),))) as inner) if (
                "symmetric" in scope.facts.get(name, ())
            ):
                return inner
            case t.Add(terms):
                return collected(list(terms))
        return None

    return t.transform(node, one)
