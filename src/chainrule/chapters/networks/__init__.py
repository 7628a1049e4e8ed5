"""The chapter on networks, a file for each of its sections."""

from collections.abc import Mapping
from typing import Any

from ...report import Author
from .. import CHAPTERS
from ..page import Page
from . import backpropagation, descent, differences, graphs, training, vanishing, worked_example

NAME = "networks"
SECTIONS = (graphs, backpropagation, worked_example, descent, training, vanishing, differences)


def page() -> Page:
    """Derived, checked, measured and drawn."""

    def values(author: Author) -> Mapping[str, Any]:
        return {section.__name__.rpartition(".")[2]: section.values(author) for section in SECTIONS}

    return Page(
        NAME,
        CHAPTERS[NAME].title,
        CHAPTERS[NAME].summary,
        "networks.j2",
        values,
        {key: picture for section in SECTIONS for key, picture in section.pictures().items()},
        tuple(v for section in SECTIONS for v in section.verifications()),
        {about: row for section in SECTIONS for about, row in section.checks().items()},
    )
