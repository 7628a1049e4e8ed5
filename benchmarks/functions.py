"""How fast the generated functions are, beside SymPy's lambdify, SciPy, NumExpr, JAX and PyTorch: values and gradients, one thread and several.

python benchmarks/functions.py                        everything (half an hour); prints the tables, writes docs/speed.md and docs/speed.svg,
                                                      on a processor that lacks AVX-512 docs/speed_avx2.md and docs/speed_avx2.svg
python benchmarks/functions.py --only silu,gelu -n 10000   some functions, some sizes; writes nothing
python benchmarks/functions.py --no-avx512            without AVX-512 code, as on processors that lack it; writes nothing
python benchmarks/functions.py --clock cpu --threads 1   processor time, for a machine that is shared with other work
python benchmarks/functions.py --keep FOLDER          everything, the records of each process kept there; what is there is not measured again

All calls of a row take turns and the least of the repeats counts. Each number of threads is measured in processes that may use so many cores, so every
library adapts in its own way, and each size and type in one of its own, which finds no memory that others have left; where there is AVX-512, more processes measure
one thread in which no library may use it, at two sizes. Peers that are not installed are left out. Every peer gets the array it likes: torch tensors, JAX arrays already on the device; those of torch without gradients are timed without their tape, the gradient is a backward pass of its sum, with the forward pass that it needs.
`best` is the fastest of all peers, so it is a different one in each row. `floor`: the operations of NumPy that no code for the function can do without,
one after the other on blocks in the cache, into arrays that are there; where it is not below the best peer, NumPy is what forbids to be faster.
`compiled`: ours after `chainrule.set_compiled(True)`, for which Numba has to be there."""

import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np

HAS_AVX512 = bool(np._core._multiarray_umath.__cpu_features__.get("AVX512F"))  # type: ignore[attr-defined]
DOCS = Path(__file__).resolve().parents[1] / "docs"
OUTPUT = DOCS / ("speed.md" if HAS_AVX512 else "speed_avx2.md")
PLOT = OUTPUT.with_suffix(".svg")
SIZES = (100, 10_000, 1_000_000, 10_000_000)
DTYPES = ("float64", "float32")
WITHOUT_SIZES = (10_000, 1_000_000)
PEERS = ("lambdify", "lambdify cse", "scipy", "numexpr", "jax", "torch", "torch no-grad")
WITHOUT_AVX512: Mapping[str, str] = {
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V4",
    "PYTHONWARNINGS": "ignore",  # of features that NumPy does not know or this processor lacks
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "NUMBA_CPU_NAME": "haswell",
    "NUMBA_CPU_FEATURES": "+avx2,+fma,+bmi,+bmi2",
}
"""The environment in which NumPy, Numba, PyTorch and JAX leave AVX-512 alone."""
OURS = ("ours", "compiled")
"""What is judged: functions as they are installed, and as they are after `chainrule.set_compiled(True)`."""
FLOOR = "floor"
"""NumPy's own operations that value and gradient cannot do without."""
CODE: Mapping[str, str] = {"ours": "NumPy", "compiled": "compiled", FLOOR: FLOOR}
"""How they are called in the table of targets."""
BLOCK = 32768
"""Elements of a block of the floor: the two arrays of it are in the cache."""
LEAST = 2e-3
"""Seconds that a repeat lasts at least: small arrays are called several times."""
PAUSE = 0.02
"""Seconds before a repeat where there are several cores: threads of another library, which look for work again and again, have fallen asleep by then. A call that is
not timed follows, by which those of the library itself wake up."""


@dataclass(frozen=True)
class Row:
    """One function: its arrays, and what computes it elsewhere, in the words of each library. lambdify and NumExpr get the definition itself.

    floor: the operations that value and gradient cannot do without."""

    floor: tuple[str, str]
    torch: str = ""
    jax: str = ""
    scipy: str = ""
    arrays: Sequence[str] = ("normal",)


