"""Charts show their data, at the places the axes say, the same every time, and carry them along."""

import io
import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import pytest
from matplotlib.image import imread

from chainrule.drawings.charts import MARKS, OPEN, Chart, Field, Image, Series, Strip, draw_chart, figure_of
from chainrule.drawings.network_charts import (
    boundary_chart,
    costs_chart,
    digits_strip,
    errors_chart,
    loss_chart,
    vanishing_chart,
)
from chainrule.networks.differences import Cost, best_steps, example, example_errors
from chainrule.networks.digits import Digits, read_digits
from chainrule.networks.logistic import Logistic, logistic_regression
from chainrule.networks.vanishing import decay
from chainrule.plots import BLUE, plotted_data, same_picture

COSTS = (Cost(10, 1e-5, 2e-5, 2e-4, True), Cost(100, 1e-5, 2e-5, 2e-3, True), Cost(1000, 2e-5, 4e-5, 4e-2, False))


@lru_cache(maxsize=1)
def learned() -> Logistic:
    return logistic_regression(epochs=100)


@lru_cache(maxsize=1)
def read() -> Digits:
    return read_digits(epochs=6)


CHARTS: dict[str, Callable[[], Chart | Strip]] = {
    "vanishing": lambda: vanishing_chart([decay(name) for name in ("sigmoid", "tanh", "relu")]),
    "errors": lambda: errors_chart(example_errors(), best_steps(example().f, example().x)),
    "costs": lambda: costs_chart(COSTS),
    "loss": lambda: loss_chart(learned().losses),
    "boundary": lambda: boundary_chart(learned()),
    "digits": lambda: digits_strip(read()),
}
drawn = lru_cache(maxsize=None)(lambda name: draw_chart(CHARTS[name]()))


@pytest.mark.parametrize("name", CHARTS)
def test_an_svg_is_small_the_same_twice_and_names_no_program(name: str) -> None:
    svg = drawn(name)
    assert svg == draw_chart(CHARTS[name]())
    assert len(svg) < 100_000
    assert b"<text" not in svg and not re.search(rb"<dc:date|matplotlib.org|Matplotlib v", svg)


def test_a_pdf_is_the_same_twice() -> None:
    made = CHARTS["loss"]()
    assert draw_chart(made, "pdf") == draw_chart(made, "pdf")
    assert draw_chart(made, "pdf").startswith(b"%PDF")


def shifted(chart: Chart, by: float) -> Chart:
    """Every y a little larger, relative to itself."""
    series = (replace(s, y=tuple(None if v is None else v * (1 + by) for v in s.y)) for s in chart.series)
    return replace(chart, series=tuple(series))


@pytest.mark.parametrize("name", ["vanishing", "errors", "costs", "loss", "boundary"])
def test_pictures_are_the_same_to_a_relative_difference_of_1e_5_and_not_of_1e_3(name: str) -> None:
    chart = CHARTS[name]()
    assert isinstance(chart, Chart)
    assert same_picture(drawn(name), draw_chart(shifted(chart, 8e-6)))
    assert not same_picture(drawn(name), draw_chart(shifted(chart, 1e-3)))


def test_a_digit_read_otherwise_is_another_picture() -> None:
    strip = CHARTS["digits"]()
    assert isinstance(strip, Strip)
    first, *others = strip.images
    for changed in (replace(first, caption="8"), replace(first, rows=first.rows[::-1])):
        assert not same_picture(drawn("digits"), draw_chart(replace(strip, images=(changed, *others))))


def test_a_logarithmic_axis_carries_logarithms() -> None:
    chart = Chart("c", (Series("a", (1.0, 100.0), (1e-12, 1e3)), Series("b", (10.0,), (1e-6,), mark="ring")), x_log=True, y_log=True)  # fmt: skip
    (panel,) = plotted_data(draw_chart(chart))
    assert panel["curves"] == [{"role": "a", "span": [0.0, 2.0], "y": [-12.0, 3.0]}]
    assert panel["dots"] == [["b", 1.0, -6.0, False]]


def test_every_mark_and_every_side_can_be_drawn() -> None:
    for mark in MARKS:
        svg = draw_chart(Chart("c", (Series("a", (0.0, 1.0, 2.0), (0.0, None, 2.0), "name", mark=mark),)))
        dots = plotted_data(svg)[0]["dots"]
        assert [dot[3] for dot in dots] == ([mark not in OPEN] * 2 if mark else [])


