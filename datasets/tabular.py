"""Files of columns: CSV, TSV, JSON lines and Parquet as frames, whole or in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .delimited import Dialect, dialect, frames, pieces
from .errors import DataError
from .frame import Frame, joined

if TYPE_CHECKING:
    import polars as pl

MAX_BYTES = 1 << 30  # of a file that is read as a whole, which takes some five times as much memory
MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None")
DELIMITED, LINES, PARQUET = "delimited", "lines", "parquet"
FORMATS = {".csv": DELIMITED, ".tsv": DELIMITED, ".jsonl": LINES, ".ndjson": LINES, ".parquet": PARQUET}
_ROWS = 1 << 16  # of Parquet, read at a time


@dataclass(frozen=True)
class TableFile:
    """A file of columns, and how it is written where its suffix and its first line do not say.

    `missing` lists the cells that mean "not known"; `header` is true, false, or the names of all columns.
    """

    path: Path
    separator: str | None = None
    header: bool | tuple[str, ...] | None = None
    missing: tuple[str, ...] = MISSING

    @property
    def format(self) -> str:
        """What kind of file the suffix says it is; `.gz` behind it does not count."""
        suffixes = [suffix.lower() for suffix in self.path.suffixes]
        suffix = next(iter([s for s in suffixes if s != ".gz"][-1:]), "")
        if suffix not in FORMATS:
            raise DataError(f"{self.path}: expected a file of one of the kinds {', '.join(FORMATS)}", ("file",))
        return FORMATS[suffix]

    def settled(self) -> TableFile:
        """The same file with nothing left open: separator and header are those of its first line."""
        if self.format != DELIMITED:
            return self
        found = self._dialect()
        header: bool | tuple[str, ...] = found.has_header or found.names
        return replace(self, separator=found.separator, header=header)

    def read(self, max_bytes: int = MAX_BYTES) -> Frame:
        """All samples. Raises DataError for a file that is larger than `max_bytes`, damaged or empty."""
        return joined(self.frames(max_bytes))

    def head(self) -> Frame:
        """The first samples: what one piece holds."""
        return next(self.frames(1 << 62))

    def frames(self, max_bytes: int = 1 << 62) -> Iterator[Frame]:
        """All samples in pieces of a few megabytes; there is at least one sample."""
        check_size(self.path, max_bytes)
        first = 1
        for piece in self._pieces(max_bytes):
            columns = {series.name: series for series in self._with_missing(piece)}
            if len(piece):
                yield Frame(str(self.path), columns, first)
            first += len(piece)
        if first == 1:
            raise DataError(f"{self.path}: expected samples, found none", ("file",))

    def _dialect(self) -> Dialect:
        separator = "\t" if self.separator is None and ".tsv" in self.path.suffixes else self.separator
        return dialect(self.path, separator, self.header)

    def _pieces(self, max_bytes: int) -> Iterator[pl.DataFrame]:
        if self.format == DELIMITED:
            return frames(self.path, self._dialect(), max_bytes)
        if self.format == LINES:
            return _json_lines(self.path, max_bytes)
        return _parquet(self.path)

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


def _json_lines(path: Path, max_bytes: int) -> Iterator[pl.DataFrame]:
    """JSON objects, one a line; all of the file at once, since any line may change the type of a column."""
    import polars as pl

    content = b"".join(pieces(path, min(max_bytes, MAX_BYTES)))
    try:
        frame = pl.read_ndjson(content, infer_schema_length=None) if content.strip() else pl.DataFrame()
    except pl.exceptions.PolarsError as error:
        raise _broken_line(path, content, error) from None
    yield _flat(path, frame)


def _broken_line(path: Path, content: bytes, error: Exception) -> DataError:
    for number, line in enumerate(content.splitlines(), 1):
        try:
            value: Any = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError) as problem:
            return DataError(f"{path}: line {number:,}: expected a JSON object, found broken JSON ({problem})")
        if not isinstance(value, dict):
            return DataError(f"{path}: line {number:,}: expected a JSON object, found {str(value)[:40]!r}")
    return DataError(f"{path}: cannot be read as JSON lines: {str(error).splitlines()[0]}")


def _parquet(path: Path) -> Iterator[pl.DataFrame]:
    import polars as pl

    try:
        rows = pl.scan_parquet(path, glob=False)
        count = int(rows.select(pl.len()).collect().item())
        for start in range(0, count, _ROWS):
            yield _flat(path, rows.slice(start, _ROWS).collect())
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0]}") from None


def _flat(path: Path, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame, text without blanks around it, if its columns hold single values."""
    import polars as pl

    for name, dtype in frame.schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            raise DataError(f'{path}: column "{name}": expected numbers, text or dates, found {dtype}')
    return frame.with_columns(pl.col(pl.String, pl.Categorical).cast(pl.String).str.strip_chars())
