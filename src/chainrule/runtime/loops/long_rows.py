"""The text of loops over long rows: one loop over the components until sums of the row are needed, the next until those are that are made of them.

A row is gone through in blocks, `across` components for each lane. What is complete is read and written where it is; the rest of a row, with numbers after
its end, in a block of its own. Exponentials are kept for the later loops; all else takes less time to be computed again than to be kept."""

from collections.abc import Generator, Iterable, Iterator, Sequence

from .row_functions import APART, LANES
from .row_terms import PATCHES, Term, every_of
from .short_rows import in_pairs

FOLDS = ("sum", "exact_sum", "largest")


class LongRows:
    """A function `loop` for some results. scores: the term of which the exponentials are taken, an input (given) or minus that, which has to be between
    -high and high; beyond: what stands after the end of a row."""

    def __init__(
        self,
        results: Sequence[Term],
        wide: Sequence[bool],
        across: int,
        given: Term,
        high: float,
        beyond: float,
        tested: Sequence[Term],
    ) -> None:
        self.across, self.block, self.wide = across, across * LANES, wide
        self.given, self.high, self.beyond = given, high, beyond
        self.results, self.tested = results, tested
        self.bases = [_base(one) for one in results]
        self.every = [one for one in every_of([*results, *tested]) if one.op not in PATCHES]
        self.number = {one: k for k, one in enumerate(self.every)}
        self.stage: dict[Term, int] = {}
        for one in self.every:
            later = not one.wide and any(each.wide for each in one.of)
            self.stage[one] = max((self.stage.get(each, 0) + (later and each.wide) for each in one.of), default=0)
        self.kept: list[Term] = []  # while these are found
        self.kept = [one for one in self.every if one.op == "exp({})" and self._last_use(one) > self.stage[one]]
        self.sums = [one for one in self.every if one.op in ("sum", "exact_sum")]
        self.tops = [one for one in self.every if one.op == "largest"]
        arrays = [*(f"u{k}" for k in range(len(wide))), *(f"o{k}" for k in range(len(results))), "t"]
        arrays += [f"{kind}{self.number[one]}" for kind, ones in (("v", self.sums), ("r", self.sums)) for one in ones]
        arrays += [f"m{self.number[one]}" for one in self.tops] + [f"w{self.number[one]}" for one in self.kept]
        self.key = {name: k for k, name in enumerate(arrays)}

    def lines(self) -> Iterator[str]:
        """The lines of the function `loop`; none where single components are replaced of what is no result."""
        if len(self.key) > APART or any(one.op in PATCHES for each in self.every for one in each.of):
            return
        inputs = [k for k, wide in enumerate(self.wide) if wide]
        outs = [k for k, one in enumerate(self.bases) if one.wide]
        arrays = [f"a{k}" for k in range(len(self.wide))] + [f"out{k}" for k in range(len(self.results))]
        yield f"def loop(n, size, {', '.join(arrays)}):"
        yield f"    full, rest = size // {self.block}, size % {self.block}"
        yield "    count = full + (1 if rest else 0)"
        for k in inputs:
            yield f"    p{k} = np.full({self.block}, KIND({self.beyond if k == self._input(self.given) else 0.0}))"
        for k in outs:
            yield f"    q{k} = np.empty({self.block}, KIND)"
        for one in self.kept:
            yield f"    w{self.number[one]} = np.empty(count * {self.block}, KIND)"
        for one in self.sums:
            for name in self._sums(one):
                yield f"    {name} = np.zeros((count + 3) // 4 * {4 * LANES}, KIND)"
        for one in self.tops:
            yield f"    m{self.number[one]} = np.empty({LANES}, KIND)"
        yield "    sums, more, sizes = np.empty(f.SUMS), np.empty(f.SUMS), np.empty(f.SUMS)"
        yield f"    high, bad, beyond = KIND({self.high}).view(WHOLE), np.zeros({LANES}, WHOLE), np.zeros({LANES}, WHOLE)"
        yield "    again = False"
        yield "    for first in range(n):"
        for line in self._row(inputs, outs):
            yield " " * 8 + line
        yield "    return AGAIN if again else DONE"

    def _row(self, inputs: Sequence[int], outs: Sequence[int]) -> Iterator[str]:
        for k in inputs:
            yield f"z{k} = a{k}[first * size : (first + 1) * size]"
        for k in outs:
            yield f"y{k} = out{k}[first * size : (first + 1) * size]"
        yield "for k in range(rest):"
        for k in inputs:
            yield f"    p{k}[k] = z{k}[full * {self.block} + k]"
        yield f"    bad[0] = max(bad[0], KIND(abs(z{self._input(self.given)}[full * {self.block} + k])).view(WHOLE))"
        for one in self.tops:
            yield f"m{self.number[one]}[:] = -HUGE"
        for stage in range(1 + max(self.stage.values())):
            for one in self.every:
                if not one.wide and one.op != "input" and self.stage[one] == stage:
                    yield from self._of_row(one)
            yield from self._loop(stage, inputs, outs)
            if not stage:
                yield "if f.over(bad, high):"
                yield "    return BAD"
        if outs:
            yield "for k in range(rest):"
            for k in outs:
                yield f"    y{k}[full * {self.block} + k] = q{k}[k]"
        for k, (one, base) in enumerate(zip(self.results, self.bases, strict=True)):
            if base.wide:
                yield from self._patched(one, f"y{k}")
            else:
                yield f"out{k}[first] = {self._name(base)}"
        for one in self.tested:
            yield f"again |= {self._name(one)}"

    def _loop(self, stage: int, inputs: Sequence[int], outs: Sequence[int]) -> Iterator[str]:
        """Over the components, with all that is known of the row when it starts."""
        folds = [one for one in self.every if one.op in FOLDS and self.stage[one] == stage + 1]
        stored = [(k, one) for k, one in enumerate(self.bases) if one.wide and self.stage[one] == stage]
        here = self._needed([*(one.of[0] for one in folds), *(one for _, one in stored)], stage)
        if not here and stage:
            return
        if not stage and self.given not in here:
            here.insert(0, self.given)
        yield "for start, stop in ((0, full), (full, count)):"
        for k in inputs:
            yield f"    u{k} = p{k} if start == full else z{k}"
        if not stage:
            yield "    t = beyond if start == full else bad"
        for k, _ in stored:
            yield f"    o{k} = q{k} if start == full else y{k}"
        yield "    for b in range(start, stop):"
        if not stage:
            yield f"        for k in range(0, {self.block}, LINE):"
            for k in inputs:
                yield f"            prefetch(a{k}, (first + 1) * size + b * {self.block} + k)"
        yield f"        here, there = (b - start) * {self.block}, b * {self.block}"
        yield f"        for i in range({LANES}):"
        for line in self._lanes(here, folds, stored, stage):
            yield " " * 12 + line

    def _lanes(
        self, here: Sequence[Term], folds: Sequence[Term], stored: Sequence[tuple[int, Term]], stage: int
    ) -> Iterator[str]:
        for one in here:
            for j, name in enumerate(self._names(one)):
                yield f"{name} = {self._computed(one, j, stage)}"
                if one in self.kept and self.stage[one] == stage:
                    yield self._written(f"w{self.number[one]}", f"there + {j * LANES} + i", name)
        if not stage:
            yield from self._tested()
        for one in folds:
            yield from self._folded(one)
        for k, one in stored:
            for j, name in enumerate(self._names(one)):
                yield self._written(f"o{k}", f"here + {j * LANES} + i", name)

    def _tested(self) -> Iterator[str]:
        yield f"worst = {self._read('t', 'i')}"
        for name in self._names(self.given):
            yield f"bits = KIND(abs({name})).view(WHOLE)"
            yield "worst = select(bits > worst, bits, worst)"
        yield self._written("t", "i", "worst")

    def _computed(self, one: Term, j: int, stage: int) -> str:
        if one.op == "input":
            return self._read(f"u{self._input(one)}", f"here + {j * LANES} + i")
        if one in self.kept and self.stage[one] < stage:
            return self._read(f"w{self.number[one]}", f"there + {j * LANES} + i")
        return one.op.format(*[self._name(of, j) for of in one.of])

    def _folded(self, one: Term) -> Iterator[str]:
        of, name = self._names(one.of[0]), f"x{self.number[one]}"
        if one.op == "largest":
            lanes = f"m{self.number[one]}"
            yield f"{name} = {self._read(lanes, 'i')}"
            for each in of:
                yield f"{name} = select({each} > {name}, {each}, {name})"
            yield self._written(lanes, "i", name)
            return
        if one.op == "sum":
            found = [in_pairs(of)]
        else:
            errors: list[str] = []
            found = [(yield from _exactly_in_pairs(of, f"{name}_", errors))]
            found.append(in_pairs(errors) if errors else "ZERO")
        for array, each in zip(self._sums(one), found, strict=True):
            yield self._written(array, f"b * {LANES} + i", each)

    def _of_row(self, one: Term) -> Iterator[str]:
        name = self._name(one)
        if one.op == "largest":
            yield f"{name} = f.largest(m{self.number[one]})"
        elif one.op in FOLDS:
            yield f"{name}_more = {' + '.join(f'f.total({each}, sums, more)' for each in self._sums(one))}"
            yield f"{name} = KIND({name}_more)"
        elif one.op == "place":
            yield f"{name} = {self._place(one.of[1])}"
        elif one.op == "at":
            yield f"{name} = {self._at(one.of[0], self._name(one.of[1]))}"
        elif one.op == "entry":
            yield f"{name} = z{self._input(one.of[0])}[a{self._input(one.of[1])}[first]]"
        elif one.op == "others":
            yield from self._others(one, name)
        else:
            yield f"{name} = {one.op.format(*map(self._name, one.of))}"

    def _others(self, one: Term, name: str) -> Iterator[str]:
        """The sum of all but the largest: what the largest leaves of the sum, or where that is little, a sum in which it never was."""
        e, total, top, largest = one.of
        lanes = f"v{self.number[total]}"
        yield f"{name} = KIND({self._name(total)}_more - np.float64({self._name(top)}))"
        yield f"if {self._name(top)} > {name}:"
        yield f"    place = {self._place(largest)}"
        yield f"    lane = place // {self.block} * {LANES} + place % {LANES}"
        yield f"    {lanes}[lane] = ZERO"
        yield f"    for k in range({self.across}):"
        yield f"        near = place // {self.block} * {self.block} + k * {LANES} + place % {LANES}"
        yield "        if near != place and near < size:"
        yield f"            {lanes}[lane] += {self._at(e, 'near')}"
        yield f"    {name} = KIND(f.total({lanes}, sums, more))"

    def _patched(self, one: Term, row: str) -> Iterator[str]:
        """What is done to single components of a row of results."""
        if one.op not in PATCHES:
            return
        yield from self._patched(one.of[0], row)
        if one.op == "less_at":
            yield f"{row}[a{self._input(one.of[1])}[first]] -= ONE"
            return
        _, term, top, largest = one.of
        yield f"if {self._name(top)} + {self._name(top)} > ONE:"
        yield f"    place = {self._place(largest)}"
        yield f"    f.balance({row}, place, abs({self._at(term, 'place')}), sums, more, sizes)"

    def _at(self, one: Term, place: str) -> str:
        """One component of a term."""
        if not one.wide:
            return self._name(one)
        if one.op == "input":
            return f"z{self._input(one)}[{place}]"
        return one.op.format(*[self._at(each, place) for each in one.of])

    def _place(self, largest: Term) -> str:
        return f"f.place(z{self._input(self.given)}, {'-' * (largest.of[0] is not self.given)}{self._name(largest)})"

    def _last_use(self, one: Term) -> int:
        """The number of the last loop that needs it."""
        users = [(each, self.stage[each]) for each in self.every if each.wide]
        users += [(each.of[0], self.stage[each] - 1) for each in self.every if each.op in FOLDS]
        return max((stage for each, stage in users if one in self._needed([each], 0)), default=0)

    def _needed(self, ones: Iterable[Term], stage: int) -> list[Term]:
        """The terms of components that a loop computes or reads, each after those that it is made of."""
        found: dict[Term, None] = {}

        def visit(one: Term) -> None:
            if one.wide and one not in found:
                if not (one in self.kept and self.stage[one] < stage):
                    for each in one.of:
                        visit(each)
                found[one] = None

        for one in ones:
            visit(one)
        return list(found)

    def _input(self, one: Term) -> int:
        return int(one.of[0].op)

    def _name(self, one: Term, j: int = 0) -> str:
        if one.op == "input" and not one.wide:
            return f"KIND(a{self._input(one)}[first])"
        return f"x{self.number[one]}_{j}" if one.wide else f"x{self.number[one]}"

    def _names(self, one: Term) -> list[str]:
        return [self._name(one, j) for j in range(self.across)]

    def _sums(self, one: Term) -> list[str]:
        """Where a sum of each lane of each block is kept, and where what its roundings take."""
        return [f"{kind}{self.number[one]}" for kind in ("v" if one.op == "sum" else "vr")]

    def _read(self, array: str, place: str) -> str:
        return f"read({array}, {place}, {self.key[array]})"

    def _written(self, array: str, place: str, what: str) -> str:
        return f"write({array}, {place}, {what}, {self.key[array]})"


def _base(one: Term) -> Term:
    """What loops compute of a result."""
    while one.op in PATCHES:
        one = one.of[0]
    return one


def _exactly_in_pairs(terms: Sequence[str], name: str, errors: list[str]) -> Generator[str, None, str]:
    """The name of their sum; errors: the names of what roundings take, which are added."""
    half = len(terms) // 2
    if not half:
        return terms[0]
    a = yield from _exactly_in_pairs(terms[:half], f"{name}0", errors)
    b = yield from _exactly_in_pairs(terms[half:], f"{name}1", errors)
    yield f"{name}s = {a} + {b}"
    yield f"{name}d = {name}s - {a}"
    yield f"{name}e = ({a} - ({name}s - {name}d)) + ({b} - {name}d)"
    errors.append(f"{name}e")
    return f"{name}s"
