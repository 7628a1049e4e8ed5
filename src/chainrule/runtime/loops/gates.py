"""`chainrule.runtime.gates` and `chainrule.runtime.rounded` of single numbers, without a branch. All is computed in float64, that of a float32 too, which is
then right to 1 ulp. A polynomial is added up in another order than by a matrix product, so that the last bit may be another one than of arrays."""

from typing import Any

import numpy as np

from ..gates import GATES, GRID, ROOTS, SLOPES, WEIGHT
from .elementary import DOUBLE, EXP_ROUNDED, fma, inline, normal_exp, polynomial
from .elementary import FLOAT64 as ELEMENTARY

exp, exp_between, exp_rounded = ELEMENTARY["exp"], ELEMENTARY["exp_between"], normal_exp(DOUBLE, EXP_ROUNDED)
LARGE = 300.0
"""Beyond, x exp(-x) is 0 in float32, even if x is as large as 2¹⁰⁰."""


def functions(kind: Any) -> dict[str, Any]:
    """The functions of one kind of numbers."""
    one = np.dtype(kind)
    high, low = ROOTS[np.dtype(np.float64)]
    gate, slope = gaussian(GATES[one]), gaussian(SLOPES[one])
    down = 1.0 / GATES[one].scale

    @inline
    def normal_gate(x):
        v = np.float64(x)
        _, _, p, g = gate(abs(v))
        g = fma(p, g, g) * down
        return kind(v - g if v >= 0.0 else -g)

    @inline
    def normal_gate_slope(x):
        v = np.float64(x)
        a, e, p, _ = slope(abs(v))
        g = e * ((high - a) + low)
        g = fma(p, g, g) * down
        return kind(g if v < 0.0 else 1.0 - g)

    @inline
    def logistic_gate_slope(x):
        v = np.float64(x)
        w = -LARGE if v < -LARGE else LARGE if v > LARGE else v
        s = 1.0 / (exp_between(-w) + 1.0)
        return kind(((1.0 - s) * v + 1.0) * s)

    return {
        "normal_gate": normal_gate,
        "normal_gate_slope": normal_gate_slope,
        "logistic_gate_slope": logistic_gate_slope,
    }


def gaussian(series: Any) -> Any:
    """a, what is not more than `far`; e = exp(raised - a²/2); the polynomial p, of which 1 + p is a factor, with what the square of a leaves of the exponent,
    a² = h² + (a - h)(a + h), where h² is exact; and e a/(a + WEIGHT)."""
    value = polynomial(tuple(series.matrix[:, ::-1].astype(np.float64).reshape(-1).tolist()), np.float64)
    far, middle, raised = map(float, (series.far, series.middle, series.raised))

    if series.kind == np.float32:

        @inline
        def single(x):
            a = far if x > far else x
            more, weighted = a + middle, a + WEIGHT
            inverse = 1.0 / (more * weighted)
            p = value((a - middle) * weighted * inverse)
            e = exp_rounded(a * a * -0.5 + raised)
            return a, e, p, e * a * more * inverse

        return single

    @inline
    def double(x):
        a = far if x > far else x
        h = (a + GRID) - GRID
        d = (a - h) * (a + h)
        d = (d * 0.125 - 0.5) * d
        p = value((a - middle) / (a + middle))
        e = exp(h * h * -0.5 + raised)
        return a, e, p + d + p * d, e * a / (a + WEIGHT)

    return double


FLOAT64, FLOAT32 = functions(np.float64), functions(np.float32)
