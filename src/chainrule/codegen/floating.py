"""A scalar function in floating point, as data for its document: for each part the way to its stable form, why it is taken, and what it gains."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sympy import Symbol

from chainrule.calculus.checks import CheckRow
from chainrule.calculus.derivation import Derivation
from chainrule.codegen.along import LOST, Along, Look, along
from chainrule.codegen.numpy_source import by_row, stable_parts
from chainrule.codegen.shown import Reason, Way, reasons, way
from chainrule.codegen.spec import GRAD, SECOND, FunctionSpec
from chainrule.codegen.stable import Stable
from chainrule.expression import tree as t

PROMISED = 4.0
SOME = 1000.0  # ulp: three digits
LARGE = 1e300
SEPARATE = 8  # looks between two stretches
MANY = 4  # stretches on one side of 0, beyond which they are not counted
PROBES = 40
ARRANGED = ("difference", "factor", "arranged")  # the keys of rules that do no more than arrange a formula
SAME = 1e-15  # relative: what a polynomial and the rounding of the reference may differ by


@dataclass(frozen=True)
class Stretch:
    """What goes wrong, by key (nan, infinite, lost, digits), and where: from ``low`` to ``high``, infinite where it does not end. digits: how many
    are lost at worst. everywhere: or else at many places in between, as at the roots of a wave."""

    key: str
    low: float
    high: float
    digits: int = 0
    everywhere: bool = True


@dataclass(frozen=True)
class Part:
    """The value, or the derivative of a key of the report (main, other, second). along: the errors along the first argument, None for
    those parts that are only counted."""

    role: str
    goal: t.Node
    stable: Stable
    way: Way
    reasons: tuple[Reason, ...]
    along: Along | None = None

    @property
    def changed(self) -> bool:
        """Whether the stable form is another formula, or its code more than the formula."""
        return bool(self.way.derivation.steps) or any(reason.key not in ARRANGED for reason in self.reasons)

    @property
    def pictured(self) -> bool:
        """Whether there is something to see: errors of the formula as derived that are larger than what is promised."""
        looks = () if self.along is None else self.along.looks
        return self.changed and any(look.error > PROMISED for look in looks if math.isfinite(look.x))

    @property
    def worst(self) -> tuple[Look | None, Look | None]:
        """Where the formula as derived is worst along the argument, and where the stable form is."""
        looks = () if self.along is None else self.along.looks
        ordinary = [look for look in looks if look.x != 0]
        finite = [look for look in ordinary if math.isfinite(look.x)]
        naive = max(finite, key=lambda look: (look.error, -abs(math.log(abs(look.x)))), default=None)
        return naive, max(ordinary, key=lambda look: look.stable, default=None)


def parts(spec: FunctionSpec, derivations: Sequence[Derivation], body: t.Node) -> tuple[Part, ...]:
    """The value, whose formula is ``body``, the derivative by the first variable, then the others."""
    forms = stable_parts(spec)
    main, names = derivations[0], dict(zip(spec.symbols, spec.names, strict=True))
    symbol = next(s for s in spec.symbols if s == main.definition.wrt[0])
    fixed = held(spec, derivations[0])
    own = main.goal.operand if isinstance(main.goal, t.Derivative) else main.goal
    by_hand = {part for part, expr in spec.parts if by_row(spec, expr)}
    found = [_part("value", own, body, forms["_value"], main, "_value" in by_hand)]
    for d in derivations:
        if d.route or d.order > 2 or (d.order == 2 and len(found) < 2):
            continue
        if (key := part_of(d, spec)) in forms:
            role = "second" if d.order == 2 else "main" if d is main else "other"
            found.append(_part(role, d.goal, d.final, forms[key], d, key in by_hand))
    return tuple(
        Part(p.role, p.goal, p.stable, p.way, p.reasons, along(p.stable, names, symbol, fixed))
        if p.role in ("value", "main")
        else p
        for p in found
    )


def part_of(derivation: Derivation, spec: FunctionSpec) -> str:
    """The name of the function that computes the result of a derivation."""
    names = zip(spec.symbols, spec.names, strict=True)
    name = next((n for s, n in names if str(s) == getattr(derivation.variable, "name", "")), "")
    return f"{SECOND if derivation.order == 2 else GRAD}{name}"


def _part(role: str, goal: t.Node, start: t.Node, form: Stable, of: Derivation, by_hand: bool) -> Part:
    """by_hand: whether its code is a row of `single`, and not what the form says."""
    told = (Reason("hand", "code of its own", of_part=True),) if by_hand else reasons(form)
    return Part(role, goal, form, way(form, of, goal, start), told)


def held(spec: FunctionSpec, main: Derivation) -> dict[Symbol, float]:
    """What the other arguments are held at: where the plot has them, parameters at their defaults, else at a number of the domain."""
    named = {str(s): float(v) for s, v in main.definition.plot_at.items()}
    found = {s: default for _, s, default in spec.parameters}
    for _, symbol in spec.arguments:
        values = spec.values.get(symbol)
        found[symbol] = named.get(str(symbol), max(values) if values else 0.5)
    return found


def agreement(part: Part) -> tuple[CheckRow, int]:
    """That what the code computes, without its rounding, is the formula: both at high precision at some of the points of the search; and at how many."""
    problem = part.stable.problem
    worst, at, count = 0.0, "", 0
    expr = part.stable.expr
    moderate = [
        k
        for k, value in enumerate(problem.truth)
        if value and math.isfinite(value) and abs(value) > 1e-290 and problem.is_moderate(k)
    ]
    for k in moderate[:: max(1, len(moderate) // PROBES)]:
        value = problem.reference.decide(expr, problem.points[k])
        if value is None:
            continue
        count += 1
        error = float(abs(value - problem.truth[k]) / abs(problem.truth[k]))
        if error > worst:
            worst, at = error, f"{problem.points[k]}"
    return CheckRow(f"the stable form of the {part.role}", worst <= SAME, worst, f"at {at}"), count


def stretches(errors: Along) -> tuple[Stretch, ...]:
    """Where the formula as derived goes wrong, the worst kinds first; lost digits are told where nothing is worse."""
    found = list(_stretches(errors.looks, _bad))
    if not found:
        found = list(_stretches(errors.looks, lambda look: "digits" if look.error > SOME else ""))
    order = ("nan", "infinite", "lost", "digits")
    return tuple(sorted(found, key=lambda s: order.index(s.key)))


def _open(x: float, extreme: bool, outward: bool) -> float:
    """The end of a run: infinity or 0 where it is the last number looked at in that direction, or next to them."""
    if outward:
        return math.copysign(math.inf, x) if extreme or abs(x) > LARGE else x
    return math.copysign(0.0, x) if extreme or abs(x) < 1 / LARGE else x


def _bad(look: Look) -> str:
    if math.isnan(look.got):
        return "nan"
    if math.isinf(look.error) and (math.isinf(look.got) or math.isinf(look.wanted)):
        return "infinite"
    return "lost" if look.error >= LOST else ""


def _stretches(looks: Sequence[Look], kind: Callable[[Look], str]) -> Iterator[Stretch]:
    """Runs of one kind; a few looks of another between them do not part them, a change of sign does."""
    for key in ("nan", "infinite", "lost", "digits"):
        for _, side in groupby(enumerate(look for look in looks if look.x != 0), key=lambda pair: pair[1].x > 0):
            yield from _gathered(list(_runs(key, list(side), kind)))


def _gathered(found: Sequence[Stretch]) -> Sequence[Stretch]:
    if len(found) <= MANY:
        return found
    return [Stretch(found[0].key, found[0].low, found[-1].high, max(each.digits for each in found), everywhere=False)]


def _runs(key: str, rows: Sequence[tuple[int, Look]], kind: Callable[[Look], str]) -> Iterator[Stretch]:
    """On one side of 0, in rising order."""
    places = [n for n, (_, look) in enumerate(rows) if kind(look) == key]
    start = 0
    for k, n in enumerate(places):
        if k + 1 < len(places) and places[k + 1] - n <= SEPARATE:
            continue
        run = [rows[m][1] for m in places[start : k + 1]]
        start = k + 1
        first, last = places[start - len(run)] == 0, n == len(rows) - 1
        positive = run[0].x > 0
        low, high = _open(run[0].x, first, not positive), _open(run[-1].x, last, positive)
        worst = max(min(look.error, LOST) for look in run)
        yield Stretch(key, low, high, round(math.log10(worst)) if worst > 1 else 0)
