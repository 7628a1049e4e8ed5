"""Straight-line NumPy made to write into buffers that it owns: ``e / (1 + e)`` becomes np.add(e, 1, out=t); np.divide(e, t, out=out).

A name whose last use has passed gives its buffer to the next operation. What is put in must be element-wise, of arrays of one shape."""

import ast
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

BINARY = {ast.Add: "np.add", ast.Sub: "np.subtract", ast.Mult: "np.multiply", ast.Div: "np.divide"}
COMPARED = {ast.Gt: "np.greater", ast.GtE: "np.greater_equal", ast.Lt: "np.less", ast.LtE: "np.less_equal"}
ARITHMETIC = {"np.add": "+", "np.subtract": "-", "np.multiply": "*", "np.divide": "/"}
COMMUTATIVE = ("np.add", "np.multiply")


@dataclass
class _Writer:
    """uses: how often each name is still read. owned: the names of buffers that may be written over."""

    uses: Counter[str]
    owned: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def fresh(self) -> str:
        name = next(n for n in (f"t{k}" for k in range(1, 1000)) if n not in self.taken)
        self.taken.add(name)
        return name

    def read(self, nodes: list[ast.expr]) -> list[str]:
        """The texts of operands; afterwards the buffer of a name is free if that was its last use. What has to be computed comes first, so that it
        does not write over a name that is an operand too."""
        texts = [None if isinstance(n, ast.Name) else _number(n) or self.put(n, None) for n in nodes]
        for node in nodes:
            if isinstance(node, ast.Name):
                self.uses[node.id] -= 1
        return [node.id if isinstance(node, ast.Name) else text or "" for node, text in zip(nodes, texts, strict=True)]

    def free(self, texts: Iterable[str]) -> str | None:
        """A buffer among the operands that nothing reads any more."""
        return next((x for x in texts if x in self.owned and self.uses[x] <= 0), None)

    def put(self, node: ast.expr, target: str | None) -> str:
        """Statements that bring the value of a formula into ``target``, a buffer of their own where it is None; its name."""
        plain = _maximum(node)
        if plain is not None:
            node = plain
        match node:
            case ast.Call(ast.Attribute(attr="where"), [ast.Compare() as test, yes, no]) if (
                _number(yes),
                _number(no),
            ) == ("1.0", "0.0"):
                return self.put(test, target)
            case ast.Call(ast.Attribute(attr="where"), [test, yes, no]):
                return self.choice(test, yes, no, target)
            case ast.BinOp(left, operator, right):
                return self.ufunc(BINARY[type(operator)], [left, right], target)
            case ast.UnaryOp(ast.USub(), argument):
                return self.ufunc("np.negative", [argument], target)
            case ast.Compare(left, [operator], [right]):
                return self.ufunc(COMPARED[type(operator)], [left, right], target, mask=True)
            case ast.Call(ast.Attribute() as function, arguments):
                return self.ufunc(ast.unparse(function), arguments, target)
            case ast.Call(ast.Name(id=function), arguments):
                return self.called(f"{function}({', '.join(self.read(arguments))})", target)
        return self.called(self.read([node])[0], target)

    def ufunc(self, name: str, arguments: list[ast.expr], target: str | None, mask: bool = False) -> str:
        texts = self.read(arguments)
        into = target or (None if mask else self.free(texts))
        if into is None:
            into = self.fresh()
            sign = ARITHMETIC.get(name)
            self.lines.append(
                f"{into} = {texts[0]} {sign} {texts[1]}" if sign else f"{into} = {name}({', '.join(texts)})"
            )
        elif name in ARITHMETIC and (into == texts[0] or (into == texts[1] and name in COMMUTATIVE)):
            other = texts[1] if into == texts[0] else texts[0]
            self.lines.append(f"{into} {ARITHMETIC[name]}= {other}")
        else:
            self.lines.append(f"{name}({', '.join(texts)}, out={into})")
        self.owned.add(into)
        return into

    def choice(self, test: ast.expr, yes: ast.expr, no: ast.expr, target: str | None) -> str:
        chosen, first, second = self.read([test, yes, no])
        into = self.free([second])
        if into is not None and target is None:
            self.lines.append(f"np.copyto({into}, {first}, where={chosen})")
            return into
        return self.called(f"np.where({chosen}, {first}, {second})", target)

    def called(self, text: str, target: str | None) -> str:
        """A value that comes in an array of its own."""
        if target is not None:
            self.lines.append(f"{target}[...] = {text}")
            return target
        into = self.fresh()
        self.lines.append(f"{into} = {text}")
        self.owned.add(into)
        return into


def _number(node: ast.expr) -> str | None:
    """The text of a number, or of a formula that is handed on as it stands; None for what is neither."""
    match node:
        case ast.Lambda():
            return ast.unparse(node)
        case ast.Constant(value):
            return repr(value)
        case ast.UnaryOp(ast.USub(), ast.Constant(value)):
            return repr(-value)  # type: ignore[operator]
        case ast.Attribute(ast.Name("np"), "inf" | "nan"):
            return ast.unparse(node)
    return None


def _maximum(node: ast.expr) -> ast.expr | None:
    """np.where(x > 0, x, 0) as np.maximum(x, 0)."""
    match node:
        case ast.Call(ast.Attribute(attr="where"), [ast.Compare(a, [ast.Gt()], [b]), c, d]) if ast.dump(a) == ast.dump(
            c
        ) and ast.dump(b) == ast.dump(d):
            return ast.Call(ast.Attribute(ast.Name("np", ast.Load()), "maximum", ast.Load()), [a, b], [])
    return None


def in_place(statements: Iterable[str], target: str, owned: Iterable[str] = ()) -> tuple[str, ...]:
    """The same computation with its result in ``target``; owned: arguments that may be written over.

    statements: assignments to fresh names, the last one ``return`` and a formula."""
    tree = [ast.parse(s if not s.startswith("return ") else s.removeprefix("return ")).body[0] for s in statements]
    uses = Counter(n.id for s in tree for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    writer = _Writer(uses, set(owned), taken={*uses, target})
    alias: dict[str, str] = {}
    for statement in tree:
        value = statement.value  # type: ignore[attr-defined]
        value = _renamed(value, alias)
        if isinstance(statement, ast.Assign):
            assert isinstance(statement.targets[0], ast.Name)
            name = statement.targets[0].id
            put = writer.put(value, None)
            writer.uses[put] = writer.uses.get(put, 0) + uses[name]
            alias[name] = put
        elif isinstance(value, ast.Name):
            writer.lines.append(f"np.copyto({target}, {value.id})")
        else:
            writer.put(value, target)
    return tuple(writer.lines)


def _renamed(node: Any, alias: dict[str, str]) -> Any:
    """With the present names of what is read; those of a formula that is handed on are its own."""
    if isinstance(node, ast.Name):
        node.id = alias.get(node.id, node.id)
    elif not isinstance(node, ast.Lambda):
        for each in ast.iter_child_nodes(node):
            _renamed(each, alias)
    return node
