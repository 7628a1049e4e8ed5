"""Where the parts of a network's picture stand: a column of units for each layer, from left to right, the loss at its end.

With numbers: in each unit its value and, below, δ; above each wire the weight and, below, its gradient. They stand along their wire, at a place where they cover
no other wire and no other number, found by ``network_labels``. All lengths are in points, y grows downwards."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import hypot, inf
from typing import Literal

from ..networks.example import Example
from ..networks.network import Network
from ..networks.written import Key
from .layout import MARGIN, Text
from .network_contents import Contents
from .network_labels import Disc, Label, Span, placed_labels

Kind = Literal["input", "named", "output", "parameter"]
"""What a unit is, as the graph drawings colour it: an input, a hidden unit, an output, a bias unit."""

LEAST_RADIUS, BIAS_RADIUS, INSIDE = 15.0, 11.0, 3.0
LINE_GAP, WIRE_GAP, HEADING_GAP = 3.0, 2.5, 14.0
GAPS = (96.0, 112.0, 128.0, 144.0, 160.0, 176.0, 192.0, 208.0)
ROW_GAPS = (26.0, 40.0, 54.0, 68.0)
"""The distances between two columns and between two units that are tried, until no number covers a wire."""
BARE_GAP, BARE_ROW_GAP, LOSS_GAP = 84.0, 12.0, 34.0
"""The distances where nothing stands along the wires, and that from the outputs to the loss."""
STUB = 18.0
"""How far the wires go that lead to layers left out."""
DOT, DOTS_APART = 1.3, 6.0


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
    """texts: what stands in units, in the frame of the loss and above the columns; what stands along a wire is in its label. dots: the centres of
    the dots of ellipses. numbers: what is shown, as text, by what it is."""

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


@lru_cache(maxsize=16)
def network_picture(network: Network, example: Example | None = None) -> NetworkPicture:
    """The picture of a network; of a small one, with the numbers of an example where there is one, else with the names of its weights."""
    contents = Contents(network, example)
    best = _Plan(contents, ROW_GAPS[0] if contents.labelled else BARE_ROW_GAP)
    for gap in ROW_GAPS[1:]:
        if best.cost:
            other = _Plan(contents, gap)
            best = other if other.cost < best.cost else best
    return _drawn(best)


@dataclass(frozen=True)
class _Gap:
    """What is between two columns, as if the first stood at x = 0. labels: none where nothing stands along the wires."""

    width: float
    wires: tuple[tuple[Unit, Unit], ...]
    labels: tuple[Label, ...]
    cost: float


class _Plan:
    """The columns and the gaps between them. axis: the height of their middle. cost: of numbers that are not clear of wires and of each other."""

    def __init__(self, contents: Contents, row_gap: float) -> None:
        self.contents, self.row_gap = contents, row_gap
        layers = [layer for layer in contents.layers if layer is not None]
        inside = [contents.unit(layer, n) for layer in layers for n in contents.units(layer) if n]
        self.radius = max(LEAST_RADIUS, *map(_radius, inside))
        wide, high = _extent(contents.loss())
        self.loss_width, self.loss_height = max(wide + 16.0, 30.0), max(high + 14.0, 30.0)
        self.heading = MARGIN + max(contents.weights(layer).extent.above for layer in layers)
        top = max(self.loss_height / 2, *(self.radius - self.height(layer, 0) for layer in layers))
        self.axis = self.heading + HEADING_GAP + top
        self.columns = {layer: tuple(self.column(layer)) for layer in layers}
        follows = [(a, b) for a, b in pairwise(contents.layers) if a is not None and b is not None]
        self.gaps = {b: self.gap(self.columns[a], b) for a, b in follows}
        self.cost = sum(gap.cost for gap in self.gaps.values())

    def height(self, layer: int, row: int) -> float:
        """Of the centre of a row, from the middle of its column, bias units left out."""
        return (row - (len(self.contents.units(layer)) - 1) / 2) * (2 * self.radius + self.row_gap)

    def column(self, layer: int) -> Iterator[Unit]:
        """The units of a layer at x = 0, the bias unit of the next one last."""
        depth, rows = self.contents.network.depth, self.contents.units(layer)
        kind: Kind = "input" if layer == 0 else "output" if layer == depth else "named"
        for row, unit in enumerate(rows):
            if unit is not None:
                yield Unit(kind, (layer, unit), 0.0, self.axis + self.height(layer, row), self.radius)
        if layer < depth:
            y = self.axis + self.height(layer, len(rows) - 1) + self.radius + self.row_gap + BIAS_RADIUS
            yield Unit("parameter", (layer, 0), 0.0, y, BIAS_RADIUS)

    def gap(self, before: Sequence[Unit], layer: int) -> _Gap:
        """The narrowest gap in which the labels are clear, or the one in which they are most so."""
        after = [unit for unit in self.columns[layer] if unit.place[1]]
        wires = tuple((a, b) for a in before for b in after)
        if not self.contents.labelled:
            return _Gap(BARE_GAP, wires, (), 0.0)
        sizes = [_beside(*self.contents.wire(layer, b.place[1], a.place[1])) for a, b in wires]
        best = _Gap(0.0, wires, (), inf)
        for width in GAPS:
            x = 2 * self.radius + width
            spans = [_span(a, replace(b, x=x)) for a, b in wires]
            discs = [*(Disc(a.x, a.y, a.radius) for a in before), *(Disc(x, b.y, b.radius) for b in after)]
            labels, cost = placed_labels(spans, sizes, discs, best.cost)
            if cost < best.cost:
                best = _Gap(width, wires, tuple(labels), cost)
            if not cost:
                break
        return best

    def places(self) -> Iterator[float]:
        """The x of every column, that of an ellipsis too."""
        x = MARGIN + self.radius
        for before, layer in pairwise((None, *self.contents.layers)):
            if layer in self.gaps:
                x += 2 * self.radius + self.gaps[layer].width
            elif layer is None or before is not None or layer:
                x += self.radius + BARE_GAP / 2
            yield x


def _drawn(plan: _Plan) -> NetworkPicture:
    contents = plan.contents
    units, links, labels, texts, dots = (
        list[Unit](),
        list[Link](),
        list[Label](),
        list[Text](),
        list[tuple[float, float]](),
    )
    columns = list(zip(contents.layers, plan.places(), strict=True))
    for (before, last), (layer, x) in pairwise(((None, 0.0), *columns)):
        if layer is None:
            dots += [(x + DOTS_APART * n, plan.axis) for n in (-1, 0, 1)]
            links += [Link((u.x + u.radius, u.y), (u.x + u.radius + STUB, u.y)) for u in units if u.place[0] == before]
            continue
        column = [replace(unit, x=x) for unit in plan.columns[layer]]
        texts.append(replace(contents.layer(layer), x=x, y=plan.heading))
        if layer in plan.gaps:
            gap = plan.gaps[layer]
            texts.append(replace(contents.weights(layer), x=(last + x) / 2, y=plan.heading))
            for a, b in gap.wires:
                strong = contents.is_strong(layer, b.place[1], a.place[1])
                links.append(Link(*_span(replace(a, x=last), replace(b, x=x)).ends, strong))
            for label, (a, b) in zip(gap.labels, gap.wires, strict=False):
                lines = contents.wire(layer, b.place[1], a.place[1])
                labels.append(_written(replace(label, x=label.x + last), *lines))
        elif layer:
            links += [Link((u.x - u.radius - STUB, u.y), (u.x - u.radius, u.y)) for u in column if u.place[1]]
        rows = [plan.axis + plan.height(layer, row) for row, unit in enumerate(contents.units(layer)) if unit is None]
        dots += [(x, y + DOTS_APART * n) for y in rows for n in (-1, 0, 1)]
        units += column
    for unit in units:
        texts += _stack(contents.unit(*unit.place), unit.x, unit.y)
    outputs = [unit for unit in units if unit.kind == "output"]
    box = LossBox(
        outputs[0].x + plan.radius + LOSS_GAP, plan.axis - plan.loss_height / 2, plan.loss_width, plan.loss_height
    )
    links += _into(box, outputs)
    texts += _stack(contents.loss(), box.x + box.width / 2, plan.axis)
    bottom = max(box.y + box.height, *(unit.y + unit.radius for unit in units))
    shown = [text.plain for text in (*texts, *(text for label in labels for text in label.texts))]
    return NetworkPicture(
        box.x + box.width + MARGIN,
        bottom + MARGIN,
        tuple(units),
        tuple(links),
        tuple(labels),
        tuple(texts),
        box,
        tuple(dots),
        str(contents.network),
        "; ".join(shown),
        dict(contents.numbers),
    )


def _into(box: LossBox, outputs: Sequence[Unit]) -> Iterator[Link]:
    """The wires from the outputs, each to an end of its own."""
    apart = min(10.0, 0.7 * box.height / len(outputs))
    for number, unit in enumerate(outputs):
        end = (box.x, box.y + box.height / 2 + (number - (len(outputs) - 1) / 2) * apart)
        yield Link(*Span((unit.x, unit.y), end, unit.radius, 0.0).ends)


def _span(start: Unit, end: Unit) -> Span:
    return Span((start.x, start.y), (end.x, end.y), start.radius, end.radius)


def _extent(lines: Sequence[Text]) -> tuple[float, float]:
    """The width and the height of lines one below the other."""
    heights = (line.extent.above + line.extent.below for line in lines)
    return max(line.extent.width for line in lines), sum(heights) + LINE_GAP * (len(lines) - 1)


def _stack(lines: Sequence[Text], x: float, y: float) -> Iterator[Text]:
    """Lines one below the other, their middle at a place."""
    top = y - _extent(lines)[1] / 2
    for line in lines:
        yield replace(line, x=x, y=top + line.extent.above)
        top += line.extent.above + line.extent.below + LINE_GAP


def _radius(lines: Sequence[Text]) -> float:
    """Of the smallest circle around lines, their middle at its centre."""
    reach = 0.0
    for line in _stack(lines, 0.0, 0.0):
        high = max(abs(line.y - line.extent.above), abs(line.y + line.extent.below))
        reach = max(reach, hypot(line.extent.width / 2, high))
    return reach + INSIDE


def _beside(above: Text | None, below: Text | None) -> tuple[float, float]:
    """The width and the height of what stands above a wire and below it."""
    extents = [text.extent for text in (above, below) if text is not None]
    return max(e.width for e in extents), 2 * (max(e.above + e.below for e in extents) + WIRE_GAP)


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
