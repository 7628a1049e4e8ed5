"""How accurate the generated functions are: from their certificates, and beside SymPy's lambdify, SciPy, JAX and PyTorch at the same points.

    python benchmarks/accuracy.py                    prints the tables, writes docs/accuracy.md
    python benchmarks/accuracy.py --only silu,gelu   some functions; writes nothing

A function without a certificate of its code is left out of the first table and named. Peers that are not installed are left out."""

import importlib
import pkgutil
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import sympy

sys.path.insert(0, str(Path(__file__).parent))

from functions import SCALAR, table

import chainrule.functions
from chainrule.catalogue import load, project
from chainrule.certification import Home, Subject, subject
from chainrule.certification.environment import environment
from chainrule.certification.formulas import derivative, formula
from chainrule.certification.rounding import ulps
from chainrule.certification.sampling import Points, inside, line, pairs, rows_of, settings
from chainrule.certification.subject import Part
from chainrule.runtime.certificate import ENTRY_LIMIT, LIMIT, MIXED, Certificate, Measurement, read

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "accuracy.md"
FLOAT64 = np.dtype(np.float64)
NEAR = 20.0  # the range that the figures in brackets are of
ALL = 9e15  # ulp from which on no digit is right
PEERS = ("lambdify", "scipy", "torch", "jax")
HEAD = """\
# Accuracy

Written by `python benchmarks/accuracy.py` from the certificates of the functions (`src/chainrule/certificates`, written by
`chainrule verify --exhaustive`), the comparison measured by the same command.

An ulp is the unit in the last place of the exact result, in the precision of the result: half an ulp is what the rounding of the result alone
may cost, and 4 ulp at most are promised for value and gradient, over all floating-point numbers. The exact result is the definition,
differentiated by SymPy and evaluated in ball arithmetic (Arb) with as many bits as it takes: no rule or stable form of ours takes part. *Sampled*:
at twenty to ninety thousand points, every exponent among them, more around roots, around the places where the code takes another branch and around the
worst points found so far; every path through the code is measured, and the worst counts. *Exhaustive*: at all 2³² inputs, against the float64
function, which is compared with Arb at 16 384 of them. A sampled figure is not a bound. **Bold**: more than 4 ulp, so short of what is promised;
for second derivatives nothing is. "none": no digit is right somewhere, or the result is a NaN or an infinity where the exact one is a number.
*Compiled*: the code after `chainrule.set_compiled(True)`, measured in the same way (`chainrule verify --compiled --exhaustive`).
"""
NUMBERS = """
## Functions of numbers

"""
VECTORS = """
## Functions of vectors

The unit is the ulp of the largest component of the exact result of a row; in products with a vector (vjp, jvp), whose terms may cancel, that of the largest term where it is
larger, in gradients by a target or a parameter that of the largest target. *component*: the worst error of a single component, in its own ulp, where it is
a normal number, 0 or infinite: 16 ulp at most are promised of it, except in those products and in differences from soft targets, single components of which may cancel. The promise
is for softmax, log-softmax, logsumexp and the cross-entropies; the same limit marks the others. Rows have up to 100 000 components.

"""
BESIDE = """
## Beside others

Worst error in ulp in float64 at the same points, over the whole range, in brackets for arguments of at most {near:g} in size. {versions}.

"""


Both = tuple[Certificate, Certificate | None]
"""The certificates of a function as it is installed, and of its compiled code."""


def certificates(names: Sequence[str]) -> list[Both]:
    """Those there are."""
    modules = [importlib.import_module(f"chainrule.functions.{name}") for name in names]
    found = ((read(module, compiled=False), read(module, compiled=True)) for module in modules)
    return [(each, compiled) for each, compiled in found if each is not None]


def _same(rows: Sequence[Measurement], what: str, dtype: str) -> list[Measurement]:
    return [m for m in rows if (m.what, m.dtype) == (what, dtype)]


