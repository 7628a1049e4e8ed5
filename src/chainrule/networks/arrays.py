"""Arrays as a network takes them: of one floating dtype, of the right shapes, finite. Every message names the array, what was expected and what came."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from .network import Network
from .parts import written

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
NEAR = 1e-3
"""How far the components of a target may be from a sum of 1: rounding, and not another kind of target."""


def floating(name: str, dtype: Any) -> Any:
    """The dtype, float32 or float64. Raises TypeError for any other."""
    try:
        return next(known for known in FLOATS if known == np.dtype(dtype))
    except (TypeError, StopIteration):
        raise TypeError(f"{name}: float32 or float64 is expected, got dtype {dtype}") from None


def parameters_of(network: Network, given: Sequence[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """The pairs (W^l, b^l) as arrays. Raises ValueError for shapes, TypeError for dtypes."""
    try:
        pairs = [(np.asarray(W), np.asarray(b)) for W, b in given]
    except (TypeError, ValueError):
        raise TypeError("parameters: a list of pairs (W, b) is expected, one for each layer") from None
    if len(pairs) != network.depth:
        raise ValueError(f"parameters: {network.depth} pairs (W, b) are expected, one for each layer, got {len(pairs)}")
    for place, (pair, shapes) in enumerate(zip(pairs, network.shapes, strict=True), 1):
        for name, array, shape in zip("Wb", pair, shapes, strict=True):
            turned = array.ndim == 2 and array.shape == shape[::-1]
            _of_shape(f"{name}{place}", array, shape, "a row for each unit, so transpose it" if turned else "")
            _floating(f"{name}{place}", array)
            _finite(f"{name}{place}", array)
    dtypes = {array.dtype for pair in pairs for array in pair}
    if len(dtypes) > 1:
        raise TypeError(
            f"parameters: one dtype is expected, got {', '.join(sorted(map(str, dtypes)))}: convert them with .astype"
        )
    return pairs


def inputs_of(network: Network, X: Any, dtype: Any) -> Any:
    """The samples in rows, in the dtype of the parameters; one sample alone is not a batch."""
    array = _array("X", X)
    if array.ndim != 2 or array.shape[1] != network.widths[0] or not array.shape[0]:
        alone = ": X[None] is a batch of one sample" if array.shape == network.widths[:1] else ""
        raise ValueError(
            f"X: shape (m, {network.widths[0]}) is expected, a sample in each of m ≥ 1 rows, got {array.shape}{alone}"
        )
    return _converted("X", array, dtype)


def targets_of(network: Network, Y: Any, samples: int, dtype: Any) -> Any:
    """The targets of the samples: class numbers from 0 of shape (m,), or a row for each sample, in the domain of the loss."""
    loss, outputs = network.target, network.widths[-1]
    array = _array("Y", Y)
    if loss.of_class:
        one_hot = array.shape == (samples, outputs)
        _of_shape("Y", array, (samples,), "Y.argmax(axis=1) are the classes of one-hot rows" if one_hot else "")
        if array.dtype.kind not in "iu":
            raise TypeError(f"Y: integers are expected, the numbers of classes from 0, got dtype {array.dtype}")
        wrong = array[(array < 0) | (array >= outputs)]
        if wrong.size:
            raise ValueError(f"Y: class {wrong[0]} is none of 0 to {outputs - 1}")
        return array.astype(np.intp)
    _of_shape("Y", array, (samples, outputs), _hint(array, samples, outputs))
    array = _converted("Y", array, dtype)
    outside = array[~_inside(array, loss.values)]
    if outside.size:
        closed = (
            loss.values
            if isinstance(loss.values, sympy.FiniteSet)
            else sympy.Interval(loss.values.inf, loss.values.sup)
        )
        raise ValueError(f"Y: {loss.name} takes targets in {written(closed)}, got {outside[0]:g}")
    if loss.sums_to_one and np.any(np.abs(array.sum(axis=1) - 1) > NEAR):
        worst = array.sum(axis=1)[np.argmax(np.abs(array.sum(axis=1) - 1))]
        raise ValueError(
            f"Y: {loss.name} takes targets that sum to 1 in every row, as one-hot ones do, got a row that sums to {worst:g}"
        )
    return array


def _hint(array: Any, samples: int, outputs: int) -> str:
    """What a row for each sample can be made with, from one number for each."""
    if array.shape != (samples,):
        return ""
    return "Y[:, None] is a column" if outputs == 1 else f"np.eye({outputs})[Y] has a one-hot row for each class in Y"


def _array(name: str, given: Any) -> Any:
    try:
        return np.asarray(given)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: an array of numbers is expected, got rows of different lengths") from None


def _inside(array: Any, values: Any) -> Any:
    if isinstance(values, sympy.FiniteSet):
        return np.isin(array, [float(v) for v in values])
    return (array >= float(values.inf)) & (array <= float(values.sup))


def _of_shape(name: str, array: Any, shape: tuple[int, ...], hint: str = "") -> None:
    if array.shape != shape:
        raise ValueError(f"{name}: shape {shape} is expected, got {array.shape}{hint and ': '}{hint}")


def _floating(name: str, array: Any) -> None:
    if array.dtype not in FLOATS:
        raise TypeError(f"{name}: float32 or float64 is expected, got dtype {array.dtype}: convert it with .astype")


def _converted(name: str, array: Any, dtype: Any) -> Any:
    if array.dtype.kind not in "iu" and array.dtype not in FLOATS:
        raise TypeError(
            f"{name}: float32, float64 or integers are expected, got dtype {array.dtype}: convert it with .astype"
        )
    _finite(name, array)
    with np.errstate(over="ignore"):
        converted = np.asarray(array, dtype=dtype)
    if not np.all(np.isfinite(converted)):
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(converted))[0])
        raise ValueError(
            f"{name}: {array[place]} at {place} is too large for {dtype}: scale it, or use float64 parameters"
        )
    return converted


def _finite(name: str, array: Any) -> None:
    if not np.all(np.isfinite(array)):
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name}: finite numbers are expected, got {array[place]} at {place}")
