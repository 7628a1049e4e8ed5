"""Elementary functions of single numbers without a branch, so that a loop computes them for several elements at once: in float64 and in float32 each to 1.3
ulp, sinh to 1.7 and tanh to 2.5, everywhere, subnormal numbers, ±0, ±inf and NaN included.

NumPy's own are calls, which go through memory. Reductions and series are those of fdlibm (Sun Microsystems, 1993); where a sum would round twice, what the
first rounding takes is added to the second term. The tables are computed by `chainrule.codegen.fits`, which a test repeats."""

import math
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numba.extending import intrinsic

# (exp(r) - 1 - r)/r² for |r| <= log(2)/2; relative error 3.0e-18 before rounding
EXP = (
    0.5,
    0.1666666666666667,
    0.04166666666666667,
    0.008333333333326136,
    0.0013888888888883748,
    0.00019841269874820627,
    2.4801587325547743e-05,
    2.7557255400206422e-06,
    2.75572736431103e-07,
    2.5105217004720745e-08,
    2.0914686968086876e-09,
)
# likewise, in float32; relative error 2.9e-09 before rounding
EXP_SINGLE = (
    0.500000001346581,
    0.16666666681623232,
    0.041666464925285904,
    0.0083333109254809,
    0.0013933649996309251,
    0.00019890990824673654,
)
# (log((1 + s)/(1 - s))/s - 2)/s² in s², for |s| <= (sqrt(2) - 1)²; relative error 4.6e-16 before rounding
LOG = (
    0.666666666666667,
    0.3999999999989889,
    0.28571428626253836,
    0.22222211089379496,
    0.1818289243253687,
    0.15331611722055008,
    0.14617807153417325,
)
# likewise; relative error 1.7e-09 before rounding
LOG_SINGLE = (
    0.6666666655404201,
    0.4000012221181065,
    0.28550778633191964,
    0.23331614471843498,
)


@dataclass(frozen=True)
class Kind:
    """What the functions need to know of a kind of floats. log2: log 2 in two parts, of which the first times a whole number is exact. lowest, highest:
    the numbers beyond which an exponential is 0, and infinite. gone: exp(gone) - 1 is -1. even: tanh of it is 1."""

    number: Any
    whole: Any
    digits: int
    bias: int
    log2: tuple[float, float]
    exp: tuple[float, ...]
    log: tuple[float, ...]
    lowest: float
    highest: float
    gone: float
    even: float


DOUBLE = Kind(
    np.float64,
    np.int64,
    52,
    1023,
    (6.93147180369123816490e-01, 1.90821492927058770002e-10),
    EXP,
    LOG,
    -746.0,
    709.782712893384,
    -60.0,
    22.0,
)
SINGLE = Kind(
    np.float32,
    np.int32,
    23,
    127,
    (6.9314575195e-01, 1.4286067653e-06),
    EXP_SINGLE,
    LOG_SINGLE,
    -104.0,
    88.72283,
    -30.0,
    11.0,
)


@intrinsic
def fma(typing, a, b, c):
    """a b + c, rounded once."""
    return a(a, a, a), lambda context, builder, signature, arguments: builder.fma(*arguments)


inline: Any = numba.njit(error_model="numpy", forceinline=True)


def polynomial(table: tuple[float, ...], real: Any) -> Any:
    """A polynomial by rising powers, in halves that do not wait for each other (Estrin, 1960): a loop waits for the longest chain of operations."""
    if len(table) == 1:
        constant = real(table[0])
        return inline(lambda x: constant)
    place = 1
    while 2 * place < len(table):
        place *= 2
    lower, upper, power = polynomial(table[:place], real), polynomial(table[place:], real), to_power(place)

    @inline
    def value(x):
        return fma(upper(x), power(x), lower(x))

    return value


