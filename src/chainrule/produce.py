"""The pipeline for one definition: derive, check, generate, report, render. Commands meet the engine here only."""

import inspect
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Literal

from .calculus.backward import backward_all
from .calculus.derivation import Derivation
from .calculus.derive import derive_all
from .catalogue import PACKAGE, Project
from .codegen.modules import NO_MODULE, module_of
from .codegen.numpy_source import load as load_function
from .codegen.numpy_source import package_source
from .codegen.stubs import package_stub
from .definition import Definition
from .drawings.accuracy import accuracy_chart
from .drawings.charts import draw_chart
from .errors import VerificationError
from .expression import tree as t
from .expression.printing import text
from .pdf import latex_pdf, typst_pdf
from .plots import draw, figures, labels
from .rendering import index_row, render, render_index
from .report import Detail, Material, NotationName, body, make_report, with_figures
from .runtime.certificate import Certificate
from .runtime.certificate import read as read_certificate
from .verification import Verification, check_stable, summed, verify_all

FORMS: Mapping[str, tuple[str, NotationName]] = {
    "text": ("derivation.txt.j2", "text"),
    "md": ("derivation.md.j2", "latex"),
    "tex": ("derivation.tex.j2", "latex"),
    "typ": ("derivation.typ.j2", "typst"),
}
FIGURES = "../figures"
OWN_FUNCTIONS = "numpy"


@dataclass(frozen=True)
class Product:
    """files: contents by path below the output folder. row: what the index says of the definition, as plain strings. notes: what its author should know."""

    files: Mapping[str, bytes]
    row: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Checked:
    """The verdict on one derivation. ``message`` says what failed: the rule, the point, both values."""

    derivation: str
    steps: int
    worst_step: float
    worst_gradient: float
    passed: bool
    message: str = ""


@lru_cache(maxsize=8)
def material(definition: Definition, module: str = "chainrule.functions") -> Material:
    """Everything the documents of a definition are made from: derived and checked, once for all formats."""
    derivations = derive_all(definition)
    main = derivations[0]
    code = NO_MODULE if definition.called_any else module_of(definition, derivations, body(main))
    every = (*derivations, *backward_all(derivations))
    made = Material(
        definition,
        every,
        main.kinks,
        main.properties,
        verify_all(every),
        (
            summed("function", code.checks, t.Symbol(definition.name)),
            *check_stable(code.parts),
        )
        if code.source
        else (),
        code.source,
        module,
        floating=code.parts,
        missing=code.missing,
        safe=code.is_safe,
        certificate=_certificate(definition.name, code.source, module),
    )
    return with_figures(made, figures(made))


def produce(definition: Definition, formats: Sequence[str], engine: str, project: Project) -> Product:
    """One definition's documents in some of ``md``, ``tex``, ``pdf``, with their figures and its function; ``engine`` makes the PDF.

    Raises VerificationError if any check fails: nothing unchecked is written."""
    folder = functions_folder(project)
    made = material(definition, _module(definition.name, project))
    raise_if_failed(made)
    name = definition.name
    files = {f"{folder}/{name}.py": made.code.encode()} if made.code else {}
    latex = make_report(made, "latex")
    if "md" in formats:
        files[f"markdown/{name}.md"] = render(latex, "derivation.md.j2", project.templates, figures=FIGURES).encode()
        files |= {f"figures/{name}": content for name, content in pictures(made, "svg").items()}
    if "tex" in formats:
        files[f"latex/{name}.tex"] = render(latex, "derivation.tex.j2", project.templates, figures=FIGURES).encode()
        files |= {f"figures/{name}": content for name, content in pictures(made, "pdf").items()}
    if "pdf" in formats:
        files[f"pdf/{name}.pdf"] = _pdf(made, engine, project)
    return Product(files, index_row(latex), tuple(f"built without {text(m.goal)}: {m.reason}" for m in made.missing))


def pictures(made: Material, form: Literal["svg", "pdf", "png"]) -> dict[str, bytes]:
    """Every picture of a document, by the name of its file."""
    files = {f"{f.name}.{form}": draw(f, form) for f in made.figures}
    if made.accuracy_picture:
        names = labels(made.derivations[0])
        drawn = [(name, part.along) for name, part in zip(names, made.floating, strict=False) if part.along]
        files[f"{made.accuracy_picture}.{form}"] = draw_chart(
            accuracy_chart(made.accuracy_picture, drawn, names[2]), form
        )
    return files


