"""What every generated function of numbers stands on: the interface, argument handling and dtypes. NumPy and the standard library only."""

import inspect
import linecache
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from .arithmetic import apply as apply
from .arithmetic import heaviside_of_number as heaviside_of_number
from .arithmetic import product as product
from .arithmetic import product_of_number as product_of_number
from .arithmetic import quotient as quotient
from .arithmetic import quotient_of_number as quotient_of_number
from .arithmetic import replace as replace
from .arithmetic import select as select
from .arithmetic import sign_of_number as sign_of_number
from .arrays import Array as Array
from .arrays import Truths
from .blocks import BLOCK, F32, F64, Check, Mend, in_slices, mended, once, rounding, run
from .blocks import Kernel as Kernel
from .blocks import Within as Within
from .compiling import DIRECT, is_compiled, loops
from .direct import Direct, direct, fits, never
from .limits import at_least as at_least
from .limits import at_most as at_most
from .limits import clipped as clipped

if TYPE_CHECKING:
    from .certificate import Certificate
    from .exponents import remainder as remainder
    from .extended import refined as refined
    from .gates import normal_gate as normal_gate
    from .gates import normal_gate_slope as normal_gate_slope
    from .narrow import refined_of_single as refined_of_single
    from .rounded import logistic_gate_slope as logistic_gate_slope
    from .special import defined as defined
    from .special import erf as erf
    from .special import erfc as erfc
    from .special import erfc_times as erfc_times
    from .special import erfcx as erfcx
    from .special import exp_square as exp_square
    from .special import known as known
    from .special import lost as lost
    from .special import lost_of_number as lost_of_number
    from .special import normal_tail as normal_tail
    from .special import times_exp_square as times_exp_square
    from .waves import angle as angle
    from .waves import finite_angle as finite_angle
    from .waves import fraction as fraction
    from .waves import parity as parity
    from .waves import turn as turn

KEPT = tuple(np.dtype(kind) for kind in (np.float16, np.float32, np.float64))
REDUCTIONS = ("none", "sum", "mean")
FAILED = (OverflowError, ValueError, ZeroDivisionError)
TABLE = 1 << 16
"""The number of float16 values: from that many elements on, and where it is there already, a table of all results is used."""
ELSEWHERE = {
    "torch": "{}.detach().cpu().numpy()",
    "jax": "np.asarray({})",
    "jaxlib": "np.asarray({})",
    "cupy": "{}.get()",
    "tensorflow": "{}.numpy()",
    "mlx": "np.asarray({})",
}
"""How an array of another library becomes one of NumPy, by the package of its type."""


LATER = {
    "refined": "extended",
    "refined_of_single": "narrow",
    "remainder": "exponents",
    "logistic_gate_slope": "rounded",
    **dict.fromkeys(("normal_gate", "normal_gate_slope"), "gates"),
    **dict.fromkeys(
        (
            "defined",
            "erf",
            "erfc",
            "erfc_times",
            "erfcx",
            "exp_square",
            "known",
            "lost",
            "lost_of_number",
            "normal_tail",
            "times_exp_square",
        ),
        "special",
    ),
    **dict.fromkeys(("angle", "finite_angle", "fraction", "parity", "turn"), "waves"),
}
"""What some functions use, and where it is: loaded when the first of them is, for importing must be quick."""


def __getattr__(name: str) -> Any:
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{LATER[name]}", __package__), name)


class Range:
    """The values for which an argument or a parameter is defined: an interval."""

    __slots__ = ("lower", "open_lower", "open_upper", "upper")

    def __init__(
        self, lower: float = -math.inf, upper: float = math.inf, open_lower: bool = False, open_upper: bool = False
    ) -> None:
        self.lower, self.upper, self.open_lower, self.open_upper = lower, upper, open_lower, open_upper

    def _ends(self) -> tuple[float, float, bool, bool]:
        return self.lower, self.upper, self.open_lower, self.open_upper

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Range) and self._ends() == other._ends()

    def __hash__(self) -> int:
        return hash(self._ends())

    def __repr__(self) -> str:
        return f"Range{self._ends()}"

    def inside(self, values: Array) -> Truths:
        """True where a value lies in the interval, and where it is NaN (NaN is passed on, not refused)."""
        above = values > self.lower if self.open_lower else values >= self.lower
        below = values < self.upper if self.open_upper else values <= self.upper
        return (above & below) | np.isnan(values)

    def holds(self, value: float) -> bool:
        """Whether a number lies in the interval."""
        above = value > self.lower if self.open_lower else value >= self.lower
        return above and (value < self.upper if self.open_upper else value <= self.upper)

    def describe(self, name: str) -> str:
        """The interval as a condition on a name: `alpha > 0`, `0 <= target <= 1`, `any real x`."""
        left, right = ("<" if self.open_lower else "<="), ("<" if self.open_upper else "<=")
        if self.lower == -math.inf and self.upper == math.inf:
            return f"any real {name}"
        if self.upper == math.inf:
            return f"{name} {left.replace('<', '>')} {self.lower:g}"
        if self.lower == -math.inf:
            return f"{name} {right} {self.upper:g}"
        return f"{self.lower:g} {left} {name} {right} {self.upper:g}"


