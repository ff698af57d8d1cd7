"""Products within groups of rows: for each row the product of the others that have the same key.

Rows are sorted by their keys, so that a group is a stretch of neighbors, and the products of all rows before and after
each in its stretch are first-order linear recurrences that begin anew with every group: exact where rows are 0, and
with derivatives that are chains again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Op, Tensor
from ..types import Array, TensorType
from .creation import zeros_like
from .indexing import Take
from .logic import not_equal, where
from .scans import shifted
from .slicing import getitem
from .sorting import ArgSort, Inverse


@frozen
class Chain(Op):
    """h[i] = a[i] h[i-1] + b[i] along the first axis, or b[i] where ``first`` holds; from the end if ``reverse``.

    a and b (n, ...), first (n,), true at the row with which the chain begins.
    """

    reverse: bool
    name = "chain"
    internal = True

    def infer(self, a: TensorType, b: TensorType, first: TensorType) -> TensorType:
        if a.shape != b.shape or first.rank != 1:
            raise ShapeError(f"chain: needs rows of one shape and a vector, got {a.shape}, {b.shape}, {first.shape}")
        return b

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def kernel(self, a: Array, b: Array, first: Array, *, out: Array) -> None:
        """All groups side by side, so there are as many turns as the longest group has rows."""
        a, b, first, h = (x[::-1] if self.reverse else x for x in (a, b, first, out))
        h[...] = b
        place = np.arange(len(first))
        rank = place - np.maximum.accumulate(np.where(first, place, 0))
        order = np.argsort(rank, kind="stable")
        for rows in np.split(order, np.cumsum(np.bincount(rank)))[1:-1]:
            h[rows] += a[rows] * h[rows - 1]

    def vjp(self, g: Tensor, y: Tensor, a: Tensor, b: Tensor, first: Tensor) -> Cotangents:
        on = -1 if self.reverse else 1
        db = Chain(not self.reverse)(shifted(a, 0, -on), g, shifted(first, 0, -on, fill=True))
        return where(rows_of(first, y), 0, db * shifted(y, 0, on)), db, None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor:
        (a, b, first), (da, db, _) = inputs, tangents
        drive = db if db is not None else zeros_like(b)
        if da is not None:
            drive = drive + where(rows_of(first, y), 0, da * shifted(y, 0, -1 if self.reverse else 1))
        return self(a, drive, first)


def rows_of(vector: Tensor, like: Tensor) -> Tensor:
    """One number for each row of ``like``, in a shape that broadcasts."""
    return getitem(vector, (slice(None), *(None,) * (like.ndim - 1))) if like.ndim > 1 else vector


def products_of_others(x: Tensor, keys: Tensor) -> Tensor:
    """For each row of ``x`` (n, ...) the product of the other rows with the same of ``keys`` (n,)."""
    order = ArgSort(0, False)(keys)
    rows, sorted_keys = Take(0)(x, order), Take(0)(keys, order)
    first = not_equal(sorted_keys, shifted(sorted_keys, 0, 1, fill=-1))
    last = shifted(first, 0, -1, fill=True)
    before, after = (one_side(rows, begins, reverse) for begins, reverse in ((first, False), (last, True)))
    return Take(0)(before * after, Inverse(0)(order))


def one_side(rows: Tensor, begins: Tensor, reverse: bool) -> Tensor:
    """The product of all rows of a group that come before each, or behind it."""
    ones = rows_of(begins, rows).astype(rows.dtype) + zeros_like(rows)
    return Chain(reverse)(shifted(rows, 0, -1 if reverse else 1), ones, begins)
