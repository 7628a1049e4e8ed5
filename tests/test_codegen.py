"""Generated code is accurate everywhere, keeps every convention, is readable, and a broken one is caught."""

import copy
import importlib
import inspect
import math
import pickle
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import sympy
from sympy import (
    Abs,
    DiracDelta,
    Heaviside,
    Integer,
    Interval,
    Max,
    Piecewise,
    Rational,
    Symbol,
    diff,
    erf,
    exp,
    gamma,
    log,
    oo,
    pi,
    sign,
    sin,
    sqrt,
    symbols,
    tanh,
)

import chainrule.functions
from chainrule.calculus.derive import derive_all
from chainrule.catalogue import load as load_definition
from chainrule.codegen.checking import check_function
from chainrule.codegen.numpy_source import generate, load, package_source, possible
from chainrule.codegen.path_checks import check_paths
from chainrule.codegen.reference import Reference
from chainrule.codegen.regions import FORMS, conjugate_split, exponential_split, reciprocal_split
from chainrule.codegen.rewrites import ALL
from chainrule.codegen.spec import FunctionSpec
from chainrule.codegen.specs import spec_of
from chainrule.codegen.undivided import UNDIVIDED
from chainrule.errors import DefinitionError, UnsupportedExpression, VerificationError

x, y, z, a, p, slope = symbols("x y z a p slope", real=True)
alpha, delta = symbols("alpha delta", positive=True)
UNIT, POSITIVE = Interval(0, 1), Interval.open(0, oo)
SIGMA_X, SIGMA = 1 / (1 + exp(-x)), 1 / (1 + exp(-z))
PHI, DENSITY = (1 + erf(x / sqrt(2))) / 2, exp(-(x**2) / 2) / sqrt(2 * pi)
X = (("x", x),)
PAIR = (("prediction", x), ("target", y))
LOGITS = (("logits", z), ("target", y))


def spec(name, value, arguments=X, parameters=(), domain=None, gradients=None, seconds=None, wrt=None):
    """A specification whose derivatives are SymPy's, unless given."""
    table = dict(arguments) | {row[0]: row[1] for row in parameters}
    wrt = wrt or [row[0] for row in arguments]

    def derivative(each, order):
        return diff(value, table[each], order).replace(DiracDelta, lambda *_: Integer(0)).doit()

    first = {each: derivative(each, 1) for each in wrt} | (gradients or {})
    second = {each: derivative(each, 2) for each in wrt} | (seconds or {})
    return FunctionSpec(name, arguments, parameters, value, first, second, domain or {}, f"{name}.", str(value))


HUBER_SLOPE = Piecewise((x - y, Abs(x - y) <= delta), (delta * sign(x - y), True))
BOTH = ("prediction", "target")
STATED = {
    each.name: each
    for each in (
        spec("relu", Piecewise((x, x > 0), (0, True))),
        spec("prelu", Piecewise((x, x > 0), (a * x, True)), (("x", x), ("a", a))),
        spec(
            "elu",
            Piecewise((x, x > 0), (alpha * (exp(x) - 1), True)),
            parameters=(("alpha", alpha, 1.0),),
            domain={alpha: POSITIVE},
            wrt=["x", "alpha"],
        ),
        spec("hinge", Max(0, 1 - y * x), PAIR, wrt=["prediction"]),
        spec("power_tower", x**x, domain={x: POSITIVE}),
        spec("wave", x * sin(x)),
        spec("pseudo_huber", sqrt(x**2 + 1) - 1),
        spec("runge", 1 / (1 + x**2)),
        spec("cauchy", log(1 + x**2)),
        spec("gauss", exp(-(x**2))),
    )
}
OF_THE_CATALOGUE = {
    name: spec_of(load_definition(name), derive_all(load_definition(name)))
    for name in (
        "leaky_relu",
        "squared_error",
        "absolute_error",
        "sigmoid",
        "tanh",
        "softplus",
        "silu",
        "gelu",
        "huber",
        "log_cosh",
        "binary_cross_entropy",
        "sigmoid_binary_cross_entropy",
        "sigmoid_squared_error",
    )
}
SPECS = STATED | OF_THE_CATALOGUE
assert len(SPECS) == 23


@cache
def source(name):
    """What the package has of a function of the catalogue: that it is what is generated, and passes every check, is for `test_output`."""
    return getattr(chainrule.functions, name).source if name in OF_THE_CATALOGUE else generate(STATED[name])


