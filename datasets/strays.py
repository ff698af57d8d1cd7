"""Strays: the few cells of a column of numbers that are none, each of which would make all of them names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import AmbiguousError, DataError
from .frame import Cells, Frame
from .marks import have_leading_zeros, mark_of
from .numerals import Ambiguous
from .roles import Numeric, Role

_NUMBERS = 20  # different ones, of which at least so many make a column of numbers
_SHARE = 0.5  # of the cells
_FEW = 5  # different strays, or one in so many different numbers
_NAMED = 5
_SHOWN = 30  # characters of a cell


@dataclass(frozen=True)
class Strays:
    """Cells that are no numbers, with how often each comes, the most frequent first."""

    column: str
    numbers: int
    total: int
    cells: tuple[tuple[str, int], ...]
    mark: str = ""  # what stands beside the digits of the numbers
    are_bare: bool = False  # whether some of the others are numbers that lack it, or have another

    @property
    def names(self) -> tuple[str, ...]:
        """The cells."""
        return tuple(name for name, _ in self.cells)

    @property
    def said(self) -> str:
        """What they are, and what to write."""
        shown = ", ".join(f'"{name[:_SHOWN]}" ({count:,})' for name, count in self.cells[:_NAMED])
        more = f" and {len(self.cells) - _NAMED:,} more" if len(self.cells) > _NAMED else ""
        names = ", ".join(f'"{name[:_SHOWN]}"' for name in self.names[:_NAMED])
        if self.are_bare:
            without = f'with "{self.mark}" beside the digits' if self.mark else "with nothing beside the digits"
            return (
                f'column "{self.column}": {self.numbers:,} of {self.total:,} cells are numbers {without}, and '
                f"{shown}{more} {'is' if len(self.cells) == 1 else 'are'} not; write all of them in one way, or "
                f"`columns: {{{self.column}: ignore}}`"
            )
        is_one = sum(count for _, count in self.cells) == 1
        return (
            f'column "{self.column}": {self.numbers:,} of {self.total:,} cells are numbers, and {shown}{more} '
            f"{'is' if is_one else 'are'} not; if {'it says' if is_one else 'these say'} that nothing is known, write "
            f"`missing: [{names}]`; if all are names, `columns: {{{self.column}: categorical}}`"
        )


def strays_of(cells: Cells) -> Strays | None:
    """The strays of a column of numbers; None if it has none, or is no such column."""
    if cells.known is not None or not cells.is_text:
        return None
    known = cells.values.drop_nulls()
    numbers = cells.numerals.read(known)
    count = len(known) - numbers.null_count()
    if have_leading_zeros(known) or count == len(known) or count < max(_NUMBERS, _SHARE * len(known)):
        return None
    different = numbers.drop_nulls().n_unique()
    others = known.filter(numbers.is_null()).value_counts(sort=True)
    if different < _NUMBERS or len(others) > max(_FEW, different // 20):
        return None
    pairs = zip(others.to_series(0).to_list(), others.to_series(1).to_list(), strict=True)
    ordered = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    bare = cells.numerals.read(known.filter(numbers.is_null()).unique(), "")
    marked = [mark_of(known.filter(known == text)) for text, _ in ordered]
    are_bare = bare.null_count() < len(bare) or any(marked)
    return Strays(cells.name, count, len(known), tuple(ordered), cells.mark, are_bare)


def check_numbers(frame: Frame, roles: Mapping[str, Role], target: tuple[str, ...] = ()) -> None:
    """Raise DataError for columns that may be numbers, and whose cells do not say it clearly.

    It is an AmbiguousError for those that may be two numbers each, in which a target comes first.
    """
    unclear = frame.unclear
    open_ = [name for name in unclear.columns if isinstance(roles.get(name, Numeric()), Numeric)] if unclear else []
    if unclear and open_:
        first = next((name for name in open_ if name in target), open_[0])
        cells = frame[first]
        row = int((~cells.missing()).argmax())
        both = Ambiguous((first,), str(cells.cell(row)))
        raise AmbiguousError(
            cells.place, cells.shown(row), both.readings, both.lines, ("columns", first),
            columns=tuple(open_), whole=True,
        )  # fmt: skip
    for name in frame.columns:
        found = strays_of(frame[name]) if name not in roles and not frame.is_parsed(name) else None
        if found is not None:
            raise DataError(f"{frame.file}: {found.said}", ("columns", name))
