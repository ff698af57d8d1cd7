"""Reading parts of a tensor: indices, slices, new axes."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..graph import Cotangents, Like, Tensor, as_tensor
from ..table import op, sample
from ..types import Array, Axes, TensorType, normalize_axes
from .arrays import reshape_like
from .base import Linear


@dataclass(frozen=True)
class GetItem(Linear):
    """Basic indexing: integers, slices (as triples, to be hashable), new axes."""

    index: tuple[Any, ...]
    name = "getitem"

    @property
    def key(self) -> tuple[Any, ...]:
        return tuple(slice(*i) if isinstance(i, tuple) else i for i in self.index)

    def infer(self, x: TensorType) -> TensorType:
        shape: list[int | None] = []
        axis = 0
        for i in self.index:
            if i is None:
                shape.append(1)
                continue
            d = x.shape[axis]
            if isinstance(i, int):
                if d is not None and not -d <= i < d:
                    raise ShapeError(f"getitem: index {i} is out of range for axis {axis} of length {d}")
            else:
                known = len(range(*slice(*i).indices(d))) if d is not None else None
                shape.append(known)
            axis += 1
        return x.with_shape(shape)

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = x[self.key]

    def view(self, x: Array) -> Array | None:
        return np.asarray(x[(*self.key, ...)])

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        if all(i is None or i == (None, None, None) or (i == 0 and d == 1) for i, d in self.pairs(x)):
            return (reshape_like(g, x),)
        return (PutItem(self.index)(g, x),)

    def pairs(self, x: Tensor) -> list[tuple[Any, Any]]:
        """Each index with the length of the axis that it reads."""
        lengths = iter(x.shape)
        return [(i, None if i is None else next(lengths)) for i in self.index]

    def simplify(self, x: Tensor) -> Tensor | None:
        return x if all(i == (None, None, None) for i in self.index) else None


def normalize_index(index: Any, x: Tensor) -> tuple[Any, ...]:
    """``index`` as one entry an axis, without ellipsis; slices as triples."""
    items = list(index) if isinstance(index, tuple) else [index]
    for i in items:
        if not (i is None or i is Ellipsis or isinstance(i, slice | int | np.integer)) or isinstance(i, bool):
            raise DTypeError(f"getitem: an index is an integer, a slice, None or ..., got {i!r}; use ag.take for arrays")
    used = sum(i is not None and i is not Ellipsis for i in items)
    if used > x.ndim or sum(i is Ellipsis for i in items) > 1:
        raise ShapeError(f"getitem: {used} indices for a tensor of rank {x.ndim}")
    if Ellipsis not in items:
        items.append(Ellipsis)
    at = next(k for k, i in enumerate(items) if i is Ellipsis)
    items[at : at + 1] = [slice(None)] * (x.ndim - used)
    return tuple(
        (i.start, i.stop, i.step) if isinstance(i, slice) else int(i) if i is not None else None for i in items
    )


@op(
    sample((4, 3), index=1),
    sample((4, 3), index=(slice(1, 3), None, -1)),
    sample((4, 3), index=(Ellipsis, slice(None, None, -2))),
    sample((4,), index=slice(2, 2)),
)
def getitem(x: Like, index: Any) -> Tensor:
    """``x[index]`` for integers, slices, ``...`` and ``None`` (a new axis)."""
    t = as_tensor(x)
    return GetItem(normalize_index(index, t))(t)


@dataclass(frozen=True)
class PutItem(Linear):
    """Zeros in the shape of the second input, with the first at ``index``: the transpose of ``getitem``."""

    index: tuple[Any, ...]
    name = "putitem"
    shape_only = (1,)

    def infer(self, g: TensorType, like: TensorType) -> TensorType:
        return g.with_shape(like.shape)

    def kernel(self, g: Array, like: Array, *, out: Array) -> None:
        out[...] = 0
        out[GetItem(self.index).key] = g

    def vjp(self, g: Tensor, y: Tensor, x: Tensor, like: Tensor) -> Cotangents:
        return GetItem(self.index)(g), None


@op(sample((2, 3), axis=0), sample((2, 3), axis=(0, -1)), sample((), axis=0))
def expand_dims(x: Like, axis: int | Sequence[int]) -> Tensor:
    """New axes of length one at the positions ``axis`` of the result."""
    t = as_tensor(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    places = normalize_axes(axes, t.ndim + len(axes), "expand_dims")
    rest = iter(range(t.ndim))
    index = tuple(None if i in places else (next(rest), slice(None))[1] for i in range(t.ndim + len(axes)))
    return getitem(t, index)


@op(sample((2, 1, 3)), sample((1, 2, 1), axis=0))
def squeeze(x: Like, axis: Axes = None) -> Tensor:
    """``x`` without axes of length one: those named, or all."""
    t = as_tensor(x)
    if axis is None and not t.type.known:
        raise ShapeError(f"squeeze: name the axis, as lengths of {t.shape} are unknown")
    axes = normalize_axes(axis, t.ndim, "squeeze") if axis is not None else [i for i, d in enumerate(t.shape) if d == 1]
    for a in axes:
        if t.shape[a] not in (1, None):
            raise ShapeError(f"squeeze: axis {a} of {t.shape} has length {t.shape[a]}, not 1")
    return getitem(t, tuple(0 if i in axes else slice(None) for i in range(t.ndim)))