def of_numbers(both: Both, what: str) -> Mapping[str, str]:
    """A row of the table of functions of numbers: one part."""
    of, compiled = both
    (wide,) = _same(of.measurements, what, "float64")
    at = ", ".join(f"{name} = {x!r}" for name, x in wide.at.items())
    cells = {
        "function": of.function,
        "what": what,
        "float64": _marked(of, wide),
        "at": at,
        "float32": _single(of, what),
    }
    if compiled is None:
        return cells
    (wide,) = _same(compiled.measurements, what, "float64")
    return cells | {"float64, compiled": _marked(compiled, wide), "float32, compiled": _single(compiled, what)}


def _single(of: Certificate, what: str) -> str:
    narrow = _same(of.measurements, what, "float32")
    return "; ".join(f"{_marked(of, m)} {m.how}" for m in narrow if m.how == "exhaustive" or len(narrow) == 1)


def of_vectors(both: Both, what: str) -> Mapping[str, str]:
    """A row of the table of functions of vectors: one part."""
    cells = {"function": both[0].function, "what": what}
    for of, code in zip(both, ("", ", compiled"), strict=True):
        if of is not None:
            found = _of_rows([m for m in of.measurements if m.what == what])
            cells |= {f"{column}{code}": cell for column, cell in found.items()}
    return cells


def _of_rows(rows: Sequence[Measurement]) -> Mapping[str, str]:
    cells = {}
    for m in rows:
        entries = _number(m.entries)
        promised = m.entries <= ENTRY_LIMIT or m.what.startswith((*MIXED, "second"))
        cells[m.dtype] = (
            _number(m.worst) if m.bound <= LIMIT or m.what.startswith("second") else f"**{_number(m.worst)}**"
        )
        cells[f"{m.dtype}, component"] = entries if promised else f"**{entries}**"
    return cells


def parts(found: Sequence[Both], row: Callable[..., Mapping[str, str]]) -> str:
    """A table with a row for each part of each function."""
    rows = [row(each, what) for each in found for what in dict.fromkeys(m.what for m in each[0].measurements)]
    return _table(list(dict.fromkeys(c for cells in rows for c in cells)), rows)


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    lines = table(columns, [[cells.get(c, "") for c in columns] for cells in rows]) if rows else []
    return "".join(f"{line}\n" for line in lines)


def _marked(of: Certificate, m: Measurement) -> str:
    size = _number(m.worst)
    return size if of.is_good(m) else f"**{size}**"


def _number(error: float) -> str:
    return "none" if not error < ALL else f"{error:.3g}"


# ---------------------------------------------------------------- peers

Peer = Callable[[Points], Any]


def peers(about: Subject, part: Part, value: Any, symbols: Sequence[sympy.Symbol]) -> Iterator[tuple[str, Peer]]:
    """What computes a part elsewhere, as functions of points, a row for each."""
    row = SCALAR[about.home.name]
    expr = value if part.along is None else derivative(value, symbols[part.along], 1)
    if find_spec("scipy") or not expr.has(sympy.erf):
        modules = ["numpy", "scipy"] if find_spec("scipy") else ["numpy"]
        yield "lambdify", _columns(sympy.lambdify(symbols, expr, modules=modules))
    if row.scipy and part.along is None:
        special = importlib.import_module("scipy.special")
        yield "scipy", _columns(lambda x, y=None, *_: eval(row.scipy, {"special": special, "x": x, "y": y}))
    if row.torch and find_spec("torch"):
        yield "torch", lambda points: _torch(row.torch, points, part.along)
    if row.jax and find_spec("jax"):
        yield "jax", lambda points: _jax(row.jax, points, part.along)


def _columns(function: Callable[..., Any]) -> Peer:
    return lambda points: np.broadcast_to(np.asarray(function(*points.T), dtype=np.float64), len(points))


