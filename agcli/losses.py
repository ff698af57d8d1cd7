"""Losses and metrics: for each name of the spec, what a batch contributes to it, as graph.

Every one of them is a mean of something over samples, or a function of such a mean; so the value over a whole
split follows exactly from the sums over its batches, of whatever size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor
from agcli.engine.table import OPS
from agcli.engine.types import fits

PerSample = Callable[[Tensor, Tensor], Tensor]


def op(name: str) -> Callable[..., Tensor]:
    return OPS[name].function


def per_sample(x: Tensor) -> Tensor:
    """The mean over all axes but the first."""
    return op("mean")(x, axis=tuple(range(1, x.ndim))) if x.ndim > 1 else x


def matched(output: Tensor, target: Tensor) -> Tensor:
    """The target as floats in the shape of the output, which may have a last axis of length one."""
    t = target.astype(output.dtype)
    if t.ndim == output.ndim - 1 and output.shape[-1] == 1:
        t = op("expand_dims")(t, -1)
    if not fits(output.shape, t.shape):
        raise ShapeError(f"the model's output has shape {output.shape}, the target {target.shape}")
    return t


def softmax_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return op("sparse_softmax_cross_entropy")(output, target)


def sigmoid_cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    return per_sample(op("sigmoid_cross_entropy")(output, matched(output, target)))


def squared_error(output: Tensor, target: Tensor) -> Tensor:
    return per_sample(op("square")(output - matched(output, target)))


def absolute_error(output: Tensor, target: Tensor) -> Tensor:
    return per_sample(op("abs")(output - matched(output, target)))


def hits(output: Tensor, target: Tensor) -> Tensor:
    """1 where the predicted class is the target: the largest score, or for a single score its sign."""
    if output.ndim > target.ndim and output.shape[-1] != 1:
        return op("equal")(op("argmax")(output, axis=-1), target).astype("float32")
    return per_sample(op("equal")((output > 0).astype(output.dtype), matched(output, target)).astype("float32"))


LOSSES: Mapping[str, PerSample] = {
    "softmax_cross_entropy": softmax_cross_entropy,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "mean_squared_error": squared_error,
}


@dataclass(frozen=True)
class Metric:
    """``finish`` of the mean of ``sample`` over all samples."""

    sample: PerSample
    finish: Callable[[float], float] = float


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric(hits),
    "mean_absolute_error": Metric(absolute_error),
    "root_mean_squared_error": Metric(squared_error, math.sqrt),
}
