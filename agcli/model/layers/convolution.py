"""Convolutions and pools; channels come last."""

from __future__ import annotations

from typing import Any

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor, call
from agcli.engine.types import static
from agcli.model.layers.dense import activate
from agcli.model.layers.scope import Scope

AXES = {1: "(length, channels)", 2: "(height, width, channels)"}


def channels(x: Tensor, axes: int, layer: str) -> int:
    """The channels of samples with so many axes before them."""
    if x.ndim != axes + 2 or x.shape[-1] is None:
        shape = [d for d in x.shape[1:] if d is not None]
        missing = len(shape) == axes == x.ndim - 1
        hint = f"; put `reshape: {[*shape, 1]}` before it" if missing else ""
        raise ShapeError(f"{layer}: expected samples of shape {AXES[axes]}, got {x.shape}{hint}")
    return static(x.shape[-1])


def lengths(value: Any, axes: int, layer: str) -> tuple[int, ...]:
    """A length for each axis; a single one is for all."""
    if isinstance(value, int):
        return (value,) * axes
    if len(value) != axes:
        raise ShapeError(f"{layer}: expected one length or {axes}, got {list(value)}")
    return tuple(value)


def per_axis(value: Any, axes: int, layer: str) -> Any:
    """The same, as the engine takes it: a number for sequences."""
    values = lengths(value, axes, layer)
    return values[0] if axes == 1 else values


def convolve(x: Tensor, fields: Any, scope: Scope, axes: int, outputs: int, groups: int, name: str) -> Tensor:
    """A convolution with ``outputs`` filters in ``groups``, its bias and its activation."""
    inner = channels(x, axes, name)
    if inner % groups or outputs % groups:
        raise ShapeError(f"{name}: {groups} groups divide neither {inner} channels nor {outputs} filters evenly")
    shape = (*lengths(fields.kernel, axes, name), inner // groups, outputs)
    y = call(
        f"conv{axes}d",
        x,
        scope.parameter("weight", shape, fields.init),
        strides=per_axis(fields.stride, axes, name),
        padding=fields.padding,
        dilation=per_axis(fields.dilation, axes, name),
        groups=groups,
    )
    return finish(y, outputs, fields, scope)


def finish(y: Tensor, outputs: int, fields: Any, scope: Scope) -> Tensor:
    if fields.use_bias:
        y = y + scope.parameter("bias", (outputs,), fields.bias_init)
    return activate(y, fields.activation)


def conv1d(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return convolve(x, fields, scope, 1, fields.filters, fields.groups, "conv1d")


def conv2d(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return convolve(x, fields, scope, 2, fields.filters, fields.groups, "conv2d")


def depthwise_conv2d(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    inner = channels(x, 2, "depthwise_conv2d")
    return convolve(x, fields, scope, 2, inner * fields.multiplier, inner, "depthwise_conv2d")


def transpose(x: Tensor, fields: Any, scope: Scope, axes: int) -> Tensor:
    """The transposed convolution; its weights lie as those of the convolution that it transposes."""
    name = f"conv{axes}d_transpose"
    shape = (*lengths(fields.kernel, axes, name), fields.filters, channels(x, axes, name))
    weight = scope.parameter("weight", shape, fields.init)
    y = call(name, x, weight, strides=per_axis(fields.stride, axes, name), padding=fields.padding)
    return finish(y, fields.filters, fields, scope)


def conv1d_transpose(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return transpose(x, fields, scope, 1)


def conv2d_transpose(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return transpose(x, fields, scope, 2)


def pool(x: Tensor, fields: Any, kind: str) -> Tensor:
    """A pool of images or of sequences, by the number of axes."""
    name = f"{kind}_pool"
    axes = 1 if x.ndim == 3 else 2
    if x.ndim not in (3, 4):
        raise ShapeError(f"{name}: expected samples of shape {AXES[1]} or {AXES[2]}, got {x.shape}")
    stride = None if fields.stride is None else per_axis(fields.stride, axes, name)
    return call(f"{name}{axes}d", x, size=per_axis(fields.size, axes, name), strides=stride, padding=fields.padding)


def max_pool(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return pool(x, fields, "max")


def avg_pool(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return pool(x, fields, "avg")


def global_max_pool(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return call("global_max_pool", x)


def global_avg_pool(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    return call("global_avg_pool", x)
