"""What a kernel computes of a row, as terms: a kernel is called with terms instead of arrays, and so are the functions of `reductions` it calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType
from typing import Any

from ..reductions import CANCELLED


@dataclass(frozen=True, eq=False)
class Term:
    """A number of each row, or as many as its components (wide). op: a text for what is computed of components or numbers alike, or the name of one
    of FOLDS or OTHERS. Terms that are alike are one object, made by `term`."""

    op: str
    of: tuple["Term", ...] = ()
    wide: bool = False
    __array_ufunc__ = None

    def __add__(self, other: "Term") -> "Term":
        return _each("({} + {})", self, other)

    def __sub__(self, other: "Term") -> "Term":
        return _each("({} - {})", self, other)

    def __mul__(self, other: "Term") -> "Term":
        return _each("({} * {})", self, other)

    def __truediv__(self, other: "Term") -> "Term":
        """Of components and what they have in common, in which the exponentials' sum is: one quotient, and products, the rounding of which is put back."""
        if not (self.wide and not other.wide):
            return _each("({} / {})", self, other)
        inverse = _each("(ONE / {})", other)
        return _each(QUOTIENT, self * inverse, self, other, inverse)

    def __neg__(self) -> "Term":
        return _each("(-{})", self)

    def __abs__(self) -> "Term":
        return _each("abs({})", self)

    def __getitem__(self, key: Any) -> "Term":
        if self.wide or key != (..., None):
            raise TypeError(f"{key} is not read")
        return self


QUOTIENT = "fma(fma(-{0}, {2}, {1}), {3}, {0})"
"""Of the first number by the second: their product with its inverse, in which what the roundings take is put back."""
FOLDS = ("sum", "wide_sum", "largest", "others", "place")
"""What is computed of all components of a row: their sum, in float32 or in float64; the largest; the sum of all but that; where it stands, of several
somewhere."""
REFINED = "refined"
"""Differences, some rows of which may have to be computed again in more digits: of what is found, the input that is taken away, the name of the formula, and the
inputs it is computed of."""
PATCHES = ("less_at", "balanced")
"""What is done to single components of a row of results."""
OTHERS = ("input", "position", "at", "entry", "log_sum_exp")
"""Inputs; the numbers of components, from 0; the component that stands at a place; that of an input at a class index; and log Σ exp, of the largest
score and the logarithm of the quotient of the sum and the largest exponential."""


@lru_cache(maxsize=4096)
def term(op: str, *of: Term, wide: bool = False) -> Term:
    return Term(op, of, wide)


def _each(op: str, *of: Term) -> Term:
    if not all(isinstance(one, Term) for one in of):
        raise TypeError(f"{of} are not all terms")
    return term(op, *of, wide=any(one.wide for one in of))


def _fold(op: str) -> Callable[[Term], Term]:
    return lambda of: term(op, of)


POSITION = term("position", wide=True)
_sum, _wide_sum, _largest = map(_fold, ("sum", "wide_sum", "largest"))


def _place(weights: Term) -> Term:
    return term("place", weights, POSITION)


def _centred(x: Term, weights: Term) -> Term:
    return x - term("at", x, _place(weights))


def _less_mean(x: Term, weights: Term) -> Term:
    x = _centred(x, weights)
    return x - _sum(x * weights)


def _exactly(terms: Term, size: Term) -> Term:
    """`reductions._exactly`; of exponentials that are off by an ulp each sum is one, which costs next to nothing here."""
    grid = size + size
    grid = grid + grid
    upper = (terms + grid) - grid
    return _sum(upper) + _sum(terms - upper)


def _signed_sum(terms: Term) -> Term:
    size = _sum(abs(terms))
    return _each("select({1} < HUGE, {0}, {2})", _exactly(terms, size), size, _sum(terms))


def _log_sum(e: Term) -> Term:
    return _each("log1p({})", term("others", e) / _largest(e))


def _balanced_at(x: Term, weights: Term, of: Term) -> Term:
    """`reductions.balanced_at`."""
    place = _place(weights)
    top, own, reach = term("at", weights, place), abs(term("at", x, place)), abs(term("at", of, place))
    others = _each("select({0} == {1}, ZERO, {2})", POSITION, place, x)
    near = _each("(({} < {}) & ({} < {} + {}))", own, reach, _sum(weights), top, top)
    near = _each("({} & ({} < {}))", near, _sum(abs(others)), reach)
    balanced = _each("select({0}, {1}, {2})", near, -_sum(others), term("at", x, place))
    return _each("select({0} == {1}, {2}, {3})", POSITION, place, balanced, x)


def _refined_rows(found: Term, less: Term, formula: FunctionType, wide: Sequence[Term]) -> Term:
    if less.op != "input":
        raise TypeError(f"{less} is not read")
    return term(REFINED, found, less, term(formula.__code__.co_name), *wide, wide=True)


def every_of(results: Sequence[Term]) -> list[Term]:
    """All terms, each after those that it is made of."""
    found: dict[Term, None] = {}

    def visit(term: Term) -> None:
        if term not in found:
            for one in term.of:
                visit(one)
            found[term] = None

    for each in results:
        visit(each)
    return [term for term in found if term.of or term is POSITION]


