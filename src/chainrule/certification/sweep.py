"""Every float32 through a function of one variable: in chunks, on any executor, resumed where it stopped.

A chunk that is done is a line of the checkpoint file. A worker that dies takes its chunk along; the chunk is given to
another one, as often as it takes while others come to an end.
"""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ChainruleError
from ..runtime.certificate import Measurement
from .chunks import ANCHORS, PATTERNS, WORDS, Done, Tally, Task, run, swept
from .environment import environment
from .measure import round_up
from .rounding import BITS
from .subject import Home, Subject

CHUNK = 1 << 24
PATIENCE = 3  # times that every chunk given out may fail before one succeeds
Progress = Callable[[int, int, str], None]
Pool = Callable[[], Executor]


def local(jobs: int) -> Pool:
    """Processes on this machine."""
    # Interrupting is the parent's business: without this every worker prints a traceback of its own.
    return lambda: ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )


def cluster(address: str) -> Pool:
    """A Dask cluster. Raises ChainruleError where Dask is not installed or nobody answers."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ChainruleError("a cluster needs the extra `cluster`: pip install 'chainrule[cluster]'") from error
    try:
        client = Client(address, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise ChainruleError(f"{address}: no Dask scheduler answers: {error}") from error
    return lambda: client.get_executor(retries=PATIENCE)


@dataclass(frozen=True)
class Swept:
    """What a sweep found, part by part, over how many bit patterns of how many, and in which environments."""

    dtype: str
    patterns: int
    whole: int
    tallies: Mapping[str, Tally]
    environments: tuple[Mapping[str, Any], ...] = ()

    def measurements(self, about: Subject, margins: Mapping[str, float]) -> tuple[Measurement, ...]:
        """The rows of a certificate. margins: by part, what the float64 function was found to be off by, in its ulp;
        the anchors of the sweep may have found more."""
        dtype = np.dtype(self.dtype)
        rows = []
        for part, _ in swept(about):
            tally = self.tallies[part.what]
            margin = max(margins.get(part.what, 0.0), tally.anchor) * 2.0 ** (BITS[dtype] - 53)
            place: dict[str, Any] = {}
            if tally.at >= 0:
                x = np.array([tally.at], WORDS[dtype]).view(dtype)
                place["at"] = {about.names[0]: float(x[0]), **about.function.parameters}
                place["got"] = float(part.of(about.function)(x)[0])
            rows.append(
                Measurement(
                    what=part.what,
                    dtype=self.dtype,
                    how="exhaustive" if self.patterns == self.whole else "part of an exhaustive sweep",
                    points=tally.points,
                    worst=round_up(tally.worst),
                    margin=float(f"{margin:.1e}"),
                    inexact=tally.inexact,
                    mismatches=tally.mismatches,
                    **place,
                )
            )
        return tuple(rows)


def sweep(
    home: Home,
    derivations: Path,
    checkpoint: Path,
    pool: Pool,
    code: str,
    dtype: str = "float32",
    chunk: int = CHUNK,
    only: Sequence[int] | None = None,
    progress: Progress = lambda done, total, name: None,
    anchors: int = ANCHORS,
) -> Swept:
    """Compare every float32 result of a function of one variable with its float64 result.

    checkpoint: a file that holds what is done; one of other code or another environment is begun anew. code: the digest
    of the code that is meant.
    pool: makes an executor, again where one broke. only: the numbers of the chunks to do, all of them by default.
    Raises ChainruleError where no chunk comes to an end any more, or a worker has other code.
    """
    whole = PATTERNS[np.dtype(dtype)]
    chunk = min(chunk, whole)
    header = {"function": home.name, "dtype": dtype, "chunk": chunk, "anchors": anchors}
    header |= {"code": code, "environment": environment()}
    done = _resume(checkpoint, header)
    numbers = range(whole // chunk) if only is None else only
    tasks = [Task(home, str(derivations), dtype, number * chunk, chunk, anchors) for number in numbers]
    todo = [task for task in tasks if task.start not in done]
    progress(len(tasks) - len(todo), len(tasks), home.name)
    with _appending(checkpoint) as append, closing(_results(todo, pool)) as results:
        for found in results:
            if found.code != code:
                raise ChainruleError(f"{home.name}: a worker has other code; install the same version of it everywhere")
            append(found)
            done[found.start] = found
            progress(sum(task.start in done for task in tasks), len(tasks), home.name)
    tallies: dict[str, Tally] = {}
    for task in tasks:
        for what, tally in done[task.start].tallies.items():
            tallies.setdefault(what, Tally()).add(tally)
    environments = {json.dumps(done[task.start].environment, sort_keys=True): None for task in tasks}
    return Swept(dtype, chunk * len(tasks), whole, tallies, tuple(map(json.loads, environments)))


def _results(todo: Sequence[Task], pool: Pool) -> Generator[Done]:
    """Results as they come; what is lost with a worker is given out again."""
    waiting = {task.start: task for task in todo}
    failures = 0
    while waiting:
        executor = pool()
        lost: BaseException | None = None
        futures: list[Future[Done]] = []
        try:
            futures += [executor.submit(run, task) for task in waiting.values()]
            for future in as_completed(futures):
                try:
                    found = future.result()
                except _lost() as error:
                    lost = error
                    continue
                failures = 0
                del waiting[found.start]
                yield found
        except BrokenProcessPool as error:  # while handing out
            lost = error
        finally:
            with _undisturbed():
                for future in futures:
                    future.cancel()
                executor.shutdown(wait=True)
        failures += 1
        if waiting and failures > PATIENCE:
            raise ChainruleError(
                f"workers die before a chunk is done, {failures} times in a row; "
                f"{len(waiting)} chunks are left and what is done is kept: {lost}"
            )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Without interruptions: a second Ctrl-C in the middle of a shutdown would leave processes that nobody ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _lost() -> tuple[type[BaseException], ...]:
    """What it is called when a worker has died."""
    try:
        from distributed import KilledWorker
        from distributed.comm import CommClosedError
    except ImportError:
        return (BrokenProcessPool, CancelledError)
    return (BrokenProcessPool, CancelledError, KilledWorker, CommClosedError)


def _resume(checkpoint: Path, header: Mapping[str, Any]) -> dict[int, Done]:
    """The chunks that are done. A torn last line, from a kill while writing, is cut off; another header begins anew."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    first = json.dumps({"header": header}, sort_keys=True)
    text = checkpoint.read_text(encoding="utf-8") if checkpoint.is_file() else ""
    lines = text.split("\n")[:-1]  # what follows the last line feed is torn
    if not lines or lines[0] != first:
        lines = [first]
    found = dict(_read(lines[1:]))
    whole = [first, *(_line(each) for each in found.values())]
    temporary = checkpoint.with_suffix(".new")
    temporary.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
    os.replace(temporary, checkpoint)
    return found


def _read(lines: Iterable[str]) -> Iterator[tuple[int, Done]]:
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue  # done again
        tallies = {what: Tally(**each) for what, each in row.pop("tallies").items()}
        yield row["start"], Done(tallies=tallies, **row)


def _line(found: Done) -> str:
    return json.dumps(asdict(found))


@contextmanager
def _appending(checkpoint: Path) -> Iterator[Callable[[Done], None]]:
    with checkpoint.open("a", encoding="utf-8") as file:

        def append(found: Done) -> None:
            file.write(_line(found) + "\n")
            file.flush()
            os.fsync(file.fileno())

        yield append
