"""Exponentials of scores that are small enough, and what loops over the components of long rows found, put together.

The loops go through a row in blocks, each of `LANES` lanes, and leave numbers of each lane of each block: in v, `stride` numbers a block, those of one
kind from `at` on."""

import math
from collections.abc import Callable
from typing import Any

import numba
from numba.core import types
from numba.core.cgutils import ir
from numba.extending import intrinsic

from .compiler import HOW
from .elementary import DOUBLE, SINGLE, Kind, fma, inline, polynomial

LANES = 16
_called: Callable[[Callable[..., Any]], Callable[..., Any]] = numba.njit(**HOW)


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


def _exponential(of: Kind) -> Any:
    """exp to an ulp, of numbers of which it is normal."""
    real, whole, digits, one = of.number, of.whole, of.whole(of.digits), of.number(1.0)
    per_log2, high, low = real(1 / math.log(2)), real(-of.log2[0]), real(-of.log2[1])
    shift = real(1.5 * 2.0**of.digits)
    series = polynomial(of.exp, real)

    @inline
    def exp(x):
        shifted = fma(x, per_log2, shift)
        k = shifted - shift
        r = fma(k, low, fma(k, high, x))
        found = real(one + fma(r * r, series(r), r))
        return whole(found.view(whole) + (real(shifted).view(whole) << digits)).view(real)

    return exp


FLOAT64, FLOAT32 = _exponential(DOUBLE), _exponential(SINGLE)


@_called
def total(v: Any, at: Any, stride: Any, blocks: Any) -> Any:
    """Sums, added in pairs of pairs."""
    while blocks > 1:
        half = (blocks + 1) // 2
        for b in range(blocks - half):
            first, second = v[at + b * stride :], v[at + (half + b) * stride :]
            for i in range(LANES):
                first[i] += second[i]
        blocks = half
    lanes = v[at : at + LANES]
    half = LANES // 2
    while half:
        for i in range(half):
            lanes[i] += lanes[half + i]
        half //= 2
    return lanes[0]


@_called
def largest(v: Any, at: Any, stride: Any, blocks: Any) -> Any:
    """The largest of the largest."""
    lanes = v[at : at + LANES]
    for b in range(1, blocks):
        other = v[at + b * stride : at + b * stride + LANES]
        for i in range(LANES):
            lanes[i] = other[i] if other[i] > lanes[i] else lanes[i]
    found = lanes[0]
    for i in range(1, LANES):
        found = lanes[i] if lanes[i] > found else found
    return found


@_called
def others(v: Any, at: Any, stride: Any, blocks: Any) -> Any:
    """The sum of all but the largest; the largest of a lane and the sum of its others, `LANES` numbers after: the smaller of two largest is one of the
    others."""
    top, rest = v[at : at + LANES], v[at + LANES : at + 2 * LANES]
    for b in range(1, blocks):
        first = v[at + b * stride : at + b * stride + 2 * LANES]
        for i in range(LANES):
            new = first[i]
            first[LANES + i] += new if new < top[i] else top[i]
            top[i] = new if new > top[i] else top[i]
    found, sums = top[0], total(v, at + LANES, stride, blocks)
    rest[0] = sums
    for i in range(1, LANES):
        rest[i] = top[i] if top[i] < found else found
        found = top[i] if top[i] > found else found
    return total(v, at + LANES, stride, 1)


@_called
def place(v: Any, at: Any, stride: Any, blocks: Any) -> Any:
    """Where the largest stands; the largest of a lane and its place, `LANES` numbers after."""
    best = v[at : at + 2 * LANES]
    for b in range(1, blocks):
        other = v[at + b * stride : at + b * stride + 2 * LANES]
        for i in range(LANES):
            more = other[i] > best[i]
            best[LANES + i] = other[LANES + i] if more else best[LANES + i]
            best[i] = other[i] if more else best[i]
    found, where = best[0], best[LANES]
    for i in range(1, LANES):
        where = best[LANES + i] if best[i] > found else where
        found = best[i] if best[i] > found else found
    return where


sum = wide_sum = total
