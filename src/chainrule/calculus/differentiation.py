"""The differentiation rules: one row each, tried in order on a pending derivative.

To add a rule, write a function ``(Derivative node, scope) -> node | None`` (None: does not apply) and a row in ``RULES``:
name as a textbook says it, statement, function, example. It is tested by itself: the example is compared numerically, and
a corrupted row must be caught by name. A function of one argument needs only a row in ``elementary.ELEMENTARY``.
"""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from ..errors import UnsupportedExpression
from ..expression import tree as t
from ..expression.convert import from_sympy
from ..expression.printing import text
from ..expression.scope import NamedFunction, NamedVector, Scope
from .dependence import depends, intermediates, matrix_of
from .derivation import Rule
from .elementary import ELEMENTARY, Elementary
from .tidy import tidy

X, U, V, C, N = (t.Symbol(name) for name in ("x", "u", "v", "c", "n"))
TWO = t.Number(Fraction(2))

Apply = Callable[[t.Derivative, Scope], t.Node | None]


def d(operand: t.Node, like: t.Derivative) -> t.Derivative:
    """The pending derivative of another operand with respect to the same variable."""
    return t.Derivative(operand, like.variable, 1, like.partial)


def chained(outer: t.Node, inner: t.Node, pending: t.Derivative) -> t.Node:
    """outer · d inner, the second factor left out where the inner function is the variable itself."""
    return outer if inner == pending.variable else t.Mul((outer, d(inner, pending)))


def _constant(n: t.Derivative, s: Scope) -> t.Node | None:
    return None if depends(n.operand, n.variable, s) else t.ZERO


def _identity(n: t.Derivative, s: Scope) -> t.Node | None:
    return t.ONE if n.operand == n.variable else None


