"""Columns that name or count the samples: they tell one sample from another, and nothing about any of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

COUNTS = "counts the rows"
NAMES = "an identifier, different in every row"
HARDLY = "an identifier, hardly any name twice"
UNIQUE = "an identifier, a random name"
MIN_ROWS = 12  # of fewer, nothing is concluded
_REPEATED = 0.3  # of the rows share their name with another, so that names may tell something
# Words that the name of a column has, if it tells samples apart, and words of a scale on which one goes on by one.
_IDENTIFYING = {
    "id", "ids", "uid", "uuid", "guid", "idx", "index", "key", "row", "rows", "rowid", "rowname", "rownames", "rownum",
    "rownumber", "unnamed", "nr", "serial", "obs", "observation", "caseid", "recordid", "userid", "hash",
}  # fmt: skip
_SCALES = {
    "year", "years", "yr", "time", "t", "date", "day", "days", "week", "weeks", "month", "months", "quarter", "hour",
    "hours", "minute", "minutes", "second", "seconds", "age", "period", "epoch", "decade", "x",
}  # fmt: skip
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_RANDOM = r"^\{?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}\}?$"


def of_numbers(name: str, numbers: npt.NDArray[np.float64], step: int) -> str:
    """Why numbers, every `step`th of a column, only tell samples apart; empty if they may tell more.

    Numbers that go up by one count the rows, unless the name says that they are moments or ages: a trend is no
    counter. Whole numbers that are all different are an identifier if the column is called so.
    """
    first = numbers[:MIN_ROWS]
    if len(first) < MIN_ROWS or not np.isfinite(first).all() or (first % 1).any():
        return ""
    if not np.isfinite(numbers).all() or (numbers % 1).any():
        return ""
    if (np.diff(numbers) == step).all():
        return "" if _words(name) & _SCALES and not is_named(name) else COUNTS
    return NAMES if is_named(name) and len(np.unique(numbers)) == len(numbers) else ""


def is_named(name: str) -> bool:
    """Whether a column is called like what tells samples apart."""
    return bool(_words(name) & _IDENTIFYING)


def of_names(texts: pl.Series) -> str:
    """Why names only tell samples apart, of which none is missing; empty if they may tell more."""
    if len(texts) and texts.str.contains(_RANDOM).all():
        return UNIQUE
    if texts.n_unique() == len(texts):
        return NAMES
    if len(texts) < MIN_ROWS:
        return ""
    return HARDLY if _repeated(texts) < _REPEATED else ""


def _repeated(texts: pl.Series) -> float:
    """The share of the rows whose name some other row has, too."""
    return int(texts.is_duplicated().sum()) / len(texts)


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)} | {name.lower()}
