"""Products that are added to something, as one operation that is rounded once: as right as two or better, if the product is of no other use."""

from collections import Counter
from collections.abc import Iterator

from .elements import CONTRACTED
from .statements import Value, Values


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
