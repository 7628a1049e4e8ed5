"""Two operations as one that is rounded once. Products that are added to something: as right as two or better, if the product is of no other use. And constants
in two parts, the second of which is less than the last digit of the first."""

import math
from collections import Counter
from collections.abc import Iterator

from .elements import CONTRACTED
from .statements import Value, Values

PART = 2.0**-52
"""Of a constant, more than a second part of it is."""


def at_once(all_values: Values) -> Values:
    """The values with constants in two parts added at once."""
    values, results = all_values.values, all_values.results

    def constant(k: int) -> float:
        return float(values[k].told) if values[k].function == "constant" else math.nan

    def made() -> Iterator[Value]:
        for value in values:
            first = values[value.operands[0]] if value.function == "np.add" else None
            if (
                first
                and first.function == "np.add"
                and 0 < abs(constant(value.operands[1])) < PART * abs(constant(first.operands[1]))
            ):
                yield Value("plus_parts", (*first.operands, value.operands[1]))
            else:
                yield value

    return Values(tuple(made()), results)


def contracted(all_values: Values) -> Values:
    """The values with as many such operations as there are."""
    values, results = all_values.values, all_values.results
    uses = Counter([*results, *(k for value in values for k in value.operands)])

    def product(k: int) -> bool:
        return values[k].function == "np.multiply" and uses[k] == 1

    def made() -> Iterator[Value]:
        for value in values:
            names = CONTRACTED.get(value.function, ())
            place = next((k for k, _ in enumerate(names) if product(value.operands[k])), None)
            if place is None:
                yield value
            else:
                other = value.operands[1 - place]
                yield Value(names[place], (*values[value.operands[place]].operands, other))

    return Values(tuple(made()), results)
