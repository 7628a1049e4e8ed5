"""What a template says of a network, as plain values: formulas in one notation, numbers as text, no sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..calculus.derivation import Derivation
from ..expression import tree as t
from ..expression.printing import latex, text, typst
from .equations import Line, equations
from .network import Network
from .units import Units, units

Printer = Callable[[t.Node], str]
PRINTERS: Mapping[str, Printer] = {"text": text, "latex": latex, "typst": typst}
DIGITS = 4


@dataclass(frozen=True)
class Row:
    """key, layer: of the equation, as in ``Line``. formula: in matrix notation where there is one. components: in index notation. value: its numbers for
    the sample, empty if none are wanted."""

    key: str
    layer: int
    formula: str
    components: str
    value: str = ""


@dataclass(frozen=True)
class Way:
    """How a derivative was found: the goal, and each line with the rules that lead to it."""

    goal: str
    lines: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class NetworkReport:
    """given: the numbers of the sample, by name. local: the derivative of each hidden activation as the catalogue derives it. batch: the backward
    equations of a batch in rows."""

    widths: str
    activations: tuple[str, ...]
    loss: str
    l2: float
    forward: tuple[Row, ...]
    output: Way
    local: Mapping[str, str]
    backward: tuple[Row, ...]
    batch_forward: tuple[Row, ...]
    batch: tuple[Row, ...]
    given: tuple[tuple[str, str], ...] = ()


def report(network: Network, notation: str = "text", values: bool = False) -> NetworkReport:
    """What there is to say of a network. notation: ``text``, ``latex`` or ``typst``. values: with the numbers at every unit for a small sample."""
    show = PRINTERS[notation]
    one, batch = equations(network), equations(network, batch=True)
    numbers = units(network) if values else None
    hidden = [f.name for f in network.functions[:-1]]
    first = numbers.forward if numbers else {}
    last = numbers.backward if numbers else {}
    return NetworkReport(
        str(network),
        network.activations,
        network.loss,
        network.l2,
        tuple(_row(line, show, first) for line in one.forward),
        _way(one.line("delta", network.depth, backward=True).derivations[0], show),
        {name: _local(d, show) for name, d in one.activations.items() if name in hidden},
        tuple(_row(line, show, last) for line in one.backward),
        tuple(_row(line, show, {}) for line in batch.forward),
        tuple(_row(line, show, {}) for line in batch.backward),
        () if numbers is None else _given(numbers, show),
    )


def _row(line: Line, show: Printer, values: Mapping[tuple[str, int], Any]) -> Row:
    key = (line.key, line.layer)
    value = _number(values[key]) if key in values else ""
    return Row(*key, show(line.matrix or line.components), show(line.components), value)


def _way(derivation: Derivation, show: Printer) -> Way:
    lines: list[tuple[str, tuple[str, ...]]] = []
    rules: list[str] = []
    for step in derivation.steps:
        rules.append(step.rule)
        if step.line:
            lines.append((show(step.after), tuple(dict.fromkeys(rules))))
            rules = []
    if rules:
        lines.append((show(derivation.final), tuple(dict.fromkeys(rules))))
    return Way(show(derivation.goal), tuple(lines))


def _local(derivation: Derivation, show: Printer) -> str:
    return show(t.Equation(derivation.goal, derivation.final))


def _given(numbers: Units, show: Printer) -> tuple[tuple[str, str], ...]:
    sample = numbers.sample
    rows = [(show(t.Vector("x")), _number(sample.x))]
    for place, (W, b) in enumerate(sample.parameters, 1):
        rows += [(show(t.Matrix(f"W__{place}")), _number(W)), (show(t.Vector(f"b__{place}")), _number(b))]
    target = t.Vector("y") if np.ndim(sample.y) else t.Symbol("c")
    return (*rows, (show(target), _number(sample.y if np.ndim(sample.y) else sample.y + 1)))


def _number(value: Any) -> str:
    """4 digits, rows of a matrix in brackets of their own."""
    if np.ndim(value) == 0:
        return f"{float(value):.{DIGITS}g}"
    return "[" + ", ".join(map(_number, value)) + "]"
