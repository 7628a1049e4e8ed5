"""`chainrule.runtime.gates` and `chainrule.runtime.rounded` of single numbers, without a branch: of float64 here, of float32 in `.single_gates`. A polynomial
is added up in another order than by a matrix product, so that the last bit may be another one than of arrays."""

from typing import Any

import numpy as np

from ..gates import DOUBLE, GATES, GRID, ROOTS, SLOPES, WEIGHT
from . import single_gates
from .elementary import FLOAT64 as ELEMENTARY
from .elementary import fma, inline, polynomial

exp, exp_between = ELEMENTARY["exp"], ELEMENTARY["exp_between"]
LARGE = 300.0
"""Beyond, x exp(-x) is 0 in float32, even if x is as large as 2¹⁰⁰."""


def functions() -> dict[str, Any]:
    """The functions of float64 by their names."""
    high, low = ROOTS[DOUBLE]
    gate, slope = gaussian(GATES[DOUBLE]), gaussian(SLOPES[DOUBLE])
    down = 1.0 / GATES[DOUBLE].scale

    @inline
    def normal_gate(x):
        a, e, p = gate(abs(x))
        far = a > WEIGHT
        part = (-WEIGHT if far else a) / (a + WEIGHT)
        whole = 1.0 if far else 0.0
        g = fma(fma(p, whole + part, part), e, whole * e) * down
        return x - g if x >= 0.0 else -g

    @inline
    def normal_gate_slope(x):
        a, e, p = slope(abs(x))
        g = e * ((high - a) + low)
        g = fma(p, g, g) * down
        return g if x < 0.0 else 1.0 - g

    @inline
    def logistic_gate_slope(x):
        """Of numbers of float32."""
        w = -LARGE if x < -LARGE else LARGE if x > LARGE else x
        s = 1.0 / (exp_between(-w) + 1.0)
        return ((1.0 - s) * x + 1.0) * s

    return {
        "normal_gate": normal_gate,
        "normal_gate_slope": normal_gate_slope,
        "logistic_gate_slope": logistic_gate_slope,
    }


def gaussian(series: Any) -> Any:
    """a, what is not more than `far`; e = exp(raised - a²/2); the polynomial p, of which 1 + p is a factor, with what the square of a leaves of the exponent,
    a² = h² + (a - h)(a + h), where h² is exact."""
    value = polynomial(tuple(series.matrix[:, ::-1].astype(np.float64).reshape(-1).tolist()), np.float64)
    far, middle, raised = map(float, (series.far, series.middle, series.raised))

    @inline
    def parts(x):
        a = far if x > far else x
        h = (a + GRID) - GRID
        d = (a - h) * (a + h)
        d = (d * 0.125 - 0.5) * d
        p = value((a - middle) / (a + middle))
        e = exp(h * h * -0.5 + raised)
        return a, e, p + d + p * d

    return parts


FLOAT64, FLOAT32 = functions(), single_gates.functions()
