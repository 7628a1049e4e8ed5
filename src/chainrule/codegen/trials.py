"""A code tried at points before it is taken: whether it gives what another code gives, passes NaN on, and raises a flag where it must not be used."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chainrule.codegen.blocks import Code
from chainrule.codegen.points import Point, sample
from chainrule.codegen.spec import FunctionSpec
from chainrule.codegen.vocabulary import WORDS
from chainrule.runtime import scalar as runtime
from chainrule.runtime.blocks import Bounds, Within


@dataclass(frozen=True)
class Trial:
    """Codes of one function with results of these names. helpers: the functions that they call, by their statements."""

    spec: FunctionSpec
    results: tuple[str, ...]
    helpers: Mapping[tuple[str, ...], str]

    def loses_nan(self, code: Code, name: str) -> bool:
        """Whether the code gives a number somewhere although an input is NaN."""
        names = self.spec.names
        points = [tuple(math.nan if n == name else x for n, x in zip(names, p, strict=True)) for p in self._finite]
        return not all(np.isnan(found).all() for found in self.at(code, points))

    def alike(self, code: Code, other: Code, bounds: Bounds) -> bool:
        """Whether two codes give the same numbers at all points between the bounds."""
        inside = Within(_nothing, bounds)
        points = [p for p in self._finite if inside.holds(p)]
        both = (self.at(each, points) for each in (code, other))
        return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*both, strict=True))

    def flagged(self, code: Code, careful: Code, bounds: Bounds, kind: type[np.floating[Any]]) -> bool:
        """Whether a code that is meant for inputs between bounds raises the flag of an overflow or of an invalid operation wherever else its
        results are not those of the careful code, at points from the bounds to the largest number."""
        within = Within(_nothing, bounds)
        if not within.tests:
            return False
        some = [p for p in self._finite if within.holds(p)]
        with np.errstate(over="ignore"):
            points = list(
                dict.fromkeys(
                    tuple(float(kind(x if n == k else each)) for n, each in enumerate(point))
                    for k, low, high in within.tests
                    for point in some
                    for x in _beyond(low, high, float(np.finfo(kind).max))
                )
            )
            found = self.at(code, points, kind)
            wanted = [each.astype(kind) for each in self.at(careful, points)]
        for got, each in zip(found, wanted, strict=True):
            with np.errstate(all="ignore"):
                near = 0.0 if kind is np.float64 else 2 * np.spacing(np.abs(each))
                right = (got == each) | (np.isnan(got) & np.isnan(each)) | (np.abs(got - each) <= near)
            for k in np.flatnonzero(~right):
                try:
                    self.at(code, [points[k]], kind, "raise")
                except FloatingPointError:
                    continue
                return False
        return True

    def at(
        self,
        code: Code,
        points: Sequence[Point],
        kind: type[np.floating[Any]] = np.float64,
        flags: Literal["ignore", "raise"] = "ignore",
    ) -> list[Any]:
        """What the code gives at points. flags: what becomes of overflows and of invalid operations."""
        names = self.spec.names
        words = {each.runtime for each in WORDS if each.runtime}
        space: dict[str, Any] = {"np": np, **{each: getattr(runtime, each) for each in code.imports | words}}
        for lines, helper in self.helpers.items():
            exec("\n    ".join([f"def {helper}({', '.join(names)}):", *lines]), space)
        for each, column in zip(names, zip(*points, strict=True), strict=True):
            space[each] = np.array(column, kind)
        for each in (*self.results, *(f"s{k}" for k in range(1, code.scratch + 1))):
            space[each] = np.zeros(len(points), kind)
        for k in range(1, code.masks + 1):
            space[f"m{k}"] = np.zeros(len(points), np.bool_)
        with np.errstate(all="ignore", invalid=flags, over=flags):
            exec("\n".join(code.lines), space)
        return [space[each] for each in self.results]

    @property
    def _finite(self) -> list[Point]:
        return [point for point in sample(self.spec) if all(map(math.isfinite, point))]


def _nothing(*arrays: Any) -> None:
    """The block of bounds that are only asked whether they hold."""


def _beyond(low: float, high: float, most: float) -> list[float]:
    """Numbers out of bounds, from next to them to infinity, close together where exponentials overflow."""
    steps = [2.0**-k for k in range(2, 24, 3)] + [k / 8 for k in range(1, 160)] + [2.0**k for k in range(5, 1024, 40)]
    above = [high + abs(high or 1.0) * step for step in steps] + [most, math.inf] if high < math.inf else []
    below = [low - abs(low or 1.0) * step for step in steps] + [-most, -math.inf] if low > -math.inf else []
    return above + below
