"""How many threads large arrays are shared between."""

import os
import sys

_chosen: int | None = None
VARIABLE = "CHAINRULE_THREADS"


def set_threads(n: int | None) -> None:
    """Let functions of large arrays use `n` threads; None goes back to the environment variable CHAINRULE_THREADS, and
    where that is not set to one thread in a worker process of multiprocessing, elsewhere to every core that this process
    may use. Results do not depend on it. Raises ValueError for what is no positive whole number."""
    global _chosen
    if n is not None and (isinstance(n, bool) or not hasattr(n, "__index__") or n < 1):
        raise ValueError(f"set_threads({n!r}): give a whole number from 1, or None for the default.")
    _chosen = None if n is None else int(n)


def get_threads() -> int:
    """The number of threads that a call made now would use for a large array."""
    if _chosen is not None:
        return _chosen
    given = os.environ.get(VARIABLE, "").strip()
    if given:
        if not given.isdecimal() or int(given) < 1:
            raise ValueError(f"{VARIABLE}={given!r}: it is a whole number from 1.")
        return int(given)
    return 1 if _is_worker() else usable_cores()


def usable_cores() -> int:
    """The cores that this process may use, whatever the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_worker() -> bool:
    """A child of multiprocessing, where the other cores belong to its siblings. It has loaded that module before us."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None
