"""The verdict on a derivation, and on all derivations of a definition together."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sympy

from ..calculus.checks import CheckRow
from ..calculus.derivation import Derivation
from ..calculus.kinks import TOLERANCE as KINK_TOLERANCE
from ..calculus.kinks import Kink, check_kinks
from ..calculus.properties import Property
from ..calculus.property_checks import NEAR as PROPERTY_TOLERANCE
from ..calculus.property_checks import check_properties
from ..errors import VerificationError
from ..expression.printing import text
from ..expression.tree import Symbol
from .checks import (
    Check,
    Row,
    StepCheck,
    Subject,
    check_chain,
    check_notes,
    check_result,
    check_routes,
    check_steps,
)
from .lines import TOLERANCE
from .matrices import check_cases, check_facts, check_matrix

CHECKS: tuple[Check, ...] = (
    check_steps,
    check_chain,
    check_notes,
    check_result,
    check_matrix,
    check_cases,
    check_facts,
)
"""What must hold for every derivation."""


@dataclass(frozen=True)
class Verification:
    """Every check of a derivation and of its lemmas. rows: one for each kind of check and each reason; steps: one for
    each step of the derivation itself."""

    name: str
    rows: tuple[Row, ...]
    steps: tuple[StepCheck, ...]
    lemmas: tuple["Verification", ...] = ()

    @property
    def passed(self) -> bool:
        return all(row.passed for row in self.rows) and all(lemma.passed for lemma in self.lemmas)

    @property
    def steps_checked(self) -> int:
        return len(self.steps) + sum(lemma.steps_checked for lemma in self.lemmas)

    @property
    def steps_proved(self) -> int:
        """How many steps are proved by exact arithmetic as well."""
        return sum(step.proved for step in self.steps) + sum(lemma.steps_proved for lemma in self.lemmas)

    @property
    def worst_step_error(self) -> float:
        return self._worst("steps")

    @property
    def worst_result_error(self) -> float:
        return self._worst("result")

    def _worst(self, key: str) -> float:
        own = (row.error for row in self.rows if row.key == key)
        return max((*own, *(lemma._worst(key) for lemma in self.lemmas)), default=0.0)

    @property
    def messages(self) -> tuple[str, ...]:
        """What failed, a sentence each: the derivation, the line, the rule, the point and both values."""
        own = (f"{self.name}: {row.message}" for row in self.rows if not row.passed)
        return (*(m for lemma in self.lemmas for m in lemma.messages), *own)

    def raise_if_failed(self) -> None:
        """Raise VerificationError with the first thing that failed."""
        if not self.passed:
            raise VerificationError(self.messages[0])


def verify(derivation: Derivation, extra: Iterable[Check] = ()) -> Verification:
    """Check every line, every reason and the result of a derivation, and of the lemmas it uses.

    extra: checks beside those of ``CHECKS``, each a function of a ``Subject`` that returns rows: one that compares a
    NumPy function with numerical gradients, say."""
    return _verify(derivation, tuple(extra), {}, _name(derivation))


def _verify(
    derivation: Derivation, extra: tuple[Check, ...], known: dict[int, Verification], name: str
) -> Verification:
    subject = Subject(derivation)
    rows = tuple(row for check in (*CHECKS, *extra) for row in check(subject))
    if derivation.order == 1 and not derivation.route:
        rows += verify_facts(derivation)
    for lemma in derivation.lemmas:
        if id(lemma) not in known:
            known[id(lemma)] = _verify(lemma, (), known, f"{name}, {text(lemma.goal)}")
    return Verification(name, rows, subject.steps, tuple(known[id(lemma)] for lemma in derivation.lemmas))


def verify_all(derivations: Iterable[Derivation], extra: Iterable[Check] = ()) -> tuple[Verification, ...]:
    """Check every derivation, and that those of the same derivative, by whichever route, agree."""
    extra = tuple(extra)
    first: dict[Any, Derivation] = {}
    known: dict[int, Verification] = {}
    found = []
    for derivation in derivations:
        verification = _verify(derivation, extra, known, _name(derivation))
        leader = first.setdefault(_same(derivation), derivation)
        if leader is not derivation:
            verification = replace(verification, rows=(*verification.rows, check_routes(leader, derivation)))
        found.append(verification)
    return tuple(found)


def _name(derivation: Derivation) -> str:
    """The definition's name; the route, and what is derived where a definition has several derivatives."""
    definition = derivation.definition
    name = definition.name or definition.symbol or "f"
    if derivation.route:
        return f"{name} ({derivation.route})"
    return f"{name}, {text(derivation.goal)}" if derivation.order > 1 or len(definition.wrt) > 1 else name


def _same(derivation: Derivation) -> Any:
    definition = derivation.definition
    return (definition.name or definition.symbol, text(derivation.goal), derivation.order)


def verify_facts(
    derivation: Derivation, kinks: tuple[Kink, ...] | None = None, properties: tuple[Property, ...] | None = None
) -> tuple[Row, ...]:
    """Check kinks and properties of a function of one variable, those of the derivation unless others are given."""
    if not isinstance(derivation.variable, Symbol):
        return ()
    kinks = derivation.kinks if kinks is None else kinks
    properties = derivation.properties if properties is None else properties
    value, total, domain = derivation.value, derivation.total, derivation.definition.domain
    x = next(
        (s for s in value.free_symbols if s.is_Symbol and str(s) == getattr(derivation.variable, "name", None)), None
    )
    if x is None or value.has(sympy.Indexed, sympy.Sum):
        return ()
    function = Subject(derivation).function
    found = (
        ("kinks", check_kinks(kinks, value, total, x, domain)),
        ("properties", check_properties(properties, value, total, x, domain)),
    )
    return tuple(summed(key, rows, function) for key, rows in found if rows)


ALLOWED = {"kinks": KINK_TOLERANCE, "properties": PROPERTY_TOLERANCE, "function": 1e-13}
"""The errors that checks other than those of lines and results allow."""


def summed(key: str, rows: tuple[CheckRow, ...], subject: Any) -> Row:
    """Several rows of one check as a single row, with the message of the first that failed."""
    failed = next((f"{key}: {r.name}, off by {r.error:.0e}: {r.detail}" for r in rows if not r.passed), "")
    worst = max(r.error for r in rows)
    return Row(key, subject, len(rows), worst, not failed, failed, ALLOWED.get(key, TOLERANCE))
