"""Threads that wait for work of loops: what they compute, how many there are, and what becomes of an error."""

import os
import signal
import threading
import warnings

import numpy as np
import pytest

import chainrule
from chainrule.functions import sigmoid, softmax
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
        sigmoid(X)
        assert len(started) == 2 and len(sharing._waiting) == 2


@pytest.mark.parametrize(("size", "worth"), [(sharing.FIRST, 1e-12), (SIZE, 60.0)])
def test_nobody_is_asked_to_do_what_is_done_at_once(size, worth, started, monkeypatch):
    monkeypatch.setattr(sharing, "WORTH", worth)
    chainrule.set_threads(3)
    sigmoid(X[:size])
    assert not started


def test_every_piece_is_done_once():
    chainrule.set_threads(4)
    for count, size in ((1000, SIZE), (7, SIZE), (SIZE, SIZE), (3 * sharing.LONG, 3 * sharing.LONG)):
        done = np.zeros(count, int)
        most = max(1, count * sharing.LONG // size)

        def work(pieces, done=done, most=most):
            for start, stop in pieces:
                assert 0 < stop - start <= most
                done[start:stop] += 1

        sharing.share(work, count, size)
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
