"""The cross-entropy of a sigmoid, of labels 0 and 1 or their chances, in a form that neither overflows nor cancels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Like, Tensor
from ..table import op, sample
from ..types import Array
from .activations import sigmoid, softplus
from .alike import alike
from .base import Elementwise
from .counting import label_weights
from .logic import equal, logical_and, where
from .wide import wide


def _sigmoid_cross_entropy(x: Array, t: Array, out: Array) -> None:
    """log(1 + exp(-abs(x))) + abs(x) times what the target gives to the other side, which is 0 if that is nothing."""
    other = np.where(x > 0, 1 - t, -t)
    out[...] = np.where(other == 0, 0, x * other) + np.log1p(np.exp(-np.abs(x)))


def sigmoid_cross_entropy_of(x: Any, t: Any) -> Any:
    other = (x > 0).choose(1 - t, -t)
    return other.differs(0).choose(x * other, 0) + (-x.abs()).exp().log1p()


SIGMOID_CROSS_ENTROPY = Elementwise(
    "sigmoid_cross_entropy",
    np.logaddexp,
    lambda g, y, x, t: (g * (sigmoid(x) - t), -g * x),
    "Cross-entropy of a sigmoid.",
    fill=_sigmoid_cross_entropy,
    scalar_rule=sigmoid_cross_entropy_of,
)


@op(sample((3,), (3,)), sample((2, 3), ()), sample((2, 3), (2, 3), pos_weight=(0.5, 1.0, 2.0)))
@wide
def sigmoid_cross_entropy(logits: Like, targets: Like, pos_weight: Like | None = None) -> Tensor:
    """max(x, 0) - x t + log(1 + exp(-abs(x))): the binary cross-entropy of sigmoid(x) against targets in [0, 1].

    ``pos_weight``, a number or one for each label of the last axis, multiplies what a target of 1 loses.

    >>> print(ag.sigmoid_cross_entropy([2.0, -1000.0], [1.0, 0.0]).eval())
    [0.12692801 0.        ]
    """
    x, t = alike(logits, targets, "sigmoid_cross_entropy", ("logits", "targets"))
    if pos_weight is None:
        return SIGMOID_CROSS_ENTROPY(x, t)
    return label_weights(pos_weight, x, "sigmoid_cross_entropy") * share(t, -x) + share(1 - t, x)


def share(t: Tensor, x: Tensor) -> Tensor:
    """t softplus(x), of which a share of 0 of an infinity counts nothing."""
    return t * where(logical_and(equal(t, 0), equal(x, np.inf)), 0, softplus(x))