def test_gaps_are_not_bridged() -> None:
    x = (0.0, 1.0, 2.0, 3.0, 4.0)
    for y, strokes in (((0.0, 1.0, 4.0, 1.0, 0.0), 1), ((0.0, 1.0, None, 1.0, 0.0), 2)):
        svg = draw_chart(Chart("c", (Series("a", x, y),))).decode()
        (path,) = re.findall(rf'<path d="([^"]*)"[^>]*style="[^"]*stroke: {BLUE}', svg)
        assert path.count("M") == strokes


def test_a_field_is_part_of_the_data() -> None:
    grid = tuple(i / 8 for i in range(9))
    field = Field(grid, grid, tuple(tuple(x * y for x in grid) for y in grid), (0.25, 0.5), (0.5,))
    other = replace(field, z=tuple(tuple(x * y * 0.9 for x in grid) for y in grid))
    one, two = (draw_chart(Chart("c", (Series("a", (0.0, 1.0), (0.0, 1.0)),), field=f)) for f in (field, other))
    assert not same_picture(one, two)


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_is_cut_off(name: str) -> None:
    """The outermost pixels are white."""
    pixels = imread(io.BytesIO(draw_chart(CHARTS[name](), "png")))[:, :, :3]
    assert pixels.min() < 0.5
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert edge.min() == 1


@pytest.mark.parametrize("name", [name for name in CHARTS if name != "digits"])
def test_words_are_arguments(name: str) -> None:
    own = {
        "vanishing": lambda: vanishing_chart([decay("sigmoid")], {"sigmoid": "S"}, "B", ("X", "Y")),
        "errors": lambda: errors_chart(example_errors(), (), {"forward": "F"}, "E", ("X", "Y")),
        "costs": lambda: costs_chart(COSTS, ("A", "B", "C"), ("X", "Y")),
        "loss": lambda: loss_chart(learned().losses, axes=("X", "Y")),
        "boundary": lambda: boundary_chart(learned(), ("A", "B"), ("X", "Y"), "C"),
    }[name]()
    assert (own.x_title, own.y_title) == ("X", "Y")


def test_the_boundary_lies_where_both_classes_are_as_probable() -> None:
    chart = boundary_chart(learned())
    (line,) = (s for s in chart.series if s.key == "boundary")
    [(weights, bias)] = learned().parameters
    for x, y in zip(line.x, line.y, strict=True):
        assert y is not None and -2.5 <= x <= 2.5 and -2.5 - 1e-9 <= y <= 2.5 + 1e-9
        assert weights[0] @ (x, y) + bias[0] == pytest.approx(0, abs=1e-9)
    classes = [s for s in chart.series if s.key in learned().classes]
    assert sum(len(s.x) for s in classes) == len(learned().y) == 100
    assert len({s.mark for s in classes}) == 2, "in grey, shapes tell the classes apart"


def test_the_strip_shows_each_digit_once_and_marks_what_was_misread() -> None:
    strip = digits_strip(read(), wrong=2)
    assert len(strip.images) == 12 and [i.marked for i in strip.images][-2:] == [True, True]
    for image, digit in zip(strip.images[:10], range(10), strict=True):
        assert image.caption == str(digit) or image.marked
    assert all(len(i.rows) == 8 and min(map(min, i.rows)) >= 0 and max(map(max, i.rows)) <= 1 for i in strip.images)


def test_extrapolated_times_are_open_and_measured_ones_full() -> None:
    (panel,) = figure_of(costs_chart(COSTS)).panels
    dots = {(d.role, d.closed) for d in panel.dots}
    assert {("differences", True), ("extrapolated", False), ("backward", True)} <= dots
    measured = costs_chart(COSTS[:2])
    assert "extrapolated" not in {s.key for s in measured.series}
    assert figure_of(costs_chart(COSTS[2:])).panels[0].dots


def test_the_bound_is_dashed_and_above_the_curve() -> None:
    chart = vanishing_chart([decay("sigmoid")])
    limit, curve = chart.series
    assert limit.line == "dashed" and chart.y_log
    assert all(a is not None and b is not None and a >= b > 0 for a, b in zip(limit.y, curve.y, strict=True))


def test_an_image_is_an_image() -> None:
    svg = draw_chart(Strip("s", (Image(((0.0, 1.0), (1.0, 0.0)), "x"),), 1))
    assert b"data:image/png" in svg and math.isclose(plotted_data(svg)[0]["curves"][0]["y"][0], 0.0)
