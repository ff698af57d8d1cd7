"""Sequences, images and volumes in another size, by interpolation or by adaptive pools; channels come last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from agcli.model.layers.convolution import lengths, spatial
from agcli.model.ops import call
from agcli.spec.field_types import Factors, Flag, Lengths, OneOf
from agcli.spec.fields import Field
from agcli.spec.nouns import LAYERS, Layer

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope


Mode = Annotated[
    Literal["nearest", "nearest-exact", "linear", "cubic", "area"],
    OneOf("nearest", "nearest-exact", "linear", "cubic", "area"),
]


@LAYERS.row("interpolate")
class Interpolate(Layer):
    """Sequences, images or volumes in another size, by the number of axes; nothing is learned."""

    main = "scale"
    scale: Factors | None = Field(default=None, description="how many times as long, or one for each axis")
    size: Lengths | None = Field(default=None, description="the new length instead, or one for each axis")
    mode: Mode = Field(default="nearest", description="what stands between the places of the input")
    align_corners: Flag = Field(default=False, description="the first and the last places lie on each other")
    antialias: Flag = Field(default=False, description="what is made smaller is smoothed first")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.engine.errors import ShapeError

        axes = spatial(x, "interpolate")
        if (self.scale is None) == (self.size is None):
            raise ShapeError(f"interpolate: expected scale or size, got {'neither' if self.size is None else 'both'}")
        return call(
            "interpolate",
            x,
            None if self.size is None else lengths(self.size, axes, "interpolate"),
            None if self.scale is None else lengths(self.scale, axes, "interpolate"),
            self.mode,
            self.align_corners,
            self.antialias,
        )


class AdaptivePool(Layer):
    """A pool of parts of each axis, so many whatever its length."""

    main = "size"
    op: ClassVar[str] = ""
    size: Lengths = Field(description="length of the result, or one for each axis")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return call(self.op, x, lengths(self.size, spatial(x, self.op), self.op))


@LAYERS.row("adaptive_max_pool")
class AdaptiveMaxPool(AdaptivePool):
    """The largest values of parts of each axis, so many whatever its length."""

    op = "adaptive_max_pool"


@LAYERS.row("adaptive_avg_pool")
class AdaptiveAvgPool(AdaptivePool):
    """The means of parts of each axis, so many whatever its length."""

    op = "adaptive_avg_pool"
