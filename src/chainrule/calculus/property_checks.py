"""Properties, checked by evaluating the function alone: nothing here knows how a property was found.

`CHECKS` has a row for each row of `FINDERS` in `properties`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import mpmath
import sympy
from sympy import Expr, Rational, Symbol

from chainrule.calculus.checks import DIGITS, CheckRow, Domain, Point, assumed, domain_of, evaluate, number, samples
from chainrule.calculus.kinks import NOTHING, resolve
from chainrule.calculus.properties import FINDERS, THRESHOLD, WAYS, Property, renamed
from chainrule.calculus.signs import between

STEP = Rational(1, 10**15)
NEAR = 1e-12
EXACT = 1e-27
NEARBY = 7
FAR = tuple(Rational(10) ** k for k in (2, 3, 4, 5, 6))


@dataclass(frozen=True)
class Probe:
    """A function at one point of its parameters, for numerical checks: values, and slopes by central differences."""

    expression: Expr
    x: Symbol
    values: sympy.Set
    point: Point

    def at(self, place: Any) -> Any:
        where = {**self.point, self.x: place}
        return evaluate(resolve(self.expression, where), where)

    def slope(self, place: Any) -> Any:
        with mpmath.workdps(60):
            place = number(place)
            h = number(STEP) * min(1, *(abs(end - place) or 1 for end in self.ends))
            return (self.at(place + h) - self.at(place - h)) / (2 * h)

    def side(self, place: Any, direction: int) -> Any:
        """The slope a little to the left or to the right of a place."""
        with mpmath.workdps(60):
            return self.slope(number(place) + direction * 4 * number(STEP))

    def number(self, value: Any) -> Any:
        return evaluate(value, self.point)

    @cached_property
    def ends(self) -> tuple[Any, Any]:
        return number(self.values.inf), number(self.values.sup)

    @cached_property
    def grid(self) -> tuple[Any, ...]:
        """Places all over the domain: evenly near 0 and at each end, coarser far away."""
        low, high = self.ends
        with mpmath.workdps(60):
            if mpmath.isfinite(low) and mpmath.isfinite(high):
                return tuple(low + (high - low) * mpmath.mpf(2 * n + 1) / 122 for n in range(61))
            start = mpmath.mpf(1) / 1013
            far = [start + s * mpmath.mpf(10) ** k for k in (1.5, 2, 3, 4, 6) for s in (-1, 1)]
            near = [start + mpmath.mpf(n) / 7 for n in range(-57, 58)]
            return tuple(p for p in sorted(near + far) if low < p < high)

    @cached_property
    def heights(self) -> tuple[Any, ...]:
        return tuple(self.at(p) for p in self.grid)

    @property
    def first_gap(self) -> str:
        """Where the function has no real value although the domain says that it has one."""
        place = next(at for at, height in zip(self.grid, self.heights, strict=True) if mpmath.isnan(height))
        where = ", ".join(f"{s} = {mpmath.nstr(number(v), 4)}" for s, v in {self.x: place, **self.point}.items())
        return f"no real value at {where}: narrow the domain of {self.x}"

    @cached_property
    def steepness(self) -> tuple[Any, ...]:
        return tuple(abs(self.slope(p)) for p in self.grid)

    def towards(self, end: Any) -> tuple[Any, ...]:
        """Places that approach an end of the domain."""
        with mpmath.workdps(60):
            if mpmath.isinf(end):
                return tuple(mpmath.sign(end) * number(k) for k in FAR)
            inside = 1 if end == self.ends[0] else -1
            return tuple(end + inside / number(k) ** 3 for k in FAR)


Verdict = tuple[bool, float]


def _off(claimed: Any, measured: Any) -> float:
    if mpmath.isnan(claimed) or mpmath.isnan(measured):
        return float("inf")
    if mpmath.isinf(claimed) or mpmath.isinf(measured):
        return 0.0 if claimed == measured else float("inf")
    return float(abs(claimed - measured) / (1 + abs(claimed)))


def _close(claimed: Any, measured: Any, tolerance: float = NEAR) -> Verdict:
    error = _off(claimed, measured)
    return error <= tolerance, error


def _tends(values: list[Any], claimed: Any) -> Verdict:
    """Whether a sequence is on its way to a claimed limit: nearer at each step, or larger and larger, by steps that do not fade as those to a number do."""
    if mpmath.isinf(claimed):
        steps = [mpmath.sign(claimed) * (b - a) for a, b in pairwise(values)]
        grows = all(step > 0 for step in steps) and (mpmath.isinf(values[-1]) or steps[-1] > max(steps) / 4)
        return bool(grows), 0.0 if grows else float("inf")
    gaps = [_off(claimed, v) for v in values]
    return gaps[-1] < 1e-4 and gaps[-1] <= gaps[0], gaps[-1]


def _all(*verdicts: Verdict) -> Verdict:
    return all(held for held, _ in verdicts), max((error for _, error in verdicts), default=0.0)


def _yes(held: Any) -> Verdict:
    return bool(held), 0.0 if held else float("inf")


def _places(values: tuple[Any, ...], p: Probe) -> list[Any]:
    """A number for every place: the place itself, or one inside an interval."""
    ends = [(v.start, v.end) if isinstance(v, sympy.Set) else (v, v) for v in values]
    return [p.number(a) if a == b else between(p.number(a), p.number(b)) for a, b in ends]


def _polished(f: Callable[[Any], Any], grid: tuple[Any, ...], heights: tuple[Any, ...]) -> Any:
    """The largest value near the highest point of the grid, by golden section."""
    top = max(range(len(grid)), key=lambda i: heights[i])
    with mpmath.workdps(60):
        a, b = grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)]
        ratio = (mpmath.sqrt(5) - 1) / 2
        for _ in range(150):
            c, d = b - ratio * (b - a), a + ratio * (b - a)
            a, b = (a, d) if f(c) > f(d) else (c, b)
        return max(f((a + b) / 2), heights[top])


def _bound(p: Probe, claimed: Expr, closed: bool, direction: int) -> Verdict:
    """That no value passes a bound, that values come near it, and that one reaches it if and only if it is closed."""
    bound = direction * p.number(claimed)
    heights = tuple(direction * v for v in p.heights)
    near = [(at, v) for at, v in zip(p.grid, heights, strict=True) if abs(at) < NEARBY]
    beyond = max([*heights, *(direction * p.at(at) for end in p.ends for at in p.towards(end))])
    reaches = _tends([direction * p.at(at) for at in p.towards(p.ends[0])], bound)[0]
    reaches = reaches or _tends([direction * p.at(at) for at in p.towards(p.ends[1])], bound)[0]
    if mpmath.isinf(bound):
        return _yes(reaches and not closed)
    within = beyond <= bound + NEAR * (1 + abs(bound))
    if closed:
        best = _polished(lambda at: direction * p.at(at), *zip(*near, strict=True))
        return _all(_yes(within), _close(bound, max(best, *_ended(p, direction)), EXACT))
    return _yes(within and reaches and max(v for _, v in near) < bound)


def _ended(p: Probe, direction: int) -> list[Any]:
    """The values at the ends that belong to the domain."""
    ends = [e for e in (p.values.inf, p.values.sup) if e.is_finite and p.values.contains(e) == sympy.true]
    return [direction * p.at(e) for e in ends] or [-mpmath.inf, -mpmath.inf]


def _check_range(p: Probe, v: Mapping[str, Any]) -> Verdict:
    s = v["set"]
    if isinstance(s, sympy.FiniteSet):
        return _all(*(_close(p.number(s.args[0]), h) for h in p.heights))
    return _all(_bound(p, s.inf, not s.left_open, -1), _bound(p, s.sup, not s.right_open, 1))


def _highest(p: Probe, direction: int, claimed: Any) -> Verdict:
    heights = tuple(direction * v for v in p.heights)
    return _close(direction * claimed, _polished(lambda at: direction * p.at(at), p.grid, heights), EXACT)


def _check_extreme(direction: int) -> Callable[[Probe, Mapping[str, Any]], Verdict]:
    def check(p: Probe, v: Mapping[str, Any]) -> Verdict:
        claimed = p.number(v["value"])
        there = (
            [_close(claimed, p.at(at)) for at in _places(v["where"], p)]
            if "where" in v
            else [_highest(p, direction, claimed)]
        )
        passed = max(direction * (h - claimed) for h in p.heights) <= NEAR
        return _all(_yes(passed and there), *there)

    return check


def _check_limit(index: int) -> Callable[[Probe, Mapping[str, Any]], Verdict]:
    def check(p: Probe, v: Mapping[str, Any]) -> Verdict:
        values = [p.at(at) for at in p.towards(p.ends[index])]
        return _all(_yes(p.number(v["at"]) == p.ends[index]), _tends(values, p.number(v["value"])))

    return check


def _check_parity(p: Probe, v: Mapping[str, Any]) -> Verdict:
    verdicts = []
    for name, word in v.items():
        f = p.at if name == "function" else p.slope
        pairs = [(f(at), f(-at)) for at in p.grid if abs(at) < 9]
        even, odd = (max(_off(r, s * left) for r, left in pairs) for s in (1, -1))
        verdicts.append(_yes({"even": even < NEAR, "odd": odd < NEAR, "neither": min(even, odd) > NEAR}.get(word)))
    return _all(*verdicts)


REFLECTIONS: Mapping[str, Callable[[Probe, Mapping[str, Any], Any], tuple[Any, Any]]] = {
    "point": lambda p, v, t: (
        p.number(v["constant"]) - p.at(p.number(v["centre"]) + t),
        p.at(p.number(v["centre"]) - t),
    ),
    "axis": lambda p, v, t: (p.at(p.number(v["centre"]) + t), p.at(p.number(v["centre"]) - t)),
    "linear": lambda p, v, t: (p.at(t) - p.number(v["coefficient"]) * t, p.at(-t)),
}
"""Two sides that are equal for every t."""


def _check_symmetry(p: Probe, v: Mapping[str, Any]) -> Verdict:
    with mpmath.workdps(60):
        return _all(*(_close(*REFLECTIONS[v["kind"]](p, v, mpmath.mpf(n) / 13)) for n in range(1, 70, 4)))


def _changes(p: Probe, values: tuple[Any, ...]) -> set[int]:
    steps = [b - a for (a, b), at in zip(pairwise(values), p.grid, strict=False) if abs(at) < 9]
    return {int(mpmath.sign(s)) if abs(s) > mpmath.mpf(10) ** -40 else 0 for s in steps}


def _turned(f: Callable[[Any, int], Any], places: tuple[Any, ...], p: Probe) -> bool:
    return bool(places) and all(f(p.number(at), -1) * f(p.number(at), 1) < 0 for at in places)


def _check_monotonicity(p: Probe, v: Mapping[str, Any]) -> Verdict:
    seen = _changes(p, p.heights)
    if v["kind"] != "not monotone":
        return _yes(any(seen == allowed and word == v["kind"] for allowed, word, _ in WAYS))
    turned = "turning" not in v or _turned(lambda at, d: p.slope(at + d * mpmath.mpf("1e-4")), v["turning"], p)
    return _yes({1, -1} <= seen and turned)


def _check_convexity(p: Probe, v: Mapping[str, Any]) -> Verdict:
    grid = [at for at in p.grid if abs(at) < 9]
    with mpmath.workdps(60):
        bends = tuple(p.at(a) + p.at(b) - 2 * p.at((a + b) / 2) for a, b in zip(grid, grid[2:], strict=False))
    seen = {int(mpmath.sign(b)) if abs(b) > mpmath.mpf(10) ** -40 else 0 for b in bends}
    if v["kind"] != "neither":
        return _yes(any(seen == allowed and word == v["kind"] for allowed, _, word in WAYS))

    def bend(at: Any, direction: int) -> Any:
        h = mpmath.mpf("1e-4")
        return p.slope(at + 2 * direction * h) - p.slope(at + direction * h) if direction > 0 else (
            p.slope(at - h) - p.slope(at - 2 * h))  # fmt: skip

    return _yes({1, -1} <= seen and ("inflections" not in v or _turned(bend, v["inflections"], p)))


def _check_max_slope(p: Probe, v: Mapping[str, Any]) -> Verdict:
    claimed = p.number(v["value"])
    tails = [[abs(p.slope(at)) for at in p.towards(end)] for end in p.ends]
    if mpmath.isinf(claimed):
        return _yes(not v["attained"] and any(_tends(t, claimed)[0] for t in tails))
    within = max([*p.steepness, *(t for tail in tails for t in tail)]) <= claimed + NEAR * (1 + claimed)
    there = [_close(claimed, abs(p.slope(at))) for at in _places(v.get("where", ()), p)]
    there = there if "where" in v else [_close(claimed, max(p.steepness))]
    if v["attained"]:
        return _all(_yes(within and there), *there)
    near = max(s for at, s in zip(p.grid, p.steepness, strict=True) if abs(at) < NEARBY)
    best = _polished(lambda at: abs(p.slope(at)), p.grid, p.steepness)
    return _yes(
        within
        and not v.get("where")
        and near < claimed
        and (any(_tends(t, claimed)[0] for t in tails) or _close(claimed, best)[0])
    )


def _check_saturation(p: Probe, v: Mapping[str, Any]) -> Verdict:
    flat = {name: _tends([abs(p.slope(at)) for at in p.towards(end)], mpmath.mpf(0))[0]
            for name, end in zip(("left", "right"), p.ends, strict=True)}  # fmt: skip
    return _yes(all(flat[name] == claimed for name, claimed in v.items()))


def _check_vanishing(p: Probe, v: Mapping[str, Any]) -> Verdict:
    verdicts = [_yes(v["threshold"] == THRESHOLD)]
    limit = number(v["threshold"])
    for name, direction, end in (("left", -1, p.ends[0]), ("right", 1, p.ends[1])):
        claimed = v.get(name)
        if claimed is None:
            continue
        tail = [abs(p.slope(at)) for at in p.towards(end)]
        if isinstance(claimed, str):
            small = max((*p.steepness, *tail)) < limit
            verdicts.append(_yes(small if claimed == "everywhere" else tail[-1] >= limit * (1 - NEAR)))
            continue
        at = p.number(claimed)
        beyond = [s for g, s in zip(p.grid, p.steepness, strict=True) if direction * (g - at) > 0]
        outer, inner = abs(p.side(at, direction)), abs(p.side(at, -direction))
        verdicts.append(_yes(max([*beyond, *tail]) < limit and outer < limit <= inner))
    return _all(*verdicts)


def _check_zero_centred(p: Probe, v: Mapping[str, Any]) -> Verdict:
    near = [at for at in p.grid if abs(at) < 9]
    odd = max(_off(p.at(at), -p.at(-at)) for at in near) < NEAR and any(p.at(at) != 0 for at in near)
    return _yes(odd == v["holds"])


CHECKS: Mapping[str, Callable[[Probe, Mapping[str, Any]], Verdict]] = {
    "range": _check_range,
    "min_value": _check_extreme(-1),
    "max_value": _check_extreme(1),
    "limit_minus": _check_limit(0),
    "limit_plus": _check_limit(1),
    "value_at_zero": lambda p, v: _close(p.number(v["value"]), p.at(sympy.S.Zero)),
    "parity": _check_parity,
    "symmetry": _check_symmetry,
    "monotonicity": _check_monotonicity,
    "convexity": _check_convexity,
    "max_slope": _check_max_slope,
    "saturation": _check_saturation,
    "vanishing": _check_vanishing,
    "zero_centred": _check_zero_centred,
}

assert tuple(CHECKS) == tuple(FINDERS)


def check_properties(
    properties: tuple[Property, ...], expression: Expr, derivative: Expr, x: Symbol, domain: Domain = NOTHING
) -> tuple[CheckRow, ...]:
    """Check every property by evaluation of the function alone, at random admissible values of the parameters.

    Slopes are central differences of the function; a first row compares the derivative with them. One row a property,
    with the key as its name, the largest error, and the parameters at which it arose.
    """
    names = assumed(expression.free_symbols | derivative.free_symbols | {x}, domain)
    f, slope, v = expression.xreplace(names), derivative.xreplace(names), names[x]
    sets = {names[s]: values for s, values in domain.items() if s in names}
    points = samples((f.free_symbols | slope.free_symbols) - {v}, sets, 3, seed=13)
    probes = [Probe(f, v, domain_of(v, sets), point) for point in points]
    undefined = next((p for p in probes if any(map(mpmath.isnan, p.heights))), None)
    if undefined is not None:
        return (CheckRow("values", False, float("inf"), undefined.first_gap),)
    rows = [_row("slope", probes, lambda p: _check_slope(p, slope))]
    for item in properties:
        rows.append(_row(item.key, probes, partial(_check_item, item.key, renamed(dict(item.values), names))))
    return tuple(rows)


def _check_item(key: str, values: Mapping[str, Any], p: Probe) -> Verdict:
    try:
        return CHECKS[key](p, values)
    except KeyError:
        return False, float("inf")  # an entry that the property cannot do without is missing


def _check_slope(p: Probe, derivative: Expr) -> Verdict:
    given = Probe(derivative, p.x, p.values, p.point)
    return _all(*(_close(p.slope(at), given.at(at)) for at in p.grid if abs(at) < 30))


def _row(name: str, probes: list[Probe], check: Callable[[Probe], Verdict]) -> CheckRow:
    with mpmath.workdps(DIGITS):
        verdicts = [check(p) for p in probes]
    held, error = _all(*verdicts)
    worst = next((p for p, verdict in zip(probes, verdicts, strict=True) if not verdict[0]), probes[0])
    return CheckRow(name, held, error, ", ".join(f"{s} = {value}" for s, value in worst.point.items()))
