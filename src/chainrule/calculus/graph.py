"""The computational graph of a definition: its named equations, one node each, and on every edge the derivative of one by the next.

Each equation is made a definition of its own, in which what it is computed from is free; the engine derives it by each of these. So the
label of an edge is a ``Derivation`` like any other, with lines that can be shown and checked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

import sympy
from sympy.core.function import AppliedUndef

from ..definition import Definition
from ..errors import DefinitionError, UnknownName
from ..expression import tree as t
from ..expression.convert import from_sympy
from ..expression.matrices import dimension_name
from ..expression.natural_domain import natural_domain
from ..expression.scope import Scope
from . import accumulation, graph_values
from .alike import derive_alike
from .derivation import Derivation
from .derive import derive
from .positivity import nonnegative, positive
from .scopes import scope_of

Role = Literal["input", "parameter", "named", "output"]


@dataclass(frozen=True, eq=False)
class Node:
    """A quantity. symbol: as it is written, a ``Symbol``, or a ``Component`` at indices of its own, one for each of ``dimensions``.
    formula: what it is computed by, None where it is given. default: the value of a parameter that has one."""

    name: str
    role: Role
    symbol: t.Symbol | t.Component
    formula: t.Node | None
    dimensions: tuple[str, ...] = ()
    scope: Scope = field(default=Scope(), repr=False)
    default: float | None = None

    @property
    def indices(self) -> tuple[str, ...]:
        return self.symbol.indices if isinstance(self.symbol, t.Component) else ()


@dataclass(frozen=True, eq=False)
class Edge:
    """``target`` is computed from ``source``. local: the equation as a definition of its own, and the variable to derive it by; None
    where the source is held fixed, so that no derivative is wanted."""

    source: str
    target: str
    local: tuple[Definition, Any] | None = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        return (self.source, self.target)

    @cached_property
    def derivation(self) -> Derivation | None:
        """How the engine finds the local derivative, line by line."""
        return None if self.local is None else derive_alike(*self.local)

    @property
    def derivative(self) -> t.Node | None:
        """The local derivative ∂target/∂source; of a vector by a vector, the component of the Jacobian."""
        return None if self.derivation is None else self.derivation.final

    @property
    def symbol(self) -> t.Derivative | None:
        """How the local derivative is written: ∂c/∂b, ∂sᵢ/∂zⱼ."""
        if self.derivation is None:
            return None
        assert isinstance(self.derivation.goal, t.Derivative)
        return t.Derivative(self.derivation.goal.operand, self.derivation.variable, 1, True)


@dataclass(frozen=True, eq=False)
class Graph:
    """nodes: each after those it is computed from, the output last. edges: in the order of their targets."""

    definition: Definition = field(repr=False)
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def output(self) -> Node:
        return self.nodes[-1]

    @cached_property
    def _by_name(self) -> Mapping[str, Node]:
        return {node.name: node for node in self.nodes}

    def node(self, name: str) -> Node:
        """Raises UnknownName for a quantity that the graph does not hold."""
        if name not in self._by_name:
            raise UnknownName(f"the graph has no {name!r}; it holds {', '.join(self._by_name)}")
        return self._by_name[name]

    @cached_property
    def active(self) -> tuple[Edge, ...]:
        """The edges that carry a derivative."""
        return tuple(edge for edge in self.edges if edge.local is not None)

    @cached_property
    def into(self) -> Mapping[str, tuple[Edge, ...]]:
        """The active edges that end at each node."""
        return {node.name: tuple(e for e in self.active if e.target == node.name) for node in self.nodes}

    @cached_property
    def out_of(self) -> Mapping[str, tuple[Edge, ...]]:
        """The active edges that leave each node."""
        return {node.name: tuple(e for e in self.active if e.source == node.name) for node in self.nodes}

    @cached_property
    def has_shortcuts(self) -> bool:
        """Whether one node feeds another both directly and through a third. Then ∂ stands on the edges only, and the derivative along every
        path is written with d."""
        later = [(e, o.target) for e in self.active for o in self.out_of[e.source] if o is not e]
        return any(self._reaches(other, edge.target) for edge, other in later)

    def _reaches(self, start: str, end: str) -> bool:
        seen, waiting = set[str](), [start]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += [edge.target for edge in self.out_of[name]]
        return end in seen

    def differentiable(self, name: str) -> Node:
        """A node that derivatives are asked by. Raises UnknownName for one that is held fixed or is not there."""
        node = self.node(name)
        if node is not self.output and not self.out_of[name]:
            known = ", ".join(n.name for n in self.nodes if self.out_of[n.name])
            raise UnknownName(f"{name} is held fixed: name it in wrt= of the definition, or ask for one of {known}")
        return node

    def paths(self, source: str) -> Iterator[tuple[str, ...]]:
        """Every path from a node to the output, as the names of the nodes along it."""
        self.differentiable(source)
        waiting: list[tuple[str, ...]] = [(source,)]
        while waiting:
            path = waiting.pop()
            if path[-1] == self.output.name:
                yield path
            waiting += [(*path, edge.target) for edge in reversed(self.out_of[path[-1]])]

    def at(self, numbers: Mapping[Any, Any]) -> "graph_values.Values":
        """The graph at given numbers: {"a": 2, "b": 1}; a vector's are a list. See ``graph_values.at``."""
        return graph_values.at(self, numbers)

    def by_paths(self, source: str, numbers: Mapping[Any, Any] | None = None) -> "accumulation.Accumulation":
        """The derivative of the output by one quantity as a sum over every path; with the numbers at a point, if given."""
        return accumulation.by_paths(self, source, numbers)

    def forward(self, source: str, numbers: Mapping[Any, Any] | None = None) -> "accumulation.Accumulation":
        """Forward accumulation: the derivative of every node by one input, in the order of computation."""
        return accumulation.forward(self, source, numbers)

    def reverse(self, numbers: Mapping[Any, Any] | None = None) -> "accumulation.Accumulation":
        """Reverse accumulation: the derivative of the output by every node, in the opposite order, in one pass."""
        return accumulation.reverse(self, numbers)


