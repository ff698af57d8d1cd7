"""Guesses, where a description is silent: the role of each column, and which one is the target."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from . import identifiers
from .dates import Date
from .frame import Cells, Frame
from .images import Image
from .numerals import Numerals, are_codes
from .roles import Categorical, Ignore, Numeric, Role
from .texts import Text

if TYPE_CHECKING:
    import polars as pl

_LOOKED_AT = 100_000  # rows
MAX_CLASSES = 20  # different whole numbers that still are classes
_MANY = 1_000  # names that still are categories
_WORDS = 4.0  # in a text, on average
_OFTEN = 5  # samples of a class, on average, from which it can be learnt
# Words that a target's name holds, the surest first.
_TARGETS = (
    "target", "label", "labels", "class", "y", "outcome", "response", "species", "diagnosis", "survived", "churn",
    "quality", "price", "value", "salary", "income", "score", "rating",
)  # fmt: skip


def roles(frame: Frame, target: tuple[str, ...] = ()) -> dict[str, Role]:
    """A role for every column, told by what its cells hold. A counter is an input where nothing else is."""
    some, step = _sample(frame)
    found = {name: target_role(frame[name]) if name in target else role(some[name], step) for name in frame.columns}
    inputs = [name for name in frame.columns if name not in target]
    if all(isinstance(found[name], Ignore) for name in inputs):
        counting = [name for name in inputs if _nothing(some[name], step) == identifiers.COUNTS]
        found |= {name: Numeric() for name in counting if not identifiers.is_named(name)}
    return found


def reasons(frame: Frame, names: Iterable[str]) -> dict[str, list[str]]:
    """Why columns of these names are ignored: reason -> names."""
    some, step = _sample(frame)
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(_reason(some[name], step), []).append(name)
    return found


def _reason(cells: Cells, step: int) -> str:
    """Why a column is ignored."""
    import polars as pl

    if isinstance(cells.values, np.ndarray):
        return "an array of neither numbers nor names"
    reason = _nothing(cells, step) or identifiers.of_names(cells.values.drop_nulls().cast(pl.String))
    return reason or "no number, no date, and few names twice"


def _sample(frame: Frame) -> tuple[Frame, int]:
    """Every so many rows of a long frame, and how many."""
    step = max(1, len(frame) // _LOOKED_AT)
    return (frame.take(slice(None, None, step)) if step > 1 else frame), step


def role(cells: Cells, step: int = 1) -> Role:
    """The role of an input, told by every `step`th row. Columns that say nothing, or count the rows, are ignored."""
    import polars as pl

    values = cells.values
    if isinstance(values, np.ndarray):
        return _array_role(values)
    if _nothing(cells, step):
        return Ignore()
    known = values.drop_nulls()
    if _numbers(known, cells.numerals) is not None:
        return Numeric()
    if _are_dates(cells, known):
        return Date()
    texts = known.cast(pl.String)
    if texts.n_unique() <= max(2, min(_MANY, len(texts) // 2)):
        return Categorical()
    words = texts.str.count_matches(r"\S+").mean()
    if isinstance(words, float) and words >= _WORDS:
        return Text()
    return Ignore() if identifiers.of_names(texts) else Categorical()


def target_role(cells: Cells) -> Role:
    """The role of a target: numbers, unless they are few whole numbers that run from 0 or 1."""
    import polars as pl

    values = cells.values
    if isinstance(values, np.ndarray):
        is_single = all(n == 1 for n in values.shape[1:])
        return Categorical() if is_single and values.dtype.kind in "iubUSO" else Numeric()
    known = values.drop_nulls()
    numbers = cells.numerals.read(known)
    if numbers.has_nulls() or not len(numbers) or values.dtype == pl.Boolean or are_codes(known):
        return Categorical()
    different = np.unique(numbers.to_numpy()[:1_000_000])
    runs_on = len(different) <= MAX_CLASSES and different[0] in (0, 1) and bool((np.diff(different) == 1).all())
    return Categorical(whole=True) if runs_on else Numeric()


def target(frame: Frame) -> str:
    """The column that is probably meant to be predicted: by its name, else the last one that can be.

    That is none that tells samples apart or nothing at all, and, as long as there is another, no date, no text, and no
    names of which there are hardly enough samples to learn from.
    """
    names = list(frame.columns)
    words = {name: set(re.split(r"[\W_]+", name.lower())) for name in names}
    for wanted in _TARGETS:
        found = [name for name in names if name.lower() == wanted] or [n for n in names if wanted in words[n]]
        found = [name for name in found if _may_be_target(frame, name)] or [n for n in found if _says(frame, n)]
        if found:
            return found[-1]
    return next((name for name in reversed(names) if _may_be_target(frame, name)), names[-1])


def _says(frame: Frame, name: str) -> bool:
    """Whether a column does more than to tell samples apart, or nothing."""
    some, step = _sample(frame)
    return not isinstance(role(some[name], step), Ignore)


def _may_be_target(frame: Frame, name: str) -> bool:
    """Whether something can be learnt of a column: numbers, or names that come often enough."""
    some, step = _sample(frame)
    cells = some[name]
    if isinstance(cells.values, np.ndarray):
        return True
    found = role(cells, step)
    if not isinstance(found, Categorical):
        return isinstance(found, Numeric)
    known = cells.texts().drop_nulls()
    return known.n_unique() * _OFTEN <= len(known)


def is_quantity(cells: Cells) -> bool:
    """Whether a column holds nothing but numbers, one a sample, of which some are known."""
    values = cells.values
    if isinstance(values, np.ndarray):
        return values.ndim == 1 and values.dtype.kind in "iuf"
    import polars as pl

    known = values.drop_nulls()
    return len(known) > 0 and values.dtype != pl.Boolean and _numbers(known, cells.numerals) is not None


def _array_role(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Role:
    if values.ndim in (3, 4) and values.dtype == np.uint8:
        return Image()
    if values.dtype.kind in "biuf":
        return Numeric()
    return Categorical() if values.ndim == 1 and values.dtype.kind in "US" else Ignore()


def _nothing(cells: Cells, step: int) -> str:
    """Why a column tells nothing of its samples; empty if it may tell something."""
    if isinstance(cells.values, np.ndarray):
        return ""
    known = cells.values.drop_nulls()
    if known.n_unique() < 2:
        return "the same in every row" if len(known) else "empty"
    numbers = _numbers(known, cells.numerals)
    return "" if numbers is None else identifiers.of_numbers(cells.name, numbers, step)


def _numbers(known: pl.Series, numerals: Numerals) -> npt.NDArray[np.float64] | None:
    """The cells of a column that has nothing but numbers."""
    if are_codes(known):
        return None
    numbers = numerals.read(known) if not known.dtype.is_temporal() else None
    return None if numbers is None or numbers.has_nulls() else numbers.to_numpy()


def _are_dates(cells: Cells, known: pl.Series) -> bool:
    read = Cells(known, cells.name, cells.file)
    try:
        read.dates()
    except ValueError:
        return False
    return True
