"""Templates: a report in, the text of a document out.

The name of a template decides the format: ``derivation.md.j2`` is Markdown, ``.tex.j2`` LaTeX, ``.typ.j2`` Typst,
``.txt.j2`` plain text. A folder of the user's comes before the shipped one, file by file. In every template
``<< … >>`` prints, ``<% … %>`` controls, ``<# … #>`` comments; a name that is not defined is an error. The filters
speak the format: ``math``, ``styled`` and ``display`` set a formula, ``prose`` escapes plain words, ``code`` sets
source text.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from .catalogue import shipped
from .errors import RenderError
from .expression.printing import markdown
from .report import Formula, Report

FORMATS_OF_NOTATION = {"latex": ("md", "tex"), "typst": ("typ",), "text": ("txt",)}


def render(report: Report, template: str, templates: Path | None = None, **variables: Any) -> str:
    """The document that a template makes of a report.

    template: its name, which decides the format. templates: a folder that is searched before the shipped one.
    variables: further names for the template; ``figures`` is the way from the document to the folder of pictures,
    ``width`` the length of a line of text.
    Raises RenderError, with template and line, when the template is missing, broken, or uses an undefined name."""
    return _render(template, templates, (report,), {"report": report, **variables})


def index_row(report: Report, templates: Path | None = None) -> dict[str, str]:
    """What the index says of a report, as strings: ``render_index`` makes a page of many such rows."""
    wanted = json.loads(_render("index_row.md.j2", templates, (report,), {"report": report}))
    return {str(name): str(value) for name, value in wanted.items()}


def render_index(
    rows: Sequence[Mapping[str, str]], template: str = "index.md.j2", templates: Path | None = None, **variables: Any
) -> str:
    """The document that a template makes of the rows of many reports; ``links`` maps a name to a document's address."""
    return _render(template, templates, (), {"rows": tuple(rows), **variables})


def render_page(template: str, form: str, templates: Path | None = None, **variables: Any) -> str:
    """The page that a template makes of plain values, in a format that its name leaves open: ``md``, ``tex``, ``typ`` or ``txt``.

    The template imports the parts of a page, ``blocks.md.j2`` and the like, by the name ``format``.
    Raises RenderError as ``render`` does."""
    if form not in FORMATS:
        raise RenderError(f"format {form!r}: it is one of {', '.join(FORMATS)}")
    return _written(template, form, templates, variables)


def notation_of(template: str) -> str:
    """The notation a report must be printed in for a template: latex, typst or text."""
    suffix = _suffix(template)
    return next(notation for notation, suffixes in FORMATS_OF_NOTATION.items() if suffix in suffixes)


def _render(template: str, templates: Path | None, reports: Sequence[Report], variables: Mapping[str, Any]) -> str:
    wanted = notation_of(template)
    for report in reports:
        if report.notation != wanted:
            raise RenderError(
                f"{template}: needs a report in {wanted} notation, got one in {report.notation}: "
                f'make it with make_report(material, "{wanted}")'
            )
    return _written(template, _suffix(template), templates, variables)


def _written(template: str, form: str, templates: Path | None, variables: Mapping[str, Any]) -> str:
    folders = (*((templates,) if templates else ()), shipped("templates"))
    environment = _environment(form, folders)
    try:
        return environment.get_template(template).render(_with_defaults(variables))
    except jinja2.TemplateNotFound as error:
        places = ", ".join(str(folder) for folder in folders)
        raise RenderError(f"template {error.name!r} not found; searched in {places}") from error
    except jinja2.TemplateSyntaxError as error:
        raise RenderError(f"{error.filename or error.name}, line {error.lineno}: {error.message}") from error
    except jinja2.UndefinedError as error:
        raise RenderError(f"{_place(error, folders, template)}: {error.message}") from error
    except (TypeError, LookupError, ValueError, AttributeError) as error:
        raise RenderError(f"{_place(error, folders, template)}: {type(error).__name__}: {error}") from error


