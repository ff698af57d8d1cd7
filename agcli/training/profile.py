"""Where the time of a step goes: by op, and as a trace that Chrome and Perfetto show."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agcli.engine.backends.numpy import Executor
from agcli.engine.backends.observe import observed
from agcli.engine.function import Function
from agcli.engine.plan import Plan, Step

FIRST, STEPS = 5, 50  # steps that are let pass, for caches and clocks to settle; steps that are measured
EVENTS = 200_000  # of a trace file; one has some 100 bytes


@dataclass
class Row:
    """All calls of one op. ``flops`` are known for products of matrices and convolutions only."""

    op: str
    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0
    flops: float = 0.0

    @property
    def gflops(self) -> float | None:
        """Billions of floating-point operations a second."""
        return self.flops / self.seconds / 1e9 if self.flops and self.seconds else None

    def to_json(self) -> dict[str, Any]:
        return {
            "op": self.op,
            "calls": self.calls,
            "seconds": round(self.seconds, 9),
            "bytes": self.bytes,
            "gflops": self.gflops,
        }


@dataclass
class Profile:
    """Measures some steps of a training; ``wall`` are their seconds, of which the kernels take a part."""

    first: int = FIRST
    count: int = STEPS
    steps: int = 0
    wall: float = 0.0
    calls: list[tuple[Executor, int, int, int]] = field(default_factory=list)  # executor, number, start and end in ns

    def around(self, step: int, function: Function, run: Callable[[], bool]) -> bool:
        """Do step number ``step`` of this process, and measure it if it is one of those."""
        if not self.first <= step < self.first + self.count:
            return run()
        executors, before = list(function.executors.values()), len(self.calls)
        with observed(executors, self.call):
            began = time.perf_counter()
            sound = run()
            ended = time.perf_counter()
        if len(function.executors) == len(executors):
            self.wall += ended - began
            self.steps += 1
        else:  # a batch of a new size was compiled for, which is no part of a step
            del self.calls[before:]
        return sound

    def call(self, executor: Executor, n: int, call: Callable[[], object]) -> None:
        began = time.perf_counter_ns()
        call()
        self.calls.append((executor, n, began, time.perf_counter_ns()))

    def rows(self) -> list[Row]:
        """One row an op, the slowest first."""
        rows: dict[str, Row] = {}
        for executor, n, began, ended in self.calls:
            step = executor.plan.steps[n]
            row = rows.setdefault(step.op.name, Row(step.op.name))
            row.calls += 1
            row.seconds += (ended - began) * 1e-9
            row.bytes += moved(executor.plan, step)
            row.flops += flops(executor.plan, step)
        return sorted(rows.values(), key=lambda row: -row.seconds)

    def trace(self) -> dict[str, Any]:
        """The calls in Chrome's trace event format (`ph: X`, complete events, in microseconds)."""
        shown = self.calls[:EVENTS]
        start = shown[0][2] if shown else 0
        return {"displayTimeUnit": "ms", "traceEvents": [event(*call, start) for call in shown]}


def event(executor: Executor, n: int, began: int, ended: int, start: int) -> dict[str, Any]:
    step = executor.plan.steps[n]
    shapes = [list(executor.plan.slots[i].type.shape) for i in (*step.inputs, *step.outputs)]
    said = {"place": step.tensor.origin, "inputs": shapes[: len(step.inputs)], "outputs": shapes[len(step.inputs) :]}
    times = {"ts": (began - start) / 1000, "dur": (ended - began) / 1000}
    return {"name": step.op.name, "cat": "op", "ph": "X", "pid": 1, "tid": step.shard + 1, **times, "args": said}


def moved(plan: Plan, step: Step) -> int:
    """Bytes that a step reads and writes."""
    return sum(plan.slots[i].nbytes for i in (*step.inputs, *step.outputs))


def flops(plan: Plan, step: Step) -> float:
    """Floating-point operations of a step: two (a product and a sum) for each product; 0 where nobody counts."""
    shapes = [plan.slots[i].type.shape for i in (*step.inputs, *step.outputs)]
    if hasattr(step.op, "products"):  # an op that counts by itself
        return 2.0 * float(step.op.products(*shapes[: len(step.inputs)]))
    count = COUNTS.get(step.op.name.removeprefix("compiled<").removesuffix(">"))
    return 0.0 if count is None else 2.0 * count(shapes)


def matmul(shapes: Sequence[tuple[int, ...]]) -> int:
    return math.prod(shapes[-1]) * shapes[0][-1]


# Op -> products, from the shapes of inputs and output. Outputs of a convolution times the size of one window.
COUNTS: Mapping[str, Callable[[Sequence[Any]], int]] = {
    "matmul": matmul,
    "conv2d": lambda s: math.prod(s[2]) * math.prod(s[1][:3]),
    "conv2d_input_grad": lambda s: math.prod(s[0]) * math.prod(s[1][:3]),
    "conv2d_weight_grad": lambda s: math.prod(s[1]) * math.prod(s[3][:3]),
}
