"""NumPy source of formulas in index notation, for batches: every array has the batch axes first, then one axis for each of its indices.

A component a_k becomes an array with the axes in play, a sum over k a ``np.sum`` over its axis or, of a product, a ``np.einsum``, a delta ``np.eye``, a delta of a
class index ``one_hot``. Each named quantity becomes a function of what it is made from."""

import ast
import keyword
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count, permutations
from typing import TypeGuard

from ..calculus.tidy import tidy
from ..errors import UnsupportedExpression
from ..expression import tree as t
from ..expression.printing import text
from .vector_factors import (
    coefficient,
    distributed,
    factors_of,
    is_named,
    is_symbolic,
    negated,
    resummed,
    taken_apart,
    unsigned,
)
from .vector_names import RESERVED, identifier
from .vector_scores import POWER, exponential, powers_of, score_of, scores_of
from .vector_single import called, names_in
from .vector_softmaxes import AGAINST, LOG_ODDS, LOG_REST, WITHOUT, softmax_exponent, softmaxes_of
from .vector_spec import InputSpec, VectorSpec
from .vector_stable import (
    LETTERS,
    Shift,
    factored,
    multiplied_into,
    of_one_number,
    of_several_numbers,
    prepared,
    shifts,
    stable_code,
)
from .vector_text import binding_of, letters_for, named_once, number_text