def _with_defaults(variables: Mapping[str, Any]) -> dict[str, Any]:
    """What templates may rely on: ``figures`` (the way to the pictures, ending in a slash), ``links``, ``width``."""
    made = {"figures": "../figures/", "links": {}, "width": 100, **variables}
    made["figures"] = (
        made["figures"] + "/" if made["figures"] and not made["figures"].endswith("/") else made["figures"]
    )
    return made


def _suffix(template: str) -> str:
    parts = template.removesuffix(".j2").rsplit(".", 1)
    if len(parts) < 2 or parts[1] not in FORMATS:
        known = ", ".join(f".{name}.j2" for name in FORMATS)
        raise RenderError(f"template {template!r}: the format is in the name, which must end in one of {known}")
    return parts[1]


def _place(error: BaseException, folders: Sequence[Path], template: str) -> str:
    """The template and line an error came from: the innermost frame that is a template's."""
    place = template
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if any(file.is_relative_to(folder) for folder in folders):
            place = f"{file}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


@cache
def _environment(suffix: str, folders: tuple[Path, ...]) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([str(folder) for folder in folders]),
        undefined=jinja2.StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    form = FORMATS[suffix]
    environment.filters.update(math=form.math, display=form.display, prose=form.prose, code=form.code)
    environment.filters.update(aligned=form.aligned, columns=_columns)
    environment.filters.update(
        styled=form.styled,
        equals=_equals,
        json=json.dumps,
        then_equals=_then_equals,
        stacked=_stacked,
        quoted=_quoted,
        oneline=_oneline,
        sentence=_sentence,
        wrap=_wrap,
        fold=_fold,
    )
    environment.globals.update(format=suffix)
    return environment


def _quoted(words: str) -> str:
    """Words as a string literal of Typst."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _oneline(words: str) -> str:
    return " ".join(words.split())


def _sentence(words: str) -> str:
    """The first letter a capital, unless it is a word of its own: a variable."""
    return words if words[1:2] == " " and words[:1] != "a" else words[:1].upper() + words[1:]


def _wrap(words: str, width: int, indent: int = 0) -> str:
    """Words with formulas among them, broken at the last space that splits no formula, as far as there is one.

    indent: how far the lines after the first one are moved in, less where the width is small."""
    return _broken(words, width, indent, lambda before, after: before in _OPERATORS or after in _OPERATORS)


def _fold(formula: str, width: int, indent: int = 0) -> str:
    """A formula of plain text, broken as far out of brackets as possible, at the best place there."""
    return _broken(formula, width, indent, lambda b, a: next(i for i, good in enumerate(_PLACES) if good(b, a)))


_OPERATORS = frozenset("=+-·<>≤≥≠∈")
_PLACES: tuple[Callable[[str, str], bool], ...] = (
    lambda before, after: before in ";:",
    lambda before, after: after in "=+-" and before not in _OPERATORS,
    lambda before, after: after == "·",
    lambda before, after: before not in _OPERATORS,
    lambda before, after: True,
)
"""Where to break a formula, by the characters on both sides of a space, the best places first."""


def _broken(words: str, width: int, indent: int, badness: Callable[[str, str], int]) -> str:
    indent, lines = min(indent, width // 3), []
    while len(words) > width:
        depth, spaces = 0, list[tuple[int, int, int]]()
        for i, c in enumerate(words):
            depth += (c in "([{") - (c in ")]}")
            if c == " " and words[:i].strip() and (i <= width or not spaces):
                spaces.append((depth, badness(words[i - 1], words[i + 1 : i + 2]), -i))
        late = [space for space in spaces if -space[2] > width / 2] or spaces
        if not late:
            break
        place = -min(late)[2]
        lines.append(words[:place].rstrip())
        words = " " * indent + words[place:].lstrip()
    return "\n".join([*lines, words])


def _equals(formula: Formula) -> Formula:
    """``= formula``: a line that goes on from the one above."""
    return Formula(f"= {formula.source}", f"= {formula.text}")


def _stacked(formulas: Sequence[Formula]) -> Formula:
    """Formulas below each other as one, in LaTeX: line breaks between formulas crowd in a cell of a table."""
    if len(formulas) == 1:
        return formulas[0]
    rows = r" \\ ".join(f"& {f.source}" for f in formulas)
    return Formula(rf"\begin{{aligned}} {rows} \end{{aligned}}", "; ".join(f.text for f in formulas))


def _columns(rows: Sequence[Sequence[str]], align: str) -> str:
    """A table of plain text, the first row its head. align: l or r for each column."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(align))]
    cells = (zip(row, widths, align, strict=True) for row in rows)
    return "\n".join(
        "  ".join(c.rjust(w) if a == "r" else c.ljust(w) for c, w, a in row).rstrip().join(("    ", ""))
        for row in cells
    )