def _component(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand, n.variable:
        case t.Component(base, rows), t.Component(other, columns) if base == other and len(rows) == len(columns):
            return t.mul(*(t.Delta(i, j) for i, j in zip(rows, columns, strict=True)))
    return None


def _sum(n: t.Derivative, s: Scope) -> t.Node | None:
    return t.Add(tuple(d(term, n) for term in n.operand.terms)) if isinstance(n.operand, t.Add) else None


def _index_sum(n: t.Derivative, s: Scope) -> t.Node | None:
    if not isinstance(n.operand, t.Sum):
        return None
    inner = n.operand
    if inner.index in t.free_indices(n.variable):
        index = t.fresh_index(t.free_indices(n.variable), t.free_indices(inner.body))
        inner = t.Sum(t.rename_index(inner.body, inner.index, index), index, inner.dimension)
    return t.Sum(d(inner.body, n), inner.index, inner.dimension)


def _constant_multiple(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Neg(argument):
            return t.Neg(d(argument, n))
        case t.Mul(factors):
            varying = [f for f in factors if depends(f, n.variable, s)]
            if len(varying) == len(factors):
                return None
            if len(varying) == 1:
                return t.Mul(tuple(d(f, n) if f is varying[0] else f for f in factors))
            fixed = [f for f in factors if not depends(f, n.variable, s)]
            return t.Mul((*fixed, d(t.mul(*varying), n)))
        case t.Frac(numerator, denominator) if not depends(denominator, n.variable, s):
            return t.Frac(d(numerator, n), denominator)
    return None


def _product(n: t.Derivative, s: Scope) -> t.Node | None:
    if not isinstance(n.operand, t.Mul):
        return None
    factors = n.operand.factors
    return t.Add(tuple(t.Mul((*factors[:k], d(f, n), *factors[k + 1 :])) for k, f in enumerate(factors)))


def _reciprocal(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Frac(numerator, denominator) if not depends(numerator, n.variable, s):
            return t.Neg(chained(t.Frac(numerator, t.Power(denominator, TWO)), denominator, n))
    return None


def _quotient(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Frac(u, v):
            return t.Frac(t.Add((t.Mul((d(u, n), v)), t.Neg(t.Mul((u, d(v, n)))))), t.Power(v, TWO))
    return None


def _power(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Power(base, t.Number(value)):
            lowered = base if value == 2 else t.Power(base, t.number(value - 1)) if value != 1 else t.ONE
            return chained(tidy(t.Mul((t.Number(value), lowered))), base, n)
        case t.Power(base, exponent) if not depends(exponent, n.variable, s):
            return chained(t.Mul((exponent, t.Power(base, t.Add((exponent, t.Neg(t.ONE)))))), base, n)
    return None


def _exponential_base(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Power(base, exponent) if not depends(base, n.variable, s):
            return chained(t.Mul((n.operand, t.Call("log", (base,)))), exponent, n)
    return None


def _general_power(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Power(base, exponent):
            return t.Mul((n.operand, d(t.Mul((exponent, t.Call("log", (base,)))), n)))
    return None


def _branches(n: t.Derivative, s: Scope) -> t.Node | None:
    if not isinstance(n.operand, t.Cases):
        return None
    branches = n.operand.branches
    inside = [opened(b.condition) for b in branches]
    if len(branches) == 2 and isinstance(branches[1].condition, t.Otherwise):
        inside[1] = complement(branches[0].condition) or t.Otherwise()
    return t.Cases(tuple(t.Branch(d(b.value, n), c) for b, c in zip(branches, inside, strict=True)))


_COMPLEMENT = {"<": ">", "<=": ">", ">": "<", ">=": "<"}


def opened(condition: t.Node) -> t.Node:
    """The condition without its boundary: derivatives are taken branch by branch inside, the joint is examined by itself."""
    match condition:
        case t.Compare("<=", left, right):
            return t.Compare("<", left, right)
        case t.Compare(">=", left, right):
            return t.Compare(">", left, right)
        case t.And(conditions):
            return t.And(tuple(opened(c) for c in conditions))
    return condition


def complement(condition: t.Node) -> t.Node | None:
    """The inside of where a comparison fails: x < 0 for x > 0; None for a condition of several parts."""
    match condition:
        case t.Compare(operator, left, right) if operator in _COMPLEMENT:
            return t.Compare(_COMPLEMENT[operator], left, right)
    return None


def _extremum(function: str, operator: str) -> Apply:
    def apply(n: t.Derivative, s: Scope) -> t.Node | None:
        match n.operand:
            case t.Call(name, (a, b)) if name == function:
                first, second = (a, b) if depends(a, n.variable, s) else (b, a)
                if isinstance(second, t.Number) or not depends(second, n.variable, s):
                    return t.Cases(
                        (
                            t.Branch(d(first, n), separated(t.Compare(operator, first, second))),
                            t.Branch(d(second, n), separated(t.Compare(_COMPLEMENT[operator], first, second))),
                        )
                    )
                return t.Cases(
                    (
                        t.Branch(d(a, n), t.Compare(operator, a, b)),
                        t.Branch(d(b, n), t.Compare(_COMPLEMENT[operator], a, b)),
                    )
                )
            case t.Call(name, (a, b, *more)) if name == function:
                return d(t.Call(name, (a, t.Call(name, (b, *more)))), n)
        return None

    return apply


ATTAINED_ONCE = "attained_once"


def attained_once(node: t.Node) -> t.Equation | None:
    """The number of places where a maximum is attained is 1: what its derivative, and that of its place, assume."""
    match node:
        case t.Indicator(t.Compare(_, _, t.ArgMax(body, index, size))) | t.MaxOver(body, index, size):
            inner = t.fresh_index(t.free_indices(body), t.bound_indices(body))
            largest = t.MaxOver(t.rename_index(body, index, inner), inner, size)
            return t.Equation(t.Sum(t.Indicator(t.Compare("=", body, largest)), index, size), t.ONE)
    return None


def _maximum(n: t.Derivative, s: Scope) -> t.Node | None:
    if not isinstance(n.operand, t.MaxOver):
        return None
    body, index, size = n.operand.body, n.operand.index, n.operand.dimension
    taken = t.free_indices(n.variable) | t.free_indices(body) | t.bound_indices(body)
    if index in t.free_indices(n.variable):
        index = t.fresh_index(taken)
        body = t.rename_index(body, n.operand.index, index)
    k = t.fresh_index(taken, frozenset({index}))
    attained = t.Indicator(t.Compare("=", t.Index(k), t.ArgMax(body, index, size)))
    return t.Sum(t.Mul((attained, d(t.rename_index(body, index, k), n))), k, size)


def _place_of_maximum(n: t.Derivative, s: Scope) -> t.Node | None:
    return None if attained_once(n.operand) is None else t.ZERO


def separated(condition: t.Compare) -> t.Node:
    """1 - a > 0 as a < 1: the varying part on the left with a plus sign, where that is a matter of moving terms."""
    match condition:
        case t.Compare(operator, t.Add((first, t.Neg(second))), t.Number(value)) if value == 0:
            if isinstance(first, t.Number):
                return t.Compare({"<": ">", ">": "<"}[operator], second, first)
            return t.Compare(operator, first, second)
    return condition


def _elementary(row: Elementary) -> Apply:
    formula = from_sympy(row.derivative)

    def apply(n: t.Derivative, s: Scope) -> t.Node | None:
        match n.operand:
            case t.Call(name, (argument,)) if name == row.name and name not in s.functions:
                outer = t.substitute(formula, {U: argument})
                return t.ZERO if outer == t.ZERO else chained(outer, argument, n)
        return None

    return apply


def _named_function(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Call(name, (argument,), parameters) if name in s.functions:
            named = s.functions[name]
            if named.derivative is None or any(depends(p, n.variable, s) for p in parameters):
                return None
            outer = t.substitute(named.derivative, {t.Symbol(named.arguments[0]): argument})
            return chained(outer, argument, n)
    return None


def _found_above(n: t.Derivative, s: Scope) -> t.Node | None:
    if not isinstance(n.operand, t.Symbol):
        return None
    if isinstance(n.variable, t.Component) and (n.operand.name, n.variable.base) in s.jacobians:
        _, places, body = s.jacobians[n.operand.name, n.variable.base]
        return t.rename_indices(body, dict(zip(places, n.variable.indices, strict=True)))
    return s.derivatives.get((n.operand.name, n.variable))


def _named_scalar(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Symbol(name) if name in s.scalars:
            return d(s.scalars[name], n)
    return None


def _named_vector(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand, n.variable:
        case t.Component(base, indices), (t.Component() | t.Symbol()) if base in s.vectors:
            known = s.jacobians.get((base, variable_name(n.variable)))
            if known is None:
                return d(s.vectors[base].at(indices), n)
            row, column, body = known
            return t.rename_indices(
                body, dict(zip((*row, *column), (*indices, *variable_indices(n.variable)), strict=True))
            )
    return None


def variable_name(variable: t.Node) -> str:
    """The base of a component, the name of a scalar."""
    return (
        variable.base if isinstance(variable, t.Component) else variable.name if isinstance(variable, t.Symbol) else ""
    )


def variable_indices(variable: t.Node) -> tuple[str, ...]:
    return variable.indices if isinstance(variable, t.Component) else ()


def _through_matrix(n: t.Derivative, s: Scope, name: str, outer: Callable[[str, str], tuple[t.Node, ...]]) -> t.Node:
    """Σ_k Σ_l (a factor for the entry kl) · dA_kl, over all entries of a matrix."""
    taken = t.free_indices(n.operand) | t.free_indices(n.variable)
    k = t.fresh_index(taken)
    el = t.fresh_index(taken, frozenset({k}))
    size = s.shapes[name][0]
    entry = t.Mul((*outer(k, el), d(t.Component(name, (k, el)), n)))
    return t.Sum(t.Sum(entry, el, size), k, size)


def _inverse(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Component(base, (i, j)) if base.startswith("inv("):
            return t.Neg(
                _through_matrix(
                    n, s, matrix_of(base), lambda k, el: (t.Component(base, (i, k)), t.Component(base, (el, j)))
                )
            )
    return None


def _log_determinant(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Call("logdet", (t.Matrix(name),)):
            return _through_matrix(n, s, name, lambda k, el: (t.Component(f"inv({name})", (el, k)),))
    return None


def _determinant(n: t.Derivative, s: Scope) -> t.Node | None:
    match n.operand:
        case t.Call("det", (t.Matrix(name),)):
            return t.Mul(
                (n.operand, _through_matrix(n, s, name, lambda k, el: (t.Component(f"inv({name})", (el, k)),)))
            )
    return None


def _unnamed_function(n: t.Derivative, s: Scope) -> t.Node | None:
    """A named function without a known derivative is written out."""
    match n.operand:
        case t.Call(name, arguments, parameters) if name in s.functions:
            named = s.functions[name]
            if named.opaque:
                raise UnsupportedExpression(
                    f"`{text(n.operand)}` may be any function: only its first derivative has a name; give the function a formula"
                )
            names = (*named.arguments, *named.parameters)
            values = (*arguments, *parameters)
            return d(t.substitute(named.body, {t.Symbol(k): v for k, v in zip(names, values, strict=False)}), n)
    return None


def _chain(n: t.Derivative, s: Scope) -> t.Node | None:
    """dL/dz = Σ over the paths ∂L/∂v · dv/dz, for an operand that depends on z only through named quantities."""
    if isinstance(n.operand, t.Cases):
        return None
    body = s.scalars.get(n.operand.name, n.operand) if isinstance(n.operand, t.Symbol) else n.operand
    through = _cut(n, s)
    if not through and not isinstance(n.operand, t.Component):
        through = intermediates(body, n.variable, s)
    if not through or any(_same_family(v, n.variable) for v in through):
        return None
    if isinstance(body, t.Add) and _affine(body, through) and body is n.operand:
        return None
    terms: list[t.Node] = []
    bases: dict[str, None] = {}
    for v in through:
        if isinstance(v, t.Component):
            bases[v.base] = None
        else:
            several = len(through) > 1
            terms.append(
                t.Mul((t.Derivative(n.operand, v, 1, n.partial or several), t.Derivative(v, n.variable, 1, n.partial)))
            )
    for base in bases:
        if base not in s.vectors:
            return None
        taken = t.free_indices(n.operand) | t.bound_indices(n.operand) | t.free_indices(n.variable)
        places: tuple[str, ...] = ()
        for _ in s.shapes[base]:
            places = (*places, t.fresh_index(taken, frozenset(places)))
        v = t.Component(base, places)
        path: t.Node = t.Mul((t.Derivative(n.operand, v, 1, True), t.Derivative(v, n.variable, 1, True)))
        for place, size in reversed(tuple(zip(places, s.shapes[base], strict=True))):
            path = t.Sum(path, place, size)
        terms.append(path)
    return t.add(*terms)


def _same_family(a: t.Node, b: t.Node) -> bool:
    return a == b or (isinstance(a, t.Component) and isinstance(b, t.Component) and a.base == b.base)


def _cut(n: t.Derivative, s: Scope) -> tuple[t.Node, ...]:
    """A named scalar or vector through which every path from the variable passes and by which the derivative is known already: δ of a
    neuron, the gradient from above in a backward pass."""
    if not isinstance(n.operand, t.Symbol | t.Component):
        return ()
    own = variable_name(n.operand)
    if isinstance(n.operand, t.Component) and (own, variable_name(n.variable)) in s.jacobians:
        return ()
    for (name, base), (_, places, _) in reversed(tuple(s.jacobians.items())):
        if name == own and base in s.vectors:
            vector = t.Component(base, places)
            hidden = replace(s, vectors={k: v for k, v in s.vectors.items() if k != base})
            if depends(vector, n.variable, s) and not depends(n.operand, n.variable, hidden):
                return (vector,)
    for (name, through), _ in reversed(tuple(s.derivatives.items())):
        if (
            isinstance(n.operand, t.Symbol)
            and name == own
            and isinstance(through, t.Symbol)
            and through.name in s.scalars
        ):
            without = replace(s, scalars={k: v for k, v in s.scalars.items() if k != through.name})
            if depends(through, n.variable, s) and not depends(n.operand, n.variable, without):
                return (through,)
    return ()


def _affine(node: t.Node, through: tuple[t.Node, ...]) -> bool:
    """Whether every term holds at most one of the named quantities, bare or under a minus sign."""
    assert isinstance(node, t.Add)
    bare = {*through, *(t.Neg(v) for v in through)}
    return all(term in bare or not any(t.contains(term, v) for v in through) for term in node.terms)


def _eq(left: t.Node, right: t.Node) -> t.Equation:
    return t.Equation(left, right)


def _dx(operand: t.Node, variable: t.Node = X) -> t.Derivative:
    return t.Derivative(operand, variable)


_SIGMA = Scope(
    functions={"s": NamedFunction("s", ("x",), t.Frac(t.ONE, X), derivative=t.Neg(t.Frac(t.ONE, t.Power(X, TWO))))}
)
_PLAIN = Scope(functions={"s": NamedFunction("s", ("x",), t.Frac(t.ONE, X))})
_Z = {"i": "K", "j": "K", "k": "K"}
_ZI, _ZJ, _ZK = (t.Component("z", (i,)) for i in "ijk")
_VECTOR = Scope(indices=_Z, shapes={"z": ("K",)})
_UK = t.Component("u", ("k",))
_AT_MAX_U = t.Indicator(t.Compare("=", t.Index("k"), t.ArgMax(t.Component("u", ("l",)), "l", "K")))
_E = t.Call("exp", (X,))
_SIN = t.Call("sin", (X,))
_Y = t.Symbol("y")
_NAMED = Scope(scalars={"y": t.Call("exp", (X,))}, derivatives={("y", X): _Y})
_WRITTEN = Scope(scalars={"y": t.Call("exp", (X,))})
_SQUARE = Scope(indices={"i": "n", "j": "n", "p": "n", "q": "n"}, shapes={"A": ("n", "n")})
_INV_IJ, _A_PQ = t.Component("inv(A)", ("i", "j")), t.Component("A", ("p", "q"))
_LOGDET, _DET = t.Call("logdet", (t.Matrix("A"),)), t.Call("det", (t.Matrix("A"),))
_JACOBIAN = Scope(
    indices=_Z,
    shapes={"z": ("K",), "s": ("K",)},
    vectors={"s": NamedVector("s", ("i",), t.Call("exp", (_ZI,)))},
    jacobians={("s", "z"): (("i",), ("j",), t.Mul((t.Component("s", ("i",)), t.Delta("i", "j"))))},
)

RULES: tuple[Rule, ...] = (
    Rule("constant rule", _eq(_dx(C), t.ZERO), _constant, _dx(C), minor=True),
    Rule("identity rule", _eq(_dx(X), t.ONE), _identity, _dx(X), minor=True),
    Rule(
        "components are independent",
        _eq(t.Derivative(_ZI, _ZJ, 1, True), t.Delta("i", "j")),
        _component,
        t.Derivative(_ZI, _ZJ, 1, True),
        _VECTOR,
    ),
    Rule("derivative found above", None, _found_above, _dx(_Y), _NAMED),
    Rule(
        "chain rule",
        _eq(_dx(t.Symbol("L")), t.Mul((_dx(t.Symbol("L"), U), _dx(U)))),
        _chain,
        _dx(t.Power(_Y, TWO)),
        _NAMED,
    ),
    Rule("definition of a named quantity", None, _named_scalar, _dx(_Y), _WRITTEN, minor=True),
    Rule(
        "derivative of a named vector",
        None,
        _named_vector,
        t.Derivative(t.Component("s", ("k",)), _ZJ, 1, True),
        _JACOBIAN,
    ),
    Rule("derivative of an inverse", None, _inverse, t.Derivative(_INV_IJ, _A_PQ, 1, True), _SQUARE),
    Rule("derivative of a log-determinant", None, _log_determinant, t.Derivative(_LOGDET, _A_PQ, 1, True), _SQUARE),
    Rule("derivative of a determinant", None, _determinant, t.Derivative(_DET, _A_PQ, 1, True), _SQUARE),
    Rule(
        "branch by branch",
        None,
        _branches,
        _dx(t.Cases((t.Branch(t.Power(X, TWO), t.Compare(">", X, t.ZERO)), t.Branch(X, t.Otherwise())))),
        minor=True,
    ),
    Rule("sum rule", _eq(_dx(t.Add((U, V))), t.Add((_dx(U), _dx(V)))), _sum, _dx(t.Add((X, _SIN))), minor=True),
    Rule(
        "linearity under the sum",
        _eq(_dx(t.Sum(t.Component("u", ("k",)), "k", "K")), t.Sum(_dx(t.Component("u", ("k",))), "k", "K")),
        _index_sum,
        t.Derivative(t.Sum(t.Power(_ZK, TWO), "k", "K"), _ZJ, 1, True),
        _VECTOR,
        minor=True,
    ),
    Rule(
        "constant multiple rule",
        _eq(_dx(t.Mul((C, U))), t.Mul((C, _dx(U)))),
        _constant_multiple,
        _dx(t.Mul((C, _SIN))),
        minor=True,
    ),
    Rule(
        "product rule",
        _eq(_dx(t.Mul((U, V))), t.Add((t.Mul((_dx(U), V)), t.Mul((U, _dx(V)))))),
        _product,
        _dx(t.Mul((X, _SIN))),
    ),
    Rule(
        "reciprocal rule",
        _eq(_dx(t.Frac(t.ONE, U)), t.Neg(t.Mul((t.Frac(t.ONE, t.Power(U, TWO)), _dx(U))))),
        _reciprocal,
        _dx(t.Frac(t.ONE, _E)),
    ),
    Rule(
        "quotient rule",
        _eq(_dx(t.Frac(U, V)), t.Frac(t.Add((t.Mul((_dx(U), V)), t.Neg(t.Mul((U, _dx(V)))))), t.Power(V, TWO))),
        _quotient,
        _dx(t.Frac(_SIN, _E)),
    ),
    Rule(
        "power rule",
        _eq(_dx(t.Power(U, N)), t.Mul((N, t.Power(U, t.Add((N, t.Neg(t.ONE)))), _dx(U)))),
        _power,
        _dx(t.Power(_SIN, t.Number(Fraction(3)))),
    ),
    Rule(
        "general exponential rule",
        _eq(_dx(t.Power(C, U)), t.Mul((t.Power(C, U), t.Call("log", (C,)), _dx(U)))),
        _exponential_base,
        _dx(t.Power(TWO, _SIN)),
    ),
    Rule(
        "general power rule",
        _eq(_dx(t.Power(U, V)), t.Mul((t.Power(U, V), _dx(t.Mul((V, t.Call("log", (U,)))))))),
        _general_power,
        _dx(t.Power(_E, _SIN)),
    ),
    Rule("derivative of a named function", None, _named_function, _dx(t.Call("s", (_E,))), _SIGMA),
    Rule("definition", None, _unnamed_function, _dx(t.Call("s", (_E,))), _PLAIN),
    Rule(
        "maximum: the derivative of the larger", None, _extremum("max", ">"), _dx(t.Call("max", (X, t.Power(X, TWO))))
    ),
    Rule(
        "minimum: the derivative of the smaller", None, _extremum("min", "<"), _dx(t.Call("min", (X, t.Power(X, TWO))))
    ),
    Rule(
        "maximum over an index",
        _eq(_dx(t.MaxOver(_UK, "k", "K")), t.Sum(t.Mul((_AT_MAX_U, _dx(_UK))), "k", "K")),
        _maximum,
        t.Derivative(t.MaxOver(t.Power(_ZK, TWO), "k", "K"), _ZJ, 1, True),
        _VECTOR,
        assumes=ATTAINED_ONCE,
    ),
    Rule(
        "the place of the maximum stays where it is",
        _eq(_dx(_AT_MAX_U), t.ZERO),
        _place_of_maximum,
        t.Derivative(t.Indicator(t.Compare("=", t.Index("i"), t.ArgMax(_ZK, "k", "K"))), _ZJ, 1, True),
        _VECTOR,
        assumes=ATTAINED_ONCE,
    ),
    *(
        Rule(
            row.rule,
            _eq(_dx(t.Call(row.name, (U,))), tidy(t.Mul((from_sympy(row.derivative), _dx(U))))),
            _elementary(row),
            _dx(t.Call(row.name, (t.Add((t.Number(Fraction(row.at)), t.Frac(X, t.Number(Fraction(8))))),))),
        )
        for row in ELEMENTARY
    ),
)
assert len({rule.name for rule in RULES}) == len(RULES), "rule names must be unique: a failing check names the rule"
