"""Formulas that users bring: each is derived, and the result compared with a derivative that SymPy evaluates numerically, or clearly refused."""

import pytest
import sympy as sp

import chainrule
from chainrule.calculus.derive import derive
from chainrule.errors import ChainruleError, DefinitionError, UnsupportedExpression
from chainrule.expression.printing import text

x, a = sp.symbols("x a", real=True)

FORMULAS = {
    "x**x": x**x,
    "log cosh": sp.log(sp.cosh(x)),
    "five factors": x * sp.exp(x) * sp.sin(x) * sp.log(x) * (1 + x**2),
    "nested cases": sp.Piecewise((sp.Piecewise((x**2, x > 1), (x, True)), x > 0), (sp.sin(x), True)),
    "kink of a kink": sp.Abs(sp.Max(0, x - 1) - 2),
    "clipped": sp.Min(sp.Max(x, 0), 6),
    "squared hinge": sp.Max(0, 1 - x) ** 2,
    "softsign": x / (1 + sp.Abs(x)),
    "mish": x * sp.tanh(sp.log(1 + sp.exp(x))),
    "gaussian": sp.exp(-(x**2) / (2 * a**2)),
    "arctangent of a root": sp.atan(sp.sqrt(x)),
    "general exponential": 2**x * x**3,
    "arcsine over x": sp.asin(x) / x,
    "scaled logistic": 1 / (1 + sp.exp(-a * x)),
    "tower": sp.exp(sp.exp(x / 2)),
    "power of a function": sp.sin(x) ** sp.cos(x),
    "reciprocal cube": 1 / (1 + x**2) ** 3,
    "inverse hyperbolic": sp.asinh(x) + sp.atanh(x / 3),
}


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("order", [1, 2])
def test_a_formula_outside_the_catalogue_is_reached(name: str, order: int) -> None:
    formula = FORMULAS[name]
    found = derive(formula, wrt=x, order=order)
    for point in (0.3, 0.7, 1.6):
        if name == "arcsine over x" and point > 1:
            continue
        here = {x: sp.Float(point, 40), a: sp.Float("0.8", 40)}
        exact = difference_quotient(formula, here, order)
        assert abs(found.result.subs(here).evalf(30) - exact) < 1e-9 * (1 + abs(exact)), (name, point)


def difference_quotient(formula: sp.Expr, here: dict[sp.Symbol, sp.Float], order: int) -> sp.Expr:
    """A central difference of first or second order at 40 digits."""
    h = sp.Float("1e-12", 40)
    below, at, above = (formula.subs({**here, x: here[x] + d}).evalf(40) for d in (-h, 0, h))
    return (above - below) / (2 * h) if order == 1 else (above - 2 * at + below) / h**2


def test_the_result_uses_the_symbols_of_the_user() -> None:
    y = sp.Symbol("y")
    assert derive(y**3, wrt=y).result == 3 * y**2


def test_a_function_without_a_rule_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedExpression, match=r"zeta.*ELEMENTARY"):
        derive(x * sp.zeta(x), wrt=x)


def test_an_unknown_function_is_refused_and_never_zero() -> None:
    with pytest.raises(UnsupportedExpression, match=r"g\(x\).*row"):
        derive(sp.Function("g")(x), wrt=x)


def test_a_variable_that_is_not_there_is_refused() -> None:
    with pytest.raises(DefinitionError, match="does not contain"):
        derive(a**2, wrt=x)


def test_the_variable_has_to_be_said_where_there_are_several() -> None:
    with pytest.raises(DefinitionError, match="wrt="):
        derive(a * x)


def test_higher_orders_are_refused() -> None:
    with pytest.raises(DefinitionError, match="order"):
        derive(x**2, order=3)


def test_a_step_function_is_zero_with_a_reason() -> None:
    found = derive(sp.sign(x), wrt=x)
    assert found.result == 0
    assert "each side of the jump" in found.steps[-1].rule


def test_details_are_views_of_the_same_steps() -> None:
    from chainrule.calculus.views import lines

    found = derive(sp.log(1 + sp.exp(x)), wrt=x)
    brief, normal, full = (lines(found, level) for level in ("brief", "normal", "full"))
    assert len(brief) < len(normal) < len(full) == len(found.steps) + 1
    assert text(brief[-1].right) == text(normal[-1].right) == text(full[-1].right)
    with pytest.raises(ChainruleError, match="brief, normal, full"):
        lines(found, "verbose")


def test_the_front_door_gives_the_engine() -> None:
    assert chainrule.derive(x**2).result == 2 * x
