"""Where the parts of a graph's picture stand: layers from left to right, found by the Sugiyama layout of grandalf.

The label of an edge is a vertex of its own between the two nodes, so that the layout makes room for it; a wire runs level through every
column and bends between columns only. All lengths are in points, y grows downwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, pairwise
from random import Random
from typing import Any, Literal

from ..calculus.graph import Edge, Graph, Node
from ..calculus.graph_terms import decimal
from ..calculus.graph_values import Plain, Values
from ..errors import RenderError
from ..expression import printing
from ..expression import tree as t
from ..expression.printing.boxes import Box, Fence, Fraction, Row, Sign, opening
from ..expression.printing.glyphs import listed
from ..expression.printing.layout import layout as boxes_of
from .mathematics import Extent, can_be_set, extent

Colour = Literal["ink", "value", "derivative"]
NAME, SMALL = 13.0, 10.5
"""Sizes of letters: of a node's formula, and of everything else."""
PAD_X, PAD_Y, LINE_GAP, ABOVE_WIRE = 9.0, 7.0, 5.0, 4.0
ROW_GAP, LEAST_BEND, MOST_BEND, MARGIN = 12.0, 22.0, 56.0, 6.0
DIFFERENTIALS = (Sign("partial"), Sign("d"))
PORT = 9.0
"""The distance between the ends of two wires at one node."""
ARROW = 6.0
"""The length and the width of an arrowhead."""
THROUGH = 8.0
"""The height that is kept free for a wire that passes a column."""
ORDERS = 24
SHOWN_COMPONENTS = 3
"""A vector of more components than this is shown in the table only."""


@dataclass(frozen=True)
class Text:
    """A formula, by its centre and its baseline. angle: by how many degrees it is turned around that place, clockwise."""

    latex: str
    plain: str
    colour: Colour
    size: float
    x: float
    y: float
    angle: float = 0.0

    @property
    def extent(self) -> Extent:
        return extent(self.latex, self.size)


@dataclass(frozen=True)
class Frame:
    """The box of a node, by its upper left corner."""

    role: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Wire:
    """An edge: between its points it runs level and bends in turn, level first and last. fixed: it carries no derivative."""

    points: tuple[tuple[float, float], ...]
    fixed: bool


@dataclass(frozen=True)
class Picture:
    width: float
    height: float
    frames: tuple[Frame, ...]
    texts: tuple[Text, ...]
    wires: tuple[Wire, ...]
    title: str
    description: str


@dataclass(eq=False)
class _Block:
    """A vertex of the layout: a node, the label of an edge, or a place that a wire passes. lines: its formulas, centred at x = 0, y = 0."""

    width: float
    height: float
    lines: tuple[Text, ...] = ()
    node: Node | None = None
    column: int = 0
    x: float = 0.0
    y: float = 0.0
    column_width: float = 0.0
    ports: list["_Block"] = field(default_factory=list)


def picture(graph: Graph, values: Values | None = None) -> Picture:
    """The picture of a graph; with values, those of every node and edge too. Raises RenderError where grandalf is missing."""
    nodes = {node.name: _node_block(graph, node, values) for node in graph.nodes}
    labels = {edge.key: _label_block(edge, values) for edge in graph.edges}
    ways = _place(graph, nodes, labels)
    blocks = [*nodes.values(), *labels.values()]
    _columns(list({id(b): b for way in ways.values() for b in way}.values()))
    wires = tuple(_wire(ways[edge.key], edge) for edge in graph.edges)
    left = min(b.x - b.width / 2 for b in blocks) - MARGIN
    top = min(min(b.y - b.height / 2 for b in blocks), min(y for w in wires for _, y in w.points)) - MARGIN
    right = max(b.x + b.width / 2 for b in blocks) + MARGIN
    bottom = max(max(b.y + b.height / 2 for b in blocks), max(y for w in wires for _, y in w.points)) + MARGIN
    frames = tuple(
        Frame(b.node.role, b.x - b.width / 2 - left, b.y - b.height / 2 - top, b.width, b.height)
        for b in nodes.values()
        if b.node is not None
    )
    texts = tuple(
        Text(line.latex, line.plain, line.colour, line.size, b.x + line.x - left, b.y + line.y - top)
        for b in blocks
        for line in b.lines
    )
    moved = tuple(Wire(tuple((x - left, y - top) for x, y in w.points), w.fixed) for w in wires)
    title = printing.text(t.Equation(graph.output.symbol, graph.output.formula or graph.output.symbol))
    described = "; ".join(", ".join(line.plain for line in b.lines) for b in blocks if b.lines)
    return Picture(right - left, bottom - top, frames, texts, moved, title, described)


# --- what is written


