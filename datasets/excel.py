"""Workbooks of Excel, one sheet at a time; the extra `excel` reads them."""

from __future__ import annotations

import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..counts import number_of
from .dialect import named
from .errors import DataError
from .foreign import reading
from .numerals import EXACT
from .several import SeveralError
from .tabular import MAX_BYTES, Reader, TableFile

if TYPE_CHECKING:
    import polars as pl

MAX_CELLS = 50_000_000  # of a sheet, which is read as a rectangle from its first cell to its last
_ZIP = b"PK\x03\x04"
_OTHER = re.compile(r".*\.rels|.*/sharedStrings[^/]*", re.IGNORECASE)  # parts that are no sheet, whatever they hold
MAX_ROWS, MAX_COLUMNS = 1 << 20, 1 << 14  # of a sheet, in Excel itself
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]*)([0-9]+)["']""")  # of a cell, or without letters of a row
_OVERLAP = 256  # bytes, more than the place of a cell takes
_DIGITS = 12  # of a number that is too large anyway
_UNNAMED = "__UNNAMED__"  # what the library calls a column without a name


class Excel(Reader):
    """A sheet: the one that is named, or the only one."""

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        import polars as pl

        _check_contents(file.path, min(max_bytes, MAX_BYTES))
        book = _book(file.path)
        sheet = _chosen(file, list(book.sheet_names))
        has_header = file.header is True or file.header is None
        with reading(file.path, "Excel", *_errors()):
            loaded = book.load_sheet(sheet, header_row=0 if has_header else None, schema_sample_rows=None)
            frame = loaded.to_polars() if loaded.width else pl.DataFrame()
            is_named = has_header and frame.width > 0
            first = book.load_sheet(sheet, header_row=None, n_rows=1).to_polars() if is_named else None
        frame = _whole(_renamed(file, frame, first))
        frame = frame.filter(~pl.all_horizontal(pl.all().is_null())) if frame.width else frame
        yield file.flattening().of(frame)


def _chosen(file: TableFile, sheets: list[str]) -> str:
    if file.sheet is not None:
        if file.sheet not in sheets:
            raise SeveralError(file.path, "sheet", sheets, file.sheet)
        return file.sheet
    if len(sheets) == 1:
        return sheets[0]
    raise SeveralError(file.path, "sheet", sheets)


def _book(path: Path) -> Any:
    try:
        import fastexcel
    except ImportError:
        needed = 'Excel needs the package fastexcel; run pip install "agcli[excel]"'
        raise DataError(f"{path}: {needed}", ("file",)) from None
    logging.getLogger("fastexcel").addHandler(logging.NullHandler())  # it warns of columns without cells
    with reading(path, "Excel", *_errors()):
        return fastexcel.read_excel(path.read_bytes())  # by a path, its ending would be believed


def _whole(frame: pl.DataFrame) -> pl.DataFrame:
    """Columns of whole numbers as integers; a sheet has floats alone, and 1.0 would be the name of a class."""
    import polars as pl

    floats = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
    tests = [((pl.col(name) % 1 == 0) & (pl.col(name).abs() < EXACT)).all().alias(name) for name in floats]
    is_whole = frame.select(tests).row(0) if tests and frame.height else ()
    whole = [name for name, is_so in zip(floats, is_whole, strict=False) if is_so and frame[name].count()]
    return frame.with_columns(pl.col(whole).cast(pl.Int64))


def _errors() -> tuple[type[Exception], ...]:
    import fastexcel

    return (fastexcel.FastExcelError,)


def _renamed(file: TableFile, frame: pl.DataFrame, first: pl.DataFrame | None) -> pl.DataFrame:
    """The columns under the names that other formats give them; ``first`` is the row of the header, if there is one."""
    given = file.header if isinstance(file.header, tuple) else ()
    if given and len(given) != frame.width:
        found = f"{number_of(len(given), 'name')} for {number_of(frame.width, 'column')}"
        raise DataError(f"{file.path}: header: expected a name for each column, found {found}", ("header",))
    names, left = given or tuple(f"column_{n}" for n in range(1, frame.width + 1)), tuple[str, ...]()
    if first is not None:
        above = first.row(0) if first.height else ()
        cells = [_heading(name, above[i : i + 1]) for i, name in enumerate(frame.columns)]
        names, left = named(cells, file.note, keeps_index=file.index)
    return frame.rename(dict(zip(frame.columns, names, strict=True))).drop(left)


def _heading(name: str, cell: tuple[object, ...]) -> str:
    """The name of a column as it stands in the sheet; the library numbers equal ones, and makes some up."""
    if name.startswith(_UNNAMED) or cell == (None,):
        return ""
    return cell[0].strip() if cell and isinstance(cell[0], str) else name


# What a workbook would unpack to -------------------------------------------------------------------------------------
def _check_contents(path: Path, max_bytes: int) -> None:
    """Raise DataError for a workbook that unpacks to more than is allowed, or whose sheets span too many cells."""
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return  # the older format, which is not packed
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                with archive.open(info) as part:
                    total += _looked_at(path, part, max_bytes - total, is_sheet=not _OTHER.fullmatch(info.filename))
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: damaged Excel file ({error})", ("file",)) from None


def _looked_at(path: Path, part: IO[bytes], left: int, *, is_sheet: bool) -> int:
    """The bytes of a part of a workbook, after a look at the places of a sheet's cells."""
    total, rest, rows, columns = 0, b"", 1, 1
    while piece := part.read(1 << 20):
        total += len(piece)
        if total > left:
            raise DataError(f"{path}: expected a workbook that unpacks to at most {MAX_BYTES:,} bytes", ("file",))
        if is_sheet:
            for column, row in _PLACE.findall(rest + piece):
                rows, columns = max(rows, int(row[:_DIGITS])), max(columns, _number(column[:_DIGITS]))
            rest = piece[-_OVERLAP:]
    if rows > MAX_ROWS or columns > MAX_COLUMNS:
        found = f"cells to row {rows:,} and column {columns:,}"
        expected = f"expected at most {MAX_ROWS:,} rows and {MAX_COLUMNS:,} columns, as Excel has them"
        raise DataError(f"{path}: damaged Excel file: {expected}, found {found}", ("file",))
    if rows * columns > MAX_CELLS:
        found = f"one of {rows:,} rows by {columns:,} columns"
        advice = "clear the cells that stand far from the others"
        raise DataError(f"{path}: expected a sheet of at most {MAX_CELLS:,} cells, found {found}; {advice}", ("file",))
    return total


def _number(letters: bytes) -> int:
    """The number of a column, A being 1."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


EXCEL = Excel()
