"""What stands in front of kernels whose intermediate results overflow or underflow where their results do not."""

from collections.abc import Mapping

from .degrees import Scaling, scalings
from .vector_single import names_in
from .vector_spec import VectorSpec

Axes = tuple[str, ...]
Results = tuple[tuple[int, Axes], ...]
"""Of each result how often it is derived, and its axes."""


def scaled_kernels(
    functions: Mapping[str, str], kernels: Mapping[str, Mapping[str, str]], spec: VectorSpec
) -> dict[str, str]:
    """Those of the functions of a module that need it, decorated, and the tables which that takes. kernels: for each derivative, by the name of its input, what the
    names of its kernels are."""
    results: dict[str, Results] = {"_value": ((0, spec.output),)}
    inputs = {"_value": ""}
    for name, given in kernels.items():
        own = next(one.dimensions for one in spec.inputs if one.name == name)
        kinds = _results(spec.output, own)
        results |= {kernel: kinds[word] for word, kernel in given.items()}
        inputs |= dict.fromkeys(given.values(), name)
    found = {name: functions[name] for name in results}
    tables: dict[str, str] = {}
    for k, each in enumerate(scalings(spec), start=1):
        table = f"_SCALES_{k}"
        tables[table] = f"{table} = {_members(each, spec)}\n"
        for name, orders in results.items():
            if names_in(functions[name]) & each.inputs.keys():
                less = each.inputs.get(inputs[name], 0)
                sizes = [_sized(each.value - order * less, axes) for order, axes in orders]
                found[name] = f"@scaled({', '.join([table, *sizes])})\n{found[name]}"
    return tables | found


def _results(value: Axes, own: Axes) -> dict[str, Results]:
    """Those of each kind of kernel, of a value and an input with these axes."""
    return {
        "full": ((1, (*value, *own)),),
        "both": ((0, value), (1, own)),
        "vjp": ((1, own),),
        "jvp": ((1, value),),
        "hessian": ((2, (*own, *own)),),
        "hvp": ((2, own),),
    }


def _members(scaling: Scaling, spec: VectorSpec) -> str:
    axes = {one.name: one.dimensions for one in spec.inputs}
    return "{" + ", ".join(f'"{name}": {_sized(degree, axes[name])}' for name, degree in scaling.inputs.items()) + "}"


def _sized(degree: int, axes: Axes) -> str:
    return f"({degree}, {tuple_text(axes)})"


def tuple_text(names: tuple[str, ...]) -> str:
    """A tuple of names as code."""
    return "(" + ", ".join(f'"{n}"' for n in names) + ("," if len(names) == 1 else "") + ")"
