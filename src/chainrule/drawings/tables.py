"""A computational graph as two tables of text: what its nodes hold, and what its edges carry."""

from ..calculus.graph import Edge, Graph, Node
from ..calculus.graph_terms import decimal
from ..calculus.graph_values import Plain, Values
from ..expression.printing import text

Row = tuple[str, ...]


def node_rows(graph: Graph, values: Values | None = None) -> tuple[Row, ...]:
    """For each node its name, role and formula; with values, its value and the derivative of the output by it."""

    def row(node: Node) -> Row:
        start = (text(node.symbol), node.role, "" if node.formula is None else text(node.formula))
        if values is None:
            return start
        return (*start, shown(values.numbers[node.name]), shown(values.adjoints.get(node.name)))

    return tuple(map(row, graph.nodes))


def edge_rows(graph: Graph, values: Values | None = None) -> tuple[Row, ...]:
    """For each edge that carries a derivative: from, to, how the derivative is written, its formula; with values, its value."""

    def row(edge: Edge) -> Row:
        assert edge.symbol is not None and edge.derivative is not None
        ends = (text(graph.node(edge.source).symbol), text(graph.node(edge.target).symbol))
        start = (*ends, text(edge.symbol), text(edge.derivative))
        return start if values is None else (*start, shown(values.local[edge.key]))

    return tuple(map(row, graph.active))


def shown(value: Plain) -> str:
    """A number, a vector or a matrix to four significant digits."""
    if value is None:
        return ""
    return f"({', '.join(map(shown, value))})" if isinstance(value, tuple) else text(decimal(value))
