"""Arrow IPC: files (Feather version 2 is another name for them) and streams, told apart by their first bytes."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from .tabular import Scanned

if TYPE_CHECKING:
    import polars as pl

_FILE, _FEATHER_1 = b"ARROW1", b"FEA1"


def scan_arrow(place: Path | io.BytesIO) -> pl.LazyFrame:
    """The rows of an Arrow file, read as they are needed, or of a stream, read at once."""
    import polars as pl

    start = _start(place)
    if start.startswith(_FEATHER_1):
        raise ValueError("it is Feather version 1, which no reader knows any more; write it as version 2")
    if start.startswith(_FILE):
        return pl.scan_ipc(place)
    return pl.read_ipc_stream(place).lazy()


def _start(place: Path | io.BytesIO) -> bytes:
    if isinstance(place, io.BytesIO):
        return place.getvalue()[: len(_FILE)]
    with place.open("rb") as file:
        return file.read(len(_FILE))


ARROW = Scanned("Arrow", scan_arrow)
