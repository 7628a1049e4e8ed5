"""Another way to a derivative: the function itself is rewritten first, by rows that keep its value, and then differentiated.

A definition asks for it by the name of a table: ``routes={"...": "expand logarithms"}``."""

from collections.abc import Mapping
from dataclasses import replace

from ..errors import DefinitionError
from ..expression import tree as t
from ..expression.scope import NamedVector, Scope
from .derivation import Rule, Step
from .positivity import positive
from .products import collect
from .sums import SUMS
from .tidy import spread, tidy

LIMIT = 60


def rewritten(body: t.Node, table: str, scope: Scope) -> tuple[Step, ...]:
    """The steps that a table of rows and the rules for sums make on the formula of a function: a line each for what the table does and for
    what the sums do. Raises DefinitionError for an unknown table."""
    if table not in REWRITINGS:
        raise DefinitionError(f"no way of rewriting is named {table!r}: choose one of {', '.join(REWRITINGS)}")
    rows = REWRITINGS[table]
    steps: list[Step] = []
    for _ in range(LIMIT):
        found = _first(body, rows, scope) or _first(body, (TERM_BY_TERM, *SUMS), scope)
        if found is None:
            break
        path, rule, new = found
        after = spread(t.same_bound_names(tidy(t.replace_at(body, path, tidy(new)))))
        steps.append(
            Step(rule.name, rule.statement, body, after, path, _written(rule, t.at(body, path), scope), line=False)
        )
        body = after
    ends = [n for n, step in enumerate(steps) if n + 1 == len(steps) or _of(rows, step) != _of(rows, steps[n + 1])]
    return tuple(replace(step, line=n in ends) for n, step in enumerate(steps))


def _of(rows: tuple[Rule, ...], step: Step) -> bool:
    return any(step.rule == rule.name for rule in rows)


def _first(line: t.Node, rules: tuple[Rule, ...], scope: Scope) -> tuple[t.Path, Rule, t.Node] | None:
    for rule in rules:
        for path, node in t.walk(line):
            new = rule.apply(node, scope)
            if new is not None and tidy(new) != node:
                return path, rule, new
    return None


def _written(rule: Rule, node: t.Node, scope: Scope) -> t.Node | None:
    """The named equation that a row has written out."""
    if rule is not WRITE_OUT or not isinstance(node, t.Call):
        return None
    (name,) = node.arguments
    assert isinstance(name, t.Component)
    return t.same_bound_names(t.Equation(name, scope.vectors[name.base].at(name.indices)))


def _name_in_logarithm(n: t.Node, s: Scope) -> t.Node | None:
    match n:
        case t.Call("log", (t.Component(base, indices),)) if base in s.vectors:
            return t.Call("log", (s.vectors[base].at(indices),))
    return None


def _quotient(n: t.Node, s: Scope) -> t.Node | None:
    match n:
        case t.Call("log", (t.Frac(a, b),)) if positive(a, s) and positive(b, s):
            return t.Add((t.Call("log", (a,)), t.Neg(t.Call("log", (b,)))))
    return None


def _product(n: t.Node, s: Scope) -> t.Node | None:
    match n:
        case t.Call("log", (t.Mul(factors),)) if all(positive(f, s) for f in factors):
            return t.Add(tuple(t.Call("log", (f,)) for f in factors))
    return None


def _power(n: t.Node, s: Scope) -> t.Node | None:
    match n:
        case t.Call("log", (t.Power(base, exponent),)) if positive(base, s):
            return t.Mul((exponent, t.Call("log", (base,))))
    return None


def _exponential(n: t.Node, s: Scope) -> t.Node | None:
    match n:
        case t.Call("log", (t.Call("exp", (argument,)),)):
            return argument
    return None


def _linear(n: t.Node, s: Scope) -> t.Node | None:
    """Σ_k y_k (a_k - c) = Σ_k y_k a_k - Σ_k y_k c."""
    if not isinstance(n, t.Sum):
        return None
    sign, body = (True, n.body.argument) if isinstance(n.body, t.Neg) else (False, n.body)
    factors = body.factors if isinstance(body, t.Mul) else (body,)
    for position, factor in enumerate(factors):
        if isinstance(factor, t.Add):
            rest = (*factors[:position], *factors[position + 1 :])
            terms = [collect(t.mul(*rest, x)) for x in factor.terms]
            return t.add(*(_signed(t.Neg(x) if sign else x, n) for x in terms))
    return None


def _signed(term: t.Node, n: t.Sum) -> t.Node:
    term = tidy(term)
    return (
        t.Neg(t.Sum(term.argument, n.index, n.dimension))
        if isinstance(term, t.Neg)
        else t.Sum(term, n.index, n.dimension)
    )


_A, _B, _X = t.Symbol("a"), t.Symbol("b"), t.Symbol("x")
_EXP_A = t.Call("exp", (_A,))
_EXP_B = t.Call("exp", (_B,))
_N = t.Symbol("n")


def _log(node: t.Node) -> t.Node:
    return t.Call("log", (node,))


_K = {"i": "K", "j": "K", "k": "K"}
_AK, _BK, _YK = (t.Component(name, ("k",)) for name in "aby")
_NAMED = Scope(
    indices=_K,
    shapes={"s": ("K",), "z": ("K",)},
    vectors={"s": NamedVector("s", ("i",), t.Call("exp", (t.Component("z", ("i",)),)))},
)
_VECTORS = Scope(indices=_K, shapes={"a": ("K",), "b": ("K",), "y": ("K",)})

WRITE_OUT = Rule(
    "write out the definition", None, _name_in_logarithm, _log(t.Component("s", ("k",))), _NAMED, minor=True
)
TERM_BY_TERM = Rule(
    "sum term by term",
    t.Equation(t.Sum(t.Add((_AK, _BK)), "k", "K"), t.Add((t.Sum(_AK, "k", "K"), t.Sum(_BK, "k", "K")))),
    _linear,
    t.Sum(t.Mul((_YK, t.Add((_AK, t.Neg(_BK))))), "k", "K"),
    _VECTORS,
)
REWRITINGS: Mapping[str, tuple[Rule, ...]] = {
    "expand logarithms": (
        WRITE_OUT,
        Rule(
            "logarithm of a quotient",
            t.Equation(_log(t.Frac(_A, _B)), t.Add((_log(_A), t.Neg(_log(_B))))),
            _quotient,
            _log(t.Frac(_EXP_A, t.Add((_EXP_A, _EXP_B)))),
        ),
        Rule(
            "logarithm of a product",
            t.Equation(_log(t.Mul((_A, _B))), t.Add((_log(_A), _log(_B)))),
            _product,
            _log(t.Mul((_EXP_A, t.Add((_EXP_A, _EXP_B))))),
        ),
        Rule(
            "logarithm of a power",
            t.Equation(_log(t.Power(_A, _N)), t.Mul((_N, _log(_A)))),
            _power,
            _log(t.Power(t.Add((_EXP_A, _EXP_B)), _N)),
        ),
        Rule("logarithm of an exponential", t.Equation(_log(_EXP_A), _A), _exponential, _log(_EXP_A)),
    ),
}


def inside(step: Step, wrap: t.Derivative) -> Step:
    """A step on a function, as a step on its pending derivative."""
    before, after = replace(wrap, operand=step.before), replace(wrap, operand=step.after)
    return replace(step, before=before, after=after, focus=(0, *step.focus))
