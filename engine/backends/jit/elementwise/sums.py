"""Sums of what a compiled loop computes, in the same pass over memory, so that nothing need be stored in between.

Rows are summed in blocks: each block has as many running sums as the loop has lanes, each adds sixteen elements one
after another, and what they give is added in pairs. Sums of blocks are summed in the same way. So rounding errors grow
as slowly as those of NumPy's sums in pairs, and bits do not depend on the number of threads. Largest and smallest
elements are found in the same way, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from ....frozen import frozen
from ....graph import Tensor
from ....ops.addition import reduction
from ....ops.program import program as row
from ....ops.reductions import Max, Min, Sum
from ....types import Array, TensorType, TupleType
from ..code.compiler import CompileError
from ..code.native import Native, Parts, pairs, sequence
from ..kernel import Kernel, among
from ..llvm.values import UnsupportedError
from .fused import Fused, Program, one_by_one
from .launch import DEPTH, SUMMED, collapse, lanes, packed, parts, together

LEAST = 64  # elements of a sum; shorter rows are a product with ones
UFUNCS = {"sum": np.add, "max": np.maximum, "min": np.minimum}
TURNS = 16  # numbers that are added one after another


def kept_axes(t: Tensor) -> int | None:
    """How many first axes a sum or an extremum over all others leaves, or None for other ops."""
    if not isinstance(t.op, Sum | Max | Min):
        return None
    x, axes = t.inputs[0], t.op.axes
    kept = x.ndim - len(axes)
    length = x.type.with_shape(x.shape[kept:]).size
    fits = x.dtype == t.dtype and x.dtype.char in "fd" and axes == tuple(range(kept, x.ndim))
    return kept if fits and length >= LEAST else None


def is_sum(t: Tensor) -> bool:
    return kept_axes(t) is not None


@frozen
class Summed(Fused):
    """A group whose last results are sums, or extremes, over all axes but the first ``kept``."""

    kept: int
    totals: tuple[TensorType, ...]
    strided: ClassVar[bool] = False  # loops over parts of rows leave no room for gaps

    @property
    def name(self) -> str:  # type: ignore[override]
        fold = self.program.fold
        return f"{super().name[:-1]} {fold}>" if self.program.lines else f"compiled<{fold}>"

    def infer(self, *types: TensorType) -> TensorType | TupleType:
        stored = [TensorType(self.shape, d) for d in self.program.outputs[: -len(self.totals)]]
        found = (*stored, *self.totals)
        return found[0] if len(found) == 1 else TupleType(found)

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        outputs = list(out) if len(self.program.results) > 1 else [out]
        stored, totals = outputs[: -len(self.totals)], outputs[-len(self.totals) :]
        shape: tuple[Any, ...] = self.shape
        try:
            return summed(self.program, shape, self.kept, inputs, stored, totals, self.threads)
        except (CompileError, UnsupportedError):
            return stored_apart(self.program, shape, inputs, stored, totals, self.kept)


def stored_apart(
    program: Program,
    shape: tuple[int, ...],
    inputs: Sequence[Array],
    stored: Sequence[Array],
    totals: Sequence[Array],
    kept: int,
) -> Callable[[], Any]:
    """The same by NumPy: what is summed is stored first; ``kept`` is less than 0 for sums of columns."""
    wholes = [np.empty(shape, t.dtype) for t in totals]
    calls = [one_by_one(program, inputs, [*stored, *wholes])]
    for x, t in zip(wholes, totals, strict=True):
        rows = x.reshape(t.size // shape[-1], -1, shape[-1]) if kept < 0 else x.reshape(t.size, -1, 1)
        calls.append(reduction(UFUNCS[program.fold], rows, (1,), False, t.reshape(rows.shape[::2])))
    return row(calls)


def lone(t: Tensor, threads: bool) -> Summed:
    """The op that makes the sum ``t`` of what is there already."""
    x = t.inputs[0]
    fold = t.op.name  # type: ignore[union-attr]
    return Summed(Program((x.dtype,), (), (0,), 1, fold), x.shape, threads, kept_axes(t) or 0, (t.type,))


def summed(
    program: Program,
    shape: tuple[int, ...],
    kept: int,
    inputs: Sequence[Array],
    stored: Sequence[Array],
    totals: Sequence[Array],
    threads: bool,
) -> Callable[[], Any]:
    """A call that fills ``stored``, of this shape, and ``totals``, one number for each place of the kept axes."""
    before: list[Callable[[], Any]] = []
    loops = loops_of(shape, kept, [*inputs, *stored])
    if len(loops[0]) + len(loops[2]) > DEPTH - 1:
        inputs = [packed(x, shape, before) for x in inputs]
        loops = loops_of(shape, kept, [*inputs, *stored])
    outer, outer_steps, inner, inner_steps = loops
    length = min(inner[-1], TURNS * SUMMED[0][1] * lanes(program))
    count, rest = divmod(inner[-1], length)
    lengths = [*outer, *inner[:-1], count, length]
    rows = (*outer, *inner[:-1], count + (rest > 0))
    several = rows[len(outer) :] != (1,) * (len(rows) - len(outer)) or overwritten(inputs, totals, shape, kept)
    partials = [np.empty(rows, t.dtype) if several else t.reshape(rows) for t in totals]
    steps = [[*a, *b[:-1], b[-1] * length, b[-1]] for a, b in zip(outer_steps, inner_steps, strict=True)]
    steps += [[*p.strides, 0] for p in partials]
    operands = [*inputs, *stored, *partials]
    calls = parts(program, operands, lengths, steps, threads, rest)
    own, last = (calls[:-1], calls[-1:]) if rest else (calls, [])
    after = []
    if several:
        for p, t in zip(partials, totals, strict=True):
            one = Program((p.dtype,), (), (0,), 1, program.fold)
            size = (t.size, p.size // t.size)
            after.append(summed(one, size, 1, [p.reshape(size)], [], [t.reshape(-1)], False))
    return row((*before, chain([together(own), *last], after)))


def overwritten(inputs: Sequence[Array], totals: Sequence[Array], shape: tuple[int, ...], kept: int) -> bool:
    """Whether a total lies in the place of an input that later rows read too, as each of its elements is for all rows.

    A plan lets a result have the place of an input of its shape: a vector along the rows of a square has that of sums.
    """
    along = [x for x in inputs if any(np.broadcast_to(x, shape).strides[kept:])]
    return any(np.may_share_memory(x, t) for x in along for t in totals)


def loops_of(shape: Sequence[int], kept: int, arrays: Sequence[Array]) -> tuple[Any, Any, list[int], list[list[int]]]:
    """Lengths and strides of the loops over the kept axes, and of those over the others."""
    strides = [np.broadcast_to(x, tuple(shape)).strides for x in arrays]
    outer = collapse(shape[:kept], [s[:kept] for s in strides], False)
    inner, steps = collapse(shape[kept:], [s[kept:] for s in strides], False)
    return *outer, inner or [1], [s or [x.itemsize] for s, x in zip(steps, arrays, strict=True)]


def chain(calls: Sequence[Any], after: Sequence[Any]) -> Callable[[], Any]:
    """``calls``, which move with the inputs, then ``after``, which does not."""
    if not all(isinstance(call, Native) for call in (*calls, *after)):
        return row((*calls, *after))
    if len(calls) == 1 and not after:
        return calls[0]  # type: ignore[no-any-return]
    whole = Parts(sequence(), [len(calls) + len(after), *pairs([*calls, *after])], tuple(calls))
    whole.after = tuple(after)
    return whole


KERNEL = Kernel(among(Sum, Max, Min), is_sum, lambda op, t, shards: lone(t, not shards))
