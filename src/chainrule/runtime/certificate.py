"""How accurate a generated function has been measured to be: a small JSON file beside its folder, read when asked for."""

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from .compiling import is_compiled

FOLDER = "certificates"
LOOPS, OF_LOOPS = "loops", "SINGLE_IN_LOOPS"
"""The folder of what makes loops, and what a module says for them alone."""
MAKERS = {
    "all": ("compiler", "elementary"),
    "numbers": (
        "contraction",
        "domains",
        "elements",
        "exponential",
        "gates",
        "kernels",
        "plan",
        "ranges",
        "single_gates",
        "statements",
        "texts",
    ),
    "more digits": ("extended", "pairs", "programs", "twice"),
    "rows": ("long_rows", "row_functions", "row_terms", "rows", "short_rows"),
}
"""What makes loops of functions of numbers and of vectors, by the names of modules in that folder."""
LIMIT = 4.0  # ulp, for values and first derivatives
ENTRY_LIMIT = 16.0  # ulp, for each component of the value and the derivative of a function of vectors
MIXED = ("vjp", "jvp")  # products with a vector: single components may cancel, so that only the row is held to a limit


@dataclass(frozen=True)
class Measurement:
    """The worst error of one part of a function in one precision.

    what: "value", "first derivative", "second by x", …. how: "sampled", or "exhaustive" over every number of the dtype.
    worst: in ulp of the exact result, inf for a wrong infinity or NaN. at: where, by argument, and got: the result there; left out of a sweep
    in which every result is the nearest number, of which no more is known than that it is off by half an ulp at most.
    margin: what the uncertainty of the reference may add, in the same ulp. inexact: results that are not the nearest number.
    mismatches: points with a wrong infinity or NaN.
    wrong_zeros: points where the sign of a zero is not that of the exact value. undecided: points without a reference.
    on_edge: points so near a jump that rounding an argument crosses it, where either side counts as right.
    per: what an ulp of ``worst`` belongs to: the "point", or for a function of vectors the "row", its largest exact
    component. entries: of such a function also the worst error of a component that is a normal number, 0 or infinite, in
    its own ulp; rows: at which kinds of rows.
    """

    what: str
    dtype: str
    how: str
    points: int
    worst: float
    at: Mapping[str, float] = field(default_factory=dict)
    got: float = 0.0
    margin: float = 0.0
    inexact: int = 0
    mismatches: int = 0
    wrong_zeros: int = 0
    undecided: int = 0
    on_edge: int = 0
    per: str = "point"
    entries: float = 0.0
    rows: str = ""

    @property
    def bound(self) -> float:
        """The worst error with the uncertainty of the reference."""
        return self.worst + self.margin

    @property
    def error(self) -> str:
        """The worst error in words."""
        return f"{self.worst:g} ulp" + (f" of the row, {self.entries:g} of a component" if self.per == "row" else "")


@dataclass(frozen=True)
class Certificate:
    """What was measured of a function, of exactly this code, and in which environment.

    warnings: RuntimeWarnings during the measurement. lost_nans: parts that turn a NaN argument into a number.
    """

    function: str
    code: str
    reference: str
    measurements: tuple[Measurement, ...]
    warnings: int = 0
    lost_nans: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)

    def is_good(self, m: Measurement) -> bool:
        """Whether a measurement is within the limit. Second derivatives are measured and not held to it."""
        entries = m.entries <= ENTRY_LIMIT or m.what.startswith(MIXED)
        return m.what.startswith("second") or (m.bound <= LIMIT and entries and not m.undecided)

    def faults(self) -> tuple[str, ...]:
        """What is wrong, a line each; none means that the function keeps what it promises."""
        lines = [f"{m.what} in {m.dtype}: {m.error}" for m in self.measurements if not self.is_good(m)]
        lines += [f"{self.warnings} RuntimeWarnings"] if self.warnings else []
        lines += [f"{what}: NaN in, a number out" for what in self.lost_nans]
        return tuple(f"{self.function}: {line}" for line in lines)

    def to_json(self) -> str:
        """The contents of its file: a line for each measurement, without what is as it should be."""
        rows = ",\n  ".join(json.dumps(_plain(_told(m)), ensure_ascii=False) for m in self.measurements)
        told = {name: value for name, value in asdict(self).items() if name != "measurements"}
        head = json.dumps(_plain(told), indent=1, ensure_ascii=False).removesuffix("\n}")
        return f'{head},\n "measurements": [\n  {rows}\n ]\n}}\n'

    @staticmethod
    def from_json(text: str) -> "Certificate":
        """The inverse of `to_json`."""
        found = json.loads(text)
        rows = tuple(Measurement(**_floats(row)) for row in found.pop("measurements"))
        return Certificate(**{**found, "lost_nans": tuple(found["lost_nans"])}, measurements=rows)


def _told(m: Measurement) -> dict[str, Any]:
    """The fields of a measurement that have no default, or another value."""
    usual = {f.name: f.default_factory() if f.default_factory is not MISSING else f.default for f in fields(m)}
    return {name: value for name, value in asdict(m).items() if value != usual[name]}