@cache
def function(name):
    return load(source(name), name)


@pytest.mark.parametrize("name", STATED)
def test_every_check_passes(name):
    for row in every_check(function(name), STATED[name]):
        assert row.passed, f"{row.name}: off by {row.error:.1e}, {row.detail}"


@pytest.mark.parametrize("name", SPECS)
def test_the_text_is_short_and_documented(name):
    text = source(name)
    code = text.split('"""')[2]
    assert all(len(line) <= 120 or "lambda" in line for line in code.splitlines())
    assert all(
        len(inspect.getsource(f).splitlines()) < 300  # polynomials take two lines a coefficient
        for k in function(name).kernels.values()
        for f in (k.block, k.guarded)
        if f
    )
    assert function(name).__doc__.startswith(SPECS[name].summary)
    assert "relative error" in function(name).__doc__
    assert function(name).source == text
    assert "sympy" not in text


@pytest.mark.parametrize("name", ["relu", "gauss"])
def test_the_text_is_the_same_every_time(name):
    assert generate(SPECS[name]) == source(name)


def every_check(made, of):
    """The rows of every check, one check after the other."""
    for check in (check_paths, check_function):
        yield from check(made, of)


@pytest.mark.parametrize("name", ["sigmoid", "relu", "huber", "silu"])
def test_a_broken_function_is_caught_on_whichever_path(name):
    """The code of blocks, the guarded twin, that of numbers, value and gradient together: each is corrupted by itself."""
    text = source(name)
    heads = re.findall(r"^def (\w+)\(", text, re.MULTILINE)
    assert len(heads) >= 3 * len(SPECS[name].gradients) + 2
    for head in heads:
        start = text.index(f"def {head}(")
        end = text.index("\n\n", start)
        own = text[start:end]
        if "    return " in own:
            changed = own.replace("    return ", "    return 1e-30 + 1.000000001 * (") + ")"
        else:
            outs = ("value", "grad") if "value_and_grad" in head else ("out",)
            factor = "1.0001" if head.endswith(("_single", "_narrow")) else "1.000000001"
            changed = own + "".join(
                f"\n    np.multiply({out}, {factor}, out={out})\n    np.add({out}, 1e-30, out={out})" for out in outs
            )
        broken = load(text[:start] + changed + text[end:], name)
        assert not all(row.passed for row in every_check(broken, SPECS[name])), head


def test_a_broken_extreme_is_caught():
    """A product that is NaN where one factor has overflowed and the other is 0."""
    text = re.sub(r"\bproduct\((\w+, \w+), out=", r"np.multiply(\1, out=", source("binary_cross_entropy"))
    assert text != source("binary_cross_entropy")
    made = load(text, "binary_cross_entropy")
    assert not all(row.passed for row in every_check(made, SPECS["binary_cross_entropy"]))


def equal(first, second):
    points = [(u, v) for u in (-1.7, -0.6, 0.3, 0.8, 2.9) for v in (-1.1, 0.4)]
    return Reference(first, (x, y), ((-math.inf, math.inf),) * 2).teach(second, points)


@pytest.mark.parametrize("row", [*ALL, *UNDIVIDED], ids=lambda row: row.name)
def test_every_rewrite_is_an_identity_and_a_corrupted_one_is_caught(row):
    changed = row.apply(row.example)
    assert changed is not None
    assert changed != row.example
    assert equal(row.example, changed)
    assert not equal(row.example, changed * (1 + Rational(1, 10**20)))
    assert row.apply(y) is None


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@pytest.mark.parametrize(
    "expr", [x * SIGMA_X**2, log(1 + exp(x)) - y * x, tanh(x) * exp(-2 * x), x * tanh(log(1 + exp(x)))]
)
def test_splitting_by_an_exponential_is_an_identity(form, expr):
    changed = exponential_split(expr, form.arrange)
    assert equal(expr, changed)
    assert not equal(expr, changed * (1 + Rational(1, 10**20)))
    assert exponential_split(x + y, form.arrange) is None


@pytest.mark.parametrize(
    "expr", [x + sqrt(x**2 + 4), x / sqrt(1 + x**2) - 1, (3 - x * exp(x) - 2 * sqrt(x**2 + 7)) / x]
)
def test_a_sum_through_the_difference_of_squares_is_an_identity(expr):
    assert equal(expr, conjugate_split(expr))
    assert conjugate_split(sqrt(x**2 + 1) - 1) is None


