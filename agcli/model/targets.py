"""Outputs beside their targets, as losses and metrics compare them."""

from __future__ import annotations

from typing import Any

import numpy as np

from agcli.counts import number_of
from agcli.engine.errors import ShapeError
from agcli.engine.graph import Tensor, call, constant
from agcli.engine.types import fits


def per_sample(x: Tensor) -> Tensor:
    """The mean over all axes but the first."""
    return call("mean", x, axis=tuple(range(1, x.ndim))) if x.ndim > 1 else x


def matched(output: Tensor, target: Tensor) -> Tensor:
    """The target as floats in the shape of the output, which may have a last axis of length one."""
    t = target.astype(output.dtype)
    if t.ndim == output.ndim - 1 and output.shape[-1] == 1:
        t = call("expand_dims", t, -1)
    if not fits(output.shape, t.shape):
        advice = "; a number for all samples is written with an input, as in `a + 0*x`" if not output.shape else ""
        raise ShapeError(f"the model's output has shape {output.shape}, the target {target.shape}{advice}")
    return t


def is_classes(output: Tensor, target: Tensor) -> bool:
    """Whether the target holds class numbers beside one score for each class."""
    return target.dtype.kind in "iub" and output.ndim == target.ndim + 1 and output.shape[-1] != 1


def labels(output: Tensor, target: Tensor, loss: str) -> Tensor:
    """The target as class numbers. Raises ShapeError if it has none for these scores."""
    if not is_classes(output, target):
        raise ShapeError(
            f"{loss}: expected one score a class and whole numbers as targets, got outputs {output.type}, "
            f"targets {target.type}"
        )
    return target


def weighted(loss: Tensor, classes: Tensor, weights: Any) -> Tensor:
    """Each loss times the weight of its class."""
    if weights is None:
        return loss
    table = constant(np.asarray(weights, loss.dtype))
    return loss * call("take", table, classes.astype("int64"), axis=0)


def weighted_labels(loss: Tensor, target: Tensor, weights: Any, name: str) -> Tensor:
    """Each loss times the weight of its label, of two weights, for 0 and for 1; targets are floats as it has them."""
    if weights is None:
        return loss
    check_weights(weights, 2, name)
    zero, one = map(float, weights)  # in the order of the labels, see class_weights.py
    return loss * (zero + (one - zero) * target)


def check_weights(weights: Any, classes: int | None, loss: str) -> None:
    if weights is not None and classes is not None and len(weights) > classes:
        raise ShapeError(
            f"{loss}: expected {number_of(classes, 'class weight')}, one for each class, got {len(weights)}"
        )


def tuples(output: Tensor, count: int, loss: str) -> list[Tensor]:
    """The vectors of each sample apart."""
    if output.ndim != 3 or output.shape[1] != count:
        hint = "`stack` puts the outputs of layers with shared `weights` together"
        raise ShapeError(f"{loss}: expected outputs of shape ({count}, width), got {output.shape}; {hint}")
    return [output[:, i] for i in range(count)]


def halves(output: Tensor) -> tuple[Tensor, Tensor]:
    """The means and the logarithms of variances that stand side by side in an output (n, ..., 2 k)."""
    n = output.shape[-1]
    if n is None or n % 2:
        raise ShapeError(f"gaussian: expected a mean and a log variance for each target, got outputs {output.type}")
    return output[..., : n // 2], output[..., n // 2 :]


def direction(x: Tensor) -> Tensor:
    """Vectors of length 1; a little is added to the square, so that it has a derivative at 0."""
    return x / call("sqrt", call("sum", call("square", x), axis=-1, keepdims=True) + 1e-12)


def distance(a: Tensor, b: Tensor) -> Tensor:
    """The length of a - b; a little is added to its square, so that it has a derivative at 0."""
    return call("sqrt", call("sum", call("square", a - b), axis=-1) + 1e-12)
