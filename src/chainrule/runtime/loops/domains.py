"""Tests of what loops read, as whole numbers that become negative: a processor puts the signs of several elements together at once, where it would have to pack truth
values. The bits of floats are in the order of the floats, so that a domain is tested by differences of bits."""

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from .elements import number


@dataclass(frozen=True)
class Type:
    """The names under which a loop knows a type of floats, the whole numbers of as many bits, and all bits but the sign."""

    floats: str
    whole: str
    bits: str

    def text(self, kind: str) -> str:
        """The lines that give a kind of floats these names."""
        whole = f"np.int{kind.removeprefix('float')}"
        return f"{self.floats} = np.{kind}\n{self.whole} = {whole}\n{self.bits} = {self.whole}(np.iinfo({whole}).max)"


COMPUTED, READ = Type("KIND", "WHOLE", "MASK"), Type("READ", "READ_WHOLE", "READ_MASK")
"""What a loop computes in, and what is in an array of another type that it reads."""


@dataclass(frozen=True)
class Test:
    """Sets a bit for an input outside a domain, and for NaN. Where the domain begins at 0 it may be set for -0, too."""

    number: int
    low: float
    high: float
    open_low: bool
    open_high: bool
    bit: int

    def terms(self, x: str, type_: Type = COMPUTED) -> list[str]:
        """Whole numbers of which one is negative for such an x, which is of that type."""
        bits, mask = _bits(x, type_), type_.bits
        low, high = (_bits(number(end), type_) for end in (self.low, self.high))
        if self.low == -self.high and self.open_low == self.open_high:
            return [f"{high} - {self.open_high:d} - ({bits} & {mask})"]
        if self.low >= 0:
            return [bits, f"{high} - {self.open_high:d} - {bits}"] + [f"{bits} - {low} - {self.open_low:d}"] * (
                self.low > 0 or self.open_low
            )
        without = (self.low == -inf and self.open_low) or (self.high == inf and self.open_high)
        ends = [f"{_bits('INF', type_)} - {without:d} - ({bits} & {mask})"]
        ends += [_in_order(number(self.low), x, self.open_low, type_)] * (self.low > -inf)
        return ends + [_in_order(x, number(self.high), self.open_high, type_)] * (self.high < inf)

    def of_single(self) -> "Test":
        """The same test of numbers of float32: with the ends of the domain that are among these."""
        with np.errstate(over="ignore"):
            low, high = (float(np.float32(end)) for end in (self.low, self.high))
        low = low if low >= self.low else float(np.nextafter(np.float32(low), np.float32(inf)))
        high = high if high <= self.high else float(np.nextafter(np.float32(high), np.float32(-inf)))
        opens = self.open_low and low == self.low, self.open_high and high == self.high
        return replace(self, low=low, high=high, open_low=opens[0], open_high=opens[1])


def _in_order(a: str, b: str, strictly: bool, type_: Type) -> str:
    """Negative unless a <= b, or a < b."""
    first, second = f"{type_.floats}({a})", f"{type_.floats}({b})"
    return f"~{_bits(f'{first} - {second}', type_)}" if strictly else _bits(f"{second} - {first}", type_)


def _bits(x: str, type_: Type) -> str:
    return f"{type_.floats}({x}).view({type_.whole})"
