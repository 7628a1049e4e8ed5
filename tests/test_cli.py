import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import chainrule.build
import chainrule.produce
from chainrule.cli import main
from chainrule.errors import UnsupportedExpression
from chainrule.produce import Checked, Product

TEXT = '''"""{title}: for the tests."""
from chainrule.definition import Definition
from chainrule.notation import scalar
x = scalar("x")
definition = Definition(x**2, wrt=x, aliases={aliases})
'''


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The command in a project with a sound, a refused and a broken derivation file; the pipeline is a fake."""
    monkeypatch.chdir(tmp_path)
    put("activations/sound", "Sound [of it], or so", ("noise",))
    put("losses/refused", "Refused")
    Path("derivations/losses/broken.py").write_text("x = (\n", "utf-8")

    def produce(definition, formats, engine, project):
        if definition.name == "refused":
            raise UnsupportedExpression("no rule covers foo(x)")
        return Product({f"{form}/{definition.name}": engine.encode() for form in formats}, {"name": definition.name})

    def document(definition, form, detail, width, project):
        return f"\x1b[1m{definition.title}\x1b[0m σ {form} {detail} {width}"

    def check(definition):
        passed = definition.name != "refused"
        return (Checked(definition.name, 7, 1e-41, 2e-31 if passed else float("inf"), passed, "product rule: off"),)

    for fake in (produce, document, check):
        monkeypatch.setattr(chainrule.produce, fake.__name__, fake)
    monkeypatch.setattr(chainrule.produce, "produce_index", lambda rows, project: {})
    monkeypatch.setattr(chainrule.build, "usable_cpus", lambda: 1)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def put(place, title, aliases=()):
    path = Path(f"derivations/{place}.py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TEXT.format(title=title, aliases=aliases), "utf-8")


def test_list_shows_every_function_and_names_broken_files(run):
    result = run("list")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0].split() == ["name", "kind", "title", "aliases"]
    [row] = [line for line in result.stdout.splitlines() if line.startswith("sound")]
    assert row.split() == ["sound", "activation", "Sound", "[of", "it],", "or", "so", "noise"]
    assert "derivations/losses/broken.py:1: SyntaxError" in result.stderr


def test_list_by_kind_and_as_json(run):
    found = {row["name"]: row for row in json.loads(run("list", "--kind", "activation", "--json").stdout)}
    sound = found["sound"]
    assert {row["kind"] for row in found.values()} == {"activation"}
    assert (sound["title"], sound["summary"]) == ("Sound [of it], or so", "for the tests.")
    assert sound["aliases"] == ["noise"]
    result = run("list", "--kind", "activatoin")
    assert result.exit_code == 2 and "is not one of activation, chapter, layer, loss" in result.stderr


def test_show_prints_text_and_no_colours_into_a_pipe(run):
    result = run("show", "noise")
    assert (result.exit_code, result.stdout) == (0, "Sound [of it], or so σ text normal 80\n")
    assert " md full " in run("show", "sound", "--format", "md", "--detail", "full").stdout


@pytest.mark.parametrize("command", ["show", "build", "verify"])
def test_a_bad_name_suggests_near_ones(run, command):
    result = run(command, "souund")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: no derivation named 'souund'; did you mean sound?\n"


def test_build_makes_what_it_can_and_lists_the_rest_at_the_end(run):
    result = run("build", "--to", "tex, md", "--pdf-engine", "latex", "--output", "out")
    assert result.exit_code == 1
    assert result.stdout == "1 built, 2 failed: out/\n"
    *_, broken, refused = result.stderr.splitlines()
    assert broken.startswith("derivations/losses/broken.py:1: SyntaxError: ")
    assert refused == "derivations/losses/refused.py:5: no rule covers foo(x)"
    assert Path("out/md/sound").read_text() == Path("out/tex/sound").read_text() == "latex"
    again = run("build", "sound", "--to", "md", "--pdf-engine", "latex", "--output", "out")
    assert (again.exit_code, again.stdout) == (0, "1 up to date: out/\n")


def test_progress_is_plain_lines_where_there_is_no_terminal(run):
    assert run("build", "sound", "--to", "md").stderr == "building 1/1 sound\n"


@pytest.mark.parametrize("formats", ["html", "md,html", ",", ""])
def test_an_unknown_format_is_a_usage_error(run, formats):
    result = run("build", "--to", formats)
    assert result.exit_code == 2 and "md, tex, pdf" in result.stderr


def test_a_folder_that_is_not_there_is_one_line(run):
    result = run("build", "--derivations", "nowhere")
    assert (result.exit_code, result.stderr) == (1, "Error: nowhere: there is no such folder\n")


def test_without_the_book_extra_build_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(chainrule.build, "find_spec", lambda name: None)
    result = run("build", "--to", "md")
    assert result.exit_code == 1
    assert result.stderr == "Error: PDFs and plots need the extra `book`: pip install 'chainrule[book]'\n"


def test_verify_prints_a_table_and_fails_if_anything_does(run):
    sound = run("verify", "sound")
    assert sound.exit_code == 0
    assert sound.stdout.splitlines()[-1].split() == ["sound", "7", "1.0e-41", "2.0e-31", "passed"]
    result = run("verify")
    assert result.exit_code == 1
    assert [line.split()[-1] for line in result.stdout.splitlines()[2:]] == ["passed", "failed", "failed"]
    assert "refused: product rule: off\n" in result.stderr
    assert "derivations/losses/broken.py:1: SyntaxError" in result.stderr


def test_verify_as_json(run):
    result = run("verify", "--json")
    rows = {row["derivation"]: row for row in json.loads(result.stdout)}
    assert result.exit_code == 1
    assert rows["sound"] == {
        "derivation": "sound", "steps": 7, "worst_step": 1e-41, "worst_gradient": 2e-31, "passed": True,
        "message": "product rule: off",
    }  # fmt: skip
    assert rows["refused"]["worst_gradient"] is None and not rows["refused"]["passed"]
    assert "SyntaxError" in rows["broken"]["message"] and not rows["broken"]["passed"]


def test_python_m_chainrule_works_and_version_is_told(run):
    command = [sys.executable, "-m", "chainrule", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("chainrule, version 0.")


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["build", "--help"]])
def test_quick_commands_import_nothing_heavy(arguments):
    code = f"""if True:
        import sys
        from chainrule.cli import main
        main({arguments}, standalone_mode=False)
        heavy = {{"sympy", "mpmath", "numpy", "jinja2", "matplotlib", "typst", "multiprocessing"}} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("words", [["--compiled"], ["--record"], ["--accuracy", "--cluster", "tcp://127.0.0.1:1"]])
def test_an_option_that_would_be_ignored_is_a_usage_error(run, words):
    result = run("verify", "sigmoid", *words)
    assert result.exit_code == 2 and "says nothing alone" in result.stderr
