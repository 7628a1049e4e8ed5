"""Kernels of inputs whose squares, products or quotients overflow or underflow where the result does not: rows of very large or very small numbers are divided by
a power of 2, and the result is multiplied by the power of that which belongs to it. Nothing else changes, for powers of 2 are exact."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .arrays import Array

Sized = tuple[int, tuple[str, ...]]
"""By which power of a number something is multiplied, and its axes after those of the batch."""
FAR = 64
"""Powers of 2 up to which nothing is done: a formula of degree 15 does not overflow there."""
NOTHING = -(1 << 16)
"""A power below that of any number: of 0."""


def scaled(inputs: Mapping[str, Sized], *results: Sized) -> Callable[[Callable[..., Any]], "Scaled"]:
    """A kernel whose ``results`` are multiplied by a power of a number where these of its ``inputs`` are multiplied by powers of that."""

    def decorated(kernel: Callable[..., Any]) -> Scaled:
        return Scaled(kernel, inputs, results)

    return decorated


class Scaled:
    """A kernel that divides rows by powers of 2 where that is needed. Called as the kernel is."""

    def __init__(self, kernel: Callable[..., Any], inputs: Mapping[str, Sized], results: tuple[Sized, ...]) -> None:
        self.kernel = kernel
        self.results = results
        names = self.__code__.co_varnames
        self.inputs = [(names.index(name), degree, len(axes)) for name, (degree, axes) in inputs.items()]

    @property
    def __code__(self) -> Any:
        """That of the kernel."""
        return self.kernel.__code__

    def __call__(self, *arrays: Array) -> Any:
        power = self._power(arrays)
        if power is None:
            return self.kernel(*arrays)
        moved = list(arrays)
        for place, degree, axes in self.inputs:
            moved[place] = _times(arrays[place], -degree * power, axes)
        found = self.kernel(*moved)
        several = found if isinstance(found, tuple) else (found,)
        back = [
            _times(each, degree * power, len(axes)) for each, (degree, axes) in zip(several, self.results, strict=True)
        ]
        return tuple(back) if isinstance(found, tuple) else back[0]

    def _power(self, arrays: tuple[Array, ...]) -> Any:
        """The power of 2 that each row is divided by; None where that is 0 for all."""
        power: Any = NOTHING
        for place, degree, axes in self.inputs:
            largest = np.abs(arrays[place])
            if axes:
                largest = np.maximum.reduce(largest, axis=tuple(range(-axes, 0)))
            own = np.where((largest > 0) & np.isfinite(largest), np.frexp(largest)[1] // degree, NOTHING)
            power = np.maximum(power, own)
        far = (np.abs(power) > FAR) & (power > NOTHING)
        return np.where(far, power, 0) if far.any() else None


def _times(array: Any, power: Any, axes: int) -> Array:
    """An array times 2 to a power for each row."""
    return np.asarray(np.ldexp(array, np.asarray(power)[(..., *[None] * axes)]))
