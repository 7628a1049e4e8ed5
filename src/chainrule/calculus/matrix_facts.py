"""What can be shown of a matrix of derivatives from its components and from its matrix notation."""

from collections.abc import Iterator

from ..expression import tree as t
from ..expression.scope import Scope
from .derivation import Derivation
from .forms import axes_of, matrix_form, terms_of, with_delta
from .positivity import nonnegative, positive
from .products import Product
from .rules import assumptions
from .sums import total


def facts(derivation: Derivation) -> tuple[str, ...]:
    """What the engine can show of a Jacobian or Hessian: ``symmetric``, ``diagonal``, ``rows_sum_to_zero``, ``positive_semidefinite``; and
    what the result assumes."""
    return (*(name for name, shown in _facts(derivation) if shown), *assumptions(derivation))


def _facts(derivation: Derivation) -> Iterator[tuple[str, bool]]:
    indices, whole = axes_of(derivation), matrix_form(derivation)
    if len(indices) != 2 or whole is None:
        return
    i, j = indices
    scope = derivation.scope
    size = scope.indices.get(j, "K")
    if scope.indices.get(i, "K") != size:
        return
    swapped = t.rename_index(t.rename_index(t.rename_index(derivation.final, i, "_"), j, i), "_", j)
    terms = {_key(x) for x in terms_of(derivation.final)}
    off = with_delta(derivation.final, i, j, t.ZERO)
    diagonal = off == t.ZERO
    symmetric = diagonal or terms == {_key(x) for x in terms_of(swapped)} or _symmetric_by_delta(derivation, i, j)
    zero = total(t.add(*(t.Sum(x, j, size) for x in terms_of(derivation.final))), scope) == t.ZERO
    dominant = symmetric and zero and _negative(off, scope)
    yield "diagonal", diagonal
    yield "symmetric", symmetric and not diagonal
    yield "rows_sum_to_zero", zero
    yield "positive_semidefinite", dominant or _semidefinite(whole, scope)


def _semidefinite(whole: t.Node, scope: Scope) -> bool:
    """Whether matrix notation shows that no eigenvalue is negative: AᵀA, AᵀDA with D ≥ 0, aaᵀ, I, diag(a) with a ≥ 0, their sums and
    their multiples by numbers that are not negative. A matrix with rows that sum to 0 and no positive entry off its diagonal is another."""
    match whole:
        case t.Add(terms):
            return all(_semidefinite(x, scope) for x in terms)
        case t.Frac(a, b):
            return _semidefinite(a, scope) and positive(b, scope)
        case t.Mul(factors):
            return _semidefinite(factors[-1], scope) and all(nonnegative(f, scope) for f in factors[:-1])
        case t.Identity():
            return True
        case t.Diag(vector):
            return nonnegative(vector, scope)
        case t.Outer(a, b):
            return a == b
        case t.MatMul((t.Transpose(a), *middle, b)) | t.MatMul((a, *middle, t.Transpose(b))):
            return a == b and all(_semidefinite(m, scope) for m in middle)
    return False


def _key(term: t.Node) -> frozenset[tuple[t.Node, object]]:
    product = Product(term)
    powers: dict[t.Node, object] = {_ordered(n): e for n, e in product.powers.items()}
    return frozenset([*powers.items(), (t.ONE, product.coefficient)])


def _ordered(node: t.Node) -> t.Node:
    return t.Delta(*sorted((node.left, node.right))) if isinstance(node, t.Delta) else node


def _symmetric_by_delta(derivation: Derivation, i: str, j: str) -> bool:
    """a_i δ_ij = a_j δ_ij: where a delta stands, either index may be written."""

    def normal(term: t.Node) -> frozenset[tuple[t.Node, object]]:
        product = Product(term)
        if any(isinstance(n, t.Delta) for n in product.powers):
            return _key(t.mul(*(_pin(n, i, j) for n in product.powers for _ in range(product.powers[n]))))
        return _key(term)

    swapped = t.rename_index(t.rename_index(t.rename_index(derivation.final, i, "_"), j, i), "_", j)
    return {normal(x) for x in terms_of(derivation.final)} == {normal(x) for x in terms_of(swapped)}


def _pin(node: t.Node, i: str, j: str) -> t.Node:
    return t.rename_index(node, j, i) if isinstance(node, t.Component) else _ordered(node)


def _negative(node: t.Node, scope: Scope) -> bool:
    """Whether an entry is -(a product of positive quantities)."""
    return (isinstance(node, t.Neg) and positive(node.argument, scope)) or node == t.ZERO
