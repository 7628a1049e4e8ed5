"""What the code generator needs to know about one function."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import Expr, Set, Symbol


@dataclass(frozen=True)
class FunctionSpec:
    """A scalar function, its derivatives and its words.

    `arguments`: (name in the code, symbol) in calling order. `parameters`: (name, symbol, default). `gradients` and
    `seconds`: first and
    second derivatives keyed by those names. `alternatives`: equal expressions to try for a part, by the
    name of its function (`_grad_x`), where the first has no accurate form. `domain`: an interval per symbol, real numbers where absent; `values`: those of a symbol that takes a few only. `summary`:
    one sentence.
    `formula`: plain-text maths. `kink_note`: the convention where the derivative jumps, empty if it does not.
    `source`: paper, equation. `loss`: whether it takes a reduction.
    """

    name: str
    arguments: tuple[tuple[str, Symbol], ...]
    parameters: tuple[tuple[str, Symbol, float], ...]
    value: Expr
    gradients: Mapping[str, Expr]
    seconds: Mapping[str, Expr]
    domain: Mapping[Symbol, Set] = field(default_factory=dict)
    summary: str = ""
    formula: str = ""
    kink_note: str = ""
    source: str = ""
    alternatives: Mapping[str, tuple[Expr, ...]] = field(default_factory=dict)
    loss: bool = False
    values: Mapping[Symbol, tuple[float, ...]] = field(default_factory=dict)

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """Arguments, then parameters."""
        return tuple(row[1] for row in self.arguments) + tuple(row[1] for row in self.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that `symbols` have in the code."""
        return tuple(row[0] for row in self.arguments) + tuple(row[0] for row in self.parameters)

    @property
    def parts(self) -> tuple[tuple[str, Expr], ...]:
        """Every expression to generate, under the name of its private function."""
        return (
            ("_value", self.value),
            *((f"_grad_{name}", expr) for name, expr in self.gradients.items()),
            *((f"_second_{name}", expr) for name, expr in self.seconds.items()),
        )
