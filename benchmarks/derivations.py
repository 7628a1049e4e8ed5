"""How long each derivation of the catalogue takes, beside SymPy's own ``diff`` and ``simplify`` of the same function.

python benchmarks/derivations.py                  every derivation; writes benchmarks/derivations.md
python benchmarks/derivations.py --only softmax   one definition; writes nothing

Every timing is taken in a process of its own, forked after the imports and with SymPy's cache emptied, so none profits from
an earlier one; ours and SymPy's take turns, and the least of the repeats counts. SymPy is given the function with its named
equations written out, and a time limit for each of its two steps. What it returns is compared with our result, which the tests
check, at random points with small dimensions: an exception, a time-out and a wrong result are reported as what they are.
"""

import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import count, islice, product
from math import prod
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import sympy
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sympy.core.cache import clear_cache

import chainrule
from chainrule.calculus.derivation import Derivation
from chainrule.calculus.derive import _by_route
from chainrule.calculus.forms import forms
from chainrule.catalogue import entries, project
from chainrule.definition import Definition
from chainrule.expression import tree as t
from chainrule.expression.printing import text
from chainrule.expression.value import Point, Undefined, evaluate
from chainrule.verification.sampling import candidates, needs, seed_of

OUTPUT = Path(__file__).with_suffix(".md")
FORK = get_context("fork")
POINTS = 8
DIGITS = 30
CLOSE = 1e-9
SAME = "same"


@dataclass(frozen=True)
class Goal:
    """One derivation of a definition: the position of its variable in ``wrt``, its order, its route, and how it is written."""

    name: str
    variable: int = 0
    order: int = 1
    route: str = ""
    written: str = ""

    def of(self, definition: Definition) -> Derivation:
        if self.route:
            return _by_route(definition, self.route, definition.routes[self.route])
        return chainrule.derive(definition, definition.wrt[self.variable], self.order)


@dataclass
class Timing:
    """The seconds of each stage, least of the repeats, and what became of SymPy's result."""

    goal: Goal
    seconds: dict[str, float] = field(default_factory=dict)
    outcome: str = SAME

    @property
    def ratio(self) -> float | None:
        """How many times as long as ours SymPy's two steps take together; None where one did not finish."""
        if not {"derive", "diff", "simplify"} <= self.seconds.keys():
            return None
        return (self.seconds["diff"] + self.seconds["simplify"]) / self.seconds["derive"]

    def heard(self, kind: str, value: Any) -> None:
        if kind == "outcome":
            self.outcome = value if self.outcome == SAME else self.outcome
        else:
            self.seconds[kind] = min(value, self.seconds.get(kind, value))


# ---------------------------------------------------------------- a process for each timing

Say = Callable[[str, Any], None]


def forked(work: Callable[..., None], *arguments: Any, limit: float) -> Iterator[tuple[str, Any]]:
    """What ``work(say, *arguments)`` says in a process of its own. An exception there, or a stage that takes longer than ``limit``
    seconds, ends it with an outcome that names the stage."""
    receiver, sender = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_work, args=(work, sender, arguments))
    process.start()
    sender.close()
    stage = ""
    try:
        while receiver.poll(limit):
            kind, value = receiver.recv()
            if kind == "stage":
                stage = value
            else:
                yield kind, f"{stage}: {value}" if kind == "outcome" and value != SAME else value
        yield "outcome", f"{stage}: no answer in {limit:g} s"
    except EOFError:
        return
    finally:
        process.kill()
        process.join()


def _work(work: Callable[..., None], sender: Any, arguments: tuple[Any, ...]) -> None:
    def say(kind: str, value: Any) -> None:
        sender.send((kind, value))

    try:
        work(say, *arguments)
    except Exception as error:
        say("outcome", " ".join(f"{type(error).__name__} {error}".split())[:90])


def timed(say: Say, stage: str, work: Callable[[], Any]) -> Any:
    say("stage", stage)
    clear_cache()
    start = time.perf_counter()
    result = work()
    say(stage, time.perf_counter() - start)
    return result


def find_goals(say: Say, name: str) -> None:
    definition = chainrule.load(name)
    for place, found in enumerate(chainrule.derive_all(definition)):
        route = f" ({found.route})" if found.route else ""
        variable = place if place < len(definition.wrt) else 0
        say("goal", Goal(name, variable, found.order, found.route, text(found.goal) + route))


def time_ours(say: Say, goal: Goal) -> None:
    """The derivation, and its other forms: by cases, in matrix notation, as a vector-Jacobian product."""
    definition = chainrule.load(goal.name)
    derivation = timed(say, "derive", lambda: goal.of(definition))
    timed(say, "forms", lambda: forms(derivation))


