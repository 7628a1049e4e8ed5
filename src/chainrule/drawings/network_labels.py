"""Places for numbers along straight wires between two columns: each at its own wire, apart from every other number, wire and circle."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import atan2, cos, degrees, hypot, radians, sin

from .layout import Text

STEPS = tuple(n / 32 for n in range(3, 30))
"""Where on a wire a number may stand, from its start to its end."""
FAVOURITES = (0.25, 0.32, 0.4, 0.5, 0.65)
"""Where each number begins, in several attempts."""
APART = 1.5
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

    def overlaps(self, other: "Label", apart: float = 0.0) -> bool:
        """Whether two labels are nearer than that: no line along a side of one of them separates them."""
        reach = (self.width + self.height + other.width + other.height) / 2 + 2 * apart
        if abs(self.x - other.x) > reach or abs(self.y - other.y) > reach:
            return False
        return not self._beside(other, apart) and not other._beside(self, apart)

    def _beside(self, other: "Label", apart: float) -> bool:
        seen = [self.seen(x, y) for x, y in other.corners]
        along, below = [place[0] for place in seen], [place[1] for place in seen]
        wide, high = self.width / 2 + apart, self.height / 2 + apart
        return min(along) > wide or max(along) < -wide or min(below) > high or max(below) < -high

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
    choices = [_choices(number, spans, size, discs) for number, size in enumerate(sizes)]
    nearness = _Nearness(choices)
    attempts = (_settled(choices, nearness, favourite) for favourite in FAVOURITES)
    picked, cost = min(attempts, key=lambda attempt: attempt[1])
    return [choices[number][step][0] for number, step in enumerate(picked)], CROSS * (cost // CROSS)


_Choice = tuple[Label, float]


def _choices(number: int, spans: Sequence[Span], size: tuple[float, float], discs: Sequence[Disc]) -> list[_Choice]:
    """The places on a wire, each with what it costs whatever the others do."""
    found = []
    for part in STEPS:
        x, y = spans[number].at(part)
        label = Label(x, y, size[0], size[1], spans[number].angle)
        crossed = sum(label.covers(*o.ends, 0.5) for place, o in enumerate(spans) if place != number)
        touched = sum(label.touches(disc, APART) for disc in discs)
        found.append((label, TOUCH * touched + CROSS * crossed))
    return found


class _Nearness:
    """Which places of two labels overlap, each pair looked at once."""

    def __init__(self, choices: Sequence[Sequence[_Choice]]) -> None:
        self.choices = choices
        self.known: dict[tuple[int, int, int, int], bool] = {}

    def __call__(self, one: int, step: int, other: int, there: int) -> bool:
        if one > other:
            one, step, other, there = other, there, one, step
        key = (one, step, other, there)
        if key not in self.known:
            self.known[key] = self.choices[one][step][0].overlaps(self.choices[other][there][0], APART)
        return self.known[key]


def _settled(choices: Sequence[Sequence[_Choice]], near: _Nearness, favourite: float) -> tuple[list[int], float]:
    """Each label moved to its best place in turn, until none moves."""
    picked = [min(range(len(STEPS)), key=lambda n: abs(STEPS[n] - favourite)) for _ in choices]

    def cost(number: int, step: int) -> float:
        own = choices[number][step][1] + AWAY * abs(STEPS[step] - favourite)
        return own + TOUCH * sum(near(number, step, o, there) for o, there in enumerate(picked) if o != number)

    for _ in range(SWEEPS):
        before = list(picked)
        for number in range(len(choices)):
            picked[number] = min(range(len(STEPS)), key=lambda step: cost(number, step))
        if picked == before:
            break
    return picked, sum(cost(number, step) for number, step in enumerate(picked))
