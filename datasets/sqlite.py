"""SQLite databases: one query, in a connection that can do nothing but read, bounded in time and size.

Source: https://www.sqlite.org/uri.html (mode, immutable), https://www.sqlite.org/c3ref/set_authorizer.html.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..counts import number_of
from .dialect import Note, free
from .errors import DataError
from .files import UNBOUNDED, check_size
from .several import SeveralError
from .tabular import MAX_BYTES, Reader, TableFile

if TYPE_CHECKING:
    import polars as pl

MAX_SECONDS = 120  # of a query
MAX_CELL = 1 << 24  # bytes
MAX_MEMORY = 1 << 31  # bytes of the library
_TRIES = 5
_FEW = 0.5  # of the cells of a column, which is one of bytes if it has more of them
_NAMED = 5  # rows
_ROWS = 1 << 14  # fetched at a time
_STEPS = 10_000  # of SQLite's virtual machine, between two looks at the clock
_TABLES = "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\'"
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_FUNCTIONS = {"load_extension", "fts3_tokenizer", "writefile", "readfile", "edit"}  # that do more than compute
_START = b"SQLite format 3\0"
_WAL = 2  # the version that the header gives for databases with a write-ahead log
_WORDS = {
    sqlite3.SQLITE_ATTACH: "ATTACH", sqlite3.SQLITE_DETACH: "DETACH", sqlite3.SQLITE_PRAGMA: "PRAGMA",
    sqlite3.SQLITE_INSERT: "INSERT", sqlite3.SQLITE_UPDATE: "UPDATE", sqlite3.SQLITE_DELETE: "DELETE",
    sqlite3.SQLITE_TRANSACTION: "a transaction", sqlite3.SQLITE_SAVEPOINT: "SAVEPOINT",
}  # fmt: skip


class Sqlite(Reader):
    """The rows that a query gives; without one, those of the only table."""

    def pieces(self, file: TableFile, max_bytes: int) -> Iterator[pl.DataFrame]:
        answers = _answers(file, min(max_bytes, MAX_BYTES))
        names, rows = next(answers)
        for _, some in answers:
            rows += some
        yield file.flattening().of(_frame(names, rows, file.note))

    def streamed(self, file: TableFile) -> Iterator[pl.DataFrame]:
        flattening, first = file.flattening(), 1
        for names, some in _answers(file, UNBOUNDED):
            yield flattening.of(_frame(names, some, file.note, first, most=1.0))
            first += len(some)


def tables(path: Path) -> list[str]:
    """The names of tables and views."""
    with _connected(path) as connection, _errors(path):
        return [str(name) for (name,) in connection.execute(_TABLES)]


def _answers(file: TableFile, max_bytes: int) -> Iterator[tuple[tuple[str, ...], list[tuple[Any, ...]]]]:
    """The names of the columns and some rows; at least once, if only with no rows."""
    with _connected(file.path) as connection, _errors(file.path):
        query = file.query or _only(file.path, connection)
        denied: list[str] = []
        if query.lstrip().lower().startswith("explain"):  # of which the authorizer sees the rest alone
            raise DataError(f"{file.path}: query: expected a SELECT, which only reads; found EXPLAIN", ("query",))
        connection.set_authorizer(lambda *action: _judged(denied, *action))
        watch = _Watch(connection)
        try:
            with watch:
                found = connection.execute(query)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _refused(file.path, error, [_verb(query, *denied)] if denied else []) from None
        if found.description is None:
            raise DataError(f"{file.path}: query: expected a SELECT, found nothing that gives rows", ("query",))
        names = _named(file, [str(column[0]) for column in found.description])
        total, some = 0, list[tuple[Any, ...]]()
        with watch:
            some = found.fetchmany(_ROWS)
        yield names, some
        while some:
            total += sum(16 + (len(cell) if isinstance(cell, str | bytes) else 8) for row in some for cell in row)
            if total > max_bytes:
                advice = "a `where` or a `limit` in the query may do"
                raise DataError(f"{file.path}: expected at most {max_bytes:,} bytes of rows; {advice}", ("query",))
            with watch:
                some = found.fetchmany(_ROWS)
            if some:
                yield names, some


def _only(path: Path, connection: sqlite3.Connection) -> str:
    """The query for all rows of the only table."""
    known = [str(name) for (name,) in connection.execute(_TABLES)]
    if len(known) != 1:
        raise SeveralError(path, "table", known)
    quoted = known[0].replace('"', '""')
    return f'select * from "{quoted}"'  # noqa: S608  # the name of a table, quoted


# The connection ------------------------------------------------------------------------------------------------------
@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that leaves no file behind, beside the database or elsewhere."""
    check_size(path, UNBOUNDED)
    _check_start(path)
    with tempfile.TemporaryDirectory(prefix="ag-sqlite-") as folder:
        place, options = path, "mode=ro"
        if _has(_log(path)):
            place = _copied(path, Path(folder))  # SQLite would make or change files to read the log by
        elif not _has(path.with_name(f"{path.name}-journal")) and _is_logged(path):
            options += "&immutable=1"
        address = f"file:{quote(str(place.absolute()))}?{options}"
        try:
            connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=5)
        except sqlite3.Error as error:
            raise DataError(f"{path}: cannot be read as SQLite: {error}", ("file",)) from None
        with closing(connection), _errors(path):
            connection.execute("pragma temp_store = memory")
            connection.execute("pragma query_only = true")
            connection.execute("pragma trusted_schema = false")
            connection.execute(f"pragma hard_heap_limit = {MAX_MEMORY}")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_CELL)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            yield connection


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _copied(path: Path, folder: Path) -> Path:
    """The database with its log, as they are at one moment, in another folder."""
    place = folder / path.name
    for _ in range(_TRIES):
        before = _state(path)
        shutil.copyfile(path, place)
        shutil.copyfile(_log(path), _log(place))
        if _state(path) == before:
            return place
    raise DataError(f"{path}: another program keeps changing the database; try again when it is done", ("file",))


