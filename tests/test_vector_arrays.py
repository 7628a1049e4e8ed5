"""What arrays functions of vectors take and give: views, byte orders, read-only and empty ones, `out`, an axis anywhere, blocks of Dask; and that value and
gradient together do their common work once."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule
from chainrule.codegen.vector_fusing import fused
from chainrule.functions import (
    categorical_cross_entropy,
    label_smoothing_cross_entropy,
    log_softmax,
    logsumexp,
    softmax,
    softmax_cross_entropy,
    softmax_cross_entropy_general,
    softmax_cross_entropy_index,
    softmin,
    sparse_categorical_cross_entropy,
)
from chainrule.runtime.certificate import LIMIT
from chainrule.runtime.vector import BUFFER, FEW, LAYOUTS, VectorFunction

RNG = np.random.default_rng(11)
MANY = 3 * FEW
ROWS = 6
Z, G = RNG.normal(0, 5, (ROWS, 4)), RNG.normal(size=(ROWS, 4))
LABELS = RNG.integers(0, 4, ROWS)
TARGETS = RNG.dirichlet(np.ones(4), ROWS)

LOSSES: dict[str, tuple[VectorFunction, tuple[Any, ...]]] = {
    f.__name__: (f, (Z, *rest))
    for f, rest in (
        (logsumexp, ()),
        (softmax_cross_entropy, (TARGETS,)),
        (softmax_cross_entropy_general, (2 * TARGETS,)),
        (softmax_cross_entropy_index, (LABELS,)),
        (label_smoothing_cross_entropy, (np.eye(4)[LABELS],)),
    )
}
CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "softmax": (softmax, (Z,)),
    "softmax.jacobian": (softmax.jacobian, (Z,)),
    "softmax.vjp": (softmax.vjp, (Z, G)),
    "softmin.jvp": (softmin.jvp, (Z, G)),
    "log_softmax": (log_softmax, (Z,)),
    "log_softmax.vjp": (log_softmax.vjp, (Z, G)),
    "logsumexp": (logsumexp, (Z,)),
    "logsumexp.grad": (logsumexp.grad, (Z,)),
    "softmax_cross_entropy": (softmax_cross_entropy, (Z, TARGETS)),
    "softmax_cross_entropy.grad": (softmax_cross_entropy.grad, (Z, TARGETS)),
    "softmax_cross_entropy.hvp": (softmax_cross_entropy.hvp, (Z, TARGETS, G)),
    "softmax_cross_entropy_index": (softmax_cross_entropy_index, (Z, LABELS)),
    "softmax_cross_entropy_index.grad": (softmax_cross_entropy_index.grad, (Z, LABELS)),
    "categorical_cross_entropy.grad": (categorical_cross_entropy.grad, (TARGETS, np.eye(4)[LABELS])),
    "sparse_categorical_cross_entropy": (sparse_categorical_cross_entropy, (TARGETS, LABELS)),
}


def strided(array: Any) -> Any:
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1] + 1), array.dtype)
    wide[..., 1::2] = array
    return wide[..., 1::2]


def read_only(array: Any) -> Any:
    array = array.copy()
    array.flags.writeable = False
    return array


def swapped(array: Any) -> Any:
    return array.astype(array.dtype.newbyteorder())


def column_major(array: Any) -> Any:
    return np.asfortranarray(array)


def backwards(array: Any) -> Any:
    return np.ascontiguousarray(array[..., ::-1])[..., ::-1]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("made", [strided, read_only, swapped, column_major, backwards])
@pytest.mark.parametrize("rows", [1, 2 * FEW])
def test_layout_byte_order_and_flags_of_the_input_change_nothing(name: str, made: Any, rows: int) -> None:
    call, given = CALLS[name]
    if rows > 1 and "jacobian" in name:
        rows = FEW // 8
    given = tuple(np.tile(a, (rows // ROWS + 1, *[1] * (a.ndim - 1))) for a in given)
    np.testing.assert_array_equal(call(*map(made, given)), call(*given))


SINGLE = [name for name in CALLS if "categorical" not in name and not name.endswith(("jacobian", "hvp"))]
"""What is computed in float32, if everything is of that."""


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("rows", [1, 2 * FEW])
def test_narrow_numbers_are_computed_with_in_float64_and_rounded_once_or_hardly_worse(
    name: str, dtype: Any, rows: int
) -> None:
    call, given = CALLS[name]
    if "categorical" in name or "entropy.grad" in name:
        given = tuple(np.eye(4)[LABELS] if a is TARGETS else a for a in given)
    rows = FEW // 8 if rows > 1 and "jacobian" in name else rows
    narrow = tuple(np.tile(a, (rows // ROWS + 1, *[1] * (a.ndim - 1))) for a in given)
    narrow = tuple(a.astype(dtype) if a.dtype.kind == "f" else a for a in narrow)
    found = call(*narrow)
    assert found.dtype == dtype
    with np.errstate(over="ignore"):
        exact = call(*(a.astype(float) if a.dtype.kind == "f" else a for a in narrow))
        wide = exact.astype(dtype)
    if dtype == np.float32 and name in SINGLE:
        exact, got = (np.reshape(a, (-1, 4 if a.ndim > 1 else 1)) for a in (exact, found))
        assert np.all(np.abs(got - exact) <= LIMIT * np.spacing(np.abs(exact).max(-1, keepdims=True).astype(dtype)))
    else:
        np.testing.assert_array_equal(found, wide)
    out = np.empty(found.shape)
    assert call(*narrow, out=out) is out
    np.testing.assert_array_equal(out.astype(dtype), found)


@pytest.mark.parametrize("name", SINGLE)
def test_of_many_rows_of_float32_some_are_rounded_otherwise(name: str) -> None:
    call, given = CALLS[name]
    narrow = [np.tile(a, (60, *[1] * (a.ndim - 1))) for a in given]
    narrow[0] = RNG.normal(0, 5, narrow[0].shape)
    if "entropy.grad" in name and "index" not in name:
        narrow[1] = np.eye(4)[np.tile(LABELS, 60)]
    narrow = [a.astype(np.float32) if a.dtype.kind == "f" else a for a in narrow]
    wide = call(*(a.astype(float) if a.dtype.kind == "f" else a for a in narrow)).astype(np.float32)
    assert not np.array_equal(call(*narrow), wide)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("rows", [1, MANY])
def test_value_and_gradient_together_have_the_bits_of_each(name: str, rows: int) -> None:
    f, given = LOSSES[name]
    given = tuple(np.tile(a, (rows // ROWS + 1, *[1] * (a.ndim - 1))) for a in given)
    for words in [{}] if not f.loss else [{}, {"reduction": "sum"}, {"reduction": "mean"}]:
        value, grad = f.value_and_grad(*given, **words)
        np.testing.assert_array_equal(value, f(*given, **words))
        np.testing.assert_array_equal(grad, f.grad(*given, **words))
    outs = np.empty(len(given[0]), np.float32), np.empty(given[0].shape)
    found = f.value_and_grad(*given, out=outs)
    assert found[0] is outs[0]
    assert found[1] is outs[1]
    np.testing.assert_array_equal(outs[1], f.grad(*given))


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient_take_the_exponentials_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    f, given = LOSSES[name]
    kernel = f.derivatives[next(iter(f.derivatives))].both
    assert kernel is not None
    taken = []
    original = kernel.__globals__["exponentials"]
    monkeypatch.setitem(kernel.__globals__, "exponentials", lambda z, **k: taken.append(z) or original(z, **k))
    f.value_and_grad(*given)
    assert sum(isinstance(z, np.ndarray) for z in taken) == 1  # beside rows that are computed again in more digits


def test_what_two_functions_share_is_written_once() -> None:
    functions = {
        "_s": "def _s(z: Array) -> Array:\n    e = exponentials(z)\n    return e / pairwise_sum(e)\n",
        "_value": "def _value(z: Array) -> Array:\n    e = exponentials(z)\n    z = shifted(z)\n    return z - log_sum(e)\n",
        "_grad": "def _grad(z: Array) -> Array:\n    s = _s(z)\n    return s - z\n",
        "_other": "def _other(z: Array) -> Array:\n    return z\n",
    }
    assert fused(functions, "_value", "_grad", "_both") == (
        "def _both(z: Array) -> tuple[Array, Array]:\n"
        "    e = exponentials(z)\n"
        "    s = e / pairwise_sum(e)\n"
        "    return shifted(z) - log_sum(e), s - z\n"
    )
    assert fused(functions, "_value", "_other", "_both") is None


def test_two_outputs_are_apart() -> None:
    out = np.empty((ROWS, 4))
    with pytest.raises(ValueError, match="share memory"):
        softmax_cross_entropy.value_and_grad(Z, TARGETS, out=(out[:, 0], out))
    with pytest.raises(TypeError, match="a pair of arrays"):
        softmax_cross_entropy.value_and_grad(Z, TARGETS, out=out)
    with pytest.raises(TypeError, match="no gradient"):
        softmax.value_and_grad(Z)


@pytest.mark.parametrize("rows", [ROWS, MANY])
def test_an_output_may_be_an_input_or_a_part_of_it(rows: int) -> None:
    whole = RNG.normal(0, 3, (rows + 1, 4))
    wanted = softmax(whole[:-1])
    assert not np.array_equal(wanted, whole[1:])
    softmax(whole[:-1], out=whole[1:])
    np.testing.assert_array_equal(whole[1:], wanted)
    for call in (softmax_cross_entropy.grad, softmax.vjp):
        z, y = RNG.normal(0, 3, (rows, 4)), RNG.dirichlet(np.ones(4), rows)
        wanted = call(z, y)
        np.testing.assert_array_equal(call(z, y, out=z), wanted)
    z = RNG.normal(0, 3, (4, 4))
    wanted = softmax(z)
    np.testing.assert_array_equal(softmax(z, out=z.T), wanted)
    with pytest.raises(ValueError, match="read-only"):
        softmax(z, out=read_only(z))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_the_axis_of_the_components_may_be_any(axis: int) -> None:
    z, g = RNG.normal(0, 3, (5, 6, 7)), RNG.normal(size=(5, 6, 7))
    last = [np.ascontiguousarray(np.moveaxis(a, axis, -1)) for a in (z, g)]
    for call in (softmax, log_softmax):
        np.testing.assert_array_equal(call(z, axis=axis), np.moveaxis(call(last[0]), -1, axis))
    for product in (softmax.vjp, softmax.jvp, log_softmax.vjp, log_softmax.jvp):
        np.testing.assert_array_equal(product(z, g, axis=axis), np.moveaxis(product(*last), -1, axis))
    np.testing.assert_array_equal(logsumexp(z, axis=axis), logsumexp(last[0]))
    size = z.shape[axis]
    hot = np.moveaxis(RNG.dirichlet(np.ones(size), last[0].shape[:-1]), -1, axis)
    value, grad = softmax_cross_entropy.value_and_grad(z, hot, axis=axis)
    wanted = softmax_cross_entropy.value_and_grad(last[0], np.moveaxis(hot, axis, -1))
    np.testing.assert_array_equal(value, wanted[0])
    np.testing.assert_array_equal(grad, np.moveaxis(wanted[1], -1, axis))
    out = np.empty_like(z)
    assert softmax(z, axis=axis, out=out) is out
    np.testing.assert_array_equal(out, softmax(z, axis=axis))


@pytest.mark.parametrize("name", CALLS)
def test_an_empty_batch_gives_an_empty_result(name: str) -> None:
    call, given = CALLS[name]
    nothing = tuple(a[:0] for a in given)
    assert call(*nothing).shape == (0, *call(*given).shape[1:])


@pytest.mark.parametrize("name", LOSSES)
def test_a_single_component_is_certain(name: str) -> None:
    f, given = LOSSES[name]
    one = (np.array([[3.0], [-1e4], [700.0]]), *([0, 0, 0] if a is LABELS else np.ones((3, 1)) for a in given[1:]))
    value, grad = f.value_and_grad(*one)
    np.testing.assert_array_equal(value, one[0][:, 0] if f is logsumexp else np.zeros(3))
    np.testing.assert_array_equal(grad, np.ones((3, 1)) if f is logsumexp else np.zeros((3, 1)))


@pytest.mark.parametrize("name", CALLS)
def test_nan_stays_in_its_row_and_nothing_warns(name: str) -> None:
    call, given = CALLS[name]
    first = given[0].copy()
    first[2, 1] = np.nan
    with np.errstate(all="raise"):
        if "categorical" in name or "entropy.grad" in name:
            given = tuple(np.eye(4)[LABELS] if a is TARGETS and a is not given[0] else a for a in given)
        found, wanted = call(first, *given[1:]), call(*given)
    rest = np.arange(ROWS) != 2
    if name not in ("sparse_categorical_cross_entropy", "categorical_cross_entropy.grad"):  # they look at one entry
        assert np.isnan(found[2]).any()
    np.testing.assert_array_equal(found[rest], wanted[rest])


@pytest.mark.skipif(importlib.util.find_spec("dask") is None, reason="dask is not installed")
def test_blocks_of_a_dask_array_give_those_of_the_result() -> None:
    import dask.array as da

    z = RNG.normal(0, 3, (50, 6))
    labels = RNG.integers(0, 6, 50)
    x, c = da.from_array(z, chunks=(20, 6)), da.from_array(labels, chunks=20)
    np.testing.assert_array_equal(da.map_blocks(softmax, x).compute(), softmax(z))
    np.testing.assert_array_equal(x.map_blocks(logsumexp, drop_axis=1).compute(), logsumexp(z))
    np.testing.assert_array_equal(da.map_blocks(softmax.vjp, x, x).compute(), softmax.vjp(z, z))
    grad = x.map_blocks(lambda b, k: softmax_cross_entropy_index.grad(b, k[:, 0]), c[:, None], dtype=float)
    np.testing.assert_array_equal(grad.compute(), softmax_cross_entropy_index.grad(z, labels))


def test_results_do_not_depend_on_threads() -> None:
    z = RNG.normal(0, 30, (FEW // 2, 10))
    labels = RNG.integers(0, 10, len(z))
    found = []
    for threads in (1, 3):
        chainrule.set_threads(threads)
        found.append(softmax_cross_entropy_index.value_and_grad(z, labels))
    chainrule.set_threads(None)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_buffers_of_numpy_are_small_in_a_large_call_and_as_before_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    within, kernel = [], softmax._value
    monkeypatch.setattr(softmax, "_value", lambda z: (within.append(np.getbufsize()), kernel(z))[1])
    before = np.getbufsize()
    softmax(np.zeros((FEW // 2, 10)))
    assert set(within) == {BUFFER} != {before}
    assert np.getbufsize() == before


def test_a_call_by_keyword_has_the_bits_of_one_by_position() -> None:
    for dtype in (np.float32, np.float64):
        z, g = RNG.normal(0, 3, (2, 300, 10)).astype(dtype)
        np.testing.assert_array_equal(softmax(z=z), softmax(z))
        np.testing.assert_array_equal(softmax.vjp(z=z, g=g), softmax.vjp(z, g))


def test_shapes_are_remembered_for_each_dtype_and_not_without_end() -> None:
    z = RNG.normal(0, 3, (3 * LAYOUTS, 2))
    for rows in (*range(1, 2 * LAYOUTS), 1):
        for given in (z[:rows], z[:rows].astype(np.float32), z[:rows].astype(z.dtype.newbyteorder())):
            found = softmax(given)
            assert found.shape == given.shape
            assert found.dtype == given.dtype.newbyteorder("=")
    assert 0 < len(softmax._layouts) <= LAYOUTS


def test_class_indices_and_axes_are_looked_at_like_other_inputs() -> None:
    z, label = np.zeros((4, 3)), np.array([0, 1, 2, 0])
    with pytest.raises(TypeError, match="masked array"):
        softmax_cross_entropy_index(z, np.ma.array(label, mask=[1, 0, 0, 0]))
    for axis in (None, "0", (0, 1), 1.0, True):
        with pytest.raises(TypeError, match="whole number"):
            softmax(z, axis=axis)
