"""Order: sorting, the largest elements, searching, and sets.

Everything here is a choice of elements, so derivatives flow through the positions that were chosen; where the order
of equal elements matters, the earlier one counts as chosen first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import distinct, integers, op, sample
from ..types import Array, TensorType, normalize_axis
from .arrays import flatten, moveaxis
from .indexing import Take, take_along_axis


@frozen
class ArgSort(Op):
    """Positions along an axis in the order of the values."""

    axis: int
    descending: bool
    name = "argsort"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_dtype("int64")

    def kernel(self, x: Array, *, out: Array) -> None:
        if self.descending:  # reversed twice, so that equal elements keep their order
            order = np.argsort(np.flip(x, self.axis), self.axis, kind="stable")
            np.subtract(x.shape[self.axis] - 1, np.flip(order, self.axis), out)
        else:
            out[...] = np.argsort(x, self.axis, kind="stable")

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


@frozen
class Inverse(Op):
    """The permutation along an axis that undoes another."""

    axis: int
    name = "inverse_permutation"

    def infer(self, places: TensorType) -> TensorType:
        return places

    def kernel(self, places: Array, *, out: Array) -> None:
        counter = np.arange(places.shape[self.axis])
        np.put_along_axis(out, places, np.expand_dims(counter, tuple(range(1, places.ndim - self.axis))), self.axis)

    def vjp(self, g: Tensor, y: Tensor, places: Tensor) -> Cotangents:
        return (None,)


@frozen
class Sort(Op):
    """Elements in order; derivatives are put through the same permutation, or through its inverse."""

    axis: int
    descending: bool
    name = "sort"
    inplace = (0,)

    def infer(self, x: TensorType) -> TensorType:
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        if not np.may_share_memory(x, out):
            out[...] = x
        out.sort(self.axis)
        if self.descending:
            out[...] = np.flip(out, self.axis).copy()

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        places = ArgSort(self.axis, self.descending)(x)
        return (take_along_axis(g, Inverse(self.axis)(places), self.axis),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        (dx,) = tangents
        return None if dx is None else take_along_axis(dx, ArgSort(self.axis, self.descending)(x), self.axis)


SAMPLES = (
    sample(distinct(5)),
    sample(distinct(3, 4), axis=0),
    sample(distinct(2, 3, 2), axis=1, descending=True),
    sample((0, 2), axis=0),
)


@op(*SAMPLES)
def sort(x: Like, axis: int = -1, descending: bool = False) -> Tensor:
    """``x`` sorted along ``axis``; of equal elements the earlier one gets the cotangent of the earlier place.

    NaN counts as larger than every number.

    >>> print(ag.sort([3, 1, 2], descending=True).eval())
    [3 2 1]
    """
    t = as_tensor(x)
    return Sort(normalize_axis(axis, t.ndim, "sort"), descending)(t)


@op(*SAMPLES, differentiable=False)
def argsort(x: Like, axis: int = -1, descending: bool = False) -> Tensor:
    """Positions along ``axis`` that sort ``x``; equal elements keep their order.

    >>> print(ag.argsort([3, 1, 2]).eval())
    [1 2 0]
    """
    t = as_tensor(x)
    return ArgSort(normalize_axis(axis, t.ndim, "argsort"), descending)(t)


@frozen
class TopPlaces(Op):
    """Positions of the k largest (or smallest) elements along the last axis, the extreme one first."""

    k: int
    largest: bool = True
    name = "top_k"

    def infer(self, x: TensorType) -> TensorType:
        n = x.shape[-1]
        if n is not None and not 0 <= self.k <= n:
            raise ShapeError(f"top_k: cannot choose {self.k} of {n} elements, in {x.shape}")
        return TensorType((*x.shape[:-1], self.k), np.dtype("int64"))

    def kernel(self, x: Array, *, out: Array) -> None:
        n, k = x.shape[-1], self.k
        if k and 8 * k < n and not (x.dtype.kind == "f" and np.isnan(x).any()):
            x, places = self.candidates(x)
            ArgSort(x.ndim - 1, self.largest).kernel(x, out=(order := np.empty(x.shape, np.int64)))
            out[...] = np.take_along_axis(places, order, -1)
        else:
            ArgSort(x.ndim - 1, self.largest).kernel(x, out=(order := np.empty(x.shape, np.int64)))
            out[...] = order[..., :k]

    def candidates(self, x: Array) -> tuple[Array, Array]:
        """The k elements of each row in the order of their places: all beyond the k-th, and its first equals."""
        k, n = self.k, x.shape[-1]
        kth = n - k if self.largest else k - 1
        last = np.partition(x, kth, -1)[..., kth, None]
        chosen = x >= last if self.largest else x <= last
        if np.count_nonzero(chosen) * n != x.size * k:
            equal = x == last
            missing = k - np.count_nonzero(chosen & ~equal, -1, keepdims=True)
            chosen &= ~equal | (np.cumsum(equal, -1) <= missing)
        places = np.flatnonzero(chosen).reshape(*x.shape[:-1], k) % n
        return np.take_along_axis(x, places, -1), places

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


@op(
    sample(distinct(5), k=2),
    sample(distinct(3, 4), k=3, axis=0),
    sample(distinct(2, 20), k=2),
    sample((3,), k=0),
    sample(distinct(2, 20), k=2, largest=False),
)
def top_k(x: Like, k: int, axis: int = -1, largest: bool = True) -> tuple[Tensor, Tensor]:
    """The ``k`` largest elements along ``axis`` and their positions, the largest first, of equal ones the earlier.

    With ``largest=False`` the smallest, the smallest first. NaN counts as larger than every number.

    >>> values, places = ag.top_k([3, 1, 9, 7], k=2)
    >>> print(values.eval(), places.eval())
    [9 7] [2 3]
    """
    t = as_tensor(x)
    a = normalize_axis(axis, t.ndim, "top_k")
    if not isinstance(k, int | np.integer) or k < 0:
        raise ShapeError(f"top_k: k is an integer of 0 or more, got {k!r}")
    places = moveaxis(TopPlaces(int(k), bool(largest))(moveaxis(t, a, -1)), -1, a)
    return take_along_axis(t, places, a), places


@frozen
class SearchSorted(Op):
    """Where values would be inserted into a sorted vector."""

    side: str
    name = "searchsorted"

    def infer(self, x: TensorType, values: TensorType) -> TensorType:
        if x.rank != 1:
            raise ShapeError(f"searchsorted: needs a sorted vector, got {x.shape}")
        return TensorType(values.shape, np.dtype("int64"))

    def kernel(self, x: Array, values: Array, *, out: Array) -> None:
        out[...] = np.searchsorted(x, values, self.side)  # type: ignore[call-overload]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, values: Tensor) -> Cotangents:
        return None, None


@op(sample(integers(4, high=1), (2, 3)), sample(integers(3, high=1), (), side="right"), differentiable=False)
def searchsorted(x: Like, values: Like, side: str = "left") -> Tensor:
    """For each of ``values`` the first place in the sorted vector ``x`` whose element is not smaller.

    With ``side="right"`` the first place whose element is larger.

    >>> print(ag.searchsorted([10, 20, 30], [5, 20, 35]).eval())
    [0 1 3]
    """
    if side not in ("left", "right"):
        raise ShapeError(f'searchsorted: side is "left" or "right", got {side!r}')
    return SearchSorted(side)(x, values)


@frozen
class Distinct(Op):
    """Positions of the first of each distinct value of a vector, in the order of values, without those of another."""

    name = "setdiff1d"
    dynamic = True

    def infer(self, x: TensorType, *without: TensorType) -> TensorType:
        for t in without:
            if (t.dtype.kind == "f") != (x.dtype.kind == "f"):
                raise DTypeError(f"setdiff1d: compares numbers of one kind, got {x.dtype} and {t.dtype}")
        return TensorType((None,), np.dtype("int64"))

    def compute(self, x: Array, *without: Array) -> Array:
        values, first = np.unique(x, return_index=True)
        if without:
            first = first[~np.isin(values, without[0])]
        return first.astype(np.int64, copy=False)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return [None for _ in inputs]


@op(sample(distinct(6)), sample(integers(9, high=4)))
def unique(x: Like) -> Tensor:
    """The distinct elements of ``x`` in increasing order; of equal ones the first gets the cotangent.

    Their number depends on values, so it is unknown while the graph is built.

    >>> print(ag.unique([3, 1, 3, 2, 1]).eval())
    [1 2 3]
    """
    t = flatten(x)
    return Take(0)(t, Distinct()(t))


@op(sample(distinct(6), distinct(3)), sample(integers(9, high=6), integers(3, high=6)))
def setdiff1d(x: Like, y: Like) -> Tensor:
    """The distinct elements of ``x`` that are not in ``y``, in increasing order.

    Their number depends on values, so it is unknown while the graph is built.

    >>> print(ag.setdiff1d([4, 3, 2, 1], [2, 4]).eval())
    [1 3]
    """
    t = flatten(x)
    return Take(0)(t, Distinct()(t, flatten(y)))


__all__ = ["ArgSort", "Sort", "argsort", "searchsorted", "setdiff1d", "sort", "top_k", "unique"]
