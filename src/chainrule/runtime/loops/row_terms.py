"""What a kernel computes of a row, as terms: a kernel is called with terms instead of arrays, and so are the functions of `reductions` it calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any


@dataclass(frozen=True)
class Term:
    """A number of each row, or as many as its components (wide). op: an operation of Python, or a function of `row_functions`, `exp`, or one of AT_ONCE."""

    op: str
    of: tuple["Term", ...] = ()
    wide: bool = False
    __array_ufunc__ = None

    def __add__(self, other: "Term") -> "Term":
        return _each("+", self, other)

    def __sub__(self, other: "Term") -> "Term":
        return _each("-", self, other)

    def __mul__(self, other: "Term") -> "Term":
        return _each("*", self, other)

    def __truediv__(self, other: "Term") -> "Term":
        return _each("/", self, other)

    def __neg__(self) -> "Term":
        return Term("-", (self,), self.wide)

    def __getitem__(self, key: Any) -> "Term":
        if self.wide or key != (..., None):
            raise TypeError(f"{key} is not read")
        return self


AT_ONCE = ("log1p", "log_sum_exp")
"""Functions that NumPy computes for all rows at once."""
WITHIN = ("less_one_at", "balance")
"""Functions of `row_functions` that change their first argument."""


def _each(op: str, *of: Term) -> Term:
    if not all(isinstance(one, Term) for one in of):
        raise TypeError(f"{of} are not all terms")
    return Term(op, of, any(one.wide for one in of))


def _number(op: str) -> Callable[..., Term]:
    return lambda *of: Term(op, _each("", *of).of)


def _exponentials(z: Term) -> Term:
    return Term("exp", (z,), True)


def _centred(x: Term, weights: Term) -> Term:
    return x - Term("at_largest", (x, weights))


def _less_mean(x: Term, weights: Term) -> Term:
    x = _centred(x, weights)
    return x - Term("pairwise_sum", (x * weights,))


def _exponential_total(e: Term) -> Term:
    """`reductions._exactly`."""
    size = Term("pairwise_sum", (e,))
    size = size + size
    grid = size + size
    upper = (e + grid) - grid
    return Term("pairwise_sum", (upper,)) + Term("pairwise_sum", (e - upper,))


def _log_sum(e: Term) -> Term:
    return Term("log1p", (Term("others_ratio", (e,)),))


READ: dict[str, Callable[..., Term]] = {
    "exponentials": _exponentials,
    "exponential_sum": _number("exponential_sum"),
    "exponential_total": _exponential_total,
    "signed_sum": _number("signed_sum"),
    "pairwise_sum": _number("pairwise_sum"),
    "dot": lambda a, b: Term("pairwise_sum", (a * b,)),
    "centred": _centred,
    "less_mean": _less_mean,
    "shifted": lambda z: z - Term("largest", (z,)),
    "shifted_entry": lambda z, index: Term("entry", (z, index)) - Term("largest", (z,)),
    "less_one_hot": lambda x, index: Term("less_one_at", (x, index), True),
    "balanced_at": lambda x, weights, term: Term("balance", (x, weights, term), True),
    "weighted": lambda weight, value: weight * value,
    "log_sum": _log_sum,
    "log_sum_exp": lambda z, e: Term("log_sum_exp", (z, Term("largest", (z,)), _log_sum(e))),
}
READ_SINGLE = READ | {"exponential_total": READ["exponential_sum"]}
"""The functions of `reductions`, for rows in which all is finite and no score has to be shifted, in float64 and in float32."""


def terms_of(kernel: Callable[..., Any], wide: Sequence[bool], single: bool) -> tuple[Term, ...] | None:
    """The results of a kernel of inputs that are rows (wide) or class indices; None where it calls what is not read here."""
    if not isinstance(kernel, FunctionType):
        return None
    try:
        found = _read(kernel, READ_SINGLE if single else READ)(
            *(Term(f"input {k}", (), each) for k, each in enumerate(wide))
        )
    except (NameError, TypeError, AttributeError):
        return None
    every = found if isinstance(found, tuple) else (found,)
    return every if all(isinstance(each, Term) and each.of for each in every) else None


def _read(kernel: FunctionType, functions: Mapping[str, Any]) -> Callable[..., Any]:
    """A kernel that computes with terms, and so do the other functions of its module."""
    space: dict[str, Any] = dict(functions)
    for name, one in kernel.__globals__.items():
        if isinstance(one, FunctionType) and one.__module__ == kernel.__module__:
            space[name] = FunctionType(one.__code__, space)
    return FunctionType(kernel.__code__, space)
