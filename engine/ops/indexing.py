"""Reading and writing elements at positions that are computed."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DTypeError, FeedError
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import integers, op, sample
from ..types import Array, TensorType, as_dtype


def check_range(indices: Array, length: int, op: str) -> None:
    """Refuse indices outside of 0..length-1, with the first that is."""
    if indices.size and (indices.min() < 0 or indices.max() >= length):
        bad = indices[(indices < 0) | (indices >= length)].flat[0]
        raise FeedError(f"{op}: index {bad} is outside of 0..{length - 1}")


@dataclass(frozen=True)
class OneHot(Op):
    """Rows of the identity matrix."""

    depth: int
    dtype: Any
    name = "one_hot"

    def infer(self, indices: TensorType) -> TensorType:
        if indices.dtype.kind not in "iu":
            raise DTypeError(f"one_hot: indices must be integers, got {indices}")
        return TensorType((*indices.shape, self.depth), self.dtype)

    def kernel(self, indices: Array, *, out: Array) -> None:
        check_range(indices, self.depth, self.name)
        out[...] = 0
        np.put_along_axis(out, indices[..., None], 1, -1)

    def vjp(self, g: Tensor, y: Tensor, indices: Tensor) -> Cotangents:
        return (None,)


@op(sample(integers(3, high=4), depth=4), sample(integers(2, 2, high=3), depth=3), differentiable=False)
def one_hot(indices: Like, depth: int, dtype: Any = "float32") -> Tensor:
    """For each index a new last axis of length ``depth`` that is 1 at the index and 0 elsewhere."""
    return OneHot(int(depth), as_dtype(dtype))(as_tensor(indices))
