"""The rules of index calculus: what may be done to a sum over an index, one row each.

A row is tried on every ``Sum`` of a line, outermost first."""

from dataclasses import replace
from fractions import Fraction

from ..expression import tree as t
from ..expression.scope import NamedVector, Scope
from .dependence import matrix_of
from .derivation import Rule
from .products import collect
from .tidy import tidy

TOTAL_LIMIT = 40
WRITE_OUT = "write out the definition"


def _parts(body: t.Node) -> tuple[bool, tuple[t.Node, ...]]:
    """A product as a sign and its factors."""
    negative = False
    while isinstance(body, t.Neg):
        negative, body = not negative, body.argument
    if isinstance(body, t.Frac):
        minus, above = _parts(body.numerator)
        below = body.denominator.factors if isinstance(body.denominator, t.Mul) else (body.denominator,)
        return negative ^ minus, (*(f for f in above if f != t.ONE), *(t.Frac(t.ONE, f) for f in below if f != t.ONE))
    if isinstance(body, t.Mul):
        parts = [_parts(f) if isinstance(f, t.Frac) and f.numerator != t.ONE else (False, (f,)) for f in body.factors]
        return negative ^ (sum(minus for minus, _ in parts) % 2 == 1), tuple(f for _, factors in parts for f in factors)
    return negative, (body,)


def _signed(negative: bool, node: t.Node) -> t.Node:
    return t.Neg(node) if negative else node


def _sift(n: t.Node, s: Scope) -> t.Node | None:
    """Σ_k a_k δ_kj = a_j."""
    if not isinstance(n, t.Sum):
        return None
    negative, factors = _parts(n.body)
    factors = tuple(part for factor in factors for part in _shared_delta(factor, n.index))
    for position, factor in enumerate(factors):
        if isinstance(factor, t.Delta) and n.index in (factor.left, factor.right):
            other = factor.right if factor.left == n.index else factor.left
            if other == n.index:
                continue
            rest = t.mul(*factors[:position], *factors[position + 1 :])
            return _signed(negative, collect(t.rename_index(rest, n.index, other)))
    return None


def _shared_delta(factor: t.Node, k: str) -> tuple[t.Node, ...]:
    """{a δ_kj if c; 0 otherwise} as δ_kj {a if c; 0 otherwise}, where every branch is 0 or a multiple of the same delta."""
    if not isinstance(factor, t.Cases):
        return (factor,)
    values = [_parts(branch.value) for branch in factor.branches]
    deltas = [
        {p for p in parts if isinstance(p, t.Delta) and k in (p.left, p.right)}
        for _, parts in values
        if parts != (t.ZERO,)
    ]
    shared = set.intersection(*deltas) if deltas else None
    if not shared:
        return (factor,)
    delta = min(shared, key=repr)
    rest = [_signed(negative, t.mul(*(p for p in parts if p != delta))) for negative, parts in values]
    branches = zip(rest, factor.branches, strict=True)
    return delta, t.Cases(tuple(t.Branch(value, b.condition) for value, b in branches))


def _cancel(n: t.Node, s: Scope) -> t.Node | None:
    if not isinstance(n, t.Sum):
        return None
    body = collect(n.body)
    return t.Sum(body, n.index, n.dimension) if t.size(body) < t.size(n.body) else None


def _factor_out(n: t.Node, s: Scope) -> t.Node | None:
    """Factors without the index stand before the sum, and so does a minus sign."""
    if not isinstance(n, t.Sum):
        return None
    negative, factors = _parts(n.body)
    fixed = tuple(f for f in factors if n.index not in t.free_indices(f))
    varying = tuple(f for f in factors if n.index in t.free_indices(f))
    if not varying:
        return _signed(negative, t.mul(t.Dimension(n.dimension), *(f for f in fixed if f != t.ONE)))
    if not fixed and not negative:
        return None
    return _signed(negative, t.mul(*fixed, t.Sum(t.mul(*varying), n.index, n.dimension)))


