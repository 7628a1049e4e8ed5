"""Where a generated function is measured: every scale of float64, the joints, the ends of the domain, and infinity.
No randomness."""

import math
from collections.abc import Iterable, Iterator, Sequence

import sympy
from sympy import Expr, Symbol

from chainrule.balls import Undefined
from chainrule.codegen.evaluation import CONTEXT, evaluate
from chainrule.codegen.spec import FunctionSpec
from chainrule.runtime.scalar import Range

Point = tuple[float, ...]
EDGE_BITS = 2300  # the sum of the largest and the smallest float64, exactly
GOLDEN = 0.6180339887498949
EXTREME = (5e-324, 1e-320, 2.3e-308, 1e-300, 1e-200, 1e-155, 1e-100, 1.2e-38, 1e-45)
SMALL = (1e-30, 1e-20, 3e-17, 1e-16, 1e-12, 1e-10, 1.3e-8, 1e-7, 1e-5, 1e-3, 0.01, 0.03)
MIDDLE = (0.1, 0.3, 0.5, 0.7, 0.75, 0.9, 1.0, 1.2, 1.28, 1.5, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0)
TAIL = (10.0, 15.0, 16.6, 18.0, 20.0, 26.5, 30.0, 33.3, 36.5, 37.0, 37.7, 38.2, 40.0, 50.0, 75.3, 88.8, 104.0)
EDGE = (
    150.0,
    200.0,
    300.0,
    354.0,
    356.0,
    500.0,
    600.0,
    700.0,
    707.1,
    709.5,
    710.2,
    720.0,
    744.0,
    745.2,
    750.0,
    1000.0,
    1420.0,
)
LARGE = (
    2000.0,
    1e4,
    1e5,
    1e8,
    1e10,
    1e16,
    1e30,
    3.4028234663852886e38,
    1e100,
    1e154,
    1.4e154,
    1e200,
    1e300,
    1e308,
    1.797e308,
)
SCALES = EXTREME + SMALL + MIDDLE + TAIL + EDGE + LARGE
DENSE = tuple(sorted(16 * ((k * GOLDEN) % 1) - 8 for k in range(1, 41)))
EVERY = tuple(sorted({0.0, *SCALES, *(-x for x in SCALES), *DENSE}))
COARSE = tuple(sorted({0.0, *EXTREME[::3], *SMALL[::4], *MIDDLE[::2], *TAIL[::3], *EDGE[::3], *LARGE[::3]}))
FEW = (0.7, -1.3, 0.0, 2.5, -0.04, 1.0, -1.0, 13.0, -37.0)
ORDINARY = 6.0
PLASTIC = 1.324717957244746  # Roberts, 2018: its powers, as the golden section, spread points evenly
MANY = 200
SCATTERED = 32
NEAR_ONE = tuple(1 - 2.0**-k for k in (4, 10, 20, 30, 40, 53))


def interval(domain: sympy.Set | None, symbol: Symbol) -> Range:
    """A domain as a Range. Raises ValueError unless it is an interval."""
    if domain is None or domain == sympy.S.Reals:
        if symbol.is_positive or symbol.is_nonnegative:
            return Range(lower=0.0, open_lower=bool(symbol.is_positive))
        return Range()
    if not isinstance(domain, sympy.Interval):
        raise ValueError(f"The domain of {symbol} must be an interval, got {domain}.")
    lower, upper = float(domain.start), float(domain.end)
    return Range(
        lower, upper, bool(domain.left_open) and lower != -math.inf, bool(domain.right_open) and upper != math.inf
    )


def ordinary(domains: Sequence[tuple[float, float]]) -> tuple[Point, ...]:
    """Points such as data have: spread evenly over the six next to zero of each domain, on either side of it."""
    bounds = [(max(low, min(high, 0.0) - ORDINARY), min(high, max(low, 0.0) + ORDINARY)) for low, high in domains]
    steps = [GOLDEN] if len(domains) == 1 else [PLASTIC ** -(k + 1) for k in range(len(domains))]
    return tuple(
        tuple(low + (high - low) * ((n * step) % 1) for (low, high), step in zip(bounds, steps, strict=True))
        for n in range(1, MANY + 1)
    )


def ranges(spec: FunctionSpec) -> dict[str, Range]:
    """The interval of every argument and parameter of a function, by name."""
    return {
        name: interval(spec.domain.get(symbol), symbol) for name, symbol in zip(spec.names, spec.symbols, strict=True)
    }


