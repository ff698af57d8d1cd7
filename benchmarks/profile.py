"""A training step of ours by op, beside what the machine could do: its products of matrices, and its memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from agcli.engine.backends.numpy import Executor
from agcli.engine.backends.observe import observed
from agcli.training.profile import Row, flops, moved
from benchmarks.machine import memory, sgemm
from benchmarks.row import rows, workload
from benchmarks.table import figure, row

STEPS = {
    "softmax": 400,
    "adult_sgd": 400,
    "mlp": 100,
    "mlp_wide": 8,
    "cnn": 20,
    "resnet": 8,
    "lstm": 20,
    "transformer": 10,
    "transformer_wide": 5,
}  # workload -> steps that are measured
WARM = 5

Limits: TypeAlias = tuple[float, float]  # operations and bytes a second


def profiled(name: str, quick: bool = False) -> tuple[list[Row], float]:
    """A step by op, the slowest first; and the seconds of a step that nobody looks at, in turns with the others.

    All times are those of the thread on a processor, so that a busy machine changes them little.
    """
    (where,) = {where for r, where in rows().values() if r.name == name}
    side = getattr(workload(where), name)(workload(where).problem(quick), 1)
    call = side.call
    assert call is not None
    for i in range(WARM):
        call(i)
    times: dict[tuple[Executor, int], list[int]] = {}

    def observer(executor: Executor, n: int, kernel: Callable[[], Any]) -> None:
        began = time.thread_time_ns()
        kernel()
        times.setdefault((executor, n), []).append(time.thread_time_ns() - began)

    seconds = []
    for i in range(2 if quick else STEPS[name]):
        began = time.thread_time()
        call(i)
        seconds.append(time.thread_time() - began)
        with observed(list(side.function.executors.values()), observer):
            call(i)
    return by_op(times), statistics.median(seconds)


def by_op(times: Mapping[tuple[Executor, int], list[int]]) -> list[Row]:
    """From nanoseconds of each call in each step."""
    ops: dict[str, Row] = {}
    for (executor, n), taken in times.items():
        step = executor.plan.steps[n]
        op = ops.setdefault(step.op.name, Row(step.op.name))
        op.calls += 1
        op.seconds += statistics.median(taken) * 1e-9
        op.bytes += moved(executor.plan, step)
        op.flops += flops(executor.plan, step)
    return sorted(ops.values(), key=lambda op: -op.seconds)


def least(op: Row, limits: Limits) -> float:
    """Seconds at the limits: of the arithmetic or of the traffic, whichever is more.

    Traffic counts every array as if it came from memory; what lies in a cache is faster.
    """
    return max(op.flops / limits[0], op.bytes / limits[1])


def lines(ops: list[Row], step: float, limits: Limits) -> Iterator[str]:
    """A table of one step."""
    yield row(["op", "calls", "us", "share", "MB", "GB/s", "GFLOP/s", "us at the limit"])
    yield row(["---", *["---:"] * 7])
    total = sum(op.seconds for op in ops)
    for op in ops:
        speed = figure(op.flops / op.seconds / 1e9) if op.flops else ""
        yield row([
            op.op, str(op.calls), figure(op.seconds * 1e6), f"{op.seconds / total:.0%}", figure(op.bytes / 1e6),
            figure(op.bytes / op.seconds / 1e9), speed, figure(least(op, limits) * 1e6),
        ])  # fmt: skip
    at_best = sum(least(op, limits) for op in ops)
    yield row(["all", str(sum(op.calls for op in ops)), figure(total * 1e6), "", "", "", "", figure(at_best * 1e6)])
    yield f"\nA step takes {figure(step * 1e6)} us where nobody looks at its calls."


def report(names: Sequence[str], quick: bool = False) -> str:
    """Profiles of some workloads on one thread, with the limits measured in the same run."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        limits = sgemm(256 if quick else 1024) * 1e9, memory(1 << 20 if quick else 1 << 26) * 1e9
        speeds = " (sgemm), ".join((f"{figure(limits[0] / 1e9)} GFLOP/s", f"{figure(limits[1] / 1e9)} GB/s"))
        parts = [f"Limits of one thread: {speeds} (memcpy)."]
        for name in names:
            ops, step = profiled(name, quick)
            parts.append(f"### A step of {name}\n\n" + "\n".join(lines(ops, step, limits)))
    return "\n\n".join(parts)
