"""`chainrule.runtime.extended` in loops: where a sum has cancelled, and formulas as rows of `.elements`, lines in operands {0}, {1}, … that name the result {r}."""

from collections.abc import Callable
from typing import Any

from .. import extended, narrow
from .compiler import compiled, plain
from .programs import text_of

CHOICE = """{{r}}_near = abs({{1}}) < {{2}} * KIND({near!r})
{{r}}_lost = {{r}}_near & (not abs({{r}}_result) < inf)
{{r}} = KIND({{r}}_result) if {{r}}_near else {{0}}"""
SINGLE = """{{r}}_lost = abs({{1}}) < {{2}} * KIND({left!r})
{{r}} = {{0}}"""
"""Lost is where the loop finds no value."""


def refined(formula: Callable[..., Any], count: int) -> str:
    """The row of `refined`, in which the formula is computed everywhere; nothing where a loop cannot."""
    given = [f"{{r}}_{k} = np.float64({{{k + 3}}})" for k in range(count)]
    text = text_of(*extended.program(formula.__code__, count).recorded, "{r}_")
    return text and "\n".join([*given, text, CHOICE.format(near=extended.NEAR)])


def refined_of_single(formula: Callable[..., Any], count: int) -> str:
    """That of `refined_of_single`, which is hardly ever more than what was found."""
    return SINGLE.format(left=narrow.LEFT)


ROWS: dict[Any, Callable[[Callable[..., Any], int], str]] = {
    extended.refined: refined,
    narrow.refined_of_single: refined_of_single,
}


def fill_cancelled(total: Any, size: Any, near: float, out: Any) -> None:
    """Where a sum is smaller than so large a part of its terms."""
    _fill_cancelled(plain(total), plain(size), near, out)


@compiled
def _fill_cancelled(total: Any, size: Any, near: float, out: Any) -> None:
    for i in range(out.size):
        out[i] = abs(total[i]) < size[i] * near
