"""Windows of images laid side by side, and added up again: im2col and col2im, transposes of each other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor
from ..table import op, sample
from ..types import Array, Shape, TensorType, static
from .base import Linear
from .pools import Pool
from .program import Call, program
from .unpooling import whole_lengths
from .wide import wide
from .windows import Axis, Pads, cut, pair, taps, window


class Unfold(Pool, Linear):
    """Every window in a row: (N, H, W, C) -> (N, windows, taps * C)."""

    name = "unfold"
    takes_padding = True

    def infer(self, x: TensorType) -> TensorType:
        batch, high, wide, channels = self.pooled(x)
        windows = None if high is None or wide is None else high * wide
        return x.with_shape((batch, windows, None if channels is None else self.taps * channels))

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (x,) = inputs
        axes = self.axes(x)
        rows = self.rows(out, axes, x.shape[3])
        calls: list[Call] = [] if self.whole(axes) else [partial(out.fill, 0)]
        for k, (where, seen) in enumerate(taps(*axes)):
            calls.append(partial(np.copyto, cut(rows[..., k, :], where), cut(x, seen)))
        return program(calls)

    def rows(self, x: Array, axes: tuple[Axis, Axis], channels: int) -> Array:
        """(N, windows, taps * C) as (N, H', W', taps, C)."""
        return x.reshape(len(x), axes[0].count, axes[1].count, self.taps, channels)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (Fold(self.size, self.window)(g, x),)


@frozen
class Fold(Unfold):
    """Rows added up where their windows lie, in these ``lengths``, or in the shape of a second input."""

    lengths: tuple[int, ...] | None = None
    name = "fold"
    shape_only = (1,)

    def infer(self, rows: TensorType, *like: TensorType) -> TensorType:
        if like:
            return rows.with_shape(like[0].shape)
        if rows.rank != 3:
            raise ShapeError(f"fold: needs (N, windows, taps * C), got {rows.shape}")
        width = rows.shape[2]
        if width is not None and width % self.taps:
            raise ShapeError(f"fold: rows of {rows.shape} do not divide into the {self.taps} taps of {self.size}")
        shape: Shape = (rows.shape[0], *(self.lengths or ()), None if width is None else width // self.taps)
        high, wide = (static(n) for n in self.window.counts(shape[1:3], self.size))
        if rows.shape[1] not in (None, high * wide):
            raise ShapeError(
                f"fold: {rows.shape} has {rows.shape[1]} windows, lengths {self.lengths} have {high} * {wide}"
            )
        return rows.with_shape(shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        axes = self.axes(out)
        counts = tuple(a.count for a in axes)
        if inputs[0].shape[1] != counts[0] * counts[1]:
            raise ShapeError(f"fold: {inputs[0].shape} has {inputs[0].shape[1]} windows, {out.shape} has {counts}")
        rows = self.rows(inputs[0], axes, out.shape[3])
        calls: list[Call] = [partial(out.fill, 0)]
        for k, (where, seen) in enumerate(taps(*axes)):
            total = cut(out, seen)
            calls.append(partial(np.add, total, cut(rows[..., k, :], where), total))
        return program(calls)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return (Unfold(self.size, self.window)(g), None)[: len(inputs)]


@op(
    sample((2, 4, 5, 2), size=2),
    sample((1, 5, 4, 2), size=(3, 2), strides=2, padding="same"),
    sample((1, 5, 6, 1), size=2, dilation=2, padding=((1, 0), (0, 2))),
)
def unfold(x: Like, size: Any, strides: Any = 1, padding: Pads = "valid", dilation: Any = 1) -> Tensor:
    """Every window of ``x`` (N, H, W, C) as a row: (N, H' * W', kh * kw * C), windows and taps in row-major order.

    ``unfold(x, (kh, kw)) @ w.reshape(-1, F)`` is ``conv2d(x, w)``, its places in one axis; padding is 0. It is also
    called im2col.

    >>> x = ag.arange(6.0).reshape(1, 2, 3, 1)
    >>> print(ag.unfold(x, 2).eval())
    [[[0. 1. 3. 4.]
      [1. 2. 4. 5.]]]
    """
    return Unfold(pair(size, "unfold", "size"), window(strides, dilation, padding, "unfold"))(as_tensor(x))


@op(
    sample((2, 12, 8), lengths=(4, 5), size=2),
    sample((1, 6, 12), lengths=(5, 4), size=(3, 2), strides=2, padding="same"),
    sample((1, 30, 4), lengths=(5, 6), size=2, dilation=2, padding=((1, 1), (0, 2))),
)
@wide
def fold(x: Like, lengths: Any, size: Any, strides: Any = 1, padding: Pads = "valid", dilation: Any = 1) -> Tensor:
    """Rows (N, H' * W', kh * kw * C), each added where its window lies in zeros (N, H, W, C): ``unfold`` transposed.

    ``lengths`` is (H, W). It is also called col2im; where windows overlap, it is not the inverse of ``unfold``.

    >>> x = ag.arange(6.0).reshape(1, 2, 3, 1)
    >>> print(ag.fold(ag.unfold(x, 2), (2, 3), 2).eval().reshape(2, 3))
    [[0. 2. 2.]
     [3. 8. 5.]]
    """
    sizes, place = pair(size, "fold", "size"), window(strides, dilation, padding, "fold")
    return Fold(sizes, place, whole_lengths(lengths, "fold", 2))(as_tensor(x))
