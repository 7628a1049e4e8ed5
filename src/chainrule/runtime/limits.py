"""Limits that are put on arrays, in `out`. Where the limit is a number, np.clip takes a third of the time of np.maximum or np.minimum.

NaN is passed on."""

from typing import Any

import numpy as np

from .arrays import Array

try:
    from numpy._core.umath import clip  # type: ignore[attr-defined]  # np.clip itself looks at its arguments for longer than this takes
except ImportError:
    clip = np.clip


def at_least(x: Array, low: Any, out: Array | None = None) -> Any:
    """The greater of an array and a number or an array."""
    return clip(x, low, np.inf, out=out) if type(low) is float else np.maximum(x, low, out=out)


def at_most(x: Array, high: Any, out: Array | None = None) -> Any:
    """The less of an array and a number or an array."""
    return clip(x, -np.inf, high, out=out) if type(high) is float else np.minimum(x, high, out=out)


def clipped(x: Array, radius: Any, out: Array | None = None) -> Any:
    """The nearest to an array that lies between -radius and radius, a number or an array that is no less than 0."""
    if type(radius) is float:
        return clip(x, -radius, radius, out=out)
    return np.maximum(np.minimum(x, radius, out=out), -radius, out=out)
