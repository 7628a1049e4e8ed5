"""Kernels of rows as compiled loops: what they give is what the same kernels of NumPy's functions give."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule import functions
from chainrule.runtime import reductions

numba = pytest.importorskip("numba")
from chainrule.runtime.loops import row_functions, rows  # noqa: E402

NAMES = ("softmax", "log_softmax", "logsumexp", "softmax_cross_entropy_index", "softmax_cross_entropy", "softmin")
SHORT = (1, 2, 5, 10, 16)
LONG = (17, 1000)
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


def assert_same_bits(call: Callable[[], Any], what: str) -> None:
    for without, with_loops in zip(*both(call), strict=True):
        bits = np.dtype(f"i{without.itemsize}")
        same = (without.view(bits) == with_loops.view(bits)) | (np.isnan(without) & np.isnan(with_loops))
        assert without.dtype == with_loops.dtype and same.all(), f"{what}: {(~same).sum()} of {same.size} differ"


@pytest.fixture
def in_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's functions with long rows added in pairs: the order of the loops, and all in which they differ."""
    added_wide = reductions._wide_sum

    def wide_sum(terms: Any) -> Any:
        short = terms.shape[-1] <= reductions.SHORT
        return added_wide(terms) if short else reductions.pairwise_sum(terms.astype(np.float64)).astype(np.float32)

    monkeypatch.setattr(reductions, "_sum", reductions.pairwise_sum)
    monkeypatch.setattr(reductions, "_wide_sum", wide_sum)


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The loops as Python, not compiled: slower to run, but there at once."""
    with monkeypatch.context() as patch:
        patch.setattr(numba, "njit", lambda **how: lambda function: function)
        patch.setattr(numba.extending, "overload", lambda of: lambda function: function)
        plain = ModuleType(row_functions.__name__)
        plain.__package__ = row_functions.__package__
        exec(compile(Path(row_functions.__file__).read_text(), "row functions", "exec"), plain.__dict__)

    def loop_of(text: str) -> Callable[..., Any]:
        space: dict[str, Any] = {}
        exec(text, space)
        space["f"] = plain
        return space["loop"]

    monkeypatch.setattr(rows, "compiled_text", loop_of)
    rows._compiled.cache_clear()
    yield
    rows._compiled.cache_clear()


@pytest.mark.usefixtures("in_pairs", "interpreted")
@pytest.mark.parametrize("size", [*SHORT, 3, 6, 7, 11, 12, 13, 14, 15, *LONG[:1], 130])
@pytest.mark.parametrize("name", NAMES)
def test_loops_compute_what_numpy_computes(name: str, size: int) -> None:
    for dtype in DTYPES:
        for kind in ("random", "ties") if size < 130 else ("random",):
            for what, call in calls(name, scores(kind, size, dtype, 161)):
                assert_same_bits(call, f"{name}, {what}, {kind}, {np.dtype(dtype)}")


COMPILED = (
    ("softmax", 10, np.float64),
    ("softmax_cross_entropy_index", 10, np.float64),
    ("log_softmax", 1000, np.float32),
    ("logsumexp", 1000, np.float32),
)
"""Some of them, for each takes a second or more to compile."""


@pytest.mark.usefixtures("in_pairs")
@pytest.mark.parametrize(("name", "size", "dtype"), COMPILED)
def test_compiled_loops_give_the_same_bits(name: str, size: int, dtype: Any) -> None:
    for kind in ("random", "wide", "ties", "special"):
        for what, call in calls(name, scores(kind, size, dtype)):
            assert_same_bits(call, f"{name}, {what}, {kind}")


@pytest.mark.usefixtures("in_pairs")
@pytest.mark.parametrize(("size", "dtype"), [(5, np.float32), (17, np.float64)])
def test_compiled_loops_of_other_sizes(size: int, dtype: Any) -> None:
    z = scores("random", size, dtype)
    assert_same_bits(lambda: functions.softmax.vjp(z, np.cos(z)), f"softmax, {size}")


@pytest.mark.usefixtures("in_pairs")
@pytest.mark.parametrize("threads", [1, 2])
def test_many_blocks(threads: int) -> None:
    chainrule.set_threads(threads)
    z = scores("random", 10, np.float64, 20_011)
    z[-3, 4] = 1e4  # the last block is left to NumPy
    label = np.arange(len(z)) % 10
    assert_same_bits(lambda: functions.softmax.vjp(z, np.cos(z)), "softmax")
    assert_same_bits(lambda: functions.softmax_cross_entropy_index.value_and_grad(z, label), "cross-entropy")
    single = scores("random", 10, np.float32, len(z))
    assert_same_bits(lambda: functions.softmax_cross_entropy_index.grad(single, label, reduction="mean"), "mean")


def test_the_loops_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    used = []
    run = rows.Rows.__call__
    monkeypatch.setattr(rows.Rows, "__call__", lambda self, *given: used.append(run(self, *given)) or used[-1])
    chainrule.set_compiled(True)
    for kind, expected in (("random", True), ("special", False)):
        functions.softmax.vjp(z := scores(kind, 10, np.float64), z)
        assert used.pop() is expected and not used
    functions.softmax(np.zeros((MANY, 3, 2), np.float32)[:, 0])
    chainrule.set_compiled(False)
    functions.softmax(scores("random", 10, np.float64))
    assert not used[1:]


def test_scores_at_the_bounds() -> None:
    """Whether a row is shifted is decided by its exponentials, and no other way than by its scores."""
    for dtype, high in ((np.float64, reductions.HIGH), (np.float32, reductions.HIGH_SINGLE)):
        for bound in (high, -high):
            for score in (
                np.nextafter(dtype(bound), dtype(0.0)),
                dtype(bound),
                np.nextafter(dtype(bound), dtype(2 * bound)),
            ):
                z = np.full((MANY, 10), score)
                loops = rows.compiled_rows(functions.softmax._value, (True,), 10, np.dtype(dtype))
                assert loops and loops([z], [np.empty_like(z)]) is bool(abs(score) <= high)


def test_what_is_not_read_is_left_to_numpy() -> None:
    jacobian = functions.softmax.derivatives["z"].full
    assert rows.compiled_rows(jacobian, (True,), 10, np.dtype(np.float64)) is None
    assert rows.compiled_rows(lambda z: z * 2.0, (True,), 10, np.dtype(np.float64)) is None
    assert rows.compiled_rows(functions.softmax._value, (True,), 10, np.dtype(np.float64)) is not None
