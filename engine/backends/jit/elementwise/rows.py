"""Loops over rows that need their sums: layer normalization, softmax and their gradients as one pass over memory.

Rows are shared among threads by blocks. A row has a few running sums of as many lanes as a register has, which are
added in pairs; sums of columns are added row by row in a block, then block by block: so no bit depends on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from math import prod
from typing import Any, ClassVar

import numpy as np

from ....frozen import frozen
from ....ops.addition import reduction
from ....ops.program import program as row
from ....types import Array, TensorType, TupleType
from ..code.compiler import CompileError, compiled
from ..code.native import address
from ..llvm.values import UnsupportedError
from .columns import in_blocks, one_step, summed
from .frames import Frame
from .fused import Fused, Program
from .launch import SHARED, collapse, lanes, together
from .rows_text import RowsText
from .sums import chain

BLOCK = 256  # rows
ELEMENTS = 1 << 16  # of a block, which has fewer rows where they are long
FEWEST = 16  # rows of a block
Call = Callable[[], Any]


@frozen
class RowLoop(Fused):
    """A group with sums over rows that its elements need; its last results are sums over all axes but the last."""

    frame: Frame
    single: tuple[bool, ...]  # which lines are one number a row
    types: tuple[TensorType, ...]  # of the results
    strided: ClassVar[bool] = False

    def infer(self, *types: TensorType) -> TensorType | TupleType:
        return self.types[0] if len(self.types) == 1 else TupleType(self.types)

    def bind(self, inputs: Sequence[Array], out: Any) -> Call:
        outputs = list(out) if len(self.types) > 1 else [out]
        try:
            return row_loop(self, inputs, outputs)
        except (CompileError, UnsupportedError):
            return line_by_line(self, inputs, outputs)


def line_by_line(op: RowLoop, inputs: Sequence[Array], outputs: Sequence[Array]) -> Call:
    """The ops by their own kernels, on a machine where they cannot be compiled."""
    frame = op.frame
    values: list[Any] = list(inputs)
    calls: list[Call] = []
    for line, single in zip(op.program.lines, op.single, strict=True):
        if line.op is None:
            values.append(np.asarray(line.number, line.dtype))
            continue
        values.append(np.empty(frame.of_rows if single else frame.shape, line.dtype))
        result = values[-1] if not hasattr(line.op, "keepdims") else values[-1].reshape(reduced(line.op, frame.shape))
        calls.append(line.op.bind([values[i] for i in line.places], result))
    sums = len(outputs) - op.program.sums
    for n, (i, o) in enumerate(zip(op.program.results, outputs, strict=True)):
        if n < sums:
            calls.append(partial(copied, o, values[i]))
        else:
            calls.append(reduction(np.add, values[i].reshape(-1, frame.shape[-1]), (0,), False, o.reshape(-1)))
    return row(calls)


def reduced(op: Any, shape: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(1 if i in op.axes else n for i, n in enumerate(shape) if op.keepdims or i not in op.axes)


def copied(out: Array, x: Array) -> None:
    np.copyto(out, x.reshape(out.shape))


def row_loop(op: RowLoop, inputs: Sequence[Array], outputs: Sequence[Array]) -> Call:
    """A call that fills ``outputs``."""
    frame, program = op.frame, op.program
    shape = frame.shape
    length, count = frame.length, prod(shape[: frame.kept])
    stored, totals = outputs[: len(outputs) - program.sums], outputs[len(outputs) - program.sums :]
    places = [o if o.shape == shape else o.reshape(frame.of_rows) for o in stored]
    before: list[Call] = []
    inputs = [x if in_rows(x, frame) and unharmed(x, places, frame) else copy(x, frame, before) for x in inputs]
    if not all(in_rows(x, frame) and np.shares_memory(x, o) for x, o in zip(places, stored, strict=True)):
        raise CompileError("results that lie apart")
    operands = [*inputs, *places]
    lengths, steps = collapse(
        shape[: frame.kept], [np.broadcast_to(x, shape).strides[: frame.kept] for x in operands], False
    )
    each = min(max(ELEMENTS // length, FEWEST), BLOCK)
    if len(lengths) == 2 and FEWEST <= lengths[1] <= 2 * BLOCK:
        each = lengths[1]
    elif len(lengths) > 1:
        inputs = [x if are_even(x, frame) else copy(x, frame, before) for x in inputs]
        operands = [*inputs, *places]
        if not all(are_even(x, frame) for x in places):
            raise CompileError("results whose rows lie apart")
        lengths, steps = [count], [[one_step(x, shape, 0, frame.kept)] for x in operands]
    if len(lengths) < 2:
        steps = [[each * s[0], s[0]] if s else [0, 0] for s in steps]
    blocks = -(-count // each)
    partials = [np.empty((blocks, length), t.dtype) for t in totals]
    operands += partials
    steps += [[p.strides[0], 0] for p in partials]
    single = (*(rows_of(x, frame)[3][0][0] == 0 for x in inputs), *op.single)
    run = kernel(program, single, length)
    calls = in_blocks(run, operands, steps, (each, count), op.threads and count * length >= SHARED)
    after = [summed(p, t) for p, t in zip(partials, totals, strict=True)]
    return row((*before, chain([together(calls)], after)))


def rows_of(x: Array, frame: Frame) -> tuple[list[int], list[list[int]], list[int], list[list[int]]]:
    """Lengths and steps from row to row, and within a row."""
    strides = np.broadcast_to(x, frame.shape).strides
    outer, steps = collapse(frame.shape[: frame.kept], [strides[: frame.kept]], False)
    inner, small = collapse(frame.shape[frame.kept :], [strides[frame.kept :]], False)
    return outer, steps, inner, small


def in_rows(x: Array, frame: Frame) -> bool:
    """Whether the elements of each row lie beside each other or are all the same."""
    _, _, inner, steps = rows_of(x, frame)
    return len(inner) <= 1 and (not inner or steps[0][0] in (0, x.itemsize))


def are_even(x: Array, frame: Frame) -> bool:
    """Whether all rows are one step apart."""
    return len(rows_of(x, frame)[0]) <= 1


def copy(x: Array, frame: Frame, calls: list[Call]) -> Array:
    """A copy of ``x``, one number a row where that is all, which ``calls`` refresh at every run."""
    small = np.broadcast_to(x, frame.shape).strides[frame.kept :]
    shape = frame.shape if any(small) else frame.of_rows
    memory = np.empty(shape, x.dtype)
    source = np.broadcast_to(x, frame.shape)[(..., *(slice(None) if any(small) else slice(1) for _ in small))]
    calls.append(partial(np.copyto, memory, source))
    return memory


def unharmed(x: Array, places: Sequence[Array], frame: Frame) -> bool:
    """Whether no result is written to where elements of ``x`` lie that later rows read.

    A plan lets a result have the place of an input of its shape: what all rows read may have the shape of sums.
    """
    strides = np.broadcast_to(x, frame.shape).strides
    return all(
        address(o) == address(x) and np.broadcast_to(o, frame.shape).strides == strides
        for o in places
        if np.may_share_memory(x, o)
    )


@cache
def kernel(program: Program, single: tuple[bool, ...], length: int) -> Any:
    return compiled(RowsText(program, single, length, lanes(program)).text())
