"""Kernels of rows as compiled loops: what they give is what the same kernels of NumPy's functions give, but for the last bits."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import chainrule
from chainrule import functions
from chainrule.runtime import reductions, vector

pytest.importorskip("numba")
from chainrule.runtime.loops import row_functions, rows

NAMES = ("softmax", "log_softmax", "logsumexp", "softmax_cross_entropy_index", "softmax_cross_entropy", "softmin")
MANY = 203
"""Rows: no multiple of those of a tile."""
DTYPES = (np.float64, np.float32)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    chainrule.set_compiled(None)
    chainrule.set_threads(None)


def scores(kind: str, size: int, dtype: Any, count: int = MANY) -> Any:
    """Rows of random numbers, rows that no loop is made for, and both in one array."""
    rng = np.random.default_rng(size)
    found = rng.normal(size=(count, size)) * {"random": 3.0, "wide": 40.0}.get(kind, 10.0)
    if kind == "ties":
        found = np.round(found / 10.0)
    if kind == "leads":
        found /= 10.0
        found[np.arange(count), rng.integers(0, size, size=count)] += rng.uniform(0.0, 35.0, size=count)
    if kind == "special":
        places = rng.integers(0, size, size=count)
        found[np.arange(count), places] = rng.choice(
            [np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324, 1e300, -1e300, 150.1, -150.1, 40.1], count
        )
        found[::7] = 1.0
    with np.errstate(over="ignore"):
        return found.astype(dtype)


def calls(name: str, z: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    f = getattr(functions, name)
    rng = np.random.default_rng(z.shape[-1])
    given = [z]
    if "label" in f.inputs:
        given.append(rng.integers(0, z.shape[-1], size=len(z)))
    if "target" in f.inputs:
        target = rng.uniform(size=z.shape)
        given.append((target / target.sum(axis=-1, keepdims=True)).astype(z.dtype))
    v = rng.normal(size=z.shape).astype(z.dtype)
    yield "value", lambda: f(*given)
    if f.output:
        yield "vjp", lambda: f.vjp(*given, v)
        yield "vjp of positive", lambda: f.vjp(*given, abs(v))
    else:
        yield "value_and_grad", lambda: f.value_and_grad(*given)
        yield "hvp", lambda: f.hvp(*given, v)


def both(call: Callable[[], Any]) -> tuple[list[Any], list[Any]]:
    """What a call gives without and with loops."""
    found = []
    for on in (False, True):
        chainrule.set_compiled(on)
        result = call()
        found.append(list(result) if isinstance(result, tuple) else [result])
    return found[0], found[1]


def assert_alike(call: Callable[[], Any], what: str, terms: Any = 0.0) -> None:
    """To 4 ulp of the largest component of a row, or of the largest of the terms of which it is a sum, of either."""
    for without, with_loops in zip(*both(call), strict=True):
        assert without.dtype == with_loops.dtype and without.shape == with_loops.shape
        rows, others = (each.reshape(len(each), -1) for each in (without, with_loops))
        assert np.array_equal(np.isfinite(rows), np.isfinite(others)), what
        size = np.maximum(np.max(np.abs(rows), axis=-1, keepdims=True), terms)
        with np.errstate(all="ignore"):
            far = (np.abs(rows - others) > 8 * np.finfo(rows.dtype).eps * size) & np.isfinite(rows)
        assert not far.any(), f"{what}: {far.sum()} of {far.size} are far from each other"


def size_of(what: str) -> float:
    """Of the terms of products with a vector of `calls`."""
    return 3.0 if what[:3] in ("vjp", "hvp") else 0.0


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The loops as Python, not compiled: slower to run, but there at once."""

    def loop_of(text: str) -> Callable[..., Any]:
        kind = np.float32 if "KIND = np.float32" in text else np.float64
        space = {
            "np": np,
            "f": row_functions,
            "KIND": kind,
            "ZERO": kind(0.0),
            "ONE": kind(1.0),
            "HUGE": kind(1e30),
            "LINE": 64,
            **dict(zip(("DONE", "AGAIN", "BAD"), range(3), strict=True)),
            "WHOLE": np.int32 if kind is np.float32 else np.int64,
            "prefetch": lambda array, place: None,
            "read": lambda array, place, key: array[place],
            "write": lambda array, place, what, key: array.__setitem__(place, what),
            "exp": np.exp,
            "log1p": np.log1p,
            "select": lambda which, a, b: a if which else b,
            "fma": lambda a, b, c: kind(np.longdouble(a) * np.longdouble(b) + np.longdouble(c)),
        }
        exec(text[text.index("def loop") :], space)
        return space["loop"]

    def forget() -> None:
        rows._compiled.cache_clear()
        for name in NAMES:
            getattr(functions, name)._found.clear()

    monkeypatch.setattr(rows, "compiled_text", loop_of)
    forget()
    yield
    forget()


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("size", [1, 3, 10, 17, 300])
@pytest.mark.parametrize("name", NAMES)
def test_loops_compute_what_numpy_computes(name: str, size: int) -> None:
    for dtype in DTYPES:
        for kind in ("random", "ties", "leads") if size < 33 else ("random", "leads"):
            z = scores(kind, size, dtype, 67 if size < 33 else 3)
            for what, call in calls(name, z):
                assert_alike(call, f"{name}, {what}, {kind}, {np.dtype(dtype)}", size_of(what))