def sample(spec: FunctionSpec) -> tuple[Point, ...]:
    """The points for a function: each argument in turn over every scale, the others over a few values, and the joints
    between branches."""
    domains = tuple(ranges(spec).values())
    count = len(spec.arguments)
    few: list[tuple[float, ...]] = []
    for k, domain in enumerate(domains):
        own: tuple[float, ...] = FEW
        if k >= count:
            default = spec.parameters[k - count][2]
            own = (default, *(default * factor for factor in (0.5, 2.0, 10.0, 0.1)), 1.3, 1.0, -0.7)
        few.append(
            tuple(dict.fromkeys(x for x in (*own, 0.5, 0.2, 1.0, 0.001, 0.999, *_ends(domain)) if _inside(domain, x)))[
                :9
            ]
        )
    few = [
        tuple(sorted(spec.values[symbol])) if symbol in spec.values else each
        for symbol, each in zip(spec.symbols, few, strict=True)
    ]
    points: list[Point] = []
    for k in range(count):
        if spec.symbols[k] in spec.values:
            continue
        for n, x in enumerate(_line(domains[k], EVERY if len(domains) == 1 else _mirror(COARSE) + DENSE[::4])):
            for turn in range(1 if len(domains) == 1 else 3):
                points.append(
                    tuple(
                        x if j == k else few[j][(n * (3 - turn) + turn * (j + 1) + n // 7) % len(few[j])]
                        for j in range(len(domains))
                    )
                )
            for j, domain in enumerate(domains[:count]):
                for end in _ends(domain) if j != k else ():
                    if _inside(domain, end):
                        points.append(tuple(x if i == k else end if i == j else few[i][0] for i in range(len(domains))))
        for x in (-math.inf, math.inf):
            if _inside(domains[k], x):
                for turn in range(1 if len(domains) == 1 else 5):
                    points.append(tuple(x if j == k else few[j][turn % len(few[j])] for j in range(len(domains))))
    for j, root in _zeros(spec):
        if _inside(domains[j], root) and root not in few[j][:5]:
            at_zero = tuple(root if i == j else few[i][0] for i in range(len(domains)))
            points += [
                (*at_zero[:k], x, *at_zero[k + 1 :])
                for k in range(count)
                for x in (-math.inf, math.inf)
                if k != j and _inside(domains[k], x)
            ]
    base = tuple(
        tuple(few[j][n % len(few[j])] for j in range(len(domains))) for n in range(1 if len(domains) == 1 else 9)
    )
    points += _joints(spec, base, domains)
    if len(domains) > 1:
        for x in (-1.5e308, -3.0, 1e-300, 0.001, 0.5, 1.0, 1e8, 1.5e308):
            together = tuple(x if k < count else few[k][0] for k in range(len(domains)))
            points += [together] if all(map(_inside, domains, together)) else []
        points += [
            tuple(few[j][(n * (2 * j + 1) + n // 9 * j) % len(few[j])] for j in range(len(domains))) for n in range(40)
        ]
        points += [point for point in _scattered(spec, domains) if all(map(_inside, domains, point))]
    allowed = [spec.values.get(symbol) for symbol in spec.symbols]
    return tuple(
        point
        for point in dict.fromkeys(points)
        if all(values is None or x in values for x, values in zip(point, allowed, strict=True))
    )


def _scattered(spec: FunctionSpec, domains: Sequence[Range]) -> Iterator[Point]:
    """Every coordinate at any scale at once: parameters up to a hundred times what they are unless given, arguments anywhere up to a thousand, or of the
    size of one of the parameters, or of the first argument."""
    count, usual = len(spec.arguments), [abs(default) or 1.0 for _, _, default in spec.parameters]
    for n in range(1, SCATTERED + 1):
        turns = [2 * ((n * PLASTIC ** -(j + 1) + 0.5 * j) % 1) - 1 for j in range(len(domains))]
        others = [default * 10 ** (2 * turn) for default, turn in zip(usual, turns[count:], strict=True)]
        sizes = [10 ** (3 * turn) for turn in turns[:count]]
        if n % 2:
            like = others[n // 2 % len(others)] if others else sizes[0]
            sizes = [like * 10**turn for turn in turns[:count]]
        every = enumerate(zip((*sizes, *others), domains, strict=True))
        yield tuple(_placed(size, bool(n >> j & 2), domain) for j, (size, domain) in every)


def _placed(size: float, negative: bool, domain: Range) -> float:
    """A number of a domain, so far from 0 or from one of its ends."""
    if math.isfinite(domain.lower) and math.isfinite(domain.upper):
        return domain.lower + (domain.upper - domain.lower) * (size * GOLDEN % 1)
    if math.isfinite(domain.lower):
        return domain.lower + size
    if math.isfinite(domain.upper):
        return domain.upper - size
    return -size if negative else size


def _zeros(spec: FunctionSpec) -> list[tuple[int, float]]:
    """Where a factor that is linear in one argument is 0, by the place of the argument: the limit is 0 there, whatever the others do."""
    factors = {
        factor for _, expr in spec.parts for factor in sympy.Mul.make_args(expr) if len(factor.free_symbols) == 1
    }
    linear = [factor for factor in sorted(factors, key=str) if factor.is_Add and factor.is_polynomial()]
    found = [(symbol, sympy.solve(factor, symbol)) for factor in linear for symbol in factor.free_symbols]
    return [
        (spec.symbols.index(s), float(r)) for s, roots in found for r in roots if len(roots) == 1 and s in spec.symbols
    ]


def _joints(spec: FunctionSpec, base: Sequence[Point], domains: Sequence[Range]) -> list[Point]:
    """Where a condition, an absolute value or a maximum changes sides, and the neighbouring numbers, along each
    argument."""
    points: list[Point] = []
    for margin in sorted(margins_of(expr for _, expr in spec.parts), key=str):
        for k, symbol in enumerate(spec.symbols[: len(spec.arguments)]):
            root = _linear_root(margin, symbol)
            if root is None:
                continue
            for point in base:
                value = root.subs(dict(zip(spec.symbols, map(sympy.Float, point), strict=True)))
                if value.is_real and value.is_finite:
                    x = float(value)
                    near = (x, math.nextafter(x, math.inf), math.nextafter(x, -math.inf))
                    points += [(*point[:k], each, *point[k + 1 :]) for each in near if _inside(domains[k], each)]
    return points


LINE_EXPONENTS = 6
LINE_MIDDLE = 480
LINE_SCALES = (1.0, 4.0, 16.0, 64.0, 256.0, 800.0)
LINE_UNIFORM = 70
MOST_SETTINGS = 6
FEW_VALUES = 3  # an argument that takes no more than these takes no others


def _closely(thin: int) -> list[float]:
    """Positive numbers: every few exponents, then the middle ones closely, on logarithmic and on even scales."""
    found = [
        math.ldexp(1 + (k * GOLDEN) % 1, exponent)
        for k, exponent in enumerate(range(-1074, 1024, LINE_EXPONENTS * thin))
    ]
    found += [2.0 ** (40 * ((k * GOLDEN) % 1) - 30) for k in range(1, LINE_MIDDLE // thin + 1)]
    for scale in LINE_SCALES:
        found += [scale * ((k * GOLDEN + 0.37) % 1) for k in range(1, LINE_UNIFORM // thin + 1)]
    for exponent in range(-12, 11, thin):
        found += [math.ldexp(1.0, exponent), math.nextafter(math.ldexp(1.0, exponent), 0.0)]
    return found


def closer(points: Sequence[Point], domains: Sequence[tuple[float, float]], used: Sequence[int]) -> tuple[Point, ...]:
    """More points: each of the coordinates in use along a line through some of the points given."""
    finite = [point for point in points if all(map(math.isfinite, point))]
    if not finite or not used:
        return ()
    found: list[Point] = []
    for k in used[:2]:
        if len({point[k] for point in finite}) <= FEW_VALUES:
            continue
        others = list(dict.fromkeys((*point[:k], *point[k + 1 :]) for point in finite)) if len(used) > 1 else []
        moderate = [other for other in others if all(x == 0 or 1e-9 < abs(x) < 1e3 for x in other)]
        settings = moderate[:: max(1, len(moderate) // MOST_SETTINGS)][:MOST_SETTINGS]
        for other in settings or [(*finite[0][:k], *finite[0][k + 1 :])]:
            for x in _closely(len(settings) or 1):
                for signed in (x, -x):
                    if domains[k][0] <= signed <= domains[k][1]:
                        found.append((*other[:k], signed, *other[k:]))
        found += [(*point[:k], -0.0, *point[k + 1 :]) for point in finite if point[k] == 0]
    return tuple(found)


AROUND = (0.125, 0.25, 0.5, 0.75, 1.0)  # how far an expansion about a root may reach


def neighbours(x: float) -> tuple[float, ...]:
    """Numbers around one number: at distances that double, and about the reach of an expansion about it."""
    edges = tuple(
        x + sign * reach * (0.85 + 0.4 * ((k * GOLDEN) % 1)) for reach in AROUND for k in range(50) for sign in (1, -1)
    )
    if x == 0:
        return (*(sign * math.ldexp(1.3, -k) for k in range(1, 1000, 30) for sign in (1, -1)), *edges)
    unit = math.ulp(x)
    steps = (0, 1, 2, 3, 5, *(3 << k for k in range(2, 50, 2)))
    return (*(x + sign * step * unit for step in steps for sign in (1, -1)), *edges)


def nearby(x: float, count: int, turn: int) -> tuple[float, ...]:
    """Other numbers near one number, at distances from a thousandth of it down to a few ulp."""
    apart = (2.0 ** -(10 + 40 * (((k + 1) * GOLDEN + 0.31 * turn) % 1)) for k in range(count))
    return tuple(x * (1 + (each if k % 2 else -each)) for k, each in enumerate(apart))


def margins_of(exprs: Iterable[Expr]) -> set[Expr]:
    margins: set[Expr] = set()
    for expr in exprs:
        for node in sympy.preorder_traversal(expr):
            if isinstance(node, sympy.core.relational.Relational):
                margins |= _without_abs(node.lhs - node.rhs)
            elif isinstance(node, sympy.Abs | sympy.sign | sympy.Heaviside):
                margins |= _without_abs(node.args[0])
            elif isinstance(node, sympy.Max | sympy.Min):
                margins |= {margin for other in node.args[1:] for margin in _without_abs(node.args[0] - other)}
    return margins


def jumps(expr: Expr) -> tuple[Expr, ...]:
    """What changes sign where an expression may jump: the margins of its conditions, signs and steps."""
    margins = {node.lhs - node.rhs for node in expr.atoms(sympy.core.relational.Relational)}
    return tuple(sorted(margins | {node.args[0] for node in expr.atoms(sympy.sign, sympy.Heaviside)}, key=str))


def on_edge(margins: Sequence[Expr], symbols: Sequence[Symbol], point: Point) -> bool:
    """Whether a margin is not zero, but so small that float64 may see the other side of a jump: there both values are
    right."""
    if not all(map(math.isfinite, point)):
        return False
    for margin in margins:
        terms = sympy.Add.make_args(margin)
        if len(terms) < 2:
            continue
        try:
            value, *parts = (evaluate(each, symbols, point, EDGE_BITS) for each in (margin, *terms))
        except Undefined:
            return True
        if value != 0 and abs(value) < sum(map(abs, parts)) * CONTEXT.mpf(2) ** -50:
            return True
    return False


def _without_abs(expr: Expr) -> set[Expr]:
    inner = next(iter(sorted(expr.atoms(sympy.Abs), key=str)), None)
    if inner is None:
        return {expr}
    return {each for sign in (1, -1) for each in _without_abs(expr.xreplace({inner: sign * inner.args[0]}))}


def _linear_root(margin: Expr, symbol: Symbol) -> Expr | None:
    if not margin.has(symbol) or not margin.is_polynomial(symbol):
        return None
    poly = sympy.Poly(margin, symbol)
    return -poly.coeff_monomial(1) / poly.coeff_monomial(symbol) if poly.degree() == 1 else None


def _line(domain: Range, candidates: Sequence[float]) -> tuple[float, ...]:
    return tuple(
        sorted(
            {x for x in (*candidates, *_ends(domain), *(NEAR_ONE if domain.upper == 1 else ())) if _inside(domain, x)}
        )
    )


def _mirror(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(sorted({*values, *(-x for x in values)}))


def _ends(domain: Range) -> tuple[float, ...]:
    return tuple(x for x in (domain.lower, domain.upper) if math.isfinite(x))


def _inside(domain: Range, x: float) -> bool:
    above = domain.lower < x or (x == domain.lower and not domain.open_lower)
    return above and (x < domain.upper or (x == domain.upper and not domain.open_upper))
