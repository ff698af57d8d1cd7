"""Pools: the largest or the mean of every window; channels come last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from agcli.model.layers.convolution import AXES, per_axis
from agcli.model.ops import call
from agcli.spec.field_types import Padding, Sides
from agcli.spec.fields import Field
from agcli.spec.nouns import LAYERS, Layer

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.masks import Mask
    from agcli.model.layers.scope import Scope


class Pool(Layer):
    """A pool of images or of sequences, by the number of axes."""

    padded = "masks"
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
        options = {"size": size, "strides": stride, "padding": self.padding}
        mask = scope.mask(x)
        if mask is None:
            return call(f"{self.op}{axes}d", x, **options)
        from agcli.model.layers.masks import cleared, windows

        y = self.of_tokens(x, mask, options)
        kept = windows(mask, self.op, y.shape[1] or 0, size, size if stride is None else stride, self.padding)
        return scope.with_mask(cleared(y, kept), kept)

    def of_tokens(self, x: Tensor, mask: Mask, options: dict[str, Any]) -> Tensor:
        """The pool of what is no padding."""
        raise NotImplementedError


@LAYERS.row("max_pool")
class MaxPool(Pool):
    """The largest value of every window."""

    op = "max_pool"

    def of_tokens(self, x: Tensor, mask: Mask, options: dict[str, Any]) -> Tensor:
        from agcli.model.layers.masks import cleared, lowest

        return call("max_pool1d", cleared(x, mask, lowest(x)), **options)


@LAYERS.row("avg_pool")
class AvgPool(Pool):
    """The mean of every window; padding does not count."""

    op = "avg_pool"

    def of_tokens(self, x: Tensor, mask: Mask, options: dict[str, Any]) -> Tensor:
        from agcli.model.layers.masks import cleared

        total = call("avg_pool1d", cleared(x, mask), **options)
        share = call("avg_pool1d", mask.column.astype(x.dtype), **options)  # of the window that is no padding
        return call("where", share > 0, total / call("where", share > 0, share, 1), 0)


@LAYERS.row("global_max_pool")
class GlobalMaxPool(Layer):
    """The largest value of each channel over all places."""

    padded = "masks"

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.model.layers.masks import largest

        mask = scope.mask(x)
        return call("global_max_pool", x) if mask is None or x.ndim < 3 else largest(x, mask)


@LAYERS.row("global_avg_pool")
class GlobalAvgPool(Layer):
    """The mean of each channel over all places."""

    padded = "masks"

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.model.layers.masks import mean

        mask = scope.mask(x)
        return call("global_avg_pool", x) if mask is None or x.ndim < 3 else mean(x, mask)
