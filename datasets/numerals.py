"""How numbers are written in text: the decimal mark, what stands between thousands, and signs beside the digits.

A file writes all of its numbers in one way. What it is, its cells say: `21,5` has a decimal comma, `1,234.5` commas
between thousands; `1,234` may be either, and where no cell decides that is told, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import DataError
from .marks import LEADING_ZERO, bared, is_free, mark_of

if TYPE_CHECKING:
    import polars as pl

DECIMALS = (".", ",")
SPACES = "\u0020\u00a0\u2009\u202f"
THOUSANDS = (",", ".", " ", "'")  # a space is any of SPACES, an apostrophe any of APOSTROPHES
APOSTROPHES = "'\u2019"
EXACT = 2**53  # below, a float64 holds every whole number
_LOOKED_AT = 10_000  # different cells
_NAMED = 4
_FIRST = 8  # cells, which acquit nearly every column


@dataclass(frozen=True)
class Numerals:
    """A way to write numbers: 1234.5 is `1{thousands}234{decimal}5`."""

    decimal: str = "."
    thousands: str = ""

    def __post_init__(self) -> None:
        if self.decimal not in DECIMALS:
            raise DataError(f'decimal: expected "." or ",", found "{self.decimal}"', ("decimal",))
        if self.thousands and self.thousands not in THOUSANDS:
            known = ", ".join(f'"{mark}"' for mark in THOUSANDS)
            raise DataError(f'thousands: expected one of {known}, found "{self.thousands}"', ("thousands",))
        if self.thousands == self.decimal:
            raise DataError(f'thousands: expected another mark than `decimal`, found "{self.decimal}" for both')

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as Python writes them."""
        return self == PLAIN

    @property
    def example(self) -> str:
        """1234.5 in this way."""
        return f"1{self.thousands}234{self.decimal}5"

    def read(self, texts: pl.Series, mark: str | None = None) -> pl.Series:
        """Cells as float64, null where one is missing or no number; those that are no text are cast.

        `mark` is what stands beside the digits, see `marks`; if it is not given, what most cells have there.
        """
        import polars as pl

        if texts.dtype != pl.String:
            return texts.cast(pl.Float64, strict=False)
        numbers = None
        if self.is_plain and is_free(mark or ""):
            numbers = texts.cast(pl.Float64, strict=False)
            if numbers.null_count() == texts.null_count():
                return numbers
            if not texts.filter(numbers.is_null() & texts.is_not_null()).str.contains(r"\d").any():  # as of names
                return numbers
        mark = mark_of(texts) if mark is None else mark
        written = self._rewritten(texts, mark).cast(pl.Float64, strict=False)
        if numbers is None or not is_free(mark):
            return written
        return pl.select(pl.coalesce(numbers, written)).to_series()

    def _rewritten(self, texts: pl.Series, mark: str) -> pl.Series:
        """Cells in Python's way; of those that are no numbers in this way, none."""
        bare = bared(texts, mark)
        whole = bare.str.contains(self._pattern)
        if self.thousands:
            bare = bare.str.replace_all(f"[{_class(self.thousands)}]", "")
        if self.decimal != ".":
            bare = bare.str.replace(self.decimal, ".", literal=True)
        return bare.set(~whole.fill_null(False), None)

    @property
    def _pattern(self) -> str:
        """Of a number in this way, its groups of three whole."""
        point = re.escape(self.decimal)
        groups = rf"[1-9]\d{{0,2}}(?:[{_class(self.thousands)}]\d{{3}})+|" if self.thousands else ""
        return rf"^[+-]?(?:(?:{groups}\d+)(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?$"


PLAIN = Numerals()


def numerals_of(decimal: str | None, thousands: str | None) -> Numerals | None:
    """The way to write numbers that has these marks, as far as they are given; None if neither is."""
    if decimal is None and thousands is None:
        return None
    return Numerals(decimal or ("," if thousands == "." else "."), thousands or "")


# The ways that are looked for, the simplest first.
_WAYS = tuple(Numerals(d, t) for t in ("", *THOUSANDS) for d in DECIMALS if d != t)
_COMMAS, _COMMA = Numerals(".", ","), Numerals(",", "")


def _class(mark: str) -> str:
    """What stands for a mark, inside of a class of a regular expression."""
    return {" ": SPACES, "'": APOSTROPHES}.get(mark, re.escape(mark))


@dataclass(frozen=True)
class Ambiguous:
    """Columns whose numbers may be read in two ways, with a cell of the first."""

    columns: tuple[str, ...]
    cell: str

    @property
    def readings(self) -> tuple[str, str]:
        """What the cell may be."""
        return self.cell.replace(",", ""), self.cell.replace(",", ".")

    @property
    def lines(self) -> tuple[str, str]:
        """What to write of the table for each of them."""
        return 'thousands: ","', 'decimal: ","'


