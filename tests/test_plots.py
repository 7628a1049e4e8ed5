"""Plots show the data they should, the same on every machine, in small files."""

import math
import re
from dataclasses import replace
from itertools import pairwise

import pytest
import sympy
from sympy import exp, log
from test_report import ELU, RELU, SIGMOID, material, softmax

from chainrule.calculus.derive import derive_all
from chainrule.calculus.properties import Property
from chainrule.definition import Definition
from chainrule.errors import RenderError
from chainrule.notation import scalar
from chainrule.plots import draw, figures, plotted_data, same_picture
from chainrule.report import Figure, Material

x = scalar("x")
SATURATES = Property("saturation", {"left": True, "right": True})
FULL = Definition(
    SIGMOID.expression, wrt=x, symbol="sigma", name="sigmoid", kind="activation",
    construction=(exp(x), 1 + exp(-x), 1 / (1 + exp(-x))), companions={"negative_log": -log(1 / (1 + exp(-x)))},
)  # fmt: skip


def plot(made: Material, key: str = "function") -> Figure:
    return next(f for f in figures(made) if f.key == key)


def test_function_and_derivative_share_a_plot() -> None:
    (panel,) = plot(material(SIGMOID)).panels
    function, slope = panel.curves
    assert (function.role, slope.role) == ("function", "derivative")
    for at, y, s in zip(function.x, function.y, slope.y, strict=True):
        value = 1 / (1 + math.exp(-at))
        assert y == pytest.approx(value, rel=1e-5) and s == pytest.approx(value * (1 - value), rel=1e-4)


def test_saturation_is_shaded_where_the_derivative_is_below_a_hundredth() -> None:
    panel, logarithm = plot(material(SIGMOID, SATURATES)).panels
    (low, left), (right, high) = panel.shaded
    assert (
        (low, high) == (-6.0, 6.0) and left == pytest.approx(-4.585, abs=0.1) and right == pytest.approx(4.585, abs=0.1)
    )
    assert logarithm.logarithmic and logarithm.shaded == panel.shaded


def test_a_kink_has_an_open_and_a_closed_dot_and_breaks_the_derivative() -> None:
    (panel,) = plot(material(RELU)).panels
    assert sorted((d.role, d.x, d.y, d.closed) for d in panel.dots) == [
        ("derivative", 0.0, 0.0, True), ("derivative", 0.0, 1.0, False),
    ]  # fmt: skip
    assert None in panel.curves[1].y


def test_a_joint_that_is_smooth_at_the_defaults_has_no_dots() -> None:
    assert plot(material(ELU)).panels[0].dots == ()


def test_the_other_variables_are_held_where_the_definition_says() -> None:
    y = scalar("y")
    loss = Definition((x - y) ** 2, wrt=x, symbol="L", name="loss", kind="loss", plot_at={y: 1.0}, plot_range=(-1, 3))
    curve = plot(Material(loss, derive_all(loss))).panels[0].curves[0]
    assert curve.y[0] == pytest.approx(4) and curve.x[0] == -1 and curve.x[-1] == 3


def test_construction_and_companions_are_drawn_for_definitions_that_have_them() -> None:
    made = figures(material(FULL))
    assert [(f.key, f.name, len(f.panels)) for f in made] == [
        ("function", "sigmoid", 1),
        ("construction", "sigmoid-construction", 3),
        ("negative_log", "sigmoid-negative-log", 1),
    ]


def test_a_function_of_vectors_has_no_plot() -> None:
    assert figures(material(softmax())) == ()


@pytest.mark.parametrize("key", ["function", "construction", "negative_log"])
def test_an_svg_is_small_and_the_same_twice(key: str) -> None:
    figure = plot(material(FULL, SATURATES), key)
    svg = draw(figure)
    assert svg == draw(figure)
    assert len(svg) < 30_000
    assert b"<text" not in svg, "text must be paths: fonts differ between readers"
    assert not re.search(rb"<dc:date|matplotlib.org|Matplotlib v", svg)


def test_an_svg_carries_the_data_it_shows() -> None:
    figure = plot(material(RELU))
    (panel,) = plotted_data(draw(figure))
    assert panel["dots"] == [[d.role, d.x, d.y, d.closed] for d in figure.panels[0].dots]
    assert panel["curves"][0]["y"][0] == figure.panels[0].curves[0].y[0]
    with pytest.raises(RenderError, match="carries no data"):
        plotted_data(b"<svg/>")


def test_pictures_are_compared_by_their_data() -> None:
    figure = plot(material(SIGMOID))
    panel = figure.panels[0]
    curve = panel.curves[0]

    def moved(by: float) -> Figure:
        other = replace(curve, y=tuple(None if v is None else v + by for v in curve.y))
        return replace(figure, panels=(replace(panel, curves=(other, panel.curves[1])),))

    assert same_picture(draw(figure), draw(moved(1e-7)))
    assert not same_picture(draw(figure), draw(moved(1e-3)))


def test_a_pole_breaks_the_curve_and_does_not_stretch_the_plot() -> None:
    pole = Definition(
        1 / x, wrt=x, symbol="f", name="pole", kind="activation", domain={x: sympy.Interval.open(0, sympy.oo)}
    )
    figure = plot(Material(pole, derive_all(pole)))
    assert figure.panels[0].curves[0].x[0] > 0
    assert draw(figure)


def test_a_wave_is_sampled_where_it_bends_and_named_on_white() -> None:
    wave = Definition(sympy.cos(2 * sympy.pi * x), wrt=x, symbol="F", name="wave", kind="activation")
    figure = plot(Material(wave, derive_all(wave)))
    curve = figure.panels[0].curves[0]
    points = list(zip(curve.x, curve.y, strict=True))
    middles = [((a + b) / 2, (ya + yb) / 2) for (a, ya), (b, yb) in pairwise(points)]
    assert max(abs(y - math.cos(2 * math.pi * at)) for at, y in middles) < 0.01
    halo = b"opacity: 0.8"
    assert halo in draw(figure) and halo not in draw(plot(material(SIGMOID)))
