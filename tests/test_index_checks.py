"""What a user brings and what does not fit in it: one clear error that names it, and never a result that is silently wrong."""

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import KroneckerDelta, Sum, exp, log

from chainrule import Definition, dimension, index, load, matrix, scalar, vector
from chainrule.calculus.derive import derive, derive_all
from chainrule.calculus.forms import forms
from chainrule.catalogue import project
from chainrule.errors import ChainruleError, DefinitionError, UnsupportedExpression
from chainrule.expression.printing import text
from chainrule.verification import verify

K, n, m = dimension("K"), dimension("n"), dimension("m")
i, j, k, l, c = (index(name, K) for name in "ijklc")
p, q = index("p", n), index("q", n)
z, w, s, y, v = vector("z", K), vector("w", K), vector("s", K), vector("y", K), vector("v", n)
W, A = matrix("W", K, n), matrix("A", K, K)
x, u, T = scalar("x"), scalar("u"), scalar("T")
g = sp.Function("g")
X, B = sp.MatrixSymbol("X", n, n), sp.MatrixSymbol("B", m, n)
a = sp.MatrixSymbol("a", n, 1)
SOFTMAX = {s[i]: exp(z[i]) / Sum(exp(z[k]), k)}
SQUARES = Sum(z[k] ** 2, k)

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    # free indices
    "a sum without its sign": (lambda: derive(z[i] * w[i], wrt=z[j]), r"index i stands twice .* write Sum\(w\[i\]\*z\[i\], i\)"),
    "a square without its sum": (lambda: derive(z[i] ** 2, wrt=z), r"index i stands twice .* index=i .*'label': i"),
    "a product with a forgotten sum": (lambda: derive(Sum(W[i, p] * z[i], p), wrt=z), "index i stands twice"),
    "a mean square with a forgotten sum": (lambda: derive((z[k] - w[k]) ** 2 / K, wrt=z), "index k stands twice"),
    "an index free in a named equation": (lambda: derive(Sum(s[k], k), wrt=z, where={s[i]: z[i] * w[l]}), "index l is free on the right"),
    "an index free in a named scalar": (lambda: derive(u * Sum(z[k], k), wrt=z, where={u: z[i]}), "index i is free on the right"),
    "one free index over two dimensions": (
        lambda: derive(z[i] * Sum(v[index("i", n)] ** 2, index("i", n)), wrt=z[j], index=i), "index i is free .* runs through K and n",
    ),
    # the index of the value, the index of the variable
    "the variable at an index of the value": (lambda: derive(exp(z[i]), wrt=z[i], index=i), r"free index i already.* write wrt=z"),
    "the variable at a class index": (lambda: derive(-log(s[j]), wrt=z[j], where=SOFTMAX), "free index j already"),
    "the variable twice at one index": (lambda: derive(Sum(A[k, l], k, l), wrt=A[i, i]), "one name cannot be two places"),
    "an index of the value that is not there": (lambda: derive(SQUARES, wrt=z, index=i), "holds no free i: leave index= out"),
    "an index of the value twice": (lambda: derive(A[i, i], wrt=A, index=(i, i)), "names i twice"),
    "an index of the value that is a word": (lambda: derive(exp(z[i]), wrt=z, index="i"), r"write index\('i', K\)"),
    "an index of the value without a range": (lambda: derive(exp(z[i]), wrt=z, index=sp.Symbol("i", integer=True)), r"write index\('i', K\)"),
    # sizes
    "an index of another dimension": (lambda: derive(Sum(v[k] ** 2, k), wrt=v), r"`v\[k\]` .* v has size n, but the index k runs through K"),
    "a free index of another dimension": (lambda: derive(exp(z[p]), wrt=z, index=p), "z has size K, but the index p runs through n"),
    "a variable at an index of another dimension": (lambda: derive(SQUARES, wrt=z[p]), "z has size K, but the index p runs through n"),
    "rows and columns mixed up": (lambda: derive(Sum(W[p, k] * v[p], p), wrt=v, arguments={"row": k}), "W has size K × n, but the index p"),
    "one index for both axes": (lambda: derive(Sum(W[k, k], k), wrt=W), "W has size K × n, but the index k runs through K"),
    "too few indices": (lambda: W[i], r"^W\[i\]: W has size K × n, so it takes 2 indices, not 1$"),
    "too many indices": (lambda: z[i, j], r"^z\[i, j\]: z has size K, so it takes 1 indices, not 2$"),
    "a vector of two sizes": (lambda: derive(Sum(z[k], k) * Sum(vector("z", n)[p], p), wrt=z), "z has size . in one place and . in another"),
    "a vector without a size": (lambda: derive(Sum(sp.IndexedBase("r")[k], k), wrt=sp.IndexedBase("r")), r"write vector\('r', K\)"),
    "an index without a range": (lambda: derive(sp.log(z[sp.Idx("k")]), wrt=z), r"write index\('k', K\)"),
    "a delta across dimensions": (
        lambda: derive(Sum(Sum(KroneckerDelta(k, p) * z[k] * v[p], k), p), wrt=z), "k through K and p through n",
    ),
    "a sum of matrices of two shapes": (lambda: derive(sp.Trace(sp.MatAdd(X, B)), wrt=X), "`X` is n × n and `B` is m × n; terms have one shape"),
    "factors of two shapes": (
        lambda: derive(sp.Trace(sp.HadamardProduct(X, B)), wrt=X), "factors have one shape",
    ),
    "a product that does not fit": (lambda: derive(sp.MatMul(B, B, a), wrt=a), "columns of one factor are the rows of the next"),
    "the trace of an oblong matrix": (lambda: derive(sp.Trace(B), wrt=B), "`B` is m × n; Trace takes a square matrix"),
    "the determinant of an oblong matrix": (lambda: derive(sp.Determinant(B), wrt=B), "Determinant takes a square matrix"),
    "a matrix at indices of another dimension": (lambda: derive(Sum(X[k, k], k), wrt=X), r"X has size n × n, but the index k runs through K"),
    # an index is no number
    "an index as a factor": (lambda: derive(Sum(k * z[k], k), wrt=z), "the index k stands where a number is needed"),
    "an index as an exponent": (lambda: derive(Sum(x**k, k), wrt=x), "the index k stands where a number is needed"),
    "a condition on an index": (
        lambda: derive(Sum(sp.Piecewise((z[k], k < 3), (0, True)), k), wrt=z), "the index k stands where a number is needed",
    ),
    "a scalar with the name of an index": (lambda: derive(scalar("k") * SQUARES, wrt=z), "the index k stands where a number is needed"),
    # sums
    "a sum from the second component": (
        lambda: derive(Sum(z[t_] ** 2, (t_, 2, K)), wrt=z), "does not run through a whole dimension",
    ),
    "a sum of shifted length": (lambda: derive(Sum(z[t_] ** 2, (t_, 2, K + 1)), wrt=z), "does not run through a whole dimension"),
    "a sum of three terms": (lambda: derive(Sum(z[k] ** 2, (k, 0, 2)), wrt=z), "does not run through a whole dimension"),
    "a sum up to another index": (lambda: derive(Sum(Sum(z[l], (l, 0, k)), k), wrt=z), "does not run through a whole dimension"),
    "a sum over another dimension": (lambda: derive(Sum(z[k], (k, 0, n - 1)), wrt=z), "z has size K, but the index k runs through n"),
    "a component at a fixed place": (lambda: derive(z[0] ** 2, wrt=z), "the index `0` is not a name"),
    "a shifted component": (lambda: derive(Sum(z[k] * z[k + 1], k), wrt=z), r"the index `k \+ 1` is not a name"),
    # named equations
    "two definitions of one name": (lambda: derive(Sum(s[k], k), wrt=z, where={s[i]: z[i], s[j]: z[j] ** 2}), "defines s twice"),
    "a name used before it is defined": (lambda: derive(Sum(s[k], k), wrt=z, where={s[i]: y[i] ** 2, y[i]: exp(z[i])}), "uses y, .* put y first"),
    "names in a circle": (lambda: derive(Sum(s[k], k), wrt=z, where={s[i]: y[i] * z[i], y[i]: s[i]}), "define nothing"),
    "a name defined by itself": (lambda: derive(u**2 * T, wrt=T, where={u: exp(u) * T}), "u is defined by itself"),
    "a left side of another dimension": (lambda: derive(Sum(s[k], k), wrt=z, where={s[p]: v[p]}), "s has size K, but the index p runs through n"),
    "a left side with an index twice": (lambda: derive(Sum(A[k, k], k), wrt=z, where={A[i, i]: z[i]}), "each another name"),
    "a left side at a fixed place": (lambda: derive(Sum(s[k], k), wrt=z, where={s[0]: z[i]}), "each another name"),
    "a left side that is a formula": (lambda: derive(x, wrt=x, where={x**2: x}), "the left side is a scalar, a component"),
    "a function of a number": (lambda: derive(g(x), wrt=x, where={g(2): x}), "one argument, a name"),
    "a function of two arguments": (lambda: derive(g(x, T), wrt=x, where={g(x, T): x * T}), "one argument, a name"),
    "a function with too many arguments": (lambda: derive(g(x, T), wrt=x, where={g(x): x**2}), "g takes 1 argument"),
    "a function without a formula": (lambda: derive(u * g(1), wrt=u), r"no formula for `g\(1\)`"),
    # names
    "a scalar with the name of a vector": (lambda: derive(scalar("z") * SQUARES, wrt=z), "z is a number in .*, and a vector or matrix"),
    "a scalar with the name of a dimension": (lambda: derive(scalar("K") * SQUARES, wrt=z), "K is a number in .*, and a dimension"),
    "a variable with the name of the function": (lambda: derive(exp(vector("f", K)[i]), wrt=vector("f", K), index=i), "give the function another"),
    # the variable
    "a vector that is not there": (lambda: derive(SQUARES, wrt=w), r"wrt=w: the function does not contain it \(it contains z\)"),
    "a component that is not there": (lambda: derive(SQUARES, wrt=w[j]), "does not contain it"),
    "a matrix that is not there": (lambda: derive(sp.Trace(X), wrt=B), "does not contain it"),
    "a variable of another definition": (lambda: derive(load("sigmoid"), wrt=T), "does not contain it"),
    "the derivative by a dimension": (lambda: derive(SQUARES / K, wrt=K), "wrt=K is no variable"),
    "the derivative by an index": (lambda: derive(exp(z[i]), wrt=i, index=i), "wrt=i is no variable"),
    "the derivative by a formula": (lambda: derive(x**2, wrt=x**2), "is no variable"),
    "the derivative by an entry of a matrix": (lambda: derive(sp.Trace(X), wrt=X[p, q]), "is no variable"),
    "several variables at a time": (lambda: derive(x * T, wrt=(x, T)), "one variable at a time"),
    "a variable twice": (lambda: Definition(x * T, wrt=(x, x)), "names x twice"),
    "the Hessian of a vector function": (lambda: derive(exp(z[i]), wrt=z, index=i, order=2), "of a scalar function by a vector"),
    "a second derivative of a vector by a scalar": (lambda: derive(exp(z[i] / T), wrt=T, index=i, order=2), "second derivative"),
    # what is no formula
    "a string": (lambda: derive("x**2", wrt=x), "'x\\*\\*2' is no formula"),
    "a list": (lambda: derive([x, x], wrt=x), "is no formula"),
    "nothing": (lambda: derive(None, wrt=x), "None is no formula"),
    "a condition": (lambda: derive(x > 0, wrt=x), "is no formula"),
    "infinity": (lambda: derive(x + T + sp.oo * u, wrt=x, domain={u: sp.Interval(1, 2)}), "infinity|does not contain"),
    "the imaginary unit": (lambda: derive(sp.I * x, wrt=x), "cannot read `I`"),
    "an imaginary variable": (lambda: derive(sp.Symbol("r", imaginary=True) ** 2), "no real number"),
    "a product over an index": (lambda: derive(sp.Product(z[k], k), wrt=z), "cannot read `Product"),
    "an integral": (lambda: derive(sp.Integral(exp(-(T**2)), (T, 0, x)), wrt=x), "cannot read `Integral"),
    "a condition with or": (lambda: derive(sp.Piecewise((x, sp.Or(x > 1, x < -1)), (0, True)), wrt=x), "cannot read the condition"),
    "the inverse of a sum": (lambda: derive(sp.Trace((X + X.T).I), wrt=X), "needs a name"),
    "a matrix of blocks": (lambda: derive(sp.Trace(sp.BlockMatrix([[X, X], [X, X]])), wrt=X), "no index notation"),
    "a domain that is no set": (lambda: Definition(x**2, wrt=x, domain={x: (0, 1)}), "not a SymPy set"),
    "uses= of something else": (lambda: Definition(x**2, wrt=x, uses=(3,)), "not a definition"),
    "a logarithm without a domain": (lambda: derive(log(x - 2) + log(1 - x), wrt=x), "a real value for no x"),
}  # fmt: skip
t_ = sp.Symbol("t", integer=True)


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_and_named(name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises((DefinitionError, UnsupportedExpression), match=message):
        make()


ACCEPTED: dict[str, tuple[Callable[[], Any], str]] = {
    "a class index, declared": (lambda: derive(-log(s[c]), wrt=z[j], where=SOFTMAX, arguments={"label": c}), "sⱼ - δ_cj"),
    "a class index, not declared": (lambda: derive(-log(s[c]), wrt=z[j], where=SOFTMAX), "sⱼ - δ_cj"),
    "a class index twice, declared": (lambda: derive(z[c] ** 2, wrt=z[j], arguments={"label": c}), "2 z_c δ_cj"),
    "a whole vector beside a class index j": (lambda: derive(-log(s[j]), wrt=z, where=SOFTMAX), "sᵢ - δᵢⱼ"),
    "a variable at a bound index": (lambda: derive(SQUARES, wrt=z[k]), "2 zₖ"),
    "one name bound in two sums": (lambda: derive(SQUARES * Sum(w[k] * z[k], k), wrt=z), ""),
    "a name bound inside its own sum": (lambda: derive(Sum(Sum(z[k], k) * z[k], k), wrt=z), "2 Σₖ zₖ"),
    "a name bound twice in a row": (lambda: derive(Sum(z[k], (k, 0, K - 1), (k, 0, K - 1)), wrt=z), "K"),
    "the index of the value bound beside": (lambda: derive(z[i] * Sum(w[i], i), wrt=z[j], index=i), "δᵢⱼ Σₖ wₖ"),
    "one index name over two dimensions": (lambda: derive(SQUARES * Sum(v[index("k", n)], index("k", n)), wrt=z), "2 zⱼ Σₖ vₖ"),
    "a sum from 0 to K - 1": (lambda: derive(Sum(z[t_] ** 2, (t_, 0, K - 1)), wrt=z), "2 zⱼ"),
    "a sum from 1 to K": (lambda: derive(Sum(z[t_] ** 2, (t_, 1, K)), wrt=z), "2 zⱼ"),
    "a delta of two indices": (lambda: derive(Sum(Sum(KroneckerDelta(k, l) * z[k] * w[l], k), l), wrt=z), "wⱼ"),
    "a named vector as the variable": (lambda: derive(-Sum(y[k] * log(s[k]), k), wrt=s[j], where=SOFTMAX), "-yⱼ/sⱼ"),
    "the only vector as the variable": (lambda: derive(SQUARES), "2 zⱼ"),
    "a diagonal matrix": (lambda: derive(a.T * sp.DiagMatrix(a) * a, wrt=a), "3 aⱼ²"),
    "the trace of a diagonal matrix": (lambda: derive(sp.Trace(sp.DiagMatrix(a)), wrt=a), "1"),
    "the trace of an identity": (lambda: derive(sp.Trace(X + x * sp.Identity(n)), wrt=x), "n"),
    "a whole power": (lambda: derive(x ** dimension("r"), wrt=x), ""),
    "a power of itself": (lambda: derive(x**x), "xˣ (log x + 1)"),
    "a power of a plain symbol": (lambda: derive(sp.Symbol("t") ** sp.Symbol("t")), "tᵗ (log t + 1)"),
    "a logarithm": (lambda: derive(log(x)), "1/x"),
    "a root": (lambda: derive(sp.sqrt(x)), "1/(2 √x)"),
    "an arcsine": (lambda: derive(sp.asin(x)), "1/√(1 - x²)"),
    "a power of a parameter": (lambda: derive(x**T, wrt=x), "T xᵀ⁻¹"),
    "a logarithm inside its domain": (lambda: derive(sp.sqrt(x - 1) * log(3 - x), wrt=x), ""),
    "a maximum of three": (lambda: derive(sp.Max(0, sp.Symbol("t"), sp.Symbol("t") ** 2)), ""),
    "a maximum that one always wins": (lambda: derive(sp.Max(x - 1, x**2 + 1), wrt=x), ""),
    "softmax of a temperature, by it": (lambda: derive(exp(z[i] / T) / Sum(exp(z[k] / T), k), wrt=T, index=i, domain={T: sp.Interval.open(0, 9)}), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_has_one_reading_is_derived_and_right(name: str) -> None:
    make, result = ACCEPTED[name]
    derivation = make()
    verify(derivation).raise_if_failed()
    assert text(derivation.final) == (result or text(derivation.final))
    forms(derivation)


def test_a_vector_by_a_scalar_first_has_no_second_derivative() -> None:
    softmax = exp(z[i] / T) / Sum(exp(z[k] / T), k)
    found = derive_all(Definition(softmax, wrt=(T, z[j]), index=i, symbol="s", domain={T: sp.Interval.open(0, sp.oo)}))
    assert [d.order for d in found] == [1, 1]


def test_a_tiny_factor_is_not_zero() -> None:
    assert text(derive(1e-20 * x**2, wrt=x).final) == "x/50000000000000000000"


def test_the_natural_domain_is_kept_unless_one_is_given() -> None:
    assert Definition(log(x), wrt=x).domain == {x: sp.Interval.open(0, sp.oo)}
    assert Definition(log(x), wrt=x, domain={x: sp.Interval(1, 2)}).domain == {x: sp.Interval(1, 2)}
    assert Definition(log(u), wrt=x, where={u: exp(x)}).domain == {}
    assert Definition(log(1 + exp(x)), wrt=x).domain == {}
    assert Definition(log(z[k] + 1), wrt=z).domain == {}
    r = sp.Symbol("r", positive=True)
    assert Definition(r**2, wrt=r).domain == {r: sp.Interval.open(0, sp.oo)}


def test_the_error_names_file_and_line(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "derivations").mkdir()
    monkeypatch.chdir(tmp_path)
    lines = (
        "from chainrule import Definition, dimension, index, vector",
        'K, n = dimension("K"), dimension("n")',
        'z, p = vector("z", K), index("p", n)',
        "definition = Definition(",
        '    z[p], wrt=z[index("j", K)], index=p)',
    )
    (tmp_path / "derivations" / "bad.py").write_text("\n".join(lines))
    with pytest.raises(
        DefinitionError, match=r"^derivations/bad\.py:4: `z\[p\]` .* z has size K, but the index p runs through n"
    ):
        load("bad", project())


def test_random_formulas_give_a_result_or_a_clear_error() -> None:
    """No KeyError, no AssertionError, whatever is put together."""
    from random import Random

    rng = Random(3)
    indices = (i, j, k, p, index("k", n))
    leaves = (x, T, sp.Integer(2), sp.Integer(-1), K, k)
    kinds = (exp, log, sp.Abs, lambda e: e**2, lambda e: 1 / e, lambda e: sp.Max(0, e), g)

    def formula(depth: int) -> Any:
        if depth == 0:
            base = rng.choice((z, w, v, W, A))
            place = tuple(rng.choice(indices) for _ in base.shape)
            return rng.choice((base[place], KroneckerDelta(*rng.sample(indices, 2)), rng.choice(leaves)))
        first, second = formula(depth - 1), formula(depth - 1)
        return rng.choice((first * second, first + second, Sum(first, rng.choice(indices)), rng.choice(kinds)(first)))

    found = 0
    for _ in range(400):
        try:
            built = formula(rng.randint(1, 2))
        except ValueError:  # SymPy's own: the maximum of what is no real number
            continue
        variable, place = rng.choice((x, z, z[j], v, W, T, None)), rng.choice((None, None, i, p))
        try:
            derive(built, wrt=variable, index=place)
            found += 1
        except ChainruleError as error:
            assert len(str(error)) > 20
    assert found > 5
