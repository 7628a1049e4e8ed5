"""Choices between numbers as arithmetic, for code of arrays: a condition as 0 or 1 is at hand at once, while a choice takes as long as an exponential.

To add a row: a case of `_Arithmetic.visit_Call` that gives the same numbers for every input, of which those in `finite` are. `tests/test_choices.py`
compares both at all kinds of floats."""

import ast
from collections.abc import Sequence

from chainrule.codegen.blocks import Code

LIMITS = {"np.maximum": "at_least", "np.minimum": "at_most"}
"""What puts a number on an array as a limit."""


def arithmetic(lines: Sequence[str], finite: frozenset[str]) -> tuple[str, ...]:
    """The statements of a formula of arrays without the choices that arithmetic can make. finite: the inputs that are finite, or else make every
    result NaN."""
    visitor = _Arithmetic(finite)
    found = []
    for line in lines:
        start = "return " if line.startswith("return ") else ""
        tree = ast.parse(line.removeprefix("return "))
        changed = ast.unparse(ast.fix_missing_locations(visitor.visit(tree)))
        found.append(start + changed if visitor.changed else line)
        visitor.changed = False
    return tuple(found)


class _Arithmetic(ast.NodeTransformer):
    def __init__(self, finite: frozenset[str]) -> None:
        self.finite = finite
        self.changed = False

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Attribute(ast.Name("np"), "where"), [test, chosen, ast.Constant(0.0)]) if self.is_finite(
                chosen
            ):
                self.changed = True
                one_or_zero = ast.Call(node.func, [test, ast.Constant(1.0), ast.Constant(0.0)], [])
                return ast.BinOp(chosen, ast.Mult(), one_or_zero)
        return node

    def is_finite(self, node: ast.expr) -> bool:
        match node:
            case ast.UnaryOp(ast.USub(), ast.Name(name)) | ast.Name(name):
                return name in self.finite
        return False


def limited(code: Code, inputs: Sequence[str]) -> Code:
    """Maxima and minima of arrays and numbers as limits. inputs: what may be a number, and no array of the block."""
    lines, imports = [], set(code.imports)
    for line in code.lines:
        statement = ast.parse(line).body[0]
        match statement:
            case ast.Expr(ast.Call(function, [first, second], [ast.keyword("out", out)])) if name := LIMITS.get(
                ast.unparse(function)
            ):
                if _is_number(first, inputs):
                    first, second = second, first
                if _is_number(second, inputs) and not _is_number(first, inputs):
                    comment = line.partition("  #")
                    line = f"{name}({ast.unparse(first)}, {ast.unparse(second)}, out={ast.unparse(out)})"
                    line += comment[1] + comment[2]
                    imports.add(name)
        lines.append(line)
    return Code(tuple(lines), code.scratch, code.masks, frozenset(imports))


def _is_number(node: ast.expr, inputs: Sequence[str]) -> bool:
    match node:
        case ast.Constant(float()) | ast.UnaryOp(ast.USub(), ast.Constant(float())):
            return True
        case ast.Name(name):
            return name in inputs
    return False
