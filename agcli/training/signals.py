"""Ctrl-C, SIGTERM, a terminal that hangs up: the first saves the state, the next ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

CAUGHT = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
HANGUP = getattr(signal, "SIGHUP", None)  # comes twice, from the shell and from the system, so it never ends at once


@contextmanager
def stopping(stop: Callable[[int], None]) -> Iterator[None]:
    """Within the block, ``stop(number)`` is called at the first signal, and the next one is an exception.

    A signal that is ignored when the process starts stays so: that is what `nohup` asks for.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if not seen:
            seen.append(number)
            stop(number)
        elif number != HANGUP:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    wanted = [number for number in CAUGHT if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
