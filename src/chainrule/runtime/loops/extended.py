"""`chainrule.runtime.extended` in loops: formulas as rows of `.elements`, lines in operands {0}, {1}, … that name the result {r}."""

from collections.abc import Callable, Sequence
from typing import Any

from .. import extended, narrow
from ..programs import Program
from .compiler import compiled, plain
from .pairs import Pair
from .programs import is_text, text_of

IN_MORE_DIGITS = """{{r}} = KIND({{r}}_result)
{{r}}_lost = -ONE if (not (abs({{r}}_result) < inf)){numbers} else ONE"""
SINGLE = """{{r}} = {{0}}
{{r}}_lost = fma({{2}}, KIND({less!r}), abs({{1}}))"""
"""Where the loop finds no value, a number is negative."""


def refined(formula: Callable[..., Any], count: int) -> str:
    """The row of `refined`, in which the formula is computed everywhere; nothing where a loop cannot."""
    steps, *_ = extended.program(formula.__code__, count).recorded
    if not is_text(steps, count):
        return ""
    given = [f"{{r}}_{k} = np.float64({{{k}}})" for k in range(count)]
    text = text_of(*Program(lambda *rows: formula(*map(Pair, rows)).rounded, count).recorded, "{r}_")
    numbers = "".join(f" & ({{{k}}} == {{{k}}})" for k in range(count))
    return "\n".join([*given, text, IN_MORE_DIGITS.format(numbers=numbers)])


def refined_of_single(formula: Callable[..., Any], count: int) -> str:
    """That of `refined_of_single`, which is hardly ever more than what was found."""
    return SINGLE.format(less=-narrow.LEFT)


ROWS: dict[Any, tuple[Callable[[Callable[..., Any], int], str], Callable[[Sequence[Any]], Sequence[Any]]]] = {
    extended.refined: (refined, lambda arguments: arguments[4:]),
    narrow.refined_of_single: (refined_of_single, lambda arguments: arguments[:3]),
}
"""By the function: what makes its row from a formula and the number of its arguments, and which of those of the function are the operands."""


def fill_cancelled(total: Any, size: Any, near: float, out: Any) -> None:
    """Where a sum is smaller than so large a part of its terms."""
    _fill_cancelled(plain(total), plain(size), near, out)


@compiled
def _fill_cancelled(total: Any, size: Any, near: float, out: Any) -> None:
    for i in range(out.size):
        out[i] = abs(total[i]) < size[i] * near
