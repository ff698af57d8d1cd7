"""JSON objects, one a line: a file as a whole, or in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import delimited
from .errors import DataError

if TYPE_CHECKING:
    import polars as pl


def whole(path: Path, max_bytes: int) -> pl.DataFrame:
    """All rows of a file that fits into memory."""
    return _table(path, b"".join(delimited.pieces(path, max_bytes)), 0)


def pieces(path: Path) -> Iterator[pl.DataFrame]:
    """All rows in pieces; a key that no line of a piece has is a missing cell, if it came before."""
    import polars as pl

    before, known = 0, dict[str, pl.DataType]()
    for piece in delimited.pieces(path, 1 << 62):
        if piece.strip():
            table = _table(path, piece, before)
            known |= {name: dtype for name, dtype in table.schema.items() if name not in known}
            gaps = [pl.lit(None, dtype).alias(name) for name, dtype in known.items() if name not in table.columns]
            yield table.with_columns(gaps).select(list(known))
        before += piece.count(b"\n")


def _table(path: Path, content: bytes, before: int) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_ndjson(content, infer_schema_length=None) if content.strip() else pl.DataFrame()
    except pl.exceptions.PolarsError as error:
        raise _broken(path, content, before, error) from None


def _broken(path: Path, content: bytes, before: int, error: Exception) -> DataError:
    """Polars says what it did not like, and not where: look for the line."""
    for number, line in enumerate(content.splitlines(), before + 1):
        try:
            value: Any = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError) as problem:
            return DataError(f"{path}: line {number:,}: expected a JSON object, found broken JSON ({problem})")
        if not isinstance(value, dict):
            return DataError(f"{path}: line {number:,}: expected a JSON object, found {str(value)[:40]!r}")
    return DataError(f"{path}: cannot be read as JSON lines: {str(error).splitlines()[0]}")
