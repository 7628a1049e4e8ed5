"""Find a form of an expression that is accurate everywhere: propose equal forms, measure each, keep the first that
passes.

Forms come from tables (rewrites.py, regions.py, and PROPOSALS and GUARDS below). What is measured is the NumPy code
itself, against
the expression as given. The order of the tables decides, not the last digit of a measurement, so that every machine
generates the same file.
The budget is counted in forms and points.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import numpy as np
import sympy
from sympy import Expr, Piecewise, Symbol

from chainrule.codegen.points import jumps, on_edge
from chainrule.codegen.printing import Body, body
from chainrule.codegen.reference import CONTEXT, Reference, evaluate, holds
from chainrule.codegen.regions import FORMS, exponential_split, reciprocal_split
from chainrule.codegen.rewrites import CONJUGATE, LAST, REWRITES, rewrite
from chainrule.codegen.vocabulary import Undefined, except_at, product, quotient
from chainrule.errors import UnsupportedExpression, VerificationError
from chainrule.runtime import scalar as runtime

Point = tuple[float, ...]
TOLERANCES = (1e-14, 1e-13)  # relative error, away from roots
MARGIN = 4  # a form must be this much better than the tolerance that is stated for it, for other machines' libraries
NEAR_ROOT = 1e-15  # absolute, times max(1, |x f'(x)|)
UNDERFLOW = 1e-319  # subnormal numbers have few digits: an error of this size is not one
OVERFLOW = 1.7976931348623e308
NEAR_BITS = 3000  # enough to tell sigma(1e-300) from 1/2
SPECIAL = {0.0, 1.0, math.inf, -math.inf}  # where a limit may be stated as a case of its own
UNSUPPORTED = (sympy.DiracDelta, sympy.Derivative, sympy.Subs, sympy.Integral, sympy.Sum, sympy.zoo, sympy.nan)
MAX_FORMS = 48
MAX_BRANCHES = 6
MAX_ROOTS = 60


@dataclass(frozen=True)
class Problem:
    """One expression, its symbols, and the points with their true values (NaN where there is none)."""

    expr: Expr
    symbols: tuple[Symbol, ...]
    points: tuple[Point, ...]
    truth: tuple[float, ...]
    reference: Reference


@dataclass(frozen=True)
class Measured:
    """How far a form is off: the largest relative error, and where. `at` is None when it is right everywhere."""

    error: float
    at: Point | None
    got: float
    wanted: float
    failing: tuple[int, ...]


@dataclass(frozen=True)
class Stable:
    """A form that passed, its code, and the tolerance that it is stated to meet."""

    expr: Expr
    body: Body
    tolerance: float
    measured: Measured


def _given(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr | None]:
    yield expr


def _split(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr | None]:
    for form in FORMS:
        yield exponential_split(expr, form.arrange)


def _reciprocal(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr | None]:
    for form in FORMS:
        for variable in variables[:2]:
            yield reciprocal_split(expr, variable, form.arrange)


def _conjugate(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr | None]:
    yield rewrite(expr, CONJUGATE)


def _factored(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr | None]:
    if expr.count_ops() < 80:
        yield sympy.factor_terms(expr)
        yield sympy.factor(expr)
        yield sympy.expand(expr)


def _apart(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr | None]:
    for variable in variables[:1]:
        if expr.is_rational_function(*variables) and not expr.is_polynomial(*variables):
            yield sympy.apart(sympy.together(expr), variable)


PROPOSALS: tuple[Callable[[Expr, Sequence[Symbol]], Iterator[Expr | None]], ...] = (
    _given,
    _split,
    _conjugate,
    _factored,
    _apart,
    _reciprocal,
)


def _guard_products(expr: Expr) -> Expr:
    """Every product and quotient with 0 * inf = 0 and 0 / 0 = 0: the limit, where the zero is identical or wins."""
    if not expr.args or isinstance(expr, sympy.logic.boolalg.Boolean) or expr.is_number:
        return expr
    if not expr.is_Mul and not _is_reciprocal(expr):
        return expr.func(*(_guard_products(arg) for arg in expr.args))
    constant, rest = expr.as_independent(*expr.free_symbols, as_Add=False)
    above, below = [], []
    for factor in sympy.Mul.make_args(rest):
        base, power = factor.as_base_exp() if factor.is_Pow else (factor, sympy.S.One)
        if _is_reciprocal(factor):
            whole = power.is_Integer and power >= -4
            below += [_guard_products(base)] * -int(power) if whole else [_guard_products(base) ** -power]
        else:
            above.append(_guard_products(factor))
    if constant.is_negative and above:
        constant, above[0] = -constant, -above[0]
    if abs(constant) < 1 and above:  # before the product, which might overflow
        constant, above[0] = sympy.S.One, constant * above[0]
    start = reduce(product, above) if above else sympy.S.One
    return constant * reduce(quotient, below, start) if below else constant * start


def _is_reciprocal(expr: Expr) -> bool:
    return bool(expr.is_Pow and expr.exp.is_number and expr.exp.is_negative)


GUARDS: tuple[Callable[[Expr], Expr], ...] = (lambda expr: expr, _guard_products)
FINISHES = ((REWRITES, LAST), (REWRITES, ()), ((), ()))


def forms(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr]:
    """Equal forms of an expression, simplest first, at most MAX_FORMS."""
    seen: dict[Expr, None] = {}
    for propose in PROPOSALS:
        for proposal in propose(expr, variables):
            if proposal is None:
                continue
            for first, last in FINISHES:
                for guard in GUARDS:
                    form = guard(rewrite(rewrite(proposal, first), last))
                    if form not in seen and len(seen) < MAX_FORMS:
                        seen[form] = None
                        yield form


def stabilise(problem: Problem, names: Mapping[Symbol, str]) -> Stable:
    """The first form that meets the strictest tolerance that any form meets. Raises VerificationError if none meets
    the loosest."""
    expr = problem.expr
    variables = [symbol for symbol in problem.symbols if symbol in expr.free_symbols]
    tried: list[tuple[Expr, Body, Measured]] = []
    for form in _assembled(problem, variables):
        code = body(form, names)
        found = measure(problem, runnable(code, tuple(names[symbol] for symbol in problem.symbols)))
        if found.error <= TOLERANCES[0] / MARGIN:
            return Stable(form, code, TOLERANCES[0], found)
        tried.append((form, code, found))
    for form, _, found in tuple(tried):
        patched = _patch(problem, form, found, variables)
        if patched is not None:
            code = body(patched, names)
            tried.append(
                (patched, code, measure(problem, runnable(code, tuple(names[symbol] for symbol in problem.symbols))))
            )
    for tolerance in TOLERANCES:
        for form, code, found in tried:
            if found.error <= tolerance / MARGIN or (tolerance == TOLERANCES[-1] and found.error <= tolerance):
                return Stable(form, code, tolerance, found)
    best = min((found for _, _, found in tried), key=lambda found: (found.error, len(found.failing)))
    raise VerificationError(
        f"{expr}: none of {len(tried)} forms is accurate to {TOLERANCES[-1]:g}. "
        f"The best gives {best.got!r} instead of {best.wanted!r} at "
        f"{', '.join(f'{symbol} = {value!r}' for symbol, value in zip(problem.symbols, best.at or (), strict=False))}. "
        "Give an equal form that does not cancel there, or narrow the domain."
    )


def _assembled(problem: Problem, variables: Sequence[Symbol]) -> Iterator[Expr]:
    """Forms of the expression; for a Piecewise, the same proposal in every branch, then the best of each branch."""
    expr = problem.expr
    folded = sympy.piecewise_fold(expr) if expr.has(Piecewise) else expr
    if not isinstance(folded, Piecewise) or len(folded.args) > MAX_BRANCHES:
        yield from forms(expr, variables)
        return
    names = {symbol: f"a{k}" for k, symbol in enumerate(problem.symbols)}
    pieces = []
    for branch, condition in _regions(folded):
        inside = [k for k, point in enumerate(problem.points) if _inside(condition, problem.symbols, point)]
        part = Problem(
            branch,
            problem.symbols,
            tuple(problem.points[k] for k in inside),
            tuple(problem.truth[k] for k in inside),
            problem.reference,
        )
        pieces.append(stabilise(part, names).expr if not branch.is_number and inside else branch)
    conditions = [condition for _, condition in folded.args]
    yield Piecewise(*zip(pieces, conditions, strict=True))


def _regions(folded: Piecewise) -> Iterator[tuple[Expr, tuple[Any, tuple[Any, ...]]]]:
    earlier: tuple[Any, ...] = ()
    for branch, condition in folded.args:
        yield branch, (condition, earlier)
        earlier = (*earlier, condition)


def _inside(region: tuple[Any, tuple[Any, ...]], symbols: Sequence[Symbol], point: Point) -> bool:
    condition, earlier = region
    CONTEXT.prec = 240
    known: dict[Any, Any] = {symbol: CONTEXT.mpf(x) for symbol, x in zip(symbols, point, strict=True)}
    try:
        return not any(holds(each, known) for each in earlier) and holds(condition, known)
    except Undefined:
        return False


def _patch(problem: Problem, form: Expr, found: Measured, variables: Sequence[Symbol]) -> Expr | None:
    """State the limit as a case of its own, where a form fails at single values of one variable only, and is constant
    there."""
    if not found.failing or len(found.failing) > 0.2 * len(problem.points):
        return None
    patched = form
    left = set(found.failing)
    for k, symbol in enumerate(problem.symbols):
        if symbol not in variables:
            continue
        for special in sorted({problem.points[i][k] for i in left} & SPECIAL):
            here = [
                i
                for i, point in enumerate(problem.points)
                if point[k] == special and problem.truth[i] == problem.truth[i]
            ]
            values = {problem.truth[i] for i in here}
            if len(values) == 1:
                patched = except_at(symbol, _number(special), _number(values.pop()), patched)
                left -= set(here)
    return patched if patched is not form and not left else None


def _number(value: float) -> Expr:
    return sympy.oo * int(math.copysign(1, value)) if math.isinf(value) else sympy.nsimplify(value, rational=True)


def runnable(code: Body, names: Sequence[str]) -> Callable[..., Any]:
    """The statements as a Python function of arrays."""
    text = f"def f({', '.join(names)}):\n" + "".join(f"    {line}\n" for line in code.lines)
    space: dict[str, Any] = {"np": np, **{name: getattr(runtime, name) for name in code.imports}}
    exec(compile(text, "<candidate>", "exec"), space)
    function: Callable[..., Any] = space["f"]
    return function


def measure(problem: Problem, function: Callable[..., Any]) -> Measured:
    """The largest relative error of NumPy code at the points of a problem; inf for a wrong infinity, sign or NaN."""
    columns = [np.array(column, dtype=np.float64) for column in zip(*problem.points, strict=True)]
    truth = np.array(problem.truth)
    with np.errstate(all="ignore"):
        got = np.broadcast_to(np.asarray(function(*columns), dtype=np.float64), truth.shape)
        off = np.abs(got - truth)
        error = np.where((off <= UNDERFLOW) | (got == truth), 0.0, off / np.abs(truth))
        error = np.where(np.isnan(error) | (np.isinf(got) != np.isinf(truth)), np.inf, error)
        error = np.where(np.isnan(truth) | ((np.abs(truth) > OVERFLOW) & (got * np.sign(truth) > OVERFLOW)), 0.0, error)
    suspects = [int(i) for i in np.flatnonzero(error > TOLERANCES[0] / MARGIN)]
    if len(suspects) <= MAX_ROOTS:
        for i in suspects:
            if np.isfinite(error[i]) and off[i] <= _allowance(problem, problem.points[i]):
                error[i] = 0.0
    if not len(error):
        return Measured(0.0, None, 0.0, 0.0, ())
    worst = int(np.argmax(error))
    failing = tuple(int(i) for i in np.flatnonzero(error > TOLERANCES[-1]))
    return Measured(
        float(error[worst]),
        problem.points[worst] if error[worst] > 0 else None,
        float(got[worst]),
        float(truth[worst]),
        failing,
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
    if expr.has(*UNSUPPORTED):
        raise UnsupportedExpression(
            f"{expr}: no NumPy code for derivatives, integrals, sums or delta functions; rewrite it without."
        )
    exact = expr.xreplace({number: sympy.Rational(str(number)) for number in expr.atoms(sympy.Float)})
    reference = Reference(exact, symbols, domains)
    probes = [point for point in points if all(0.01 < abs(x) < 40 for x in point)][::7][:12]
    for form in _teachers(exact, [symbol for symbol in symbols if symbol in exact.free_symbols]):
        reference.teach(form, probes)
    margins = jumps(exact)
    values = (None if on_edge(margins, symbols, point) else reference.value(point) for point in points)
    truth = tuple(math.nan if value is None else value for value in values)
    return Problem(exact, tuple(symbols), tuple(points), truth, reference)


def _teachers(expr: Expr, variables: Sequence[Symbol]) -> Iterator[Expr]:
    if expr.has(Piecewise) or not variables:
        return
    seen = {expr}
    for propose in (_given, _split, _apart):
        for proposal in propose(expr, variables):
            form = None if proposal is None else rewrite(proposal, REWRITES)
            if form is not None and form not in seen and len(seen) < 4:
                seen.add(form)
                yield form
