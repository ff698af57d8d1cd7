"""Pools: the largest or the mean of every window of (N, H, W, C).

Where the largest element of a window lies is an op of its own, without derivative; the gradient of a max pool scatters
to those positions and its second derivative gathers from them, both linear. At a tie the first position in row-major
order gets the whole cotangent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import distinct, op, sample
from ..types import Array, Shape, TensorType
from .base import Linear
from .logic import bits
from .program import Aligned, Call, program
from .reductions import max as largest
from .reductions import mean
from .slicing import expand_dims, squeeze
from .windows import Axis, Pads, Pair, Window, cut, one_axis, pair, taps, window, window1d

SHORT = 16  # taps of a window


@frozen
class Pool(Op):
    """What pools share: a window of a fixed size."""

    size: Pair
    window: Window

    def pooled(self, x: TensorType) -> Shape:
        """The shape of the result for inputs of type ``x``."""
        if x.dtype.kind != "f":
            raise DTypeError(f"{self.name}: needs a float dtype, got {x}")
        if x.rank != 4:
            raise ShapeError(f"{self.name}: needs (N, H, W, C), got {x.shape}")
        return (x.shape[0], *self.window.counts(x.shape[1:3], self.size), x.shape[3])

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(self.pooled(x))

    def kernel(self, *arrays: Array, out: Array) -> None:
        self.bind(arrays, out)()

    def axes(self, x: Array) -> tuple[Axis, Axis]:
        return self.window.axes(x.shape[1:3], self.size)

    @property
    def taps(self) -> int:
        return self.size[0] * self.size[1]

    def windows(self, x: Array) -> list[Array]:
        """For each tap the elements that it sees."""
        return [cut(x, seen) for _, seen in taps(*self.axes(x))]

    def short(self, x: Array) -> bool:
        """Whether one loop may read all taps at once: few of them, and every one serves every output."""
        return self.taps <= SHORT and self.whole(self.axes(x))

    def whole(self, axes: tuple[Axis, Axis]) -> bool:
        """Whether every tap serves every output, as is so without padding."""
        return not any(a.before or a.after for a in axes)


class MaxPool(Pool):
    name = "max_pool2d"

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (x,) = inputs
        axes = self.axes(x)
        places = list(taps(*axes))
        if self.whole(axes) and len(places) > 1:
            first, second, *rest = (cut(x, seen) for _, seen in places)
            calls: list[Call] = [partial(np.maximum, first, second, out=out)]
            return program(calls + [partial(np.maximum, out, other, out=out) for other in rest])
        calls = [partial(out.fill, -np.inf)]
        for where, seen in places:
            total = cut(out, where)
            calls.append(partial(np.maximum, total, cut(x, seen), out=total))
        return program(calls)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        return Aligned(self.windows(inputs[0]), [out]) if self.short(inputs[0]) else None

    def scalar(self, *values: Any) -> Any:
        first, *rest = values
        for x in rest:
            first = first.maximum(x)
        return [first]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (MaxScatter(self.size, self.window)(g, self.position(y, x), x),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        (dx,) = tangents
        return None if dx is None else MaxGather(self.size, self.window)(dx, self.position(y, x))

    def position(self, y: Tensor, x: Tensor) -> Tensor:
        return MaxPosition(self.size, self.window)(x, y)


class MaxPosition(Pool):
    """The first tap that has the largest element, counted down from the number of taps, so that 0 means none."""

    name = "max_pool2d_position"

    def infer(self, x: TensorType, y: TensorType) -> TensorType:  # type: ignore[override]
        return TensorType(self.pooled(x), np.min_scalar_type(self.taps))

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        x, y = inputs
        code = out.dtype.type
        hits = np.empty(y.shape, bool)
        marks = hits.view(np.uint8) if out.dtype == np.uint8 else np.empty(out.shape, out.dtype)
        calls: list[Call] = [partial(out.fill, 0)]
        for k, (where, seen) in enumerate(taps(*self.axes(x))):
            hit, mark, total = cut(hits, where), cut(marks, where), cut(out, where)
            calls.append(partial(np.equal, cut(x, seen), cut(y, where), hit))
            calls.append(partial(np.multiply, hit.view(np.uint8), code(self.taps - k), mark))
            calls.append(partial(np.maximum, total, mark, out=total))
        return program(calls)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        x, y = inputs
        return Aligned([y, *self.windows(x)], [out]) if self.short(x) else None

    def scalar(self, *values: Any) -> Any:
        y, *elements = values
        found = y.constant(0, np.dtype("uint8"))
        for k in reversed(range(self.taps)):
            found = elements[k].equals(y).choose(found.like(self.taps - k), found)
        return [found]

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return None, None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> None:
        return None


class MaxScatter(Pool, Linear):
    """Cotangents of outputs, added up at the positions of the largest inputs."""

    name = "max_pool2d_scatter"
    shape_only = (2,)

    def infer(self, g: TensorType, position: TensorType, like: TensorType) -> TensorType:  # type: ignore[override]
        return g.with_shape(like.shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        g, position, like = inputs
        axes = self.axes(like)
        disjoint = all(a.disjoint for a in axes)
        hits = np.empty(g.shape, bool)
        term = None if disjoint else np.empty(g.shape, g.dtype)
        calls = [] if covered(axes) else [partial(out.fill, 0)]
        for k, (where, seen) in enumerate(taps(*axes)):
            hit, total = cut(hits, where), cut(out, seen)
            calls.append(partial(np.equal, cut(position, where), position.dtype.type(self.taps - k), hit))
            part = total if term is None else cut(term, where)
            calls.append(partial(np.multiply, bits(cut(g, where)), hit, bits(part)))
            if term is not None:
                calls.append(partial(np.add, total, part, total))
        return program(calls)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        g, position, _ = inputs
        return Aligned([g, position], self.windows(out)) if covered(self.axes(out)) and self.short(out) else None

    def scalar(self, *values: Any) -> Any:
        g, position = values
        return [position.equals(self.taps - k).choose(g, 0.0) for k in range(self.taps)]

    def vjp(self, g: Tensor, y: Tensor, gy: Tensor, position: Tensor, like: Tensor) -> Cotangents:
        return MaxGather(self.size, self.window)(g, position), None, None


class MaxGather(Pool, Linear):
    """Elements of an input at the positions of the largest ones: the transpose of the scatter."""

    name = "max_pool2d_gather"

    def infer(self, x: TensorType, position: TensorType) -> TensorType:  # type: ignore[override]
        return x.with_shape(position.shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        x, position = inputs
        hits, term = np.empty(out.shape, bool), np.empty(out.shape, out.dtype)
        calls: list[Call] = [partial(out.fill, 0)]
        for k, (where, seen) in enumerate(taps(*self.axes(x))):
            hit, part, total = cut(hits, where), bits(cut(term, where)), bits(cut(out, where))
            calls.append(partial(np.equal, cut(position, where), position.dtype.type(self.taps - k), hit))
            calls.append(partial(np.multiply, bits(cut(x, seen)), hit, part))
            calls.append(partial(np.bitwise_or, total, part, total))  # at most one of them is not 0
        return program(calls)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, position: Tensor) -> Cotangents:
        return MaxScatter(self.size, self.window)(g, position, x), None


def covered(axes: tuple[Axis, Axis]) -> bool:
    """Whether windows side by side read every input exactly once."""
    return all(
        a.dilation == 1 and a.stride == a.size and a.count * a.stride == a.length + a.before + a.after for a in axes
    )


def shares(axes: tuple[Axis, Axis], dtype: Any) -> Array:
    """One over the number of elements in each window, padding not counted: (H', W', 1)."""
    sizes = []
    for a in axes:
        first = np.arange(a.count)[:, None] * a.stride - a.before + np.arange(a.size) * a.dilation
        sizes.append(((first >= 0) & (first < a.length)).sum(1))
    return (1.0 / np.maximum(np.multiply.outer(*sizes), 1)).astype(dtype)[:, :, None]  # type: ignore[no-any-return]


class AvgPool(Pool, Linear):
    """Means of windows."""

    name = "avg_pool2d"

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (x,) = inputs
        axes = self.axes(x)
        if self.whole(axes) and self.taps > 1:
            first, second, *rest = (cut(x, seen) for _, seen in taps(*axes))
            calls = [partial(np.add, first, second, out), *(partial(np.add, out, other, out) for other in rest)]
        else:
            calls = [partial(out.fill, 0)]
            for where, seen in taps(*axes):
                total = cut(out, where)
                calls.append(partial(np.add, total, cut(x, seen), total))
        share = out.dtype.type(1 / self.taps) if self.whole(axes) else shares(axes, out.dtype)
        return program([*calls, partial(np.multiply, out, share, out)])

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (AvgSpread(self.size, self.window)(g, x),)


class AvgSpread(Pool, Linear):
    """The transpose of the mean: each output divided among its window."""

    name = "avg_pool2d_spread"
    shape_only = (1,)

    def infer(self, g: TensorType, like: TensorType) -> TensorType:  # type: ignore[override]
        return g.with_shape(like.shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        g, like = inputs
        axes = self.axes(like)
        part = np.empty(g.shape, g.dtype)
        calls: list[Call] = [partial(np.multiply, g, shares(axes, g.dtype), part)]
        if covered(axes):
            places = taps(*axes)
            return program(calls + [partial(np.copyto, cut(out, seen), cut(part, where)) for where, seen in places])
        calls.append(partial(out.fill, 0))
        for where, seen in taps(*axes):
            total = cut(out, seen)
            calls.append(partial(np.add, total, cut(part, where), total))
        return program(calls)

    def vjp(self, g: Tensor, y: Tensor, gy: Tensor, like: Tensor) -> Cotangents:
        return AvgPool(self.size, self.window)(g), None


def pool(cls: type[Pool], x: Like, size: Any, place: Window) -> Tensor:
    """A pool over windows of ``size``; padding is never a whole window."""
    sizes = pair(size, cls.name, "size")
    if not isinstance(place.padding, str) and any(max(p) >= n for p, n in zip(place.padding, sizes, strict=True)):
        raise ShapeError(f"{cls.name}: padding {place.padding} must be smaller than the window {sizes}")
    return cls(sizes, place)(as_tensor(x))


def pool1d(cls: type[Pool], x: Like, size: Any, place: Window) -> Tensor:
    """A pool of sequences, as one of images of height 1."""
    t = as_tensor(x)
    if t.ndim != 3:
        raise ShapeError(f"{cls.name.replace('2', '1')}: needs (N, L, C), got {t.shape}")
    return squeeze(pool(cls, expand_dims(t, 1), one_axis(size, cls.name, "size"), place), 1)


@op(
    sample(distinct(2, 4, 6, 2)),
    sample(distinct(1, 5, 5, 2), size=(3, 2), strides=2),
    sample(distinct(1, 5, 4, 1), size=3, strides=2, padding="same"),
    sample(distinct(1, 5, 3, 2), size=2, strides=3, padding=1),
    sample((0, 4, 4, 1)),
)
def max_pool2d(x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid") -> Tensor:
    """Largest element of every window; at a tie the first one gets the cotangent.

    x (N, H, W, C); ``strides`` is the size unless given; padding as for conv2d, and never the largest.

    >>> x = ag.arange(16.0).reshape(1, 4, 4, 1)
    >>> print(ag.max_pool2d(x).eval().reshape(2, 2))
    [[ 5.  7.]
     [13. 15.]]
    """
    place = window(size if strides is None else strides, 1, padding, "max_pool2d")
    return pool(MaxPool, x, size, place)


@op(
    sample((2, 4, 6, 2)),
    sample((1, 5, 5, 2), size=(3, 2), strides=2),
    sample((1, 5, 4, 1), size=3, strides=2, padding="same"),
    sample((1, 5, 3, 2), size=2, strides=3, padding=1),
    sample((0, 4, 4, 1)),
)
def avg_pool2d(x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid") -> Tensor:
    """Mean of every window, padding not counted; arguments as for max_pool2d.

    >>> x = ag.arange(16.0).reshape(1, 4, 4, 1)
    >>> print(ag.avg_pool2d(x).eval().reshape(2, 2))
    [[ 2.5  4.5]
     [10.5 12.5]]
    """
    place = window(size if strides is None else strides, 1, padding, "avg_pool2d")
    return pool(AvgPool, x, size, place)


@op(sample(distinct(2, 6, 2)), sample(distinct(1, 5, 2), size=3, strides=2, padding="same"))
def max_pool1d(x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid") -> Tensor:
    """Largest element of every window of (N, L, C); otherwise as max_pool2d.

    >>> x = ag.arange(5.0).reshape(1, 5, 1)
    >>> print(ag.max_pool1d(x, size=3, strides=1).eval().ravel())
    [2. 3. 4.]
    """
    place = window1d(size if strides is None else strides, 1, padding, "max_pool1d")
    return pool1d(MaxPool, x, size, place)


@op(sample((2, 6, 2)), sample((1, 5, 2), size=3, strides=2, padding="same"))
def avg_pool1d(x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid") -> Tensor:
    """Mean of every window of (N, L, C), padding not counted; otherwise as max_pool2d.

    >>> x = ag.arange(5.0).reshape(1, 5, 1)
    >>> print(ag.avg_pool1d(x, size=3, strides=1, padding="same").eval().ravel())
    [0.5 1.  2.  3.  3.5]
    """
    place = window1d(size if strides is None else strides, 1, padding, "avg_pool1d")
    return pool1d(AvgPool, x, size, place)


def between(x: Like, name: str) -> tuple[Tensor, tuple[int, ...]]:
    """The tensor and its axes between the first and the last."""
    t = as_tensor(x)
    if t.ndim < 3:
        raise ShapeError(f"{name}: needs a batch axis, at least one axis to pool, and channels; got {t.shape}")
    return t, tuple(range(1, t.ndim - 1))


@op(sample(distinct(2, 3, 2, 2)), sample(distinct(2, 3, 2), keepdims=True))
def global_max_pool(x: Like, keepdims: bool = False) -> Tensor:
    """Largest element over all axes but the first and the last; elements that tie share the cotangent.

    >>> print(ag.global_max_pool(ag.arange(12.0).reshape(1, 2, 3, 2)).eval())
    [[10. 11.]]
    """
    t, axes = between(x, "global_max_pool")
    return largest(t, axes, keepdims)


@op(sample((2, 3, 2, 2)), sample((2, 3, 2), keepdims=True))
def global_avg_pool(x: Like, keepdims: bool = False) -> Tensor:
    """Mean over all axes but the first and the last.

    >>> print(ag.global_avg_pool(ag.arange(12.0).reshape(1, 2, 3, 2)).eval())
    [[5. 6.]]
    """
    t, axes = between(x, "global_avg_pool")
    return mean(t, axes, keepdims)
