"""Layers: what the list `model:` may hold. `agcli/layers.py` builds the graph of each, under the same names."""

from typing import Annotated

from .activations import ACTIVATIONS, Activation
from .fields import Field, Fields
from .initializers import INITIALIZERS, Initializer
from .kinds import Flag, Fraction, Shape, Size
from .tables import Choice, Row, Table


class Dense(Fields):
    """`activation(x @ weight + bias)`: every output sees every input."""

    main = "units"
    units: Size = Field(description="number of outputs")
    activation: Activation | None = Field(default=None, description="applied to the outputs")
    use_bias: Flag = Field(default=True, description="add a bias")
    init: Initializer = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    bias_init: Initializer = INITIALIZERS.default("zeros", "the bias before the first step")


class Dropout(Fields):
    """Sets inputs to 0 at random while training, and scales the others up to match; nothing else does."""

    main = "rate"
    rate: Fraction = Field(default=0.5, description="the share that is set to 0")


class Reshape(Fields):
    """The same values in another shape."""

    main = "shape"
    shape: Shape = Field(description="the new shape without the batch; one -1 stands for what is left")


class ActivationLayer(Fields):
    """The named activation as a layer of its own; its bare name does the same."""

    main = "name"
    name: Activation = Field(description="which one")


LAYERS = Table(
    "layer",
    {
        "dense": Dense,
        "dropout": Dropout,
        "flatten": Row(doc="Each sample as one row of values."),
        "reshape": Reshape,
        "activation": ActivationLayer,
        **ACTIVATIONS.rows,
    },
)

Layer = Annotated[Choice, LAYERS]