def _state(path: Path) -> list[tuple[int, int]]:
    return [(found.st_size, found.st_mtime_ns) for found in (path.stat(), _log(path).stat())]


def _has(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _check_start(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(_START)) != _START:
            raise DataError(f"{path}: expected a SQLite database, found something else", ("file",))


def _is_logged(path: Path) -> bool:
    """Whether the header says that changes go into a log beside the file."""
    with path.open("rb") as file:
        file.seek(18)
        return _WAL in file.read(2)


def _verb(query: str, denied: str, *_: str) -> str:
    """What a query does beside reading: what it begins with, or else what was denied to it."""
    word = query.split(None, 1)[0].upper()
    return denied if word in ("SELECT", "WITH", "VALUES") else word


class _Watch:
    """Interrupts a query that takes too long; what happens between its rows does not count."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.left, self.end = float(MAX_SECONDS), 0.0
        connection.set_progress_handler(lambda: time.monotonic() > self.end, _STEPS)

    def __enter__(self) -> None:
        self.end = time.monotonic() + self.left

    def __exit__(self, *_: object) -> None:
        self.left = self.end - time.monotonic()


def _judged(denied: list[str], action: int, first: str | None, second: str | None, *_: Any) -> int:
    """Whether a statement may do something: read, and compute."""
    if action in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in _FUNCTIONS):
        return sqlite3.SQLITE_OK
    what = f"the function {second}" if action == sqlite3.SQLITE_FUNCTION else _WORDS.get(action, "a change")
    denied.append(what)
    return sqlite3.SQLITE_DENY


# Errors --------------------------------------------------------------------------------------------------------------
@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, MemoryError, UnicodeError) as error:
        raise _refused(path, error, []) from None


def _refused(path: Path, error: Exception, denied: Sequence[str]) -> DataError:
    """What a person should know of an error of SQLite."""
    text = str(error)
    if denied:
        return DataError(f"{path}: query: expected a SELECT, which only reads; found {denied[0]}", ("query",))
    if text == "interrupted":
        return DataError(f"{path}: query: expected an answer within {MAX_SECONDS} seconds, found none", ("query",))
    if "one statement at a time" in text:
        return DataError(f"{path}: query: expected one statement, found several", ("query",))
    if isinstance(error, MemoryError) or "too big" in text:
        return DataError(f"{path}: query: takes too much memory; a `where` or a `limit` may do", ("query",))
    if "readonly" in text or "recovery" in text:
        advice = "open it once with the program that wrote it"
        return DataError(f"{path}: was left within a change, which only its own program may undo; {advice}", ("file",))
    if "malformed" in text or "not a database" in text:
        return DataError(f"{path}: damaged SQLite database ({text})", ("file",))
    return DataError(f"{path}: query: {text}", ("query",))


# Rows as a frame -----------------------------------------------------------------------------------------------------
def _named(file: TableFile, names: list[str]) -> tuple[str, ...]:
    """A name of its own for each column."""
    found: list[str] = []
    known = set(names)
    for number, name in enumerate(names, 1):
        if name in found:
            found.append(free(f"{name}_2", known))
            file.note(f'the query gives several columns "{name}"; column {number} is called "{found[-1]}"')
        else:
            found.append(name)
        known.add(found[-1])
    return tuple(found)


def _frame(
    names: Sequence[str], rows: Sequence[Sequence[Any]], note: Note, first: int = 1, most: float = _FEW
) -> pl.DataFrame:
    """Rows, the first of that number. Bytes in so many of a column's cells at `most` are text that says what they are,
    so that the column is read without them; a column with more is one of bytes."""
    import polars as pl

    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    found = [_without_bytes(n, list(c), note, first, most) for n, c in zip(names, columns, strict=True)]
    return pl.DataFrame([_series(name, cells) for name, cells in zip(names, found, strict=True)])


def _without_bytes(name: str, cells: list[Any], note: Note, first: int, most: float) -> list[Any]:
    rows = [row for row, cell in enumerate(cells, first) if isinstance(cell, bytes)]
    if not rows:
        return cells
    known = sum(cell is not None for cell in cells)
    shown = ", ".join(f"{row:,}" for row in rows[:_NAMED]) + (", ..." if len(rows) > _NAMED else "")
    where = f"{'row' if len(rows) == 1 else 'rows'} {shown}"
    told = f'column "{name}": {len(rows):,} of {known:,} cells hold bytes, {where}'
    if len(rows) > most * known:
        if len(rows) < known:
            note(f"{told}; the other cells are left out with them")
        return cells
    note(f'{told}; such a cell is read as text, "{_said(cells[rows[0] - first])}"')
    return [_said(cell) if isinstance(cell, bytes) else cell for cell in cells]


def _said(cell: bytes) -> str:
    """What stands for bytes where text and numbers are expected."""
    return f"<{number_of(len(cell), 'byte')}>"


def _series(name: str, cells: list[Any]) -> pl.Series:
    """A column, whose cells SQLite lets be of several types: numbers stay numbers only among themselves."""
    import polars as pl

    types = {type(cell) for cell in cells} - {type(None)}
    if bytes in types:
        return pl.Series(name, [cell if isinstance(cell, bytes) else None for cell in cells], pl.Binary)
    if str in types:
        texts = [cell.strip() if isinstance(cell, str) else cell for cell in cells]
        return pl.Series(name, [None if cell is None else str(cell) for cell in texts], pl.String)
    return pl.Series(name, cells, pl.Float64 if float in types else pl.Int64 if types else pl.String)


SQLITE = Sqlite()
