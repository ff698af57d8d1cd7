"""What a file without a name holds, told by its first bytes."""

from __future__ import annotations

from pathlib import Path

from . import arrays, tabular
from .excel import EXCEL
from .sqlite import SQLITE
from .tabular import ARROW, Reader, first_bytes

_STARTS = {b"ARROW1": ARROW, b"\xff\xff\xff\xff": ARROW, b"SQLite format 3\0": SQLITE, b"\xd0\xcf\x11\xe0": EXCEL}
_ZIP, _IN_BOOKS = b"PK\x03\x04", (b"[Content_Types]", b"_rels/", b"docProps/", b"xl/")


def table_reader(path: Path) -> Reader:
    """The reader for a table."""
    start = first_bytes(path)
    found = next((reader for beginning, reader in _STARTS.items() if start.startswith(beginning)), None)
    return found or (EXCEL if is_book(start) else tabular.by_content(path))


def is_book(start: bytes) -> bool:
    """Whether a file that begins so is a workbook, which is packed as arrays may be."""
    return start.startswith(_ZIP) and any(name in start for name in _IN_BOOKS)


def holds_arrays(path: Path) -> bool:
    """Whether a file holds arrays, rather than a table."""
    return arrays.known_content(path) is not None and not is_book(first_bytes(path))
