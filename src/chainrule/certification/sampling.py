"""Where a function is measured: every exponent, and densely where something happens. Deterministic."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..codegen.floats import INTEGERS, order, unorder
from .subject import Subject

Points = npt.NDArray[Any]
SEED = 20250101
SCALES = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
UNIFORM = 256  # points a scale
SCATTERED = 100
NEAR_ONE = 60  # exponents of 2 around 1 that are looked at closely
WIDE_STEP = 16
STEPS = 24  # neighbours on either side of an event
FEW = (0.3, 0.0, 1.0, -1.7, 0.5, 2.5, -0.04, 13.0, 0.999, 1e-9, -37.0)


def line(dtype: np.dtype[Any], thin: int = 1) -> Points:
    """One variable over the whole range, in order: special numbers, every exponent, the middle closely. thin: take
    that much less of it."""
    rng = np.random.default_rng(SEED)
    info = np.finfo(dtype)
    low, high = int(np.log2(float(info.smallest_subnormal))), int(info.maxexp)
    with np.errstate(all="ignore"):
        special = np.array([0, info.smallest_subnormal, info.smallest_normal, info.max, np.inf, 1, 2, 3, 10], dtype)
        exponents = np.arange(low, high, thin)
        every = np.ldexp(rng.uniform(1, 2, len(exponents)), exponents)
        near = [e for e in range(-NEAR_ONE, NEAR_ONE) if low < e < high][::thin]
        powers = np.ldexp(1.0, np.array(near + list(range(low, high, WIDE_STEP * thin))))
        middle = 2.0 ** rng.uniform(-30, 10, 1500 // thin)
        uniform = np.concatenate([rng.uniform(0, scale, UNIFORM // thin) for scale in SCALES])
        positive = np.concatenate([every, middle, uniform]).astype(dtype)
        positive = np.concatenate([special, positive, around(powers.astype(dtype), (0, 1))])
    found = np.unique(np.concatenate([positive, -positive]))
    return np.concatenate([found, np.array([-0.0], dtype)])


def around(centres: Points, steps: Sequence[int] | None = None) -> Points:
    """Neighbours of some numbers: the nearest, then at distances that double."""
    dtype = centres.dtype
    if steps is None:
        doubling = [1 << k for k in range(5, np.finfo(dtype).nmant + 1)]
        steps = [*range(STEPS), *doubling, *(3 * d // 2 for d in doubling)]
    apart = np.unique([*steps, *(-s for s in steps)])
    return np.unique(unorder((order(centres)[:, None] + apart).ravel(), dtype))


def scattered(centre: Points, turn: int) -> Points:
    """Numbers at all distances from one, other ones at every turn."""
    dtype = centre.dtype
    rng = np.random.default_rng([SEED, turn])
    apart = rng.choice([-1.0, 1.0], SCATTERED) * 2.0 ** -rng.uniform(2, np.finfo(dtype).nmant, SCATTERED)
    with np.errstate(all="ignore"):
        return np.unique((centre.astype(np.float64) * (1 + apart)).astype(dtype))


def spread(subject: Subject, dtype: np.dtype[Any], count: int = 4000) -> Points:
    """Many points among numbers that are nothing special, and for several arguments `pairs`."""
    if subject.arguments > 1:
        return pairs(subject, dtype, count)
    rng = np.random.default_rng(SEED + 2)
    xs = np.concatenate([rng.uniform(-scale, scale, count) for scale in SCALES]).astype(dtype)
    fixed = settings(subject)
    rest = np.array([fixed[k % len(fixed)] for k in range(len(xs))], dtype)
    return np.column_stack([xs, rest.reshape(len(xs), len(subject.names) - 1)])


def settings(subject: Subject) -> tuple[tuple[float, ...], ...]:
    """Values of all names but the first, each combination a row; the first row is the one looked at most closely."""
    if len(subject.names) == 1:
        return ((),)
    rows = []
    lists = [
        [x for x in subject.values.get(name, FEW) if domain.inside(np.array(x))]
        for name, domain in zip(subject.names[1:], subject.ranges[1:], strict=True)
    ]
    for n in range(max(map(len, lists))):
        rows.append(tuple(each[(n * (k + 1) + k) % len(each)] for k, each in enumerate(lists)))
    first = tuple(each[0] for each in lists)
    return tuple(dict.fromkeys((first, *rows)))


def rows_of(xs: Points, setting: Iterable[float]) -> Points:
    """Points with the first variable along a line and the others fixed."""
    return np.column_stack([xs, *(np.full(len(xs), x, xs.dtype) for x in setting)])


def pairs(subject: Subject, dtype: np.dtype[Any], count: int = 600) -> Points:
    """For several arguments: random scales, neighbours of one another, and special numbers with special numbers."""
    if subject.arguments < 2:
        return np.empty((0, len(subject.names)), dtype)
    rng = np.random.default_rng(SEED + 1)
    fixed = settings(subject)
    limits = np.finfo(dtype)
    wide = (int(np.log2(float(limits.smallest_normal))), int(limits.maxexp) - 1)
    blocks = []
    for spread in (wide, (-20, 6), (-2, 3)):
        blocks.append(rng.choice([-1.0, 1.0], (count, 2)) * 2.0 ** rng.uniform(*spread, (count, 2)))
    blocks.append(rng.uniform(0, 1, (count, 2)))
    close = 2.0 ** rng.uniform(-20, 8, count) * rng.choice([-1.0, 1.0], count)
    blocks.append(np.column_stack([close, close * (1 + 2.0 ** -rng.uniform(1, limits.nmant, count))]))
    special = [
        0.0,
        -0.0,
        float(limits.smallest_subnormal),
        float(limits.smallest_normal),
        1.0,
        0.5,
        1 - float(limits.epsneg),
    ]
    special += [-x for x in special[2:]] + [float(limits.max), -float(limits.max), np.inf, -np.inf]
    blocks.append(np.array([(a, b) for a in special for b in special if abs(a) != np.inf or abs(b) != np.inf]))
    with np.errstate(all="ignore"):
        both = np.concatenate(blocks).astype(dtype)
    rest = np.array([fixed[k % len(fixed)][1:] for k in range(len(both))], dtype)
    return np.column_stack([both, rest.reshape(len(both), len(subject.names) - 2)])


def inside(subject: Subject, points: Points) -> Points:
    """The points of the domain, each once; a variable of few values takes the nearest of them."""
    points = points.copy()
    for k, name in enumerate(subject.names[: subject.arguments]):
        if name in subject.values:
            allowed = np.array(subject.values[name], points.dtype)
            chosen = np.where(np.isfinite(points[:, k]), points[:, k], 0)
            points[:, k] = allowed[np.abs(chosen[:, None].astype(np.float64) - allowed).argmin(axis=1)]
    kept = np.ones(len(points), bool)
    for k, domain in enumerate(subject.ranges):
        kept &= np.asarray(domain.inside(points[:, k].astype(np.float64)))
    return distinct(points[kept])


def distinct(points: Points) -> Points:
    """Each point once, both zeros told apart, in order."""
    if not len(points):
        return points
    bits = np.ascontiguousarray(points).view(INTEGERS[points.dtype])
    return points[np.sort(np.unique(bits, axis=0, return_index=True)[1])]
