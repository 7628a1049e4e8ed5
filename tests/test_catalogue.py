import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from chainrule.catalogue import Project, builtin, closure, entries, fingerprint, load, project, resolve, shipped
from chainrule.errors import DefinitionError, UnknownName

HEAD = """\
from chainrule.catalogue import use
from chainrule.definition import Definition
from chainrule.notation import scalar
"""
PLAIN = HEAD + "x = scalar('x')\ndefinition = Definition(x**2, wrt=x)\n"
SOFT = PLAIN.replace("wrt=x", "wrt=x, aliases=('soft', 'Gentle')")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A project of its own, in the current directory."""
    (tmp_path / "derivations").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(home: Path, place: str, text: str) -> Path:
    path = home / "derivations" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_an_entry_is_read_from_the_text_alone(home):
    text = '"""SiLU, also called Swish: x gated by its own sigmoid."""\nraise SystemExit\n'
    put(home, "activations/silu.py", text + "definition = Definition(x, wrt=x, aliases=('swish',))\nuse('sigmoid')")
    [entry] = entries([home / "derivations"]).values()
    assert (entry.name, entry.kind, entry.line) == ("silu", "activation", 3)
    assert entry.title == "SiLU, also called Swish"
    assert entry.summary == "x gated by its own sigmoid."
    assert (entry.aliases, entry.uses) == (("swish",), ("sigmoid",))


@pytest.mark.parametrize(
    ("docstring", "title", "summary"),
    [
        ("Leaky ReLU with slope 0.01: a leak.", "Leaky ReLU with slope 0.01", "a leak."),
        ("Softplus. A smooth\nReLU.", "Softplus", "A smooth ReLU."),
        ("Mish", "Mish", ""),
        ("", "My act", ""),
    ],
)
def test_title_and_summary_come_from_the_docstring(home, docstring, title, summary):
    put(home, "other/my_act.py", f'"""{docstring}"""')
    entry = entries([home / "derivations"])["my_act"]
    assert (entry.title, entry.summary, entry.kind) == (title, summary, "other")


@pytest.mark.parametrize("folder", ["activations", "losses", "layers"])
def test_the_folder_gives_the_kind_and_a_file_may_say_otherwise(home, folder):
    kind = {"activations": "activation", "losses": "loss", "layers": "layer"}[folder]
    put(home, f"{folder}/a.py", SOFT)
    put(home, f"{folder}/b.py", "definition = Definition(x, wrt=x, kind='gate')")
    found = entries([home / "derivations"])
    assert (found["a"].kind, found["b"].kind) == (kind, "gate")


def test_every_builtin_file_is_sound_and_every_name_leads_to_it():
    catalogue = entries([builtin()])
    for entry in catalogue.values():
        assert not entry.error, f"{entry.where}: {entry.error}"
        for name in (entry.name, *entry.aliases, entry.name.upper(), entry.name.replace("_", "-")):
            assert resolve(name, catalogue) is entry


def test_names_aliases_and_near_names(home):
    put(home, "activations/softer.py", SOFT)
    put(home, "activations/hard.py", "definition = None")
    catalogue = entries([home / "derivations"])
    assert resolve("gentle", catalogue) is resolve("SOFT", catalogue) is catalogue["softer"]
    with pytest.raises(UnknownName, match=r"^no derivation named 'sofdt'; did you mean soft or softer\?$"):
        resolve("sofdt", catalogue)
    with pytest.raises(UnknownName, match=r"^no derivation named 'qqq'; `chainrule list` shows them all$"):
        resolve("qqq", catalogue)


def test_a_users_file_overrides_a_builtin_one_and_keeps_its_aliases(home):
    for folder, aliases in (("mine", ("gentle",)), ("theirs", ("gentle", "kind"))):
        put(home, f"{folder}/soft.py", f"'{folder}'\ndefinition = Definition(x, wrt=x, aliases={aliases})")
    put(home, "theirs/other.py", "definition = Definition(x, wrt=x, aliases=('gentle', 'odd'))")
    catalogue = entries([home / "derivations/mine", home / "derivations/theirs"])
    assert resolve("gentle", catalogue).title == "mine"
    assert resolve("odd", catalogue).name == "other"
    assert list(catalogue) == ["soft", "other"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ndef broken(:\n", r"^derivations/losses/bad\.py:2: SyntaxError: "),
        ("definition = Definition(x, wrt=x, aliases=('bad2'))", r"^derivations/losses/bad\.py:1: `aliases` is a tuple"),
        ("x = 1\n\ndefinition = foo\n", r"^derivations/losses/bad\.py:3: NameError: name 'foo' is not defined$"),
        (
            "def half(x):\n    return x / nothing\nhalf(1)\n",
            r"^derivations/losses/bad\.py:2: NameError: name 'nothing' is not defined$",
        ),
        ("raise SystemExit(3)", r"^derivations/losses/bad\.py:1: SystemExit: 3$"),
        ("x = 1", r"^derivations/losses/bad\.py: set `definition = Definition\(...\)`; found none$"),
        ("definition = 1", r"^derivations/losses/bad\.py: set `definition = .*found a value of type int$"),
        (PLAIN.replace("wrt=x", "wrt=()"), r"^derivations/losses/bad\.py:5: `wrt` is empty"),
        (HEAD + "use('sfot')", r"^derivations/losses/bad\.py:4: no derivation named 'sfot'; did you mean soft\?$"),
    ],
)
def test_a_broken_file_is_named_with_its_line(home, text, message):
    put(home, "activations/soft.py", PLAIN)
    put(home, "losses/bad.py", text)
    with pytest.raises(DefinitionError, match=message):
        load("bad", project())
    assert load("soft", project()).name == "soft"


def test_two_files_of_one_name_are_reported(home):
    put(home, "activations/soft.py", PLAIN)
    put(home, "losses/soft.py", SOFT)
    catalogue = entries([home / "derivations"])
    assert not catalogue["soft"].error
    assert "is taken by derivations/activations/soft.py" in catalogue["losses/soft"].error


def test_loading_completes_the_definition(home):
    put(home, "activations/soft_step.py", '"""Soft step, a gate: it opens."""\n' + SOFT)
    put(home, "activations/long_one.py", '"""The one with a long title."""\n' + PLAIN)
    put(home, "losses/off.py", PLAIN.replace("wrt=x", "wrt=x, title='Off'"))
    put(home, "losses/own.py", PLAIN.replace("wrt=x", "wrt=x, symbol='J'"))
    step = load("soft", project())
    assert (step.name, step.kind) == ("soft_step", "activation")
    assert (step.title, step.summary) == ("Soft step, a gate", "it opens.")
    assert step.symbol == "Softstep"
    assert load("long_one", project()).symbol == "LongOne"
    assert (load("off", project()).symbol, load("off", project()).title) == ("L", "Off")
    assert load("own", project()).symbol == "J"


def test_definitions_build_on_each_other(home):
    put(home, "activations/gentle.py", SOFT.replace("'Gentle'", ""))
    text = "soft = use('soft')\nx = scalar('x')\ndefinition = Definition(2 * soft(x), wrt=x, uses=(soft,))"
    put(home, "activations/twice.py", HEAD + text)
    twice = load("twice", project())
    assert twice.uses == (load("soft", project()),), "a definition is loaded once"
    put(home, "activations/gentle.py", SOFT.replace("'Gentle'", "").replace("x**2", "x**3"))
    assert str(load("twice", project()).uses[0].expression) == "x**3", "an edited file is loaded again"


def test_a_circle_is_an_error_that_names_it(home):
    put(home, "activations/a.py", HEAD + "definition = use('b')")
    put(home, "activations/b.py", HEAD + "definition = use('a')")
    circle = r"^derivations/activations/a\.py:4: derivations/activations/b\.py:4: .* circle: a → b → a$"
    with pytest.raises(DefinitionError, match=circle):
        load("a", project())


def test_the_fingerprint_follows_what_a_file_uses(home):
    def fingerprints():
        catalogue = entries([home / "derivations"])
        return {name: fingerprint(entry, catalogue) for name, entry in catalogue.items()}

    put(home, "activations/a.py", "use('b')")
    put(home, "activations/b.py", "use('c')\nuse('a')\nuse('unknown')")
    put(home, "activations/c.py", "")
    put(home, "activations/every.py", "for name in 'ab': use(name)")
    put(home, "activations/none.py", "")
    catalogue = entries([home / "derivations"])
    assert [entry.name for entry in closure(catalogue["a"], catalogue)] == ["a", "b", "c"]
    before = fingerprints()
    put(home, "activations/c.py", "# changed")
    changed = {name for name, value in fingerprints().items() if value != before[name]}
    assert changed == {"a", "b", "c", "every"}


def test_a_project_is_the_current_directory_with_derivations(home):
    assert project() == Project(home / "derivations", None, home / "output")
    assert project().folders == (home / "derivations", builtin())
    (home / "templates").mkdir()
    assert project(output="out") == Project(home / "derivations", home / "templates", home / "out")
    with pytest.raises(DefinitionError, match=r"^nowhere: there is no such folder$"):
        project(derivations="nowhere")


def test_elsewhere_the_project_is_the_builtin_catalogue(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert project() == Project(builtin(), None, tmp_path / "output")
    assert project().is_builtin and project().folders == (builtin(),)


def test_shipped_folders_lie_in_the_package_or_two_folders_up(tmp_path):
    package = tmp_path / "src/chainrule"
    (tmp_path / "derivations").mkdir()
    package.mkdir(parents=True)
    assert shipped("derivations", package) == tmp_path / "derivations"
    (package / "derivations").mkdir()
    assert shipped("derivations", package) == package / "derivations"


def test_finding_needs_no_sympy():
    code = """
        import sys
        from chainrule.catalogue import entries, project
        entries(project().folders)
        heavy = {"sympy", "mpmath", "numpy", "jinja2", "matplotlib"} & set(sys.modules)
        assert not heavy, heavy
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
