"""Which op made the first NaN or infinity of a step: found by going back from the loss or the parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from agcli.engine.backends.numpy import Executor
from agcli.engine.backends.observe import observed
from agcli.engine.errors import ExecutionError
from agcli.engine.function import Function
from agcli.engine.leaves import Placeholder
from agcli.engine.optimizers import Step
from agcli.engine.plan import Plan
from agcli.engine.types import Array

FINE, INFINITE, NAN = range(3)
WORDS = ("finite numbers", "an infinity", "a NaN")


@dataclass(frozen=True)
class Statistics:
    """What is known of an array: the figures are those of its finite elements."""

    name: str
    type: str
    least: float | None
    mean: float | None
    greatest: float | None
    nans: int
    infinities: int

    def __str__(self) -> str:
        numbers = (
            "no finite numbers"
            if self.least is None
            else f"{self.least:.4g} to {self.greatest:.4g}, mean {self.mean:.4g}"
        )
        bad = [f"{n:,} {word}" for n, word in ((self.nans, "NaN"), (self.infinities, "infinite")) if n]
        return f"{self.name} {self.type}: {', '.join([numbers, *bad])}"


@dataclass(frozen=True)
class Culprit:
    """The op (or the leaf of the graph, if ``op`` is empty) with which it began."""

    op: str
    made: str  # "a NaN" or "an infinity"
    place: str  # where the spec or the program asks for the op
    result: Statistics
    inputs: tuple[Statistics, ...]
    rows: tuple[int, ...]  # of the batch, in which the result is not finite; empty if it is not one row a sample
    inside: str = ""  # of an op that runs others, such as a recurrent layer

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """What it says to a person."""
        if not self.op:
            yield f"it began with {self.made} in {self.result}"
            return
        yield f"{self.place}: {self.op} made {self.made}{self.inside and f', inside: {self.inside}'}"
        for given in self.inputs:
            yield f"  from {given}"
        yield f"  came {self.result}"


def statistics(name: str, array: Array) -> Statistics:
    """The statistics of an array under a name."""
    kind = f"{array.dtype}{array.shape}"
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    finite = array[np.isfinite(array)].astype(np.float64)
    bad = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    if not finite.size:
        return Statistics(name, kind, None, None, None, *bad)
    return Statistics(name, kind, float(finite.min()), float(finite.mean()), float(finite.max()), *bad)


def described(plan: Plan, index: int) -> str:
    """What is in a slot: the name of a leaf, a number, or the op that made it."""
    tensor = plan.slots[index].tensor
    return tensor.op.name if tensor.op is not None else plan.describe(index)


def badness(array: Any) -> int:
    """0: all finite; 1: infinities; 2: NaN."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or np.isfinite(array).all():
        return FINE
    return NAN if np.isnan(array).any() else INFINITE


@dataclass
class Seen:
    """One step whose result is not finite."""

    badness: int
    inputs: list[tuple[int, int]]  # slot, badness
    statistics: list[Statistics]
    result: Statistics
    rows: tuple[int, ...]
    inside: str


@dataclass
class Recorder:
    """Looks at every value of a step."""

    samples: int
    seen: dict[int, Seen] = field(default_factory=dict)
    executor: Executor | None = None

    def __call__(self, executor: Executor, n: int, call: Callable[[], object]) -> None:
        self.executor = executor
        step, values = executor.plan.steps[n], executor.values
        inputs = [(i, badness(values[i])) for i in step.inputs]
        given = [statistics(described(executor.plan, i), values[i]) for i in step.inputs]  # before it is written over
        call()
        worst = max(step.outputs, key=lambda o: badness(values[o]))
        found = badness(values[worst])
        if found:
            result = statistics(step.op.name, values[worst])
            inside = step.op.culprit([values[i] for i in step.inputs], [values[o] for o in step.outputs]) or ""
            self.seen[n] = Seen(found, inputs, given, result, self.rows(values[worst]), inside)

    def rows(self, array: Array) -> tuple[int, ...]:
        """Places in the batch where an array is not finite, if it has a row a sample."""
        if array.shape[:1] != (self.samples,):
            return ()
        bad = ~np.isfinite(array).reshape(self.samples, -1).all(axis=1)
        return tuple(map(int, np.flatnonzero(bad)))


def find(step: Step, samples: int, reset: Callable[[], None], run: Callable[[], object]) -> Culprit | None:
    """The culprit of ``run``, a call of ``step`` on a batch of so many samples, after ``reset`` of all state.

    The step is compiled anew, so that inputs outlive the op that reads them.
    """
    functions: list[Function] = [f for f in (step, step.gather) if f is not None]
    for f in functions:
        f.debug_nans = True
        f.executors.clear()
    reset()
    with suppress(ExecutionError):  # all that is wanted is that it is compiled
        run()
    for f in functions:
        f.debug_nans = False
    recorder = Recorder(samples)
    reset()
    with observed([e for f in functions for e in f.executors.values()], recorder):
        run()
    if recorder.executor is None:
        return None
    return walked_back(recorder.executor, recorder)


def walked_back(executor: Executor, recorder: Recorder) -> Culprit | None:
    """From a result that is not finite, against the arrows, to the op whose inputs were."""
    plan, seen = executor.plan, recorder.seen
    makers = made_by(plan)
    wanted = [*plan.fetches, *(slot for _, slot in plan.commits)]
    starts = [n for slot in wanted for n in makers(slot) if n in seen]
    if not starts:
        return None
    n = starts[0]
    while True:
        at = seen[n]
        bad = [slot for slot, how in at.inputs if how == at.badness] or [slot for slot, how in at.inputs if how]
        if not bad:
            step = plan.steps[n]
            given = tuple(at.statistics)
            return Culprit(step.op.name, WORDS[at.badness], step.tensor.origin, at.result, given, at.rows, at.inside)
        before = [m for slot in bad for m in makers(slot) if m in seen and m < n]
        if not before:
            return leaf(executor, bad[0], recorder)
        n = max(before)


def leaf(executor: Executor, slot: int, recorder: Recorder) -> Culprit:
    """A feed, variable or constant that is not finite by itself."""
    tensor, value = executor.plan.slots[executor.plan.slots[slot].root].tensor, executor.values[slot]
    kind = "the batch's" if isinstance(tensor, Placeholder) else "the parameter"
    named = statistics(f"{kind} {described(executor.plan, executor.plan.slots[slot].root)}", value)
    return Culprit("", WORDS[badness(value)], tensor.origin, named, (), recorder.rows(value))


def made_by(plan: Plan) -> Callable[[int], list[int]]:
    """A function from a slot to the steps that fill its memory: one, or those of its parts."""
    direct: dict[int, list[int]] = {}
    for n, step in enumerate(plan.steps):
        for o in step.outputs:
            root = plan.slots[o].root
            direct.setdefault(root, []).append(n)
            whole = plan.slots[root]
            while whole.kind == "part":
                whole = plan.slots[whole.source[0]]
                direct.setdefault(whole.index, []).append(n)
    return lambda slot: direct.get(plan.slots[slot].root, [])
