"""Computational graphs: what their edges say is verified, the three accumulations agree with numerical differentiation, counts are what is executed."""

import os
import random
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest
import sympy
from click.testing import CliRunner

import chainrule
from chainrule import Definition, drawings, graph, scalar
from chainrule.calculus.accumulation import Accumulation, count
from chainrule.calculus.graph import Graph
from chainrule.calculus.graph_ways import Count
from chainrule.calculus.growth import Measured, deepened, measured, number_of_paths
from chainrule.calculus.scopes import scope_of
from chainrule.catalogue import builtin, entries
from chainrule.cli import main
from chainrule.drawings.layout import Wire, picture
from chainrule.errors import ChainruleError, DefinitionError, UnknownName
from chainrule.expression.printing import text
from chainrule.expression.value import Point, Undefined, UnknownValue, evaluate
from chainrule.pdf import latex_pdf, typst_pdf
from chainrule.plots import plotted_data

a, b, c, d = (scalar(name) for name in "abcd")
TEXTBOOK = Definition(c * d, wrt=(a, b), symbol="e", where={c: a + b, d: b + 1})
AT = {"a": 2, "b": 1}
VECTORS = {
    "sigmoid_squared_error": {"w": [0.5, -1.0], "x": [1.0, 2.0], "b": 0.3, "y": 1.0},
    "softmax_cross_entropy": {"z": [0.5, -1.0, 2.0], "y": [0.0, 1.0, 0.0]},
    "layer_norm": {"x": [0.5, -1.0, 2.0], "gamma": [1.0, 1.5, 2.0], "beta": [0.0, 1.0, 0.0]},
}


def catalogued() -> list[str]:
    """Every definition of the catalogue with a named quantity."""
    found = []
    for name in entries((builtin(),)):
        left = chainrule.load(name).where
        if any(not isinstance(one, sympy.core.function.AppliedUndef) for one in left):
            found.append(name)
    return found


def a_random_definition(seed: int) -> tuple[Definition, dict[str, float]]:
    """A dozen named scalars, each made of two earlier ones at random."""
    rng = random.Random(seed)
    inputs = [scalar(f"x_{n}") for n in range(1, 4)]
    ways: list[Callable[[Any, Any], Any]] = [
        lambda u, v: u * v,
        lambda u, v: u + 2 * v,
        lambda u, v: sympy.tanh(u) - v,
        lambda u, v: u / (1 + v**2),
        lambda u, v: sympy.exp(-(u**2)) * v,
    ]
    known, where = list(inputs), {}
    for n in range(1, 9):
        u, v = rng.sample(known[-5:], 2)
        where[scalar(f"u_{n}")] = rng.choice(ways)(u, v)
        known.append(scalar(f"u_{n}"))
    last = known[-1] * known[-2] + known[-3]
    held = {x for formula in (last, *where.values()) for x in inputs if formula.has(x)}
    numbers = {str(x): rng.uniform(-1.5, 1.5) for x in inputs if x in held}
    return Definition(last, wrt=tuple(x for x in inputs if x in held), symbol="L", where=where), numbers


def numbers_in(value: Any) -> list[float]:
    return [x for part in value for x in numbers_in(part)] if isinstance(value, tuple | list) else [value]


def moved(numbers: dict[str, Any], name: str, place: int, by: float) -> dict[str, Any]:
    """The same point with one component of one input moved."""
    value = numbers[name]
    if not isinstance(value, list):
        return {**numbers, name: value + by}
    return {**numbers, name: [x + by * (n == place) for n, x in enumerate(value)]}


def slopes(made: Graph, numbers: dict[str, Any], name: str, h: float = 1e-5) -> list[float]:
    """The derivative of the output by an input, by central differences of its forward values."""
    found = []
    for place in range(len(numbers_in(numbers[name]))):
        high, low = (numbers_in(made.at(moved(numbers, name, place, s)).numbers[made.output.name]) for s in (h, -h))
        found.append([(p - q) / (2 * h) for p, q in zip(high, low, strict=True)])
    return [row[n] for n in range(len(found[0])) for row in found]


