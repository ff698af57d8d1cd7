"""The consoles of this house: what a file or an argument holds is text on them, neither markup nor control codes."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from agcli.printable import printable_lines


class PlainConsole(Console):
    """A console whose texts have no effect beside line breaks and tabs; colors come from styles alone."""

    def __init__(self, *, stderr: bool = False, **options: Any) -> None:
        stream = sys.stderr if stderr else sys.stdout
        file = getattr(stream, "styled", None)  # a stream that would take out our colors, too
        super().__init__(stderr=stderr, file=file, markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The pieces of which something consists, without what would steer a terminal."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(printable_lines(segment.text), segment.style)
