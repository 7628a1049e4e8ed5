"""The text of a generated module: documentation, private functions, and one verified function object."""

import itertools
import keyword
import linecache
import math
import textwrap
import types
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from sympy import Expr

from chainrule.codegen.blocks import Code, Program, has_guards, kernel, of_numbers
from chainrule.codegen.brief import brief
from chainrule.codegen.choices import arithmetic, limited
from chainrule.codegen.in_loops import is_right_in_loops
from chainrule.codegen.moderate import moderate
from chainrule.codegen.narrow import narrow
from chainrule.codegen.points import Point, ranges, sample
from chainrule.codegen.printing import body
from chainrule.codegen.recorded import stable_form
from chainrule.codegen.single import EXACT, ROWS, Row, double, single
from chainrule.codegen.spec import GRAD, SECOND, FunctionSpec
from chainrule.codegen.stable import NEAR_ROOT, Stable, problem
from chainrule.codegen.trials import Trial
from chainrule.codegen.vocabulary import WORDS
from chainrule.errors import ChainruleError, DefinitionError, UnsupportedExpression, VerificationError
from chainrule.runtime import scalar as runtime
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
MISSING = "Left out, since no form of it was found that keeps its digits everywhere: {derivatives}."
ACCURACY = (
    "Accuracy: relative error of value and derivatives within {tolerance} in float64; near a root absolute error "
    "within {near} times max(1, |x f'|). Measured against arbitrary-precision arithmetic at points from the smallest "
    "subnormal to the largest number."
)
OF_NUMBERS = ("heaviside_of_number", "lost_of_number", "product_of_number", "quotient_of_number", "sign_of_number")
SINGLE_IN_LOOPS = (
    "",
    "# Blocks that are right in float32, too, where elementary functions are right to an ulp, as those of loops are.",
    "SINGLE_IN_LOOPS = (",
)
RESERVED = (
    {
        "np",
        "math",
        "abs",
        "max",
        "min",
        "round",
        "wrt",
        "out",
        "reduction",
        "value",
        "grad",
        "select",
        "replace",
        "apply",
        "at_least",
        "at_most",
        "clipped",
    }
    | {"ScalarFunction", "Kernel", "Within", "Range", "Array", "SINGLE_IN_LOOPS", *OF_NUMBERS}
    | {word.runtime for word in WORDS}
    | {f"{letter}{k}" for letter in "ms" for k in range(1, 100)}
)


def generate(spec: FunctionSpec) -> str:
    """The text of a NumPy module that defines `spec.name`, the same on every machine.

    Every expression is put into a form that is accurate at the points of `sample(spec)`. Raises VerificationError,
    naming the
    expression and the point, where no form is; UnsupportedExpression for a function without NumPy code;
    DefinitionError for a bad name.
    """
    return _module(spec, ranges(spec), stable_parts(spec))


def stable_parts(spec: FunctionSpec, only: Collection[str] | None = None) -> dict[str, Stable]:
    """The accurate form of every expression, under the name of its private function. only: such names, if not all are wanted. Raises what
    `generate` does."""
    _check_names(spec)
    points = sample(spec)
    domains = tuple((each.lower, each.upper) for each in ranges(spec).values())
    return {
        part: _first_stable(spec, part, (expr, *spec.alternatives.get(part, ())), points, domains)
        for part, expr in spec.parts
        if only is None or part in only
    }


def possible(spec: FunctionSpec) -> FunctionSpec:
    """The function without those derivatives that have no accurate form. Raises what `generate` does if it is the value that has none, or the gradient
    by the first variable."""
    stable_parts(spec, spec.needed)
    missing = {}
    for part, _ in spec.parts:
        try:
            stable_parts(spec, {part})
        except (VerificationError, UnsupportedExpression) as error:
            missing[part] = str(error)
    return spec.without(missing)


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
            return stable_form(problem(expression, spec.symbols, points, domains), names)
        except ChainruleError as error:
            errors.append(error)
    raise type(errors[0])(f"{spec.name}, {part}: {errors[0]}") from errors[0]


