"""The benchmark runs, and tells a right result from a wrong one. No test here looks at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> str:
    command = [sys.executable, "benchmarks/derivations.py", *arguments]
    environment = {"COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_the_benchmark_runs_and_compares() -> None:
    output = run("--only", "sigmoid", "--repeats", "1")
    assert "2 derivations" in output
    assert "2 equal to ours" in output


def test_what_sympy_cannot_do_is_reported_as_a_failure() -> None:
    output = run("--only", "softmax", "--repeats", "1")
    assert "StopIteration" in output
    assert "1 failures; ours: 0 failures" in output


def test_the_benchmark_of_functions_runs_and_judges() -> None:
    """The smallest of runs: a table with ours, a peer, their ratio and the floors."""
    pytest.importorskip("torch")
    command = [
        sys.executable,
        "benchmarks/functions.py",
        "--only",
        "relu",
        "-n",
        "100",
        "--dtype",
        "float64",
        "--threads",
        "1",
    ]
    command += ["--peers", "lambdify", "--repeats", "1"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert found.returncode == 0, found.stderr
    assert "| relu value |" in found.stdout
    assert "| relu gradient |" in found.stdout
    assert "| ours | ours out= | compiled | compiled out= | floor |" in found.stdout
    assert "| import of chainrule.functions.sigmoid after that of numpy" in found.stdout
