"""Work of loops shared between threads that wait for it: to start a thread takes longer than many a call of a loop does."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from typing import Any

from ..threads import get_threads

LONG = 1 << 20
"""Elements of a piece at most: loops need no cache, but arrays of other kinds are converted a piece at a time."""
FIRST = 1 << 15
"""Elements from which more threads than one may be worth it: those by which the caller finds out how long the others will take."""
WORTH = 4e-4
"""Seconds of work for which it is worth to wake a thread."""
EACH = 2
"""Pieces for each thread, so that one which is held up leaves its share to the others."""

Work = Callable[[Iterable[tuple[int, int]]], None]
"""Takes pieces, each from a start to a stop."""
Tasks = SimpleQueue[Callable[[], None]]

_waiting: list[Tasks] = []
"""Of the threads that wait for work; pop and append need no lock."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)  # a child has none of them


def share(work: Work, count: int, size: int) -> None:
    """Let threads do the work from 0 to `count`, which is that of `size` elements. The caller does a small part of it first, and others join where what is left
    takes so long that it is worth it."""
    threads, first = get_threads(), -(-count * FIRST // size)
    most = max(1, count * LONG // size)
    if threads == 1 or count <= first:
        work(_cut(0, count, most))
        return
    finished: SimpleQueue[BaseException | None] = SimpleQueue()
    asked: list[None] = []

    def callers() -> Iterator[tuple[int, int]]:
        began = time.perf_counter()
        yield 0, first
        left = (time.perf_counter() - began) * (count / first - 1)
        several = max(1, min(threads, int(left / WORTH)))
        pieces = _Shared(_cut(first, count, min(most, -(-(count - first) // (several * EACH)))))
        for _ in range(1, several):
            _lend(lambda: work(pieces), finished)
            asked.append(None)
        yield from pieces

    failures: list[BaseException | None] = []
    try:
        work(callers())
    except BaseException as error:
        failures.append(error)
    failures += [finished.get() for _ in asked]
    for failure in filter(None, failures):
        raise failure


def _cut(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    for k in range(start, stop, step):
        yield k, min(stop, k + step)


def _lend(task: Callable[[], None], finished: "SimpleQueue[BaseException | None]") -> None:
    """Have a thread that waits, or else a new one, do a task and say that it has, or why not."""
    try:
        tasks = _waiting.pop()
    except IndexError:
        tasks = SimpleQueue()
        threading.Thread(target=_serve, args=(tasks,), daemon=True).start()

    def told() -> None:
        failure = None
        try:
            task()
        except BaseException as error:
            failure = error
        _waiting.append(tasks)
        finished.put(failure)

    tasks.put(told)


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
