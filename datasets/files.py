"""Paths that a person gave: only regular files are opened, since a pipe or a device may wait forever."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

from .errors import DataError


class Names(str):
    """What several files are called together, such as by a pattern; `row` is the place of one of all their rows."""

    row: Callable[[int], str]


def row_of(file: str, number: int) -> str:
    """A row of a file, for messages; of several files, the one that it is in, and the row there."""
    return file.row(number) if isinstance(file, Names) else f"{file}: row {number:,}"


MARKS = "*?["  # of patterns
UNBOUNDED = 1 << 62  # bytes: more than any file has
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_MADE_UP = (("/", "proc"), ("/", "sys"))  # where files of no size have endless content, for which some wait


def check_size(path: Path, max_bytes: int) -> None:
    """Raise DataError if there is no such file, if it is none, or if it is larger than allowed."""
    size = size_of(path)
    if size > max_bytes:
        advice = "`stream: true` reads CSV and Parquet of any size"
        raise DataError(f"{path}: expected at most {max_bytes:,} bytes, found {size:,}; {advice}", ("file",))


def size_of(path: Path) -> int:
    """The bytes of a regular file. Raises DataError for anything else, before it is opened."""
    try:
        found = path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        if isinstance(error, FileNotFoundError) and any(mark in path.name for mark in MARKS):
            advice = "only tables may be in several files: put arrays into one NPZ file, and texts into one text"
            raise DataError(f"{path}: expected one file, found a pattern; {advice}", ("file",)) from None
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}{_near(path)}", ("file",)) from None
    if not stat.S_ISREG(found.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(found.st_mode)), "something else")
        raise DataError(f"{path}: expected a file, found {kind}", ("file",))
    if not found.st_size and path.resolve().parts[:2] in _MADE_UP:
        raise DataError(f"{path}: expected a file, found one that the system makes up", ("file",))
    return found.st_size


def _near(path: Path) -> str:
    """A hint at a file of nearly that name."""
    from difflib import get_close_matches

    try:
        others = [entry.name for entry in path.parent.iterdir() if entry.name != path.name]
        near = get_close_matches(path.name, others, n=1, cutoff=0.6)
    except (OSError, ValueError):
        return ""
    return f"; did you mean {path.parent / near[0]}?" if near else ""
