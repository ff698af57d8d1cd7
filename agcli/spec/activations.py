"""Activations: what `activation:` of a layer may name, and, by the same names, layers of their own."""

from typing import Annotated

from .field_types import Flag, Positive
from .fields import Field, Fields
from .tables import Choice, Row, Table


class LeakyRelu(Fields):
    """`x` above 0, `slope * x` below."""

    main = "slope"
    slope: Positive = Field(default=0.01, description="slope below 0")


class Elu(Fields):
    """`x` above 0, `alpha * (exp(x) - 1)` below."""

    main = "alpha"
    alpha: Positive = Field(default=1.0, description="the value approached far below 0, negated")


class Gelu(Fields):
    """`x` times the normal distribution function of `x`."""

    approximate: Flag = Field(default=False, description="by the hyperbolic tangent, as GPT-2 has it")


ACTIVATIONS = Table(
    "activation",
    {
        "relu": Row(doc="`x` above 0, 0 below."),
        "sigmoid": Row(doc="`1 / (1 + exp(-x))`."),
        "tanh": Row(doc="The hyperbolic tangent."),
        "softmax": Row(doc="`exp(x) / sum(exp(x))` over the last axis. The softmax losses contain it already."),
        "log_softmax": Row(doc="The logarithm of the softmax."),
        "leaky_relu": LeakyRelu,
        "elu": Elu,
        "selu": Row(doc="The elu that keeps mean 0 and variance 1 (Klambauer et al. 2017)."),
        "gelu": Gelu,
        "silu": Row(doc="`x * sigmoid(x)`."),
        "mish": Row(doc="`x * tanh(softplus(x))`."),
        "softplus": Row(doc="`log(1 + exp(x))`."),
        "softsign": Row(doc="`x / (1 + |x|)`."),
        "relu6": Row(doc="`x` clipped to 0..6."),
        "hard_sigmoid": Row(doc="`x / 6 + 1/2` clipped to 0..1."),
        "log_sigmoid": Row(doc="The logarithm of the sigmoid."),
        "sin": Row(doc="The sine, for networks that are waves (Sitzmann et al. 2020)."),
        "exp": Row(doc="The exponential, for outputs that are positive."),
    },
)

Activation = Annotated[Choice, ACTIVATIONS]
