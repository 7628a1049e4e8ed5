"""The types of generated functions for editors and type checkers: each method with the names and kinds of its arguments."""

from collections.abc import Iterable, Sequence

from ..runtime.scalar import ScalarFunction
from ..runtime.vector import VectorFunction

HEAD = '''"""The signatures of the functions, for editors and type checkers. Generated."""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.runtime.scalar import ScalarFunction
from chainrule.runtime.vector import VectorFunction

Out = NDArray[np.floating[Any]] | None
Outs = tuple[Out, Out] | None
Reduction = Literal["none", "sum", "mean"]
'''


def package_stub(functions: Iterable[ScalarFunction | VectorFunction]) -> str:
    """The text of `__init__.pyi` for a package of generated functions."""
    return "\n".join([HEAD, *(_class(each) for each in functions)])


def _class(f: ScalarFunction | VectorFunction) -> str:
    """One function: a class of its own, since each has arguments of its own."""
    name = "_" + "".join(word.capitalize() for word in f.__name__.split("_"))
    summary = (
        (f.__doc__ or "").strip().split("\n\n", 1)[0].replace("\n", " ").replace('"""', "'''").replace("\\", "\\\\")
    )
    methods = _of_numbers(f) if isinstance(f, ScalarFunction) else _of_vectors(f)
    return "\n".join(
        [f"class {name}({type(f).__name__}):", f'    """{summary}"""', "", *methods, "", f"{f.__name__}: {name}", ""]
    )


def _of_numbers(f: ScalarFunction) -> list[str]:
    parameters = [f"{name}: ArrayLike = {default!r}" for name, default in f.parameters.items()]
    reduction = ['reduction: Reduction = "none"'] * f.loss
    first, second = _wrt(f.wrt), _wrt(f.wrt_second)
    out, outs = ["out: Out = None"], ["out: Outs = None"]
    methods = [
        _method("__call__", f.arguments, (), [*parameters, *out, *reduction]),
        _method("grad", f.arguments, (), [*first, *parameters, *out, *reduction]),
        _method("value_and_grad", f.arguments, (), [*first, *parameters, *outs, *reduction], "tuple[Any, Any]"),
        _method("jacobian", f.arguments, (), [*first, *parameters]),
        _method("vjp", f.arguments, ("g",), [*first, *parameters, *out]),
        _method("jvp", f.arguments, ("v",), [*first, *parameters, *out]),
    ]
    if f.wrt_second:
        methods += [
            _method("second", f.arguments, (), [*second, *parameters, *out]),
            _method("hvp", f.arguments, ("v",), [*second, *parameters, *out]),
        ]
    return methods


def _of_vectors(f: VectorFunction) -> list[str]:
    defaults = {name: one.default for name, one in f.specification.items()}
    arguments = [name for name in f.inputs if defaults[name] is None]
    parameters = [f"{name}: ArrayLike = {default!r}" for name, default in defaults.items() if default is not None]
    axis = ["axis: int = -1"] * f.one_axis
    reduction = ['reduction: Reduction = "none"'] * f.loss
    first, second = _wrt(f.wrt), _wrt(f.wrt_second)
    out = ["out: Out = None"]
    methods = [_method("__call__", arguments, (), [*parameters, *axis, *reduction, *out])]
    if f.output:
        methods.append(_method("jacobian", arguments, (), [*first, *parameters, *axis, *out]))
    else:
        both = [*first, *parameters, *axis, *reduction, "out: Outs = None"]
        methods.append(_method("grad", arguments, (), [*first, *parameters, *axis, *reduction, *out]))
        methods.append(_method("value_and_grad", arguments, (), both, "tuple[Any, Any]"))
    methods.append(_method("vjp", arguments, ("g",), [*first, *parameters, *axis, *out]))
    methods.append(_method("jvp", arguments, ("v",), [*first, *parameters, *axis, *out]))
    if f.wrt_second:
        methods.append(_method("hessian", arguments, (), [*second, *parameters, *axis, *reduction, *out]))
        methods.append(_method("hvp", arguments, ("v",), [*second, *parameters, *axis, *reduction, *out]))
    return methods


def _wrt(names: Sequence[str]) -> list[str]:
    return [f"wrt: Literal[{', '.join(map(repr, names))}] | None = None".replace("'", '"')] if names else []


def _method(
    name: str, arguments: Sequence[str], vectors: Sequence[str], keywords: Sequence[str], result: str = "Any"
) -> str:
    inputs = [f"{each}: ArrayLike" for each in (*arguments, *vectors)]
    every = ", ".join(["self", *inputs, *(["*"] if keywords else []), *keywords])
    return f"    def {name}({every}) -> {result}: ...  # type: ignore[override]"
