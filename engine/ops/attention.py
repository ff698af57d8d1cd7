"""Attention as one op, with its gradient: neither keeps anything of the size (places x places).

Inputs and results are (samples, places, heads, width), as a dense layer leaves them, so that heads are split and joined
without a copy. The gradient of the gradient is written in products and softmax.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor, cast, unify
from ..types import Array, Shape, TensorType, TupleType, fits, static
from .arrays import swap_last, transpose
from .attention_plain import as_mask, leading, plain_weights
from .attention_tiles import LEVELS, Heads, backward, forward, kept_rows
from .base import items
from .creation import size
from .elementwise import add_n, rsqrt
from .keys import FUNCTION_KEY, next_stream
from .matmul import matmul
from .reductions import sum
from .repeating import repeat
from .slicing import expand_dims, squeeze
from .words import Draw, Source

NAME = "scaled_dot_product_attention"


@frozen
class KeptWeights(Draw):
    """Which weights stay, in the shape (samples, heads, queries, keys) of the second input."""

    threshold: int
    first: int
    stream: int
    name = "kept_weights"
    shape_only = (1,)

    def infer(self, key: TensorType, like: TensorType) -> TensorType:
        self.check_key(key)
        return TensorType(like.shape, np.dtype(bool))

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        source, key = Source(self.stream), inputs[0]
        rows = out.shape[1] * out.shape[2]

        def run() -> None:
            for b in range(out.shape[0] if out.size else 0):
                found = kept_rows(source, key, (self.first + b) * rows, rows, out.shape[3], self.threshold)
                out[b] = found.reshape(out.shape[1:])

        return run


@frozen
class Attends(Op):
    """What attention and its gradient share: attributes, and the plain form of the weights.

    The last inputs are query, key, value, a mask (samples, heads, queries, keys) if ``masked``, of bools, or of floats
    that are added to the scores, and the key of random numbers if there is a ``threshold``: of 65536 weights so many
    are set to 0 and the others scaled.
    """

    causal: bool
    scale: float | None
    masked: bool
    threshold: int = 0
    stream: int = 0
    first: int = 0  # the number of the first sample, where others have the samples before it

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def adds(self, inputs: Sequence[Any]) -> bool:
        """Whether the mask behind query, key and value is added to the scores."""
        return self.masked and inputs[3].dtype.kind == "f"

    def factor(self, width: int) -> float:
        return self.scale if self.scale is not None else width**-0.5 if width else 1.0

    def products(self, *shapes: Shape) -> float:
        """Multiplications with a sum."""
        raise NotImplementedError

    def seen(self, rows: int, columns: int) -> float:
        """Scores of a head: with ``causal`` about half of them are computed."""
        return rows * columns / (2 if self.causal else 1)

    def check(self, q: TensorType, k: TensorType, v: TensorType, *rest: TensorType) -> tuple[Any, Any]:
        """Samples and heads of the result."""
        kinds = {x.dtype for x in (q, k, v)}
        if len(kinds) > 1 or q.dtype.kind != "f":
            raise DTypeError(f"{NAME}: query, key and value need one float dtype, got {q}, {k}, {v}")
        if not fits(q.shape[-1:], k.shape[-1:]):
            raise ShapeError(f"{NAME}: query and key need one width, got {q.shape[-1]} and {k.shape[-1]}")
        if not fits(k.shape[1:2], v.shape[1:2]):
            raise ShapeError(f"{NAME}: {k.shape[1]} keys do not belong to {v.shape[1]} values")
        masks = [rest[0].shape[:2]] if self.masked else []
        if self.masked:
            for what, have, need in zip(("queries", "keys"), rest[0].shape[2:], (q.shape[1], k.shape[1]), strict=True):
                if have not in (1, None, need) and need is not None:
                    raise ShapeError(f"{NAME}: a mask of {have} {what} does not belong to {need}")
        batch = common([x.shape[0] for x in (q, k, v)] + [m[0] for m in masks], "samples")
        heads = common([q.shape[2], *(m[1] for m in masks)], "heads")
        groups = common([k.shape[2], v.shape[2]], "heads of keys and values")
        if heads in (1, None) or groups in (1, heads):
            return batch, groups if heads == 1 else heads
        if groups is not None and heads % groups:
            raise ShapeError(f"{NAME}: {groups} heads of keys and values do not divide {heads} heads of queries")
        return batch, heads

    def weights(self, q: Tensor, k: Tensor, *rest: Tensor) -> tuple[Tensor, Any]:
        """Weights (samples, heads, queries, keys) in the plain form, and what dropout multiplies them by, or 1.

        q and k are (samples, heads, places, width).
        """
        shares = plain_weights(q, k, rest[0] if self.masked else None, self.causal, self.scale)
        if not self.threshold:
            return shares, 1
        keep = KeptWeights(self.threshold, self.first, self.stream)(rest[-1], shares)
        return shares, keep.astype(q.dtype) * (1 / (1 - self.threshold / LEVELS))

    def tangent(self, tangents: Sequence[Tensor | None], inputs: Sequence[Tensor]) -> Tensor | None:
        """The tangent of the result."""
        q, k, v, *rest = inputs
        heads = Spread(q, k, v)
        a, b, c = (None if t is None else heads(t, i > 0) for i, t in enumerate(tangents[:3]))
        added = tangents[3] if self.masked and len(tangents) > 3 else None
        if a is None and b is None and c is None and added is None:
            return None
        qh, kh, vh = heads.all()
        p, kept = self.weights(qh, kh, *rest)
        moved = self.moved_scores(qh, kh, a, b)
        if added is not None:
            moved = added if moved is None else moved + added
        total = None if moved is None else matmul(p * (moved - sum(p * moved, -1, keepdims=True)) * kept, vh)
        if c is not None:
            part = matmul(p * kept, c)
            total = part if total is None else total + part
        return None if total is None else turned(total)

    def moved_scores(self, q: Tensor, k: Tensor, dq: Tensor | None, dk: Tensor | None) -> Tensor | None:
        """The tangent of the scores."""
        parts = [] if dq is None else [matmul(dq * self.scale_of(q), swap_last(k))]
        if dk is not None:
            parts.append(matmul(q * self.scale_of(q), swap_last(dk)))
        return None if not parts else parts[0] if len(parts) == 1 else parts[0] + parts[1]

    def scale_of(self, q: Tensor) -> Any:
        return rsqrt(size(q, -1).astype(q.dtype)) if self.scale is None else self.scale


@frozen
class Attention(Attends):
    """softmax(query key^T scale) value, and the logarithm of each query's sum of exponentials, for the gradient."""

    name = "attention"

    def products(self, *shapes: Shape) -> float:
        """Scores and results."""
        q, k, v, *_ = shapes
        batch, rows, heads, width = map(static, q)
        return batch * heads * self.seen(rows, static(k[1])) * (width + static(v[3]))

    def infer(self, *types: TensorType) -> TupleType:
        q, _, v, *_ = types
        batch, heads = self.check(*types)
        y = TensorType((batch, q.shape[1], heads, v.shape[3]), q.dtype)
        return TupleType((y, TensorType((batch, heads, q.shape[1]), q.dtype)))

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        if not out[1].size:
            return int
        heads = Heads(self, inputs)
        return lambda: forward(heads, *out)

    def vjp(self, g: Any, y: Tensor, *inputs: Tensor) -> Cotangents:
        if g[0] is None:
            return [None] * len(inputs)
        fields = [getattr(self, name) for name in type(self).__match_args__]
        nothing = [None] * (len(inputs) - 3)
        if self.adds(inputs):
            nothing[0] = self.slope_of_mask(g[0], *inputs)  # type: ignore[call-overload]
        return [*items(AttentionGrad(*fields)(g[0], items(y)[1], *inputs)), *nothing]

    def slope_of_mask(self, dy: Tensor, *inputs: Tensor) -> Tensor:
        """The cotangent of a mask of floats, in the plain form; it is computed only where it is wanted."""
        q, k, v, *rest = inputs
        qh, kh, vh = Spread(q, k, v).all()
        p, kept = self.weights(qh, kh, *rest)
        outer = matmul(turned(dy), swap_last(vh)) * kept
        slope: Tensor = p * (outer - sum(p * outer, -1, keepdims=True))
        return slope

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Any:
        return [self.tangent(tangents, inputs), None]


