"""The picture of a network as TikZ: the same places, the labels set by LaTeX itself. It needs tikz, amsmath and xcolor."""

from ..networks.example import Example
from ..networks.network import Network
from .mathematics import short
from .network import DOT, Link, LossBox, Unit, network_picture
from .network_labels import Label
from .svg import RADIUS
from .tikz import at, document, environment, text_of


def network_tikz(network: Network, example: Example | None = None) -> str:
    """A network as a ``tikzpicture``."""
    made = network_picture(network, example)
    body = [
        *map(_link, made.links),
        *map(_halo, made.labels),
        *map(_unit, made.units),
        _loss(made.loss),
        *(rf"\fill[graph-line] {at(x, y)} circle[radius={DOT:g}pt];" for x, y in made.dots),
        *map(text_of, (*made.texts, *(text for label in made.labels for text in label.texts))),
    ]
    return environment(made.width, made.height, body)


def network_tikz_document(network: Network, example: Example | None = None) -> str:
    """A LaTeX document that holds nothing but the picture, on a page of its size."""
    made = network_picture(network, example)
    return document(made.width, made.height, network_tikz(network, example))


def _link(link: Link) -> str:
    style = "graph-derivative, line width=1.2pt" if link.strong else "graph-line, line width=0.7pt"
    return rf"\draw[{style}] {at(*link.start)} -- {at(*link.end)};"


def _halo(label: Label) -> str:
    return "".join(rf"\fill[white] {' -- '.join(at(x, y) for x, y in box)} -- cycle;" for box in label.boxes)


def _unit(unit: Unit) -> str:
    style = f"graph-line, fill=graph-{unit.kind}"
    style += {"output": ", line width=1.2pt", "parameter": ", dashed"}.get(unit.kind, "")
    return rf"\draw[{style}] {at(unit.x, unit.y)} circle[radius={short(unit.radius)}pt];"


def _loss(box: LossBox) -> str:
    style = f"graph-line, fill=white, rounded corners={RADIUS:g}pt"
    return rf"\draw[{style}] {at(box.x, box.y)} rectangle {at(box.x + box.width, box.y + box.height)};"