def odd(columns: Iterable[pl.Series]) -> list[pl.Series]:
    """The columns of text that may be numbers, and not as Python writes them, by the first cell that it cannot read."""
    import polars as pl

    found = []
    for column in columns:
        read = column.cast(pl.Float64, strict=False)
        if read.null_count() == column.null_count():
            continue
        first = column.filter(read.is_null() & column.is_not_null()).head(_FIRST)
        cell, mark = first.head(1), mark_of(first)
        if re.search(r"\d", cell[0]) and any(not way.read(cell, mark).has_nulls() for way in _WAYS):
            found.append(column)
    return found


def told(columns: Iterable[pl.Series]) -> Numerals | Ambiguous:
    """How the numbers of some columns of text are written; PLAIN if nothing says otherwise.

    A column speaks if all its cells are numbers in some way. If the columns have no way in common, the one that most
    of them have; the others then are no numbers.
    """
    votes: dict[str, set[Numerals]] = {}
    cells: dict[str, str] = {}
    for column in columns:
        known = column.drop_nulls().unique(maintain_order=True).head(_LOOKED_AT)
        mark = mark_of(known)
        if not len(known) or not bared(known, mark).str.contains(r"^[+-]?[.,]?\d").fill_null(False).all():
            continue
        ways = {way for way in _WAYS if not way.read(known, mark).has_nulls()}
        if ways:
            votes[column.name], cells[column.name] = ways, str(known[0])
    decided = [ways for ways in votes.values() if not _is_open(ways) and not {PLAIN, _COMMA} <= ways]
    common = set(_WAYS).intersection(*decided) if decided else set(_WAYS)
    if not common:
        counts = {way: sum(way in ways for ways in decided) for way in _WAYS}
        common = {max(_WAYS, key=lambda way: counts[way])}
    still = {name: common & ways for name, ways in votes.items()}
    unclear = tuple(name for name, ways in still.items() if ways and _is_open(ways))
    if unclear and not decided:
        return Ambiguous(unclear, cells[unclear[0]])
    left = set(common).intersection(*(ways for ways in still.values() if ways))
    return next((way for way in _WAYS if way in left), next(way for way in _WAYS if way in common))


def _is_open(ways: set[Numerals]) -> bool:
    """Whether a comma may be the decimal mark as well as the one between thousands."""
    return {_COMMAS, _COMMA} <= ways and PLAIN not in ways


def readings(columns: Iterable[pl.Series], numerals: Numerals) -> str:
    """A note on numbers that are not written as Python writes them, with a cell of each column; empty if all are."""
    import polars as pl

    found = []
    for column in columns:
        odd = column.filter(column.is_not_null() & column.cast(pl.Float64, strict=False).is_null())
        mark = mark_of(column)
        if len(odd) and not (read := numerals.read(odd, mark)).has_nulls():
            unit = "" if is_free(mark) else f" {mark}"
            found.append(f'"{odd[0]}" in "{column.name}" as {read[0]:g}{unit}')
    more = f" and {len(found) - _NAMED} columns more" if len(found) > _NAMED else ""
    marks = (("decimal", numerals.decimal, "."), ("thousands", numerals.thousands, ""))
    write = ", ".join(f'{name}: "{mark}"' for name, mark, usual in marks if mark != usual)
    said = f"; `{write}` in `data` says so" if write else ""
    return f"numbers are read: {', '.join(found[:_NAMED])}{more}{said}" if found else ""


def others(columns: Iterable[pl.Series], numerals: Numerals) -> str:
    """A warning of columns of text whose cells all are numbers, but written in another way; empty without any."""
    found = []
    for column in columns:
        known = column.drop_nulls().unique(maintain_order=True).head(_LOOKED_AT)
        mark = mark_of(known)
        if not len(known) or not numerals.read(known, mark).has_nulls() or are_codes(known):
            continue
        if any(not way.read(known, mark).has_nulls() for way in _WAYS):
            strange = known.filter(numerals.read(known, mark).is_null())
            found.append(f'"{strange[0]}" in "{column.name}"')
    if not found:
        return ""
    more = f" and {len(found) - _NAMED} columns more" if len(found) > _NAMED else ""
    return (
        f"no numbers, as others of this file are written as {numerals.example}: {', '.join(found[:_NAMED])}{more}; "
        "write all numbers of a file in one way"
    )


def are_codes(cells: pl.Series) -> bool:
    """Whether cells of text are whole numbers of which some begin with 0, as ZIP codes do: names, not quantities."""
    import polars as pl

    if cells.dtype != pl.String or not all(cell is None or cell.isdecimal() for cell in cells.head(_FIRST)):
        return False
    known = cells.drop_nulls()
    if not known.str.contains(LEADING_ZERO).any():
        return False
    return bool(known.str.contains(r"^\d+$").all())