@frozen
class AttentionGrad(Attends):
    """Cotangents of query, key and value, for that of the result, and the second output of ``Attention``."""

    name = "attention_grad"

    def products(self, *shapes: Shape) -> float:
        """Scores once more, cotangents of weights, and the three results."""
        _, level, q, k, v, *_ = shapes
        batch, heads, rows = map(static, level)
        return batch * heads * self.seen(rows, static(k[1])) * (3 * static(q[3]) + 2 * static(v[3]))

    def infer(self, g: TensorType, level: TensorType, *types: TensorType) -> TupleType:
        return TupleType(types[:3])

    def bind(self, inputs: Sequence[Array], out: Any) -> Callable[[], Any]:
        g, level, *rest = inputs
        if not level.size:
            return lambda: [x.fill(0) for x in out]
        heads = Heads(self, rest)
        return lambda: backward(heads, g, level, out)

    def vjp(self, g: Any, y: Tensor, *inputs: Tensor) -> Cotangents:
        """That of <g, gradient>, the derivative of <dy, result> along g.

        The second input is a function of query, key and value, and counted with them.
        """
        dy, _, q, k, v, *rest = inputs
        t = self.tangent(g, (q, k, v, *rest))
        if t is None:
            return [None] * len(inputs)
        heads = Spread(q, k, v)
        a, b, c = (None if x is None else heads(x, i > 0) for i, x in enumerate(g))
        (qh, kh, vh), dyh, factor = heads.all(), turned(dy), self.scale_of(q)
        p, kept = self.weights(qh, kh, *rest)
        moved = self.moved_scores(qh, kh, a, b)
        outer = matmul(dyh, swap_last(vh)) * kept  # the cotangent of the weights
        slope = None if c is None else matmul(dyh, swap_last(c)) * kept
        dq, dk, dv = [], [], []
        if moved is not None:
            mean, share = sum(p * moved, -1, keepdims=True), sum(p * outer, -1, keepdims=True)
            again = outer * (moved - mean) - moved * share
            slope = again if slope is None else slope + again
            bent = p * (outer - share) * factor
            dv.append(matmul(swap_last(p * (moved - mean) * kept), dyh))
            if b is not None:
                dq.append(matmul(bent, b))
            if a is not None:
                dk.append(matmul(swap_last(bent), a))
        nothing: list[Tensor | None] = [None] * len(rest)
        if slope is not None:
            back = p * (slope - sum(p * slope, -1, keepdims=True))
            if self.adds((q, k, v, *rest)):
                nothing[0] = back
            back = back * factor
            dq.append(matmul(back, kh))
            dk.append(matmul(swap_last(back), qh))
        found = [None if not parts else turned(add_n(*parts)) for parts in (dq, dk, dv)]
        found[1:] = [None if x is None else heads.gathered(x) for x in found[1:]]
        return [t, None, *found, *nothing]


