"""Between which numbers values lie, if inputs are tested to lie between bounds: an elementary function of such a number needs less care."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from .statements import Value, Values

Range = tuple[float, float] | None
"""The least and the greatest number, neither of them NaN; None where that is not known."""
EVERY = (-math.inf, math.inf)
"""Of what is not NaN."""
NORMAL = {"float64": (-708.0, 709.0), "float32": (-87.0, 88.0)}
"""Numbers of which the exponential is neither subnormal nor infinite."""
EASIER: Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "np.exp": {"exp_between": NORMAL, "exp_below": {kind: (-math.inf, high) for kind, (_, high) in NORMAL.items()}},
    "np.cosh": {"cosh_between": {kind: (-high, high) for kind, (_, high) in NORMAL.items()}},
    "np.log1p": {"log1p_between": dict.fromkeys(NORMAL, (0.0, 2.0**20))},
}
"""By the function, those that stand for it where its operand lies between two numbers, by the kind of numbers; the one with the least care first."""
OFTEN = 3
"""Uses of a number from which on its error counts so often that it is to be right to half an ulp and little more."""
RIGHT = {("exp_between", "float64"): "exp_normal"}
"""What then stands for it, by the kind of numbers."""


def _corners(function: Callable[[float, float], float]) -> Callable[..., Range]:
    """Of a function that is monotone in both operands."""

    def of(a: tuple[float, float], b: tuple[float, float]) -> Range:
        found = [function(*each) for each in product(a, b)]
        return None if any(map(math.isnan, found)) else (min(found), max(found))

    return of


def _exp(x: float) -> float:
    """A little more than its exponential, or 0."""
    return 1.001 * math.exp(x) if x < 700.0 else math.inf


RANGES: Mapping[str, Callable[..., Range]] = {
    "np.negative": lambda a: (-a[1], -a[0]),
    "np.abs": lambda a: (max(0.0, a[0], -a[1]), max(abs(a[0]), abs(a[1]))),
    "np.add": _corners(lambda a, b: a + b),
    "np.subtract": _corners(lambda a, b: a - b),
    "np.multiply": _corners(lambda a, b: a * b),
    "np.exp": lambda a: (0.0, _exp(a[1])),
    "at_most": _corners(min),
    "at_least": _corners(max),
}


def eased(all_values: Values, bounds: Mapping[int, tuple[float, float]], kind: str, right: bool = True) -> Values:
    """The values with functions that need less care, where what they are computed of allows it. bounds: of inputs, by their numbers. right: whether a last
    digit counts, which it does not if results are rounded to a narrower kind of numbers."""
    return Values(tuple(_eased(all_values.values, bounds, kind, right)), all_values.results)


def _eased(values: Sequence[Value], bounds: Mapping[int, Range], kind: str, right: bool) -> Iterator[Value]:
    ranges: list[Range] = []
    uses = Counter(k for value in values for k in value.operands)
    for n, value in enumerate(values):
        of = [ranges[k] for k in value.operands]
        ranges.append(_range(value, of, bounds))
        easier = [name for name, kinds in EASIER.get(value.function, {}).items() if of[0] and _lies(of[0], kinds[kind])]
        name = easier[0] if easier else value.function
        yield replace(value, function=RIGHT.get((name, kind), name) if right and uses[n] >= OFTEN else name)


def _range(value: Value, of: Sequence[Range], bounds: Mapping[int, Range]) -> Range:
    if value.function == "input":
        return bounds.get(value.told)
    if value.function == "constant":
        return None if math.isnan(value.told) else (value.told, value.told)
    found = RANGES.get(value.function)
    return found(*of) if found and all(of) else None


def _lies(inner: tuple[float, float], outer: tuple[float, float]) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def not_nan(values: Values, bounds: Mapping[int, tuple[float, float]], kind: str, inputs: Sequence[int]) -> list[int]:
    """The inputs for which it saves something to know no more than that they are not NaN."""
    whole = {**bounds, **dict.fromkeys(inputs, EVERY)}
    best = eased(values, whole, kind)
    return [k for k in inputs if eased(values, {n: each for n, each in whole.items() if n != k}, kind) != best]
