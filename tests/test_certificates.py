"""The certificates that ship with the package: there is one for each function, of the code as it is."""

import importlib
import pkgutil
from pathlib import Path

import pytest

import chainrule
import chainrule.functions
from chainrule.runtime import certificate
from chainrule.runtime.scalar import ScalarFunction

FOLDER = Path(chainrule.__file__).parent / certificate.FOLDER
NAMES = [module.name for module in pkgutil.iter_modules(chainrule.functions.__path__)]

pytestmark = pytest.mark.skipif(
    not any(FOLDER.glob("*.json")), reason="no certificates yet: chainrule verify --exhaustive"
)


def test_there_are_no_others():
    assert {file.stem for file in FOLDER.glob("*.json")} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_has_a_certificate_of_its_code(name):
    module = importlib.import_module(f"chainrule.functions.{name}")
    file = certificate.place(module)
    assert file == FOLDER / f"{name}.json" and file.is_file(), f"chainrule verify --exhaustive {name}"
    text = file.read_text(encoding="utf-8")
    found = certificate.Certificate.from_json(text)
    assert found.to_json() == text and found.function == name
    assert found.code == certificate.code_digest(module), f"{name} has changed: chainrule verify --exhaustive {name}"
    rows = {(m.what, m.dtype, m.how) for m in found.measurements}
    assert {dtype for _, dtype, how in rows if how == "sampled"} == {"float64", "float32"}
    function = getattr(module, name)
    if isinstance(function, ScalarFunction) and len(function.arguments) == 1:
        for what, dtype, how in rows:
            if dtype == "float32" and how == "sampled" and not what.startswith("second"):
                assert (what, dtype, "exhaustive") in rows, f"chainrule verify --exhaustive {name}"
