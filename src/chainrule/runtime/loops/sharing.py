"""Work of loops shared between threads that wait for it: to start a thread takes longer than many a call of a loop does."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from typing import Any

from ..threads import get_threads

LONG = 1 << 20
"""Elements of a piece at most: loops need no cache, but arrays of other kinds are converted a piece at a time."""
FIRST = 1 << 15
"""Elements by which the caller finds out how long the others will take."""
WORTH = 4e-4
"""Seconds of work for which it is worth to wake a thread."""
EACH = 2
"""Pieces for each thread, so that one which is held up leaves its share to the others."""

Work = Callable[[Iterable[tuple[int, int]]], None]
"""Takes pieces, each from a start to a stop."""
Tasks = SimpleQueue[Callable[[], None]]
Finished = SimpleQueue[BaseException | None]
"""Where a thread says that it has done a task, or why not."""


@dataclass(frozen=True)
class _Helper:
    """A thread that does tasks, and the number by which the system knows it."""

    tasks: Tasks
    number: int | None


_waiting: list[_Helper] = []
"""Those that wait for work; pop and append need no lock."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)  # a child has none of them


def share(work: Work, count: int, size: int, unit: int = 1) -> None:
    """Let threads do the work from 0 to `count`, which is that of `size` elements, in pieces that start at multiples of `unit`. The caller does a small part of
    it first, and others join where what is left takes so long that it is worth it."""
    threads, first = get_threads(), _multiple(count * FIRST // size, unit)
    most = _multiple(count * LONG // size, unit)
    if threads == 1 or count <= first:
        work(_cut(0, count, most))
        return
    shared: list[_Shared] = []
    asked: list[Finished] = []

    def callers() -> Iterator[tuple[int, int]]:
        began = time.perf_counter()
        yield 0, first
        left = (time.perf_counter() - began) * (count / first - 1)
        several = max(1, min(threads, int(left / WORTH)))
        number = several * EACH if several > 1 else 1
        pieces = _Shared(_cut(first, count, min(most, _multiple((count - first) // number, unit))))
        shared.append(pieces)
        for cores in _cores_of_others(several - 1):
            asked.append(SimpleQueue())
            if not _lend(lambda: work(pieces), asked[-1], cores):
                asked.pop()
                break
        yield from pieces

    failures: list[BaseException | None] = []
    try:
        work(callers())
    except BaseException as error:
        failures.append(error)
        for pieces in shared:
            deque(pieces, maxlen=0)  # nobody else needs to do what is left
    failures += [each.get() for each in asked]
    for failure in filter(None, failures):
        raise failure


def _multiple(x: int, unit: int) -> int:
    """The next multiple, at least one."""
    return max(1, -(-x // unit)) * unit


def _cut(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    for k in range(start, stop, step):
        yield k, min(stop, k + step)


def _lend(task: Callable[[], None], finished: Finished, cores: set[int]) -> bool:
    """Have a thread that waits, or else a new one, do a task on one of the cores and say that it has, or why not; whether there is one."""
    try:
        helper = _waiting.pop()
    except IndexError:
        tasks: Tasks = SimpleQueue()
        thread = threading.Thread(target=_serve, args=(tasks,), daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads are to be had
            return False
        helper = _Helper(tasks, thread.native_id)

    def told() -> None:
        failure = None
        try:
            task()
        except BaseException as error:
            failure = error
        _waiting.append(helper)
        finished.put(failure)

    if cores and helper.number:
        with suppress(OSError):  # elsewhere it computes the same
            os.sched_setaffinity(helper.number, cores)
    helper.tasks.put(told)
    return True


def _serve(tasks: Tasks) -> None:
    while True:
        tasks.get()()


def _cores_of_others(count: int) -> list[set[int]]:
    """For each of so many threads the cores that it gets: another set for each, none with that of the caller in it. Left to itself, Linux on a virtual machine
    takes a core that sleeps for one that is held by somebody else and wakes a thread where its caller runs, which then has half a core for some milliseconds.
    Empty sets where a system has no such choice."""
    core_of_caller = _core_of_caller()
    if not count or core_of_caller is None:
        return [set()] * count
    every = os.sched_getaffinity(0)
    others = sorted(every - {core_of_caller()})
    return [set(others[k::count]) or every for k in range(count)]


@cache
def _core_of_caller() -> Callable[[], int] | None:
    """What tells the number of the core on which it is called, where there is that and a way to choose others."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    import ctypes

    return getattr(ctypes.CDLL(None), "sched_getcpu", None)


class _Shared:
    """An iterator that several threads may take from."""

    def __init__(self, each: Iterator[tuple[int, int]]) -> None:
        self.each = each
        self.lock = threading.Lock()

    def __iter__(self) -> "_Shared":
        return self

    def __next__(self) -> Any:
        with self.lock:
            return next(self.each)
