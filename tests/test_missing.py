"""A function one derivative of which has no accurate form is built without it, and says so wherever it is read."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import chainrule.build
from chainrule.cli import main
from chainrule.codegen.numpy_source import load

BOX_COX = '''"""Box-Cox transform: makes data of one sign look normal."""
from sympy import Interval, oo
from chainrule import Definition, scalar
x, p = scalar("x"), scalar("lamda")
positive = Interval.open(0, oo)
definition = Definition((x**p - 1) / p, wrt=x, parameters={p: 0.5}, domain={x: positive, p: positive}, plot_range=(0.1, 5))
'''
LACKS = "The function lacks"


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