class ScalarFunction:
    """A verified function of one or more numbers with its derivatives, applied element by element.

    f(x): the value. f.grad(x), f.second(x): the derivatives by `wrt`, the first argument unless said otherwise. f.value_and_grad(x): both, at the
    cost of little more than one. f.jacobian(x), f.vjp(x, g), f.jvp(x, v), f.hvp(x, v): the same derivatives as matrices and as products with vectors.

    Arguments are positional or by keyword, parameters by keyword; all may be Python numbers, lists or arrays of any layout, and broadcast.
    float16, float32 and float64 are kept (mixed: NumPy promotion; Python numbers adapt), integers become float64.
    The computation runs in float64 and is rounded once, or in float32 where that is right to 4 ulp for every float32. `out`, an array of the shape of the result and any of these dtypes, takes the result; it may be
    an argument, too. A loss takes `reduction`: "none", "sum", "mean". Large arrays are shared between threads (`chainrule.set_threads`).
    NaN is passed on, an argument outside its domain gives NaN, and no call emits a RuntimeWarning. Raises TypeError for other dtypes, bool
    among them, for arrays of other libraries (of Dask they are taken) and for wrong names, ValueError for a parameter out of range and for shapes that do not broadcast.
    """

    def __init__(
        self,
        name: str,
        *,
        value: Kernel,
        gradients: Mapping[str, Kernel],
        seconds: Mapping[str, Kernel],
        values_and_gradients: Mapping[str, Kernel] | None = None,
        arguments: tuple[str, ...] = ("x",),
        parameters: Mapping[str, float] | None = None,
        ranges: Mapping[str, Range] | None = None,
        loss: bool = False,
        doc: str | None = None,
        module: str = "__main__",
    ) -> None:
        self.__name__ = self.__qualname__ = name
        self.__module__ = module
        self.__doc__ = doc
        self.arguments = arguments
        self.parameters = dict(parameters or {})
        self.ranges = dict(ranges or {})
        self.names = (*arguments, *self.parameters)
        self.loss = loss
        self._defaults = tuple(self.parameters.values())
        self._required = frozenset(arguments)
        self._few = len(arguments)
        self._given_by_keyword = [frozenset(self.names[k:]) for k in range(len(arguments) + 1)]
        self._value = value
        self._gradients = dict(gradients)
        self._seconds = dict(seconds)
        self._both = dict(values_and_gradients or {})
        self._mends = {kernel: self._mend(kernel) for kernel in self.kernels.values()}
        self._value_directly = self._direct(value)
        self._grad_directly = self._direct(self._gradients[arguments[0]]) if arguments[0] in self._gradients else never
        keywords = [*self.parameters.items(), ("out", None), *([("reduction", "none")] if loss else [])]
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in arguments]
            + [inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=given) for each, given in keywords]
        )

    # ---------------------------------------------------------------- interface

    def __call__(self, *args: Any, out: Any = None, reduction: str = "none", **kwargs: Any) -> Any:
        """The value, in the broadcast shape of the arguments; of a loss, its sum or mean over all elements where `reduction` says so."""
        if not kwargs and reduction == "none":
            if is_compiled():
                found = DIRECT[self._value_directly](args, out)
                if found is not None:
                    return found
            found = self._value_directly(args, out)
            if found is not None:
                return found
        if reduction == "none":
            found = self._quickly(self._value, args, kwargs, (out,))
            if found is not None:
                return found[0]
        else:
            return self._reduced(self.__call__, self._value, args, kwargs, out, reduction, None)
        return self._evaluated((self._value,), args, kwargs, (out,), self.__call__)[0]

    def grad(self, *args: Any, wrt: str | None = None, out: Any = None, reduction: str = "none", **kwargs: Any) -> Any:
        """The derivative by `wrt`, an argument or parameter, element by element; by the first argument unless said otherwise.

        Of a loss that is reduced: the derivative of the sum or the mean, in the shape of the input that it is by."""
        if not kwargs and wrt is None and reduction == "none":
            if is_compiled():
                found = DIRECT[self._grad_directly](args, out)
                if found is not None:
                    return found
            found = self._grad_directly(args, out)
            if found is not None:
                return found
        name, kernel = self._derivative(self._gradients, wrt)
        if reduction == "none":
            found = self._quickly(kernel, args, kwargs, (out,))
            if found is not None:
                return found[0]
        else:
            return self._reduced(partial(self.grad, wrt=name), kernel, args, kwargs, out, reduction, name)
        return self._evaluated((kernel,), args, kwargs, (out,), partial(self.grad, wrt=name))[0]

    def second(self, *args: Any, wrt: str | None = None, out: Any = None, **kwargs: Any) -> Any:
        """The second derivative by `wrt`, element by element; by the first argument unless said otherwise."""
        name, kernel = self._derivative(self._seconds, wrt)
        found = self._quickly(kernel, args, kwargs, (out,))
        if found is not None:
            return found[0]
        return self._evaluated((kernel,), args, kwargs, (out,), partial(self.second, wrt=name))[0]

    def value_and_grad(
        self,
        *args: Any,
        wrt: str | None = None,
        out: tuple[Any, Any] | None = None,
        reduction: str = "none",
        **kwargs: Any,
    ) -> tuple[Any, Any]:
        """Value and derivative in one call, which computes once what they share; `out`: an array for each. Reduced as `grad` is."""
        name, grad = self._derivative(self._gradients, wrt)
        kernels = (self._both[name],) if name in self._both else (self._value, grad)
        if args and type(args[0]) is float:
            kernels = (self._value, grad)
        if out is None:
            out = (None, None)
        elif not isinstance(out, tuple | list) or len(out) != 2:
            raise TypeError(
                f"{self.__name__}.value_and_grad: out is a pair of arrays, for the value and the derivative."
            )
        if reduction != "none":
            value = self(*args, reduction=reduction, **kwargs)
            slope = self.grad(*args, wrt=name, reduction=reduction, **kwargs)
            if out[0] is None and out[1] is None:
                return value, slope
            if out[0] is not None and out[1] is not None and np.may_share_memory(out[0], out[1]):
                raise ValueError(f"{self.__name__}: the two arrays of out share memory.")
            given = self._bind(args, kwargs)  # which out may overlap: it is written into last
            return self._rounded(value, given, out[0]), self._rounded(slope, given, out[1])
        found = self._together(kernels, args, kwargs, out)
        if found is None:
            found = self._evaluated(kernels, args, kwargs, tuple(out), partial(self.value_and_grad, wrt=name))
        return found[0], found[1]

    def jacobian(self, *args: Any, wrt: str | None = None, **kwargs: Any) -> Any:
        """The diagonal matrices with the derivatives by `wrt` on the diagonal: shape (..., K) gives (..., K, K), as the Jacobian of a function of
        the K components of the last axis; by a single number the derivative itself. An input that is broadcast raises ValueError."""
        name, _ = self._derivative(self._gradients, wrt)
        given = self._bind(args, kwargs)
        if any(map(_is_dask, given.values())):
            raise TypeError(f"{self.__name__}.jacobian takes no Dask arrays; {self.__name__}.grad has its diagonal.")
        found = self.grad(*args, wrt=name, **kwargs)
        shape = np.shape(given[name])
        if not shape:
            return found
        if shape != np.shape(found):
            raise ValueError(
                f"{self.__name__}.jacobian: {name} has shape {shape} and is broadcast to {np.shape(found)}; pass "
                f"np.broadcast_to({name}, {np.shape(found)}), or multiply by the Jacobian with {self.__name__}.vjp."
            )
        size = found.shape[-1]
        matrices = np.zeros((*found.shape, size), found.dtype)
        np.einsum("...ii->...i", matrices)[...] = found
        return matrices

    def vjp(self, *args: Any, wrt: str | None = None, out: Any = None, **kwargs: Any) -> Any:
        """The derivative times g, ``f.vjp(x, g)``, with g, the last argument, in the shape of the value: a backward pass.

        In the shape of the input: where that was broadcast, the sum over what it was broadcast along."""
        name, kernel = self._derivative(self._gradients, wrt)
        return self._product("vjp", "g", name, kernel, args, kwargs, out, summed=True)

    def jvp(self, *args: Any, wrt: str | None = None, out: Any = None, **kwargs: Any) -> Any:
        """The derivative times v, ``f.jvp(x, v)``, with v, the last argument, in the shape of the input: a forward pass. In the shape of the value."""
        name, kernel = self._derivative(self._gradients, wrt)
        return self._product("jvp", "v", name, kernel, args, kwargs, out, summed=False)

    def hvp(self, *args: Any, wrt: str | None = None, out: Any = None, **kwargs: Any) -> Any:
        """The second derivative times v, ``f.hvp(x, v)``, with v, the last argument, in the shape of the input, as the result is: the
        Hessian of the sum of all values times a vector."""
        name, kernel = self._derivative(self._seconds, wrt)
        return self._product("hvp", "v", name, kernel, args, kwargs, out, summed=True)

    @property
    def source(self) -> str:
        """The text of the module in which this function is generated."""
        return "".join(linecache.getlines(self._value.block.__code__.co_filename))

    @property
    def wrt(self) -> tuple[str, ...]:
        """What `wrt` may be for first derivatives."""
        return tuple(self._gradients)

    @property
    def wrt_second(self) -> tuple[str, ...]:
        """What `wrt` may be for second derivatives."""
        return tuple(self._seconds)

    @property
    def kernels(self) -> Mapping[str, Kernel]:
        """The code of each result by its name, as `value`, `grad x`, `second x`, `value and grad x`; so that each path can be tested by itself."""
        tables = (("grad", self._gradients), ("second", self._seconds), ("value and grad", self._both))
        return {"value": self._value, **{f"{word} {n}": k for word, table in tables for n, k in table.items()}}

    @property
    def certificate(self) -> "Certificate | None":
        """How accurate it has been measured to be, at how many points, in which versions; None where this code has not
        been measured."""
        from .certificate import read  # here, since hardly anyone asks and importing must be quick

        module = sys.modules.get(self.__module__)
        return None if module is None else read(module)

    def __repr__(self) -> str:
        return f"<chainrule function {self.__name__}{self.__signature__}>"

    def __reduce__(self) -> str:
        return self.__name__  # by reference to its module, as a plain function is pickled

    def _derivative(self, table: Mapping[str, Kernel], wrt: str | None) -> tuple[str, Kernel]:
        name = self.arguments[0] if wrt is None else wrt
        if not isinstance(name, str) or name not in table:
            raise ValueError(_without(self, table, name))
        return name, table[name]

    # ---------------------------------------------------------------- calls

    def _quickly(
        self, kernel: Kernel, args: tuple[Any, ...], kwargs: dict[str, Any], outs: Sequence[Any]
    ) -> Sequence[Any] | None:
        """The results for the calls that are most frequent: of floats, and of contiguous arrays of one shape and dtype. None for all others."""
        if len(args) != self._few:
            return None
        first, numbers = None, False
        for x in args:
            if type(x) is np.ndarray:
                if first is None:
                    first, kind, shape = x, x.dtype, x.shape
                elif x.dtype is not kind or x.shape != shape:
                    return None
                if not x.flags.c_contiguous:
                    return None
            elif type(x) is float:
                numbers = True
            else:
                return None
        inputs = (*args, *self._defaults)
        if kwargs:
            numbers = True
            named = tuple(kwargs.get(name, default) for name, default in self.parameters.items())
            if not kwargs.keys() <= self.parameters.keys() or any(type(x) is not float for x in named):
                return None
            inputs = (*args, *named)
        if first is None:
            return self._of_numbers((kernel,), inputs, F64) if outs[0] is None and outs[-1] is None else None
        if not shape or not first.size or (kind is not F64 and kind is not F32):
            return None
        if numbers:  # the defaults need no check
            for name, x in zip(self.names, inputs, strict=True):
                if type(x) is float and (x != x or not self._fits(name, x)):
                    return None
        if is_compiled() and kind is F32:
            quick: Sequence[Any] | None = loops().quickly(kernel, inputs, outs, self._mends[kernel])
            return quick
        if kind is F32 and (kernel.single is None or not kernel.single.holds_of_numbers(inputs)):
            return self._through_wide(kernel, inputs, outs, first)
        if outs[0] is None and outs[-1] is None:
            results: Sequence[Any] = [np.empty(shape, kind) for _ in outs]
        elif not fits(outs, shape, kind, args):
            return None
        else:
            results = [np.empty(shape, kind) if out is None else out for out in outs]
        if first.size <= BLOCK:
            once(kernel, inputs, results, self._mends[kernel], kind=kind)
        else:
            in_slices(kernel, inputs, results, self._mends[kernel], 0, kind)
        return results

    def _through_wide(
        self, kernel: Kernel, inputs: tuple[Any, ...], outs: Sequence[Any], first: Any
    ) -> Sequence[Any] | None:
        """As `_quickly`, of arrays of float32 and code for float64; None where they are more than one block."""
        if first.size > BLOCK or not (outs[0] is None is outs[-1] or fits(outs, first.shape, F32, inputs)):
            return None
        with np.errstate(all="ignore"):
            wide = [x if type(x) is float else x.astype(F64) for x in inputs]
            found = [np.empty(first.shape) for _ in outs]
            once(rounding(kernel, inputs), wide, found, self._mends[kernel])
            return [x.astype(F32) if out is None else _into(out, x) for out, x in zip(outs, found, strict=True)]

    def _together(
        self, kernels: Sequence[Kernel], args: tuple[Any, ...], kwargs: dict[str, Any], outs: Sequence[Any]
    ) -> Sequence[Any] | None:
        """As `_quickly`, value and derivative, by one kernel or by two."""
        if len(kernels) == 1:
            return self._quickly(kernels[0], args, kwargs, outs)
        if outs[0] is not None or outs[1] is not None:
            return None
        found = [self._quickly(kernel, args, kwargs, (None,)) for kernel in kernels]
        return None if found[0] is None or found[1] is None else (found[0][0], found[1][0])

    def _fits(self, name: str, value: float) -> bool:
        return name not in self.ranges or self.ranges[name].holds(value)

    def _of_numbers(
        self, kernels: tuple[Kernel, ...], inputs: Sequence[float], dtype: np.dtype[Any]
    ) -> tuple[Any, ...] | None:
        """From the code for Python floats; None where there is none, or it overflows."""
        if (
            any(k.number is None for k in kernels)
            or any(x - x != 0.0 for x in inputs)  # infinities may meet; NaN
            or (self.ranges and not all(self._fits(n, x) for n, x in zip(self.names, inputs, strict=True)))
        ):
            return None
        try:
            return tuple(dtype.type(kernel.number(*inputs)) for kernel in kernels)  # type: ignore[misc]
        except FAILED:
            return None

    def _evaluated(
        self,
        kernels: tuple[Kernel, ...],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outs: tuple[Any, ...],
        method: Callable[..., Any],
        factor: tuple[str, Any] | None = None,
        exact: bool = False,
    ) -> tuple[Any, ...]:
        """The results of the kernels. factor: what they are multiplied with, under its name. exact: in float64, not rounded."""
        given = self._bind(args, kwargs)
        together = {**given, **({factor[0]: factor[1]} if factor else {})}
        lazy = [value for value in together.values() if _is_dask(value)]
        if lazy:
            return self._dask(method, given, outs, len(outs))
        dtype = result_dtype(self.__name__, together)
        dtype = F64 if exact else dtype
        inputs = [_input(value) for value in together.values()]
        shape = self._shape(together, inputs)
        undefined = self._check(dict(zip(self.names, inputs, strict=False)))
        arrays = [x for x in inputs if not isinstance(x, float)]
        results = self._outs(outs, shape, dtype, arrays)
        for k, x in enumerate(inputs):
            if not isinstance(x, float) and any(o is not None and np.may_share_memory(o, x) for o in outs):
                inputs[k] = x.copy()
        if undefined or (factor and isinstance(inputs[-1], float) and math.isnan(inputs[-1])):
            for out in results:
                out[...] = np.nan
        else:
            self._fill(kernels, inputs, results, bool(factor))
        return tuple(out if out is not None else result[()] for out, result in zip(outs, results, strict=True))

    def _fill(self, kernels: tuple[Kernel, ...], inputs: list[Any], results: list[Any], factor: bool) -> None:
        left = list(results)
        for kernel in kernels:
            outs, left = left[: kernel.results], left[kernel.results :]
            if not factor and self._from_table(kernel, inputs, outs):
                continue
            own = inputs[: len(self.names)]
            if all(isinstance(x, float) for x in inputs) and kernel.number is not None and not factor:
                with np.errstate(all="ignore"):
                    found = self._of_numbers((kernel,), own, outs[0].dtype)
                if found is not None:
                    outs[0][...] = found[0]
                    continue
            mend = self._mends[kernel]
            if factor:
                mend = _times(mend)
            run(kernel, inputs, outs, mend, extra=int(factor))

    def _from_table(self, kernel: Kernel, inputs: list[Any], outs: list[Any]) -> bool:
        """Whether the results were looked up: of one array of float16, and numbers."""
        arrays = [k for k, x in enumerate(inputs) if not isinstance(x, float)]
        if len(arrays) != 1 or any(out.dtype != np.float16 for out in outs):
            return False
        x = inputs[arrays[0]]
        if x.dtype.newbyteorder("=") != np.float16 or x.shape != outs[0].shape:
            return False
        key = (arrays[0], *(each for each in inputs if isinstance(each, float)))
        tables = kernel.tables.get(key)
        if tables is None:
            if x.size < TABLE:
                return False
            every = np.arange(TABLE, dtype=np.uint16).view(np.float16)
            tables = [np.empty(TABLE, np.float16) for _ in outs]
            whole = [every if k == arrays[0] else each for k, each in enumerate(inputs)]
            run(kernel, whole, tables, self._mends[kernel])
            if len(kernel.tables) >= 16:
                kernel.tables.clear()  # which another thread may do at any time
            kernel.tables[key] = tables
        index = np.ascontiguousarray(x, dtype=np.float16).view(np.uint16)
        for out, table in zip(outs, tables, strict=True):
            if out.flags.c_contiguous:
                np.take(table, index, out=out, mode="clip")
            else:
                out[...] = table[index]
        return True

    def _product(
        self,
        method: str,
        word: str,
        name: str,
        kernel: Kernel,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: Any,
        summed: bool,
    ) -> Any:
        if word in kwargs and word not in self.names:
            vector = kwargs[word]
            kwargs = {k: v for k, v in kwargs.items() if k != word}
        elif len(args) + sum(each in kwargs for each in self.arguments) > len(self.arguments) and args:
            *rest, vector = args
            args = tuple(rest)
        else:
            raise TypeError(
                f"{self.__name__}.{method}: missing {word}, the last argument: "
                f"{self.__name__}.{method}({', '.join((*self.arguments, word))})."
            )
        call = partial(self._product, method, word, name, kernel, out=None, summed=summed)
        given = self._bind(args, kwargs)
        if any(_is_dask(value) for value in (*given.values(), vector)):
            raise TypeError(
                f"{self.__name__}.{method} takes no Dask arrays; multiply {self.__name__}.grad(...) with {word} instead."
            )
        result_dtype(f"{self.__name__}.{method}", {**given, word: vector})
        shape, whole = np.shape(given[name]), self._broadcast(given, [np.shape(x) for x in given.values()])
        wanted = whole if method == "vjp" else shape
        if np.shape(vector) != wanted and np.shape(vector) != ():
            raise ValueError(
                f"{self.__name__}.{method}: {word} has shape {np.shape(vector)}, but "
                f"{'the value' if method == 'vjp' else name} has shape {wanted}."
            )
        if not summed or shape == whole:
            return self._evaluated((kernel,), args, kwargs, (out,), call, factor=(word, vector))[0]
        (found,) = self._evaluated((kernel,), args, kwargs, (None,), call, factor=(word, vector), exact=True)
        return self._rounded(_summed(found, shape), {**given, word: vector}, out)

    def _reduced(
        self,
        method: Callable[..., Any],
        kernel: Kernel,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        out: Any,
        reduction: str,
        name: str | None,
    ) -> Any:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"{self.__name__}: reduction={reduction!r}; it is one of {', '.join(map(repr, REDUCTIONS))}."
            )
        if not self.loss:
            raise TypeError(f"{self.__name__} is no loss, so it takes no reduction.")
        given = self._bind(args, kwargs)
        (found,) = self._evaluated((kernel,), args, kwargs, (None,), method, exact=True)
        if _is_dask(found):
            if name is not None and np.shape(given[name]) != found.shape:
                raise TypeError(
                    f"{self.__name__}: {name} is broadcast; reduce the Dask array of its derivatives yourself."
                )
            if name is not None:
                return found if reduction == "sum" else found / found.size
            return getattr(found, reduction)(dtype=np.float64).astype(found.dtype)
        size = np.size(found)
        with np.errstate(all="ignore"):
            total = np.asarray(np.sum(found) if name is None else _summed(found, np.shape(given[name])))
            if reduction == "mean":
                total = total / (size or np.nan)
        return self._rounded(total, given, out)

    def _rounded(self, found: Any, given: dict[str, Any], out: Any) -> Any:
        dtype = result_dtype(self.__name__, dict(given))
        with np.errstate(all="ignore"):
            if out is None:
                return np.asarray(found).astype(dtype)[()]
            (result,) = self._outs((out,), np.shape(found), dtype, [])
            np.copyto(result, found, casting="same_kind")
            return out

    # ---------------------------------------------------------------- arguments

    def _shape(self, together: dict[str, Any], inputs: list[Any]) -> tuple[int, ...]:
        return self._broadcast(together, [() if isinstance(x, float) else x.shape for x in inputs])

    def _broadcast(self, names: Iterable[str], shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        if len(set(shapes)) == 1:
            return shapes[0]
        try:
            return np.broadcast_shapes(*shapes)
        except ValueError:
            shown = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True))
            raise ValueError(f"{self.__name__}: shapes do not broadcast: {shown}.") from None

    def _outs(
        self, outs: tuple[Any, ...], shape: tuple[int, ...], dtype: np.dtype[Any], arrays: list[Any]
    ) -> list[Any]:
        whole = [x for x in arrays if x.shape == shape]
        order = "F" if whole and all(x.flags.f_contiguous and not x.flags.c_contiguous for x in whole) else "C"
        found = []
        for out in outs:
            if out is None:
                found.append(np.empty(shape, dtype, order=order))  # type: ignore[call-overload]
                continue
            if not isinstance(out, np.ndarray) or out.dtype.newbyteorder("=") not in KEPT:
                kind = f"dtype {out.dtype}" if isinstance(out, np.ndarray) else f"type {type(out).__name__}"
                raise TypeError(f"{self.__name__}: out has {kind}; it is an array of float16, float32 or float64.")
            if isinstance(out, np.ma.MaskedArray):
                raise TypeError(
                    f"{self.__name__}: out is a masked array, whose mask would not be kept; pass its .data."
                )
            if out.shape != shape:
                raise ValueError(f"{self.__name__}: out has shape {out.shape}, but the result has shape {shape}.")
            if not out.flags.writeable:
                raise ValueError(f"{self.__name__}: out is read-only.")
            found.append(
                np.asarray(out)
            )  # of a subclass the plain array: the code of kernels has one of one dimension to write into
        if len(found) == 2 and outs[0] is not None and outs[1] is not None and np.may_share_memory(found[0], found[1]):
            raise ValueError(f"{self.__name__}: the two arrays of out share memory.")
        return found

    def _check(self, inputs: Mapping[str, Any]) -> bool:
        """Whether a number among the inputs makes every result NaN. Raises ValueError for a parameter out of range."""
        undefined = False
        for name, x in inputs.items():
            single = isinstance(x, float)
            if name in self.parameters and name in self.ranges:
                values = np.asarray(x, dtype=np.float64)
                outside = values[~self.ranges[name].inside(values)]
                if outside.size:
                    raise ValueError(
                        f"{self.__name__}: parameter {name} = {outside.flat[0]:g} is out of range, "
                        f"{self.ranges[name].describe(name)} is required."
                    )
            undefined = undefined or (single and (x != x or not self._fits(name, x)))
        return undefined

    def _direct(self, kernel: Kernel) -> Direct:
        return direct(kernel, len(self.arguments), self._defaults, self._checks(kernel, self.arguments))

    def _checks(self, kernel: Kernel, names: tuple[str, ...]) -> tuple[Check, ...]:
        """The inputs whose NaN the code does not pass on, or that have a domain: their places, and that."""
        return tuple(
            (k, each.lower, each.upper, each.open_lower, each.open_upper)
            for k, name in enumerate(names)
            if name in kernel.nan or name in self.ranges
            for each in (self.ranges.get(name, EVERY),)
        )

    def _mend(self, kernel: Kernel) -> Mend | None:
        """What makes results NaN where an array holds NaN that the code does not pass on, or a value outside its domain."""
        checks = self._checks(kernel, self.names)
        return partial(mended, checks) if checks else None

    def _dask(
        self, method: Callable[..., Any], given: dict[str, Any], outs: tuple[Any, ...], results: int
    ) -> tuple[Any, ...]:
        """Dask maps the call over the blocks of its arrays, which it evaluates when it wants to."""
        if any(out is not None for out in outs):
            raise TypeError(f"{self.__name__}: no out= with Dask arrays.")
        dask = sys.modules["dask.array"]
        self._check({n: float(v) for n, v in given.items() if n in self.parameters and isinstance(v, int | float)})
        small = {n: np.empty(0, v.dtype) if _is_dask(v) else v for n, v in given.items()}
        dtype = result_dtype(self.__name__, small)
        arrays = self._aligned({n: v if isinstance(v, int | float) else dask.asarray(v) for n, v in given.items()})
        return tuple(
            dask.map_blocks(
                _of_block, *arrays, method=method, names=tuple(given), index=k if results > 1 else None, dtype=dtype
            )
            for k in range(results)
        )

    def _aligned(self, given: dict[str, Any]) -> list[Any]:
        """Dask arrays of one shape in blocks of one shape, and numbers; as they are where a shape is not known yet."""
        arrays = {name: value for name, value in given.items() if not isinstance(value, int | float)}
        if any(math.isnan(size) for array in arrays.values() for size in array.shape):
            return list(given.values())
        dask = sys.modules["dask.array"]
        shape = self._shape(arrays, list(arrays.values()))
        whole = [dask.broadcast_to(array, shape) for array in arrays.values()]
        axes = tuple(range(len(shape)))
        _, blocks = dask.core.unify_chunks(*(each for array in whole for each in (array, axes)))
        return list({**given, **dict(zip(arrays, blocks, strict=True))}.values())

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Every argument and parameter by its name, in order."""
        given = dict(zip(self.arguments, args, strict=False))
        if len(args) > len(self.arguments) or not (kwargs.keys() <= self._given_by_keyword[len(args)]):
            self._refuse(args, kwargs, given)
        given.update(kwargs)
        if len(given) < len(self.arguments) or not self._required <= given.keys():
            missing = [name for name in self.arguments if name not in given]
            raise TypeError(
                f"{self.__name__}: missing {', '.join(map(repr, missing))}. Call it as {self.__name__}{self.__signature__}."
            )
        return {name: given[name] if name in given else self.parameters[name] for name in self.names}

    def _refuse(self, args: tuple[Any, ...], kwargs: dict[str, Any], given: dict[str, Any]) -> None:
        call = f"{self.__name__}{self.__signature__}"
        if len(args) > len(self.arguments):
            extra = f"; pass {', '.join(self.parameters)} by keyword" if self.parameters else ""
            raise TypeError(
                f"{self.__name__}: {len(args)} positional arguments, {len(self.arguments)} expected{extra}. "
                f"Call it as {call}."
            )
        for name in kwargs:
            if name in given:
                raise TypeError(f"{self.__name__}: argument {name!r} is given twice. Call it as {call}.")
            if name not in self.names:
                import difflib  # when it is needed: start-up counts

                near = difflib.get_close_matches(name, self.names, n=1, cutoff=0.5)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                raise TypeError(f"{self.__name__}: no argument {name!r}{hint} Call it as {call}.")


def _without(function: ScalarFunction, table: Mapping[str, Kernel], name: object) -> str:
    """That a function has no such derivative."""
    what = "second derivative" if table is function._seconds else "derivative"
    if name in function.wrt or not table:
        return f"{function.__name__} has no {what} by {name!r}: none was derived, or no form of it keeps its digits; help({function.__name__}) says which."
    return f"{function.__name__}: no {what} by {name!r}; wrt is one of {', '.join(map(repr, table))}."


EVERY = Range()


def _of_block(*values: Any, method: Callable[..., Any], names: tuple[str, ...], index: int | None) -> Any:
    found = method(**dict(zip(names, values, strict=True)))
    return found if index is None else found[index]


def _times(mend: Mend | None) -> Mend:
    """The results multiplied with the last of the inputs."""

    def multiplied(inputs: Sequence[Any], outs: Sequence[Any]) -> None:
        for out in outs:
            np.multiply(out, inputs[-1], out=out)
        if mend is not None:
            mend(inputs, outs)

    return multiplied


def _summed(found: Any, shape: tuple[int, ...]) -> Any:
    """The sum over what an input of that shape was broadcast along."""
    found = np.asarray(found)
    extra = found.ndim - len(shape)
    found = np.sum(found, axis=tuple(range(extra)))
    shared = tuple(k for k, size in enumerate(shape) if size == 1 and np.shape(found)[k] != 1)
    return np.sum(found, axis=shared, keepdims=True) if shared else found


def _into(out: Any, found: Any) -> Any:
    if out is not found:
        np.copyto(out, found, casting="same_kind")
    return out


def _input(value: Any) -> Any:
    """A number as a float, everything else as the array it is."""
    if isinstance(value, np.ndarray) and value.ndim:
        return value
    with np.errstate(all="ignore"):
        return float(value)


def _is_dask(value: Any) -> bool:
    return type(value).__module__.startswith("dask.array") and hasattr(value, "map_blocks")


def result_dtype(owner: str, given: dict[str, Any]) -> np.dtype[Any]:
    """The floating dtype of a result: NumPy promotion of the arrays; Python numbers adapt, integers become float64.

    Sequences in `given` are replaced by arrays. `owner`: the function's name, for the TypeError that other dtypes
    raise.
    """
    strong: list[np.dtype[Any]] = []
    for name, value in given.items():
        if isinstance(value, int | float) and not isinstance(value, bool | np.generic):
            _check_python_number(owner, name, value)
            continue
        if type(value) is not np.ndarray:
            check_home(owner, name, value)
        try:
            array = np.asarray(value)
        except ValueError:
            raise TypeError(f"{owner}: {name} is a ragged sequence; pass a rectangular array of floats.") from None
        given[name] = array
        if array.dtype.kind in "iu":
            strong.append(np.dtype(np.float64))
        elif array.dtype.newbyteorder("=") in KEPT:
            strong.append(array.dtype.newbyteorder("="))
        else:
            raise TypeError(
                f"{owner}: {name} has dtype {array.dtype}; float16, float32, float64 and integers are "
                f"supported. Convert it with np.asarray({name}, dtype=np.float64)."
            )
    return np.result_type(*strong) if strong else np.dtype(np.float64)


def _check_python_number(owner: str, name: str, value: float) -> None:
    try:
        float(value)
    except OverflowError:
        raise TypeError(f"{owner}: {name} is an integer too large for float64; pass a float.") from None


def check_home(owner: str, name: str, value: Any) -> None:
    """TypeError for an array whose mask, and one of another library whose device, gradients or laziness, a conversion would lose without a word."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(
            f"{owner}: {name} is a masked array, whose mask would be lost; pass {name}.filled(...) instead, of floats with np.nan."
        )
    package = type(value).__module__.partition(".")[0]
    if package in ELSEWHERE:
        raise TypeError(
            f"{owner}: {name} is an array of {package}, and functions of NumPy arrays are what you call; "
            f"convert it with {ELSEWHERE[package].format(name)}."
        )
    if _is_dask(value):
        raise TypeError(
            f"{owner}: {name} is a Dask array, which is not taken here; use its map_blocks, or {name}.compute()."
        )
