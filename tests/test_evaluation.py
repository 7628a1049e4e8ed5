"""Values of expressions to any number of bits: what is worked out once, what is exact, and what is not told."""

import pytest
import sympy as sp
from flint import arb, ctx

from chainrule.balls import Undecided, Undefined, nearest, scaled_erfc
from chainrule.codegen import evaluation
from chainrule.codegen.evaluation import CONTEXT, ENOUGH, evaluate, holds, number
from chainrule.codegen.vocabulary import defined
from chainrule.errors import UnsupportedExpression

x, y = sp.symbols("x y")
f = sp.Function("f")


@pytest.mark.parametrize("bits", [150, 400])
def test_a_value_is_right_to_its_bits(bits):
    CONTEXT.prec = bits + 50
    wanted = CONTEXT.exp(CONTEXT.mpf(2)) / 3 + CONTEXT.sqrt(CONTEXT.mpf("0.5"))
    assert abs(evaluate(sp.exp(x) / 3 + sp.sqrt(y), (x, y), (2.0, 0.5), bits) / wanted - 1) < 2.0 ** (3 - bits)


def test_what_is_certain_is_told_and_nothing_else():
    """1 + x² loses x² at few bits, exp(x) - 1 loses what is left of it."""
    small = 1e-60
    for expr in (sp.exp(x) - 1, sp.sqrt(1 + x**2) - 1, sp.exp(x) - 1 - sp.sin(x)):
        with pytest.raises(Undecided):
            evaluate(expr, (x,), (small,), 150)
        few, many = (evaluate(expr, (x,), (small,), bits) for bits in (600, 2000))
        CONTEXT.prec = 600
        assert abs(few / many - 1) < 2.0**-ENOUGH


def test_a_condition_is_told_where_it_is_certain():
    assert holds(sp.exp(x) >= 1, (x,), (0.0,), 100) and not holds(sp.exp(x) > 1, (x,), (0.0,), 100)
    assert holds(sp.Not(sp.exp(x) < 1), (x,), (0.0,), 100)
    with pytest.raises(Undecided):  # 1 if anything, which no number of digits tells
        holds(sp.exp(y) / sp.exp(x) >= 1, (x, y), (0.3, 0.3), 100)
    certain = sp.Or(x > 0, sp.exp(y) / sp.exp(x) >= 1)
    assert evaluate(sp.Piecewise((3, certain), (4, True)), (x, y), (0.3, 0.3), 100) == 3
    assert not holds(sp.And(x < 0, sp.exp(y) / sp.exp(x) >= 1), (x, y), (0.3, 0.3), 100)


def test_no_number_is_another_thing_than_none_that_can_be_told():
    first = defined(sp.exp(y) / (sp.exp(x) - sp.exp(y)), sp.Integer(7))
    assert evaluate(defined(1 / x, sp.Integer(7)), (x,), (0.0,), 100) == 7
    with pytest.raises(Undecided):
        evaluate(first, (x, y), (0.3, 0.3), 100)
    with pytest.raises(Undefined) as error:
        evaluate(sp.log(x), (x,), (0.0,), 100)
    assert not isinstance(error.value, Undecided)


def test_a_part_that_occurs_twice_is_worked_out_once(monkeypatch):
    count = []
    word = evaluation.BY_FUNCTION[sp.sin]
    counted = type(word)(**{**vars(word), "value": lambda u: count.append(u) or u.sin()})
    monkeypatch.setitem(evaluation.BY_FUNCTION, sp.sin, counted)
    evaluation._program.cache_clear()
    evaluate(sp.sin(x) + sp.exp(sp.sin(x)) * y, (x, y), (0.5, 2.0), 100)
    evaluation._program.cache_clear()
    assert len(count) == 1