def test_splitting_by_a_reciprocal_is_an_identity():
    for expr in (x / (1 + x**2), log(1 + x**2), x**3 / (1 + x**4) * y):
        assert equal(expr, reciprocal_split(expr, x, FORMS[0].arrange))


INF, NAN = math.inf, math.nan
EXTREMES = [
    ("sigmoid", "value", {"x": [-INF, -745.0, -40.0, 40.0, INF]}, [0, 5e-324, 4.248354255291589e-18, 1, 1]),
    ("sigmoid", "grad", {"x": [-INF, -40.0, 40.0, INF]}, [0, 4.248354255291589e-18, 4.248354255291589e-18, 0]),
    ("softplus", "value", {"x": [-INF, 1e308, INF]}, [0, 1e308, INF]),
    ("silu", "value", {"x": [-INF, 1e308, INF]}, [0, 1e308, INF]),
    ("silu", "grad", {"x": [-INF, -1e308, 0.0, 1e308, INF]}, [0, 0, 0.5, 1, 1]),
    ("gelu", "value", {"x": [-INF, -10.0, INF]}, [0, -7.619853024160527e-23, INF]),
    ("gelu", "grad", {"x": [-INF, 0.0, INF]}, [0, 0.5, 1]),
    ("relu", "grad", {"x": [-1.0, -0.0, 0.0, 5e-324, NAN]}, [0, 0, 0, 1, NAN]),
    ("leaky_relu", "grad", {"x": [-1.0, 0.0, 1.0]}, [0.01, 0.01, 1]),
    ("absolute_error", "grad", {"prediction": [1.0, 2.0, 3.0], "target": 2.0}, [-1, 0, 1]),
    ("huber", "grad", {"prediction": [-9.0, -1.0, 0.0, 1.0, 9.0], "target": 0.0}, [-1, -1, 0, 1, 1]),
    ("hinge", "grad", {"prediction": [0.0, 1.0, 2.0], "target": 1.0}, [-1, -0.5, 0]),
    ("log_cosh", "value", {"prediction": [0.0, 1e-8, 1e308, INF], "target": 0.0}, [0, 5e-17, 1e308, INF]),
    ("squared_error", "grad", {"prediction": [1.5e308, 1.0], "target": [1.5e308, 1.0]}, [0, 0]),
    (
        "binary_cross_entropy",
        "value",
        {"prediction": [0.0, 1.0, 0.0, 1.0, 2.0], "target": [0, 1, 1, 0, 0]},
        [0, 0, INF, INF, NAN],
    ),
    ("binary_cross_entropy", "grad", {"prediction": [0.0, 1.0, 0.0, 1.0], "target": [0, 1, 1, 0]}, [1, -1, -INF, INF]),
    (
        "sigmoid_binary_cross_entropy",
        "value",
        {"logit": [INF, -INF, INF, -INF, INF, 800.0], "target": [1, 0, 0, 1, 0.5, 1]},
        [0, 0, INF, INF, INF, 0],
    ),
    (
        "sigmoid_binary_cross_entropy",
        "grad",
        {"logit": [INF, -INF, INF, -INF, 40.0, -40.0], "target": [1, 0, 0, 1, 1, 0]},
        [0, 0, 1, -1, -4.248354255291589e-18, 4.248354255291589e-18],
    ),
    ("sigmoid_squared_error", "grad", {"logit": [INF, -INF], "target": [0.3, 0.3]}, [0, 0]),
    ("cauchy", "value", {"x": [1e-200, 1e200, INF]}, [0, 921.0340371976183, INF]),
    ("elu", "value", {"x": [-INF, -1e-20, 1e308]}, [-1, -1e-20, 1e308]),
]


