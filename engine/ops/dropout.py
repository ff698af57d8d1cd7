"""Masks of dropout. A mask needs one bit of decision an element, so it is drawn from 16 random bits, not a float."""

from __future__ import annotations

import numpy as np

from ..frozen import frozen
from ..graph import Like, Tensor, as_tensor
from ..types import Array, Shape, TensorType
from .keys import FUNCTION_KEY, next_stream
from .words import CHUNK, Draw

LEVELS = 1 << 16  # rates are multiples of one over this


@frozen
class DropoutMask(Draw):
    """True with probability 1 - threshold / 65536, in a given shape or that of a second input."""

    threshold: int
    shape: Shape | None
    stream: int
    name = "dropout_mask"
    shape_only = (1,)

    def infer(self, key: TensorType, like: TensorType | None = None) -> TensorType:
        self.check_key(key)
        return TensorType(self.shape if like is None else like.shape, np.dtype(bool))  # type: ignore[arg-type]

    def fill(self, rng: np.random.Generator, out: Array, *inputs: Array) -> None:
        """Eight bytes give four elements."""
        draw, flat, limit = rng.bit_generator.random_raw, out.reshape(-1), np.uint16(self.threshold)
        for i in range(0, flat.size, 4 * CHUNK):
            part = flat[i : i + 4 * CHUNK]
            words = draw(-(-part.size // 4)).view(np.uint16)
            np.greater_equal(words[: part.size], limit, out=part)

    def simplify(self, key: Tensor, like: Tensor | None = None) -> Tensor | None:
        if like is None or not like.type.known:
            return None
        return DropoutMask(self.threshold, like.shape, self.stream)(key)


def dropout_mask(x: Tensor, rate: float, key: Like | None) -> tuple[Tensor, float]:
    """A mask in the shape of ``x`` from a stream of its own, and the probability with which it keeps an element."""
    threshold = min(round(rate * LEVELS), LEVELS - 1)
    make = DropoutMask(threshold, None, next_stream())
    return make.simplest(FUNCTION_KEY if key is None else as_tensor(key), x), 1 - threshold / LEVELS
