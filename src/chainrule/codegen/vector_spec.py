"""What the code generator needs to know about one function of vectors or matrices."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sympy import Set

from ..expression import tree as t
from ..expression.scope import NamedFunction, NamedVector
from ..runtime.scalar import Range


@dataclass(frozen=True)
class InputSpec:
    """One input: its name in the code, its name in the trees, the dimensions of its axes.

    index_of: the dimension that a class index counts in; the trees use ``base`` as the name of an index then. default, domain: of a parameter. values: what it may
    be, None: any number.
    sums_to_one, symmetric: what the derivatives rely on."""

    name: str
    base: str
    dimensions: tuple[str, ...] = ()
    index_of: str = ""
    default: float | None = None
    sums_to_one: bool = False
    symmetric: bool = False
    domain: Range = Range()
    values: Set | None = None


@dataclass(frozen=True)
class Product:
    """A derivative multiplied by a vector: a tree that holds components of ``base``, with the free ``indices`` of the result."""

    tree: t.Node
    base: str
    indices: tuple[str, ...]


@dataclass(frozen=True)
class HessianSpec:
    """Second derivatives of a scalar function by one vector: a tree with two indices, and its product with a vector.
    sizes: the dimension of each free index."""

    tree: t.Node
    indices: tuple[str, ...]
    sizes: Mapping[str, str] = field(default_factory=dict)
    product: Product | None = None
    rows_sum_to_zero: bool = False


@dataclass(frozen=True)
class DerivativeSpec:
    """The derivative by one input: ``tree`` in the indices of the value and then those of the input.

    vjp, jvp: its products with a vector from the left and from the right; None: the code forms the Jacobian and contracts it.
    sizes: the dimension of each free index. rows_sum_to_zero, columns_sum_to_zero: shown of a Jacobian, the first also of a gradient, whose components then sum to 0."""

    name: str
    tree: t.Node
    indices: tuple[str, ...]
    sizes: Mapping[str, str] = field(default_factory=dict)
    vjp: Product | None = None
    jvp: Product | None = None
    hessian: HessianSpec | None = None
    rows_sum_to_zero: bool = False
    columns_sum_to_zero: bool = False


@dataclass(frozen=True)
class VectorSpec:
    """A function of arrays. value: a tree with the free ``value_index``, whose axes are ``output``.

    vectors, scalars, functions: what the trees may name; the first also the gradients with respect to named vectors, which the products from
    the left are made of. cotangent: the name of the gradient from above in these. sizes: the dimension of each index of the value. shapes: of the axes of every quantity.
    facts: by base, ``sums_to_one``. loss: it is reduced over a batch. missing: why second derivatives were left out, by the name of the input."""

    name: str
    inputs: tuple[InputSpec, ...]
    value: t.Node
    value_index: tuple[str, ...]
    output: tuple[str, ...]
    derivatives: tuple[DerivativeSpec, ...]
    summary: str
    formula: str
    source: str
    vectors: tuple[NamedVector, ...] = ()
    cotangent: str = ""
    scalars: Mapping[str, t.Node] = field(default_factory=dict)
    functions: Mapping[str, NamedFunction] = field(default_factory=dict)
    sizes: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    loss: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)

    def without_hessians(self, reason: str) -> "VectorSpec":
        """The function without second derivatives, which are missing for this reason."""
        return replace(
            self,
            derivatives=tuple(replace(each, hessian=None) for each in self.derivatives),
            missing={each.name: reason for each in self.derivatives if each.hessian is not None},
        )

    @property
    def first(self) -> DerivativeSpec:
        """The derivative by the main variable."""
        return self.derivatives[0]
