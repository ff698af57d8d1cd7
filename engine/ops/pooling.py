"""Pools: the largest or the mean of every window of (N, H, W, C)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor
from ..table import distinct, op, sample
from ..types import Array, TensorType
from .base import Linear
from .pools import MaxPool, Pool, covered
from .program import Aligned, Call, program
from .reductions import max as largest
from .reductions import mean
from .slicing import expand_dims, squeeze
from .wide import wide
from .windows import Axis, Pads, Window, cut, of_sequences, one_axis, pair, taps, window, window1d


def shares(window: Window, axes: tuple[Axis, Axis], counted: bool, dtype: Any) -> Array:
    """One over the number of elements in each window, (H', W', 1); padding is among them where it is ``counted``."""
    sizes = []
    for i, a in enumerate(axes):
        inside = a.inside()
        if counted:  # but not what lies behind the padding, where the last window begins late
            pad = window.padding
            after = pad[i][1] if not isinstance(pad, str) else a.after if pad == "same" else 0
            inside = Axis(a.size, a.stride, 1, 0, 0, a.before + a.length + after, a.count).inside()
        sizes.append(inside.sum(1))
    return (1.0 / np.maximum(np.multiply.outer(*sizes), 1)).astype(dtype)[:, :, None]  # type: ignore[no-any-return]


@frozen
class AvgPool(Pool, Linear):
    """Means of windows, in which padding is ``counted`` as zeros or not at all."""

    counted: bool = False
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
        share = (
            out.dtype.type(1 / self.taps) if self.whole(axes) else shares(self.window, axes, self.counted, out.dtype)
        )
        return program([*calls, partial(np.multiply, out, share, out)])

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        return Aligned(self.windows(inputs[0]), [out]) if self.short(inputs[0]) else None

    def scalar(self, *values: Any) -> Any:
        total, *rest = values
        for x in rest:
            total = total + x
        return [total * (1 / self.taps)]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (AvgSpread(self.size, self.window, self.counted)(g, x),)


@frozen
class AvgSpread(Pool, Linear):
    """The transpose of the mean: each output divided among its window."""

    counted: bool = False
    name = "avg_pool2d_spread"
    shape_only = (1,)

    def infer(self, g: TensorType, like: TensorType) -> TensorType:  # type: ignore[override]
        return g.with_shape(like.shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        g, like = inputs
        axes = self.axes(like)
        part = np.empty(g.shape, g.dtype)
        calls: list[Call] = [partial(np.multiply, g, shares(self.window, axes, self.counted, g.dtype), part)]
        if covered(axes):
            places = taps(*axes)
            return program(calls + [partial(np.copyto, cut(out, seen), cut(part, where)) for where, seen in places])
        calls.append(partial(out.fill, 0))
        for where, seen in taps(*axes):
            total = cut(out, seen)
            calls.append(partial(np.add, total, cut(part, where), total))
        return program(calls)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        return Aligned([inputs[0]], self.windows(out)) if covered(self.axes(out)) and self.short(out) else None

    def scalar(self, *values: Any) -> Any:
        return [values[0] * (1 / self.taps)] * self.taps

    def vjp(self, g: Tensor, y: Tensor, gy: Tensor, like: Tensor) -> Cotangents:
        return AvgPool(self.size, self.window, self.counted)(g), None


def pool(cls: type[Pool], x: Like, size: Any, place: Window, *rest: Any) -> Tensor:
    """A pool over windows of ``size``; padding is never a whole window, nor half of a dilated one."""
    sizes = pair(size, cls.name, "size")
    spans = [(n - 1) * d + 1 for n, d in zip(sizes, place.dilation, strict=True)]
    most = [n - 1 if d == 1 else n // 2 for n, d in zip(spans, place.dilation, strict=True)]
    if not isinstance(place.padding, str) and any(max(p) > n for p, n in zip(place.padding, most, strict=True)):
        if place.dilation == (1, 1):
            raise ShapeError(f"{cls.name}: padding {place.padding} must be smaller than the window {sizes}")
        raise ShapeError(f"{cls.name}: padding {place.padding} is more than half of what windows span, {tuple(spans)}")
    return cls(sizes, place, *rest)(as_tensor(x))


def pool1d(cls: type[Pool], x: Like, size: Any, place: Window, *rest: Any) -> Tensor:
    """A pool of sequences, as one of images of height 1."""
    t, name = as_tensor(x), cls.name.replace("2", "1")
    if t.ndim != 3:
        raise ShapeError(f"{name}: needs (N, L, C), got {t.shape}")
    with of_sequences(name):
        return squeeze(pool(cls, expand_dims(t, 1), one_axis(size, name, "size"), place, *rest), 1)


@op(
    sample(distinct(2, 4, 6, 2)),
    sample(distinct(1, 5, 5, 2), size=(3, 2), strides=2),
    sample(distinct(1, 5, 4, 1), size=3, strides=2, padding="same"),
    sample(distinct(1, 5, 3, 2), size=2, strides=3, padding=1),
    sample(distinct(1, 6, 5, 1), strides=2, padding=1, dilation=(2, 1), ceil_mode=True),
    sample((0, 4, 4, 1)),
)
def max_pool2d(
    x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Largest element of every window; at a tie the first one gets the cotangent.

    x (N, H, W, C); ``strides`` is the size unless given; padding as for conv2d, and never the largest. With
    ``ceil_mode`` what is left over at the end, less than a stride, is a window too.

    >>> x = ag.arange(16.0).reshape(1, 4, 4, 1)
    >>> print(ag.max_pool2d(x).eval().reshape(2, 2))
    [[ 5.  7.]
     [13. 15.]]
    """
    place = window(size if strides is None else strides, dilation, padding, "max_pool2d", ceil_mode)
    return pool(MaxPool, x, size, place)


