"""Layers: what `model:` may hold. `agcli/layers` builds the graph of each, under the same names."""

from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import Strict

from .activations import ACTIVATIONS, Activation
from .field_types import Flag, Fraction, Kind, OneOf, Padding, Positive, Shape, Sides, Size, Weight, Word, Words
from .fields import Field, Fields
from .formula import Formula
from .initializers import INITIALIZERS, Initializer
from .tables import Choice, Row, Table

MAX_LAYERS = 1_000
EPSILON: Any = Field(default=1e-5, description="added to the variance, so that it is never 0")
Wave = Annotated[Literal["sinusoidal", "learned"], OneOf("sinusoidal", "learned")]
Join = Annotated[Literal["concat", "add", "multiply"], OneOf("concat", "add", "multiply")]


class Beside(Fields):
    """Keys that may stand beside the name of any layer: `{dense: 10, name: scores, l2: 1e-4}`."""

    name: Word | None = Field(default=None, description="names the layer, its parameters and its output")
    input: Words | None = Field(default=None, description="the layers or inputs it reads; else the layer before it")
    weights: Word | None = Field(default=None, description="the layer whose parameters it uses, instead of its own")
    l1: Weight = Field(default=0.0, description="adds this much of the sum of its weights' magnitudes to the loss")
    l2: Weight = Field(default=0.0, description="adds this much of the sum of its weights' squares to the loss")


LAYERS = Table("layer", {}, beside=Beside)
Layer = Annotated[Choice, LAYERS]


Layers = Annotated[
    tuple[Layer, ...],
    Strict(False),
    Len(1, MAX_LAYERS),
    Kind("a list of layers", too_short="at least one layer", too_long=f"at most {MAX_LAYERS:,} layers"),
]


class Weighted(Fields):
    """A layer with weights and a bias."""

    activation: Activation | None = Field(default=None, description="applied to the outputs")
    use_bias: Flag = Field(default=True, description="add a bias")
    init: Initializer = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    bias_init: Initializer = INITIALIZERS.default("zeros", "the bias before the first step")


class Dense(Fields):
    """`activation(x @ weight + bias)`: every output sees every input."""

    main = "units"
    units: Size = Field(description="number of outputs")
    activation: Activation | None = Field(default=None, description="applied to the outputs")
    use_bias: Flag = Field(default=True, description="add a bias")
    init: Initializer = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    bias_init: Initializer = INITIALIZERS.default("zeros", "the bias before the first step")


class Transposed(Weighted):
    """The transpose of a convolution, which enlarges; also called deconvolution."""

    main = "filters"
    filters: Size = Field(description="number of outputs")
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    stride: Sides = Field(default=1, description="how many outputs stand for one step of the input")
    padding: Padding = Field(default="valid", description="`same` makes the output `stride` times as long")


class Convolution(Weighted):
    """A window that slides over rows and columns; inputs are (height, width, channels)."""

    main = "filters"
    filters: Size = Field(description="number of outputs")
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    stride: Sides = Field(default=1, description="step of the window")
    padding: Padding = Field(default="valid", description="zeros around: none, as many as keep the length, or a count")
    dilation: Sides = Field(default=1, description="distance of the inputs within a window")
    groups: Size = Field(default=1, description="groups of channels that do not see each other")


class Depthwise(Weighted):
    """A convolution of each channel by itself."""

    main = "kernel"
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    multiplier: Size = Field(default=1, description="outputs for each channel")
    stride: Sides = Field(default=1, description="step of the window")
    padding: Padding = Field(default="valid", description="zeros around: none, as many as keep the length, or a count")
    dilation: Sides = Field(default=1, description="distance of the inputs within a window")


class Pool(Fields):
    """The largest value of every window."""

    main = "size"
    size: Sides = Field(default=2, description="length of the window, or one for each axis")
    stride: Sides | None = Field(default=None, description="step of the window; its length if not given")
    padding: Padding = Field(default="valid", description="places around: none, as many as keep the length, or a count")


class BatchNorm(Fields):
    """Each channel with mean 0 and variance 1 over the batch (Ioffe and Szegedy 2015), else as training saw it."""

    momentum: Fraction = Field(default=0.9, description="the share of the running statistics that a step keeps")
    epsilon: Positive = EPSILON
    affine: Flag = Field(default=True, description="multiply by a scale and add an offset, which are learnt")


class LayerNorm(Fields):
    """Each sample's last axis with mean 0 and variance 1 (Ba et al. 2016)."""

    epsilon: Positive = EPSILON
    affine: Flag = Field(default=True, description="multiply by a scale and add an offset, which are learnt")


class RmsNorm(Fields):
    """The last axis divided by the root of its mean square, times a scale (Zhang and Sennrich 2019)."""

    epsilon: Positive = Field(default=1e-6, description="added to the mean square")


class GroupNorm(LayerNorm):
    """Groups of channels with mean 0 and variance 1 in each sample (Wu and He 2018)."""

    main = "groups"
    groups: Size = Field(default=32, description="number of groups")


class Dropout(Fields):
    """Sets inputs to 0 at random while training, and scales the others up to match; nothing else does."""

    main = "rate"
    rate: Fraction = Field(default=0.5, description="the share that is set to 0")


class Embedding(Fields):
    """A learnt vector for each whole number, such as a token or a category."""

    size: Size = Field(description="how many numbers there are, from 0")
    width: Size = Field(description="length of a vector")
    init: Initializer = INITIALIZERS.default("normal", "the vectors before the first step")


