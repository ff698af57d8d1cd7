"""Samples as they stand in a file, before any of it is a number for a model: named columns with their row numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from .clocks import seconds, stored_seconds
from .columns import Columns, Floats, parsed
from .dataset import Rows
from .date_patterns import EPOCHS, ISO, PatternError, moments, since_epoch
from .errors import CellError, DataError, unknown
from .files import row_of
from .marks import PERCENT, is_free, mark_of
from .numerals import PLAIN, Ambiguous, Numerals

if TYPE_CHECKING:
    import polars as pl

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
    known: Floats | None = None  # the cells of a column that was parsed and has only numbers, NaN where one is missing
    is_words: bool = False  # whether it was parsed, and some cells are no numbers
    parsed_mark: str = ""  # what stands beside the digits of a column that was parsed
    is_new: bool = False  # whether the samples are for a model that is trained already

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_bare(self) -> bool:
        """Whether the column is one of numbers whose text was left in the file."""
        return False

    @property
    def is_text(self) -> bool:
        """Whether the cells are text, as they stand in a file."""
        import polars as pl

        return not isinstance(self.values, np.ndarray) and self.values.dtype == pl.String

    @property
    def place(self) -> str:
        """Where the column is, for messages."""
        return f'{self.file}: column "{self.name}"'

    @property
    def key(self) -> str:
        """The column's name as a key in a spec."""
        return self.name if self.name.isidentifier() else json.dumps(self.name, ensure_ascii=False)

    def shown(self, index: int) -> str:
        """The cell at an index and its row, for messages."""
        return f'"{self.cell(index)}" in row {self.rows(index):,}'

    def cell(self, index: int) -> Any:
        """The cell at an index, as it stands in its file if that is text."""
        return self.values[index]

    def error(self, wrong: int | npt.NDArray[np.bool_], expected: str, advice: str = "") -> CellError:
        """The error for the cell at an index, or for the first of those where an array (n, ...) is true."""
        rows = [wrong] if isinstance(wrong, int) else np.flatnonzero(wrong.reshape(len(self), -1).any(axis=1)).tolist()
        index = rows[0]
        value = self.cell(index)
        if isinstance(self.values, np.ndarray) and np.shape(wrong) == self.values.shape and not isinstance(wrong, int):
            value = value[np.unravel_index(int(wrong[index].argmax()), wrong[index].shape)]
        found = str(value)
        shown = f'"{found if len(found) <= _SHOWN else f"{found[: _SHOWN - 1]}…"}"' if value is not None else "none"
        place = f'{row_of(self.file, self.rows(index))}: column "{self.name}"'
        return CellError(f"{place}: expected {expected}, found {shown}{advice}", ("columns", self.name), rows)

    @property
    def mark(self) -> str:
        """What stands beside the digits of its numbers, see `marks`."""
        if self.known is not None or not self.is_text:
            return self.parsed_mark
        return mark_of(self.values)

    def numbers(self, mark: str | None = None) -> npt.NDArray[np.float64]:
        """The cells as float64, NaN where one is missing; arrays keep their shape.

        `mark` is what has to stand beside their digits; if it is not given, what most cells have there.
        """
        import polars as pl

        if self.known is not None and (mark in (None, self.parsed_mark) or (not self.parsed_mark and is_free(mark))):
            return self.known
        if isinstance(self.values, np.ndarray):
            if self.values.dtype.kind not in "biuf":
                raise DataError(f'{self.file}: column "{self.name}": expected numbers, found {self.values.dtype}')
            return self.values.astype(np.float64)
        if self.values.dtype in (pl.Duration, pl.Time):
            return stored_seconds(self.values)
        if self.values.dtype.is_temporal():
            raise DataError(f'{self.file}: column "{self.name}": expected numbers, found dates; its role is `date`')
        if not self.is_text and not is_free(mark or ""):
            numbers = self.values.cast(pl.Float64, strict=False)
            numbers = numbers.set((numbers != 0) | (mark != PERCENT), None)  # 0 is the same in percent
        else:
            numbers = self.numerals.read(self.values, mark)
        self._check(numbers, *self._wanted(mark, numbers))
        return cast("npt.NDArray[np.float64]", numbers.fill_null(np.nan).to_numpy())

    def _wanted(self, mark: str | None, read: pl.Series) -> tuple[str, str]:
        """What a cell of numbers should have been, and what to write."""
        example = f"{self.numerals.example}{'' if mark == PERCENT else ' '}{mark}" if mark else self.numerals.example
        expected = "a number" if self.numerals.is_plain and not mark else f"a number such as {example}"
        if self.is_new and not re.search(r"\d", self._first(read)):
            return expected, "; where nothing is known, leave the cell empty"
        if self.is_new:
            nothing = "" if mark else " with nothing beside the digits"
            return expected, f"; write it as training had them, such as {example}{nothing and ','}{nothing}"
        return expected, f"; if it is no number, write `columns: {{{self.name}: categorical}}`"

    def _first(self, read: pl.Series) -> str:
        """The first cell that holds something and could not be read."""
        wrong = read.is_null() & self.values.is_not_null()
        return str(self.values[wrong.arg_max() or 0]) if wrong.any() else ""

    def texts(self) -> pl.Series:
        """The cells as text, null where one is missing."""
        import polars as pl

        if isinstance(self.values, np.ndarray):
            shape = self.values.shape[1:]
            if any(n != 1 for n in shape):
                raise DataError(f'{self.file}: column "{self.name}": expected one value a sample, found shape {shape}')
            values = self.values.reshape(len(self.values))
            return pl.Series(values.astype("U")) if values.dtype.kind == "S" else pl.Series(values).cast(pl.String)
        if self.values.dtype == pl.Duration:
            return cast("pl.Series", self.values.dt.to_string("iso"))
        return cast("pl.Series", self.values.cast(pl.String))

    def seconds(self, clock: str) -> npt.NDArray[np.float64]:
        """Times, durations and numbers of seconds as seconds, NaN where one is missing; `clock` says what 12:30 is."""
        import polars as pl

        if self.known is not None or isinstance(self.values, np.ndarray) or self.values.dtype != pl.String:
            return self.numbers()
        read = seconds(self.values, clock)
        if np.isnan(read).any():  # a number is one of seconds
            numbers = self.values.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
            read = np.where(np.isnan(read), numbers, read)
        self._check(pl.Series(read).fill_nan(None), "a time or a duration such as 12:30, 1:02:03.5 or PT1H", "")
        return read

    def dates(self, pattern: str | None = None) -> pl.Series:
        """The cells as points in time (UTC), null where one is missing: by a pattern, see `date_patterns`, or counted
        since 1970, `epoch_s` or `epoch_ms`; ISO 8601 without one."""
        import polars as pl

        is_array = isinstance(self.values, np.ndarray)
        if not is_array and self.values.dtype in (pl.Date, pl.Datetime):
            return cast("pl.Series", self.values.cast(pl.Datetime("us")))
        if pattern in EPOCHS:
            read = since_epoch(self.numbers(), pattern)
            self._check(read, f"a number of {'seconds' if pattern == 'epoch_s' else 'milliseconds'} since 1970", "")
            return read
        try:
            read = moments(self._digits(), pattern or ISO)
        except PatternError as error:
            message = f'{self.file}: column "{self.name}": expected a pattern of strptime, found "{pattern}": {error}'
            raise DataError(message, ("columns", self.name)) from None
        advice = "; write it as training had them" if self.is_new else "; `format` says how dates are written"
        self._check(read, f"a date such as {pattern or '2024-12-31'}", advice)
        return read

    def _digits(self) -> pl.Series:
        """The cells as text; whole numbers such as 20241231 as their digits, whatever type they are of."""
        import polars as pl

        whole = not isinstance(self.values, np.ndarray) and self.values.dtype.is_float()
        return cast("pl.Series", self.values.cast(pl.Int64, strict=False).cast(pl.String)) if whole else self.texts()

    def missing(self) -> npt.NDArray[np.bool_]:
        """Which samples have nothing here."""
        if self.known is not None:
            return np.isnan(self.known)
        if not isinstance(self.values, np.ndarray):
            return cast("npt.NDArray[np.bool_]", self.values.is_null().to_numpy())
        if self.values.dtype.kind != "f":
            return np.zeros(len(self.values), bool)
        return cast("npt.NDArray[np.bool_]", np.isnan(self.values).any(axis=tuple(range(1, self.values.ndim))))

    def _check(self, read: pl.Series, expected: str, advice: str) -> None:
        """Raise for the first cell that holds something and could not be read."""
        if not isinstance(self.values, np.ndarray) and read.null_count() == self.values.null_count():
            return
        wrong = (read.is_null() & self.values.is_not_null()) if not isinstance(self.values, np.ndarray) else None
        if wrong is not None and wrong.any():
            raise self.error(wrong.to_numpy(), expected, advice)


