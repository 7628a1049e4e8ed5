"""How far off the code of a formula is along one argument: as derived, and in its stable form, on the model machine, so that the numbers
are the same everywhere."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from sympy import Symbol

from chainrule.codegen import model
from chainrule.codegen.points import EXTREME, GOLDEN, LARGE, Point, jumps, on_edge
from chainrule.codegen.printing import Body
from chainrule.codegen.stable import Problem, Stable, closer_points, runnable
from chainrule.codegen.ulp import Floats, Truth, ulps

OCTAVES = (-67, 14)  # from 7e-21 to 16384
MIDDLE = (-10, 10)  # where a bin is a quarter of an octave
POINTS = 4  # of a bin, at least
LOST = 2.0**52  # ulp: not one digit is right


@dataclass(frozen=True)
class Bin:
    """The numbers from ``low`` to ``high`` and the worst errors among those looked at, in ulp: inf for a NaN or a wrong infinity."""

    low: float
    high: float
    naive: float
    stable: float


@dataclass(frozen=True)
class Look:
    """One point: the argument, the value, and what the formula as derived gives there with its error."""

    x: float
    wanted: float
    got: float
    error: float
    stable: float


@dataclass(frozen=True)
class Along:
    """The errors of one formula along one argument, in rising order; ``fixed``: where the others are held. The looks include 0 and ±infinity,
    the bins do not."""

    symbol: Symbol
    fixed: Mapping[Symbol, float]
    bins: tuple[Bin, ...]
    looks: tuple[Look, ...]


def along(stable: Stable, names: Mapping[Symbol, str], symbol: Symbol, fixed: Mapping[Symbol, float]) -> Along:
    """The errors of both forms along one argument, the others held."""
    problem = stable.problem
    k = problem.symbols.index(symbol)
    used = tuple(s for s in problem.symbols if s in problem.expr.free_symbols)
    others = {s: v for s, v in fixed.items() if s != symbol and s in used}
    at = [fixed.get(s, 0.5) for s in problem.symbols]
    low, high = problem.reference.domains[k]
    known = _known(stable, symbol) if used == (symbol,) else {}
    found = (m.at[k] for m in (stable.naive, stable.measured) if m.at and _is_at(m.at, at, k, used, problem))
    xs = sorted({*known, *found, *(x for x in (*_grid(), *_special()) if low <= x <= high)})
    truth = _truth(problem, k, at, xs, known)
    points = [np.array(xs) if j == k else np.full(len(xs), value) for j, value in enumerate(at)]
    called = tuple(names[s] for s in problem.symbols)
    naive, got = _errors(stable.naive_body, called, points, truth)
    better, _ = _errors(stable.body, called, points, truth)
    rows = zip(xs, truth.near.tolist(), got.tolist(), naive.tolist(), better.tolist(), strict=True)
    looks = tuple(Look(*row) for row in rows if not math.isnan(row[3]))
    return Along(symbol, others, _binned(looks), looks)


def _is_at(point: Point, at: Sequence[float], k: int, used: Sequence[Symbol], problem: Problem) -> bool:
    """Whether a point lies on the line of one argument, as far as the formula depends on the others."""
    places = (j for j, s in enumerate(problem.symbols) if j != k and s in used)
    return all(point[j] == at[j] for j in places)


@lru_cache(maxsize=1)
def _edges() -> tuple[float, ...]:
    found = []
    for exponent in range(*OCTAVES):
        parts = 4 if MIDDLE[0] <= exponent < MIDDLE[1] else 1
        found += [math.ldexp(1 + part / parts, exponent) for part in range(parts)]
    return (*found, math.ldexp(1.0, OCTAVES[1]))


@lru_cache(maxsize=1)
def _grid() -> tuple[float, ...]:
    edges, found = _edges(), []
    for n, (low, high) in enumerate(pairwise(edges)):
        found += [low + (high - low) * ((GOLDEN * (POINTS * n + k)) % 1) for k in range(POINTS)]
    return tuple(sign * x for x in found for sign in (-1.0, 1.0))


def _special() -> tuple[float, ...]:
    """0, and numbers beyond those of the grid, to tell whether what holds at its ends goes on."""
    return (0.0, *(sign * x for x in (*EXTREME, *LARGE, math.inf) for sign in (-1.0, 1.0)))


def _known(stable: Stable, symbol: Symbol) -> dict[float, tuple[float, float]]:
    """What the search has looked at: the exact values and their rests, by argument."""
    found = closer_points(stable.problem)
    k = found.symbols.index(symbol)
    rests = found.rest or (0.0,) * len(found.truth)
    return {point[k]: (value, rest) for point, value, rest in zip(found.points, found.truth, rests, strict=True)}


def _truth(
    problem: Problem, k: int, at: Sequence[float], xs: Sequence[float], known: Mapping[float, tuple[float, float]]
) -> Truth:
    margins = jumps(problem.expr)
    missing = [x for x in xs if x not in known]
    points = [(*at[:k], x, *at[k + 1 :]) for x in missing]
    found = Truth.of(
        [None if on_edge(margins, problem.symbols, point) else problem.reference.exact(point) for point in points]
    )
    new = dict(zip(missing, zip(found.near.tolist(), found.rest.tolist(), strict=True), strict=True))
    pairs = [known[x] if x in known else new[x] for x in xs]
    return Truth(np.array([near for near, _ in pairs]), np.array([rest for _, rest in pairs]))


def _errors(code: Body, names: Sequence[str], points: Sequence[Floats], truth: Truth) -> tuple[Floats, Floats]:
    with np.errstate(all="ignore"):
        made = runnable(code, names, model.NUMPY, model.RUNTIME)(*points)
        got = np.array(np.broadcast_to(np.asarray(made, dtype=np.float64), truth.near.shape))
        return ulps(got, truth), got


def _binned(looks: Sequence[Look]) -> tuple[Bin, ...]:
    edges = _edges()
    found = []
    for sign in (-1, 1):
        worst: dict[int, tuple[float, float]] = {}
        for look in looks:
            size = sign * look.x
            if edges[0] <= size < edges[-1]:
                n = int(np.searchsorted(edges, size, side="right")) - 1
                naive, stable = worst.get(n, (0.0, 0.0))
                worst[n] = (max(naive, look.error), max(stable, look.stable))
        ends = [(edges[n], edges[n + 1], *worst[n]) for n in sorted(worst)]
        found += [Bin(-b, -a, *rest) for a, b, *rest in reversed(ends)] if sign < 0 else [Bin(*each) for each in ends]
    return tuple(found)
