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


def is_main() -> bool:
    return threading.get_ident() == threading.main_thread().ident


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
        if not is_main():
            self()
        while not self.done:
            self.over.acquire()


class Crew:
    """The threads of this process, each of which takes the next job of all."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self.count = 0
        self.left: Sequence[Job] = ()  # which the main thread has not seen done

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
    jobs = [Job(call) for call in others]
    offered, main = False, is_main()
    if main:
        finish(crew().left, offered)
        crew().left = jobs
    try:
        crew().start(len(jobs))
        for job in jobs:
            crew().jobs.put(job)
        offered = True
        own()
    finally:
        finish(jobs, offered)
    if main:
        crew().left = ()
    for job in jobs:
        if job.error is not None:
            raise job.error


def finish(jobs: Sequence[Job], offered: bool) -> None:
    """Wait for all; an interrupt meanwhile comes afterwards. Jobs that may not have been offered are so once more."""
    interrupt = None
    while True:
        try:
            waiting = [job for job in jobs if not job.done]
            if not waiting:
                break
            for job in () if offered else waiting:
                crew().jobs.put(job)
            offered = True
            for job in waiting:
                job.wait()
        except KeyboardInterrupt as error:
            interrupt, offered = error, False
    if interrupt is not None:
        raise interrupt
