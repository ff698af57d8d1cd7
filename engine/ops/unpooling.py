"""Where max pools found their elements, as positions in the input, and pools undone: elements put back there.

A position is row-major over the places of one image, whatever its channel: row * columns + column. Where windows
overlap, several may name one position: the last of them is put there, and gets the whole cotangent.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor
from ..table import distinct, integers, op, sample
from ..types import Array, TensorType, fits
from .base import Linear
from .indexing import check_indices, check_range
from .pooling import pool, pool1d
from .pools import MaxPool, Pool
from .slicing import expand_dims
from .windows import Pads, Window, each, is_int, one_axis, pair, window, window1d


class MaxIndices(Pool):
    """Positions in the image, in the shape of the second input, of the taps that ``MaxPosition`` found."""

    name = "max_pool2d_indices"
    shape_only = (1,)

    def infer(self, position: TensorType, like: TensorType) -> TensorType:  # type: ignore[override]
        return TensorType(position.shape, np.dtype("int64"))

    def kernel(self, position: Array, like: Array, *, out: Array) -> None:
        rows, columns = self.axes(like)
        tap = self.taps - position.astype(np.int64)
        row = (np.arange(rows.count) * rows.stride - rows.before)[:, None, None] + tap // columns.size * rows.dilation
        first = np.arange(columns.count) * columns.stride - columns.before
        np.multiply(row, columns.length, out)
        out += first[:, None] + tap % columns.size * columns.dilation

    def vjp(self, g: Tensor, y: Tensor, position: Tensor, like: Tensor) -> Cotangents:
        return None, None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> None:
        return None


def indices_of(y: Tensor) -> Tensor:
    """The positions of the elements that a max pool took, beside it."""
    (x,) = y.inputs
    return MaxIndices(y.op.size, y.op.window)(y.op.position(y, x), x)  # type: ignore[union-attr]


@op(
    sample(distinct(2, 4, 6, 2)),
    sample(distinct(1, 5, 5, 2), size=(3, 2), strides=2, padding=1),
    sample(distinct(1, 6, 5, 1), strides=1, padding="same", dilation=2, ceil_mode=True),
    differentiable=False,
)
def max_pool2d_indices(
    x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Where ``max_pool2d`` of the same arguments finds its elements: row * W + column, the first at a tie; int64.

    Both together look at ``x`` once.

    >>> x = ag.constant([[3.0, 1.0, 0.0, 7.0], [2.0, 0.0, 5.0, 6.0]]).reshape(1, 2, 4, 1)
    >>> print(ag.max_pool2d_indices(x).eval().ravel())
    [0 3]
    """
    place = window(size if strides is None else strides, dilation, padding, "max_pool2d_indices", ceil_mode)
    return indices_of(pool(MaxPool, x, size, place))


