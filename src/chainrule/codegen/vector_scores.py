"""Scores: the inputs that stand in exponents, which are shifted by their largest before they are."""

from ..expression import tree as t
from .vector_factors import taken_apart
from .vector_spec import VectorSpec
from .vector_stable import DELICATE, Shift, prepared, shifts

POWER = "exponentials "
"""How the base of the exponentials of shifted scores begins; the rest is that of the scores."""


def powers_of(shift: Shift) -> str:
    return POWER + shift.base


def exponential(node: t.Node) -> t.Node | None:
    """An exponential of shifted scores as a component of a vector of its own."""
    match node:
        case t.Call("exp", (t.Component(base, indices),)) if base.startswith("scores "):
            return t.Component(POWER + base, indices)
    return None


def scores_of(spec: VectorSpec, functions: tuple[str, ...] = ("exp",)) -> tuple[str, ...]:
    """The inputs whose components are arguments of exponentials (or of other functions), up to a factor."""
    inputs = {one.base for one in spec.inputs}
    bodies = [prepared(body, spec) for body in (spec.value, *spec.scalars.values(), *(v.body for v in spec.vectors))]
    calls = [c for b in bodies for _, c in t.walk(b) if isinstance(c, t.Call) and c.function in functions]
    return tuple(sorted({base for c in calls for a in c.arguments if (base := score_of(a)) in inputs}))


def bounded(spec: VectorSpec, base: str) -> bool:
    """Whether an input stands in shifted exponents only, so that nothing grows beyond bounds with it but a logarithm."""
    scores = scores_of(spec)
    named = {v.base: v.body for v in spec.vectors} | dict(spec.scalars)
    trees = [spec.value, *named.values(), *(d.tree for d in spec.derivatives)]
    trees += [d.hessian.tree for d in spec.derivatives if d.hessian is not None]
    for tree in trees:
        left, _ = shifts(prepared(tree, spec), spec, scores)
        if any(isinstance(p, t.Component) and p.base == base for _, p in t.walk(_without_calls(left))):
            return False
    return True


def _without_calls(node: t.Node) -> t.Node:
    """A formula with its delicate functions left out."""
    if isinstance(node, t.Call) and node.function in DELICATE:
        return t.ONE
    children = tuple(_without_calls(child) for child in node.children)
    return node.with_children(children) if children else node


def score_of(exponent: t.Node) -> str:
    """The base of an exponent that is a component times, or divided by, numbers; else nothing."""
    _, above, below = taken_apart(exponent)
    components = [f for f in above if isinstance(f, t.Component)]
    others = [f for f in (*above, *below) if f not in components]
    plain = all(isinstance(f, t.Number | t.Symbol | t.Dimension) for f in others)
    return components[0].base if len(components) == 1 and plain else ""
