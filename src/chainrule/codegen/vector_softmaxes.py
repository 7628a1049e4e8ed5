"""Softmaxes in index notation: which named quantities are one, and sums and quotients of several of their components that lose digits, as what is made of their
scores instead: divergences, logarithms of 1 - p, the softmax of the other scores."""

from collections.abc import Iterator, Mapping
from itertools import permutations

from ..calculus.tidy import tidy
from ..expression import tree as t
from ..expression.scope import NamedVector
from .vector_factors import negated, taken_apart

AGAINST = " against "
"""Between the names of two softmaxes: the first as the weight of the logarithm of their quotient, in a sum that is the divergence of the second from it."""
WITHOUT = " without "
"""Between the name of a softmax and that of a class index: the softmax of the other scores."""
LOG_REST, LOG_ODDS = " log rest", " log odds"
"""After the name of a softmax p: log(1 - p) and log(p/(1 - p))."""


def softmaxes_of(base: str) -> tuple[str, ...]:
    """The names of the softmaxes that a quantity with such a name is made of; none for any other."""
    first, _, second = base.partition(AGAINST)
    if second:
        return first, second
    first, _, second = base.partition(WITHOUT)
    if second:
        return (first,)
    return tuple(base.removesuffix(end) for end in (LOG_REST, LOG_ODDS) if base.endswith(end))


def one_less(node: t.Node, named: Mapping[str, NamedVector]) -> t.Component | None:
    """p of 1 - p, if it is a softmax."""
    match node:
        case t.Add(
            (t.Number(value), t.Neg(t.Component(base, _) as p)) | (t.Neg(t.Component(base, _) as p), t.Number(value))
        ):
            if value == 1 and base in named and softmax_exponent(named[base].indices, named[base].body) is not None:
                return p
    return None


def of_the_others(node: t.Node, named: Mapping[str, NamedVector], classes: set[str]) -> t.Node | None:
    """A product with (x_c - Σ_k p_k x_k)/(1 - p_c), for a softmax p and a class index c, as one with x_c - Σ_k r_k x_k, where r is the softmax of the other scores:
    1 - p_c and what it divides may both underflow. So is one with (δ_jc - p_j)/(1 - p_c), as δ_jc - r_j. None for any other."""
    negative, above, below = taken_apart(node)
    for p, factor in [(one_less(f, named), f) for f in below]:
        if p is None or len(p.indices) != 1 or p.indices[0] not in classes:
            continue
        for position, difference in enumerate(above):
            found = _mean_of_the_others(difference, p)
            if found is not None:
                above[position] = found
                below.remove(factor)
                whole = t.mul(*above)
                return negated(t.Frac(whole, t.mul(*below)) if below else whole, negative)
    return None


def _mean_of_the_others(difference: t.Node, p: t.Component) -> t.Node | None:
    """(Σ_k p_k x_k - x_c)/(1 - p_c) for the component of a softmax at the class index c, or minus that; None of any other difference."""
    (label,) = p.indices
    own = f"{p.base}{WITHOUT}{label}"
    for sign in (False, True):
        match tuple(sorted(_flat(negated(difference, sign)), key=lambda term: isinstance(term, t.Neg))):
            case (t.Component(base, (j,)), t.Neg(t.Delta() as delta) as rest) if base == p.base:
                if {delta.left, delta.right} == {label, j}:
                    return negated(t.Add((t.Component(own, (j,)), rest)), sign)
            case (t.Sum(summed, k, size), t.Neg(x) as rest):
                minus, factors, under = taken_apart(summed)
                weight = t.Component(p.base, (k,))
                others = [f for f in factors if f != weight]
                values = t.mul(*others, *(t.Frac(t.ONE, f) for f in under))
                is_mean = not minus and len(others) == len(factors) - 1
                if is_mean and tidy(t.rename_index(values, k, label)) == x:
                    return negated(t.Add((t.Sum(t.mul(t.Component(own, (k,)), values), k, size), rest)), sign)
    return None


def weighed_against(body: t.Node, index: str, named: Mapping[str, NamedVector]) -> t.Node:
    """p_k (log p_k - log s_k) of two softmaxes, or minus that, with a weight of its own, by which the sum over k is known to be a divergence; anything else as
    it is."""
    negative, above, below = taken_apart(body)
    softmaxes = {v.base: v for v in named.values() if softmax_exponent(v.indices, v.body) is not None}
    for weight, logarithms in permutations(above, 2):
        if not (isinstance(weight, t.Component) and weight.base in softmaxes and isinstance(logarithms, t.Add)):
            continue
        rest = [f for f in above if f is not weight and f is not logarithms]
        if weight.indices[-1] != index or any(index in t.free_indices(f) for f in (*rest, *below)):
            continue
        given = set(_flat(logarithms))
        for other in softmaxes.values():
            if other.base == weight.base or len(other.indices) != len(weight.indices):
                continue
            of, by = (_logarithm(v, weight.indices) for v in (softmaxes[weight.base], other))
            ratio = t.Add((of, t.Neg(by)))
            for sign in (False, True):
                if given == set(_flat(negated(ratio, sign))):
                    own = t.Component(f"{weight.base}{AGAINST}{other.base}", weight.indices)
                    whole = t.mul(*rest, own, logarithms_last(ratio), *(t.Frac(t.ONE, f) for f in below))
                    return negated(whole, negative != sign)
    return body


def _flat(node: t.Node, negative: bool = False) -> Iterator[t.Node]:
    """The terms of a sum of sums, each with its sign."""
    match node:
        case t.Add(terms):
            for x in terms:
                yield from _flat(x, negative)
        case t.Neg(argument):
            yield from _flat(argument, not negative)
        case _:
            yield tidy(negated(node, negative))


def _logarithm(softmax: NamedVector, indices: tuple[str, ...]) -> t.Node:
    found = log_of_quotient(t.Call("log", (softmax.at(indices),)))
    assert found is not None
    return found


def softmax_exponent(indices: tuple[str, ...], body: t.Node) -> t.Node | None:
    """u of eᵘ/Σ eᵘ, summed over the last index; None of anything else."""
    match body:
        case t.Frac(t.Call("exp", (u,)) as above, t.Sum(t.Call("exp") as summed, index, _)) if indices:
            return u if t.rename_index(summed, index, indices[-1]) == above else None
    return None


def logarithms_last(node: t.Node) -> t.Node:
    """A sum of sums as one: the scores are taken from each other first, and leave 0 where they are the same."""
    return t.add(*sorted(_flat(node), key=_is_logarithm))


def _is_logarithm(node: t.Node) -> bool:
    core = node.argument if isinstance(node, t.Neg) else node
    return isinstance(core, t.Call) and core.function == "log"


def log_of_quotient(n: t.Node) -> t.Node | None:
    """log(eᵘ/v) = u - log v: exact, and finite where the quotient underflows."""
    match n:
        case t.Call("log", (t.Frac(t.Call("exp", (u,)), v),)):
            return t.Add((u, t.Neg(t.Call("log", (v,)))))
        case t.Call("log", (t.Call("exp", (u,)),)):
            return u
    return None
