"""The NumPy module of a definition: its text, and the checks of the function it defines."""

from ..calculus.checks import CheckRow
from ..calculus.derivation import Derivation
from ..definition import Definition
from ..expression.tree import Node
from ..runtime.scalar import ScalarFunction
from .checking import check_function
from .floating import Part, parts
from .numpy_source import generate, load
from .path_checks import check_paths
from .spec import FunctionSpec
from .specs import spec_of
from .vector import generate_vector
from .vector_checking import check_vector_function


def module_source(definition: Definition, derivations: tuple[Derivation, ...]) -> str:
    """The text of the module that defines the function of a definition, from its derivations as ``derive_all`` gives them.

    Raises VerificationError where no form is accurate enough, UnsupportedExpression where an expression has no NumPy form."""
    spec = spec_of(definition, derivations)
    return generate(spec) if isinstance(spec, FunctionSpec) else generate_vector(spec)


def floating_parts(definition: Definition, derivations: tuple[Derivation, ...], body: Node) -> tuple[Part, ...]:
    """The parts of a scalar function in floating point, its formula ``body``; none of a function of vectors."""
    spec = spec_of(definition, derivations)
    return parts(spec, derivations, body) if isinstance(spec, FunctionSpec) else ()


def check_module(source: str, definition: Definition, derivations: tuple[Derivation, ...]) -> tuple[CheckRow, ...]:
    """Every check of the function that a generated text defines, one row each."""
    spec = spec_of(definition, derivations)
    function = load(source, spec.name)
    if isinstance(spec, FunctionSpec):
        assert isinstance(function, ScalarFunction)
        return (*check_function(function, spec), *check_paths(function, spec))
    assert not isinstance(function, ScalarFunction)
    return check_vector_function(function, spec, derivations[0].scope)
