"""Activations: what `activation:` of a layer may name, and, by the same names, layers of their own."""

from typing import Annotated

from .fields import Field, Fields
from .kinds import Positive
from .tables import Choice, Row, Table


class LeakyRelu(Fields):
    """`x` above 0, `slope * x` below."""

    main = "slope"
    slope: Positive = Field(default=0.01, description="slope below 0")


class Elu(Fields):
    """`x` above 0, `alpha * (exp(x) - 1)` below."""

    main = "alpha"
    alpha: Positive = Field(default=1.0, description="the value approached far below 0, negated")


ACTIVATIONS = Table(
    "activation",
    {
        "relu": Row(doc="`x` above 0, 0 below."),
        "sigmoid": Row(doc="`1 / (1 + exp(-x))`."),
        "tanh": Row(doc="The hyperbolic tangent."),
        "softmax": Row(doc="`exp(x) / sum(exp(x))` over the last axis. The softmax losses contain it already."),
        "leaky_relu": LeakyRelu,
        "elu": Elu,
        "gelu": Row(doc="`x` times the normal distribution function of `x`."),
        "silu": Row(doc="`x * sigmoid(x)`."),
        "softplus": Row(doc="`log(1 + exp(x))`."),
    },
)

Activation = Annotated[Choice, ACTIVATIONS]
