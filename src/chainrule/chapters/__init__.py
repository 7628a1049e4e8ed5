"""Chapters: pages about a subject, not about one function. Each is a row of ``CHAPTERS`` and a package here with ``page()``.

To add one, write its package, its template ``templates/NAME.j2``, and its row; ``chainrule build`` does the rest."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from .. import catalogue
from ..catalogue import ANY, Entry, Project

if TYPE_CHECKING:
    from .page import Page

KIND = "chapter"


@dataclass(frozen=True)
class Chapter:
    """What can be said of a chapter before it is made."""

    title: str
    summary: str


CHAPTERS: Mapping[str, Chapter] = {
    "networks": Chapter(
        "Networks",
        "Computational graphs, backpropagation and gradient descent: derived, checked, drawn and run.",
    ),
}


def entries() -> Mapping[str, Entry]:
    """The chapters as rows of the catalogue; each depends on all derivations."""
    return {name: _entry(name, chapter) for name, chapter in CHAPTERS.items()}


def known(project: Project) -> Mapping[str, Entry]:
    """Everything that a project can show and build by name: derivations, and chapters of which no derivation has the name."""
    return {**entries(), **catalogue.entries(project.folders)}


def _entry(name: str, chapter: Chapter) -> Entry:
    path = Path(__file__).parent / name / "__init__.py"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Entry(name, KIND, path, chapter.title, chapter.summary, uses=(ANY,), digest=digest)


def load(name: str) -> "Page":
    """The page of a chapter, derived and checked."""
    made: Page = import_module(f"{__name__}.{name}").page()
    return made
