"""Activations: what `activation:` of a layer may name, and, by the same names, layers of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.model.ops import function
from agcli.spec.field_types import Flag, Positive
from agcli.spec.fields import Field
from agcli.spec.nouns import ACTIVATIONS, Activation

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor


def bare(name: str, sentence: str) -> None:
    """A row without fields: the op of its name."""

    class Bare(Activation):
        __doc__ = sentence

        def of(self, x: Tensor) -> Tensor:
            return function(name, x)

    ACTIVATIONS.row(name)(Bare)


bare("relu", "`x` above 0, 0 below.")
bare("sigmoid", "`1 / (1 + exp(-x))`.")
bare("tanh", "The hyperbolic tangent.")
bare("softmax", "`exp(x) / sum(exp(x))` over the last axis. The softmax losses contain it already.")
bare("log_softmax", "The logarithm of the softmax.")


@ACTIVATIONS.row("leaky_relu")
class LeakyRelu(Activation):
    """`x` above 0, `slope * x` below."""

    main = "slope"
    slope: Positive = Field(default=0.01, description="slope below 0")

    def of(self, x: Tensor) -> Tensor:
        return function("leaky_relu", x, alpha=self.slope)


@ACTIVATIONS.row("elu")
class Elu(Activation):
    """`x` above 0, `alpha * (exp(x) - 1)` below."""

    main = "alpha"
    alpha: Positive = Field(default=1.0, description="the value approached far below 0, negated")

    def of(self, x: Tensor) -> Tensor:
        return function("elu", x, alpha=self.alpha)


@ACTIVATIONS.row("celu")
class Celu(Activation):
    """`x` above 0, `alpha * (exp(x / alpha) - 1)` below, with slope 1 at 0 (Barron 2017)."""

    main = "alpha"
    alpha: Positive = Field(default=1.0, description="the value approached far below 0, negated")

    def of(self, x: Tensor) -> Tensor:
        return function("celu", x, alpha=self.alpha)


bare("selu", "The elu that keeps mean 0 and variance 1 (Klambauer et al. 2017).")


@ACTIVATIONS.row("gelu")
class Gelu(Activation):
    """`x` times the normal distribution function of `x`."""

    approximate: Flag = Field(default=False, description="by the hyperbolic tangent, as GPT-2 has it")

    def of(self, x: Tensor) -> Tensor:
        return function("gelu", x, approximate=self.approximate)


bare("quick_gelu", "`x * sigmoid(1.702 x)`, near to gelu.")
bare("silu", "`x * sigmoid(x)`.")
bare("mish", "`x * tanh(softplus(x))`.")
bare("softplus", "`log(1 + exp(x))`.")
bare("softsign", "`x / (1 + |x|)`.")
bare("relu6", "`x` clipped to 0..6.")
bare("hard_sigmoid", "`x / 6 + 1/2` clipped to 0..1.")
bare("hard_tanh", "`x` clipped to -1..1.")
bare("hard_swish", "`x * hard_sigmoid(x)` (Howard et al. 2019).")
bare("glu", "The first half of the last axis times the sigmoid of the second (Dauphin et al. 2017).")
bare("log_sigmoid", "The logarithm of the sigmoid.")
bare("sin", "The sine, for networks that are waves (Sitzmann et al. 2020).")
bare("exp", "The exponential, for outputs that are positive.")