PLAIN = {
    **{name: f"np.{name}" for name in ("exp", "log", "sqrt", "abs", "sign", "sin", "cos", "tan", "sinh", "cosh", "tanh", "log1p", "expm1")},
    "asin": "np.arcsin", "acos": "np.arccos", "atan": "np.arctan", "asinh": "np.arcsinh", "acosh": "np.arccosh", "atanh": "np.arctanh",
    "erf": "erf", "erfc": "erfc",
}  # fmt: skip
"""Elementary functions of one number and what they are in NumPy; ``erf`` and ``erfc`` stand in the runtime."""
OF_SCORES = {LOG_REST: "log_rest", LOG_ODDS: "log_odds"}
"""Routines that compute logarithms of what is made of a softmax, by the end of their names in formulas."""
EXTREMA = {"max": "np.maximum", "min": "np.minimum"}
KERNELS = ("_value", "_grad_", "_both_", "_jacobian_", "_vjp_", "_jvp_", "_hessian_", "_hvp_")
"""How the names of functions begin that are given to the runtime."""
DIGITS = {"exponentials", "exponential_sum", "pairwise_sum"}
"""Routines that compute with more digits, too."""
CAREFUL = {"exponential_sum": "exponential_total"}
"""Sums, and what they are where probabilities are multiplied with each other."""
COMPARE = {"=": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
FAILURE = "no NumPy form for {what} in `{where}`: add a case to codegen/vector_writer.py, or write the definition with sums and elementary functions"


@dataclass
class _Body:
    """A function in the making: what its lines name, in order of need, and the dimension of each index in play."""

    sizes: dict[str, str]
    taken: set[str]
    bases: dict[str, str] = field(default_factory=dict)
    needs: dict[str, None] = field(default_factory=dict)
    dimensions: dict[str, None] = field(default_factory=dict)
    vectors: dict[str, str] = field(default_factory=dict)
    """The name in the code of a vector that is an argument of its own (g, v), and of shifted scores."""
    entries: dict[str, str] = field(default_factory=dict)
    """The code of scores of which only the component at a class index is needed, less the largest."""
    spread: set[t.Node] = field(default_factory=set)
    """Sums into which factors have been multiplied, which are not taken out of them again."""
    kept: t.Node | None = None
    """A difference that is computed again in more digits where it cancels, and written as it is."""
    difference: tuple[str, str] = ("", "")
    """The code of a difference whose components sum to 0, and of what is taken away in it."""
    product: bool = False
    """Whether probabilities are multiplied with each other, which doubles what a sum of exponentials is off by."""


class Writer:
    """Writes the functions of one module. ``functions``: the text of those that others call, by name, in order of need."""

    def __init__(self, spec: VectorSpec) -> None:
        self.spec = spec
        self.functions: dict[str, str] = {}
        self.inputs = {one.base: one for one in spec.inputs if not one.index_of}
        self.classes = {one.base: one for one in spec.inputs if one.index_of}
        self.names = {v.base: (v.indices, prepared(v.body, spec)) for v in spec.vectors}
        self.names |= {name: ((), prepared(body, spec)) for name, body in spec.scalars.items()}
        self.code = {one.base: one.name for one in spec.inputs}
        self.taken = {one.name for one in spec.inputs} | RESERVED
        dimensions = [d for one in spec.inputs for d in (*one.dimensions, *filter(None, [one.index_of]))]
        for name in (*self.names, *dimensions, *(f"inv({b})" for b in self.inputs)):
            if name not in self.code:
                self.code[name] = self.fresh(identifier(name))
                self.taken.add(self.code[name])
        if spec.cotangent:
            self.code[spec.cotangent] = self.fresh(identifier(spec.cotangent).lower(), set(self.code.values()))
            self.taken.add(self.code[spec.cotangent])
        self.arguments: dict[str, tuple[str, ...]] = {}
        self.stable: dict[object, str] = {}
        self.scores = scores_of(spec)

    def fresh(self, stem: str, taken: set[str] | None = None) -> str:
        """A name that is not in use."""
        every = self.taken | (taken or set())
        while stem in every or keyword.iskeyword(stem):
            stem += "_"
        return stem

    # ------------------------------------------------------------ whole functions

    def top(
        self,
        name: str,
        tree: t.Node,
        indices: tuple[str, ...],
        sizes: Mapping[str, str],
        vector: tuple[str, tuple[str, ...]] | None = None,
        finish: str = "",
    ) -> str:
        """A kernel of all inputs, and of one more ``vector`` (its name in the tree, its indices) where it is a product. Returns its name.

        finish: "rows" writes the diagonal as what balances each row, "sum" one component as what balances the others, "centre" centres the vector."""
        body = _Body(dict(sizes), set(), product=self._degree(tree) > 1)
        arguments = [one.name for one in self.spec.inputs]
        if vector is not None:
            own = self.code.get(vector[0]) or self.fresh(vector[0], set(self.code.values()))
            body.vectors[vector[0]] = own
            body.taken.add(own)
            arguments.append(own)
        node = prepared(tree, self.spec)
        if tree == t.ZERO:
            finish = ""
        if finish == "rows":
            diagonal = {t.Delta(*pair) for pair in permutations(indices[-2:])}  # others, of a class index, stay
            off = prepared(t.transform(tree, lambda n: t.ZERO if n in diagonal else None), self.spec)
            node, finish = (off, finish) if indices[-1] in t.free_indices(off) else (node, "")
        lines = self._lines(body, node, indices, vector, finish)
        if body.difference[0]:
            lines = self._refined(name.replace("_grad_", "_difference_"), lines, *body.difference)
        return self._define(name, tuple(arguments), lines)

    def _refined(self, name: str, lines: list[str], difference: str, less: str) -> list[str]:
        """The statements of a gradient with the rows in which it cancels computed again in more digits, by a function of this name; as they are where that
        cannot be."""
        *before, last = lines
        formula = [*before, f"return {difference}"]
        if not self._has_digits("\n".join(formula)):
            return lines
        wide = [one.name for one in self.spec.inputs if one.dimensions]
        numbers = [one.name for one in self.spec.inputs if not one.dimensions]
        self._define(name, (*wide, *numbers), formula)
        given = ", ".join(f"({', '.join(some)}{',' * (len(some) == 1)})" for some in (wide, numbers) if some)
        return [*before, f"return refined_rows({last.removeprefix('return ')}, {less}, {name}, {given})"]

    def _has_digits(self, code: str) -> bool:
        """Whether all that a function calls computes with more digits, too."""
        names = called(ast.parse(code))
        return names <= DIGITS | self.functions.keys() and all(
            self._has_digits(self.functions[each]) for each in names - DIGITS
        )

    def named(self, base: str) -> str:
        """The function of a named quantity: its name, written when it is first needed. Its arguments are in ``arguments``."""
        name = f"_{self.code[base]}"
        if name not in self.functions:
            indices, node = self.names[base]
            body = _Body(dict(zip(indices, self.spec.shapes.get(base, ()), strict=False)), set())
            lines = self._lines(body, node, indices, None, "", direct=True)
            self.arguments[base] = tuple(body.needs)
            for other in body.needs:
                if other in self.names:
                    self.named(other)
            self._define(name, tuple(self.code[b] for b in body.needs), lines)
        return name

    def _define(self, name: str, arguments: tuple[str, ...], lines: list[str]) -> str:
        head = ", ".join(f"{each}: Array" for each in arguments)
        lines = named_once(lines, {*arguments, *self.taken})
        self.functions[name] = f"def {name}({head}) -> Array:\n" + "".join(f"    {line}\n" for line in lines)
        return name

    def _lines(
        self,
        body: _Body,
        node: t.Node,
        indices: tuple[str, ...],
        vector: tuple[str, tuple[str, ...]] | None,
        finish: str,
        direct: bool = False,
    ) -> list[str]:
        """The statements of a function. direct: named quantities are arguments; else they are computed first."""
        node, found = shifts(node, self.spec, self.scores)
        node = t.transform(node, exponential)
        bare = {p.base for _, p in t.walk(node) if isinstance(p, t.Component)}
        for base in [each for made in bare for each in softmaxes_of(made)]:
            bare |= {p.base for _, p in t.walk(self.names[base][1]) if isinstance(p, t.Component)}
        shifted = [line for shift in found for line in self._shift(shift, node, bare, body)]
        centred = []
        if finish == "centre" and vector is not None and (factor := self._weights(node, vector[0])) is not None:
            index, tree = factor
            own = body.vectors[vector[0]]
            centred.append(f"{own} = centred({own}, {self.write(tree, (index,), body)})")
        if finish == "sum" and vector is None and self._difference(node, indices) is not None:
            body.kept = next(part for _, part in t.walk(node) if isinstance(part, t.Add))
        result = self.write(node, indices, body)
        if vector is not None and result.count(body.vectors[vector[0]]) == result.count(
            f"less_mean({body.vectors[vector[0]]}, "
        ):
            centred = []  # that is done there
        if finish == "rows":
            result = f"balanced({result})"
        elif (
            finish == "sum"
            and indices[-1] in t.free_indices(node)
            and (weights := self._leader(node, indices)) is not None
        ):
            first = node.terms[0] if isinstance(node, t.Add) else weights
            if vector is None and (terms := self._difference(node, indices)) is not None:
                first, less = terms
                body.difference = result, self.write(less, indices, body)
            result = f"balanced_at({result}, {self.write(weights, indices, body)}, {self.write(first, indices, body)})"
        lines = []
        given = tuple(body.needs) if direct else tuple(self.inputs) + tuple(self.classes)
        if not direct:
            lines += self._calls(body)
        for dimension in body.dimensions:
            lines.insert(0, f"{self.code[dimension]} = {self._size(dimension, given, body)}")
        lines = [*lines, *shifted, *centred]
        if lines and lines[-1].startswith(f"{result} = "):
            return [*lines[:-1], f"return {lines[-1].removeprefix(f'{result} = ')}"]
        return [*lines, f"return {result}"]

    def _calls(self, body: _Body) -> list[str]:
        """One line for each named quantity that is needed, in order."""
        lines: dict[str, str] = {}

        def need(base: str) -> None:
            if base in lines or base in self.inputs or base in self.classes or base == self.spec.cotangent:
                return
            if base.startswith("inv("):
                inner = base[4:-1]
                need(inner)
                lines[base] = f"{self.code[base]} = np.linalg.inv({self.code[inner]})"
                return
            name = self.named(base)
            for other in self.arguments[base]:
                need(other)
            if body.product and CAREFUL.keys() & names_in(self.functions[name]):
                name = self._carefully(name)
            lines[base] = f"{self.code[base]} = {name}({', '.join(self.code[b] for b in self.arguments[base])})"

        for base in body.needs:
            need(base)
        return list(lines.values())

    def _degree(self, node: t.Node) -> int:
        """How many probabilities are multiplied with each other."""
        match node:
            case t.Component(base, _) | t.Symbol(base):
                body = self.names.get(base, ((), t.ONE))[1]
                return int(any(isinstance(p, t.Call) and p.function == "exp" for _, p in t.walk(body)))
            case t.Mul(factors):
                return sum(map(self._degree, factors))
            case t.Power(base, t.Number(exponent)):
                return math.ceil(abs(exponent)) * self._degree(base)
        return max(map(self._degree, node.children), default=0)

    def _carefully(self, name: str) -> str:
        """A function of a named quantity with its sums of exponentials rounded once."""
        code = self.functions[name].replace(f"def {name}(", f"def {name}_exact(")
        for quick, careful in CAREFUL.items():
            code = re.sub(rf"\b{quick}\(", f"{careful}(", code)
        self.functions[f"{name}_exact"] = code
        return f"{name}_exact"

    def _size(self, dimension: str, given: tuple[str, ...], body: _Body) -> str:
        for base in given:
            axes = self.inputs[base].dimensions if base in self.inputs else self.spec.shapes.get(base, ())
            if dimension in axes:
                return f"{self.code[base]}.shape[{axes.index(dimension) - len(axes)}]"
        for one in self.spec.inputs:
            if dimension in one.dimensions:
                body.needs[one.base] = None
                return f"{one.name}.shape[{one.dimensions.index(dimension) - len(one.dimensions)}]"
        raise UnsupportedExpression(
            f"{self.spec.name}: no input has an axis of dimension {dimension}, so the code cannot know its size"
        )

    def _shift(self, shift: Shift, node: t.Node, bare: set[str], body: _Body) -> list[str]:
        axes = (*shift.outer, shift.index)
        for _, part in t.walk(node):  # a running index may be bound anywhere; its dimension is that of the scores
            if isinstance(part, t.Binder):
                body.sizes.setdefault(part.index, part.dimension)
        lines = []
        if powers_of(shift) in bare:
            name = self.fresh("e", body.taken)
            body.taken.add(name)
            body.vectors[powers_of(shift)] = name
            lines.append(f"{name} = {self._exponentials(shift, axes, body)}")
        if shift.base in bare:
            uses = [p.indices for _, p in t.walk(node) if isinstance(p, t.Component) and p.base == shift.base]
            if isinstance(shift.node, t.Component) and all(len(u) == 1 and u[0] in self.classes for u in uses):
                body.entries[shift.base] = self.write(shift.node, axes, body)
            else:
                lines.append(self._bare(shift, axes, bare, body))
        return lines

    def _exponentials(self, shift: Shift, axes: tuple[str, ...], body: _Body) -> str:
        """Exponentials of scores. What a score is multiplied with or divided by is passed apart, so that the rounding of that counts too."""
        negative, above, below = taken_apart(shift.node)
        inner = self._inner(shift)
        if inner is not None and (len(above) > 1 or below):
            words = [self.write(negated(inner, negative), inner.indices, body)]
            rest = [f for f in above if f != inner]
            for word, factors in (("times", rest), ("over", below)):
                words += [f"{word}={self.write(t.mul(*factors), inner.indices, body)}"] if factors else []
            return f"exponentials({', '.join(words)})"
        return f"exponentials({self.write(shift.node, axes, body)})"

    def _inner(self, shift: Shift) -> t.Component | None:
        """The component of an input that scores are multiples of; None for any others."""
        found = [part for _, part in t.walk(shift.node) if isinstance(part, t.Component) and part.base in self.inputs]
        known = len(found) == 1 and found[0].base == score_of(shift.node)
        return found[0] if known and found[0].indices == (*shift.outer, shift.index) else None

    def _bare(self, shift: Shift, axes: tuple[str, ...], bare: set[str], body: _Body) -> str:
        """Scores less their largest, under a name of their own or, where nothing else needs them, under theirs."""
        inner = self._inner(shift)
        if inner is not None and shift.node != inner:
            body.vectors["inner scores"] = f"shifted({self.write(inner, inner.indices, body)})"
            own = t.Component("inner scores", inner.indices)
            code = self.write(t.substitute(shift.node, {inner: own}), axes, body)
        else:
            code = self.write(shift.node, axes, body)
        plain = isinstance(shift.node, t.Component) and shift.node.indices == axes
        free = isinstance(shift.node, t.Component) and shift.node.base not in bare
        name = code if plain and free and code.isidentifier() else self.fresh("scores", body.taken)
        body.taken.add(name)
        body.vectors[shift.base] = name
        return f"{name} = shifted({code})"

    def _weights(self, node: t.Node, base: str) -> tuple[str, t.Node] | None:
        """What a vector is multiplied with under a sum over its index: softmax probabilities, exponentials."""
        for _, part in t.walk(node):
            if isinstance(part, t.Sum):
                negative, above, below = taken_apart(part.body)
                if t.Component(base, (part.index,)) in above and not negative:
                    others = [f for f in above if f != t.Component(base, (part.index,))]
                    if others and not below and t.free_indices(t.mul(*others)) == {part.index}:
                        return part.index, t.mul(*others)
        return None

    def _leader(self, node: t.Node, indices: tuple[str, ...]) -> t.Node | None:
        """The part of a gradient that says where each row of it is largest: a named quantity, or an exponential."""
        for _, part in t.walk(node):
            match part:
                case t.Component(base, mine) if mine == indices and (base in self.names or base.startswith(POWER)):
                    return part
        return None

    def _difference(self, node: t.Node, indices: tuple[str, ...]) -> tuple[t.Node, t.Node] | None:
        """A quantity with probabilities, and what is taken away from it, both times or over numbers of each row; None for a gradient that is no such difference."""
        if len(indices) > 1:
            return None
        negative, above, below = taken_apart(node)
        sums = [f for f in above if isinstance(f, t.Add)]
        numbers = [f for f in (*above, *below) if f not in sums]
        if len(sums) != 1 or len(sums[0].terms) != 2 or any(t.free_indices(f) for f in numbers):
            return None
        plain = [x for x in sums[0].terms if not self._degree(x) and t.free_indices(x) == set(indices)]
        if len(plain) != 1:
            return None
        (other,) = (x for x in sums[0].terms if x is not plain[0])
        factors = (*(f for f in above if f not in sums), *(t.Frac(t.ONE, f) for f in below))
        term, less = (
            tidy(negated(t.mul(x, *factors), minus)) for x, minus in ((other, negative), (plain[0], not negative))
        )
        return term, less

    # ------------------------------------------------------------ expressions

    def write(self, node: t.Node, axes: tuple[str, ...], body: _Body) -> str:
        """The node as an expression whose array has, after the batch axes, the given index axes; numbers have none."""
        match node:
            case t.Number(value):
                return number_text(value)
            case t.Constant(name) if name in ("pi", "e"):
                return f"np.{name}"
            case t.Symbol(name):
                return self._placed(self._scalar(name, body), (), axes)
            case t.Dimension(name):
                body.dimensions[name] = None
                return self.code[name]
            case t.Component(base, indices):
                return self._component(base, indices, axes, body)
            case t.Delta(left, right):
                return self._delta(left, right, axes, body)
            case t.Call("log", (t.Sum(t.Component(base, (*outer, k)), index, _),)) if (
                base.startswith(POWER) and k == index
            ):
                return self._placed(f"log_sum({self._whole(base, body)})", tuple(a for a in axes if a in outer), axes)
            case t.Call("log", (t.Sum(t.Call("exp", (u,)), k, size),)) if k in t.free_indices(u):
                own = tuple(a for a in axes if a in t.free_indices(u) - {k})
                inner = self._inside(u, (*own, k), {k: size}, body)
                given = f"{inner}, exponentials({inner})" if inner.isidentifier() else inner
                return self._placed(f"log_sum_exp({given})", own, axes)
            case t.Sum():
                return self._sum(node, axes, body)
            case t.MaxOver():
                return self._over("np.max", node, axes, body)
            case t.ArgMax():
                return self._over("np.argmax", node, axes, body)
            case t.Indicator(condition):
                return f"np.where({self._condition(condition, axes, body)}, 1.0, 0.0)"
            case t.Cases(branches):
                return self._cases(branches, axes, body)
        if (code := self._several_numbers(node, axes, body) or self._one_number(node, axes, body)) is not None:
            return code
        match node:
            case t.Neg(argument):
                return f"-{self._factor(argument, axes, body)}"
            case t.Add(terms) if node != body.kept and (other := self._complements(terms, body)) != node:
                return self.write(other, axes, body)
            case t.Add(terms):
                whole = factored(node) if node not in body.spread else node
                if whole != node and any(
                    of_one_number(factors_of(f)) for _, f in t.walk(whole) if isinstance(f, t.Add)
                ):
                    return self.write(whole, axes, body)
                for less in (self._less_one_hot, self._less_mean, self._less_weighted_mean):
                    if (code := less(terms, axes, body)) is not None:
                        return code
                written = self.write(terms[0], axes, body)
                for term in terms[1:]:
                    sign, rest = ("-", term.argument) if isinstance(term, t.Neg) else ("+", term)
                    written += f" {sign} {self._factor(rest, axes, body)}"
                return written
            case t.Mul(factors):
                return self._product(factors, axes, body)
            case t.Frac(numerator, t.Power(root, t.Number(n))) if n.denominator == 1 and n > 1 and self._vanishes(root):
                below = self.write(root, axes, body)  # its power may vanish where the quotient does not
                if self._weighs(numerator):
                    return f"{'quotient(' * int(n)}{self.write(numerator, axes, body)}{f', {below})' * int(n)}"
                return f"{self._factor(numerator, axes, body)}{f' / {below}' * int(n)}"
            case t.Frac(numerator, denominator):
                if self._weighs(numerator) and self._vanishes(denominator):
                    return f"quotient({self.write(numerator, axes, body)}, {self.write(denominator, axes, body)})"
                if isinstance(numerator, t.Number) and isinstance(denominator, t.Number):
                    return number_text(numerator.value / denominator.value)
                if not t.free_indices(node) and not is_named(node):
                    return f"({self._factor(numerator, axes, body)} / {self._atom(denominator, axes, body)})"
                return f"{self._factor(numerator, axes, body)} / {self._atom(denominator, axes, body)}"
            case t.Power(root, exponent):
                if isinstance(exponent, t.Number) and exponent.value.denominator == 1:
                    return f"{self._atom(root, axes, body)} ** {exponent.value.numerator}"
                return f"{self._atom(root, axes, body)} ** {self._atom(exponent, axes, body)}"
            case t.Call("det" | "logdet" as function, (t.Matrix(name),)):
                routine = "np.linalg.det" if function == "det" else "log_det"
                return self._placed(f"{routine}({self._whole(name, body)})", (), axes)
            case t.Call("log", (t.Frac(over, under),)) if t.free_indices(node):
                return f"log_ratio({self.write(over, axes, body)}, {self.write(under, axes, body)})"
            case t.Call(function, (argument,), ()) if function in PLAIN:
                return f"{PLAIN[function]}({self.write(argument, axes, body)})"
            case t.Call(function, arguments, ()) if function in EXTREMA and arguments:
                written = self.write(arguments[0], axes, body)
                for other in arguments[1:]:
                    written = f"{EXTREMA[function]}({written}, {self.write(other, axes, body)})"
                return written
        what = f"the function {node.function}" if isinstance(node, t.Call) else f"a {type(node).__name__}"
        raise UnsupportedExpression(f"{self.spec.name}: " + FAILURE.format(what=what, where=text(node)))

    def _factor(self, node: t.Node, axes: tuple[str, ...], body: _Body) -> str:
        written = self.write(node, axes, body)
        return f"({written})" if binding_of(written) == 0 else written

    def _atom(self, node: t.Node, axes: tuple[str, ...], body: _Body) -> str:
        written = self.write(node, axes, body)
        return f"({written})" if binding_of(written) < 2 else written

    def _inside(self, node: t.Node, axes: tuple[str, ...], bound: dict[str, str], body: _Body) -> str:
        """The body of a sum: its index stands for its dimension."""
        outside = dict(body.sizes)
        body.sizes.update(bound)
        written = self.write(node, axes, body)
        body.sizes.clear()
        body.sizes.update(outside)
        return written

    def _placed(self, code: str, own: tuple[str, ...], axes: tuple[str, ...]) -> str:
        """An array with the axes ``own``, in their order among ``axes``, with one axis for each of ``axes``."""
        if own == axes:
            return code
        code = code if binding_of(code) == 2 and not code.startswith("-") else f"({code})"
        slots = ", ".join(":" if a in own else "None" for a in axes)
        return f"{code}[..., {slots}]"

    def _scalar(self, name: str, body: _Body) -> str:
        if name in body.vectors:
            return body.vectors[name]
        if name not in self.inputs and name not in self.names:
            raise UnsupportedExpression(f"{self.spec.name}: `{name}` is neither an input nor a named quantity")
        body.needs[name] = None
        return self.code[name]

    def _whole(self, base: str, body: _Body) -> str:
        if base in body.vectors:
            return body.vectors[base]
        if AGAINST not in base and (softmaxes := softmaxes_of(base)):
            return self._of_scores(softmaxes[0], base, body)
        known = base in self.inputs or base in self.names or base == self.spec.cotangent
        if base not in self.code or not (known or base.startswith("inv(")):
            raise UnsupportedExpression(f"{self.spec.name}: `{base}` is neither an input nor a named quantity")
        body.needs[base] = None
        return self.code[base]

    def _of_scores(self, softmax: str, base: str, body: _Body) -> str:
        """What is made of the scores of a softmax, for each of its components."""
        indices, node = self.names[softmax]
        exponent = softmax_exponent(indices, node)
        assert exponent is not None
        negative, above, below = taken_apart(exponent)
        scores = [f for f in above if isinstance(f, t.Component) and f.indices == indices]
        sizes = dict(zip(indices, self.spec.shapes[softmax], strict=True))
        if len(scores) == 1 and (len(above) > 1 or below):
            (score,) = scores  # and others are taken from each other before a product or quotient is rounded
            body.vectors["inner scores"] = f"shifted({self._inside(negated(score, negative), indices, sizes, body)})"
            rest = [f for f in above if f is not score]
            exponent = t.mul(t.Component("inner scores", indices), *rest)
            exponent = t.Frac(exponent, t.mul(*below)) if below else exponent
        code = self._inside(exponent, indices, sizes, body)
        ending = base.removeprefix(softmax)
        if ending.startswith(WITHOUT):
            return f"without({code}, {self._class(ending.removeprefix(WITHOUT), body)})"
        return f"{OF_SCORES[ending]}({code})"

    def _component(self, base: str, indices: tuple[str, ...], axes: tuple[str, ...], body: _Body) -> str:
        routine = "shifted_entry" if base in body.entries else "entry"
        code = body.entries.get(base) or self._whole(base, body)
        classes = [i for i in indices if i in self.classes]
        if classes:
            if len(indices) > 1:
                raise UnsupportedExpression(
                    f"{self.spec.name}: "
                    + FAILURE.format(what="a class index of a matrix", where=text(t.Component(base, indices)))
                )
            return self._placed(f"{routine}({code}, {self._class(classes[0], body)})", (), axes)
        own = tuple(a for a in axes if a in indices)
        if len(set(indices)) < len(indices) or len(indices) > 2:
            if set(own) != set(indices):
                raise UnsupportedExpression(
                    f"{self.spec.name}: " + FAILURE.format(what="an index", where=text(t.Component(base, indices)))
                )
            letters = letters_for(indices)
            if own != indices:
                code = f'np.einsum("...{"".join(letters[i] for i in indices)}->...{"".join(letters[i] for i in own)}", {code})'
        elif own != indices:
            if set(own) != set(indices):
                raise UnsupportedExpression(
                    f"{self.spec.name}: the index of `{text(t.Component(base, indices))}` has no value here"
                )
            code = f"np.swapaxes({code}, -1, -2)"
        return self._placed(code, own, axes)

    def _class(self, index: str, body: _Body) -> str:
        body.needs[index] = None
        return self.code[index]

    def _delta(self, left: str, right: str, axes: tuple[str, ...], body: _Body) -> str:
        classes = [i for i in (left, right) if i in self.classes]
        if len(classes) == 2:
            return self._placed(f"np.equal({self._class(left, body)}, {self._class(right, body)}) * 1.0", (), axes)
        if classes:
            other = right if left in classes else left
            dimension = self.classes[classes[0]].index_of
            body.dimensions[dimension] = None
            return self._placed(f"one_hot({self._class(classes[0], body)}, {self.code[dimension]})", (other,), axes)
        dimension = body.sizes.get(left) or body.sizes.get(right) or ""
        if not dimension:
            raise UnsupportedExpression(
                f"{self.spec.name}: the indices of a delta, {left} and {right}, have no dimension"
            )
        body.dimensions[dimension] = None
        order = tuple(a for a in axes if a in (left, right))
        code = f"np.eye({self.code[dimension]})"
        if order == axes:
            return code
        return f"{code}[{', '.join(':' if a in order else 'None' for a in axes)}]"

    def _complements(self, terms: tuple[t.Node, ...], body: _Body) -> t.Node:
        """A sum in which 1 - p or p - y for a probability p, or a multiple of it, is one term."""
        parts = [coefficient(term) for term in terms]
        for (a, (value, first)), (b, (factor, second)) in permutations(enumerate(parts), 2):
            match first, second:
                case (), (t.Component(base, indices),) if factor == -value and self._is_probability(base):
                    name, code = f"1 - {base}", f"complement({self._whole(base, body)})"
                case (t.Component(base, indices),), (t.Component(other, places),) if (
                    factor == -value and indices == places and self._is_probability(base) and other in self.inputs
                ):
                    name, code = (
                        f"{base} - {other}",
                        f"less_target({self._whole(base, body)}, {self._whole(other, body)})",
                    )
                case (t.Component(base, indices),), (t.Component(other, places),) if (
                    factor == -value
                    and indices == places
                    and self._is_probability(base)
                    and self._is_probability(other)
                ):
                    apart = self.write(self._apart(base, other, indices), indices, body)
                    name = f"{base} - {other}"
                    code = f"less_probability({self._whole(base, body)}, {self._whole(other, body)}, {apart})"
                case _:
                    continue
            body.vectors[name] = code
            left = t.mul(*[t.Number(abs(value))] * (abs(value) != 1), t.Component(name, indices))
            others = (each for k, each in enumerate(terms) if k not in (a, b))
            return t.add(negated(left, value < 0), *others)
        return t.Add(terms)

    def _less_one_hot(self, terms: tuple[t.Node, ...], axes: tuple[str, ...], body: _Body) -> str | None:
        """A sum with the class of an index taken away, which is one number in a row; None where there is none."""
        for position, term in enumerate(terms):
            if not (isinstance(term, t.Neg) and isinstance(term.argument, t.Delta)):
                continue
            running, classes = set[str](), set[str]()
            for index in (term.argument.left, term.argument.right):
                (classes if index in self.classes else running).add(index)
            rest = t.add(*terms[:position], *terms[position + 1 :])
            if len(classes) == 1 and running == set(axes) == t.free_indices(rest) - self.classes.keys():
                return f"less_one_hot({self.write(rest, axes, body)}, {self._class(classes.pop(), body)})"
        return None

    def _less_mean(self, terms: tuple[t.Node, ...], axes: tuple[str, ...], body: _Body) -> str | None:
        """A component less the mean of all of them, which is a named quantity; None for any other sum."""
        match terms:
            case (t.Component(base, (running,)), t.Neg(t.Symbol(name))) if axes == (running,) and name in self.names:
                match self.names[name]:
                    case ((), t.Frac(t.Sum(t.Component(summed, (k,)), index, size), t.Dimension(count))) if (
                        summed == base and k == index and size == count
                    ):
                        return f"deviations({self._whole(base, body)})"
        return None

    def _less_weighted_mean(self, terms: tuple[t.Node, ...], axes: tuple[str, ...], body: _Body) -> str | None:
        """Components along the last axis less their mean with probabilities, a named quantity, as weights; None for any other sum."""
        match terms:
            case (
                t.Component(base, (*outer, running)),
                t.Neg(t.Sum(t.Mul((t.Component(), t.Component()) as pair), index, _)),
            ) if axes == (*outer, running) and index not in axes:
                own = t.Component(base, (*outer, index))
                weight = pair[1] if pair[0] == own else pair[0]
                if own not in pair or not isinstance(weight, t.Component) or weight.indices != own.indices:
                    return None
                if self._is_probability(weight.base):
                    return f"less_mean({self._whole(base, body)}, {self._whole(weight.base, body)})"
        return None

    def _is_probability(self, base: str) -> bool:
        """Whether a named quantity is exponentials divided by their sum along its last axis."""
        return softmax_exponent(*self.names.get(base, ((), t.ONE))) is not None

    def _apart(self, of: str, by: str, indices: tuple[str, ...]) -> t.Node:
        """The exponents of a softmax less those of another one; what divides both does so once, after they are taken from each other."""
        above, below = [], []
        for base in (of, by):
            own, body = self.names[base]
            exponent = softmax_exponent(own, body)
            assert exponent is not None
            negative, over, under = taken_apart(t.rename_indices(exponent, dict(zip(own, indices, strict=True))))
            above.append(negated(t.mul(*over), negative))
            below.append(t.mul(*under))
        if below[0] != below[1]:
            above = [a if b == t.ONE else t.Frac(a, b) for a, b in zip(above, below, strict=True)]
            below = [t.ONE, t.ONE]
        whole = factored(t.Add((above[0], tidy(t.Neg(above[1])))))
        return whole if below[0] == t.ONE else t.Frac(whole, below[0])

    def _product(self, factors: tuple[t.Node, ...], axes: tuple[str, ...], body: _Body) -> str:
        if any(
            isinstance(f, t.Power) and is_symbolic(f.exponent) for f in factors
        ):  # infinite where its base is 0 and the exponent is less
            code, *others = (self.write(f, axes, body) for f in factors)
            for other in others:
                code = f"product({code}, {other})"
            return code
        large = [f for f in factors if self._may_be_infinite(f)]
        if len(large) == 1 and len(factors) > 1:
            small = t.mul(*(f for f in factors if f is not large[0]))
            if t.free_indices(small) or is_named(small):
                several = {part.base for _, part in t.walk(large[0]) if self._is_score(part)}
                routine = "weighted" if len(several) < 2 else "counted"  # infinite scores may be taken from each other
                return f"{routine}({self.write(small, axes, body)}, {self.write(large[0], axes, body)})"
        return " * ".join(self._factor(f, axes, body) for f in factors)

    def _may_be_infinite(self, node: t.Node) -> bool:
        """Scores, which may be -inf, and logarithms; a sum that holds one."""
        match node:
            case t.Component():
                return self._is_score(node) or node.base.endswith((LOG_REST, LOG_ODDS))
            case t.Call("log", _):
                return True
            case t.Neg(argument):
                return self._may_be_infinite(argument)
            case t.Add(parts) | t.Mul(parts):
                return any(self._may_be_infinite(x) for x in parts)
        return False

    def _is_score(self, node: t.Node) -> TypeGuard[t.Component]:
        return isinstance(node, t.Component) and (node.base in self.scores or node.base.startswith("scores "))

    def _weighs(self, numerator: t.Node) -> bool:
        """A product with the component of an input: where that is 0, so is the product, whatever it is divided by."""
        _, above, below = taken_apart(numerator)
        return not below and any(isinstance(f, t.Component) and f.base in self.inputs for f in above)

    def _vanishes(self, denominator: t.Node) -> bool:
        """The component of an input, or a power of it: a probability, which may be 0."""
        core = denominator.base if isinstance(denominator, t.Power) else denominator
        return isinstance(core, t.Component) and core.base in self.inputs

    def _sum(self, node: t.Sum, axes: tuple[str, ...], body: _Body) -> str:
        bound: dict[str, str] = {}
        inner: t.Node = node
        while isinstance(inner, t.Sum) and inner.index not in axes and inner.index not in bound:
            bound[inner.index] = inner.dimension
            inner = inner.body
        if not bound:
            other = t.fresh_index(frozenset(axes), t.free_indices(node.body))
            return self._sum(t.Sum(t.rename_index(node.body, node.index, other), other, node.dimension), axes, body)
        missing = [k for k in bound if k not in t.free_indices(inner)]
        free = t.free_indices(node)
        own = tuple(a for a in axes if a in free)
        if missing:
            return self.write(
                t.mul(
                    *(t.Dimension(bound[k]) for k in missing),
                    resummed(inner, {k: d for k, d in bound.items() if k not in missing}),
                ),
                axes,
                body,
            )
        negative, above, below = taken_apart(inner)
        if len(bound) == 1 and (ratios := self._log_ratios(above, below, (*own, *bound), bound, body)) is not None:
            return self._placed(f"-{ratios}" if negative else ratios, own, axes)
        if (weight := next(filter(_is_against, above), None)) is not None:
            return self._divergence(weight, inner, own, bound, axes, body)
        split = distributed(above)
        if split is not None:
            terms = [t.mul(*x, *(t.Frac(t.ONE, f) for f in below)) for x in split]
            summed = t.add(*(negated(resummed(unsigned(x)[1], bound), unsigned(x)[0]) for x in terms))
            return self.write(negated(summed, negative), axes, body)
        arrays = [*above, *(t.Frac(t.ONE, f) for f in below)]
        simple = (
            len(above) > 1 and not any(self._may_be_infinite(f) for f in above) and of_one_number(tuple(arrays)) is None
        )
        if simple or (len(above) > 1 and not any(self._may_be_infinite(f) for f in above) and _splits(arrays)):
            return self._placed(self._contraction(negative, arrays, own, bound, body), own, axes)
        if isinstance(inner, t.Component) and inner.base not in self.classes and set(inner.indices) == {*own, *bound}:
            kept = tuple(i for i in inner.indices if i not in bound)
            if kept == own and len(set(inner.indices)) == len(inner.indices):
                gone = [p - len(inner.indices) for p, i in enumerate(inner.indices) if i in bound]
                if gone == [-1] and inner.base in body.vectors:
                    routine = "exponential_sum" if inner.base.startswith(POWER) else "signed_sum"
                    routine = CAREFUL.get(routine, routine) if body.product else routine
                    return self._placed(f"{routine}({self._whole(inner.base, body)})", own, axes)
                if gone == [-1]:
                    return self._placed(f"pairwise_sum({self._whole(inner.base, body)})", own, axes)
                where = str(gone[0]) if len(gone) == 1 else str(tuple(gone))
                return self._placed(f"np.sum({self._whole(inner.base, body)}, axis={where})", own, axes)
        return self._placed(_summed(self._inside(inner, (*own, *bound), bound, body), len(bound)), own, axes)

    def _log_ratios(
        self, above: list[t.Node], below: list[t.Node], axes: tuple[str, ...], bound: dict[str, str], body: _Body
    ) -> str | None:
        """A sum of logarithms of quotients, each with its weight; None for any other."""
        for log in above:
            match log:
                case t.Call("log", (t.Frac(over, under),)):
                    weight = t.mul(*(f for f in above if f is not log), *(t.Frac(t.ONE, f) for f in below))
                    written = [self._inside(each, axes, bound, body) for each in (weight, over, under)]
                    return f"log_ratio_sum({', '.join(written)})"
        return None

    def _divergence(
        self,
        weight: t.Component,
        node: t.Node,
        own: tuple[str, ...],
        bound: dict[str, str],
        axes: tuple[str, ...],
        body: _Body,
    ) -> str:
        """A sum that is the divergence of a softmax from another one, or holds it under others, times something."""
        negative, above, below = taken_apart(node)
        index = weight.indices[-1]
        (logarithms,) = (f for f in above if f is not weight and index in t.free_indices(f))
        rest = [f for f in above if index not in t.free_indices(f)]
        alone = t.Sum(t.mul(weight, logarithms), index, bound[index])
        whole = negated(t.mul(*rest, *(t.Frac(t.ONE, f) for f in below), alone), negative)
        outer = {k: size for k, size in bound.items() if k != index}
        if outer:
            return self._placed(_summed(self._inside(whole, (*own, *outer), outer, body), len(outer)), own, axes)
        if whole != alone:
            return self.write(whole, axes, body)
        of, by = weight.base.split(AGAINST)
        parts = (t.Component(of, weight.indices), logarithms, self._apart(of, by, weight.indices))
        written = [self._inside(each, (*own, index), bound, body) for each in parts]
        return self._placed(f"divergence({', '.join(written)})", own, axes)

    def _over(self, routine: str, node: t.MaxOver | t.ArgMax, axes: tuple[str, ...], body: _Body) -> str:
        """The largest along the axis of an index, or its place, counted from 0: of several the first."""
        index = t.fresh_index(frozenset(axes), t.free_indices(node.body)) if node.index in axes else node.index
        own = tuple(a for a in axes if a in t.free_indices(node))
        inner = t.rename_index(node.body, node.index, index)
        written = self._inside(inner, (*own, index), {index: node.dimension}, body)
        return self._placed(f"{routine}({written}, axis=-1)", own, axes)

    def _place(self, index: str, dimension: str, axes: tuple[str, ...], body: _Body) -> str:
        """Where an index stands, counted from 0."""
        if index in self.classes:
            return self._placed(self._class(index, body), (), axes)
        body.dimensions[dimension] = None
        return self._placed(f"np.arange({self.code[dimension]})", (index,), axes)

    def _contraction(
        self, negative: bool, factors: list[t.Node], own: tuple[str, ...], bound: dict[str, str], body: _Body
    ) -> str:
        """A sum over a product of arrays. Functions of one number among them are put together first."""
        numbers = [f for f in factors if not t.free_indices(f) and not is_named(f)]
        arrays = [f for f in factors if f not in numbers]
        found = of_one_number(tuple(arrays))
        operands: list[tuple[tuple[str, ...], str]] = []
        if found is not None:
            one, rest = found
            argument = tuple(a for a in (*own, *bound) if a in t.free_indices(one.argument))
            call = self._stable_call(one.function, self._inside(one.argument, argument, bound, body))
            assert call is not None  # `_splits` has seen its form
            operands.append((argument, call))
            arrays = list(rest)
        for f in arrays:
            mine = tuple(a for a in (*own, *bound) if a in t.free_indices(f))
            if isinstance(f, t.Component) and set(mine) == set(f.indices) and len(mine) == len(f.indices):
                mine = f.indices
                operands.append((mine, self._whole(f.base, body)))
            else:
                operands.append((mine, self._inside(f, mine, bound, body)))
        if len(operands) == 2 and len(bound) == 1 and all(mine == tuple(bound) for mine, _ in operands):
            code = f"dot({', '.join(code for _, code in operands)})"
            if numbers:
                code = f"{' * '.join(self._factor(n, (), body) for n in numbers)} * {code}"
            return f"-{code}" if negative else code
        letters = letters_for((*own, *bound))
        spec = ",".join("..." + "".join(letters[i] for i in mine) for mine, _ in operands)
        result = "".join(letters[i] for i in own)
        code = f'np.einsum("{spec}->...{result}", {", ".join(code for _, code in operands)})'
        if numbers:
            code = f"{' * '.join(self._factor(n, (), body) for n in numbers)} * {code}"
        return f"-{code}" if negative else code

    def _one_number(self, node: t.Node, axes: tuple[str, ...], body: _Body) -> str | None:
        """A product or sum some of whose factors are one function of one number, in its stable form; None where there is none."""
        if not isinstance(node, t.Call | t.Mul | t.Frac | t.Neg | t.Add | t.Power):
            return None
        negative, above, below = taken_apart(node)
        factors = (*above, *(t.Frac(t.ONE, f) for f in below))
        found = of_one_number(factors)
        if found is None:
            return None
        one, rest = found
        into = multiplied_into(one, tuple(f for f in factors if f not in rest), rest)
        if into is not None:
            body.spread |= {part for _, part in t.walk(into) if isinstance(part, t.Add)}
            return self._factor(negated(into, negative), axes, body)
        call = self._stable_call(one.function, self.write(one.argument, axes, body))
        if call is None:
            return None
        large = [f for f in rest if self._may_be_infinite(f)]
        others = [f for f in rest if f not in large]
        code = " * ".join([*(self._factor(f, axes, body) for f in others), call])
        for f in large:
            code = f"weighted({code}, {self.write(f, axes, body)})"
        return f"-{code}" if negative else code

    def _several_numbers(self, node: t.Node, axes: tuple[str, ...], body: _Body) -> str | None:
        """A formula in several numbers of each place, in its stable form; None where there is none."""
        found = of_several_numbers(node, self.spec)
        if found is None:
            return None
        arguments = [self.write(each, axes, body) for each in found.arguments]
        return self._stable_call(found.function, *arguments, inputs=found.inputs)

    def _stable_call(
        self, function: object, *arguments: str, inputs: tuple[InputSpec | None, ...] = (None,)
    ) -> str | None:
        """A call of the function of these numbers that computes this one stably; None where no form was found."""
        key = function, tuple(None if one is None else (one.values, one.default) for one in inputs)
        if key not in self.stable:
            code = stable_code(function, inputs)
            if code is None:
                return None
            taken = {*self.functions, *(f"_{name}" for name in self.code.values())}
            name = next(each for each in map("_h{}".format, count(1)) if each not in taken)
            self.stable[key] = name
            head = ", ".join(f"{letter}: Array" for letter in LETTERS[: len(arguments)])
            lines = "".join(f"    {line}\n" for line in code.lines)
            self.functions[name] = f'def {name}({head}) -> Array:\n    """{function}"""\n{lines}'
        return f"{self.stable[key]}({', '.join(arguments)})"

    def _cases(self, branches: tuple[t.Node, ...], axes: tuple[str, ...], body: _Body) -> str:
        *front, last = [b for b in branches if isinstance(b, t.Branch)]
        code = self.write(last.value, axes, body)
        for branch in reversed(front):
            code = f"np.where({self._condition(branch.condition, axes, body)}, {self.write(branch.value, axes, body)}, {code})"
        return code

    def _condition(self, node: t.Node, axes: tuple[str, ...], body: _Body) -> str:
        match node:
            case t.Compare(operator, t.Index(index), t.ArgMax(_, _, size) as place):
                return f"{self._place(index, size, axes, body)} {COMPARE[operator]} {self.write(place, axes, body)}"
            case t.Compare(operator, first, second):
                return f"{self._atom(first, axes, body)} {COMPARE[operator]} {self._atom(second, axes, body)}"
            case t.And(conditions):
                return " & ".join(f"({self._condition(c, axes, body)})" for c in conditions)
        raise UnsupportedExpression(
            f"{self.spec.name}: " + FAILURE.format(what=f"the condition {type(node).__name__}", where=text(node))
        )


def _summed(code: str, count: int) -> str:
    """The sum of an array along so many of its last axes."""
    return f"pairwise_sum({code})" if count == 1 else f"np.sum({code}, axis={tuple(range(-count, 0))})"


def _is_against(node: t.Node) -> TypeGuard[t.Component]:
    """The weight of a divergence."""
    return isinstance(node, t.Component) and AGAINST in node.base


def _splits(factors: list[t.Node]) -> bool:
    """Whether functions of one number and other arrays stand side by side."""
    found = of_one_number(tuple(factors))
    return found is not None and stable_code(found[0].function) is not None and bool(found[1])