def written(accumulation: Accumulation) -> list[str]:
    return [" = ".join(map(text, (line.left, *line.rights))) for line in accumulation.lines]


# --- what a graph says


def test_the_named_equations_are_the_graph() -> None:
    made = graph(TEXTBOOK)
    assert [(n.name, n.role) for n in made.nodes] == [
        ("a", "input"), ("b", "input"), ("c", "named"), ("d", "named"), ("e", "output"),
    ]  # fmt: skip
    assert {e.key: text(e.derivative) for e in made.edges if e.derivative is not None} == {
        ("a", "c"): "1", ("b", "c"): "1", ("b", "d"): "1", ("c", "e"): "d", ("d", "e"): "c",
    }  # fmt: skip
    values = made.at(AT)
    assert values.numbers == {"a": 2, "b": 1, "c": 3, "d": 2, "e": 6}
    assert values.local == {("a", "c"): 1, ("b", "c"): 1, ("b", "d"): 1, ("c", "e"): 2, ("d", "e"): 3}
    assert values.adjoints == {"a": 2, "b": 5, "c": 2, "d": 3, "e": 1}
    assert values.tangents("b") == {"b": 1, "c": 1, "d": 1, "e": 5}


@pytest.mark.parametrize("name", catalogued())
def test_every_local_derivative_in_the_catalogue_is_derived_and_verified(name: str) -> None:
    made = graph(chainrule.load(name))
    assert made.active
    for edge in made.active:
        assert edge.derivation is not None
        chainrule.verify(edge.derivation).raise_if_failed()


def test_what_is_held_fixed_carries_a_value_and_no_derivative() -> None:
    made = graph(chainrule.load("sigmoid_squared_error"))
    assert [n.name for n in made.nodes if n.role == "parameter"] == ["x", "y"]
    assert {e.key for e in made.edges if e.derivation is None} == {("x", "z"), ("y", "L")}
    assert not {"x", "y"} & set(made.at(VECTORS["sigmoid_squared_error"]).adjoints)


def test_a_vector_is_one_node_and_its_edge_the_jacobian_in_components() -> None:
    made = graph(chainrule.load("softmax_cross_entropy"))
    (edge,) = (e for e in made.edges if e.key == ("z", "s"))
    assert edge.symbol is not None and edge.derivative is not None
    assert (text(edge.symbol), text(edge.derivative)) == ("∂sᵢ/∂zⱼ", "sᵢ (δᵢⱼ - sⱼ)")


def test_a_parameter_with_a_default_needs_no_number() -> None:
    assert graph(chainrule.load("layer_norm")).at(VECTORS["layer_norm"]).numbers["epsilon"] == 1e-5


# --- the three accumulations


