"""A page of any content: a template, the values that it prints, pictures, and the checks that must pass before it is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..catalogue import Project
from ..errors import VerificationError
from ..pdf import latex_pdf, typst_pdf
from ..produce import FIGURES, Checked, Product
from ..rendering import render_page
from ..report import Author, Detail, Formula, NotationName
from ..verification import Row, Verification

NOTATIONS: Mapping[str, NotationName] = {"text": "text", "md": "latex", "tex": "latex", "typ": "typst"}
SUFFIXES = {"text": "txt"}


class Chain(NamedTuple):
    """A row: a left side, None where it goes on from the row above, and all that it equals, one after the other. sign: what stands before the first of these,
    ``=``, ``to`` (an arrow), ``+``, or nothing before a term with a minus of its own."""

    left: Formula | None
    rights: tuple[Formula, ...]
    sign: str = "="


@dataclass(frozen=True)
class Picture:
    """A picture of a page, drawn when it is asked for. svg: for Markdown and Typst. pdf: for LaTeX, or else ``tikz``, the source of a drawing."""

    name: str
    svg: Callable[[], bytes] = field(repr=False)
    pdf: Callable[[], bytes] | None = field(default=None, repr=False)
    tikz: str = field(default="", repr=False)


@dataclass(frozen=True)
class Page:
    """values: what the template prints, from the author that prints formulas. pictures: by the key that the template knows them by.
    verifications: of the derivations that the page rests on; checks: of everything else, by what they are about."""

    name: str
    title: str
    summary: str
    template: str
    values: Callable[[Author], Mapping[str, Any]] = field(repr=False)
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    verifications: Sequence[Verification] = ()
    checks: Mapping[str, Row] = field(default_factory=dict)

    def raise_if_failed(self) -> None:
        """Raises VerificationError if any check failed: nothing unchecked is written."""
        for verification in self.verifications:
            verification.raise_if_failed()
        for about, row in self.checks.items():
            if not row.passed:
                raise VerificationError(f"{self.name}, {about}: {row.message}")

    @property
    def verdicts(self) -> tuple[Checked, ...]:
        """Every check as a row of ``chainrule verify``."""
        derived = [
            Checked(
                f"{self.name}: {v.name}",
                v.steps_checked,
                v.worst_step_error,
                v.worst_result_error,
                v.passed,
                "; ".join(v.messages),
            )
            for v in self.verifications
        ]
        others = [
            Checked(f"{self.name}: {about}", row.points, row.error, 0.0, row.passed, row.message)
            for about, row in self.checks.items()
        ]
        return (*derived, *others)


def written(
    page: Page, form: str, project: Project, figures: str = FIGURES, detail: Detail = "normal", width: int = 100
) -> str:
    """The page as ``text``, ``md``, ``tex`` or ``typ``. figures: the way from it to its pictures; width: of plain text."""
    author = Author(NOTATIONS[form], detail)
    return render_page(
        page.template,
        SUFFIXES.get(form, form),
        project.templates,
        title=page.title,
        summary=page.summary,
        pictures=page.pictures,
        figures=figures,
        width=width,
        **page.values(author),
    )


def produce_page(page: Page, formats: Sequence[str], engine: str, project: Project) -> Product:
    """The page in some of ``md``, ``tex``, ``pdf``, with its pictures; ``engine`` makes the PDF.

    Raises VerificationError if any check failed."""
    page.raise_if_failed()
    files: dict[str, bytes] = {}
    if "md" in formats:
        files[f"markdown/{page.name}.md"] = written(page, "md", project).encode()
        files |= {f"figures/{p.name}.svg": p.svg() for p in page.pictures.values()}
    if "tex" in formats:
        files[f"latex/{page.name}.tex"] = written(page, "tex", project).encode()
        files |= {f"figures/{p.name}.pdf": p.pdf() for p in page.pictures.values() if p.pdf is not None}
    if "pdf" in formats:
        files[f"pdf/{page.name}.pdf"] = _pdf(page, engine, project)
    return Product(files, {"kind": "chapter", "name": page.name, "title": page.title, "summary": page.summary})


def _pdf(page: Page, engine: str, project: Project) -> bytes:
    if engine == "latex":
        figures = {f"{p.name}.pdf": p.pdf() for p in page.pictures.values() if p.pdf is not None}
        return latex_pdf(written(page, "tex", project, figures=""), figures)
    figures = {f"{p.name}.svg": p.svg() for p in page.pictures.values()}
    return typst_pdf(written(page, "typ", project, figures=""), figures)
