"""Networks: how derivation grows with depth, how fast a training step of the generated code is, what accuracy it reaches, what
differences cost in place of it.

python benchmarks/networks.py                 everything; writes benchmarks/networks.md and src/chainrule/data/backward_cost.csv
python benchmarks/networks.py --only chain    one part (chain, layers, step, digits, cost), whose section of the page is written anew

Chains and layers are derived in processes of their own, forked after the imports with SymPy's cache emptied. Training steps of ours and of PyTorch take
turns in blocks, since the threads of one library still wait, and take a core, in the first steps of the other; the least counts. Both compute loss and
gradients of the same parameters and batch, which are compared first. The peers (torch, scikit-learn) are not dependencies of chainrule: what is not
installed is left out, and the page says so.
"""

import csv
import datetime
import io
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np
import sympy
from sympy.core.cache import clear_cache

import chainrule
from chainrule import Definition, scalar, use
from chainrule.calculus.forms import forms
from chainrule.calculus.graph import graph
from chainrule.expression import tree as t
from chainrule.networks import Network, equations, mlp
from chainrule.networks.digits import digits_data, read_digits

OUTPUT = Path(__file__).with_suffix(".md")
TABLE = Path(chainrule.__file__).parent / "data" / "backward_cost.csv"
ACCURACY = TABLE.with_name("digits_accuracy.csv")
FORK = get_context("fork")
LENGTHS = (8, 16, 32, 64, 128, 256)
DEPTHS = (10, 25, 50, 100)
SYMPY_LIMIT = 32
REPEATS = 3
ROUNDS, BLOCK = 12, 25
WIDTHS, BATCH = (784, 256, 128, 10), 128
SEEDS = range(5)
EPOCHS, RATE, SIZE, HIDDEN, L2 = 60, 0.2, 32, 32, 1e-3
COSTS = ((1, 3), (7, 11), (25, 37), (99, 99), (367, 271), (999, 999))
"""Inputs and hidden units of networks with one output that have 10, 100, …, 10⁶ parameters."""
STEP = 1e-5
MEASURED = 100_000
"""Up to so many parameters the differences are really taken."""
SAMPLES = 32


def forked(work: Callable[[Any], Any], argument: Any, repeats: int = REPEATS) -> tuple[float, Any]:
    """The least time of some runs, each in a process of its own, and what the last returned."""
    found = []
    for _ in range(repeats):
        ours, theirs = FORK.Pipe(duplex=False)
        process = FORK.Process(target=_timed, args=(work, argument, theirs))
        process.start()
        theirs.close()  # so that a process that fails ends the wait
        found.append(ours.recv())
        process.join()
    return min(seconds for seconds, _ in found), found[-1][1]


def _timed(work: Callable[[Any], Any], argument: Any, pipe: Any) -> None:
    clear_cache()
    start = time.perf_counter()
    result = work(argument)
    pipe.send((time.perf_counter() - start, result))


# ---------------------------------------------------------------- a chain of named equations


def chain(length: int) -> tuple[int, int]:
    """∂L/∂w₁ of L = σ(w_L σ(… σ(w₁ x))) through a_k = σ(w_k a_{k-1}): the number of results, local derivatives and the products of the way back, and the nodes in their trees."""
    sigmoid, before = use("sigmoid"), scalar("x")
    weights = [scalar(f"w_{k}") for k in range(1, length + 1)]
    where = {}
    for k, w in enumerate(weights, 1):
        where[scalar(f"a_{k}")] = sigmoid(w * before)
        before = scalar(f"a_{k}")
    definition = Definition(before, wrt=weights[0], where=where, uses=(sigmoid,), symbol="L", kind="loss")
    made = graph(definition)
    local = [edge.derivative for edge in made.active]
    products = [line.rights[0] for line in made.reverse().lines]
    return len(local), sum(map(t.size, (*local, *products)))


def chain_again(length: int) -> float:
    """The seconds of a chain in a process that has derived one before."""
    chain(3)
    clear_cache()
    start = time.perf_counter()
    chain(length)
    return time.perf_counter() - start


def sympy_chain(length: int) -> int:
    """The same by SymPy's diff of the whole formula: the operations in the result."""
    sys.setrecursionlimit(100_000)
    value: Any = sympy.Symbol("x")
    for k in range(1, length + 1):
        value = 1 / (1 + sympy.exp(-sympy.Symbol(f"w_{k}") * value))
    return int(sympy.count_ops(sympy.diff(value, sympy.Symbol("w_1"))))


