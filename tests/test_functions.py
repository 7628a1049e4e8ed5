"""The functions that people import: finite and silent at every extreme, isolated from the engine, uniform in their interface."""

import ast
import inspect
import itertools
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule.functions
from chainrule.catalogue import builtin, entries, load
from chainrule.codegen.numpy_source import package_source
from chainrule.codegen.stubs import package_stub
from chainrule.runtime.scalar import ScalarFunction

NAMES = sorted(name for name in entries((builtin(),)) if not load(name).called_any)
"""Those with a formula to compute: what holds for any activation is not among them."""
EXTREMES = [
    0.0, 5e-324, 2.2250738585072014e-308, 1e-308, 1e-30, 0.5, 1.0, 2.0, 30.0, 37.0, 88.8, 103.0, 709.8, 745.2, 1e4, 1e16, 1e154, 1e300, 1e308,
    1.7976931348623157e308, float("inf"),
]  # fmt: skip
GRID = np.array([*sorted({s * v for v in EXTREMES for s in (1, -1)}), -0.0])


def function(name: str) -> ScalarFunction:
    found = getattr(chainrule.functions, name)
    if not isinstance(found, ScalarFunction):
        pytest.skip("a function of vectors, tested by its own checks")
    return found


def test_every_derivation_has_its_function() -> None:
    assert [name for name in NAMES if not hasattr(chainrule.functions, name)] == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_no_warning_and_no_nan_that_mathematics_does_not_have(name: str, dtype: type) -> None:
    f = function(name)
    with np.errstate(all="ignore"):
        grid = GRID.astype(dtype)
    target = [-1.0, 1.0, 1.0] if name == "hinge" else [0.0, 1.0, 0.25]  # its targets are -1 and 1
    others = [np.array(target, dtype=dtype)] * (len(f.arguments) - 1)
    with np.errstate(all="raise"):
        for point in itertools.product(*([o[k] for k in range(3)] for o in others)):
            inside = np.ones(grid.shape, dtype=bool)
            for argument, range_ in f.ranges.items():
                if argument == f.arguments[0]:
                    inside = range_.inside(grid.astype(np.float64))
            for found in (f(grid, *point), f.grad(grid, *point), f.second(grid, *point)):
                assert found.dtype == dtype
                assert not np.any(np.isnan(found[inside])), (point, grid[inside & np.isnan(found)])


@pytest.mark.parametrize("name", NAMES)
def test_pickled_and_back_it_is_the_same_object(name: str) -> None:
    found = getattr(chainrule.functions, name)
    assert pickle.loads(pickle.dumps(found)) is found
    assert found.source.startswith('"""')
    assert len(found.__doc__) > 200


def test_the_package_and_its_signatures_are_those_that_a_build_writes() -> None:
    folder = Path(chainrule.functions.__file__).parent
    modules = {p.stem for p in folder.glob("*.py")} - {"__init__"}
    assert (folder / "__init__.py").read_text(encoding="utf-8") == package_source(modules)
    functions = [getattr(chainrule.functions, name) for name in sorted(modules)]
    assert (folder / "__init__.pyi").read_text(encoding="utf-8") == package_stub(functions)
    ast.parse(package_stub(functions))


@pytest.mark.parametrize("name", NAMES)
def test_the_signatures_for_editors_are_those_of_the_functions(name: str) -> None:
    """Every call that the stub allows is taken: names of arguments and of what a derivative may be by."""
    f = getattr(chainrule.functions, name)
    tree = ast.parse(package_stub([f]))
    (stub,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    methods = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef)}
    own = methods["__call__"].args
    wanted = list(inspect.signature(f).parameters)
    assert sorted(a.arg for a in (*own.args[1:], *own.kwonlyargs)) == sorted(wanted)
    for method, node in methods.items():
        assert callable(getattr(f, method))
        for argument in node.args.kwonlyargs:
            if argument.arg == "wrt":
                known = f.wrt_second if method in ("second", "hvp", "hessian") else f.wrt
                assert f"Literal[{', '.join(map(repr, known))}]" in ast.unparse(argument)


def test_the_functions_need_numpy_only() -> None:
    code = "import sys, chainrule.functions; print([m for m in ('sympy', 'jinja2', 'matplotlib', 'mpmath') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_a_function_loads_no_more_than_it_needs() -> None:
    """numpy.typing alone takes a millisecond, the error function's tables half of one."""
    code = "import sys; from chainrule.functions import {}; print([m for m in {} if m in sys.modules])"
    rare = ("numpy.typing", "chainrule.runtime.gates", "chainrule.runtime.special")
    for name, needed in (("sigmoid", []), ("gelu", ["chainrule.runtime.gates", "chainrule.runtime.special"])):
        command = [sys.executable, "-c", code.format(name, rare)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == str(needed)


def test_lists_scalars_and_arrays_of_any_shape() -> None:
    from chainrule.functions import elu, huber, sigmoid, softmax, softmax_cross_entropy

    assert sigmoid(0.0) == 0.5
    assert sigmoid.grad([[0.0], [1000.0]]).shape == (2, 1)
    assert elu.grad(-1.0, wrt="alpha", alpha=2.0) == np.expm1(-1.0)
    value, grad = huber.value_and_grad(3.0, 1.0, delta=0.5)
    assert (value, grad) == (0.875, 0.5)
    assert softmax(np.zeros((2, 3, 4)), axis=1).shape == (2, 3, 4)
    assert np.allclose(softmax(np.zeros((2, 3, 4)), axis=1), 1 / 3)
    assert softmax.jacobian(np.zeros((5, 4))).shape == (5, 4, 4)
    assert softmax_cross_entropy([1e308, -1e308], [0.0, 1.0]) == np.inf
    assert np.array_equal(softmax_cross_entropy.grad([1e308, -1e308], [1.0, 0.0]), [0.0, 0.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f.softmax(3.0), "single number"),
        (lambda f: f.softmax([1j]), "dtype"),
        (lambda f: f.softmax([1.0], axis=3), "no axis 3"),
        (lambda f: f.softmax.grad([1.0, 2.0]), "use softmax.jacobian"),
        (lambda f: f.softmax_cross_entropy([1.0, 2.0]), "missing target"),
        (lambda f: f.softmax_cross_entropy([1.0, 2.0], [1.0, 0.0, 0.0]), "numbers of components differ"),
        (lambda f: f.softmax_cross_entropy.jacobian([1.0, 2.0], [1.0, 0.0]), "use softmax_cross_entropy.grad"),
        (lambda f: f.sigmoid("a"), "dtype"),
        (lambda f: f.sigmoid(True), "sigmoid: x has dtype bool; float16, float32, float64 and integers"),
        (lambda f: f.sigmoid.grad([[True]]), "dtype bool"),
        (lambda f: f.elu(1.0, alpha=True), "alpha has dtype bool"),
        (lambda f: f.softmax(np.array([True, False])), "softmax: z has dtype bool"),
        (lambda f: f.softmax.vjp([1.0, 2.0], [True, False]), "dtype bool"),
        (lambda f: f.elu(1.0, alpha=-1.0), "alpha > 0"),
    ],
)
def test_bad_input_gets_one_clear_message(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((TypeError, ValueError), match=message):
        call(chainrule.functions)
