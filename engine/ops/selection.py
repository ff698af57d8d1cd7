"""Selection without a whole sort: some elements at the places that a sort would give them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import distinct, op, sample
from ..types import Array, TensorType, normalize_axis
from .indexing import take_along_axis


@frozen
class ArgPartition(Op):
    """Positions along an axis in an order that is that of the values at the places ``kth``."""

    axis: int
    kth: tuple[int, ...]
    name = "argpartition"

    def infer(self, x: TensorType) -> TensorType:
        n = x.shape[self.axis]
        if n is not None and not all(-n <= k < n for k in self.kth):
            kth = ", ".join(map(str, self.kth))
            raise ShapeError(f"partition: place {kth} is outside of axis {self.axis} of {x.shape}")
        return x.with_dtype("int64")

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = np.argpartition(x, self.kth, self.axis)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


def places(x: Tensor, kth: int | Sequence[int], axis: int, name: str) -> Tensor:
    wanted = tuple(kth) if isinstance(kth, Sequence) else (kth,)
    if not wanted or not all(isinstance(k, int | np.integer) and not isinstance(k, bool) for k in wanted):
        raise ShapeError(f"{name}: kth is a place or a list of places, got {kth!r}")
    return ArgPartition(normalize_axis(axis, x.ndim, name), tuple(int(k) for k in wanted))(x)


SAMPLES = (
    sample(distinct(7), kth=2),
    sample(distinct(3, 4), kth=1, axis=0),
    sample(distinct(2, 5, 2), kth=(0, -1), axis=1),
)


@op(*SAMPLES)
def partition(x: Like, kth: int | Sequence[int], axis: int = -1) -> Tensor:
    """``x`` in an order with the element at place ``kth`` where a sort would have it: none before it is larger.

    ``kth`` may be several places. The order of the others is left open; NaN counts as larger than every number.
    Derivatives flow to the elements that were chosen.

    >>> print(ag.partition([5, 3, 9, 1, 7], 2).eval()[2])
    5
    """
    t = as_tensor(x)
    return take_along_axis(t, places(t, kth, axis, "partition"), axis)


@op(*SAMPLES, differentiable=False)
def argpartition(x: Like, kth: int | Sequence[int], axis: int = -1) -> Tensor:
    """Positions along ``axis`` of the elements in the order of ``partition``.

    >>> print(ag.argpartition([5, 3, 9, 1, 7], 2).eval()[2])
    0
    """
    t = as_tensor(x)
    return places(t, kth, axis, "argpartition")
