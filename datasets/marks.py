"""What stands beside the digits of numbers in text: a percent sign, a currency, a unit such as kg.

A column has one mark. It says what its numbers count, so that cells with another one are no numbers of this column:
`2.5%` is not 2.5, nor is `300 g` 300 kg. A currency may be left out; a percent sign and a unit may not.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from .units import is_unit

if TYPE_CHECKING:
    import polars as pl

PERCENT = "%"
CURRENCIES = "$€£¥₹₽₩₺₫₴¢"
_LOOKED_AT = 1_000  # cells
_LONGEST = 30  # characters of a unit
# Three capitals that ISO 4217 has for money, of those that tables hold most.
_CODES = "USD|EUR|GBP|JPY|CHF|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|BRL|MXN|ZAR|KRW|SGD|HKD"
_WORDS = r"kr\.?|zł|Kč|Ft|Fr\.?|Rs\.?"  # of a currency, in small letters and large
_MONEY = rf"[{CURRENCIES}]|(?:US|CA|A|NZ|HK|R)\$|{_CODES}|{_WORDS}"
_BEFORE = rf"^([+-]?)\s*(?P<mark>{_MONEY}|%)\s*([+-]?[\d.,])"
_BEHIND = (
    r"^[^\pL]*\d[.,]?(?:[eE][+-]?\d+)?(?P<gap>\s*)"
    rf"(?P<mark>[^\s\d.,;:/+'’)(-][^\d\s]{{0,{_LONGEST - 2}}}(?:[ ][^\d\s]+)?\d?)$"
)
_HALVES = {"am", "pm", "a.m", "p.m"}  # of a day
_WORD = re.compile(rf"[^\W\d_][\w .²³°%*·/{CURRENCIES}-]*")
LEADING_ZERO = r"^0\d"  # of a code, such as 007
_ZERO = r"^[+-]?0+(?:[.,]0*)?$"


def mark_of(texts: pl.Series) -> str:
    """What stands beside the digits of a column of text, in half of its cells at least; empty where nothing does.

    A word that is no unit we know of is one if a blank is before it and all cells have it. A currency may be in fewer.
    """
    some = _some(texts)
    counts, is_apart = _counted(some)
    for mark, count in counts.items():
        if mark.lower() in _HALVES:
            continue
        is_word = _WORD.fullmatch(mark) and is_apart
        if is_free(mark) or (is_known(mark) and 2 * count >= len(some)) or (is_word and count == len(some)):
            return "" if bared(some, mark).str.contains(LEADING_ZERO).any() else str(mark)  # codes, such as 01A
    return ""


def several(texts: pl.Series) -> str:
    """What a column of numbers in several units holds: `30 in "kg", 29 in "g"`; empty for any other column."""
    import polars as pl

    some = _some(texts)
    counts, _ = _counted(some)
    if have_leading_zeros(some):
        return ""
    if not counts or not all(is_free(mark) or is_known(mark) for mark in counts):
        return ""
    bare = len(some) - sum(counts.values())
    if len(counts) + bool(bare) < 2 or bare != some.cast(pl.Float64, strict=False).count():
        return ""
    found = [f'{count:,} in "{mark}"' for mark, count in counts.items()]
    return ", ".join([*found, f"{bare:,} without one"] if bare else found)


def have_leading_zeros(texts: pl.Series) -> bool:
    """Whether cells begin with a zero that no number needs, as 007 does: then all of them are names."""
    return bool(texts.str.contains(rf"{LEADING_ZERO}+\pL*$").any())


def affixed(texts: pl.Series) -> str:
    """The text that stands around the number in every cell, as in `~0.5` and `12k`; empty where there is none such.

    Letters before whole numbers are none, as in `user12`.
    """
    found = _some(texts).str.extract_groups(r"^(\D*?)([+-]?\d[\d.,]*)(\D*)$").struct.unnest()
    if not found.height or found.null_count().row(0) != (0, 0, 0):
        return ""
    before, number, behind = (found[name] for name in found.columns)
    if before.n_unique() > 1 or behind.n_unique() > 1:
        return ""
    is_name = re.search(r"\w", before[0]) is not None and not number.str.contains(r"[.,]\d").any()
    is_code = number.str.contains(LEADING_ZERO).any()
    return "" if is_name or is_code else f"{before[0]}{{}}{behind[0]}".strip()


def _some(texts: pl.Series) -> pl.Series:
    known = texts.drop_nulls()
    return plain(known.gather_every(max(1, len(known) // _LOOKED_AT)).head(_LOOKED_AT))


def _counted(some: pl.Series) -> tuple[dict[str, int], bool]:
    """In how many cells a mark stands, the most frequent first; and whether a blank is before all that are behind."""
    if not len(some):
        return {}, False
    behind = some.str.extract_groups(_BEHIND).struct.unnest()
    before = some.str.extract_groups(_BEFORE).struct.unnest()["mark"]
    marks = before.zip_with(before.is_not_null(), behind["mark"]).str.strip_chars_end(".")
    counts = marks.alias("mark").drop_nulls().value_counts(name="n").sort(["n", "mark"], descending=[True, False])
    return dict(counts.iter_rows()), not behind["gap"].eq("").any()


def is_known(mark: str) -> bool:
    """Whether a text is a mark wherever it stands."""
    return mark == PERCENT or is_unit(mark)


@lru_cache(maxsize=256)
def is_free(mark: str) -> bool:
    """Whether a mark may be left out: none at all, and a currency."""
    return not mark or re.fullmatch(rf"(?:{_MONEY})", mark) is not None


def plain(texts: pl.Series) -> pl.Series:
    """Cells with a minus as Python has it; brackets around a number make it negative, as in books."""
    return texts.str.replace_all("[\u2212\ufe63\uff0d]", "-").str.replace(r"^\((.*\d.*)\)$", "-${1}")


def bared(texts: pl.Series, mark: str) -> pl.Series:
    """Cells without their mark, null where that is missing and may not be; percent are as they stand, `12.7%` 12.7."""
    cells = plain(texts)
    if not mark:
        return cells
    own = re.escape(mark) + r"\.?"
    bare = cells.str.replace(rf"(\d[.,]?(?:[eE][+-]?\d+)?)\s*(?:{own})$", "${1}")
    if mark == PERCENT or is_free(mark):
        bare = bare.str.replace(rf"^([+-]?)\s*(?:{own})\s*([+-]?[\d.,])", "${1}${2}")
    if is_free(mark):
        return bare
    lacking = bare == cells
    if mark == PERCENT:
        lacking &= ~cells.str.contains(_ZERO)  # which is the same in percent
    return bare.set(lacking.fill_null(False), None)
