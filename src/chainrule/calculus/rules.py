"""Every rule the engine knows, from three tables: differentiation, sums over an index, and the way to the final form.

Each row is tested on its own example, and each is corrupted in turn to see that a check catches it by name."""

from .derivation import Derivation, Rule
from .differentiation import RULES
from .finishing import AGREE, FINISHING
from .sums import SUMS

ALL_RULES: tuple[Rule, ...] = RULES + SUMS + FINISHING + (AGREE,)
BY_NAME: dict[str, Rule] = {rule.name: rule for rule in ALL_RULES}
assert len(BY_NAME) == len(ALL_RULES), "rule names must be unique: a failing check names the rule"


def assumptions(derivation: Derivation) -> tuple[str, ...]:
    """What the rules used in a derivation and in its lemmas take for granted, by key."""
    rules = (BY_NAME.get(step.rule) for d in (derivation, *derivation.lemmas) for step in d.steps)
    return tuple(dict.fromkeys(rule.assumes for rule in rules if rule is not None and rule.assumes))
