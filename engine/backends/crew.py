"""Calls side by side on threads of Python, which an interrupt at any moment leaves in order.

Signals reach the main thread alone, and only between instructions of Python. So all that must be done as a whole is
done by other threads, or by a single function in C; an executor of ``concurrent.futures`` holds locks meanwhile.
"""

from __future__ import annotations

import os
import threading
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable, Sequence
from functools import cache
from queue import SimpleQueue
from typing import Any

Call = Callable[[], Any]


class Job:
    """A call that one thread does."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.begun, self.over = allocate_lock(), allocate_lock()
        self.over.acquire()
        self.done = False
        self.error: BaseException | None = None

    def __call__(self) -> None:
        """Do the call, unless another thread has begun it."""
        if not self.begun.acquire(blocking=False):
            return
        try:
            self.call()
        except BaseException as error:  # noqa: BLE001  # it belongs to the thread that waits
            self.error = error
        self.done = True
        self.over.release()

    def wait(self) -> None:
        """Until the call is done. A thread without signals takes it back first, so jobs may wait for jobs."""
        if threading.current_thread() is not threading.main_thread():
            self()
        while not self.done:
            self.over.acquire()


class Crew:
    """The threads of this process, each of which takes the next job of all."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self.count = 0

    def start(self, wanted: int) -> None:
        while self.count < min(wanted, os.cpu_count() or 1):
            start_new_thread(self.serve, ())
            self.count += 1

    def serve(self) -> None:
        while True:
            self.jobs.get()()


@cache
def crew() -> Crew:
    """The crew, which a process has to make anew after a fork, as threads stay behind."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=crew.cache_clear)
    return Crew()


def beside(calls: Sequence[Call]) -> None:
    """All calls, the first on this thread; whatever one of them raises is raised when all are done."""
    own, *others = calls
    offered: list[Job] = []
    try:
        crew().start(len(others))
        for call in others:
            job = Job(call)
            crew().jobs.put(job)
            offered.append(job)
        own()
    finally:
        finish(offered)
    for job in offered:
        if job.error is not None:
            raise job.error


def finish(jobs: Sequence[Job]) -> None:
    """Wait for all; an interrupt meanwhile comes afterwards."""
    interrupt = None
    while not all(job.done for job in jobs):
        try:
            for job in jobs:
                job.wait()
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt
