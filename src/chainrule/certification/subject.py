"""What is measured: a generated function beside the references of its value and of each derivative."""

import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import sympy
from sympy import Abs, Expr, Heaviside, Max, Min, Piecewise, Symbol, sign

from ..calculus.derive import derive_all
from ..definition import Definition
from ..errors import ChainruleError
from ..runtime.scalar import Range, ScalarFunction
from .formulas import derivative, formula, fractions
from .reference import Choice, Reference

SWITCHING = (Abs, Heaviside, Max, Min, Piecewise, sign)
PROBES = (0.3, 0.7, -1.7, 0.5, 2.5, 0.04, 0.9, -13.0, 0.999, 0.2, 0.125, 0.6, 0.85, 31.0, 0.01, 0.45, 0.35)
PARAMETER_FACTORS = (1.0, 0.5, 2.0, 10.0, 0.1)
PARAMETER_VALUES = (1.3, -0.7)


@dataclass(frozen=True)
class Home:
    """Where the module of a generated function lies: a file, or among the functions that ship with the package."""

    name: str
    path: Path | None = None

    def module(self) -> ModuleType:
        """The module. Raises ChainruleError where it has not been generated."""
        if self.path is None:
            try:
                return importlib.import_module(f"chainrule.functions.{self.name}")
            except ImportError as error:
                raise ChainruleError(f"{self.name}: no such function in chainrule.functions") from error
        return _from_file(self.name, self.path)

    def function(self) -> ScalarFunction:
        """The function. Raises ChainruleError unless it is one of numbers."""
        found = getattr(self.module(), self.name, None)
        if not isinstance(found, ScalarFunction):
            raise ChainruleError(f"{self.name}: accuracy is measured for functions of numbers; this one is of vectors")
        return found


@lru_cache(maxsize=64)
def _from_file(name: str, path: Path) -> ModuleType:
    return fresh(name, path)


def fresh(name: str, path: Path) -> ModuleType:
    """A module of its own from a file, registered nowhere."""
    if not path.is_file():
        raise ChainruleError(f"{path}: there is no such file: `chainrule build {name}` writes it")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Part:
    """A function of the generated module: its value (wrt empty) or a derivative; along: the number of that variable.

    result: which one, of a method with several."""

    what: str
    method: str
    wrt: str
    along: int | None
    result: int | None = None

    def of(self, function: ScalarFunction) -> Callable[..., Any]:
        """The part as a function of the arguments, and of parameters by keyword."""
        if self.method == "__call__":
            return function
        method = partial(getattr(function, self.method), wrt=self.wrt)
        if self.result is None:
            return method
        return lambda *args, **given: method(*args, **given)[self.result]


@dataclass(frozen=True)
class Subject:
    """A generated function with the exact values of its parts. names: arguments, then parameters; values: for an
    argument or parameter that takes a few values only, those."""

    home: Home
    function: ScalarFunction
    names: tuple[str, ...]
    ranges: tuple[Range, ...]
    values: Mapping[str, tuple[float, ...]]
    parts: tuple[Part, ...]
    references: tuple[Reference, ...]

    @property
    def arguments(self) -> int:
        """How many of the names are arguments."""
        return len(self.function.arguments)

    def call(self, part: Part, points: np.ndarray[Any, Any], function: ScalarFunction | None = None) -> Any:
        """A part at points, one a row, in their dtype; parameters are passed as Python numbers, each value apart."""
        apply = part.of(function or self.function)
        count = self.arguments
        result = np.empty(len(points), points.dtype)
        settings = points[:, count:].astype(np.float64)
        for setting in np.unique(settings, axis=0) if count < len(self.names) else [()]:
            rows = (settings == setting).all(axis=1) if len(setting) else slice(None)
            given = {name: float(x) for name, x in zip(self.names[count:], setting, strict=True)}
            result[rows] = apply(*(points[rows, k] for k in range(count)), **given)
        return result


def parts_of(function: ScalarFunction) -> Iterator[Part]:
    """The value and every derivative that a function has."""
    yield Part("value", "__call__", "", None)
    inside = {name: np.array([0.5]) for name in function.arguments}
    for method, order in (("grad", "first"), ("second", "second")):
        for k, name in enumerate(function.names):
            try:
                getattr(function, method)(wrt=name, **inside)
            except ValueError:
                continue
            yield Part(f"{order} by {name}" if len(function.names) > 1 else f"{order} derivative", method, name, k)


def subject(definition: Definition, home: Home) -> Subject:
    """A definition and the function generated from it, ready to be measured."""
    function = home.function()
    symbols = tuple(_symbol(definition, name) for name in function.names)
    value = formula(definition, symbols)
    ranges = tuple(function.ranges.get(name, Range()) for name in function.names)
    parts = tuple(parts_of(function))
    documented = _documented(definition) if value.has(*SWITCHING) else {}
    references = []
    for part in parts:
        if part.along is None:
            references.append(Reference(value, symbols, ranges))
            continue
        order = 1 if part.method == "grad" else 2
        choices = documented.get((symbols[part.along], order), ())
        expr: Expr = derivative(value, symbols[part.along], order)
        references.append(Reference(expr, symbols, ranges, part.along, choices))
    for part, reference in zip(parts, references, strict=True):
        _teach(value, symbols, reference, part)
    finite = {
        name: tuple(float(x) for x in values)
        for name, symbol in zip(function.names, symbols, strict=True)
        if isinstance(values := definition.domain.get(symbol), sympy.FiniteSet)
    }
    defaults = {name: _settings(x, function.ranges.get(name, Range())) for name, x in function.parameters.items()}
    return Subject(home, function, function.names, ranges, {**defaults, **finite}, parts, tuple(references))


def _teach(value: Expr, symbols: tuple[Symbol, ...], reference: Reference, part: Part) -> None:
    """Where a definition cancels, as 1 - σ does, rational algebra helps: the same formula over one denominator."""
    other = fractions(value)
    if other == value:
        return
    ranges = reference.ranges
    turns = range(len(PROBES))
    points = [[PROBES[(n * (k + 1) + k) % len(PROBES)] for k in range(len(symbols))] for n in turns]
    points = [p for p in points if all(r.inside(np.array(v)) for r, v in zip(ranges, p, strict=True))]
    if part.along is None:
        reference.teach(other, points)
        return
    order = 1 if part.method == "grad" else 2
    reference.teach(derivative(other, symbols[part.along], order), points)
    for _ in range(order):
        other = fractions(derivative(other, symbols[part.along], 1))
    reference.teach(other, points)


def _symbol(definition: Definition, name: str) -> Symbol:
    named = dict(definition.arguments)
    if name in named:
        return named[name]
    every = {*definition.expression.free_symbols, *definition.wrt, *definition.parameters, *definition.where}
    return next(symbol for symbol in every if isinstance(symbol, Symbol) and str(symbol) == name)


def _settings(default: float, domain: Range) -> tuple[float, ...]:
    wanted = dict.fromkeys((*(default * factor for factor in PARAMETER_FACTORS), *PARAMETER_VALUES))
    return tuple(x for x in wanted if domain.inside(np.array(x)))


def _documented(definition: Definition) -> dict[tuple[Symbol, int], tuple[Choice, ...]]:
    """The values that the documents state for the kinks, by variable and order."""
    found: dict[tuple[Symbol, int], tuple[Choice, ...]] = {}
    for variable, derivation in zip(definition.wrt, derive_all(definition), strict=False):
        if derivation.order == 1 and not derivation.route:
            found[variable, 1] = tuple(Choice(kink.location, kink.code_value) for kink in derivation.kinks)
    return found
