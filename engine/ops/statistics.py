"""Spread and length: variance, standard deviation and norms over axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from ..errors import ShapeError
from ..graph import Cotangents, Like, Tensor, as_tensor
from ..table import Sample, distinct, op, sample
from ..types import Array, Axes, TensorType, normalize_axes, reduced_shape
from .addition import LONGEST, total
from .arrays import astype
from .creation import size
from .elementwise import abs, maximum, power, sqrt, square
from .logic import not_equal, where
from .reductions import ROWS, Reduction, max, mean, min, sum
from .wide import wide


class Norm(Reduction):
    """Euclidean length over axes."""

    name = "norm"
    ufunc = np.hypot

    def infer(self, x: TensorType) -> TensorType:
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype("float64")
        return TensorType(reduced_shape(x.shape, self.axes, self.keepdims), dtype)

    def kernel(self, x: Array, *, out: Array) -> None:
        x = x.astype(out.dtype, copy=False)
        limits = np.finfo(out.dtype)
        out[...] = self.sum_of_squares(x).reshape(out.shape)
        np.sqrt(out, out)
        if ((out > limits.tiny**0.5 / limits.eps) & (out < np.inf)).all():
            return
        top = np.max(np.abs(x), self.axes, keepdims=True, initial=0)  # squares left the range: scale first
        scale = np.where((top > 0) & (top < np.inf), top, 1)
        out[...] = (np.sqrt(self.sum_of_squares(x / scale)).reshape(scale.shape) * scale).reshape(out.shape)

    def sum_of_squares(self, x: Array) -> Array:
        """By a scalar product where the axes allow it, which is 4 times as fast as squaring and summing."""
        n = prod(x.shape[axis] for axis in self.axes)
        if n <= LONGEST and self.axes == (x.ndim - 1,):
            return np.asarray(np.vecdot(x, x))
        if len(self.axes) < x.ndim or not x.flags.c_contiguous:
            return total(np.square(x), self.axes)
        whole, rest = np.split(x.reshape(-1), [n - n % LONGEST])
        rows = whole.reshape(-1, LONGEST)
        return np.asarray(np.add.reduce(np.vecdot(rows, rows)) + np.vecdot(rest, rest))

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        return partial(self.kernel, *inputs, out=out)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        flat = not_equal(y, 0)  # at 0 every derivative is 0
        return (self.back(where(flat, g, 0), x) * (x / self.back(where(flat, y, 1), x)),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        (dx,) = tangents
        if dx is None:
            return None
        flat = not_equal(y, 0)
        along = sum(dx * (x / self.back(where(flat, y, 1), x)), self.axes, self.keepdims)
        return where(flat, along, 0)

    def simplify(self, x: Tensor) -> Tensor | None:
        return None


SPREAD: tuple[Sample, ...] = (sample((3, 4)), sample((3, 4), axis=0), sample((2, 3, 4), axis=(0, 2), keepdims=True))


@op(
    *ROWS[:4],
    sample((3, 4), ord=1, axis=0),
    sample(distinct(3, 4), ord="inf", axis=1, keepdims=True),
    sample(distinct(3, 4), ord="-inf", axis=1),
    sample(distinct(5, gap=0.2), ord=3),
    sample((0, 2), axis=0),
)
@wide
def norm(x: Like, ord: float | str = 2, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """The vector norm of order ``ord`` over ``axis``: sum(abs(x)^ord)^(1/ord).

    ``ord`` is a positive number, ``"inf"`` (largest absolute value) or ``"-inf"`` (smallest). Order 2 neither
    overflows nor underflows; its derivatives of any order are 0 at 0. Order 1 has derivative 0 in elements that are
    0; the extreme orders share the cotangent equally between ties. Matrix norms are not meant here.

    >>> print(ag.norm([3.0, 4.0]).eval(), ag.norm([3.0, -4.0], ord=1).eval())
    5.0 7.0
    """
    t = as_tensor(x)
    try:
        p = float(ord)
    except (TypeError, ValueError):
        p = np.nan
    if not (p > 0 or p == -np.inf):
        raise ShapeError(f'norm: ord is a positive number, "inf" or "-inf", got {ord!r}')
    if p == 2:
        return Norm(normalize_axes(axis, t.ndim, "norm"), keepdims)(t)
    if t.dtype.kind != "f":
        t = astype(t, "float64")
    a = abs(t)
    if np.isinf(p):
        return max(a, axis, keepdims) if p > 0 else min(a, axis, keepdims)
    if p == 1:
        return sum(a, axis, keepdims)
    total = sum(masked_power(a, p), axis, keepdims)
    return masked_power(total, 1 / p)


def masked_power(x: Tensor, p: float) -> Tensor:
    """x^p for x >= 0 with derivative 0 at 0."""
    positive = x > 0
    return where(positive, power(where(positive, x, 1), p), 0)


def centred(x: Tensor, axis: Axes) -> Tensor:
    return x - mean(x, axis, keepdims=True)


@op(*SPREAD, sample((4, 2), axis=0, ddof=1))
@wide
def var(x: Like, axis: Axes = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Variance over ``axis``: the sum of squared distances from the mean, divided by the count less ``ddof``.

    Where ``ddof`` leaves nothing to divide by it is infinite, or NaN if all elements are equal or there are none, as
    NumPy has it.

    >>> print(ag.var([1.0, 2.0, 3.0, 4.0]).eval())
    1.25
    """
    t = as_tensor(x)
    normalize_axes(axis, t.ndim, "var")
    return sum(square(centred(t, axis)), axis, keepdims) / maximum(size(t, axis) - ddof, 0)


@op(*SPREAD, sample((4, 2), axis=0, ddof=1))
@wide
def std(x: Like, axis: Axes = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    """Standard deviation over ``axis``, the root of ``var``; where all elements are equal its derivatives are 0.

    Where ``ddof`` leaves nothing to divide by it is infinite or NaN, and its derivatives are NaN.

    >>> print(ag.std([[1.0, 3.0], [5.0, 5.0]], axis=1).eval())
    [1. 0.]
    """
    t = as_tensor(x)
    normalize_axes(axis, t.ndim, "std")
    free = size(t, axis) - ddof
    known = free > 0
    root = norm(centred(t, axis), 2, axis, keepdims) / sqrt(where(known, free, 1))
    return where(known, root, sqrt(var(t, axis, ddof, keepdims)))


@op(sample((3, 4)), sample((3, 4), ord=1, axis=0), sample(distinct(2, 3), ord="inf", axis=(0, 1)), sample((0, 2)))
@wide
def lp_normalize(x: Like, ord: float | str = 2, axis: Axes = -1, epsilon: float = 1e-12) -> Tensor:
    """``x`` divided by its norm of order ``ord`` over ``axis``, or by ``epsilon`` where that is larger.

    So vectors of 0 stay 0, and their derivative is 1 / epsilon; ``norm`` says which orders there are.

    >>> print(ag.lp_normalize([3.0, 4.0]).eval(), ag.lp_normalize([3.0, -1.0], ord=1).eval())
    [0.6 0.8] [ 0.75 -0.25]
    """
    t = as_tensor(x)
    if not epsilon > 0:
        raise ShapeError(f"lp_normalize: epsilon is a number above 0, got {epsilon!r}")
    return t / maximum(norm(t, ord, axis, keepdims=True), epsilon)
