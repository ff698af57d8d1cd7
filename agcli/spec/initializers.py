"""Initializers: the distribution that a weight is drawn from before the first step.

`fan_in` and `fan_out` are the numbers of inputs and outputs that a weight connects.
"""

from typing import Annotated

from .field_types import Positive, Real
from .fields import Field, Fields
from .tables import Choice, Row, Table


class Normal(Fields):
    """Normal with the given mean and standard deviation."""

    main = "std"
    mean: Real = Field(default=0.0, description="mean")
    std: Positive = Field(default=0.05, description="standard deviation")


class TruncatedNormal(Normal):
    """The same, drawn again beyond two standard deviations."""


class Uniform(Fields):
    """Uniform between `-limit` and `limit`."""

    main = "limit"
    limit: Positive = Field(default=0.05, description="largest magnitude")


class ConstantValue(Fields):
    """All of one value."""

    main = "value"
    value: Real = Field(description="that value")


class Orthogonal(Fields):
    """Orthogonal rows or columns, whichever are fewer (Saxe et al. 2014)."""

    main = "gain"
    gain: Positive = Field(default=1.0, description="length of a row or column")


INITIALIZERS = Table(
    "initializer",
    {
        "glorot_uniform": Row(doc="Uniform, limit `sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio 2010)."),
        "glorot_normal": Row(doc="Normal, variance `2 / (fan_in + fan_out)` (Glorot and Bengio 2010)."),
        "he_uniform": Row(doc="Uniform, limit `sqrt(6 / fan_in)` (He et al. 2015)."),
        "he_normal": Row(doc="Normal, variance `2 / fan_in` (He et al. 2015)."),
        "lecun_uniform": Row(doc="Uniform, limit `sqrt(3 / fan_in)` (LeCun et al. 1998)."),
        "lecun_normal": Row(doc="Normal, variance `1 / fan_in` (LeCun et al. 1998)."),
        "orthogonal": Orthogonal,
        "zeros": Row(doc="All 0."),
        "ones": Row(doc="All 1."),
        "constant": ConstantValue,
        "normal": Normal,
        "truncated_normal": TruncatedNormal,
        "uniform": Uniform,
    },
)

Initializer = Annotated[Choice, INITIALIZERS]
