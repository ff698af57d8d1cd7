"""Files of columns: CSV, TSV, JSON lines and Parquet as frames, whole or in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import json_lines
from .delimited import BOM, Dialect, dialect, frames, opened, read
from .errors import DataError
from .frame import Frame, joined
from .memory import named_columns

if TYPE_CHECKING:
    import polars as pl

MAX_BYTES = 1 << 30  # of a file that is read as a whole, which takes some five times as much memory
MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
_ROWS = 1 << 16  # of Parquet, read at a time


class Reader:
    """How the rows of a format become frames of polars."""

    def settled(self, file: TableFile) -> TableFile:
        """The file with nothing left open about how it is written."""
        return file

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        """All rows; a column has the same type in every piece."""
        raise NotImplementedError

    def streamed(self, file: TableFile) -> Iterator[pl.DataFrame]:
        """All rows in pieces of a few megabytes."""
        return self.pieces(file, 1 << 62)


@dataclass(frozen=True)
class TableFile:
    """A file of columns, and how it is written where its first line does not say.

    `missing` lists the cells that mean "not known"; `header` is true, false, or the names of all columns. Without a
    `reader` its format is told by its first bytes.
    """

    path: Path
    separator: str | None = None
    header: bool | tuple[str, ...] | None = None
    missing: tuple[str, ...] = MISSING
    reader: Reader | None = None

    def settled(self) -> TableFile:
        """The same file with nothing left open: separator and header are those of its first line."""
        return self._reader().settled(self)

    def read(self, max_bytes: int = MAX_BYTES) -> Frame:
        """All samples. Raises DataError for a file that is larger than `max_bytes`, damaged or empty."""
        return joined(self.frames(max_bytes))

    def head(self) -> Frame:
        """The first samples: what one piece holds."""
        return next(self.frames(1 << 62))

    def frames(self, max_bytes: int = 1 << 62) -> Iterator[Frame]:
        """All samples in pieces of a few megabytes; there is at least one sample."""
        check_size(self.path, max_bytes)
        return self._numbered(self._reader().pieces(self, max_bytes))

    def streamed(self, *, may_be_empty: bool = False) -> Iterator[Frame]:
        """The same for a file of any size, where a column need not have the same type in every piece.

        Of a file without samples whose columns are known, such as a header alone, there may be one empty piece.
        """
        check_size(self.path, 1 << 62)
        return self._numbered(self._reader().streamed(self), may_be_empty)

    def _numbered(self, pieces: Iterator[pl.DataFrame], may_be_empty: bool = False) -> Iterator[Frame]:
        columns: dict[str, pl.Series] = {}
        first = 1
        for piece in pieces:
            columns = {series.name: series for series in self._with_missing(piece)}
            if len(piece):
                yield Frame(str(self.path), columns, first)
            first += len(piece)
        if first == 1 and may_be_empty and columns:
            yield Frame(str(self.path), columns)
        elif first == 1:
            raise DataError(f"{self.path}: expected samples, found none", ("file",))

    def _reader(self) -> Reader:
        return self.reader or by_content(self.path)

    def _with_missing(self, piece: pl.DataFrame) -> Sequence[pl.Series]:
        import polars as pl

        known = list(self.missing)
        text = pl.when(~pl.col(pl.String).is_in(known)).then(pl.col(pl.String))
        return piece.with_columns(text).get_columns() if pl.String in piece.dtypes else piece.get_columns()


def check_size(path: Path, max_bytes: int) -> None:
    """Raise DataError if there is no such file, or if it is larger than allowed."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}{_near(path)}", ("file",)) from None
    if path.is_dir():
        raise DataError(f"{path}: expected a file, found a folder", ("file",))
    if size > max_bytes:
        advice = "`stream: true` reads CSV and Parquet of any size"
        raise DataError(f"{path}: expected at most {max_bytes:,} bytes, found {size:,}; {advice}", ("file",))


def _near(path: Path) -> str:
    """A hint at a file of nearly that name."""
    from difflib import get_close_matches

    try:
        others = [entry.name for entry in path.parent.iterdir() if entry.name != path.name]
        near = get_close_matches(path.name, others, n=1, cutoff=0.6)
    except OSError:
        return ""
    return f"; did you mean {path.parent / near[0]}?" if near else ""


def flat(path: Path, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, text without blanks around it, if its columns hold single values."""
    import polars as pl

    for name, dtype in frame.schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            raise DataError(f'{path}: column "{name}": expected numbers, text or dates, found {dtype}')
    return frame.with_columns(pl.col(pl.String, pl.Categorical, pl.Enum).cast(pl.String).str.strip_chars())


@dataclass(frozen=True)
class Delimited(Reader):
    """CSV and its kin; the separator is told by the first line where neither format nor description says it."""

    separator: str | None = None

    def dialect(self, file: TableFile) -> Dialect:
        """How a file is written."""
        return dialect(file.path, file.separator or self.separator, file.header)

    def settled(self, file: TableFile) -> TableFile:
        found = self.dialect(file)
        header: bool | tuple[str, ...] = found.has_header or found.names
        return replace(file, separator=found.separator, header=header)

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        return frames(file.path, self.dialect(file), max_bytes)


class Lines(Reader):
    """JSON objects, one a line; all of a file at once, since any line may change the type of a column."""

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        yield flat(file.path, json_lines.whole(file.path, min(max_bytes, MAX_BYTES)))

    def streamed(self, file: TableFile) -> Iterator[pl.DataFrame]:
        return (flat(file.path, piece) for piece in json_lines.pieces(file.path))


class Parquet(Reader):
    """Parquet, some rows at a time."""

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        import polars as pl

        try:
            rows = pl.scan_parquet(file.path, glob=False)
            count = int(rows.select(pl.len()).collect().item())
            for start in range(0, max(count, 1), _ROWS):  # of no rows, the columns
                yield flat(file.path, rows.slice(start, _ROWS).collect())
        except pl.exceptions.PolarsError as error:
            raise DataError(f"{file.path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from None


@dataclass(frozen=True)
class Whole(Reader):
    """A format whose reader gives all columns at once, in any form that a program may give them."""

    read: Callable[[Path], Any]

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        import polars as pl

        columns = named_columns(self.read(file.path))
        if columns is None:
            raise DataError(f"{file.path}: expected columns by name from the reader of this format, found none")
        arrays = [name for name, values in columns.items() if isinstance(values, np.ndarray)]
        if arrays:
            raise DataError(f'{file.path}: column "{arrays[0]}": expected a value a sample, found an array')
        yield flat(file.path, pl.DataFrame(columns))


DELIMITED, TABBED, LINES, PARQUET = Delimited(), Delimited("\t"), Lines(), Parquet()


def by_content(path: Path) -> Reader:
    """The reader for a file, told by its first bytes."""
    check_size(path, 1 << 62)
    start = first_bytes(path)
    if start.startswith(b"PAR1"):
        return PARQUET
    return LINES if start.removeprefix(BOM).lstrip().startswith(b"{") else DELIMITED


def first_bytes(path: Path) -> bytes:
    """The beginning of a file, unpacked."""
    with opened(path) as file:
        return read(file, 64, path)