class Positional(Fields):
    """Adds to each place of a sequence a vector that tells where it is (Vaswani et al. 2017)."""

    main = "kind"
    kind: Wave = Field(default="sinusoidal", description="waves of many lengths, or parameters")


class Recurrent(Fields):
    """`h = activation(x @ weight + h @ recurrent_weight + bias)`, from place to place (Elman 1990)."""

    main = "units"
    units: Size = Field(description="length of the state")
    return_sequences: Flag = Field(default=False, description="the states at all places, not only the last")
    bidirectional: Flag = Field(default=False, description="a second one from the end, its states beside the first's")
    init: Initializer = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    recurrent_init: Initializer = INITIALIZERS.default("orthogonal", "the recurrent weights before the first step")
    bias_init: Initializer = INITIALIZERS.default("zeros", "the biases before the first step")


class SimpleRnn(Recurrent):
    """`h = activation(x @ weight + h @ recurrent_weight + bias)`, from place to place (Elman 1990)."""

    activation: Activation = ACTIVATIONS.default("tanh", "applied to the state")


class Attention(Fields):
    """Each place looks at all places of the same sequence, or of a second input (Vaswani et al. 2017)."""

    main = "heads"
    heads: Size = Field(description="number of looks that each place takes")
    width: Size | None = Field(default=None, description="length of the outputs; that of the inputs if not given")
    causal: Flag = Field(default=False, description="look at the same and earlier places only")
    dropout: Fraction = Field(default=0.0, description="the share of the result that is set to 0 while training")
    use_bias: Flag = Field(default=True, description="add biases")
    init: Initializer = INITIALIZERS.default("glorot_uniform", "the weights before the first step")


class Transformer(Fields):
    """Attention, then two dense layers at each place; both normalised before and added to their input."""

    main = "heads"
    heads: Size = Field(description="number of looks that each place takes")
    hidden: Size | None = Field(
        default=None, description="units of the first dense layer; 4 times the width if not given"
    )
    causal: Flag = Field(default=False, description="look at the same and earlier places only")
    dropout: Fraction = Field(default=0.0, description="the share of both results that is set to 0 while training")
    activation: Activation = ACTIVATIONS.default("gelu", "of the first dense layer")
    norm_first: Flag = Field(default=True, description="normalise before each part, not after its addition")
    epsilon: Positive = EPSILON
    init: Initializer = INITIALIZERS.default("glorot_uniform", "the weights before the first step")


class Reshape(Fields):
    """The same values in another shape."""

    main = "shape"
    shape: Shape = Field(description="the new shape without the batch; one -1 stands for what is left")


class ActivationLayer(Fields):
    """The named activation as a layer of its own; its bare name does the same."""

    main = "name"
    name: Activation = Field(description="which one")


class Lambda(Fields):
    """A formula of `x`, the input, and of every name that formulas of this spec know."""

    main = "formula"
    formula: Formula = Field(description="such as `x[:, -1]` or `x * sigmoid(x)`")


class Residual(Fields):
    """The input plus what the layers make of it (He et al. 2016)."""

    main = "layers"
    layers: Layers = Field(description="layers whose output has the shape of their input")


class Parallel(Fields):
    """Several lists of layers, each of the same input, joined."""

    main = "branches"
    branches: Annotated[tuple[Layers, ...], Strict(False), Len(1, 100), Kind("a list of lists of layers")] = Field(
        description="the lists"
    )
    join: Join = Field(default="concat", description="put the results side by side, add or multiply them")


class Repeat(Fields):
    """The same layers several times."""

    times: Annotated[Size, Kind("a positive integer")] = Field(description="how often")
    layers: Layers = Field(description="the layers")
    share: Flag = Field(default=False, description="the same parameters each time")


LAYERS.add(
    {
        "dense": Dense,
        "conv1d": Row(Convolution, "A window that slides over a sequence; inputs are (length, channels)."),
        "conv2d": Convolution,
        "depthwise_conv2d": Depthwise,
        "conv1d_transpose": Row(Transposed, "The transpose of conv1d, which lengthens a sequence."),
        "conv2d_transpose": Transposed,
        "max_pool": Pool,
        "avg_pool": Row(Pool, "The mean of every window; padding does not count."),
        "global_max_pool": Row(doc="The largest value of each channel over all places."),
        "global_avg_pool": Row(doc="The mean of each channel over all places."),
        "batch_norm": BatchNorm,
        "layer_norm": LayerNorm,
        "rms_norm": RmsNorm,
        "group_norm": GroupNorm,
        "dropout": Dropout,
        "embedding": Embedding,
        "positional": Positional,
        "lstm": Row(
            Recurrent, "Long short-term memory (Hochreiter and Schmidhuber 1997); the forget gate's bias is 1 more."
        ),
        "gru": Row(Recurrent, "Gated recurrent unit (Cho et al. 2014), the reset gate after the product."),
        "simple_rnn": SimpleRnn,
        "attention": Attention,
        "transformer": Transformer,
        "flatten": Row(doc="Each sample as one row of values."),
        "reshape": Reshape,
        "concat": Row(doc="Several inputs side by side on the last axis."),
        "add": Row(doc="The sum of several inputs."),
        "multiply": Row(doc="The product of several inputs, element by element."),
        "stack": Row(doc="Several inputs of one shape along a new axis behind the batch."),
        "residual": Residual,
        "parallel": Parallel,
        "repeat": Repeat,
        "lambda": Lambda,
        "activation": ActivationLayer,
        **ACTIVATIONS.rows,
    }
)
