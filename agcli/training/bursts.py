"""Many steps of a small model in one call: the same bits, and Python is met once for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from agcli.datasets import Batches
from agcli.engine.backends.jit import repeating
from agcli.engine.leaves import Variable
from agcli.engine.optimizers import Step

if TYPE_CHECKING:
    from agcli.engine.backends.jit.repeat import Repeated, Source

STATE = 1 << 20  # bytes of variables; to keep those of a larger model takes longer than is saved
PAUSE = 5e-3  # seconds that a burst may take: so long nobody looks at signals and clocks
LONGEST = 256  # steps
LOSS = "loss"
Values = dict[str, Any]  # what a step fetches


class Bursts:
    """The steps of a training, several at a time where that is possible.

    A burst that comes to numbers that are not finite is undone; the steps are then done one by one, so that what is
    said of the one that failed is the same.
    """

    def __init__(
        self, step: Step, batches: Batches, variables: Mapping[str, Variable], is_sound: Callable[[], bool]
    ) -> None:
        self.step, self.batches, self.variables, self.is_sound = step, batches, variables, is_sound
        self.length = 1
        self.made: Repeated | None = None
        plain = step.gather is None and step.before is None and type(step).run is Step.run
        self.possible = plain and sum(v.value.nbytes for v in variables.values()) <= STATE and repeating() is not None

    @cached_property
    def sources(self) -> list[Source] | None:
        """What the inputs take rows of."""
        found = [self.batches.by_rows(p.name or "") for p in self.step.inputs]
        known = [source for source in found if source is not None]
        return known if len(known) == len(found) else None

    def repeated(self) -> Repeated | None:
        """The step on whole batches, many times; None before it was compiled for them, or where it cannot be."""
        if self.made is not None or not self.possible:
            return self.made
        size, make = self.batches.batch_size, repeating()
        executor = self.step.executors.get(tuple((size, *p.shape[1:]) for p in self.step.inputs))
        if executor is None:
            return None
        if make is not None and self.sources is not None:
            self.made = make(executor, self.sources, self.step.key if self.step.random else None)
        self.possible = self.made is not None
        return self.made

    def __call__(self, epoch: int, first: int, most: int) -> list[Values]:
        """What some steps fetched, from batch ``first`` of an epoch on, at most so many; none: one by one, please."""
        made = self.repeated()
        if made is None:
            return []
        size = self.batches.batch_size
        most = min(most, len(self.batches.split) // size - first, self.length)
        order = self.batches.rows(epoch) if most > 0 else None
        if order is None:
            return []
        kept = {name: v.value.copy() for name, v in self.variables.items()}
        began = time.perf_counter()
        try:
            columns = made.run(order[first * size : (first + most) * size])
        except Exception:  # noqa: BLE001  # the step that fails says it, one by one
            columns = None
        if columns is None or not np.isfinite(columns[self.names.index(LOSS)]).all() or not self.is_sound():
            self.give_up()
            for name, value in kept.items():
                self.variables[name].value[...] = value
            return []
        self.pace((time.perf_counter() - began) / most)
        return [dict(zip(self.names, values, strict=True)) for values in zip(*columns, strict=True)]

    def pace(self, each: float) -> None:
        """Choose how many steps come next, of which each took so many seconds; the first ones had to be bound, too."""
        fitting = int(PAUSE / each) if self.length > 1 else 2
        self.length = min(fitting, 2 * self.length, LONGEST)
        if self.length < 2:
            self.give_up()

    def give_up(self) -> None:
        """From now on, one by one."""
        self.possible, self.made = False, None

    @property
    def names(self) -> list[str]:
        return self.step.names_of_results or [LOSS]
