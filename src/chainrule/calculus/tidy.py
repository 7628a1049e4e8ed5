"""The simplifications that carry no idea and are never a line of their own: 1·a, a + 0, -(-a), nested sums and products."""

from collections.abc import Iterator

from ..expression import tree as t


def tidy(node: t.Node) -> t.Node:
    """Drop ones, zeros and double minus signs, and flatten nested sums and products; nothing is reordered or cancelled."""
    return t.transform(node, _tidy_one)


def _tidy_one(node: t.Node) -> t.Node | None:
    match node:
        case t.Neg(t.Neg(inner)):
            return inner
        case t.Neg(t.Number(value)) if value == 0:
            return t.ZERO
        case t.Add(terms):
            return _sum(terms)
        case t.Mul(factors):
            return _product(factors)
        case t.Frac(t.Number(value), _) if value == 0:
            return t.ZERO
        case t.Frac(numerator, t.Number(value)) if value == 1:
            return numerator
        case t.Frac(t.Neg(numerator), denominator):
            return t.Neg(t.Frac(numerator, denominator))
        case t.Power(base, t.Number(value)) if value == 1:
            return base
        case t.Sum(t.Number(value), _, _) if value == 0:
            return t.ZERO
    return None


def _has_pending(node: t.Node) -> bool:
    """A factor that still holds a pending derivative keeps together, so that its result is read as one."""
    return any(isinstance(part, t.Derivative) for _, part in t.walk(node))


def _sum(terms: tuple[t.Node, ...]) -> t.Node:
    flat: list[t.Node] = []
    for term in terms:
        if isinstance(term, t.Add):
            flat.extend(term.terms)
        elif isinstance(term, t.Neg) and isinstance(term.argument, t.Add):
            flat.extend(tidy(t.Neg(x)) for x in term.argument.terms)
        elif term != t.ZERO:
            flat.append(term)
    return t.add(*flat)


def _product(factors: tuple[t.Node, ...]) -> t.Node:
    flat: list[t.Node] = []
    for factor in factors:
        flat.extend(factor.factors if isinstance(factor, t.Mul) and not _has_pending(factor) else (factor,))
    if t.ZERO in flat:
        return t.ZERO
    minus = t.Neg(t.ONE)
    if minus in flat:
        flat.remove(minus)
        return tidy(t.Neg(t.mul(*flat)))
    flat = [f for f in flat if f != t.ONE]
    negative = bool(flat) and isinstance(flat[0], t.Neg)
    if negative:
        lead = flat[0]
        assert isinstance(lead, t.Neg)
        flat = [*(lead.argument.factors if isinstance(lead.argument, t.Mul) else (lead.argument,)), *flat[1:]]
        flat = [f for f in flat if f != t.ONE]
    if negative and len(flat) == 1 and isinstance(flat[0], t.Neg):
        return flat[0].argument
    if len(flat) > 1 and any(isinstance(f, t.Neg) for f in flat) and all(is_plain(f) for f in flat):
        negative ^= sum(isinstance(f, t.Neg) for f in flat) % 2 == 1
        flat = [f.argument if isinstance(f, t.Neg) else f for f in flat]
    product = _over(flat)
    return t.Neg(product) if negative else product


def _over(factors: list[t.Node]) -> t.Node:
    """y · b/a as yb/a, where all factors are plain."""
    if len(factors) > 1 and all(is_plain(f) for f in factors):
        fractions = [f for f in factors if isinstance(f, t.Frac) and not isinstance(f.denominator, t.Number)]
        if len(fractions) == 1 and fractions[0].denominator not in factors:
            above = [f.numerator if f is fractions[0] else f for f in factors]
            return t.Frac(_product(tuple(above)), fractions[0].denominator)
    return t.mul(*factors)


def is_plain(node: t.Node) -> bool:
    """Made of numbers, names and arithmetic only: no function, sum, case or pending derivative."""
    return not any(
        isinstance(part, t.Call | t.Binder | t.Indicator | t.Cases | t.Derivative) for _, part in t.walk(node)
    )


def minus_inside(node: t.Node) -> t.Node | None:
    """-(a - b) as b - a, through products: -x(a - b) as x(b - a). None where not exactly one difference of two varying terms is there."""
    if not isinstance(node, t.Neg):
        return None
    places = [path for path, part in _factors(node.argument) if _is_difference(part)]
    if len(places) != 1:
        return None
    difference = t.at(node.argument, places[0])
    terms = sorted((tidy(t.Neg(x)) for x in difference.children), key=lambda x: isinstance(x, t.Neg))
    return t.replace_at(node.argument, places[0], t.Add(tuple(terms)))


def _factors(node: t.Node, path: t.Path = ()) -> Iterator[tuple[t.Path, t.Node]]:
    """The parts of a product through which a sign can go, however deep: factors and numerators."""
    if isinstance(node, t.Mul | t.MatMul | t.Hadamard | t.Outer | t.Frac | t.Transpose):
        children = node.children[:1] if isinstance(node, t.Frac) else node.children
        for place, child in enumerate(children):
            yield from _factors(child, (*path, place))
    else:
        yield path, node


def _is_difference(node: t.Node) -> bool:
    if not isinstance(node, t.Add) or isinstance(node.terms[0], t.Neg) or _is_constant(node.terms[0]):
        return False
    return any(isinstance(x, t.Neg) and not _is_constant(x.argument) for x in node.terms)


def _is_constant(node: t.Node) -> bool:
    return isinstance(node, t.Number | t.Ones | t.Identity) or (
        node.children != () and all(map(_is_constant, node.children))
    )


def spread(line: t.Node) -> t.Node:
    """-(a - b Σ) as -a + b Σ; once no sum is left, what is added stands first."""
    if isinstance(line, t.Neg) and isinstance(line.argument, t.Add):
        line = tidy(t.Add(tuple(t.Neg(x) for x in line.argument.terms)))
    if isinstance(line, t.Add) and not any(isinstance(part, t.Sum) for _, part in t.walk(line)):
        return t.Add(tuple(sorted(line.terms, key=lambda x: isinstance(x, t.Neg))))
    return line
