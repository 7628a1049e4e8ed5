"""Is the stable form right in float32 as well, where elementary functions are? Those of loops (`chainrule.runtime.loops.elementary`) are off by an ulp or so,
NumPy's by up to 3.5, so that there it hardly ever is.

It is computed in float32 at points, and what its operations take from the result at worst is added up: half an ulp for each of the four, and as much as
they may be off for functions, each seen by what becomes of the result where one operation is off by that. Few points tell what no sample would meet."""

import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.codegen.blocks import Operation, Program
from chainrule.codegen.brief import right
from chainrule.codegen.narrow import closely, values_at
from chainrule.codegen.points import PLASTIC, jumps
from chainrule.codegen.stable import LIMIT, Stable, runnable
from chainrule.codegen.vocabulary import refined
from chainrule.runtime import scalar
from chainrule.runtime.loops.elements import HEAVY, is_element

Array = npt.NDArray[Any]
ELEMENTARY = tuple(each for each, home in HEAVY.items() if home == "elementary" and each.startswith("np."))
ROUNDED = ("np.add", "np.subtract", "np.multiply", "np.divide", "np.sqrt", "product", "quotient")
OFF = dict.fromkeys(ROUNDED, 0.5) | dict.fromkeys(ELEMENTARY, 1.3)
OFF |= {"np.exp": 1.05, "np.log": 1.0, "np.log1p": 1.0, "np.cosh": 1.7, "np.sinh": 1.7, "np.tanh": 2.5}
"""By how much of an ulp operations in float32 are off at most, of which functions a test holds those of loops to this; over every float32 the logarithms
are off by 0.84. No row: they are exact."""
SPREAD = 10_000
"""Points all over the domain, beside those that the form was found with, which lie on lines."""
ORDINARY = 4.0
"""What most of them are within, roughly."""


def is_right_in_loops(found: Stable, names: Mapping[Any, str]) -> bool:
    """Whether the stable form, every function of which a loop must compute, is within the limit in float32, at numbers of float32. False for a constant,
    which gains nothing, and where the function may jump, for what is rounded may lie on the other side."""
    inputs = tuple(names.values())
    program = Program(inputs=inputs)
    program.add(found.body.lines)
    elements = all(is_element(operation.function) for operation in program.operations)
    if not elements or found.expr.has(refined) or not found.expr.free_symbols or jumps(found.problem.expr):
        return False
    points = np.concatenate([closely(found, names), _spread(found)])
    wanted = values_at(points, runnable(found.body, inputs))
    got = values_at(points, runnable(found.body, inputs, NUMPY), np.float32)
    return bool(np.all(right(got, wanted, LIMIT)) and np.all(_worst(program, points, wanted) <= LIMIT))


def _spread(found: Stable) -> Array:
    """Numbers of float32 all over the domains."""
    columns = []
    for k, (low, high) in enumerate(found.problem.reference.domains):
        t = np.arange(1, SPREAD + 1) * PLASTIC ** -(k + 1) % 1
        if np.isfinite(low) and np.isfinite(high):
            columns.append(low + (high - low) * t)
        else:
            u = t if np.isfinite(low) or np.isfinite(high) else 2 * t - 1
            x = ORDINARY * u / (1 - u * u)
            columns.append(low + x if np.isfinite(low) else high - x if np.isfinite(high) else x)
    return np.column_stack(columns).astype(np.float32).astype(np.float64)


# ---------------------------------------------------------------- what rounding takes at worst


def _worst(program: Program, points: Array, wanted: Array) -> Array:
    """In ulp of float32, how far the result may be off at points; 0 where it is no number of float32."""
    with np.errstate(all="ignore"):
        unit = _unit(wanted)
        start = _values(program, points, [])
        total = np.abs(start[-1] - wanted)
        for k, operation in enumerate(program.operations):
            if operation.function in OFF:
                off = OFF[operation.function] * _unit(start[k]) * ~_is_exact(program, k, start, points)
                moved = (_values(program, points, [*start[:k], start[k] + each])[-1] for each in (off, -off))
                total += np.maximum(*(np.abs(each - start[-1]) for each in moved))
        return np.where(np.isfinite(unit) & np.isfinite(total), total / unit, 0.0)


def _unit(x: Array) -> Array:
    found: Array = np.spacing(np.abs(x).astype(np.float32)).astype(np.float64)
    return found


def _values(program: Program, points: Array, known: list[Array]) -> list[Array]:
    """The results of all operations, of which the first ones are known, with constants in float32; at the end that of the program."""
    found = list(known)
    operands = _operands(program, points, found)
    for operation in program.operations[len(known) :]:
        found.append(np.broadcast_to(_function(operation)(*map(operands, operation.operands)), len(points)))
    return [*found, np.broadcast_to(operands(program.results[0]), len(points))]


def _operands(program: Program, points: Array, found: list[Array]) -> Callable[[int | str], Any]:
    columns = dict(zip(program.inputs, points.T, strict=True))

    def operand(each: int | str) -> Any:
        if isinstance(each, int):
            return found[each]
        return columns[each] if each in columns else np.float64(np.float32(each.replace("np.", "")))

    return operand


def _function(operation: Operation) -> Callable[..., Any]:
    if operation.function == "select":
        return np.where
    home: Any = np if operation.function.startswith("np.") else scalar
    found: Callable[..., Any] = getattr(home, operation.function.removeprefix("np."))
    return found


def _is_exact(program: Program, k: int, values: list[Array], points: Array) -> Array:
    """Where an operation is not rounded: a result of 0, a product with a power of 2, a sum of two numbers of float32 that is not large beside the last digit
    of either."""
    operation, exact = program.operations[k], values[k] == 0
    operand = _operands(program, points, values)
    if operation.function in ("np.multiply", "product"):
        for each in operation.operands:
            if _roundings(program, each) <= 1:
                factor = np.float32(operand(each))
                kept = (np.abs(factor) >= 1) | (np.abs(values[k]) >= np.finfo(np.float32).tiny)
                exact = exact | (np.abs(np.frexp(factor)[0]) == 0.5) & kept
    elif operation.function in ("np.add", "np.subtract") and _roundings(program, k) == 1:
        a, b = map(operand, operation.operands)
        exact = exact | (np.abs(values[k]) <= 2.0**24 * np.minimum(_unit(a), _unit(b))) | (a == 0) | (b == 0)
    return np.broadcast_to(exact, len(points))


def _roundings(program: Program, operand: int | str) -> int:
    """How often a value is rounded on the way from the inputs: none means a number of float32, one the nearest."""
    if isinstance(operand, str):
        return 0
    operation = program.operations[operand]
    return sum(_roundings(program, each) for each in operation.operands) + (operation.function in OFF)


# ---------------------------------------------------------------- NumPy with such functions


def _rounded(name: str) -> Callable[..., Any]:
    exact = getattr(np, name)

    def apply(x: Any, out: Any = None) -> Any:
        with np.errstate(all="ignore"):
            return np.positive(exact(np.asarray(x, np.float64)).astype(np.float32), out=out)

    return apply


NUMPY: Any = types.SimpleNamespace(
    **{name: each for name, each in vars(np).items() if not name.startswith("__")}
    | {name: _rounded(name) for name in (each.removeprefix("np.") for each in ELEMENTARY)}
)
"""Stands for the module `numpy`, of arrays of float32: functions are those of float64, rounded."""


def on_model(block: Callable[..., None]) -> Callable[..., None]:
    """The code of a block, computing with these functions."""
    return types.FunctionType(block.__code__, {**block.__globals__, "np": NUMPY})
