"""What every generated function stands on: argument handling, dtypes, and the few functions that NumPy lacks. NumPy
and the standard library only."""

import difflib
import inspect
import linecache
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .certificate import Certificate

Array = npt.NDArray[np.float64]
Kernel = Callable[..., Array]
KEPT = tuple(np.dtype(kind) for kind in (np.float16, np.float32, np.float64))


@dataclass(frozen=True)
class Range:
    """The values for which an argument or a parameter is defined: an interval."""

    lower: float = -math.inf
    upper: float = math.inf
    open_lower: bool = False
    open_upper: bool = False

    def inside(self, values: Array) -> npt.NDArray[np.bool_]:
        """True where a value lies in the interval, and where it is NaN (NaN is passed on, not refused)."""
        above = values > self.lower if self.open_lower else values >= self.lower
        below = values < self.upper if self.open_upper else values <= self.upper
        return (above & below) | np.isnan(values)

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

    Arguments are positional or by keyword, parameters by keyword; all may be Python numbers, lists or arrays, and
    broadcast.
    float16, float32 and float64 are kept (mixed: NumPy promotion; Python numbers adapt), integers become float64.
    The computation runs in float64 and is rounded once. NaN is passed on, an argument outside its domain gives NaN, and
    no call emits
    a RuntimeWarning. Raises TypeError for other dtypes, bool among them, and for wrong names, ValueError for a parameter out of range
    and for
    shapes that do not broadcast.
    """

    def __init__(
        self,
        name: str,
        *,
        value: Kernel,
        gradients: Mapping[str, Kernel],
        seconds: Mapping[str, Kernel],
        arguments: tuple[str, ...] = ("x",),
        parameters: Mapping[str, float] | None = None,
        ranges: Mapping[str, Range] | None = None,
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
        self._value = value
        self._gradients = dict(gradients)
        self._seconds = dict(seconds)
        self.__signature__ = inspect.Signature(
            [inspect.Parameter(each, inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in arguments]
            + [
                inspect.Parameter(each, inspect.Parameter.KEYWORD_ONLY, default=given)
                for each, given in self.parameters.items()
            ]
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The value, in the broadcast shape of the arguments."""
        return self._evaluate((self._value,), args, kwargs)[0]

    def grad(self, *args: Any, wrt: str | None = None, **kwargs: Any) -> Any:
        """The element-wise derivative by `wrt`, an argument or parameter; by the first argument unless said
        otherwise."""
        return self._evaluate((self._derivative(self._gradients, wrt),), args, kwargs)[0]

    def second(self, *args: Any, wrt: str | None = None, **kwargs: Any) -> Any:
        """The element-wise second derivative by `wrt`; by the first argument unless said otherwise."""
        return self._evaluate((self._derivative(self._seconds, wrt),), args, kwargs)[0]

    def value_and_grad(self, *args: Any, wrt: str | None = None, **kwargs: Any) -> tuple[Any, Any]:
        """Value and derivative in one call, of the same shape."""
        value, grad = self._evaluate((self._value, self._derivative(self._gradients, wrt)), args, kwargs)
        return value, grad

    @property
    def source(self) -> str:
        """The text of the module in which this function is generated."""
        return "".join(linecache.getlines(self._value.__code__.co_filename))

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

    def _derivative(self, table: Mapping[str, Kernel], wrt: str | None) -> Kernel:
        name = self.arguments[0] if wrt is None else wrt
        if name not in table:
            raise ValueError(
                f"{self.__name__}: no derivative by {name!r}; wrt is one of {', '.join(map(repr, table))}."
            )
        return table[name]

    def _evaluate(self, kernels: tuple[Kernel, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        given = self._bind(args, kwargs)
        dtype = result_dtype(self.__name__, given)
        with np.errstate(all="ignore"):  # a signalling NaN warns when it is cast
            arrays = [np.asarray(value, dtype=np.float64) for value in given.values()]
        try:
            shape = np.broadcast_shapes(*(array.shape for array in arrays))
        except ValueError:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in zip(given, arrays, strict=True))
            raise ValueError(f"{self.__name__}: shapes do not broadcast: {shapes}.") from None
        with np.errstate(all="ignore"):
            undefined = self._undefined(dict(zip(given, arrays, strict=True)))
            return tuple(self._finish(kernel(*arrays), arrays, shape, dtype, undefined) for kernel in kernels)

    def _finish(
        self, raw: Any, arrays: list[Array], shape: tuple[int, ...], dtype: np.dtype[Any], undefined: Any
    ) -> Any:
        result = np.asarray(raw)
        if (
            result.shape != shape
            or undefined is not None
            or result.base is not None
            or any(result is array for array in arrays)
        ):
            result = np.array(np.broadcast_to(result, shape))
        if undefined is not None:
            result[np.broadcast_to(undefined, shape)] = np.nan
        return result.astype(dtype, copy=False)[()]

    def _undefined(self, arrays: Mapping[str, Array]) -> Any:
        """Where the result is NaN: an input is NaN or an argument lies outside its domain; None if nowhere."""
        undefined: Any = None
        for name, array in arrays.items():
            mask = np.isnan(array)
            if name in self.ranges:
                outside = ~self.ranges[name].inside(array)
                if name in self.parameters and outside.any():
                    value = array[outside].flat[0]
                    raise ValueError(
                        f"{self.__name__}: parameter {name} = {value:g} is out of range, "
                        f"{self.ranges[name].describe(name)} is required."
                    )
                mask = mask | outside
            if mask.any():
                undefined = mask if undefined is None else undefined | mask
        return undefined

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        call = f"{self.__name__}{self.__signature__}"
        if len(args) > len(self.arguments):
            extra = f"; pass {', '.join(self.parameters)} by keyword" if self.parameters else ""
            raise TypeError(
                f"{self.__name__}: {len(args)} positional arguments, {len(self.arguments)} expected{extra}. "
                f"Call it as {call}."
            )
        given = dict(zip(self.arguments, args, strict=False))
        for name, value in kwargs.items():
            if name not in self.names:
                near = difflib.get_close_matches(name, self.names, n=1, cutoff=0.5)
                hint = f"; did you mean {near[0]!r}?" if near else "."
                raise TypeError(f"{self.__name__}: no argument {name!r}{hint} Call it as {call}.")
            if name in given:
                raise TypeError(f"{self.__name__}: argument {name!r} is given twice. Call it as {call}.")
            given[name] = value
        missing = [name for name in self.arguments if name not in given]
        if missing:
            raise TypeError(f"{self.__name__}: missing {', '.join(map(repr, missing))}. Call it as {call}.")
        return {name: given.get(name, self.parameters.get(name)) for name in self.names}


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
        if isinstance(value, np.ma.MaskedArray):
            raise TypeError(
                f"{owner}: {name} is a masked array, whose mask would be lost; pass {name}.filled(np.nan) instead."
            )
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


def _elementwise(function: Callable[[float], float]) -> Kernel:
    def apply(x: Array) -> Array:
        array = np.asarray(x, dtype=np.float64)
        return np.fromiter(map(function, array.ravel().tolist()), np.float64, array.size).reshape(array.shape)

    return apply


erf = _elementwise(math.erf)
erf.__doc__ = "The error function, element by element; float64 of any shape."
erfc = _elementwise(math.erfc)
erfc.__doc__ = (
    "The complementary error function 1 - erf, element by element, without cancellation; float64 of any shape."
)


def erfc_times(x: Array, high: float, low: float) -> Array:
    """erfc(c x) for a constant c = high + low that no float64 holds, such as 1/sqrt(2).

    The rounding of c x alone would cost 2 (c x)² ulp, a thousand in the tail. It is recovered exactly (Dekker, 1971)
    and put
    back to first order: erfc' = -2/sqrt(pi) exp(-u²).
    """
    u = x * high
    near = np.abs(u) < 40  # beyond, erfc is 0 or 2
    a = np.where(near, x, 0.0)
    a_high, c_high = _upper_half(a), _upper_half(np.float64(high))
    a_low, c_low = a - a_high, high - c_high
    product = a * high
    lost = ((a_high * c_high - product) + a_high * c_low + a_low * c_high) + a_low * c_low + a * low
    correction = 2 / math.sqrt(math.pi) * lost * np.exp(-product * product)
    return np.asarray(erfc(u) - np.where(near, correction, 0.0))


def _upper_half(x: Any) -> Any:
    """The upper 26 bits, so that products of two such numbers are exact."""
    scaled = x * 134217729.0
    return scaled - (scaled - x)


def exp_square(x: Array, factor: float) -> Array:
    """exp(factor x²) without the rounding of x², which costs factor x² ulp: x² = h² + (x - h)(x + h) with h² exact."""
    near = np.abs(x) < 1e6
    a = np.where(near, x, 0.0)
    h = np.rint(a * 1024) / 1024
    return np.where(near, np.exp(factor * h * h) * np.exp(factor * (a - h) * (a + h)), np.exp(factor * x * x))


def product(a: Array, b: Array) -> Array:
    """a b, with 0 * inf = 0: the limit wherever the zero is exact or has underflowed."""
    return np.where(((a == 0) & np.isinf(b)) | ((b == 0) & np.isinf(a)), 0.0, a * b)


def quotient(a: Array, b: Array) -> Array:
    """a / b, with 0 / 0 = 0: the limit where the numerator is identically zero."""
    return np.where((a == 0) & (b == 0), 0.0, a / b)
