"""Rows of units below a header: `s, m/s, °C`."""

from __future__ import annotations

import re
from collections.abc import Sequence

_PREFIXES = "(?:da|[YZEPTGMkhdcmµμunpfa])?"
_BASES = "m|g|s|A|K|mol|cd|Hz|N|Pa|J|W|V|C|F|Ω|ohm|S|T|H|Wb|lm|lx|Bq|Gy|Sv|L|l|bar|eV|Wh|B|t|sec|VA|cal|M|pc|au"
_WORDS = (
    "°|°C|°F|degC|degF|deg|rad|sr|%|‰|ppm|ppb|pct|percent|min|h|hr|hrs|hour|hours|d|day|days|week|weeks|month|months|yr|"
    "year|years|seconds|second|minutes|ft|in|inch|inches|mi|mile|miles|yd|lb|lbs|oz|mph|mpg|rpm|dB|psi|atm|mmHg|knots|kt|"
    "$|€|£|¥|USD|EUR|GBP|CHF|JPY|count|counts|number|dimensionless|unitless|a.u.|celsius|kelvin|fahrenheit|meters|metres|"
    "meter|metre|grams|gram|kilograms|tons|tonnes|liters|litres|volts|watts|people|persons|pixels|px"
)
_WORD = "|".join(sorted(map(re.escape, _WORDS.split("|")), key=len, reverse=True))
_UNIT = rf"(?:1|10|100|1000|{_WORD}|{_PREFIXES}(?:{_BASES}))(?:\^?[-−+]?\d|[²³⁻¹])*"
_UNITS = rf"{_UNIT}(?:\s*[/*·.\s]\s*{_UNIT})*"  # compiled when a file has such a row: it takes milliseconds
_NONE = ("", "-", "–", "—", "none", "[-]", "(-)", "[]", "n/a")
_ENOUGH = 2  # samples below, of which a column of numbers has nothing but numbers


def are_units(row: Sequence[Sequence[str]], below: Sequence[Sequence[str]]) -> bool:
    """Whether a row, if there is one, says the units of the columns of numbers below it."""
    if not row or len(below) < _ENOUGH:
        return False
    cells = [cell.strip() for cell in row[0]]
    if any(len(other) != len(cells) for other in below):
        return False
    above = [cell for i, cell in enumerate(cells) if _are_numbers([other[i] for other in below])]
    said = [cell for cell in above if cell.lower() not in _NONE]
    return bool(said) and all(map(is_unit, said)) and not any(_are_numbers([cell]) for cell in cells)


def is_unit(cell: str) -> bool:
    """Whether a text is a unit, in brackets or not."""
    bare = cell[1:-1].strip() if (cell[0], cell[-1]) in (("[", "]"), ("(", ")")) else cell
    return len(bare) <= 30 and re.fullmatch(_UNITS, bare) is not None


def _are_numbers(cells: Sequence[str]) -> bool:
    """Whether some cells hold numbers, perhaps with a comma for the point, and the others nothing."""
    known = [cell.strip() for cell in cells if cell.strip()]
    return bool(known) and all(re.fullmatch(r"[-+]?[\d.,]*\d[\d.,]*(?:[eE][-+]?\d+)?", cell) for cell in known)
