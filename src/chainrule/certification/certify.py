"""What `chainrule verify --accuracy` and `--exhaustive` do: functions by name, certificates."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..catalogue import Entry, Project, builtin, entries, load, resolve
from ..errors import ChainruleError
from ..runtime.certificate import Certificate, place
from ..runtime.vector import VectorFunction
from . import vectors
from .measure import margins, measure
from .subject import Home, Subject, subject
from .sweep import Pool, Swept, sweep
from .vectors import VectorSubject

OWN_FUNCTIONS = "numpy"  # the folder of a project's own functions, below its output folder
SWEEPS = ".sweeps"
SHOWN = ("float16", "float32")
Progress = Callable[[int, int, str], None]


def subjects(names: Sequence[str], project: Project) -> Iterator[Subject | VectorSubject]:
    """The functions of some names, in their order; all of the project's own if there are no names.

    Raises UnknownName for a name that is not there, ChainruleError for one whose function is not generated."""
    catalogue = entries(project.folders)
    chosen = [resolve(name, catalogue) for name in names] or list(entries((project.derivations,)).values())
    for entry in dict.fromkeys(chosen):
        try:
            found = _subject(entry, project)
        except ChainruleError:
            if names:
                raise
            continue
        yield found


def _subject(entry: Entry, project: Project) -> Subject | VectorSubject:
    definition, where = load(entry, project), home(entry, project)
    function = getattr(where.module(), where.name, None)
    if isinstance(function, VectorFunction):
        return VectorSubject(where, function, definition)
    return subject(definition, where)


def home(entry: Entry, project: Project) -> Home:
    """Where the function of an entry is generated."""
    if entry.path.is_relative_to(builtin()):
        return Home(entry.name)
    return Home(entry.name, project.output / OWN_FUNCTIONS / f"{entry.name}.py")


def accuracy(
    names: Sequence[str],
    project: Project,
    record: bool = False,
    progress: Progress = lambda done, total, name: None,
) -> tuple[Certificate, ...]:
    """Measure functions at sampled points in float64 and float32: one of numbers takes seconds, one of vectors up to a few minutes. record: write certificates."""
    chosen = tuple(subjects(names, project))
    found = []
    for done, about in enumerate(chosen):
        progress(done, len(chosen), about.home.name)
        certificate = vectors.measure(about) if isinstance(about, VectorSubject) else measure(about)
        if record:
            write(certificate, about)
        found.append(certificate)
    progress(len(chosen), len(chosen), "")
    return tuple(found)


def exhaustive(
    names: Sequence[str], project: Project, pool: Pool, progress: Progress = lambda done, total, name: None
) -> tuple[Certificate, ...]:
    """Measure functions of one variable at every float16 and float32, and at sampled points in float64 and float32; write
    each certificate when it is done. A sweep that is interrupted goes on where it stopped."""
    found = []
    for about in subjects(names, project):
        if isinstance(about, VectorSubject) or about.arguments != 1:
            if names:
                raise ChainruleError(f"{about.home.name}: a sweep is for functions of one variable; use --accuracy")
            continue
        certificate = measure(about)
        swept = [_swept(about, project, pool, dtype, certificate, progress) for dtype in SHOWN]
        rows = (row for each in swept for row in each.measurements(about, margins(about, np.dtype(each.dtype))))
        workers = [e for each in swept for e in each.environments if e != certificate.environment]
        certificate = replace(certificate, measurements=(*certificate.measurements, *rows))
        if workers:
            certificate = replace(certificate, environment={**certificate.environment, "workers": workers})
        write(certificate, about)
        for dtype in SHOWN:
            _checkpoint(project, about, dtype).unlink()
        found.append(certificate)
    return tuple(found)


def write(certificate: Certificate, about: Subject | VectorSubject) -> None:
    """Write a certificate where the function looks for it."""
    file = place(about.home.module())
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(certificate.to_json(), encoding="utf-8")


def _swept(
    about: Subject, project: Project, pool: Pool, dtype: str, certificate: Certificate, progress: Progress
) -> Swept:
    checkpoint = _checkpoint(project, about, dtype)
    return sweep(about.home, project.derivations, checkpoint, pool, certificate.code, dtype, progress=progress)


def _checkpoint(project: Project, about: Subject, dtype: str) -> Path:
    return project.output / SWEEPS / f"{about.home.name}.{dtype}.jsonl"
