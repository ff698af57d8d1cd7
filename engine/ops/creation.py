"""Tensors made from numbers and shapes."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..graph import Constant, Cotangents, Like, Op, Tensor, as_tensor, constant
from ..table import op, sample
from ..types import Array, Axes, DType, TensorType, as_dtype, as_shape, normalize_axes, static
from .arrays import BroadcastTo


@dataclass(frozen=True)
class FullLike(Op):
    """One number in the shape of a tensor."""

    value: int | float
    dtype: DType
    name = "full_like"
    shape_only = (0,)

    def infer(self, like: TensorType) -> TensorType:
        return TensorType(like.shape, self.dtype)

    def vjp(self, g: Tensor, y: Tensor, like: Tensor) -> Cotangents:
        return (None,)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, like: Tensor) -> None:
        return None

    def simplify(self, like: Tensor) -> Tensor | None:
        if not like.type.known:
            return None
        number = Constant(self.value, TensorType((), self.dtype))
        return BroadcastTo(like.shape).simplest(number)

    def __call__(self, like: Like) -> Tensor:  # type: ignore[override]
        like = as_tensor(like)
        return Tensor(self.infer(like.type), self, (like,))


@op(sample((2, 3), value=2.5))
def full_like(x: Like, value: int | float, dtype: Any = None) -> Tensor:
    """``value`` in the shape and dtype of ``x``."""
    t = as_tensor(x)
    op = FullLike(value, t.dtype if dtype is None else as_dtype(dtype))
    return op.simplest(t)


@op(sample((2, 3)), sample(()))
def zeros_like(x: Like, dtype: Any = None) -> Tensor:
    """Zeros in the shape and dtype of ``x``."""
    return full_like(x, 0, dtype)


@op(sample((2, 3)))
def ones_like(x: Like, dtype: Any = None) -> Tensor:
    """Ones in the shape and dtype of ``x``."""
    return full_like(x, 1, dtype)


@dataclass(frozen=True)
class Size(Op):
    """Number of elements along axes."""

    axes: tuple[int, ...]
    name = "size"
    shape_only = (0,)

    def infer(self, x: TensorType) -> TensorType:
        return TensorType((), np.dtype("int64"), weak=True)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)

    def simplify(self, x: Tensor) -> Tensor | None:
        lengths = [x.shape[a] for a in self.axes]
        return None if None in lengths else constant(int(np.prod([static(d) for d in lengths])))


@op(sample((2, 3)), sample((2, 3), axis=1), differentiable=False)
def size(x: Like, axis: Axes = None) -> Tensor:
    """The number of elements of ``x``, or their number along ``axis``."""
    t = as_tensor(x)
    op = Size(normalize_axes(axis, t.ndim, "size"))
    return op.simplest(t)
