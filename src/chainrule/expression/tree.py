"""The ordered, unevaluated, immutable tree that every line of a derivation is written in.

A node keeps what the author wrote: ``Add((a, b))`` is never reordered, ``Frac(a, a)`` never cancelled. Nodes are compared
by structure. To add a kind of node, add a class here, a row in each table of ``value`` and ``printing``, and its conversion
in ``convert``.

Names (of symbols, functions, components) are spelled as in SymPy: ``"alpha"``, ``"y_hat"``, ``"sigma"``, ``"ELU"``;
``printing.glyphs`` says how each is written in LaTeX, Typst and text.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, TypeAlias

Path = tuple[int, ...]
"""The way from a node down to one of its descendants: the position of the child at each level."""


@dataclass(frozen=True, slots=True)
class Node:
    """A formula or a part of one. Children are the fields that hold nodes or tuples of nodes, in order."""

    @property
    def children(self) -> tuple["Node", ...]:
        found: list[Node] = []
        for name in _fields_of(self):
            value = getattr(self, name)
            found.extend(value if isinstance(value, tuple) else (value,))
        return tuple(found)

    def with_children(self, children: tuple["Node", ...]) -> "Node":
        """The same kind of node over other children, given in the order of ``children``."""
        names = _fields_of(self)
        if not names:
            return self
        queue = iter(children)
        new: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in names:
            old = new[name]
            new[name] = tuple(next(queue) for _ in old) if isinstance(old, tuple) else next(queue)
        return type(self)(**new)


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields_of(node: Node) -> tuple[str, ...]:
    """The fields of a node that hold children: those annotated ``Node`` or ``tuple[Node, ...]``; looked up once a class."""
    kind = type(node)
    if kind not in _FIELDS:
        _FIELDS[kind] = tuple(f.name for f in fields(kind) if "Node" in str(f.type) or "Branch" in str(f.type))
    return _FIELDS[kind]


@dataclass(frozen=True, slots=True)
class Number(Node):
    """An exact rational number >= 0; a negative one is ``Neg(Number(...))``."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Decimal(Node):
    """A computed number >= 0, shown to four significant digits: 0.1966, 3.7·10⁻¹³; a negative one is ``Neg(Decimal(...))``."""

    value: float


@dataclass(frozen=True, slots=True)
class Constant(Node):
    """``pi``, ``e`` or ``oo`` (infinity, in statements about limits and ranges only)."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbol(Node):
    """A scalar variable, a parameter, or a scalar that a named equation introduces."""

    name: str


@dataclass(frozen=True, slots=True)
class Vector(Node):
    """A whole vector (bold): appears in matrix notation, never in index notation."""

    name: str


@dataclass(frozen=True, slots=True)
class Component(Node):
    """A component ``z_i`` (or ``W_ij``) of a vector (or matrix); the indices are names."""

    base: str
    indices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dimension(Node):
    """The number of values an index takes, as a scalar in a formula: ``K``."""

    name: str


@dataclass(frozen=True, slots=True)
class Delta(Node):
    """The Kronecker delta of two indices: 1 where they are equal, 0 elsewhere."""

    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Neg(Node):
    argument: Node


@dataclass(frozen=True, slots=True)
class Add(Node):
    """A sum of at least two terms, in the order written; a subtracted term is a ``Neg``."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mul(Node):
    """A product of at least two factors, in the order written."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Frac(Node):
    numerator: Node
    denominator: Node


@dataclass(frozen=True, slots=True)
class Power(Node):
    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function applied to arguments: an elementary one (``exp``, ``log``, ``sqrt``, ``abs``, ``max``, ``erf``, ``tanh``, ...)
    or one that a definition names (``sigma``, ``ELU``, ``Phi``); ``parameters`` are written after a semicolon: ELU(x; α)."""

    function: str
    arguments: tuple[Node, ...]
    parameters: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """The sum of ``body`` over an index that runs through a dimension: Σ_{k=1}^{K}. It binds the index."""

    body: Node
    index: str
    dimension: str


@dataclass(frozen=True, slots=True)
class MaxOver(Node):
    """The largest value of ``body`` as an index runs through a dimension: max_k. It binds the index."""

    body: Node
    index: str
    dimension: str


@dataclass(frozen=True, slots=True)
class ArgMax(Node):
    """The first place at which ``body`` is largest: argmax_k. It binds the index, and stands only in a condition."""

    body: Node
    index: str
    dimension: str


