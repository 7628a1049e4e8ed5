"""`chainrule.runtime.gates` and `chainrule.runtime.rounded` of single numbers of float32, computed in float32 and without a branch, right to 4 ulp: twice as many
fit into a register as of float64.

What would be rounded again and again is left to the end. A number stands as b (1 + w), where b is exact or rounded once and w is small: what an exponential,
a polynomial and a quotient are beside 1 is added up in w. The tables are computed by `chainrule.codegen.fits`, which a test repeats."""

import math
from typing import Any

import numpy as np

from .elementary import SINGLE, fma, inline, polynomial

# p such that the probability that a standard normal variable exceeds x is exp(-x²/2) (1 + p)/(1 + x)/2 for 0 <= x <= FAR, in t = (x - m)/(x + m), m its MIDDLE; relative error 4.9e-09 before rounding
TAIL_SINGLE = (
    -0.04289361950910766,
    -0.19542508865184083,
    0.0015739031466035173,
    0.07609372782133762,
    -0.060516629181979475,
    0.020771859147189552,
    0.0005587179425132983,
    -0.002873743031568014,
    0.00019482209123387987,
    0.00040902331509694377,
    5.8581474498411286e-05,
)
# for the derivative of x Φ(x) at -x: exp(-x²/2) (h - c x) (1 + p), c and h, which is a sum, the numbers in SLOPE_LINE_SINGLE; relative error 6.9e-09 before rounding
SLOPE_TAIL_SINGLE = (
    -0.2143006487734841,
    -0.16563777801131502,
    0.10498418269145857,
    -0.05592512901370888,
    0.02404895065027292,
    -0.007684317502561359,
    0.0013963199838725798,
    0.0001323234647628885,
    -0.0001377893361189738,
)
SLOPE_LINE_SINGLE = (0.5808004140853882, 0.43664082884788513, 2.2440926058399266e-14)
# for the derivative of x/(1 + exp(-x)) at -x, |r - x| <= NEAR: exp(-x)/(1 + exp(-x))² (h - c x) (1 + p), c and h in LOGISTIC_LINE_SINGLE, h/c = r, in r - x; relative error 1.1e-08 before rounding
LOGISTIC_SINGLE = (
    -0.0011507042214624248,
    0.10878053461512724,
    0.036259177995584625,
    0.009064919568009762,
    0.0018261623909896691,
    0.0003038112954039065,
)
LOGISTIC_LINE_SINGLE = (1.2799373865127563, 1.6363545656204224, -9.587537861691942e-12)
FAR, FAR_LOGISTIC = 15.0, 120.0
"""Beyond, x exp(-x²/2) and x exp(-x) are 0."""
MIDDLES = {"TAIL_SINGLE": 3.5, "SLOPE_TAIL_SINGLE": 4.5}
NEAR = 0.45
RAISED = 64
"""The power of 2 by which an exponential is raised: it is then a normal number wherever what is made of it is not 0."""


def functions() -> dict[str, Any]:
    """The functions by their names."""
    real, whole, digits = SINGLE.number, SINGLE.whole, SINGLE.whole(SINGLE.digits)
    zero, half, one, two = map(real, (0.0, -0.5, 1.0, 2.0))
    per_log2, high, low = real(1 / math.log(2)), real(-SINGLE.log2[0]), real(-SINGLE.log2[1])
    shift, raised, down = real(1.5 * 2.0**SINGLE.digits), whole(RAISED + SINGLE.bias), real(2.0**-RAISED)
    series, far, far_logistic, near = polynomial(SINGLE.exp, real), real(FAR), real(FAR_LOGISTIC), real(NEAR)
    tail, middle = polynomial(TAIL_SINGLE, real), real(MIDDLES["TAIL_SINGLE"])
    slope_tail, slope_middle = polynomial(SLOPE_TAIL_SINGLE, real), real(MIDDLES["SLOPE_TAIL_SINGLE"])
    logistic = polynomial(LOGISTIC_SINGLE, real)
    slope_line, logistic_c = line(SLOPE_LINE_SINGLE), real(LOGISTIC_LINE_SINGLE[0])
    root = real(math.fsum(LOGISTIC_LINE_SINGLE[1:]) / LOGISTIC_LINE_SINGLE[0])
    off_root = real(math.fsum((*LOGISTIC_LINE_SINGLE[1:], -float(logistic_c) * float(root))))  # h - c root

    @inline
    def exp(x, more):
        """exp(x + more) as u (1 + q), u a power of 2, raised, with q and u; more is less than the last digit of x."""
        shifted = fma(x, per_log2, shift)
        k = shifted - shift
        r = fma(k, high, x) + fma(k, low, more)
        power = whole((real(shifted).view(whole) + raised) << digits).view(real)
        return fma(r * r, series(r), r), power

    @inline
    def gaussian(a):
        """exp(-a²/2), likewise."""
        square = a * a
        return exp(half * square, half * fma(a, a, -square))

    @inline
    def normal_gate(x):
        a = abs(x)
        a = far if a > far else a
        q, power = gaussian(a)
        b = a + one
        r = one / b
        p = fma((b - one) - a, r, tail((a - middle) / (a + middle)))
        g = a * r
        g = fma(fma(p, q, p) + q, g, g) * power * (down / two)
        return x - g if x >= zero else -g

    @inline
    def normal_gate_slope(x):
        a = abs(x)
        a = far if a > far else a
        q, power = gaussian(a)
        p = slope_tail((a - slope_middle) / (a + slope_middle))
        g = slope_line(a)
        g = fma(fma(p, q, p) + q, g, g) * power * down
        return one - g if x >= zero else g

    @inline
    def logistic_gate_slope(x):
        a = abs(x)
        a = far_logistic if a > far_logistic else a
        q, power = exp(-a, zero)
        unraised = power * down
        e = fma(q, unraised, unraised)
        d = root - a
        is_near = abs(d) < near
        b = fma(logistic_c, d, off_root) if is_near else (one - a) + e
        p = logistic(d) if is_near else zero
        s = one + e
        r = one / s
        off = fma(s - one - e, r, fma(-s, r, one))
        w = fma(two, off, fma(p, q, p) + q)
        b = b * power
        g = b * r
        g = fma(g, r, fma(b, r, -g) * r)
        g = fma(w, g, g)
        return fma(-g, down, one) if x >= zero else g * down

    return {
        "normal_gate": normal_gate,
        "normal_gate_slope": normal_gate_slope,
        "logistic_gate_slope": logistic_gate_slope,
    }


def line(table: tuple[float, ...]) -> Any:
    """h - c x, to the last digit where it is 0, too."""
    c, high, low = map(np.float32, (-table[0], table[1], table[2]))

    @inline
    def value(x):
        return fma(c, x, high) + low

    return value
