"""Compiled code computes what the code it replaces computes, to a few ulp and with the same special values; its elementary functions are right to 2.5 ulp."""

import importlib
import math
import os
import pkgutil
import subprocess
import sys
import types
from itertools import product

import mpmath
import numba
import numpy as np
import pytest

import chainrule
import chainrule.functions
from chainrule.codegen.in_loops import OFF
from chainrule.runtime import certificate, compiling, rounded
from chainrule.runtime import gates as tables
from chainrule.runtime.compiling import is_single_in_loops
from chainrule.runtime.loops import compiler, domains, elementary, gates, kernels, ranges
from chainrule.runtime.loops.contraction import contracted
from chainrule.runtime.loops.elements import UNDEFINED
from chainrule.runtime.loops.plan import Call, Kinds, Loop, plan
from chainrule.runtime.loops.statements import Unreadable, values_of
from chainrule.runtime.scalar import Kernel, Range, ScalarFunction, apply, at_least, lost, select

M = mpmath.MPContext()
M.prec = 200
NAMES = [
    module.name
    for module in pkgutil.iter_modules(chainrule.functions.__path__)
    if isinstance(getattr(importlib.import_module(f"chainrule.functions.{module.name}"), module.name), ScalarFunction)
]
SPECIAL = (0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 1e-310, 1e308, -1e308, 1.0, -1.0, 0.5, 2.0)


@pytest.fixture(autouse=True)
def _default():
    yield
    chainrule.set_compiled(None)


# ---------------------------------------------------------------- elementary functions

EXACT = {
    "exp": M.exp, "expm1": lambda x: M.expm1(x) if x > -100 else M.mpf(-1), "tanh": M.tanh, "sinh": M.sinh, "cosh": M.cosh,
    "log": lambda x: M.log(x) if x > 0 else -M.inf if x == 0 else M.nan,
    "log1p": lambda x: M.log1p(x) if x > -1 else -M.inf if x == -1 else M.nan,
}  # fmt: skip
LIMITS = {"sinh": 1.7, "tanh": 2.5, "cosh_between": 1.7}
"""In ulp, of functions that round more than once or twice; 1.3 for the others."""
EASIER = {name: base for base, easier in ranges.EASIER.items() for name in easier}
"""By the name of a function that takes less care, the one that it stands for."""


FAR = 1e5
"""Beyond, exponentials are infinite, or constant, and NumPy says which; so are all functions at ±0 and infinity. Logarithms are large but for that."""


def every(function):
    @numba.njit(error_model="numpy")
    def loop(x, out):
        for n in range(x.size):
            out[n] = function(x[n])

    return loop


def points_of(kind, count=1500):
    rng = np.random.default_rng(7)
    least, most = (-45, 38) if kind is np.float32 else (-320, 308)
    wide = rng.uniform(-1, 1, count) * 10.0 ** rng.uniform(least, most, count)
    far = 110.0 if kind is np.float32 else 760.0
    drawn = [wide, rng.uniform(-far, far, count), rng.uniform(-2, 3, count), 10.0 ** rng.uniform(-17, 0, count) - 1]
    halves = (rng.integers(-60, 60, 200) + 0.5) * math.log(2)  # where a whole number of log 2 becomes another one
    with np.errstate(over="ignore"):
        return np.unique(np.concatenate([*drawn, halves, SPECIAL]).astype(kind))


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("name", [*EXACT, *EASIER])
def test_an_elementary_function_is_right_everywhere(name, kind):
    table = elementary.FLOAT64 if kind is np.float64 else elementary.FLOAT32
    x = points_of(kind)
    if name in EASIER:
        low, high = ranges.EASIER[EASIER[name]][name][kind.__name__]
        x = np.concatenate([x[(x <= high) & (x >= low) & ~((x == low) & np.signbit(x))], np.array([low, high], kind)])
    found = np.empty_like(x)
    every(table[name])(x, found)
    limit = LIMITS.get(name, 1.3)
    name = EASIER.get(name, name).removeprefix("np.")
    limit = OFF[f"np.{name}"] if kind is np.float32 else limit
    known = ~np.isnan(x)
    assert np.isnan(found[~known]).all()
    with np.errstate(all="ignore"):
        exact = [
            EXACT[name](M.mpf(float(each)))
            if each and (abs(each) < FAR or (name.startswith("log") and math.isfinite(each)))
            else M.mpf(float(getattr(np, name)(each)))
            for each in x[known]
        ]
    numbers = np.array([not M.isnan(each) for each in exact])
    assert np.array_equal(np.isnan(found[known]), ~numbers)
    with np.errstate(over="ignore"):
        wanted = np.array([float(each) for each in exact])[numbers].astype(kind)
    got = found[known][numbers]
    finite = np.isfinite(wanted)
    assert np.array_equal(got[~finite], wanted[~finite])
    unit = np.spacing(np.abs(wanted[finite]).astype(kind)).astype(float)
    off = [
        abs(float((M.mpf(float(g)) - e) / M.mpf(float(u))))
        for g, e, u in zip(got[finite], np.array(exact, dtype=object)[numbers][finite], unit, strict=True)
    ]
    assert max(off) <= limit
    zeros = x[known][numbers] == 0
    with np.errstate(divide="ignore"):
        assert np.array_equal(np.signbit(got[zeros]), np.signbit(getattr(np, name)(x[known][numbers][zeros])))


