"""Values of graphs of tensors in mpmath, to any number of digits.

What has no real, finite value is NaN. Floats of a graph stand for what they were written for: a short decimal is that
decimal, and the float next to pi is pi.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np
from precise import SCALARS, UnknownError, apply, number

from agcli.engine.graph import Constant, Tensor, toposort
from agcli.engine.leaves import Placeholder

KNOWN = [
    lambda: +mp.pi, lambda: +mp.e, lambda: mp.log(2), lambda: mp.log(10), lambda: mp.sqrt(mp.pi), lambda: mp.sqrt(2),
    lambda: mp.sqrt(2 * mp.pi),
]  # fmt: skip
DIGITS = 12


def constant(value: Any) -> Any:
    """An element of a constant as what it was written for."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | Fraction):
        return number(value)
    x = float(value)
    if not math.isfinite(x):
        return mp.nan
    text = repr(x)
    if len(text.partition("e")[0].replace(".", "").strip("-0")) <= DIGITS:
        return mp.mpf(text)
    for known in KNOWN:
        for k in (1, 2, 0.5, -1, -2, -0.5):
            for exponent in (1, -1):
                candidate = k * known() ** exponent
                if float(candidate) == x:
                    return candidate
    for k in (1, 2, 3):
        for known in (mp.pi, mp.e):
            if float(known) - k == x:
                return known - k
    return mp.mpf(x)


MOVES: dict[str, Any] = {
    "reshape": lambda t, x: x.reshape(t.shape),
    "reshape_like": lambda t, x, like: x.reshape(like.shape),
    "broadcast_to": lambda t, x: np.broadcast_to(x, t.shape),
    "transpose": lambda t, x: np.transpose(x, t.op.axes),
    "expand_dims": lambda t, x: x.reshape(t.shape),
    "squeeze": lambda t, x: x.reshape(t.shape),
    "expand_like": lambda t, x, like: np.broadcast_to(
        x if t.op.keepdims or not t.op.axes else np.expand_dims(x, t.op.axes), like.shape
    ),
    "zeros_like": lambda t, like: np.full(like.shape, mp.mpf(0), object),
    "ones_like": lambda t, like: np.full(like.shape, mp.mpf(1), object),
    "full_like": lambda t, like: np.full(like.shape, constant(t.op.value), object),
    "concatenate": lambda t, *xs: np.concatenate(xs, axis=t.op.axis),
    "matmul": lambda t, a, b: np.asarray(np.dot(a, b) if a.ndim <= 2 and b.ndim <= 2 else np.matmul(a, b)),
    "sum": lambda t, x: np.asarray(x.sum(axis=t.op.axes, keepdims=t.op.keepdims)),
    "mean": lambda t, x: np.asarray(
        x.sum(axis=t.op.axes, keepdims=t.op.keepdims) / mp.mpf(x.size // max(1, math.prod(t.shape)))
    ),
    "astype": lambda t, x: x,
}


def getitem(t: Tensor, x: Any) -> Any:
    index = tuple(slice(*i) if isinstance(i, tuple) else i for i in t.op.index)
    return np.asarray(x[index], object)


def sum_like(t: Tensor, x: Any, like: Any) -> Any:
    extra = x.ndim - like.ndim
    x = np.asarray(x.sum(axis=tuple(range(extra)))) if extra else x
    axes = tuple(i for i, n in enumerate(like.shape) if n == 1 and x.shape[i] != 1)
    return np.asarray(x.sum(axis=axes, keepdims=True)) if axes else x


def softmax(t: Tensor, x: Any) -> Any:
    power = np.frompyfunc(mp.exp, 1, 1)(x)
    return power / power.sum(axis=getattr(t.op, "axis", -1), keepdims=True)


def logsumexp(t: Tensor, x: Any) -> Any:
    total = np.frompyfunc(mp.exp, 1, 1)(x).sum(axis=t.op.axes, keepdims=t.op.keepdims)
    return np.asarray(np.frompyfunc(mp.log, 1, 1)(total), object)


def one_hot(t: Tensor, labels: Any) -> Any:
    found = np.full(t.shape, mp.mpf(0), object)
    for i in np.ndindex(labels.shape):
        found[(*i, int(labels[i]))] = mp.mpf(1)
    return found


def sparse_softmax_grad(t: Tensor, g: Any, level: Any, logits: Any, labels: Any) -> Any:
    share = np.frompyfunc(mp.exp, 1, 1)(logits - np.expand_dims(level, -1))
    return np.expand_dims(g, -1) * (share - one_hot(t, labels))


def cross_entropy(t: Tensor, logits: Any, labels: Any) -> tuple[Any, Any]:
    """The two outputs: losses, and logarithms of sums of exponentials."""
    level = np.frompyfunc(mp.log, 1, 1)(np.frompyfunc(mp.exp, 1, 1)(logits).sum(axis=-1))
    loss = np.empty(labels.shape, object)
    for i in np.ndindex(labels.shape):
        loss[i] = level[i] - logits[(*i, int(labels[i]))]
    return loss, level


TUPLES: dict[str, Any] = {"sparse_softmax_cross_entropy": cross_entropy, "item": lambda t, pair: pair[t.op.index]}
MOVES |= {"getitem": getitem, "sum_like": sum_like, "softmax": softmax, "logsumexp": logsumexp, "one_hot": one_hot,
          "sparse_softmax_grad": sparse_softmax_grad}  # fmt: skip


def graph_values(
    outputs: list[Tensor], feeds: dict[str, Any], digits: int = 50, largest: float = math.inf
) -> list[Any]:
    """The values of tensors as object arrays of mpmath numbers. Raises UnknownError for an op not known here."""
    with mp.workdps(digits):
        found: dict[int, Any] = {}
        for t in toposort(outputs):
            values = graph_value(t, [found[x.id] for x in t.inputs], feeds)
            for i in np.ndindex(values.shape if largest < math.inf else (0,)):
                if not isinstance(values[i], bool) and abs(values[i]) > largest:
                    values = np.array(values, object)
                    values[i] = mp.nan
            found[t.id] = values
        return [found[t.id] for t in outputs]


def graph_value(t: Tensor, inputs: list[Any], feeds: dict[str, Any]) -> Any:
    if isinstance(t, Placeholder):
        return np.asarray(feeds[t.name], object)
    if isinstance(t, Constant):
        value = t.value
        if not isinstance(value, np.ndarray):
            return np.full(t.shape, constant(value), object)
        found = np.empty(value.shape, object)
        found[...] = np.vectorize(constant, otypes=[object])(value) if value.size else value
        return found
    if t.op.name in TUPLES:
        return TUPLES[t.op.name](t, *inputs)
    move = MOVES.get(t.op.name)
    if move is not None:
        return np.asarray(move(t, *inputs), object)
    if t.op.name not in SCALARS and t.op.name != "polygamma":
        raise UnknownError(t.op.name)
    head = t.op if t.op.name in ("polygamma", "sinc", "keep") else t.op.name
    arrays = np.broadcast_arrays(*inputs)
    out = np.empty(arrays[0].shape, object)
    for i in np.ndindex(out.shape):
        out[i] = apply(head, *(a[i] for a in arrays))
    return out