def _certificate(name: str, source: str, module: str) -> Certificate | None:
    """What was measured of a function of the package, where it is the one that is documented."""
    if module != "chainrule.functions" or not source:
        return None
    try:
        found = import_module(f"{module}.{name}")
    except ImportError:
        return None
    return read_certificate(found, compiled=False) if inspect.getsource(found) == source else None


def _pdf(made: Material, engine: str, project: Project) -> bytes:
    if engine == "latex":
        source = render(make_report(made, "latex"), "derivation.tex.j2", project.templates, figures="")
        return latex_pdf(source, pictures(made, "pdf"))
    source = render(make_report(made, "typst"), "derivation.typ.j2", project.templates, figures="")
    return typst_pdf(source, pictures(made, "svg"))


def raise_if_failed(made: Material) -> None:
    """Raise VerificationError with the first check of a material that failed."""
    for verification in made.verifications:
        verification.raise_if_failed()
    for row in made.checks:
        if not row.passed:
            raise VerificationError(f"{made.definition.name}: {row.message}")


def _module(name: str, project: Project) -> str:
    """Where a reader imports a generated function from; the user's own from the folder above the output folder."""
    return "chainrule.functions" if project.is_builtin else f"{project.output.name}.{OWN_FUNCTIONS}.{name}"


def functions_folder(project: Project) -> str:
    """Where generated functions go, seen from the output folder: into the package when its own checkout is built, ``numpy`` elsewhere."""
    inside = PACKAGE.parent.name == "src" and project.output == PACKAGE.parents[1] / "output"
    return os.path.relpath(PACKAGE / "functions", project.output) if project.is_builtin and inside else OWN_FUNCTIONS


def produce_index(rows: Sequence[Mapping[str, str]], project: Project) -> Mapping[str, bytes]:
    """The page that lists every document, from the rows of the products."""
    return {"markdown/README.md": render_index(rows, templates=project.templates).encode()}


def produce_package(names: Iterable[str], project: Project) -> Mapping[str, bytes]:
    """The module that makes a package of the generated functions that are there, of those names.

    The functions of a project of the user's own are no package: one of the name ``numpy`` would hide NumPy."""
    folder = functions_folder(project)
    if folder == OWN_FUNCTIONS:
        return {}
    there = sorted(name for name in names if (project.output / folder / f"{name}.py").is_file())
    texts = {name: (project.output / folder / f"{name}.py").read_text(encoding="utf-8") for name in there}
    functions = [load_function(text, name) for name, text in texts.items() if text]
    return {
        f"{folder}/__init__.py": package_source(there).encode(),
        f"{folder}/__init__.pyi": package_stub(functions).encode(),
    }


def document(definition: Definition, form: str, detail: Detail, width: int, project: Project) -> str:
    """The document of a definition as ``text``, ``md``, ``tex`` or ``typ``; ``text`` wraps at ``width``."""
    template, notation = FORMS[form]
    report = make_report(material(definition), notation, detail)
    return render(report, template, project.templates, figures="output/figures", width=width)


def render_derivation(
    derivation: Derivation, form: str = "text", detail: Detail = "normal", templates: Path | None = None
) -> str:
    """One derivation as ``text``, ``md``, ``tex`` or ``typ``: definition, result, lines, kinks, properties and checks; no plots, no code."""
    template, notation = FORMS[form]
    made = Material(
        derivation.definition, (derivation,), derivation.kinks, derivation.properties, verify_all((derivation,))
    )
    return render(make_report(made, notation, detail), template, templates, figures="figures", width=88)


def check(definition: Definition) -> tuple[Checked, ...]:
    """Every derivation of a definition, its matrix forms and its function, checked; a failed check is a row and not an error."""
    made = material(definition)
    rows = [_checked(v) for v in made.verifications]
    rows += [
        Checked(f"{definition.name}, {r.key}", r.points, 0.0, r.error, r.passed, r.message)
        for r in made.checks
        if not r.passed
    ]
    return tuple(rows)


def _checked(v: Verification) -> Checked:
    return Checked(v.name, v.steps_checked, v.worst_step_error, v.worst_result_error, v.passed, "; ".join(v.messages))
