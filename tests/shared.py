"""What takes long to make and several files look at: made once in a process."""

from functools import cache
from typing import Any

import mpmath
import numpy as np

from chainrule import chapters
from chainrule.calculus.derive import derive_all
from chainrule.codegen.modules import check_module, module_source
from chainrule.codegen.numpy_source import load
from chainrule.definition import Definition
from chainrule.runtime.vector import VectorFunction

chapter = cache(chapters.load)
"""The page of a chapter, derived and checked."""


def loss(name: str, value: Any, by: Any, **words: Any) -> Definition:
    """A loss by its name."""
    return Definition(value, wrt=by, name=name, **{"kind": "loss", "source": "test", **words})


@cache
def source(definition: Definition) -> str:
    """The generated module."""
    return module_source(definition, derive_all(definition))


@cache
def function(definition: Definition) -> VectorFunction:
    """The function of vectors in it."""
    found = load(source(definition), definition.name)
    assert isinstance(found, VectorFunction)
    return found


def failed_checks(definition: Definition) -> list[str]:
    """The names of the checks of the generated module that do not pass."""
    rows = check_module(source(definition), definition, derive_all(definition))
    return [row.name for row in rows if not row.passed]


def ulps(found: Any, exact: Any) -> float:
    """The largest error of a row, in ulp of its largest exact number."""
    largest = max(abs(x) for x in exact)
    off = max(abs(mpmath.mpf(float(x)) - true) for x, true in zip(np.ravel(found), exact, strict=True))
    return float(off / float(np.spacing(float(largest))))
