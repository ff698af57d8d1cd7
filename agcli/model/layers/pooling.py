"""Pools: the largest or the mean of every window; channels come last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from agcli.model.layers.convolution import per_axis, spatial
from agcli.model.ops import call
from agcli.spec.field_types import Flag, Lengths, Padding
from agcli.spec.fields import Field
from agcli.spec.nouns import LAYERS, Layer

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.masks import Mask
    from agcli.model.layers.scope import Scope


class Pool(Layer):
    """A pool of volumes, images or sequences, by the number of axes."""

    padded = "masks"
    main = "size"
    op: ClassVar[str] = ""
    size: Lengths = Field(default=2, description="length of the window, or one for each axis")
    stride: Lengths | None = Field(default=None, description="step of the window; its length if not given")
    padding: Padding = Field(default="valid", description="places around: none, as many as keep the length, or a count")
    ceil_mode: Flag = Field(default=False, description="a window of what is left over at the end, too")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        axes = spatial(x, self.op)
        size = per_axis(self.size, axes, self.op)
        stride = None if self.stride is None else per_axis(self.stride, axes, self.op)
        options = {"size": size, "strides": stride, "padding": self.padding, **self.options(axes)}
        mask = scope.mask(x)
        if mask is None:
            return call(f"{self.op}{axes}d", x, ceil_mode=self.ceil_mode, **options)
        from agcli.model.layers.masks import beyond, cleared, windows

        if self.ceil_mode:
            raise beyond(self.op, "ceil_mode")
        y = self.of_tokens(x, mask, options)
        span = (size - 1) * options.get("dilation", 1) + 1
        kept = windows(mask, self.op, y.shape[1] or 0, span, size if stride is None else stride, self.padding)
        return scope.with_mask(cleared(y, kept), kept)

    def options(self, axes: int) -> dict[str, Any]:
        """What the op takes beside size, strides, padding and ceil_mode."""
        raise NotImplementedError

    def of_tokens(self, x: Tensor, mask: Mask, options: dict[str, Any]) -> Tensor:
        """The pool of what is no padding."""
        raise NotImplementedError


@LAYERS.row("max_pool")
class MaxPool(Pool):
    """The largest value of every window."""

    op = "max_pool"
    dilation: Lengths = Field(default=1, description="distance of the inputs within a window")

    def options(self, axes: int) -> dict[str, Any]:
        return {"dilation": per_axis(self.dilation, axes, self.op)}

    def of_tokens(self, x: Tensor, mask: Mask, options: dict[str, Any]) -> Tensor:
        from agcli.model.layers.masks import cleared, lowest

        return call("max_pool1d", cleared(x, mask, lowest(x)), **options)


@LAYERS.row("avg_pool")
class AvgPool(Pool):
    """The mean of every window; padding does not count."""

    op = "avg_pool"
    count_include_pad: Flag = Field(default=False, description="padding counts, as zeros; not that of texts")

    def options(self, axes: int) -> dict[str, Any]:
        return {"count_include_pad": self.count_include_pad}

    def of_tokens(self, x: Tensor, mask: Mask, options: dict[str, Any]) -> Tensor:
        from agcli.model.layers.masks import beyond, cleared

        if self.count_include_pad:
            raise beyond(self.op, "count_include_pad")
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
