"""Ops of classification: softmax and the cross-entropies in forms that neither overflow nor cancel."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import DTypeError, ShapeError
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import integers, op, sample
from ..types import Array, TensorType, fits, normalize_axis, static
from .base import Elementwise
from .elementwise import sigmoid
from .indexing import check_range, one_hot
from .reductions import sum
from .slicing import expand_dims


def float_only(name: str, x: TensorType) -> None:
    if x.dtype.kind != "f":
        raise DTypeError(f"{name}: needs a float dtype, got {x}")


@dataclass(frozen=True)
class Softmax(Op):
    """Exponentials along an axis, divided by their sum."""

    axis: int
    name = "softmax"
    inplace = (0,)

    def infer(self, x: TensorType) -> TensorType:
        float_only(self.name, x)
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        if x.size == 0:
            return
        np.subtract(x, np.maximum.reduce(x, self.axis, keepdims=True), out)
        np.exp(out, out)
        np.divide(out, np.add.reduce(out, self.axis, keepdims=True), out)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (y * (g - sum(g * y, self.axis, keepdims=True)),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        return None if tangents[0] is None else self.vjp(tangents[0], y, x)[0]  # the Jacobian is symmetric


@op(sample((3, 4)), sample((3, 4), axis=0), sample((3,)), sample((2, 0)))
def softmax(x: Like, axis: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along ``axis``, without overflow."""
    t = as_tensor(x)
    return Softmax(normalize_axis(axis, t.ndim, "softmax"))(t)


@dataclass(frozen=True)
class LogSoftmax(Op):
    """Logarithm of the softmax."""

    axis: int
    name = "log_softmax"
    inplace = (0,)

    def infer(self, x: TensorType) -> TensorType:
        float_only(self.name, x)
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        if x.size == 0:
            return
        np.subtract(x, np.maximum.reduce(x, self.axis, keepdims=True), out)
        np.subtract(out, np.log(np.add.reduce(np.exp(out), self.axis, keepdims=True)), out)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (g - Softmax(self.axis)(x) * sum(g, self.axis, keepdims=True),)


@op(sample((3, 4)), sample((3, 4), axis=0), sample((3,)), sample((2, 0)))
def log_softmax(x: Like, axis: int = -1) -> Tensor:
    """x - logsumexp(x) along ``axis``, without overflow or cancellation."""
    t = as_tensor(x)
    return LogSoftmax(normalize_axis(axis, t.ndim, "log_softmax"))(t)


@dataclass(frozen=True)
class SparseSoftmaxCrossEntropy(Op):
    """-log softmax(logits) at the labels."""

    name = "sparse_softmax_cross_entropy"

    def infer(self, logits: TensorType, labels: TensorType) -> TensorType:
        float_only(self.name, logits)
        if labels.dtype.kind not in "iu":
            raise DTypeError(f"{self.name}: labels must be integers, got {labels}")
        if logits.rank == 0 or not fits(logits.shape[:-1], labels.shape):
            raise ShapeError(
                f"{self.name}: logits {logits.shape} need labels {logits.shape[:-1]}, got {labels.shape}"
            )
        return logits.with_shape(logits.shape[:-1])

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def kernel(self, logits: Array, labels: Array, *, out: Array) -> None:
        classes = logits.shape[-1]
        check_range(labels, classes, "label")
        rows = logits.reshape(-1, classes)
        shifted = rows - np.maximum.reduce(rows, 1, keepdims=True, initial=np.finfo(rows.dtype).min)
        picked = shifted[np.arange(len(rows)), labels.reshape(-1)]
        np.exp(shifted, shifted)
        out[...] = (np.log(np.add.reduce(shifted, 1)) - picked).reshape(out.shape)

    def vjp(self, g: Tensor, y: Tensor, logits: Tensor, labels: Tensor) -> Cotangents:
        target = one_hot(labels, static(logits.shape[-1]), logits.dtype)
        return expand_dims(g, -1) * (Softmax(logits.ndim - 1)(logits) - target), None


@op(sample((3, 4), integers(3, high=4)), sample((2, 3, 4), integers(2, 3, high=4)), sample((4,), integers(high=4)))
def sparse_softmax_cross_entropy(logits: Like, labels: Like) -> Tensor:
    """-log(softmax(logits)) at the integer ``labels``: logits (..., classes), labels (...), result (...)."""
    return SparseSoftmaxCrossEntropy()(as_tensor(logits), as_tensor(labels))


def _sigmoid_cross_entropy(x: Array, y: Array, out: Array) -> None:
    out[...] = np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))


SIGMOID_CROSS_ENTROPY = Elementwise(
    "sigmoid_cross_entropy",
    np.logaddexp,
    lambda g, y, x, t: (g * (sigmoid(x) - t), -g * x),
    "Cross-entropy of a sigmoid.",
    compute=_sigmoid_cross_entropy,
)


@op(sample((3,), (3,)), sample((2, 3), (3,)))
def sigmoid_cross_entropy(logits: Like, targets: Like) -> Tensor:
    """max(x, 0) - x t + log(1 + exp(-abs(x))): the binary cross-entropy of sigmoid(x) against targets in [0, 1]."""
    return SIGMOID_CROSS_ENTROPY(logits, targets)


__all__ = ["log_softmax", "sigmoid_cross_entropy", "softmax", "sparse_softmax_cross_entropy"]
