"""The words a definition is written with: scalars, dimensions, indices, vectors, one-hot targets, maxima over an index."""

from typing import Any

from sympy import Idx, IndexedBase, Symbol
from sympy.concrete.expr_with_limits import ExprWithLimits

from .errors import DefinitionError


def scalar(name: str) -> Symbol:
    """A real scalar variable or parameter, spelled as in SymPy: ``"x"``, ``"alpha"``, ``"y_hat"``."""
    return Symbol(name, real=True)


def dimension(name: str) -> Symbol:
    """A symbolic number of components, K: it stays a symbol through the whole derivation."""
    return Symbol(name, integer=True, positive=True)


def index(name: str, size: Symbol) -> Idx:
    """An index that runs through a dimension."""
    return Idx(name, size)


class VectorBase(IndexedBase):  # type: ignore[misc]  # SymPy is untyped
    """A real vector of a symbolic dimension; ``z[i]`` is a component. ``facts`` are what is known of it."""

    facts: tuple[str, ...] = ()

    def __getitem__(self, indices: Any, **words: Any) -> Any:
        """A component. Raises DefinitionError for another number of indices than there are axes."""
        given = indices if isinstance(indices, tuple) else (indices,)
        if len(given) != len(self.shape):
            size, shown = " × ".join(map(str, self.shape)), ", ".join(map(str, given))
            raise DefinitionError(
                f"{self}[{shown}]: {self} has size {size}, so it takes {len(self.shape)} indices, not {len(given)}"
            )
        return super().__getitem__(indices, **words)


class OneHot(VectorBase):
    """A vector of one 1 and otherwise 0, or more generally of weights that sum to 1: Σ_k y_k = 1 is the fact it brings."""

    facts = ("sums_to_one",)


def vector(name: str, size: Symbol) -> VectorBase:
    """A real vector of ``size`` components."""
    return tensor(name, (size,))


class SymmetricBase(VectorBase):
    """A symmetric matrix: A_ij = A_ji is the fact it brings."""

    facts = ("symmetric",)


def matrix(name: str, rows: Symbol, columns: Symbol, symmetric: bool = False) -> VectorBase:
    """A real matrix; ``W[i, j]`` is an entry. ``symmetric``: its entries may be taken in either order."""
    return SymmetricBase(name, shape=(rows, columns), real=True) if symmetric else tensor(name, (rows, columns))


def tensor(name: str, sizes: tuple[Symbol, ...]) -> VectorBase:
    """Real numbers with any number of indices."""
    return VectorBase(name, shape=sizes, real=True)


def one_hot(name: str, size: Symbol) -> OneHot:
    """A target vector whose components sum to 1."""
    return OneHot(name, shape=(size,), real=True)


class _Over(ExprWithLimits):  # type: ignore[misc]  # SymPy is untyped
    """What binds an index as ``Sum`` does."""

    def _sympystr(self, printer: Any) -> str:
        return f"{type(self).__name__}({', '.join(map(printer.doprint, (self.function, *self.variables)))})"


class maximum(_Over):  # written as a function
    """The largest of a formula over an index: ``maximum(z[k], k)``."""

    is_real = True


class argmax(_Over):  # written as a function
    """The place of the largest, the first of several: ``KroneckerDelta(k, argmax(z[l], l))`` is 1 there and 0 elsewhere."""

    is_integer = True


def minimum(formula: Any, over: Idx) -> Any:
    """The smallest of a formula over an index: minus the largest of its negative."""
    return -maximum(-formula, over)


def argmin(formula: Any, over: Idx) -> Any:
    """The place of the smallest, the first of several."""
    return argmax(-formula, over)
