"""Between which numbers values lie, if inputs are tested to lie between bounds: an elementary function of such a number needs less care."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from .statements import Value, Values

Range = tuple[float, float] | None
"""The least and the greatest number, neither of them NaN; None where that is not known."""
NORMAL = {"float64": (-708.0, 709.0), "float32": (-87.0, 88.0)}
"""Numbers of which the exponential is neither subnormal nor infinite."""
EASIER: dict[str, tuple[tuple[str, bool], ...]] = {
    "np.exp": (("exp_between", True), ("exp_below", False)),
    "np.cosh": (("cosh_between", True),),
}
"""By the function, those that stand for it where the operand is not greater than such numbers, and whether it must not be less either."""


def _corners(function: Callable[[float, float], float]) -> Callable[..., Range]:
    """Of a function that is monotone in both operands."""

    def of(a: tuple[float, float], b: tuple[float, float]) -> Range:
        found = [function(*each) for each in product(a, b)]
        return None if any(map(math.isnan, found)) else (min(found), max(found))

    return of


RANGES: Mapping[str, Callable[..., Range]] = {
    "np.negative": lambda a: (-a[1], -a[0]),
    "np.abs": lambda a: (max(0.0, a[0], -a[1]), max(abs(a[0]), abs(a[1]))),
    "np.add": _corners(lambda a, b: a + b),
    "np.subtract": _corners(lambda a, b: a - b),
    "np.multiply": _corners(lambda a, b: a * b),
    "at_most": _corners(min),
    "at_least": _corners(max),
}


def eased(all_values: Values, bounds: Mapping[int, tuple[float, float]], kind: str) -> Values:
    """The values with functions that need less care, where what they are computed of allows it. bounds: of inputs, by their numbers."""
    return Values(tuple(_eased(all_values.values, bounds, NORMAL[kind])), all_values.results)


def _eased(values: Sequence[Value], bounds: Mapping[int, Range], normal: tuple[float, float]) -> Iterator[Value]:
    ranges: list[Range] = []
    for value in values:
        of = [ranges[k] for k in value.operands]
        ranges.append(_range(value, of, bounds))
        yield next(
            (
                replace(value, function=name)
                for name, both in EASIER.get(value.function, ())
                if _lies(of[0], normal, both)
            ),
            value,
        )


def _range(value: Value, of: Sequence[Range], bounds: Mapping[int, Range]) -> Range:
    if value.function == "input":
        return bounds.get(value.told)
    if value.function == "constant":
        return None if math.isnan(value.told) else (value.told, value.told)
    found = RANGES.get(value.function)
    return found(*of) if found and all(of) else None


def _lies(of: Range, normal: tuple[float, float], both: bool) -> bool:
    return of is not None and of[1] <= normal[1] and (of[0] >= normal[0] or not both)
