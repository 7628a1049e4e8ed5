"""The NumPy module of a definition: its text, and the checks of the function it defines."""

from dataclasses import dataclass

from ..calculus.checks import CheckRow
from ..calculus.derivation import Derivation
from ..definition import Definition
from ..expression.tree import Node
from ..runtime.scalar import ScalarFunction
from .checking import check_function
from .floating import Part, part_of, parts
from .numpy_source import generate, load, possible
from .path_checks import check_paths
from .spec import FunctionSpec
from .specs import spec_of
from .vector import generate_vector
from .vector_checking import check_vector_function
from .vector_spec import VectorSpec


@dataclass(frozen=True)
class Missing:
    """A derivative that is derived and not generated, and why."""

    goal: Node
    reason: str


def module_source(definition: Definition, derivations: tuple[Derivation, ...]) -> str:
    """The text of the module that defines the function of a definition, from its derivations as ``derive_all`` gives them; without
    derivatives other than the gradient by the first variable that have no accurate form.

    Raises VerificationError where no form is accurate enough, UnsupportedExpression where an expression has no NumPy form."""
    spec = _possible(definition, derivations)
    return generate(spec) if isinstance(spec, FunctionSpec) else generate_vector(spec)


def missing_parts(definition: Definition, derivations: tuple[Derivation, ...]) -> tuple[Missing, ...]:
    """The derivations whose results the module lacks."""
    spec = _possible(definition, derivations)
    if not isinstance(spec, FunctionSpec):
        return ()
    named = {part_of(d, spec): d for d in reversed(derivations) if not d.route}
    return tuple(Missing(named[part].goal, reason) for part, reason in spec.missing.items())


def _possible(definition: Definition, derivations: tuple[Derivation, ...]) -> FunctionSpec | VectorSpec:
    spec = spec_of(definition, derivations)
    return possible(spec) if isinstance(spec, FunctionSpec) else spec


def floating_parts(definition: Definition, derivations: tuple[Derivation, ...], body: Node) -> tuple[Part, ...]:
    """The parts of a scalar function in floating point, its formula ``body``; none of a function of vectors."""
    spec = _possible(definition, derivations)
    return parts(spec, derivations, body) if isinstance(spec, FunctionSpec) else ()


def check_module(source: str, definition: Definition, derivations: tuple[Derivation, ...]) -> tuple[CheckRow, ...]:
    """Every check of the function that a generated text defines, one row each."""
    spec = _possible(definition, derivations)
    function = load(source, spec.name)
    if isinstance(spec, FunctionSpec):
        assert isinstance(function, ScalarFunction)
        return (*check_function(function, spec), *check_paths(function, spec))
    assert not isinstance(function, ScalarFunction)
    return check_vector_function(function, spec, derivations[0].scope)
