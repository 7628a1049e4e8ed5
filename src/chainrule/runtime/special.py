"""The error function and Gaussians, right to a few ulp over the whole range, element by element in NumPy.

The tables are computed by `chainrule.codegen.fits`, which a test repeats.
"""

import math
from typing import Any

import numpy as np

from .arrays import Array

# (1 + x) exp(x²) erfc(x) for x >= 0, in t = (x - 4)/(x + 4); relative error 5.4e-18 before rounding
ERFCX = (
    0.6849972881253069,
    -0.199344582800367,
    0.11704966551044244,
    -0.04808038122131848,
    0.00396205568129377,
    0.015312509679629287,
    -0.017515654646596667,
    0.012161784748331477,
    -0.006068735219331131,
    0.00211642162115978,
    -0.00038976748430922,
    -6.0136955620917455e-05,
    6.403270692900713e-05,
    -1.3150549897245758e-05,
    -4.1383358309087905e-06,
    2.6490399773817633e-06,
    3.902926078262736e-09,
    -3.6251386038087446e-07,
    5.144442274791842e-08,
    4.5525594245551566e-08,
    -1.1483738260580701e-08,
    -5.187296046231376e-09,
    1.7174294260850353e-09,
    3.875460256268975e-10,
    -1.4506607968251927e-10,
)
# (1 + 3x/4) exp(x²/2) erfc(x/sqrt(2)) for x >= 0, in t = (x - 13/2)/(x + 13/2); relative error 9.4e-18 before rounding
NORMAL_TAIL = (
    0.705184185282269,
    -0.1800640057752596,
    0.11384184816425597,
    -0.05519979868190722,
    0.013065137621038305,
    0.010327459808061608,
    -0.018293916973081317,
    0.016805634208141445,
    -0.011582099477266555,
    0.0063963121609345325,
    -0.002829688246195408,
    0.0009514578477202234,
    -0.00020032260854693906,
    -3.641451295383489e-06,
    2.1687546376352115e-05,
    -7.503130447029207e-06,
    8.132641695675416e-08,
    8.437133016644934e-07,
    -2.3790369360656194e-07,
    -4.854021331108168e-08,
    3.9782901700094434e-08,
    -1.0855712092636758e-10,
    -4.5240260692237524e-09,
    2.5059471692975444e-10,
    3.106261262827088e-10,
)
# erf(x)/x for |x| <= 1, in x²; relative error 8.1e-18 before rounding
ERF = (
    1.1283791670955126,
    -0.37612638903183543,
    0.11283791670945006,
    -0.02686617064323777,
    0.0052239776071164225,
    -0.0008548325975389692,
    0.00012055294904839707,
    -1.492473690741966e-05,
    1.6447424703317362e-06,
    -1.6208483801871705e-07,
    1.3720064546777686e-08,
    -7.795898827002142e-10,
)
LARGE = 1e20  # the polynomials are constant beyond
SPLIT = 134217729.0  # 2**27 + 1 (Veltkamp)
SHIFT, SHIFT_LOW = 44.3614195558365, 1.4841899608616317e-15  # 64 log 2, in two parts
UNSHIFT = 2.0**-64


def erfcx(x: Array) -> Array:
    """exp(x²) erfc(x) for x >= 0, the complementary error function without its decay."""
    u = np.minimum(x, LARGE)
    return np.asarray(_horner(ERFCX, (u - 4.0) / (u + 4.0)) / (1.0 + x))


def normal_tail(x: Array) -> Array:
    """exp(x²/2) erfc(x/sqrt(2)) for x >= 0: twice the probability that a standard normal variable exceeds x, without its decay."""
    u = np.minimum(x, LARGE)
    return np.asarray(_horner(NORMAL_TAIL, (u - 6.5) / (u + 6.5)) / (1.0 + 0.75 * x))


def _horner(coefficients: tuple[float, ...], x: Any) -> Any:
    result = coefficients[-1] * x
    result += coefficients[-2]
    for c in coefficients[-3::-1]:
        result *= x
        result += c
    return result


