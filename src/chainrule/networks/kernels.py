"""Element-wise code of activations and losses: generated from their derivations by the generators of accurate forms, then made to write in place.

Parameters have the values of the catalogue's defaults, which become numbers in the code."""

import ast
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import sympy

from ..calculus.derivation import Derivation
from ..calculus.derive import derive
from ..calculus.field import oriented
from ..codegen.numpy_source import stable_parts
from ..codegen.printing import body
from ..codegen.spec import FunctionSpec
from ..codegen.specs import spec_of
from ..codegen.vector import generate_vector
from ..codegen.vector_spec import VectorSpec
from ..definition import Definition
from ..expression import tree as t
from ..expression.convert import to_sympy
from .composition import composition, factored, single
from .in_place import in_place
from .parts import IDENTITY, Activation, Loss
from .templates import layer

POLYNOMIAL = (t.Add, t.Mul, t.Neg, t.Number, t.Power, t.Symbol, t.Component)
NUMPY = {"np.tanh": sympy.tanh}
"""Functions of which NumPy has a fast and accurate loop of its own; an activation that equals one is computed by it."""
A, Y = (sympy.Symbol(name, real=True) for name in "ay")


@dataclass(frozen=True)
class Kernel:
    """A function of arrays. arguments: their names. statements: straight-line code, the last a ``return``. imports: runtime names, as
    (module, name). helpers: further functions that it calls, as text."""

    arguments: tuple[str, ...]
    statements: tuple[str, ...]
    imports: frozenset[tuple[str, str]] = frozenset()
    helpers: tuple[str, ...] = ()

    def written(self, name: str) -> str:
        """The function as text, its result in ``out``."""
        lines = in_place(self.statements, "out")
        head = f"def {name}({', '.join((*self.arguments, 'out'))}):"
        return "\n".join([head, *(f"    {line}" for line in lines), "    return out"])

    def plain(self, name: str) -> str:
        """The function as text, its result in an array of its own."""
        return "\n".join([f"def {name}({', '.join(self.arguments)}):", *(f"    {line}" for line in self.statements)])


@lru_cache(maxsize=256)
def value_of(function: Definition) -> Kernel:
    """f(z) of an element-wise activation."""
    x = function.wrt[0]
    own = next((name for name, known in NUMPY.items() if _equal(function.expression, known(x))), None)
    if own is not None:
        return Kernel((str(x),), (f"return {own}({x})",))
    return _formula(_with_defaults(function), "_value")


def _equal(left: Any, right: Any) -> bool:
    """Whether two expressions are one fraction in exponentials."""
    numerator, _ = sympy.together((left - right).rewrite(sympy.exp)).as_numer_denom()
    return bool(sympy.expand(numerator) == 0)


@lru_cache(maxsize=256)
def _with_defaults(function: Definition) -> FunctionSpec:
    derivation = derive(function)
    spec = spec_of(function, (derivation,))
    assert isinstance(spec, FunctionSpec)
    return _fixed(spec)


def _formula(spec: FunctionSpec, part: str) -> Kernel:
    """The accurate form of a part of a function as it is written before it becomes a kernel of blocks."""
    code = stable_parts(spec, {part})[part].body
    return Kernel(spec.names, code.lines, frozenset(("chainrule.runtime.scalar", name) for name in code.imports))


def _fixed(spec: FunctionSpec) -> FunctionSpec:
    """The function at the defaults of its parameters."""
    at = {symbol: sympy.Rational(str(default)) for _, symbol, default in spec.parameters}

    def put(expression: Any) -> Any:
        return expression.subs(at)

    return replace(
        spec,
        parameters=(),
        value=put(spec.value),
        gradients={n: put(e) for n, e in spec.gradients.items() if n not in {name for name, _, _ in spec.parameters}},
        seconds={},
        domain={s: d for s, d in spec.domain.items() if s not in at},
        alternatives={n: tuple(map(put, each)) for n, each in spec.alternatives.items()},
    )


def _at_defaults(definition: Definition) -> Definition:
    """The function with numbers for its parameters."""
    at = {symbol: sympy.Rational(str(default)) for symbol, default in definition.parameters.items()}
    return replace(
        definition,
        expression=definition.expression.subs(at),
        where={left: right.subs(at) for left, right in definition.where.items()},
        parameters={},
        domain={s: d for s, d in definition.domain.items() if s not in at},
    )


@dataclass(frozen=True)
class Slope:
    """f' of an activation: from its value ``a`` where the derivation ends so, else from ``z``."""

    kernel: Kernel
    of: str