Chains = Sequence[tuple[Formula | None, Sequence[Formula], str]]
"""Rows of a left side, all that it equals, one after the other, and the sign between; a row without a left side goes on from the one above."""
SIGNS = {
    "=": ("&=", "&=", "="),
    "to": (r"&\gets", "&<-", "←"),
    "+": (r"&\quad {}+", "&quad +", "  +"),
    "": (r"&\quad {}", "&quad", " "),
}
"""What stands between the left side and the first right one, in LaTeX, Typst and text."""


def _chains(rows: Chains, notation: int, end: str, frame: str) -> Formula:
    width = max((len(left.source) for left, *_ in rows if left is not None), default=0)
    sources, texts = [], []
    for left, rights, sign in rows:
        begin = " " * width if left is None else left.source
        sources.append(f"{begin} {SIGNS[sign][notation]} " + " = ".join(r.source for r in rights))
        words = "" if left is None else left.text
        texts.append(f"{words} {SIGNS[sign][2].strip()} ".lstrip() + " = ".join(r.text for r in rights))
    return Formula(frame.replace("ROWS", end.join(sources)), "; ".join(texts))


def _latex_chains(rows: Chains) -> Formula:
    return _chains(rows, 0, r" \\ ", r"\begin{aligned} ROWS \end{aligned}")


def _typst_chains(rows: Chains) -> Formula:
    return _chains(rows, 1, " \\ ", "ROWS")


def _text_chains(rows: Chains) -> Formula:
    return _chains(rows, 2, "\n", "ROWS")


def _then_equals(left: Formula, right: Formula) -> Formula:
    return Formula(f"{left.source} = {right.source}", f"{left.text} = {right.text}")


@dataclass(frozen=True)
class Format:
    """How one kind of document sets a formula inside a sentence (``styled``: with fractions as tall as on a line of its
    own), one on its own line, rows of equations with their first equal signs below each other (``aligned``), plain words, and source text."""

    math: Callable[[Formula], str]
    styled: Callable[[Formula], str]
    display: Callable[[Formula], str]
    aligned: Callable[[Chains], Formula]
    prose: Callable[[str], str]
    code: Callable[[str], str]


def _markdown_prose(words: str) -> str:
    return re.sub(r"([\\*_<$\[\]#|])", r"\\\1", words)


def _typst_prose(words: str) -> str:
    return re.sub(r"([\\*_<$\[\]#@`~])", r"\\\1", words)


