"""Dtype, shape and order of axes: ops that look at the same elements in another way, and undo such looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor
from ..table import op, sample
from ..types import (
    Array,
    Axes,
    DType,
    Shape,
    TensorType,
    as_dtype,
    as_shape,
    broadcast_shapes,
    normalize_axes,
    normalize_axis,
    reduced_shape,
    static,
)
from .base import Linear


@frozen
class Astype(Linear):
    """Another dtype."""

    dtype: DType
    name = "astype"

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(x.shape, self.dtype)

    def kernel(self, x: Array, *, out: Array) -> None:
        np.copyto(out, x, casting="unsafe")

    def scalar(self, *values: Any) -> Any:
        return values[0].astype(self.dtype)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (astype(g, x.dtype) if x.dtype.kind == "f" else None,)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        return super().jvp(tangents, y, *inputs) if self.dtype.kind == "f" else None

    def simplify(self, x: Tensor) -> Tensor | None:
        return x if x.type == TensorType(x.shape, self.dtype) else None

    def __call__(self, x: Like) -> Tensor:  # type: ignore[override]
        x = as_tensor(x)
        return Tensor(self.infer(x.type), self, (x,))


@op(sample((2, 3), dtype="float64"))
def astype(x: Like, dtype: Any) -> Tensor:
    """The same values in another dtype; the cotangent is cast back, and stops at integers.

    >>> print(ag.astype([1.7, -1.7], "int64").eval())
    [ 1 -1]
    """
    return Astype(as_dtype(dtype))(x)


@frozen
class Reshape(Linear):
    """The same elements in another shape, of which one length may be -1."""

    shape: tuple[int, ...]
    name = "reshape"

    def infer(self, x: TensorType) -> TensorType:
        shape: list[int | None] = list(self.shape)
        if -1 in shape:
            i = shape.index(-1)
            rest = int(np.prod([d for d in self.shape if d != -1]))
            shape[i] = None
            if x.known:
                if rest == 0 or x.size % rest:
                    raise ShapeError(f"reshape: {x.shape} has {x.size} elements, which {self.shape} cannot hold")
                shape[i] = x.size // rest
        elif x.known and x.size != int(np.prod(self.shape)):
            need = int(np.prod(self.shape))
            raise ShapeError(f"reshape: {x.shape} has {x.size} elements, {self.shape} has {need}")
        return TensorType(tuple(shape), x.dtype)

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = x.reshape(out.shape)

    def view(self, x: Array) -> Array | None:
        return x.reshape(self.shape) if x.flags.c_contiguous else None

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (reshape_like(g, x),)

    def simplify(self, x: Tensor) -> Tensor | None:
        if isinstance(x.op, Reshape):
            return Reshape(self.shape)(x.inputs[0])
        if isinstance(x.op, BroadcastTo) and x.type.known and x.inputs[0].type.known and x.inputs[0].type.size == 1:
            return BroadcastTo(self.infer(x.type).shape)(Reshape(())(x.inputs[0]))
        return x if x.type.known and x.shape == self.infer(x.type).shape else None


@op(sample((2, 3), shape=(6,)), sample((2, 3), shape=(3, -1)), sample((1,), shape=()), sample((0, 2), shape=(0,)))
def reshape(x: Like, shape: Any) -> Tensor:
    """The same elements in row-major order in another shape; one length may be -1.

    >>> print(ag.reshape([1, 2, 3, 4, 5, 6], (2, -1)).eval())
    [[1 2 3]
     [4 5 6]]
    """
    dims = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(not isinstance(d, int | np.integer) or d < -1 for d in dims) or dims.count(-1) > 1:
        raise ShapeError(f"reshape: a shape holds lengths of 0 or more and at most one -1; got {dims}")
    return Reshape(tuple(int(d) for d in dims))(x)


@frozen
class ReshapeLike(Linear):
    """The elements of the first input in the shape of the second."""

    name = "reshape_like"
    shape_only = (1,)

    def infer(self, x: TensorType, like: TensorType) -> TensorType:
        if x.known and like.known and x.size != like.size:
            raise ShapeError(f"reshape_like: {x.shape} has {x.size} elements, {like.shape} has {like.size}")
        return TensorType(like.shape, x.dtype)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor) -> Cotangents:
        return reshape_like(g, x), None

    def simplify(self, x: Tensor, like: Tensor) -> Tensor | None:
        return Reshape(tuple(map(static, like.shape)))(x) if like.type.known else None


@op(sample((2, 3), (3, 2)))
def reshape_like(x: Like, like: Like) -> Tensor:
    """The elements of ``x`` in the shape of ``like``, which may be known only when the graph runs.

    >>> print(ag.reshape_like([1, 2, 3, 4], [[0, 0], [0, 0]]).eval())
    [[1 2]
     [3 4]]
    """
    a, b = as_tensor(x), as_tensor(like)
    if a.type.known and a.shape == b.shape:
        return a
    return ReshapeLike().simplest(a, b)


@frozen
class Transpose(Linear):
    """Axes in another order."""

    axes: tuple[int, ...]
    name = "transpose"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape([x.shape[a] for a in self.axes])

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = x.transpose(self.axes)

    def view(self, x: Array) -> Array | None:
        return x.transpose(self.axes)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (Transpose(tuple(int(i) for i in np.argsort(self.axes)))(g),)

    def simplify(self, x: Tensor) -> Tensor | None:
        if self.axes == tuple(range(len(self.axes))):
            return x
        if isinstance(x.op, Transpose):
            return Transpose(tuple(x.op.axes[a] for a in self.axes))(x.inputs[0])
        return None


@op(sample((2, 3)), sample((2, 3, 4), axes=(2, 0, 1)), sample(()), sample((3, 0)))
def transpose(x: Like, axes: Sequence[int] | None = None) -> Tensor:
    """Axes in the order of ``axes``; without it, all axes reversed.

    >>> print(ag.transpose([[1, 2, 3], [4, 5, 6]]).eval())
    [[1 4]
     [2 5]
     [3 6]]
    """
    t = as_tensor(x)
    order = tuple(range(t.ndim))[::-1] if axes is None else tuple(normalize_axis(a, t.ndim, "transpose") for a in axes)
    if sorted(order) != list(range(t.ndim)):
        raise ShapeError(f"transpose: axes {axes} do not order all of {t.shape}; to exchange two: swapaxes")
    return Transpose(order)(t)


@op(sample((2, 3, 4), source=0, destination=-1), sample((2, 3, 4), source=(0, 1), destination=(2, 0)))
def moveaxis(x: Like, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """The axes ``source`` moved to the places ``destination``; the others keep their order.

    >>> print(ag.moveaxis(ag.zeros((2, 3, 4)), 0, -1).shape)
    (3, 4, 2)
    """
    t = as_tensor(x)
    old, new = (
        [normalize_axis(a, t.ndim, "moveaxis") for a in ((places,) if isinstance(places, int) else places)]
        for places in (source, destination)
    )
    if len(set(old)) != len(set(new)) or len(set(old)) != len(old) or len(set(new)) != len(new):
        raise ShapeError(f"moveaxis: {source} and {destination} must name equally many different axes")
    order = [a for a in range(t.ndim) if a not in old]
    for place, axis in sorted(zip(new, old, strict=True)):
        order.insert(place, axis)
    return Transpose(tuple(order)).simplest(t)


@op(sample((2, 3, 4), axis1=0, axis2=2), sample((2, 3), axis1=-1, axis2=0))
def swapaxes(x: Like, axis1: int, axis2: int) -> Tensor:
    """The axes ``axis1`` and ``axis2`` exchanged.

    >>> print(ag.swapaxes(ag.zeros((2, 3, 4)), 0, 2).shape)
    (4, 3, 2)
    """
    t = as_tensor(x)
    order = list(range(t.ndim))
    a, b = (normalize_axis(axis, t.ndim, "swapaxes") for axis in (axis1, axis2))
    order[a], order[b] = b, a
    return Transpose(tuple(order)).simplest(t)


def swap_last(x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    n = x.ndim
    return Transpose((*range(n - 2), n - 1, n - 2))(x)


@frozen
class BroadcastTo(Linear):
    """Repeat along new or length-one axes."""

    shape: Shape
    name = "broadcast_to"

    def infer(self, x: TensorType) -> TensorType:
        try:
            fits = broadcast_shapes(x.shape, self.shape)
        except ShapeError:
            fits = ()
        if fits != self.shape:
            raise ShapeError(f"broadcast_to: {x.shape} does not broadcast to {self.shape}")
        return x.with_shape(self.shape)

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = x

    def view(self, x: Array) -> Array | None:
        return np.broadcast_to(x, [static(d) for d in self.shape])

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (g,)  # gradient.sum_to undoes the broadcast

    def simplify(self, x: Tensor) -> Tensor | None:
        return x if x.shape == self.shape and x.type.known else None


@op(sample((1, 3), shape=(2, 3)), sample((), shape=(2, 2)), sample((3,), shape=(0, 3)))
def broadcast_to(x: Like, shape: Any) -> Tensor:
    """``x`` repeated to ``shape`` by NumPy's rules, without a copy where the reader allows it.

    >>> print(ag.broadcast_to([1, 2], (2, 2)).eval())
    [[1 2]
     [1 2]]
    """
    t = as_tensor(x)
    return BroadcastTo(as_shape(shape)).simplest(t)


@frozen
class ExpandLike(Linear):
    """Undo the shape of a reduction over ``axes``: repeat to the shape of the second input."""

    axes: tuple[int, ...]
    keepdims: bool
    name = "expand_like"
    shape_only = (1,)

    def infer(self, x: TensorType, like: TensorType) -> TensorType:
        return x.with_shape(like.shape)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor) -> Cotangents:
        from .reductions import sum

        return sum(g, self.axes, self.keepdims) if self.axes else g, None

    def simplify(self, x: Tensor, like: Tensor) -> Tensor | None:
        if not like.type.known:
            return None
        if not self.keepdims and self.axes and like.ndim:
            x = Reshape(tuple(map(static, reduced_shape(like.shape, self.axes, True))))(x)
        return BroadcastTo(like.shape).simplest(x)


@op(sample((3,), (2, 3)), sample((2,), (2, 3), axis=1, keepdims=False), sample((), (2, 3), axis=(0, 1), keepdims=False))
def expand_like(x: Like, like: Like, axis: Axes = (), keepdims: bool = True) -> Tensor:
    """``x`` repeated to the shape of ``like``; ``axis`` and ``keepdims`` name the reduction that this undoes.

    >>> print(ag.expand_like([1, 2], ag.zeros((2, 3)), axis=1, keepdims=False).eval())
    [[1 1 1]
     [2 2 2]]
    """
    a, b = as_tensor(x), as_tensor(like)
    op = ExpandLike(normalize_axes(axis, b.ndim, "expand_like"), keepdims)
    return op.simplest(a, b)


@frozen
class SumLike(Linear):
    """Undo a broadcast whose lengths are known only when the graph runs."""

    name = "sum_like"
    shape_only = (1,)

    def infer(self, x: TensorType, like: TensorType) -> TensorType:
        return x.with_shape(like.shape)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor) -> Cotangents:
        return expand_like(g, x), None

    def simplify(self, x: Tensor, like: Tensor) -> Tensor | None:
        from .reductions import sum

        if not (x.type.known and like.type.known):
            return None
        if x.shape == like.shape:
            return x
        lead = x.ndim - like.ndim
        axes = tuple(i for i in range(x.ndim) if i < lead or like.shape[i - lead] != x.shape[i])
        total = sum(x, axes, keepdims=True)
        return Reshape(tuple(map(static, like.shape)))(total) if lead else total


@op(sample((2, 3), (3,)), sample((2, 3), (2, 1)), sample((2, 3), ()))
def sum_like(x: Like, like: Like) -> Tensor:
    """``x`` summed down to the shape of ``like``, from which it was broadcast.

    >>> print(ag.sum_like([[1, 2], [3, 4]], [0, 0]).eval())
    [4 6]
    """
    a, b = as_tensor(x), as_tensor(like)
    return SumLike().simplest(a, b)


@op(sample((2, 3)), sample(()))
def flatten(x: Like, keep: int = 0) -> Tensor:
    """``x`` with all axes after the first ``keep`` joined into one, in row-major order.

    >>> print(ag.flatten(ag.zeros((2, 3, 4)), keep=1).shape)
    (2, 12)
    """
    t = as_tensor(x)
    lead = t.shape[:keep]
    if keep > t.ndim or (keep > 1 and None in lead):
        raise ShapeError(f"flatten: cannot keep {keep} axes of {t.shape}")
    rest = t.shape[keep:]
    if keep == 1 and None not in rest:
        return Reshape((-1, int(np.prod([static(d) for d in rest]))))(t)
    return Reshape((*(static(d) for d in lead), -1))(t)
