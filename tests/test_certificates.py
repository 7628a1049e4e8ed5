"""The certificates that ship with the package: there is one for each function, of the code as it is."""

import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule
import chainrule.functions
from chainrule.runtime import certificate
from chainrule.runtime.scalar import ScalarFunction

FOLDER = Path(chainrule.__file__).parent / certificate.FOLDER
NAMES = [module.name for module in pkgutil.iter_modules(chainrule.functions.__path__)]

committed = pytest.mark.skipif(
    not any(FOLDER.glob("*.json")), reason="no certificates yet: chainrule verify --exhaustive"
)


@committed
def test_there_are_no_others():
    assert {file.stem.removesuffix(".compiled") for file in FOLDER.glob("*.json")} <= set(NAMES)


@committed
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_function_has_a_certificate_of_its_code(name, compiled):
    module = importlib.import_module(f"chainrule.functions.{name}")
    file = certificate.place(module, compiled)
    command = f"chainrule verify {'--compiled ' if compiled else ''}--exhaustive {name}"
    assert file == FOLDER / f"{name}{'.compiled' if compiled else ''}.json" and file.is_file(), command
    text = file.read_text(encoding="utf-8")
    found = certificate.Certificate.from_json(text)
    assert found.to_json() == text and found.function == name
    assert found.code == certificate.code_digest(module, compiled), f"{name} has changed: {command}"
    assert ("numba" in found.environment) == compiled
    rows = {(m.what, m.dtype, m.how) for m in found.measurements}
    assert {dtype for _, dtype, how in rows if how == "sampled"} == {"float64", "float32"}
    function = getattr(module, name)
    if isinstance(function, ScalarFunction) and len(function.arguments) == 1:
        for what, dtype, how in rows:
            if dtype == "float32" and how == "sampled" and not what.startswith("second"):
                assert (what, dtype, "exhaustive") in rows, command


def test_the_table_of_accuracy_has_a_row_for_each_part_beside_its_peers():
    pytest.importorskip("scipy")
    script = Path(__file__).resolve().parents[1] / "benchmarks" / "accuracy.py"
    ran = subprocess.run([sys.executable, script, "--only", "silu"], capture_output=True, text=True, check=True)
    rows = [line.split(" | ") for line in ran.stdout.splitlines() if line.startswith("| silu |")][-2:]
    assert [row[1] for row in rows] == ["value", "first derivative"]
    assert all(float(row[2].split()[0]) < 10 for row in rows)
    assert rows[0][3].startswith("none")  # exp overflows in lambdify's, and x times 0 is no digit
