"""Rewrites that keep index notation finite and accurate, each exact: names written out where that helps, logarithms of quotients taken apart, scores shifted by
their largest where that provably changes nothing, and functions of one number, or of a few, put into a form that the
scalar generator measured."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations, permutations
from typing import Any

import sympy as sp

from ..calculus.field import Field
from ..calculus.products import Product, collect, common_factors
from ..calculus.sums import FACTOR_OUT, SIFT
from ..calculus.tidy import tidy
from ..errors import ChainruleError, UnsupportedExpression
from ..expression import tree as t
from ..expression.convert import to_sympy
from ..expression.scope import NamedVector, Scope
from ..notation import scalar
from .points import ranges, sample
from .printing import Body
from .recorded import stable_form
from .spec import FunctionSpec
from .stable import problem
from .vector_factors import is_symbolic, negated, taken_apart
from .vector_softmaxes import (
    LOG_ODDS,
    LOG_REST,
    WITHOUT,
    log_of_quotient,
    logarithms_last,
    of_the_others,
    one_less,
    weighed_against,
)
from .vector_spec import InputSpec, VectorSpec

DELICATE = ("exp", "tanh", "sinh", "cosh", "coth", "sech", "csch", "erf", "erfc", "atan")
"""Functions whose combinations overflow or cancel, so that a form of them has to be found."""
ARGUMENT = "u"
LETTERS = (ARGUMENT, "v", "w")
MOST_PARTS = 60
"""Of a formula in several numbers: a search takes minutes for one that has more."""


def prepared(node: t.Node, spec: VectorSpec) -> t.Node:
    """A tree ready to be written: element-wise names and logarithms of names written out, deltas under sums used."""
    named = {v.base: v for v in spec.vectors}
    classes = {one.base for one in spec.inputs if one.index_of}

    def logarithm(n: t.Node) -> t.Node | None:
        """That of a named quotient with an exponential above, which is known better than the quotient; None of anything else."""
        if not isinstance(n, t.Component) or n.base not in named:
            return None
        return log_of_quotient(t.Call("log", (named[n.base].at(n.indices),)))

    def known_logarithm(n: t.Node) -> t.Node | None:
        """Also that of 1 less a softmax."""
        p = one_less(n, named)
        return logarithm(n) if p is None else t.Component(p.base + LOG_REST, p.indices)

    def write_out(n: t.Node) -> t.Node | None:
        match n:
            case t.Call(function, arguments, parameters) if function in spec.functions:
                f = spec.functions[function]
                names = (*f.arguments, *f.parameters)
                values = (*arguments, *parameters)
                if len(names) != len(values):
                    raise UnsupportedExpression(f"{function} takes {len(names)} argument(s), not {len(values)}")
                return write(t.substitute(f.body, {t.Symbol(k): v for k, v in zip(names, values, strict=True)}))
            case t.Component(base, indices) if base in named and _elementwise(named[base], spec):
                return write(named[base].at(indices))
            case t.Call("log", (t.Frac(above, below),)) if above == one_less(below, named):
                return t.Component(above.base + LOG_ODDS, above.indices)
            case t.Call("log", (t.Frac(above, below),)) if known_logarithm(above) or known_logarithm(below):
                return logarithms_last(t.Add((write(t.Call("log", (above,))), t.Neg(write(t.Call("log", (below,)))))))
            case t.Power(base, exponent) if is_symbolic(exponent) and (of_base := logarithm(base)) is not None:
                return t.Call("exp", (t.mul(exponent, of_base),))
            case t.Call("log", (argument,)):
                return known_logarithm(argument) or log_of_quotient(n)
            case t.Sum(summed, index, size):
                whole = t.Sum(weighed_against(summed, index, named), index, size)
                return SIFT.apply(whole, Scope()) or whole
            case t.Frac() | t.Mul():
                return of_the_others(n, named, classes)
        return None

    def write(n: t.Node) -> t.Node:
        return t.transform(n, write_out)

    return tidy(write(t.transform(node, _one_power)))


def _one_power(node: t.Node) -> t.Node | None:
    """p^(a - 1) p as p^a, which is finite where p is 0; None where there is none."""
    factors = node.factors if isinstance(node, t.Mul) else ()
    for (a, power), (b, factor) in permutations(enumerate(factors), 2):
        if isinstance(power, t.Power) and isinstance(power.exponent, t.Add) and power.base == factor:
            whole = t.Power(factor, collect(t.Add((*power.exponent.terms, t.ONE))))
            return t.mul(*(whole if k == a else each for k, each in enumerate(factors) if k != b))
    return None


def _elementwise(vector: NamedVector, spec: VectorSpec) -> bool:
    """A named vector that is a function of single components, such as σ(z_i): a call and no sum."""
    parts = [p for _, p in t.walk(vector.body)]
    calls = any(isinstance(p, t.Call) and (p.function in DELICATE or p.function in spec.functions) for p in parts)
    return calls and not any(isinstance(p, t.Binder) for p in parts)


# ---------------------------------------------------------------- shifts


@dataclass(frozen=True)
class Shift:
    """Scores that are shifted by their largest: ``node`` with the running ``index``, and the name its components have after that."""

    node: t.Node
    outer: tuple[str, ...]
    index: str
    base: str


def shifts(body: t.Node, spec: VectorSpec, scores: tuple[str, ...]) -> tuple[t.Node, tuple[Shift, ...]]:
    """A body in which scores stand for exponents, or for the components that bear them, wherever a shift of these changes nothing.

    scores: inputs that stand in exponents somewhere in the function; those are tried where they stand outside of one too."""
    body = _unshadowed(body, frozenset())
    classes = {one.base for one in spec.inputs if one.index_of}

    def candidates(body: t.Node, number: int) -> Iterator[Shift]:
        for node, index in sorted(dict.fromkeys(_candidates(body, scores)), key=lambda each: each[1] in classes):
            yield Shift(node, tuple(sorted(t.free_indices(node) - {index})), index, f"scores {number}")

    written = _unshadowed(_written_out(body, spec), frozenset())
    if written != body and not any(_wholly(body, shift, spec.facts) for shift in candidates(body, 0)):
        for shift in candidates(written, 0):
            if (whole := _wholly(written, shift, spec.facts)) is not None:
                return whole, (shift,)
    found: list[Shift] = []
    for shift in candidates(body, 0):
        shift = replace(shift, base=f"scores {len(found)}")
        changed = _shifted(body, shift, spec.facts)
        if changed is not None:
            found.append(shift)
            body = changed

    def logarithm(n: t.Node) -> t.Node | None:
        match n:
            case t.Call("log", (argument,)) if not _is_sum_of_exponentials(argument):
                for shift in candidates(argument, len(found)):
                    largest = _largest_taken_out(argument, shift, spec.facts)
                    if largest is not None:
                        found.append(shift)
                        return largest
        return None

    return t.transform(body, logarithm), tuple(found)


def _written_out(body: t.Node, spec: VectorSpec) -> t.Node:
    """A body with its named quantities without indices as what they stand for."""
    known: dict[t.Node, t.Node] = {t.Symbol(name): prepared(what, spec) for name, what in spec.scalars.items()}
    while (written := t.substitute(body, known)) != body:
        body = written
    return tidy(body)


def _is_sum_of_exponentials(node: t.Node) -> bool:
    """What a routine takes the logarithm of."""
    return isinstance(node, t.Sum) and isinstance(node.body, t.Call) and node.body.function == "exp"


def _largest_taken_out(argument: t.Node, shift: Shift, facts: Mapping[str, tuple[str, ...]]) -> t.Node | None:
    """log(Σ_k w_k e^(u_k)) as max u + log(Σ_k w_k e^(u_k)/max e^u), where shifted scores stand for u, if a factor e^c comes out of the argument where c is
    added to every u; else None."""
    changed = _abstracted(argument, shift.node, shift.index, shift.outer, shift.base)
    own = t.Component(shift.base, (*shift.outer, shift.index))
    if not _invariant(t.Add((t.Call("log", (changed,)), t.Neg(own))), shift.base, shift.outer, facts):
        return None
    size = next(part.dimension for _, part in t.walk(argument) if isinstance(part, t.Sum) and part.index == shift.index)
    largest = t.MaxOver(t.Call("exp", (own,)), shift.index, size)
    return t.Add((t.Call("log", (t.Frac(changed, largest),)), t.MaxOver(shift.node, shift.index, size)))


def _wholly(body: t.Node, shift: Shift, facts: Mapping[str, tuple[str, ...]]) -> t.Node | None:
    """A body all of whose scores are shifted, where they stand outside of exponents, too; None where that changes it."""
    changed = _abstracted(body, shift.node, shift.index, shift.outer, shift.base)
    whole = _by_exponents(changed, shift)
    return whole if changed != body and _invariant(whole, shift.base, shift.outer, facts) else None


def _shifted(body: t.Node, shift: Shift, facts: Mapping[str, tuple[str, ...]]) -> t.Node | None:
    """A body with shifted scores, in the whole of it or in those of its terms that allow it; None where nothing does."""
    changed = _abstracted(body, shift.node, shift.index, shift.outer, shift.base)
    if changed == body:
        return None
    for whole in dict.fromkeys((_by_exponents(changed, shift), changed)):
        if _invariant(whole, shift.base, shift.outer, facts):
            return whole
    match body:
        case t.Neg(argument):
            inner = _shifted(argument, shift, facts)
            return None if inner is None else t.Neg(inner)
        case t.Frac(above, below) if not t.contains(below, shift.node):
            inner = _shifted(above, shift, facts)
            return None if inner is None else t.Frac(inner, below)
        case t.Mul(factors):
            for position, factor in enumerate(factors):
                if isinstance(factor, t.Add | t.Sum) and (inner := _shifted(factor, shift, facts)) is not None:
                    return t.mul(*factors[:position], inner, *factors[position + 1 :])
        case t.Sum(summed, index, size) if index not in t.free_indices(shift.node) - set(shift.outer):
            inner = _shifted(summed, shift, facts)
            return None if inner is None else t.Sum(inner, index, size)
        case t.Add(terms) if len(terms) <= MOST_TERMS:
            for count in range(len(terms) - 1, 0, -1):
                for chosen in combinations(range(len(terms)), count):
                    inner = _shifted(t.add(*(terms[k] for k in chosen)), shift, facts)
                    if inner is not None:
                        return t.Add((inner, *(x for k, x in enumerate(terms) if k not in chosen)))
    return None


MOST_TERMS = 5


def _by_exponents(body: t.Node, shift: Shift) -> t.Node:
    """A body with scores that stand outside of exponents as multiples of those in exponents: z = T u where u = z/T."""
    negative, above, below = taken_apart(shift.node)
    scores = [f for f in above if isinstance(f, t.Component)]
    numbers = [f for f in above if f not in scores]
    exact = all(isinstance(f, t.Number) for f in numbers)  # any other might be 0
    if len(scores) != 1 or scores[0].indices != (*shift.outer, shift.index) or not exact:
        return body
    (score,) = scores

    def multiple(n: t.Node) -> t.Node | None:
        match n:
            case t.Component(base, (*outer, index)) if base == score.base and tuple(outer) == shift.outer:
                own = t.Component(shift.base, (*outer, index))
                return negated(t.Frac(t.mul(own, *below), t.mul(*numbers)), negative)
        return None

    moved = t.transform(body, multiple)
    if moved == body:
        return body
    return collect(t.transform(collect(moved), lambda n: FACTOR_OUT.apply(n, Scope())))


def _candidates(body: t.Node, scores: tuple[str, ...]) -> Iterator[tuple[t.Node, str]]:
    """Exponents under a sum with its index; then the components of scores."""
    for _, part in t.walk(body):
        if isinstance(part, t.Sum):
            for inner in _outside_sums(part.body):
                match inner:
                    case t.Call("exp", (u,)) if part.index in t.free_indices(u) and not _holds_sum(u):
                        yield u, part.index
    for _, part in t.walk(body):
        match part:
            case t.Component(base, (index,)) if base in scores:
                yield part, index


def _outside_sums(node: t.Node) -> Iterator[t.Node]:
    """Every part that no sum inside the formula holds."""
    yield node
    for child in node.children:
        if not isinstance(child, t.Sum):
            yield from _outside_sums(child)


def _unshadowed(node: t.Node, bound: frozenset[str]) -> t.Node:
    """Nothing binds an index that is bound around it already."""
    if not isinstance(node, t.Binder):
        children = tuple(_unshadowed(child, bound) for child in node.children)
        return node.with_children(children) if children else node
    index, body = node.index, node.body
    if index in bound:
        every = frozenset(i for _, p in t.walk(body) for i in _indices(p))
        index = t.fresh_index(bound, every)
        body = t.rename_index(body, node.index, index)
    return type(node)(_unshadowed(body, bound | {index}), index, node.dimension)


def _holds_sum(node: t.Node) -> bool:
    return any(isinstance(p, t.Binder) for _, p in t.walk(node))


def _abstracted(body: t.Node, node: t.Node, index: str, outer: tuple[str, ...], base: str) -> t.Node:
    """Every occurrence of a formula, at whatever running index, as a component of a new vector."""
    every = {i for _, p in t.walk(body) for i in _indices(p)}
    known: dict[t.Node, t.Node] = {
        t.rename_index(node, index, i): t.Component(base, (*outer, i)) for i in sorted(every)
    }
    return t.substitute(body, known)


def _indices(node: t.Node) -> tuple[str, ...]:
    match node:
        case t.Component(_, indices):
            return indices
        case t.Delta(left, right):
            return (left, right)
        case t.Sum(_, index, _) | t.MaxOver(_, index, _) | t.ArgMax(_, index, _) | t.Index(index):
            return (index,)
    return ()


def _invariant(body: t.Node, base: str, outer: tuple[str, ...], facts: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether adding one number c, or one for each value of the ``outer`` indices, to every component of ``base`` changes nothing, shown by a rational
    function that does not contain c or e^c any more."""
    c: t.Node = t.Component("c_", outer) if outer else t.Symbol("c_")
    moved = t.transform(body, lambda n: t.Add((n, c)) if isinstance(n, t.Component) and n.base == base else None)
    if moved == body:
        return False
    change = _splitter(c, facts)
    field = Field(Scope())
    try:
        pair = [t.transform(moved, change), t.transform(body, change)]
        if pair[0] == pair[1]:
            return True
        field.prepare(pair)
        after, before = (field.enter(x) for x in pair)
        return bool(sp.cancel(sp.together(after - before)) == 0)
    except (UnsupportedExpression, sp.PolynomialError):
        return False


