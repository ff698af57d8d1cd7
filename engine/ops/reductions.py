"""Reductions over axes. A negative axis counts from the end; without an axis, everything is reduced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod as product
from typing import Any, ClassVar

import numpy as np

from ..errors import DTypeError, ShapeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import Sample, distinct, op, sample
from ..types import Array, Axes, TensorType, normalize_axes, normalize_axis, reduced_shape, static
from .addition import reduction, summation, total
from .arrays import Reshape, expand_like, flatten
from .base import Linear, result_dtype
from .creation import Size
from .elementwise import exp
from .logic import equal, where
from .program import program
from .scans import products_of_others
from .wide import is_half, wide, widened

ROWS: tuple[Sample, ...] = (
    sample((3, 4)),
    sample((3, 4), axis=0),
    sample((2, 3, 4), axis=(0, 2), keepdims=True),
    sample((3,), axis=-1),
    sample(()),
)
EMPTY: tuple[Sample, ...] = (sample((0, 3), axis=0), sample((3, 0), axis=0))


@frozen
class Reduction(Op):
    """What the reductions share: axes and whether they stay with length one."""

    axes: tuple[int, ...]
    keepdims: bool
    ufunc: ClassVar[np.ufunc]

    def infer(self, x: TensorType) -> TensorType:
        dtype = x.dtype if x.dtype.kind == "f" else result_dtype(self.ufunc, (x.dtype, x.dtype))
        if dtype.kind == "b" or (dtype.kind in "iu" and self.name in ("sum", "prod")):
            dtype = np.dtype("int64") if dtype.kind in "bi" else np.dtype("uint64")
        return TensorType(reduced_shape(x.shape, self.axes, self.keepdims), dtype)

    def kernel(self, x: Array, *, out: Array) -> None:
        self.bind((x,), out)()

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        return reduction(self.ufunc, inputs[0], self.axes, self.keepdims, out)

    def back(self, g: Tensor, x: Tensor) -> Tensor:
        """``g``, of the reduced shape, repeated to the shape of ``x``."""
        return expand_like(g, x, self.axes, self.keepdims)

    def simplify(self, x: Tensor) -> Tensor | None:
        return x if not self.axes and x.dtype.kind == "f" else None


class Sum(Reduction, Linear):
    """The sum, added in blocks and pairs (``addition.py``)."""

    name = "sum"
    ufunc = np.add

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (self.back(g, x),)

    def simplify(self, x: Tensor) -> Tensor | None:
        """A sum of single elements is none, and one of all elements need not know how they were arranged."""
        if not x.type.known or x.dtype.kind != "f":
            return super().simplify(x)
        lengths, shape = list(x.shape), tuple(static(d) for d in self.infer(x.type).shape)
        if {lengths[axis] for axis in self.axes} <= {1}:
            return Reshape(shape)(x)
        whole = x.inputs[0] if isinstance(x.op, Reshape) and product(shape) == 1 else x
        if product(shape) != 1 or (whole is x and len(self.axes) == x.ndim and not self.keepdims):
            return None
        return Reshape(shape)(Sum(tuple(range(whole.ndim)), False)(whole))


class Mean(Reduction, Linear):
    """Becomes a sum and a product as soon as the lengths are known; in float32 for float16, whose sums overflow."""

    name = "mean"
    ufunc = np.add

    def infer(self, x: TensorType) -> TensorType:
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype("float64")
        return TensorType(reduced_shape(x.shape, self.axes, self.keepdims), dtype)

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        (x,) = inputs
        whole = np.empty(out.shape, np.float32) if is_half(out) else out
        n = np.prod([x.shape[axis] for axis in self.axes], dtype=whole.dtype)
        divide = partial(np.divide, whole, n, out, casting="same_kind")
        return program((summation(x, self.axes, self.keepdims, whole), divide))

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (self.back(widened(g) / Size(self.axes).simplest(x), x),)

    def simplify(self, x: Tensor) -> Tensor | None:
        if is_half(x):
            return self(widened(x)).astype(x.dtype)
        n = Size(self.axes).simplify(x)
        if n is None or x.dtype.kind != "f":
            return None
        return sum(x, self.axes, self.keepdims) / n


class Extremum(Reduction):
    """Maximum or minimum; elements that tie share the cotangent equally."""

    def infer(self, x: TensorType) -> TensorType:
        if 0 in [x.shape[a] for a in self.axes]:
            raise ShapeError(f"{self.name}: no elements along axes {self.axes} of {x.shape}")
        return x.with_shape(reduced_shape(x.shape, self.axes, self.keepdims))

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (self.back(g / sum(self.mask(x, y), self.axes, self.keepdims), x) * self.mask(x, y),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        if tangents[0] is None:
            return None
        mask = self.mask(x, y)
        return sum(tangents[0] * mask, self.axes, self.keepdims) / sum(mask, self.axes, self.keepdims)

    def mask(self, x: Tensor, y: Tensor) -> Tensor:
        return equal(x, self.back(y, x)).astype(x.dtype)


class Max(Extremum):
    name = "max"
    ufunc = np.maximum


class Min(Extremum):
    name = "min"
    ufunc = np.minimum


class Prod(Reduction):
    """Product along one axis; the products of the others come from both sides, so zeros need no special case."""

    name = "prod"
    ufunc = np.multiply

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (self.back(g, x) * products_of_others(x, *self.axes),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        (dx,) = tangents
        return None if dx is None else sum(dx * products_of_others(x, *self.axes), self.axes, self.keepdims)


class Truth(Reduction):
    """Whether any element, or every element, is not zero."""

    def infer(self, x: TensorType) -> TensorType:
        return TensorType(reduced_shape(x.shape, self.axes, self.keepdims), np.dtype(bool))

    def simplify(self, x: Tensor) -> Tensor | None:
        return None


class AnyOf(Truth):
    name = "any"
    ufunc = np.logical_or


class AllOf(Truth):
    name = "all"
    ufunc = np.logical_and


class LogSumExp(Reduction):
    name = "logsumexp"
    ufunc = np.logaddexp

    def kernel(self, x: Array, *, out: Array) -> None:
        top = np.max(x, self.axes, keepdims=True, initial=-np.inf)
        safe = np.where(np.isfinite(top), top, 0)
        sums = total(np.exp(x - safe), self.axes, keepdims=True)
        out[...] = (np.log(sums) + safe).reshape(out.shape)

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        return partial(self.kernel, *inputs, out=out)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (self.back(g, x) * exp(x - self.back(where(y > -np.inf, y, 0), x)),)


def reducer(cls: type[Reduction], x: Like, axis: Axes, keepdims: bool) -> Tensor:
    t = as_tensor(x)
    return cls(normalize_axes(axis, t.ndim, cls.name), keepdims)(t)


@op(*ROWS, *EMPTY)
def sum(x: Like, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Sum over ``axis``.

    >>> print(ag.sum([[1, 2], [3, 4]], axis=0).eval())
    [4 6]
    """
    return reducer(Sum, x, axis, keepdims)