@dataclass(frozen=True)
class _Equation:
    """name = formula, component by component where there are indices."""

    name: str
    indices: tuple[Any, ...]
    formula: Any

    @cached_property
    def sources(self) -> dict[str, Any]:
        """What the formula holds, by name: scalars, whole vectors and matrices."""
        arrays = self.formula.atoms(sympy.IndexedBase, sympy.MatrixSymbol)
        names = {str(getattr(a, "label", a)): a for a in arrays}
        scalars = {s for s in self.formula.free_symbols if s.is_Symbol and not s.is_integer and str(s) not in names}
        found = {**names, **{str(s): s for s in scalars}}
        return {name: found[name] for name in sorted(found)}


@lru_cache(maxsize=64)
def graph(definition: Definition) -> Graph:
    """The computational graph of a definition with named equations.

    The nodes are what the definition names, what it is computed from, and its own value. Derivatives go with the edges below the
    variables of ``wrt``; everything else is held fixed.
    Raises DefinitionError where nothing is named."""
    equations = {e.name: e for e in _equations(definition)}
    if len(equations) < 2:
        raise DefinitionError(
            f"{definition.name or definition.symbol or 'the definition'} names no intermediate quantity, so its graph "
            "would be a single node: give it named equations, where={c: a + b}"
        )
    output = list(equations)[-1]
    wanted = tuple(str(getattr(getattr(w, "base", w), "label", w)) for w in definition.wrt)
    order = _order(equations, output, wanted)
    active: set[str] = set()
    for name in order:
        if name in wanted or (name in equations and active.intersection(equations[name].sources)):
            active.add(name)
    nodes, edges = list[Node](), list[Edge]()
    domains: dict[str, Any] = {}
    for name in order:
        if name not in equations:
            nodes.append(_leaf(name, name in wanted, definition, equations))
            continue
        local = _local(definition, equations[name], active, domains)
        nodes.append(_computed(equations[name], local, "output" if name == output else "named"))
        domains |= _domain(nodes[-1])
        for source in _written_order(nodes[-1], equations[name].sources):
            variable = equations[name].sources[source]
            assert local is not None
            edges.append(Edge(source, name, (local, variable) if source in active else None))
    return Graph(definition, tuple(nodes), tuple(edges))


