"""Standard output and error: all of a text is written, or its loss is an error; and no text steers a terminal."""

from __future__ import annotations

import io
import sys
from typing import Any

from agcli.printable import printable_lines

from .streams import ERROR, OUTPUT

NAMES = {"stdout": OUTPUT, "stderr": ERROR}


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