LOGITS, PROBABILITIES, PAIR, SIGNS = ("normal", "unit"), ("unit", "bit"), ("normal", "normal"), ("normal", "sign")
SCALAR: Mapping[str, Row] = {
    "sigmoid": Row(("exp divide", "exp divide"), "torch.sigmoid(x)", "nn.sigmoid(x)", "special.expit(x)"),
    "tanh": Row(("tanh", "tanh"), "torch.tanh(x)", "np.tanh(x)"),
    "relu": Row(("maximum", "greater"), "F.relu(x)", "nn.relu(x)"),
    "leaky_relu": Row(("multiply maximum", "greater"), "F.leaky_relu(x, 0.01)", "nn.leaky_relu(x, 0.01)"),
    "prelu": Row(
        ("multiply maximum", "greater"),
        "F.prelu(x, torch.full((1,), 0.25, dtype=x.dtype))",
        "np.where(x > 0, x, 0.25 * x)",
    ),
    "elu": Row(("expm1", "exp"), "F.elu(x)", "nn.elu(x)"),
    "softplus": Row(("exp log1p", "exp divide"), "F.softplus(x)", "nn.softplus(x)"),
    "silu": Row(("exp divide", "exp divide"), "F.silu(x)", "nn.silu(x)", "x * special.expit(x)"),
    "gelu": Row(("exp multiply", "exp multiply"), "F.gelu(x)", "nn.gelu(x, approximate=False)", "x * special.ndtr(x)"),
    "squared_error": Row(("subtract multiply", "subtract"), "(x - y) ** 2", "(x - y) ** 2", arrays=PAIR),
    "absolute_error": Row(("subtract absolute", "subtract sign"), "(x - y).abs()", "abs(x - y)", arrays=PAIR),
    "huber": Row(
        ("subtract minimum multiply", "subtract minimum maximum"),
        "F.huber_loss(x, y, reduction='none')",
        "np.where(abs(x - y) <= 1, 0.5 * (x - y) ** 2, abs(x - y) - 0.5)",
        "special.huber(1.0, x - y)",
        PAIR,
    ),
    "hinge": Row(
        ("multiply maximum", "multiply greater"), "(1 - y * x).clamp(min=0)", "np.maximum(0, 1 - y * x)", arrays=SIGNS
    ),
    "log_cosh": Row(
        ("subtract exp log1p", "subtract tanh"),
        "(lambda d: d + F.softplus(-2 * d) - 0.6931471805599453)((y - x).abs())",
        "np.logaddexp(y - x, x - y) - 0.6931471805599453",
        arrays=PAIR,
    ),
    "binary_cross_entropy": Row(
        ("log log1p multiply", "subtract divide"),
        "F.binary_cross_entropy(x, y, reduction='none')",
        "-y * np.log(x) - (1 - y) * np.log1p(-x)",
        "special.entr(1) - special.xlogy(y, x) - special.xlog1py(1 - y, -x)",
        PROBABILITIES,
    ),
    "sigmoid_binary_cross_entropy": Row(
        ("exp log1p multiply", "exp divide"),
        "F.binary_cross_entropy_with_logits(x, y, reduction='none')",
        "np.maximum(x, 0) - x * y + np.log1p(np.exp(-abs(x)))",
        arrays=LOGITS,
    ),
    "sigmoid_squared_error": Row(
        ("exp divide multiply", "exp divide multiply"),
        "0.5 * (torch.sigmoid(x) - y) ** 2",
        "0.5 * (nn.sigmoid(x) - y) ** 2",
        arrays=LOGITS,
    ),
}
VECTOR: Mapping[str, Row] = {
    "softmax": Row(
        ("maximum exp add divide", "maximum exp add divide"),
        "F.softmax(x, -1)",
        "nn.softmax(x)",
        "special.softmax(x, axis=-1)",
    ),
    "log_softmax": Row(
        ("maximum exp add subtract", "maximum exp add divide"),
        "F.log_softmax(x, -1)",
        "nn.log_softmax(x)",
        "special.log_softmax(x, axis=-1)",
    ),
    "logsumexp": Row(
        ("maximum exp add", "maximum exp add divide"),
        "torch.logsumexp(x, -1)",
        "nn.logsumexp(x, -1)",
        "special.logsumexp(x, axis=-1)",
    ),
    "softmax_cross_entropy_index": Row(
        ("maximum exp add", "maximum exp add divide"),
        "F.cross_entropy(x, y, reduction='none')",
        "-np.take_along_axis(nn.log_softmax(x), y[:, None], -1)[:, 0]",
        arrays=("normal", "class"),
    ),
}
CLASSES = (10, 1000)


