"""Reading parts of a tensor: indices, slices, new axes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Tensor, as_tensor
from ..table import op, sample
from ..types import Array, Axes, TensorType, fits, normalize_axes, normalize_axis
from .arrays import flatten, reshape_like, transpose
from .base import Linear
from .indexing import Take, nonzero


@frozen
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


Entry: TypeAlias = "int | slice | Tensor | None"


def as_entry(i: Any) -> Any:
    """One entry of an index: an integer, a slice, None, ``...``, or a tensor of integers or bools."""
    if i is None or i is Ellipsis or (isinstance(i, int | np.integer) and not isinstance(i, bool)):
        return i if i is None or i is Ellipsis else int(i)
    if isinstance(i, slice):
        if all(v is None or isinstance(v, int | np.integer) for v in (i.start, i.stop, i.step)) and i.step != 0:
            return slice(*(None if v is None else int(v) for v in (i.start, i.stop, i.step)))
        raise DTypeError(f"getitem: a slice takes integers, and a step other than 0, got {i}")
    if isinstance(i, Tensor | np.ndarray | list):
        t = as_tensor(np.asarray(i, "int64")) if isinstance(i, list) and not i else as_tensor(i)
        if t.dtype.kind in "iub":
            return t
        raise DTypeError(f"getitem: a tensor that is an index holds integers or bools, got {t.type}")
    raise DTypeError(f"getitem: an index is an integer, a slice, None, ..., or a tensor of these, got {i!r}")


def width(i: Any) -> int:
    """How many axes an entry reads."""
    return 0 if i is None or i is Ellipsis else i.ndim if isinstance(i, Tensor) and i.dtype.kind == "b" else 1


def normalize_index(index: Any, x: Tensor) -> list[Entry]:
    """``index`` as entries that together read every axis, without ellipsis."""
    items = [as_entry(i) for i in (index if isinstance(index, tuple) else (index,))]
    used = sum(map(width, items))
    dots = [k for k, i in enumerate(items) if i is Ellipsis]
    if used > x.ndim or len(dots) > 1:
        what = f"{used} indices" if used > x.ndim else "more than one ..."
        raise ShapeError(f"getitem: {what} for a tensor of rank {x.ndim}, {x.shape}")
    at = dots[0] if dots else len(items)
    items[at : at + 1] = [slice(None)] * (x.ndim - used)
    return items


def without_masks(entries: Sequence[Entry], x: Tensor) -> list[Entry]:
    """Entries in which each tensor of bools has become the positions at which it is true, one tensor an axis."""
    found: list[Entry] = []
    axis = 0
    for i in entries:
        if isinstance(i, Tensor) and i.dtype.kind == "b":
            if not fits(x.shape[axis : axis + i.ndim], i.shape) or i.ndim == 0:
                raise ShapeError(f"getitem: a mask of shape {i.shape} does not fit axis {axis} of {x.shape}")
            found += nonzero(i)
        else:
            found.append(i)
        axis += width(i)
    return found


def advanced(entries: Sequence[Entry], x: Tensor) -> Tensor:
    """Indexing with tensors, by NumPy's rules: neighbours give their axes in place, others give them first."""
    arrays = [as_tensor(i) for i in entries if isinstance(i, int | Tensor)]
    basic = tuple(slice(None) if isinstance(i, int | Tensor) else i for i in entries)
    places = [k for k, i in enumerate(entries) if isinstance(i, int | Tensor)]
    rest = getitem(x, basic)
    if places[-1] - places[0] == len(places) - 1:
        return Take(places[0], "getitem")(rest, *arrays)
    others = [k for k in range(rest.ndim) if k not in places]
    return Take(0, "getitem")(transpose(rest, (*places, *others)), *arrays)


@op(
    sample((4, 3), index=1),
    sample((4, 3), index=(slice(1, 3), None, -1)),
    sample((4, 3), index=(Ellipsis, slice(None, None, -2))),
    sample((4,), index=slice(2, 2)),
    sample((4, 3), index=[0, 2, -1, 2]),
    sample((2, 4, 3), index=(slice(None), np.array([[1, 0], [3, 3]]), slice(1, None))),
    sample((3, 2, 4), index=(np.array([0, 2, 0]), slice(None), np.array([3, 1, 3]))),
    sample((4, 3), index=np.array([True, False, True, True])),
    sample((3, 2, 2), index=(Ellipsis, np.array([[True, False], [True, True]]))),
)
def getitem(x: Like, index: Any) -> Tensor:
    """``x[index]`` for integers, slices, ``...``, ``None`` (a new axis), and tensors of integers or bools.

    Tensors follow NumPy's rules. The number of elements that a mask of bools selects is known when the graph runs.

    >>> x = ag.constant([[1, 2, 3], [4, 5, 6]])
    >>> print(x[:, ::2].eval())
    [[1 3]
     [4 6]]
    >>> print(x[x > 4].eval())
    [5 6]
    """
    t = as_tensor(x)
    entries = normalize_index(index, t)
    if any(isinstance(i, Tensor) for i in entries):
        return advanced(without_masks(entries, t), t)
    return GetItem(hashable(entries)).simplest(t)


