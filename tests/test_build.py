import json
import operator
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule.produce
from chainrule import build as module
from chainrule.build import BOOK, STAMP, build, each, verify, write
from chainrule.catalogue import project
from chainrule.errors import DefinitionError, RenderError, UnknownName, UnsupportedExpression
from chainrule.produce import Checked, Product, produce_package

TEXT = """\
from chainrule.catalogue import use
from chainrule.definition import Definition
from chainrule.notation import scalar
x = scalar('x')
{}
definition = Definition(x**2, wrt=x)
"""
FOLDERS = {"md": "markdown", "tex": "latex", "pdf": "pdf"}


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A project of two definitions, and a pipeline that only writes down what it was asked for."""
    monkeypatch.chdir(tmp_path)
    put("one")
    put("two")
    asked = []

    def produce(definition, formats, engine, where):
        asked.append((definition.name, *formats))
        if definition.name == "refused":
            raise UnsupportedExpression("no rule covers foo(x)")
        if definition.name == "crash":
            raise ZeroDivisionError("by 0")
        files = {f"{FOLDERS[f]}/{definition.name}.{f}": str(definition.expression).encode() for f in formats}
        return Product({**files, f"figures/{definition.name}.svg": b"<svg/>"}, {"name": definition.name})

    def produce_index(rows, where):
        return {"markdown/README.md": " ".join(row["name"] for row in rows).encode()}

    def check(definition):
        if definition.name == "refused":
            raise UnsupportedExpression("no rule covers foo(x)")
        return (Checked(definition.name, 3, 1e-41, 1e-30, True),)

    for fake in (produce, produce_index, check):
        monkeypatch.setattr(chainrule.produce, fake.__name__, fake)
    monkeypatch.setattr(module, "need_tools", lambda formats, engine: None)
    return asked


def put(name, extra="", text=TEXT):
    path = Path(f"derivations/activations/{name}.py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(extra), "utf-8")


def run(*names, formats=("md",), **options):
    return build(names, formats, project(), jobs=1, **options)


def written():
    return sorted(p.relative_to("output").as_posix() for p in Path("output").rglob("*") if p.is_file())


def test_a_users_project_is_built_and_nothing_else(made):
    built = run(formats=("md", "tex"))
    assert (built.made, built.current, built.failures) == (("one", "two"), (), ())
    assert written() == [
        STAMP,
        "figures/one.svg", "figures/two.svg",
        "latex/one.tex", "latex/two.tex",
        "markdown/README.md", "markdown/one.md", "markdown/two.md",
    ]  # fmt: skip
    assert Path("output/markdown/README.md").read_text() == "one two"


def test_a_second_build_does_nothing(made):
    run()
    before = {path: os.stat(f"output/{path}").st_mtime_ns for path in written()}
    del made[:]
    assert run().current == ("one", "two") and not made
    assert {path: os.stat(f"output/{path}").st_mtime_ns for path in written()} == before


@pytest.mark.parametrize("path", ["markdown/one.md", "figures/one.svg"])
@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_text("edited")])
def test_a_deleted_or_edited_file_is_made_again(made, path, harm):
    run()
    good = Path("output", path).read_bytes()
    harm(Path("output", path))
    assert run().made == ("one",)
    assert Path("output", path).read_bytes() == good


def test_an_edited_index_is_made_again(made):
    run()
    Path("output/markdown/README.md").write_text("edited")
    assert run().made == ()
    assert Path("output/markdown/README.md").read_text() == "one two"


def test_only_what_depends_on_a_change_is_made_again(made):
    put("three", "use('one')")
    run()
    put("one", "# changed")
    assert (run().made, run().current) == (("one", "three"), ("one", "three", "two"))


def test_a_template_and_an_option_are_noticed(made):
    run()
    Path("templates").mkdir()
    Path("templates/derivation.md.j2").write_text("mine")
    assert len(run().made) == 2
    assert len(run().made) == 0
    assert len(run(engine="latex").made) == 2


def test_a_version_is_noticed(made, monkeypatch):
    run()
    monkeypatch.setattr(module, "version", lambda name: "99")
    assert len(run().made) == 2


def test_a_format_is_added_without_making_the_others_again(made):
    run()
    del made[:]
    run("one", formats=("md", "pdf"))
    assert made == [("one", "pdf")]
    assert run(formats=("md",)).made == ()
    assert run("one", formats=("pdf", "md")).made == ()


def test_documents_of_a_deleted_definition_go_unless_they_were_edited(made):
    run(formats=("md", "tex"))
    Path("output/latex/one.tex").write_text("edited")
    Path("derivations/activations/one.py").unlink()
    run(formats=("md", "tex"))
    assert [path for path in written() if "one" in path] == ["latex/one.tex"]
    assert Path("output/markdown/README.md").read_text() == "two"


def test_a_builtin_that_was_asked_for_by_name_stays(made, tmp_path, monkeypatch):
    folder = tmp_path / "shipped/activations"
    folder.mkdir(parents=True)
    shutil.copy("derivations/activations/one.py", folder / "built_in.py")
    monkeypatch.setattr("chainrule.catalogue.builtin", lambda: folder.parent)
    put("two", "use('built_in')")
    run("built_in")
    assert not Path("output/markdown/README.md").exists(), "one document of many is no reason to write the index"
    assert run().made == ("one", "two")
    assert "markdown/built_in.md" in written()


def test_a_damaged_stamp_means_a_full_build(made):
    run()
    for text in ("{", "[]", json.dumps({"one": {"key": 1}})):
        Path("output", STAMP).write_text(text)
        assert run().made == ("one", "two")


def test_a_failure_costs_the_reader_nothing_else(made):
    put("syntax", text="x = 1\ndef (")
    put("name", "foo")
    put("refused")
    put("crash")
    put("needs_name", "use('name')")
    built = run()
    assert built.made == ("one", "two")
    assert [failure.name for failure in built.failures] == ["crash", "name", "needs_name", "refused", "syntax"]
    crash, name, needs_name, refused, syntax = (failure.message for failure in built.failures)
    where = "derivations/activations"
    assert crash.startswith(f"{where}/crash.py:6: chainrule failed in test_build.py:")
    assert crash.endswith(": ZeroDivisionError: by 0")
    assert name == f"{where}/name.py:5: NameError: name 'foo' is not defined"
    assert needs_name == f"{where}/needs_name.py:5: {name}"
    assert refused == f"{where}/refused.py:6: no rule covers foo(x)"
    assert syntax.startswith(f"{where}/syntax.py:2: SyntaxError: ")
    assert Path("output/markdown/README.md").read_text() == "one two"
    assert [path for path in written() if "name" in path or "refused" in path or "crash" in path] == []
    assert len(run().failures) == 5, "a failure is tried again"


def test_if_everything_fails_nothing_is_written(made):
    put("one", "foo")
    put("two", "foo")
    assert len(run().failures) == 2
    assert not Path("output").exists()


def test_a_definition_that_fails_later_keeps_its_last_documents(made):
    run()
    put("one", "foo")
    assert [failure.name for failure in run().failures] == ["one"]
    assert "markdown/one.md" in written()


@pytest.mark.parametrize("function", ["write_bytes", "replace"])
def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch, function):
    first, second = tmp_path / "a/first", tmp_path / "a/second"
    write({first: b"old"})

    def fail(path, *_):
        raise OSError(28, "No space left on device", str(path))

    if function == "replace":
        monkeypatch.setattr(os, "replace", fail)
    else:
        keep = Path.write_bytes
        monkeypatch.setattr(Path, "write_bytes", lambda p, data: keep(p, data) if "first" in p.name else fail(p))
    with pytest.raises(OSError, match="No space left"):
        write({first: b"new", second: b"new"})
    assert [(path.name, path.read_bytes()) for path in first.parent.iterdir()] == [("first", b"old")]


def test_a_file_that_cannot_be_written_is_a_failure_of_its_definition(made):
    Path("output").mkdir()
    Path("output/figures").write_text("a file where a folder should be")
    built = run()
    assert [failure.name for failure in built.failures] == ["one", "two"]
    assert "output/figures" in built.failures[0].message
    assert written() == ["figures"]


def test_what_was_built_before_an_interruption_is_remembered(made):
    def interrupt(done, total, name):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(progress=interrupt)
    assert run().made == ("two",)


def test_progress_counts_what_is_made(made):
    calls = []
    run(progress=lambda *call: calls.append(call))
    run(progress=lambda *call: calls.append(call))
    assert calls == [(0, 2, ""), (1, 2, "one"), (2, 2, "two"), (0, 0, "")]


def test_an_unknown_name_and_an_empty_folder_are_errors(made, tmp_path):
    with pytest.raises(UnknownName, match="did you mean one"):
        run("oen")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DefinitionError, match=r"^empty: there is no derivation file in this folder$"):
        build((), ("md",), project("empty"))


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "typst" else name)
    module.need_tools(("md", "tex"), "typst")
    with pytest.raises(RenderError) as error:
        module.need_tools(("md", "pdf"), "typst")
    assert str(error.value) == BOOK
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "matplotlib" else name)
    with pytest.raises(RenderError, match=r"pip install 'chainrule\[book\]'"):
        module.need_tools(("md",), "typst")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(module, "find_spec", lambda name: name)
    with pytest.raises(RenderError, match="needs latexmk"):
        module.need_tools(("pdf",), "latex")


def test_verify_reports_rows_and_failures_in_order(made):
    put("refused")
    rows, failures = verify((), project(), jobs=1)
    assert [row.derivation for row in rows] == ["one", "two"]
    assert [failure.message for failure in failures] == ["derivations/activations/refused.py:6: no rule covers foo(x)"]


def test_work_in_processes_gives_what_work_in_this_one_gives():
    items = (3, 1, 2)
    assert sorted(each(operator.neg, items, jobs=2)) == sorted(each(operator.neg, items, jobs=1))


def test_an_up_to_date_build_imports_neither_sympy_nor_the_engine(made):
    run()
    code = """if True:
        import sys
        from chainrule import build
        from chainrule.catalogue import project
        build.need_tools = lambda formats, engine: None
        assert build.build((), ("md",), project()).current == ("one", "two")
        heavy = {"sympy", "numpy", "jinja2", "matplotlib", "chainrule.produce"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_format_asked_for_alone_after_a_change_does_not_drop_the_page_from_the_index(made):
    where = project()
    build((), ("md", "pdf"), where, 1)
    put("one", "# changed")
    build(("one",), ("pdf",), where, 1)
    put("two", "# changed")
    build(("two",), ("md",), where, 1)
    assert (where.output / "markdown/README.md").read_text() == "one two"
    assert build(("one",), ("md",), where, 1).made == ("one",)
    Path("derivations/activations/one.py").unlink()
    build((), ("md", "pdf"), where, 1)
    assert not (where.output / "markdown/one.md").exists() and not (where.output / "pdf/one.pdf").exists()


def test_the_package_of_functions_lists_those_that_are_there_however_they_were_made(tmp_path, monkeypatch):
    monkeypatch.setattr(chainrule.produce, "functions_folder", lambda where: "functions")
    monkeypatch.chdir(tmp_path)
    put("one")
    where = project()
    write({where.output / "functions/one.py": b"", where.output / "functions/helper.py": b""})
    made = produce_package(["one", "two"], where)
    assert list(made) == ["functions/__init__.py", "functions/__init__.pyi"]
    assert "from .one import one as one\n" in made["functions/__init__.py"].decode()
    assert "two" not in made["functions/__init__.py"].decode()


def test_the_functions_of_a_users_project_are_no_package_that_hides_numpy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put("one")
    write({project().output / "numpy/one.py": b""})
    assert produce_package(["one"], project()) == {}
