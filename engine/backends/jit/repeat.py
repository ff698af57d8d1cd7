"""Many runs of a plan in one call: each takes the next rows of some arrays, and what it finds is kept in a row.

A plan whose calls are all compiled is one list of kernels (``code/native.py``). Around it a compiled loop gathers the
rows of a batch, runs the list, copies what is fetched, and moves on by a batch: so Python is met once for many steps
of a small model, where a step takes less time than Python needs to begin it. Where some calls are not compiled, Python
goes through the list, and saves what it takes to feed a function.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Any, TypeAlias

import numpy as np

from ...leaves import Variable
from ...ops.cross_entropy import check_labels
from ...ops.program import Steps, joined
from ...types import Array, static
from ..numpy import Executor
from .code.compiler import CompileError, compiled
from .code.machine import usable
from .code.native import Movable, Native, address, pairs
from .gather import FIELDS, Gather, readable

Source: TypeAlias = "tuple[Array, np.float32 | None]"  # rows, and what their bytes are divided by
ROWS, OUT = FIELDS.index("rows"), FIELDS.index("out")

REPEAT = """
define void @kernel(ptr %args) {
entry:
  %runs = load i64, ptr %args
  %calls.at = getelementptr i64, ptr %args, i64 1
  %calls = load i64, ptr %calls.at
  %moves.at = getelementptr i64, ptr %args, i64 2
  %moves = load i64, ptr %moves.at
  %pairs = getelementptr i64, ptr %args, i64 3
  %places = getelementptr {ptr, ptr}, ptr %pairs, i64 %calls
  br label %run
run:
  %r = phi i64 [0, %entry], [%r.next, %run.end]
  %none = icmp eq i64 %calls, 0
  br i1 %none, label %move, label %call
call:
  %i = phi i64 [0, %run], [%i.next, %call]
  %pair = getelementptr {ptr, ptr}, ptr %pairs, i64 %i
  %kernel = load ptr, ptr %pair
  %argument.at = getelementptr ptr, ptr %pair, i64 1
  %argument = load ptr, ptr %argument.at
  call void %kernel(ptr %argument)
  %i.next = add i64 %i, 1
  %i.more = icmp slt i64 %i.next, %calls
  br i1 %i.more, label %call, label %move
move:
  %j = phi i64 [0, %run], [0, %call], [%j.next, %move]
  %place = getelementptr {ptr, i64}, ptr %places, i64 %j
  %number.at = load ptr, ptr %place
  %by.at = getelementptr i64, ptr %place, i64 1
  %by = load i64, ptr %by.at
  %number = load i64, ptr %number.at
  %moved = add i64 %number, %by
  store i64 %moved, ptr %number.at
  %j.next = add i64 %j, 1
  %j.more = icmp slt i64 %j.next, %moves
  br i1 %j.more, label %move, label %run.end
run.end:
  %r.next = add i64 %r, 1
  %r.more = icmp slt i64 %r.next, %runs
  br i1 %r.more, label %run, label %over
over:
  ret void
}
"""


@cache
def kernel() -> Any:
    return compiled(REPEAT)


class Repeated:
    """Runs of one plan, each on the next rows of ``sources``, of which every input has one.

    ``key`` is a random key, which every run moves on by a step.
    """

    def __init__(self, executor: Executor, sources: Sequence[Source], key: Variable | None) -> None:
        self.executor, self.sources, self.key = executor, sources, key
        self.buffers = [np.empty([*map(static, p.shape)], p.dtype) for p in executor.inputs]
        self.batch = len(self.buffers[0])
        self.program: Any = None  # of the executor, when the calls were put together

    def run(self, rows: Array) -> list[Array] | None:
        """The fetches of all runs, a row for each; ``rows`` are numbers, whole batches. None where that cannot be."""
        executor, count = self.executor, len(rows) // self.batch
        with executor.lock:
            if executor.moves != Variable.moves:
                executor.bind_all()
            executor.ready(self.buffers)
            if executor.sequence is not self.program and not self.bind():
                return None
            rows = np.ascontiguousarray(rows, np.int64)
            values = [executor.values[i] for i, _ in executor.fetches]
            found = [np.empty((count, *v.shape), v.dtype) for v in values]
            for call in self.fills:
                call.args[0][ROWS] = address(rows)
            for call, out in zip(self.copies, found, strict=True):
                call.args[0][OUT] = address(out)
            self.go(count)
            return found

    def bind(self) -> bool:
        """Put all calls together."""
        executor = self.executor
        if executor.plan.commits or not all(executor.values[i].flags.c_contiguous for i, _ in executor.fetches):
            return False
        targets = {n: self.buffers[n] if dynamic else executor.values[i] for n, i, dynamic in executor.feeds}
        try:
            fills = [Gather(*self.sources[n]).bind(np.zeros(self.batch, np.int64), out) for n, out in targets.items()]
            copies = [copy(executor.values[i]) for i, _ in executor.fetches]
        except CompileError:
            return False
        labels = [(out, self.sources[n][0]) for n, out in targets.items()]
        plan = [call for _, call in executor.sequence or [] for call in flat(call) if not is_checked(call, labels)]
        moved = [(place(call, ROWS), self.batch * 8) for call in fills]
        moved += [(place(call, OUT), call.kept[2].nbytes) for call in copies]
        moved += [(address(self.key.value) + 8, 1)] if self.key is not None else []
        self.fills, self.copies, self.program = fills, copies, executor.sequence
        self.go = repeat([*fills, *plan, *copies], moved)
        return True


def repeat(calls: Sequence[Any], moved: Sequence[tuple[int, int]]) -> Callable[[int], None]:
    """What does all calls so many times, and then makes numbers larger: their addresses, and by how much.

    Where all calls are compiled, the loop is; else Python goes through them.
    """
    natives = [call for call in calls if isinstance(call, Native)]
    numbers = [*(n for both in moved for n in both)]
    if len(natives) == len(calls):
        whole = Native(kernel(), [0, len(calls), len(moved), *pairs(natives), *numbers], tuple(calls))

        def at_once(count: int) -> None:
            whole.args[0][0] = count
            whole()

        return at_once
    move = Native(kernel(), [1, 0, len(moved), *numbers])
    steps = [call for _, call in joined([*calls, move])]

    def one_by_one(count: int) -> None:
        for _ in range(count):
            for call in steps:
                call()

    return one_by_one


def flat(call: Any) -> Iterator[Any]:
    """A call as the calls that it consists of."""
    if isinstance(call, Steps):
        for step in call.steps:
            yield from flat(step)
    else:
        yield call


def is_checked(call: Any, sources: Sequence[tuple[Array, Array]]) -> bool:
    """Whether a call only looks whether labels are in range, and all those are of which batches are made."""
    if not isinstance(call, partial) or call.func is not check_labels:
        return False
    labels, classes = call.args
    found = [stored for out, stored in sources if np.may_share_memory(out, labels)]
    return bool(found) and all(is_in_range(stored, classes) for stored in found)


def is_in_range(labels: Array, classes: int) -> bool:
    return labels.dtype.kind in "iu" and bool(labels.min() >= 0 and labels.max() < classes)


def copy(value: Array) -> Movable:
    """A call that copies a value to where it is kept."""
    line = value.reshape(1, -1)
    return Gather(line, None).bind(np.zeros(1, np.int64), np.empty_like(line))


def place(call: Movable, field: int) -> int:
    """Where a number of the argument lies."""
    return ctypes.addressof(call.args[0]) + 8 * field


def repeated(executor: Executor, sources: Sequence[Source], key: Variable | None) -> Repeated | None:
    """What runs a plan many times in one call; None where its inputs are not simply rows of arrays.

    The rows are those of ``sources``, as they are stored or bytes that are divided; nothing else may happen to them.
    """
    if type(executor) is not Executor or not usable() or not executor.feeds:
        return None
    for p, (stored, divisor) in zip(executor.inputs, sources, strict=True):
        fed = stored.dtype if divisor is None else np.dtype(np.float32)
        same = bool(p.shape) and p.shape[0] == executor.inputs[0].shape[0]
        if not same or stored.shape[1:] != p.shape[1:] or p.dtype != fed or not readable(stored, divisor):
            return None
    return Repeated(executor, sources, key)
