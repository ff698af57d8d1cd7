"""Columns of which those of numbers are parsed once: side by side in one array, whatever they are in their file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .marks import mark_of
from .numerals import Numerals, are_codes

if TYPE_CHECKING:
    import polars as pl

Floats = npt.NDArray[np.float64]
TOGETHER = 1 << 18  # cells of several columns that are looked at together
Written = Callable[[str], "pl.Series"]


@dataclass(frozen=True, eq=False)
class Columns(Mapping[str, Any]):
    """Columns by name, in the order of `names`.

    `numbers` (k, all) float64 has a row for each column that `places` names: all of its cells are numbers, and NaN
    stands where one is missing. The samples are those at the indices `rows`, or all. `held` has columns as they came,
    series of polars or arrays, of these samples; one of numbers may be without: then `written` reads its cells from
    the file again, from the first row to the last, should anybody ask for its text. `words` are columns of text that
    are no numbers: some cells are none, or all are codes such as 01234. `marks` is
    what stands beside the digits of columns, where something does.
    """

    names: tuple[str, ...]
    held: Mapping[str, Any]
    places: Mapping[str, int]
    numbers: Floats
    rows: npt.NDArray[np.int64] | None = None
    words: frozenset[str] = frozenset()
    written: Written | None = None
    marks: Mapping[str, str] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict, repr=False)

    def __getitem__(self, name: str) -> Any:
        if name in self.held:
            return self.held[name]
        if name not in self._made:
            import polars as pl

            self._made[name] = pl.Series(name, self.number(name), nan_to_null=True)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.places or name in self.held

    @property
    def count(self) -> int:
        """How many samples there are."""
        return self.numbers.shape[1] if self.rows is None else len(self.rows)

    def number(self, name: str) -> Floats | None:
        """The cells of a column of numbers; None of another."""
        place = self.places.get(name)
        if place is None:
            return None
        numbers: Floats = self.numbers[place]
        return numbers if self.rows is None else numbers[self.rows]

    def some(self, places: Sequence[int], start: int = 0, stop: int | None = None) -> Floats:
        """Some columns of numbers, by their places, from one sample to another; (k, n)."""
        is_run = len(places) > 0 and [*places] == [*range(places[0], places[0] + len(places))]
        columns = slice(places[0], places[0] + len(places)) if is_run else list(places)
        if self.rows is None:
            return self.numbers[columns, start:stop]
        rows = self.rows[start:stop]
        if isinstance(columns, slice):
            return np.take(self.numbers[columns], rows, axis=1)
        found = np.empty((len(columns), len(rows)))
        for i, place in enumerate(columns):
            np.take(self.numbers[place], rows, out=found[i])
        return found

    def blocks(self, places: Sequence[int]) -> Iterator[tuple[Sequence[int], Floats]]:
        """The cells of some columns of numbers, (k, n), as many columns at a time as have about so many cells."""
        step = max(1, TOGETHER // max(self.count, 1))
        for start in range(0, len(places), step):
            yield places[start : start + step], self.some(places[start : start + step])

    def ends(self, places: Sequence[int]) -> Floats:
        """The least and the largest number of some columns, (2, k); NaN if one is missing."""
        unknown = [place for place in places if not self._seen[place]]
        for some, values in self.blocks(unknown):
            self.see(some, values)
        return self._ends[:, list(places)]

    def see(self, places: Sequence[int], values: Floats) -> Floats:
        """The ends of some columns whose cells (k, n) are at hand, which are kept."""
        ends = np.stack([values.min(axis=1, initial=np.inf), values.max(axis=1, initial=-np.inf)])
        self._ends[:, list(places)], self._seen[list(places)] = ends, True
        return ends

    @cached_property
    def _ends(self) -> Floats:
        return np.empty((2, len(self.numbers)))

    @cached_property
    def _seen(self) -> npt.NDArray[np.bool_]:
        return np.zeros(len(self.numbers), bool)

    def is_bare(self, name: str) -> bool:
        """Whether the text of a column was left in the file."""
        return name in self.places and name not in self.held

    def take(self, rows: Any) -> Columns:
        """The samples at some indices."""
        held = {name: values[rows] for name, values in self.held.items()}
        if self.rows is None and isinstance(rows, slice):
            return replace(self, held=held, numbers=self.numbers[:, rows], _made={})
        taken = np.arange(self.count)[rows] if self.rows is None else self.rows[rows]
        return replace(self, held=held, rows=taken, _made={})

    def renamed(self, names: Iterable[str]) -> Columns:
        """The same columns by other names."""
        new = dict(zip(self.names, names, strict=True))
        old = {name: before for before, name in new.items()}
        read = self.written
        return replace(
            self,
            names=tuple(new.values()),
            held={new[name]: values for name, values in self.held.items()},
            places={new[name]: place for name, place in self.places.items()},
            words=frozenset(new[name] for name in self.words),
            written=(lambda name: read(old[name])) if read else None,
            marks={new[name]: mark for name, mark in self.marks.items()},
            _made={},
        )


def parsed(columns: Mapping[str, Any], numerals: Numerals) -> Columns:
    """The same columns, those of numbers parsed, which are written so; arrays and what is neither stay as they are."""
    import polars as pl

    known = columns if isinstance(columns, Columns) else None
    held: Mapping[str, Any] = columns if known is None else known.held
    places, words = dict(known.places if known else {}), set[str]()
    marks = dict(known.marks if known else {})
    found: list[Floats] = []
    for name, values in held.items():
        if isinstance(values, np.ndarray) or not (values.dtype == pl.String or values.dtype.is_numeric()):
            continue
        numbers, mark = numerals.read(values, ""), ""
        if numbers.null_count() > values.null_count() and (mark := mark_of(values)):
            numbers = numerals.read(values, mark)
        if numbers.null_count() > values.null_count() or are_codes(values):
            words.add(name)
            continue
        read = numbers.to_numpy()
        if int(np.isnan(read).sum()) == values.null_count() < len(read):
            places[name] = len(places)
            marks |= {name: mark} if mark else {}
            found.append(read)
    block = known.numbers if known else np.empty((0, len(next(iter(held.values()), ()))))
    if found:
        block = np.concatenate([block, np.stack(found)])
        block.flags.writeable = False
    written = known.written if known else None
    return Columns(tuple(columns), dict(held), places, block, None, frozenset(words), written, marks)
