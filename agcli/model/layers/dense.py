"""Dense layers and activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.spec.field_types import Flag, Size
from agcli.spec.fields import Field
from agcli.spec.nouns import INITIALIZERS, LAYERS, Activation, ActivationChoice, InitializerChoice, Layer
from agcli.spec.tables import Choice

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope
    from agcli.spec.nouns import Initializer


def activate(x: Tensor, choice: Choice[Activation] | None) -> Tensor:
    """The activation of ``x``; ``x`` itself for None."""
    return x if choice is None else choice.fields.of(x)


def width(x: Tensor, layer: str) -> int:
    """The length of the last axis of samples that have one. Raises ShapeError or DTypeError."""
    from agcli.engine.errors import DTypeError, ShapeError
    from agcli.engine.types import static

    if x.ndim < 2 or x.shape[-1] is None:
        hint = "; put `flatten` before it" if x.ndim > 2 else ""
        raise ShapeError(f"{layer}: expected samples that are rows of numbers, got {x.shape}{hint}")
    if x.dtype.kind != "f":
        raise DTypeError(f"{layer}: expected numbers, got {x.type}; put an `embedding` before it")
    return static(x.shape[-1])


def linear(
    x: Tensor, units: int, scope: Scope, init: Choice[Initializer], bias_init: Choice[Initializer] | None = None
) -> Tensor:
    """``x @ weight + bias``, (..., units), of (..., width); no bias without its initializer."""
    y = x @ scope.parameter("weight", (width(x, "dense"), units), init)
    return y + scope.parameter("bias", (units,), bias_init) if bias_init is not None else y


@LAYERS.row("dense")
class Dense(Layer):
    """`activation(x @ weight + bias)`: every output sees every input."""

    padded = "at each place"
    main = "units"
    units: Size = Field(description="number of outputs")
    activation: ActivationChoice | None = Field(default=None, description="applied to the outputs")
    use_bias: Flag = Field(default=True, description="add a bias")
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    bias_init: InitializerChoice = INITIALIZERS.default("zeros", "the bias before the first step")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        y = linear(x, self.units, scope, self.init, self.bias_init if self.use_bias else None)
        return activate(y, self.activation)


class Weighted(Layer):
    """A layer with weights and a bias."""

    activation: ActivationChoice | None = Field(default=None, description="applied to the outputs")
    use_bias: Flag = Field(default=True, description="add a bias")
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    bias_init: InitializerChoice = INITIALIZERS.default("zeros", "the bias before the first step")

    def finish(self, y: Tensor, scope: Scope) -> Tensor:
        """The products (..., channels) with their bias and activation."""
        from agcli.engine.types import static

        if self.use_bias:
            y = y + scope.parameter("bias", (static(y.shape[-1]),), self.bias_init)
        return activate(y, self.activation)
