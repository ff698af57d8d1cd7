"""Dropout, as a layer and as a part of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.model.ops import function
from agcli.spec.field_types import Fraction
from agcli.spec.fields import Field
from agcli.spec.nouns import LAYERS, Layer

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope


def dropped(x: Tensor, rate: float, scope: Scope) -> Tensor:
    """``x`` with a share of its elements set to 0 while training."""
    return function("dropout", x, rate) if scope.training and rate else x


@LAYERS.row("dropout")
class Dropout(Layer):
    """Sets inputs to 0 at random while training, and scales the others up to match; nothing else does."""

    padded = "at each place"
    main = "rate"
    rate: Fraction = Field(default=0.5, description="the share that is set to 0")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        return dropped(x, self.rate, scope)