def cancels(log_sum_exp: Term, single: bool) -> Term:
    """Whether `reductions.refined_log_sum_exp` may compute the sum again."""
    largest, rest = log_sum_exp.of
    if single:
        return _each("({} < ZERO)", largest)
    return _each(f"(abs({{}}) < KIND({CANCELLED}) * abs({{}}))", largest + rest, largest)


def _scores(weights: Term) -> Term:
    """What exponentials, or quotients of them, grow with."""
    while weights.op in (QUOTIENT, "exp({})"):
        weights = weights.of[weights.op == QUOTIENT]
    return weights


def _top(weights: Term) -> Term:
    """The largest exponential or quotient, which is that of the largest score."""
    if weights.op == "exp({})":
        return _each(weights.op, _largest(weights.of[0]))
    if weights.op == QUOTIENT:
        return _top(weights.of[1]) * weights.of[3]
    return _largest(weights)


def _centred_long(x: Term, weights: Term) -> Term:
    scores = _scores(weights)
    return x - term("at", x, term("place", scores, _largest(scores)))


def _less_mean_long(x: Term, weights: Term) -> Term:
    x = _centred_long(x, weights)
    return x - _sum(x * weights)


def _others_long(e: Term) -> Term:
    return term("others", e, _sum(e), _top(e), _largest(_scores(e)))


def _sum_long(e: Term) -> Term:
    """The largest is added at the end where it exceeds the others."""
    return _each("select({0} > {1}, {0} + {1}, {2})", _top(e), _others_long(e), _sum(e))


def _log_sum_long(e: Term) -> Term:
    return _each("log1p({})", _others_long(e) / _top(e))


def _balanced_at_long(x: Term, weights: Term, of: Term) -> Term:
    return term("balanced", x, of, _top(weights), _largest(_scores(weights)), wide=True)


READ: dict[str, Callable[..., Term]] = {
    "exponentials": lambda z: _each("exp({})", z),
    "exponential_sum": lambda e: _exactly(e, _sum(e)),
    "exponential_total": lambda e: _exactly(e, _sum(e)),
    "signed_sum": _signed_sum,
    "pairwise_sum": _sum,
    "dot": lambda a, b: _sum(a * b),
    "centred": _centred,
    "less_mean": _less_mean,
    "shifted": lambda z: z - _largest(z),
    "shifted_entry": lambda z, index: term("entry", z, index) - _largest(z),
    "less_one_hot": lambda x, index: _each("select({0} == {1}, {2} - ONE, {2})", POSITION, index, x),
    "balanced_at": _balanced_at,
    "weighted": lambda weight, value: weight * value,
    "log_sum": _log_sum,
    "log_sum_exp": lambda z, e: term("log_sum_exp", _largest(z), _log_sum(e)),
    "refined_rows": _refined_rows,
}
READ_LONG = READ | {
    "exponential_sum": _sum_long,
    "exponential_total": _fold("exact_sum"),
    "signed_sum": _fold("exact_sum"),
    "centred": _centred_long,
    "less_mean": _less_mean_long,
    "less_one_hot": lambda x, index: term("less_at", x, index, wide=True),
    "balanced_at": _balanced_at_long,
    "log_sum": _log_sum_long,
    "log_sum_exp": lambda z, e: term("log_sum_exp", _largest(z), _log_sum_long(e)),
}
READ_LONG_SINGLE = READ_LONG | {"exponential_total": _sum_long}
READ_SINGLE = READ | dict.fromkeys(("exponential_sum", "exponential_total", "signed_sum"), _wide_sum)
TABLES = {(False, False): READ, (False, True): READ_SINGLE, (True, False): READ_LONG, (True, True): READ_LONG_SINGLE}
"""The functions of `reductions`, for rows in which all is finite and no score has to be shifted: of long rows or short ones, in float32 or in float64."""


def terms_of(kernel: Callable[..., Any], wide: Sequence[bool], single: bool, long: bool) -> tuple[Term, ...] | None:
    """The results of a kernel of inputs that are rows (wide) or class indices; None where it calls what is not read here."""
    if not isinstance(kernel, FunctionType):
        return None
    try:
        found = _read(kernel, TABLES[long, single])(
            *(term("input", term(str(k)), wide=each) for k, each in enumerate(wide))
        )
    except (NameError, TypeError, AttributeError):
        return None
    every = found if isinstance(found, tuple) else (found,)
    return every if all(isinstance(each, Term) and each.op != "input" for each in every) else None


def _read(kernel: FunctionType, functions: Mapping[str, Any]) -> Callable[..., Any]:
    """A kernel that computes with terms, and so do the other functions of its module."""
    space: dict[str, Any] = dict(functions)
    for name, one in kernel.__globals__.items():
        if isinstance(one, FunctionType) and one.__module__ == kernel.__module__:
            space[name] = FunctionType(one.__code__, space)
    return FunctionType(kernel.__code__, space)
