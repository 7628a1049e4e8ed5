"""Threads that wait for work of loops: what they compute, how many there are, and what becomes of an error."""

import os
import signal
import threading
import warnings

import numpy as np
import pytest

import chainrule
from chainrule.functions import sigmoid, softmax, softmax_cross_entropy
from chainrule.runtime.loops import sharing

SIZE = 5 * sharing.FIRST + 77
X = np.random.default_rng(7).normal(size=SIZE) * 4


@pytest.fixture(autouse=True)
def compiled(monkeypatch):
    """However little there is to do, threads are asked for it."""
    monkeypatch.setattr(sharing, "WORTH", 1e-12)
    sharing._waiting.clear()
    chainrule.set_compiled(True)
    yield
    chainrule.set_compiled(None)
    chainrule.set_threads(None)


@pytest.fixture
def started(monkeypatch):
    found = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: (found.append(self), start(self)))
    return found


def at_once(threads):
    """Work that no thread has done, and could be asked for again, before all are asked."""
    caller, together = threading.current_thread(), threading.Barrier(threads)
    waited = []

    def work(pieces):
        if threading.current_thread() is not caller:
            together.wait(60)
        for start, _ in pieces:
            if start and threading.current_thread() is caller and not waited:
                waited.append(together.wait(60))

    return work


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_threads_compute_what_one_does(kind):
    x, rows = X.astype(kind), X[: SIZE // 10 * 10].astype(kind).reshape(-1, 10)
    every = []
    for threads in (1, 2, 5):
        chainrule.set_threads(threads)
        every.append((sigmoid(x), sigmoid.grad(x), softmax(rows)))
    for found in every[1:]:
        for got, wanted in zip(found, every[0], strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_threads_are_started_once_and_wait_for_the_next_call(started):
    chainrule.set_threads(3)
    for _ in range(3):
        sharing.share(at_once(3), SIZE, SIZE)
        assert len(started) == 2 and len(sharing._waiting) == 2


def test_nobody_is_asked_to_do_what_is_done_at_once(started, monkeypatch):
    chainrule.set_threads(3)
    sharing.share(lambda pieces: [*pieces], 50, sharing.FIRST)
    assert not started
    monkeypatch.setattr(sharing, "WORTH", 60.0)
    sigmoid(X)
    assert not started


def test_the_caller_does_alone_what_no_thread_can_be_had_for(monkeypatch):
    def refused(self):
        raise RuntimeError("can't start new thread")

    wanted = sigmoid(X)
    monkeypatch.setattr(threading.Thread, "start", refused)
    sharing._waiting.clear()
    chainrule.set_threads(3)
    np.testing.assert_array_equal(sigmoid(X), wanted)


def test_rows_beside_one_that_loops_cannot_compute_do_not_depend_on_threads(monkeypatch):
    z = np.random.default_rng(0).normal(size=(40_000, 10)) * 4
    z[25_000, 3] = 5000.0
    chainrule.set_threads(1)
    wanted = softmax(z)
    chainrule.set_compiled(False)
    assert not np.array_equal(softmax(z), wanted)
    chainrule.set_compiled(True)
    for threads, each in ((2, 1), (3, 2), (4, 5)):
        monkeypatch.setattr(sharing, "EACH", each)
        chainrule.set_threads(threads)
        np.testing.assert_array_equal(softmax(z), wanted)


def test_no_thread_warns_of_results_that_are_rounded():
    z = np.random.default_rng(0).uniform(-5, 5, size=(SIZE // 5, 10)).astype(np.float16)
    y = np.full_like(z, 30_000)
    chainrule.set_threads(4)
    assert np.isinf(softmax_cross_entropy(z, y, reduction="none")).any()


def test_every_piece_is_done_once():
    chainrule.set_threads(4)
    large = 3 * sharing.LONG
    for count, size, unit in ((1000, SIZE, 1), (1000, SIZE, 64), (7, SIZE, 1), (SIZE, SIZE, 1), (large, large, 1000)):
        done = np.zeros(count, int)
        most = count * sharing.LONG / size + unit

        def work(pieces, done=done, most=most, unit=unit):
            for start, stop in pieces:
                assert 0 < stop - start <= most and start % unit == 0
                done[start:stop] += 1

        sharing.share(work, count, size, unit)
        assert (done == 1).all()


@pytest.mark.parametrize("at", ["caller", "helper"])
def test_an_error_reaches_the_caller_and_the_threads_wait_again(at):
    chainrule.set_threads(2)
    caller = threading.current_thread()
    taken = threading.Event()

    def work(pieces):
        for start, _ in pieces:
            mine = threading.current_thread() is caller
            if not mine:
                taken.set()
            elif start:
                assert taken.wait(60)
            if start and mine == (at == "caller"):
                raise MemoryError("in a piece")

    with pytest.raises(MemoryError, match="in a piece"):
        sharing.share(work, SIZE, SIZE)
    assert len(sharing._waiting) == 1
    chainrule.set_threads(2)
    np.testing.assert_array_equal(sigmoid(X)[:100], sigmoid(X[:100]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_asks_no_thread_of_its_parent():
    chainrule.set_threads(2)
    wanted = sigmoid(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads, which is what is tested
        child = os.fork()
    if not child:
        signal.alarm(60)  # which ends it, if it waits for ever
        os._exit(0 if np.array_equal(sigmoid(X), wanted) else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no choice of cores")
@pytest.mark.parametrize("threads", [2, 3, 4])
def test_no_thread_is_on_the_core_of_the_caller_or_of_another_while_there_are_others(monkeypatch, threads):
    chosen = []
    monkeypatch.setattr(sharing, "_core_of_caller", lambda: lambda: 5)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 3, 5})
    monkeypatch.setattr(os, "sched_setaffinity", lambda number, cores: chosen.append((number, cores)))
    chainrule.set_threads(threads)
    sharing.share(at_once(threads), SIZE, SIZE)
    numbers, cores = zip(*chosen, strict=True)
    assert len({*numbers, threading.get_native_id()}) == threads
    assert cores == {2: ({2, 3},), 3: ({2}, {3}), 4: ({2}, {3}, {2, 3, 5})}[threads]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no choice of cores")
@pytest.mark.parametrize("refused", [False, True])
def test_cores_of_the_caller_are_left_as_they_are(monkeypatch, refused):
    def refuse(number, cores):
        raise PermissionError("not here")

    if refused:
        monkeypatch.setattr(os, "sched_setaffinity", refuse)
    before = os.sched_getaffinity(0)
    chainrule.set_threads(3)
    wanted = sigmoid(X)
    assert os.sched_getaffinity(0) == before
    chainrule.set_threads(1)
    np.testing.assert_array_equal(sigmoid(X), wanted)
