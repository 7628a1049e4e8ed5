"""Sweeps over every number of a dtype: complete, resumed after an interruption, and whole though workers die."""

import contextlib
import json
import os
import signal
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import chainrule
from chainrule.catalogue import builtin, load, project
from chainrule.certification.chunks import Done, Tally, Task, run
from chainrule.certification.measure import margins
from chainrule.certification.subject import Home, subject
from chainrule.certification.sweep import local, sweep
from chainrule.errors import ChainruleError
from chainrule.runtime.certificate import code_digest

CHUNK = 1 << 14
ONE = (np.array([0.75], np.float32).view(np.uint32)[0]).item() // CHUNK  # the chunk that holds 0.75

RELU = """
import os
import signal

import numpy as np

from chainrule.runtime.scalar import Kernel, ScalarFunction


def _value(x, out):
    out[...] = np.where(x > 0, x, 0.0)


def _grad_x(x, out):
    out[...] = np.where(x > 0, 1.0, 0.0)


class Special(ScalarFunction):
    def __call__(self, x):
        result = np.asarray(super().__call__(x))
        {special}
        return result

    def value_and_grad(self, x, wrt):
        return self(x), self.grad(x, wrt=wrt)


relu = Special("relu", value=Kernel(_value), gradients={{"x": Kernel(_grad_x)}}, seconds={{}}, module=__name__)
"""
OFF_BY_ONE = "result[(x == 0.75) & (x.dtype == np.float32)] = 0.75 + 2.0**-24"
OFF_EVERYWHERE = "result[(x > 0.7) & (x < 0.8)] *= 1 + 1e-6"
DIES_ONCE = """
        try:
            open(r"{flag}", "x").close()
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
"""
DIES_ALWAYS = "os.kill(os.getpid(), signal.SIGKILL)"


def home(folder: Path, special: str) -> Home:
    file = folder / "functions" / "relu.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(RELU.format(special=special))
    return Home("relu", file)


def inline() -> Executor:
    return ThreadPoolExecutor(1)


def swept(where: Home, folder: Path, pool=inline, chunks=range(ONE - 1, ONE + 3), **options):
    given = {"chunk": CHUNK, "only": list(chunks), "anchors": 8} | options
    return sweep(where, builtin(), folder / "sweeps" / "relu.jsonl", pool, code_digest(where.module()), **given)


def test_every_number_of_the_chunks_is_compared(tmp_path):
    found = swept(Home("relu"), tmp_path)
    assert set(found.tallies) == {"value", "first derivative"}
    assert {tally.points for tally in found.tallies.values()} == {4 * CHUNK}
    assert {tally.anchors for tally in found.tallies.values()} == {4 * 8}
    assert {(t.worst, t.anchor, t.inexact) for t in found.tallies.values()} == {(0.0, 0.0, 0)}


def test_float16_is_swept_whole():
    done = run(Task(Home("sigmoid"), str(builtin()), "float16", 0, 1 << 16))
    tally = done.tallies["value"]
    assert tally.points == 1 << 16 and tally.worst <= 0.5 and tally.mismatches == 0


def test_one_wrong_number_among_all_is_found(tmp_path):
    tally = swept(home(tmp_path, OFF_BY_ONE), tmp_path).tallies["value"]
    assert (tally.worst, tally.inexact) == (1.0, 1)
    assert np.array([tally.at], np.uint32).view(np.float32)[0] == 0.75


def test_a_region_where_the_float64_function_is_wrong_does_not_pass(tmp_path):
    found = swept(home(tmp_path, OFF_EVERYWHERE), tmp_path)
    assert found.tallies["value"].anchor > 1e9
    about = subject(load("relu", project()), home(tmp_path, OFF_EVERYWHERE))
    value, _ = found.measurements(about, {})
    assert value.worst < 1 and value.bound > 4


def test_wrong_infinities_and_nans_are_counted(tmp_path):
    special = "result[(x == 0.75) & (x.dtype == np.float32)] = np.inf; result[x == np.float32(0.7500001)] = np.nan"
    tally = swept(home(tmp_path, special), tmp_path).tallies["value"]
    assert tally.mismatches == 1 and np.isinf(tally.worst)  # NaN in both precisions is for the anchors and the samples


def test_tallies_add_up_in_any_order():
    tallies = [Tally(3, 1.5, 9), Tally(4, 2.5, 7, 1), Tally(5, 2.5, 2), Tally()]
    sums = []
    for order in (tallies, tallies[::-1]):
        total = Tally()
        for each in order:
            total.add(each)
        sums.append(total)
    assert sums[0] == sums[1] == Tally(12, 2.5, 2, 1)


class Counting(ThreadPoolExecutor):
    """An executor that counts what it is given."""

    given = 0

    def submit(self, *args, **kwargs) -> Future:
        type(self).given += 1
        return super().submit(*args, **kwargs)


def test_a_sweep_goes_on_where_it_stopped(tmp_path):
    whole = swept(Home("relu"), tmp_path / "whole").tallies

    def stop(done, total, name):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swept(Home("relu"), tmp_path, progress=stop)
    file = tmp_path / "sweeps" / "relu.jsonl"
    assert len(file.read_text().splitlines()) == 1 + 2
    file.write_text(file.read_text() + '{"start": 17, "tall')  # killed while writing
    heard = []
    Counting.given = 0
    again = swept(
        Home("relu"), tmp_path, lambda: Counting(1), progress=lambda done, total, name: heard.append((done, total))
    )
    assert again.tallies == whole
    assert Counting.given == 2 and heard == [(2, 4), (3, 4), (4, 4)]
    assert len(file.read_text().splitlines()) == 1 + 4


