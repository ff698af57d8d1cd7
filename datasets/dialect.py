"""How a delimited file is written: what stands above its samples, its separator, and the names of its columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from ..counts import number_of
from .errors import DataError
from .units import are_units

MAX_COLUMNS = 10_000
_SEPARATORS = ",;\t|"
COMMENT = "#"
_LOOKED_AT = 20  # records below the header
_COUNTED = 3  # columns that are called by numbers, at least
_SEP = re.compile(
    r'\s*"?sep=([\t !#-/:-@\[-`{-~])"?\s*', re.IGNORECASE
)  # Excel's first line; a mark of one byte, no quote
_INVISIBLE = {"\t": "tabs", " ": "spaces"}
Note = Callable[[str], None]  # is told what a person should know
Record = tuple[int, str]  # where it ends in the text, in bytes, and the record itself


def nothing(text: str) -> None:
    """Where nobody wants to know."""


@dataclass(frozen=True)
class Dialect:
    """How a file is written: its separator, the names of its columns, and whether a line of it holds them.

    The samples start behind `start` bytes of the text; lines that begin with `comment` are none. The columns of `left`
    are left out.
    """

    separator: str
    names: tuple[str, ...]
    has_header: bool
    start: int = 0
    comment: str = ""
    left: tuple[str, ...] = ()

    def samples(self, text: bytes) -> bytes:
        """Whole lines without those that are comments, and yet not within quotes."""
        if not self.comment or (mark := self.comment.encode()) not in text:
            return text
        kept, quotes = [], 0
        for line in io.BytesIO(text):
            if quotes % 2 or not line.startswith(mark):
                kept.append(line)
                quotes += line.count(b'"')
        return b"".join(kept)


@dataclass(frozen=True)
class Known:
    """What a description says of how a file is written; what it leaves open is told by the file's beginning."""

    separator: str | None = None
    header: bool | Sequence[str] | None = None
    comment: str | None = None
    index: bool = False


def dialect(path: Path, text: bytes, known: Known, note: Note = nothing) -> Dialect:
    """The dialect of a file that begins with a text, in UTF-8.

    The separator is the one that comes most often outside of quotes. A first line is no header if one of its cells
    is a number, unless these count up by one; then the columns are called column_1, column_2, ...
    """
    records = list(islice(_records(text), 1_000))
    separator, records, above = _head(records, known, note)
    if not records:
        raise DataError(f"{path}: expected a header or samples in the first line, found nothing")
    start = above[-1][0] if above else 0
    first = records[0][1]
    chosen = separator or max(_SEPARATORS, key=lambda mark: len(cells_of(first, mark)))
    cells = [cell.strip() for cell in cells_of(first, chosen)]
    if not any(cells):
        raise DataError(f"{path}: expected a header or samples in the first line, found nothing")
    if len(cells) > MAX_COLUMNS:
        raise DataError(f"{path}: expected at most {MAX_COLUMNS:,} columns, found {len(cells):,}")
    header = known.header
    has_header = _are_names(cells) if header is None else header is True
    given = tuple(header) if isinstance(header, Sequence) else ()
    if given and len(given) != len(cells):
        found = f"{number_of(len(given), 'name')} for {number_of(len(cells), 'column')}"
        raise DataError(f"{path}: header: expected a name for each column, found {found}", ("header",))
    left: tuple[str, ...] = ()
    names = given or tuple(f"column_{n}" for n in range(1, len(cells) + 1))
    if has_header:
        below = [cells_of(line, chosen) for _, line in records[1 : _LOOKED_AT + 1]]
        is_longer = bool(below) and all(len(row) == len(cells) + 1 for row in below)
        is_sure = is_longer and (len(below) > 1 or not is_number(below[0][0]))
        if is_sure and any(row[-1].strip() for row in below):  # R's `write.table`; else a comma ends each row
            cells = ["", *cells]
        names, left = named(cells, note, keeps_index=known.index)
        start = records[0][0]
        if are_units(below[:1], below[1:]):
            shown = ", ".join(cell.strip() for cell in below[0] if cell.strip())
            note(f"the line below the header holds units, and is no sample: {shown[:80]}")
            start = records[1][0]
    return Dialect(chosen, names, has_header, start, known.comment or "", left)