def package_source(names: Iterable[str]) -> str:
    """The text of `__init__.py` for a package of generated modules."""
    every = sorted(names)
    title = '"""Verified functions with their derivatives. Needs NumPy only. Generated."""'
    if not every:
        return title + "\n"
    lines = [
        title,
        "",
        "import sys",
        "from typing import TYPE_CHECKING",
        "",
        "from chainrule.runtime.package import Package",
        "",
        "if TYPE_CHECKING:",
        *(f"    from .{name} import {name} as {name}" for name in every),
        "",
        "__all__ = (",
        *(f'    "{name}",' for name in every),
        ")",
        "",
        "sys.modules[__name__].__class__ = Package  # loads a function when it is first used",
        "",
    ]
    return "\n".join(lines)


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
                f"{spec.name}: {name!r} cannot be a name in the generated code, which may use it itself; choose another Python identifier, "
                f'as in arguments={{"{name}_": ...}} of the definition.'
            )
    if len(set(spec.names)) < len(spec.names):
        raise DefinitionError(f"{spec.name}: two arguments or parameters share a name: {', '.join(spec.names)}.")
    unknown = (set(spec.gradients) | set(spec.seconds)) - set(spec.names)
    if unknown:
        raise DefinitionError(
            f"{spec.name}: derivatives by {', '.join(sorted(unknown))}, which is no argument or parameter."
        )


@dataclass(frozen=True)
class _Kernel:
    """The functions of one kernel as text, and the expression that makes a `Kernel` of them. in_loops: whether loops compute in float32 by it, too."""

    functions: tuple[str, ...]
    made: str
    imports: frozenset[str]
    in_loops: bool


def _module(spec: FunctionSpec, intervals: dict[str, Range], parts: dict[str, Stable]) -> str:
    bounded = {name: each for name, each in intervals.items() if each != Range()}
    of_rows = {name: by_row(spec, expr) for name, expr in spec.parts}
    formulas = {name: of_rows[name] or part.body.lines for name, part in parts.items()}
    helpers: dict[tuple[str, ...], str] = {}
    names = dict(zip(spec.symbols, spec.names, strict=True))
    singles = {name: _single(spec, expr) or brief(parts[name], names) for name, expr in spec.parts}
    exact = {name: _single(spec, expr, EXACT) for name, expr in spec.parts}

    @cache
    def narrowed(part: str) -> _Special:
        return narrow(parts[part], names, len(spec.arguments))

    @cache
    def in_loops(part: str) -> bool:
        return not of_rows[part] and is_right_in_loops(parts[part], names)

    kernels = {
        name: _kernel(
            spec,
            name,
            (lines,),
            helpers,
            (singles[name],),
            (exact[name],),
            map(narrowed, (name,)),
            map(in_loops, (name,)),
            of_numbers(lines) if of_rows[name] else _numbers(spec, parts[name]),
        )
        for name, lines in formulas.items()
    }
    for name in spec.gradients:
        both = ("_value", f"_grad_{name}")
        kernels[f"_value_and_grad_{name}"] = _kernel(
            spec,
            f"_value_and_grad_{name}",
            tuple(formulas[each] for each in both),
            helpers,
            tuple(singles[each] for each in both),
            tuple(exact[each] for each in both),
            map(narrowed, both),
            map(in_loops, both),
        )
    functions = [text for each in kernels.values() for text in each.functions]
    imports = {"Array", "Kernel", "ScalarFunction", *(["Range"] if bounded else [])}.union(
        *(each.imports for each in kernels.values())
    )
    standard = ["import math", ""] if any("math." in text for text in functions) else []
    needs_numpy = any("np." in text for text in functions)
    blocks = [
        _docstring(spec, intervals, max(part.tolerance for part in parts.values())),
        "\n".join(
            [
                *standard,
                *(["import numpy as np", ""] if needs_numpy else []),
                _import(sorted(imports, key=lambda name: (not name[0].isupper(), name))),
                "",
            ]
        ),
        *functions,
        _object(spec, bounded, {name: each.made for name, each in kernels.items()}),
    ]
    rows = [f'    "{name}",' for name, each in kernels.items() if each.in_loops]
    return "\n\n".join(blocks) + ("\n".join([*SINGLE_IN_LOOPS, *rows, ")", ""]) if rows else "")


_Bounds = tuple[tuple[float, float] | None, ...]
_Special = tuple[tuple[str, ...], _Bounds] | None
"""Statements that are meant for inputs between bounds."""