def test_other_code_begins_anew(tmp_path):
    swept(Home("relu"), tmp_path)
    Counting.given = 0
    swept(home(tmp_path, "pass"), tmp_path, lambda: Counting(1))
    assert Counting.given == 4


def test_a_worker_with_other_code_is_refused_and_not_counted(tmp_path):
    file = tmp_path / "sweeps" / "relu.jsonl"
    with pytest.raises(ChainruleError, match="relu: a worker has other code"):
        sweep(Home("relu"), builtin(), file, inline, "meant", chunk=CHUNK, only=[ONE])
    assert len(file.read_text().splitlines()) == 1


def test_the_margin_is_the_error_of_the_float64_function_where_it_was_used():
    where = project()
    about = subject(load("softplus", where), Home("softplus"))
    assert all(0.1 < each < 8 for each in margins(about, np.dtype(np.float32)).values())


def test_a_killed_process_loses_nothing(tmp_path):
    where = home(tmp_path, DIES_ONCE.format(flag=tmp_path / "killed"))
    found = swept(where, tmp_path, local(2))
    assert (tmp_path / "killed").exists()
    assert {tally.points for tally in found.tallies.values()} == {4 * CHUNK}


def test_when_workers_always_die_it_says_so_and_keeps_what_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["chainrule.certification.sweep"], "PATIENCE", 0)
    with pytest.raises(
        ChainruleError, match=r"workers die before a chunk is done, 1 times in a row; 1 chunks are left"
    ):
        swept(home(tmp_path, DIES_ALWAYS), tmp_path, local(1), chunks=[ONE])
    assert (tmp_path / "sweeps" / "relu.jsonl").is_file()


@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_of_a_cluster_loses_nothing(tmp_path):
    distributed = pytest.importorskip("distributed")
    from chainrule.certification.sweep import cluster

    where = home(tmp_path, DIES_ONCE.format(flag=tmp_path / "killed"))
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "local_directory": str(tmp_path)}
    with distributed.LocalCluster(silence_logs=50, **options) as made:
        pool = cluster(made.scheduler_address)
        try:
            found = swept(where, tmp_path, pool)
        finally:
            with contextlib.suppress(Exception):
                distributed.get_client().close()
    assert (tmp_path / "killed").exists()
    assert {tally.points for tally in found.tallies.values()} == {4 * CHUNK}


def test_a_cluster_that_does_not_answer_is_one_line():
    pytest.importorskip("distributed")
    from chainrule.certification.sweep import cluster

    with pytest.raises(ChainruleError, match="no Dask scheduler answers"):
        cluster("nowhere")


def test_a_result_travels_between_processes():
    import pickle

    done = Done(3, {"value": Tally(1, 0.5, 2)})
    assert pickle.loads(pickle.dumps(done)) == done


SOFTSIGN = """'''Softsign: for the tests.'''

from sympy import Abs

from chainrule import Definition, scalar

x = scalar("x")
definition = Definition(x / (1 + Abs(x)), wrt=x)
"""
GENERATED = """
import numpy as np

from chainrule.runtime.scalar import Kernel, ScalarFunction


def _value(x, out):
    out[...] = np.where(np.isinf(x), np.sign(x), x / (1.0 + np.abs(x)))


def _grad_x(x, out):
    out[...] = 1.0 / (1.0 + np.abs(x)) / (1.0 + np.abs(x))


softsign = ScalarFunction("softsign", value=Kernel(_value), gradients={"x": Kernel(_grad_x)}, seconds={}, module=__name__)
"""


def test_verify_exhaustive_writes_the_certificate_of_a_project(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from chainrule.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys.modules["chainrule.certification.certify"], "SWEPT", ("float16",))
    for file, text in {"derivations/softsign.py": SOFTSIGN, "output/numpy/softsign.py": GENERATED}.items():
        Path(file).parent.mkdir(parents=True)
        Path(file).write_text(text)
    result = CliRunner().invoke(main, ["verify", "--exhaustive", "softsign", "--jobs", "1", "--json"])
    assert result.exit_code == 0, result.output
    [found] = json.loads(result.stdout)
    assert found == json.loads(Path("output/certificates/softsign.json").read_text())
    rows = {(m["what"], m["dtype"]): m for m in found["measurements"]}
    assert rows["value", "float16"]["how"] == "exhaustive" and rows["value", "float16"]["points"] == 1 << 16
    assert rows["value", "float64"]["how"] == "sampled" and rows["value", "float64"]["worst"] < 2
    assert "workers" not in found["environment"]
    assert not list(Path("output/.sweeps").iterdir())
    several = CliRunner().invoke(main, ["verify", "--exhaustive", "huber"])
    assert several.exit_code == 1 and "one variable" in several.stderr


def test_a_function_knows_its_certificate(tmp_path, monkeypatch):
    from chainrule.functions import relu
    from chainrule.runtime import certificate

    monkeypatch.setattr(certificate, "place", lambda module, compiled: tmp_path / f"{compiled}.json")
    assert relu.certificate is None
    module = Home("relu").module()
    known = certificate.Certificate("relu", certificate.code_digest(module), "", ())
    (tmp_path / "False.json").write_text(known.to_json())
    assert relu.certificate == known
    chainrule.set_compiled(True)
    try:
        assert relu.certificate is None
        compiled = certificate.Certificate("relu", certificate.code_digest(module, True), "", ())
        (tmp_path / "True.json").write_text(compiled.to_json())
        assert relu.certificate == compiled
    finally:
        chainrule.set_compiled(None)


def test_a_second_interruption_does_not_disturb_a_shutdown():
    from chainrule.certification.sweep import _undisturbed

    before = signal.getsignal(signal.SIGINT)
    with _undisturbed():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