def _equations(definition: Definition) -> Iterator[_Equation]:
    for left, right in definition.where.items():
        if isinstance(left, sympy.Indexed):
            yield _Equation(str(left.base.label), tuple(left.indices), sympy.sympify(right))
        elif not isinstance(left, AppliedUndef):
            yield _Equation(str(left), (), sympy.sympify(right))
    given = definition.index
    indices = () if given is None else given if isinstance(given, tuple) else (given,)
    yield _Equation(definition.symbol or "f", indices, definition.expression)


def _order(equations: Mapping[str, _Equation], output: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """What the output is computed from, each name after those it needs: the variables that are wanted first. The equations stand in such an
    order: a definition refuses any other."""
    reached, waiting = set[str](), [output]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += equations[name].sources if name in equations else ()
    given = reached - set(equations)
    return (
        *(name for name in wanted if name in given),
        *sorted(given - set(wanted)),
        *(name for name in equations if name in reached),
    )


def _local(
    definition: Definition, equation: _Equation, active: set[str], domains: Mapping[str, Any]
) -> Definition | None:
    """One named equation as a definition of its own; None where it has no variable. domains: where named scalars lie."""
    sources = equation.sources
    if not sources:
        return None
    wrt = tuple(sources[name] for name in sources if name in active) or tuple(sources.values())
    indices = equation.indices
    natural = natural_domain([equation.formula], {}, ())
    given = {v: values for v, values in definition.domain.items() if str(v) in sources}
    named = {sources[name]: values for name, values in domains.items() if name in sources}
    return Definition(
        equation.formula,
        wrt=wrt,
        symbol=equation.name,
        index=None if not indices else indices[0] if len(indices) == 1 else indices,
        where={left: right for left, right in definition.where.items() if isinstance(left, AppliedUndef)},
        uses=definition.uses,
        parameters={p: value for p, value in definition.parameters.items() if str(p) in sources},
        domain={**given, **{v: natural.get(v, sympy.S.Reals).intersect(values) for v, values in named.items()}},
        facts={v: facts for v, facts in definition.facts.items() if str(getattr(v, "label", v)) in sources},
        name=equation.name,
        kind="loss",  # written as a letter: c, not c(a, b)
    )


def _computed(equation: _Equation, local: Definition | None, role: Role) -> Node:
    name = equation.name
    if local is None:
        return Node(name, role, t.Symbol(name), from_sympy(equation.formula))
    scope = scope_of(local, local.wrt[0], derive)
    if name in scope.vectors:
        indices = scope.vectors[name].indices
        sizes = scope.shapes.get(name) or tuple(scope.indices.get(i, "K") for i in indices)
        return Node(name, role, t.Component(name, indices), scope.vectors[name].body, sizes, scope)
    return Node(name, role, t.Symbol(name), scope.scalars[name], (), scope)


def _domain(node: Node) -> dict[str, sympy.Set]:
    """Where the values of a named scalar can be seen to lie: a variance is not negative, so its root may be taken."""
    assert node.formula is not None
    if node.dimensions or not nonnegative(node.formula, node.scope):
        return {}
    return {node.name: sympy.Interval(0, sympy.oo, left_open=positive(node.formula, node.scope))}


def _leaf(name: str, is_input: bool, definition: Definition, equations: Mapping[str, _Equation]) -> Node:
    role: Role = "input" if is_input else "parameter"
    variable = next(e.sources[name] for e in equations.values() if name in e.sources)
    default = next((float(v) for p, v in definition.parameters.items() if str(p) == name), None)
    if isinstance(variable, sympy.MatrixSymbol):
        sizes = tuple(dimension_name(size) for size in variable.shape if size != 1)
    elif isinstance(variable, sympy.IndexedBase):
        sizes = tuple(str(size) for size in variable.shape or ("K",))
    else:
        sizes = ()
    symbol = t.Component(name, ("i", "j", *t.FRESH)[: len(sizes)]) if sizes else t.Symbol(name)
    return Node(name, role, symbol, None, sizes, default=default)


def _written_order(node: Node, sources: Mapping[str, Any]) -> list[str]:
    """The sources in the order in which the formula shows them, the others after."""
    assert node.formula is not None
    parts = [part for _, part in t.walk(node.formula) if isinstance(part, t.Symbol | t.Component)]
    shown = [part.base if isinstance(part, t.Component) else part.name for part in parts]
    return list(dict.fromkeys([*(name for name in shown if name in sources), *sources]))
