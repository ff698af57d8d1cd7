"""Looks at a plan while it runs, call by call; an executor that nobody looks at pays nothing for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .numpy import Executor

Observer = Callable[[Executor, int, Callable[[], Any]], None]


@contextmanager
def observed(executors: list[Executor], observer: Observer) -> Iterator[None]:
    """Within the block, ``observer(executor, n, call)`` stands in for every kernel call and has to make it.

    The calls of shards follow one another, so that they do not disturb each other's times.
    """
    for executor in executors:
        executor.execute = one_by_one(executor, observer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for executor in executors:
            del executor.execute


def one_by_one(executor: Executor, observer: Observer) -> Callable[[], None]:
    def execute() -> None:
        for n, call in enumerate(executor.calls):
            try:
                observer(executor, n, call)
            except Exception as error:
                raise executor.named(error, n) from error

    return execute
