"""Convolutions of (N, H, W, channels) with weights (kh, kw, channels / groups, outputs).

Channels come last because a row of a patch is then one run of memory. "Convolution" means correlation, as everywhere
in networks: the window is not flipped. The convolution, its gradient in the input and its gradient in the weights are
three products of the same three kinds of arrays; the derivatives of each are the other two, to any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, constant, unify
from ..table import op, sample
from ..types import Array, Shape, TensorType, fits
from . import patches
from .program import Call
from .slicing import expand_dims, squeeze
from .wide import wide
from .windows import Axis, Pads, Window, extra, is_int, of_sequences, window, window1d


@frozen
class Product(Op):
    """What the three have in common: they are linear in their first input and in their second."""

    window: Window
    groups: int

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        (da, db), (a, b, *like) = tangents[:2], inputs
        left = None if da is None else self(da, b, *like)
        right = None if db is None else self(a, db, *like)
        return left if right is None else right if left is None else left + right

    def axes(self, x: Array, w: Array) -> tuple[Axis, Axis]:
        return self.window.axes(x.shape[1:3], w.shape[:2])

    def check(self, x: Shape, w: Shape, y: Shape) -> None:
        """Whether channels of input, weights and output fit together; lengths are checked where they are computed."""
        outputs = w[3]
        if 0 in (w[0], w[1], outputs):
            what = "no filters" if outputs == 0 else "an empty window"
            raise ShapeError(f"{self.name}: expected weights of at least one row, column and filter, found {what}: {w}")
        check_channels(self.name, x, w, self.groups)
        if y[3] is not None and outputs is not None and y[3] != outputs:
            raise ShapeError(f"{self.name}: {y} has {y[3]} channels, weights {w} give {outputs}")
        expected = (x[0], *self.window.counts(x[1:3], w[:2]))
        if not fits(expected, y[:3]):
            raise ShapeError(f"{self.name}: outputs {y} do not belong to inputs {x}: expected {(*expected, outputs)}")


def check_channels(name: str, x: Shape, w: Shape, groups: int, transposed: bool = False) -> None:
    """Whether an input (..., C), or (..., F) of a transposed convolution, fits weights (..., C / groups, F)."""
    *_, inner, outputs = w
    taken, hint = outputs, ""
    if not transposed:
        taken = None if inner is None else inner * groups
        hint = f" ({groups} groups of {inner})" if groups > 1 else ""
    if None not in (x[-1], taken) and x[-1] != taken:
        raise ShapeError(f"{name}: the input {x} has {x[-1]} channels, weights {w} take {taken}{hint}")
    if outputs is not None and outputs % groups:
        raise ShapeError(f"{name}: {outputs} outputs do not divide into {groups} groups")


def check_groups(groups: int, name: str) -> None:
    if not is_int(groups, 1):
        raise ShapeError(f"{name}: groups is a positive integer, got {groups!r}")


def result_type(name: str, shape: Shape, a: TensorType, b: TensorType) -> TensorType:
    """The type of a product of float images and float weights."""
    for t in (a, b):
        if t.dtype.kind != "f":
            raise DTypeError(f"{name}: needs float dtypes, got {a} and {b}")
        if t.rank != 4:
            raise ShapeError(f"{name}: needs (N, H, W, channels) and (kh, kw, channels, outputs), got {a} and {b}")
    return TensorType(shape, np.result_type(a.dtype, b.dtype))


class Conv(Product):
    """Inputs and weights -> outputs."""

    name = "conv2d"

    def infer(self, x: TensorType, w: TensorType) -> TensorType:
        result = result_type(self.name, (), x, w)
        shape = (x.shape[0], *self.window.counts(x.shape[1:3], w.shape[:2]), w.shape[3])
        self.check(x.shape, w.shape, shape)
        return result.with_shape(shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        x, w = inputs
        return patches.forward(x, w, self.axes(x, w), self.groups, out)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, w: Tensor) -> Cotangents:
        return ConvInputGrad(self.window, self.groups)(g, w, x), ConvWeightGrad(self.window, self.groups)(x, g, w)


class ConvInputGrad(Product):
    """Outputs and weights -> inputs, in the shape of a third tensor: the transposed convolution."""

    name = "conv2d_input_grad"
    shape_only = (2,)

    def infer(self, g: TensorType, w: TensorType, like: TensorType) -> TensorType:
        result = result_type(self.name, like.shape, g, w)
        self.check(like.shape, w.shape, g.shape)
        return result

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        g, w, like = inputs
        return patches.input_grad(g, w, self.axes(like, w), self.groups, out)

    def vjp(self, g: Tensor, y: Tensor, gy: Tensor, w: Tensor, like: Tensor) -> Cotangents:
        return Conv(self.window, self.groups)(g, w), ConvWeightGrad(self.window, self.groups)(g, gy, w), None


class ConvWeightGrad(Product):
    """Inputs and outputs -> weights, in the shape of a third tensor."""

    name = "conv2d_weight_grad"
    shape_only = (2,)

    def infer(self, x: TensorType, g: TensorType, like: TensorType) -> TensorType:
        result = result_type(self.name, like.shape, x, g)
        self.check(x.shape, like.shape, g.shape)
        return result

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        x, g, like = inputs
        return patches.weight_grad(x, g, self.axes(x, like), self.groups, out)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, gy: Tensor, like: Tensor) -> Cotangents:
        return ConvInputGrad(self.window, self.groups)(gy, g, x), Conv(self.window, self.groups)(x, g), None


@frozen
class Transposed(Op):
    """A tensor that only has a shape: that of the input from which a convolution makes the first input.

    Of several such, the shortest, and ``extra`` behind it.
    """

    window: Window
    groups: int
    extra: tuple[int, ...] = (0, 0)
    name = "conv2d_transpose"
    shape_only = (0, 1)

    def infer(self, y: TensorType, w: TensorType) -> TensorType:
        result = result_type(self.name, (), y, w)
        inner = w.shape[2]
        shortest = self.window.lengths(y.shape[1:3], w.shape[:2])
        lengths = [None if n is None else n + more for n, more in zip(shortest, self.extra, strict=True)]
        return result.with_shape((y.shape[0], *lengths, None if inner is None else inner * self.groups))

    def kernel(self, y: Array, w: Array, *, out: Array) -> None:
        out.fill(0)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return None, None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> None:
        return None

    def simplify(self, y: Tensor, w: Tensor) -> Tensor | None:
        t = self.infer(y.type, w.type)
        return constant(np.broadcast_to(np.zeros((), t.dtype), t.shape)) if t.known else None  # type: ignore[arg-type]


def arguments(x: Like, w: Like, groups: int, rank: int, name: str) -> list[Tensor]:
    """Both tensors, of the rank that the public function takes."""
    tensors = unify([as_tensor(x), as_tensor(w)])
    if any(t.ndim != rank for t in tensors):
        axes = "(N, H, W, C) and weights (kh, kw, C / groups, F)" if rank == 4 else "(N, L, C), (k, C / groups, F)"
        raise ShapeError(f"{name}: needs {axes}, got {tensors[0].shape} and {tensors[1].shape}")
    check_groups(groups, name)
    return tensors


@op(
    sample((2, 5, 4, 2), (3, 2, 2, 3)),
    sample((1, 5, 6, 2), (3, 3, 2, 2), strides=2, padding="same"),
    sample((1, 6, 5, 1), (2, 2, 1, 2), dilation=2, padding=((1, 0), (0, 2))),
    sample((1, 4, 4, 4), (2, 2, 2, 6), groups=2, padding=1),
    sample((1, 4, 4, 3), (3, 3, 1, 3), groups=3, padding="same"),
    sample((1, 3, 4, 2), (2, 2, 1, 4), groups=2),
    sample((2, 3, 3, 2), (1, 1, 2, 3)),
    sample((0, 3, 3, 1), (2, 2, 1, 1)),
)
@wide
def conv2d(
    x: Like, w: Like, *, strides: Any = 1, padding: Pads = "valid", dilation: Any = 1, groups: int = 1
) -> Tensor:
    """Two-dimensional convolution, without flipping the window.

    x (N, H, W, C), w (kh, kw, C / groups, F), result (N, H', W', F). ``padding`` is "valid", "same" (H' = H / stride,
    rounded up; an odd zero goes behind), an integer, or (before, after) for both axes. Output f sees the channels of
    its group only; ``groups=C`` is a depthwise convolution.

    >>> images, windows = ag.zeros((10, 28, 28, 1)), ag.zeros((5, 5, 1, 32))
    >>> print(ag.conv2d(images, windows).shape, ag.conv2d(images, windows, strides=2, padding="same").shape)
    (10, 24, 24, 32) (10, 14, 14, 32)
    """
    a, b = arguments(x, w, groups, 4, "conv2d")
    return Conv(window(strides, dilation, padding, "conv2d"), int(groups))(a, b)


@op(
    sample((2, 3, 2, 3), (3, 2, 2, 3)),
    sample((1, 3, 3, 2), (3, 3, 2, 2), strides=2, padding="same"),
    sample((1, 3, 2, 2), (2, 2, 1, 2), dilation=2, padding=((1, 0), (0, 1))),
    sample((1, 3, 3, 4), (2, 2, 1, 4), groups=2, strides=2),
    sample((1, 3, 2, 2), (3, 2, 1, 2), strides=(2, 3), padding=1, output_padding=(1, 2)),
    sample((1, 3, 3, 2), (2, 2, 1, 2), groups=2),
)
@wide
def conv2d_transpose(
    x: Like,
    w: Like,
    *,
    strides: Any = 1,
    padding: Pads = "valid",
    dilation: Any = 1,
    groups: int = 1,
    output_padding: Any = 0,
) -> Tensor:
    """The transpose of the convolution with the same arguments, also called deconvolution: it enlarges.

    x (N, H, W, F), w (kh, kw, C / groups, F) as for that convolution, result (N, H', W', C) with H' = H * stride for
    "same" padding, else (H - 1) * stride + (kh - 1) * dilation + 1 less the padding (Dumoulin & Visin, 2016).
    ``output_padding``, less than a stride, is added to that: a convolution makes H of all these lengths.

    >>> images, windows = ag.zeros((10, 14, 14, 32)), ag.zeros((2, 2, 1, 32))
    >>> print(ag.conv2d_transpose(images, windows, strides=2).shape)
    (10, 28, 28, 1)
    """
    name = "conv2d_transpose"
    a, b = arguments(x, w, groups, 4, name)
    place = window(strides, dilation, padding, name)
    return transposed(a, b, place, int(groups), name, extra(output_padding, place.strides, padding, name))


@op(
    sample((2, 5, 2), (3, 2, 3)),
    sample((1, 6, 2), (3, 1, 2), strides=2, padding="same", groups=2),
    sample((1, 5, 1), (2, 1, 2), dilation=2, padding=(2, 0)),
)
@wide
def conv1d(
    x: Like, w: Like, *, strides: Any = 1, padding: Pads = "valid", dilation: Any = 1, groups: int = 1
) -> Tensor:
    """One-dimensional convolution: x (N, L, C), w (k, C / groups, F), result (N, L', F); arguments as for conv2d.

    ``padding=((k - 1) * dilation, 0)`` makes it causal.

    >>> x = np.array([1.0, 4.0, 9.0, 16.0]).reshape(1, 4, 1)
    >>> difference = np.array([-1.0, 1.0]).reshape(2, 1, 1)
    >>> print(ag.conv1d(x, difference).eval().ravel())
    [3. 5. 7.]
    """
    a, b = arguments(x, w, groups, 3, "conv1d")
    place = window1d(strides, dilation, padding, "conv1d")
    with of_sequences("conv1d"):
        return squeeze(Conv(place, int(groups))(expand_dims(a, 1), expand_dims(b, 0)), 1)


@op(
    sample((2, 3, 3), (3, 2, 3)),
    sample((1, 3, 2), (3, 1, 2), strides=2, padding="same", groups=2),
    sample((1, 3, 2), (3, 1, 2), strides=3, padding=1, output_padding=2),
)
@wide
def conv1d_transpose(
    x: Like,
    w: Like,
    *,
    strides: Any = 1,
    padding: Pads = "valid",
    dilation: Any = 1,
    groups: int = 1,
    output_padding: Any = 0,
) -> Tensor:
    """The transpose of conv1d with the same arguments: x (N, L, F), w (k, C / groups, F), result (N, L', C).

    >>> x = np.array([1.0, 2.0, 3.0]).reshape(1, 3, 1)
    >>> print(ag.conv1d_transpose(x, np.ones((2, 1, 1)), strides=2).eval().ravel())
    [1. 1. 2. 2. 3. 3.]
    """
    name = "conv1d_transpose"
    a, b = arguments(x, w, groups, 3, name)
    place = window1d(strides, dilation, padding, name)
    more = (0, *extra(output_padding, place.strides[1:], padding, name))
    with of_sequences(name):
        return squeeze(transposed(expand_dims(a, 1), expand_dims(b, 0), place, int(groups), name, more), 1)


def transposed(x: Tensor, w: Tensor, place: Window, groups: int, name: str, more: tuple[int, ...]) -> Tensor:
    """The input gradient of a convolution, as an op of its own right."""
    check_channels(name, x.shape, w.shape, groups, transposed=True)
    return ConvInputGrad(place, groups)(x, w, Transposed(place, groups, more).simplest(x, w))
