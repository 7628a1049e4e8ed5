"""Functions of float32 that are computed in float64 and rounded once, where NumPy's own in float32 are off by more than 2 ulp."""

from typing import Any

import numpy as np

PART = 32768
"""Elements that are computed at a time: few enough that memory for them is at hand."""


def logistic_gate_slope(x: Any, out: Any = None) -> Any:
    """The derivative of x/(1 + exp(-x)), of finite float32: s (1 + x (1 - s)) for the logistic function s.

    No float32 is so close to the root, or so large, that a difference loses more digits than float64 has to spare."""
    out = np.empty(x.shape, x.dtype) if out is None else out
    given, found = x.reshape(-1), out.reshape(-1)
    room = tuple(np.empty(min(x.size, PART)) for _ in range(3))
    for k in range(0, x.size, PART):
        part = given[k : k + PART]
        wide, s, rest = room if part.size == room[0].size else (each[: part.size] for each in room)
        np.copyto(wide, part)
        np.negative(wide, out=s)
        np.exp(s, out=s)
        s += 1.0
        np.divide(1.0, s, out=s)
        np.subtract(1.0, s, out=rest)
        rest *= wide
        rest += 1.0
        rest *= s
        np.copyto(found[k : k + PART], rest, casting="same_kind")
    return out
