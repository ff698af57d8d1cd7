"""Softmax and its cross-entropy over the rows of a loop, as formulas of sums and extremes of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from ....frozen import frozen
from ....graph import Op, Tensor
from ....ops import elementwise as ew
from ....ops.arrays import Reshape
from ....ops.cross_entropy import SparseSoftmaxCrossEntropy, SparseSoftmaxGrad, check_labels
from ....ops.logic import where
from ....ops.nn import LogSoftmax, Softmax
from ....ops.program import ROW, program, steady
from ....ops.reductions import Max, Sum
from ....types import Array, TensorType, static
from .frames import frame_of

Parts = tuple[Tensor, ...]
LEAST = 1 << 10  # elements


@frozen
class Labels(Op):
    """Labels that were looked at, one a row, as small integers."""

    classes: int
    name = "labels"

    def infer(self, labels: TensorType) -> TensorType:
        return TensorType((*labels.shape, 1), np.dtype("int32"))

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        calls: list[Callable[[], Any]] = []
        labels = steady(inputs[0], np.dtype("int64"), calls)
        check = partial(check_labels, labels, self.classes)
        return program((*calls, check, partial(np.copyto, out.reshape(labels.shape), labels, "unsafe")))


@frozen
class IsLabel(Op):
    """Whether an element's place in its row is the label of the row."""

    classes: int
    name = "is_label"

    def infer(self, labels: TensorType) -> TensorType:
        return TensorType((*labels.shape[:-1], self.classes), np.dtype(bool))

    def kernel(self, labels: Array, *, out: Array) -> None:
        np.equal(labels, np.arange(self.classes, dtype=labels.dtype), out)

    def scalar(self, *values: Any) -> Any:
        (label,) = values
        return label.place().equals(label)


class RowFormulas:
    """The formulas of one graph, which know what they have in common."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}

    def parts(self, op: Any, inputs: Sequence[Tensor]) -> Parts | None:
        """What an op makes of its inputs; None where it is none of these, or its rows have a loop of their own."""
        if isinstance(op, Softmax | LogSoftmax) and is_long(inputs[0], op.axis):
            return (softmax(inputs[0], op.axis, isinstance(op, LogSoftmax)),)
        if isinstance(op, SparseSoftmaxCrossEntropy) and is_long(inputs[0], inputs[0].ndim - 1):
            return self.cross_entropy(*inputs)
        if isinstance(op, SparseSoftmaxGrad) and is_long(inputs[2], inputs[2].ndim - 1):
            return (self.slope(*inputs),)
        return None

    def label(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Where the labels are, and the logits there."""
        found = self.known.get((logits.id, labels.id))
        if found is None:
            classes = static(logits.shape[-1])
            here = IsLabel(classes)(Labels(classes)(labels))
            found = here, Sum((logits.ndim - 1,), True)(where(here, logits, 0))
            self.known[logits.id, labels.id] = found
        return found

    def cross_entropy(self, logits: Tensor, labels: Tensor) -> Parts:
        axis = (logits.ndim - 1,)
        top = Max(axis, True)(logits)
        total = ew.log(Sum(axis, True)(ew.exp(ew.subtract(logits, top))))
        loss = ew.subtract(total, ew.subtract(self.label(logits, labels)[1], top))
        shape = tuple(map(static, labels.shape))
        return Reshape(shape)(loss), Reshape(shape)(ew.add(total, top))

    def slope(self, g: Tensor, level: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
        """g (softmax - one_hot), exact where the probability of the label is almost 1."""
        here, picked = self.label(logits, labels)
        level, g = rows_of(level), rows_of(g)
        chosen = ew.expm1(ew.subtract(picked, level))
        return ew.multiply(where(here, chosen, ew.exp(ew.subtract(logits, level))), g)


def is_long(x: Tensor, axis: int) -> bool:
    """Whether an array has rows for a loop that needs their sums, longer than those that fit into a few registers."""
    if not x.type.known or axis != x.ndim - 1 or static(x.shape[-1]) <= ROW or x.type.size < LEAST:
        return False
    return frame_of(Max((axis,), True)(x)) is not None


def softmax(x: Tensor, axis: int, logarithm: bool) -> Tensor:
    rest = ew.subtract(x, Max((axis,), True)(x))
    power = ew.exp(rest)
    total = Sum((axis,), True)(power)
    return ew.subtract(rest, ew.log(total)) if logarithm else ew.divide(power, total)


def rows_of(x: Tensor) -> Tensor:
    """A number a row, with an axis of length one behind."""
    shape = (*map(static, x.shape), 1)
    source = x.inputs[0] if isinstance(x.op, Reshape) else None
    return source if source is not None and source.shape == shape else Reshape(shape)(x)
