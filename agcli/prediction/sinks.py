"""Where predictions go: CSV, JSON lines or Parquet, piece by piece; a file appears whole or not at all."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO, TypeAlias, cast

from agcli.data.formats import Format, find, packing_of, written
from agcli.data.whole_file import whole_file
from agcli.datasets import DataError
from agcli.datasets.compressed import packed
from agcli.datasets.errors import unknown
from agcli.printable import printable_lines

if TYPE_CHECKING:
    import polars as pl

Write: TypeAlias = "Callable[[pl.DataFrame], None]"
Writer: TypeAlias = "Callable[[IO[bytes]], AbstractContextManager[Write]]"

SPREADSHEETS = ("csv", "tsv")
FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # the last four are wide forms of the first


def format_of(out: Path | None, given: str | None) -> Format:
    """The format that was asked for, or else the one of the file's ending; of standard output, CSV."""
    known = written()
    if given is not None:
        if given not in known:
            raise unknown("format", given, known)
        return known[given]
    found = find(out) if out is not None else known["csv"]
    if found is None or not found.writer:
        ends = [end for row in known.values() for end in row.spellings]
        raise DataError(f"{out}: expected a name that ends in {', '.join(ends)}; or say --format")
    return found


@contextmanager
def sink(out: Path | None, format: Format, *, escape: bool = False) -> Iterator[Write]:
    """What writes pieces of a table to a file, gzipped if its name says so, or to standard output.

    Standard output on a terminal is shown without what steers it. ``escape`` is for spreadsheets (see ``escaped``).
    """
    if escape and format.key not in SPREADSHEETS:
        known = " and ".join(name.upper() for name in SPREADSHEETS)
        raise DataError(f"--escape-formulae is for {known}, which spreadsheets open; found {format.name}")
    writer: Writer = format.load(format.writer)
    opened = _standard_output() if out is None else whole_file(out)
    with opened as file, _packed(file, out) as target, writer(target) as write:
        yield (lambda table: write(escaped(table))) if escape else write


@contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    file: Any = Shown(sys.stdout) if sys.stdout.isatty() else sys.stdout.buffer
    yield cast("IO[bytes]", Complete(file))
    file.flush()


class Shown:
    """A file of bytes on a terminal, whose cells do not steer it."""

    def __init__(self, text: TextIO) -> None:
        self.text = text

    def write(self, content: bytes | memoryview) -> int:
        self.text.write(printable_lines(bytes(content).decode("utf-8", "replace")))
        return len(content)

    def flush(self) -> None:
        self.text.flush()


class Complete(io.RawIOBase):
    """A file of bytes that takes all of a piece, where the one below may take some of it at a time."""

    def __init__(self, file: Any) -> None:
        self.file = file

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        left = memoryview(content).cast("B")
        while len(left):
            left = left[self.file.write(left) or 0 :]
        return memoryview(content).nbytes

    def flush(self) -> None:
        self.file.flush()


def _packed(file: IO[bytes], out: Path | None) -> AbstractContextManager[IO[bytes]]:
    """The file to write into: as it is, or what packs it, without a date, so that equal content gives equal files."""
    if out is None or not (packing := packing_of(out.name)):
        return nullcontext(file)
    return packed(file, packing, out)


def escaped(table: pl.DataFrame) -> pl.DataFrame:
    """The table with an apostrophe before text that a spreadsheet would take for a formula; numbers are none.

    The marks are those of OWASP's page on CSV injection.
    """
    import polars as pl

    text = pl.col(pl.String)
    is_formula = text.str.contains(FORMULA) & text.cast(pl.Float64, strict=False).is_null()
    safe = table.with_columns(pl.when(is_formula).then("'" + text).otherwise(text).name.keep())
    return safe.rename({name: f"'{name}" for name in safe.columns if re.match(FORMULA, name)})


@contextmanager
def csv(file: IO[bytes], separator: str = ",") -> Iterator[Write]:
    """CSV with a header."""
    written = 0

    def write(table: pl.DataFrame) -> None:
        nonlocal written
        nothing = '""' if table.width == 1 else ""  # a line without anything is no row to other readers
        text = _plain(table).write_csv(include_header=not written, separator=separator, null_value=nothing)
        file.write(text.encode())  # polars would not tell a closed pipe apart
        written += 1

    yield write


def _plain(table: pl.DataFrame) -> pl.DataFrame:
    """The table with durations as text of ISO 8601, which every format holds and `ag` reads again."""
    import polars as pl

    return table.with_columns(pl.col(pl.Duration).dt.to_string("iso"))


def tsv(file: IO[bytes]) -> AbstractContextManager[Write]:
    """The same with tabs."""
    return csv(file, "\t")


@contextmanager
def lines(file: IO[bytes]) -> Iterator[Write]:
    """JSON objects, one a line."""

    def write(table: pl.DataFrame) -> None:
        file.write(_plain(table).write_ndjson().encode())

    yield write


@contextmanager
def parquet(file: IO[bytes]) -> Iterator[Write]:
    """A Parquet file is written at once, by its last part; until then each piece is a file of its own."""
    import polars as pl

    with tempfile.TemporaryDirectory(prefix="ag-predict-") as folder:
        parts: list[Path] = []

        def write(table: pl.DataFrame) -> None:
            parts.append(Path(folder) / f"{len(parts):08}.part")
            with _as_system_error():
                table.write_parquet(parts[-1])

        yield write
        whole = parts[0]
        if len(parts) > 1:
            whole = Path(folder) / "whole.part"
            with _as_system_error():
                pl.scan_parquet(parts, glob=False).sink_parquet(whole)
        with whole.open("rb") as made:
            shutil.copyfileobj(made, file)


@contextmanager
def _as_system_error() -> Iterator[None]:
    """Polars has what the system says, such as that the disk is full, in a text of its own."""
    import polars as pl

    try:
        yield
    except pl.exceptions.PolarsError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from None
