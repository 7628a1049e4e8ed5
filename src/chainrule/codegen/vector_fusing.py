"""Value and gradient as one function, in which what they have in common is computed once."""

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import count

SHARED = ("exponential_sum", "exponentials", "log_sum", "pairwise_sum", "shifted")
"""Calls that get a name of their own, so that another one of the same is seen."""
NAMED = "shared_"
"""How these names begin."""


def fused(functions: Mapping[str, str], first: str, second: str, name: str) -> str | None:
    """The text of a function that returns what two functions of the same arguments return; None where they share no call.

    functions: the text of each, by name, also of those that they call: straight lines of assignments to names, then what is returned."""
    one, other = (_parsed(functions[each]) for each in (first, second))
    arguments = [a.arg for a in one.args.args]
    if arguments != [a.arg for a in other.args.args]:
        return None
    lines = _Lines(functions, set(arguments))
    results = [lines.run(each, arguments) for each in (one, other)]
    if not lines.shared:
        return None
    head = ", ".join(f"{each}: Array" for each in arguments)
    body = _without_single_use(
        [*(f"{target} = {code}" for code, target in lines.named.items()), f"return {', '.join(results)}"]
    )
    return f"def {name}({head}) -> tuple[Array, Array]:\n" + "".join(f"    {line}\n" for line in body)


def _without_single_use(lines: list[str]) -> list[str]:
    """Statements in which a call that is needed once stands where it is needed."""
    for position in reversed(range(len(lines) - 1)):
        target, code = lines[position].split(" = ", 1)
        uses = [(k, len(re.findall(rf"\b{target}\b", line))) for k, line in enumerate(lines) if k != position]
        (where, *more) = [k for k, times in uses for _ in range(times)]
        if target.startswith(NAMED) and not more and isinstance(ast.parse(code, mode="eval").body, ast.Call):
            lines[where] = code.join(re.split(rf"\b{target}\b", lines[where]))
            del lines[position]
    return lines


def _parsed(text: str) -> ast.FunctionDef:
    (found,) = ast.parse(text).body
    assert isinstance(found, ast.FunctionDef)
    return found


class _Lines:
    """Assignments in order, each to a name that nothing else has: the name by the text of what it is. shared: whether one was met again."""

    def __init__(self, functions: Mapping[str, str], taken: set[str]) -> None:
        self.functions = functions
        self.taken = taken
        self.named: dict[str, str] = {}
        self.shared = False

    def run(self, function: ast.FunctionDef, given: list[str]) -> str:
        """The statements of a function of these names. Returns what it returns."""
        names = {a.arg: name for a, name in zip(function.args.args, given, strict=True)}
        for statement in function.body:
            match statement:
                case ast.Assign([ast.Name(target)], value):
                    names[target] = self.name(self.written(value, names), target)
                case ast.Return(ast.expr() as value):
                    return self.written(value, names)
        raise AssertionError(f"{function.name} returns nothing")

    def written(self, value: ast.expr, names: Mapping[str, str]) -> str:
        """An expression in the names of the fused function, calls of our own functions written out."""
        return ast.unparse(_Renamed(self, names).visit(ast.parse(ast.unparse(value), mode="eval").body))

    def name(self, code: str, wanted: str) -> str:
        """The name of an expression: that of an equal one, itself if it is a name, else the wanted one or one like it."""
        if code.isidentifier():
            return code
        if code in self.named:
            self.shared = self.shared or any(f"{call}(" in code for call in SHARED)
            return self.named[code]
        free = next(each for each in _like(wanted) if each not in self.taken and each != NAMED)
        self.taken.add(free)
        self.named[code] = free
        return free


def _like(name: str) -> Iterator[str]:
    """The name, and others like it."""
    yield name
    yield from (f"{name}{k}" for k in count(1))


class _Renamed(ast.NodeTransformer):
    def __init__(self, lines: _Lines, names: Mapping[str, str]) -> None:
        self.lines = lines
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.names.get(node.id, node.id))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        match node:
            case ast.Call(ast.Name(called), arguments) if called in self.lines.functions and not _of_one(called):
                given = [self.lines.name(ast.unparse(a), NAMED) for a in arguments]
                code = self.lines.run(_parsed(self.lines.functions[called]), given)
            case ast.Call(ast.Name(called)) if called in SHARED:
                code = self.lines.name(ast.unparse(node), "e" if called == "exponentials" else NAMED)
            case _:
                return node
        return ast.parse(code, mode="eval").body


def _of_one(name: str) -> bool:
    """A function of one number that stands by itself."""
    return name.startswith("_h") and name[2:].isdigit()