@pytest.mark.parametrize("seed", range(6))
def test_the_three_ways_agree_with_numerical_differentiation(seed: int) -> None:
    definition, numbers = a_random_definition(seed)
    made = graph(definition)
    adjoints = made.at(numbers).adjoints
    for node in made.nodes:
        if node.role != "input":
            continue
        (slope,) = slopes(made, numbers, node.name)
        assert adjoints[node.name] == pytest.approx(slope, rel=1e-6, abs=1e-8)
        for way in (made.by_paths(node.name, numbers), made.reverse(numbers)):
            assert way.derivatives[node.name] == pytest.approx(adjoints[node.name], rel=1e-12, abs=1e-14)
        forward = made.forward(node.name, numbers).derivatives
        assert forward["L"] == pytest.approx(adjoints[node.name], rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("name", VECTORS)
def test_the_three_ways_agree_on_vectors(name: str) -> None:
    made, numbers = graph(chainrule.load(name)), VECTORS[name]
    values, reverse = made.at(numbers), made.reverse(numbers)
    for node in made.nodes:
        if node.role != "input":
            continue
        expected = slopes(made, numbers, node.name)
        ways = (
            values.adjoints[node.name],
            reverse.derivatives[node.name],
            made.by_paths(node.name, numbers).derivatives[node.name],
            made.forward(node.name, numbers).derivatives[made.output.name],
            values.tangents(node.name)[made.output.name],
        )
        for found in ways:
            assert numbers_in(found) == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_the_lines_are_those_of_a_textbook() -> None:
    made = graph(TEXTBOOK)
    both = "∂e/∂b = ∂e/∂c · ∂c/∂b + ∂e/∂d · ∂d/∂b"
    assert written(made.by_paths("b", AT)) == [f"{both} = d · 1 + c · 1 = 2 · 1 + 3 · 1 = 5"]
    assert written(made.forward("b", AT)) == [
        "∂b/∂b = 1",
        "∂c/∂b = 1",
        "∂d/∂b = 1",
        f"{both} = d · ∂c/∂b + c · ∂d/∂b = 2 · 1 + 3 · 1 = 5",
    ]
    assert written(made.reverse(AT)) == [
        "∂e/∂e = 1",
        "∂e/∂d = c = 3",
        "∂e/∂c = d = 2",
        f"{both} = ∂e/∂c · 1 + ∂e/∂d · 1 = 2 · 1 + 3 · 1 = 5",
        "∂e/∂a = ∂e/∂c · ∂c/∂a = ∂e/∂c · 1 = 2 · 1 = 2",
    ]
    assert written(made.reverse())[-1] == "∂e/∂a = ∂e/∂c · ∂c/∂a = ∂e/∂c · 1"


def test_on_vectors_a_line_sums_over_components_and_no_index_means_two_things() -> None:
    found = written(graph(chainrule.load("layer_norm")).by_paths("x", VECTORS["layer_norm"]))[0]
    assert (
        "Σₖ ∂yᵢ/∂x̂ₖ · ∂x̂ₖ/∂xⱼ = " in found
        and "Σₖ γᵢ δᵢₖ · (-x̂ₖ/s) · 1/(2 √(v + ε)) · (-2/K · Σₗ (xₗ - μ)) · 1/K" in found
    )


@pytest.mark.parametrize("name", ["computational_graph", "sigmoid_squared_error", "softmax_cross_entropy"])
def test_every_line_holds(name: str) -> None:
    """Each side has one value, pending derivatives by numerical differentiation of the whole definition."""
    definition = chainrule.load(name)
    numbers: dict[str, Any] = VECTORS.get(name, AT)
    made = graph(definition)
    scope = scope_of(definition, a, chainrule.derive)
    point = Point(
        {key: sympy.Float(v, 50)._to_mpmath(170) for key, v in numbers.items() if not isinstance(v, list)},
        {
            key: tuple(sympy.Float(x, 50)._to_mpmath(170) for x in v)
            for key, v in numbers.items()
            if isinstance(v, list)
        },
        {dimension: 3 if dimension == "K" else 2 for n in made.nodes for dimension in n.dimensions},
        {"i": 0, "j": 1, "k": 1},
    )
    inputs = [n.name for n in made.nodes if n.role == "input"]
    ways = [made.reverse(numbers), *(way(x, numbers) for x in inputs for way in (made.by_paths, made.forward))]
    for line in (line for way in ways for line in way.lines):
        expected = evaluate(line.left, point, scope)
        for right in line.rights:
            assert float(evaluate(right, point, scope)) == pytest.approx(float(expected), rel=1e-9), text(right)


def test_where_a_path_is_a_shortcut_the_derivative_along_all_paths_is_written_with_d() -> None:
    u = scalar("u")
    made = graph(Definition(u * a, wrt=a, symbol="f", where={u: a**2}))
    assert made.has_shortcuts and not graph(TEXTBOOK).has_shortcuts
    assert written(made.by_paths("a", {"a": 3}))[0] == "df/da = ∂f/∂u · ∂u/∂a + ∂f/∂a = a · 2 a + u = 3 · 6 + 9 = 27"


# --- counts


def test_the_counts_of_the_textbook_example() -> None:
    """By paths: a has one path of two edges, 1 multiplication; b has two, 2 multiplications and 1 addition. Forward: the edges out of the
    input are its first derivatives; each of a and b then passes c, b also d. Reverse: the two edges into e are given, the three others cost
    one multiplication each, and b adds two terms. So all do the same work here."""
    made = graph(TEXTBOOK)
    assert [made.by_paths(name).count for name in "ab"] == [Count(1, 0), Count(2, 1)]
    assert [made.forward(name).count for name in "ab"] == [Count(1, 0), Count(2, 1)]
    assert made.reverse().count == Count(3, 1)


def test_what_is_counted_is_what_is_executed() -> None:
    """Numbers that tell when they are multiplied and added count the same."""
    done = {"*": 0, "+": 0}

    class Telling:
        def __init__(self, value: float) -> None:
            self.value = value

        def __mul__(self, other: "Telling") -> "Telling":
            done["*"] += 1
            return Telling(self.value * other.value)

        def __add__(self, other: "Telling") -> "Telling":
            done["+"] += 1
            return Telling(self.value + other.value)

    from chainrule.calculus import graph_ways as ways

    made = graph(deepened(4))
    weights = {edge.key: {((), ()): Telling(1.0)} for edge in made.active}
    for run in (
        lambda tally: ways.reverse(made, weights, tally),
        lambda tally: ways.forward(made, "b", weights, tally),
        lambda tally: ways.by_paths(made, "b", weights, tally),
    ):
        done.update({"*": 0, "+": 0})
        tally = ways.Tally()
        run(tally)
        assert tally.count == Count(done["*"], done["+"]) and done["*"] > 0


def test_paths_double_with_every_level_and_reverse_accumulation_grows_linearly() -> None:
    rows = measured(range(1, 13))
    made = graph(deepened(5))
    assert number_of_paths(made, "b") == len(list(made.paths("b"))) == 2**5
    for row in rows:
        assert row.by_paths is not None and row.paths == 2 ** (row.depth + 1) - 1
        assert row.reverse == Count(5 * row.depth - 2, 2 * row.depth - 1)
        assert row.forward.multiplications <= 2 * row.edges
    growth = [after.by_paths.multiplications / row.by_paths.multiplications for row, after in pairs(rows)]
    assert min(growth) > 2
    (deep,) = measured([50])
    assert deep.by_paths is None and deep.reverse == Count(248, 99) and deep.paths == 2**51 - 1


def pairs(rows: tuple[Measured, ...]) -> Iterator[tuple[Any, Any]]:
    return pairwise(rows)


def test_the_derivatives_of_a_deepened_graph_are_right() -> None:
    made = graph(deepened(3))
    numbers = {"a": 0.5, "b": 0.25}
    for name in numbers:
        assert made.at(numbers).adjoints[name] == pytest.approx(slopes(made, numbers, name)[0], rel=1e-7)


# --- drawings


def drawn() -> list[tuple[str, Graph, Any]]:
    wide = {c: a + 1, d: sympy.exp(-(a**2)) * sympy.tanh(a) + a + b}
    uneven = graph(Definition(c * d, wrt=(a, b), symbol="e", where=wide))
    graphs = [("textbook", graph(TEXTBOOK), AT), ("uneven", uneven, AT), ("deepened", graph(deepened(3)), AT)]
    return graphs + [(name, graph(chainrule.load(name)), numbers) for name, numbers in VECTORS.items()]


DRAWN = drawn()
IDS = [name for name, _, _ in DRAWN]


@pytest.mark.parametrize(("_", "made", "numbers"), DRAWN, ids=IDS)
def test_an_svg_is_well_formed_and_says_what_it_shows(_: str, made: Graph, numbers: Any) -> None:
    root = ET.fromstring(drawings.svg(made, made.at(numbers)))
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}rect")) == len(made.nodes) + 1  # and the ground
    described = root.findtext(f"{space}desc") or ""
    for edge in made.active:
        assert edge.symbol is not None and text(edge.symbol) in described
    names = {part.get("id") for part in root.iter(f"{space}path") if part.get("id")}
    assert names >= {part.get("href", "")[1:] for part in root.iter(f"{space}use")} and names