COMPILED = (
    ("softmax", 10, np.float64),
    ("softmax_cross_entropy_index", 10, np.float64),
    ("softmax_cross_entropy_index", 1000, np.float32),
    ("log_softmax", 1000, np.float32),
    ("logsumexp", 100, np.float32),
)
"""Some of them, for each takes a second or more to compile."""


@pytest.mark.parametrize(("name", "size", "dtype"), COMPILED)
def test_compiled_loops_give_what_numpy_gives(name: str, size: int, dtype: Any) -> None:
    for kind in ("random", "wide", "ties", "leads", "special"):
        for what, call in calls(name, scores(kind, size, dtype)):
            assert_alike(call, f"{name}, {what}, {kind}", size_of(what))


def test_scores_of_any_size_have_exponentials_to_an_ulp() -> None:
    for exp, dtype, high in (
        (row_functions.FLOAT64, np.float64, reductions.HIGH),
        (row_functions.FLOAT32, np.float32, reductions.HIGH_SINGLE),
    ):
        z = np.random.default_rng(0).uniform(-high, high, 2000).astype(dtype)
        found = np.array([exp(each) for each in z], dtype)
        exact = [mp.exp(mp.mpf(float(each))) for each in z]
        off = [abs(mp.mpf(float(a)) - b) / b for a, b in zip(found, exact, strict=True)]
        assert max(off) < 1.0 * np.finfo(dtype).eps


def test_what_lanes_found_is_put_together() -> None:
    numbers = np.random.default_rng(0).permutation(np.arange(1.0, 5 * row_functions.SUMS + 1.0))
    room = np.empty(row_functions.SUMS), np.empty(row_functions.SUMS)
    for terms in (numbers, np.sin(numbers), np.exp(numbers / 9.0), np.float32(0.1) * numbers.astype(np.float32)):
        assert row_functions.total(terms, *room) == math.fsum(terms)
    lanes = numbers[: row_functions.LANES]
    assert row_functions.largest(lanes) == lanes.max()
    assert row_functions.over(lanes, lanes.max() - 1.0) and not row_functions.over(lanes, lanes.max())
    for k in (0, 70, numbers.size - 1):
        assert row_functions.place(numbers, numbers[k]) == k


@pytest.mark.parametrize("threads", [1, 2])
def test_many_blocks(threads: int) -> None:
    chainrule.set_threads(threads)
    z = scores("random", 10, np.float64, 20_011)
    z[-3, 4] = 1e4  # the last block is left to NumPy
    label = np.arange(len(z)) % 10
    assert_alike(lambda: functions.softmax.vjp(z, np.cos(z)), "softmax", 1.0)
    assert_alike(lambda: functions.softmax_cross_entropy_index.value_and_grad(z, label), "cross-entropy")


