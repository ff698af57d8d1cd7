"""Losses: for each name of the spec, a function (output, target, fields) -> what each sample loses.

Training makes their mean over a batch small; the value over a whole split is the mean over its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from agcli.engine.errors import DTypeError, ShapeError
from agcli.engine.graph import Tensor, call, constant
from agcli.engine.types import fits

Loss = Callable[[Tensor, Tensor, Any], Tensor]


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


def check_weights(weights: Any, classes: int | None, loss: str) -> None:
    if weights is not None and classes is not None and len(weights) != classes:
        raise ShapeError(f"{loss}: expected {classes} class weights, one for each class, got {len(weights)}")


def softmax_cross_entropy(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    name = "softmax_cross_entropy"
    check_weights(fields.class_weights, output.shape[-1] if output.ndim > 1 else None, name)
    if target.dtype.kind == "f" and target.ndim == output.ndim:
        if fields.class_weights is not None:
            raise DTypeError(f"{name}: class weights need targets that are class numbers, got {target.type}")
        t = matched(output, target)
        return per_sample(call(name, output, t, label_smoothing=fields.label_smoothing))
    loss = call(f"sparse_{name}", output, target, label_smoothing=fields.label_smoothing)
    return per_sample(weighted(loss, target, fields.class_weights))


def sigmoid_cross_entropy(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    check_weights(fields.class_weights, 2, "sigmoid_cross_entropy")
    t, s = matched(output, target), fields.label_smoothing
    loss = call("sigmoid_cross_entropy", output, t * (1 - s) + s / 2 if s else t)
    return per_sample(weighted(loss, t, fields.class_weights))


def squared_error(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    return per_sample(call("square", output - matched(output, target)))


def absolute_error(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    return per_sample(call("abs", output - matched(output, target)))


def huber(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    return per_sample(call("huber", output, matched(output, target), delta=fields.delta))


def log_cosh(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    return per_sample(call("log_cosh", output, matched(output, target)))


def focal(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    """Of two classes by their sigmoid, of several by their softmax: (1 - p)^gamma times -log p."""
    if not is_classes(output, target):
        t = matched(output, target)
        return per_sample(call("sigmoid_focal_loss", output, t, gamma=fields.gamma, alpha=fields.alpha))
    if fields.alpha is not None:
        raise ShapeError(f"focal: alpha is for one score a sample, got outputs {output.type}")
    loss = call("sparse_softmax_cross_entropy", output, target)
    return per_sample((-call("expm1", -loss)) ** fields.gamma * loss)


def hinge(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    """Of several classes the mean over all but the right one, divided by their number (Weston and Watkins, 1999)."""
    if not is_classes(output, target):
        t = matched(output, target)
        return per_sample(call("hinge", output, call("where", t > 0, 1.0, -1.0).astype(output.dtype)))
    index = call("expand_dims", target, -1)
    margins = call("relu", 1 + output - call("take_along_axis", output, index, axis=-1))
    right = call("one_hot", target, output.shape[-1], dtype=output.dtype)
    return per_sample(call("sum", margins * (1 - right), axis=-1) / float(output.shape[-1] or 1))


def kl_divergence(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    t = matched(output, target)
    return per_sample(call("sum", call("xlogy", t, t) - t * call("log_softmax", output), axis=-1))


def poisson(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    return per_sample(call("poisson_nll", output, matched(output, target)))


def gaussian(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    """The first half of the outputs are means, the second half logarithms of variances."""
    n = output.shape[-1]
    if n is None or n % 2:
        raise ShapeError(f"gaussian: expected a mean and a log variance for each target, got outputs {output.type}")
    mean, log_variance = output[..., : n // 2], output[..., n // 2 :]
    return per_sample(call("gaussian_nll", mean, log_variance, matched(mean, target)))


def negative_log_likelihood(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    name = "negative_log_likelihood"
    return per_sample(call(name, output, labels(output, target, name)))


def cosine(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    return per_sample(1 - call("cosine_similarity", output, matched(output, target)))


def tuples(output: Tensor, count: int, loss: str) -> list[Tensor]:
    """The vectors of each sample apart."""
    if output.ndim != 3 or output.shape[1] != count:
        hint = "`stack` puts the outputs of layers with shared `weights` together"
        raise ShapeError(f"{loss}: expected outputs of shape ({count}, width), got {output.shape}; {hint}")
    return [output[:, i] for i in range(count)]


def distance(a: Tensor, b: Tensor) -> Tensor:
    """The length of a - b; a little is added to its square, so that it has a derivative at 0."""
    return call("sqrt", call("sum", call("square", a - b), axis=-1) + 1e-12)


def contrastive(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    a, b = tuples(output, 2, "contrastive")
    apart, same = distance(a, b), matched(a[:, 0], target)
    return same * call("square", apart) + (1 - same) * call("square", call("relu", fields.margin - apart))


def triplet(output: Tensor, target: Tensor, fields: Any) -> Tensor:
    anchor, like, other = tuples(output, 3, "triplet")
    return call("relu", distance(anchor, like) - distance(anchor, other) + fields.margin)


LOSSES: Mapping[str, Loss] = {
    "softmax_cross_entropy": softmax_cross_entropy,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
    "mean_squared_error": squared_error,
    "mean_absolute_error": absolute_error,
    "huber": huber,
    "log_cosh": log_cosh,
    "focal": focal,
    "hinge": hinge,
    "kl_divergence": kl_divergence,
    "poisson": poisson,
    "gaussian": gaussian,
    "negative_log_likelihood": negative_log_likelihood,
    "cosine": cosine,
    "contrastive": contrastive,
    "triplet": triplet,
}
