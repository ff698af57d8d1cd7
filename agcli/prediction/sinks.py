"""Where predictions go: CSV, JSON lines or Parquet, piece by piece; a file appears whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

from agcli.datasets import DataError
from agcli.datasets.errors import unknown

if TYPE_CHECKING:
    import polars as pl

Write: TypeAlias = "Callable[[pl.DataFrame], None]"
SUFFIXES = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def format_of(out: Path | None, given: str | None) -> str:
    """The format that was asked for, or else the one of the file's suffix; of standard output, CSV."""
    if given is not None:
        return given
    if out is None:
        return "csv"
    if out.suffix.lower() not in SUFFIXES:
        raise DataError(f"{out}: expected a name that ends in {', '.join(SUFFIXES)}; or say --format")
    return SUFFIXES[out.suffix.lower()]


@contextmanager
def sink(out: Path | None, format: str) -> Iterator[Write]:
    """What writes pieces of a table to a file, or to standard output."""
    if format not in _WRITERS:
        raise unknown("format", format, _WRITERS)
    if out is None:
        with _WRITERS[format](sys.stdout.buffer) as write:
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
        with temporary.open("wb") as file, _WRITERS[format](file) as write:
            yield write
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _csv(file: IO[bytes]) -> Iterator[Write]:
    written = 0

    def write(table: pl.DataFrame) -> None:
        nonlocal written
        file.write(table.write_csv(include_header=not written).encode())  # polars would not tell a closed pipe apart
        written += 1

    yield write


@contextmanager
def _lines(file: IO[bytes]) -> Iterator[Write]:
    def write(table: pl.DataFrame) -> None:
        file.write(table.write_ndjson().encode())

    yield write


@contextmanager
def _parquet(file: IO[bytes]) -> Iterator[Write]:
    """A Parquet file is written at once, by its last part; until then each piece is a file of its own."""
    import polars as pl

    with tempfile.TemporaryDirectory(prefix="ag-predict-") as folder:
        parts: list[Path] = []

        def write(table: pl.DataFrame) -> None:
            parts.append(Path(folder) / f"{len(parts):08}.parquet")
            table.write_parquet(parts[-1])

        yield write
        whole = parts[0]
        if len(parts) > 1:
            whole = Path(folder) / "whole.parquet"
            pl.scan_parquet(parts, glob=False).sink_parquet(whole)
        with whole.open("rb") as made:
            shutil.copyfileobj(made, file)


_WRITERS: Mapping[str, Callable[[IO[bytes]], AbstractContextManager[Write]]] = {
    "csv": _csv,
    "jsonl": _lines,
    "parquet": _parquet,
}
