"""Which kernels of a function of vectors may run in float32: those that lose a few ulp of that, and no digits.

Probabilities and their logarithms are such: sums of exponentials, quotients and products of these, and differences of which the routines take
care. A kernel that does anything else runs in float64, and its results are rounded."""

import ast
from collections.abc import Mapping

KERNELS = ("_value", "_grad_", "_both_", "_vjp_", "_jvp_")
"""How the names of the kernels begin; second derivatives multiply more, so they run in float64."""
HARMLESS = frozenset(
    {
        "balanced_at",
        "centred",
        "dot",
        "entry",
        "exponential_sum",
        "exponential_total",
        "exponentials",
        "less_mean",
        "less_one_hot",
        "log_sum",
        "log_sum_exp",
        "one_hot",
        "pairwise_sum",
        "refined_rows",
        "shifted",
        "shifted_entry",
        "signed_sum",
        "total",
        "weighted",
    }
)
"""Routines of the runtime that are right in float32, or go over to float64 where they would not be."""
OPERATORS = ast.Mult | ast.Div | ast.Sub | ast.USub


def single(functions: Mapping[str, str]) -> list[str]:
    """The kernels among the functions of a module, by name, that may run in float32."""
    parsed = {name: ast.parse(text) for name, text in functions.items()}
    fast = {name for name, tree in parsed.items() if _is_harmless(tree, parsed)}
    while left := {name for name in fast if called(parsed[name]) & parsed.keys() - fast}:
        fast -= left
    return [name for name in functions if name in fast and name.startswith(KERNELS) and _exponentials(name, parsed)]


def _is_harmless(tree: ast.Module, functions: Mapping[str, ast.Module]) -> bool:
    """Whether a function does nothing else itself."""
    nodes = list(ast.walk(tree))
    if not called(tree) <= HARMLESS | functions.keys() or any(isinstance(n, ast.keyword) for n in nodes):
        return False
    return all(isinstance(n.op, OPERATORS) for n in nodes if isinstance(n, ast.BinOp | ast.UnaryOp))


def _exponentials(name: str, functions: Mapping[str, ast.Module]) -> bool:
    names = called(functions[name])
    return "exponentials" in names or any(_exponentials(each, functions) for each in names & functions.keys())


def called(tree: ast.Module) -> set[str]:
    """The functions that a module calls, as it names them."""
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def names_in(code: str) -> set[str]:
    """The names that a text has."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
