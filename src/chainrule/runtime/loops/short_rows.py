"""The text of a loop over short rows, some of which lie in columns: all that a kernel computes of a row is straight-line code."""

from collections.abc import Iterator, Sequence

from .row_functions import LANES
from .row_terms import FOLDS, POSITION, Term, every_of

ROWS = 64
"""Rows that are worked through at a time; of fewer, a multiple of `LANES`."""
OUTSIDE = ("input", "position", "entry")
"""What is there before anything is computed."""


class ShortRows:
    """A function `loop` for some results of rows of `across` components. given: the input that has to be between -high and high.

    What is read and what is found lies in w, where every term has its place."""

    def __init__(
        self,
        results: Sequence[Term],
        wide: Sequence[bool],
        across: int,
        given: Term,
        high: float,
        tested: Sequence[Term],
    ) -> None:
        self.across, self.inputs, self.given, self.high = across, len(wide), given, high
        self.results, self.tested = results, tested
        self.every = every_of([*results, *tested])
        self.number = {one: k for k, one in enumerate(self.every)}
        self.places: dict[Term, int] = {}
        self.size = 0
        for one in self.every:
            if one.op in ("input", "entry") or one in results:
                self.places[one] = self.size
                self.size += ROWS * (across if one.wide else 1)

    def lines(self) -> Iterator[str]:
        """The lines of the function `loop`."""
        k = self.across
        arrays = [f"a{k}" for k in range(self.inputs)] + [f"out{k}" for k in range(len(self.results))]
        yield f"def loop(n, size, {', '.join(arrays)}):"
        yield f"    w = np.zeros({self.size}, KIND)"
        # a table, or the compiler takes one instruction for numbers that lie apart, which takes longer
        yield f"    places = np.empty({k}, np.uint64)"
        yield f"    for k in range({k}):"
        yield f"        places[k] = k * {ROWS}"
        yield "    bad = again = 0"
        yield f"    for first in range(0, n, {ROWS}):"
        for line in self._some():
            yield " " * 8 + line
        yield "    return AGAIN if again else DONE"

    def _some(self) -> Iterator[str]:
        k = self.across
        yield f"m = min({ROWS}, n - first)"
        yield f"z = {_array(self.given)}[first * {k} : (first + m) * {k}]"
        yield "for k in range(z.size):"
        yield f"    bad |= 0 if abs(z[k]) <= KIND({self.high}) else 1"
        yield "if bad:"
        yield "    return BAD"
        given = [one for one in self.every if one.op in ("input", "entry")]
        for one in given:
            place = self.places[one]
            if one.wide:
                yield f"z = {_array(one)}[first * {k} : (first + m) * {k}]"
            yield "for i in range(m):"
            if one.wide:
                yield f"    for j in range({k}):"
                yield f"        w[places[j] + np.uint64({place} + i)] = z[i * {k} + j]"
            elif one.op == "input":
                yield f"    w[{place} + i] = KIND({_array(one)}[first + i])"
            else:
                array, index = map(_array, one.of)
                yield f"    w[{place} + i] = {array}[(first + i) * {k} + {index}[first + i]]"
        yield f"for i in range((m + {LANES - 1}) & {-LANES}):"
        for one in self.every:
            for line in self._computed(one):
                yield f"    {line}"
            if one in self.results:
                for name, where in self._kept(one):
                    yield f"    {where} = {name}"
        for one in self.tested:
            yield f"    again |= 1 if {self._name(one)} else 0"
        for number, one in enumerate(self.results):
            place = self.places[one]
            if one.wide:
                yield f"z = out{number}[first * {k} : (first + m) * {k}]"
            yield "for i in range(m):"
            if one.wide:
                yield f"    for j in range({k}):"
                yield f"        z[i * {k} + j] = w[places[j] + np.uint64({place} + i)]"
            else:
                yield f"    out{number}[first + i] = w[{place} + i]"

    def _name(self, one: Term, j: int = 0) -> str:
        if one is POSITION:
            return f"KIND({j})"
        return f"x{self.number[one]}_{j}" if one.wide else f"x{self.number[one]}"

    def _names(self, one: Term) -> list[str]:
        return [self._name(one, j) for j in range(self.across if one.wide else 1)]

    def _kept(self, one: Term) -> list[tuple[str, str]]:
        """The names of a row's numbers, and where they are kept."""
        return [(name, f"w[{self.places[one] + j * ROWS} + i]") for j, name in enumerate(self._names(one))]

    def _computed(self, one: Term) -> Iterator[str]:
        name = self._name(one)
        if one.op in OUTSIDE:
            for each, where in self._kept(one) if one in self.places else ():
                yield f"{each} = {where}"
        elif one.op == "at":
            components, place = one.of
            yield f"{name} = {self._name(components)}"
            for j in range(1, self.across):
                yield f"{name} = select({self._name(place)} == KIND({j}), {self._name(components, j)}, {name})"
        elif one.op in FOLDS:
            yield from self._folded(one, self._names(one.of[0]), name)
        else:
            for j, each in enumerate(self._names(one)):
                yield f"{each} = {one.op.format(*[self._name(of, j) for of in one.of])}"

    def _folded(self, one: Term, of: Sequence[str], name: str) -> Iterator[str]:
        if one.op in ("sum", "wide_sum"):
            terms = [f"np.float64({each})" for each in of] if one.op == "wide_sum" else list(of)
            yield f"{name} = KIND({in_pairs(terms)})"
            return
        top = f"t{name}" if one.op != "largest" else name
        rest = []
        yield f"{top} = {of[0]}"
        if one.op == "place":
            yield f"{name} = ZERO"
        for j, each in enumerate(of[1:], 1):
            yield f"more = {each} > {top}"
            if one.op == "place":
                yield f"{name} = select(more, KIND({j}), {name})"
            if one.op == "others":
                rest.append(f"{name}_{j}")
                yield f"{name}_{j} = select(more, {top}, {each})"
            yield f"{top} = select(more, {each}, {top})"
        if one.op == "others":
            yield f"{name} = {in_pairs(rest) if rest else 'ZERO'}"


def in_pairs(terms: Sequence[str]) -> str:
    half = len(terms) // 2
    return f"({in_pairs(terms[:half])} + {in_pairs(terms[half:])})" if half else terms[0]


def _array(one: Term) -> str:
    return f"a{one.of[0].op}"
