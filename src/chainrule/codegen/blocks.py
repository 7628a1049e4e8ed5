"""Straight-line formulas of arrays as kernels: calls that write into arrays they are given, each array used again as soon as its last reader is done.

``e = np.exp(x); return e / (1.0 + e)`` becomes ``np.exp(x, out=s1); np.add(1.0, s1, out=out); np.divide(s1, out, out=out)``: the same operations in the
same order on the same numbers, so what was measured of the formula holds for the kernel to the last bit. Several formulas become one kernel that computes
once what they share."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import UnsupportedExpression

BINARY = {ast.Add: "np.add", ast.Sub: "np.subtract", ast.Mult: "np.multiply", ast.Div: "np.divide"}
JOINED = {ast.BitAnd: "np.logical_and", ast.BitOr: "np.logical_or"}
COMPARED = {
    ast.Gt: "np.greater",
    ast.GtE: "np.greater_equal",
    ast.Lt: "np.less",
    ast.LtE: "np.less_equal",
    ast.Eq: "np.equal",
    ast.NotEq: "np.not_equal",
}
TRUTH = {*COMPARED.values(), *JOINED.values(), "np.logical_not", "np.isnan", "np.isinf", "np.isfinite"}
"""Functions whose results are truth values."""
PLAIN = {"product": "np.multiply", "quotient": "np.divide"}
"""What a function with a guard is where nothing raises the flag of an invalid operation: only 0 * inf and 0 / 0 tell them apart."""
SLOW_IN_PLACE = ("np.sign",)
"""Functions that NumPy computes several times slower into their own operand."""
INSIDE = ("logistic_gate_slope", "normal_gate", "normal_gate_slope")
"""Functions of the runtime that write into an array, but not into their own operand."""
NUMBERS = {
    **{f"np.{name}": f"math.{name}" for name in ("exp", "log", "log1p", "expm1", "sin", "cos", "tan", "tanh", "cosh", "sinh", "sqrt", "hypot", "floor")},
    "np.arctan": "math.atan", "np.arcsin": "math.asin", "np.arccos": "math.acos", "np.arcsinh": "math.asinh", "np.arccosh": "math.acosh", "np.arctanh": "math.atanh",
    "np.abs": "abs", "np.maximum": "max", "np.minimum": "min", "np.power": "math.pow",
    "np.sign": "sign_of_number", "np.heaviside": "heaviside_of_number", "product": "product_of_number", "quotient": "quotient_of_number",
    "lost": "lost_of_number", "erf": "math.erf", "erfc": "math.erfc", "np.rint": "round",
}  # fmt: skip
"""What computes the same of Python floats."""
LINE = 112


@dataclass(frozen=True)
class Operation:
    """One call: the function, its operands (numbers of earlier operations, or texts of constants and inputs), and the name that its result has in the formula."""

    function: str
    operands: tuple["int | str", ...]
    label: str = ""


@dataclass
class Program:
    """Operations in order, each different from the others, and which of them are the results (an input or a constant is a text)."""

    operations: list[Operation] = field(default_factory=list)
    results: list[int | str] = field(default_factory=list)
    known: dict[tuple[str, tuple[int | str, ...]], int] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    helpers: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The names of functions for the few elements near a point, by their statements."""
    stem: str = "_"
    lines: tuple[str, ...] = ()

    def add(
        self, lines: Sequence[str], plain: bool = False, labels: bool = True, context: Sequence[str] | None = None
    ) -> None:
        """Take in the statements of one formula, the last a ``return``. plain: without the guards of products and quotients. context:
        the statements that the code near a point is taken from, where they are others."""
        names: dict[str, int | str] = {}
        self.lines = tuple(context or lines)
        for line in lines:
            statement = ast.parse(line.removeprefix("return ")).body[0]
            if isinstance(statement, ast.Assign):
                assert isinstance(statement.targets[0], ast.Name)
                name = statement.targets[0].id
                names[name] = found = self.read(statement.value, names, plain)
                if labels and isinstance(found, int) and not self.operations[found].label:
                    old = self.operations[found]
                    self.operations[found] = Operation(old.function, old.operands, name)
            else:
                assert isinstance(statement, ast.Expr)
                self.results.append(self.read(statement.value, names, plain))

    def put(self, function: str, *operands: "int | str") -> int:
        key = (function, operands)
        if key not in self.known:
            self.known[key] = len(self.operations)
            self.operations.append(Operation(function, operands))
        return self.known[key]

    def read(self, node: ast.expr, names: dict[str, int | str], plain: bool) -> int | str:
        def each(*nodes: ast.expr) -> Iterator[int | str]:
            for one in nodes:
                yield self.read(one, names, plain)

        match node:
            case ast.Name(name):
                return names.get(name, name)
            case ast.Constant(value):
                return repr(value)
            case ast.UnaryOp(ast.USub(), ast.Constant(value)):
                return f"-{value!r}"
            case ast.Lambda():
                return ast.unparse(node)
            case ast.Attribute(ast.Name("np"), "inf" | "nan"):
                return ast.unparse(node)
            case ast.UnaryOp(ast.USub(), ast.Attribute(ast.Name("np"), "inf")):
                return "-np.inf"
            case ast.UnaryOp(ast.USub(), inner):
                return self.put("np.negative", *each(inner))
            case ast.UnaryOp(ast.Invert(), inner):
                return self.put("np.logical_not", *each(inner))
            case ast.BinOp(left, operator, right) if type(operator) in BINARY:
                return self.put(BINARY[type(operator)], *each(left, right))
            case ast.BinOp(left, operator, right) if type(operator) in JOINED:
                return self.put(JOINED[type(operator)], *each(left, right))
            case ast.Compare(left, [operator], [right]):
                return self.put(COMPARED[type(operator)], *each(left, right))
            case ast.Call(ast.Attribute(attr="full"), [_, value]):
                return self.read(value, names, plain)
            case ast.Call(ast.Name("defined" | "known" as name), [value, otherwise]):
                undefined = ast.Call(ast.parse("np.isnan", mode="eval").body, [value], [])
                if plain and name == "defined":
                    return self.read(value, names, plain)
                return self.choice(undefined, otherwise, value, names, plain)
            case ast.Call(ast.Attribute(attr="where"), [test, yes, no]):
                return self.choice(test, yes, no, names, plain)
            case ast.Call(ast.Attribute(attr="heaviside"), [x, at_zero]):
                zero = ast.Constant(0.0)
                above = ast.Compare(x, [ast.Gt()], [zero])
                step = ast.Call(ast.Attribute(ast.Name("np"), "where"), [above, ast.Constant(1.0), zero], [])
                return self.choice(ast.Compare(x, [ast.Eq()], [zero]), at_zero, step, names, plain)
            case ast.Call(function, arguments):
                name = ast.unparse(function)
                return self.put(PLAIN.get(name, name) if plain else name, *each(*arguments))
        raise UnsupportedExpression(f"no kernel for `{ast.unparse(node)}`: add a case to codegen/blocks.py")

    def choice(
        self, test: ast.expr, yes: ast.expr, no: ast.expr, names: dict[str, int | str], plain: bool
    ) -> int | str:
        """``np.where``; of x and 0 by the sign of x it is a maximum, which passes NaN on."""
        match test:
            case ast.Compare(x, [ast.Gt() | ast.GtE()], [ast.Constant(0.0)]) if _same(x, yes) and _is_zero(no):
                return self.put("np.maximum", self.read(x, names, plain), "0.0")
        match yes, no:
            case ast.Constant(float(height)), ast.Constant(0.0) if height > 0:
                return self.put("np.multiply", self.read(test, names, plain), repr(height))
        if self.inputs and _is_near(test) and not isinstance(yes, ast.Constant | ast.Name):
            return self.put(
                "replace", self.read(test, names, plain), self.read(no, names, plain), self.helper(yes), *self.inputs
            )
        return self.put("select", *(self.read(one, names, plain) for one in (test, yes, no)))

    def helper(self, value: ast.expr) -> str:
        """The name of a function that computes one branch of a choice by itself."""
        wanted = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
        statements = [f"return {ast.unparse(value)}"]
        for line in reversed(self.lines[:-1]):
            name, _, formula = line.partition(" = ")
            if name in wanted:
                statements.append(line)
                wanted |= {n.id for n in ast.walk(ast.parse(formula)) if isinstance(n, ast.Name)}
        key = tuple(reversed(statements))
        if key not in self.helpers:
            self.helpers[key] = f"{self.stem}_near{len(self.helpers) + 1}"
        return self.helpers[key]


