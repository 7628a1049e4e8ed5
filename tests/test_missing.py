"""A function one derivative of which has no accurate form is built without it, and says so wherever it is read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sympy import Sum, exp, log

import chainrule.build
from chainrule.calculus.checks import CheckRow
from chainrule.calculus.derive import derive_all
from chainrule.cli import main
from chainrule.codegen import modules
from chainrule.codegen.numpy_source import load
from chainrule.definition import Definition
from chainrule.expression.printing import text
from chainrule.notation import dimension, index, vector
from chainrule.produce import material, raise_if_failed
from chainrule.report import body
from chainrule.runtime.vector import VectorFunction

BOX_COX = '''"""Box-Cox transform: makes data of one sign look normal."""
from sympy import Interval, oo
from chainrule import Definition, scalar
x, p = scalar("x"), scalar("lamda")
positive = Interval.open(0, oo)
definition = Definition((x**p - 1) / p, wrt=x, parameters={p: 0.5}, domain={x: positive, p: positive}, plot_range=(0.1, 5))
'''
LACKS = "The NumPy function lacks"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """The output folder, and what a build says."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "derivations/activations").mkdir(parents=True)
    (folder / "derivations/activations/box_cox.py").write_text(BOX_COX, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(chainrule.build, "usable_cpus", lambda: 1)
        result = CliRunner().invoke(main, ["build", "box_cox", "--to", "md,tex"])
    assert result.exit_code == 0, result.stderr
    yield folder / "output", result.stdout, result.stderr


def test_the_build_succeeds_with_a_note(built: tuple[Path, str, str]) -> None:
    _, out, err = built
    assert out == "1 built: output/\n"
    (note,) = [line for line in err.splitlines() if "built without" in line]
    assert note.startswith("derivations/activations/box_cox.py:6: built without ∂²/∂x² ")
    assert "no form is accurate to 1e-13. The best gives nan instead of 0.0" in note


def test_the_pages_say_so(built: tuple[Path, str, str]) -> None:
    folder, _, _ = built
    page = (folder / "markdown/box_cox.md").read_text("utf-8")
    assert f"{LACKS} $\\frac{{\\partial^{{2}}}}{{\\partial x^{{2}}}}" in page and LACKS in (
        folder / "latex/box_cox.tex"
    ).read_text("utf-8")


def test_the_function_has_the_rest(built: tuple[Path, str, str]) -> None:
    folder, _, _ = built
    (path,) = folder.glob("*/box_cox.py")
    box_cox = load(path.read_text("utf-8"), "box_cox")
    assert box_cox(4.0) == 2.0 and box_cox.grad(4.0) == 0.5
    assert box_cox.wrt_second == ()


def entropy() -> Definition:
    """Of softmax probabilities: at infinite scores the product of its Hessian with a vector is NaN."""
    K = dimension("K")
    i, j, k = index("i", K), index("j", K), index("k", K)
    z, s = vector("z", K), vector("s", K)
    return Definition(
        -Sum(s[k] * log(s[k]), k), wrt=z[j], where={s[i]: exp(z[i]) / Sum(exp(z[k]), k)}, name="entropy", symbol="H"
    )


def test_a_function_of_vectors_is_built_without_a_second_derivative_that_fails() -> None:
    made = material(entropy())
    raise_if_failed(made)
    (lost,) = made.missing
    assert text(lost.goal) == "∂/∂zₖ [∂H/∂zⱼ]" and "extremes" in lost.reason
    assert "Left out, since it is not right everywhere: the second derivative by ``z``." in made.code
    own = load(made.code, "entropy")
    assert isinstance(own, VectorFunction) and not own.derivatives["z"].hessian
    assert own([0.0, 0.0]) == pytest.approx(np.log(2)) and own.grad([0.0, 0.0]).tolist() == [0.0, 0.0]
    with pytest.raises(TypeError, match="entropy has no Hessian by 'z'"):
        own.hessian([0.0, 0.0])


def test_a_value_that_fails_is_not_rescued(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the second derivative something else fails, which remains."""
    wrong = CheckRow("value", False, 1.0, "somewhere")
    known = modules._checked
    monkeypatch.setattr(modules, "_checked", lambda *given: (*known(*given), wrong))
    definition = entropy()
    derivations = derive_all(definition)
    made = modules.module_of(definition, derivations, body(derivations[0]))
    assert not made.missing and wrong in made.checks and "_hessian_z" in made.source
