"""x Φ(x), Φ the distribution function of a standard normal variable, and its derivative: right to 4 ulp in float64 and float32, in few passes over memory.

Below 0 they are a Gaussian times what varies slowly, a/(a + w) or the distance from the root, and (1 + p) with a polynomial p. The Gaussian is split, so that its exponent is exact, and only
the last operations round at full size. Compiled code (`chainrule.runtime.loops.gates`) adds in another order, so that its last bit may be another one. The tables are computed by `chainrule.codegen.fits`, which a test repeats."""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np

from .arithmetic import select

GATE_RAISED = (39.48992216587067,)
# p such that the probability that a standard normal variable exceeds x is exp(GATE_RAISED - x²/2) (1 + p)/(x + WEIGHT)/SCALE for 0 <= x <= FAR, in t = (x - m)/(x + m), m its MIDDLE; relative error 2.0e-18 before rounding
GATE = (
    3.6619255542854886e-09,
    -0.2964122213634685,
    0.15204357331480936,
    -0.04145745587943456,
    -0.01724299713619906,
    0.03213298867816464,
    -0.024061175041645205,
    0.011481212812421008,
    -0.003250140659600221,
    0.00011857692788661943,
    0.00032562539212090824,
    -0.00010858796837665336,
    -1.5100199346470311e-05,
    1.7505535929975318e-05,
    -6.589040453988831e-07,
    -2.481928812090749e-06,
    3.1790327797046903e-07,
    3.720663677816329e-07,
    -5.9548296178969446e-08,
    -5.952067086471492e-08,
    6.987989282801555e-09,
    8.382509514562904e-09,
    -1.918301108124773e-10,
    -5.849193172964719e-10,
)
GATE_SINGLE_RAISED = (19.404554545879364,)
# likewise, up to FAR_SINGLE; relative error 1.1e-08 before rounding
GATE_SINGLE = (
    2.0777154198662797e-08,
    -0.30696371783335763,
    0.1387384732729974,
    -0.020526720621577375,
    -0.03047630522247048,
    0.033240085550826325,
    -0.018124412742033517,
    0.005251736398189552,
    0.00015545692892856026,
    -0.0006208736357810705,
)
SLOPE_RAISED = (39.43812847137451,)
# that probability, less x exp(-x²/2)/sqrt(2 pi), over SLOPE_ROOT - x: exp(SLOPE_RAISED - x²/2) (1 + p)/SCALE; relative error 5.7e-19 before rounding
SLOPE = (
    1.694220027814175e-08,
    -0.23033030488402068,
    0.12811077852166838,
    -0.054287736176593784,
    0.015279106207809433,
    -0.0014201769655877738,
    -0.0008274869135388602,
    0.0002774196476551734,
    5.269070223032344e-05,
    -3.642625056199723e-05,
    -5.876494715493602e-06,
    5.002322095587044e-06,
    1.1710378227807813e-06,
    -6.890439131256336e-07,
    -2.868887261620844e-07,
    7.609768191306755e-08,
    6.765539481084082e-08,
    -3.0845185106031757e-10,
    -1.3425285673546252e-08,
    -2.976174168964285e-09,
    1.8726155404233197e-09,
    8.32879452548377e-10,
    -1.1888742741270037e-10,
    -8.493525931980222e-11,
)
SLOPE_SINGLE_RAISED = (19.336860239505768,)
# likewise, up to FAR_SINGLE; relative error 2.1e-09 before rounding
SLOPE_SINGLE = (
    1.4265775848640192e-08,
    -0.230330288732812,
    0.12811063653915145,
    -0.05428818511091805,
    0.015280858339549381,
    -0.0014160520968214997,
    -0.0008340172197272169,
    0.0002619216654599064,
    5.8284732881287755e-05,
    -1.4621852603189768e-05,
)
SLOPE_ROOT = (0.7517915246935645, -1.4956759177009883e-17)  # where that is 0, in two parts
SLOPE_ROOT_SINGLE = (0.7517915368080139, -1.211444945855772e-08)  # in two parts of float32
GRID = 1.5 * 2.0**31  # added to a number up to 2**30, it leaves a multiple of 2**-21
FAR, FAR_SINGLE = 39.0, 15.0  # beyond, a Gaussian is 0
SCALE, SCALE_SINGLE = 2.0**58, 2.0**29
"""By which a Gaussian is raised: it is then a normal number wherever what is made of it is not 0."""
COLUMNS, COLUMNS_SINGLE = 6, 5
WEIGHT = 1.375
MIDDLES = {"GATE": 5.0, "GATE_SINGLE": 4.5, "SLOPE": 3.75, "SLOPE_SINGLE": 3.75}
PART = 65536
"""Elements of float64 that are computed at a time, of float32 twice as many: few enough for a cache, many enough that threads seldom wait for each other."""
COLUMNS_AT_ONCE = 8192
"""Of a matrix product, likewise: few enough that no library starts threads for it."""
FEW = 1024
"""Elements up to which memory is asked of the system, which then costs little."""
DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)


