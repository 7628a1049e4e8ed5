"""The facts on which a measurement may depend beside the code."""

import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np


@lru_cache(maxsize=1)
def environment() -> Mapping[str, Any]:
    """Versions and the features of the processor that NumPy uses."""
    config: Any = np.show_config(mode="dicts")
    simd = config["SIMD Extensions"]
    return {
        "chainrule": version("chainrule"),
        "numpy": np.__version__,
        "python-flint": version("python-flint"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "simd": [*simd["baseline"], *simd["found"]],
    }
