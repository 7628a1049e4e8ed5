"""Reads the LaTeX that ``chainrule.expression.printing`` writes back into a tree: our own dialect and nothing more.

Written from the rules a reader of mathematics goes by, not from the printer: a juxtaposition is a product, a sum
extends to the next plus or minus, log takes the next thing or the parentheses after it, d/dx the next thing or the
brackets after it. Colour is dropped. x_1 comes back as a component; a superscript as a power, on a bold letter as a
layer. Bold capitals are matrices; numbers and matrices side by side are all a ``MatMul``, its numbers to be pulled out.
A norm without an F is the largest stretch, as a reader takes that of a matrix to be.
"""

import re
from fractions import Fraction

from chainrule.expression import tree as t
from chainrule.expression.tree import Node

TOKEN = re.compile(r"\\(?:text|operatorname\*?|mathrm|begin|end)\{[^{}]*\}|\\[A-Za-z]+|\\.|[0-9]+\.[0-9]+|[0-9]+|\S")
PREFIX = {rf"\{n}": n for n in ("log", "sin", "cos", "tan", "sec", "csc", "cot", "sinh", "cosh", "tanh", "coth")} | {
    rf"\arc{n}": f"a{n}" for n in ("sin", "cos", "tan")
}
RENAMED = {"sgn": "sign", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh", "H": "heaviside"}
RELATIONS = {"<": "<", ">": ">", r"\leq": "<=", r"\geq": ">=", "=": "=", r"\neq": "!="}
GREEK = {r"\varphi": "phi", r"\varepsilon": "epsilon"}
FUNCTIONS = {"sigma", "Phi", "phi", "zeta", "f", "g", "h", "H"}
ENDS = {
    "}",
    ")",
    "]",
    r"\rvert",
    r"\rVert",
    r"\odot",
    r"\rfloor",
    r"\rceil",
    "&",
    r"\\",
    ",",
    ";",
    "+",
    "-",
    r"\end{cases}",
    r"\text{ and }",
    None,
}


def read(latex: str) -> Node:
    reader = Reader(_without_colour([token for token in TOKEN.findall(latex) if token not in (r"\left", r"\right")]))
    node = reader.relation()
    assert reader.peek() is None, f"left over from {latex}: {reader.tokens[reader.place :]}"
    return node


def _without_colour(tokens: list[str]) -> list[str]:
    kept: list[str] = []
    drop: list[bool] = []
    place = 0
    while place < len(tokens):
        if tokens[place] == r"\textcolor":
            place += tokens[place:].index("}") + 2  # the colour's name, and the brace that opens what is coloured
            drop.append(True)
            continue
        if tokens[place : place + 2] == ["{", "}"]:
            place += 2
            continue
        if tokens[place] == "{":
            drop.append(False)
        if tokens[place] != "}" or not drop.pop():
            kept.append(tokens[place])
        place += 1
    return kept


class Reader:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.place = tokens, 0

    def peek(self, ahead: int = 0) -> str | None:
        return self.tokens[self.place + ahead] if self.place + ahead < len(self.tokens) else None

    def next(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1]

    def take(self, *expected: str) -> None:
        for token in expected:
            assert self.next() == token, f"expected {token} before {self.tokens[self.place - 1 :]}"

    def skip(self, token: str) -> bool:
        found = self.peek() == token
        self.place += found
        return found

    def relation(self) -> Node:
        left, found = self.sum(), list[Node]()
        while self.peek() in RELATIONS:
            operator = RELATIONS[self.next()]
            right = self.sum()
            found.append(t.Equation(left, right) if operator == "=" else t.Compare(operator, left, right))
            left = right
        return found[0] if len(found) == 1 else t.And(tuple(found)) if found else left

    def sum(self) -> Node:
        terms = [t.Neg(self.elementwise())] if self.skip("-") else [self.elementwise()]
        while self.peek() in ("+", "-"):
            negative = self.next() == "-"
            term = self.elementwise()
            terms.append(t.Neg(term) if negative else term)
        return t.add(*terms)

    def elementwise(self) -> Node:
        factors = [self.product()]
        while self.skip(r"\odot"):
            factors.append(self.product())
        return t.Hadamard(tuple(factors)) if len(factors) > 1 else factors[0]

    def product(self) -> Node:
        factors: list[Node] = []
        while self.peek() not in ENDS and self.peek() not in RELATIONS:
            if self.skip("/"):
                factors = [t.Frac(t.mul(*factors), self.factor())]
                continue
            self.skip(r"\cdot")
            factors.append(self.factor())
        assert factors, f"nothing to multiply before {self.tokens[self.place :]}"
        return t.MatMul(tuple(factors)) if len(factors) > 1 and any(map(is_array, factors)) else t.mul(*factors)

    def group(self) -> Node:
        self.take("{")
        node = self.relation()
        self.take("}")
        return node

    def factor(self) -> Node:
        """One thing with its superscripts."""
        if self.peek() == r"\sum":
            return self.big_sum()
        node = self.atom()
        while self.skip("^"):
            if self.peek(1) == r"\top":
                self.take("{", r"\top", "}")
                node = t.Transpose(node)
            elif self.peek(1) == "-" and self.peek(2) == r"\top":
                self.take("{", "-", r"\top", "}")
                node = t.Transpose(t.Call("inv", (node,)))
            elif self.peek(1) == r"\odot":
                self.take("{", r"\odot")
                node = t.Power(node, self.sum())
                self.take("}")
            else:
                exponent = self.group()
                inverse = is_array(node) and exponent == t.Neg(t.ONE)
                assert inverse or not is_array(node), "a power of a matrix"
                node = t.Call("inv", (node,)) if inverse else t.Power(node, exponent)
        return node

    def big_sum(self) -> Node:
        self.take(r"\sum", "_", "{")
        index = self.name()
        self.take("=", "1", "}", "^", "{")
        dimension = "_".join((self.name(), *(self.indices() if self.peek() == "_" else ())))
        self.take("}")
        return t.Sum(self.product(), index, dimension)

    def fenced(self, left: str, right: str) -> Node:
        self.take(left)
        node = self.relation()
        self.take(right)
        return node

    def parentheses(self) -> Node:
        """What they hold, or an entry of an inverse matrix."""
        node = self.fenced("(", ")")
        if self.peek() != "_":
            return node
        assert isinstance(node, t.Power) and isinstance(node.base, t.Symbol) and node.exponent == t.Neg(t.ONE)
        return t.Component(f"inv({node.base.name})", tuple(self.indices()))

    def norm(self) -> Node:
        node = self.fenced(r"\lVert", r"\rVert")
        if self.skip("_"):
            self.take("{", "F", "}")
            return t.Call("norm", (node,))
        return t.Call("largest stretch", (node,))

    def atom(self) -> Node:
        token = self.peek()
        assert token is not None
        if token.isdigit():
            return t.Number(Fraction(self.next()))
        if re.fullmatch(r"[0-9]+\.[0-9]+", token):
            return t.Decimal(float(self.next()))
        if token in READERS:
            return READERS[token](self)
        if token in PREFIX or token.startswith(r"\operatorname"):
            return self.operator()
        return self.named()

    def operator(self) -> Node:
        token = self.next()
        name = PREFIX.get(token) or token.removeprefix(r"\operatorname{").rstrip("}").lstrip("\\")
        name = RENAMED.get(name, name)
        if name in PREFIX.values() or name.startswith("a"):
            power = self.group() if self.skip("^") else None
            call = t.Call(name, (self.argument(),))
            return t.Power(call, power) if power else call
        if name == "diag":
            return _diag(self.fenced("(", ")"))
        return self.arguments(name) if self.peek() == "(" else t.Symbol(name)

    def argument(self) -> Node:
        if self.peek() == "(":
            return self.fenced("(", ")")
        return self.big_sum() if self.peek() == r"\sum" else self.atom()

    def arguments(self, name: str) -> Node:
        self.take("(")
        groups: list[list[Node]] = [[]]
        while self.peek() != ")":
            groups[-1].append(self.sum())
            if self.skip(";"):
                groups.append([])
            else:
                self.skip(",")
        self.take(")")
        return t.Call(name, *map(tuple, groups))

    def name(self) -> str:
        """A letter with its accents: x, \\alpha, \\hat{y}, z'."""
        token = self.next()
        if token in (r"\hat", r"\bar", r"\tilde", r"\dot"):
            self.take("{")
            base = self.name() + f"_{token[1:]}"
            self.take("}")
        elif token in (r"\mathbf", r"\boldsymbol"):
            self.take("{")
            base = "bold " + self.name()
            self.take("}")
        else:
            base = GREEK.get(token, token.lstrip("\\"))
            assert base.isalpha() or (base == "1" and self.tokens[self.place - 3] == r"\mathbf"), f"{token} is no name"
        while self.skip("'"):
            base += "_prime"
        return base

    def named(self) -> Node:
        name = self.name()
        indices = self.indices() if self.peek() == "_" else []
        name += self.layer()
        if name.startswith("bold "):
            return self.bold(name.removeprefix("bold "), indices)
        if name == "e" and not indices:
            return t.Constant("e")
        if name == "pi" and not indices:
            return t.Constant("pi")
        if name == "infty":
            return t.Constant("oo")
        if name.removesuffix("_prime") in FUNCTIONS and self.peek() == "(":
            return self.arguments(RENAMED.get(name, name))
        if name == "delta" and len(indices) == 2:
            return t.Delta(*indices)
        return t.Component(name, tuple(indices)) if indices else t.Symbol(name)

    def layer(self) -> str:
        """The number of a layer above a name, l, l + 1 or M: never an exponent in our formulas."""
        if self.peek() != "^" or self.peek(2) not in ("l", "M"):
            return ""
        self.take("^", "{")
        pieces = []
        while not self.skip("}"):
            pieces.append({"+": "plus", "-": "minus"}.get(self.peek() or "", self.peek() or ""))
            self.next()
        return "__" + "_".join(pieces)

    def indices(self) -> list[str]:
        self.take("_", "{")
        found: list[str] = []
        while not self.skip("}"):
            if found and self.peek() in ("+", "-"):  # the number of a layer below a name: n_{l-1}
                found[-1] += f"_{'plus' if self.next() == '+' else 'minus'}_{self.next()}"
            elif not self.skip(","):
                token = self.peek() or ""
                found.append(re.sub(r"\\mathrm\{|\}", "", self.next()) if token[0] in r"\0123456789" else self.name())
        return found

    def bold(self, name: str, indices: list[str]) -> Node:
        name = "_".join((name, *indices))
        if self.peek() == "^" and self.peek(2) not in (r"\top", r"\odot", "-"):
            self.take("^", "{")
            name += f"__{self.next()}"
            self.take("}")
        if name == "1" and self.peek() == "[":
            self.take("[")
            condition = self.comparison()
            self.take("]")
            return t.Indicator(condition)
        if name in ("1", "I"):
            return t.Ones("K") if name == "1" else t.Identity("K")
        return t.Matrix(name) if name[0].isupper() else t.Vector(name)

    def fraction(self) -> Node:
        self.take(r"\frac")
        if self.peek(1) in ("d", r"\partial"):  # so no variable may be called d
            return self.derivative()
        return t.Frac(self.group(), self.group())

    def derivative(self) -> Node:
        self.take("{")
        sign = self.next()
        order = self.group() if self.skip("^") else t.ONE
        operand = None if self.peek() == "}" else self.named()
        self.take("}", "{", sign)
        variable = self.named()
        assert isinstance(order, t.Number)
        raised = f"__{order.value}"  # the exponent of a bold variable looks like a layer
        if order != t.ONE and isinstance(variable, t.Vector | t.Matrix) and variable.name.endswith(raised):
            variable = type(variable)(variable.name.removesuffix(raised))
        elif self.skip("^"):
            assert self.group() == order
        self.take("}")
        if operand is None:
            operand = self.fenced("[", "]") if self.peek() == "[" else self.factor()
        return t.Derivative(operand, variable, int(order.value), sign != "d")

    def cases(self) -> Node:
        self.take(r"\begin{cases}")
        branches: list[t.Branch] = []
        while not self.skip(r"\end{cases}"):
            value = self.sum()
            self.take("&")
            branches.append(t.Branch(value, t.Otherwise() if self.skip(r"\text{otherwise}") else self.condition()))
            self.skip(r"\\")
        return t.Cases(tuple(branches))

    def comparison(self) -> Node:
        found = self.relation()
        if not isinstance(found, t.Equation):
            return found
        left = t.Index(found.left.name) if isinstance(found.right, t.ArgMax) else found.left
        return t.Compare("=", left, found.right)

    def over(self, kind: type[t.MaxOver | t.ArgMax]) -> Node:
        self.take("_", "{")
        index = self.name()
        self.take("}")
        return kind(self.product(), index, "K")

    def largest(self) -> Node:
        """Over an index, of several numbers, or of the entries of an array."""
        self.take(r"\max")
        if self.peek() == "_":
            return self.over(t.MaxOver)
        found = self.arguments("max")
        return t.Call("largest", found.arguments) if len(found.arguments) == 1 else found

    def condition(self) -> Node:
        self.take(r"\text{if }")
        conditions = [self.comparison()]
        while self.skip(r"\text{ and }"):
            conditions.append(self.comparison())
        return conditions[0] if len(conditions) == 1 else t.And(tuple(conditions))

    def root(self) -> Node:
        self.take(r"\sqrt")
        return t.Call("sqrt", (self.group(),))


def axes(node: Node) -> tuple[bool, bool]:
    """Has it several rows, has it several columns?"""
    match node:
        case t.Vector() | t.Ones() | t.Call("diagonal"):
            return True, False
        case t.Matrix() | t.Identity() | t.Diag() | t.Call("inv"):
            return True, True
        case t.Transpose(argument):
            return axes(argument)[::-1]
        case t.MatMul(factors):
            arrays = [factor for factor in factors if is_array(factor)]
            return axes(arrays[0])[0], axes(arrays[-1])[1]
        case t.Call("tr" | "norm" | "largest stretch" | "det"):
            return False, False
    found = [axes(child) for child in node.children]
    return any(rows for rows, _ in found), any(columns for _, columns in found)


def is_array(node: Node) -> bool:
    return any(axes(node))


def _diag(argument: Node) -> Node:
    """A vector becomes the matrix with that diagonal, a matrix its diagonal."""
    return t.Call("diagonal", (argument,)) if all(axes(argument)) else t.Diag(argument)


READERS = {
    "(": Reader.parentheses,
    "[": lambda reader: reader.fenced("[", "]"),
    r"\lVert": Reader.norm,
    r"\det": lambda reader: (reader.next(), t.Call("det", (reader.argument(),)))[1],
    r"\lvert": lambda reader: t.Call("abs", (reader.fenced(r"\lvert", r"\rvert"),)),
    r"\lfloor": lambda reader: t.Call("floor", (reader.fenced(r"\lfloor", r"\rfloor"),)),
    r"\lceil": lambda reader: t.Call("ceiling", (reader.fenced(r"\lceil", r"\rceil"),)),
    r"\frac": Reader.fraction,
    r"\sqrt": Reader.root,
    r"\begin{cases}": Reader.cases,
    r"\exp": lambda reader: (reader.next(), t.Call("exp", (reader.fenced("(", ")"),)))[1],
    r"\max": Reader.largest,
    r"\operatorname*{argmax}": lambda reader: (reader.next(), reader.over(t.ArgMax))[1],
    r"\min": lambda reader: (reader.next(), reader.arguments("min"))[1],
}
