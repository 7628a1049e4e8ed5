"""What `chainrule verify --accuracy` and `--exhaustive` do: functions by name, measured in parallel, and their certificates."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..catalogue import Entry, Project, builtin, entries, load, project, resolve
from ..errors import ChainruleError
from ..runtime.certificate import Certificate, Measurement, place, read
from ..runtime.scalar import ScalarFunction
from ..runtime.vector import VectorFunction
from . import vectors
from .environment import environment
from .measure import margins, measure
from .subject import Home, Subject, subject
from .sweep import Pool, local, sweep
from .vectors import VectorSubject

OWN_FUNCTIONS = "numpy"  # the folder of a project's own functions, below its output folder
SWEEPS = ".sweeps"
SWEPT = ("float16", "float32")
SAMPLED = "sampled"
Progress = Callable[[int, int, str], None]


def homes(names: Sequence[str], where: Project) -> Iterator[Home]:
    """Where the functions of some names lie, in their order; all of the project's own if there are no names.

    Raises UnknownName for a name that is not there, ChainruleError for one whose function is not generated."""
    catalogue = entries(where.folders)
    chosen = [resolve(name, catalogue) for name in names] or list(entries((where.derivations,)).values())
    for entry in dict.fromkeys(chosen):
        found = home(entry, where)
        try:
            module = found.module()
        except ChainruleError:
            if names:
                raise
            continue
        if isinstance(getattr(module, found.name, None), ScalarFunction | VectorFunction):
            yield found
        elif names:
            raise ChainruleError(f"{found.name}: its module holds no function of this name")


def home(entry: Entry, where: Project) -> Home:
    """Where the function of an entry is generated."""
    if entry.path.is_relative_to(builtin()):
        return Home(entry.name)
    return Home(entry.name, where.output / OWN_FUNCTIONS / f"{entry.name}.py")


def about(here: Home, derivations: str) -> Subject | VectorSubject:
    """The function at a place, ready to be measured; derivations: the folder of its definition."""
    where = project(derivations)
    definition = load(entries(where.folders)[here.name], where)
    function = getattr(here.module(), here.name)
    if isinstance(function, VectorFunction):
        return VectorSubject(here, function, definition)
    return subject(definition, here)


def accuracy(
    names: Sequence[str],
    where: Project,
    record: bool = False,
    progress: Progress = lambda done, total, name: None,
    jobs: int = 1,
) -> tuple[Certificate, ...]:
    """Measure functions at sampled points in float64 and float32: one of numbers takes seconds, one of vectors up to a few minutes.

    record: write certificates, each when it is done. What a certificate of the same code says of sweeps stays."""
    chosen = list(homes(names, where))
    found = {}
    for here, new in _measured(chosen, where, jobs, progress):
        found[here] = _with_sweeps(new, read(here.module()), record)
        if record:
            write(found[here], here)
    return tuple(found[here] for here in chosen)


def exhaustive(
    names: Sequence[str],
    where: Project,
    pool: Pool,
    progress: Progress = lambda done, total, name: None,
    jobs: int = 1,
) -> tuple[Certificate, ...]:
    """Measure functions of one variable at every float16 and float32, and these and, if there are no names, all others at sampled
    points; write each certificate when it is done. What is certified already, in this environment, is not measured again; a sweep
    that is interrupted goes on where it stopped."""
    chosen = list(homes(names, where))
    for here in chosen if names else ():
        if not _is_unary(here):
            raise ChainruleError(f"{here.name}: a sweep is for functions of one variable; use --accuracy")
    found = {here: certificate for here in chosen if (certificate := _current(here)) is not None}
    for here, certificate in _measured([h for h in chosen if h not in found], where, jobs, progress):
        found[here] = certificate
        write(certificate, here)
    todo = [here for here in chosen if _is_unary(here) and not _is_swept(found[here])]
    for here, bounds in _each(_margins, todo, where, jobs):
        found[here] = _swept(here, where, pool, found[here], bounds, progress)
        write(found[here], here)
        for dtype in SWEPT:
            _checkpoint(where, here, dtype).unlink()
    return tuple(found[here] for here in chosen)


def write(certificate: Certificate, here: Home) -> None:
    """Write a certificate where the function looks for it."""
    file = place(here.module())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(certificate.to_json(), encoding="utf-8")


# ---------------------------------------------------------------- sampled points


def _measured(
    chosen: Sequence[Home], where: Project, jobs: int, progress: Progress
) -> Iterator[tuple[Home, Certificate]]:
    for done, (here, found) in enumerate(_each(_measure, chosen, where, jobs)):
        progress(done + 1, len(chosen), here.name)
        yield here, found


def _measure(here: Home, derivations: str) -> Certificate:
    found = about(here, derivations)
    return vectors.measure(found) if isinstance(found, VectorSubject) else measure(found)


def _margins(here: Home, derivations: str) -> Mapping[str, Mapping[str, float]]:
    """By dtype and part, what the float64 function is off by."""
    found = about(here, derivations)
    assert isinstance(found, Subject)
    return {dtype: margins(found, np.dtype(dtype)) for dtype in SWEPT}


def _each(work: Callable[[Home, str], Any], chosen: Sequence[Home], where: Project, jobs: int) -> Iterator[Any]:
    """Each with its result, as they come; those of vectors, which take longest, begin."""
    if jobs == 1 or len(chosen) < 2:
        yield from ((here, work(here, str(where.derivations))) for here in chosen)
        return
    order = sorted(chosen, key=lambda here: isinstance(getattr(here.module(), here.name), ScalarFunction))
    executor = local(jobs)()
    try:
        waiting = {executor.submit(work, here, str(where.derivations)): here for here in order}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        executor.shutdown(cancel_futures=True)


def _with_sweeps(new: Certificate, old: Certificate | None, record: bool) -> Certificate:
    """With the rows of the certificate there is, of sweeps; in another environment they are shown and not recorded again."""
    if old is None:
        return new
    rows = [m for m in old.measurements if m.how != SAMPLED]
    if {**new.environment} != {k: v for k, v in old.environment.items() if k != "workers"}:
        rows = [] if record else [replace(m, how=f"{m.how}, NumPy {old.environment['numpy']}") for m in rows]
    return replace(
        new,
        measurements=(*new.measurements, *rows),
        environment={**old.environment, **new.environment} if rows else new.environment,
    )


# ---------------------------------------------------------------- every number


def _is_unary(here: Home) -> bool:
    function = getattr(here.module(), here.name)
    return isinstance(function, ScalarFunction) and len(function.arguments) == 1


def _current(here: Home) -> Certificate | None:
    """The certificate of this code in this environment."""
    found = read(here.module())
    if found is None or {k: v for k, v in found.environment.items() if k != "workers"} != {**environment()}:
        return None
    return found


def _is_swept(found: Certificate) -> bool:
    return {m.dtype for m in found.measurements if m.how == "exhaustive"} >= set(SWEPT)


def _swept(
    here: Home,
    where: Project,
    pool: Pool,
    sampled: Certificate,
    bounds: Mapping[str, Mapping[str, float]],
    progress: Progress,
) -> Certificate:
    subject = about(here, str(where.derivations))
    assert isinstance(subject, Subject)
    rows: list[Measurement] = [m for m in sampled.measurements if m.how == SAMPLED]
    workers: list[Mapping[str, Any]] = []
    for dtype in SWEPT:
        here_pool = pool if dtype == SWEPT[-1] else _at_hand
        checkpoint = _checkpoint(where, here, dtype)
        found = sweep(here, where.derivations, checkpoint, here_pool, sampled.code, dtype, progress=progress)
        rows += found.measurements(subject, bounds[dtype])
        workers += [each for each in found.environments if each != environment() and each not in workers]
    facts = {**sampled.environment, "workers": workers} if workers else sampled.environment
    return replace(sampled, measurements=tuple(rows), environment=facts)


def _at_hand() -> ThreadPoolExecutor:
    """For what takes less time than to begin a process."""
    return ThreadPoolExecutor(1)


def _checkpoint(where: Project, here: Home, dtype: str) -> Path:
    return where.output / SWEEPS / f"{place(here.module()).stem}.{dtype}.jsonl"
