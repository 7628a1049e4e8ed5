"""Programs as compiled loops give the same bits as without."""

import math
import os
import re
import subprocess
import sys
from decimal import Context, Decimal, localcontext

import mpmath
import numpy as np
import pytest

import chainrule
from chainrule.functions import sigmoid_binary_cross_entropy, sigmoid_squared_error
from chainrule.runtime import blocks, exponents, programs, twice
from chainrule.runtime.arithmetic import apply, select
from chainrule.runtime.blocks import Kernel
from chainrule.runtime.extended import Pair, refined
from chainrule.runtime.loops import extended, kernels, texts
from chainrule.runtime.loops.compiler import compiled_text
from chainrule.runtime.loops.programs import LOOP, tables
from chainrule.runtime.programs import OfBits, Program, step

SPECIAL = [
    math.nan,
    math.inf,
    -math.inf,
    700.0,
    -700.0,
    0.0,
    -0.0,
    5e-324,
    -5e-324,
    2e-308,
    1e300,
    -1e300,
    1e-300,
    1.0,
    0.5,
]
RNG = np.random.default_rng(11)
M = mpmath.MPContext()


@pytest.fixture(autouse=True)
def _as_before():
    yield
    chainrule.set_compiled(None)
    chainrule.set_threads(None)


def both(call):
    """What a call gives without compiled code and with it."""
    found = []
    for on in (False, True):
        chainrule.set_compiled(on)
        with np.errstate(all="ignore"):
            found.append(call())
    return found


def same(plain, compiled):
    """Whether they are the same to the last bit; one NaN is as good as another."""
    return np.array_equal(*(np.where(np.isnan(x), math.nan, x).view(f"i{x.itemsize}") for x in (plain, compiled)))


