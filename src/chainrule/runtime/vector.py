"""What generated functions of vectors and matrices stand on: axes, batches, reductions, dtypes. NumPy only."""

import inspect
import linecache
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .arrays import Array as Array
from .arrays import Places
from .blocks import blocks_of, share
from .compiling import is_compiled
from .digits import refined_rows as refined_rows
from .far_rows import far_rows as far_rows
from .log_ratios import log_ratio as log_ratio
from .log_ratios import log_ratio_sum as log_ratio_sum
from .reductions import SHORT
from .reductions import balanced as balanced
from .reductions import balanced_at as balanced_at
from .reductions import centred as centred
from .reductions import complement as complement
from .reductions import counted as counted
from .reductions import deviations as deviations
from .reductions import divergence as divergence
from .reductions import dot as dot
from .reductions import exponential_sum as exponential_sum
from .reductions import exponential_total as exponential_total
from .reductions import exponentials as exponentials
from .reductions import less_mean as less_mean
from .reductions import less_one_hot as less_one_hot
from .reductions import less_probability as less_probability
from .reductions import less_target as less_target
from .reductions import log_odds as log_odds
from .reductions import log_rest as log_rest
from .reductions import log_sum as log_sum
from .reductions import log_sum_exp as log_sum_exp
from .reductions import pairwise_sum as pairwise_sum
from .reductions import shifted as shifted
from .reductions import signed_sum as signed_sum
from .reductions import total as total
from .reductions import weighted as weighted
from .reductions import without as without
from .scalar import KEPT, Range, check_home, result_dtype

if TYPE_CHECKING:
    from .certificate import Certificate
    from .loops.rows import Rows

Kernel = Callable[..., Array]
REDUCTIONS = ("none", "sum", "mean")
FEW = 1 << 16
"""Numbers that a kernel is given at once: what it computes in between stays in the cache, and its calls are paid for."""
KEPT_BYTES = 1 << 24
"""Bytes: more than what is computed in between takes at a time."""
BUFFER = 1024
"""Numbers that NumPy may copy into a buffer at once: few, or it copies rows, and the one number that each is divided by as often as the row is long."""
MANY = 128
"""Rows from which it pays to arrange them anew."""
F64, F32, INDEX = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.intp)
LAYOUTS = 64
"""Shapes and dtypes of arguments that are remembered as such that fit together."""
NEAR = 1e-3
"""How far an input may be from what its derivatives rely on (a sum of 1, symmetry): rounding, and not another kind of input."""


EVERYWHERE = Range()


@dataclass(frozen=True)
class Input:
    """One input. axes: the names of the dimensions of its last axes; () is a number for each batch element.

    index_of: the dimension whose components an integer input counts, from 0. default, domain: the value of a parameter, which is passed by keyword, and what it may be.
    sums_to_one, symmetric: the derivatives rely on it that the components sum to 1, that the matrix is symmetric."""

    axes: tuple[str, ...] = ()
    index_of: str = ""
    default: float | None = None
    domain: Range = EVERYWHERE
    sums_to_one: bool = False
    symmetric: bool = False

    @property
    def is_checked(self) -> bool:
        """Whether not every array of the right shape will do."""
        return bool(self.index_of or self.sums_to_one or self.symmetric) or self.domain != EVERYWHERE


@dataclass(frozen=True)
class Derivatives:
    """The kernels of the derivatives by one input; each takes all inputs, the products one more array.

    full: the Jacobian (axes of the value, then those of the input), the gradient of a scalar function. vjp, jvp: products with it that do not form
    it; None: it is formed and contracted. both: value and gradient of a scalar function, where they share work. hessian, hvp: of a scalar function,
    where it was derived."""

    full: Kernel
    vjp: Kernel | None = None
    jvp: Kernel | None = None
    both: Callable[..., tuple[Array, Array]] | None = None
    hessian: Kernel | None = None
    hvp: Kernel | None = None


class _Call(NamedTuple):
    """A call taken apart: arrays with batch axes first, in the order of the inputs, then further arrays; their shapes by input. They are of the
    dtypes that were given."""

    arrays: list[Any]
    batch: tuple[int, ...]
    sizes: Mapping[str, int]
    dtype: Any
    axis: int
    own: Mapping[str, tuple[int, ...]]
    alike: bool = False
    """Whether all arrays of numbers are known to be of the dtype."""

    def shape(self, axes: tuple[str, ...]) -> tuple[int, ...]:
        return (*self.batch, *[self.sizes[a] for a in axes])