def _kernel(
    spec: FunctionSpec,
    name: str,
    formulas: tuple[tuple[str, ...], ...],
    helpers: dict[tuple[str, ...], str],
    singles: tuple[_Special, ...],
    exact: tuple[_Special, ...],
    narrows: Iterable[_Special],
    in_loops: Iterable[bool],
    numbers: tuple[str, ...] | None = None,
) -> _Kernel:
    """The code of one formula for numbers and for blocks, or of two for blocks. narrows, in_loops: what is asked for only where there is no code in float32."""
    results = ("out",) if len(formulas) == 1 else ("value", "grad")
    bounded = frozenset(
        name for name, each in ranges(spec).items() if math.isfinite(each.lower) and math.isfinite(each.upper)
    )
    formulas = tuple(arithmetic(lines, bounded) for lines in formulas)
    guarded = any(has_guards(lines) for lines in formulas)
    known = set(helpers)
    codes = {"": _code(spec, name, formulas, results, guarded, helpers)}
    if guarded:
        codes["_guarded"] = _code(spec, name, formulas, results, False, helpers)
    careful = codes["_guarded" if guarded else ""]
    tried = Trial(spec, results, helpers)
    within = {}
    functions = {w.runtime: getattr(runtime, w.runtime) for w in WORDS if w.runtime}
    freed = tuple(moderate(lines, spec.names, functions) for lines in formulas)
    chosen = tuple(row if "np.where(" in "".join(lines) else None for lines, row in zip(formulas, exact, strict=True))
    for better in (tuple(f or c for f, c in zip(freed, chosen, strict=True)), freed):
        if not any(better) or "moderate" in within:
            continue
        each, bounds = _with(better, formulas)
        code = _code(spec, name, each, results, guarded, helpers, formulas)
        if not code.same_as(codes[""]) and tried.alike(code, codes[""], bounds):
            codes["_moderate"] = code
            told = tried.flagged(code, careful, bounds, np.float64)
            within["moderate"] = f"{name}_moderate", bounds, told
    if all(singles):
        each, bounds = _with(singles, formulas)
        code = _code(spec, name, each, results, False, helpers)
        same = next((suffix for suffix, other in codes.items() if other.same_as(code)), None)
        if same is None:
            codes["_single"] = code
        told = tried.flagged(code, careful, bounds, np.float32)
        within["single"] = f"{name}{'_single' if same is None else same}", bounds, told
    elif any(better := tuple(narrows)):
        each, bounds = _with(better, formulas)
        codes["_narrow"] = _code(spec, name, each, results, all(better), helpers, formulas)
        within["narrow"] = f"{name}_narrow", bounds, False
    scratch, masks = (max(getattr(code, each) for code in codes.values()) for each in ("scratch", "masks"))
    room = [f"s{k}" for k in range(1, scratch + 1)] + [f"m{k}" for k in range(1, masks + 1)]
    head = ", ".join(f"{each}: Array" for each in (*spec.names, *results, *room))
    new = {helper: lines for lines, helper in helpers.items() if lines not in known}
    inputs = ", ".join(f"{each}: Array" for each in spec.names)
    near = [_function(f"def {helper}({inputs}) -> Array:", lines) for helper, lines in new.items()]
    lost = tuple(each for each in spec.names if any(tried.loses_nan(code, each) for code in codes.values()))
    texts, words = near, [name]
    imports = set().union(*(code.imports for code in codes.values())) | ({"Within"} if within else set())
    imports |= {w.runtime for w in WORDS if w.runtime and any(f"{w.runtime}(" in text for text in near)}
    if numbers is not None:
        inputs = ", ".join(f"{each}: float" for each in spec.names)
        texts.append(_function(f"def {name}_of_number({inputs}) -> float:", numbers))
        imports |= {each for each in OF_NUMBERS if any(f"{each}(" in line for line in numbers)}
    for suffix, code in codes.items():
        texts.append(_function(f"def {name}{suffix}({head}) -> None:", code.lines))
    words += [f"{name}_guarded"] if guarded else []
    words += [f"number={name}_of_number"] if numbers is not None else []
    words += [f"results={len(results)}"] if len(results) > 1 else []
    words += [f"scratch={scratch}"] if scratch else []
    words += [f"masks={masks}"] if masks else []
    words += [f"nan={lost!r}".replace("'", '"')] if lost else []
    words += [
        f"{word}=Within({block}, {bounds!r}{', flags=True' * told})".replace("inf", "np.inf")
        for word, (block, bounds, told) in within.items()
    ]
    alone = "single" not in within and all(in_loops)
    return _Kernel(tuple(texts), f"Kernel({', '.join(words)})", frozenset(imports), alone)


def _with(
    better: Sequence[_Special], formulas: Sequence[tuple[str, ...]]
) -> tuple[tuple[tuple[str, ...], ...], _Bounds]:
    """The formulas with what is meant for inputs between bounds in place of those that have it, and the bounds that hold together."""

    def narrower(pairs: Sequence[tuple[float, float] | None]) -> tuple[float, float] | None:
        real = [pair for pair in pairs if pair is not None]
        return (max(low for low, _ in real), min(high for _, high in real)) if real else None

    bounds = [found[1] for found in better if found]
    lines = tuple(found[0] if found else formula for found, formula in zip(better, formulas, strict=True))
    return lines, tuple(narrower(each) for each in zip(*bounds, strict=True))


