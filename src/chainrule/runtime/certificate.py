"""How accurate a generated function has been measured to be: a small JSON file beside its folder, read when asked for."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

FOLDER = "certificates"
LIMIT = 4.0  # ulp, for values and first derivatives
ENTRY_LIMIT = 16.0  # ulp, for each component of the value and the derivative of a function of vectors
MIXED = ("vjp", "jvp")  # products with a vector: single components may cancel, so that only the row is held to a limit


@dataclass(frozen=True)
class Measurement:
    """The worst error of one part of a function in one precision.

    what: "value", "first derivative", "second by x", …. how: "sampled", or "exhaustive" over every number of the dtype.
    worst: in ulp of the exact result, inf for a wrong infinity or NaN. at: where, by argument. margin: what the
    uncertainty of the reference may add, in the same ulp. inexact: results that are not the nearest number.
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
    at: Mapping[str, float]
    got: float
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
        """The contents of its file."""
        return json.dumps(_plain(asdict(self)), indent=1, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str) -> "Certificate":
        """The inverse of `to_json`."""
        found = json.loads(text)
        rows = tuple(Measurement(**_floats(row)) for row in found.pop("measurements"))
        return Certificate(**{**found, "lost_nans": tuple(found["lost_nans"])}, measurements=rows)


def _plain(value: Any) -> Any:
    """Floats as JSON has them; the others, and -0, as text."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    return value


def _floats(row: dict[str, Any]) -> dict[str, Any]:
    row["at"] = {name: float(x) for name, x in row["at"].items()}
    return row | {name: float(row[name]) for name in ("worst", "got", "margin", "entries") if name in row}


def place(module: ModuleType) -> Path:
    """The file of the certificate of the function in a module: `certificates/` beside the folder of the module."""
    source = Path(str(module.__file__))
    return source.parent.parent / FOLDER / f"{source.stem}.json"


def read(module: ModuleType) -> Certificate | None:
    """The certificate of the function in a module; None where there is none, or where the code has changed since."""
    try:
        found = Certificate.from_json(place(module).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return found if found.code == code_digest(module) else None


def code_digest(module: ModuleType) -> str:
    """A digest of every line of code that computes a result: the functions of a module and those of ours they call."""
    todo = [each for each in vars(module).values() if isinstance(each, FunctionType)]
    sources: dict[str, str] = {}
    while todo:
        function = todo.pop()
        name = f"{function.__module__}.{function.__qualname__}"
        if name in sources or not (
            function.__module__ == module.__name__ or function.__module__.startswith("chainrule.")
        ):
            continue
        sources[name] = inspect.getsource(function)
        named = (function.__globals__.get(each) for each in function.__code__.co_names)
        todo += [each for each in named if isinstance(each, FunctionType)]
    text = "\n".join(sources[name] for name in sorted(sources))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
