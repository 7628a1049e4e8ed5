"""chainrule: gradients of neural networks, derived line by line, every line checked.

The names below are imported when they are first used, so that ``import chainrule`` is quick and ``import chainrule.functions``
needs neither SymPy nor Jinja nor Matplotlib."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str
    from .calculus.derivation import Derivation as Derivation
    from .calculus.derive import derive as derive
    from .calculus.derive import derive_all as derive_all
    from .calculus.graph import Graph as Graph
    from .calculus.graph import graph as graph
    from .catalogue import load as load
    from .catalogue import use as use
    from .definition import Definition as Definition
    from .definition import any_function as any_function
    from .notation import argmax as argmax
    from .notation import argmin as argmin
    from .notation import dimension as dimension
    from .notation import index as index
    from .notation import matrix as matrix
    from .notation import maximum as maximum
    from .notation import minimum as minimum
    from .notation import one_hot as one_hot
    from .notation import scalar as scalar
    from .notation import tensor as tensor
    from .notation import vector as vector
    from .numeric import check_gradient as check_gradient
    from .numeric import numerical_gradient as numerical_gradient
    from .runtime.compiling import is_compiled as is_compiled
    from .runtime.compiling import set_compiled as set_compiled
    from .runtime.threads import get_threads as get_threads
    from .runtime.threads import set_threads as set_threads
    from .verification import verify as verify

_HOME = {
    "Definition": ".definition",
    "any_function": ".definition",
    "Derivation": ".calculus.derivation",
    "derive": ".calculus.derive",
    "derive_all": ".calculus.derive",
    "Graph": ".calculus.graph",
    "graph": ".calculus.graph",
    "load": ".catalogue",
    "use": ".catalogue",
    "dimension": ".notation",
    "index": ".notation",
    "matrix": ".notation",
    "one_hot": ".notation",
    "scalar": ".notation",
    "tensor": ".notation",
    "vector": ".notation",
    "argmax": ".notation",
    "argmin": ".notation",
    "maximum": ".notation",
    "minimum": ".notation",
    "is_compiled": ".runtime.compiling",
    "set_compiled": ".runtime.compiling",
    "get_threads": ".runtime.threads",
    "set_threads": ".runtime.threads",
    "render": ".produce",
    "verify": ".verification",
    "verify_all": ".verification",
    "check_gradient": ".numeric",
    "numerical_gradient": ".numeric",
}

_CALLED = {"render": "render_derivation"}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("chainrule")
    if name in _HOME:
        value = getattr(import_module(_HOME[name], __name__), _CALLED.get(name, name))
        globals()[name] = value
        return value
    raise AttributeError(f"module 'chainrule' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_HOME, "__version__", "functions", "numeric"])
