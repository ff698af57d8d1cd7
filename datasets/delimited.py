"""CSV and its kin: the separator and the header found out, the body read in pieces of whole lines."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from ..counts import number_of
from .errors import DataError

if TYPE_CHECKING:
    import polars as pl

PIECE = 1 << 23  # bytes
MAX_LINE = 1 << 24  # bytes, a line with quoted line breaks included
MAX_COLUMNS = 10_000
_SEPARATORS = ",;\t|"
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Dialect:
    """How a file is written: its separator, the names of its columns, and whether its first line holds them."""

    separator: str
    names: tuple[str, ...]
    has_header: bool


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The file, unpacked if it is gzipped (told by its first bytes)."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}", ("file",)) from None
    with file:
        is_packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not is_packed:
            yield file
            return
        with gzip.GzipFile(fileobj=file) as unpacked:  # closes itself, and leaves the file to us
            yield cast(IO[bytes], unpacked)


def pieces(path: Path, max_bytes: int, size: int = PIECE) -> Iterator[bytes]:
    """The file in pieces of whole lines, quoted line breaks kept together; DataError beyond `max_bytes`."""
    rest, total = b"", 0
    with opened(path) as file:
        while block := read(file, size, path):
            total += len(block)
            if total > max_bytes:
                raise DataError(f"{path}: expected at most {max_bytes:,} bytes; `stream: true` reads larger files")
            rest += block
            cut = _end_of_line(rest)
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > MAX_LINE:
                raise DataError(f"{path}: expected lines of at most {MAX_LINE:,} bytes; is a quote never closed?")
    if rest:
        yield rest


def read(file: IO[bytes], size: int, path: Path) -> bytes:
    """Some bytes of a file, unpacked; none at its end."""
    try:
        return file.read(size)
    except EOFError:
        raise DataError(f"{path}: the gzip stream ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip stream ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None


def _end_of_line(text: bytes) -> int:
    """The place behind the last line break that is not within quotes, or 0."""
    cut, quotes = text.rfind(b"\n") + 1, 0
    quotes = text.count(b'"', 0, cut)
    while cut and quotes % 2:
        before = text.rfind(b"\n", 0, cut - 1) + 1
        quotes -= text.count(b'"', before, cut)
        cut = before
    return cut


def dialect(path: Path, separator: str | None, header: bool | Sequence[str] | None) -> Dialect:
    """What the description leaves open, told by the file's first line.

    The separator is the one that comes most often outside of quotes. A first line is no header if one of its cells
    is a number; then the columns are called column_1, column_2, ...
    """
    first = next(pieces(path, 1 << 62, 1 << 16), b"")
    line = _first_record(path, first)
    chosen = separator or max(_SEPARATORS, key=lambda mark: len(_cells(line, mark)))
    cells = [cell.strip() for cell in _cells(line, chosen)]
    if not any(cells):
        raise DataError(f"{path}: expected a header or samples in the first line, found nothing")
    if len(cells) > MAX_COLUMNS:
        raise DataError(f"{path}: expected at most {MAX_COLUMNS:,} columns, found {len(cells):,}")
    has_header = not any(_is_number(cell) for cell in cells) if header is None else header is True
    given = tuple(header) if isinstance(header, Sequence) else ()
    if given and len(given) != len(cells):
        found = f"{number_of(len(given), 'name')} for {number_of(len(cells), 'column')}"
        raise DataError(f"{path}: header: expected a name for each column, found {found}", ("header",))
    names = tuple(cells) if has_header else given or tuple(f"column_{n}" for n in range(1, len(cells) + 1))
    _check_names(path, names)
    return Dialect(chosen, names, has_header)


def _first_record(path: Path, piece: bytes) -> str:
    text = _decoded(path, piece.removeprefix(BOM)[: 1 << 20])
    return next((line for line in io.StringIO(text) if line.strip()), "")


def _decoded(path: Path, piece: bytes) -> str:
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start >= len(piece) - 3 and "unexpected end" in error.reason:
            return piece[: error.start].decode("utf-8")
        line = piece.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{piece[error.start]:02x} in line {line:,}"
        raise DataError(f"{path}: expected UTF-8 text, found {found}; save the file as UTF-8") from None


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _check_names(path: Path, names: Sequence[str]) -> None:
    for number, name in enumerate(names, 1):
        if not name:
            advice = "give all names: `header: [...]`"
            raise DataError(f"{path}: expected a name for column {number} in the header, found none; {advice}")
        if name in names[: number - 1]:
            raise DataError(f'{path}: expected each column once, found "{name}" again as column {number}')


def frames(path: Path, form: Dialect, max_bytes: int) -> Iterator[pl.DataFrame]:
    """The samples, in pieces, every cell as text without the blanks around it; at least one piece, if need be empty.

    A line with nothing in it is no sample. In a file of one column it is one whose cell is missing, except at the end.
    """
    import polars as pl

    # Polars counts the columns of the first row; this one is full, and goes again.
    full = form.separator.encode() * (len(form.names) - 1) + b"\n"
    schema = dict.fromkeys(form.names, pl.String)
    line, held = 1, b""
    yield pl.DataFrame(schema=schema)
    for number, piece in enumerate(pieces(path, max_bytes)):
        body, skipped = held + piece, 0
        if number == 0:
            body = body.removeprefix(BOM)
            skipped = _behind_header(body) if form.has_header else 0
        rest, held = _split_at_blanks(body[skipped:]) if len(form.names) == 1 else (body[skipped:], b"")
        if rest and not (rest.isspace() and len(form.names) > 1):
            try:
                frame = pl.read_csv(
                    io.BytesIO(full + rest), has_header=False, separator=form.separator, schema=schema
                ).slice(1)
            except pl.exceptions.PolarsError as error:
                raise _explained(path, form, body, line, error) from None
            yield _without_blank_lines(frame.with_columns(pl.all().str.strip_chars()), rest, form)
        line += body.count(b"\n") - held.count(b"\n")


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
    records = csv.reader(io.StringIO(text.decode("utf-8"), newline=""), delimiter=form.separator)
    try:
        blank = [not cells or (len(cells) == 1 and not cells[0].strip()) for cells in records]
    except csv.Error:  # a cell that is too long for this reader
        blank = []
    return frame.filter(~(pl.Series(blank, dtype=pl.Boolean) & empty)) if len(blank) == len(frame) else frame


def _behind_header(body: bytes) -> int:
    """The place behind the first line that is not blank."""
    place = len(body) - len(body.lstrip())
    end = body.find(b"\n", place) + 1
    return end or len(body)


def _explained(path: Path, form: Dialect, body: bytes, line: int, error: Exception) -> DataError:
    """Polars says what it did not like, and not where: look for the line."""
    text = _decoded(path, body)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.separator, skipinitialspace=True)
    try:
        for cells in reader:
            if len(cells) > len(form.names):
                place = f"{path}: line {line + reader.line_num - 1:,}"
                return DataError(f"{place}: expected {number_of(len(form.names), 'cell')}, found {len(cells)}")
    except csv.Error as problem:
        return DataError(f"{path}: line {line + reader.line_num - 1:,}: {problem}")
    return DataError(f"{path}: cannot be read as CSV: {str(error).splitlines()[0]}")