def upper_half(x: Any) -> Any:
    """The upper 26 bits, so that products of two such numbers are exact."""
    scaled = x * SPLIT
    return scaled - (scaled - x)


def times_exp_square(factor: Any, x: Array, c: float, low: Array | None = None) -> Array:
    """factor exp(c (x + low)²) for c < 0, `low` tiny against x, as if computed at once: no error of x² is magnified by the exponent, and a
    Gaussian below the smallest number may be multiplied by a large factor.

    x² = h² + (x - h)(x + h), with h² exact (Dekker, 1971); the exponent is raised by 64 log 2, the rounding of that kept (Knuth's two-sum).
    float32 is computed in float64, for which these constants are, and rounded.
    """
    if getattr(x, "dtype", None) == np.float32:
        return times_exp_square(factor, x.astype(np.float64), c, low).astype(np.float32)
    a = np.minimum(np.abs(x), math.sqrt(-900.0 / c))
    h = upper_half(a)
    square = h * h
    p = c * square
    rest = a - h
    rest *= a + h
    rest *= c
    if low is not None:
        rest += 2.0 * c * np.copysign(a, x) * low
    if abs(math.frexp(c)[0]) != 0.5:
        square_high, c_high = upper_half(square), upper_half(c)
        rest += ((square_high * c_high - p) + square_high * (c - c_high) + (square - square_high) * c_high) + (
            square - square_high
        ) * (c - c_high)
    s = p + SHIFT
    back = s - p
    p -= s - back
    p += SHIFT - back
    p += SHIFT_LOW
    rest += p
    e = np.exp(s)
    series = rest / 6.0
    series += 0.5
    series *= rest
    series += 1.0
    series *= rest
    series *= e
    e += series
    e *= factor
    e *= UNSHIFT
    return np.asarray(e)


def exp_square(x: Array, c: float) -> Array:
    """exp(c x²) for c < 0, without the rounding of x², which would cost c x² ulp."""
    return times_exp_square(np.float64(1.0), x, c)


def erfc(x: Array) -> Array:
    """The complementary error function 1 - erf, without cancellation; float64 of any shape."""
    tail = times_exp_square(erfcx(np.abs(x)), x, -1.0)
    return np.asarray((1.0 - np.copysign(1.0, x)) + np.copysign(tail, x))


def erf(x: Array) -> Array:
    """The error function; float64 of any shape."""
    u = np.minimum(np.abs(x), 1.0)
    near = x * _horner(ERF, u * u)
    far = np.copysign(1.0 - times_exp_square(erfcx(np.abs(x)), x, -1.0), x)
    return np.where(u < 1.0, near, far)


def erfc_times(x: Array, high: float, low: float) -> Array:
    """erfc(c x) for a constant c = high + low that no float64 holds, such as 1/sqrt(2): the rounding of c x alone would
    cost 2 (c x)² ulp."""
    u = x * high
    near = np.clip(x, -40.0 / abs(high), 40.0 / abs(high))
    x_high, c_high = upper_half(near), upper_half(high)
    x_low, c_low = near - x_high, high - c_high
    lost = ((x_high * c_high - near * high) + x_high * c_low + x_low * c_high) + x_low * c_low + near * low
    tail = times_exp_square(erfcx(np.abs(u)), near * high, -1.0, lost)
    return np.asarray((1.0 - np.copysign(1.0, u)) + np.copysign(tail, u))


def lost_of_number(a: float, b: float) -> float:
    """As `lost`, of Python floats."""
    s = a - b
    back = s - a
    rest = (a - (s - back)) - (b + back)
    return rest if math.isfinite(rest) else 0.0


def defined(a: Array, b: Array) -> Array:
    """a, and b where that is NaN."""
    return np.where(np.isnan(a), b, a)


def known(a: Array, b: Array) -> Array:
    """a, and b where that is NaN and no flag tells of it."""
    return defined(a, b)


def lost(a: Array, b: Array) -> Array:
    """What rounding takes from a - b, exactly (Knuth's two-sum); 0 where that is not finite."""
    s = a - b
    back = s - a
    rest = (a - (s - back)) - (b + back)
    return np.where(np.isfinite(rest), rest, 0.0)