# ---------------------------------------------------------------- x Φ(x) and its derivative

NORMAL = {
    "normal_gate": lambda p: p * M.erfc(-p / M.sqrt(2)) / 2,
    "normal_gate_slope": lambda p: M.erfc(-p / M.sqrt(2)) / 2 + p * M.npdf(p),
}
MOST = {np.float64: 4, np.float32: 3.75}


def gate_of(name, x):
    found = np.empty_like(x)
    every((gates.FLOAT64 if x.dtype == np.float64 else gates.FLOAT32)[name])(x, found)
    return found


@pytest.mark.parametrize("kind", MOST)
@pytest.mark.parametrize("name", NORMAL)
def test_a_gate_is_right_near_its_root_near_zero_and_in_the_tail(name, kind):
    rng = np.random.default_rng(11)
    far = 38.6 if kind is np.float64 else 14.4
    x = [-far * rng.random(25), -3 * rng.random(25), 9 * rng.random(10), -(10 ** rng.uniform(-320, 0, 15))]
    x.append(-tables.SLOPE_ROOT[0] + 10 ** rng.uniform(-16, -1, 20) * rng.choice([-1, 1], 20))
    x = np.concatenate(x).astype(kind)
    found = gate_of(name, x)
    with M.workprec(1500):
        truth = [NORMAL[name](M.mpf(float(p))) for p in x]
    off = [
        abs(M.mpf(float(f)) - t) / M.mpf(float(np.spacing(np.abs(kind(float(t))))))
        for f, t in zip(found, truth, strict=True)
    ]
    assert max(off) <= MOST[kind]


WIDE = {name: lambda x, name=name: gate_of(name, x) for name in NORMAL} | {
    "logistic_gate_slope": rounded.logistic_gate_slope
}


@pytest.mark.parametrize("name", WIDE)
def test_a_gate_of_float32_is_near_that_of_float64(name):
    rng = np.random.default_rng(12)
    parts = [-15 * rng.random(10**6), 3 * rng.normal(size=10**6), 110 * (0.5 - rng.random(10**5))]
    x = np.concatenate([*parts, -tables.SLOPE_ROOT[0] + 1e-6 * rng.normal(size=1000)]).astype(np.float32)
    found, truth = gate_of(name, x), WIDE[name](x.astype(np.float64))
    off = np.abs(found - truth) / np.spacing(np.abs(truth).astype(np.float32))
    assert 0.5 < off.max() <= MOST[np.float32]


@pytest.mark.parametrize(
    ("name", "kind"), [*((name, kind) for name in NORMAL for kind in MOST), ("logistic_gate_slope", np.float32)]
)
def test_a_gate_has_its_limits_and_passes_on_nan(name, kind):
    x = np.array([-np.inf, -1e30, -0.0, 0.0, 1e30, np.inf, np.nan], kind)
    found = gate_of(name, x)
    half = 0.5 if name.endswith("slope") else 0.0
    one = 1.0 if name.endswith("slope") else 1e30
    if name == "logistic_gate_slope":  # of finite numbers
        x, found = x[1:5], found[1:5]
        assert found.tolist() == [0.0, 0.5, 0.5, 1.0]
        return
    assert found[:5].tolist() == [0.0, 0.0, half, half, kind(one)] and np.isnan(found[6])
    assert found[5] == (1.0 if name.endswith("slope") else np.inf)


# ---------------------------------------------------------------- functions