def _plain(value: Any) -> Any:
    """Floats as JSON has them; the others as text."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    return value


def _floats(row: dict[str, Any]) -> dict[str, Any]:
    if "at" in row:
        row["at"] = {name: float(x) for name, x in row["at"].items()}
    return row | {name: float(row[name]) for name in ("worst", "got", "margin", "entries") if name in row}


def place(module: ModuleType, compiled: bool | None = None) -> Path:
    """The file of the certificate of the function in a module: `certificates/` beside the folder of the module. compiled: whether that of its compiled code is
    meant; None: whether a call made now would run that, here and below."""
    source = Path(str(module.__file__))
    return source.parent.parent / FOLDER / f"{source.stem}{'.compiled' if _is_meant(compiled) else ''}.json"


def _is_meant(compiled: bool | None) -> bool:
    return is_compiled() if compiled is None else compiled


def read(module: ModuleType, compiled: bool | None = None) -> Certificate | None:
    """The certificate of the function in a module; None where there is none, or where the code has changed since."""
    compiled = _is_meant(compiled)
    try:
        found = Certificate.from_json(place(module, compiled).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found if found.code == code_digest(module, compiled) else None


# ---------------------------------------------------------------- the code that was measured

OWN = __name__.partition(".")[0] + "."
SILENT = {"annotation", "returns", "type_comment", "type_params", "kind", "ctx", "doc"}
"""Parts of a program, by field or keyword, that do not compute."""
NAME = re.compile(r"Name\(id='(\w+)'")
"""A name in what `_canonical` writes."""


def code_digest(module: ModuleType, compiled: bool | None = None) -> str:
    """A digest of all code that computes a result: the definitions of a module and those of the package that they reach; of compiled code also all that
    makes loops of it.

    As it is parsed: neither comments, docstrings and annotations nor the errors that are raised count, nor what is done only ``if is_compiled()``, nor what only those refer to."""
    compiled = _is_meant(compiled)
    todo = [("", name) for name in _parsed(_text(module)).definitions if compiled or name != OF_LOOPS]
    reached: dict[tuple[str, str], str] = {}
    while todo:
        place, name = todo.pop()
        home = _parsed(_text(sys.modules[place] if place else module))
        if name in home.imported:
            todo.append(home.imported[name])
        elif name in home.definitions and (place, name) not in reached:
            reached[place, name], used = home.definitions[name]
            todo += [(place, each) for each in used]
    text = "\n".join(f"{place}:{name} {code}" for (place, name), code in sorted(reached.items()))
    if compiled:
        kind = "rows" if any(name == "VectorFunction" for _, name in reached) else "numbers"
        more = any(place.endswith((".extended", ".exponents")) for place, _ in reached) and kind == "numbers"
        names = sorted((*MAKERS["all"], *MAKERS[kind], *(MAKERS["more digits"] if more else ())))
        files = [Path(__file__).parent / LOOPS / f"{name}.py" for name in names]
        text += "\n".join(_canonical(ast.parse(file.read_text(encoding="utf-8"))) for file in files)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Parsed:
    """What stands at the top of a module. definitions: code and the names in it; imported: from which module of the package, under which name."""

    definitions: Mapping[str, tuple[str, frozenset[str]]]
    imported: Mapping[str, tuple[str, str]]


def _text(module: ModuleType) -> tuple[str, str]:
    return Path(str(module.__file__)).read_text(encoding="utf-8"), module.__package__ or ""


@lru_cache(maxsize=128)
def _parsed(source: tuple[str, str]) -> _Parsed:
    text, package = source
    definitions: dict[str, tuple[str, frozenset[str]]] = {}
    imported: dict[str, tuple[str, str]] = {}
    top = ast.parse(text).body
    late = [
        inner for each in top if isinstance(each, ast.If) for inner in each.body
    ]  # under TYPE_CHECKING: loaded when they are used
    for statement in (*top, *late):
        if isinstance(statement, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) + 1 - statement.level] if statement.level else []
            origin = ".".join([*parents, *([statement.module] if statement.module else [])])
            imported |= {a.asname or a.name: (origin, a.name) for a in statement.names if origin.startswith(OWN)}
        for name in _defined(statement):
            code = definitions.get(name, ("", frozenset()))[0] + _canonical(statement)
            definitions[name] = code, frozenset(NAME.findall(code))
    return _Parsed(definitions, imported)


def _defined(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))


def _is_of_compiled(node: ast.AST) -> bool:
    """Whether it is done only where code is compiled: ``if is_compiled():``, or ``if is_compiled() and …:``, alone."""
    if not isinstance(node, ast.If) or node.orelse:
        return False
    tests = node.test.values if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And) else [node.test]
    return ast.unparse(tests[0]) == "is_compiled()"


def _canonical(node: Any) -> str:
    """A syntax tree as text, the same in every version of Python."""
    if isinstance(node, list):
        return f"[{' '.join(filter(None, map(_canonical, node)))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    if isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return ""
    if _is_of_compiled(node):
        return ""
    if isinstance(node, ast.keyword) and node.arg in SILENT:
        return ""
    parts = ((name, value) for name, value in ast.iter_fields(node) if name not in SILENT and value not in (None, []))
    return f"{type(node).__name__}({' '.join(f'{name}={_canonical(value)}' for name, value in parts)})"
