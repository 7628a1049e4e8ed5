"""From SymPy's matrix expressions into index notation: (AB)_ij = Σ_k A_ik B_kj, tr M = Σ_k M_kk, and so on.

A matrix with one row or one column is a vector, one with both is a number. To admit another matrix operation, add a case to ``entry``."""

from typing import Any

import sympy
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct

from ..errors import UnsupportedExpression
from . import tree as t

Index = str | None


def entry(e: Any, i: Index, j: Index) -> t.Node:
    """The entry of a matrix expression at two indices; None stands for the only index of an axis of length 1.

    Raises UnsupportedExpression, naming the sub-expression, for an operation that has no index notation here."""
    from .convert import from_sympy

    taken = frozenset(x for x in (i, j) if x is not None)
    match e:
        case sympy.MatrixSymbol():
            return named_entry(e.name, i, j)
        case sympy.Transpose():
            return entry(e.arg, j, i)
        case sympy.MatAdd():
            return t.Add(tuple(entry(a, i, j) for a in e.args))
        case sympy.MatMul():
            scale, factors = e.as_coeff_matrices()
            return _product(from_sympy(scale), list(factors), i, j, taken)
        case sympy.MatPow() | sympy.Inverse():
            return _power(e, i, j)
        case HadamardProduct():
            return t.Mul(tuple(entry(a, i, j) for a in e.args))
        case HadamardPower():
            return t.Power(entry(e.base, i, j), from_sympy(e.exp))
        case sympy.Identity():
            return _delta(i, j)
        case sympy.ZeroMatrix():
            return t.ZERO
        case sympy.OneMatrix():
            return t.ONE
        case sympy.DiagMatrix():
            (diagonal,) = e.args
            along = entry(diagonal, *((i, None) if diagonal.shape[1] == 1 else (None, i)))
            return t.mul(*(part for part in (_delta(i, j), along) if part != t.ONE))
    if type(e).__name__ == "ElementwiseApplyFunction":
        return _applied(e, entry(e.expr, i, j))
    raise UnsupportedExpression(
        f"no index notation for `{e}` ({type(e).__name__}): add a case to `entry` in expression/matrices.py, or write it with Sum and Indexed"
    )


def named_entry(name: str, i: Index, j: Index) -> t.Node:
    indices = tuple(x for x in (i, j) if x is not None)
    return t.Component(name, indices) if indices else t.Symbol(name)


def _delta(i: Index, j: Index) -> t.Node:
    return t.ONE if i is None or j is None or i == j else t.Delta(i, j)


def _product(scale: t.Node, factors: list[Any], i: Index, j: Index, taken: frozenset[str]) -> t.Node:
    parts: list[t.Node] = []
    bound: list[tuple[str, str]] = []
    left = i
    for position, factor in enumerate(factors):
        last = position == len(factors) - 1
        size = factor.shape[1]
        if last:
            right = j
        elif size == 1:
            right = None
        else:
            right = t.fresh_index(taken)
            taken |= {right}
            bound.append((right, dimension_name(size)))
        part = entry(factor, left if factor.shape[0] != 1 else None, right if size != 1 else None)
        inner = frozenset(n.index for _, n in t.walk(part) if isinstance(n, t.Sum))
        for name in inner & taken:
            other = t.fresh_index(taken, inner)
            taken |= {other}
            part = _rebind(part, name, other)
        taken |= frozenset(n.index for _, n in t.walk(part) if isinstance(n, t.Sum))
        parts.append(part)
        left = right
    body = t.mul(*(p for p in parts if p != t.ONE)) if any(p != t.ONE for p in parts) else t.ONE
    for name, size in reversed(bound):
        body = t.Sum(body, name, size)
    if scale == t.ONE:
        return body
    return t.Neg(body) if scale == t.Neg(t.ONE) else t.Mul((scale, body))


def _rebind(node: t.Node, old: str, new: str) -> t.Node:
    def one(n: t.Node) -> t.Node | None:
        return (
            t.Sum(t.rename_index(n.body, old, new), new, n.dimension)
            if isinstance(n, t.Sum) and n.index == old
            else None
        )

    return t.transform(node, one)


def _power(e: Any, i: Index, j: Index) -> t.Node:
    base, exponent = (e.arg, sympy.Integer(-1)) if isinstance(e, sympy.Inverse) else (e.base, e.exp)
    if exponent == -1:
        if isinstance(base, sympy.MatrixSymbol):
            return named_entry(f"inv({base.name})", i, j)
        raise UnsupportedExpression(
            f"the inverse of `{base}` needs a name: write where={{M[i, j]: ...}} with the entries of M = {base}, and the inverse of M"
        )
    if exponent.is_Integer and exponent > 0:
        return entry(sympy.MatMul(*[base] * int(exponent), evaluate=False), i, j)
    raise UnsupportedExpression(f"no index notation for the power `{e}`: whole exponents and -1 are known")


def _applied(e: Any, argument: t.Node) -> t.Node:
    from .convert import from_sympy

    variable = sympy.Dummy("argument", real=True)
    placeholder = t.Symbol(variable.name)
    return t.substitute(from_sympy(e.function(variable)), {placeholder: argument})


def dimension_name(size: Any) -> str:
    """The name of a symbolic dimension. Raises UnsupportedExpression for a number: dimensions stay symbols here."""
    if isinstance(size, sympy.Symbol):
        return str(size.name)
    raise UnsupportedExpression(
        f"the dimension {size} is not a symbol: write it as one, Symbol('n'); results hold for every size"
    )


def scalar_of(e: Any) -> t.Node | None:
    """The tree of a scalar made from matrices: a trace, a determinant, an entry, a 1×1 product; None for anything else."""
    match e:
        case sympy.Trace():
            k = "k"
            inner = e.arg
            body = entry(inner, k, k)
            return t.Sum(body, k, dimension_name(inner.shape[0]))
        case sympy.Determinant():
            if isinstance(e.arg, sympy.MatrixSymbol):
                return t.Call("det", (t.Matrix(e.arg.name),))
            raise UnsupportedExpression(
                f"the determinant of `{e.arg}` needs a name: write where={{M[i, j]: ...}} and the determinant of M"
            )
        case sympy.matrices.expressions.matexpr.MatrixElement():
            rows, columns = e.parent.shape
            i, j = (None if size == 1 else _index_name(x) for size, x in ((rows, e.i), (columns, e.j)))
            return entry(e.parent, i, j)
        case sympy.MatrixExpr() if e.shape == (1, 1):
            return entry(e, None, None)
    return None


def _index_name(i: Any) -> str:
    if isinstance(i, sympy.Symbol | sympy.Idx):
        return str(i.label if isinstance(i, sympy.Idx) else i.name)
    raise UnsupportedExpression(f"the index {i} is not a name: entries at fixed places are not supported; use a symbol")
