"""Ops that move, reshape or repeat elements without computing with them."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..graph import Constant, Cotangents, Like, Op, Tensor, as_tensor, constant, unify
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


@dataclass(frozen=True)
class Astype(Linear):
    """Another dtype."""

    dtype: DType
    name = "astype"

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(x.shape, self.dtype)

    def kernel(self, x: Array, *, out: Array) -> None:
        np.copyto(out, x, casting="unsafe")

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (astype(g, x.dtype) if x.dtype.kind == "f" else None,)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        return super().jvp(tangents, y, x) if self.dtype.kind == "f" else None

    def simplify(self, x: Tensor) -> Tensor | None:
        return x if x.type == TensorType(x.shape, self.dtype) else None

    def __call__(self, x: Like) -> Tensor:  # type: ignore[override]
        x = as_tensor(x)
        return Tensor(self.infer(x.type), self, (x,))


@op(sample((2, 3), dtype="float64"))
def astype(x: Like, dtype: Any) -> Tensor:
    """The same values in another dtype; the cotangent is cast back, and stops at integers."""
    return Astype(as_dtype(dtype))(x)


@dataclass(frozen=True)
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
        return x if x.type.known and x.shape == self.infer(x.type).shape else None


@op(sample((2, 3), shape=(6,)), sample((2, 3), shape=(3, -1)), sample((1,), shape=()), sample((0, 2), shape=(0,)))
def reshape(x: Like, shape: Any) -> Tensor:
    """The same elements in row-major order in another shape; one length may be -1."""
    dims = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(not isinstance(d, int | np.integer) or d < -1 for d in dims) or dims.count(-1) > 1:
        raise ShapeError(f"reshape: a shape holds lengths of 0 or more and at most one -1; got {dims}")
    return Reshape(tuple(int(d) for d in dims))(x)


@dataclass(frozen=True)
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
    """The elements of ``x`` in the shape of ``like``, which may be known only when the graph runs."""
    a, b = as_tensor(x), as_tensor(like)
    if a.type.known and a.shape == b.shape:
        return a
    return ReshapeLike().simplest(a, b)


@dataclass(frozen=True)
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
    """Axes in the order of ``axes``; without it, all axes reversed."""
    t = as_tensor(x)
    order = tuple(range(t.ndim))[::-1] if axes is None else tuple(normalize_axis(a, t.ndim, "transpose") for a in axes)
    if sorted(order) != list(range(t.ndim)):
        raise ShapeError(f"transpose: axes {axes} are not a permutation of the {t.ndim} axes of {t.shape}")
    return Transpose(order)(t)


def swap_last(x: Tensor) -> Tensor:
    """The last two axes exchanged."""
    n = x.ndim
    return Transpose((*range(n - 2), n - 1, n - 2))(x)


@dataclass(frozen=True)
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
    """``x`` repeated to ``shape`` by NumPy's rules, without a copy where the reader allows it."""
    t = as_tensor(x)
    return BroadcastTo(as_shape(shape)).simplest(t)


@dataclass(frozen=True)
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
    """``x`` repeated to the shape of ``like``; ``axis`` and ``keepdims`` name the reduction that this undoes."""
    a, b = as_tensor(x), as_tensor(like)
    op = ExpandLike(normalize_axes(axis, b.ndim, "expand_like"), keepdims)
    return op.simplest(a, b)


@dataclass(frozen=True)
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
    """``x`` summed down to the shape of ``like``, from which it was broadcast."""
    a, b = as_tensor(x), as_tensor(like)
    return SumLike().simplest(a, b)


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