def time_sympy(say: Say, goal: Goal) -> None:
    derivation = goal.of(chainrule.load(goal.name))
    function, variables = written_out(derivation)
    slope = timed(say, "diff", lambda: sympy.diff(function, *variables))
    say("outcome", judged(slope, derivation))
    simple = timed(say, "simplify", lambda: sympy.simplify(slope))
    say("outcome", judged(simple, derivation))


# ---------------------------------------------------------------- whether SymPy's result is right


def written_out(derivation: Derivation) -> tuple[Any, tuple[Any, ...]]:
    """The function as one SymPy expression, and the variables to differentiate it with respect to, one after the other."""
    goal, variables = derivation.goal, []
    while isinstance(goal, t.Derivative):
        variables[:0] = [derivation.written(goal.variable)] * goal.order
        goal = goal.operand
    return apart(derivation.written(goal), count(1)), tuple(variables)


def apart(e: Any, numbers: Iterator[int]) -> Any:
    """The expression with an index of its own for every sum: SymPy mistakes z[k] inside a sum over k for a variable z[k]."""
    if not e.has(sympy.Sum):
        return e
    e = e.func(*(apart(part, numbers) for part in e.args))
    if isinstance(e, sympy.Sum):
        e = e.xreplace({k: sympy.Idx(f"k_{next(numbers)}", (k.lower, k.upper)) for k, _, _ in e.limits})
    return e


def judged(found: Any, derivation: Derivation) -> str:
    """``SAME``, or how a SymPy expression differs from our result at a random point of the domain."""
    final, scope = derivation.final, derivation.scope
    points = candidates(needs((final, derivation.goal), scope), scope, seed_of(text(derivation.goal)))
    compared = 0
    for point in islice(points, 10 * POINTS):
        try:
            ours = evaluate(final, point, scope)
        except Undefined:
            continue
        theirs = complex(number(found, names(point)))
        if not abs(theirs - ours) <= CLOSE * max(1, abs(ours)):
            return f"wrong, {theirs.real:.3g} where it is {float(ours):.3g}"
        compared += 1
        if compared == POINTS:
            return SAME
    return "compared at no point" if not compared else SAME


def names(point: Point) -> Mapping[str, Any]:
    return {**point.vectors, **point.scalars, **point.dimensions, **point.indices}


def number(e: Any, values: Mapping[str, Any]) -> Any:
    """The value of a SymPy expression that holds sums over symbolic ranges and components of vectors, which ``evalf`` leaves alone."""
    match e:
        case sympy.Idx():
            return values[str(e.label)]
        case sympy.Symbol():
            return values[e.name] if isinstance(values[e.name], int) else sympy.Float(values[e.name], DIGITS)
        case sympy.Indexed():
            entry = values[str(e.base.label)]
            for i in e.indices:
                entry = entry[int(number(i, values))]
            return sympy.Float(entry, DIGITS)
        case sympy.Sum() | sympy.Product():
            indices = [str(getattr(k, "label", k)) for k, _, _ in e.limits]
            spans = [range(int(number(low, values)), int(number(high, values)) + 1) for _, low, high in e.limits]
            terms = (dict(zip(indices, places, strict=True)) for places in product(*spans))
            parts = [number(e.function, {**values, **term}) for term in terms]
            return sum(parts) if isinstance(e, sympy.Sum) else prod(parts)
        case sympy.Piecewise():
            return next(number(value, values) for value, condition in e.args if number(condition, values) == True)  # noqa: E712
        case sympy.Derivative() | sympy.Subs():
            raise ValueError("left unevaluated")
        case sympy.KroneckerDelta():
            return int(number(e.args[0], values) == number(e.args[1], values))
    return e.func(*(number(part, values) for part in e.args)) if e.args else e


# ---------------------------------------------------------------- the table


OURS = ("derive", "forms")
COLUMNS = ("derivation", "goal", "derive", "forms", "diff", "simplify", "ratio", "outcome")


def rows(timings: Sequence[Timing]) -> Iterator[tuple[str, ...]]:
    for timing in timings:
        stages = [timing.seconds.get(stage) for stage in (*OURS, "diff", "simplify")]
        ratio = "" if timing.ratio is None else f"{timing.ratio:.1f}"
        seconds = ("" if s is None else f"{s:.3f}" for s in stages)
        yield timing.goal.name, timing.goal.written, *seconds, ratio, timing.outcome


