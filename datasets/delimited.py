"""CSV and its kin: the separator and the header found out, the body read in pieces of whole lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..counts import number_of
from .compressed import opened, read
from .dialect import COMMENT, Dialect, Note, nothing
from .encodings import utf8
from .errors import DataError
from .files import UNBOUNDED

if TYPE_CHECKING:
    import polars as pl

PIECE = 1 << 23  # bytes
MAX_LINE = 1 << 24  # bytes, a line with quoted line breaks included
BOM = b"\xef\xbb\xbf"


def pieces(
    path: Path, max_bytes: int, size: int = PIECE, *, encoding: str | None = None, note: Note = nothing
) -> Iterator[bytes]:
    """The file as UTF-8, in pieces of whole lines, quoted line breaks kept together; DataError beyond `max_bytes`."""
    rest = b""
    for block in utf8(_blocks(path, max_bytes, size), path, encoding, note):
        rest += block
        cut = _end_of_line(rest)
        if cut:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > MAX_LINE:
            raise DataError(f"{path}: expected lines of at most {MAX_LINE:,} bytes; is a quote never closed?")
    if rest:
        yield rest


def _blocks(path: Path, max_bytes: int, size: int) -> Iterator[bytes]:
    total = 0
    with opened(path) as file:
        while block := read(file, size, path):
            total += len(block)
            if total > max_bytes:
                raise DataError(f"{path}: expected at most {max_bytes:,} bytes; `stream: true` reads larger files")
            yield block


def _end_of_line(text: bytes) -> int:
    """The place behind the last line break that is not within quotes, or 0."""
    cut, quotes = text.rfind(b"\n") + 1, 0
    quotes = text.count(b'"', 0, cut)
    while cut and quotes % 2:
        before = text.rfind(b"\n", 0, cut - 1) + 1
        quotes -= text.count(b'"', before, cut)
        cut = before
    return cut


def beginning(path: Path, encoding: str | None = None, note: Note = nothing) -> bytes:
    """The first lines of a file, as UTF-8."""
    return next(pieces(path, UNBOUNDED, 1 << 16, encoding=encoding, note=note), b"")


def frames(
    path: Path, form: Dialect, max_bytes: int, *, encoding: str | None = None, note: Note = nothing
) -> Iterator[pl.DataFrame]:
    """The samples, in pieces, every cell as text without the blanks around it; at least one piece, if need be empty.

    A line with nothing in it is no sample. In a file of one column it is one whose cell is missing, except at the end.
    """
    import polars as pl

    short = Short(form, note)
    # Polars counts the columns of the first row; this one is full, and goes again.
    full = form.separator.encode() * (len(form.names) - 1) + b"\n"
    schema = dict.fromkeys(form.names, pl.String)
    line, held = 1, b""
    yield pl.DataFrame(schema=schema)
    for number, piece in enumerate(pieces(path, max_bytes, encoding=encoding, note=note)):
        body = held + piece
        rest, held = form.samples(body[form.start if number == 0 else 0 :]), b""
        if len(form.names) == 1:
            rest, held = _split_at_blanks(rest)
        if rest and (len(form.names) == 1 or rest.strip(b" \r\n")):
            try:
                frame = pl.read_csv(
                    io.BytesIO(full + rest), has_header=False, separator=form.separator, schema=schema
                ).slice(1)
            except pl.exceptions.PolarsError as error:
                raise _explained(path, form, body, line, error) from None
            samples = _without_blank_lines(frame.with_columns(pl.all().str.strip_chars()), rest, form)
            short.look(rest, samples)
            yield samples
        line += body.count(b"\n") - held.count(b"\n")
    short.tell()


def _split_at_blanks(body: bytes) -> tuple[bytes, bytes]:
    """The lines to the last that holds something, and the blank lines behind it."""
    end = len(body.rstrip())
    cut = body.find(b"\n", end) + 1 if end else 0
    return (body[:cut], body[cut:]) if cut or not end else (body, b"")


def _without_blank_lines(frame: pl.DataFrame, text: bytes, form: Dialect) -> pl.DataFrame:
    """The rows of a text less those of blank lines, of which no cell is left; a line of separators alone is a row."""
    import polars as pl

    empty = frame.select(pl.all_horizontal(pl.all().is_null() | (pl.all() == ""))).to_series()
    if len(form.names) == 1 or not empty.any():
        return frame
    blank = [_is_blank(cells) for cells in _records(text, form.separator)]
    return frame.filter(~(pl.Series(blank, dtype=pl.Boolean) & empty)) if len(blank) == len(frame) else frame


def _is_blank(cells: list[str]) -> bool:
    """Whether the cells are those of a line with nothing in it."""
    return not cells or (len(cells) == 1 and not cells[0].strip())


class Short:
    """The rows of a file that have fewer cells than there are columns, of which polars says nothing."""

    def __init__(self, form: Dialect, note: Note) -> None:
        self.form, self.note = form, note
        self.rows, self.count = 0, 0
        self.first = self.cells = 0
        self.is_last = False
        self.are_comments = True

    def look(self, text: bytes, samples: pl.DataFrame) -> None:
        """Look at some rows as they stand in the file, and as they were read."""
        columns = len(self.form.names)
        self.is_last = False
        # A short row has nothing in the last column.
        if columns > 1 and samples[self.form.names[-1]].null_count():
            number = self.rows
            for cells in _records(text, self.form.separator):
                if _is_blank(cells):
                    continue
                number += 1
                self.is_last = len(cells) < columns
                if self.is_last:
                    self.count += 1
                    self.first, self.cells = (self.first, self.cells) if self.first else (number, len(cells))
                    self.are_comments &= cells[0].lstrip().startswith(COMMENT)
            self.is_last = self.is_last and not text.endswith(b"\n")
        self.rows += len(samples)

    def tell(self) -> None:
        """Tell of the rows, if there were any."""
        if not self.count:
            return
        columns = len(self.form.names)
        rows = f"{number_of(self.count, 'row')} {'has' if self.count == 1 else 'have'}"
        if self.are_comments and not self.form.comment:
            lines = f"{number_of(self.count, 'row')} {'begins' if self.count == 1 else 'begin'} with {COMMENT}"
            where = f"{'the first of them ' if self.count > 1 else ''}row {self.first:,}"
            self.note(f'{lines}, {where}; if these are comments, write `comment: "{COMMENT}"` in `data`')
            return
        first = f"{'first ' if self.count > 1 else ''}row {self.first:,} with {self.cells}"
        cut = "; the last row has no line end: is the file cut off?" if self.is_last else ""
        self.note(f"{rows} fewer cells than the {columns} columns, {first}; what they lack is taken as missing{cut}")


def _records(text: bytes, separator: str) -> Iterator[list[str]]:
    records = csv.reader(io.StringIO(text.decode("utf-8"), newline=""), delimiter=separator, skipinitialspace=True)
    with suppress(csv.Error):  # a cell that is too long for this reader
        yield from records


def _explained(path: Path, form: Dialect, body: bytes, line: int, error: Exception) -> DataError:
    """Polars says what it did not like, and not where: look for the line."""
    text = body.decode("utf-8")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.separator, skipinitialspace=True, strict=True)
    begun = 0  # lines before the record that is read
    try:
        for cells in reader:
            if len(cells) > len(form.names):
                place = f"{path}: line {line + reader.line_num - 1:,}"
                return DataError(f"{place}: expected {number_of(len(form.names), 'cell')}, found {len(cells)}")
            begun = reader.line_num
    except csv.Error as problem:
        if str(problem) == "unexpected end of data":
            return DataError(f"{path}: line {line + begun:,}: a quote is never closed; is the file cut off?")
        return DataError(f"{path}: line {line + reader.line_num - 1:,}: {problem}")
    return DataError(f"{path}: cannot be read as CSV: {str(error).splitlines()[0]}")
