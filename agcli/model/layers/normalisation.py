"""Normalisations. Scales and offsets begin at 1 and 0."""

from __future__ import annotations

import math
from typing import Any

from agcli.engine import functional
from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor
from agcli.engine.leaves import Variable
from agcli.engine.types import static
from agcli.model.layers.dense import width
from agcli.model.layers.scope import Scope
from agcli.spec.nouns import INITIALIZERS

ONES, ZEROS = INITIALIZERS.read("ones"), INITIALIZERS.read("zeros")


def affine(fields: Any, scope: Scope, channels: int) -> tuple[Variable | None, Variable | None]:
    """Scale and offset, if they are wanted."""
    if not fields.affine:
        return None, None
    return scope.parameter("scale", (channels,), ONES), scope.parameter("offset", (channels,), ZEROS)


def batch_norm(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    """Statistics of the batch while training, which move the running ones; else the running ones."""
    channels = width(x, "batch_norm")
    scale, offset = affine(fields, scope, channels)
    mean, variance = scope.statistic("mean", (channels,), 0.0), scope.statistic("variance", (channels,), 1.0)
    if not scope.training:
        return functional.batch_norm(x, scale, offset, mean=mean, variance=variance, epsilon=fields.epsilon)
    y, new_mean, new_variance = functional.batch_norm_train(
        x, scale, offset, mean, variance, momentum=fields.momentum, epsilon=fields.epsilon
    )
    scope.update(mean, new_mean)
    scope.update(variance, new_variance)
    return y


def layer_norm(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    channels = several(width(x, "layer_norm"), "layer_norm")
    return functional.layer_norm(x, *affine(fields, scope, channels), epsilon=fields.epsilon)


def rms_norm(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    scale = scope.parameter("scale", (several(width(x, "rms_norm"), "rms_norm"),), ONES)
    return functional.rms_norm(x, scale, epsilon=fields.epsilon)


def several(count: int | None, layer: str, hint: str = "") -> int:
    """The number of values that are normalized together. Raises ShapeError for one, of which nothing would be left."""
    if count == 1:
        left = "its sign" if layer == "rms_norm" else "its offset"
        raise ShapeError(f"{layer}: would normalize single values, of each of which only {left} is left{hint}")
    return count or 0


def group_norm(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    channels = width(x, "group_norm")
    if channels % fields.groups == 0 and None not in x.shape[1:]:
        places = math.prod(map(static, x.shape[1:-1]))
        hint = f"; choose fewer groups than {fields.groups}" if fields.groups > 1 else ""
        several(places * channels // fields.groups, "group_norm", hint)
    scale, offset = affine(fields, scope, channels)
    return functional.group_norm(x, scale, offset, groups=fields.groups, epsilon=fields.epsilon)
