"""One side of one row in a process of its own; answers one JSON line for each line of its standard input.

    python -m benchmarks.worker ROW WORKLOAD SYSTEM THREADS PROBLEM CHANGES

Requests: ``{"values": n}`` the first n losses; ``{"calibrate": s}`` how many units take about s seconds;
``{"turn": n}`` the seconds that n units take, by
the clock and of all processors; ``{"first": 0}`` the seconds of building
and the first step; ``{"memory": 0}`` the peak of this process in MB.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

LEAST, SAMPLE = 1e-9, 1_000


def threaded(n: int) -> dict[str, str]:
    """Environment variables that give every library ``n`` threads, if they are set before it is loaded."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    one = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()} if n == 1 else {}
    return {**dict.fromkeys(names, str(n)), "JAX_PLATFORMS": "cpu", **one}


def flat(value: Any) -> list[float]:
    """A value as a list of floats, thinned out where it is large."""
    import numpy as np

    array = np.asarray(value).ravel()
    return [float(v) for v in array[:: max(1, array.size // SAMPLE)]]


def peak() -> float:
    """The most memory that this process has held, in MB (Linux; getrusage would count what it was forked from)."""
    try:
        with open("/proc/self/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1e3
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


class Worker:
    """A side, and how many of its steps are done."""

    def __init__(self, make: Callable[[], Any], steps: int) -> None:
        began = time.process_time()
        self.side, self.steps, self.at = make(), steps, 0
        self.built = time.process_time() - began
        self.start: float | None = None

    def values(self, n: int) -> list[list[float]]:
        began = time.process_time()
        found = next(self.side.values(0, 1))
        self.start = self.built + time.process_time() - began
        return [flat(found), *(flat(v) for v in self.side.values(1, n))]

    def first(self, _: int) -> float | None:
        """Seconds of processors to build everything and do the first step; None of what is more than one step."""
        if self.start is None:
            self.values(1)
        return None if self.side.value else self.start

    def turn(self, units: int) -> tuple[float, float]:
        """Seconds by the clock, and of all processors together."""
        start, spent = time.perf_counter(), time.process_time()
        self.side.run(self.at, self.at + units * self.steps)
        self.at += units * self.steps
        return time.perf_counter() - start, time.process_time() - spent

    def calibrate(self, seconds: float) -> int:
        self.turn(1)  # compiles
        units = 1
        while (took := max(self.turn(units)[0], LEAST)) < seconds / 2:
            units = max(units + 1, min(units * 10, int(units * seconds / took)))
        return max(1, round(units * seconds / took))

    def memory(self, _: int) -> float:
        return peak()


def main() -> None:
    name, where, system, threads, problem, changes = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    os.environ.update(threaded(int(threads)))
    from benchmarks.problem import read
    from benchmarks.row import OURS, PLAIN, WITHOUT, side, workload

    if system == PLAIN:
        system, os.environ["AG_BACKEND"] = OURS, "numpy"
    if system.startswith(WITHOUT):
        from benchmarks.without import switch_off

        switch_off(system)
        system = OURS
    row = next(r for r in workload(where).ROWS if r.name == name)
    p = read(problem) | json.loads(changes)
    make = side(name, where, system)  # loads libraries
    worker = Worker(lambda: make(p, int(threads)), row.steps)
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        ((request, argument),) = json.loads(line).items()
        print(json.dumps({request: getattr(worker, request)(argument)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
