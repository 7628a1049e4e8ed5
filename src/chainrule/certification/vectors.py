"""The accuracy of a function of vectors: its error in each row relative to the largest component of the exact answer, and entry by
entry where that is a normal number. The exact answer is the definition in ball arithmetic, see `arrays`."""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb, arb_series, ctx

from ..definition import Definition
from ..runtime.certificate import Certificate, Measurement, code_digest
from ..runtime.vector import VectorFunction
from . import samples
from .arrays import Run, unit_vectors
from .environment import environment
from .measure import round_up
from .rounding import BITS, OVERFLOW, SMALLEST, Exact, Truth, exact, ulps
from .samples import Case
from .subject import Home

REFERENCE = (
    "the definition evaluated in ball arithmetic (Arb) and differentiated by running backwards through its operations"
)
LADDER = (192, 448, 1400, 2800, 6000)  # bits
INFINITE = 2**1500  # what stands for an infinite score in the reference
DTYPES = (np.dtype(np.float64), np.dtype(np.float32))
FEW = 10  # components up to which whole Jacobians are compared
Floats = npt.NDArray[Any]
Known = dict[tuple[Any, ...], list[list[Truth]]]
"""Exact answers by case, row and part."""


@dataclass(frozen=True)
class VectorSubject:
    """A generated function of vectors and its definition."""

    home: Home
    function: VectorFunction
    definition: Definition

    @property
    def bases(self) -> Mapping[str, str]:
        """The names of the inputs in the definition."""
        named = {name: str(getattr(s, "label", s)) for name, s in self.definition.arguments.items()}
        return {name: named.get(name, name) for name in self.function.given}


@dataclass
class _Tally:
    """What was found for one part."""

    points: int = 0
    rows: float = 0.0
    where: str = ""
    at: Mapping[str, float] = field(default_factory=dict)
    got: float = 0.0
    entries: float = 0.0
    entries_where: str = ""
    inexact: int = 0
    mismatches: int = 0
    undecided: int = 0


def measure(
    subject: VectorSubject,
    dtypes: tuple[np.dtype[Any], ...] = DTYPES,
    sizes: Mapping[int, int] = samples.COUNTS,
    long: int = samples.LONG,
    known: Known | None = None,
) -> Certificate:
    """Measure the value and every derivative of a function of vectors. Deterministic, up to the environment that it states.

    known: exact answers of the same function at the same rows, found before; further ones are added."""
    known = {} if known is None else known
    found: list[Measurement] = []
    heard = 0
    for dtype in dtypes:
        tallies: dict[str, _Tally] = {}
        for case in samples.cases(subject.definition, subject.function, dtype, sizes, long):
            heard += _measured(subject, case, dtype, tallies, known)
        found += [_summary(what, dtype, tally) for what, tally in tallies.items()]
    return Certificate(
        function=subject.home.name,
        code=code_digest(subject.home.module()),
        reference=REFERENCE,
        measurements=tuple(found),
        warnings=heard,
        lost_nans=tuple(_lost_nans(subject)),
        environment=environment(),
    )


# ---------------------------------------------------------------- parts


@dataclass(frozen=True)
class _Part:
    """One thing that a function computes, of so many components. exact: from a run and the vectors; got: from the function and its inputs."""

    what: str
    size: int
    exact: Callable[[Any, Mapping[str, Any]], Any]
    got: Callable[[Mapping[str, Any], Mapping[str, Any]], Any]
    along: str = ""
    """The input along which the run has series, for directional derivatives."""


