"""Choices as arithmetic, and limits: the same numbers as where they are chosen, at every kind of float."""

import math

import numpy as np
import pytest

from chainrule.codegen.blocks import Program, kernel
from chainrule.codegen.choices import arithmetic, limited
from chainrule.runtime.limits import at_least, at_most, clipped

KINDS = np.array(
    [0.0, -0.0, 5e-324, -5e-324, 1e-30, 0.3, -0.3, 1.0, -1.0, 7.5, -7.5, 1e300, -1e300, np.inf, -np.inf, np.nan]
)
X, Y = (each.reshape(-1) for each in np.meshgrid(KINDS, KINDS))
NARROW = np.clip(np.nan_to_num(Y), -1.0, 1.0)


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("return np.where(x * y < 1.0, -y, 0.0)", "return -y * np.where(x * y < 1.0, 1.0, 0.0)"),
        ("return np.where(x > 0.0, y, 0.0) + x", "return y * np.where(x > 0.0, 1.0, 0.0) + x"),
        ("t = np.where(x > 0.0, y, 1.0)", None),  # no zero
        ("t = np.where(x > 0.0, x, 0.0)", None),  # x may be infinite
        ("t = np.where(x > 0.0, y * y, 0.0)", None),
    ],
)
def test_a_choice_between_a_finite_number_and_zero_is_a_product(line, changed):
    (found,) = arithmetic([line], frozenset("y"))
    assert found == (changed or line)
    if changed:
        with np.errstate(all="ignore"):
            space = {"np": np, "x": X, "y": NARROW}
            before, after = (eval(each.removeprefix("return "), space) for each in (line, found))
        np.testing.assert_array_equal(after, before)


def test_maxima_with_numbers_and_parameters_are_limits():
    program = Program(inputs=("x", "p"))
    program.add(["a = np.maximum(0.0, x)", "b = np.minimum(a, p)", "return np.maximum(b, x) + np.minimum(x, -2.0)"])
    lines = [line.partition("  #")[0] for line in limited(kernel(program, ("out",)), ("p",)).lines]
    assert [line.partition("(")[0] for line in lines] == ["at_least", "at_most", "np.maximum", "at_most", "np.add"]
    assert "at_least(x, 0.0" in lines[0]
    assert ", p, " in lines[1]
    assert "at_most(x, -2.0" in lines[3]


@pytest.mark.parametrize("limit", [0.0, 2.0, 1e300, math.inf])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("size", [16, 4096])
def test_limits_are_those_of_maximum_and_minimum(limit, kind, size):
    with np.errstate(over="ignore"):
        x = np.resize(KINDS, size).astype(kind)
        same = np.full(size, limit, kind)
    limit = float(same[0])
    for found, wanted in (
        (at_least(x, limit), np.maximum(x, same)),
        (at_most(x, -limit), np.minimum(x, -same)),
        (clipped(x, limit), np.maximum(np.minimum(x, same), -same)),
    ):
        assert found.dtype == kind
        np.testing.assert_array_equal(found, wanted)
    for function, number in ((at_least, limit), (at_most, limit), (clipped, limit)):
        out = x.copy()
        assert function(out, same, out=out) is out
        np.testing.assert_array_equal(out, function(x, number))


@pytest.mark.parametrize(("word", "flagged"), [("defined", True), ("known", False)])
def test_what_stands_for_nan_is_left_out_only_where_a_flag_tells_of_it(word, flagged):
    """0/0 raises the flag on which the guarded twin runs; a formula in more digits that overflows does not."""
    for plain in (True, False):
        program = Program(inputs=("x", "y"))
        program.add(["a = x + y", f"return {word}(a, y)"], plain=plain)
        text = "\n".join(kernel(program, ("out",)).lines)
        assert ("np.isnan" in text) == (not (flagged and plain)), text
