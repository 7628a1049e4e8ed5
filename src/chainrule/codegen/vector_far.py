"""What stands in front of kernels whose intermediate results overflow or underflow where their results do not."""

import ast
from collections.abc import Mapping

from ..expression import tree as t
from .growth import grows
from .vector_single import called
from .vector_spec import VectorSpec
from .vector_stable import prepared

AXES = "_AXES"
"""How many axes each input has, in a module."""
KNOWN = {"deviations", "dot", "entry", "one_hot", "pairwise_sum", "signed_sum", "weighted"}
"""Routines of the runtime that compute in long double, too."""


def far_kernels(
    functions: Mapping[str, str], kernels: Mapping[str, Mapping[str, str]], spec: VectorSpec
) -> dict[str, str]:
    """The kernels of a module, decorated, and the table which that takes, where one of them needs it and all can be computed in long double; nothing elsewhere.
    kernels: for each derivative, by the name of its input, what the names of its kernels are."""
    named = {v.base: prepared(v.body, spec) for v in spec.vectors}
    named |= {name: prepared(body, spec) for name, body in spec.scalars.items()}
    inputs = frozenset(one.base for one in spec.inputs if not one.index_of)
    calls = {name: called(ast.parse(text)) for name, text in functions.items()}

    def is_known(name: str) -> bool:
        own = {each for each in calls[name] if not each.startswith("np.") or each.startswith("np.linalg")}
        return own <= KNOWN | calls.keys() and all(is_known(each) for each in own & calls.keys())

    every = _kernels(kernels, spec)
    trees = dict.fromkeys(prepared(tree, spec) for formulas, _ in every.values() for tree in formulas)
    if not all(map(is_known, every)) or not any(grows(tree, named, inputs) for tree in trees):
        return {}
    table = f"{AXES} = {tuple(len(one.dimensions) for one in spec.inputs)}\n"
    return {AXES: table} | {
        name: f"@far_rows({', '.join([AXES, *map(str, axes)])})\n{functions[name]}" for name, (_, axes) in every.items()
    }


def _kernels(
    kernels: Mapping[str, Mapping[str, str]], spec: VectorSpec
) -> dict[str, tuple[tuple[t.Node, ...], tuple[int, ...]]]:
    """The formulas of each kernel, and how many axes its results have."""
    value = len(spec.output)
    found: dict[str, tuple[tuple[t.Node, ...], tuple[int, ...]]] = {"_value": ((spec.value,), (value,))}
    axes = {one.name: len(one.dimensions) for one in spec.inputs}
    for each in spec.derivatives:
        own, given = axes[each.name], kernels[each.name]
        found[given["full"]] = (each.tree,), (value + own,)
        if "both" in given:
            found[given["both"]] = (spec.value, each.tree), (value, own)
        for word, product, size in (("vjp", each.vjp, own), ("jvp", each.jvp, value)):
            if product is not None:
                found[given[word]] = (product.tree,), (size,)
        if each.hessian is not None:
            found[given["hessian"]] = (each.hessian.tree,), (2 * own,)
            if each.hessian.product is not None:
                found[given["hvp"]] = (each.hessian.product.tree,), (own,)
    return found