@op(sample(distinct(2, 6, 2)), sample(distinct(1, 5, 2), size=3, strides=2, padding="same"), differentiable=False)
def max_pool1d_indices(
    x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Where ``max_pool1d`` of the same arguments finds its elements, the first at a tie; int64.

    >>> x = ag.constant([3.0, 1.0, 0.0, 7.0]).reshape(1, 4, 1)
    >>> print(ag.max_pool1d_indices(x).eval().ravel())
    [0 3]
    """
    place = window1d(size if strides is None else strides, dilation, padding, "max_pool1d_indices", ceil_mode)
    y = pool1d(MaxPool, x, size, place)
    return indices_of(y.inputs[0])[:, 0]


@frozen
class Unpool(Linear):
    """Elements (N, ..., C) put at their positions in zeros (N, *lengths, C); of several at one, the last."""

    lengths: tuple[int, ...]
    name = "max_unpool"

    def infer(self, y: TensorType, indices: TensorType) -> TensorType:
        check_indices([indices], self.name)
        if y.rank != len(self.lengths) + 2 or not fits(y.shape, indices.shape):
            raise ShapeError(f"{self.name}: needs elements and indices of one shape, got {y.shape} and {indices.shape}")
        return y.with_shape((y.shape[0], *self.lengths, y.shape[-1]))

    def places(self, indices: Array) -> Array:
        """(N, places, C)."""
        check_range(indices, prod(self.lengths), self.name)
        return flat(indices).astype(np.intp, copy=False)

    def kernel(self, y: Array, indices: Array, *, out: Array) -> None:
        whole = np.zeros((len(y), prod(self.lengths), y.shape[-1]), out.dtype)
        np.put_along_axis(whole, self.places(indices), flat(y), 1)
        out[...] = whole.reshape(out.shape)

    def vjp(self, g: Tensor, y: Tensor, elements: Tensor, indices: Tensor) -> Cotangents:
        return UnpoolGather(self.lengths)(g, indices), None


class UnpoolGather(Unpool):
    """The transpose: what lies at the positions, and 0 for an element that another one has replaced."""

    name = "max_unpool_gather"

    def infer(self, g: TensorType, indices: TensorType) -> TensorType:
        return g.with_shape(indices.shape)

    def kernel(self, g: Array, indices: Array, *, out: Array) -> None:
        at = self.places(indices)
        number = np.broadcast_to(np.arange(at.shape[1])[:, None], at.shape)
        last = np.zeros((len(at), prod(self.lengths), at.shape[2]), np.intp)
        np.put_along_axis(last, at, number, 1)
        kept = np.take_along_axis(last, at, 1) == number
        out[...] = np.where(kept, np.take_along_axis(flat(g), at, 1), 0).reshape(out.shape)

    def vjp(self, g: Tensor, y: Tensor, elements: Tensor, indices: Tensor) -> Cotangents:
        return Unpool(self.lengths)(g, indices), None


def flat(x: Array) -> Array:
    """(N, ..., C) as (N, places, C)."""
    return x.reshape(len(x), prod(x.shape[1:-1]), x.shape[-1])


def whole_lengths(lengths: Any, name: str, rank: int) -> tuple[int, ...]:
    """Lengths of the axes of an image, as they were given."""
    found = each(lengths, rank)
    if len(found) != rank or not all(is_int(n, 1) for n in found):
        raise ShapeError(f"{name}: lengths are {rank} positive integers, got {lengths!r}")
    return tuple(int(n) for n in found)


def shortest(x: Tensor, place: Window, sizes: tuple[int, int], name: str) -> tuple[int, ...]:
    """The lengths that a pool makes ``x`` of, the shortest if there are several."""
    found = [n for n in place.lengths(x.shape[1:-1], sizes) if n is not None]
    if len(found) < 2:
        raise ShapeError(f"{name}: write lengths=..., as the lengths of {x.shape} are unknown")
    return tuple(found)


@op(
    sample((1, 2, 2, 2), integers(1, 2, 2, 2, high=16)),
    sample((2, 2, 3, 1), integers(2, 2, 3, 1, high=6), size=3, strides=2, padding=1, lengths=(4, 5)),
)
def max_unpool2d(
    x: Like, indices: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", lengths: Any = None
) -> Tensor:
    """Zeros (N, H, W, C) with the elements ``x`` at ``indices``, which ``max_pool2d_indices`` gives.

    ``lengths`` is (H, W); without it, the shortest image of which that pool makes the shape of ``x``. Of several
    elements at one position the last is there, and gets the whole cotangent.

    >>> x = ag.constant([[3.0, 1.0, 0.0, 7.0], [2.0, 0.0, 5.0, 6.0]]).reshape(1, 2, 4, 1)
    >>> print(ag.max_unpool2d(ag.max_pool2d(x), ag.max_pool2d_indices(x)).eval().reshape(2, 4))
    [[3. 0. 0. 7.]
     [0. 0. 0. 0.]]
    """
    t, name = as_tensor(x), "max_unpool2d"
    if t.ndim != 4:
        raise ShapeError(f"{name}: needs (N, H, W, C), got {t.shape}")
    place = window(size if strides is None else strides, 1, padding, name)
    if lengths is None:
        return Unpool(shortest(t, place, pair(size, name, "size"), name))(t, indices)
    return Unpool(whole_lengths(lengths, name, 2))(t, indices)


@op(sample((1, 3, 2), integers(1, 3, 2, high=6)), sample((2, 3, 1), integers(2, 3, 1, high=7), lengths=7))
def max_unpool1d(
    x: Like, indices: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", lengths: Any = None
) -> Tensor:
    """Zeros (N, L, C) with the elements ``x`` at ``indices``, which ``max_pool1d_indices`` gives; as max_unpool2d.

    >>> x = ag.constant([3.0, 1.0, 0.0, 7.0]).reshape(1, 4, 1)
    >>> print(ag.max_unpool1d(ag.max_pool1d(x), ag.max_pool1d_indices(x)).eval().ravel())
    [3. 0. 0. 7.]
    """
    t, name = as_tensor(x), "max_unpool1d"
    if t.ndim != 3:
        raise ShapeError(f"{name}: needs (N, L, C), got {t.shape}")
    place = window1d(size if strides is None else strides, 1, padding, name)
    if lengths is None:
        found = shortest(expand_dims(t, 1), place, one_axis(size, name, "size"), name)
        return Unpool(found[1:])(t, indices)
    return Unpool(whole_lengths(lengths, name, 1))(t, indices)
