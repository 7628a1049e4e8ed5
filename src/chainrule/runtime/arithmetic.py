"""Choices, and products and quotients with a guard, of arrays and, as `..._of_number`, of Python floats.

Those of arrays write into `out`, an array of float64 or float32 that is none of their operands unless it says so."""

import math
from typing import Any

import numpy as np

from .arrays import Array

PART = 32768
FEW = 512
"""Elements below which branches cost less than further calls."""


def select(condition: Any, yes: Any, no: Any, out: Array) -> Array:
    """`yes` where the condition holds, `no` elsewhere, in `out`, which may be `yes` but not `no`.

    On the bits, without a branch for each element: on conditions in no order that costs a quarter of np.where."""
    if out.size < FEW:
        if out is yes:
            np.copyto(out, no, where=np.logical_not(condition))
        else:
            np.copyto(out, no)
            np.copyto(out, yes, where=condition)
        return out
    bits, first, second = (_bits(each, out.dtype) for each in (out, yes, no))
    np.bitwise_xor(first, second, out=bits)
    np.multiply(bits, condition, out=bits)
    np.bitwise_xor(bits, second, out=bits)
    return out


def replace(condition: Any, code: Any, *inputs: Any, out: Array) -> Array:
    """Where the condition holds, which is at few places, `out` is what the code gives for the inputs there."""
    places = np.flatnonzero(condition)
    if places.size:
        chosen = (x if isinstance(x, float) else x.reshape(-1)[places] for x in inputs)
        out.reshape(-1)[places] = code(*chosen)
    return out


def apply(function: Any, *operands: Any, out: Array) -> Array:
    """`function` of the operands in `out`, a part at a time: what it needs in between then fits into memory that is at hand, where larger arrays
    would be asked of the system again and again, at ten times the cost."""
    if out.size <= PART:
        np.copyto(out, function(*operands))
        return out
    whole = out.reshape(-1)
    flat = [x.reshape(-1) if isinstance(x, np.ndarray) else x for x in operands]
    for k in range(0, whole.size, PART):
        whole[k : k + PART] = function(*(x[k : k + PART] if isinstance(x, np.ndarray) else x for x in flat))
    return out


def _bits(value: Any, kind: np.dtype[Any]) -> Any:
    return (value if isinstance(value, np.ndarray) else kind.type(value)).view(f"i{kind.itemsize}")


def product(a: Any, b: Any, out: Array | None = None) -> Array:
    """a b, with 0 * inf = 0: the limit wherever the zero is exact or has underflowed."""
    lost = (np.equal(a, 0) & np.isinf(b)) | (np.equal(b, 0) & np.isinf(a))
    return _with_zeros(np.multiply(a, b), lost, out)


def quotient(a: Any, b: Any, out: Array | None = None) -> Array:
    """a / b, with 0 / 0 = 0: the limit where the numerator is identically zero."""
    return _with_zeros(np.divide(a, b), np.equal(a, 0) & np.equal(b, 0), out)


def _with_zeros(found: Any, lost: Any, out: Array | None) -> Array:
    if out is None:
        return np.where(lost, 0.0, found)
    np.copyto(out, found)
    np.copyto(out, 0.0, where=lost)
    return out


def product_of_number(a: float, b: float) -> float:
    """a b, with 0 * inf = 0."""
    return 0.0 if a == 0 or b == 0 else a * b


def quotient_of_number(a: float, b: float) -> float:
    """a / b, with 0 / 0 = 0."""
    return 0.0 if a == 0 and b == 0 else a / b


def sign_of_number(x: float) -> float:
    """-1, 0 or 1."""
    return math.copysign(1.0, x) if x else 0.0


def heaviside_of_number(x: float, at_zero: float) -> float:
    """0 below 0, 1 above."""
    return at_zero if x == 0 else float(x > 0)