def _splitter(c: t.Node, facts: Mapping[str, tuple[str, ...]]) -> Callable[[t.Node], t.Node | None]:
    """The rewrites that bring e^c and c out of exponents, sums and logarithms, from the leaves up."""
    factor = t.Call("exp", (c,))

    def pulled(n: t.Node) -> tuple[int, t.Node]:
        found = Product(n)
        power = found.powers.pop(factor, 0)
        return (power, found.rebuild()) if power else (0, n)

    def times(power: int, rest: t.Node) -> t.Node:
        made = Product(rest)
        made.powers[factor] = power
        return made.rebuild()

    def total(n: t.Sum) -> t.Node | None:
        if n.index in t.free_indices(c):
            return None
        power, rest = pulled(n.body)
        if power:
            left = t.Sum(rest, n.index, n.dimension)
            return times(power, total(left) or left)
        factors = rest.factors if isinstance(rest, t.Mul) else (rest,)
        position = next((k for k, f in enumerate(factors) if isinstance(f, t.Add) and c in f.terms), None)
        if position is None:
            return None
        sums = factors[position]
        assert isinstance(sums, t.Add)
        weights = (*factors[:position], *factors[position + 1 :])
        others = t.add(*(x for x in sums.terms if x != c))
        whole = t.ONE if _sums_to_one(weights, n.index, facts) else t.Sum(t.mul(*weights), n.index, n.dimension)
        return t.Add((t.Sum(t.mul(*weights, others), n.index, n.dimension), t.mul(whole, c)))

    def split(n: t.Node) -> t.Node | None:
        match n:
            case t.Call("exp", (t.Add(terms),)) if c in terms:
                return t.Mul((factor, t.Call("exp", (t.add(*(x for x in terms if x != c)),))))
            case t.Sum():
                return total(n)
            case t.Call("log", (argument,)):
                power, rest = pulled(argument)
                return t.Add((t.Call("log", (rest,)), *([c] * power))) if power > 0 else None
            case t.Add(terms):
                parts = [pulled(x) for x in terms]
                if len({power for power, _ in parts}) == 1 and parts[0][0]:
                    return times(parts[0][0], t.add(*(rest for _, rest in parts)))
                return collect(tidy(n))
        return None

    return split