class _Bare(Cells):
    """A column of numbers whose text was left in the file, and is read from there if anybody asks for it."""

    columns: Columns
    places: Callable[[], npt.NDArray[np.int64]]  # the row numbers in the file

    def __init__(self, columns: Columns, name: str, file: str, places: Callable[[], npt.NDArray[np.int64]]) -> None:
        found = {"name": name, "file": file, "is_words": False, "numerals": PLAIN, "columns": columns}
        found |= {"parsed_mark": "", "is_new": False}
        self.__dict__.update(found, places=places, rows=lambda index: int(places()[index]))

    def __len__(self) -> int:
        return self.columns.count

    @property
    def is_bare(self) -> bool:
        return True

    @property
    def is_text(self) -> bool:
        return False

    @cached_property
    def known(self) -> Floats:
        return cast("Floats", self.columns.number(self.name))

    @cached_property
    def values(self) -> Values:
        return self.columns[self.name]

    def cell(self, index: int) -> Any:
        return self.texts()[index]

    def texts(self) -> pl.Series:
        if self.columns.written is None:
            return super().texts()
        found, rows = self.columns.written(self.name), self.places() - 1
        last = int(rows.max(initial=-1)) + 1
        if last > len(found):
            raise DataError(f"{self.file}: expected {last:,} rows, found {len(found):,}; has it changed?", ("file",))
        return found[rows]

    def _digits(self) -> pl.Series:
        return super()._digits() if self.columns.written is None else self.texts()


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
    is_new: bool = False  # whether the samples are for a model that is trained already

    def __post_init__(self) -> None:
        if isinstance(self.columns, Columns):
            return
        lengths = {name: len(values) for name, values in self.columns.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
            raise DataError(f"{self.file}: expected columns of one length, found {found}")

    def __len__(self) -> int:
        if isinstance(self.columns, Columns):
            return self.columns.count
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __getitem__(self, name: str) -> Cells:
        if name not in self.columns:
            error = unknown("column", name, self.columns)
            raise DataError(f"{self.file}: {error}")
        columns = self.columns
        if isinstance(columns, Columns) and columns.is_bare(name):
            return _Bare(columns, name, self.file, lambda: self.numbers)
        known: tuple[Floats | None, bool, str] = (None, False, "")
        if isinstance(columns, Columns):
            known = (columns.number(name), name in columns.words, columns.marks.get(name, ""))
        rows = lambda index: int(self.numbers[index])  # noqa: E731
        return Cells(columns[name], name, self.file, rows, self.numerals, *known, self.is_new)

    def is_parsed(self, name: str) -> bool:
        """Whether a column is one of numbers that were parsed."""
        return isinstance(self.columns, Columns) and name in self.columns.places

    def mark(self, name: str) -> str:
        """What stands beside the digits of a column that was parsed."""
        return self.columns.marks.get(name, "") if isinstance(self.columns, Columns) else ""

    def parsed(self) -> Frame:
        """The same samples, whose columns of numbers are parsed once and for all."""
        return replace(self, columns=parsed(self.columns, self.numerals))

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The row numbers in the file, counted from 1."""
        return np.arange(self.first, self.first + len(self)) if self.picked is None else self.picked

    def take(self, rows: Rows) -> Frame:
        """The samples at some indices."""
        if isinstance(self.columns, Columns):
            return replace(self, columns=self.columns.take(rows), picked=self.numbers[rows])
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
