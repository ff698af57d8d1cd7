"""Ctrl-C and SIGTERM: the first lets the step end and the state be saved, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

CAUGHT = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(stop: Callable[[int], None]) -> Iterator[None]:
    """Within the block, ``stop(number)`` is called at the first signal, and the second one is an exception."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
        seen.append(number)
        stop(number)

    before = {number: signal.signal(number, handle) for number in CAUGHT}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
