"""A formula without the limits that it puts on numbers, and the inputs for which none of them is reached.

``e = np.exp(np.minimum(x, 40.0))`` is ``e = np.exp(x)`` for x <= 40, to the last bit, at two thirds of the price. A limit that is always reached becomes
its number: ``np.exp(np.minimum(x + 600.0, 0.0))`` is 1 for x >= -600. What counts as ordinary are the PROBES; a limit that some of them reach and others
do not, as in ``np.maximum(x, 0.0)``, is part of the function and stays."""

import ast
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

PROBES = (0.25, 0.75, 1.0, -1.0, -0.5, 2.0)
LIMITS = {"np.minimum": 1.0, "np.maximum": -1.0}
Bounds = tuple[tuple[float, float] | None, ...]


def moderate(
    lines: Sequence[str], names: Sequence[str], functions: Mapping[str, Any]
) -> tuple[tuple[str, ...], Bounds] | None:
    """The statements without limits, and the least and the greatest value of each input, None where any will do. None where no limit
    can be left out. functions: what the formula calls besides NumPy."""
    points = list(itertools.product(PROBES, repeat=len(names)))
    space: dict[str, Any] = {"np": np, **functions}
    space |= {name: np.array(column) for name, column in zip(names, zip(*points, strict=True), strict=True)}
    freed = _Freed(names, space)
    found: list[str] = []
    for line in lines:
        statement = ast.parse(line.removeprefix("return ")).body[0]
        assert isinstance(statement, ast.Assign | ast.Expr)
        value = statement.value = freed.visit(statement.value)
        if isinstance(statement, ast.Assign):
            assert isinstance(statement.targets[0], ast.Name)
            name = statement.targets[0].id
            freed.formulas[name] = value
            space[name] = freed.at_probes(value)
        found.append(line.partition("return ")[1] + ast.unparse(statement))
    if not freed.bounds:
        return None
    return tuple(found), tuple(freed.bounds.get(name) for name in names)


class _Freed(ast.NodeTransformer):
    """Leaves limits out where it can tell from the inputs whether they are reached."""

    def __init__(self, names: Sequence[str], space: dict[str, Any]) -> None:
        self.names = names
        self.space = space
        self.formulas: dict[str, ast.expr] = {}
        self.bounds: dict[str, tuple[float, float]] = {}

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = ast.unparse(node.func)
        numbers = [k for k, each in enumerate(node.args) if _number(each) is not None]
        if name == "np.exp" and numbers and _number(node.args[0]) == 0.0:
            return ast.Constant(1.0)
        if name in LIMITS and len(numbers) == 1:
            limited, limit = node.args[1 - numbers[0]], node.args[numbers[0]]
            return self.without(limited, limit, LIMITS[name]) or node
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mult) and _number(node.right) == 1.0:
            return node.left
        return node

    def without(self, limited: ast.expr, limit: ast.expr, side: float) -> ast.expr | None:
        """What is limited from above (side 1) or below (side -1), or the limit; None where the inputs do not tell which."""
        values, number = self.at_probes(limited), _number(limit)
        assert number is not None
        for stays, choice in ((-1.0, limited), (1.0, limit)):
            if np.all(side * stays * (values - number) > 0):
                upper = side * stays < 0
                bounds = dict(self.bounds)
                if self.narrow(limited, -math.inf if upper else number, number if upper else math.inf, bounds):
                    self.bounds = bounds
                    return choice
        return None

    def narrow(self, node: ast.expr, low: float, high: float, bounds: dict[str, tuple[float, float]]) -> bool:
        """Whether bounds of the inputs are found for which a part of the formula lies between two numbers."""
        match node:
            case ast.Name(name) if name in self.names:
                before = bounds.get(name, (-math.inf, math.inf))
                bounds[name] = (max(before[0], low), min(before[1], high))
                return True
            case ast.Name(name) if name in self.formulas:
                return self.narrow(self.formulas[name], low, high, bounds)
            case ast.UnaryOp(ast.USub(), inner):
                return self.narrow(inner, -high, -low, bounds)
            case ast.Call(ast.Attribute(ast.Name("np"), "abs"), [inner]) if low <= 0:
                return self.narrow(inner, -high, high, bounds)
            case ast.BinOp(left, ast.Mult(), inner) if (factor := _number(left)) and abs(math.frexp(factor)[0]) == 0.5:
                first, last = sorted((low / factor, high / factor))
                return self.narrow(inner, first, last, bounds)
            case ast.BinOp(inner, ast.Add(), ast.Constant(float(shift))) | ast.BinOp(
                ast.Constant(float(shift)), ast.Add(), inner
            ) if all(math.isinf(end) or (end - shift) + shift == end for end in (low, high)):
                return self.narrow(inner, low - shift, high - shift, bounds)
        return False

    def at_probes(self, node: ast.expr) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(eval(ast.unparse(node), self.space), np.float64)


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.Constant(float(value)):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(float(value))):
            return -value
    return None
