"""Sums over each parameter of an arena, and numbers repeated over each, in one kernel call for all parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ..graph import Cotangents, Op, Tensor
from ..leaves import Variable
from ..ops.elementwise import sqrt, square
from ..types import Array, TensorType


@dataclass(frozen=True)
class SegmentSums(Op):
    """Sums of consecutive pieces of a vector; no piece is empty."""

    lengths: tuple[int, ...]
    name = "segment_sums"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape((len(self.lengths),))

    def kernel(self, x: Array, *, out: Array) -> None:
        np.add.reduceat(x, [0, *accumulate(self.lengths[:-1])], out=out)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (Spread(self.lengths)(g),)


@dataclass(frozen=True)
class Spread(Op):
    """A vector in which each number is repeated as often as its piece is long."""

    lengths: tuple[int, ...]
    name = "spread"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape((sum(self.lengths),))

    def kernel(self, x: Array, *, out: Array) -> None:
        out[...] = np.repeat(x, self.lengths)

    def vjp(self, g: Tensor, y: Tensor, x: Tensor) -> Cotangents:
        return (SegmentSums(self.lengths)(g),)


def lengths(params: Sequence[Variable]) -> tuple[int, ...]:
    """The numbers of elements of the parameters that have any."""
    return tuple(p.value.size for p in params if p.value.size)


def norms(x: Tensor, params: Sequence[Variable]) -> Tensor:
    """The Euclidean norm of each parameter's piece of ``x``."""
    return sqrt(SegmentSums(lengths(params))(square(x)))


def spread(x: Tensor, params: Sequence[Variable]) -> Tensor:
    """One number a parameter, repeated over its piece of the arena."""
    return Spread(lengths(params))(x)