def arguments(function, size, kind):
    rng = np.random.default_rng(size)
    given = []
    for name in function.arguments:
        x = rng.normal(size=size) * rng.choice([1e-8, 1.0, 3.0, 30.0, 500.0], size=size)
        if function.ranges.get(name, Range()) != Range():
            x = np.abs(x) % 1.0
        places = rng.integers(0, size, size // 10)
        x[places] = rng.choice(SPECIAL, size=places.size)
        with np.errstate(over="ignore"):
            given.append(x.astype(kind))
    return given


def results(function, given):
    """Of every method, by name, in one order; in float32 of value and first derivatives, as the rest takes long to compile."""
    found = {"value": function(*given)} | {f"grad {wrt}": function.grad(*given, wrt=wrt) for wrt in function.wrt}
    if given[0].dtype == np.float32:
        return found
    for wrt in function.wrt:
        found[f"both {wrt}"] = np.stack(function.value_and_grad(*given, wrt=wrt))
        if wrt in function.arguments:
            found[f"vjp {wrt}"] = function.vjp(*given, np.full_like(given[0], 2), wrt=wrt)
    if function.__name__ == "sigmoid_squared_error":  # whose second derivative compiles for ten seconds
        return found
    return found | {f"second {wrt}": function.second(*given, wrt=wrt) for wrt in function.wrt_second}


TERMS = {"hinge": 1.0}
"""What cancels against a product, which is rounded with it in loops and before it in NumPy's code: how large it is."""


def assert_near(got, wanted, name):
    """Within 8 ulp, of what cancels where that is more, infinite, NaN and 0 at the same places."""
    assert got.dtype == wanted.dtype
    finite = np.isfinite(wanted)
    assert np.array_equal(got[~finite], wanted[~finite], equal_nan=True), name
    assert np.array_equal(got == 0, wanted == 0), name
    unit = np.spacing(np.maximum(np.abs(wanted[finite]), wanted.dtype.type(TERMS.get(name.split()[0], 0.0))))
    with np.errstate(over="ignore"):
        assert (np.abs(got[finite].astype(float) - wanted[finite]) <= 8.0 * unit).all(), name


@pytest.mark.parametrize("name", NAMES)
def test_a_function_is_the_same_compiled(name):
    function = getattr(chainrule.functions, name)
    for kind in (np.float64, np.float32):
        for size in (101, 70_001):
            given = arguments(function, size, kind)
            chainrule.set_compiled(False)
            wanted = results(function, given)
            chainrule.set_compiled(True)
            with np.errstate(all="raise"):
                got = results(function, given)
            for part in wanted:
                assert_near(got[part], wanted[part], f"{name} {part} {kind.__name__} {size}")
            for part, kernel in function.kernels.items():
                arrays = [np.empty(3)] * len(function.arguments), [np.empty(3)] * kernel.results
                numbers = list(function.parameters.values())
                made = kernels.compiled(kernel, [*arrays[0], *numbers], arrays[1], np.dtype(np.float64))
                assert made is not None, f"{part} is not compiled"


def test_arrays_of_any_layout_are_computed_by_the_same_loops():
    chainrule.set_compiled(True)
    x = np.random.default_rng(1).normal(size=(300, 500))
    wanted = chainrule.functions.silu(x)
    for view in (x.T, x[::2, ::-1], np.asfortranarray(x), x.astype(">f8"), x[:, None, :]):
        assert np.array_equal(
            chainrule.functions.silu(view), chainrule.functions.silu(np.ascontiguousarray(view, float))
        )
    out = np.empty_like(x)
    assert chainrule.functions.silu(x, out=out) is out and np.array_equal(out, wanted)
    inside = x.copy()
    assert np.array_equal(chainrule.functions.silu(inside, out=inside), wanted)
    assert np.array_equal(
        chainrule.functions.silu(x.astype(np.float16)), chainrule.functions.silu(x.astype(np.float16))
    )


@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("size", [50, 70_001])
def test_an_element_outside_a_domain_is_nan_and_no_other(kind, size):
    kernel = Kernel(_doubled)
    above = {"x": Range(lower=0.0, open_lower=True)}
    alone = ScalarFunction("alone", value=kernel, gradients={"x": kernel}, seconds={"x": kernel}, ranges=above)
    for wrong in (0.0, -1.0, math.nan, -math.inf):
        x, right = np.linspace(0.1, 0.9, size).astype(kind), np.ones(size, kind)
        x[3], right[5], right[7] = wrong, np.nextafter(kind(1), kind(2)), math.nan
        assert np.flatnonzero(np.isnan(compiled(alone, x))).tolist() == [3]
        for function in (chainrule.functions.hinge.grad, chainrule.functions.binary_cross_entropy):
            wanted = function(x, right)
            assert np.isnan(wanted[[5, 7]]).all() and np.isnan(wanted).sum() <= 3
            assert np.array_equal(np.isnan(compiled(function, x, right)), np.isnan(wanted))


def compiled(function, *arrays):
    chainrule.set_compiled(True)
    try:
        return function(*arrays)
    finally:
        chainrule.set_compiled(None)


def test_nan_is_passed_on_by_functions_that_do_not_care(monkeypatch):
    """With a payload of which the lowest bits are not 0, which a shift would make a number of."""
    for kind, bits in ((np.float64, np.array(0x7FF8_0000_0000_0001)), (np.float32, np.array(0x7FC0_0001, np.int32))):
        for function in (chainrule.functions.softplus, chainrule.functions.sigmoid, chainrule.functions.sigmoid.grad):
            for size in (20, 70_001):
                x = np.linspace(-3, 3, size).astype(kind)
                x[7] = bits.view(kind)
                assert np.flatnonzero(np.isnan(compiled(function, x))).tolist() == [7]


def _doubled(x, out):
    np.multiply(2.0, x, out=out)


def eased(code, bounds, kind="float64"):
    return [value.function for value in ranges.eased(values_of(code, 2, 1), bounds, kind).values]


def _of_exponentials(x, y, out):
    np.negative(x, out=out)
    np.exp(out, out=out)
    np.add(out, y, out=out)


def _of_a_difference(x, y, out):
    np.subtract(x, y, out=out)
    np.abs(out, out=out)
    np.multiply(-2.0, out, out=out)
    np.exp(out, out=out)


def _of_products(x, y, out, s1, s2):
    np.multiply(2.0, x, out=s1)
    np.subtract(s1, y, out=s2)
    np.multiply(s2, x, out=s1)
    np.add(3.0, s1, out=s2)
    np.multiply(x, y, out=s1)
    np.subtract(s1, s1, out=out)
    np.add(out, s2, out=out)
    np.multiply(y, y, out=s1)
    np.subtract(out, s1, out=out)


def test_a_product_that_is_of_no_other_use_is_rounded_with_a_sum():
    values = contracted(values_of(_of_products, 2, 1))
    used = [values.values[k].function for k in sorted(values.reached())]
    assert used.count("product_less") == used.count("less_product") == used.count("product_plus") == 1
    assert used.count("np.multiply") == used.count("np.subtract") == 1, "what is used twice stays a product"
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(2, 500)).astype(np.float32)
    out = np.empty_like(x)
    made = plan(values, Kinds((True, True), (True,)))
    kernels.Compiled(made, np.dtype(np.float32), (False, False), 1).run((x, y), (out,))
    a, b = x.astype(float), y.astype(float)
    once = np.float32((2 * a - b).astype(np.float32) * a + 3)
    assert np.array_equal(out, np.float32(once.astype(float) - b * b))


