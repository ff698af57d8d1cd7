"""The source of all random numbers: words of NumPy's Philox, by key and stream, and what random ops have in common.

The key is a tensor ``uint64[2]``: seed and step. Every random op has a stream of its own, so that two dropouts never
share a mask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..frozen import frozen
from ..graph import Cotangents, Op, Tensor
from ..types import Array, DType, Shape, TensorType
from .keys import KEY_TYPE

CHUNK = 1 << 14  # words of 64 bits that are drawn at once; they stay in the first-level cache


class Source:
    """NumPy's generator for one op; ``at`` moves it to a key, at a seventh of the cost of a new generator."""

    def __init__(self, stream: int) -> None:
        bits = np.random.Philox(key=[0, stream])
        self.generator = np.random.Generator(bits)
        self.bits = bits
        self.state: Any = bits.state  # counter 0 and an empty buffer; only the two numbers below ever change
        self.key: Array = self.state["state"]["key"]
        self.counter: Array = self.state["state"]["counter"]

    def at(self, key: Array) -> np.random.Generator:
        """The generator at the start of the numbers of ``key``; steps are 2^192 numbers apart."""
        self.key[0], self.counter[3] = key
        self.bits.state = self.state
        return self.generator


class Draw(Op):
    """What the random ops share: a key as first input, a stream of their own, and no gradient in the key."""

    stream: int

    def check_key(self, key: TensorType) -> None:
        if key.shape != KEY_TYPE.shape or key.dtype != KEY_TYPE.dtype:
            raise DTypeError(f"{self.name}: a key is uint64(2,), got {key}; make one with ag.random_key(seed)")

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def fill(self, rng: np.random.Generator, out: Array, *inputs: Array) -> None:
        """Fill ``out`` with samples."""
        raise NotImplementedError

    def bind(self, inputs: Sequence[Array], out: Array) -> Callable[[], Any]:
        source, key, rest, samples = Source(self.stream), inputs[0], inputs[1:], self.fill
        return lambda: samples(source.at(key), out, *rest)

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return [None] * len(inputs)

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> Tensor | None:
        return None


@frozen
class Words(Draw):
    """Random bits, as int32 or int64, in a given shape or that of a second input: Philox's words in their order."""

    dtype: DType
    shape: Shape | None
    stream: int
    name = "random_words"
    shape_only = (1,)

    def infer(self, key: TensorType, like: TensorType | None = None) -> TensorType:
        self.check_key(key)
        return TensorType(self.shape if like is None else like.shape, self.dtype)  # type: ignore[arg-type]

    def fill(self, rng: np.random.Generator, out: Array, *inputs: Array) -> None:
        """Of 64 bits, the lower half is the first word of 32."""
        flat = out.reshape(-1) if out.flags.c_contiguous else np.empty(out.size, out.dtype)
        each = 8 // self.dtype.itemsize
        for i in range(0, flat.size, each * CHUNK):
            part = flat[i : i + each * CHUNK]
            words = rng.bit_generator.random_raw(-(-part.size // each)).astype("<u8", copy=False)
            part[...] = words.view(self.dtype.newbyteorder("<"))[: part.size]
        if not out.flags.c_contiguous:
            out[...] = flat.reshape(out.shape)

    def simplify(self, key: Tensor, like: Tensor | None = None) -> Tensor | None:
        if like is None or not like.type.known:
            return None
        return Words(self.dtype, like.shape, self.stream)(key)
