"""The text of a generated module: documentation, private functions, and one verified function object."""

import itertools
import keyword
import linecache
import math
import textwrap
import types
from collections.abc import Iterable

from sympy import Expr

from chainrule.codegen.points import Point, ranges, sample
from chainrule.codegen.printing import Body
from chainrule.codegen.spec import FunctionSpec
from chainrule.codegen.stable import NEAR_ROOT, Stable, problem, stabilise
from chainrule.codegen.vocabulary import WORDS
from chainrule.errors import ChainruleError, DefinitionError, VerificationError
from chainrule.runtime.scalar import Range, ScalarFunction
from chainrule.runtime.vector import VectorFunction

WIDTH = 120
ARGUMENTS = (
    "Arguments, numbers or arrays of any shapes that broadcast; float16, float32 and float64 are kept, integers "
    "become float64:"
)
PARAMETERS = "Parameters, likewise:"
EDGES = (
    "An argument outside its domain gives NaN, a parameter a ValueError, another dtype a TypeError. NaN is passed on; "
    "at infinity the value is the limit, where there is one."
)
ACCURACY = (
    "Accuracy: relative error of value and derivatives within {tolerance} in float64; near a root absolute error "
    "within {near} times max(1, |x f'|). Measured against arbitrary-precision arithmetic at points from the smallest "
    "subnormal to the largest number."
)
RESERVED = {"np", "wrt", "out", "reduction", "ScalarFunction", "Range", "Array"} | {word.runtime for word in WORDS}


def generate(spec: FunctionSpec) -> str:
    """The text of a NumPy module that defines `spec.name`, the same on every machine.

    Every expression is put into a form that is accurate at the points of `sample(spec)`. Raises VerificationError,
    naming the
    expression and the point, where no form is; UnsupportedExpression for a function without NumPy code;
    DefinitionError for a bad name.
    """
    _check_names(spec)
    intervals = ranges(spec)
    points = sample(spec)
    domains = tuple((each.lower, each.upper) for each in intervals.values())
    parts: dict[str, Stable] = {}
    for part, expr in spec.parts:
        parts[part] = _first_stable(spec, part, (expr, *spec.alternatives.get(part, ())), points, domains)
    return _module(spec, intervals, parts)


def _first_stable(
    spec: FunctionSpec,
    part: str,
    expressions: tuple[Expr, ...],
    points: tuple[Point, ...],
    domains: tuple[tuple[float, float], ...],
) -> Stable:
    """The first of several equal expressions that can be brought into an accurate form."""
    names = dict(zip(spec.symbols, spec.names, strict=True))
    errors: list[ChainruleError] = []
    for expression in expressions:
        try:
            return stabilise(problem(expression, spec.symbols, points, domains), names)
        except ChainruleError as error:
            errors.append(error)
    raise type(errors[0])(f"{spec.name}, {part}: {errors[0]}") from errors[0]


def package_source(names: Iterable[str]) -> str:
    """The text of `__init__.py` for a package of generated modules."""
    lines = [f"from .{name} import {name} as {name}" for name in sorted(names)]
    title = '"""Verified functions with their derivatives. Needs NumPy only. Generated."""'
    return "\n".join([title, *(["", *lines] if lines else []), ""])


_LOADED = itertools.count(1)


def load(source: str, name: str) -> ScalarFunction | VectorFunction:
    """The function that a generated text defines, without writing a file. It cannot be pickled, for its module cannot
    be imported."""
    path = f"<generated {name} {next(_LOADED)}>"
    module = types.ModuleType(f"chainrule_generated_{name}")
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    exec(compile(source, path, "exec"), module.__dict__)
    function = getattr(module, name, None)
    if not isinstance(function, ScalarFunction | VectorFunction):
        raise VerificationError(f"{name}: the generated text defines no function of that name.")
    return function


def _check_names(spec: FunctionSpec) -> None:
    for name in (spec.name, *spec.names):
        if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED:
            raise DefinitionError(
                f"{spec.name}: {name!r} cannot be a name in the generated code; choose another Python identifier."
            )
    if len(set(spec.names)) < len(spec.names):
        raise DefinitionError(f"{spec.name}: two arguments or parameters share a name: {', '.join(spec.names)}.")
    unknown = (set(spec.gradients) | set(spec.seconds)) - set(spec.names)
    if unknown:
        raise DefinitionError(
            f"{spec.name}: derivatives by {', '.join(sorted(unknown))}, which is no argument or parameter."
        )