def _is_near(test: ast.expr) -> bool:
    """Whether few numbers meet a condition: a small distance from a point."""
    match test:
        case ast.Compare(
            ast.Call(ast.Attribute(attr="abs"), [ast.BinOp()]), [ast.Lt() | ast.LtE()], [ast.Constant(float(radius))]
        ):
            return radius < 0.5
    return False


def _same(first: ast.expr, second: ast.expr) -> bool:
    return ast.dump(first) == ast.dump(second)


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0.0


@dataclass(frozen=True)
class Code:
    """Statements of a kernel, how many arrays of numbers and of truth values they need besides those of the results, and the runtime names that they use."""

    lines: tuple[str, ...]
    scratch: int
    masks: int
    imports: frozenset[str]

    def same_as(self, other: "Code") -> bool:
        """Whether the statements are the same but for their comments."""
        return [line.partition("  #")[0] for line in self.lines] == [line.partition("  #")[0] for line in other.lines]


def kernel(program: Program, results: Sequence[str]) -> Code:
    """The program with its results in arrays of those names. Scratch arrays are ``s1``, ``s2``, …, truth values ``m1``, ``m2``, …"""
    last: dict[int, int] = {}
    needed = _needed(program)
    for k in needed:
        for operand in program.operations[k].operands:
            if isinstance(operand, int):
                last[operand] = k
    for each in program.results:
        if isinstance(each, int):
            last[each] = len(program.operations)
    place: dict[int, tuple[str, int]] = {}
    free: dict[str, list[int]] = {"float": [], "truth": []}
    count = {"float": 0, "truth": 0}
    for k in needed:
        operation = program.operations[k]
        kind = "truth" if operation.function in TRUTH else "float"
        ending = [o for o in dict.fromkeys(operation.operands) if isinstance(o, int) and last[o] == k]
        reused = [
            o
            for o in ending
            if place[o][0] == kind
            and (
                (operation.function.startswith("np.") and operation.function not in SLOW_IN_PLACE)
                or (operation.function == "replace" and o == operation.operands[1])
                or (operation.function == "select" and o == operation.operands[1] != operation.operands[2])
            )
        ]
        if reused:
            index = place[reused[0]][1]
            ending.remove(reused[0])
        elif free[kind]:
            index = free[kind].pop(0)
        else:
            index = count[kind]
            count[kind] += 1
        place[k] = (kind, index)
        for o in ending:
            own, freed = place[o]
            free[own] = sorted([*free[own], freed])
    names = _names(program, place, results, count["float"])
    lines, imports = [], set()
    for k in needed:
        operation = program.operations[k]
        texts = [o if isinstance(o, str) else names[place[o]] for o in operation.operands]
        if not operation.function.startswith("np."):
            imports |= {operation.function, *(() if inside(operation.function) else ("apply",))}
        into = names[place[k]]
        if operation.function == "replace":
            before = texts.pop(1)
            lines += [f"np.copyto({into}, {before})"] if before != into else []
        if operation.function == "np.multiply" and texts[1] == "1.0" and texts[0].startswith("m"):
            lines.append(f"np.copyto({into}, {texts[0]})")  # truth values as numbers, at a quarter of the price
            continue
        call = f"{operation.function}({', '.join(texts)}, out={into})"
        line = call if inside(operation.function) else "apply(" + call.replace("(", ", ", 1)
        comment = f"  # {operation.label}"
        lines.append(line + comment if operation.label and len(line + comment) <= LINE else line)
    taken: set[int] = set()
    for each, name in zip(program.results, results, strict=True):
        if isinstance(each, int) and each not in taken:
            taken.add(each)
        else:
            lines.append(f"np.copyto({name}, {each if isinstance(each, str) else names[place[each]]})")
    extra = sum(1 for n in names.values() if n.startswith("s"))
    return Code(tuple(lines), extra, count["truth"], frozenset(imports))


