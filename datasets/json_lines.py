"""JSON objects, one a line: a file as a whole, or in pieces."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from . import delimited
from .dialect import MAX_COLUMNS
from .errors import DataError
from .files import UNBOUNDED

if TYPE_CHECKING:
    import polars as pl

MAX_KEYS = MAX_COLUMNS
_SPARSE = 100  # cells of a table, of which one at least holds something
_CELLS = 1 << 22  # of a table that may have fewer
_SAMPLE = 1 << 16  # bytes
_FEW = 200  # keys
_TEXT, _NESTED = "text", frozenset({"a list", "an object"})
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:')


def whole(path: Path, max_bytes: int) -> pl.DataFrame:
    """All rows of a file that fits into memory."""
    found = list(delimited.pieces(path, max_bytes))
    check_keys(path, found)
    return _table(path, b"".join(found), 0)


def pieces(path: Path) -> Iterator[pl.DataFrame]:
    """All rows in pieces; a key that no line of a piece has is a missing cell, if it came before."""
    import polars as pl

    before, known = 0, dict[str, pl.DataType]()
    for piece in delimited.pieces(path, UNBOUNDED):
        if piece.strip():
            check_keys(path, [piece], before)
            table = _table(path, piece, before)
            known |= {name: dtype for name, dtype in table.schema.items() if name not in known}
            if len(known) > MAX_KEYS:
                raise _too_many(path, len(known), before + piece.count(b"\n"))
            gaps = [pl.lit(None, dtype).alias(name) for name, dtype in known.items() if name not in table.columns]
            yield table.with_columns(gaps).select(list(known))
        before += piece.count(b"\n")


def check_keys(path: Path, found: Sequence[bytes], before: int = 0) -> None:
    """Raise DataError for so many keys that hardly any cell of the table would hold something.

    A table has a cell for each line and key, so that reading lines that each have keys of their own takes time and
    memory by the square of their number. Where samples of a file, at both ends of each piece of it, have few keys and
    no new ones, no more is looked at; else all lines are.
    """
    known = _keys_in(found[0][:_SAMPLE]) if found else set()
    others = set[bytes]().union(*(_keys_in(end) for piece in found for end in (piece[:_SAMPLE], piece[-_SAMPLE:])))
    if len(known | others) <= _FEW and others <= known:
        return
    keys, lines, filled = set[str](), 0, 0
    for number, line in enumerate((line for piece in found for line in io.BytesIO(piece)), before + 1):
        try:
            value: Any = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            return  # which is told with its line
        if not isinstance(value, dict):
            return
        lines, filled = lines + 1, filled + len(value)
        keys.update(value)
        if len(keys) > MAX_KEYS:
            raise _too_many(path, len(keys), number)
    if lines * len(keys) > max(_CELLS, _SPARSE * filled):
        raise _too_many(path, len(keys), lines)


def _keys_in(text: bytes) -> set[bytes]:
    """What stands before a colon in a piece of JSON: its keys, and those of what they hold."""
    return set(_KEY.findall(text))


def _too_many(path: Path, keys: int, lines: int) -> DataError:
    found = f"{keys:,} different keys in {lines:,} lines"
    expected = f"at most {MAX_KEYS:,} keys, of which each line has one in {_SPARSE} or more"
    return DataError(
        f"{path}: expected {expected}, found {found}; if these are values, write them as such: "
        '`{"key": ..., "value": ...}`',
        ("file",),
    )


def _table(path: Path, content: bytes, before: int) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_ndjson(content, infer_schema_length=None) if content.strip() else pl.DataFrame()
    except pl.exceptions.PolarsError as error:
        raise _broken(path, content, before, error) from None


def read_object(line: bytes) -> dict[str, Any]:
    """The object that a line holds. Raises ValueError, which says what was found, for any other line.

    Python writes NaN and Infinity and reads them again; JSON has neither, and no other reader takes them.
    """
    try:
        value = json.loads(line, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"expected a JSON object, found broken JSON ({problem})") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, found {str(value)[:40]!r}")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON; a value that is not known is null")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is beyond float64")
    return number


def _broken(path: Path, content: bytes, before: int, error: Exception) -> DataError:
    """Polars says what it did not like, and not where: look for the line."""
    known: dict[str, tuple[str, int]] = {}
    other = ""
    for number, line in enumerate(io.BytesIO(content), before + 1):
        try:
            value = read_object(line) if line.strip() else {}
        except ValueError as problem:
            return DataError(f"{path}: line {number:,}: {problem}")
        for key, held in value.items() if not other else ():
            kind, first = known.setdefault(key, (_kind(held), number)) if held is not None else ("", 0)
            if kind and _clash(kind, _kind(held)):
                found = json.dumps(held, ensure_ascii=False)[:40]
                other = f'line {number:,}: "{key}": expected {kind} as in line {first:,}, found {found}'
                break
    return DataError(f"{path}: {other or f'cannot be read as JSON lines: {str(error).splitlines()[0]}'}")


def _clash(one: str, other: str) -> bool:
    """Whether no column holds both kinds; beside text, what is no list and no object is text too."""
    return one != other and (_TEXT not in (one, other) or not _NESTED.isdisjoint((one, other)))


def _kind(value: object) -> str:
    """What a value of JSON is, as messages call it."""
    kinds = {bool: "true or false", str: _TEXT, list: "a list", dict: "an object"}
    return kinds.get(type(value), "a number")
