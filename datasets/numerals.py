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

if TYPE_CHECKING:
    import polars as pl

DECIMALS = (".", ",")
SPACES = "\u0020\u00a0\u2009\u202f"
THOUSANDS = (",", ".", " ", "'")  # a space is any of SPACES, an apostrophe any of APOSTROPHES
APOSTROPHES = "'\u2019"
CURRENCIES = "$€£¥₹₽₩₺₫₴¢"
EXACT = 2**53  # below, a float64 holds every whole number
_LOOKED_AT = 10_000  # different cells
_NAMED = 4
_FIRST = 8  # cells, which acquit nearly every column
# Three capitals that ISO 4217 has for money, of those that tables hold most.
_CODES = "USD|EUR|GBP|JPY|CHF|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|KRW|SGD|HKD"

_WORDS = r"kr\.?|zł|Kč|Ft|Fr\.?|Rs\.?"  # of a currency, in small letters and large


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

    def read(self, texts: pl.Series) -> pl.Series:
        """Cells as float64, null where one is missing or no number; those that are no text are cast."""
        import polars as pl

        if texts.dtype != pl.String:
            return texts.cast(pl.Float64, strict=False)
        if self.is_plain:
            numbers = texts.cast(pl.Float64, strict=False)
            if numbers.null_count() == texts.null_count():
                return numbers
            if not texts.filter(numbers.is_null() & texts.is_not_null()).str.contains(r"\d").any():  # as of names
                return numbers
            return pl.select(pl.coalesce(numbers, self._rewritten(texts).cast(pl.Float64, strict=False))).to_series()
        return self._rewritten(texts).cast(pl.Float64, strict=False)

    def _rewritten(self, texts: pl.Series) -> pl.Series:
        """Cells in Python's way; of those that are no numbers in this way, none."""
        bare = bared(texts)
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
# The ways that are looked for, the simplest first.
_WAYS = tuple(Numerals(d, t) for t in ("", *THOUSANDS) for d in DECIMALS if d != t)
_COMMAS, _COMMA = Numerals(".", ","), Numerals(",", "")


def _class(mark: str) -> str:
    """What stands for a mark, inside of a class of a regular expression."""
    return {" ": SPACES, "'": APOSTROPHES}.get(mark, re.escape(mark))


def bared(texts: pl.Series) -> pl.Series:
    """Cells without what stands beside the digits: a currency, a percent sign, a minus that is another character.

    Brackets around a number make it negative, as in books. Percent are as they stand: `12.7%` is 12.7.
    """
    plain = texts.str.replace_all("[\u2212\ufe63\uff0d]", "-")
    plain = plain.str.replace(r"^\((.*\d.*)\)$", "-${1}")
    money = rf"[{CURRENCIES}]|(?:US|CA|A|NZ|HK|R)\$|{_CODES}|{_WORDS}|%"
    plain = plain.str.replace(rf"^([+-]?)\s*(?:{money})\s*([+-]?[\d.,])", "${1}${2}")
    return plain.str.replace(rf"(\d[.,]?)\s*(?:{money})$", "${1}")


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
        cell = column.filter(read.is_null() & column.is_not_null()).head(1)
        if re.search(r"\d", cell[0]) and any(not way.read(cell).has_nulls() for way in _WAYS):
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
        if not len(known) or not bared(known).str.contains(r"^[+-]?[.,]?\d").all():
            continue
        ways = {way for way in _WAYS if not way.read(known).has_nulls()}
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
        if len(odd) and not numerals.read(odd).has_nulls():
            found.append(f'"{odd[0]}" in "{column.name}" as {numerals.read(odd.head(1))[0]:g}')
    more = f" and {len(found) - _NAMED} columns more" if len(found) > _NAMED else ""
    marks = (("decimal", numerals.decimal, "."), ("thousands", numerals.thousands, ""))
    write = ", ".join(f'{name}: "{mark}"' for name, mark, usual in marks if mark != usual)
    said = f"; `{write}` in `data` says so" if write else ""
    return f"numbers are read: {', '.join(found[:_NAMED])}{more}{said}" if found else ""


def are_codes(cells: pl.Series) -> bool:
    """Whether cells of text are whole numbers of which some begin with 0, as ZIP codes do: names, not quantities."""
    import polars as pl

    if cells.dtype != pl.String or not all(cell is None or cell.isdecimal() for cell in cells.head(_FIRST)):
        return False
    known = cells.drop_nulls()
    if not known.str.contains(r"^0\d").any():
        return False
    return bool(known.str.contains(r"^\d+$").all())
