"""What counts in a cross-entropy: weights of classes, a label that is ignored, and the mean over what is left."""

from __future__ import annotations

import numpy as np

from ..errors import DTypeError, ShapeError
from ..graph import Like, Tensor, as_tensor, cast
from ..types import fits
from .indexing import take
from .logic import equal, logical_not, where
from .reductions import mean, sum
from .slicing import expand_dims

REDUCTIONS = ("none", "mean", "sum")


def check_reduction(value: str, name: str) -> None:
    if value not in REDUCTIONS:
        raise ShapeError(f"{name}: reduction is none, mean or sum, got {value!r}")


def class_weights(weights: Like | None, scores: Tensor, axis: int, name: str) -> Tensor | None:
    """A weight for each class, in the dtype of the scores, whose classes lie along ``axis``."""
    if weights is None:
        return None
    w = as_tensor(weights)
    if w.dtype.kind not in "fiu":
        raise DTypeError(f"{name}: weights of classes are numbers, got {w.type}")
    if w.ndim != 1 or not fits(w.shape, (scores.shape[axis],)):
        raise ShapeError(f"{name}: expected a weight for each of {scores.shape[axis]} classes, got {w.shape}")
    return cast(w, scores.dtype)


def label_weights(weights: Like, scores: Tensor, name: str) -> Tensor:
    """A weight for all labels, or one for each along the last axis of the scores."""
    w = as_tensor(weights)
    if w.dtype.kind not in "fiu":
        raise DTypeError(f"{name}: weights of labels are numbers, got {w.type}")
    if w.ndim and (w.ndim > 1 or not fits(w.shape, scores.shape[-1:])):
        raise ShapeError(f"{name}: expected a weight, or one for each label of {scores.shape}, got {w.shape}")
    return cast(w, scores.dtype)


class Labels:
    """Labels (...) beside scores (..., classes): which of them count, and how much."""

    def __init__(self, scores: Tensor, labels: Tensor, weights: Like | None, ignore: int | None, name: str) -> None:
        self.scores, self.labels = scores, labels
        self.counted: Tensor | None = None  # where a label is not ignored
        self.each: Tensor | None = None  # the weight of each label
        self.weights = class_weights(weights, scores, -1, name) if scores.ndim else None
        if ignore is not None and not isinstance(ignore, int | np.integer):
            raise ShapeError(f"{name}: ignore_index is an integer, got {ignore!r}")
        if ignore is not None and labels.dtype.kind in "iu" and fits(scores.shape[:-1], labels.shape):
            out = equal(labels, int(ignore))
            self.counted = logical_not(out)
            self.labels = where(out, 0, labels)
            self.scores = where(expand_dims(out, -1), 0, scores)  # before the loss: what is ignored may be NaN

    def weighted(self, loss: Tensor, smooth: Tensor | None = None, share: float = 0.0) -> Tensor:
        """The loss of each label times its weight, less this ``share`` of what smooths it; 0 where ignored."""
        if self.weights is not None:
            self.each = take(self.weights, self.labels, axis=0)
            loss = loss * self.each
        if smooth is not None:
            loss = (1 - share) * loss - share * smooth
        return loss if self.counted is None else where(self.counted, loss, 0)

    def reduced(self, loss: Tensor, reduction: str) -> Tensor:
        """The losses, their sum, or that divided by the sum of the weights that count; 0 where nothing does."""
        if reduction == "mean":
            each = self.each
            if self.counted is not None:
                each = self.counted.astype(loss.dtype) if each is None else where(self.counted, each, 0)
            if each is None:
                return mean(loss)
            total = sum(each)
            return sum(loss) / where(equal(total, 0), 1, total)
        return reduced(loss, reduction)


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """The losses, their sum or their mean."""
    return loss if reduction == "none" else sum(loss) if reduction == "sum" else mean(loss)