@pytest.mark.parametrize(("_", "made", "numbers"), DRAWN, ids=IDS)
@pytest.mark.parametrize("valued", [True, False])
def test_nothing_overlaps_and_wires_run_from_left_to_right(_: str, made: Graph, numbers: Any, valued: bool) -> None:
    found = picture(made, made.at(numbers) if valued else None)
    boxes = [(f.x, f.y, f.x + f.width, f.y + f.height) for f in found.frames]
    texts = [
        (t.x - t.extent.width / 2, t.y - t.extent.above, t.x + t.extent.width / 2, t.y + t.extent.below)
        for t in found.texts
    ]
    for one, other in combinations(boxes, 2):
        assert apart(one, other)
    for one, other in combinations(texts, 2):
        assert apart(one, other)
    for label in texts:
        assert all(apart(label, box) or inside(label, box) for box in boxes)
        assert inside(label, (0.0, 0.0, found.width, found.height))
    for wire in found.wires:
        places = [x for x, _ in wire.points]
        assert places == sorted(places)
        for (x, _), (to_x, _) in zip(wire.points[1:-1:2], wire.points[2:-1:2], strict=True):
            assert all(right <= x + 0.01 or left >= to_x - 0.01 for left, _, right, _ in (*texts, *boxes))
        for x, y in along(wire):
            assert not any(
                left + 0.01 < x < right - 0.01 and top < y < bottom for left, top, right, bottom in (*texts, *boxes)
            )


