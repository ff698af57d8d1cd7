"""JSON objects, one a line: a file as a whole, or in pieces."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Iterator, Sequence
from itertools import islice
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
KINDS = _TEXT, _NUMBER, _TRUTH, _LIST, _OBJECT = "text", "a number", "true or false", "a list", "an object"
_NESTED = frozenset({_LIST, _OBJECT})
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:')


def whole(path: Path, max_bytes: int) -> pl.DataFrame:
    """All rows of a file that fits into memory."""
    found = list(delimited.pieces(path, max_bytes))
    check_keys(path, found)
    return _table(path, b"".join(found), 0)


def pieces(path: Path) -> Iterator[pl.DataFrame]:
    """All rows in pieces; a key that no line of a piece has is a missing cell.

    A file of several pieces is read twice, as a key may come late.
    """
    import polars as pl

    first = list(islice(_tables(path), 2))
    if len(first) < 2:
        yield from (table for table, _ in first)
        return
    known: dict[str, pl.DataType] = {}
    for table, lines in _tables(path):
        known |= {name: dtype for name, dtype in table.schema.items() if known.get(name, pl.Null()) == pl.Null()}
        if len(known) > MAX_KEYS:
            raise _too_many(path, len(known), lines)
    for table, _ in _tables(path):
        gaps = [pl.lit(None, dtype).alias(name) for name, dtype in known.items() if name not in table.columns]
        yield table.with_columns(gaps).select(list(known))


def _tables(path: Path) -> Iterator[tuple[pl.DataFrame, int]]:
    """The rows of each piece of a file, and how many lines there are to its end."""
    before = 0
    for piece in delimited.pieces(path, UNBOUNDED):
        lines = before + piece.count(b"\n")
        if piece.strip():
            check_keys(path, [piece], before)
            yield _table(path, piece, before), lines
        before = lines


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

    if not content.strip():
        return pl.DataFrame()
    try:
        found = pl.read_ndjson(content, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise _broken(path, content, before, error) from None
    _check_repeated(path, content, before)
    return found


def _check_repeated(path: Path, content: bytes, before: int) -> None:
    """Raise DataError for a line that has a key twice, of which polars takes the first.

    Lines with the same text before two colons may be such; they are looked at one by one.
    """
    import polars as pl

    lines = pl.Series([content.decode("utf-8", "replace")]).str.split("\n").explode()
    keys = lines.str.extract_all(_KEY.pattern.decode())
    escaped = lines.str.contains(r'"[^"]*\\[^"]*"\s*:')  # in which one letter may be written in two ways
    for row in (escaped | (keys.list.n_unique() < keys.list.len())).arg_true().to_list():
        try:
            read_object(lines[row].encode())
        except ValueError as problem:
            raise DataError(f"{path}: line {before + row + 1:,}: {problem}") from None


def read_object(line: bytes) -> dict[str, Any]:
    """The object that a line holds. Raises ValueError, which says what was found, for any other line.

    Python writes NaN and Infinity and reads them again; JSON has neither, and no other reader takes them.
    """
    try:
        value = json.loads(line, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_unrepeated)
    except _RepeatedError:
        raise
    except (ValueError, RecursionError) as problem:
        raise ValueError(f"expected a JSON object, found broken JSON ({problem})") from None
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object, found {str(value)[:40]!r}")
    return value


class _RepeatedError(ValueError):
    """An object that has a key twice."""


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise _RepeatedError(f'expected each key once, found "{twice}" twice')
    return found


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
            kind, first = known.setdefault(key, (kind_of(held), number)) if held is not None else ("", 0)
            if kind and clash(kind, kind_of(held)):
                found = json.dumps(held, ensure_ascii=False)[:40]
                other = f'line {number:,}: "{key}": expected {kind} as in line {first:,}, found {found}'
                break
    return DataError(f"{path}: {other or f'cannot be read as JSON lines: {str(error).splitlines()[0]}'}")


def clash(one: str, other: str) -> bool:
    """Whether no column holds both kinds; beside text, what is no list and no object is text too."""
    return one != other and (_TEXT not in (one, other) or not _NESTED.isdisjoint((one, other)))


def kind_of(value: object) -> str:
    """What a value of JSON is, as messages call it."""
    return {bool: _TRUTH, str: _TEXT, list: _LIST, dict: _OBJECT}.get(type(value), _NUMBER)
