"""Numerical derivatives err as theory says, by the same digits everywhere; the file of measured times is read with care."""

from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

from chainrule.errors import DefinitionError
from chainrule.networks.differences import (
    COLUMNS,
    METHODS,
    ROUNDOFF,
    TINY,
    Cost,
    best_steps,
    costs,
    errors,
    evaluations,
    example,
    example_errors,
)
from chainrule.verification import verify

FOUND = {found.method: found for found in example_errors()}
EXPECTED = {best.method: best for best in best_steps(example().f, example().x)}


def test_the_reference_is_a_derivation_that_is_verified() -> None:
    made = example()
    assert verify(made.derivation).passed
    with mpmath.workdps(40):
        assert abs(mpmath.diff(made.f, mpmath.mpf(made.x)) / made.derivative - 1) < 1e-25


@pytest.mark.parametrize("method", EXPECTED)
def test_the_least_error_is_where_theory_expects_it(method: str) -> None:
    found, best = FOUND[method], EXPECTED[method]
    assert 0.1 < found.best / best.step < 10, f"{found.best:g} measured, {best.step:g} expected"
    assert 0.05 < found.least / best.error < 5, f"{found.least:g} measured, {best.error:g} expected"


def test_the_powers_are_those_of_the_roundoff() -> None:
    assert EXPECTED["forward"].step == pytest.approx(ROUNDOFF ** (1 / 2), rel=9) and EXPECTED["forward"].step < 1e-6
    assert EXPECTED["central"].step == pytest.approx(ROUNDOFF ** (1 / 3), rel=9) and EXPECTED["central"].step > 1e-6


@pytest.mark.parametrize(("method", "order"), [("forward", 1), ("central", 2), ("complex", 2)])
def test_large_steps_err_with_the_order_of_the_method(method: str, order: int) -> None:
    found = FOUND[method]
    assert np.log10(found.errors[2] / found.errors[4]) == pytest.approx(order, abs=0.02)


def test_small_steps_lose_everything_except_complex_ones() -> None:
    assert min(FOUND["forward"].errors[-1], FOUND["central"].errors[-1]) > 0.5
    tiny = FOUND["complex"].errors[-len(TINY) :]
    assert max(tiny) < 1e-15 and FOUND["complex"].steps[-1] == 1e-200


def test_the_arithmetic_is_that_of_doubles() -> None:
    """A polynomial needs no elementary function: the same operations in NumPy's doubles give the same estimates."""

    def f(x):  # type: ignore[no-untyped-def]
        return x * x * x - 2 * x

    x, steps = 1.1, tuple(map(Fraction, (-1, -3, -6, -9)))
    exact = 3 * mpmath.mpf(x) ** 2 - 2
    for found in errors(f, exact, x, steps, ()):
        for power, error in zip(steps, found.errors, strict=True):
            h = 10.0 ** int(power)
            forward, central = (f(x + h) - f(x)) / h, (f(x + h) - f(x - h)) / (2 * h)
            estimate = {"forward": forward, "central": central}.get(found.method)
            if estimate is not None:
                with mpmath.workdps(40):
                    assert error == pytest.approx(float(abs(estimate - exact) / exact), rel=1e-3)


def test_the_global_precision_stays_as_it_was() -> None:
    before = mpmath.mp.prec
    errors(lambda x: x * x, 2, 1.0)
    assert mpmath.mp.prec == before


def test_no_error_is_relative_to_0() -> None:
    with pytest.raises(DefinitionError, match="derivative is 0"):
        errors(lambda x: x * x, 0, 0.0)


def test_evaluations_are_counted() -> None:
    for method, estimate in METHODS.items():
        calls = 0

        def f(x):  # type: ignore[no-untyped-def]
            nonlocal calls
            calls += 1
            return x * x

        estimate(f, mpmath.mpf(1), mpmath.mpf(0.5))
        assert calls == evaluations(2, method) - evaluations(1, method) + (method == "forward"), method


HEAD = "# by a benchmark\n" + ",".join(COLUMNS) + "\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "backward_cost.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_costs_are_read_in_order(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "1000,1e-3,3e-3,2.1,false\n# a comment\n10,2e-5,6e-5,4e-4,true\n")
    assert costs(path) == (Cost(10, 2e-5, 6e-5, 4e-4, True), Cost(1000, 1e-3, 3e-3, 2.1, False))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows"),
        (HEAD, "no rows"),
        ("parameters,seconds\n1,2\n", "the columns parameters, loss_seconds"),
        (HEAD + "10,2e-5,6e-5,4e-4,perhaps\n", "true or false last"),
        (HEAD + "10,2e-5,6e-5\n", "no row of numbers"),
        (HEAD + "ten,2e-5,6e-5,4e-4,true\n", "no row of numbers"),
        (HEAD + "10,0,6e-5,4e-4,true\n", "not positive"),
        (HEAD + "10,2e-5,nan,4e-4,true\n", "not positive"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        costs(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"nothing\.csv is missing"):
        costs(tmp_path / "nothing.csv")


def test_the_times_that_ship_say_that_a_backward_pass_is_cheaper() -> None:
    for cost in costs():
        assert cost.backward < 10 * cost.loss < cost.differences
        assert cost.differences > cost.parameters * cost.loss / 2