def _head(records: list[Record], known: Known, note: Note) -> tuple[str | None, list[Record], list[Record]]:
    """The separator, if a line says it, the records from the header on, and those above it."""
    separator, above = known.separator, list[Record]()
    if records and (said := _SEP.fullmatch(records[0][1])):
        above, records = records[:1], records[1:]
        separator = separator or said[1]
        shown = _INVISIBLE.get(said[1], f'"{said[1]}"')
        note(f"the first line says that cells are separated by {shown}")
    mark = known.comment or COMMENT
    count = next((i for i, (_, line) in enumerate(records) if not line.startswith(mark)), len(records))
    comments, rest = records[:count], records[count:]
    if comments and rest and known.comment is None and (last := _as_header(comments[-1][1], rest[0][1], separator)):
        rest = [(comments[-1][0], last), *rest]
        comments = comments[:-1]
    if comments and known.comment is None:
        lines = number_of(len(comments), "comment line")
        note(f'left out {lines} above the header, marked by "{COMMENT}"')
    return separator, rest, above + comments


def _as_header(comment: str, below: str, separator: str | None) -> str:
    """The last comment as a header, if it has a name for each of the cells below it; empty if it has not."""
    mark = separator or max(_SEPARATORS, key=lambda mark: len(cells_of(below, mark)))
    line = comment.removeprefix(f"{COMMENT} ")
    count = len(cells_of(line, mark))
    if count < 2 or count != len(cells_of(below, mark)) or any(is_number(cell) for cell in cells_of(line, mark)):
        return ""
    return line


def named(cells: list[str], note: Note, *, keeps_index: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A name of its own for each column, and the names of those that are left out."""
    names: list[str] = []
    known, left = set(cells), tuple[str, ...]()
    taken = set[str]()
    for number, cell in enumerate(cells, 1):
        name = cell or free(f"column_{number}", known)
        if not cell and number == 1 and any(cells[1:2]):
            if not keeps_index:
                left = (name,)
                note(f'the first column has no name and is left out as a row index; `index: true` keeps it as "{name}"')
        elif not cell:
            note(f'column {number:,} has no name; it is called "{name}"')
        elif cell in taken:
            name = free(f"{cell}_{names.count(cell) + cells[: number - 1].count(cell)}", known)
            note(f'there are several columns "{cell}"; column {number:,} is called "{name}"')
        names.append(name)
        taken.add(name)
        known.add(name)
    return tuple(names), left


def free(name: str, known: set[str]) -> str:
    """A name that none of those known is: itself, or with a number behind it."""
    found, number = name, 2
    while found in known:
        found, number = f"{name}_{number}", number + 1
    return found


def _records(text: bytes) -> Iterator[Record]:
    """The records of a text, quoted line breaks kept together, without blank ones."""
    held, end, quotes = b"", 0, 0
    for line in io.BytesIO(text):
        held, end, quotes = held + line, end + len(line), quotes + line.count(b'"')
        if quotes % 2 == 0:
            if held.strip():
                yield end, held.decode("utf-8", "replace").strip("\r\n")
            held = b""


def cells_of(line: str, separator: str) -> list[str]:
    """The cells of a record."""
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:  # a cell that is too long for this reader
        return line.split(separator)


def _are_names(cells: Sequence[str]) -> bool:
    """Whether cells name columns: none is a number, or those beside names count up by one, as years do."""
    numbers = [cell for cell in cells if is_number(cell)]
    if not numbers:
        return True
    is_counted = all(cell.isdecimal() for cell in numbers) and len(numbers) >= _COUNTED
    steps = {int(b) - int(a) for a, b in pairwise(numbers)} if is_counted else set()
    return steps == {1} and any(cell and not is_number(cell) for cell in cells)


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a point or a comma before its decimals."""
    try:
        float(cell.replace(",", ".", 1))
    except ValueError:
        return False
    return True
