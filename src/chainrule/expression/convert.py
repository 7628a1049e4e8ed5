"""From SymPy into the tree, in the order an author would write, and back.

SymPy reorders terms and distributes numbers when it builds an expression; ``from_sympy`` undoes what it can: numbers and
positive terms first, a common fraction taken out of a sum, √n/n read as 1/√n. To admit another elementary function, add
a row to ``FUNCTIONS``.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.alphabets import greeks
from sympy.core.function import AppliedUndef

from ..errors import UnsupportedExpression
from ..notation import argmax, maximum
from . import tree as t
from .matrices import scalar_of
from .scope import Scope

FUNCTIONS: dict[Any, str] = {
    sympy.exp: "exp",
    sympy.log: "log",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.cot: "cot",
    sympy.sec: "sec",
    sympy.csc: "csc",
    sympy.asin: "asin",
    sympy.acos: "acos",
    sympy.atan: "atan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.tanh: "tanh",
    sympy.coth: "coth",
    sympy.sech: "sech",
    sympy.csch: "csch",
    sympy.asinh: "asinh",
    sympy.acosh: "acosh",
    sympy.atanh: "atanh",
    sympy.erf: "erf",
    sympy.erfc: "erfc",
    sympy.Abs: "abs",
    sympy.sign: "sign",
    sympy.Max: "max",
    sympy.Min: "min",
    sympy.Heaviside: "heaviside",
    sympy.gamma: "gamma",
    sympy.loggamma: "loggamma",
    sympy.digamma: "digamma",
}
BY_NAME: dict[str, Any] = {name: function for function, name in FUNCTIONS.items()}

CONSTANTS: dict[Any, t.Node] = {
    sympy.pi: t.Constant("pi"),
    sympy.E: t.Constant("e"),
    sympy.oo: t.Constant("oo"),
    sympy.zoo: t.Constant("oo"),
    -sympy.oo: t.Neg(t.Constant("oo")),
    sympy.S.Half: t.Frac(t.ONE, t.Number(Fraction(2))),
}

OPERATORS: dict[Any, str] = {
    sympy.StrictGreaterThan: ">",
    sympy.GreaterThan: ">=",
    sympy.StrictLessThan: "<",
    sympy.LessThan: "<=",
    sympy.Equality: "=",
    sympy.Unequality: "!=",
}


def from_sympy(expression: Any) -> t.Node:
    """The tree of a SymPy expression.

    Raises UnsupportedExpression, naming the sub-expression, where a part has no counterpart in the tree."""
    e = expression if isinstance(expression, sympy.Basic) else sympy.sympify(expression)
    if e in CONSTANTS:
        return CONSTANTS[e]
    from_matrices = scalar_of(e)
    if from_matrices is not None:
        return from_matrices
    for kind, convert in _CONVERSIONS:
        if isinstance(e, kind):
            return convert(e)
    raise UnsupportedExpression(
        f"cannot read `{e}` ({type(e).__name__}): no such node in the tree; "
        "elementary functions are rows of FUNCTIONS in expression/convert.py"
    )


def _rational(e: Any) -> t.Node:
    value = Fraction(int(e.p), int(e.q))
    if value.denominator == 1:
        return t.number(value)
    fraction = t.Frac(t.Number(Fraction(abs(value.numerator))), t.Number(Fraction(value.denominator)))
    return fraction if value > 0 else t.Neg(fraction)


def _float(e: Any) -> t.Node:
    value = Fraction(str(sympy.Float(e, 15))) if e.is_finite else None
    if value is None:
        raise UnsupportedExpression(f"{e} is no number: formulas hold finite real numbers")
    return _rational(sympy.Rational(value.numerator, value.denominator))


def _symbol(e: Any) -> t.Node:
    if e.is_real is False or e.is_extended_real is False or not e.is_commutative:
        raise UnsupportedExpression(f"{e} is declared as no real number: write it as scalar('{e}')")
    return t.Dimension(e.name) if e.is_integer and e.is_positive else t.Symbol(e.name)


def _add(e: Any) -> t.Node:
    content, primitive = e.primitive()
    if content.q > 1 and primitive.is_Add and all(abs(x.as_coeff_Mul()[0]) == 1 for x in primitive.args):
        factor = t.Frac(t.ONE, t.Number(Fraction(int(content.q))))
        lead = [] if content.p == 1 else [t.Number(Fraction(int(content.p)))]
        return t.Mul((factor, *lead, _add(primitive)))
    return t.Add(tuple(from_sympy(term) for term in sorted(e.args, key=_term_key)))


def _negative(e: Any) -> bool:
    """Whether a term is written with a minus sign: by its coefficient, not by SymPy's canonical sign of its factors."""
    coefficient = e.as_coeff_Mul()[0]
    return bool(coefficient.is_number and coefficient.is_extended_negative)