@pytest.mark.parametrize(("name", "method", "given", "wanted"), EXTREMES)
def test_extremes(name, method, given, wanted):
    call = function(name) if method == "value" else getattr(function(name), method)
    np.testing.assert_allclose(call(**given), wanted, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", ["sigmoid", "silu", "gelu", "softplus", "relu", "tanh"])
def test_any_float_gives_a_number_and_no_warning(name):
    bits = np.random.default_rng(7).integers(0, 2**64, 20000, dtype=np.uint64)
    doubles = bits.view(np.float64)
    singles = bits.view(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for values in (doubles, singles):
            for call in (function(name), function(name).grad, function(name).second):
                assert (np.isnan(call(values)) == np.isnan(values)).all()


# the runtime


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floating_dtypes_are_kept(dtype):
    values = np.linspace(-8, 8, 50).astype(dtype).reshape(2, 5, 5)
    for call in (function("elu"), function("elu").grad, function("elu").second):
        assert call(values).dtype == dtype
        assert call(values, alpha=0.5).shape == values.shape
        wanted = call(values.astype(np.float64)).astype(dtype)
        np.testing.assert_allclose(call(values), wanted, rtol=4 * 2.0**-23 if dtype is np.float32 else 0)


@pytest.mark.parametrize("values", [3, [1, 2], np.arange(3), np.uint8(4), 1.5, [1.5], []])
def test_everything_else_becomes_float64(values):
    result = function("sigmoid")(values)
    assert result.dtype == np.float64
    assert np.shape(result) == np.shape(values)


def test_mixed_dtypes_follow_numpy():
    huber = function("huber")
    single, half = np.float32([1, 2]), np.float16([1, 2])
    assert huber(single, 0.5, delta=2.0).dtype == np.float32
    assert huber(single, half).dtype == np.float32
    assert huber(single, np.float64(0.5)).dtype == np.float64
    assert huber(single, np.arange(2)).dtype == np.float64
    assert huber(np.array([1.0], ">f4"), 0).dtype == np.dtype(np.float32)


def test_arguments_and_parameters_broadcast():
    rows, columns = np.arange(3.0)[:, None], np.arange(4.0)
    huber, prelu = function("huber"), function("prelu")
    assert huber(rows, columns).shape == (3, 4)
    assert huber.grad(rows, columns, wrt="prediction").shape == (3, 4)
    assert huber.second(rows, columns, delta=np.ones((2, 1, 1))).shape == (2, 3, 4)
    assert prelu.grad(rows, columns, wrt="a").shape == (3, 4)
    value, grad = huber.value_and_grad(rows, columns, delta=0.5)
    np.testing.assert_array_equal(value, huber(rows, columns, delta=0.5))
    np.testing.assert_array_equal(grad, huber.grad(rows, columns, delta=0.5))


def test_the_result_is_fresh():
    values = np.ones(3)
    result = function("prelu")(values, 1.0)
    result[0] = 9
    assert values[0] == 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: function("elu")(1j), TypeError, "elu: x has dtype complex128.*np.asarray"),
        (lambda: function("elu")("a"), TypeError, "elu: x has dtype"),
        (lambda: function("elu")(None), TypeError, "dtype object"),
        (lambda: function("elu")(np.datetime64("2020")), TypeError, "dtype datetime64"),
        (lambda: function("elu")([[1], [1, 2]]), TypeError, "ragged"),
        (lambda: function("elu")(10**400), TypeError, "too large"),
        (lambda: function("elu")(np.ma.array([1.0])), TypeError, "mask"),
        (lambda: function("elu")(), TypeError, "missing 'x'"),
        (lambda: function("elu")(1, 2), TypeError, "pass alpha by keyword"),
        (lambda: function("elu")(1, x=2), TypeError, "twice"),
        (lambda: function("elu")(1, alhpa=2), TypeError, "did you mean 'alpha'"),
        (lambda: function("elu")(1, alpha=0), ValueError, "alpha = 0 is out of range, alpha > 0"),
        (lambda: function("elu")(1, alpha=[1, -2.5]), ValueError, "alpha = -2.5"),
        (lambda: function("elu").grad(1, wrt="beta"), ValueError, "'x', 'alpha'"),
        (lambda: function("huber")(np.ones(2), np.ones(3)), ValueError, r"prediction \(2,\), target \(3,\)"),
    ],
)
def test_wrong_calls_say_what_to_do(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.skipif(np.finfo(np.longdouble).bits == 64, reason="long double is float64 here")
def test_long_double_is_refused():
    with pytest.raises(TypeError, match=r"longdouble|float128"):
        function("elu")(np.longdouble(1))


def test_nan_is_passed_on_from_every_input():
    huber = function("huber")
    for given in (
        {"prediction": NAN, "target": 0},
        {"prediction": 0, "target": NAN},
        {"prediction": 0, "target": 0, "delta": NAN},
    ):
        assert np.isnan(huber(**given))
        assert np.isnan(huber.second(**given))


def test_it_looks_like_a_function():
    elu = function("elu")
    assert str(inspect.signature(elu)) == "(x, *, alpha=1.0, out=None)"
    assert elu.__name__ == "elu"
    assert repr(elu) == "<chainrule function elu(x, *, alpha=1.0, out=None)>"


def test_a_written_module_can_be_imported_pickled_and_copied(tmp_path, monkeypatch):
    (tmp_path / "made").mkdir()
    for name in ("elu", "huber"):
        (tmp_path / "made" / f"{name}.py").write_text(source(name), encoding="utf-8")
    (tmp_path / "made" / "__init__.py").write_text(package_source(["huber", "elu"]), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = importlib.import_module("made")
    assert pickle.loads(pickle.dumps(made.elu)) is made.elu
    assert copy.deepcopy(made.huber) is made.huber
    assert made.elu.source == source("elu")
    assert made.elu(-1.0) == math.expm1(-1.0)


def test_the_runtime_needs_numpy_only():
    heavy = ("sympy", "jinja2", "matplotlib")
    code = f"import sys, chainrule.runtime.scalar; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# refusals


@pytest.mark.parametrize(
    ("expr", "error", "words"),
    [
        (exp(1000 * sin(x)), VerificationError, r"bad, _value: exp\(1000\*sin\(x\)\).*gives .* instead of .* at x = "),
        (gamma(x), UnsupportedExpression, "gamma.*WORDS"),
        (DiracDelta(x), UnsupportedExpression, "delta functions"),
        (x * z, UnsupportedExpression, "neither arguments nor parameters"),
    ],
)
def test_what_cannot_be_done_is_refused(expr, error, words):
    with pytest.raises(error, match=words):
        generate(FunctionSpec("bad", X, (), expr, {}, {}))


@pytest.mark.parametrize("name", ["np", "wrt", "a b", "class"])
def test_names_that_cannot_be_generated_are_refused(name):
    with pytest.raises(DefinitionError, match="identifier"):
        generate(FunctionSpec("bad", ((name, x),), (), x, {}, {}))


def test_floats_are_read_as_decimals():
    cubic = spec("cubic", x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))) / 2)
    text = generate(FunctionSpec("cubic", X, (), cubic.value, {}, {}))
    assert load(text, "cubic")(-1.0) == pytest.approx(-0.15880800939172324, rel=1e-13)