def arrays_of(row: Row, shape: tuple[int, ...], dtype: str) -> list[Any]:
    """The same numbers on every machine; the first array is what is differentiated by."""
    rng = np.random.default_rng(1)
    make: Mapping[str, Callable[[], Any]] = {
        "normal": lambda: (rng.normal(size=shape) * 3).astype(dtype),
        "unit": lambda: rng.uniform(0.01, 0.99, size=shape).astype(dtype),
        "bit": lambda: rng.integers(0, 2, size=shape).astype(dtype),
        "sign": lambda: rng.choice([-1.0, 1.0], size=shape).astype(dtype),
        "class": lambda: rng.integers(0, shape[-1], size=shape[:-1]),
    }
    return [make[each]() for each in row.arrays]


def calls(
    name: str, row: Row, kind: str, given: list[Any], peers: Sequence[str]
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What is timed for one row, under the name of its column."""
    from chainrule import functions

    ours = getattr(functions, name)
    vector = name in VECTOR
    if kind == "value":
        call = ours
    elif vector and ours.output:
        ones = np.ones_like(given[0])
        call = lambda *a: ours.vjp(*a, ones)  # noqa: E731
    else:
        call = ours.grad
    compiled = find_spec("numba") is not None
    yield from ((name, lambda: call(*given)) for name in OURS if name == "ours" or compiled)
    yield FLOOR, _floor(row.floor[kind == "gradient"], given[0])
    if not vector:
        out = np.empty_like(call(*given))
        yield from ((f"{name} out=", lambda: call(*given, out=out)) for name in OURS if name == "ours" or compiled)
    for peer in peers:
        made = _peer(peer, name, row, kind, given)
        if made is not None:
            yield peer, made


def _floor(operations: str, x: Any) -> Callable[[], Any]:
    """The operations on numbers between 0 and 1, where none of them is slow, in blocks."""
    one, other = np.full((2, min(x.size, BLOCK)), 0.5, x.dtype)
    calls = []
    for start in range(0, x.size, BLOCK):
        n = min(BLOCK, x.size - start)
        for each in (getattr(np, name) for name in operations.split()):
            out = np.empty(n, bool) if each is np.greater else other[:n]
            calls.append((each, (one[:n],) * each.nin, out))

    def call() -> None:
        for operation, given, out in calls:
            operation(*given, out=out)

    return call


def _peer(peer: str, name: str, row: Row, kind: str, given: list[Any]) -> Callable[[], Any] | None:
    try:
        if peer.startswith("lambdify") or peer == "numexpr":
            return None if name in VECTOR else _lambdified(peer, name, kind, given)
        if peer == "scipy":
            return _scipy(row, kind, given)
        if peer == "jax":
            return _jax(row, kind, given)
        return _torch(row, kind, given, peer == "torch")
    except ImportError:
        return None


@cache
def _definition(name: str, kind: str) -> tuple[list[Any], Any]:
    """The symbols of a function and its value or its gradient, as SymPy derives it."""
    import sympy

    from chainrule.calculus.derive import derive_all
    from chainrule.catalogue import load
    from chainrule.codegen.specs import spec_of

    definition = load(name)
    spec: Any = spec_of(definition, derive_all(definition))
    at = {symbol: sympy.Float(default) for _, symbol, default in spec.parameters}
    expression = (spec.value if kind == "value" else spec.gradients[spec.arguments[0][0]]).subs(at)
    symbols = [symbol for _, symbol in spec.arguments]
    names = [f"x{k}" for k in range(len(symbols))]
    expression = expression.xreplace({s: sympy.Symbol(n, real=True) for s, n in zip(symbols, names, strict=True)})
    symbols = [sympy.Symbol(n, real=True) for n in names]
    return symbols, expression


def _lambdified(peer: str, name: str, kind: str, given: list[Any]) -> Callable[[], Any]:
    import sympy

    symbols, expression = _definition(name, kind)
    if peer == "numexpr":
        import numexpr

        numexpr.set_num_threads(len(os.sched_getaffinity(0)))
        try:
            made = sympy.lambdify(symbols, expression, modules="numexpr")
            made(*given)
        except (TypeError, NotImplementedError, KeyError, ValueError) as error:
            raise ImportError(str(error)) from error
        return lambda: made(*given)
    made = sympy.lambdify(symbols, expression, modules=["numpy", "scipy"], cse=peer.endswith("cse"))
    return lambda: made(*given)


def _scipy(row: Row, kind: str, given: list[Any]) -> Callable[[], Any] | None:
    if not row.scipy or kind != "value":
        return None
    from scipy import special

    made = eval(f"lambda {', '.join('xy'[: len(given)])}: {row.scipy}", {"special": special})
    return lambda: made(*given)


def _jax(row: Row, kind: str, given: list[Any]) -> Callable[[], Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    space = {"nn": jax.nn, "np": jax.numpy}
    inputs = [jax.device_put(each) for each in given]
    names = ", ".join("xy"[: len(given)])
    value = eval(
        f"lambda {names}: {row.jax}".replace("nn.logsumexp", "np_logsumexp"),
        {**space, "np_logsumexp": jax.scipy.special.logsumexp},
    )
    made = jax.jit(value if kind == "value" else jax.grad(lambda *a: value(*a).sum()))
    return lambda: made(*inputs).block_until_ready()


def _torch(row: Row, kind: str, given: list[Any], tape: bool) -> Callable[[], Any] | None:
    import torch

    if kind == "gradient" and not tape:
        return None
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    inputs = [torch.from_numpy(each) for each in given]
    names = ", ".join("xy"[: len(given)])
    made = eval(f"lambda {names}: {row.torch}", {"torch": torch, "F": torch.nn.functional})
    if not tape:

        def plain() -> Any:
            with torch.no_grad():
                return made(*inputs)

        return plain
    inputs[0].requires_grad_(True)
    if kind == "value":
        return lambda: made(*inputs)
    ones = torch.ones_like(made(*inputs))

    def backward() -> Any:
        return torch.autograd.grad(made(*inputs), inputs[0], ones)

    return backward


CLOCKS: Mapping[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}
"""Seconds that pass, and seconds that processors spend on this process, all its threads together."""


def timed(found: Mapping[str, Callable[[], Any]], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """Seconds of each call, the least of the repeats, all taking turns."""
    import warnings

    import chainrule

    least: dict[str, float] = {}
    loops: dict[str, int] = {}
    pause = PAUSE if len(os.sched_getaffinity(0)) > 1 else 0.0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, call in found.items():
            chainrule.set_compiled(name.startswith("compiled"))
            call()
            start = clock()
            call()
            once = clock() - start
            loops[name] = max(1, math.ceil(LEAST / max(once, 1e-7)))
            least[name] = math.inf
        for _ in range(repeats):
            for name, call in found.items():
                chainrule.set_compiled(name.startswith("compiled"))
                if pause:
                    time.sleep(pause)
                    call()  # and its own are awake again
                start = clock()
                for _ in range(loops[name]):
                    call()
                least[name] = min(least[name], (clock() - start) / loops[name])
    return least


def measure(
    names: Sequence[str], sizes: Sequence[int], dtypes: Sequence[str], peers: Sequence[str], repeats: int, clock: str
) -> Iterator[dict[str, Any]]:
    """One record for each function, kind, dtype and size, in this process."""
    for dtype in dtypes:
        for n in sizes:
            for name in names:
                shapes = [(n,)] if name in SCALAR else [(max(1, n // k), k) for k in CLASSES if n >= 10 * k]
                for shape in shapes:
                    for kind in ("value", "gradient"):
                        row = (SCALAR | VECTOR)[name]
                        given = arrays_of(row, shape, dtype)
                        often = repeats if n < 10**7 else max(min(3, repeats), repeats // 3)
                        found = timed(dict(calls(name, row, kind, given, peers)), often, CLOCKS[clock])
                        title = name if len(shape) == 1 else f"{name}, K = {shape[1]}"
                        yield {
                            "name": title,
                            "kind": kind,
                            "dtype": dtype,
                            "n": n,
                            "seconds": found,
                        }


# ---------------------------------------------------------------- the report


def best(record: Mapping[str, Any]) -> tuple[str, float]:
    """The fastest peer and its seconds."""
    return min(((p, s) for p, s in record["seconds"].items() if p in PEERS), key=lambda pair: pair[1])


def mean(ratios: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else math.nan


TARGETS: Sequence[tuple[str, int, float, str]] = (
    ("lambdify", 100, 1.0, "no slower than lambdify at 10²"),
    ("lambdify", 1_000_000, 0.5, "half of lambdify at 10⁶"),
    ("lambdify", 10_000_000, 0.3, "0.3 of lambdify at 10⁷"),
    ("best", 10_000, 1.0, "no slower than the best peer at 10⁴"),
    ("best", 1_000_000, 1.0, "no slower than the best peer at 10⁶"),
    ("best", 10_000_000, 0.6, "0.6 of the best peer at 10⁷"),
)
"""Geometric means of ours over a peer, over the functions of numbers, values and gradients."""
WORST = 2.0
"""No function is slower than so many times its best peer."""
GELU = 4.0
"""Nanoseconds for an element of float32, its value and its gradient."""
IMPORT = 5.0
"""Milliseconds that ``from chainrule.functions import sigmoid`` may take after ``import numpy``."""
IMPORTS = 25
"""How often imports are timed."""
TIMED = "import time; t = time.{0}(); import numpy; u = time.{0}(); from chainrule.functions import sigmoid; print(u - t, time.{0}() - u)"


def import_times(clock: str) -> tuple[float, float]:
    """Milliseconds of the import of NumPy, and of that of a function after it; the least of several. Both are compiled before, as what is installed is."""
    statement = TIMED.format("perf_counter" if clock == "wall" else "process_time")
    with tempfile.TemporaryDirectory() as cache:
        compiled = {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
        runs = [
            subprocess.run([sys.executable, "-c", statement], check=True, env=compiled, capture_output=True, text=True)
            for _ in range(1 + IMPORTS)
        ]
    numpy, ours = (min(each) for each in zip(*(map(float, run.stdout.split()) for run in runs[1:]), strict=True))
    return 1e3 * numpy, 1e3 * ours


def ratios(records: Sequence[Mapping[str, Any]], peer: str, code: str = "ours") -> list[float]:
    """Ours over a peer, or over the best of all, in every record that has both."""
    found = []
    for r in records:
        theirs = best(r)[1] if peer == "best" else r["seconds"].get(peer)
        if theirs is not None and code in r["seconds"]:
            found.append(r["seconds"][code] / theirs)
    return found


def power(n: int) -> str:
    return "10" + str(round(math.log10(n))).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def report(
    records: Sequence[Mapping[str, Any]],
    imports: tuple[float, float],
    clock: str,
    busy: Sequence[float],
    arguments: Sequence[str] = (),
) -> str:
    """The tables as Markdown; what misses a target is bold. imports: what `import_times` gives. busy: how many programs wanted a core
    in the minute before and at the end. arguments: of the command."""
    versions = ", ".join(
        f"{p} {v}" for p in ("numpy", "sympy", "scipy", "numexpr", "jax", "torch") if (v := _version(p))
    )
    lines = [
        f"# Speed of the generated functions{'' if HAS_AVX512 else ' without AVX-512'}",
        "",
        f"Written by `{' '.join(['python', 'benchmarks/functions.py', *arguments])}`. Nanoseconds per element (microseconds per call at 10²), the least of the repeats; ratios are ours over",
        f"theirs, below 1 is faster. {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}.",
        f"{'Time that passes' if clock == 'wall' else 'Processor time'}; {busy[0]:.1f} programs wanted a core in the minute before the run, "
        f"{busy[1]:.1f} in its last one{'.' if max(busy[0], busy[1] - 1) < 0.5 else ': the machine was not quiet, which lengthens what is short.'}",
        "**Bold** figures miss their target. "
        f"On a processor {'without AVX-512: [speed_avx2.md](speed_avx2.md)' if HAS_AVX512 else 'with AVX-512: [speed.md](speed.md)'}.",
        "",
        "## Targets",
        "",
    ]
    ways = list(dict.fromkeys(r["way"] for r in records))
    rows = [r for r in records if "K =" not in r["name"]]
    columns = [(w, d) for w in ways for d in DTYPES if any(r["way"] == w and r["dtype"] == d for r in rows)]
    lines += table(
        ["geometric mean of ours over theirs", "target", "code", *(f"{d}, {w}" for w, d in columns)],
        [
            [
                words,
                f"{target:g}",
                CODE[code],
                *(
                    _judged(
                        mean(ratios([r for r in rows if (r["way"], r["dtype"], r["n"]) == (w, d, n)], peer, code)),
                        target,
                        "*" if code == FLOOR else "**",
                    )
                    for w, d in columns
                ),
            ]
            for peer, n, target, words in TARGETS
            for code in (*_codes(rows), FLOOR)
        ],
    )
    lines += [
        "",
        "The floor is what NumPy takes for the operations that a value or gradient cannot do without, one after another, on arrays that are in the cache: "
        "code that calls them is not faster. Where it is above a target it is in *italics*, and NumPy code cannot reach that target on this machine; compiled code, "
        "which goes through memory once, can.",
        "",
        "At 10⁷ elements the system has to clear the memory of a result, unless a library finds some that it has left: which of the two it is differs between runs, libraries "
        "and rows, and counts for more than what is computed.",
    ]
    lines += ["", *_others(rows, imports)]
    for w in ways:
        for d in DTYPES:
            for n in sorted({r["n"] for r in records}):
                chosen = [r for r in records if (r["way"], r["dtype"], r["n"]) == (w, d, n)]
                if chosen:
                    lines += ["", f"## {power(n)} elements, {d}, {w}", "", *_figures(chosen, n)]
    return "\n".join([*lines, *_slow(records)]) + "\n"


def _codes(records: Sequence[Mapping[str, Any]]) -> list[str]:
    return [code for code in OURS if any(code in r["seconds"] for r in records)]


def _slow(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What misses the target for single functions, the worst first, with the floors."""
    yield from ("", f"## Slower than {WORST:g} times the best peer", "")
    yield from ("How right the faster ones are is in [accuracy.md](accuracy.md).", "")
    for code in _codes(records):
        judged = [r for r in records if code in r["seconds"]]
        slow = [(ratio, r) for r in judged if (ratio := ratios([r], "best", code)[0]) > WORST]
        slow.sort(key=lambda pair: -pair[0])
        forbidden = sum(_forbidden(r) for _, r in slow)
        yield (
            f"{CODE[code]}: {len(slow)} of {len(judged)} measurements, of which {forbidden} have a floor above that"
            + (":" if slow else ".")
        )
        yield ""
        head = [*["function", "n", "dtype", "how"], "ours / best", "best peer", "its time", "ours", FLOOR]
        if slow:
            yield from table(head, [_slow_row(ratio, r, code) for ratio, r in slow])
            yield ""


def _slow_row(ratio: float, r: Mapping[str, Any], code: str) -> list[str]:
    seconds = (best(r)[1], r["seconds"][code], r["seconds"][FLOOR])
    what = [f"{r['name']} {r['kind']}", power(r["n"]), r["dtype"], r["way"], f"**{ratio:.2f}**", best(r)[0]]
    return [*what, *(f"{each * scale(r['n']):.2f}" for each in seconds)]


def scale(n: int) -> float:
    """From seconds to microseconds for a call of few elements, to nanoseconds for an element of many."""
    return 1e6 if n < 1000 else 1e9 / n


def _forbidden(record: Mapping[str, Any]) -> bool:
    """Whether what NumPy cannot do without takes longer than the target allows."""
    return bool(record["seconds"][FLOOR] > WORST * best(record)[1])


def _others(rows: Sequence[Mapping[str, Any]], imports: tuple[float, float]) -> list[str]:
    """The targets that are no mean of ratios."""
    found = [
        [
            f"{r['name']} {r['kind']}, float32, {power(r['n'])}, {r['way']}, {CODE[code]}",
            f"{GELU:g} ns per element",
            _judged(r["seconds"][code] * scale(r["n"]), GELU),
        ]
        for code in _codes(rows)
        for r in rows
        if code in r["seconds"] and r["name"] == "gelu" and r["dtype"] == "float32" and r["n"] >= 1_000_000
    ]
    plain, ours = imports
    words = f"import of chainrule.functions.sigmoid after that of numpy ({plain:.0f} ms)"
    return table(["single figures", "target", ""], [*found, [words, f"{IMPORT:g} ms", _judged(ours, IMPORT)]])


def _figures(chosen: Sequence[Mapping[str, Any]], n: int) -> Iterator[str]:
    codes = [word for code in _codes(chosen) for word in (code, f"{code} out=")]
    columns = [*codes, FLOOR, *(p for p in PEERS if any(p in r["seconds"] for r in chosen))]
    rows = []
    for r in chosen:
        found = [ratios([r], "best", code) for code in _codes(chosen)]
        judged = [_judged(each[0], WORST) if each else "" for each in found]
        cells = [f"{r['seconds'][c] * scale(n):.2f}" if c in r["seconds"] else "" for c in columns]
        rows.append([f"{r['name']} {r['kind']}", *cells, *judged, best(r)[0]])
    yield from table(["", *columns, *(f"{code} / best" for code in _codes(chosen)), "best"], rows)


def _judged(value: float, target: float, mark: str = "**") -> str:
    """A figure, with the mark around it if it is above the target."""
    return "" if math.isnan(value) else f"{mark}{value:.2f}{mark}" if value > target else f"{value:.2f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown."""
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(row)} |" for row in rows)]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def plot(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Every function's time over that of its best peer and of lambdify, at the largest size, as dots on a logarithmic axis."""
    from matplotlib.figure import Figure

    n = max(r["n"] for r in records)
    chosen = [r for r in records if r["n"] == n and r["dtype"] == "float64" and r["way"] == records[0]["way"]]
    chosen.sort(key=lambda r: ratios([r], "best")[0])
    figure = Figure(figsize=(8, 0.22 * len(chosen) + 1.2), layout="constrained")
    axes = figure.subplots()
    for peer, colour in (("lambdify", "#c0793b"), ("best", "#2b5f8a")):
        for code in _codes(chosen):
            found = [(k, each[0]) for k, r in enumerate(chosen) if (each := ratios([r], peer, code))]
            theirs = "SymPy lambdify" if peer == "lambdify" else "the best of all peers"
            axes.plot(
                [v for _, v in found],
                [k for k, _ in found],
                "o",
                color=colour,
                markerfacecolor=colour if code == "ours" else "white",
                label=f"{theirs}, {CODE[code]}",
            )
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(chosen)), [f"{r['name']} {r['kind']}" for r in chosen], fontsize=8)
    axes.set_xlabel(f"time of ours over theirs, {power(n)} numbers of float64, one thread")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