def test_graphs_without_crossings_are_drawn_without() -> None:
    for name, made, numbers in DRAWN:
        wires = picture(made, made.at(numbers)).wires
        bends = [bend for wire in wires for bend in zip(wire.points[1:-1:2], wire.points[2:-1:2], strict=True)]
        for (p, q), (r, s) in combinations(bends, 2):
            if abs(p[0] - r[0]) < 40 and abs(q[0] - s[0]) < 40:
                assert (p[1] - r[1]) * (q[1] - s[1]) >= 0, name


def along(wire: Wire) -> Iterator[tuple[float, float]]:
    """Points of a wire: level stretches, and between them bends that leave and arrive level."""
    for n, ((x, y), (to_x, to_y)) in enumerate(pairwise(wire.points)):
        assert n % 2 or y == to_y
        for part in (k / 40 for k in range(41)):
            yield x + (to_x - x) * (1.5 * part * (1 - part) + part**3), y + (to_y - y) * (3 * part**2 - 2 * part**3)


def apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def inside(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] >= other[0] and one[1] >= other[1] and one[2] <= other[2] and one[3] <= other[3]


def test_drawings_are_the_same_bytes_in_every_process() -> None:
    code = (
        "import chainrule, sys; from chainrule import drawings; from chainrule.calculus.growth import deepened;"
        "made = chainrule.graph(deepened(3)); values = made.at({'a': 2, 'b': 1});"
        "sys.stdout.buffer.write(drawings.svg(made, values) + drawings.tikz(made, values).encode())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    rng, held, seen = random.Random(1), list[Any](), set[bytes]()
    _, made, numbers = DRAWN[-1]
    for _ in range(6):  # objects lie elsewhere in memory each time
        held.append([bytearray(rng.randrange(400)) for _ in range(rng.randrange(3000))])
        seen.add(drawings.svg(made, made.at(numbers)))
    assert len(seen) == 1
    made = graph(deepened(3))
    values = made.at(AT)
    assert outputs == {drawings.svg(made, values) + drawings.tikz(made, values).encode()}


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="latexmk is not installed")
@pytest.mark.parametrize(("_", "made", "numbers"), DRAWN[-2:], ids=IDS[-2:])
def test_tikz_compiles(_: str, made: Graph, numbers: Any) -> None:
    assert latex_pdf(drawings.tikz_document(made, made.at(numbers)), {}).startswith(b"%PDF")


def test_typst_embeds_the_svg() -> None:
    made = graph(TEXTBOOK)
    source = '#set document(title: "graph")\n#image("graph.svg", alt: "graph")'
    assert typst_pdf(source, {"graph.svg": drawings.svg(made, made.at(AT))}).startswith(b"%PDF")


