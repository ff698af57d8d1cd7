"""The plain form of attention, in products and a softmax: for its derivatives, and for more axes than the op has."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import Like, Tensor, cast, constant
from ..types import DType
from .arrays import swap_last
from .creation import ones_like, size
from .diagonals import tril
from .dropout import dropout_mask
from .elementwise import rsqrt
from .logic import logical_and, not_equal, where
from .matmul import matmul
from .nn import softmax
from .reductions import any
from .slicing import expand_dims


def leading(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, scale: Any, rate: float, key: Like | None
) -> Tensor:
    """The same for more axes than the op takes, in the plain form."""
    shares = plain_weights(q, k, mask, causal, scale)
    if rate:
        kept, keep = dropout_mask(shares, rate, key)
        shares = where(kept, shares * (1 / keep), 0)
    return matmul(shares, v)


def as_mask(x: Tensor, dtype: DType) -> Tensor:
    """A mask of at least two axes, of bools, or of floats of this dtype; integers are true where they are not 0."""
    x = cast(x, dtype) if x.dtype.kind == "f" else x if x.dtype.kind == "b" else not_equal(x, 0)
    return expand_dims(x, tuple(range(2 - x.ndim))) if x.ndim < 2 else x


def plain_weights(q: Tensor, k: Tensor, mask: Tensor | None, causal: bool, scale: float | None) -> Tensor:
    """The weights (..., queries, keys) of q (..., queries, width) and k (..., keys, width)."""
    factor = rsqrt(size(q, -1).astype(q.dtype)) if scale is None else scale
    scores = matmul(q * factor, swap_last(k))
    lowest = float(np.finfo(scores.dtype).min)  # not -inf: a row without keys would be 0/0
    look = lower(scores) if causal else None
    if mask is not None and mask.dtype.kind == "f":
        open_ = not_equal(mask, -np.inf)
        scores, mask = scores + where(open_, mask, 0), open_
    if mask is not None:
        look = mask if look is None else logical_and(look, mask)
    if look is None:
        return softmax(scores)
    shares = softmax(where(look, scores, lowest))
    if mask is not None:
        shares = where(any(look, -1, keepdims=True) if look.ndim else look, shares, 0)
    return shares


def lower(scores: Tensor) -> Tensor:
    """True on and below the diagonal of the last two axes."""
    rows, columns = scores.shape[-2:]
    if rows is None or columns is None:
        return tril(ones_like(scores)) > 0
    return constant(np.tri(rows, columns, dtype=bool))