@dataclass(frozen=True)
class Way:
    """How a process measures: with so many cores, with or without AVX-512."""

    threads: int
    avx512: bool = True

    def __str__(self) -> str:
        return f"{self.threads} thread{'s' * (self.threads > 1)}{'' if self.avx512 else ', no AVX-512'}"

    @property
    def sizes(self) -> Sequence[int]:
        return SIZES if self.avx512 else WITHOUT_SIZES

    def measured(
        self, folder: Path, arguments: Sequence[str], sizes: Sequence[int], dtypes: Sequence[str]
    ) -> Iterator[dict[str, Any]]:
        """The records, each size and type in a process of its own, which finds no memory that others have left; those that are in the folder are not measured
        again."""
        cores = sorted(os.sched_getaffinity(0))
        for dtype, n in product(dtypes, sizes):
            path = folder / f"{self.threads}{'' if self.avx512 else '-no-avx512'}-{dtype}-{n}.jsonl"
            if not path.exists():
                unfinished = path.with_suffix(".unfinished")
                own = ["--records", str(unfinished), "--dtype", dtype, "-n", str(n)]
                subprocess.run(
                    [sys.executable, __file__, *own, *arguments],
                    check=True,
                    env=os.environ if self.avx512 else {**os.environ, **WITHOUT_AVX512},
                    preexec_fn=lambda: os.sched_setaffinity(0, cores[: self.threads]),
                )
                unfinished.rename(path)
            yield from ({**json.loads(line), "way": str(self)} for line in path.read_text().splitlines())


