"""The data sets that ship, and what every training starts with: samples set apart for the test, columns brought to one scale.

Sources, licences and columns are in ``data/README.md``. To add one, put its file beside it and add a row to DATASETS."""

import difflib
import gzip
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnknownName

FOLDER = Path(__file__).resolve().parents[1] / "data"


@dataclass(frozen=True)
class Source:
    """classes: their names, by number."""

    classes: tuple[str, ...]
    reference: str
    licence: str = "CC BY 4.0"


DATASETS = {
    "iris": Source(
        ("setosa", "versicolor", "virginica"), "Fisher, 1936; UCI Machine Learning Repository, doi:10.24432/C56C76"
    ),
    "digits": Source(
        tuple("0123456789"), "Alpaydin and Kaynak, 1998; UCI Machine Learning Repository, doi:10.24432/C50P49"
    ),
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """X: (m, n), float64. y: (m,), numbers of classes from 0. columns: the names of the columns of X."""

    name: str
    X: Any
    y: Any
    columns: tuple[str, ...]
    source: Source

    def one_hot(self) -> Any:
        """The classes as rows with a 1 in the column of the class."""
        return np.eye(len(self.source.classes))[self.y]


@lru_cache(maxsize=8)
def load(name: str) -> Dataset:
    """A data set that ships; its arrays cannot be written to. Raises UnknownName, with near names."""
    if name not in DATASETS:
        near = difflib.get_close_matches(name, DATASETS, n=1) or sorted(DATASETS)
        raise UnknownName(f"no data set named {name!r}; there is {' and '.join(near)}")
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt", encoding="ascii") as file:
        columns = file.readline().strip().split(",")
        rows = np.loadtxt(file, delimiter=",", ndmin=2)
    X, y = rows[:, :-1].copy(), rows[:, -1].astype(np.intp)
    X.setflags(write=False)
    y.setflags(write=False)
    return Dataset(name, X, y, tuple(columns[:-1]), DATASETS[name])


def split(count: int, share: float, seed: int) -> tuple[Any, Any]:
    """The numbers of the samples to train with and of those to test with, drawn from a seed; share: of the test, rounded to the nearest sample."""
    order = np.random.default_rng(seed).permutation(count)
    tested = round(share * count)
    return order[tested:], order[:tested]


def standardised(X: Any, like: Any) -> Any:
    """Columns less the mean and over the standard deviation of those of ``like``; a column that is constant there becomes 0."""
    spread = np.std(like, axis=0)
    return (X - np.mean(like, axis=0)) / np.where(spread > 0, spread, np.inf)