def _term_key(e: Any) -> tuple[Any, ...]:
    """Positive before negative, a number first (a subtracted one last), a term with functions before a bare parameter, one with a matrix
    before one of vectors, and a product before a bare component: Wx + b. Of two symbols a Greek one is last: v + ε."""
    functions = bool(e.atoms(sympy.Function, sympy.Indexed, sympy.Sum, AppliedUndef))
    negative = _negative(e)
    last = e.is_Number if negative else not e.is_Number
    greek = e.is_Symbol and e.name.lower() in greeks
    return (negative, last, not functions, -_rank(e), isinstance(e, sympy.Indexed), e.count_ops(), greek, _stable(e))


def _rank(e: Any) -> int:
    """The largest number of indices of a component in an expression."""
    return max((len(c.indices) for c in e.atoms(sympy.Indexed)), default=0)


def _factor_key(e: Any) -> tuple[Any, ...]:
    """Numbers, then symbols and their powers, components (of matrices first) and deltas, sums of these, then functions, then sums with
    functions."""
    base = e.as_base_exp()[0] if e.is_Pow else e
    applied = bool(base.atoms(sympy.Function, sympy.Sum))
    rank: float = (
        0 if e.is_number else 1 if base.is_Symbol else 4 if base.is_Add and applied else 3 if base.is_Add else 2
    )
    rank = 3.5 if rank == 2 and applied else rank
    indices = tuple(str(i) for i in e.indices) if isinstance(e, sympy.Indexed) else ()
    return (rank, -_rank(e) if rank == 2 else 0, e.count_ops() if rank in (2, 3.5) else 0, indices, _stable(e))


@lru_cache(maxsize=4096)
def _stable(e: Any) -> str:
    return sympy.srepr(e) if e.count_ops() < 12 else str(e)


def _mul(e: Any) -> t.Node:
    if _negative(e):
        return t.Neg(from_sympy(-e))
    coefficient, rest = e.as_coeff_Mul()
    above: list[Any] = []
    below: list[Any] = []
    roots_above = 1
    roots_below = 1
    p, q = (int(coefficient.p), int(coefficient.q)) if coefficient.is_Rational else (1, 1)
    if not coefficient.is_Rational:
        above.append(coefficient)
    for factor in sympy.Mul.make_args(rest):
        base, exponent = factor.as_base_exp()
        if exponent == sympy.S.Half and base.is_Integer and base > 0:
            roots_above *= int(base)
        elif exponent == -sympy.S.Half and base.is_number:
            roots_below = roots_below * base
        elif exponent.is_number and exponent.is_negative and not isinstance(factor, sympy.exp):
            below.append(base**-exponent)
        else:
            above.append(factor)
    if roots_above > 1 and q % roots_above == 0:  # √n/n is 1/√n
        q //= roots_above
        roots_below = roots_below * roots_above
        roots_above = 1
    top = [from_sympy(f) for f in sorted(above, key=_factor_key)]
    if roots_above > 1:
        top.insert(0, t.Call("sqrt", (t.Number(Fraction(roots_above)),)))
    bottom = [from_sympy(f) for f in sorted(below, key=_factor_key)]
    if roots_below != 1:
        bottom.insert(0, t.Call("sqrt", (from_sympy(sympy.sympify(roots_below)),)))
    if p != 1:
        top.insert(0, t.Number(Fraction(p)))
    if q != 1 and not bottom and top and not _plain(top):
        return t.mul(t.Frac(t.Number(Fraction(p)), t.Number(Fraction(q))), *top[(p != 1) :])
    if q != 1:
        bottom.insert(0, t.Number(Fraction(q)))
    return t.Frac(t.mul(*top), t.mul(*bottom)) if bottom else t.mul(*top)