def _parts(subject: VectorSubject, sizes: Mapping[str, int]) -> list[_Part]:
    function, bases = subject.function, subject.bases

    def shape(axes: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(sizes[a] for a in axes)

    def called(method: Callable[..., Any], name: str, word: str) -> Callable[..., Any]:
        required = [n for n, one in function.given.items() if one.default is None]

        def call(inputs: Mapping[str, Any], vectors: Mapping[str, Any]) -> Any:
            more = {n: v for n, v in inputs.items() if n not in required}
            return method(*(inputs[n] for n in required), *([vectors[word]] if word else []), wrt=name, **more)

        return call

    across = math.prod(shape(function.output))
    found = [_Part("value", across, lambda run, _: run.value().data, lambda inputs, _: function(**inputs))]
    for name in function.derivatives:
        base, kernels = bases[name], function.derivatives[name]
        own, v = function.axes[name], f"v {name}"
        deep = math.prod(shape(own))

        def gradient(run: Run, vectors: Mapping[str, Any], base: str = base) -> Any:
            one = np.empty((), dtype=object)
            one[()] = arb(1)
            return run.pulled(run.value(), one, base)

        def vjp(run: Run, vectors: Mapping[str, Any], base: str = base) -> Any:
            return run.pulled(run.value(), _balls(vectors["g"]), base)

        def jacobian(run: Run, vectors: Mapping[str, Any], base: str = base, own: tuple[str, ...] = own) -> Any:
            result = run.value()
            pulled = [run.pulled(result, unit, base) for _, unit in unit_vectors(np.shape(result.data))]
            return np.array(pulled, dtype=object).reshape((*np.shape(result.data), *shape(own)))

        def jvp(run: Run, vectors: Mapping[str, Any]) -> Any:
            return _slope(run.value().data)

        def hvp(run: Run, vectors: Mapping[str, Any], gradient: Any = gradient) -> Any:
            return _slope(gradient(run, vectors))

        if function.output:
            if max(across, deep) <= FEW:
                found.append(_Part(f"Jacobian by {name}", across * deep, jacobian, called(function.jacobian, name, "")))
            found.append(_Part(f"vjp by {name}", deep, vjp, called(function.vjp, name, "g")))
            found.append(_Part(f"jvp by {name}", across, jvp, called(function.jvp, name, v), name))
        else:
            found.append(_Part(f"gradient by {name}", deep, gradient, called(function.grad, name, "")))
            if kernels.hessian is not None and (kernels.hvp is not None or deep <= 1000):
                found.append(_Part(f"second by {name} times a vector", deep, hvp, called(function.hvp, name, v), name))
    return found


def _balls(values: Any) -> Any:
    made = np.frompyfunc(_ball, 1, 1)(np.asarray(values, dtype=np.float64))
    return np.asarray(made, dtype=object)


def _ball(x: float) -> Any:
    return arb(INFINITE if x > 0 else -INFINITE) if math.isinf(x) else arb(x)


def _slope(values: Any) -> Any:
    return np.frompyfunc(lambda x: x[1] if isinstance(x, arb_series) else arb(0), 1, 1)(values)


# ---------------------------------------------------------------- one case


def _measured(
    subject: VectorSubject, case: Case, dtype: np.dtype[Any], tallies: dict[str, _Tally], known: Known
) -> int:
    """Compare every part at the rows of a case; returns the number of warnings."""
    rng = np.random.default_rng([samples.SEED, case.count, *case.sizes.values()])
    value_shape = tuple(case.sizes[a] for a in subject.function.output)
    vectors = {"g": rng.uniform(-1, 1, (case.count, *value_shape)).astype(dtype)}
    for name in subject.function.derivatives:
        vectors[f"v {name}"] = rng.uniform(-1, 1, np.shape(case.inputs[name])).astype(dtype)
    parts, heard = _parts(subject, case.sizes), 0
    key = (str(dtype), case.kind, case.count, *case.sizes.values())
    if key not in known:
        known[key] = [_truths(subject, case, parts, vectors, row) for row in range(case.count)]
    truths = known[key]
    for number, part in enumerate(parts):
        with warnings.catch_warnings(record=True) as noticed:
            warnings.simplefilter("always")
            got = np.asarray(part.got(case.inputs, vectors))
        heard += sum(issubclass(each.category, RuntimeWarning) for each in noticed)
        tally = tallies.setdefault(part.what, _Tally())
        for row in range(case.count):
            terms = _terms(subject, case, row, part, parts, truths[row], vectors)
            mixed = bool(terms) or (part.what.startswith("gradient") and row in case.soft)
            _compare(got[row].ravel(), truths[row][number], case, row, terms, mixed, tally)
    return heard


def _truths(
    subject: VectorSubject, case: Case, parts: list[_Part], vectors: Mapping[str, Any], row: int
) -> list[Truth]:
    """The exact parts at one row, each at the precision that it needs."""
    mine = {key: v[row] for key, v in vectors.items()}
    found: dict[int, list[Exact | None]] = {}
    for precision in LADDER:
        ctx.prec, ctx.cap = precision, 2
        runs: dict[str, Run] = {}
        for number, part in enumerate(parts):
            if number in found and None not in found[number]:
                continue
            if part.along not in runs:
                runs[part.along] = _run(subject, case, row, part.along, mine)
            try:
                balls = np.ravel(part.exact(runs[part.along], mine))
            except (ValueError, ZeroDivisionError):  # a series whose leading ball holds 0
                found[number] = [None] * part.size
                continue
            found[number] = [exact(ball[0] if isinstance(ball, arb_series) else ball) for ball in balls]
    counts = [len(values) for values in found.values()]
    assert all(counts)
    return [Truth.of([(value, ()) for value in found[number]]) for number in range(len(parts))]


def _run(subject: VectorSubject, case: Case, row: int, along: str, mine: Mapping[str, Any]) -> Run:
    given, classes = {}, {}
    for name, one in subject.function.given.items():
        base, value = subject.bases[name], case.inputs[name][row]
        if one.index_of:
            classes[base] = int(value)
            continue
        flat = value.reshape(()) if not one.axes else value
        balls = _balls(flat)
        if name == along:
            balls = np.frompyfunc(lambda x, v: arb_series([x, arb(float(v))], prec=2), 2, 1)(balls, mine[f"v {name}"])
        given[base] = np.asarray(balls, dtype=object)
    return Run(subject.definition, given, classes, case.sizes)


def _compare(got: Floats, truth: Truth, case: Case, row: int, terms: float, mixed: bool, tally: _Tally) -> None:
    """terms: the largest number that enters a difference in the row, to which its errors are relative if it is larger than the answer.
    mixed: single components may be differences of nearly equal numbers, so that they are not looked at."""
    where = f"{', '.join(f'{name} = {size}' for name, size in case.sizes.items())}, {case.kind}"
    with np.errstate(all="ignore"):
        errors = row_errors(got, truth, terms)
        entry = ulps(got, truth)
    tally.points += len(got)
    tally.undecided += int(np.isnan(truth.near).sum())
    tally.inexact += int((entry > 0.5).sum())
    tally.mismatches += int(np.isinf(entry).sum())
    worst = int(np.argmax(np.where(np.isnan(errors), -1.0, errors)))
    if errors[worst] > tally.rows:
        tally.rows, tally.where, tally.got = float(errors[worst]), where, float(got[worst])
        tally.at = {
            **{name: float(size) for name, size in case.sizes.items()},
            "row": float(row),
            "entry": float(worst),
        }
    size = np.abs(truth.near)
    held = (size >= float(np.finfo(got.dtype).smallest_normal)) | (size == 0) | np.isinf(size)
    entry = np.where(held & ~np.isnan(entry) & (not mixed), entry, 0.0)
    if len(entry) and entry.max() > tally.entries:
        tally.entries, tally.entries_where = float(entry.max()), where


def _terms(
    subject: VectorSubject,
    case: Case,
    row: int,
    part: _Part,
    parts: list[_Part],
    truths: list[Truth],
    vectors: Mapping[str, Any],
) -> float:
    """The largest term of the differences that a part may consist of: of the Jacobian times the components of a vector; of a soft target in a gradient by the target
    itself, or by a parameter; 0 where the answer alone counts."""
    first, *others = subject.function.given
    if part.what.startswith("gradient") and row in case.soft and part.what != f"gradient by {first}":
        return max(float(np.max(np.abs(case.inputs[name][row]))) for name in others)
    if not part.what.startswith(("vjp", "jvp")):
        return 0.0
    name = part.what.split(" by ")[1]
    whole = next((k for k, other in enumerate(parts) if other.what == f"Jacobian by {name}"), None)
    if whole is None:
        return 0.0
    wide = [case.sizes[a] for a in subject.function.output]
    jacobian = np.abs(truths[whole].near).reshape((*wide, -1))
    if part.what.startswith("vjp"):
        found = jacobian * np.abs(vectors["g"][row])[..., None]
    else:
        found = jacobian * np.abs(vectors[f"v {name}"][row]).ravel()
    return float(np.nanmax(found, initial=0.0))


def row_errors(got: Floats, truth: Truth, terms: float = 0.0) -> npt.NDArray[np.float64]:
    """|got - exact| in ulp of the largest finite exact component, or of `terms` if that is larger; inf for a NaN or a wrong infinity, NaN where undecided."""
    bits, smallest = BITS[got.dtype], SMALLEST[got.dtype]
    finite = np.abs(truth.near) < OVERFLOW[got.dtype]
    largest = float(np.max(np.abs(truth.near)[finite], initial=terms))
    exponent = max(math.frexp(largest)[1] - bits if largest else smallest, smallest)
    near = np.where(finite, truth.near, 0.0)
    wide = np.where(finite, got.astype(np.float64), 0.0)
    last = np.where(near == 0, -1074, np.maximum(np.frexp(near)[1] - 53, -1074))
    beyond = np.ldexp(truth.rest, last - exponent)
    found = np.abs(np.ldexp(wide - near, -exponent) - np.where(finite, beyond, 0.0))
    found = np.where(finite & ~np.isfinite(got), np.inf, found)
    overflowing = np.copysign(np.inf, truth.near)
    found = np.where(~finite & ~np.isnan(truth.near) & (got != overflowing), np.inf, found)
    return np.asarray(np.where(np.isnan(truth.near), np.nan, found))


def _summary(what: str, dtype: np.dtype[Any], tally: _Tally) -> Measurement:
    places = [tally.where, f"components: {tally.entries_where}"] if tally.entries_where else [tally.where]
    return Measurement(
        what=what,
        dtype=str(dtype),
        how="sampled",
        points=tally.points,
        worst=round_up(tally.rows),
        at=tally.at,
        got=tally.got,
        inexact=tally.inexact,
        mismatches=tally.mismatches,
        undecided=tally.undecided,
        per="row",
        entries=round_up(tally.entries),
        rows="; ".join(filter(None, places)),
    )


def _lost_nans(subject: VectorSubject) -> list[str]:
    """ "value" where a row of NaN does not reach the result, or reaches another row."""
    function = subject.function
    case = next(iter(samples.cases(subject.definition, function, np.dtype(np.float64), {3: 2}, 0)))
    names = [name for name, one in samples.one_of(function.given).items() if one.axes]
    inputs = {**case.inputs, names[0]: np.array(case.inputs[names[0]])}
    inputs[names[0]][0] = np.nan
    found = function(**inputs)
    bad = not np.isnan(found[0]).any() or bool(np.isnan(found[1]).any())
    return ["value"] if bad else []
