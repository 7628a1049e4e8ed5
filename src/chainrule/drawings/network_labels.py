"""Places for numbers along straight wires between two columns: each at its own wire, apart from every other number, wire and circle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import atan2, cos, degrees, hypot, inf, radians, sin
from typing import Any

import numpy as np

from .layout import Text

STEPS = tuple(n / 32 for n in range(3, 30))
"""Where on a wire a number may stand, from its start to its end."""
FAVOURITES = (0.25, 0.32, 0.4, 0.5, 0.65)
"""Where each number begins, in several attempts."""
APART, CLEAR = 1.5, 0.5
"""How far numbers keep from each other, and from other wires."""
SWEEPS = 12
LEVEL = 1e-9
TOUCH, CROSS, AWAY = 1000.0, 100.0, 1.0
"""The cost of two numbers on one place, of a number on another wire, of one far from the start of its wire."""


@dataclass(frozen=True)
class Disc:
    """A circle that nothing may cover."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Span:
    """A wire between the centres of two circles, by their radii."""

    start: tuple[float, float]
    end: tuple[float, float]
    before: float
    after: float

    @cached_property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where it leaves the one circle and meets the other."""
        (x, y), (to_x, to_y) = self.start, self.end
        length = hypot(to_x - x, to_y - y)
        across, down = (to_x - x) / length, (to_y - y) / length
        return (x + self.before * across, y + self.before * down), (
            to_x - self.after * across,
            to_y - self.after * down,
        )

    @cached_property
    def angle(self) -> float:
        (x, y), (to_x, to_y) = self.start, self.end
        return degrees(atan2(to_y - y, to_x - x))

    def at(self, part: float) -> tuple[float, float]:
        (x, y), (to_x, to_y) = self.ends
        return x + part * (to_x - x), y + part * (to_y - y)


@dataclass(frozen=True)
class Label:
    """What stands along a wire, above it and below it, by its middle on the wire; angle: of the wire, in degrees, clockwise."""

    x: float
    y: float
    width: float
    height: float
    angle: float = 0.0
    texts: tuple[Text, ...] = ()

    def place(self, along: float, below: float) -> tuple[float, float]:
        """The place that is so far along the wire and below it."""
        across, down = self._axes
        return self.x + along * across - below * down, self.y + along * down + below * across

    @cached_property
    def _axes(self) -> tuple[float, float]:
        return cos(radians(self.angle)), sin(radians(self.angle))

    @property
    def boxes(self) -> tuple[tuple[tuple[float, float], ...], ...]:
        """The corners around each of its texts."""
        return tuple(tuple(_corners(text)) for text in self.texts)


def _corners(text: Text) -> Iterator[tuple[float, float]]:
    e = text.extent
    across, down = cos(radians(text.angle)), sin(radians(text.angle))
    for along, below in ((-1, -e.above), (1, -e.above), (1, e.below), (-1, e.below)):
        right = along * e.width / 2
        yield text.x + right * across - below * down, text.y + right * down + below * across


def placed_labels(
    spans: Sequence[Span], sizes: Sequence[tuple[float, float]], discs: Sequence[Disc], below: float = inf
) -> tuple[list[Label], float]:
    """A label of each size on each wire, and what they cost: 0 where all keep clear of each other, of the circles and of other wires.
    below: only a lower cost is of use; where there is none, no labels and an infinite cost."""
    choices = [
        [Label(*span.at(part), *size, span.angle) for part in STEPS] for span, size in zip(spans, sizes, strict=True)
    ]
    others = [[o.ends for place, o in enumerate(spans) if place != number] for number in range(len(spans))]
    alone = np.array([_alone(row, ends, discs) for row, ends in zip(choices, others, strict=True)])
    if alone.min(axis=1).sum() >= below:
        return [], inf
    near = _near(choices)
    picked, cost = list[int](), inf
    for favourite in FAVOURITES:
        found, total = _settled(alone, near, favourite)
        picked, cost = (found, total) if total < cost else (picked, cost)
        if not cost:
            break
    return [row[step] for row, step in zip(choices, picked, strict=True)], cost


def _alone(row: Sequence[Label], wires: Sequence[Any], discs: Sequence[Disc]) -> Any:
    """What each place along a wire costs whatever the other labels do: of circles it touches, of other wires it covers."""
    first = row[0]
    half = np.array([first.width, first.height]) / 2
    middle = np.array([_turned(label.x, label.y, first.angle) for label in row])
    circles = np.array([_turned(disc.x, disc.y, first.angle) for disc in discs])
    outside = np.maximum(np.abs(circles[None] - middle[:, None]) - half, 0.0)
    touched = (np.hypot(*np.moveaxis(outside, 2, 0)) < [disc.radius + APART for disc in discs]).sum(axis=1)
    if not wires:
        return TOUCH * touched
    ends = np.array([[_turned(end[0], end[1], first.angle) for end in wire] for wire in wires])
    start, way = ends[None, :, 0] - middle[:, None], ends[:, 1] - ends[:, 0]
    way = np.where(
        np.abs(way) < LEVEL, LEVEL, way
    )  # a wire along a side: so little aslant that its end is where it was
    sides = np.stack(((-half - CLEAR - start) / way, (half + CLEAR - start) / way))
    enters, leaves = sides.min(axis=0).max(axis=2), sides.max(axis=0).min(axis=2)
    covered = (np.maximum(enters, 0.0) < np.minimum(leaves, 1.0)).sum(axis=1)
    return CROSS * covered + TOUCH * touched


def _turned(x: float, y: float, angle: float) -> tuple[float, float]:
    """A place as seen with that direction level."""
    across, down = cos(radians(angle)), sin(radians(angle))
    return x * across + y * down, y * across - x * down


def _near(choices: Sequence[Sequence[Label]]) -> Any:
    """Which places of two labels overlap, for label, step, other label, its step: where no side of either of them separates them."""
    rows, columns = len(choices), len(STEPS)
    labels = [label for row in choices for label in row]
    x, y, turn, wide, high = np.array(
        [(label.x, label.y, radians(label.angle), label.width / 2, label.height / 2) for label in labels]
    ).T
    right, down = x[None] - x[:, None], y[None] - y[:, None]
    across, aslant = (np.abs(f(turn[None] - turn[:, None])) for f in (np.cos, np.sin))
    along = np.abs(right * np.cos(turn)[:, None] + down * np.sin(turn)[:, None])
    below = np.abs(down * np.cos(turn)[:, None] - right * np.sin(turn)[:, None])
    beside = along > wide[:, None] + wide * across + high * aslant + APART
    beside |= below > high[:, None] + wide * aslant + high * across + APART
    found = ~(beside | beside.T).reshape(rows, columns, rows, columns)
    for number in range(rows):
        found[number, :, number] = False
    return found


def _settled(alone: Any, near: Any, favourite: float) -> tuple[list[int], float]:
    """Each label moved to its best place in turn, until none moves; the cost of what is not clear then."""
    taste = AWAY * np.abs(np.array(STEPS) - favourite)
    every = np.arange(len(alone))
    picked = np.full(len(alone), int(np.argmin(taste)))

    def cost(number: int) -> Any:
        return alone[number] + TOUCH * near[number][:, every, picked].sum(axis=1)

    for _ in range(SWEEPS):
        before = picked.copy()
        for number in range(len(alone)):
            picked[number] = int(np.argmin(cost(number) + taste))
        if np.array_equal(picked, before):
            break
    return picked.tolist(), float(sum(cost(number)[picked[number]] for number in range(len(alone))))
