"""What was found out about how the cells of columns are written, and what they could be as well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np

from .clocks import HOURS
from .date_layouts import COMPACT, order_of
from .date_patterns import EPOCHS, moments
from .dates import Date
from .frame import Cells, Frame
from .marks import several
from .roles import Categorical, Numeric, Role

_NAMES = {"time", "timestamp", "ts", "date", "datetime", "epoch", "unix", "created", "updated", "at"}
_SECONDS = (1e8, 4.2e9)  # since 1970, from 1973 to 2103: what a column with such a name may count
_COMPACT = (19_000_101, 21_001_231)
_FIRST = 64  # cells
_ZONE = r"(?:[Zz]|UTC|GMT|:[0-9.,]+\s*[+-][0-9]{2}:?(?:[0-9]{2})?)\s*$"
_UNITS = {HOURS: "12:30 is 12 hours and 30 minutes", "m:s": "12:30 is 12 minutes and 30 seconds"}


def reading_notes(frame: Frame, columns: Mapping[str, Role]) -> Iterator[str]:
    """How columns are read whose roles were guessed, where a cell does not say it."""
    for name, role in columns.items():
        cells = frame[name]
        if isinstance(role, Date):
            yield from (f'column "{name}": {text}' for text in _of_dates(cells, role))
        elif isinstance(role, Categorical) and cells.is_text and (found := several(cells.values)):
            yield f'column "{name}": its cells are taken as names, since they are numbers in several units: {found}'
        elif isinstance(role, Numeric) and (cells.known is not None or not isinstance(cells.values, np.ndarray)):
            yield from (f'column "{name}": {text}' for text in _of_numbers(cells, role))


def _of_dates(cells: Cells, role: Date) -> Iterator[str]:
    if role.format:
        years = "; years of two digits are 1969 to 2068" if "%y" in role.format else ""
        yield f"dates as in `{role.format}`, {order_of(role.format)}{years}"
    zoned = _zoned(cells)
    if zoned:
        others = "; those without a zone are taken as UTC" if zoned < cells.values.count() else ""
        yield f"times are in UTC, and those of another zone were converted{others}"


def _zoned(cells: Cells) -> int:
    """How many cells have a zone."""
    if cells.is_text:
        return int(cells.values.str.contains(_ZONE).sum() or 0)
    return cells.values.count() if getattr(cells.values.dtype, "time_zone", None) else 0


def _of_numbers(cells: Cells, role: Numeric) -> Iterator[str]:
    if role.clock or (cells.known is None and cells.values.dtype.is_temporal()):
        pairs = cells.is_text and bool(cells.values.str.contains(r"^[^:P]*:[^:]*$").any())
        yield "times are numbers of seconds" + (f"; {_UNITS[role.clock]}" if pairs and role.clock else "")
        return
    form = _form(cells)
    if form:
        shown = str(cells.cell(int((~cells.missing()).argmax())))
        write = f'`columns: {{{cells.name}: {{date: {{format: "{form}"}}}}}}`'
        yield f"numbers such as {shown}, which could be dates; {write} reads them so"


def _form(cells: Cells) -> str:
    """How whole numbers would be dates, if they may well be; empty if not."""
    if cells.known is not None and np.fmin.reduce(cells.known[:_FIRST]) < _COMPACT[0]:
        return ""
    known = cells.values.drop_nulls()
    first = known.head(1).cast(float, strict=False)
    if not len(first) or first[0] is None or first[0] < _COMPACT[0]:
        return ""
    numbers = known.cast(float, strict=False).drop_nulls().to_numpy()
    if (numbers % 1 != 0).any():
        return ""
    if (numbers >= _COMPACT[0]).all() and (numbers <= _COMPACT[1]).all():
        days = known.cast(float, strict=False).cast(int).cast(str)
        return "" if moments(days, COMPACT).has_nulls() else COMPACT
    if not _NAMES & set(re.split(r"[\W_\d]+", cells.name.lower())):
        return ""
    for form, scale in EPOCHS.items():
        low, high = (bound * 1e6 / scale for bound in _SECONDS)
        if (numbers >= low).all() and (numbers <= high).all():
            return form
    return ""
