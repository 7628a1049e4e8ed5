"""What `chainrule.runtime.extended` asks of arrays, in a loop."""

from typing import Any

from .compiler import compiled, plain


def fill_cancelled(total: Any, size: Any, near: float, out: Any) -> None:
    """Where a sum is smaller than so large a part of its terms."""
    _fill_cancelled(plain(total), plain(size), near, out)


@compiled
def _fill_cancelled(total: Any, size: Any, near: float, out: Any) -> None:
    for i in range(out.size):
        out[i] = abs(total[i]) < size[i] * near
