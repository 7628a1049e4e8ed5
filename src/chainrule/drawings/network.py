"""Where the parts of a network's picture stand: a column of units for each layer, from left to right, the loss at its end.

With numbers: in each unit its value and, below, δ; above each wire the weight and, below, its gradient. They stand along their wire, at a place where they cover
no other wire and no other number, found by ``network_labels``. All lengths are in points, y grows downwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from ..calculus.graph_terms import decimal
from ..expression import tree as t
from ..expression.printing.boxes import Digits, Fence, Row, Sign
from ..expression.printing.glyphs import listed
from ..expression.printing.layout import layout as boxes_of
from ..networks.example import Example
from ..networks.network import Network
from ..networks.written import Key
from .layout import MARGIN, Colour, Text, text_for
from .network_labels import Disc, Label, Span, placed_labels

Kind = Literal["input", "named", "output", "parameter"]
"""What a unit is, as the graph drawings colour it: an input, a hidden unit, an output, a bias unit."""

MOST_UNITS, MOST_LAYERS = 4, 4
"""What is larger is drawn with ellipses."""
MOST_NUMBERED = 3
"""Numbers on the wires of so many layers can be read."""
NAME, SMALL, HEADING = 12.5, 9.5, 12.5
LEAST_RADIUS, BIAS_RADIUS, INSIDE = 15.0, 11.0, 3.0
LINE_GAP, WIRE_GAP, ROW_GAP = 3.0, 2.5, 26.0
BARE_ROW_GAP = 12.0
GAPS = (96.0, 112.0, 128.0, 144.0, 160.0, 180.0, 200.0, 225.0, 250.0)
"""The distances between two columns that are tried."""
BARE_GAP, LOSS_GAP = 84.0, 34.0
DOT = 1.3


@dataclass(frozen=True)
class Unit:
    """A circle. place: its layer and its number in it, counted from 1; a bias unit has the number 0."""

    kind: Kind
    place: tuple[int, int]
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Link:
    """A straight wire. strong: that of a weight whose gradient is written out."""

    start: tuple[float, float]
    end: tuple[float, float]
    strong: bool = False


@dataclass(frozen=True)
class LossBox:
    """The frame around the loss, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class NetworkPicture:
    """dots: the centres of the dots of ellipses. numbers: what is shown, as text, by what it is."""

    width: float
    height: float
    units: tuple[Unit, ...]
    links: tuple[Link, ...]
    labels: tuple[Label, ...]
    texts: tuple[Text, ...]
    loss: LossBox
    dots: tuple[tuple[float, float], ...]
    title: str
    description: str
    numbers: Mapping[Key, str]


@dataclass(frozen=True)
class _Slot:
    """A place in a column: a unit, or None for an ellipsis. y: from the middle of the units."""

    unit: int | None
    y: float


def network_picture(network: Network, example: Example | None = None) -> NetworkPicture:
    """The picture of a network; of a small one, with the numbers of an example where there is one, else with the names of its weights."""
    return _Drawing(network, example).picture()


_Source = tuple[int, float, float]
"""A unit that wires leave: its number, 0 for a bias unit, its height, its radius."""
_Target = tuple[int, float]
"""A unit that wires lead to: its number, its height."""


