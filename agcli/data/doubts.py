"""What a file leaves in doubt about its cells, settled for a first look and a first spec, and said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from agcli.datasets import Ignore, Table, TableFile, guess
from agcli.datasets.errors import AmbiguousError
from agcli.datasets.frame import Frame
from agcli.datasets.strays import strays_of


@dataclass(frozen=True)
class Settled:
    """A table that can be read, its samples, and the same table with nothing left open about these.

    The columns of `ambiguous` can be read in several ways, and are left out; `strays` says of which cells it is taken
    that nothing is known.
    """

    table: Table
    frame: Frame
    known: Table
    ambiguous: Mapping[str, AmbiguousError] = field(default_factory=dict)
    strays: tuple[str, ...] = ()

    @property
    def said(self) -> Iterator[str]:
        """What was done, a sentence each."""
        yield from self.strays
        yield from dict.fromkeys(f"left out: {error}" for error in self.ambiguous.values())


def settled(table: Table) -> Settled:
    """A table as far as it can be read. Raises DataError where the target is in doubt."""
    table, frame, strays = _without_strays(table)
    ambiguous: dict[str, AmbiguousError] = {}
    while True:
        try:
            return Settled(table, frame, table.settled(frame), ambiguous, strays)
        except AmbiguousError as error:
            target = table.target or (guess.target(frame),)
            if error.path[0] != "columns" or not {*error.columns}.isdisjoint({*table.columns, *target}):
                raise
            ambiguous |= dict.fromkeys(error.columns, error)
            table = without(table, error.columns)


def without(table: Table, names: Iterable[str]) -> Table:
    """The table without some columns."""
    return replace(table, columns={**table.columns, **dict.fromkeys(names, Ignore())})


def _without_strays(table: Table) -> tuple[Table, Frame, tuple[str, ...]]:
    """The table, its samples, and of which cells of columns of numbers it is taken that they say nothing."""
    frame = table.parsed(table.source)
    names = [name for name in frame.columns if name not in table.columns and not frame.is_parsed(name)]
    found = [strays for name in names if (strays := strays_of(frame[name])) is not None]
    source = table.source
    if not found or not isinstance(source, TableFile):
        return table, frame, ()
    mixed = [strays for strays in found if strays.are_bare]  # of which no cell says that nothing is known
    left = [strays.column for strays in mixed if strays.column not in table.target]
    table = without(table, left)
    said = tuple(strays.said for strays in mixed)
    found = [strays for strays in found if not strays.are_bare]
    if not found:
        return table, frame, said
    cells = dict.fromkeys(name for strays in found for name in strays.names)
    table = replace(table, source=replace(source, missing=(*source.missing, *cells)))
    return table, table.parsed(table.source), (*said, *(strays.said for strays in found))
