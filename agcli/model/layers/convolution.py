"""Convolutions and their transposes; channels come last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from agcli.model.layers.dense import Weighted
from agcli.model.ops import call
from agcli.spec.field_types import Extras, Padding, Sides, Size
from agcli.spec.fields import Field
from agcli.spec.nouns import LAYERS

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope

N = TypeVar("N", int, float)
AXES = {1: "(length, channels)", 2: "(height, width, channels)", 3: "(depth, height, width, channels)"}


def channels(x: Tensor, axes: int, layer: str) -> int:
    """The channels of samples with so many axes before them. Raises ShapeError."""
    from agcli.engine.errors import ShapeError
    from agcli.engine.types import static

    if x.ndim != axes + 2 or x.shape[-1] is None:
        shape = [d for d in x.shape[1:] if d is not None]
        missing = len(shape) == axes == x.ndim - 1
        hint = f"; put `reshape: {[*shape, 1]}` before it" if missing else ""
        raise ShapeError(f"{layer}: expected samples of shape {AXES[axes]}, got {x.shape}{hint}")
    return static(x.shape[-1])


def spatial(x: Tensor, layer: str) -> int:
    """The number of axes between samples and channels. Raises ShapeError."""
    from agcli.engine.errors import ShapeError

    if x.ndim not in (3, 4, 5):
        raise ShapeError(f"{layer}: expected samples of shape {AXES[1]}, {AXES[2]} or {AXES[3]}, got {x.shape}")
    return x.ndim - 2


def lengths(value: N | tuple[N, ...], axes: int, layer: str) -> tuple[N, ...]:
    """A number for each axis; a single one is for all."""
    from agcli.engine.errors import ShapeError

    if not isinstance(value, tuple):
        return (value,) * axes
    if len(value) != axes:
        raise ShapeError(f"{layer}: expected one length or {axes}, got {list(value)}")
    return tuple(value)


def per_axis(value: N | tuple[N, ...], axes: int, layer: str) -> Any:
    """The same, as the engine takes it: a number for sequences."""
    values = lengths(value, axes, layer)
    return values[0] if axes == 1 else values


def convolve(
    x: Tensor, layer: Convolution | DepthwiseConv2d, scope: Scope, axes: int, outputs: int, groups: int, name: str
) -> Tensor:
    """A convolution with ``outputs`` filters in ``groups``, its bias and its activation."""
    from agcli.engine.errors import ShapeError
    from agcli.model.layers import masks

    inner = channels(x, axes, name)
    if inner % groups or outputs % groups:
        raise ShapeError(f"{name}: {groups} groups divide neither {inner} channels nor {outputs} filters evenly")
    kernel = lengths(layer.kernel, axes, name)
    shape = (*kernel, inner // groups, outputs)
    mask = scope.mask(x)
    if mask is not None:  # of sequences only
        x = masks.cleared(x, mask)
    y = call(
        f"conv{axes}d",
        x,
        scope.parameter("weight", shape, layer.init),
        strides=per_axis(layer.stride, axes, name),
        padding=layer.padding,
        dilation=per_axis(layer.dilation, axes, name),
        groups=groups,
    )
    if mask is not None:
        span = (kernel[0] - 1) * per_axis(layer.dilation, axes, name) + 1
        mask = masks.windows(mask, name, y.shape[1] or 0, span, per_axis(layer.stride, axes, name), layer.padding)
    return scope.with_mask(layer.finish(y, scope), mask)


class Convolution(Weighted):
    """A window that slides over rows and columns; inputs are (height, width, channels)."""

    main = "filters"
    filters: Size = Field(description="number of outputs")
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    stride: Sides = Field(default=1, description="step of the window")
    padding: Padding = Field(default="valid", description="zeros around: none, as many as keep the length, or a count")
    dilation: Sides = Field(default=1, description="distance of the inputs within a window")
    groups: Size = Field(default=1, description="groups of channels that do not see each other")


@LAYERS.row("conv1d")
class Conv1d(Convolution):
    """A window that slides over a sequence; inputs are (length, channels)."""

    padded = "masks"

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return convolve(x, self, scope, 1, self.filters, self.groups, "conv1d")


@LAYERS.row("conv2d")
class Conv2d(Convolution):
    """A window that slides over rows and columns; inputs are (height, width, channels)."""

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return convolve(x, self, scope, 2, self.filters, self.groups, "conv2d")


@LAYERS.row("depthwise_conv2d")
class DepthwiseConv2d(Weighted):
    """A convolution of each channel by itself."""

    main = "kernel"
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    multiplier: Size = Field(default=1, description="outputs for each channel")
    stride: Sides = Field(default=1, description="step of the window")
    padding: Padding = Field(default="valid", description="zeros around: none, as many as keep the length, or a count")
    dilation: Sides = Field(default=1, description="distance of the inputs within a window")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        inner = channels(x, 2, "depthwise_conv2d")
        return convolve(x, self, scope, 2, inner * self.multiplier, inner, "depthwise_conv2d")


class Transposed(Weighted):
    """The transpose of a convolution, which enlarges; also called deconvolution."""

    main = "filters"
    filters: Size = Field(description="number of outputs")
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    stride: Sides = Field(default=1, description="how many outputs stand for one step of the input")
    padding: Padding = Field(default="valid", description="`same` makes the output `stride` times as long")
    output_padding: Extras = Field(default=0, description="how much longer the output is, less than `stride`")

    def transposed(self, x: Tensor, scope: Scope, axes: int) -> Tensor:
        """Its weights lie as those of the convolution that it transposes."""
        from agcli.model.layers import masks

        name, mask = f"conv{axes}d_transpose", scope.mask(x)
        kernel, stride = lengths(self.kernel, axes, name), per_axis(self.stride, axes, name)
        weight = scope.parameter("weight", (*kernel, self.filters, channels(x, axes, name)), self.init)
        more = per_axis(self.output_padding, axes, name)
        if mask is not None:  # of sequences only
            if more:
                raise masks.beyond(name, "output_padding")
            x = masks.cleared(x, mask)
        y = call(name, x, weight, strides=stride, padding=self.padding, output_padding=more)
        if mask is not None:
            mask = masks.spread(mask, y.shape[1] or 0, kernel[0], stride, self.padding)
        return scope.with_mask(self.finish(y, scope), mask)


@LAYERS.row("conv1d_transpose")
class Conv1dTranspose(Transposed):
    """The transpose of conv1d, which lengthens a sequence."""

    padded = "masks"

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return self.transposed(x, scope, 1)


@LAYERS.row("conv2d_transpose")
class Conv2dTranspose(Transposed):
    """The transpose of a convolution, which enlarges; also called deconvolution."""

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return self.transposed(x, scope, 2)
