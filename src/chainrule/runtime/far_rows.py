"""Kernels whose intermediate results overflow or underflow where their results do not, such as norms: rows with very large or very small numbers are computed again in
long double, whose exponents go sixteen times as far. Where the machine has none that does (Windows, Apple silicon), they stay as they are."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import Array

FAR = 128
"""Powers of 2 up to which no row is computed again: formulas of degree 7 are numbers there."""
HAS_RANGE = bool(np.finfo(np.longdouble).maxexp > 8 * np.finfo(np.float64).maxexp)
"""Whether squares and cubes of any float64 are numbers in long double."""


def far_rows(axes: tuple[int, ...], *results: int) -> Callable[[Callable[..., Any]], "FarRows"]:
    """A kernel with its far rows in long double. axes: how many each input has after those of the batch; results: how many each result has."""
    return lambda kernel: FarRows(kernel, axes, results)


class FarRows:
    """A kernel that computes far rows in long double. Called as the kernel is."""

    def __init__(self, kernel: Callable[..., Any], axes: tuple[int, ...], results: tuple[int, ...]) -> None:
        self.kernel = kernel
        self.axes = axes
        self.results = results

    @property
    def __code__(self) -> Any:
        """That of the kernel."""
        return self.kernel.__code__

    def __call__(self, *arrays: Array) -> Any:
        found = self.kernel(*arrays)
        far = self._far(arrays)
        if not HAS_RANGE or not np.any(far):
            return found
        with np.errstate(all="ignore"):
            again = self.kernel(*(each.astype(np.longdouble) if each.dtype.kind == "f" else each for each in arrays))
            if not isinstance(found, tuple):
                return _chosen(far, again, found, self.results[0])
            return tuple(map(_chosen, [far] * len(found), again, found, self.results))

    def _far(self, arrays: tuple[Array, ...]) -> Any:
        """Which rows hold a number that is far from 1, and not 0."""
        found: Any = False
        for array, axes in zip(arrays, self.axes, strict=False):  # the vector of a product comes after the inputs
            if array.dtype.kind == "f":
                size = np.abs(array)
                far = (size > 2.0**FAR) | ((size < 2.0**-FAR) & (size > 0))
                found = found | np.any(far, axis=tuple(range(-axes, 0)))
        return found


def _chosen(far: Any, again: Any, found: Any, axes: int) -> Array:
    """Results of far rows as they were computed again, of the others as they are."""
    return np.where(np.asarray(far)[(..., *[None] * axes)], np.asarray(again).astype(np.float64), found)
