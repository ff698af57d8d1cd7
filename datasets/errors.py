"""What can be wrong with data, said so that a person can act on it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

_NAMED = 40  # names in one message


class DataError(ValueError):
    """Data that cannot be used: the text says where, what was expected, what was found, what to do next."""

    exit_code = 2

    def __init__(self, message: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.path = path  # what of the description is wrong, as in ("columns", "age"), where it is that


class AmbiguousError(DataError):
    """Columns whose cells can be read in several ways, of which nothing decides.

    `cell` is one of them and where it stands, `readings` are what it may be, and `lines` what says so in a section of
    a spec, which `path` begins with; or beside it, if they are of the `whole` table. `columns` are those concerned, the
    one that `path` names among them.
    """

    def __init__(
        self,
        place: str,
        cell: str,
        readings: tuple[str, ...],
        lines: tuple[str, ...],
        path: tuple[str, ...],
        *,
        columns: tuple[str, ...] = (),
        whole: bool = False,
    ) -> None:
        self.cell, self.readings, self.lines, self.whole = cell, readings, lines, whole
        self.columns = columns or path[-1:]
        told = f"{cell} can be read in {len(readings)} ways, and no cell decides: {', or '.join(readings)}"
        others = f" (and so can {len(self.columns) - 1:,} columns more)" if len(self.columns) > 1 else ""
        write = " or ".join(f"`{line}`" if whole else f"`{path[0]}: {{{line}}}`" for line in lines)
        super().__init__(f"{place}: {told}{others}; write {write}{' in `data`' if whole else ''}", path)


class CellError(DataError):
    """A cell that cannot be read. `rows` are the indices, in the frame, of all samples with such a one; sorted."""

    def __init__(self, message: str, path: tuple[str, ...] = (), rows: Sequence[int] = ()) -> None:
        super().__init__(message, path)
        self.rows = tuple(rows)


def unknown(what: str, name: object, known: Iterable[str], path: tuple[str, ...] = ()) -> DataError:
    """The error for a name that no table has, with the nearest known name and then all of them."""
    names = list(known)
    lowered = {known.lower(): known for known in reversed(names)}
    near = difflib.get_close_matches(str(name).lower()[:100], lowered, n=1, cutoff=0.5)
    hint = f' did you mean "{lowered[near[0]]}"?' if near else ""
    shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")
    return DataError(f'unknown {what} "{name}";{hint} known: {shown or "none"}', path)