def chain_rows() -> Iterator[str]:
    yield "| L | chainrule, s | σ and a link known, s | nodes in all results | SymPy `diff`, s | operations in SymPy's result |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for length in LENGTHS:
        seconds, (_, size) = forked(chain, length)
        again = min(forked(chain_again, length, 1)[1] for _ in range(REPEATS))
        ours = f"| {length} | {seconds:.2f} | {again:.2f} | {size} |"
        if length <= SYMPY_LIMIT:
            theirs, operations = forked(sympy_chain, length)
            yield f"{ours} {theirs:.2f} | {operations} |"
        else:
            yield f"{ours} not run | |"


# ---------------------------------------------------------------- layers


def layers(depth: int) -> int:
    """All equations of a batch of a network with tanh layers: their number."""
    found = equations(mlp([4] * depth + [1], "tanh", "sigmoid", "binary_cross_entropy", 0.01), batch=True)
    return len(found.forward) + len(found.backward)


def layer_rows() -> Iterator[str]:
    yield "| layers | derived in, s | equations |"
    yield "|---:|---:|---:|"
    for depth in DEPTHS:
        seconds, count = forked(layers, depth)
        yield f"| {depth} | {seconds:.2f} | {count} |"


# ---------------------------------------------------------------- a training step


def step_rows() -> Iterator[str]:
    try:
        import torch
    except ImportError:
        yield "PyTorch is not installed here, so nothing was compared."
        return
    torch.set_num_threads(2)
    yield "| hidden | target | chainrule, ms | with checks of the arguments, ms | PyTorch, ms | chainrule / PyTorch | largest difference of a gradient |"
    yield "|---|---|---:|---:|---:|---:|---:|"
    modules = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid, "gelu": torch.nn.GELU}
    for hidden, module in modules.items():
        yield _step(torch, hidden, module, "sparse_categorical_cross_entropy")
    yield _step(torch, "relu", torch.nn.ReLU, "categorical_cross_entropy")


def _step(torch: Any, hidden: str, module: Any, loss: str) -> str:
    network = mlp(WIDTHS, hidden, "softmax", loss)
    code, parameters = network.compile(), network.initial(0, "float32")
    random = np.random.default_rng(0)
    X = random.normal(size=(BATCH, WIDTHS[0])).astype("float32")
    classes = random.integers(0, WIDTHS[-1], BATCH)
    Y = classes if network.target.of_class else np.eye(WIDTHS[-1], dtype="float32")[classes]
    linear = [torch.nn.Linear(a, b) for a, b in pairwise(WIDTHS)]
    model = torch.nn.Sequential(*[m for each in linear for m in (each, module())][:-1])
    with torch.no_grad():
        for (W, b), each in zip(parameters, linear, strict=True):
            each.weight.copy_(torch.from_numpy(W))
            each.bias.copy_(torch.from_numpy(b))
    inputs, cross_entropy = torch.from_numpy(X), torch.nn.CrossEntropyLoss()
    targets = torch.from_numpy(classes if network.target.of_class else Y)

    def theirs() -> None:
        model.zero_grad(set_to_none=True)
        cross_entropy(model(inputs), targets).backward()

    runs = (
        lambda: code.step(parameters, X, Y),
        lambda: code.loss_and_gradients(parameters, X, Y),
        theirs,
    )
    _, gradients = runs[0]()
    theirs()
    off = max(
        float(np.max(np.abs(dW - each.weight.grad.numpy()))) for (dW, _), each in zip(gradients, linear, strict=True)
    )
    best = [float("inf")] * len(runs)
    for _ in range(ROUNDS):
        for k, run in enumerate(runs):
            for _ in range(BLOCK):
                start = time.perf_counter()
                run()
                best[k] = min(best[k], time.perf_counter() - start)
    ours, checked, peer = (1e3 * seconds for seconds in best)
    kind = "class number" if network.target.of_class else "one-hot"
    return f"| {hidden} | {kind} | {ours:.2f} | {checked:.2f} | {peer:.2f} | {ours / peer:.2f} | {off:.0e} |"


# ---------------------------------------------------------------- digits