Binder: TypeAlias = Sum | MaxOver | ArgMax
"""The nodes that bind an index."""


@dataclass(frozen=True, slots=True)
class Index(Node):
    """The place where an index stands, in a condition: k = argmax_l z_l."""

    name: str


@dataclass(frozen=True, slots=True)
class Indicator(Node):
    """1 where a condition holds, 0 elsewhere; in matrix notation entry by entry."""

    condition: Node


@dataclass(frozen=True, slots=True)
class Compare(Node):
    """A condition ``left op right`` with op one of < <= > >= = !=; ``Compare`` and ``And`` stand only inside ``Branch``
    and ``Indicator`` and in statements, never inside arithmetic."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class And(Node):
    conditions: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Otherwise(Node):
    """The condition of a last branch."""


@dataclass(frozen=True, slots=True)
class Branch(Node):
    value: Node
    condition: Node


@dataclass(frozen=True, slots=True)
class Cases(Node):
    """The value of the first branch whose condition holds; undefined where none does."""

    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Derivative(Node):
    """A pending derivative of ``operand`` with respect to ``variable`` (a ``Symbol`` or ``Component``), ``order`` times.
    ``partial`` only decides how it is written: ∂ or d."""

    operand: Node
    variable: Node
    order: int = 1
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Diag(Node):
    """The diagonal matrix of a vector: matrix notation only."""

    vector: Node


@dataclass(frozen=True, slots=True)
class Outer(Node):
    """The matrix a bᵀ of two vectors: matrix notation only."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Dot(Node):
    """The scalar aᵀb of two vectors: matrix notation only."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Matrix(Node):
    """A whole matrix (bold capital): matrix notation only."""

    name: str


@dataclass(frozen=True, slots=True)
class Identity(Node):
    """The identity matrix of a dimension: matrix notation only."""

    dimension: str


@dataclass(frozen=True, slots=True)
class Ones(Node):
    """The vector of ones of a dimension: matrix notation only."""

    dimension: str


@dataclass(frozen=True, slots=True)
class Unit(Node):
    """The vector with 1 at an index and 0 elsewhere, e_c: matrix notation only."""

    index: str
    dimension: str


@dataclass(frozen=True, slots=True)
class Transpose(Node):
    argument: Node


@dataclass(frozen=True, slots=True)
class MatMul(Node):
    """The product of matrices, and of a matrix with a vector last, in order: matrix notation only."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Hadamard(Node):
    """The element-wise product of vectors, or of matrices, of one shape: matrix notation only."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Equation(Node):
    """``left = right``: a line, or a named equation."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Marked(Node):
    """A part shown in colour: the part that a step changed. Put in by views just before printing."""

    argument: Node


ZERO = Number(Fraction(0))
ONE = Number(Fraction(1))


def number(value: int | Fraction) -> Node:
    """The node of any rational number, negative ones included."""
    return Number(Fraction(value)) if value >= 0 else Neg(Number(-Fraction(value)))


def add(*terms: Node) -> Node:
    """A sum; one term alone is itself, none is 0."""
    return terms[0] if len(terms) == 1 else Add(terms) if terms else ZERO


