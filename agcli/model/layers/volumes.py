"""Convolutions of volumes and their transposes; channels come last. Pools of volumes are those of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.model.layers.convolution import Convolution, Transposed, convolve
from agcli.spec.field_types import Lengths
from agcli.spec.fields import Field
from agcli.spec.nouns import LAYERS

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope


@LAYERS.row("conv3d")
class Conv3d(Convolution):
    """A window that slides over a volume; inputs are (depth, height, width, channels)."""

    kernel: Lengths = Field(default=3, description="length of the window, or one for each axis")
    stride: Lengths = Field(default=1, description="step of the window")
    dilation: Lengths = Field(default=1, description="distance of the inputs within a window")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return convolve(x, self, scope, 3, self.filters, self.groups, "conv3d")


@LAYERS.row("conv3d_transpose")
class Conv3dTranspose(Transposed):
    """The transpose of conv3d, which enlarges a volume."""

    kernel: Lengths = Field(default=3, description="length of the window, or one for each axis")
    stride: Lengths = Field(default=1, description="how many outputs stand for one step of the input")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return self.transposed(x, scope, 3)