def digit_rows() -> Iterator[str]:
    yield "| seed | chainrule | chainrule, s | scikit-learn | scikit-learn, s |"
    yield "|---:|---:|---:|---:|---:|"
    read_digits(0, epochs=1)
    found = []
    for seed in SEEDS:
        start = time.perf_counter()
        ours = read_digits(seed, EPOCHS, RATE, SIZE).accuracy
        middle = time.perf_counter()
        theirs = _scikit(seed)
        end = time.perf_counter()
        found.append((ours, theirs))
        shown = "not installed" if theirs is None else f"{100 * theirs:.1f} %"
        yield f"| {seed} | {100 * ours:.1f} % | {middle - start:.2f} | {shown} | {end - middle:.2f} |"
    ours, theirs = zip(*found, strict=True)
    if None not in theirs:
        name = f"scikit-learn {version('scikit-learn')}"
        rows = [(seed, f"{a:.4f}", f"{b:.4f}") for seed, (a, b) in zip(SEEDS, found, strict=True)]
        ACCURACY.write_text(_table(("seed", "chainrule", name), rows, ("numpy", "scikit-learn")), encoding="utf-8")
    mean = "" if None in theirs else f"{100 * float(np.mean(theirs)):.1f} %"
    yield f"| mean | {100 * float(np.mean(ours)):.1f} % | | {mean} | |"


