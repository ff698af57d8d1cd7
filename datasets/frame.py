"""Samples as they stand in a file, before any of it is a number for a model: named columns with their row numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from .dataset import Rows
from .errors import CellError, DataError, unknown
from .numerals import PLAIN, Ambiguous, Numerals

if TYPE_CHECKING:
    import polars as pl

_DATES = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
_SHOWN = 40  # characters of a cell in a message
Values = Any  # a polars Series, whose missing cells are null, or an array with a row a sample


@dataclass(frozen=True, eq=False)
class Cells:
    """A column of some samples. Each reading is an error that names file, row and column if a cell does not fit."""

    values: Values
    name: str
    file: str
    rows: Callable[[int], int] = field(default=lambda index: index + 1)
    numerals: Numerals = PLAIN

    def __len__(self) -> int:
        return len(self.values)

    def error(self, wrong: int | npt.NDArray[np.bool_], expected: str, advice: str = "") -> CellError:
        """The error for the cell at an index, or for the first of those where an array (n, ...) is true."""
        rows = [wrong] if isinstance(wrong, int) else np.flatnonzero(wrong.reshape(len(self), -1).any(axis=1)).tolist()
        index = rows[0]
        value = self.values[index]
        if isinstance(self.values, np.ndarray) and np.shape(wrong) == self.values.shape and not isinstance(wrong, int):
            value = value[np.unravel_index(int(wrong[index].argmax()), wrong[index].shape)]
        found = str(value)
        shown = f'"{found if len(found) <= _SHOWN else f"{found[: _SHOWN - 1]}…"}"' if value is not None else "none"
        place = f'{self.file}: row {self.rows(index):,}: column "{self.name}"'
        return CellError(f"{place}: expected {expected}, found {shown}{advice}", ("columns", self.name), rows)

    def numbers(self) -> npt.NDArray[np.float64]:
        """The cells as float64, NaN where one is missing; arrays keep their shape."""

        if isinstance(self.values, np.ndarray):
            if self.values.dtype.kind not in "biuf":
                raise DataError(f'{self.file}: column "{self.name}": expected numbers, found {self.values.dtype}')
            return self.values.astype(np.float64)
        if self.values.dtype.is_temporal():
            raise DataError(f'{self.file}: column "{self.name}": expected numbers, found dates; its role is `date`')
        numbers = self.numerals.read(self.values)
        expected = "a number" if self.numerals.is_plain else f"a number such as {self.numerals.example}"
        self._check(numbers, expected, f"; if it is no number, write `columns: {{{self.name}: categorical}}`")
        return cast("npt.NDArray[np.float64]", numbers.fill_null(np.nan).to_numpy())

    def texts(self) -> pl.Series:
        """The cells as text, null where one is missing."""
        import polars as pl

        if isinstance(self.values, np.ndarray):
            shape = self.values.shape[1:]
            if any(n != 1 for n in shape):
                raise DataError(f'{self.file}: column "{self.name}": expected one value a sample, found shape {shape}')
            values = self.values.reshape(len(self.values))
            return pl.Series(values.astype("U")) if values.dtype.kind == "S" else pl.Series(values).cast(pl.String)
        return cast("pl.Series", self.values.cast(pl.String))

    def dates(self, pattern: str | None = None) -> pl.Series:
        """The cells as points in time, by strptime's pattern or else ISO 8601; null where one is missing."""
        import polars as pl

        if not isinstance(self.values, np.ndarray) and self.values.dtype in (pl.Date, pl.Datetime):
            return cast("pl.Series", self.values.cast(pl.Datetime("us")))
        texts = self.texts()
        read = pl.Series([None] * len(texts), dtype=pl.Datetime("us"))
        for known in (pattern,) if pattern else _DATES:
            read = read.fill_null(self._moments(texts, known))
        self._check(read, f"a date such as {pattern or '2024-12-31'}", "; `format` says how dates are written")
        return read

    def _moments(self, texts: pl.Series, pattern: str) -> pl.Series:
        """Texts as points in time, null where one is none. Polars wants a minute beside an hour, so it gets one."""
        import polars as pl

        if re.search("%[HIkl]", pattern) and not re.search("%[MRTXrcs+]", pattern):
            texts, pattern = texts + " 00", f"{pattern} %M"
        try:
            read = texts.str.strptime(pl.Datetime("us"), pattern, strict=False)
        except pl.exceptions.PolarsError as error:
            found = f'"{pattern}": {str(error).splitlines()[0]}'
            message = f'{self.file}: column "{self.name}": expected a pattern of strptime, found {found}'
            raise DataError(message, ("columns", self.name)) from None
        return read.dt.replace_time_zone(None)

    def missing(self) -> npt.NDArray[np.bool_]:
        """Which samples have nothing here."""
        if not isinstance(self.values, np.ndarray):
            return cast("npt.NDArray[np.bool_]", self.values.is_null().to_numpy())
        if self.values.dtype.kind != "f":
            return np.zeros(len(self.values), bool)
        return cast("npt.NDArray[np.bool_]", np.isnan(self.values).any(axis=tuple(range(1, self.values.ndim))))

    def _check(self, read: pl.Series, expected: str, advice: str) -> None:
        """Raise for the first cell that holds something and could not be read."""
        wrong = (read.is_null() & self.values.is_not_null()) if not isinstance(self.values, np.ndarray) else None
        if wrong is not None and wrong.any():
            raise self.error(wrong.to_numpy(), expected, advice)


@dataclass(frozen=True, eq=False)
class Frame:
    """Some samples of a file: columns by name. `first` is the row number of the first, counted from 1.

    Samples that do not follow each other in the file have `picked`, the row number of each.
    """

    file: str
    columns: Mapping[str, Values]
    first: int = 1
    picked: npt.NDArray[np.int64] | None = None
    numerals: Numerals = PLAIN  # how cells of text write numbers
    unclear: Ambiguous | None = None  # columns of which that is not known

    def __post_init__(self) -> None:
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
            raise DataError(f"{self.file}: expected columns of one length, found {found}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> Cells:
        if name not in self.columns:
            error = unknown("column", name, self.columns)
            raise DataError(f"{self.file}: {error}")
        return Cells(self.columns[name], name, self.file, lambda index: int(self.numbers[index]), self.numerals)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The row numbers in the file, counted from 1."""
        return np.arange(self.first, self.first + len(self)) if self.picked is None else self.picked

    def take(self, rows: Rows) -> Frame:
        """The samples at some indices."""
        taken = {name: values[rows] for name, values in self.columns.items()}
        return replace(self, columns=taken, picked=self.numbers[rows])


def joined(frames: Iterable[Frame]) -> Frame:
    """One frame of all samples of frames that follow each other in a file."""
    import polars as pl

    parts = list(frames)
    if len(parts) == 1:
        return parts[0]
    columns = {
        name: np.concatenate([part.columns[name] for part in parts])
        if isinstance(values, np.ndarray)
        else pl.concat([part.columns[name] for part in parts])
        for name, values in parts[0].columns.items()
    }
    return Frame(parts[0].file, columns, numerals=parts[0].numerals)
