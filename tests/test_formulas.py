"""The table of formulas in the documentation is the one that is derived."""

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_table_of_formulas_is_current() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "write_formulas.py"))["document"]()
    committed = (ROOT / "docs" / "formulas.md").read_text(encoding="utf-8")
    assert written == committed, (
        "docs/formulas.md is stale: run `python docs/write_formulas.py` and commit what changed"
    )
