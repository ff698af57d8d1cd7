"""Work ahead of its time: an iterator that runs before its reader on a thread, and the next value of a function."""

from __future__ import annotations

import threading
from _thread import start_new_thread
from collections.abc import Callable, Iterator
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

T = TypeVar("T")

_PATIENCE = 0.1  # seconds between two looks at whether the reader has gone


class _End:
    """The last thing in the queue: the source is exhausted, or raised this error."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(source: Iterator[T], count: int) -> Iterator[T]:
    """The items of `source`, of which up to `count` wait ready; its errors are raised at their place.

    The thread starts with the first item that is asked for, and ends when the source or the reader does.
    """
    queue: Queue[T | _End] = Queue(count)
    gone = threading.Event()
    thread = threading.Thread(target=_fill, args=(source, queue, gone), name="ag-prefetch", daemon=True)
    thread.start()
    try:
        while not isinstance(item := queue.get(), _End):
            yield item
        if item.error is not None:
            raise item.error
    finally:
        gone.set()
        _empty(queue)
        thread.join()


class Foreseen(Generic[T]):
    """A function of a number, whose value for the next number is made on a thread while this one is in use.

    Nobody waits for the thread: what is not ready in time is made again by who needs it.
    """

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make
        self._made: tuple[int, T] | None = None

    def __call__(self, n: int) -> T:
        made, self._made = self._made, None
        value = made[1] if made is not None and made[0] == n else self._make(n)
        with suppress(RuntimeError):  # the system has no more threads
            start_new_thread(self._prepare, (n + 1,))  # an object of `threading` takes five times as long to start
        return value

    def _prepare(self, n: int) -> None:
        with suppress(MemoryError):  # who needs it will see
            self._made = n, self._make(n)


def _fill(source: Iterator[T], queue: Queue[T | _End], gone: threading.Event) -> None:
    end = _End()
    try:
        for item in source:
            if not _put(queue, item, gone):
                return
    except BaseException as error:  # noqa: BLE001  # it belongs to the reader's thread
        end = _End(error)
    _put(queue, end, gone)


def _put(queue: Queue[T | _End], item: T | _End, gone: threading.Event) -> bool:
    """Wait for room; false if the reader has gone."""
    while not gone.is_set():
        try:
            queue.put(item, timeout=_PATIENCE)
        except Full:
            continue
        return True
    return False


def _empty(queue: Queue[T]) -> None:
    """Take out what waits, so that a thread that waits for room goes on at once."""
    while True:
        try:
            queue.get_nowait()
        except Empty:
            return