def test_a_sum_of_exact_terms_keeps_the_smallest():
    expr = sp.Add(x, y, -x, evaluate=False)
    assert evaluate(expr, (x, y), (1e300, 1e-300), 100) == CONTEXT.mpf(1e-300)
    assert evaluate(x**2 - 2 * x + 1, (x,), (1 + 2.0**-52,), 100) == CONTEXT.mpf(2.0**-104)
    with pytest.raises(Undefined):
        evaluate(sp.exp(x) - sp.exp(y), (x, y), (1.0, 1.0), 100)


def test_a_number_is_made_anew_for_each_precision():
    for bits in (100, 500, 100):
        found = evaluate(x / 3, (x,), (1.0,), bits)
        CONTEXT.prec = 600
        error = abs(found * 3 - 1)
        assert 2.0 ** (-bits - 4) < error < 2.0 ** (1 - bits)


def test_what_has_no_row_is_refused_where_it_is_reached():
    expr = sp.Piecewise((x, x > 0), (f(x), True))
    assert evaluate(expr, (x,), (1.0,), 100) == 1
    with pytest.raises(UnsupportedExpression, match="has no row"):
        evaluate(expr, (x,), (-1.0,), 100)


def test_an_error_function_far_out_is_no_zero():
    """exp(x²) erfc(x) -> 1/(x sqrt(pi))."""
    for point in (1e4, 1e5, 1e20, 1e150):
        bits = 400 + 2 * max(0, int(sp.log(point, 2)))
        found = evaluate(sp.exp(x**2) * sp.erfc(x), (x,), (point,), bits)
        CONTEXT.prec = 300
        wanted = 1 / (CONTEXT.mpf(point) * CONTEXT.sqrt(CONTEXT.pi))
        assert abs(found / wanted - 1) < (0.51 / point**2 if point < 1e9 else 1e-18)


GROWING = [sp.exp(x**2 / 3), sp.cosh(x**2 / 3), sp.sinh(x**2 / 3), x**y, sp.exp(x**2 / 3) * sp.erfc(x / 2)]
DECAYING = [
    (sp.exp(-(x**2) / 3), 0),
    (sp.erfc(x / 3), 0),
    (sp.erfc(-x / 3), 2),
    (x * sp.exp(-(x**2) / 3), 0),
    (1 / (1 + sp.exp(-(x**2) / 3)), 1),
]


@pytest.mark.parametrize("expr", GROWING, ids=str)
def test_what_an_exponent_has_lost_is_not_made_a_number(expr):
    with pytest.raises(Undecided):
        evaluate(expr, (x, y), (1e20, 1e80), 200)


@pytest.mark.parametrize(("expr", "end"), DECAYING, ids=str)
def test_what_decays_is_at_its_end_where_its_exponent_has_lost_its_digits(expr, end):
    assert evaluate(expr, (x,), (1e100,), 200) == end


def test_an_error_function_of_a_number_of_many_digits():
    """Its square has more than there are bits."""
    CONTEXT.prec = 900
    point = CONTEXT.mpf(10) ** 20 + CONTEXT.mpf(1) / 3
    wanted = CONTEXT.exp(-point * point) / (point * CONTEXT.sqrt(CONTEXT.pi)) * (1 - 1 / (2 * point**2))
    found = evaluate(sp.erfc(x), (x,), (point,), 500)
    CONTEXT.prec = 900
    assert abs(found / wanted - 1) < 1e-78


@pytest.mark.parametrize("point", [0.0, 0.5, 3.9, 4.5, 30.0])
def test_a_scaled_error_function_is_the_product(point):
    ctx.prec = CONTEXT.prec = 3000
    wanted = CONTEXT.exp(CONTEXT.mpf(point) ** 2) * CONTEXT.erfc(point)
    ctx.prec = 200
    assert abs(number(scaled_erfc(arb(point))) / wanted - 1) < 1e-50


def test_the_nearest_whole_number_is_even_of_two():
    ctx.prec = 100
    assert [int(nearest(arb(u))) for u in (-1.5, -0.5, 0.5, 0.6, 1.5, 2.5, 1e20)] == [-2, 0, 0, 1, 2, 2, 10**20]
    with pytest.raises(Undecided):
        nearest(arb(0.5, 0.1))
