"""Binary tables as polars reads them, some rows at a time.

A damaged file can end the process that reads it: a length of 2**61 within a page is memory that polars asks for, and
what cannot be had aborts. So this file is also a program, of which `apart` is the other side, and imports nothing else
of the project: it takes a request a line, in JSON, and answers each.

    {"file": 1, "format": "Parquet", "path": "t.parquet", "size": 0}    opens a file; with a size, that many bytes that
                                                                        follow are its content
    {"file": 1, "start": 0, "count": 65536}                             some of its rows
    {"file": 1}                                                         closes it

An answer is a letter, the number of bytes that follow (8 of them, the lowest first), and these: J for JSON, F for a
frame as an Arrow stream, E for an error, P for a panic. The first is J when the program is ready.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

Place = Path | io.BytesIO  # a file, or its content
JSON, FRAME, ERROR, PANIC = b"JFEP"
HEAD = 9  # bytes
ROWS, CELLS = 1 << 18, 1 << 24  # at most, of a file that are held
_ARROW_FILE, _FEATHER_1 = b"ARROW1", b"FEA1"


class Scan:
    """The rows of a file: how many, and how many values the lists of its columns have, see `widths`."""

    def __init__(self, format: str, place: Place) -> None:
        import polars as pl

        self._frame = SCANS[format](place)
        self.widths = widths(self._frame)
        self.count = int(self._frame.select(pl.len()).collect().item())
        self._most = max(1, CELLS // max(1, len(self._frame.collect_schema())))
        self._first, self._known = 0, self._frame.head(0).collect()

    def rows(self, start: int, count: int) -> pl.DataFrame:
        """Some rows that follow each other. More are read at a time: for any of a row group, all of it is unpacked."""
        count = max(0, min(count, self.count - start))
        if not self._first <= start <= start + count <= self._first + len(self._known):
            self._known = self._frame.slice(start, max(count, min(self._most, ROWS))).collect()
            self._first = start
        return self._known.slice(start - self._first, count)

    def close(self) -> None:
        """Nothing is left open."""


def scan_parquet(place: Place) -> pl.LazyFrame:
    """The rows of a Parquet file."""
    import polars as pl

    return pl.scan_parquet(place, glob=False)


def scan_arrow(place: Place) -> pl.LazyFrame:
    """The rows of an Arrow file, read as they are needed, or of a stream, read at once."""
    import polars as pl

    start = _start(place)
    if start.startswith(_FEATHER_1):
        raise ValueError("it is Feather version 1, which no reader knows any more; write it as version 2")
    if start.startswith(_ARROW_FILE):
        return pl.scan_ipc(place)
    return pl.read_ipc_stream(place).lazy()


def _start(place: Place) -> bytes:
    if isinstance(place, io.BytesIO):
        return place.getvalue()[: len(_ARROW_FILE)]
    with place.open("rb") as file:
        return file.read(len(_ARROW_FILE))


SCANS: dict[str, Callable[[Place], pl.LazyFrame]] = {"Parquet": scan_parquet, "Arrow": scan_arrow}


def widths(frame: pl.LazyFrame) -> dict[str, int]:
    """How many values the lists of each column have, of those columns whose lists all have as many."""
    import polars as pl

    lists = [name for name, dtype in frame.collect_schema().items() if isinstance(dtype, pl.List)]
    if not lists:
        return {}
    ends = frame.select(
        [pl.col(name).list.len().min().alias(f"least {name}") for name in lists]
        + [pl.col(name).list.len().max().alias(f"most {name}") for name in lists]
    ).collect()
    least = {name: ends[f"least {name}"].item() for name in lists}
    return {name: count for name, count in least.items() if count and count == ends[f"most {name}"].item()}


def first_line(error: BaseException) -> str:
    """What an error says, without the lines about where in a library it was raised."""
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def is_panic(error: BaseException) -> bool:
    """Whether an error is a panic of Rust code, which is a BaseException."""
    return type(error).__name__ == "PanicException"


# The program ---------------------------------------------------------------------------------------------------------
def serve() -> None:
    """Answer requests until there are no more."""
    import polars  # noqa: F401  # takes its time: while the other side is busy with its own

    scans: dict[int, Scan] = {}
    expected: dict[str, Any] = {}
    answer: tuple[int, bytes | memoryview] = JSON, b"{}"
    _send(*answer)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        content = sys.stdin.buffer.read(request.get("size", 0))
        try:
            _send(*(answer if request == expected else _answer(request, content, scans)))
        except OSError:  # whoever asked is gone
            return
        expected = _next(request, scans)
        if expected:
            answer = _answer(expected, b"", scans)  # while the other side looks at what it has got


def _next(request: dict[str, Any], scans: dict[int, Scan]) -> dict[str, Any]:
    """What will be asked next, after some rows that are not the last; otherwise nothing."""
    if "start" not in request or request["start"] + request["count"] >= scans[request["file"]].count:
        return {}
    return {**request, "start": request["start"] + request["count"]}


def _answer(request: dict[str, Any], content: bytes, scans: dict[int, Scan]) -> tuple[int, bytes | memoryview]:
    name = request["file"]
    try:
        if "format" in request:
            place = Path(request["path"]) if "path" in request else io.BytesIO(content)
            scan = scans[name] = Scan(request["format"], place)
            return JSON, json.dumps({"count": scan.count, "widths": scan.widths}).encode()
        if "start" in request:
            frame = io.BytesIO()
            scans[name].rows(request["start"], request["count"]).write_ipc_stream(frame)
            return FRAME, frame.getbuffer()
        del scans[name]
    except BaseException as error:  # noqa: BLE001  # whatever it is, the other side hears of it
        return PANIC if is_panic(error) else ERROR, first_line(error).encode(errors="replace")
    return JSON, b"{}"


def _send(kind: int, content: bytes | memoryview) -> None:
    sys.stdout.buffer.write(bytes([kind]) + len(content).to_bytes(8, "little"))
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _without_a_core() -> None:
    """Leave no picture of the memory in the folder of whoever asked, should a file end this process."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _without_a_core()
    serve()
