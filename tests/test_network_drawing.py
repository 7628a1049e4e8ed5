"""The picture of a network: nothing covers anything else, and its bytes are the same every time."""

import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache, partial
from itertools import combinations
from math import cos, hypot, radians, sin

import pytest

from chainrule.drawings import network_picture, network_svg, network_tikz, network_tikz_document
from chainrule.networks import mlp
from chainrule.networks.example import example
from chainrule.pdf import latex_pdf, typst_pdf

NUMBERED = (
    mlp([2, 2, 1], "sigmoid", "sigmoid", "binary_cross_entropy"),
    mlp([2, 3, 1], "tanh"),
    mlp([3, 4, 2], "tanh", "softmax", "categorical_cross_entropy"),
    mlp([4, 3, 3, 2], "tanh", "softmax", "sparse_categorical_cross_entropy"),
)
BARE = (
    mlp([2, 2, 1], "sigmoid", "sigmoid", "binary_cross_entropy"),
    mlp([64, 32, 10], "relu", "softmax", "categorical_cross_entropy"),
    mlp([3, 4, 4, 4, 4, 4, 2]),
    mlp([5, 1]),
    mlp([2, 2, 2, 2, 2]),
)
example_of = cache(example)
PICTURES = {
    **{f"{network} with numbers": lambda n=network: network_picture(n, example_of(n)) for network in NUMBERED},
    **{str(network): partial(network_picture, network) for network in BARE},
}
SLACK = 0.3
"""Letters may come this near in points, rounding included."""


def corners(text):
    """The corners of the box around a formula, turned as it is."""
    e, (across, down) = text.extent, (cos(radians(text.angle)), sin(radians(text.angle)))
    box = [(-e.width / 2, -e.above), (e.width / 2, -e.above), (e.width / 2, e.below), (-e.width / 2, e.below)]
    return [(text.x + a * across - b * down, text.y + a * down + b * across) for a, b in box]


def apart(one, other):
    """Whether a side of one of two convex polygons separates them; a wire is a polygon of two corners."""
    for polygon in (one, other):
        for (x, y), (to_x, to_y) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            long = hypot(to_x - x, to_y - y)
            across, down = (to_y - y) / long, (x - to_x) / long
            here, there = ([a * across + b * down for a, b in p] for p in (one, other))
            if min(here) > max(there) - SLACK or min(there) > max(here) - SLACK:
                return True
    return False


def faults(picture):
    """What covers something: formulas formulas, formulas wires and circles; what sticks out."""
    inside, along = list(picture.texts), [text for label in picture.labels for text in label.texts]
    boxes = [(text.plain, corners(text)) for text in (*inside, *along)]
    found = [f"{a[0]} on {b[0]}" for a, b in combinations(boxes, 2) if not apart(a[1], b[1])]
    for text, box in [(t, corners(t)) for t in along]:
        found += [f"{text.plain} on a wire" for k in picture.links if not apart(box, [k.start, k.end])]
    for text in along:
        found += [
            f"{text.plain} on {u.place}"
            for u in picture.units
            for x, y in corners(text)
            if hypot(x - u.x, y - u.y) < u.radius
        ]
    for unit in picture.units:
        lines = [t for t in inside if hypot(t.x - unit.x, t.y - unit.y) < unit.radius]
        found += [] if lines else [f"nothing in {unit.place}"]
        found += [
            f"{t.plain} leaves {unit.place}"
            for t in lines
            for x, y in corners(t)
            if hypot(x - unit.x, y - unit.y) > unit.radius
        ]
    found += [
        f"{name} is cut"
        for name, box in boxes
        for x, y in box
        if not (0 <= x <= picture.width and 0 <= y <= picture.height)
    ]
    found += [
        f"{a.place} on {b.place}"
        for a, b in combinations(picture.units, 2)
        if hypot(a.x - b.x, a.y - b.y) < a.radius + b.radius
    ]
    found += [
        f"{u.place} is cut"
        for u in picture.units
        if not (u.radius <= u.x <= picture.width - u.radius and u.radius <= u.y <= picture.height - u.radius)
    ]
    return found


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_covers_anything_else(name):
    assert faults(PICTURES[name]()) == []


def test_a_label_that_is_moved_is_seen():
    picture = PICTURES["2-2-1 with numbers"]()
    first, *others = picture.labels
    text = first.texts[0]
    for x, y in ((others[0].texts[0].x, others[0].texts[0].y), (picture.units[0].x, picture.units[0].y), (-20.0, 10.0)):
        moved = replace(first, texts=(replace(text, x=x, y=y), *first.texts[1:]))
        assert faults(replace(picture, labels=(moved, *others)))
    wire = picture.links[-2]
    middle = ((wire.start[0] + wire.end[0]) / 2, (wire.start[1] + wire.end[1]) / 2)
    moved = replace(first, texts=(replace(text, x=middle[0], y=middle[1]),))
    assert any("on a wire" in fault for fault in faults(replace(picture, labels=(moved, *others))))


def test_a_large_network_has_ellipses_and_no_numbers():
    network = BARE[1]
    picture = network_picture(network)
    assert len(picture.dots) == 9
    assert [u.place for u in picture.units if u.kind == "input"] == [(0, 1), (0, 2), (0, 64)]
    assert not picture.labels and not picture.numbers
    deep = network_picture(BARE[2])
    assert {u.place[0] for u in deep.units} == {0, 1, 5, 6}
    assert len(deep.dots) == 3


def test_units_carry_value_and_delta_and_wires_weight_and_gradient():
    network = NUMBERED[0]
    picture = PICTURES["2-2-1 with numbers"]()
    colours = {text.plain: text.colour for text in picture.texts}
    numbers = example_of(network).numbers
    assert colours[picture.numbers["a", 2, (1,)]] == "value"
    assert colours[picture.numbers["delta", 2, (1,)]] == "derivative"
    assert sum(link.strong for link in picture.links) == 2
    shown = [[text.colour for text in label.texts] for label in picture.labels]
    assert shown == [["value", "derivative"]] * 9
    assert len({key for key in numbers if key[0] in ("dW", "db")}) == 9
    assert [text.plain for label in picture.labels for text in label.texts if "=" in text.plain] == [
        "W₂,₁¹ = -1.1",
        "W₁,₂² = 1.2",
    ]


@pytest.mark.parametrize("network", NUMBERED[:2], ids=str)
def test_bytes_are_the_same_every_time(network):
    first = network_svg(network, example_of(network)), network_tikz(network, example_of(network))
    network_picture.cache_clear()
    assert (network_svg(network, example(network)), network_tikz(network, example(network))) == first
    root = ET.fromstring(first[0])
    assert root.find("{http://www.w3.org/2000/svg}title").text == str(network)


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="latexmk is not installed")
def test_tikz_compiles():
    network = NUMBERED[0]
    assert latex_pdf(network_tikz_document(network, example_of(network)), {}).startswith(b"%PDF")


def test_typst_embeds_the_svg():
    source = '#set document(title: "network")\n#image("network.svg", alt: "network")'
    assert typst_pdf(source, {"network.svg": network_svg(BARE[1])}).startswith(b"%PDF")