def inside(function: str) -> bool:
    """Whether a function can write into an array it is given."""
    return function.startswith("np.") or function in ("select", "replace", "clipped", *PLAIN, *INSIDE)


def _needed(program: Program) -> list[int]:
    """The operations that a result depends on."""
    found: set[int] = set()
    todo = [each for each in program.results if isinstance(each, int)]
    while todo:
        k = todo.pop()
        if k not in found:
            found.add(k)
            todo += [o for o in program.operations[k].operands if isinstance(o, int)]
    return sorted(found)


def _names(
    program: Program, place: dict[int, tuple[str, int]], results: Sequence[str], count: int
) -> dict[tuple[str, int], str]:
    """The arrays that end up with a result are those of the result; the others are numbered."""
    names: dict[tuple[str, int], str] = {}
    for each, name in zip(program.results, results, strict=True):
        if isinstance(each, int):
            names.setdefault(place[each], name)
    spare = [name for name in results if name not in names.values()]
    number = 0
    for index in range(count):
        if ("float", index) not in names:
            if spare:
                names["float", index] = spare.pop(0)
            else:
                number += 1
                names["float", index] = f"s{number}"
    for kind, index in place.values():
        if kind == "truth":
            names[kind, index] = f"m{index + 1}"
    return names


def has_guards(lines: Sequence[str]) -> bool:
    """Whether a formula guards products or quotients."""
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in (*PLAIN, "defined")
        for line in lines
        for node in ast.walk(ast.parse(line.removeprefix("return ")))
    )