def _sums_to_one(weights: tuple[t.Node, ...], index: str, facts: Mapping[str, tuple[str, ...]]) -> bool:
    match weights:
        case (t.Component(base, (*_, running)),):
            return running == index and (WITHOUT in base or "sums_to_one" in facts.get(base, ()))
    return False


# ---------------------------------------------------------------- functions of one number


@dataclass(frozen=True)
class OneNumber:
    """h(u) for an argument u: ``function`` is h, in the symbol of ``ARGUMENT``."""

    function: Any
    argument: t.Node


def of_one_number(factors: tuple[t.Node, ...]) -> tuple[OneNumber, tuple[t.Node, ...]] | None:
    """The factors of a product that are functions of one number between them, and the others; None where no form has to be found."""
    for u in dict.fromkeys(u for f in factors for u in _arguments(f)):
        mine = tuple(f for f in factors if _closed(f, u))
        if not mine or not _delicate(mine):
            continue
        function = to_sympy(t.mul(*(t.substitute(f, {u: t.Symbol(ARGUMENT)}) for f in mine)))
        return OneNumber(function, u), tuple(f for f in factors if f not in mine)
    return None


def _arguments(node: t.Node) -> Iterator[t.Node]:
    """The arguments of functions, without sign and number, that hold no function themselves; the smallest first."""
    found = []
    for _, part in t.walk(node):
        if isinstance(part, t.Call) and len(part.arguments) == 1:
            found.append(_unsigned(part.arguments[0]))
    yield from sorted((u for u in found if _names(u) and not _calls(u)), key=t.size)


