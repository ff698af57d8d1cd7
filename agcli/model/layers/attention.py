"""Attention and transformer blocks; sequences are (samples, places, width)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agcli.model.layers.dense import activate, linear, width
from agcli.model.layers.dropout import dropped
from agcli.model.layers.normalization import EPSILON, scale_and_offset, several
from agcli.model.ops import call, function
from agcli.spec.field_types import Flag, Fraction, Positive, Size
from agcli.spec.fields import Field
from agcli.spec.nouns import ACTIVATIONS, INITIALIZERS, LAYERS, ActivationChoice, InitializerChoice, Layer

if TYPE_CHECKING:
    from agcli.engine.graph import Tensor
    from agcli.model.layers.scope import Scope
    from agcli.spec.nouns import Initializer
    from agcli.spec.tables import Choice


def sequence(x: Tensor, layer: str) -> tuple[int, int]:
    """Places and width of sequences. Raises ShapeError."""
    from agcli.engine.errors import ShapeError
    from agcli.engine.types import static

    if x.ndim != 3 or x.shape[1] is None:
        raise ShapeError(f"{layer}: expected sequences of shape (places, width), got {x.shape}")
    return static(x.shape[1]), width(x, layer)


def split_heads(x: Tensor, count: int) -> Tensor:
    """(samples, places, width) as (samples, heads, places, width / heads)."""
    places, size = sequence(x, "attention")
    return call("transpose", x.reshape((-1, places, count, size // count)), (0, 2, 1, 3))


def look(
    x: Tensor,
    memory: Tensor,
    layer: Attention | Transformer,
    scope: Scope,
    size: int,
    bias: Choice[Initializer] | None = None,
) -> Tensor:
    """Multi-head attention of ``x`` to ``memory``, (samples, places, size), before any dropout."""
    from agcli.engine.errors import ShapeError

    if size % layer.heads:
        raise ShapeError(f"attention: {layer.heads} heads do not divide the width {size} evenly")
    inputs = {"query": x, "key": memory, "value": memory}
    projected = [linear(t, size, scope.inner(name), layer.init, bias) for name, t in inputs.items()]
    split = [split_heads(t, layer.heads) for t in projected]
    keys = scope.mask(memory)
    allowed = None if keys is None else keys.places[:, None, None, :]
    y = function("scaled_dot_product_attention", *split, allowed, causal=layer.causal)
    joined = call("transpose", y, (0, 2, 1, 3)).reshape((-1, sequence(x, "attention")[0], size))
    return linear(joined, size, scope.inner("output"), layer.init, bias)


@LAYERS.row("attention")
class Attention(Layer):
    """Each place looks at all places of the same sequence, or of a second input (Vaswani et al. 2017)."""

    padded = "masks"
    main = "heads"
    several = True
    heads: Size = Field(description="number of looks that each place takes")
    width: Size | None = Field(default=None, description="length of the outputs; that of the inputs if not given")
    causal: Flag = Field(default=False, description="look at the same and earlier places only")
    dropout: Fraction = Field(default=0.0, description="the share of the result that is set to 0 while training")
    use_bias: Flag = Field(default=True, description="add biases")
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")

    def combine(self, xs: tuple[Tensor, ...], scope: Scope) -> Tensor:
        from agcli.engine.errors import ShapeError

        if len(xs) > 2:
            raise ShapeError(f"attention: takes one input or two, got {len(xs)}")
        size = self.width or sequence(xs[0], "attention")[1]
        bias = INITIALIZERS.read("zeros") if self.use_bias else None
        y = dropped(look(xs[0], xs[-1], self, scope, size, bias), self.dropout, scope)
        return scope.with_mask(y, scope.mask(xs[0]))


@LAYERS.row("transformer")
class Transformer(Layer):
    """Attention, then two dense layers at each place; both normalized before and added to their input."""

    padded = "masks"
    main = "heads"
    heads: Size = Field(description="number of looks that each place takes")
    hidden: Size | None = Field(
        default=None, description="units of the first dense layer; 4 times the width if not given"
    )
    causal: Flag = Field(default=False, description="look at the same and earlier places only")
    dropout: Fraction = Field(default=0.0, description="the share of both results that is set to 0 while training")
    activation: ActivationChoice = ACTIVATIONS.default("gelu", "of the first dense layer")
    norm_first: Flag = Field(default=True, description="normalize before each part, not after its addition")
    epsilon: Positive = EPSILON
    init: InitializerChoice = INITIALIZERS.default("glorot_uniform", "the weights before the first step")

    def build(self, x: Tensor, scope: Scope) -> Tensor:
        """Pre-norm: x + f(norm(x)); post-norm, as at first published: norm(x + f(x))."""
        _, size = sequence(x, "transformer")
        mask = scope.mask(x)
        bias = INITIALIZERS.read("zeros")
        for name in ("attention", "feed_forward"):
            norm = scope.inner(f"{name}_norm")
            start = scope.with_mask(self.normal(x, norm) if self.norm_first else x, mask)
            inner = scope.inner(name)
            is_look = name == "attention"
            y = look(start, start, self, inner, size, bias) if is_look else self.feed_forward(start, inner)
            x = x + dropped(y, self.dropout, scope)
            x = x if self.norm_first else self.normal(x, norm)
        return scope.with_mask(x, mask)

    def normal(self, x: Tensor, scope: Scope) -> Tensor:
        """A layer norm with scale and offset."""
        size = several(width(x, "transformer"), "transformer")
        return function("layer_norm", x, *scale_and_offset(scope, size), epsilon=self.epsilon)

    def feed_forward(self, x: Tensor, scope: Scope) -> Tensor:
        """Two dense layers at each place."""
        size, bias = width(x, "transformer"), INITIALIZERS.read("zeros")
        hidden = linear(x, self.hidden or 4 * size, scope.inner("hidden"), self.init, bias)
        return linear(activate(hidden, self.activation), size, scope.inner("output"), self.init, bias)