@lru_cache(maxsize=256)
def slope_of(activation: Activation) -> Slope | None:
    """The factor f'(z) of the backward pass; None where it is 1."""
    if activation.definition is None:
        return None
    by_z = layer(activation, False).by_z
    assert by_z is not None
    h = sympy.Symbol("h", real=True)
    found = from_values(by_z, {layer(activation, False).inner: h, "a__1": A})
    if found is not None:
        return Slope(written_out(oriented(sympy.factor(found / h)), ("a",)), "a")
    return Slope(_formula(_with_defaults(activation.definition), f"_grad_{activation.definition.wrt[0]}"), "z")


@dataclass(frozen=True)
class LossKernels:
    """value: the loss of each output if ``elementwise``, else of each sample. delta: ∂L/∂z, still to be multiplied by ``slope`` if that is given. of: what
    each takes beside the target, the inputs z of the output layer or its values a. mean: they are still to be divided by
    the number of outputs."""

    value: Kernel
    value_of: str
    delta: Kernel
    delta_of: str
    slope: Slope | None = None
    elementwise: bool = True
    mean: bool = False


@lru_cache(maxsize=256)
def loss_kernels(output: Activation, loss: Loss) -> LossKernels:
    """The loss after the output activation. A loss with poles, as a cross-entropy has, is taken together with the activation, so that it is accurate where that
    saturates; any other is computed from the values of the outputs."""
    definition = single(output, loss)
    if definition is None:
        text = _vector_module(_at_defaults(composition(output, loss, apart=True)))
        return LossKernels(_taken(text, "_value"), "z", _taken(text, "_grad_z"), "z", elementwise=False)
    poles = loss.domain != sympy.Reals
    mean = factored(loss)[0] != 1
    given = definition if poles else single(Activation(IDENTITY, None), loss)
    assert given is not None
    spec = spec_of(given, (derive(given),))
    assert isinstance(spec, FunctionSpec)
    fixed = _fixed(spec)
    of = "z" if poles else "a"
    value = _formula(fixed, "_value")
    short = from_values(derive(definition), {"a": A, "y": Y})
    if short is not None:
        factors = oriented(sympy.factor(short))
        return LossKernels(value, of, written_out(factors, ("a", "y")), "a", mean=mean)
    return LossKernels(value, of, _formula(fixed, "_grad_z"), of, None if poles else slope_of(output), mean=mean)


@lru_cache(maxsize=64)
def joint_kernel(output: Activation) -> Kernel:
    """a = f(z) of an activation of whole vectors, for samples in rows."""
    assert output.definition is not None
    return _taken(_vector_module(output.definition), "_value")


def _vector_module(definition: Definition) -> str:
    spec = spec_of(definition, (derive(definition),))
    assert isinstance(spec, VectorSpec)
    return generate_vector(spec)


def from_values(derivation: Derivation, symbols: dict[str, Any]) -> Any:
    """The result of a derivation as a SymPy expression in the symbols of these names, parameters at their defaults; None where it
    is no polynomial in names."""
    final = derivation.final
    if any(not isinstance(part, POLYNOMIAL) for _, part in t.walk(final)):
        return None

    def scalar(n: t.Node) -> t.Node | None:
        return t.Symbol(n.base) if isinstance(n, t.Component) else None

    found = to_sympy(t.transform(final, scalar), derivation.scope)
    defaults = {str(p): sympy.Rational(str(v)) for p, v in derivation.definition.parameters.items()}
    names = {s: symbols.get(str(s), defaults.get(str(s))) for s in found.free_symbols}
    return None if None in names.values() else found.xreplace(names)


def written_out(expression: Any, arguments: tuple[str, ...]) -> Kernel:
    """The code of a polynomial as it stands."""
    code = body(expression, {s: str(s) for s in expression.free_symbols})
    return Kernel(arguments, code.lines)


def _taken(module: str, name: str) -> Kernel:
    """A function of a generated module, with what it calls."""
    tree = ast.parse(module)
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    own = functions[name]
    called = [f for f in functions if f != name and f in _names(own)]
    called += [g for f in called for g in functions if g not in called and g != name and g in _names(functions[f])]
    everything = {n for f in (name, *called) for n in _names(functions[f])}
    imports = frozenset(
        (n.module or "", a.name)
        for n in tree.body
        if isinstance(n, ast.ImportFrom)
        for a in n.names
        if a.name in everything and a.name != "Array"
    )
    return Kernel(
        tuple(a.arg for a in own.args.args),
        tuple(ast.unparse(s) for s in own.body),
        imports,
        tuple(ast.unparse(_untyped(functions[f])) for f in reversed(called)),
    )


def _names(function: ast.FunctionDef) -> set[str]:
    inside = (n for s in function.body for n in ast.walk(s))
    return {n.id for n in inside if isinstance(n, ast.Name)}


def _untyped(function: ast.FunctionDef) -> ast.FunctionDef:
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    return function
