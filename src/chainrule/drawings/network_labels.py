"""Places for numbers along straight wires between two columns: each at its own wire, apart from every other number, wire and circle."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import atan2, cos, degrees, hypot, radians, sin
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

    @property
    def ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Where it leaves the one circle and meets the other."""
        (x, y), (to_x, to_y) = self.start, self.end
        length = hypot(to_x - x, to_y - y)
        across, down = (to_x - x) / length, (to_y - y) / length
        return (x + self.before * across, y + self.before * down), (
            to_x - self.after * across,
            to_y - self.after * down,
        )

    @property
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

    def seen(self, x: float, y: float) -> tuple[float, float]:
        """A place as the label sees it: how far along its wire, how far below it."""
        across, down = self._axes
        return (x - self.x) * across + (y - self.y) * down, (y - self.y) * across - (x - self.x) * down

    def place(self, along: float, below: float) -> tuple[float, float]:
        """The place that is so far along the wire and below it."""
        across, down = self._axes
        return self.x + along * across - below * down, self.y + along * down + below * across

    @cached_property
    def _axes(self) -> tuple[float, float]:
        return cos(radians(self.angle)), sin(radians(self.angle))

    @cached_property
    def corners(self) -> tuple[tuple[float, float], ...]:
        half, high = self.width / 2, self.height / 2
        return tuple(self.place(half * a, high * b) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)))

    def covers(self, start: tuple[float, float], end: tuple[float, float], apart: float = 0.0) -> bool:
        """Whether a straight wire runs through the label."""
        (x, y), (to_x, to_y) = self.seen(*start), self.seen(*end)
        first, last = 0.0, 1.0
        for here, way, half in ((x, to_x - x, self.width / 2 + apart), (y, to_y - y, self.height / 2 + apart)):
            if abs(way) < 1e-12:
                if abs(here) >= half:
                    return False
                continue
            near, far = sorted(((-half - here) / way, (half - here) / way))
            first, last = max(first, near), min(last, far)
        return first < last

    def touches(self, disc: Disc, apart: float = 0.0) -> bool:
        along, below = self.seen(disc.x, disc.y)
        across = max(abs(along) - self.width / 2, 0.0)
        down = max(abs(below) - self.height / 2, 0.0)
        return hypot(across, down) < disc.radius + apart


def placed_labels(
    spans: Sequence[Span], sizes: Sequence[tuple[float, float]], discs: Sequence[Disc]
) -> tuple[list[Label], float]:
    """A label of each size on each wire, and what they cost: 0 where all keep clear of each other, of the circles and of other wires."""
    choices = [
        [Label(*span.at(part), *size, span.angle) for part in STEPS] for span, size in zip(spans, sizes, strict=True)
    ]
    alone = np.array([[_alone(label, number, spans, discs) for label in row] for number, row in enumerate(choices)])
    near = _near(choices)
    attempts = [_settled(alone, near, favourite) for favourite in FAVOURITES]
    picked, cost = min(attempts, key=lambda attempt: attempt[1])
    return [row[step] for row, step in zip(choices, picked, strict=True)], cost


def _alone(label: Label, number: int, spans: Sequence[Span], discs: Sequence[Disc]) -> float:
    """What a place costs whatever the other labels do."""
    crossed = sum(label.covers(*o.ends, CLEAR) for place, o in enumerate(spans) if place != number)
    return CROSS * crossed + TOUCH * sum(label.touches(disc, APART) for disc in discs)


def _near(choices: Sequence[Sequence[Label]]) -> Any:
    """Which places of two labels overlap: for label, step, other label, its step."""
    rows, columns = len(choices), len(STEPS)
    labels = [label for row in choices for label in row]
    corners = np.array([label.corners for label in labels])
    middle = np.array([(label.x, label.y) for label in labels])
    turn = np.radians([label.angle for label in labels])
    half = np.array([(label.width / 2, label.height / 2) for label in labels]) + APART
    from_middle = corners[None] - middle[:, None, None]
    across, down = np.cos(turn)[:, None, None], np.sin(turn)[:, None, None]
    along = from_middle[..., 0] * across + from_middle[..., 1] * down
    below = from_middle[..., 1] * across - from_middle[..., 0] * down
    beside = np.zeros((len(labels), len(labels)), dtype=bool)
    for seen, reach in ((along, half[:, :1]), (below, half[:, 1:])):
        beside |= (seen.min(axis=2) > reach) | (seen.max(axis=2) < -reach)
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
