"""From a project to its output folder: only what is out of date, in parallel, each file whole or not at all.

A stamp in the output folder remembers, for each definition, a key of everything its documents depend on and a digest
of every file written. A build with nothing to do compares digests and imports neither SymPy nor the engine.
"""

import hashlib
import json
import multiprocessing
import os
import platform
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from . import chapters
from .catalogue import PACKAGE, Entry, Project, entries, fingerprint, load, resolve, shipped, shown
from .errors import ChainruleError, DefinitionError, RenderError

if TYPE_CHECKING:
    from .chapters.page import Page
    from .definition import Definition
    from .produce import Checked, Product

STAMP = ".chainrule.json"
LIBRARIES = ("sympy", "mpmath", "jinja2", "numpy", "typst", "matplotlib")
BOOK = "PDFs and plots need the extra `book`: pip install 'chainrule[book]'"

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Failure:
    """A definition that could not be dealt with, and one line that says where and why."""

    name: str
    message: str


@dataclass(frozen=True)
class Built:
    """What a build did: names made, names that were up to date, failures and notes on what was made in the order of the catalogue."""

    made: tuple[str, ...]
    current: tuple[str, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """What the stamp knows of one definition: a key of all it was made from, the formats made, a digest of every file,
    its row in the index, and whether it is the project's own (and not a built-in one that was asked for by name)."""

    key: str
    formats: tuple[str, ...]
    files: Mapping[str, str]
    row: Mapping[str, str] = field(default_factory=dict)
    own: bool = True


def build(
    names: Sequence[str],
    formats: Sequence[str],
    project: Project,
    jobs: int = 0,
    progress: Progress = lambda done, total, name: None,
    engine: str = "typst",
) -> Built:
    """Bring the documents of some definitions up to date; of every definition of the project if ``names`` is empty.

    jobs: processes to use, 0 for one per usable CPU. progress: called with done, total and the name just finished.
    A definition that fails is a Failure and writes nothing; the others are built.
    Raises UnknownName for a name that is not there, RenderError if a tool that a format needs is missing."""
    catalogue, chosen = select(names, project)
    own = _own(project)
    need_tools(formats, engine)
    output, common, stamp = project.output, _common_key(project, engine), _read_stamp(project.output)
    keys = {entry.name: _digest(f"{common} {fingerprint(entry, catalogue)}") for entry in chosen}
    valid = {name: record for name, key in keys.items() if (record := _valid(stamp.get(name), key, output))}
    missing = {e: tuple(f for f in formats if e.name not in valid or f not in valid[e.name].formats) for e in chosen}
    tasks = [(entry, wanted) for entry, wanted in missing.items() if wanted]
    failures: dict[str, Failure] = {}
    notes: dict[str, tuple[str, ...]] = {}
    progress(0, len(tasks), "")
    try:
        outcomes = each(partial(_make, engine=engine, project=project), tasks, jobs)
        for done, ((entry, made), outcome) in enumerate(outcomes, 1):
            name = entry.name
            if not isinstance(outcome, Failure):
                outcome = _written(entry, outcome, output)
            if isinstance(outcome, Failure):
                failures[name] = outcome
            else:
                files = {path: _digest(data) for path, data in outcome.files.items()}
                record = Record(keys[name], made, files, outcome.row, name in own)
                stamp[name] = _merged(record, valid.get(name), stamp.get(name), output)
                notes[name] = tuple(f"{entry.where}: {note}" for note in outcome.notes)
            progress(done, len(tasks), name)
        gone = [name for name, record in stamp.items() if record.own and name and name not in own and not names]
        for name in gone:
            _remove(stamp.pop(name).files, output)
        if "md" in formats and all(name in stamp or name in failures for name in own):
            listed = [stamp[name].row for name in catalogue if name in stamp and _has_page(stamp[name])]
            _write_index(listed, common, stamp, project)
        if tasks or gone:
            _write_package(own, project)
    finally:
        _write_stamp(stamp, output)
    return Built(
        made=tuple(entry.name for entry, _ in tasks if entry.name not in failures),
        current=tuple(entry.name for entry, wanted in missing.items() if not wanted),
        failures=tuple(failures[entry.name] for entry, _ in tasks if entry.name in failures),
        notes=tuple(note for entry, _ in tasks for note in notes.get(entry.name, ())),
    )


def verify(
    names: Sequence[str], project: Project, jobs: int = 0, progress: Progress = lambda done, total, name: None
) -> tuple[tuple["Checked", ...], tuple[Failure, ...]]:
    """Check every derivation of some definitions, or of all of the project's own, in the order of the catalogue.

    Returns a row for each derivation, passed or not, and a Failure for each definition that could not be derived."""
    _, chosen = select(names, project)
    outcomes: dict[Entry, tuple[Checked, ...] | Failure] = {}
    progress(0, len(chosen), "")
    for done, (entry, outcome) in enumerate(each(partial(_check, project=project), chosen, jobs), 1):
        outcomes[entry] = outcome
        progress(done, len(chosen), entry.name)
    ordered = [outcomes[entry] for entry in chosen]
    rows = tuple(row for outcome in ordered if not isinstance(outcome, Failure) for row in outcome)
    return rows, tuple(outcome for outcome in ordered if isinstance(outcome, Failure))


def select(names: Sequence[str], project: Project) -> tuple[Mapping[str, Entry], tuple[Entry, ...]]:
    """The catalogue that a project sees, and the entries meant: the named ones, or all of the project's own."""
    catalogue = chapters.known(project)
    if names:
        return catalogue, tuple({entry.name: entry for entry in (resolve(name, catalogue) for name in names)}.values())
    own = tuple(_own(project).values())
    if not own:
        raise DefinitionError(f"{shown(project.derivations)}: there is no derivation file in this folder")
    return catalogue, own


def _own(project: Project) -> Mapping[str, Entry]:
    """What a project builds: its derivations, and the built-in one its chapters."""
    return {**entries((project.derivations,)), **(chapters.entries() if project.is_builtin else {})}


# ---------------------------------------------------------------- work, in this process or others


def attempt(entry: Entry, project: Project, work: "Callable[[Definition], Result]") -> Result | Failure:
    """Load a definition and do something with it; whatever goes wrong becomes a Failure that names file and line."""
    try:
        definition = load(entry, project)
    except ChainruleError as error:
        return Failure(entry.name, str(error))
    return _guarded(entry, lambda: work(definition))


def attempt_page(entry: Entry, work: "Callable[[Page], Result]") -> Result | Failure:
    """Make a chapter and do something with it, likewise."""
    return _guarded(entry, lambda: work(chapters.load(entry.name)))


def _guarded(entry: Entry, work: Callable[[], Result]) -> Result | Failure:
    try:
        return work()
    except ChainruleError as error:
        return Failure(entry.name, f"{entry.where}: {error}")
    except Exception as error:  # a bug of ours in one derivation must not cost the reader the others
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        return Failure(entry.name, f"{entry.where}: chainrule failed in {place}: {type(error).__name__}: {error}")


def _make(task: tuple[Entry, tuple[str, ...]], engine: str, project: Project) -> "Product | Failure":
    from .produce import produce

    entry, formats = task
    if entry.kind == chapters.KIND:
        from .chapters.page import produce_page

        return attempt_page(entry, lambda page: produce_page(page, formats, engine, project))
    return attempt(entry, project, lambda definition: produce(definition, formats, engine, project))


def _check(entry: Entry, project: Project) -> "tuple[Checked, ...] | Failure":
    from .produce import check

    if entry.kind == chapters.KIND:
        return attempt_page(entry, lambda page: page.verdicts)
    return attempt(entry, project, check)


def each(work: Callable[[Item], Result], items: Sequence[Item], jobs: int = 0) -> Iterator[tuple[Item, Result]]:
    """Every item with what the work made of it, as they are ready; in this process if one will do."""
    jobs = min(jobs or usable_cpus(), len(items))
    if jobs <= 1:
        yield from ((item, work(item)) for item in items)
        return
    # Interrupting is the parent's business: without this every worker prints a traceback of its own.
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    try:
        futures = {pool.submit(work, item): item for item in items}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise ChainruleError("a worker process was killed, perhaps for want of memory: try fewer --jobs") from error
    finally:
        pool.shutdown(cancel_futures=True)


def usable_cpus() -> int:
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def need_tools(formats: Iterable[str], engine: str) -> None:
    """Raises RenderError where a tool that the formats need is not installed."""
    if find_spec("matplotlib") is None or ("pdf" in formats and engine == "typst" and find_spec("typst") is None):
        raise RenderError(BOOK)
    if "pdf" in formats and engine == "latex" and shutil.which("latexmk") is None:
        raise RenderError("`--pdf-engine latex` needs latexmk, which is not installed: the README says how to get it")


# ---------------------------------------------------------------- files


def write(files: Mapping[Path, bytes]) -> None:
    """Write files that differ from what is there: all are complete on disk before the first one takes its place."""
    staged: list[tuple[Path, Path]] = []
    try:
        for path, data in files.items():
            if path.is_file() and path.read_bytes() == data:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            staged.append((temporary, path))
            temporary.write_bytes(data)
        for temporary, path in staged:
            os.replace(temporary, path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _written(entry: Entry, product: "Product", output: Path) -> "Product | Failure":
    try:
        write({output / path: data for path, data in product.files.items()})
    except OSError as error:
        return Failure(entry.name, f"{error.filename or output}: {error.strerror or error}")
    return product


def _digest(data: bytes | str) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def _unchanged(files: Mapping[str, str], output: Path) -> Iterator[Path]:
    """Those of the files that are still as they were written."""
    for name, digest in files.items():
        path = output / name
        if path.is_file() and _digest(path.read_bytes()) == digest:
            yield path


def _remove(files: Mapping[str, str], output: Path) -> None:
    """Delete what a build wrote, unless someone has edited it since."""
    for path in list(_unchanged(files, output)):
        path.unlink()


# ---------------------------------------------------------------- the stamp

INDEX = ""  # the index's place in the stamp: a name that no definition can have


def _common_key(project: Project, engine: str) -> str:
    """A digest of what all documents depend on: the engine's own source, the templates, the libraries, Python."""
    parts = [f"python {platform.python_version()}", engine, str(project.is_builtin)]
    for library in LIBRARIES:
        try:
            parts.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            parts.append(f"{library} none")
    generated = PACKAGE / "functions"
    sources = [path for path in PACKAGE.rglob("*.py") if not path.is_relative_to(generated)]
    sources += [path for kind in ("data", "certificates") for path in (PACKAGE / kind).rglob("*") if path.is_file()]
    for folder in filter(None, (shipped("templates"), project.templates)):
        sources += [path for path in folder.rglob("*") if path.is_file()]
    parts += [f"{path.parent.name}/{path.name} {_digest(path.read_bytes())}" for path in sorted(sources)]
    return _digest("\n".join(parts))


def _valid(record: Record | None, key: str, output: Path) -> Record | None:
    """The record, if it was made from the same sources and every file is still as it was written."""
    if record is None or record.key != key or len(list(_unchanged(record.files, output))) < len(record.files):
        return None
    return record


def _merged(new: Record, valid: Record | None, old: Record | None, output: Path) -> Record:
    """The new record together with the formats made earlier from the same sources; files no longer made are removed, those
    of formats that were not asked for stay until they are made again."""
    if valid:
        return replace(new, formats=(*valid.formats, *new.formats), files={**valid.files, **new.files})
    if old and set(old.formats) <= set(new.formats):
        _remove({path: digest for path, digest in old.files.items() if path not in new.files}, output)
        return new
    return replace(new, files={**old.files, **new.files}) if old else new


def _has_page(record: Record) -> bool:
    return any(path.startswith("markdown/") for path in record.files)


def _write_index(rows: Sequence[Mapping[str, str]], common: str, stamp: dict[str, Record], project: Project) -> None:
    key = _digest(json.dumps([common, rows], sort_keys=True))
    if not rows or _valid(stamp.get(INDEX), key, project.output):
        return
    from .produce import produce_index

    files = produce_index(rows, project)
    write({project.output / path: data for path, data in files.items()})
    stamp[INDEX] = Record(key, ("md",), {path: _digest(data) for path, data in files.items()})


def _write_package(names: Iterable[str], project: Project) -> None:
    from .produce import produce_package

    write({project.output / path: data for path, data in produce_package(names, project).items()})


def _read_stamp(output: Path) -> dict[str, Record]:
    try:
        stamp: dict[str, Any] = json.loads((output / STAMP).read_text("utf-8"))
        return {name: Record(**{**record, "formats": tuple(record["formats"])}) for name, record in stamp.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none yet, or not ours: build everything
        return {}


def _write_stamp(stamp: Mapping[str, Record], output: Path) -> None:
    text = json.dumps({name: asdict(record) for name, record in sorted(stamp.items())}, indent=1)
    if stamp or (output / STAMP).exists():
        write({output / STAMP: text.encode()})
