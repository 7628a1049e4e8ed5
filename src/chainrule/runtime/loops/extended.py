"""What `chainrule.runtime.extended` asks of arrays, in a loop."""

from typing import Any

from .compiler import compiled, plain


def cancelled(total: Any, size: Any, near: float) -> int:
    """How many sums are smaller than so large a part of their terms."""
    return int(_cancelled(plain(total), plain(size), near))


@compiled
def _cancelled(total: Any, size: Any, near: float) -> int:
    count = 0
    for i in range(total.size):
        count += abs(total[i]) < size[i] * near
    return count
