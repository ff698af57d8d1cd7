"""Random numbers as pure functions of (seed, the op's own stream, step), from NumPy's counter-based Philox.

The key is a tensor ``uint64[2]``: seed and step. A random op that is given no key uses the key of the function
in which it runs, which counts its calls. Every random op has a stream of its own, so that two dropouts never
share a mask.
"""
from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DTypeError, ShapeError
from ..graph import Cotangents, Like, Op, Placeholder, Tensor, as_tensor, placeholder
from ..table import Sample, op
from ..types import Array, DType, Shape, TensorType, as_dtype, as_shape

FUNCTION_KEY: Placeholder = placeholder("random key", (2,), "uint64")
_streams: ContextVar[Iterator[int]] = ContextVar("streams", default=itertools.count())


@contextmanager
def streams() -> Iterator[None]:
    """Number the streams of the random ops built inside this block from 0, so that a rebuilt graph repeats."""
    token = _streams.set(itertools.count())
    try:
        yield
    finally:
        _streams.reset(token)


def make_key(seed: int) -> Array:
    """The key of a seed (0 to 2^64 - 1), at step 0."""
    return np.array([seed, 0], "uint64")


def generator(key: Array, stream: int) -> np.random.Generator:
    """NumPy's generator for one op at one step; steps are 2^192 numbers apart."""
    seed, step = int(key[0]), int(key[1])
    return np.random.Generator(np.random.Philox(key=[seed, stream], counter=[0, 0, 0, step]))


@dataclass(frozen=True)
class Random(Op):
    """Samples of a standard distribution, in a given shape or that of a second input."""

    distribution: str
    shape: Shape | None
    dtype: DType
    stream: int
    name = "random"
    shape_only = (1,)

    def infer(self, key: TensorType, like: TensorType | None = None) -> TensorType:
        if key.shape != (2,) or key.dtype != np.dtype("uint64"):
            raise DTypeError(f"random: a key is uint64(2,), got {key}; make one with ag.random_key(seed)")
        if self.shape is None and like is None:
            raise ShapeError("random: needs a shape, or a tensor whose shape it takes")
        return TensorType(self.shape if like is None else like.shape, self.dtype)  # type: ignore[arg-type]

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def kernel(self, key: Array, like: Array | None = None, *, out: Array) -> None:
        rng = generator(key, self.stream)
        draw = rng.random if self.distribution == "uniform" else rng.standard_normal
        if out.flags.c_contiguous and out.dtype.itemsize > 2:
            draw(out=out, dtype=out.dtype.type)
        else:
            out[...] = draw(out.shape)

    def simplify(self, key: Tensor, like: Tensor | None = None) -> Tensor | None:
        if like is None or not like.type.known:
            return None
        return Random(self.distribution, like.shape, self.dtype, self.stream)(key)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return [None] * len(inputs)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> None:
        return None


def draw(distribution: str, shape: Any, key: Like | None, dtype: Any) -> Tensor:
    """Samples in ``shape``, which may be a tensor whose shape is meant."""
    source = FUNCTION_KEY if key is None else as_tensor(key)
    stream = next(_streams.get())
    if isinstance(shape, Tensor):
        return Random(distribution, None, as_dtype(dtype or shape.dtype), stream)(source, shape)
    return Random(distribution, as_shape(shape), as_dtype(dtype or "float32"), stream)(source)


@op(Sample((), {"shape": (2, 3)}), differentiable=False)
def standard_uniform(shape: Any = (), key: Like | None = None, dtype: Any = None) -> Tensor:
    """Uniform samples in [0, 1), in ``shape`` or the shape of a tensor."""
    return draw("uniform", shape, key, dtype)


@op(Sample((), {"shape": (2, 3)}), differentiable=False)
def standard_normal(shape: Any = (), key: Like | None = None, dtype: Any = None) -> Tensor:
    """Normal samples of mean 0 and variance 1, in ``shape`` or the shape of a tensor."""
    return draw("normal", shape, key, dtype)
