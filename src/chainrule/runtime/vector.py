"""What generated functions of a vector stand on: axes, dtypes, and the shift that keeps exponentials finite. NumPy only."""

import inspect
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .scalar import result_dtype

Array = npt.NDArray[np.float64]
Kernel = Callable[..., Array]


class VectorFunction:
    """A verified function of one or more vectors of K components, over the last axis or the one named.

    Inputs: array-likes (..., K) that broadcast. float16, float32 and float64 are kept, integers and bools become float64; the computation runs in
    float64 and is rounded once. NaN is passed on. Raises TypeError for other dtypes, ValueError for shapes that do not fit.

    ``output``: "vector" for a value (..., K), whose derivative is ``jacobian``; "scalar" for a value (...), whose derivative is ``grad``."""

    def __init__(
        self,
        name: str,
        *,
        value: Kernel,
        derivative: Kernel,
        inputs: tuple[str, ...],
        output: str,
        doc: str | None = None,
        module: str = "__main__",
    ) -> None:
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.__doc__ = doc
        self.inputs = inputs
        self.output = output
        self._value = value
        self._derivative = derivative
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in inputs]
            + [inspect.Parameter("axis", inspect.Parameter.KEYWORD_ONLY, default=-1)]
        )

    def __call__(self, *args: Any, axis: int = -1, **kwargs: Any) -> Any:
        """The value: the shape of the inputs for a vector, that shape without ``axis`` for a scalar."""
        arrays, dtype = self._prepare(args, kwargs, axis)
        value = self._run(self._value, arrays, dtype)
        return np.moveaxis(value, -1, axis) if self.output == "vector" else value

    def grad(self, *args: Any, axis: int = -1, **kwargs: Any) -> Any:
        """The gradient with respect to the first input, in the shape of the inputs; of a scalar function only."""
        if self.output != "scalar":
            raise TypeError(f"{self.__name__} has a vector value, so no gradient: use {self.__name__}.jacobian")
        arrays, dtype = self._prepare(args, kwargs, axis)
        return np.moveaxis(self._run(self._derivative, arrays, dtype), -1, axis)

    def value_and_grad(self, *args: Any, axis: int = -1, **kwargs: Any) -> tuple[Any, Any]:
        """Value and gradient; of a scalar function only."""
        return self(*args, axis=axis, **kwargs), self.grad(*args, axis=axis, **kwargs)

    def jacobian(self, *args: Any, **kwargs: Any) -> Any:
        """The matrix ∂ value_i/∂ input_j, shape (..., K, K), for the last axis; of a vector function only."""
        if self.output != "vector":
            raise TypeError(f"{self.__name__} has a scalar value: use {self.__name__}.grad")
        arrays, dtype = self._prepare(args, kwargs, -1)
        return self._run(self._derivative, arrays, dtype)

    @property
    def source(self) -> str:
        """The text of the module in which this function is generated."""
        return "".join(linecache.getlines(self._value.__code__.co_filename))

    def __repr__(self) -> str:
        return f"<chainrule function {self.__name__}{self.__signature__}>"

    def __reduce__(self) -> str:
        return self.__name__  # by reference to its module, as a plain function is pickled

    def _prepare(self, args: tuple[Any, ...], kwargs: dict[str, Any], axis: int) -> tuple[list[Array], Any]:
        if len(args) > len(self.inputs) or set(kwargs) - set(self.inputs[len(args) :]):
            unexpected = [*map(str, args[len(self.inputs) :]), *sorted(set(kwargs) - set(self.inputs[len(args) :]))]
            raise TypeError(
                f"{self.__name__}: unexpected {', '.join(unexpected)}; it is {self.__name__}{self.__signature__}"
            )
        given = {**dict(zip(self.inputs, args, strict=False)), **kwargs}
        missing = [name for name in self.inputs if name not in given]
        if missing:
            raise TypeError(f"{self.__name__}: missing {', '.join(missing)}; it is {self.__name__}{self.__signature__}")
        dtype = result_dtype(self.__name__, given)
        arrays = []
        for name in self.inputs:
            array = np.asarray(given[name], dtype=np.float64)
            if array.ndim == 0:
                raise ValueError(f"{self.__name__}: {name} is a single number; give at least one axis of K components")
            if not -array.ndim <= axis < array.ndim:
                raise ValueError(f"{self.__name__}: {name} has shape {array.shape}, so there is no axis {axis}")
            array = np.moveaxis(array, axis, -1)
            if array.shape[-1] == 0:
                raise ValueError(f"{self.__name__}: {name} has shape {array.shape}: at least one component is needed")
            arrays.append(array)
        sizes = {array.shape[-1] for array in arrays}
        if len(sizes) > 1:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(self.inputs, arrays, strict=True))
            raise ValueError(f"{self.__name__}: the numbers of components differ: {shapes}")
        try:
            return list(np.broadcast_arrays(*arrays)), dtype
        except ValueError:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(self.inputs, arrays, strict=True))
            raise ValueError(f"{self.__name__}: shapes do not broadcast: {shapes}") from None

    def _run(self, kernel: Kernel, arrays: list[Array], dtype: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(kernel(*arrays)).astype(dtype)[()]


def shifted(z: Array) -> Array:
    """z less its largest component, so that no exponential of it overflows; infinite largest components become 0."""
    largest = np.max(z, axis=-1, keepdims=True)
    return np.where(z == largest, 0.0, z - largest)


def weighted(weight: Array, value: Array) -> Array:
    """weight times value, and 0 where the weight is 0, however large the value."""
    return np.asarray(np.where(weight == 0, 0.0, weight * value))


def balanced(matrix: Array) -> Array:
    """The matrix with each diagonal entry replaced by minus the sum of the others in its row."""
    size = matrix.shape[-1]
    off = np.where(np.eye(size, dtype=bool), 0.0, matrix)
    return np.asarray(off - np.eye(size) * np.sum(off, axis=-1)[..., None])
