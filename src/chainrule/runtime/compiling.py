"""Whether code is compiled to loops (`chainrule.runtime.loops`), which go through memory once where calls of NumPy go through it once each."""

import os
from typing import Any

_on: bool | None = None
VARIABLE = "CHAINRULE_COMPILED"
MISSING = "{}: Numba, which compiles, is not installed; pip install 'chainrule[compiled]'."


def set_compiled(on: bool | None) -> None:
    """Let functions compile their code with Numba, each when it is first called; None goes back to the environment variable CHAINRULE_COMPILED, 1 or 0,
    and where that is not set to no. The first call of a function takes a second or two, later processes find what was compiled. Results are within the same
    limits (`.certificate` is that of the compiled code), but not the same to the last bit; those of a row of a vector function may differ by an ulp with the rows
    beside it, which are computed with it or not.
    Raises ImportError where Numba is not installed, TypeError for what is neither True, False nor None."""
    global _on
    if on is not None and not isinstance(on, bool):
        raise TypeError(f"set_compiled({on!r}): give True, False, or None for the default.")
    if on:
        _require(f"set_compiled({on})")
    _on = on


def is_compiled() -> bool:
    """Whether a call made now would run compiled code. The environment is looked at once."""
    global _on
    if _on is None:
        _on = _by_default()
    return _on


def loops() -> Any:
    """What runs compiled code: `chainrule.runtime.loops.kernels`, which is loaded when it is first needed, and Numba with it."""
    global _loops
    if _loops is None:
        from .loops import kernels

        _loops = kernels
    return _loops


_loops: Any = None


class _Calls(dict[Any, Any]):
    """A call that is not there has no result, so that another way is taken."""

    def __missing__(self, key: Any) -> Any:
        return _no_result


def _no_result(args: Any, out: Any) -> None:
    return None


DIRECT = _Calls()
"""By the calls of `chainrule.runtime.direct.direct`, those that do the same by loops."""


def is_single_in_loops(kernel: Any) -> bool:
    """Whether the module of a kernel says that its code for all numbers is right in float32 as well, where loops compute by it."""
    return kernel.block.__name__ in kernel.block.__globals__.get("SINGLE_IN_LOOPS", ())


def _by_default() -> bool:
    given = os.environ.get(VARIABLE, "").strip()
    if given not in ("", "0", "1"):
        raise ValueError(f"{VARIABLE}={given!r}: it is 1 or 0.")
    if given == "1":
        _require(f"{VARIABLE}=1")
    return given == "1"


def _require(asked: str) -> None:
    from importlib.util import find_spec

    if find_spec("numba") is None:
        raise ImportError(MISSING.format(asked))
