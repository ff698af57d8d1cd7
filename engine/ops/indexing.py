"""Reading and writing elements at positions that are computed.

A negative index counts from the end, as in NumPy; an index outside of the axis is an error that names it. Reading
(``Take``) and adding at places (``Place``) are linear and transposes of each other, so gradients of any order are
again one of the two; the same place may be named many times.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..errors import DTypeError, FeedError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import booleans, integers, op, sample
from ..types import Array, DType, Shape, TensorType, as_dtype, broadcast_shapes, fits, normalize_axis
from .addition import LONGEST
from .arrays import flatten, transpose
from .base import Linear
from .creation import zeros


def check_range(indices: Array, length: int, op: str) -> None:
    """Refuse indices outside of 0..length-1, with the first that is."""
    if indices.size and (indices.min() < 0 or indices.max() >= length):
        bad = indices[(indices < 0) | (indices >= length)].flat[0]
        raise FeedError(f"{op}: index {bad} is outside of 0..{length - 1}")


def wrap(indices: Array, length: int, op: str) -> Array:
    """Indices counted from 0; one outside of the axis is an error."""
    if not indices.size:
        return indices
    low, high = int(indices.min()), int(indices.max())
    if low < -length or high >= length:
        bad = high if high >= length else low
        raise FeedError(f"{op}: index {bad} is out of range for an axis of length {length}")
    return np.where(indices < 0, indices + length, indices) if low < 0 else indices


def flat_indices(indices: Sequence[Array], lengths: Sequence[int], op: str) -> Array:
    """Positions in the axes of ``lengths`` joined into one, for one array of indices an axis, which broadcast."""
    flat: Array = np.zeros((), np.intp)
    for index, length in zip(indices, lengths, strict=True):
        flat = flat * length + wrap(index.astype(np.intp, copy=False), length, op)
    return flat.reshape(-1)


def check_indices(types: Sequence[TensorType], op: str) -> Shape:
    """The shape to which indices broadcast; they must be integers."""
    for t in types:
        if t.dtype.kind not in "iu":
            raise DTypeError(f"{op}: an index must be integers, got {t}")
    return broadcast_shapes(*(t.shape for t in types))


def blocks(shape: tuple[int, ...], axis: int, count: int) -> tuple[int, int, int]:
    """``shape`` as (before, the ``count`` axes from ``axis`` joined, behind)."""
    before, joined, behind = shape[:axis], shape[axis : axis + count], shape[axis + count :]
    return prod(before), prod(joined), prod(behind)


@frozen
class Take(Linear):
    """Elements at integer positions: ``x[..., i, j, ...]`` with arrays of indices for neighbouring axes."""

    axis: int
    name: str = "take"

    def infer(self, x: TensorType, *indices: TensorType) -> TensorType:
        shape = check_indices(indices, self.name)
        end = self.axis + len(indices)
        if end > x.rank:
            raise ShapeError(f"{self.name}: {len(indices)} indices from axis {self.axis} of a tensor of rank {x.rank}")
        return x.with_shape((*x.shape[: self.axis], *shape, *x.shape[end:]))

    def kernel(self, x: Array, *indices: Array, out: Array) -> None:
        n = len(indices)
        at = flat_indices(indices, x.shape[self.axis : self.axis + n], self.name)
        if out.size:
            before, length, behind = blocks(x.shape, self.axis, n)
            np.take(x.reshape(before, length, behind), at, 1, out.reshape(before, len(at), behind), mode="clip")

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, *indices: Tensor) -> Cotangents:
        return (Place(self.axis)(g, x, *indices), *(None for _ in indices))


@frozen
class Place(Linear):
    """Zeros in the shape of the second input, to which the first is added at integer positions: ``Take`` transposed."""

    axis: int
    name: str = "place"
    shape_only = (1,)

    def infer(self, g: TensorType, like: TensorType, *indices: TensorType) -> TensorType:
        check_indices(indices, self.name)
        return g.with_shape(like.shape)

    def kernel(self, g: Array, like: Array, *indices: Array, out: Array) -> None:
        n = len(indices)
        at = flat_indices(indices, out.shape[self.axis : self.axis + n], self.name)
        before, length, behind = blocks(out.shape, self.axis, n)
        if before > 1:
            at = (np.arange(before)[:, None] * length + at).reshape(-1)
        if g.size:
            add_rows(out.reshape(-1, behind), at, g.reshape(-1, behind))
        else:
            out[...] = 0

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor, *indices: Tensor) -> Cotangents:
        return (Take(self.axis)(g, *indices), None, *(None for _ in indices))


def add_rows(out: Array, at: Array, rows: Array) -> None:
    """``out`` = zeros, plus each of ``rows`` at its place; places may repeat.

    Wide rows that meet often are added by a product with a sparse 0-1 matrix, 3 to 10 times as fast as ``add.at``;
    the product makes a whole new array, so it loses where most of ``out`` stays zero. Both add in the same order,
    so to the same bits, and SciPy, which takes 0.1 s to load, comes in when ``add.at`` has cost about as much.
    """
    width = out.shape[1]
    if meets_often(out.dtype, len(out), len(at)):
        total = np.empty(out.shape, WIDER[out.dtype.char])
        add_rows(total, at, rows.astype(total.dtype))
        np.copyto(out, total, casting="same_kind")
        return
    if width > 1 and len(out) <= 2 * len(at) and out.dtype.char in "fdlq" and next(_added) * rows.size >= WORTH_SCIPY:
        from scipy.sparse import csc_array

        starts = np.arange(len(at) + 1)
        np.copyto(out, csc_array((np.ones(len(at), out.dtype), at, starts), (len(out), len(at))) @ rows)
        return
    out[...] = 0
    places = at if width == 1 else (at[:, None] * width + np.arange(width)).reshape(-1)
    np.add.at(out.reshape(-1), places, rows.reshape(-1))


def meets_often(dtype: DType, places: int, rows: int) -> bool:
    """Whether so many rows are added at each place, one after another, that their sums need more digits."""
    return dtype == np.float16 or (dtype == np.float32 and rows > LONGEST * places)


WIDER = {"e": np.float32, "f": np.float64}
_added = itertools.count()  # how often wide rows have been added
WORTH_SCIPY = 1 << 26  # elements


@op(
    sample((4, 3), integers(5, low=-4, high=4), axis=0),
    sample((2, 4, 3), integers(2, 2, high=4), axis=1),
    sample((2, 4), integers(high=4), axis=-1),
    sample((2, 3), integers(4, high=6)),
    sample((3, 2), integers(0, high=3), axis=0),
)
def take(x: Like, indices: Like, axis: int | None = None) -> Tensor:
    """Elements of ``x`` at integer ``indices`` along ``axis``, or of the flattened ``x`` without it.

    The axis is replaced by the axes of ``indices``: with ``axis=0`` this looks up rows of an embedding. A negative
    index counts from the end; one out of range is a ``FeedError`` when the graph runs.

    >>> print(ag.take([[1, 2], [3, 4], [5, 6]], [2, 0], axis=0).eval())
    [[5 6]
     [1 2]]
    """
    t = as_tensor(x)
    return Take(0)(flatten(t), indices) if axis is None else Take(normalize_axis(axis, t.ndim, "take"))(t, indices)


@op(sample((5, 2), integers(5, high=3), count=3), sample((4,), integers(4, high=2), count=4))
def segment_sum(x: Like, segments: Like, count: int) -> Tensor:
    """Sums of the rows of ``x`` that belong to each of ``count`` segments; ``segments`` holds a number a row.

    >>> print(ag.segment_sum([1, 2, 3, 4], [0, 1, 0, 1], count=3).eval())
    [4 6 0]
    """
    t, s = as_tensor(x), as_tensor(segments)
    if not fits(t.shape[:1], s.shape) or s.ndim != 1:
        raise ShapeError(f"segment_sum: needs one segment for each row of {t.shape}, got {s.shape}")
    rows = Take(0)(t, zeros(count, "int64"))  # only its shape is read
    return Place(0, "segment_sum")(t, rows, s)


@frozen
class Along(Op):
    """Positions in the flattened first input of indices along one axis."""

    axis: int
    name: str = "take_along_axis"
    shape_only = (0,)

    def infer(self, x: TensorType, indices: TensorType) -> TensorType:
        check_indices((indices,), self.name)
        if x.rank != indices.rank:
            raise ShapeError(f"{self.name}: {x.shape} needs indices of rank {x.rank}, got {indices.shape}")
        return TensorType(broadcast_shapes(self.others(x.shape), indices.shape), np.dtype("int64"))

    def others(self, shape: Shape) -> Shape:
        return (*shape[: self.axis], 1, *shape[self.axis + 1 :])

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def kernel(self, x: Array, indices: Array, *, out: Array) -> None:
        strides = [prod(x.shape[i + 1 :]) for i in range(x.ndim)]
        index = wrap(indices.astype(np.intp, copy=False), x.shape[self.axis], self.name)
        np.multiply(index, strides[self.axis], out)
        for i, stride in enumerate(strides):
            if i != self.axis:
                out += (np.arange(x.shape[i]) * stride).reshape([-1 if j == i else 1 for j in range(x.ndim)])

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, indices: Tensor) -> Cotangents:
        return None, None


@op(
    sample((3, 4), integers(3, 2, low=-4, high=4), axis=1),
    sample((2, 3, 2), integers(2, 5, 2, high=3), axis=1),
    sample((3, 4), integers(1, 4, high=3), axis=0),
)
def take_along_axis(x: Like, indices: Like, axis: int = -1) -> Tensor:
    """Elements of ``x`` at ``indices``, which vary along ``axis`` and broadcast against the other axes.

    ``take_along_axis(x, argsort(x))`` is ``sort(x)``.

    >>> print(ag.take_along_axis([[10, 20], [30, 40]], [[1], [0]], axis=1).eval())
    [[20]
     [30]]
    """
    t, i = as_tensor(x), as_tensor(indices)
    return Take(0)(flatten(t), Along(normalize_axis(axis, t.ndim, "take_along_axis"))(t, i))


@frozen
class Nonzero(Op):
    """Positions of the elements that are not zero, one row an axis; their number is known when the graph runs."""

    name = "nonzero"
    dynamic = True

    def infer(self, x: TensorType) -> TensorType:
        return TensorType((x.rank, None), np.dtype("int64"))

    def compute(self, x: Array) -> Array:
        return np.stack(np.nonzero(x)) if x.ndim else np.zeros((0, int(bool(x))), "int64")

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


@op(sample((3, 4)), sample(booleans(5)), sample(booleans(2, 3)), differentiable=False)
def argwhere(x: Like) -> Tensor:
    """Positions of the elements of ``x`` that are not zero, one row each, in row-major order.

    The number of rows depends on values, so it is unknown while the graph is built.

    >>> print(ag.argwhere([[0, 7], [8, 0]]).eval())
    [[0 1]
     [1 0]]
    """
    return transpose(Nonzero()(x))


@op(sample((3, 4)), sample(booleans(5)), differentiable=False)
def nonzero(x: Like) -> tuple[Tensor, ...]:
    """Positions of the elements of ``x`` that are not zero, one tensor an axis, as ``x[...]`` takes them.

    Their number depends on values, so it is unknown while the graph is built.

    >>> x = ag.constant([0, 7, 8])
    >>> print(x[ag.nonzero(x)].eval())
    [7 8]
    """
    found = Nonzero()(x)
    return tuple(Take(0)(found, i) for i in range(as_tensor(x).ndim))


@frozen
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
    """For each index a new last axis of length ``depth`` that is 1 at the index and 0 elsewhere.

    >>> print(ag.one_hot([2, 0], 3).eval())
    [[0. 0. 1.]
     [1. 0. 0.]]
    """
    return OneHot(int(depth), as_dtype(dtype))(as_tensor(indices))
