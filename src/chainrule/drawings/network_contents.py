"""What the picture of a network shows: which layers and units, what is written in each, and along each wire."""

from ..calculus.graph_terms import decimal
from ..expression import tree as t
from ..expression.printing.boxes import Digits, Fence
from ..expression.printing.glyphs import listed
from ..expression.printing.layout import layout as boxes_of
from ..networks.example import Example
from ..networks.network import Network
from ..networks.written import Key
from .layout import Colour, Text, equation_of, text_for

MOST_UNITS, MOST_LAYERS = 4, 4
"""What is larger is drawn with ellipses."""
MOST_NUMBERED = 3
"""Numbers along the wires of so many layers can be read."""
NAME, SMALL, HEADING = 12.5, 9.5, 12.5
"""Sizes of letters: of a unit's name, of what is written below it and along wires, of the names above the columns."""


class Contents:
    """numbers: what has been written so far, as text, by what it is."""

    def __init__(self, network: Network, example: Example | None) -> None:
        self.network = network
        small = max(network.widths) <= MOST_UNITS and network.depth <= MOST_NUMBERED
        self.example = example if small else None
        self.labelled = small
        self.strong = frozenset(chain.key[1:] for chain in self.example.weights) if self.example else frozenset()
        self.numbers: dict[Key, str] = {}

    @property
    def layers(self) -> tuple[int | None, ...]:
        """The layers that are drawn, the input is 0; None for an ellipsis."""
        depth = self.network.depth
        return tuple(range(depth + 1)) if depth <= MOST_LAYERS else (0, 1, None, depth - 1, depth)

    def units(self, layer: int) -> tuple[int | None, ...]:
        """The units of a layer that are drawn, from 1; None for an ellipsis."""
        width = self.network.widths[layer]
        return tuple(range(1, width + 1)) if width <= MOST_UNITS else (1, 2, None, width)

    def is_strong(self, layer: int, to: int, by: int) -> bool:
        """Whether the gradient of a weight is written out in the example."""
        return (layer, (to, by)) in self.strong

    def layer(self, layer: int) -> Text:
        return text_for(t.Vector(f"a__{layer}" if layer else "x"), "ink", HEADING)

    def weights(self, layer: int) -> Text:
        both = (boxes_of(t.Matrix(f"W__{layer}")), boxes_of(t.Vector(f"b__{layer}")))
        return text_for(listed(both), "ink", HEADING)

    def unit(self, layer: int, unit: int) -> list[Text]:
        """The name of a unit, its value, δ; of a bias unit, the number 0, its value alone."""
        if unit == 0:
            return [text_for(Digits("1"), "ink", SMALL)]
        letter = "a" if layer else "x"
        found = [text_for(t.Component(f"a__{layer}" if layer else "x", (str(unit),)), "ink", NAME)]
        if self.example is not None:
            found.append(self._number((letter, layer, (unit,)), "value"))
            if layer:
                found.append(self._number(("delta", layer, (unit,)), "derivative"))
        return found

    def wire(self, layer: int, to: int, by: int) -> tuple[Text | None, Text | None]:
        """What stands above a wire and below it: a weight and its gradient, by = 0: a bias; its name alone where there are no numbers."""
        letter, place = ("W", (to, by)) if by else ("b", (to,))
        name = t.Component(f"{letter}__{layer}", tuple(map(str, place)))
        if self.example is None:
            return (text_for(name, "ink", SMALL) if self.labelled else None), None
        above = self._number((letter, layer, place), "value")
        below = self._number((f"d{letter}", layer, place), "derivative")
        if self.is_strong(layer, to, by):
            above = text_for(t.Equation(name, decimal(self.example.numbers[letter, layer, place])), "value", SMALL)
        return above, below

    def loss(self) -> list[Text]:
        """L, its value, and the target: y = (1, 0), or the number of the class."""
        lines = [text_for(t.Symbol("L"), "ink", NAME)]
        if self.example is None:
            return lines
        lines.append(self._number(("loss", 0, ()), "value"))
        targets = [key for key in self.example.numbers if key[0] == "y"]
        parts = tuple(boxes_of(decimal(self.example.numbers[key])) for key in targets)
        for key in targets:
            self._number(key, "value")
        if not parts:
            left: t.Node = t.Symbol(str(self.network.target.target.label))
            target = boxes_of(t.number(int(self.example.sample.y) + 1))
        elif len(parts) == 1:
            left, target = t.Component("y", ("1",)), parts[0]
        else:
            left, target = t.Vector("y"), Fence(listed(parts))
        return [*lines, text_for(equation_of(left, target), "value", SMALL)]

    def _number(self, key: Key, colour: Colour) -> Text:
        assert self.example is not None
        written = text_for(decimal(self.example.numbers[key]), colour, SMALL)
        self.numbers[key] = written.plain
        return written