def _plain(factors: list[t.Node]) -> bool:
    """Whether a product reads well above a fraction bar with a number below: x/2, x²/2, but ½(a - b)²."""
    return all(
        isinstance(f, t.Number | t.Symbol | t.Component | t.Constant)
        or (isinstance(f, t.Power) and isinstance(f.base, t.Symbol))
        for f in factors
    )


def _pow(e: Any) -> t.Node:
    base, exponent = e.base, e.exp
    if exponent == sympy.S.Half:
        return t.Call("sqrt", (from_sympy(base),))
    if exponent.is_number and exponent.is_negative:
        return t.Frac(t.ONE, from_sympy(base**-exponent))
    if base is sympy.E:
        return t.Call("exp", (from_sympy(exponent),))
    return t.Power(from_sympy(base), from_sympy(exponent))


def _exp(e: Any) -> t.Node:
    return t.Call("exp", (from_sympy(e.args[0]),))


def _function(e: Any) -> t.Node:
    if (
        isinstance(e, sympy.log)
        and isinstance(e.args[0], sympy.Determinant)
        and isinstance(e.args[0].arg, sympy.MatrixSymbol)
    ):
        return t.Call("logdet", (t.Matrix(e.args[0].arg.name),))
    if isinstance(e, sympy.Heaviside):
        return t.Call("heaviside", (from_sympy(e.args[0]),))
    if isinstance(e, sympy.log) and len(e.args) == 2:
        return t.Frac(t.Call("log", (from_sympy(e.args[0]),)), t.Call("log", (from_sympy(e.args[1]),)))
    if isinstance(e, sympy.polygamma) and e.args[0] == 0:
        return t.Call("digamma", (from_sympy(e.args[1]),))
    for kind, name in FUNCTIONS.items():
        if isinstance(e, kind):
            return t.Call(name, tuple(from_sympy(a) for a in e.args))
    raise UnsupportedExpression(
        f"cannot read the function `{e.func.__name__}` in `{e}`: add a row to FUNCTIONS in expression/convert.py "
        "and its derivative to ELEMENTARY in calculus/elementary.py"
    )


def _applied(e: Any) -> t.Node:
    return t.Call(e.func.__name__, tuple(from_sympy(a) for a in e.args))


def _indexed(e: Any) -> t.Node:
    return t.Component(str(e.base.label), tuple(_index_name(i) for i in e.indices))


def _index_name(i: Any) -> str:
    if isinstance(i, sympy.Idx):
        return str(i.label)
    if isinstance(i, sympy.Symbol):
        return str(i.name)
    if isinstance(i, argmax):
        raise UnsupportedExpression(f"`{i}` cannot be an index: write y[{i}] as Sum(KroneckerDelta(k, {i})*y[k], k)")
    raise UnsupportedExpression(f"the index `{i}` is not a name: write components as z[i] with index('i', K)")


def _over(kind: type[t.Binder]) -> Callable[[Any], t.Node]:
    """What binds one index, or several, the first innermost."""

    def convert(e: Any) -> t.Node:
        body = from_sympy(e.function)
        for limits in e.limits:
            name, upper = limits[0], limits[-1]
            size = next(iter(sympy.sympify(upper).free_symbols), None)
            if (
                size is None
                or len(limits) != 3
                or limits[1] not in (0, 1)
                or sympy.expand(upper - limits[1] + 1 - size) != 0
            ):
                raise UnsupportedExpression(f"`{e}` does not run through a whole dimension: use index('k', K)")
            body = kind(body, _index_name(name), size.name)
        return body

    return convert


