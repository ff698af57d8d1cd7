"""Pools: the largest or the mean of every window; channels come last."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from agcli.model.layers.convolution import AXES, per_axis
from agcli.model.ops import call
from agcli.spec.field_types import Padding, Sides
from agcli.spec.fields import Field
from agcli.spec.nouns import LAYERS, Layer

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope


class Pool(Layer):
    """A pool of images or of sequences, by the number of axes."""

    main = "size"
    op: ClassVar[str] = ""
    size: Sides = Field(default=2, description="length of the window, or one for each axis")
    stride: Sides | None = Field(default=None, description="step of the window; its length if not given")
    padding: Padding = Field(default="valid", description="places around: none, as many as keep the length, or a count")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.engine.errors import ShapeError

        if x.ndim not in (3, 4):
            raise ShapeError(f"{self.op}: expected samples of shape {AXES[1]} or {AXES[2]}, got {x.shape}")
        axes = x.ndim - 2
        size = per_axis(self.size, axes, self.op)
        stride = None if self.stride is None else per_axis(self.stride, axes, self.op)
        return call(f"{self.op}{axes}d", x, size=size, strides=stride, padding=self.padding)


@LAYERS.row("max_pool")
class MaxPool(Pool):
    """The largest value of every window."""

    op = "max_pool"


@LAYERS.row("avg_pool")
class AvgPool(Pool):
    """The mean of every window; padding does not count."""

    op = "avg_pool"


@LAYERS.row("global_max_pool")
class GlobalMaxPool(Layer):
    """The largest value of each channel over all places."""

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return call("global_max_pool", x)


@LAYERS.row("global_avg_pool")
class GlobalAvgPool(Layer):
    """The mean of each channel over all places."""

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return call("global_avg_pool", x)
