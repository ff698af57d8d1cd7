"""How the dates of a column are written, found out from the whole column, never from its first cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

from .date_patterns import ISO, fragment, moments, regexes

if TYPE_CHECKING:
    import polars as pl

DAY_FIRST, MONTH_FIRST, YEAR_FIRST = "day first", "month first", "year first"
COMPACT = "%Y%m%d"
_SAMPLE = 24  # different cells that a layout mostly has to fit before all of them are tried
_MOSTLY = 0.8  # of the cells; where fewer are dates, the others are no mistakes
_LONGEST = 64  # characters
_DIGIT = re.compile(r"\d")


# Layouts of a day -> which part stands first; several that read all of a column are readings of it, none is guessed.
# Dotted dates are day first wherever people write dots (CLDR), so that month first is tried when that does not fit.
_DAYS = {
    **{f"%d{mark}%m{mark}%{year}": DAY_FIRST for mark, year in product("/-", "Yy")},
    **{f"%m{mark}%d{mark}%{year}": MONTH_FIRST for mark, year in product("/-", "Yy")},
    **{f"%y{mark}%m{mark}%d": YEAR_FIRST for mark in "/-."},
    "%d.%m.%Y": DAY_FIRST,
    "%d.%m.%y": DAY_FIRST,
    "%m.%d.%Y": MONTH_FIRST,
    "%m.%d.%y": MONTH_FIRST,
    **{f"%d{mark}%b{mark}%{year}": DAY_FIRST for mark, year in product("/- .", "Yy")},
    "%d%b%Y": DAY_FIRST,
    "%d%b%y": DAY_FIRST,
    "%d. %b %Y": DAY_FIRST,
    "%d %b, %Y": DAY_FIRST,
    "%a, %d %b %Y": DAY_FIRST,
    "%a %d %b %Y": DAY_FIRST,
    "%b %d, %Y": MONTH_FIRST,
    "%b. %d, %Y": MONTH_FIRST,
    "%b %d %Y": MONTH_FIRST,
    "%b-%d-%Y": MONTH_FIRST,
    "%a, %b %d, %Y": MONTH_FIRST,
    "%a %b %d %Y": MONTH_FIRST,
    **{f"%Y{mark}%b{mark}%d": YEAR_FIRST for mark in "/- "},
    "%Y.%m.%d": YEAR_FIRST,
    "%Y-%m": YEAR_FIRST,
    "%Y/%m": YEAR_FIRST,
    "%m/%Y": MONTH_FIRST,
    "%b %Y": MONTH_FIRST,
    "%b-%Y": MONTH_FIRST,
}
# Only where no other layout fits; those that begin with a year also where they have fewer years than the others.
_RARE = {"%m.%d.%Y", "%m.%d.%y", "%y.%m.%d", "%y/%m/%d"}
# Times behind a day, and layouts with a time elsewhere.
_TIMES = [
    lead + time + zone
    for lead, time, zone in product(
        (" ", ", ", "T", ":"),
        ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M%p", "%I:%M:%S %p", "%I:%M:%S%p"),
        ("", "%z", " %z"),
    )
]
_WHOLE = {
    "%a %b %d %H:%M:%S %Y": MONTH_FIRST,
    "%a %b %d %H:%M:%S %z %Y": MONTH_FIRST,
    "%Y%m%dT%H%M%S": YEAR_FIRST,
    "%Y%m%dT%H%M%S%z": YEAR_FIRST,
    "%Y%m%d %H:%M": YEAR_FIRST,
    "%Y%m%d %H:%M:%S": YEAR_FIRST,
}


@dataclass(frozen=True)
class Layouts:
    """The layouts that read all cells of a column; or the one that reads most of them, and how many of how many."""

    all_of: tuple[str, ...] = ()
    mostly: str = ISO
    fitting: int = 0
    count: int = 0

    @property
    def has_strays(self) -> bool:
        """Whether most cells are dates, and not all."""
        return not self.all_of and self.fitting > 0


def layouts_of(texts: pl.Series) -> Layouts:
    """In which layouts the cells of a column are dates, whichever stands in what row."""
    known = texts.drop_nulls()
    spread = known.gather_every(max(1, len(known) // (4 * _SAMPLE)))
    sample = spread.unique(maintain_order=True).head(_SAMPLE).to_list()
    formats = [layout for layout in _candidates(sample) if _fits(sample, layout)]
    if not formats:
        return Layouts()
    counts = known.alias("text").value_counts(name="count")
    cells, weights = counts["text"], counts["count"]
    fitting = {layout: int(weights.filter(moments(cells, layout).is_not_null()).sum()) for layout in formats}
    full = [layout for layout in formats if fitting[layout] == len(known)]
    if full:
        usual = [layout for layout in full if day_of(layout) not in _RARE]
        usual += [layout for layout in full if usual and _has_fewer_years(cells, layout, usual[0])]
        return Layouts(tuple(usual or full), count=len(known))
    best = max(formats, key=lambda layout: fitting[layout])
    if fitting[best] < _MOSTLY * len(known):
        return Layouts()
    return Layouts(mostly=best, fitting=fitting[best], count=len(known))


def _has_fewer_years(cells: pl.Series, layout: str, usual: str) -> bool:
    """Whether a rare layout that begins with a year has fewer years than the usual one, whose days hardly change."""
    if order_of(layout) != YEAR_FIRST or day_of(layout) not in _RARE:
        return False
    first, other = (moments(cells, each).dt.year().n_unique() for each in (layout, usual))
    return first < other


def order_of(layout: str) -> str:
    """What stands first in a layout."""
    return _WHOLE.get(layout) or _DAYS.get(day_of(layout), YEAR_FIRST)


def day_of(layout: str) -> str:
    """The part of a layout that says the day."""
    return layout.removesuffix(max((time for time in _TIMES if layout.endswith(time)), key=len, default=""))


def _candidates(sample: list[str]) -> Iterator[str]:
    """Layouts that may fit, with the times that some cells end in."""
    dated = [text for text in sample if len(text) <= _LONGEST and _DIGIT.search(text)]
    if len(dated) < _MOSTLY * _MOSTLY * len(sample):
        return
    yield ISO
    times = [time for time in _TIMES if any(":" in text and _behind(time).search(text) for text in dated)]
    bare = [""] if any(":" not in text for text in dated) else []
    yield from (day + time for day, time in product(_DAYS, bare + times))
    yield from _WHOLE


@lru_cache(maxsize=128)
def _behind(time: str) -> re.Pattern[str]:
    """A time at the end of a text."""
    return re.compile(rf"{fragment(time)[0]}\s*$")


@lru_cache(maxsize=512)
def _expressions(layout: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(regex) for regex in regexes(layout))


def _fits(sample: list[str], layout: str) -> bool:
    """Whether most of some cells are written so."""
    expressions = _expressions(layout)
    wanted, left = _MOSTLY * _MOSTLY * len(sample), len(sample)  # a sample scatters
    fitting = 0
    for text in sample:
        fitting += any(expression.match(text) for expression in expressions)
        left -= 1
        if fitting + left < wanted:
            return False
    return True
