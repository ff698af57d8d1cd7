"""Runs the shards of a plan side by side; NumPy lets go of the interpreter's lock in its large kernels."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..leaves import Placeholder
from ..plan import Plan
from .numpy import Executor

_pool: list[ThreadPoolExecutor] = []


def pool() -> ThreadPoolExecutor:
    """The threads of this process, made when they are first needed."""
    if not _pool:
        threadpool_limits(1, "blas")  # a shard has one thread, and so has its BLAS
        _pool.append(ThreadPoolExecutor(thread_name_prefix="agcli shard"))
    return _pool[0]


class ThreadedExecutor(Executor):
    """An executor whose phases of several colours run on as many threads."""

    def __init__(self, plan: Plan, inputs: Sequence[Placeholder]) -> None:
        super().__init__(plan, inputs)
        self.phases: list[list[list[int]]] = []
        for _, steps in groupby(enumerate(plan.steps), key=lambda row: row[1].phase):
            colours: dict[int, list[int]] = {}
            for n, step in steps:
                colours.setdefault(step.colour, []).append(n)
            self.phases.append([colours[c] for c in sorted(colours)])

    def execute(self) -> None:
        for own, *others in self.phases:
            futures: list[Future[Any]] = [pool().submit(self.part, part) for part in others]
            try:
                self.part(own)
            finally:
                for future in futures:
                    future.exception()  # wait for all before anything is said
            for future in futures:
                future.result()

    def part(self, steps: Sequence[int]) -> None:
        """The steps of one colour in one phase."""
        calls = self.calls
        with np.errstate(all="ignore"):
            for n in steps:
                try:
                    calls[n]()
                except Exception as error:
                    raise self.named(error, n) from error
