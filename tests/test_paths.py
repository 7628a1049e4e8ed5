"""The code for moderate numbers and the code for float32: the same results as the code that serves everywhere, or right to 4 ulp."""

import math
import re

import numpy as np
import pytest
import sympy

import chainrule.functions
from chainrule.codegen.moderate import moderate
from chainrule.codegen.single import ROWS, P, U, double, single
from chainrule.runtime import blocks, scalar
from chainrule.runtime.scalar import ScalarFunction, select

RNG = np.random.default_rng(5)
EVERY_4093RD = np.arange(0, 2**32, 4093, dtype=np.uint64).astype(np.uint32).view(np.float32)
ORDINARY = np.linspace(-20, 20, 200_001, dtype=np.float32)
MOST = 4.0  # ulp


@pytest.mark.parametrize(
    ("lines", "freed", "bounds"),
    [
        (["e = np.exp(np.minimum(x, 40.0))", "return e / (1.0 + e)"], "e = np.exp(x)", (-np.inf, 40.0)),
        (["return np.exp(np.maximum(-0.5 * np.abs(x), -300.0))"], "return np.exp(-0.5 * np.abs(x))", (-600.0, 600.0)),
        (["return x * np.exp(np.minimum(x + 600.0, 0.0))"], "return x", (-600.0, np.inf)),
        (["t = np.minimum(x, 40.0)", "return np.maximum(t, -800.0)"], "t = x", (-800.0, 40.0)),
    ],
)
def test_limits_that_no_ordinary_number_reaches_are_left_out(lines, freed, bounds):
    found = moderate(lines, ("x",), {})
    assert found is not None
    assert found[0][0] == freed
    assert found[1] == (bounds,)


def test_limits_that_belong_to_the_function_stay():
    assert moderate(["return np.maximum(x, 0.0)"], ("x",), {}) is None
    assert moderate(["return np.minimum(np.sin(x), 40.0)"], ("x",), {}) is None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.value))
def test_every_row_is_within_4_ulp(row):
    """Beside the function itself in float64, at ordinary numbers, where forms that cancel are cut off."""
    u = ORDINARY[np.abs(ORDINARY) > 1e-3]
    p = min(1.5, row.parameter[1])
    value = row.value.rewrite(sympy.exp) if row.value.has(sympy.tanh) else row.value
    wanted = sympy.lambdify((U, P), value, [{"erf": np.vectorize(math.erf)}, "numpy"])
    with np.errstate(all="ignore"):
        truth = np.broadcast_to(wanted(u.astype(np.float64), p), u.shape).astype(np.float64)
    later = {name: getattr(scalar, name) for name in scalar.LATER}
    space = {**vars(scalar), **later, "np": np, "u": u, "p": p}
    *first, last = row.lines
    with np.errstate(over="ignore"):
        exec("\n".join(first), space)
        got = np.asarray(eval(last.removeprefix("return "), space), np.float32)
    inside = (u >= row.low) & (u <= row.high) & (np.abs(truth) > 1e-6)
    assert np.max(_ulp(got, truth)[inside]) <= MOST


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1 - 1 / (1 + sympy.exp(U)), "return e / (1.0 + e)"),
        (sympy.exp(-U) / (1 + sympy.exp(-U)) ** 2, "return 0.5 / (1.0 + np.cosh(x))"),
        (sympy.Piecewise((U, U > 0), (P * U, True)), "return np.maximum(x, alpha * x)"),
        (sympy.sin(U), None),
        (sympy.exp(U), None),
    ],
)
def test_a_function_is_known_in_whatever_form(value, found):
    got = single(value, (("x", U),), (("alpha", P),))
    assert (got and got[0][-1]) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (U * sympy.erfc(-U / sympy.sqrt(2)) / 2, "return normal_gate(x)"),
        (sympy.diff(U / (1 + sympy.exp(-U)), U), "return np.where(x < 0.0, s, 1.0 - s)"),
        (U * sympy.erfc(-U / sympy.sqrt(2)), None),
        (1 / (1 + sympy.exp(-U)), None),
    ],
)
def test_some_functions_have_a_formula_in_float64(value, found):
    got = double(value, (("x", U),), ())
    assert (got and got[-1]) == found


def test_a_function_of_a_difference_is_known():
    a, b = sympy.symbols("a b", real=True)
    got = single((b - a) ** 2, (("a", a), ("b", b)), ())
    assert got is not None
    assert got[0] == ("u = a - b", "return u * u")
    assert single(a * b, (("a", a), ("b", b)), ()) is None


def _ulp(got, wanted):
    with np.errstate(all="ignore"):
        spacing = np.ldexp(1.0, np.maximum(np.frexp(wanted)[1] - 24, -149))
        off = np.abs(got.astype(np.float64) - wanted) / spacing
        same = (got == wanted.astype(np.float32)) | (np.isnan(got) & np.isnan(wanted))
    return np.where(same, 0.0, off)


EVERY = [getattr(chainrule.functions, name) for name in chainrule.functions.__all__]
FUNCTIONS = [f for f in EVERY if isinstance(f, ScalarFunction)]
SINGLE = [(f, name) for f in FUNCTIONS for name, kernel in f.kernels.items() if kernel.single is not None]
MODERATE = [(f, name) for f in FUNCTIONS for name, kernel in f.kernels.items() if kernel.moderate is not None]


