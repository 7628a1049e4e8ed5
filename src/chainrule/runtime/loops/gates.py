"""`chainrule.runtime.gates` in two loops, between which NumPy takes the exponential: what comes before it, and everything after it.

All is computed in float64, that of a float32 too, which is then right to 1 ulp. A polynomial is added up in another order than by a matrix product, so
that the last bit may be another one than that of code which is not compiled."""

from functools import lru_cache, reduce
from typing import Any

import numpy as np

from .. import gates
from .compiler import compiled_text, plain

PART = 8192
"""Elements at a time: their exponentials stay in the cache."""
HEAD = ["import numpy as np", "def loop({}):", " for i in range(e.size):"]
FIRST = ["v = np.float64(x[i])", "a = abs(v)", "a = {far!r} if a > {far!r} else a"]
SPLIT = ["h = (a + {grid!r}) - {grid!r}"]
BEFORE = ["e[i] = h * h * -0.5 + {raised!r}"]
SERIES = ["t = (a - {middle!r}) / (a + {middle!r})"]
MORE = ["d = (a - h) * (a + h)", "d = (d * 0.125 - 0.5) * d", "p = p + d + p * d"]
"""What the square of h leaves of that of a, by which the exponential is 1 + d times as large."""
AFTER = {
    "gate": [
        "g = e[i] * a / (a + {weight!r})",
        "g = (p * g + g) / {scale!r}",
        "out[i] = v - g if v >= 0.0 else -g",
    ],
    "slope": [
        "g = e[i] * (({root[0]!r} - a) + {root[1]!r})",
        "g = (p * g + g) / {scale!r}",
        "out[i] = g if v < 0.0 else 1.0 - g",
    ],
}


def fill(name: str, series: Any, x: Any, out: Any) -> None:
    """The results for x, of one axis like `out`, by a polynomial of `chainrule.runtime.gates`."""
    before, after = _loops(name, series, series.matrix.tobytes())
    room = np.empty(min(PART, x.size))
    for k in range(0, x.size, PART):
        given = plain(x[k : k + PART])
        e = room[: given.size]
        before(given, e)
        np.exp(e, out=e)
        after(given, e, out[k : k + PART])


@lru_cache
def _loops(name: str, series: Any, matrix: bytes) -> tuple[Any, Any]:
    """Before and after the exponential. matrix: the bytes of the coefficients, by which other coefficients are told from these."""
    known = vars(series) | {"grid": gates.GRID, "weight": gates.WEIGHT, "root": gates.SLOPE_ROOT}
    split, more = (
        (SPLIT, SPLIT + MORE) if series.kind == np.float64 else (["h = a"], [])
    )  # float64 holds the square of a float32
    return (
        _loop("x, e", FIRST + split + BEFORE, known),
        _loop("x, e, out", FIRST + SERIES + _polynomial(series.matrix.tolist()) + more + AFTER[name], known),
    )


def _loop(arguments: str, lines: list[str], known: dict[str, Any]) -> Any:
    text = "\n".join(HEAD + [f"  {line}" for line in lines])
    return compiled_text(text.format(arguments, **known) + "\n")


def _polynomial(rows: list[list[float]]) -> list[str]:
    """Its value p at t: the sum of each row by Horner's rule, and of these likewise."""
    sums = [reduce(lambda found, c: f"({found}) * t + {c!r}", row[1:], repr(row[0])) for row in rows]
    return [f"s = {_power(len(rows[0]))}", f"p = {sums[-1]}", *(f"p = p * s + ({each})" for each in sums[-2::-1])]


def _power(k: int) -> str:
    return "t" if k == 1 else f"({_power(k // 2)} * {_power(k - k // 2)})"
