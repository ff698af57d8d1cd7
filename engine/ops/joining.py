"""Joining tensors along an axis that they have or that is new."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, unify
from ..table import op, sample
from ..types import Array, TensorType, broadcast_shapes, fits, normalize_axis, static
from .arrays import expand_like, flatten, swapaxes
from .base import Linear
from .creation import zeros_like
from .slicing import expand_dims, getitem


@frozen
class Concatenate(Op):
    """Join along an axis."""

    axis: int
    name = "concatenate"

    def infer(self, *xs: TensorType) -> TensorType:
        shape = list(xs[0].shape)
        total: int | None = 0
        for x in xs:
            d = x.shape[self.axis] if x.rank == len(shape) else -1
            total = None if d is None or total is None else total + d
            try:
                rest = broadcast_shapes(*((*s[: self.axis], *s[self.axis + 1 :]) for s in (tuple(shape), x.shape)))
                bad = x.rank != len(shape) or any(
                    a is not None and b is not None and a != b
                    for i, (a, b) in enumerate(zip(x.shape, shape, strict=True))
                    if i != self.axis
                )
            except ShapeError:
                bad, rest = True, ()
            if bad:
                shapes = ", ".join(str(t.shape) for t in xs)
                raise ShapeError(f"concatenate: shapes {shapes} differ outside of axis {self.axis}")
            shape = [*rest[: self.axis], 0, *rest[self.axis :]]
        shape[self.axis] = total
        return TensorType(tuple(shape), np.result_type(*(x.dtype for x in xs)))

    def kernel(self, *xs: Array, out: Array) -> None:
        np.concatenate(xs, self.axis, out, casting="unsafe")

    def vjp(self, g: Tensor, y: Tensor, *xs: Tensor) -> Cotangents:
        return [part_like(g, xs, i, self.axis) for i in range(len(xs))]

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *xs: Tensor) -> Tensor:
        return self(*(zeros_like(x) if t is None else t for t, x in zip(tangents, xs, strict=True)))

    def simplify(self, *xs: Tensor) -> Tensor | None:
        return xs[0] if len(xs) == 1 else None


@frozen
class PartLike(Linear):
    """The part of a concatenation that came from its ``part``-th piece."""

    axis: int
    part: int
    name = "part_like"

    @property
    def shape_only(self) -> tuple[int, ...]:  # type: ignore[override]
        return tuple(range(1, self.part + 3))

    def infer(self, g: TensorType, *xs: TensorType) -> TensorType:
        return g.with_shape(xs[self.part].shape)

    def simplify(self, g: Tensor, *xs: Tensor) -> Tensor | None:
        lengths = [x.shape[self.axis] for x in xs]
        if None in lengths[: self.part + 1]:
            return None
        start = int(np.sum([static(d) for d in lengths[: self.part]]))
        index = (*(slice(None),) * self.axis, slice(start, start + static(lengths[self.part])))
        return getitem(g, index)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, *xs: Tensor) -> Cotangents:
        pieces = [g if i == self.part else zeros_like(p, g.dtype) for i, p in enumerate(xs)]
        return (Concatenate(self.axis)(*pieces), *(None for _ in xs))


def part_like(g: Tensor, xs: Sequence[Tensor], part: int, axis: int) -> Tensor:
    op = PartLike(axis, part)
    return op.simplest(g, *xs)


@op(sample((2, 3), (1, 3)), sample((2, 3), (2, 1), (2, 2), axis=-1), sample((0,), (2,)))
def concatenate(*xs: Like, axis: int = 0) -> Tensor:
    """Tensors joined along ``axis``; a single sequence of tensors is allowed too.

    >>> print(ag.concatenate([1, 2], [3]).eval())
    [1 2 3]
    """
    items = xs[0] if len(xs) == 1 and isinstance(xs[0], list | tuple) else xs
    tensors = unify([as_tensor(x) for x in items])
    if not tensors or tensors[0].ndim == 0:
        raise ShapeError("concatenate: needs at least one tensor, of rank 1 or more")
    return Concatenate(normalize_axis(axis, tensors[0].ndim, "concatenate"))(*tensors)


@op(sample((2, 3), (2, 3)), sample((2, 3), (2, 3), axis=-1), sample((), ()))
def stack(*xs: Like, axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new ``axis``; a single sequence of tensors is allowed too.

    >>> print(ag.stack([1, 2], [3, 4], axis=1).eval())
    [[1 3]
     [2 4]]
    """
    items = xs[0] if len(xs) == 1 and isinstance(xs[0], list | tuple) else xs
    tensors = unify([as_tensor(x) for x in items])
    if not tensors or not all(fits(tensors[0].shape, t.shape) for t in tensors):
        raise ShapeError(f"stack: needs tensors of one shape, got {', '.join(str(t.shape) for t in tensors) or 'none'}")
    place = normalize_axis(axis, tensors[0].ndim + 1, "stack")
    return concatenate(*(expand_dims(t, place) for t in tensors), axis=place)


@op(sample((3,), (2,)), sample((3,), (2,), (4,), indexing="ij"), sample(()))
def meshgrid(*xs: Like, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinates of a grid: each vector repeated along the axes of the others.

    ``"ij"`` orders the axes like the vectors; ``"xy"`` exchanges the first two, as images have them.

    >>> x, y = ag.meshgrid([1, 2, 3], [10, 20])
    >>> print((x + y).eval())
    [[11 12 13]
     [21 22 23]]
    """
    vectors = [flatten(as_tensor(x)) for x in xs]
    if indexing not in ("xy", "ij"):
        raise ShapeError(f'meshgrid: indexing is "xy" or "ij", got {indexing!r}')
    n = len(vectors)
    if not n:
        return ()
    columns = [expand_dims(v, [j for j in range(n) if j != i]) if n > 1 else v for i, v in enumerate(vectors)]
    whole = reduce(operator.add, columns)  # only its shape is read
    grids = [expand_like(c, whole) for c in columns]
    return tuple(swapaxes(g, 0, 1) for g in grids) if indexing == "xy" and n > 1 else tuple(grids)