def _node_block(graph: Graph, node: Node, values: Values | None) -> _Block:
    shown = [node.symbol] if node.formula is None else [t.Equation(node.symbol, node.formula), node.symbol]
    rows = [_first_set(shown, "ink", NAME)]
    if values is not None:
        number = _number(values.numbers[node.name])
        if number is not None:
            rows.append(text_for(number, "value", SMALL))
        adjoint = _number(values.adjoints.get(node.name))
        if adjoint is not None and node is not graph.output:
            name = t.Derivative(_bare(graph.output), _bare(node), 1, not graph.has_shortcuts)
            rows.append(text_for(equation_of(name, adjoint), "derivative", SMALL))
    width = max(row.extent.width for row in rows) + 2 * PAD_X
    height = sum(row.extent.above + row.extent.below for row in rows) + LINE_GAP * (len(rows) - 1) + 2 * PAD_Y
    lines, y = [], PAD_Y - height / 2
    for row in rows:
        lines.append(Text(row.latex, row.plain, row.colour, row.size, 0.0, y + row.extent.above))
        y += row.extent.above + row.extent.below + LINE_GAP
    return _Block(max(width, 30.0), height, tuple(lines), node)


def _label_block(edge: Edge, values: Values | None) -> _Block:
    """The value that goes along an edge above its wire, the local derivative below."""
    lines, width, height = list[Text](), 0.0, 8.0
    number = None if values is None else _number(values.numbers[edge.source])
    if number is not None:
        above = text_for(number, "value", SMALL)
        lines.append(Text(above.latex, above.plain, "value", SMALL, 0.0, -ABOVE_WIRE - above.extent.below))
        width, height = above.extent.width, 2 * (ABOVE_WIRE + above.extent.above + above.extent.below)
    if edge.symbol is not None and edge.derivative is not None:
        whole: list[t.Node | Box] = [t.Equation(edge.symbol, edge.derivative), edge.symbol]
        local = None if values is None else _number(values.local[edge.key])
        if local is not None and any(not isinstance(p, t.Number | t.Neg) for _, p in t.walk(edge.derivative)):
            whole.insert(0, equation_of(t.Equation(edge.symbol, edge.derivative), local))
        below = _first_set(whole, "derivative", SMALL)
        lines.append(Text(below.latex, below.plain, "derivative", SMALL, 0.0, ABOVE_WIRE + below.extent.above))
        width = max(width, below.extent.width)
        height = max(height, 2 * (ABOVE_WIRE + below.extent.above + below.extent.below))
    return _Block(width + 8.0 if lines else 0.0, height, tuple(lines))


def _bare(node: Node) -> t.Symbol | t.Component | t.Vector | t.Matrix:
    """A node as a whole: L, s."""
    return (
        (t.Vector(node.name) if len(node.dimensions) == 1 else t.Matrix(node.name)) if node.dimensions else node.symbol
    )


def equation_of(left: t.Node, right: Box | t.Node) -> Box:
    """left = right, where either side may be laid out already."""
    laid = right if isinstance(right, Box) else boxes_of(right)
    return Row((boxes_of(left), Sign("equals"), laid))


def _number(value: Plain) -> Box | None:
    """A value as it is shown: a number, a short vector, or None for what the table alone has room for."""
    if isinstance(value, tuple):
        parts = [_number(part) for part in value] if len(value) <= SHOWN_COMPONENTS else [None]
        flat = [part for part in parts if part is not None and not isinstance(part, Fence)]
        return Fence(listed(tuple(flat))) if len(flat) == len(value) else None
    return None if value is None else boxes_of(decimal(value))


def text_for(formula: t.Node | Box, colour: Colour, size: float) -> Text:
    """A formula, not at its place yet."""
    box = formula if isinstance(formula, Box) else boxes_of(formula)
    latex = printing.latex(_level(box)).replace(r"\frac", r"\dfrac").replace(", -", ", {-}")
    return Text(latex, printing.text(box), colour, size, 0.0, 0.0)


def _level(box: Box) -> Box:
    """∂e/∂c on one line, where a fraction would be too small to read."""
    if isinstance(box, Fraction) and isinstance(box.numerator, Row) and opening(box.numerator) in DIFFERENTIALS:
        return Row((box.numerator, Sign("slash"), box.denominator), tight=True)
    return replace(box, items=tuple(map(_level, box.items))) if isinstance(box, Row) else box


def _first_set(formulas: Sequence[t.Node | Box], colour: Colour, size: float) -> Text:
    """The first formula that can be set: a case distinction cannot, and the name alone stands for it."""
    texts = (text_for(formula, colour, size) for formula in formulas)
    return next(text for text in texts if can_be_set(text.latex))


# --- where it stands


def _place(
    graph: Graph, nodes: Mapping[str, _Block], labels: Mapping[tuple[str, str], _Block]
) -> dict[tuple[str, str], list[_Block]]:
    """Give every block its column and height; the blocks that the wire of each edge goes through.

    The layout is a heuristic that depends on the order it begins with: of several, always the same, the one with fewest crossings."""
    found = [_layered(graph, nodes, labels, seed) for seed in range(ORDERS)]
    ways, places = min(found, key=lambda layered: _crossings(*layered))
    for block, (column, y) in places.items():
        block.column, block.y = column, y
    for way in ways.values():
        way[-1].ports.append(way[-2])
    return ways