def test_a_formula_that_cannot_be_drawn_is_shown_by_its_name() -> None:
    u = scalar("u")
    cases = Definition(u**2, wrt=a, symbol="f", where={u: sympy.Piecewise((a, a > 0), (2 * a, True))})
    assert [t.plain for t in picture(graph(cases)).texts][:2] == ["a", "u"]


def test_the_tables_of_a_graph() -> None:
    made = graph(TEXTBOOK)
    assert drawings.node_rows(made)[2] == ("c", "named", "a + b")
    assert drawings.edge_rows(made, made.at(AT))[-1] == ("d", "e", "∂e/∂d", "c", "3")


def test_the_plot_of_the_counts_shows_the_counts() -> None:
    rows = measured([1, 2, 4, 16])
    figure = drawings.growth_figure(rows)
    (panel,) = plotted_data(drawings.draw_growth(figure))
    assert [curve["role"] for curve in panel["curves"]] == ["by_paths", "forward", "reverse"]
    assert figure.panels[0].curves[0].y == (3.0, 19.0, 195.0, None)
    assert drawings.draw_growth(figure) == drawings.draw_growth(figure)


def test_the_command_prints_both_tables_and_draws(tmp_path: Path) -> None:
    file = tmp_path / "graph.svg"
    run = CliRunner().invoke(main, ["graph", "computational_graph", "--at", "a=2, b=1", "--svg", str(file)])
    assert run.exit_code == 0, run.output
    rows = [" ".join(line.split()) for line in run.output.splitlines()]
    assert "b input 1 5" in rows and "d e ∂e/∂d c 3" in rows
    ET.fromstring(file.read_bytes())
    wrong = CliRunner().invoke(main, ["graph", "computational_graph", "--at", "a=two"])
    assert wrong.exit_code == 2 and "does not read as" in wrong.output


# --- what is refused


def refused(error: type[ChainruleError], message: str, work: Callable[[], object]) -> None:
    with pytest.raises(error) as caught:
        work()
    assert message in str(caught.value)


def test_a_definition_without_named_equations_has_no_graph() -> None:
    refused(DefinitionError, "names no intermediate quantity", lambda: graph(chainrule.load("sigmoid")))


def test_equations_in_a_circle_are_refused() -> None:
    circle = {c: d + a, d: 2 * c}
    refused(DefinitionError, "use each other", lambda: Definition(c + a, wrt=a, symbol="f", where=circle))


def test_numbers_that_are_missing_unknown_or_misfit_are_refused() -> None:
    made, norm = graph(TEXTBOOK), graph(chainrule.load("layer_norm"))
    refused(UnknownValue, "no number for b", lambda: made.at({"a": 1}))
    refused(UnknownName, "the graph has no 'q'", lambda: made.at({**AT, "q": 1}))
    refused(UnknownName, "c is computed: give numbers for a, b", lambda: made.at({**AT, "c": 1}))
    refused(UnknownValue, "a = 'two': give a number", lambda: made.at({"a": "two", "b": 1}))
    refused(UnknownValue, "do not fit", lambda: norm.at({"x": [1, 2], "gamma": [1], "beta": [1, 2]}))
    refused(UnknownValue, "its numbers have more", lambda: made.at({"a": [1], "b": 1}))
    refused(UnknownValue, "do not fit", lambda: norm.at({"x": 1, "gamma": [1], "beta": [1]}))


def test_what_is_not_finite_is_refused() -> None:
    u = scalar("u")
    root = graph(Definition(1 / u, wrt=a, symbol="f", where={u: a**2}))
    refused(Undefined, "f has no finite value at these numbers", lambda: root.at({"a": 0}))
    refused(Undefined, "a = inf is not finite", lambda: root.at({"a": float("inf")}))


def test_derivatives_by_what_is_unknown_or_fixed_are_refused() -> None:
    made = graph(chainrule.load("sigmoid_squared_error"))
    refused(UnknownName, "the graph has no 'q'", lambda: made.by_paths("q"))
    refused(UnknownName, "y is held fixed", lambda: made.forward("y"))
    refused(UnknownName, "y is held fixed", lambda: list(made.paths("y")))
    refused(UnknownValue, "can be counted at numbers only", lambda: count(made, "reverse"))
