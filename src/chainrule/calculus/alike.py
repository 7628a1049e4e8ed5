"""Equations that are alike but for the names in them share one derivation: σ(w₂ a₁) and σ(w₃ a₂) are derived once.

What is replaced is the number at the end of a name, by another that leaves the names in their alphabetical order: that decides the order of
factors and terms, so the lines are those that the engine would have written under the names themselves."""

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

import sympy

from ..definition import Definition
from ..notation import scalar
from .derivation import Derivation
from .derive import derive
from .renaming import renamed

PLAIN = scalar("x").assumptions0


def derive_alike(definition: Definition, variable: Any) -> Derivation:
    """``derive(definition, wrt=variable)``; of an equation between scalars, under other names where an equation like it was derived before."""
    symbols, own = _scalars(definition), definition.symbol
    names = {name: _numbered(name, k) for k, name in enumerate(sorted({*map(str, symbols or ()), own}))}
    if symbols is None or len(set(names.values())) < len(names):
        return derive(definition, wrt=variable)
    swap = {s: scalar(names[str(s)]) for s in symbols}
    wrt = tuple(swap[v] for v in definition.wrt)
    domain = tuple(sorted(((swap[v], values) for v, values in definition.domain.items()), key=str))
    expression = definition.expression.xreplace(swap)
    found = _derived(expression, wrt, swap[variable], names[own], domain, definition.uses, definition.kind)
    back = {new: old for old, new in names.items()}
    return replace(renamed(found, back), definition=definition)


def _numbered(name: str, place: int) -> str:
    """w_7 with another number; a name without one as it is."""
    return re.sub(r"[0-9]+$", f"{place:03}", name)


def _scalars(definition: Definition) -> list[Any] | None:
    """The names in an equation between plain scalars about which nothing further is said; None for any other."""
    symbols = list(definition.expression.free_symbols | set(definition.wrt))
    said = (definition.where, definition.parameters, definition.facts, definition.adjoints, definition.routes)
    plain = all(isinstance(s, sympy.Symbol) and s.assumptions0 == PLAIN for s in symbols)
    closed = set(symbols).issuperset(definition.domain)
    return symbols if plain and closed and not any(said) and definition.index is None else None


@lru_cache(maxsize=1024)
def _derived(
    expression: Any,
    wrt: tuple[Any, ...],
    variable: Any,
    symbol: str,
    domain: tuple[tuple[Any, Any], ...],
    uses: tuple[Definition, ...],
    kind: str,
) -> Derivation:
    alike = Definition(expression, wrt=wrt, symbol=symbol, domain=dict(domain), uses=uses, kind=kind)
    return derive(alike, wrt=variable)