class VectorFunction:
    """A verified function of vectors or matrices, with its derivatives; every axis before the named ones is a batch axis, and batches broadcast.

    Inputs: array-likes whose last axes are those of ``axes``; parameters and class indices as ``inputs`` says. Where there is one axis of
    components only, ``axis`` says which it is. float16, float32 and float64 are kept, other integers become float64; the
    computation runs in float64 and is rounded once, but for the kernels ``single``, which run in float32 if all arrays are of that. NaN is passed on. A loss takes ``reduction``: "none" (one number for each batch element),
    "sum", or "mean", which divides by the number of batch elements.
    Raises TypeError for other dtypes, bool among them, and wrong names, ValueError for shapes that do not fit, for a class index out of range, for an unknown ``wrt`` or
    ``reduction``, and, from derivatives, for a target that does not sum to 1, or a matrix that
    is not symmetric, where they were derived from that."""

    def __init__(
        self,
        name: str,
        *,
        value: Kernel,
        inputs: Mapping[str, Input],
        output: tuple[str, ...],
        derivatives: Mapping[str, Derivatives],
        loss: bool = False,
        single: Sequence[Callable[..., Any]] = (),
        doc: str | None = None,
        module: str = "__main__",
    ) -> None:
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.__doc__ = doc
        self.inputs = tuple(inputs)
        self.axes = {each: given.axes for each, given in inputs.items()}
        self.output = output
        self.loss = loss
        self.given = dict(inputs)
        self.derivatives = dict(derivatives)
        self._value = value
        named = {*output, *(a for given in inputs.values() for a in (*given.axes, *filter(None, [given.index_of])))}
        self.one_axis = len(named) == 1 and all(len(axes) <= 1 for axes in (output, *self.axes.values()))
        required = [each for each, given in inputs.items() if given.default is None]
        keywords: list[tuple[str, Any]] = [
            (each, given.default) for each, given in inputs.items() if given.default is not None
        ]
        keywords += [("axis", -1)] * self.one_axis + [("reduction", "none")] * loss + [("out", None)]
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in required]
            + [inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=default) for each, default in keywords]
        )
        self._required = tuple(required)
        self._single = frozenset(single)
        self._layouts: dict[tuple[Any, ...], tuple[tuple[int, ...], dict[str, int], Any]] = {}
        self._found: dict[tuple[Any, ...], Any] = {}
        self._defaults = {name: np.asarray(one.default) for name, one in inputs.items() if one.default is not None}
        self._checked = [(name, one) for name, one in inputs.items() if one.default is None and one.is_checked]
        self._plain_inputs = [(axes, bool(inputs[each].index_of)) for each in required for axes in [self.axes[each]]]

    def __call__(self, *args: Any, axis: int = -1, reduction: str = "none", out: Any = None, **kwargs: Any) -> Any:
        """The value: batch axes, then the axes of ``output``; of a loss, reduced as asked."""
        if is_compiled() and not kwargs and axis == -1 and reduction == "none" and out is None:
            found = _directly(self, args)
            if found is not None:
                return found
        self._check_reduction(reduction)
        call = self._bind(args, kwargs, axis)
        if is_compiled() and (looped := _at_once(self, self._value, call, self.output, reduction, out)) is not None:
            return looped
        with np.errstate(all="ignore"):
            whole = np.float64 if reduction != "none" or out is not None else call.dtype
            (value,) = self._by_rows(self._value, call, (self.output,), whole, self._value in self._single)
            return self._finished(self._value_reduced(value, call, reduction), call, self.output, out)

    def grad(
        self,
        *args: Any,
        wrt: str | None = None,
        axis: int = -1,
        reduction: str = "none",
        out: Any = None,
        **kwargs: Any,
    ) -> Any:
        """The gradient by ``wrt`` (the first input unless said otherwise); of a scalar function only.

        reduction="none": that of each batch element by its own input, (batch, axes of the input). "sum" and "mean": that of the
        reduced loss, in the shape of the input."""
        if self.output:
            raise TypeError(f"{self.__name__} has a vector value, so no gradient: use {self.__name__}.jacobian or .vjp")
        self._check_reduction(reduction)
        name, kernels = self._by(wrt)
        call = self._bind(args, kwargs, axis, facts=True)
        return self._reduced(kernels.full, call, name, reduction, self.axes[name], out)

    def value_and_grad(
        self,
        *args: Any,
        wrt: str | None = None,
        axis: int = -1,
        reduction: str = "none",
        out: tuple[Any, Any] | None = None,
        **kwargs: Any,
    ) -> tuple[Any, Any]:
        """Value and gradient, with the same reduction; of a scalar function only. What they have in common is computed once. ``out``: an array for each."""
        if out is not None and (not isinstance(out, tuple | list) or len(out) != 2):
            raise TypeError(f"{self.__name__}.value_and_grad: out is a pair of arrays, for the value and the gradient")
        first, second = out or (None, None)
        if isinstance(first, np.ndarray) and isinstance(second, np.ndarray) and np.may_share_memory(first, second):
            raise ValueError(f"{self.__name__}.value_and_grad: the two arrays of out share memory")
        if self.output:
            raise TypeError(f"{self.__name__} has a vector value, so no gradient: use {self.__name__}.jacobian or .vjp")
        self._check_reduction(reduction)
        name, kernels = self._by(wrt)
        call = self._bind(args, kwargs, axis, facts=True)
        with np.errstate(all="ignore"):
            whole = np.float64 if reduction != "none" or out is not None else call.dtype
            kernel = kernels.both or (lambda *arrays: (self._value(*arrays), kernels.full(*arrays)))
            single = self._single >= ({kernels.both} if kernels.both else {self._value, kernels.full})
            value, grad = self._by_rows(kernel, call, (self.output, self.axes[name]), whole, single)
            grad = self._summed(grad, call, name, reduction)
            value = self._finished(self._value_reduced(value, call, reduction), call, self.output, first)
            return value, self._finished(grad, call, self.axes[name], second)

    def jacobian(self, *args: Any, wrt: str | None = None, axis: int = -1, out: Any = None, **kwargs: Any) -> Any:
        """∂ value/∂ input for each batch element: batch axes, axes of the value, axes of the input; of a vector function only."""
        if not self.output:
            raise TypeError(f"{self.__name__} has a scalar value: use {self.__name__}.grad")
        name, kernels = self._by(wrt)
        call = self._bind(args, kwargs, axis, facts=True)
        with np.errstate(all="ignore"):
            axes = (*self.output, *self.axes[name])
            whole = call.dtype if out is None else np.float64
            (found,) = self._by_rows(kernels.full, call, (axes,), whole, kernels.full in self._single)
            return self._finished(found, call, (), out)

    def vjp(self, *args: Any, wrt: str | None = None, axis: int = -1, out: Any = None, **kwargs: Any) -> Any:
        """The vector-Jacobian product Σ_i g_i ∂ value_i/∂ input: ``f.vjp(z, g)``, with g, the last argument, in the shape of the value.

        In the shape of the input: where an input was broadcast along a batch axis, the sum over that axis, as a backward pass needs it."""
        name, kernels = self._by(wrt)
        inputs, kwargs, (g,) = self._taken("vjp", "g", args, kwargs)
        call = self._bind(inputs, kwargs, axis, facts=True, extra=("vjp", "g", g, self.output, ""))
        wide, deep = len(self.output), len(self.axes[name])

        def product(*arrays: Array) -> Array:
            *given, cotangent = arrays
            full = np.broadcast_to(kernels.full(*given), call.shape((*self.output, *self.axes[name])))
            weighted_rows = cotangent[(..., *[None] * deep)] * full
            return np.asarray(
                np.sum(weighted_rows, axis=tuple(range(-wide - deep, -deep)) if deep else tuple(range(-wide, 0)))
            )

        return self._reduced(kernels.vjp or product, call, name, "sum", self.axes[name], out)

    def jvp(self, *args: Any, wrt: str | None = None, axis: int = -1, out: Any = None, **kwargs: Any) -> Any:
        """The Jacobian-vector product Σ_j ∂ value/∂ input_j v_j: ``f.jvp(z, v)``, with v, the last argument, in the shape of the input.
        In the shape of the value."""
        name, kernels = self._by(wrt)
        inputs, kwargs, (v,) = self._taken("jvp", "v", args, kwargs)
        call = self._bind(inputs, kwargs, axis, facts=True, extra=("jvp", "v", v, self.axes[name], name))
        wide, deep = len(self.output), len(self.axes[name])
        with np.errstate(all="ignore"):
            if kernels.jvp is not None:
                whole = call.dtype if out is None else np.float64
                (found,) = self._by_rows(kernels.jvp, call, (self.output,), whole, kernels.jvp in self._single)
            else:
                *given, tangent = map(_wide, call.arrays)
                full = np.broadcast_to(kernels.full(*given), call.shape((*self.output, *self.axes[name])))
                rows = tangent[(..., *[None] * wide, *[slice(None)] * deep)]
                found = np.sum(full * rows, axis=tuple(range(-deep, 0)))
            return self._finished(np.broadcast_to(found, call.shape(self.output)), call, self.output, out)

    def hessian(
        self,
        *args: Any,
        wrt: str | None = None,
        axis: int = -1,
        reduction: str = "none",
        out: Any = None,
        **kwargs: Any,
    ) -> Any:
        """The matrix of second derivatives by ``wrt`` for each batch element: batch axes, then the axis of the input twice.

        "sum" and "mean": the blocks of the reduced loss that belong to one element of the input each; all other blocks are 0."""
        self._check_reduction(reduction)
        name, kernels = self._second(wrt)
        assert kernels.hessian is not None
        call = self._bind(args, kwargs, axis, facts=True)
        return self._reduced(kernels.hessian, call, name, reduction, (*self.axes[name], *self.axes[name]), out)

    second = hessian
    """The same, under the name that it has for functions of numbers."""

    def hvp(
        self,
        *args: Any,
        wrt: str | None = None,
        axis: int = -1,
        reduction: str = "none",
        out: Any = None,
        **kwargs: Any,
    ) -> Any:
        """The Hessian times a vector: ``f.hvp(z, y, v)``, with v, the last argument, in the shape of the input; reduced as ``grad`` is."""
        self._check_reduction(reduction)
        name, kernels = self._second(wrt)
        inputs, kwargs, (v,) = self._taken("hvp", "v", args, kwargs)
        call = self._bind(inputs, kwargs, axis, facts=True, extra=("hvp", "v", v, self.axes[name], name))

        def product(*arrays: Array) -> Array:
            assert kernels.hessian is not None
            *given, vector = arrays
            return np.asarray(np.sum(kernels.hessian(*given) * vector[..., None, :], axis=-1))

        return self._reduced(kernels.hvp or product, call, name, reduction, self.axes[name], out)

    @property
    def specification(self) -> Mapping[str, Input]:
        """What each input is, by its name."""
        return dict(self.given)

    @property
    def wrt(self) -> tuple[str, ...]:
        """What ``wrt`` may be for first derivatives."""
        return tuple(self.derivatives)

    @property
    def wrt_second(self) -> tuple[str, ...]:
        """What ``wrt`` may be for second derivatives."""
        return tuple(name for name, one in self.derivatives.items() if one.hessian is not None)

    @property
    def source(self) -> str:
        """The text of the module in which this function is generated."""
        return "".join(linecache.getlines(self._value.__code__.co_filename))

    @property
    def certificate(self) -> "Certificate | None":
        """How accurate it has been measured to be, at how many rows, in which versions; None where this code has not been measured."""
        from .certificate import read  # here, since hardly anyone asks and importing must be quick

        module = sys.modules.get(self.__module__)
        return None if module is None else read(module)

    def __repr__(self) -> str:
        return f"<chainrule function {self.__name__}{self.__signature__}>"

    def __reduce__(self) -> str:
        return self.__name__  # by reference to its module, as a plain function is pickled

    # ---------------------------------------------------------------- arguments

    def _by(self, wrt: str | None) -> tuple[str, Derivatives]:
        name = next(iter(self.derivatives)) if wrt is None else wrt
        if name not in self.derivatives:
            known = ", ".join(map(repr, self.derivatives))
            raise ValueError(f"{self.__name__}: no derivative by {name!r}; wrt is one of {known}")
        return name, self.derivatives[name]

    def _second(self, wrt: str | None) -> tuple[str, Derivatives]:
        name, kernels = self._by(wrt)
        if kernels.hessian is None:
            known = ", ".join(repr(each) for each, d in self.derivatives.items() if d.hessian is not None)
            raise TypeError(f"{self.__name__} has no Hessian by {name!r}; it was derived by {known or 'no input'}")
        return name, kernels

    def _check_reduction(self, reduction: str) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"{self.__name__}: reduction={reduction!r}; it is one of {', '.join(map(repr, REDUCTIONS))}"
            )
        if reduction != "none" and not self.loss:
            raise TypeError(f"{self.__name__} is no loss, so it takes no reduction")

    def _taken(
        self, method: str, word: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], tuple[Any]]:
        """The inputs apart from the vector of a product, the last argument or a keyword."""
        if word in kwargs and word not in self.inputs:
            return args, {k: v for k, v in kwargs.items() if k != word}, (kwargs[word],)
        given = len(args) + sum(name in kwargs for name in self._required)
        if not args or given <= len(self._required):
            raise TypeError(
                f"{self.__name__}.{method}: missing {word}, the last argument: "
                f"{self.__name__}.{method}({', '.join((*self._required, word))})"
            )
        return args[:-1], kwargs, (args[-1],)

    def _bind(
        self,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        axis: int,
        facts: bool = False,
        extra: tuple[str, str, Any, tuple[str, ...], str] | None = None,
    ) -> _Call:
        if axis == -1 and not kwargs and (plain := self._plain(args, facts, extra)) is not None:
            return plain
        given = self._named(args, kwargs)
        if axis != -1 and not self.one_axis:
            raise TypeError(
                f"{self.__name__} has several axes, so no axis=: the last axes of its inputs are {self._layout()}"
            )
        if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
            raise TypeError(f"{self.__name__}: axis={axis!r}: it is a whole number, such as -1 for the last axis")
        method, word, vector, axes, like = extra or ("", "", None, (), "")
        floats = {name: v for name, v in given.items() if not self.given[name].index_of}
        dtype = result_dtype(self.__name__, {**floats, f"{method} {word}": vector} if extra else floats)
        arrays: dict[str, Any] = {}
        for name, one in self.given.items():
            arrays[name] = (
                self._indices(name, given[name]) if one.index_of else self._array(name, given[name], one.axes, axis)
            )
        sizes = self._sizes(arrays)
        batches = {name: a.shape[: a.ndim - len(self.axes[name])] for name, a in arrays.items()}
        try:
            batch = np.broadcast_shapes(*batches.values())
        except ValueError:
            raise ValueError(f"{self.__name__}: shapes do not broadcast: {self._shapes(arrays)}") from None
        if axis >= 0 and any(axes and len(batches[n]) < len(batch) for n, axes in self.axes.items()):
            raise ValueError(
                f"{self.__name__}: axis={axis} is ambiguous for {self._shapes(arrays)}: give all as many axes, of length 1 where they are shared"
            )
        for name, one in self.given.items():
            self._check(name, one, arrays[name], sizes, facts)
        own = {name: a.shape for name, a in arrays.items()}
        call = _Call(list(arrays.values()), batch, sizes, dtype, axis, own)
        if extra:
            last = self._array(f"{method}: {word}", vector, axes, axis)
            wanted = own[like] if like else call.shape(axes)
            if last.shape != wanted:
                shown = self._moved(np.empty(wanted), call, axes).shape
                raise ValueError(
                    f"{self.__name__}.{method}: {word} has shape {np.asarray(vector).shape}, but {like or 'the value'} has shape {shown}"
                )
            call.arrays.append(last)
        return call

    def _plain(
        self, args: tuple[Any, ...], facts: bool, extra: tuple[str, str, Any, tuple[str, ...], str] | None
    ) -> _Call | None:
        """A call with nothing to convert, taken apart: contiguous arrays of one dtype and one batch. None for any other."""
        key: list[Any] = []
        for array in args:
            if type(array) is not np.ndarray or not array.flags.c_contiguous:
                return None
            key += array.shape, array.dtype
        layout = self._layouts.get(tuple(key))
        if layout is None:
            layout = self._layout_of(args)
            if layout is None:
                return None
            if len(self._layouts) >= LAYOUTS:
                self._layouts.clear()
            self._layouts[tuple(key)] = layout
        batch, sizes, dtype = layout
        arrays = dict(zip(self._required, args, strict=True))
        if self._defaults:
            arrays = {name: arrays.get(name, self._defaults.get(name)) for name in self.inputs}
        for name, one in self._checked:
            self._check(name, one, arrays[name], sizes, facts)
        own = {name: a.shape for name, a in arrays.items()}
        call = _Call([*arrays.values()], batch, sizes, dtype, -1, own, not self._defaults)
        if extra:
            _, _, vector, axes, like = extra
            wanted = call.own[like] if like else call.shape(axes)
            if type(vector) is not np.ndarray or vector.dtype is not dtype or vector.shape != wanted:
                return None
            if not vector.flags.c_contiguous:
                return None
            call.arrays.append(vector)
        return call

    def _layout_of(self, args: tuple[Any, ...]) -> tuple[tuple[int, ...], dict[str, int], Any] | None:
        """The batch, the sizes and the dtype of contiguous arrays; None where these are not the same for all."""
        if len(args) != len(self._required):
            return None
        sizes: dict[str, int] = {}
        dtype = batch = None
        for array, (axes, index) in zip(args, self._plain_inputs, strict=True):
            if array.ndim < len(axes):
                return None
            split = array.ndim - len(axes)
            batch = array.shape[:split] if batch is None else batch
            dtype = array.dtype if dtype is None and not index else dtype
            if array.shape[:split] != batch or array.dtype is not (INDEX if index else dtype):
                return None
            for axis, size in zip(axes, array.shape[split:], strict=True):
                if not size or sizes.setdefault(axis, size) != size:
                    return None
        if batch is None or not (dtype is F64 or dtype is F32):
            return None
        return batch, sizes, dtype

    def _named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        call = f"{self.__name__}{self.__signature__}"
        unexpected = [
            *map(str, args[len(self._required) :]),
            *sorted(set(kwargs) - (set(self.inputs) - set(self._required[: len(args)]))),
        ]
        if unexpected:
            raise TypeError(f"{self.__name__}: unexpected {', '.join(unexpected)}; it is {call}")
        given = {**dict(zip(self._required, args, strict=False)), **kwargs}
        missing = [name for name in self._required if name not in given]
        if missing:
            raise TypeError(f"{self.__name__}: missing {', '.join(missing)}; it is {call}")
        return {name: given.get(name, one.default) for name, one in self.given.items()}

    def _array(self, name: str, value: Any, axes: tuple[str, ...], axis: int) -> Array:
        array = np.asarray(value)
        if array.dtype.kind != "f":
            array = array.astype(np.float64)
        if not axes:
            return np.asarray(_wide(array))
        if array.ndim < len(axes):
            what = "is a single number" if array.ndim == 0 else f"has shape {array.shape}"
            raise ValueError(f"{self.__name__}: {name} {what}; give at least the axes ({', '.join(axes)})")
        if self.one_axis:
            if not -array.ndim <= axis < array.ndim:
                raise ValueError(
                    f"{self.__name__}: {name} has shape {array.shape}, so there is no axis {axis}; give it axes of length 1 where it is shared"
                )
            array = np.ascontiguousarray(np.moveaxis(array, axis, -1))  # sums in pairs need neighbours
        if 0 in array.shape[-len(axes) :]:
            raise ValueError(f"{self.__name__}: {name} has shape {array.shape}: at least one component is needed")
        return array

    def _indices(self, name: str, value: Any) -> Places:
        if type(value) is not np.ndarray:
            check_home(self.__name__, name, value)
        array = np.asarray(value)
        if array.dtype.kind not in "iu":
            raise TypeError(
                f"{self.__name__}: {name} has dtype {array.dtype}; it counts components from 0, so integers are needed"
            )
        return array.astype(np.intp)

    def _sizes(self, arrays: Mapping[str, Any]) -> dict[str, int]:
        found: dict[str, dict[str, int]] = {}
        for name, axes in self.axes.items():
            for position, axis in enumerate(axes):
                found.setdefault(axis, {})[f"{name} {arrays[name].shape}"] = arrays[name].shape[position - len(axes)]
        for axis, sizes in found.items():
            if len(set(sizes.values())) > 1:
                each = ", ".join(f"{size} in {where}" for where, size in sizes.items())
                raise ValueError(f"{self.__name__}: the numbers of components differ: {axis} is {each}")
        for name in self.inputs:  # a square matrix names one axis twice
            axes = self.axes[name]
            shape = arrays[name].shape[arrays[name].ndim - len(axes) :]
            for axis, size in zip(axes, shape, strict=True):
                if next(iter(found[axis].values())) != size:
                    raise ValueError(
                        f"{self.__name__}: {name} has shape {arrays[name].shape}, but both axes are {axis}"
                    )
        return {axis: next(iter(sizes.values())) for axis, sizes in found.items()}

    def _check(self, name: str, one: Input, array: Any, sizes: Mapping[str, int], facts: bool) -> None:
        if one.index_of and array.size and np.maximum.reduce(array.view(np.uintp), axis=None) >= sizes[one.index_of]:
            wrong = array[(array < 0) | (array >= sizes[one.index_of])].flat[0]
            raise ValueError(
                f"{self.__name__}: {name} holds {wrong}, but there are {sizes[one.index_of]} components, 0 to {sizes[one.index_of] - 1}"
            )
        inside = one.domain is EVERYWHERE or one.domain == EVERYWHERE or one.domain.inside(array)
        if inside is not True and not np.all(inside):
            outside = array[~inside]
            raise ValueError(
                f"{self.__name__}: parameter {name} = {outside.flat[0]:g} is out of range, {one.domain.describe(name)} is required"
            )
        if facts and one.symmetric:
            with np.errstate(all="ignore"):
                gap = np.max(np.abs(array - np.swapaxes(array, -1, -2)), initial=0.0)
                size = np.max(np.abs(array), initial=0.0)
            if gap > NEAR * size:
                raise ValueError(
                    f"{self.__name__}: {name} is not symmetric; its derivatives are derived for symmetric matrices"
                )
        if facts and one.sums_to_one:
            with np.errstate(all="ignore"):
                total = np.asarray(np.sum(array, axis=-1, dtype=np.float64))
            far = np.abs(total - 1) > NEAR
            if np.any(far):
                raise ValueError(
                    f"{self.__name__}: the components of {name} sum to {total[far].flat[0]:g}; its derivatives are derived for targets that sum to 1"
                )

    def _layout(self) -> str:
        return ", ".join(f"{name} (..., {', '.join(axes)})" for name, axes in self.axes.items() if axes)

    def _shapes(self, arrays: Mapping[str, Any]) -> str:
        return ", ".join(f"{name} {array.shape}" for name, array in arrays.items())

    # ---------------------------------------------------------------- results

    def _moved(self, array: Array, call: _Call, axes: tuple[str, ...]) -> Array:
        if not self.one_axis or len(axes) != 1 or call.axis in (-1, array.ndim - 1):
            return array
        return np.moveaxis(array, -1, call.axis)

    def _finished(self, array: Any, call: _Call, axes: tuple[str, ...], out: Any = None) -> Any:
        """A fresh array of the dtype of the result, or ``out``; a NumPy scalar where there is no axis."""
        if out is None and call.axis == -1 and axes and array.dtype is call.dtype:
            flags = array.flags
            if flags.owndata and flags.c_contiguous and not any(array is each for each in call.arrays):
                return array
        moved = self._moved(np.asarray(array), call, axes)
        if out is not None:
            return self._into(out, moved)
        fresh = moved.flags.owndata and moved.flags.c_contiguous and not any(moved is each for each in call.arrays)
        return moved.astype(call.dtype, order="C", copy=not fresh)[()]

    def _into(self, out: Any, found: Array) -> Any:
        if not isinstance(out, np.ndarray) or out.dtype.newbyteorder("=") not in KEPT:
            kind = f"dtype {out.dtype}" if isinstance(out, np.ndarray) else f"type {type(out).__name__}"
            raise TypeError(f"{self.__name__}: out has {kind}; it is an array of float16, float32 or float64")
        if out.shape != found.shape:
            raise ValueError(f"{self.__name__}: out has shape {out.shape}, but the result has shape {found.shape}")
        if not out.flags.writeable:
            raise ValueError(f"{self.__name__}: out is read-only")
        with np.errstate(all="ignore"):
            np.copyto(out, found, casting="same_kind")
        return out

    def _by_rows(
        self,
        kernel: Callable[..., Any],
        call: _Call,
        results: tuple[tuple[str, ...], ...],
        dtype: Any,
        single: bool = False,
    ) -> tuple[Array, ...]:
        """What a kernel gives, its results of the axes `results`, as many batch elements at a time as stay in the cache, shared between
        threads. dtype: of the results, where there are many. single: the kernel may run in float32."""
        shapes, rows = [call.shape(axes) for axes in results], math.prod(call.batch)
        kind = F32 if single and (call.dtype is F32 if call.alike else _all_single(call.arrays)) else F64
        if call.arrays[0].size >= MANY * SHORT:
            _keep_freed_memory()
        loops = self._loops(kernel, call, kind) if is_compiled() else None
        if rows < MANY or not self._last_fits(call):
            if loops and call.alike:
                outs = tuple([np.empty(shape, kind) for shape in shapes])
                if loops(rows, [_as(a, kind) for a in call.arrays], outs):
                    return outs
            found = kernel(*(call.arrays if call.alike and kind is call.dtype else [_as(a, kind) for a in call.arrays]))
            return tuple(
                [
                    each if getattr(each, "shape", None) == shape else np.broadcast_to(each, shape)
                    for each, shape in zip(_several(found), shapes, strict=True)
                ]
            )
        own = [*(len(self.axes[name]) for name in self.inputs), *(-1 for _ in call.arrays[len(self.inputs) :])]
        widths = [
            a.size // max(1, math.prod(a.shape[: a.ndim - d])) for a, d in zip(call.arrays, own, strict=True) if d >= 0
        ]
        inner = [shape[len(call.batch) :] for shape in shapes]
        step = max(1, FEW // max([1, *map(math.prod, inner), *widths]))
        arrays = [
            self._rows(a, a.ndim - d if d >= 0 else len(call.batch), call.batch)
            for a, d in zip(call.arrays, own, strict=True)
        ]
        loops = loops if all(batched for _, batched in arrays) else None
        wholes = tuple(np.empty(shape, dtype) for shape in shapes)
        flat = [whole.reshape(rows, *each) for whole, each in zip(wholes, inner, strict=True)]

        def work(pieces: Iterable[tuple[int, int]]) -> None:
            with np.errstate(all="ignore"), _small_buffers() if rows > step else nullcontext():
                for k, n in blocks_of(pieces, step):
                    here = slice(k, k + n)
                    if loops and _looped(loops, [_as(a[here], kind) for a, _ in arrays], [w[here] for w in flat], kind):
                        continue
                    found = kernel(
                        *(_side_by_side(a[here], kind) if batched else _as(a, kind) for a, batched in arrays)
                    )
                    for each, part in zip(flat, _several(found), strict=True):
                        each[here] = part

        if is_compiled() and loops:
            _share_loops(loops, arrays, flat, kind, work, step)
            return wholes
        share(work, rows, step, max(whole.size for whole in wholes))
        return wholes

    def _loops(self, kernel: Callable[..., Any], call: _Call, dtype: Any) -> "Rows | None":
        """The compiled loops of a kernel of rows of one size, and of class indices; None where there are none."""
        key = kernel, dtype, *call.sizes.values()
        found = self._found.get(key, self)  # another thread may empty the table
        if found is self:
            wide = [bool(axes) for axes in self.axes.values()]
            rows = all(axes or self.given[name].index_of for name, axes in self.axes.items())
            wide += [True] * (len(call.arrays) - len(wide))
            from .loops.rows import compiled_rows

            size = next(iter(call.sizes.values()))
            found = compiled_rows(kernel, tuple(wide), size, dtype) if self.one_axis and rows else None
            self._found[key] = found
        return found  # type: ignore[no-any-return]

    def _last_fits(self, call: _Call) -> bool:
        """Whether the vector of a product, if there is one, has all batch axes of the call."""
        return len(call.arrays) == len(self.inputs) or bool(call.arrays[-1].shape[: len(call.batch)] == call.batch)

    def _rows(self, array: Any, batch: int, whole: tuple[int, ...]) -> tuple[Any, bool]:
        """An array with one batch axis, and whether it has any; one that is the same for all stays as it is."""
        if not batch:
            return array, False
        inner = array.shape[batch:]
        if array.shape[:batch] != whole:
            array = np.broadcast_to(array, (*whole, *inner))
        return array.reshape(-1, *inner), True

    def _reduced(
        self, kernel: Kernel, call: _Call, name: str, reduction: str, axes: tuple[str, ...], out: Any = None
    ) -> Any:
        """What a kernel gives for each batch element; reduced, it is summed over the batch axes along which the input was broadcast."""
        if is_compiled() and (looped := _at_once(self, kernel, call, axes, reduction, out)) is not None:
            return looped
        with np.errstate(all="ignore"):
            summed = reduction == "mean" or (
                reduction == "sum"
                and call.own[name] != (*call.batch, *call.own[name][len(call.own[name]) - len(self.axes[name]) :])
            )
            whole = np.float64 if summed or out is not None else call.dtype
            (found,) = self._by_rows(kernel, call, (axes,), whole, kernel in self._single)
            return self._finished(self._summed(found, call, name, reduction) if summed else found, call, axes, out)

    def _summed(self, found: Array, call: _Call, name: str, reduction: str) -> Array:
        if reduction == "none":
            return found
        batch = call.own[name][: len(call.own[name]) - len(self.axes[name])]
        extra = len(call.batch) - len(batch)
        shared = tuple(k for k, size in enumerate(batch) if size == 1 and call.batch[extra + k] != 1)
        if extra:
            found = np.sum(found, axis=tuple(range(extra)))
        if shared:
            found = np.sum(found, axis=shared, keepdims=True)
        return np.asarray(found / (math.prod(call.batch) or np.nan) if reduction == "mean" else found)

    def _value_reduced(self, value: Array, call: _Call, reduction: str) -> Any:
        if reduction == "none":
            return value
        return np.sum(value) / (math.prod(call.batch) or np.nan if reduction == "mean" else 1)


def _several(found: Any) -> tuple[Any, ...]:
    """What a kernel gives, one result or several, as several."""
    return found if isinstance(found, tuple) else (found,)


def _at_once(
    function: VectorFunction,
    kernel: Callable[..., Any],
    call: _Call,
    axes: tuple[str, ...],
    reduction: str,
    out: Any,
) -> Any:
    """The result that loops write in one piece, of few numbers with nothing to convert and nothing to reduce; None where they do not."""
    reduced = reduction == "mean" or (reduction == "sum" and not axes)
    if reduced or out is not None or not call.alike or call.arrays[0].size > FEW:
        return None
    if call.dtype is F32 and kernel not in function._single:
        return None
    loops = function._loops(kernel, call, call.dtype)
    if loops is None:
        return None
    found = np.empty(call.shape(axes), call.dtype)
    if not loops(math.prod(call.batch), call.arrays, (found,)):
        return None
    return found if found.ndim else found[()]


@dataclass(frozen=True)
class _Ready:
    """What computes the value of a function of arrays of some shapes and dtypes, all of one batch. shape, dtype: of the result. rows, size: what the loops
    go through. checked: places of inputs that have to be looked at, with what they are."""

    loops: "Rows"
    rows: int
    size: int
    shape: tuple[int, ...]
    dtype: Any
    sizes: Mapping[str, int]
    checked: tuple[tuple[int, str, Input], ...]


def _directly(function: VectorFunction, args: tuple[Any, ...]) -> Any:
    """As `_at_once`, of a value: what such arrays need is found out once, for of few numbers that would take longer than the loops."""
    key: tuple[Any, ...] = ()
    for x in args:
        if type(x) is not np.ndarray or not x.flags.carray:
            return None
        key += x.shape, x.dtype
    try:
        ready = function._found[key]
    except KeyError:
        if len(function._found) >= 4 * LAYOUTS:
            function._found.clear()
        ready = function._found[key] = _ready(function, args)
    if ready is None:
        return None
    for k, name, one in ready.checked:
        function._check(name, one, args[k], ready.sizes, False)
    found = np.empty(ready.shape, ready.dtype)
    loops = ready.loops
    if not loops.is_loop_alone:
        done = loops(ready.rows, args, (found,))
    else:
        done = not loops.loop(ready.rows, ready.size, *[x.reshape(-1) for x in args], found.reshape(-1))
    return (found if ready.shape else found[()]) if done else None


def _ready(function: VectorFunction, args: tuple[Any, ...]) -> _Ready | None:
    call = function._plain(args, False, None)
    if call is None or not call.alike or not 0 < call.arrays[0].size <= FEW:
        return None
    if call.dtype is F32 and function._value not in function._single:
        return None
    loops = function._loops(function._value, call, call.dtype)
    if loops is None:
        return None
    checked = tuple((function._required.index(name), name, one) for name, one in function._checked)
    size = call.arrays[0].shape[-1]
    return _Ready(loops, math.prod(call.batch), size, call.shape(function.output), call.dtype, call.sizes, checked)


def _share_loops(loops: "Rows", arrays: Sequence[Any], flat: Sequence[Any], kind: Any, work: Any, step: int) -> None:
    """Let threads run loops over rows, and where those cannot compute a piece, the work of a kernel, which takes `step` rows at a time, the same ones
    however they are shared."""
    from .loops.sharing import share

    def pieces(every: Iterable[tuple[int, int]]) -> None:
        with np.errstate(all="ignore"):
            for start, stop in every:
                here = slice(start, stop)
                if not _looped(loops, [_as(a[here], kind) for a, _ in arrays], [w[here] for w in flat], kind):
                    work([(start, stop)])

    share(pieces, len(flat[0]), max(each.size for each in (*flat, *(a for a, _ in arrays))), step)


def _looped(loops: "Rows", arrays: Sequence[Any], outs: Sequence[Any], dtype: Any) -> bool:
    """Let loops write the results of contiguous rows into arrays of any dtype; whether they could."""
    own = [out if out.dtype is dtype else np.empty(out.shape, dtype) for out in outs]
    if not loops(len(outs[0]), arrays, own):
        return False
    for out, found in zip(outs, own, strict=True):
        if out is not found:
            out[...] = found
    return True


def _all_single(arrays: Sequence[Any]) -> bool:
    return all(a.dtype is F32 or a.dtype.kind != "f" for a in arrays)


def _as(array: Any, dtype: Any) -> Any:
    """Numbers in a dtype, as they lie; class indices as they are."""
    return array if array.dtype is dtype or array.dtype.kind != "f" else array.astype(dtype)


def _wide(array: Any) -> Any:
    """Numbers in float64."""
    return _as(array, F64)


# -------------------------------------------------------------------- used by the generated code


@lru_cache(maxsize=1)
def _keep_freed_memory() -> None:
    """Let the C library keep what a block frees for the next block. glibc gives large arrays back to the system, so that their pages
    have to be made anew, until it has seen a larger one go; that one need not be touched."""
    np.empty(KEPT_BYTES, np.uint8)


@contextmanager
def _small_buffers() -> Iterator[None]:
    """NumPy with buffers of `BUFFER` numbers, in this thread."""
    before = np.setbufsize(BUFFER)
    try:
        yield
    finally:
        np.setbufsize(before)


def _side_by_side(rows: Array, dtype: Any) -> Array:
    """Rows in a dtype; short ones with their first components next to each other in memory, then the second ones, and so on."""
    if rows.dtype.kind != "f" or rows.ndim != 2 or not 1 < rows.shape[-1] <= SHORT:
        return np.asarray(_as(rows, dtype))
    turned = np.empty(rows.shape[::-1], dtype)
    turned[...] = rows.T
    return turned.T


def log_det(matrix: Array) -> Array:
    """The logarithm of the determinant of each matrix, without forming it; NaN where the determinant is not positive."""
    sign, logarithm = np.linalg.slogdet(matrix)
    return np.asarray(np.where(sign > 0, logarithm, np.nan))


def one_hot(index: Any, size: int) -> Any:
    """1 at the class index and 0 elsewhere, along a new last axis of ``size`` components; small integers, so that a product keeps its dtype."""
    index = np.asarray(index)
    if index.ndim == 1 and size <= SHORT and len(index) >= MANY:
        return np.equal(index, np.arange(size)[:, None]).view(np.int8).T
    return np.equal(index[..., None], np.arange(size)).view(np.int8)


def entry(array: Array, index: Any) -> Array:
    """The component at the class index, along the last axis."""
    if array.ndim == 2 and np.shape(index) == array.shape[:-1]:
        return np.asarray(array[np.arange(len(array)), index])
    batch = np.broadcast_shapes(array.shape[:-1], np.shape(index))
    whole = np.broadcast_to(array, (*batch, array.shape[-1]))
    return np.asarray(np.take_along_axis(whole, np.broadcast_to(index, batch)[..., None], axis=-1)[..., 0])


def shifted_entry(z: Array, index: Any) -> Array:
    """The component at the class index less the largest of all, as `shifted` has it."""
    largest = np.maximum.reduce(z, axis=-1)
    own = entry(z, index)
    found = np.subtract(own, largest)
    return np.asarray(found if np.isfinite(largest).all() else np.where(own == largest, 0.0, found))
