"""A derivation as a value: rules, the steps they made, the result."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Indexed, Sum

from ..definition import Definition
from ..expression.convert import to_sympy
from ..expression.scope import Scope
from ..expression.tree import Branch, Call, Cases, Component, Derivative, Equation, Node, Path, Symbol
from .kinks import Kink, find_kinks
from .properties import Property, find_properties


@dataclass(frozen=True)
class Rule:
    """One row of a table: the words a textbook uses, the statement (an ``Equation``, or None where the words say it all), and a
    function that gives the new node or None where the rule does not apply. ``example`` is a node on which it does.

    minor: the rule carries no idea of its own; at the normal level of detail it shares a line with its neighbours.
    assumes: what it takes for granted, as the key of a sentence."""

    name: str
    statement: Node | None
    apply: Callable[[Any, Scope], Node | None]
    example: Node
    example_scope: Scope = Scope()
    minor: bool = False
    assumes: str = ""


@dataclass(frozen=True)
class Step:
    """One application of one rule: ``before`` and ``after`` are whole lines, ``focus`` is the path of the changed part in both.
    ``note``: an equation that says why (a solved definition, a fact, a lemma). ``line``: the step ends a line of the normal view."""

    rule: str
    statement: Node | None
    before: Node
    after: Node
    focus: Path = ()
    note: Node | None = None
    line: bool = True


@dataclass(frozen=True)
class Derivation:
    """The way from a pending derivative to its final form.

    goal: the left-hand side, a ``Derivative`` node of the function's name. start: the first right-hand side, the pending
    derivative of the definition. steps: as they happened. lemmas: derivations of named functions used on the way.
    route: how it differs from the main way, in words. gradient_of: in a backward pass, the equation that names a gradient: that from above,
    or in a lemma the one that is derived."""

    definition: Definition
    scope: Scope
    variable: Node
    order: int
    goal: Node
    start: Node
    steps: tuple[Step, ...]
    lemmas: tuple["Derivation", ...] = ()
    route: str = ""
    gradient_of: Equation | None = None

    @property
    def final(self) -> Node:
        """The result as an expert would write it, a tree."""
        return self.steps[-1].after if self.steps else self.start

    @cached_property
    def total(self) -> Any:
        """The result as code computes it, a SymPy expression with a value at the kinks too: a joint belongs to the branch that it
        belongs to in the definition, and the last branch of any other case distinction takes what is left."""
        body = self.start.operand if isinstance(self.start, Derivative) else self.start
        final = self.final
        if (
            isinstance(final, Cases)
            and isinstance(body, Cases)
            and len(final.branches) == len(body.branches)
            and self.order == 1
        ):
            pairs = zip(final.branches, body.branches, strict=True)
            final = Cases(tuple(Branch(f.value, b.condition) for f, b in pairs))
        return self.written(final)

    @cached_property
    def value(self) -> Any:
        """The function that was differentiated, as a SymPy expression with every named quantity written out."""
        assert isinstance(self.goal, Derivative)
        return self.written(self.goal.operand)

    def written(self, line: Node) -> Any:
        """A line as a SymPy expression with every named quantity written out."""
        return to_sympy(line, self.scope, expand=True, symbols=self._symbols)

    @property
    def equation(self) -> Equation:
        """What is differentiated: σ(x) = 1/(1 + e^{-x}), L = -Σ y_k log s_k, s_i = ..."""
        assert isinstance(self.goal, Derivative)
        own: Node = self.goal.operand
        while isinstance(own, Derivative):
            own = own.operand
        match own:
            case Call(name, _, _):
                return Equation(own, self.scope.functions[name].body)
            case Component(name, _):
                return Equation(own, self.scope.vectors[name].body)
            case Symbol(name):
                return Equation(own, self.scope.scalars[name])
        raise AssertionError(own)

    @cached_property
    def kinks(self) -> tuple[Kink, ...]:
        """Where the function of one variable has kinks, jumps and joints; empty for components of vectors."""
        x = self._variable
        return () if x is None else find_kinks(self.value, self.total, x, self.definition.domain)

    @cached_property
    def properties(self) -> tuple[Property, ...]:
        """What the engine decides about the function of one variable; empty for components of vectors."""
        x = self._variable
        return () if x is None else find_properties(self.value, self.total, x, self.definition.domain)

    @property
    def _variable(self) -> Any:
        if not isinstance(self.variable, Symbol) or self.value.has(Indexed, Sum):
            return None
        return next((s for s in self.value.free_symbols if str(s) == self.variable.name), None)

    @property
    def _symbols(self) -> dict[str, Any]:
        """The symbols the user wrote, by name: they may carry other assumptions than ours."""
        return {
            str(s): s
            for s in self.definition.expression.free_symbols
            if s.is_Symbol and str(s) not in self.scope.scalars
        }

    @cached_property
    def result(self) -> Any:
        """The result as a SymPy expression with every named function written out."""
        return self.written(self.final)