@pytest.mark.parametrize(("f", "name"), SINGLE, ids=str)
def test_float32_is_right_to_4_ulp_beside_float64(f, name):
    kernel = f.kernels[name]
    x = np.concatenate([EVERY_4093RD, ORDINARY])
    with np.errstate(invalid="ignore"):
        wide = x.astype(np.float64)
    rest = [0.75] * (len(f.arguments) - 1)
    others = [np.full(x.shape, y, np.float32) for y in rest]
    parameters = list(f.parameters.values())
    results = [np.empty_like(x) for _ in range(kernel.results)]
    truth = [np.empty_like(wide) for _ in range(kernel.results)]
    blocks.run(kernel, [x, *others, *parameters], results)
    blocks.run(kernel, [wide, *(o.astype(np.float64) for o in others), *parameters], truth)
    number = ~np.isnan(x)  # NaN is passed on by the function, not by its code
    for got, wanted in zip(results, truth, strict=True):
        assert np.max(_ulp(got, wanted)[number]) <= MOST


@pytest.mark.parametrize(("f", "name"), MODERATE, ids=str)
def test_the_code_for_moderate_numbers_gives_the_same_numbers(f, name):
    kernel = f.kernels[name]
    inputs = [
        RNG.uniform(0.01, 0.99, 10_000) + (pair is not None and pair[0] == 1.0)
        if k
        else np.clip(RNG.normal(size=10_000) * 9, -36, 36)
        for k, pair in enumerate(kernel.moderate.bounds)
    ]
    inputs[0][:2] = [0.0, -0.0]
    for k, pair in enumerate(kernel.moderate.bounds):
        given = [each.copy() for each in inputs]
        given[k][5] = np.nan
        assert kernel.moderate.holds(given) == (pair is None)
    fast, full = ([np.empty(10_000) for _ in range(kernel.results)] for _ in range(2))
    assert kernel.moderate.holds(inputs)
    blocks.run(kernel, inputs, fast)
    blocks.run(kernel.but(moderate=None), inputs, full)
    for a, b in zip(fast, full, strict=True):
        if kernel.masks:  # a choice made by arithmetic
            np.testing.assert_array_max_ulp(a, b, int(MOST))
        else:
            np.testing.assert_array_equal(a.view(np.int64), b.view(np.int64))


def test_what_lies_outside_the_bounds_of_float32_is_computed_in_float64():
    """Each result depends on its own inputs alone."""

    def twice(x, out):
        np.add(x, x, out=out)

    def thrice(x, out):
        np.multiply(x, 3.0, out=out)

    kernel = blocks.Kernel(twice, single=blocks.Within(thrice, ((-2.0, 2.0),)))
    for size in (4, 3000, 3 * blocks.BLOCK + 1):
        x = np.ones(size, np.float32)
        x[-3:] = [5.0, np.nan, -np.inf]
        out = np.empty_like(x)
        blocks.run(kernel, [x], [out])
        np.testing.assert_array_equal(out, [*[3.0] * (size - 3), 10.0, np.nan, -np.inf])


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_a_single_float32_has_about_the_result_that_it_has_in_an_array(f):
    """About: numbers are computed as Python floats."""
    for x in (-3.5, -0.25, 0.75):
        one, many = np.array(x, np.float32), np.full(7, x, np.float32)
        rest = [0.75] * (len(f.arguments) - 1)
        for call in (f, f.grad):
            wanted = call(many, *(np.full(7, y, np.float32) for y in rest))[3]
            np.testing.assert_allclose(call(one, *(np.float32(y) for y in rest)), wanted, rtol=4 * 2.0**-23)


def test_choices_in_float32():
    a, b, c = RNG.normal(size=(3, 1000)).astype(np.float32)
    out = np.empty_like(a)
    np.testing.assert_array_equal(select(c > 0, a, b, out), np.where(c > 0, a, b))
    np.testing.assert_array_equal(select(c > 0, 0.1, b, out), np.where(c > 0, np.float32(0.1), b))


def test_rows_do_not_use_a_name_that_is_taken():
    for row in ROWS:
        assert not re.search(r"\b[sm]\d", "".join(row.lines))


FLAGGED = [
    (f, name, kind)
    for f in FUNCTIONS
    for name, kernel in f.kernels.items()
    for kind, within in ((np.float64, kernel.moderate), (np.float32, kernel.single))
    if within is not None and within.flags
]


@pytest.mark.parametrize(("f", "name", "kind"), FLAGGED, ids=str)
def test_beyond_its_bounds_code_that_looks_at_no_input_raises_a_flag_or_is_right(f, name, kind):
    """One number at a time, so that no neighbour raises it."""
    kernel = f.kernels[name]
    careful = kernel.but(moderate=None, single=None)
    scale = np.geomspace(1.0, 1100.0, 700)
    for x in [*scale, *-scale, 1e30, -1e30, np.inf, -np.inf, np.nan, 0.0, -0.0]:
        given = [np.full(1, x, kind), *(np.full(1, 0.75, kind) for _ in f.arguments[1:]), *f.parameters.values()]
        found, wanted = ([np.empty(1, kind) for _ in range(kernel.results)] for _ in range(2))
        blocks.run(kernel, given, found)
        blocks.run(careful, given, wanted)
        for got, each in zip(found, wanted, strict=True):
            limit = 0 if kind is np.float64 else MOST
            assert np.array_equal(got, each, equal_nan=True) or _ulp(got, each.astype(np.float64))[0] <= limit, x


def test_a_flag_makes_a_block_careful():
    def hasty(x, out):
        np.exp(x, out=out)
        np.divide(out, out, out=out)

    def careful(x, out):
        np.copyto(out, 1.0)

    kernel = blocks.Kernel(careful, moderate=blocks.Within(hasty, ((-np.inf, 700.0),), flags=True))
    for size in (3, 3 * blocks.BLOCK):
        for extreme in (710.0, np.inf):  # an overflow, and inf / inf
            x = np.full(size, 1.0)
            x[1] = extreme
            out = np.empty(size)
            blocks.run(kernel, [x], [out])
            np.testing.assert_array_equal(out, np.ones(size))