def _distribute(n: t.Node, s: Scope) -> t.Node | None:
    """A product with a sum that holds a delta is multiplied out, so that the delta can act; so is Σ_k y_k (a_k - c), where Σ_k y_k is known."""
    if not isinstance(n, t.Sum):
        return None
    negative, factors = _parts(n.body)
    if (
        len(factors) == 1
        and isinstance(factors[0], t.Add)
        and any(isinstance(p, t.Delta) for _, p in t.walk(factors[0]))
    ):
        return t.Add(tuple(t.Sum(tidy(_signed(negative, term)), n.index, n.dimension) for term in factors[0].terms))
    for position, factor in enumerate(factors):
        rest = (*factors[:position], *factors[position + 1 :])
        if isinstance(factor, t.Add) and (
            any(isinstance(p, t.Delta) for _, p in t.walk(factor)) or _splits(factor, rest, n, s)
        ):
            terms = tuple(tidy(_signed(negative, t.mul(*rest, term))) for term in factor.terms)
            return t.add(*(t.Sum(_front_minus(term), n.index, n.dimension) for term in terms))
    return None


def _splits(factor: t.Add, rest: tuple[t.Node, ...], n: t.Sum, s: Scope) -> bool:
    return any(n.index not in t.free_indices(term) for term in factor.terms) and _known(t.mul(*rest), n, s)


def _front_minus(term: t.Node) -> t.Node:
    """a·(-b) as -(a·b)."""
    if isinstance(term, t.Mul) and any(isinstance(f, t.Neg) for f in term.factors):
        minus = sum(isinstance(f, t.Neg) for f in term.factors) % 2
        plain = t.mul(*(f.argument if isinstance(f, t.Neg) else f for f in term.factors))
        return t.Neg(plain) if minus else plain
    return term


def _sums_to_one(n: t.Node, s: Scope) -> t.Node | None:
    match n:
        case t.Sum(t.Component(base, (*_, index)), bound, _) if index == bound and "sums_to_one" in s.facts.get(
            base, ()
        ):
            return t.ONE
    return None


def _one_place(n: t.Node, s: Scope) -> t.Node | None:
    """Σ_k 1[k = argmax_l u_l] = 1: of several places the first counts."""
    match n:
        case t.Sum(t.Indicator(t.Compare("=", t.Index(index), t.ArgMax() as place)), bound, size) if (
            index == bound and bound not in t.free_indices(place) and place.dimension == size
        ):
            return t.ONE
    return None


def _split_constant(n: t.Node, s: Scope) -> t.Node | None:
    """Σ_k (a_k - c) = Σ_k a_k - Kc, where a named scalar may be the mean that makes it 0; each term by itself where one of them has a known
    sum."""
    match n:
        case t.Sum(t.Add(terms)) if any(_known(x, n, s) for x in terms):
            return t.Add(tuple(_each(x, n) for x in terms))
        case t.Sum(t.Add(terms), k, size) if s.scalars.keys() - {s.own}:
            fixed = [x for x in terms if k not in t.free_indices(x)]
            if not fixed or len(fixed) == len(terms):
                return None
            varying = t.Sum(t.add(*(x for x in terms if x not in fixed)), k, size)
            return t.Add(
                (
                    varying,
                    *(
                        _signed(
                            isinstance(x, t.Neg), t.Mul((t.Dimension(size), x.argument if isinstance(x, t.Neg) else x))
                        )
                        for x in fixed
                    ),
                )
            )
    return None


def _known(term: t.Node, n: t.Sum, s: Scope) -> bool:
    """Whether a term is a constant times the component of a vector whose sum over the index of ``n`` is known, declared or worked out."""
    varying = [f for f in _parts(term)[1] if n.index in t.free_indices(f)]
    if len(varying) != 1:
        return False
    alone = t.Sum(varying[0], n.index, n.dimension)
    return _sums_to_one(alone, s) is not None or _write_out(alone, s) is not None


def _each(term: t.Node, n: t.Sum) -> t.Node:
    if isinstance(term, t.Neg):
        return t.Neg(_each(term.argument, n))
    if n.index not in t.free_indices(term):
        return collect(t.Mul((t.Dimension(n.dimension), term)))
    return t.Sum(term, n.index, n.dimension)


def _write_out(n: t.Node, s: Scope) -> t.Node | None:
    """The sum of a named vector, written out where that makes it a number."""
    match n:
        case t.Sum(t.Component(base, (*_, index)) as name, bound, size) if index == bound and base in s.vectors:
            whole = t.Sum(s.vectors[base].at(name.indices), bound, size)
            return whole if isinstance(total(whole, s), t.Number) else None
    return None


def total(node: t.Node, scope: Scope) -> t.Node:
    """The value of a sum by the rules below, as far as they go."""
    for _ in range(TOTAL_LIMIT):
        sums = [(path, part) for path, part in t.walk(node) if isinstance(part, t.Sum)]
        moves = ((p, new) for rule in SUMS for p, n in sums if (new := rule.apply(n, scope)) is not None and new != n)
        move = next(moves, None)
        if move is None:
            break
        node = collect(t.same_bound_names(tidy(t.replace_at(node, *move))))
    return collect(node)


