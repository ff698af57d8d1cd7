"""Delimited files whose numbers are parsed at once, and of which only what is odd is read as text.

A column is parsed so if its first cells are numbers of which some are fractions: text that is a whole number may be a
name. All of its cells have to be finite numbers, or say nothing in a way that is known, which the text decides; any
other column is text. What the file itself has odd, such as rows that are short, is left to `delimited`.
"""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from .columns import Columns, Floats
from .delimited import beginning
from .dialect import Dialect
from .errors import DataError

if TYPE_CHECKING:
    import polars as pl

_LOOKED_AT = 50  # samples, of which the first say what columns are
_BEGINNING = 1 << 16  # bytes
PIECE = 1 << 24  # bytes of a file that are parsed at once
_FRACTION = frozenset(".eE")


def read(
    path: Path, form: Dialect, encoding: str | None, missing: Collection[str], texts: Collection[str]
) -> Columns | None:
    """All samples; None of a file that has no such columns, or that has to be read as text. `texts` stay text.

    `missing` are the cells that say nothing. Raises DataError for a file that cannot be read.
    """
    if form.comment or len(form.names) < 2 or encoding not in (None, "utf-8") or any(map(_is_finite, missing)):
        return None
    with path.open("rb") as file:
        start = file.read(_BEGINNING)
    plain = beginning(path, encoding)
    if not plain or not start.startswith(plain) or b"\n" not in plain:
        return None
    apart = {*texts, *form.left}
    names = [name for name in _fractions(plain[form.start :], form, missing) if name not in apart]
    if not names:
        return None
    return _Reading(path, form, plain[: form.start], frozenset(missing)).columns(names)


