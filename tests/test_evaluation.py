"""Values of expressions to any number of bits: what is worked out once, what is exact, and what the errors that steps are given leave alone."""

import pytest
import sympy as sp

from chainrule.codegen import evaluation
from chainrule.codegen.evaluation import CONTEXT, evaluate, holds
from chainrule.codegen.vocabulary import Undefined
from chainrule.errors import UnsupportedExpression

x, y = sp.symbols("x y")
f = sp.Function("f")


@pytest.mark.parametrize("bits", [150, 400])
def test_a_value_is_right_to_its_bits(bits):
    CONTEXT.prec = bits + 50
    wanted = CONTEXT.exp(CONTEXT.mpf(2)) / 3 + CONTEXT.sqrt(CONTEXT.mpf("0.5"))
    assert abs(evaluate(sp.exp(x) / 3 + sp.sqrt(y), (x, y), (2.0, 0.5), bits) / wanted - 1) < 2.0 ** (3 - bits)


def test_every_step_that_is_not_exact_is_made_a_little_wrong():
    for expr, is_exact in ((sp.exp(x), False), (1 / (1 + x), False), (x**2 + 3 * x, True), (sp.Abs(x), True)):
        right, more, less = (evaluate(expr, (x,), (0.75,), 100, off) for off in (0, 1, -1))
        assert (right == more) is (right == less) is is_exact
        assert is_exact or (more > right) is (less < right)
        assert max(abs(more / right - 1), abs(less / right - 1)) < 2.0**-90


def test_conditions_are_decided_without_the_errors():
    for condition in (sp.exp(x) >= 1, sp.exp(x) <= 1):
        assert round(evaluate(sp.Piecewise((3, condition), (4, True)), (x,), (0.0,), 100, off=1)) == 3
        assert holds(condition, (x,), (0.0,), 100)
        assert not holds(sp.Not(condition), (x,), (0.0,), 100)


def test_a_part_that_occurs_twice_is_worked_out_once(monkeypatch):
    count = []
    word = evaluation.BY_FUNCTION[sp.sin]
    counted = type(word)(**{**vars(word), "value": lambda m, a: count.append(a) or m.sin(a)})
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
    for bits in (60, 500, 60):
        found = evaluate(x / 3, (x,), (1.0,), bits)
        CONTEXT.prec = 600
        error = abs(found * 3 - 1)
        assert 2.0 ** (-bits - 4) < error < 2.0 ** (1 - bits)


def test_what_has_no_row_is_refused_where_it_is_reached():
    expr = sp.Piecewise((x, x > 0), (f(x), True))
    assert evaluate(expr, (x,), (1.0,), 100) == 1
    with pytest.raises(UnsupportedExpression, match="has no row"):
        evaluate(expr, (x,), (-1.0,), 100)
