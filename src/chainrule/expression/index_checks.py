"""What a user brings is checked before anything is derived: a name is one thing, an index fits its axis, none is free by mistake.

An index that is free in a formula has to be declared, or to leave one reading only:

- an index of the value, ``index=i``: the function is a vector, and the formula is one of its components;
- a class index, ``arguments={"label": c}``: the number of one component, which code passes as an integer;
- free and not declared, it is read as a class index too, as long as each product holds it once: ``-log(s[c])``. Twice in a product,
  ``z[i]*w[i]``, it might be a sum without its sign, and is refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.hadamard import HadamardProduct

from ..errors import DefinitionError, UnsupportedExpression
from . import tree as t
from .convert import from_sympy
from .matrices import entry

SQUARE = (sympy.Trace, sympy.Determinant, sympy.Inverse, sympy.MatPow)
AXES = ("i", "j")
"""The indices of a value that is a matrix expression: they have no names of their own."""


@dataclass
class _Known:
    """What the names in a definition are. shapes: by vector or matrix. ranges: the dimensions of each index."""

    shapes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: dict[str, set[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Formula:
    """One of the formulas of a definition. shown: as SymPy prints it. free: the indices that it may leave free."""

    shown: str
    body: t.Node
    free: frozenset[str]


def check(
    expression: Any,
    wrt: tuple[Any, ...],
    index: Any = None,
    where: Mapping[Any, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    routes: Mapping[str, Any] | None = None,
    functions: Iterable[str] = (),
) -> None:
    """Raise DefinitionError for the first thing in a definition that does not fit; UnsupportedExpression for what cannot be read.

    functions: the names of the functions that the definition uses."""
    where, others = where or {}, [e for e in (routes or {}).values() if isinstance(e, sympy.Basic)]
    labels = frozenset(_name(a) for a in (arguments or {}).values() if isinstance(a, sympy.Idx))
    every = [expression, *where, *where.values(), *others]
    for e in every:
        _check_shapes(e)
    known = _names([*every, *wrt])
    value = _value_index(index)
    formulas = [_read(e, value | labels) for e in (expression, *others)]
    equations = [_read(right, frozenset(map(_name, _places(left))) | labels) for left, right in where.items()]
    formulas += equations
    _check_where(where, equations, formulas)
    _check_functions(every, {*functions, *map(_left_name, where)})
    for formula in formulas:
        _check_tree(formula, formula.body, {}, known)
    for formula in formulas[: 1 + len(others)]:
        _check_free(formula, known)
    for left, formula in zip(where, equations, strict=True):
        lost = sorted(t.free_indices(formula.body) - formula.free)
        if lost:
            raise DefinitionError(
                f"where {left} = {formula.shown}: the index {lost[0]} is free on the right and does not stand on the left: "
                f"write Sum(..., {lost[0]}), or give the left side this index"
            )
    unused = sorted(value - t.free_indices(formulas[0].body))
    if unused and not isinstance(expression, sympy.MatrixExpr):
        raise DefinitionError(f"index={unused[0]}, but `{expression}` holds no free {unused[0]}: leave index= out")
    _check_kinds(formulas, known)
    taken = value | t.free_indices(formulas[0].body)
    seen = {n for f in formulas for n in _held(f.body)}
    names = [_check_variable(variable, known, taken, seen) for variable in wrt]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise DefinitionError(f"wrt= names {twice} twice: once is enough")


# --- reading


def _name(i: Any) -> str:
    return str(i.label if isinstance(i, sympy.Idx) else i)


def _places(left: Any) -> tuple[Any, ...]:
    return tuple(left.indices) if isinstance(left, sympy.Indexed) else ()


def _value_index(index: Any) -> frozenset[str]:
    places = index if isinstance(index, tuple) else () if index is None else (index,)
    for i in places:
        if not isinstance(i, sympy.Idx):
            raise DefinitionError(f"index={i!r} is no index: write index('{i}', K)")
    names = [_name(i) for i in places]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise DefinitionError(f"index= names {twice} twice: each axis of the value has an index of its own")
    return frozenset(names)


def _read(e: Any, free: frozenset[str]) -> _Formula:
    if isinstance(e, sympy.MatrixExpr) and e.shape != (1, 1):
        row, column = (None if size == 1 else name for name, size in zip(AXES, e.shape, strict=True))
        body = entry(e, row, column)
        return _Formula(str(e), body, free | {i for i in (row, column) if i is not None})
    return _Formula(str(e), from_sympy(e), free)


def _names(every: Iterable[Any]) -> _Known:
    known = _Known()
    for e in map(sympy.sympify, every):
        for component in sorted(e.atoms(sympy.Indexed), key=str):
            _add_base(component.base, component, known)
        for base in sorted(e.atoms(sympy.IndexedBase), key=str):
            _add_base(base, base, known)
        for i in sorted(e.atoms(sympy.Idx), key=str):
            known.ranges.setdefault(_name(i), set()).add(_range(i))
        for symbol in sorted(e.atoms(sympy.MatrixSymbol), key=str):
            _add_shape(str(symbol.name), tuple(str(size) for size in symbol.shape if size != 1), known)
    return known


def _add_base(base: Any, shown: Any, known: _Known) -> None:
    if base.shape is None:
        raise DefinitionError(f"`{shown}`: {base} has no size: write vector('{base}', K) or matrix('{base}', m, n)")
    _add_shape(str(base.label), tuple(map(str, base.shape)), known)


def _add_shape(name: str, shape: tuple[str, ...], known: _Known) -> None:
    other = known.shapes.setdefault(name, shape)
    if other != shape:
        raise DefinitionError(f"{name} has size {_size(other)} in one place and {_size(shape)} in another: rename one")


def _range(i: Any) -> str:
    if i.upper is None:
        raise DefinitionError(f"the index {i} runs through no known dimension: write index('{i}', K)")
    return str(i.upper - i.lower + 1)


def _size(shape: tuple[str, ...]) -> str:
    return " × ".join(shape)


# --- shapes of matrix expressions


def _check_shapes(e: Any) -> None:
    for part in sympy.preorder_traversal(e) if isinstance(e, sympy.Basic) else ():
        match part:
            case sympy.MatAdd() | HadamardProduct():
                pairs = [(a, b) for a, b in pairwise(part.args) if a.shape != b.shape]
                what = "terms have one shape" if isinstance(part, sympy.MatAdd) else "factors have one shape"
            case sympy.MatMul():
                factors = [a for a in part.args if getattr(a, "is_Matrix", False)]
                pairs = [(a, b) for a, b in pairwise(factors) if a.shape[1] != b.shape[0]]
                what = "the columns of one factor are the rows of the next"
            case _ if isinstance(part, SQUARE):
                rows, columns = part.args[0].shape
                pairs = [] if rows == columns else [(part.args[0], part.args[0])]
                what = f"{type(part).__name__} takes a square matrix"
            case _:
                continue
        for a, b in pairs:
            each = " and ".join(f"`{x}` is {_size(tuple(map(str, x.shape)))}" for x in dict.fromkeys((a, b)))
            raise DefinitionError(f"the shapes in `{part}` do not fit: {each}; {what}")


# --- indices inside a formula


def _check_tree(formula: _Formula, node: t.Node, bound: Mapping[str, str], known: _Known) -> None:
    match node:
        case t.Component(base, indices):
            _check_component(formula, base.removeprefix("inv(").removesuffix(")"), indices, bound, known)
        case t.Delta(left, right):
            sizes = [_dimensions(i, bound, known) for i in (left, right)]
            if all(sizes) and not sizes[0] & sizes[1]:
                each = " and ".join(f"{i} through {min(s)}" for i, s in zip((left, right), sizes, strict=True))
                raise DefinitionError(
                    f"KroneckerDelta({left}, {right}) in `{formula.shown}`: {each}: it compares indices of one dimension"
                )
        case t.Constant("oo"):
            raise DefinitionError(f"`{formula.shown}` holds an infinity: a formula has a finite value")
        case t.Symbol(name) if name in bound or name in known.ranges:
            raise DefinitionError(
                f"`{formula.shown}`: the index {name} stands where a number is needed: an index selects a component; "
                f"write KroneckerDelta({name}, l) for a condition, and a vector for numbers that depend on {name}"
            )
    if isinstance(node, t.Binder):
        bound = {**bound, node.index: node.dimension}
    for child in node.children:
        _check_tree(formula, child, bound, known)


def _dimensions(index: str, bound: Mapping[str, str], known: _Known) -> set[str]:
    return {bound[index]} if index in bound else known.ranges.get(index, set())


def _check_component(
    formula: _Formula, base: str, indices: tuple[str, ...], bound: Mapping[str, str], known: _Known
) -> None:
    shape = known.shapes.get(base)
    if shape is None:
        return
    shown = f"{base}[{', '.join(indices)}]"
    if len(shape) != len(indices):
        raise DefinitionError(f"`{shown}`: {base} has size {_size(shape)}, so it takes {len(shape)} indices")
    for i, size in zip(indices, shape, strict=True):
        sizes = _dimensions(i, bound, known)
        if i not in bound and not sizes and not set(AXES) >= {i}:
            raise DefinitionError(f"`{shown}`: {i} runs through no known dimension: write index('{i}', {size})")
        if sizes and size not in sizes:
            raise DefinitionError(
                f"`{shown}` in `{formula.shown}`: {base} has size {_size(shape)}, but the index {i} runs through {min(sizes)}: "
                f"use an index of this axis, index('{i}', {size})"
            )


def _check_free(formula: _Formula, known: _Known) -> None:
    for i in sorted(t.free_indices(formula.body)):
        sizes = sorted(known.ranges.get(i, ()))
        if len(sizes) > 1:
            raise DefinitionError(
                f"the index {i} is free in `{formula.shown}` and runs through {' and '.join(sizes)} in different places: rename one"
            )
        if i not in formula.free and _uses(formula.body, i) > 1:
            raise DefinitionError(
                f"the index {i} stands twice in a product of `{formula.shown}` and is bound by no sum: write Sum({formula.shown}, {i}) "
                f"for a sum, index={i} for a vector with these components, arguments={{'label': {i}}} for the number of a class"
            )


def _uses(node: t.Node, index: str) -> int:
    """How often a product holds a free index: twice in a_i b_i and in a_i², once in a_i + b_i and in exp(a_i)."""
    if index not in t.free_indices(node):
        return 0
    match node:
        case t.Component(_, indices):
            return indices.count(index)
        case t.Delta(left, right):
            return (left, right).count(index)
        case t.Mul(factors):
            return sum(_uses(f, index) for f in factors)
        case t.Frac(above, below):
            return _uses(above, index) + _uses(below, index)
        case t.Power(base, t.Number(value)) if value > 1:
            return int(value) * _uses(base, index)
    return max((_uses(child, index) for child in node.children), default=1)


# --- named equations


def _check_where(where: Mapping[Any, Any], equations: Sequence[_Formula], formulas: Sequence[_Formula]) -> None:
    order = [_left_name(left) for left in where]
    earlier: set[str] = set()
    for position, (left, formula) in enumerate(zip(where, equations, strict=True)):
        name = order[position]
        if name in earlier:
            raise DefinitionError(f"where= defines {name} twice: rename one")
        earlier.add(name)
        _check_left(left)
        held = {*_held(formula.body), *(c.function for c in _calls(formula.body))}
        later = [other for other in order[position:] if other in held]
        calls = (c for f in formulas for c in _calls(f.body)) if isinstance(left, AppliedUndef) else ()
        wrong = next((c for c in calls if c.function == name and len(c.arguments) != 1), None)
        if wrong is not None:
            raise DefinitionError(
                f"{name} takes 1 argument, as in where {left} = ..., and is given {len(wrong.arguments)}"
            )
        if name in later:
            raise DefinitionError(f"where {left} = {formula.shown}: {name} is defined by itself")
        if later:
            raise DefinitionError(
                f"where {left} = {formula.shown} uses {later[0]}, which is defined after it: put {later[0]} first; "
                "equations that use each other define nothing"
            )


def _check_functions(every: Iterable[Any], known: Iterable[str]) -> None:
    for e in every:
        for call in sorted(sympy.sympify(e).atoms(AppliedUndef), key=str):
            name = call.func.__name__
            if name not in known:
                raise UnsupportedExpression(
                    f"there is no formula for `{call}`: give one, where={{{name}(x): ...}}, or the definition it comes from, uses=(...,); "
                    "an elementary function needs a row in FUNCTIONS (expression/convert.py) and one in ELEMENTARY (calculus/elementary.py)"
                )


def _left_name(left: Any) -> str:
    match left:
        case sympy.Indexed():
            return str(left.base.label)
        case AppliedUndef():
            return str(left.func.__name__)
    return str(left)


def _check_left(left: Any) -> None:
    match left:
        case sympy.Indexed():
            names = [_name(i) for i in left.indices]
            fits = all(isinstance(i, sympy.Idx) for i in left.indices) and len(set(names)) == len(names)
            if not fits:
                raise DefinitionError(
                    f"where {left} = ...: the left side is a component at indices of its own, each another name: s[i], M[i, j]"
                )
            for i, size in zip(left.indices, left.base.shape, strict=True):
                if _range(i) != str(size):
                    shape = _size(tuple(map(str, left.base.shape)))
                    raise DefinitionError(
                        f"where {left} = ...: {left.base} has size {shape}, but the index {i} runs through {_range(i)}"
                    )
        case AppliedUndef():
            if len(left.args) != 1 or not isinstance(left.args[0], sympy.Symbol):
                raise DefinitionError(
                    f"where {left} = ...: a named function has one argument, a name, as in g(x); other names may stand on the right"
                )
        case sympy.Symbol() if not left.is_integer and not isinstance(left, sympy.Idx):
            pass
        case _:
            raise DefinitionError(
                f"where {left} = ...: the left side is a scalar, a component s[i], or a function g(x) of names"
            )


def _calls(node: t.Node) -> Iterator[t.Call]:
    return (part for _, part in t.walk(node) if isinstance(part, t.Call))


# --- names


def _held(node: t.Node) -> Iterator[str]:
    """The names of the quantities in a formula."""
    for _, part in t.walk(node):
        match part:
            case t.Symbol(name) | t.Matrix(name) | t.Vector(name):
                yield name
            case t.Component(base, _):
                yield base.removeprefix("inv(").removesuffix(")")


def _check_kinds(formulas: Iterable[_Formula], known: _Known) -> None:
    scalars: dict[str, str] = {}
    dimensions: dict[str, str] = {size: name for name, shape in known.shapes.items() for size in shape}
    for formula in formulas:
        for _, part in t.walk(formula.body):
            match part:
                case t.Symbol(name):
                    scalars.setdefault(name, formula.shown)
                case t.Dimension(name):
                    dimensions.setdefault(name, formula.shown)
            if isinstance(part, t.Binder):
                dimensions.setdefault(part.dimension, formula.shown)
    for name, shown in sorted(scalars.items()):
        for kind, names in (("a vector or matrix", known.shapes), ("a dimension", dimensions)):
            if name in names:
                raise DefinitionError(f"{name} is a number in `{shown}`, and {kind} elsewhere: rename one")


def _check_variable(variable: Any, known: _Known, taken: frozenset[str], seen: set[str]) -> str:
    match variable:
        case sympy.Indexed():
            name, indices = str(variable.base.label), [_name(i) for i in variable.indices]
            formula = _Formula(str(variable), from_sympy(variable), frozenset())
            _check_tree(formula, formula.body, {}, known)
            used = next((i for n, i in enumerate(indices) if i in taken or i in indices[:n]), None)
            if used is not None:
                raise DefinitionError(
                    f"wrt={variable}: the function holds a free index {used} already, and one name cannot be two places: "
                    f"write wrt={variable.base}, or another index"
                )
        case sympy.IndexedBase():
            name = str(variable.label)
        case sympy.MatrixSymbol():
            name = str(variable.name)
        case sympy.Symbol() if not isinstance(variable, sympy.Idx) and not variable.is_integer:
            name = str(variable.name)
        case _:
            raise DefinitionError(
                f"wrt={variable} is no variable: differentiate with respect to a real scalar, a component z[j], or a whole vector or "
                "matrix; give what is not a variable a name in where="
            )
    if name not in seen:
        contains = ", ".join(sorted(seen)) or "no variable"
        raise DefinitionError(f"wrt={variable}: the function does not contain it (it contains {contains})")
    return name
