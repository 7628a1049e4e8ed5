"""The promises of the layout: imports point down, and a project elsewhere builds from the installed wheel."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

SOFTSIGN = '''"""Softsign: a gentler tanh, without an exponential."""

from sympy import Abs

from chainrule import Definition, scalar

x = scalar("x")
definition = Definition(
    x / (1 + Abs(x)),
    wrt=x,
    symbol="softsign",
    source="Bergstra, Desjardins, Lamblin and Bengio, 2009",
)
'''


def test_imports_point_down() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


def test_contributing_shows_the_file_that_is_tested_here() -> None:
    assert SOFTSIGN in (ROOT / "CONTRIBUTING.md").read_text()
    assert len(SOFTSIGN.splitlines()) < 15


def test_one_new_file_elsewhere_is_all_it_takes(tmp_path: Path) -> None:
    """From a wheel, in a folder with nothing but its own derivations: documents and function, usable at once."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    site = tmp_path / "site"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    assert {p.name for p in (site / "chainrule" / "data").iterdir()} >= {"iris.csv.gz", "digits.csv.gz", "README.md"}
    folder = tmp_path / "mine"
    (folder / "derivations" / "activations").mkdir(parents=True)
    (folder / "derivations" / "activations" / "softsign.py").write_text(SOFTSIGN)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONWARNINGS": "error"}
    run = [sys.executable, "-m", "chainrule", "build", "--jobs", "1"]
    built = subprocess.run(run, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    written = {
        str(p.relative_to(folder / "output"))
        for p in (folder / "output").rglob("*")
        if p.is_file() and not p.name.startswith(".")
    }
    assert written >= {
        "markdown/softsign.md", "markdown/README.md", "latex/softsign.tex", "pdf/softsign.pdf", "figures/softsign.svg", "numpy/softsign.py",
    }  # fmt: skip
    code = "from output.numpy.softsign import softsign; print(softsign.grad(-1.0), softsign.grad(0.0), softsign(1e308))"
    used = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    assert used.stdout.split() == ["0.25", "1.0", "1.0"]
    assert (
        str(site)
        in subprocess.run(
            [sys.executable, "-c", "import chainrule; print(chainrule.__file__)"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="all tests run in one process")
def test_tests_that_share_what_takes_long_run_in_one_process(request) -> None:
    groups = {
        item.nodeid.rpartition("@")[2] for item in request.session.items if item.get_closest_marker("xdist_group")
    }
    assert all(each in ("book", "properties") or each.startswith("test_") for each in groups), groups
