"""A derivation as a value: rules, the steps they made, the result."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..definition import Definition
from ..expression.convert import to_sympy
from ..expression.scope import Scope
from ..expression.tree import Branch, Cases, Derivative, Node, Path


@dataclass(frozen=True)
class Rule:
    """One row of a table: the words a textbook uses, the statement (an ``Equation``, or None where the words say it all), and a
    function that gives the new node or None where the rule does not apply. ``example`` is a node on which it does.

    minor: the rule carries no idea of its own; at the normal level of detail it shares a line with its neighbours."""

    name: str
    statement: Node | None
    apply: Callable[[Any, Scope], Node | None]
    example: Node
    example_scope: Scope = Scope()
    minor: bool = False


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
    derivative of the definition. steps: as they happened. lemmas: derivations of named functions used on the way."""

    definition: Definition
    scope: Scope
    variable: Node
    order: int
    goal: Node
    start: Node
    steps: tuple[Step, ...]
    lemmas: tuple["Derivation", ...] = ()
    route: str = ""

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
        if isinstance(final, Cases) and isinstance(body, Cases) and len(final.branches) == len(body.branches) and self.order == 1:
            pairs = zip(final.branches, body.branches, strict=True)
            final = Cases(tuple(Branch(f.value, b.condition) for f, b in pairs))
        return to_sympy(final, self.scope, expand=True, symbols=self._symbols)

    @cached_property
    def value(self) -> Any:
        """The function that was differentiated, as a SymPy expression with every named quantity written out."""
        assert isinstance(self.goal, Derivative)
        return to_sympy(self.goal.operand, self.scope, expand=True, symbols=self._symbols)

    @property
    def _symbols(self) -> dict[str, Any]:
        """The symbols the user wrote, by name: they may carry other assumptions than ours."""
        return {str(s): s for s in self.definition.expression.free_symbols if s.is_Symbol and str(s) not in self.scope.scalars}

    @cached_property
    def result(self) -> Any:
        """The result as a SymPy expression with every named function written out."""
        return to_sympy(self.final, self.scope, expand=True, symbols=self._symbols)
