"""Points in time in text: patterns of strptime, read the same way whatever a library thinks of them.

`%Y` has four digits and `%y` two, of which 69 to 99 are 1969 to 1999 and 00 to 68 are 2000 to 2068, as POSIX has it.
Names of months are English, in full or short, in letters of any case. Zones are taken off: moments are in UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import polars as pl

ISO = ""  # the pattern of ISO 8601: 2024-12-31, 2024/12/31, 2024-12-31 10:30, 2024-12-31T10:30:00.5+02:00
EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000}  # what is counted since 1970 -> how many microseconds it has
PIVOT = 69  # of years of two digits: from here on they are of the century before
_MAX_MOMENT = 253_402_300_800_000_000  # microseconds, the end of the year 9999
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _any_of(names: tuple[str, ...], more: str = "") -> str:
    """A pattern for names in full or by three letters."""
    return rf"(?i:{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in names if len(name) > 3)}{more})"


_ZONE = r"(?i:z|utc|gmt|(?P<ahead>[+-])(?P<zone_hour>[0-9]{2}):?(?P<zone_minute>[0-9]{2})?)"
_NUMBER = "[0-9]{1,2}"
# Directive -> (the part that it gives, its pattern); `%S` takes a fraction of a second too.
_DIRECTIVES = {
    "Y": ("year", "[0-9]{4}"),
    "y": ("short_year", "[0-9]{2}"),
    "m": ("month", _NUMBER),
    "b": ("name", _any_of(_MONTHS, "|may|sept")),
    "d": ("day", _NUMBER),
    "j": ("day_of_year", "[0-9]{1,3}"),
    "H": ("hour", _NUMBER),
    "I": ("half_hour", _NUMBER),
    "p": ("half", r"(?i:[ap]\.?m\.?)"),
    "M": ("minute", "[0-9]{2}"),
    "S": ("second", "[0-9]{2}"),
    "f": ("fraction", "[0-9]{1,9}"),
    "z": ("zone", _ZONE),
    "a": ("", _any_of(_DAYS, "|tues|thurs?")),
}
_SAME = {"B": "b", "h": "b", "A": "a", "e": "d", "k": "H", "l": "I", "P": "p", "Z": "z", ":z": "z", "#z": "z"}
_WHOLE = {"F": "%Y-%m-%d", "T": "%H:%M:%S", "R": "%H:%M", "D": "%m/%d/%y", ".f": ".%f", ".3f": ".%f", ".6f": ".%f"}
_DIRECTIVE = re.compile(r"%(\.\d?f|[:#]z|.?)")
KNOWN = " ".join(f"%{name}" for name in (*_DIRECTIVES, *(name for name in _SAME if len(name) == 1), *"FTRD"))


class PatternError(ValueError):
    """A pattern that says no point in time."""


@dataclass(frozen=True)
class Pattern:
    """A pattern as a regular expression of named groups, which Python and polars read alike."""

    regex: str
    parts: frozenset[str]


@lru_cache(maxsize=512)
def compiled(pattern: str) -> Pattern:
    """The pattern as a regular expression. Raises PatternError for one that says no point in time."""
    regex, parts = fragment(pattern)
    _check(parts)
    return Pattern(rf"^\s*{regex}\s*$", frozenset(parts))


def fragment(pattern: str) -> tuple[str, set[str]]:
    """A piece of a pattern as a regular expression, and the parts of a point in time that it gives."""
    text = _DIRECTIVE.sub(lambda found: _WHOLE.get(found[1], found[0]), pattern)
    has_fraction = "%f" in text
    regex, parts, place = "", set[str](), 0
    for found in _DIRECTIVE.finditer(text):
        regex += _literal(text[place : found.start()])
        is_joined = place == found.start() > 0 or text[found.end() :].startswith("%")
        place = found.end()
        name = _SAME.get(found[1], found[1])
        if name == "%":
            regex += "%"
            continue
        if name not in _DIRECTIVES:
            raise PatternError(f"{found[0]} is none of {KNOWN}")
        part, form = _DIRECTIVES[name]
        if part in parts:
            raise PatternError(f"the {part} stands twice")
        parts |= {part} - {""}
        if form == _NUMBER and is_joined:
            form = "[0-9]{2}"  # nothing else parts it from its neighbor
        regex += f"(?P<{part}>{form})" if part else f"(?:{form})"
        if part == "second" and not has_fraction:
            regex += "(?:[.,](?P<fraction>[0-9]+))?"
    return regex + _literal(text[place:]), parts


def _literal(text: str) -> str:
    return r"\s+".join(re.escape(word) for word in re.split(r"\s+", text))


def _check(parts: set[str]) -> None:
    """Raise PatternError where parts do not make a point in time."""
    for wanted, beside, message in (
        ({"year", "short_year"}, set[str](), "no year, %Y or %y"),
        ({"month", "name", "day_of_year"}, set(), "no month, %m or %b"),
        ({"hour", "half_hour"}, {"minute", "half"}, "a minute and no hour, %H or %I"),
        ({"minute"}, {"second"}, "a second and no minute, %M"),
        ({"second"}, {"fraction"}, "a fraction and no second, %S"),
        ({"half"}, {"half_hour"}, "%I and no %p"),
        ({"half_hour"}, {"half"}, "%p and no %I"),
    ):
        if (not beside or beside & parts) and not wanted & parts:
            raise PatternError(message)
    for pair in ({"year", "short_year"}, {"month", "name"}, {"hour", "half_hour"}):
        if pair <= parts:
            raise PatternError(f"the {min(pair, key=len)} stands twice")


_TIME = (
    rf"(?:(?:[Tt]|\s+)(?P<hour>{_NUMBER}):(?P<minute>[0-9]{{2}})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
)
_ISO = tuple(
    rf"^\s*(?P<year>[0-9]{{4}}){mark}(?P<month>{_NUMBER}){mark}(?P<day>{_NUMBER}){_TIME}\s*(?P<zone>{_ZONE})?)?\s*$"
    for mark in "-/"
)


# The commonest forms of ISO 8601, which polars reads at once; it takes other texts for dates, so that these are fixed.
_PLAIN = {
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "%Y-%m-%d",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-5][0-9]:[0-5][0-9]$": "%Y-%m-%d %H:%M:%S",
}


def regexes(pattern: str) -> tuple[str, ...]:
    """The regular expressions of a pattern; a text that fits one of them may be a date still of no calendar."""
    return (compiled(pattern).regex,) if pattern else _ISO


def moments(texts: pl.Series, pattern: str) -> pl.Series:
    """Texts as points in time (microseconds, UTC) by a pattern; null where one is none. Raises PatternError."""
    for plain, form in _PLAIN.items() if pattern == ISO else ():
        if texts.str.contains(plain).all():
            return _at_once(texts, form)
    first, *others = regexes(pattern)
    read = _moments(texts, first)
    for regex in others:
        if read.null_count() > texts.null_count():
            read = read.fill_null(_moments(texts, regex))
    return read


def _at_once(texts: pl.Series, form: str) -> pl.Series:
    import polars as pl

    return texts.str.strptime(pl.Datetime("us"), form, strict=False).alias("moment")


def since_epoch(numbers: npt.NDArray[np.float64], form: str) -> pl.Series:
    """Seconds or milliseconds since 1970, NaN where one is missing, as points in time."""
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.round(numbers * EPOCHS[form])
        fits = np.abs(scaled) < _MAX_MOMENT
    return _series(np.where(fits, scaled, 0).astype(np.int64), fits)


def _moments(texts: pl.Series, regex: str) -> pl.Series:
    found = texts.str.extract_groups(regex).struct.unnest()
    number = _Numbers(found)
    year = number("year")
    if "short_year" in found.columns:
        short = number("short_year")
        year = np.where(short >= PIVOT, 1900 + short, 2000 + short)
    month, day = number("month", 1), number("day", 1)
    if "name" in found.columns:
        month = _looked_up(found["name"], {name[:3]: i for i, name in enumerate(_MONTHS, 1)})
    ordinal = number("day_of_year", 1)
    hour, minute, second = number("hour"), number("minute"), number("second")
    if "half_hour" in found.columns:
        half = number("half_hour")
        number.fits &= (half >= 1) & (half <= 12)
        hour = half % 12 + 12 * _looked_up(found["half"], {"p": 1, "a": 0})
    number.fits &= (month >= 1) & (month <= 12) & (day >= 1) & (ordinal >= 1)
    number.fits &= (hour <= 23) & (minute <= 59) & (second <= 59)
    of_month = (year - 1970) * 12 + np.where(number.fits, month, 1) - 1
    days = of_month.astype("datetime64[M]").astype("datetime64[D]") + (day - 1)
    number.fits &= days.astype("datetime64[M]").astype(np.int64) == of_month  # the 31st of February is in March
    if "day_of_year" in found.columns:
        of_year = (year - 1970).astype("datetime64[Y]")
        days = of_year.astype("datetime64[D]") + (ordinal - 1)
        number.fits &= days.astype("datetime64[Y]") == of_year
    seconds = days.astype(np.int64) * 86_400 + hour * 3_600 + minute * 60 + second - _ahead(found, number)
    return _series(seconds * 1_000_000 + _microseconds(found), number.fits)


class _Numbers:
    """Groups of digits as integers; `fits` says in which rows all of the text was found."""

    def __init__(self, found: pl.DataFrame) -> None:
        self.found = found
        self.fits: npt.NDArray[np.bool_] = found[:, 0].is_not_null().to_numpy()

    def __call__(self, name: str, default: int = 0) -> npt.NDArray[np.int64]:
        import polars as pl

        if name not in self.found.columns:
            return np.full(len(self.found), default)
        numbers: npt.NDArray[np.int64] = self.found[name].cast(pl.Int64, strict=False).fill_null(default).to_numpy()
        return numbers


def _ahead(found: pl.DataFrame, number: _Numbers) -> npt.NDArray[np.int64]:
    """By how many seconds the clock of each zone is ahead of UTC."""
    if "ahead" not in found.columns:
        return np.zeros(len(found), np.int64)
    hours, minutes = number("zone_hour"), number("zone_minute")
    number.fits &= (hours <= 23) & (minutes <= 59)
    sign = np.where((found["ahead"] == "-").fill_null(False).to_numpy(), -1, 1)
    ahead: npt.NDArray[np.int64] = sign * (hours * 3_600 + minutes * 60)
    return ahead


def _microseconds(found: pl.DataFrame) -> npt.NDArray[np.int64]:
    import polars as pl

    if "fraction" not in found.columns or not found["fraction"].count():
        return np.zeros(len(found), np.int64)
    digits = found["fraction"].str.slice(0, 6).str.pad_end(6, "0")
    microseconds: npt.NDArray[np.int64] = digits.cast(pl.Int64).fill_null(0).to_numpy()
    return microseconds


def _looked_up(names: pl.Series, known: dict[str, Any]) -> npt.NDArray[np.int64]:
    """Numbers of names, by as many first letters as the known ones have; 0 for a missing one."""
    import polars as pl

    short = names.str.slice(0, len(next(iter(known)))).str.to_lowercase()
    numbers: npt.NDArray[np.int64] = short.replace_strict(known, default=0, return_dtype=pl.Int64).to_numpy()
    return numbers


def _series(microseconds: npt.NDArray[np.int64], fits: npt.NDArray[np.bool_]) -> pl.Series:
    import polars as pl

    return pl.select(
        pl.when(pl.Series(fits)).then(pl.Series(microseconds)).cast(pl.Datetime("us")).alias("moment")
    ).to_series()