def _calls(node: t.Node) -> bool:
    return any(isinstance(p, t.Call) and p.function in DELICATE for _, p in t.walk(node))


def _names(node: t.Node) -> bool:
    return any(isinstance(p, t.Component | t.Symbol) for _, p in t.walk(node))


def _unsigned(node: t.Node) -> t.Node:
    match node:
        case t.Neg(argument):
            return _unsigned(argument)
        case t.Mul((t.Number(), *rest)):
            return _unsigned(t.mul(*rest))
    return node


def _closed(node: t.Node, u: t.Node) -> bool:
    """Whether a formula is a function of ``u`` alone, by functions that the scalar generator knows."""
    rest = t.substitute(node, {u: t.Symbol(ARGUMENT)})
    parts = [p for _, p in t.walk(rest)]
    names = t.Component | t.Binder | t.Delta | t.Dimension | t.Cases | t.Indicator | t.Vector | t.Matrix
    if any(isinstance(p, names) or (isinstance(p, t.Symbol) and p.name != ARGUMENT) for p in parts):
        return False
    return any(isinstance(p, t.Call) for p in parts)


def _delicate(factors: tuple[t.Node, ...]) -> bool:
    calls = [p for f in factors for _, p in t.walk(f) if isinstance(p, t.Call)]
    single = len(factors) == 1 and isinstance(factors[0], t.Call) and len(calls) == 1
    return any(call.function in DELICATE for call in calls) and not single


