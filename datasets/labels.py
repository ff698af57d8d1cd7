"""Sets of names in one column, such as `red;round`: labels that do not exclude each other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from .dataset import Array
from .errors import DataError
from .frame import Cells
from .nested import MARK
from .roles import Fitter, Role, Stats

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = (MARK, "|", ",")  # looked for in this order
MAX_LABELS = 1_000
_SHOWN = 20  # labels in a message
_LOOKED_AT = 10_000  # cells


@dataclass(frozen=True, kw_only=True)
class Labels(Role):
    """Names that stand side by side in a cell, between `separator`: a 0 or 1 for each. An empty cell has none of them.

    A column of lists needs no separator.
    """

    name = "labels"
    separator: str = ";"

    def __post_init__(self) -> None:
        if not self.separator:
            raise DataError("separator: expected a character between two names, found none")

    def fitter(self) -> Fitter:
        return _Members(self)

    def members(self, cells: Cells) -> pl.Series:
        """The names of each cell, a list a row."""
        import polars as pl

        if is_nested(cells):
            return cast("pl.Series", cells.values.cast(pl.List(pl.String)).fill_null([]))
        parts = cells.texts().fill_null("").str.split(self.separator)
        known: pl.Series = parts.list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))
        return known

    def encode(self, cells: Cells, stats: Stats) -> Array:
        known = {name: place for place, name in enumerate(stats["categories"])}
        found = np.zeros((len(cells), len(known)), np.uint8)
        for row, names in enumerate(self.members(cells).to_list()):
            for name in names:
                if name not in known:
                    shown = ", ".join(list(known)[:_SHOWN]) + (", ..." if len(known) > _SHOWN else "")
                    raise cells.error(row, f"labels of the training split ({shown})")
                found[row, known[name]] = 1
        return found

    def features(self, column: str, stats: Stats) -> list[str]:
        return [f"{column}={name}" for name in stats["categories"]]


class _Members:
    """Counts the names of all sets."""

    def __init__(self, role: Labels) -> None:
        self.role = role
        self.counts: Counter[str] = Counter()

    def add(self, cells: Cells) -> None:
        for names in self.role.members(cells).to_list():
            self.counts.update(names)

    def stats(self) -> Stats:
        if len(self.counts) > MAX_LABELS:
            raise DataError(f"expected at most {MAX_LABELS:,} labels, found {len(self.counts):,}", ("target",))
        return {"categories": sorted(self.counts)}


def is_nested(cells: Cells) -> bool:
    """Whether each cell is a list."""
    return not isinstance(cells.values, np.ndarray) and bool(cells.values.dtype.is_nested())


def separator_of(cells: Cells) -> str:
    """What stands between the names of a cell, if several cells share names between it; empty if nothing does."""
    if is_nested(cells):
        return SEPARATORS[0]
    different = cells.texts().drop_nulls().unique().to_list()[:_LOOKED_AT]
    for mark in SEPARATORS:
        counts = Counter(part.strip() for cell in different for part in set(cell.split(mark)))
        if any(mark in cell for cell in different) and max(counts.values()) > 1:
            return mark
    return ""
