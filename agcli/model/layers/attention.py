"""Attention and transformer blocks; sequences are (samples, places, width)."""

from __future__ import annotations

from typing import Any

import numpy as np

from agcli.engine import functional
from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor, constant
from agcli.engine.ops.arrays import transpose
from agcli.engine.types import Array, static
from agcli.model.layers.dense import activate, linear, width
from agcli.model.layers.normalisation import ONES, ZEROS, several
from agcli.model.layers.scope import Scope
from agcli.spec.nouns import INITIALIZERS

SMALL = INITIALIZERS.read({"normal": 0.02})


def sequence(x: Tensor, layer: str) -> tuple[int, int]:
    """Places and width."""
    if x.ndim != 3 or x.shape[1] is None:
        raise ShapeError(f"{layer}: expected sequences of shape (places, width), got {x.shape}")
    return static(x.shape[1]), width(x, layer)


def heads(x: Tensor, count: int) -> Tensor:
    """(samples, places, width) as (samples, heads, places, width / heads)."""
    places, size = sequence(x, "attention")
    return transpose(x.reshape((-1, places, count, size // count)), (0, 2, 1, 3))


def look(xs: tuple[Tensor, ...], fields: Any, scope: Scope, size: int, bias: Any) -> Tensor:
    """Multi-head attention of the first input to the last, before any dropout."""
    x, memory = xs[0], xs[-1]
    if size % fields.heads:
        raise ShapeError(f"attention: {fields.heads} heads do not divide the width {size} evenly")
    project = {k: linear(m, size, fields, scope.inner(k), bias) for k, m in
               (("query", x), ("key", memory), ("value", memory))}  # fmt: skip
    found = functional.scaled_dot_product_attention(
        *(heads(t, fields.heads) for t in project.values()), causal=fields.causal
    )
    joined = transpose(found, (0, 2, 1, 3)).reshape((-1, sequence(x, "attention")[0], size))
    return linear(joined, size, fields, scope.inner("output"), bias)


def dropped(x: Tensor, rate: float, scope: Scope) -> Tensor:
    return functional.dropout(x, rate) if scope.training and rate else x


def attention(xs: tuple[Tensor, ...], fields: Any, scope: Scope) -> Tensor:
    if len(xs) > 2:
        raise ShapeError(f"attention: takes one input or two, got {len(xs)}")
    size = fields.width or sequence(xs[0], "attention")[1]
    return dropped(look(xs, fields, scope, size, ZEROS if fields.use_bias else None), fields.dropout, scope)


def normal(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    size = several(width(x, "transformer"), "transformer")
    scale, offset = scope.parameter("scale", (size,), ONES), scope.parameter("offset", (size,), ZEROS)
    return functional.layer_norm(x, scale, offset, epsilon=fields.epsilon)


def feed_forward(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    size = width(x, "transformer")
    hidden = linear(x, fields.hidden or 4 * size, fields, scope.inner("hidden"), ZEROS)
    return linear(activate(hidden, fields.activation), size, fields, scope.inner("output"), ZEROS)


def transformer(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    """Pre-norm: x + f(norm(x)); post-norm, as at first published: norm(x + f(x))."""
    _, size = sequence(x, "transformer")
    for name in ("attention", "feed_forward"):
        norm = scope.inner(f"{name}_norm")
        start = normal(x, fields, norm) if fields.norm_first else x
        inner = scope.inner(name)
        y = look((start,), fields, inner, size, ZEROS) if name == "attention" else feed_forward(start, fields, inner)
        x = x + dropped(y, fields.dropout, scope)
        x = x if fields.norm_first else normal(x, fields, norm)
    return x


def waves(places: int, size: int, dtype: Any) -> Array:
    """sin(p / 10000^(2i/size)) in the even columns, cos in the odd ones (Vaswani et al., 2017, section 3.5)."""
    rates = 10_000.0 ** (-np.arange(0, size, 2) / size)
    angles = np.arange(places)[:, None] * rates
    table = np.empty((places, size), dtype)
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)[:, : size // 2]
    return table


def positional(x: Tensor, fields: Any, scope: Scope) -> Tensor:
    shape = sequence(x, "positional")
    is_fixed = fields.kind == "sinusoidal"
    return x + (constant(waves(*shape, scope.dtype)) if is_fixed else scope.parameter("weight", shape, SMALL))
