"""A convolution whose outputs only a max pool reads: the largest of each window is found in registers.

What the convolution makes is never stored. Gradients need the places of the largest outputs, not their values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from ....frozen import frozen
from ....graph import Op, Tensor
from ....ops.convolution import Conv
from ....ops.pools import SHORT, MaxLocated, MaxPool
from ....ops.program import program
from ....types import Array, TensorType, TupleType, static
from ..code.compiler import CompileError
from ..code.machine import register_width
from ..elementwise.fused import Looped
from .direct import REGISTERS, Direct, convolved, is_direct

Call: TypeAlias = "Callable[[], Any]"


@frozen
class DirectPool(Op):
    """The pool of a convolution, with the places of the largest outputs or without."""

    conv: Conv
    pool: MaxPool | MaxLocated
    threads: bool

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"compiled<{self.conv.name} {self.pool.name}>"

    def infer(self, x: TensorType, w: TensorType) -> TensorType | TupleType:
        return self.pool.infer(self.conv.infer(x, w))

    def products(self, x: Sequence[int], w: Sequence[int]) -> int:
        """Multiplications, from the shapes of both inputs."""
        return prod((x[0], *(a.count for a in self.conv.window.axes(x[1:3], w[:2])), *w[:2], *w[2:]))

    def bind(self, inputs: Sequence[Array], out: Any) -> Call:
        x, w = inputs
        outputs = out if isinstance(out, tuple) else (out,)
        try:
            if x.size and all(a.flags.c_contiguous for a in (*inputs, *outputs)):
                return convolved(self.conv, self.conv.axes(x, w), x, w, outputs, self.threads, self.pool)
        except CompileError:
            pass
        rows, columns = self.conv.axes(x, w)
        y = np.empty((len(x), rows.count, columns.count, w.shape[3]), x.dtype)
        calls = [Direct(self.conv, self.threads).bind(inputs, y), Looped(self.pool, self.threads).bind((y,), out)]
        return program(calls)


def uses_of(order: Sequence[Tensor], roots: Sequence[Tensor]) -> Mapping[int, int]:
    """How often each tensor is read."""
    return Counter([x.id for t in order for x in t.inputs] + [t.id for t in roots])


def is_pooled(t: Tensor, uses: Mapping[int, int], shard_of: Mapping[int, int]) -> bool:
    """Whether ``t`` is a pool, of windows side by side, of a convolution that nobody else reads."""
    if not isinstance(t.op, MaxPool | MaxLocated):
        return False
    x, window = t.inputs[0], t.op.window
    alone = isinstance(x.op, Conv) and uses[x.id] == 1 and shard_of.get(x.id) == shard_of.get(t.id)
    if not alone or not is_direct(x) or window.strides != t.op.size or window.dilation != (1, 1):
        return False
    high, wide = (static(n) for n in x.shape[1:3])
    fits = 1 < t.op.taps <= min(SHORT, REGISTERS[register_width()] - 2)  # beside a vector of weights and an input
    return fits and t.op.whole(window.axes((high, wide), t.op.size))