def multiplied_into(one: OneNumber, mine: tuple[t.Node, ...], rest: tuple[t.Node, ...]) -> t.Node | None:
    """σ(u)(1 - p(1 + e⁻ᵘ)) as σ(u) - p: functions of one number multiplied into a sum that holds others of the same number. None where there is none."""
    for position, factor in enumerate(rest):
        if isinstance(factor, t.Add) and one.argument in set(_arguments(factor)):
            terms = tuple(collect(tidy(t.mul(x, *mine))) for x in factor.terms)
            return tidy(t.mul(*rest[:position], *rest[position + 1 :], t.add(*terms)))
    return None


# ---------------------------------------------------------------- functions of several numbers


@dataclass(frozen=True)
class SeveralNumbers:
    """h(u, v) or h(u, v, w) for components of inputs at one place, and parameters: ``function`` is h, in the symbols of `LETTERS`."""

    function: Any
    arguments: tuple[t.Node, ...]
    inputs: tuple[InputSpec, ...]


PLAIN = t.Number | t.Constant | t.Component | t.Symbol | t.Neg | t.Add | t.Mul | t.Frac | t.Power | t.Call


def of_several_numbers(node: t.Node, spec: VectorSpec) -> SeveralNumbers | None:
    """A formula of some size in two or three numbers of each place in which terms may cancel that hold functions of different ones; None for any other."""
    parts = [part for _, part in t.walk(node)]
    if len(parts) > MOST_PARTS:
        return None
    found = dict.fromkeys(part for part in parts if isinstance(part, t.Component | t.Symbol))
    places = {part.indices for part in found if isinstance(part, t.Component)}
    if len(places) != 1 or not 1 < len(found) <= len(LETTERS) or not all(isinstance(part, PLAIN) for part in parts):
        return None
    inputs = {one.base: one for one in spec.inputs if not one.index_of}
    classes = {one.base for one in spec.inputs if one.index_of}
    if not _bases(found) <= inputs.keys() or classes & {*next(iter(places))} or not any(map(_mixes, parts)):
        return None
    arguments = sorted(found, key=lambda part: isinstance(part, t.Symbol))
    letters: dict[t.Node, t.Node] = {part: t.Symbol(each) for part, each in zip(arguments, LETTERS, strict=False)}
    try:
        function = to_sympy(t.substitute(node, letters))
    except UnsupportedExpression:
        return None
    return SeveralNumbers(function, tuple(arguments), tuple(inputs[t.base_of(part)] for part in arguments))


