"""Dates as numbers: the parts of a point in time, those that come round again as a place on a circle."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from .dataset import Array
from .date_layouts import layouts_of, order_of
from .date_patterns import moments
from .errors import AmbiguousError, DataError
from .frame import Cells
from .roles import Fitter, Role, Stats
from .running_stats import Moments

if TYPE_CHECKING:
    import polars as pl

# Part -> (the method of polars' `dt`, its first value, how many there are; 0: it does not come round again).
PARTS = {
    "year": ("year", 0, 0),
    "month": ("month", 1, 12),
    "day": ("day", 1, 31),
    "weekday": ("weekday", 1, 7),
    "day_of_year": ("ordinal_day", 1, 366),
    "hour": ("hour", 0, 24),
    "minute": ("minute", 0, 60),
}


@dataclass(frozen=True, kw_only=True)
class Date(Role):
    """A point in time, as some of its parts: the year standardised, any other as sine and cosine.

    `format` is a pattern of strptime (see `date_patterns`), `epoch_s` or `epoch_ms`; without it, ISO 8601. A missing
    date is the mean year and no place on a circle.
    """

    name = "date"
    parts: tuple[str, ...] = ("year", "month", "weekday")
    format: str | None = None

    def __post_init__(self) -> None:
        for part in self.parts:
            if part not in PARTS:
                raise DataError(f'expected parts of a date ({", ".join(PARTS)}), found "{part}"')

    def settled(self, cells: Cells) -> Self:
        if self.format or not cells.is_text:
            return self
        return replace(self, format=format_of(cells, "{column}: {{date: {{format: {format}}}}}"))

    def fitter(self) -> Fitter:
        return Moments(lambda cells: _numbers(cells.dates(self.format), "year"))

    def encode(self, cells: Cells, stats: Stats) -> Array:
        columns: list[Array] = []
        dates = cells.dates(self.format)
        for part in self.parts:
            numbers, (_, first, count) = _numbers(dates, part), PARTS[part]
            if count:
                turn = (numbers - first) * (2 * math.pi / count)
                columns += [np.sin(turn), np.cos(turn)]
            else:
                columns.append((numbers - stats["mean"]) / (stats["deviation"] or 1.0))
        encoded: Array = np.nan_to_num(np.stack(columns, axis=1))
        return encoded

    def features(self, column: str, stats: Stats) -> list[str]:
        return [
            f"{column}.{part}{suffix}"
            for part in self.parts
            for suffix in ((".sin", ".cos") if PARTS[part][2] else ("",))
        ]


def format_of(cells: Cells, write: str, path: tuple[str, ...] = ()) -> str | None:
    """The format in which all of a column's text is written; None for ISO 8601.

    Where most cells are dates, it is the format of these, so that reading the others is an error which names one.
    Raises AmbiguousError for text that several formats read, with the line to `write` for each of them.
    """
    found = layouts_of(cells.texts())
    if len(found.all_of) > 1:
        raise _ambiguous(cells, found.all_of, write, path or ("columns", cells.name))
    return next(iter(found.all_of), found.mostly) or None


def _ambiguous(cells: Cells, layouts: tuple[str, ...], write: str, path: tuple[str, ...]) -> AmbiguousError:
    """The error for a column, with a cell as each layout reads it: the first on which they do not agree."""
    texts = cells.texts()
    read = [moments(texts, layout) for layout in layouts]
    differ = (read[0] != read[1]).fill_null(False)
    row = int((differ if differ.any() else texts.is_not_null()).arg_max() or 0)
    readings = tuple(f"{_shown(each[row])} ({order_of(of)})" for each, of in zip(read, layouts, strict=True))
    lines = tuple(write.format(column=cells.key, format=json.dumps(layout)) for layout in layouts)
    return AmbiguousError(cells.place, cells.shown(row), readings, lines, path)


def _shown(moment: Any) -> str:
    """A point in time; of midnight the day alone."""
    return str(moment).removesuffix(" 00:00:00")


def _numbers(dates: pl.Series, part: str) -> npt.NDArray[np.float64]:
    import polars as pl

    numbers = getattr(dates.dt, PARTS[part][0])().cast(pl.Float64)
    found: npt.NDArray[np.float64] = numbers.fill_null(np.nan).to_numpy()
    return found
