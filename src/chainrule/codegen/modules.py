"""The NumPy module of a definition: its text, and the checks of the function it defines."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..calculus.checks import CheckRow
from ..calculus.derivation import Derivation
from ..definition import Definition
from ..expression.scope import Scope
from ..expression.tree import Node
from ..runtime.scalar import ScalarFunction
from .checking import check_function
from .floating import Part, part_of, parts
from .numpy_source import generate, load, possible
from .path_checks import check_paths
from .spec import FunctionSpec
from .specs import spec_of
from .vector import generate_vector
from .vector_checking import ANY_SIZE, EXTREMES, check_vector_function
from .vector_spec import VectorSpec


@dataclass(frozen=True)
class Missing:
    """A derivative that is derived and not generated, and why."""

    goal: Node
    reason: str


@dataclass(frozen=True)
class Module:
    """source: the text. checks: of the function that it defines, one row each. parts: of a scalar function in floating point. missing: the derivatives that it lacks."""

    source: str
    checks: tuple[CheckRow, ...]
    parts: tuple[Part, ...]
    missing: tuple[Missing, ...]

    @property
    def is_safe(self) -> bool:
        """Whether it was checked at extreme inputs, as scalar functions are, and those of scores."""
        return bool(self.parts) or any(row.name == EXTREMES for row in self.checks)


NO_MODULE = Module("", (), (), ())
"""Of a definition with a function that has no formula."""


def module_of(definition: Definition, derivations: tuple[Derivation, ...], body: Node) -> Module:
    """The module that defines the function of a definition, from its derivations as ``derive_all`` gives them, its formula ``body``; without derivatives that
    have no accurate form: of a scalar function any but the gradient by the first variable, of a function of vectors second ones that fail a check.

    Raises VerificationError where no form is accurate enough, UnsupportedExpression where an expression has no NumPy form."""
    spec = _possible(definition, derivations)
    source, scope = _written(spec), derivations[0].scope
    checks = _required(_checked(source, spec, scope))
    failed = [row for row in checks if not row.passed]
    if failed and isinstance(spec, VectorSpec) and any(each.hessian for each in spec.derivatives):
        less = spec.without_hessians(f"{failed[0].name}, off by {failed[0].error:.0e}: {failed[0].detail}")
        text = _written(less)
        rows = _required(_checked(text, less, scope))
        if all(row.passed for row in rows):
            spec, source, checks = less, text, rows
    found = parts(spec, derivations, body) if isinstance(spec, FunctionSpec) else ()
    return Module(source, checks, found, tuple(_missing(spec, derivations)))


def _missing(spec: FunctionSpec | VectorSpec, derivations: tuple[Derivation, ...]) -> Iterator[Missing]:
    plain = [d for d in reversed(derivations) if not d.route]
    if isinstance(spec, FunctionSpec):
        goals = {part_of(d, spec): d.goal for d in plain}
    else:
        names = {one.base: one.name for one in spec.inputs}
        goals = {names.get(getattr(d.variable, "base", ""), ""): d.goal for d in plain if d.order == 2}
    yield from (Missing(goals[key], reason) for key, reason in spec.missing.items())


def module_source(definition: Definition, derivations: tuple[Derivation, ...]) -> str:
    """The text of that module, of a function of vectors with all that was derived. Raises what `module_of` does."""
    return _written(_possible(definition, derivations))


def check_module(source: str, definition: Definition, derivations: tuple[Derivation, ...]) -> tuple[CheckRow, ...]:
    """Every check of the function that a generated text defines, one row each."""
    return _checked(source, _possible(definition, derivations), derivations[0].scope)


def _possible(definition: Definition, derivations: tuple[Derivation, ...]) -> FunctionSpec | VectorSpec:
    spec = spec_of(definition, derivations)
    return possible(spec) if isinstance(spec, FunctionSpec) else spec


def _written(spec: FunctionSpec | VectorSpec) -> str:
    return generate(spec) if isinstance(spec, FunctionSpec) else generate_vector(spec)


def _required(checks: tuple[CheckRow, ...]) -> tuple[CheckRow, ...]:
    """The checks without that of inputs of any size where it fails: terms that cancel are beyond long double, too, and no function is refused for that."""
    return tuple(row for row in checks if row.passed or row.name != ANY_SIZE)


def _checked(source: str, spec: FunctionSpec | VectorSpec, scope: Scope) -> tuple[CheckRow, ...]:
    function = load(source, spec.name)
    if isinstance(spec, FunctionSpec):
        assert isinstance(function, ScalarFunction)
        return (*check_function(function, spec), *check_paths(function, spec))
    assert not isinstance(function, ScalarFunction)
    return check_vector_function(function, spec, scope)
