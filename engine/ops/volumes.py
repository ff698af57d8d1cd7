"""Convolutions and pools of volumes (N, D, H, W, C), made of those of images: planes first, then depth.

The taps of a convolution along the depth become channels of one convolution of planes, which reads them all in one
product. Pools of planes and of depth are one after the other. So derivatives, compiled loops and shards are those of
images. Lengths must be known when the graph is built, but for N.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Like, Tensor, as_tensor, unify
from ..table import distinct, integers, op, sample
from ..types import static
from .arrays import reshape, transpose
from .boxes import Box
from .convolution import Conv, check_channels, check_groups, transposed
from .elementwise import add_n
from .indexing import take_along_axis
from .joining import stack
from .pooling import AvgPool, pool
from .pools import MaxPool
from .repeating import Pad
from .unpooling import Unpool, indices_of, whole_lengths
from .wide import wide
from .windows import Pads, extra, positives


def volume(x: Like, op: str) -> Tensor:
    """A tensor (N, D, H, W, C) of known lengths, but for N."""
    t = as_tensor(x)
    if t.ndim != 5:
        raise ShapeError(f"{op}: needs (N, D, H, W, C), got {t.shape}")
    if 0 in t.shape[1:]:
        raise ShapeError(f"{op}: needs (N, D, H, W, C) with lengths of 1 or more behind N, got {t.shape}")
    if None in t.shape[1:]:
        raise ShapeError(f"{op}: needs (N, D, H, W, C) of which only N is unknown, got {t.shape}")
    return t


def joined(x: Tensor, *shape: int) -> Tensor:
    """``x`` in another shape, whose first length follows."""
    return reshape(x, (-1, *shape))


# Pools --------------------------------------------------------------------------------------------------------
def pool3d(cls: Any, x: Like, size: Any, box: Box, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The pool, that of planes which it is made of, and that of depth, (N, D', H' * W', C)."""
    t, sizes = volume(x, box.op), positives(size, 3, box.op, "size")
    d, h, w, c = map(static, t.shape[1:])
    axes = box.axes((d, h, w), sizes)
    if not isinstance(box.depth.padding, str):
        pads = (box.depth.padding[0], *box.plane.padding)
        most = [a.span // 2 if a.dilation > 1 else a.size - 1 for a in axes]
        if any(max(p) > n for p, n in zip(pads, most, strict=True)):
            raise ShapeError(f"{box.op}: padding {pads} must be smaller than the window {sizes}, half if it is dilated")
    planes = pool(cls, joined(t, h, w, c), sizes[1:], box.plane, *rest)
    places = axes[1].count * axes[2].count
    deep = pool(cls, joined(planes, d, places, c), (sizes[0], 1), box.depth, *rest)
    return joined(deep, *(a.count for a in axes), c), planes, deep


@op(
    sample(distinct(2, 2, 4, 2, 1)),
    sample(distinct(1, 3, 4, 5, 1), size=(2, 3, 2), strides=(1, 2, 2), padding=1),
    sample(distinct(1, 5, 3, 4, 1), size=2, strides=2, dilation=(2, 1, 1), padding=1, ceil_mode=True),
)
def max_pool3d(
    x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Largest element of every window of (N, D, H, W, C); otherwise as max_pool2d, with three numbers for two.

    >>> x = ag.arange(16.0).reshape(1, 2, 2, 4, 1)
    >>> print(ag.max_pool3d(x).eval().ravel())
    [13. 15.]
    """
    box = Box(size if strides is None else strides, dilation, padding, "max_pool3d", ceil_mode)
    return pool3d(MaxPool, x, size, box)[0]


@op(
    sample(distinct(2, 2, 4, 2, 1)),
    sample(distinct(1, 3, 4, 5, 1), size=(2, 3, 2), strides=(1, 2, 2), padding=1),
    differentiable=False,
)
def max_pool3d_indices(
    x: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """Where ``max_pool3d`` of the same arguments finds its elements: (depth * H + row) * W + column; int64.

    >>> x = ag.arange(16.0).reshape(1, 2, 2, 4, 1)
    >>> print(ag.max_pool3d_indices(x).eval().ravel())
    [13 15]
    """
    box = Box(size if strides is None else strides, dilation, padding, "max_pool3d_indices", ceil_mode)
    y, planes, deep = pool3d(MaxPool, x, size, box)
    d, h, w, c = map(static, as_tensor(x).shape[1:])
    places = static(deep.shape[2])
    depth = indices_of(deep) // places
    inside = take_along_axis(joined(indices_of(planes), d, places, c), depth, axis=1)
    return joined(depth * (h * w) + inside, *map(static, y.shape[1:]))


@op(
    sample((1, 1, 2, 2, 2), integers(1, 1, 2, 2, 2, high=32)),
    sample((2, 1, 2, 1, 1), integers(2, 1, 2, 1, 1, high=12), lengths=(2, 3, 2)),
)
def max_unpool3d(
    x: Like, indices: Like, size: Any = 2, strides: Any = None, padding: Pads = "valid", lengths: Any = None
) -> Tensor:
    """Zeros (N, D, H, W, C) with the elements ``x`` at ``indices``, which ``max_pool3d_indices`` gives.

    As max_unpool2d; ``lengths`` is (D, H, W).

    >>> x = ag.arange(8.0).reshape(1, 2, 2, 2, 1)
    >>> print(ag.max_unpool3d(ag.max_pool3d(x), ag.max_pool3d_indices(x)).eval().ravel())
    [0. 0. 0. 0. 0. 0. 0. 7.]
    """
    name = "max_unpool3d"
    t = volume(x, name)
    if lengths is not None:
        return Unpool(whole_lengths(lengths, name, 3))(t, indices)
    box, sizes = Box(size if strides is None else strides, 1, padding, name), positives(size, 3, name, "size")
    return Unpool(enlarged(t, box, sizes))(t, indices)


def enlarged(t: Tensor, box: Box, sizes: tuple[int, ...]) -> tuple[int, int, int]:
    """The shortest lengths of which a window makes those of ``t``."""
    deep, _ = box.depth.lengths((t.shape[1], 1), (sizes[0], 1))
    high, wide = box.plane.lengths(t.shape[2:4], sizes[1:])
    return static(deep), static(high), static(wide)


@op(
    sample((2, 2, 4, 2, 1)),
    sample((1, 3, 4, 5, 1), size=(2, 3, 2), strides=(1, 2, 2), padding=1, count_include_pad=True),
    sample((1, 5, 3, 4, 1), size=2, strides=2, padding=1, ceil_mode=True),
)
@wide
def avg_pool3d(
    x: Like,
    size: Any = 2,
    strides: Any = None,
    padding: Pads = "valid",
    ceil_mode: bool = False,
    count_include_pad: bool = False,
) -> Tensor:
    """Mean of every window of (N, D, H, W, C); otherwise as avg_pool2d, with three numbers for two.

    >>> x = ag.arange(16.0).reshape(1, 2, 2, 4, 1)
    >>> print(ag.avg_pool3d(x).eval().ravel())
    [6.5 8.5]
    """
    box = Box(size if strides is None else strides, 1, padding, "avg_pool3d", ceil_mode)
    return pool3d(AvgPool, x, size, box, bool(count_include_pad))[0]


# Convolutions -------------------------------------------------------------------------------------------------
def arguments(x: Like, w: Like, groups: int, name: str, transposed: bool = False) -> tuple[Tensor, Tensor]:
    """Volumes and weights (kd, kh, kw, C / groups, F) that fit."""
    a, b = unify([as_tensor(x), as_tensor(w)])
    a = volume(a, name)
    if b.ndim != 5 or not b.type.known or 0 in b.shape:
        raise ShapeError(f"{name}: needs weights (kd, kh, kw, C / groups, F) of known lengths, got {b.shape}")
    check_groups(groups, name)
    check_channels(name, a.shape, b.shape, groups, transposed)
    return a, b


def flat_weights(w: Tensor) -> Tensor:
    """(kd, kh, kw, C, F) as (kh, kw, kd * C, F)."""
    kd, kh, kw, c, f = map(static, w.shape)
    return reshape(transpose(w, (1, 2, 0, 3, 4)), (kh, kw, kd * c, f))


@op(
    sample((1, 3, 3, 4, 2), (2, 2, 3, 2, 2)),
    sample((1, 4, 3, 5, 2), (3, 2, 2, 1, 2), strides=2, padding="same", groups=2),
    sample((1, 4, 3, 2, 1), (2, 2, 1, 1, 2), dilation=(2, 1, 1), padding=((1, 0), (0, 1), (0, 0))),
)
@wide
def conv3d(
    x: Like, w: Like, *, strides: Any = 1, padding: Pads = "valid", dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Three-dimensional convolution: x (N, D, H, W, C), w (kd, kh, kw, C / groups, F), result (N, D', H', W', F).

    Arguments as for conv2d, with three numbers for two. It holds the input kd times while it runs.

    >>> volumes, windows = ag.zeros((10, 8, 28, 28, 1)), ag.zeros((3, 5, 5, 1, 32))
    >>> print(ag.conv3d(volumes, windows, padding="same", strides=(1, 2, 2)).shape)
    (10, 8, 14, 14, 32)
    """
    name = "conv3d"
    a, b = arguments(x, w, groups, name)
    box = Box(strides, dilation, padding, name)
    d, h, w_, c = map(static, a.shape[1:])
    kd = static(b.shape[0])
    axes = box.axes((d, h, w_), tuple(map(static, b.shape[:3])))
    deep = axes[0]
    a = Pad(((0, 0), (deep.before, deep.after), (0, 0), (0, 0), (0, 0)), 0).simplest(a)
    a = joined(a, d + deep.before + deep.after, h, w_, groups, c // groups)
    reach = (deep.count - 1) * deep.stride + 1
    starts = [k * deep.dilation for k in range(kd)]
    taps = stack(*(a[:, s : s + reach : deep.stride] for s in starts), axis=5)
    y = Conv(box.plane, int(groups))(joined(taps, h, w_, kd * c), flat_weights(b))
    return joined(y, *(axis.count for axis in axes), static(b.shape[4]))


@op(
    sample((1, 2, 2, 3, 2), (2, 2, 2, 1, 2)),
    sample((1, 2, 2, 3, 2), (3, 2, 2, 1, 2), strides=2, padding="same", groups=2),
    sample((1, 3, 2, 2, 1), (3, 2, 3, 1, 1), strides=(2, 2, 3), padding=1, output_padding=(1, 0, 2)),
    sample((1, 2, 2, 2, 2), (2, 2, 1, 1, 2), dilation=(2, 1, 1), padding=((1, 0), (0, 1), (0, 0))),
)
@wide
def conv3d_transpose(
    x: Like,
    w: Like,
    *,
    strides: Any = 1,
    padding: Pads = "valid",
    dilation: Any = 1,
    groups: int = 1,
    output_padding: Any = 0,
) -> Tensor:
    """The transpose of conv3d with the same arguments: x (N, D, H, W, F), w (kd, kh, kw, C / groups, F).

    The result is (N, D', H', W', C), with lengths as for conv2d_transpose.

    >>> volumes, windows = ag.zeros((10, 4, 14, 14, 32)), ag.zeros((2, 2, 2, 1, 32))
    >>> print(ag.conv3d_transpose(volumes, windows, strides=2).shape)
    (10, 8, 28, 28, 1)
    """
    name = "conv3d_transpose"
    a, b = arguments(x, w, groups, name, transposed=True)
    box = Box(strides, dilation, padding, name)
    kd, kh, kw, inner, f = map(static, b.shape)
    n, high, wide_, _ = map(static, a.shape[1:])
    more = extra(output_padding, box.strides, padding, name)
    lengths = tuple(map(int, np.add(enlarged(a, box, (kd, kh, kw)), more)))
    deep, rows, columns = box.axes(lengths, (kd, kh, kw))
    planes = transposed(joined(a, high, wide_, f), flat_weights(b), box.plane, int(groups), name, more[1:])
    taps = joined(planes, n, rows.length, columns.length, groups, kd, inner)
    parts = []
    for k in range(kd):
        part = joined(taps[..., k, :], n, 1, rows.length, columns.length, groups * inner)
        gaps = ((0, 0), (0, 0), (0, deep.stride - 1), (0, 0), (0, 0), (0, 0))
        part = joined(Pad(gaps, 0).simplest(part), n * deep.stride, rows.length, columns.length, groups * inner)
        first = k * deep.dilation - deep.before
        around = ((0, 0), (first, deep.length - first - n * deep.stride), (0, 0), (0, 0), (0, 0))
        parts.append(Pad(around, 0).simplest(part))
    return add_n(*parts)
