"""Arrays as annotations name them. `numpy.typing` has the same, and takes a fifth of the time in which a function should be imported."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
Truths = np.ndarray[Any, np.dtype[np.bool_]]
Places = np.ndarray[Any, np.dtype[np.intp]]
