"""Work of loops shared between threads that wait for it: to start a thread takes longer than many a call of a loop does."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
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

_waiting: list[Tasks] = []
"""Of the threads that wait for work; pop and append need no lock."""
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
        for _ in range(1, several):
            asked.append(SimpleQueue())
            if not _lend(lambda: work(pieces), asked[-1]):
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


def _lend(task: Callable[[], None], finished: Finished) -> bool:
    """Have a thread that waits, or else a new one, do a task and say that it has, or why not; whether there is one."""
    try:
        tasks = _waiting.pop()
    except IndexError:
        tasks = SimpleQueue()
        try:
            threading.Thread(target=_serve, args=(tasks,), daemon=True).start()
        except RuntimeError:  # no more threads are to be had
            return False

    def told() -> None:
        failure = None
        try:
            task()
        except BaseException as error:
            failure = error
        _waiting.append(tasks)
        finished.put(failure)

    tasks.put(told)
    return True


def _serve(tasks: Tasks) -> None:
    while True:
        tasks.get()()


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
