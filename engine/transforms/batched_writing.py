"""How newer ops take a batch, above all those that write at positions: rules beside those of ``batching``."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..frozen import changed
from ..graph import Constant, Tensor, constant
from ..ops.arrays import Reshape
from ..types import TensorType, static
from .batching import Batch, Value, leading, rule, shift_axis, swap

rule("LastPlace")(leading)
rule("ArgPartition", "Fourier", "Half", "Whole")(shift_axis)


@rule("Places")
def places(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Value:
    """Of ``x`` only the length of the first axis is read, the second of a batch."""
    x, at = xs
    return Value(op(swap(x.tensor) if x.batched else x.tensor, at.tensor), at.batched)


@rule("ScatterSet", "ScatterMultiply", "ScatterExtremum")
def scatter(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor | None:
    """Places that all examples share stay; else the rows of all examples follow each other as rows of one tensor."""
    x, u = b.lead(xs[0]), b.lead(xs[1])
    at = xs[2].tensor
    if not xs[2].batched:
        return swap(op(swap(x), swap(u), at))
    if b.size is None or None in x.shape or None in u.shape:
        return None
    starts = constant(np.arange(b.size)[:, None] * static(x.shape[1]))
    return like(op(in_rows(x), in_rows(u), Reshape((-1,))(at + starts)), x)


@rule("Chain")
def chain(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Tensor | None:
    """As rows of one tensor: each example begins with the first of a chain, in either direction."""
    (x, y), first = (b.lead(v) for v in xs[:2]), xs[2].tensor
    if not xs[2].batched:
        return swap(op(swap(x), swap(y), first))
    if b.size is None or None in x.shape:
        return None
    return like(op(in_rows(x), in_rows(y), Reshape((-1,))(first)), x)


def stub(x: Value) -> Tensor | None:
    """Zeros without memory in the shape of one example, for an op that reads no more; None if a length is unknown."""
    shape = x.tensor.shape[x.batched :]
    if None in shape:
        return None
    return Constant(np.broadcast_to(np.zeros((), x.tensor.dtype), shape), TensorType(shape, x.tensor.dtype))


@rule("Positions")
def positions(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Value | None:
    one = stub(xs[0])
    return None if one is None else Value(op(one), False)


@rule("Along")
def along(b: Batch, op: Any, t: Tensor, xs: list[Value]) -> Value | None:
    """Positions among all examples, less those before each."""
    x, at = xs
    one = stub(x)
    if one is None or b.size is None:
        return None
    if not at.batched:
        return Value(op(one, at.tensor), False)
    among = changed(op, axis=op.axis + 1)(b.shape_of(x), at.tensor)
    starts = np.arange(b.size).reshape(-1, *(1,) * t.ndim) * one.type.size
    return Value(among - constant(starts), True)


def in_rows(x: Tensor) -> Tensor:
    """The first two axes joined."""
    return Reshape((-1, *map(static, x.shape[2:])))(x)


def like(rows: Tensor, x: Tensor) -> Tensor:
    """``rows`` in the known shape of ``x``."""
    return Reshape(tuple(map(static, x.shape)))(rows)
