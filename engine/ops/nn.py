"""Softmax and its logarithm, in forms that neither overflow nor cancel.

Reductions over a short last axis, such as ten classes, are slow in NumPy. The kernels copy such rows into columns,
where every step runs over contiguous memory, and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..table import op, sample
from ..types import Array, TensorType, normalize_axis
from .addition import reduction
from .program import ROW, Aligned, Call, program
from .reductions import sum
from .wide import wide

SHORT = 32  # elements; the length up to which columns are faster than rows


def float_only(name: str, x: TensorType) -> None:
    if x.dtype.kind != "f":
        raise DTypeError(f"{name}: needs a float dtype, got {x}")


def short_rows(x: Array, axis: int, out: Array) -> Aligned | None:
    """For scalar rules along the last axis."""
    return Aligned([x], [out], rows=True) if axis == x.ndim - 1 and 0 < x.shape[-1] <= ROW else None


class Rows:
    """An array prepared for reductions along one axis: ``calls`` are what has to run so far.

    After construction ``work`` holds the array less its largest elements, ``top``; ``work`` is ``out`` itself or
    scratch. The array must not be empty.
    """

    def __init__(self, x: Array, axis: int, out: Array | None) -> None:
        self.calls: list[Call] = []
        self.columns = axis == x.ndim - 1 and x.shape[axis] <= SHORT and x.ndim > 1
        if self.columns:
            self.work, self.axis = np.empty((x.shape[axis], *x.shape[:-1]), x.dtype), 0
            self.calls.append(partial(np.copyto, self.work, np.moveaxis(x, axis, 0)))
            x = self.work
        else:
            self.work, self.axis = np.empty(x.shape, x.dtype) if out is None else out, axis
        self.top, self.total = (np.empty_like(self.work.take([0], self.axis)) for _ in range(2))
        self.reduce(np.maximum, x, self.top)
        self.then(np.subtract, x, self.top, self.work)

    def then(self, ufunc: np.ufunc, *arrays: Array) -> None:
        """Run a ufunc over arrays, of which the last is the output."""
        *inputs, out = arrays
        self.calls.append(partial(ufunc, *inputs, out=out))

    def reduce(self, ufunc: np.ufunc, x: Array, out: Array) -> None:
        self.calls.append(reduction(ufunc, x, (self.axis,), True, out))

    def program(self, out: Array) -> Call:
        """Everything, and at the end the work copied to ``out`` if it is not there already."""
        if self.work is not out:
            self.calls.append(partial(np.copyto, np.moveaxis(out, -1, 0) if self.columns else out, self.work))
        return program(self.calls)


@frozen
class Softmax(Op):
    """Exponentials along an axis, divided by their sum."""

    axis: int
    name = "softmax"
    inplace = (0,)

    def infer(self, x: TensorType) -> TensorType:
        float_only(self.name, x)
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        self.bind((x,), out)()

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (x,) = inputs
        if x.size == 0:
            return program(())
        rows = Rows(x, self.axis, out)
        rows.then(np.exp, rows.work, rows.work)
        rows.reduce(np.add, rows.work, rows.total)
        rows.then(np.divide, rows.work, rows.total, rows.work)
        return rows.program(out)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        return short_rows(inputs[0], self.axis, out)

    def scalar(self, *values: Any) -> Any:
        power = (values[0] - values[0].row_max()).exp()
        return [power / power.row_sum()]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (y * (g - sum(g * y, self.axis, keepdims=True)),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        return None if tangents[0] is None else self.vjp(tangents[0], y, x)[0]  # the Jacobian is symmetric


@op(sample((3, 4)), sample((3, 4), axis=0), sample((3,)), sample((2, 0)), sample((2, 70)))
@wide
def softmax(x: Like, axis: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along ``axis``, without overflow.

    >>> print(ag.softmax([1.0, 2.0, 1002.0]).eval(), ag.softmax([0.0, 0.0]).eval())
    [0. 0. 1.] [0.5 0.5]
    """
    t = as_tensor(x)
    return Softmax(normalize_axis(axis, t.ndim, "softmax"))(t)


@frozen
class LogSoftmax(Op):
    """Logarithm of the softmax."""

    axis: int
    name = "log_softmax"
    inplace = (0,)

    def infer(self, x: TensorType) -> TensorType:
        float_only(self.name, x)
        return x

    def kernel(self, x: Array, *, out: Array) -> None:
        self.bind((x,), out)()

    def bind(self, inputs: Sequence[Array], out: Array) -> Call:
        (x,) = inputs
        if x.size == 0:
            return program(())
        rows = Rows(x, self.axis, out)
        powers = np.empty_like(rows.work)
        rows.then(np.exp, rows.work, powers)
        rows.reduce(np.add, powers, rows.total)
        rows.then(np.log, rows.total, rows.total)
        rows.then(np.subtract, rows.work, rows.total, rows.work)
        return rows.program(out)

    def aligned(self, inputs: Sequence[Array], out: Array) -> Aligned | None:
        return short_rows(inputs[0], self.axis, out)

    def scalar(self, *values: Any) -> Any:
        rest = values[0] - values[0].row_max()
        return [rest - rest.exp().row_sum().log()]

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (g - Softmax(self.axis)(x) * sum(g, self.axis, keepdims=True),)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, x: Tensor) -> Tensor | None:
        (dx,) = tangents
        return None if dx is None else dx - sum(Softmax(self.axis)(x) * dx, self.axis, keepdims=True)


@op(sample((3, 4)), sample((3, 4), axis=0), sample((3,)), sample((2, 0)), sample((2, 70)))
@wide
def log_softmax(x: Like, axis: int = -1) -> Tensor:
    """x - logsumexp(x) along ``axis``, without overflow or cancellation.

    >>> print(ag.log_softmax([0.0, 1000.0]).eval())
    [-1000.     0.]
    """
    t = as_tensor(x)
    return LogSoftmax(normalize_axis(axis, t.ndim, "log_softmax"))(t)