def _symmetric(n: t.Node, s: Scope) -> t.Node | None:
    """A_kj as A_jk for a symmetric A: the bound index second, two bound or two free ones in alphabetical order."""
    if not isinstance(n, t.Sum):
        return None

    def one(c: t.Node) -> t.Node | None:
        match c:
            case t.Component(base, (i, j)) if (
                "symmetric" in s.facts.get(matrix_of(base), ()) and i == n.index and j in t.free_indices(n)
            ):
                return t.Component(base, (j, i))
        return None

    new = t.transform(n.body, one)
    return t.Sum(new, n.index, n.dimension) if new != n.body else None


_K = {"i": "K", "j": "K", "k": "K"}
_S = Scope(indices=_K, shapes={"a": ("K",), "y": ("K",), "b": ("K",)}, facts={"y": ("sums_to_one",)})
_AK, _BK, _BJ, _YK = (
    t.Component("a", ("k",)),
    t.Component("b", ("k",)),
    t.Component("b", ("j",)),
    t.Component("y", ("k",)),
)
_AJ = t.Component("a", ("j",))


def _over_k(body: t.Node) -> t.Sum:
    return t.Sum(body, "k", "K")


_AT_MAXIMUM = t.Indicator(t.Compare("=", t.Index("k"), t.ArgMax(t.Component("a", ("l",)), "l", "K")))
_OF_Y = t.Frac(t.Component("y", ("i",)), t.Sum(t.Component("y", ("l",)), "l", "K"))
_SHARES = replace(_S, shapes={**_S.shapes, "s": ("K",)}, vectors={"s": NamedVector("s", ("i",), _OF_Y)})

SIFT = Rule(
    "the delta keeps one term",
    t.Equation(_over_k(t.Mul((_AK, t.Delta("k", "j")))), _AJ),
    _sift,
    _over_k(t.Mul((_AK, t.Delta("k", "j")))),
    _S,
)
FACTOR_OUT = Rule(
    "take constants out of the sum",
    t.Equation(_over_k(t.Mul((t.Symbol("c"), _AK))), t.Mul((t.Symbol("c"), _over_k(_AK)))),
    _factor_out,
    _over_k(t.Neg(t.Mul((_BJ, _AK)))),
    _S,
    minor=True,
)
SUMS: tuple[Rule, ...] = (
    FACTOR_OUT,
    SIFT,
    Rule("cancel", None, _cancel, _over_k(t.Mul((t.Frac(_BK, _AK), _AK, t.Power(_AK, t.Number(Fraction(2)))))), _S),
    Rule("since the components sum to 1", t.Equation(_over_k(_YK), t.ONE), _sums_to_one, _over_k(_YK), _S),
    Rule(
        "since the maximum has one place", t.Equation(_over_k(_AT_MAXIMUM), t.ONE), _one_place, _over_k(_AT_MAXIMUM), _S
    ),
    Rule(
        "split the sum",
        t.Equation(
            _over_k(t.Add((_AK, t.Neg(t.Symbol("c"))))),
            t.Add((_over_k(_AK), t.Neg(t.Mul((t.Dimension("K"), t.Symbol("c")))))),
        ),
        _split_constant,
        _over_k(t.Add((_AK, t.Neg(t.Symbol("c"))))),
        Scope(indices=_K, shapes={"a": ("K",)}, scalars={"d": t.ONE}),
        minor=True,
    ),
    Rule(
        WRITE_OUT,
        None,
        _write_out,
        _over_k(t.Component("s", ("k",))),
        _SHARES,
        minor=True,
    ),
    Rule(
        "since the matrix is symmetric",
        t.Equation(t.Component("A", ("k", "j")), t.Component("A", ("j", "k"))),
        _symmetric,
        t.Sum(t.Mul((t.Component("A", ("k", "j")), _AK)), "k", "K"),
        Scope(indices=_K, shapes={"a": ("K",), "A": ("K", "K")}, facts={"A": ("symmetric",)}),
    ),
    Rule(
        "multiply out under the sum",
        t.Equation(_over_k(t.Add((_AK, _BK))), t.Add((_over_k(_AK), _over_k(_BK)))),
        _distribute,
        _over_k(t.Mul((_AK, t.Add((t.Delta("k", "j"), t.Neg(_BJ)))))),
        _S,
        minor=True,
    ),
)