_TEX_ESCAPES = {
    **{c: f"\\{c}" for c in "#$%&_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "|": r"\ensuremath{|}",
    '"': "''",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\ldots{}",
    "\u00a0": "~",
}
_TEX_MATHS = {
    **dict(
        zip(
            "αβγδζηθλμνξπρστχψωΓΔΘΛΣΦΨΩ",
            ["alpha", "beta", "gamma", "delta", "zeta", "eta", "theta", "lambda", "mu", "nu", "xi", "pi",
             "rho",
             "sigma", "tau", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Sigma", "Phi", "Psi",
             "Omega"],
            strict=True,
        )
    ),
    "ε": "varepsilon", "ϵ": "epsilon", "φ": "varphi", "ϕ": "phi", "−": "-", "±": "pm", "×": "times", "·": "cdot",
    "→": "to", "∞": "infty", "≤": "le", "≥": "ge", "≠": "ne", "≈": "approx", "∂": "partial", "∇": "nabla", "∑": "sum",
    "√": "surd", "∈": "in", "ℝ": "mathbb{R}", "′": "{}^{\\prime}", "⊙": "odot", "ℓ": "ell", "∘": "circ", "½": "tfrac12",
    "∝": "propto", "⇒": "Rightarrow", "←": "gets", "ᵀ": "{}^{\\top}", "⁻": "{}^{-}",
}  # fmt: skip


_SHIFTED = {"<super>": "^", "<sub>": "_"}


def _tex_character(c: str) -> str:
    if c in _TEX_ESCAPES:
        return _TEX_ESCAPES[c]
    if c in _TEX_MATHS:
        command = _TEX_MATHS[c]
        return rf"\ensuremath{{{command if command[0] in '{-' else chr(92) + command}}}"
    kind, _, code = unicodedata.decomposition(c).partition(" ")
    if kind in _SHIFTED:  # a letter or digit that is set higher or lower
        return rf"\ensuremath{{{{}}{_SHIFTED[kind]}{{{chr(int(code, 16))}}}}}"
    if c < "\x7f" or unicodedata.normalize("NFD", c)[0] in "AaCcDdEeGgIiLlNnOoRrSsTtUuYyZz" or c in "øØßæÆœŒłŁ":
        return c
    raise RenderError(
        f"LaTeX: no row for the character {c!r} (U+{ord(c):04X}): add one to _TEX_MATHS in chainrule/rendering.py"
    )


def _tex_prose(words: str) -> str:
    words = re.sub(r"(\w)\u0302", r"\1^", unicodedata.normalize("NFD", words))
    words = unicodedata.normalize("NFC", re.sub(r"(\w)\^", "\\1\u0302", words))
    hatted = re.sub(r"ŷ|(\w)\u0302", lambda m: f"\x00{'y' if m[0] == 'ŷ' else m[1]}\x01", words)
    out = "".join(c if c in "\x00\x01" else _tex_character(c) for c in hatted)
    return re.sub(r"\x00(\w)\x01", r"\\ensuremath{\\hat{\1}}", out)


def _tex_code(source: str) -> str:
    """Source text inside ``alltt``, where only the backslash and braces are special."""
    plain = {"\\": r"\textbackslash{}", "{": r"\{", "}": r"\}"}
    return "".join(plain.get(c, c if c.isascii() else _tex_character(c)) for c in source)


FORMATS: dict[str, Format] = {
    "md": Format(
        math=lambda f: f"${markdown(f.source)}$",
        styled=lambda f: f"$\\displaystyle {markdown(f.source)}$",
        display=lambda f: f"$$\n{markdown(f.source)}\n$$",
        aligned=_latex_chains,
        prose=_markdown_prose,
        code=lambda source: f"```python\n{source}\n```",
    ),
    "tex": Format(
        math=lambda f: f"${f.source}$",
        styled=lambda f: f"$\\displaystyle {f.source}$",
        display=lambda f: f"\\[\n{f.source}\n\\]",
        aligned=_latex_chains,
        prose=_tex_prose,
        code=lambda source: f"\\begin{{alltt}}\n{_tex_code(source)}\n\\end{{alltt}}",
    ),
    "typ": Format(
        math=lambda f: f"#eq(${f.source}$, {_quoted(f.text)});",
        styled=lambda f: f"#eq($display({f.source})$, {_quoted(f.text)});",
        display=lambda f: f"#eq($ {f.source} $, {_quoted(f.text)});",
        aligned=_typst_chains,
        prose=_typst_prose,
        code=lambda source: f"```python\n{source}\n```",
    ),
    "txt": Format(
        math=lambda f: f.source,
        styled=lambda f: f.source,
        display=lambda f: f"    {f.source}",
        aligned=_text_chains,
        prose=lambda words: words,
        code=lambda source: "\n".join(f"    {line}".rstrip() for line in source.splitlines()),
    ),
}
