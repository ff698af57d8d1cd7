"""Writing where an index points, as ``x[index] = values`` does in NumPy, and along an axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import distinct, integers, op, real, sample
from ..types import Array, TensorType, normalize_axis
from .alike import Alike
from .arrays import flatten, reshape_like
from .creation import ones_like
from .elementwise import maximum, minimum
from .indexing import Along
from .logic import where
from .reductions import sum
from .scatter import of_mode, placed
from .slicing import GetItem, PutItem, getitem, hashable, normalize_index


@frozen
class Positions(Op):
    """The place in row-major order of each element."""

    name = "positions"
    internal = True
    shape_only = (0,)

    def infer(self, x: TensorType) -> TensorType:
        return x.with_dtype("int64")

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = np.arange(out.size).reshape(out.shape)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (None,)


MEETING: dict[str, Callable[[Tensor, Tensor], Tensor]] = {  # of what stands there and what comes, by mode
    "set": lambda x, v: v,
    "add": lambda x, v: x + v,
    "multiply": lambda x, v: x * v,
    "max": maximum,
    "min": minimum,
}


def where_sliced(x: Tensor, values: Tensor, index: GetItem, mode: str) -> Tensor:
    """At integers and slices, which name no element twice: a choice by a mask, which costs no search for places."""
    there = index(x)
    put = PutItem(index.index)
    new = put(placed(values, there.shape, there, "setitem"), x)
    return where(put(ones_like(there, "bool"), x), MEETING[mode](x, new), x)


def where_true(x: Tensor, value: Tensor, mask: Tensor, mode: str) -> Tensor:
    """One number wherever a mask over the first axes is true; no length depends on how often that is."""
    rest = tuple(range(mask.ndim, x.ndim))
    if mask.ndim == 0 or mask.ndim > x.ndim:
        raise ShapeError(f"setitem: a mask of shape {mask.shape} does not fit {x.shape}")
    like = sum(x, rest) if rest else x  # of which only the shape is read
    mask = Alike("setitem", ("the first axes of x", "the mask"), "they are chosen one by one")(mask, like)
    return where(getitem(mask, (Ellipsis, *(None,) * len(rest))), MEETING[mode](x, value), x)


SMALL = real(2, 3, low=-0.04, high=0.04)


@op(
    sample((4, 3), (3,), index=1),
    sample((4, 3), (2, 1), index=(slice(None, None, 3), slice(0, 2))),
    sample((4, 3), (3, 3), index=[0, 2, 0]),
    sample((4, 3), (), index=np.array([True, False, True, True])),
    sample((4, 3), (3, 3), index=np.array([True, False, True, True]), mode="multiply"),
    sample((4, 3), (2,), index=([0, 0], [1, 1]), mode="add"),
    sample((4, 3), (2,), index=([0, 0], [1, 1]), mode="multiply"),
    sample(distinct(4, 3), SMALL, index=(slice(1, 3),), mode="max"),
    sample(distinct(4, 3), SMALL, index=(Ellipsis, [[1, 1, 0], [0, 1, 2]], 0), mode="min"),
)
def setitem(x: Like, values: Like, index: Any, mode: str = "set") -> Tensor:
    """``x`` with ``values`` at ``index``: what ``x[index] = values`` makes of an array; ``x.at[index].set(values)``.

    ``index`` is what ``x[index]`` takes, and ``values`` broadcasts to it. ``mode`` is set (of several values at one
    place the last stays), add, multiply, max or min, which take in every value; derivatives as in ``scatter_set`` and
    its kin.

    >>> x = ag.constant([[1, 2, 3], [4, 5, 6]])
    >>> print(ag.setitem(x, 0, index=(slice(None), 1)).eval())
    [[1 0 3]
     [4 0 6]]
    >>> print(x.at[x > 4].multiply(10).eval())
    [[ 1  2  3]
     [ 4 50 60]]
    """
    t, v, change = as_tensor(x), as_tensor(values), of_mode(mode, "setitem")
    entries = normalize_index(index, t)
    if not any(isinstance(i, Tensor) for i in entries):
        return where_sliced(t, v, GetItem(hashable(entries)), mode)
    first = entries[0]
    if isinstance(first, Tensor) and all(isinstance(i, slice) and i == slice(None) for i in entries[1:]):
        if first.dtype.kind == "b" and v.ndim == 0:
            return where_true(t, v, first, mode)
        if first.dtype.kind in "iu":
            return change(t, first, v)
    at = getitem(Positions()(t), index)
    new = placed(v, at.shape, at, "setitem")
    return reshape_like(change(flatten(t), flatten(at), flatten(new)), t)


@op(
    sample((3, 4), integers(3, 2, low=-4, high=4), (3, 2), axis=1),
    sample((2, 3, 2), integers(2, 5, 2, high=3), (5, 1), axis=1, mode="add"),
    sample((3, 4), integers(1, 4, high=3), (1, 4), axis=0, mode="multiply"),
    sample(distinct(2, 3), integers(2, 2, high=3), real(2, 2, low=-0.04, high=0.04), mode="max"),
)
def put_along_axis(x: Like, indices: Like, values: Like, axis: int = -1, mode: str = "set") -> Tensor:
    """``x`` with ``values`` at ``indices``, which vary along ``axis`` and broadcast against the other axes.

    The counterpart of ``take_along_axis``. ``mode`` is set (of several values at one place the last stays), add,
    multiply, max or min, which take in every value; ``values`` broadcasts to ``indices``.

    >>> x = ag.constant([[10, 20], [30, 40]])
    >>> print(ag.put_along_axis(x, ag.argmax(x, axis=1)[:, None], 0, axis=1).eval())
    [[10  0]
     [30  0]]
    """
    t, change = as_tensor(x), of_mode(mode, "put_along_axis")
    at = Along(normalize_axis(axis, t.ndim, "put_along_axis"), "put_along_axis")(t, as_tensor(indices))
    new = placed(values, at.shape, at, "put_along_axis")
    return reshape_like(change(flatten(t), flatten(at), flatten(new)), t)