def _is_finite(cell: str) -> bool:
    """Whether a cell is a number."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _fractions(text: bytes, form: Dialect, missing: Collection[str]) -> list[str]:
    """The columns whose first cells are numbers, some of them fractions."""
    lines = io.StringIO(text.decode("utf-8", "replace"), newline="")
    records: list[list[str]] = []
    try:
        for cells in csv.reader(lines, delimiter=form.separator, skipinitialspace=True):
            if len(records) >= _LOOKED_AT:
                break
            if len(cells) == len(form.names):
                records.append(cells)
    except csv.Error:  # a cell that is too long for this reader
        return []
    found = []
    for name, column in zip(form.names, zip(*records, strict=True), strict=bool(records)):
        known = [cell for cell in column if cell not in missing]
        if any(not _FRACTION.isdisjoint(cell) for cell in known) and all(map(_is_finite, known)):
            found.append(name)
    return found


class _Reading:
    """One file, as it is written, and the cells of it that say nothing."""

    def __init__(self, path: Path, form: Dialect, head: bytes, missing: frozenset[str]) -> None:
        self.path, self.form, self.missing = path, form, missing
        self.head, self.above = head, head.count(b"\n")  # what stands above the samples

    def columns(self, names: Sequence[str]) -> Columns | None:
        """All columns, those of some names as numbers if they are; None where something is odd about the file."""
        try:
            found = self._parsed(names)
        except OSError:  # which is told where the text is read
            return None
        if found is None:
            return None
        numbers, held, is_simple = found
        places = {name: place for place, name in enumerate(names)}
        doubtful = [name for name, total in zip(names, _totals(numbers), strict=True) if not math.isfinite(total)]
        if (held or doubtful) and not is_simple:
            return None
        if doubtful:
            texts = self.texts(doubtful)
            if texts is None:
                return None
            wrong = {name for name, values in texts.items() if not _agree(numbers[places[name]], values)}
            kept = [name not in wrong for name in names]
            held |= {name: texts[name] for name in wrong}
            if wrong:
                numbers, names = numbers[kept], [name for name in names if name not in wrong]
        if not names:
            return None
        numbers.flags.writeable = False
        ordered = tuple(name for name in self.form.names if name not in self.form.left)
        places = {name: place for place, name in enumerate(names)}
        return Columns(ordered, self._as_text(held), places, numbers, written=self._column)

    def _parsed(self, names: Sequence[str]) -> tuple[Floats, dict[str, pl.Series], bool] | None:
        """Numbers (names, samples), and the other columns as text; piece by piece, so that the file is never held.

        Also whether the file is UTF-8 without quotes and zeros, so that every line is a row.
        """
        import polars as pl

        others = [name for name in self.form.names if name not in {*names, *self.form.left}]
        texts: dict[str, list[pl.Series]] = {name: [] for name in others}
        numbers, count, left = np.empty((len(names), 0)), 0, self.path.stat().st_size
        is_simple = b'"' not in self.head and _is_utf8(self.head)
        for piece, has_quotes in self._pieces():
            if has_quotes and _is_cut(piece, self.form.separator):
                return None
            is_simple = is_simple and not has_quotes and _is_utf8(piece)
            if others and not is_simple:
                return None
            frame = self._table(names, self.form.names, piece)
            # A row that is short has nothing in the last column, and a line without anything has nothing in any.
            if frame is None or frame[self.form.names[-1]].null_count():
                return None
            left -= len(piece)
            end = count + len(frame)
            if end > numbers.shape[1]:  # memory that is asked for and not written to is not taken
                room = np.empty((len(names), end + int(1.1 * len(frame) * max(left, 0) / len(piece))))
                room[:, :count], numbers = numbers[:, :count], room
            for place, name in enumerate(names):
                numbers[place, count:end] = frame[name].to_numpy()
            for name in others:
                texts[name].append(frame[name])
            count = end
        if not count:
            return None
        return _close(numbers, count), {name: pl.concat(texts[name]) for name in others}, is_simple

    def _pieces(self) -> Iterator[tuple[bytes, bool]]:
        """The samples of the file in pieces of whole lines, and whether there are quotes in each.

        From the first of them on it is one piece, as lines may be no rows.
        """
        with self.path.open("rb") as file:
            for _ in range(self.above):
                file.readline()
            while piece := file.read(_to_the_end_of_a_line(file)):
                if b'"' in piece:
                    yield piece + file.read(), True
                    return
                yield piece, False

    def texts(self, names: Sequence[str]) -> dict[str, pl.Series] | None:
        """Some columns as they stand in the file, null where a cell says nothing; None if they cannot be read."""
        frame = self._table((), names, self.path)
        return None if frame is None else self._as_text({name: frame[name] for name in names})

    def _column(self, name: str) -> pl.Series:
        found = self.texts([name])
        if found is None:
            raise DataError(f"{self.path}: cannot be read again; has it changed?", ("file",))
        return found[name]

    def _as_text(self, columns: dict[str, pl.Series]) -> dict[str, pl.Series]:
        """Text without the blanks around it, null where it says nothing."""
        import polars as pl

        cells = pl.col(pl.String).str.strip_chars()
        known = pl.when(~cells.is_in(sorted(self.missing))).then(cells)
        table = pl.DataFrame(list(columns.values())).with_columns(known) if columns else pl.DataFrame()
        return {series.name: series for series in table.get_columns()}

    def _table(self, numbers: Collection[str], names: Sequence[str], place: Path | bytes) -> pl.DataFrame | None:
        """Some columns of the file, or of samples from it, those of `numbers` as such, null where a cell is none."""
        import polars as pl

        numbers = frozenset(numbers)
        every = len(names) == len(self.form.names)
        wanted = None if every else [i for i, name in enumerate(self.form.names) if name in names]
        schema = {name: pl.Float64() if name in numbers else pl.String() for name in self.form.names}
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                frame = pl.read_csv(
                    place, has_header=False, skip_lines=self.above if place is self.path else 0,
                    separator=self.form.separator, schema=schema, columns=wanted, ignore_errors=True, glob=False,
                    low_memory=True,
                )  # fmt: skip
            except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
                return None
        return None if told else frame


def _is_cut(text: bytes, separator: str) -> bool:
    """Whether a quote is never closed: of a last cell `"12.5` polars takes the end off with the quote, and finds 12."""
    last = text.rstrip(b"\r\n").rpartition(separator.encode())[2]
    return text.count(b'"') % 2 == 1 or last.count(b'"') % 2 == 1


def _to_the_end_of_a_line(file: IO[bytes]) -> int:
    """The bytes of the next piece of a file."""
    start = file.tell()
    file.seek(start + PIECE)
    file.readline()
    end = file.tell()
    file.seek(start)
    return end - start


def _close(numbers: Floats, count: int) -> Floats:
    """The first numbers of each row side by side, in the memory that they have."""
    flat, width = numbers.reshape(-1), numbers.shape[1]
    for place in range(1, len(numbers)):
        flat[place * count : (place + 1) * count] = flat[place * width : place * width + count]
    return flat[: len(numbers) * count].reshape(len(numbers), count)


def _totals(numbers: Floats) -> list[float]:
    """The sum of each column, which is finite if all of its cells are."""
    with np.errstate(over="ignore", invalid="ignore"):
        totals: list[float] = numbers.sum(axis=1).tolist()
    return totals


def _agree(numbers: Floats, texts: pl.Series) -> bool:
    """Whether the cells that are no finite numbers are those that say nothing, which then are NaN."""
    empty = texts.is_null().to_numpy()
    if not np.array_equal(~np.isfinite(numbers), empty):
        return False
    numbers[empty] = np.nan
    return True


def _is_utf8(text: bytes) -> bool:
    """Whether whole lines are UTF-8 without zeros."""
    if b"\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
