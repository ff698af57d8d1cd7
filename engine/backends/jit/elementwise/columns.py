"""Sums over all axes but the last, of what a compiled loop computes: what biases and batch normalization ask for.

Sums over those between the first ones and the last, as of a global pool, are made in the same way for each sample.

The numbers of a column are added in blocks of rows, one after the other, and sums of blocks in the same way; so bits do
not depend on the number of threads, and no BLAS shares out what memory limits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
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
from ..kernel import Kernel, among
from ..llvm.values import UnsupportedError
from .columns_text import columns_text
from .fused import Program
from .launch import SHARED, collapse, lanes, packed, together
from .sums import Summed, chain, stored_apart

COLUMNS = -1  # where others say how many first axes a sum keeps; less by those that such a sum of columns keeps
LEAST = (64, 8)  # rows and columns; smaller sums are a product with ones
BLOCK = 256  # rows
FEWEST, MOST = 4, 512  # rows of a sample that are a block of their own
RUNNING = {64: 16, 32: 8, 16: 8}  # bytes of a register -> how many of them may hold running sums


def column_axes(t: Tensor) -> int | None:
    """COLUMNS less the number of first axes that a sum of columns keeps, or None for what is no such sum."""
    if not isinstance(t.op, Sum) or not t.inputs[0].type.known or t.dtype != t.inputs[0].dtype:
        return None
    x, axes = t.inputs[0], t.op.axes
    if are_columns(x, axes):
        return COLUMNS
    first = x.ndim - 1 - len(axes)
    if x.ndim < 3 or first < 1 or axes != tuple(range(first, x.ndim - 1)) or x.dtype.name not in ("float32", "float64"):
        return None
    rows, columns = prod(map(static, x.shape[first:-1])), static(x.shape[-1])
    return COLUMNS - first if FEWEST <= rows <= MOST and columns >= LEAST[1] else None


def are_columns(x: Tensor, axes: tuple[int, ...]) -> bool:
    """Whether ``axes`` are all but the last of a large array of floats."""
    if x.ndim < 2 or x.dtype.name not in ("float32", "float64") or axes != tuple(range(x.ndim - 1)):
        return False
    rows, columns = prod(map(static, x.shape[:-1])), static(x.shape[-1])
    return rows >= LEAST[0] and columns >= LEAST[1]


def is_column_sum(t: Tensor) -> bool:
    """Whether ``t`` adds the rows of a large array, or of each sample."""
    return column_axes(t) is not None


@frozen
class Columns(Summed):
    """A group whose last results are sums over all axes but the last."""

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        outputs = list(out) if len(self.program.results) > 1 else [out]
        wholes, totals = outputs[: -len(self.totals)], outputs[-len(self.totals) :]
        shape: tuple[Any, ...] = self.shape
        try:
            return column_sums(self.program, shape, inputs, wholes, totals, self.threads, COLUMNS - self.kept)
        except (CompileError, UnsupportedError):
            return stored_apart(self.program, shape, inputs, wholes, totals, self.kept)


def lone_columns(t: Tensor, threads: bool) -> Columns:
    """The op that makes the sum ``t`` of what is there already."""
    x = t.inputs[0]
    kept = column_axes(t)
    return Columns(Program((x.dtype,), (), (0,), 1), x.shape, threads, COLUMNS if kept is None else kept, (t.type,))


def column_sums(
    program: Program,
    shape: tuple[int, ...],
    inputs: Sequence[Array],
    wholes: Sequence[Array],
    totals: Sequence[Array],
    threads: bool,
    first: int = 0,
) -> Callable[[], Any]:
    """A call that fills ``wholes``, of this shape, and ``totals``: a number a column, each place of ``first`` axes."""
    before: list[Callable[[], Any]] = []
    length = shape[-1]
    each, cut = (prod(shape[first:-1]), first) if first else (BLOCK, sample_axes(shape, [*inputs, *wholes]))
    if cut and not first:
        each = prod(shape[cut:-1])
    inputs = [x if in_rows(x, shape, cut) else packed(x, shape, before) for x in inputs]
    if not all(in_rows(x, shape, cut) for x in wholes):
        raise CompileError("results that lie apart")
    count = prod(shape[:-1])
    blocks = -(-count // each)
    apart = (not first and blocks > 1) or any(np.may_share_memory(x, t) for x in inputs for t in totals)
    partials = [np.empty((blocks, length), t.dtype) if apart else t.reshape(blocks, length) for t in totals]
    beside = tuple(np.broadcast_to(x, shape).strides[-1] != 0 for x in inputs)
    run = kernel(program, beside, length)
    operands = [*inputs, *wholes, *partials]
    steps = [steps_of(x, shape, cut, each) for x in (*inputs, *wholes)] + [(p.strides[0], 0) for p in partials]
    calls = in_blocks(run, operands, steps, (each, count), threads and count * length >= SHARED)
    after: list[Callable[[], Any]] = []
    if apart:
        for p, t in zip(partials, totals, strict=True):
            if first:
                after.append(partial(np.copyto, t.reshape(p.shape), p))
                continue
            after.append(summed(p, t))
    return row((*before, chain([together(calls)], after)))


def in_blocks(
    run: Any, operands: Sequence[Array], steps: Sequence[Sequence[int]], rows: tuple[int, int], threads: bool
) -> list[Native]:
    """The calls of a kernel on blocks of rows, one for each thread.

    ``steps`` are bytes from block to block and from row to row of each operand; ``rows`` those of a block, and of all.
    """
    each, count = rows
    blocks = -(-count // each)
    parts = min(workers(), blocks) if threads else 1
    calls: list[Native] = []
    for low, high in pairwise([blocks * n // parts for n in range(parts + 1)]):
        numbers = [high - low, each, min(high * each, count) - (high - 1) * each]
        for x, (block, step) in zip(operands, steps, strict=True):
            numbers += [address(x) + low * block, block, step]
        calls.append(movable(run, numbers, operands, [3 + 3 * k for k in range(len(operands))]))
    return calls


def summed(partials: Array, total: Array) -> Callable[[], Any]:
    """A call that adds the sums of all blocks."""
    one = Program((partials.dtype,), (), (0,), 1)
    return column_sums(one, partials.shape, [partials], [], [total.reshape(-1)], False)


def sample_axes(shape: tuple[int, ...], arrays: Sequence[Array]) -> int:
    """How many first axes tell blocks apart, where rows of one array are the same within each; else 0.

    Such an array need not be repeated for all rows, as the cotangent of a global pool.
    """
    views = [np.broadcast_to(x, shape) for x in arrays]
    lengths, _ = collapse(shape[:-1], [v.strides[:-1] for v in views], False)
    if len(lengths) != 2 or not FEWEST <= lengths[1] <= MOST:
        return 0
    return next((n for n in range(1, len(shape) - 1) if prod(shape[n:-1]) == lengths[1]), 0)


def steps_of(x: Array, shape: tuple[int, ...], cut: int, each: int) -> tuple[int, int]:
    """Bytes from one block to the next, and from one row to the next."""
    if not cut:
        step = one_step(x, shape, 0, len(shape) - 1)
        return each * step, step
    return one_step(x, shape, 0, cut), one_step(x, shape, cut, len(shape) - 1)


def one_step(x: Array, shape: tuple[int, ...], low: int, high: int) -> int:
    """Bytes from one place of some axes to the next."""
    _, steps = collapse(shape[low:high], [np.broadcast_to(x, shape).strides[low:high]], False)
    return steps[0][0] if steps[0] else 0


def in_rows(x: Array, shape: tuple[int, ...], cut: int) -> bool:
    """Whether rows, before and behind ``cut``, are one step apart, and their elements beside each other or the same."""
    strides = np.broadcast_to(x, shape).strides
    parts = ((0, cut), (cut, len(shape) - 1)) if cut else ((0, len(shape) - 1),)
    if any(len(collapse(shape[a:b], [strides[a:b]], False)[0]) > 1 for a, b in parts):
        return False
    return strides[-1] in (0, x.itemsize)


@cache
def kernel(program: Program, beside: tuple[bool, ...], length: int) -> Any:
    return compiled(columns_text(program, beside, length, lanes(program), RUNNING[register_width()]))


KERNEL = Kernel(among(Sum), is_column_sum, lambda op, t, shards: lone_columns(t, not shards))