@pytest.mark.parametrize("shape", [(10,), (1, 10), (3, 10), (2, 4, 10)])
def test_a_row_gets_the_same_bits_among_few_and_many(shape: tuple[int, ...]) -> None:
    chainrule.set_compiled(True)
    z = scores("random", 10, np.float64)
    few = np.resize(z, shape)
    many = functions.softmax(z)
    assert np.array_equal(functions.softmax(few).reshape(-1, 10), many[: few.size // 10])
    assert np.array_equal(functions.softmax(few, axis=-1, out=np.empty(shape)), functions.softmax(few))


def test_the_loops_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    run = rows.Rows.__call__
    monkeypatch.setattr(rows.Rows, "__call__", lambda self, *given: used.append(run(self, *given)) or used[-1])
    chainrule.set_compiled(True)
    for kind, expected in (("random", True), ("special", False)):
        functions.softmax.vjp(z := scores(kind, 10, np.float64), z)
        assert used.pop() is expected and not any(used)
        used.clear()
    functions.softmax(np.zeros((MANY, 3, 2), np.float32)[:, 0])
    chainrule.set_compiled(False)
    functions.softmax(scores("random", 10, np.float64))
    assert not used[1:]


def test_scores_at_the_bounds() -> None:
    for dtype, high in ((np.float64, reductions.HIGH), (np.float32, reductions.HIGH_SINGLE)):
        for bound in (high, -high):
            for score in (
                np.nextafter(dtype(bound), dtype(0.0)),
                dtype(bound),
                np.nextafter(dtype(bound), dtype(2 * bound)),
            ):
                z = np.full((MANY, 10), score)
                loops = rows.compiled_rows(functions.softmax._value, (True,), 10, np.dtype(dtype))
                assert loops and loops(len(z), [z], [np.empty_like(z)]) is bool(abs(score) <= high)


def test_what_is_not_read_is_left_to_numpy() -> None:
    jacobian = functions.softmax.derivatives["z"].full
    assert rows.compiled_rows(jacobian, (True,), 10, np.dtype(np.float64)) is None
    assert rows.compiled_rows(lambda z: z * 2.0, (True,), 10, np.dtype(np.float64)) is None
    assert rows.compiled_rows(functions.softmax._value, (True,), 10, np.dtype(np.float64)) is not None


# ---------------------------------------------------------------- few rows


def few(name: str, dtype: Any, shape: tuple[int, ...]) -> list[Any]:
    rng = np.random.default_rng(4)
    given = [rng.normal(size=shape).astype(dtype)]
    if "label" in getattr(functions, name).inputs:
        given.append(rng.integers(0, shape[-1], size=shape[:-1]))
    if "target" in getattr(functions, name).inputs:
        target = rng.integers(1, 9, size=shape)
        given.append((target / target.sum(axis=-1, keepdims=True)).astype(dtype))
    return given


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_what_few_rows_need_is_found_out_once(name, dtype, monkeypatch):
    f = getattr(functions, name)
    chainrule.set_compiled(True)
    for shape in ((3, 10), (7,), (2, 3, 40)):
        given = few(name, dtype, shape)
        if given[-1].ndim == 0:
            continue  # a number among the arguments is converted
        with monkeypatch.context() as patched:
            patched.setattr(vector, "_directly", lambda *_: None)
            wanted = f(*given)
        f(*given)
        again = [x.copy() for x in given]
        with monkeypatch.context() as patched:
            patched.setattr(f, "_bind", None)
            found = f(*again)
        assert np.array_equal(found, wanted) and type(found) is type(wanted) and found.dtype == dtype
        assert not np.may_share_memory(f(*given), found)


def test_few_rows_are_looked_at_every_time():
    f = functions.softmax_cross_entropy_index
    chainrule.set_compiled(True)
    z, label = few("softmax_cross_entropy_index", np.float64, (3, 10))
    f(z, label)
    with pytest.raises(ValueError, match="but there are 10 components"):
        f(z, label + 10)
    z[1, 2] = 1e5  # beyond what loops exponentiate
    chainrule.set_compiled(False)
    wanted = f(z, label)
    chainrule.set_compiled(True)
    assert np.array_equal(f(z, label), wanted)
    read_only = z.copy()
    read_only.flags.writeable = False
    assert np.array_equal(f(read_only, label), f(z, label))
    assert np.array_equal(f(z[:, ::-1], label), f(z[:, ::-1].copy(), label))
    assert f(z.astype(">f8"), label).dtype == np.float64
