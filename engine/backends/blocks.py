"""Groups of elementwise ops block by block, so that what lies between them never leaves the cache.

NumPy goes through memory once for each op; on arrays that are larger than the cache, that takes longer than the
arithmetic. Here a group of ops of one shape, as the compiler of loops finds it too, runs over a block of elements
after the other, and large arrays are shared among the threads of the process. Every element is computed as before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..graph import Tensor, toposort
from ..ops.base import Pointwise
from ..ops.program import program as row
from ..types import Array, DType, TensorType
from .jit.elementwise.fused import Fused, Program, one_by_one
from .jit.fuse import Builder, Fuser
from .thread_pool import beside
from .threads import processors

Call = Callable[[], Any]
LEAST = 1 << 20  # elements; smaller arrays stay in the cache by themselves
BLOCK = 1 << 15  # elements
SHARED = 1 << 20  # elements from which the blocks are shared among threads


def fits(t: Tensor) -> bool:
    """Whether an op treats large arrays element by element, all of one shape but for single numbers."""
    if not isinstance(t.op, Pointwise) or not isinstance(t.type, TensorType) or t.type.size < LEAST:
        return False
    return all(x.shape == t.shape or x.type.size == 1 for x in t.inputs) and not getattr(t.op, "scratch", False)


class Blocked(Fused):
    """Several elementwise ops, block by block."""

    inplace_each = False  # one op after the other, the next of which reads what it read
    strided = False

    def bind(self, inputs: Sequence[Array], out: Any) -> Call:
        outputs = list(out) if len(self.program.results) > 1 else [out]
        flat = [y for x in inputs if (y := line(x, outputs[0].shape)) is not None]
        if len(flat) < len(inputs) or not all(o.flags.c_contiguous for o in outputs):
            return one_by_one(self.program, inputs, outputs)
        return blocks(self.program, flat, [o.reshape(-1) for o in outputs], self.threads)


def line(x: Array, shape: tuple[int, ...]) -> Array | None:
    """All elements of ``x`` in a row, or the one number that it holds everywhere; None if it is neither."""
    if x.size == 1 or not any(x.strides):
        return x[(0,) * x.ndim + (...,)]
    return x.reshape(-1) if x.shape == shape and x.flags.c_contiguous else None


class BlockFuser(Fuser):
    fits = staticmethod(fits)


class BlockBuilder(Builder):
    make = Blocked

    def copy(self, t: Tensor) -> Tensor:
        inputs = tuple(self.new[x.id] for x in t.inputs)
        if all(a is b for a, b in zip(inputs, t.inputs, strict=True)):
            return t
        return self.like(Tensor(t.type, t.op, inputs), t)


def in_blocks(roots: Sequence[Tensor], shard_of: dict[int, int] | None = None) -> list[Tensor]:
    """``roots`` with groups of two and more elementwise ops as one; ``shard_of`` learns the shards of the new ones."""
    order = toposort(roots)
    if not any(map(fits, order)):
        return list(roots)
    shards = {} if shard_of is None else shard_of
    fuser = BlockFuser(shards)
    for t in order:
        fuser.place(t)
    members = {t.id: g for g in fuser.groups.values() if len(g.members) > 1 for t in g.members}
    return BlockBuilder(order, roots, members, shards).roots


class Layout:
    """Where each line of a program writes: straight into a result, or into one of a few arrays of a block's length."""

    def __init__(self, program: Program, inputs: Sequence[Array], outputs: Sequence[Array]) -> None:
        self.program, self.first = program, len(inputs)
        self.last = {i: k for k, step in enumerate(program.lines) for i in step.places}
        self.results = dict(zip(program.results, range(len(outputs)), strict=True))
        self.direct = {p for p, n in self.results.items() if self.may_write(p, inputs, outputs[n])}
        self.registers: list[DType] = []
        self.register: dict[int, int] = {}
        free: dict[DType, list[int]] = defaultdict(list)
        for k, step in enumerate(program.lines):
            place = self.first + k
            if step.op is not None and place not in self.direct:
                if not free[step.dtype]:
                    free[step.dtype].append(len(self.registers))
                    self.registers.append(step.dtype)
                self.register[place] = free[step.dtype].pop()
            for i in set(step.places):
                if self.last[i] == k and i in self.register and i not in self.results:
                    free[self.registers[self.register[i]]].append(self.register[i])

    def may_write(self, place: int, inputs: Sequence[Array], out: Array) -> bool:
        """Whether nobody reads an input any more whose memory is that of a result."""
        k = place - self.first
        step = self.program.lines[k]
        for i, x in enumerate(inputs):
            if np.may_share_memory(x, out):
                here = [n for n, j in enumerate(step.places) if j == i]
                if self.last[i] > k or not all(n in step.op.inplace for n in here):  # type: ignore[union-attr]
                    return False
        return True

    def calls(self, inputs: Sequence[Array], outputs: Sequence[Array], scratch: Sequence[Array]) -> Iterator[Call]:
        """The kernels of one block, of whose length all arrays are."""
        values: list[Any] = list(inputs)
        for k, step in enumerate(self.program.lines):
            place = self.first + k
            if step.op is None:
                values.append(np.asarray(step.number, step.dtype))
                continue
            direct = place in self.direct
            values.append(outputs[self.results[place]] if direct else scratch[self.register[place]])
            yield step.op.bind([values[i] for i in step.places], values[-1])
        for place, n in self.results.items():
            if place not in self.direct:
                yield partial(np.copyto, outputs[n], values[place])


def blocks(program: Program, inputs: Sequence[Array], outputs: Sequence[Array], threads: bool) -> Call:
    """A call that fills ``outputs``: rows of one length, as ``inputs`` are or single numbers."""
    layout, length = Layout(program, inputs, outputs), len(outputs[0])
    starts = range(0, length, BLOCK)
    count = min(processors(), len(starts)) if threads and length >= SHARED else 1
    parts: list[Call] = []
    for n in range(count):
        scratch = [np.empty(BLOCK, dtype) for dtype in layout.registers]
        calls: list[Call] = []
        for start in starts[len(starts) * n // count : len(starts) * (n + 1) // count]:
            stop = min(start + BLOCK, length)
            read = [x[start:stop] if x.ndim else x for x in inputs]
            calls += layout.calls(read, [o[start:stop] for o in outputs], [s[: stop - start] for s in scratch])
        parts.append(row(calls))
    return parts[0] if count == 1 else partial(beside, [partial(quiet, part) for part in parts])


def quiet(call: Call) -> None:
    with np.errstate(all="ignore"):
        call()