def hashable(entries: Sequence[Entry]) -> tuple[Any, ...]:
    """Entries of integers, slices and new axes as an op keeps them."""
    return tuple((i.start, i.stop, i.step) if isinstance(i, slice) else i for i in entries)


@frozen
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
    """New axes of length one at the positions ``axis`` of the result.

    >>> print(ag.expand_dims([1, 2], axis=(0, -1)).shape)
    (1, 2, 1)
    """
    t = as_tensor(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    places = normalize_axes(axes, t.ndim + len(axes), "expand_dims")
    rest = iter(range(t.ndim))
    index = tuple(None if i in places else (next(rest), slice(None))[1] for i in range(t.ndim + len(axes)))
    return getitem(t, index)


@op(sample((2, 1, 3)), sample((1, 2, 1), axis=0))
def squeeze(x: Like, axis: Axes = None) -> Tensor:
    """``x`` without axes of length one: those named, or all.

    >>> print(ag.squeeze([[[1], [2]]]).eval())
    [1 2]
    """
    t = as_tensor(x)
    if axis is None and not t.type.known:
        raise ShapeError(f"squeeze: name the axis, as lengths of {t.shape} are unknown")
    axes = normalize_axes(axis, t.ndim, "squeeze") if axis is not None else [i for i, d in enumerate(t.shape) if d == 1]
    for a in axes:
        if t.shape[a] not in (1, None):
            raise ShapeError(f"squeeze: axis {a} of {t.shape} has length {t.shape[a]}, not 1")
    return getitem(t, tuple(0 if i in axes else slice(None) for i in range(t.ndim)))


@op(sample((2, 3)), sample((2, 3, 2), axis=(0, -1)), sample((3,), axis=0))
def flip(x: Like, axis: Axes = None) -> Tensor:
    """The elements in reverse order along ``axis``, or along every axis.

    >>> print(ag.flip([[1, 2], [3, 4]], axis=1).eval())
    [[2 1]
     [4 3]]
    """
    t = as_tensor(x)
    axes = normalize_axes(axis, t.ndim, "flip")
    return getitem(t, tuple(slice(None, None, -1) if a in axes else slice(None) for a in range(t.ndim)))


@op(sample((4, 3), parts=2), sample((2, 5), parts=(1, 1, 4), axis=-1))
def split(x: Like, parts: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """``x`` cut along ``axis`` into ``parts`` equal pieces, or before each of the positions ``parts``.

    >>> print([piece.eval().tolist() for piece in ag.split([1, 2, 3, 4, 5], [2])])
    [[1, 2], [3, 4, 5]]
    """
    t = as_tensor(x)
    a = normalize_axis(axis, t.ndim, "split")
    if isinstance(parts, int | np.integer):
        n = t.shape[a]
        if n is None or parts < 1 or n % parts:
            raise ShapeError(f"split: {parts} equal pieces need a known length that they divide, got {n} in {t.shape}")
        cuts = list(range(0, n, n // parts))[1:] if n else [0] * (parts - 1)
    else:
        cuts = [int(p) for p in parts]
    bounds = pairwise([0, *cuts, None])
    return tuple(getitem(t, (*(slice(None),) * a, slice(start, stop))) for start, stop in bounds)


@op(sample((2, 3), index=4), sample((2, 3), index=-1), sample((2, 3), index=(1, 0)))
def access_elem(x: Like, index: int | Sequence[int]) -> Tensor:
    """One element of ``x``: at an index for each axis, or at a place in row-major order.

    >>> print(ag.access_elem([[1, 2], [3, 4]], (1, 0)).eval())
    3
    """
    t = as_tensor(x)
    return getitem(flatten(t), index) if isinstance(index, int | np.integer) else getitem(t, tuple(index))
