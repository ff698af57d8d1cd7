"""Rules for products of stacks of matrices: one product of all rows takes less time than one a matrix."""

from __future__ import annotations

import numpy as np

from ..graph import Tensor
from ..ops.arrays import Reshape, Transpose, swap_last
from ..ops.matmul import MatMul
from ..ops.reductions import Sum
from ..types import static


def transpose_after(t: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """transpose(a) b -> transpose(a b), where that leaves the rows of a whole and b is one matrix"""
    if not isinstance(a.op, Transpose) or b.ndim != 2 or a.op.axes[-1] != a.ndim - 1:
        return None
    return a.op(MatMul()(a.inputs[0], b))


def sum_of_products(t: Tensor, x: Tensor) -> Tensor | None:
    """sum of a stack of a' b -> one product of all rows of a and b: what the gradient of weights comes to"""
    if not (isinstance(t.op, Sum) and isinstance(x.op, MatMul) and x.type.known and x.type.size):
        return None
    a, b = x.inputs
    if x.ndim < 3 or t.op.axes != tuple(range(x.ndim - 2)) or a.shape[:-2] != b.shape[:-2]:
        return None
    pair = (transposed(a), b)
    orders = [y.op.axes if isinstance(y.op, Transpose) else tuple(range(x.ndim)) for y in pair]
    if any(order[-1] != x.ndim - 1 for order in orders):
        return None
    # The rows come in the order in which the larger of the two holds them, so that it needs no copy.
    order = Transpose(tuple(int(i) for i in np.argsort(orders[pair[0].type.size < pair[1].type.size])))
    left, right = (Reshape((-1, static(y.shape[-1])))(order.simplest(y)) for y in pair)
    return Reshape(tuple(map(static, t.shape)))(MatMul()(swap_last(left), right))


def sum_of_transpose(t: Tensor, x: Tensor) -> Tensor | None:
    """sum of transpose(a) -> sum of a, in the order in which it lies, where what is left comes in the same order"""
    if not (isinstance(t.op, Sum) and isinstance(x.op, Transpose) and t.type.known and x.type.known):
        return None
    kept = [axis for i, axis in enumerate(x.op.axes) if i not in t.op.axes]
    if kept != sorted(kept):
        return None
    total = Sum(tuple(sorted(x.op.axes[i] for i in t.op.axes)), False)(x.inputs[0])
    return total if total.shape == t.shape else Reshape(tuple(map(static, t.shape)))(total)


def transposed(x: Tensor) -> Tensor:
    """``x`` with its last two axes exchanged, and no transpose of a transpose."""
    y = swap_last(x)
    new = y.op.simplify(x) if y.op else None
    return y if new is None else new
