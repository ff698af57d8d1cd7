"""When the samples of a column were taken, as numbers that grow with time: what a split by time sorts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .clocks import CLOCKS
from .dates import Date, format_of
from .frame import Cells
from .roles import Numeric, Role

_WRITE = "time: {{column: {column}, format: {format}}}"


def time_format(cells: Cells, role: Role) -> str | None:
    """How the times of a column with a role are written: a format of dates, what 12:30 is, or None: as they stand.

    Raises AmbiguousError for text that can be read in several ways.
    """
    if not cells.is_text:
        return role.format if isinstance(role, Date) else None
    role = role.settled(cells) if isinstance(role, Date | Numeric) else Numeric().settled(cells)
    written = role.format if isinstance(role, Date) else role.clock if isinstance(role, Numeric) else None
    return written if written or _are_numbers(cells) else format_of(cells, _WRITE, ("split",))


def time_keys(cells: Cells, pattern: str | None) -> npt.NDArray[Any]:
    """The cells as numbers that grow with time; none may be missing. Raises DataError for the first that is none."""
    import polars as pl

    if cells.missing().any():
        wrong = int(cells.missing().argmax())
        raise cells.error(wrong, "a date or a number to split by")
    if pattern in CLOCKS:
        return cells.seconds(pattern)
    if not pattern and _are_numbers(cells):
        return cells.numbers()
    moments: npt.NDArray[Any] = cells.dates(pattern).cast(pl.Int64).to_numpy()
    return moments


def _are_numbers(cells: Cells) -> bool:
    """Whether all cells are numbers, as their type or their text says; durations are."""
    import polars as pl

    if isinstance(cells.values, np.ndarray):
        return True
    if cells.values.dtype in (pl.Date, pl.Datetime):
        return False
    return cells.values.dtype.is_temporal() or not cells.values.cast(pl.Float64, strict=False).has_nulls()
