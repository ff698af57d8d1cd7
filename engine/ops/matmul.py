"""The matrix product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, unify
from ..table import op, sample
from ..types import Array, Shape, TensorType, broadcast_shapes
from .arrays import swap_last
from .base import result_dtype
from .slicing import expand_dims, squeeze


@frozen
class MatMul(Op):
    """Matrix product of the last two axes; the leading axes broadcast."""

    name = "matmul"

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        check_inner(a.shape, b.shape)
        batch = broadcast_shapes(a.shape[:-2], b.shape[:-2])
        return TensorType((*batch, a.shape[-2], b.shape[-1]), result_dtype(np.matmul, (a.dtype, b.dtype)))

    def kernel(self, a: Array, b: Array, *, out: Array) -> None:
        np.matmul(a, b, out)

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        a, b = inputs
        if a.ndim > 2 == b.ndim and out.size and a.flags.c_contiguous and out.flags.c_contiguous:
            # NumPy would call the BLAS once a matrix of the stack: up to half as long again as one product of all rows.
            a, out = (x.reshape(-1, x.shape[-1]) for x in (a, out))
        return partial(np.matmul, a, b, out)

    def simplify(self, a: Tensor, b: Tensor) -> Tensor | None:
        return a * b if a.shape[-1] == b.shape[-2] == 1 else None  # a product of elements is up to 6 times as fast

    def vjp(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Cotangents:
        return MatMul()(g, swap_last(b)), MatMul()(swap_last(a), g)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
        da, db = tangents
        left = None if da is None else MatMul()(da, b)
        right = None if db is None else MatMul()(a, db)
        return left if right is None else right if left is None else left + right


def check_inner(a: Shape, b: Shape) -> None:
    """Raise ShapeError if the last axis of ``a`` cannot be multiplied with the rows of ``b``, or with the vector."""
    inner, other = a[-1], b[-2:][0]
    if inner is not None and other is not None and inner != other:
        raise ShapeError(f"matmul: {a} @ {b}: inner dimensions {inner} and {other} differ")


def product(*xs: Tensor) -> Tensor:
    """Matrix product of several tensors, from the left."""
    result = xs[0]
    for x in xs[1:]:
        result = MatMul()(result, x)
    return result


@op(
    sample((2, 3), (3, 4)),
    sample((5, 2, 3), (3, 4)),
    sample((2, 1, 2, 3), (5, 3, 2)),
    sample((3,), (3,)),
    sample((2, 3), (3,)),
    sample((3,), (5, 3, 2)),
    sample((2, 0), (0, 3)),
)
def matmul(a: Like, b: Like) -> Tensor:
    """Matrix product; a vector counts as a row on the left and as a column on the right, leading axes broadcast.

    >>> print(ag.matmul([[1, 2], [3, 4]], [10, 1]).eval())
    [12 34]
    """
    x, y = unify([as_tensor(a), as_tensor(b)])
    if x.ndim == 0 or y.ndim == 0:
        raise ShapeError(f"matmul: {x.shape} @ {y.shape}: needs at least one axis each; use * for scalars")
    if x.ndim >= 2 and y.ndim >= 2:
        return MatMul()(x, y)
    check_inner(x.shape, y.shape)
    product = MatMul()(expand_dims(x, 0) if x.ndim == 1 else x, expand_dims(y, 1) if y.ndim == 1 else y)
    drop = [-2] * (x.ndim == 1) + [-1] * (y.ndim == 1)
    return squeeze(product, drop)