def numbers(size, count):
    """Random ones, and every pair of special ones, as often as there is room."""
    arrays = 5 * RNG.normal(size=(count, size)) * 10.0 ** RNG.integers(-3, 3, (count, size))
    pairs = np.array(np.meshgrid(*[SPECIAL] * 2)).reshape(2, -1)[:, : size // 2]
    arrays[: len(pairs), : pairs.shape[1]] = pairs[:count]
    return arrays


def sign_bit(x, out):
    np.bitwise_and(x, np.int64(-(2**63)), out=out)


def winding(x, y):
    """With functions that stay calls of NumPy, first, in between and last, and values that are used long after."""
    a = np.exp(-np.abs(x)) * y - 3.0
    b = np.sqrt(np.abs(a)) + a * a
    c = step(OfBits(np.bitwise_or), np.abs(b - 7.0), step(OfBits(sign_bit), a))
    d = np.copysign(np.log(b), x) - np.hypot(c, y)
    return np.cbrt((b - a) / (np.exp(-b) + 2.0) - c * x + (y - b) * (b - d))


FORMULAS = {
    "logistic": lambda x, y: 1 / (1 + (-x).exp()) - y,
    "quotient": lambda x, y: x / (y.exp() * y.exp()),
    "roots": lambda x, y: (x.exp() * y - x.exp().sqrt() / 3) * y.exp() / (1 + 1 / x.exp()),
    "logarithm": lambda x, y: (y * y + 1).ln() - x * x * x / 4 - (x + y / 2),
}
PROGRAMS = {
    "winding": winding,
    "an argument": lambda x, y: y,
    "infinite": lambda x, y: x * math.inf + y * -math.inf,
} | {name: lambda x, y, formula=formula: formula(Pair(x), Pair(y)).rounded for name, formula in FORMULAS.items()}


@pytest.mark.parametrize("size", [1, 300, 2 * programs.PART + 3])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_compiled_program_gives_the_same_bits(name, size):
    program, given = Program(PROGRAMS[name], 2), numbers(size, 2)
    assert program.loops.stages  # so that it is run by them, however few the elements are
    before = given.copy()

    def run():
        out = np.full(size, 7.0)
        assert program.run(tuple(given), out) == np.count_nonzero(~np.isfinite(out))
        return out

    assert same(*both(run)) and same(before, given)


def test_steps_between_two_calls_of_numpy_are_one_loop():
    assert [len(Program(PROGRAMS[name], 2).loops.stages) for name in ("logistic", "logarithm", "winding")] == [1, 3, 13]


def test_read_only_arrays_and_those_with_gaps_are_not_compiled_for_again():
    chainrule.set_compiled(True)
    program, (x, y) = Program(PROGRAMS["logistic"], 2), numbers(1000, 2)
    seen = []
    ((call, places),) = program.loops.stages
    program.loops.stages[:] = [
        (lambda *arrays: (seen.extend(a.flags.carray for a in arrays), call(*arrays))[1], places)
    ]
    fixed = x.copy()
    fixed.flags.writeable = False
    found = [np.empty(1000) for _ in range(2)]
    program.run((x, y), found[0])
    program.run((fixed, np.repeat(y, 2)[::2]), found[1])
    assert same(*found) and len(seen) == 6 and all(seen)


SIZE = 3000


@pytest.mark.parametrize("share", [0.0, 0.01, 0.6, 1.0])
@pytest.mark.parametrize("name", ["logistic", "logarithm"])
def test_formulas_are_computed_again_to_the_same_bits(name, share):
    x, y = numbers(SIZE, 2)
    x[-40:] = RNG.normal(size=40)
    y[-40:] = 1 / (1 + np.exp(-x[-40:]))  # so near that a `Pair` does not do
    found, total = RNG.normal(size=(2, SIZE))
    found[::7] = math.nan
    size = np.where(RNG.random(SIZE) < share, 2.5, 1.5) * np.abs(total)
    if share:
        size[-40:] = math.inf
    assert same(*both(lambda: refined(found, total, size, FORMULAS[name], x, y)))
    shape = (30, 100)
    arrays = [a.reshape(shape) for a in (found, total, size, x)]
    assert same(*both(lambda: refined(*arrays[:3], FORMULAS[name], arrays[3], 0.25)))


def block(x, y, out, s1, s2):
    """In which a sum has cancelled everywhere; in loops the formula is computed everywhere in any case."""
    np.copyto(s1, 0.0)
    np.copyto(s2, 1.0)
    np.add(x, y, out=out)
    apply(refined, out, s1, s2, lambda x, y: 1 / (1 + (-x).exp()) - y, x, y, out=out)
    np.multiply(2.0, out, out=out)


def block_of_calls(x, y, out, s1, s2):
    np.multiply(0.25, x, out=s1)
    np.abs(y, out=s2)
    np.add(x, y, out=out)
    apply(refined, out, s1, s2, lambda x, y: (y * y + 1).ln() - x * x, x, y, out=out)
    np.multiply(2.0, out, out=out)


def through(kernel, x, y):
    out = np.full(x.size, 7.0)
    blocks.run(kernel, [x, y], [out])
    return out


def near_a_root(size):
    """Numbers of which the last 40 are so near to a root that a `Pair` does not do."""
    x, y = numbers(size, 2)
    x[-40:] = RNG.normal(size=40)
    y[-40:] = 1 / (1 + np.exp(-x[-40:]))
    return x, y


@pytest.mark.parametrize("size", [100, 3 * blocks.BLOCK + 7])
@pytest.mark.parametrize(("code", "is_loop"), [(block, True), (block_of_calls, False)])
def test_a_formula_is_part_of_the_loop_where_it_can_be(code, is_loop, size):
    x, y = near_a_root(size)
    kernel = Kernel(code, scratch=2)
    assert same(*both(lambda: through(kernel, x, y)))
    assert kernels.compiled(kernel, (x, y), (x,), x.dtype).is_loop == is_loop


def test_only_elements_without_a_value_are_computed_again(monkeypatch):
    seen, again = [], kernels._again
    monkeypatch.setattr(kernels, "_again", lambda places, *rest: (seen.append(places), again(places, *rest)))
    x, y = near_a_root(1000)
    x[:-40], y[:-40] = 0.25, np.linspace(0, 0.5, 960)
    plain, compiled = both(lambda: through(Kernel(block, scratch=2), x, y))
    assert same(plain, compiled) and np.isfinite(plain).all()
    assert np.concatenate(seen).min() >= 960 and np.concatenate(seen).size > 20


def block_of_a_choice(x, y, out, s1, s2, m1):
    np.copyto(s1, 0.0)
    np.copyto(s2, 1.0)
    np.add(x, y, out=out)
    apply(refined, out, s1, s2, lambda x, y: 1 / (1 + (-x).exp()) - y, x, y, out=out)
    np.greater(out, 0.0, out=m1)
    select(m1, x, y, out=out)


def test_what_a_formula_without_a_value_would_decide_is_left_to_numpy():
    x, y = near_a_root(1000)
    kernel = Kernel(block_of_a_choice, scratch=2, masks=1)
    assert same(*both(lambda: through(kernel, x, y)))
    assert kernels.compiled(kernel, (x, y), (x,), x.dtype) is None


def two_results(x, y, first, second, s1, s2):
    np.copyto(s1, 0.0)
    np.copyto(s2, 1.0)
    np.add(x, y, out=second)
    np.multiply(x, y, out=first)
    apply(refined, second, s1, s2, lambda x, y: 1 / (1 + (-x).exp()) - y, x, y, out=second)


def test_what_is_lost_of_one_of_two_results_is_computed_again():
    x, y = near_a_root(1000)
    kernel = Kernel(two_results, scratch=2, results=2)

    def found():
        outs = np.empty((2, x.size))
        blocks.run(kernel, [x, y], [*outs])
        return outs

    assert same(*both(found))


def test_a_number_that_was_nan_is_not_computed_again(monkeypatch):
    seen, again = [], kernels._again
    monkeypatch.setattr(kernels, "_again", lambda places, *rest: (seen.append(places), again(places, *rest)))
    x, y = near_a_root(1000)
    x[:300], y[300:500] = math.nan, math.nan
    assert same(*both(lambda: through(Kernel(block, scratch=2), x, y)))
    assert np.concatenate(seen).min() >= 500


def test_a_float32_of_which_too_little_is_left_is_computed_again(monkeypatch):
    seen, again = [], kernels._again
    monkeypatch.setattr(kernels, "_again", lambda places, *rest: (seen.append(places), again(places, *rest)))
    z = (3 * RNG.normal(size=200_000)).astype(np.float32)
    y = (1 / (1 + np.exp(-z.astype(float)))).astype(np.float32)
    y[::2] = (y[::2] + 0.5) % 1
    chainrule.set_threads(1)
    plain, compiled = both(lambda: sigmoid_binary_cross_entropy.grad(z, y))
    assert (np.abs(plain - compiled) <= np.spacing(np.abs(plain))).all()
    assert seen[0].size > 50_000 and (seen[0] % 2 == 1).all()


def test_few_elements_are_not_worth_a_loop():
    chainrule.set_compiled(True)
    program = Program(PROGRAMS["logistic"], 2)
    for size, compiled in ((programs.FEW, False), (programs.FEW + 1, True)):
        program.run(tuple(RNG.normal(size=(2, size))), np.empty(size))
        assert ("loops" in vars(program)) is compiled


TWICE = {
    "sum": lambda x, y: x + y,
    "whole sum": lambda x, y: x.plus(y),
    "difference": lambda x, y: 3.0 - x,
    "product": lambda x, y: x * y,
    "quotient": lambda x, y: 1 / x - x / y,
    "exponential": lambda x, y: x.exp(),
    "root": lambda x, y: (x * x).sqrt(),
}


def in_twice(kind, formula):
    high = numbers(2000, 2)
    high[:, ::3] *= 100.0
    with np.errstate(all="ignore"):
        found = formula(*(kind(*parts) for parts in zip(high, 1e-17 * high[:, ::-1], strict=True)))
    return np.concatenate([found.high, found.low])


@pytest.mark.parametrize("name", TWICE)
def test_twice_the_digits_are_the_same_compiled(name):
    from chainrule.runtime.loops.twice import Twice

    state = RNG.bit_generator.state
    plain = in_twice(twice.Twice, TWICE[name])
    RNG.bit_generator.state = state
    assert same(plain, in_twice(Twice, TWICE[name]))


def test_logarithms_in_twice_the_digits():
    from chainrule.runtime.loops.twice import Twice

    x = 10.0 ** RNG.uniform(-30, 30, 200)
    found = Twice(x).ln()
    with M.workprec(200):
        off = [
            abs((M.mpf(h) + M.mpf(low)) / M.log(p) - 1)
            for h, low, p in zip(*map(np.ndarray.tolist, (found.high, found.low, x)), strict=True)
        ]
    assert max(off) < 2.0**-97


def test_what_an_exponent_lacks_is_the_same():
    x, y = numbers(SIZE, 2)
    with np.errstate(all="ignore"):
        found = 0.1 * x - y * y
    plain, compiled = both(
        lambda: exponents.remainder(found, lambda two_parts, x, y: two_parts(0.1, 1e-18) * x - y * y, x, y)
    )
    assert same(plain, compiled) and np.count_nonzero(plain) > SIZE / 2


def test_a_function_that_is_refined_gives_the_same_to_a_few_roundings():
    z, y = 3 * RNG.normal(size=70_000), RNG.random(70_000)
    z[:15] = SPECIAL
    for call in (sigmoid_squared_error, sigmoid_squared_error.grad, sigmoid_squared_error.second):
        plain, compiled = both(lambda call=call: call(z, y))
        finite = np.isfinite(plain)
        assert np.array_equal(plain[~finite], compiled[~finite], equal_nan=True)
        off = np.abs(plain - compiled)[finite] / np.spacing(np.abs(plain[finite]))
        assert off.max() <= 5


NEAR_ROOTS = {
    "logistic": (FORMULAS["logistic"], lambda x: 1 / (1 + np.exp(-x))),
    "roots": (FORMULAS["roots"], lambda x: np.exp(-x / 2) / 3),
    "slope": (
        lambda x, y: (p := 1 / (1 + x.exp())) * (p - y) / (1 + 1 / x.exp()),
        lambda x: 1 / (1 + np.exp(x)),
    ),
    "hypotenuse": (lambda x, y: y - (x * x + 1).sqrt(), lambda x: np.hypot(x, 1)),
    "ratio": (lambda x, y: x * 3 / (x.exp() + 2) + -(y * x.exp()) / 7, lambda x: 21 * x / (2 + np.exp(x)) / np.exp(x)),
    "one sign": (lambda x, y: (-x.exp() - 3) * x + y * 4, lambda x: x * (np.exp(x) + 3) / 4),
}
"""Formulas, and the y at which a sum cancels."""


@pytest.mark.parametrize("name", NEAR_ROOTS)
def test_pairs_of_loops_have_as_many_digits(name):
    formula, root = NEAR_ROOTS[name]
    lines = (
        extended.refined(formula, 2)
        .format("x[n]", "y[n]", r="v")
        .replace("KIND", "float")
        .replace("ONE", "1.0")
        .split("\n")
    )
    body = "\n        ".join([*lines, "out[n] = nan if v_lost < 0 else v"])
    head = LOOP.format(arrays="x, y, out", first="x", lines=body, tables=f"{texts.FMA}\n{tables(body)}")
    x, out = 2 * RNG.normal(size=500), np.empty(500)
    y = root(x) * (1 + RNG.choice([-1, 1], 500) * 2.0 ** -RNG.uniform(1, 14, 500))
    compiled_text(head.replace("for i in", "for n in"))(x, y, out)
    with localcontext(Context(prec=60)):
        exact = [formula(*map(Decimal, each)) for each in zip(x.tolist(), y.tolist(), strict=True)]
        off = [abs(Decimal(c) / e - 1) for c, e in zip(out.tolist(), exact, strict=True) if math.isfinite(c)]
    assert len(off) > 450 and max(off) < 3 * 2.0**-53


def test_a_loop_has_only_the_steps_that_it_needs():
    """Each of the values is read, and what is divided by 1 + 1/e needs no reciprocal of e."""
    text = extended.refined(NEAR_ROOTS["slope"][0], 2)
    found = re.findall(r"^({r}_\d+) = ", text, re.MULTILINE)
    assert all(len(re.findall(rf"{each}\b", text)) > 1 for each in found)
    assert set(re.findall(r"(\S+) / ", text)) == {"1.0"} and text.count(" / ") == 2


LATER = """
import numpy as np
from chainrule.runtime.loops.compiler import compiled_text
loop = compiled_text("def loop(x, out):\\n    for i in range(x.size):\\n        out[i] = x[i] + 0.5\\n")
loop(np.ones(3), np.empty(3))
print(sum(loop.stats.cache_hits.values()))
"""


def test_a_later_process_finds_what_was_compiled(tmp_path):
    where = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    run = [subprocess.run([sys.executable, "-c", LATER], env=where, capture_output=True, text=True) for _ in range(2)]
    assert [each.stdout for each in run] == ["0\n", "1\n"], run[-1].stderr
