"""Sums over all axes but the last, of what a compiled loop computes: what biases and batch normalization ask for.

The numbers of a column are added in blocks of rows, one after the other, and sums of blocks in the same way; so bits do
not depend on the number of threads, and no BLAS shares out what memory limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from ....frozen import frozen
from ....graph import Tensor
from ....ops.program import program as row
from ....ops.reductions import Sum
from ....types import Array, static
from ...threads import workers
from ..code.compiler import CompileError, compiled
from ..code.machine import register_width
from ..code.native import Native, address, movable
from ..llvm.values import UnsupportedError
from .columns_text import BLOCK, columns_text
from .fused import Program
from .launch import SHARED, collapse, lanes, packed, together
from .sums import Summed, chain, stored_apart

COLUMNS = -1  # where others say how many first axes a sum keeps
LEAST = (64, 8)  # rows and columns; smaller sums are a product with ones
RUNNING = {64: 16, 32: 8, 16: 8}  # bytes of a register -> how many of them may hold running sums


def is_column_sum(t: Tensor) -> bool:
    """Whether ``t`` adds the rows of a large array."""
    if not isinstance(t.op, Sum) or not t.inputs[0].type.known:
        return False
    return t.dtype == t.inputs[0].dtype and are_columns(t.inputs[0], t.op.axes)


def are_columns(x: Tensor, axes: tuple[int, ...]) -> bool:
    """Whether ``axes`` are all but the last of a large array of floats."""
    if x.ndim < 2 or x.dtype.name not in ("float32", "float64") or axes != tuple(range(x.ndim - 1)):
        return False
    rows, columns = prod(map(static, x.shape[:-1])), static(x.shape[-1])
    return rows >= LEAST[0] and columns >= LEAST[1]


@frozen
class Columns(Summed):
    """A group whose last results are sums over all axes but the last."""

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        outputs = list(out) if len(self.program.results) > 1 else [out]
        wholes, totals = outputs[: -len(self.totals)], outputs[-len(self.totals) :]
        shape: tuple[Any, ...] = self.shape
        try:
            return column_sums(self.program, shape, inputs, wholes, totals, self.threads)
        except (CompileError, UnsupportedError):
            return stored_apart(self.program, shape, inputs, wholes, totals, COLUMNS)


def lone_columns(t: Tensor, threads: bool) -> Columns:
    """The op that makes the sum ``t`` of what is there already."""
    x = t.inputs[0]
    return Columns(Program((x.dtype,), (), (0,), 1), x.shape, threads, COLUMNS, (t.type,))


def column_sums(
    program: Program,
    shape: tuple[int, ...],
    inputs: Sequence[Array],
    wholes: Sequence[Array],
    totals: Sequence[Array],
    threads: bool,
) -> Callable[[], Any]:
    """A call that fills ``wholes``, of this shape, and ``totals``, one number a column."""
    before: list[Callable[[], Any]] = []
    inputs = [x if in_rows(x, shape) else packed(x, shape, before) for x in inputs]
    if not all(in_rows(x, shape) for x in wholes):
        raise CompileError("results that lie apart")
    count, length = prod(shape[:-1]), shape[-1]
    blocks = -(-count // BLOCK)
    apart = blocks > 1 or any(np.may_share_memory(x, t) for x in inputs for t in totals)
    partials = [np.empty((blocks, length), t.dtype) if apart else t.reshape(1, length) for t in totals]
    beside = tuple(np.broadcast_to(x, shape).strides[-1] != 0 for x in inputs)
    run = kernel(program, beside, length)
    operands = [*inputs, *wholes, *partials]
    steps = [row_step(x, shape) for x in (*inputs, *wholes)] + [p.strides[0] for p in partials]
    rows = [BLOCK] * (len(operands) - len(partials)) + [1] * len(partials)  # of a block
    parts = min(workers(), blocks) if threads and count * length >= SHARED else 1
    bounds = [blocks * n // parts for n in range(parts + 1)]
    calls: list[Native] = []
    for low, high in pairwise(bounds):
        numbers = [min(high * BLOCK, count) - low * BLOCK]
        for x, step, each in zip(operands, steps, rows, strict=True):
            numbers += [address(x) + low * each * step, step]
        calls.append(movable(run, numbers, operands, [1 + 2 * k for k in range(len(operands))]))
    after = []
    if apart:
        for p, t in zip(partials, totals, strict=True):
            one = Program((p.dtype,), (), (0,), 1)
            after.append(column_sums(one, p.shape, [p], [], [t.reshape(-1)], False))
    return row((*before, chain([together(calls)], after)))


def row_step(x: Array, shape: tuple[int, ...]) -> int:
    """Bytes from one row to the next."""
    _, steps = collapse(shape[:-1], [np.broadcast_to(x, shape).strides[:-1]], False)
    return steps[0][0] if steps[0] else 0


def in_rows(x: Array, shape: tuple[int, ...]) -> bool:
    """Whether all rows are one step apart, and their elements beside each other or all the same."""
    strides = np.broadcast_to(x, shape).strides
    lengths, _ = collapse(shape[:-1], [strides[:-1]], False)
    return len(lengths) <= 1 and strides[-1] in (0, x.itemsize)


@cache
def kernel(program: Program, beside: tuple[bool, ...], length: int) -> Any:
    return compiled(columns_text(program, beside, length, lanes(program), RUNNING[register_width()]))
