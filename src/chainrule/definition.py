"""What a derivation file states: the function, its variables, its named equations, its source. Never its derivative."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from .errors import DefinitionError
from .expression import index_checks
from .expression.natural_domain import natural_domain


@dataclass(frozen=True, eq=False)
class Definition:
    """A function as a short list of named SymPy equations.

    expression: the function itself. ``where`` holds the named equations it refers to, in order; a left-hand side is a
        scalar (``y_hat``), a function of a scalar (``Phi(x)``) or a component (``s[i]``).
    wrt: what to differentiate with respect to; the first is the main variable, whose second derivative is derived too.
    symbol: how the function is written, spelled as in SymPy: ``"sigma"``, ``"ELU"``, ``"L"`` for a loss.
    index: for a function with a vector value, the index of its value: ``s_i``.
    arguments: the names under which code passes each variable, in order; default: the variables' own names. An index among them is
        the number of a class: ``{"label": c}``. What an index that is free and neither of these means, ``expression.index_checks`` says.
    parameters: default of each parameter (a positive number, say); ``domain`` gives its valid range.
    domain: the SymPy set each variable or parameter is taken from; default: where the function has real values, as far as its
        logarithms, roots and powers of that variable alone say it; else all reals.
    adjoints: a name for the derivative with respect to a named scalar, delta for dL/dz; later derivatives are written with it. Of a vector
        function, by the vector: the names of the gradients in its backward pass.
    facts: what is known of a vector or matrix beside its entries: ``{y: "sums_to_one"}``, ``{A: "symmetric"}``.
    uses: functions of the catalogue that the expression calls, or that the ending may recognise.
    routes: other expressions of the same function; each is derived too and must agree.
    construction: the stages it is built up from, each a function of the main variable, drawn as small plots.
    companions: other curves worth drawing, by the name of a sentence in the templates.
    at_kink: what libraries return at the kink, by the name of the library.
    opaque: the expression only stands in for any function of one variable, see ``any_function``.
    title, summary, context, strengths, limits, source, aliases: for the reader, in plain words.
    """

    expression: Any
    wrt: Any
    symbol: str = ""
    index: Any = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[Any, float] = field(default_factory=dict)
    domain: Mapping[Any, Any] = field(default_factory=dict)
    where: Mapping[Any, Any] = field(default_factory=dict)
    adjoints: Mapping[Any, Any] = field(default_factory=dict)
    facts: Mapping[Any, Any] = field(default_factory=dict)
    uses: tuple["Definition", ...] = ()
    routes: Mapping[str, Any] = field(default_factory=dict)
    construction: tuple[Any, ...] = ()
    companions: Mapping[str, Any] = field(default_factory=dict)
    at_kink: Mapping[str, str] = field(default_factory=dict)
    plot_range: tuple[float, float] = (-6.0, 6.0)
    plot_at: Mapping[Any, float] = field(default_factory=dict)
    name: str = ""
    kind: str = ""
    title: str = ""
    summary: str = ""
    context: str = ""
    strengths: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    source: str = ""
    aliases: tuple[str, ...] = ()
    opaque: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.wrt, tuple):
            object.__setattr__(self, "wrt", (self.wrt,))
        if not self.wrt:
            raise DefinitionError("`wrt` is empty: name at least one variable to differentiate with respect to")
        object.__setattr__(self, "expression", formula(self.expression))
        for name, required, what in (
            ("uses", Definition, "a definition: use('sigmoid')"),
            ("domain", sympy.Set, "a SymPy set: Interval(0, 1)"),
        ):
            given = getattr(self, name)
            wrong = [
                v for v in (given.values() if isinstance(given, Mapping) else given) if not isinstance(v, required)
            ]
            if wrong:
                raise DefinitionError(f"{name}= holds {wrong[0]!r}, which is not {what}")
        called = {name for used in self.uses for name in used.called}
        index_checks.check(self.expression, self.wrt, self.index, self.where, self.arguments, self.routes, called)
        bodies = [right for left, right in self.where.items() if isinstance(left, sympy.Symbol | sympy.Indexed)]
        natural = natural_domain([self.expression, *map(sympy.sympify, bodies)], self.domain, self.where)
        object.__setattr__(self, "domain", {**natural, **self.domain})

    def __call__(self, *arguments: Any) -> Any:
        """The function applied to SymPy expressions, by name and unexpanded: for use inside other definitions."""
        function: Callable[..., Any] = sympy.Function(self.symbol, real=True)
        return function(*arguments)

    @property
    def variables(self) -> tuple[Any, ...]:
        """The scalar variables that are not parameters, the main one first."""
        named = {s for left in self.where for s in sympy.sympify(left).free_symbols if isinstance(left, sympy.Symbol)}
        free = self.expression.free_symbols.union(*(sympy.sympify(e).free_symbols for e in self.where.values()))
        scalars = {s for s in free if isinstance(s, sympy.Symbol) and not s.is_integer}
        scalars -= {s for s in scalars if any(str(s) == str(b) for b in _bases(self))}
        scalars -= named | set(self.parameters)
        first = [v for v in self.wrt if v in scalars]
        return (*first, *sorted(scalars - set(first), key=str))

    @property
    def called(self) -> frozenset[str]:
        """The functions that a definition which uses this one may call: this one, and those it names or uses itself."""
        named = (left.func.__name__ for left in self.where if isinstance(left, AppliedUndef))
        return frozenset((self.symbol, *named)).union(*(used.called for used in self.uses))

    @property
    def called_any(self) -> bool:
        """Whether it holds for any function of some kind, so that there is nothing to compute with."""
        return self.opaque or any(used.called_any for used in self.uses)

    def named(self, **changes: Any) -> "Definition":
        return replace(self, **changes)


def formula(expression: Any) -> Any:
    """A formula as SymPy has it. Raises DefinitionError for what is none; strings are not read, since SymPy would run them."""
    try:
        found = sympy.sympify(expression, strict=True)
    except sympy.SympifyError:
        found = None
    if not isinstance(found, sympy.Expr | sympy.MatrixBase):
        raise DefinitionError(f"{expression!r} is no formula: write one with SymPy, as in x**2 + exp(x)")
    return found


def _bases(definition: Definition) -> set[Any]:
    every = [definition.expression, *definition.where, *definition.where.values()]
    return {b.label for e in every for b in sympy.sympify(e).atoms(sympy.IndexedBase)}


def any_function(symbol: str) -> Definition:
    """A differentiable function of one variable without a formula, f: for ``uses``. Its derivative is written f′, and what is derived with it
    holds for all such functions. Lines are checked with a function that stands in for it and shares no identity with the elementary ones."""
    x = sympy.Symbol("x", real=True)
    return Definition(sympy.sin(x) + sympy.exp(x / 4), wrt=x, symbol=symbol, name=symbol, opaque=True)
