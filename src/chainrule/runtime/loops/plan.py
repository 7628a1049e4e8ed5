"""Values arranged as loops and calls: what can be computed between two calls is one loop, and only what a call or a later loop reads is written to memory."""

import math
from dataclasses import dataclass

import numpy as np

from .elements import HEAVY, TRUTHS
from .statements import Value, Values

CHEAP = 6
"""Operations up to which a value is computed again in a later loop, rather than written and read."""
LONG = 8
"""Operations from which on what is made of an elementary function is left to a later loop, if results are rounded: a processor looks ahead only so far, and would
wait for some elements where it could begin the next."""
COSTS = {"np.divide": 4, "np.sqrt": 4, "quotient": 4} | dict.fromkeys((*HEAVY, "refined"), 30)
LEAVES = ("input", "constant")


@dataclass(frozen=True)
class Kinds:
    """What a plan is made for: of each input whether it is an array of the type that is computed in, of each result whether its array is."""

    inputs: tuple[bool, ...]
    results: tuple[bool, ...]


@dataclass(frozen=True)
class Loop:
    """Computes values and writes each into arrays, from those that arrays hold."""

    reads: dict[int, str]
    writes: dict[int, tuple[str, ...]]


@dataclass(frozen=True)
class Call:
    """A call of a function of whole arrays."""

    value: Value
    reads: tuple[str, ...]
    write: str


@dataclass(frozen=True)
class Plan:
    """Steps over arrays: i0, … hold the inputs, o0, … take the results, b0, … are needed besides."""

    values: tuple[Value, ...]
    steps: tuple[Loop | Call, ...]
    buffers: int


def plan(values: Values, kinds: Kinds) -> Plan:
    """Loops and calls for values, with as few arrays as their lives allow."""
    stages = _stages(values, kinds)
    return _placed(values, kinds, stages)


Stage = set[int] | int
"""The values that a loop writes, or that of a call."""


def _stages(all_values: Values, kinds: Kinds) -> list[Stage]:
    values, results = all_values.values, all_values.results
    levels = _levels(values, math.inf if all(kinds.results) else LONG)
    weights = _weights(values)
    reached = all_values.reached()
    calls = [k for k, value in enumerate(values) if value.call and k in reached]
    last = 1 + max((levels[k] for k in (*calls, *results)), default=0)
    written: list[set[int]] = [set() for _ in range(last + 1)]
    for k in calls:
        for each in values[k].operands:
            if not (values[each].call or (values[each].function == "input" and kinds.inputs[values[each].told])):
                written[levels[each]].add(each)
    for k, own in zip(results, kinds.results, strict=True):
        if not (values[k].call and own and results.count(k) == 1):
            written[levels[k] + bool(values[k].call)].add(k)
    for level in range(last, -1, -1):  # what a loop needs of earlier ones is written by them, or computed again
        todo = [each for k in written[level] if not values[k].call for each in values[k].operands]
        while todo:
            k = todo.pop()
            if values[k].call or values[k].function in LEAVES or k in written[level]:
                continue
            if levels[k] < level and weights[k] > CHEAP and values[k].function not in TRUTHS:
                written[levels[k]].add(k)
            else:
                todo += values[k].operands
    stages: list[Stage] = []
    for level, loop in enumerate(written):
        stages += [loop] * bool(loop)
        stages += [k for k in calls if levels[k] == level]
    return stages


def _levels(values: tuple[Value, ...], long: float) -> list[int]:
    """The loop in which a value is computed, by number; of a call, the loop after which it is made. An elementary function of what came of another one is
    left to a loop of its own: one after the other they would keep the processor waiting. So is what takes `long` operations on the result of one."""
    found: list[int] = []
    rests = _rests(values)
    made: list[set[int]] = []
    """The elementary functions that a value is made of in the same loop."""
    for n, value in enumerate(values):
        fused = value.call is None
        level = max((found[k] + bool(fused and values[k].call) for k in value.operands), default=0)
        made_of = {each for k in value.operands if found[k] == level for each in made[k]}
        is_heavy = fused and value.function in HEAVY
        is_later = bool(made_of) and (is_heavy or max(rests[k] for k in made_of) >= long)
        found.append(level + is_later)
        made.append({n} if is_heavy else set() if is_later else made_of)
    return found


