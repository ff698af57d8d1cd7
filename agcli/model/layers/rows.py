"""Layers: what `model:` may hold."""

from typing import Annotated, Any, Literal

from annotated_types import Len
from pydantic import Strict

from agcli.spec.field_types import Flag, Fraction, Kind, OneOf, Padding, Positive, Shape, Sides, Size
from agcli.spec.fields import Field
from agcli.spec.formula import Formula
from agcli.spec.nouns import (
    ACTIVATIONS,
    INITIALIZERS,
    LAYERS,
    ActivationChoice,
    InitializerChoice,
    Layer,
    Layers,
)

EPSILON: Any = Field(default=1e-5, description="added to the variance, so that it is never 0")
Wave = Annotated[Literal["sinusoidal", "learned"], OneOf("sinusoidal", "learned")]
Join = Annotated[Literal["concat", "add", "multiply"], OneOf("concat", "add", "multiply")]


@LAYERS.row("dense")
class Dense(Layer):
    """`activation(x @ weight + bias)`: every output sees every input."""

    main = "units"
    units: Size = Field(description="number of outputs")
    activation: ActivationChoice | None = Field(default=None, description="applied to the outputs")
    use_bias: Flag = Field(default=True, description="add a bias")
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    bias_init: InitializerChoice = INITIALIZERS.default("zeros", "the bias before the first step")


class Weighted(Layer):
    """A layer with weights and a bias."""

    activation: ActivationChoice | None = Field(default=None, description="applied to the outputs")
    use_bias: Flag = Field(default=True, description="add a bias")
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    bias_init: InitializerChoice = INITIALIZERS.default("zeros", "the bias before the first step")


class Convolution(Weighted):
    """A window that slides over rows and columns; inputs are (height, width, channels)."""

    main = "filters"
    filters: Size = Field(description="number of outputs")
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    stride: Sides = Field(default=1, description="step of the window")
    padding: Padding = Field(default="valid", description="zeros around: none, as many as keep the length, or a count")
    dilation: Sides = Field(default=1, description="distance of the inputs within a window")
    groups: Size = Field(default=1, description="groups of channels that do not see each other")


@LAYERS.row("conv1d")
class Conv1d(Convolution):
    """A window that slides over a sequence; inputs are (length, channels)."""


@LAYERS.row("conv2d")
class Conv2d(Convolution):
    """A window that slides over rows and columns; inputs are (height, width, channels)."""


@LAYERS.row("depthwise_conv2d")
class Depthwise(Weighted):
    """A convolution of each channel by itself."""

    main = "kernel"
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    multiplier: Size = Field(default=1, description="outputs for each channel")
    stride: Sides = Field(default=1, description="step of the window")
    padding: Padding = Field(default="valid", description="zeros around: none, as many as keep the length, or a count")
    dilation: Sides = Field(default=1, description="distance of the inputs within a window")


class Transposed(Weighted):
    """The transpose of a convolution, which enlarges; also called deconvolution."""

    main = "filters"
    filters: Size = Field(description="number of outputs")
    kernel: Sides = Field(default=3, description="length of the window, or one for each axis")
    stride: Sides = Field(default=1, description="how many outputs stand for one step of the input")
    padding: Padding = Field(default="valid", description="`same` makes the output `stride` times as long")


@LAYERS.row("conv1d_transpose")
class Conv1dTranspose(Transposed):
    """The transpose of conv1d, which lengthens a sequence."""


@LAYERS.row("conv2d_transpose")
class Conv2dTranspose(Transposed):
    """The transpose of a convolution, which enlarges; also called deconvolution."""


class Pool(Layer):
    """The largest value of every window."""

    main = "size"
    size: Sides = Field(default=2, description="length of the window, or one for each axis")
    stride: Sides | None = Field(default=None, description="step of the window; its length if not given")
    padding: Padding = Field(default="valid", description="places around: none, as many as keep the length, or a count")


@LAYERS.row("max_pool")
class MaxPool(Pool):
    """The largest value of every window."""


@LAYERS.row("avg_pool")
class AvgPool(Pool):
    """The mean of every window; padding does not count."""


@LAYERS.row("global_max_pool")
class GlobalMaxPool(Layer):
    """The largest value of each channel over all places."""


@LAYERS.row("global_avg_pool")
class GlobalAvgPool(Layer):
    """The mean of each channel over all places."""


@LAYERS.row("batch_norm")
class BatchNorm(Layer):
    """Each channel with mean 0 and variance 1 over the batch (Ioffe and Szegedy 2015), else as training saw it."""

    momentum: Fraction = Field(default=0.9, description="the share of the running statistics that a step keeps")
    epsilon: Positive = EPSILON
    affine: Flag = Field(default=True, description="multiply by a scale and add an offset, which are learnt")


@LAYERS.row("layer_norm")
class LayerNorm(Layer):
    """Each sample's last axis with mean 0 and variance 1 (Ba et al. 2016)."""

    epsilon: Positive = EPSILON
    affine: Flag = Field(default=True, description="multiply by a scale and add an offset, which are learnt")


@LAYERS.row("rms_norm")
class RmsNorm(Layer):
    """The last axis divided by the root of its mean square, times a scale (Zhang and Sennrich 2019)."""

    epsilon: Positive = Field(default=1e-6, description="added to the mean square")


@LAYERS.row("group_norm")
class GroupNorm(LayerNorm):
    """Groups of channels with mean 0 and variance 1 in each sample (Wu and He 2018)."""

    main = "groups"
    groups: Size = Field(default=32, description="number of groups")