def _single(spec: FunctionSpec, value: Expr, rows: Sequence[Row] = ROWS) -> _Special:
    """The code of a part by one of the rows, where it has one."""
    return single(value, spec.arguments, tuple((name, symbol) for name, symbol, _ in spec.parameters), rows)


def by_row(spec: FunctionSpec, value: Expr) -> tuple[str, ...] | None:
    """The formula of a part that a row has in float64, to be used instead of the one that is found; None where no row has any."""
    return double(value, spec.arguments, tuple((name, symbol) for name, symbol, _ in spec.parameters))


def _numbers(spec: FunctionSpec, part: Stable) -> tuple[str, ...] | None:
    """The formula of Python floats, in lines that are short enough."""
    names = dict(zip(spec.symbols, spec.names, strict=True))
    return of_numbers(body(part.expr, names, lambda lines: of_numbers(lines) or lines).lines)


def _code(
    spec: FunctionSpec,
    name: str,
    formulas: tuple[tuple[str, ...], ...],
    results: tuple[str, ...],
    plain: bool,
    helpers: dict[tuple[str, ...], str],
    whole: tuple[tuple[str, ...], ...] | None = None,
) -> Code:
    """whole: the formulas with their limits, from which the code near a point is taken."""
    program = Program(inputs=spec.names, helpers=helpers, stem=name)
    for lines, context in zip(formulas, whole or formulas, strict=True):
        program.add(lines, plain, labels=len(formulas) == 1, context=context)
    return limited(kernel(program, results), tuple(name for name, _, _ in spec.parameters))


def _import(names: list[str]) -> str:
    line = f"from chainrule.runtime.scalar import {', '.join(names)}"
    return (
        line
        if len(line) <= WIDTH
        else "from chainrule.runtime.scalar import (\n" + "".join(f"    {n},\n" for n in names) + ")"
    )


def _function(head: str, lines: tuple[str, ...]) -> str:
    if len(head) > WIDTH:
        name, rest = head.split("(", 1)
        inside, end = rest.rsplit(")", 1)
        wrapped = "\n".join(textwrap.wrap(inside, WIDTH - 4, initial_indent="    ", subsequent_indent="    "))
        head = f"{name}(\n{wrapped}\n){end}"
    return "\n".join([head, *(f"    {line}" for line in lines), ""])


def _wide(row: str) -> str:
    """A row that makes a kernel, on more lines where one is not enough."""
    if len(row) <= WIDTH:
        return row
    start, rest = row.split("Kernel(", 1)
    indent = " " * (len(row) - len(row.lstrip()))
    inside = textwrap.wrap(
        rest.removesuffix("),"), WIDTH - len(","), initial_indent=f"{indent}    ", subsequent_indent=f"{indent}    "
    )
    return "\n".join([f"{start}Kernel(", *inside[:-1], f"{inside[-1]},", f"{indent}),"])


def _object(spec: FunctionSpec, bounded: dict[str, Range], made: Mapping[str, str]) -> str:
    def table(word: str, prefix: str, names: Iterable[str]) -> list[str]:
        rows = [_wide(f'        "{name}": {made[prefix + name]},') for name in names]
        return [f"    {word}={{", *rows, "    },"] if rows else [f"    {word}={{}},"]

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
        _wide(f"    value={made['_value']},"),
        *table("gradients", "_grad_", spec.gradients),
        *table("seconds", "_second_", spec.seconds),
        *table("values_and_gradients", "_value_and_grad_", spec.gradients),
        *(["    loss=True,"] if spec.loss else []),
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
        MISSING.format(derivatives=", ".join(map(_derivative, spec.missing))) if spec.missing else "",
        ACCURACY.format(tolerance=f"{tolerance:g}", near=f"{NEAR_ROOT:g}"),
        f"Source: {spec.source}" if spec.source else "",
        "Generated by chainrule from the derivation; do not edit.",
    ]
    wrapped = [paragraph if paragraph.startswith("    ") else _wrap(paragraph) for paragraph in paragraphs if paragraph]
    text = "\n\n".join(wrapped).replace("\\", "\\\\").replace('"""', "'''")
    return f'"""{text}\n"""'


def _derivative(part: str) -> str:
    """The derivative that a private function would compute, in words."""
    order, prefix = ("second", SECOND) if part.startswith(SECOND) else ("first", GRAD)
    return f"the {order} derivative by {part.removeprefix(prefix)}"


def _wrap(paragraph: str) -> str:
    return "\n".join(
        "\n".join(textwrap.wrap(line, WIDTH - 4, subsequent_indent="    " if line.startswith("    ") else ""))
        for line in paragraph.splitlines()
    )