_Ways = dict[tuple[str, str], list[_Block]]
_Places = dict[_Block, tuple[int, float]]


def _crossings(ways: _Ways, places: _Places) -> int:
    links = [(places[a], places[b]) for way in ways.values() for a, b in pairwise(way)]
    return sum(
        one[0][0] == other[0][0] and (one[0][1] - other[0][1]) * (one[1][1] - other[1][1]) < 0
        for one, other in combinations(links, 2)
    )


def _layered(
    graph: Graph, nodes: Mapping[str, _Block], labels: Mapping[tuple[str, str], _Block], seed: int
) -> tuple[_Ways, _Places]:
    """The Sugiyama layout of grandalf, from one order of each layer; seed 0: the order of the equations."""
    try:
        from grandalf import graphs, layouts
    except ImportError as error:
        raise RenderError("a drawing needs the package `grandalf`: pip install 'chainrule[book]'") from error

    class View:
        """Turned by a right angle: the layers of grandalf lie one below the other."""

        def __init__(self, block: _Block) -> None:
            self.w, self.h, self.xy = block.height, 1.0, (0.0, 0.0)

    blocks = [*nodes.values(), *labels.values()]
    vertices = {block: graphs.Vertex(block) for block in blocks}
    for block in blocks:
        vertices[block].view = View(block)
    halves = {
        key: tuple(
            graphs.Edge(vertices[a], vertices[b]) for a, b in pairwise((nodes[key[0]], labels[key], nodes[key[1]]))
        )
        for key in labels
    }
    edges = [edge for key in labels for edge in halves[key]]
    connected = graphs.graph_core(list(vertices.values()), edges)  # graphs.Graph would shuffle the edges
    sugiyama = layouts.SugiyamaLayout(connected)
    sugiyama.xspace = ROW_GAP
    roots = [vertices[nodes[n.name]] for n in graph.nodes if n.formula is None]
    sugiyama.init_all(roots=roots, inverted_edges=[], optimize=True)
    passed = {
        id(vertex): _Block(0.0, THROUGH)
        for layer in sugiyama.layers
        for vertex in layer
        if isinstance(vertex, layouts.DummyVertex)
    }

    def block_of(vertex: Any) -> _Block:
        found: _Block = passed.get(id(vertex)) or vertex.data
        return found

    for layer in sugiyama.layers:
        for vertex in layer:
            vertex.view.w = block_of(vertex).height
        if seed:
            Random(seed).shuffle(layer)
            layer.setup(sugiyama)
    sugiyama.draw(4)
    places = {
        block_of(vertex): (column, vertex.view.xy[0])
        for column, layer in enumerate(sugiyama.layers)
        for vertex in layer
    }
    ways: _Ways = {}
    for key in labels:
        ways[key] = [nodes[key[0]]]
        for edge, end in zip(halves[key], (labels[key], nodes[key[1]]), strict=True):
            control = sugiyama.ctrls.get(edge, {})
            ways[key] += [block_of(control[rank]) for rank in sorted(control)[1:-1]] + [end]
    return ways, places


def _columns(blocks: list[_Block]) -> None:
    """Give every block its x, columns as far apart as their wires need to bend gently; push apart what stands too close."""
    by_column: dict[int, list[_Block]] = {}
    for block in sorted(blocks, key=lambda b: b.y):
        by_column.setdefault(block.column, []).append(block)
    for column in by_column.values():
        _apart(column)
    steep = {
        number: max((abs(block.y - b.y) for b in column for block in b.ports), default=0.0)
        for number, column in by_column.items()
    }
    x = 0.0
    for number in sorted(by_column):
        width = max(block.width for block in by_column[number])
        bend = ARROW + min(max(0.45 * steep[number], LEAST_BEND), MOST_BEND) if number else 0.0
        x += bend + width / 2
        for block in by_column[number]:
            block.x, block.column_width = x, width
        x += width / 2


def _apart(column: list[_Block]) -> None:
    for upper, lower in pairwise(column):
        least = upper.y + (upper.height + lower.height) / 2 + ROW_GAP / 2
        lower.y = max(lower.y, least)


def _wire(way: list[_Block], edge: Edge) -> Wire:
    """Level through every column, bent between them; at its end one of several ports, in the order in which the wires arrive."""
    start, *middle, end = way
    ports = sorted(end.ports, key=lambda b: b.y)
    place = ports.index(way[-2]) - (len(ports) - 1) / 2
    y = end.y + place * min(PORT, 0.7 * end.height / len(ports))
    points = [(start.x + start.width / 2, start.y), (start.x + start.column_width / 2, start.y)]
    for block in middle:
        points += [(block.x - block.column_width / 2, block.y), (block.x + block.column_width / 2, block.y)]
    points += [(end.x - end.column_width / 2 - ARROW, y), (end.x - end.width / 2, y)]
    return Wire(tuple(points), edge.local is None)
