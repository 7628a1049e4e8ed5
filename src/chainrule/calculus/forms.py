"""Other forms of a result in index notation: by cases where a delta remains, and in matrix notation."""

from ..expression import tree as t
from .derivation import Derivation
from .matrix_reading import read, with_symmetry
from .products import collect
from .recognise import multiplied_out
from .tidy import minus_inside, tidy

MOST_PARTS = 100
"""Of a result by cases, which is one line."""


def forms(derivation: Derivation, name: t.Node | None = None) -> tuple[tuple[str, t.Node], ...]:
    """("cases", ...) with the cases i = j and i ≠ j where the result holds a Kronecker delta of two free indices, and ("matrix", ...)
    where every term can be read as matrix notation. Each is an ``Equation``; empty for a scalar result. name: another left-hand side, where the
    result has a name of its own."""
    found: list[tuple[str, t.Node]] = []
    cases = by_cases(derivation)
    if cases is not None:
        found.append(("cases", t.Equation(derivation.goal, cases)))
    matrix = matrix_form(derivation)
    if matrix is not None:
        found.append(("matrix", t.Equation(_whole(name or derivation.goal), matrix)))
    return tuple(found)


def axes_of(derivation: Derivation) -> tuple[str, ...]:
    """The free indices of a result: those of the function, then those of the variable."""
    ends: list[t.Node] = []
    goal: t.Node = derivation.goal
    while isinstance(goal, t.Derivative):
        ends.insert(0, goal.variable)
        goal = goal.operand
    return tuple(i for n in (goal, *ends) if isinstance(n, t.Component) for i in n.indices)


def by_cases(derivation: Derivation) -> t.Node | None:
    """A result with a Kronecker delta of its two free indices: its value where they are equal and where they differ; None where that is no line to read."""
    indices = axes_of(derivation)
    if len(indices) != 2 or not any(_is_delta(p, *indices) for _, p in t.walk(derivation.final)):
        return None
    i, j = indices
    equal = _minus_in_front(t.rename_index(with_delta(derivation.final, i, j, t.ONE), j, i))
    different = _minus_in_front(with_delta(derivation.final, i, j, t.ZERO))
    found = t.Cases(
        (
            t.Branch(equal, t.Compare("=", t.Symbol(i), t.Symbol(j))),
            t.Branch(different, t.Compare("!=", t.Symbol(i), t.Symbol(j))),
        )
    )
    return found if t.size(found) <= MOST_PARTS else None


def _minus_in_front(node: t.Node) -> t.Node:
    """a(-b - c) as -a(b + c)."""

    def one(n: t.Node) -> t.Node | None:
        if isinstance(n, t.Add) and all(isinstance(x, t.Neg) for x in n.terms):
            return t.Neg(t.Add(tuple(x.argument for x in n.terms if isinstance(x, t.Neg))))
        return None

    return collect(tidy(t.transform(node, one)))


def _is_delta(node: t.Node, i: str, j: str) -> bool:
    return isinstance(node, t.Delta) and {node.left, node.right} == {i, j}


def with_delta(node: t.Node, i: str, j: str, value: t.Node) -> t.Node:
    """A formula where δ_ij has the given value."""
    return tidy(t.transform(node, lambda n: value if _is_delta(n, i, j) else None))


def terms_of(node: t.Node) -> tuple[t.Node, ...]:
    """The terms of a product of sums, multiplied out."""
    flat = multiplied_out(node)
    return flat.terms if isinstance(flat, t.Add) else (flat,)


def matrix_form(derivation: Derivation) -> t.Node | None:
    """The result in matrix notation; None for a scalar without indices, and where there is no such notation."""
    indices = axes_of(derivation)
    if not 1 <= len(indices) <= 2:
        return None
    readings = [read(node, indices, derivation.scope) for node in (derivation.final, multiplied_out(derivation.final))]
    found = [with_symmetry(whole, derivation.scope) for whole in readings if whole is not None]
    found = [minus_inside(whole) or whole for whole in found]
    return min(found, key=lambda whole: (_repeated_rows(whole), t.size(whole)), default=None)


def _repeated_rows(whole: t.Node) -> int:
    """How often a matrix of equal rows or columns, 1 sᵀ, stands in a formula: diag(s) - s sᵀ reads better than diag(s) (I - 1 sᵀ)."""
    return sum(
        isinstance(n, t.Outer) and any(isinstance(side, t.Ones) for side in n.children) for _, n in t.walk(whole)
    )


def _whole(goal: t.Node) -> t.Node:
    """∂s_i/∂z_j as ∂s/∂z, and the derivative of a gradient with respect to the same vector as a second derivative."""
    if isinstance(goal, t.Derivative) and isinstance(goal.operand, t.Derivative):
        inner = goal.operand
        base = inner.variable.base if isinstance(inner.variable, t.Component) else ""
        return t.Derivative(inner.operand, t.Vector(base), 2, True)

    def bold(node: t.Node) -> t.Node:
        if not isinstance(node, t.Component):
            return node
        return t.Vector(node.base) if len(node.indices) == 1 else t.Matrix(node.base)

    if not isinstance(goal, t.Derivative):
        return bold(goal)
    return t.Derivative(bold(goal.operand), bold(goal.variable), goal.order, True)
