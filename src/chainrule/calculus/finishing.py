"""From a line without pending derivatives to the form an expert ends with, one row for each kind of move.

Rows are tried in order on a line (or on a branch of one) until none applies; every move leads to ``recognise.best_form``."""

from collections.abc import Callable
from fractions import Fraction

from ..expression import tree as t
from ..expression.scope import NamedFunction, Scope
from .derivation import Rule
from .products import Product, collect, multiply_out
from .recognise import Form, best_form, over_one_denominator
from .tidy import minus_inside, tidy

Move = Callable[[t.Node, Scope], t.Node | None]


def _with_form(move: Callable[[t.Node, Form], t.Node | None]) -> Move:
    def apply(line: t.Node, scope: Scope) -> t.Node | None:
        form = best_form(line, scope)
        new = None if form is None else move(line, form)
        return None if new is None or tidy(new) == line else tidy(new)

    return apply


def _fold(line: t.Node, form: Form) -> t.Node | None:
    folded = t.substitute(line, {s.body: s.name for s in form.solved})
    if folded in (form.node, form.flat):
        return folded
    if isinstance(folded, t.Add) and isinstance(form.node, t.Add) and set(folded.terms) == set(form.node.terms):
        return form.node
    return form.node if form.solved and collect(form.written_out(form.node)) == collect(line) else None


def _collect(line: t.Node, scope: Scope) -> t.Node | None:
    new = collect(line)
    return new if new != line else None


def _multiply_out(line: t.Node, scope: Scope) -> t.Node | None:
    return multiply_out(line)


def _is_quotient_of_sum(line: t.Node) -> bool:
    inner = line.argument if isinstance(line, t.Neg) else line
    return isinstance(inner, t.Frac) and isinstance(inner.numerator, t.Add)


def _split(line: t.Node, form: Form) -> t.Node | None:
    sum_form = form.flat or form.node
    if not form.solved or not _is_quotient_of_sum(line) or not isinstance(sum_form, t.Add):
        return None
    return form.written_out(sum_form)


def _named_generator(form: Form) -> bool:
    return any(
        isinstance(s.generator, t.Call) and s.generator.function not in ("exp",) and s.generator != s.body
        for s in form.solved
    )


def _solve(line: t.Node, form: Form) -> t.Node | None:
    if not form.solved or _named_generator(form):
        return None
    return form.written_out(form.node)


def _substitute(line: t.Node, form: Form) -> t.Node | None:
    if not form.solved or not _named_generator(form):
        return None
    new = t.substitute(line, {s.generator: s.solution for s in form.solved})
    return new if new != line else form.node


def _inner_fractions(line: t.Node, scope: Scope) -> t.Node | None:
    """A sum with numerical fractions inside a product is put over one denominator, so that the product can be collected."""
    if not isinstance(line, t.Mul | t.Neg | t.Frac):
        return None

    def one(n: t.Node) -> t.Node | None:
        if isinstance(n, t.Add) and any(Product(x).coefficient.denominator != 1 for x in n.terms):
            return over_one_denominator(n)
        return None

    new = t.transform(line, one)
    return tidy(new) if new != line else None


def _shape(
    before: tuple[type[t.Node], ...], after: tuple[type[t.Node], ...]
) -> Callable[[t.Node, Form], t.Node | None]:
    def move(line: t.Node, form: Form) -> t.Node | None:
        if form.solved or not isinstance(_unsigned(line), before) or not isinstance(_unsigned(form.node), after):
            return None
        return form.node

    return move


def _unsigned(node: t.Node) -> t.Node:
    return node.argument if isinstance(node, t.Neg) else node


def _inside_minus(line: t.Node, scope: Scope) -> t.Node | None:
    """-(a - b) as b - a, and -x(a - b) as x(b - a)."""
    return minus_inside(line)


def _simplify(line: t.Node, form: Form) -> t.Node | None:
    return None if form.solved else form.node