def to_power(place: int) -> Any:
    """x to a power of 2, by squares, each of which a loop computes once."""
    if place == 1:
        return inline(lambda x: x)
    half = to_power(place // 2)

    @inline
    def squared(x):
        root = half(x)
        return root * root

    return squared


def normal_exp(of: Kind, table: tuple[float, ...]) -> Any:
    """exp by a table of its series, to an ulp if the table is that of the kind: of numbers of which it is neither subnormal nor infinite."""
    real, whole, digits, scaled = of.number, of.whole, of.whole(of.digits), scaled_exp(of, table)

    @inline
    def exp(x):
        y, shifted = scaled(x)
        return whole(real(y).view(whole) + (real(shifted).view(whole) << digits)).view(real)

    return exp


def scaled_exp(of: Kind, table: tuple[float, ...]) -> Any:
    """For x = k log 2 + r: exp(r), and k in the last bits of a number."""
    real, one = of.number, of.number(1.0)
    per_log2, high, low = real(1 / math.log(2)), real(-of.log2[0]), real(-of.log2[1])
    shift = real(1.5 * 2.0**of.digits)
    series = polynomial(table, real)

    @inline
    def exp(x):
        shifted = fma(x, per_log2, shift)
        k = shifted - shift
        r = fma(k, low, fma(k, high, x))
        return one + fma(r * r, series(r), r), shifted

    return exp


def functions(of: Kind) -> dict[str, Any]:
    """The functions of one kind of numbers, by the names of NumPy's."""
    real, whole = of.number, of.whole
    digits, bias = whole(of.digits), whole(of.bias)
    zero, sixteenth, quarter, half, one, two, four = map(real, (0.0, 0.0625, 0.25, 0.5, 1.0, 2.0, 4.0))
    infinity, nan = real(math.inf), real(math.nan)
    per_log2, high, low = real(1 / math.log(2)), real(-of.log2[0]), real(-of.log2[1])
    log2_high, log2_low = real(of.log2[0]), real(of.log2[1])
    shift = real(1.5 * 2.0**of.digits)  # added to a number, it leaves a whole number in the last bits
    shift_bits = shift.view(whole)
    lowest, highest, over, gone, even = map(real, (of.lowest, of.highest, of.highest + 0.75, of.gone, of.even))
    tiny, small = real(2.0 ** -(of.digits + 2)), real(2.0 ** -(of.digits // 2 + 2))
    huge, least_normal = real(2.0 ** (of.digits + 2)), np.finfo(real).tiny
    raised, raising, subnormal = real(of.digits + 2), real(2.0 ** (of.digits + 2)), real(2.0 ** -(of.digits + 2))
    raised_bits, zero_bits, least_power = whole(of.digits + 2), whole(0), real(4 - of.bias)
    root_bits = real(math.sqrt(0.5)).view(whole)
    exp_series, log_series = polynomial(of.exp, real), polynomial(of.log, real)
    scaled, exp_between = scaled_exp(of, of.exp), normal_exp(of, of.exp)

    @inline
    def power(k):
        """2 to a whole number that keeps it normal."""
        bits = real(k + shift).view(whole)
        return whole((bits + bias) << digits).view(real)

    @inline
    def reduced(x):
        """For x = k log 2 + r: k, in the last bits of a number, and as it is; r; and exp(r) - 1 - r, with what is missing in r."""
        shifted = fma(x, per_log2, shift)
        k = shifted - shift
        first = fma(k, high, x)
        r = fma(k, low, first)
        return shifted, k, r, fma(r * r, exp_series(r), fma(k, low, first - r))

    @inline
    def raised_by(y, shifted):
        """y times 2 to a power in the last bits of a number; what is no normal number is raised, and rounded once."""
        few = shifted - shift < least_power
        steps = real(shifted).view(whole) + (raised_bits if few else zero_bits)
        return whole(real(y).view(whole) + (steps << digits)).view(real) * (subnormal if few else one)

    @inline
    def exp(x):
        shifted, _, r, q = reduced(lowest if x < lowest else x)
        s = one + r
        found = raised_by(s + ((r - (s - one)) + q), shifted)
        return found if x <= highest else x * infinity

    @inline
    def exp_below(x):
        """exp where it is not infinite, and x not NaN."""
        y, shifted = scaled(lowest if x < lowest else x)
        return raised_by(y, shifted)

    @inline
    def less_one(x):
        """(exp(x) - 1)/4 in two parts, for x between `gone` and `over`."""
        _, k, r, q = reduced(x)
        u = power(k - two)
        a, b = u - quarter, u * r
        s = a + b
        return s, fma(u, q, b - (s - a))

    @inline
    def expm1(x):
        v = gone if x < gone else x
        v = over if v > over else v
        s, rest = less_one(v)
        return x if abs(x) < tiny else four * (s + rest)

    @inline
    def tanh(x):
        a = abs(x)
        a = even if a > even else a
        _, k, r, q = reduced(two * a)
        u = power(k)
        n = fma(u, r + q, u - one)
        return math.copysign(n / (n + two), x)

    @inline
    def sinh(x):
        a = abs(x)
        a = over if a > over else a
        s, rest = less_one(a)
        n = s + rest
        found = two * (n + ((rest - (n - s)) + n / fma(four, n, one)))
        return x if abs(x) < small else math.copysign(found, x)

    @inline
    def cosh(x):
        a = abs(x)
        a = over if a > over else a
        _, k, r, q = reduced(a)
        u = power(k - two)
        s = one + r
        y, rest = u * s, u * ((r - (s - one)) + q)
        return two * (y + (rest + sixteenth / (y + rest)))

    @inline
    def cosh_between(x):
        """cosh where exp(|x|) is not infinite, and x not NaN."""
        y = half * exp_between(abs(x))
        return y + quarter / y

    @inline
    def logarithm(f, rest, k):
        """k log 2 + log(1 + f + rest) for sqrt(1/2) <= 1 + f < sqrt(2)."""
        s = f / (two + f)
        z = s * s
        h = half * f * f
        first = k * log2_high
        total = first + f
        return total + (
            (f - (total - first)) - (h - fma(s, fma(z, log_series(z), h), fma(k, log2_low, fma(-f, rest, rest))))
        )

    @inline
    def split(x):
        """m and k for x = m 2ᵏ, x positive and normal."""
        bits = real(x).view(whole)
        k = (bits - root_bits) >> digits
        return whole(bits - (k << digits)).view(real), whole(k + shift_bits).view(real) - shift

    @inline
    def log(x):
        few = x < least_normal
        m, k = split(x * raising if few else x)
        found = logarithm(m - one, zero, k - raised if few else k)
        found = found if x > zero else (-infinity if x == zero else nan)
        return found if x < infinity else x

    @inline
    def log1p_between(x):
        """log1p from 0 to a number that is not large."""
        _, k = split(one + x)
        c = power(-k)
        f = fma(x, c, c - one)
        return logarithm(f, fma(x, c, (c - one) - f), k)

    @inline
    def log1p(x):
        m, k = split(one + x)
        c = power(-k if x < huge else zero)
        f = fma(x, c, c - one) if x < huge else m - one
        rest = fma(x, c, (c - one) - f) if x < huge else zero
        found = logarithm(f, rest, k)
        found = found if x > -one else (-infinity if x == -one else nan)
        found = x if abs(x) < tiny else found
        return found if x < infinity else x

    easier = {
        "exp_below": exp_below,
        "exp_between": exp_between,
        "cosh_between": cosh_between,
        "log1p_between": log1p_between,
    }
    return {
        "exp": exp,
        "expm1": expm1,
        "tanh": tanh,
        "sinh": sinh,
        "cosh": cosh,
        "log": log,
        "log1p": log1p,
    } | easier


FLOAT64, FLOAT32 = functions(DOUBLE), functions(SINGLE)
