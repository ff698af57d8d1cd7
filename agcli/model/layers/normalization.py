"""Normalizations. Scales and offsets begin at 1 and 0."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from agcli.model.layers.dense import width
from agcli.model.ops import call, function
from agcli.spec.field_types import Flag, Fraction, Positive, Size
from agcli.spec.fields import Field
from agcli.spec.nouns import INITIALIZERS, LAYERS, Layer, Padded

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.engine.leaves import Variable
    from agcli.model.layers.masks import Mask
    from agcli.model.layers.scope import Scope

EPSILON: Any = Field(default=1e-5, description="added to the variance, so that it is never 0")
AFFINE: Any = Field(default=True, description="multiply by a scale and add an offset, which are learned")


def scale_and_offset(scope: Scope, channels: int) -> tuple[Variable, Variable]:
    """The parameters `scale` and `offset`, (channels,) each."""
    ones, zeros = INITIALIZERS.read("ones"), INITIALIZERS.read("zeros")
    return scope.parameter("scale", (channels,), ones), scope.parameter("offset", (channels,), zeros)


def several(count: int, layer: str, hint: str = "") -> int:
    """The number of values that are normalized together. Raises ShapeError for one, of which nothing would be left."""
    from agcli.engine.errors import ShapeError

    if count == 1:
        left = "its sign" if layer == "rms_norm" else "its offset"
        raise ShapeError(f"{layer}: would normalize single values, of each of which only {left} is left{hint}")
    return count


def over_tokens(x: Tensor, mask: Mask, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """(n, length, channels), each channel with mean 0 and variance 1 over all tokens, and these two, (channels,)."""
    from agcli.model.layers import masks

    return masks.standardized(x, mask, lambda t: masks.mean(t, mask, (0, 1)), epsilon)


def grouped_over_tokens(x: Tensor, mask: Mask, groups: int, epsilon: float) -> Tensor:
    """(n, length, channels), each group of channels with mean 0 and variance 1 over the tokens of its sample."""
    from agcli.engine.types import static
    from agcli.model.layers import masks

    channels = static(x.shape[-1])
    if channels % groups:
        return function("group_norm", x, groups=groups, epsilon=epsilon)  # which says what is wrong

    def average(values: Tensor) -> Tensor:
        means = masks.mean(values, mask, keepdims=True)
        of_groups = call("mean", means.reshape((-1, groups, channels // groups)), axis=-1, keepdims=True)
        return call("repeat", of_groups, channels // groups, axis=-1).reshape((-1, 1, channels))

    return masks.standardized(x, mask, average, epsilon)[0]


@LAYERS.row("batch_norm")
class BatchNorm(Layer):
    """Each channel with mean 0 and variance 1 over the batch (Ioffe and Szegedy 2015), else as training saw it."""

    padded = "masks"
    momentum: Fraction = Field(default=0.9, description="the share of the running statistics that a step keeps")
    epsilon: Positive = EPSILON
    affine: Flag = AFFINE

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        """Statistics of the batch while training, which move the running ones; else the running ones."""
        channels = width(x, "batch_norm")
        scale, offset = scale_and_offset(scope, channels) if self.affine else (None, None)
        mean, variance = scope.statistic("mean", (channels,), 0.0), scope.statistic("variance", (channels,), 1.0)
        mask = scope.mask(x)
        if not scope.training:
            y = function("batch_norm", x, scale, offset, mean=mean, variance=variance, epsilon=self.epsilon)
            return scope.with_mask(y, mask)
        if mask:
            y, batch_mean, batch_variance = over_tokens(x, mask, self.epsilon)
            y = y if scale is None or offset is None else y * scale + offset
            new_mean = self.momentum * mean + (1 - self.momentum) * batch_mean
            new_variance = self.momentum * variance + (1 - self.momentum) * batch_variance
        else:
            new: Any = function(
                "batch_norm_train", x, scale, offset, mean, variance, momentum=self.momentum, epsilon=self.epsilon
            )
            y, new_mean, new_variance = new
        scope.update(mean, new_mean)
        scope.update(variance, new_variance)
        return scope.with_mask(y, mask)


@LAYERS.row("layer_norm")
class LayerNorm(Layer):
    """Each sample's last axis with mean 0 and variance 1 (Ba et al. 2016)."""

    padded: ClassVar[Padded] = "at each place"
    epsilon: Positive = EPSILON
    affine: Flag = AFFINE

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        channels = several(width(x, "layer_norm"), "layer_norm")
        learned = scale_and_offset(scope, channels) if self.affine else ()
        return function("layer_norm", x, *learned, epsilon=self.epsilon)


@LAYERS.row("rms_norm")
class RmsNorm(Layer):
    """The last axis divided by the root of its mean square, times a scale (Zhang and Sennrich 2019)."""

    padded = "at each place"
    epsilon: Positive = Field(default=1e-6, description="added to the mean square")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        scale = scope.parameter("scale", (several(width(x, "rms_norm"), "rms_norm"),), INITIALIZERS.read("ones"))
        return function("rms_norm", x, scale, epsilon=self.epsilon)


@LAYERS.row("group_norm")
class GroupNorm(LayerNorm):
    """Groups of channels with mean 0 and variance 1 in each sample (Wu and He 2018)."""

    padded = "masks"
    main = "groups"
    groups: Size = Field(default=32, description="number of groups")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.engine.types import static

        channels = width(x, "group_norm")
        if channels % self.groups == 0 and None not in x.shape[1:]:
            places = prod(map(static, x.shape[1:-1]))
            hint = f"; choose fewer groups than {self.groups}" if self.groups > 1 else ""
            several(places * channels // self.groups, "group_norm", hint)
        learned = scale_and_offset(scope, channels) if self.affine else ()
        if mask := scope.mask(x):
            y = grouped_over_tokens(x, mask, self.groups, self.epsilon)
            return scope.with_mask(y * learned[0] + learned[1] if learned else y, mask)
        return function("group_norm", x, *learned, groups=self.groups, epsilon=self.epsilon)
