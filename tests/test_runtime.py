"""What every function takes and gives: layouts, dtypes, outputs, threads, processes, arrays of other libraries, products and reductions."""

import importlib.util
import inspect
import itertools
import math
import multiprocessing
import os
import subprocess
import sys
import threading
import types
import warnings

import numpy as np
import pytest

import chainrule
from chainrule.functions import (
    absolute_error,
    binary_cross_entropy,
    elu,
    gelu,
    hinge,
    huber,
    prelu,
    relu,
    sigmoid,
    silu,
    squared_error,
)
from chainrule.runtime import blocks
from chainrule.runtime.arithmetic import product, quotient, select
from chainrule.runtime.scalar import ScalarFunction

LARGE = 3 * blocks.SHARED + 777
RNG = np.random.default_rng(5)
X = RNG.normal(size=LARGE + 9) * 4
X[:: LARGE // 7] = [0.0, np.nan, np.inf, -np.inf, -0.0, 5e-324, 1e308, -745.0][: len(X[:: LARGE // 7])]
EVERY = [getattr(chainrule.functions, name) for name in chainrule.functions.__all__]
SCALAR = [f for f in EVERY if isinstance(f, ScalarFunction)]
METHODS = [sigmoid, sigmoid.grad, silu, silu.grad, silu.second, relu, relu.grad, elu, gelu, gelu.grad]


@pytest.fixture(autouse=True)
def default_threads(monkeypatch):
    """Threads start however little there is to do, so that they are tested."""
    monkeypatch.setattr(blocks, "WORTH", 1e-9)
    yield
    chainrule.set_threads(None)


def apart(call, x):
    """What the code for small arrays gives, a piece at a time."""
    return np.concatenate([call(x[k : k + 5000]) for k in range(0, x.size, 5000)])


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("call", METHODS, ids=str)
def test_blocks_and_threads_give_the_same_bits_as_small_arrays(call, threads):
    chainrule.set_threads(threads)
    np.testing.assert_array_equal(call(X), apart(call, X))
    for dtype in (np.float32, np.float16):
        with np.errstate(all="ignore"):
            narrow = X.astype(dtype)
        assert call(narrow).dtype == dtype
        np.testing.assert_array_equal(call(narrow), apart(call, narrow))


LAYOUTS = {
    "strided": lambda x: np.repeat(x, 2)[::2],
    "backwards": lambda x: x[::-1].copy()[::-1],
    "columns first": lambda x: np.asfortranarray(x.reshape(-1, 3)),
    "transposed": lambda x: x.reshape(-1, 3).T,
    "big-endian": lambda x: x.astype(">f8"),
    "read-only": lambda x: (x := x.copy(), x.setflags(write=False))[0],
    "not aligned": lambda x: np.frombuffer(b"0" + x.tobytes(), dtype=np.uint8)[1:].view(np.float64),
    "three axes": lambda x: x.reshape(3, 1, -1),
    "one element wide": lambda x: x[:, None, None],
    "broadcast": lambda x: np.broadcast_to(x, (3, x.size)),
}


@pytest.mark.parametrize("size", [0, 1, 99, 3 * blocks.BLOCK + 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout(layout, size):
    size -= size % 3
    x = LAYOUTS[layout](X[:size] if size else X[:0].reshape(0) if layout not in ("three axes",) else X[:0])
    plain = np.array(x, dtype=np.float64, order="C")
    before = plain.copy()
    for call in (sigmoid, silu.grad, relu.grad):
        found = call(x)
        assert found.dtype == np.float64
        assert found.dtype.isnative
        assert found.flags.writeable
        np.testing.assert_array_equal(found, call(plain))
    np.testing.assert_array_equal(plain, before)
    for dtype in (np.float32, ">f4", np.float16):
        with np.errstate(all="ignore"):
            narrow = x.astype(dtype)
            for call in (sigmoid, silu.grad):
                found = call(np.array(narrow, dtype=np.dtype(dtype).newbyteorder("="), order="C"))
                np.testing.assert_array_equal(call(narrow), found)


def test_integers_of_every_width_become_float64():
    for kind in "bBhHiIlLqQ":
        whole = np.arange(5).astype(kind)
        np.testing.assert_array_equal(sigmoid(whole), sigmoid(whole.astype(np.float64)))
    many = np.arange(-20, 20).repeat(2000)
    np.testing.assert_array_equal(sigmoid(many), sigmoid(many.astype(np.float64)))


def test_single_numbers_give_a_numpy_number_of_their_dtype():
    for x in (
        0.5,
        np.float64(0.5),
        np.float32(0.5),
        np.float16(0.5),
        np.array(0.5),
        np.array(0.5, ">f4"),
        3,
        np.int8(3),
    ):
        found = sigmoid(x)
        assert isinstance(found, np.floating), type(x)
        assert found == sigmoid(np.array([x]))[0]
        assert type(sigmoid.value_and_grad(x)[1]) is type(found)
    assert sigmoid(np.array([0.5])).shape == (1,)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e308, -1e308, 5e-324, -0.0, 800.0])
def test_python_floats_are_as_careful_as_arrays(value):
    for f, method in itertools.product(SCALAR, ("__call__", "grad", "second")):
        call, others = getattr(f, method), [0.25] * (len(f.arguments) - 1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found, wanted = call(value, *others), call(np.array([value]), *others)[0]
        np.testing.assert_allclose(found, wanted, rtol=1e-15)


def test_memory_mapped(tmp_path):
    mapped = np.memmap(tmp_path / "x", dtype=np.float32, mode="w+", shape=(100, 700))
    mapped[:] = X[:70000].reshape(100, 700)
    mapped.flush()
    only_read = np.memmap(tmp_path / "x", dtype=np.float32, mode="r", shape=(100, 700))
    found = sigmoid(only_read)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, sigmoid(np.array(only_read)))
    into = np.memmap(tmp_path / "y", dtype=np.float32, mode="w+", shape=(100, 700))
    assert sigmoid(only_read, out=into) is into
    np.testing.assert_array_equal(into, found)


def test_subclasses_become_plain_arrays():
    class Tagged(np.ndarray):
        pass

    x = X[:50].view(Tagged)
    assert type(sigmoid(x)) is np.ndarray
    np.testing.assert_array_equal(sigmoid(x), sigmoid(np.array(x)))


@pytest.mark.parametrize("size", [40, LARGE])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ">f8"])
def test_out_takes_the_result(size, dtype):
    x = X[:size]
    out = np.full(2 * size, 7.0, dtype=dtype)[::2]
    with np.errstate(all="ignore"):
        assert sigmoid(x, out=out) is out
        np.testing.assert_array_equal(out, sigmoid(x).astype(dtype))
        first, second = np.empty(size, dtype), np.empty(size, dtype)
        assert silu.value_and_grad(x, out=(first, second))[1] is second
        np.testing.assert_array_equal(first, silu(x).astype(dtype))
        np.testing.assert_array_equal(second, silu.grad(x).astype(dtype))
    number = np.empty(())
    assert sigmoid(0.0, out=number) is number
    assert number == 0.5


