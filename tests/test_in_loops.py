"""Which stable forms are right in float32 where elementary functions are: the worst that rounding does to them is no less than what it does."""

import numpy as np
import pytest
import sympy as sp

from chainrule.calculus.derive import derive_all
from chainrule.catalogue import load
from chainrule.codegen import in_loops
from chainrule.codegen.blocks import Program
from chainrule.codegen.in_loops import is_right_in_loops
from chainrule.codegen.narrow import closely, values_at
from chainrule.codegen.numpy_source import load as made_from
from chainrule.codegen.path_checks import check_paths
from chainrule.codegen.specs import spec_of
from chainrule.codegen.stable import problem, runnable, stabilise
from chainrule.functions import log_cosh

X, Y = sp.symbols("x y", real=True)
NAMES = {X: "x", Y: "y"}
SCALES = (1e-30, 1e-9, 1e-3, 0.3, 1.0, 7.0, 40.0, 1e10)
POINTS = tuple((x, y) for x in SCALES for y in (0.3, 2.0))
POSITIVE = ((0.0, float("inf")),) * 2


def stable(expr):
    return stabilise(problem(expr, (X, Y), POINTS, POSITIVE), NAMES)


@pytest.mark.parametrize(
    ("expr", "right"),
    [
        (sp.log(1 + X) * Y, True),
        (X / (X + Y), True),
        (sp.exp(-X * Y), False),  # with what rounding took from the product, which no loop computes
        (X - Y, True),
        (X**2 - Y**2 * X, False),  # a sum that cancels
        (-Y * sp.Heaviside(1 - X * Y), False),  # 1 may be reached by rounding
        (sp.atan(X), False),  # no function of loops
        (sp.Integer(2), False),
    ],
)
def test_a_form_is_right_where_rounding_is_not_magnified(expr, right):
    assert is_right_in_loops(stable(expr), NAMES) == right


@pytest.mark.parametrize("expr", [sp.log(1 + X) * Y, X / (X + Y), sp.exp(-X) * Y, sp.tanh(X) * Y])
def test_no_point_is_off_by_more_than_the_worst(expr):
    found = stable(expr)
    points = np.concatenate([closely(found, NAMES), in_loops._spread(found)])
    wanted = values_at(points, runnable(found.body, ("x", "y")))
    got = values_at(points, runnable(found.body, ("x", "y"), in_loops.NUMPY), np.float32)
    program = Program(inputs=("x", "y"))
    program.add(found.body.lines)
    with np.errstate(all="ignore"):
        off = np.abs(got - wanted) / in_loops._unit(wanted)
        ordinary = (np.abs(wanted) < 1e30) & (np.abs(wanted) > 1e-30) & (points < 1e15).all(axis=1)
    worst = in_loops._worst(program, points, wanted)
    assert ordinary.sum() > 5000
    assert (off <= worst * (1 + 1e-6) + 1e-6)[ordinary].all()


@pytest.mark.parametrize("line", ["x + y", "x - y", "x * y", "1.0 - x", "0.5 * x", "x * (1.0 - y)"])
def test_what_counts_as_exact_is_not_rounded(line):
    program = Program(inputs=("x", "y"))
    program.add([f"return {line}"])
    rng = np.random.default_rng(3)
    x = (
        rng.choice([-1, 1], 20_000)
        * 2.0 ** rng.choice([*range(-9, 9), -149, -126, 90], 20_000)
        * rng.integers(1, 9, 20_000)
    ).astype("f4")
    y = np.where(rng.random(20_000) < 0.5, x * rng.uniform(0.3, 3, 20_000), rng.normal(size=20_000)).astype("f4")
    points = np.column_stack([x, y]).astype(float)
    with np.errstate(all="ignore"):
        exact = in_loops._is_exact(program, len(program.operations) - 1, in_loops._values(program, points, []), points)
        operands = {"x": x.astype(float), "y": y.astype(float)}
        if line.endswith(")"):
            operands["y"] = 1 - (1 - y).astype(float)
        wide = eval(line, {}, operands)
        rounded = (wide.astype(np.float32).astype(float) == wide) | (np.abs(wide) > 3e38)
    assert exact.sum() > 500
    assert rounded[exact].all()


def test_where_a_rounded_sum_cancels_the_worst_is_large():
    program = Program(inputs=("x", "y"))
    program.add(["return x + y + 1.0"])
    points = np.array([[0.1, -1.1], [1.5, 2.0], [1e10, 3.0]], np.float32).astype(float)
    worst = in_loops._worst(program, points, points.sum(axis=1) + 1)
    assert worst[0] > 1000 and worst[1] <= 1 and 0.5 <= worst[2] <= 1


@pytest.mark.parametrize(("limit", "right"), [("1.0", True), ("0.001", False)])
def test_a_block_that_is_not_right_in_float32_is_caught(limit, right):
    """Two terms of log(cosh(u)) cancel for a small u, which float64 can afford."""
    definition = load("log_cosh")
    text = log_cosh.source.replace("np.less(s1, 1.0, out=m1)", f"np.less(s1, {limit}, out=m1)")
    rows = check_paths(made_from(text, "log_cosh"), spec_of(definition, derive_all(definition)))
    (row, _) = (row for row in rows if row.name.endswith("the code of loops in float32"))
    assert row.passed == right