def _module(spec: FunctionSpec, intervals: dict[str, Range], parts: dict[str, Stable]) -> str:
    bounded = {name: each for name, each in intervals.items() if each != Range()}
    imports = {"Array", "ScalarFunction", *(["Range"] if bounded else [])}.union(
        *(part.body.imports for part in parts.values())
    )
    needs_numpy = any("np." in line for part in parts.values() for line in part.body.lines)
    blocks = [
        _docstring(spec, intervals, max(part.tolerance for part in parts.values())),
        "\n".join(
            [
                *(["import numpy as np", ""] if needs_numpy else []),
                _import(sorted(imports, key=lambda name: (not name[0].isupper(), name))),
                "",
            ]
        ),
        *(_function(name, spec.names, part.body) for name, part in parts.items()),
        _object(spec, bounded),
    ]
    return "\n\n".join(blocks)


def _import(names: list[str]) -> str:
    return f"from chainrule.runtime.scalar import {', '.join(names)}"


def _function(name: str, arguments: tuple[str, ...], body: Body) -> str:
    head = f"def {name}({', '.join(f'{argument}: Array' for argument in arguments)}) -> Array:"
    return "\n".join([head, *(f"    {line}" for line in body.lines), ""])


def _object(spec: FunctionSpec, bounded: dict[str, Range]) -> str:
    def table(prefix: str, names: Iterable[str]) -> str:
        return "{" + ", ".join(f'"{name}": {prefix}{name}' for name in names) + "}"

    arguments = ", ".join(f'"{name}"' for name, _ in spec.arguments)
    lines = [
        f"{spec.name} = ScalarFunction(",
        f'    "{spec.name}",',
        f"    arguments=({arguments}{',' if len(spec.arguments) == 1 else ''}),",
    ]
    if spec.parameters:
        lines.append(
            "    parameters={"
            + ", ".join(f'"{name}": {float(default)!r}' for name, _, default in spec.parameters)
            + "},"
        )
    if bounded:
        lines.append("    ranges={" + ", ".join(f'"{name}": {_range(each)}' for name, each in bounded.items()) + "},")
    lines += [
        "    value=_value,",
        f"    gradients={table('_grad_', spec.gradients)},",
        f"    seconds={table('_second_', spec.seconds)},",
        "    doc=__doc__,",
        "    module=__name__,",
        ")",
        "",
    ]
    return "\n".join(lines)


def _range(interval: Range) -> str:
    words = []
    if interval.lower != -math.inf:
        words.append(f"lower={interval.lower!r}")
    if interval.upper != math.inf:
        words.append(f"upper={interval.upper!r}")
    words += ["open_lower=True"] * interval.open_lower + ["open_upper=True"] * interval.open_upper
    return f"Range({', '.join(words)})"


def _docstring(spec: FunctionSpec, intervals: dict[str, Range], tolerance: float) -> str:
    arguments = [f"    {name}: {intervals[name].describe(name)}." for name, _ in spec.arguments]
    parameters = [
        f"    {name}: {intervals[name].describe(name)}; {float(default)!r} unless given."
        for name, _, default in spec.parameters
    ]
    kinks = f" Kinks: {spec.kink_note}" if spec.kink_note else ""
    paragraphs = [
        spec.summary or f"{spec.name} and its derivatives.",
        f"    {spec.formula}" if spec.formula else "",
        "\n".join([ARGUMENTS, *arguments]),
        "\n".join([PARAMETERS, *parameters]) if parameters else "",
        EDGES + kinks,
        ACCURACY.format(tolerance=f"{tolerance:g}", near=f"{NEAR_ROOT:g}"),
        f"Source: {spec.source}" if spec.source else "",
        "Generated by chainrule from the derivation; do not edit.",
    ]
    wrapped = [paragraph if paragraph.startswith("    ") else _wrap(paragraph) for paragraph in paragraphs if paragraph]
    text = "\n\n".join(wrapped).replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{text}\n"""'


def _wrap(paragraph: str) -> str:
    return "\n".join(
        "\n".join(textwrap.wrap(line, WIDTH - 4, subsequent_indent="    " if line.startswith("    ") else ""))
        for line in paragraph.splitlines()
    )
