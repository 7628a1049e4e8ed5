"""Loops in Python compiled by Numba, and kept for the next process."""

import hashlib
import importlib.util
import linecache
import os
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba

HOW = {"error_model": "numpy", "nogil": True}
"""Division by 0 gives inf or NaN, and threads run side by side. No operation is reordered, and none contracted but by `.contraction`."""


def compiled(function: Callable[..., Any], cache: bool = True) -> Callable[..., Any]:
    """A function of arrays and numbers, compiled when it is first called, once for each combination of types."""
    made: Callable[..., Any] = numba.njit(cache=cache, **HOW)(function)
    return made


@lru_cache(maxsize=1024)
def compiled_text(text: str) -> Callable[..., Any]:
    """The function `loop` of a text of Python. The text becomes a file of the user's cache, beside which Numba keeps what it compiles; where there can
    be none it is compiled for this process alone."""
    name = f"chainrule_loop_{hashlib.sha256(text.encode()).hexdigest()[:24]}"
    try:
        path = _kept(name, text)
    except OSError:
        namespace: dict[str, Any] = {}
        linecache.cache[f"<{name}>"] = (len(text), None, text.splitlines(True), f"<{name}>")
        exec(compile(text, f"<{name}>", "exec"), namespace)
        return compiled(namespace["loop"], cache=False)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where Numba looks for it when it finds what it compiled before
    spec.loader.exec_module(module)
    return compiled(module.loop)


def plain(array: Any) -> Any:
    """The array, or a copy where it is read-only or not in one piece: for each such kind the loops would be compiled again."""
    return array if array.flags.carray else array.copy()


def folder() -> Path:
    """Where loops are kept: a folder of the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "chainrule" / "loops"


def _kept(name: str, text: str) -> Path:
    """The file with this text; written at once or not at all, for other processes may look at it."""
    path = folder() / f"{name}.py"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(draft, path)
    return path