def _torch(text: str, points: Points, along: int | None) -> Any:
    import torch

    columns = [torch.tensor(np.ascontiguousarray(each), requires_grad=along is not None) for each in points.T]
    names = dict(zip("xy", columns, strict=False))
    found = eval(text, {"torch": torch, "F": torch.nn.functional, **names})
    if along is None:
        return found.numpy()
    found.sum().backward()
    return columns[along].grad.numpy()


def _jax(text: str, points: Points, along: int | None) -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)

    def f(*columns: Any) -> Any:
        return eval(text, {"np": jax.numpy, "nn": jax.nn, **dict(zip("xy", columns, strict=False))})

    columns = [jax.numpy.asarray(each) for each in points.T]
    found = f(*columns) if along is None else jax.grad(lambda *c: f(*c).sum(), argnums=along)(*columns)
    return np.asarray(found)


def beside(names: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """The rows of the last table: a function and a part, and by column the worst error."""
    where = project()
    for name in names:
        definition = load(name, where)
        about = subject(definition, Home(name))
        symbols = about.references[0]._symbols
        value = formula(definition, symbols)
        points = _points(about)
        small = (np.abs(points[:, : about.arguments]) <= NEAR).all(axis=1)
        for part, reference in zip(about.parts, about.references, strict=True):
            if part.method == "second" or (part.along is not None and part.along >= about.arguments):
                continue
            truth = reference.at(points)
            own = _worst(ulps(about.call(part, points), truth), small)
            cells = {"function": name, "what": part.what, "chainrule": own}
            for peer, call in peers(about, part, value, symbols):
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    cells[peer] = _worst(ulps(np.array(call(points)), truth), small)
            yield cells


def _points(about: Subject) -> Points:
    """Lines over the whole range, and pairs; parameters at their defaults, which the peers' formulas have."""
    tails = [
        each for each in settings(about) if each[about.arguments - 1 :] == tuple(about.function.parameters.values())
    ]
    lines = [rows_of(line(FLOAT64, 1 if k == 0 else 8), each) for k, each in enumerate(tails[:4])]
    both = pairs(about, FLOAT64)
    if about.function.parameters and len(both):
        both[:, about.arguments :] = tuple(about.function.parameters.values())
    return inside(about, np.concatenate([*lines, both]))


def _worst(errors: Any, small: Any) -> str:
    known = np.where(np.isnan(errors), 0.0, errors)
    return f"{_number(float(known.max()))} ({_number(float(known[small].max()))})"


# ---------------------------------------------------------------- the command


@click.command()
@click.option("--only", metavar="NAMES", help="Some functions, with commas; nothing is written.")
def main(only: str | None) -> None:
    """Print the tables and write docs/accuracy.md."""
    every = [module.name for module in pkgutil.iter_modules(chainrule.functions.__path__)]
    names = only.split(",") if only else every
    found = certificates(names)
    numbers = [each for each in found if all(m.per == "point" for m in each[0].measurements)]
    vectors = [each for each in found if each not in numbers]
    text = HEAD + NUMBERS + parts(numbers, of_numbers) + VECTORS + parts(vectors, of_vectors)
    missing = sorted({*names} - {each.function for each, compiled in found if compiled})
    if missing:
        text += f"\nWithout a certificate of their code: {', '.join(missing)}.\n"
    rows = list(beside([name for name in names if name in SCALAR]))
    facts = environment()
    versions = ", ".join(
        f"{each} {_version(each)}" for each in ("numpy", "sympy", "scipy", "torch", "jax") if _version(each)
    )
    text += BESIDE.format(near=NEAR, versions=f"{versions}; {facts['machine']}, {facts['simd'][-1]}")
    columns = ("function", "what", "chainrule", *(peer for peer in PEERS if any(peer in cells for cells in rows)))
    text += _table(columns, rows)
    print(text)
    if not only:
        OUTPUT.write_text(text, encoding="utf-8")


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    main()
