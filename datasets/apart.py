"""Binary tables read in a process of its own, which a damaged file may end without ending this one.

The process starts when it is first needed, is shared by all files, and ends with this one. Where none can be started,
files are read here.
"""

from __future__ import annotations

import atexit
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from .errors import DataError
from .foreign import reading
from .scans import ERROR, HEAD, PANIC, Place, Scan

if TYPE_CHECKING:
    import polars as pl

PROGRAM = Path(__file__).with_name("scans.py")
_PIPE = 1 << 20  # bytes, where the system lets a pipe have a size
_STARTS = 2  # of processes that never got ready, after which no more are tried


class Rows(Protocol):
    """The rows of a file: how many, and of its lists, how many values they have."""

    count: int
    widths: dict[str, int]

    def rows(self, start: int, count: int) -> pl.DataFrame:
        """Some rows that follow each other."""

    def close(self) -> None:
        """Let go of the file."""


@contextmanager
def opened(path: Path, format: str, place: Place) -> Iterator[Rows]:
    """The rows of a table: of the file, or of its unpacked content. Raises DataError for a damaged one."""
    process = PROCESSES.ready()
    with reading(path, format):
        found: Rows = Scan(format, place) if process is None else Apart(process, path, format, place)
    try:
        yield found
    finally:
        found.close()


def begin() -> None:
    """Start the process, so that it gets ready meanwhile."""
    PROCESSES.begun()


# The other process ---------------------------------------------------------------------------------------------------
class EndedError(Exception):
    """The process has ended while it was asked; ``code`` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class GoneError(Exception):
    """The process had ended before it was asked."""


class Process:
    """A process that runs `scans`. Only one question is asked at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._ready = False
        self.numbers = itertools.count(1)
        self._process = subprocess.Popen(  # noqa: S603  # this Python, with a file of the project
            [sys.executable, "-P", "-W", "ignore", str(PROGRAM)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            pipesize=_PIPE, env={**os.environ, "RUST_BACKTRACE": "0"},
            start_new_session=True,  # what interrupts this process is not meant for that one
        )  # fmt: skip
        self._to, self._from = _pipe(self._process.stdin), _pipe(self._process.stdout)

    @property
    def runs(self) -> bool:
        """Whether it can be asked: by the process that started it alone, not by a fork of that one."""
        return self._owner == os.getpid() and self._process.poll() is None

    def is_ready(self) -> bool:
        """Wait until it can be asked; false if it never can."""
        with self._lock, suppress(EndedError):
            if not self._ready:
                self._answer()
                self._ready = True
        return self._ready

    def ask(self, request: dict[str, Any], content: bytes = b"") -> tuple[int, bytes]:
        """The kind of an answer, and what it holds. Raises GoneError or EndedError if there is none."""
        with self._lock:
            if not self.runs:
                raise GoneError
            try:
                return self._asked(json.dumps(request).encode() + b"\n", content)
            except EndedError:
                raise
            except BaseException:  # what is left of an answer would be taken for that to the next question
                self.end()
                raise

    def end(self) -> None:
        """End it."""
        if self._owner == os.getpid():
            self._process.kill()
            self._code()

    def _asked(self, *request: bytes) -> tuple[int, bytes]:
        try:
            for part in request:
                self._to.write(part)
            self._to.flush()
        except OSError:
            raise EndedError(self._code()) from None
        return self._answer()

    def _answer(self) -> tuple[int, bytes]:
        head = self._read(HEAD)
        return head[0], self._read(int.from_bytes(head[1:], "little"))

    def _read(self, size: int) -> bytes:
        found = self._from.read(size)
        if len(found) < size:
            raise EndedError(self._code())
        return found

    def _code(self) -> int:
        """The exit code, with nothing left open."""
        for pipe in (self._to, self._from):
            with suppress(OSError):
                pipe.close()
        return self._process.wait()


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None  # noqa: S101  # it was asked for
    return end


class Processes:
    """The process that runs, if there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: list[Process] = []
        self._failed = 0

    def begun(self) -> Process | None:
        """The process, which need not be ready; None where none can be started."""
        with self._lock:
            return self._started()

    def ready(self) -> Process | None:
        """The process to ask; None where none can be had."""
        with self._lock:
            while (process := self._started()) is not None and not process.is_ready():
                self._failed += 1
            return process

    def _started(self) -> Process | None:
        if self._known and self._known[0].runs:
            return self._known[0]
        if self._failed >= _STARTS or not sys.executable or getattr(sys, "frozen", False):
            return None
        try:
            self._known[:] = [Process()]
        except OSError:
            self._failed = _STARTS
            return None
        atexit.register(self._known[0].end)
        return self._known[0]


PROCESSES = Processes()


class Apart:
    """The rows of a file, read by another process."""

    def __init__(self, process: Process, path: Path, format: str, place: Place) -> None:
        self._path, self._format, self._place = path, format, place
        self.count, self.widths = 0, dict[str, int]()
        self._open(process)

    def rows(self, start: int, count: int) -> pl.DataFrame:
        """Some rows that follow each other."""
        import polars as pl

        asked = {"start": start, "count": count}
        try:
            content = self._ask(asked)
        except GoneError:  # another file has ended it, or this process is a fork
            process = PROCESSES.ready()
            if process is None:
                raise self._error("no process can be started to read it") from None
            self._open(process)
            content = self._ask(asked)
        return pl.read_ipc_stream(io.BytesIO(content))

    def close(self) -> None:
        """Let go of the file."""
        with suppress(DataError, GoneError):
            self._ask({})

    def _open(self, process: Process) -> None:
        self._process, self._number = process, next(process.numbers)
        is_file = isinstance(self._place, Path)
        content = b"" if isinstance(self._place, Path) else self._place.getvalue()
        where = {"path": str(self._path.absolute())} if is_file else {"size": len(content)}
        found = json.loads(self._ask({"format": self._format, **where}, content))
        self.count, self.widths = found["count"], found["widths"]

    def _ask(self, request: dict[str, Any], content: bytes = b"") -> bytes:
        try:
            kind, found = self._process.ask({"file": self._number, **request}, content)
        except EndedError as ended:
            raise self._error(_told(ended.code)) from None
        if kind == PANIC:
            raise self._error(f"it is damaged ({found.decode()})")
        if kind == ERROR:
            raise self._error(found.decode())
        return found

    def _error(self, text: str) -> DataError:
        return DataError(f"{self._path}: cannot be read as {self._format}: {text}", ("file",))


def _told(code: int) -> str:
    """Why the process has ended."""
    if code == -getattr(signal, "SIGKILL", 9):
        return "its reader was killed; is there enough memory?"
    names = {-number.value: number.name for number in signal.Signals}
    return f"it is damaged (its reader ended with {names.get(code, f'exit code {code}')})"
