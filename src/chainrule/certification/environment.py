"""The facts on which a measurement may depend beside the code."""

import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np

from ..runtime.compiling import is_compiled


def environment() -> Mapping[str, Any]:
    """Versions and the features of the processor that NumPy uses; of Numba where code is compiled."""
    return _environment(is_compiled())


@lru_cache(maxsize=2)
def _environment(compiled: bool) -> Mapping[str, Any]:
    config: Any = np.show_config(mode="dicts")
    simd = config["SIMD Extensions"]
    return {
        "chainrule": version("chainrule"),
        "numpy": np.__version__,
        "python-flint": version("python-flint"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "simd": [*simd["baseline"], *simd["found"]],
        **({"numba": version("numba"), "llvmlite": version("llvmlite")} if compiled else {}),
    }
