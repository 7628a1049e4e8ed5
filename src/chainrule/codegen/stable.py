"""Find a form of an expression that is accurate everywhere: propose equal forms, measure each in ulp, mend the best where they fail, keep
the cheapest that is within the limit.

Forms come from tables (rewrites.py, regions.py, and PROPOSALS and FINISHES below), mends from the table in mends.py. What is
measured is the NumPy code itself, on a model machine (model.py), against the expression as given; so every machine generates the same
file. Budgets are counted in forms and points.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from sympy import Abs, Expr, Piecewise, Symbol

from chainrule.balls import Undefined
from chainrule.codegen import model
from chainrule.codegen.cost import AGAIN, cost
from chainrule.codegen.evaluation import CONTEXT, evaluate, holds
from chainrule.codegen.mends import MENDS, Patient
from chainrule.codegen.points import EVERY, GOLDEN, closer, jumps, nearby, neighbours, on_edge, ordinary
from chainrule.codegen.printing import Body, body
from chainrule.codegen.reference import Reference
from chainrule.codegen.regions import (
    FORMS,
    clamped,
    conjugate_split,
    error_function_split,
    exponential_split,
    limits_apart,
    reciprocal_split,
)
from chainrule.codegen.rewrites import CONJUGATE, CURVED, LAST, ODD, REWRITES, SIGMOID, rewrite, rewritten
from chainrule.codegen.ulp import Truth, ulps
from chainrule.codegen.vocabulary import refined
from chainrule.errors import UnsupportedExpression, VerificationError
from chainrule.runtime import scalar as runtime
from chainrule.runtime.extended import NEAR

Point = tuple[float, ...]
LIMIT = 4.0  # ulp: what a form should reach
SAMPLED = 3.25  # ulp at the points here: among millions of others there are such that are off by a fifth more
WITHIN_DIFFERENCE = 1.6  # ulp: for a function of a difference, whose own rounding adds to it
CLASSES = (SAMPLED, 3.6, 4.0, 4.4, 4.8, 5.2, 6.0, 8.0, 12.0, 20.0, 50.0, 200.0, *(10.0**k for k in range(3, 20)))
"""ulp: forms between two of these are as good as one another."""
DEAR = {mend.name for mend in MENDS if mend.is_dear}
JUST_MISSED = 4.8  # ulp: a form that is off by no more is better than one that costs several times as much
TOLERANCES = (
    1e-14,
    1e-13,
)  # relative error, away from roots: the loosest that is accepted where no form is within the limit
NEAR_ROOT = 1e-15  # absolute, times max(1, |x f'(x)|)
UNDERFLOW = 1e-319  # subnormal numbers have few digits: an error of this size is not one
OVERFLOW = 1.7976931348623e308
NEAR_BITS = 3000  # enough to tell sigma(1e-300) from 1/2
REGION_BITS = 240
TRACE = False
UNSUPPORTED = (sympy.DiracDelta, sympy.Derivative, sympy.Subs, sympy.Integral, sympy.Sum, sympy.zoo, sympy.nan)
MAX_FORMS = 64
KEPT = 6  # forms that go on to the dense points
MODERATE = 40.0
MAX_BRANCHES = 6
MAX_ROOTS = 60
MOST_CHANGES = 10
HARDLY, NOTHING = 1e-290, 5e-324  # sizes between which a value may lose digits on the way
HALVINGS = 16  # of a gap between points, to find where it does
FADING = 24  # points there


@dataclass(frozen=True)
class Effort:
    """How hard a search looks: searches, each at the points that the one before has found wanting; how many forms are tried in mending one; times that the best
    form is looked at more closely, how many of its worst points, and how many numbers near each."""

    searches: int
    mended: int
    probes: int
    worst: int
    nearby: int


QUICK, THOROUGH = Effort(1, 45, 6, 16, 40), Effort(2, 45, 6, 24, 100)


@dataclass(frozen=True)
class Problem:
    """One expression, its symbols, and the points with their true values (NaN where there is none).

    rest: what remains of the exact values, in ulp of the true ones; empty where unknown. limit: in ulp, what a form should reach.
    region: the condition under which the expression counts, and those that come before it."""

    expr: Expr
    symbols: tuple[Symbol, ...]
    points: tuple[Point, ...]
    truth: tuple[float, ...]
    reference: Reference
    rest: tuple[float, ...] = ()
    limit: float = SAMPLED
    region: tuple[Any, tuple[Any, ...]] | None = None

    @property
    def exact(self) -> Truth:
        """The true values with what rounding took from them."""
        return Truth(np.array(self.truth), np.array(self.rest or (0.0,) * len(self.truth)))

    def is_moderate(self, k: int) -> bool:
        """Whether neither a point nor the value there is extreme."""
        return all(abs(x) <= MODERATE for x in self.points[k]) and abs(math.log(abs(self.truth[k]) or 1)) < 600

    def at(self, chosen: Sequence[int]) -> "Problem":
        """The problem at some of its points."""
        return replace(
            self,
            points=tuple(self.points[k] for k in chosen),
            truth=tuple(self.truth[k] for k in chosen),
            rest=tuple(self.rest[k] for k in chosen) if self.rest else (),
        )


@dataclass(frozen=True)
class Measured:
    """How far a form is off, and where: in ulp, inf for a wrong infinity, sign or NaN. failing: the points beyond the limit. `at` is None
    when it is right everywhere."""

    ulp: float
    at: Point | None
    got: float
    wanted: float
    failing: tuple[int, ...]

    @property
    def error(self) -> float:
        """The largest relative error that as many ulp can be."""
        return self.ulp * 2.0**-52


@dataclass(frozen=True)
class Step:
    """Rules that were applied together, by their names, and the expression after them."""

    rules: tuple[str, ...]
    expr: Expr


@dataclass(frozen=True)
class Form:
    """A form, the names of the rules that led to it, in order, and the expressions on the way."""

    expr: Expr
    rules: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    def followed_by(self, rule: str, expr: Expr) -> "Form":
        """The form that one more rule makes of this one."""
        return Form(expr, (*self.rules, rule), (*self.steps, Step((rule,), expr)))


@dataclass(frozen=True)
class Stable:
    """A form that passed, its code, the relative tolerance that it is stated to meet, and how it was found.

    `naive`: what was measured of the code of the expression as given. Both were measured on the model machine, whose functions are
    right to 1.1 ulp, so that they are the same everywhere."""

    expr: Expr
    body: Body
    tolerance: float
    measured: Measured
    rules: tuple[str, ...]
    naive: Measured
    naive_body: Body
    problem: Problem
    steps: tuple[Step, ...] = ()

    @property
    def within(self) -> bool:
        """Whether it reaches the limit at every point that was looked at."""
        return self.measured.ulp <= LIMIT


def _given(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    yield "", expr


def _split(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    for form in FORMS:
        yield f"one exponential, exp(-|u|), {form.name}", exponential_split(expr, form.arrange)
    yield "one exponential, exp(-|u|), limits apart", limits_apart(expr)
    for form in FORMS:
        yield f"one exponential, exp(-|u|), {form.name} with u", exponential_split(expr, form.arrange, joint=True)


def _tanh(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    plain, rules = rewritten(expr, SIGMOID)
    if rules and plain.has(sympy.tanh):
        for form in FORMS:
            split = exponential_split(plain, form.arrange, keep=True)
            yield f"1 - σ and one exponential, exp(-|u|), {form.name}", split
            if split is not None:
                yield "1 - σ and one exponential, exp(-|u|), common terms outside", sympy.factor_terms(split)


def _clamped(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    for form in FORMS:
        yield f"one exponential, exp(min(u, 40)), {form.name}", clamped(expr, form.arrange)


def _gaussian(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    yield from error_function_split(expr)


def _reciprocal(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    for form in FORMS:
        for variable in variables[:2]:
            yield f"1/x where |x| > 1, {form.name}", reciprocal_split(expr, variable, form.arrange)
    for variable in variables[:1]:
        yield "1/x where |x| > 2⁶⁴", reciprocal_split(expr, variable, FORMS[0].arrange, beyond=2**64)


def _conjugate(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    yield "conjugate", rewrite(expr, CONJUGATE)
    yield "conjugate where the signs differ", conjugate_split(expr)


def _factored(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    if expr.count_ops() < 80:
        yield "common terms outside", sympy.factor_terms(expr)
        yield "factors", sympy.factor(expr)
        yield "terms", sympy.expand(expr)


def _apart(expr: Expr, variables: Sequence[Symbol]) -> Iterator[tuple[str, Expr | None]]:
    for variable in variables[:1]:
        if expr.is_rational_function(*variables) and not expr.is_polynomial(*variables):
            yield "partial fractions", sympy.apart(sympy.together(expr), variable)
            yield "one fraction, factored", sympy.factor(sympy.together(expr))


PROPOSALS: tuple[Callable[[Expr, Sequence[Symbol]], Iterator[tuple[str, Expr | None]]], ...] = (
    _given,
    _clamped,
    _split,
    _tanh,
    _gaussian,
    _conjugate,
    _factored,
    _apart,
    _reciprocal,
)


FINISHES = ((REWRITES, LAST), (REWRITES, CURVED, ODD), (REWRITES, ODD), (REWRITES,), ())


def forms(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Form]:
    """Equal forms of an expression, simplest first, at most MAX_FORMS."""
    seen: dict[Expr, None] = {}
    for propose in PROPOSALS:
        for name, proposal in propose(expr, variables):
            if proposal is None:
                continue
            for tables in FINISHES:
                plain, steps = proposal, [Step((name,), proposal)] if name else []
                for table in tables:
                    plain, applied = rewritten(plain, table)
                    steps += [Step(applied, plain)] if applied else []
                if plain not in seen and len(seen) < MAX_FORMS:
                    seen[plain] = None
                    yield Form(plain, tuple(rule for step in steps for rule in step.rules), tuple(steps))


def stabilise(problem: Problem, names: Mapping[Symbol, str], effort: Effort = QUICK) -> Stable:
    """The cheapest form within LIMIT, or the nearest to it that meets the loosest tolerance. Raises VerificationError if none does."""
    found = _best(problem, names, effort)
    if found.measured.ulp > LIMIT:
        lenient = measure(problem, _on_model(found.body, problem, names), lenient=True)
        tolerance = next((each for each in TOLERANCES if lenient.error <= each), None)
        if tolerance is None:
            where = dict(zip(problem.symbols, lenient.at or (), strict=False))
            wide = max(where, key=lambda symbol: abs(where[symbol]), default=None)
            raise VerificationError(
                f"{problem.expr}: no form is accurate to {TOLERANCES[-1]:g}. "
                f"The best gives {lenient.got!r} instead of {lenient.wanted!r} at "
                f"{', '.join(f'{symbol} = {value!r}' for symbol, value in where.items())}. "
                f"Give an equal form that keeps its digits there, or narrow the domain: domain={{{wide}: ...}} in the definition."
            )
        found = replace(found, tolerance=tolerance)
    return found


@dataclass(frozen=True)
class _Tried:
    form: Form
    body: Body
    measured: Measured
    cost: float
    moderate: int  # how many points fail though nothing is extreme there
    limit: float
    points: int  # at how many it was measured

    @property
    def rank(self) -> tuple[int, bool, int, float]:
        """Class of the largest error, of what is dear that of forms which just miss the limit; whether it is dear; how many points fail, up to a factor of
        two; cost."""
        error = max(self.measured.ulp, JUST_MISSED) if self.is_dear else self.measured.ulp
        classed = 0 if error <= self.limit else 1 + bisect_left(CLASSES, error) + math.isinf(error)
        return (classed, self.is_dear, len(self.measured.failing).bit_length(), self.cost)

    @property
    def is_dear(self) -> bool:
        """Whether it costs so much that it is for what nothing else brings near the limit."""
        return not DEAR.isdisjoint(self.form.rules)

    @property
    def hope(self) -> tuple[int, float]:
        """What is mended first: what fails at few points, above all where nothing is extreme."""
        return (len(self.measured.failing) + 4 * self.moderate, self.cost)


def _best(problem: Problem, names: Mapping[Symbol, str], effort: Effort) -> Stable:
    variables = [symbol for symbol in problem.symbols if symbol in problem.expr.free_symbols]
    close = closer_points(problem)

    def tried(form: Form, at: Problem) -> _Tried:
        code = body(form.expr, names)
        measured = measure(at, _on_model(code, problem, names))
        moderate = sum(map(at.is_moderate, measured.failing))
        return _Tried(form, code, measured, _price(form.expr, problem, names), moderate, at.limit, len(at.points))

    coarse = sorted(
        (tried(form, problem) for form in _assembled(problem, variables, effort)), key=lambda each: each.hope
    )
    start_from = [each.form for each in coarse[:KEPT]]
    for _ in range(effort.searches):
        results = {form.expr: tried(form, close) for form in start_from}
        for start in sorted(results.values(), key=lambda each: each.hope):
            best = min(results.values(), key=lambda each: each.rank)
            if start.measured.failing and not (best.measured.ulp <= problem.limit and start.cost >= best.cost):
                _mend(start, results, close, tuple(variables), tried, effort.mended)
        best, close = _confirmed(results, close, names, tried, effort)
        if best.measured.ulp <= problem.limit:
            break
        start_from = list(dict.fromkeys((best.form, *start_from)))
    naive = tried(Form(problem.expr), close)
    return Stable(
        best.form.expr,
        best.body,
        TOLERANCES[0],
        best.measured,
        best.form.rules,
        naive.measured,
        naive.body,
        problem,
        best.form.steps,
    )


def _price(expr: Expr, problem: Problem, names: Mapping[Symbol, str]) -> float:
    """The cost of a form, with what is computed again of ordinary data."""
    total = cost(expr)
    columns = [np.array(column) for column in zip(*ordinary(problem.reference.domains), strict=True)]
    for node in expr.atoms(refined):
        found = [_on_model(body(part, names), problem, names) for part in node.args[1:3]]
        with np.errstate(all="ignore"):
            left, size = (function(*columns) for function in found)
        total += AGAIN * float(np.mean(np.abs(left) < NEAR * size))
    return total


def _confirmed(
    results: dict[Expr, _Tried],
    close: Problem,
    names: Mapping[Symbol, str],
    tried: Callable[[Form, Problem], _Tried],
    effort: Effort,
) -> tuple[_Tried, Problem]:
    """The best form that is still the best at more points near those where it is worst, and the problem with these."""
    best = min(results.values(), key=lambda each: each.rank)
    for turn in range(effort.probes):
        close = _probed(close, best, turn, names, effort)
        results[best.form.expr] = again = tried(best.form, close)
        best = min(results.values(), key=lambda each: each.rank)
        if best is again and turn:
            break
    while best.points < len(close.points):
        results[best.form.expr] = tried(best.form, close)
        best = min(results.values(), key=lambda each: each.rank)
    return best, close


def _probed(close: Problem, found: _Tried, turn: int, names: Mapping[Symbol, str], effort: Effort) -> Problem:
    """The problem with more points near those where a form is worst."""
    columns = [np.array(column) for column in zip(*close.points, strict=True)]
    with np.errstate(all="ignore"):
        got = np.broadcast_to(_on_model(found.body, close, names)(*columns), close.exact.near.shape)
        error = ulps(np.array(got, dtype=np.float64), close.exact)
    order = np.argsort(-np.where(np.isfinite(error), error, -1.0), kind="stable")[: effort.worst]
    used = [k for k, symbol in enumerate(close.symbols) if symbol in close.expr.free_symbols]
    more = []
    for i in order.tolist():
        point = close.points[i]
        for k in used:
            low, high = close.reference.domains[k]
            if math.isfinite(point[k]):
                more += [
                    (*point[:k], x, *point[k + 1 :]) for x in nearby(point[k], effort.nearby, turn) if low <= x <= high
                ]
    return _with(close, tuple(more))


def _mend(
    start: _Tried,
    results: dict[Expr, _Tried],
    close: Problem,
    variables: tuple[Symbol, ...],
    tried: Callable[[Form, Problem], _Tried],
    most: int,
) -> None:
    """Mend a form, and what comes of that, the most hopeful first, until one is within the limit or so many have been tried; then what is dear, likewise, unless
    it would not be chosen."""
    waiting, dear, turns = [start], list[_Tried](), 0
    while waiting:
        here = waiting.pop(0)
        patient = Patient(
            here.form.expr,
            variables,
            close.symbols,
            close.points,
            close.truth,
            here.measured.failing,
            close.reference,
            here.form.rules,
        )
        for mend in MENDS:
            if mend.name in here.form.rules:
                continue
            helped: list[_Tried] = []
            for mended in mend.apply(patient):
                if mended in results:
                    continue
                turns += 1
                results[mended] = new = tried(here.form.followed_by(mend.name, mended), close)
                if TRACE:
                    print(f"  {here.hope} {here.form.rules} + {mend.name} ->", new.hope, new.measured.ulp)
                if not new.measured.failing and not mend.is_dear:
                    return
                no_better = bool(helped) and new.hope >= helped[-1].hope
                if len(new.measured.failing) < len(here.measured.failing):
                    helped.append(new)
                if no_better or (not new.moderate and new.measured.ulp < here.measured.ulp):
                    break
            for new in sorted(helped, key=lambda each: each.hope)[:2]:
                (dear if new.is_dear > here.is_dear else waiting).append(new)
        waiting.sort(key=lambda each: each.hope)
        if not waiting or turns >= most:
            near = any(each.measured.ulp <= JUST_MISSED and not each.is_dear for each in results.values())
            waiting, dear, turns = [] if near else sorted(dear, key=lambda each: each.hope), [], 0


def _assembled(problem: Problem, variables: Sequence[Symbol], effort: Effort) -> Iterator[Form]:
    """Forms of the expression; for a Piecewise, the same proposal in every branch, then the best of each branch."""
    expr = problem.expr
    folded = sympy.piecewise_fold(expr) if expr.has(Piecewise) else expr
    if not isinstance(folded, Piecewise) or len(folded.args) > MAX_BRANCHES:
        yield from forms(expr, variables)
        yield from _of_difference(problem, variables, effort)
        yield from _of_size(problem, variables, effort)
        return
    names = {symbol: f"a{k}" for k, symbol in enumerate(problem.symbols)}
    pieces, rules, found_steps = [], [], []
    for branch, condition in _regions(folded):
        inside = [k for k, point in enumerate(problem.points) if _inside(condition, problem.symbols, point)]
        part = replace(problem.at(inside), expr=branch, region=condition)
        if branch.is_number or not inside:
            pieces.append(branch)
            continue
        found = _best(part, names, effort)
        found_steps += [(len(pieces), step) for step in found.steps]
        pieces.append(found.expr)
        rules += list(found.rules)
    conditions = [condition for _, condition in folded.args]
    here, steps = [branch for branch, _ in folded.args], []
    for k, step in found_steps:
        here[k] = step.expr
        steps.append(Step(step.rules, Piecewise(*zip(here, conditions, strict=True))))
    yield Form(Piecewise(*zip(pieces, conditions, strict=True)), tuple(dict.fromkeys(rules)), tuple(steps))


def _of_difference(problem: Problem, variables: Sequence[Symbol], effort: Effort) -> Iterator[Form]:
    """Of an expression in x - y only, the form of the function of that one number."""
    if len(variables) != 2:
        return
    x, y = variables
    u = Symbol("u", real=True)
    for difference, solved in ((x - y, u + y), (x + y, u - y)):
        single = sympy.expand(problem.expr.xreplace({x: solved}))
        if single.has(y):
            continue
        points = tuple((each,) for each in EVERY)
        oriented = difference if problem.expr.has(difference) or not problem.expr.has(-difference) else -difference
        if oriented != difference:
            single = single.xreplace({u: -u})
        inner = replace(
            _problem(single, (u,), points, ((-math.inf, math.inf),)), limit=WITHIN_DIFFERENCE
        )  # u is rounded
        found = _best(inner, {u: "u"}, effort)
        rule = "one number, the difference"
        steps = [Step((rule,), single.xreplace({u: oriented}))]
        steps += [Step(step.rules, step.expr.xreplace({u: oriented})) for step in found.steps]
        yield Form(found.expr.xreplace({u: oriented}), (rule, *found.rules), tuple(steps))


def _of_size(problem: Problem, variables: Sequence[Symbol], effort: Effort) -> Iterator[Form]:
    """Of an expression in |x| only, the form of the function of that one number, which may have an expansion about 0."""
    u = Symbol("u", nonnegative=True)
    if len(variables) != 1 or not problem.expr.has(Abs(variables[0])):
        return
    size = Abs(variables[0])
    single = problem.expr.xreplace({size: u})
    if single.has(variables[0]):
        return
    points = tuple((each,) for each in EVERY if each >= 0)
    found = _best(_problem(single, (u,), points, ((0.0, math.inf),)), {u: "u"}, effort)
    rule = "one number, the size"
    steps = [Step((rule,), problem.expr)]
    steps += [Step(step.rules, step.expr.xreplace({u: size})) for step in found.steps]
    yield Form(found.expr.xreplace({u: size}), (rule, *found.rules), tuple(steps))


def _regions(folded: Piecewise) -> Iterator[tuple[Expr, tuple[Any, tuple[Any, ...]]]]:
    earlier: tuple[Any, ...] = ()
    for branch, condition in folded.args:
        yield branch, (condition, earlier)
        earlier = (*earlier, condition)


def _inside(region: tuple[Any, tuple[Any, ...]], symbols: Sequence[Symbol], point: Point) -> bool:
    condition, earlier = region
    try:
        return not any(holds(each, symbols, point, REGION_BITS) for each in earlier) and holds(
            condition, symbols, point, REGION_BITS
        )
    except Undefined:
        return False


def _on_model(code: Body, problem: Problem, names: Mapping[Symbol, str]) -> Callable[..., Any]:
    return runnable(code, tuple(names[symbol] for symbol in problem.symbols), model.NUMPY, model.RUNTIME)


def runnable(
    code: Body, names: Sequence[str], numpy: Any = np, functions: Mapping[str, Any] | None = None
) -> Callable[..., Any]:
    """The statements as a Python function of arrays; of the functions of another NumPy and another runtime, if given."""
    text = f"def f({', '.join(names)}):\n" + "".join(f"    {line}\n" for line in code.lines)
    space: dict[str, Any] = {"np": numpy}
    for name in code.imports:
        space[name] = getattr(runtime, name) if functions is None else functions[name]
    exec(compile(text, "<candidate>", "exec"), space)
    function: Callable[..., Any] = space["f"]
    return function


def measure(problem: Problem, function: Callable[..., Any], lenient: bool = False) -> Measured:
    """The largest error of NumPy code at the points of a problem. lenient: near a root, where no form may be found, an absolute error will do."""
    if not problem.points:
        return Measured(0.0, None, 0.0, 0.0, ())
    columns = [np.array(column, dtype=np.float64) for column in zip(*problem.points, strict=True)]
    truth = problem.exact
    with np.errstate(all="ignore"):
        got = np.array(np.broadcast_to(np.asarray(function(*columns), dtype=np.float64), truth.near.shape))
        error = ulps(got, truth)
        error[np.isnan(error)] = 0.0
        if lenient:
            off = np.abs(got - truth.near)
            error[off <= UNDERFLOW] = 0.0
            error = np.fmin(
                error, off / np.abs(truth.near) * 2.0**52
            )  # the relative error, of which an ulp may be half
            suspects = [int(i) for i in np.flatnonzero(error * 2.0**-52 > TOLERANCES[0] / 4)]
            if len(suspects) <= MAX_ROOTS:
                for i in suspects:
                    if np.isfinite(error[i]) and off[i] <= _allowance(problem, problem.points[i]):
                        error[i] = 0.0
    worst = int(np.argmax(error))
    return Measured(
        float(error[worst]),
        problem.points[worst] if error[worst] > 0 else None,
        float(got[worst]),
        float(truth.near[worst]),
        tuple(int(i) for i in np.flatnonzero(error > problem.limit)),
    )


def _allowance(problem: Problem, point: Point) -> float:
    """The absolute error allowed near a root, 0 elsewhere. Near: one or two Newton steps, short against x, all but
    reach it."""
    if not all(map(math.isfinite, point)):
        return 0.0
    for k, x in enumerate(point):
        if x in (0, *problem.reference.domains[k]):  # the end of a domain, such as a target of 1, is meant exactly
            continue
        CONTEXT.prec = NEAR_BITS
        h = abs(CONTEXT.mpf(x)) * CONTEXT.mpf(2) ** -80
        ahead, here, behind = (_at(problem, point, k, CONTEXT.mpf(x) + step) for step in (h, 0, -h))
        if ahead is None or here is None or behind is None or ahead == behind:
            continue
        slope = (ahead - behind) / (2 * h)
        step = here / slope
        for multiple in (1, 2):
            if abs(multiple * step) > abs(x) / 8:
                continue
            there = _at(problem, point, k, CONTEXT.mpf(x) - multiple * step)
            if there is None or abs(there) <= abs(here) / 20:  # None: it cancelled to the last digit
                return NEAR_ROOT * max(1.0, float(abs(x * slope)))
    return 0.0


def _at(problem: Problem, point: Point, k: int, moved: Any) -> Any:
    try:
        return evaluate(problem.expr, problem.symbols, (*point[:k], moved, *point[k + 1 :]), NEAR_BITS)
    except Undefined:
        return None


@lru_cache(maxsize=64)
def problem(
    expr: Expr, symbols: Sequence[Symbol], points: Sequence[Point], domains: Sequence[tuple[float, float]]
) -> Problem:
    """An expression with its true values at the points; forms of it help where it cannot be decided by itself."""
    return _problem(expr, symbols, points, domains)


def _problem(
    expr: Expr, symbols: Sequence[Symbol], points: Sequence[Point], domains: Sequence[tuple[float, float]]
) -> Problem:
    if expr.has(*UNSUPPORTED):
        raise UnsupportedExpression(
            f"{expr}: no NumPy code for derivatives, integrals, sums or delta functions; rewrite it without."
        )
    exact = expr.xreplace({number: sympy.Rational(str(number)) for number in expr.atoms(sympy.Float)})
    reference = Reference(exact, symbols, domains)
    probes = [point for point in points if all(0.01 < abs(x) < 40 for x in point)][::7][:12]
    for form in _teachers(exact, [symbol for symbol in symbols if symbol in exact.free_symbols]):
        reference.teach(form, probes)
    truth = _true(exact, symbols, reference, points)
    return Problem(
        exact, tuple(symbols), tuple(points), tuple(truth.near.tolist()), reference, tuple(truth.rest.tolist())
    )


def _true(expr: Expr, symbols: Sequence[Symbol], reference: Reference, points: Sequence[Point]) -> Truth:
    margins = jumps(expr)
    return Truth.of([None if on_edge(margins, symbols, point) else reference.exact(point) for point in points])


@lru_cache(maxsize=64)
def closer_points(problem: Problem) -> Problem:
    """The problem at many more points: every scale, around places where the value changes sign, and where it becomes subnormal."""
    used = [k for k, symbol in enumerate(problem.symbols) if symbol in problem.expr.free_symbols]
    result = _with(problem, closer(problem.points, problem.reference.domains, used))
    for more in (_near_roots, _fading) if used else ():
        result = _with(result, more(result, used[0]))
    return result


def _with(problem: Problem, more: Sequence[Point]) -> Problem:
    """The problem at more points, as far as they are new and count."""
    known = {(*point, *(math.copysign(1, x) for x in point)) for point in problem.points}
    new = tuple(p for p in dict.fromkeys(more) if (*p, *(math.copysign(1, x) for x in p)) not in known)
    if problem.region is not None:
        new = tuple(point for point in new if _inside(problem.region, problem.symbols, point))
    truth = _true(problem.expr, problem.symbols, problem.reference, new)
    return replace(
        problem,
        points=problem.points + new,
        truth=problem.truth + tuple(truth.near.tolist()),
        rest=problem.rest + tuple(truth.rest.tolist()),
    )


def _lines(problem: Problem, k: int) -> dict[Point, list[tuple[float, float]]]:
    """The values along coordinate k, in order, by the other coordinates."""
    found: dict[Point, list[tuple[float, float]]] = {}
    for point, value in zip(problem.points, problem.truth, strict=True):
        if math.isfinite(point[k]) and value == value:
            found.setdefault((*point[:k], *point[k + 1 :]), []).append((point[k], value))
    return {other: sorted(line) for other, line in found.items()}


def _fading(problem: Problem, k: int) -> tuple[Point, ...]:
    """Numbers along coordinate k from where the value is hardly normal to where it is 0, which may be close together."""
    found: list[Point] = []
    gaps = [
        (other, *((a, b) if fa else (b, a)))
        for other, line in _lines(problem, k).items()
        for (a, fa), (b, fb) in pairwise([each for each in line if not each[1] or abs(each[1]) > HARDLY])
        if bool(fa) != bool(fb)
    ]
    for other, normal, zero in gaps[:MOST_CHANGES]:

        def size(x: float, other: Point = other) -> Any:
            value = problem.reference.exact((*other[:k], x, *other[k:]))
            return 0 if value is None else abs(value)

        start, _ = _bisected(lambda x: size(x) > HARDLY, normal, zero)
        _, end = _bisected(lambda x: size(x) > NOTHING, start, zero)
        low, high = problem.reference.domains[k]
        between = (start + (end - start) * ((n * GOLDEN) % 1) for n in range(FADING))
        found += [(*other[:k], x, *other[k:]) for x in between if low <= x <= high]
    return tuple(found)


def _bisected(holds: Callable[[float], bool], a: float, b: float) -> tuple[float, float]:
    """Two numbers close together, of which a condition holds for the first, as it does for a, and not for the second."""
    for _ in range(HALVINGS):
        middle = a / 2 + b / 2
        a, b = (middle, b) if holds(middle) else (a, middle)
    return a, b


def _near_roots(problem: Problem, k: int) -> tuple[Point, ...]:
    """The numbers next to a change of sign along coordinate k, and further ones at distances that grow."""
    changes = [
        (other, a, b, fa)
        for other, line in _lines(problem, k).items()
        for (a, fa), (b, fb) in pairwise([each for each in line if each[1] != 0])
        if (fa < 0) != (fb < 0)
    ]
    changes.sort(key=lambda each: (abs(math.log(max(abs(each[1]), 1e-300))), each[0], each[1]))
    found: list[Point] = []
    for other, a, b, fa in changes[:MOST_CHANGES]:
        while True:
            middle = a / 2 + b / 2
            if not a < middle < b:
                break
            value = problem.reference.exact((*other[:k], middle, *other[k:]))
            if value is None:
                break
            a, b = (middle, b) if (value < 0) == (fa < 0) else (a, middle)
        low, high = problem.reference.domains[k]
        found += [(*other[:k], x, *other[k:]) for x in neighbours(a) if low <= x <= high]
    return tuple(found)


def _teachers(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr]:
    if expr.has(Piecewise) or not variables:
        return
    seen = {expr}
    for propose in (_given, _split, _gaussian, _apart):
        for _, proposal in propose(expr, variables):
            form = None if proposal is None else rewrite(proposal, REWRITES)
            if form is not None and form not in seen and len(seen) < 4:
                seen.add(form)
                yield form
