"""Dates as numbers: the parts of a point in time, those that come round again as a place on a circle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .dataset import Array
from .errors import DataError
from .frame import Cells
from .roles import Fitter, Role, Stats
from .running_stats import Moments

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

    `format` is a pattern of strptime; without it, ISO 8601. A missing date is the mean year and no place on a circle.
    """

    name = "date"
    parts: tuple[str, ...] = ("year", "month", "weekday")
    format: str | None = None

    def __post_init__(self) -> None:
        for part in self.parts:
            if part not in PARTS:
                raise DataError(f'expected parts of a date ({", ".join(PARTS)}), found "{part}"')

    def fitter(self) -> Fitter:
        return Moments(lambda cells: self._numbers(cells, "year"))

    def encode(self, cells: Cells, stats: Stats) -> Array:
        columns: list[Array] = []
        for part in self.parts:
            numbers, (_, first, count) = self._numbers(cells, part), PARTS[part]
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

    def _numbers(self, cells: Cells, part: str) -> npt.NDArray[np.float64]:
        import polars as pl

        numbers = getattr(cells.dates(self.format).dt, PARTS[part][0])().cast(pl.Float64)
        found: npt.NDArray[np.float64] = numbers.fill_null(np.nan).to_numpy()
        return found