@op(
    sample((2, 4, 6, 2)),
    sample((1, 5, 5, 2), size=(3, 2), strides=2),
    sample((1, 5, 4, 1), size=3, strides=2, padding="same"),
    sample((1, 5, 3, 2), size=2, strides=3, padding=1),
    sample((1, 5, 6, 1), size=3, strides=2, padding=1, ceil_mode=True, count_include_pad=True),
    sample((0, 4, 4, 1)),
)
@wide
def avg_pool2d(
    x: Like,
    size: Any = 2,
    strides: Any = None,
    padding: Pads = "valid",
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Tensor:
    """Mean of every window; arguments as for max_pool2d.

    Padding is not counted, or with ``count_include_pad`` as zeros.

    >>> x = ag.arange(16.0).reshape(1, 4, 4, 1)
    >>> print(ag.avg_pool2d(x).eval().reshape(2, 2))
    [[ 2.5  4.5]
     [10.5 12.5]]
    """
    place = window(size if strides is None else strides, 1, padding, "avg_pool2d", ceil_mode)
    return pool(AvgPool, x, size, place, bool(count_include_pad))


@op(
    sample(distinct(2, 6, 2)),
    sample(distinct(1, 5, 2), size=3, strides=2, padding="same"),
    sample(distinct(1, 6, 2), strides=2, padding=1, dilation=2, ceil_mode=True),
)
def max_pool1d(
    x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Largest element of every window of (N, L, C); otherwise as max_pool2d.

    >>> x = ag.arange(5.0).reshape(1, 5, 1)
    >>> print(ag.max_pool1d(x, size=3, strides=1).eval().ravel())
    [2. 3. 4.]
    """
    place = window1d(size if strides is None else strides, dilation, padding, "max_pool1d", ceil_mode)
    return pool1d(MaxPool, x, size, place)


@op(
    sample((2, 6, 2)),
    sample((1, 5, 2), size=3, strides=2, padding="same"),
    sample((1, 6, 2), size=3, strides=2, padding=1, ceil_mode=True, count_include_pad=True),
)
@wide
def avg_pool1d(
    x: Like,
    size: Any = 2,
    strides: Any = None,
    padding: Pads = "valid",
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Tensor:
    """Mean of every window of (N, L, C); otherwise as avg_pool2d.

    >>> x = ag.arange(5.0).reshape(1, 5, 1)
    >>> print(ag.avg_pool1d(x, size=3, strides=1, padding="same").eval().ravel())
    [0.5 1.  2.  3.  3.5]
    """
    place = window1d(size if strides is None else strides, 1, padding, "avg_pool1d", ceil_mode)
    return pool1d(AvgPool, x, size, place, bool(count_include_pad))


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
@wide
def global_avg_pool(x: Like, keepdims: bool = False) -> Tensor:
    """Mean over all axes but the first and the last.

    >>> print(ag.global_avg_pool(ag.arange(12.0).reshape(1, 2, 3, 2)).eval())
    [[5. 6.]]
    """
    t, axes = between(x, "global_avg_pool")
    return mean(t, axes, keepdims)