def test_conditions_may_be_joined():
    box = Piecewise((1, (x > -1) & (x < 1)), (Heaviside(x, 1), True))
    made = load(generate(FunctionSpec("box", X, (), box, {"x": sympy.Integer(0)}, {})), "box")
    np.testing.assert_array_equal(made([-2, -1, 0, 1, 2]), [0, 0, 1, 1, 1])


def test_symbols_may_be_named_like_keywords():
    odd = Symbol("lambda", real=True)
    made = load(generate(FunctionSpec("shrink", X, (("lambd", odd, 0.5),), x - odd, {"x": Integer(1)}, {})), "shrink")
    assert made(2.0, lambd=0.75) == 1.25


# without derivatives that have no form


def partial_spec():
    lost = exp(1000 * sin(x))
    return FunctionSpec("own", (("x", x),), (("a", z, 0.5),), x + z, {"x": Integer(1), "a": gamma(x)}, {"x": lost})


def test_derivatives_without_a_form_are_left_out_and_the_function_says_so():
    spec = possible(partial_spec())
    assert list(spec.gradients) == ["x"] and not spec.seconds and set(spec.missing) == {"_grad_a", "_second_x"}
    assert "no form is accurate" in spec.missing["_second_x"] and "gamma" in spec.missing["_grad_a"]
    own = load(generate(spec), "own")
    told = " ".join(own.__doc__.split())
    assert (
        "Left out, since no form of it was found that keeps its digits everywhere: the first derivative by a, the second derivative by x."
        in told
    )
    assert own(1.0, a=2.0) == 3.0 and own.grad(1.0) == 1.0
    for call in (lambda: own.second(1.0), lambda: own.hvp(1.0, 1.0)):
        with pytest.raises(ValueError, match=r"own has no second derivative by 'x': .* help\(own\) says which"):
            call()
    with pytest.raises(ValueError, match="own: no derivative by 'a'; wrt is one of 'x'"):
        own.grad(1.0, wrt="a")


def test_the_value_and_the_first_gradient_are_not_left_out():
    spec = partial_spec()
    for broken in (replace(spec, value=gamma(x)), replace(spec, gradients={"x": gamma(x)})):
        with pytest.raises(UnsupportedExpression, match="gamma"):
            possible(broken)


def test_a_whole_function_stays_whole():
    spec = SPECS["sigmoid"]
    assert possible(spec) == spec
