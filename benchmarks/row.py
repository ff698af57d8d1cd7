"""What a workload is: its rows of the table, and what a side (we, a peer, NumPy by hand) has to offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

Problem = dict[str, Any]  # arrays and numbers: the same for every side

# name of a workload's file -> its rows are in ROWS there
WORKLOADS = (
    "softmax", "mlp", "mlp_wide", "cnn", "resnet", "lstm", "transformer", "adult", "scalar", "chain", "predict", "cold",
)  # fmt: skip
OURS, FLOOR = "ag", "numpy"
PLAIN = "ag-numpy"  # our side without compiled kernels
COMPILED = "torch_compile"  # torch's training steps through its compiler: shown, never what a ratio is of
WITHOUT = "ag-without-"  # and the name of a part that is switched off: see ``without``
UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6}


@dataclass(frozen=True)
class Row:
    """One line of the table. ``steps`` calls are one unit of what is reported; ``check`` changes the problem where
    sides are compared, as where their random numbers differ.
    """

    name: str  # also of the function of each side
    title: str
    unit: str  # ms/step: a key of UNITS, and what it is of
    target: float  # our time / the best peer's
    peers: tuple[str, ...]
    steps: int = 1
    check: Mapping[str, Any] = field(default_factory=dict)
    memory: float | None = None  # target for our peak memory / the best peer's
    process: bool = False  # each round is a process of its own
    tolerance: float = 1e-4
    against: str = ""  # the one peer that the target speaks of; others are shown

    @property
    def trains(self) -> bool:
        """Whether calls are steps of a training with one evaluation of the loss each."""
        return self.unit.endswith(("/step", "/epoch"))

    @property
    def scale(self) -> float:
        """Units of a second."""
        return UNITS[self.unit.partition("/")[0]]


@dataclass
class Side:
    """One implementation, ready to run: ``call(i)`` does step i and returns its loss, or the value that it computes.

    ``many(start, stop)`` is a faster way for a range of steps, where a system has one; it returns all losses.
    ``value(i)`` is what is compared instead, where ``call`` does not return it.
    """

    call: Callable[[int], Any] | None = None
    many: Callable[[int, int], Any] | None = None
    value: Callable[[int], Any] | None = None
    function: Any = None  # the compiled function behind a training step of ours, for profiles

    def run(self, start: int, stop: int) -> None:
        if self.many is not None:
            self.many(start, stop)
            return
        call = self.call
        assert call is not None
        for i in range(start, stop):
            call(i)

    def values(self, start: int, stop: int) -> Iterator[Any]:
        """What these steps give, one after another: some values are large."""
        if self.many is not None and self.value is None:
            yield from self.many(start, stop)
            return
        value = self.value or self.call
        assert value is not None
        for i in range(start, stop):
            yield value(i)


def workload(name: str) -> ModuleType:
    return import_module(f"benchmarks.workloads.{name}")


def rows() -> dict[str, tuple[Row, str]]:
    """Row name -> row and the workload that it belongs to."""
    return {row.name: (row, name) for name in WORKLOADS for row in workload(name).ROWS}


def is_ours(system: str) -> bool:
    """Whether a system is ours, with or without a part."""
    return system in (OURS, PLAIN) or system.startswith(WITHOUT)


def may_run(row: Row, system: str) -> bool:
    """Whether a system has a side of a row; one that lacks it is left out without a word."""
    if system == COMPILED:
        return "torch" in row.peers and row.trains and not row.process
    if system == PLAIN:
        return not row.process
    return system in row.peers or system.startswith(WITHOUT)


def side(row: str, where: str, system: str) -> Callable[[Problem, int], Side]:
    """The function of ``system`` that makes its side of a row."""
    module = workload(where) if system == OURS else import_module(f"benchmarks.peers.{system}")
    made: Callable[[Problem, int], Side] = getattr(module, row)
    return made