@op(*ROWS)
def mean(x: Like, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean over ``axis``.

    >>> print(ag.mean([[1, 2], [3, 4]], axis=1, keepdims=True).eval())
    [[1.5]
     [3.5]]
    """
    return reducer(Mean, x, axis, keepdims)


@op(*ROWS, *EMPTY)
@wide
def prod(x: Like, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Product over ``axis``; derivatives of any order are exact also where elements are 0.

    >>> print(ag.prod([2, 3, 4]).eval())
    24
    """
    t = as_tensor(x)
    axes = normalize_axes(axis, t.ndim, "prod")
    if not axes:
        return Prod((), keepdims).simplest(t)
    for a in reversed(axes):  # one axis at a time, the last first, so that the others keep their places
        t = Prod((a,), keepdims)(t)
    return t


@op(*ROWS, *EMPTY, differentiable=False)
def any(x: Like, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether some element along ``axis`` is not zero.

    >>> print(ag.any([[0, 0], [0, 1]], axis=1).eval())
    [False  True]
    """
    return reducer(AnyOf, x, axis, keepdims)


@op(*ROWS, *EMPTY, differentiable=False)
def all(x: Like, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Whether every element along ``axis`` is not zero.

    >>> print(ag.all([[1, 1], [0, 1]], axis=1).eval())
    [ True False]
    """
    return reducer(AllOf, x, axis, keepdims)


@op(*(sample(distinct(3, 4), axis=a, keepdims=k) for a, k in ((None, False), (0, False), (1, True))))
def max(x: Like, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Largest element along ``axis``; elements that tie share the cotangent equally.

    >>> print(ag.max([[1, 5], [7, 3]], axis=1).eval())
    [5 7]
    """
    return reducer(Max, x, axis, keepdims)


@op(*(sample(distinct(3, 4), axis=a, keepdims=k) for a, k in ((None, False), (0, False), (1, True))))
def min(x: Like, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Smallest element along ``axis``; elements that tie share the cotangent equally.

    >>> print(ag.min([[1, 5], [7, 3]], axis=1).eval())
    [1 3]
    """
    return reducer(Min, x, axis, keepdims)


@op(*ROWS, sample((3, 0), axis=0))
@wide
def logsumexp(x: Like, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over ``axis``, without overflow.

    >>> print(ag.logsumexp([1000.0, 1000.0]).eval().round(6))
    1000.693147
    """
    return reducer(LogSumExp, x, axis, keepdims)


@frozen
class Arg(Op):
    """Position of an extremum along one axis."""

    axis: int
    name: str

    def infer(self, x: TensorType) -> TensorType:
        if x.shape[self.axis] == 0:
            raise ShapeError(f"{self.name}: no elements along axis {self.axis} of {x.shape}")
        if x.dtype.kind not in "fiub":
            raise DTypeError(f"{self.name}: does not order {x.dtype}")
        return TensorType(reduced_shape(x.shape, (self.axis,), False), np.dtype("int64"))

    def kernel(self, x: Array, *, out: Array) -> None:
        (np.argmax if self.name == "argmax" else np.argmin)(x, self.axis, out)


def arg(name: str, x: Like, axis: int | None) -> Tensor:
    t = flatten(x) if axis is None else as_tensor(x)
    return Arg(0 if axis is None else normalize_axis(axis, t.ndim, name), name)(t)


@op(sample(distinct(3, 4)), sample(distinct(3, 4), axis=0), sample(distinct(2, 3), axis=None), differentiable=False)
def argmax(x: Like, axis: int | None = -1) -> Tensor:
    """Index of the first largest element along ``axis``; None counts in row-major order.

    >>> print(ag.argmax([[1, 5], [7, 3]]).eval(), ag.argmax([[1, 5], [7, 3]], axis=None).eval())
    [1 0] 2
    """
    return arg("argmax", x, axis)


@op(sample(distinct(3, 4)), sample(distinct(3, 4), axis=0), sample(distinct(2, 3), axis=None), differentiable=False)
def argmin(x: Like, axis: int | None = -1) -> Tensor:
    """Index of the first smallest element along ``axis``; None counts in row-major order.

    >>> print(ag.argmin([[1, 5], [7, 3]], axis=0).eval())
    [0 1]
    """
    return arg("argmin", x, axis)
