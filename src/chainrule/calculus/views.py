"""Levels of detail: views of the same recorded steps.

full: one line a step. normal: one line an idea; steps without an idea of their own share a line with their neighbours.
brief: the definition, the first idea and the result."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ..errors import ChainruleError
from ..expression import tree as t
from .derivation import Derivation, Step
from .rules import BY_NAME

Detail = Literal["brief", "normal", "full"]


@dataclass(frozen=True)
class Line:
    """left: the left-hand side, on the first line only. right: the line, with the changed parts ``Marked``. rules: the names and
    statements of the rules applied, the weightiest first. notes: equations that say why."""

    left: t.Node | None
    right: t.Node
    rules: tuple[tuple[str, t.Node | None], ...]
    notes: tuple[t.Node, ...] = ()


def lines(derivation: Derivation, detail: Detail = "normal") -> tuple[Line, ...]:
    """The lines of a derivation at a level of detail. Raises ChainruleError for an unknown level."""
    if detail not in _GROUPING:
        raise ChainruleError(f"no level of detail {detail!r}: choose one of {', '.join(_GROUPING)}")
    groups = _GROUPING[detail](derivation.steps)
    opening = derivation.start != derivation.goal
    name = "definition" if derivation.order == 1 else "differentiate the first derivative"
    found = [Line(derivation.goal, derivation.start, ((name, None),))] if opening or not groups else []
    for group in groups:
        right = marked(group[0].before, group[-1].after)
        notes = tuple(dict.fromkeys(s.note for s in group if s.note is not None))
        found.append(Line(None if found else derivation.goal, right, _rules(group), notes))
    return tuple(found)


def _each(steps: tuple[Step, ...]) -> list[list[Step]]:
    return [[s] for s in steps]


def _ideas(steps: tuple[Step, ...]) -> list[list[Step]]:
    groups: list[list[Step]] = []
    open_group = False
    for step in steps:
        if open_group:
            groups[-1].append(step)
        else:
            groups.append([step])
        open_group = not step.line
    if open_group and len(groups) > 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return groups


def _ends(steps: tuple[Step, ...]) -> list[list[Step]]:
    groups = _ideas(steps)
    return groups if len(groups) < 3 else [groups[0], [s for g in groups[1:] for s in g]]


_GROUPING = {"brief": _ends, "normal": _ideas, "full": _each}


def _rules(group: list[Step]) -> tuple[tuple[str, t.Node | None], ...]:
    every = {s.rule: s.statement for s in group}
    major = {name: statement for name, statement in every.items() if not (name in BY_NAME and BY_NAME[name].minor)}
    return tuple((major or every).items())


def marked(before: t.Node, after: t.Node) -> t.Node:
    """``after`` with the smallest parts that differ from ``before`` marked; nothing where everything changed."""
    return after if _shape(before) != _shape(after) else _mark(before, after)


def _mark(before: t.Node, after: t.Node) -> t.Node:
    if before == after:
        return after
    if _shape(before) != _shape(after) or not after.children or isinstance(after, t.Power | t.Call):
        return _coloured(after)
    return after.with_children(tuple(_mark(a, b) for a, b in zip(before.children, after.children, strict=True)))


def _coloured(node: t.Node) -> t.Node:
    """A part marked as a whole; the sign of a term and the condition of a branch are left outside."""
    match node:
        case t.Branch():
            return replace(node, value=t.Marked(node.value))
        case t.Neg(argument):
            return t.Neg(t.Marked(argument))
    return t.Marked(node)


def _shape(node: t.Node) -> tuple[object, ...]:
    """What has to agree for two nodes to be compared child by child."""
    own = dict(_labels(node))
    return (type(node), len(node.children), tuple(own.items()))


def _labels(node: t.Node) -> Iterator[tuple[str, object]]:
    for name in ("function", "operator", "index", "dimension", "order", "name", "base"):
        value = getattr(node, name, None)
        if isinstance(value, str | int):
            yield name, value
