"""What the code generator needs to know about one function."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sympy import Expr, Set, Symbol

GRAD, SECOND = "_grad_", "_second_"
"""How the names of the functions of first and second derivatives begin."""


@dataclass(frozen=True)
class FunctionSpec:
    """A scalar function, its derivatives and its words.

    `arguments`: (name in the code, symbol) in calling order. `parameters`: (name, symbol, default). `gradients` and
    `seconds`: first and
    second derivatives keyed by those names. `alternatives`: equal expressions to try for a part, by the
    name of its function (`_grad_x`), where the first has no accurate form. `domain`: an interval per symbol, real numbers where absent; `values`: those of a symbol that takes a few only. `summary`:
    one sentence.
    `formula`: plain-text maths. `kink_note`: the convention where the derivative jumps, empty if it does not.
    `source`: paper, equation. `loss`: whether it takes a reduction. `missing`: why derivatives were left out, by the name of the function
    each would have had.
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
    missing: Mapping[str, str] = field(default_factory=dict)

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
            *((f"{GRAD}{name}", expr) for name, expr in self.gradients.items()),
            *((f"{SECOND}{name}", expr) for name, expr in self.seconds.items()),
        )

    @property
    def needed(self) -> tuple[str, ...]:
        """The parts without which there is no function: the value and the gradient by the first variable."""
        return tuple(name for name, _ in self.parts[: 1 + bool(self.gradients)])

    def without(self, missing: Mapping[str, str]) -> "FunctionSpec":
        """The function without some of its derivatives, which are missing for these reasons."""

        def left(table: Mapping[str, Expr], prefix: str) -> Mapping[str, Expr]:
            return {name: expr for name, expr in table.items() if prefix + name not in missing}

        return replace(
            self,
            gradients=left(self.gradients, GRAD),
            seconds=left(self.seconds, SECOND),
            missing={**self.missing, **missing},
        )