@pytest.mark.parametrize("size", [40, LARGE])
@pytest.mark.parametrize("threads", [1, 3])
def test_out_may_overlap_the_input(size, threads):
    chainrule.set_threads(threads)
    for call in (sigmoid, silu.grad, lambda x, out=None: huber(x, x[::-1], out=out)):
        for shift in (-1, 0, 1):
            memory = X[: size + 2].copy()
            given, out = memory[1:-1], memory[1 + shift : size + 1 + shift]
            wanted = call(given.copy())
            call(given, out=out)
            np.testing.assert_array_equal(out, wanted)
        memory = X[:size].copy()
        wanted = call(memory.copy())
        np.testing.assert_array_equal(call(memory, out=memory[::-1]), wanted)
        with np.errstate(all="ignore"):
            single = X[:size].astype(np.float32)
        wanted = call(single.copy())
        np.testing.assert_array_equal(call(single, out=single), wanted)


def test_broadcast_arguments_of_large_arrays():
    rows, columns = X[:700, None], X[700:1300]
    with np.errstate(all="ignore"):
        wanted = np.stack([huber(np.full(600, row[0]), columns) for row in rows])
    np.testing.assert_array_equal(huber(rows, columns), wanted)
    np.testing.assert_array_equal(
        huber(rows, columns.astype(np.float32), delta=np.float32(1)),
        huber(rows, columns.astype(np.float32).astype(float)),
    )


