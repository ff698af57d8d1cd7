"""Standard output and error: all of a text is written, or its loss is an error; and no text steers a terminal."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

from agcli.printable import printable_lines

NAMES = {"stdout": "standard output", "stderr": "standard error"}


class Named(io.FileIO):
    """A descriptor whose errors have a name."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.called = name

    def write(self, content: Any, /) -> int:
        """Some of the bytes, as many as the system takes."""
        try:
            return super().write(content)
        except OSError as error:
            error.filename = self.called
            raise


class Screen(io.TextIOWrapper):
    """A terminal, to which text goes without the characters that steer it.

    `styled` is the same terminal for what writes such characters itself, and keeps them out of the text it is given.
    """

    styled: io.TextIOWrapper

    def write(self, text: str) -> int:
        """The text, of which only line breaks and tabs have an effect."""
        super().write(printable_lines(text))
        return len(text)


def settle() -> None:
    """Put streams of this kind in the place of Python's own, which lose what is left of a short write (`python -u`)."""
    for key, name in NAMES.items():
        old = getattr(sys, key)
        if old is None or old is not getattr(sys, f"__{key}__"):
            continue  # closed, or somebody's own
        try:
            buffer = io.BufferedWriter(Named(old.fileno(), name))
        except (OSError, ValueError):
            continue
        how: dict[str, Any] = {"encoding": old.encoding, "errors": old.errors}
        old.flush()
        if old.isatty():
            screen = Screen(buffer, **how, line_buffering=True)
            screen.styled = io.TextIOWrapper(buffer, **how, line_buffering=True)
            setattr(sys, key, screen)
        else:
            steps = old.line_buffering or old.write_through
            setattr(sys, key, io.TextIOWrapper(buffer, **how, line_buffering=steps))


def give_up(stream: TextIO | None) -> None:
    """Let what cannot be written go, so that the end of the process does not try again."""
    if stream is None:
        return
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
