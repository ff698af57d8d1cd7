"""What a file leaves in doubt about its numbers, settled for a first look and a first spec, and said."""

from __future__ import annotations

from dataclasses import replace

from agcli.datasets import DataError, Ignore, Table, TableFile
from agcli.datasets.frame import Frame
from agcli.datasets.strays import strays_of


def settled_doubts(table: Table) -> tuple[Table, Frame, list[str]]:
    """A table that can be read, its samples, and what was done for it.

    Columns whose numbers may be read in two ways are left out; the few cells of a column of numbers that are none mean
    that nothing is known. Raises DataError where the target is in doubt.
    """
    frame = table.parsed(table.source)
    notes = []
    names = [name for name in frame.columns if name not in table.columns]
    if frame.unclear is not None:
        left = [name for name in frame.unclear.columns if name in names]
        if set(left) & set(table.target):
            raise DataError(f'{frame.file}: target "{left[0]}": {frame.unclear.readings}', ("target",))
        shown = ", ".join(f'"{name}"' for name in left)
        notes += [f"left out: {shown}; {frame.unclear.readings}"] if left else []
        table = replace(table, columns={**table.columns, **dict.fromkeys(left, Ignore())})
    found = [strays for name in names if not frame.is_parsed(name) and (strays := strays_of(frame[name])) is not None]
    if found and isinstance(table.source, TableFile):
        notes += [strays.said for strays in found]
        cells = dict.fromkeys(name for strays in found for name in strays.names)
        table = replace(table, source=replace(table.source, missing=(*table.source.missing, *cells)))
        frame = table.parsed(table.source)
    return table, frame, notes
