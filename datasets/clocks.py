"""Times of day and durations in text, `12:30`, `1:02:03.5`, `2 days 03:04:05`, `PT1H30M`, as numbers of seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

HOURS, MINUTES = CLOCKS = ("h:m", "m:s")  # what two numbers are, as in 12:30
_CLOCK = (
    r"^\s*(?P<sign>[+-])?(?:(?P<days>[0-9]+) days?,?\s*)?(?P<first>[0-9]{1,6}):(?P<second>[0-5][0-9])"
    r"(?::(?P<third>[0-5][0-9]))?(?P<fraction>[.,][0-9]+)?\s*(?P<half>(?i:[ap]\.?m\.?))?\s*$"
)
_ISO = (
    r"^\s*(?P<sign>[+-])?P(?:(?P<weeks>[0-9]+)W)?(?:(?P<days>[0-9]+(?:[.,][0-9]+)?)D)?"
    r"(?:T(?:(?P<hours>[0-9]+(?:[.,][0-9]+)?)H)?(?:(?P<minutes>[0-9]+(?:[.,][0-9]+)?)M)?"
    r"(?:(?P<seconds>[0-9]+(?:[.,][0-9]+)?)S)?)?\s*$"
)
_UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
_LOOKS = re.compile(r"^\s*[+-]?(?:P(?=[0-9T])|(?:[0-9]+ days?,?\s*)?[0-9]{1,6}:[0-5][0-9])")
Seconds = npt.NDArray[np.float64]


def clocks_of(cells: Any) -> tuple[str, ...]:
    """What two numbers of a column's cells may be, the usual first; none if some are neither times nor durations.

    Two numbers are hours and minutes as long as all cells are such and could be times of day. Beside three numbers,
    or above 24, they may be minutes and seconds as well.
    """
    import polars as pl

    if isinstance(cells, np.ndarray) or cells.dtype != pl.String:
        return (HOURS,) if not isinstance(cells, np.ndarray) and cells.dtype in (pl.Duration, pl.Time) else ()
    known = cells.drop_nulls()
    if not len(known) or not all(_LOOKS.match(text) for text in known.head(8)):
        return ()
    different = known.unique()
    if np.isnan(seconds(different, MINUTES)).any():  # which takes all that hours take
        return ()
    found = different.str.extract_groups(_CLOCK).struct.unnest()
    are_pairs = (found["first"].is_not_null() & found["third"].is_null() & found["half"].is_null()).to_numpy()
    pairs = found.filter(are_pairs)
    if pairs["days"].count():
        return (HOURS,)
    has_fraction = pairs["fraction"].count() > 0  # a fraction is one of seconds
    is_day = not len(pairs) or (bool(are_pairs.all()) and int(pairs["first"].cast(int).max() or 0) < 24)
    return (MINUTES,) if has_fraction else (HOURS,) if is_day else CLOCKS


def seconds(texts: pl.Series, clock: str) -> Seconds:
    """Texts as seconds, NaN where one is missing or none."""
    read = _clock_seconds(texts, clock)
    if np.isnan(read).any() and texts.str.contains("P", literal=True).any():
        read = np.where(np.isnan(read), _iso_seconds(texts), read)
    return read


def _clock_seconds(texts: pl.Series, clock: str) -> Seconds:
    found = texts.str.extract_groups(_CLOCK).struct.unnest()
    first, second, third = (_floats(found[name]) for name in ("first", "second", "third"))
    are_pairs = np.isnan(third)
    days, fraction = (np.nan_to_num(_floats(found[name])) for name in ("days", "fraction"))
    half = found["half"].str.slice(0, 1).str.to_lowercase().fill_null("").to_numpy()
    wrong = (half != "") & ((first < 1) | (first > 12))
    hours = np.where(half == "", first, first % 12 + 12 * (half == "p"))
    total = np.where(are_pairs & (clock == MINUTES) & (half == ""), first * 60 + second, hours * 3_600 + second * 60)
    total = total + np.nan_to_num(third) + fraction + days * 86_400
    wrong |= are_pairs & (clock == HOURS) & (fraction > 0)
    read: Seconds = np.where(wrong, np.nan, _signed(found["sign"], total))
    return read


def _iso_seconds(texts: pl.Series) -> Seconds:
    found = texts.str.extract_groups(_ISO).struct.unnest()
    parts = np.stack([_floats(found[name]) for name in _UNITS])
    total = np.nansum(parts * np.array(list(_UNITS.values()))[:, None], axis=0)
    read: Seconds = np.where(np.isnan(parts).all(axis=0), np.nan, _signed(found["sign"], total))
    return read


def _signed(sign: pl.Series, total: Seconds) -> Seconds:
    negative: Seconds = np.where((sign == "-").fill_null(False).to_numpy(), -total, total)
    return negative


def _floats(digits: pl.Series) -> Seconds:
    import polars as pl

    numbers: Seconds = (
        digits.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    )
    return numbers


def stored_seconds(values: Any) -> Seconds:
    """A column of durations or times of day as seconds, NaN where one is missing."""
    import polars as pl

    if values.dtype == pl.Time:
        return _scaled(values.cast(pl.Int64), 1e9)
    return _scaled(values.cast(pl.Duration("us")).cast(pl.Int64), 1e6)


def _scaled(values: pl.Series, unit: float) -> Seconds:
    import polars as pl

    numbers: Seconds = values.cast(pl.Float64).fill_null(np.nan).to_numpy() / unit
    return numbers
