"""Columns that hold more than one value a sample: numbers of one length become columns, all else is left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import DataError

if TYPE_CHECKING:
    import polars as pl

MAX_NUMBERS = 1_000  # of a column, that become columns
MARK = ";"  # between the names of a set
_NAMED = 20
_SHOWN = 40  # characters


@dataclass
class Flattening:
    """What becomes of the nested and the binary columns of a file, the same in every piece of it.

    `widths` says how many numbers the lists of a column have, where all of them have as many. Lists of names are text
    such as `red;round` in the columns of `sets`; `lists` collects which these were. A column that is left out stays as
    one without a type, so that a description may still name it.
    """

    path: Path
    note: Callable[[str], None]
    widths: Mapping[str, int] = field(default_factory=dict)
    sets: tuple[str, ...] = ()
    lists: list[str] = field(default_factory=list)
    _told: bool = False

    def of(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with single values alone, text without blanks around it."""
        import polars as pl

        if len(frame):
            self._check(frame)
        columns: list[pl.Expr] = []
        left: list[str] = []
        spread: list[str] = []
        for name, dtype in frame.schema.items():
            count, why = self._numbers(name, dtype, frame.columns)
            if name in self.sets and _holds_names(dtype):
                columns.append(self._joined(frame[name]))
            elif why:
                left.append(f'"{name}" ({why})')
                columns.append(pl.lit(None, pl.Null).alias(name))
            elif count:
                spread.append(f'"{name}" holds {count:,} numbers a sample, which are {name}_0 to {name}_{count - 1}')
                columns += _apart(name, dtype, count)
            elif dtype in (pl.String, pl.Categorical, pl.Enum):
                columns.append(pl.col(name).cast(pl.String).str.strip_chars())
            else:
                columns.append(pl.col(name))
        self._tell(left, spread)
        return frame.select(columns) if frame.width else frame

    def _numbers(self, name: str, dtype: Any, names: list[str]) -> tuple[int, str]:
        """How many numbers a column has in each sample, if it is nested; or why it is left out."""
        import polars as pl

        if dtype in (pl.Binary, pl.Object, pl.Null):
            return 0, "nothing" if dtype == pl.Null else "bytes"
        if not dtype.is_nested():
            return 0, ""
        if isinstance(dtype, pl.Struct):
            return 0, "a structure of several values"
        inner: Any = dtype
        count = 1
        if isinstance(dtype, pl.List):
            inner, count = dtype.inner, self.widths.get(name, 0)
        while isinstance(inner, pl.Array):
            inner, count = inner.inner, count * inner.size
        if not (inner.is_numeric() or inner == pl.Boolean):
            return 0, f"lists of {'lists' if inner.is_nested() else 'text' if inner == pl.String else inner}"
        if not count:
            return 0, "lists of different lengths"
        if count > MAX_NUMBERS:
            return 0, f"{count:,} numbers a sample; write them into an NPZ file"
        if any(f"{name}_{i}" in names for i in range(count)):
            return 0, f'{count:,} numbers a sample, and there is a column "{name}_0" or the like'
        return count, ""

    def _joined(self, lists: pl.Series) -> pl.Expr:
        """The names of each list as one text. Raises DataError for a name that would be taken for two."""
        import polars as pl

        if lists.name not in self.lists:
            self.lists.append(lists.name)
        names = lists.cast(pl.List(pl.String))
        wrong = names.explode().drop_nulls()
        wrong = wrong.filter(wrong.str.contains(MARK, literal=True))
        if len(wrong):
            found = f'found "{wrong[0][:_SHOWN]}"'
            raise DataError(f'{self.path}: column "{lists.name}": expected lists of names without `{MARK}`, {found}')
        return pl.lit(names.list.join(MARK)).alias(lists.name)

    def _check(self, frame: pl.DataFrame) -> None:
        """Raise DataError where a list is of another length than those of the file are said to be."""
        import polars as pl

        for name, count in self.widths.items():
            if isinstance(frame.schema.get(name), pl.List):
                wrong = (frame[name].list.len() != count).fill_null(value=False)
                if wrong.any():
                    found = frame[name].list.len()[int(wrong.arg_max() or 0)]
                    raise DataError(
                        f'{self.path}: column "{name}": expected lists of {count:,} values, found {found:,}'
                    )

    def _tell(self, left: list[str], spread: list[str]) -> None:
        if self._told:
            return
        self._told = True
        if left:
            more = f" and {len(left) - _NAMED:,} more" if len(left) > _NAMED else ""
            self.note(f"left out: {', '.join(left[:_NAMED])}{more}; a column holds one value a sample")
        for text in spread[:_NAMED]:
            self.note(f"column {text}")


def _holds_names(dtype: Any) -> bool:
    """Whether a type is that of lists of text."""
    import polars as pl

    return isinstance(dtype, pl.List | pl.Array) and dtype.inner in (pl.String, pl.Categorical, pl.Enum)


def is_nothing(values: Any) -> bool:
    """Whether a column is one that was left out."""
    import polars as pl

    return isinstance(values, pl.Series) and values.dtype == pl.Null


def _apart(name: str, dtype: Any, count: int) -> list[pl.Expr]:
    """The numbers of a column, each as a column, those of an array of several dimensions row by row."""
    import polars as pl

    found, inner = [pl.col(name)], dtype
    if isinstance(dtype, pl.List):
        inner = dtype.inner
        length = count // math.prod(inner.shape if isinstance(inner, pl.Array) else ())
        found = [each.list.get(i, null_on_oob=True) for each in found for i in range(length)]
    while isinstance(inner, pl.Array):
        found = [each.arr.get(i, null_on_oob=True) for each in found for i in range(inner.size)]
        inner = inner.inner
    return [each.alias(f"{name}_{i}") for i, each in enumerate(found)]