def _mixes(node: t.Node) -> bool:
    """A sum of functions of different numbers."""
    if not isinstance(node, t.Add):
        return False
    of = [_bases(part for _, part in t.walk(term)) for term in node.terms]
    calls = any(isinstance(part, t.Call) for _, part in t.walk(node))
    return calls and sum(map(bool, of)) > 1 and len(set[str]().union(*of)) > 1


def _bases(parts: Iterable[t.Node]) -> set[str]:
    return {t.base_of(part) for part in parts if isinstance(part, t.Component | t.Symbol)}


@lru_cache(maxsize=256)
def stable_code(function: Any, inputs: tuple[InputSpec | None, ...] = (None,)) -> Body | None:
    """The statements that compute a function of the symbols of `LETTERS` accurately for every float64; None where no form is found.

    inputs: what the numbers are, parameters last; None: any number."""
    symbols = dict(zip(LETTERS, map(scalar, LETTERS), strict=True))
    known = dict(zip(symbols, inputs, strict=False))
    spec = FunctionSpec(
        "h",
        tuple((letter, symbols[letter]) for letter, one in known.items() if one is None or one.default is None),
        tuple((k, symbols[k], one.default) for k, one in known.items() if one is not None and one.default is not None),
        function,
        {},
        {},
        {symbols[letter]: one.values for letter, one in known.items() if one is not None and one.values is not None},
    )
    try:
        domains = tuple((each.lower, each.upper) for each in ranges(spec).values())
        names = {symbol: name for name, symbol in zip(spec.names, spec.symbols, strict=True)}
        return stable_form(problem(function, spec.symbols, sample(spec), domains), names).body
    except (ChainruleError, ValueError):
        return None


def factored(node: t.Add) -> t.Node:
    """g_j - g_j t² as g_j (1 - t²), so that what is delicate stands in one factor."""
    return common_factors(node) or node