def _scikit(seed: int) -> float | None:
    """The same architecture, penalty, rate, batches and number of epochs, the seed its own."""
    try:
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        return None
    X, y, unseen, expected = digits_data(seed)
    model = MLPClassifier(
        (HIDDEN,),
        activation="relu",
        solver="sgd",
        alpha=L2,
        batch_size=SIZE,
        learning_rate_init=RATE,
        momentum=0.0,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS + 1,
        tol=0.0,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it did not converge: it ran all epochs, as it should
        model.fit(X, y)
    return float(model.score(unseen, expected))


# ---------------------------------------------------------------- what differences cost


def cost_rows() -> Iterator[str]:
    """The rows of the page; the same numbers go into the table of data."""
    yield "| parameters | widths | loss, ms | loss and all gradients, ms | ratio | 2n losses, s | times the backward pass | largest difference |"
    yield "|---:|---|---:|---:|---:|---:|---:|---:|"
    rows = []
    for inputs, hidden in COSTS:
        network = mlp([inputs, hidden, 1], "tanh")
        count = sum(int(np.prod(shape)) for pair in network.shapes for shape in pair)
        loss, backward, differences, off = _cost(network, count)
        measured = differences is not None
        total = differences if differences is not None else 2 * count * loss
        rows.append((count, *(f"{seconds:.3e}" for seconds in (loss, backward, total)), str(measured).lower()))
        yield (
            f"| {count} | {network} | {1e3 * loss:.3g} | {1e3 * backward:.3g} | {backward / loss:.1f} | {total:.3g}{'' if measured else ' (extrapolated)'} | "
            f"{total / backward:,.0f} | {'' if off is None else f'{off:.0e}'} |"
        )
    columns = ("parameters", "loss_seconds", "backward_seconds", "differences_seconds", "measured")
    TABLE.write_text(_table(columns, rows, ("numpy",)), encoding="utf-8")


def _cost(network: Network, count: int) -> tuple[float, float, float | None, float | None]:
    """Seconds of a loss, of loss and gradients, of the central differences, and how far the differences are from the gradients."""
    space: dict[str, Any] = {}
    exec(network.compile().source, space)
    forward, loss_and_gradients = space["forward"], space["loss_and_gradients"]
    random = np.random.default_rng(0)
    parameters = network.initial(0)
    X = random.normal(size=(SAMPLES, network.widths[0]))
    Y = random.normal(size=(SAMPLES, 1))

    def loss() -> float:
        return float(np.sum((forward(parameters, X) - Y) ** 2) / SAMPLES)

    def differences() -> list[Any]:
        found = []
        for array in (a for pair in parameters for a in pair):
            flat, gradient = array.ravel(), np.empty(array.size)
            for k, value in enumerate(flat.tolist()):
                flat[k] = value + STEP
                above = loss()
                flat[k] = value - STEP
                gradient[k] = (above - loss()) / (2 * STEP)
                flat[k] = value
            found.append(gradient)
        return found

    value, gradients = loss_and_gradients(parameters, X, Y)
    assert np.isclose(value, loss(), rtol=1e-12), (value, loss())
    once = _least(loss), _least(lambda: loss_and_gradients(parameters, X, Y))
    if count > MEASURED:
        return *once, None, None
    seconds, numerical = float("inf"), []
    for _ in range(REPEATS if count < MEASURED else 1):
        start = time.perf_counter()
        numerical = differences()
        seconds = min(seconds, time.perf_counter() - start)
    exact = [a.ravel() for pair in gradients for a in pair]
    return *once, seconds, max(float(np.max(np.abs(a - b))) for a, b in zip(numerical, exact, strict=True))


def _least(run: Callable[[], Any], seconds: float = 2.0) -> float:
    """The least time of a call, over so many seconds of calls."""
    best, end = float("inf"), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        run()
        best = min(best, time.perf_counter() - start)
    return best


def _table(columns: tuple[str, ...], rows: list[tuple[Any, ...]], packages: tuple[str, ...]) -> str:
    text = io.StringIO()
    text.write(
        f"# Written by `python benchmarks/{Path(__file__).name}` on {datetime.date.today()}: {_machine(packages)}.\n"
    )
    text.write("# What the columns are: README.md beside this file.\n")
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows(rows)
    return text.getvalue()


# ---------------------------------------------------------------- the page

PARTS: dict[str, tuple[str, str, Callable[[], Iterator[str]]]] = {
    "chain": (
        "A chain of named equations",
        "∂L/∂w₁ of L = σ(w_L σ(… σ(w₁ x))), through a_k = σ(w_k a_{k-1}): every local derivative and the products of reverse accumulation. "
        "Every run in a process of its own; the third column is for one that has derived a chain of three before. "
        "SymPy differentiates the formula written out, with Python's recursion limit raised, which L = 32 exceeds.",
        chain_rows,
    ),
    "layers": (
        "A deep network",
        "All equations, forward and backward, of a batch through tanh layers of 4 units. Layers that are alike share one derivation.",
        layer_rows,
    ),
    "step": (
        "One training step",
        f"Loss and all gradients, widths {'-'.join(map(str, WIDTHS))}, batch {BATCH}, float32, two cores, eager PyTorch with autograd. "
        "GELU is slow here: NumPy has no erf, and the generated code calls the standard library's for each number.",
        step_rows,
    ),
    "digits": (
        "Handwritten digits",
        f"64-{HIDDEN}-10, ReLU, softmax with cross-entropy; {EPOCHS} epochs of plain gradient descent, rate {RATE}, batches of {SIZE}, penalty {L2}; the accuracy on the "
        "fifth of the samples that was set apart, the same split for both. The seed draws split, start and order; the generators differ.",
        digit_rows,
    ),
    "cost": (
        "Differences in place of a backward pass",
        f"One hidden layer of tanh, one output, squared error, {SAMPLES} samples, float64, the functions of the generated module as they stand: a loss, "
        "the loss with all n gradients, and n central differences, which take 2n losses. The last column compares the two gradients. "
        "The last row takes the differences for 2n times one loss.",
        cost_rows,
    ),
}


def _machine(packages: tuple[str, ...] = ("numpy", "sympy", "torch", "scikit-learn")) -> str:
    return f"{', '.join(map(_version, packages))}, Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"no {name}"


def warm_up() -> None:
    """What SymPy and the engine import when they are first used is no part of a timing."""
    x = sympy.Symbol("x", real=True)
    sympy.simplify(sympy.diff(sympy.log(1 + sympy.exp(x)) * sympy.sin(x) ** 2, x))
    forms(chainrule.derive(x**2))


def _page(fresh: dict[str, list[str]]) -> str:
    """The page; parts that were not measured again stay as they are in it."""
    old = OUTPUT.read_text(encoding="utf-8").split("\n## ") if OUTPUT.exists() else []
    known = {text.split("\n", 1)[0]: text.split("\n", 1)[1] for text in old[1:]}
    sections = [
        f"# Networks\n\nWritten by `python benchmarks/{Path(__file__).name}`: {_machine()}. Least of the repeats.\n"
    ]
    for name, (title, what, _) in PARTS.items():
        if name in fresh:
            day = f"Measured on {datetime.date.today()}."
            sections.append("\n".join([title, "", f"{what} {day}", "", *fresh[name]]) + "\n")
        elif title in known:
            sections.append(f"{title}\n{known[title]}")
    return "\n## ".join(sections)


@click.command()
@click.option("--only", type=click.Choice(list(PARTS)), help="One part; its section of the page is written anew.")
def main(only: str | None) -> None:
    """Measure, print, and write benchmarks/networks.md and the table of data."""
    warm_up()
    fresh: dict[str, list[str]] = {}
    for name, (_, _, rows) in PARTS.items():
        if only in (None, name):
            fresh[name] = []
            for row in rows():
                click.echo(row)
                fresh[name].append(row)
    OUTPUT.write_text(_page(fresh), encoding="utf-8")


if __name__ == "__main__":
    main()