class Spread:
    """(samples, places, heads, width) as (samples, heads, places, width), each head of a key for all of its queries."""

    def __init__(self, q: Tensor, k: Tensor, v: Tensor) -> None:
        self.tensors = (q, k, v)
        heads, groups = q.shape[2], k.shape[2] if k.shape[2] != 1 else v.shape[2]
        self.each = heads // groups if heads is not None and groups is not None and 1 < groups < heads else 1

    def __call__(self, x: Tensor, key: bool) -> Tensor:
        repeated = key and self.each > 1 and x.shape[2] != 1
        return turned(repeat(x, self.each, axis=2) if repeated else x)

    def all(self) -> list[Tensor]:
        return [self(x, i > 0) for i, x in enumerate(self.tensors)]

    def gathered(self, x: Tensor) -> Tensor:
        """Cotangents of keys or values, added up over the queries that share them."""
        if self.each == 1:
            return x
        return add_n(*(x[:, :, i :: self.each] for i in range(self.each)))


def turned(x: Tensor) -> Tensor:
    """Places and heads exchanged."""
    return transpose(x, (0, 2, 1, 3))


def common(lengths: Sequence[int | None], what: str) -> int | None:
    """The one length of axes that broadcast."""
    known = {n for n in lengths if n not in (1, None)}
    if len(known) > 1:
        raise ShapeError(f"{NAME}: the numbers of {what} differ: {', '.join(map(str, sorted(known)))}")
    return known.pop() if known else None if None in lengths else 1