@op(sample((2, 3), axis=0), sample((2, 3), axis=(0, -1)), sample((), axis=0))
def expand_dims(x: Like, axis: int | Sequence[int]) -> Tensor:
    """New axes of length one at the positions ``axis`` of the result."""
    t = as_tensor(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    places = normalize_axes(axes, t.ndim + len(axes), "expand_dims")
    rest = iter(range(t.ndim))
    index = tuple(None if i in places else (next(rest), slice(None))[1] for i in range(t.ndim + len(axes)))
    return getitem(t, index)


@op(sample((2, 1, 3)), sample((1, 2, 1), axis=0))
def squeeze(x: Like, axis: Axes = None) -> Tensor:
    """``x`` without axes of length one: those named, or all."""
    t = as_tensor(x)
    if axis is None and not t.type.known:
        raise ShapeError(f"squeeze: name the axis, as lengths of {t.shape} are unknown")
    axes = normalize_axes(axis, t.ndim, "squeeze") if axis is not None else [i for i, d in enumerate(t.shape) if d == 1]
    for a in axes:
        if t.shape[a] not in (1, None):
            raise ShapeError(f"squeeze: axis {a} of {t.shape} has length {t.shape[a]}, not 1")
    return getitem(t, tuple(0 if i in axes else slice(None) for i in range(t.ndim)))


@op(sample((2, 3)), sample(()))
def flatten(x: Like, keep: int = 0) -> Tensor:
    """``x`` with all axes after the first ``keep`` joined into one, in row-major order."""
    t = as_tensor(x)
    lead = t.shape[:keep]
    if keep > t.ndim or (keep > 1 and None in lead):
        raise ShapeError(f"flatten: cannot keep {keep} axes of {t.shape}")
    rest = t.shape[keep:]
    if keep == 1 and None not in rest:
        return Reshape((-1, int(np.prod([static(d) for d in rest]))))(t)
    return Reshape((*(static(d) for d in lead), -1))(t)


@dataclass(frozen=True)
class GetItem(Linear):
    """Basic indexing: integers, slices (as triples, to be hashable), new axes."""

    index: tuple[Any, ...]
    name = "getitem"

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(slice(*i) if isinstance(i, tuple) else i for i in self.index)

    def infer(self, x: TensorType) -> TensorType:
        shape: list[int | None] = []
        axis = 0
        for i in self.index:
            if i is None:
                shape.append(1)
                continue
            d = x.shape[axis]
            if isinstance(i, int):
                if d is not None and not -d <= i < d:
                    raise ShapeError(f"getitem: index {i} is out of range for axis {axis} of length {d}")
            else:
                known = len(range(*slice(*i).indices(d))) if d is not None else None
                shape.append(known)
            axis += 1
        return x.with_shape(shape)

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = x[self.key]

    def view(self, x: Array) -> Array | None:
        return np.asarray(x[(*self.key, ...)])

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        if all(i is None or i == (None, None, None) or (i == 0 and d == 1) for i, d in self.pairs(x)):
            return (reshape_like(g, x),)
        return (PutItem(self.index)(g, x),)

    def pairs(self, x: Tensor) -> list[tuple[Any, Any]]:
        """Each index with the length of the axis that it reads."""
        lengths = iter(x.shape)
        return [(i, None if i is None else next(lengths)) for i in self.index]

    def simplify(self, x: Tensor) -> Tensor | None:
        return x if all(i == (None, None, None) for i in self.index) else None


def normalize_index(index: Any, x: Tensor) -> tuple[Any, ...]:
    """``index`` as one entry an axis, without ellipsis; slices as triples."""
    items = list(index) if isinstance(index, tuple) else [index]
    for i in items:
        if not (i is None or i is Ellipsis or isinstance(i, slice | int | np.integer)) or isinstance(i, bool):
            raise DTypeError(f"getitem: an index is an integer, a slice, None or ..., got {i!r}; use ag.take for arrays")
    used = sum(i is not None and i is not Ellipsis for i in items)
    if used > x.ndim or sum(i is Ellipsis for i in items) > 1:
        raise ShapeError(f"getitem: {used} indices for a tensor of rank {x.ndim}")
    if Ellipsis not in items:
        items.append(Ellipsis)
    at = next(k for k, i in enumerate(items) if i is Ellipsis)
    items[at : at + 1] = [slice(None)] * (x.ndim - used)
    return tuple(
        (i.start, i.stop, i.step) if isinstance(i, slice) else int(i) if i is not None else None for i in items
    )


@op(
    sample((4, 3), index=1),
    sample((4, 3), index=(slice(1, 3), None, -1)),
    sample((4, 3), index=(Ellipsis, slice(None, None, -2))),
    sample((4,), index=slice(2, 2)),
)
def getitem(x: Like, index: Any) -> Tensor:
    """``x[index]`` for integers, slices, ``...`` and ``None`` (a new axis)."""
    t = as_tensor(x)
    return GetItem(normalize_index(index, t))(t)


@dataclass(frozen=True)
class PutItem(Linear):
    """Zeros in the shape of the second input, with the first at ``index``: the transpose of ``getitem``."""

    index: tuple[Any, ...]
    name = "putitem"
    shape_only = (1,)

    def infer(self, g: TensorType, like: TensorType) -> TensorType:
        return g.with_shape(like.shape)

    def kernel(self, g: Array, like: Array, *, out: Array) -> None:
        out[...] = 0
        out[GetItem(self.index).key] = g

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor) -> Cotangents:
        return GetItem(self.index)(g), None


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
    """Tensors joined along ``axis``; a single sequence of tensors is allowed too."""
    items = xs[0] if len(xs) == 1 and isinstance(xs[0], list | tuple) else xs
    tensors = unify([as_tensor(x) for x in items])
    if not tensors or tensors[0].ndim == 0:
        raise ShapeError("concatenate: needs at least one tensor, of rank 1 or more")
    return Concatenate(normalize_axis(axis, tensors[0].ndim, "concatenate"))(*tensors)
