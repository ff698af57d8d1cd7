"""Cross-entropies of a softmax: losses of classes in forms that neither overflow nor cancel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import integers, op, sample
from ..types import Array, TensorType, TupleType, fits, static
from .alike import alike
from .arrays import reshape
from .base import items
from .counting import Labels, check_reduction, class_weights, reduced
from .creation import ones_like
from .indexing import check_range, one_hot
from .logic import equal, logical_and, where
from .nn import Rows, Softmax, float_only, log_softmax
from .program import ROW, Aligned, Call, program, steady
from .reductions import mean, sum
from .slicing import expand_dims
from .wide import wide


def check_labels(labels: Array, classes: int) -> None:
    """Refuse a label out of range; as unsigned numbers, the negative ones are the largest."""
    if labels.size and np.maximum.reduce(labels.view(np.uint64), axis=None) >= classes:
        check_range(labels, classes, "label")


class Picked:
    """The elements of (..., classes) at integer labels (...): ``index`` into the flat array, and what makes it."""

    def __init__(self, logits: Array, labels: Array) -> None:
        self.calls: list[Call] = []
        self.logits = steady(logits, logits.dtype, self.calls).reshape(-1)
        self.labels = steady(labels, np.dtype("int64"), self.calls).reshape(-1)
        self.classes = logits.shape[-1]
        self.starts = np.arange(self.labels.size) * self.classes
        self.index = np.empty_like(self.starts)
        self.values = np.empty(labels.shape, logits.dtype)

    def check(self) -> None:
        check_labels(self.labels, self.classes)

    def take(self, checked: bool) -> list[Call]:
        """Calls that fill ``index`` and ``values``; labels need a check only the first time that they are used."""
        return [
            *self.calls,
            *([self.check] if checked else []),
            partial(np.add, self.starts, self.labels, self.index),
            partial(self.logits.take, self.index, None, self.values.reshape(-1), "clip"),  # other modes buffer
        ]


@frozen
class SparseSoftmaxCrossEntropy(Op):
    """-log softmax(logits) at the labels; the second output is logsumexp(logits), which the gradient uses."""

    name = "sparse_softmax_cross_entropy"

    def infer(self, logits: TensorType, labels: TensorType) -> TupleType:
        float_only(self.name, logits)
        if labels.dtype.kind not in "iu":
            hint = (
                "a probability for each class goes to softmax_cross_entropy"
                if labels.shape == logits.shape
                else "class numbers are cast by labels.astype('int64')"
            )
            raise DTypeError(f"{self.name}: labels must be integers, got {labels}; {hint}")
        if logits.rank == 0 or not fits(logits.shape[:-1], labels.shape):
            hint = "; drop the last axis: labels[..., 0]" if labels.shape == (*logits.shape[:-1], 1) else ""
            wanted = f"logits {logits.shape} need labels {logits.shape[:-1]}, got {labels.shape}"
            raise ShapeError(
                f"{self.name}: {wanted if logits.rank else 'logits need an axis of classes, got ()'}{hint}"
            )
        loss = TensorType(logits.shape[:-1], logits.dtype)
        return TupleType((loss, loss))

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def bind(self, inputs: Sequence[Array], out: tuple[Array, Array]) -> Call:
        logits, labels = inputs
        if logits.size == 0:
            return program(())
        loss, level = out
        picked, rows = Picked(logits, labels), Rows(logits, logits.ndim - 1, None)
        top, total = rows.top.reshape(labels.shape), rows.total.reshape(labels.shape)
        rows.calls += picked.take(checked=True)
        rows.then(np.exp, rows.work, rows.work)
        rows.reduce(np.add, rows.work, rows.total)
        rows.then(np.log, total, total)
        rows.then(np.add, total, top, level)
        rows.then(np.subtract, picked.values, top, top)  # small numbers first, so that large ones cancel exactly
        rows.then(np.subtract, total, top, loss)
        return program(rows.calls)

    def aligned(self, inputs: Sequence[Array], out: tuple[Array, Array]) -> Aligned | None:
        logits, labels = inputs
        if not 0 < logits.shape[-1] <= ROW:
            return None
        calls: list[Call] = []
        labels = steady(labels, np.dtype("int64"), calls)
        calls.append(partial(check_labels, labels, logits.shape[-1]))
        return Aligned([logits, labels[..., None]], [x[..., None] for x in out], rows=True, before=tuple(calls))

    def scalar(self, *values: Any) -> Any:
        logits, label = values
        top = logits.row_max()
        total = (logits - top).exp().row_sum().log()
        picked = label.is_position().choose(logits, 0.0).row_sum()
        return [total - (picked - top), total + top]

    def vjp(self, g: Any, y: Tensor, logits: Tensor, labels: Tensor) -> Cotangents:
        return None if g[0] is None else SparseSoftmaxGrad()(g[0], items(y)[1], logits, labels), None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, logits: Tensor, labels: Tensor) -> Any:
        loss, level = items(y)
        dx = tangents[0]
        return [None if dx is None else sum(SparseSoftmaxGrad()(ones_like(loss), level, logits, labels) * dx, -1), None]


@frozen
class SparseSoftmaxGrad(Op):
    """g (softmax(logits) - one_hot(labels)), in one pass, as the second input is logsumexp(logits)."""

    name = "sparse_softmax_grad"

    def infer(self, g: TensorType, level: TensorType, logits: TensorType, labels: TensorType) -> TensorType:
        return logits

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        g, level, logits, labels = inputs
        picked = Picked(logits, labels)
        p = picked.values
        return program(
            (
                *picked.take(checked=False),
                partial(np.subtract, logits, level[..., None], out),
                partial(np.exp, out, out),
                partial(np.multiply, out, g[..., None], out),
                partial(np.subtract, p, level, p),
                partial(np.expm1, p, p),  # probability - 1
                partial(np.multiply, p, g, p),
                partial(out.reshape(-1).__setitem__, picked.index, p.reshape(-1)),
            )
        )

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        g, level, logits, labels = inputs
        if not 0 < logits.shape[-1] <= ROW:
            return None
        calls: list[Call] = []
        labels = steady(labels, np.dtype("int64"), calls)
        return Aligned([g[..., None], level[..., None], logits, labels[..., None]], [out], True, tuple(calls))

    def scalar(self, *values: Any) -> Any:
        g, level, logits, label = values
        rest = logits - level
        return [label.is_position().choose(rest.expm1(), rest.exp()) * g]

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        """The level is a function of the logits, and counted with them."""
        gy, _, logits, labels = inputs
        p = Softmax(logits.ndim - 1)(logits)
        target = one_hot(labels, static(logits.shape[-1]), logits.dtype)
        return sum(g * (p - target), -1), None, self.slope(expand_dims(gy, -1) * g, p), None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        (dg, _, dx, _), (gy, level, logits, labels) = tangents, inputs
        first = None if dg is None else self(dg, level, logits, labels)
        if dx is None:
            return first
        second = expand_dims(gy, -1) * self.slope(dx, Softmax(logits.ndim - 1)(logits))
        return second if first is None else first + second

    def slope(self, dx: Tensor, p: Tensor) -> Tensor:
        """The derivative of the softmax p times ``dx``."""
        return p * (dx - sum(p * dx, -1, keepdims=True))


PROBABILITIES = "targets are a probability for each class; for class numbers there is sparse_softmax_cross_entropy"


def smoothing(value: float, name: str) -> float:
    if not 0 <= value < 1:
        raise ShapeError(f"{name}: label_smoothing lies in [0, 1), got {value}")
    return value


@op(
    sample((3, 4), integers(3, high=4)),
    sample((2, 3, 4), integers(2, 3, high=4)),
    sample((4,), integers(high=4)),
    sample((2, 70), integers(2, high=70)),
    sample((3, 4), integers(3, high=4), label_smoothing=0.1),
    sample((3, 4), integers(3, high=4), weights=(1.0, 0.5, 2.0, 1.5), ignore_index=2, reduction="mean"),
    sample((2, 4, 3), integers(2, 4, low=-1, high=3), label_smoothing=0.2, weights=(1.0, 3.0, 0.5), ignore_index=-1),
)
@wide
def sparse_softmax_cross_entropy(
    logits: Like,
    labels: Like,
    label_smoothing: float = 0.0,
    weights: Like | None = None,
    ignore_index: int | None = None,
    reduction: str = "none",
) -> Tensor:
    """-log(softmax(logits)) at the integer ``labels``: logits (..., classes), labels (...), result (...).

    With ``label_smoothing`` s the targets are 1 - s + s / classes at the label, and s / classes elsewhere. ``weights``
    (classes,) multiply the losses by class, of smoothed targets each part by its own. A label ``ignore_index``, which
    may be no class at all, loses 0, and so do its derivatives.

    ``reduction`` is "none", "sum" or "mean": the sum divided by the sum of the weights of all labels that count, as in
    PyTorch, but 0 where none does.

    >>> print(ag.sparse_softmax_cross_entropy([[2.0, 0.0], [0.0, 0.0]], [0, 1]).eval())
    [0.12692801 0.69314718]
    >>> x, y = [[2.0, 0.0], [0.0, 0.0], [0.0, 9.0]], [0, 1, -100]
    >>> loss = ag.sparse_softmax_cross_entropy(x, y, weights=[1.0, 3.0], ignore_index=-100, reduction="mean")
    >>> print(loss.eval().round(6))  # (0.126928 + 3 * 0.693147) / (1 + 3)
    0.551592
    """
    name = "sparse_softmax_cross_entropy"
    check_reduction(reduction, name)
    rows = Labels(as_tensor(logits), as_tensor(labels), weights, ignore_index, name)
    loss = items(SparseSoftmaxCrossEntropy()(rows.scores, rows.labels))[0]
    s = smoothing(label_smoothing, name)
    log_p = None if s == 0 else log_softmax(rows.scores)
    if log_p is not None and rows.weights is not None:
        log_p = log_p * rows.weights
    return rows.reduced(rows.weighted(loss, None if log_p is None else mean(log_p, -1), s), reduction)


@op(
    sample((3, 4), (3, 4)),
    sample((4, 3), (4, 3), axis=0),
    sample((2, 3), (2, 3), label_smoothing=0.2),
    sample((3, 2), (3, 2), axis=0, label_smoothing=0.2, weights=(1.0, 0.5, 2.0), reduction="mean"),
)
@wide
def softmax_cross_entropy(
    logits: Like,
    targets: Like,
    axis: int = -1,
    label_smoothing: float = 0.0,
    weights: Like | None = None,
    reduction: str = "none",
) -> Tensor:
    """-sum(targets log(softmax(logits))) along ``axis``, for targets that are probabilities.

    A class of logit -inf whose target is 0 counts nothing.
    With ``label_smoothing`` s the targets are (1 - s) targets + s / classes; ``weights`` (classes,) multiply each class
    of them. ``reduction`` is "none", "sum" or "mean", which is that of all examples, as in PyTorch.

    >>> print(ag.softmax_cross_entropy([[2.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.5, 0.5]]).eval())
    [0.12692801 0.69314718]
    """
    name = "softmax_cross_entropy"
    check_reduction(reduction, name)
    x, t = alike(logits, targets, name, ("logits", "targets"), PROBABILITIES)
    log_p = log_softmax(x, axis)
    s, w = smoothing(label_smoothing, name), class_weights(weights, x, axis, name)
    counted = where(logical_and(equal(t, 0), equal(log_p, -np.inf)), 0, log_p)
    if w is not None:
        w = w if axis in (-1, x.ndim - 1) else reshape(w, (-1, *(1,) * (x.ndim - 1 - axis % x.ndim)))
        counted, log_p = counted * w, log_p * w
    loss = -sum(t * counted, axis)
    return reduced(loss if s == 0 else (1 - s) * loss - s * mean(log_p, axis), reduction)
