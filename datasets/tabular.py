"""Files of columns: CSV, TSV, JSON lines and Parquet as frames, whole or in pieces."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import apart, json_lines, typed
from .columns import Columns
from .compressed import opened, read, seekable
from .delimited import BOM, beginning, frames
from .dialect import Dialect, Known, dialect
from .errors import DataError
from .files import UNBOUNDED, check_size, size_of
from .foreign import reading
from .frame import Frame, joined
from .memory import named_columns
from .nested import Flattening
from .numerals import PLAIN, Ambiguous, Numerals, numerals_of, odd, others, readings, told
from .scans import widths

if TYPE_CHECKING:
    import polars as pl

MAX_BYTES = 1 << 30  # of a file that is read as a whole, which takes some five times as much memory
# What R, pandas, NumPy, SQL, Excel and people write for nothing.
MISSING = (
    "", "?", "-", "--", ".", "NA", "Na", "na", "N/A", "n/a", "<NA>", "#N/A", "#NA", "#N/A N/A", "NaN", "nan", "NAN",
    "-NaN", "-nan", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND", "null", "Null", "NULL", "none", "None", "NONE", "nil",
)  # fmt: skip
EXPANSION = 5  # times the bytes of a file that its rows may take in memory
_ROWS = 1 << 16  # of Parquet, read at a time


class Reader:
    """How the rows of a format become frames of polars."""

    def prepare(self) -> None:
        """Do what takes time and needs no file: soon, one will be read."""

    def settled(self, file: TableFile) -> TableFile:
        """The file with nothing left open about how it is written."""
        return file

    def size(self, file: TableFile) -> int:
        """Bytes of the file."""
        return size_of(file.path)

    def called(self, file: TableFile) -> str:
        """What the file is called in messages."""
        return str(file.path)

    def check(self, file: TableFile, max_bytes: int) -> None:
        """Raise DataError for what is no file, or larger than allowed."""
        check_size(file.path, max_bytes)

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        """All rows; a column has the same type in every piece."""
        raise NotImplementedError

    def typed(self, file: TableFile, texts: Collection[str]) -> Columns | None:
        """All columns of a file that can be read with its numbers parsed at once, but for those that stay text."""
        return None

    def streamed(self, file: TableFile) -> Iterator[pl.DataFrame]:
        """All rows in pieces of a few megabytes."""
        return self.pieces(file, UNBOUNDED)


@dataclass(frozen=True)
class TableFile:
    """A file of columns, and how it is written where its first line does not say.

    `missing` lists the cells that mean "not known"; `header` is true, false, or the names of all columns. `encoding` is
    that of text, `comment` what lines to be left out begin with; `index` keeps a first column without a name. `sheet`
    is that of a workbook, `query` what a database is asked. Without a `reader` the format is told by the first bytes.
    `decimal` and `thousands` are the marks in its numbers. In the columns `sets`, lists of names are text, as in
    `red;round`. `notes` collects what a reader found out and a person should know.
    """

    path: Path
    separator: str | None = None
    header: bool | tuple[str, ...] | None = None
    missing: tuple[str, ...] = MISSING
    reader: Reader | None = None
    encoding: str | None = None
    comment: str | None = None
    index: bool = False
    sheet: str | None = None
    query: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    sets: tuple[str, ...] = ()
    lists: list[str] = field(default_factory=list, compare=False, repr=False)
    notes: list[str] = field(default_factory=list, compare=False, repr=False)
    _dialects: dict[Any, Dialect] = field(default_factory=dict, compare=False, repr=False)

    def note(self, text: str) -> None:
        """Keep a note, once."""
        if text not in self.notes:
            self.notes.append(text)

    def flattening(self, widths: Mapping[str, int] | None = None) -> Flattening:
        """What becomes of its nested columns, whose lists have so many values each."""
        return Flattening(self.path, self.note, widths or {}, self.sets, self.lists)

    def check(self, max_bytes: int) -> None:
        """Raise DataError for what is no file, or larger than allowed."""
        self._reader().check(self, max_bytes)

    @property
    def size(self) -> int:
        """Bytes of the file, or of all its files."""
        return self._reader().size(self)

    def settled(self) -> TableFile:
        """The same file with nothing left open: separator and header are those of its first line."""
        return self._reader().settled(self)

    def read(self, max_bytes: int = MAX_BYTES) -> Frame:
        """All samples. Raises DataError for a file that is larger than `max_bytes`, damaged or empty."""
        return self._told(joined(self.frames(max_bytes)))

    def parsed(self, texts: Collection[str] = ()) -> Frame:
        """The same, whose columns of numbers are parsed, each once; `texts` are needed as they stand in the file."""
        self.check(MAX_BYTES)
        columns = self._reader().typed(self, texts) if self.numerals is None else None
        if columns is None or odd(columns.held.values()):  # then points may stand between thousands
            return self.read().parsed()
        return Frame(self._reader().called(self), columns).parsed()

    def head(self) -> Frame:
        """The first samples: what one piece holds."""
        return self._told(next(self.frames(UNBOUNDED)))

    @property
    def numerals(self) -> Numerals | None:
        """How its numbers are written, if that is given."""
        return numerals_of(self.decimal, self.thousands)

    def _told(self, frame: Frame) -> Frame:
        """The frame with the way in which its cells say that numbers are written, which is noted."""
        if self.numerals is not None:
            return frame
        texts = [values for name, values in frame.columns.items() if frame[name].is_text]
        strange = odd(texts)
        if not strange:
            return frame
        found = told(texts)
        if isinstance(found, Ambiguous):
            return replace(frame, unclear=found)
        for note in filter(None, (readings(strange, found), others(texts, found))):
            self.note(note)
        return replace(frame, numerals=found)

    def frames(self, max_bytes: int = UNBOUNDED) -> Iterator[Frame]:
        """All samples in pieces of a few megabytes; there is at least one sample."""
        self.check(max_bytes)
        return self._numbered(self._reader().pieces(self, max_bytes))

    def streamed(self, *, may_be_empty: bool = False) -> Iterator[Frame]:
        """The same for a file of any size, where a column need not have the same type in every piece.

        Of a file without samples whose columns are known, such as a header alone, there may be one empty piece.
        """
        self.check(UNBOUNDED)
        return self._numbered(self._reader().streamed(self), may_be_empty)

    def _numbered(self, pieces: Iterator[pl.DataFrame], may_be_empty: bool = False) -> Iterator[Frame]:
        columns: dict[str, pl.Series] = {}
        name, first = self._reader().called(self), 1
        for piece in pieces:
            columns = {series.name: series for series in self._with_missing(piece)}
            if len(piece):
                yield Frame(name, columns, first, numerals=self.numerals or PLAIN)
            first += len(piece)
        if first == 1 and may_be_empty and columns:
            yield Frame(name, columns, numerals=self.numerals or PLAIN)
        elif first == 1:
            raise DataError(f"{self.path}: expected samples, found none", ("file",))

    def _reader(self) -> Reader:
        return self.reader or by_content(self.path)

    def _with_missing(self, piece: pl.DataFrame) -> Sequence[pl.Series]:
        import polars as pl

        known = list(self.missing)
        text = pl.when(~pl.col(pl.String).is_in(known)).then(pl.col(pl.String))
        return piece.with_columns(text).get_columns() if pl.String in piece.dtypes else piece.get_columns()


@dataclass(frozen=True)
class Delimited(Reader):
    """CSV and its kin; the separator is told by the first line where neither format nor description says it."""

    separator: str | None = None

    def dialect(self, file: TableFile) -> Dialect:
        """How a file is written."""
        known = Known(file.separator or self.separator, file.header, file.comment, file.index)
        text = beginning(file.path, file.encoding, file.note)
        key = known, text
        if key not in file._dialects:
            file._dialects.clear()
            file._dialects[key] = dialect(file.path, text, known, file.note)
        return file._dialects[key]

    def settled(self, file: TableFile) -> TableFile:
        found = self.dialect(file)
        header: bool | tuple[str, ...] = found.has_header or found.names
        return replace(file, separator=found.separator, header=header)

    def typed(self, file: TableFile, texts: Collection[str]) -> Columns | None:
        return typed.read(file.path, self.dialect(file), file.encoding, file.missing, texts)

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        form = self.dialect(file)
        for piece in frames(file.path, form, max_bytes, encoding=file.encoding, note=file.note):
            yield piece.drop(form.left)


class Lines(Reader):
    """JSON objects, one a line; all of a file at once, since any line may change the type of a column."""

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        with reading(file.path, "JSON lines"):
            frame = json_lines.whole(file.path, min(max_bytes, MAX_BYTES))
            found = file.flattening(widths(frame.lazy())).of(frame)
        yield found

    def streamed(self, file: TableFile) -> Iterator[pl.DataFrame]:
        flattening = None
        for piece in json_lines.pieces(file.path):
            with reading(file.path, "JSON lines"):
                flattening = flattening or file.flattening(widths(piece.lazy()))
                found = flattening.of(piece)
            yield found


@dataclass(frozen=True)
class Scanned(Reader):
    """A binary format that polars reads some rows at a time, by its name; in a process of its own, see `apart`."""

    name: str

    def prepare(self) -> None:
        apart.begin()

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        total, most = 0, max_bytes * EXPANSION
        with seekable(file.path, min(max_bytes, MAX_BYTES)) as place, apart.opened(file.path, self.name, place) as rows:
            flattening = file.flattening(rows.widths)
            for start in range(0, max(rows.count, 1), _ROWS):  # of no rows, the columns
                with reading(file.path, self.name):
                    piece = flattening.of(rows.rows(start, _ROWS))
                total += int(piece.estimated_size())
                if total > most:
                    raise DataError(f"{file.path}: expected at most {most:,} bytes unpacked, found more", ("file",))
                yield piece


def missing_of(given: Sequence[str] | None) -> tuple[str, ...]:
    """The cells that say nothing: the usual ones and those given, or those given alone if the empty one is of them."""
    return MISSING if given is None else tuple(given) if "" in given else (*MISSING, *given)


def written_as(file: Any, numerals: Numerals) -> Any:
    """A file of a table whose numbers are written as those of the samples for training."""
    if not isinstance(file, TableFile) or numerals.is_plain or file.numerals is not None:
        return file
    return replace(file, decimal=numerals.decimal, thousands=numerals.thousands)


def with_sets(file: Any, columns: tuple[str, ...]) -> Any:
    """A file of a table, lists of names in whose columns are sets."""
    return replace(file, sets=columns) if isinstance(file, TableFile) else file


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
        yield file.flattening().of(pl.DataFrame(columns))


DELIMITED, TABBED, LINES = Delimited(), Delimited("\t"), Lines()
PARQUET, ARROW = Scanned("Parquet"), Scanned("Arrow")


def by_content(path: Path) -> Reader:
    """The reader for a file, told by its first bytes."""
    check_size(path, UNBOUNDED)
    start = first_bytes(path)
    if start.startswith(b"PAR1"):
        return PARQUET
    return LINES if start.removeprefix(BOM).lstrip().startswith(b"{") else DELIMITED


def first_bytes(path: Path) -> bytes:
    """The beginning of a file, unpacked."""
    with opened(path) as file:
        return read(file, 64, path)