def _maximum(e: Any) -> t.Node:
    found = _over(t.MaxOver)(e)
    for _, part in t.walk(found):
        if isinstance(part, t.MaxOver) and part.index not in t.free_indices(part.body):
            raise UnsupportedExpression(f"`{e}`: {part.index} is not in it, so there is nothing to choose between")
    return found


def _argmax(e: Any) -> t.Node:
    raise UnsupportedExpression(
        f"`{e}` is a place and no number: use it in KroneckerDelta(k, {e}), 1 at that place and 0 elsewhere"
    )


def _is_place(e: Any) -> bool:
    """Whether an equation or a delta says that an index stands at the place of the largest."""
    return len(e.args) == 2 and any(isinstance(a, argmax) for a in e.args)


def _at_place(e: Any, operator: str = "=") -> t.Node:
    place, other = sorted(e.args, key=lambda a: not isinstance(a, argmax))
    if len(place.limits) > 1:
        raise UnsupportedExpression(f"`{place}` binds several indices: a place has one")
    found = _maximum(maximum(*place.args))
    assert isinstance(found, t.MaxOver)
    if isinstance(other, sympy.Idx) and str(other.upper + 1) != found.dimension:
        raise UnsupportedExpression(
            f"`{e}`: {other} runs through {other.upper + 1}, the place through {found.dimension}"
        )
    return t.Compare(operator, t.Index(_index_name(other)), t.ArgMax(found.body, found.index, found.dimension))


def _delta(e: Any) -> t.Node:
    if _is_place(e):
        return t.Indicator(_at_place(e))
    return t.Delta(_index_name(e.args[0]), _index_name(e.args[1]))


def _piecewise(e: Any) -> t.Node:
    branches = [t.Branch(from_sympy(value), condition(when)) for value, when in e.args]
    return t.Cases(tuple(branches))


def condition(e: Any) -> t.Node:
    """The tree of a SymPy condition."""
    if e is sympy.true or e is True:
        return t.Otherwise()
    if isinstance(e, sympy.And):
        return t.And(tuple(condition(a) for a in sorted(e.args, key=str)))
    for kind, operator in OPERATORS.items():
        if isinstance(e, kind) and operator in ("=", "!=") and _is_place(e):
            return _at_place(e, operator)
        if isinstance(e, kind):
            return t.Compare(operator, from_sympy(e.lhs), from_sympy(e.rhs))
    raise UnsupportedExpression(f"cannot read the condition `{e}`: write it with < <= > >= and &")


_CONVERSIONS: tuple[tuple[Any, Callable[[Any], t.Node]], ...] = (
    (sympy.Idx, lambda e: t.Symbol(str(e.label))),
    (sympy.Rational, _rational),
    (sympy.Float, _float),
    (sympy.Indexed, _indexed),
    (sympy.KroneckerDelta, _delta),
    (sympy.Sum, _over(t.Sum)),
    (maximum, _maximum),
    (argmax, _argmax),
    (sympy.Symbol, _symbol),
    (sympy.Add, _add),
    (sympy.Mul, _mul),
    (sympy.exp, _exp),
    (sympy.Pow, _pow),
    (sympy.Piecewise, _piecewise),
    (AppliedUndef, _applied),
    ((sympy.Function, sympy.Max, sympy.Min), _function),
)


