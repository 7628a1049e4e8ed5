"""Numerical differentiation as the alternative to a backward pass: how wrong it is, and what it costs.

The errors are measured in arithmetic of 53 bits by mpmath, not by the machine: every operation is rounded as a double is, and each elementary function gives the same
digits everywhere. The example is the loss of a small network in one of its weights, its derivative that of the engine."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import mpmath
import sympy

from ..calculus.checks import evaluate
from ..calculus.derivation import Derivation
from ..calculus.derive import derive
from ..catalogue import entries, load, project, resolve
from ..definition import Definition
from ..errors import DefinitionError
from ..notation import scalar
from .data import FOLDER

BITS = 53
"""Of the significand of a double."""
ROUNDOFF = 2.0**-BITS
"""u, the largest relative error of one rounding; ε = 2u is the gap between 1 and the next double."""
REFERENCE = 40
"""Digits of the derivative that an estimate is compared with."""
SHOWN = 4
"""Significant digits of what is reported."""

Function = Callable[[Any], Any]
"""Of one mpmath number, real or complex, in the working precision."""


# ---------------------------------------------------------------- how wrong


def forward_difference(f: Function, x: Any, h: Any) -> Any:
    """(f(x + h) - f(x)) / h"""
    return (f(x + h) - f(x)) / h


def central_difference(f: Function, x: Any, h: Any) -> Any:
    """(f(x + h) - f(x - h)) / 2h"""
    return (f(x + h) - f(x - h)) / (2 * h)


def complex_step(f: Function, x: Any, h: Any) -> Any:
    """Im f(x + ih) / h: nothing is subtracted, so nothing is lost. Squire and Trapp, 1998."""
    return f(mpmath.mpc(x, h)).imag / h


METHODS: dict[str, Callable[[Function, Any, Any], Any]] = {
    "forward": forward_difference,
    "central": central_difference,
    "complex": complex_step,
}
STEPS = tuple(Fraction(-half, 2) for half in range(2, 33))
"""Decimal logarithms of the steps: 10⁻¹ to 10⁻¹⁶, two to a power of ten."""
TINY = tuple(map(Fraction, (-20, -50, -100, -200)))
"""Further ones that only a complex step can take."""


@dataclass(frozen=True)
class Errors:
    """Relative errors of one method, by step. steps: h, falling. errors: of the estimate at each. best: the step with the least error; least: that error."""

    method: str
    steps: tuple[float, ...]
    errors: tuple[float, ...]

    @property
    def least(self) -> float:
        return min(self.errors)

    @property
    def best(self) -> float:
        return self.steps[self.errors.index(self.least)]


def errors(
    f: Function, derivative: Any, x: Any, steps: Sequence[Fraction] = STEPS, tiny: Sequence[Fraction] = TINY
) -> tuple[Errors, ...]:
    """|estimate - f'(x)| / |f'(x)| of each method at each step, the estimate in arithmetic of 53 bits.

    f: computes with mpmath numbers, complex ones too. derivative: f'(x), not 0, to more digits than a double has. x: a double. steps, tiny: decimal logarithms of h;
    tiny ones are taken by the complex step alone."""
    exact = mpmath.mpmathify(derivative)
    if exact == 0:
        raise DefinitionError("the derivative is 0: no error is relative to it, choose another place")
    return tuple(
        Errors(
            name,
            tuple(_shown(10.0 ** float(power)) for power in powers),
            tuple(_error(method, f, exact, x, power) for power in powers),
        )
        for name, method in METHODS.items()
        for powers in ((*steps, *tiny) if name == "complex" else tuple(steps),)
    )


def _error(method: Callable[[Function, Any, Any], Any], f: Function, exact: Any, x: Any, power: Fraction) -> float:
    with mpmath.workprec(BITS):
        h = mpmath.mpf(10) ** (mpmath.mpf(power.numerator) / power.denominator)
        estimate = method(f, mpmath.mpf(x), h)
    with mpmath.workdps(REFERENCE):
        return _shown(abs(estimate - exact) / abs(exact))


def _shown(value: Any) -> float:
    return float(f"{float(value):.{SHOWN}g}")


@dataclass(frozen=True)
class Best:
    """The step at which truncation and rounding weigh the same, and the relative error there, as theory has them."""

    method: str
    step: float
    error: float


def best_steps(f: Function, x: Any) -> tuple[Best, ...]:
    """Of the differences, to first order: the least of the bound on truncation plus that on rounding, u = 2⁻⁵³.

    forward: |f''| h/2 + 2u|f|/h is least at h = 2√(u|f/f''|). central: |f'''| h²/6 + u|f|/h at h = ∛(3u|f/f'''|)."""
    with mpmath.workdps(REFERENCE):
        value, first, second, third = (abs(c) for c in mpmath.diffs(f, mpmath.mpf(x), 3))
        u = mpmath.mpf(ROUNDOFF)
        forward = 2 * mpmath.sqrt(u * value / second)
        central = mpmath.cbrt(3 * u * value / third)
        at = (
            ("forward", forward, second * forward / 2 + 2 * u * value / forward),
            ("central", central, third * central**2 / 6 + u * value / central),
        )
        return tuple(Best(name, _shown(h), _shown(error / first)) for name, h, error in at)


# ---------------------------------------------------------------- one real loss


@dataclass(frozen=True)
class Example:
    """The loss of a network 1-1-1 with sigmoid units in its first weight. definition, derivation: of the loss, by the engine. f: the loss in mpmath numbers.
    x: the weight, a double. derivative: dL/dw there, from the derivation, to 40 digits."""

    definition: Definition
    derivation: Derivation
    f: Function
    x: float
    derivative: Any


INPUT, BIAS, ABOVE, BIAS_ABOVE, TARGET = map(Fraction, ("3/2", "-1/4", "5/4", "1/8", "1"))
WEIGHT = 0.75


def _loss(w: Any, sigma: Function, number: Callable[[Fraction], Any]) -> Any:
    """½ (σ(w₂ σ(w x + b₁) + b₂) - y)² of any kind of numbers, in this order of operations."""
    hidden = sigma(w * number(INPUT) + number(BIAS))
    output = sigma(number(ABOVE) * hidden + number(BIAS_ABOVE))
    return (output - number(TARGET)) ** 2 / 2


@lru_cache(maxsize=1)
def example() -> Example:
    """One loss, stated once: SymPy's numbers make it a definition, mpmath's a function."""
    sigmoid = load(resolve("sigmoid", entries(project().folders)))
    w = scalar("w")
    loss = _loss(w, sigmoid, lambda value: sympy.Rational(value.numerator, value.denominator))
    definition = Definition(loss, wrt=w, symbol="L", uses=(sigmoid,), name="loss_in_one_weight")
    derivation = derive(definition)

    def f(value: Any) -> Any:
        return _loss(
            value, lambda z: 1 / (1 + mpmath.exp(-z)), lambda number: mpmath.mpf(number.numerator) / number.denominator
        )

    return Example(definition, derivation, f, WEIGHT, evaluate(derivation.result, {w: sympy.Float(WEIGHT)}, REFERENCE))


def example_errors() -> tuple[Errors, ...]:
    """The errors for ``example``: of forward differences, central differences and complex steps."""
    made = example()
    return errors(made.f, made.derivative, made.x)


# ---------------------------------------------------------------- what it costs


COSTS = FOLDER / "backward_cost.csv"
COLUMNS = ("parameters", "loss_seconds", "backward_seconds", "differences_seconds", "measured")


@dataclass(frozen=True)
class Cost:
    """Seconds for one network. loss: of one forward pass. backward: of the loss with all derivatives. differences: of the same by central differences. measured: whether
    the differences were carried out, or the time is 2n times that of a loss."""

    parameters: int
    loss: float
    backward: float
    differences: float
    measured: bool


def evaluations(parameters: int, method: str = "central") -> int:
    """How many losses the gradient takes: n + 1 with forward differences, 2n with central ones, n with complex steps."""
    return {"forward": parameters + 1, "central": 2 * parameters, "complex": parameters}[method]


def costs(path: Path = COSTS) -> tuple[Cost, ...]:
    """The times that were measured, by the number of parameters. Lines that start with # are comments.

    Raises DefinitionError for a file that is missing or that holds something else."""
    if not path.exists():
        raise DefinitionError(f"{path.name} is missing from {path.parent}: it holds the times that were measured")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(_uncommented(file)))
    if not rows or tuple(rows[0]) != COLUMNS:
        found = ", ".join(rows[0]) if rows else "no rows"
        raise DefinitionError(f"{path.name}: the columns {', '.join(COLUMNS)} are expected, got {found}")
    return tuple(sorted((_cost(path, row) for row in rows), key=lambda cost: cost.parameters))


def _uncommented(lines: Iterable[str]) -> Iterable[str]:
    return (line for line in lines if line.strip() and not line.startswith("#"))


def _cost(path: Path, row: dict[str, str]) -> Cost:
    try:
        loss, backward, differences = numbers = [float(row[name]) for name in COLUMNS[1:4]]
        measured = {"true": True, "false": False}[row["measured"].lower()]
        made = Cost(int(row["parameters"]), loss, backward, differences, measured)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DefinitionError(f"{path.name}: {row} is no row of numbers, with true or false last") from None
    if made.parameters < 1 or not all(0 < number < float("inf") for number in numbers):
        raise DefinitionError(f"{path.name}: {row} holds a number that is not positive")
    return made
