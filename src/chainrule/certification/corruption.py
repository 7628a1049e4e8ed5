"""Whether the measurement notices it when a number in the generated code is wrong.

Each number is changed a little, then more, until the change matters: until a result that was within the limit is off by more than twice the
limit, on any path through the code, at any of many points. The measurement must notice it, at points of its own: a result that was within
the limit must be beyond it. A number of which no change matters, such as a bound beyond which nothing happens, is harmless."""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..codegen.floats import between
from ..runtime.certificate import LIMIT
from ..runtime.scalar import ScalarFunction
from . import sampling
from .paths import Path, paths, paths_of_single
from .reference import Reference
from .rounding import Truth, ulps
from .sampling import Points
from .subject import Part, Subject
from .switches import switches

CHANGES = tuple(2.0**-k for k in (45, 35, 25, 15, 8, 3))
"""By how much a number is changed, relatively; 0 absolutely."""
SEED = 20250103
DENSE = 8000  # points at which changes are looked for
PAIRS = 100
STEPS = (0, 1, 2, 4, 64, 1 << 20, 1 << 40, 1 << 46, 1 << 49)  # neighbours of the numbers in the code
THIN = 2  # how much of a line the measurement takes
ROOTS = 8  # changes of sign of a line that are looked at closely
LINES = 12  # lines along which they are looked for
CORNERS = 1000  # points at which every argument is a number of the code
FLOAT64, FLOAT32 = np.dtype(np.float64), np.dtype(np.float32)
WAYS: Mapping[np.dtype[Any], Callable[[ScalarFunction, Part], Iterator[Path]]] = {
    FLOAT64: paths,
    FLOAT32: paths_of_single,
}


@dataclass(frozen=True)
class Literal:
    """A floating-point number in a private function of a module."""

    function: str
    line: int
    start: int
    end: int
    value: float

    def changed(self, source: str, by: float) -> str:
        """The source with this number changed; it may stand in an expression, where a negative number needs brackets."""
        value = self.value * (1 + by) if self.value else by
        lines = source.encode().split(b"\n")
        line = lines[self.line - 1]
        lines[self.line - 1] = line[: self.start] + f"({value!r})".encode() + line[self.end :]
        return b"\n".join(lines).decode()


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a number. by: the first change that matters, 0 if none does. error: how far a result is off then, in ulp. found: the error
    that the measurement found."""

    by: float = 0.0
    error: float = 0.0
    found: float = 0.0

    @property
    def harmless(self) -> bool:
        """Whether no change matters."""
        return not self.by

    @property
    def noticed(self) -> bool:
        """Whether the measurement notices the change."""
        return self.found > LIMIT


@dataclass(frozen=True)
class Verdict(Outcome):
    """What became of a number in the code: of which part a result is off then, on which path, where."""

    literal: Literal
    what: str = ""
    path: str = ""
    at: tuple[float, ...] = ()


def literals(source: str) -> Iterator[Literal]:
    """Every floating-point number in the private functions of a module, in order."""
    found = [
        Literal(function.name, node.lineno, node.col_offset, node.end_col_offset, node.value)
        for function in ast.parse(source).body
        if isinstance(function, ast.FunctionDef) and function.name.startswith("_")
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.end_col_offset is not None
    ]
    yield from sorted(found, key=lambda each: (each.line, each.start))


@dataclass(frozen=True)
class _Look:
    """Points with the exact values of a part, and by path where the unchanged code is within the limit."""

    points: Points
    truth: Truth
    right: Mapping[str, npt.NDArray[np.bool_]]

    def errors(self, subject: Subject, path: Path) -> npt.NDArray[np.float64]:
        """How far a path is off now, where it was within the limit."""
        found = ulps(subject.call(path.part, self.points, path.function), self.truth)
        return np.where(self.right[path.what], found, 0.0)


@dataclass(frozen=True)
class _Asked:
    """A part, of arguments of a dtype, and where it is looked at: at many points for changes that matter, at those of the measurement."""

    part: Part
    dtype: np.dtype[Any]
    reference: Reference
    many: _Look
    measured: _Look


class Trial:
    """A function whose numbers can be changed."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.source = subject.function.source
        many = _dense(subject)
        self.asked = tuple(
            _Asked(
                p,
                dtype,
                r,
                *(_look(subject, ways, r, _rounded(points, dtype)) for points in (many, _sample(subject, p))),
            )
            for p, r in zip(subject.parts, subject.references, strict=True)
            for dtype in WAYS
            if (ways := tuple(WAYS[dtype](subject.function, p)))
        )

    def verdict(self, literal: Literal) -> Verdict:
        """What becomes of a number."""
        for by in CHANGES:
            module = _made(literal.changed(self.source, by), self.subject)
            function: ScalarFunction = getattr(module, self.subject.home.name)
            best = Verdict(literal)
            for asked, path in self._concerned(function, literal.function):
                errors = asked.many.errors(self.subject, path)
                k = int(np.argmax(errors))
                if errors[k] > max(2 * LIMIT, best.error):
                    at = tuple(map(float, asked.many.points[k]))
                    best = Verdict(literal, asked.part.what, path.what, at, by=by, error=float(errors[k]))
            if best.error:
                return replace(best, found=self._found(function, module, literal))
        return Verdict(literal)

    def _found(self, function: ScalarFunction, module: ModuleType, literal: Literal) -> float:
        """The error that the measurement finds; next to where the code takes another branch now if it does not find any."""
        concerned = list(self._concerned(function, literal.function))
        found = max(float(np.max(asked.measured.errors(self.subject, path))) for asked, path in concerned)
        for asked, path in concerned if found <= LIMIT else ():
            ways = WAYS[asked.dtype](self.subject.function, asked.part)
            unchanged = next(each for each in ways if each.what == path.what)
            points = _rounded(_near_switches(self.subject, asked.part, module), asked.dtype)
            truth = asked.reference.at(points)
            before, now = (ulps(self.subject.call(p.part, points, p.function), truth) for p in (unchanged, path))
            found = max(found, float(np.max(np.where(before <= LIMIT, now, 0.0), initial=0.0)))
        return found

    def _concerned(self, function: ScalarFunction, code: str) -> Iterator[tuple[_Asked, Path]]:
        """The paths on which a private function lies."""
        for asked in self.asked:
            for path in WAYS[asked.dtype](function, asked.part):
                if code in _reached(self.source, path.code):
                    yield asked, path