class _Drawing:
    """A picture in the making: the loss and the columns share one vertical axis, y = 0."""

    def __init__(self, network: Network, example: Example | None) -> None:
        self.network = network
        small = max(network.widths) <= MOST_UNITS and network.depth <= MOST_LAYERS
        self.example = example if small and network.depth <= MOST_NUMBERED else None
        self.named = small and example is None and network.depth <= MOST_NUMBERED
        self.strong = {c.key[1:] for c in self.example.weights} if self.example else set()
        self.numbers: dict[Key, str] = {}
        self.inner = {(layer, n): self.lines(layer, n) for layer in range(network.depth + 1) for n in self.shown(layer)}
        self.radius = max(LEAST_RADIUS, *(_radius(lines) for lines in self.inner.values()))

    # --- what is written

    def number(self, key: Key, colour: Colour) -> Text:
        """A number of the example, which is noted."""
        assert self.example is not None
        written = text_for(decimal(self.example.numbers[key]), colour, SMALL)
        self.numbers[key] = written.plain
        return written

    def lines(self, layer: int, unit: int) -> list[Text]:
        """What stands in a unit: its name, its value, δ."""
        letter = "a" if layer else "x"
        found = [text_for(t.Component(f"a__{layer}" if layer else "x", (str(unit),)), "ink", NAME)]
        if self.example is not None:
            found.append(self.number((letter, layer, (unit,)), "value"))
            if layer:
                found.append(self.number(("delta", layer, (unit,)), "derivative"))
        return found

    def on_wire(self, layer: int, to: int, by: int) -> tuple[Text | None, Text | None]:
        """What stands above a wire and below it: a weight and its gradient, by = 0: a bias; the names where there are no numbers."""
        letter, place = ("W", (to, by)) if by else ("b", (to,))
        name = t.Component(f"{letter}__{layer}", tuple(map(str, place)))
        if self.example is None:
            return (text_for(name, "ink", SMALL) if self.named else None), None
        above = self.number((letter, layer, place), "value")
        below = self.number((f"d{letter}", layer, place), "derivative")
        if (layer, place) not in self.strong:
            return above, below
        named = text_for(t.Equation(name, decimal(self.example.numbers[letter, layer, place])), "value", SMALL)
        return named, below

    # --- what is shown

    def shown(self, layer: int) -> tuple[int, ...]:
        """The units of a layer that are drawn."""
        width = self.network.widths[layer]
        return tuple(range(1, width + 1)) if width <= MOST_UNITS else (1, 2, width)

    def columns(self) -> list[int | None]:
        """The layers that are drawn, None for an ellipsis."""
        depth = self.network.depth
        return list(range(depth + 1)) if depth <= MOST_LAYERS else [0, 1, None, depth - 1, depth]

    def slots(self, layer: int) -> list[_Slot]:
        units: list[int | None] = list(self.shown(layer))
        if self.network.widths[layer] > MOST_UNITS:
            units.insert(2, None)
        pitch = 2 * self.radius + (ROW_GAP if self.example or self.named else BARE_ROW_GAP)
        middle = (len(units) - 1) / 2
        return [_Slot(unit, (row - middle) * pitch) for row, unit in enumerate(units)]

    def bias(self, layer: int) -> float:
        """The height of the bias unit of a column, below its units."""
        slots = self.slots(layer)
        gap = ROW_GAP if self.example or self.named else BARE_ROW_GAP
        return slots[-1].y + self.radius + gap + BIAS_RADIUS

    # --- where it stands

    def picture(self) -> NetworkPicture:
        columns = self.columns()
        units: list[Unit] = []
        links: list[Link] = []
        labels: list[Label] = []
        dots: list[tuple[float, float]] = []
        texts: list[Text] = []
        x = self.radius
        top = min(self.slots(layer)[0].y for layer in columns if layer is not None) - self.radius
        heading = top - 14.0
        for before, layer in pairwise((None, *columns)):
            if layer is None:
                x += BARE_GAP / 2 + self.radius
                dots += [(x + 6.0 * n, 0.0) for n in (-1, 0, 1)]
                x += BARE_GAP / 2 + self.radius
                continue
            if units and before is not None:
                here, gap_labels, gap = self.wires(layer, x)
                links += here
                labels += gap_labels
                middle = x + self.radius + gap / 2
                texts.append(_at(self.weights_name(layer), middle, heading))
                x += gap + 2 * self.radius
            column, column_dots = self.column(layer, x)
            units += column
            dots += column_dots
            texts.append(_at(self.layer_name(layer), x, heading))
        for unit in units:
            texts += self.inside(unit)
        box, box_links, box_texts = self.loss(x)
        links += box_links
        texts += box_texts
        return self.moved(units, links, labels, texts, box, dots)

    def layer_name(self, layer: int) -> Text:
        return text_for(t.Vector(f"a__{layer}" if layer else "x"), "ink", HEADING)

    def weights_name(self, layer: int) -> Text:
        both = (boxes_of(t.Matrix(f"W__{layer}")), boxes_of(t.Vector(f"b__{layer}")))
        return text_for(listed(both), "ink", HEADING)

    def column(self, layer: int, x: float) -> tuple[list[Unit], list[tuple[float, float]]]:
        depth = self.network.depth
        kind: Kind = "input" if layer == 0 else "output" if layer == depth else "named"
        units: list[Unit] = []
        dots: list[tuple[float, float]] = []
        for slot in self.slots(layer):
            if slot.unit is None:
                dots += [(x, slot.y + 6.0 * n) for n in (-1, 0, 1)]
            else:
                units.append(Unit(kind, (layer, slot.unit), x, slot.y, self.radius))
        if layer < depth:
            units.append(Unit("parameter", (layer, 0), x, self.bias(layer), BIAS_RADIUS))
        return units, dots

    def inside(self, unit: Unit) -> Iterator[Text]:
        lines = [text_for(Digits("1"), "ink", SMALL)] if unit.place[1] == 0 else self.inner[unit.place]
        yield from _stack(lines, unit.x, unit.y, LINE_GAP)

    def wires(self, layer: int, x: float) -> tuple[list[Link], list[Label], float]:
        """The wires into a layer from the column at x, with their labels; how wide the gap between the columns has to be for them."""
        gap = BARE_GAP
        sources = [(s.unit, s.y, self.radius) for s in self.slots(layer - 1) if s.unit]
        sources.append((0, self.bias(layer - 1), BIAS_RADIUS))
        targets = [(s.unit, s.y) for s in self.slots(layer) if s.unit]
        pairs = [(by, to) for by in sources for to in targets]
        contents = [self.on_wire(layer, to[0], by[0]) for by, to in pairs]
        found: list[Label] = []
        if any(above for above, _ in contents):
            sizes = [_beside(above, below)[:2] for above, below in contents]
            best = float("inf")
            for width in GAPS:
                tried = self.spans(pairs, x, width)
                discs = [Disc(x, by[1], by[2]) for by in sources]
                discs += [Disc(x + 2 * self.radius + width, to[1], self.radius) for to in targets]
                placed, cost = placed_labels(tried, sizes, discs)
                if cost < best:
                    best, gap, found = cost, width, placed
                if not cost:
                    break
        spans = self.spans(pairs, x, gap)
        labels = [_written(label, *lines) for label, lines in zip(found, contents, strict=False)]
        strong = [(layer, (to[0], by[0]) if by[0] else (to[0],)) in self.strong for by, to in pairs]
        return [Link(*span.ends, mark) for span, mark in zip(spans, strong, strict=True)], labels, gap

    def spans(self, pairs: Sequence[tuple[_Source, _Target]], x: float, gap: float) -> list[Span]:
        right = x + 2 * self.radius + gap
        return [Span((x, by[1]), (right, to[1]), by[2], self.radius) for by, to in pairs]

    def loss(self, x: float) -> tuple[LossBox, list[Link], list[Text]]:
        """The frame of the loss behind the last column: L, its value, the target."""
        lines = [text_for(t.Symbol("L"), "ink", NAME)]
        if self.example is not None:
            lines.append(self.number(("loss", 0, ()), "value"))
            lines.append(self.target())
        width, height = _extent(lines, LINE_GAP)
        width, height = max(width + 16.0, 30.0), max(height + 14.0, 30.0)
        left = x + self.radius + LOSS_GAP
        box = LossBox(left, -height / 2, width, height)
        links = []
        shown = [slot for slot in self.slots(self.network.depth) if slot.unit]
        for number, slot in enumerate(shown):
            end = (left, (number - (len(shown) - 1) / 2) * min(10.0, 0.7 * height / len(shown)))
            links.append(Link(*Span((x, slot.y), end, self.radius, 0.0).ends))
        return box, links, list(_stack(lines, left + width / 2, 0.0, LINE_GAP))

    def target(self) -> Text:
        """y = (1, 0), or the number of the class."""
        assert self.example is not None
        targets = {k: v for k, v in self.example.numbers.items() if k[0] == "y"}
        if not targets:
            label = str(self.network.target.target.label)
            return text_for(t.Equation(t.Symbol(label), t.number(int(self.example.sample.y) + 1)), "value", SMALL)
        for key, value in targets.items():
            self.numbers[key] = text_for(decimal(value), "value", SMALL).plain
        parts = tuple(boxes_of(decimal(value)) for value in targets.values())
        if len(parts) == 1:
            return text_for(Row((boxes_of(t.Component("y", ("1",))), Sign("equals"), parts[0])), "value", SMALL)
        return text_for(Row((boxes_of(t.Vector("y")), Sign("equals"), Fence(listed(parts)))), "value", SMALL)

    def moved(
        self,
        units: Sequence[Unit],
        links: Sequence[Link],
        labels: Sequence[Label],
        texts: Sequence[Text],
        box: LossBox,
        dots: Sequence[tuple[float, float]],
    ) -> NetworkPicture:
        """Everything within the picture, its upper left corner at (0, 0)."""
        extents = [(text, text.extent) for text in texts]
        left = min(min(u.x - u.radius for u in units), min(s.x - e.width / 2 for s, e in extents)) - MARGIN
        top = min(min(u.y - u.radius for u in units), min(s.y - e.above for s, e in extents), box.y) - MARGIN
        right = max(box.x + box.width, max(s.x + e.width / 2 for s, e in extents)) + MARGIN
        bottom = (
            max(max(u.y + u.radius for u in units), box.y + box.height, *(lb.y + lb.height / 2 for lb in labels), 0.0)
            + MARGIN
        )
        shown = [text.plain for text in (*texts, *(text for label in labels for text in label.texts))]
        return NetworkPicture(
            right - left,
            bottom - top,
            tuple(replace(u, x=u.x - left, y=u.y - top) for u in units),
            tuple(Link(_less(k.start, left, top), _less(k.end, left, top), k.strong) for k in links),
            tuple(
                replace(
                    label,
                    x=label.x - left,
                    y=label.y - top,
                    texts=tuple(replace(s, x=s.x - left, y=s.y - top) for s in label.texts),
                )
                for label in labels
            ),
            tuple(replace(s, x=s.x - left, y=s.y - top) for s in texts),
            replace(box, x=box.x - left, y=box.y - top),
            tuple(_less(dot, left, top) for dot in dots),
            str(self.network),
            "; ".join(shown),
            dict(self.numbers),
        )


