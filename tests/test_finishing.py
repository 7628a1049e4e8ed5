"""The way from a line without pending derivatives to its best form: it ends, and what it ends in is final."""

import pytest

from chainrule.calculus.derive import derive_all, finish
from chainrule.catalogue import builtin, entries, load
from chainrule.expression import tree as t
from chainrule.expression.printing import text
from chainrule.expression.scope import NamedVector, Scope

ZI, ZK, AI, AK = (t.Component(base, (i,)) for base in "za" for i in "ik")
EI, EK = (t.Call("exp", (z,)) for z in (ZI, ZK))


def over(body: t.Node, index: str = "k") -> t.Sum:
    return t.Sum(body, index, "K")


TOTAL = over(EK)
SOFTMAX = Scope(
    vectors={"s": NamedVector("s", ("i",), t.Frac(EI, TOTAL))},
    indices=dict.fromkeys("ijk", "K"),
    shapes=dict.fromkeys("zas", ("K",)),
    own="s",
)
LINES = {
    "a sum is not written in terms of itself": (t.Mul((AI, TOTAL)), "aᵢ Σₖ e^zₖ"),
    "weights are recognised under a sum": (t.Frac(over(t.Mul((AK, EK))), TOTAL), "Σₖ aₖ sₖ"),
    "both at once": (
        t.Frac(t.Mul((EI, t.Add((t.Mul((AI, TOTAL)), t.Neg(over(t.Mul((AK, EK)))))))), t.Power(TOTAL, t.number(2))),
        "sᵢ (aᵢ - Σₖ aₖ sₖ)",
    ),
    "the name of an index does not matter": (
        t.Frac(EI, over(t.Call("exp", (t.Component("z", ("w",)),)), "w")),
        "sᵢ",
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_ends_in_its_best_form(name: str) -> None:
    line, final = LINES[name]
    steps = tuple(finish(line, SOFTMAX))
    assert text(steps[-1].after if steps else line) == final
    assert len(steps) < 8


@pytest.mark.parametrize("name", entries([builtin()]))
def test_a_final_form_is_final(name: str) -> None:
    for derivation in derive_all(load(name)):
        for each in (*derivation.lemmas, derivation):
            if not isinstance(each.final, t.Cases):
                assert [text(step.after) for step in finish(each.final, each.scope)] == []
