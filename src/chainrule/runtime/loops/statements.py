"""The code of a block as values: what each call computes, from which others; the arrays that it goes through do not matter any more."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .elements import is_element
from .extended import ROWS


class Unreadable(Exception):
    """The code holds something else than calls that write into an array."""


@dataclass(frozen=True)
class Value:
    """What a function gives for its operands: numbers of other values. An `input` has the number of the argument, a `constant` its text instead, and what
    takes a formula the text of what is to be done to elements.

    call: for a function that stays a call, what is called, from its operands and the array that it writes into."""

    function: str
    operands: tuple[int, ...] = ()
    told: Any = None
    call: Callable[..., Any] | None = field(default=None, compare=False)

    @property
    def is_formula(self) -> bool:
        """Whether it takes a formula, and may have no value for some elements."""
        return isinstance(self.told, str) and not self.call


@dataclass(frozen=True)
class Values:
    """The values in an order in which they can be computed, and which of them are the results."""

    values: tuple[Value, ...]
    results: tuple[int, ...]

    def reached(self) -> set[int]:
        """Those that the results are computed of, and they."""
        found: set[int] = set()
        todo = list(self.results)
        while todo:
            k = todo.pop()
            if k not in found:
                found.add(k)
                todo += self.values[k].operands
        return found


@lru_cache(maxsize=1024)
def values_of(code: Callable[..., None], inputs: int, results: int) -> Values:
    """What the code of a block computes, from so many inputs, its first parameters, for so many results, its next ones. Raises Unreadable."""
    try:
        tree = ast.parse(inspect.getsource(code)).body[0]
    except (OSError, TypeError, SyntaxError, IndentationError) as error:
        raise Unreadable(str(error)) from error
    if not isinstance(tree, ast.FunctionDef):
        raise Unreadable(ast.unparse(tree))
    reader = _Reader(code.__globals__)
    names = [each.arg for each in tree.args.args]
    for k, name in enumerate(names[:inputs]):
        reader.now[name] = reader.number(Value("input", told=k))
    for statement in tree.body:
        if not _is_text(statement):
            reader.read(statement)
    try:
        return Values(tuple(reader.known), tuple(reader.now[name] for name in names[inputs : inputs + results]))
    except KeyError as error:
        raise Unreadable(f"no value for {error}") from None


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Reader:
    """now: the value that each array holds at a point of the code. known: all values, with their numbers."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.now: dict[str, int] = {}
        self.known: dict[Value, int] = {}

    def number(self, value: Value) -> int:
        return self.known.setdefault(value, len(self.known))

    def read(self, statement: ast.stmt) -> None:
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(call, ast.Call):
            raise Unreadable(ast.unparse(statement))
        function = ast.unparse(call.func)
        keywords = {each.arg: each.value for each in call.keywords}
        if function == "np.copyto":
            target, found = call.args[0], self.operand(call.args[1])
            if "where" in keywords:
                found = self.number(Value("select", (self.operand(keywords.pop("where")), found, self.operand(target))))
            if keywords:
                raise Unreadable(ast.unparse(statement))
        else:
            target = keywords.pop("out", call.args[-1])
            if keywords or "out" not in {each.arg for each in call.keywords} or function == "replace":
                raise Unreadable(ast.unparse(statement))
            found = self.applied(function, call)
        if not isinstance(target, ast.Name):
            raise Unreadable(ast.unparse(statement))
        self.now[target.id] = found

    def applied(self, function: str, call: ast.Call) -> int:
        arguments = call.args
        if function == "apply" and (row := self.row(arguments)):
            return self.number(row)
        if function == "apply" and is_element(ast.unparse(arguments[0])):
            function, arguments = ast.unparse(arguments[0]), arguments[1:]
        if is_element(function):
            return self.number(Value(function, tuple(map(self.operand, arguments))))
        return self.called(function, arguments)

    def row(self, arguments: list[ast.expr]) -> Value | None:
        """What is to be done to elements where a function is applied that takes a formula; None if it is another one, or no loop can."""
        function, *given = arguments
        rows = ROWS.get(self.names.get(ast.unparse(function)))
        text = rows and rows[0](self.evaluated(given[3]), len(given) - 4)
        return Value(ast.unparse(function), tuple(map(self.operand, rows[1](given))), text) if rows and text else None

    def operand(self, node: ast.expr) -> int:
        if isinstance(node, ast.Name):
            if node.id not in self.now:
                raise Unreadable(f"no value for {node.id}")
            return self.now[node.id]
        try:
            return self.number(Value("constant", told=float(ast.literal_eval(node))))
        except (ValueError, TypeError):
            raise Unreadable(ast.unparse(node)) from None

    def called(self, function: str, arguments: list[ast.expr]) -> int:
        """A call that stays one. Its operands are the arrays among its arguments; the others, functions and numbers, are what they are."""
        places = [k for k, node in enumerate(arguments) if isinstance(node, ast.Name) and node.id in self.now]
        operands = tuple(self.operand(arguments[k]) for k in places)
        fixed = [None if k in places else self.evaluated(node) for k, node in enumerate(arguments)]
        code = self.evaluated(ast.parse(function, mode="eval").body)

        def call(*given: Any, out: Any) -> None:
            every = list(fixed)
            for k, each in zip(places, given, strict=True):
                every[k] = each
            code(*every, out=out)

        told = tuple(None if k in places else ast.unparse(node) for k, node in enumerate(arguments))
        return self.number(Value(function, operands, told, code if len(places) == len(told) else call))

    def evaluated(self, node: ast.expr) -> Any:
        return eval(compile(ast.Expression(ast.fix_missing_locations(node)), "<code of a block>", "eval"), self.names)
