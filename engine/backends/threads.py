"""Runs the shards of a plan side by side; NumPy lets go of the interpreter's lock in its large kernels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache, partial
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ..leaves import Placeholder
from ..ops.program import joined
from ..plan import Plan
from .numpy import Executor, Program
from .thread_pool import beside

if TYPE_CHECKING:  # loaded with the first thread
    from threadpoolctl import ThreadpoolController


def processors() -> int:
    """How many threads of this process can run at the same time."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1


@cache
def workers() -> int:
    """Threads for one loop: as many as there are processors, or as BLAS is told to use."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(processors(), int(told))) if told.isdecimal() else processors()


@cache
def blas() -> ThreadpoolController:
    """The BLAS libraries of this process."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


class ThreadedExecutor(Executor):
    """An executor whose phases of several shard_of run on as many threads."""

    def __init__(self, plan: Plan, inputs: Sequence[Placeholder]) -> None:
        super().__init__(plan, inputs)
        self.phases: list[list[list[int]]] = []
        for _, steps in groupby(enumerate(plan.steps), key=lambda row: row[1].phase):
            shard_of: dict[int, list[int]] = {}
            for n, step in steps:
                shard_of.setdefault(step.shard, []).append(n)
            self.phases.append([shard_of[c] for c in sorted(shard_of)])

    def join(self) -> None:
        """A program for each shard in each phase."""
        self.parts = [[self.numbered(part) for part in phase] for phase in self.phases]
        self.sequence = []
        self.alone = self.standing([part for phase in self.parts for part in phase])

    def numbered(self, steps: Sequence[int]) -> Program:
        """The calls of some steps as a program."""
        return [(steps[k], call) for k, call in joined([self.calls[n] for n in steps])]

    def execute(self) -> None:
        with blas().limit(limits=1):  # a shard has one thread, and so has its BLAS
            for phase in self.parts:
                beside([partial(self.part, part) for part in phase])

    def part(self, program: Program) -> None:
        """The steps of one shard in one phase."""
        with np.errstate(all="ignore"):
            self.go(program)
