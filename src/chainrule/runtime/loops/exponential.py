"""The exponential of numbers of float64 of which it is neither subnormal nor infinite, to 0.6 ulp: what rounding takes from the reduced number and from the last
sum goes into a second term. `exp_between` of `.elementary`, which leaves that out, is off by an ulp, and forms square it."""

import math
from typing import Any

from .elementary import DOUBLE, fma, inline, polynomial


def functions() -> dict[str, Any]:
    """The function by its name."""
    real, whole, digits = DOUBLE.number, DOUBLE.whole, DOUBLE.whole(DOUBLE.digits)
    one, per_log2, shift = real(1.0), real(1 / math.log(2)), real(1.5 * 2.0**DOUBLE.digits)
    high, low = real(-DOUBLE.log2[0]), real(-DOUBLE.log2[1])
    series = polynomial(DOUBLE.exp, real)

    @inline
    def exp_normal(x):
        shifted = fma(x, per_log2, shift)
        k = shifted - shift
        first = fma(k, high, x)
        r = fma(k, low, first)
        s = one + r
        y = s + ((r - (s - one)) + fma(r * r, series(r), fma(k, low, first - r)))
        return whole(real(y).view(whole) + (real(shifted).view(whole) << digits)).view(real)

    return {"exp_normal": exp_normal}


FLOAT64: dict[str, Any] = functions()
FLOAT32: dict[str, Any] = {}