def _less(point: tuple[float, float], left: float, top: float) -> tuple[float, float]:
    return point[0] - left, point[1] - top


def _at(text: Text, x: float, y: float) -> Text:
    return replace(text, x=x, y=y)


def _extent(lines: Sequence[Text], gap: float = LINE_GAP) -> tuple[float, float]:
    """The width and the height of lines one below the other."""
    if not lines:
        return 0.0, 0.0
    heights = (line.extent.above + line.extent.below for line in lines)
    return max(line.extent.width for line in lines), sum(heights) + gap * (len(lines) - 1)


def _stack(lines: Sequence[Text], x: float, y: float, gap: float) -> Iterator[Text]:
    """Lines one below the other, their middle at a place."""
    top = y - _extent(lines, gap)[1] / 2
    for line in lines:
        yield _at(line, x, top + line.extent.above)
        top += line.extent.above + line.extent.below + gap


def _beside(above: Text | None, below: Text | None) -> tuple[float, float, float]:
    """The width and the height of what stands above a wire and below it, and the distance of either from the wire."""
    shown = [text.extent for text in (above, below) if text is not None]
    high = max((e.above + e.below for e in shown), default=0.0)
    return max((e.width for e in shown), default=0.0), 2 * (high + WIRE_GAP), high


def _written(label: Label, above: Text | None, below: Text | None) -> Label:
    """The label with its texts, turned as the wire is."""
    texts = []
    if above is not None:
        x, y = label.place(0.0, -WIRE_GAP - above.extent.below)
        texts.append(replace(above, x=x, y=y, angle=label.angle))
    if below is not None:
        x, y = label.place(0.0, WIRE_GAP + below.extent.above)
        texts.append(replace(below, x=x, y=y, angle=label.angle))
    return replace(label, texts=tuple(texts))


def _radius(lines: Sequence[Text]) -> float:
    """Of the smallest circle around lines, their middle at its centre."""
    reach = 0.0
    for line in _stack(lines, 0.0, 0.0, LINE_GAP):
        extent = line.extent
        high = max(abs(line.y - extent.above), abs(line.y + extent.below))
        reach = max(reach, (extent.width**2 / 4 + high**2) ** 0.5)
    return reach + INSIDE
