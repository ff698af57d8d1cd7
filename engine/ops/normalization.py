"""Standardization, an op of its own because its gradient in closed form takes half of the passes over memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..types import Array, Axes, TensorType, TupleType, normalize_axes, reduced_shape
from .base import items
from .creation import size
from .elementwise import rsqrt
from .program import Call, program
from .reductions import Sum, mean


@frozen
class Standardize(Op):
    """x -> ((x - mean) / sqrt(variance + epsilon), mean, variance), over axes that stay with length one."""

    axes: tuple[int, ...]
    epsilon: float
    name = "standardize"

    def infer(self, x: TensorType) -> TupleType:
        if x.dtype.kind != "f":
            raise DTypeError(f"{self.name}: needs a float dtype, got {x}")
        small = x.with_shape(reduced_shape(x.shape, self.axes, keepdims=True))
        return TupleType((x, small, small))

    def kernel(self, x: Array, *, out: Any) -> None:
        self.bind((x,), out)()

    def bind(self, inputs: Sequence[Array], out: tuple[Array, Array, Array]) -> Call:
        (x,), (y, centre, variance) = inputs, out
        total, squares, spread = Sum(self.axes, keepdims=True), np.empty_like(x, order="C"), np.empty_like(variance)
        share = x.dtype.type(variance.size / max(x.size, 1))
        return program((
            total.bind((x,), centre),
            partial(np.multiply, centre, share, centre),
            partial(np.subtract, x, centre, y),
            partial(np.multiply, y, y, squares),
            total.bind((squares,), variance),
            partial(np.multiply, variance, share, variance),
            partial(np.add, variance, x.dtype.type(self.epsilon), spread),
            partial(np.sqrt, spread, spread),
            partial(np.divide, y, spread, y),
        ))  # fmt: skip

    def mean(self, x: Tensor) -> Tensor:
        return mean(x, self.axes, keepdims=True)

    def slope(self, d: Tensor, y: Tensor, variance: Tensor) -> Tensor:
        """The derivative of the first output, a symmetric matrix, times ``d`` (Ioffe and Szegedy, 2015, section 3)."""
        return (d - self.mean(d) - y * self.mean(d * y)) * rsqrt(variance + self.epsilon)

    def vjp(self, g: Any, y: Tensor, *inputs: Tensor) -> Cotangents:
        (x,), (value, _, variance) = inputs, items(y)
        n = size(x, self.axes)
        terms = [
            None if g[0] is None else self.slope(g[0], value, variance),
            None if g[1] is None else g[1] / n,
            None if g[2] is None else value * (2 * g[2] / (rsqrt(variance + self.epsilon) * n)),
        ]
        total: Tensor | None = None
        for term in terms:
            total = term if total is None else total if term is None else total + term
        return (total,)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Any:
        (dx,), (value, _, variance) = tangents, items(y)
        if dx is None:
            return None
        dv = 2 * self.mean(dx * value) / rsqrt(variance + self.epsilon)
        return [self.slope(dx, value, variance), self.mean(dx), dv]


def standardize(x: Like, axis: Axes, epsilon: float, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """Standardized values, mean and variance; the last two keep the axes with length one."""
    t = as_tensor(x)
    y, centre, variance = items(Standardize(normalize_axes(axis, t.ndim, name), float(epsilon))(t))
    return y, centre, variance