def _rests(values: tuple[Value, ...]) -> list[int]:
    """Operations on what each value gives, up to the next elementary function or call."""
    found = [0] * len(values)
    made: list[set[int]] = []
    """The values that a value is made of, after the last elementary function or call."""
    for value in values:
        ends = bool(value.call) or value.function in HEAVY
        made_of = set() if ends else {k for each in value.operands for k in (each, *made[each])}
        made.append(made_of)
        for k in made_of:
            found[k] += _cost(value)
    return found


def _weights(values: tuple[Value, ...]) -> list[int]:
    """Operations that a value takes from inputs and results of calls."""
    found: list[int] = []
    for value in values:
        own = 0 if value.call or value.function in LEAVES else _cost(value)
        found.append(min(99, own + sum(found[k] for k in value.operands if not values[k].call)))
    return found


def _cost(value: Value) -> int:
    return COSTS.get(value.function, 1)


def _loads(values: tuple[Value, ...], stores: set[int], held: set[int]) -> set[int]:
    """What a loop reads from arrays in order to compute values."""
    found: set[int] = set()
    todo = list(stores)
    seen: set[int] = set()
    while todo:
        k = todo.pop()
        if values[k].call or values[k].function == "input" or (k in held and k not in stores):
            found.add(k)
        elif k not in seen:
            seen.add(k)
            todo += values[k].operands
    return found


def _placed(all_values: Values, kinds: Kinds, stages: list[Stage]) -> Plan:
    """The stages as steps over arrays, each of which is used again as soon as what it holds is read for the last time."""
    values, results = all_values.values, all_values.results
    where = {k: f"i{value.told}" for k, value in enumerate(values) if value.function == "input"}
    held: set[int] = set()
    reads: list[set[int]] = []
    for stage in stages:
        reads.append(_loads(values, stage, held) if isinstance(stage, set) else set(values[stage].operands))
        held |= stage if isinstance(stage, set) else {stage}
    last = {k: n for n, each in enumerate(reads) for k in each}
    final = [
        max(n for n, stage in enumerate(stages) if stage == k or (isinstance(stage, set) and k in stage))
        for k in results
    ]
    until = {f"o{j}": -1 for j, own in enumerate(kinds.results) if own}
    most: dict[str, int] = {f"o{j}": n for j, n in enumerate(final)}
    buffers = 0

    def in_turn(n: int, k: int | None) -> bool:
        """Whether a step may write where it reads the value k."""
        stage = stages[n]
        return isinstance(stage, set) or (isinstance(values[stage].call, np.ufunc) and k in values[stage].operands)

    holder: dict[str, int] = {}

    def place(n: int, k: int) -> str:
        nonlocal buffers
        end = last.get(k, n)
        for name in sorted(until, key=lambda each: (holder.get(each) not in reads[n], each[0] != "b", each)):
            free = until[name] < n or (until[name] == n and in_turn(n, holder.get(name)))
            fits = name not in most or end < most[name] or (end == most[name] and end > n and in_turn(end, k))
            if free and fits:
                break
        else:
            name = f"b{buffers}"
            buffers += 1
        until[name], holder[name] = end, k
        return name

    steps: list[Loop | Call] = []
    for n, stage in enumerate(stages):
        if isinstance(stage, set):
            read = {k: where[k] for k in sorted(reads[n])}
            writes: dict[int, tuple[str, ...]] = {}
            for k in sorted(stage):
                targets = [f"o{j}" for j, each in enumerate(results) if each == k and final[j] == n]
                own = [each for each in targets if each in until]
                if own and last.get(k, -1) > n and not values[k].call:
                    where[k] = own[0]
                elif last.get(k, -1) > n and not values[k].call:
                    where[k] = place(n, k)
                    targets.append(where[k])
                for each in own:
                    until[each] = len(stages)
                writes[k] = tuple(targets)
            steps.append(Loop(read, writes))
        else:
            value = values[stage]
            read_from = tuple(where[k] for k in value.operands)
            targets = [
                f"o{j}" for j, each in enumerate(results) if each == stage and final[j] == n and kinds.results[j]
            ]
            where[stage] = targets[0] if targets else place(n, stage)
            for each in targets:
                until[each] = len(stages)
            steps.append(Call(value, read_from, where[stage]))
    return Plan(values, tuple(steps), buffers)
