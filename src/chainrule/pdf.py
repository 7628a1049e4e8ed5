"""PDF: through the Typst compiler of the `typst` package, or through latexmk where it is installed."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import RenderError

LATEX_HELP = (
    "install it (Debian, Ubuntu: apt-get install texlive-latex-recommended texlive-pictures lmodern latexmk) "
    "or leave the engine at typst"
)
TIMESTAMP = 0
SECONDS = 300


def typst_pdf(source: str, figures: Mapping[str, bytes]) -> bytes:
    """The PDF of a Typst document: tagged, and identical byte for byte whenever source and figures are.

    figures: the files that the source names, by the path it names them with.
    Raises RenderError where the source does not compile, or asks for a font that is not there."""
    return bytes(_typst(source, figures, format="pdf", pdf_standards=["ua-1"]))


def typst_png(source: str, figures: Mapping[str, bytes], ppi: float = 110.0) -> tuple[bytes, ...]:
    """The pages of a Typst document as pictures."""
    pages = _typst(source, figures, format="png", ppi=ppi)
    return tuple(pages) if isinstance(pages, list) else (pages,)


def _typst(source: str, figures: Mapping[str, bytes], **options: Any) -> Any:
    try:
        import typst
    except ImportError as error:
        raise RenderError("a PDF needs the package `typst`: pip install 'chainrule[book]'") from error
    files = {"main.typ": source.encode(), **figures}
    try:
        output, warnings = typst.compile_with_warnings(
            files, ignore_system_fonts=True, font_paths=[], timestamp=TIMESTAMP, **options
        )
    except typst.TypstError as error:
        raise RenderError(f"Typst: {_explain(error)}") from error
    if warnings:  # a missing font, say, is a warning to Typst and boxes instead of letters to the reader
        raise RenderError("Typst: " + "; ".join(_explain(w) for w in warnings))
    return output


def _explain(problem: Any) -> str:
    hints = "".join(f" ({hint})" for hint in getattr(problem, "hints", None) or ())
    return f"{getattr(problem, 'message', problem)}{hints}"


def latex_pdf(source: str, figures: Mapping[str, bytes]) -> bytes:
    """The PDF of a LaTeX document, made by latexmk and pdflatex.

    figures: the files that the source names, by the path it names them with.
    Raises RenderError where latexmk is missing, and with the first error of its log where the source does not
    compile."""
    latexmk = shutil.which("latexmk")
    if latexmk is None:
        raise RenderError(f"latexmk not found: {LATEX_HELP}")
    with tempfile.TemporaryDirectory(prefix="chainrule-") as name:
        folder = Path(name)
        (folder / "main.tex").write_text(source, encoding="utf-8")
        for path, data in figures.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(data)
        command = [
            latexmk,
            "-pdf",
            "-interaction=nonstopmode",
            "-halt-on-error",
            "-no-shell-escape",
            "-norc",
            "main.tex",
        ]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, timeout=SECONDS, env=_environment(), check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RenderError(f"latexmk took more than {SECONDS} s") from error
        pdf = folder / "main.pdf"
        if done.returncode != 0 or not pdf.exists():
            raise RenderError(
                f"latexmk: {_first_error(folder / 'main.log') or done.stderr.decode(errors='replace')[-500:]}"
            )
        return pdf.read_bytes()


def _environment() -> dict[str, str]:
    """The dates inside the PDF are fixed, so that the same source gives the same bytes."""
    import os

    return {**os.environ, "SOURCE_DATE_EPOCH": str(TIMESTAMP), "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}


def _first_error(log: Path) -> str:
    if not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith("!")), None)
    return "" if start is None else " ".join(lines[start : start + 4])
