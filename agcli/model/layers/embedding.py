"""Vectors for tokens and for their places in a sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from agcli.model.ops import function
from agcli.spec.field_types import OneOf, Size
from agcli.spec.fields import Field
from agcli.spec.nouns import INITIALIZERS, LAYERS, InitializerChoice, Layer

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from agcli.engine.graph import Tensor
    from agcli.engine.types import Array
    from agcli.model.layers.scope import Scope

Wave = Annotated[Literal["sinusoidal", "learned"], OneOf("sinusoidal", "learned")]


@LAYERS.row("embedding")
class Embedding(Layer):
    """A learned vector for each whole number, such as a token or a category."""

    padded = "at each place"
    size: Size | None = Field(
        default=None, description="how many numbers there are, from 0; of a text or of names those that training knows"
    )
    width: Size = Field(description="length of a vector")
    init: InitializerChoice = INITIALIZERS.default("normal", "the vectors before the first step")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.engine.errors import DTypeError, ShapeError

        if x.dtype.kind not in "iu":
            raise DTypeError(f"embedding: expected whole numbers, got {x.type}")
        size = self.size or scope.tokens(x)
        if not size:
            raise ShapeError(
                "embedding: expected a `size`: how many numbers there are is known of texts and names alone"
            )
        return function("embedding", scope.parameter("weight", (size, self.width), self.init), x)


def waves(places: int, size: int, dtype: DTypeLike) -> Array:
    """sin(p / 10000^(2i/size)) in the even columns, cos in the odd ones (Vaswani et al., 2017, section 3.5)."""
    import numpy as np

    rates = 10_000.0 ** (-np.arange(0, size, 2) / size)
    angles = np.arange(places)[:, None] * rates
    table = np.empty((places, size), dtype)
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles)[:, : size // 2]
    return table


@LAYERS.row("positional")
class Positional(Layer):
    """Adds to each place of a sequence a vector that tells where it is (Vaswani et al. 2017)."""

    padded = "masks"
    main = "kind"
    kind: Wave = Field(default="sinusoidal", description="waves of many lengths, or parameters")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        from agcli.engine.graph import constant
        from agcli.model.layers.attention import sequence

        shape, mask = sequence(x, "positional"), scope.mask(x)
        if self.kind == "sinusoidal":
            table: Tensor = constant(waves(*shape, scope.dtype))
        else:
            table = scope.parameter("weight", shape, INITIALIZERS.read({"normal": 0.02}))
        if mask and mask.left:  # else places are counted from the first token anyway
            from agcli.model.layers.masks import positions

            table = function("embedding", table, positions(mask))
        return scope.with_mask(x + table, mask)