@click.command(help=__doc__.split("\n", 1)[0])
@click.option("--only", default="", help="Functions, separated by commas.")
@click.option("-n", "sizes", multiple=True, type=int, help="Numbers of elements; may be repeated.")
@click.option("--dtype", "dtypes", multiple=True, type=click.Choice(DTYPES))
@click.option("--threads", multiple=True, type=int, help="Numbers of cores; may be repeated.")
@click.option("--peers", default=",".join(PEERS), help="Peers, separated by commas.")
@click.option("--repeats", default=9, show_default=True)
@click.option("--no-avx512", is_flag=True, help="Without AVX-512 only.")
@click.option("--clock", type=click.Choice(list(CLOCKS)), default="wall", help="Time that passes, or processor time.")
@click.option("--write", is_flag=True, help="Write the tables and the plot although not everything is measured.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep the records of each process in this folder.")
@click.option("--records", type=click.Path(path_type=Path), help="Measure in this process and write the records here.")
def main(
    only: str,
    sizes: tuple[int, ...],
    dtypes: tuple[str, ...],
    threads: tuple[int, ...],
    peers: str,
    repeats: int,
    no_avx512: bool,
    clock: str,
    write: bool,
    keep: Path | None,
    records: Path | None,
) -> None:
    names = [name for name in (*SCALAR, *VECTOR) if not only or name in only.split(",")]
    if records is not None:
        with records.open("w") as file:
            for record in measure(names, sizes or SIZES, dtypes or DTYPES, peers.split(","), repeats, clock):
                file.write(json.dumps(record) + "\n")
                file.flush()
        return
    cores = len(os.sched_getaffinity(0))
    everything = not (only or sizes or dtypes or threads or no_avx512)
    ways = [Way(t, not no_avx512) for t in threads or (1, 2) if t <= cores] + [Way(1, False)] * (
        everything and HAS_AVX512
    )
    busy = [os.getloadavg()[0]]
    arguments = ["--only", ",".join(names), "--peers", peers, "--repeats", str(repeats), "--clock", clock]
    with tempfile.TemporaryDirectory() as folder:
        folder = keep or Path(folder)
        folder.mkdir(exist_ok=True, parents=True)
        found = [
            record for way in ways for record in way.measured(folder, arguments, sizes or way.sizes, dtypes or DTYPES)
        ]
    busy.append(os.getloadavg()[0])
    told = [word for k, word in enumerate(sys.argv[1:]) if "--keep" not in (word, sys.argv[k])]
    text = report(found, import_times(clock), clock, busy, told)
    click.echo(text)
    if write or (everything and peers == ",".join(PEERS)):
        OUTPUT.write_text(text, encoding="utf-8")
        plot(found, PLOT)


if __name__ == "__main__":
    main()
