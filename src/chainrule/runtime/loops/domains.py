"""Tests of what loops read, as whole numbers that become negative: a processor puts the signs of several elements together at once, where it would have to pack truth
values. The bits of floats are in the order of the floats, so that a domain is tested by differences of bits."""

from dataclasses import dataclass
from math import inf

from .elements import number

NAMES = "WHOLE = np.int{bits}\nMASK = WHOLE(np.iinfo(WHOLE).max)"


@dataclass(frozen=True)
class Test:
    """Sets a bit for an input outside a domain, and for NaN. Where the domain begins at 0 it may be set for -0, too."""

    number: int
    low: float
    high: float
    open_low: bool
    open_high: bool
    bit: int

    def terms(self, x: str) -> list[str]:
        """Whole numbers of which one is negative for such an x. It is tested in what is computed in."""
        bits = _bits(x)
        low, high = (_bits(number(end)) for end in (self.low, self.high))
        if self.low == -self.high and self.open_low == self.open_high:
            return [f"{high} - {self.open_high:d} - ({bits} & MASK)"]
        if self.low >= 0:
            return [bits, f"{high} - {self.open_high:d} - {bits}", f"{bits} - {low} - {self.open_low:d}"]
        without = (self.low == -inf and self.open_low) or (self.high == inf and self.open_high)
        ends = [f"{_bits('INF')} - {without:d} - ({bits} & MASK)"]
        ends += [_in_order(number(self.low), x, self.open_low)] * (self.low > -inf)
        return ends + [_in_order(x, number(self.high), self.open_high)] * (self.high < inf)


def _in_order(a: str, b: str, strictly: bool) -> str:
    """Negative unless a <= b, or a < b."""
    return f"~{_bits(f'{a} - {b}')}" if strictly else _bits(f"{b} - {a}")


def _bits(x: str) -> str:
    return f"KIND({x}).view(WHOLE)"
