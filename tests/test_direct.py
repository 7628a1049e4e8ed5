"""The shortest way of a call gives what the general way gives, bit by bit, and leaves alone what it cannot do."""

import threading

import numpy as np
import pytest

import chainrule
import chainrule.functions
from chainrule.runtime import blocks
from chainrule.runtime.direct import KEPT, direct
from chainrule.runtime.scalar import ScalarFunction

EVERY = [getattr(chainrule.functions, name) for name in chainrule.functions.__all__]
FUNCTIONS = [f for f in EVERY if isinstance(f, ScalarFunction)]
KINDS = [0.0, -0.0, 5e-324, 0.25, -0.25, 1.0, -1.0, 30.0, -60.0, 300.0, -800.0, 1e30, np.inf, -np.inf, np.nan]


@pytest.fixture(params=[False, True], ids=["calls", "loops"])
def code(request):
    chainrule.set_compiled(request.param)
    yield request.param
    chainrule.set_compiled(None)


def _inputs(f, kind, size):
    rng = np.random.default_rng(size)
    found = []
    for k, _ in enumerate(f.arguments):
        x = rng.normal(0, 3, size) if k == 0 else rng.uniform(0, 1, size)
        x[: len(KINDS)] = KINDS[:size]
        found.append(rng.permutation(x).astype(kind))
    return found


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 37, KEPT + 1])
def test_the_shortest_way_gives_what_the_general_way_gives(f, kind, size, code):
    with np.errstate(over="ignore", under="ignore"):
        xs = _inputs(f, kind, size)
    for call in (f, f.grad):
        first, again, general = call(*xs), call(*xs), np.empty(size, kind)
        call(*xs, out=general)
        assert first is not again
        assert first.dtype == kind
        for found in (first, again):
            np.testing.assert_array_equal(found, general)


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_it_takes_ordinary_arrays(f, kind, code):
    xs = tuple(np.linspace(0.1, 0.9, 7).astype(kind) for _ in f.arguments)
    kernel = f.kernels["value"]
    checks = f._checks(kernel, f.arguments)
    found = direct(kernel, len(xs), tuple(f.parameters.values()), checks)(xs, None)
    assert found.dtype == kind
    np.testing.assert_array_equal(found, f(*xs))


def test_it_takes_only_what_it_can_do(code):
    sigmoid = chainrule.functions.sigmoid
    kernel = sigmoid.kernels["value"]
    call = direct(kernel, 1, (), ())
    x = np.linspace(-1.0, 1.0, 6)
    assert call((x,), None) is not None
    assert call((x.astype(np.float32),), None) is not None
    refused = [
        0.5,
        [0.5],
        x.astype(np.float16),
        x.astype(">f8"),
        x[::2],
        np.array(0.5),
        np.zeros(blocks.BLOCK + 1),
    ]
    refused += [np.empty(0)] * (not code)
    refused += [np.ma.array(x), x.astype(np.float32) * np.float32(200.0)]  # the last lies outside the bounds of float32
    assert [call((each,), None) for each in refused] == [None] * len(refused)
    assert call((), None) is None
    assert call((x, x), None) is None
    assert direct(kernel, 2, (), ())((x, x[:3]), None) is None
    alone = chainrule.functions.absolute_error.kernels["value"]
    pair = direct(alone, 2, (), ())
    assert pair((x, x), None) is not None
    for other in (x[:3], x.astype(np.float32), np.repeat(x, 2)[::2], x.reshape(2, 3), 0.5, np.ma.array(x)):
        assert pair((x, other), None) is pair((other, x), None) is None


def test_a_call_inside_a_block_is_answered():
    """As a signal or a destructor may make it: the context is entered already then."""
    inside = []

    def block(x, out, s1):
        np.add(x, 1.0, out=s1)
        if not inside:
            inside.append(None)
            inside[0] = again(x + 100.0)
        np.copyto(out, s1)

    again = ScalarFunction("again", value=blocks.Kernel(block, scratch=1), gradients={}, seconds={})
    for size in (3, 3):
        inside.clear()
        np.testing.assert_array_equal(again(np.zeros(size)), np.ones(size))
        np.testing.assert_array_equal(inside, [np.full(size, 101.0)])


def test_calls_at_once_do_not_share_scratch_arrays():
    meeting = threading.Barrier(1)
    found = {}

    def block(x, out, s1):
        np.copyto(s1, x)
        meeting.wait()
        np.copyto(out, s1)

    def work(k):
        found[k] = call((np.full(3, k),), None)

    call = direct(blocks.Kernel(block, scratch=1), 1, (), ())
    work(0.5)  # leaves its scratch array for the next call
    meeting = threading.Barrier(2, timeout=10)
    threads = [threading.Thread(target=work, args=(k,)) for k in (1.0, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, got in found.items():
        np.testing.assert_array_equal(got, [k, k, k])
    assert len(found) == 3
