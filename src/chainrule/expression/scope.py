"""What the names in a tree stand for: the named equations, domains and facts that a derivation may rely on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .tree import Node, rename_indices


@dataclass(frozen=True)
class NamedFunction:
    """A function that a definition names: σ(x) = body, for a scalar argument and perhaps parameters after a semicolon.
    ``derivative``: its derivative in the same argument, once a derivation has found it. ``opaque``: the body only stands in for any
    function, so that lines can be checked at numbers; no rule may look at it."""

    symbol: str
    arguments: tuple[str, ...]
    body: Node
    parameters: tuple[str, ...] = ()
    derivative: Node | None = None
    opaque: bool = False


@dataclass(frozen=True)
class NamedVector:
    """A vector or matrix that a named equation gives component by component: s_i = body, Z_ij = body."""

    base: str
    indices: tuple[str, ...]
    body: Node

    def at(self, indices: tuple[str, ...]) -> Node:
        """The formula of the component at other indices."""
        return rename_indices(self.body, dict(zip(self.indices, indices, strict=True)))


@dataclass(frozen=True, eq=False)
class Scope:
    """functions: by symbol. scalars: the body of each scalar that a named equation introduces. vectors: by base.
    indices: the dimension each index runs through. shapes: the dimensions of each vector's axes.
    domains: the SymPy set each free scalar is drawn from (default: reals). facts: by base, e.g. ``sums_to_one``.
    derivatives: found by earlier derivations, of a named scalar with respect to a variable. jacobians: of a named vector with
    respect to another, as (its indices, those of the other, component formula). own: the name of the function being derived.
    The order of the named equations is the order of insertion: later ones may refer to earlier ones."""

    functions: Mapping[str, NamedFunction] = field(default_factory=dict)
    scalars: Mapping[str, Node] = field(default_factory=dict)
    vectors: Mapping[str, NamedVector] = field(default_factory=dict)
    indices: Mapping[str, str] = field(default_factory=dict)
    shapes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domains: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    derivatives: Mapping[tuple[str, Node], Node] = field(default_factory=dict)
    jacobians: Mapping[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...], Node]] = field(default_factory=dict)
    own: str = ""

    def extended(self, **changes: Mapping[Any, Any]) -> "Scope":
        """This scope with more entries in some of its tables."""
        tables: dict[str, Any] = {name: {**getattr(self, name), **more} for name, more in changes.items()}
        return replace(self, **tables)
