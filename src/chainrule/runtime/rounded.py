"""Functions of float32 that are computed in float64 and rounded once, where NumPy's own in float32 are off by more than 2 ulp."""

from typing import Any

import numpy as np

from .arithmetic import select

PART = 8192
"""Elements that are computed at a time: few enough that memory for them is at hand."""


def logistic_gate_slope(x: Any, out: Any = None) -> Any:
    """The derivative of x/(1 + exp(-x)), of finite float32: at t = -|x| it is exp(t) (1 + t + exp(t))/(1 + exp(t))², at |x| it is 1 less that.

    No float32 is so close to the root that the sum loses more digits than float64 has to spare."""
    out = np.empty(x.shape, x.dtype) if out is None else out
    given, found = x.reshape(-1), out.reshape(-1)
    room = np.empty(min(x.size, PART)), np.empty(min(x.size, PART)), np.empty(min(x.size, PART), np.bool_)
    for k in range(0, x.size, PART):
        part, slope = given[k : k + PART], found[k : k + PART]
        t, e, below = room if part.size == room[0].size else (each[: part.size] for each in room)
        np.less(part, 0.0, out=below)
        np.copyto(t, part)
        np.abs(t, out=t)
        np.negative(t, out=t)
        np.exp(t, out=e)
        t += 1.0
        t += e
        t *= e
        e += 1.0
        e *= e
        t /= e
        np.copyto(slope, t, casting="same_kind")
        select(below, slope, np.subtract(1.0, slope), out=slope)
    return out
