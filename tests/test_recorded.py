"""The stable forms on record are what a search finds. That every function of the catalogue is on record is a test of test_output, which builds them."""

import ast

import pytest
from sympy import exp, sin, srepr, symbols
from sympy.core.function import AppliedUndef

from chainrule.calculus.derive import derive_all
from chainrule.catalogue import load
from chainrule.codegen import recorded
from chainrule.codegen.points import ranges, sample
from chainrule.codegen.spec import FunctionSpec
from chainrule.codegen.specs import spec_of
from chainrule.codegen.stable import THOROUGH, problem, stabilise
from chainrule.errors import VerificationError
from chainrule.networks import kernels
from chainrule.networks import recorded as of_networks

KEEP, KEPT = recorded._keep, recorded._kept  # which other tests do without


@pytest.mark.parametrize(
    ("output", "loss", "count"),
    [("sigmoid", "binary_cross_entropy", 1), ("tanh", "log_cosh", 2), ("identity", "huber", 2)],
)
def test_losses_after_outputs_are_on_record_and_nothing_is_asked_that_is_not_needed(output, loss, count, monkeypatch):
    """The derivative of a cross-entropy by z is a polynomial of the output, which needs no search."""
    asked = []
    known = recorded.stable_form
    monkeypatch.setattr(recorded, "_known", {})
    monkeypatch.setattr(
        "chainrule.codegen.numpy_source.stable_form",
        lambda stated, names: (asked.append(recorded.key_of(stated, names)), known(stated, names))[1],
    )
    kernels.loss_kernels.cache_clear()
    of_networks.loss_after(output, loss)
    assert len(asked) == count and set(asked) <= set(recorded.records())


def test_layers_are_on_record(monkeypatch):
    monkeypatch.setattr(
        recorded, "_searched", lambda stated, names, key: pytest.fail(f"{stated.expr} is not on record")
    )
    monkeypatch.setattr(recorded, "_known", {})
    for each in (kernels.value_of, kernels.slope_of):
        each.cache_clear()
    for name in of_networks.activations():
        of_networks.activation_of(name)


def question(name, part):
    spec = spec_of(load(name), derive_all(load(name)))
    domains = tuple((each.lower, each.upper) for each in ranges(spec).values())
    stated = problem(dict(spec.parts)[part], spec.symbols, sample(spec), domains)
    return stated, dict(zip(spec.symbols, spec.names, strict=True))


@pytest.mark.parametrize(("name", "part"), [("sigmoid", "_value"), ("elu", "_grad_x"), ("softplus", "_value")])
def test_what_is_recorded_is_what_is_found(name, part):
    stated, names = question(name, part)
    record = recorded.records()[recorded.key_of(stated, names)]
    assert recorded.as_record(stabilise(stated, names, THOROUGH)) == {
        **record,
        "measured": {**record["measured"], "at": tuple(record["measured"]["at"])},
        "naive": {**record["naive"], "at": tuple(record["naive"]["at"])},
    }


def test_a_form_read_back_is_written_alike():
    for record in recorded.records().values():
        if "error" not in record:
            form = recorded._expression(record["form"])
            assert recorded._expression(srepr(form)) == form
            assert not {str(f.func) for f in form.atoms(AppliedUndef)} - set(recorded.WORDS)


def test_another_search_or_another_name_is_another_question(monkeypatch):
    stated, names = question("relu", "_value")
    key = recorded.key_of(stated, names)
    assert recorded.key_of(stated, dict.fromkeys(names, "u")) != key
    monkeypatch.setattr(recorded, "search_digest", lambda: "another")
    assert recorded.key_of(stated, names) != key


def test_the_digest_covers_every_module_of_the_search():
    """What the modules of the search import of the generator is itself part of it."""
    inside = {name.removeprefix("codegen/").removesuffix(".py") for name in recorded.SEARCH if "codegen" in name}
    for name in inside:
        tree = ast.parse((recorded.PACKAGE / "codegen" / f"{name}.py").read_text(encoding="utf-8"))
        modules = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        imported = {m.removeprefix("chainrule.codegen.") for m in modules if m.startswith("chainrule.codegen.")}
        assert imported <= inside | {"spec"}, name


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A question asked as in a new process, with a cache of its own; and how many searches there were."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(recorded, "_keep", KEEP)
    monkeypatch.setattr(recorded, "_kept", KEPT)
    searches = []
    search = recorded.stabilise
    monkeypatch.setattr(recorded, "stabilise", lambda *given: (searches.append(given), search(*given))[1])

    def ask(expr):
        monkeypatch.setattr(recorded, "_known", {})
        x = symbols("x", real=True)
        spec = FunctionSpec("own", (("x", x),), (), expr(x), {}, {})
        domains = tuple((each.lower, each.upper) for each in ranges(spec).values())
        return recorded.stable_form(problem(spec.value, spec.symbols, sample(spec), domains), {x: "x"})

    return ask, searches


def test_an_answer_is_kept_for_the_next_process(asked):
    ask, searches = asked
    first = ask(lambda x: exp(2 * x) - 1)
    again = ask(lambda x: exp(2 * x) - 1)
    assert len(searches) == 1 and (again.expr, again.body, again.steps) == (first.expr, first.body, first.steps)
    assert again.measured == first.measured and again.naive == first.naive
    ask(lambda x: exp(3 * x) - 1)
    assert len(searches) == 2


def test_so_is_a_refusal(asked):
    ask, searches = asked
    messages = []
    for _ in range(2):
        with pytest.raises(VerificationError) as refused:
            ask(lambda x: exp(1000 * sin(x)))
        messages.append(str(refused.value))
    assert len(searches) == 1 and messages[0] == messages[1]


def test_a_broken_file_of_the_cache_is_replaced(asked):
    ask, searches = asked
    ask(lambda x: exp(2 * x) - 1)
    (kept,) = recorded.cache().iterdir()
    whole = kept.read_text()
    kept.write_text(whole[:50])
    ask(lambda x: exp(2 * x) - 1)
    assert len(searches) == 2 and kept.read_text() == whole


def test_without_a_folder_for_the_cache_nothing_is_kept(asked, monkeypatch, tmp_path):
    ask, searches = asked
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert ask(lambda x: exp(2 * x) - 1).body == ask(lambda x: exp(2 * x) - 1).body
    assert len(searches) == 2
