"""PDFs: made from every document, the same bytes when made twice, refused with the reason when they cannot be."""

import io
import shutil
from pathlib import Path

import pytest
from test_render import complete
from test_report import ELU, SIGMOID, softmax

from chainrule.definition import Definition
from chainrule.errors import RenderError
from chainrule.pdf import latex_pdf, typst_pdf, typst_png
from chainrule.plots import draw, figures
from chainrule.rendering import render
from chainrule.report import make_report, with_figures

pytest.importorskip("typst", reason="typst is not installed: pip install 'chainrule[book]'")
needs_latexmk = pytest.mark.skipif(
    shutil.which("latexmk") is None,
    reason="latexmk is not installed: apt-get install texlive-latex-recommended texlive-pictures lmodern latexmk",
)
DEFINITIONS = [SIGMOID, ELU, softmax()]


def document(definition: Definition, form: str) -> tuple[str, dict[str, bytes]]:
    made = complete(definition)
    made = with_figures(made, figures(made))
    notation, picture = ("typst", "svg") if form == "typ" else ("latex", "pdf")
    source = render(make_report(made, notation), f"derivation.{form}.j2", figures="")
    return source, {f"{f.name}.{picture}": draw(f, picture) for f in made.figures}


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.name)
def test_typst_makes_the_same_tagged_pdf_twice(definition: Definition) -> None:
    source, pictures = document(definition, "typ")
    pdf = typst_pdf(source, pictures)
    assert pdf.startswith(b"%PDF-") and pdf == typst_pdf(source, pictures)
    assert b"/StructTreeRoot" in pdf or b"/MarkInfo" in pdf or b"/ObjStm" in pdf


def test_a_source_that_does_not_compile_is_refused_with_the_reason() -> None:
    with pytest.raises(RenderError, match=r"Typst: .*unknown variable: nothing"):
        typst_pdf("#nothing", {})


def test_a_font_that_is_not_there_is_an_error_and_not_boxes() -> None:
    with pytest.raises(RenderError, match="unknown font family: no such font"):
        typst_pdf('#set document(title: "t")\n#set text(font: "No Such Font")\nwords', {})


def test_a_missing_picture_is_refused() -> None:
    with pytest.raises(RenderError, match="Typst: "):
        typst_pdf('#image("nowhere.svg", alt: "nothing")', {})


WIDE = r"sum_(k = 1)^K " + " + ".join(f"e^(z_{n})" for n in range(40))


def test_a_formula_too_wide_for_the_page_is_made_to_fit() -> None:
    """Ink stops at the right margin: the last 8 % of the page stay white. What can be broken into lines keeps the size of its letters."""
    pillow = pytest.importorskip("PIL.Image")
    style = document(SIGMOID, "typ")[0].split("#show: page-of")[0]
    ends = []
    for wide in (WIDE, f"({WIDE}) dot a", f"frac({WIDE}, 2)"):
        source = f"""{style}
#show: page-of.with(title: "Wide", summary: [])
#derivation((left: [#eq($a$, "a")], right: [#eq($display(= {wide})$, "wide")], rules: [Sum rule], why: ()))
#fit[#eq($ {wide} $, "wide")]
"""
        (png,) = typst_png(source, {}, ppi=50)
        page = pillow.open(io.BytesIO(png)).convert("L")
        margin = page.crop((round(page.width * 0.92), 0, page.width, page.height))
        assert margin.getextrema() == (255, 255)
        ends.append(page.crop((0, 0, page.width, page.height * 9 // 10)).point(lambda x: 255 - x).getbbox()[3])
    lines, in_brackets, fraction = ends
    assert min(lines, in_brackets) > fraction + 20


def test_without_latexmk_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RenderError, match=r"latexmk not found: install it \(Debian, Ubuntu: apt-get install texlive"):
        latex_pdf("", {})


@needs_latexmk
@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda d: d.name)
def test_latex_makes_the_same_pdf_twice(definition: Definition) -> None:
    source, pictures = document(definition, "tex")
    pdf = latex_pdf(source, pictures)
    assert pdf.startswith(b"%PDF-") and pdf == latex_pdf(source, pictures)


@needs_latexmk
def test_the_first_error_of_latex_is_reported() -> None:
    with pytest.raises(RenderError, match=r"latexmk: ! Undefined control sequence.*\\nothing"):
        latex_pdf(r"\documentclass{article}\begin{document}\nothing\end{document}", {})
