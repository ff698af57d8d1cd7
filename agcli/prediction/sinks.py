"""Where predictions go: CSV, JSON lines or Parquet, piece by piece; a file appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

from agcli.data.formats import Format, find, packing_of, written
from agcli.datasets import DataError
from agcli.datasets.compressed import packed
from agcli.datasets.errors import unknown

if TYPE_CHECKING:
    import polars as pl

Write: TypeAlias = "Callable[[pl.DataFrame], None]"
Writer: TypeAlias = "Callable[[IO[bytes]], AbstractContextManager[Write]]"


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
def sink(out: Path | None, format: Format) -> Iterator[Write]:
    """What writes pieces of a table to a file, gzipped if its name says so, or to standard output."""
    writer: Writer = format.load(format.writer)
    if out is None:
        with writer(sys.stdout.buffer) as write:
            yield write
        sys.stdout.buffer.flush()
        return
    if not out.parent.is_dir():
        raise DataError(f"{out}: there is no folder {out.parent}")
    if out.is_dir():
        raise DataError(f"{out}: expected the name of a file, found a folder")
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        temporary.touch()
    except OSError as e:
        raise DataError(f"{out}: cannot be written: {e.strerror}") from None
    try:
        with temporary.open("wb") as file, _packed(file, out) as target, writer(target) as write:
            yield write
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


def _packed(file: IO[bytes], out: Path) -> AbstractContextManager[IO[bytes]]:
    """The file to write into: as it is, or what packs it, without a date, so that equal content gives equal files."""
    packing = packing_of(out.name)
    return packed(file, packing, out) if packing else nullcontext(file)


@contextmanager
def csv(file: IO[bytes], separator: str = ",") -> Iterator[Write]:
    """CSV with a header."""
    written = 0

    def write(table: pl.DataFrame) -> None:
        nonlocal written
        text = _plain(table).write_csv(include_header=not written, separator=separator)
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
            table.write_parquet(parts[-1])

        yield write
        whole = parts[0]
        if len(parts) > 1:
            whole = Path(folder) / "whole.part"
            pl.scan_parquet(parts, glob=False).sink_parquet(whole)
        with whole.open("rb") as made:
            shutil.copyfileobj(made, file)