def normal_gate(x: Any, out: Any = None) -> Any:
    """x Φ(x), where Φ(x) is the probability that a standard normal variable is below x; of float64 or float32.

    For a = |x| it is exp(-a²/2) a/(a + w) (1 + p), where p is a polynomial in (a - m)/(a + m), that is taken from 0 or from x. For a > w, a/(a + w) is
    1 - w/(a + w), so that what is rounded often is small beside 1.
    """
    return _by_parts(_gate, GATES, x, out)


def normal_gate_slope(x: Any, out: Any = None) -> Any:
    """The derivative of x Φ(x), likewise: at -a it is exp(-a²/2) (r - a) (1 + p) for its root -r; at a, it is 1 less that."""
    return _by_parts(_slope, SLOPES, x, out)


class _Series:
    """A polynomial in (a - middle)/(a + middle) as a matrix: k columns, for the powers of t up to t^(k-1), and a row for each power of t^k."""

    def __init__(self, middle: float, raised: float, coefficients: tuple[float, ...], single: bool = False) -> None:
        columns = COLUMNS_SINGLE if single else COLUMNS
        self.kind: Any = SINGLE if single else DOUBLE
        self.part, self.columns = (2 * PART, 2 * COLUMNS_AT_ONCE) if single else (PART, COLUMNS_AT_ONCE)
        self.far, self.scale = (FAR_SINGLE, SCALE_SINGLE) if single else (FAR, SCALE)
        self.middle, self.raised = middle, raised
        rising = np.array(coefficients, self.kind).reshape(-1, columns)
        self.matrix = rising[:, ::-1].copy()  # so that the largest term is added last

    def __call__(self, a: Any, room: "_Room") -> Any:
        """Its values, and in room.e the exponential. A matrix product takes a third of the time of Horner's rule, which goes through memory twice for
        each coefficient."""
        powers, sums = room.powers, room.sums
        more = _gaussian(a, self.raised, room)
        t = powers[-2]
        np.add(a, self.middle, out=powers[0])
        np.subtract(a, self.middle, out=t)
        t /= powers[0]
        columns = len(powers)
        for k in range(2, columns):
            np.multiply(powers[~(k // 2)], powers[~(k - k // 2)], out=powers[~k])
        for piece in _pieces(t.size, self.columns):
            np.matmul(self.matrix, powers[:, piece], out=sums[:, piece])
        power = np.multiply(powers[~(columns // 2)], powers[~(columns - columns // 2)], out=powers[0])
        total = sums[-1]
        for each in sums[-2::-1]:
            total *= power
            total += each
        if more is not None:  # (1 + p)(1 + more) = 1 + p + more + p more
            np.multiply(total, more, out=t)
            total += more
            total += t
        return total


GATES = {
    DOUBLE: _Series(MIDDLES["GATE"], *GATE_RAISED, GATE),
    SINGLE: _Series(MIDDLES["GATE_SINGLE"], *GATE_SINGLE_RAISED, GATE_SINGLE, single=True),
}
SLOPES = {
    DOUBLE: _Series(MIDDLES["SLOPE"], *SLOPE_RAISED, SLOPE),
    SINGLE: _Series(MIDDLES["SLOPE_SINGLE"], *SLOPE_SINGLE_RAISED, SLOPE_SINGLE, single=True),
}
ROOTS = {DOUBLE: SLOPE_ROOT, SINGLE: SLOPE_ROOT_SINGLE}


def _by_parts(code: Any, series: Any, x: Any, out: Any) -> Any:
    """A part of the elements at a time, in arrays that stay in the cache."""
    x = np.asarray(x)
    out = np.empty(x.shape, x.dtype) if out is None else out
    if x.size == 1:  # a matrix of one column is multiplied, and rounded, in another way
        out[...] = _by_parts(code, series, np.repeat(x, 2), None)[:1].reshape(x.shape)
        return out
    polynomial = series[x.dtype]
    given, found = x.reshape(-1), out.reshape(-1)
    whole = _ROOMS.take(polynomial, x.size)
    for piece in _pieces(x.size, polynomial.part):
        part = given[piece]
        code(part, found[piece], polynomial, whole if part.size == whole.length else whole.cut(part.size))
    _ROOMS.give(whole)
    return out


def _pieces(size: int, most: int) -> Iterator[slice]:
    """Pieces of so many elements at most, and never of one alone, if there are two."""
    start = 0
    while start < size:
        stop = start + most if size - start != most + 1 else start + most - 1
        yield slice(start, stop)
        start = stop


class _Room:
    """Arrays for what is needed in between."""

    def __init__(self, powers: Any, sums: Any, rest: Any, far: Any, wide: Any) -> None:
        self.powers, self.sums, self.rest, self.far, self.wide = powers, sums, rest, far, wide
        self.length = powers.shape[1]
        self.a, self.e = rest[:2]

    def cut(self, size: int) -> "_Room":
        return _Room(self.powers[:, :size], self.sums[:, :size], self.rest[:, :size], self.far[:size], self.wide[:size])


class _Rooms(threading.local):
    """For each thread and dtype a room that has been used before, whose memory need not be asked of the system again; not while it is in use, for a signal may interrupt that."""

    def __init__(self) -> None:
        self.free: dict[Any, _Room] = {}

    def take(self, polynomial: _Series, size: int) -> _Room:
        room = self.free.pop(polynomial.matrix.shape, None) if size > FEW else None
        return room or _room(polynomial, size if size <= FEW else polynomial.part)

    def give(self, room: _Room) -> None:
        if room.length > FEW:
            self.free[room.sums.shape[0], room.powers.shape[0]] = room


def _room(polynomial: _Series, size: int) -> _Room:
    rows, columns = polynomial.matrix.shape
    kind = polynomial.kind
    powers, sums, rest = (np.empty((count, size), kind) for count in (columns, rows, 4))
    powers[-1] = 1.0
    far = np.full(size, polynomial.far, kind)
    return _Room(powers, sums, rest, far, np.empty(size) if kind == SINGLE else far)


_ROOMS = _Rooms()


def _gate(x: Any, out: Any, polynomial: _Series, room: _Room) -> None:
    a, e = room.a, room.e
    np.abs(x, out=a)
    np.minimum(a, room.far, out=a)
    total = polynomial(a, room)
    part, whole = room.rest[2:]
    far = np.greater(a, WEIGHT)
    np.add(a, WEIGHT, out=part)
    np.divide(select(far, -WEIGHT, a, out=whole), part, out=part)
    np.copyto(whole, far)  # a/(a + w) is 1 and a part, or nothing and a part
    np.add(whole, part, out=a)
    total *= a
    total += part
    total *= e
    whole *= e
    total += whole
    total *= -1.0 / polynomial.scale  # -a Φ(-a)
    np.add(x, total, out=e)
    np.maximum(total, e, out=out)


def _slope(x: Any, out: Any, polynomial: _Series, room: _Room) -> None:
    a, e = room.a, room.e
    np.abs(x, out=a)
    np.minimum(a, room.far, out=a)
    total = polynomial(a, room)
    high, low = ROOTS[polynomial.kind]
    np.subtract(high, a, out=a)
    a += low
    e *= a
    total *= e
    total += e
    total *= 1.0 / polynomial.scale
    np.subtract(1.0, total, out=e)
    select(np.less(x, 0.0), total, e, out=out)


def _gaussian(a: Any, raised: float, room: _Room) -> Any:
    """exp(raised - a²/2) for 0 <= a <= FAR, in room.e, and how much more it is, relatively; None for nothing. For float64, of a² = h² + (a - h)(a + h) with h a multiple of 2**-21, the
    exponent of the first part is exact and the second part is tiny; float64 holds the square of a float32."""
    e = room.e
    if a.dtype == SINGLE:
        wide = room.wide
        np.copyto(wide, a)
        wide *= wide
        wide *= -0.5
        wide += raised
        np.exp(wide, out=wide)
        np.copyto(e, wide, casting="same_kind")
        return None
    d, s = room.rest[2:]
    np.add(a, GRID, out=e)
    e -= GRID
    np.subtract(a, e, out=d)
    np.add(a, e, out=s)
    d *= s
    e *= e
    e *= -0.5
    e += raised
    np.exp(e, out=e)
    np.multiply(d, 0.125, out=s)
    s -= 0.5
    s *= d
    return s
