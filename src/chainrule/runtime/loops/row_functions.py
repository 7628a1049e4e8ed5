"""Exponentials of scores that are small enough, and what loops over the components of long rows found, put together.

The loops go through a row in blocks, each of `LANES` lanes, and leave a sum of each lane of each block, and one largest number of each lane."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.core.cgutils import ir
from numba.extending import intrinsic

from .compiler import HOW
from .elementary import DOUBLE, SINGLE, inline, normal_exp

LANES = 16
APART = 24
"""Arrays that `read` and `write` tell apart."""
SUMS = 4 * LANES
"""Sums that do not wait for each other."""
_called: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(**HOW)
_inlined: Callable[[Callable[..., Any]], Callable[..., Any]] = inline


@intrinsic
def select(typing, which, a, b):
    """a or b, without a branch."""
    return a(which, a, a), lambda context, builder, signature, arguments: builder.select(*arguments)


@intrinsic
def prefetch(typing, array, place):
    """Let the cache get what is read next: the processor does not foresee it while it computes."""

    def generated(context, builder, signature, arguments):
        data = context.make_array(array)(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [address.type] + [ir.IntType(32)] * 3)
        function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        builder.call(function, [address, *(ir.Constant(ir.IntType(32), each) for each in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, place), generated


def _apart(builder: Any, instruction: Any, key: int) -> None:
    """Let the compiler know that the arrays of a loop, by their keys, have no memory in common: it need not look, whenever it starts a loop."""
    module = builder.module
    domain = module.add_metadata(["chainrule"])
    scopes = [module.add_metadata([f"array {k}", domain]) for k in range(APART)]
    instruction.set_metadata("alias.scope", module.add_metadata([scopes[key]]))
    instruction.set_metadata("noalias", module.add_metadata([each for k, each in enumerate(scopes) if k != key]))


@intrinsic(prefer_literal=True)
def read(typing, array, place, key):
    """A number of an array, not counted from its end."""
    number = key.literal_value

    def generated(context, builder, signature, arguments):
        data = context.make_array(array)(context, builder, arguments[0]).data
        found = builder.load(builder.gep(data, [arguments[1]], inbounds=True))
        _apart(builder, found, number)
        return found

    return array.dtype(array, types.intp, key), generated


@intrinsic(prefer_literal=True)
def write(typing, array, place, what, key):
    """Let a number stand in an array, at a place that is not counted from its end."""
    number = key.literal_value

    def generated(context, builder, signature, arguments):
        data = context.make_array(array)(context, builder, arguments[0]).data
        _apart(builder, builder.store(arguments[2], builder.gep(data, [arguments[1]], inbounds=True)), number)
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype, key), generated


FLOAT64, FLOAT32 = normal_exp(DOUBLE, DOUBLE.exp), normal_exp(SINGLE, SINGLE.exp)


@_called
def over(lanes: Any, most: Any) -> Any:
    """Whether any number is larger."""
    found = lanes[0]
    for i in range(LANES):
        found = max(found, lanes[i])
    return found > most


@_called
def largest(lanes: Any) -> Any:
    found = lanes[0]
    for i in range(LANES):
        found = lanes[i] if lanes[i] > found else found
    return found


@_called
def total(terms: Any, sums: Any, more: Any) -> Any:
    """The sum of a multiple of `SUMS` numbers: of float32 in float64, of float64 with what the roundings take. sums, more: for as many numbers."""
    sums[:] = 0.0
    more[:] = 0.0
    for first in range(0, terms.size, SUMS):
        _added(sums, more, terms[first : first + SUMS], SUMS)
    return _all(sums, more)


@_inlined
def _all(sums: Any, more: Any) -> Any:
    for half in (32, 16, 8, 4, 2, 1):
        _halved(sums, more, half)
    return sums[0] + more[0]


@_inlined
def _added(sums: Any, more: Any, block: Any, size: Any) -> Any:
    for i in range(size):
        before, term = sums[i], np.float64(block[i])
        after = before + term
        there = after - before
        sums[i] = after
        more[i] += (before - (after - there)) + (term - there)


@_inlined
def _halved(sums: Any, more: Any, half: Any) -> Any:
    for i in range(half):
        before, term = sums[i], sums[half + i]
        after = before + term
        there = after - before
        sums[i] = after
        more[i] += ((before - (after - there)) + (term - there)) + more[half + i]


@_called
def place(row: Any, number: Any) -> Any:
    """Where a number of a row stands."""
    for first in range(0, row.size, SUMS):
        block = row[first : first + SUMS]
        found = False
        for i in range(block.size):
            found |= block[i] == number
        if found:
            for i in range(block.size):
                if block[i] == number:
                    return first + i
    return 0


@_called
def balance(row: Any, place: Any, reach: Any, sums: Any, more: Any, sizes: Any) -> None:
    """`reductions.balanced_at`, of a row in which the largest weight is more than half of all, and stands at `place`."""
    own = row[place]
    if not abs(own) < reach:
        return
    row[place] = 0.0
    sums[:] = 0.0
    more[:] = 0.0
    sizes[:] = 0.0
    for first in range(0, row.size, SUMS):
        block = row[first : first + SUMS]
        _added(sums, more, block, block.size)
        for i in range(block.size):
            sizes[i] += abs(block[i])
    row[place] = -_all(sums, more) if np.sum(sizes) < reach else own
