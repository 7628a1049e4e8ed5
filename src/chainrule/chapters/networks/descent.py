"""The rule of gradient descent for one layer, and the same rule as other texts write it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...expression import tree as t
from ...expression.printing.boxes import Box, Row, Sign
from ...expression.printing.layout import layout as boxes_of
from ...networks.gradient_descent import Rule, agreements, rules
from ...report import Author, Formula
from ...verification import Row as Check
from ...verification import Verification, verify_all
from ..page import Chain, Picture

TOLERANCE = 1e-15


@dataclass(frozen=True)
class Values:
    """rules: each form, by its key. names: of quantities."""

    rules: Mapping[str, Chain]
    names: Mapping[str, Formula]


STEP = t.Add((t.Symbol("w"), t.Neg(t.Mul((t.Symbol("eta"), t.Derivative(t.Symbol("L"), t.Symbol("w"), 1, True))))))
NAMES: Mapping[str, t.Node | Box] = {
    "eta": t.Symbol("eta"),
    "rule": Row((boxes_of(t.Symbol("w")), Sign("gets"), boxes_of(STEP))),
    "Delta": t.Symbol("Delta"),
    "transposed": t.Equation(t.Component("w", ("i", "j")), t.Component("W", ("j", "i"))),
    "error": t.Component("epsilon", ("j",)),
    "delta": t.Component("delta", ("j",)),
    "Theta": t.Matrix("Theta"),
    "input": t.Vector("x_tilde"),
    "i": t.Symbol("i"),
    "j": t.Symbol("j"),
    "difference": t.Add((t.Vector("y"), t.Neg(t.Vector("y_hat")))),
}


def values(author: Author) -> Values:
    return Values(
        {each.key: _chain(each, author) for each in rules()},
        {name: author.formula(node) for name, node in NAMES.items()},
    )


def _chain(rule: Rule, author: Author) -> Chain:
    return Chain(author.formula(rule.left), tuple(map(author.formula, rule.rights)))


def pictures() -> Mapping[str, Picture]:
    return {}


def verifications() -> tuple[Verification, ...]:
    """Of the derivations that the rule is taken from."""
    found = {id(each.derivation): each.derivation for each in rules() if each.derivation is not None}
    return verify_all(tuple(found.values()))


def checks() -> Mapping[str, Check]:
    """Every form against difference quotients of the loss."""
    return {
        f"the rule of gradient descent, {each.key.replace('_', ' ')}": Check(
            "agreement", None, 1, each.error, each.error <= TOLERANCE, _message(each.error), TOLERANCE
        )
        for each in agreements()
    }


def _message(error: float) -> str:
    return "" if error <= TOLERANCE else f"off by {error:.1e}, allowed {TOLERANCE:.0e}"