_X = t.Symbol("x")
_Y = t.Symbol("y")
_EX = t.Call("exp", (_X,))
_EMX = t.Call("exp", (t.Neg(_X),))
_ONE_PLUS = t.Add((t.ONE, _EMX))
_TWO = t.Number(Fraction(2))
_G = t.Call("g", (_X,))
_SIGMOID = Scope(functions={"g": NamedFunction("g", ("x",), t.Frac(t.ONE, _ONE_PLUS))}, own="g")
_U, _V = t.Add((_EX, t.Neg(_EMX))), t.Add((_EX, _EMX))
_TANH = Scope(functions={"g": NamedFunction("g", ("x",), t.Frac(_U, _V))}, own="g")
_OF_NAMED = Scope(
    functions={
        "g": NamedFunction("g", ("x",), t.Add((t.Mul((_TWO, t.Call("h", (_X,)))), t.Neg(t.ONE)))),
        "h": NamedFunction("h", ("x",), t.Frac(t.ONE, _ONE_PLUS)),
    },
    own="g",
)

RECOGNISE = "recognise the function"
SOLVE = "solve the definition and substitute"
SPLIT = "split the fraction"
SUBSTITUTE = "substitute from the definition"
FINISHING: tuple[Rule, ...] = (
    Rule(
        RECOGNISE,
        None,
        _with_form(_fold),
        t.Mul((_SIGMOID.functions["g"].body, t.Add((t.ONE, t.Neg(_SIGMOID.functions["g"].body))))),
        _SIGMOID,
    ),
    Rule(
        "multiply out and cancel",
        None,
        _multiply_out,
        t.Mul((t.Add((t.Frac(_EX, _X), t.Frac(t.ONE, _X))), _X)),
    ),
    Rule(
        "put over a common denominator",
        None,
        _inner_fractions,
        t.Mul((_TWO, t.Add((t.ONE, t.Neg(t.Frac(t.Add((t.ONE, _X)), _TWO)))))),
        minor=True,
    ),
    Rule("collect", None, _collect, t.Neg(t.Mul((t.Frac(t.ONE, t.Power(_ONE_PLUS, _TWO)), t.Neg(_EMX))))),
    Rule(
        SPLIT,
        t.Equation(
            t.Frac(t.Add((t.Symbol("a"), t.Symbol("b"))), t.Symbol("c")),
            t.Add((t.Frac(t.Symbol("a"), t.Symbol("c")), t.Frac(t.Symbol("b"), t.Symbol("c")))),
        ),
        _with_form(_split),
        t.Frac(t.Add((t.Power(_V, _TWO), t.Neg(t.Power(_U, _TWO)))), t.Power(_V, _TWO)),
        _TANH,
    ),
    Rule(SOLVE, None, _with_form(_solve), t.Frac(_EMX, t.Power(_ONE_PLUS, _TWO)), _SIGMOID),
    Rule(
        SUBSTITUTE,
        None,
        _with_form(_substitute),
        t.Mul((t.Number(Fraction(4)), t.Call("h", (_X,)), t.Add((t.ONE, t.Neg(t.Call("h", (_X,))))))),
        _OF_NAMED,
    ),
    Rule(
        "factor",
        None,
        _with_form(_shape((t.Add,), (t.Mul, t.Power))),
        t.Add((t.Mul((_X, _Y)), t.Neg(t.Mul((_X, t.Call("sin", (_X,))))))),
    ),
    Rule(
        "common denominator",
        None,
        _with_form(_shape((t.Add,), (t.Frac,))),
        t.Add((t.Neg(t.Frac(_Y, _X)), t.Frac(t.Add((t.ONE, t.Neg(_Y))), t.Add((t.ONE, t.Neg(_X)))))),
    ),
    Rule(
        "multiply out",
        None,
        _with_form(_shape((t.Mul, t.Add), (t.Add,))),
        t.Mul((t.Add((t.ONE, _X)), t.Add((t.ONE, t.Neg(_X))))),
    ),
    Rule(
        "take the minus sign inside",
        t.Equation(t.Neg(t.Add((_X, t.Neg(_Y)))), t.Add((_Y, t.Neg(_X)))),
        _inside_minus,
        t.Neg(t.Add((_X, t.Neg(_Y)))),
        minor=True,
    ),
    Rule("simplify", None, _with_form(_simplify), t.Frac(t.Add((t.Power(_X, _TWO), t.Neg(t.ONE))), t.Add((_X, t.ONE)))),
)


def _agree(line: t.Node, scope: Scope) -> t.Node | None:
    values = {branch.value for branch in line.branches} if isinstance(line, t.Cases) else set()
    return values.pop() if len(values) == 1 else None


AGREE = Rule(
    "all branches agree",
    None,
    _agree,
    t.Cases((t.Branch(_X, t.Compare(">", _X, t.ZERO)), t.Branch(_X, t.Compare("<", _X, t.ZERO)))),
)
