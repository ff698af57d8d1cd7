"""Runs rows: a process for each side and number of threads, checked against each other, then timed in rounds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from benchmarks.problem import read, write
from benchmarks.row import COMPILED, FLOOR, OURS, Row, is_ours, may_run, rows, workload
from benchmarks.worker import threaded

ROOT = Path(__file__).resolve().parent.parent
CHECKED = 10  # steps whose losses have to agree

Who = tuple[str, int]  # system, threads


class UnequalError(Exception):
    """Two sides of a row do not compute the same."""


class StoppedError(Exception):
    """A process ended before it had answered."""


def environment() -> dict[str, str]:
    """That of every child: this checkout comes first, and compiled modules are kept, as they are on a usual machine."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(ROOT)}


class Process:
    """A worker at the other end of two pipes."""

    def __init__(self, row: Row, where: str, who: Who, problem: Path, changes: Mapping[str, Any]) -> None:
        system, threads = who
        command = [sys.executable, "-m", "benchmarks.worker", row.name, where, system]
        self.who = who
        self.child = subprocess.Popen(
            [*command, str(threads), str(problem), json.dumps(dict(changes))],
            cwd=ROOT, env=environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.communicate()  # it ends with its standard input

    def ready(self) -> None:
        """Wait until everything is loaded and built."""
        self.answer()

    def answer(self) -> Any:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise StoppedError(f"{self.who[0]} with {self.who[1]} threads ended; what it said stands above")
        return json.loads(line)

    def ask(self, request: str, argument: float) -> Any:
        assert self.child.stdin is not None
        print(json.dumps({request: argument}), file=self.child.stdin, flush=True)
        return self.answer()[request]


@dataclass
class Measured:
    """What came out for one side with one number of threads."""

    who: Who
    seconds: list[float] = field(default_factory=list)  # of a unit, one a round
    memory: float = 0.0  # MB
    first: float | None = None  # seconds to build everything and do the first step
    spent: list[float] = field(default_factory=list)  # seconds of all processors, the same way

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def work(self) -> float:
        """Seconds of all processors."""
        return statistics.median(self.spent or [0.0])


@dataclass
class Result:
    """A row with all that was measured of it."""

    row: Row
    sides: list[Measured]
    apart: float  # the largest relative difference between the values of two sides

    def best(self, systems: Iterable[str]) -> Measured | None:
        """The fastest of some systems, by the median."""
        found = [m for m in self.sides if m.who[0] in systems]
        return min(found, key=lambda m: m.median, default=None)

    @property
    def ours(self) -> Measured:
        found = self.best([OURS])
        assert found is not None
        return found

    @property
    def peers(self) -> set[str]:
        """Whom we compare with: whom the target names, or all; the floor only where there is nobody else."""
        there = {m.who[0] for m in self.sides if not is_ours(m.who[0])} - {COMPILED}
        if self.row.against in there:
            return {self.row.against}
        return there - {FLOOR} or there

    @property
    def peer(self) -> Measured | None:
        return self.best(self.peers)

    @property
    def ratio(self) -> float | None:
        """Our time over the best peer's: the median over the rounds, each of which had both side by side."""
        if self.peer is None:
            return None
        return statistics.median(a / b for a, b in zip(self.ours.seconds, self.peer.seconds, strict=True))

    @property
    def work_ratio(self) -> float | None:
        """Our least processor time over the least of the peers: what a busy machine changes least."""
        theirs = [m.work for m in self.sides if m.who[0] in self.peers]
        ours = min(m.work for m in self.sides if m.who[0] == OURS)
        return ours / least if theirs and (least := min(theirs)) else None

    @property
    def memory_ratio(self) -> float | None:
        """Our least peak memory over the least of the peers."""
        theirs = [m.memory for m in self.sides if m.who[0] in self.peers]
        return min(m.memory for m in self.sides if m.who[0] == OURS) / min(theirs) if theirs else None

    def to_json(self) -> dict[str, Any]:
        """Plain data; times in the row's unit."""
        row = self.row
        sides = [
            {
                "system": m.who[0],
                "threads": m.who[1],
                "median": m.median * row.scale,
                "least": min(m.seconds) * row.scale,
                "processors": m.work * row.scale,
                "memory_mb": m.memory,
                "first_ms": None if m.first is None else m.first * 1e3,
            }
            for m in self.sides
        ]
        return {
            "name": row.name, "title": row.title, "unit": row.unit, "target": row.target, "ratio": self.ratio,
            "work_ratio": self.work_ratio,
            "memory_target": row.memory, "memory_ratio": self.memory_ratio, "apart": self.apart, "sides": sides,
        }  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How much is measured."""

    peers: Sequence[str] = (FLOOR,)
    threads: Sequence[int] = (1, 2)
    rounds: int = 7
    seconds: float = 0.25  # of a turn
    quick: bool = False

    def sides(self, row: Row) -> list[Who]:
        systems = [OURS, *(s for s in self.peers if may_run(row, s))]
        return [(s, n) for s in systems for n in self.threads]


def difference(a: Any, b: Any) -> float:
    """The largest |a - b| / max(1, |b|) of values of one shape; infinity where shapes differ."""
    if len(a) != len(b) or any(len(u) != len(v) for u, v in zip(a, b, strict=True)):
        return float("inf")
    return max(abs(x - y) / max(1.0, abs(y)) for u, v in zip(a, b, strict=True) for x, y in zip(u, v, strict=True))


def start(stack: ExitStack, row: Row, where: str, who: Sequence[Who], path: Path, changes: Any) -> list[Process]:
    """Workers for some sides, loaded side by side."""
    processes = [stack.enter_context(Process(row, where, w, path, changes)) for w in who]
    for process in processes:
        process.ready()
    return processes


def compared(row: Row, processes: Sequence[Process]) -> float:
    """The largest difference between our first values and another side's. Raises UnequalError beyond the tolerance."""
    values = [p.ask("values", CHECKED) for p in processes]
    apart = 0.0
    for process, found in zip(processes[1:], values[1:], strict=True):
        d = difference(found, values[0])
        if not d <= row.tolerance:
            pair = f"{[v[0] for v in values[0]]} against {[v[0] for v in found]}"
            raise UnequalError(f"{row.name}: {process.who[0]} computes something else than we do (by {d:.1e}): {pair}")
        apart = max(apart, d)
    return apart


def measure(row: Row, where: str, settings: Settings, path: Path) -> Result:
    """Check all sides of a row against each other, then time them in turns."""
    who = settings.sides(row)
    with ExitStack() as stack:
        if row.check:
            with ExitStack() as checked:
                apart = compared(row, start(checked, row, where, who, path, row.check))
            processes = start(stack, row, where, who, path, {})
        else:
            processes = start(stack, row, where, who, path, {})
            apart = compared(row, processes)
        sides = [Measured(p.who) for p in processes]
        for process, side in zip(processes, sides, strict=True):
            side.first = process.ask("first", 0)
        units = [1 if settings.quick else p.ask("calibrate", settings.seconds) for p in processes]
        for _ in range(1 if settings.quick else settings.rounds):
            for process, side, n in zip(processes, sides, units, strict=True):
                took, spent = process.ask("turn", n)
                side.seconds.append(took / n)
                side.spent.append(spent / n)
        for process, side in zip(processes, sides, strict=True):
            side.memory = process.ask("memory", 0)
    return Result(row, sides, apart)


def process(row: Row, where: str, who: Who, path: Path) -> tuple[float, float, float, float]:
    """Run one process from start to end: seconds, those of processors, peak memory in MB, and what it found."""
    system, threads = who
    module = workload(where)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        command = module.command(system, read(str(path)), Path(folder))
        began = time.perf_counter()
        with subprocess.Popen(
            command, cwd=ROOT, env=environment() | threaded(threads), text=True, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            printed = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
            took = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise StoppedError(f"{row.name}: {system} ended with exit code {child.returncode}")
    peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return took, usage.ru_utime + usage.ru_stime, peak, module.result(system, printed)


def measure_processes(row: Row, where: str, settings: Settings, path: Path) -> Result:
    """The same for rows whose sides are whole processes."""
    sides = [Measured(w) for w in settings.sides(row)]
    found: dict[str, float] = {}
    for i in range(1 if settings.quick else min(settings.rounds, 3) + 1):
        for side in sides:
            took, spent, memory, value = process(row, where, side.who, path)
            found[side.who[0]] = value
            if i or settings.quick:  # the first round fills the caches
                side.seconds.append(took)
                side.spent.append(spent)
                side.memory = max(side.memory, memory)
    apart = max(abs(v - found[OURS]) for v in found.values())
    if apart > row.tolerance:
        raise UnequalError(f"{row.name}: the results differ: {found}")
    return Result(row, sides, apart)


def run(names: Sequence[str], settings: Settings) -> Iterable[Result]:
    """The results of the rows or workloads in ``names``, or of all."""
    chosen = [(row, where) for row, where in rows().values() if not names or {row.name, where} & set(names)]
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        written: dict[str, Path] = {}
        for row, where in chosen:
            if where not in written:
                written[where] = Path(folder, f"{where}.npz")
                write(written[where], workload(where).problem(settings.quick))
            if row.process and not read(str(written[where]))["folder"]:
                continue  # its data is not at hand
            yield (measure_processes if row.process else measure)(row, where, settings, written[where])
