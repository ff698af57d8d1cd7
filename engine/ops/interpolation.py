"""Signals, images and volumes in another size, axis by axis; channels come last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, constant
from ..table import distinct, op, sample
from ..types import Array, TensorType
from .axis_maps import MODES, AxisMap, Resampling, parts
from .indexing import take, take_along_axis
from .reductions import argmax
from .slicing import expand_dims, squeeze
from .wide import wide
from .windows import each, is_int

OTHER_MODES = {"bilinear": "linear", "trilinear": "linear", "bicubic": "cubic"}


def spatial(x: Like, name: str) -> Tensor:
    """A tensor with a batch axis, one axis or more in the middle, and channels."""
    t = as_tensor(x)
    if t.ndim < 3:
        raise ShapeError(f"{name}: needs (N, ..., C) with at least one axis between, got {t.shape}")
    return t


def each_axis(value: Any, t: Tensor, name: str, what: str, whole: bool) -> tuple[Any, ...]:
    """A positive number for each axis in the middle; one counts for all."""
    found = each(value, t.ndim - 2)
    good = [is_int(v, 1) if whole else is_positive(v) for v in found]
    if len(found) != t.ndim - 2 or not all(good):
        kind = "a positive integer" if whole else "a positive number"
        raise ShapeError(f"{name}: {what} is {kind}, or one for each of {t.ndim - 2} axes of {t.shape}, got {value!r}")
    return tuple(int(v) if whole else float(v) for v in found)


def is_positive(value: Any) -> bool:
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return number and bool(0 < value < np.inf)


def resampled(t: Tensor, rules: Sequence[Resampling], name: str) -> Tensor:
    for axis, rule in enumerate(rules, start=1):
        t = AxisMap(axis, rule, name).simplest(t)
    return t


@op(
    sample((2, 3, 4, 2), size=(5, 3), mode="linear"),
    sample((1, 4, 2), scale=2.5, mode="nearest"),
    sample((1, 5, 2), scale=0.6, mode="nearest-exact"),
    sample((1, 3, 4, 1), scale=(2, 0.5), mode="cubic"),
    sample((1, 3, 2, 4, 1), size=(2, 4, 3), mode="linear", align_corners=True),
    sample((1, 4, 3, 1), size=6, mode="cubic", align_corners=True),
    sample((1, 7, 6, 1), size=(3, 8), mode="linear", antialias=True),
    sample((1, 9, 1), size=4, mode="cubic", antialias=True),
    sample((1, 7, 3, 1), size=(3, 5), mode="area"),
)
@wide
def interpolate(
    x: Like,
    size: Any = None,
    scale: Any = None,
    mode: str = "nearest",
    align_corners: bool = False,
    antialias: bool = False,
) -> Tensor:
    """``x`` (N, ..., C) in another size along the axes in the middle: (N, L, C), (N, H, W, C), (N, D, H, W, C).

    ``size`` is the new length, ``scale`` the factor (the length is rounded down), one for all axes or one for each.
    ``mode`` is "nearest" (place floor(i * step)), "nearest-exact" (floor((i + 1/2) * step)), "linear", "cubic" (Keys,
    1981, with a = -0.75) or "area" (means). Places are the middles of pixels, or with ``align_corners`` the first
    and the last lie on each other. ``antialias``, for "linear" and "cubic" (then a = -0.5), widens the kernel where
    the result is smaller.

    Each axis is a linear map, of which the gradient is the transpose. Values are PyTorch's, to rounding, but where a
    ``scale`` other than 1 leaves all lengths as they are (or "nearest" one, or doubles it): the step is 1 / scale here,
    and 1 (or 1/2) there.

    >>> x = ag.constant([1.0, 3.0, 2.0]).reshape(1, 3, 1)
    >>> print(ag.interpolate(x, 5).eval().ravel(), ag.interpolate(x, scale=2, mode="linear").eval().ravel())
    [1. 1. 3. 3. 2.] [1.   1.5  2.5  2.75 2.25 2.  ]
    >>> print(ag.interpolate(x, 5, mode="linear", align_corners=True).eval().ravel())
    [1.  2.  3.  2.5 2. ]
    """
    name = "interpolate"
    t = spatial(x, name)
    if mode not in MODES:
        hint = f"; write {OTHER_MODES[mode]!r}, in any number of axes" if mode in OTHER_MODES else ""
        raise ShapeError(f"{name}: mode is {', '.join(MODES)}; got {mode!r}{hint}")
    if mode not in ("linear", "cubic") and (align_corners or antialias):
        raise ShapeError(f"{name}: align_corners and antialias are for modes 'linear' and 'cubic', got {mode!r}")
    if align_corners and antialias:
        raise ShapeError(f"{name}: antialias is for middles of pixels, so without align_corners")
    if (size is None) == (scale is None):
        raise ShapeError(f"{name}: expected size or scale, got {'neither' if size is None else 'both'}")
    if size is not None:
        lengths = each_axis(size, t, name, "size", whole=True)
        rules = [Resampling(mode, n, None, bool(align_corners), bool(antialias)) for n in lengths]
    else:
        factors = each_axis(scale, t, name, "scale", whole=False)
        rules = [Resampling(mode, None, f, bool(align_corners), bool(antialias)) for f in factors]
    return resampled(t, rules, name)


@op(sample((2, 5, 4, 2), size=(2, 3)), sample((1, 7, 2), size=3), sample((1, 2, 3, 4, 1), size=(1, 2, 3)))
@wide
def adaptive_avg_pool(x: Like, size: Any) -> Tensor:
    """Means of ``size`` parts of each axis in the middle of ``x`` (N, ..., C), whatever its length.

    Part i of n over a length L begins at floor(i L / n) and ends at ceil((i + 1) L / n).

    >>> print(ag.adaptive_avg_pool(ag.arange(5.0).reshape(1, 5, 1), 2).eval().ravel())
    [1. 3.]
    """
    name = "adaptive_avg_pool"
    t = spatial(x, name)
    return resampled(t, [Resampling("area", n, None) for n in each_axis(size, t, name, "size", whole=True)], name)


@frozen
class Parts(Op):
    """The places of each of ``size`` parts of an axis, (size, most), the last repeated where a part has fewer."""

    axis: int
    size: int
    name = "adaptive_max_pool"
    shape_only = (0,)

    def infer(self, x: TensorType) -> TensorType:
        n = x.shape[self.axis]
        if n == 0:
            raise ShapeError(f"{self.name}: axis {self.axis} of {x.shape} has no elements")
        first, last = parts(n or 1, self.size)
        return TensorType((self.size, None if n is None else int((last - first).max())), np.dtype("int64"))

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = self.table(x.shape[self.axis])

    def table(self, length: int) -> Array:
        first, last = parts(length, self.size)
        return np.minimum(first[:, None] + np.arange(int((last - first).max())), last[:, None] - 1)  # type: ignore[no-any-return]

    def simplify(self, x: Tensor) -> Tensor | None:
        n = x.shape[self.axis]
        return constant(self.table(n)) if n else None

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


@op(
    sample(distinct(2, 5, 4, 2), size=(2, 3)),
    sample(distinct(1, 7, 2), size=3),
    sample(distinct(1, 2, 3, 4, 1), size=(1, 2, 3)),
)
def adaptive_max_pool(x: Like, size: Any) -> Tensor:
    """Largest elements of ``size`` parts of each axis in the middle of ``x``, parted as for adaptive_avg_pool.

    At a tie the first one gets the cotangent.

    >>> print(ag.adaptive_max_pool(ag.arange(5.0).reshape(1, 5, 1), 2).eval().ravel())
    [2. 4.]
    """
    name = "adaptive_max_pool"
    t = spatial(x, name)
    lengths = each_axis(size, t, name, "size", whole=True)
    for axis in range(t.ndim - 2, 0, -1):  # the last first, so that the first of a tie is that of row-major order
        seen = take(t, Parts(axis, lengths[axis - 1]).simplest(t), axis)
        at = expand_dims(argmax(seen, axis + 1), axis + 1)
        t = squeeze(take_along_axis(seen, at, axis + 1), axis + 1)
    return t