def _of_a_logarithm(x, y, out):
    np.abs(x, out=out)
    np.multiply(-2.0, out, out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    np.add(y, out, out=out)


def _of_a_cube(x, out, s1):
    np.exp(x, out=s1)
    np.multiply(s1, s1, out=out)
    np.multiply(out, s1, out=out)


def test_a_last_digit_counts_where_results_keep_it():
    values = values_of(_of_a_cube, 1, 1)
    made = [ranges.eased(values, {0: (-9.0, 9.0)}, "float64", right).values for right in (True, False)]
    assert [each.function for each in made[0]].count("exp_normal") == 1
    assert [each.function for each in made[1]].count("exp_between") == 1


@pytest.mark.parametrize(
    "ends, is_open",
    [
        *product(
            [(-80.0, 80.0), (0.0, 1.0), (0.5, math.inf), (-math.inf, 80.0), (-3.0, math.inf)],
            product((False, True), repeat=2),
        ),
        ((-math.inf, math.inf), (False, False)),
        ((-math.inf, math.inf), (True, True)),
    ],
)
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_a_number_outside_a_domain_is_told(ends, is_open, kind):
    domain, of = Range(*ends, *is_open), np.dtype(kind).type
    told, far = _told(domains.Test(0, *ends, *is_open, 1), domains.COMPUTED, {domains.COMPUTED: kind}), of(3e38)
    numbers = [of(each) for end in (*ends, 0.5, 3.0, 1e30, math.inf) for each in (end, -end)]
    numbers += [np.nextafter(each, by) for each in numbers for by in (far, -far)]
    with np.errstate(all="ignore"):
        assert [bool(told(x)) for x in numbers] == [
            not domain.inside(x) or (x == 0 and ends[0] == 0 and bool(np.signbit(x))) for x in numbers
        ]
        assert told(of(math.nan)) and told(-of(math.nan))


def _told(test, type_, kinds):
    """Whether a number is told to be outside, by the text of a test of one of these types."""
    names = {"np": np, "INF": np.inf}
    exec("\n".join(each.text(kind) for each, kind in kinds.items()), names)
    return eval(f"lambda x: min({', '.join(test.terms('x', type_))}, 0) < 0", names)


@pytest.mark.parametrize("is_open", [*product((False, True), repeat=2)])
@pytest.mark.parametrize(
    "ends", [(0.1, 0.7), (-0.1, 1e300), (-1e300, 1 / 3), (1e-50, 80.0), (-80.1, 80.1), (0.0, 1.0), (-math.inf, 1e-50)]
)
def test_a_number_that_is_not_converted_is_told_as_if_it_were(ends, is_open):
    test, kinds = domains.Test(0, *ends, *is_open, 1), {domains.COMPUTED: "float64", domains.READ: "float32"}
    wide, single = _told(test, domains.COMPUTED, kinds), _told(test.of_single(), domains.READ, kinds)
    with np.errstate(all="ignore"):
        numbers = [np.float32(each) for end in (*ends, 0.5, 3e38, math.inf, math.nan) for each in (end, -end)]
        numbers += [np.nextafter(each, np.float32(by)) for each in numbers for by in (-3e38, 3e38)]
        for x in numbers:
            assert bool(single(x)) == bool(wide(np.float64(x))) or (x == 0 and np.signbit(x)), x
        assert {bool(single(np.float32(x))) for x in (0.5, -3.0, math.inf)} == {False, True}


def test_a_function_takes_no_care_of_what_cannot_come():
    assert "exp_between" in eased(_of_exponentials, {0: (-700.0, 80.0)})
    assert "exp_below" in eased(_of_exponentials, {0: (-85.0, math.inf)})
    assert "exp_below" in eased(_of_exponentials, {0: (-85.0, 90.0)}, "float32")
    assert "np.exp" in eased(_of_exponentials, {0: (-800.0, 0.0)})
    assert "np.exp" in eased(_of_exponentials, {1: (0.0, 1.0)})
    assert "exp_between" in eased(_of_a_difference, {0: (-100.0, 100.0), 1: (-100.0, 100.0)})
    assert {"exp_below", "log1p_between"} <= set(eased(_of_a_logarithm, {0: ranges.EVERY}))
    assert {"np.exp", "np.log1p"} <= set(eased(_of_a_logarithm, {0: None}))
    values = values_of(_of_a_logarithm, 2, 1)
    assert ranges.not_nan(values, {}, "float64", [0, 1]) == [0]
    assert ranges.not_nan(values, {1: (0.0, 1.0)}, "float64", [0]) == [0]
    assert "exp_below" in eased(_of_a_difference, {0: (-400.0, 0.0), 1: (-100.0, 100.0)})
    assert "np.exp" in eased(_of_a_difference, {0: (0.0, math.inf), 1: (0.0, math.inf)})


# ---------------------------------------------------------------- float32 by the code for all numbers

ALONE = [
    pytest.param(function, what, id=f"{name} {what}")
    for name in NAMES
    for function in [getattr(chainrule.functions, name)]
    for what, kernel in function.kernels.items()
    if is_single_in_loops(kernel)
]


def called(function, what, given, **more):
    """The results of a method that computes by that kernel, as a list."""
    method, _, wrt = what.rpartition(" ")
    chosen = {"": function, "grad": function.grad, "second": function.second, "value and grad": function.value_and_grad}
    if what == "value":
        return [function(*given, **more)]
    found = chosen[method](*given, wrt=wrt, **more)
    return list(found) if method == "value and grad" else [found]


def singles(function, size):
    """Numbers of float32 of all sizes, close to the ends of a domain, next to each other, and special ones."""
    rng = np.random.default_rng(size)
    columns = []
    for name in function.arguments:
        if name in function.ranges:
            x = rng.random(size)
            x[::3] = 10.0 ** rng.uniform(-45, 0, x[::3].size)
            x[1::3] = 1 - 10.0 ** rng.uniform(-8, 0, x[1::3].size)
            x[::50] = rng.choice([0.0, 1.0, 0.5, 1e-45, np.nan], x[::50].size)
        else:
            x = rng.normal(size=size) * rng.choice([0.1, 1.0, 10.0], size)
            x[::3] = 10.0 ** rng.uniform(-45, 38.5, x[::3].size) * rng.choice([-1, 1], x[::3].size)
            x[::50] = rng.choice([*SPECIAL[:5], 1e-45, 3e38, -3e38, 1.0, -1.0], x[::50].size)
        columns.append(x.astype(np.float32))
    return columns


def ulps_of_single(got, wanted):
    with np.errstate(all="ignore"):
        same = (got == wanted.astype(np.float32)) | (np.isnan(got) & np.isnan(wanted))
        off = np.abs(got - wanted) / np.ldexp(1.0, np.maximum(np.frexp(wanted)[1] - 24, -149))
    return np.where(same, 0.0, np.where(np.isnan(off), np.inf, off))


@pytest.mark.parametrize(("function", "what"), ALONE)
def test_the_code_for_all_numbers_is_right_in_float32(function, what):
    given = singles(function, 400_000)
    chainrule.set_compiled(False)
    truth = called(function, what, [x.astype(float) for x in given])
    by_calls = called(function, what, given)
    chainrule.set_compiled(True)
    found = called(function, what, given)
    for got, wanted, other in zip(found, truth, by_calls, strict=True):
        assert got.dtype == np.float32
        assert ulps_of_single(got, wanted).max() <= 4.0
        assert (got != other).any(), "it is not that code"
        assert np.array_equal(np.isnan(got), np.isnan(other)) and np.array_equal(np.isinf(got), np.isinf(other))


@pytest.mark.parametrize(("function", "what"), ALONE)
def test_every_way_of_a_call_leads_to_it(function, what):
    chainrule.set_compiled(True)
    for size in (60, 90_000, 600_000):
        given = singles(function, size)
        wanted = called(function, what, given)
        ways = [
            [x.astype(">f4") for x in given],
            [np.repeat(x, 2)[::2] for x in given],
            [x.reshape(-1, 3).T for x in given],
        ]
        for way in ways:
            for got, each in zip(called(function, what, way), wanted, strict=True):
                assert np.array_equal(got if got.ndim == 1 else got.T.ravel(), each, equal_nan=True)
        out = [np.empty_like(each) for each in wanted]
        called(function, what, given, out=tuple(out) if len(out) > 1 else out[0])
        for got, each in zip(out, wanted, strict=True):
            assert np.array_equal(got, each, equal_nan=True)
        one = float(given[-1][1])
        for got, each in zip(
            called(function, what, [*given[:-1], one]),
            called(function, what, [*given[:-1], np.full(size, one, np.float32)]),
            strict=True,
        ):
            assert np.array_equal(got, each, equal_nan=True)


def test_a_block_that_cannot_be_read_is_no_such_code(monkeypatch):
    monkeypatch.setitem(globals(), "SINGLE_IN_LOOPS", ("unreadable", "chain"))
    assert not kernels.is_single(Kernel(unreadable), (np.ones(3, np.float32),))
    assert kernels.is_single(Kernel(chain, scratch=2, masks=1), (np.ones(3, np.float32),) * 2)


def test_the_certificate_of_calls_is_not_concerned(tmp_path):
    source = chainrule.functions.log_cosh.source
    digests = []
    for text in (source, source.replace('SINGLE_IN_LOOPS = (\n    "_value",', "SINGLE_IN_LOOPS = (")):
        module = types.ModuleType("chainrule.functions.log_cosh")
        module.__file__, module.__package__ = str(tmp_path / f"{len(digests)}.py"), "chainrule.functions"
        (tmp_path / f"{len(digests)}.py").write_text(text)
        digests.append([certificate.code_digest(module, compiled) for compiled in (False, True)])
    (calls, loops), (calls_without, loops_without) = digests
    assert calls == calls_without and loops != loops_without


def test_results_do_not_depend_on_threads():
    chainrule.set_compiled(True)
    x = np.random.default_rng(2).normal(size=1_500_001)
    try:
        chainrule.set_threads(1)
        wanted = [f(x) for f in (chainrule.functions.softplus, chainrule.functions.silu.grad)]
        chainrule.set_threads(2)
        for each, f in zip(wanted, (chainrule.functions.softplus, chainrule.functions.silu.grad), strict=True):
            assert np.array_equal(f(x), each)
    finally:
        chainrule.set_threads(None)


# ---------------------------------------------------------------- from code to loops


def chain(x, y, out, s1, s2, m1):
    np.exp(x, out=s1)
    np.add(s1, y, out=s2)
    np.log1p(s2, out=s2)
    np.greater(x, 0.0, out=m1)
    np.multiply(s2, y, out=s1)
    select(m1, s1, s2, out=out)


def unreadable(x, out):
    out[:] = x


def run(made, values, x, y):
    """Loops in NumPy's words: what the plan does, one value after the other."""
    rows = {
        "np.exp": np.exp,
        "np.log1p": np.log1p,
        "np.add": np.add,
        "np.multiply": np.multiply,
        "np.greater": np.greater,
    }
    arrays = {"i0": x, "i1": y, "o0": np.empty_like(x)} | {f"b{k}": np.empty_like(x) for k in range(made.buffers)}
    for step in made.steps:
        assert isinstance(step, Loop)
        known = {k: arrays[name].copy() for k, name in step.reads.items()}

        def value(k, known=known):
            if k not in known:
                row = values.values[k]
                operands = [value(each) for each in row.operands]
                known[k] = (
                    row.told if row.function == "constant"
                    else np.where(*operands) if row.function == "select"
                    else rows[row.function](*operands)
                )  # fmt: skip
            return known[k]

        found = {k: value(k) for k in step.writes}
        for k, names in step.writes.items():
            for name in names:
                arrays[name][...] = found[k]
    return arrays["o0"]


def test_one_elementary_function_after_another_is_left_to_a_loop_of_its_own():
    values = values_of(chain, 2, 1)
    made = plan(values, Kinds((True, True), (True,)))
    assert [type(step) for step in made.steps] == [Loop, Loop] and not made.buffers  # the result's array is at hand
    x, y = np.random.default_rng(3).normal(size=(2, 50)) + 2
    out = np.empty_like(x)
    chain(x, y, out, *np.empty((2, 50)), np.empty(50, bool))
    assert np.array_equal(run(made, values, x, y), out)


def test_what_a_result_cannot_hold_is_held_by_an_array_of_the_right_kind():
    made = plan(values_of(chain, 2, 1), Kinds((True, True), (False,)))
    assert made.buffers == 1 and made.steps[-1].writes[max(made.steps[-1].writes)] == ("o0",)


def of_one_exponential(x, y, out, s1):
    np.exp(x, out=s1)
    np.subtract(y, s1, out=out)
    np.multiply(out, y, out=out)
    np.add(s1, out, out=out)
    np.multiply(out, out, out=out)
    np.add(1.0, s1, out=s1)
    np.divide(out, s1, out=out)


def test_many_operations_on_an_exponential_are_left_to_a_later_loop_where_results_are_rounded():
    values = values_of(of_one_exponential, 2, 1)
    loops = [plan(values, Kinds((own, own), (own,))).steps for own in (True, False)]
    assert [len(each) for each in loops] == [1, 2]
    assert values.values[min(loops[1][0].writes)].function == "np.exp"
    few = values_of(_of_a_logarithm, 2, 1)
    assert len(plan(few, Kinds((False, False), (False,))).steps) == 2, "one for each elementary function"
    kernel = Kernel(of_one_exponential, scratch=1)
    rng = np.random.default_rng(2)
    x, y = (rng.normal(size=(2, 5000)) * 9).astype(np.float32)
    y[[7, 4000]] = 1.5, np.nan
    out, wide = np.empty_like(x), np.empty(x.size)
    tests = (1, -1.0, 1.0, False, False)
    code = kernels.compiled(kernel, (x, y), (out,), np.dtype(float), (tests,))
    assert code.run((x, y), (out,)) == UNDEFINED
    of_one_exponential(x.astype(float), y.astype(float), wide, np.empty(x.size))
    assert np.allclose(out, wide, rtol=2e-7, equal_nan=True)
    y = np.clip(y, -1, 1)
    y[4000] = -0.0
    assert code.run((x, y), (out,)) == 0
    y[-1] = np.nextafter(np.float32(1), np.float32(2))
    assert code.run((x, y), (out,)) == UNDEFINED


def test_what_is_no_element_stays_a_call():
    kernel = Kernel(arctangent, scratch=1)
    x = np.linspace(-3, 3, 77)
    out = np.empty_like(x)
    found = kernels.compiled(kernel, (x,), (out,), np.dtype(np.float64))
    assert found is not None and not found.is_loop
    assert [type(step) for step in plan(values_of(arctangent, 1, 1), Kinds((True,), (True,))).steps] == [
        Call,
        Loop,
    ]
    found.run((x,), (out,))
    assert np.array_equal(out, np.arctan(x) + 1.0)


def arctangent(x, out, s1):
    np.arctan(x, out=s1)
    np.add(s1, 1.0, out=out)


def test_code_that_cannot_be_read_runs_as_it_is():
    with pytest.raises(Unreadable):
        values_of(unreadable, 1, 1)
    assert kernels.compiled(Kernel(unreadable), (np.ones(3),), (np.ones(3),), np.dtype(np.float64)) is None


def elements(x, y, out, s1, s2, s3, m1, m2):
    np.maximum(x, y, out=s1)
    np.minimum(x, y, out=s2)
    np.copysign(s1, s2, out=s1)
    np.sign(y, out=s2)
    np.less_equal(x, y, out=m1)
    np.isnan(x, out=m2)
    np.logical_or(m1, m2, out=m1)
    select(m1, s1, s2, out=s3)
    apply(lost, x, y, out=s2)
    np.abs(s2, out=s2)
    at_least(s2, 0.0, out=s2)
    np.sqrt(s2, out=s2)
    np.divide(s3, y, out=s3)
    np.subtract(s3, s2, out=out)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_elements_are_those_of_arrays_to_the_last_bit(kind):
    with np.errstate(all="ignore"):
        drawn = np.random.default_rng(4).normal(size=30) * 10.0 ** np.random.default_rng(5).integers(-40, 38, 30)
        one, other = (each.ravel() for each in np.meshgrid(*(np.array([*SPECIAL, *drawn]).astype(kind),) * 2))
        size = one.size
        wanted, found = np.empty((2, size), kind)
        elements(one, other, wanted, *np.empty((3, size), kind), *np.empty((2, size), bool))
        made = (
            kernels.compiled(Kernel(elements, single=None), (one, other), (found,), np.dtype(kind))
            if kind is np.float64
            else (
                kernels.Compiled(
                    plan(values_of(elements, 2, 1), Kinds((True, True), (True,))),
                    np.dtype(kind),
                    (False, False),
                    1,
                    (),
                )
            )
        )
        made.run((one, other), (found,))
    assert np.array_equal(found, wanted, equal_nan=True)
    assert np.array_equal(
        np.signbit(found), np.signbit(wanted) & ~np.isnan(wanted) | np.isnan(wanted) & np.signbit(found)
    )


# ---------------------------------------------------------------- what is kept


def test_what_is_compiled_is_kept_for_the_next_process(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiler.compiled_text.cache_clear()
    text = "def loop(a, o):\n    for n in range(o.size):\n        o[n] = a[n] + 3.25\n"
    out = np.empty(4)
    compiler.compiled_text(text)(np.ones(4), out)
    assert out.tolist() == [4.25] * 4
    (file,) = compiler.folder().glob("*.py")
    assert file.read_text() == text and list((compiler.folder() / "__pycache__").glob("*.nbc"))
    program = f"import numpy as np; from chainrule.runtime.loops.compiler import compiled_text as c; f = c({text!r}); o = np.empty(2); f(np.ones(2), o); print(o[0], sum(f.stats.cache_hits.values()))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["4.25", "1"]


def test_without_a_folder_to_write_to_it_is_compiled_for_the_process(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    compiler.compiled_text.cache_clear()
    out = np.empty(2)
    compiler.compiled_text("def loop(a, o):\n    for n in range(o.size):\n        o[n] = a[n] - 0.125\n")(
        np.ones(2), out
    )
    assert out.tolist() == [0.875] * 2


# ---------------------------------------------------------------- the switch


def test_the_switch():
    chainrule.set_compiled(False)
    assert not chainrule.is_compiled()
    chainrule.set_compiled(True)
    assert chainrule.is_compiled()
    with pytest.raises(TypeError, match="True, False, or None"):
        chainrule.set_compiled(1)


@pytest.mark.parametrize(("given", "wanted"), [("1", "True"), ("0", "False"), ("", "False"), ("yes", "is 1 or 0")])
def test_the_environment_is_the_default(given, wanted):
    ran = subprocess.run(
        [sys.executable, "-c", "import chainrule; print(chainrule.is_compiled())"],
        env={**os.environ, compiling.VARIABLE: given}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert wanted in ran.stdout + ran.stderr


def test_without_numba_there_is_one_clear_message(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'chainrule\[compiled\]'"):
        chainrule.set_compiled(True)
    monkeypatch.setenv(compiling.VARIABLE, "1")
    chainrule.set_compiled(None)
    with pytest.raises(ImportError, match=r"CHAINRULE_COMPILED=1: .*pip install 'chainrule\[compiled\]'"):
        chainrule.is_compiled()


def test_numba_is_loaded_when_something_is_compiled_and_not_before():
    program = "import sys, chainrule.functions; chainrule.functions.sigmoid([1.0]); print('numba' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