def of_numbers(lines: Sequence[str]) -> tuple[str, ...] | None:
    """The same formula of Python floats, none of which is NaN; None where a function of it has no form for them."""
    try:
        return tuple(_line(line) for line in lines)
    except KeyError:
        return None


def _line(line: str) -> str:
    tree = ast.fix_missing_locations(_Numbers().visit(ast.parse(line.removeprefix("return "))))
    text = ast.unparse(tree)
    return f"return {text}" if line.startswith("return ") else text


class _Numbers(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.expr:
        name = ast.unparse(node.func)
        if name == "defined":  # 0/0 raises an exception, on which the call is one of arrays
            value: ast.expr = self.visit(node.args[0])
            return value
        arguments: list[ast.expr] = (
            [self.visit(a) for a in node.args] if name != "np.full" else [self.visit(node.args[1])]
        )
        if name == "np.full":
            return arguments[0]
        if name == "np.where":
            return ast.IfExp(*arguments)
        return ast.Call(ast.parse(NUMBERS[name], mode="eval").body, arguments, [])

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        if type(node.op) in JOINED:
            return ast.BoolOp(ast.And() if isinstance(node.op, ast.BitAnd) else ast.Or(), [left, right])
        return ast.BinOp(left, node.op, right)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        inner = self.visit(node.operand)
        return ast.UnaryOp(ast.Not() if isinstance(node.op, ast.Invert) else node.op, inner)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        return ast.Attribute(ast.Name("math"), node.attr)  # inf, nan