def to_sympy(
    node: t.Node, scope: Scope | None = None, *, expand: bool = False, symbols: Mapping[str, Any] | None = None
) -> Any:
    """The SymPy expression of a tree.

    expand: write out every function, scalar and vector that ``scope`` names. symbols: SymPy symbols to use for names, when
    they are not the real ones of ``notation.scalar``. The last branch of a ``Cases`` becomes the one for everything else."""
    from ..notation import dimension, index, scalar, tensor

    known = dict(symbols or {})
    scope = scope or Scope()

    def go(n: t.Node) -> Any:
        match n:
            case t.Number(value):
                return sympy.Rational(value.numerator, value.denominator)
            case t.Decimal(value):
                return sympy.Float(value)
            case t.Constant(name):
                return {"pi": sympy.pi, "e": sympy.E, "oo": sympy.oo}[name]
            case t.Symbol(name):
                if expand and name in scope.scalars and name not in known:
                    return go(scope.scalars[name])
                return known.get(name, scalar(name))
            case t.Dimension(name):
                return dimension(name)
            case t.Component(base, indices):
                if expand and base in scope.vectors:
                    return go(scope.vectors[base].at(indices))
                sizes = tuple(dimension(name) for name in scope.shapes.get(base, ("K",) * len(indices)))
                return tensor(base, sizes)[tuple(index(i, size) for i, size in zip(indices, sizes, strict=True))]
            case t.Delta(left, right):
                return sympy.KroneckerDelta(
                    index(left, dimension(scope.indices.get(left, "K"))),
                    index(right, dimension(scope.indices.get(right, "K"))),
                )
            case t.Neg(argument):
                return -go(argument)
            case t.Add(terms):
                return sympy.Add(*(go(x) for x in terms))
            case t.Mul(factors):
                return sympy.Mul(*(go(x) for x in factors))
            case t.Frac(numerator, denominator):
                return go(numerator) / go(denominator)
            case t.Power(base, exponent):
                return go(base) ** go(exponent)
            case t.Matrix(name):
                sizes = tuple(dimension(size) for size in scope.shapes.get(name, ("n", "n")))
                return sympy.MatrixSymbol(name, *sizes)
            case t.Call("logdet" | "det" as function, (argument,)):
                determinant = sympy.Determinant(go(argument))
                return sympy.log(determinant) if function == "logdet" else determinant
            case t.Call("sqrt", (argument,)):
                return sympy.sqrt(go(argument))
            case t.Call(function, arguments, parameters):
                if function in scope.functions:
                    named_function = scope.functions[function]
                    if not expand:
                        return sympy.Function(function, real=True)(*(go(a) for a in (*arguments, *parameters)))
                    names = (*named_function.arguments, *named_function.parameters)
                    values = (*arguments, *parameters)
                    return go(
                        t.substitute(named_function.body, {t.Symbol(k): v for k, v in zip(names, values, strict=False)})
                    )
                if function not in BY_NAME:
                    return sympy.Function(function, real=True)(*(go(a) for a in (*arguments, *parameters)))
                return BY_NAME[function](*(go(a) for a in arguments))
            case t.Sum(body, name, size_name):
                return sympy.Sum(go(body), index(name, dimension(size_name)))
            case t.MaxOver(body, name, size_name):
                return maximum(go(body), index(name, dimension(size_name)))
            case t.ArgMax(body, name, size_name):
                return argmax(go(body), index(name, dimension(size_name)))
            case t.Index(name):
                return index(name, dimension(scope.indices.get(name, "K")))
            case t.Indicator(t.Compare("=", t.Index(name), t.ArgMax(_, _, size_name) as place)):
                return sympy.KroneckerDelta(index(name, dimension(size_name)), go(place))
            case t.Indicator(c):
                return sympy.Piecewise((1, to_condition(c)), (0, True))
            case t.Cases(branches):
                rows = [(go(b.value), to_condition(b.condition)) for b in branches]
                return sympy.Piecewise(*rows[:-1], (rows[-1][0], True))
            case t.Derivative(operand, variable, order):
                return sympy.Derivative(go(operand), (go(variable), order))
        raise UnsupportedExpression(f"a {type(n).__name__} has no SymPy counterpart")

    def to_condition(c: t.Node) -> Any:
        match c:
            case t.Otherwise():
                return sympy.true
            case t.And(conditions):
                return sympy.And(*(to_condition(x) for x in conditions))
            case t.Compare(operator, left, right):
                kind = next(k for k, name in OPERATORS.items() if name == operator)
                return kind(go(left), go(right))
        raise UnsupportedExpression(f"a {type(c).__name__} is not a condition")

    return to_condition(node) if isinstance(node, t.Compare | t.And | t.Otherwise) else go(node)