@LAYERS.row("dropout")
class Dropout(Layer):
    """Sets inputs to 0 at random while training, and scales the others up to match; nothing else does."""

    main = "rate"
    rate: Fraction = Field(default=0.5, description="the share that is set to 0")


@LAYERS.row("embedding")
class Embedding(Layer):
    """A learnt vector for each whole number, such as a token or a category."""

    size: Size = Field(description="how many numbers there are, from 0")
    width: Size = Field(description="length of a vector")
    init: InitializerChoice = INITIALIZERS.default("normal", "the vectors before the first step")


@LAYERS.row("positional")
class Positional(Layer):
    """Adds to each place of a sequence a vector that tells where it is (Vaswani et al. 2017)."""

    main = "kind"
    kind: Wave = Field(default="sinusoidal", description="waves of many lengths, or parameters")


class Recurrent(Layer):
    """`h = activation(x @ weight + h @ recurrent_weight + bias)`, from place to place (Elman 1990)."""

    main = "units"
    units: Size = Field(description="length of the state")
    return_sequences: Flag = Field(default=False, description="the states at all places, not only the last")
    bidirectional: Flag = Field(default=False, description="a second one from the end, its states beside the first's")
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")
    recurrent_init: InitializerChoice = INITIALIZERS.default(
        "orthogonal", "the recurrent weights before the first step"
    )
    bias_init: InitializerChoice = INITIALIZERS.default("zeros", "the biases before the first step")


@LAYERS.row("lstm")
class Lstm(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997); the forget gate's bias is 1 more."""


@LAYERS.row("gru")
class Gru(Recurrent):
    """Gated recurrent unit (Cho et al. 2014), the reset gate after the product."""


@LAYERS.row("simple_rnn")
class SimpleRnn(Recurrent):
    """`h = activation(x @ weight + h @ recurrent_weight + bias)`, from place to place (Elman 1990)."""

    activation: ActivationChoice = ACTIVATIONS.default("tanh", "applied to the state")


@LAYERS.row("attention")
class Attention(Layer):
    """Each place looks at all places of the same sequence, or of a second input (Vaswani et al. 2017)."""

    main = "heads"
    heads: Size = Field(description="number of looks that each place takes")
    width: Size | None = Field(default=None, description="length of the outputs; that of the inputs if not given")
    causal: Flag = Field(default=False, description="look at the same and earlier places only")
    dropout: Fraction = Field(default=0.0, description="the share of the result that is set to 0 while training")
    use_bias: Flag = Field(default=True, description="add biases")
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")


@LAYERS.row("transformer")
class Transformer(Layer):
    """Attention, then two dense layers at each place; both normalised before and added to their input."""

    main = "heads"
    heads: Size = Field(description="number of looks that each place takes")
    hidden: Size | None = Field(
        default=None, description="units of the first dense layer; 4 times the width if not given"
    )
    causal: Flag = Field(default=False, description="look at the same and earlier places only")
    dropout: Fraction = Field(default=0.0, description="the share of both results that is set to 0 while training")
    activation: ActivationChoice = ACTIVATIONS.default("gelu", "of the first dense layer")
    norm_first: Flag = Field(default=True, description="normalise before each part, not after its addition")
    epsilon: Positive = EPSILON
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")


@LAYERS.row("flatten")
class Flatten(Layer):
    """Each sample as one row of values."""


@LAYERS.row("reshape")
class Reshape(Layer):
    """The same values in another shape."""

    main = "shape"
    shape: Shape = Field(description="the new shape without the batch; one -1 stands for what is left")


@LAYERS.row("concat")
class Concat(Layer):
    """Several inputs side by side on the last axis."""


@LAYERS.row("add")
class Add(Layer):
    """The sum of several inputs."""


@LAYERS.row("multiply")
class Multiply(Layer):
    """The product of several inputs, element by element."""


@LAYERS.row("stack")
class Stack(Layer):
    """Several inputs of one shape along a new axis behind the batch."""


@LAYERS.row("residual")
class Residual(Layer):
    """The input plus what the layers make of it (He et al. 2016)."""

    main = "layers"
    layers: Layers = Field(description="layers whose output has the shape of their input")


@LAYERS.row("parallel")
class Parallel(Layer):
    """Several lists of layers, each of the same input, joined."""

    main = "branches"
    branches: Annotated[tuple[Layers, ...], Strict(False), Len(1, 100), Kind("a list of lists of layers")] = Field(
        description="the lists"
    )
    join: Join = Field(default="concat", description="put the results side by side, add or multiply them")


@LAYERS.row("repeat")
class Repeat(Layer):
    """The same layers several times."""

    times: Annotated[Size, Kind("a positive integer")] = Field(description="how often")
    layers: Layers = Field(description="the layers")
    share: Flag = Field(default=False, description="the same parameters each time")


@LAYERS.row("lambda")
class Lambda(Layer):
    """A formula of `x`, the input, and of every name that formulas of this spec know."""

    main = "formula"
    formula: Formula = Field(description="such as `x[:, -1]` or `x * sigmoid(x)`")


@LAYERS.row("activation")
class ActivationLayer(Layer):
    """The named activation as a layer of its own; its bare name does the same."""

    main = "name"
    name: ActivationChoice = Field(description="which one")


for activation, row in ACTIVATIONS.rows.items():
    LAYERS.add(activation, row)