def mul(*factors: Node) -> Node:
    """A product; one factor alone is itself, none is 1."""
    return factors[0] if len(factors) == 1 else Mul(factors) if factors else ONE


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every descendant with its path, the node itself first, then from left to right."""
    yield path, node
    for position, child in enumerate(node.children):
        yield from walk(child, (*path, position))


def at(node: Node, path: Path) -> Node:
    """The descendant at a path."""
    for position in path:
        node = node.children[position]
    return node


def replace_at(node: Node, path: Path, new: Node) -> Node:
    """The same tree with another descendant at ``path``."""
    if not path:
        return new
    children = list(node.children)
    children[path[0]] = replace_at(children[path[0]], path[1:], new)
    return node.with_children(tuple(children))


def transform(node: Node, change: Callable[[Node], Node | None]) -> Node:
    """Rewrite from the leaves up: ``change`` gives the new node, or None to leave it."""
    children = node.children
    new = tuple(transform(child, change) for child in children)
    if any(a is not b for a, b in zip(new, children, strict=True)):
        node = node.with_children(new)
    changed = change(node)
    return node if changed is None else changed


def substitute(node: Node, mapping: dict[Node, Node]) -> Node:
    """Replace every occurrence (by structure) of the keys, outermost first; what is put in is not searched again."""
    if node in mapping:
        return mapping[node]
    children = node.children
    new = tuple(substitute(child, mapping) for child in children)
    return node.with_children(new) if any(a is not b for a, b in zip(new, children, strict=True)) else node


def contains(node: Node, part: Node) -> bool:
    return any(found == part for _, found in walk(node))


def size(node: Node) -> int:
    """The number of nodes: the measure that budgets and choices of form are counted in."""
    return 1 + sum(size(child) for child in node.children)


def base_of(node: Node) -> str:
    """The name of a component or a symbol; nothing for any other node."""
    return node.base if isinstance(node, Component) else node.name if isinstance(node, Symbol) else ""


def names(node: Node) -> frozenset[str]:
    """The names of the scalars, vectors, matrices and functions in it; that of an inverse matrix is inv(A), as in its components."""
    own: frozenset[str] = frozenset()
    match node:
        case Call("inv", (Matrix(name),)):
            own = frozenset((f"inv({name})",))
        case Symbol(name) | Vector(name) | Matrix(name) | Component(base=name) | Call(function=name):
            own = frozenset((name,))
    return own.union(*map(names, node.children))


def free_indices(node: Node) -> frozenset[str]:
    """The index names that a node uses and nothing inside it binds."""
    own: frozenset[str] = frozenset()
    if isinstance(node, Component):
        own = frozenset(node.indices)
    elif isinstance(node, Delta):
        own = frozenset((node.left, node.right))
    elif isinstance(node, Index):
        own = frozenset((node.name,))
    elif isinstance(node, Unit):
        own = frozenset((node.index,))
    inner = own.union(*(free_indices(child) for child in node.children))
    return inner - {node.index} if isinstance(node, Binder) else inner


FRESH = ("k", "l", "p", "q", "r", "t", "u", "v", "w", "g", "h", "o")
"""Names for indices that a rule introduces; i and j stay for the free ones, m and n for dimensions."""


def fresh_index(*taken: frozenset[str]) -> str:
    """The first name for an index that is in none of the sets."""
    return next(name for name in FRESH if not any(name in names for names in taken))


def same_bound_names(node: Node) -> Node:
    """Bound indices renamed to the first free letter, an outer one before those inside it, so that Σ_k a_k and Σ_l a_l are the same tree."""

    def renamed(n: Node, taken: frozenset[str]) -> Node:
        if isinstance(n, Binder):
            name = fresh_index(taken, free_indices(n))
            return type(n)(renamed(rename_index(n.body, n.index, name), taken | {name}), name, n.dimension)
        new = tuple(renamed(child, taken) for child in n.children)
        return n.with_children(new) if any(a is not b for a, b in zip(new, n.children, strict=True)) else n

    return renamed(node, free_indices(node))


def bound_indices(node: Node) -> frozenset[str]:
    """The index names that something inside a node binds."""
    return frozenset(part.index for _, part in walk(node) if isinstance(part, Binder))


def rename_index(node: Node, old: str, new: str) -> Node:
    """Replace a free index by another; what binds ``old`` is left alone, what binds ``new`` gives way."""
    return rename_indices(node, {old: new})


def rename_indices(node: Node, names: dict[str, str]) -> Node:
    """Replace free indices by others, all at once; a bound index that would capture a new one gets a fresh name."""
    match node:
        case Component(base, indices):
            return Component(base, tuple(names.get(i, i) for i in indices))
        case Delta(left, right):
            return Delta(names.get(left, left), names.get(right, right))
        case Unit(index, dimension):
            return Unit(names.get(index, index), dimension)
        case Index(name):
            return Index(names.get(name, name))
        case Sum(body, index, dimension) | MaxOver(body, index, dimension) | ArgMax(body, index, dimension):
            inner = {old: new for old, new in names.items() if old != index and old in free_indices(body)}
            taken = names if isinstance(node, ArgMax) else inner  # k = argmax_k z_k would be right, and misread
            if index in taken.values():
                other = fresh_index(free_indices(body), frozenset(inner.values()), bound_indices(body))
                body, index = rename_indices(body, {index: other}), other
            return type(node)(rename_indices(body, inner), index, dimension)
    children = node.children
    return node.with_children(tuple(rename_indices(child, names) for child in children)) if children else node