def _look(subject: Subject, ways: Sequence[Path], reference: Reference, points: Points) -> _Look:
    truth = reference.at(points)
    return _Look(points, truth, {w.what: ulps(subject.call(w.part, points, w.function), truth) <= LIMIT for w in ways})


def trial(subject: Subject, every: int = 1, start: int = 0) -> Iterator[Verdict]:
    """What becomes of the numbers of a function: of all, or of every so many."""
    chosen = list(literals(subject.function.source))[start::every]
    if chosen:
        made = Trial(subject)
        yield from map(made.verdict, chosen)


# ---------------------------------------------------------------- points


def _rounded(points: Points, dtype: np.dtype[Any]) -> Points:
    """The points as a narrower dtype, each once."""
    if dtype == points.dtype:
        return points
    with np.errstate(over="ignore"):
        found: Points = np.unique(points.astype(dtype), axis=0)
    return found


def _line(subject: Subject) -> Points:
    """The first variable closely, the others as usual; in order but for -0 at the end."""
    return sampling.inside(subject, sampling.rows_of(sampling.line(FLOAT64, THIN), sampling.settings(subject)[0]))


def _sample(subject: Subject, part: Part) -> Points:
    """The points of the measurement: lines, pairs, and next to the numbers of the code, to its switches and to where it changes sign."""
    others = sampling.settings(subject)[1:4]
    lines = [sampling.rows_of(sampling.line(FLOAT64, 2 * THIN), each) for each in others]
    pairs = sampling.pairs(subject, FLOAT64, PAIRS)
    near = [_near(subject, _numbers(subject), STEPS, n) for n in range(len(others) + 1)]
    some = [*_line(subject)[:1], *pairs[:: max(1, len(pairs) // LINES)]]
    roots = [_near_roots(subject, part, each, k) for each in some for k in range(subject.arguments)]
    found = [_line(subject), *lines, pairs, *near, _near_switches(subject, part), *roots]
    return sampling.inside(subject, np.concatenate(found))


def _near_switches(subject: Subject, part: Part, module: ModuleType | None = None) -> Points:
    """Next to where a module takes another branch."""
    return _near(subject, switches(subject, part, _line(subject)[:-1], module), None)


def _near_roots(subject: Subject, part: Part, through: Points, k: int) -> Points:
    """Next to where the result changes sign along a line through a point in the direction of argument k."""

    def moved(values: Points) -> Points:
        rows = np.repeat(through[None, :], len(values), axis=0)
        rows[:, k] = values
        return rows

    def sign(values: Points) -> Points:
        found: Points = np.sign(subject.call(part, moved(values)))
        return found

    xs = sampling.inside(subject, moved(sampling.line(FLOAT64, 2 * THIN)[:-1]))[:, k]
    here = sign(xs)
    change = np.flatnonzero(here[1:] * here[:-1] < 0)[:ROOTS]
    found = between(xs[change], xs[change + 1], lambda middle: sign(middle) == here[change])
    return sampling.inside(subject, moved(sampling.around(found, STEPS)))


def _near(subject: Subject, centres: Points, steps: Sequence[int] | None, setting: int = 0) -> Points:
    rows = sampling.rows_of(sampling.around(centres, steps), sampling.settings(subject)[setting])
    return sampling.inside(subject, rows)


def _numbers(subject: Subject) -> Points:
    values = {abs(each.value) for each in literals(subject.function.source)}
    return np.array([sign * x for x in sorted(values) for sign in (-1.0, 1.0)])


def _dense(subject: Subject) -> Points:
    """Where changes are looked for: other points than those of the measurement, at all scales, and around the numbers of the code."""
    rng = np.random.default_rng(SEED)
    numbers = _numbers(subject)
    sizes = [2.0 ** rng.uniform(-30, 10, DENSE // 4), rng.uniform(0, 5, DENSE // 4), rng.uniform(0, 45, DENSE // 4)]
    sizes += [2.0 ** rng.uniform(-1074, 1024, DENSE // 8)]
    around = rng.choice(numbers, DENSE // 8) * (
        1 + 2.0 ** -rng.uniform(1, 50, DENSE // 8) * rng.choice([-1, 1], DENSE // 8)
    )
    first = np.concatenate([np.concatenate(sizes) * rng.choice([-1.0, 1.0], sum(map(len, sizes))), around])
    settings = sampling.settings(subject)
    rest = np.array([settings[k % len(settings)] for k in range(len(first))]).reshape(len(first), -1)
    points = np.column_stack([first, rest])
    for k in range(1, subject.arguments):
        free = rng.uniform(size=len(points)) < 0.3
        points[free, k] = rng.uniform(-5, 5, int(free.sum()))
    return sampling.inside(subject, np.concatenate([points, _corners(subject, settings[0])]))


def _corners(subject: Subject, setting: tuple[float, ...]) -> Points:
    """Where every argument is 0 or a number of the code: limits may be stated there."""
    some = [0.0, *_numbers(subject)][: int(CORNERS ** (1 / subject.arguments))]
    arguments = np.array(list(product(some, repeat=subject.arguments)))
    rest = setting[subject.arguments - 1 :]
    return np.column_stack([arguments, *(np.full(len(arguments), x) for x in rest)])


# ---------------------------------------------------------------- code


def _made(source: str, subject: Subject) -> ModuleType:
    """The module of a changed source."""
    module = ModuleType(subject.home.name)
    exec(compile(source, "<changed>", "exec"), vars(module))
    return module


@lru_cache(maxsize=64)
def _reached(source: str, code: str) -> frozenset[str]:
    """The functions of a module that one of them calls, itself among them."""
    functions = {each.name: each for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)}
    found, todo = set[str](), [code]
    while todo:
        name = todo.pop()
        if name in functions and name not in found:
            found.add(name)
            todo += [node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)]
    return frozenset(found)
