"""The picture of a network as SVG: formulas are outlines, as in the pictures of graphs."""

from ..networks.example import Example
from ..networks.network import Network
from .mathematics import short
from .network import DOT, Link, NetworkPicture, Unit, network_picture
from .network_labels import Label
from .svg import COLOURS, FILLS, LINE, RADIUS, document, letters_of, text_of

STRONG = COLOURS["derivative"]


def network_svg(network: Network, example: Example | None = None) -> bytes:
    """A network as SVG, from left to right: in each unit its value in blue and δ in red, on each wire the weight and its gradient. A large network has
    ellipses and no numbers."""
    made = network_picture(network, example)
    texts = [*made.texts, *(text for label in made.labels for text in label.texts)]
    letters, names = letters_of(texts)
    body = [
        *map(_link, made.links),
        *map(_halo, made.labels),
        *map(_unit, made.units),
        _loss(made),
        *(f'<circle cx="{short(x)}" cy="{short(y)}" r="{DOT:g}" fill="{LINE}"/>' for x, y in made.dots),
        *(text_of(text, names) for text in texts),
    ]
    return document(made.width, made.height, made.title, made.description, [*letters, *body])


def _link(link: Link) -> str:
    (x, y), (to_x, to_y) = link.start, link.end
    stroke = f'stroke="{STRONG}" stroke-width="1.6"' if link.strong else f'stroke="{LINE}" stroke-width="0.9"'
    return f'<path d="M{short(x)} {short(y)}L{short(to_x)} {short(to_y)}" fill="none" {stroke}/>'


def _halo(label: Label) -> str:
    """White behind the numbers, for a network so dense that they cover a wire."""
    places = (" ".join(f"{short(x)},{short(y)}" for x, y in box) for box in label.boxes)
    return "".join(f'<polygon points="{points}" fill="#ffffff"/>' for points in places)


def _unit(unit: Unit) -> str:
    dashes = ' stroke-dasharray="3 2.5"' if unit.kind == "parameter" else ""
    return (
        f'<circle cx="{short(unit.x)}" cy="{short(unit.y)}" r="{short(unit.radius)}" fill="{FILLS[unit.kind]}" '
        f'stroke="{LINE}" stroke-width="{1.6 if unit.kind == "output" else 1:g}"{dashes}/>'
    )


def _loss(made: NetworkPicture) -> str:
    box = made.loss
    return (
        f'<rect x="{short(box.x)}" y="{short(box.y)}" width="{short(box.width)}" height="{short(box.height)}" '
        f'rx="{RADIUS:g}" fill="#ffffff" stroke="{LINE}"/>'
    )
