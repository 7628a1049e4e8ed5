"""Where generated code takes another branch: its own comparisons, watched while it runs.

A private copy of the module is given a NumPy that notes every array of truths that passes through it, so that the
thresholds are found wherever they come from: `x < 0`, a minimum, a bound on an intermediate result.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..codegen.floats import between
from ..runtime.scalar import ScalarFunction
from . import sampling
from .sampling import Points
from .subject import Part, Subject, fresh

CHOOSING = {"where", "select", "copyto", "putmask"}
COMPARING = {"minimum": np.less, "maximum": np.less, "fmin": np.less, "fmax": np.less}
MOST = 64
Seen: TypeAlias = Callable[[Points], list[npt.NDArray[np.bool_]]]


class _Watching:
    """NumPy, with the truths that its functions meet or make."""

    def __init__(self) -> None:
        self.size = 0
        self.seen: list[npt.NDArray[np.bool_]] = []

    def __getattr__(self, name: str) -> Any:
        original = getattr(np, name)
        if not callable(original) or isinstance(original, type):
            return original

        def watched(*args: Any, **kwargs: Any) -> Any:
            for each in (*args, *kwargs.values()) if name in CHOOSING else ():
                self._note(each)
            if name in COMPARING:
                self._note(COMPARING[name](args[0], args[1]))
            if name in ("abs", "absolute", "sign"):
                self._note(np.asarray(args[0]) < 0)
            result = original(*args, **kwargs)
            self._note(result)
            return result

        return watched

    def _note(self, found: Any) -> None:
        if isinstance(found, np.ndarray) and found.dtype == bool and found.size == self.size:
            self.seen.append(found.ravel().copy())


def switches(subject: Subject, part: Part, points: Points, own: ModuleType | None = None) -> Points:
    """The numbers along a line of points, in order of the first variable, where a comparison of the code changes.

    own: a module with other code, whose NumPy will not be the usual one afterwards."""
    module = own or fresh(subject.home.name, Path(str(subject.home.module().__file__)))
    watching = _Watching()
    vars(module)["np"] = watching
    copy: ScalarFunction = getattr(module, subject.home.name)
    xs, rest = points[:, 0], points[0, 1:]

    def seen(values: Points) -> list[npt.NDArray[np.bool_]]:
        watching.size, watching.seen = len(values), []
        rows = sampling.rows_of(values, rest)
        with np.errstate(all="ignore"):
            subject.call(part, rows, copy)
        return watching.seen

    found = []
    for number, truths in enumerate(seen(xs)):
        change = np.flatnonzero(truths[1:] != truths[:-1])
        if not len(change) or len(change) > MOST:
            continue
        low, high, first = xs[change], xs[change + 1], truths[change]
        found.append(between(low, high, partial(_as_before, seen, number, first)))
    return np.unique(np.concatenate(found)) if found else xs[:0]


def _as_before(seen: Seen, number: int, first: npt.NDArray[np.bool_], middle: Points) -> npt.NDArray[np.bool_]:
    """Where a comparison gives what it gave first; nowhere if, for these numbers, the code did not come to it."""
    now = seen(middle)
    return now[number] == first if number < len(now) else np.zeros(len(middle), bool)