def test_parameters_may_be_arrays():
    slopes = np.array([0.0, 0.1, -1.0])
    np.testing.assert_array_equal(prelu(np.full((2, 3), -2.0), a=slopes), [[-0.0, -0.2, 2.0]] * 2)
    assert np.isnan(prelu(1.0, a=[np.nan])).all()
    assert np.isnan(prelu(-1.0, a=np.nan))


@pytest.mark.parametrize("size", [8, LARGE])
def test_what_lies_outside_the_domain_is_nan_and_nothing_else(size):
    p = np.full(size, 0.5)
    p[[0, size // 2, -1]] = [1.5, -0.1, np.nan]
    found = binary_cross_entropy(p, 1.0)
    assert np.flatnonzero(np.isnan(found)).tolist() == [0, size // 2, size - 1]
    logits = chainrule.functions.sigmoid_binary_cross_entropy  # whose formula would take any target
    for call in (logits, logits.grad):
        assert np.flatnonzero(np.isnan(call(np.zeros(size), p))).tolist() == [0, size // 2, size - 1]
    assert np.isnan(binary_cross_entropy(np.full(size, 0.5), 2.0)).all()
    assert not np.isnan(binary_cross_entropy(np.clip(np.full(size, 0.5), 0, 1), 1.0)).any()


@pytest.mark.parametrize("call", METHODS, ids=str)
def test_every_half_precision_number_is_rounded_once(call):
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        wanted = call(every.astype(np.float64)).astype(np.float16)
    np.testing.assert_array_equal(call(every), wanted)  # builds the table
    np.testing.assert_array_equal(call(every[::-1]), wanted[::-1])  # uses it
    np.testing.assert_array_equal(
        call(np.tile(every, 3).reshape(3, -1)[:, ::2]), np.tile(wanted, 3).reshape(3, -1)[:, ::2]
    )
    out = np.empty(every.shape, np.float16)
    assert call(every, out=out) is out
    np.testing.assert_array_equal(out, wanted)


def test_tables_know_the_parameters():
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    for alpha in (1.0, 2.0, 1.0, *range(3, 40)):
        assert elu(every, alpha=alpha)[0xC000] == np.float16(alpha * math.expm1(-2))
    assert sum(len(k.tables) for k in elu.kernels.values()) <= 16 * len(elu.kernels)


# threads and processes


def test_set_threads(monkeypatch):
    chainrule.set_threads(3)
    assert chainrule.get_threads() == 3
    chainrule.set_threads(None)
    monkeypatch.setenv("CHAINRULE_THREADS", "5")
    assert chainrule.get_threads() == 5
    monkeypatch.setenv("CHAINRULE_THREADS", "many")
    with pytest.raises(ValueError, match="CHAINRULE_THREADS='many'"):
        chainrule.get_threads()
    monkeypatch.delenv("CHAINRULE_THREADS")
    assert 1 <= chainrule.get_threads() <= (os.cpu_count() or 1)
    for wrong in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="set_threads"):
            chainrule.set_threads(wrong)


def _threads_and_sum(method):
    return chainrule.get_threads(), float(np.nansum(sigmoid(X)))


@pytest.mark.parametrize("method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()])
def test_worker_processes_use_one_thread(method):
    chainrule.set_threads(2)
    sigmoid(X)
    chainrule.set_threads(None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of fork in a process with threads
        with multiprocessing.get_context(method).Pool(1) as pool:
            threads, total = pool.apply_async(_threads_and_sum, (method,)).get(120)
    assert threads == 1
    assert total == float(np.nansum(sigmoid(X)))


def test_many_threads_may_call_at_once():
    chainrule.set_threads(2)
    wanted = {f: f(X) for f in (sigmoid, silu)}
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = elu(every, alpha=0.3)
    wrong = []

    def work(f):
        for _ in range(3):
            if not np.array_equal(f(X), wanted[f], equal_nan=True) or not np.array_equal(
                elu(every, alpha=0.3), halves, equal_nan=True
            ):
                wrong.append(f)

    workers = [threading.Thread(target=work, args=(f,)) for f in (sigmoid, silu) * 3]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert not wrong


@pytest.mark.parametrize(("worth", "started"), [(1e-9, 2), (60.0, 0)])
def test_threads_start_where_the_rest_takes_long_enough(worth, started, monkeypatch):
    monkeypatch.setattr(blocks, "WORTH", worth)
    chainrule.set_threads(3)
    threads = []
    start = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: (threads.append(self), start(self)))
    x = RNG.normal(size=4 * LARGE)
    for each in (x, x.astype(np.float32), x[::-1], x.astype(">f8"), x[None]):
        threads.clear()
        sigmoid(each)
        assert len(threads) == started


def test_an_error_in_a_thread_reaches_the_caller(monkeypatch):
    chainrule.set_threads(3)

    def fail(*_):
        raise MemoryError("in a block")

    kernel = blocks.Kernel(fail)
    with pytest.raises(MemoryError, match="in a block"):
        blocks.run(kernel, [X], [np.empty(X.shape)])


def test_settings_of_floating_point_errors_are_left_alone():
    with np.errstate(all="raise"):
        for call, x in itertools.product(METHODS, (X[:100], X, X[:100].astype(np.float32))):
            call(x)
        assert set(np.geterr().values()) == {"raise"}


# other libraries


@pytest.mark.parametrize(
    ("package", "words"),
    [
        ("torch", r"x\.detach\(\)\.cpu\(\)\.numpy\(\)"),
        ("jaxlib", r"np\.asarray\(x\)"),
        ("cupy", r"x\.get\(\)"),
        ("tensorflow", r"x\.numpy\(\)"),
    ],
)
def test_an_array_of_another_library_is_told_how_to_be_converted(package, words):
    foreign = type("Array", (), {"__module__": f"{package}.somewhere", "__array__": lambda self: np.zeros(3)})()
    for call in (sigmoid, sigmoid.grad, sigmoid.value_and_grad, chainrule.functions.elu):
        with pytest.raises(TypeError, match=f"x is an array of {package}.*{words}"):
            call(foreign)
    with pytest.raises(TypeError, match=f"z is an array of {package}"):
        chainrule.functions.softmax(foreign)


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed")
def test_the_message_holds_for_torch_itself():
    code = "import torch; from chainrule.functions import sigmoid\ntry: sigmoid(torch.ones(3))\nexcept TypeError as e: print(e)"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert "x.detach().cpu().numpy()" in done.stdout


@pytest.mark.skipif(importlib.util.find_spec("dask") is None, reason="dask is not installed")
def test_dask_keeps_its_arrays():
    import dask.array as da

    x = da.from_array(X[:1000].reshape(50, 20), chunks=(20, 20))
    found = silu(x)
    assert type(found) is type(x)
    assert found.chunks == x.chunks
    np.testing.assert_array_equal(found.compute(), silu(X[:1000].reshape(50, 20)))
    value, grad = silu.value_and_grad(x)
    np.testing.assert_array_equal(grad.compute(), silu.grad(X[:1000].reshape(50, 20)))
    np.testing.assert_array_equal(value.compute(), found.compute())
    np.testing.assert_array_equal(
        huber.grad(x, 0.5, delta=2.0).compute(), huber.grad(X[:1000].reshape(50, 20), 0.5, delta=2.0)
    )
    np.testing.assert_array_equal(huber(x, X[:20]).compute(), huber(X[:1000].reshape(50, 20), X[:20]))
    assert silu(x.astype(np.float32)).dtype == np.float32
    with pytest.raises(TypeError, match="Dask"):
        silu.vjp(x, x)
    with pytest.raises(TypeError, match="no out="):
        silu(x, out=np.empty((50, 20)))


# derivatives as matrices and products


def test_the_jacobian_is_diagonal():
    x = X[:24].reshape(2, 3, 4)
    found = sigmoid.jacobian(x)
    assert found.shape == (2, 3, 4, 4)
    np.testing.assert_array_equal(np.einsum("...ii->...i", found), sigmoid.grad(x))
    assert np.count_nonzero(found) == np.count_nonzero(sigmoid.grad(x))
    assert sigmoid.jacobian(0.0) == 0.25
    assert sigmoid.jacobian(np.zeros(3, np.float32)).dtype == np.float32


@pytest.mark.parametrize("size", [12, 30000])
def test_products_with_vectors(size):
    x, g = RNG.normal(size=size), RNG.normal(size=size)
    np.testing.assert_array_equal(sigmoid.vjp(x, g), sigmoid.grad(x) * g)
    np.testing.assert_array_equal(sigmoid.jvp(x, g), sigmoid.grad(x) * g)
    np.testing.assert_array_equal(sigmoid.hvp(x, g), sigmoid.second(x) * g)
    np.testing.assert_array_equal(sigmoid.vjp(x, g=g), sigmoid.vjp(x, g))
    single = sigmoid.vjp(x.astype(np.float32), g.astype(np.float32))
    assert single.dtype == np.float32
    wide = sigmoid.grad(x.astype(np.float32).astype(float)) * g.astype(np.float32).astype(float)
    np.testing.assert_array_equal(single, wide.astype(np.float32))  # rounded once
    out = np.empty(size)
    assert sigmoid.vjp(x, g, out=out) is out
    assert sigmoid.vjp(0.0, 2.0) == 0.5
    np.testing.assert_array_equal(
        elu.vjp(x, g, alpha=2.0, wrt="alpha"), np.sum(elu.grad(x, alpha=2.0, wrt="alpha") * g)
    )


def test_a_backward_pass_sums_over_what_was_broadcast():
    rows, columns, g = RNG.normal(size=(5, 1)), RNG.normal(size=4), RNG.normal(size=(5, 4))
    full = huber.grad(rows, columns) * g
    np.testing.assert_allclose(huber.vjp(rows, columns, g), full.sum(axis=1, keepdims=True), rtol=1e-13)
    with pytest.raises(ValueError, match=r"huber.vjp: g has shape \(4,\), but the value has shape \(5, 4\)"):
        huber.vjp(rows, columns, g[0])
    with pytest.raises(TypeError, match=r"missing g.*huber\.vjp\(prediction, target, g\)"):
        huber.vjp(rows, columns)
    with pytest.raises(ValueError, match="v has shape"):
        huber.jvp(rows, columns, np.ones(3))
    assert huber.jvp(rows, columns, rows).shape == (5, 4)


def test_reductions_of_losses():
    p, t = RNG.normal(size=(3, 4)), RNG.normal(size=4)
    np.testing.assert_allclose(squared_error(p, t, reduction="sum"), squared_error(p, t).sum(), rtol=1e-14)
    np.testing.assert_allclose(squared_error(p, t, reduction="mean"), squared_error(p, t).mean(), rtol=1e-14)
    np.testing.assert_allclose(squared_error.grad(p, t, reduction="mean"), squared_error.grad(p, t) / 12, rtol=1e-14)
    np.testing.assert_allclose(
        squared_error.grad(t, p, reduction="sum"), squared_error.grad(t, p).sum(axis=0), rtol=1e-13
    )
    value, grad = hinge.value_and_grad(p, np.sign(t), reduction="mean")
    assert value == hinge(p, np.sign(t), reduction="mean")
    assert grad.shape == p.shape
    single = squared_error(p.astype(np.float32), 0.0, reduction="sum")
    assert single.dtype == np.float32
    assert np.isnan(squared_error(np.empty(0), 0.0, reduction="mean"))
    assert squared_error(np.empty(0), 0.0, reduction="sum") == 0
    with pytest.raises(ValueError, match="reduction='all'"):
        squared_error(p, t, reduction="all")
    with pytest.raises(TypeError, match="sigmoid is no loss"):
        sigmoid(p, reduction="sum")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: sigmoid(np.ones(3), out=np.empty(4)),
            ValueError,
            r"out has shape \(4,\), but the result has shape \(3,\)",
        ),
        (lambda: sigmoid(np.ones(3), out=np.empty(3, int)), TypeError, "out has dtype int64"),
        (lambda: sigmoid(np.ones(3), out=[0.0] * 3), TypeError, "out has type list"),
        (lambda: sigmoid(np.ones(3), out=np.broadcast_to(np.ones(1), 3)), ValueError, "read-only"),
        (lambda: sigmoid.value_and_grad(np.ones(3), out=np.empty(3)), TypeError, "a pair of arrays"),
        (lambda: sigmoid.value_and_grad(np.ones(3), out=(X[:3].copy(),) * 2), ValueError, "share memory"),
        (lambda: squared_error(np.ones(3), 0.0, reduction="sum", out=np.empty(3)), ValueError, r"shape \(3,\)"),
        (lambda: sigmoid.vjp(1.0), TypeError, "missing g"),
    ],
)
def test_wrong_outputs_and_products_say_what_to_do(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_help_teaches():
    for method in (ScalarFunction.grad, ScalarFunction.vjp, ScalarFunction.jacobian, ScalarFunction.value_and_grad):
        assert len(inspect.getdoc(method)) > 60
    assert str(inspect.signature(squared_error)) == "(prediction, target, *, out=None, reduction='none')"


# a package that loads what is used


def test_functions_are_loaded_when_they_are_used():
    code = """if True:
        import sys, chainrule.functions as f
        assert "numpy" not in sys.modules and "softmax" in dir(f) and "softmax" in f.__all__
        assert f.sigmoid(0.0) == 0.5 and "chainrule.functions.softmax" not in sys.modules
        import chainrule.functions.softmax
        from chainrule.functions import softmax
        assert softmax is f.softmax is chainrule.functions.softmax and not isinstance(softmax, type(sys))
        try: f.softmox
        except AttributeError as error: assert "has no attribute 'softmox'" in str(error)
        else: raise AssertionError
    """
    subprocess.run([sys.executable, "-c", code], check=True)


# the two codes of a kernel


@pytest.mark.parametrize(
    "f", [f for f in vars(chainrule.functions).values() if isinstance(f, ScalarFunction)], ids=lambda f: f.__name__
)
def test_ordinary_numbers_stay_in_the_fast_code(f):
    """The guarded twin is for blocks that need it; were it called always, nobody would see it but in the time."""
    inputs = [RNG.uniform(0.01, 0.99, 1000) for _ in f.names]
    for name, kernel in f.kernels.items():
        if kernel.guarded is None:
            continue
        used = types.SimpleNamespace(count=0)

        def counted(*arrays, kernel=kernel, used=used):
            used.count += 1
            kernel.guarded(*arrays)

        outs = [np.empty(1000) for _ in range(kernel.results)]
        watched = blocks.Kernel(
            kernel.block, counted, results=kernel.results, scratch=kernel.scratch, masks=kernel.masks
        )
        blocks.run(watched, inputs, outs)
        assert used.count == 0, name


def test_a_block_that_raises_the_flag_of_an_invalid_operation_goes_to_its_guarded_twin():
    plain = blocks.Kernel(
        lambda x, out: np.multiply(x, 0.0, out=out), lambda x, out: np.copyto(out, product(x, 0.0)), results=1
    )
    for x in ([1.0, 2.0], [1.0, np.inf]):
        out = np.empty(2)
        blocks.run(plain, [np.array(x)], [out])
        np.testing.assert_array_equal(out, 0.0)


def test_choices_products_and_quotients():
    a, b, c = X[:1000], X[1000:2000], X[2000:3000] > 0
    out = np.empty(1000)
    np.testing.assert_array_equal(select(c, a, b, out).view(np.int64), np.where(c, a, b).view(np.int64))
    np.testing.assert_array_equal(select(c, a, -np.inf, out), np.where(c, a, -np.inf))
    np.testing.assert_array_equal(select(c, 1.0, b, out), np.where(c, 1.0, b))
    mine = a.copy()
    np.testing.assert_array_equal(select(c, mine, b, mine), np.where(c, a, b))
    with np.errstate(all="ignore"):
        assert product(np.array([0.0, np.inf, 2.0]), np.array([np.inf, 0.0, 3.0])).tolist() == [0, 0, 6]
        assert quotient(np.array([0.0, 1.0, 3.0]), np.array([0.0, 0.0, 2.0])).tolist() == [0, np.inf, 1.5]
        assert product(np.array([0.0]), np.array([np.inf]), out=np.empty(1)) == 0


# functions of vectors


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("components", [3, 1000])
def test_many_rows_give_the_same_bits_as_few(components, threads):
    from chainrule.functions import log_softmax, logsumexp, softmax, softmax_cross_entropy, softmax_cross_entropy_index

    chainrule.set_threads(threads)
    rows = 2 * blocks.SHARED // components + 7
    few = max(5, rows // 300)
    z, g = RNG.normal(size=(rows, components)) * 9, RNG.normal(size=(rows, components))
    z[3] = [np.inf, *[-np.inf] * (components - 1)]
    label, y = RNG.integers(0, components, rows), np.eye(components)[0]
    for call, given in [
        (softmax, (z,)),
        (softmax.vjp, (z, g)),
        (softmax.jvp, (z, g)),
        (log_softmax, (z,)),
        (logsumexp, (z,)),
        (logsumexp.grad, (z,)),
        (softmax_cross_entropy_index, (z, label)),
        (softmax_cross_entropy_index.grad, (z, label)),
    ]:
        wanted = np.concatenate([call(*(a[k : k + few] for a in given)) for k in range(0, rows, few)])
        np.testing.assert_array_equal(call(*given), wanted)
    wanted = np.concatenate([softmax_cross_entropy.grad(z[k : k + few], y) for k in range(0, rows, few)])
    np.testing.assert_array_equal(softmax_cross_entropy.grad(z, y), wanted)
    np.testing.assert_array_equal(softmax(z.T, axis=0), softmax(z).T)


def test_out_of_functions_of_vectors():
    from chainrule.functions import logsumexp, softmax, softmax_cross_entropy

    z, g = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    out = np.empty((4, 3), np.float32)
    assert softmax(z, out=out) is out
    np.testing.assert_array_equal(out, softmax(z).astype(np.float32))
    matrices = np.empty((4, 3, 3))
    assert softmax.jacobian(z, out=matrices) is matrices
    np.testing.assert_array_equal(matrices, softmax.jacobian(z))
    for method in ("vjp", "jvp"):
        own = z.copy()
        assert getattr(softmax, method)(own, g, out=own) is own  # an input, too
        np.testing.assert_array_equal(own, getattr(softmax, method)(z, g))
    value, grad = np.empty(4), np.empty((4, 3))
    found = softmax_cross_entropy.value_and_grad(z, np.eye(3)[0], out=(value, grad))
    assert found[0] is value
    assert found[1] is grad
    np.testing.assert_array_equal(grad, softmax_cross_entropy.grad(z, np.eye(3)[0]))
    np.testing.assert_array_equal(
        softmax_cross_entropy.second(z, np.eye(3)[0]), softmax_cross_entropy.hessian(z, np.eye(3)[0])
    )
    number = np.empty(())
    assert logsumexp(z[0], out=number) is number
    with pytest.raises(ValueError, match=r"out has shape \(4,\), but the result has shape \(4, 3\)"):
        softmax(z, out=np.empty(4))
    with pytest.raises(TypeError, match="out has dtype int64"):
        softmax(z, out=np.empty((4, 3), int))


def test_a_function_applied_in_parts_is_the_whole():
    from chainrule.runtime.arithmetic import PART, apply, replace

    x = RNG.normal(size=(3, PART))
    out = np.empty_like(x)
    np.testing.assert_array_equal(apply(np.arctan2, x, 2.0, out=out), np.arctan2(x, 2.0))
    near = np.abs(x) < 0.1
    wanted = np.where(near, x**2, out)
    np.testing.assert_array_equal(replace(near, lambda x, c: x**2 * c, x, 1.0, out=out), wanted)
    number = np.array(0.05)
    assert replace(np.abs(number) < 0.1, lambda x: x + 1, number, out=np.zeros(())) == 1.05
    assert replace(np.abs(number) < 0.01, lambda x: x + 1, number, out=np.zeros(())) == 0


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [4, 1000])
def test_results_go_into_a_matrix_as_into_any_array(rows, dtype, compiled):
    """One of `np.matrix` stays of two dimensions whatever its shape is asked to be."""
    x = np.linspace(-900, 900, 2 * rows).reshape(rows, 2).astype(dtype)
    x[1, 1] = np.nan
    chainrule.set_compiled(compiled)
    try:
        for call in (sigmoid, sigmoid.grad, silu, elu):
            out = np.asmatrix(np.zeros((rows, 2), dtype))
            assert call(x, out=out) is out
            np.testing.assert_array_equal(np.asarray(out), call(x))
    finally:
        chainrule.set_compiled(None)
    with pytest.raises(TypeError, match=r"masked array.*\.data"):
        sigmoid(x, out=np.ma.array(x.copy(), mask=np.isnan(x)))


def test_infinities_that_meet_are_the_same_of_floats_and_of_arrays():
    for call in (huber, huber.grad, absolute_error, absolute_error.grad, hinge, hinge.grad, squared_error.grad):
        for a, b in itertools.product((math.inf, -math.inf, 0.0, 1.0), repeat=2):
            np.testing.assert_array_equal(call(a, b), call(np.array([a]), np.array([b]))[0], str((call, a, b)))


def test_tables_of_float16_may_be_emptied_by_another_thread():
    x, wrong = np.arange(1 << 16, dtype=np.uint16).view(np.float16), []

    def work(seed):
        try:
            for alpha in np.random.default_rng(seed).uniform(1, 2, 30).tolist():
                elu(x, alpha=alpha)
        except KeyError as error:
            wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        [each.start() for each in threads]
        [each.join() for each in threads]
    finally:
        sys.setswitchinterval(before)
    assert not wrong


def test_a_reduced_value_may_be_written_over_an_argument():
    p, t = np.array([3.0, 1.0, -2.0]), np.zeros(3)
    value, grad = squared_error.value_and_grad(p, t, reduction="sum")
    q = p.copy()
    out = q[:1].reshape(()), np.empty(3)
    found = squared_error.value_and_grad(q, t, reduction="sum", out=out)
    assert found[0] is out[0] and found[0] == value and found[1] is out[1]
    np.testing.assert_array_equal(out[1], grad)
    one = np.empty(())
    with pytest.raises(ValueError, match="share memory"):
        squared_error.value_and_grad(1.0, 0.0, reduction="sum", out=(one, one))


def test_the_jacobian_of_what_is_broadcast_is_refused():
    x = np.arange(3.0)
    np.testing.assert_array_equal(huber.jacobian(1.0, x), huber.grad(1.0, x))
    np.testing.assert_array_equal(elu.jacobian(-x, wrt="alpha"), elu.grad(-x, wrt="alpha"))
    with pytest.raises(ValueError, match=r"prediction has shape \(2, 1\).*broadcast_to.*vjp"):
        huber.jacobian(np.ones((2, 1)), np.zeros((1, 3)))
    with pytest.raises(TypeError, match="no argument 'out'"):
        sigmoid.jacobian(x, out=np.empty(3))
    with pytest.raises(TypeError, match="no argument 'reduction'"):
        huber.jacobian(x, x, reduction="sum")
    with pytest.raises(ValueError, match="wrt is one of"):
        huber.grad(x, x, wrt=["prediction"])


@pytest.mark.skipif(importlib.util.find_spec("dask") is None, reason="dask is not installed")
def test_dask_arrays_meet_arrays_of_other_blocks():
    import dask.array as da

    x, y = np.arange(12.0).reshape(6, 2), np.linspace(-1, 1, 12).reshape(6, 2)
    d = da.from_array(x, chunks=(2, 2))
    for other in (y, y[:, :1], y[0], y.tolist(), da.from_array(y, chunks=(3, 1))):
        plain = other.compute() if hasattr(other, "compute") else np.asarray(other)
        np.testing.assert_array_equal(squared_error(d, other).compute(), squared_error(x, plain))
        np.testing.assert_array_equal(squared_error(other, d).compute(), squared_error(plain, x))
    with pytest.raises(ValueError, match="do not broadcast"):
        squared_error(d, np.zeros(4))
    with pytest.raises(ValueError, match="delta"):
        huber(d, 0.0, delta=-1.0)
    for reduction in ("sum", "mean"):
        found = squared_error(d, y, reduction=reduction)
        assert type(found) is type(d) and found.dtype == np.float64
        np.testing.assert_allclose(found.compute(), squared_error(x, y, reduction=reduction), rtol=1e-15)
        slope = squared_error.grad(d, y, reduction=reduction)
        np.testing.assert_allclose(slope.compute(), squared_error.grad(x, y, reduction=reduction), rtol=1e-15)
    with pytest.raises(TypeError, match="is broadcast"):
        squared_error.grad(d[:, :1], y, reduction="sum")
    with pytest.raises(TypeError, match="no Dask"):
        sigmoid.jacobian(d)


def test_products_name_what_does_not_fit():
    with pytest.raises(ValueError, match=r"huber: shapes do not broadcast: prediction \(3,\), target \(4,\)"):
        huber.vjp(np.ones(3), np.ones(4), np.ones(3))
    with pytest.raises(TypeError, match="prediction is a ragged sequence"):
        huber.vjp([[1.0, 2.0], [3.0]], 0.0, 1.0)


def test_a_number_of_threads_may_be_one_of_numpy():
    chainrule.set_threads(np.int64(2))
    assert chainrule.get_threads() == 2
    for wrong in (np.float64(2), True, 0, "2"):
        with pytest.raises(ValueError, match="whole number"):
            chainrule.set_threads(wrong)
