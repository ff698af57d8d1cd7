"""Standard input, output and error as they may be: closed from the start, or gone with their reader on the way."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

OUTPUT, ERROR = "standard output", "standard error"
GONE = (errno.EPIPE, errno.EIO, errno.EBADF)  # a reader or a terminal that went away, or was never there

FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))


class Closed(io.TextIOBase):
    """In the place of a stream that was closed (`>&-`, `2>&-`): to write to it is an error like others."""

    def __init__(self, name: str) -> None:
        self.name = name

    def write(self, text: str) -> int:
        raise OSError(errno.EBADF, "is closed", self.name)

    @property
    def buffer(self) -> Any:
        """Bytes cannot be written either."""
        raise OSError(errno.EBADF, "is closed", self.name)


class Lasting:
    """A stream whose reader may go away. From then on what is written is dropped, and ``lost`` says why."""

    def __init__(self, stream: Any, name: str, losses: list[OSError] | None = None) -> None:
        self.stream, self.name = stream, name
        self.losses: list[OSError] = [] if losses is None else losses

    @property
    def lost(self) -> OSError | None:
        """Why nothing is written any more."""
        return self.losses[0] if self.losses else None

    @property
    def styled(self) -> Lasting:
        """The same stream for what colors its text itself, which is lost with it. Raises AttributeError without one."""
        return Lasting(self.stream.styled, self.name, self.losses)

    def write(self, text: str) -> int:
        """As of any stream."""
        if self.lost is None:
            try:
                return int(self.stream.write(text))
            except OSError as e:
                self._lose(e)
        return len(text)

    def flush(self) -> None:
        """As of any stream."""
        if self.lost is None:
            try:
                self.stream.flush()
            except OSError as e:
                self._lose(e)

    def _lose(self, error: OSError) -> None:
        self.losses.append(error)
        abandon(self.stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Both:
    """Standard output and error while a training runs."""

    def __init__(self) -> None:
        self.streams = Lasting(sys.stdout, OUTPUT), Lasting(sys.stderr, ERROR)
        self.said: set[str] = set()

    def losses(self) -> Iterator[str]:
        """A sentence for each stream that was lost since the last call."""
        for stream in self.streams:
            if stream.lost is not None and stream.name not in self.said:
                self.said.add(stream.name)
                yield f"{stream.name}: {stream.lost.strerror or stream.lost}; the training goes on without it"

    @property
    def failed(self) -> bool:
        """Whether standard output broke otherwise than by its reader: what it holds is not whole."""
        lost = self.streams[0].lost
        return lost is not None and lost.errno not in GONE


@contextmanager
def lasting() -> Iterator[Both]:
    """Within the block, nothing fails because nobody reads any more."""
    before = sys.stdout, sys.stderr
    both = Both()
    sys.stdout, sys.stderr = both.streams  # streams as far as anyone asks
    try:
        yield both
    finally:
        for stream in both.streams:
            stream.flush()
        sys.stdout, sys.stderr = before


def ready() -> None:
    """Put something in the place of streams that are closed, so that no file that is opened gets their numbers."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            try:
                os.fstat(number)
            except OSError:  # the lowest number that is free is this one
                os.open(os.devnull, os.O_RDONLY if name == "stdin" else os.O_WRONLY)
    sys.stdin = sys.stdin or io.StringIO()
    sys.stdout = sys.stdout or Closed(OUTPUT)
    sys.stderr = sys.stderr or Closed(ERROR)


def abandon(stream: Any) -> None:
    """Let what is still written to a stream go nowhere, at the end of the process too."""
    with suppress(OSError, ValueError, AttributeError):
        number = stream.fileno()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)


def flush_output() -> None:
    """Write out standard output. Raises OSError with its name."""
    try:
        sys.stdout.flush()
    except OSError as e:
        raise OSError(e.errno, e.strerror, OUTPUT) from None


def settle() -> None:
    """Write out what is left, so that the interpreter finds nothing to fail with at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            abandon(stream)