def attention(
    query: Like,
    key: Like,
    value: Like,
    mask: Like | None,
    *,
    causal: bool,
    scale: float | Tensor | None,
    rate: float,
    random_key: Like | None,
) -> Tensor:
    """Attention of (..., queries, width) to (..., keys, width), whose leading axes broadcast."""
    q, k, v = as_floats([as_tensor(x) for x in (query, key, value)])
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ShapeError(f"{NAME}: needs (..., L, D), (..., S, D) and (..., S, V), got {q.shape}, {k.shape}, {v.shape}")
    if not 0 <= rate < 1:
        raise ShapeError(f"{NAME}: the rate of dropout lies in [0, 1), got {rate}")
    if isinstance(scale, Tensor):
        q, scale = q * scale, 1.0
    look = None if mask is None else as_mask(as_tensor(mask), q.dtype)
    threshold = min(round(rate * LEVELS), LEVELS - 1)
    rank = max(x.ndim for x in (q, k, v, *([] if look is None else [look])))
    if rank > MOST:
        return leading(q, k, v, look, causal, scale, rate, random_key)
    op = Attention(causal, scale, look is not None, threshold, next_stream() if threshold else 0)
    order = SINGLE if rank < MOST and not grouped(q, k) else HEADS
    inputs = [arranged(x, rank, order) for x in (q, k, v)]
    if look is not None:
        inputs.append(arranged(look, rank, (0, 1, 2, 3) if order == HEADS else (1, 0, 2, 3)))
    if threshold:
        inputs.append(FUNCTION_KEY if random_key is None else as_tensor(random_key))
    y = transpose(items(op(*inputs))[0], np.argsort(order).tolist())
    return squeeze(y, tuple(range(MOST - rank))) if rank < MOST else y


MOST = 4  # axes of what the op takes
HEADS = (0, 2, 1, 3)  # (samples, heads, places, width) -> (samples, places, heads, width)
SINGLE = (1, 2, 0, 3)  # the same where the axis before the places counts samples of one head


def grouped(q: Tensor, k: Tensor) -> bool:
    """Whether the axis before the places is of heads, of which several queries share one key."""
    if min(q.ndim, k.ndim) < 3:
        return False
    heads, groups = q.shape[-3], k.shape[-3]
    return heads is not None and groups is not None and heads != groups and 1 not in (heads, groups)


def arranged(x: Tensor, rank: int, order: Sequence[int]) -> Tensor:
    """``x`` with leading axes of length one, its axes in this order."""
    missing = MOST - x.ndim
    return transpose(expand_dims(x, tuple(range(missing))) if missing else x, order)


def as_floats(xs: list[Tensor]) -> list[Tensor]:
    """The tensors in one float dtype."""
    xs = unify(xs)
    dtype = np.result_type(*(x.dtype for x in xs))
    return [cast(x, dtype if dtype.kind == "f" else np.dtype("float64")) for x in xs]
