"""Long polynomials by Horner's rule, of which each step waits for the one before: all but the last steps, which round what is left, are computed in halves
that do not wait for each other (Estrin, 1960), a product and what is added to it rounded once."""

from collections import Counter
from collections.abc import Mapping, Sequence

from .statements import Value, Values

LONG = 8
"""Coefficients from which it is done."""
LAST = 2
"""Steps that stay as they are, for the sake of the last digit."""
SIGNS = {"np.add": 1.0, "np.subtract": -1.0, "product_plus": 1.0, "product_less": -1.0}
"""The steps, with the sign of what they add."""


def in_halves(all_values: Values) -> Values:
    """The values with long polynomials in halves."""
    found = _polynomials(all_values)
    made: list[Value] = []
    place: list[int] = []
    for k, value in enumerate(all_values.values):
        moved = Value(value.function, tuple(place[each] for each in value.operands), value.told, value.call)
        if k in found:
            x, coefficients = found[k]
            moved = _Maker(made, place[x]).polynomial(coefficients)
        made.append(moved)
        place.append(len(made) - 1)
    return Values(tuple(made), tuple(place[k] for k in all_values.results))


def _polynomials(all_values: Values) -> dict[int, tuple[int, list[float]]]:
    """By the last step of each, in what it is a polynomial, and its coefficients by rising powers."""
    values, results = all_values.values, all_values.results
    uses = Counter([*results, *(each for k in all_values.reached() for each in values[k].operands)])
    found: dict[int, tuple[int, list[float]]] = {}
    for k in range(len(values)):
        factors, added = _step(values, k, uses)
        for before, x in (factors, factors[::-1]) if factors else ():
            if values[before].function == "constant":
                found[k] = x, [added, values[before].told]
            elif before in found and found[before][0] == x and uses[before] == 1:
                found[k] = x, [added, *found.pop(before)[1]]
    return {k: each for k, each in found.items() if len(each[1]) >= LONG}


def _step(values: Sequence[Value], k: int, uses: Mapping[int, int]) -> tuple[tuple[int, ...], float]:
    """The factors of a product, and the constant that is added to it, if a value is such a step and the product is of no other use."""
    function, operands = values[k].function, values[k].operands
    if function in SIGNS and values[operands[-1]].function == "constant":
        added = SIGNS[function] * values[operands[-1]].told
        if len(operands) == 3:
            return operands[:2], added
        if values[operands[0]].function == "np.multiply" and uses[operands[0]] == 1:
            return values[operands[0]].operands, added
    return (), 0.0


class _Maker:
    """Appends values that compute polynomials in one of them."""

    def __init__(self, made: list[Value], x: int) -> None:
        self.made = made
        self.powers = {1: x}

    def polynomial(self, coefficients: Sequence[float]) -> Value:
        """The value that is one, after those that it is made of."""
        *first, last = coefficients[:LAST]
        total = self._half(coefficients[LAST:])
        for each in (last, *reversed(first)):
            step = Value("product_plus", (total, self.powers[1], self._number(each)))
            total = self._new(step)
        return self.made.pop()

    def _half(self, coefficients: Sequence[float]) -> int:
        if len(coefficients) == 1:
            return self._number(coefficients[0])
        place = 1 << (len(coefficients) - 1).bit_length() - 1
        lower, upper = self._half(coefficients[:place]), self._half(coefficients[place:])
        return self._new(Value("product_plus", (upper, self._power(place), lower)))

    def _power(self, place: int) -> int:
        if place not in self.powers:
            root = self._power(place // 2)
            self.powers[place] = self._new(Value("np.multiply", (root, root)))
        return self.powers[place]

    def _number(self, x: float) -> int:
        return self._new(Value("constant", told=x))

    def _new(self, value: Value) -> int:
        self.made.append(value)
        return len(self.made) - 1
