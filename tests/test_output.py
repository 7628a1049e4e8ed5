"""What is committed is what a build would write: pages, figures by their plotted data, functions. Building them here also checks every derivation again, and that
nothing needs a search."""

from pathlib import Path

import pytest
from shared import chapter

from chainrule import chapters
from chainrule.catalogue import Project, builtin, entries, load, project
from chainrule.chapters.page import produce_page
from chainrule.codegen import recorded
from chainrule.plots import same_picture
from chainrule.produce import Product, produce

ROOT = Path(__file__).resolve().parents[1]
NAMES = sorted(entries((builtin(),)))
UNRECORDED = "is not on record: run `python -m chainrule.networks.recorded`"
STALE = "is stale: run `chainrule build` and commit what changed in output/ and src/chainrule/functions/"


def built(name: str, where: Project) -> Product:
    if name in chapters.CHAPTERS:
        return produce_page(chapter(name), ("md",), "typst", where)
    return produce(load(name), ("md",), "typst", where)


@pytest.mark.parametrize("name", [*chapters.CHAPTERS, *NAMES])
def test_committed_documents_and_functions_are_current(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(recorded, "_known", {})
    monkeypatch.setattr(recorded, "_searched", lambda stated, names: pytest.fail(f"{stated.expr} {UNRECORDED}"))
    where = project()
    for path, content in built(name, where).files.items():
        committed = where.output / path
        assert committed.exists(), f"{path} {STALE}"
        if path.endswith(".svg") and b"chainrule data" in content:
            assert same_picture(committed.read_bytes(), content), f"{path} {STALE}"
        else:
            assert committed.read_text(encoding="utf-8") == content.decode(), f"{path} {STALE}"


def test_nothing_is_committed_for_a_derivation_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    pages = {p.stem for p in (ROOT / "output" / "markdown").glob("*.md")} - {"README"}
    computed = [name for name in NAMES if not load(name).called_any]
    functions = {p.stem for p in (ROOT / "src" / "chainrule" / "functions").glob("*.py")} - {"__init__"}
    assert pages == {*NAMES, *chapters.CHAPTERS}, STALE
    assert functions == set(computed), STALE


def test_the_package_of_functions_lists_every_one() -> None:
    text = (ROOT / "src" / "chainrule" / "functions" / "__init__.py").read_text()
    assert [line.split()[1] for line in text.splitlines() if line.strip().startswith("from .")] == [
        f".{name}" for name in NAMES if not load(name).called_any
    ]
