"""Guesses, where a description is silent: the role of each column, and which one is the target."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from . import identifiers
from .clocks import clocks_of, stored_seconds
from .columns import Columns
from .date_layouts import COMPACT, Layouts, layouts_of
from .date_patterns import moments
from .dates import Date
from .frame import Cells, Frame
from .images import Image
from .marks import affixed, several
from .numerals import are_codes
from .roles import Categorical, Ignore, Numeric, Role
from .texts import Text

if TYPE_CHECKING:
    import polars as pl

_LOOKED_AT = 100_000  # rows
_HEAD = 64  # of them, that say of most columns of numbers that they are quantities
MAX_CLASSES = 20  # different whole numbers that still are classes
_MANY = 1_000  # names that still are categories
_DATED = {"date", "day", "dates", "days", "datum", "fecha", "datetime", "dt", "ymd", "yyyymmdd"}  # in a column's name
_EARLIEST = 1800  # year of a date without marks between its parts
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
    quantities = _quantities(some)
    found: dict[str, Role] = {}
    for name in frame.columns:
        if name in target:
            found[name] = target_role(frame[name])
        else:
            found[name] = Numeric() if name in quantities else role(some[name], step)
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
        found.setdefault(_strays(frame[name]) or _reason(some[name], step), []).append(name)
    return found


def _reason(cells: Cells, step: int) -> str:
    """Why a column is ignored."""
    import polars as pl

    if cells.known is None and isinstance(cells.values, np.ndarray):
        return "an array of neither numbers nor names"
    reason = (
        _nothing(cells, step) or _in_units(cells) or identifiers.of_names(cells.values.drop_nulls().cast(pl.String))
    )
    return reason or "no number, no date, and few names twice"


def _in_units(cells: Cells) -> str:
    """That numbers are in several units, if they are."""
    found = several(cells.values) if cells.is_text else ""
    if found:
        return f"numbers in several units: {found}; write all in one"
    around = affixed(cells.values) if cells.is_text else ""
    return f'numbers, each written as "{around.format("…")}"; write them without that' if len(around) > 2 else ""


def _sample(frame: Frame) -> tuple[Frame, int]:
    """Every so many rows of a long frame, and how many."""
    step = max(1, len(frame) // _LOOKED_AT)
    return (frame.take(slice(None, None, step)) if step > 1 else frame), step


def role(cells: Cells, step: int = 1) -> Role:
    """The role of an input, told by every `step`th row. Columns that say nothing, or count the rows, are ignored."""
    import polars as pl

    if cells.known is None and isinstance(cells.values, np.ndarray):
        return _array_role(cells.values)
    if _nothing(cells, step):
        return Ignore()
    if cells.known is not None:
        return Date(format=COMPACT) if _are_compact(cells) else Numeric()
    known = cells.values.drop_nulls()
    if not known.dtype.is_temporal() and _numbers(cells) is not None:
        return Date(format=COMPACT) if _are_compact(cells) else Numeric()
    timed = _timed(cells, known)
    if timed is not None:
        return timed
    texts = known.cast(pl.String)
    if texts.n_unique() <= max(2, min(_MANY, len(texts) // 2)):
        return Categorical()
    words = texts.str.count_matches(r"\S+").mean()
    if isinstance(words, float) and words >= _WORDS:
        return Text()
    return Ignore() if identifiers.of_names(texts) else Categorical()


def _timed(cells: Cells, known: pl.Series) -> Role | None:
    """The role of dates and times; of those that can be read in several ways, with nothing said about that."""
    clocks = clocks_of(known)
    if not clocks and known.dtype.is_temporal():
        return Date()
    if clocks:
        return Numeric(clock=clocks[0] if len(clocks) == 1 else None)
    found = layouts_of(known) if cells.is_text else Layouts()
    if found.all_of:
        return Date(format=(found.all_of[0] or None) if len(found.all_of) == 1 else None)
    return Ignore() if found.has_strays else None


def target_role(cells: Cells) -> Role:
    """The role of a target: numbers, unless they are few whole numbers that run from 0 or 1."""
    import polars as pl

    if cells.known is not None:
        return _target_of(cells.known)
    values = cells.values
    if isinstance(values, np.ndarray):
        is_single = all(n == 1 for n in values.shape[1:])
        return Categorical() if is_single and values.dtype.kind in "iubUSO" else Numeric()
    known = values.drop_nulls()
    clocks = clocks_of(known)
    if clocks:
        return Numeric(clock=clocks[0] if len(clocks) == 1 else None)
    if values.dtype.is_temporal():
        return Date()
    numbers = cells.numerals.read(known)
    if numbers.has_nulls() or not len(numbers) or values.dtype == pl.Boolean or are_codes(known):
        return Categorical()
    return _target_of(numbers.to_numpy())


def _target_of(numbers: npt.NDArray[np.float64]) -> Role:
    """The role of a target of numbers, NaN where one is missing."""
    first = numbers[: identifiers.MIN_ROWS]
    if (first[np.isfinite(first)] % 1).any():
        return Numeric()
    different = np.unique(numbers[~np.isnan(numbers)][:1_000_000])
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
    if cells.known is None and isinstance(cells.values, np.ndarray):
        return True
    found = role(cells, step)
    if not isinstance(found, Categorical):
        return isinstance(found, Numeric)
    known = cells.texts().drop_nulls()
    return known.n_unique() * _OFTEN <= len(known)


def is_quantity(cells: Cells) -> bool:
    """Whether a column holds nothing but numbers, one a sample, of which some are known."""
    if cells.known is not None:
        return True
    values = cells.values
    if isinstance(values, np.ndarray):
        return values.ndim == 1 and values.dtype.kind in "iuf"
    import polars as pl

    return values.count() > 0 and values.dtype != pl.Boolean and _numbers(cells) is not None


def _array_role(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Role:
    if values.ndim in (3, 4) and values.dtype == np.uint8:
        return Image()
    if values.dtype.kind in "biuf":
        return Numeric()
    return Categorical() if values.ndim == 1 and values.dtype.kind in "US" else Ignore()


def _quantities(frame: Frame) -> set[str]:
    """Columns of numbers whose first cells are different fractions, which says all about their role."""
    columns = frame.columns
    if not isinstance(columns, Columns):
        return set()
    first = columns.some(range(len(columns.numbers)), 0, _HEAD)
    with np.errstate(invalid="ignore"):
        told = (first % 1 > 0).any(axis=1) & (np.fmin.reduce(first, axis=1) < np.fmax.reduce(first, axis=1))
    return {name for name, place in columns.places.items() if told[place] and not _is_dated(name)}


def _nothing(cells: Cells, step: int) -> str:
    """Why a column tells nothing of its samples; empty if it may tell something."""
    if cells.known is not None:
        numbers = cells.known[~np.isnan(cells.known)]
        if not len(numbers):
            return "empty"
        if numbers.min() == numbers.max() and cells.texts().drop_nulls().n_unique() < 2:
            return "the same in every row"
        return identifiers.of_numbers(cells.name, numbers, step)
    if isinstance(cells.values, np.ndarray):
        return ""
    known = cells.values.drop_nulls()
    if known.n_unique() < 2:
        return "the same in every row" if len(known) else "empty"
    found = _numbers(cells)
    return "" if found is None else identifiers.of_numbers(cells.name, found, step)


def _numbers(cells: Cells) -> npt.NDArray[np.float64] | None:
    """The cells of a column that has nothing but numbers, without those that are missing."""
    import polars as pl

    if cells.known is not None:
        return cells.known[~np.isnan(cells.known)]
    if cells.is_words:
        return None
    known = cells.values.drop_nulls()
    if known.dtype in (pl.Duration, pl.Time):
        return stored_seconds(known)
    if are_codes(known):
        return None
    numbers = cells.numerals.read(known) if not known.dtype.is_temporal() else None
    return None if numbers is None or numbers.has_nulls() else numbers.to_numpy()


def _is_dated(name: str) -> bool:
    """Whether a column is called like dates."""
    return bool(_DATED & set(re.split(r"[\W_\d]+", name.lower())))


def _are_compact(cells: Cells) -> bool:
    """Whether whole numbers are dates such as 20241231: if the column is called so."""
    import polars as pl

    if not _is_dated(cells.name) or cells.is_bare:
        return False
    known = cells.values.drop_nulls()
    digits = known.cast(pl.Int64, strict=False) if known.dtype.is_float() else known
    dates = moments(digits.cast(pl.String), COMPACT)
    return not dates.has_nulls() and bool((dates.dt.year() >= _EARLIEST).all())


def _strays(cells: Cells) -> str:
    """What stands beside the dates of a column that has most of them."""
    if not cells.is_text:
        return ""
    found = layouts_of(cells.values)
    if not found.has_strays:
        return ""
    wrong = (moments(cells.values, found.mostly).is_null() & cells.values.is_not_null()).arg_max() or 0
    shown = f'"{cells.values[wrong]}" in row {cells.rows(wrong):,}'
    return f"{found.fitting:,} of {found.count:,} cells are dates, {shown} is none; name in `missing` what says nothing"
