"""Keys of random numbers: a tensor ``uint64[2]``, seed and step, and the stream that each random op has of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from ..errors import DTypeError
from ..frozen import frozen
from ..graph import Cotangents, Like, Op, Tensor, as_tensor
from ..leaves import Placeholder, placeholder
from ..table import Sample, op
from ..types import Array, TensorType

FUNCTION_KEY: Placeholder = placeholder("random key", (2,), "uint64")
KEY_TYPE = TensorType((2,), np.dtype("uint64"))
_streams: ContextVar[Iterator[int] | None] = ContextVar("streams", default=None)
_numbers = itertools.count()


def next_stream() -> int:
    """A number that no other random op has, outside of ``streams`` blocks."""
    return next(_streams.get() or _numbers)


@contextmanager
def streams() -> Iterator[None]:
    """Number the streams of the random ops built inside this block from 0, so that a rebuilt graph repeats."""
    token = _streams.set(itertools.count())
    try:
        yield
    finally:
        _streams.reset(token)


def make_key(seed: int) -> Array:
    """The key of a seed (0 to 2^64 - 1), at step 0: two uint64 numbers, the seed and the step.

    >>> print(ag.random_key(7))
    [7 0]
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or not 0 <= seed < 2**64:
        raise DTypeError(f"random_key: a seed is an integer from 0 to 2^64 - 1, got {seed!r}")
    return np.array([seed, 0], "uint64")


random_key = make_key


@frozen
class FoldIn(Op):
    """A new seed out of a key and a number."""

    name = "fold_in"

    def unify(self, inputs: list[Tensor]) -> list[Tensor]:
        return inputs

    def infer(self, key: TensorType, number: TensorType) -> TensorType:
        if key.shape != KEY_TYPE.shape or key.dtype != KEY_TYPE.dtype:
            raise DTypeError(f"fold_in: a key is uint64(2,), got {key}; make one with ag.random_key(seed)")
        if number.shape != () or number.dtype.kind not in "iu":
            raise DTypeError(f"fold_in: the number is one integer, got {number}")
        return KEY_TYPE

    def kernel(self, key: Array, number: Array, *, out: Array) -> None:
        out[0] = scramble(int(key[0]) ^ scramble(int(number)))
        out[1] = key[1]

    def vjp(self, g: Tensor, y: Tensor, *inputs: Tensor) -> Cotangents:
        return None, None

    def jvp(self, tangents: Sequence[Tensor | None], y: Tensor, *inputs: Tensor) -> None:
        return None


def scramble(n: int) -> int:
    """SplitMix64's mixing of 64 bits (Steele, Lea and Flood, 2014): a bijection that spreads every bit."""
    mask = 2**64 - 1
    n = (n + 0x9E3779B97F4A7C15) & mask
    n = ((n ^ (n >> 30)) * 0xBF58476D1CE4E5B9) & mask
    n = ((n ^ (n >> 27)) * 0x94D049BB133111EB) & mask
    return n ^ (n >> 31)


@op(Sample((), {"key": make_key(1), "number": 3}), differentiable=False)
def fold_in(key: Like, number: Like) -> Tensor:
    """Another key, made of ``key`` and an integer; the step of ``key`` stays.

    The result has the shape (2,) of ``key``.

    >>> batch = ag.placeholder("batch", (), "int64")
    >>> key = ag.fold_in(ag.random_key(7), batch)
    >>> noise = ag.function(ag.standard_normal((3,), key))
    >>> print((noise(0) == noise(0)).all(), (noise(0) == noise(1)).any())
    True False
    """
    return FoldIn()(as_tensor(key), as_tensor(number))


def split_key(key: Like, count: int) -> tuple[Tensor, ...]:
    """``count`` keys made of one.

    >>> for key in ag.split_key(ag.random_key(7), 2):
    ...     print(ag.standard_normal((3,), key).shape)
    (3,)
    (3,)
    """
    return tuple(fold_in(key, i) for i in range(count))