def summary(timings: Sequence[Timing]) -> Iterator[str]:
    known = [timing for timing in timings if "derive" in timing.seconds]
    ours = [timing.seconds["derive"] for timing in known]
    yield f"{len(timings)} derivations; {sum(s < 0.2 for s in ours)} in less than 0.2 s, {sum(s < 1 for s in ours)} in less than 1 s."
    if known:
        slowest = max(known, key=lambda timing: timing.seconds["derive"])
        yield f"The slowest: {slowest.goal.name}, {slowest.goal.written}, {slowest.seconds['derive']:.2f} s."
    ratios = sorted(timing.ratio for timing in timings if timing.ratio is not None)
    if ratios:
        slower = sum(ratio > 1 for ratio in ratios)
        yield f"SymPy finished {len(ratios)}, {slower} of them slower than here; the median ratio is {ratios[len(ratios) // 2]:.1f}."
    same = sum(timing.outcome == SAME for timing in timings)
    missed = sum(timing.outcome.startswith(OURS) for timing in timings)
    yield f"SymPy's results: {same} equal to ours at every point compared, {len(timings) - same - missed} failures; ours: {missed} failures."


def markdown(timings: Sequence[Timing], repeats: int, limit: float) -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("chainrule", "sympy", "mpmath"))
    head = (
        "# Time for each derivation\n\n"
        f"Written by `python benchmarks/{Path(__file__).name}`: {packages}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs. Seconds, least of {repeats} runs, each in a fresh process.\n\n"
        "`derive`: our derivation. `forms`: its matrix notation and other forms. `diff`, `simplify`: SymPy's, one after the other, "
        f"of the same function written out, with {limit:g} s for each. `ratio`: SymPy's two to our one. `outcome`: `same` where SymPy's "
        f"result equals ours at {POINTS} random points, else the stage that failed, and how.\n\n"
    )
    lines = [COLUMNS, ("---", "---", *["--:"] * 5, "---"), *rows(timings)]
    table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
    return head + "".join(f"- {line}\n" for line in summary(timings)) + f"\n{table}\n"


def show(timings: Sequence[Timing], console: Console) -> None:
    table = Table(*COLUMNS)
    for column in table.columns[2:7]:
        column.justify = "right"
    for row in rows(timings):
        table.add_row(*row)
    console.print(table)
    for line in summary(timings):
        console.print(line)


# ---------------------------------------------------------------- the run


def measure(goal: Goal, repeats: int, limit: float) -> Timing:
    """Ours and SymPy's in turn; SymPy is asked once only where it fails."""
    timing = Timing(goal)
    for _ in range(repeats):
        for work in (time_ours, *([time_sympy] if timing.outcome == SAME else [])):
            for kind, value in forked(work, goal, limit=limit):
                timing.heard(kind, value)
    return timing


def goals_of(name: str, limit: float) -> tuple[list[Goal], list[Timing]]:
    """The derivations of a definition, and what is to be reported where it cannot be loaded or derived."""
    said = list(forked(find_goals, name, limit=10 * limit))
    failed = [Timing(Goal(name), outcome=f"derive: {value}") for kind, value in said if kind == "outcome"]
    return [value for kind, value in said if kind == "goal"], failed


def warm_up() -> None:
    """What SymPy and the engine import when they are first used is no part of a timing."""
    x = sympy.Symbol("x", real=True)
    sympy.simplify(sympy.diff(sympy.log(1 + sympy.exp(x)) * sympy.sin(x) ** 2, x))
    forms(chainrule.derive(x**2))


@click.command(help=__doc__.split("\n\n")[0])
@click.option("--only", multiple=True, metavar="NAME", help="Only this definition; may be repeated. Writes no file.")
@click.option(
    "--repeats", default=3, show_default=True, type=click.IntRange(min=1), help="The least of so many runs counts."
)
@click.option("--limit", default=20.0, show_default=True, help="Seconds that a step of SymPy's may take.")
def main(only: tuple[str, ...], repeats: int, limit: float) -> None:
    warm_up()
    timings: list[Timing] = []
    names = only or tuple(entries(project().folders))
    with Progress(
        console=Console(stderr=True), auto_refresh=False, transient=True
    ) as progress:  # a thread would not survive a fork
        task = progress.add_task("", total=len(names))
        for name in names:
            goals, failed = goals_of(name, limit)
            timings += failed
            for goal in goals:
                progress.update(task, description=f"{name}  {goal.written}", refresh=True)
                timings.append(measure(goal, repeats, limit))
            progress.advance(task)
        progress.update(task, description="", refresh=True)
    show(timings, Console())
    if not only:
        OUTPUT.write_text(markdown(timings, repeats, limit), encoding="utf-8")


if __name__ == "__main__":
    main()
